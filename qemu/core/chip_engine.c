/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chip's engine: takes descriptors of all queues in turn, one at a time. */
#include <string.h>

#include "chip.h"

static bool chip_pick(void *dev)
{
    DaccCore *core = dev;
    ChipJob *job = &core->job;
    unsigned n = core->config.num_queues;

    for (unsigned i = 0; i < n; i++) {
        unsigned q = (core->next_queue + i) % n;
        ChipQueue *queue = &core->queue[q];

        if (!chip_queue_runnable(core, queue)) {
            continue;
        }
        core->next_queue = (q + 1) % n;
        memset(job, 0, sizeof(*job));
        job->queue = q;
        job->asid = queue->asid;
        job->class = queue->class;
        job->virt = queue->virt;
        job->slot_addr = queue->ring + (queue->fetched & (queue->len - 1)) *
                                       sizeof(struct dacc_desc);
        atomic_store(&core->abort, chip_queue_aborted(queue));
        job->seq = ++queue->fetched;
        job->last_end = queue->last_end;
        job->asid_end = core->asid_end[queue->asid];
        job->latest = devtime_add(core->time, DACC_MAX_WAIT_PS);
        job->progress = atomic_load(&queue->progress);
        job->hang = queue->inject_hang;
        job->arm_dma_error = queue->inject_dma_error;
        queue->inject_hang = false;
        queue->inject_dma_error = false;
        return true;
    }
    return false;
}

/* Reads the descriptor into the private copy. False: the status says why. */
static bool chip_fetch(DaccCore *core)
{
    ChipJob *job = &core->job;

    if (job->virt) {
        job->cpl.status = chip_vm_read(core, job->slot_addr, &job->desc,
                                       sizeof(job->desc), &job->fault_addr);
        job->lost = job->cpl.status;
    } else if (!chip_bus_read(core, &core->windows, job->slot_addr, &job->desc,
                              sizeof(job->desc))) {
        job->cpl.status = DACC_STATUS_BUS_ERROR;
    }
    if (job->cpl.status) {
        memset(&job->desc, 0, sizeof(job->desc));
    }
    return !job->cpl.status;
}

static void chip_execute(void *dev)
{
    DaccCore *core = dev;
    Engine *e = &core->engine;
    ChipJob *job = &core->job;
    struct dacc_cpl *cpl = &job->cpl;

    cpl->seq = job->seq;
    cpl->t_issue = job->last_end;
    if (chip_fetch(core)) {
        engine_trace(e, DACC_TRACE_FETCH, job->queue, job->seq,
                     job->desc.opcode);
        cpl->cookie = job->desc.cookie;
        if (atomic_load(&core->abort)) {
            cpl->status = DACC_STATUS_ABORTED;
        } else {
            cpl->status = chip_check_desc(&job->desc, job->class);
        }
        if (cpl->status == DACC_STATUS_ABORTED) {
            job->hang = false;
        } else if (job->desc.not_before <= job->latest) {
            cpl->t_issue = devtime_max(cpl->t_issue, job->desc.not_before);
        } else if (!cpl->status) {
            cpl->status = DACC_STATUS_BAD_LENGTH;
        }
    }
    cpl->t_start = cpl->t_issue;
    cpl->t_end = cpl->t_issue;
    if (job->hang || cpl->status) {
        return;
    }

    engine_trace(e, DACC_TRACE_START, job->queue, job->seq, job->desc.opcode);
    job->dma_error = job->arm_dma_error;
    if (job->desc.opcode == DACC_OP_DECODE) {
        chip_decode(core);
    } else if (job->desc.opcode != DACC_OP_NOP) {
        chip_transfer(core);
    }
    /* If the engine has cancelled it, chip_finish() drops it. */
    if (cpl->status == DACC_STATUS_CANCELLED) {
        cpl->status = DACC_STATUS_ABORTED;
    }
    ready_commit(&core->ready, cpl->t_end, &e->ops, e->opaque);
}

static void chip_finish(void *dev, bool cancelled)
{
    DaccCore *core = dev;
    ChipJob *job = &core->job;
    ChipQueue *queue = &core->queue[job->queue];
    ChipCompletion *done;
    bool halt;

    chip_energy(core, job->ops, job->bytes);
    /*
     * Its queue was reset. A job that stopped for that may be given again; one
     * that had come to its end has written its sequences' state, so it has
     * completed, and the reset hands that over.
     */
    if (cancelled && (job->hang || job->cpl.status == DACC_STATUS_ABORTED)) {
        return;
    }
    if (job->hang) {
        queue->hung = true;
        return;
    }
    atomic_store(&queue->progress, job->progress + job->advanced + 1);
    devtime_claim(&core->devtime, job->resources, job->cpl.t_end);
    queue->last_end = devtime_max(queue->last_end, job->cpl.t_end);
    if (job->class == DACC_CLASS_TRANSFER && !job->cpl.status &&
        job->desc.opcode != DACC_OP_NOP) {
        core->asid_end[job->asid] = devtime_max(core->asid_end[job->asid],
                                                job->cpl.t_end);
    }
    core->time = devtime_max(core->time, job->cpl.t_end);
    halt = job->cpl.status != DACC_STATUS_OK &&
           job->cpl.status != DACC_STATUS_ABORTED &&
           !(job->desc.flags & DACC_DESC_CONTINUE);
    queue->failed |= halt;
    if (queue->lost) {
        return;
    }

    done = &queue->pending[queue->n_pending++];
    done->cpl = job->cpl;
    done->irq = job->desc.flags & DACC_DESC_IRQ;
    done->halt = halt;
    done->record = !job->lost;
    done->fault_addr = job->fault_addr;
}

static void chip_attend(void *dev)
{
    DaccCore *core = dev;

    core->reroute = false;
    if (core->invalidate) {
        mmu_invalidate(&core->mmu, core->invalidate);
        core->invalidate = 0;
    }
}

static void chip_flush(void *dev)
{
    DaccCore *core = dev;

    ready_flush(&core->ready, &core->engine.ops, core->engine.opaque);
}

const EngineClass chip_engine_class = {
    .pick = chip_pick,
    .execute = chip_execute,
    .finish = chip_finish,
    .attend = chip_attend,
    .flush = chip_flush,
};
