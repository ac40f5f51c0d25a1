/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Register accessors. Every access to the device goes through these. A caller
 * is inside drm_dev_enter() or knows that the driver is still bound.
 */
#ifndef _DACC_MMIO_H
#define _DACC_MMIO_H

#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>

#include "dacc_device.h"

static inline u32 dacc_read32(struct dacc_device *dacc, u32 reg)
{
	return readl(dacc->regs + reg);
}

static inline u64 dacc_read64(struct dacc_device *dacc, u32 reg)
{
	return readq(dacc->regs + reg);
}

static inline void dacc_write32(struct dacc_device *dacc, u32 reg, u32 value)
{
	writel(value, dacc->regs + reg);
}

static inline void dacc_write64(struct dacc_device *dacc, u32 reg, u64 value)
{
	writeq(value, dacc->regs + reg);
}

static inline u32 dacc_queue_reg(u32 hwq, enum dacc_queue_reg reg)
{
	return DACC_REG_QUEUE + hwq * DACC_QUEUE_STRIDE + reg;
}

static inline u32 dacc_link_reg(u32 port, enum dacc_link_reg reg)
{
	return DACC_REG_LINK + port * DACC_LINK_STRIDE + reg;
}

static inline u32 dacc_decoder_reg(u32 decoder, enum dacc_decoder_reg reg)
{
	return DACC_REG_DECODER + decoder * DACC_DECODER_STRIDE + reg;
}

/* writel() orders earlier writes to coherent memory before the doorbell. */
static inline void dacc_ring_doorbell(struct dacc_device *dacc, u32 hwq, u32 produced)
{
	writel(produced, dacc->doorbells + hwq * DACC_DOORBELL_STRIDE);
}

#endif /* _DACC_MMIO_H */
