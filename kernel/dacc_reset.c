// SPDX-License-Identifier: GPL-2.0
/*
 * Recovery, from the narrowest to the widest: a queue reset for a queue that
 * faulted or hangs; a device reset when that does not end, or when the device
 * says so; a reset of the PCI function when that does not end either. Only the
 * queue that is at fault is lost: dacc_revive.c keeps the others. Resets from
 * outside are in dacc_aer.c.
 */
#include <linux/jiffies.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"
#include "dacc_trace.h"

static unsigned int dacc_recovery_timeout_ms = 60000;
module_param_named(recovery_timeout_ms, dacc_recovery_timeout_ms, uint, 0644);
MODULE_PARM_DESC(recovery_timeout_ms,
		 "Milliseconds for the reset of the slot or function after an error; then the device is given up (default 60000)");

/* So many an address space may cause before it is banned. */
#define DACC_MAX_DEVICE_RESETS		2

/*
 * The last means against stray writes of a device that did not reset. Bus mastering is
 * for what goes over PCIe; peers' memory is reached over the links, too.
 */
static void dacc_device_cut_off(struct dacc_device *dacc)
{
	u32 port;

	pci_clear_master(dacc->pdev);
	for (port = 0; port < dacc->num_links; port++)
		dacc_write32(dacc, dacc_link_reg(port, DACC_LINK_CTRL), DACC_LINK_CTRL_DISABLE);
	/* All of them have arrived. */
	dacc_read32(dacc, DACC_REG_ID);
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
	dacc->wedged = false;
	dacc->cut_off = false;
	dacc->stuck_at = 0;
	WRITE_ONCE(dacc->last_progress, jiffies);
	dacc_device_resume_queues(dacc);
	/* A link may have changed meanwhile. */
	queue_work(dacc->wq, &dacc->link_work);
}

/**
 * dacc_device_park - stop the device for a while, keeping all queues
 * @dacc: device; its hw_lock is held
 *
 * On return it makes no memory access and hw_up is false. Nothing happens if that
 * is so already.
 */
void dacc_device_park(struct dacc_device *dacc)
{
	int ret;

	lockdep_assert_held(&dacc->hw_lock);
	if (!dacc->hw_up)
		return;
	dacc_device_suspend_queues(dacc, false);
	ret = dacc_hw_reset(dacc);
	if (ret)
		dacc_device_cut_off(dacc);
	dacc_device_recount_queues(dacc, !ret);
	dacc->hw_up = false;
}

/**
 * dacc_device_unpark - start the device again after dacc_device_park()
 * @dacc: device that is down; its hw_lock is held
 * @after: what it went through, for the log
 *
 * Nothing happens while the system sleeps: dacc_pm_complete() will do it. A device
 * that does not answer is wedged. What it went through may have failed, so
 * it masters the bus again only after a reset of its own.
 */
void dacc_device_unpark(struct dacc_device *dacc, const char *after)
{
	int ret;

	lockdep_assert_held(&dacc->hw_lock);
	if (dacc->hw_up || dacc->sleeping)
		return;
	ret = dacc_hw_reset(dacc);
	if (ret) {
		drm_err(&dacc->drm, "no answer after %s (%d)\n", after, ret);
		dacc_device_wedge(dacc);
		return;
	}
	pci_set_master(dacc->pdev);
	dacc_device_restore(dacc);
}

/**
 * dacc_device_wedge - give the device up
 * @dacc: device that is down; its hw_lock is held
 *
 * All queues end with -ENODEV. A reset of the PCI function from outside, or
 * binding the driver anew, may bring the device back.
 */
void dacc_device_wedge(struct dacc_device *dacc)
{
	lockdep_assert_held(&dacc->hw_lock);
	drm_err(&dacc->drm, "the device is out of order: unbind it, or reset its PCI function\n");
	dacc_device_cut_off(dacc);
	dacc->hw_up = false;
	dacc->wedged = true;
	dacc->cut_off = false;
	dacc->stuck_at = 0;
	dacc_device_lose_queues(dacc);
	dacc_wedged_report(dacc, DACC_WEDGED_LOST);
}

static void dacc_stuck_work(struct work_struct *work)
{
	struct dacc_device *dacc = container_of(to_delayed_work(work), struct dacc_device,
						stuck_work);
	bool cookie = dma_fence_begin_signalling();

	mutex_lock(&dacc->hw_lock);
	/* It may be for another wait by now. */
	if (dacc->stuck_at && !dacc->hw_up && time_after_eq(jiffies, dacc->stuck_at)) {
		drm_err(&dacc->drm, "recovery did not come\n");
		dacc_device_wedge(dacc);
	}
	mutex_unlock(&dacc->hw_lock);
	dma_fence_end_signalling(cookie);
}

/**
 * dacc_device_expect_recovery - somebody else is to get the device up again
 * @dacc: device that is down; its hw_lock is held
 *
 * Should that not happen (a PCI error's recovery ends without a word if it fails for
 * another function), the device is given up, so that the fences of its parked queues
 * signal.
 */
void dacc_device_expect_recovery(struct dacc_device *dacc)
{
	unsigned long delay = msecs_to_jiffies(READ_ONCE(dacc_recovery_timeout_ms));

	lockdep_assert_held(&dacc->hw_lock);
	if (dacc->hw_up || dacc->wedged)
		return;
	dacc->stuck_at = (jiffies + delay) | 1;
	mod_delayed_work(dacc->reset_wq, &dacc->stuck_work, delay + 2);
}

/*
 * A reset of the function takes locks of the PCI core that are none for the way to
 * a fence, so it is not done under hw_lock: meanwhile the device is cut off the bus,
 * and down for everybody. The device's own lock keeps remove, system sleep and resets
 * from outside away. It is only tried for, since remove holds it and waits for
 * this work.
 */
static void dacc_flr_work(struct work_struct *work)
{
	struct dacc_device *dacc = container_of(to_delayed_work(work), struct dacc_device,
						flr_work);
	int ret;

	if (READ_ONCE(dacc->hw_up) || READ_ONCE(dacc->wedged) || READ_ONCE(dacc->sleeping))
		return;
	/* Calls reset_prepare and reset_done. */
	ret = pci_try_reset_function(dacc->pdev);
	if (ret == -EAGAIN) {
		queue_delayed_work(dacc->reset_wq, &dacc->flr_work, HZ / 50);
		return;
	}
	if (!ret)
		return;
	drm_err(&dacc->drm, "the PCI function does not reset (%d)\n", ret);
	mutex_lock(&dacc->hw_lock);
	if (!dacc->hw_up && !dacc->wedged && !dacc->sleeping)
		dacc_device_wedge(dacc);
	mutex_unlock(&dacc->hw_lock);
}

/**
 * dacc_reset_init - prepare for resets
 * @dacc: device
 */
void dacc_reset_init(struct dacc_device *dacc)
{
	INIT_DELAYED_WORK(&dacc->flr_work, dacc_flr_work);
	INIT_DELAYED_WORK(&dacc->stuck_work, dacc_stuck_work);
}

/**
 * dacc_reset_fini - no reset of the function is under way afterwards, nor starts
 * @dacc: device, unplugged and stopped or not yet registered
 */
void dacc_reset_fini(struct dacc_device *dacc)
{
	cancel_delayed_work_sync(&dacc->flr_work);
	cancel_delayed_work_sync(&dacc->stuck_work);
}

static void dacc_device_reset_locked(struct dacc_device *dacc, const char *why, bool suspect)
{
	int ret;

	lockdep_assert_held(&dacc->hw_lock);
	drm_err(&dacc->drm, "%s: device reset\n", why);
	dacc->resets++;
	dacc_dump_take(dacc, NULL, why);
	dacc_device_suspend_queues(dacc, suspect);
	ret = dacc_hw_reset(dacc);
	trace_dacc_reset(-1, ret);
	dacc->hw_up = false;
	if (!ret) {
		dacc_device_recount_queues(dacc, true);
		dacc_device_restore(dacc);
		dacc_wedged_report(dacc, DACC_WEDGED_RECOVERED);
		return;
	}
	drm_err(&dacc->drm, "the device does not reset (%d): it is cut off the bus, and its PCI function reset\n",
		ret);
	dacc_device_cut_off(dacc);
	dacc_device_recount_queues(dacc, false);
	dacc->cut_off = true;
	mod_delayed_work(dacc->reset_wq, &dacc->flr_work, 0);
}

/**
 * dacc_device_reset - reset the device
 * @dacc: device
 * @why: for the log
 *
 * No access of earlier work follows; queues go on where they were. Nothing is
 * allocated; may be called on the way to signalling a fence, but not under
 * hw_lock. A device that is down already (no answer to an earlier reset, a reset
 * from outside, remove) is left alone.
 */
void dacc_device_reset(struct dacc_device *dacc, const char *why)
{
	mutex_lock(&dacc->hw_lock);
	if (dacc->hw_up)
		dacc_device_reset_locked(dacc, why, true);
	mutex_unlock(&dacc->hw_lock);
}

/**
 * dacc_device_stop - stop the device for good
 * @dacc: device, still bound
 *
 * No memory access follows. From here on nobody touches the hardware:
 * everyone looks at hw_up under hw_lock first.
 */
void dacc_device_stop(struct dacc_device *dacc)
{
	u32 hwq;

	mutex_lock(&dacc->hw_lock);
	/* What has completed did complete. */
	for (hwq = 0; dacc->hw_up && hwq < dacc->num_queues; hwq++) {
		struct dacc_queue *queue = dacc->queues[hwq];

		if (!queue)
			continue;
		dacc_queue_complete(queue);
		if (queue->user)
			dacc_userq_save(queue);
	}
	if (pci_device_is_present(dacc->pdev)) {
		if (dacc_hw_reset(dacc)) {
			drm_err(&dacc->drm, "the device does not stop\n");
			dacc_device_cut_off(dacc);
		} else if (dacc->hw_up) {
			dacc_device_recount_queues(dacc, true);
		}
	}
	pci_clear_master(dacc->pdev);
	dacc->hw_up = false;
	dacc->wedged = true;
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
		dacc_device_reset_locked(dacc, "a TLB invalidation does not end", true);
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
		dacc_device_reset_locked(dacc, "a queue reset does not end", false);
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

	lockdep_assert_held(&dacc->hw_lock);
	/* If it comes to a device reset, this one is not taken up again. */
	queue->closing = true;
	/* Before the reset, for a fault's address; after it, for what ended since. */
	dacc_queue_complete(queue);
	if (queue->user)
		dacc_userq_save(queue);
	if (queue->attached)
		dacc_device_stop_queue(dacc, queue->hwq);
	dacc_queue_complete(queue);
	dacc_queue_fail(queue, DRM_DACC_QUEUE_LOST, -ECANCELED, -ECANCELED, 0);
	dacc_queue_end(queue);
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
	int idx, ret;

	if (!drm_dev_enter(&dacc->drm, &idx))
		goto out;
	mutex_lock(&dacc->hw_lock);
	if (queue->attached && dacc->queues[queue->hwq] == queue) {
		if (dacc->hw_up) {
			dacc_dump_take(dacc, queue, queue->state == DRM_DACC_QUEUE_FAULTED ?
				       "a queue faulted" : "a queue hangs");
			if (queue->user)
				dacc_userq_save(queue);
			ret = dacc_hw_queue_reset(dacc, queue->hwq);
			trace_dacc_reset(queue->hwq, ret);
			dacc->queue_resets++;
			if (ret) {
				dacc_vm_blame(queue->vm);
				dacc_device_reset_locked(dacc, "a queue reset does not end", false);
			}
		}
		/* Whichever it was: the device makes no access for it any more. */
		dacc_queue_end(queue);
		/* Others may have waited behind it. */
		WRITE_ONCE(dacc->last_progress, jiffies);
	}
	mutex_unlock(&dacc->hw_lock);
	drm_dev_exit(idx);
out:
	dma_fence_end_signalling(cookie);
	if (queue->user)
		dacc_doorbell_revoke_queue(queue);
}

/**
 * dacc_vm_blame - note that an address space's job brought the device down
 * @vm: address space; the device's hw_lock is held
 *
 * A client whose job cannot be stopped by a queue reset costs everybody a device
 * reset. The second time it gets no more queues.
 */
void dacc_vm_blame(struct dacc_vm *vm)
{
	lockdep_assert_held(&vm->dacc->hw_lock);
	if (++vm->device_resets < DACC_MAX_DEVICE_RESETS)
		return;
	vm->banned = true;
	drm_warn(&vm->dacc->drm, "address space %u cost %u device resets: it gets no more queues\n",
		 vm->asid, vm->device_resets);
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
	bool busy, ok, user_busy;
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return;
	/* An interrupt may have been lost. */
	dacc_queue_complete(queue);
	user_busy = queue->user && dacc_userq_busy(queue);
	spin_lock_irq(&queue->lock);
	ok = queue->attached && queue->state == DRM_DACC_QUEUE_OK;
	busy = ok && !queue->parked && (user_busy || !list_empty(&queue->running));
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
	} else if (ok && queue->user) {
		/* Nobody says when a user queue gets jobs. */
		dacc_queue_watch(queue);
	}
	drm_dev_exit(idx);
}
