// SPDX-License-Identifier: GPL-2.0
/* The driver is unbound under an open file with jobs in flight, and bound again.
 * Alone in its program: afterwards there is another DRM device.
 */
#include <linux/sync_file.h>
#include <poll.h>
#include <pthread.h>

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

TEST_HARNESS_MAIN
