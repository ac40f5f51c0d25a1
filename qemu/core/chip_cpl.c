/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hands completions over to memory, in the front thread: records, then the
 * head, then messages.
 *
 * A completion area may be virtual. Registers are written by this same thread,
 * so no invalidation comes in between a translation and its use here.
 */
#include <string.h>

#include "chip.h"

/* The area of one queue, and the page that was translated last. */
typedef struct CplArea {
    DaccCore *core;
    const ChipQueue *queue;
    uint64_t va;
    MmuSegment page;            /* len 0: none */
    uint64_t fault_addr;
} CplArea;

static enum dacc_status area_translate(CplArea *area, uint64_t va)
{
    uint64_t rest = DACC_PAGE_SIZE - va % DACC_PAGE_SIZE;

    if (area->page.len && va >= area->va && va - area->va < area->page.len) {
        return DACC_STATUS_OK;
    }
    area->va = va;
    area->page.len = 0;
    return mmu_lookup(&area->core->mmu, area->queue->asid, va, rest, true,
                      &area->page);
}

static void area_put_sram(DaccCore *core, uint64_t offset, const void *buf,
                          uint64_t len)
{
    uint8_t *p = core->config.mem + offset;
    uint64_t word;

    if (len == sizeof(word)) {
        /* The head, which hosts poll; virtual areas are aligned to 64 too. */
        memcpy(&word, buf, sizeof(word));
        __atomic_store_n((uint64_t *)p, word, __ATOMIC_RELEASE);
    } else {
        memcpy(p, buf, len);
    }
    core->engine.ops.mem_dirty(core->engine.opaque, offset, len);
}

/* @offset in the area; what is written never crosses a 64-byte line. */
static enum dacc_status area_put(CplArea *area, uint64_t offset,
                                 const void *buf, uint64_t len)
{
    uint64_t addr = area->queue->cpl + offset;
    enum dacc_status status;

    if (area->queue->virt) {
        uint64_t in;

        status = area_translate(area, addr);
        if (status) {
            area->fault_addr = addr;
            return status;
        }
        in = addr - area->va;
        if (area->page.sram) {
            area_put_sram(area->core, area->page.addr + in, buf, len);
            return DACC_STATUS_OK;
        }
        if (chip_bus_write(area->core, &area->core->front_windows,
                           area->page.addr + in, buf, len)) {
            return DACC_STATUS_OK;
        }
        area->fault_addr = addr;
        return DACC_STATUS_BUS_ERROR;
    }
    return chip_bus_write(area->core, &area->core->front_windows, addr, buf,
                          len) ? DACC_STATUS_OK : DACC_STATUS_BUS_ERROR;
}

static enum dacc_status area_put_seq(CplArea *area, uint64_t seq)
{
    return area_put(area, offsetof(struct dacc_cpl_head, seq), &seq,
                    sizeof(seq));
}

static enum dacc_status area_put_fault(CplArea *area, uint32_t fault)
{
    return area_put(area, offsetof(struct dacc_cpl_head, fault), &fault,
                    sizeof(fault));
}

/* Writes records, then the head. *written: how many have become visible. */
static enum dacc_status area_put_records(CplArea *area, uint32_t n, bool bad,
                                         uint32_t *written)
{
    const ChipCompletion *list = area->core->handover;
    enum dacc_status status = DACC_STATUS_OK, head;
    uint32_t i;

    for (i = 0; i < n && list[i].record; i++) {
        struct dacc_cpl record = list[i].cpl;
        uint64_t slot = (record.seq - 1) & (area->queue->len - 1);

        if (bad && i == 0) {
            record.seq ^= 1ull << 40;
        }
        status = area_put(area, sizeof(struct dacc_cpl_head) +
                          slot * sizeof(record), &record, sizeof(record));
        if (status) {
            break;
        }
    }
    *written = i;
    if (i) {
        head = area_put_seq(area, list[i - 1].cpl.seq);
        if (head) {
            *written = 0;
            return head;
        }
    }
    return status;
}

/* The first @written are done: those whose records are in memory. Lock held. */
static void handover_count(DaccCore *core, ChipQueue *queue, uint32_t written)
{
    if (!written) {
        return;
    }
    for (uint32_t i = 0; i < written; i++) {
        const struct dacc_cpl *cpl = &core->handover[i].cpl;

        queue->busy += cpl->t_end - cpl->t_start;
        queue->busy_end = cpl->t_end;
    }
    chip_queue_completed(queue, core->handover[written - 1].cpl.seq);
}

/* Lock held. */
static void handover_done(DaccCore *core, ChipQueue *queue, uint32_t n,
                          uint32_t written)
{
    const ChipCompletion *last = &core->handover[n - 1];
    bool full = queue->n_pending == CHIP_PENDING;

    handover_count(core, queue, written);
    queue->n_pending -= n;
    memmove(queue->pending, queue->pending + n,
            queue->n_pending * sizeof(*queue->pending));
    /* Only the last one can halt: nothing is fetched after it. */
    if (last->halt) {
        chip_queue_halt(core, queue, last->cpl.status, last->cpl.index,
                        last->fault_addr);
    }
    if (full) {
        engine_wake(&core->engine);
    }
}

/* Lock held. */
static void handover_failed(DaccCore *core, ChipQueue *queue,
                            enum dacc_status status, uint32_t written,
                            uint64_t addr)
{
    queue->n_pending = 0;
    if (!queue->virt) {
        core->fatal = true;
        chip_event(core, DACC_EVENT_FATAL);
        return;
    }
    handover_count(core, queue, written);
    queue->lost = true;
    chip_queue_halt(core, queue, status, 0, addr);
}

/* Is there a halt to be written into the head? It comes after all records. */
static bool fault_due(const DaccCore *core, const ChipQueue *queue)
{
    return queue->head_fault && !queue->n_pending &&
           !(core->engine.running && &core->queue[core->job.queue] == queue);
}

bool chip_queue_pending(const DaccCore *core, const ChipQueue *queue)
{
    return !core->fatal && (queue->n_pending || queue->head_init ||
                            queue->arm_irq || fault_due(core, queue));
}

/* Records and head of queue @q. Lock held; dropped in between. */
static bool handover_records(DaccCore *core, unsigned q, CplArea *area)
{
    Engine *e = &core->engine;
    ChipQueue *queue = &core->queue[q];
    enum dacc_status status = DACC_STATUS_OK;
    bool irq = false, init = queue->head_init;
    bool bad = queue->inject_bad_completion;
    uint32_t n = queue->n_pending, written = 0;

    memcpy(core->handover, queue->pending, n * sizeof(*queue->pending));
    queue->head_init = false;
    if (n) {
        queue->inject_bad_completion = false;
    }
    engine_unlock(e);
    /*
     * Resets come from this very thread, so the queue is still the same one
     * after the lock was dropped.
     */
    if (init && !area_put_fault(area, DACC_STATUS_OK)) {
        /*
         * Last: who sees the number must not see an old fault. Where this
         * fails, the first completion will too.
         */
        area_put_seq(area, queue->completed);
    }
    if (n) {
        status = area_put_records(area, n, bad, &written);
    }
    engine_lock(e);
    if (status) {
        handover_failed(core, queue, status, written, area->fault_addr);
    } else if (n) {
        handover_done(core, queue, n, written);
    }
    engine_unlock(e);
    for (uint32_t i = 0; i < written; i++) {
        irq |= core->handover[i].irq;
        engine_trace(e, DACC_TRACE_COMPLETE, q, core->handover[i].cpl.seq,
                     core->handover[i].cpl.status);
    }
    engine_lock(e);
    /* A halt is told without being asked. */
    return irq || status || (n && core->handover[n - 1].halt);
}

static void handover_queue(DaccCore *core, unsigned q)
{
    Engine *e = &core->engine;
    ChipQueue *queue = &core->queue[q];
    CplArea area = { .core = core, .queue = queue };
    bool irq = handover_records(core, q, &area);
    uint32_t fault = queue->fault;
    uint64_t addr = queue->fault_addr;

    if (core->fatal) {
        return;
    }
    if (fault_due(core, queue)) {
        queue->head_fault = false;
        engine_unlock(e);
        if (area_put_fault(&area, fault) && !queue->virt) {
            engine_lock(e);
            core->fatal = true;
            chip_event(core, DACC_EVENT_FATAL);
            return;
        }
        engine_trace(e, DACC_TRACE_FAULT, q, fault, addr);
        engine_trace(e, DACC_TRACE_QUEUE_STATE, q, DACC_QUEUE_HALTED, 0);
        engine_lock(e);
    }
    irq |= queue->arm_irq;
    queue->arm_irq = false;
    if (irq) {
        engine_unlock(e);
        e->ops.interrupt(e->opaque, queue->vector);
        engine_lock(e);
    }
}

void chip_queue_flush(DaccCore *core, unsigned q)
{
    CplArea area = { .core = core, .queue = &core->queue[q] };

    if (core->queue[q].n_pending && !core->fatal) {
        handover_records(core, q, &area);
    }
}

void chip_queue_handover(DaccCore *core)
{
    engine_lock(&core->engine);
    for (unsigned q = 0; q < core->config.num_queues; q++) {
        if (chip_queue_pending(core, &core->queue[q])) {
            handover_queue(core, q);
        }
    }
    engine_unlock(&core->engine);
}
