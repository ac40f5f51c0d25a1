/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of dma-bufs share: the GPU peer, foreign exporters, contents. */
#ifndef DACC_PEER_H
#define DACC_PEER_H

#include "dacc_life.h"
#include "open_driver.h"

#include "drm/gpupeer_drm.h"

#define SRAM 0x200000000ull

static inline void pattern(void *to, size_t n)
{
	uint8_t *p = to;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + i / 4096);
}

/* The dma-buf of a handle: its file descriptor, or a negative errno. */
static inline int export_fd(int fd, uint32_t handle, uint32_t flags)
{
	int buf = -1;

	return drmPrimeHandleToFD(fd, handle, flags, &buf) ? -errno : buf;
}

/* The other way: 0 or a negative errno. */
static inline int import_fd(int fd, int buf, uint32_t *handle)
{
	return drmPrimeFDToHandle(fd, buf, handle) ? -errno : 0;
}

static inline int gpu_bo(int gpu, uint64_t size, uint32_t flags, uint32_t *handle)
{
	struct drm_gpupeer_bo_create c = { .size = size, .flags = flags };
	int ret = xioctl(gpu, DRM_IOCTL_GPUPEER_BO_CREATE, &c);

	*handle = c.handle;
	return ret;
}

static inline void *gpu_map(int gpu, uint32_t handle, uint64_t size)
{
	struct drm_gpupeer_bo_mmap m = { .handle = handle };
	void *p;

	if (xioctl(gpu, DRM_IOCTL_GPUPEER_BO_MMAP, &m))
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, gpu, (off_t)m.offset);
	return p == MAP_FAILED ? NULL : p;
}

/* Submits a copy; the job's number, or a negative errno. */
static inline long long gpu_copy_start(int gpu, uint32_t dst, uint64_t dst_offset, uint32_t src,
				       uint64_t src_offset, uint64_t len)
{
	struct drm_gpupeer_copy c = {
		.src = src,
		.dst = dst,
		.src_offset = src_offset,
		.dst_offset = dst_offset,
		.len = len,
	};
	int ret = xioctl(gpu, DRM_IOCTL_GPUPEER_COPY, &c);

	return ret ? ret : (long long)c.job;
}

/* Waits up to @seconds for its end: 0, or its error, or -ETIME. */
static inline int gpu_copy_end(int gpu, long long job, int seconds)
{
	int64_t end = now_ns() + seconds * NSEC;
	int ret;

	do {
		struct drm_gpupeer_job_query q = { .job = (uint64_t)job };

		ret = xioctl(gpu, DRM_IOCTL_GPUPEER_JOB_QUERY, &q);
		if (ret)
			return ret;
		if (q.state == DRM_GPUPEER_JOB_DONE)
			return q.error;
		usleep(2000);
	} while (now_ns() < end);
	return -ETIME;
}

static inline int gpu_copy(int gpu, uint32_t dst, uint64_t dst_offset, uint32_t src,
			   uint64_t src_offset, uint64_t len)
{
	long long job = gpu_copy_start(gpu, dst, dst_offset, src, src_offset, len);

	return job < 0 ? (int)job : gpu_copy_end(gpu, job, 60);
}

/* A counter of the GPU peer's debugfs file; -1 if it is not there. */
static inline long long gpu_counter(const char *name)
{
	long long value, found = -1;
	char key[64];
	glob_t g = {};
	FILE *f = NULL;

	if (!glob("/sys/kernel/debug/dri/*/revoke", 0, NULL, &g)) {
		char path[128];

		snprintf(path, sizeof(path), "%.*scounters",
			 (int)strlen(g.gl_pathv[0]) - (int)strlen("revoke"), g.gl_pathv[0]);
		f = fopen(path, "r");
	}
	globfree(&g);
	if (!f)
		return -1;
	while (fscanf(f, "%63s %lld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	fclose(f);
	return found;
}

/* What is freed by a worker is gone soon, not at once. */
static inline bool becomes(long long (*read)(const char *), const char *name, long long value)
{
	for (int i = 0; i < 500; i++) {
		if (read(name) == value)
			return true;
		usleep(20000);
	}
	return false;
}

/* Through the GPU peer's debugfs. */
static inline int revoke_hbm(int buf)
{
	struct stat st;
	glob_t g = {};
	FILE *f = NULL;

	if (fstat(buf, &st))
		return -errno;
	if (!glob("/sys/kernel/debug/dri/*/revoke", 0, NULL, &g))
		f = fopen(g.gl_pathv[0], "w");
	globfree(&g);
	if (!f)
		return -ENOENT;
	fprintf(f, "%lu", (unsigned long)st.st_ino);
	return fclose(f) ? -errno : 0;
}

/* Memory of the system's dma-heap as a dma-buf. */
static inline int heap_fd(size_t size)
{
	struct dma_heap_allocation_data a = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	int ret;

	if (heap < 0)
		return -errno;
	ret = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &a) ? -errno : (int)a.fd;
	close(heap);
	return ret;
}

static inline int set_module_parameter(const char *module, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module, name);
	return write_file(path, text);
}

/* The PCI address of the driver's first device. */
static inline int driver_device(const char *driver, char *bdf, size_t size)
{
	char path[128];
	glob_t g = {};
	int ret = -ENOENT;

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/*:*:*", driver);
	if (!glob(path, 0, NULL, &g)) {
		snprintf(bdf, size, "%.20s", strrchr(g.gl_pathv[0], '/') + 1);
		ret = 0;
	}
	globfree(&g);
	return ret;
}

static inline int driver_bind(const char *driver, const char *how, const char *bdf)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/%s", driver, how);
	return write_file(path, bdf);
}

#endif
