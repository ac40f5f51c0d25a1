// SPDX-License-Identifier: MIT
/* Address spaces. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drm/dacc_accel.h"
#include "internal.h"

#define VA_START (2048 * KIB) /* what a wrong small address hits is unmapped */
#define VA_ALIGN (64 * KIB)   /* lets the driver use large pages */

DACC_PUBLIC int dacc_vm_create(struct dacc_device *dev, struct dacc_vm **out)
{
	struct drm_dacc_vm_create args = { 0 };
	struct dacc_vm *vm;
	int ret;

	if (!out)
		return dacc_dev_error(dev, -EINVAL, "no place for the address space");
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return dacc_dev_error(dev, -ENOMEM, "out of memory");
	ret = dacc_ioctl(dev, DRM_IOCTL_DACC_VM_CREATE, &args);
	if (ret) {
		free(vm);
		if (ret == -ENOSPC)
			return dacc_dev_error(dev, ret,
					      "%s: all address spaces of the chip are taken: end another program that uses it",
					      dev->node);
		return dacc_ioctl_error(dev, ret, "create an address space");
	}
	atomic_init(&vm->refs, 1);
	atomic_init(&vm->priority, DACC_PRIORITY_NORMAL);
	vm->dev = dacc_device_get(dev);
	vm->id = args.vm;
	pthread_mutex_init(&vm->lock, NULL);
	va_init(&vm->space, VA_START, DRM_DACC_VA_KERNEL);
	*out = vm;
	return 0;
}

DACC_PUBLIC int dacc_vm_set_priority(struct dacc_vm *vm, enum dacc_priority priority)
{
	if (priority != DACC_PRIORITY_LOW && priority != DACC_PRIORITY_NORMAL &&
	    priority != DACC_PRIORITY_HIGH)
		return dacc_dev_error(vm->dev, -EINVAL,
				      "priority %d of memory: want DACC_PRIORITY_LOW, _NORMAL or _HIGH",
				      (int)priority);
	atomic_store(&vm->priority, (unsigned int)priority);
	return 0;
}

struct dacc_vm *dacc_vm_get(struct dacc_vm *vm)
{
	atomic_fetch_add(&vm->refs, 1);
	return vm;
}

void dacc_vm_put(struct dacc_vm *vm)
{
	struct drm_dacc_vm_destroy args = { 0 };

	if (!vm || atomic_fetch_sub(&vm->refs, 1) != 1)
		return;
	args.vm = vm->id;
	dacc_ioctl(vm->dev, DRM_IOCTL_DACC_VM_DESTROY, &args);
	va_fini(&vm->space);
	pthread_mutex_destroy(&vm->lock);
	dacc_device_put(vm->dev);
	free(vm);
}

DACC_PUBLIC void dacc_vm_destroy(struct dacc_vm *vm)
{
	dacc_vm_put(vm);
}

static int check_map(struct dacc_device *dev, const struct dacc_bo *bo, uint64_t offset,
		     uint64_t bytes, uint32_t flags, const uint64_t *va)
{
	const unsigned long long at = offset, n = bytes, size = bo->bytes;

	if (!va)
		return dacc_dev_error(dev, -EINVAL, "no place for the address");
	if (flags & ~DACC_VM_READONLY)
		return dacc_dev_error(dev, -EINVAL, "mapping: unknown flags 0x%x",
				      flags & ~DACC_VM_READONLY);
	if (offset >= bo->bytes || bytes > bo->bytes - offset)
		return dacc_dev_error(dev, -EINVAL,
				      "mapping of %llu bytes at %llu of a buffer of %llu: out of its bounds",
				      n, at, size);
	if (offset % dev->page_size || bytes % dev->page_size)
		return dacc_dev_error(dev, -EINVAL,
				      "mapping of %llu bytes at %llu: both must be multiples of %u",
				      n, at, dev->page_size);
	return 0;
}

DACC_PUBLIC int dacc_vm_map(struct dacc_vm *vm, struct dacc_bo *bo, uint64_t offset, uint64_t bytes,
			    uint32_t flags, uint64_t *va)
{
	struct drm_dacc_vm_bind args = {
		.vm = vm->id,
		.op = DRM_DACC_VM_MAP,
		.handle = bo->handle,
		.flags = flags & DACC_VM_READONLY ? DRM_DACC_VM_READONLY : 0,
		.offset = offset,
	};
	uint64_t at;
	int ret;

	if (!bytes && offset < bo->bytes)
		bytes = bo->bytes - offset;
	ret = check_map(vm->dev, bo, offset, bytes, flags, va);
	if (ret)
		return ret;
	pthread_mutex_lock(&vm->lock);
	ret = va_alloc(&vm->space, bytes, VA_ALIGN, &at);
	pthread_mutex_unlock(&vm->lock);
	if (ret)
		return dacc_dev_error(vm->dev, ret, "no room in the address space for %llu bytes",
				      (unsigned long long)bytes);
	args.addr = at;
	args.range = bytes;
	ret = dacc_ioctl(vm->dev, DRM_IOCTL_DACC_VM_BIND, &args);
	if (ret) {
		pthread_mutex_lock(&vm->lock);
		va_free(&vm->space, at);
		pthread_mutex_unlock(&vm->lock);
		if (ret == -EREMOTEIO)
			return dacc_dev_error(vm->dev, ret,
					      "%s: the chip may not reach this peer's memory: go through host memory",
					      vm->dev->node);
		return dacc_ioctl_error(vm->dev, ret, "map a buffer into an address space");
	}
	*va = at;
	return 0;
}

DACC_PUBLIC int dacc_vm_unmap(struct dacc_vm *vm, uint64_t va)
{
	struct drm_dacc_vm_bind args = {
		.vm = vm->id,
		.op = DRM_DACC_VM_UNMAP,
		.addr = va,
	};
	int ret;

	pthread_mutex_lock(&vm->lock);
	args.range = va_find(&vm->space, va);
	pthread_mutex_unlock(&vm->lock);
	if (!args.range)
		return dacc_dev_error(vm->dev, -ENOENT, "nothing is mapped at 0x%llx",
				      (unsigned long long)va);
	ret = dacc_ioctl(vm->dev, DRM_IOCTL_DACC_VM_BIND, &args);
	if (ret)
		return dacc_ioctl_error(vm->dev, ret, "unmap a buffer");
	/* Only now: until the chip let go of it no other mapping may come here. */
	pthread_mutex_lock(&vm->lock);
	va_free(&vm->space, va);
	pthread_mutex_unlock(&vm->lock);
	return 0;
}

int dacc_area_create(struct dacc_vm *vm, uint64_t bytes, enum dacc_bo_place place,
		     struct dacc_area *area)
{
	int ret;

	memset(area, 0, sizeof(*area));
	ret = dacc_bo_create_private(vm, bytes, place, &area->bo);
	if (ret)
		return ret;
	ret = dacc_vm_map(vm, area->bo, 0, 0, 0, &area->va);
	if (ret) {
		dacc_bo_destroy(area->bo);
		area->bo = NULL;
		return ret;
	}
	area->vm = dacc_vm_get(vm);
	return 0;
}

void dacc_area_destroy(struct dacc_area *area)
{
	if (!area->vm)
		return;
	dacc_vm_unmap(area->vm, area->va);
	dacc_bo_destroy(area->bo);
	dacc_vm_put(area->vm);
	memset(area, 0, sizeof(*area));
}
