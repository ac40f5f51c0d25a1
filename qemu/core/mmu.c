/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address translation of the decode chip. */
#include <stdlib.h>
#include <string.h>

#include "mmu.h"

/* Sizes that a cached translation may have: page, CONT, 2 MiB, 1 GiB. */
#define TLB_KINDS       4
#define TLB_SHIFT       9
#define TLB_ENTRIES     (1u << TLB_SHIFT)
/* Level-0 entries that are read together: those of one line of memory. */
#define PTE_GROUP       8
/* Level-0 tables whose addresses are cached. */
#define WALK_ENTRIES    16
#define WALK_SHIFT      (DACC_PAGE_SHIFT + DACC_PT_BITS)
/* Pages that one call may join: bounds the time to the next yield. */
#define MMU_MAX_JOIN    128

#define PTE_KNOWN       (DACC_PTE_VALID | DACC_PTE_WRITE | DACC_PTE_LEAF | \
                         DACC_PTE_CONT | DACC_PTE_SRAM | DACC_PTE_ADDR)
#define PTE_TABLE_KNOWN (DACC_PTE_VALID | DACC_PTE_ADDR)

static const unsigned tlb_shift[TLB_KINDS] = { 12, 16, 21, 30 };

typedef struct TlbEntry {
    uint64_t tag;               /* address >> shift, plus 1; 0: empty */
    uint64_t addr;
    bool write;
    bool sram;
} TlbEntry;

typedef struct WalkEntry {
    uint64_t tag;               /* address >> WALK_SHIFT, plus 1 */
    uint64_t table;
} WalkEntry;

struct MmuAsid {
    unsigned kind;              /* of the latest hit: looked at first */
    TlbEntry tlb[TLB_KINDS][TLB_ENTRIES];
    WalkEntry walk[WALK_ENTRIES];
};

bool mmu_init(Mmu *mmu, uint64_t sram_size,
              bool (*read)(void *opaque, uint64_t addr, void *buf,
                           uint64_t len),
              bool (*read_any)(void *opaque, uint64_t addr, void *buf,
                               uint64_t len),
              void *opaque)
{
    mmu->sram_size = sram_size;
    mmu->read = read;
    mmu->read_any = read_any;
    mmu->opaque = opaque;
    for (unsigned i = 0; i < DACC_MAX_ASIDS; i++) {
        atomic_init(&mmu->root[i], 0);
    }
    mmu->asid = calloc(DACC_MAX_ASIDS, sizeof(*mmu->asid));
    return mmu->asid;
}

void mmu_fini(Mmu *mmu)
{
    free(mmu->asid);
    mmu->asid = NULL;
}

void mmu_invalidate(Mmu *mmu, uint64_t asids)
{
    for (unsigned i = 0; i < DACC_MAX_ASIDS; i++) {
        if (asids >> i & 1) {
            memset(&mmu->asid[i], 0, sizeof(mmu->asid[i]));
        }
    }
}

/* Ranges that one job uses may be a power of two apart: no plain modulus. */
static unsigned tlb_slot(uint64_t page)
{
    return page * 0x9e3779b97f4a7c15 >> (64 - TLB_SHIFT);
}

static bool tlb_lookup(MmuAsid *as, uint64_t va, TlbEntry *found,
                       unsigned *shift)
{
    unsigned k = as->kind;

    for (unsigned n = 0; n < TLB_KINDS; n++, k = (k + 1) % TLB_KINDS) {
        uint64_t page = va >> tlb_shift[k];
        const TlbEntry *e = &as->tlb[k][tlb_slot(page)];

        if (e->tag == page + 1) {
            *found = *e;
            *shift = tlb_shift[k];
            as->kind = k;
            return true;
        }
    }
    return false;
}

/* What the leaf @pte of @level says of @va. False: it is not valid. */
static bool mmu_leaf(uint64_t pte, int level, uint64_t va, TlbEntry *out,
                     unsigned *kind)
{
    unsigned shift = DACC_PAGE_SHIFT + DACC_PT_BITS * level;
    uint64_t addr = pte & DACC_PTE_ADDR;

    if (!(pte & DACC_PTE_VALID) || !(pte & DACC_PTE_LEAF) || level > 2 ||
        (pte & ~PTE_KNOWN) || (level && (pte & DACC_PTE_CONT)) ||
        (addr & ((1ull << shift) - 1))) {
        return false;
    }
    *kind = level ? level + 1 : 0;
    if (!level && (pte & DACC_PTE_CONT) && !((addr ^ va) & 0xf000)) {
        *kind = 1;
        addr &= ~0xffffull;
    }
    out->tag = (va >> tlb_shift[*kind]) + 1;
    out->addr = addr;
    out->write = pte & DACC_PTE_WRITE;
    out->sram = pte & DACC_PTE_SRAM;
    return true;
}

/* Finds the table that maps 2 MiB around @va, or the leaf before that. */
static enum dacc_status mmu_descend(Mmu *mmu, MmuAsid *as, unsigned asid,
                                    uint64_t va, uint64_t *table,
                                    uint64_t *leaf, int *level)
{
    WalkEntry *w = as ? &as->walk[(va >> WALK_SHIFT) % WALK_ENTRIES] : NULL;
    uint64_t root = atomic_load(&mmu->root[asid]);

    if (!(root & DACC_ASID_VALID)) {
        return DACC_STATUS_UNMAPPED;
    }
    *level = 0;
    if (w && w->tag == (va >> WALK_SHIFT) + 1) {
        *table = w->table;
        return DACC_STATUS_OK;
    }
    *table = root & DACC_PTE_ADDR;
    for (*level = DACC_PT_LEVELS - 1; *level; (*level)--) {
        unsigned shift = DACC_PAGE_SHIFT + DACC_PT_BITS * *level;
        uint64_t slot = va >> shift & (DACC_PT_ENTRIES - 1);

        if (!(as ? mmu->read : mmu->read_any)(mmu->opaque, *table + 8 * slot,
                                              leaf, sizeof(*leaf))) {
            return DACC_STATUS_BUS_ERROR;
        }
        if (!(*leaf & DACC_PTE_VALID)) {
            return DACC_STATUS_UNMAPPED;
        }
        if (*leaf & DACC_PTE_LEAF) {
            return DACC_STATUS_OK;
        }
        if (*leaf & ~PTE_TABLE_KNOWN) {
            return DACC_STATUS_UNMAPPED;
        }
        *table = *leaf & DACC_PTE_ADDR;
    }
    if (w) {
        w->tag = (va >> WALK_SHIFT) + 1;
        w->table = *table;
    }
    return DACC_STATUS_OK;
}

/* Fills the caches of @as; NULL: neither uses nor fills any. */
static enum dacc_status mmu_walk(Mmu *mmu, MmuAsid *as, unsigned asid,
                                 uint64_t va, TlbEntry *out,
                                 unsigned *out_shift)
{
    uint64_t slot = va >> DACC_PAGE_SHIFT & (DACC_PT_ENTRIES - 1);
    unsigned n = as ? PTE_GROUP : 1, at = slot % n, kind;
    uint64_t table = 0, pte[PTE_GROUP];
    enum dacc_status status;
    int level;

    status = mmu_descend(mmu, as, asid, va, &table, pte, &level);
    if (status) {
        return status;
    }
    if (level) {
        if (!mmu_leaf(pte[0], level, va, out, &kind)) {
            return DACC_STATUS_UNMAPPED;
        }
    } else {
        if (!(as ? mmu->read : mmu->read_any)(mmu->opaque,
                                              table + 8 * (slot - at), pte,
                                              n * sizeof(*pte))) {
            return DACC_STATUS_BUS_ERROR;
        }
        if (!mmu_leaf(pte[at], 0, va, out, &kind)) {
            return DACC_STATUS_UNMAPPED;
        }
        /* Only what is valid may be remembered. */
        for (unsigned i = 0; i < n && n > 1; i++) {
            uint64_t page = va + ((uint64_t)i - at) * DACC_PAGE_SIZE;
            unsigned k;
            TlbEntry e;

            if (i != at && mmu_leaf(pte[i], 0, page, &e, &k)) {
                as->tlb[k][tlb_slot(e.tag - 1)] = e;
            }
        }
    }
    if (as) {
        as->tlb[kind][tlb_slot(out->tag - 1)] = *out;
    }
    *out_shift = tlb_shift[kind];
    return DACC_STATUS_OK;
}

/* Translates what lies in the page at @va. @as as for mmu_walk(). */
static enum dacc_status mmu_page(Mmu *mmu, MmuAsid *as, unsigned asid,
                                 uint64_t va, uint64_t len, bool write,
                                 MmuSegment *seg)
{
    enum dacc_status status;
    TlbEntry e;
    unsigned shift;
    uint64_t in_page, left;

    if (va >> DACC_VA_BITS) {
        return DACC_STATUS_UNMAPPED;
    }
    if (!as || !tlb_lookup(as, va, &e, &shift)) {
        status = mmu_walk(mmu, as, asid, va, &e, &shift);
        if (status) {
            return status;
        }
    }
    if (write && !e.write) {
        return DACC_STATUS_READ_ONLY;
    }
    in_page = va & ((1ull << shift) - 1);
    left = (1ull << shift) - in_page;
    seg->sram = e.sram;
    seg->addr = e.addr + in_page;
    seg->len = len < left ? len : left;
    if (e.sram) {
        /* The table is the guest's: its offsets may be anything. */
        if (seg->addr >= mmu->sram_size) {
            return DACC_STATUS_UNMAPPED;
        }
        if (seg->len > mmu->sram_size - seg->addr) {
            seg->len = mmu->sram_size - seg->addr;
        }
    }
    return DACC_STATUS_OK;
}

enum dacc_status mmu_translate(Mmu *mmu, unsigned asid, uint64_t va,
                               uint64_t len, bool write, MmuSegment *seg)
{
    enum dacc_status status;
    MmuSegment next;
    MmuAsid *as;

    if (asid == 0 || asid >= DACC_MAX_ASIDS || len == 0) {
        return DACC_STATUS_UNMAPPED;
    }
    as = &mmu->asid[asid];
    status = mmu_page(mmu, as, asid, va, len, write, seg);
    if (status) {
        return status;
    }
    for (unsigned n = 1; seg->len < len && n < MMU_MAX_JOIN; n++) {
        if (mmu_page(mmu, as, asid, va + seg->len, len - seg->len, write,
                     &next) ||
            next.sram != seg->sram || next.addr != seg->addr + seg->len) {
            break;
        }
        seg->len += next.len;
    }
    return DACC_STATUS_OK;
}

enum dacc_status mmu_lookup(Mmu *mmu, unsigned asid, uint64_t va, uint64_t len,
                            bool write, MmuSegment *seg)
{
    if (asid == 0 || asid >= DACC_MAX_ASIDS || len == 0) {
        return DACC_STATUS_UNMAPPED;
    }
    return mmu_page(mmu, NULL, asid, va, len, write, seg);
}
