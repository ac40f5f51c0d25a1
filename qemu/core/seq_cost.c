/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device time of instructions and steps: integer arithmetic on the program, the
 * number of live entries and their positions. It never depends on data.
 *
 * A multiply, an add, a subtraction, a division, an exponential and a comparison
 * are one operation each; conversions are none. Bytes are what an instruction
 * reads and writes; weights that all entries share count once.
 */
#include "seq_priv.h"

uint64_t seq_time_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t seq_time_mul(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

SeqLoad seq_load(const SeqEntry *entries, uint32_t n_entries)
{
    SeqLoad load = { 0 };

    for (uint32_t e = 0; e < n_entries; e++) {
        if (!entries[e].done) {
            load.live++;
            load.positions += (uint64_t)entries[e].pos + 1;
        }
    }
    return load;
}

/*
 * Nothing overflows: sizes are at most 2^20, heads 2^8 of 2^9 elements, and
 * entries times positions below 2^33.
 */
static SeqWork insn_work(const struct dacc_insn *insn, const SeqLoad *load)
{
    uint64_t n0 = insn->n0, n1 = insn->n1, n2 = insn->n2;
    uint64_t live = load->live, positions = load->positions;
    bool accumulate = insn->flags & DACC_INSN_ACCUMULATE;

    switch (insn->op) {
    case DACC_INSN_EMBED:
        return (SeqWork) { 0, live * (num_bytes(insn->type, n0) + 4 * n0) };
    case DACC_INSN_RMSNORM:
        return (SeqWork) { live * 4 * n0, 4 * n0 + live * 8 * n0 };
    case DACC_INSN_MATVEC:
        return (SeqWork) {
            live * (2 * n0 * n1 + (accumulate ? n0 : 0)),
            n0 * num_bytes(insn->type, n1) +
            live * 4 * (n1 + n0 + (accumulate ? n0 : 0)),
        };
    case DACC_INSN_ROPE:
        return (SeqWork) { live * 3 * n0 * n1, live * (4 * n1 + 8 * n0 * n1) };
    case DACC_INSN_KV_APPEND:
        return (SeqWork) { 0, live * (4 * n0 + num_bytes(insn->type, n0)) };
    case DACC_INSN_ATTENTION:
        /* Two products; scale, subtraction, exponential, sum and division. */
        return (SeqWork) {
            positions * n0 * (4 * n2 + 5),
            2 * positions * num_bytes(insn->type, n1 * n2) +
            live * 8 * n0 * n2,
        };
    case DACC_INSN_SWIGLU:
        return (SeqWork) { live * 4 * n0, live * 12 * n0 };
    case DACC_INSN_ADD:
        return (SeqWork) { live * n0, live * 12 * n0 };
    case DACC_INSN_SAMPLE:
        return (SeqWork) { live * 5 * n0, live * 4 * n0 };
    case DACC_INSN_SIGNAL:
        return (SeqWork) { 0, insn->dst ? 8 : 0 };
    default:
        return (SeqWork) { 0, 0 };
    }
}

/* Picoseconds of @amount at @rate per microsecond, rounded up; 0: no limit. */
static uint64_t duration(uint64_t amount, uint64_t rate)
{
    unsigned __int128 t;

    if (!rate) {
        return 0;
    }
    t = ((unsigned __int128)amount * 1000000 + rate - 1) / rate;
    return t > UINT64_MAX ? UINT64_MAX : (uint64_t)t;
}

uint64_t seq_insn_cost(const uint64_t *timing, const struct dacc_insn *insn,
                       const SeqLoad *load, SeqWork *done)
{
    SeqWork work = insn_work(insn, load);
    uint64_t ops = duration(work.ops, timing[DACC_TIMING_PEAK]);
    uint64_t bytes = duration(work.bytes, timing[DACC_TIMING_SRAM_BW]);

    if (done) {
        done->ops = seq_time_add(done->ops, work.ops);
        done->bytes = seq_time_add(done->bytes, work.bytes);
    }
    return seq_time_add(timing[DACC_TIMING_INSN_PS], ops > bytes ? ops : bytes);
}

static uint64_t range_cost(const uint64_t *timing,
                           const struct dacc_insn *program, uint32_t n,
                           const SeqLoad *load)
{
    uint64_t time = 0;

    for (uint32_t i = 0; i < n; i++) {
        time = seq_time_add(time, seq_insn_cost(timing, &program[i], load,
                                                NULL));
    }
    return time;
}

uint64_t seq_cost(const uint64_t *timing, const struct dacc_insn *program,
                  uint32_t n_insns, const SeqEntry *entries,
                  uint32_t n_entries)
{
    SeqLoad load = seq_load(entries, n_entries);
    uint64_t time = timing[DACC_TIMING_STEP_PS];

    /* A step without live entries does not take place. */
    if (!load.live) {
        return 0;
    }
    for (uint32_t i = 0; i < n_insns; i++) {
        const struct dacc_insn *insn = &program[i];

        time = seq_time_add(time, seq_insn_cost(timing, insn, &load, NULL));
        if (insn->op == DACC_INSN_LOOP) {
            uint64_t body = range_cost(timing, insn + 1, insn->n1, &load);

            body = seq_time_add(body, timing[DACC_TIMING_LAYER_PS]);
            time = seq_time_add(time, seq_time_mul(body, insn->n0));
            i += insn->n1;
        }
    }
    return time;
}
