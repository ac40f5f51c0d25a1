// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of our own: memory, DMA addresses, and what becomes of them when the
 * device goes away under them.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/overflow.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>
#include <drm/ttm/ttm_placement.h>

#include "dacc_device.h"

/**
 * dacc_bo_track - enter a buffer into the device's list and counters
 * @dacc: device
 * @bo: buffer with its flags set
 */
void dacc_bo_track(struct dacc_device *dacc, struct dacc_bo *bo)
{
	mutex_lock(&dacc->bo_lock);
	list_add_tail(&bo->link, &dacc->bos);
	mutex_unlock(&dacc->bo_lock);

	if (bo->flags & DRM_DACC_BO_SRAM)
		atomic_inc(&dacc->num_bos.sram);
	else if (bo->flags & DRM_DACC_BO_HOST)
		atomic_inc(&dacc->num_bos.host);
	else
		atomic_inc(&dacc->num_bos.imported);
}

/**
 * dacc_bo_untrack - undo dacc_bo_track()
 * @dacc: device
 * @bo: buffer
 */
void dacc_bo_untrack(struct dacc_device *dacc, struct dacc_bo *bo)
{
	mutex_lock(&dacc->bo_lock);
	list_del(&bo->link);
	mutex_unlock(&dacc->bo_lock);

	if (bo->flags & DRM_DACC_BO_SRAM)
		atomic_dec(&dacc->num_bos.sram);
	else if (bo->flags & DRM_DACC_BO_HOST)
		atomic_dec(&dacc->num_bos.host);
	else
		atomic_dec(&dacc->num_bos.imported);
}

static void dacc_bo_destroy(struct ttm_buffer_object *tbo)
{
	struct dacc_bo *bo = container_of(tbo, struct dacc_bo, tbo);

	if (bo->charged)
		dacc_user_uncharge(bo->user, DRM_DACC_LIMIT_HOST_BYTES, bo->charged);
	dacc_user_put(bo->user);
	dacc_pm_idle(to_dacc(tbo->base.dev));
	drm_gem_object_release(&tbo->base);
	kfree(bo);
}

/* While a function-level reset is under way, writes to SRAM are lost. */
static int dacc_bo_zero_chunk(struct dacc_device *dacc, u64 offset, u64 size)
{
	int ret = 0;

	mutex_lock(&dacc->hw_lock);
	if (dacc->hw_up) {
		memset_io(dacc->sram + offset, 0, size);
		/* Reading back drains write-combining buffers and posted writes. */
		wmb();
		if (readl(dacc->sram + offset + size - 4))
			ret = -EIO;
	} else {
		ret = -EIO;
	}
	mutex_unlock(&dacc->hw_lock);
	return ret;
}

/* SRAM keeps what its last owner left there, across resets too. */
static int dacc_bo_zero_sram(struct dacc_device *dacc, struct dacc_bo *bo)
{
	u64 offset = dacc_bo_sram_offset(bo);
	u64 end = offset + dacc_bo_gem(bo)->size;
	int idx, ret = 0;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return -ENODEV;
	while (offset < end && !ret) {
		u64 chunk = min_t(u64, end - offset, SZ_256K);

		ret = dacc_bo_zero_chunk(dacc, offset, chunk);
		offset += chunk;
		cond_resched();
	}
	drm_dev_exit(idx);
	return ret;
}

static struct dacc_bo *dacc_bo_init(struct dacc_user *user, u64 size, u32 flags, u64 align)
{
	struct dacc_device *dacc = user->dacc;
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	struct ttm_placement placement;
	struct ttm_place place;
	struct dacc_bo *bo;
	int ret;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	if (flags & DRM_DACC_BO_HOST) {
		ret = dacc_user_charge(user, DRM_DACC_LIMIT_HOST_BYTES, size);
		if (ret) {
			kfree(bo);
			return ERR_PTR(ret);
		}
		bo->charged = size;
	}
	bo->user = dacc_user_get(user);
	bo->flags = flags;
	bo->tbo.base.funcs = &dacc_gem_funcs;
	drm_gem_private_object_init(&dacc->drm, &bo->tbo.base, size);
	dacc_ttm_placement(flags, &place, &placement);
	/* Frees the buffer if it fails; else returns with it reserved. */
	ret = ttm_bo_init_reserved(&dacc->ttm, &bo->tbo, ttm_bo_type_device, &placement,
				   align >> PAGE_SHIFT, &ctx, NULL, NULL, dacc_bo_destroy);
	if (ret)
		return ERR_PTR(ret);
	if (flags & DRM_DACC_BO_HOST)
		ret = ttm_bo_populate(&bo->tbo, &ctx);
	ttm_bo_pin(&bo->tbo);
	dma_resv_unlock(bo->tbo.base.resv);
	dacc_bo_track(dacc, bo);
	if (!ret && flags & DRM_DACC_BO_SRAM)
		ret = dacc_bo_zero_sram(dacc, bo);
	if (ret) {
		drm_gem_object_put(&bo->tbo.base);
		return ERR_PTR(ret);
	}
	return bo;
}

/**
 * dacc_bo_new - allocate a buffer that reads as zeros
 * @user: whose it will be
 * @size: bytes, not 0
 * @flags: DRM_DACC_BO_SRAM or DRM_DACC_BO_HOST
 *
 * Return: the buffer with one reference to its GEM object, or an error
 * pointer: -EINVAL if rounding @size up overflows, -ENOSPC if SRAM is full, -EDQUOT,
 * -EIO for SRAM of a device that is out of order or being reset, -ENOMEM,
 * -ENODEV, or -ERESTARTSYS.
 */
struct dacc_bo *dacc_bo_new(struct dacc_user *user, u64 size, u32 flags)
{
	u64 unit = flags & DRM_DACC_BO_SRAM ? DACC_SRAM_ALIGN : PAGE_SIZE;
	struct dacc_bo *bo;

	if (check_add_overflow(size, unit - 1, &size))
		return ERR_PTR(-EINVAL);
	size &= ~(unit - 1);

	if (flags & DRM_DACC_BO_HOST) {
		if (size >> PAGE_SHIFT > totalram_pages())
			return ERR_PTR(-ENOMEM);
		return dacc_bo_init(user, size, flags, PAGE_SIZE);
	}

	if (size > user->dacc->sram_size)
		return ERR_PTR(-ENOSPC);
	/* Try for 2 MiB leaves in the page table. */
	bo = ERR_PTR(-ENOMEM);
	if (size >= SZ_2M)
		bo = dacc_bo_init(user, size, flags, SZ_2M);
	if (bo == ERR_PTR(-ENOMEM) || bo == ERR_PTR(-ENOSPC))
		bo = dacc_bo_init(user, size, flags, unit);
	/* TTM says -ENOMEM when there is no room in a placement. */
	if (bo == ERR_PTR(-ENOMEM))
		bo = ERR_PTR(-ENOSPC);
	return bo;
}

/**
 * dacc_bo_pin - keep a buffer where it is
 * @bo: buffer of our own; its reservation lock is held
 *
 * Counted. SRAM is charged to the buffer's user.
 *
 * Return: 0 or -EDQUOT.
 */
int dacc_bo_pin(struct dacc_bo *bo)
{
	int ret = 0;

	dma_resv_assert_held(bo->tbo.base.resv);
	if (!bo->pins && bo->flags & DRM_DACC_BO_SRAM)
		ret = dacc_user_charge(bo->user, DRM_DACC_LIMIT_PINNED_BYTES,
				       dacc_bo_gem(bo)->size);
	if (!ret)
		bo->pins++;
	return ret;
}

/**
 * dacc_bo_unpin - undo dacc_bo_pin()
 * @bo: buffer; its reservation lock is held
 */
void dacc_bo_unpin(struct dacc_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);
	if (!--bo->pins && bo->flags & DRM_DACC_BO_SRAM)
		dacc_user_uncharge(bo->user, DRM_DACC_LIMIT_PINNED_BYTES,
				   dacc_bo_gem(bo)->size);
}

static int dacc_bo_map_host(struct dacc_bo *bo)
{
	struct drm_device *drm = bo->tbo.base.dev;
	struct ttm_tt *tt = bo->tbo.ttm;
	struct sg_table *sgt;
	int ret;

	sgt = drm_prime_pages_to_sg(drm, tt->pages, tt->num_pages);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	ret = dma_map_sgtable(drm->dev, sgt, DMA_BIDIRECTIONAL, 0);
	if (ret) {
		sg_free_table(sgt);
		kfree(sgt);
		return ret;
	}
	bo->sgt = sgt;
	return 0;
}

/**
 * dacc_bo_map_dma - make sure that a buffer has DMA addresses
 * @bo: buffer; its reservation lock is held
 *
 * SRAM needs none. The caller is inside drm_dev_enter().
 *
 * Return: 0; -EREMOTEIO for a peer's buffer that may not be reached or was
 * taken back; another negative errno.
 */
int dacc_bo_map_dma(struct dacc_bo *bo)
{
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);

	if (bo->revoked)
		return bo->flags & DRM_DACC_BO_IMPORTED ? -EREMOTEIO : -ENODEV;
	if (bo->sgt || bo->flags & DRM_DACC_BO_SRAM)
		return 0;
	if (!(bo->flags & DRM_DACC_BO_IMPORTED))
		return dacc_bo_map_host(bo);
	ret = dacc_dmabuf_map(bo);
	if (!ret)
		bo->stale = false;
	else if (ret == -EREMOTEIO && bo->stale)
		bo->revoked = true;
	return ret;
}

/**
 * dacc_bo_unmap_dma - give up a buffer's DMA addresses
 * @bo: buffer that no page table names any more; its reservation lock is held
 */
void dacc_bo_unmap_dma(struct dacc_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	if (!bo->sgt)
		return;
	if (bo->flags & DRM_DACC_BO_IMPORTED) {
		dacc_dmabuf_unmap(bo);
		return;
	}
	dma_unmap_sgtable(bo->tbo.base.dev->dev, bo->sgt, DMA_BIDIRECTIONAL, 0);
	sg_free_table(bo->sgt);
	kfree(bo->sgt);
	bo->sgt = NULL;
}

/* The next buffer that was not dealt with yet, with a reference. */
static struct dacc_bo *dacc_bo_next(struct dacc_device *dacc, struct list_head *done)
{
	struct dacc_bo *bo, *found;
	bool dying;

	do {
		found = NULL;
		dying = false;
		mutex_lock(&dacc->bo_lock);
		list_for_each_entry(bo, &dacc->bos, link) {
			if (kref_get_unless_zero(&bo->tbo.base.refcount)) {
				list_move_tail(&bo->link, done);
				found = bo;
				break;
			}
			dying = true;
		}
		mutex_unlock(&dacc->bo_lock);
		/* dacc_gem_free() unmaps it and takes it off the list. */
		if (!found && dying)
			usleep_range(1000, 2000);
	} while (!found && dying);
	return found;
}

/**
 * dacc_bo_unplug - take every buffer's DMA mappings away, in remove
 * @dacc: device after drm_dev_unplug(), with no page table left
 *
 * The DMA API may not be used once the driver is unbound, but buffers live on
 * with their files. Importers of our buffers are told to let go of them.
 */
void dacc_bo_unplug(struct dacc_device *dacc)
{
	struct dacc_bo *bo;
	LIST_HEAD(done);

	while ((bo = dacc_bo_next(dacc, &done))) {
		struct drm_gem_object *obj = dacc_bo_gem(bo);

		if (!(bo->flags & DRM_DACC_BO_IMPORTED))
			dacc_dmabuf_revoke(bo);
		dma_resv_lock(obj->resv, NULL);
		bo->revoked = true;
		dacc_bo_unmap_dma(bo);
		dma_resv_unlock(obj->resv);
		if (bo->flags & DRM_DACC_BO_IMPORTED)
			dacc_dmabuf_detach(bo);
		drm_gem_object_put(obj);
	}

	mutex_lock(&dacc->bo_lock);
	list_splice(&done, &dacc->bos);
	mutex_unlock(&dacc->bo_lock);
}
