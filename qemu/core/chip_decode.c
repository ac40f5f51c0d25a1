/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DECODE: runs a program for a batch of sequences, up to max_tokens times. */
#include <math.h>
#include <string.h>

#include "chip.h"

_Static_assert(sizeof(struct dacc_seq) == 128, "written back as a whole");

static enum dacc_status mem_map(void *opaque, uint64_t va, uint64_t len,
                                bool write, uint8_t **ptr, uint64_t *contig)
{
    DaccCore *core = opaque;
    MmuSegment seg;
    enum dacc_status status = chip_translate(core, va, len, write, &seg);

    if (status) {
        return status;
    }
    if (!seg.sram) {
        return DACC_STATUS_UNSUPPORTED;
    }
    if (write) {
        ready_mark(&core->ready, seg.addr, seg.len);
    }
    *ptr = core->config.mem + seg.addr;
    *contig = seg.len;
    return DACC_STATUS_OK;
}

static enum dacc_status mem_read(void *opaque, uint64_t va, void *buf,
                                 uint64_t len)
{
    DaccCore *core = opaque;

    return chip_vm_read(core, va, buf, len, &core->job.fault_addr);
}

static enum dacc_status mem_write(void *opaque, uint64_t va, const void *buf,
                                  uint64_t len)
{
    DaccCore *core = opaque;

    return chip_vm_write(core, va, buf, len, &core->job.fault_addr);
}

static bool mem_yield(void *opaque)
{
    return chip_yield(opaque);
}

static void mem_signal(void *opaque, uint64_t value, uint64_t time)
{
    /* The sequencer has written the value already; there is no event. */
    (void)opaque;
    (void)value;
    (void)time;
}

static float bits_to_float(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

static enum dacc_status seq_state_check(const struct dacc_seq *s)
{
    float temperature = bits_to_float(s->temperature);

    if (s->reserved || s->reserved2[0] || s->reserved2[1] || s->reserved2[2] ||
        (s->flags & ~DACC_SEQ_DONE) || s->base[DACC_BASE_NONE] ||
        !s->max_pos || s->max_pos > DACC_MAX_POS || s->pos > s->max_pos ||
        !isfinite(temperature) || temperature < 0.0f ||
        (temperature != 0.0f && !s->rng)) {
        return DACC_STATUS_BAD_SEQUENCE;
    }
    if (!(s->flags & DACC_SEQ_DONE) && s->pos == s->max_pos) {
        return DACC_STATUS_CONTEXT_FULL;
    }
    return DACC_STATUS_OK;
}

/* Token record of sequence @i. */
static uint64_t out_addr(const struct dacc_desc_decode *d, uint32_t i)
{
    return d->out + (uint64_t)i * DACC_OUT_STRIDE(d->max_tokens);
}

static enum dacc_status put_head(DaccCore *core, uint32_t i, uint32_t count)
{
    struct dacc_out head = {
        .count = count,
        .flags = core->seqs[i].flags & DACC_SEQ_DONE,
    };

    return chip_vm_write(core, out_addr(&core->job.desc.decode, i), &head,
                         sizeof(head), &core->job.fault_addr);
}

/* Every sequence comes to every instruction, so one is enough. */
static bool has_sample(const struct dacc_insn *program, uint32_t n_insns)
{
    for (uint32_t i = 0; i < n_insns; i++) {
        if (program[i].op == DACC_INSN_SAMPLE) {
            return true;
        }
    }
    return false;
}

/* Reads and checks what the descriptor points at. */
static enum dacc_status decode_load(DaccCore *core)
{
    ChipJob *job = &core->job;
    const struct dacc_desc_decode *d = &job->desc.decode;
    enum dacc_status status;
    SeqFault fault;

    status = chip_vm_read(core, d->program, core->program,
                          d->n_insns * sizeof(*core->program),
                          &job->fault_addr);
    if (status) {
        return status;
    }
    if (!seq_check(core->program, d->n_insns, &fault)) {
        job->cpl.index = fault.index;
        return fault.status;
    }
    if (!has_sample(core->program, d->n_insns)) {
        job->cpl.index = d->n_insns - 1;
        return DACC_STATUS_BAD_INSN;
    }
    status = chip_vm_read(core, d->seqs, core->seqs,
                          d->batch * sizeof(*core->seqs), &job->fault_addr);
    if (status) {
        return status;
    }
    for (uint32_t i = 0; i < d->batch; i++) {
        status = seq_state_check(&core->seqs[i]);
        if (status) {
            job->fault_addr = d->seqs + i * sizeof(*core->seqs);
            return status;
        }
    }
    for (uint32_t i = 0; i < d->batch; i++) {
        status = put_head(core, i, 0);
        if (status) {
            return status;
        }
    }
    return DACC_STATUS_OK;
}

static void entry_load(SeqEntry *entry, const struct dacc_seq *s)
{
    entry->token = s->token;
    entry->pos = s->pos;
    entry->max_pos = s->max_pos;
    entry->done = s->flags & DACC_SEQ_DONE;
    entry->next = DACC_NO_TOKEN;
    entry->temperature = bits_to_float(s->temperature);
    entry->top_p = bits_to_float(s->top_p);
    entry->rng = s->rng;
    memcpy(entry->base, s->base, sizeof(entry->base));
}

/* Appends the chosen token of sequence @i, its number @count. */
static enum dacc_status take_token(DaccCore *core, uint32_t i, uint32_t count)
{
    ChipJob *job = &core->job;
    const struct dacc_desc_decode *d = &job->desc.decode;
    struct dacc_seq *s = &core->seqs[i];
    uint32_t token = core->entries[i].next;
    enum dacc_status status;

    s->token = token;
    s->pos++;
    s->rng = core->entries[i].rng;
    if (token == s->stop_token || s->pos == s->max_pos) {
        s->flags |= DACC_SEQ_DONE;
    }
    status = chip_vm_write(core, out_addr(d, i) + sizeof(struct dacc_out) +
                           (uint64_t)count * sizeof(token), &token,
                           sizeof(token), &job->fault_addr);
    if (status) {
        return status;
    }
    job->cpl.bytes++;
    return put_head(core, i, count + 1);
}

static enum dacc_status decode_step(DaccCore *core, uint32_t count,
                                    uint64_t *time, bool *idle)
{
    static const SeqMemory ops = {
        .map = mem_map, .read = mem_read, .write = mem_write,
        .yield = mem_yield, .signal = mem_signal,
    };
    ChipJob *job = &core->job;
    const struct dacc_desc_decode *d = &job->desc.decode;
    SeqMemory mem = ops;
    enum dacc_status status;
    SeqFault fault = { 0 };

    *idle = true;
    for (uint32_t i = 0; i < d->batch; i++) {
        entry_load(&core->entries[i], &core->seqs[i]);
        *idle &= core->entries[i].done;
    }
    if (*idle) {
        return DACC_STATUS_OK;
    }
    mem.opaque = core;
    if (!seq_step(core->seq, &mem, core->program, d->n_insns, core->entries,
                  d->batch, time, &job->advanced, &fault)) {
        job->cpl.index = fault.index;
        job->fault_addr = fault.addr;
        return fault.status;
    }
    for (uint32_t i = 0; i < d->batch; i++) {
        if (!core->entries[i].done) {
            status = take_token(core, i, count);
            if (status) {
                return status;
            }
        }
    }
    return chip_yield(core) ? DACC_STATUS_OK : DACC_STATUS_CANCELLED;
}

static enum dacc_status decode_run(DaccCore *core, uint64_t *time)
{
    ChipJob *job = &core->job;
    const struct dacc_desc_decode *d = &job->desc.decode;
    enum dacc_status status = decode_load(core);
    bool idle = false;

    for (uint32_t t = 0; !status && !idle && t < d->max_tokens; t++) {
        status = decode_step(core, t, time, &idle);
    }
    if (status) {
        return status;
    }
    return chip_vm_write(core, d->seqs, core->seqs,
                         d->batch * sizeof(*core->seqs), &job->fault_addr);
}

void chip_decode(DaccCore *core)
{
    ChipJob *job = &core->job;
    struct dacc_cpl *cpl = &job->cpl;
    uint64_t time = 0;

    job->resources = 1u << DEV_SEQUENCER;
    cpl->t_issue = devtime_max(cpl->t_issue, job->asid_end);
    cpl->t_start = devtime_start(&core->devtime, job->resources, cpl->t_issue);
    cpl->status = decode_run(core, &time);
    seq_take_work(core->seq, &job->ops, &job->bytes);
    cpl->t_end = devtime_add(cpl->t_start, time);
}
