// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: counters that return to their baseline when nothing leaks, the state
 * of queues, links and page tables, and fault injection. Not an ABI.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>

#include "dacc_device.h"
#include "dacc_fault.h"
#include "dacc_mmio.h"

static struct dacc_device *dacc_of_seq(struct seq_file *m)
{
	struct drm_debugfs_entry *entry = m->private;

	return to_dacc(entry->dev);
}

static int dacc_counters_show(struct seq_file *m, void *data)
{
	struct dacc_device *dacc = dacc_of_seq(m);

	seq_printf(m, "sram_bos: %d\n", atomic_read(&dacc->num_bos.sram));
	seq_printf(m, "host_bos: %d\n", atomic_read(&dacc->num_bos.host));
	seq_printf(m, "imports: %d\n", atomic_read(&dacc->num_bos.imported));
	seq_printf(m, "sram_used: %llu\n", dacc_ttm_sram_used(dacc));
	seq_printf(m, "vms: %d\n", atomic_read(&dacc->num_vms));
	seq_printf(m, "queues: %d\n", atomic_read(&dacc->num_live_queues));
	seq_printf(m, "jobs: %d\n", atomic_read(&dacc->num_jobs));
	seq_printf(m, "evicted_bytes: %lld\n", atomic64_read(&dacc->evicted_bytes));
	seq_printf(m, "pools: %d\n", atomic_read(&dacc->num_pools));
	seq_printf(m, "lists: %d\n", atomic_read(&dacc->num_lists));
	seq_printf(m, "transfers: %d\n", atomic_read(&dacc->num_transfers));
	/* From here on they only rise. */
	seq_printf(m, "evictions: %lld\n", atomic64_read(&dacc->evictions));
	seq_printf(m, "restores: %lld\n", atomic64_read(&dacc->restores));
	seq_printf(m, "transfers_posted: %lld\n", atomic64_read(&dacc->transfers.posted));
	seq_printf(m, "transfers_done: %lld\n", atomic64_read(&dacc->transfers.done));
	seq_printf(m, "transfers_cancelled: %lld\n", atomic64_read(&dacc->transfers.cancelled));
	seq_printf(m, "transfers_failed: %lld\n", atomic64_read(&dacc->transfers.failed));
	seq_printf(m, "transfer_bytes: %lld\n", atomic64_read(&dacc->transfers.bytes));
	seq_printf(m, "doorbells: %lld\n", atomic64_read(&dacc->num_doorbells));
	seq_printf(m, "queue_resets: %u\n", READ_ONCE(dacc->queue_resets));
	seq_printf(m, "device_resets: %u\n", READ_ONCE(dacc->resets));
	return 0;
}

static const char *dacc_state_name(u32 state)
{
	static const char * const names[] = {
		[DRM_DACC_QUEUE_OK] = "ok",
		[DRM_DACC_QUEUE_FAULTED] = "faulted",
		[DRM_DACC_QUEUE_HUNG] = "hung",
		[DRM_DACC_QUEUE_LOST] = "lost",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

static int dacc_queues_show(struct seq_file *m, void *data)
{
	struct dacc_device *dacc = dacc_of_seq(m);
	u32 hwq;
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return -ENODEV;
	seq_puts(m, "hw id pid class asid depth state submitted produced completed fetched progress fault index addr\n");
	mutex_lock(&dacc->hw_lock);
	for (hwq = 0; hwq < dacc->num_queues; hwq++) {
		struct dacc_queue *queue = dacc->queues[hwq];

		if (!queue)
			continue;
		spin_lock_irq(&queue->lock);
		seq_printf(m, "%u %u %d %s %u %u %s %llu %llu %llu %llu %llu %u %u %#llx\n",
			   hwq, queue->id, queue->pid,
			   queue->queue_class == DRM_DACC_QUEUE_DECODE ? "decode" : "transfer",
			   queue->vm->asid, queue->depth, dacc_state_name(queue->state),
			   queue->submitted, queue->produced, queue->completed,
			   dacc->hw_up ?
			   dacc_read64(dacc, dacc_queue_reg(hwq, DACC_QUEUE_FETCHED)) : 0,
			   dacc->hw_up ?
			   dacc_read64(dacc, dacc_queue_reg(hwq, DACC_QUEUE_PROGRESS)) : 0,
			   queue->fault, queue->fault_index, queue->fault_addr);
		spin_unlock_irq(&queue->lock);
	}
	mutex_unlock(&dacc->hw_lock);
	drm_dev_exit(idx);
	return 0;
}

static int dacc_link_show(struct seq_file *m, void *data)
{
	struct dacc_device *dacc = dacc_of_seq(m);
	u32 port;
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return -ENODEV;
	if (dacc_pm_get(dacc)) {
		drm_dev_exit(idx);
		return -EIO;
	}
	mutex_lock(&dacc->link_lock);
	for (port = 0; port < dacc->num_links; port++) {
		struct dacc_link *link = &dacc->links[port];

		seq_printf(m, "port %u: uid %#llx status %#x peer %#x", port, link->uid,
			   dacc_read32(dacc, dacc_link_reg(port, DACC_LINK_STATUS)),
			   dacc_read32(dacc, dacc_link_reg(port, DACC_LINK_PEER)));
		if (link->found)
			seq_printf(m, " at %04x:%02x:%02x.%u", link->peer_domain,
				   PCI_BUS_NUM(link->peer_bdf), PCI_SLOT(link->peer_bdf),
				   PCI_FUNC(link->peer_bdf));
		seq_printf(m, " decoder %s base %#llx size %#llx\n",
			   dacc_read32(dacc, dacc_decoder_reg(port, DACC_DECODER_CTRL)) &
			   DACC_DECODER_ENABLE ? "on" : "off",
			   dacc_read64(dacc, dacc_decoder_reg(port, DACC_DECODER_BASE)),
			   dacc_read64(dacc, dacc_decoder_reg(port, DACC_DECODER_SIZE)));
	}
	for (port = dacc->num_links; port < DACC_NUM_DECODERS; port++) {
		struct dacc_window *w = &dacc->windows[port];

		if (w->bo)
			seq_printf(m, "decoder %u: import base %#llx size %#llx port %u target %#llx\n",
				   port, w->base, w->size, w->port, w->target);
	}
	mutex_unlock(&dacc->link_lock);
	dacc_pm_put(dacc);
	drm_dev_exit(idx);
	return 0;
}

static void dacc_pt_show(struct seq_file *m, struct dacc_pt *pt, u32 level, u64 va)
{
	u64 span = (u64)DACC_PAGE_SIZE << (DACC_PT_BITS * level);
	u32 i;

	for (i = 0; i < DACC_PT_ENTRIES; i++, va += span) {
		u64 pte = le64_to_cpu(READ_ONCE(pt->entries[i]));

		if (!pte)
			continue;
		if (level && pt->child[i]) {
			dacc_pt_show(m, pt->child[i], level - 1, va);
			continue;
		}
		seq_printf(m, "  %#014llx %8llu KiB -> %s %#llx %s%s\n", va, span >> 10,
			   pte & DACC_PTE_SRAM ? "sram" : "bus", pte & DACC_PTE_ADDR,
			   pte & DACC_PTE_WRITE ? "rw" : "ro",
			   pte & DACC_PTE_CONT ? " cont" : "");
	}
}

/* The address space of an ASID, with a reference. */
static struct dacc_vm *dacc_vm_of_asid(struct dacc_device *dacc, u32 asid)
{
	struct dacc_vm *vm;

	mutex_lock(&dacc->hw_lock);
	vm = dacc->vms[asid];
	if (vm)
		drm_gpuvm_get(&vm->gpuvm);
	mutex_unlock(&dacc->hw_lock);
	return vm;
}

static int dacc_pagetables_show(struct seq_file *m, void *data)
{
	struct dacc_device *dacc = dacc_of_seq(m);
	u32 asid;

	for (asid = 1; asid < dacc->num_asids; asid++) {
		struct dacc_vm *vm = dacc_vm_of_asid(dacc, asid);

		if (!vm)
			continue;
		mutex_lock(&vm->pt_lock);
		if (vm->root) {
			seq_printf(m, "asid %u root %pad\n", asid, &vm->root->dma);
			dacc_pt_show(m, vm->root, DACC_PT_LEVELS - 1, 0);
		}
		mutex_unlock(&vm->pt_lock);
		drm_gpuvm_put(&vm->gpuvm);
	}
	return 0;
}

static const struct drm_debugfs_info dacc_debugfs_files[] = {
	{ "counters", dacc_counters_show, 0, NULL },
	{ "queues", dacc_queues_show, 0, NULL },
	{ "link", dacc_link_show, 0, NULL },
	{ "pagetables", dacc_pagetables_show, 0, NULL },
};

/* "KIND [ARGUMENT]", the kind by name or number, or one register value. */
static int dacc_inject_parse(char *text, u32 *value)
{
	static const char * const names[] = {
		[DACC_INJECT_NONE] = "none",
		[DACC_INJECT_HANG] = "hang",
		[DACC_INJECT_DMA_ERROR] = "dma-error",
		[DACC_INJECT_LINK_CRC] = "link-crc",
		[DACC_INJECT_BAD_COMPLETION] = "bad-completion",
	};
	char *kind = strsep(&text, " ");
	u32 argument = 0;
	int ret;

	ret = match_string(names, ARRAY_SIZE(names), kind);
	if (ret >= 0)
		*value = ret;
	else if (kstrtou32(kind, 0, value))
		return -EINVAL;
	if (text && (kstrtou32(text, 0, &argument) || argument >> 24))
		return -EINVAL;
	*value |= argument << 8;
	return 0;
}

static ssize_t dacc_inject_write(struct file *file, const char __user *from, size_t count,
				 loff_t *pos)
{
	struct dacc_device *dacc = file->private_data;
	char text[40];
	u32 value;
	int idx, ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	text[count] = '\0';
	if (dacc_inject_parse(strim(text), &value))
		return -EINVAL;
	if (!(dacc->features & DACC_FEATURE_INJECT))
		return -EOPNOTSUPP;
	if (!drm_dev_enter(&dacc->drm, &idx))
		return -ENODEV;
	ret = dacc_pm_get(dacc);
	if (!ret) {
		dacc_write32(dacc, DACC_REG_INJECT, value);
		dacc_pm_put(dacc);
	}
	drm_dev_exit(idx);
	return ret ? ret : count;
}

static const struct file_operations dacc_inject_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = dacc_inject_write,
	.llseek = noop_llseek,
};

/* A mask of the link ports whose end here is to be disabled. */
static ssize_t dacc_link_disable_write(struct file *file, const char __user *from, size_t count,
				       loff_t *pos)
{
	struct dacc_device *dacc = file->private_data;
	u32 mask, port;
	int idx, ret;

	ret = kstrtou32_from_user(from, count, 0, &mask);
	if (ret)
		return ret;
	if (!drm_dev_enter(&dacc->drm, &idx))
		return -ENODEV;
	ret = dacc_pm_get(dacc);
	for (port = 0; !ret && port < dacc->num_links; port++)
		dacc_write32(dacc, dacc_link_reg(port, DACC_LINK_CTRL),
			     mask & BIT(port) ? DACC_LINK_CTRL_DISABLE : 0);
	if (!ret)
		dacc_pm_put(dacc);
	drm_dev_exit(idx);
	return ret ? ret : count;
}

static const struct file_operations dacc_link_disable_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = dacc_link_disable_write,
	.llseek = noop_llseek,
};

/**
 * dacc_debugfs_init - create the debugfs files
 * @dacc: device, before it is registered
 *
 * They go away with the device's folder, in drm_dev_unregister().
 */
void dacc_debugfs_init(struct dacc_device *dacc)
{
	drm_debugfs_add_files(&dacc->drm, dacc_debugfs_files, ARRAY_SIZE(dacc_debugfs_files));
	dacc_fault_init(dacc);
	debugfs_create_file("inject", 0200, dacc->drm.debugfs_root, dacc, &dacc_inject_fops);
	debugfs_create_u32("fail_queue_resets", 0600, dacc->drm.debugfs_root,
			   &dacc->fail_queue_resets);
	debugfs_create_u32("fail_device_resets", 0600, dacc->drm.debugfs_root,
			   &dacc->fail_device_resets);
	debugfs_create_file("link_disable", 0200, dacc->drm.debugfs_root, dacc,
			    &dacc_link_disable_fops);
}

#if IS_ENABLED(CONFIG_KUNIT)
#include "tests/dacc_debugfs_test.c"
#endif
