/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the sequencer: the state of one step, and how instructions reach
 * operands. Memory may be changed by the guest at any time, so no value that
 * was checked is read from it again.
 *
 * Functions that return bool have set the step's fault when they return false.
 */
#ifndef DACC_SEQ_PRIV_H
#define DACC_SEQ_PRIV_H

#include "num.h"
#include "seq.h"

/*
 * Work (multiply-adds or elements) between two calls of yield(): from 0.2 ms
 * with AVX2 to 5 ms in plain C.
 */
#define SEQ_WORK (2u << 20)
/* Less than this is not worth waking another thread for. */
#define SEQ_PARALLEL_WORK (128u << 10)

/* Buffers that live as long as the Seq, and grow on demand. */
typedef enum SeqBuffer {
    SEQ_BUF_LIVE,           /* indices of live entries */
    SEQ_BUF_A,              /* operands that are not contiguous */
    SEQ_BUF_B,
    SEQ_BUF_DST,
    SEQ_BUF_X,              /* private copies and results */
    SEQ_BUF_Y,
    SEQ_BUF_SCORES,
    SEQ_BUF_UNITS,
    SEQ_BUF_SPANS,
    SEQ_BUF_ROWS,           /* rows that are not contiguous */
    SEQ_BUF_COUNT,
} SeqBuffer;

/* Rows [first, first + count), @stride bytes apart. */
typedef struct SeqRun {
    const uint8_t *base;
    uint64_t stride;
    uint32_t first, count;
    bool bounce;
} SeqRun;

#define SEQ_MAX_RUNS 1024
#define SEQ_ROW_BYTES (1u << 20)
/* Page-table entries that a set of rows may take, and the work of each. */
#define SEQ_MAX_PTES 4096
#define SEQ_PTE_WORK 256

/* Where rows of matrices or KV caches lie; good until the next yield(). */
typedef struct SeqRows {
    SeqRun run[SEQ_MAX_RUNS];
    uint32_t n_runs;
    uint8_t *bounce;
    uint64_t used, size;
    uint64_t ptes;
} SeqRows;

/* What device time and energy depend on. */
typedef struct SeqWork {
    uint64_t ops, bytes;
} SeqWork;

struct Seq {
    Pool *pool;
    const NumOps *num;
    uint64_t timing[DACC_TIMING_COUNT];
    struct {
        void *ptr;
        size_t size;
    } buf[SEQ_BUF_COUNT];
    SeqRows rows;
    SeqWork done;               /* since seq_take_work() */
};

/* What the cost of a step depends on. */
typedef struct SeqLoad {
    uint64_t live;          /* entries */
    uint64_t positions;     /* sum of pos + 1 over them */
} SeqLoad;

typedef struct SeqStep {
    Seq *seq;
    const SeqMemory *mem;
    SeqEntry *entries;
    const uint32_t *live;   /* indices of the entries that are not done */
    uint32_t n_live;
    SeqLoad load;
    uint64_t loop[DACC_NUM_BASES];  /* added to the base registers */
    uint32_t iteration;
    uint32_t index;         /* of the instruction */
    uint64_t work;          /* since the last yield() */
    uint64_t *time;
    uint64_t *progress;
    SeqFault *fault;
} SeqStep;

bool seq_fail(SeqStep *step, enum dacc_status status, uint64_t addr);

/* --- device time: seq_cost.c --------------------------------------------- */

SeqLoad seq_load(const SeqEntry *entries, uint32_t n_entries);
/* Adds to *work if that is not NULL. */
uint64_t seq_insn_cost(const uint64_t *timing, const struct dacc_insn *insn,
                       const SeqLoad *load, SeqWork *work);
/* Device time that can't be expressed stays at the largest value. */
uint64_t seq_time_add(uint64_t a, uint64_t b);
uint64_t seq_time_mul(uint64_t a, uint64_t b);

/* --- memory: seq_mem.c --------------------------------------------------- */

/* Memory for @size bytes, contents undefined; NULL: fault set. */
void *seq_buffer(SeqStep *step, SeqBuffer which, uint64_t size);

/* Counts progress and yields; pointers to memory are void after it. */
bool seq_yield(SeqStep *step);
/* Accounts @work; yields once SEQ_WORK has come together. */
bool seq_work(SeqStep *step, uint64_t work);

/* Virtual address of an operand, for an entry or (weights) for the batch. */
uint64_t seq_addr(const SeqStep *step, const SeqEntry *entry, uint64_t operand);
uint64_t seq_weight_addr(const SeqStep *step, uint64_t operand);

bool seq_check_align(SeqStep *step, uint64_t addr, unsigned align);
/* Refuses ranges that overlap; with @same_ok not if they start together. */
bool seq_check_overlap(SeqStep *step, uint64_t dst, uint64_t dst_len,
                       uint64_t src, uint64_t src_len, bool same_ok);

bool seq_read(SeqStep *step, uint64_t addr, void *buf, uint64_t len);
bool seq_write(SeqStep *step, uint64_t addr, const void *buf, uint64_t len);

/*
 * The bytes themselves if they are contiguous on the device, else a copy in
 * buffer @which. NULL: fault set.
 */
const void *seq_input(SeqStep *step, SeqBuffer which, uint64_t addr,
                      uint64_t len);
/* A place for a result of @len bytes; seq_output_done() stores it. */
typedef struct SeqOutput {
    void *ptr;
    uint64_t addr, len;
    bool bounce;
} SeqOutput;
bool seq_output(SeqStep *step, uint64_t addr, uint64_t len, SeqOutput *out);
bool seq_output_done(SeqStep *step, const SeqOutput *out);

/* Empties the set; it can hold at least one row of @row_bytes. */
bool seq_rows_reset(SeqStep *step, uint64_t row_bytes);
/*
 * Adds rows [first, *end) of @row_bytes at addr + row * stride. Lowers *end if
 * the set is full before, or took many page-table entries.
 */
bool seq_rows_add(SeqStep *step, uint64_t addr, uint64_t stride,
                  uint64_t row_bytes, uint32_t first, uint32_t *end);

/* --- instructions -------------------------------------------------------- */

typedef bool SeqInsn(SeqStep *step, const struct dacc_insn *insn);

SeqInsn seq_embed, seq_rmsnorm, seq_rope, seq_kv_append, seq_swiglu, seq_add,
        seq_sample, seq_signal;     /* seq_insn.c */
SeqInsn seq_matvec;                 /* seq_matvec.c */
SeqInsn seq_attention;              /* seq_attention.c */

#endif
