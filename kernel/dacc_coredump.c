// SPDX-License-Identifier: GPL-2.0
/*
 * devcoredump of a device whose queue hung or that was reset: what could be seen
 * before the reset. "daccctl dump" reads it. A fault needs none, since QUEUE_INFO
 * tells it all and any client can cause one; the parameter dump_faults has them
 * dumped too.
 */
#include <linux/devcoredump.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"

static bool dacc_dump_faults;
module_param_named(dump_faults, dacc_dump_faults, bool, 0644);
MODULE_PARM_DESC(dump_faults, "Make a devcoredump of a queue that faulted, too (default off)");

#define DACC_DUMP_VERSION		1
#define DACC_DUMP_SIZE			SZ_64K
/* Descriptors before and from the first one that had not completed. */
#define DACC_DUMP_BEFORE		4
#define DACC_DUMP_AFTER			12
#define DACC_DUMP_RING			(DACC_DUMP_BEFORE + DACC_DUMP_AFTER)

/* Taken under hw_lock, so in memory that was there before. */
struct dacc_dump {
	char why[64];
	ktime_t when;
	u32 status;
	u32 ctrl;
	u32 event;
	u32 generation;
	u64 time_ps;

	bool has_queue;
	pid_t pid;
	u32 hwq;
	u32 id;
	u32 queue_class;
	u32 depth;
	u32 asid;
	u32 state;
	u32 fault;
	u32 fault_index;
	u64 fault_addr;
	u64 submitted;
	u64 ended;
	u64 produced;
	u64 completed;
	u64 head;

	u64 first; /* sequence number of ring[0] */
	u32 n_ring;
	struct dacc_desc ring[DACC_DUMP_RING];
	struct dacc_cpl records[DACC_DUMP_RING];

	bool walked;
	u64 table[DACC_PT_LEVELS];
	u64 entry[DACC_PT_LEVELS];

	struct {
		u32 config;
		u32 state;
		u32 fault;
		u64 fetched;
		u64 completed;
		u64 progress;
	} queues[DACC_MAX_QUEUES];

	struct {
		u64 uid;
		u32 status;
		u32 peer;
		u64 base;
		u64 size;
		u64 crc_errors;
		u64 replays;
		u32 decoder_ctrl;
	} links[DACC_MAX_LINKS];
};

static void dacc_dump_ring(struct dacc_dump *dump, struct dacc_queue *queue)
{
	const struct dacc_cpl *records = queue->cpl + sizeof(struct dacc_cpl_head);
	u64 seq;

	lockdep_assert_held(&queue->lock);
	if (!queue->ring || !queue->cpl)
		return;
	dump->head = READ_ONCE(((struct dacc_cpl_head *)queue->cpl)->seq);
	dump->first = max_t(u64, queue->completed, DACC_DUMP_BEFORE) - DACC_DUMP_BEFORE + 1;
	for (seq = dump->first; seq <= queue->produced && dump->n_ring < DACC_DUMP_RING; seq++) {
		u32 slot = (seq - 1) & (queue->depth - 1);

		dump->ring[dump->n_ring] = queue->ring[slot];
		dump->records[dump->n_ring++] = records[slot];
	}
}

/* The tables on the way to an address; a VM_BIND under way makes it impossible. */
static void dacc_dump_walk(struct dacc_dump *dump, struct dacc_vm *vm, u64 va)
{
	struct dacc_pt *pt;
	int level;

	if (va >> DACC_VA_BITS || !mutex_trylock(&vm->pt_lock))
		return;
	pt = vm->root;
	for (level = DACC_PT_LEVELS - 1; pt && level >= 0; level--) {
		u32 i = va >> (12 + DACC_PT_BITS * level) & (DACC_PT_ENTRIES - 1);

		dump->table[level] = pt->dma;
		dump->entry[level] = le64_to_cpu(READ_ONCE(pt->entries[i]));
		pt = level ? pt->child[i] : NULL;
	}
	dump->walked = true;
	mutex_unlock(&vm->pt_lock);
}

static void dacc_dump_queue(struct dacc_dump *dump, struct dacc_queue *queue)
{
	dump->has_queue = true;
	dump->pid = queue->pid;
	dump->hwq = queue->hwq;
	dump->id = queue->id;
	dump->queue_class = queue->queue_class;
	dump->depth = queue->depth;
	dump->asid = queue->vm->asid;
	spin_lock_irq(&queue->lock);
	dump->state = queue->state;
	dump->fault = queue->fault;
	dump->fault_index = queue->fault_index;
	dump->fault_addr = queue->fault_addr;
	dump->submitted = queue->submitted;
	dump->ended = queue->ended;
	dump->produced = queue->produced;
	dump->completed = queue->completed;
	dacc_dump_ring(dump, queue);
	spin_unlock_irq(&queue->lock);
	if (dump->fault_addr)
		dacc_dump_walk(dump, queue->vm, dump->fault_addr);
}

static void dacc_dump_registers(struct dacc_dump *dump, struct dacc_device *dacc)
{
	u32 i;

	dump->status = dacc_read32(dacc, DACC_REG_STATUS);
	dump->ctrl = dacc_read32(dacc, DACC_REG_CTRL);
	dump->event = dacc_read32(dacc, DACC_REG_EVENT);
	dump->generation = dacc_read32(dacc, DACC_REG_GENERATION);
	dump->time_ps = dacc_read64(dacc, DACC_REG_TIME);
	for (i = 0; i < dacc->num_queues; i++) {
		if (!dacc->queues[i])
			continue;
		dump->queues[i].config = dacc_read32(dacc, dacc_queue_reg(i, DACC_QUEUE_CONFIG));
		dump->queues[i].state = dacc_read32(dacc, dacc_queue_reg(i, DACC_QUEUE_STATE));
		dump->queues[i].fault = dacc_read32(dacc, dacc_queue_reg(i, DACC_QUEUE_FAULT));
		dump->queues[i].fetched = dacc_read64(dacc, dacc_queue_reg(i, DACC_QUEUE_FETCHED));
		dump->queues[i].completed =
			dacc_read64(dacc, dacc_queue_reg(i, DACC_QUEUE_COMPLETED));
		dump->queues[i].progress =
			dacc_read64(dacc, dacc_queue_reg(i, DACC_QUEUE_PROGRESS));
	}
	for (i = 0; i < dacc->num_links; i++) {
		dump->links[i].uid = dacc_read64(dacc, dacc_link_reg(i, DACC_LINK_UID));
		dump->links[i].status = dacc_read32(dacc, dacc_link_reg(i, DACC_LINK_STATUS));
		dump->links[i].peer = dacc_read32(dacc, dacc_link_reg(i, DACC_LINK_PEER));
		dump->links[i].crc_errors =
			dacc_read64(dacc, dacc_link_reg(i, DACC_LINK_CRC_ERRORS));
		dump->links[i].replays = dacc_read64(dacc, dacc_link_reg(i, DACC_LINK_REPLAYS));
		dump->links[i].decoder_ctrl =
			dacc_read32(dacc, dacc_decoder_reg(i, DACC_DECODER_CTRL));
		dump->links[i].base = dacc_read64(dacc, dacc_decoder_reg(i, DACC_DECODER_BASE));
		dump->links[i].size = dacc_read64(dacc, dacc_decoder_reg(i, DACC_DECODER_SIZE));
	}
}

/**
 * dacc_dump_take - look at the device before it is reset
 * @dacc: device that is up; its hw_lock is held
 * @queue: queue that is at fault, in the device's table; or NULL
 * @why: what happened
 *
 * Nothing is allocated; a work item makes the dump of it. One that was not made
 * yet is kept instead.
 */
void dacc_dump_take(struct dacc_device *dacc, struct dacc_queue *queue, const char *why)
{
	struct dacc_dump *dump = dacc->dump;

	lockdep_assert_held(&dacc->hw_lock);
	if (queue && queue->state == DRM_DACC_QUEUE_FAULTED && !READ_ONCE(dacc_dump_faults))
		return;
	if (test_and_set_bit(0, &dacc->dump_taken))
		return;
	memset(dump, 0, sizeof(*dump));
	strscpy(dump->why, why, sizeof(dump->why));
	dump->when = ktime_get_real();
	dacc_dump_registers(dump, dacc);
	if (queue)
		dacc_dump_queue(dump, queue);
	queue_work(system_unbound_wq, &dacc->dump_work);
}

static void dacc_dump_print_words(struct drm_printer *p, const char *what, u64 seq,
				  const void *words)
{
	u64 w[8];

	memcpy(w, words, sizeof(w));
	drm_printf(p, "%s %llu: %016llx %016llx %016llx %016llx %016llx %016llx %016llx %016llx\n",
		   what, seq, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]);
}

static void dacc_dump_print_queue(struct drm_printer *p, const struct dacc_dump *dump)
{
	int level;
	u32 i;

	drm_printf(p, "[queue]\nhardware: %u\nid: %u\npid: %d\nclass: %u\ndepth: %u\nasid: %u\n",
		   dump->hwq, dump->id, dump->pid, dump->queue_class, dump->depth, dump->asid);
	drm_printf(p, "state: %u\nfault: %u\nfault_index: %u\nfault_addr: %#llx\n", dump->state,
		   dump->fault, dump->fault_index, dump->fault_addr);
	drm_printf(p, "submitted: %llu\nended: %llu\nproduced: %llu\ncompleted: %llu\nhead: %llu\n",
		   dump->submitted, dump->ended, dump->produced, dump->completed, dump->head);
	drm_puts(p, "[ring]\n");
	for (i = 0; i < dump->n_ring; i++) {
		dacc_dump_print_words(p, "descriptor", dump->first + i, &dump->ring[i]);
		if (dump->first + i <= dump->head)
			dacc_dump_print_words(p, "record", dump->first + i, &dump->records[i]);
	}
	if (!dump->walked)
		return;
	drm_puts(p, "[walk]\n");
	for (level = DACC_PT_LEVELS - 1; level >= 0 && dump->table[level]; level--)
		drm_printf(p, "level %d: %016llx %016llx\n", level, dump->table[level],
			   dump->entry[level]);
}

static void dacc_dump_print(struct drm_printer *p, struct dacc_device *dacc,
			    const struct dacc_dump *dump)
{
	u32 i;

	drm_printf(p, "dacc-dump %u\n[device]\n", DACC_DUMP_VERSION);
	drm_printf(p, "name: %s\nwhy: %s\ntime: %lld\n", pci_name(dacc->pdev), dump->why,
		   ktime_to_ns(dump->when));
	drm_printf(p, "contract: %#x\nfeatures: %#llx\nsram: %llu\n", dacc->version,
		   dacc->features, dacc->sram_size);
	drm_printf(p, "status: %#x\nctrl: %#x\nevent: %#x\ngeneration: %u\ndevice_time: %llu\n",
		   dump->status, dump->ctrl, dump->event, dump->generation, dump->time_ps);
	drm_printf(p, "queue_resets: %u\ndevice_resets: %u\n", dacc->queue_resets, dacc->resets);
	if (dump->has_queue)
		dacc_dump_print_queue(p, dump);
	drm_puts(p, "[queues]\n");
	for (i = 0; i < dacc->num_queues; i++) {
		if (dump->queues[i].config)
			drm_printf(p, "queue %u: %#x %u %u %llu %llu %llu\n", i,
				   dump->queues[i].config, dump->queues[i].state,
				   dump->queues[i].fault, dump->queues[i].fetched,
				   dump->queues[i].completed, dump->queues[i].progress);
	}
	drm_puts(p, "[links]\n");
	for (i = 0; i < dacc->num_links; i++)
		drm_printf(p, "link %u: %#llx %#x %#x %#x %#llx %#llx %llu %llu\n", i,
			   dump->links[i].uid, dump->links[i].status, dump->links[i].peer,
			   dump->links[i].decoder_ctrl, dump->links[i].base, dump->links[i].size,
			   dump->links[i].crc_errors, dump->links[i].replays);
}

/* FNV-1a: tells a file that was cut or damaged. */
static u64 dacc_dump_hash(const char *text, size_t len)
{
	u64 hash = 0xcbf29ce484222325ull;

	while (len--)
		hash = (hash ^ (u8)*text++) * 0x100000001b3ull;
	return hash;
}

static void dacc_dump_work(struct work_struct *work)
{
	struct dacc_device *dacc = container_of(work, struct dacc_device, dump_work);
	struct drm_print_iterator it = { .remain = DACC_DUMP_SIZE - 64 };
	struct drm_printer p;
	size_t len;
	char *text;
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return;
	text = vzalloc(DACC_DUMP_SIZE);
	if (text) {
		it.data = text;
		p = drm_coredump_printer(&it);
		dacc_dump_print(&p, dacc, dacc->dump);
		len = strnlen(text, DACC_DUMP_SIZE - 64);
		len += scnprintf(text + len, DACC_DUMP_SIZE - len, "end: %zu %016llx\n", len,
				 dacc_dump_hash(text, len));
		/* Takes the memory over. */
		dev_coredumpv(dacc->drm.dev, text, len, GFP_KERNEL);
	}
	clear_bit(0, &dacc->dump_taken);
	drm_dev_exit(idx);
}

/**
 * dacc_dump_init - prepare for dumps
 * @dacc: device
 *
 * Return: 0 or -ENOMEM.
 */
int dacc_dump_init(struct dacc_device *dacc)
{
	INIT_WORK(&dacc->dump_work, dacc_dump_work);
	dacc->dump = drmm_kzalloc(&dacc->drm, sizeof(*dacc->dump), GFP_KERNEL);
	return dacc->dump ? 0 : -ENOMEM;
}

/**
 * dacc_dump_fini - no dump is made afterwards
 * @dacc: device, unplugged and stopped
 */
void dacc_dump_fini(struct dacc_device *dacc)
{
	cancel_work_sync(&dacc->dump_work);
}
