/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fork-join pool: splits one loop over the caller and its worker threads. The
 * split never changes results: every index is computed by itself.
 */
#ifndef DACC_POOL_H
#define DACC_POOL_H

#include <stdint.h>

typedef struct Pool Pool;

/* Hooks run in each worker thread at its start and end; may be NULL. */
typedef void PoolHook(void *opaque);

/* @threads includes the caller: 0 and 1 start no thread. NULL: none to be had. */
Pool *pool_new(unsigned threads, PoolHook *enter, PoolHook *exit, void *opaque);
void pool_free(Pool *pool);
unsigned pool_threads(const Pool *pool);

typedef void PoolBody(void *opaque, uint32_t begin, uint32_t end);

/*
 * Calls @body for disjoint ranges that cover [0, n), each a multiple of
 * @grain long but the last, and returns when all are done.
 */
void pool_run(Pool *pool, uint32_t n, uint32_t grain, PoolBody *body,
              void *opaque);

#endif
