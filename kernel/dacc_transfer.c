// SPDX-License-Identifier: GPL-2.0
/*
 * KV transfers: one descriptor for each layer, all with DACC_DESC_CONTINUE, so
 * that what fails or is aborted costs the transfer and not the queue.
 *
 * Layers before @ended have ended, those before @next are in the ring, the others
 * wait for a fence. A transfer is stopped by an error: then no further layer goes
 * into the ring, those in it are aborted, and once they have ended so have all.
 * Only then, and once, the pages are released and the client is told.
 */
#include <linux/dma-fence-chain.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_syncobj.h>

#include "dacc_kv.h"
#include "dacc_mmio.h"
#include "dacc_trace.h"

static void dacc_transfer_release(struct kref *ref)
{
	struct dacc_transfer *transfer = container_of(ref, struct dacc_transfer, ref);
	struct dacc_device *dacc = transfer->queue->dacc;
	u32 i;

	for (i = 0; i < transfer->n_layers; i++) {
		struct dacc_layer *layer = &transfer->layers[i];

		dma_fence_put(layer->in);
		dma_fence_chain_free(layer->chain);
		/* One that is initialised has gone when it was signalled. */
		dacc_fence_free(layer->fence);
	}
	if (transfer->batch)
		dacc_batch_free(transfer->batch);
	if (transfer->out)
		drm_syncobj_put(transfer->out);
	dacc_user_put(transfer->user);
	dacc_list_put(transfer->list);
	dacc_queue_put(transfer->queue);
	kvfree(transfer);
	atomic_dec(&dacc->num_transfers);
}

/**
 * dacc_transfer_put - drop a reference
 * @transfer: transfer; process context
 */
void dacc_transfer_put(struct dacc_transfer *transfer)
{
	kref_put(&transfer->ref, dacc_transfer_release);
}

/* --- to the end --- */

static void dacc_layer_signal(struct dacc_layer *layer, int error)
{
	struct dma_fence *fence = layer->fence;

	layer->fence = NULL;
	if (error)
		dma_fence_set_error(fence, error);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

/*
 * No point of a timeline signals with an error before all later ones have it: who comes
 * too late to see that one's fence looks at theirs (dacc_fence_find()).
 */
static void dacc_transfer_set_errors(struct dacc_transfer *transfer, u32 from, int error)
{
	lockdep_assert_held(&transfer->queue->lock);
	for (; from < transfer->n_layers; from++)
		dma_fence_set_error(transfer->layers[from].fence, error);
}

/* Marks everything that is in the ring; the device knows what has completed. */
static void dacc_transfer_abort(struct dacc_transfer *transfer)
{
	struct dacc_queue *queue = transfer->queue;
	struct dacc_device *dacc = queue->dacc;
	int idx;
	u32 i;

	lockdep_assert_held(&queue->lock);
	/* Parked: its registers may not answer; it is done when they do again. */
	if (!queue->attached || queue->parked || !drm_dev_enter(&dacc->drm, &idx))
		return;
	for (i = transfer->ended; i < transfer->next; i++)
		dacc_write64(dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_ABORT),
			     transfer->layers[i].job.slot);
	drm_dev_exit(idx);
}

/* Nothing of it is in the ring any more, and nothing is going to be. */
static void dacc_transfer_finish(struct dacc_transfer *transfer)
{
	struct dacc_queue *queue = transfer->queue;

	lockdep_assert_held(&queue->lock);
	transfer->finished = true;
	queue->reserved -= transfer->n_layers - transfer->ended;
	atomic_sub(transfer->n_layers - transfer->ended, &queue->dacc->num_jobs);
	if (transfer->ended < transfer->n_layers)
		dacc_transfer_set_errors(transfer, transfer->ended, transfer->error);
	for (; transfer->ended < transfer->n_layers; transfer->ended++)
		dacc_layer_signal(&transfer->layers[transfer->ended], transfer->error);
	queue_work(queue->dacc->end_wq, &transfer->end_work);
}

static void dacc_transfer_stop_locked(struct dacc_transfer *transfer, int error)
{
	lockdep_assert_held(&transfer->queue->lock);
	if (transfer->finished || transfer->error)
		return;
	transfer->error = error;
	/* Else dacc_transfer_push() is going to look. */
	if (!transfer->pushed)
		return;
	dacc_transfer_abort(transfer);
	if (transfer->ended == transfer->next)
		dacc_transfer_finish(transfer);
}

/**
 * dacc_transfer_stop - end a transfer early
 * @transfer: transfer; one that has ended or is being stopped stays as it is
 * @error: why
 *
 * Does not wait. Any context.
 */
void dacc_transfer_stop(struct dacc_transfer *transfer, int error)
{
	struct dacc_queue *queue = transfer->queue;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	dacc_transfer_stop_locked(transfer, error);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/**
 * dacc_transfer_deadline - dacc_transfer.deadline
 * @timer: of a transfer
 *
 * Return: HRTIMER_NORESTART.
 */
enum hrtimer_restart dacc_transfer_deadline(struct hrtimer *timer)
{
	dacc_transfer_stop(container_of(timer, struct dacc_transfer, deadline), -ETIME);
	return HRTIMER_NORESTART;
}

/* A fault may be due to an exporter that took its memory back, or is gone. */
static int dacc_layer_error(struct dacc_transfer *transfer, u32 index,
			    const struct drm_dacc_result *result)
{
	struct dacc_list *list = transfer->list;
	struct dacc_list_layer *layer = &list->layers[transfer->first_layer + index];
	const struct dacc_block *block;
	bool bus;

	switch (result->status) {
	case DACC_STATUS_ABORTED:
		return transfer->error ?: -ECANCELED;
	case DACC_STATUS_UNMAPPED:
	case DACC_STATUS_BUS_ERROR:
		if (result->index >= layer->n)
			break;
		block = &list->blocks[layer->first + result->index];
		bus = result->status == DACC_STATUS_BUS_ERROR;
		if (dacc_vm_peer_lost(list->vm, block->src, block->len, bus) ||
		    dacc_vm_peer_lost(list->vm, block->dst, block->len, bus))
			return -EHOSTDOWN;
		break;
	}
	return result->error;
}

static void dacc_transfer_add_result(struct dacc_transfer *transfer, u32 index,
				     const struct drm_dacc_result *result, int error)
{
	struct drm_dacc_transfer_result *sum = &transfer->result;

	sum->bytes += result->bytes;
	sum->link_bytes += result->link_bytes;
	sum->path |= result->path;
	if (!index) {
		sum->t_issue = result->t_issue;
		sum->t_start = result->t_start;
	}
	if (result->t_end > result->t_start) {
		sum->t_end = result->t_end;
		sum->busy_ps += result->t_end - result->t_start;
	}
	if (error)
		return;
	sum->layers_done++;
	sum->crc = result->crc;
}

/**
 * dacc_transfer_layer_ended - dacc_job.ended of a layer
 * @job: of the oldest layer that is in the ring
 * @result: how it ended
 *
 * Any context, hard interrupt included, under dacc_queue.lock.
 */
void dacc_transfer_layer_ended(struct dacc_job *job, const struct drm_dacc_result *result)
{
	struct dacc_layer *layer = container_of(job, struct dacc_layer, job);
	struct dacc_transfer *transfer = layer->transfer;
	u32 index = transfer->ended;
	int error = 0;

	lockdep_assert_held(&transfer->queue->lock);
	if (result->error)
		error = dacc_layer_error(transfer, index, result);
	/* It may have run all the same, but what it is a part of has failed. */
	if (transfer->failed && !error)
		error = transfer->error;
	dacc_transfer_add_result(transfer, index, result, error);
	transfer->queue->reserved--;
	transfer->ended++;
	if (error && !transfer->failed) {
		transfer->failed = true;
		transfer->result.failed_layer = transfer->first_layer + index;
		transfer->result.failed_block = result->index;
		if (!transfer->error) {
			transfer->error = error;
			dacc_transfer_abort(transfer);
		}
		dacc_transfer_set_errors(transfer, index, error);
	}
	dacc_layer_signal(layer, error);
	if (transfer->ended == transfer->n_layers ||
	    (transfer->error && transfer->ended == transfer->next))
		dacc_transfer_finish(transfer);
}

/**
 * dacc_transfers_stop - end the transfers of a queue that is out of service
 * @queue: queue whose ring the device does not look at; its lock is held
 * @error: why
 */
void dacc_transfers_stop(struct dacc_queue *queue, int error)
{
	struct dacc_transfer *transfer;

	lockdep_assert_held(&queue->lock);
	list_for_each_entry(transfer, &queue->transfers, link)
		dacc_transfer_stop_locked(transfer, error);
}

/**
 * dacc_transfers_drain - wait until the clients of all transfers were told
 * @queue: queue that has ended
 */
void dacc_transfers_drain(struct dacc_queue *queue)
{
	wait_event(queue->wait, list_empty_careful(&queue->transfers));
}

static void dacc_transfer_sum_up(struct dacc_transfer *transfer)
{
	struct drm_dacc_transfer_result *result = &transfer->result;
	struct dacc_list *list = transfer->list;
	u32 end = transfer->first_layer + transfer->n_layers;
	struct dacc_list_layer *first = &list->layers[transfer->first_layer];
	struct dacc_list_layer *last = &list->layers[end - 1];

	result->pages_done = list->pool ? list->n_pages : last->first + last->n - first->first;
	if (result->layers_done == transfer->n_layers)
		return;
	result->error = transfer->error;
	if (!transfer->failed)
		result->failed_layer = transfer->first_layer + result->layers_done;
	result->pages_failed = dacc_list_pages_left(list, result->failed_layer,
						    result->failed_block, end);
	result->pages_done -= result->pages_failed;
}

static void dacc_transfer_count(struct dacc_transfer *transfer)
{
	struct dacc_device *dacc = transfer->queue->dacc;
	const struct drm_dacc_transfer_result *result = &transfer->result;

	if (!result->error)
		atomic64_inc(&dacc->transfers.done);
	else if (result->error == -ECANCELED)
		atomic64_inc(&dacc->transfers.cancelled);
	else
		atomic64_inc(&dacc->transfers.failed);
	atomic64_add(result->bytes, &dacc->transfers.bytes);
}

static void dacc_transfer_tell(struct dacc_transfer *transfer)
{
	struct dacc_file *priv = transfer->file->driver_priv;

	if (transfer->event) {
		transfer->event->event.result = transfer->result;
		xa_erase(&priv->transfers, transfer->id);
		dacc_transfer_put(transfer);
		drm_send_event(&transfer->queue->dacc->drm, &transfer->event->base);
		transfer->event = NULL;
		return;
	}
	/* Paired with the acquire in TRANSFER_WAIT. */
	smp_store_release(&transfer->done, true);
	wake_up_all(&transfer->wait);
}

/**
 * dacc_file_transfer_ended - one less of a client's transfers, or one that is not to be
 * @file: client; it may go from here on, see dacc_file_wait_idle()
 */
void dacc_file_transfer_ended(struct dacc_file *file)
{
	xa_lock(&file->transfers);
	if (atomic_dec_and_test(&file->n_transfers))
		wake_up_all(&file->idle);
	xa_unlock(&file->transfers);
}

/**
 * dacc_file_wait_idle - wait until none of a client's transfers has work to do
 * @file: client that is going: no ioctl can start another
 *
 * A transfer that was on its way into a queue as that was destroyed ends by itself,
 * so it is not enough that there are no queues left.
 */
void dacc_file_wait_idle(struct dacc_file *file)
{
	wait_event(file->idle, !atomic_read(&file->n_transfers));
	/* The last one leaves dacc_file_transfer_ended(). */
	xa_lock(&file->transfers);
	xa_unlock(&file->transfers);
}

/**
 * dacc_transfer_end_work - what is left to do when all layers have ended
 * @work: dacc_transfer.end_work
 */
void dacc_transfer_end_work(struct work_struct *work)
{
	struct dacc_transfer *transfer = container_of(work, struct dacc_transfer, end_work);
	struct dacc_file *priv = transfer->file->driver_priv;
	struct dacc_queue *queue = transfer->queue;

	hrtimer_cancel(&transfer->deadline);
	mutex_lock(&queue->run_lock);
	if (transfer->waiting)
		dma_fence_remove_callback(transfer->waiting, &transfer->cb);
	transfer->waiting = NULL;
	mutex_unlock(&queue->run_lock);

	dacc_transfer_sum_up(transfer);
	dacc_transfer_count(transfer);
	trace_dacc_transfer_end(queue->hwq, &transfer->result);
	dacc_pool_disown(transfer);
	dacc_user_uncharge(transfer->user, DRM_DACC_LIMIT_TRANSFER_BYTES, transfer->bytes);
	dacc_transfer_tell(transfer);

	mutex_lock(&queue->run_lock);
	spin_lock_irq(&queue->lock);
	list_del_init(&transfer->link);
	spin_unlock_irq(&queue->lock);
	mutex_unlock(&queue->run_lock);
	wake_up_all(&queue->wait);
	dacc_transfer_put(transfer);
	/* Last: the file may go from here on. */
	dacc_file_transfer_ended(priv);
}

/* --- into the ring --- */

static void dacc_transfer_dep_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct dacc_queue *queue = container_of(cb, struct dacc_transfer, cb)->queue;

	queue_work(queue->dacc->wq, &queue->run_work);
}

/* Has a fence signalled? If not, it calls back. */
static bool dacc_transfer_is_past(struct dacc_transfer *transfer, struct dma_fence *fence)
{
	if (transfer->waiting == fence) {
		if (!dma_fence_is_signaled(fence))
			return false;
		/* The callback may be running right now: this waits for it. */
		dma_fence_remove_callback(fence, &transfer->cb);
		transfer->waiting = NULL;
		return true;
	}
	if (dma_fence_add_callback(fence, &transfer->cb, dacc_transfer_dep_signalled))
		return true;
	transfer->waiting = fence;
	return false;
}

/* May the next layer go into the ring? An error of what it waited for stops it all. */
static bool dacc_transfer_is_ready(struct dacc_transfer *transfer)
{
	struct dacc_layer *layer = &transfer->layers[transfer->next];
	struct dacc_batch *batch = transfer->batch;
	int error;

	for (; batch->next_dep < batch->n_deps; batch->next_dep++) {
		if (!dacc_transfer_is_past(transfer, batch->deps[batch->next_dep]))
			return false;
		dma_fence_put(batch->deps[batch->next_dep]);
	}
	if (!layer->in)
		return true;
	if (!dacc_transfer_is_past(transfer, layer->in))
		return false;
	error = dacc_fence_error(layer->in);
	dma_fence_put(layer->in);
	layer->in = NULL;
	if (error)
		dacc_transfer_stop(transfer, error);
	return !error;
}

static bool dacc_transfer_produce_layer(struct dacc_transfer *transfer)
{
	struct dacc_queue *queue = transfer->queue;
	bool go;

	spin_lock_irq(&queue->lock);
	go = !transfer->error && queue->attached && !queue->parked &&
	     queue->state == DRM_DACC_QUEUE_OK;
	if (go)
		dacc_job_produce(queue, &transfer->layers[transfer->next++].job);
	spin_unlock_irq(&queue->lock);
	return go;
}

/**
 * dacc_transfers_produce - put layers whose fences have signalled into the ring
 * @queue: queue; its run_lock is held
 *
 * Nothing is allocated: fences depend on it. The doorbell is the caller's.
 */
void dacc_transfers_produce(struct dacc_queue *queue)
{
	struct dacc_transfer *transfer;

	lockdep_assert_held(&queue->run_lock);
	list_for_each_entry(transfer, &queue->transfers, link) {
		while (transfer->next < transfer->n_layers && !READ_ONCE(transfer->error) &&
		       dacc_transfer_is_ready(transfer)) {
			if (!dacc_transfer_produce_layer(transfer))
				break;
		}
	}
}

/**
 * dacc_transfers_announced - the doorbell was rung
 * @queue: queue; its run_lock is held
 *
 * An abort of a descriptor that was not announced yet had no effect.
 */
void dacc_transfers_announced(struct dacc_queue *queue)
{
	struct dacc_transfer *transfer;

	lockdep_assert_held(&queue->run_lock);
	spin_lock_irq(&queue->lock);
	list_for_each_entry(transfer, &queue->transfers, link) {
		if (transfer->error && transfer->ended < transfer->next)
			dacc_transfer_abort(transfer);
	}
	spin_unlock_irq(&queue->lock);
}

/* --- from TRANSFER --- */

/**
 * dacc_transfer_arm - keep room in the ring and arm the fences
 * @transfer: transfer; after this nothing may fail
 *
 * Return: 0, -EIO or -EAGAIN.
 */
int dacc_transfer_arm(struct dacc_transfer *transfer)
{
	struct dacc_queue *queue = transfer->queue;
	int ret = 0;
	u32 i;

	spin_lock_irq(&queue->lock);
	if (queue->state != DRM_DACC_QUEUE_OK)
		ret = -EIO;
	else if (queue->submitted - queue->ended + queue->reserved + transfer->n_layers >
		 queue->depth)
		ret = -EAGAIN;
	else
		queue->reserved += transfer->n_layers;
	spin_unlock_irq(&queue->lock);
	if (ret)
		return ret;
	for (i = 0; i < transfer->n_layers; i++)
		dacc_fence_init(transfer->layers[i].fence, transfer->context, i + 1);
	transfer->batch->fence = dma_fence_get(transfer->layers[transfer->n_layers - 1].fence);
	return 0;
}

/**
 * dacc_transfer_push - hand a transfer to its queue
 * @transfer: armed transfer, whose last fence was published
 *
 * From here on it may end at any time, and the caller's reference is the queue's.
 */
void dacc_transfer_push(struct dacc_transfer *transfer)
{
	struct dacc_file *priv = transfer->file->driver_priv;
	struct dacc_queue *queue = transfer->queue;
	ktime_t deadline = transfer->deadline_ns;
	u32 i;

	for (i = 0; transfer->out && i < transfer->n_layers; i++) {
		struct dacc_layer *layer = &transfer->layers[i];

		drm_syncobj_add_point(transfer->out, layer->chain, layer->fence,
				      transfer->out_point + i);
		layer->chain = NULL;
	}
	dma_fence_put(transfer->batch->fence);
	transfer->batch->fence = NULL;
	atomic64_inc(&queue->dacc->transfers.posted);
	/* The place is reserved: nothing is allocated. */
	kref_get(&transfer->ref);
	xa_store(&priv->transfers, transfer->id, transfer, GFP_NOWAIT);
	atomic_add(transfer->n_layers, &queue->dacc->num_jobs);

	trace_dacc_transfer_post(queue->hwq, transfer->id, transfer->first_layer,
				 transfer->n_layers, transfer->bytes, transfer->flags);

	mutex_lock(&queue->run_lock);
	spin_lock_irq(&queue->lock);
	list_add_tail(&transfer->link, &queue->transfers);
	transfer->pushed = true;
	if (deadline)
		hrtimer_start(&transfer->deadline, deadline, HRTIMER_MODE_ABS);
	/* The queue failed, or the pool was destroyed, and nobody is going to look. */
	if (!queue->attached && !transfer->error)
		transfer->error = queue->error;
	if (transfer->error)
		dacc_transfer_finish(transfer);
	spin_unlock_irq(&queue->lock);
	mutex_unlock(&queue->run_lock);
}
