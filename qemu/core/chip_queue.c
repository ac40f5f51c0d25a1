/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queues of the chip: enable, doorbell, halt, reset. */
#include <string.h>

#include "chip.h"

#define QUEUE_CONFIG_KNOWN  (0xffffffu | DACC_QUEUE_CONFIG_VIRTUAL)

void chip_event(DaccCore *core, uint32_t event)
{
    core->event |= event;
    if (core->event_mask & event) {
        core->event_irq = true;
    }
}

/* Is what somebody waits for there? Then a message is due. */
static void queue_check_arm(ChipQueue *queue)
{
    if (queue->arm && (queue->state == DACC_QUEUE_HALTED ||
                       queue->completed >= queue->arm)) {
        queue->arm = 0;
        queue->arm_irq = true;
    }
}

void chip_queue_arm(ChipQueue *queue, uint64_t value)
{
    if (queue->state == DACC_QUEUE_DISABLED) {
        return;
    }
    queue->arm = value;
    queue_check_arm(queue);
}

void chip_queue_abort(DaccCore *core, ChipQueue *queue, uint64_t seq)
{
    uint64_t slot = (seq - 1) & (CHIP_MAX_RING - 1);

    if (queue->state == DACC_QUEUE_DISABLED) {
        return;
    }
    if (seq == queue->fetched) {
        if (core->engine.running && &core->queue[core->job.queue] == queue) {
            atomic_store(&core->abort, true);
        }
    } else if (seq - queue->fetched - 1 < queue->tail - queue->fetched) {
        slot &= queue->len - 1;
        queue->abort[slot / 64] |= 1ull << (slot % 64);
    }
}

bool chip_queue_aborted(ChipQueue *queue)
{
    uint64_t slot = queue->fetched & (queue->len - 1);
    uint64_t bit = 1ull << (slot % 64);
    bool marked = queue->abort[slot / 64] & bit;

    queue->abort[slot / 64] &= ~bit;
    return marked;
}

void chip_queue_completed(ChipQueue *queue, uint64_t seq)
{
    queue->completed = seq;
    queue_check_arm(queue);
}

void chip_queue_halt(DaccCore *core, ChipQueue *queue, uint32_t status,
                     uint32_t index, uint64_t addr)
{
    if (queue->state != DACC_QUEUE_ACTIVE) {
        return;
    }
    queue->state = DACC_QUEUE_HALTED;
    queue->fault = status;
    queue->fault_index = index;
    queue->fault_addr = addr;
    queue->head_fault = true;
    queue_check_arm(queue);
    chip_event(core, DACC_EVENT_QUEUE_HALT);
}

bool chip_queue_runnable(const DaccCore *core, const ChipQueue *queue)
{
    return core->enabled && !core->fatal &&
           queue->state == DACC_QUEUE_ACTIVE && !queue->failed &&
           !queue->hung && queue->fetched != queue->tail &&
           queue->fetched + 1 <= queue->limit &&
           queue->n_pending < CHIP_PENDING;
}

static bool area_ok(uint64_t addr, uint64_t size, bool virt)
{
    uint64_t last = virt ? (1ull << DACC_VA_BITS) - 1 : UINT64_MAX;

    return addr % 64 == 0 && addr <= last - (size - 1);
}

void chip_queue_enable(DaccCore *core, unsigned q)
{
    ChipQueue *queue = &core->queue[q];
    uint32_t config = queue->reg_config;
    uint32_t class = config & 0xff;
    uint32_t asid = config >> DACC_QUEUE_CONFIG_ASID_SHIFT & 0xff;
    uint32_t vector = config >> DACC_QUEUE_CONFIG_VECTOR_SHIFT & 0xff;
    uint64_t len = 1ull << (queue->reg_ring_log2 & 31);
    bool virt = config & DACC_QUEUE_CONFIG_VIRTUAL;

    queue->fault_index = 0;
    queue->fault_addr = 0;
    /* The vector reaches the front's MSI-X code, which trusts it. */
    if (queue->reg_ring_log2 < DACC_MIN_RING_LOG2 ||
        queue->reg_ring_log2 > DACC_MAX_RING_LOG2 ||
        (config & ~QUEUE_CONFIG_KNOWN) || class > DACC_CLASS_DECODE ||
        !asid || asid >= DACC_MAX_ASIDS || vector >= DACC_MSIX_VECTORS ||
        !area_ok(queue->reg_ring, len * sizeof(struct dacc_desc), virt) ||
        !area_ok(queue->reg_cpl, sizeof(struct dacc_cpl_head) +
                                 len * sizeof(struct dacc_cpl), virt)) {
        queue->fault = DACC_STATUS_BAD_QUEUE;
        return;
    }
    queue->ring = queue->reg_ring;
    queue->cpl = queue->reg_cpl;
    queue->len = len;
    queue->class = class;
    queue->asid = asid;
    queue->vector = vector;
    queue->virt = virt;
    queue->tail = queue->reg_start;
    queue->fetched = queue->reg_start;
    queue->completed = queue->reg_start;
    queue->busy = 0;
    queue->busy_end = 0;
    queue->limit = UINT64_MAX;
    queue->head_init = true;
    queue->fault = DACC_STATUS_OK;
    queue->state = DACC_QUEUE_ACTIVE;
}

void chip_queue_reset(DaccCore *core, unsigned q, bool flush)
{
    ChipQueue *queue = &core->queue[q];

    /* Not runnable from here on, so the engine can't take it up again. */
    queue->failed = true;
    if (core->engine.running && core->job.queue == q) {
        engine_cancel(&core->engine);
    }
    if (flush) {
        chip_queue_flush(core, q);
    } else {
        queue->tail = 0;
        queue->fetched = 0;
        queue->completed = 0;
        queue->busy = 0;
        queue->busy_end = 0;
        queue->fault = DACC_STATUS_OK;
        queue->fault_index = 0;
        queue->fault_addr = 0;
    }
    queue->state = DACC_QUEUE_DISABLED;
    queue->failed = false;
    queue->lost = false;
    queue->hung = false;
    queue->limit = UINT64_MAX;
    queue->arm = 0;
    queue->arm_irq = false;
    queue->head_init = false;
    queue->head_fault = false;
    memset(queue->abort, 0, sizeof(queue->abort));
    queue->last_end = 0;
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
            chip_queue_halt(core, queue, DACC_STATUS_BAD_DOORBELL, 0, 0);
            halted = true;
        } else if (ahead > queue->tail - queue->completed) {
            queue->tail = queue->completed + ahead;
            engine_wake(e);
        }
    }
    engine_unlock(e);
    /* The halt has to be reported; without a thread, the jobs run there too. */
    if (halted || !e->threaded) {
        engine_kick(e);
    }
}

uint32_t dacc_core_doorbell_read(DaccCore *core, uint64_t offset)
{
    uint64_t q = offset / DACC_DOORBELL_STRIDE;
    uint32_t state;

    if (offset % DACC_DOORBELL_STRIDE != DACC_DOORBELL_STATE ||
        q >= core->config.num_queues) {
        return 0;
    }
    engine_lock(&core->engine);
    state = core->queue[q].state;
    engine_unlock(&core->engine);
    return state;
}
