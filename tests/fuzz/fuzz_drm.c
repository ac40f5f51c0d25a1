// SPDX-License-Identifier: GPL-2.0
/* The DRM core's ioctls on the node: syncobjs, sharing, and the odd ones. */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fuzz.h"

/* Newer than the libdrm of the oldest system this is built on. */
#ifndef DRM_IOCTL_SYNCOBJ_EVENTFD
struct drm_syncobj_eventfd {
	__u32 handle;
	__u32 flags;
	__u64 point;
	__s32 fd;
	__u32 pad;
};

#define DRM_IOCTL_SYNCOBJ_EVENTFD DRM_IOWR(0xCF, struct drm_syncobj_eventfd)
#endif

static void keep_fd(struct ctx *c, struct table *t, int fd)
{
	uint64_t old = keep(c, t, (uint64_t)fd);

	if (old)
		close((int)old);
}

static void syncobj_destroy(struct ctx *c, struct file *f, uint64_t handle)
{
	struct drm_syncobj_destroy a = { .handle = (uint32_t)handle };

	if (handle)
		call(c, f->fd, DRM_IOCTL_SYNCOBJ_DESTROY, &a);
}

static void op_syncobj_create(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_syncobj_create a = { .flags = one_in(c, 3) };

	if (!call(c, f->fd, DRM_IOCTL_SYNCOBJ_CREATE, &a))
		syncobj_destroy(c, f, keep(c, &f->syncobj, a.handle));
}

static void op_syncobj_destroy(struct ctx *c)
{
	struct file *f = any_file(c);

	syncobj_destroy(c, f, take(c, &f->syncobj));
}

static void op_syncobj_to_fd(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_syncobj_handle a = {
		.handle = (uint32_t)pick(c, &f->syncobj),
		.flags = one_in(c, 2) ? DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE : 0,
	};

	if (!call(c, f->fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &a))
		keep_fd(c, &c->s->syncfd, a.fd);
}

static void op_syncobj_from_fd(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_syncobj_handle a = {
		.fd = (int)pick(c, &c->s->syncfd),
		.handle = (uint32_t)pick(c, &f->syncobj),
		.flags = one_in(c, 2) ? DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE : 0,
	};

	if (!call(c, f->fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &a) && !a.flags)
		syncobj_destroy(c, f, keep(c, &f->syncobj, a.handle));
}

/* Handles and points of a few syncobjs. */
static uint32_t *some_handles(struct ctx *c, struct file *f)
{
	uint32_t *handles = scratch(c, 64);
	int i;

	for (i = 0; i < 4; i++)
		handles[i] = (uint32_t)pick(c, &f->syncobj);
	return handles;
}

static uint64_t *some_points(struct ctx *c)
{
	uint64_t *points = scratch(c, 64);
	int i;

	for (i = 0; i < 4; i++)
		points[i] = below(c, 16);
	return points;
}

/*
 * The core allocates what it is asked for and warns when that is too much, which is
 * the core's affair.
 */
static void fix_count(uint32_t *count)
{
	if (*count > 0x10000)
		*count &= 0xffff;
}

static void fix_syncobj_wait(struct ctx *c, void *arg)
{
	struct drm_syncobj_wait *a = arg;

	fix_count(&a->count_handles);
	if (a->timeout_nsec > 0)
		a->timeout_nsec = deadline(c);
}

static void op_syncobj_wait(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_syncobj_wait a = {
		.handles = user_ptr(c, some_handles(c, f)),
		.count_handles = 1 + below(c, 2),
		.timeout_nsec = deadline(c),
		.flags = below(c, 4),
	};

	call_fixed(c, f->fd, DRM_IOCTL_SYNCOBJ_WAIT, &a, fix_syncobj_wait);
}

static void fix_timeline_wait(struct ctx *c, void *arg)
{
	struct drm_syncobj_timeline_wait *a = arg;

	fix_count(&a->count_handles);
	if (a->timeout_nsec > 0)
		a->timeout_nsec = deadline(c);
}

static void op_timeline_wait(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_syncobj_timeline_wait a = {
		.handles = user_ptr(c, some_handles(c, f)),
		.points = user_ptr(c, some_points(c)),
		.count_handles = 1 + below(c, 2),
		.timeout_nsec = deadline(c),
		.flags = below(c, 8),
	};

	call_fixed(c, f->fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &a, fix_timeline_wait);
}

static void fix_array(struct ctx *c, void *arg)
{
	fix_count(&((struct drm_syncobj_array *)arg)->count_handles);
}

static void fix_timeline_array(struct ctx *c, void *arg)
{
	fix_count(&((struct drm_syncobj_timeline_array *)arg)->count_handles);
}

static void op_syncobj_array(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_syncobj_array a = {
		.handles = user_ptr(c, some_handles(c, f)),
		.count_handles = 1 + below(c, 3),
	};

	call_fixed(c, f->fd, one_in(c, 2) ? DRM_IOCTL_SYNCOBJ_RESET : DRM_IOCTL_SYNCOBJ_SIGNAL, &a,
		   fix_array);
}

static void op_timeline_array(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_syncobj_timeline_array a = {
		.handles = user_ptr(c, some_handles(c, f)),
		.points = user_ptr(c, some_points(c)),
		.count_handles = 1 + below(c, 3),
	};

	call_fixed(c, f->fd,
		   one_in(c, 2) ? DRM_IOCTL_SYNCOBJ_QUERY : DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &a,
		   fix_timeline_array);
}

/* The DRM core of 6.12 leaks a reference to the source if a flag is unknown. */
static void fix_transfer(struct ctx *c, void *arg)
{
	struct drm_syncobj_transfer *a = arg;

	(void)c;
	a->flags &= DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
}

static void op_syncobj_transfer(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_syncobj_transfer a = {
		.src_handle = (uint32_t)pick(c, &f->syncobj),
		.dst_handle = (uint32_t)pick(c, &f->syncobj),
		.src_point = below(c, 16),
		.dst_point = below(c, 24),
	};

	call_fixed(c, f->fd, DRM_IOCTL_SYNCOBJ_TRANSFER, &a, fix_transfer);
}

static void op_syncobj_eventfd(struct ctx *c)
{
	struct file *f = any_file(c);
	int fd = eventfd(0, EFD_CLOEXEC);
	struct drm_syncobj_eventfd a = {
		.handle = (uint32_t)pick(c, &f->syncobj),
		.flags = below(c, 2),
		.point = below(c, 16),
		.fd = fd,
	};

	call(c, f->fd, DRM_IOCTL_SYNCOBJ_EVENTFD, &a);
	if (fd >= 0)
		close(fd);
}

static void op_prime_export(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_prime_handle a = {
		.handle = (uint32_t)pick(c, &f->bo),
		.flags = DRM_CLOEXEC | (one_in(c, 3) ? 0 : DRM_RDWR),
	};

	if (!call(c, f->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &a))
		keep_fd(c, &c->s->dmabuf, a.fd);
}

static void op_prime_import(struct ctx *c)
{
	struct file *f = any_file(c);
	struct drm_prime_handle a = { .fd = (int)pick(c, &c->s->dmabuf) };
	struct drm_gem_close d = {};

	if (one_in(c, 32))
		a.fd = f->fd;
	if (call(c, f->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &a))
		return;
	d.handle = (uint32_t)keep(c, &f->bo, a.handle);
	if (d.handle)
		call(c, f->fd, DRM_IOCTL_GEM_CLOSE, &d);
}

static void op_dmabuf(struct ctx *c)
{
	int fd = (int)pick(c, &c->s->dmabuf);
	struct dma_buf_sync sync = { .flags = below(c, 8) };
	struct dma_buf_export_sync_file out = { .flags = 1 + below(c, 3), .fd = -1 };
	struct dma_buf_import_sync_file in = {
		.flags = 1 + below(c, 3),
		.fd = (int)pick(c, &c->s->syncfd),
	};

	switch (below(c, 4)) {
	case 0:
		call(c, fd, DMA_BUF_IOCTL_SYNC, &sync);
		break;
	case 1:
		if (!call(c, fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &out) && out.fd > 0)
			keep_fd(c, &c->s->syncfd, out.fd);
		break;
	case 2:
		call(c, fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &in);
		break;
	default:
		map_add(c, fd, 0, 0x1000 << below(c, 6));
		break;
	}
}

static void op_drm_misc(struct ctx *c)
{
	struct file *f = any_file(c);
	char *room = scratch(c, 256);
	struct drm_version version = {
		.name = room,
		.name_len = below(c, 64),
		.desc = room + 64,
		.desc_len = below(c, 64),
		.date = room + 128,
		.date_len = below(c, 64),
	};
	struct drm_get_cap cap = { .capability = below(c, 0x18) };
	struct drm_set_client_cap set = { .capability = below(c, 8), .value = below(c, 3) };
	struct drm_unique unique = { .unique = room, .unique_len = below(c, 64) };

	switch (below(c, 5)) {
	case 0:
		call(c, f->fd, DRM_IOCTL_VERSION, &version);
		break;
	case 1:
		call(c, f->fd, DRM_IOCTL_GET_CAP, &cap);
		break;
	case 2:
		call(c, f->fd, DRM_IOCTL_SET_CLIENT_CAP, &set);
		break;
	case 3:
		call(c, f->fd, DRM_IOCTL_GET_UNIQUE, &unique);
		break;
	default:
		memset(room, 0, 256);
		mutate(c, room, 256);
		/* Not the waits, whose numbers are 0xc3 and 0xca. */
		call(c, f->fd, _IOC(3, DRM_IOCTL_BASE, below(c, 0xc0), below(c, 256)), room);
		break;
	}
}

/* One with a fence, one that has none yet, one with points 1 and 2. */
void drm_setup(struct ctx *c, struct file *f)
{
	struct drm_syncobj_create signalled = { .flags = 1 }, empty = {}, line = {};
	struct drm_syncobj_timeline_array points = { .count_handles = 1 };
	uint32_t *handle = scratch(c, 64);
	uint64_t *point = scratch(c, 64), i;

	if (call(c, f->fd, DRM_IOCTL_SYNCOBJ_CREATE, &signalled) ||
	    call(c, f->fd, DRM_IOCTL_SYNCOBJ_CREATE, &empty) ||
	    call(c, f->fd, DRM_IOCTL_SYNCOBJ_CREATE, &line))
		return;
	syncobj_destroy(c, f, keep(c, &f->syncobj, signalled.handle));
	syncobj_destroy(c, f, keep(c, &f->syncobj, empty.handle));
	syncobj_destroy(c, f, keep(c, &f->syncobj, line.handle));
	for (i = 1; i < 3; i++) {
		*handle = line.handle;
		*point = i;
		points.handles = (uintptr_t)handle;
		points.points = (uintptr_t)point;
		call_fixed(c, f->fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &points,
			   fix_timeline_array);
	}
}

const struct op drm_ops[] = { { "syncobj_create", 16, op_syncobj_create },
			      { "syncobj_destroy", 8, op_syncobj_destroy },
			      { "syncobj_to_fd", 8, op_syncobj_to_fd },
			      { "syncobj_from_fd", 8, op_syncobj_from_fd },
			      { "syncobj_wait", 16, op_syncobj_wait },
			      { "timeline_wait", 16, op_timeline_wait },
			      { "syncobj_reset/signal", 16, op_syncobj_array },
			      { "timeline_query/signal", 16, op_timeline_array },
			      { "syncobj_transfer", 10, op_syncobj_transfer },
			      { "syncobj_eventfd", 4, op_syncobj_eventfd },
			      { "prime_export", 6, op_prime_export },
			      { "prime_import", 8, op_prime_import },
			      { "dmabuf", 8, op_dmabuf },
			      { "drm_misc", 20, op_drm_misc },
			      {} };
