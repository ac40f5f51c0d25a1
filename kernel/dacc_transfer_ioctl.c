// SPDX-License-Identifier: GPL-2.0
/*
 * TRANSFER, TRANSFER_CANCEL and TRANSFER_WAIT. TRANSFER takes everything that a
 * transfer needs until its end, so that none of it can fail later.
 */
#include <linux/dma-fence-chain.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_syncobj.h>

#include "dacc_kv.h"

#define DACC_TRANSFER_FLAGS \
	(DRM_DACC_TRANSFER_CHECKSUM | DRM_DACC_TRANSFER_VERIFY | \
	 DRM_DACC_TRANSFER_LINK_ONLY | DRM_DACC_TRANSFER_EVENT)

static bool dacc_transfer_syncs_ok(const struct drm_dacc_transfer *args)
{
	u64 last;

	if (args->in.pad || args->out.pad || args->in_step > 1)
		return false;
	if (!args->in.handle && (args->in.point || args->in_step))
		return false;
	/* Point 0 is the binary fence, which has no next one. */
	if (args->in_step && !args->in.point)
		return false;
	if (args->out.handle ? !args->out.point : args->out.point)
		return false;
	return !check_add_overflow(args->in.point, (u64)args->n_layers, &last) &&
	       !check_add_overflow(args->out.point, (u64)args->n_layers, &last);
}

static bool dacc_transfer_args_ok(const struct drm_dacc_transfer *args)
{
	bool verify = args->flags & DRM_DACC_TRANSFER_VERIFY;

	if (args->pad || !args->n_layers || args->deadline_ns < 0 ||
	    args->flags & ~DACC_TRANSFER_FLAGS)
		return false;
	if (verify && !(args->flags & DRM_DACC_TRANSFER_CHECKSUM))
		return false;
	if (!verify && args->crcs)
		return false;
	return dacc_transfer_syncs_ok(args);
}

static struct dacc_transfer *dacc_transfer_alloc(struct drm_file *file, struct dacc_queue *queue,
						 struct dacc_list *list,
						 const struct drm_dacc_transfer *args)
{
	struct dacc_file *priv = file->driver_priv;
	struct dacc_transfer *transfer;
	u32 i;

	transfer = kvzalloc(struct_size(transfer, layers, args->n_layers), GFP_KERNEL_ACCOUNT);
	if (!transfer)
		return NULL;
	transfer->n_layers = args->n_layers;
	kref_init(&transfer->ref);
	transfer->file = file;
	transfer->queue = queue;
	kref_get(&queue->ref);
	transfer->list = list;
	kref_get(&list->ref);
	transfer->user = dacc_user_get(priv->user);
	transfer->flags = args->flags;
	transfer->first_layer = args->first_layer;
	transfer->deadline_ns = args->deadline_ns;
	transfer->context = dma_fence_context_alloc(1);
	transfer->result.cookie = args->cookie;
	INIT_LIST_HEAD(&transfer->link);
	INIT_LIST_HEAD(&transfer->pool_link);
	INIT_WORK(&transfer->end_work, dacc_transfer_end_work);
	hrtimer_setup(&transfer->deadline, dacc_transfer_deadline, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS);
	init_waitqueue_head(&transfer->wait);
	for (i = 0; i < transfer->n_layers; i++) {
		struct dacc_layer *layer = &transfer->layers[i];

		layer->transfer = transfer;
		layer->job.ended = dacc_transfer_layer_ended;
		INIT_LIST_HEAD(&layer->job.link);
		transfer->bytes += list->layers[args->first_layer + i].bytes;
	}
	atomic_inc(&queue->dacc->num_transfers);
	return transfer;
}

static void dacc_layer_encode(struct dacc_transfer *transfer, u32 index, u32 crc)
{
	struct dacc_list *list = transfer->list;
	struct dacc_list_layer *from = &list->layers[transfer->first_layer + index];
	struct dacc_desc *desc = &transfer->layers[index].job.desc;

	desc->opcode = DACC_OP_COPY_BLOCKS;
	desc->flags = DACC_DESC_IRQ | DACC_DESC_CONTINUE;
	if (transfer->flags & DRM_DACC_TRANSFER_CHECKSUM)
		desc->flags |= DACC_DESC_CHECKSUM;
	if (transfer->flags & DRM_DACC_TRANSFER_VERIFY)
		desc->flags |= DACC_DESC_VERIFY;
	if (transfer->flags & DRM_DACC_TRANSFER_LINK_ONLY)
		desc->flags |= DACC_DESC_LINK_ONLY;
	desc->blocks.table = list->node.start + (u64)from->first * sizeof(struct dacc_block);
	desc->blocks.n_blocks = from->n;
	desc->blocks.crc = crc;
}

static int dacc_transfer_encode(struct dacc_transfer *transfer,
				const struct drm_dacc_transfer *args)
{
	u32 *crcs = NULL;
	u32 i;

	if (args->flags & DRM_DACC_TRANSFER_VERIFY) {
		crcs = vmemdup_array_user(u64_to_user_ptr(args->crcs), args->n_layers,
					  sizeof(*crcs));
		if (IS_ERR(crcs))
			return PTR_ERR(crcs);
	}
	for (i = 0; i < transfer->n_layers; i++)
		dacc_layer_encode(transfer, i, crcs ? crcs[i] : 0);
	transfer->layers[0].job.desc.not_before = args->not_before_ps;
	kvfree(crcs);
	return 0;
}

static int dacc_transfer_get_in(struct dacc_transfer *transfer, struct drm_file *file,
				const struct drm_dacc_transfer *args)
{
	int ret = 0;
	u32 i;

	if (!args->in.handle)
		return 0;
	for (i = 0; i < transfer->n_layers && !ret; i++) {
		/* If all wait for one, the first does. */
		if (i && !args->in_step)
			break;
		ret = dacc_fence_find(file, args->in.handle, args->in.point + i,
				      &transfer->layers[i].in);
	}
	return ret;
}

static int dacc_transfer_get_out(struct dacc_transfer *transfer, struct drm_file *file,
				 const struct drm_dacc_transfer *args)
{
	u32 i;

	if (args->out.handle) {
		transfer->out = drm_syncobj_find(file, args->out.handle);
		if (!transfer->out)
			return -ENOENT;
		transfer->out_point = args->out.point;
	}
	transfer->batch = dacc_batch_alloc(transfer->queue, 0);
	if (!transfer->batch)
		return -ENOMEM;
	transfer->batch->transfer = transfer;
	/* That of the last layer; dacc_transfer_arm() gives it back. */
	transfer->layers[transfer->n_layers - 1].fence = transfer->batch->fence;
	transfer->batch->fence = NULL;
	for (i = 0; i < transfer->n_layers; i++) {
		struct dacc_layer *layer = &transfer->layers[i];

		if (!layer->fence)
			layer->fence = dacc_fence_alloc(transfer->queue->queue_class);
		if (transfer->out)
			layer->chain = dma_fence_chain_alloc();
		if (!layer->fence || (transfer->out && !layer->chain))
			return -ENOMEM;
	}
	return 0;
}

static int dacc_transfer_get_event(struct dacc_transfer *transfer, struct drm_file *file)
{
	struct dacc_transfer_event *event;
	int ret;

	if (!(transfer->flags & DRM_DACC_TRANSFER_EVENT))
		return 0;
	event = kzalloc(sizeof(*event), GFP_KERNEL_ACCOUNT);
	if (!event)
		return -ENOMEM;
	event->event.base.type = DRM_DACC_EVENT_TRANSFER;
	event->event.base.length = sizeof(event->event);
	ret = drm_event_reserve_init(&transfer->queue->dacc->drm, file, &event->base,
				     &event->event.base);
	if (ret) {
		kfree(event);
		/* Too much that was not read yet. */
		return ret == -ENOMEM ? -EAGAIN : ret;
	}
	transfer->event = event;
	return 0;
}

/* Undoes what was taken for a transfer that is not going to be. */
static void dacc_transfer_drop(struct dacc_transfer *transfer)
{
	struct dacc_file *priv = transfer->file->driver_priv;

	if (transfer->event)
		drm_event_cancel_free(&transfer->queue->dacc->drm, &transfer->event->base);
	transfer->event = NULL;
	dacc_pool_disown(transfer);
	if (transfer->id)
		xa_erase(&priv->transfers, transfer->id);
	dacc_transfer_put(transfer);
}

/* The order matters: what is taken last is what others notice. */
static int dacc_transfer_start(struct dacc_transfer *transfer, struct drm_file *file,
			       struct drm_dacc_transfer *args)
{
	struct dacc_file *priv = file->driver_priv;
	int ret;

	ret = dacc_transfer_encode(transfer, args);
	if (!ret)
		ret = dacc_transfer_get_in(transfer, file, args);
	if (!ret)
		ret = dacc_transfer_get_out(transfer, file, args);
	if (!ret)
		ret = xa_alloc_cyclic(&priv->transfers, &transfer->id, NULL, xa_limit_31b,
				      &priv->next_transfer, GFP_KERNEL);
	if (ret < 0)
		return ret;
	args->id = transfer->id;
	transfer->result.id = transfer->id;
	ret = dacc_transfer_get_event(transfer, file);
	if (!ret)
		ret = dacc_user_charge(transfer->user, DRM_DACC_LIMIT_TRANSFER_BYTES,
				       transfer->bytes);
	if (ret)
		return ret;
	ret = dacc_pool_own(transfer, &args->index);
	if (!ret)
		ret = dacc_batch_submit(transfer->batch, NULL, 0, NULL);
	if (ret)
		dacc_user_uncharge(transfer->user, DRM_DACC_LIMIT_TRANSFER_BYTES,
				   transfer->bytes);
	return ret;
}

static int dacc_transfer_create(struct drm_file *file, struct dacc_queue *queue,
				struct dacc_list *list, struct drm_dacc_transfer *args)
{
	struct dacc_file *priv = file->driver_priv;
	struct dacc_transfer *transfer;
	int ret;

	if (queue->queue_class != DRM_DACC_QUEUE_TRANSFER || queue->user || queue->vm != list->vm ||
	    args->first_layer >= list->n_layers ||
	    args->n_layers > list->n_layers - args->first_layer ||
	    args->n_layers > queue->depth)
		return -EINVAL;
	if (atomic_inc_return(&priv->n_transfers) > DRM_DACC_MAX_TRANSFERS) {
		ret = -EAGAIN;
		goto err_count;
	}
	transfer = dacc_transfer_alloc(file, queue, list, args);
	if (!transfer) {
		ret = -ENOMEM;
		goto err_count;
	}
	ret = dacc_transfer_start(transfer, file, args);
	if (!ret)
		return 0;
	dacc_transfer_drop(transfer);
	args->id = 0;
err_count:
	dacc_file_transfer_ended(priv);
	return ret;
}

/**
 * dacc_transfer_ioctl - DRM_IOCTL_DACC_TRANSFER
 * @drm: device
 * @data: struct drm_dacc_transfer
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -ESTALE, -EBUSY, -EAGAIN, -EDQUOT, -EIO, -EFAULT,
 * -ENOMEM, -ENODEV or -ERESTARTSYS. After an error there is no transfer.
 */
int dacc_transfer_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_transfer *args = data;
	struct dacc_queue *queue;
	struct dacc_list *list;
	int ret = -ENOENT;

	if (!dacc_transfer_args_ok(args))
		return -EINVAL;
	args->index = 0;
	queue = dacc_queue_get(priv, args->queue);
	if (!queue)
		return -ENOENT;
	list = dacc_list_get(priv, args->list);
	if (list) {
		ret = dacc_transfer_create(file, queue, list, args);
		dacc_list_put(list);
	}
	dacc_queue_put(queue);
	return ret;
}

static struct dacc_transfer *dacc_transfer_get(struct dacc_file *file, u64 id, u32 refused)
{
	struct dacc_transfer *transfer = NULL;

	if (id > U32_MAX)
		return NULL;
	xa_lock(&file->transfers);
	transfer = xa_load(&file->transfers, id);
	if (transfer && transfer->flags & refused)
		transfer = NULL;
	if (transfer)
		kref_get(&transfer->ref);
	xa_unlock(&file->transfers);
	return transfer;
}

/**
 * dacc_transfer_cancel_ioctl - DRM_IOCTL_DACC_TRANSFER_CANCEL
 * @drm: device
 * @data: struct drm_dacc_transfer_cancel
 * @file: client
 *
 * Return: 0 or -ENOENT.
 */
int dacc_transfer_cancel_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_transfer_cancel *args = data;
	struct dacc_transfer *transfer = dacc_transfer_get(file->driver_priv, args->id, 0);

	if (!transfer)
		return -ENOENT;
	dacc_transfer_stop(transfer, -ECANCELED);
	dacc_transfer_put(transfer);
	return 0;
}

static bool dacc_transfer_is_done(struct dacc_transfer *transfer)
{
	/* Paired with the release in dacc_transfer_tell(). */
	return smp_load_acquire(&transfer->done);
}

static int dacc_transfer_wait_for(struct dacc_transfer *transfer, s64 deadline)
{
	ktime_t left;

	if (dacc_transfer_is_done(transfer))
		return 0;
	/* Polling must not depend on an interrupt that is still on its way. */
	dacc_queue_complete(transfer->queue);
	left = deadline > 0 ? ktime_sub(deadline, ktime_get()) : 0;
	if (left <= 0)
		return dacc_transfer_is_done(transfer) ? 0 : -ETIME;
	return wait_event_interruptible_hrtimeout(transfer->wait, dacc_transfer_is_done(transfer),
						  left);
}

/**
 * dacc_transfer_wait_ioctl - DRM_IOCTL_DACC_TRANSFER_WAIT
 * @drm: device
 * @data: struct drm_dacc_transfer_wait
 * @file: client
 *
 * Return: 0 once the transfer has ended, -ENOENT, -ETIME or -ERESTARTSYS.
 */
int dacc_transfer_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_transfer_wait *args = data;
	struct dacc_transfer *transfer;
	int ret;

	transfer = dacc_transfer_get(priv, args->id, DRM_DACC_TRANSFER_EVENT);
	if (!transfer)
		return -ENOENT;
	ret = dacc_transfer_wait_for(transfer, args->timeout_ns);
	if (!ret) {
		args->result = transfer->result;
		/* One of several who wait takes it. */
		if (xa_cmpxchg(&priv->transfers, args->id, transfer, NULL, 0) == transfer)
			dacc_transfer_put(transfer);
		else
			ret = -ENOENT;
	}
	dacc_transfer_put(transfer);
	return ret;
}

/**
 * dacc_kv_open - a client has come
 * @file: client
 */
void dacc_kv_open(struct dacc_file *file)
{
	xa_init_flags(&file->pools, XA_FLAGS_ALLOC1);
	xa_init_flags(&file->lists, XA_FLAGS_ALLOC1);
	xa_init_flags(&file->transfers, XA_FLAGS_ALLOC1);
	init_waitqueue_head(&file->idle);
}

/**
 * dacc_kv_close - a client has gone: free its pools, lists and results
 * @file: client without queues
 */
void dacc_kv_close(struct dacc_file *file)
{
	struct dacc_transfer *transfer;
	struct dacc_list *list;
	struct dacc_pool *pool;
	unsigned long id;

	dacc_file_wait_idle(file);
	xa_for_each(&file->transfers, id, transfer)
		dacc_transfer_put(transfer);
	xa_for_each(&file->lists, id, list)
		dacc_list_put(list);
	xa_for_each(&file->pools, id, pool) {
		struct dacc_vm *vm = pool->vm;

		dacc_pool_close(pool);
		vm->n_pools--;
	}
	xa_destroy(&file->transfers);
	xa_destroy(&file->lists);
	xa_destroy(&file->pools);
}
