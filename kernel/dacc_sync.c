// SPDX-License-Identifier: GPL-2.0
/*
 * Syncobjs that an ioctl is to signal: everything that can fail is done before
 * the fence is published.
 */
#include <linux/dma-fence-chain.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <drm/drm_syncobj.h>

#include "dacc_device.h"

/**
 * struct dacc_out_sync - a syncobj to signal
 * @syncobj: with a reference.
 * @chain: for a timeline point.
 * @point: or 0.
 */
struct dacc_out_sync {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	u64 point;
};

/**
 * dacc_out_syncs_put - give up what dacc_out_syncs_get() returned
 * @outs: syncobjs, or NULL
 * @n: number of them
 */
void dacc_out_syncs_put(struct dacc_out_sync *outs, u32 n)
{
	u32 i;

	for (i = 0; outs && i < n; i++) {
		if (outs[i].syncobj)
			drm_syncobj_put(outs[i].syncobj);
		dma_fence_chain_free(outs[i].chain);
	}
	kfree(outs);
}

/**
 * dacc_out_syncs_get - look up the syncobjs that are to be signalled
 * @file: client
 * @pointer: user pointer to struct drm_dacc_sync[@n]
 * @n: number of them
 *
 * Return: the syncobjs, NULL if there are none, or an error pointer: -EINVAL,
 * -ENOENT, -EFAULT or -ENOMEM.
 */
struct dacc_out_sync *dacc_out_syncs_get(struct drm_file *file, u64 pointer, u32 n)
{
	struct dacc_out_sync *outs;
	struct drm_dacc_sync *syncs;
	int ret = 0;
	u32 i;

	if (!n)
		return NULL;
	syncs = memdup_array_user(u64_to_user_ptr(pointer), n, sizeof(*syncs));
	if (IS_ERR(syncs))
		return ERR_CAST(syncs);
	outs = kcalloc(n, sizeof(*outs), GFP_KERNEL);
	if (!outs) {
		kfree(syncs);
		return ERR_PTR(-ENOMEM);
	}
	for (i = 0; i < n && !ret; i++) {
		if (syncs[i].pad) {
			ret = -EINVAL;
			break;
		}
		outs[i].syncobj = drm_syncobj_find(file, syncs[i].handle);
		outs[i].point = syncs[i].point;
		if (!outs[i].syncobj) {
			ret = -ENOENT;
			break;
		}
		if (syncs[i].point) {
			outs[i].chain = dma_fence_chain_alloc();
			if (!outs[i].chain)
				ret = -ENOMEM;
		}
	}
	kfree(syncs);
	if (ret) {
		dacc_out_syncs_put(outs, n);
		return ERR_PTR(ret);
	}
	return outs;
}

/**
 * dacc_out_syncs_publish - put a fence into the syncobjs; cannot fail
 * @outs: syncobjs
 * @n: number of them
 * @fence: fence
 */
void dacc_out_syncs_publish(struct dacc_out_sync *outs, u32 n, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < n; i++) {
		if (outs[i].chain) {
			drm_syncobj_add_point(outs[i].syncobj, outs[i].chain, fence,
					      outs[i].point);
			outs[i].chain = NULL;
		} else {
			drm_syncobj_replace_fence(outs[i].syncobj, fence);
		}
	}
}
