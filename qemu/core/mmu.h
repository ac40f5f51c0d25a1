/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address translation of the decode chip: page-table walks and a small TLB
 * for each address space. Used on the engine thread, except mmu_lookup().
 */
#ifndef DACC_MMU_H
#define DACC_MMU_H

#include <stdatomic.h>

#include "core.h"

typedef struct MmuSegment {
    bool sram;
    uint64_t addr;              /* SRAM offset or bus address */
    uint64_t len;
} MmuSegment;

typedef struct MmuAsid MmuAsid;

typedef struct Mmu {
    uint64_t sram_size;
    /* As written to DACC_REG_ASID. */
    atomic_uint_fast64_t root[DACC_MAX_ASIDS];
    MmuAsid *asid;
    /* Reads one table entry: for the running job, and for anybody. */
    bool (*read)(void *opaque, uint64_t addr, void *buf, uint64_t len);
    bool (*read_any)(void *opaque, uint64_t addr, void *buf, uint64_t len);
    void *opaque;
} Mmu;

bool mmu_init(Mmu *mmu, uint64_t sram_size,
              bool (*read)(void *opaque, uint64_t addr, void *buf,
                           uint64_t len),
              bool (*read_any)(void *opaque, uint64_t addr, void *buf,
                               uint64_t len),
              void *opaque);
void mmu_fini(Mmu *mmu);
/* Drops what is cached of the ASIDs in the bit mask. */
void mmu_invalidate(Mmu *mmu, uint64_t asids);
/*
 * Translates the range's first bytes; seg->len (1 to @len) is how many of them
 * lie together. An error is that of the byte at @va.
 */
enum dacc_status mmu_translate(Mmu *mmu, unsigned asid, uint64_t va,
                               uint64_t len, bool write, MmuSegment *seg);
/*
 * The same for one page, as the table in memory says now: any thread. What it
 * returns is good as long as no invalidation can come in.
 */
enum dacc_status mmu_lookup(Mmu *mmu, unsigned asid, uint64_t va, uint64_t len,
                            bool write, MmuSegment *seg);

#endif
