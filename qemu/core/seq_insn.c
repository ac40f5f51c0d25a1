/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that work on one vector of each entry, in the engine thread. */
#include <string.h>

#include "num_half.h"
#include "sample.h"
#include "seq_priv.h"

#define F32 sizeof(float)

/* Accounts @work elements before each live entry. */
#define FOR_EACH_LIVE(step, i, entry, elements)                         \
    for (uint32_t i = 0; i < (step)->n_live; i++)                       \
        if (((entry) = &(step)->entries[(step)->live[i]]),              \
            !seq_work((step), (elements))) {                            \
            return false;                                               \
        } else

bool seq_embed(SeqStep *step, const struct dacc_insn *insn)
{
    uint64_t row_bytes = num_bytes(insn->type, insn->n0);
    uint64_t table = seq_weight_addr(step, insn->a);
    SeqEntry *entry;

    if (!seq_check_align(step, table, num_align(insn->type))) {
        return false;
    }
    FOR_EACH_LIVE(step, i, entry, insn->n0) {
        uint64_t dst = seq_addr(step, entry, insn->dst);
        const uint8_t *row;
        SeqOutput out;

        if (entry->token >= insn->n1) {
            return seq_fail(step, DACC_STATUS_BAD_TOKEN, 0);
        }
        if (!seq_check_align(step, dst, F32)) {
            return false;
        }
        row = seq_input(step, SEQ_BUF_A, table + entry->token * row_bytes,
                        row_bytes);
        if (!row || !seq_output(step, dst, insn->n0 * F32, &out)) {
            return false;
        }
        num_to_float(insn->type, row, out.ptr, insn->n0);
        if (!seq_output_done(step, &out)) {
            return false;
        }
    }
    return true;
}

bool seq_rmsnorm(SeqStep *step, const struct dacc_insn *insn)
{
    uint64_t weight = seq_weight_addr(step, insn->b), len = insn->n0 * F32;
    float eps = num_float(insn->imm);
    SeqEntry *entry;

    if (!seq_check_align(step, weight, F32)) {
        return false;
    }
    FOR_EACH_LIVE(step, i, entry, insn->n0) {
        uint64_t dst = seq_addr(step, entry, insn->dst);
        uint64_t src = seq_addr(step, entry, insn->a);
        const float *a, *b;
        SeqOutput out;
        float s;

        if (!seq_check_align(step, dst, F32) ||
            !seq_check_align(step, src, F32) ||
            !seq_check_overlap(step, dst, len, src, len, true)) {
            return false;
        }
        a = seq_input(step, SEQ_BUF_A, src, len);
        b = a ? seq_input(step, SEQ_BUF_B, weight, len) : NULL;
        if (!b || !seq_output(step, dst, len, &out)) {
            return false;
        }
        s = num_rms_scale(step->seq->num->sum_squares(a, insn->n0), insn->n0,
                          eps);
        num_scale_mul(out.ptr, a, s, b, insn->n0);
        if (!seq_output_done(step, &out)) {
            return false;
        }
    }
    return true;
}

bool seq_rope(SeqStep *step, const struct dacc_insn *insn)
{
    uint64_t table = seq_weight_addr(step, insn->a);
    uint64_t row_bytes = insn->n1 * F32, len = insn->n0 * row_bytes;
    SeqEntry *entry;

    if (!seq_check_align(step, table, F32)) {
        return false;
    }
    FOR_EACH_LIVE(step, i, entry, (uint64_t)insn->n0 * insn->n1) {
        uint64_t dst = seq_addr(step, entry, insn->dst);
        const float *row, *src;
        SeqOutput out;

        if (!seq_check_align(step, dst, F32)) {
            return false;
        }
        row = seq_input(step, SEQ_BUF_A, table + entry->pos * row_bytes,
                        row_bytes);
        src = row ? seq_input(step, SEQ_BUF_B, dst, len) : NULL;
        if (!src || !seq_output(step, dst, len, &out)) {
            return false;
        }
        for (uint32_t h = 0; h < insn->n0; h++) {
            num_rope((float *)out.ptr + h * insn->n1, src + h * insn->n1, row,
                     insn->n1, insn->flags & DACC_INSN_ROPE_NEOX);
        }
        if (!seq_output_done(step, &out)) {
            return false;
        }
    }
    return true;
}

bool seq_kv_append(SeqStep *step, const struct dacc_insn *insn)
{
    uint64_t row_bytes = num_bytes(insn->type, insn->n0);
    uint64_t len = insn->n0 * F32;
    SeqEntry *entry;

    FOR_EACH_LIVE(step, i, entry, insn->n0) {
        uint64_t dst = seq_addr(step, entry, insn->dst) +
                       (uint64_t)entry->pos * insn->n1;
        uint64_t src = seq_addr(step, entry, insn->a);
        const float *a;
        SeqOutput out;

        if (!seq_check_align(step, dst, num_align(insn->type)) ||
            !seq_check_align(step, src, F32) ||
            !seq_check_overlap(step, dst, row_bytes, src, len, false)) {
            return false;
        }
        a = seq_input(step, SEQ_BUF_A, src, len);
        if (!a || !seq_output(step, dst, row_bytes, &out)) {
            return false;
        }
        if (insn->type == DACC_TYPE_F32) {
            /* Two virtual ranges may be the same memory. */
            memmove(out.ptr, a, len);
        } else {
            step->seq->num->to_half(out.ptr, a, insn->n0);
        }
        if (!seq_output_done(step, &out)) {
            return false;
        }
    }
    return true;
}

/* dst[i] = f(a[i], b[i]) */
static bool elementwise(SeqStep *step, const struct dacc_insn *insn,
                        void (*f)(float *dst, const float *a, const float *b,
                                  uint32_t n))
{
    uint64_t len = insn->n0 * F32;
    SeqEntry *entry;

    FOR_EACH_LIVE(step, i, entry, insn->n0) {
        uint64_t dst = seq_addr(step, entry, insn->dst);
        uint64_t a_addr = seq_addr(step, entry, insn->a);
        uint64_t b_addr = seq_addr(step, entry, insn->b);
        const float *a, *b;
        SeqOutput out;

        if (!seq_check_align(step, dst, F32) ||
            !seq_check_align(step, a_addr, F32) ||
            !seq_check_align(step, b_addr, F32) ||
            !seq_check_overlap(step, dst, len, a_addr, len, true) ||
            !seq_check_overlap(step, dst, len, b_addr, len, true)) {
            return false;
        }
        a = seq_input(step, SEQ_BUF_A, a_addr, len);
        b = a ? seq_input(step, SEQ_BUF_B, b_addr, len) : NULL;
        if (!b || !seq_output(step, dst, len, &out)) {
            return false;
        }
        f(out.ptr, a, b, insn->n0);
        if (!seq_output_done(step, &out)) {
            return false;
        }
    }
    return true;
}

bool seq_swiglu(SeqStep *step, const struct dacc_insn *insn)
{
    return elementwise(step, insn, step->seq->num->swiglu);
}

bool seq_add(SeqStep *step, const struct dacc_insn *insn)
{
    return elementwise(step, insn, num_add);
}

static bool sample_yield(void *opaque)
{
    return seq_yield(opaque);
}

bool seq_sample(SeqStep *step, const struct dacc_insn *insn)
{
    const SampleYield yield = { sample_yield, step };
    uint64_t len = insn->n0 * F32;
    SeqEntry *entry;

    FOR_EACH_LIVE(step, i, entry, insn->n0) {
        uint64_t src = seq_addr(step, entry, insn->a);
        bool cancelled = false;
        /* A copy: the choice takes several passes over it. */
        float *logits = seq_buffer(step, SEQ_BUF_X, len);
        uint64_t *sort = seq_buffer(step, SEQ_BUF_Y,
                                    insn->n0 * sizeof(uint64_t));

        if (!logits || !sort || !seq_check_align(step, src, F32) ||
            !seq_read(step, src, logits, len)) {
            return false;
        }
        entry->next = sample(step->seq->num, logits, insn->n0,
                             entry->temperature, entry->top_p, &entry->rng,
                             sort, &yield, &cancelled);
        if (cancelled) {
            return false;
        }
        if (entry->next == DACC_NO_TOKEN) {
            return seq_fail(step, DACC_STATUS_NOT_A_NUMBER, 0);
        }
    }
    return true;
}

bool seq_signal(SeqStep *step, const struct dacc_insn *insn)
{
    uint64_t value = (uint64_t)insn->n0 + step->iteration;

    if (insn->dst) {
        uint64_t dst = seq_weight_addr(step, insn->dst);
        uint8_t *ptr;
        uint64_t contig;

        if (!seq_check_align(step, dst, sizeof(value))) {
            return false;
        }
        /* What comes before is in memory before the value is. */
        __atomic_thread_fence(__ATOMIC_RELEASE);
        if (step->mem->map(step->mem->opaque, dst, sizeof(value), true, &ptr,
                           &contig) == DACC_STATUS_OK &&
            contig >= sizeof(value) && (uintptr_t)ptr % sizeof(value) == 0) {
            /* One store, for hosts that poll it. */
            __atomic_store_n((uint64_t *)ptr, value, __ATOMIC_RELEASE);
        } else if (!seq_write(step, dst, &value, sizeof(value))) {
            return false;
        }
    }
    if (step->mem->signal) {
        step->mem->signal(step->mem->opaque, value, *step->time);
    }
    return true;
}
