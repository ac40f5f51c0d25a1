// SPDX-License-Identifier: GPL-2.0
/*
 * Queues: each is one hardware queue with a ring and a completion area in
 * coherent memory, or in the client's (dacc_userq.c). One that failed is never
 * revived; a client makes a new one.
 */
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "dacc_device.h"

#define DACC_MIN_DEPTH			BIT(DACC_MIN_RING_LOG2)
#define DACC_MAX_DEPTH			BIT(DACC_MAX_RING_LOG2)

/**
 * dacc_queue_ring_size - bytes of a queue's ring
 * @queue: queue
 *
 * Return: bytes.
 */
size_t dacc_queue_ring_size(struct dacc_queue *queue)
{
	return queue->depth * sizeof(struct dacc_desc);
}

/**
 * dacc_queue_cpl_size - bytes of a queue's completion area
 * @queue: queue
 *
 * Return: bytes.
 */
size_t dacc_queue_cpl_size(struct dacc_queue *queue)
{
	return sizeof(struct dacc_cpl_head) + queue->depth * sizeof(struct dacc_cpl);
}

static int dacc_queue_alloc_memory(struct dacc_queue *queue)
{
	struct device *dev = queue->dacc->drm.dev;

	queue->ring = dma_alloc_coherent(dev, dacc_queue_ring_size(queue), &queue->ring_dma,
					 GFP_KERNEL);
	if (!queue->ring)
		return -ENOMEM;
	queue->cpl = dma_alloc_coherent(dev, dacc_queue_cpl_size(queue), &queue->cpl_dma,
					GFP_KERNEL);
	if (!queue->cpl)
		return -ENOMEM;
	return 0;
}

/* The queue is not attached, so nobody looks at this memory. */
static void dacc_queue_free_memory(struct dacc_queue *queue)
{
	struct device *dev = queue->dacc->drm.dev;

	if (queue->ring)
		dma_free_coherent(dev, dacc_queue_ring_size(queue), queue->ring, queue->ring_dma);
	if (queue->cpl)
		dma_free_coherent(dev, dacc_queue_cpl_size(queue), queue->cpl, queue->cpl_dma);
	queue->ring = NULL;
	queue->cpl = NULL;
}

static void dacc_queue_release(struct kref *ref)
{
	struct dacc_queue *queue = container_of(ref, struct dacc_queue, ref);

	if (queue->user)
		dacc_userq_fini(queue);
	atomic_dec(&queue->dacc->num_live_queues);
	drm_gpuvm_put(&queue->vm->gpuvm);
	mutex_destroy(&queue->run_lock);
	mutex_destroy(&queue->submit_lock);
	kvfree(queue->results);
	kfree(queue);
}

/**
 * dacc_queue_put - drop a reference
 * @queue: queue
 */
void dacc_queue_put(struct dacc_queue *queue)
{
	kref_put(&queue->ref, dacc_queue_release);
}

/**
 * dacc_queue_get - find a queue by its id
 * @file: client
 * @id: id
 *
 * Return: queue with a reference, or NULL.
 */
struct dacc_queue *dacc_queue_get(struct dacc_file *file, u32 id)
{
	struct dacc_queue *queue;

	xa_lock(&file->queues);
	queue = xa_load(&file->queues, id);
	if (queue)
		kref_get(&queue->ref);
	xa_unlock(&file->queues);
	return queue;
}

/* Takes a hardware queue and enables it. */
static int dacc_queue_attach(struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;
	int ret = -ENOSPC;
	u32 hwq;

	mutex_lock(&dacc->hw_lock);
	if (!dacc->hw_up) {
		ret = -EIO;
		goto unlock;
	}
	if (queue->vm->banned) {
		ret = -EIO;
		goto unlock;
	}
	for (hwq = 0; hwq < dacc->num_queues; hwq++) {
		if (dacc->queues[hwq])
			continue;
		queue->hwq = hwq;
		queue->attached = true;
		ret = dacc_hw_queue_enable(queue, 0);
		if (ret) {
			/* It may know the ring's address all the same. */
			queue->attached = false;
			dacc_device_stop_queue(dacc, hwq);
		} else {
			if (queue->user)
				dacc_userq_restore(queue);
			/* Paired with the acquire in dacc_queue_irq(). */
			smp_store_release(&dacc->queues[hwq], queue);
		}
		break;
	}
unlock:
	mutex_unlock(&dacc->hw_lock);
	return ret;
}

/*
 * Stops the queue, ends its jobs with -ECANCELED, gives the hardware queue back
 * and frees all but what a reference holder may still look at.
 */
static void dacc_queue_detach(struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;
	bool ours;

	if (queue->user) {
		/* Nobody else may get the hardware queue while its doorbell is mapped. */
		mutex_lock(&dacc->hw_lock);
		if (dacc->queues[queue->hwq] == queue)
			dacc_queue_stop(queue);
		mutex_unlock(&dacc->hw_lock);
		dacc_doorbell_revoke_queue(queue);
	}
	mutex_lock(&dacc->hw_lock);
	ours = dacc->queues[queue->hwq] == queue;
	if (ours) {
		dacc_queue_stop(queue);
		WRITE_ONCE(dacc->queues[queue->hwq], NULL);
		dacc_irq_synchronize(dacc, queue->hwq);
		dacc_queue_free_memory(queue);
	}
	mutex_unlock(&dacc->hw_lock);

	cancel_delayed_work_sync(&queue->timeout_work);
	cancel_work_sync(&queue->recover_work);
	cancel_work_sync(&queue->run_work);
	dacc_transfers_drain(queue);
}

/**
 * dacc_queue_close - end a queue that no id names any more
 * @file: client, locked
 * @queue: queue; the reference of the id is dropped
 */
void dacc_queue_close(struct dacc_file *file, struct dacc_queue *queue)
{
	dacc_queue_detach(queue);
	if (queue->user)
		dacc_userq_unpin(queue);
	file->busy_ps[queue->queue_class] += queue->busy_ps;
	queue->vm->queues--;
	dacc_limit_uncharge(file, DRM_DACC_LIMIT_QUEUES, 1);
	dacc_pm_put(queue->dacc);
	dacc_queue_put(queue);
}

/**
 * dacc_queue_unplug - free what the queues have of the device, in remove
 * @dacc: device after drm_dev_unplug() and dacc_device_stop(); its interrupt
 *	handlers are still installed
 *
 * Jobs end with -ENODEV.
 */
void dacc_queue_unplug(struct dacc_device *dacc)
{
	u32 hwq;

	mutex_lock(&dacc->hw_lock);
	for (hwq = 0; hwq < dacc->num_queues; hwq++) {
		struct dacc_queue *queue = dacc->queues[hwq];

		if (!queue)
			continue;
		dacc_queue_complete(queue);
		dacc_queue_fail(queue, DRM_DACC_QUEUE_LOST, -ENODEV, -ENODEV, 0);
		dacc_queue_end(queue);
		WRITE_ONCE(dacc->queues[hwq], NULL);
		/* Its file may free it as soon as hw_lock is free. */
		dacc_irq_synchronize(dacc, hwq);
		dacc_queue_free_memory(queue);
	}
	mutex_unlock(&dacc->hw_lock);
}

static struct dacc_queue *dacc_queue_alloc(struct dacc_device *dacc, struct dacc_vm *vm,
					   const struct drm_dacc_queue_create *args)
{
	struct dacc_queue *queue;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL);
	if (!queue)
		return NULL;
	if (!(args->flags & DRM_DACC_QUEUE_USER))
		queue->results = kvcalloc(args->depth, sizeof(*queue->results), GFP_KERNEL);
	if (!queue->results && !(args->flags & DRM_DACC_QUEUE_USER)) {
		kfree(queue);
		return NULL;
	}
	kref_init(&queue->ref);
	queue->dacc = dacc;
	queue->vm = vm;
	drm_gpuvm_get(&vm->gpuvm);
	queue->pid = task_tgid_nr(current);
	queue->queue_class = args->queue_class;
	queue->depth = args->depth;
	queue->context = dma_fence_context_alloc(1);
	mutex_init(&queue->submit_lock);
	mutex_init(&queue->run_lock);
	dacc_queue_prime_lockdep(queue);
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->pending);
	INIT_LIST_HEAD(&queue->running);
	INIT_LIST_HEAD(&queue->transfers);
	init_waitqueue_head(&queue->wait);
	INIT_WORK(&queue->run_work, args->flags & DRM_DACC_QUEUE_USER ? dacc_userq_gate_work :
								    dacc_queue_run_work);
	INIT_WORK(&queue->recover_work, dacc_queue_recover_work);
	INIT_DELAYED_WORK(&queue->timeout_work, dacc_queue_timeout_work);
	atomic_inc(&dacc->num_live_queues);
	return queue;
}

/**
 * dacc_queue_new_kernel - make a queue for the driver itself
 * @vm: address space
 * @queue_class: enum drm_dacc_queue_class
 * @depth: jobs in flight, a power of two
 *
 * It has no id and belongs to no client. The caller is inside drm_dev_enter(), or in
 * probe.
 *
 * Return: queue for dacc_queue_close_kernel(), or an error pointer.
 */
struct dacc_queue *dacc_queue_new_kernel(struct dacc_vm *vm, u32 queue_class, u32 depth)
{
	struct drm_dacc_queue_create args = {
		.queue_class = queue_class,
		.depth = depth,
	};
	struct dacc_queue *queue = dacc_queue_alloc(vm->dacc, vm, &args);
	int ret;

	if (!queue)
		return ERR_PTR(-ENOMEM);
	queue->pid = 0;
	ret = dacc_queue_alloc_memory(queue);
	if (!ret)
		ret = dacc_queue_attach(queue);
	if (ret) {
		dacc_queue_free_memory(queue);
		dacc_queue_put(queue);
		return ERR_PTR(ret);
	}
	return queue;
}

/**
 * dacc_queue_close_kernel - end a queue of the driver's
 * @queue: queue from dacc_queue_new_kernel()
 */
void dacc_queue_close_kernel(struct dacc_queue *queue)
{
	dacc_queue_detach(queue);
	dacc_queue_put(queue);
}

static int dacc_queue_create_locked(struct dacc_device *dacc, struct dacc_file *file,
				    struct drm_dacc_queue_create *args)
{
	struct dacc_queue *queue;
	struct dacc_vm *vm;
	int ret;

	vm = xa_load(&file->vms, args->vm);
	if (!vm)
		return -ENOENT;
	ret = dacc_limit_charge(file, DRM_DACC_LIMIT_QUEUES, 1);
	if (ret)
		return ret;
	ret = -ENOMEM;
	queue = dacc_queue_alloc(dacc, vm, args);
	if (!queue)
		goto err_uncharge;
	if (args->flags & DRM_DACC_QUEUE_USER)
		ret = dacc_userq_init(queue, args);
	else
		ret = dacc_queue_alloc_memory(queue);
	if (ret)
		goto err_free;
	/* The id is reserved first: nothing fails once the queue is live. */
	ret = xa_alloc(&file->queues, &queue->id, NULL,
		       XA_LIMIT(1, BIT(DACC_QUEUE_ID_BITS) - 1), GFP_KERNEL);
	if (ret)
		goto err_free;
	ret = dacc_queue_attach(queue);
	if (ret)
		goto err_erase;
	vm->queues++;
	args->queue = queue->id;
	if (queue->user) {
		args->doorbell_offset = dacc_doorbell_offset(queue);
		dacc_queue_watch(queue);
	}
	xa_store(&file->queues, queue->id, queue, GFP_KERNEL);
	return 0;

err_erase:
	xa_erase(&file->queues, queue->id);
err_free:
	dacc_queue_free_memory(queue);
	dacc_queue_put(queue);
err_uncharge:
	dacc_limit_uncharge(file, DRM_DACC_LIMIT_QUEUES, 1);
	return ret;
}

/**
 * dacc_queue_create_ioctl - DRM_IOCTL_DACC_QUEUE_CREATE
 * @drm: device
 * @data: struct drm_dacc_queue_create
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -EDQUOT, -ENOSPC if every hardware queue is taken,
 * those of dacc_userq_init() for a user queue, -ENOMEM, -EIO if the device is out of
 * order or the address space is banned, or -ENODEV.
 */
int dacc_queue_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_queue_create *args = data;
	int idx, ret;

	if (args->flags & ~DRM_DACC_QUEUE_USER || args->pad ||
	    (!(args->flags & DRM_DACC_QUEUE_USER) && (args->ring || args->completion)) ||
	    args->queue_class > DRM_DACC_QUEUE_DECODE || !is_power_of_2(args->depth) ||
	    args->depth < DACC_MIN_DEPTH || args->depth > DACC_MAX_DEPTH)
		return -EINVAL;

	mutex_lock(&priv->lock);
	if (drm_dev_enter(drm, &idx)) {
		/* The queue keeps the device from being suspended. */
		ret = dacc_pm_get(to_dacc(drm));
		if (!ret) {
			ret = dacc_queue_create_locked(to_dacc(drm), priv, args);
			if (ret)
				dacc_pm_put(to_dacc(drm));
		}
		drm_dev_exit(idx);
	} else {
		ret = -ENODEV;
	}
	mutex_unlock(&priv->lock);
	return ret;
}

/**
 * dacc_queue_destroy_ioctl - DRM_IOCTL_DACC_QUEUE_DESTROY
 * @drm: device
 * @data: struct drm_dacc_queue_destroy
 * @file: client
 *
 * Return: 0, -EINVAL or -ENOENT.
 */
int dacc_queue_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_queue_destroy *args = data;
	struct dacc_queue *queue;

	if (args->pad)
		return -EINVAL;
	mutex_lock(&priv->lock);
	queue = xa_erase(&priv->queues, args->queue);
	if (queue)
		dacc_queue_close(priv, queue);
	mutex_unlock(&priv->lock);
	return queue ? 0 : -ENOENT;
}

/**
 * dacc_queue_info_ioctl - DRM_IOCTL_DACC_QUEUE_INFO
 * @drm: device
 * @data: struct drm_dacc_queue_info
 * @file: client
 *
 * Return: 0 or -ENOENT.
 */
int dacc_queue_info_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_queue_info *args = data;
	struct dacc_queue *queue = dacc_queue_get(file->driver_priv, args->queue);

	if (!queue)
		return -ENOENT;
	spin_lock_irq(&queue->lock);
	if (queue->user)
		dacc_userq_refresh(queue);
	args->state = queue->state;
	args->submitted = queue->submitted;
	args->completed = queue->ended;
	args->fault = queue->fault;
	args->fault_index = queue->fault_index;
	args->fault_addr = queue->fault_addr;
	spin_unlock_irq(&queue->lock);
	dacc_queue_put(queue);
	return 0;
}
