// SPDX-License-Identifier: GPL-2.0
/* QUEUE_CREATE, QUEUE_DESTROY, QUEUE_INFO, SUBMIT's arguments, WAIT. */
#include "dacc_util.h"

#define VA 0x100000000ull

FIXTURE(dacc_queue)
{
	int fd, other;
	uint32_t vm, bo, q, dq;
};

FIXTURE_SETUP(dacc_queue)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	self->other = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &self->bo), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->bo, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->q), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_DECODE, 16, &self->dq), 0);
}

FIXTURE_TEARDOWN(dacc_queue)
{
	close(self->fd);
	close(self->other);
}

TEST_F(dacc_queue, create_bad_arguments)
{
	struct drm_dacc_queue_create c = {
		.vm = self->vm,
		.queue_class = DRM_DACC_QUEUE_TRANSFER,
		.depth = 16,
		.flags = 1,
	};
	uint32_t q;

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c), -EINVAL);
	c.flags = 0;
	c.pad = 1;
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c), -EINVAL);
	EXPECT_EQ(queue_create(self->fd, self->vm, 2, 16, &q), -EINVAL);
	EXPECT_EQ(queue_create(self->fd, self->vm, 0, 0, &q), -EINVAL);
	EXPECT_EQ(queue_create(self->fd, self->vm, 0, 8, &q), -EINVAL);
	EXPECT_EQ(queue_create(self->fd, self->vm, 0, 17, &q), -EINVAL);
	EXPECT_EQ(queue_create(self->fd, self->vm, 0, 8192, &q), -EINVAL);
	EXPECT_EQ(queue_create(self->fd, self->vm + 50, 0, 16, &q), -ENOENT);
	EXPECT_EQ(queue_create(self->other, self->vm, 0, 16, &q), -ENOENT);
}

TEST_F(dacc_queue, queues_run_out_and_come_back)
{
	uint32_t q[2 * DACC_MAX_QUEUES];
	int n = 0, ret = 0;

	while (n < 2 * DACC_MAX_QUEUES &&
	       !(ret = queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q[n])))
		n++;
	EXPECT_EQ(ret, -ENOSPC);
	EXPECT_GT(n, 8);
	while (n)
		EXPECT_EQ(queue_destroy(self->fd, q[--n]), 0);
	EXPECT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q[0]), 0);
}

TEST_F(dacc_queue, destroy_bad_arguments)
{
	struct drm_dacc_queue_destroy d = { .queue = self->q, .pad = 1 };

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUEUE_DESTROY, &d), -EINVAL);
	EXPECT_EQ(queue_destroy(self->fd, self->q + 99), -ENOENT);
	EXPECT_EQ(queue_destroy(self->other, self->q), -ENOENT);
	EXPECT_EQ(queue_destroy(self->fd, self->q), 0);
	EXPECT_EQ(queue_destroy(self->fd, self->q), -ENOENT);
}

TEST_F(dacc_queue, info)
{
	struct drm_dacc_queue_info i;
	struct drm_dacc_result r = {};

	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	EXPECT_EQ(i.submitted, 0);
	EXPECT_EQ(i.completed, 0);
	ASSERT_EQ(run(self->fd, self->q, job_nop(), &r), 0);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.submitted, 1);
	EXPECT_EQ(i.completed, 1);
	EXPECT_EQ(queue_info(self->other, self->q, &i), -ENOENT);
	EXPECT_EQ(queue_info(self->fd, self->q + 99, &i), -ENOENT);
}

TEST_F(dacc_queue, submit_bad_objects_and_counts)
{
	struct drm_dacc_job j[DRM_DACC_MAX_JOBS + 1] = {};

	EXPECT_EQ(submit(self->fd, self->q + 99, j, 1, NULL), -ENOENT);
	EXPECT_EQ(submit(self->other, self->q, j, 1, NULL), -ENOENT);
	EXPECT_EQ(submit(self->fd, self->q, j, 0, NULL), -EINVAL);
	EXPECT_EQ(submit(self->fd, self->q, j, DRM_DACC_MAX_JOBS + 1, NULL), -EINVAL);
	EXPECT_EQ(submit(self->fd, self->q, (void *)0x10, 1, NULL), -EFAULT);
}

TEST_F(dacc_queue, submit_bad_jobs)
{
	struct drm_dacc_job good = job_copy(VA, VA + SZ_64K, SZ_4K), j;

	j = good;
	j.type = 99;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j = good;
	j.flags = 1u << 7;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j = good;
	j.raw[5] = 1;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j = good;
	j.copy.len = 0;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j = good;
	j.copy.len = DACC_MAX_COPY + 1;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j = job_nop();
	j.raw[0] = 1;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	/* The class decides what a queue takes. */
	EXPECT_EQ(submit(self->fd, self->dq, &good, 1, NULL), -EINVAL);
}

TEST_F(dacc_queue, submit_bad_fill)
{
	struct drm_dacc_job j;

	j = job_fill(VA, 0, 1);
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j = job_fill(VA, 6, 1);
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j = job_fill(VA + 2, 8, 1);
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j = job_fill(VA, 8, 1);
	j.fill.pad = 1;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j = job_fill(VA, 8, 1);
	j.flags = DRM_DACC_JOB_CHECKSUM;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
}

TEST_F(dacc_queue, submit_bad_blocks)
{
	struct drm_dacc_device_info info = {};
	struct drm_dacc_job j = { .type = DRM_DACC_JOB_COPY_BLOCKS };

	ASSERT_EQ(query_device(self->fd, &info), 0);
	j.blocks.table = VA;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j.blocks.n_blocks = info.max_blocks + 1;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j.blocks.n_blocks = 1;
	j.blocks.table = VA + 4;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j.blocks.table = VA;
	j.blocks.pad = 1;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
}

TEST_F(dacc_queue, submit_bad_decode)
{
	struct drm_dacc_job good = { .type = DRM_DACC_JOB_DECODE }, j;

	good.decode.program = VA;
	good.decode.seqs = VA + SZ_64K;
	good.decode.out = VA + 2 * SZ_64K;
	good.decode.n_insns = 1;
	good.decode.batch = 1;
	good.decode.max_tokens = 1;

	j = good;
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EINVAL);
	j.decode.program += 32;
	EXPECT_EQ(submit(self->fd, self->dq, &j, 1, NULL), -EINVAL);
	j = good;
	j.decode.seqs += 8;
	EXPECT_EQ(submit(self->fd, self->dq, &j, 1, NULL), -EINVAL);
	j = good;
	j.decode.out += 4;
	EXPECT_EQ(submit(self->fd, self->dq, &j, 1, NULL), -EINVAL);
	j = good;
	j.decode.n_insns = 0;
	EXPECT_EQ(submit(self->fd, self->dq, &j, 1, NULL), -EINVAL);
	j = good;
	j.decode.batch = 0;
	EXPECT_EQ(submit(self->fd, self->dq, &j, 1, NULL), -EINVAL);
	j.decode.batch = DACC_MAX_BATCH + 1;
	EXPECT_EQ(submit(self->fd, self->dq, &j, 1, NULL), -EINVAL);
	j = good;
	j.decode.max_tokens = 0;
	EXPECT_EQ(submit(self->fd, self->dq, &j, 1, NULL), -EINVAL);
	j.decode.max_tokens = DACC_MAX_TOKENS + 1;
	EXPECT_EQ(submit(self->fd, self->dq, &j, 1, NULL), -EINVAL);
	j = good;
	j.flags = DRM_DACC_JOB_CHECKSUM;
	EXPECT_EQ(submit(self->fd, self->dq, &j, 1, NULL), -EINVAL);
}

TEST_F(dacc_queue, one_bad_job_submits_none)
{
	struct drm_dacc_job j[3] = { job_nop(), job_nop(), job_fill(VA, 3, 0) };
	struct drm_dacc_queue_info i;

	EXPECT_EQ(submit(self->fd, self->q, j, 3, NULL), -EINVAL);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.submitted, 0);
}

TEST_F(dacc_queue, full_queue_is_eagain)
{
	struct drm_dacc_job j[16];
	__u64 seq;

	for (int i = 0; i < 16; i++)
		j[i] = job_nop();
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	EXPECT_EQ(submit(self->fd, self->q, j, 16, &seq), 0);
	EXPECT_EQ(seq, 16);
	EXPECT_EQ(submit(self->fd, self->q, j, 1, NULL), -EAGAIN);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	EXPECT_EQ(queue_destroy(self->fd, self->q), 0);
}

TEST_F(dacc_queue, more_jobs_than_the_queue_is_deep)
{
	struct drm_dacc_job j[17];
	struct drm_dacc_queue_info i;
	__u64 seq;

	for (int n = 0; n < 17; n++)
		j[n] = job_nop();
	EXPECT_EQ(submit(self->fd, self->q, j, 17, NULL), -EINVAL);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.submitted, 0);
	EXPECT_EQ(submit(self->fd, self->q, j, 16, &seq), 0);
	EXPECT_EQ(wait_job(self->fd, self->q, seq, 30, NULL), 0);
}

TEST_F(dacc_queue, sequence_numbers_and_wrap)
{
	struct drm_dacc_job j[7];
	struct drm_dacc_result r = {};
	__u64 seq = 0, n = 0;

	for (int i = 0; i < 7; i++)
		j[i] = job_nop();
	for (int i = 0; i < 40; i++) {
		ASSERT_EQ(submit(self->fd, self->q, j, 7, &seq), 0);
		n += 7;
		ASSERT_EQ(seq, n);
		ASSERT_EQ(wait_job(self->fd, self->q, seq, 30, &r), 0);
		ASSERT_EQ(r.seq, seq);
		ASSERT_EQ(r.error, 0);
	}
}

TEST_F(dacc_queue, wait_bad_arguments)
{
	struct drm_dacc_result r[20];
	struct drm_dacc_wait w = { .queue = self->q };

	EXPECT_EQ(wait_job(self->fd, self->q, 0, 1, NULL), -EINVAL);
	EXPECT_EQ(wait_job(self->fd, self->q, 1, 1, NULL), -EINVAL);
	EXPECT_EQ(wait_job(self->fd, self->q + 99, 1, 1, NULL), -ENOENT);
	EXPECT_EQ(wait_job(self->other, self->q, 1, 1, NULL), -ENOENT);
	ASSERT_EQ(run(self->fd, self->q, job_nop(), NULL), 0);
	w.seq = 1;
	w.n_results = 1;
	w.timeout_ns = now_ns() + NSEC;
	w.results = 0x10;
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_WAIT, &w), -EFAULT);
	w.results = (uintptr_t)r;
	w.n_results = 2;
	EXPECT_LT(xioctl(self->fd, DRM_IOCTL_DACC_WAIT, &w), 0);
}

TEST_F(dacc_queue, wait_for_results_of_several_jobs)
{
	struct drm_dacc_job j[5] = { job_nop(), job_fill(VA, 4, 1), job_fill(VA, 8, 1),
				     job_fill(VA, 12, 1), job_nop() };
	struct drm_dacc_result r[4] = {};
	struct drm_dacc_wait w = { .queue = self->q, .n_results = 4, .results = (uintptr_t)r };

	ASSERT_EQ(submit(self->fd, self->q, j, 5, &w.seq), 0);
	w.timeout_ns = now_ns() + 30 * NSEC;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_WAIT, &w), 0);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(r[i].seq, i + 2);
	EXPECT_EQ(r[0].bytes, 4);
	EXPECT_EQ(r[1].bytes, 8);
	EXPECT_EQ(r[2].bytes, 12);
}

TEST_F(dacc_queue, results_that_are_gone)
{
	struct drm_dacc_job j[16];
	struct drm_dacc_result r;
	__u64 seq = 0;

	for (int i = 0; i < 16; i++)
		j[i] = job_nop();
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(submit(self->fd, self->q, j, 16, &seq), 0);
		ASSERT_EQ(wait_job(self->fd, self->q, seq, 30, NULL), 0);
	}
	EXPECT_EQ(wait_job(self->fd, self->q, 1, 1, &r), -ENODATA);
	EXPECT_EQ(wait_job(self->fd, self->q, seq, 1, &r), 0);
	EXPECT_EQ(wait_job(self->fd, self->q, seq - 15, 1, &r), 0);
}

TEST_HARNESS_MAIN
