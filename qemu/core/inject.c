/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fault injection: DACC_REG_INJECT. */
#include "chip.h"

bool chip_inject(DaccCore *core, uint32_t value)
{
    uint32_t kind = value & 0xff, arg = value >> 8;

    switch (kind) {
    case DACC_INJECT_NONE:
        core->inject_crc = 0;
        for (unsigned q = 0; q < core->config.num_queues; q++) {
            core->queue[q].inject_hang = false;
            core->queue[q].inject_dma_error = false;
            core->queue[q].inject_bad_completion = false;
        }
        return true;
    case DACC_INJECT_LINK_CRC:
        core->inject_crc = arg;
        return true;
    case DACC_INJECT_HANG:
    case DACC_INJECT_DMA_ERROR:
    case DACC_INJECT_BAD_COMPLETION:
        if (arg >= core->config.num_queues) {
            return false;
        }
        if (kind == DACC_INJECT_HANG) {
            core->queue[arg].inject_hang = true;
        } else if (kind == DACC_INJECT_DMA_ERROR) {
            core->queue[arg].inject_dma_error = true;
        } else {
            core->queue[arg].inject_bad_completion = true;
        }
        return true;
    default:
        return false;
    }
}

bool dacc_core_inject(DaccCore *core, uint32_t value)
{
    bool known;

    engine_lock(&core->engine);
    known = chip_inject(core, value);
    engine_unlock(&core->engine);
    return known;
}

uint64_t chip_inject_crc(DaccCore *core, uint64_t packets)
{
    uint64_t failed = packets < core->inject_crc ? packets : core->inject_crc;

    core->inject_crc -= failed;
    return failed;
}
