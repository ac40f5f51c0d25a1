// SPDX-License-Identifier: GPL-2.0
/*
 * Rules of the interface that hold for every ioctl: nothing is written past the
 * size that the caller gave, shorter and longer structs work, pads and unknown
 * flags are refused, outputs do not depend on what was there before, and nothing
 * the kernel did not mean to tell comes out.
 */
#include <stddef.h>

#include "dacc_util.h"

#define HOST_VA 0x100000000ull
#define SRAM_VA 0x200000000ull
#define ROOM    512
#define GUARD   0xa5

struct env {
	int fd;
	uint32_t vm, host, sram, queue, sync, pool, list;
	uint64_t pages[8];
	struct drm_dacc_job job;
	struct drm_dacc_sync syncs;
	struct dacc_block block;
	uint32_t layer_end, src_index[8];
	struct drm_dacc_device_info info;
	struct drm_dacc_result results[4];
	__u64 seq;
};

/* --- a valid argument for each ioctl; false if this driver does not know it --- */

static bool fill_query(struct env *e, void *arg)
{
	*(struct drm_dacc_query *)arg = (struct drm_dacc_query){
		.type = DRM_DACC_QUERY_DEVICE,
		.size = sizeof(e->info),
		.pointer = (uintptr_t)&e->info,
	};
	return true;
}

static bool fill_bo_create(struct env *e, void *arg)
{
	*(struct drm_dacc_bo_create *)arg = (struct drm_dacc_bo_create){
		.size = 1,
		.flags = DRM_DACC_BO_HOST,
	};
	return true;
}

static bool fill_bo_mmap(struct env *e, void *arg)
{
	*(struct drm_dacc_bo_mmap *)arg = (struct drm_dacc_bo_mmap){ .handle = e->host };
	return true;
}

static bool fill_bo_info(struct env *e, void *arg)
{
	*(struct drm_dacc_bo_info *)arg = (struct drm_dacc_bo_info){ .handle = e->host };
	return true;
}

static bool fill_vm_create(struct env *e, void *arg)
{
	*(struct drm_dacc_vm_create *)arg = (struct drm_dacc_vm_create){};
	return true;
}

static bool fill_vm_destroy(struct env *e, void *arg)
{
	struct drm_dacc_vm_destroy *a = arg;

	*a = (struct drm_dacc_vm_destroy){};
	return !vm_create(e->fd, &a->vm);
}

static bool fill_vm_bind(struct env *e, void *arg)
{
	static unsigned int n;

	*(struct drm_dacc_vm_bind *)arg = (struct drm_dacc_vm_bind){
		.vm = e->vm,
		.op = DRM_DACC_VM_MAP,
		.handle = e->host,
		.addr = 0x400000000ull + SZ_4K * n++,
		.range = SZ_4K,
	};
	return true;
}

static bool fill_queue_create(struct env *e, void *arg)
{
	*(struct drm_dacc_queue_create *)arg = (struct drm_dacc_queue_create){
		.vm = e->vm,
		.queue_class = DRM_DACC_QUEUE_TRANSFER,
		.depth = 16,
	};
	return true;
}

static bool fill_queue_destroy(struct env *e, void *arg)
{
	struct drm_dacc_queue_destroy *a = arg;

	*a = (struct drm_dacc_queue_destroy){};
	return !queue_create(e->fd, e->vm, DRM_DACC_QUEUE_TRANSFER, 16, &a->queue);
}

static bool fill_queue_info(struct env *e, void *arg)
{
	*(struct drm_dacc_queue_info *)arg = (struct drm_dacc_queue_info){ .queue = e->queue };
	return true;
}

static bool fill_submit(struct env *e, void *arg)
{
	e->job = job_nop();
	e->syncs = (struct drm_dacc_sync){ .handle = e->sync };
	*(struct drm_dacc_submit *)arg = (struct drm_dacc_submit){
		.queue = e->queue,
		.n_jobs = 1,
		.jobs = (uintptr_t)&e->job,
		.out_syncs = (uintptr_t)&e->syncs,
		.n_out_syncs = 1,
	};
	return true;
}

static bool fill_wait(struct env *e, void *arg)
{
	*(struct drm_dacc_wait *)arg = (struct drm_dacc_wait){
		.queue = e->queue,
		.n_results = 1,
		.seq = e->seq,
		.timeout_ns = now_ns() + 30 * NSEC,
		.results = (uintptr_t)e->results,
	};
	return true;
}

static bool fill_pool_create(struct env *e, void *arg)
{
	static unsigned int n;

	*(struct drm_dacc_pool_create *)arg = (struct drm_dacc_pool_create){
		.vm = e->vm,
		.addr = SRAM_VA + SZ_64K + 1024 * (n++ % 32),
		.page_size = 64,
		.n_pages = 16,
	};
	return e->pool;
}

static bool fill_pool_destroy(struct env *e, void *arg)
{
	struct drm_dacc_pool_create c;

	if (!fill_pool_create(e, &c) || xioctl(e->fd, DRM_IOCTL_DACC_POOL_CREATE, &c))
		return false;
	*(struct drm_dacc_pool_destroy *)arg = (struct drm_dacc_pool_destroy){ .pool = c.pool };
	return true;
}

static bool fill_pool_alloc(struct env *e, void *arg)
{
	*(struct drm_dacc_pool_pages *)arg = (struct drm_dacc_pool_pages){
		.pool = e->pool,
		.n_pages = 1,
		.pages = (uintptr_t)&e->pages[4],
	};
	return e->pool;
}

static bool fill_pool_free(struct env *e, void *arg)
{
	return fill_pool_alloc(e, arg) && !xioctl(e->fd, DRM_IOCTL_DACC_POOL_ALLOC, arg);
}

static bool fill_list_create(struct env *e, void *arg)
{
	struct drm_dacc_list_create *a = arg;

	e->block = (struct dacc_block){ HOST_VA, SRAM_VA, 64 };
	e->layer_end = 1;
	*a = (struct drm_dacc_list_create){
		.vm = e->vm,
		.form = DRM_DACC_LIST_SG,
		.n_layers = 1,
	};
	a->sg.blocks = (uintptr_t)&e->block;
	a->sg.layer_end = (uintptr_t)&e->layer_end;
	a->sg.n_blocks = 1;
	return e->list;
}

static bool fill_list_strided(struct env *e, void *arg)
{
	struct drm_dacc_list_create *a = arg;

	*a = (struct drm_dacc_list_create){
		.vm = e->vm,
		.form = DRM_DACC_LIST_STRIDED,
		.n_layers = 1,
	};
	a->strided.src = HOST_VA;
	a->strided.dst = SRAM_VA;
	a->strided.src_stride = 64;
	a->strided.dst_stride = 64;
	a->strided.len = 64;
	a->strided.n_blocks = 2;
	return e->list;
}

static bool fill_list_indexed(struct env *e, void *arg)
{
	struct drm_dacc_list_create *a = arg;

	*a = (struct drm_dacc_list_create){
		.vm = e->vm,
		.pool = e->pool,
		.form = DRM_DACC_LIST_INDEXED,
		.n_layers = 1,
		.pages = (uintptr_t)e->pages,
		.n_pages = 2,
	};
	a->indexed.src = HOST_VA;
	a->indexed.src_stride = 64;
	a->indexed.src_index = (uintptr_t)e->src_index;
	a->indexed.len = 64;
	return e->list;
}

static bool fill_list_destroy(struct env *e, void *arg)
{
	struct drm_dacc_list_create c;

	if (!fill_list_create(e, &c) || xioctl(e->fd, DRM_IOCTL_DACC_LIST_CREATE, &c))
		return false;
	*(struct drm_dacc_list_destroy *)arg = (struct drm_dacc_list_destroy){ .list = c.list };
	return true;
}

static bool fill_transfer(struct env *e, void *arg)
{
	*(struct drm_dacc_transfer *)arg = (struct drm_dacc_transfer){
		.queue = e->queue,
		.list = e->list,
		.n_layers = 1,
	};
	return e->list;
}

static bool fill_transfer_cancel(struct env *e, void *arg)
{
	struct drm_dacc_transfer t;

	if (!fill_transfer(e, &t) || xioctl(e->fd, DRM_IOCTL_DACC_TRANSFER, &t))
		return false;
	*(struct drm_dacc_transfer_cancel *)arg = (struct drm_dacc_transfer_cancel){ .id = t.id };
	return true;
}

static bool fill_transfer_wait(struct env *e, void *arg)
{
	struct drm_dacc_transfer_cancel c;

	if (!fill_transfer_cancel(e, &c))
		return false;
	*(struct drm_dacc_transfer_wait *)arg = (struct drm_dacc_transfer_wait){
		.id = c.id,
		.timeout_ns = now_ns() + 30 * NSEC,
	};
	return true;
}

#define F(type, field) \
	{ \
		offsetof(struct drm_dacc_##type, field), \
			sizeof((*(struct drm_dacc_##type *)0).field) \
	}

/* Bytes of a struct: what must be zero, or what the kernel alone writes. */
struct span {
	size_t at, size;
};

struct call {
	const char *name;
	unsigned long request;
	bool (*fill)(struct env *e, void *arg);
	struct span zero[4]; /* pads */
	struct span flags;   /* bit 31 is none */
	struct span out[6];
	struct span id[2]; /* of @out: may differ from call to call */
};

static const struct call calls[] = {
	{ "QUERY", DRM_IOCTL_DACC_QUERY, fill_query, .zero = { F(query, pad) } },
	{ "BO_CREATE", DRM_IOCTL_DACC_BO_CREATE, fill_bo_create, .flags = F(bo_create, flags),
	  .out = { F(bo_create, handle), F(bo_create, available) },
	  .id = { F(bo_create, handle) } },
	{ "BO_MMAP", DRM_IOCTL_DACC_BO_MMAP, fill_bo_mmap, .zero = { F(bo_mmap, pad) },
	  .out = { F(bo_mmap, offset) } },
	{ "BO_INFO", DRM_IOCTL_DACC_BO_INFO, fill_bo_info,
	  .out = { F(bo_info, flags), F(bo_info, size) } },
	{ "VM_CREATE", DRM_IOCTL_DACC_VM_CREATE, fill_vm_create, .flags = F(vm_create, flags),
	  .out = { F(vm_create, vm) }, .id = { F(vm_create, vm) } },
	{ "VM_DESTROY", DRM_IOCTL_DACC_VM_DESTROY, fill_vm_destroy,
	  .zero = { F(vm_destroy, pad) } },
	{ "VM_BIND", DRM_IOCTL_DACC_VM_BIND, fill_vm_bind, .flags = F(vm_bind, flags) },
	{ "QUEUE_CREATE", DRM_IOCTL_DACC_QUEUE_CREATE, fill_queue_create,
	  .zero = { F(queue_create, pad), F(queue_create, ring), F(queue_create, completion) },
	  .flags = F(queue_create, flags), .out = { F(queue_create, queue) },
	  .id = { F(queue_create, queue) } },
	{ "QUEUE_DESTROY", DRM_IOCTL_DACC_QUEUE_DESTROY, fill_queue_destroy,
	  .zero = { F(queue_destroy, pad) } },
	{ "QUEUE_INFO", DRM_IOCTL_DACC_QUEUE_INFO, fill_queue_info,
	  .out = { F(queue_info, state), F(queue_info, submitted), F(queue_info, completed),
		   F(queue_info, fault), F(queue_info, fault_index), F(queue_info, fault_addr) },
	  /* Earlier calls' jobs end meanwhile. */
	  .id = { F(queue_info, submitted), F(queue_info, completed) } },
	{ "SUBMIT", DRM_IOCTL_DACC_SUBMIT, fill_submit, .out = { F(submit, seq) },
	  .id = { F(submit, seq) } },
	{ "WAIT", DRM_IOCTL_DACC_WAIT, fill_wait, .flags = {} },
	{ "POOL_CREATE", DRM_IOCTL_DACC_POOL_CREATE, fill_pool_create,
	  .zero = { F(pool_create, pad) }, .flags = F(pool_create, flags),
	  .out = { F(pool_create, pool) }, .id = { F(pool_create, pool) } },
	{ "POOL_DESTROY", DRM_IOCTL_DACC_POOL_DESTROY, fill_pool_destroy,
	  .zero = { F(pool_destroy, pad) } },
	{ "POOL_ALLOC", DRM_IOCTL_DACC_POOL_ALLOC, fill_pool_alloc,
	  .zero = { F(pool_pages, pad) } },
	{ "POOL_FREE", DRM_IOCTL_DACC_POOL_FREE, fill_pool_free, .zero = { F(pool_pages, pad) },
	  .out = { F(pool_pages, index) } },
	{ "LIST_CREATE sg", DRM_IOCTL_DACC_LIST_CREATE, fill_list_create,
	  .zero = { F(list_create, pad), F(list_create, sg.pad), F(list_create, raw[3]),
		    F(list_create, raw[7]) },
	  .out = { F(list_create, list) }, .id = { F(list_create, list) } },
	{ "LIST_CREATE strided", DRM_IOCTL_DACC_LIST_CREATE, fill_list_strided,
	  .zero = { F(list_create, pad), F(list_create, strided.pad) },
	  .out = { F(list_create, list) }, .id = { F(list_create, list) } },
	{ "LIST_CREATE indexed", DRM_IOCTL_DACC_LIST_CREATE, fill_list_indexed,
	  .zero = { F(list_create, pad), F(list_create, indexed.pad), F(list_create, raw[7]) },
	  .out = { F(list_create, list) }, .id = { F(list_create, list) } },
	{ "LIST_DESTROY", DRM_IOCTL_DACC_LIST_DESTROY, fill_list_destroy,
	  .zero = { F(list_destroy, pad) } },
	{ "TRANSFER", DRM_IOCTL_DACC_TRANSFER, fill_transfer,
	  .zero = { F(transfer, pad), F(transfer, in.pad), F(transfer, out.pad) },
	  .flags = F(transfer, flags), .out = { F(transfer, id) }, .id = { F(transfer, id) } },
	{ "TRANSFER_CANCEL", DRM_IOCTL_DACC_TRANSFER_CANCEL, fill_transfer_cancel, .flags = {} },
	{ "TRANSFER_WAIT", DRM_IOCTL_DACC_TRANSFER_WAIT, fill_transfer_wait,
	  .out = { F(transfer_wait, result) }, .id = { F(transfer_wait, result) } },
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

FIXTURE(dacc_abi)
{
	struct env e;
};

FIXTURE_SETUP(dacc_abi)
{
	struct env *e = &self->e;
	struct drm_dacc_job nop = job_nop();
	struct drm_dacc_pool_create pool = {
		.addr = SRAM_VA,
		.page_size = 64,
		.n_pages = 64,
	};
	struct drm_dacc_list_create list;
	struct drm_dacc_pool_pages pages = { .n_pages = 4 };

	memset(e, 0, sizeof(*e));
	e->fd = open_node();
	ASSERT_GE(e->fd, 0);
	ASSERT_EQ(vm_create(e->fd, &e->vm), 0);
	ASSERT_EQ(bo_create(e->fd, SZ_64K, DRM_DACC_BO_HOST, &e->host), 0);
	ASSERT_EQ(bo_create(e->fd, 4 * SZ_64K, DRM_DACC_BO_SRAM, &e->sram), 0);
	ASSERT_EQ(vm_map(e->fd, e->vm, e->host, 0, HOST_VA, SZ_64K, 0), 0);
	ASSERT_EQ(vm_map(e->fd, e->vm, e->sram, 0, SRAM_VA, 4 * SZ_64K, 0), 0);
	ASSERT_EQ(queue_create(e->fd, e->vm, DRM_DACC_QUEUE_TRANSFER, 1024, &e->queue), 0);
	ASSERT_EQ(drmSyncobjCreate(e->fd, 0, &e->sync), 0);
	ASSERT_EQ(submit(e->fd, e->queue, &nop, 1, &e->seq), 0);
	pool.vm = e->vm;
	if (xioctl(e->fd, DRM_IOCTL_DACC_POOL_CREATE, &pool))
		return;
	e->pool = pool.pool;
	pages.pool = e->pool;
	pages.pages = (uintptr_t)e->pages;
	ASSERT_EQ(xioctl(e->fd, DRM_IOCTL_DACC_POOL_ALLOC, &pages), 0);
	e->list = 1; /* lets the next one through */
	fill_list_create(e, &list);
	ASSERT_EQ(xioctl(e->fd, DRM_IOCTL_DACC_LIST_CREATE, &list), 0);
	e->list = list.list;
}

FIXTURE_TEARDOWN(dacc_abi)
{
	close(self->e.fd);
}

/* What a successful call made, lest a test run into a limit. */
static void undo(struct env *e, const struct call *c, const void *arg)
{
	struct drm_gem_close gem = {};
	struct drm_dacc_pool_destroy pool = {};
	struct drm_dacc_list_destroy list = {};

	switch (_IOC_NR(c->request) - DRM_COMMAND_BASE) {
	case DRM_DACC_BO_CREATE:
		gem.handle = ((const struct drm_dacc_bo_create *)arg)->handle;
		xioctl(e->fd, DRM_IOCTL_GEM_CLOSE, &gem);
		break;
	case DRM_DACC_VM_CREATE:
		vm_destroy(e->fd, ((const struct drm_dacc_vm_create *)arg)->vm);
		break;
	case DRM_DACC_QUEUE_CREATE:
		queue_destroy(e->fd, ((const struct drm_dacc_queue_create *)arg)->queue);
		break;
	case DRM_DACC_POOL_CREATE:
		pool.pool = ((const struct drm_dacc_pool_create *)arg)->pool;
		xioctl(e->fd, DRM_IOCTL_DACC_POOL_DESTROY, &pool);
		break;
	case DRM_DACC_LIST_CREATE:
		list.list = ((const struct drm_dacc_list_create *)arg)->list;
		xioctl(e->fd, DRM_IOCTL_DACC_LIST_DESTROY, &list);
		break;
	default:
		break;
	}
}

static unsigned long sized(unsigned long request, size_t size)
{
	return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), size);
}

TEST_F(dacc_abi, valid_arguments_are_valid)
{
	uint8_t arg[ROOM];

	for (size_t i = 0; i < N_CALLS; i++) {
		int ret;

		if (!calls[i].fill(&self->e, arg)) {
			TH_LOG("%s: this driver does not know it", calls[i].name);
			continue;
		}
		ret = xioctl(self->e.fd, calls[i].request, arg);
		EXPECT_EQ(ret, 0) TH_LOG("%s: %d", calls[i].name, ret);
		undo(&self->e, &calls[i], arg);
	}
}

/* Whatever the size, not a byte behind it is written, and shorter ones are as if
 * the rest were zero.
 */
TEST_F(dacc_abi, nothing_is_written_past_the_size)
{
	for (size_t i = 0; i < N_CALLS; i++) {
		size_t full = _IOC_SIZE(calls[i].request);

		for (size_t size = 0; size <= full + 16; size += 4) {
			uint8_t arg[ROOM];
			int ret;

			memset(arg, 0, sizeof(arg));
			if (!calls[i].fill(&self->e, arg))
				break;
			memset(arg + size, GUARD, sizeof(arg) - size);
			ret = xioctl(self->e.fd, sized(calls[i].request, size), arg);
			for (size_t k = size; k < sizeof(arg); k++) {
				ASSERT_EQ(arg[k], GUARD)
				{
					TH_LOG("%s, size %zu of %zu: byte %zu written",
					       calls[i].name, size, full, k);
				}
			}
			if (!ret && size >= full)
				undo(&self->e, &calls[i], arg);
		}
	}
}

TEST_F(dacc_abi, longer_structs_work)
{
	for (size_t i = 0; i < N_CALLS; i++) {
		size_t full = _IOC_SIZE(calls[i].request);

		for (size_t more = 8; more <= 64; more += 8) {
			uint8_t arg[ROOM] = {};
			int ret;

			if (!calls[i].fill(&self->e, arg))
				break;
			ret = xioctl(self->e.fd, sized(calls[i].request, full + more), arg);
			EXPECT_EQ(ret, 0)
			TH_LOG("%s, %zu bytes more: %d", calls[i].name, more, ret);
			/* What the driver does not know is not touched. */
			for (size_t k = full; k < full + more; k++)
				EXPECT_EQ(arg[k], 0);
			undo(&self->e, &calls[i], arg);
		}
	}
}

/* No byte of the argument's page is needed beyond it. */
TEST_F(dacc_abi, end_of_memory)
{
	char *page =
		mmap(NULL, 2 * SZ_4K, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(page, MAP_FAILED);
	ASSERT_EQ(munmap(page + SZ_4K, SZ_4K), 0);
	for (size_t i = 0; i < N_CALLS; i++) {
		char *arg = page + SZ_4K - _IOC_SIZE(calls[i].request);
		int ret;

		if (!calls[i].fill(&self->e, arg))
			continue;
		ret = xioctl(self->e.fd, calls[i].request, arg);
		EXPECT_EQ(ret, 0) TH_LOG("%s: %d", calls[i].name, ret);
		undo(&self->e, &calls[i], arg);
		/* And one byte short of it is no memory. */
		ret = xioctl(self->e.fd, calls[i].request, arg + 1);
		EXPECT_EQ(ret, -EFAULT) TH_LOG("%s: %d", calls[i].name, ret);
	}
	munmap(page, SZ_4K);
}

TEST_F(dacc_abi, pads_are_checked)
{
	int checked = 0;

	for (size_t i = 0; i < N_CALLS; i++) {
		for (const struct span *z = calls[i].zero; z < calls[i].zero + 4 && z->size; z++) {
			for (size_t byte = 0; byte < z->size; byte++) {
				uint8_t arg[ROOM] = {};
				int ret;

				if (!calls[i].fill(&self->e, arg))
					break;
				arg[z->at + byte] = 0x80;
				ret = xioctl(self->e.fd, calls[i].request, arg);
				EXPECT_EQ(ret, -EINVAL)
				{
					TH_LOG("%s, byte %zu: %d", calls[i].name, z->at + byte,
					       ret);
				}
				checked++;
				/* What it was about is still there. */
				arg[z->at + byte] = 0;
				ret = xioctl(self->e.fd, calls[i].request, arg);
				EXPECT_EQ(ret, 0) TH_LOG("%s: %d", calls[i].name, ret);
				undo(&self->e, &calls[i], arg);
			}
		}
	}
	EXPECT_GE(checked, 24);
}

TEST_F(dacc_abi, unknown_flags_are_refused)
{
	for (size_t i = 0; i < N_CALLS; i++) {
		const struct span *f = &calls[i].flags;

		for (int bit = 16; f->size && bit < 32; bit++) {
			uint8_t arg[ROOM] = {};
			uint32_t flags;
			int ret;

			if (!calls[i].fill(&self->e, arg))
				break;
			memcpy(&flags, arg + f->at, sizeof(flags));
			flags |= 1u << bit;
			memcpy(arg + f->at, &flags, sizeof(flags));
			ret = xioctl(self->e.fd, calls[i].request, arg);
			EXPECT_EQ(ret, -EINVAL) TH_LOG("%s, flag %d: %d", calls[i].name, bit, ret);
		}
	}
}

/* The same call with other garbage where the answer goes gives the same answer. */
TEST_F(dacc_abi, outputs_do_not_depend_on_what_was_there)
{
	for (size_t i = 0; i < N_CALLS; i++) {
		uint8_t arg[2][ROOM] = {};
		const struct span *o;
		int ret, k;

		if (!calls[i].out[0].size)
			continue;
		for (k = 0; k < 2; k++) {
			if (!calls[i].fill(&self->e, arg[k]))
				break;
			for (o = calls[i].out; o < calls[i].out + 6 && o->size; o++)
				memset(arg[k] + o->at, k ? 0x5a : 0xff, o->size);
			ret = xioctl(self->e.fd, calls[i].request, arg[k]);
			EXPECT_EQ(ret, 0) TH_LOG("%s: %d", calls[i].name, ret);
			undo(&self->e, &calls[i], arg[k]);
			/* Ids are chosen by the kernel, but chosen they are. */
			for (o = calls[i].id; o < calls[i].id + 2 && o->size; o++) {
				uint8_t garbage[ROOM];

				memset(garbage, k ? 0x5a : 0xff, o->size);
				EXPECT_NE(memcmp(arg[k] + o->at, garbage, o->size), 0)
				{
					TH_LOG("%s: no answer at byte %zu", calls[i].name, o->at);
				}
				memset(arg[k] + o->at, 0, o->size);
			}
		}
		if (k < 2)
			continue;
		for (o = calls[i].out; o < calls[i].out + 6 && o->size; o++) {
			EXPECT_EQ(memcmp(arg[0] + o->at, arg[1] + o->at, o->size), 0)
			{
				TH_LOG("%s: byte %zu is not written", calls[i].name, o->at);
			}
		}
	}
}

/* An answer by pointer is as long as the caller said, and zero behind what is known. */
TEST_F(dacc_abi, query_answers)
{
	for (uint32_t type = 0; type <= DRM_DACC_QUERY_LIMITS; type++) {
		for (uint32_t size = 0; size <= 256; size += 4) {
			uint8_t room[512];
			struct drm_dacc_query q = {
				.type = type,
				.size = size,
				.pointer = (uintptr_t)room,
			};
			int ret;

			memset(room, GUARD, sizeof(room));
			ret = xioctl(self->e.fd, DRM_IOCTL_DACC_QUERY, &q);
			if (ret == -EINVAL && type == DRM_DACC_QUERY_LIMITS)
				break;
			ASSERT_EQ(ret, 0);
			for (uint32_t k = size; k < sizeof(room); k++)
				ASSERT_EQ(room[k], GUARD);
			for (uint32_t k = q.size; size && k < size; k++)
				ASSERT_EQ(room[k], 0);
		}
	}
}

/* A program that knows fewer limits finds the same ones where they were. */
TEST_F(dacc_abi, limits_are_an_array)
{
	struct drm_dacc_limit_info all[DRM_DACC_LIMIT_COUNT], few[2];
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_LIMITS,
		.pointer = (uintptr_t)all,
		.size = sizeof(all),
	};

	ASSERT_EQ(xioctl(self->e.fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(q.size, sizeof(all));
	q.pointer = (uintptr_t)few;
	q.size = sizeof(few);
	ASSERT_EQ(xioctl(self->e.fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(memcmp(few, all, sizeof(few)), 0);
	for (int i = 0; i < 2; i++) {
		EXPECT_GE(few[i].limit, few[i].used);
		/* The fixture has an address space and a queue. */
		EXPECT_GE(few[i].used, 1);
	}
}

/* Pads and unused operands of what SUBMIT points at. */
TEST_F(dacc_abi, pads_of_jobs_and_syncs)
{
	struct drm_dacc_job jobs[] = { job_nop(),
				       job_copy(SRAM_VA, HOST_VA, 64),
				       job_fill(SRAM_VA, 64, 1),
				       { .type = DRM_DACC_JOB_COPY_BLOCKS } };
	static const size_t used[] = { 0, 3 * 8, 20, 12 };
	__u64 seq;

	jobs[3].blocks.table = HOST_VA;
	jobs[3].blocks.n_blocks = 1;
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		for (size_t k = used[i]; k < sizeof(jobs[i].raw); k++) {
			struct drm_dacc_job j = jobs[i];

			((uint8_t *)j.raw)[k] = 1;
			ASSERT_EQ(submit(self->e.fd, self->e.queue, &j, 1, &seq), -EINVAL);
		}
	}
	for (int out = 0; out < 2; out++) {
		struct drm_dacc_sync sync = { .handle = self->e.sync, .pad = 1 };

		ASSERT_EQ(submit_full(self->e.fd, self->e.queue, jobs, 1, &sync, !out, &sync, out,
				      &seq),
			  -EINVAL);
	}
}

/* Sizes as they are for ever, on 32-bit and 64-bit systems. */
TEST(struct_sizes)
{
	EXPECT_EQ(sizeof(struct drm_dacc_query), 24);
	EXPECT_EQ(sizeof(struct drm_dacc_limit_info), 16);
	EXPECT_EQ(sizeof(struct drm_dacc_bo_create), 32);
	EXPECT_EQ(sizeof(struct drm_dacc_bo_mmap), 16);
	EXPECT_EQ(sizeof(struct drm_dacc_bo_info), 16);
	EXPECT_EQ(sizeof(struct drm_dacc_vm_create), 8);
	EXPECT_EQ(sizeof(struct drm_dacc_vm_destroy), 8);
	EXPECT_EQ(sizeof(struct drm_dacc_vm_bind), 40);
	EXPECT_EQ(sizeof(struct drm_dacc_queue_create), 48);
	EXPECT_EQ(sizeof(struct drm_dacc_queue_destroy), 8);
	EXPECT_EQ(sizeof(struct drm_dacc_queue_info), 40);
	EXPECT_EQ(sizeof(struct drm_dacc_sync), 16);
	EXPECT_EQ(sizeof(struct drm_dacc_job), 64);
	EXPECT_EQ(sizeof(struct drm_dacc_submit), 48);
	EXPECT_EQ(sizeof(struct drm_dacc_result), 64);
	EXPECT_EQ(sizeof(struct drm_dacc_wait), 32);
	EXPECT_EQ(sizeof(struct drm_dacc_userq_sync), 24);
	EXPECT_EQ(sizeof(struct drm_dacc_pool_create), 32);
	EXPECT_EQ(sizeof(struct drm_dacc_pool_pages), 24);
	EXPECT_EQ(sizeof(struct drm_dacc_list_create), 104);
	EXPECT_EQ(sizeof(struct drm_dacc_transfer), 104);
	EXPECT_EQ(sizeof(struct drm_dacc_transfer_result), 96);
	EXPECT_EQ(sizeof(struct drm_dacc_transfer_wait), 112);
}

TEST_HARNESS_MAIN
