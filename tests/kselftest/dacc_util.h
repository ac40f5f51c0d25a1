/* SPDX-License-Identifier: GPL-2.0 */
/* What the ioctl tests share: the node, one wrapper for each ioctl, counters. */
#ifndef DACC_UTIL_H
#define DACC_UTIL_H

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>

#include "dacc_hw.h"
#include "drm/dacc_accel.h"

#include "kselftest_harness.h"

#define NODE   "/dev/accel/accel0"
#define SZ_4K  0x1000ull
#define SZ_64K 0x10000ull
#define SZ_1M  0x100000ull
#define NSEC   1000000000ll

/* 0 or a negative errno, as the kernel returned it. Not drmIoctl(), which would
 * retry -EAGAIN for ever.
 */
static inline int xioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

static inline int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

/* The first accel node there is: another number than 0 after a rebind. */
static inline int open_node(void)
{
	char path[32];
	int i, fd = -1;

	for (i = 0; i < 16 && fd < 0; i++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	return fd;
}

static inline int query_device(int fd, struct drm_dacc_device_info *info)
{
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_DEVICE,
		.pointer = (uintptr_t)info,
		.size = sizeof(*info),
	};

	return xioctl(fd, DRM_IOCTL_DACC_QUERY, &q);
}

static inline int bo_create(int fd, uint64_t size, uint32_t flags, uint32_t *handle)
{
	struct drm_dacc_bo_create c = { .size = size, .flags = flags };
	int ret = xioctl(fd, DRM_IOCTL_DACC_BO_CREATE, &c);

	*handle = c.handle;
	return ret;
}

static inline int bo_info(int fd, uint32_t handle, uint32_t *flags, uint64_t *size)
{
	struct drm_dacc_bo_info i = { .handle = handle };
	int ret = xioctl(fd, DRM_IOCTL_DACC_BO_INFO, &i);

	*flags = i.flags;
	*size = i.size;
	return ret;
}

static inline void *bo_map(int fd, uint32_t handle, uint64_t size)
{
	struct drm_dacc_bo_mmap m = { .handle = handle };
	void *p;

	if (xioctl(fd, DRM_IOCTL_DACC_BO_MMAP, &m))
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)m.offset);
	return p == MAP_FAILED ? NULL : p;
}

static inline int vm_create(int fd, uint32_t *vm)
{
	struct drm_dacc_vm_create c = {};
	int ret = xioctl(fd, DRM_IOCTL_DACC_VM_CREATE, &c);

	*vm = c.vm;
	return ret;
}

static inline int vm_destroy(int fd, uint32_t vm)
{
	struct drm_dacc_vm_destroy d = { .vm = vm };

	return xioctl(fd, DRM_IOCTL_DACC_VM_DESTROY, &d);
}

static inline int vm_map(int fd, uint32_t vm, uint32_t handle, uint64_t offset, uint64_t addr,
			 uint64_t range, uint32_t flags)
{
	struct drm_dacc_vm_bind b = {
		.vm = vm,
		.op = DRM_DACC_VM_MAP,
		.handle = handle,
		.flags = flags,
		.offset = offset,
		.addr = addr,
		.range = range,
	};

	return xioctl(fd, DRM_IOCTL_DACC_VM_BIND, &b);
}

static inline int vm_unmap(int fd, uint32_t vm, uint64_t addr, uint64_t range)
{
	struct drm_dacc_vm_bind b = {
		.vm = vm,
		.op = DRM_DACC_VM_UNMAP,
		.addr = addr,
		.range = range,
	};

	return xioctl(fd, DRM_IOCTL_DACC_VM_BIND, &b);
}

static inline int queue_create(int fd, uint32_t vm, uint32_t queue_class, uint32_t depth,
			       uint32_t *queue)
{
	struct drm_dacc_queue_create c = {
		.vm = vm,
		.queue_class = queue_class,
		.depth = depth,
	};
	int ret = xioctl(fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c);

	*queue = c.queue;
	return ret;
}

static inline int queue_destroy(int fd, uint32_t queue)
{
	struct drm_dacc_queue_destroy d = { .queue = queue };

	return xioctl(fd, DRM_IOCTL_DACC_QUEUE_DESTROY, &d);
}

static inline int queue_info(int fd, uint32_t queue, struct drm_dacc_queue_info *info)
{
	memset(info, 0, sizeof(*info));
	info->queue = queue;
	return xioctl(fd, DRM_IOCTL_DACC_QUEUE_INFO, info);
}

static inline int submit_full(int fd, uint32_t queue, const struct drm_dacc_job *jobs, uint32_t n,
			      const struct drm_dacc_sync *in, uint32_t n_in,
			      const struct drm_dacc_sync *out, uint32_t n_out, __u64 *seq)
{
	struct drm_dacc_submit s = {
		.queue = queue,
		.n_jobs = n,
		.jobs = (uintptr_t)jobs,
		.in_syncs = (uintptr_t)in,
		.out_syncs = (uintptr_t)out,
		.n_in_syncs = n_in,
		.n_out_syncs = n_out,
	};
	int ret = xioctl(fd, DRM_IOCTL_DACC_SUBMIT, &s);

	if (seq)
		*seq = s.seq;
	return ret;
}

static inline int submit(int fd, uint32_t queue, const struct drm_dacc_job *jobs, uint32_t n,
			 __u64 *seq)
{
	return submit_full(fd, queue, jobs, n, NULL, 0, NULL, 0, seq);
}

/* Waits up to @seconds and gets the result of that one job. */
static inline int wait_job(int fd, uint32_t queue, __u64 seq, int seconds,
			   struct drm_dacc_result *result)
{
	struct drm_dacc_wait w = {
		.queue = queue,
		.n_results = result ? 1 : 0,
		.seq = seq,
		.timeout_ns = now_ns() + seconds * NSEC,
		.results = (uintptr_t)result,
	};

	return xioctl(fd, DRM_IOCTL_DACC_WAIT, &w);
}

static inline struct drm_dacc_job job_copy(uint64_t dst, uint64_t src, uint64_t len)
{
	struct drm_dacc_job j = { .type = DRM_DACC_JOB_COPY };

	j.copy.src = src;
	j.copy.dst = dst;
	j.copy.len = len;
	return j;
}

static inline struct drm_dacc_job job_fill(uint64_t dst, uint64_t len, uint32_t pattern)
{
	struct drm_dacc_job j = { .type = DRM_DACC_JOB_FILL };

	j.fill.dst = dst;
	j.fill.len = len;
	j.fill.pattern = pattern;
	return j;
}

static inline struct drm_dacc_job job_nop(void)
{
	struct drm_dacc_job j = { .type = DRM_DACC_JOB_NOP };

	return j;
}

static inline int run(int fd, uint32_t queue, struct drm_dacc_job job, struct drm_dacc_result *r)
{
	__u64 seq;
	int ret = submit(fd, queue, &job, 1, &seq);

	return ret ? ret : wait_job(fd, queue, seq, 30, r);
}

/* Opens a file of the driver's debugfs folder, whose name is the minor's number
 * or the PCI address, as the kernel's version has it.
 */
static inline FILE *debugfs_open(const char *name, const char *mode)
{
	char pattern[128];
	FILE *f = NULL;
	glob_t g;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/accel/*/%s", name);
	if (!glob(pattern, 0, NULL, &g))
		f = fopen(g.gl_pathv[0], mode);
	globfree(&g);
	return f;
}

/* Arms a fault (enum dacc_inject) for hardware queue or count @arg. */
static inline int inject(uint32_t fault, uint32_t arg)
{
	FILE *f = debugfs_open("inject", "w");
	int ret;

	if (!f)
		return -ENOENT;
	ret = fprintf(f, "0x%x\n", fault | arg << 8) < 0 ? -EIO : 0;
	if (fclose(f))
		ret = -errno;
	return ret;
}

/* Arms a fault for every hardware queue but those that run nothing now. */
static inline int inject_all(uint32_t fault)
{
	uint32_t q;
	int ret = 0;

	for (q = 0; q < DACC_MAX_QUEUES && !ret; q++)
		ret = inject(fault, q);
	return ret;
}

/* A counter of the driver's debugfs file; -1 if it is not there. */
static inline long long counter(const char *name)
{
	char line[256], key[64];
	long long value, found = -1;
	FILE *f = debugfs_open("counters", "r");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63[^:]: %lld", key, &value) == 2 && !strcmp(key, name))
			found = value;
	fclose(f);
	return found;
}

static inline long long live_bos(void)
{
	return counter("sram_bos") + counter("host_bos") + counter("imports");
}

/* Memory pages of this process as a dma-buf of another driver. */
static inline int udmabuf_fd(size_t size, void **map)
{
	struct udmabuf_create c = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	int dev, fd, mem = memfd_create("dacc", MFD_ALLOW_SEALING);

	if (mem < 0)
		return -errno;
	if (ftruncate(mem, (off_t)size) || fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK)) {
		close(mem);
		return -EIO;
	}
	if (map) {
		*map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
		if (*map == MAP_FAILED) {
			close(mem);
			return -ENOMEM;
		}
	}
	dev = open("/dev/udmabuf", O_RDWR);
	if (dev < 0) {
		close(mem);
		return -ENOENT;
	}
	c.memfd = (uint32_t)mem;
	fd = ioctl(dev, UDMABUF_CREATE, &c);
	if (fd < 0)
		fd = -errno;
	close(dev);
	close(mem);
	return fd;
}

#endif
