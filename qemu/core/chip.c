/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decode chip: life cycle, service, reset. */
#include <stdlib.h>
#include <string.h>

#include "chip.h"

/*
 * One simple parameter set, to be replaced by profiles of real parts. The
 * published figures are listed in Documentation/hardware.rst.
 */
void dacc_core_default_config(DaccCoreConfig *config)
{
    static const uint64_t timing[DACC_TIMING_COUNT] = {
        /* SRAM bandwidth and f16 peak as published for Groq's first LPU. */
        [DACC_TIMING_SRAM_BW] = 80000000,       /* 80 TB/s */
        [DACC_TIMING_PEAK] = 188000000,         /* 188 TFLOPS */
        /* Round values: a statically scheduled chip has small fixed costs. */
        [DACC_TIMING_INSN_PS] = 20000,
        [DACC_TIMING_LAYER_PS] = 1000000,
        [DACC_TIMING_STEP_PS] = 1000000,
        [DACC_TIMING_DMA_DESC_PS] = 500000,
        [DACC_TIMING_DMA_BLOCK_PS] = 10000,
        /* PCIe 5 x16 peer-to-peer as measured: 53 to 56.6 GB/s. */
        [DACC_TIMING_PCIE_BW] = 55000,
        [DACC_TIMING_PCIE_PS] = 700000,
        /*
         * 7 nm as tabulated by Jouppi et al. (Ten Lessons From Three
         * Generations Shaped Google's TPUv4i, ISCA 2021): f16 add 0.16 pJ and
         * multiply 0.34 pJ, so 0.25 pJ for an operation; 14 pJ for 64 bits of
         * a 1 MiB SRAM.
         */
        [DACC_TIMING_FJ_OP] = 250,
        [DACC_TIMING_FJ_BYTE] = 1750,
    };

    memset(config, 0, sizeof(*config));
    memcpy(config->timing, timing, sizeof(timing));
    config->threads = 1;
    config->vector = DACC_VECTOR_AUTO;
    config->num_queues = DACC_MAX_QUEUES;
    config->temperature = 45000;
    config->temperature_crit = 95000;
}

static const char *config_error(const DaccCoreConfig *c)
{
    if (!c->mem || !c->mem_size || c->mem_size % 65536) {
        return "SRAM size must be a multiple of 64 KiB and not zero";
    }
    if (!c->num_queues || c->num_queues > DACC_MAX_QUEUES) {
        return "number of queues must be 1 to 64";
    }
    if (!c->timing[DACC_TIMING_SRAM_BW] || !c->timing[DACC_TIMING_PEAK] ||
        !c->timing[DACC_TIMING_PCIE_BW]) {
        return "bandwidths and peak must not be zero";
    }
    return NULL;
}

DaccCore *dacc_core_new(const DaccCoreConfig *config, const DaccHostOps *ops,
                        void *opaque, const char **err)
{
    DaccCore *core;
    const char *bad = config_error(config);

    if (bad) {
        *err = bad;
        return NULL;
    }
    *err = "out of memory";
    core = calloc(1, sizeof(*core));
    if (!core) {
        return NULL;
    }
    core->config = *config;
    core->temperature = config->temperature;
    if (!engine_init(&core->engine, &chip_engine_class, core, ops, opaque)) {
        free(core);
        return NULL;
    }
    core->bounce = malloc(CHIP_CHUNK);
    core->program = calloc(CHIP_MAX_INSNS, sizeof(*core->program));
    if (!core->bounce || !core->program ||
        !ready_init(&core->ready, config->mem_size) ||
        !mmu_init(&core->mmu, config->mem_size, chip_job_read, chip_any_read,
                  core)) {
        dacc_core_free(core);
        return NULL;
    }
    if (!seq_open(&core->config, ops, opaque, &core->pool, &core->seq, err)) {
        dacc_core_free(core);
        return NULL;
    }
    if (config->threads && !engine_start(&core->engine)) {
        *err = "no engine thread to be had";
        dacc_core_free(core);
        return NULL;
    }
    *err = NULL;
    return core;
}

void dacc_core_free(DaccCore *core)
{
    if (!core) {
        return;
    }
    engine_fini(&core->engine);
    if (core->seq) {
        seq_free(core->seq);
    }
    if (core->pool) {
        pool_free(core->pool);
    }
    mmu_fini(&core->mmu);
    ready_fini(&core->ready);
    free(core->program);
    free(core->bounce);
    free(core);
}

static void chip_event_interrupt(DaccCore *core)
{
    Engine *e = &core->engine;
    bool irq;

    engine_lock(e);
    irq = core->event_irq;
    core->event_irq = false;
    engine_unlock(e);
    if (irq) {
        e->ops.interrupt(e->opaque, DACC_VECTOR_EVENT);
    }
}

void dacc_core_service(DaccCore *core)
{
    Engine *e = &core->engine;

    if (e->paused) {
        return;
    }
    if (!e->threaded) {
        unsigned n = 0;

        while (n < CHIP_SERVICE_JOBS && engine_run_one(e)) {
            chip_queue_handover(core);
            n++;
        }
        if (n == CHIP_SERVICE_JOBS) {
            engine_kick(e);
        }
    }
    chip_queue_handover(core);
    chip_event_interrupt(core);
}

void chip_reset_locked(DaccCore *core, bool flush)
{
    core->enabled = false;
    engine_cancel(&core->engine);
    for (unsigned q = 0; q < DACC_MAX_QUEUES; q++) {
        ChipQueue *queue = &core->queue[q];

        chip_queue_reset(core, q, flush);
        queue->reg_ring = 0;
        queue->reg_cpl = 0;
        queue->reg_ring_log2 = 0;
        queue->reg_config = 0;
        queue->reg_start = 0;
        queue->inject_hang = false;
        queue->inject_dma_error = false;
        queue->inject_bad_completion = false;
    }
    for (unsigned i = 0; i < DACC_MAX_ASIDS; i++) {
        atomic_store(&core->mmu.root[i], 0);
        core->asid_end[i] = 0;
    }
    core->invalidate = ~0ull;
    for (unsigned i = 0; i < DACC_MAX_LINKS; i++) {
        ChipLink *link = &core->link[i];

        link->disabled = false;
        for (unsigned k = 0; k < 2; k++) {
            atomic_store(&link->rx_bytes[k], 0);
            atomic_store(&link->tx_bytes[k], 0);
        }
        link->crc_errors = 0;
        link->replays = 0;
    }
    memset(core->decoder, 0, sizeof(core->decoder));
    chip_windows_changed(core);
    core->fatal = false;
    core->event = 0;
    core->event_mask = 0;
    core->event_irq = false;
    core->next_queue = 0;
    core->inject_crc = 0;
    core->generation++;
}

void dacc_core_reset(DaccCore *core)
{
    uint32_t generation;

    engine_lock(&core->engine);
    chip_reset_locked(core, false);
    generation = core->generation;
    engine_unlock(&core->engine);
    engine_trace(&core->engine, DACC_TRACE_RESET, generation, 0, 0);
    engine_kick(&core->engine);
}

void dacc_core_pause(DaccCore *core)
{
    engine_pause(&core->engine);
}

void dacc_core_resume(DaccCore *core)
{
    engine_resume(&core->engine);
}

bool dacc_core_busy(DaccCore *core)
{
    bool busy;

    engine_lock(&core->engine);
    busy = core->engine.running || core->event_irq;
    for (unsigned q = 0; q < core->config.num_queues && !busy; q++) {
        const ChipQueue *queue = &core->queue[q];

        busy = chip_queue_pending(core, queue) ||
               chip_queue_runnable(core, queue);
    }
    engine_unlock(&core->engine);
    return busy;
}

uint64_t dacc_core_ready(DaccCore *core, uint64_t offset, uint64_t len)
{
    return ready_get(&core->ready, offset, len);
}
