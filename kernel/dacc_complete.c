// SPDX-License-Identifier: GPL-2.0
/*
 * The end of jobs. What the device writes to memory is checked before it is
 * used: a bad record costs the queue, never more.
 */
#include <linux/dma-fence.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"
#include "dacc_trace.h"

/**
 * dacc_status_to_errno - what a fence says of a descriptor's status
 * @status: enum dacc_status
 *
 * Return: 0 or a negative errno.
 */
int dacc_status_to_errno(u32 status)
{
	switch (status) {
	case DACC_STATUS_OK:
		return 0;
	case DACC_STATUS_UNMAPPED:
	case DACC_STATUS_READ_ONLY:
		return -EFAULT;
	case DACC_STATUS_BAD_OPCODE:
	case DACC_STATUS_RESERVED:
	case DACC_STATUS_BAD_LENGTH:
	case DACC_STATUS_BAD_ALIGN:
	case DACC_STATUS_BAD_INSN:
	case DACC_STATUS_BAD_TOKEN:
	case DACC_STATUS_BAD_SEQUENCE:
		return -EINVAL;
	case DACC_STATUS_ABORTED:
		return -ECANCELED;
	case DACC_STATUS_LINK_DOWN:
		return -ENOLINK;
	case DACC_STATUS_BAD_CHECKSUM:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

/* Ends the oldest job that has not ended. @cpl is NULL if it was not run. */
static void dacc_job_end(struct dacc_queue *queue, struct dacc_job *job, int error,
			 const struct dacc_cpl *cpl)
{
	struct dacc_batch *batch = job->batch;
	struct drm_dacc_result result = {
		.seq = job->seq ?: job->slot,
		.error = error,
		.status = error ? DACC_STATUS_CANCELLED : DACC_STATUS_OK,
	};

	lockdep_assert_held(&queue->lock);
	if (cpl) {
		result.status = cpl->status;
		result.path = cpl->path;
		result.index = cpl->index;
		result.crc = cpl->crc;
		result.t_issue = cpl->t_issue;
		result.t_start = cpl->t_start;
		result.t_end = cpl->t_end;
		result.bytes = cpl->bytes;
		result.link_bytes = cpl->link_bytes;
		if (cpl->t_end > cpl->t_start)
			queue->busy_ps += cpl->t_end - cpl->t_start;
	}
	list_del_init(&job->link);
	if (job->slot)
		queue->completed = job->slot;
	atomic_dec(&queue->dacc->num_jobs);
	trace_dacc_job_end(queue->hwq, &result);
	if (cpl && queue->queue_class == DRM_DACC_QUEUE_TRANSFER)
		trace_dacc_transfer(queue->hwq, &result);
	if (job->ended) {
		job->ended(job, &result);
		return;
	}

	queue->results[(job->seq - 1) & (queue->depth - 1)] = result;
	WRITE_ONCE(queue->ended, job->seq);
	if (job == &batch->jobs[batch->n_jobs - 1]) {
		if (error)
			dma_fence_set_error(batch->fence, error);
		dma_fence_signal(batch->fence);
		dma_fence_put(batch->fence);
		batch->fence = NULL;
		dacc_batch_free(batch);
	}
}

/**
 * dacc_queue_fail_locked - dacc_queue_fail() under the queue's lock
 * @queue: queue
 * @state: as there
 * @first: as there
 * @rest: as there
 * @status: as there
 */
void dacc_queue_fail_locked(struct dacc_queue *queue, u32 state, int first, int rest,
			    u32 status)
{
	lockdep_assert_held(&queue->lock);
	if (queue->state != DRM_DACC_QUEUE_OK)
		return;
	queue->state = state;
	queue->first_error = first;
	queue->error = rest;
	queue->fault = status;
	trace_dacc_fault(queue->hwq, state, status, queue->fault_index, queue->fault_addr);
	queue_work(queue->dacc->wq, &queue->recover_work);
}

/**
 * dacc_queue_fail - take a queue out of service
 * @queue: queue
 * @state: its new state, unless it has left DRM_DACC_QUEUE_OK already
 * @first: error of the first job that has not ended
 * @rest: error of those behind it
 * @status: enum dacc_status for DRM_IOCTL_DACC_QUEUE_INFO
 *
 * The jobs end in dacc_queue_recover_work(), after a queue reset: until then
 * the device may still write for them. Any context.
 */
void dacc_queue_fail(struct dacc_queue *queue, u32 state, int first, int rest, u32 status)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	dacc_queue_fail_locked(queue, state, first, rest, status);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* The fault registers are valid while the queue is HALTED. */
static void dacc_queue_read_fault(struct dacc_queue *queue, const struct dacc_cpl *cpl)
{
	struct dacc_device *dacc = queue->dacc;
	int idx;

	queue->fault_index = cpl->index;
	/* Or lost with a reset. */
	if (queue->parked || !drm_dev_enter(&dacc->drm, &idx))
		return;
	queue->fault_addr = dacc_read64(dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_FAULT_ADDR));
	drm_dev_exit(idx);
}

static bool dacc_queue_take_record(struct dacc_queue *queue, u64 slot)
{
	const struct dacc_cpl *record = queue->cpl + sizeof(struct dacc_cpl_head);
	struct dacc_job *job;
	struct dacc_cpl cpl;

	/* One look: the device could change it afterwards. */
	memcpy(&cpl, &record[(slot - 1) & (queue->depth - 1)], sizeof(cpl));
	barrier();
	job = list_first_entry_or_null(&queue->running, struct dacc_job, link);
	if (!job || job->slot != slot || cpl.seq != slot || cpl.cookie != job->desc.cookie ||
	    cpl.status >= DACC_STATUS_COUNT) {
		drm_err_ratelimited(&queue->dacc->drm,
				    "queue %u: bad completion record: seq %llu, cookie %#x, status %u; seq %llu was due\n",
				    queue->hwq, cpl.seq, cpl.cookie, cpl.status, slot);
		return false;
	}
	if (cpl.status != DACC_STATUS_OK && job->desc.flags & DACC_DESC_CONTINUE) {
		dacc_job_end(queue, job, dacc_status_to_errno(cpl.status), &cpl);
		return true;
	}
	if (cpl.status != DACC_STATUS_OK) {
		dacc_queue_read_fault(queue, &cpl);
		dacc_queue_fail_locked(queue, DRM_DACC_QUEUE_FAULTED, -ECANCELED, -ECANCELED,
				       cpl.status);
		dacc_job_end(queue, job, dacc_status_to_errno(cpl.status), &cpl);
		return true;
	}
	dacc_job_end(queue, job, job->error, job->error ? NULL : &cpl);
	return true;
}

/**
 * dacc_queue_complete - end the jobs that the device has completed
 * @queue: queue
 *
 * Any context, hard interrupt included.
 */
void dacc_queue_complete(struct dacc_queue *queue)
{
	bool bad = false, ended = false;
	unsigned long flags;
	u64 done;

	if (queue->user) {
		dacc_userq_complete(queue);
		return;
	}
	spin_lock_irqsave(&queue->lock, flags);
	if (!queue->attached || queue->state != DRM_DACC_QUEUE_OK)
		goto unlock;
	done = READ_ONCE(((struct dacc_cpl_head *)queue->cpl)->seq);
	/* Records are read after the count that covers them. */
	dma_rmb();
	if (done < queue->completed || done > queue->produced) {
		drm_err_ratelimited(&queue->dacc->drm,
				    "queue %u: %llu descriptors completed of %llu, were %llu\n",
				    queue->hwq, done, queue->produced, queue->completed);
		bad = true;
	}
	while (!bad && queue->completed < done && queue->state == DRM_DACC_QUEUE_OK) {
		bad = !dacc_queue_take_record(queue, queue->completed + 1);
		ended = true;
	}
	if (bad)
		dacc_queue_fail_locked(queue, DRM_DACC_QUEUE_HUNG, -EIO, -ECANCELED,
				       DACC_STATUS_CANCELLED);
unlock:
	spin_unlock_irqrestore(&queue->lock, flags);
	if (ended)
		wake_up_all(&queue->wait);
}

/**
 * dacc_queue_end - end all jobs of a queue that is out of service
 * @queue: queue whose state is not DRM_DACC_QUEUE_OK. Either the device makes no
 *	further memory access for it, or it has been ended once and this is for
 *	jobs that were submitted meanwhile.
 *
 * Its ring is not touched afterwards. Process context: under hw_lock the first
 * time, from SUBMIT (dacc_batch_push()) without.
 */
void dacc_queue_end(struct dacc_queue *queue)
{
	struct dacc_job *job;
	int error;

	mutex_lock(&queue->run_lock);
	/* Only the oldest submission that is not in the ring waits for fences. */
	spin_lock_irq(&queue->lock);
	job = list_first_entry_or_null(&queue->pending, struct dacc_job, link);
	spin_unlock_irq(&queue->lock);
	if (job)
		dacc_batch_stop_waiting(job->batch);

	spin_lock_irq(&queue->lock);
	WARN_ON(queue->state == DRM_DACC_QUEUE_OK);
	queue->attached = false;
	list_splice_init(&queue->pending, queue->running.prev);
	error = queue->first_error;
	while ((job = list_first_entry_or_null(&queue->running, struct dacc_job, link))) {
		dacc_job_end(queue, job, job->error ?: error, NULL);
		error = queue->error;
	}
	dacc_transfers_stop(queue, queue->error);
	spin_unlock_irq(&queue->lock);
	if (queue->user)
		dacc_userq_end(queue);
	mutex_unlock(&queue->run_lock);
	wake_up_all(&queue->wait);
}

#if IS_ENABLED(CONFIG_KUNIT)
#include "tests/dacc_complete_test.c"
#endif
