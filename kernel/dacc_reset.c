// SPDX-License-Identifier: GPL-2.0
/*
 * Recovery, from the narrowest to the widest: a queue reset for a queue that
 * faulted or hangs; a device reset when that does not end, or when the device
 * says so; a function-level reset from outside.
 */
#include <linux/jiffies.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"
#include "dacc_trace.h"

/* What has completed before a reset did complete; after it no fault can be read. */
static void dacc_device_complete_queues(struct dacc_device *dacc)
{
	u32 hwq;

	lockdep_assert_held(&dacc->hw_lock);
	for (hwq = 0; hwq < dacc->num_queues; hwq++) {
		if (dacc->queues[hwq])
			dacc_queue_complete(dacc->queues[hwq]);
	}
}

/* All queues end with -ENODEV; the device makes no further access. */
static void dacc_device_lose_queues(struct dacc_device *dacc)
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
}

/* After a reset: address spaces and decoders back to what the driver knows. */
static void dacc_device_restore(struct dacc_device *dacc)
{
	u32 asid;

	lockdep_assert_held(&dacc->hw_lock);
	for (asid = 1; asid < dacc->num_asids; asid++) {
		if (dacc->vms[asid])
			dacc_hw_write_asid(dacc, asid, dacc->vms[asid]->root);
	}
	dacc_link_restore(dacc);
	dacc_hw_start(dacc);
	dacc->hw_up = true;
	WRITE_ONCE(dacc->last_progress, jiffies);
}

static void dacc_device_reset_locked(struct dacc_device *dacc, const char *why)
{
	int ret;

	lockdep_assert_held(&dacc->hw_lock);
	drm_err(&dacc->drm, "%s: device reset\n", why);
	dacc->resets++;
	dacc_device_complete_queues(dacc);
	ret = dacc_hw_reset(dacc);
	trace_dacc_reset(-1, ret);
	if (ret) {
		drm_err(&dacc->drm, "the device does not reset (%d): it is cut off; unbind it, or reset its PCI function\n",
			ret);
		/* The last means against stray writes. */
		pci_clear_master(dacc->pdev);
	}
	dacc->hw_up = false;
	dacc_device_lose_queues(dacc);
	if (!ret)
		dacc_device_restore(dacc);
}

/**
 * dacc_device_reset - reset the device; every client's queues are lost
 * @dacc: device
 * @why: for the log
 *
 * No access of earlier work follows. Nothing is allocated; may be called on the
 * way to signalling a fence, but not under hw_lock. A device that is down
 * already (no answer to an earlier reset, a reset from outside, remove) is left
 * alone.
 */
void dacc_device_reset(struct dacc_device *dacc, const char *why)
{
	mutex_lock(&dacc->hw_lock);
	if (dacc->hw_up)
		dacc_device_reset_locked(dacc, why);
	mutex_unlock(&dacc->hw_lock);
}

/**
 * dacc_device_stop - stop the device for good, or until it is started again
 * @dacc: device, still bound
 *
 * No memory access follows. From here on nobody touches the hardware:
 * everyone looks at hw_up under hw_lock first.
 */
void dacc_device_stop(struct dacc_device *dacc)
{
	mutex_lock(&dacc->hw_lock);
	if (dacc->hw_up)
		dacc_device_complete_queues(dacc);
	if (pci_device_is_present(dacc->pdev) && dacc_hw_reset(dacc))
		drm_err(&dacc->drm, "the device does not stop\n");
	pci_clear_master(dacc->pdev);
	dacc->hw_up = false;
	mutex_unlock(&dacc->hw_lock);
}

/**
 * dacc_device_flush - wait until the device uses nothing that was unmapped
 * @dacc: device, still bound
 * @asid: address space
 *
 * A device that does not answer is reset, which has the same effect; one that
 * is down makes no access at all.
 */
void dacc_device_flush(struct dacc_device *dacc, u32 asid)
{
	mutex_lock(&dacc->hw_lock);
	if (dacc->hw_up && dacc_hw_tlb_invalidate(dacc, asid))
		dacc_device_reset_locked(dacc, "a TLB invalidation does not end");
	mutex_unlock(&dacc->hw_lock);
}

/**
 * dacc_device_stop_queue - make sure that a hardware queue makes no access
 * @dacc: device; its hw_lock is held
 * @hwq: hardware queue
 */
void dacc_device_stop_queue(struct dacc_device *dacc, u32 hwq)
{
	lockdep_assert_held(&dacc->hw_lock);
	if (dacc->hw_up && dacc_hw_queue_reset(dacc, hwq))
		dacc_device_reset_locked(dacc, "a queue reset does not end");
}

/**
 * dacc_queue_stop - stop a queue that its client gives up
 * @queue: queue in the device's table; hw_lock is held
 *
 * Jobs that have not ended do so with -ECANCELED. Also while the device is being
 * unplugged: hw_up says whether it may still run.
 */
void dacc_queue_stop(struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;
	bool cookie = dma_fence_begin_signalling();

	lockdep_assert_held(&dacc->hw_lock);
	/* Before the reset, for a fault's address; after it, for what ended since. */
	dacc_queue_complete(queue);
	if (queue->attached)
		dacc_device_stop_queue(dacc, queue->hwq);
	dacc_queue_complete(queue);
	dacc_queue_fail(queue, DRM_DACC_QUEUE_LOST, -ECANCELED, -ECANCELED, 0);
	dacc_queue_end(queue);
	dma_fence_end_signalling(cookie);
}

/**
 * dacc_queue_recover_work - after dacc_queue_fail(): reset, end all jobs
 * @work: dacc_queue.recover_work
 */
void dacc_queue_recover_work(struct work_struct *work)
{
	struct dacc_queue *queue = container_of(work, struct dacc_queue, recover_work);
	struct dacc_device *dacc = queue->dacc;
	bool cookie = dma_fence_begin_signalling();
	struct dacc_dump dump = {};
	int idx, ret;

	if (!drm_dev_enter(&dacc->drm, &idx))
		goto out;
	mutex_lock(&dacc->hw_lock);
	if (queue->attached && dacc->queues[queue->hwq] == queue) {
		dacc_dump_take(queue, &dump);
		ret = dacc_hw_queue_reset(dacc, queue->hwq);
		trace_dacc_reset(queue->hwq, ret);
		dacc->queue_resets++;
		if (ret)
			dacc_device_reset_locked(dacc, "a queue reset does not end");
		else
			dacc_queue_end(queue);
		/* Others may have waited behind it. */
		WRITE_ONCE(dacc->last_progress, jiffies);
	}
	mutex_unlock(&dacc->hw_lock);
	drm_dev_exit(idx);
out:
	dma_fence_end_signalling(cookie);
	dacc_dump_emit(dacc, &dump);
}

/**
 * dacc_queue_watch - have a queue's progress looked at
 * @queue: queue that has just got jobs into its ring
 *
 * Once a second at least, so that new values of the parameters count for jobs
 * that run already.
 */
void dacc_queue_watch(struct dacc_queue *queue)
{
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(dacc_job_timeout_ms));
	unsigned long limit = msecs_to_jiffies(READ_ONCE(dacc_job_limit_ms));
	unsigned long interval = HZ;

	if (timeout)
		interval = min(interval, timeout / 4);
	if (limit)
		interval = min(interval, limit / 4);
	queue_delayed_work(queue->dacc->wq, &queue->timeout_work, max(interval, 1ul));
}

/*
 * A job is fetched when an engine takes it up. From then on it has that engine
 * for itself, so it must end at some time, whatever progress it makes.
 */
static bool dacc_queue_is_overdue(struct dacc_queue *queue, u64 completed, u64 fetched)
{
	unsigned long limit = msecs_to_jiffies(READ_ONCE(dacc_job_limit_ms));
	u64 current_job = fetched > completed ? completed + 1 : 0;

	if (current_job != queue->current_job) {
		queue->current_job = current_job;
		queue->current_since = jiffies;
	}
	return limit && current_job && time_after_eq(jiffies, queue->current_since + limit);
}

/*
 * A job that has not been fetched waits for another queue's; then any queue's
 * progress counts. That other one is watched as well, so this ends.
 */
static bool dacc_queue_is_hung(struct dacc_queue *queue, u64 completed, u64 fetched)
{
	struct dacc_device *dacc = queue->dacc;
	u64 counter = dacc_read64(dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_PROGRESS));
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(dacc_job_timeout_ms));
	unsigned long now = jiffies, others = READ_ONCE(dacc->last_progress);

	if (counter != queue->last_counter || completed != queue->last_completed) {
		queue->last_counter = counter;
		queue->last_completed = completed;
		queue->last_change = now;
		WRITE_ONCE(dacc->last_progress, now);
	}
	if (!timeout || time_before(now, queue->last_change + timeout))
		return false;
	return fetched > completed || !time_before(now, others + timeout);
}

/**
 * dacc_queue_timeout_work - end a job without progress, or without an end
 * @work: dacc_queue.timeout_work
 */
void dacc_queue_timeout_work(struct work_struct *work)
{
	struct dacc_queue *queue = container_of(to_delayed_work(work), struct dacc_queue,
						timeout_work);
	struct dacc_device *dacc = queue->dacc;
	const char *why = NULL;
	u64 completed, fetched;
	bool busy;
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return;
	/* An interrupt may have been lost. */
	dacc_queue_complete(queue);
	spin_lock_irq(&queue->lock);
	busy = queue->attached && queue->state == DRM_DACC_QUEUE_OK &&
	       !list_empty(&queue->running);
	completed = queue->completed;
	spin_unlock_irq(&queue->lock);
	if (busy) {
		fetched = dacc_read64(dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_FETCHED));
		if (dacc_queue_is_hung(queue, completed, fetched))
			why = "made no progress for job_timeout_ms";
		if (dacc_queue_is_overdue(queue, completed, fetched))
			why = "took longer than job_limit_ms";
		if (why) {
			drm_warn(&dacc->drm, "queue %u: job %llu %s\n", queue->hwq,
				 completed + 1, why);
			dacc_queue_fail(queue, DRM_DACC_QUEUE_HUNG, -ETIME, -ECANCELED,
					DACC_STATUS_CANCELLED);
		} else {
			dacc_queue_watch(queue);
		}
	}
	drm_dev_exit(idx);
}

/* --- resets from outside (sysfs, AER) --- */

static void dacc_pci_reset_prepare(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	mutex_lock(&dacc->hw_lock);
	dacc_device_complete_queues(dacc);
	if (dacc_hw_reset(dacc))
		pci_clear_master(pdev);
	dacc->hw_up = false;
	dacc_device_lose_queues(dacc);
	mutex_unlock(&dacc->hw_lock);
}

static void dacc_pci_reset_done(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	mutex_lock(&dacc->hw_lock);
	pci_set_master(pdev);
	if (dacc_hw_reset(dacc)) {
		drm_err(&dacc->drm, "no answer after a reset of the PCI function\n");
		pci_clear_master(pdev);
	} else {
		dacc_device_restore(dacc);
	}
	mutex_unlock(&dacc->hw_lock);
}

static pci_ers_result_t dacc_pci_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	if (state == pci_channel_io_perm_failure)
		return PCI_ERS_RESULT_DISCONNECT;
	dacc_pci_reset_prepare(pdev);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t dacc_pci_slot_reset(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	pci_restore_state(pdev);
	pci_save_state(pdev);
	dacc_pci_reset_done(pdev);
	return READ_ONCE(dacc->hw_up) ? PCI_ERS_RESULT_RECOVERED : PCI_ERS_RESULT_DISCONNECT;
}

const struct pci_error_handlers dacc_pci_err_handlers = {
	.error_detected = dacc_pci_error_detected,
	.slot_reset = dacc_pci_slot_reset,
	.reset_prepare = dacc_pci_reset_prepare,
	.reset_done = dacc_pci_reset_done,
};
