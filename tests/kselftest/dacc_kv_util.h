/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of pools, lists and transfers share. */
#ifndef DACC_KV_UTIL_H
#define DACC_KV_UTIL_H

#include "dacc_util.h"

static inline int pool_create(int fd, uint32_t vm, uint64_t addr, uint32_t page_size,
			      uint32_t n_pages, uint32_t flags, uint32_t *pool)
{
	struct drm_dacc_pool_create c = {
		.vm = vm,
		.flags = flags,
		.addr = addr,
		.page_size = page_size,
		.n_pages = n_pages,
	};
	int ret = xioctl(fd, DRM_IOCTL_DACC_POOL_CREATE, &c);

	*pool = c.pool;
	return ret;
}

static inline int pool_destroy(int fd, uint32_t pool)
{
	struct drm_dacc_pool_destroy d = { .pool = pool };

	return xioctl(fd, DRM_IOCTL_DACC_POOL_DESTROY, &d);
}

static inline int pool_alloc(int fd, uint32_t pool, uint64_t *pages, uint32_t n, uint32_t *index)
{
	struct drm_dacc_pool_pages p = {
		.pool = pool,
		.n_pages = n,
		.pages = (uintptr_t)pages,
	};
	int ret = xioctl(fd, DRM_IOCTL_DACC_POOL_ALLOC, &p);

	if (index)
		*index = p.index;
	return ret;
}

static inline int pool_free(int fd, uint32_t pool, const uint64_t *pages, uint32_t n,
			    uint32_t *index)
{
	struct drm_dacc_pool_pages p = {
		.pool = pool,
		.n_pages = n,
		.pages = (uintptr_t)pages,
	};
	int ret = xioctl(fd, DRM_IOCTL_DACC_POOL_FREE, &p);

	if (index)
		*index = p.index;
	return ret;
}

static inline int list_create(int fd, struct drm_dacc_list_create *c, uint32_t *list)
{
	int ret = xioctl(fd, DRM_IOCTL_DACC_LIST_CREATE, c);

	*list = c->list;
	return ret;
}

static inline int list_destroy(int fd, uint32_t list)
{
	struct drm_dacc_list_destroy d = { .list = list };

	return xioctl(fd, DRM_IOCTL_DACC_LIST_DESTROY, &d);
}

static inline int transfer(int fd, struct drm_dacc_transfer *t)
{
	return xioctl(fd, DRM_IOCTL_DACC_TRANSFER, t);
}

static inline int transfer_cancel(int fd, uint64_t id)
{
	struct drm_dacc_transfer_cancel c = { .id = id };

	return xioctl(fd, DRM_IOCTL_DACC_TRANSFER_CANCEL, &c);
}

/* Waits up to @seconds; 0 polls. */
static inline int transfer_wait(int fd, uint64_t id, int seconds,
				struct drm_dacc_transfer_result *result)
{
	struct drm_dacc_transfer_wait w = {
		.id = id,
		.timeout_ns = seconds ? now_ns() + seconds * NSEC : 0,
	};
	int ret = xioctl(fd, DRM_IOCTL_DACC_TRANSFER_WAIT, &w);

	if (result)
		*result = w.result;
	return ret;
}

/* Posts, waits, and gives the result; an errno of either, not of the transfer. */
static inline int transfer_run(int fd, struct drm_dacc_transfer *t,
			       struct drm_dacc_transfer_result *result)
{
	int ret = transfer(fd, t);

	return ret ? ret : transfer_wait(fd, t->id, 60, result);
}

static inline void fill_pattern(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (uint8_t)(seed >> 24);
	}
}

/* CRC-32 of IEEE 802.3, bit by bit: slow and plain. */
static inline uint32_t crc32_add(uint32_t c, const uint8_t *p, size_t n)
{
	c = ~c;
	while (n--) {
		c ^= *p++;
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

#endif
