// SPDX-License-Identifier: GPL-2.0
/* KUnit: completion records, good and bad. Part of dacc_complete.c. */
#include <kunit/device.h>
#include <kunit/test.h>

struct dacc_complete_test {
	struct dacc_device dacc;
	struct dacc_queue queue;
	struct dacc_job job;
	u8 cpl[sizeof(struct dacc_cpl_head) + 16 * sizeof(struct dacc_cpl)];
	struct drm_dacc_result result;
	u32 ended;
	u32 recoveries;
};

static void dacc_test_job_ended(struct dacc_job *job, const struct drm_dacc_result *result)
{
	struct dacc_complete_test *t = container_of(job, struct dacc_complete_test, job);

	t->result = *result;
	t->ended++;
}

static void dacc_test_recover(struct work_struct *work)
{
	container_of(work, struct dacc_complete_test, queue.recover_work)->recoveries++;
}

static struct dacc_cpl *dacc_test_record(struct dacc_complete_test *t)
{
	return (struct dacc_cpl *)(t->cpl + sizeof(struct dacc_cpl_head));
}

/* A queue of 16 with one job in the ring and its record of success. */
static int dacc_complete_test_init(struct kunit *test)
{
	struct dacc_complete_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct dacc_queue *queue;
	struct dacc_cpl *cpl;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->dacc.drm.dev = kunit_device_register(test, "dacc-complete");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->dacc.drm.dev);
	t->dacc.wq = alloc_workqueue("dacc-test", 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, t->dacc.wq);
	atomic_set(&t->dacc.num_jobs, 1);
	queue = &t->queue;
	queue->dacc = &t->dacc;
	queue->depth = 16;
	queue->cpl = t->cpl;
	queue->queue_class = DRM_DACC_QUEUE_TRANSFER;
	queue->attached = true;
	/* The fault registers are not looked at. */
	queue->parked = true;
	queue->produced = 1;
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->pending);
	INIT_LIST_HEAD(&queue->running);
	init_waitqueue_head(&queue->wait);
	INIT_WORK(&queue->recover_work, dacc_test_recover);
	t->job.slot = 1;
	t->job.desc.cookie = 99;
	t->job.ended = dacc_test_job_ended;
	list_add(&t->job.link, &queue->running);
	cpl = dacc_test_record(t);
	cpl->seq = 1;
	cpl->cookie = 99;
	cpl->bytes = 4096;
	cpl->t_start = 10;
	cpl->t_end = 30;
	((struct dacc_cpl_head *)t->cpl)->seq = 1;
	test->priv = t;
	return 0;
}

static void dacc_complete_test_exit(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	if (t)
		destroy_workqueue(t->dacc.wq);
}

static void dacc_test_complete_good(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	dacc_queue_complete(&t->queue);
	KUNIT_EXPECT_EQ(test, t->ended, 1);
	KUNIT_EXPECT_EQ(test, t->result.error, 0);
	KUNIT_EXPECT_EQ(test, t->result.bytes, 4096);
	KUNIT_EXPECT_EQ(test, t->queue.completed, 1);
	KUNIT_EXPECT_EQ(test, t->queue.busy_ps, 20);
	KUNIT_EXPECT_EQ(test, t->queue.state, DRM_DACC_QUEUE_OK);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->dacc.num_jobs), 0);
	/* Once only. */
	dacc_queue_complete(&t->queue);
	KUNIT_EXPECT_EQ(test, t->ended, 1);
}

static void dacc_test_complete_backwards(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	dacc_test_record(t)->t_end = 5;
	dacc_queue_complete(&t->queue);
	KUNIT_EXPECT_EQ(test, t->queue.busy_ps, 0);
}

/* What the device must not write ends the queue, and no job yet. */
static void dacc_test_expect_refused(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	dacc_queue_complete(&t->queue);
	flush_workqueue(t->dacc.wq);
	KUNIT_EXPECT_EQ(test, t->ended, 0);
	KUNIT_EXPECT_EQ(test, t->queue.state, DRM_DACC_QUEUE_HUNG);
	KUNIT_EXPECT_EQ(test, t->queue.first_error, -EIO);
	KUNIT_EXPECT_EQ(test, t->recoveries, 1);
}

static void dacc_test_complete_bad_seq(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	dacc_test_record(t)->seq = 17;
	dacc_test_expect_refused(test);
}

static void dacc_test_complete_bad_cookie(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	dacc_test_record(t)->cookie = 98;
	dacc_test_expect_refused(test);
}

static void dacc_test_complete_bad_status(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	dacc_test_record(t)->status = DACC_STATUS_COUNT;
	dacc_test_expect_refused(test);
}

static void dacc_test_complete_too_many(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	((struct dacc_cpl_head *)t->cpl)->seq = 2;
	dacc_test_expect_refused(test);
}

static void dacc_test_complete_fault(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	dacc_test_record(t)->status = DACC_STATUS_UNMAPPED;
	dacc_test_record(t)->index = 3;
	dacc_queue_complete(&t->queue);
	flush_workqueue(t->dacc.wq);
	KUNIT_EXPECT_EQ(test, t->ended, 1);
	KUNIT_EXPECT_EQ(test, t->result.error, -EFAULT);
	KUNIT_EXPECT_EQ(test, t->result.index, 3);
	KUNIT_EXPECT_EQ(test, t->queue.state, DRM_DACC_QUEUE_FAULTED);
	KUNIT_EXPECT_EQ(test, t->queue.fault, DACC_STATUS_UNMAPPED);
	KUNIT_EXPECT_EQ(test, t->recoveries, 1);
}

static void dacc_test_complete_continue(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	t->job.desc.flags = DACC_DESC_CONTINUE;
	dacc_test_record(t)->status = DACC_STATUS_UNMAPPED;
	dacc_queue_complete(&t->queue);
	KUNIT_EXPECT_EQ(test, t->ended, 1);
	KUNIT_EXPECT_EQ(test, t->result.error, -EFAULT);
	KUNIT_EXPECT_EQ(test, t->queue.state, DRM_DACC_QUEUE_OK);
}

static void dacc_test_complete_not_run(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	/* A NOP ran in its place: its record says nothing about the job. */
	t->job.error = -ECANCELED;
	dacc_queue_complete(&t->queue);
	KUNIT_EXPECT_EQ(test, t->result.error, -ECANCELED);
	KUNIT_EXPECT_EQ(test, t->result.bytes, 0);
	KUNIT_EXPECT_EQ(test, t->queue.state, DRM_DACC_QUEUE_OK);
}

static void dacc_test_complete_detached(struct kunit *test)
{
	struct dacc_complete_test *t = test->priv;

	t->queue.attached = false;
	dacc_queue_complete(&t->queue);
	KUNIT_EXPECT_EQ(test, t->ended, 0);
}

static void dacc_test_status_to_errno(struct kunit *test)
{
	u32 status;

	KUNIT_EXPECT_EQ(test, dacc_status_to_errno(DACC_STATUS_OK), 0);
	KUNIT_EXPECT_EQ(test, dacc_status_to_errno(DACC_STATUS_UNMAPPED), -EFAULT);
	KUNIT_EXPECT_EQ(test, dacc_status_to_errno(DACC_STATUS_READ_ONLY), -EFAULT);
	KUNIT_EXPECT_EQ(test, dacc_status_to_errno(DACC_STATUS_BAD_LENGTH), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_status_to_errno(DACC_STATUS_BUS_ERROR), -EIO);
	for (status = DACC_STATUS_OK + 1; status < DACC_STATUS_COUNT; status++) {
		KUNIT_EXPECT_LT(test, dacc_status_to_errno(status), 0);
		KUNIT_EXPECT_GE(test, dacc_status_to_errno(status), -MAX_ERRNO);
	}
}

static struct kunit_case dacc_complete_cases[] = {
	KUNIT_CASE(dacc_test_complete_good),
	KUNIT_CASE(dacc_test_complete_backwards),
	KUNIT_CASE(dacc_test_complete_bad_seq),
	KUNIT_CASE(dacc_test_complete_bad_cookie),
	KUNIT_CASE(dacc_test_complete_bad_status),
	KUNIT_CASE(dacc_test_complete_too_many),
	KUNIT_CASE(dacc_test_complete_fault),
	KUNIT_CASE(dacc_test_complete_continue),
	KUNIT_CASE(dacc_test_complete_not_run),
	KUNIT_CASE(dacc_test_complete_detached),
	KUNIT_CASE(dacc_test_status_to_errno),
	{}
};

static struct kunit_suite dacc_complete_suite = {
	.name = "dacc_complete",
	.init = dacc_complete_test_init,
	.exit = dacc_complete_test_exit,
	.test_cases = dacc_complete_cases,
};

kunit_test_suite(dacc_complete_suite);
