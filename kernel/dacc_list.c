// SPDX-License-Identifier: GPL-2.0
/*
 * Prepared lists: what LIST_CREATE is given is copied, expanded, checked and
 * encoded into block tables once. The tables are host memory that nobody can
 * write any more, mapped for the device in the kernel half of the address space.
 */
#include <linux/bitmap.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

#include "dacc_kv.h"

#define DACC_MAX_LAYERS			4096

static void dacc_list_release(struct kref *ref)
{
	struct dacc_list *list = container_of(ref, struct dacc_list, ref);
	struct dacc_device *dacc = list->vm->dacc;

	if (drm_mm_node_allocated(&list->node))
		dacc_vm_unmap_kernel(list->vm, &list->node);
	if (list->bo) {
		dma_resv_lock(dacc_bo_gem(list->bo)->resv, NULL);
		if (list->blocks)
			ttm_bo_vunmap(&list->bo->tbo, &list->map);
		dma_resv_unlock(dacc_bo_gem(list->bo)->resv);
		drm_gem_object_put(dacc_bo_gem(list->bo));
	}
	dacc_pool_put(list->pool);
	drm_gpuvm_put(&list->vm->gpuvm);
	bitmap_free(list->seen);
	kvfree(list->pages);
	kvfree(list->layers);
	dacc_user_uncharge(list->user, DRM_DACC_LIMIT_HOST_BYTES, list->charged);
	dacc_user_put(list->user);
	kfree(list);
	atomic_dec(&dacc->num_lists);
}

/**
 * dacc_list_put - drop a reference
 * @list: list; process context
 */
void dacc_list_put(struct dacc_list *list)
{
	kref_put(&list->ref, dacc_list_release);
}

/**
 * dacc_list_get - find a list by its id
 * @file: client
 * @id: id
 *
 * Return: list with a reference, or NULL.
 */
struct dacc_list *dacc_list_get(struct dacc_file *file, u32 id)
{
	struct dacc_list *list;

	xa_lock(&file->lists);
	list = xa_load(&file->lists, id);
	if (list)
		kref_get(&list->ref);
	xa_unlock(&file->lists);
	return list;
}

/**
 * dacc_list_pages_left - count what a transfer that failed did not write whole
 * @list: list
 * @layer: layer that failed
 * @block: block that failed, counted within it
 * @end_layer: layer behind the transfer's last one
 *
 * Return: pages with a block that was not written; without a pool: blocks.
 */
u32 dacc_list_pages_left(struct dacc_list *list, u32 layer, u32 block, u32 end_layer)
{
	struct dacc_list_layer *last = &list->layers[end_layer - 1];
	u32 first = list->layers[layer].first + min(block, list->layers[layer].n);
	u32 n = last->first + last->n - first;
	struct dacc_targets targets;
	u32 left;

	if (!list->pool)
		return n;
	dacc_pool_targets(list->pool, &targets);
	mutex_lock(&list->pool->lock);
	bitmap_zero(list->seen, targets.n_pages);
	left = dacc_blocks_pages(&list->blocks[first], n, &targets, list->seen);
	mutex_unlock(&list->pool->lock);
	return left;
}

/* --- check --- */

static bool dacc_list_rest_is_zero(const struct drm_dacc_list_create *args, size_t used)
{
	return !memchr_inv((const u8 *)args->raw + used, 0, sizeof(args->raw) - used);
}

/* What can be said without looking behind a pointer. Blocks of a layer: *@n. */
static int dacc_list_check_args(struct dacc_device *dacc, const struct drm_dacc_list_create *args,
				u64 *n)
{
	if (args->pad || !args->n_layers || args->n_layers > DACC_MAX_LAYERS ||
	    args->n_pages > DRM_DACC_MAX_PAGES)
		return -EINVAL;
	if (args->pool ? !args->n_pages : args->n_pages || args->pages)
		return -EINVAL;
	switch (args->form) {
	case DRM_DACC_LIST_SG:
		if (args->sg.pad || !dacc_list_rest_is_zero(args, sizeof(args->sg)))
			return -EINVAL;
		*n = 0;
		return args->sg.n_blocks ? 0 : -EINVAL;
	case DRM_DACC_LIST_STRIDED:
		if (args->strided.pad || !dacc_list_rest_is_zero(args, sizeof(args->strided)))
			return -EINVAL;
		*n = args->strided.n_blocks;
		break;
	case DRM_DACC_LIST_INDEXED:
		if (args->indexed.pad || !args->pool ||
		    !dacc_list_rest_is_zero(args, sizeof(args->indexed)))
			return -EINVAL;
		*n = args->n_pages;
		break;
	default:
		return -EINVAL;
	}
	if (!*n || *n > dacc->max_blocks || *n * args->n_layers > U32_MAX)
		return -EINVAL;
	return 0;
}

/* --- make --- */

static int dacc_list_even_layers(struct dacc_list *list, u32 n)
{
	u32 l;

	for (l = 0; l < list->n_layers; l++) {
		list->layers[l].first = l * n;
		list->layers[l].n = n;
	}
	return 0;
}

static int dacc_list_get_layers(struct dacc_list *list, const struct drm_dacc_list_create *args)
{
	u32 *ends, l, first = 0;
	int ret = 0;

	ends = vmemdup_array_user(u64_to_user_ptr(args->sg.layer_end), list->n_layers,
				  sizeof(*ends));
	if (IS_ERR(ends))
		return PTR_ERR(ends);
	for (l = 0; l < list->n_layers && !ret; l++) {
		if (ends[l] <= first || ends[l] - first > list->vm->dacc->max_blocks)
			ret = -EINVAL;
		list->layers[l].first = first;
		list->layers[l].n = ends[l] - first;
		first = ends[l];
	}
	if (!ret && first != args->sg.n_blocks)
		ret = -EINVAL;
	kvfree(ends);
	return ret;
}

static int dacc_list_get_pages(struct dacc_list *list, struct drm_dacc_list_create *args)
{
	struct dacc_pool *pool = list->pool;
	int ret = -ESTALE;

	list->n_pages = args->n_pages;
	list->pages = kvmalloc_array(args->n_pages, sizeof(*list->pages), GFP_KERNEL_ACCOUNT);
	if (!list->pages)
		return -ENOMEM;
	if (copy_from_user(list->pages, u64_to_user_ptr(args->pages),
			   array_size(args->n_pages, sizeof(*list->pages))))
		return -EFAULT;
	list->seen = bitmap_zalloc(pool->pages.n, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!list->seen)
		return -ENOMEM;
	mutex_lock(&pool->lock);
	if (!pool->dead)
		ret = dacc_pages_check(&pool->pages, list->pages, list->n_pages, &args->index);
	mutex_unlock(&pool->lock);
	return ret;
}

/* Memory that the CPU writes now and the device reads later. */
static int dacc_list_alloc_blocks(struct dacc_list *list, u64 n)
{
	struct dacc_bo *bo;
	int ret;

	bo = dacc_bo_new(list->user, list->vm, n * sizeof(struct dacc_block), DRM_DACC_BO_HOST,
			 DRM_DACC_PRIORITY_NORMAL);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	list->bo = bo;
	ret = dma_resv_lock_interruptible(dacc_bo_gem(bo)->resv, NULL);
	if (ret)
		return ret;
	ret = ttm_bo_vmap(&bo->tbo, &list->map);
	if (!ret)
		list->blocks = list->map.vaddr;
	dma_resv_unlock(dacc_bo_gem(bo)->resv);
	return ret;
}

static int dacc_list_expand_indexed(struct dacc_list *list, struct drm_dacc_list_create *args,
				    const struct dacc_targets *targets)
{
	u32 *src_index;
	int ret;

	src_index = vmemdup_array_user(u64_to_user_ptr(args->indexed.src_index), args->n_pages,
				       sizeof(*src_index));
	if (IS_ERR(src_index))
		return PTR_ERR(src_index);
	ret = dacc_blocks_indexed(args, src_index, list->pages, targets, list->blocks,
				  &args->index);
	kvfree(src_index);
	return ret;
}

/* The first @n blocks of all layers. */
static int dacc_list_check_blocks(struct dacc_list *list, struct drm_dacc_list_create *args,
				  struct dacc_targets *targets, u64 n)
{
	u64 sum = 0;
	int ret = 0;
	u32 l, i;

	if (targets) {
		bitmap_zero(list->seen, targets->n_pages);
		for (i = 0; i < list->n_pages; i++)
			__set_bit(DRM_DACC_PAGE_INDEX(list->pages[i]), list->seen);
		targets->allowed = list->seen;
	}
	for (l = 0; l < list->n_layers && !ret; l++) {
		struct dacc_list_layer *layer = &list->layers[l];
		u32 bad = 0;

		if (layer->first >= n)
			break;
		ret = dacc_blocks_check(&list->blocks[layer->first],
					min_t(u64, layer->n, n - layer->first), targets,
					&layer->bytes, &bad);
		/* What a transfer of any of its layers is charged with does not wrap. */
		if (!ret && check_add_overflow(sum, layer->bytes, &sum))
			ret = -EINVAL;
		if (ret)
			args->index = layer->first + bad;
		else if (fatal_signal_pending(current))
			ret = -EINTR;
	}
	return ret;
}

static int dacc_list_fill(struct dacc_list *list, struct drm_dacc_list_create *args, u64 n)
{
	bool sg = args->form == DRM_DACC_LIST_SG;
	struct dacc_targets targets;
	u64 total;
	int bad, ret;

	ret = sg ? dacc_list_get_layers(list, args) : dacc_list_even_layers(list, n);
	if (!ret && list->pool)
		ret = dacc_list_get_pages(list, args);
	if (ret)
		return ret;
	total = sg ? args->sg.n_blocks : n * list->n_layers;
	ret = dacc_list_alloc_blocks(list, total);
	if (ret)
		return ret;
	if (list->pool)
		dacc_pool_targets(list->pool, &targets);
	switch (args->form) {
	case DRM_DACC_LIST_SG:
		if (copy_from_user(list->blocks, u64_to_user_ptr(args->sg.blocks),
				   total * sizeof(struct dacc_block)))
			return -EFAULT;
		bad = 0;
		break;
	case DRM_DACC_LIST_STRIDED:
		bad = dacc_blocks_strided(args, list->blocks, &args->index);
		break;
	default:
		bad = dacc_list_expand_indexed(list, args, &targets);
		break;
	}
	/* If one could not be expanded, one before it may be bad all the same. */
	ret = dacc_list_check_blocks(list, args, list->pool ? &targets : NULL,
				     bad ? args->index : total);
	if (ret || bad)
		return ret ?: bad;
	return dacc_vm_map_kernel(list->vm, list->bo, &list->node);
}

/* What a list keeps beside its block table, which is a buffer and charged as such. */
static u64 dacc_list_overhead(const struct drm_dacc_list_create *args, struct dacc_pool *pool)
{
	u64 size = (u64)args->n_layers * sizeof(struct dacc_list_layer);

	if (pool)
		size += (u64)args->n_pages * sizeof(u64) +
			BITS_TO_LONGS(pool->pages.n) * sizeof(long);
	return size;
}

static int dacc_list_charge(struct dacc_list *list, u64 size)
{
	int ret = dacc_user_charge(list->user, DRM_DACC_LIMIT_HOST_BYTES, size);

	if (!ret)
		list->charged = size;
	return ret;
}

static struct dacc_list *dacc_list_new(struct dacc_file *file, struct dacc_vm *vm,
				       struct dacc_pool *pool, struct drm_dacc_list_create *args,
				       u64 n)
{
	struct dacc_list *list;
	int ret;

	list = kzalloc(sizeof(*list), GFP_KERNEL_ACCOUNT);
	if (!list)
		return ERR_PTR(-ENOMEM);
	kref_init(&list->ref);
	list->user = dacc_user_get(file->user);
	list->vm = vm;
	drm_gpuvm_get(&vm->gpuvm);
	atomic_inc(&vm->dacc->num_lists);
	list->pool = pool;
	if (pool)
		kref_get(&pool->ref);
	list->n_layers = args->n_layers;
	ret = dacc_list_charge(list, dacc_list_overhead(args, pool));
	if (ret)
		goto err_put;
	ret = -ENOMEM;
	list->layers = kvcalloc(args->n_layers, sizeof(*list->layers), GFP_KERNEL_ACCOUNT);
	if (list->layers)
		ret = dacc_list_fill(list, args, n);
	if (ret)
		goto err_put;
	return list;

err_put:
	dacc_list_put(list);
	return ERR_PTR(ret);
}

static int dacc_list_create(struct dacc_file *file, struct dacc_vm *vm, struct dacc_pool *pool,
			    struct drm_dacc_list_create *args, u64 n)
{
	struct dacc_list *list = dacc_list_new(file, vm, pool, args, n);
	int ret;

	if (IS_ERR(list))
		return PTR_ERR(list);
	ret = xa_alloc(&file->lists, &args->list, list, xa_limit_31b, GFP_KERNEL);
	if (ret)
		dacc_list_put(list);
	return ret;
}

/**
 * dacc_list_create_ioctl - DRM_IOCTL_DACC_LIST_CREATE
 * @drm: device
 * @data: struct drm_dacc_list_create
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -EFAULT, -ESTALE, -EDQUOT, -ENOMEM, -ENODEV,
 * -EINTR (killed) or -ERESTARTSYS.
 */
int dacc_list_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_list_create *args = data;
	struct dacc_pool *pool = NULL;
	struct dacc_vm *vm;
	u64 n = 0;
	int ret;

	args->index = 0;
	ret = dacc_list_check_args(to_dacc(drm), args, &n);
	if (ret)
		return ret;
	vm = dacc_vm_find(priv, args->vm);
	if (!vm)
		return -ENOENT;
	ret = -ENOENT;
	if (args->pool) {
		pool = dacc_pool_get(priv, args->pool);
		if (!pool)
			goto out;
		ret = -EINVAL;
		if (pool->vm != vm)
			goto out;
	}
	ret = dacc_list_create(priv, vm, pool, args, n);
out:
	dacc_pool_put(pool);
	drm_gpuvm_put(&vm->gpuvm);
	return ret;
}

/**
 * dacc_list_destroy_ioctl - DRM_IOCTL_DACC_LIST_DESTROY
 * @drm: device
 * @data: struct drm_dacc_list_destroy
 * @file: client
 *
 * Return: 0, -EINVAL or -ENOENT.
 */
int dacc_list_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_list_destroy *args = data;
	struct dacc_list *list;

	if (args->pad)
		return -EINVAL;
	list = xa_erase(&priv->lists, args->list);
	if (!list)
		return -ENOENT;
	dacc_list_put(list);
	return 0;
}
