// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection: every memory allocation of every call is failed once, in turn,
 * by its number (/proc/thread-self/fail-nth). The call succeeds all the same or
 * returns -ENOMEM; nothing is left behind, and it works the next time. Then the
 * same with every copy from and to user memory: it succeeds or returns -EFAULT, and
 * nothing is left once the file is closed. Covers gpupeer too. Needs a kernel with
 * CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC and CONFIG_FAULT_INJECTION_STACKTRACE_FILTER.
 */
#include "dacc_util.h"
#include "drm/gpupeer_drm.h"

#define HOST_VA   0x100000000ull
#define SRAM_VA   0x200000000ull
#define USER_VA   0x300000000ull
#define FREE_VA   0x400000000ull
#define MAX_CALLS 3000

#define NUM_DACC    (DRM_DACC_TRANSFER_WAIT + 1)
#define NUM_GPUPEER (DRM_GPUPEER_JOB_QUERY + 1)

struct env {
	int fd, gpu, nth;
	char node[32];
	uint32_t vm, sram, host, ring, queue, userq, sync, pool, list;
	uint32_t hbm, sys, gpu_sync;
	int udmabuf, hbm_fd;
	__u64 seq;    /* of the jobs of the setup */
	bool unknown; /* the driver does not know this call */
	void *doorbell;
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

enum kind {
	ALLOCATIONS,
	COPIES
};

/* By ioctl number, in all tests together: calls that had a failure in them. */
struct hits {
	uint32_t dacc[NUM_DACC][2], gpupeer[NUM_GPUPEER][2];
};

static struct hits *hits;

static bool set(const char *attr, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", attr, name);
	return write_text(path, text);
}

/*
 * False if the kernel can't do it. fail-nth counts in all kinds of failure that are
 * there, so those that are not to happen get a condition that no stack meets.
 */
static bool prepare_injection(enum kind kind)
{
	static const char *const attrs[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		bool on = (kind == COPIES) == (i == 2);

		if (!set(attrs[i], "verbose", "0") ||
		    !set(attrs[i], "require-start", on ? "0" : "1") ||
		    !set(attrs[i], "stacktrace-depth", "0"))
			return false;
		if (i < 2 && !set(attrs[i], "ignore-gfp-wait", "N"))
			return false;
	}
	return set("fail_page_alloc", "ignore-gfp-highmem", "N") &&
	       set("fail_page_alloc", "min-order", "0");
}

/* The copy from our memory may itself be what fails. */
static void arm(int nth, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	while (pwrite(nth, text, strlen(text), 0) < 0)
		if (errno != EFAULT)
			abort();
}

/* Ends the injection; true if something was failed in between. */
static bool disarm(int nth)
{
	char text[16] = "";
	bool failed = false;

	/* The copy to our memory may be the one that fails: none before it did. */
	if (pread(nth, text, sizeof(text) - 1, 0) >= 0)
		failed = !atoi(text);
	else if (errno != EFAULT)
		abort();
	arm(nth, 0);
	return failed;
}

/* Of both drivers: what there is, which returns to where it was. */
static bool is_level(const char *line)
{
	static const char *const names[] = { "sram_bos",  "host_bos",     "imports",
					     "sram_used", "vms",          "queues",
					     "jobs",      "pools",        "lists",
					     "transfers", "bos",          "exports",
					     "hbm_used",  "system_bytes", "evicted_bytes" };
	size_t len = strcspn(line, ": ");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && !strncmp(line, names[i], len))
			return true;
	return false;
}

static void counters(char *text, size_t size)
{
	char line[128];
	size_t at = 0;
	glob_t g = {};
	unsigned int i;

	*text = '\0';
	glob("/sys/kernel/debug/accel/*/counters", 0, NULL, &g);
	glob("/sys/kernel/debug/dri/*/counters", GLOB_APPEND, NULL, &g);
	for (i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");

		while (f && fgets(line, sizeof(line), f))
			if (is_level(line))
				at += snprintf(text + at, at < size ? size - at : 0, "%s", line);
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

static int do_vm_destroy(struct env *e)
{
	return vm_destroy(e->fd, e->made);
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

static int do_queue_destroy(struct env *e)
{
	return queue_destroy(e->fd, e->made);
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

static int do_pool_destroy(struct env *e)
{
	struct drm_dacc_pool_destroy d = { .pool = e->made };

	return xioctl(e->fd, DRM_IOCTL_DACC_POOL_DESTROY, &d);
}

static void undo_pool(struct env *e)
{
	do_pool_destroy(e);
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

static int do_pool_free(struct env *e)
{
	return pool_pages(e, DRM_IOCTL_DACC_POOL_FREE);
}

static void undo_pool_alloc(struct env *e)
{
	do_pool_free(e);
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

static int do_list_destroy(struct env *e)
{
	struct drm_dacc_list_destroy d = { .list = e->made };

	return xioctl(e->fd, DRM_IOCTL_DACC_LIST_DESTROY, &d);
}

static void undo_list(struct env *e)
{
	do_list_destroy(e);
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

static int do_transfer_wait(struct env *e)
{
	return transfer_wait(e);
}

static int do_transfer_cancel(struct env *e)
{
	struct drm_dacc_transfer_cancel c = { .id = e->pages[0] };
	int ret = xioctl(e->fd, DRM_IOCTL_DACC_TRANSFER_CANCEL, &c);

	/* It may have ended before. */
	return ret == -EALREADY ? 0 : ret;
}

/* Takes its id, if that is still there. */
static void reap_transfer(struct env *e)
{
	transfer_wait(e);
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

static int do_gpu_bo_mmap(struct env *e)
{
	struct drm_gpupeer_bo_mmap m = { .handle = e->sys };

	return xioctl(e->gpu, DRM_IOCTL_GPUPEER_BO_MMAP, &m);
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

	return gpu_job_query(e, &state);
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
	int nr;         /* the ioctl, if the call is this one alone */
	call_fn before; /* what the call needs; nothing fails in there */
	call_fn call;
	undo_fn undo; /* after a success; after a failure too if there is @before */
};

#define NONE    -1
#define GPU(nr) (0x100 + (nr))

#define CALL(nr_, before_, call_, undo_) \
	{ \
		.nr = nr_, .before = before_, .call = call_, .undo = undo_, \
	}

FIXTURE_VARIANT_ADD(failnth, open) CALL(NONE, NULL, do_open, undo_fd);
FIXTURE_VARIANT_ADD(failnth, query) CALL(DRM_DACC_QUERY, NULL, do_query, NULL);
FIXTURE_VARIANT_ADD(failnth, query_limits) CALL(DRM_DACC_QUERY, NULL, do_query_limits, NULL);
FIXTURE_VARIANT_ADD(failnth, bo_create_sram) CALL(DRM_DACC_BO_CREATE, NULL, do_bo_sram, undo_bo);
FIXTURE_VARIANT_ADD(failnth, bo_create_host) CALL(DRM_DACC_BO_CREATE, NULL, do_bo_host, undo_bo);
FIXTURE_VARIANT_ADD(failnth, bo_create_private)
CALL(DRM_DACC_BO_CREATE, NULL, do_bo_private, undo_bo);
FIXTURE_VARIANT_ADD(failnth, bo_mmap) CALL(DRM_DACC_BO_MMAP, NULL, do_bo_mmap, NULL);
FIXTURE_VARIANT_ADD(failnth, mmap) CALL(NONE, NULL, do_mmap, undo_mmap);
FIXTURE_VARIANT_ADD(failnth, bo_info) CALL(DRM_DACC_BO_INFO, NULL, do_bo_info, NULL);
FIXTURE_VARIANT_ADD(failnth, vm_create) CALL(DRM_DACC_VM_CREATE, NULL, do_vm_create, undo_vm);
FIXTURE_VARIANT_ADD(failnth, vm_destroy)
CALL(DRM_DACC_VM_DESTROY, do_vm_create, do_vm_destroy, undo_vm);
FIXTURE_VARIANT_ADD(failnth, vm_bind_sram)
CALL(DRM_DACC_VM_BIND, NULL, do_bind_sram, undo_bind_sram);
FIXTURE_VARIANT_ADD(failnth, vm_bind_host)
CALL(DRM_DACC_VM_BIND, NULL, do_bind_host, undo_bind_host);
FIXTURE_VARIANT_ADD(failnth, vm_bind_import) CALL(NONE, NULL, do_bind_import, undo_bind_import);
FIXTURE_VARIANT_ADD(failnth, vm_bind_peer) CALL(NONE, NULL, do_bind_peer, undo_bind_import);
FIXTURE_VARIANT_ADD(failnth, vm_unbind) CALL(DRM_DACC_VM_BIND, NULL, do_unbind, undo_unbind);
FIXTURE_VARIANT_ADD(failnth, export) CALL(NONE, NULL, do_export, undo_fd);
FIXTURE_VARIANT_ADD(failnth, export_sram) CALL(NONE, NULL, do_export_sram, undo_fd);
FIXTURE_VARIANT_ADD(failnth, queue_create) CALL(DRM_DACC_QUEUE_CREATE, NULL, do_queue, undo_queue);
FIXTURE_VARIANT_ADD(failnth, queue_create_decode)
CALL(DRM_DACC_QUEUE_CREATE, NULL, do_decode_queue, undo_queue);
FIXTURE_VARIANT_ADD(failnth, queue_create_user)
CALL(DRM_DACC_QUEUE_CREATE, NULL, do_user_queue, undo_queue);
FIXTURE_VARIANT_ADD(failnth, queue_destroy)
CALL(DRM_DACC_QUEUE_DESTROY, do_queue, do_queue_destroy, undo_queue);
FIXTURE_VARIANT_ADD(failnth, queue_info) CALL(DRM_DACC_QUEUE_INFO, NULL, do_queue_info, NULL);
FIXTURE_VARIANT_ADD(failnth, submit) CALL(DRM_DACC_SUBMIT, NULL, do_submit, undo_submit);
FIXTURE_VARIANT_ADD(failnth, submit_shared) CALL(NONE, NULL, do_submit_shared, undo_submit);
FIXTURE_VARIANT_ADD(failnth, wait) CALL(DRM_DACC_WAIT, NULL, do_wait, NULL);
FIXTURE_VARIANT_ADD(failnth, userq_signal) CALL(DRM_DACC_USERQ_SIGNAL, NULL, do_userq_signal, NULL);
FIXTURE_VARIANT_ADD(failnth, userq_wait) CALL(DRM_DACC_USERQ_WAIT, NULL, do_userq_wait, NULL);
FIXTURE_VARIANT_ADD(failnth, pool_create) CALL(DRM_DACC_POOL_CREATE, NULL, do_pool, undo_pool);
FIXTURE_VARIANT_ADD(failnth, pool_destroy)
CALL(DRM_DACC_POOL_DESTROY, do_pool, do_pool_destroy, undo_pool);
FIXTURE_VARIANT_ADD(failnth, pool_alloc)
CALL(DRM_DACC_POOL_ALLOC, NULL, do_pool_alloc, undo_pool_alloc);
FIXTURE_VARIANT_ADD(failnth, pool_free)
CALL(DRM_DACC_POOL_FREE, do_pool_alloc, do_pool_free, undo_pool_alloc);
FIXTURE_VARIANT_ADD(failnth, list_create_sg)
CALL(DRM_DACC_LIST_CREATE, NULL, do_list_sg, undo_list);
FIXTURE_VARIANT_ADD(failnth, list_create_strided)
CALL(DRM_DACC_LIST_CREATE, NULL, do_list_strided, undo_list);
FIXTURE_VARIANT_ADD(failnth, list_create_indexed) CALL(NONE, NULL, do_list_indexed, undo_list);
FIXTURE_VARIANT_ADD(failnth, list_destroy)
CALL(DRM_DACC_LIST_DESTROY, do_list_sg, do_list_destroy, undo_list);
FIXTURE_VARIANT_ADD(failnth, transfer) CALL(DRM_DACC_TRANSFER, NULL, do_transfer, undo_transfer);
FIXTURE_VARIANT_ADD(failnth, transfer_wait)
CALL(DRM_DACC_TRANSFER_WAIT, do_transfer, do_transfer_wait, reap_transfer);
FIXTURE_VARIANT_ADD(failnth, transfer_cancel)
CALL(DRM_DACC_TRANSFER_CANCEL, do_transfer, do_transfer_cancel, reap_transfer);
FIXTURE_VARIANT_ADD(failnth, transfer_event)
CALL(DRM_DACC_TRANSFER, NULL, do_transfer_event, undo_transfer_event);
FIXTURE_VARIANT_ADD(failnth, gpupeer_info) CALL(GPU(DRM_GPUPEER_INFO), NULL, do_gpu_info, NULL);
FIXTURE_VARIANT_ADD(failnth, gpupeer_bo_create_hbm)
CALL(GPU(DRM_GPUPEER_BO_CREATE), NULL, do_gpu_hbm, undo_gpu_bo);
FIXTURE_VARIANT_ADD(failnth, gpupeer_bo_create_system)
CALL(GPU(DRM_GPUPEER_BO_CREATE), NULL, do_gpu_system, undo_gpu_bo);
FIXTURE_VARIANT_ADD(failnth, gpupeer_bo_mmap)
CALL(GPU(DRM_GPUPEER_BO_MMAP), NULL, do_gpu_bo_mmap, NULL);
FIXTURE_VARIANT_ADD(failnth, gpupeer_mmap) CALL(NONE, NULL, do_gpu_mmap, undo_mmap);
FIXTURE_VARIANT_ADD(failnth, gpupeer_copy)
CALL(GPU(DRM_GPUPEER_COPY), NULL, do_gpu_copy, undo_gpu_job);
FIXTURE_VARIANT_ADD(failnth, gpupeer_prefill)
CALL(GPU(DRM_GPUPEER_PREFILL), NULL, do_gpu_prefill, undo_gpu_job);
FIXTURE_VARIANT_ADD(failnth, gpupeer_job_query)
CALL(GPU(DRM_GPUPEER_JOB_QUERY), do_gpu_copy, do_gpu_job_query, undo_gpu_job);
FIXTURE_VARIANT_ADD(failnth, gpupeer_export) CALL(NONE, NULL, do_gpu_export, undo_fd);

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

	if (xioctl(e->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c))
		return;
	e->userq = c.queue;
	e->doorbell = mmap(NULL, DACC_DOORBELL_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED, e->fd,
			   (off_t)c.doorbell_offset);
	if (e->doorbell != MAP_FAILED)
		*(volatile uint32_t *)e->doorbell = 1;
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

static void set_up(struct __test_metadata *_metadata, struct env *e)
{
	struct drm_dacc_job nops[4] = {};
	struct drm_prime_handle p = { .flags = DRM_CLOEXEC | DRM_RDWR };
	char link[64];

	e->id = 0;
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
	ASSERT_EQ(submit(e->fd, e->queue, nops, 4, &e->seq), 0);
	ASSERT_EQ(timeline(e->fd, &e->sync), 0);
	ASSERT_EQ(timeline(e->gpu, &e->gpu_sync), 0);
	ASSERT_EQ(gpu_bo(e->gpu, DRM_GPUPEER_BO_HBM, &e->hbm), 0);
	ASSERT_EQ(gpu_bo(e->gpu, DRM_GPUPEER_BO_SYSTEM, &e->sys), 0);
	p.handle = e->hbm;
	ASSERT_EQ(xioctl(e->gpu, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p), 0);
	e->hbm_fd = p.fd;
	e->udmabuf = udmabuf_fd(SZ_64K, NULL);
	ASSERT_GE(e->udmabuf, 0);
	e->doorbell = MAP_FAILED;
	make_userq(e);
	setup_kv(e);
	ASSERT_EQ(wait_job(e->fd, e->queue, e->seq, 30, NULL), 0);
}

/* Closes all, what the kernel made and could not name as well. */
static void tear_down(struct env *e)
{
	if (e->doorbell != MAP_FAILED)
		munmap(e->doorbell, DACC_DOORBELL_STRIDE);
	close_range(e->nth + 1, ~0u, 0);
}

FIXTURE_SETUP(failnth)
{
	struct env *e = &self->e;

	memset(e, 0, sizeof(*e));
	/* Below what is opened from here on. */
	e->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (e->nth < 0 || !prepare_injection(ALLOCATIONS))
		SKIP(return, "this kernel has no fault injection with filters");
	counters(self->before, sizeof(self->before));
	set_up(_metadata, e);
}

FIXTURE_TEARDOWN(failnth)
{
	if (self->e.fd <= 0)
		return;
	tear_down(&self->e);
	/* Nothing of the whole test is left. */
	EXPECT_TRUE(counters_become(self->before));
}

static void count_hit(int nr, enum kind kind)
{
	if (nr >= GPU(0))
		hits->gpupeer[nr - GPU(0)][kind]++;
	else if (nr >= 0)
		hits->dacc[nr][kind]++;
}

TEST_F(failnth, each_allocation)
{
	struct env *e = &self->e;
	bool injected = true;
	int n, failed = 0, ret;
	char base[4096];

	/* It works by itself; and what happens the first time only is done. */
	if (variant->before)
		ASSERT_EQ(variant->before(e), 0);
	ret = variant->call(e);
	if (e->unknown)
		SKIP(return, "this kernel or bus does not let it");
	ASSERT_EQ(ret, 0);
	if (variant->undo)
		variant->undo(e);
	counters(base, sizeof(base));

	for (n = 1; injected; n++) {
		ASSERT_LT(n, MAX_CALLS);
		if (variant->before)
			ASSERT_EQ(variant->before(e), 0);
		arm(e->nth, n);
		ret = variant->call(e);
		injected = disarm(e->nth);
		if (variant->undo && (!ret || variant->before))
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
		if (injected)
			count_hit(variant->nr, ALLOCATIONS);
		failed += ret == -ENOMEM;
	}
	if (variant->before)
		ASSERT_EQ(variant->before(e), 0);
	ASSERT_EQ(variant->call(e), 0);
	if (variant->undo)
		variant->undo(e);
	TH_LOG("%d allocations failed in turn, %d times the call did", n - 2, failed);
}

/*
 * An ioctl that has made something and can't say so leaves it to the end of the file,
 * as anywhere in DRM: so that is what is looked at.
 */
TEST_F(failnth, each_copy)
{
	struct env *e = &self->e;
	bool injected = true;
	int n, failed = 0, ret;

	ASSERT_TRUE(prepare_injection(COPIES));
	for (n = 1; injected; n++) {
		ASSERT_LT(n, MAX_CALLS);
		if (variant->before)
			ASSERT_EQ(variant->before(e), 0);
		arm(e->nth, n);
		ret = variant->call(e);
		injected = disarm(e->nth);
		if (n == 1 && e->unknown)
			SKIP(return, "this kernel or bus does not let it");
		EXPECT_TRUE(ret == 0 || (injected && ret == -EFAULT))
		{
			TH_LOG("copy %d failed (%d): %d", n, injected, ret);
		}
		if (variant->undo && (!ret || variant->before))
			variant->undo(e);
		if (!injected)
			break;
		tear_down(e);
		ASSERT_TRUE(counters_become(self->before))
		{
			TH_LOG("copy %d failed, the call returned %d", n, ret);
		}
		set_up(_metadata, e);
		count_hit(variant->nr, COPIES);
		failed += ret == -EFAULT;
	}
	TH_LOG("%d copies failed in turn, %d times the call did", n - 1, failed);
}

/* --- whether that was all, when the rest has run --------------------------- */

FIXTURE(ioctls)
{
	int nth;
};

FIXTURE_SETUP(ioctls)
{
	self->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->nth < 0 || !prepare_injection(ALLOCATIONS))
		SKIP(return, "this kernel has no fault injection with filters");
}

FIXTURE_TEARDOWN(ioctls)
{
	close(self->nth);
}

/* These take memory, so an injection that does nothing would be seen. */
static bool takes_memory(int nr)
{
	switch (nr) {
	case DRM_DACC_BO_CREATE:
	case DRM_DACC_VM_CREATE:
	case DRM_DACC_VM_BIND:
	case DRM_DACC_QUEUE_CREATE:
	case DRM_DACC_SUBMIT:
	case DRM_DACC_USERQ_SIGNAL:
	case DRM_DACC_USERQ_WAIT:
	case DRM_DACC_POOL_CREATE:
	case DRM_DACC_POOL_ALLOC:
	case DRM_DACC_POOL_FREE:
	case DRM_DACC_LIST_CREATE:
	case DRM_DACC_TRANSFER:
	case GPU(DRM_GPUPEER_BO_CREATE):
	case GPU(DRM_GPUPEER_PREFILL):
	case GPU(DRM_GPUPEER_COPY):
		return true;
	default:
		return false;
	}
}

static void expect_hits(struct __test_metadata *_metadata, int nr, const uint32_t *n)
{
	TH_LOG("ioctl %#x: %u allocations, %u copies", nr, n[ALLOCATIONS], n[COPIES]);
	EXPECT_GT(n[COPIES], 0);
	if (takes_memory(nr))
		EXPECT_GT(n[ALLOCATIONS], 0);
}

TEST_F(ioctls, all_were_hit)
{
	int i;

	for (i = 0; i < NUM_DACC; i++)
		expect_hits(_metadata, i, hits->dacc[i]);
	for (i = 0; i < NUM_GPUPEER; i++)
		expect_hits(_metadata, GPU(i), hits->gpupeer[i]);
}

static void __attribute__((constructor)) share_hits(void)
{
	hits = mmap(NULL, sizeof(*hits), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (hits == MAP_FAILED)
		abort();
}

TEST_HARNESS_MAIN
