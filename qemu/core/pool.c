/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fork-join pool. A worker joins an open job, takes chunks of it by a shared
 * counter, and leaves. The caller works too, then closes the job and waits only
 * for workers that had joined: one that the host has not scheduled yet costs
 * nothing.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pool.h"

#define POOL_MAX_THREADS 256
/* About 20 microseconds: longer than the gap between two instructions. */
#define POOL_SPINS 1000
/* Chunks for each thread, so that a late one takes less. */
#define POOL_SPLIT 4

/* Pool.state: number of workers in the job, and whether more may join. */
#define STATE_OPEN 0x80000000u

struct Pool {
    unsigned threads;           /* with the caller */
    unsigned started;
    pthread_t *thread;
    PoolHook *enter, *exit;
    void *hook_opaque;

    /* The job; written before STATE_OPEN is set, read after joining. */
    PoolBody *body;
    void *opaque;
    uint32_t n, chunk;
    _Atomic uint64_t next;

    _Atomic uint32_t state;
    _Atomic uint32_t epoch;     /* jobs opened so far */
    _Atomic bool stop;

    pthread_mutex_t lock;
    pthread_cond_t wake;        /* a job was opened, or stop */
    pthread_cond_t idle;        /* the last worker left a closed job */
    _Atomic uint32_t sleepers;
    _Atomic bool caller_waits;
};

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void work(Pool *pool)
{
    for (;;) {
        uint64_t begin = atomic_fetch_add_explicit(&pool->next, pool->chunk,
                                                   memory_order_relaxed);
        uint64_t end = begin + pool->chunk;

        if (begin >= pool->n) {
            return;
        }
        pool->body(pool->opaque, begin, end < pool->n ? end : pool->n);
    }
}

static bool join(Pool *pool)
{
    uint32_t state = atomic_load(&pool->state);

    while (state & STATE_OPEN) {
        if (atomic_compare_exchange_weak(&pool->state, &state, state + 1)) {
            return true;
        }
    }
    return false;
}

static void leave(Pool *pool)
{
    if (atomic_fetch_sub(&pool->state, 1) == 1 &&
        atomic_load(&pool->caller_waits)) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_signal(&pool->idle);
        pthread_mutex_unlock(&pool->lock);
    }
}

/* Waits until a job after @seen has been opened. False: stop. */
static bool wait_for_job(Pool *pool, uint32_t *seen)
{
    for (unsigned i = 0; i < POOL_SPINS; i++) {
        if (atomic_load(&pool->stop)) {
            return false;
        }
        if (atomic_load(&pool->epoch) != *seen) {
            *seen = atomic_load(&pool->epoch);
            return true;
        }
        cpu_relax();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!atomic_load(&pool->stop) && atomic_load(&pool->epoch) == *seen) {
        pthread_cond_wait(&pool->wake, &pool->lock);
    }
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
    *seen = atomic_load(&pool->epoch);
    return !atomic_load(&pool->stop);
}

static void *worker(void *arg)
{
    Pool *pool = arg;
    uint32_t seen = 0;

    if (pool->enter) {
        pool->enter(pool->hook_opaque);
    }
    while (wait_for_job(pool, &seen)) {
        if (join(pool)) {
            work(pool);
            leave(pool);
        }
    }
    if (pool->exit) {
        pool->exit(pool->hook_opaque);
    }
    return NULL;
}

static bool start(Pool *pool)
{
    sigset_t all, old;
    bool ok = true;

    /* Signals are the front's business. */
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &old)) {
        return false;
    }
    while (pool->started < pool->threads - 1) {
        if (pthread_create(&pool->thread[pool->started], NULL, worker, pool)) {
            ok = false;
            break;
        }
        pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}

Pool *pool_new(unsigned threads, PoolHook *enter, PoolHook *exit, void *opaque)
{
    Pool *pool;

    if (threads < 1) {
        threads = 1;
    }
    if (threads > POOL_MAX_THREADS) {
        return NULL;
    }
    pool = calloc(1, sizeof(*pool));
    if (!pool) {
        return NULL;
    }
    pool->threads = threads;
    pool->enter = enter;
    pool->exit = exit;
    pool->hook_opaque = opaque;
    pool->thread = calloc(threads, sizeof(*pool->thread));
    if (!pool->thread) {
        free(pool);
        return NULL;
    }
    if (pthread_mutex_init(&pool->lock, NULL)) {
        goto no_lock;
    }
    if (pthread_cond_init(&pool->wake, NULL)) {
        goto no_wake;
    }
    if (pthread_cond_init(&pool->idle, NULL)) {
        goto no_idle;
    }
    if (!start(pool)) {
        pool_free(pool);
        return NULL;
    }
    return pool;

no_idle:
    pthread_cond_destroy(&pool->wake);
no_wake:
    pthread_mutex_destroy(&pool->lock);
no_lock:
    free(pool->thread);
    free(pool);
    return NULL;
}

void pool_free(Pool *pool)
{
    if (!pool) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++) {
        pthread_join(pool->thread[i], NULL);
    }
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->thread);
    free(pool);
}

unsigned pool_threads(const Pool *pool)
{
    return pool->threads;
}

static void wait_idle(Pool *pool)
{
    for (unsigned i = 0; i < POOL_SPINS; i++) {
        if (!atomic_load(&pool->state)) {
            return;
        }
        cpu_relax();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_waits, true);
    while (atomic_load(&pool->state)) {
        pthread_cond_wait(&pool->idle, &pool->lock);
    }
    atomic_store(&pool->caller_waits, false);
    pthread_mutex_unlock(&pool->lock);
}

void pool_run(Pool *pool, uint32_t n, uint32_t grain, PoolBody *body,
              void *opaque)
{
    uint64_t chunk;

    if (!n) {
        return;
    }
    grain = grain ? grain : 1;
    if (!pool->started || n <= grain) {
        body(opaque, 0, n);
        return;
    }
    chunk = n / (pool->threads * POOL_SPLIT) + 1;
    chunk = (chunk + grain - 1) / grain * grain;
    pool->body = body;
    pool->opaque = opaque;
    pool->n = n;
    pool->chunk = chunk < n ? chunk : n;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->state, STATE_OPEN);
    atomic_fetch_add(&pool->epoch, 1);
    /* Pairs with wait_for_job(): it counts itself, then looks at epoch. */
    if (atomic_load(&pool->sleepers)) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
    work(pool);
    if (atomic_fetch_and(&pool->state, ~STATE_OPEN) != STATE_OPEN) {
        wait_idle(pool);
    }
}
