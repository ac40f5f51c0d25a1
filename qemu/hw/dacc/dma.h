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
#include "qom/object.h"

/*
 * Memory-only access to an address space. Any thread: it neither takes the BQL
 * nor reaches I/O regions or ROM, whatever the address. False: refused.
 */
bool dacc_memory_rw(AddressSpace *as, uint64_t addr, void *buf, size_t len,
                    bool is_write);

/*
 * What of an address space is known to lie together. Good inside of one RCU
 * read-side critical section, and of no other: zeroed at its start.
 */
typedef struct DaccPeek {
    FlatView *view;
    uint64_t base;
    uint64_t len;
    uint8_t *ptr;
} DaccPeek;

/*
 * Where memory at @addr is, under RCU; *len is cut to what lies together. The
 * same rules as above. NULL: refused.
 */
const void *dacc_memory_peek(AddressSpace *as, DaccPeek *peek, uint64_t addr,
                             uint64_t *len);

typedef struct DaccDmaCall DaccDmaCall;

typedef struct DaccDma {
    Object *owner;
    AddressSpace *as;
    bool behind_iommu;          /* written by the front, with the VM stopped */
    QEMUBH *bh;
    QemuMutex lock;
    QemuCond cond;
    bool serving;               /* the front thread is at an access */
    DaccDmaCall *call;          /* innermost; the front thread's */
    bool threaded;
    pthread_t thread;           /* runs what is called behind an IOMMU */
    QemuCond work;
    DaccDmaCall *todo;          /* ... this, next */
    bool stop;
    bool busy;                  /* the request below is in use */
    bool waiting;               /* ... and has no answer yet */
    uint64_t serial;            /* ... its number */
    bool ok;
    uint64_t addr;
    void *buf;
    size_t len;
    bool is_write;
} DaccDma;

/* The first and the last are for the object's life, the others for realize. */
void dacc_dma_init(DaccDma *dma, Object *owner);
bool dacc_dma_start(DaccDma *dma, AddressSpace *as, Error **errp);
void dacc_dma_stop(DaccDma *dma);
void dacc_dma_fini(DaccDma *dma);

/* Any thread. */
bool dacc_dma_rw(DaccDma *dma, uint64_t addr, void *buf, size_t len,
                 bool is_write);
/*
 * Front thread: calls @fn, which may wait for the engine. Behind an IOMMU it
 * runs in another thread, which is there for that, and this one does the engine's
 * DMA meanwhile, and @fn's own.
 *
 * An access may call back: the IOMMU reports a fault by a message to where the
 * guest wants it, which may reset or unplug this very device. A call from there
 * first waits for the one that it interrupts; accesses are refused meanwhile,
 * and the one that called back counts as refused.
 */
void dacc_dma_call(DaccDma *dma, void (*fn)(void *opaque), void *opaque);

/*
 * Front thread: drops a reference to the owner that was taken because what was
 * called may have unplugged it; callers may use it until they come back to the
 * main loop.
 */
void dacc_dma_unref(DaccDma *dma);

#endif
