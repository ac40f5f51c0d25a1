// SPDX-License-Identifier: GPL-2.0
/*
 * What the driver asks of the hardware itself: identity, reset, address
 * spaces, queues. All waits are bounded, and end at once if the device is gone;
 * an error means that only a wider reset can help. Callers keep the device bound:
 * drm_dev_enter(), probe and remove, or dacc_device.hw_up under hw_lock.
 */
#include <linux/iopoll.h>

#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_fault.h"
#include "dacc_mmio.h"

/* Generous: an emulated engine stops between two instructions. */
#define DACC_STOP_TIMEOUT_US		(5 * USEC_PER_SEC)
#define DACC_POLL_US			20

/* Waits until @bits of a register are 0; a device that is gone reads as ones. */
static int dacc_hw_poll(struct dacc_device *dacc, u32 reg, u32 bits)
{
	u32 value;
	int ret;

	if (dacc_fault(dacc, DACC_FAULT_POLL))
		return -ETIMEDOUT;
	ret = readl_poll_timeout(dacc->regs + reg, value,
				 !(value & bits) || PCI_POSSIBLE_ERROR(value),
				 DACC_POLL_US, DACC_STOP_TIMEOUT_US);
	if (PCI_POSSIBLE_ERROR(value))
		return -ENODEV;
	return ret;
}

/* What lies in memory is as the device sees it: little endian, no holes. */
static_assert(!IS_ENABLED(CONFIG_CPU_BIG_ENDIAN));
static_assert(sizeof(struct dacc_desc) == 64);
static_assert(sizeof(struct dacc_cpl) == 64);
static_assert(sizeof(struct dacc_cpl_head) == 64);
static_assert(sizeof(struct dacc_dvsec_port) == 16);

/**
 * dacc_hw_identify - read what the device is
 * @dacc: device
 *
 * Return: 0, or -ENODEV if this is no device that the driver knows.
 */
int dacc_hw_identify(struct dacc_device *dacc)
{
	struct drm_device *drm = &dacc->drm;
	u32 id = dacc_read32(dacc, DACC_REG_ID);
	u32 i;

	if (id != DACC_ID_MAGIC) {
		drm_err(drm, "identity register reads %#x, not %#x\n", id, DACC_ID_MAGIC);
		return -ENODEV;
	}
	dacc->version = dacc_read32(dacc, DACC_REG_VERSION);
	if (dacc->version >> 16 != DACC_VERSION_MAJOR) {
		drm_err(drm, "hardware contract %u.%u, this driver knows %u\n",
			dacc->version >> 16, dacc->version & 0xffff, DACC_VERSION_MAJOR);
		return -ENODEV;
	}
	dacc->features = dacc_read64(dacc, DACC_REG_FEATURES);
	dacc->sram_size = dacc_read64(dacc, DACC_REG_SRAM_SIZE);
	dacc->num_queues = dacc_read32(dacc, DACC_REG_NUM_QUEUES);
	dacc->num_asids = dacc_read32(dacc, DACC_REG_NUM_ASIDS);
	dacc->max_blocks = dacc_read32(dacc, DACC_REG_MAX_BLOCKS);
	dacc->max_insns = dacc_read32(dacc, DACC_REG_MAX_INSNS);
	if (!dacc->num_queues || dacc->num_queues > DACC_MAX_QUEUES ||
	    dacc->num_asids < 2 || dacc->num_asids > DACC_MAX_ASIDS ||
	    !dacc->max_blocks || !dacc->max_insns ||
	    !dacc->sram_size || !IS_ALIGNED(dacc->sram_size, DACC_SRAM_ALIGN) ||
	    dacc->sram_size > pci_resource_len(dacc->pdev, DACC_BAR_SRAM)) {
		drm_err(drm, "%u queues, %u address spaces, %#llx bytes of SRAM: out of bounds\n",
			dacc->num_queues, dacc->num_asids, dacc->sram_size);
		return -ENODEV;
	}
	for (i = 0; i < DACC_TIMING_COUNT; i++)
		dacc->timing[i] = dacc_read64(dacc, DACC_REG_TIMING + 8 * i);
	if (dacc->features & DACC_FEATURE_LINK) {
		for (i = 0; i < DACC_MAX_LINKS; i++) {
			u32 status = dacc_read32(dacc, dacc_link_reg(i, DACC_LINK_STATUS));

			if (status & DACC_LINK_PRESENT)
				dacc->num_links = i + 1;
		}
	}
	return 0;
}

/**
 * dacc_hw_reset - reset the device
 * @dacc: device
 *
 * On success no access of earlier work follows, all registers have their reset
 * values, and SRAM is as it was.
 *
 * Return: 0, -ETIMEDOUT, or -ENODEV if the device does not answer.
 */
int dacc_hw_reset(struct dacc_device *dacc)
{
	if (dacc->fail_device_resets) {
		dacc->fail_device_resets--;
		return -ETIMEDOUT;
	}
	dacc_write32(dacc, DACC_REG_CTRL, DACC_CTRL_RESET);
	return dacc_hw_poll(dacc, DACC_REG_CTRL, DACC_CTRL_RESET);
}

DACC_ALLOW_ERROR_INJECTION(dacc_hw_reset);

/**
 * dacc_hw_start - let queues run and events be reported, after a reset
 * @dacc: device
 */
void dacc_hw_start(struct dacc_device *dacc)
{
	dacc_write32(dacc, DACC_REG_EVENT, ~0u);
	dacc_write32(dacc, DACC_REG_EVENT_MASK,
		     DACC_EVENT_QUEUE_HALT | DACC_EVENT_LINK | DACC_EVENT_FATAL |
		     DACC_EVENT_THERMAL);
	dacc_write32(dacc, DACC_REG_CTRL, DACC_CTRL_ENABLE);
}

/**
 * dacc_hw_write_asid - set the page table of an address space
 * @dacc: device
 * @asid: address space
 * @root: level 3 table, or NULL for none
 *
 * Invalidates the TLB too, without waiting.
 */
void dacc_hw_write_asid(struct dacc_device *dacc, u32 asid, struct dacc_pt *root)
{
	dacc_write64(dacc, DACC_REG_ASID + 8 * asid, root ? root->dma | DACC_ASID_VALID : 0);
}

/**
 * dacc_hw_tlb_invalidate - drop cached translations and wait for their users
 * @dacc: device; its hw_lock is held
 * @asid: address space
 *
 * Return: 0: memory that was unmapped may be reused. -ETIMEDOUT or -ENODEV (no
 * answer): it may not.
 */
int dacc_hw_tlb_invalidate(struct dacc_device *dacc, u32 asid)
{
	lockdep_assert_held(&dacc->hw_lock);
	dacc_write32(dacc, DACC_REG_TLB_INVALIDATE, asid);
	if (dacc_fault(dacc, DACC_FAULT_TLB))
		return -ETIMEDOUT;
	return dacc_hw_poll(dacc, DACC_REG_TLB_BUSY, ~0u);
}

DACC_ALLOW_ERROR_INJECTION(dacc_hw_tlb_invalidate);

/**
 * dacc_hw_queue_reset - stop and disable a hardware queue
 * @dacc: device
 * @hwq: hardware queue
 *
 * Return: 0: it makes no further memory access. -ETIMEDOUT or -ENODEV (no
 * answer): it may.
 */
int dacc_hw_queue_reset(struct dacc_device *dacc, u32 hwq)
{
	u32 reg = dacc_queue_reg(hwq, DACC_QUEUE_CTRL);

	if (dacc->fail_queue_resets) {
		dacc->fail_queue_resets--;
		return -ETIMEDOUT;
	}
	dacc_write32(dacc, reg, DACC_QUEUE_CTRL_RESET);
	return dacc_hw_poll(dacc, reg, DACC_QUEUE_CTRL_RESET);
}

DACC_ALLOW_ERROR_INJECTION(dacc_hw_queue_reset);

/**
 * dacc_hw_queue_enable - program a hardware queue and enable it
 * @queue: queue with memory and a hardware queue
 * @start: sequence number of the descriptor before the first one
 *
 * Return: 0, or -EIO if the device did not accept the registers; then the queue
 * is to be reset before its memory is freed.
 */
int dacc_hw_queue_enable(struct dacc_queue *queue, u64 start)
{
	struct dacc_device *dacc = queue->dacc;
	u32 hwq = queue->hwq;
	u32 config, state;

	dacc_write64(dacc, dacc_queue_reg(hwq, DACC_QUEUE_RING), queue->ring_dma);
	dacc_write32(dacc, dacc_queue_reg(hwq, DACC_QUEUE_RING_LOG2), ilog2(queue->depth));
	dacc_write64(dacc, dacc_queue_reg(hwq, DACC_QUEUE_CPL), queue->cpl_dma);
	dacc_write64(dacc, dacc_queue_reg(hwq, DACC_QUEUE_START), start);
	config = queue->queue_class | queue->vm->asid << DACC_QUEUE_CONFIG_ASID_SHIFT |
		 dacc_irq_vector(dacc, hwq) << DACC_QUEUE_CONFIG_VECTOR_SHIFT;
	if (queue->user)
		config |= DACC_QUEUE_CONFIG_VIRTUAL;
	dacc_write32(dacc, dacc_queue_reg(hwq, DACC_QUEUE_CONFIG), config);
	dacc_write32(dacc, dacc_queue_reg(hwq, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE);

	state = dacc_read32(dacc, dacc_queue_reg(hwq, DACC_QUEUE_STATE));
	if (state != DACC_QUEUE_ACTIVE || dacc_fault(dacc, DACC_FAULT_ENABLE)) {
		drm_err(&dacc->drm, "queue %u: state %u after enable, status %u\n", hwq, state,
			dacc_read32(dacc, dacc_queue_reg(hwq, DACC_QUEUE_FAULT)));
		return -EIO;
	}
	return 0;
}

DACC_ALLOW_ERROR_INJECTION(dacc_hw_queue_enable);
