// SPDX-License-Identifier: GPL-2.0
/*
 * Import of dma-bufs, for COPY: host memory of any exporter, or device memory, which
 * then is written by peer-to-peer access.
 *
 * Life of an import: attached when the handle is made, mapped when a job first
 * needs it, with the reservation lock that the job's fence is added under, so every
 * job that knows the addresses has a fence there. An exporter that takes its memory
 * back waits for those fences in import_invalidate() and has it then; the next job
 * asks for it again. The fences are bounded by the watchdog. The mapping and the
 * attachment go with the GEM object, or when the driver is unbound.
 */
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

#include <drm/drm_drv.h>

#include "gpupeer.h"
#include "gpupeer_compat.h"

static void import_unmap(struct gpupeer_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	if (!bo->sgt)
		return;
	dma_buf_unmap_attachment(bo->base.import_attach, bo->sgt, DMA_BIDIRECTIONAL);
	bo->sgt = NULL;
}

static void import_invalidate(struct dma_buf_attachment *attach)
{
	struct gpupeer_bo *bo = to_gpupeer_bo(attach->importer_priv);

	dma_resv_assert_held(attach->dmabuf->resv);
	if (!bo->sgt)
		return;
	/* The device has the addresses until then, and cannot be made to forget. */
	dma_resv_wait_timeout(bo->base.resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
	import_unmap(bo);
}

static const struct dma_buf_attach_ops attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = import_invalidate,
};

static const struct dma_buf_attach_ops attach_ops_host = {
	.allow_peer2peer = false,
	.invalidate_mappings = import_invalidate,
};

static void import_release(struct gpupeer_bo *bo)
{
	struct dma_buf_attachment *attach = bo->base.import_attach;

	dma_resv_lock(bo->base.resv, NULL);
	import_unmap(bo);
	bo->revoked = true;
	dma_resv_unlock(bo->base.resv);
	/* Either this, when the driver is unbound, or the object's end. */
	if (attach) {
		bo->base.import_attach = NULL;
		dma_buf_detach(bo->imported, attach);
	}
}

static void import_free(struct drm_gem_object *obj)
{
	struct gpupeer_device *gdev = to_gpupeer(obj->dev);
	struct gpupeer_bo *bo = to_gpupeer_bo(obj);

	/* It is on the list until the device has nothing of it any more. */
	import_release(bo);
	mutex_lock(&gdev->bo_lock);
	list_del(&bo->link);
	gdev->n_bos--;
	mutex_unlock(&gdev->bo_lock);
	dma_buf_put(bo->imported);
	drm_gem_object_release(obj);
	kfree(bo);
}

static const struct drm_gem_object_funcs import_funcs = {
	.free = import_free,
};

/**
 * gpupeer_import() - attach to a dma-buf
 * @gdev: device, entered.
 * @dmabuf: dma-buf.
 *
 * Return: a GEM object with a reference, or an error.
 */
struct drm_gem_object *gpupeer_import(struct gpupeer_device *gdev, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	struct gpupeer_bo *bo;

	if (!dmabuf->size || !PAGE_ALIGNED(dmabuf->size))
		return ERR_PTR(-EINVAL);
	bo = kzalloc(sizeof(*bo), GFP_KERNEL);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->flags = GPUPEER_BO_IMPORTED;
	bo->imported = dmabuf;
	bo->base.funcs = &import_funcs;
	drm_gem_private_object_init(&gdev->drm, &bo->base, dmabuf->size);
	bo->base.resv = dmabuf->resv;

	/* The exporter may call back from here on. */
	attach = dma_buf_dynamic_attach(dmabuf, &gdev->pdev->dev,
					READ_ONCE(gpupeer_p2p) ? &attach_ops : &attach_ops_host,
					&bo->base);
	if (IS_ERR(attach)) {
		drm_gem_object_release(&bo->base);
		kfree(bo);
		return ERR_CAST(attach);
	}
	get_dma_buf(dmabuf);
	bo->base.import_attach = attach;

	mutex_lock(&gdev->bo_lock);
	list_add_tail(&bo->link, &gdev->bos);
	gdev->n_bos++;
	mutex_unlock(&gdev->bo_lock);
	return &bo->base;
}

/**
 * gpupeer_import_map() - get the addresses of an import, for a job
 * @bo: imported buffer; its reservation lock is held until the job's fence is in.
 *
 * Return: 0; -ENODEV if the exporter is gone; or what it says.
 */
int gpupeer_import_map(struct gpupeer_bo *bo)
{
	struct sg_table *sgt;
	struct scatterlist *sg;
	u64 size = 0;
	int i;

	dma_resv_assert_held(bo->base.resv);
	if (bo->revoked)
		return -ENODEV;
	if (bo->sgt)
		return 0;
	sgt = dma_buf_map_attachment(bo->base.import_attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	bo->sgt = sgt;
	for_each_sgtable_dma_sg(sgt, sg, i)
		size += sg_dma_len(sg);
	if (size >= bo->base.size)
		return 0;
	import_unmap(bo);
	return -EREMOTEIO;
}

/* The next import that was not dealt with yet, with a reference. */
static struct gpupeer_bo *import_next(struct gpupeer_device *gdev)
{
	struct gpupeer_bo *bo, *found = NULL;
	bool dying;

	do {
		dying = false;
		mutex_lock(&gdev->bo_lock);
		list_for_each_entry(bo, &gdev->bos, link) {
			if (bo->flags != GPUPEER_BO_IMPORTED || bo->unplugged)
				continue;
			if (kref_get_unless_zero(&bo->base.refcount)) {
				bo->unplugged = true;
				found = bo;
				break;
			}
			dying = true;
		}
		mutex_unlock(&gdev->bo_lock);
		/* import_free() uses the DMA API, and then takes it off the list. */
		if (!found && dying)
			usleep_range(1000, 2000);
	} while (!found && dying);
	return found;
}

/**
 * gpupeer_imports_unplug() - detach from all dma-bufs
 * @gdev: device, unplugged and stopped.
 */
void gpupeer_imports_unplug(struct gpupeer_device *gdev)
{
	struct gpupeer_bo *bo;

	while ((bo = import_next(gdev))) {
		import_release(bo);
		drm_gem_object_put(&bo->base);
	}
}
