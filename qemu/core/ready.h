/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When was on-device memory written, in device time? One time for each 4 KiB
 * page; the device at the other end of a link asks. The same structure knows
 * which pages a job has written and not yet told the host about.
 */
#ifndef DACC_READY_H
#define DACC_READY_H

#include <stdatomic.h>

#include "core.h"

#define READY_PAGE_SHIFT 12

typedef struct Ready {
    uint64_t pages;
    _Atomic uint64_t *time;     /* any thread */
    uint64_t *pending;          /* bitmap, engine thread */
    uint64_t first, end;        /* pending pages lie in [first, end) */
} Ready;

bool ready_init(Ready *r, uint64_t mem_size);
void ready_fini(Ready *r);
/* The running job writes this range (inside the memory). */
void ready_mark(Ready *r, uint64_t offset, uint64_t len);
/* Tells the host of pending pages; they stay pending. */
void ready_flush(Ready *r, const DaccHostOps *ops, void *opaque);
/* Pending pages were written at @time. */
void ready_commit(Ready *r, uint64_t time, const DaccHostOps *ops,
                  void *opaque);
/* Latest time of any page in the range; ranges outside are clipped. */
uint64_t ready_get(Ready *r, uint64_t offset, uint64_t len);

#endif
