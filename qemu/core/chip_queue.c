/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queues of the chip: enable, doorbell, completion, halt, reset. */
#include <string.h>

#include "chip.h"

void chip_event(DaccCore *core, uint32_t event)
{
    core->event |= event;
    if (core->event_mask & event) {
        core->event_irq = true;
    }
}

bool chip_queue_runnable(const DaccCore *core, const ChipQueue *queue)
{
    return core->enabled && !core->fatal &&
           queue->state == DACC_QUEUE_ACTIVE && !queue->failed &&
           !queue->hung && queue->fetched != queue->tail &&
           queue->n_pending < CHIP_PENDING;
}

static bool area_ok(uint64_t addr, uint64_t size)
{
    return addr % 64 == 0 && addr <= UINT64_MAX - (size - 1);
}

void chip_queue_enable(DaccCore *core, unsigned q)
{
    ChipQueue *queue = &core->queue[q];
    uint32_t config = queue->reg_config;
    uint32_t class = config & 0xff;
    uint32_t asid = config >> DACC_QUEUE_CONFIG_ASID_SHIFT & 0xff;
    uint32_t vector = config >> DACC_QUEUE_CONFIG_VECTOR_SHIFT & 0xff;
    uint64_t len = 1ull << (queue->reg_ring_log2 & 31);

    queue->fault_index = 0;
    queue->fault_addr = 0;
    /* The vector reaches the front's MSI-X code, which trusts it. */
    if (queue->reg_ring_log2 < DACC_MIN_RING_LOG2 ||
        queue->reg_ring_log2 > DACC_MAX_RING_LOG2 ||
        (config >> 24) || class > DACC_CLASS_DECODE ||
        !asid || asid >= DACC_MAX_ASIDS || vector >= DACC_MSIX_VECTORS ||
        !area_ok(queue->reg_ring, len * sizeof(struct dacc_desc)) ||
        !area_ok(queue->reg_cpl, sizeof(struct dacc_cpl_head) +
                                 len * sizeof(struct dacc_cpl))) {
        queue->fault = DACC_STATUS_BAD_QUEUE;
        return;
    }
    queue->ring = queue->reg_ring;
    queue->cpl = queue->reg_cpl;
    queue->len = len;
    queue->class = class;
    queue->asid = asid;
    queue->vector = vector;
    queue->fault = DACC_STATUS_OK;
    queue->state = DACC_QUEUE_ACTIVE;
}

void chip_queue_reset(DaccCore *core, unsigned q)
{
    ChipQueue *queue = &core->queue[q];

    /* Not runnable from here on, so the engine can't take it up again. */
    queue->state = DACC_QUEUE_DISABLED;
    if (core->engine.running && core->job.queue == q) {
        engine_cancel(&core->engine);
    }
    queue->failed = false;
    queue->hung = false;
    queue->tail = 0;
    queue->fetched = 0;
    queue->completed = 0;
    queue->last_end = 0;
    queue->fault = DACC_STATUS_OK;
    queue->fault_index = 0;
    queue->fault_addr = 0;
    queue->n_pending = 0;
    atomic_store(&queue->progress, 0);
}

void dacc_core_doorbell_write(DaccCore *core, uint64_t offset, uint32_t value)
{
    Engine *e = &core->engine;
    uint64_t q = offset / DACC_DOORBELL_STRIDE;
    ChipQueue *queue;
    uint32_t ahead;
    bool halted = false;

    if (offset % DACC_DOORBELL_STRIDE || q >= core->config.num_queues) {
        engine_trace(e, DACC_TRACE_GUEST_ERROR, offset, value, 4);
        return;
    }
    queue = &core->queue[q];
    engine_lock(e);
    if (queue->state == DACC_QUEUE_ACTIVE) {
        ahead = value - (uint32_t)queue->completed;
        if (ahead > queue->len) {
            queue->state = DACC_QUEUE_HALTED;
            queue->fault = DACC_STATUS_BAD_DOORBELL;
            chip_event(core, DACC_EVENT_QUEUE_HALT);
            halted = true;
        } else if (queue->completed + ahead > queue->tail) {
            queue->tail = queue->completed + ahead;
            engine_wake(e);
        }
    }
    engine_unlock(e);
    if (halted) {
        engine_trace(e, DACC_TRACE_FAULT, q, DACC_STATUS_BAD_DOORBELL, 0);
        engine_trace(e, DACC_TRACE_QUEUE_STATE, q, DACC_QUEUE_HALTED, 0);
    }
    /* Without a thread, the jobs run in the service call. */
    if (halted || !e->threaded) {
        engine_kick(e);
    }
}

/* Writes records, then the head. */
static bool handover_write(DaccCore *core, const ChipQueue *queue, uint32_t n,
                           bool *bad)
{
    const ChipCompletion *list = core->handover;
    uint64_t area = queue->cpl + sizeof(struct dacc_cpl_head);
    uint64_t head = list[n - 1].cpl.seq;

    for (uint32_t i = 0; i < n; i++) {
        struct dacc_cpl record = list[i].cpl;
        uint64_t slot = (record.seq - 1) & (queue->len - 1);

        if (*bad) {
            record.seq ^= 1ull << 40;
            *bad = false;
        }
        if (!chip_bus_write(core, area + slot * sizeof(record), &record,
                            sizeof(record))) {
            return false;
        }
    }
    return chip_bus_write(core, queue->cpl, &head, sizeof(head));
}

/* Hands over what queue @q has. Lock held; dropped in between. */
static void handover_queue(DaccCore *core, unsigned q)
{
    Engine *e = &core->engine;
    ChipQueue *queue = &core->queue[q];
    const ChipCompletion *last;
    uint32_t n = queue->n_pending;
    bool ok, irq = false, full, bad = queue->inject_bad_completion;

    memcpy(core->handover, queue->pending, n * sizeof(*queue->pending));
    queue->inject_bad_completion = false;
    engine_unlock(e);
    /*
     * Resets come from this very thread, so the queue is still the same one
     * after the lock was dropped.
     */
    ok = handover_write(core, queue, n, &bad);
    last = &core->handover[n - 1];
    engine_lock(e);
    if (!ok) {
        core->fatal = true;
        queue->n_pending = 0;
        chip_event(core, DACC_EVENT_FATAL);
        return;
    }
    full = queue->n_pending == CHIP_PENDING;
    queue->completed = last->cpl.seq;
    queue->n_pending -= n;
    memmove(queue->pending, queue->pending + n,
            queue->n_pending * sizeof(*queue->pending));
    /* Only the last one can have failed: nothing is fetched after it. */
    if (last->cpl.status) {
        if (queue->state == DACC_QUEUE_ACTIVE) {
            queue->fault = last->cpl.status;
            queue->fault_index = last->cpl.index;
            queue->fault_addr = last->fault_addr;
        }
        queue->state = DACC_QUEUE_HALTED;
        chip_event(core, DACC_EVENT_QUEUE_HALT);
    }
    if (full) {
        engine_wake(e);
    }
    engine_unlock(e);

    for (uint32_t i = 0; i < n; i++) {
        irq |= core->handover[i].irq;
        engine_trace(e, DACC_TRACE_COMPLETE, q, core->handover[i].cpl.seq,
                     core->handover[i].cpl.status);
    }
    if (last->cpl.status) {
        engine_trace(e, DACC_TRACE_FAULT, q, last->cpl.status,
                     last->fault_addr);
        engine_trace(e, DACC_TRACE_QUEUE_STATE, q, DACC_QUEUE_HALTED, 0);
    }
    if (irq) {
        e->ops.interrupt(e->opaque, queue->vector);
    }
    engine_lock(e);
}

void chip_queue_handover(DaccCore *core)
{
    engine_lock(&core->engine);
    for (unsigned q = 0; q < core->config.num_queues; q++) {
        if (core->queue[q].n_pending && !core->fatal) {
            handover_queue(core, q);
        }
    }
    engine_unlock(&core->engine);
}
