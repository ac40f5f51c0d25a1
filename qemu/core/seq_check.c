/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks of a program that need no memory and no entry.
 *
 * An unknown flag, or a field that the instruction does not use and that is not
 * zero, is DACC_STATUS_RESERVED; what is defined but absent on this device is
 * DACC_STATUS_UNSUPPORTED; all else is DACC_STATUS_BAD_INSN.
 */
#include <string.h>

#include "num.h"
#include "seq.h"

#define TYPE(t) (1u << DACC_TYPE_##t)
#define TYPES_KV (TYPE(F32) | TYPE(F16))
#define TYPES_WEIGHT ((1u << DACC_TYPE_COUNT) - 1)

enum {
    USE_DST = 1 << 0,
    USE_A = 1 << 1,
    USE_B = 1 << 2,
    USE_C = 1 << 3,
    USE_IMM = 1 << 4,
    USE_N0 = 1 << 5,
    USE_N1 = 1 << 6,
    USE_N2 = 1 << 7,
    USE_N3 = 1 << 8,
};

/* Which fields an instruction uses; @types: accepted values of type. */
static const struct {
    uint16_t use;
    uint16_t flags;
    uint8_t types;
} format[DACC_INSN_COUNT] = {
    [DACC_INSN_NOP] = { 0, 0, 0 },
    [DACC_INSN_EMBED] = { USE_DST | USE_A | USE_N0 | USE_N1, 0, TYPES_WEIGHT },
    [DACC_INSN_RMSNORM] = { USE_DST | USE_A | USE_B | USE_IMM | USE_N0, 0, 0 },
    [DACC_INSN_MATVEC] = { USE_DST | USE_A | USE_B | USE_N0 | USE_N1,
                           DACC_INSN_ACCUMULATE, TYPES_WEIGHT },
    [DACC_INSN_ROPE] = { USE_DST | USE_A | USE_N0 | USE_N1,
                         DACC_INSN_ROPE_NEOX, 0 },
    [DACC_INSN_KV_APPEND] = { USE_DST | USE_A | USE_N0 | USE_N1, 0, TYPES_KV },
    [DACC_INSN_ATTENTION] = { USE_DST | USE_A | USE_B | USE_C | USE_IMM |
                              USE_N0 | USE_N1 | USE_N2 | USE_N3, 0, TYPES_KV },
    [DACC_INSN_SWIGLU] = { USE_DST | USE_A | USE_B | USE_N0, 0, 0 },
    [DACC_INSN_ADD] = { USE_DST | USE_A | USE_B | USE_N0, 0, 0 },
    [DACC_INSN_SAMPLE] = { USE_A | USE_N0, 0, 0 },
    [DACC_INSN_LOOP] = { USE_A | USE_B | USE_C | USE_N0 | USE_N1, 0, 0 },
    [DACC_INSN_SIGNAL] = { USE_DST | USE_N0, 0, 0 },
    [DACC_INSN_SEND] = { USE_A | USE_N0 | USE_N1 | USE_N2, 0, 0 },
    [DACC_INSN_RECEIVE] = { USE_DST | USE_N0 | USE_N1 | USE_N2, 0, 0 },
};

static enum dacc_status check_unused(const struct dacc_insn *insn)
{
    unsigned use = format[insn->op].use;

    if (insn->reserved || (insn->flags & ~format[insn->op].flags) ||
        (insn->type && !format[insn->op].types) ||
        (insn->imm && !(use & USE_IMM)) ||
        (insn->dst && !(use & USE_DST)) ||
        (insn->a && !(use & USE_A)) ||
        (insn->b && !(use & USE_B)) ||
        (insn->c && !(use & USE_C)) ||
        (insn->n0 && !(use & USE_N0)) ||
        (insn->n1 && !(use & USE_N1)) ||
        (insn->n2 && !(use & USE_N2)) ||
        (insn->n3 && !(use & USE_N3))) {
        return DACC_STATUS_RESERVED;
    }
    return DACC_STATUS_OK;
}

static bool base_ok(uint64_t operand)
{
    return operand >> DACC_OPERAND_BASE_SHIFT < DACC_NUM_BASES;
}

static bool size_ok(uint32_t n, uint32_t max)
{
    return n >= 1 && n <= max;
}

static bool row_ok(const struct dacc_insn *insn, uint32_t n)
{
    bool blocks = insn->type == DACC_TYPE_Q8_0 || insn->type == DACC_TYPE_Q4_0;

    return size_ok(n, DACC_MAX_DIM) && (!blocks || n % NUM_BLOCK == 0);
}

/* A position's elements lie inside the bytes between two positions. */
static bool kv_stride_ok(const struct dacc_insn *insn, uint64_t elements,
                         uint32_t stride)
{
    uint64_t size = num_bytes(insn->type, 1);

    return stride % size == 0 && stride >= elements * size;
}

static bool sizes_ok(const struct dacc_insn *insn)
{
    switch (insn->op) {
    case DACC_INSN_EMBED:
        return row_ok(insn, insn->n0) && size_ok(insn->n1, DACC_MAX_DIM);
    case DACC_INSN_RMSNORM:
    case DACC_INSN_SWIGLU:
    case DACC_INSN_ADD:
    case DACC_INSN_SAMPLE:
        return size_ok(insn->n0, DACC_MAX_DIM);
    case DACC_INSN_MATVEC:
        return size_ok(insn->n0, DACC_MAX_DIM) && row_ok(insn, insn->n1);
    case DACC_INSN_ROPE:
        return size_ok(insn->n0, DACC_MAX_HEADS) &&
               size_ok(insn->n1, DACC_MAX_HEAD_DIM) && insn->n1 % 2 == 0;
    case DACC_INSN_KV_APPEND:
        return size_ok(insn->n0, DACC_MAX_DIM) &&
               kv_stride_ok(insn, insn->n0, insn->n1);
    case DACC_INSN_ATTENTION:
        return size_ok(insn->n0, DACC_MAX_HEADS) &&
               size_ok(insn->n1, DACC_MAX_HEADS) &&
               insn->n0 % insn->n1 == 0 &&
               size_ok(insn->n2, DACC_MAX_HEAD_DIM) &&
               kv_stride_ok(insn, (uint64_t)insn->n1 * insn->n2, insn->n3);
    case DACC_INSN_LOOP:
        return insn->n0 >= 1 && insn->n0 <= DACC_MAX_LOOP && insn->n1 >= 1;
    case DACC_INSN_SEND:
    case DACC_INSN_RECEIVE:
        return insn->n0 >= 1 && insn->n1 < DACC_MAX_LINKS;
    default:
        return true;
    }
}

static enum dacc_status check_insn(const struct dacc_insn *insn)
{
    enum dacc_status status;

    if (insn->op >= DACC_INSN_COUNT) {
        return DACC_STATUS_BAD_INSN;
    }
    status = check_unused(insn);
    if (status != DACC_STATUS_OK) {
        return status;
    }
    if (format[insn->op].types &&
        (insn->type >= DACC_TYPE_COUNT ||
         !(format[insn->op].types & (1u << insn->type)))) {
        return DACC_STATUS_BAD_INSN;
    }
    /* LOOP's a, b and c are increments, not addresses. */
    if (insn->op != DACC_INSN_LOOP &&
        !(base_ok(insn->dst) && base_ok(insn->a) && base_ok(insn->b) &&
          base_ok(insn->c))) {
        return DACC_STATUS_BAD_INSN;
    }
    if (!sizes_ok(insn)) {
        return DACC_STATUS_BAD_INSN;
    }
    if (insn->op == DACC_INSN_SEND || insn->op == DACC_INSN_RECEIVE) {
        return DACC_STATUS_UNSUPPORTED;
    }
    return DACC_STATUS_OK;
}

bool seq_check(const struct dacc_insn *program, uint32_t n_insns,
               SeqFault *fault)
{
    uint32_t loop_end = 0;

    for (uint32_t i = 0; i < n_insns; i++) {
        enum dacc_status status = check_insn(&program[i]);

        if (status == DACC_STATUS_OK && program[i].op == DACC_INSN_LOOP) {
            if (i < loop_end || program[i].n1 > n_insns - 1 - i) {
                status = DACC_STATUS_BAD_INSN;
            } else {
                loop_end = i + 1 + program[i].n1;
            }
        }
        if (status != DACC_STATUS_OK) {
            *fault = (SeqFault) { .status = status, .index = i };
            return false;
        }
    }
    *fault = (SeqFault) { .status = DACC_STATUS_OK };
    return true;
}
