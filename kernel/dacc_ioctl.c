// SPDX-License-Identifier: GPL-2.0
/*
 * What of the DRM core's ioctls reaches the core. An accel node has no master, but
 * lets its clients call what is not for masters only, and two of those follow
 * drm_file.master all the same: a NULL pointer here.
 */
#include <linux/fs.h>

#include <drm/drm_ioctl.h>

#include "dacc_device.h"

static bool dacc_ioctl_is_for_masters(unsigned int cmd)
{
	/* As the core, which looks at the number only. */
	switch (DRM_IOCTL_NR(cmd)) {
	case DRM_IOCTL_NR(DRM_IOCTL_GET_UNIQUE):
	case DRM_IOCTL_NR(DRM_IOCTL_GET_MAGIC):
		return true;
	default:
		return false;
	}
}

/**
 * dacc_ioctl - file operation
 * @file: file of a dacc node
 * @cmd: ioctl
 * @arg: its argument
 *
 * Return: what the ioctl returns.
 */
long dacc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return dacc_ioctl_is_for_masters(cmd) ? -EACCES : drm_ioctl(file, cmd, arg);
}

#ifdef CONFIG_COMPAT
/**
 * dacc_compat_ioctl - file operation, for 32-bit processes
 * @file: file of a dacc node
 * @cmd: ioctl
 * @arg: its argument
 *
 * The driver's own structs are the same for both.
 *
 * Return: what the ioctl returns.
 */
long dacc_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return dacc_ioctl_is_for_masters(cmd) ? -EACCES : drm_compat_ioctl(file, cmd, arg);
}
#endif
