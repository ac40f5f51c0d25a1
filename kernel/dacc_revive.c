// SPDX-License-Identifier: GPL-2.0
/*
 * Queues over a stop of the device: a reset, or a power state that loses its
 * registers. Parked queues keep their jobs, ring and sequence numbers; the
 * device goes on behind the last descriptor that it had completed, and takes up
 * again from its start what it had not.
 */
#include <linux/jiffies.h>

#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"

/* A job that was running at so many resets in a row is taken for their cause. */
#define DACC_MAX_SUSPICIONS		3

/*
 * Nobody knows which job brought the device down, but one that was running
 * each time is not to do it for ever.
 */
static void dacc_queue_suspect(struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;
	u64 fetched = dacc_read64(dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_FETCHED));
	u64 job = READ_ONCE(queue->completed) + 1;

	if (fetched == ~0ull || fetched < job)
		return;
	if (queue->suspect_job != job) {
		queue->suspect_job = job;
		queue->suspicions = 0;
	}
	if (++queue->suspicions < DACC_MAX_SUSPICIONS)
		return;
	drm_warn(&dacc->drm, "queue %u: job %llu ran at %u device resets in a row, it ends with -EIO\n",
		 queue->hwq, job, queue->suspicions);
	dacc_queue_fail(queue, DRM_DACC_QUEUE_HUNG, -EIO, -ECANCELED, DACC_STATUS_CANCELLED);
	dacc_vm_blame(queue->vm);
}

/**
 * dacc_device_suspend_queues - park all queues
 * @dacc: device that is up; its hw_lock is held
 * @suspect: the device failed by itself: look for who may have caused it
 *
 * The caller then stops the device. No descriptor and no doorbell is written until
 * dacc_device_resume_queues(). Nothing is allocated.
 */
void dacc_device_suspend_queues(struct dacc_device *dacc, bool suspect)
{
	bool revoked;
	u32 hwq;

	lockdep_assert_held(&dacc->hw_lock);
	revoked = dacc_doorbell_revoke(dacc);
	for (hwq = 0; hwq < dacc->num_queues; hwq++) {
		struct dacc_queue *queue = dacc->queues[hwq];

		if (!queue)
			continue;
		dacc_queue_complete(queue);
		if (queue->user) {
			dacc_userq_save(queue);
			if (!revoked)
				dacc_queue_fail(queue, DRM_DACC_QUEUE_LOST, -ENODEV, -ENODEV, 0);
		}
		mutex_lock(&queue->run_lock);
		spin_lock_irq(&queue->lock);
		queue->parked = true;
		spin_unlock_irq(&queue->lock);
		mutex_unlock(&queue->run_lock);
		if (suspect && queue->attached && queue->state == DRM_DACC_QUEUE_OK)
			dacc_queue_suspect(queue);
	}
}

/**
 * dacc_device_recount_queues - look at what completed until the device had stopped
 * @dacc: device after dacc_device_suspend_queues() and dacc_hw_reset(), before
 *	anything else resets it; its hw_lock is held
 * @stopped: that reset succeeded, or else the device is cut off the bus
 *
 * Completion records of our own queues are in memory, those of user queues are the
 * client's.
 */
void dacc_device_recount_queues(struct dacc_device *dacc, bool stopped)
{
	u32 hwq;

	lockdep_assert_held(&dacc->hw_lock);
	for (hwq = 0; hwq < dacc->num_queues; hwq++) {
		struct dacc_queue *queue = dacc->queues[hwq];

		if (!queue)
			continue;
		if (queue->user)
			dacc_userq_recount(queue, stopped);
		else
			dacc_queue_complete(queue);
	}
}

/* Gives the queue to the device again, with what is in its ring. */
static int dacc_queue_revive(struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;
	u64 completed = queue->completed;
	bool busy;
	int ret;

	/* That of a user queue is the client's own; the device zeroes it too. */
	if (queue->cpl)
		((struct dacc_cpl_head *)queue->cpl)->fault = 0;
	ret = dacc_hw_queue_enable(queue, completed);
	if (ret)
		return ret;
	mutex_lock(&queue->run_lock);
	spin_lock_irq(&queue->lock);
	queue->parked = false;
	queue->last_completed = completed;
	queue->last_counter = 0;
	queue->last_change = jiffies;
	queue->current_job = 0;
	busy = !list_empty(&queue->running);
	spin_unlock_irq(&queue->lock);
	if (queue->user)
		dacc_userq_restore(queue);
	if (busy) {
		dacc_ring_doorbell(dacc, queue->hwq, (u32)queue->produced);
		dacc_transfers_announced(queue);
	}
	mutex_unlock(&queue->run_lock);
	if (busy || queue->user)
		dacc_queue_watch(queue);
	/* What was submitted meanwhile. */
	queue_work(dacc->wq, &queue->run_work);
	return 0;
}

/**
 * dacc_device_resume_queues - let parked queues go on
 * @dacc: device that was reset and is enabled, its address spaces and decoders
 *	restored; its hw_lock is held
 *
 * Queues that have failed meanwhile end. Nothing is allocated.
 */
void dacc_device_resume_queues(struct dacc_device *dacc)
{
	u32 hwq;

	lockdep_assert_held(&dacc->hw_lock);
	for (hwq = 0; hwq < dacc->num_queues; hwq++) {
		struct dacc_queue *queue = dacc->queues[hwq];

		if (!queue || queue->closing)
			continue;
		/* What completed while the device was being stopped. */
		dacc_queue_complete(queue);
		if (queue->attached && queue->state == DRM_DACC_QUEUE_OK &&
		    dacc_queue_revive(queue)) {
			/*
			 * The device may know its memory now: it ends after a queue reset,
			 * in dacc_queue_recover_work().
			 */
			dacc_queue_fail(queue, DRM_DACC_QUEUE_LOST, -ENODEV, -ENODEV, 0);
			continue;
		}
		if (queue->state != DRM_DACC_QUEUE_OK)
			dacc_queue_end(queue);
	}
	dacc_doorbell_restore(dacc);
}

/**
 * dacc_device_lose_queues - end all queues of a device that does not come back
 * @dacc: device that makes no further access; its hw_lock is held
 */
void dacc_device_lose_queues(struct dacc_device *dacc)
{
	u32 hwq;

	lockdep_assert_held(&dacc->hw_lock);
	for (hwq = 0; hwq < dacc->num_queues; hwq++) {
		struct dacc_queue *queue = dacc->queues[hwq];

		if (!queue)
			continue;
		/* What completed while the reset was under way did complete. */
		dacc_queue_complete(queue);
		dacc_queue_fail(queue, DRM_DACC_QUEUE_LOST, -ENODEV, -ENODEV, 0);
		dacc_queue_end(queue);
	}
	dacc_doorbell_restore(dacc);
}
