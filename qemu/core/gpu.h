/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The GPU peer: state shared by its parts. Not for fronts. */
#ifndef DACC_GPU_H
#define DACC_GPU_H

#include "core.h"
#include "devtime.h"
#include "engine.h"
#include "ready.h"
#include "seq.h"

/* Completions and events that may wait for gpu_core_service(). */
#define GPU_PENDING     64u
/* Without a thread: jobs that one service call runs. */
#define GPU_SERVICE_JOBS    16u
#define GPU_EVENTS      256u
/* Bytes of a copy between two yields. */
#define GPU_CHUNK       (256u * 1024)
#define GPU_MAX_SG      65536u
/* HBM is reached by segments of at most this size. */
#define GPU_MAX_HBM     (1ull << GPUPEER_SEGMENT_SHIFT)

/* The job under way. */
typedef struct GpuJob {
    uint64_t seq;
    uint64_t slot_addr;
    uint64_t last_end;
    uint64_t latest;            /* that not_before may be */
    uint64_t progress;          /* the device's at the start of the job */
    uint64_t advanced;
    struct gpupeer_desc desc;   /* private copies */
    struct gpupeer_prefill prefill;
    uint64_t ready;             /* latest time of what a copy reads */
    struct gpupeer_cpl cpl;
} GpuJob;

struct GpuCore {
    Engine engine;
    DaccCoreConfig config;
    Ready ready;
    Pool *pool;
    Seq *seq;

    /* Under the engine's lock. */
    uint64_t reg_ring, reg_cpl, reg_events;
    uint32_t reg_ring_log2;
    uint64_t ring, cpl, events; /* latched at ENABLE */
    uint32_t len;
    bool enabled;
    bool fatal;
    uint64_t tail, fetched, completed;
    uint64_t n_events;          /* written to memory */
    uint64_t time;
    atomic_uint_fast64_t progress;
    struct gpupeer_cpl pending[GPU_PENDING];
    uint32_t n_pending;
    struct gpupeer_event event[GPU_EVENTS];
    uint32_t n_event;

    /* The engine's own. */
    GpuJob job;
    uint8_t *bounce;            /* GPU_CHUNK */
    struct dacc_insn *program;  /* GPUPEER_MAX_INSNS */
    uint32_t *tokens;           /* GPUPEER_MAX_TOKENS */
    SeqEntry *entries;          /* GPUPEER_MAX_TOKENS */

    /* The front's own. */
    struct gpupeer_cpl cpl_out[GPU_PENDING];
    struct gpupeer_event event_out[GPU_EVENTS];
};

/* gpu_job.c */
extern const EngineClass gpu_engine_class;
/* gpu.c; front thread, lock not held: events, then completions */
void gpu_handover(GpuCore *gpu);

#endif
