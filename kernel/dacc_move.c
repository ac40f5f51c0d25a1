// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's own work on SRAM: eviction, restore, and clearing, by a TRANSFER
 * queue of its own in an address space of its own. The CPU does it when there is no
 * such queue, or when it has failed.
 *
 * A move runs under the buffer's reservation lock, and nothing that signals a fence
 * depends on one. If the device is unplugged meanwhile, dacc_bo_unplug() waits for that
 * lock before it takes the DMA addresses away.
 */
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"
#include "dacc_trace.h"

/* The driver's address space: all of SRAM, and a window for a buffer's pages. */
#define DACC_MOVE_SRAM			BIT_ULL(40)
#define DACC_MOVE_HOST			BIT_ULL(41)

#define DACC_MOVE_DEPTH			16
#define DACC_MOVE_TIMEOUT_S		300
/*
 * Clients' jobs may be before it, one of each queue. If the chip has not begun within
 * a second the CPU does it, and all moves of the next seconds.
 */
#define DACC_MOVE_PATIENCE		HZ
#define DACC_MOVE_BUSY			(10 * HZ)
/* How long the CPU waits for a device that is being reset. */
#define DACC_MOVE_RESET_TRIES		250
#define DACC_MOVE_RESET_MS		20
#define DACC_MOVE_CHUNK			SZ_256K

static bool dacc_cpu_moves;
module_param_named(cpu_moves, dacc_cpu_moves, bool, 0644);
MODULE_PARM_DESC(cpu_moves,
		 "Evict, restore and clear SRAM by the CPU, not by the chip's own engine (default off)");

/**
 * enum dacc_move - kind of work
 * @DACC_MOVE_OUT: SRAM to host memory.
 * @DACC_MOVE_IN: host memory to SRAM.
 * @DACC_MOVE_CLEAR: zeros to SRAM.
 */
enum dacc_move {
	DACC_MOVE_OUT,
	DACC_MOVE_IN,
	DACC_MOVE_CLEAR,
};

/* --- by the device --- */

static void dacc_mover_drop_queue(struct dacc_mover *mover)
{
	lockdep_assert_held(&mover->lock);
	if (mover->queue)
		dacc_queue_close_kernel(mover->queue);
	mover->queue = NULL;
}

/* A queue that works, made anew if the last one failed. */
static struct dacc_queue *dacc_mover_queue(struct dacc_device *dacc)
{
	struct dacc_mover *mover = &dacc->mover;
	struct dacc_queue *queue;
	int idx;

	lockdep_assert_held(&mover->lock);
	if (mover->queue && READ_ONCE(mover->queue->state) == DRM_DACC_QUEUE_OK)
		return mover->queue;
	dacc_mover_drop_queue(mover);
	if (!mover->vm || !drm_dev_enter(&dacc->drm, &idx))
		return NULL;
	queue = dacc_queue_new_kernel(mover->vm, DRM_DACC_QUEUE_TRANSFER, DACC_MOVE_DEPTH);
	drm_dev_exit(idx);
	if (IS_ERR(queue))
		return NULL;
	mover->queue = queue;
	return queue;
}

/* Has the chip begun with the latest descriptor? While it is being reset: wait. */
static bool dacc_mover_has_begun(struct dacc_device *dacc, struct dacc_queue *queue)
{
	bool begun = true;

	mutex_lock(&dacc->hw_lock);
	if (dacc->hw_up && !queue->parked && queue->attached)
		begun = dacc_read64(dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_FETCHED)) >=
			READ_ONCE(queue->submitted);
	mutex_unlock(&dacc->hw_lock);
	return begun;
}

/* Runs one descriptor. After an error the device does not touch the memory any more. */
static int dacc_mover_run(struct dacc_device *dacc, const struct dacc_desc *desc)
{
	struct dacc_mover *mover = &dacc->mover;
	struct dacc_queue *queue = dacc_mover_queue(dacc);
	struct dma_fence *fence;
	bool busy = false;
	long left = 0;
	int i, ret;

	if (!queue)
		return -EIO;
	fence = dacc_job_submit_kernel(queue, desc);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	for (i = 0; !left && i < DACC_MOVE_TIMEOUT_S; i++) {
		left = dma_fence_wait_timeout(fence, false, DACC_MOVE_PATIENCE);
		/*
		 * Not for every signal: what is half done is done again, by the CPU. And
		 * whoever unplugs the device may wait for our caller.
		 */
		if (fatal_signal_pending(current) || drm_dev_is_unplugged(&dacc->drm))
			break;
		busy = !left && !dacc_mover_has_begun(dacc, queue);
		if (busy)
			break;
	}
	if (left > 0) {
		ret = dacc_fence_error(fence);
	} else {
		if (busy)
			WRITE_ONCE(mover->cpu_until, jiffies + DACC_MOVE_BUSY);
		if (i == DACC_MOVE_TIMEOUT_S)
			drm_warn(&dacc->drm, "a move in SRAM does not end; the CPU does it\n");
		dacc_mover_drop_queue(mover);
		ret = -ETIME;
	}
	dma_fence_put(fence);
	return ret;
}

static void dacc_mover_unmap(struct dacc_mover *mover, u64 size)
{
	mutex_lock(&mover->vm->pt_lock);
	dacc_pt_unmap(mover->vm, DACC_MOVE_HOST, size);
	dacc_pt_flush(mover->vm);
	mutex_unlock(&mover->vm->pt_lock);
}

/* Puts a buffer's pages into the window. */
static int dacc_mover_map(struct dacc_device *dacc, struct dacc_bo *bo)
{
	struct dacc_mover *mover = &dacc->mover;
	int idx, ret;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return -ENODEV;
	ret = bo->sgt ? 0 : dacc_bo_map_host(bo);
	if (ret)
		goto out;
	mutex_lock(&mover->vm->pt_lock);
	ret = dacc_pt_map(mover->vm, bo->sgt, DACC_MOVE_HOST, 0, dacc_bo_gem(bo)->size, false);
	if (ret)
		dacc_pt_flush(mover->vm);
	mutex_unlock(&mover->vm->pt_lock);
	/* Else dacc_bo_unmap_dma() is the caller's. */
out:
	drm_dev_exit(idx);
	return ret;
}

static int dacc_move_by_device(struct dacc_device *dacc, enum dacc_move move,
			       struct dacc_bo *bo, u64 offset, u64 size)
{
	struct dacc_desc desc = { .flags = DACC_DESC_IRQ };
	struct dacc_mover *mover = &dacc->mover;
	int ret;

	if (READ_ONCE(dacc_cpu_moves) || time_before(jiffies, READ_ONCE(mover->cpu_until)))
		return -EIO;
	if (mutex_lock_killable(&mover->lock))
		return -ERESTARTSYS;
	/* Whoever had it may have found the chip busy. */
	ret = mover->vm && !time_before(jiffies, READ_ONCE(mover->cpu_until)) ? 0 : -EIO;
	if (ret)
		goto unlock;
	if (move == DACC_MOVE_CLEAR) {
		desc.opcode = DACC_OP_FILL;
		desc.fill.dst = DACC_MOVE_SRAM + offset;
		desc.fill.len = size;
		ret = dacc_mover_run(dacc, &desc);
		goto unlock;
	}
	desc.opcode = DACC_OP_COPY;
	desc.copy.src = move == DACC_MOVE_OUT ? DACC_MOVE_SRAM + offset : DACC_MOVE_HOST;
	desc.copy.dst = move == DACC_MOVE_OUT ? DACC_MOVE_HOST : DACC_MOVE_SRAM + offset;
	desc.copy.len = size;
	ret = dacc_mover_map(dacc, bo);
	if (ret)
		goto unlock;
	ret = dacc_mover_run(dacc, &desc);
	dacc_mover_unmap(mover, size);
unlock:
	mutex_unlock(&mover->lock);
	return ret;
}

/* --- by the CPU --- */

static void dacc_copy_page(struct dacc_device *dacc, enum dacc_move move, struct page *page,
			   u64 offset)
{
	void *at = kmap_local_page(page);

	if (move == DACC_MOVE_OUT)
		memcpy_fromio(at, dacc->sram + offset, PAGE_SIZE);
	else
		memcpy_toio(dacc->sram + offset, at, PAGE_SIZE);
	kunmap_local(at);
}

/*
 * While the device is being reset, writes to SRAM are lost and reads are ones; it
 * cannot be reset while hw_lock is held.
 */
static int dacc_move_chunk(struct dacc_device *dacc, enum dacc_move move, struct page **pages,
			   u64 offset, u64 size)
{
	u64 done;
	int ret = -EAGAIN;

	mutex_lock(&dacc->hw_lock);
	if (!dacc->hw_up)
		goto unlock;
	if (move == DACC_MOVE_CLEAR)
		memset_io(dacc->sram + offset, 0, size);
	for (done = 0; move != DACC_MOVE_CLEAR && done < size; done += PAGE_SIZE)
		dacc_copy_page(dacc, move, pages[done >> PAGE_SHIFT], offset + done);
	ret = 0;
	if (move == DACC_MOVE_OUT)
		goto unlock;
	/* Reading back drains write-combining buffers and posted writes. */
	wmb();
	if (readl(dacc->sram + offset + size - 4) && move == DACC_MOVE_CLEAR)
		ret = -EIO;
unlock:
	mutex_unlock(&dacc->hw_lock);
	return ret;
}

static int dacc_move_by_cpu(struct dacc_device *dacc, enum dacc_move move, struct page **pages,
			    u64 offset, u64 size)
{
	u64 done = 0;
	int tries = 0, idx, ret = 0;

	while (done < size && !ret) {
		u64 chunk = min_t(u64, size - done, DACC_MOVE_CHUNK);

		if (!drm_dev_enter(&dacc->drm, &idx))
			return -ENODEV;
		ret = dacc_move_chunk(dacc, move, pages + (done >> PAGE_SHIFT), offset + done,
				      chunk);
		drm_dev_exit(idx);
		if (!ret)
			done += chunk;
		if (ret == -EAGAIN && ++tries < DACC_MOVE_RESET_TRIES &&
		    !fatal_signal_pending(current)) {
			msleep(DACC_MOVE_RESET_MS);
			ret = 0;
		}
		cond_resched();
	}
	return ret == -EAGAIN ? -EIO : ret;
}

static int dacc_move(struct dacc_device *dacc, enum dacc_move move, struct dacc_bo *bo,
		     u64 offset, u64 size)
{
	bool by_cpu = false;
	int idx, ret;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return -ENODEV;
	/* The driver's queue keeps nothing awake. */
	ret = dacc_pm_get(dacc);
	drm_dev_exit(idx);
	if (ret)
		return ret;
	ret = dacc_move_by_device(dacc, move, bo, offset, size);
	/* Nothing was done yet for one who was killed while he waited for his turn. */
	if (ret && ret != -ERESTARTSYS) {
		/* What is in a bounce buffer is copied back before the CPU writes. */
		if (bo)
			dacc_bo_unmap_dma(bo);
		by_cpu = true;
		ret = dacc_move_by_cpu(dacc, move, bo ? bo->tbo.ttm->pages : NULL, offset, size);
	}
	dacc_pm_put(dacc);
	trace_dacc_move(move, offset, size, by_cpu, ret);
	return ret;
}

/**
 * dacc_move_clear - write zeros into SRAM that nobody has
 * @dacc: device
 * @offset: first byte
 * @size: bytes, whole pages
 *
 * SRAM keeps what its last owner left there, across resets too.
 *
 * Return: 0, -EIO, -ENODEV, or -ERESTARTSYS if killed.
 */
int dacc_move_clear(struct dacc_device *dacc, u64 offset, u64 size)
{
	return dacc_move(dacc, DACC_MOVE_CLEAR, NULL, offset, size);
}

/**
 * dacc_move_out - copy a buffer from SRAM into its pages
 * @bo: idle buffer with pages that no page table names; its reservation lock is held
 * @offset: where it is in SRAM
 *
 * dacc_bo_unmap_dma() is the caller's.
 *
 * Return: 0, -EIO, -ENODEV, or -ERESTARTSYS if killed.
 */
int dacc_move_out(struct dacc_bo *bo, u64 offset)
{
	return dacc_move(to_dacc(bo->tbo.base.dev), DACC_MOVE_OUT, bo, offset,
			 dacc_bo_gem(bo)->size);
}

/**
 * dacc_move_in - copy a buffer's pages into SRAM
 * @bo: as for dacc_move_out()
 * @offset: where it will be in SRAM
 *
 * Return: 0, -EIO, -ENODEV, or -ERESTARTSYS if killed.
 */
int dacc_move_in(struct dacc_bo *bo, u64 offset)
{
	return dacc_move(to_dacc(bo->tbo.base.dev), DACC_MOVE_IN, bo, offset,
			 dacc_bo_gem(bo)->size);
}

/* --- life --- */

static int dacc_mover_map_sram(struct dacc_device *dacc, struct dacc_vm *vm)
{
	int ret;

	mutex_lock(&vm->pt_lock);
	ret = dacc_pt_map(vm, NULL, DACC_MOVE_SRAM, 0, dacc->sram_size, false);
	mutex_unlock(&vm->pt_lock);
	return ret;
}

/**
 * dacc_move_init - set up the driver's queue, in probe
 * @dacc: device that is up
 *
 * Return: 0, also without a queue (the CPU does its work then), or a negative errno.
 */
int dacc_move_init(struct dacc_device *dacc)
{
	struct dacc_mover *mover = &dacc->mover;
	struct dacc_vm *vm;
	int ret;

	ret = drmm_mutex_init(&dacc->drm, &mover->lock);
	if (ret)
		return ret;
	mover->cpu_until = jiffies;
	vm = dacc_vm_new(dacc, NULL);
	if (IS_ERR(vm))
		return PTR_ERR(vm) == -ENOSPC ? 0 : PTR_ERR(vm);
	ret = dacc_mover_map_sram(dacc, vm);
	if (ret) {
		dacc_vm_close(vm);
		return ret;
	}
	mutex_lock(&mover->lock);
	mover->vm = vm;
	if (!dacc_mover_queue(dacc))
		drm_warn(&dacc->drm, "no queue for the driver: the CPU moves SRAM contents\n");
	mutex_unlock(&mover->lock);
	return 0;
}

/**
 * dacc_move_fini - give the driver's queue up
 * @dacc: device, bound, with all other users of buffers stopped
 */
void dacc_move_fini(struct dacc_device *dacc)
{
	struct dacc_mover *mover = &dacc->mover;
	struct dacc_vm *vm;

	mutex_lock(&mover->lock);
	dacc_mover_drop_queue(mover);
	vm = mover->vm;
	mover->vm = NULL;
	mutex_unlock(&mover->lock);
	if (vm)
		dacc_vm_close(vm);
}
