/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The GPU peer: life cycle, registers, ring, service, reset. */
#include <stdlib.h>
#include <string.h>

#include "gpu.h"
#include "num.h"

/* One simple parameter set, to be replaced by profiles of real parts. */
void gpu_core_default_config(DaccCoreConfig *config)
{
    static const uint64_t timing[DACC_TIMING_COUNT] = {
        /* HBM bandwidth and dense f16 peak as published for the H100 SXM. */
        [DACC_TIMING_SRAM_BW] = 3350000,        /* 3.35 TB/s */
        [DACC_TIMING_PEAK] = 990000000,         /* 990 TFLOPS */
        /* Per operation, fitted to published decode latencies of GPUs. */
        [DACC_TIMING_INSN_PS] = 6250000,
        /* PCIe 5 x16 as measured: 53 to 56.6 GB/s. */
        [DACC_TIMING_PCIE_BW] = 55000,
        [DACC_TIMING_PCIE_PS] = 700000,
    };

    memset(config, 0, sizeof(*config));
    memcpy(config->timing, timing, sizeof(timing));
    config->threads = 1;
    config->vector = DACC_VECTOR_AUTO;
    config->launch_ps = 10000000;
}

static const char *config_error(const DaccCoreConfig *c)
{
    if (!c->mem || c->mem_size < 65536 || c->mem_size > GPU_MAX_HBM ||
        (c->mem_size & (c->mem_size - 1))) {
        return "HBM size must be a power of two from 64 KiB to 1 TiB";
    }
    if (!c->timing[DACC_TIMING_SRAM_BW] || !c->timing[DACC_TIMING_PEAK] ||
        !c->timing[DACC_TIMING_PCIE_BW]) {
        return "bandwidths and peak must not be zero";
    }
    return NULL;
}

GpuCore *gpu_core_new(const DaccCoreConfig *config, const DaccHostOps *ops,
                      void *opaque, const char **err)
{
    GpuCore *gpu;
    const char *bad = config_error(config);

    if (bad) {
        *err = bad;
        return NULL;
    }
    *err = "out of memory";
    gpu = calloc(1, sizeof(*gpu));
    if (!gpu) {
        return NULL;
    }
    gpu->config = *config;
    if (!engine_init(&gpu->engine, &gpu_engine_class, gpu, ops, opaque)) {
        free(gpu);
        return NULL;
    }
    gpu->bounce = malloc(GPU_CHUNK);
    gpu->program = calloc(GPUPEER_MAX_INSNS, sizeof(*gpu->program));
    gpu->tokens = calloc(GPUPEER_MAX_TOKENS, sizeof(*gpu->tokens));
    gpu->entries = calloc(GPUPEER_MAX_TOKENS, sizeof(*gpu->entries));
    if (!gpu->bounce || !gpu->program || !gpu->tokens || !gpu->entries ||
        !ready_init(&gpu->ready, config->mem_size)) {
        gpu_core_free(gpu);
        return NULL;
    }
    if (!seq_open(&gpu->config, ops, opaque, &gpu->pool, &gpu->seq, err)) {
        gpu_core_free(gpu);
        return NULL;
    }
    if (config->threads && !engine_start(&gpu->engine)) {
        *err = "no engine thread to be had";
        gpu_core_free(gpu);
        return NULL;
    }
    *err = NULL;
    return gpu;
}

void gpu_core_free(GpuCore *gpu)
{
    if (!gpu) {
        return;
    }
    engine_fini(&gpu->engine);
    if (gpu->seq) {
        seq_free(gpu->seq);
    }
    if (gpu->pool) {
        pool_free(gpu->pool);
    }
    ready_fini(&gpu->ready);
    free(gpu->entries);
    free(gpu->tokens);
    free(gpu->program);
    free(gpu->bounce);
    free(gpu);
}

static uint64_t read_slot(GpuCore *gpu, uint64_t offset)
{
    switch (offset) {
    case GPUPEER_REG_ID: /* and GPUPEER_REG_VERSION */
        return GPUPEER_ID_MAGIC | (uint64_t)GPUPEER_VERSION << 32;
    case GPUPEER_REG_HBM_SIZE:
        return gpu->config.mem_size;
    case GPUPEER_REG_CTRL: /* and GPUPEER_REG_STATUS */
        return (gpu->enabled ? GPUPEER_CTRL_ENABLE : 0) |
               (uint64_t)(GPUPEER_STAT_READY |
                          (gpu->fatal ? GPUPEER_STAT_FATAL : 0)) << 32;
    case GPUPEER_REG_RING:
        return gpu->reg_ring;
    case GPUPEER_REG_RING_LOG2:
        return gpu->reg_ring_log2;
    case GPUPEER_REG_CPL:
        return gpu->reg_cpl;
    case GPUPEER_REG_EVENTS:
        return gpu->reg_events;
    case GPUPEER_REG_COMPLETED:
        return gpu->completed;
    case GPUPEER_REG_PROGRESS:
        return atomic_load_explicit(&gpu->progress, memory_order_relaxed);
    case GPUPEER_REG_TIME:
        return gpu->time;
    default:
        return 0;
    }
}

static bool access_ok(uint64_t offset, unsigned size)
{
    return (size == 4 || size == 8) && offset % size == 0 &&
           offset < GPUPEER_REGS_SIZE;
}

uint64_t gpu_core_reg_read(GpuCore *gpu, uint64_t offset, unsigned size)
{
    uint64_t value;

    if (!access_ok(offset, size)) {
        engine_trace(&gpu->engine, DACC_TRACE_GUEST_ERROR, offset, 0, size);
        return ~0ull;
    }
    engine_lock(&gpu->engine);
    value = read_slot(gpu, offset & ~7ull);
    engine_unlock(&gpu->engine);
    if (size == 8) {
        return value;
    }
    return offset & 4 ? value >> 32 : (uint32_t)value;
}

static void gpu_stop(GpuCore *gpu)
{
    gpu->enabled = false;
    engine_cancel(&gpu->engine);
    gpu->tail = 0;
    gpu->fetched = 0;
    gpu->completed = 0;
    gpu->n_events = 0;
    gpu->n_pending = 0;
    gpu->n_event = 0;
}

static void gpu_reset_locked(GpuCore *gpu)
{
    gpu_stop(gpu);
    gpu->reg_ring = 0;
    gpu->reg_ring_log2 = 0;
    gpu->reg_cpl = 0;
    gpu->reg_events = 0;
    gpu->fatal = false;
    atomic_store(&gpu->progress, 0);
}

static bool area_ok(uint64_t addr, uint64_t align, uint64_t size)
{
    return addr % align == 0 && addr <= UINT64_MAX - (size - 1);
}

static void gpu_enable(GpuCore *gpu)
{
    uint64_t len = 1ull << (gpu->reg_ring_log2 & 31);

    if (gpu->fatal) {
        return;
    }
    if (gpu->reg_ring_log2 < GPUPEER_MIN_RING_LOG2 ||
        gpu->reg_ring_log2 > GPUPEER_MAX_RING_LOG2 ||
        !area_ok(gpu->reg_ring, 64, len * sizeof(struct gpupeer_desc)) ||
        !area_ok(gpu->reg_cpl, 8, 64 + len * sizeof(struct gpupeer_cpl)) ||
        !area_ok(gpu->reg_events, 8,
                 64 + GPUPEER_NUM_EVENTS * sizeof(struct gpupeer_event))) {
        gpu->fatal = true;
        return;
    }
    gpu->ring = gpu->reg_ring;
    gpu->cpl = gpu->reg_cpl;
    gpu->events = gpu->reg_events;
    gpu->len = len;
    gpu->enabled = true;
}

static void write_ctrl(GpuCore *gpu, uint32_t value)
{
    if (value & GPUPEER_CTRL_RESET) {
        gpu_reset_locked(gpu);
    } else if (!(value & GPUPEER_CTRL_ENABLE)) {
        if (gpu->enabled) {
            gpu_stop(gpu);
        }
    } else if (!gpu->enabled) {
        gpu_enable(gpu);
    }
}

static void doorbell(GpuCore *gpu, uint32_t value)
{
    uint32_t ahead = value - (uint32_t)gpu->completed;

    if (!gpu->enabled || gpu->fatal) {
        return;
    }
    if (ahead > gpu->len) {
        gpu->fatal = true;
    } else if (gpu->completed + ahead > gpu->tail) {
        gpu->tail = gpu->completed + ahead;
        engine_wake(&gpu->engine);
    }
}

static void merge64(uint64_t *reg, uint64_t value, uint64_t mask)
{
    *reg = (*reg & ~mask) | (value & mask);
}

static bool write_slot(GpuCore *gpu, uint64_t offset, uint64_t value,
                       uint64_t mask)
{
    bool low = (uint32_t)mask;

    switch (offset) {
    case GPUPEER_REG_CTRL:
        if (low) {
            write_ctrl(gpu, value);
        }
        return low;
    case GPUPEER_REG_RING:
        merge64(&gpu->reg_ring, value, mask);
        return true;
    case GPUPEER_REG_RING_LOG2:
        if (low) {
            gpu->reg_ring_log2 = value;
        }
        return low;
    case GPUPEER_REG_CPL:
        merge64(&gpu->reg_cpl, value, mask);
        return true;
    case GPUPEER_REG_EVENTS:
        merge64(&gpu->reg_events, value, mask);
        return true;
    case GPUPEER_REG_DOORBELL:
        if (low) {
            doorbell(gpu, value);
        }
        return low;
    default:
        return false;
    }
}

void gpu_core_reg_write(GpuCore *gpu, uint64_t offset, uint64_t value,
                        unsigned size)
{
    Engine *e = &gpu->engine;
    uint64_t mask = ~0ull, slot_value = value;
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
    known = write_slot(gpu, offset & ~7ull, slot_value, mask);
    engine_unlock(e);
    if (!known) {
        engine_trace(e, DACC_TRACE_GUEST_ERROR, offset, value, size);
    }
    /* Without a thread, the jobs run in the service call. */
    if (!e->threaded) {
        engine_kick(e);
    }
}

static bool write_events(GpuCore *gpu, uint32_t n)
{
    const DaccHostOps *ops = &gpu->engine.ops;
    void *opaque = gpu->engine.opaque;
    uint64_t count = gpu->n_events;

    for (uint32_t i = 0; i < n; i++, count++) {
        uint64_t slot = count % GPUPEER_NUM_EVENTS;

        if (!ops->dma_write(opaque, gpu->events + 64 +
                            slot * sizeof(struct gpupeer_event),
                            &gpu->event_out[i], sizeof(gpu->event_out[i]))) {
            return false;
        }
    }
    return ops->dma_write(opaque, gpu->events, &count, sizeof(count));
}

static bool write_completions(GpuCore *gpu, uint32_t n)
{
    const DaccHostOps *ops = &gpu->engine.ops;
    void *opaque = gpu->engine.opaque;
    uint64_t head = gpu->cpl_out[n - 1].seq;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t slot = (gpu->cpl_out[i].seq - 1) & (gpu->len - 1);

        if (!ops->dma_write(opaque, gpu->cpl + 64 +
                            slot * sizeof(struct gpupeer_cpl),
                            &gpu->cpl_out[i], sizeof(gpu->cpl_out[i]))) {
            return false;
        }
    }
    return ops->dma_write(opaque, gpu->cpl, &head, sizeof(head));
}

void gpu_handover(GpuCore *gpu)
{
    Engine *e = &gpu->engine;
    uint32_t n_event, n_pending;
    bool ok = true;

    /* Both at once: an event that is older than a completion goes first. */
    engine_lock(e);
    n_event = gpu->n_event;
    n_pending = gpu->n_pending;
    if (gpu->fatal) {
        gpu->n_event = 0;
        gpu->n_pending = 0;
        engine_wake(e);
    }
    if (gpu->fatal || !(n_event | n_pending)) {
        engine_unlock(e);
        return;
    }
    memcpy(gpu->event_out, gpu->event, n_event * sizeof(*gpu->event));
    memcpy(gpu->cpl_out, gpu->pending, n_pending * sizeof(*gpu->pending));
    gpu->n_event = 0;
    gpu->n_pending = 0;
    engine_wake(e);
    engine_unlock(e);

    /* Resets come from this very thread, so the ring stays the same one. */
    if (n_event) {
        ok = write_events(gpu, n_event);
    }
    if (ok && n_event) {
        e->ops.interrupt(e->opaque, GPUPEER_VECTOR_EVENT);
    }
    if (ok && n_pending) {
        ok = write_completions(gpu, n_pending);
    }
    engine_lock(e);
    gpu->n_events += n_event;
    if (!ok) {
        gpu->fatal = true;
    } else if (n_pending) {
        gpu->completed = gpu->cpl_out[n_pending - 1].seq;
    }
    engine_unlock(e);
    for (uint32_t i = 0; i < n_pending; i++) {
        engine_trace(e, DACC_TRACE_COMPLETE, 0, gpu->cpl_out[i].seq,
                     gpu->cpl_out[i].status);
    }
    if (ok && n_pending) {
        e->ops.interrupt(e->opaque, GPUPEER_VECTOR_COMPLETION);
    }
}

void gpu_core_service(GpuCore *gpu)
{
    Engine *e = &gpu->engine;

    if (e->paused) {
        return;
    }
    if (!e->threaded) {
        unsigned n = 0;

        while (n < GPU_SERVICE_JOBS && engine_run_one(e)) {
            gpu_handover(gpu);
            n++;
        }
        if (n == GPU_SERVICE_JOBS) {
            engine_kick(e);
        }
    }
    gpu_handover(gpu);
}

void gpu_core_reset(GpuCore *gpu)
{
    engine_lock(&gpu->engine);
    gpu_reset_locked(gpu);
    engine_unlock(&gpu->engine);
    engine_trace(&gpu->engine, DACC_TRACE_RESET, 0, 0, 0);
}

void gpu_core_pause(GpuCore *gpu)
{
    engine_pause(&gpu->engine);
}

void gpu_core_resume(GpuCore *gpu)
{
    engine_resume(&gpu->engine);
}

bool gpu_core_busy(GpuCore *gpu)
{
    bool busy;

    engine_lock(&gpu->engine);
    busy = gpu->engine.running;
    if (!gpu->fatal) {
        busy |= gpu->n_pending || gpu->n_event ||
                (gpu->enabled && gpu->fetched != gpu->tail);
    }
    engine_unlock(&gpu->engine);
    return busy;
}

uint64_t gpu_core_ready(GpuCore *gpu, uint64_t offset, uint64_t len)
{
    return ready_get(&gpu->ready, offset, len);
}
