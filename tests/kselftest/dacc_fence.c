// SPDX-License-Identifier: GPL-2.0
/* Fences in and out of SUBMIT: binary and timeline, errors, order. */
#include "dacc_util.h"

#define VA 0x100000000ull

FIXTURE(dacc_fence)
{
	int fd;
	uint32_t vm, bo, a, b, bin, line;
	uint32_t *p;
};

FIXTURE_SETUP(dacc_fence)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &self->bo), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->bo, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->a), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->b), 0);
	ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &self->bin), 0);
	ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &self->line), 0);
	self->p = bo_map(self->fd, self->bo, SZ_1M);
	ASSERT_NE(self->p, NULL);
}

FIXTURE_TEARDOWN(dacc_fence)
{
	munmap(self->p, SZ_1M);
	close(self->fd);
}

static int wait_bin(int fd, uint32_t handle, int seconds)
{
	return drmSyncobjWait(fd, &handle, 1, now_ns() + seconds * NSEC,
			      DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, NULL);
}

static int wait_point(int fd, uint32_t handle, uint64_t point, int seconds)
{
	return drmSyncobjTimelineWait(fd, &handle, &point, 1, now_ns() + seconds * NSEC,
				      DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, NULL);
}

TEST_F(dacc_fence, binary_out)
{
	struct drm_dacc_job j = job_fill(VA, 64, 5);
	struct drm_dacc_sync out = { .handle = self->bin };

	ASSERT_EQ(submit_full(self->fd, self->a, &j, 1, NULL, 0, &out, 1, NULL), 0);
	ASSERT_EQ(wait_bin(self->fd, self->bin, 30), 0);
	EXPECT_EQ(self->p[0], 5);
}

TEST_F(dacc_fence, timeline_out)
{
	struct drm_dacc_job j = job_fill(VA, 64, 6);
	uint64_t value = 0;

	for (uint64_t point = 1; point <= 5; point++) {
		struct drm_dacc_sync out = { .handle = self->line, .point = point };

		ASSERT_EQ(submit_full(self->fd, self->a, &j, 1, NULL, 0, &out, 1, NULL), 0);
	}
	ASSERT_EQ(wait_point(self->fd, self->line, 5, 30), 0);
	ASSERT_EQ(drmSyncobjQuery(self->fd, &self->line, &value, 1), 0);
	EXPECT_EQ(value, 5);
}

TEST_F(dacc_fence, in_orders_two_queues)
{
	/* A long fill on one queue; the other copies what it wrote. */
	struct drm_dacc_job fill = job_fill(VA, SZ_1M / 2, 0x11223344);
	struct drm_dacc_job copy = job_copy(VA + SZ_1M / 2, VA, SZ_1M / 2);
	struct drm_dacc_sync s = { .handle = self->line, .point = 3 };
	struct drm_dacc_result r = {};
	__u64 seq;

	ASSERT_EQ(submit_full(self->fd, self->a, &fill, 1, NULL, 0, &s, 1, NULL), 0);
	ASSERT_EQ(submit_full(self->fd, self->b, &copy, 1, &s, 1, NULL, 0, &seq), 0);
	ASSERT_EQ(wait_job(self->fd, self->b, seq, 30, &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(self->p[SZ_1M / 4 - 1], 0x11223344);
	EXPECT_EQ(self->p[SZ_1M / 8], 0x11223344);
}

TEST_F(dacc_fence, nothing_runs_before_its_fence)
{
	struct drm_dacc_job j = job_fill(VA, 64, 9);
	struct drm_dacc_sync in = { .handle = self->bin };
	struct drm_dacc_job hang = job_nop();
	struct drm_dacc_sync out = { .handle = self->bin };
	__u64 seq;

	/* What it waits for hangs until its queue is reset. */
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit_full(self->fd, self->a, &hang, 1, NULL, 0, &out, 1, NULL), 0);
	ASSERT_EQ(submit_full(self->fd, self->b, &j, 1, &in, 1, NULL, 0, &seq), 0);
	EXPECT_EQ(wait_job(self->fd, self->b, seq, 1, NULL), -ETIME);
	EXPECT_EQ(self->p[0], 0);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
}

TEST_F(dacc_fence, an_error_passes_on)
{
	struct drm_dacc_job bad = job_fill(0x900000000ull, 64, 1), j = job_fill(VA, 64, 9);
	struct drm_dacc_sync s = { .handle = self->bin };
	struct drm_dacc_result r = {};
	struct drm_dacc_queue_info i;
	__u64 seq;

	ASSERT_EQ(submit_full(self->fd, self->a, &bad, 1, NULL, 0, &s, 1, NULL), 0);
	ASSERT_EQ(submit_full(self->fd, self->b, &j, 1, &s, 1, NULL, 0, &seq), 0);
	ASSERT_EQ(wait_job(self->fd, self->b, seq, 30, &r), 0);
	EXPECT_EQ(r.error, -EFAULT);
	EXPECT_EQ(self->p[0], 0);
	/* Its own queue did nothing wrong. */
	ASSERT_EQ(queue_info(self->fd, self->b, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	ASSERT_EQ(run(self->fd, self->b, job_fill(VA, 64, 9), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->p[0], 9);
}

TEST_F(dacc_fence, in_without_a_fence)
{
	struct drm_dacc_job j = job_nop();
	struct drm_dacc_sync in = { .handle = self->bin };

	EXPECT_EQ(submit_full(self->fd, self->a, &j, 1, &in, 1, NULL, 0, NULL), -EINVAL);
	in.handle = self->line;
	in.point = 9;
	EXPECT_EQ(submit_full(self->fd, self->a, &j, 1, &in, 1, NULL, 0, NULL), -EINVAL);
}

TEST_F(dacc_fence, bad_handles_counts_and_pads)
{
	struct drm_dacc_job j = job_nop();
	struct drm_dacc_sync s[DRM_DACC_MAX_SYNCS + 1] = {};

	s[0].handle = 4711;
	EXPECT_EQ(submit_full(self->fd, self->a, &j, 1, s, 1, NULL, 0, NULL), -ENOENT);
	EXPECT_EQ(submit_full(self->fd, self->a, &j, 1, NULL, 0, s, 1, NULL), -ENOENT);
	EXPECT_EQ(submit_full(self->fd, self->a, &j, 1, s, DRM_DACC_MAX_SYNCS + 1, NULL, 0, NULL),
		  -EINVAL);
	EXPECT_EQ(submit_full(self->fd, self->a, &j, 1, NULL, 0, s, DRM_DACC_MAX_SYNCS + 1, NULL),
		  -EINVAL);
	s[0].handle = self->bin;
	s[0].pad = 1;
	EXPECT_EQ(submit_full(self->fd, self->a, &j, 1, NULL, 0, s, 1, NULL), -EINVAL);
	EXPECT_EQ(submit_full(self->fd, self->a, &j, 1, (void *)0x10, 1, NULL, 0, NULL), -EFAULT);
}

TEST_F(dacc_fence, sync_file_is_pollable)
{
	struct drm_dacc_job j = job_fill(VA, 64, 5);
	struct drm_dacc_sync out = { .handle = self->bin };
	int file = -1;

	ASSERT_EQ(submit_full(self->fd, self->a, &j, 1, NULL, 0, &out, 1, NULL), 0);
	ASSERT_EQ(drmSyncobjExportSyncFile(self->fd, self->bin, &file), 0);
	EXPECT_GE(file, 0);
	close(file);
}

TEST_HARNESS_MAIN
