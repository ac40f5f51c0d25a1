// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbell pages of user queues, mapped into clients by a fault handler: it puts
 * in the hardware's page while the queue takes jobs, and a page of zeros that
 * nobody else sees once it does not. Taking the page away is removing the
 * mapping's entries; the next access comes here again. So do CPU mappings of SRAM
 * while its BAR does not answer.
 */
#include <linux/mm.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>

#include "dacc_device.h"

/*
 * Above what the GEM offset manager gives out (2^40 and a bit), and below 2^44, where
 * mmap2() of 32-bit processes ends.
 */
#define DACC_DOORBELL_OFFSET		BIT_ULL(43)
#define DACC_DOORBELL_HWQ_SHIFT		(PAGE_SHIFT + DACC_QUEUE_ID_BITS)
/* How long the critical path waits for mappings to go. */
#define DACC_DOORBELL_TIMEOUT		(2 * HZ)
/* A fault during a reset comes back so often, so that signals are seen. */
#define DACC_DOORBELL_RETRY		max(HZ / 50, 1)

/**
 * dacc_doorbell_offset - where a user queue's doorbell page is mapped from
 * @queue: user queue with an id and a hardware queue
 *
 * Return: offset for mmap(). The id is looked up in the file that maps it; the
 * hardware queue makes offsets of queues that exist at a time differ over files.
 */
u64 dacc_doorbell_offset(struct dacc_queue *queue)
{
	BUILD_BUG_ON((u64)DACC_MAX_QUEUES << DACC_DOORBELL_HWQ_SHIFT > DACC_DOORBELL_OFFSET);
	BUILD_BUG_ON((u64)DRM_FILE_PAGE_OFFSET_START + DRM_FILE_PAGE_OFFSET_SIZE >
		     DACC_DOORBELL_OFFSET >> PAGE_SHIFT);
	return DACC_DOORBELL_OFFSET | (u64)queue->hwq << DACC_DOORBELL_HWQ_SHIFT |
	       (u64)queue->id << PAGE_SHIFT;
}

static vm_fault_t dacc_doorbell_insert(struct vm_fault *vmf, struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;
	struct vm_area_struct *vma = vmf->vma;
	resource_size_t base = pci_resource_start(dacc->pdev, DACC_BAR_DOORBELL);
	unsigned long pfn = (base + queue->hwq * DACC_DOORBELL_STRIDE) >> PAGE_SHIFT;

	return vmf_insert_pfn_prot(vma, vma->vm_start, pfn, pgprot_noncached(vma->vm_page_prot));
}

static vm_fault_t dacc_doorbell_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct dacc_queue *queue = vma->vm_private_data;
	struct dacc_device *dacc = queue->dacc;
	bool held = false, real = false;
	vm_fault_t ret = VM_FAULT_NOPAGE;
	int idx;

	if (drm_dev_enter(&dacc->drm, &idx)) {
		/* Whoever zaps has first changed, under this lock, what is looked at here. */
		mutex_lock(&dacc->doorbell_lock);
		held = READ_ONCE(dacc->doorbell_held);
		real = dacc_userq_takes_jobs(queue);
		if (real && !held)
			ret = dacc_doorbell_insert(vmf, queue);
		mutex_unlock(&dacc->doorbell_lock);
		drm_dev_exit(idx);
	}
	if (!real)
		return vmf_insert_pfn_prot(vma, vma->vm_start,
					   page_to_pfn(dacc_userq_dummy(queue)),
					   vma->vm_page_prot);
	/* A write that went nowhere now would be missed after the reset. */
	if (held)
		wait_event_killable_timeout(dacc->doorbell_wait, !READ_ONCE(dacc->doorbell_held),
					    DACC_DOORBELL_RETRY);
	return ret;
}

static void dacc_doorbell_open(struct vm_area_struct *vma)
{
	struct dacc_queue *queue = vma->vm_private_data;

	kref_get(&queue->ref);
}

static void dacc_doorbell_close(struct vm_area_struct *vma)
{
	dacc_queue_put(vma->vm_private_data);
}

static int dacc_doorbell_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

static const struct vm_operations_struct dacc_doorbell_ops = {
	.open = dacc_doorbell_open,
	.close = dacc_doorbell_close,
	.may_split = dacc_doorbell_may_split,
	.fault = dacc_doorbell_fault,
};

static int dacc_doorbell_mmap(struct drm_file *file, struct vm_area_struct *vma)
{
	u32 id = (vma->vm_pgoff << PAGE_SHIFT & (BIT_ULL(DACC_DOORBELL_HWQ_SHIFT) - 1)) >>
		 PAGE_SHIFT;
	struct dacc_queue *queue;

	if (vma->vm_end - vma->vm_start != PAGE_SIZE || !(vma->vm_flags & VM_SHARED) ||
	    vma->vm_flags & VM_EXEC)
		return -EINVAL;
	queue = dacc_queue_get(file->driver_priv, id);
	if (!queue)
		return -EINVAL;
	if (!queue->user || dacc_doorbell_offset(queue) != (u64)vma->vm_pgoff << PAGE_SHIFT) {
		dacc_queue_put(queue);
		return -EINVAL;
	}
	/* A child after fork() is no producer of this queue: it inherits nothing. */
	vm_flags_mod(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY,
		     VM_MAYEXEC);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	vma->vm_private_data = queue;
	vma->vm_ops = &dacc_doorbell_ops;
	return 0;
}

/**
 * dacc_mmap - file_operations.mmap
 * @filp: client's file
 * @vma: mapping: of a buffer, or of a doorbell page of one of its queues
 *
 * Return: 0 or a negative errno.
 */
int dacc_mmap(struct file *filp, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff >= DACC_DOORBELL_OFFSET >> PAGE_SHIFT)
		return dacc_doorbell_mmap(filp->private_data, vma);
	return drm_gem_mmap(filp, vma);
}

/**
 * dacc_doorbell_revoke_queue - take a queue's doorbell page away
 * @queue: user queue that no longer takes jobs
 *
 * On return no mapping leads to the hardware queue's page. Not on the way to
 * signalling a fence, and not under hw_lock: removing mappings calls MMU
 * notifiers, which may wait for other drivers' fences.
 */
void dacc_doorbell_revoke_queue(struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;

	/* A fault that has seen the queue well is over after this. */
	mutex_lock(&dacc->doorbell_lock);
	mutex_unlock(&dacc->doorbell_lock);
	unmap_mapping_range(dacc->drm.anon_inode->i_mapping, dacc_doorbell_offset(queue),
			    PAGE_SIZE, 1);
}

/**
 * dacc_sram_fault - fault on a CPU mapping of a buffer
 * @vmf: fault
 *
 * As ttm_bo_vm_fault(), which finds the buffer wherever it is and gives zero pages once
 * the device is unplugged. But whoever touches SRAM waits while its BAR does not
 * answer: stores would be lost, and loads would be ones.
 *
 * Return: VM_FAULT_NOPAGE, VM_FAULT_RETRY or an error.
 */
vm_fault_t dacc_sram_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct ttm_buffer_object *tbo = vma->vm_private_data;
	struct dacc_device *dacc = to_dacc(tbo->base.dev);
	bool held = false;
	vm_fault_t ret;
	int idx;

	ret = ttm_bo_vm_reserve(tbo, vmf);
	if (ret)
		return ret;
	if (drm_dev_enter(&dacc->drm, &idx)) {
		down_read(&dacc->sram_lock);
		held = READ_ONCE(dacc->sram_held) && tbo->resource &&
		       tbo->resource->mem_type == TTM_PL_VRAM;
		if (!held)
			ret = ttm_bo_vm_fault_reserved(vmf, vma->vm_page_prot,
						       TTM_BO_VM_NUM_PREFAULT);
		up_read(&dacc->sram_lock);
		drm_dev_exit(idx);
	} else {
		ret = ttm_bo_vm_dummy_page(vmf, vma->vm_page_prot);
	}
	if (ret == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return ret;
	dma_resv_unlock(tbo->base.resv);
	if (!held)
		return ret;
	wait_event_killable_timeout(dacc->doorbell_wait, !READ_ONCE(dacc->sram_held),
				    DACC_DOORBELL_RETRY);
	return VM_FAULT_NOPAGE;
}

static void dacc_doorbell_work(struct work_struct *work)
{
	struct dacc_device *dacc = container_of(work, struct dacc_device, doorbell_work);
	u32 asked = READ_ONCE(dacc->doorbell_asked);

	/* A fault that has seen doorbell_held false is over after this. */
	mutex_lock(&dacc->doorbell_lock);
	mutex_unlock(&dacc->doorbell_lock);
	unmap_mapping_range(dacc->drm.anon_inode->i_mapping, DACC_DOORBELL_OFFSET, 0, 1);
	if (READ_ONCE(dacc->sram_held)) {
		down_write(&dacc->sram_lock);
		up_write(&dacc->sram_lock);
		/* Host memory too: it is found again. */
		unmap_mapping_range(dacc->drm.anon_inode->i_mapping, 0, DACC_DOORBELL_OFFSET, 1);
	}
	WRITE_ONCE(dacc->doorbell_done, asked);
	wake_up_all(&dacc->doorbell_wait);
}

static bool dacc_doorbell_wait_for_work(struct dacc_device *dacc)
{
	u32 asked = dacc->doorbell_asked + 1;

	lockdep_assert_held(&dacc->hw_lock);
	WRITE_ONCE(dacc->doorbell_asked, asked);
	queue_work(dacc->wq, &dacc->doorbell_work);
	return wait_event_timeout(dacc->doorbell_wait, READ_ONCE(dacc->doorbell_done) == asked,
				  DACC_DOORBELL_TIMEOUT);
}

/**
 * dacc_sram_revoke - take CPU mappings of SRAM away until dacc_doorbell_restore()
 * @dacc: device; its hw_lock is held
 *
 * Before its BARs stop to answer. A worker's work as well, and not waited for without
 * end: if it takes too long, nothing is left but to go on.
 */
void dacc_sram_revoke(struct dacc_device *dacc)
{
	lockdep_assert_held(&dacc->hw_lock);
	WRITE_ONCE(dacc->sram_held, true);
	if (!dacc_doorbell_wait_for_work(dacc))
		drm_err(&dacc->drm, "mappings of SRAM can't be taken away: stores may be lost\n");
}

/**
 * dacc_doorbell_revoke - take all doorbell pages away until dacc_doorbell_restore()
 * @dacc: device; its hw_lock is held
 *
 * Before the device is reset or suspended, so that what a client announces
 * meanwhile is not lost: whoever touches his page waits. The work is a worker's,
 * for the reason that dacc_doorbell_revoke_queue() gives; it is waited for, but
 * not for ever.
 *
 * Return: true; false if the pages are not gone in time: user queues can't be
 * taken over the reset then.
 */
bool dacc_doorbell_revoke(struct dacc_device *dacc)
{
	lockdep_assert_held(&dacc->hw_lock);
	if (!atomic_read(&dacc->num_userqs))
		return true;
	WRITE_ONCE(dacc->doorbell_held, true);
	if (dacc_doorbell_wait_for_work(dacc))
		return true;
	drm_err(&dacc->drm, "doorbell pages can't be taken away: user queues are lost\n");
	return false;
}

/**
 * dacc_doorbell_restore - let clients have their doorbell pages, and SRAM, again
 * @dacc: device; its hw_lock is held. Its user queues are enabled again, or do
 *	not take jobs any more.
 */
void dacc_doorbell_restore(struct dacc_device *dacc)
{
	lockdep_assert_held(&dacc->hw_lock);
	WRITE_ONCE(dacc->doorbell_held, false);
	WRITE_ONCE(dacc->sram_held, false);
	wake_up_all(&dacc->doorbell_wait);
}

/**
 * dacc_doorbell_init - part of the software's initialisation
 * @dacc: device
 *
 * Return: 0 or a negative errno.
 */
int dacc_doorbell_init(struct dacc_device *dacc)
{
	init_waitqueue_head(&dacc->doorbell_wait);
	init_rwsem(&dacc->sram_lock);
	INIT_WORK(&dacc->doorbell_work, dacc_doorbell_work);
	return drmm_mutex_init(&dacc->drm, &dacc->doorbell_lock);
}
