// SPDX-License-Identifier: GPL-2.0
/*
 * devcoredump of a queue that hung: what can be seen of it before its reset.
 * A fault needs none: QUEUE_INFO tells it all, and any client can cause one.
 */
#include <linux/devcoredump.h>
#include <linux/vmalloc.h>

#include "dacc_device.h"
#include "dacc_mmio.h"

#define DACC_DUMP_SIZE			SZ_4K

/**
 * dacc_dump_take - look at a queue before it is reset
 * @queue: queue in the device's table; hw_lock is held
 * @dump: filled in; nothing is allocated
 */
void dacc_dump_take(struct dacc_queue *queue, struct dacc_dump *dump)
{
	struct dacc_device *dacc = queue->dacc;
	struct dacc_job *job;
	u32 hwq = queue->hwq;

	lockdep_assert_held(&dacc->hw_lock);
	memset(dump, 0, sizeof(*dump));
	spin_lock_irq(&queue->lock);
	dump->wanted = queue->state == DRM_DACC_QUEUE_HUNG;
	dump->submitted = queue->submitted;
	dump->produced = queue->produced;
	dump->completed = queue->completed;
	/* What a client maps is none of the driver's business. */
	if (queue->cpl)
		dump->head = READ_ONCE(((struct dacc_cpl_head *)queue->cpl)->seq);
	job = list_first_entry_or_null(&queue->running, struct dacc_job, link);
	if (job)
		dump->desc = job->desc;
	spin_unlock_irq(&queue->lock);
	dump->hwq = hwq;
	dump->queue_class = queue->queue_class;
	dump->pid = queue->pid;
	dump->hw_state = dacc_read32(dacc, dacc_queue_reg(hwq, DACC_QUEUE_STATE));
	dump->hw_fault = dacc_read32(dacc, dacc_queue_reg(hwq, DACC_QUEUE_FAULT));
	dump->hw_fetched = dacc_read64(dacc, dacc_queue_reg(hwq, DACC_QUEUE_FETCHED));
	dump->hw_completed = dacc_read64(dacc, dacc_queue_reg(hwq, DACC_QUEUE_COMPLETED));
	dump->hw_progress = dacc_read64(dacc, dacc_queue_reg(hwq, DACC_QUEUE_PROGRESS));
	dump->status = dacc_read32(dacc, DACC_REG_STATUS);
	dump->time_ps = dacc_read64(dacc, DACC_REG_TIME);
}

/**
 * dacc_dump_emit - hand a dump to devcoredump
 * @dacc: device
 * @dump: from dacc_dump_take()
 *
 * Allocates; not to be called on the way to signalling a fence.
 */
void dacc_dump_emit(struct dacc_device *dacc, const struct dacc_dump *dump)
{
	char *text;
	int i, n;

	if (!dump->wanted)
		return;
	text = vmalloc(DACC_DUMP_SIZE);
	if (!text)
		return;
	n = scnprintf(text, DACC_DUMP_SIZE,
		      "dacc: queue %u (%s) of process %d hung\n"
		      "contract: %#x\ndevice status: %#x\ndevice time: %llu ps\n"
		      "submitted: %llu\nproduced: %llu\ncompleted: %llu\nhead: %llu\n"
		      "state register: %u\nfault register: %u\nfetched register: %llu\n"
		      "completed register: %llu\nprogress register: %llu\n"
		      "descriptor: opcode %u flags %#x cookie %#x not_before %llu operands",
		      dump->hwq,
		      dump->queue_class == DRM_DACC_QUEUE_DECODE ? "decode" : "transfer",
		      dump->pid, dacc->version, dump->status, dump->time_ps,
		      dump->submitted, dump->produced, dump->completed, dump->head,
		      dump->hw_state, dump->hw_fault, dump->hw_fetched, dump->hw_completed,
		      dump->hw_progress, dump->desc.opcode, dump->desc.flags,
		      dump->desc.cookie, dump->desc.not_before);
	for (i = 0; i < ARRAY_SIZE(dump->desc.raw); i++)
		n += scnprintf(text + n, DACC_DUMP_SIZE - n, " %#llx", dump->desc.raw[i]);
	n += scnprintf(text + n, DACC_DUMP_SIZE - n, "\n");
	/* Takes the memory over. */
	dev_coredumpv(dacc->drm.dev, text, n, GFP_KERNEL);
}
