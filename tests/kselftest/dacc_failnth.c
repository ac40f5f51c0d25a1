// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection: every memory allocation of every call is failed once, in turn,
 * by its number (/proc/thread-self/fail-nth). The call succeeds all the same or
 * returns -ENOMEM; nothing is left behind, and it works the next time. Covers
 * gpupeer too. Needs a kernel with CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC.
 */
#include "dacc_util.h"
#include "drm/gpupeer_drm.h"

#define HOST_VA   0x100000000ull
#define SRAM_VA   0x200000000ull
#define USER_VA   0x300000000ull
#define FREE_VA   0x400000000ull
#define MAX_CALLS 3000

struct env {
	int fd, gpu, nth;
	char node[32];
	uint32_t vm, sram, host, ring, queue, userq, sync, pool, list;
	uint32_t hbm, sys, gpu_sync;
	int udmabuf, hbm_fd;
	bool unknown; /* the driver does not know this call */
	/* What the call under test made. */
	uint32_t made;
	int made_fd;
	uint64_t id;
	uint64_t pages[4];
	void *map;
};

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* False if the kernel can't do it. Off while the test itself allocates. */
static bool prepare_injection(void)
{
	static const char *const dirs[] = { "failslab", "fail_page_alloc" };
	char path[128];
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/ignore-gfp-wait", dirs[i]);
		if (!write_text(path, "N"))
			return false;
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", dirs[i]);
		if (!write_text(path, "0"))
			return false;
	}
	return write_text("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N") &&
	       write_text("/sys/kernel/debug/fail_page_alloc/min-order", "0");
}

static void arm(int nth, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	if (pwrite(nth, text, strlen(text), 0) < 0)
		abort();
}

/* Ends the injection; true if an allocation was failed. */
static bool disarm(int nth)
{
	char text[16] = "";

	if (pread(nth, text, sizeof(text) - 1, 0) < 0)
		abort();
	arm(nth, 0);
	return !atoi(text);
}

/* All counters that return to where they were, of both drivers, as one text. */
static void counters(char *text, size_t size)
{
	char line[128];
	size_t at = 0;
	glob_t g = {};
	unsigned int i;

	glob("/sys/kernel/debug/accel/*/counters", 0, NULL, &g);
	glob("/sys/kernel/debug/dri/*/counters", GLOB_APPEND, NULL, &g);
	for (i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");

		while (f && fgets(line, sizeof(line), f)) {
			/* Those that only rise. */
			if (strstr(line, "resets") || strstr(line, "_submitted") ||
			    strstr(line, "_failed") || strstr(line, "timeouts") ||
			    strstr(line, "total"))
				continue;
			at += snprintf(text + at, at < size ? size - at : 0, "%s", line);
		}
		if (f)
			fclose(f);
	}
	globfree(&g);
}

static bool counters_become(const char *want)
{
	char now[4096];
	int64_t end = now_ns() + 20 * NSEC;

	for (;;) {
		counters(now, sizeof(now));
		if (!strcmp(now, want))
			return true;
		if (now_ns() > end)
			break;
		usleep(2000);
	}
	fprintf(stderr, "# counters were:\n%s# and are:\n%s", want, now);
	return false;
}

/* --- the calls ------------------------------------------------------------ */

static int gem_close(int fd, uint32_t handle)
{
	struct drm_gem_close c = { .handle = handle };

	return xioctl(fd, DRM_IOCTL_GEM_CLOSE, &c);
}

static int do_open(struct env *e)
{
	e->made_fd = open(e->node, O_RDWR | O_CLOEXEC);
	return e->made_fd < 0 ? -errno : 0;
}

static void undo_fd(struct env *e)
{
	close(e->made_fd);
}

static int do_query(struct env *e)
{
	struct drm_dacc_device_info info;

	return query_device(e->fd, &info);
}

static int do_query_limits(struct env *e)
{
	struct drm_dacc_limit_info info[DRM_DACC_LIMIT_COUNT];
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_LIMITS,
		.pointer = (uintptr_t)info,
		.size = sizeof(info),
	};

	return xioctl(e->fd, DRM_IOCTL_DACC_QUERY, &q);
}

static int do_bo_sram(struct env *e)
{
	return bo_create(e->fd, SZ_64K, DRM_DACC_BO_SRAM, &e->made);
}

static int do_bo_host(struct env *e)
{
	return bo_create(e->fd, SZ_64K, DRM_DACC_BO_HOST, &e->made);
}

static int do_bo_private(struct env *e)
{
	struct drm_dacc_bo_create c = {
		.size = SZ_64K,
		.flags = DRM_DACC_BO_SRAM,
		.vm = e->vm,
		.priority = DRM_DACC_PRIORITY_LOW,
	};
	int ret = xioctl(e->fd, DRM_IOCTL_DACC_BO_CREATE, &c);

	e->made = c.handle;
	return ret;
}

static void undo_bo(struct env *e)
{
	gem_close(e->fd, e->made);
}

static int do_bo_mmap(struct env *e)
{
	struct drm_dacc_bo_mmap m = { .handle = e->host };

	return xioctl(e->fd, DRM_IOCTL_DACC_BO_MMAP, &m);
}

static int do_mmap(struct env *e)
{
	struct drm_dacc_bo_mmap m = { .handle = e->host };
	int ret = xioctl(e->fd, DRM_IOCTL_DACC_BO_MMAP, &m);

	if (ret)
		return ret;
	e->map = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_SHARED, e->fd, (off_t)m.offset);
	return e->map == MAP_FAILED ? -errno : 0;
}

static void undo_mmap(struct env *e)
{
	munmap(e->map, SZ_64K);
}

static int do_bo_info(struct env *e)
{
	uint32_t flags;
	uint64_t size;

	return bo_info(e->fd, e->sram, &flags, &size);
}

static int do_vm_create(struct env *e)
{
	return vm_create(e->fd, &e->made);
}

static void undo_vm(struct env *e)
{
	vm_destroy(e->fd, e->made);
}

static int do_bind_sram(struct env *e)
{
	return vm_map(e->fd, e->vm, e->sram, 0, FREE_VA, SZ_64K, 0);
}

static int do_bind_host(struct env *e)
{
	/* An entry for each page of 4 KiB, over two tables. */
	return vm_map(e->fd, e->vm, e->host, 0, FREE_VA + 0x1f0000, SZ_64K * 4, 0);
}

static void undo_bind_sram(struct env *e)
{
	vm_unmap(e->fd, e->vm, FREE_VA, SZ_64K);
}

static void undo_bind_host(struct env *e)
{
	vm_unmap(e->fd, e->vm, FREE_VA + 0x1f0000, SZ_64K * 4);
}

static int bind_dma_buf(struct env *e, int buf)
{
	struct drm_prime_handle p = { .fd = buf };
	int ret = xioctl(e->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &p);

	if (ret)
		return ret;
	e->made = p.handle;
	ret = vm_map(e->fd, e->vm, p.handle, 0, FREE_VA, SZ_64K, 0);
	if (ret)
		gem_close(e->fd, p.handle);
	return ret;
}

static int do_bind_import(struct env *e)
{
	return bind_dma_buf(e, e->udmabuf);
}

static int do_bind_peer(struct env *e)
{
	return bind_dma_buf(e, e->hbm_fd);
}

static void undo_bind_import(struct env *e)
{
	vm_unmap(e->fd, e->vm, FREE_VA, SZ_64K);
	gem_close(e->fd, e->made);
}

static int do_unbind(struct env *e)
{
	return vm_unmap(e->fd, e->vm, HOST_VA + SZ_1M, SZ_64K);
}

static void undo_unbind(struct env *e)
{
	vm_map(e->fd, e->vm, e->host, 0, HOST_VA + SZ_1M, SZ_64K, 0);
}

static int do_export(struct env *e)
{
	struct drm_prime_handle p = { .handle = e->host, .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = xioctl(e->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p);

	e->made_fd = p.fd;
	return ret;
}

static int do_export_sram(struct env *e)
{
	struct drm_prime_handle p = { .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = bo_create(e->fd, SZ_64K, DRM_DACC_BO_SRAM, &e->made);

	if (ret)
		return ret;
	p.handle = e->made;
	ret = xioctl(e->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p);
	gem_close(e->fd, e->made);
	e->made_fd = p.fd;
	/* Where the kernel or the bus does not let it: no failed allocation. */
	if (ret == -EOPNOTSUPP || ret == -EINVAL || ret == -EPERM)
		e->unknown = true;
	return ret;
}

static int do_queue(struct env *e)
{
	return queue_create(e->fd, e->vm, DRM_DACC_QUEUE_TRANSFER, 64, &e->made);
}

static int do_decode_queue(struct env *e)
{
	return queue_create(e->fd, e->vm, DRM_DACC_QUEUE_DECODE, 4096, &e->made);
}

static void undo_queue(struct env *e)
{
	queue_destroy(e->fd, e->made);
}

static int do_user_queue(struct env *e)
{
	struct drm_dacc_queue_create c = {
		.vm = e->vm,
		.queue_class = DRM_DACC_QUEUE_TRANSFER,
		.depth = 16,
		.flags = DRM_DACC_QUEUE_USER,
		.ring = USER_VA,
		.completion = USER_VA + 0x8000,
	};
	int ret = xioctl(e->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c);

	e->made = c.queue;
	e->unknown = ret == -EOPNOTSUPP || ret == -EINVAL;
	return ret;
}

static int do_queue_info(struct env *e)
{
	struct drm_dacc_queue_info i;

	return queue_info(e->fd, e->queue, &i);
}

static int do_submit(struct env *e)
{
	struct drm_dacc_sync in = { .handle = e->sync, .point = 1 };
	struct drm_dacc_sync out[2] = { { .handle = e->sync, .point = ++e->id + 1 },
					{ .handle = e->sync, .point = ++e->id + 1 } };
	struct drm_dacc_job jobs[3] = { job_nop(), job_copy(SRAM_VA, HOST_VA, 4096),
					job_fill(SRAM_VA, 64, 7) };

	return submit_full(e->fd, e->queue, jobs, 3, &in, 1, out, 2, NULL);
}

/* With imported memory, whose reservation object gets the job's fence. */
static int do_submit_shared(struct env *e)
{
	struct drm_dacc_job job = job_nop();
	int ret = do_bind_import(e);

	if (ret)
		return ret;
	ret = submit(e->fd, e->queue, &job, 1, NULL);
	undo_bind_import(e);
	return ret;
}

static void undo_submit(struct env *e)
{
	struct drm_dacc_queue_info i;

	queue_info(e->fd, e->queue, &i);
	wait_job(e->fd, e->queue, i.submitted, 30, NULL);
}

static int do_wait(struct env *e)
{
	struct drm_dacc_result r[4];
	struct drm_dacc_wait w = {
		.queue = e->queue,
		.n_results = 4,
		.seq = 4,
		.timeout_ns = now_ns() + 30 * NSEC,
		.results = (uintptr_t)r,
	};

	return xioctl(e->fd, DRM_IOCTL_DACC_WAIT, &w);
}

static int do_userq_signal(struct env *e)
{
	struct drm_dacc_sync s = { .handle = e->sync, .point = ++e->id + 1 };
	struct drm_dacc_userq_sync u = {
		.queue = e->userq,
		.n_syncs = 1,
		.seq = 1,
		.syncs = (uintptr_t)&s,
	};

	return xioctl(e->fd, DRM_IOCTL_DACC_USERQ_SIGNAL, &u);
}

static int do_userq_wait(struct env *e)
{
	struct drm_dacc_sync s = { .handle = e->sync, .point = 1 };
	struct drm_dacc_userq_sync u = {
		.queue = e->userq,
		.n_syncs = 1,
		.seq = 100,
		.syncs = (uintptr_t)&s,
	};

	return xioctl(e->fd, DRM_IOCTL_DACC_USERQ_WAIT, &u);
}

static int do_pool(struct env *e)
{
	struct drm_dacc_pool_create c = {
		.vm = e->vm,
		.addr = SRAM_VA + SZ_64K,
		.page_size = 256,
		.n_pages = 16,
	};
	int ret = xioctl(e->fd, DRM_IOCTL_DACC_POOL_CREATE, &c);

	e->made = c.pool;
	return ret;
}

static void undo_pool(struct env *e)
{
	struct drm_dacc_pool_destroy d = { .pool = e->made };

	xioctl(e->fd, DRM_IOCTL_DACC_POOL_DESTROY, &d);
}

static int pool_pages(struct env *e, unsigned long request)
{
	struct drm_dacc_pool_pages p = {
		.pool = e->pool,
		.n_pages = 4,
		.pages = (uintptr_t)e->pages,
	};

	return xioctl(e->fd, request, &p);
}

static int do_pool_alloc(struct env *e)
{
	return pool_pages(e, DRM_IOCTL_DACC_POOL_ALLOC);
}

static void undo_pool_alloc(struct env *e)
{
	pool_pages(e, DRM_IOCTL_DACC_POOL_FREE);
}

static int do_list_sg(struct env *e)
{
	struct dacc_block blocks[2] = { { HOST_VA, SRAM_VA, 4096 },
					{ HOST_VA + 4096, SRAM_VA + 4096, 4096 } };
	uint32_t ends[2] = { 1, 2 };
	struct drm_dacc_list_create c = {
		.vm = e->vm,
		.form = DRM_DACC_LIST_SG,
		.n_layers = 2,
	};
	int ret;

	c.sg.blocks = (uintptr_t)blocks;
	c.sg.layer_end = (uintptr_t)ends;
	c.sg.n_blocks = 2;
	ret = xioctl(e->fd, DRM_IOCTL_DACC_LIST_CREATE, &c);
	e->made = c.list;
	return ret;
}

static int do_list_strided(struct env *e)
{
	struct drm_dacc_list_create c = {
		.vm = e->vm,
		.form = DRM_DACC_LIST_STRIDED,
		.n_layers = 2,
	};
	int ret;

	c.strided.src = HOST_VA;
	c.strided.dst = SRAM_VA;
	c.strided.src_layer = 4096;
	c.strided.dst_layer = 4096;
	c.strided.src_stride = 64;
	c.strided.dst_stride = 64;
	c.strided.len = 64;
	c.strided.n_blocks = 32;
	ret = xioctl(e->fd, DRM_IOCTL_DACC_LIST_CREATE, &c);
	e->made = c.list;
	return ret;
}

static int do_list_indexed(struct env *e)
{
	uint32_t index[4] = { 3, 2, 1, 0 };
	struct drm_dacc_list_create c = {
		.vm = e->vm,
		.pool = e->pool,
		.form = DRM_DACC_LIST_INDEXED,
		.n_layers = 2,
		.n_pages = 4,
		.pages = (uintptr_t)e->pages,
	};
	int ret = pool_pages(e, DRM_IOCTL_DACC_POOL_ALLOC);

	if (ret)
		return ret;
	c.indexed.src = HOST_VA;
	c.indexed.src_layer = 4096;
	c.indexed.src_stride = 64;
	c.indexed.dst_layer = 64;
	c.indexed.src_index = (uintptr_t)index;
	c.indexed.len = 64;
	ret = xioctl(e->fd, DRM_IOCTL_DACC_LIST_CREATE, &c);
	e->made = c.list;
	/* It may fail for memory itself: POOL_FREE is tried again below. */
	if (pool_pages(e, DRM_IOCTL_DACC_POOL_FREE) == -ENOMEM)
		pool_pages(e, DRM_IOCTL_DACC_POOL_FREE);
	return ret;
}

static void undo_list(struct env *e)
{
	struct drm_dacc_list_destroy d = { .list = e->made };

	xioctl(e->fd, DRM_IOCTL_DACC_LIST_DESTROY, &d);
}

static int transfer(struct env *e, uint32_t flags)
{
	struct drm_dacc_transfer t = {
		.queue = e->queue,
		.list = e->list,
		.n_layers = 2,
		.flags = flags,
		.deadline_ns = now_ns() + 100 * NSEC,
		.in = { .handle = e->sync, .point = 1 },
		.out = { .handle = e->sync, .point = e->id + 2 },
	};
	int ret = xioctl(e->fd, DRM_IOCTL_DACC_TRANSFER, &t);

	e->id += 2;
	e->pages[0] = t.id;
	return ret;
}

static int transfer_wait(struct env *e)
{
	struct drm_dacc_transfer_wait w = {
		.id = e->pages[0],
		.timeout_ns = now_ns() + 30 * NSEC,
	};
	int ret = xioctl(e->fd, DRM_IOCTL_DACC_TRANSFER_WAIT, &w);

	return ret ? ret : w.result.error;
}

static int do_transfer(struct env *e)
{
	return transfer(e, DRM_DACC_TRANSFER_CHECKSUM);
}

static void undo_transfer(struct env *e)
{
	if (transfer_wait(e))
		abort();
}

static int do_transfer_and_wait(struct env *e)
{
	int ret = transfer(e, 0), again;

	if (ret)
		return ret;
	ret = transfer_wait(e);
	/* Its id would stay. */
	again = ret == -ENOMEM ? transfer_wait(e) : 0;
	return again ? again : ret;
}

static int do_transfer_cancel(struct env *e)
{
	struct drm_dacc_transfer_cancel c = {};
	int ret = transfer(e, 0);

	if (ret)
		return ret;
	c.id = e->pages[0];
	ret = xioctl(e->fd, DRM_IOCTL_DACC_TRANSFER_CANCEL, &c);
	transfer_wait(e);
	return ret;
}

static int do_transfer_event(struct env *e)
{
	return transfer(e, DRM_DACC_TRANSFER_EVENT);
}

static void undo_transfer_event(struct env *e)
{
	struct drm_dacc_event event;

	if (read(e->fd, &event, sizeof(event)) != sizeof(event) || event.result.error)
		abort();
}

/* --- gpupeer -------------------------------------------------------------- */

static int open_gpu(void)
{
	char path[64];
	int i;

	for (i = 128; i < 144; i++) {
		drmVersionPtr v;
		int fd, match;

		snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		v = drmGetVersion(fd);
		match = v && !strcmp(v->name, "gpupeer");
		drmFreeVersion(v);
		if (match)
			return fd;
		close(fd);
	}
	return -1;
}

static int gpu_bo(int fd, uint32_t flags, uint32_t *handle)
{
	struct drm_gpupeer_bo_create c = { .size = SZ_64K, .flags = flags };
	int ret = xioctl(fd, DRM_IOCTL_GPUPEER_BO_CREATE, &c);

	*handle = c.handle;
	return ret;
}

static int do_gpu_info(struct env *e)
{
	struct drm_gpupeer_info i;

	return xioctl(e->gpu, DRM_IOCTL_GPUPEER_INFO, &i);
}

static int do_gpu_hbm(struct env *e)
{
	return gpu_bo(e->gpu, DRM_GPUPEER_BO_HBM, &e->made);
}

static int do_gpu_system(struct env *e)
{
	return gpu_bo(e->gpu, DRM_GPUPEER_BO_SYSTEM, &e->made);
}

static void undo_gpu_bo(struct env *e)
{
	gem_close(e->gpu, e->made);
}

static int do_gpu_mmap(struct env *e)
{
	struct drm_gpupeer_bo_mmap m = { .handle = e->sys };
	int ret = xioctl(e->gpu, DRM_IOCTL_GPUPEER_BO_MMAP, &m);

	if (ret)
		return ret;
	e->map = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_SHARED, e->gpu, (off_t)m.offset);
	return e->map == MAP_FAILED ? -errno : 0;
}

static int do_gpu_copy(struct env *e)
{
	struct drm_gpupeer_sync in = { .handle = e->gpu_sync, .point = 1 };
	struct drm_gpupeer_copy c = {
		.src = e->sys,
		.dst = e->hbm,
		.len = 4096,
		.in_syncs = (uintptr_t)&in,
		.n_in_syncs = 1,
		.done = { .handle = e->gpu_sync, .point = ++e->id + 1 },
	};
	int ret = xioctl(e->gpu, DRM_IOCTL_GPUPEER_COPY, &c);

	e->pages[0] = c.job;
	return ret;
}

/* Its program is empty memory, so that the job itself fails; that is all right. */
static int do_gpu_prefill(struct env *e)
{
	struct drm_gpupeer_sync in = { .handle = e->gpu_sync, .point = 1 };
	struct drm_gpupeer_prefill p = {
		.segment = { { .handle = e->hbm, .flags = DRM_GPUPEER_SEGMENT_WRITE } },
		.tokens = 4096,
		.act_stride = 4096,
		.n_insns = 1,
		.n_tokens = 1,
		.max_pos = 1,
		.in_syncs = (uintptr_t)&in,
		.n_in_syncs = 1,
		.n_points = 2,
		.points = { .handle = e->gpu_sync, .point = e->id + 2 },
		.done = { .handle = e->gpu_sync, .point = e->id + 4 },
	};
	int ret = xioctl(e->gpu, DRM_IOCTL_GPUPEER_PREFILL, &p);

	e->id += 3;
	e->pages[0] = p.job;
	return ret;
}

static int gpu_job_query(struct env *e, uint32_t *state)
{
	uint64_t times[4];
	struct drm_gpupeer_job_query q = {
		.job = e->pages[0],
		.times = (uintptr_t)times,
		.n_times = 4,
	};
	int ret = xioctl(e->gpu, DRM_IOCTL_GPUPEER_JOB_QUERY, &q);

	*state = q.state;
	return ret;
}

static void undo_gpu_job(struct env *e)
{
	uint32_t state;

	do {
		if (gpu_job_query(e, &state))
			abort();
		usleep(1000);
	} while (state != DRM_GPUPEER_JOB_DONE);
}

static int do_gpu_job_query(struct env *e)
{
	uint32_t state;
	int ret = do_gpu_copy(e);

	return ret ? ret : gpu_job_query(e, &state);
}

static int do_gpu_export(struct env *e)
{
	struct drm_prime_handle p = { .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = gpu_bo(e->gpu, DRM_GPUPEER_BO_HBM, &e->made);

	if (ret)
		return ret;
	p.handle = e->made;
	ret = xioctl(e->gpu, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p);
	gem_close(e->gpu, e->made);
	e->made_fd = p.fd;
	return ret;
}

/* --- the test ------------------------------------------------------------- */

FIXTURE(failnth)
{
	struct env e;
	char before[4096];
};

typedef int (*call_fn)(struct env *e);
typedef void (*undo_fn)(struct env *e);

FIXTURE_VARIANT(failnth)
{
	call_fn call;
	undo_fn undo; /* after a success */
};

#define CALL(call_, undo_) \
	{ \
		.call = call_, .undo = undo_, \
	}

FIXTURE_VARIANT_ADD(failnth, open) CALL(do_open, undo_fd);
FIXTURE_VARIANT_ADD(failnth, query) CALL(do_query, NULL);
FIXTURE_VARIANT_ADD(failnth, query_limits) CALL(do_query_limits, NULL);
FIXTURE_VARIANT_ADD(failnth, bo_create_sram) CALL(do_bo_sram, undo_bo);
FIXTURE_VARIANT_ADD(failnth, bo_create_host) CALL(do_bo_host, undo_bo);
FIXTURE_VARIANT_ADD(failnth, bo_create_private) CALL(do_bo_private, undo_bo);
FIXTURE_VARIANT_ADD(failnth, bo_mmap) CALL(do_bo_mmap, NULL);
FIXTURE_VARIANT_ADD(failnth, mmap) CALL(do_mmap, undo_mmap);
FIXTURE_VARIANT_ADD(failnth, bo_info) CALL(do_bo_info, NULL);
FIXTURE_VARIANT_ADD(failnth, vm_create) CALL(do_vm_create, undo_vm);
FIXTURE_VARIANT_ADD(failnth, vm_bind_sram) CALL(do_bind_sram, undo_bind_sram);
FIXTURE_VARIANT_ADD(failnth, vm_bind_host) CALL(do_bind_host, undo_bind_host);
FIXTURE_VARIANT_ADD(failnth, vm_bind_import) CALL(do_bind_import, undo_bind_import);
FIXTURE_VARIANT_ADD(failnth, vm_bind_peer) CALL(do_bind_peer, undo_bind_import);
FIXTURE_VARIANT_ADD(failnth, vm_unbind) CALL(do_unbind, undo_unbind);
FIXTURE_VARIANT_ADD(failnth, export) CALL(do_export, undo_fd);
FIXTURE_VARIANT_ADD(failnth, export_sram) CALL(do_export_sram, undo_fd);
FIXTURE_VARIANT_ADD(failnth, queue_create) CALL(do_queue, undo_queue);
FIXTURE_VARIANT_ADD(failnth, queue_create_decode) CALL(do_decode_queue, undo_queue);
FIXTURE_VARIANT_ADD(failnth, queue_create_user) CALL(do_user_queue, undo_queue);
FIXTURE_VARIANT_ADD(failnth, queue_info) CALL(do_queue_info, NULL);
FIXTURE_VARIANT_ADD(failnth, submit) CALL(do_submit, undo_submit);
FIXTURE_VARIANT_ADD(failnth, submit_shared) CALL(do_submit_shared, undo_submit);
FIXTURE_VARIANT_ADD(failnth, wait) CALL(do_wait, NULL);
FIXTURE_VARIANT_ADD(failnth, userq_signal) CALL(do_userq_signal, NULL);
FIXTURE_VARIANT_ADD(failnth, userq_wait) CALL(do_userq_wait, NULL);
FIXTURE_VARIANT_ADD(failnth, pool_create) CALL(do_pool, undo_pool);
FIXTURE_VARIANT_ADD(failnth, pool_alloc) CALL(do_pool_alloc, undo_pool_alloc);
FIXTURE_VARIANT_ADD(failnth, list_create_sg) CALL(do_list_sg, undo_list);
FIXTURE_VARIANT_ADD(failnth, list_create_strided) CALL(do_list_strided, undo_list);
FIXTURE_VARIANT_ADD(failnth, list_create_indexed) CALL(do_list_indexed, undo_list);
FIXTURE_VARIANT_ADD(failnth, transfer) CALL(do_transfer, undo_transfer);
FIXTURE_VARIANT_ADD(failnth, transfer_wait) CALL(do_transfer_and_wait, NULL);
FIXTURE_VARIANT_ADD(failnth, transfer_cancel) CALL(do_transfer_cancel, NULL);
FIXTURE_VARIANT_ADD(failnth, transfer_event) CALL(do_transfer_event, undo_transfer_event);
FIXTURE_VARIANT_ADD(failnth, gpupeer_info) CALL(do_gpu_info, NULL);
FIXTURE_VARIANT_ADD(failnth, gpupeer_bo_create_hbm) CALL(do_gpu_hbm, undo_gpu_bo);
FIXTURE_VARIANT_ADD(failnth, gpupeer_bo_create_system) CALL(do_gpu_system, undo_gpu_bo);
FIXTURE_VARIANT_ADD(failnth, gpupeer_mmap) CALL(do_gpu_mmap, undo_mmap);
FIXTURE_VARIANT_ADD(failnth, gpupeer_copy) CALL(do_gpu_copy, undo_gpu_job);
FIXTURE_VARIANT_ADD(failnth, gpupeer_prefill) CALL(do_gpu_prefill, undo_gpu_job);
FIXTURE_VARIANT_ADD(failnth, gpupeer_job_query) CALL(do_gpu_job_query, undo_gpu_job);
FIXTURE_VARIANT_ADD(failnth, gpupeer_export) CALL(do_gpu_export, undo_fd);

static int timeline(int fd, uint32_t *handle)
{
	uint64_t point = 1;

	if (drmSyncobjCreate(fd, 0, handle))
		return -errno;
	return drmSyncobjTimelineSignal(fd, handle, &point, 1);
}

/* A user queue with one NOP that was announced. */
static void make_userq(struct env *e)
{
	struct drm_dacc_queue_create c = {
		.vm = e->vm,
		.queue_class = DRM_DACC_QUEUE_TRANSFER,
		.depth = 16,
		.flags = DRM_DACC_QUEUE_USER,
		.ring = USER_VA + 0x10000,
		.completion = USER_VA + 0x18000,
	};
	volatile uint32_t *doorbell;

	if (xioctl(e->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c))
		return;
	e->userq = c.queue;
	doorbell = mmap(NULL, DACC_DOORBELL_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED, e->fd,
			(off_t)c.doorbell_offset);
	if ((void *)doorbell != MAP_FAILED)
		*doorbell = 1;
}

static void setup_kv(struct env *e)
{
	struct drm_dacc_pool_create c = {
		.vm = e->vm,
		.addr = SRAM_VA + 2 * SZ_64K,
		.page_size = 256,
		.n_pages = 16,
	};

	if (!xioctl(e->fd, DRM_IOCTL_DACC_POOL_CREATE, &c))
		e->pool = c.pool;
	if (!do_list_sg(e))
		e->list = e->made;
}

FIXTURE_SETUP(failnth)
{
	struct drm_dacc_job nops[4] = {};
	struct drm_prime_handle p = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct env *e = &self->e;
	char link[64];
	__u64 seq;

	memset(e, 0, sizeof(*e));
	e->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (e->nth < 0 || !prepare_injection())
		SKIP(return, "this kernel has no fail-nth, failslab or fail_page_alloc");
	counters(self->before, sizeof(self->before));
	e->fd = open_node();
	e->gpu = open_gpu();
	ASSERT_GE(e->fd, 0);
	ASSERT_GE(e->gpu, 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", e->fd);
	ASSERT_GT(readlink(link, e->node, sizeof(e->node) - 1), 0);
	ASSERT_EQ(vm_create(e->fd, &e->vm), 0);
	ASSERT_EQ(bo_create(e->fd, 4 * SZ_64K, DRM_DACC_BO_SRAM, &e->sram), 0);
	ASSERT_EQ(bo_create(e->fd, 4 * SZ_64K, DRM_DACC_BO_HOST, &e->host), 0);
	ASSERT_EQ(bo_create(e->fd, 2 * SZ_64K, DRM_DACC_BO_HOST, &e->ring), 0);
	ASSERT_EQ(vm_map(e->fd, e->vm, e->host, 0, HOST_VA, 4 * SZ_64K, 0), 0);
	ASSERT_EQ(vm_map(e->fd, e->vm, e->host, 0, HOST_VA + SZ_1M, SZ_64K, 0), 0);
	ASSERT_EQ(vm_map(e->fd, e->vm, e->sram, 0, SRAM_VA, 4 * SZ_64K, 0), 0);
	ASSERT_EQ(vm_map(e->fd, e->vm, e->ring, 0, USER_VA, 2 * SZ_64K, 0), 0);
	ASSERT_EQ(queue_create(e->fd, e->vm, DRM_DACC_QUEUE_TRANSFER, 4096, &e->queue), 0);
	ASSERT_EQ(submit(e->fd, e->queue, nops, 4, &seq), 0);
	ASSERT_EQ(timeline(e->fd, &e->sync), 0);
	ASSERT_EQ(timeline(e->gpu, &e->gpu_sync), 0);
	ASSERT_EQ(gpu_bo(e->gpu, DRM_GPUPEER_BO_HBM, &e->hbm), 0);
	ASSERT_EQ(gpu_bo(e->gpu, DRM_GPUPEER_BO_SYSTEM, &e->sys), 0);
	p.handle = e->hbm;
	ASSERT_EQ(xioctl(e->gpu, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p), 0);
	e->hbm_fd = p.fd;
	e->udmabuf = udmabuf_fd(SZ_64K, NULL);
	ASSERT_GE(e->udmabuf, 0);
	make_userq(e);
	setup_kv(e);
	ASSERT_EQ(wait_job(e->fd, e->queue, seq, 30, NULL), 0);
}

FIXTURE_TEARDOWN(failnth)
{
	struct env *e = &self->e;

	if (e->fd <= 0)
		return;
	close(e->udmabuf);
	close(e->hbm_fd);
	close(e->fd);
	close(e->gpu);
	/* Nothing of the whole test is left. */
	EXPECT_TRUE(counters_become(self->before));
}

TEST_F(failnth, each_allocation)
{
	struct env *e = &self->e;
	bool injected = true;
	int n, failed = 0, ret;
	char base[4096];

	/* It works by itself; and what happens the first time only is done. */
	ret = variant->call(e);
	if (ret == -EINVAL || ret == -ENOTTY || ret == -ENOENT || e->unknown)
		SKIP(return, "this driver or kernel does not know the call");
	ASSERT_EQ(ret, 0);
	if (variant->undo)
		variant->undo(e);
	counters(base, sizeof(base));

	for (n = 1; injected; n++) {
		ASSERT_LT(n, MAX_CALLS);
		arm(e->nth, n);
		ret = variant->call(e);
		injected = disarm(e->nth);
		if (!ret && variant->undo)
			variant->undo(e);
		EXPECT_TRUE(ret == 0 || ret == -ENOMEM)
		{
			TH_LOG("allocation %d failed: %d", n, ret);
		}
		if (ret && !injected) {
			TH_LOG("without a failed allocation: %d", ret);
			EXPECT_EQ(ret, 0);
		}
		ASSERT_TRUE(counters_become(base))
		{
			TH_LOG("allocation %d failed, the call returned %d", n, ret);
		}
		failed += ret == -ENOMEM;
	}
	ASSERT_EQ(variant->call(e), 0);
	if (variant->undo)
		variant->undo(e);
	TH_LOG("%d allocations failed in turn, %d times the call did", n - 2, failed);
}

TEST_HARNESS_MAIN
