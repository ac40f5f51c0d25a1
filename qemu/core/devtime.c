/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device time: busy-until resources and the cost of transfers. */
#include "devtime.h"

uint64_t devtime_rate(uint64_t bytes, uint64_t bw)
{
    unsigned __int128 ps;

    if (!bw) {
        return 0;
    }
    ps = ((unsigned __int128)bytes * 1000000 + bw - 1) / bw;
    return ps > UINT64_MAX ? UINT64_MAX : (uint64_t)ps;
}

uint64_t devtime_start(const DevTime *dt, uint32_t mask, uint64_t issue)
{
    uint64_t start = issue;

    for (unsigned r = 0; r < DEV_RESOURCES; r++) {
        if (mask & (1u << r)) {
            start = devtime_max(start, dt->busy[r]);
        }
    }
    return start;
}

void devtime_claim(DevTime *dt, uint32_t mask, uint64_t end)
{
    for (unsigned r = 0; r < DEV_RESOURCES; r++) {
        if (mask & (1u << r)) {
            dt->busy[r] = devtime_max(dt->busy[r], end);
        }
    }
}

static uint32_t devtime_direction(unsigned path, bool read)
{
    if (path == DEV_PATH_SRAM) {
        return 0;
    }
    if (path == DEV_PATH_PCIE) {
        return 1u << (read ? DEV_PCIE_RX : DEV_PCIE_TX);
    }
    return 1u << ((read ? DEV_LINK_RX : DEV_LINK_TX) + path - DEV_PATH_LINK);
}

uint64_t devtime_transfer(const uint64_t *timing, const DevPathRate *rate,
                          const DevTransfer *t, uint32_t *resources)
{
    uint64_t cost = timing[DACC_TIMING_DMA_DESC_PS];
    unsigned __int128 blocks;
    uint32_t used = 0;

    *resources = 1u << DEV_DMA;
    blocks = (unsigned __int128)t->blocks * timing[DACC_TIMING_DMA_BLOCK_PS];
    cost = devtime_add(cost, blocks > UINT64_MAX ? UINT64_MAX
                                                 : (uint64_t)blocks);
    for (unsigned s = 0; s < DEV_PATHS; s++) {
        for (unsigned d = 0; d < DEV_PATHS; d++) {
            uint64_t bytes = t->bytes[s][d];

            if (!bytes) {
                continue;
            }
            used |= 1u << s | 1u << d;
            *resources |= devtime_direction(s, true) |
                          devtime_direction(d, false);
            cost = devtime_add(cost,
                               devtime_max(devtime_rate(bytes, rate[s].bw),
                                           devtime_rate(bytes, rate[d].bw)));
        }
    }
    for (unsigned p = 0; p < DEV_PATHS; p++) {
        if (used & (1u << p)) {
            cost = devtime_add(cost, rate[p].latency_ps);
        }
    }
    return devtime_add(cost, t->replay_ps);
}
