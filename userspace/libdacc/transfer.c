// SPDX-License-Identifier: MIT
/* KV transfers: posting prepared lists, and how they ended. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "drm/dacc_accel.h"
#include "internal.h"

/* What the driver says of a fence or a syncobj, and not of which. */
static int sync_error(struct dacc_device *dev, int ret, const struct drm_dacc_transfer *raw)
{
	struct dacc_sync sync = { .handle = raw->in.handle, .point = raw->in.point };
	int bad = 0;

	for (uint32_t i = 0; raw->in.handle && i < raw->n_layers && !bad; i++) {
		bad = dacc_bad_fence(dev, &sync, 1);
		sync.point++;
		if (!raw->in_step)
			break;
	}
	if (bad)
		return bad;
	if (ret == -ENOENT && raw->out.handle)
		return dacc_dev_error(dev, ret, "%s: `out`: there is no syncobj %u, or it is gone",
				      dev->node, raw->out.handle);
	return 0;
}

static int post_error(struct dacc_device *dev, int ret, const struct drm_dacc_transfer *raw)
{
	int bad = ret == -EINVAL || ret == -ENOENT ? sync_error(dev, ret, raw) : 0;

	if (bad)
		return bad;
	switch (ret) {
	case -ESTALE:
		return dacc_dev_error(dev, ret,
				      "page %u was freed since the list was prepared: prepare another",
				      raw->index);
	case -EBUSY:
		return dacc_dev_error(dev, ret,
				      "page %u belongs to another transfer: wait for its end",
				      raw->index);
	case -EAGAIN:
		return dacc_dev_error(dev, ret,
				      "the transfer queue is full, or too many events were not read");
	case -EDQUOT:
		return dacc_dev_error(dev, ret,
				      "this user's transfers in flight have too many bytes: wait for one's end");
	case -EIO:
		return dacc_dev_error(dev, ret,
				      "the transfer queue is out of service: create another one");
	case -EINVAL:
		return dacc_dev_error(dev, ret,
				      "transfer of %u layers from %u: more than the queue's depth, or a point, deadline or not_before_ps out of range",
				      raw->n_layers, raw->first_layer);
	default:
		return dacc_ioctl_error(dev, ret, "start a transfer");
	}
}

DACC_PUBLIC int dacc_transfer_post(struct dacc_queue *queue, struct dacc_list *list,
				   const struct dacc_transfer_args *args, uint64_t *id)
{
	struct dacc_device *dev = queue->vm->dev;
	struct dacc_transfer_args a = { .size = sizeof(a) };
	struct drm_dacc_transfer raw = { .queue = queue->id, .list = list->id };
	int ret = args ? dacc_copy_in(&a, sizeof(a), args) : 0;

	if (ret)
		return dacc_dev_error(dev, ret, "struct dacc_transfer_args %s",
				      dacc_copy_in_text(ret, args));
	if (!id)
		return dacc_dev_error(dev, -EINVAL, "no place for the transfer's id");
	if (queue->queue_class != DACC_CLASS_TRANSFER || queue->vm != list->vm)
		return dacc_dev_error(dev, -EINVAL,
				      "a transfer needs a queue of class transfer in the list's address space: this one is of %s",
				      queue->vm == list->vm ? "class decode" :
							      "another address space");
	if (a.first_layer >= list->n_layers || a.n_layers > list->n_layers - a.first_layer)
		return dacc_dev_error(dev, -EINVAL,
				      "transfer of %u layers from %u: the list has %u", a.n_layers,
				      a.first_layer, list->n_layers);
	raw.first_layer = a.first_layer;
	raw.n_layers = a.n_layers;
	if (!a.n_layers)
		raw.n_layers = list->n_layers - a.first_layer;
	if (a.checksum || a.crcs)
		raw.flags |= DRM_DACC_TRANSFER_CHECKSUM;
	if (a.crcs)
		raw.flags |= DRM_DACC_TRANSFER_VERIFY;
	if (a.link_only)
		raw.flags |= DRM_DACC_TRANSFER_LINK_ONLY;
	if (a.event)
		raw.flags |= DRM_DACC_TRANSFER_EVENT;
	raw.crcs = (uintptr_t)a.crcs;
	raw.cookie = a.cookie;
	raw.deadline_ns = a.deadline;
	raw.not_before_ps = a.not_before_ps;
	if (a.in.handle) {
		raw.in.handle = a.in.handle;
		raw.in.point = a.in.point;
		raw.in_step = !a.in_once;
	}
	if (a.out.handle) {
		raw.out.handle = a.out.handle;
		raw.out.point = a.out.point;
	}
	ret = dacc_ioctl(dev, DRM_IOCTL_DACC_TRANSFER, &raw);
	if (ret)
		return post_error(dev, ret, &raw);
	*id = raw.id;
	return 0;
}

DACC_PUBLIC int dacc_transfer_cancel(struct dacc_device *dev, uint64_t id)
{
	struct drm_dacc_transfer_cancel raw = { .id = id };
	int ret = dacc_ioctl(dev, DRM_IOCTL_DACC_TRANSFER_CANCEL, &raw);

	if (ret == -ENOENT)
		return dacc_dev_error(dev, ret, "there is no transfer %llu, or none any more",
				      (unsigned long long)id);
	return ret ? dacc_ioctl_error(dev, ret, "cancel a transfer") : 0;
}

static int copy_result(const struct drm_dacc_transfer_result *raw,
		       struct dacc_transfer_result *result, size_t size)
{
	struct dacc_transfer_result r = {
		.id = raw->id,
		.cookie = raw->cookie,
		.error = raw->error,
		.path = raw->path,
		.layers_done = raw->layers_done,
		.failed_layer = raw->failed_layer,
		.failed_block = raw->failed_block,
		.crc = raw->crc,
		.pages_done = raw->pages_done,
		.pages_failed = raw->pages_failed,
		.bytes = raw->bytes,
		.link_bytes = raw->link_bytes,
		.t_issue = raw->t_issue,
		.t_start = raw->t_start,
		.t_end = raw->t_end,
		.busy_ps = raw->busy_ps,
	};

	return result ? dacc_copy_out(result, size, &r, sizeof(r)) : 0;
}

DACC_PUBLIC int dacc_transfer_wait(struct dacc_device *dev, uint64_t id, int64_t deadline,
				   struct dacc_transfer_result *result, size_t size)
{
	struct drm_dacc_transfer_wait raw = { .id = id, .timeout_ns = deadline };
	int ret = dacc_ioctl(dev, DRM_IOCTL_DACC_TRANSFER_WAIT, &raw);

	if (ret == -ETIME)
		return dacc_dev_error(dev, ret, "%s: transfer %llu has not ended by its deadline",
				      dev->node, (unsigned long long)id);
	if (ret == -ENOENT)
		return dacc_dev_error(dev, ret,
				      "there is no transfer %llu to wait for, or none any more",
				      (unsigned long long)id);
	if (ret)
		return dacc_ioctl_error(dev, ret, "wait for a transfer");
	return copy_result(&raw.result, result, size);
}

DACC_PUBLIC int dacc_transfer_read(struct dacc_device *dev, struct dacc_transfer_result *result,
				   size_t size)
{
	struct pollfd fd = { .fd = dev->fd, .events = POLLIN };
	struct drm_dacc_event event;
	ssize_t got;

	/* read() of a file that is not non-blocking would wait. */
	if (poll(&fd, 1, 0) <= 0 || !(fd.revents & POLLIN))
		return -EAGAIN;
	got = read(dev->fd, &event, sizeof(event));
	if (got < 0)
		return errno == EAGAIN ? -EAGAIN : dacc_ioctl_error(dev, -errno, "read an event");
	if ((size_t)got < sizeof(event) || event.base.type != DRM_DACC_EVENT_TRANSFER)
		return dacc_dev_error(dev, -EIO,
				      "%s: an event of %zd bytes that is not a transfer's",
				      dev->node, got);
	return copy_result(&event.result, result, size);
}
