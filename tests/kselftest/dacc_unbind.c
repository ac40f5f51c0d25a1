// SPDX-License-Identifier: GPL-2.0
/* The driver is unbound under an open file with jobs in flight, and bound again.
 * Alone in its program: afterwards there is another DRM device.
 */
#include "dacc_life.h"

TEST(dacc_unbind_under_an_open_fd)
{
	struct drm_dacc_job j[2] = { job_nop(), job_nop() };
	struct drm_dacc_device_info info = {};
	struct drm_dacc_sync out = {};
	uint32_t vm, bo, sram, q, sync;
	char bdf[32], path[128];
	uint32_t *p;
	__u64 seq;
	int fd = open(NODE, O_RDWR | O_CLOEXEC);

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
	let_it_start();

	ASSERT_EQ(write_file("/sys/bus/pci/drivers/dacc/unbind", bdf), 0);

	/* The fence ended, the mapping is gone, every ioctl says so. */
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

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/dacc/bind");
	ASSERT_EQ(write_file(path, bdf), 0);
	inject(DACC_INJECT_NONE, 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_HARNESS_MAIN
