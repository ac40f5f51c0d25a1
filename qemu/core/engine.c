/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Engine: the job thread of a device. */
#include "engine.h"

void engine_kick(Engine *e)
{
    e->ops.kick(e->opaque);
}

void engine_trace(Engine *e, DaccTraceEvent event, uint64_t a, uint64_t b,
                  uint64_t c)
{
    if (e->ops.trace) {
        e->ops.trace(e->opaque, event, a, b, c);
    }
}

bool engine_init(Engine *e, const EngineClass *class, void *dev,
                 const DaccHostOps *ops, void *opaque)
{
    e->class = class;
    e->dev = dev;
    e->ops = *ops;
    e->opaque = opaque;
    atomic_init(&e->attention, false);
    if (pthread_mutex_init(&e->lock, NULL)) {
        return false;
    }
    if (pthread_cond_init(&e->wake, NULL)) {
        pthread_mutex_destroy(&e->lock);
        return false;
    }
    if (pthread_cond_init(&e->left, NULL)) {
        pthread_cond_destroy(&e->wake);
        pthread_mutex_destroy(&e->lock);
        return false;
    }
    return true;
}

static void engine_attend(Engine *e)
{
    if (e->class->attend) {
        e->class->attend(e->dev);
    }
}

/* Runs the job that was picked. Lock held on entry and exit. */
static void engine_job(Engine *e)
{
    e->running = true;
    e->active = true;
    e->cancel = false;
    e->serial++;
    atomic_store(&e->attention, false);
    engine_attend(e);
    engine_unlock(e);

    e->class->execute(e->dev);
    e->class->flush(e->dev);

    engine_lock(e);
    e->class->finish(e->dev, e->cancel);
    e->cancel = false;
    e->running = false;
    e->active = false;
    pthread_cond_broadcast(&e->left);
}

static void *engine_main(void *opaque)
{
    Engine *e = opaque;

    if (e->ops.thread_enter) {
        e->ops.thread_enter(e->opaque);
    }
    engine_lock(e);
    while (!e->stop) {
        if (e->paused || !e->class->pick(e->dev)) {
            pthread_cond_wait(&e->wake, &e->lock);
            continue;
        }
        engine_job(e);
        engine_unlock(e);
        engine_kick(e);
        engine_lock(e);
    }
    engine_unlock(e);
    if (e->ops.thread_exit) {
        e->ops.thread_exit(e->opaque);
    }
    return NULL;
}

bool engine_start(Engine *e)
{
    if (pthread_create(&e->thread, NULL, engine_main, e)) {
        return false;
    }
    e->threaded = true;
    return true;
}

void engine_fini(Engine *e)
{
    if (e->threaded) {
        engine_lock(e);
        e->stop = true;
        engine_cancel(e);
        engine_wake(e);
        engine_unlock(e);
        pthread_join(e->thread, NULL);
    }
    pthread_cond_destroy(&e->left);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
}

void engine_wake(Engine *e)
{
    pthread_cond_broadcast(&e->wake);
}

void engine_call_attention(Engine *e)
{
    atomic_store(&e->attention, true);
}

void engine_cancel(Engine *e)
{
    uint64_t serial = e->serial;

    if (!e->running) {
        return;
    }
    e->cancel = true;
    engine_call_attention(e);
    engine_wake(e);
    /* The engine may have begun another job by the time this thread wakes. */
    while (e->running && e->serial == serial) {
        pthread_cond_wait(&e->left, &e->lock);
    }
}

void engine_pause(Engine *e)
{
    engine_lock(e);
    e->paused = true;
    engine_call_attention(e);
    while (e->active) {
        pthread_cond_wait(&e->left, &e->lock);
    }
    engine_unlock(e);
}

void engine_resume(Engine *e)
{
    engine_lock(e);
    e->paused = false;
    engine_wake(e);
    engine_unlock(e);
    /* Completions may have been waiting. */
    engine_kick(e);
}

bool engine_run_one(Engine *e)
{
    bool found;

    engine_lock(e);
    found = !e->paused && e->class->pick(e->dev);
    if (found) {
        engine_job(e);
    }
    engine_unlock(e);
    return found;
}

static bool engine_park(Engine *e, bool (*blocked)(void *dev))
{
    bool go_on;

    e->class->flush(e->dev);
    engine_lock(e);
    while (!e->cancel && (e->paused || (blocked && blocked(e->dev)))) {
        e->active = false;
        pthread_cond_broadcast(&e->left);
        pthread_cond_wait(&e->wake, &e->lock);
    }
    e->active = true;
    engine_attend(e);
    go_on = !e->cancel;
    /* A cancelled job must see that at each further yield. */
    atomic_store(&e->attention, e->cancel);
    engine_unlock(e);
    return go_on;
}

bool engine_yield(Engine *e)
{
    if (!atomic_load_explicit(&e->attention, memory_order_relaxed)) {
        return true;
    }
    return engine_park(e, NULL);
}

bool engine_wait(Engine *e, bool (*blocked)(void *dev))
{
    return engine_park(e, blocked);
}
