// SPDX-License-Identifier: GPL-2.0
/*
 * Export as dma-buf. HBM goes out as bus addresses without pages, only to
 * importers that can do peer-to-peer access and that can be told to stop.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "gpupeer.h"
#include "gpupeer_compat.h"
#include "../peer_map.h"

/* How long revocation waits for importers' work that was already under way. */
#define REVOKE_TIMEOUT		(5 * HZ)

/* Who attaches is told by the flag, or when mapping, that it cannot have HBM. */
static int hbm_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct gpupeer_device *gdev = to_gpupeer(((struct drm_gem_object *)dmabuf->priv)->dev);

	if (drm_dev_is_unplugged(&gdev->drm))
		return -ENODEV;
	if (!READ_ONCE(gpupeer_p2p))
		attach->peer2peer = false;
	peer_attach(gdev->pdev, attach, READ_ONCE(gpupeer_p2p_host_bridge));
	return 0;
}

static int hbm_may_map(struct dma_buf_attachment *attach)
{
	struct gpupeer_bo *bo = to_gpupeer_bo(attach->dmabuf->priv);

	dma_resv_assert_held(bo->base.resv);
	if (bo->revoked || drm_dev_is_unplugged(bo->base.dev))
		return -ENODEV;
	if (!attach->peer2peer || !READ_ONCE(gpupeer_p2p))
		return -EOPNOTSUPP;
	return 0;
}

static int hbm_pin(struct dma_buf_attachment *attach)
{
	struct gpupeer_bo *bo = to_gpupeer_bo(attach->dmabuf->priv);
	int ret = hbm_may_map(attach);

	if (ret)
		return ret;
	/* It is taken back when the device goes away: who can't let go can't have it. */
	if (!dma_buf_attach_revocable(attach) || !READ_ONCE(gpupeer_pin))
		return -EOPNOTSUPP;
	/* HBM never moves; the count only shows that importers behave. */
	bo->n_pins++;
	atomic_inc(&to_gpupeer(bo->base.dev)->n_pins);
	return 0;
}

static void hbm_unpin(struct dma_buf_attachment *attach)
{
	struct gpupeer_bo *bo = to_gpupeer_bo(attach->dmabuf->priv);

	dma_resv_assert_held(bo->base.resv);
	bo->n_pins--;
	atomic_dec(&to_gpupeer(bo->base.dev)->n_pins);
}

static void hbm_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		      enum dma_data_direction dir)
{
	peer_unmap(attach, sgt, dir);
	atomic_dec(&to_gpupeer(to_gpupeer_bo(attach->dmabuf->priv)->base.dev)->n_mappings);
}

static struct sg_table *hbm_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	struct gpupeer_bo *bo = to_gpupeer_bo(attach->dmabuf->priv);
	struct gpupeer_device *gdev = to_gpupeer(bo->base.dev);
	struct sg_table *sgt;
	int ret;

	ret = hbm_may_map(attach);
	if (ret)
		return ERR_PTR(ret);
	sgt = peer_map(gdev->pdev, GPUPEER_BAR_HBM, bo->node.start, bo->base.size, attach, dir);
	if (!IS_ERR(sgt))
		atomic_inc(&gdev->n_mappings);
	return sgt;
}

static void dmabuf_release(struct dma_buf *dmabuf)
{
	struct gpupeer_bo *bo = to_gpupeer_bo(dmabuf->priv);
	struct gpupeer_device *gdev = to_gpupeer(bo->base.dev);

	mutex_lock(&gdev->bo_lock);
	bo->dmabuf = NULL;
	gdev->n_exports--;
	mutex_unlock(&gdev->bo_lock);
	drm_gem_dmabuf_release(dmabuf);
}

static const struct dma_buf_ops hbm_dmabuf_ops = {
	.attach = hbm_attach,
	.pin = hbm_pin,
	.unpin = hbm_unpin,
	.map_dma_buf = hbm_map,
	.unmap_dma_buf = hbm_unmap,
	.mmap = drm_gem_dmabuf_mmap,
	.release = dmabuf_release,
};

static const struct dma_buf_ops sys_dmabuf_ops = {
	.attach = drm_gem_map_attach,
	.detach = drm_gem_map_detach,
	.map_dma_buf = drm_gem_map_dma_buf,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
	.mmap = drm_gem_dmabuf_mmap,
	.release = dmabuf_release,
};

/**
 * gpupeer_dmabuf_export() - export a buffer
 * @obj: GEM object.
 * @flags: DRM_CLOEXEC and DRM_RDWR.
 *
 * Return: a dma-buf or an error.
 */
struct dma_buf *gpupeer_dmabuf_export(struct drm_gem_object *obj, int flags)
{
	struct gpupeer_device *gdev = to_gpupeer(obj->dev);
	struct gpupeer_bo *bo = to_gpupeer_bo(obj);
	struct dma_buf_export_info info = {
		.exp_name = KBUILD_MODNAME,
		.owner = THIS_MODULE,
		.ops = bo->flags & DRM_GPUPEER_BO_HBM ? &hbm_dmabuf_ops : &sys_dmabuf_ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};
	struct dma_buf *dmabuf;

	dmabuf = drm_gem_dmabuf_export(obj->dev, &info);
	if (IS_ERR(dmabuf))
		return dmabuf;

	mutex_lock(&gdev->bo_lock);
	bo->dmabuf = dmabuf;
	gdev->n_exports++;
	mutex_unlock(&gdev->bo_lock);
	return dmabuf;
}

/**
 * gpupeer_dmabuf_init() - make HBM exportable, in probe
 * @gdev: device.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_dmabuf_init(struct gpupeer_device *gdev)
{
	return peer_init(gdev->pdev);
}

/**
 * gpupeer_dmabuf_import() - drm_driver.gem_prime_import
 * @drm: device.
 * @dmabuf: dma-buf, of another device, another file, or this one.
 *
 * Return: a GEM object with a reference, or an error.
 */
struct drm_gem_object *gpupeer_dmabuf_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct drm_gem_object *obj = dmabuf->priv;
	int idx;

	if ((dmabuf->ops == &hbm_dmabuf_ops || dmabuf->ops == &sys_dmabuf_ops) &&
	    obj->dev == drm) {
		drm_gem_object_get(obj);
		return obj;
	}
	if (!drm_dev_enter(drm, &idx))
		return ERR_PTR(-ENODEV);
	obj = gpupeer_import(to_gpupeer(drm), dmabuf);
	drm_dev_exit(idx);
	return obj;
}

static void revoke(struct gpupeer_device *gdev, struct gpupeer_bo *bo, struct dma_buf *dmabuf)
{
	struct dma_resv *resv = bo->base.resv;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	long left = REVOKE_TIMEOUT;

	dma_resv_lock(resv, NULL);
	WRITE_ONCE(bo->revoked, true);
	dma_buf_invalidate_mappings(dmabuf);

	/* Importers' work that is under way has fences here, beside our own. */
	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (gpupeer_fence_is_ours(fence))
			continue;
		left = dma_fence_wait_timeout(fence, false, left);
		if (left <= 0) {
			drm_warn(&gdev->drm, "work on a revoked buffer did not end in time\n");
			break;
		}
	}
	dma_resv_unlock(resv);
}

/**
 * gpupeer_dmabuf_revoke() - make importers let go of HBM
 * @gdev: device.
 * @ino: inode number of a dma-buf, or 0 for all buffers.
 *
 * They are told to stop; from then on they cannot map the buffer: -ENODEV. The
 * owner keeps it.
 *
 * Return: number of buffers that were revoked.
 */
unsigned int gpupeer_dmabuf_revoke(struct gpupeer_device *gdev, unsigned long ino)
{
	unsigned int n = 0;

	for (;;) {
		struct gpupeer_bo *bo, *found = NULL;
		struct file *file = NULL;

		mutex_lock(&gdev->bo_lock);
		list_for_each_entry(bo, &gdev->bos, link) {
			if (!(bo->flags & DRM_GPUPEER_BO_HBM) || !bo->dmabuf ||
			    READ_ONCE(bo->revoked))
				continue;
			if (ino && file_inode(bo->dmabuf->file)->i_ino != ino)
				continue;
			/* It may be on its way to dmabuf_release(). */
			file = get_file_active(&bo->dmabuf->file);
			if (file) {
				found = bo;
				break;
			}
		}
		mutex_unlock(&gdev->bo_lock);
		if (!found)
			return n;

		/* The dma-buf holds a reference on the buffer. */
		revoke(gdev, found, file->private_data);
		fput(file);
		n++;
	}
}
