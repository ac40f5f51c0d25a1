/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shims for kernels that lack the newest form of an interface. Each is shaped
 * like the newest form, so the driver itself reads as if written for it;
 * kernel/configure finds out which are needed.
 */
#ifndef _DACC_COMPAT_H
#define _DACC_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/hrtimer.h>
#include <linux/module.h>

#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_tt.h>

#include "dacc_config.h"

#ifndef DACC_HAVE_DRIVER_GEM_GPUVA
#define DRIVER_GEM_GPUVA		0
#endif

/* The key that fdinfo always had. */
#ifndef DACC_HAVE_GEM_OBJECT_ACTIVE
#define DRM_GEM_OBJECT_ACTIVE		0
#endif

/* struct dma_buf_attach_ops: move_notify became invalidate_mappings. */
#ifndef DACC_HAVE_INVALIDATE_MAPPINGS
#define invalidate_mappings		move_notify
#endif

#ifndef DACC_HAVE_DMA_BUF_INVALIDATE_MAPPINGS
static inline void dma_buf_invalidate_mappings(struct dma_buf *dma_buf)
{
	dma_buf_move_notify(dma_buf);
}
#endif

/* Can the importer be told to let go? */
#ifndef DACC_HAVE_DMA_BUF_ATTACH_REVOCABLE
static inline bool dma_buf_attach_revocable(struct dma_buf_attachment *attach)
{
	return attach->importer_ops && attach->importer_ops->invalidate_mappings;
}
#endif

#ifdef DACC_HAVE_IMPORT_NS_TOKEN
#define DACC_IMPORT_NS_DMA_BUF		MODULE_IMPORT_NS(DMA_BUF)
#else
#define DACC_IMPORT_NS_DMA_BUF		MODULE_IMPORT_NS("DMA_BUF")
#endif

#ifndef DACC_HAVE_TTM_BO_POPULATE
static inline int ttm_bo_populate(struct ttm_buffer_object *bo, struct ttm_operation_ctx *ctx)
{
	return ttm_tt_populate(bo->bdev, bo->ttm, ctx);
}
#endif

#ifndef DACC_HAVE_TTM_TT_IS_SWAPPED
static inline bool ttm_tt_is_swapped(const struct ttm_tt *tt)
{
	return tt->page_flags & TTM_TT_FLAG_SWAPPED;
}
#endif

/* ttm_bo_put() became ttm_bo_fini() when only GEM counts references. */
#ifdef DACC_HAVE_TTM_BO_PUT
static inline void ttm_bo_fini(struct ttm_buffer_object *bo)
{
	ttm_bo_put(bo);
}
#endif

static inline int dacc_ttm_device_init(struct ttm_device *bdev,
				       const struct ttm_device_funcs *funcs,
				       struct drm_device *drm)
{
#ifdef DACC_HAVE_TTM_DEVICE_BOOLS
	return ttm_device_init(bdev, funcs, drm->dev, drm->anon_inode->i_mapping,
			       drm->vma_offset_manager, false, false);
#else
	return ttm_device_init(bdev, funcs, drm->dev, drm->anon_inode->i_mapping,
			       drm->vma_offset_manager, 0);
#endif
}

/* 64-bit sequence numbers were a field of the operations. */
#ifdef DACC_HAVE_DMA_FENCE_INIT64
#define DACC_FENCE_OPS_64BIT
#else
#define DACC_FENCE_OPS_64BIT		.use_64bit_seqno = true,
static inline void dma_fence_init64(struct dma_fence *fence, const struct dma_fence_ops *ops,
				    spinlock_t *lock, u64 context, u64 seqno)
{
	dma_fence_init(fence, ops, lock, context, seqno);
}
#endif

/* The caller had to provide the index. */
#ifdef DACC_HAVE_DRM_EXEC_ITER_INDEX
#undef drm_exec_for_each_locked_object
#define drm_exec_for_each_locked_object(exec, obj) \
	for (unsigned long __index = 0; ((obj) = drm_exec_obj(exec, __index)); __index++)
#endif

#ifndef DACC_HAVE_GPUVM_BO_OBTAIN_LOCKED
static inline struct drm_gpuvm_bo *
drm_gpuvm_bo_obtain_locked(struct drm_gpuvm *gpuvm, struct drm_gem_object *obj)
{
	return drm_gpuvm_bo_obtain(gpuvm, obj);
}
#endif

/* The function was set by hand. */
#ifndef DACC_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif /* _DACC_COMPAT_H */
