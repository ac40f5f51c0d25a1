/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DMA of an engine thread. */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qapi/error.h"
#include "dma.h"

/* Copies; aligned 64-bit words as a whole, since hosts poll them. */
static void dacc_copy(void *to, const void *from, size_t len, bool is_write)
{
    if (len == 8 && is_write && (uintptr_t)to % 8 == 0) {
        uint64_t value;

        memcpy(&value, from, sizeof(value));
        qatomic_set((uint64_t *)to, value);
    } else if (len == 8 && !is_write && (uintptr_t)from % 8 == 0) {
        uint64_t value = qatomic_read((const uint64_t *)from);

        memcpy(to, &value, sizeof(value));
    } else {
        /* A device's own memory may be at both ends. */
        memmove(to, from, len);
    }
}

bool dacc_memory_rw(AddressSpace *as, uint64_t addr, void *buf, size_t len,
                    bool is_write)
{
    const MemTxAttrs attrs = { .memory = 1 };
    uint8_t *p = buf;

    if (addr + len < addr) {
        return false;
    }
    /* Accesses that the caller made before come first, as on the bus. */
    smp_mb();
    RCU_READ_LOCK_GUARD();
    while (len) {
        hwaddr xlat, l = len;
        MemoryRegion *mr = address_space_translate(as, addr, &xlat, &l,
                                                   is_write, attrs);
        void *ram;

        /*
         * attrs.memory alone lets ROM and RAM of passed-through devices by,
         * and for those the memory core would take the BQL. It would translate
         * again too, and may find another region: so the copy is made here.
         */
        if (!l || !memory_access_is_direct(mr, is_write, attrs)) {
            return false;
        }
        ram = qemu_map_ram_ptr(mr->ram_block, xlat);
        if (is_write) {
            dacc_copy(ram, p, l, true);
            /* Drops code translated from there, and marks it dirty. */
            memory_region_ref(mr);
            address_space_unmap(as, ram, l, true, l);
        } else {
            dacc_copy(p, ram, l, false);
        }
        p += l;
        addr += l;
        len -= l;
    }
    return true;
}

const void *dacc_memory_peek(AddressSpace *as, DaccPeek *peek, uint64_t addr,
                             uint64_t *len)
{
    const MemTxAttrs attrs = { .memory = 1 };
    FlatView *view = address_space_to_flatview(as);
    uint64_t left;

    /* RCU keeps a view that was replaced, so another has another address. */
    if (view != peek->view || addr < peek->base ||
        addr - peek->base >= peek->len) {
        hwaddr xlat, l = INT64_MAX;
        MemoryRegion *mr = flatview_translate(view, addr, &xlat, &l, false,
                                              attrs);

        if (!l || !memory_access_is_direct(mr, false, attrs)) {
            return NULL;
        }
        peek->view = view;
        peek->base = addr;
        peek->len = l;
        peek->ptr = qemu_map_ram_ptr(mr->ram_block, xlat);
    }
    left = peek->len - (addr - peek->base);
    *len = MIN(*len, left);
    return peek->ptr + (addr - peek->base);
}

void dacc_dma_unref(DaccDma *dma)
{
    if (dma->bh) {
        /* Still plugged, so this is not the last one. */
        object_unref(dma->owner);
    } else {
        aio_bh_schedule_oneshot(qemu_get_aio_context(),
                                (QEMUBHFunc *)object_unref, dma->owner);
    }
}

/* Lock held. */
static void dacc_dma_answer(DaccDma *dma, bool ok)
{
    dma->ok = ok;
    dma->waiting = false;
    qemu_cond_broadcast(&dma->cond);
}

/*
 * Does what is asked for, if anything is. BQL and lock held; drops the lock,
 * and may come here again from inside of the access.
 */
static void dacc_dma_serve(DaccDma *dma)
{
    g_autofree void *data = NULL;
    uint64_t addr = dma->addr, serial = dma->serial;
    size_t len = dma->len;
    bool is_write = dma->is_write, ok;

    if (!dma->waiting) {
        return;
    }
    if (dma->serving) {
        dacc_dma_answer(dma, false);
        return;
    }
    /* A copy: whoever asks gets his buffer back if that happens. */
    data = is_write ? g_memdup2(dma->buf, len) : g_malloc(len);
    dma->serving = true;
    qemu_mutex_unlock(&dma->lock);
    ok = dacc_memory_rw(dma->as, addr, data, len, is_write);
    qemu_mutex_lock(&dma->lock);
    dma->serving = false;
    if (dma->waiting && dma->serial == serial) {
        if (ok && !is_write) {
            memcpy(dma->buf, data, len);
        }
        dacc_dma_answer(dma, ok);
    }
}

static void dacc_dma_bh(void *opaque)
{
    DaccDma *dma = opaque;

    object_ref(dma->owner);
    qemu_mutex_lock(&dma->lock);
    dacc_dma_serve(dma);
    qemu_mutex_unlock(&dma->lock);
    dacc_dma_unref(dma);
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
    dma->serial++;
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

struct DaccDmaCall {
    void (*fn)(void *opaque);
    void *opaque;
    DaccDmaCall *outer;         /* interrupted by this one */
    bool done;
};

static void *dacc_dma_thread(void *opaque)
{
    DaccDma *dma = opaque;

    rcu_register_thread();
    qemu_mutex_lock(&dma->lock);
    while (!dma->stop) {
        DaccDmaCall *call = dma->todo;

        if (!call) {
            qemu_cond_wait(&dma->work, &dma->lock);
            continue;
        }
        dma->todo = NULL;
        qemu_mutex_unlock(&dma->lock);
        call->fn(call->opaque);
        qemu_mutex_lock(&dma->lock);
        call->done = true;
        qemu_cond_broadcast(&dma->cond);
    }
    qemu_mutex_unlock(&dma->lock);
    rcu_unregister_thread();
    return NULL;
}

/* Unlike qemu_thread_create(), this may fail. */
static bool dacc_dma_create_thread(DaccDma *dma, Error **errp)
{
    sigset_t set, old;
    int err;

    /* Signals are for the main thread. */
    sigfillset(&set);
    sigdelset(&set, SIGSEGV);
    sigdelset(&set, SIGFPE);
    sigdelset(&set, SIGILL);
    sigdelset(&set, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &set, &old);
    err = pthread_create(&dma->thread, NULL, dacc_dma_thread, dma);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err) {
        error_setg_errno(errp, err, "no thread for the device's DMA");
        return false;
    }
    dma->threaded = true;
    return true;
}

/* Lock held. */
static void dacc_dma_wait(DaccDma *dma, DaccDmaCall *call)
{
    while (!call->done) {
        if (dma->waiting) {
            dacc_dma_serve(dma);
        } else {
            qemu_cond_wait(&dma->cond, &dma->lock);
        }
    }
}

void dacc_dma_call(DaccDma *dma, void (*fn)(void *opaque), void *opaque)
{
    DaccDmaCall call = { fn, opaque, dma->call };

    if (!dma->behind_iommu) {
        fn(opaque);
        return;
    }
    object_ref(dma->owner);
    qemu_mutex_lock(&dma->lock);
    if (call.outer) {
        dacc_dma_wait(dma, call.outer);
    }
    dma->call = &call;
    /* The outer one has come to its end, so the thread is free. */
    dma->todo = &call;
    qemu_cond_signal(&dma->work);
    dacc_dma_wait(dma, &call);
    dma->call = call.outer;
    qemu_mutex_unlock(&dma->lock);
    dacc_dma_unref(dma);
}

void dacc_dma_init(DaccDma *dma, Object *owner)
{
    dma->owner = owner;
    qemu_mutex_init(&dma->lock);
    qemu_cond_init(&dma->cond);
    qemu_cond_init(&dma->work);
}

bool dacc_dma_start(DaccDma *dma, AddressSpace *as, Error **errp)
{
    dma->stop = false;
    dma->as = as;
    dma->bh = qemu_bh_new_guarded(dacc_dma_bh, dma,
                                  &DEVICE(dma->owner)->mem_reentrancy_guard);
    return dacc_dma_create_thread(dma, errp);
}

/* Nothing is being called, though a call may have been interrupted by this. */
void dacc_dma_stop(DaccDma *dma)
{
    if (dma->threaded) {
        qemu_mutex_lock(&dma->lock);
        dma->stop = true;
        qemu_cond_signal(&dma->work);
        qemu_mutex_unlock(&dma->lock);
        pthread_join(dma->thread, NULL);
        dma->threaded = false;
    }
    if (dma->bh) {
        qemu_bh_delete(dma->bh);
        dma->bh = NULL;
    }
}

void dacc_dma_fini(DaccDma *dma)
{
    qemu_cond_destroy(&dma->work);
    qemu_cond_destroy(&dma->cond);
    qemu_mutex_destroy(&dma->lock);
}
