// SPDX-License-Identifier: GPL-2.0
/*
 * Host memory. The pages stay allocated and mapped for the device as long as
 * the buffer lives, except that unplug takes the mapping away.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>

#include <drm/drm_prime.h>
#include <drm/drm_vma_manager.h>

#include "gpupeer.h"

/* Larger pieces make shorter lists for the device. */
#define SYS_ORDER	4

static int pages_alloc(struct page **pages, unsigned long n_pages)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO;
	unsigned long i = 0;

	while (i < n_pages) {
		unsigned int order = n_pages - i >= 1 << SYS_ORDER ? SYS_ORDER : 0;
		struct page *page = NULL;
		unsigned int j;

		if (fatal_signal_pending(current))
			return -EINTR;
		if (order)
			page = alloc_pages(gfp | __GFP_NOWARN | __GFP_NORETRY, order);
		if (page) {
			split_page(page, order);
		} else {
			order = 0;
			page = alloc_page(gfp | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
			if (!page)
				return -ENOMEM;
		}
		for (j = 0; j < 1 << order; j++)
			pages[i++] = page + j;
	}
	return 0;
}

/**
 * gpupeer_sys_alloc() - allocate a buffer's pages and map them for the device
 * @gdev: device, entered.
 * @bo: buffer; what is there after an error is freed with it.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_sys_alloc(struct gpupeer_device *gdev, struct gpupeer_bo *bo)
{
	unsigned long n_pages = bo->base.size >> PAGE_SHIFT;
	unsigned long available = max(si_mem_available(), 0);
	int ret;

	/* Not swappable, so leave the system room to work. */
	if (n_pages > available - available / 8)
		return -ENOSPC;

	bo->pages = kvcalloc(n_pages, sizeof(*bo->pages), GFP_KERNEL);
	if (!bo->pages)
		return -ENOMEM;
	atomic64_add(bo->base.size, &gdev->system_bytes);

	ret = pages_alloc(bo->pages, n_pages);
	if (ret)
		return ret;

	bo->sgt = gpupeer_sys_sg_table(bo);
	if (IS_ERR(bo->sgt)) {
		ret = PTR_ERR(bo->sgt);
		bo->sgt = NULL;
		return ret;
	}
	ret = dma_map_sgtable(&gdev->pdev->dev, bo->sgt, DMA_BIDIRECTIONAL, 0);
	if (ret)
		return ret;
	bo->mapped = true;
	return 0;
}

/**
 * gpupeer_sys_unmap() - undo the mapping for the device, if there is one
 * @gdev: device; no job uses the buffer.
 * @bo: buffer.
 */
void gpupeer_sys_unmap(struct gpupeer_device *gdev, struct gpupeer_bo *bo)
{
	if (!bo->mapped)
		return;
	dma_unmap_sgtable(&gdev->pdev->dev, bo->sgt, DMA_BIDIRECTIONAL, 0);
	bo->mapped = false;
}

/**
 * gpupeer_sys_free() - free a buffer's pages, if it has any
 * @gdev: device, possibly unplugged.
 * @bo: buffer, possibly half made, not mapped for the device.
 */
void gpupeer_sys_free(struct gpupeer_device *gdev, struct gpupeer_bo *bo)
{
	unsigned long i, n_pages = bo->base.size >> PAGE_SHIFT;

	if (!bo->pages)
		return;
	if (bo->sgt) {
		sg_free_table(bo->sgt);
		kfree(bo->sgt);
	}
	for (i = 0; i < n_pages && bo->pages[i]; i++)
		__free_page(bo->pages[i]);
	kvfree(bo->pages);
	atomic64_sub(bo->base.size, &gdev->system_bytes);
}

/**
 * gpupeer_sys_fault() - map a page
 * @vmf: fault.
 *
 * Return: VM_FAULT_NOPAGE or an error.
 */
vm_fault_t gpupeer_sys_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	unsigned long page = vmf->pgoff - drm_vma_node_start(&obj->vma_node);

	if (page >= obj->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(to_gpupeer_bo(obj)->pages[page]));
}

/**
 * gpupeer_sys_sg_table() - list a buffer's pages
 * @bo: buffer in host memory.
 *
 * Return: a new table, not mapped for any device, or an error.
 */
struct sg_table *gpupeer_sys_sg_table(struct gpupeer_bo *bo)
{
	return drm_prime_pages_to_sg(bo->base.dev, bo->pages, bo->base.size >> PAGE_SHIFT);
}

/**
 * gpupeer_sys_pieces() - list the bus addresses of a range
 * @bo: buffer in host memory, mapped for the device.
 * @offset: start of the range, which is inside of the buffer.
 * @len: bytes.
 * @sg: list to fill, or NULL to count only.
 *
 * Return: number of pieces.
 */
int gpupeer_sys_pieces(struct gpupeer_bo *bo, u64 offset, u64 len, struct gpupeer_sg *sg)
{
	struct scatterlist *s;
	int i, n = 0;

	for_each_sgtable_dma_sg(bo->sgt, s, i) {
		u64 size = sg_dma_len(s), part;

		if (offset >= size) {
			offset -= size;
			continue;
		}
		part = min(size - offset, len);
		if (sg) {
			sg[n].addr = sg_dma_address(s) + offset;
			sg[n].len = part;
		}
		n++;
		offset = 0;
		len -= part;
		if (!len)
			break;
	}
	return n;
}
