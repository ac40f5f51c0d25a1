/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sequencer: one step of a program over a batch. */
#include <stdlib.h>
#include <string.h>

#include "seq_priv.h"

#define SEQ_MAX_ENTRIES (1u << 16)

Seq *seq_new(Pool *pool, DaccVector vector, const uint64_t *timing)
{
    const NumOps *num = num_ops(vector);
    Seq *seq = num ? calloc(1, sizeof(*seq)) : NULL;

    if (seq) {
        seq->pool = pool;
        seq->num = num;
        memcpy(seq->timing, timing, sizeof(seq->timing));
    }
    return seq;
}

void seq_free(Seq *seq)
{
    if (seq) {
        for (unsigned i = 0; i < SEQ_BUF_COUNT; i++) {
            free(seq->buf[i].ptr);
        }
        free(seq);
    }
}

void seq_take_work(Seq *seq, uint64_t *ops, uint64_t *bytes)
{
    *ops = seq->done.ops;
    *bytes = seq->done.bytes;
    seq->done = (SeqWork) { 0 };
}

bool seq_open(const DaccCoreConfig *config, const DaccHostOps *ops,
              void *opaque, Pool **pool, Seq **seq, const char **err)
{
    if (!num_ops(config->vector)) {
        *err = NUM_NO_AVX2;
        return false;
    }
    *pool = pool_new(config->threads, ops->thread_enter, ops->thread_exit,
                     opaque);
    if (!*pool) {
        *err = "no worker threads to be had";
        return false;
    }
    *seq = seq_new(*pool, config->vector, config->timing);
    if (!*seq) {
        *err = "out of memory";
        return false;
    }
    return true;
}

static bool seq_nop(SeqStep *step, const struct dacc_insn *insn)
{
    (void)step;
    (void)insn;
    return true;
}

static SeqInsn *const execute[DACC_INSN_COUNT] = {
    [DACC_INSN_NOP] = seq_nop,
    [DACC_INSN_EMBED] = seq_embed,
    [DACC_INSN_RMSNORM] = seq_rmsnorm,
    [DACC_INSN_MATVEC] = seq_matvec,
    [DACC_INSN_ROPE] = seq_rope,
    [DACC_INSN_KV_APPEND] = seq_kv_append,
    [DACC_INSN_ATTENTION] = seq_attention,
    [DACC_INSN_SWIGLU] = seq_swiglu,
    [DACC_INSN_ADD] = seq_add,
    [DACC_INSN_SAMPLE] = seq_sample,
    [DACC_INSN_LOOP] = seq_nop,
    [DACC_INSN_SIGNAL] = seq_signal,
};

/* The cost comes first: SIGNAL reports the time at which it is done. */
static bool run_insn(SeqStep *step, const struct dacc_insn *insn,
                     uint32_t index)
{
    step->index = index;
    *step->time = seq_time_add(*step->time,
                               seq_insn_cost(step->seq->timing, insn,
                                             &step->load,
                                             &step->seq->done));
    if (insn->op >= DACC_INSN_COUNT || !execute[insn->op]) {
        return seq_fail(step, DACC_STATUS_UNSUPPORTED, 0);
    }
    return seq_yield(step) && execute[insn->op](step, insn);
}

static bool run_loop(SeqStep *step, const struct dacc_insn *loop,
                     uint32_t index)
{
    for (uint32_t i = 0; i < loop->n0; i++) {
        step->iteration = i;
        step->loop[1] = i * loop->a;
        step->loop[2] = i * loop->b;
        step->loop[3] = i * loop->c;
        *step->time = seq_time_add(*step->time,
                                   step->seq->timing[DACC_TIMING_LAYER_PS]);
        for (uint32_t k = 1; k <= loop->n1; k++) {
            if (!run_insn(step, loop + k, index + k)) {
                return false;
            }
        }
    }
    step->iteration = 0;
    memset(step->loop, 0, sizeof(step->loop));
    return true;
}

static bool find_live(SeqStep *step, uint32_t n_entries)
{
    uint32_t *live;

    if (!n_entries || n_entries > SEQ_MAX_ENTRIES) {
        return seq_fail(step, DACC_STATUS_BAD_LENGTH, 0);
    }
    live = seq_buffer(step, SEQ_BUF_LIVE, n_entries * sizeof(*live));
    if (!live) {
        return false;
    }
    for (uint32_t e = 0; e < n_entries; e++) {
        SeqEntry *entry = &step->entries[e];

        if (entry->done) {
            continue;
        }
        if (entry->max_pos > DACC_MAX_POS) {
            return seq_fail(step, DACC_STATUS_BAD_SEQUENCE, 0);
        }
        if (entry->pos >= entry->max_pos) {
            return seq_fail(step, DACC_STATUS_CONTEXT_FULL, 0);
        }
        entry->next = DACC_NO_TOKEN;
        live[step->n_live++] = e;
    }
    step->live = live;
    return true;
}

bool seq_step(Seq *seq, const SeqMemory *mem, const struct dacc_insn *program,
              uint32_t n_insns, SeqEntry *entries, uint32_t n_entries,
              uint64_t *time, uint64_t *progress, SeqFault *fault)
{
    SeqStep step = {
        .seq = seq,
        .mem = mem,
        .entries = entries,
        .time = time,
        .progress = progress,
        .fault = fault,
    };

    *fault = (SeqFault) { .status = DACC_STATUS_OK };
    if (!find_live(&step, n_entries)) {
        return false;
    }
    if (!step.n_live) {
        return true;
    }
    step.load = seq_load(entries, n_entries);
    *time = seq_time_add(*time, seq->timing[DACC_TIMING_STEP_PS]);
    for (uint32_t i = 0; i < n_insns; i++) {
        if (!run_insn(&step, &program[i], i)) {
            return false;
        }
        if (program[i].op == DACC_INSN_LOOP) {
            if (!run_loop(&step, &program[i], i)) {
                return false;
            }
            i += program[i].n1;
        }
    }
    return true;
}
