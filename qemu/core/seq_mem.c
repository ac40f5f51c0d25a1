/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How instructions reach memory: directly, or by copies of scattered pages. */
#include <stdlib.h>
#include <string.h>

#include "seq_priv.h"

#define VA_END (1ull << DACC_VA_BITS)

bool seq_fail(SeqStep *step, enum dacc_status status, uint64_t addr)
{
    *step->fault = (SeqFault) {
        .status = status,
        .index = step->index,
        .addr = addr,
    };
    return false;
}

void *seq_buffer(SeqStep *step, SeqBuffer which, uint64_t size)
{
    uint64_t want = 64 << 10;
    void *ptr;

    if (size <= step->seq->buf[which].size) {
        return step->seq->buf[which].ptr;
    }
    while (want < size) {
        want *= 2;
    }
    free(step->seq->buf[which].ptr);
    ptr = aligned_alloc(64, want);
    step->seq->buf[which].ptr = ptr;
    step->seq->buf[which].size = ptr ? want : 0;
    if (!ptr) {
        /* The nearest that the contract has to "the device can't now". */
        seq_fail(step, DACC_STATUS_BUS_ERROR, 0);
    }
    return ptr;
}

bool seq_yield(SeqStep *step)
{
    step->work = 0;
    if (step->progress) {
        __atomic_fetch_add(step->progress, 1, __ATOMIC_RELAXED);
    }
    if (step->mem->yield && !step->mem->yield(step->mem->opaque)) {
        return seq_fail(step, DACC_STATUS_CANCELLED, 0);
    }
    return true;
}

bool seq_work(SeqStep *step, uint64_t work)
{
    step->work += work;
    return step->work < SEQ_WORK || seq_yield(step);
}

uint64_t seq_addr(const SeqStep *step, const SeqEntry *entry, uint64_t operand)
{
    unsigned base = operand >> DACC_OPERAND_BASE_SHIFT;
    uint64_t offset = operand & DACC_OPERAND_OFFSET_MASK;

    if (base == DACC_BASE_NONE) {
        return offset;
    }
    return entry->base[base] + step->loop[base] + offset;
}

uint64_t seq_weight_addr(const SeqStep *step, uint64_t operand)
{
    return seq_addr(step, &step->entries[0], operand);
}

bool seq_check_align(SeqStep *step, uint64_t addr, unsigned align)
{
    return addr % align == 0 || seq_fail(step, DACC_STATUS_BAD_ALIGN, addr);
}

bool seq_check_overlap(SeqStep *step, uint64_t dst, uint64_t dst_len,
                       uint64_t src, uint64_t src_len, bool same_ok)
{
    if ((same_ok && dst == src) ||
        (dst > src ? dst - src >= src_len : src - dst >= dst_len)) {
        return true;
    }
    return seq_fail(step, DACC_STATUS_BAD_INSN, dst);
}

/* *contig is 1 to @len when the result is DACC_STATUS_OK. */
static enum dacc_status map(SeqStep *step, uint64_t addr, uint64_t len,
                            bool write, uint8_t **ptr, uint64_t *contig)
{
    enum dacc_status status;

    if (addr >= VA_END) {
        return DACC_STATUS_UNMAPPED;
    }
    if (len > VA_END - addr) {
        len = VA_END - addr;
    }
    status = step->mem->map(step->mem->opaque, addr, len, write, ptr, contig);
    if (status == DACC_STATUS_OK) {
        if (!*contig) {
            return DACC_STATUS_BUS_ERROR;
        }
        *contig = *contig < len ? *contig : len;
    }
    return status;
}

/* Bytes to the end of the page: inside it one kind of access serves. */
static uint64_t page_rest(uint64_t addr, uint64_t len)
{
    uint64_t rest = DACC_PAGE_SIZE - addr % DACC_PAGE_SIZE;

    return rest < len ? rest : len;
}

bool seq_read(SeqStep *step, uint64_t addr, void *buf, uint64_t len)
{
    uint8_t *to = buf;

    while (len) {
        uint8_t *ptr;
        uint64_t part;
        enum dacc_status status = map(step, addr, len, false, &ptr, &part);

        if (status == DACC_STATUS_OK) {
            memcpy(to, ptr, part);
        } else if (status == DACC_STATUS_UNSUPPORTED) {
            part = page_rest(addr, len);
            status = step->mem->read(step->mem->opaque, addr, to, part);
        }
        if (status != DACC_STATUS_OK) {
            return seq_fail(step, status, addr);
        }
        addr += part;
        to += part;
        len -= part;
    }
    return true;
}

bool seq_write(SeqStep *step, uint64_t addr, const void *buf, uint64_t len)
{
    const uint8_t *from = buf;

    while (len) {
        uint8_t *ptr;
        uint64_t part;
        enum dacc_status status = map(step, addr, len, true, &ptr, &part);

        if (status == DACC_STATUS_OK) {
            memcpy(ptr, from, part);
        } else if (status == DACC_STATUS_UNSUPPORTED) {
            part = page_rest(addr, len);
            status = step->mem->write(step->mem->opaque, addr, from, part);
        }
        if (status != DACC_STATUS_OK) {
            return seq_fail(step, status, addr);
        }
        addr += part;
        from += part;
        len -= part;
    }
    return true;
}

const void *seq_input(SeqStep *step, SeqBuffer which, uint64_t addr,
                      uint64_t len)
{
    uint8_t *ptr;
    uint64_t contig;
    void *copy;

    if (map(step, addr, len, false, &ptr, &contig) == DACC_STATUS_OK &&
        contig == len) {
        return ptr;
    }
    copy = seq_buffer(step, which, len);
    return copy && seq_read(step, addr, copy, len) ? copy : NULL;
}

bool seq_output(SeqStep *step, uint64_t addr, uint64_t len, SeqOutput *out)
{
    uint8_t *ptr;
    uint64_t contig;

    *out = (SeqOutput) { .addr = addr, .len = len };
    if (map(step, addr, len, true, &ptr, &contig) == DACC_STATUS_OK &&
        contig == len) {
        out->ptr = ptr;
        return true;
    }
    out->bounce = true;
    out->ptr = seq_buffer(step, SEQ_BUF_DST, len);
    return out->ptr;
}

bool seq_output_done(SeqStep *step, const SeqOutput *out)
{
    return !out->bounce || seq_write(step, out->addr, out->ptr, out->len);
}

bool seq_rows_reset(SeqStep *step, uint64_t row_bytes)
{
    SeqRows *rows = &step->seq->rows;
    uint64_t size = row_bytes + 63;

    size = size < SEQ_ROW_BYTES ? SEQ_ROW_BYTES : size;
    rows->n_runs = 0;
    rows->used = 0;
    rows->ptes = 0;
    rows->size = size;
    rows->bounce = seq_buffer(step, SEQ_BUF_ROWS, size);
    return rows->bounce;
}

/*
 * Adds a copy of row @row, to the last run if that is one of copies and not
 * before @first_run. *full: there was no room.
 */
static bool add_copy(SeqStep *step, uint64_t addr, uint64_t row_bytes,
                     uint32_t row, uint32_t first_run, bool *full)
{
    SeqRows *rows = &step->seq->rows;
    uint64_t stride = (row_bytes + 63) & ~63ull;
    SeqRun *last = rows->n_runs > first_run ? &rows->run[rows->n_runs - 1]
                                            : NULL;
    uint8_t *to = rows->bounce + rows->used;

    *full = stride > rows->size - rows->used;
    if (*full) {
        return true;
    }
    if (!seq_read(step, addr, to, row_bytes)) {
        return false;
    }
    rows->used += stride;
    if (last && last->bounce && last->first + last->count == row &&
        last->stride == stride && last->base + last->count * stride == to) {
        last->count++;
    } else {
        rows->run[rows->n_runs++] = (SeqRun) {
            .base = to, .stride = stride, .first = row, .count = 1,
            .bounce = true,
        };
    }
    return true;
}

/*
 * Accounts the page-table entries of @len bytes: pages may be scattered, and
 * finding them then costs more than the arithmetic. Does not yield.
 */
static void charge(SeqStep *step, uint64_t len)
{
    uint64_t ptes = len / DACC_PAGE_SIZE + 1;

    step->seq->rows.ptes += ptes;
    step->work += ptes * SEQ_PTE_WORK;
}

bool seq_rows_add(SeqStep *step, uint64_t addr, uint64_t stride,
                  uint64_t row_bytes, uint32_t first, uint32_t *end)
{
    SeqRows *rows = &step->seq->rows;
    uint32_t row = first, first_run = rows->n_runs;

    while (row < *end && rows->n_runs < SEQ_MAX_RUNS &&
           rows->ptes < SEQ_MAX_PTES) {
        uint64_t at = addr + row * stride;
        uint64_t len = (*end - 1 - row) * stride + row_bytes;
        uint64_t contig;
        uint8_t *ptr;
        bool full;

        if (map(step, at, len, false, &ptr, &contig) == DACC_STATUS_OK &&
            contig >= row_bytes) {
            uint64_t count = 1 + (contig - row_bytes) / stride;

            rows->run[rows->n_runs++] = (SeqRun) {
                .base = ptr, .stride = stride, .first = row, .count = count,
            };
            row += count;
            charge(step, contig);
            continue;
        }
        if (!add_copy(step, at, row_bytes, row, first_run, &full)) {
            return false;
        }
        if (full) {
            break;
        }
        row++;
        charge(step, row_bytes);
    }
    *end = row;
    return true;
}
