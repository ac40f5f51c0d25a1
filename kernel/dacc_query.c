// SPDX-License-Identifier: GPL-2.0
/*
 * QUERY: what the device is and how it does.
 */
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

#include "dacc_device.h"
#include "dacc_mmio.h"

union dacc_answer {
	struct drm_dacc_device_info device;
	struct drm_dacc_link_info link;
	struct drm_dacc_limit_info limits[DRM_DACC_LIMIT_COUNT];
	u64 timing[DACC_TIMING_COUNT];
};

static u32 dacc_query_device(struct dacc_device *dacc, struct drm_dacc_device_info *info)
{
	info->hw_version = dacc->version;
	info->generation = dacc_read32(dacc, DACC_REG_GENERATION);
	info->features = dacc->features;
	info->sram_size = dacc->sram_size;
	info->sram_free = dacc->sram_size - dacc_ttm_sram_used(dacc);
	info->time_ps = dacc_read64(dacc, DACC_REG_TIME);
	info->num_queues = dacc->num_queues;
	info->num_links = dacc->num_links;
	info->max_blocks = dacc->max_blocks;
	info->max_insns = dacc->max_insns;
	info->va_bits = DACC_VA_BITS;
	info->page_size = DACC_PAGE_SIZE;
	return sizeof(*info);
}

static u32 dacc_query_link(struct dacc_device *dacc, u32 port, struct drm_dacc_link_info *info)
{
	info->uid = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_UID));
	info->status = dacc_read32(dacc, dacc_link_reg(port, DACC_LINK_STATUS));
	info->peer = dacc_read32(dacc, dacc_link_reg(port, DACC_LINK_PEER));
	info->peer_size = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_PEER_SIZE));
	info->bandwidth = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_BW));
	info->latency_ps = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_LATENCY));
	info->rx_bytes = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_RX_BYTES));
	info->tx_bytes = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_TX_BYTES));
	info->crc_errors = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_CRC_ERRORS));
	info->replays = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_REPLAYS));

	mutex_lock(&dacc->link_lock);
	if (dacc->links[port].found) {
		info->peer_domain = dacc->links[port].peer_domain;
		info->peer_bdf = dacc->links[port].peer_bdf;
	} else {
		/* The address is valid while @peer is not 0. */
		info->peer = 0;
	}
	mutex_unlock(&dacc->link_lock);
	return sizeof(*info);
}

/* Registers of a device that is being reset, or is out of order, may not answer. */
static int dacc_query_registers(struct dacc_device *dacc, u32 type, u32 index,
				union dacc_answer *answer, u32 *size)
{
	int ret = 0;

	mutex_lock(&dacc->hw_lock);
	if (!dacc->hw_up && dacc_read32(dacc, DACC_REG_ID) != DACC_ID_MAGIC)
		ret = -EIO;
	else if (type == DRM_DACC_QUERY_DEVICE)
		*size = dacc_query_device(dacc, &answer->device);
	else
		*size = dacc_query_link(dacc, index, &answer->link);
	mutex_unlock(&dacc->hw_lock);
	return ret;
}

/**
 * dacc_query_ioctl - DRM_IOCTL_DACC_QUERY
 * @drm: device
 * @data: struct drm_dacc_query
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -EFAULT, -EIO or -ENODEV.
 */
int dacc_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_device *dacc = to_dacc(drm);
	struct drm_dacc_query *args = data;
	union dacc_answer answer = {};
	void __user *to = u64_to_user_ptr(args->pointer);
	u32 size = 0, copy;
	int idx, ret;

	if (args->pad || args->type > DRM_DACC_QUERY_LIMITS)
		return -EINVAL;
	if (args->type != DRM_DACC_QUERY_LINK && args->index)
		return -EINVAL;
	if (args->type == DRM_DACC_QUERY_LINK && args->index >= dacc->num_links)
		return -ENOENT;
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	ret = dacc_pm_get(dacc);
	if (ret) {
		drm_dev_exit(idx);
		return ret;
	}
	switch (args->type) {
	case DRM_DACC_QUERY_DEVICE:
	case DRM_DACC_QUERY_LINK:
		ret = dacc_query_registers(dacc, args->type, args->index, &answer, &size);
		break;
	case DRM_DACC_QUERY_LIMITS:
		size = dacc_limit_query(file->driver_priv, answer.limits);
		break;
	default:
		memcpy(answer.timing, dacc->timing, sizeof(answer.timing));
		size = sizeof(answer.timing);
		break;
	}
	dacc_pm_put(dacc);
	drm_dev_exit(idx);
	if (ret)
		return ret;

	if (args->pointer) {
		copy = min(size, args->size);
		if (copy_to_user(to, &answer, copy) ||
		    (args->size > copy && clear_user(to + copy, args->size - copy)))
			return -EFAULT;
	}
	args->size = size;
	return 0;
}
