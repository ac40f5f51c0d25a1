// SPDX-License-Identifier: GPL-2.0
/*
 * Fences of gpupeer.ko outlive its device, and keep it loaded. A program of its
 * own, since it unloads the driver. Needs root, and nobody else at the device.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/sync_file.h>
#include <xf86drm.h>

#include "drm/gpupeer_drm.h"

#include "kselftest_harness.h"
#include "open_driver.h"

#define MODULE   "gpupeer"
#define SIZE     65536
#define SECOND   1000000000ll
#define N_POINTS 2

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* The driver's render node, or -ENODEV. */
/* The PCI address of the device that the driver has, if any. */
static int bound_device(char pci[32])
{
	DIR *dir = opendir("/sys/bus/pci/drivers/" MODULE);
	struct dirent *entry;
	int found = 0;

	while (dir && (entry = readdir(dir))) {
		if (strchr(entry->d_name, ':')) {
			snprintf(pci, 32, "%.31s", entry->d_name);
			found = 1;
		}
	}
	if (dir)
		closedir(dir);
	return found;
}

static int unbind(const char *pci)
{
	int fd = open("/sys/bus/pci/drivers/" MODULE "/unbind", O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, pci, strlen(pci)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

/* What a closed file has held is let go of a little later. */
static int unload_at_last(void)
{
	int64_t deadline = now_ns() + 30 * SECOND;
	int ret;

	while ((ret = unload()) == -EAGAIN && now_ns() < deadline)
		usleep(10000);
	return ret;
}

static int load(void)
{
	int64_t deadline = now_ns() + 30 * SECOND;
	int fd;

	if (system("modprobe " MODULE))
		return -ENOENT;
	while ((fd = open_driver(MODULE)) < 0 && now_ns() < deadline)
		usleep(10000);
	return fd;
}

FIXTURE(unload)
{
	int fd;
	char pci[32];
	uint32_t line;
	uint32_t done;
};

/* A job whose fences are in syncobjs. It may well fail: its tokens are zeros. */
FIXTURE_SETUP(unload)
{
	struct drm_gpupeer_bo_create bo = { .size = SIZE, .flags = DRM_GPUPEER_BO_HBM };
	struct drm_gpupeer_prefill args = {
		.tokens = 4096,
		.n_insns = 1,
		.n_tokens = 1,
		.max_pos = 4,
		.n_points = N_POINTS,
	};
	uint64_t last = N_POINTS;

	self->fd = open_driver(MODULE);
	ASSERT_GE(self->fd, 0)
	{
		TH_LOG("no GPU peer: load gpupeer.ko in a guest that has the device");
	}
	ASSERT_TRUE(bound_device(self->pci));
	ASSERT_EQ(0, drmSyncobjCreate(self->fd, 0, &self->line));
	ASSERT_EQ(0, drmSyncobjCreate(self->fd, 0, &self->done));
	ASSERT_EQ(0, drmIoctl(self->fd, DRM_IOCTL_GPUPEER_BO_CREATE, &bo));
	args.segment[0].handle = bo.handle;
	args.segment[0].flags = DRM_GPUPEER_SEGMENT_WRITE;
	args.points.handle = self->line;
	args.points.point = 1;
	args.done.handle = self->done;
	ASSERT_EQ(0, drmIoctl(self->fd, DRM_IOCTL_GPUPEER_PREFILL, &args));
	ASSERT_EQ(0, drmSyncobjTimelineWait(self->fd, &self->line, &last, 1, now_ns() + 30 * SECOND,
					    0, NULL));
	ASSERT_EQ(0, drmSyncobjWait(self->fd, &self->done, 1, now_ns() + 30 * SECOND, 0, NULL));
}

FIXTURE_TEARDOWN(unload)
{
	/* Without the fences nothing is left that keeps the module. */
	EXPECT_EQ(0, unload_at_last());
	EXPECT_EQ(-ENOENT, unload());
	self->fd = load();
	EXPECT_GE(self->fd, 0);
	close(self->fd);
}

TEST_F(unload, without_fences)
{
	close(self->fd);
}

TEST_F(unload, point_in_a_syncobj)
{
	int syncobj;

	ASSERT_EQ(0, drmSyncobjHandleToFD(self->fd, self->line, &syncobj));
	close(self->fd);
	/* Long enough for all else that a file leaves behind. */
	sleep(1);
	EXPECT_EQ(-EAGAIN, unload());
	ASSERT_EQ(0, unbind(self->pci));
	EXPECT_EQ(-EAGAIN, unload());
	close(syncobj);
}

TEST_F(unload, done_in_a_syncobj)
{
	int syncobj;

	ASSERT_EQ(0, drmSyncobjHandleToFD(self->fd, self->done, &syncobj));
	close(self->fd);
	sleep(1);
	EXPECT_EQ(-EAGAIN, unload());
	ASSERT_EQ(0, unbind(self->pci));
	EXPECT_EQ(-EAGAIN, unload());
	close(syncobj);
}

TEST_F(unload, names_after_unbind)
{
	struct sync_fence_info fence = {};
	struct sync_file_info info = {
		.num_fences = 1,
		.sync_fence_info = (uintptr_t)&fence,
	};
	int file;

	ASSERT_EQ(0, drmSyncobjExportSyncFile(self->fd, self->done, &file));
	close(self->fd);
	sleep(1);
	ASSERT_EQ(0, unbind(self->pci));
	ASSERT_EQ(0, ioctl(file, SYNC_IOC_FILE_INFO, &info));
	ASSERT_EQ(1, info.num_fences);
	EXPECT_NE(0, fence.status);
	/* Newer kernels ask a signaled fence no more. */
	if (strcmp(fence.driver_name, "detached-driver")) {
		EXPECT_STREQ(MODULE, fence.driver_name);
		/* Not the scheduler's, which is gone. */
		EXPECT_STREQ(self->pci, fence.obj_name);
	} else {
		EXPECT_STREQ("signaled-timeline", fence.obj_name);
	}
	EXPECT_EQ(-EAGAIN, unload());
	close(file);
}

TEST_HARNESS_MAIN
