// SPDX-License-Identifier: GPL-2.0
/*
 * gpupeer.ko by its ioctls: buffers, copies, prefill, fences, export, and what
 * happens when a process or the device goes away. Needs root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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

#include <linux/sync_file.h>
#include <xf86drm.h>

#include "dacc_hw.h"
#include "drm/gpupeer_drm.h"

#include "kselftest_harness.h"

#define HBM     DRM_GPUPEER_BO_HBM
#define SYS     DRM_GPUPEER_BO_SYSTEM
#define KB      1024ull
#define MB      (1024ull * KB)
#define GRANULE (64 * KB)
#define SECOND  1000000000ll

/* --- helpers -------------------------------------------------------------- */

static int call(int fd, unsigned long request, void *arg)
{
	return drmIoctl(fd, request, arg) ? -errno : 0;
}

static int open_driver(const char *name, char node[32], char pci[32])
{
	struct dirent *entry;
	DIR *dir = opendir("/dev/dri");
	int found = -ENODEV;

	while (dir && (entry = readdir(dir))) {
		char path[512], link[512];
		drmVersionPtr version;
		ssize_t len;
		int fd;

		if (strncmp(entry->d_name, "renderD", 7))
			continue;
		snprintf(path, sizeof(path), "/dev/dri/%.24s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		if (version && !strcmp(version->name, name)) {
			found = fd;
			if (node)
				snprintf(node, 32, "%.31s", path);
			snprintf(path, sizeof(path), "/sys/class/drm/%.24s/device", entry->d_name);
			len = readlink(path, link, sizeof(link) - 1);
			if (pci && len > 0) {
				link[len] = '\0';
				snprintf(pci, 32, "%.31s", strrchr(link, '/') + 1);
			}
		} else {
			close(fd);
		}
		drmFreeVersion(version);
		if (found >= 0)
			break;
	}
	if (dir)
		closedir(dir);
	return found;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* A counter of the driver's debugfs file, or -1. */
static long long counter(const char *pci, const char *name)
{
	char path[128], key[32];
	long long value, found = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%s/counters", pci);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fscanf(f, "%31s %lld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	fclose(f);
	return found;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* Waits until a counter has a value; what killed processes held goes late. */
static int counter_becomes(const char *pci, const char *name, long long value)
{
	int64_t deadline = now_ns() + 20 * SECOND;

	while (counter(pci, name) != value) {
		if (now_ns() > deadline)
			return 0;
		usleep(10000);
	}
	return 1;
}

static int bo_create(int fd, uint64_t size, uint32_t flags, uint32_t *handle)
{
	struct drm_gpupeer_bo_create args = { .size = size, .flags = flags };
	int ret = call(fd, DRM_IOCTL_GPUPEER_BO_CREATE, &args);

	*handle = args.handle;
	return ret;
}

static int bo_close(int fd, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	return call(fd, DRM_IOCTL_GEM_CLOSE, &args);
}

static void *bo_map(int fd, uint32_t handle, size_t size)
{
	struct drm_gpupeer_bo_mmap args = { .handle = handle };

	if (call(fd, DRM_IOCTL_GPUPEER_BO_MMAP, &args))
		return MAP_FAILED;
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, args.offset);
}

static uint32_t syncobj(int fd)
{
	uint32_t handle = 0;

	drmSyncobjCreate(fd, 0, &handle);
	return handle;
}

static int wait_until(int fd, uint32_t handle, uint64_t point, int64_t deadline)
{
	if (!point)
		return drmSyncobjWait(fd, &handle, 1, deadline, 0, NULL);
	return drmSyncobjTimelineWait(fd, &handle, &point, 1, deadline, 0, NULL);
}

static int wait_point(int fd, uint32_t handle, uint64_t point)
{
	return wait_until(fd, handle, point, now_ns() + 30 * SECOND);
}

static int query(int fd, uint64_t job, struct drm_gpupeer_job_query *q)
{
	memset(q, 0, sizeof(*q));
	q->job = job;
	return call(fd, DRM_IOCTL_GPUPEER_JOB_QUERY, q);
}

static struct drm_gpupeer_copy copy_args(uint32_t src, uint32_t dst, uint64_t len, uint32_t done)
{
	return (struct drm_gpupeer_copy){ .src = src, .dst = dst, .len = len, .done.handle = done };
}

static void fill(uint8_t *p, size_t len, uint32_t seed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = seed >> 24;
	}
}

static uint64_t first_difference(const uint8_t *p, const uint8_t *q, uint64_t len)
{
	uint64_t i;

	for (i = 0; i < len && p[i] == q[i]; i++)
		;
	return i;
}

static int all_zero(const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i])
			return 0;
	return 1;
}

/*
 * The error of a syncobj's fence, or 0: a sync file tells it of each fence that
 * a timeline point stands for.
 */
static int fence_error(int fd, uint32_t handle, uint64_t point)
{
	struct sync_fence_info fences[16] = {};
	struct sync_file_info info = {
		.num_fences = 16,
		.sync_fence_info = (uintptr_t)fences,
	};
	uint32_t binary = syncobj(fd);
	unsigned int i;
	int file, error = 0;

	if (drmSyncobjTransfer(fd, binary, 0, handle, point, 0) ||
	    drmSyncobjExportSyncFile(fd, binary, &file))
		return 1;
	if (ioctl(file, SYNC_IOC_FILE_INFO, &info))
		error = 1;
	for (i = 0; !error && i < info.num_fences; i++)
		if (fences[i].status < 0)
			error = fences[i].status;
	close(file);
	drmSyncobjDestroy(fd, binary);
	return error;
}

/* --- buffers, copies ------------------------------------------------------ */

FIXTURE(gpupeer)
{
	int fd;
	char node[32];
	char pci[32];
};

FIXTURE_SETUP(gpupeer)
{
	self->fd = open_driver("gpupeer", self->node, self->pci);
	ASSERT_GE(self->fd, 0)
	{
		TH_LOG("no GPU peer: load gpupeer.ko in a guest that has the device");
	}
	ASSERT_GE(counter(self->pci, "bos"), 0);
}

FIXTURE_TEARDOWN(gpupeer)
{
	close(self->fd);
	/* Nothing that a test did may stay. */
	EXPECT_TRUE(counter_becomes(self->pci, "bos", 0));
	EXPECT_TRUE(counter_becomes(self->pci, "jobs", 0));
	EXPECT_EQ(0, counter(self->pci, "exports"));
	EXPECT_EQ(0, counter(self->pci, "mappings"));
	EXPECT_EQ(0, counter(self->pci, "hbm_used"));
	EXPECT_EQ(0, counter(self->pci, "system_bytes"));
}

TEST_F(gpupeer, info)
{
	struct drm_gpupeer_info info = {};

	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_INFO, &info));
	EXPECT_GE(info.hbm_size, GRANULE);
	EXPECT_EQ(0, info.hbm_size & (info.hbm_size - 1));
	EXPECT_EQ(info.hbm_size, info.hbm_free);
	EXPECT_EQ(info.hbm_size, counter(self->pci, "hbm_size"));
	EXPECT_LE(info.p2p, 1);
	EXPECT_EQ(0, info.pad);
}

TEST_F(gpupeer, bo_create_bad)
{
	uint32_t h;

	EXPECT_EQ(-EINVAL, bo_create(self->fd, 0, HBM, &h));
	EXPECT_EQ(-EINVAL, bo_create(self->fd, 0, SYS, &h));
	EXPECT_EQ(-EINVAL, bo_create(self->fd, 4096, 0, &h));
	EXPECT_EQ(-EINVAL, bo_create(self->fd, 4096, HBM | SYS, &h));
	EXPECT_EQ(-EINVAL, bo_create(self->fd, 4096, HBM | 4, &h));
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, UINT64_MAX, HBM, &h));
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, UINT64_MAX, SYS, &h));
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, 1ull << 40, HBM, &h));
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, 1ull << 46, SYS, &h));
}

TEST_F(gpupeer, bo_sizes)
{
	struct drm_gpupeer_bo_create args = { .size = 1, .flags = HBM };
	struct drm_gpupeer_info info = {};

	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_BO_CREATE, &args));
	EXPECT_EQ(GRANULE, args.size);
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_INFO, &info));
	EXPECT_EQ(info.hbm_size - GRANULE, info.hbm_free);

	args = (struct drm_gpupeer_bo_create){ .size = 4097, .flags = SYS };
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_BO_CREATE, &args));
	EXPECT_EQ(8192, args.size);
	EXPECT_EQ(8192, counter(self->pci, "system_bytes"));
}

TEST_F(gpupeer, bo_exhaust)
{
	struct drm_gpupeer_info info = {};
	uint32_t h[64];
	uint64_t part;
	int i, n;

	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_INFO, &info));
	part = info.hbm_size / 8;
	for (n = 0; n < 64 && !bo_create(self->fd, part, HBM, &h[n]); n++)
		;
	EXPECT_EQ(8, n);
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, 1, HBM, &h[n]));
	/* A hole in the middle is found again. */
	ASSERT_EQ(0, bo_close(self->fd, h[3]));
	ASSERT_EQ(0, bo_create(self->fd, part, HBM, &h[3]));
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, bo_close(self->fd, h[i]));
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_INFO, &info));
	EXPECT_EQ(info.hbm_size, info.hbm_free);
}

TEST_F(gpupeer, bo_is_cleared)
{
	const uint32_t kind[] = { HBM, SYS };
	int i;

	for (i = 0; i < 2; i++) {
		uint32_t h;
		uint8_t *p;

		ASSERT_EQ(0, bo_create(self->fd, MB, kind[i], &h));
		p = bo_map(self->fd, h, MB);
		ASSERT_NE(MAP_FAILED, p);
		EXPECT_TRUE(all_zero(p, MB));
		memset(p, 0xa5, MB);
		munmap(p, MB);
		ASSERT_EQ(0, bo_close(self->fd, h));
		/* The same place again, as nothing else is allocated. */
		ASSERT_EQ(0, bo_create(self->fd, MB, kind[i], &h));
		p = bo_map(self->fd, h, MB);
		ASSERT_NE(MAP_FAILED, p);
		EXPECT_TRUE(all_zero(p, MB));
		munmap(p, MB);
	}
}

TEST_F(gpupeer, mmap)
{
	struct drm_gpupeer_bo_mmap args = {};
	const uint32_t kind[] = { HBM, SYS };
	uint8_t *p, *data = malloc(2 * GRANULE);
	int i, other;

	ASSERT_NE(NULL, data);
	fill(data, 2 * GRANULE, 1);
	EXPECT_EQ(-ENOENT, call(self->fd, DRM_IOCTL_GPUPEER_BO_MMAP, &args));
	other = open(self->node, O_RDWR | O_CLOEXEC);
	ASSERT_GE(other, 0);

	for (i = 0; i < 2; i++) {
		uint32_t h;

		ASSERT_EQ(0, bo_create(self->fd, 2 * GRANULE, kind[i], &h));
		args = (struct drm_gpupeer_bo_mmap){ .handle = h, .pad = 1 };
		EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_GPUPEER_BO_MMAP, &args));
		args.pad = 0;
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_BO_MMAP, &args));

		p = mmap(NULL, 2 * GRANULE, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
			 args.offset);
		ASSERT_NE(MAP_FAILED, p);
		memcpy(p, data, 2 * GRANULE);
		EXPECT_EQ(2 * GRANULE, first_difference(p, data, 2 * GRANULE));
		munmap(p, 2 * GRANULE);
		/* It is still there, and from another page on. */
		p = bo_map(self->fd, h, 2 * GRANULE);
		ASSERT_NE(MAP_FAILED, p);
		EXPECT_EQ(data[GRANULE + 4097], p[GRANULE + 4097]);
		munmap(p, 2 * GRANULE);

		p = mmap(NULL, 3 * GRANULE, PROT_READ, MAP_SHARED, self->fd, args.offset);
		EXPECT_EQ(MAP_FAILED, p);
		EXPECT_EQ(EINVAL, errno);
		p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, args.offset);
		EXPECT_EQ(MAP_FAILED, p);
		EXPECT_EQ(EINVAL, errno);
		p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, other, args.offset);
		EXPECT_EQ(MAP_FAILED, p);
		EXPECT_EQ(EACCES, errno);
	}
	close(other);
	free(data);
}

TEST_F(gpupeer, copy_bad)
{
	struct drm_gpupeer_sync sync = { .handle = 12345 };
	struct drm_gpupeer_copy good, args;
	uint32_t hbm, sys, hbm2, done;
	int other;

	ASSERT_EQ(0, bo_create(self->fd, GRANULE, HBM, &hbm));
	ASSERT_EQ(0, bo_create(self->fd, GRANULE, HBM, &hbm2));
	ASSERT_EQ(0, bo_create(self->fd, GRANULE, SYS, &sys));
	done = syncobj(self->fd);
	good = copy_args(sys, hbm, 4096, done);

#define TRY(err, ...) \
	do { \
		args = good; \
		__VA_ARGS__; \
		EXPECT_EQ(err, call(self->fd, DRM_IOCTL_GPUPEER_COPY, &args)); \
	} while (0)

	TRY(-EINVAL, args.len = 0);
	TRY(-EINVAL, args.pad = 1);
	TRY(-EINVAL, args.len = GRANULE + 1);
	TRY(-EINVAL, args.src_offset = GRANULE - 4095);
	TRY(-EINVAL, args.dst_offset = GRANULE - 4095);
	TRY(-EINVAL, args.src_offset = UINT64_MAX);
	TRY(-EINVAL, args.dst_offset = UINT64_MAX - 100);
	TRY(-EINVAL, args.len = UINT64_MAX);
	TRY(-EINVAL, args.src = hbm2);
	TRY(-EINVAL, args.dst = sys);
	TRY(-ENOENT, args.src = 0);
	TRY(-ENOENT, args.src = 999);
	TRY(-ENOENT, args.dst = 999);
	TRY(-EINVAL, args.done.pad = 1);
	TRY(-EINVAL, args.done.handle = 0; args.done.point = 1);
	TRY(-ENOENT, args.done.handle = 999);
	TRY(-EINVAL, args.n_in_syncs = 65; args.in_syncs = (uintptr_t)&sync);
	TRY(-EINVAL, args.in_syncs = (uintptr_t)&sync);
	TRY(-EFAULT, args.n_in_syncs = 1; args.in_syncs = 8);
	TRY(-ENOENT, args.n_in_syncs = 1; args.in_syncs = (uintptr_t)&sync);
	sync = (struct drm_gpupeer_sync){ .handle = done, .pad = 1 };
	TRY(-EINVAL, args.n_in_syncs = 1; args.in_syncs = (uintptr_t)&sync);
	/* No fence in it yet. */
	sync.pad = 0;
	TRY(-EINVAL, args.n_in_syncs = 1; args.in_syncs = (uintptr_t)&sync);
	sync.point = 7;
	TRY(-EINVAL, args.n_in_syncs = 1; args.in_syncs = (uintptr_t)&sync);

	/* A handle is worth nothing in another file. */
	other = open(self->node, O_RDWR | O_CLOEXEC);
	ASSERT_GE(other, 0);
	args = good;
	args.done.handle = 0;
	EXPECT_EQ(-ENOENT, call(other, DRM_IOCTL_GPUPEER_COPY, &args));
	close(other);

	/* And the good one is good. */
	TRY(0, (void)0);
	EXPECT_EQ(0, wait_point(self->fd, done, 0));
#undef TRY
}

TEST_F(gpupeer, copy_round_trip)
{
	const uint64_t size = 3 * MB, len = 2 * MB + 4099;
	struct drm_gpupeer_job_query q1, q2;
	struct drm_gpupeer_sync in;
	struct drm_gpupeer_copy args;
	uint32_t hbm, a, b, line;
	uint8_t *pa, *pb, *ph;

	ASSERT_EQ(0, bo_create(self->fd, size, HBM, &hbm));
	ASSERT_EQ(0, bo_create(self->fd, size, SYS, &a));
	ASSERT_EQ(0, bo_create(self->fd, size, SYS, &b));
	pa = bo_map(self->fd, a, size);
	pb = bo_map(self->fd, b, size);
	ph = bo_map(self->fd, hbm, size);
	ASSERT_NE(MAP_FAILED, pa);
	ASSERT_NE(MAP_FAILED, pb);
	ASSERT_NE(MAP_FAILED, ph);
	fill(pa, size, 42);
	line = syncobj(self->fd);

	/* Odd offsets on all sides; the second waits for the first. */
	args = copy_args(a, hbm, len, line);
	args.src_offset = 12345;
	args.dst_offset = 77;
	args.done.point = 5;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_COPY, &args));
	q1.job = args.job;

	args = copy_args(hbm, b, len, line);
	args.src_offset = 77;
	args.dst_offset = 4321;
	args.done.point = 6;
	in = (struct drm_gpupeer_sync){ .handle = line, .point = 5 };
	args.in_syncs = (uintptr_t)&in;
	args.n_in_syncs = 1;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_COPY, &args));
	ASSERT_EQ(0, wait_point(self->fd, line, 6));

	EXPECT_EQ(len, first_difference(pa + 12345, pb + 4321, len));
	EXPECT_EQ(len, first_difference(pa + 12345, ph + 77, len));
	EXPECT_TRUE(all_zero(pb, 4321));
	EXPECT_TRUE(all_zero(pb + 4321 + len, size - 4321 - len));

	ASSERT_EQ(0, query(self->fd, q1.job, &q1));
	ASSERT_EQ(0, query(self->fd, args.job, &q2));
	EXPECT_EQ(DRM_GPUPEER_JOB_DONE, q1.state);
	EXPECT_EQ(DRM_GPUPEER_JOB_DONE, q2.state);
	EXPECT_EQ(0, q1.error);
	EXPECT_EQ(0, q2.error);
	EXPECT_EQ(len, q1.bytes);
	EXPECT_LE(q1.t_issue, q1.t_start);
	EXPECT_LT(q1.t_start, q1.t_end);
	EXPECT_LE(q1.t_end, q2.t_start);
	munmap(pa, size);
	munmap(pb, size);
	munmap(ph, size);
}

TEST_F(gpupeer, query_bad)
{
	struct drm_gpupeer_job_query q;
	struct drm_gpupeer_copy args;
	uint32_t hbm, sys, done;
	uint64_t first = 0;
	int i, other;

	EXPECT_EQ(-ENOENT, query(self->fd, 0, &q));
	EXPECT_EQ(-ENOENT, query(self->fd, 1, &q));
	EXPECT_EQ(-ENOENT, query(self->fd, UINT64_MAX, &q));
	ASSERT_EQ(0, bo_create(self->fd, GRANULE, HBM, &hbm));
	ASSERT_EQ(0, bo_create(self->fd, GRANULE, SYS, &sys));
	done = syncobj(self->fd);

	/* More than the ring holds, and one more than results are kept of. */
	for (i = 0; i < 257; i++) {
		args = copy_args(sys, hbm, 64, done);
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_COPY, &args));
		if (!i)
			first = args.job;
	}
	ASSERT_EQ(0, wait_point(self->fd, done, 0));
	EXPECT_EQ(-ENOENT, query(self->fd, first, &q));
	EXPECT_EQ(0, query(self->fd, first + 1, &q));
	EXPECT_EQ(DRM_GPUPEER_JOB_DONE, q.state);
	EXPECT_EQ(0, query(self->fd, args.job, &q));
	EXPECT_EQ(-ENOENT, query(self->fd, args.job + 1, &q));

	q = (struct drm_gpupeer_job_query){ .job = args.job, .pad = 1 };
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_GPUPEER_JOB_QUERY, &q));
	/* Another file has other jobs. */
	other = open(self->node, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(-ENOENT, query(other, args.job, &q));
	close(other);
}

/* --- prefill --------------------------------------------------------------
 *
 * The buffer of a test: program, tokens, a table of ROWS rows of DIM floats,
 * a vector of ones, and activations.
 */

#define DIM        64
#define ROWS       32
#define TOKENS_AT  (16 * KB)
#define TABLE_AT   (20 * KB)
#define ONES_AT    (28 * KB)
#define ACT_AT     (32 * KB)
#define ACT_STRIDE (DIM * 4)
#define N_TOKENS   5
#define N_LAYERS   8

FIXTURE(prefill)
{
	int fd;
	char node[32];
	char pci[32];
	uint32_t weights;
	uint32_t act;
	uint8_t *pw;
	float *pa;
	struct dacc_insn *program;
	uint32_t line;
	uint32_t done;
	struct drm_gpupeer_prefill args;
};

/* Embeds the tokens, then adds the embedding N_LAYERS times, with a SIGNAL each. */
static uint32_t good_program(struct dacc_insn *p)
{
	p[0] = (struct dacc_insn){
		.op = DACC_INSN_EMBED,
		.dst = DACC_OPERAND(DACC_BASE_ACT, 0),
		.a = DACC_OPERAND(DACC_BASE_MODEL, TABLE_AT),
		.n0 = DIM,
		.n1 = ROWS,
	};
	p[1] = (struct dacc_insn){ .op = DACC_INSN_LOOP, .n0 = N_LAYERS, .n1 = 2 };
	p[2] = (struct dacc_insn){
		.op = DACC_INSN_ADD,
		.dst = DACC_OPERAND(DACC_BASE_ACT, 0),
		.a = DACC_OPERAND(DACC_BASE_ACT, 0),
		.b = DACC_OPERAND(DACC_BASE_MODEL, ONES_AT),
		.n0 = DIM,
	};
	p[3] = (struct dacc_insn){ .op = DACC_INSN_SIGNAL, .n0 = 1 };
	return 4;
}

FIXTURE_SETUP(prefill)
{
	uint32_t *tokens;
	float *table, *ones;
	int i;

	self->fd = open_driver("gpupeer", self->node, self->pci);
	ASSERT_GE(self->fd, 0)
	{
		TH_LOG("no GPU peer: load gpupeer.ko in a guest that has the device");
	}
	ASSERT_EQ(0, bo_create(self->fd, GRANULE, HBM, &self->weights));
	ASSERT_EQ(0, bo_create(self->fd, GRANULE, HBM, &self->act));
	self->pw = bo_map(self->fd, self->weights, GRANULE);
	self->pa = bo_map(self->fd, self->act, GRANULE);
	ASSERT_NE(MAP_FAILED, (void *)self->pw);
	ASSERT_NE(MAP_FAILED, (void *)self->pa);

	self->program = (struct dacc_insn *)self->pw;
	tokens = (uint32_t *)(self->pw + TOKENS_AT);
	table = (float *)(self->pw + TABLE_AT);
	ones = (float *)(self->pw + ONES_AT);
	for (i = 0; i < N_TOKENS; i++)
		tokens[i] = (7 * i + 3) % ROWS;
	for (i = 0; i < DIM * ROWS; i++)
		table[i] = i;
	for (i = 0; i < DIM; i++)
		ones[i] = 1;

	self->line = syncobj(self->fd);
	self->done = syncobj(self->fd);
	self->args = (struct drm_gpupeer_prefill){
		.segment[0] = { .handle = self->weights },
		.segment[2] = { .handle = self->act, .flags = DRM_GPUPEER_SEGMENT_WRITE },
		.program = 0,
		.tokens = TOKENS_AT,
		.base[DACC_BASE_ACT] = (2ull << 40) + ACT_AT,
		.act_stride = ACT_STRIDE,
		.n_insns = good_program(self->program),
		.n_tokens = N_TOKENS,
		.pos = 0,
		.max_pos = 16,
		.n_points = N_LAYERS,
		.points = { .handle = self->line, .point = 10 },
		.done = { .handle = self->done },
	};
}

FIXTURE_TEARDOWN(prefill)
{
	munmap(self->pw, GRANULE);
	munmap(self->pa, GRANULE);
	close(self->fd);
	EXPECT_TRUE(counter_becomes(self->pci, "bos", 0));
	EXPECT_TRUE(counter_becomes(self->pci, "jobs", 0));
	EXPECT_EQ(0, counter(self->pci, "hbm_used"));
}

TEST_F(prefill, result_and_points)
{
	uint64_t times[N_LAYERS + 2] = {};
	struct drm_gpupeer_job_query q = {};
	int i, j;

	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	for (i = 0; i < N_LAYERS; i++)
		EXPECT_EQ(0, wait_point(self->fd, self->line, 10 + i));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));

	for (i = 0; i < N_TOKENS; i++) {
		const float *row = self->pa + (ACT_AT + i * ACT_STRIDE) / 4;
		int token = (7 * i + 3) % ROWS;

		for (j = 0; j < DIM; j++)
			ASSERT_EQ(token * DIM + j + N_LAYERS, row[j]);
	}

	q.job = self->args.job;
	q.times = (uintptr_t)times;
	q.n_times = N_LAYERS + 2;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_JOB_QUERY, &q));
	EXPECT_EQ(DRM_GPUPEER_JOB_DONE, q.state);
	EXPECT_EQ(0, q.error);
	EXPECT_EQ(N_TOKENS, q.bytes);
	EXPECT_EQ(N_LAYERS, q.n_times);
	EXPECT_LT(q.t_start, times[0]);
	for (i = 1; i < N_LAYERS; i++)
		EXPECT_LT(times[i - 1], times[i]);
	EXPECT_LE(times[N_LAYERS - 1], q.t_end);
	EXPECT_EQ(0, times[N_LAYERS]);
	EXPECT_EQ(0, fence_error(self->fd, self->line, 10 + N_LAYERS - 1));
	EXPECT_EQ(0, fence_error(self->fd, self->done, 0));

	/* Less room than points is no error. */
	memset(times, 0, sizeof(times));
	q.times = (uintptr_t)times;
	q.n_times = 2;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_JOB_QUERY, &q));
	EXPECT_EQ(N_LAYERS, q.n_times);
	EXPECT_NE(0, times[1]);
	EXPECT_EQ(0, times[2]);
	q.times = 8;
	q.n_times = 2;
	EXPECT_EQ(-EFAULT, call(self->fd, DRM_IOCTL_GPUPEER_JOB_QUERY, &q));
}

TEST_F(prefill, no_points)
{
	struct drm_gpupeer_job_query q;

	self->args.n_points = 0;
	memset(&self->args.points, 0, sizeof(self->args.points));
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(0, q.error);
	EXPECT_EQ(0, q.n_times);
}

TEST_F(prefill, bad)
{
	struct drm_gpupeer_prefill args;
	uint32_t sys;

	ASSERT_EQ(0, bo_create(self->fd, GRANULE, SYS, &sys));

#define TRY(err, ...) \
	do { \
		args = self->args; \
		__VA_ARGS__; \
		EXPECT_EQ(err, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &args)); \
	} while (0)

	TRY(-EINVAL, args.segment[0].flags = 2);
	TRY(-EINVAL, args.segment[7].flags = DRM_GPUPEER_SEGMENT_WRITE);
	TRY(-ENOENT, args.segment[1].handle = 999);
	TRY(-EINVAL, args.segment[1].handle = sys);
	TRY(-EINVAL, args.base[0] = 1);
	TRY(-EINVAL, args.n_insns = 0);
	TRY(-EINVAL, args.n_insns = 65537);
	TRY(-EINVAL, args.n_tokens = 0);
	TRY(-EINVAL, args.n_tokens = 4097; args.max_pos = 8192);
	TRY(-EINVAL, args.pos = 12);
	TRY(-EINVAL, args.pos = UINT32_MAX);
	TRY(-EINVAL, args.program = GRANULE - 64);
	TRY(-EINVAL, args.program = 1ull << 40);
	TRY(-EINVAL, args.program = 8ull << 40);
	TRY(-EINVAL, args.program = UINT64_MAX);
	TRY(-EINVAL, args.tokens = GRANULE - 16);
	TRY(-EINVAL, args.n_points = 257);
	TRY(-EINVAL, args.points.point = 0);
	TRY(-EINVAL, args.points.point = UINT64_MAX - 2);
	TRY(-EINVAL, args.points.pad = 1);
	TRY(-ENOENT, args.points.handle = 999);
	TRY(-ENOENT, args.points.handle = 0);
	TRY(-EINVAL, args.n_points = 0);
	TRY(-EINVAL, args.done.pad = 1);
	TRY(-ENOENT, args.done.handle = 999);
	TRY(-EFAULT, args.n_in_syncs = 2; args.in_syncs = 16);
	TRY(0, (void)0);
	EXPECT_EQ(0, wait_point(self->fd, self->done, 0));
#undef TRY
}

/* Submits what is in self->args and expects all of its fences to have an error. */
static void expect_failure(struct __test_metadata *const _metadata, FIXTURE_DATA(prefill) * self,
			   int error)
{
	struct drm_gpupeer_job_query q;
	struct drm_gpupeer_copy copy;
	uint32_t sys;

	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	ASSERT_EQ(0, wait_point(self->fd, self->line, 10 + N_LAYERS - 1));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(DRM_GPUPEER_JOB_DONE, q.state);
	EXPECT_EQ(error, q.error);
	EXPECT_EQ(error, fence_error(self->fd, self->done, 0));
	EXPECT_EQ(error, fence_error(self->fd, self->line, 10 + N_LAYERS - 1));

	/* The ring goes on. */
	ASSERT_EQ(0, bo_create(self->fd, 4096, SYS, &sys));
	copy = copy_args(self->act, sys, 4096, self->done);
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_COPY, &copy));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	ASSERT_EQ(0, query(self->fd, copy.job, &q));
	EXPECT_EQ(0, q.error);
}

TEST_F(prefill, fails_bad_instruction)
{
	self->program[2].op = 200;
	expect_failure(_metadata, self, -ENOEXEC);
}

TEST_F(prefill, fails_read_only)
{
	self->args.segment[2].flags = 0;
	expect_failure(_metadata, self, -EFAULT);
}

TEST_F(prefill, fails_outside)
{
	self->args.base[DACC_BASE_ACT] = (5ull << 40);
	expect_failure(_metadata, self, -EFAULT);
}

TEST_F(prefill, fails_bad_token)
{
	((uint32_t *)(self->pw + TOKENS_AT))[2] = ROWS;
	expect_failure(_metadata, self, -EINVAL);
}

TEST_F(prefill, ends_early)
{
	uint64_t times[N_LAYERS] = {};
	struct drm_gpupeer_job_query q = {};

	self->program[1].n0 = 3;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	ASSERT_EQ(0, wait_point(self->fd, self->line, 10 + N_LAYERS - 1));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	q.job = self->args.job;
	q.times = (uintptr_t)times;
	q.n_times = N_LAYERS;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_JOB_QUERY, &q));
	EXPECT_EQ(0, q.error);
	EXPECT_EQ(3, q.n_times);
	EXPECT_EQ(0, fence_error(self->fd, self->done, 0));
	EXPECT_EQ(-ENODATA, fence_error(self->fd, self->line, 10 + N_LAYERS - 1));
}

TEST_F(prefill, more_signals_than_events)
{
	struct drm_gpupeer_job_query q;

	/* The events of one job run over the ring; the points must not care. */
	self->program[1].n0 = 3000;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	ASSERT_EQ(0, wait_point(self->fd, self->line, 10 + N_LAYERS - 1));
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(0, q.error);
	EXPECT_EQ(N_LAYERS, q.n_times);
	EXPECT_EQ(0, fence_error(self->fd, self->line, 10 + N_LAYERS - 1));
}

TEST_F(prefill, in_order_and_many)
{
	struct drm_gpupeer_job_query q;
	uint64_t last_end = 0;
	uint64_t job[40];
	int i;

	/* 40 jobs of 8 points: more credits than a ring of 64 small ones. */
	for (i = 0; i < 40; i++) {
		self->args.points.point = 10 + i * N_LAYERS;
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
		job[i] = self->args.job;
	}
	ASSERT_EQ(0, wait_point(self->fd, self->line, 10 + 40 * N_LAYERS - 1));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, query(self->fd, job[i], &q));
		EXPECT_EQ(0, q.error);
		EXPECT_EQ(N_LAYERS, q.n_times);
		EXPECT_LE(last_end, q.t_start);
		last_end = q.t_end;
	}
}

TEST_F(prefill, point_releases_a_copy)
{
	struct drm_gpupeer_job_query q;
	struct drm_gpupeer_sync in;
	struct drm_gpupeer_copy copy;
	uint32_t sys, done2;
	float *p;

	/* A copy that waits for the last point of a prefill sees its result. */
	ASSERT_EQ(0, bo_create(self->fd, GRANULE, SYS, &sys));
	p = bo_map(self->fd, sys, GRANULE);
	ASSERT_NE(MAP_FAILED, (void *)p);
	done2 = syncobj(self->fd);
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	in = (struct drm_gpupeer_sync){ .handle = self->line, .point = 10 + N_LAYERS - 1 };
	copy = copy_args(self->act, sys, GRANULE, done2);
	copy.in_syncs = (uintptr_t)&in;
	copy.n_in_syncs = 1;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_COPY, &copy));
	ASSERT_EQ(0, wait_point(self->fd, done2, 0));
	ASSERT_EQ(0, query(self->fd, copy.job, &q));
	EXPECT_EQ(0, q.error);
	EXPECT_EQ(3 * DIM + N_LAYERS, p[ACT_AT / 4]);
	munmap(p, GRANULE);
}

/* Jobs that keep the device busy for a while: many passes over all tokens. */
static void submit_long(int fd, struct drm_gpupeer_prefill args, struct dacc_insn *program, int n)
{
	int i;

	program[1].n0 = 20000;
	args.n_points = 0;
	memset(&args.points, 0, sizeof(args.points));
	memset(&args.done, 0, sizeof(args.done));
	for (i = 0; i < n; i++)
		if (call(fd, DRM_IOCTL_GPUPEER_PREFILL, &args))
			_exit(1);
}

TEST_F(prefill, kill_mid_job)
{
	struct drm_gpupeer_job_query q;
	int ready[2], status;
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct drm_gpupeer_prefill args = self->args;
		struct dacc_insn *program;
		int fd = open(self->node, O_RDWR | O_CLOEXEC);
		uint32_t weights, act;

		if (fd < 0 || bo_create(fd, GRANULE, HBM, &weights) ||
		    bo_create(fd, GRANULE, HBM, &act))
			_exit(1);
		program = bo_map(fd, weights, GRANULE);
		if (program == MAP_FAILED)
			_exit(1);
		memcpy(program, self->pw, GRANULE);
		args.segment[0].handle = weights;
		args.segment[2].handle = act;
		submit_long(fd, args, program, 100);
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_LT(0, counter(self->pci, "jobs"));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));

	/* We are not disturbed, and what it had comes back. */
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(0, q.error);
	EXPECT_TRUE(counter_becomes(self->pci, "bos", 2));
	EXPECT_TRUE(counter_becomes(self->pci, "jobs", 0));
	close(ready[0]);
}

static int bind(const char *pci, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/gpupeer/%s", what);
	return write_file(path, pci);
}

static int bind_and_wait(const char *pci)
{
	int64_t deadline = now_ns() + 10 * SECOND;
	int ret = bind(pci, "bind");

	while (!ret && counter(pci, "bos") < 0)
		if (now_ns() > deadline)
			ret = -ETIME;
	return ret;
}

/* Reports progress 1 at once, and then works for minutes. */
static uint32_t endless_program(struct dacc_insn *p)
{
	const uint32_t n = 200;
	uint32_t i;

	good_program(p);
	p[1] = (struct dacc_insn){ .op = DACC_INSN_SIGNAL, .n0 = 1 };
	p[2] = (struct dacc_insn){ .op = DACC_INSN_LOOP, .n0 = DACC_MAX_LOOP, .n1 = n };
	for (i = 0; i < n; i++)
		p[3 + i] = (struct dacc_insn){
			.op = DACC_INSN_ADD,
			.dst = DACC_OPERAND(DACC_BASE_ACT, 0),
			.a = DACC_OPERAND(DACC_BASE_ACT, 0),
			.b = DACC_OPERAND(DACC_BASE_ACT, 0),
			.n0 = 7000,
		};
	p[3 + n] = (struct dacc_insn){ .op = DACC_INSN_SIGNAL, .n0 = 2 };
	return n + 4;
}

static int function_reset(const char *pci)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", pci);
	return write_file(path, "1");
}

static int set_param(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/gpupeer/parameters/%s", name);
	return write_file(path, value);
}

TEST_F(prefill, function_reset_mid_job)
{
	struct drm_gpupeer_job_query q;

	self->args.n_insns = endless_program(self->program);
	self->args.n_points = 2;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	ASSERT_EQ(0, wait_point(self->fd, self->line, 10));
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(DRM_GPUPEER_JOB_PENDING, q.state);
	EXPECT_EQ(1, q.n_times);
	ASSERT_EQ(0, function_reset(self->pci));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(-ECANCELED, q.error);
	EXPECT_EQ(1, q.n_times);
	EXPECT_EQ(-ECANCELED, fence_error(self->fd, self->line, 11));

	self->args.n_insns = good_program(self->program);
	self->args.n_points = N_LAYERS;
	self->args.points.point = 12;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(0, q.error);
	EXPECT_EQ(N_LAYERS, q.n_times);
}

/* As after the setup, but the device has been probed anew with that patience. */
static void reprobe(struct __test_metadata *const _metadata, FIXTURE_DATA(prefill) * self,
		    const FIXTURE_VARIANT(prefill) * variant, const char *job_timeout_ms)
{
	munmap(self->pw, GRANULE);
	munmap(self->pa, GRANULE);
	close(self->fd);
	ASSERT_EQ(0, set_param("job_timeout_ms", job_timeout_ms));
	ASSERT_EQ(0, bind(self->pci, "unbind"));
	ASSERT_EQ(0, bind_and_wait(self->pci));
	ASSERT_EQ(0, set_param("job_timeout_ms", "30000"));
	prefill_setup(_metadata, self, variant);
}

/*
 * Whether the job under way outlives three timeouts: it makes progress, but on
 * a busy host perhaps not within each of them.
 */
static int survives_timeouts(const char *pci, int fd, uint32_t done)
{
	long long timeouts = counter(pci, "timeouts");

	while (counter(pci, "timeouts") < timeouts + 3) {
		if (wait_until(fd, done, 0, 0) != -ETIME)
			return 0;
		usleep(10000);
	}
	return 1;
}

TEST_F(prefill, slow_job_is_no_hang)
{
	static const char *const patience[] = { "100", "400", "1600", "6400", "25600" };
	struct drm_gpupeer_job_query q;
	unsigned int i;

	for (i = 0; i < sizeof(patience) / sizeof(patience[0]); i++) {
		long long resets;

		reprobe(_metadata, self, variant, patience[i]);
		resets = counter(self->pci, "resets");
		self->args.n_insns = endless_program(self->program);
		self->args.n_points = 2;
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
		if (survives_timeouts(self->pci, self->fd, self->done)) {
			EXPECT_EQ(resets, counter(self->pci, "resets"));
			break;
		}
		ASSERT_EQ(0, query(self->fd, self->args.job, &q));
		ASSERT_EQ(-ETIMEDOUT, q.error);
		TH_LOG("no progress in %s ms, trying again with more", patience[i]);
	}
	ASSERT_NE(sizeof(patience) / sizeof(patience[0]), i);
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(DRM_GPUPEER_JOB_PENDING, q.state);
	EXPECT_EQ(1, q.n_times);

	ASSERT_EQ(0, function_reset(self->pci));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	EXPECT_EQ(-ECANCELED, fence_error(self->fd, self->done, 0));
}

TEST_F(prefill, job_limit)
{
	struct drm_gpupeer_prefill next;
	struct drm_gpupeer_job_query q;
	long long resets = counter(self->pci, "resets");
	uint32_t weights;
	void *p;

	/* An innocent one is behind it, with a program of its own. */
	ASSERT_EQ(0, bo_create(self->fd, GRANULE, HBM, &weights));
	p = bo_map(self->fd, weights, GRANULE);
	ASSERT_NE(MAP_FAILED, p);
	memcpy(p, self->pw, GRANULE);
	munmap(p, GRANULE);
	next = self->args;
	next.segment[0].handle = weights;
	next.n_points = 0;
	memset(&next.points, 0, sizeof(next.points));

	/* It makes progress all the time. */
	ASSERT_EQ(0, set_param("job_limit_ms", "200"));
	self->args.n_insns = endless_program(self->program);
	self->args.n_points = 2;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &next));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	ASSERT_EQ(0, set_param("job_limit_ms", "120000"));
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(-ETIME, q.error);
	EXPECT_EQ(-ETIME, fence_error(self->fd, self->line, 11));
	ASSERT_EQ(0, query(self->fd, next.job, &q));
	EXPECT_EQ(-ECANCELED, q.error);
	EXPECT_EQ(resets + 1, counter(self->pci, "resets"));

	/* The reset has made room. */
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &next));
	ASSERT_EQ(0, wait_point(self->fd, self->done, 0));
	ASSERT_EQ(0, query(self->fd, next.job, &q));
	EXPECT_EQ(0, q.error);
}

TEST_F(gpupeer, bo_is_cleared_during_function_reset)
{
	struct drm_gpupeer_info info = {};
	uint32_t h[128], dirty;
	uint64_t all;
	int status, n = 0;
	uint8_t *p;
	pid_t pid;

	/* The whole of HBM is somebody's data. */
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_INFO, &info));
	all = info.hbm_size;
	ASSERT_EQ(0, bo_create(self->fd, all, HBM, &dirty));
	p = bo_map(self->fd, dirty, all);
	ASSERT_NE(MAP_FAILED, p);
	memset(p, 0xa5, all);
	munmap(p, all);
	ASSERT_EQ(0, bo_close(self->fd, dirty));

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(function_reset(self->pci) ? 1 : 0);
	while (n < 128 && !waitpid(pid, &status, WNOHANG)) {
		ASSERT_EQ(0, bo_create(self->fd, GRANULE, HBM, &h[n++]));
		usleep(1000);
	}
	if (n == 128)
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	EXPECT_LT(0, n);
	while (n--) {
		p = bo_map(self->fd, h[n], GRANULE);
		ASSERT_NE(MAP_FAILED, p);
		EXPECT_TRUE(all_zero(p, GRANULE));
		munmap(p, GRANULE);
	}
}

/* --- dma-buf -------------------------------------------------------------- */

static long long inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : (long long)st.st_ino;
}

TEST_F(gpupeer, export)
{
	const uint32_t kind[] = { HBM, SYS };
	int i;

	for (i = 0; i < 2; i++) {
		uint32_t h, again;
		uint8_t *p, *q;
		int fd, other;

		ASSERT_EQ(0, bo_create(self->fd, MB, kind[i], &h));
		ASSERT_EQ(0, drmPrimeHandleToFD(self->fd, h, DRM_CLOEXEC | DRM_RDWR, &fd));
		EXPECT_EQ(1, counter(self->pci, "exports"));
		EXPECT_EQ(MB, lseek(fd, 0, SEEK_END));

		p = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		ASSERT_NE(MAP_FAILED, p);
		q = bo_map(self->fd, h, MB);
		ASSERT_NE(MAP_FAILED, q);
		fill(p, MB, 9);
		EXPECT_EQ(MB, first_difference(p, q, MB));
		munmap(p, MB);
		munmap(q, MB);

		/* Back in the same file it is the same buffer. */
		ASSERT_EQ(0, drmPrimeFDToHandle(self->fd, fd, &again));
		EXPECT_EQ(h, again);
		/* In another one too: no second object. */
		other = open(self->node, O_RDWR | O_CLOEXEC);
		ASSERT_GE(other, 0);
		EXPECT_EQ(0, drmPrimeFDToHandle(other, fd, &again));
		EXPECT_EQ(1, counter(self->pci, "bos"));
		close(other);

		/* The dma-buf keeps the memory. */
		ASSERT_EQ(0, bo_close(self->fd, h));
		EXPECT_EQ(1, counter(self->pci, "bos"));
		close(fd);
		EXPECT_TRUE(counter_becomes(self->pci, "exports", 0));
		EXPECT_TRUE(counter_becomes(self->pci, "bos", 0));
	}
}

TEST_F(gpupeer, export_to_importer_without_p2p)
{
	int vgem = open_driver("vgem", NULL, NULL);
	uint32_t hbm, sys, h;
	int fd;

	if (vgem < 0)
		SKIP(return, "vgem is not loaded");
	ASSERT_EQ(0, bo_create(self->fd, MB, HBM, &hbm));
	ASSERT_EQ(0, bo_create(self->fd, MB, SYS, &sys));

	ASSERT_EQ(0, drmPrimeHandleToFD(self->fd, hbm, DRM_CLOEXEC | DRM_RDWR, &fd));
	/* What is refused is to map it; newer kernels' vgem imports without that. */
	if (drmPrimeFDToHandle(vgem, fd, &h))
		EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, counter(self->pci, "mappings"));
	close(fd);

	ASSERT_EQ(0, drmPrimeHandleToFD(self->fd, sys, DRM_CLOEXEC | DRM_RDWR, &fd));
	EXPECT_EQ(0, drmPrimeFDToHandle(vgem, fd, &h));
	close(fd);
	close(vgem);
}

TEST_F(gpupeer, revoke)
{
	char path[128], text[32];
	uint32_t hbm, sys, done;
	struct drm_gpupeer_copy args;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%s/revoke", self->pci);
	ASSERT_EQ(0, bo_create(self->fd, MB, HBM, &hbm));
	ASSERT_EQ(0, bo_create(self->fd, MB, SYS, &sys));
	ASSERT_EQ(0, drmPrimeHandleToFD(self->fd, hbm, DRM_CLOEXEC | DRM_RDWR, &fd));

	EXPECT_EQ(-EINVAL, write_file(path, "none"));
	EXPECT_EQ(-EINVAL, write_file(path, "0"));
	EXPECT_EQ(-ENOENT, write_file(path, "999999999"));
	snprintf(text, sizeof(text), "%lld\n", inode_of(fd));
	EXPECT_EQ(0, write_file(path, text));
	/* Revoked once for all. */
	EXPECT_EQ(-ENOENT, write_file(path, text));
	EXPECT_EQ(0, write_file(path, "all"));

	/* Importers have lost it, not its owner. */
	done = syncobj(self->fd);
	args = copy_args(sys, hbm, MB, done);
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_COPY, &args));
	EXPECT_EQ(0, wait_point(self->fd, done, 0));
	EXPECT_EQ(0, fence_error(self->fd, done, 0));
	close(fd);
}

TEST_F(prefill, dma_buf_poll)
{
	struct pollfd p = { .events = POLLIN };

	/* Without points a prefill is what implicit synchronization waits for. */
	ASSERT_EQ(0, drmPrimeHandleToFD(self->fd, self->act, DRM_CLOEXEC | DRM_RDWR, &p.fd));
	EXPECT_EQ(1, poll(&p, 1, 0));
	submit_long(self->fd, self->args, self->program, 4);
	EXPECT_EQ(0, poll(&p, 1, 0));
	EXPECT_EQ(1, poll(&p, 1, 30000));
	EXPECT_TRUE(counter_becomes(self->pci, "jobs", 0));
	close(p.fd);
}

/* --- the device goes away ------------------------------------------------- */

TEST_F(prefill, unbind_with_open_file)
{
	struct drm_gpupeer_info info = {};
	struct drm_gpupeer_job_query q = {};
	struct drm_gpupeer_prefill args = self->args;
	int status, fd, dmabuf;
	pid_t pid;

	ASSERT_EQ(0, drmPrimeHandleToFD(self->fd, self->act, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	submit_long(self->fd, self->args, self->program, 100);
	ASSERT_EQ(0, bind(self->pci, "unbind"));

	EXPECT_EQ(-ENODEV, call(self->fd, DRM_IOCTL_GPUPEER_INFO, &info));
	EXPECT_EQ(-ENODEV, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &args));
	EXPECT_EQ(-ENODEV, call(self->fd, DRM_IOCTL_GPUPEER_JOB_QUERY, &q));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		/* The mapping is gone. */
		signal(SIGBUS, SIG_DFL);
		_exit(*(volatile uint8_t *)self->pw);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);

	/* A new life beside what is left of the old one. */
	ASSERT_EQ(0, bind_and_wait(self->pci));
	fd = open_driver("gpupeer", NULL, NULL);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, call(fd, DRM_IOCTL_GPUPEER_INFO, &info));
	EXPECT_EQ(info.hbm_size, info.hbm_free);
	close(fd);
	close(dmabuf);
}

TEST_F(prefill, hang)
{
	struct drm_gpupeer_job_query q;
	uint32_t line, done;
	char path[128];
	uint16_t command;
	long long resets;
	int config, i;

	reprobe(_metadata, self, variant, "500");
	line = self->line;
	done = self->done;

	/* Without bus mastering the device can neither fetch nor complete. */
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", self->pci);
	config = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(config, 0);
	ASSERT_EQ(2, pread(config, &command, 2, 4));
	command &= ~4;
	ASSERT_EQ(2, pwrite(config, &command, 2, 4));
	close(config);

	resets = counter(self->pci, "resets");
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
	ASSERT_EQ(0, wait_point(self->fd, done, 0));
	ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	EXPECT_EQ(-ETIMEDOUT, q.error);
	EXPECT_EQ(-ETIMEDOUT, fence_error(self->fd, line, 10 + N_LAYERS - 1));
	EXPECT_EQ(resets + 1, counter(self->pci, "resets"));

	/* The reset has made it well, though a busy host may be slower than 500 ms. */
	for (i = 0; i < 5 && q.error == -ETIMEDOUT; i++) {
		self->args.points.point += N_LAYERS;
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &self->args));
		ASSERT_EQ(0, wait_point(self->fd, done, 0));
		ASSERT_EQ(0, query(self->fd, self->args.job, &q));
	}
	EXPECT_EQ(0, q.error);
}

TEST_HARNESS_MAIN
