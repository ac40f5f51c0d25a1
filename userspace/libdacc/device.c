// SPDX-License-Identifier: MIT
/* Opening a chip and describing it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>

#include "drm/dacc_accel.h"
#include "internal.h"

#define DRIVER_NAME  "dacc"
#define NODE_PREFIX  "/dev/accel/accel"
#define NSEC_PER_SEC 1000000000ll

int dacc_ioctl(struct dacc_device *dev, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(dev->fd, request, arg);
	} while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

int dacc_ioctl_error(struct dacc_device *dev, int err, const char *what)
{
	if (err == -ENODEV)
		return dacc_dev_error(dev, err,
				      "%s: %s: the device is gone (removed or reset): open it again",
				      dev->node, what);
	return dacc_dev_error(dev, err, "%s: %s: %s", dev->node, what, dacc_error_text(err));
}

static int query(struct dacc_device *dev, uint32_t type, uint32_t index, void *buf, uint32_t *size)
{
	struct drm_dacc_query q = {
		.type = type,
		.index = index,
		.pointer = (uintptr_t)buf,
		.size = *size,
	};
	int ret = dacc_ioctl(dev, DRM_IOCTL_DACC_QUERY, &q);

	*size = q.size;
	return ret;
}

/* Why there is no node: the message is what a person needs here. */
static int no_node(const char *which, const struct dacc_pci_list *list,
		   const struct dacc_pci_function *fn, struct dacc_error *err)
{
	struct dacc_module_info mod = { 0 };

	if (!fn && dacc_pci_list_size(list) && which)
		return dacc_set_error(err, -ENODEV, "no dacc chip is '%s': see `daccctl list`",
				      which);
	if (!fn)
		return dacc_set_error(err, -ENODEV,
				      "no dacc chip on the PCI bus (%04x:%04x): attach one, or start the guest with `-device dacc` (scripts/vm)",
				      DACC_PCI_VENDOR_ID, DACC_PCI_DEVICE_ID);
	if (!dacc_module_query(DRIVER_NAME, &mod, sizeof(mod), NULL) && !mod.loaded)
		return dacc_set_error(err, -ENODEV,
				      "dacc chip %s has no driver: module %s is not loaded: run `daccctl load` as root",
				      fn->bdf, DRIVER_NAME);
	if (strcmp(fn->driver, DRIVER_NAME))
		return dacc_set_error(err, -ENODEV,
				      "dacc chip %s is not bound to driver %s (bound: %s): see `dmesg` for why, or bind it in /sys/bus/pci/drivers/%s",
				      fn->bdf, DRIVER_NAME, fn->driver[0] ? fn->driver : "none",
				      DRIVER_NAME);
	return dacc_set_error(err, -ENODEV,
			      "dacc chip %s has no device node in /dev/accel: is CONFIG_DRM_ACCEL set, and udev or devtmpfs there?",
			      fn->bdf);
}

static bool names(const struct dacc_pci_function *fn, const char *which)
{
	/* The domain may be left out. */
	return !which || !strcmp(fn->bdf, which) || !strcmp(fn->bdf + 5, which) ||
	       !strcmp(fn->node, which);
}

/* node: a path that is given, or that of a chip that is found */
static int find_node(const char *which, char *node, size_t size, struct dacc_error *err)
{
	const struct dacc_pci_function *fn, *seen = NULL;
	struct dacc_pci_list *list;
	char path[64];
	int ret;

	if (which && *which && strspn(which, "0123456789") == strlen(which)) {
		snprintf(path, sizeof(path), NODE_PREFIX "%.20s", which);
		which = path;
	} else if (which && !strncmp(which, "accel", 5) && !strchr(which, '/')) {
		snprintf(path, sizeof(path), "/dev/accel/%.40s", which);
		which = path;
	}
	if (which && which[0] == '/') {
		if (strlen(which) >= size)
			return dacc_set_error(err, -EINVAL, "'%s': too long for a device node",
					      which);
		if (!access(which, F_OK)) {
			strcpy(node, which);
			return 0;
		}
	}
	ret = dacc_pci_scan(&list, err);
	if (ret)
		return ret;
	node[0] = '\0';
	for (size_t i = 0; (fn = dacc_pci_list_get(list, i)) && !node[0]; i++) {
		if (!dacc_pci_function_is_chip(fn) || !names(fn, which))
			continue;
		seen = fn;
		if (fn->node[0])
			snprintf(node, size, "%s", fn->node);
	}
	/* A node's name says nothing while no driver is bound; tell why it is not. */
	if (!node[0] && !seen && which && which[0] == '/')
		for (size_t i = 0; (fn = dacc_pci_list_get(list, i)); i++)
			if (dacc_pci_function_is_chip(fn) && !fn->node[0])
				seen = fn;
	ret = node[0] ? 0 : no_node(which, list, seen, err);
	dacc_pci_list_free(list);
	return ret;
}

static int check_driver(struct dacc_device *dev, struct dacc_error *err)
{
	struct drm_dacc_device_info info;
	uint32_t size = sizeof(info);
	drmVersionPtr v = drmGetVersion(dev->fd);
	bool ours = v && v->name && !strcmp(v->name, DRIVER_NAME);
	int ret;

	drmFreeVersion(v);
	if (!ours)
		return dacc_set_error(err, -EINVAL, "%s is not a dacc device: see `daccctl list`",
				      dev->node);
	memset(&info, 0, sizeof(info));
	ret = query(dev, DRM_DACC_QUERY_DEVICE, 0, &info, &size);
	if (ret)
		return dacc_set_error(err, ret, "%s: can't be queried: %s", dev->node,
				      dacc_error_text(ret));
	if (info.hw_version >> 16 != DACC_VERSION_MAJOR)
		return dacc_set_error(err, -EOPNOTSUPP,
				      "%s: hardware contract %u.%u, this library knows %u: install a library that fits",
				      dev->node, info.hw_version >> 16, info.hw_version & 0xffff,
				      DACC_VERSION_MAJOR);
	dev->va_bits = info.va_bits;
	dev->page_size = info.page_size;
	dev->max_blocks = info.max_blocks;
	dev->features = info.features;
	return 0;
}

DACC_PUBLIC int dacc_device_open(const char *which, struct dacc_device **out,
				 struct dacc_error *err)
{
	struct dacc_device *dev;
	int ret;

	if (!out)
		return dacc_set_error(err, -EINVAL, "no place for the device");
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return dacc_set_error(err, -ENOMEM, "out of memory");
	dev->fd = -1;
	atomic_init(&dev->refs, 1);
	pthread_mutex_init(&dev->lock, NULL);
	ret = find_node(which, dev->node, sizeof(dev->node), err);
	if (!ret) {
		dev->fd = open(dev->node, O_RDWR | O_CLOEXEC);
		if (dev->fd < 0) {
			ret = -errno;
			if (ret == -EACCES || ret == -EPERM)
				dacc_set_error(err, ret,
					       "%s: permission denied: run this as root, or as a member of the group that owns it (commonly render)",
					       dev->node);
			else
				dacc_set_error(err, ret, "%s: %s", dev->node, strerror(-ret));
		} else {
			ret = check_driver(dev, err);
		}
	}
	if (ret) {
		dacc_device_put(dev);
		return ret;
	}
	*out = dev;
	return 0;
}

struct dacc_device *dacc_device_get(struct dacc_device *dev)
{
	atomic_fetch_add(&dev->refs, 1);
	return dev;
}

void dacc_device_put(struct dacc_device *dev)
{
	if (!dev || atomic_fetch_sub(&dev->refs, 1) != 1)
		return;
	if (dev->fd >= 0)
		close(dev->fd);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

DACC_PUBLIC void dacc_device_close(struct dacc_device *dev)
{
	dacc_device_put(dev);
}

DACC_PUBLIC int dacc_device_fd(const struct dacc_device *dev)
{
	return dev->fd;
}

DACC_PUBLIC const char *dacc_device_node(const struct dacc_device *dev)
{
	return dev->node;
}

DACC_PUBLIC int dacc_device_get_info(struct dacc_device *dev, struct dacc_device_info *info,
				     size_t size)
{
	struct drm_dacc_device_info raw;
	struct dacc_device_info i;
	uint32_t n = sizeof(raw);
	int ret;

	memset(&raw, 0, sizeof(raw));
	ret = query(dev, DRM_DACC_QUERY_DEVICE, 0, &raw, &n);
	if (ret)
		return dacc_ioctl_error(dev, ret, "query");
	i = (struct dacc_device_info){
		.hw_version = raw.hw_version,
		.generation = raw.generation,
		.features = raw.features,
		.sram_size = raw.sram_size,
		.sram_free = raw.sram_free,
		.time_ps = raw.time_ps,
		.num_queues = raw.num_queues,
		.num_links = raw.num_links,
		.max_blocks = raw.max_blocks,
		.max_insns = raw.max_insns,
		.va_bits = raw.va_bits,
		.page_size = raw.page_size,
	};
	return dacc_copy_out(info, size, &i, sizeof(i));
}

DACC_PUBLIC int dacc_device_get_link(struct dacc_device *dev, uint32_t port,
				     struct dacc_link_info *info, size_t size)
{
	struct drm_dacc_link_info raw;
	struct dacc_link_info i;
	uint32_t n = sizeof(raw);
	int ret;

	memset(&raw, 0, sizeof(raw));
	ret = query(dev, DRM_DACC_QUERY_LINK, port, &raw, &n);
	if (ret == -ENOENT)
		return dacc_dev_error(dev, ret, "%s: there is no link port %u", dev->node, port);
	if (ret)
		return dacc_ioctl_error(dev, ret, "query of a link");
	i = (struct dacc_link_info){
		.uid = raw.uid,
		.present = raw.status & DACC_LINK_PRESENT,
		.up = raw.status & DACC_LINK_UP,
		.peer_vendor = raw.peer & 0xffff,
		.peer_device = raw.peer >> 16,
		.peer_size = raw.peer_size,
		.bandwidth = raw.bandwidth,
		.latency_ps = raw.latency_ps,
		.rx_bytes = raw.rx_bytes,
		.tx_bytes = raw.tx_bytes,
		.crc_errors = raw.crc_errors,
		.replays = raw.replays,
	};
	if (raw.peer)
		snprintf(i.peer_bdf, sizeof(i.peer_bdf), "%04x:%02x:%02x.%x",
			 raw.peer_domain & 0xffff, raw.peer_bdf >> 8 & 0xff,
			 raw.peer_bdf >> 3 & 0x1f, raw.peer_bdf & 7);
	return dacc_copy_out(info, size, &i, sizeof(i));
}

DACC_PUBLIC int dacc_device_get_timing(struct dacc_device *dev, uint64_t *values, unsigned int n)
{
	uint32_t size = n * sizeof(*values);
	int ret;

	if (!values || !n || n > 1024)
		return dacc_dev_error(dev, -EINVAL, "%s: no room for timing parameters", dev->node);
	ret = query(dev, DRM_DACC_QUERY_TIMING, 0, values, &size);
	return ret ? dacc_ioctl_error(dev, ret, "query of timing") : (int)(size / sizeof(*values));
}

DACC_PUBLIC int64_t dacc_deadline(int64_t ns)
{
	struct timespec now;
	int64_t t;

	if (ns < 0)
		return INT64_MAX;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (__builtin_add_overflow(now.tv_sec * NSEC_PER_SEC + now.tv_nsec, ns, &t))
		return INT64_MAX;
	return t;
}
