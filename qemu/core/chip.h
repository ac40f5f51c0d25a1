/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decode chip: state shared by its parts. Not for fronts. */
#ifndef DACC_CHIP_H
#define DACC_CHIP_H

#include "core.h"
#include "devtime.h"
#include "engine.h"
#include "mmu.h"
#include "ready.h"
#include "seq.h"

#define CHIP_MAX_BLOCKS     65536u
#define CHIP_MAX_INSNS      16384u
/* Bytes of a transfer between two yields; also the bounce buffer's size. */
#define CHIP_CHUNK          DACC_ABORT_BYTES
#define CHIP_MAX_RING       (1u << DACC_MAX_RING_LOG2)
/* Completions of one queue that may wait for dacc_core_service(). */
#define CHIP_PENDING        64u
/* Without a thread: jobs that one service call runs. */
#define CHIP_SERVICE_JOBS   16u

typedef struct ChipCompletion {
    struct dacc_cpl cpl;
    bool irq;
    bool halt;                  /* of an error: the queue ends here */
    bool record;                /* false: there is nothing but the halt */
    uint64_t fault_addr;
} ChipCompletion;

typedef struct ChipQueue {
    /* As the guest wrote them. */
    uint64_t reg_ring;
    uint64_t reg_cpl;
    uint32_t reg_ring_log2;
    uint32_t reg_config;
    uint64_t reg_start;

    /* Latched at ENABLE. */
    uint64_t ring;
    uint64_t cpl;
    uint32_t len;
    enum dacc_class class;
    uint8_t asid;
    uint8_t vector;
    bool virt;                  /* ring and cpl are virtual addresses */

    enum dacc_queue_state state;
    bool failed;                /* a completion that halts is pending */
    bool lost;                  /* a completion could not be written */
    bool hung;                  /* injected: the job never ends */
    uint64_t tail;              /* sequence numbers: produced, ... */
    uint64_t fetched;
    uint64_t completed;         /* records and head are in memory */
    uint64_t busy;              /* device time of those since ENABLE */
    uint64_t busy_end;          /* ... and the end of the latest */
    uint64_t limit;             /* that may be fetched */
    uint64_t arm;               /* number that somebody waits for, or 0 */
    /* For dacc_core_service(). */
    bool arm_irq;               /* ... and the wait is over */
    bool head_init;             /* the head has to be initialised */
    bool head_fault;            /* the halt has to be written there */
    /* By slot: end these when their turn comes. */
    uint64_t abort[CHIP_MAX_RING / 64];
    uint64_t last_end;          /* device time */
    uint32_t fault;
    uint32_t fault_index;
    uint64_t fault_addr;
    atomic_uint_fast64_t progress;

    /* Armed faults. */
    bool inject_hang;
    bool inject_dma_error;
    bool inject_bad_completion;

    /* Handed over by the engine, not yet in memory. */
    ChipCompletion pending[CHIP_PENDING];
    uint32_t n_pending;
} ChipQueue;

/* The job under way; the engine's own, but for @queue. */
typedef struct ChipJob {
    unsigned queue;
    unsigned asid;
    uint64_t seq;
    uint64_t slot_addr;
    bool virt;                  /* it is a virtual address */
    bool lost;                  /* ... and there was no reading it */
    enum dacc_class class;
    uint64_t last_end;
    uint64_t asid_end;
    uint64_t latest;            /* that not_before may be */
    bool hang;
    bool arm_dma_error;
    bool dma_error;             /* every bus access fails */
    struct dacc_desc desc;      /* private copy */
    uint64_t progress;          /* the queue's at the start of the job */
    uint64_t advanced;          /* since */
    uint64_t ready;             /* latest time of the sources */
    uint64_t ops, bytes;        /* that cost energy */
    DevTransfer moved;
    uint64_t link_bytes[DACC_MAX_LINKS];
    struct dacc_cpl cpl;
    uint64_t fault_addr;
    uint32_t resources;
} ChipJob;

typedef struct ChipDecoder {
    uint64_t reg_base, reg_size, reg_target;
    uint64_t base, size, target;
    unsigned port;
    bool enabled;
} ChipDecoder;

typedef struct ChipLink {
    DaccLinkState state;
    bool disabled;
    /* Counted by the engine, and by the front. */
    atomic_uint_fast64_t rx_bytes[2], tx_bytes[2];
    uint64_t crc_errors, replays;
} ChipLink;

/* Windows that are in use, lowest number first: a copy for one thread. */
typedef struct ChipWindows {
    unsigned serial;            /* of the state that was copied */
    unsigned n;
    struct {
        uint64_t base, size, target;
        unsigned port;
    } w[DACC_NUM_DECODERS];
} ChipWindows;

struct DaccCore {
    Engine engine;
    DaccCoreConfig config;
    Mmu mmu;
    Ready ready;
    Pool *pool;
    Seq *seq;

    /* Under the engine's lock. */
    bool enabled;
    bool fatal;
    uint32_t event;
    uint32_t event_mask;
    bool event_irq;
    uint32_t generation;
    uint64_t time;
    int32_t temperature;
    uint64_t energy;            /* microjoules */
    uint64_t energy_fj;         /* and what is less than one */
    uint64_t asid_end[DACC_MAX_ASIDS];
    uint64_t invalidate;        /* ASIDs to be dropped from the TLB */
    bool reroute;               /* routes of before may be in use */
    ChipQueue queue[DACC_MAX_QUEUES];
    unsigned next_queue;        /* round robin */
    ChipDecoder decoder[DACC_NUM_DECODERS];
    ChipLink link[DACC_MAX_LINKS];
    atomic_uint windows_serial; /* counts changes of what routes depend on */
    uint32_t inject_crc;        /* link packets that will fail */
    atomic_bool abort;          /* the running job shall end */

    /* The engine's own. */
    DevTime devtime;
    ChipJob job;
    ChipWindows windows;
    uint8_t *bounce;            /* CHIP_CHUNK bytes */
    struct dacc_insn *program;  /* CHIP_MAX_INSNS */
    struct dacc_seq seqs[DACC_MAX_BATCH];
    SeqEntry entries[DACC_MAX_BATCH];

    /* The front's own. */
    ChipWindows front_windows;
    ChipCompletion handover[CHIP_PENDING];
};

/* chip_queue.c; lock held unless stated */
void chip_queue_enable(DaccCore *core, unsigned q);
void chip_queue_reset(DaccCore *core, unsigned q, bool flush);
bool chip_queue_runnable(const DaccCore *core, const ChipQueue *queue);
void chip_event(DaccCore *core, uint32_t event);
void chip_queue_halt(DaccCore *core, ChipQueue *queue, uint32_t status,
                     uint32_t index, uint64_t addr);
void chip_queue_completed(ChipQueue *queue, uint64_t seq);
void chip_queue_arm(ChipQueue *queue, uint64_t value);
void chip_queue_abort(DaccCore *core, ChipQueue *queue, uint64_t seq);
/* Takes the mark of the descriptor that is fetched next. */
bool chip_queue_aborted(ChipQueue *queue);

/* chip_cpl.c */
/* Lock held: is there anything to hand over? */
bool chip_queue_pending(const DaccCore *core, const ChipQueue *queue);
/* Lock held, dropped in between: records of queue @q that are not in memory yet. */
void chip_queue_flush(DaccCore *core, unsigned q);
/* Lock not held: hands completions of all queues over. */
void chip_queue_handover(DaccCore *core);

/* chip_desc.c: checks everything in @desc that needs no memory access */
enum dacc_status chip_check_desc(const struct dacc_desc *desc,
                                 enum dacc_class class);
bool chip_block_ok(uint64_t src, uint64_t dst, uint64_t len);

/* chip_engine.c */
extern const EngineClass chip_engine_class;

/* chip.c; lock held */
void chip_reset_locked(DaccCore *core, bool flush);

/* chip_sensor.c; lock held: counts the energy of work that was done */
void chip_energy(DaccCore *core, uint64_t ops, uint64_t bytes);

/* inject.c; lock held */
bool chip_inject(DaccCore *core, uint32_t value);
/* Of @packets sent over the link, how many failed; disarms these. */
uint64_t chip_inject_crc(DaccCore *core, uint64_t packets);

/* route.c */
typedef struct ChipRoute {
    DevPath path;
    unsigned port;
    bool only;                  /* there is no other way for it */
    uint64_t addr;              /* bus address, or offset at the peer */
    uint64_t len;               /* clipped to where the path may change */
} ChipRoute;

/*
 * @windows: the calling thread's, of the engine or of the front. By pointer: a
 * copy of a structure that was just written in parts waits for the stores before.
 */
void chip_route(DaccCore *core, ChipWindows *windows, uint64_t addr,
                uint64_t len, ChipRoute *route);
/* What routes depend on has changed; busy until no old one is in use. Lock held. */
void chip_windows_changed(DaccCore *core);
/* Accesses of any length, by whichever way. False: the bus refused. */
bool chip_bus_read(DaccCore *core, ChipWindows *windows, uint64_t addr,
                   void *buf, uint64_t len);
bool chip_bus_write(DaccCore *core, ChipWindows *windows, uint64_t addr,
                    const void *buf, uint64_t len);
/* One access along @route, which chip_route() has given; re-routed if the
 * link went down in between. */
bool chip_route_read(DaccCore *core, ChipWindows *windows, ChipRoute *route, uint64_t addr,
                     void *buf);
bool chip_route_write(DaccCore *core, ChipWindows *windows, ChipRoute *route, uint64_t addr,
                      const void *buf);
/* The job read @len bytes over this link some other way. */
void chip_link_counted(DaccCore *core, unsigned port, uint64_t len);
/* When was what @route reaches written? */
uint64_t chip_route_ready(DaccCore *core, const ChipRoute *route);
void chip_path_rates(DaccCore *core, DevPathRate rate[DEV_PATHS]);
/* Register blocks; @offset within them. Lock held. */
uint32_t chip_link_read(DaccCore *core, unsigned port, uint64_t offset);
bool chip_link_write(DaccCore *core, unsigned port, uint64_t offset,
                     uint32_t value);
uint64_t chip_decoder_read(DaccCore *core, unsigned d, uint64_t offset);
bool chip_decoder_write(DaccCore *core, unsigned d, uint64_t offset,
                        uint64_t value, uint64_t mask);

/* chip_mem.c: virtual memory of the running job, on the engine */
/* A bus read of the job, such as a table entry: @opaque is the core. */
bool chip_job_read(void *opaque, uint64_t addr, void *buf, uint64_t len);
/* One of the front. */
bool chip_any_read(void *opaque, uint64_t addr, void *buf, uint64_t len);
enum dacc_status chip_translate(DaccCore *core, uint64_t va, uint64_t len,
                                bool write, MmuSegment *seg);
enum dacc_status chip_vm_read(DaccCore *core, uint64_t va, void *buf,
                              uint64_t len, uint64_t *fault_addr);
enum dacc_status chip_vm_write(DaccCore *core, uint64_t va, const void *buf,
                               uint64_t len, uint64_t *fault_addr);
bool chip_yield(DaccCore *core);
/* Is there a reason to yield? */
bool chip_wanted(const DaccCore *core);

/* xfer.c, chip_decode.c: run the job's descriptor; set cpl and fault_addr */
void chip_transfer(DaccCore *core);
void chip_decode(DaccCore *core);

#endif
