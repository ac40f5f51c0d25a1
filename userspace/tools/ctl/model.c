// SPDX-License-Identifier: MIT
/*
 * What is known of a chip, as JSON. A member that is not known is left out. Names
 * that end in _bytes are sizes; the tables show them with a unit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

static void add_text(struct json_object *o, const char *key, const char *text)
{
	if (text && text[0])
		json_object_object_add(o, key, json_object_new_string(text));
}

static void add_count(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static void add_bool(struct json_object *o, const char *key, bool v)
{
	json_object_object_add(o, key, json_object_new_boolean(v));
}

static void add_hex(struct json_object *o, const char *key, unsigned int digits, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%0*" PRIx64, (int)digits, v);
	add_text(o, key, text);
}

/* The row of `daccctl list`. */
struct json_object *chip_summary(const struct dacc_pci_function *fn, bool *usable)
{
	struct json_object *o = json_object_new_object();
	bool chip = dacc_pci_function_is_chip(fn);
	struct dacc_device_info info;
	struct dacc_link_info link;
	struct dacc_device *dev;
	struct dacc_error err;
	char id[16];

	snprintf(id, sizeof(id), "%04x:%04x", fn->vendor, fn->device);
	add_text(o, "pci", fn->bdf);
	add_text(o, "id", id);
	add_text(o, "kind", chip ? "chip" : "peer");
	add_text(o, "driver", fn->driver);
	add_text(o, "node", fn->node);
	if (!chip) {
		if (fn->has_dvsec)
			add_count(o, "memory_bytes", fn->bar[fn->memory_bar].bytes);
		if (fn->n_ports)
			add_text(o, "peer", fn->port[0].peer);
		return o;
	}
	if (dacc_device_open(fn->bdf, &dev, &err)) {
		ctl_note("%s", err.text);
		if (fn->n_ports)
			add_text(o, "peer", fn->port[0].peer);
		return o;
	}
	if (!dacc_device_get_info(dev, &info, sizeof(info))) {
		*usable = true;
		add_count(o, "memory_bytes", info.sram_size);
		add_count(o, "free_bytes", info.sram_free);
		if (info.num_links && !dacc_device_get_link(dev, 0, &link, sizeof(link))) {
			add_text(o, "link", !link.present ? "absent" : link.up ? "up" : "down");
			add_text(o, "peer", link.peer_bdf);
		}
	} else {
		dacc_device_error(dev, &err);
		ctl_note("%s", err.text);
	}
	dacc_device_close(dev);
	return o;
}

static struct json_object *bars_json(const struct dacc_pci_function *fn)
{
	struct json_object *list = json_object_new_object();
	char name[16];

	for (int i = 0; i < DACC_PCI_BARS; i++) {
		const struct dacc_pci_bar *bar = &fn->bar[i];
		struct json_object *o;

		if (!bar->bytes)
			continue;
		o = json_object_new_object();
		add_hex(o, "address", 0, bar->addr);
		add_count(o, "size_bytes", bar->bytes);
		add_bool(o, "64bit", bar->is_64bit);
		add_bool(o, "prefetchable", bar->prefetchable);
		snprintf(name, sizeof(name), "%d", i);
		json_object_object_add(list, name, o);
	}
	return list;
}

static struct json_object *pci_json(const struct dacc_pci_function *fn)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "address", fn->bdf);
	add_hex(o, "vendor", 4, fn->vendor);
	add_hex(o, "device", 4, fn->device);
	add_hex(o, "class", 4, fn->class_code);
	add_count(o, "revision", fn->revision);
	if (fn->numa_node >= 0)
		add_count(o, "numa_node", fn->numa_node);
	if (fn->link_speed) {
		add_count(o, "express_mt_per_s", fn->link_speed);
		add_count(o, "express_lanes", fn->link_width);
	}
	json_object_object_add(o, "bar", bars_json(fn));
	return o;
}

static struct json_object *dvsec_json(const struct dacc_pci_function *fn)
{
	struct json_object *o = json_object_new_object(), *ports = json_object_new_object(), *p;
	char name[16];

	add_count(o, "memory_bar", fn->memory_bar);
	for (uint32_t i = 0; i < fn->n_ports; i++) {
		p = json_object_new_object();
		add_hex(p, "uid", 16, fn->port[i].uid);
		add_text(p, "peer", fn->port[i].peer);
		snprintf(name, sizeof(name), "%u", fn->port[i].port);
		json_object_object_add(ports, name, p);
	}
	json_object_object_add(o, "port", ports);
	return o;
}

static void add_features(struct json_object *o, uint64_t features)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} names[] = {
		{ DACC_FEATURE_LINK, "link" },
		{ DACC_FEATURE_CHECKSUM, "checksum" },
		{ DACC_FEATURE_SENDRECV, "sendrecv" },
		{ DACC_FEATURE_INJECT, "inject" },
		{ DACC_FEATURE_TYPE(DACC_TYPE_F32), "f32" },
		{ DACC_FEATURE_TYPE(DACC_TYPE_F16), "f16" },
		{ DACC_FEATURE_TYPE(DACC_TYPE_BF16), "bf16" },
		{ DACC_FEATURE_TYPE(DACC_TYPE_Q8_0), "q8_0" },
		{ DACC_FEATURE_TYPE(DACC_TYPE_Q4_0), "q4_0" },
	};
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (features & names[i].bit)
			json_object_array_add(list, json_object_new_string(names[i].name));
	json_object_object_add(o, "features", list);
}

static void add_timing(struct json_object *o, struct dacc_device *dev)
{
	static const char *const names[DACC_TIMING_COUNT] = {
		[DACC_TIMING_SRAM_BW] = "sram_bytes_per_us",
		[DACC_TIMING_PEAK] = "peak_ops_per_us",
		[DACC_TIMING_INSN_PS] = "instruction_ps",
		[DACC_TIMING_LAYER_PS] = "layer_ps",
		[DACC_TIMING_STEP_PS] = "step_ps",
		[DACC_TIMING_DMA_DESC_PS] = "descriptor_ps",
		[DACC_TIMING_DMA_BLOCK_PS] = "block_ps",
		[DACC_TIMING_PCIE_BW] = "pcie_bytes_per_us",
		[DACC_TIMING_PCIE_PS] = "pcie_ps",
		[DACC_TIMING_FJ_OP] = "operation_fj",
		[DACC_TIMING_FJ_BYTE] = "byte_fj",
	};
	uint64_t values[DACC_TIMING_COUNT];
	struct json_object *t;
	int n = dacc_device_get_timing(dev, values, DACC_TIMING_COUNT);

	if (n < 0)
		return;
	t = json_object_new_object();
	for (int i = 0; i < n && i < DACC_TIMING_COUNT; i++)
		add_count(t, names[i], values[i]);
	json_object_object_add(o, "timing", t);
}

static struct json_object *link_json(const struct dacc_link_info *link)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "state", !link->present ? "absent" : link->up ? "up" : "down");
	if (!link->present)
		return o;
	add_hex(o, "uid", 16, link->uid);
	if (link->peer_vendor) {
		add_hex(o, "peer_vendor", 4, link->peer_vendor);
		add_hex(o, "peer_device", 4, link->peer_device);
		add_text(o, "peer", link->peer_bdf);
		add_count(o, "peer_memory_bytes", link->peer_size);
	}
	add_count(o, "bytes_per_us", link->bandwidth);
	add_count(o, "latency_ps", link->latency_ps);
	add_count(o, "read_bytes", link->rx_bytes);
	add_count(o, "written_bytes", link->tx_bytes);
	add_count(o, "crc_errors", link->crc_errors);
	add_count(o, "replays", link->replays);
	return o;
}

static struct json_object *chip_json(struct dacc_device *dev, const struct dacc_device_info *info)
{
	struct json_object *o = json_object_new_object(), *links;
	struct dacc_link_info link;
	char text[32];

	snprintf(text, sizeof(text), "%u.%u", info->hw_version >> 16, info->hw_version & 0xffff);
	add_text(o, "contract", text);
	add_count(o, "sram_bytes", info->sram_size);
	add_count(o, "sram_free_bytes", info->sram_free);
	add_count(o, "queues", info->num_queues);
	add_count(o, "max_blocks", info->max_blocks);
	add_count(o, "max_instructions", info->max_insns);
	add_count(o, "address_bits", info->va_bits);
	add_count(o, "page_bytes", info->page_size);
	add_count(o, "device_time_ps", info->time_ps);
	add_count(o, "resets", info->generation);
	add_features(o, info->features);
	links = json_object_new_object();
	for (uint32_t i = 0; i < info->num_links; i++) {
		if (dacc_device_get_link(dev, i, &link, sizeof(link)))
			continue;
		snprintf(text, sizeof(text), "%u", i);
		json_object_object_add(links, text, link_json(&link));
	}
	json_object_object_add(o, "link", links);
	add_timing(o, dev);
	return o;
}

/* dev is NULL for a function that is no chip. */
struct json_object *function_json(const struct dacc_pci_function *fn, struct dacc_device *dev)
{
	struct json_object *o = json_object_new_object();
	struct dacc_device_info info;

	add_text(o, "kind", dacc_pci_function_is_chip(fn) ? "chip" : "peer");
	add_text(o, "node", fn->node);
	add_text(o, "driver", fn->driver);
	json_object_object_add(o, "pci", pci_json(fn));
	if (fn->has_dvsec)
		json_object_object_add(o, "link_dvsec", dvsec_json(fn));
	if (dev && !dacc_device_get_info(dev, &info, sizeof(info)))
		json_object_object_add(o, "chip", chip_json(dev, &info));
	return o;
}

struct json_object *modules_json(void)
{
	static const char *const names[] = { "dacc", "gpupeer" };
	struct json_object *list = json_object_new_object(), *o;
	struct dacc_module_info mod;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (dacc_module_query(names[i], &mod, sizeof(mod), NULL))
			continue;
		o = json_object_new_object();
		add_text(o, "state",
			 mod.builtin ? "built in" :
			 mod.loaded  ? "loaded" :
				       "not loaded");
		if (mod.loaded && !mod.builtin)
			add_count(o, "users", mod.refcount);
		add_text(o, "file", mod.path);
		json_object_object_add(list, names[i], o);
	}
	return list;
}
