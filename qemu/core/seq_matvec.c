/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MATVEC. Entries go in groups whose vectors fit the cache, the matrix in blocks
 * of rows that bound the time between two yields; rows are spread over the
 * pool. Vectors and results are private copies, so only the pointers to rows
 * depend on the mapping. Every dot product is formed by itself: neither group
 * nor block nor thread shows in the result.
 */
#include <string.h>

#include "seq_priv.h"

#define GROUP_BYTES (256u << 10)
#define GROUP_MAX 256

typedef struct Matvec {
    SeqStep *step;
    const struct dacc_insn *insn;
    const float *x;         /* [entry][n1] */
    float *y;               /* [entry][block] */
    uint32_t n_x;
    uint32_t first, block;  /* rows */
} Matvec;

static uint32_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void rows_body(void *opaque, uint32_t begin, uint32_t end)
{
    Matvec *m = opaque;
    const SeqRows *rows = &m->step->seq->rows;

    begin += m->first;
    end += m->first;
    for (uint32_t i = 0; i < rows->n_runs; i++) {
        const SeqRun *run = &rows->run[i];
        uint32_t from = begin > run->first ? begin : run->first;
        uint32_t to = min_u64(end, (uint64_t)run->first + run->count);

        if (from < to) {
            m->step->seq->num->dot_rows(m->insn->type,
                run->base + (from - run->first) * run->stride, run->stride,
                to - from, m->x, m->insn->n1, m->n_x, m->insn->n1,
                m->y + (from - m->first), m->block);
        }
    }
}

static SeqEntry *live_entry(SeqStep *step, uint32_t i)
{
    return &step->entries[step->live[i]];
}

static bool load_vectors(Matvec *m, uint32_t group, float *x)
{
    SeqStep *step = m->step;
    uint64_t x_len = (uint64_t)m->insn->n1 * sizeof(float);
    uint64_t y_len = (uint64_t)m->insn->n0 * sizeof(float);

    for (uint32_t e = 0; e < m->n_x; e++) {
        SeqEntry *entry = live_entry(step, group + e);
        uint64_t src = seq_addr(step, entry, m->insn->b);
        uint64_t dst = seq_addr(step, entry, m->insn->dst);

        if (!seq_check_align(step, src, sizeof(float)) ||
            !seq_check_align(step, dst, sizeof(float)) ||
            !seq_check_overlap(step, dst, y_len, src, x_len, false) ||
            !seq_read(step, src, x + (size_t)e * m->insn->n1, x_len)) {
            return false;
        }
    }
    return true;
}

static bool store_results(Matvec *m, uint32_t group, uint32_t count, float *old)
{
    SeqStep *step = m->step;
    uint64_t len = count * sizeof(float);

    for (uint32_t e = 0; e < m->n_x; e++) {
        uint64_t dst = seq_addr(step, live_entry(step, group + e),
                                m->insn->dst) +
                       m->first * sizeof(float);
        float *y = m->y + (size_t)e * m->block;

        if (m->insn->flags & DACC_INSN_ACCUMULATE) {
            if (!seq_read(step, dst, old, len)) {
                return false;
            }
            num_add(y, old, y, count);
        }
        if (!seq_write(step, dst, y, len)) {
            return false;
        }
    }
    return true;
}

bool seq_matvec(SeqStep *step, const struct dacc_insn *insn)
{
    uint64_t row_bytes = num_bytes(insn->type, insn->n1);
    uint64_t matrix = seq_weight_addr(step, insn->a);
    uint64_t row_size = (uint64_t)insn->n1 * sizeof(float);
    uint32_t group = min_u64(GROUP_BYTES / row_size, GROUP_MAX);
    Matvec m = { .step = step, .insn = insn };
    uint64_t row_work;
    uint32_t grain;
    float *x, *old;

    if (!seq_check_align(step, matrix, num_align(insn->type))) {
        return false;
    }
    group = group < 1 ? 1 : min_u64(group, step->n_live);
    row_work = (uint64_t)insn->n1 * group;
    m.block = min_u64(row_work < SEQ_WORK ? SEQ_WORK / row_work : 1, insn->n0);
    grain = SEQ_PARALLEL_WORK / row_work / 4 * 4 + 4;
    x = seq_buffer(step, SEQ_BUF_X, group * row_size);
    m.y = x ? seq_buffer(step, SEQ_BUF_Y,
                         (uint64_t)group * m.block * sizeof(float)) : NULL;
    old = m.y ? seq_buffer(step, SEQ_BUF_DST, m.block * sizeof(float)) : NULL;
    if (!old) {
        return false;
    }
    m.x = x;
    for (uint32_t g = 0; g < step->n_live; g += m.n_x) {
        m.n_x = min_u64(group, step->n_live - g);
        if (!load_vectors(&m, g, x)) {
            return false;
        }
        for (uint32_t end; (m.first < insn->n0); m.first = end) {
            end = min_u64((uint64_t)m.first + m.block, insn->n0);
            if (!seq_work(step, (end - m.first) * row_work) ||
                !seq_rows_reset(step, row_bytes) ||
                !seq_rows_add(step, matrix, row_bytes, row_bytes, m.first,
                              &end)) {
                return false;
            }
            pool_run(step->seq->pool, end - m.first, grain, rows_body, &m);
            if (!store_results(&m, g, end - m.first, old)) {
                return false;
            }
        }
        m.first = 0;
    }
    return true;
}
