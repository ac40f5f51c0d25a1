// SPDX-License-Identifier: MIT
/* Helper library for the GPU peer, see gpupeer.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

#include "gpupeer.h"

#define DRI_DIR "/dev/dri"

#define DRIVER_NAME "gpupeer"

struct gpupeer {
	int fd;
	char pci[16];
	char node[32];
};

static int ioctl_errno(struct gpupeer *dev, unsigned long request, void *arg)
{
	return drmIoctl(dev->fd, request, arg) ? -errno : 0;
}

/* The short form without a domain is of domain 0. */
static int parse_pci(const char *text, char pci[16])
{
	unsigned int domain = 0, bus, slot, func;
	char rest;

	if (sscanf(text, "%4x:%2x:%2x.%1x%c", &domain, &bus, &slot, &func, &rest) != 4) {
		domain = 0;
		if (sscanf(text, "%2x:%2x.%1x%c", &bus, &slot, &func, &rest) != 3)
			return -EINVAL;
	}
	snprintf(pci, 16, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, slot & 0xff,
		 func & 0xf);
	return 0;
}

/* Name of what a symbolic link of a render node's device leads to, or "". */
static void sysfs_link(const char *name, const char *link, char *out, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t len;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/drm/%s/%s", name, link);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return;
	target[len] = '\0';
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	/* What does not fit is not what we look for. */
	if (strlen(base) < size)
		strcpy(out, base);
}

/* 0 and *fd if the node is a GPU peer (at @pci), -ENODEV if not. */
static int try_node(const char *name, const char *pci, struct gpupeer *dev)
{
	char driver[32], address[sizeof(dev->pci)];

	/* sysfs tells without waking up, or needing access to, other devices. */
	sysfs_link(name, "device/driver", driver, sizeof(driver));
	sysfs_link(name, "device", address, sizeof(address));
	if (strcmp(driver, DRIVER_NAME) || (pci && strcmp(address, pci)))
		return -ENODEV;
	snprintf(dev->node, sizeof(dev->node), DRI_DIR "/%.16s", name);
	memcpy(dev->pci, address, sizeof(dev->pci));
	dev->fd = open(dev->node, O_RDWR | O_CLOEXEC);
	return dev->fd < 0 ? -errno : 0;
}

static int filter_render(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "renderD", 7);
}

int gpupeer_open(const char *pci, struct gpupeer **out)
{
	struct dirent **entry = NULL;
	struct gpupeer *dev;
	char wanted[16];
	int i, n, ret;

	*out = NULL;
	if (pci) {
		ret = parse_pci(pci, wanted);
		if (ret)
			return ret;
	}
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;

	n = scandir(DRI_DIR, &entry, filter_render, versionsort);
	if (n < 0)
		n = 0;
	ret = -ENODEV;
	for (i = 0; i < n; i++) {
		int err = ret ? try_node(entry[i]->d_name, pci ? wanted : NULL, dev) : 0;

		/* What kept a GPU peer from being opened says more than that there is none. */
		if (ret && err != -ENODEV)
			ret = err;
		free(entry[i]);
	}
	free(entry);
	if (ret) {
		free(dev);
		return ret;
	}
	*out = dev;
	return 0;
}

void gpupeer_close(struct gpupeer *dev)
{
	if (!dev)
		return;
	close(dev->fd);
	free(dev);
}

int gpupeer_fd(const struct gpupeer *dev)
{
	return dev->fd;
}

const char *gpupeer_pci(const struct gpupeer *dev)
{
	return dev->pci;
}

const char *gpupeer_node(const struct gpupeer *dev)
{
	return dev->node;
}

int gpupeer_info(struct gpupeer *dev, struct drm_gpupeer_info *info)
{
	memset(info, 0, sizeof(*info));
	return ioctl_errno(dev, DRM_IOCTL_GPUPEER_INFO, info);
}

int gpupeer_bo_create(struct gpupeer *dev, uint64_t size, uint32_t flags, struct gpupeer_bo **out)
{
	struct drm_gpupeer_bo_create args = { .size = size, .flags = flags };
	struct gpupeer_bo *bo;
	int ret;

	*out = NULL;
	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return -ENOMEM;
	ret = ioctl_errno(dev, DRM_IOCTL_GPUPEER_BO_CREATE, &args);
	if (ret) {
		free(bo);
		return ret;
	}
	bo->dev = dev;
	bo->size = args.size;
	bo->handle = args.handle;
	bo->flags = flags;
	*out = bo;
	return 0;
}

void gpupeer_bo_destroy(struct gpupeer_bo *bo)
{
	struct drm_gem_close args = { 0 };

	if (!bo)
		return;
	if (bo->map)
		munmap(bo->map, bo->size);
	args.handle = bo->handle;
	/* Fails only if the device is gone, and the handle with it. */
	ioctl_errno(bo->dev, DRM_IOCTL_GEM_CLOSE, &args);
	free(bo);
}

int gpupeer_bo_map(struct gpupeer_bo *bo, void **map)
{
	struct drm_gpupeer_bo_mmap args = { .handle = bo->handle };
	int ret;
	void *p;

	if (!bo->map) {
		ret = ioctl_errno(bo->dev, DRM_IOCTL_GPUPEER_BO_MMAP, &args);
		if (ret)
			return ret;
		p = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, bo->dev->fd,
			 (off_t)args.offset);
		if (p == MAP_FAILED)
			return -errno;
		bo->map = p;
	}
	*map = bo->map;
	return 0;
}

int gpupeer_bo_export(struct gpupeer_bo *bo)
{
	int fd;

	if (drmPrimeHandleToFD(bo->dev->fd, bo->handle, DRM_CLOEXEC | DRM_RDWR, &fd))
		return -errno;
	return fd;
}

int gpupeer_prefill(struct gpupeer *dev, struct drm_gpupeer_prefill *args)
{
	return ioctl_errno(dev, DRM_IOCTL_GPUPEER_PREFILL, args);
}

int gpupeer_copy(struct gpupeer *dev, struct drm_gpupeer_copy *args)
{
	return ioctl_errno(dev, DRM_IOCTL_GPUPEER_COPY, args);
}

int gpupeer_query(struct gpupeer *dev, uint64_t job, struct gpupeer_result *result, uint64_t *times,
		  uint32_t n_times)
{
	struct drm_gpupeer_job_query args = { .job = job };
	int ret;

	if (times && n_times) {
		args.times = (uintptr_t)times;
		args.n_times = n_times;
	}
	ret = ioctl_errno(dev, DRM_IOCTL_GPUPEER_JOB_QUERY, &args);
	if (ret)
		return ret;
	result->done = args.state == DRM_GPUPEER_JOB_DONE;
	result->error = args.error;
	result->t_issue = args.t_issue;
	result->t_start = args.t_start;
	result->t_end = args.t_end;
	result->bytes = args.bytes;
	result->n_times = args.n_times;
	return 0;
}

int gpupeer_wait(struct gpupeer *dev, uint32_t syncobj, uint64_t point, int64_t deadline)
{
	/* libdrm gives -errno or -1 with errno, depending on its version. */
	int ret;

	errno = 0;
	if (point)
		ret = drmSyncobjTimelineWait(dev->fd, &syncobj, &point, 1, deadline, 0, NULL);
	else
		ret = drmSyncobjWait(dev->fd, &syncobj, 1, deadline, 0, NULL);
	if (ret == 0)
		return 0;
	return errno ? -errno : ret;
}

int64_t gpupeer_deadline(int64_t ns)
{
	struct timespec now;
	int64_t t;

	clock_gettime(CLOCK_MONOTONIC, &now);
	t = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	return ns > INT64_MAX - t ? INT64_MAX : t + ns;
}
