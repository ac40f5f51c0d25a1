// SPDX-License-Identifier: GPL-2.0
/* The dacc driver's own ioctls. */
#include <unistd.h>

#include "fuzz.h"

static void gem_close(struct ctx *c, struct file *f, uint64_t handle)
{
	struct drm_gem_close a = { .handle = (uint32_t)handle };

	if (handle)
		call(c, f->fd, DRM_IOCTL_GEM_CLOSE, &a);
}

/* Memory is to be refused or modest: the guest's own must not run out. */
static void fix_bo_create(struct ctx *c, void *arg)
{
	struct drm_dacc_bo_create *a = arg;

	if (a->size > 0x400000 && a->size < 1ull << 40)
		a->size &= 0x1fffff;
}

static uint64_t bo_create(struct ctx *c, struct file *f, uint64_t size, uint32_t flags, uint32_t vm)
{
	struct drm_dacc_bo_create a = {
		.size = size,
		.flags = flags,
		.vm = vm,
		.priority = one_in(c, 3) ? below(c, 3) : DRM_DACC_PRIORITY_NORMAL,
	};

	if (call_fixed(c, f->fd, DRM_IOCTL_DACC_BO_CREATE, &a, fix_bo_create))
		return 0;
	gem_close(c, f, keep(c, &f->bo, a.handle));
	return a.handle;
}

static void op_bo_create(struct ctx *c)
{
	static const uint32_t flags[] = { DRM_DACC_BO_SRAM, DRM_DACC_BO_HOST,
					  DRM_DACC_BO_SRAM | DRM_DACC_BO_HOST };
	struct file *f = any_file(c);
	uint64_t size = one_in(c, 8) ? odd_value(c) : 0x10000 << below(c, 6);

	bo_create(c, f, size, flags[below(c, 3)], one_in(c, 4) ? pick(c, &f->vm) : 0);
}

static int bo_map(struct ctx *c, struct file *f, uint64_t handle, size_t len)
{
	struct drm_dacc_bo_mmap a = { .handle = (uint32_t)handle };

	if (call(c, f->fd, DRM_IOCTL_DACC_BO_MMAP, &a))
		return -1;
	return map_add(c, f->fd, a.offset, len);
}

static void op_bo_mmap(struct ctx *c)
{
	struct file *f = any_file(c);

	bo_map(c, f, pick(c, &f->bo), 0x1000 << below(c, 8));
}

static void op_bo_info(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_dacc_bo_info a = { .handle = (uint32_t)pick(c, &f->bo) };

	call(c, f->fd, DRM_IOCTL_DACC_BO_INFO, &a);
}

static void op_gem_close(struct ctx *c)
{
	struct file *f = any_file(c);

	gem_close(c, f, take(c, &f->bo));
}

static void op_query(struct ctx *c)
{
	static const uint32_t sizes[] = { 0, 4, 8, 64, 80, 88, 256, 4096 };
	struct file *f = any_file(c);
	struct drm_dacc_query a = {
		.type = below(c, 4),
		.index = one_in(c, 2) ? below(c, 5) : 0,
		.size = sizes[below(c, ARRAY_SIZE(sizes))],
		.pointer = user_ptr(c, scratch(c, 4096)),
	};

	call(c, f->fd, DRM_IOCTL_DACC_QUERY, &a);
}

static void vm_destroy(struct ctx *c, struct file *f, uint64_t vm)
{
	struct drm_dacc_vm_destroy a = { .vm = (uint32_t)vm };
	uint64_t none = 0;

	if (!vm)
		return;
	/* Its name is not to be lost if something still uses it: that is most of them. */
	if (call(c, f->fd, DRM_IOCTL_DACC_VM_DESTROY, &a) == -EBUSY && a.vm == vm)
		__atomic_compare_exchange_n(&f->vm.slot[0], &none, vm, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
}

static uint64_t vm_create(struct ctx *c, struct file *f)
{
	struct drm_dacc_vm_create a = {};

	if (call(c, f->fd, DRM_IOCTL_DACC_VM_CREATE, &a))
		return 0;
	vm_destroy(c, f, keep(c, &f->vm, a.vm));
	return a.vm;
}

static void op_vm_create(struct ctx *c)
{
	vm_create(c, any_file(c));
}

static void op_vm_destroy(struct ctx *c)
{
	struct file *f = any_file(c);

	vm_destroy(c, f, take(c, &f->vm));
}

static void vm_map(struct ctx *c, struct file *f, uint64_t vm, uint64_t bo, uint64_t addr,
		   uint64_t range, uint32_t flags)
{
	struct drm_dacc_vm_bind a = {
		.vm = (uint32_t)vm,
		.op = DRM_DACC_VM_MAP,
		.handle = (uint32_t)bo,
		.flags = flags,
		.addr = addr,
		.range = range,
		.offset = one_in(c, 8) ? 0x1000 * below(c, 32) : 0,
	};

	call(c, f->fd, DRM_IOCTL_DACC_VM_BIND, &a);
}

static void op_vm_map(struct ctx *c)
{
	struct file *f = any_file(c);

	uint64_t addr = VA_LOOSE + VA_STEP * below(c, VA_LOOSE_GRID);

	vm_map(c, f, pick_first(c, &f->vm), pick(c, &f->bo),
	       one_in(c, 8) ? va(c) & ~0xfffull : addr,
	       one_in(c, 8) ? 0x1000 * (1 + below(c, 64)) : VA_STEP,
	       one_in(c, 6) ? DRM_DACC_VM_READONLY : 0);
}

static void op_vm_unmap(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_dacc_vm_bind a = {
		.vm = (uint32_t)pick_first(c, &f->vm),
		.op = DRM_DACC_VM_UNMAP,
		.addr = one_in(c, 64) ? va(c) : VA_LOOSE + VA_STEP * below(c, VA_LOOSE_GRID),
		.range = one_in(c, 16) ? VA_STEP * (1 + below(c, 4)) : VA_STEP,
	};

	call(c, f->fd, DRM_IOCTL_DACC_VM_BIND, &a);
}

static void queue_destroy(struct ctx *c, struct file *f, uint64_t queue)
{
	struct drm_dacc_queue_destroy a = { .queue = (uint32_t)queue };

	if (queue)
		call(c, f->fd, DRM_IOCTL_DACC_QUEUE_DESTROY, &a);
}

static uint64_t queue_create(struct ctx *c, struct file *f, uint64_t vm, uint32_t class,
			     uint32_t depth)
{
	struct drm_dacc_queue_create a = {
		.vm = (uint32_t)vm,
		.queue_class = class,
		.depth = depth,
	};

	if (call(c, f->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &a))
		return 0;
	queue_destroy(c, f, keep(c, &f->queue, a.queue | (class ? QUEUE_DECODE : 0)));
	return a.queue;
}

static void op_queue_create(struct ctx *c)
{
	struct file *f = any_file(c);

	queue_create(c, f, pick_first(c, &f->vm), one_in(c, 4), 16u << below(c, 3));
}

/* It is dead: a fault of an earlier job, most likely. Another then. */
static void queue_replace(struct ctx *c, struct file *f, uint32_t queue)
{
	int i;

	for (i = 0; i < NUM_SLOTS; i++)
		if ((uint32_t)f->queue.slot[i] == queue)
			f->queue.slot[i] = 0;
	queue_destroy(c, f, queue);
	queue_create(c, f, pick_first(c, &f->vm), one_in(c, 4), 16u << below(c, 3));
}

/* A user queue whose ring and completion area are in a buffer that is mapped here. */
static void userq_create(struct ctx *c, struct file *f, uint64_t vm, uint64_t addr, uint32_t depth)
{
	struct userq *u = &c->s->userq[below(c, NUM_USERQS)];
	struct drm_dacc_queue_create a = {
		.vm = (uint32_t)vm,
		.queue_class = one_in(c, 4) ? DRM_DACC_QUEUE_DECODE : DRM_DACC_QUEUE_TRANSFER,
		.depth = depth,
		.flags = DRM_DACC_QUEUE_USER,
		.ring = addr,
		.completion = addr + 0x10000,
	};
	uint64_t bo;
	int map;

	bo = bo_create(c, f, 0x20000, one_in(c, 3) ? DRM_DACC_BO_SRAM : DRM_DACC_BO_HOST, 0);
	if (!bo)
		return;
	vm_map(c, f, vm, bo, addr, 0x20000, 0);
	map = bo_map(c, f, bo, 0x20000);
	if (call(c, f->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &a))
		return;
	queue_destroy(c, f, keep(c, &f->queue, a.queue | QUEUE_USER));
	u->file = f;
	u->queue = a.queue;
	u->depth = depth;
	u->ring = map;
	u->produced = 0;
	u->doorbell = map_add(c, f->fd, a.doorbell_offset, DACC_DOORBELL_STRIDE);
}

static void op_userq_create(struct ctx *c)
{
	struct file *f = any_file(c);

	userq_create(c, f, pick_first(c, &f->vm),
		     one_in(c, 2) ? va(c) & ~0xfffull : 0x300000000ull + 0x20000 * below(c, 256),
		     16u << below(c, 3));
}

static void op_queue_destroy(struct ctx *c)
{
	struct file *f = any_file(c);

	queue_destroy(c, f, take(c, &f->queue));
}

static void op_queue_info(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_dacc_queue_info a = { .queue = (uint32_t)pick(c, &f->queue) };

	call(c, f->fd, DRM_IOCTL_DACC_QUEUE_INFO, &a);
}

static struct drm_dacc_job random_job(struct ctx *c, bool decode)
{
	struct drm_dacc_job j = {};

	switch (decode ? 9 * below(c, 2) : below(c, 9)) {
	case 0 ... 2:
		break;
	case 3 ... 5:
		j.type = DRM_DACC_JOB_COPY;
		j.copy.src = va(c);
		j.copy.dst = va(c);
		j.copy.len = small_len(c);
		break;
	case 6:
		j.type = DRM_DACC_JOB_COPY_BLOCKS;
		j.blocks.table = va(c) & ~7ull;
		j.blocks.n_blocks = 1 + below(c, 8);
		break;
	case 7:
	case 8:
		j.type = DRM_DACC_JOB_FILL;
		j.fill.dst = va(c) & ~3ull;
		j.fill.len = small_len(c) & ~3ull;
		j.fill.pattern = (uint32_t)rnd(c);
		break;
	default:
		j.type = DRM_DACC_JOB_DECODE;
		j.decode.program = va(c) & ~63ull;
		j.decode.seqs = va(c) & ~63ull;
		j.decode.out = va(c) & ~7ull;
		j.decode.n_insns = 1 + below(c, 8);
		j.decode.batch = 1 + below(c, 2);
		j.decode.max_tokens = 1 + below(c, 4);
		break;
	}
	if (j.type == DRM_DACC_JOB_COPY && one_in(c, 4))
		j.flags = DRM_DACC_JOB_CHECKSUM;
	if (one_in(c, 64))
		j.not_before_ps = odd_value(c);
	if (one_in(c, 4))
		mutate(c, &j, sizeof(j));
	return j;
}

static void random_sync(struct ctx *c, struct file *f, struct drm_dacc_sync *sync)
{
	*sync = (struct drm_dacc_sync){ .handle = (uint32_t)pick(c, &f->syncobj) };
	if (one_in(c, 2))
		sync->point = 1 + below(c, 16);
	if (one_in(c, 4))
		mutate(c, sync, sizeof(*sync));
}

/* To wait for: one that most likely has a fence. */
static void random_in(struct ctx *c, struct file *f, struct drm_dacc_sync *sync)
{
	random_sync(c, f, sync);
	if (sync->point && !one_in(c, 4))
		sync->point = 1 + below(c, 2);
}

struct submit_room {
	struct drm_dacc_job job[8];
	struct drm_dacc_sync in[4], out[4];
};

static void op_submit(struct ctx *c)
{
	struct file *f = any_file(c);
	struct submit_room *room = scratch(c, sizeof(*room));
	uint64_t queue = one_in(c, 8) ? pick(c, &f->queue) : pick_like(c, &f->queue, QUEUE_USER, 0);
	struct drm_dacc_submit a = {
		.queue = (uint32_t)queue,
		.n_jobs = one_in(c, 3) ? 1 + below(c, ARRAY_SIZE(room->job)) : 1,
		.jobs = user_ptr(c, room->job),
		.n_in_syncs = one_in(c, 6) ? 1 + below(c, 2) : 0,
		.n_out_syncs = one_in(c, 3) ? 1 + below(c, 3) : 0,
		.in_syncs = user_ptr(c, room->in),
		.out_syncs = user_ptr(c, room->out),
	};
	unsigned int i;

	for (i = 0; i < a.n_jobs; i++)
		room->job[i] = random_job(c, queue & QUEUE_DECODE);
	for (i = 0; i < a.n_in_syncs; i++)
		random_in(c, f, &room->in[i]);
	for (i = 0; i < a.n_out_syncs; i++)
		random_sync(c, f, &room->out[i]);
	switch (call(c, f->fd, DRM_IOCTL_DACC_SUBMIT, &a)) {
	case 0:
		f->last_seq[a.queue % 64] = a.seq;
		break;
	case -EIO:
		queue_replace(c, f, a.queue);
		break;
	default:
		break;
	}
}

static void fix_wait(struct ctx *c, void *arg)
{
	struct drm_dacc_wait *a = arg;

	if (a->timeout_ns > 0)
		a->timeout_ns = deadline(c);
}

static void op_wait(struct ctx *c)
{
	struct file *f = any_file(c);
	uint32_t queue = (uint32_t)pick_like(c, &f->queue, QUEUE_USER, 0);
	struct drm_dacc_wait a = {
		.n_results = one_in(c, 3) ? below(c, 4) : below(c, 2),
		.timeout_ns = deadline(c),
		.results = user_ptr(c, scratch(c, 4096)),
	};
	int i;

	/* One with jobs. */
	for (i = 0; i < 4 && !f->last_seq[queue % 64]; i++)
		queue = (uint32_t)pick(c, &f->queue);
	a.queue = queue;
	a.seq = one_in(c, 8) ? below(c, 24) : f->last_seq[queue % 64];
	if (a.n_results > a.seq)
		a.n_results = (uint32_t)a.seq;
	call_fixed(c, f->fd, DRM_IOCTL_DACC_WAIT, &a, fix_wait);
}

static struct userq *some_userq(struct ctx *c)
{
	size_t at = below(c, NUM_USERQS), i;

	for (i = 0; i < NUM_USERQS; i++) {
		struct userq *u = &c->s->userq[(at + i) % NUM_USERQS];

		if (u->file)
			return u;
	}
	return NULL;
}

static void userq_sync(struct ctx *c, unsigned long request, bool signal)
{
	struct userq *u = some_userq(c);
	struct file *f = u ? u->file : any_file(c);
	struct drm_dacc_sync *sync = scratch(c, 4 * sizeof(*sync));
	uint64_t produced = u ? u->produced : 0;
	struct drm_dacc_userq_sync a = {
		.queue = u && !one_in(c, 16) ? u->queue : (uint32_t)pick(c, &f->queue),
		.n_syncs = 1 + below(c, 3),
		.syncs = user_ptr(c, sync),
	};
	uint32_t i;

	/* What is in the ring by now, or what is not yet. */
	a.seq = signal ? produced - below(c, 2) : produced + 1 + below(c, 2);
	if (one_in(c, 8))
		a.seq = produced + below(c, 5) - 2;
	for (i = 0; i < a.n_syncs; i++) {
		if (signal)
			random_sync(c, f, &sync[i]);
		else
			random_in(c, f, &sync[i]);
	}
	switch (call(c, f->fd, request, &a)) {
	case -EIO:
	case -ENOENT:
	case -EINVAL:
		/* It is out of service, or gone. */
		if (u && a.queue == u->queue && one_in(c, 4)) {
			u->file = NULL;
			userq_create(c, f, pick_first(c, &f->vm),
				     0x300000000ull + 0x20000 * below(c, 256), 32);
		}
		break;
	default:
		break;
	}
}

static void op_userq_signal(struct ctx *c)
{
	userq_sync(c, DRM_IOCTL_DACC_USERQ_SIGNAL, true);
}

static void op_userq_wait(struct ctx *c)
{
	userq_sync(c, DRM_IOCTL_DACC_USERQ_WAIT, false);
}

static void pool_destroy(struct ctx *c, struct file *f, uint64_t pool)
{
	struct drm_dacc_pool_destroy a = { .pool = (uint32_t)pool };

	if (pool)
		call(c, f->fd, DRM_IOCTL_DACC_POOL_DESTROY, &a);
}

static uint64_t pool_create(struct ctx *c, struct file *f, uint64_t vm, uint64_t addr,
			    uint32_t n_pages)
{
	struct drm_dacc_pool_create a = {
		.vm = (uint32_t)vm,
		.addr = addr,
		.page_size = 64u << below(c, 7),
		.n_pages = n_pages,
		.flags = one_in(c, 32),
	};

	if (call(c, f->fd, DRM_IOCTL_DACC_POOL_CREATE, &a))
		return 0;
	pool_destroy(c, f, keep(c, &f->pool, a.pool));
	return a.pool;
}

static void op_pool_create(struct ctx *c)
{
	struct file *f = any_file(c);

	pool_create(c, f, pick_first(c, &f->vm), va(c), 1 + below(c, 32));
}

static void op_pool_destroy(struct ctx *c)
{
	struct file *f = any_file(c);

	pool_destroy(c, f, take(c, &f->pool));
}

static void pool_alloc(struct ctx *c, struct file *f, uint64_t pool)
{
	uint64_t *pages = scratch(c, 16 * sizeof(*pages));
	struct drm_dacc_pool_pages a = {
		.pool = (uint32_t)pool,
		.n_pages = 1 + below(c, 4),
		.pages = user_ptr(c, pages),
	};
	uint32_t i;

	if (call(c, f->fd, DRM_IOCTL_DACC_POOL_ALLOC, &a))
		return;
	for (i = 0; i < a.n_pages && i < 4; i++)
		keep(c, &f->page, pages[i]);
}

static void op_pool_alloc(struct ctx *c)
{
	struct file *f = any_file(c);

	pool_alloc(c, f, pick_first(c, &f->pool));
}

static void op_pool_free(struct ctx *c)
{
	struct file *f = any_file(c);
	uint64_t *pages = scratch(c, 16 * sizeof(*pages));
	struct drm_dacc_pool_pages a = {
		.pool = (uint32_t)pick_first(c, &f->pool),
		.n_pages = 1 + below(c, 3),
		.pages = user_ptr(c, pages),
	};
	uint32_t i;

	for (i = 0; i < a.n_pages; i++)
		pages[i] = take(c, &f->page);
	call(c, f->fd, DRM_IOCTL_DACC_POOL_FREE, &a);
}

static void list_destroy(struct ctx *c, struct file *f, uint64_t list)
{
	struct drm_dacc_list_destroy a = { .list = (uint32_t)list };

	if (list)
		call(c, f->fd, DRM_IOCTL_DACC_LIST_DESTROY, &a);
}

struct list_room {
	uint64_t pages[8];
	uint32_t index[8];
	uint32_t layer_end[8];
	struct dacc_block block[16];
};

static void list_sg(struct ctx *c, struct drm_dacc_list_create *a, struct list_room *room)
{
	uint32_t i, end = 0;

	for (i = 0; i < ARRAY_SIZE(room->block); i++) {
		room->block[i].src = va(c);
		room->block[i].dst = va(c);
		room->block[i].len = small_len(c);
	}
	for (i = 0; i < a->n_layers && i < ARRAY_SIZE(room->layer_end); i++)
		room->layer_end[i] = end += 1 + below(c, 2);
	mutate(c, room->layer_end, sizeof(room->layer_end));
	a->sg.blocks = user_ptr(c, room->block);
	a->sg.layer_end = user_ptr(c, room->layer_end);
	a->sg.n_blocks = end;
}

static void list_create(struct ctx *c, struct file *f, uint64_t vm, uint64_t pool)
{
	struct list_room *room = scratch(c, sizeof(*room));
	struct drm_dacc_list_create a = {
		.vm = (uint32_t)vm,
		.pool = (uint32_t)pool,
		.form = below(c, 3),
		.n_layers = 1 + below(c, 4),
	};
	uint32_t i;

	if (pool) {
		a.n_pages = 1 + below(c, 4);
		a.pages = user_ptr(c, room->pages);
	}
	for (i = 0; i < ARRAY_SIZE(room->pages); i++) {
		room->pages[i] = pick(c, &f->page);
		room->index[i] = below(c, 8);
	}
	if (a.form == DRM_DACC_LIST_SG) {
		list_sg(c, &a, room);
	} else if (a.form == DRM_DACC_LIST_STRIDED) {
		a.strided.src = va(c);
		a.strided.dst = va(c);
		a.strided.src_layer = small_len(c);
		a.strided.dst_layer = small_len(c);
		a.strided.src_stride = small_len(c);
		a.strided.dst_stride = small_len(c);
		a.strided.len = small_len(c);
		a.strided.n_blocks = 1 + below(c, 16);
	} else {
		a.indexed.src = va(c);
		a.indexed.src_layer = small_len(c);
		a.indexed.src_stride = small_len(c);
		a.indexed.dst_layer = 64 * below(c, 4);
		a.indexed.dst_offset = 0;
		a.indexed.src_index = user_ptr(c, room->index);
		a.indexed.len = 4 * (1 + below(c, 16));
	}
	if (!call(c, f->fd, DRM_IOCTL_DACC_LIST_CREATE, &a))
		list_destroy(c, f,
			     keep(c, &f->list, a.list | (uint64_t)a.n_layers << LIST_LAYERS_SHIFT));
}

static void op_list_create(struct ctx *c)
{
	struct file *f = any_file(c);

	list_create(c, f, pick_first(c, &f->vm), one_in(c, 2) ? pick_first(c, &f->pool) : 0);
}

static void op_list_destroy(struct ctx *c)
{
	struct file *f = any_file(c);

	list_destroy(c, f, take(c, &f->list));
}

static void op_transfer(struct ctx *c)
{
	static const uint32_t flags[] = {
		0,
		DRM_DACC_TRANSFER_CHECKSUM,
		DRM_DACC_TRANSFER_EVENT,
		DRM_DACC_TRANSFER_CHECKSUM | DRM_DACC_TRANSFER_VERIFY,
	};
	struct file *f = any_file(c);
	uint32_t *crcs = scratch(c, 16 * sizeof(*crcs));
	uint64_t list = pick(c, &f->list), layers = list >> LIST_LAYERS_SHIFT & 0xff;
	struct drm_dacc_transfer a = {
		.queue = (uint32_t)pick_like(c, &f->queue, QUEUE_USER | QUEUE_DECODE, 0),
		.list = (uint32_t)list,
		.first_layer = layers && one_in(c, 4) ? below(c, layers) : 0,
		.n_layers = 1,
		.flags = one_in(c, 8) ? below(c, 16) : flags[below(c, ARRAY_SIZE(flags))],
		.cookie = rnd(c),
		.deadline_ns = one_in(c, 6) ? deadline(c) : 0,
	};

	if (layers > a.first_layer)
		a.n_layers += below(c, layers - a.first_layer);
	if (a.flags & DRM_DACC_TRANSFER_VERIFY)
		a.crcs = user_ptr(c, crcs);
	if (one_in(c, 4)) {
		random_in(c, f, &a.in);
		a.in_step = a.in.point ? below(c, 2) : 0;
	}
	if (one_in(c, 3)) {
		random_sync(c, f, &a.out);
		if (!one_in(c, 16))
			a.out.point = 1 + below(c, 16);
	}
	switch (call(c, f->fd, DRM_IOCTL_DACC_TRANSFER, &a)) {
	case 0:
		keep(c, &f->transfer, a.id);
		break;
	case -EIO:
		queue_replace(c, f, a.queue);
		break;
	default:
		break;
	}
}

static void op_transfer_cancel(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_dacc_transfer_cancel a = { .id = pick(c, &f->transfer) };

	call(c, f->fd, DRM_IOCTL_DACC_TRANSFER_CANCEL, &a);
}

static void fix_transfer_wait(struct ctx *c, void *arg)
{
	struct drm_dacc_transfer_wait *a = arg;

	if (a->timeout_ns > 0)
		a->timeout_ns = deadline(c);
}

static void op_transfer_wait(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_dacc_transfer_wait a = {
		.id = one_in(c, 2) ? take(c, &f->transfer) : pick(c, &f->transfer),
		.timeout_ns = deadline(c),
	};

	call_fixed(c, f->fd, DRM_IOCTL_DACC_TRANSFER_WAIT, &a, fix_transfer_wait);
}

/* Any of the numbers that are the driver's, known or not, with any content. */
static void op_any(struct ctx *c)
{
	struct file *f = any_file(c);
	uint64_t *room = scratch(c, 256);
	size_t i, size = one_in(c, 4) ? below(c, 256) : 8 * below(c, 20);

	for (i = 0; i < 32; i++)
		room[i] = one_in(c, 4) ? odd_value(c) : below(c, 8);
	/* Nothing that may sleep for long. */
	call(c, f->fd,
	     _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE,
		  DRM_COMMAND_BASE + (one_in(c, 4) ? below(c, 0x60) : below(c, 0x0b)), size),
	     room);
}

void dacc_setup(struct ctx *c, struct file *f)
{
	uint64_t vm = vm_create(c, f), pool;
	uint64_t host = bo_create(c, f, 0x100000, DRM_DACC_BO_HOST, 0);
	uint64_t sram = bo_create(c, f, 0x100000, DRM_DACC_BO_SRAM, 0);
	int i;

	vm_map(c, f, vm, host, VA_BASE, 0x100000, 0);
	vm_map(c, f, vm, sram, VA_BASE + 0x100000, 0x100000, 0);
	bo_map(c, f, host, 0x100000);
	drm_setup(c, f);
	queue_create(c, f, vm, DRM_DACC_QUEUE_TRANSFER, 32);
	userq_create(c, f, vm, 0x300000000ull, 32);
	pool = pool_create(c, f, vm, VA_BASE + 0x180000, 64);
	pool_alloc(c, f, pool);
	pool_alloc(c, f, pool);
	for (i = 0; i < 4; i++)
		list_create(c, f, vm, i & 1 ? pool : 0);
	if (f == &c->s->file[0])
		queue_create(c, f, vm, DRM_DACC_QUEUE_DECODE, 16);
}

const struct op dacc_ops[] = { { "query", 20, op_query },
			       { "bo_create", 12, op_bo_create },
			       { "bo_mmap", 10, op_bo_mmap },
			       { "bo_info", 20, op_bo_info },
			       { "gem_close", 10, op_gem_close },
			       { "vm_create", 3, op_vm_create },
			       { "vm_destroy", 3, op_vm_destroy },
			       { "vm_map", 24, op_vm_map },
			       { "vm_unmap", 12, op_vm_unmap },
			       { "queue_create", 8, op_queue_create },
			       { "userq_create", 2, op_userq_create },
			       { "queue_destroy", 6, op_queue_destroy },
			       { "queue_info", 20, op_queue_info },
			       { "submit", 60, op_submit },
			       { "wait", 30, op_wait },
			       { "userq_signal", 20, op_userq_signal },
			       { "userq_wait", 16, op_userq_wait },
			       { "pool_create", 6, op_pool_create },
			       { "pool_destroy", 4, op_pool_destroy },
			       { "pool_alloc", 24, op_pool_alloc },
			       { "pool_free", 20, op_pool_free },
			       { "list_create", 24, op_list_create },
			       { "list_destroy", 12, op_list_destroy },
			       { "transfer", 40, op_transfer },
			       { "transfer_cancel", 20, op_transfer_cancel },
			       { "transfer_wait", 24, op_transfer_wait },
			       { "any", 10, op_any },
			       {} };
