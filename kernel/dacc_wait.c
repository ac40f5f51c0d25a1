// SPDX-License-Identifier: GPL-2.0
/*
 * WAIT: sleep until a job has ended, and hand out results.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include <drm/drm_drv.h>

#include "dacc_device.h"

static int dacc_wait_for(struct dacc_queue *queue, u64 seq, s64 deadline)
{
	ktime_t left;

	if (READ_ONCE(queue->ended) >= seq)
		return 0;
	/* Polling must not depend on an interrupt that is still on its way. */
	dacc_queue_complete(queue);
	if (READ_ONCE(queue->ended) >= seq)
		return 0;
	left = deadline > 0 ? ktime_sub(deadline, ktime_get()) : 0;
	if (left <= 0)
		return -ETIME;
	return wait_event_interruptible_hrtimeout(queue->wait,
						  READ_ONCE(queue->ended) >= seq, left);
}

static int dacc_get_results(struct dacc_queue *queue, struct drm_dacc_wait *args)
{
	struct drm_dacc_result *results;
	int ret = 0;
	u64 seq;
	u32 i;

	results = kvmalloc_array(args->n_results, sizeof(*results), GFP_KERNEL);
	if (!results)
		return -ENOMEM;
	spin_lock_irq(&queue->lock);
	for (i = 0, seq = args->seq - args->n_results + 1; i < args->n_results; i++, seq++) {
		results[i] = queue->results[(seq - 1) & (queue->depth - 1)];
		if (results[i].seq != seq) {
			ret = -ENODATA;
			break;
		}
	}
	spin_unlock_irq(&queue->lock);
	if (!ret && copy_to_user(u64_to_user_ptr(args->results), results,
				 array_size(args->n_results, sizeof(*results))))
		ret = -EFAULT;
	kvfree(results);
	return ret;
}

/**
 * dacc_wait_ioctl - DRM_IOCTL_DACC_WAIT
 * @drm: device
 * @data: struct drm_dacc_wait
 * @file: client
 *
 * Return: 0 once the job has ended, -EINVAL, -ENOENT, -ETIME, -ENODATA if a
 * result is gone, -EIO if a user queue will not get there, -EFAULT, -ENOMEM or
 * -ERESTARTSYS.
 */
int dacc_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_wait *args = data;
	struct dacc_queue *queue;
	u64 submitted;
	int ret;

	queue = dacc_queue_get(file->driver_priv, args->queue);
	if (!queue)
		return -ENOENT;
	if (queue->user) {
		ret = -EINVAL;
		if (args->seq && !args->n_results)
			ret = dacc_userq_wait(queue, args->seq, args->timeout_ns);
		goto out;
	}
	spin_lock_irq(&queue->lock);
	submitted = queue->submitted;
	spin_unlock_irq(&queue->lock);
	if (!args->seq || args->seq > submitted || args->n_results > args->seq) {
		ret = -EINVAL;
		goto out;
	}
	ret = dacc_wait_for(queue, args->seq, args->timeout_ns);
	if (ret || !args->n_results)
		goto out;
	if (args->n_results > queue->depth)
		ret = -ENODATA;
	else
		ret = dacc_get_results(queue, args);
out:
	dacc_queue_put(queue);
	return ret;
}
