// SPDX-License-Identifier: MIT
/* Pools of KV pages. */
#include <errno.h>
#include <stdlib.h>

#include "drm/dacc_accel.h"
#include "internal.h"

DACC_PUBLIC int dacc_pool_create(struct dacc_vm *vm, const struct dacc_pool_args *args,
				 struct dacc_pool **out)
{
	struct dacc_device *dev = vm->dev;
	struct drm_dacc_pool_create raw = { .vm = vm->id };
	struct dacc_pool_args a;
	struct dacc_pool *pool;
	int ret = dacc_copy_in(&a, sizeof(a), args);

	if (ret)
		return dacc_dev_error(dev, ret, "struct dacc_pool_args %s",
				      dacc_copy_in_text(ret, args));
	if (!out)
		return dacc_dev_error(dev, -EINVAL, "no place for the pool");
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return dacc_dev_error(dev, -ENOMEM, "out of memory");
	raw.flags = a.unprotected ? DRM_DACC_POOL_UNPROTECTED : 0;
	raw.addr = a.va;
	raw.page_size = a.page_bytes;
	raw.n_pages = a.n_pages;
	ret = dacc_ioctl(dev, DRM_IOCTL_DACC_POOL_CREATE, &raw);
	if (ret) {
		free(pool);
		if (ret == -EINVAL)
			return dacc_dev_error(dev, ret,
					      "a pool of %u pages of %u bytes at 0x%llx: address and page size must be multiples of 64, pages at most 1 GiB and 1048576 in number",
					      a.n_pages, a.page_bytes, (unsigned long long)a.va);
		if (ret == -EFAULT)
			return dacc_dev_error(dev, ret,
					      "a pool of %u pages of %u bytes at 0x%llx does not lie in mappings that the chip may write",
					      a.n_pages, a.page_bytes, (unsigned long long)a.va);
		if (ret == -EEXIST)
			return dacc_dev_error(dev, ret, "the pool overlaps another one");
		if (ret == -EPERM)
			return dacc_dev_error(dev, ret,
					      "pools without protection need the module's parameter unsafe_pool");
		return dacc_ioctl_error(dev, ret, "create a pool");
	}
	pool->vm = dacc_vm_get(vm);
	pool->id = raw.pool;
	pool->va = a.va;
	pool->page_bytes = a.page_bytes;
	*out = pool;
	return 0;
}

DACC_PUBLIC int dacc_pool_alloc(struct dacc_pool *pool, uint64_t *pages, unsigned int n)
{
	struct drm_dacc_pool_pages raw = {
		.pool = pool->id,
		.n_pages = n,
		.pages = (uintptr_t)pages,
	};
	struct dacc_device *dev = pool->vm->dev;
	int ret = dacc_ioctl(dev, DRM_IOCTL_DACC_POOL_ALLOC, &raw);

	if (ret == -ENOSPC)
		return dacc_dev_error(dev, ret, "%u pages are wanted, %u are free now", n,
				      raw.index);
	return ret ? dacc_ioctl_error(dev, ret, "allocate pages") : 0;
}

DACC_PUBLIC int dacc_pool_free(struct dacc_pool *pool, const uint64_t *pages, unsigned int n,
			       unsigned int *owned)
{
	struct drm_dacc_pool_pages raw = {
		.pool = pool->id,
		.n_pages = n,
		.pages = (uintptr_t)pages,
	};
	struct dacc_device *dev = pool->vm->dev;
	int ret = dacc_ioctl(dev, DRM_IOCTL_DACC_POOL_FREE, &raw);

	if (ret == -ESTALE)
		return dacc_dev_error(dev, ret, "page %u of %u was freed before", raw.index, n);
	if (ret)
		return dacc_ioctl_error(dev, ret, "free pages");
	if (owned)
		*owned = raw.index;
	return 0;
}

DACC_PUBLIC uint64_t dacc_pool_page_va(const struct dacc_pool *pool, uint64_t page)
{
	return pool->va + (uint64_t)DRM_DACC_PAGE_INDEX(page) * pool->page_bytes;
}

DACC_PUBLIC void dacc_pool_destroy(struct dacc_pool *pool)
{
	struct drm_dacc_pool_destroy raw = { 0 };

	if (!pool)
		return;
	raw.pool = pool->id;
	dacc_ioctl(pool->vm->dev, DRM_IOCTL_DACC_POOL_DESTROY, &raw);
	dacc_vm_put(pool->vm);
	free(pool);
}
