// SPDX-License-Identifier: MIT
/* Buffers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "drm/dacc_accel.h"
#include "internal.h"

static struct dacc_bo *new_bo(struct dacc_device *dev)
{
	struct dacc_bo *bo = calloc(1, sizeof(*bo));

	if (!bo)
		return NULL;
	atomic_init(&bo->refs, 1);
	pthread_mutex_init(&bo->lock, NULL);
	bo->dev = dacc_device_get(dev);
	return bo;
}

static void free_bo(struct dacc_bo *bo)
{
	if (bo->map)
		munmap(bo->map, bo->bytes);
	if (bo->handle)
		drmCloseBufferHandle(bo->dev->fd, bo->handle);
	if (bo->sram)
		atomic_fetch_sub(&bo->dev->sram_held, bo->bytes);
	pthread_mutex_destroy(&bo->lock);
	dacc_device_put(bo->dev);
	free(bo);
}

/* "this process holds 1.00 MiB, others the other 2.00 MiB" */
static void holders(struct dacc_device *dev, const struct dacc_device_info *info, char *buf,
		    size_t size)
{
	uint64_t used = info->sram_size - info->sram_free;
	uint64_t held = atomic_load(&dev->sram_held);
	char a[32], b[32];

	if (held > used)
		held = used;
	dacc_size_text(held, a, sizeof(a));
	dacc_size_text(used - held, b, sizeof(b));
	snprintf(buf, size, "this process holds %s here, others hold %s", a,
		 used > held ? b : "nothing");
}

int dacc_sram_error(struct dacc_device *dev, const char *what, uint64_t need, const char *remedy)
{
	struct dacc_device_info info = { 0 };
	char a[32], b[32], c[32], who[128];
	uint64_t missing;

	if (dacc_device_get_info(dev, &info, sizeof(info)))
		return dacc_dev_error(dev, -ENOSPC, "%s: no SRAM left for %s: %s", dev->node, what,
				      remedy);
	/* What can be had by eviction counts, as the driver told with its last -ENOSPC. */
	if (info.sram_free < atomic_load(&dev->sram_available))
		info.sram_free = atomic_load(&dev->sram_available);
	holders(dev, &info, who, sizeof(who));
	missing = need > info.sram_free ? need - info.sram_free : 0;
	if (!missing)
		return dacc_dev_error(dev, -ENOSPC,
				      "%s: no piece of SRAM is large enough for %s (%s of %s free; %s): %s",
				      dev->node, what, dacc_size_text(info.sram_free, a, sizeof(a)),
				      dacc_size_text(info.sram_size, b, sizeof(b)), who, remedy);
	return dacc_dev_error(dev, -ENOSPC,
			      "%s: %s needs %s of SRAM, %s is free (%s): %s (%llu bytes) too much: %s",
			      dev->node, what, dacc_size_text(need, a, sizeof(a)),
			      dacc_size_text(info.sram_free, b, sizeof(b)), who,
			      dacc_size_text(missing, c, sizeof(c)), (unsigned long long)missing,
			      remedy);
}

static int create_bo(struct dacc_device *dev, struct dacc_vm *vm, uint64_t bytes,
		     enum dacc_bo_place place, struct dacc_bo **out)
{
	struct drm_dacc_bo_create args = {
		.size = bytes,
		.flags = place == DACC_BO_SRAM ? DRM_DACC_BO_SRAM : DRM_DACC_BO_HOST,
		.vm = vm ? vm->id : 0,
		.priority = vm ? (uint32_t)atomic_load(&vm->priority) : DRM_DACC_PRIORITY_NORMAL,
	};
	struct dacc_bo *bo;
	int ret;

	if (!out)
		return dacc_dev_error(dev, -EINVAL, "no place for the buffer");
	if (place != DACC_BO_SRAM && place != DACC_BO_HOST)
		return dacc_dev_error(dev, -EINVAL,
				      "placement %d of a buffer: want DACC_BO_SRAM or DACC_BO_HOST",
				      (int)place);
	if (!bytes)
		return dacc_dev_error(dev, -EINVAL, "a buffer of 0 bytes is asked for");
	bo = new_bo(dev);
	if (!bo)
		return dacc_dev_error(dev, -ENOMEM, "out of memory");
	ret = dacc_ioctl(dev, DRM_IOCTL_DACC_BO_CREATE, &args);
	if (ret) {
		free_bo(bo);
		atomic_store(&dev->sram_available, args.available);
		if (ret == -ENOSPC)
			return dacc_sram_error(dev, "a buffer", bytes, "free other buffers first");
		return dacc_ioctl_error(dev, ret, "create a buffer");
	}
	bo->handle = args.handle;
	bo->bytes = args.size;
	bo->sram = place == DACC_BO_SRAM;
	if (bo->sram)
		atomic_fetch_add(&dev->sram_held, bo->bytes);
	*out = bo;
	return 0;
}

DACC_PUBLIC int dacc_bo_create(struct dacc_device *dev, uint64_t bytes, enum dacc_bo_place place,
			       struct dacc_bo **out)
{
	return create_bo(dev, NULL, bytes, place, out);
}

int dacc_bo_create_private(struct dacc_vm *vm, uint64_t bytes, enum dacc_bo_place place,
			   struct dacc_bo **out)
{
	return create_bo(vm->dev, vm, bytes, place, out);
}

/*
 * A file has one handle for a dma-buf, however often it is imported; so the
 * objects must be one too, or the first to be freed would take the handle away.
 */
DACC_PUBLIC int dacc_bo_import(struct dacc_device *dev, int fd, struct dacc_bo **out)
{
	struct drm_dacc_bo_info info = { 0 };
	struct dacc_bo *bo, *known;
	uint32_t handle;
	int ret;

	if (!out)
		return dacc_dev_error(dev, -EINVAL, "%s: no place for the buffer", dev->node);
	bo = new_bo(dev);
	if (!bo)
		return dacc_dev_error(dev, -ENOMEM, "out of memory");
	pthread_mutex_lock(&dev->lock);
	ret = drmPrimeFDToHandle(dev->fd, fd, &handle) ? -errno : 0;
	for (known = dev->imports; !ret && known; known = known->next)
		if (known->handle == handle)
			break;
	if (!ret && known) {
		atomic_fetch_add(&known->refs, 1);
	} else if (!ret) {
		info.handle = handle;
		ret = dacc_ioctl(dev, DRM_IOCTL_DACC_BO_INFO, &info);
		bo->handle = handle;
		bo->bytes = info.size;
		bo->imported = true;
		if (!ret) {
			bo->next = dev->imports;
			dev->imports = bo;
		}
	}
	pthread_mutex_unlock(&dev->lock);
	if (ret || known)
		free_bo(bo);
	if (ret == -EINVAL || ret == -EBADF)
		return dacc_dev_error(dev, ret, "%s: file descriptor %d is not a dma-buf",
				      dev->node, fd);
	if (ret)
		return dacc_ioctl_error(dev, ret, "import a dma-buf");
	*out = known ? known : bo;
	return 0;
}

DACC_PUBLIC int dacc_bo_export(struct dacc_bo *bo, int *fd)
{
	if (!fd)
		return dacc_dev_error(bo->dev, -EINVAL, "no place for the file descriptor");
	if (drmPrimeHandleToFD(bo->dev->fd, bo->handle, DRM_CLOEXEC | DRM_RDWR, fd))
		return dacc_ioctl_error(bo->dev, -errno, "export a buffer");
	return 0;
}

DACC_PUBLIC int dacc_bo_map(struct dacc_bo *bo, void **ptr)
{
	struct drm_dacc_bo_mmap args = { .handle = bo->handle };
	void *map;
	int ret = 0;

	if (!ptr)
		return dacc_dev_error(bo->dev, -EINVAL, "no place for the address");
	pthread_mutex_lock(&bo->lock);
	if (!bo->map) {
		ret = dacc_ioctl(bo->dev, DRM_IOCTL_DACC_BO_MMAP, &args);
		if (!ret) {
			map = mmap(NULL, bo->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bo->dev->fd,
				   args.offset);
			if (map == MAP_FAILED)
				ret = -errno;
			else
				bo->map = map;
		}
	}
	*ptr = bo->map;
	pthread_mutex_unlock(&bo->lock);
	return ret ? dacc_ioctl_error(bo->dev, ret, "map a buffer") : 0;
}

DACC_PUBLIC uint64_t dacc_bo_size(const struct dacc_bo *bo)
{
	return bo->bytes;
}

DACC_PUBLIC int dacc_bo_get_info(struct dacc_bo *bo, struct dacc_bo_info *info, size_t size)
{
	struct drm_dacc_bo_info raw = { .handle = bo->handle };
	struct dacc_bo_info i;
	int ret = dacc_ioctl(bo->dev, DRM_IOCTL_DACC_BO_INFO, &raw);

	if (ret)
		return dacc_ioctl_error(bo->dev, ret, "describe a buffer");
	i = (struct dacc_bo_info){
		.bytes = raw.size,
		.sram = raw.flags & DRM_DACC_BO_SRAM,
		.imported = raw.flags & DRM_DACC_BO_IMPORTED,
		.peer = raw.flags & DRM_DACC_BO_PEER,
		.linked = raw.flags & DRM_DACC_BO_LINKED,
		.revoked = raw.flags & DRM_DACC_BO_REVOKED,
	};
	return dacc_copy_out(info, size, &i, sizeof(i));
}

DACC_PUBLIC void dacc_bo_destroy(struct dacc_bo *bo)
{
	struct dacc_device *dev;
	bool last;

	if (!bo)
		return;
	dev = dacc_device_get(bo->dev);
	/* Under the lock that importing holds, so that no import finds a dead object. */
	pthread_mutex_lock(&dev->lock);
	last = atomic_fetch_sub(&bo->refs, 1) == 1;
	if (last && bo->imported) {
		for (struct dacc_bo **link = &dev->imports; *link; link = &(*link)->next) {
			if (*link == bo) {
				*link = bo->next;
				break;
			}
		}
	}
	if (last && bo->handle) {
		drmCloseBufferHandle(dev->fd, bo->handle);
		bo->handle = 0;
	}
	pthread_mutex_unlock(&dev->lock);
	if (last)
		free_bo(bo);
	dacc_device_put(dev);
}
