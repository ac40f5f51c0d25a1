/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATTENTION. For one query head q and positions p = 0..pos, in this order:
 *
 *   score[p] = (q . K[p]) * imm      dot product in the order of all sums
 *   m = max of score[p]              NaNs left out
 *   e[p] = exp(score[p] - m)
 *   w[p] = e[p] / s                  s = sum of e[p] in the order of all sums,
 *                                    p being the element; a division each
 *   dst[j] = sum of w[p] * V[p][j]   from +0, in rising p, multiply and add
 *                                    rounded separately
 *
 * A unit is one (entry, head) and is computed by one thread. Units go in sets
 * whose scores fit a bounded buffer; the positions of a set go in waves that
 * bound the time between two yields and the copies of rows that are not
 * contiguous.
 */
#include "num_fp.h"

#include <string.h>

#include "num_half.h"
#include "seq_priv.h"

#define SET_MAX 1024
/* Scores of a set. */
#define ROOM_MIN (256u << 10)
#define ROOM_MAX (4u << 20)

typedef struct Unit {
    uint32_t span, head;
    float *q, *out, *score;
} Unit;

/* The entry that some units of the set belong to. */
typedef struct Span {
    SeqEntry *entry;
    uint32_t positions;
    uint32_t first, end;    /* rows of this wave */
    uint32_t run, n_runs;   /* where they are in the row set */
} Span;

typedef struct Attention {
    SeqStep *step;
    const struct dacc_insn *insn;
    Unit *unit;
    Span *span;
    uint32_t n_units, n_spans;
    uint64_t head_bytes;
} Attention;

static const uint8_t *head_of(const Attention *at, const Unit *unit,
                              const SeqRun *run)
{
    uint32_t group = at->insn->n0 / at->insn->n1;

    return run->base + unit->head / group * at->head_bytes;
}

static void score_body(void *opaque, uint32_t begin, uint32_t end)
{
    Attention *at = opaque;
    float scale = num_float(at->insn->imm);

    for (uint32_t u = begin; u < end; u++) {
        Unit *unit = &at->unit[u];
        const Span *span = &at->span[unit->span];

        for (uint32_t i = 0; i < span->n_runs; i++) {
            const SeqRun *run = &at->step->seq->rows.run[span->run + i];
            float *score = unit->score + run->first;

            at->step->seq->num->dot_rows(at->insn->type,
                                         head_of(at, unit, run), run->stride,
                                         run->count, unit->q, 0, 1,
                                         at->insn->n2, score, 0);
            num_multiply(score, run->count, scale);
        }
    }
}

static void softmax_body(void *opaque, uint32_t begin, uint32_t end)
{
    Attention *at = opaque;
    const NumOps *num = at->step->seq->num;

    for (uint32_t u = begin; u < end; u++) {
        Unit *unit = &at->unit[u];
        uint32_t n = at->span[unit->span].positions;

        num->exp_sub(unit->score, n, num->max(unit->score, n));
        num_divide(unit->score, n, num->sum(unit->score, n));
        memset(unit->out, 0, at->insn->n2 * sizeof(float));
    }
}

static void value_body(void *opaque, uint32_t begin, uint32_t end)
{
    Attention *at = opaque;

    for (uint32_t u = begin; u < end; u++) {
        Unit *unit = &at->unit[u];
        const Span *span = &at->span[unit->span];

        for (uint32_t i = 0; i < span->n_runs; i++) {
            const SeqRun *run = &at->step->seq->rows.run[span->run + i];

            at->step->seq->num->add_rows(at->insn->type,
                                         head_of(at, unit, run), run->stride,
                                         run->count, unit->score + run->first,
                                         at->insn->n2, unit->out);
        }
    }
}

static uint32_t grain_for(uint64_t unit_work)
{
    return unit_work >= SEQ_PARALLEL_WORK ? 1
                                          : SEQ_PARALLEL_WORK / unit_work + 1;
}

/* Runs @body in waves over all positions of K or V at @operand. */
static bool for_positions(Attention *at, uint64_t operand, PoolBody *body)
{
    SeqStep *step = at->step;
    const struct dacc_insn *insn = at->insn;
    uint64_t row_bytes = num_bytes(insn->type, (uint64_t)insn->n1 * insn->n2);
    uint64_t wave_work = (uint64_t)at->n_units * insn->n2;
    uint32_t wave = wave_work < SEQ_WORK ? SEQ_WORK / wave_work : 1;
    bool more = true;

    for (uint32_t s = 0; s < at->n_spans; s++) {
        at->span[s].end = 0;
    }
    while (more) {
        uint64_t longest = 0;

        if (!seq_rows_reset(step, row_bytes)) {
            return false;
        }
        more = false;
        for (uint32_t s = 0; s < at->n_spans; s++) {
            Span *span = &at->span[s];
            uint32_t end = span->positions;

            span->first = span->end;
            span->run = step->seq->rows.n_runs;
            if (end - span->first > wave) {
                end = span->first + wave;
            }
            if (!seq_rows_add(step, seq_addr(step, span->entry, operand),
                              insn->n3, row_bytes, span->first, &end)) {
                return false;
            }
            span->end = end;
            span->n_runs = step->seq->rows.n_runs - span->run;
            more |= end < span->positions;
            longest = end - span->first > longest ? end - span->first : longest;
        }
        pool_run(step->seq->pool, at->n_units, grain_for(longest * insn->n2),
                 body, at);
        if (!seq_work(step, longest * wave_work)) {
            return false;
        }
    }
    return true;
}

static bool load_queries(Attention *at)
{
    for (uint32_t u = 0; u < at->n_units; u++) {
        Unit *unit = &at->unit[u];
        uint64_t len = at->insn->n2 * sizeof(float);
        uint64_t addr = seq_addr(at->step, at->span[unit->span].entry,
                                 at->insn->a);

        if (!seq_read(at->step, addr + unit->head * len, unit->q, len)) {
            return false;
        }
    }
    return true;
}

static bool store_results(Attention *at)
{
    for (uint32_t u = 0; u < at->n_units; u++) {
        Unit *unit = &at->unit[u];
        uint64_t len = at->insn->n2 * sizeof(float);
        uint64_t addr = seq_addr(at->step, at->span[unit->span].entry,
                                 at->insn->dst);

        num_make_canon(unit->out, at->insn->n2);
        if (!seq_write(at->step, addr + unit->head * len, unit->out, len)) {
            return false;
        }
    }
    return true;
}

static bool run_set(Attention *at)
{
    uint64_t longest = 0;

    for (uint32_t s = 0; s < at->n_spans; s++) {
        if (at->span[s].positions > longest) {
            longest = at->span[s].positions;
        }
    }
    if (!load_queries(at) || !for_positions(at, at->insn->b, score_body)) {
        return false;
    }
    /* An exponential and a division are worth some ten multiply-adds. */
    pool_run(at->step->seq->pool, at->n_units, grain_for(longest * 10),
             softmax_body, at);
    return seq_work(at->step, longest * at->n_units * 10) &&
           for_positions(at, at->insn->c, value_body) && store_results(at);
}

static bool check_entry(SeqStep *step, const struct dacc_insn *insn,
                        const SeqEntry *entry)
{
    uint64_t dst = seq_addr(step, entry, insn->dst);
    uint64_t a = seq_addr(step, entry, insn->a);
    uint64_t len = (uint64_t)insn->n0 * insn->n2 * sizeof(float);
    unsigned align = num_align(insn->type);

    return seq_check_align(step, dst, sizeof(float)) &&
           seq_check_align(step, a, sizeof(float)) &&
           seq_check_align(step, seq_addr(step, entry, insn->b), align) &&
           seq_check_align(step, seq_addr(step, entry, insn->c), align) &&
           seq_check_overlap(step, dst, len, a, len, true);
}

bool seq_attention(SeqStep *step, const struct dacc_insn *insn)
{
    Attention at = {
        .step = step,
        .insn = insn,
        .head_bytes = num_bytes(insn->type, insn->n2),
    };
    uint64_t units = (uint64_t)step->n_live * insn->n0, next = 0, room;
    uint32_t set = units < SET_MAX ? units : SET_MAX, most = 0;
    float *score, *vectors;

    for (uint32_t i = 0; i < step->n_live; i++) {
        const SeqEntry *entry = &step->entries[step->live[i]];

        if (!check_entry(step, insn, entry)) {
            return false;
        }
        most = entry->pos + 1 > most ? entry->pos + 1 : most;
    }
    /* Room for one unit in each thread, unless that is very much. */
    room = (uint64_t)most * pool_threads(step->seq->pool);
    room = room < ROOM_MIN ? ROOM_MIN : room;
    room = room > ROOM_MAX ? ROOM_MAX : room;
    room = room < most ? most : room;
    score = seq_buffer(step, SEQ_BUF_SCORES, room * sizeof(float));
    vectors = score ? seq_buffer(step, SEQ_BUF_X, (uint64_t)set * insn->n2 *
                                                  2 * sizeof(float)) : NULL;
    at.unit = vectors ? seq_buffer(step, SEQ_BUF_UNITS, set * sizeof(Unit))
                      : NULL;
    at.span = at.unit ? seq_buffer(step, SEQ_BUF_SPANS, set * sizeof(Span))
                      : NULL;
    if (!at.span) {
        return false;
    }
    while (next < units) {
        uint64_t used = 0;
        float *v = vectors;

        at.n_units = at.n_spans = 0;
        for (; next < units && at.n_units < set; next++) {
            SeqEntry *entry = &step->entries[step->live[next / insn->n0]];
            uint32_t positions = entry->pos + 1;

            if (positions > room - used) {
                break;
            }
            if (!at.n_spans || at.span[at.n_spans - 1].entry != entry) {
                at.span[at.n_spans++] = (Span) {
                    .entry = entry, .positions = positions,
                };
            }
            at.unit[at.n_units++] = (Unit) {
                .span = at.n_spans - 1, .head = next % insn->n0,
                .q = v, .out = v + insn->n2, .score = score + used,
            };
            v += 2 * insn->n2;
            used += positions;
        }
        if (!run_set(&at)) {
            return false;
        }
    }
    return true;
}
