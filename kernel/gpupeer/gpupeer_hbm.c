// SPDX-License-Identifier: GPL-2.0
/* HBM: ranges of the device's memory, which the CPU sees through a BAR. */
#include <linux/mm.h>

#include <drm/drm_managed.h>
#include <drm/drm_vma_manager.h>

#include "gpupeer.h"

static void hbm_fini(struct drm_device *drm, void *unused)
{
	drm_mm_takedown(&to_gpupeer(drm)->hbm_mm);
}

/**
 * gpupeer_hbm_init() - set up the allocator
 * @gdev: device whose hbm_size is known.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_hbm_init(struct gpupeer_device *gdev)
{
	int ret;

	ret = drmm_mutex_init(&gdev->drm, &gdev->hbm_lock);
	if (ret)
		return ret;
	drm_mm_init(&gdev->hbm_mm, 0, gdev->hbm_size);
	return drmm_add_action_or_reset(&gdev->drm, hbm_fini, NULL);
}

/* While the function is reset, what is written would be lost. */
static int hbm_enter(struct gpupeer_device *gdev)
{
	int ret = down_read_killable(&gdev->reset_sem);

	while (!ret && gdev->away) {
		up_read(&gdev->reset_sem);
		ret = wait_event_killable(gdev->back, !READ_ONCE(gdev->away));
		if (!ret)
			ret = down_read_killable(&gdev->reset_sem);
	}
	return ret ? -EINTR : 0;
}

static int hbm_clear(struct gpupeer_device *gdev, const struct drm_mm_node *node)
{
	u64 offset;
	s64 resets;

	do {
		resets = atomic64_read(&gdev->n_resets);
		for (offset = 0; offset < node->size; offset += GPUPEER_HBM_GRANULE) {
			memset_io(gdev->hbm + node->start + offset, 0, GPUPEER_HBM_GRANULE);
			cond_resched();
		}
		/* The device may look at it as soon as a job is submitted. */
		wmb();
		/* All ones while a PCI error cuts the device off; writes are lost then. */
		if (readl(gdev->hbm + node->start + node->size - sizeof(u32)))
			return -EIO;
	} while (atomic64_read(&gdev->n_resets) != resets);
	return 0;
}

/**
 * gpupeer_hbm_alloc() - allocate HBM for a buffer and clear it
 * @gdev: device, entered.
 * @bo: buffer whose size is a multiple of GPUPEER_HBM_GRANULE.
 *
 * Return: 0, -ENOSPC, -EINTR, or -EIO if HBM does not answer.
 */
int gpupeer_hbm_alloc(struct gpupeer_device *gdev, struct gpupeer_bo *bo)
{
	int ret;

	mutex_lock(&gdev->hbm_lock);
	ret = drm_mm_insert_node_generic(&gdev->hbm_mm, &bo->node, bo->base.size,
					 GPUPEER_HBM_GRANULE, 0, DRM_MM_INSERT_BEST);
	if (!ret)
		gdev->hbm_used += bo->base.size;
	mutex_unlock(&gdev->hbm_lock);
	if (ret)
		return ret;

	/* Another client may have left its data there. */
	ret = hbm_enter(gdev);
	if (ret)
		return ret;
	ret = hbm_clear(gdev, &bo->node);
	up_read(&gdev->reset_sem);
	return ret;
}

/**
 * gpupeer_hbm_free() - free a buffer's HBM, if it has any
 * @gdev: device, possibly unplugged.
 * @bo: buffer.
 */
void gpupeer_hbm_free(struct gpupeer_device *gdev, struct gpupeer_bo *bo)
{
	mutex_lock(&gdev->hbm_lock);
	if (drm_mm_node_allocated(&bo->node)) {
		drm_mm_remove_node(&bo->node);
		gdev->hbm_used -= bo->base.size;
	}
	mutex_unlock(&gdev->hbm_lock);
}

/**
 * gpupeer_hbm_fault() - map the granule around a faulting address
 * @vmf: fault.
 *
 * Return: VM_FAULT_NOPAGE or an error.
 */
vm_fault_t gpupeer_hbm_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct drm_gem_object *obj = vma->vm_private_data;
	struct gpupeer_device *gdev = to_gpupeer(obj->dev);
	struct gpupeer_bo *bo = to_gpupeer_bo(obj);
	unsigned long base, first, last, page, pfn;
	vm_fault_t ret;

	page = vmf->pgoff - drm_vma_node_start(&obj->vma_node);
	if (page >= obj->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	pfn = PHYS_PFN(gdev->hbm_phys + bo->node.start);
	/* Address at which the buffer's first page would be. */
	base = (vmf->address & PAGE_MASK) - (page << PAGE_SHIFT);

	ret = vmf_insert_pfn(vma, base + (page << PAGE_SHIFT), pfn + page);
	if (ret != VM_FAULT_NOPAGE)
		return ret;

	/* Its neighbours are likely next; that they fail is no error. */
	first = round_down(page, GPUPEER_HBM_GRANULE >> PAGE_SHIFT);
	last = first + (GPUPEER_HBM_GRANULE >> PAGE_SHIFT);
	first = max(first, page - ((vmf->address & PAGE_MASK) - vma->vm_start) / PAGE_SIZE);
	last = min(last, page + (vma->vm_end - (vmf->address & PAGE_MASK)) / PAGE_SIZE);
	for (page = first; page < last; page++)
		if (vmf_insert_pfn(vma, base + (page << PAGE_SHIFT), pfn + page) != VM_FAULT_NOPAGE)
			break;
	return VM_FAULT_NOPAGE;
}
