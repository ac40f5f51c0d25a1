// SPDX-License-Identifier: GPL-2.0
/* Test knobs of kernels that are for tests: jobs that do not run, fail points. */
#include "dacc_life.h"
#include "dacc_uq.h"

#define HOST_VA 0x100000000ull
#define SRAM_VA 0x200000000ull

static bool knob(const char *name, const char *value)
{
	FILE *f = debugfs_open(name, "w");
	bool ok = f && fputs(value, f) >= 0;

	if (f && fclose(f))
		ok = false;
	return ok;
}

/* Fails the next @times of a point. */
static bool fail_next(const char *point, int times)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "%s/verbose", point);
	if (!knob(path, "0"))
		return false;
	snprintf(path, sizeof(path), "%s/times", point);
	snprintf(text, sizeof(text), "%d", times);
	if (!knob(path, text))
		return false;
	snprintf(path, sizeof(path), "%s/probability", point);
	return knob(path, times ? "100" : "0");
}

FIXTURE(dacc_knobs)
{
	int fd;
	uint32_t vm, host, sram, q;
	uint32_t *h, *s;
};

FIXTURE_SETUP(dacc_knobs)
{
	FILE *f = debugfs_open("null_submission", "r");

	if (!f)
		SKIP(return, "this kernel has no fault injection");
	fclose(f);
	self->fd = open_node();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_HOST, &self->host), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_SRAM, &self->sram), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->host, 0, HOST_VA, SZ_64K, 0), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, SRAM_VA, SZ_64K, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->q), 0);
	self->h = bo_map(self->fd, self->host, SZ_64K);
	self->s = bo_map(self->fd, self->sram, SZ_64K);
	ASSERT_NE(self->h, NULL);
	ASSERT_NE(self->s, NULL);
}

FIXTURE_TEARDOWN(dacc_knobs)
{
	if (self->fd <= 0)
		return;
	knob("null_submission", "N");
	fail_next("fail_poll", 0);
	fail_next("fail_tlb", 0);
	fail_next("fail_enable", 0);
	fail_next("fail_counts", 0);
	close(self->fd);
}

TEST_F(dacc_knobs, null_submission)
{
	struct drm_dacc_result r = {};

	self->h[0] = 0x1234;
	ASSERT_TRUE(knob("null_submission", "Y"));
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM_VA, HOST_VA, 4), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->s[0], 0);
	ASSERT_TRUE(knob("null_submission", "N"));
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM_VA, HOST_VA, 4), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->s[0], 0x1234);
}

TEST_F(dacc_knobs, queue_is_refused)
{
	uint32_t q;

	ASSERT_TRUE(fail_next("fail_enable", 1));
	EXPECT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), -EIO);
	EXPECT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
}

/* Only a device reset helps then; queues outlive it. */
TEST_F(dacc_knobs, invalidation_does_not_end)
{
	struct drm_dacc_result r = {};
	long long resets = counter("device_resets");

	ASSERT_TRUE(fail_next("fail_tlb", 1));
	EXPECT_EQ(vm_unmap(self->fd, self->vm, SRAM_VA, SZ_64K), 0);
	EXPECT_EQ(counter("device_resets"), resets + 1);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, SRAM_VA, SZ_64K, 0), 0);
	self->h[0] = 0x5678;
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM_VA, HOST_VA, 4), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->s[0], 0x5678);
}

TEST_F(dacc_knobs, queue_reset_does_not_end)
{
	long long resets = counter("device_resets");
	uint32_t q;

	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_DECODE, 16, &q), 0);
	ASSERT_TRUE(fail_next("fail_poll", 1));
	EXPECT_EQ(queue_destroy(self->fd, q), 0);
	EXPECT_EQ(counter("device_resets"), resets + 1);
	EXPECT_EQ(run(self->fd, self->q, job_nop(), NULL), 0);
}

/* The next owner of the hardware queue is to find it disabled. */
TEST_F(dacc_knobs, queue_is_refused_after_a_reset)
{
	struct drm_dacc_queue_info i = {};
	struct drm_dacc_result r = {};
	uint32_t q[DACC_MAX_QUEUES];
	int n;

	ASSERT_TRUE(fail_next("fail_enable", DACC_MAX_QUEUES));
	ASSERT_EQ(reset_function(), 0);
	ASSERT_TRUE(fail_next("fail_enable", 0));
	EXPECT_EQ(run(self->fd, self->q, job_nop(), NULL), -EIO);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_LOST);
	ASSERT_EQ(queue_destroy(self->fd, self->q), 0);
	for (n = 0; n < DACC_MAX_QUEUES; n++)
		if (queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q[n]))
			break;
	ASSERT_GT(n, 0);
	while (n--) {
		ASSERT_EQ(run(self->fd, q[n], job_fill(SRAM_VA, 64, (uint32_t)n), &r), 0);
		EXPECT_EQ(r.error, 0);
	}
}

/* What the driver cannot count it must not run again. */
TEST_F(dacc_knobs, user_queue_of_unknown_counts)
{
	struct drm_dacc_queue_info i = {};
	struct uq q;

	ASSERT_EQ(uq_create(&q, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 0), 0);
	ASSERT_TRUE(fail_next("fail_counts", -1));
	uq_push(&q, desc_fill(HOST_VA, 4, 1));
	ASSERT_EQ(uq_poll(&q, 1, UQ_SECONDS), 0);
	self->h[0] = 7;
	ASSERT_EQ(reset_function(), 0);
	ASSERT_TRUE(fail_next("fail_counts", 0));
	uq_push(&q, desc_nop());
	EXPECT_EQ(uq_wait(&q, 2, UQ_SECONDS), -EIO);
	ASSERT_EQ(queue_info(self->fd, q.id, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_LOST);
	EXPECT_EQ(self->h[0], 7);
}

TEST_HARNESS_MAIN
