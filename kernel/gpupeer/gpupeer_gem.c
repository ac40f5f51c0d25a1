// SPDX-License-Identifier: GPL-2.0
/* Buffers: what HBM and host memory have in common. */
#include <linux/mm.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>

#include "gpupeer.h"

static void bo_free(struct drm_gem_object *obj)
{
	struct gpupeer_device *gdev = to_gpupeer(obj->dev);
	struct gpupeer_bo *bo = to_gpupeer_bo(obj);

	drm_WARN_ON(obj->dev, bo->n_pins);

	/* Either this or unplug takes the device's mapping away. */
	mutex_lock(&gdev->bo_lock);
	gpupeer_sys_unmap(gdev, bo);
	if (!list_empty(&bo->link)) {
		list_del(&bo->link);
		gdev->n_bos--;
	}
	mutex_unlock(&gdev->bo_lock);

	if (bo->flags & DRM_GPUPEER_BO_HBM)
		gpupeer_hbm_free(gdev, bo);
	else
		gpupeer_sys_free(gdev, bo);
	drm_gem_object_release(obj);
	kfree(bo);
}

static int bo_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct gpupeer_bo *bo = to_gpupeer_bo(obj);

	/* The pages are not refcounted, so a private copy cannot be made. */
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	if (bo->flags & DRM_GPUPEER_BO_HBM) {
		vm_flags_set(vma, VM_IO);
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	}
	return 0;
}

static vm_fault_t bo_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	vm_fault_t ret;
	int idx;

	if (!drm_dev_enter(obj->dev, &idx))
		return VM_FAULT_SIGBUS;
	if (to_gpupeer_bo(obj)->flags & DRM_GPUPEER_BO_HBM)
		ret = gpupeer_hbm_fault(vmf);
	else
		ret = gpupeer_sys_fault(vmf);
	drm_dev_exit(idx);
	return ret;
}

static struct sg_table *bo_get_sg_table(struct drm_gem_object *obj)
{
	return gpupeer_sys_sg_table(to_gpupeer_bo(obj));
}

static const struct vm_operations_struct bo_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.fault = bo_fault,
};

static const struct drm_gem_object_funcs hbm_funcs = {
	.free = bo_free,
	.mmap = bo_mmap,
	.export = gpupeer_dmabuf_export,
	.vm_ops = &bo_vm_ops,
};

static const struct drm_gem_object_funcs sys_funcs = {
	.free = bo_free,
	.mmap = bo_mmap,
	.export = gpupeer_dmabuf_export,
	.get_sg_table = bo_get_sg_table,
	.vm_ops = &bo_vm_ops,
};

static struct gpupeer_bo *bo_create(struct gpupeer_device *gdev, u64 size, u32 flags)
{
	bool hbm = flags & DRM_GPUPEER_BO_HBM;
	u64 limit = hbm ? gdev->hbm_size : (u64)totalram_pages() << PAGE_SHIFT;
	struct gpupeer_bo *bo;
	int ret;

	/* Checked before it is rounded up, which could overflow. */
	if (size > limit)
		return ERR_PTR(-ENOSPC);
	size = ALIGN(size, hbm ? GPUPEER_HBM_GRANULE : PAGE_SIZE);

	bo = kzalloc(sizeof(*bo), GFP_KERNEL);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->flags = flags;
	INIT_LIST_HEAD(&bo->link);
	bo->base.funcs = hbm ? &hbm_funcs : &sys_funcs;
	drm_gem_private_object_init(&gdev->drm, &bo->base, size);

	ret = hbm ? gpupeer_hbm_alloc(gdev, bo) : gpupeer_sys_alloc(gdev, bo);
	if (ret)
		goto err_put;
	ret = drm_gem_create_mmap_offset(&bo->base);
	if (ret)
		goto err_put;

	mutex_lock(&gdev->bo_lock);
	list_add_tail(&bo->link, &gdev->bos);
	gdev->n_bos++;
	mutex_unlock(&gdev->bo_lock);
	return bo;

err_put:
	drm_gem_object_put(&bo->base);
	return ERR_PTR(ret);
}

/**
 * gpupeer_bo_create_ioctl() - DRM_IOCTL_GPUPEER_BO_CREATE
 * @drm: device.
 * @data: struct drm_gpupeer_bo_create.
 * @file: file.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct gpupeer_device *gdev = to_gpupeer(drm);
	struct drm_gpupeer_bo_create *args = data;
	struct gpupeer_bo *bo;
	int ret, idx;

	if (!args->size)
		return -EINVAL;
	if (args->flags != DRM_GPUPEER_BO_HBM && args->flags != DRM_GPUPEER_BO_SYSTEM)
		return -EINVAL;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	bo = bo_create(gdev, args->size, args->flags);
	drm_dev_exit(idx);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = drm_gem_handle_create(file, &bo->base, &args->handle);
	if (!ret)
		args->size = bo->base.size;
	/* The handle holds its own reference. */
	drm_gem_object_put(&bo->base);
	return ret;
}

/**
 * gpupeer_bo_mmap_ioctl() - DRM_IOCTL_GPUPEER_BO_MMAP
 * @drm: device.
 * @data: struct drm_gpupeer_bo_mmap.
 * @file: file.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_bo_mmap_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_gpupeer_bo_mmap *args = data;
	struct drm_gem_object *obj;

	if (args->pad)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return 0;
}

/**
 * gpupeer_bo_lookup() - find a buffer of a file
 * @file: file.
 * @handle: GEM handle.
 * @flags: kind that it must have, or 0 for any.
 *
 * Return: a buffer with a reference, -ENOENT for an unknown handle, or -EINVAL
 * for a buffer of the other kind.
 */
struct gpupeer_bo *gpupeer_bo_lookup(struct drm_file *file, u32 handle, u32 flags)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, handle);

	if (!obj)
		return ERR_PTR(-ENOENT);
	if (flags && to_gpupeer_bo(obj)->flags != flags) {
		drm_gem_object_put(obj);
		return ERR_PTR(-EINVAL);
	}
	return to_gpupeer_bo(obj);
}

/**
 * gpupeer_bos_unplug() - take the device away from all buffers
 * @gdev: device, unplugged and stopped.
 *
 * The buffers themselves live on until their last reference goes.
 */
void gpupeer_bos_unplug(struct gpupeer_device *gdev)
{
	struct gpupeer_bo *bo;

	gpupeer_dmabuf_revoke(gdev, 0);
	gpupeer_imports_unplug(gdev);

	mutex_lock(&gdev->bo_lock);
	list_for_each_entry(bo, &gdev->bos, link)
		gpupeer_sys_unmap(gdev, bo);
	mutex_unlock(&gdev->bo_lock);
}
