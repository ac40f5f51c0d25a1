// SPDX-License-Identifier: GPL-2.0
/*
 * GEM: the life of a buffer's object, and the ioctls on buffers.
 */
#include <linux/capability.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_vma_manager.h>

#include "dacc_device.h"

/* No file, mapping or dma-buf refers to it; CPU mappings still may. */
static void dacc_gem_end(struct dacc_bo *bo)
{
	struct drm_gem_object *obj = dacc_bo_gem(bo);
	struct dacc_device *dacc = to_dacc(obj->dev);

	dma_resv_lock(obj->resv, NULL);
	dacc_bo_unmap_dma(bo);
	if (bo->flags == DRM_DACC_BO_HOST)
		ttm_bo_unpin(&bo->tbo);
	dma_resv_unlock(obj->resv);

	if (bo->flags & DRM_DACC_BO_IMPORTED) {
		dacc_dmabuf_detach(bo);
		dacc_bo_untrack(dacc, bo);
		dma_buf_put(bo->dma_buf);
		drm_gem_object_release(obj);
		kfree(bo);
	} else {
		dacc_bo_untrack(dacc, bo);
		ttm_bo_fini(&bo->tbo);
	}
}

static void dacc_gem_free(struct drm_gem_object *obj)
{
	struct dacc_device *dacc = to_dacc(obj->dev);
	struct dacc_bo *bo = to_dacc_bo(obj);
	struct dacc_gem_hold *hold;
	bool held = false;

	spin_lock(&dacc->hold_lock);
	list_for_each_entry(hold, &dacc->holds, link) {
		if (hold->task == current) {
			list_add_tail(&bo->ended, &hold->ended);
			held = true;
			break;
		}
	}
	spin_unlock(&dacc->hold_lock);
	if (!held)
		dacc_gem_end(bo);
}

/**
 * dacc_gem_hold - put off the end of buffers
 * @dacc: device
 * @hold: on the caller's stack, until dacc_gem_unhold()
 *
 * drm_exec drops its references one by one, while it has other buffers locked still. A
 * buffer that was unmapped and closed meanwhile ends there, and its end waits for the
 * reservation lock, for an import for all that the exporter locks.
 */
void dacc_gem_hold(struct dacc_device *dacc, struct dacc_gem_hold *hold)
{
	hold->task = current;
	INIT_LIST_HEAD(&hold->ended);
	spin_lock(&dacc->hold_lock);
	list_add(&hold->link, &dacc->holds);
	spin_unlock(&dacc->hold_lock);
}

/**
 * dacc_gem_unhold - free what was put off
 * @dacc: device
 * @hold: from dacc_gem_hold(), by the same task, which has no buffer locked any more
 */
void dacc_gem_unhold(struct dacc_device *dacc, struct dacc_gem_hold *hold)
{
	struct dacc_bo *bo, *next;

	spin_lock(&dacc->hold_lock);
	list_del(&hold->link);
	spin_unlock(&dacc->hold_lock);
	list_for_each_entry_safe(bo, next, &hold->ended, ended)
		dacc_gem_end(bo);
}

static int dacc_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (to_dacc_bo(obj)->flags & DRM_DACC_BO_IMPORTED)
		return -EOPNOTSUPP;
	return drm_gem_ttm_mmap(obj, vma);
}

/* Moves take CPU mappings away. */
static const struct vm_operations_struct dacc_vm_ops = {
	.fault = dacc_sram_fault,
	.open = ttm_bo_vm_open,
	.close = ttm_bo_vm_close,
	.access = ttm_bo_vm_access,
};

const struct drm_gem_object_funcs dacc_gem_funcs = {
	.free = dacc_gem_free,
	.export = dacc_dmabuf_export,
	.mmap = dacc_gem_mmap,
	.vm_ops = &dacc_vm_ops,
};

/**
 * dacc_bo_create_ioctl - DRM_IOCTL_DACC_BO_CREATE
 * @drm: device
 * @data: struct drm_dacc_bo_create
 * @file: client
 *
 * Return: 0, -EACCES, -ENOENT, or another negative errno, see dacc_bo_new().
 */
int dacc_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	const u32 places = DRM_DACC_BO_SRAM | DRM_DACC_BO_HOST;
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_bo_create *args = data;
	struct dacc_device *dacc = to_dacc(drm);
	struct dacc_vm *vm = NULL;
	struct dacc_bo *bo;
	int idx, ret;

	if (!args->size || args->priority > DRM_DACC_PRIORITY_HIGH ||
	    !args->flags || args->flags & ~places)
		return -EINVAL;
	if (args->priority == DRM_DACC_PRIORITY_HIGH && !capable(CAP_SYS_NICE))
		return -EACCES;
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	if (args->vm) {
		vm = dacc_vm_find(priv, args->vm);
		ret = -ENOENT;
		if (!vm)
			goto out_exit;
	}
	/* SRAM is cleared, and keeps the device from being suspended. */
	ret = dacc_pm_get(dacc);
	if (ret)
		goto out_vm;
	bo = dacc_bo_new(priv->user, vm, args->size, args->flags, args->priority);
	args->available = 0;
	if (args->flags & DRM_DACC_BO_SRAM)
		args->available = dacc_bo_available(dacc, args->flags, args->priority, false);
	ret = PTR_ERR_OR_ZERO(bo);
	if (ret)
		goto out_pm;
	args->size = dacc_bo_gem(bo)->size;
	ret = drm_gem_handle_create(file, dacc_bo_gem(bo), &args->handle);
	drm_gem_object_put(dacc_bo_gem(bo));
out_pm:
	dacc_pm_put(dacc);
out_vm:
	if (vm)
		drm_gpuvm_put(&vm->gpuvm);
out_exit:
	drm_dev_exit(idx);
	return ret;
}

/**
 * dacc_bo_mmap_ioctl - DRM_IOCTL_DACC_BO_MMAP
 * @drm: device
 * @data: struct drm_dacc_bo_mmap
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, or -EOPNOTSUPP for an imported buffer.
 */
int dacc_bo_mmap_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_bo_mmap *args = data;
	struct drm_gem_object *obj;
	int ret = 0;

	if (args->pad)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	if (to_dacc_bo(obj)->flags & DRM_DACC_BO_IMPORTED)
		ret = -EOPNOTSUPP;
	else
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return ret;
}

/**
 * dacc_bo_info_ioctl - DRM_IOCTL_DACC_BO_INFO
 * @drm: device
 * @data: struct drm_dacc_bo_info
 * @file: client
 *
 * Return: 0, -ENOENT or -ERESTARTSYS.
 */
int dacc_bo_info_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_bo_info *args = data;
	struct drm_gem_object *obj;
	struct dacc_bo *bo;
	int ret;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	bo = to_dacc_bo(obj);
	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (ret)
		goto out_put;
	args->size = obj->size;
	args->flags = bo->flags;
	if (dacc_bo_in_sram(bo))
		args->flags |= DRM_DACC_BO_RESIDENT;
	if (bo->flags & DRM_DACC_BO_SRAM && bo->tbo.pin_count)
		args->flags |= DRM_DACC_BO_PINNED;
	if (bo->flags & DRM_DACC_BO_IMPORTED) {
		if (bo->revoked || bo->stale)
			args->flags |= DRM_DACC_BO_REVOKED;
		if (bo->peer)
			args->flags |= DRM_DACC_BO_PEER;
		if (bo->peer && bo->sgt && dacc_link_covers(to_dacc(drm), bo->sgt))
			args->flags |= DRM_DACC_BO_LINKED;
	}
	dma_resv_unlock(obj->resv);
out_put:
	drm_gem_object_put(obj);
	return ret;
}
