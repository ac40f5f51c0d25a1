/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual memory as the running job sees it. */
#include <string.h>

#include "chip.h"

bool chip_yield(DaccCore *core)
{
    ChipJob *job = &core->job;

    atomic_store_explicit(&core->queue[job->queue].progress,
                          job->progress + job->advanced, memory_order_relaxed);
    return engine_yield(&core->engine) && !atomic_load(&core->abort);
}

bool chip_wanted(const DaccCore *core)
{
    return atomic_load_explicit(&core->engine.attention,
                                memory_order_relaxed) ||
           atomic_load(&core->abort);
}

bool chip_job_read(void *opaque, uint64_t addr, void *buf, uint64_t len)
{
    DaccCore *core = opaque;

    return !core->job.dma_error &&
           chip_bus_read(core, &core->windows, addr, buf, len);
}

bool chip_any_read(void *opaque, uint64_t addr, void *buf, uint64_t len)
{
    DaccCore *core = opaque;

    return chip_bus_read(core, &core->front_windows, addr, buf, len);
}

static bool chip_job_write(DaccCore *core, uint64_t addr, const void *buf,
                           uint64_t len)
{
    return !core->job.dma_error &&
           chip_bus_write(core, &core->windows, addr, buf, len);
}

enum dacc_status chip_translate(DaccCore *core, uint64_t va, uint64_t len,
                                bool write, MmuSegment *seg)
{
    return mmu_translate(&core->mmu, core->job.asid, va, len, write, seg);
}

enum dacc_status chip_vm_read(DaccCore *core, uint64_t va, void *buf,
                              uint64_t len, uint64_t *fault_addr)
{
    uint8_t *p = buf;

    while (len) {
        MmuSegment seg;
        enum dacc_status status = chip_translate(core, va, len, false, &seg);

        if (!status && !seg.sram && !chip_job_read(core, seg.addr, p, seg.len)) {
            status = DACC_STATUS_BUS_ERROR;
        }
        if (status) {
            *fault_addr = va;
            return status;
        }
        if (seg.sram) {
            memcpy(p, core->config.mem + seg.addr, seg.len);
        }
        p += seg.len;
        va += seg.len;
        len -= seg.len;
    }
    return DACC_STATUS_OK;
}

enum dacc_status chip_vm_write(DaccCore *core, uint64_t va, const void *buf,
                               uint64_t len, uint64_t *fault_addr)
{
    const uint8_t *p = buf;

    while (len) {
        MmuSegment seg;
        enum dacc_status status = chip_translate(core, va, len, true, &seg);

        if (!status && !seg.sram &&
            !chip_job_write(core, seg.addr, p, seg.len)) {
            status = DACC_STATUS_BUS_ERROR;
        }
        if (status) {
            *fault_addr = va;
            return status;
        }
        if (seg.sram) {
            memcpy(core->config.mem + seg.addr, p, seg.len);
            ready_mark(&core->ready, seg.addr, seg.len);
        }
        p += seg.len;
        va += seg.len;
        len -= seg.len;
    }
    return DACC_STATUS_OK;
}
