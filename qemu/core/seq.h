/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sequencer: checks a program (struct dacc_insn[]) and runs it for a batch of
 * entries. The decode chip and the GPU peer use the same one; they differ in
 * how an address is reached (SeqMemory) and in what an entry is (a sequence,
 * or a token of a prompt).
 */
#ifndef DACC_SEQ_H
#define DACC_SEQ_H

#include "core.h"
#include "pool.h"

/* How the sequencer reaches virtual addresses. Called on the engine thread. */
typedef struct SeqMemory {
    void *opaque;
    /*
     * Pointer to on-device memory at @va, with *contig bytes (1 to @len)
     * contiguous behind it. DACC_STATUS_UNSUPPORTED: mapped, but not
     * on-device; use read or write. Other status: a fault.
     * The pointer is good until the next call of yield().
     */
    enum dacc_status (*map)(void *opaque, uint64_t va, uint64_t len,
                            bool write, uint8_t **ptr, uint64_t *contig);
    enum dacc_status (*read)(void *opaque, uint64_t va, void *buf, uint64_t len);
    enum dacc_status (*write)(void *opaque, uint64_t va, const void *buf,
                              uint64_t len);
    /*
     * Called between instructions, and often enough in long ones that 5 ms do
     * not pass without: lets pauses, resets and TLB invalidations in. False:
     * the job is cancelled; the sequencer returns DACC_STATUS_CANCELLED.
     */
    bool (*yield)(void *opaque);
    /* A SIGNAL was executed at @time (picoseconds since the job's start). */
    void (*signal)(void *opaque, uint64_t value, uint64_t time);
} SeqMemory;

/* One entry of a batch. */
typedef struct SeqEntry {
    uint32_t token;
    uint32_t pos;
    uint32_t max_pos;
    bool done;              /* in: skip; set by the caller between steps */
    uint32_t next;          /* out: what SAMPLE chose, or DACC_NO_TOKEN */
    float temperature;
    float top_p;
    uint64_t rng;
    uint64_t base[DACC_NUM_BASES];
} SeqEntry;

typedef struct SeqFault {
    enum dacc_status status;
    uint32_t index;         /* instruction */
    uint64_t addr;          /* virtual address, or 0 */
} SeqFault;

typedef struct Seq Seq;

/*
 * @timing as DaccCoreConfig.timing; @pool is used, not owned. NULL: no memory, or
 * the host lacks what @vector asks for.
 */
Seq *seq_new(Pool *pool, DaccVector vector, const uint64_t *timing);
void seq_free(Seq *seq);

/*
 * A pool of config->threads and a sequencer on it, as both devices have them.
 * *config must outlive the sequencer. False: *err is a static message, and the
 * caller frees what *pool and *seq hold.
 */
bool seq_open(const DaccCoreConfig *config, const DaccHostOps *ops,
              void *opaque, Pool **pool, Seq **seq, const char **err);

/*
 * Checks everything that does not depend on memory contents or an entry's
 * state: opcodes, flags, reserved fields, sizes, loops. Pure.
 */
bool seq_check(const struct dacc_insn *program, uint32_t n_insns,
               SeqFault *fault);

/*
 * Runs @program (already checked) once over the entries that are not done.
 * Adds the step's device time to *time (in: time since the job's start).
 * False: *fault says why; entries' memory may be partly written.
 */
bool seq_step(Seq *seq, const SeqMemory *mem, const struct dacc_insn *program,
              uint32_t n_insns, SeqEntry *entries, uint32_t n_entries,
              uint64_t *time, uint64_t *progress, SeqFault *fault);

/* Operations, and bytes read or written, since the last call. */
void seq_take_work(Seq *seq, uint64_t *ops, uint64_t *bytes);

/*
 * Device time of one such step: what seq_step() adds, without running it.
 * Depends on the number of live entries and their positions only.
 */
uint64_t seq_cost(const uint64_t *timing, const struct dacc_insn *program,
                  uint32_t n_insns, const SeqEntry *entries,
                  uint32_t n_entries);

#endif
