/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers of the chip. An access is worked on in 8-byte slots: a slot is
 * one 64-bit register or two 32-bit ones, so that either width works on both.
 */
#include "chip.h"

static uint64_t pair(uint32_t low, uint32_t high)
{
    return low | (uint64_t)high << 32;
}

static uint64_t features(const DaccCore *core)
{
    uint64_t f = DACC_FEATURE_CHECKSUM | DACC_FEATURE_VIRTUAL_RING;

    for (unsigned t = 0; t < DACC_TYPE_COUNT; t++) {
        f |= DACC_FEATURE_TYPE(t);
    }
    if (core->link[0].state.present) {
        f |= DACC_FEATURE_LINK;
    }
    if (core->config.inject) {
        f |= DACC_FEATURE_INJECT;
    }
    return f;
}

static uint64_t read_queue(const ChipQueue *q, uint64_t offset)
{
    switch (offset) {
    case DACC_QUEUE_CTRL: /* and DACC_QUEUE_STATE */
        return pair(q->state == DACC_QUEUE_DISABLED ? 0
                                                    : DACC_QUEUE_CTRL_ENABLE,
                    q->state);
    case DACC_QUEUE_RING:
        return q->reg_ring;
    case DACC_QUEUE_RING_LOG2: /* and DACC_QUEUE_CONFIG */
        return pair(q->reg_ring_log2, q->reg_config);
    case DACC_QUEUE_CPL:
        return q->reg_cpl;
    case DACC_QUEUE_FETCHED:
        return q->fetched;
    case DACC_QUEUE_COMPLETED:
        return q->completed;
    case DACC_QUEUE_FAULT: /* and DACC_QUEUE_FAULT_INDEX */
        return pair(q->fault, q->fault_index);
    case DACC_QUEUE_FAULT_ADDR:
        return q->fault_addr;
    case DACC_QUEUE_PROGRESS:
        return atomic_load_explicit(&q->progress, memory_order_relaxed);
    case DACC_QUEUE_START:
        return q->reg_start;
    case DACC_QUEUE_PRODUCED:
        return q->tail;
    case DACC_QUEUE_LIMIT:
        return q->limit;
    case DACC_QUEUE_BUSY:
        return q->busy;
    case DACC_QUEUE_LAST_END:
        return q->busy_end;
    default:
        return 0;
    }
}

static uint64_t read_device(const DaccCore *core, uint64_t offset)
{
    switch (offset) {
    case DACC_REG_ID: /* and DACC_REG_VERSION */
        return pair(DACC_ID_MAGIC, DACC_VERSION);
    case DACC_REG_FEATURES:
        return features(core);
    case DACC_REG_SRAM_SIZE:
        return core->config.mem_size;
    case DACC_REG_NUM_QUEUES: /* and DACC_REG_NUM_ASIDS */
        return pair(core->config.num_queues, DACC_MAX_ASIDS);
    case DACC_REG_MAX_BLOCKS: /* and DACC_REG_MAX_INSNS */
        return pair(CHIP_MAX_BLOCKS, CHIP_MAX_INSNS);
    case DACC_REG_CTRL: /* and DACC_REG_STATUS; resets end within the write */
        return pair(core->enabled ? DACC_CTRL_ENABLE : 0,
                    DACC_DEVSTAT_READY |
                    (core->fatal ? DACC_DEVSTAT_FATAL : 0));
    case DACC_REG_EVENT: /* and DACC_REG_EVENT_MASK */
        return pair(core->event, core->event_mask);
    case DACC_REG_TIME:
        return core->time;
    case DACC_REG_GENERATION:
        return core->generation;
    case DACC_REG_TEMP: /* and DACC_REG_TEMP_CRIT */
        return pair(core->temperature, core->config.temperature_crit);
    case DACC_REG_ENERGY:
        return core->energy;
    case DACC_REG_TLB_INVALIDATE: /* and DACC_REG_TLB_BUSY */
        return pair(0, (core->invalidate || core->reroute) &&
                       core->engine.active);
    default:
        return 0;
    }
}

static uint64_t read_slot(DaccCore *core, uint64_t offset)
{
    uint64_t at;

    if (offset < DACC_REG_TIMING) {
        return read_device(core, offset);
    }
    at = offset - DACC_REG_TIMING;
    if (at < 8 * DACC_TIMING_COUNT) {
        return core->config.timing[at / 8];
    }
    at = offset - DACC_REG_LINK;
    if (offset >= DACC_REG_LINK && at < DACC_MAX_LINKS * DACC_LINK_STRIDE) {
        unsigned port = at / DACC_LINK_STRIDE;

        at %= DACC_LINK_STRIDE;
        return pair(chip_link_read(core, port, at),
                    chip_link_read(core, port, at + 4));
    }
    at = offset - DACC_REG_DECODER;
    if (offset >= DACC_REG_DECODER &&
        at < DACC_NUM_DECODERS * DACC_DECODER_STRIDE) {
        return chip_decoder_read(core, at / DACC_DECODER_STRIDE,
                                 at % DACC_DECODER_STRIDE);
    }
    at = offset - DACC_REG_ASID;
    if (offset >= DACC_REG_ASID && at < 8 * DACC_MAX_ASIDS) {
        return atomic_load(&core->mmu.root[at / 8]);
    }
    at = offset - DACC_REG_QUEUE;
    if (offset >= DACC_REG_QUEUE &&
        at < core->config.num_queues * DACC_QUEUE_STRIDE) {
        return read_queue(&core->queue[at / DACC_QUEUE_STRIDE],
                          at % DACC_QUEUE_STRIDE);
    }
    return 0;
}

static bool access_ok(uint64_t offset, unsigned size)
{
    return (size == 4 || size == 8) && offset % size == 0 &&
           offset < DACC_REGS_SIZE;
}

uint64_t dacc_core_reg_read(DaccCore *core, uint64_t offset, unsigned size)
{
    uint64_t value;

    if (!access_ok(offset, size)) {
        engine_trace(&core->engine, DACC_TRACE_GUEST_ERROR, offset, 0, size);
        return ~0ull;
    }
    engine_lock(&core->engine);
    value = read_slot(core, offset & ~7ull);
    engine_unlock(&core->engine);
    if (size == 8) {
        return value;
    }
    return offset & 4 ? value >> 32 : (uint32_t)value;
}

static void merge32(uint32_t *reg, uint64_t value, uint64_t mask)
{
    *reg = (*reg & ~(uint32_t)mask) | (uint32_t)(value & mask);
}

static void merge64(uint64_t *reg, uint64_t value, uint64_t mask)
{
    *reg = (*reg & ~mask) | (value & mask);
}

static void write_queue_ctrl(DaccCore *core, unsigned q, uint32_t value)
{
    ChipQueue *queue = &core->queue[q];

    if (value & DACC_QUEUE_CTRL_RESET) {
        chip_queue_reset(core, q, true);
    } else if (!(value & DACC_QUEUE_CTRL_ENABLE)) {
        /* There is no way to disable a queue but to drop its work. */
        if (queue->state != DACC_QUEUE_DISABLED) {
            chip_queue_reset(core, q, true);
        }
    } else if (queue->state == DACC_QUEUE_DISABLED) {
        chip_queue_enable(core, q);
    }
}

static bool write_queue(DaccCore *core, unsigned q, uint64_t offset,
                        uint64_t value, uint64_t mask)
{
    ChipQueue *queue = &core->queue[q];

    switch (offset) {
    case DACC_QUEUE_CTRL:
        if ((uint32_t)mask) {
            write_queue_ctrl(core, q, value);
        }
        return (uint32_t)mask;
    case DACC_QUEUE_RING:
        merge64(&queue->reg_ring, value, mask);
        return true;
    case DACC_QUEUE_RING_LOG2: /* and DACC_QUEUE_CONFIG */
        merge32(&queue->reg_ring_log2, value, mask);
        merge32(&queue->reg_config, value >> 32, mask >> 32);
        return true;
    case DACC_QUEUE_CPL:
        merge64(&queue->reg_cpl, value, mask);
        return true;
    case DACC_QUEUE_START:
        merge64(&queue->reg_start, value, mask);
        return true;
    case DACC_QUEUE_LIMIT:
        merge64(&queue->limit, value, mask);
        engine_wake(&core->engine);
        return true;
    case DACC_QUEUE_ARM:
        /* Half a number means nothing. */
        if (mask == UINT64_MAX) {
            chip_queue_arm(queue, value);
        }
        return mask == UINT64_MAX;
    case DACC_QUEUE_ABORT:
        if (mask == UINT64_MAX) {
            chip_queue_abort(core, queue, value);
        }
        return mask == UINT64_MAX;
    default:
        return false;
    }
}

static void invalidate(DaccCore *core, uint32_t asid)
{
    core->invalidate |= 1ull << asid;
    engine_call_attention(&core->engine);
}

static void write_root(DaccCore *core, unsigned asid, uint64_t value)
{
    uint64_t root = value & (DACC_PTE_ADDR | DACC_ASID_VALID);

    atomic_store(&core->mmu.root[asid], root);
    if (!(root & DACC_ASID_VALID)) {
        /* The next owner of the number has no past. */
        core->asid_end[asid] = 0;
    }
    invalidate(core, asid);
}

static bool write_ctrl(DaccCore *core, uint32_t value)
{
    if (value & DACC_CTRL_RESET) {
        chip_reset_locked(core, true);
        return true;
    }
    core->enabled = value & DACC_CTRL_ENABLE;
    if (core->enabled) {
        engine_wake(&core->engine);
    }
    return true;
}

static bool write_device(DaccCore *core, uint64_t offset, uint64_t value,
                         uint64_t mask)
{
    bool low = (uint32_t)mask;

    switch (offset) {
    case DACC_REG_CTRL:
        return low && write_ctrl(core, value);
    case DACC_REG_EVENT: /* and DACC_REG_EVENT_MASK */
        core->event &= ~(uint32_t)(value & mask);
        if (mask >> 32) {
            core->event_mask = value >> 32 & (DACC_EVENT_QUEUE_HALT |
                                              DACC_EVENT_LINK |
                                              DACC_EVENT_FATAL |
                                              DACC_EVENT_THERMAL);
        }
        return true;
    case DACC_REG_TLB_INVALIDATE:
        if (!low || (uint32_t)value >= DACC_MAX_ASIDS) {
            return false;
        }
        invalidate(core, value);
        return true;
    case DACC_REG_INJECT:
        return low && core->config.inject && chip_inject(core, value);
    default:
        return false;
    }
}

static bool write_slot(DaccCore *core, uint64_t offset, uint64_t value,
                       uint64_t mask)
{
    uint64_t at;

    if (offset < DACC_REG_TIMING) {
        return write_device(core, offset, value, mask);
    }
    at = offset - DACC_REG_LINK;
    if (offset >= DACC_REG_LINK && at < DACC_MAX_LINKS * DACC_LINK_STRIDE) {
        return (mask >> 32) &&
               chip_link_write(core, at / DACC_LINK_STRIDE,
                               at % DACC_LINK_STRIDE + 4, value >> 32);
    }
    at = offset - DACC_REG_DECODER;
    if (offset >= DACC_REG_DECODER &&
        at < DACC_NUM_DECODERS * DACC_DECODER_STRIDE) {
        return chip_decoder_write(core, at / DACC_DECODER_STRIDE,
                                  at % DACC_DECODER_STRIDE, value, mask);
    }
    at = offset - DACC_REG_ASID;
    if (offset >= DACC_REG_ASID && at < 8 * DACC_MAX_ASIDS) {
        /* The walker must not see half an address. */
        if (mask == UINT64_MAX) {
            write_root(core, at / 8, value);
        }
        return mask == UINT64_MAX;
    }
    at = offset - DACC_REG_QUEUE;
    if (offset >= DACC_REG_QUEUE &&
        at < core->config.num_queues * DACC_QUEUE_STRIDE) {
        return write_queue(core, at / DACC_QUEUE_STRIDE,
                           at % DACC_QUEUE_STRIDE, value, mask);
    }
    return false;
}

/* What the host asks of a queue that runs: for whoever looks at its traces. */
static void trace_request(DaccCore *core, uint64_t offset, uint64_t value)
{
    uint64_t at = offset - DACC_REG_QUEUE;

    if (offset >= DACC_REG_QUEUE &&
        at % DACC_QUEUE_STRIDE >= DACC_QUEUE_START) {
        engine_trace(&core->engine, DACC_TRACE_QUEUE_WRITE,
                     at / DACC_QUEUE_STRIDE, at % DACC_QUEUE_STRIDE, value);
    }
}

void dacc_core_reg_write(DaccCore *core, uint64_t offset, uint64_t value,
                         unsigned size)
{
    Engine *e = &core->engine;
    uint64_t mask = ~0ull, slot_value = value;
    uint32_t generation, now;
    bool known;

    if (!access_ok(offset, size)) {
        engine_trace(e, DACC_TRACE_GUEST_ERROR, offset, value, size);
        return;
    }
    if (size == 4) {
        mask = offset & 4 ? 0xffffffffull << 32 : 0xffffffffull;
        slot_value = offset & 4 ? value << 32 : (uint32_t)value;
    }
    engine_lock(e);
    generation = core->generation;
    known = write_slot(core, offset & ~7ull, slot_value, mask);
    now = core->generation;
    engine_unlock(e);
    if (known) {
        trace_request(core, offset, value);
    } else {
        engine_trace(e, DACC_TRACE_GUEST_ERROR, offset, value, size);
    }
    if (now != generation) {
        engine_trace(e, DACC_TRACE_RESET, now, 0, 0);
    }
    /* The front looks at the links' state, pending events, runnable jobs. */
    engine_kick(e);
}
