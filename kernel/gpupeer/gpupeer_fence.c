// SPDX-License-Identifier: GPL-2.0
/*
 * Fences of jobs and of their points. A fence may outlive its job, its file and
 * the device, so it refers to none of them; it does keep the module. That is
 * why the scheduler's own fences, which refer to the scheduler, are not given
 * to anybody else.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "gpupeer.h"
#include "gpupeer_compat.h"

static struct gpupeer_fence *to_gpupeer_fence(struct dma_fence *fence)
{
	return container_of(fence, struct gpupeer_fence, base);
}

static const char *fence_driver_name(struct dma_fence *fence)
{
	return KBUILD_MODNAME;
}

static const char *fence_timeline_name(struct dma_fence *fence)
{
	return to_gpupeer_fence(fence)->device_name;
}

static void fence_release(struct dma_fence *fence)
{
	dma_fence_free(fence);
	/* The last thing done here: nothing of this module runs after it. */
	module_put(THIS_MODULE);
}

static const struct dma_fence_ops fence_ops = {
#ifdef GPUPEER_HAVE_USE_64BIT_SEQNO
	.use_64bit_seqno = true,
#endif
	.get_driver_name = fence_driver_name,
	.get_timeline_name = fence_timeline_name,
	.release = fence_release,
};

/**
 * gpupeer_fence_alloc() - memory for a fence
 * @gdev: device.
 *
 * Return: a fence for gpupeer_fence_init(), or else for kfree(), or NULL.
 */
struct gpupeer_fence *gpupeer_fence_alloc(struct gpupeer_device *gdev)
{
	struct gpupeer_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (fence) {
		spin_lock_init(&fence->lock);
		strscpy(fence->device_name, pci_name(gdev->pdev), sizeof(fence->device_name));
	}
	return fence;
}

/**
 * gpupeer_fence_init() - make a fence of it; cannot fail
 * @fence: from gpupeer_fence_alloc().
 * @context: fence context.
 * @seqno: number in the context.
 *
 * From here on it is freed by dma_fence_put().
 */
void gpupeer_fence_init(struct gpupeer_fence *fence, u64 context, u64 seqno)
{
	/* An ioctl is running on our file operations, so this is no first one. */
	__module_get(THIS_MODULE);
#ifdef GPUPEER_HAVE_USE_64BIT_SEQNO
	dma_fence_init(&fence->base, &fence_ops, &fence->lock, context, seqno);
#else
	dma_fence_init64(&fence->base, &fence_ops, &fence->lock, context, seqno);
#endif
}

/**
 * gpupeer_fence_signal() - signal a fence
 * @fence: fence.
 * @error: 0 or a negative errno.
 */
void gpupeer_fence_signal(struct gpupeer_fence *fence, int error)
{
	if (error)
		dma_fence_set_error(&fence->base, error);
	/* A callback may lead to the job's end, which drops its reference. */
	dma_fence_get(&fence->base);
	dma_fence_signal(&fence->base);
	dma_fence_put(&fence->base);
}

/**
 * gpupeer_fence_is_ours() - whether a fence is one of a job of this driver
 * @fence: fence of any driver.
 *
 * Return: true or false.
 */
bool gpupeer_fence_is_ours(struct dma_fence *fence)
{
	/* Newer kernels annotate the pointer; it is compared only. */
	return (const struct dma_fence_ops __force *)fence->ops == &fence_ops;
}
