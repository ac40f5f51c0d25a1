/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA of an engine thread, which must never take the BQL: the front waits for
 * the engine with the BQL held (reset, VM stop, unplug).
 *
 * Memory itself is reached without the BQL. An IOMMU's model is not: it reports
 * a fault by an interrupt to the guest, which needs the BQL. So behind an IOMMU
 * the engine leaves its accesses to the front thread, which does them in a
 * bottom half, or while it waits for the engine.
 */
#ifndef HW_DACC_DMA_H
#define HW_DACC_DMA_H

#include "exec/memory.h"
#include "hw/qdev-core.h"
#include "qemu/thread.h"

/*
 * Memory-only access to an address space. Any thread: it neither takes the BQL
 * nor reaches I/O regions or ROM, whatever the address. False: refused.
 */
bool dacc_memory_rw(AddressSpace *as, uint64_t addr, void *buf, size_t len,
                    bool is_write);

typedef struct DaccDma {
    AddressSpace *as;
    bool behind_iommu;          /* written by the front, with the VM stopped */
    QEMUBH *bh;
    QemuMutex lock;
    QemuCond cond;
    bool busy;                  /* the request below is in use */
    bool waiting;               /* ... and nobody has done it yet */
    bool ok;
    bool called;                /* dacc_dma_call() has come back */
    uint64_t addr;
    void *buf;
    size_t len;
    bool is_write;
} DaccDma;

void dacc_dma_init(DaccDma *dma, DeviceState *dev, AddressSpace *as);
void dacc_dma_cleanup(DaccDma *dma);

/* Any thread. */
bool dacc_dma_rw(DaccDma *dma, uint64_t addr, void *buf, size_t len,
                 bool is_write);
/*
 * Front thread: calls @fn, which may wait for the engine. Behind an IOMMU it
 * runs in another thread, and this one does the engine's DMA meanwhile.
 */
void dacc_dma_call(DaccDma *dma, void (*fn)(void *opaque), void *opaque);

#endif
