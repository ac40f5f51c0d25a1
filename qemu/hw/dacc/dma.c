/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DMA of an engine thread. */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "dma.h"

bool dacc_memory_rw(AddressSpace *as, uint64_t addr, void *buf, size_t len,
                    bool is_write)
{
    const MemTxAttrs attrs = { .memory = 1 };
    uint8_t *p = buf;

    if (addr + len < addr) {
        return false;
    }
    RCU_READ_LOCK_GUARD();
    while (len) {
        hwaddr xlat, l = len;
        MemoryRegion *mr = address_space_translate(as, addr, &xlat, &l,
                                                   is_write, attrs);

        /*
         * attrs.memory alone lets ROM and RAM of passed-through devices by,
         * and for those the memory core would take the BQL.
         */
        if (!l || !memory_access_is_direct(mr, is_write, attrs)) {
            return false;
        }
        if (address_space_rw(as, addr, attrs, p, l, is_write) != MEMTX_OK) {
            return false;
        }
        p += l;
        addr += l;
        len -= l;
    }
    return true;
}

/* Does what the engine has asked for. BQL and dma->lock held. */
static void dacc_dma_serve(DaccDma *dma)
{
    if (dma->waiting) {
        dma->ok = dacc_memory_rw(dma->as, dma->addr, dma->buf, dma->len,
                                 dma->is_write);
        dma->waiting = false;
        qemu_cond_broadcast(&dma->cond);
    }
}

static void dacc_dma_bh(void *opaque)
{
    DaccDma *dma = opaque;

    qemu_mutex_lock(&dma->lock);
    dacc_dma_serve(dma);
    qemu_mutex_unlock(&dma->lock);
}

bool dacc_dma_rw(DaccDma *dma, uint64_t addr, void *buf, size_t len,
                 bool is_write)
{
    bool ok;

    if (!dma->behind_iommu || bql_locked()) {
        return dacc_memory_rw(dma->as, addr, buf, len, is_write);
    }
    qemu_mutex_lock(&dma->lock);
    while (dma->busy) {
        qemu_cond_wait(&dma->cond, &dma->lock);
    }
    dma->busy = true;
    dma->waiting = true;
    dma->addr = addr;
    dma->buf = buf;
    dma->len = len;
    dma->is_write = is_write;
    /* Wakes dacc_dma_call(), if the front thread is there. */
    qemu_cond_broadcast(&dma->cond);
    qemu_bh_schedule(dma->bh);
    while (dma->waiting) {
        qemu_cond_wait(&dma->cond, &dma->lock);
    }
    ok = dma->ok;
    dma->busy = false;
    qemu_cond_broadcast(&dma->cond);
    qemu_mutex_unlock(&dma->lock);
    return ok;
}

typedef struct DaccDmaCall {
    DaccDma *dma;
    void (*fn)(void *opaque);
    void *opaque;
} DaccDmaCall;

static void *dacc_dma_call_thread(void *opaque)
{
    DaccDmaCall *call = opaque;
    DaccDma *dma = call->dma;

    rcu_register_thread();
    call->fn(call->opaque);
    rcu_unregister_thread();
    qemu_mutex_lock(&dma->lock);
    dma->called = true;
    qemu_cond_broadcast(&dma->cond);
    qemu_mutex_unlock(&dma->lock);
    return NULL;
}

void dacc_dma_call(DaccDma *dma, void (*fn)(void *opaque), void *opaque)
{
    DaccDmaCall call = { dma, fn, opaque };
    QemuThread thread;

    if (!dma->behind_iommu) {
        fn(opaque);
        return;
    }
    dma->called = false;
    qemu_thread_create(&thread, "dacc-call", dacc_dma_call_thread, &call,
                       QEMU_THREAD_JOINABLE);
    qemu_mutex_lock(&dma->lock);
    while (!dma->called) {
        dacc_dma_serve(dma);
        qemu_cond_wait(&dma->cond, &dma->lock);
    }
    qemu_mutex_unlock(&dma->lock);
    qemu_thread_join(&thread);
}

void dacc_dma_init(DaccDma *dma, DeviceState *dev, AddressSpace *as)
{
    dma->as = as;
    dma->bh = qemu_bh_new_guarded(dacc_dma_bh, dma, &dev->mem_reentrancy_guard);
    qemu_mutex_init(&dma->lock);
    qemu_cond_init(&dma->cond);
}

void dacc_dma_cleanup(DaccDma *dma)
{
    if (dma->bh) {
        qemu_bh_delete(dma->bh);
        dma->bh = NULL;
        qemu_cond_destroy(&dma->cond);
        qemu_mutex_destroy(&dma->lock);
    }
}
