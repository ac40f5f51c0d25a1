/* SPDX-License-Identifier: MIT */
/*
 * Helper library for the GPU peer (gpupeer.ko): a thin layer over its ioctls
 * (uapi/drm/gpupeer_drm.h), statically linked into the programs that use it.
 *
 * Functions return 0 (or what their comment says) on success and a negative
 * errno on failure. Nothing is printed. A device and its buffers may be used
 * by several threads; a buffer must not be mapped or destroyed by two threads at
 * once. Deadlines are absolute, in nanoseconds of CLOCK_MONOTONIC; a deadline
 * in the past polls.
 */
#ifndef GPUPEER_H
#define GPUPEER_H

#include <stddef.h>
#include <stdint.h>

#include "drm/gpupeer_drm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An open GPU peer. */
struct gpupeer;

/**
 * struct gpupeer_bo - a buffer
 * @dev: the device that it belongs to.
 * @size: bytes, as rounded up by the driver.
 * @handle: GEM handle, for segments and copies.
 * @flags: DRM_GPUPEER_BO_HBM or DRM_GPUPEER_BO_SYSTEM.
 * @map: where gpupeer_bo_map() mapped it, or NULL.
 */
struct gpupeer_bo {
	struct gpupeer *dev;
	uint64_t size;
	uint32_t handle;
	uint32_t flags;
	void *map;
};

/**
 * struct gpupeer_result - how a job ended
 * @done: 0 while it is pending (the rest is then zero), else 1.
 * @error: 0 or a negative errno.
 * @t_issue: device time in picoseconds at which it could first start.
 * @t_start: device time in picoseconds at which it started.
 * @t_end: device time in picoseconds at which it ended.
 * @bytes: bytes copied or tokens processed.
 * @n_times: points reported so far; at most the room that was given is filled.
 */
struct gpupeer_result {
	int done;
	int error;
	uint64_t t_issue;
	uint64_t t_start;
	uint64_t t_end;
	uint64_t bytes;
	uint32_t n_times;
};

/**
 * gpupeer_open() - open a GPU peer
 * @pci: its PCI address, as "0000:04:00.0" (the domain may be left out), or
 *	NULL for the first one.
 * @out: the device.
 *
 * Scans /dev/dri/renderD*. Return: 0, -ENODEV if there is none (at @pci),
 * -EACCES if there is one but it may not be opened, -EINVAL if @pci is not a
 * PCI address, or another negative errno.
 */
int gpupeer_open(const char *pci, struct gpupeer **out);

/* Close a device. All its buffers must have been destroyed. NULL is fine. */
void gpupeer_close(struct gpupeer *dev);

/* The DRM file descriptor, for poll() and drmSyncobj*(). */
int gpupeer_fd(const struct gpupeer *dev);

/* The PCI address, as "0000:04:00.0". */
const char *gpupeer_pci(const struct gpupeer *dev);

/* The device node, as "/dev/dri/renderD128". */
const char *gpupeer_node(const struct gpupeer *dev);

/* Size and free bytes of HBM, device time, whether peer-to-peer is allowed. */
int gpupeer_info(struct gpupeer *dev, struct drm_gpupeer_info *info);

/**
 * gpupeer_bo_create() - allocate a buffer, which reads as zeros
 * @dev: device.
 * @size: bytes.
 * @flags: DRM_GPUPEER_BO_HBM or DRM_GPUPEER_BO_SYSTEM.
 * @out: the buffer.
 *
 * Return: 0, -ENOSPC if there is not that much memory, or another negative
 * errno.
 */
int gpupeer_bo_create(struct gpupeer *dev, uint64_t size, uint32_t flags, struct gpupeer_bo **out);

/* Unmap and free a buffer; jobs in flight keep the memory. NULL is fine. */
void gpupeer_bo_destroy(struct gpupeer_bo *bo);

/* Map the whole buffer, once; later calls give the same address. */
int gpupeer_bo_map(struct gpupeer_bo *bo, void **map);

/* Export as dma-buf. Return: a new file descriptor (close-on-exec). */
int gpupeer_bo_export(struct gpupeer_bo *bo);

/**
 * gpupeer_prefill() - submit a prefill
 * @dev: device.
 * @args: see struct drm_gpupeer_prefill; in_syncs is a pointer cast to
 *	uint64_t. @args->job is set.
 *
 * Does not wait. Return: 0 or a negative errno.
 */
int gpupeer_prefill(struct gpupeer *dev, struct drm_gpupeer_prefill *args);

/* Submit a copy between HBM and host memory; as gpupeer_prefill(). */
int gpupeer_copy(struct gpupeer *dev, struct drm_gpupeer_copy *args);

/**
 * gpupeer_query() - result of a job
 * @dev: device.
 * @job: what gpupeer_prefill() or gpupeer_copy() gave.
 * @result: the result.
 * @times: receives the device time (picoseconds) of each point, or NULL.
 * @n_times: room in @times.
 *
 * Return: 0, -ENOENT if the job is unknown or more than 256 jobs ago, or
 * another negative errno. A failed job is not a failure of this function.
 */
int gpupeer_query(struct gpupeer *dev, uint64_t job, struct gpupeer_result *result, uint64_t *times,
		  uint32_t n_times);

/**
 * gpupeer_wait() - wait until a job has ended
 * @dev: device.
 * @syncobj: the handle that was in its @done.
 * @point: the point that was in its @done, 0 for a binary syncobj.
 * @deadline: absolute, see above.
 *
 * Return: 0, -ETIME past the deadline, or another negative errno. Use
 * gpupeer_query() to know how the job ended.
 */
int gpupeer_wait(struct gpupeer *dev, uint32_t syncobj, uint64_t point, int64_t deadline);

/* The deadline that is @ns from now. */
int64_t gpupeer_deadline(int64_t ns);

#ifdef __cplusplus
}
#endif

#endif /* GPUPEER_H */
