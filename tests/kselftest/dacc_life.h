/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of broken jobs, processes and devices share. */
#ifndef DACC_LIFE_H
#define DACC_LIFE_H

#include "dacc_util.h"

#define VA 0x100000000ull

/* Another client that does one fill; 0 if it went well. */
static inline int bystander(void)
{
	struct drm_dacc_result r = {};
	uint32_t vm, bo, q;
	int ret, fd = open_node();

	if (fd < 0)
		return -errno;
	ret = vm_create(fd, &vm);
	ret = ret ? ret : bo_create(fd, SZ_64K, DRM_DACC_BO_SRAM, &bo);
	ret = ret ? ret : vm_map(fd, vm, bo, 0, VA, SZ_64K, 0);
	ret = ret ? ret : queue_create(fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q);
	ret = ret ? ret : run(fd, q, job_fill(VA, SZ_64K, 4), &r);
	close(fd);
	return ret ? ret : r.error;
}

/* The name of the PCI function's directory in sysfs. */
static inline int pci_dir(char *dir, size_t size)
{
	glob_t g = {};
	int ret = -ENOENT;

	if (!glob("/sys/bus/pci/drivers/dacc/*:*:*", 0, NULL, &g)) {
		snprintf(dir, size, "%.20s", strrchr(g.gl_pathv[0], '/') + 1);
		ret = 0;
	}
	globfree(&g);
	return ret;
}

/* Time for a submitted job to be in the chip's hands. */
static inline void let_it_start(void)
{
	usleep(300000);
}

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Of the PCI function, by sysfs. */
static inline int reset_function(void)
{
	char dir[32], path[128];

	if (pci_dir(dir, sizeof(dir)))
		return -ENOENT;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", dir);
	return write_file(path, "1");
}

/* A number in debugfs, if it is there. */
static inline void set_knob(const char *name, unsigned int value)
{
	FILE *f = debugfs_open(name, "w");

	if (!f)
		return;
	fprintf(f, "%u\n", value);
	fclose(f);
}

static inline int set_parameter(const char *name, unsigned int value)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), "/sys/module/dacc/parameters/%s", name);
	snprintf(text, sizeof(text), "%u", value);
	return write_file(path, text);
}

static inline int get_parameter(const char *name, unsigned int *value)
{
	char path[128];
	int ret = -EIO;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/dacc/parameters/%s", name);
	f = fopen(path, "r");
	if (!f)
		return -errno;
	if (fscanf(f, "%u", value) == 1)
		ret = 0;
	fclose(f);
	return ret;
}

#endif
