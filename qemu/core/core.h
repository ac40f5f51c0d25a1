/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dacc core: the interface between the device models' core and its front.
 *
 * The core is plain C11 and POSIX threads. It knows no QEMU: everything that
 * it needs of the machine around it comes through struct DaccHostOps. QEMU's
 * devices (qemu/hw/dacc) are one front; the unit tests are another.
 *
 * Threads. Functions below are called from the "front thread" only (in QEMU:
 * whoever holds the big lock), unless they say otherwise. Jobs run on an
 * engine thread of the core's own, which never calls anything that takes the
 * big lock; so the front may wait for the engine (reset, stop) while it holds
 * it. With DaccCoreConfig.threads == 0 there is no engine thread: jobs run
 * inside dacc_core_service(), for tests and fuzzing.
 */
#ifndef DACC_CORE_H
#define DACC_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dacc_hw.h"
#include "gpupeer_hw.h"

/*
 * The core reads and writes the contract's structures, and the SRAM's numbers, as
 * they lie in memory: in the byte order of the host.
 */
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "dacc: the device models run on little-endian hosts only; build QEMU without CONFIG_DACC"
#endif

/* What a trace callback is told; formatted by the front. */
typedef enum DaccTraceEvent {
    DACC_TRACE_FETCH,       /* queue, seq, opcode */
    DACC_TRACE_START,       /* queue, seq, opcode */
    DACC_TRACE_COMPLETE,    /* queue, seq, status */
    DACC_TRACE_FAULT,       /* queue, status, address */
    DACC_TRACE_QUEUE_STATE, /* queue, state, 0 */
    DACC_TRACE_ROUTE,       /* path, bus address, length */
    DACC_TRACE_RESET,       /* generation, 0, 0 */
    DACC_TRACE_GUEST_ERROR, /* register offset, value, size */
    DACC_TRACE_QUEUE_WRITE, /* queue, enum dacc_queue_reg, value */
} DaccTraceEvent;

/* Memory outside of the device: on the bus, or at the end of a link. */
typedef struct DaccSpan {
    bool link;
    unsigned port;
    uint64_t addr;              /* bus address, or offset at the peer */
    uint64_t len;
} DaccSpan;

typedef struct DaccHostOps {
    /*
     * Bus access to RAM-backed memory: guest memory or a peer's BAR. Never
     * reaches I/O regions. Any thread. False: the bus refused.
     */
    bool (*dma_read)(void *opaque, uint64_t addr, void *buf, size_t len);
    bool (*dma_write)(void *opaque, uint64_t addr, const void *buf, size_t len);
    /* The memory at the other end of link @port, by offset. Any thread. */
    bool (*link_read)(void *opaque, unsigned port, uint64_t offset,
                      void *buf, size_t len);
    bool (*link_write)(void *opaque, unsigned port, uint64_t offset,
                       const void *buf, size_t len);
    /*
     * Device time at which the bytes were produced by the device that owns
     * them; devices on one link share a time base. 0 where nobody knows (host
     * memory). bus_ready is asked for PCIe accesses. Any thread.
     */
    uint64_t (*link_ready)(void *opaque, unsigned port, uint64_t offset,
                           uint64_t len);
    uint64_t (*bus_ready)(void *opaque, uint64_t addr, uint64_t len);
    /*
     * Reading by pointer, many spans at a time. May be NULL, all three.
     * peek_begin: false if there is none now. peek: cuts span->len to what lies
     * together; NULL if the functions above have to be asked. Pointers are good
     * until peek_end, which is told what was read through them, counts it, and
     * returns the latest time at which any of it was produced. Engine thread;
     * between begin and end it calls nothing else, and does not wait.
     */
    bool (*peek_begin)(void *opaque);
    const void *(*peek)(void *opaque, DaccSpan *span);
    uint64_t (*peek_end)(void *opaque, const DaccSpan *spans, unsigned n);
    /* The core wrote its SRAM (HBM) by pointer. Any thread. */
    void (*mem_dirty)(void *opaque, uint64_t offset, uint64_t len);
    /* Have dacc_core_service() called soon in the front thread. Any thread. */
    void (*kick)(void *opaque);
    /*
     * Send an MSI-X message. From dacc_core_service() only; calls nothing of
     * the core's, so the front sends when that has returned.
     */
    void (*interrupt)(void *opaque, unsigned vector);
    /* Around the life of the core's threads (QEMU registers RCU). May be NULL. */
    void (*thread_enter)(void *opaque);
    void (*thread_exit)(void *opaque);
    /* Any thread. May be NULL. */
    void (*trace)(void *opaque, DaccTraceEvent event,
                  uint64_t a, uint64_t b, uint64_t c);
} DaccHostOps;

/* Which vector code the numeric kernels use. All give the same bits. */
typedef enum DaccVector {
    DACC_VECTOR_AUTO,
    DACC_VECTOR_SCALAR,
    DACC_VECTOR_AVX2,
} DaccVector;

typedef struct DaccCoreConfig {
    uint8_t *mem;               /* SRAM or HBM; the front owns it */
    uint64_t mem_size;
    unsigned threads;           /* worker threads; 0: no engine thread */
    DaccVector vector;
    unsigned num_queues;        /* chip only */
    bool inject;                /* chip only: DACC_REG_INJECT exists */
    uint64_t timing[DACC_TIMING_COUNT];
    uint64_t launch_ps;         /* GPU only: cost of starting a job */
    int32_t temperature;        /* chip only: thousandths of a degree */
    int32_t temperature_crit;
} DaccCoreConfig;

/* What a port's register block shows; the front keeps the link's state. */
typedef struct DaccLinkState {
    bool present;
    bool up;
    uint64_t uid;
    uint32_t peer;              /* as DACC_LINK_PEER */
    uint64_t peer_size;
    uint64_t bandwidth;         /* bytes per microsecond and direction */
    uint64_t latency_ps;
} DaccLinkState;

/* Default timing parameters of the chip and of the GPU peer. */
void dacc_core_default_config(DaccCoreConfig *config);
void gpu_core_default_config(DaccCoreConfig *config);

/* --- the decode chip ----------------------------------------------------- */

typedef struct DaccCore DaccCore;

/*
 * Returns NULL and a static message in *err if the configuration is not valid
 * or memory or threads can't be had.
 */
DaccCore *dacc_core_new(const DaccCoreConfig *config, const DaccHostOps *ops,
                        void *opaque, const char **err);
/* Stops and joins the threads. Accepts NULL. */
void dacc_core_free(DaccCore *core);

/* @size is 4 or 8 and @offset aligned to it. No DMA happens inside. */
uint64_t dacc_core_reg_read(DaccCore *core, uint64_t offset, unsigned size);
void dacc_core_reg_write(DaccCore *core, uint64_t offset, uint64_t value,
                         unsigned size);
/* Offset in the doorbell BAR. */
void dacc_core_doorbell_write(DaccCore *core, uint64_t offset, uint32_t value);
uint32_t dacc_core_doorbell_read(DaccCore *core, uint64_t offset);

/*
 * Does what needs the front thread: hands finished jobs to memory (records,
 * then heads) and raises interrupts; with threads == 0 also runs the jobs.
 */
void dacc_core_service(DaccCore *core);

/* Function-level reset: all state to power-on, SRAM contents kept. Waits. */
void dacc_core_reset(DaccCore *core);
/* Between these no job advances and no memory access is made (VM stop). */
void dacc_core_pause(DaccCore *core);
void dacc_core_resume(DaccCore *core);
/* True while a job is queued, running, or waits for dacc_core_service(). */
bool dacc_core_busy(DaccCore *core);

void dacc_core_set_link(DaccCore *core, unsigned port,
                        const DaccLinkState *state);
/* The guest's wish in DACC_LINK_CTRL: true if this end is not disabled. */
bool dacc_core_link_enabled(DaccCore *core, unsigned port);
/*
 * The same faults that DACC_REG_INJECT can cause, for the front's properties.
 * False: no such fault or queue.
 */
bool dacc_core_inject(DaccCore *core, uint32_t value);
/* Thousandths of a degree Celsius, as DACC_REG_TEMP shows it. */
void dacc_core_set_temperature(DaccCore *core, int32_t temperature);
/*
 * Device time at which SRAM bytes were last written by a completed transfer
 * (see DaccHostOps.link_ready: this is what the peer's front asks). Any thread.
 */
uint64_t dacc_core_ready(DaccCore *core, uint64_t offset, uint64_t len);

/* --- the GPU peer -------------------------------------------------------- */

typedef struct GpuCore GpuCore;

GpuCore *gpu_core_new(const DaccCoreConfig *config, const DaccHostOps *ops,
                      void *opaque, const char **err);
void gpu_core_free(GpuCore *core);
uint64_t gpu_core_reg_read(GpuCore *core, uint64_t offset, unsigned size);
void gpu_core_reg_write(GpuCore *core, uint64_t offset, uint64_t value,
                        unsigned size);
void gpu_core_service(GpuCore *core);
void gpu_core_reset(GpuCore *core);
void gpu_core_pause(GpuCore *core);
void gpu_core_resume(GpuCore *core);
bool gpu_core_busy(GpuCore *core);
/* Device time at which a job wrote these bytes of HBM last. Any thread. */
uint64_t gpu_core_ready(GpuCore *core, uint64_t offset, uint64_t len);

#endif
