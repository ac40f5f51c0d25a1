/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engine: the one thread that runs a device's jobs, one at a time, and what
 * the front thread needs to stop it: pause, cancel, stop. The decode chip and
 * the GPU peer both have one.
 *
 * The engine's lock is the device's lock. It is never held during DMA, compute
 * or a host operation. The engine polls at every engine_yield(); so whoever
 * waits for it waits for a few milliseconds at most.
 */
#ifndef DACC_ENGINE_H
#define DACC_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core.h"

typedef struct EngineClass {
    /* Chooses the next job. False: there is none. Lock held. */
    bool (*pick)(void *dev);
    /* Runs the job that pick() chose. Lock not held. */
    void (*execute)(void *dev);
    /* Hands the job's result over, or drops it if @cancelled. Lock held. */
    void (*finish)(void *dev, bool cancelled);
    /*
     * No translation or pointer that the job got before is in use: the moment
     * to apply invalidations. Lock held. May be NULL.
     */
    void (*attend)(void *dev);
    /* Before the engine may park: tells the host what was written. */
    void (*flush)(void *dev);
} EngineClass;

typedef struct Engine {
    pthread_mutex_t lock;
    pthread_cond_t wake;        /* the engine waits: work, resume, cancel */
    pthread_cond_t left;        /* the front waits: parked, job ended */
    const EngineClass *class;
    void *dev;
    DaccHostOps ops;
    void *opaque;
    pthread_t thread;
    bool threaded;
    bool stop;
    bool paused;
    bool cancel;
    bool running;               /* a job is under way */
    bool active;                /* ... and is not parked */
    uint64_t serial;            /* of the latest job */
    atomic_bool attention;      /* yield has to look at the above */
} Engine;

bool engine_init(Engine *e, const EngineClass *class, void *dev,
                 const DaccHostOps *ops, void *opaque);
/* Starts the thread. False: no thread to be had. */
bool engine_start(Engine *e);
/* Cancels the job, joins the thread, frees the locks. */
void engine_fini(Engine *e);

static inline void engine_lock(Engine *e)
{
    pthread_mutex_lock(&e->lock);
}

static inline void engine_unlock(Engine *e)
{
    pthread_mutex_unlock(&e->lock);
}

/* New work may be there. Lock held. */
void engine_wake(Engine *e);
/* Ends the running job, if any, and waits for that. Lock held. */
void engine_cancel(Engine *e);
/* Makes the engine come to attend() soon. Lock held. */
void engine_call_attention(Engine *e);
void engine_pause(Engine *e);
void engine_resume(Engine *e);
/* Without a thread: runs one job, if there is one. Lock not held. */
bool engine_run_one(Engine *e);

/* On the engine, lock not held. False: the job is cancelled. */
bool engine_yield(Engine *e);
/* As engine_yield(), but waits until @blocked (lock held) is false. */
bool engine_wait(Engine *e, bool (*blocked)(void *dev));

void engine_kick(Engine *e);
void engine_trace(Engine *e, DaccTraceEvent event, uint64_t a, uint64_t b,
                  uint64_t c);

#endif
