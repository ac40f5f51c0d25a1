// SPDX-License-Identifier: MIT
/* Fences: DRM syncobjs, binary and timeline. */
#include <errno.h>
#include <string.h>
#include <xf86drm.h>

#include "drm/dacc_accel.h"
#include "internal.h"

DACC_PUBLIC int dacc_syncobj_create(struct dacc_device *dev, uint32_t *handle)
{
	if (!handle)
		return dacc_dev_error(dev, -EINVAL, "no place for the syncobj");
	if (drmSyncobjCreate(dev->fd, 0, handle))
		return dacc_ioctl_error(dev, -errno, "create a syncobj");
	return 0;
}

DACC_PUBLIC void dacc_syncobj_destroy(struct dacc_device *dev, uint32_t handle)
{
	if (handle)
		drmSyncobjDestroy(dev->fd, handle);
}

DACC_PUBLIC int dacc_syncobj_export(struct dacc_device *dev, uint32_t handle, int *fd)
{
	if (!fd)
		return dacc_dev_error(dev, -EINVAL, "no place for the file descriptor");
	if (drmSyncobjHandleToFD(dev->fd, handle, fd))
		return dacc_ioctl_error(dev, -errno, "export a syncobj");
	return 0;
}

DACC_PUBLIC int dacc_syncobj_import(struct dacc_device *dev, int fd, uint32_t *handle)
{
	if (!handle)
		return dacc_dev_error(dev, -EINVAL, "no place for the syncobj");
	if (drmSyncobjFDToHandle(dev->fd, fd, handle))
		return dacc_ioctl_error(dev, -errno, "import a syncobj");
	return 0;
}

DACC_PUBLIC int dacc_syncobj_wait(struct dacc_device *dev, const struct dacc_sync *syncs,
				  unsigned int n, int64_t deadline)
{
	uint32_t handles[DRM_DACC_MAX_SYNCS];
	uint64_t points[DRM_DACC_MAX_SYNCS];
	const uint32_t flags =
		DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;

	if (!syncs || !n || n > DRM_DACC_MAX_SYNCS)
		return dacc_dev_error(dev, -EINVAL, "1 to %d fences can be waited for",
				      DRM_DACC_MAX_SYNCS);
	for (unsigned int i = 0; i < n; i++) {
		handles[i] = syncs[i].handle;
		points[i] = syncs[i].point;
	}
	/* Point 0 of a timeline wait means the binary fence. libdrm gives -errno. */
	if (drmSyncobjTimelineWait(dev->fd, handles, points, n, deadline, flags, NULL)) {
		if (errno == ETIME)
			return dacc_dev_error(dev, -ETIME, "%s: a fence was not signalled in time",
					      dev->node);
		return dacc_ioctl_error(dev, -errno, "wait for a fence");
	}
	return 0;
}

DACC_PUBLIC int dacc_sync_to_fd(struct dacc_device *dev, const struct dacc_sync *sync, int *fd)
{
	uint32_t binary;
	int ret = 0;

	if (!sync || !fd)
		return dacc_dev_error(dev, -EINVAL,
				      "no fence, or no place for the file descriptor");
	if (drmSyncobjCreate(dev->fd, 0, &binary))
		return dacc_ioctl_error(dev, -errno, "create a syncobj");
	if (drmSyncobjTransfer(dev->fd, binary, 0, sync->handle, sync->point, 0) ||
	    drmSyncobjExportSyncFile(dev->fd, binary, fd))
		ret = dacc_ioctl_error(dev, -errno, "make a sync file of a fence");
	drmSyncobjDestroy(dev->fd, binary);
	return ret;
}
