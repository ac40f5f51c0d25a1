/* SPDX-License-Identifier: GPL-2.0 */
/* The node of a DRM driver, by the driver's name. */
#ifndef OPEN_DRIVER_H
#define OPEN_DRIVER_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <xf86drm.h>

/* Opens the render node of a DRM driver by its name. */
static inline int open_driver(const char *name)
{
	char path[300];
	struct dirent *e;
	DIR *d = opendir("/dev/dri");

	if (!d)
		return -ENOENT;
	while ((e = readdir(d))) {
		drmVersionPtr v;
		int fd, match;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/dev/dri/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		v = drmGetVersion(fd);
		match = v && !strcmp(v->name, name);
		drmFreeVersion(v);
		if (match) {
			closedir(d);
			return fd;
		}
		close(fd);
	}
	closedir(d);
	return -ENOENT;
}

#endif
