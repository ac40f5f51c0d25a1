/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device time: integer picoseconds, a function of the job sequence alone.
 * Sums saturate, since a guest may ask for any starting time.
 */
#ifndef DACC_DEVTIME_H
#define DACC_DEVTIME_H

#include "core.h"

/* What jobs occupy; each is busy until a known time. */
typedef enum DevResource {
    DEV_SEQUENCER,
    DEV_DMA,
    DEV_PCIE_RX,
    DEV_PCIE_TX,
    DEV_LINK_RX,
    DEV_LINK_TX = DEV_LINK_RX + DACC_MAX_LINKS,
    DEV_RESOURCES = DEV_LINK_TX + DACC_MAX_LINKS,
} DevResource;

typedef struct DevTime {
    uint64_t busy[DEV_RESOURCES];
} DevTime;

static inline uint64_t devtime_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t devtime_add(uint64_t a, uint64_t b)
{
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

/* Picoseconds that @bytes take at @bw bytes per microsecond, rounded up. */
uint64_t devtime_rate(uint64_t bytes, uint64_t bw);
/* Earliest start at or after @issue, all resources in @mask being free. */
uint64_t devtime_start(const DevTime *dt, uint32_t mask, uint64_t issue);
void devtime_claim(DevTime *dt, uint32_t mask, uint64_t end);

/* The ways that bytes of a transfer can go, at each of its two ends. */
typedef enum DevPath {
    DEV_PATH_SRAM,
    DEV_PATH_PCIE,
    DEV_PATH_LINK,
    DEV_PATHS = DEV_PATH_LINK + DACC_MAX_LINKS,
} DevPath;

/* What a transfer moved, by source and destination. */
typedef struct DevTransfer {
    uint64_t bytes[DEV_PATHS][DEV_PATHS];
    uint64_t blocks;            /* in a block table */
    uint64_t replay_ps;
} DevTransfer;

typedef struct DevPathRate {
    uint64_t bw;
    uint64_t latency_ps;
} DevPathRate;

/*
 * Source and destination work at the same time, so a byte costs what the
 * slower of its two ends costs; each path adds its latency once.
 */
uint64_t devtime_transfer(const uint64_t *timing, const DevPathRate *rate,
                          const DevTransfer *t, uint32_t *resources);

#endif
