// SPDX-License-Identifier: GPL-2.0
/*
 * Pools: pages of an address space that transfers write. A page belongs to a
 * transfer until it has drained, whoever frees it meanwhile.
 */
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

#include "dacc_kv.h"

static bool dacc_unsafe_pool;
module_param_named_unsafe(unsafe_pool, dacc_unsafe_pool, bool, 0600);
MODULE_PARM_DESC(unsafe_pool,
		 "Allow DRM_DACC_POOL_UNPROTECTED, which lets transfers write pages that were freed (default off)");

static void dacc_pool_release(struct kref *ref)
{
	struct dacc_pool *pool = container_of(ref, struct dacc_pool, ref);

	dacc_pages_fini(&pool->pages);
	mutex_destroy(&pool->lock);
	drm_gpuvm_put(&pool->vm->gpuvm);
	dacc_user_uncharge(pool->user, DRM_DACC_LIMIT_HOST_BYTES, pool->charged);
	dacc_user_put(pool->user);
	kfree(pool);
}

/**
 * dacc_pool_put - drop a reference
 * @pool: pool or NULL
 */
void dacc_pool_put(struct dacc_pool *pool)
{
	if (pool)
		kref_put(&pool->ref, dacc_pool_release);
}

/**
 * dacc_pool_get - find a pool by its id
 * @file: client
 * @id: id
 *
 * Return: pool with a reference, or NULL.
 */
struct dacc_pool *dacc_pool_get(struct dacc_file *file, u32 id)
{
	struct dacc_pool *pool;

	xa_lock(&file->pools);
	pool = xa_load(&file->pools, id);
	if (pool)
		kref_get(&pool->ref);
	xa_unlock(&file->pools);
	return pool;
}

/**
 * dacc_pool_targets - describe a pool for the checks of a list
 * @pool: pool
 * @targets: out; no page is allowed yet
 */
void dacc_pool_targets(struct dacc_pool *pool, struct dacc_targets *targets)
{
	*targets = (struct dacc_targets){
		.addr = pool->addr,
		.page_size = pool->page_size,
		.page_shift = is_power_of_2(pool->page_size) ? ilog2(pool->page_size) : 0,
		.n_pages = pool->pages.n,
	};
}

/**
 * dacc_pool_own - make a transfer the owner of its list's pages
 * @transfer: transfer
 * @bad: out: with -ESTALE or -EBUSY, the first handle that can't be had
 *
 * Return: 0, -ESTALE or -EBUSY.
 */
int dacc_pool_own(struct dacc_transfer *transfer, u32 *bad)
{
	struct dacc_list *list = transfer->list;
	struct dacc_pool *pool = list->pool;
	int ret = -ESTALE;

	if (!pool)
		return 0;
	*bad = 0;
	mutex_lock(&pool->lock);
	if (!pool->dead)
		ret = dacc_pages_own(&pool->pages, list->pages, list->n_pages, bad);
	if (!ret) {
		list_add_tail(&transfer->pool_link, &pool->transfers);
		transfer->owns = true;
	}
	mutex_unlock(&pool->lock);
	return ret;
}

/**
 * dacc_pool_disown - give the pages of a transfer back
 * @transfer: transfer that makes no further access, or was never started
 */
void dacc_pool_disown(struct dacc_transfer *transfer)
{
	struct dacc_list *list = transfer->list;
	struct dacc_pool *pool = list->pool;

	if (!transfer->owns)
		return;
	mutex_lock(&pool->lock);
	dacc_pages_disown(&pool->pages, list->pages, list->n_pages);
	list_del_init(&transfer->pool_link);
	transfer->owns = false;
	if (list_empty(&pool->transfers))
		wake_up_all(&pool->idle);
	mutex_unlock(&pool->lock);
}

/**
 * dacc_pool_close - end a pool that no id names any more
 * @pool: pool; the reference of the id is dropped
 *
 * Transfers that write its pages are cancelled, and have ended on return. The
 * caller accounts for dacc_vm.n_pools.
 */
void dacc_pool_close(struct dacc_pool *pool)
{
	struct dacc_transfer *transfer;

	mutex_lock(&pool->lock);
	pool->dead = true;
	list_for_each_entry(transfer, &pool->transfers, pool_link)
		dacc_transfer_stop(transfer, -ECANCELED);
	mutex_unlock(&pool->lock);
	/* No transfer joins a dead pool. */
	wait_event(pool->idle, list_empty_careful(&pool->transfers));

	mutex_lock(&pool->vm->lock);
	list_del(&pool->link);
	mutex_unlock(&pool->vm->lock);
	atomic_dec(&pool->vm->dacc->num_pools);
	dacc_pool_put(pool);
}

/* Enters the pool into its address space, if there is room for it. */
static int dacc_pool_place(struct dacc_pool *pool)
{
	struct dacc_vm *vm = pool->vm;
	struct dacc_pool *other;
	int ret;

	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		return ret;
	list_for_each_entry(other, &vm->pools, link) {
		if (pool->addr < other->addr + other->size &&
		    other->addr < pool->addr + pool->size)
			ret = -EEXIST;
	}
	if (!ret && !dacc_vm_is_mapped(vm, pool->addr, pool->size, true))
		ret = -EFAULT;
	if (!ret)
		list_add_tail(&pool->link, &vm->pools);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * dacc_pool_lies_in - is a mapping in use by a pool?
 * @vm: address space; its lock is held
 * @addr: first byte of the mapping
 * @range: bytes
 *
 * Return: true if so.
 */
bool dacc_pool_lies_in(struct dacc_vm *vm, u64 addr, u64 range)
{
	struct dacc_pool *pool;

	lockdep_assert_held(&vm->lock);
	list_for_each_entry(pool, &vm->pools, link) {
		if (pool->addr < addr + range && addr < pool->addr + pool->size)
			return true;
	}
	return false;
}

static int dacc_pool_charge(struct dacc_pool *pool, u64 size)
{
	int ret = dacc_user_charge(pool->user, DRM_DACC_LIMIT_HOST_BYTES, size);

	if (!ret)
		pool->charged = size;
	return ret;
}

static struct dacc_pool *dacc_pool_new(struct dacc_user *user, struct dacc_vm *vm,
				       const struct drm_dacc_pool_create *args)
{
	struct dacc_pool *pool;
	int ret;

	pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	kref_init(&pool->ref);
	pool->user = dacc_user_get(user);
	pool->vm = vm;
	drm_gpuvm_get(&vm->gpuvm);
	pool->addr = args->addr;
	pool->size = (u64)args->page_size * args->n_pages;
	pool->page_size = args->page_size;
	mutex_init(&pool->lock);
	INIT_LIST_HEAD(&pool->transfers);
	init_waitqueue_head(&pool->idle);
	ret = dacc_pool_charge(pool, dacc_pages_bytes(args->n_pages));
	if (!ret)
		ret = dacc_pages_init(&pool->pages, args->n_pages,
				      args->flags & DRM_DACC_POOL_UNPROTECTED);
	if (!ret)
		ret = dacc_pool_place(pool);
	if (ret) {
		dacc_pool_put(pool);
		return ERR_PTR(ret);
	}
	atomic_inc(&vm->dacc->num_pools);
	return pool;
}

static bool dacc_pool_args_ok(const struct drm_dacc_pool_create *args)
{
	u64 size, end;

	return !args->pad && !(args->flags & ~DRM_DACC_POOL_UNPROTECTED) &&
	       args->page_size && args->page_size <= SZ_1G && args->n_pages &&
	       args->n_pages <= DRM_DACC_MAX_PAGES &&
	       IS_ALIGNED(args->addr | args->page_size, 64) &&
	       !check_mul_overflow((u64)args->page_size, (u64)args->n_pages, &size) &&
	       !check_add_overflow(args->addr, size, &end) && end <= DRM_DACC_VA_KERNEL;
}

/**
 * dacc_pool_create_ioctl - DRM_IOCTL_DACC_POOL_CREATE
 * @drm: device
 * @data: struct drm_dacc_pool_create
 * @file: client
 *
 * Return: 0, -EINVAL, -EPERM, -ENOENT, -EFAULT, -EEXIST, -EDQUOT, -ENOMEM or
 * -ERESTARTSYS.
 */
int dacc_pool_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_pool_create *args = data;
	struct dacc_pool *pool;
	struct dacc_vm *vm;
	int ret;

	if (!dacc_pool_args_ok(args))
		return -EINVAL;
	if (args->flags & DRM_DACC_POOL_UNPROTECTED && !READ_ONCE(dacc_unsafe_pool))
		return -EPERM;

	mutex_lock(&priv->lock);
	vm = xa_load(&priv->vms, args->vm);
	if (!vm) {
		ret = -ENOENT;
		goto unlock;
	}
	ret = xa_alloc(&priv->pools, &args->pool, NULL, xa_limit_31b, GFP_KERNEL);
	if (ret)
		goto unlock;
	pool = dacc_pool_new(priv->user, vm, args);
	if (IS_ERR(pool)) {
		ret = PTR_ERR(pool);
		xa_erase(&priv->pools, args->pool);
		args->pool = 0;
		goto unlock;
	}
	vm->n_pools++;
	xa_store(&priv->pools, args->pool, pool, GFP_KERNEL);
unlock:
	mutex_unlock(&priv->lock);
	return ret;
}

/**
 * dacc_pool_destroy_ioctl - DRM_IOCTL_DACC_POOL_DESTROY
 * @drm: device
 * @data: struct drm_dacc_pool_destroy
 * @file: client
 *
 * Return: 0, -EINVAL or -ENOENT.
 */
int dacc_pool_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_pool_destroy *args = data;
	struct dacc_pool *pool;
	struct dacc_vm *vm;

	if (args->pad)
		return -EINVAL;
	mutex_lock(&priv->lock);
	pool = xa_erase(&priv->pools, args->pool);
	mutex_unlock(&priv->lock);
	if (!pool)
		return -ENOENT;
	/* Not under the lock: it waits. The count keeps the address space. */
	vm = pool->vm;
	dacc_pool_close(pool);
	mutex_lock(&priv->lock);
	vm->n_pools--;
	mutex_unlock(&priv->lock);
	return 0;
}

static bool dacc_pool_pages_ok(const struct drm_dacc_pool_pages *args)
{
	return !args->pad && args->n_pages && args->n_pages <= DRM_DACC_MAX_PAGES;
}

/**
 * dacc_pool_alloc_ioctl - DRM_IOCTL_DACC_POOL_ALLOC
 * @drm: device
 * @data: struct drm_dacc_pool_pages
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -ENOSPC, -EFAULT or -ENOMEM.
 */
int dacc_pool_alloc_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_pool_pages *args = data;
	struct dacc_pool *pool;
	u64 *handles;
	u32 ignored;
	int ret;

	if (!dacc_pool_pages_ok(args))
		return -EINVAL;
	pool = dacc_pool_get(file->driver_priv, args->pool);
	if (!pool)
		return -ENOENT;
	handles = kvmalloc_array(args->n_pages, sizeof(*handles), GFP_KERNEL);
	if (!handles) {
		dacc_pool_put(pool);
		return -ENOMEM;
	}
	mutex_lock(&pool->lock);
	args->index = 0;
	ret = dacc_pages_alloc(&pool->pages, handles, args->n_pages, &args->index);
	mutex_unlock(&pool->lock);
	if (!ret && copy_to_user(u64_to_user_ptr(args->pages), handles,
				 array_size(args->n_pages, sizeof(*handles)))) {
		ret = -EFAULT;
		mutex_lock(&pool->lock);
		/* Another thread may have guessed and freed some: then all stay used. */
		dacc_pages_free(&pool->pages, handles, args->n_pages, &ignored);
		mutex_unlock(&pool->lock);
	}
	kvfree(handles);
	dacc_pool_put(pool);
	return ret;
}

/**
 * dacc_pool_free_ioctl - DRM_IOCTL_DACC_POOL_FREE
 * @drm: device
 * @data: struct drm_dacc_pool_pages
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -ESTALE, -EFAULT or -ENOMEM.
 */
int dacc_pool_free_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_pool_pages *args = data;
	struct dacc_pool *pool;
	u64 *handles;
	int ret;

	if (!dacc_pool_pages_ok(args))
		return -EINVAL;
	pool = dacc_pool_get(file->driver_priv, args->pool);
	if (!pool)
		return -ENOENT;
	handles = vmemdup_array_user(u64_to_user_ptr(args->pages), args->n_pages, sizeof(*handles));
	if (IS_ERR(handles)) {
		ret = PTR_ERR(handles);
		goto out_pool;
	}
	mutex_lock(&pool->lock);
	args->index = 0;
	ret = dacc_pages_free(&pool->pages, handles, args->n_pages, &args->index);
	mutex_unlock(&pool->lock);
	kvfree(handles);
out_pool:
	dacc_pool_put(pool);
	return ret;
}
