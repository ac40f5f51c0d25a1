// SPDX-License-Identifier: GPL-2.0
/* The driver is unbound under an open file with jobs in flight, and bound again.
 * Alone in its program: afterwards there is another DRM device.
 */
#include <linux/sync_file.h>
#include <poll.h>
#include <pthread.h>

#include "dacc_kv_util.h"
#include "dacc_life.h"

#define DRIVER "/sys/bus/pci/drivers/dacc/"

/* The status of a sync_file that signals within @seconds: 1, or a negative errno. */
static int sync_file_status(int file, int seconds)
{
	struct pollfd p = { .fd = file, .events = POLLIN };
	struct sync_file_info info = {};

	if (poll(&p, 1, seconds * 1000) != 1)
		return -ETIME;
	if (ioctl(file, SYNC_IOC_FILE_INFO, &info))
		return -errno;
	return info.status;
}

#define TABLE  0x200000000ull
#define SOURCE (TABLE + SZ_1M / 2)

/* An open file with jobs that write to one page of host memory for seconds. All else
 * that they use is in SRAM, which stays as it is when the file is closed.
 */
static int open_busy(uint32_t pattern)
{
	struct drm_dacc_job j[DRM_DACC_MAX_JOBS] = {};
	struct drm_dacc_device_info info = {};
	uint32_t vm, sram, host, q, n;
	struct dacc_block *block;
	int fd = open_node();

	if (fd < 0)
		return fd;
	if (query_device(fd, &info) || vm_create(fd, &vm) ||
	    bo_create(fd, SZ_1M, DRM_DACC_BO_SRAM, &sram) ||
	    bo_create(fd, SZ_4K, DRM_DACC_BO_HOST, &host) ||
	    vm_map(fd, vm, sram, 0, TABLE, SZ_1M, 0) || vm_map(fd, vm, host, 0, VA, SZ_4K, 0) ||
	    queue_create(fd, vm, DRM_DACC_QUEUE_TRANSFER, 4096, &q))
		goto fail;
	block = bo_map(fd, sram, SZ_1M);
	if (!block)
		goto fail;
	n = SZ_1M / 2 / sizeof(*block);
	if (n > info.max_blocks)
		n = info.max_blocks;
	for (uint32_t i = 0; i < n; i++)
		block[i] = (struct dacc_block){ .src = SOURCE, .dst = VA, .len = SZ_4K };
	for (uint32_t i = 0; i < SZ_4K / sizeof(pattern); i++)
		((uint32_t *)block)[SZ_1M / 2 / sizeof(pattern) + i] = pattern;
	munmap(block, SZ_1M);
	for (int i = 0; i < DRM_DACC_MAX_JOBS; i++) {
		j[i].type = DRM_DACC_JOB_COPY_BLOCKS;
		j[i].blocks.table = TABLE;
		j[i].blocks.n_blocks = n;
	}
	for (int i = 0; i < 16; i++)
		if (submit(fd, q, j, DRM_DACC_MAX_JOBS, NULL))
			goto fail;
	return fd;
fail:
	close(fd);
	return -EIO;
}

static void *unbind(void *bdf)
{
	return (void *)(intptr_t)write_file(DRIVER "unbind", bdf);
}

#define CATCH_SIZE (32 * SZ_1M)

static bool has_pattern(const uint32_t *p, uint32_t pattern)
{
	for (size_t i = 0; i < CATCH_SIZE / sizeof(*p); i++)
		if (p[i] == pattern)
			return true;
	return false;
}

TEST(dacc_close_during_unbind)
{
	const uint32_t pattern = 0xdacc1234;
	struct drm_dacc_device_info info;
	uint32_t *p;
	char bdf[32];

	ASSERT_EQ(pci_dir(bdf, sizeof(bdf)), 0);
	for (int round = 0; round < 12; round++) {
		pthread_t thread;
		void *ret = NULL;
		int fd = open_busy(pattern);

		ASSERT_GE(fd, 0);
		p = mmap(NULL, CATCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
		ASSERT_NE(p, MAP_FAILED);
		madvise(p, CATCH_SIZE, MADV_NOHUGEPAGE);
		ASSERT_EQ(pthread_create(&thread, NULL, unbind, bdf), 0);
		/* Unplugged, the chip not yet stopped: now, or a little later. */
		while (query_device(fd, &info) != -ENODEV)
			;
		usleep(round / 2 * 500);
		close(fd);
		/* Takes the pages that the file had, as zeros. The chip lets them be. */
		madvise(p, CATCH_SIZE, MADV_POPULATE_WRITE);
		pthread_join(thread, &ret);
		EXPECT_EQ((intptr_t)ret, 0);
		EXPECT_FALSE(has_pattern(p, pattern));
		munmap(p, CATCH_SIZE);
		ASSERT_EQ(write_file(DRIVER "bind", bdf), 0);
	}
	/* What leaks is told by warnings in the kernel's log. */
	EXPECT_EQ(bystander(), 0);
}

TEST(dacc_unbind_under_an_open_fd)
{
	struct drm_dacc_job j[2] = { job_nop(), job_nop() };
	struct drm_dacc_device_info info = {};
	struct drm_dacc_sync out = {};
	uint32_t vm, bo, sram, q, sync;
	int file = -1, fd = open_node();
	char bdf[32];
	uint32_t *p;
	__u64 seq;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(pci_dir(bdf, sizeof(bdf)), 0);
	ASSERT_EQ(vm_create(fd, &vm), 0);
	ASSERT_EQ(bo_create(fd, SZ_64K, DRM_DACC_BO_HOST, &bo), 0);
	ASSERT_EQ(bo_create(fd, SZ_64K, DRM_DACC_BO_SRAM, &sram), 0);
	ASSERT_EQ(vm_map(fd, vm, bo, 0, VA, SZ_64K, 0), 0);
	ASSERT_EQ(queue_create(fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_EQ(drmSyncobjCreate(fd, 0, &sync), 0);
	p = bo_map(fd, sram, SZ_64K);
	ASSERT_NE(p, NULL);
	p[0] = 1;
	out.handle = sync;
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit_full(fd, q, j, 2, NULL, 0, &out, 1, &seq), 0);
	/* The syncobj goes with the device; what is in it can still be waited for. */
	ASSERT_EQ(drmSyncobjExportSyncFile(fd, sync, &file), 0);
	let_it_start();
	EXPECT_EQ(sync_file_status(file, 0), -ETIME);

	ASSERT_EQ(write_file(DRIVER "unbind", bdf), 0);

	/* The fence ended, the mapping is gone, every ioctl says so. */
	EXPECT_EQ(sync_file_status(file, 5), -ENODEV);
	close(file);
	EXPECT_EQ(query_device(fd, &info), -ENODEV);
	EXPECT_EQ(submit(fd, q, j, 1, NULL), -ENODEV);
	EXPECT_EQ(bo_create(fd, SZ_64K, DRM_DACC_BO_HOST, &bo), -ENODEV);
	{
		pid_t pid = fork();
		int status = 0;

		if (!pid) {
			/* Either a dummy page or SIGBUS; never the device, never a hang. */
			signal(SIGBUS, SIG_DFL);
			*(volatile uint32_t *)p = 2;
			_exit(0);
		}
		waitpid(pid, &status, 0);
		EXPECT_TRUE(WIFEXITED(status) || WTERMSIG(status) == SIGBUS);
	}
	close(fd);

	ASSERT_EQ(write_file(DRIVER "bind", bdf), 0);
	inject(DACC_INJECT_NONE, 0);
	EXPECT_EQ(bystander(), 0);
}

/* The error of any fence in a sync file: a timeline's own node has none. */
static int sync_file_error(int file)
{
	struct sync_fence_info fences[64] = {};
	struct sync_file_info info = { .num_fences = 64, .sync_fence_info = (uintptr_t)fences };

	if (ioctl(file, SYNC_IOC_FILE_INFO, &info))
		return -errno;
	for (uint32_t i = 0; i < info.num_fences; i++)
		if (fences[i].status < 0)
			return fences[i].status;
	return 0;
}

#define KV_SRAM 0x300000000ull
#define KV_PAGE SZ_64K

struct kv_waiter {
	int fd, ret;
	uint64_t id;
	struct drm_dacc_transfer_result result;
};

static void *kv_wait(void *arg)
{
	struct kv_waiter *w = arg;

	w->ret = transfer_wait(w->fd, w->id, 120, &w->result);
	return NULL;
}

/* A transfer of seconds, from host memory into one page of SRAM. */
static int start_transfer(int fd, uint32_t sync, uint64_t *id)
{
	struct drm_dacc_list_create c = {
		.form = DRM_DACC_LIST_STRIDED,
		.n_layers = 8,
		.n_pages = 1,
	};
	struct drm_dacc_transfer t = { .n_layers = 8 };
	uint32_t host, sram;
	uint64_t page;
	int ret = vm_create(fd, &c.vm);

	ret = ret ? ret : bo_create(fd, SZ_64K, DRM_DACC_BO_HOST, &host);
	ret = ret ? ret : bo_create(fd, SZ_64K, DRM_DACC_BO_SRAM, &sram);
	ret = ret ? ret : vm_map(fd, c.vm, host, 0, VA, SZ_64K, 0);
	ret = ret ? ret : vm_map(fd, c.vm, sram, 0, KV_SRAM, SZ_64K, 0);
	ret = ret ? ret : queue_create(fd, c.vm, DRM_DACC_QUEUE_TRANSFER, 64, &t.queue);
	ret = ret ? ret : pool_create(fd, c.vm, KV_SRAM, KV_PAGE, 1, 0, &c.pool);
	ret = ret ? ret : pool_alloc(fd, c.pool, &page, 1, NULL);
	c.pages = (uintptr_t)&page;
	c.strided.src = VA;
	c.strided.dst = KV_SRAM;
	c.strided.len = KV_PAGE;
	c.strided.n_blocks = 65536;
	ret = ret ? ret : list_create(fd, &c, &t.list);
	t.out.handle = sync;
	t.out.point = 1;
	ret = ret ? ret : transfer(fd, &t);
	*id = t.id;
	return ret;
}

/* Whoever waits for it is told, and all of its points end. */
TEST(dacc_unbind_in_a_transfer)
{
	char bdf[32];

	ASSERT_EQ(pci_dir(bdf, sizeof(bdf)), 0);
	for (int round = 0; round < 4; round++) {
		struct kv_waiter w = { .fd = open_node() };
		int file = -1;
		uint32_t line, binary;
		pthread_t thread;

		ASSERT_GE(w.fd, 0);
		ASSERT_EQ(drmSyncobjCreate(w.fd, 0, &line), 0);
		ASSERT_EQ(drmSyncobjCreate(w.fd, 0, &binary), 0);
		ASSERT_EQ(start_transfer(w.fd, line, &w.id), 0);
		ASSERT_EQ(drmSyncobjTransfer(w.fd, binary, 0, line, 8, 0), 0);
		ASSERT_EQ(drmSyncobjExportSyncFile(w.fd, binary, &file), 0);
		ASSERT_EQ(pthread_create(&thread, NULL, kv_wait, &w), 0);
		usleep(100000 * round);
		EXPECT_EQ(sync_file_status(file, 0), -ETIME);
		ASSERT_EQ(write_file(DRIVER "unbind", bdf), 0);
		ASSERT_EQ(pthread_join(thread, NULL), 0);
		EXPECT_EQ(w.ret ? w.ret : w.result.error, -ENODEV);
		EXPECT_NE(sync_file_status(file, 60), -ETIME);
		EXPECT_EQ(sync_file_error(file), -ENODEV);
		EXPECT_EQ(transfer_wait(w.fd, w.id, 0, NULL), -ENODEV);
		close(file);
		close(w.fd);
		ASSERT_EQ(write_file(DRIVER "bind", bdf), 0);
	}
	EXPECT_EQ(bystander(), 0);
}

TEST_HARNESS_MAIN
