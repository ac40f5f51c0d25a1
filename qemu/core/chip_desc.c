/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptor check: on the private copy, before any operand is used. */
#include "chip.h"

/* A range that is not empty, not too long, and does not wrap. */
static bool range_ok(uint64_t va, uint64_t len, uint64_t max)
{
    return len && len <= max && va <= UINT64_MAX - (len - 1);
}

bool chip_block_ok(uint64_t src, uint64_t dst, uint64_t len)
{
    return range_ok(src, len, DACC_MAX_COPY) &&
           range_ok(dst, len, DACC_MAX_COPY) &&
           (src < dst ? dst - src : src - dst) >= len;
}

static bool is_zero(const __u64 *words, unsigned n)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < n; i++) {
        any |= words[i];
    }
    return any == 0;
}

static enum dacc_status check_blocks(const struct dacc_desc_blocks *b,
                                     bool verify)
{
    if ((b->crc && !verify) || !is_zero(b->reserved, 4)) {
        return DACC_STATUS_RESERVED;
    }
    if (!b->n_blocks || b->n_blocks > CHIP_MAX_BLOCKS ||
        !range_ok(b->table, (uint64_t)b->n_blocks * sizeof(struct dacc_block),
                  DACC_MAX_COPY)) {
        return DACC_STATUS_BAD_LENGTH;
    }
    return b->table % 8 ? DACC_STATUS_BAD_ALIGN : DACC_STATUS_OK;
}

static enum dacc_status check_fill(const struct dacc_desc_fill *f)
{
    if (f->reserved || !is_zero(f->reserved2, 3)) {
        return DACC_STATUS_RESERVED;
    }
    if (f->len % 4 || !range_ok(f->dst, f->len, DACC_MAX_COPY)) {
        return DACC_STATUS_BAD_LENGTH;
    }
    return f->dst % 4 ? DACC_STATUS_BAD_ALIGN : DACC_STATUS_OK;
}

static enum dacc_status check_decode(const struct dacc_desc_decode *d)
{
    if (!is_zero(d->reserved, 2)) {
        return DACC_STATUS_RESERVED;
    }
    if (!d->n_insns || d->n_insns > CHIP_MAX_INSNS ||
        !d->batch || d->batch > DACC_MAX_BATCH ||
        !d->max_tokens || d->max_tokens > DACC_MAX_TOKENS ||
        !range_ok(d->program, d->n_insns * sizeof(struct dacc_insn),
                  DACC_MAX_COPY) ||
        !range_ok(d->seqs, d->batch * sizeof(struct dacc_seq),
                  DACC_MAX_COPY) ||
        !range_ok(d->out,
                  (uint64_t)d->batch * DACC_OUT_STRIDE(d->max_tokens),
                  DACC_MAX_COPY)) {
        return DACC_STATUS_BAD_LENGTH;
    }
    if (d->program % 64 || d->seqs % 64 || d->out % 8) {
        return DACC_STATUS_BAD_ALIGN;
    }
    return DACC_STATUS_OK;
}

enum dacc_status chip_check_desc(const struct dacc_desc *desc,
                                 enum dacc_class class)
{
    const uint8_t copy_flags = DACC_DESC_CHECKSUM | DACC_DESC_VERIFY |
                               DACC_DESC_LINK_ONLY;
    bool verify = desc->flags & DACC_DESC_VERIFY;
    bool copies = desc->opcode == DACC_OP_COPY ||
                  desc->opcode == DACC_OP_COPY_BLOCKS;

    if (desc->opcode > DACC_OP_DECODE ||
        (desc->opcode != DACC_OP_NOP &&
         (desc->opcode == DACC_OP_DECODE) != (class == DACC_CLASS_DECODE))) {
        return DACC_STATUS_BAD_OPCODE;
    }
    if (desc->reserved || (desc->flags & ~DACC_DESC_FLAGS) ||
        ((desc->flags & copy_flags) && !copies) ||
        (verify && !(desc->flags & DACC_DESC_CHECKSUM))) {
        return DACC_STATUS_RESERVED;
    }
    switch (desc->opcode) {
    case DACC_OP_COPY:
        if ((desc->copy.crc && !verify) || desc->copy.reserved ||
            !is_zero(desc->copy.reserved2, 2)) {
            return DACC_STATUS_RESERVED;
        }
        return chip_block_ok(desc->copy.src, desc->copy.dst, desc->copy.len)
               ? DACC_STATUS_OK : DACC_STATUS_BAD_LENGTH;
    case DACC_OP_COPY_BLOCKS:
        return check_blocks(&desc->blocks, verify);
    case DACC_OP_FILL:
        return check_fill(&desc->fill);
    case DACC_OP_DECODE:
        return check_decode(&desc->decode);
    default:
        return is_zero(desc->raw, 6) ? DACC_STATUS_OK : DACC_STATUS_RESERVED;
    }
}
