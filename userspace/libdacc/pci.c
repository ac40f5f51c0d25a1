// SPDX-License-Identifier: MIT
/* Finding chips and what is linked to them, by libpci and sysfs. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define SYSFS_DEVICES "/sys/bus/pci/devices"

struct dacc_pci_list {
	size_t n;
	struct dacc_pci_function *fn;
};

/* libpci ends the process on an error, unless its handler does not return. */
struct scan {
	struct pci_access *access;
	jmp_buf failed;
	struct dacc_pci_list *list;
};

/* The handlers get no context, so each thread keeps its scan here meanwhile. */
static _Thread_local struct scan *current_scan;

static void __attribute__((noreturn)) on_error(char *fmt, ...)
{
	(void)fmt;
	longjmp(current_scan->failed, 1);
}

static void on_message(char *fmt, ...)
{
	(void)fmt;
}

static void sysfs_text(const char *bdf, const char *name, char *buf, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/%s", bdf, name);
	buf[0] = '\0';
	f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(buf, size, f))
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

static void find_driver(struct dacc_pci_function *fn)
{
	char path[128], target[PATH_MAX], *name;
	ssize_t n;

	snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/driver", fn->bdf);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	name = strrchr(target, '/');
	snprintf(fn->driver, sizeof(fn->driver), "%.31s", name ? name + 1 : target);
}

/* accel/accelN or drm/renderDN below the function's folder in sysfs */
static void find_node(struct dacc_pci_function *fn, const char *class, const char *prefix,
		      const char *dev)
{
	char path[128];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/%s", fn->bdf, class);
	dir = opendir(path);
	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (!strncmp(e->d_name, prefix, strlen(prefix)))
			snprintf(fn->node, sizeof(fn->node), "%s/%.40s", dev, e->d_name);
	closedir(dir);
}

static void read_express(struct pci_dev *d, struct dacc_pci_function *fn)
{
	/* MT/s by the link speed's code */
	static const uint32_t speed[] = { 0, 2500, 5000, 8000, 16000, 32000, 64000 };
	struct pci_cap *cap = pci_find_cap(d, PCI_CAP_ID_EXP, PCI_CAP_NORMAL);
	unsigned int status, type;

	if (!cap)
		return;
	type = (pci_read_word(d, cap->addr + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4;
	/* An integrated endpoint has no link. */
	if (type == PCI_EXP_TYPE_ROOT_INT_EP)
		return;
	status = pci_read_word(d, cap->addr + PCI_EXP_LNKSTA);
	if (status == 0xffff || (status & PCI_EXP_LNKSTA_SPEED) >= ARRAY_SIZE(speed))
		return;
	fn->link_speed = speed[status & PCI_EXP_LNKSTA_SPEED];
	fn->link_width = (status & PCI_EXP_LNKSTA_WIDTH) >> 4;
}

static void read_dvsec(struct pci_dev *d, struct dacc_pci_function *fn)
{
	struct pci_cap *cap;
	uint32_t n;

	for (cap = d->first_cap; cap; cap = cap->next) {
		if (cap->type != PCI_CAP_EXTENDED || cap->id != PCI_EXT_CAP_ID_DVSEC)
			continue;
		/* DVSEC header 1: vendor in bits 15:0; header 2: id in bits 15:0 */
		if (pci_read_word(d, cap->addr + 4) == DACC_DVSEC_VENDOR &&
		    pci_read_word(d, cap->addr + 8) == DACC_DVSEC_ID)
			break;
	}
	if (!cap)
		return;
	n = pci_read_long(d, cap->addr + DACC_DVSEC_NPORTS);
	/* What can't be read reads as all ones. */
	if (n > DACC_MAX_LINKS)
		return;
	fn->has_dvsec = true;
	fn->memory_bar = pci_read_word(d, cap->addr + DACC_DVSEC_FLAGS) & DACC_DVSEC_FLAGS_BAR;
	fn->n_ports = n < DACC_PCI_PORTS ? n : DACC_PCI_PORTS;
	for (uint32_t i = 0; i < fn->n_ports; i++) {
		unsigned int at = cap->addr + DACC_DVSEC_PORTS + i * sizeof(struct dacc_dvsec_port);

		fn->port[i].uid = pci_read_long(d, at) | (uint64_t)pci_read_long(d, at + 4) << 32;
		fn->port[i].port = pci_read_long(d, at + offsetof(struct dacc_dvsec_port, port));
	}
}

static bool is_chip_id(uint16_t vendor, uint16_t device)
{
	return vendor == DACC_PCI_VENDOR_ID && device == DACC_PCI_DEVICE_ID;
}

static void read_function(struct pci_dev *d, struct dacc_pci_function *fn)
{
	char text[64];

	memset(fn, 0, sizeof(*fn));
	snprintf(fn->bdf, sizeof(fn->bdf), "%04x:%02x:%02x.%x", d->domain & 0xffff, d->bus, d->dev,
		 d->func & 7);
	fn->vendor = d->vendor_id;
	fn->device = d->device_id;
	fn->class_code = d->device_class;
	fn->revision = pci_read_byte(d, PCI_REVISION_ID);
	for (int i = 0; i < DACC_PCI_BARS; i++) {
		struct dacc_pci_bar *bar = &fn->bar[i];

		if (!d->size[i] || !d->base_addr[i])
			continue;
		bar->addr = d->base_addr[i] & PCI_BASE_ADDRESS_MEM_MASK;
		bar->bytes = d->size[i];
		bar->is_64bit = (d->base_addr[i] & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
				PCI_BASE_ADDRESS_MEM_TYPE_64;
		bar->prefetchable = d->base_addr[i] & PCI_BASE_ADDRESS_MEM_PREFETCH;
	}
	find_driver(fn);
	if (is_chip_id(fn->vendor, fn->device))
		find_node(fn, "accel", "accel", "/dev/accel");
	else
		find_node(fn, "drm", "renderD", "/dev/dri");
	sysfs_text(fn->bdf, "numa_node", text, sizeof(text));
	fn->numa_node = text[0] ? atoi(text) : -1;
	read_express(d, fn);
	read_dvsec(d, fn);
}

static int order(const void *x, const void *y)
{
	const struct dacc_pci_function *a = x, *b = y;
	int d = is_chip_id(b->vendor, b->device) - is_chip_id(a->vendor, a->device);

	return d ? d : strcmp(a->bdf, b->bdf);
}

static int scan_bus(struct scan *s)
{
	struct pci_dev *d;

	pci_init(s->access);
	pci_scan_bus(s->access);
	for (d = s->access->devices; d; d = d->next) {
		struct dacc_pci_function fn, *grown;

		pci_fill_info(d, PCI_FILL_IDENT | PCI_FILL_BASES | PCI_FILL_SIZES | PCI_FILL_CLASS |
					 PCI_FILL_CAPS | PCI_FILL_EXT_CAPS);
		read_function(d, &fn);
		if (!is_chip_id(fn.vendor, fn.device) && !fn.has_dvsec)
			continue;
		grown = realloc(s->list->fn, (s->list->n + 1) * sizeof(fn));
		if (!grown)
			return -ENOMEM;
		s->list->fn = grown;
		s->list->fn[s->list->n++] = fn;
	}
	return 0;
}

/* The function at the other end has a port with the same UID. */
static void pair_ports(struct dacc_pci_list *list)
{
	for (size_t a = 0; a < list->n; a++)
		for (size_t b = 0; b < list->n; b++)
			for (uint32_t i = 0; a != b && i < list->fn[a].n_ports; i++)
				for (uint32_t j = 0; j < list->fn[b].n_ports; j++)
					if (list->fn[a].port[i].uid &&
					    list->fn[a].port[i].uid == list->fn[b].port[j].uid)
						memcpy(list->fn[a].port[i].peer, list->fn[b].bdf,
						       sizeof(list->fn[b].bdf));
}

DACC_PUBLIC int dacc_pci_scan(struct dacc_pci_list **out, struct dacc_error *err)
{
	struct scan *s, *outer = current_scan;
	int ret;

	if (!out)
		return dacc_set_error(err, -EINVAL, "no place for the list");
	if (access(SYSFS_DEVICES, R_OK))
		return dacc_set_error(err, -ENODEV,
				      "%s is not there: this system has no PCI bus, or sysfs is not mounted",
				      SYSFS_DEVICES);
	s = calloc(1, sizeof(*s));
	if (!s)
		return dacc_set_error(err, -ENOMEM, "out of memory");
	s->list = calloc(1, sizeof(*s->list));
	s->access = pci_alloc();
	if (!s->list || !s->access) {
		ret = -ENOMEM;
	} else {
		s->access->method = PCI_ACCESS_SYS_BUS_PCI;
		s->access->error = on_error;
		s->access->warning = on_message;
		s->access->debug = on_message;
		current_scan = s;
		ret = setjmp(s->failed) ? -EIO : scan_bus(s);
		current_scan = outer;
	}
	/* After a failure libpci's state can't be trusted to be taken down. */
	if (s->access && ret != -EIO)
		pci_cleanup(s->access);
	if (!ret) {
		if (s->list->n)
			qsort(s->list->fn, s->list->n, sizeof(*s->list->fn), order);
		pair_ports(s->list);
		*out = s->list;
	} else {
		dacc_pci_list_free(s->list);
		dacc_set_error(err, ret,
			       ret == -EIO ? "the PCI bus can't be scanned" : "out of memory");
	}
	free(s);
	return ret;
}

DACC_PUBLIC size_t dacc_pci_list_size(const struct dacc_pci_list *list)
{
	return list ? list->n : 0;
}

DACC_PUBLIC const struct dacc_pci_function *dacc_pci_list_get(const struct dacc_pci_list *list,
							      size_t index)
{
	return list && index < list->n ? &list->fn[index] : NULL;
}

DACC_PUBLIC bool dacc_pci_function_is_chip(const struct dacc_pci_function *fn)
{
	return is_chip_id(fn->vendor, fn->device);
}

DACC_PUBLIC void dacc_pci_list_free(struct dacc_pci_list *list)
{
	if (!list)
		return;
	free(list->fn);
	free(list);
}
