// SPDX-License-Identifier: GPL-2.0
/*
 * Resets that the scheduler's timeout does not ask for: a job that gets on, but
 * takes longer than any job may, and a device whose records are not valid. They
 * need a process to sleep in, so they are done by a work.
 */
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "gpupeer.h"

/* What is wrong with the job that the device works on, or 0. */
static int head_error(struct gpupeer_device *gdev, struct gpupeer_job *job)
{
	if (gdev->bad_record)
		return -EIO;
	if (!gdev->head_limited || time_before(jiffies, gdev->head_deadline))
		return 0;
	drm_err(&gdev->drm, "job %llu runs for too long\n", job->seq);
	return -ETIME;
}

static void watchdog(struct work_struct *work)
{
	struct gpupeer_device *gdev =
		container_of(to_delayed_work(work), struct gpupeer_device, watchdog);
	struct dma_fence *fence = NULL;
	struct gpupeer_job *job;
	int error = 0, idx;

	if (!drm_dev_enter(&gdev->drm, &idx))
		return;
	mutex_lock(&gdev->reset_lock);
	/* Perhaps only the interrupt got lost. */
	if (!gdev->away)
		gpupeer_ring_process(gdev);
	spin_lock_irq(&gdev->ring_lock);
	if (gdev->running && gdev->completed != gdev->produced) {
		job = gdev->inflight[gdev->completed % GPUPEER_RING_ENTRIES];
		error = head_error(gdev, job);
		if (error)
			fence = dma_fence_get(&job->fence->base);
	}
	spin_unlock_irq(&gdev->ring_lock);
	if (fence) {
		gpupeer_reset(gdev, fence, error);
		dma_fence_put(fence);
	}
	mutex_unlock(&gdev->reset_lock);
	drm_dev_exit(idx);
}

/**
 * gpupeer_watchdog_init() - set the watchdog up
 * @gdev: device.
 */
void gpupeer_watchdog_init(struct gpupeer_device *gdev)
{
	INIT_DELAYED_WORK(&gdev->watchdog, watchdog);
}

/**
 * gpupeer_watchdog_head() - another job has come to the head of the ring
 * @gdev: device.
 *
 * The caller holds the ring's lock.
 */
void gpupeer_watchdog_head(struct gpupeer_device *gdev)
{
	unsigned long limit = msecs_to_jiffies(READ_ONCE(gpupeer_job_limit_ms));

	lockdep_assert_held(&gdev->ring_lock);

	gdev->head_limited = limit;
	if (!limit)
		return;
	gdev->head_deadline = jiffies + limit;
	/* If it is pending for a record that is not valid, let it be. */
	if (!gdev->bad_record)
		mod_delayed_work(gdev->sched.timeout_wq, &gdev->watchdog, limit);
}

/**
 * gpupeer_watchdog_bad_record() - the device has reported what cannot be
 * @gdev: device.
 *
 * It may still work on the job, which therefore ends only with the reset that
 * this asks for. Nothing more is taken from the ring until then. The caller
 * holds the ring's lock.
 */
void gpupeer_watchdog_bad_record(struct gpupeer_device *gdev)
{
	lockdep_assert_held(&gdev->ring_lock);

	gdev->bad_record = true;
	mod_delayed_work(gdev->sched.timeout_wq, &gdev->watchdog, 0);
}
