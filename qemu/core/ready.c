/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Write times of on-device memory. */
#include <stdlib.h>
#include <string.h>

#include "ready.h"

bool ready_init(Ready *r, uint64_t mem_size)
{
    r->pages = (mem_size + (1u << READY_PAGE_SHIFT) - 1) >> READY_PAGE_SHIFT;
    r->time = calloc(r->pages, sizeof(*r->time));
    r->pending = calloc((r->pages + 63) / 64, sizeof(*r->pending));
    r->first = r->pages;
    r->end = 0;
    if (!r->time || !r->pending) {
        ready_fini(r);
        return false;
    }
    return true;
}

void ready_fini(Ready *r)
{
    free(r->time);
    free(r->pending);
    r->time = NULL;
    r->pending = NULL;
}

void ready_mark(Ready *r, uint64_t offset, uint64_t len)
{
    uint64_t first = offset >> READY_PAGE_SHIFT;
    uint64_t end = ((offset + len - 1) >> READY_PAGE_SHIFT) + 1;

    for (uint64_t i = first; i < end; i++) {
        r->pending[i / 64] |= 1ull << (i % 64);
    }
    if (first < r->first) {
        r->first = first;
    }
    if (end > r->end) {
        r->end = end;
    }
}

/* Finds the next run of pending pages at or behind @page. */
static bool ready_run(const Ready *r, uint64_t *page, uint64_t *end)
{
    uint64_t i = *page;

    while (i < r->end && !(r->pending[i / 64] >> (i % 64) & 1)) {
        /* Skip empty words: memory may be large and the pages few. */
        i = r->pending[i / 64] >> (i % 64) ? i + 1 : (i / 64 + 1) * 64;
    }
    if (i >= r->end) {
        return false;
    }
    *page = i;
    while (i < r->end && r->pending[i / 64] >> (i % 64) & 1) {
        i++;
    }
    *end = i;
    return true;
}

void ready_flush(Ready *r, const DaccHostOps *ops, void *opaque)
{
    uint64_t end;

    for (uint64_t page = r->first; ready_run(r, &page, &end); page = end) {
        ops->mem_dirty(opaque, page << READY_PAGE_SHIFT,
                       (end - page) << READY_PAGE_SHIFT);
    }
}

void ready_commit(Ready *r, uint64_t time, const DaccHostOps *ops,
                  void *opaque)
{
    uint64_t end;

    for (uint64_t page = r->first; ready_run(r, &page, &end); page = end) {
        for (uint64_t i = page; i < end; i++) {
            atomic_store_explicit(&r->time[i], time, memory_order_relaxed);
        }
        ops->mem_dirty(opaque, page << READY_PAGE_SHIFT,
                       (end - page) << READY_PAGE_SHIFT);
    }
    for (uint64_t w = r->first / 64; w < (r->end + 63) / 64; w++) {
        r->pending[w] = 0;
    }
    r->first = r->pages;
    r->end = 0;
}

uint64_t ready_get(Ready *r, uint64_t offset, uint64_t len)
{
    uint64_t first = offset >> READY_PAGE_SHIFT, end, time = 0;

    if (!len || first >= r->pages) {
        return 0;
    }
    if (len - 1 > UINT64_MAX - offset) {
        end = r->pages;
    } else {
        end = ((offset + len - 1) >> READY_PAGE_SHIFT) + 1;
    }
    if (end > r->pages) {
        end = r->pages;
    }
    for (uint64_t i = first; i < end; i++) {
        uint64_t t = atomic_load_explicit(&r->time[i], memory_order_relaxed);

        if (t > time) {
            time = t;
        }
    }
    return time;
}
