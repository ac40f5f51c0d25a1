// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of our own: memory, DMA addresses, and what becomes of them when the
 * device goes away under them.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

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
	struct dacc_device *dacc = to_dacc(tbo->base.dev);

	if (bo->charged)
		dacc_user_uncharge(bo->user, DRM_DACC_LIMIT_HOST_BYTES, bo->charged);
	if (bo->evicted)
		atomic64_sub(tbo->base.size, &dacc->evicted_bytes);
	dacc_user_put(bo->user);
	dacc_pm_idle(to_dacc(tbo->base.dev));
	drm_gem_object_release(&tbo->base);
	/* TTM has given the buffer a reservation object of its own by now. */
	if (bo->root)
		drm_gem_object_put(bo->root);
	kfree(bo);
}

/* --- room in SRAM --- */

static unsigned int dacc_evict_timeout_ms = 10000;
module_param_named(evict_timeout_ms, dacc_evict_timeout_ms, uint, 0644);
MODULE_PARM_DESC(evict_timeout_ms,
		 "Milliseconds that jobs are waited for whose buffers are to be evicted, before -ENOSPC (default 10000)");

/**
 * dacc_bo_deadline - until when jobs are waited for, from now on
 *
 * Return: jiffies.
 */
unsigned long dacc_bo_deadline(void)
{
	return jiffies + msecs_to_jiffies(READ_ONCE(dacc_evict_timeout_ms));
}

static bool dacc_no_room(int ret)
{
	/* TTM says -ENOMEM when there is no room in a placement. */
	return ret == -ENOMEM || ret == -ENOSPC;
}

static int dacc_bo_try_place(struct dacc_bo *bo, u32 mem_type, enum dacc_effort effort,
			     u32 priority, unsigned long deadline)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
		.allow_res_evict = effort == DACC_EFFORT_OWN,
		.resv = effort == DACC_EFFORT_OWN ? bo->tbo.base.resv : NULL,
	};
	struct dacc_placement wanted = {
		.place = {
			.mem_type = mem_type,
			.flags = effort == DACC_EFFORT_NONE ? TTM_PL_FLAG_DESIRED : 0,
		},
		.placement = {
			.num_placement = 1,
			.placement = &wanted.place,
		},
		.priority = priority,
		.wait = effort >= DACC_EFFORT_WAIT,
		.deadline = deadline,
	};
	bool huge = mem_type == TTM_PL_VRAM && effort == DACC_EFFORT_NONE &&
		    bo->tbo.base.size >= SZ_2M;
	int ret;

	/* Try for 2 MiB leaves in the page table. */
	if (huge) {
		bo->tbo.page_alignment = SZ_2M >> PAGE_SHIFT;
		ret = ttm_bo_validate(&bo->tbo, &wanted.placement, &ctx);
	}
	if (!huge || dacc_no_room(ret)) {
		bo->tbo.page_alignment = (mem_type == TTM_PL_VRAM ? DACC_SRAM_ALIGN : PAGE_SIZE) >>
					 PAGE_SHIFT;
		ret = ttm_bo_validate(&bo->tbo, &wanted.placement, &ctx);
	}
	if (dacc_no_room(ret) && signal_pending(current))
		ret = -ERESTARTSYS;
	return ret;
}

/* One that can be used from host memory evicts none of its own priority. */
static int dacc_bo_validate_both(struct dacc_bo *bo, enum dacc_effort effort)
{
	u32 priority = bo->tbo.priority;
	int ret;

	ret = dacc_bo_try_place(bo, TTM_PL_VRAM, DACC_EFFORT_NONE, 0, 0);
	if (dacc_no_room(ret) && effort != DACC_EFFORT_NONE && priority)
		ret = dacc_bo_try_place(bo, TTM_PL_VRAM, DACC_EFFORT_IDLE, priority - 1, 0);
	if (!dacc_no_room(ret))
		return ret;
	/* Before TTM takes the memory. Once there was any, dacc_ttm_account() has seen to it. */
	if (!bo->charged) {
		ret = dacc_user_charge(bo->user, DRM_DACC_LIMIT_HOST_BYTES, bo->tbo.base.size);
		if (ret)
			return ret;
		bo->charged = bo->tbo.base.size;
	}
	return dacc_bo_try_place(bo, TTM_PL_TT, DACC_EFFORT_NONE, 0, 0);
}

/**
 * dacc_bo_validate - bring a buffer of our own where the device can use it
 * @bo: buffer; its reservation lock is held. With one of a drm_exec, others are
 *	locked by its ticket; otherwise only those that nobody has locked are evicted
 * @effort: what may be done for it, see there; nothing less is tried but
 *	DACC_EFFORT_NONE
 * @deadline: until when, with DACC_EFFORT_WAIT and more
 *
 * Whoever needs more than DACC_EFFORT_NONE holds dacc_device.room_lock, unless it
 * cannot; then it competes with others.
 *
 * Return: 0, -ENOSPC, -EDQUOT for a new one of both kinds, -ENOMEM, -EIO, -ENODEV or
 * -ERESTARTSYS.
 */
int dacc_bo_validate(struct dacc_bo *bo, enum dacc_effort effort, unsigned long deadline)
{
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);
	if (bo->tbo.pin_count || !(bo->flags & DRM_DACC_BO_SRAM))
		return 0;
	if (bo->flags & DRM_DACC_BO_HOST)
		return dacc_bo_validate_both(bo, effort);
	ret = dacc_bo_try_place(bo, TTM_PL_VRAM, DACC_EFFORT_NONE, bo->tbo.priority, deadline);
	if (dacc_no_room(ret) && effort != DACC_EFFORT_NONE)
		ret = dacc_bo_try_place(bo, TTM_PL_VRAM, effort, bo->tbo.priority, deadline);
	return dacc_no_room(ret) ? -ENOSPC : ret;
}

/**
 * dacc_bo_available - SRAM that a buffer could get now
 * @dacc: device
 * @flags: its placement
 * @priority: its enum drm_dacc_priority
 * @busy: count what jobs use now, too
 *
 * Return: bytes, free or held by buffers that may be evicted.
 */
u64 dacc_bo_available(struct dacc_device *dacc, u32 flags, u32 priority, bool busy)
{
	u64 taken = 0;
	struct dacc_bo *bo;

	mutex_lock(&dacc->bo_lock);
	list_for_each_entry(bo, &dacc->bos, link) {
		struct ttm_buffer_object *tbo = &bo->tbo;
		bool may_stay;

		if (!(bo->flags & DRM_DACC_BO_SRAM) || !dacc_bo_in_sram(bo))
			continue;
		may_stay = flags & DRM_DACC_BO_HOST ? tbo->priority >= priority :
						      tbo->priority > priority;
		if (may_stay || tbo->pin_count ||
		    (!busy &&
		     !dma_resv_test_signaled(tbo->base.resv, DMA_RESV_USAGE_BOOKKEEP)))
			taken += tbo->base.size;
	}
	mutex_unlock(&dacc->bo_lock);
	return dacc->sram_size - min(taken, dacc->sram_size);
}

/* --- creation --- */

/* Others that lock several buffers may make this one back off. */
#define DACC_CREATE_TRIES		32

/*
 * With a ticket, so that others' locks are waited for. Eviction takes locks with it too,
 * so it is not done with locking before.
 */
static int dacc_bo_try_room(struct dacc_bo *bo, enum dacc_effort effort, unsigned long deadline)
{
	struct drm_exec exec;
	int ret = 0;

	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 1);
	drm_exec_until_all_locked(&exec) {
		ret = drm_exec_lock_obj(&exec, dacc_bo_gem(bo));
		drm_exec_retry_on_contention(&exec);
		if (!ret)
			ret = dacc_bo_validate(bo, effort, deadline);
		if (ret)
			break;
	}
	drm_exec_fini(&exec);
	return ret;
}

static int dacc_bo_make_room(struct dacc_bo *bo, unsigned long deadline)
{
	enum dacc_effort effort;
	int ret = -ENOSPC;

	lockdep_assert_held(&to_dacc(bo->tbo.base.dev)->room_lock);
	for (effort = DACC_EFFORT_IDLE; effort <= DACC_EFFORT_OWN && ret == -ENOSPC; effort++)
		ret = dacc_bo_try_room(bo, effort, deadline);
	return ret;
}

static int dacc_bo_place_sram(struct dacc_bo *bo)
{
	struct dacc_device *dacc = to_dacc(bo->tbo.base.dev);
	struct dma_resv *resv = bo->tbo.base.resv;
	unsigned long deadline = dacc_bo_deadline();
	bool both = bo->flags & DRM_DACC_BO_HOST;
	int i, ret;

	if (!both) {
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret)
			return ret;
		ret = dacc_bo_validate(bo, DACC_EFFORT_NONE, 0);
		dma_resv_unlock(resv);
		/* Nobody is to be evicted for what cannot succeed. */
		if (ret == -ENOSPC && bo->tbo.base.size >
		    dacc_bo_available(dacc, bo->flags, bo->tbo.priority, true))
			return ret;
	} else {
		ret = -ENOSPC;
	}
	for (i = 0; ret == -ENOSPC && i < DACC_CREATE_TRIES; i++) {
		if (i)
			usleep_range(500, 2000);
		ret = mutex_lock_interruptible(&dacc->room_lock);
		if (ret)
			return ret;
		ret = dacc_bo_make_room(bo, deadline);
		mutex_unlock(&dacc->room_lock);
	}
	return ret;
}

/* Memory for a buffer of host memory alone, and the bill for it. */
static int dacc_bo_place_host(struct dacc_bo *bo)
{
	struct ttm_operation_ctx ctx = {
		.interruptible = true,
		.gfp_retry_mayfail = true,
	};
	u64 size = bo->tbo.base.size;
	int ret;

	ret = dma_resv_lock_interruptible(bo->tbo.base.resv, NULL);
	if (ret)
		return ret;
	ret = dacc_user_charge(bo->user, DRM_DACC_LIMIT_HOST_BYTES, size);
	if (!ret) {
		bo->charged = size;
		ret = ttm_bo_populate(&bo->tbo, &ctx);
	}
	dma_resv_unlock(bo->tbo.base.resv);
	return ret;
}

static struct dacc_bo *dacc_bo_init(struct dacc_user *user, struct dacc_vm *vm, u64 size,
				    u32 flags, u32 priority)
{
	static const struct ttm_place system = { .mem_type = TTM_PL_SYSTEM };
	struct ttm_placement nowhere = { .num_placement = 1, .placement = &system };
	struct ttm_operation_ctx ctx = { .interruptible = true };
	struct dacc_device *dacc = user->dacc;
	struct dma_resv *resv = NULL;
	struct dacc_bo *bo;
	int ret;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->user = dacc_user_get(user);
	bo->flags = flags;
	bo->tbo.priority = priority;
	bo->tbo.base.funcs = &dacc_gem_funcs;
	drm_gem_private_object_init(&dacc->drm, &bo->tbo.base, size);
	if (vm) {
		bo->root = vm->gpuvm.r_obj;
		drm_gem_object_get(bo->root);
		resv = bo->root->resv;
		dma_resv_lock(resv, NULL);
	}
	/* Frees the buffer if it fails; else returns with it reserved. No memory yet. */
	ret = ttm_bo_init_reserved(&dacc->ttm, &bo->tbo, ttm_bo_type_device, &nowhere, 1, &ctx,
				   NULL, resv, dacc_bo_destroy);
	if (ret) {
		if (resv)
			dma_resv_unlock(resv);
		return ERR_PTR(ret);
	}
	/* Host memory alone stays where it is, whoever has it mapped. */
	if (!(flags & DRM_DACC_BO_SRAM))
		ttm_bo_pin(&bo->tbo);
	dma_resv_unlock(bo->tbo.base.resv);
	dacc_bo_track(dacc, bo);
	return bo;
}

/**
 * dacc_bo_new - allocate a buffer that reads as zeros
 * @user: whose it will be
 * @vm: address space that alone may map it, or NULL
 * @size: bytes, not 0
 * @flags: DRM_DACC_BO_SRAM, DRM_DACC_BO_HOST or both
 * @priority: enum drm_dacc_priority
 *
 * Return: the buffer with one reference to its GEM object, or an error
 * pointer: -EINVAL if rounding @size up overflows, -ENOSPC if there is no room in
 * SRAM, -EDQUOT, -EIO for SRAM of a device that is out of order or being reset,
 * -ENOMEM, -ENODEV, or -ERESTARTSYS.
 */
struct dacc_bo *dacc_bo_new(struct dacc_user *user, struct dacc_vm *vm, u64 size, u32 flags,
			    u32 priority)
{
	u64 unit = flags & DRM_DACC_BO_SRAM ? DACC_SRAM_ALIGN : PAGE_SIZE;
	struct dacc_bo *bo;
	int ret;

	if (check_add_overflow(size, unit - 1, &size))
		return ERR_PTR(-EINVAL);
	size &= ~(unit - 1);
	if (flags & DRM_DACC_BO_HOST && size >> PAGE_SHIFT > totalram_pages())
		return ERR_PTR(-ENOMEM);
	if (flags == DRM_DACC_BO_SRAM && size > user->dacc->sram_size)
		return ERR_PTR(-ENOSPC);
	/* Eviction may have taken the user past the limit: then no further buffers. */
	ret = dacc_user_charge(user, DRM_DACC_LIMIT_HOST_BYTES, 0);
	if (ret)
		return ERR_PTR(ret);

	bo = dacc_bo_init(user, vm, size, flags, priority);
	if (IS_ERR(bo))
		return bo;
	if (flags & DRM_DACC_BO_SRAM)
		ret = dacc_bo_place_sram(bo);
	else
		ret = dacc_bo_place_host(bo);
	if (ret) {
		drm_gem_object_put(dacc_bo_gem(bo));
		return ERR_PTR(ret);
	}
	return bo;
}

/* --- pins --- */

/**
 * dacc_bo_pin - keep a buffer where it is, in SRAM if it is of SRAM alone
 * @bo: buffer of our own; its reservation lock is held
 *
 * Counted. SRAM is charged to the buffer's user.
 *
 * Return: 0, -EDQUOT, or what dacc_bo_validate() returns.
 */
int dacc_bo_pin(struct dacc_bo *bo)
{
	u64 size = dacc_bo_gem(bo)->size;
	int ret;

	dma_resv_assert_held(bo->tbo.base.resv);
	ret = dacc_bo_validate(bo, DACC_EFFORT_IDLE, 0);
	if (!ret && !bo->pins && dacc_bo_in_sram(bo))
		ret = dacc_user_charge(bo->user, DRM_DACC_LIMIT_PINNED_BYTES, size);
	if (ret)
		return ret;
	bo->pins++;
	ttm_bo_pin(&bo->tbo);
	return 0;
}

/**
 * dacc_bo_unpin - undo dacc_bo_pin()
 * @bo: buffer; its reservation lock is held
 */
void dacc_bo_unpin(struct dacc_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);
	ttm_bo_unpin(&bo->tbo);
	if (!--bo->pins && dacc_bo_in_sram(bo))
		dacc_user_uncharge(bo->user, DRM_DACC_LIMIT_PINNED_BYTES,
				   dacc_bo_gem(bo)->size);
}

/* --- DMA addresses --- */

/**
 * dacc_bo_is_away - is a buffer where the device may not use it?
 * @bo: buffer; its reservation lock is held
 *
 * One that may be in SRAM is in TTM_PL_SYSTEM when it was evicted, or swapped out.
 * Pages that it has there belong to TTM, which takes them without asking.
 *
 * Return: true until dacc_bo_validate() has brought it back.
 */
bool dacc_bo_is_away(struct dacc_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);
	return bo->flags & DRM_DACC_BO_SRAM && bo->tbo.resource->mem_type == TTM_PL_SYSTEM;
}

/**
 * dacc_bo_map_host - get DMA addresses for the pages of a buffer of our own
 * @bo: buffer with pages and without DMA addresses; its reservation lock is held
 *
 * The caller is inside drm_dev_enter(). dacc_bo_unplug() takes them away again.
 *
 * Return: 0 or a negative errno.
 */
int dacc_bo_map_host(struct dacc_bo *bo)
{
	struct drm_device *drm = bo->tbo.base.dev;
	struct ttm_tt *tt = bo->tbo.ttm;
	struct sg_table *sgt;
	int ret;

	/* What TTM has swapped out still names pages that are someone else's now. */
	if (drm_WARN_ON(drm, !ttm_tt_is_populated(tt)))
		return -EIO;
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
 * SRAM needs none. The caller is inside drm_dev_enter(); a buffer of our own is in
 * SRAM or has its pages.
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
	if (bo->sgt || dacc_bo_in_sram(bo))
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
