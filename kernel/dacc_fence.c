// SPDX-License-Identifier: GPL-2.0
/*
 * Fences of submissions. A fence may outlive its queue, its file and the
 * device, so it refers to none of them; it does keep the module.
 */
#include <linux/dma-fence.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_syncobj.h>

#include "dacc_device.h"

static struct dacc_fence *to_dacc_fence(struct dma_fence *fence)
{
	return container_of(fence, struct dacc_fence, base);
}

static const char *dacc_fence_driver_name(struct dma_fence *fence)
{
	return "dacc";
}

static const char *dacc_fence_timeline_name(struct dma_fence *fence)
{
	return to_dacc_fence(fence)->queue_class == DRM_DACC_QUEUE_DECODE ? "decode" : "transfer";
}

static void dacc_fence_release(struct dma_fence *fence)
{
	dma_fence_free(fence);
	/* The last thing done here: nothing of this module runs after it. */
	module_put(THIS_MODULE);
}

static const struct dma_fence_ops dacc_fence_ops = {
	DACC_FENCE_OPS_64BIT
	.get_driver_name = dacc_fence_driver_name,
	.get_timeline_name = dacc_fence_timeline_name,
	.release = dacc_fence_release,
};

/**
 * dacc_fence_alloc - memory for a fence
 * @queue_class: enum drm_dacc_queue_class
 *
 * Return: a fence that awaits dacc_fence_init() or dacc_fence_free(), or NULL.
 */
struct dma_fence *dacc_fence_alloc(u32 queue_class)
{
	struct dacc_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return NULL;
	fence->queue_class = queue_class;
	spin_lock_init(&fence->lock);
	return &fence->base;
}

/**
 * dacc_fence_init - make a fence of it; cannot fail
 * @fence: from dacc_fence_alloc()
 * @context: fence context of the queue
 * @seq: sequence number of the job that ends with it
 */
void dacc_fence_init(struct dma_fence *fence, u64 context, u64 seq)
{
	/* An ioctl is running on our file operations, so this is no first one. */
	__module_get(THIS_MODULE);
	dma_fence_init64(fence, &dacc_fence_ops, &to_dacc_fence(fence)->lock, context, seq);
}

/**
 * dacc_fence_free - free a fence that was not initialised
 * @fence: from dacc_fence_alloc(), or NULL
 */
void dacc_fence_free(struct dma_fence *fence)
{
	if (fence)
		kfree(to_dacc_fence(fence));
}

/**
 * dacc_fence_error - the error with which a fence has signalled
 * @fence: signalled fence of any driver
 *
 * A chain node has no error of its own: what it carries is looked at too.
 *
 * Return: 0 or a negative errno.
 */
int dacc_fence_error(struct dma_fence *fence)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *inner;
	int error = 0, status;

	status = dma_fence_get_status(fence);
	if (status < 0)
		return status;
	dma_fence_unwrap_for_each(inner, &cursor, fence) {
		status = dma_fence_get_status(inner);
		if (status < 0 && !error)
			error = status;
	}
	return error;
}

/* Also the error of one that is about to signal with it. */
static bool dacc_fence_will_fail(struct dma_fence *fence)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *inner;
	bool fails = false;

	dma_fence_unwrap_for_each(inner, &cursor, fence)
		fails |= READ_ONCE(inner->error) < 0;
	return fails;
}

/**
 * dacc_fence_find - the fence of a syncobj or of a timeline's point
 * @file: client
 * @handle: syncobj
 * @point: timeline point, or 0
 * @fence: out: with a reference, or NULL after an error
 *
 * A timeline forgets the fences of points that have signalled, and their errors with
 * them. What an error ends it ends for good: if a later point is known to fail, that one's
 * fence stands for one that was forgotten.
 *
 * Return: 0, -ENOENT, or -EINVAL if there is no fence yet.
 */
int dacc_fence_find(struct drm_file *file, u32 handle, u64 point, struct dma_fence **fence)
{
	struct drm_syncobj *syncobj;
	struct dma_fence *latest;
	int ret;

	ret = drm_syncobj_find_fence(file, handle, point, 0, fence);
	if (ret) {
		/* It may have left there what it has no reference to any more. */
		*fence = NULL;
		return ret;
	}
	if (!point || !dma_fence_is_signaled(*fence) || dacc_fence_error(*fence))
		return 0;
	syncobj = drm_syncobj_find(file, handle);
	if (!syncobj)
		return 0;
	latest = drm_syncobj_fence_get(syncobj);
	drm_syncobj_put(syncobj);
	if (latest && dacc_fence_will_fail(latest)) {
		dma_fence_put(*fence);
		*fence = latest;
	} else {
		dma_fence_put(latest);
	}
	return 0;
}

#if IS_ENABLED(CONFIG_KUNIT)
#include "tests/dacc_fence_test.c"
#endif
