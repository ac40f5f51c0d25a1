/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs of the GPU peer: prefill and copy. */
#include <string.h>

#include "gpu.h"

_Static_assert(sizeof(struct gpupeer_cpl) == 64, "record size");
_Static_assert(sizeof(struct gpupeer_desc) == 64, "descriptor size");

static bool gpu_yield(GpuCore *gpu)
{
    atomic_store_explicit(&gpu->progress,
                          gpu->job.progress + gpu->job.advanced,
                          memory_order_relaxed);
    return engine_yield(&gpu->engine);
}

/* --- a job's memory: segments of HBM ------------------------------------- */

/* Segments can't change during a job; so a pointer stays good. */
static enum dacc_status mem_map(void *opaque, uint64_t va, uint64_t len,
                                bool write, uint8_t **ptr, uint64_t *contig)
{
    GpuCore *gpu = opaque;
    uint64_t n = va >> GPUPEER_SEGMENT_SHIFT;
    uint64_t offset = va & ((1ull << GPUPEER_SEGMENT_SHIFT) - 1);
    const struct gpupeer_segment *s;

    if (n >= GPUPEER_NUM_SEGMENTS) {
        return DACC_STATUS_UNMAPPED;
    }
    s = &gpu->job.prefill.segment[n];
    if (offset >= s->size) {
        return DACC_STATUS_UNMAPPED;
    }
    if (write && !(s->flags & GPUPEER_SEGMENT_WRITE)) {
        return DACC_STATUS_READ_ONLY;
    }
    *contig = len < s->size - offset ? len : s->size - offset;
    *ptr = gpu->config.mem + s->base + offset;
    if (write) {
        ready_mark(&gpu->ready, s->base + offset, *contig);
    }
    return DACC_STATUS_OK;
}

static enum dacc_status mem_read(void *opaque, uint64_t va, void *buf,
                                 uint64_t len)
{
    enum dacc_status status;
    uint64_t contig = 0;
    uint8_t *ptr;

    if (!len) {
        return DACC_STATUS_OK;
    }
    status = mem_map(opaque, va, len, false, &ptr, &contig);
    if (status) {
        return status;
    }
    if (contig < len) {
        return DACC_STATUS_UNMAPPED;
    }
    memcpy(buf, ptr, len);
    return DACC_STATUS_OK;
}

static enum dacc_status mem_write(void *opaque, uint64_t va, const void *buf,
                                  uint64_t len)
{
    enum dacc_status status;
    uint64_t contig = 0;
    uint8_t *ptr;

    if (!len) {
        return DACC_STATUS_OK;
    }
    status = mem_map(opaque, va, len, true, &ptr, &contig);
    if (status) {
        return status;
    }
    if (contig < len) {
        return DACC_STATUS_UNMAPPED;
    }
    memcpy(ptr, buf, len);
    return DACC_STATUS_OK;
}

static bool mem_yield(void *opaque)
{
    return gpu_yield(opaque);
}

static bool events_full(void *dev)
{
    GpuCore *gpu = dev;

    return gpu->n_event == GPU_EVENTS && !gpu->fatal;
}

static void mem_signal(void *opaque, uint64_t value, uint64_t time)
{
    GpuCore *gpu = opaque;
    Engine *e = &gpu->engine;
    struct gpupeer_event event = {
        .seq = gpu->job.seq,
        .value = value,
        .time = devtime_add(devtime_add(gpu->job.cpl.t_start,
                                        gpu->config.launch_ps), time),
    };
    bool full, room = true;

    ready_commit(&gpu->ready, event.time, &e->ops, e->opaque);
    engine_lock(e);
    full = events_full(gpu);
    engine_unlock(e);
    if (full && e->threaded) {
        engine_kick(e);
        room = engine_wait(e, events_full);
    } else if (full) {
        /* Without a thread this is the front thread. */
        gpu_handover(gpu);
    }
    engine_lock(e);
    if (room && gpu->n_event < GPU_EVENTS) {
        gpu->event[gpu->n_event++] = event;
    }
    engine_unlock(e);
    engine_kick(e);
}

/* --- jobs ---------------------------------------------------------------- */

static enum gpupeer_status gpu_status(enum dacc_status status)
{
    switch (status) {
    case DACC_STATUS_OK:
        return GPUPEER_STATUS_OK;
    case DACC_STATUS_UNMAPPED:
    case DACC_STATUS_READ_ONLY:
        return GPUPEER_STATUS_BAD_ADDRESS;
    case DACC_STATUS_BUS_ERROR:
        return GPUPEER_STATUS_BUS_ERROR;
    case DACC_STATUS_BAD_TOKEN:
    case DACC_STATUS_CONTEXT_FULL:
    case DACC_STATUS_NOT_A_NUMBER:
        return GPUPEER_STATUS_BAD_JOB;
    default:
        return GPUPEER_STATUS_BAD_PROGRAM;
    }
}

static void job_fail(GpuJob *job, enum dacc_status detail, uint32_t index)
{
    job->cpl.status = gpu_status(detail);
    job->cpl.detail = detail;
    job->cpl.index = index;
}

static bool prefill_ok(const GpuCore *gpu, const struct gpupeer_prefill *p)
{
    for (unsigned i = 0; i < GPUPEER_NUM_SEGMENTS; i++) {
        const struct gpupeer_segment *s = &p->segment[i];

        if (s->reserved || (s->flags & ~GPUPEER_SEGMENT_WRITE) ||
            s->size > gpu->config.mem_size ||
            s->base > gpu->config.mem_size - s->size) {
            return false;
        }
    }
    return !p->base[0] && p->n_insns && p->n_insns <= GPUPEER_MAX_INSNS &&
           p->n_tokens && p->n_tokens <= GPUPEER_MAX_TOKENS &&
           p->max_pos && p->max_pos <= DACC_MAX_POS &&
           p->pos <= p->max_pos && p->n_tokens <= p->max_pos - p->pos;
}

static void prefill_entries(GpuCore *gpu)
{
    const struct gpupeer_prefill *p = &gpu->job.prefill;

    for (uint32_t i = 0; i < p->n_tokens; i++) {
        SeqEntry *entry = &gpu->entries[i];

        memset(entry, 0, sizeof(*entry));
        entry->token = gpu->tokens[i];
        entry->pos = p->pos + i;
        entry->max_pos = p->max_pos;
        entry->next = DACC_NO_TOKEN;
        memcpy(entry->base, p->base, sizeof(entry->base));
        /* May wrap; what it then points at is checked at each access. */
        entry->base[DACC_BASE_ACT] += i * p->act_stride;
    }
}

static void job_prefill(GpuCore *gpu, uint64_t *time)
{
    static const SeqMemory ops = {
        .map = mem_map, .read = mem_read, .write = mem_write,
        .yield = mem_yield, .signal = mem_signal,
    };
    GpuJob *job = &gpu->job;
    const struct gpupeer_prefill *p = &job->prefill;
    Engine *e = &gpu->engine;
    SeqMemory mem = ops;
    SeqFault fault = { 0 };
    enum dacc_status status;

    if (!e->ops.dma_read(e->opaque, job->desc.job, &job->prefill,
                         sizeof(job->prefill))) {
        memset(&job->prefill, 0, sizeof(job->prefill));
        job->cpl.status = GPUPEER_STATUS_BUS_ERROR;
        return;
    }
    if (!prefill_ok(gpu, p)) {
        job->cpl.status = GPUPEER_STATUS_BAD_JOB;
        return;
    }
    status = mem_read(gpu, p->program, gpu->program,
                      p->n_insns * sizeof(*gpu->program));
    if (!status) {
        status = mem_read(gpu, p->tokens, gpu->tokens,
                          p->n_tokens * sizeof(*gpu->tokens));
    }
    if (status) {
        job_fail(job, status, 0);
        return;
    }
    if (!seq_check(gpu->program, p->n_insns, &fault)) {
        job_fail(job, fault.status, fault.index);
        return;
    }
    prefill_entries(gpu);
    mem.opaque = gpu;
    if (!seq_step(gpu->seq, &mem, gpu->program, p->n_insns, gpu->entries,
                  p->n_tokens, time, &job->advanced, &fault)) {
        job_fail(job, fault.status, fault.index);
        return;
    }
    job->cpl.bytes = p->n_tokens;
}

/* Copies one piece. False: the bus refused. Sets *cancelled. */
static bool copy_piece(GpuCore *gpu, uint64_t hbm, uint64_t addr, uint64_t len,
                       bool to_host, bool *cancelled)
{
    Engine *e = &gpu->engine;
    GpuJob *job = &gpu->job;

    while (len) {
        uint64_t n = len < GPU_CHUNK ? len : GPU_CHUNK;
        uint8_t *mem = gpu->config.mem + hbm;

        if (to_host) {
            if (!e->ops.dma_write(e->opaque, addr, mem, n)) {
                return false;
            }
        } else {
            uint64_t ready = e->ops.bus_ready(e->opaque, addr, n);

            job->ready = devtime_max(job->ready, ready);
            ready_mark(&gpu->ready, hbm, n);
            if (!e->ops.dma_read(e->opaque, addr, mem, n)) {
                return false;
            }
        }
        hbm += n;
        addr += n;
        len -= n;
        job->cpl.bytes += n;
        job->advanced += n;
        if (!gpu_yield(gpu)) {
            *cancelled = true;
            return true;
        }
    }
    return true;
}

static void job_copy(GpuCore *gpu, uint64_t *time)
{
    Engine *e = &gpu->engine;
    GpuJob *job = &gpu->job;
    struct gpupeer_copy copy;
    uint64_t left, hbm;
    bool cancelled = false;

    if (!e->ops.dma_read(e->opaque, job->desc.job, &copy, sizeof(copy))) {
        job->cpl.status = GPUPEER_STATUS_BUS_ERROR;
        return;
    }
    if (!copy.len || copy.len > gpu->config.mem_size ||
        copy.hbm > gpu->config.mem_size - copy.len ||
        !copy.n_sg || copy.n_sg > GPU_MAX_SG || copy.to_host > 1 ||
        copy.sg % 8 || copy.sg > UINT64_MAX -
                                 copy.n_sg * sizeof(struct gpupeer_sg)) {
        job->cpl.status = GPUPEER_STATUS_BAD_JOB;
        return;
    }
    left = copy.len;
    hbm = copy.hbm;
    for (uint32_t i = 0; i < copy.n_sg && !cancelled; i++) {
        struct gpupeer_sg sg;

        job->cpl.index = i;
        if (!e->ops.dma_read(e->opaque, copy.sg + i * sizeof(sg), &sg,
                             sizeof(sg))) {
            job->cpl.status = GPUPEER_STATUS_BUS_ERROR;
            break;
        }
        if (!sg.len || sg.len > left || sg.addr > UINT64_MAX - (sg.len - 1)) {
            job->cpl.status = GPUPEER_STATUS_BAD_JOB;
            break;
        }
        if (!copy_piece(gpu, hbm, sg.addr, sg.len, copy.to_host, &cancelled)) {
            job->cpl.status = GPUPEER_STATUS_BUS_ERROR;
            break;
        }
        hbm += sg.len;
        left -= sg.len;
    }
    if (!job->cpl.status && left) {
        job->cpl.status = GPUPEER_STATUS_BAD_JOB;
    }
    if (!job->cpl.status) {
        job->cpl.index = 0;
    }
    *time = devtime_add(gpu->config.timing[DACC_TIMING_PCIE_PS],
                        devtime_rate(job->cpl.bytes,
                                     gpu->config.timing[DACC_TIMING_PCIE_BW]));
}

/* --- the engine ---------------------------------------------------------- */

static bool gpu_pick(void *dev)
{
    GpuCore *gpu = dev;
    GpuJob *job = &gpu->job;

    if (!gpu->enabled || gpu->fatal || gpu->fetched == gpu->tail ||
        gpu->n_pending == GPU_PENDING) {
        return false;
    }
    memset(job, 0, sizeof(*job));
    job->slot_addr = gpu->ring + (gpu->fetched & (gpu->len - 1)) *
                                 sizeof(struct gpupeer_desc);
    job->seq = ++gpu->fetched;
    job->last_end = gpu->time;
    job->latest = devtime_add(gpu->time, DACC_MAX_WAIT_PS);
    job->progress = atomic_load(&gpu->progress);
    return true;
}

static bool desc_ok(const struct gpupeer_desc *desc)
{
    for (unsigned i = 0; i < 5; i++) {
        if (desc->reserved[i]) {
            return false;
        }
    }
    return desc->opcode <= GPUPEER_OP_COPY && desc->job % 8 == 0;
}

static void gpu_execute(void *dev)
{
    GpuCore *gpu = dev;
    Engine *e = &gpu->engine;
    GpuJob *job = &gpu->job;
    struct gpupeer_cpl *cpl = &job->cpl;
    uint64_t time = 0, launch = gpu->config.launch_ps;

    cpl->seq = job->seq;
    cpl->t_issue = job->last_end;
    if (!e->ops.dma_read(e->opaque, job->slot_addr, &job->desc,
                         sizeof(job->desc))) {
        memset(&job->desc, 0, sizeof(job->desc));
        cpl->status = GPUPEER_STATUS_BUS_ERROR;
    } else {
        engine_trace(e, DACC_TRACE_FETCH, 0, job->seq, job->desc.opcode);
        cpl->cookie = job->desc.cookie;
        if (job->desc.not_before <= job->latest) {
            cpl->t_issue = devtime_max(cpl->t_issue, job->desc.not_before);
        }
        if (job->desc.not_before > job->latest || !desc_ok(&job->desc)) {
            cpl->status = GPUPEER_STATUS_BAD_JOB;
        }
    }
    cpl->t_start = cpl->t_issue;
    cpl->t_end = cpl->t_issue;
    if (cpl->status || job->desc.opcode == GPUPEER_OP_NOP) {
        return;
    }
    engine_trace(e, DACC_TRACE_START, 0, job->seq, job->desc.opcode);
    if (job->desc.opcode == GPUPEER_OP_PREFILL) {
        job_prefill(gpu, &time);
    } else {
        job_copy(gpu, &time);
        cpl->t_issue = devtime_max(cpl->t_issue, job->ready);
        cpl->t_start = cpl->t_issue;
    }
    cpl->t_end = devtime_add(devtime_add(cpl->t_start, launch), time);
    ready_commit(&gpu->ready, cpl->t_end, &e->ops, e->opaque);
}

static void gpu_finish(void *dev, bool cancelled)
{
    GpuCore *gpu = dev;
    GpuJob *job = &gpu->job;

    /* The whole device was reset. */
    if (cancelled) {
        return;
    }
    atomic_store(&gpu->progress, job->progress + job->advanced + 1);
    gpu->time = devtime_max(gpu->time, job->cpl.t_end);
    gpu->pending[gpu->n_pending++] = job->cpl;
}

static void gpu_flush(void *dev)
{
    GpuCore *gpu = dev;

    ready_flush(&gpu->ready, &gpu->engine.ops, gpu->engine.opaque);
}

const EngineClass gpu_engine_class = {
    .pick = gpu_pick,
    .execute = gpu_execute,
    .finish = gpu_finish,
    .flush = gpu_flush,
};
