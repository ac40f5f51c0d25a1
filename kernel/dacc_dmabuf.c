// SPDX-License-Identifier: GPL-2.0
/*
 * dma-buf: import with peer-to-peer access and revocation, export of host
 * buffers and, page-less, of SRAM.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "dacc_device.h"

#ifdef DACC_HAVE_P2PDMA_PROVIDER
#define PEER_HAVE_PROVIDER
#endif
#include "peer_map.h"

/*
 * How long an exporter that takes its buffer back is made to wait for jobs that
 * use it. Then the mapping goes, and those jobs fault.
 */
#define DACC_REVOKE_WAIT		msecs_to_jiffies(2000)

static const struct dma_buf_ops dacc_dmabuf_ops;

/* --- import --- */

/*
 * The exporter takes its memory back, to move it or for good; it holds the
 * reservation lock. What was mapped is a hole in the address spaces until the
 * next SUBMIT there, or VM_BIND, has asked the exporter for the new place. It may
 * call this while it is being asked: then there is nothing yet to give up.
 */
static void dacc_dmabuf_invalidate(struct dma_buf_attachment *attach)
{
	struct dacc_bo *bo = to_dacc_bo(attach->importer_priv);

	dma_resv_assert_held(attach->dmabuf->resv);
	if (!bo->sgt)
		return;
	bo->stale = true;
	dma_resv_wait_timeout(attach->dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      DACC_REVOKE_WAIT);
	dacc_vm_zap(bo);
	dacc_dmabuf_unmap(bo);
}

static const struct dma_buf_attach_ops dacc_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = dacc_dmabuf_invalidate,
};

/**
 * dacc_dmabuf_import - drm_driver.gem_prime_import
 * @drm: device
 * @dma_buf: buffer of another device, or one of our own
 *
 * Memory is mapped at the first VM_BIND, not here.
 *
 * Return: GEM object with a reference, or an error pointer: -EREMOTEIO if the
 * exporter does not let this device attach.
 */
struct drm_gem_object *dacc_dmabuf_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	struct dacc_device *dacc = to_dacc(drm);
	struct dma_buf_attachment *attach;
	struct drm_gem_object *obj;
	struct dacc_bo *bo;
	int idx, ret;

	if (dma_buf->ops == &dacc_dmabuf_ops) {
		obj = dma_buf->priv;
		if (obj->dev == drm) {
			drm_gem_object_get(obj);
			return obj;
		}
	}
	if (!PAGE_ALIGNED(dma_buf->size) || !dma_buf->size)
		return ERR_PTR(-EINVAL);

	bo = kzalloc(sizeof(*bo), GFP_KERNEL);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	obj = dacc_bo_gem(bo);
	bo->flags = DRM_DACC_BO_IMPORTED;
	bo->shared = true;
	obj->funcs = &dacc_gem_funcs;
	drm_gem_private_object_init(drm, obj, dma_buf->size);
	obj->resv = dma_buf->resv;

	if (!drm_dev_enter(drm, &idx)) {
		ret = -ENODEV;
		goto err_free;
	}
	/* The exporter may call back from here on: the object is complete. */
	attach = dma_buf_dynamic_attach(dma_buf, drm->dev, &dacc_attach_ops, obj);
	if (IS_ERR(attach)) {
		ret = PTR_ERR(attach);
		if (ret != -ENOMEM)
			ret = -EREMOTEIO;
		goto err_exit;
	}
	get_dma_buf(dma_buf);
	bo->dma_buf = dma_buf;
	obj->import_attach = attach;
	dacc_bo_track(dacc, bo);
	drm_dev_exit(idx);
	return obj;

err_exit:
	drm_dev_exit(idx);
err_free:
	drm_gem_object_release(obj);
	kfree(bo);
	return ERR_PTR(ret);
}

/**
 * dacc_dmabuf_detach - end the attachment of an imported buffer
 * @bo: buffer that is not mapped; may have been detached already
 */
void dacc_dmabuf_detach(struct dacc_bo *bo)
{
	struct drm_gem_object *obj = dacc_bo_gem(bo);

	if (!obj->import_attach)
		return;
	/* Address spaces may have it pinned when the driver is unbound. */
	dma_resv_lock(obj->resv, NULL);
	while (bo->pins)
		dacc_dmabuf_unpin_import(bo);
	dma_resv_unlock(obj->resv);
	dma_buf_detach(bo->dma_buf, obj->import_attach);
	obj->import_attach = NULL;
}

/* By these an exporter says that this device can't have the buffer, now or later. */
static bool dacc_dmabuf_is_refusal(int error)
{
	return error == -ENODEV || error == -EREMOTEIO || error == -EOPNOTSUPP || error == -EPERM;
}

/**
 * dacc_dmabuf_pin_import - ask an exporter not to move its buffer
 * @bo: imported buffer; its reservation lock is held
 *
 * Counted. The exporter may move it, and so take it back, while it is being asked.
 * What it can't promise is not to give it up when its device goes away.
 *
 * Return: 0, -EOPNOTSUPP if it can't, -ENODEV after unplug, or another error of the
 * exporter's.
 */
int dacc_dmabuf_pin_import(struct dacc_bo *bo)
{
	struct dma_buf_attachment *attach = dacc_bo_gem(bo)->import_attach;
	int ret;

	dma_resv_assert_held(dacc_bo_gem(bo)->resv);
	if (!attach)
		return -ENODEV;
	ret = dma_buf_pin(attach);
	if (ret)
		return dacc_dmabuf_is_refusal(ret) ? -EOPNOTSUPP : ret;
	bo->pins++;
	return 0;
}

/**
 * dacc_dmabuf_unpin_import - undo dacc_dmabuf_pin_import()
 * @bo: imported buffer; its reservation lock is held
 *
 * After dacc_dmabuf_detach() nothing is left to undo.
 */
void dacc_dmabuf_unpin_import(struct dacc_bo *bo)
{
	dma_resv_assert_held(dacc_bo_gem(bo)->resv);
	if (!bo->pins)
		return;
	dma_buf_unpin(dacc_bo_gem(bo)->import_attach);
	bo->pins--;
}

/*
 * Is it peer memory? Only the DMA address may be looked at: what else is in an
 * exporter's table is its own affair. All of a buffer is in one place, so the
 * first segment tells.
 */
static bool dacc_sgt_is_peer(struct dma_buf_attachment *attach, struct sg_table *sgt)
{
	struct iommu_domain *domain = peer_translated(attach->dev);
	phys_addr_t phys;

	if (!attach->peer2peer || !sgt->nents)
		return false;
	if (sg_dma_is_bus_address(sgt->sgl))
		return true;
	phys = sg_dma_address(sgt->sgl);
	if (domain) {
		phys = iommu_iova_to_phys(domain, phys);
		/* No address of the IOMMU's: one of the bus. */
		if (!phys)
			return true;
	}
	return !page_is_ram(PHYS_PFN(phys));
}

/**
 * dacc_dmabuf_map - get the DMA addresses of an imported buffer
 * @bo: buffer that is not mapped and not revoked; reservation lock is held
 *
 * Return: 0; -EREMOTEIO if this device may not reach the memory, or is not given it
 * any more; another error of the exporter's, which may not last.
 */
int dacc_dmabuf_map(struct dacc_bo *bo)
{
	struct dma_buf_attachment *attach = dacc_bo_gem(bo)->import_attach;
	struct scatterlist *sg;
	struct sg_table *sgt;
	u64 size = 0;
	int i;

	if (!attach)
		return -ENODEV;
	sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt)) {
		int ret = PTR_ERR(sgt);

		return dacc_dmabuf_is_refusal(ret) ? -EREMOTEIO : ret;
	}
	bo->sgt = sgt;
	bo->peer = dacc_sgt_is_peer(attach, sgt);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (!PAGE_ALIGNED(sg_dma_address(sg)) || !PAGE_ALIGNED(sg_dma_len(sg)))
			goto refuse;
		size += sg_dma_len(sg);
	}
	if (size < dacc_bo_gem(bo)->size || (bo->peer && !READ_ONCE(dacc_p2p)))
		goto refuse;
	if (bo->peer && peer_addr_faults(attach->dev, sg_dma_address(sgt->sgl))) {
		drm_info_once(dacc_bo_gem(bo)->dev,
			      "%s exports bus addresses, which the IOMMU of this virtual machine does not let pass: boot with iommu=pt\n",
			      bo->dma_buf->exp_name);
		goto refuse;
	}
	if (bo->peer)
		dacc_link_map(bo);
	return 0;

refuse:
	dacc_dmabuf_unmap(bo);
	bo->peer = false;
	return -EREMOTEIO;
}

/**
 * dacc_dmabuf_unmap - give the DMA addresses of an imported buffer back
 * @bo: mapped buffer that no page table names; reservation lock is held
 */
void dacc_dmabuf_unmap(struct dacc_bo *bo)
{
	if (bo->peer)
		dacc_link_unmap(bo);
	dma_buf_unmap_attachment(dacc_bo_gem(bo)->import_attach, bo->sgt, DMA_BIDIRECTIONAL);
	bo->sgt = NULL;
}

/* --- export --- */

/*
 * What an importer has to be, to get at SRAM: it can do without pages, can reach the
 * aperture over PCIe, and can let go of it. Host memory is for everyone.
 */
static int dacc_dmabuf_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)
{
	struct dacc_bo *bo = to_dacc_bo(dma_buf->priv);
	struct dacc_device *dacc = to_dacc(bo->tbo.base.dev);

	if (!(bo->flags & DRM_DACC_BO_SRAM))
		return 0;
	if (!dma_buf_attach_revocable(attach))
		return -EOPNOTSUPP;
	if (!READ_ONCE(dacc_p2p) || drm_dev_is_unplugged(&dacc->drm))
		return -EOPNOTSUPP;
	return peer_attach(dacc->pdev, attach, READ_ONCE(dacc_p2p_host_bridge)) ? 0 : -EOPNOTSUPP;
}

/*
 * Host memory stays where it is as long as the dma-buf lives. SRAM that is pinned is
 * not evicted, but it goes away when the driver is unbound: an importer that can't let
 * go of it can't have it.
 */
static int dacc_dmabuf_pin(struct dma_buf_attachment *attach)
{
	struct dacc_bo *bo = to_dacc_bo(attach->dmabuf->priv);

	dma_resv_assert_held(attach->dmabuf->resv);
	if (!(bo->flags & DRM_DACC_BO_SRAM))
		return 0;
	if (!dma_buf_attach_revocable(attach))
		return -EOPNOTSUPP;
	return bo->revoked ? -ENODEV : dacc_bo_pin(bo);
}

static void dacc_dmabuf_unpin(struct dma_buf_attachment *attach)
{
	struct dacc_bo *bo = to_dacc_bo(attach->dmabuf->priv);

	if (bo->flags & DRM_DACC_BO_SRAM)
		dacc_bo_unpin(bo);
}

static struct sg_table *dacc_dmabuf_map_host(struct dma_buf_attachment *attach,
					     struct dacc_bo *bo, enum dma_data_direction dir)
{
	struct ttm_tt *tt = bo->tbo.ttm;
	struct sg_table *sgt;
	int ret;

	if (drm_WARN_ON(bo->tbo.base.dev, !ttm_tt_is_populated(tt)))
		return ERR_PTR(-EIO);
	sgt = drm_prime_pages_to_sg(bo->tbo.base.dev, tt->pages, tt->num_pages);
	if (IS_ERR(sgt))
		return sgt;
	ret = dma_map_sgtable(attach->dev, sgt, dir, 0);
	if (ret) {
		sg_free_table(sgt);
		kfree(sgt);
		return ERR_PTR(ret);
	}
	return sgt;
}

/**
 * dacc_dmabuf_init - make SRAM exportable, in probe
 * @dacc: device
 *
 * Return: 0 or a negative errno.
 */
int dacc_dmabuf_init(struct dacc_device *dacc)
{
	return peer_init(dacc->pdev);
}

static struct sg_table *dacc_dmabuf_map_sram(struct dma_buf_attachment *attach,
					     struct dacc_bo *bo, enum dma_data_direction dir)
{
	struct dacc_device *dacc = to_dacc(bo->tbo.base.dev);

	return peer_map(dacc->pdev, DACC_BAR_SRAM, dacc_bo_sram_offset(bo),
			dacc_bo_gem(bo)->size, attach, dir);
}

static struct sg_table *dacc_dmabuf_map_dma_buf(struct dma_buf_attachment *attach,
						enum dma_data_direction dir)
{
	struct dacc_bo *bo = to_dacc_bo(attach->dmabuf->priv);
	struct sg_table *sgt;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (bo->flags == DRM_DACC_BO_HOST)
		return dacc_dmabuf_map_host(attach, bo, dir);
	if (bo->revoked)
		return ERR_PTR(-ENODEV);
	/* It stays where it is while it is mapped. */
	ret = dacc_bo_pin(bo);
	if (ret)
		return ERR_PTR(ret);
	if (!dacc_bo_in_sram(bo))
		sgt = dacc_dmabuf_map_host(attach, bo, dir);
	else if (attach->peer2peer)
		sgt = dacc_dmabuf_map_sram(attach, bo, dir);
	else
		sgt = ERR_PTR(-EOPNOTSUPP);
	if (IS_ERR(sgt))
		dacc_bo_unpin(bo);
	return sgt;
}

static void dacc_dmabuf_unmap_dma_buf(struct dma_buf_attachment *attach, struct sg_table *sgt,
				      enum dma_data_direction dir)
{
	struct dacc_bo *bo = to_dacc_bo(attach->dmabuf->priv);

	/* Pinned since it was mapped, over sleep and unplug too: it is where it was. */
	if (dacc_bo_in_sram(bo)) {
		peer_unmap(attach, sgt, dir);
	} else {
		dma_unmap_sgtable(attach->dev, sgt, dir, 0);
		sg_free_table(sgt);
		kfree(sgt);
	}
	if (bo->flags & DRM_DACC_BO_SRAM)
		dacc_bo_unpin(bo);
}

static void dacc_dmabuf_release(struct dma_buf *dma_buf)
{
	struct dacc_bo *bo = to_dacc_bo(dma_buf->priv);
	struct dacc_device *dacc = to_dacc(bo->tbo.base.dev);

	mutex_lock(&dacc->bo_lock);
	bo->exported = NULL;
	mutex_unlock(&dacc->bo_lock);
	drm_gem_dmabuf_release(dma_buf);
}

/**
 * dacc_dmabuf_revoke - make importers let go of a buffer of ours
 * @bo: buffer; its reservation lock is not held
 *
 * Its GEM object may know no dma-buf any more, its handles being closed, while
 * importers still have one. Later attempts to map SRAM fail.
 */
void dacc_dmabuf_revoke(struct dacc_bo *bo)
{
	struct drm_gem_object *obj = dacc_bo_gem(bo);
	struct dacc_device *dacc = to_dacc(obj->dev);
	struct dma_buf *dma_buf;
	struct file *file = NULL;

	mutex_lock(&dacc->bo_lock);
	dma_buf = bo->exported;
	/* One that is ending has no importer, and stays until it has the lock. */
	if (dma_buf)
		file = get_file_active(&dma_buf->file);
	mutex_unlock(&dacc->bo_lock);

	dma_resv_lock(obj->resv, NULL);
	bo->revoked = true;
	if (file)
		dma_buf_invalidate_mappings(dma_buf);
	dma_resv_unlock(obj->resv);
	if (file) {
		/* An importer may unmap behind its fences. */
		dma_resv_wait_timeout(obj->resv, DMA_RESV_USAGE_BOOKKEEP, false,
				      DACC_REVOKE_WAIT);
		fput(file);
	}
}

static const struct dma_buf_ops dacc_dmabuf_ops = {
	.attach = dacc_dmabuf_attach,
	.pin = dacc_dmabuf_pin,
	.unpin = dacc_dmabuf_unpin,
	.map_dma_buf = dacc_dmabuf_map_dma_buf,
	.unmap_dma_buf = dacc_dmabuf_unmap_dma_buf,
	.release = dacc_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
};

/*
 * Jobs that were submitted while the buffer was nobody else's have fences that only
 * moves wait for. They may write it: importers are to wait for them, too. This never
 * needs room, for it takes the place of the same fence.
 */
static void dacc_dmabuf_show_jobs(struct dma_resv *resv)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_assert_held(resv);
	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (dma_resv_iter_usage(&cursor) == DMA_RESV_USAGE_BOOKKEEP)
			dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_WRITE);
	}
}

/**
 * dacc_dmabuf_export - drm_gem_object_funcs.export
 * @obj: buffer of our own
 * @flags: of the file
 *
 * From now on jobs of address spaces that have it bound leave fences in it that
 * importers wait for; those of jobs in flight turn into such.
 *
 * Return: dma-buf or an error pointer.
 */
struct dma_buf *dacc_dmabuf_export(struct drm_gem_object *obj, int flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dacc_device *dacc = to_dacc(obj->dev);
	struct dacc_bo *bo = to_dacc_bo(obj);
	struct drm_gpuvm_bo *vm_bo;
	struct dma_buf *dma_buf;

	/* Private to an address space: its fences are nobody else's. */
	if (bo->root)
		return ERR_PTR(-EINVAL);
	info.exp_name = obj->dev->driver->name;
	info.owner = THIS_MODULE;
	info.ops = &dacc_dmabuf_ops;
	info.size = obj->size;
	info.flags = flags;
	info.priv = obj;
	info.resv = obj->resv;

	dma_resv_lock(obj->resv, NULL);
	dacc_dmabuf_show_jobs(obj->resv);
	bo->shared = true;
	drm_gem_for_each_gpuvm_bo(vm_bo, obj)
		drm_gpuvm_bo_extobj_add(vm_bo);
	dma_resv_unlock(obj->resv);

	dma_buf = drm_gem_dmabuf_export(obj->dev, &info);
	if (!IS_ERR(dma_buf)) {
		mutex_lock(&dacc->bo_lock);
		bo->exported = dma_buf;
		mutex_unlock(&dacc->bo_lock);
	}
	return dma_buf;
}
