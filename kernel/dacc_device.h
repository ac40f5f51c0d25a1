/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver's objects.
 *
 * Lock order, outer first (Documentation/driver.rst says why):
 *
 *	dacc_file.lock
 *	dacc_queue.submit_lock
 *	dacc_device.room_lock
 *	dacc_vm.lock
 *	dma_resv of buffers (taken together with drm_exec)
 *	dacc_mover.lock
 *	dacc_vm.pt_lock
 *	dacc_device.hw_lock
 *	dacc_device.link_lock, dacc_queue.run_lock
 *	dacc_queue.lock (interrupts off)
 *	dacc_fence.lock
 *
 * dacc_device.bo_lock and dacc_vm.imports_lock are leaves, inside reservation
 * locks. pt_lock is taken when an exporter takes a buffer back, perhaps to
 * reclaim memory, and hw_lock and what is inside it on the way to signalling a
 * fence: nothing is allocated under them and no reservation object is locked.
 */
#ifndef _DACC_DEVICE_H
#define _DACC_DEVICE_H

#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_mm.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_placement.h>

#include <dacc_hw.h>
#include <drm/dacc_accel.h>

#include "dacc_compat.h"

struct dacc_bo;
struct dacc_device;
struct dacc_dump;
struct dacc_out_sync;
struct dacc_pool;
struct dacc_queue;
struct dacc_transfer;
struct dacc_user;
struct dacc_userq;
struct dacc_vm;

#define DACC_SRAM_ALIGN			SZ_64K
#define DACC_NUM_CLASSES		2
/* Ids of a client's queues: there are not more than DACC_MAX_QUEUES at a time. */
#define DACC_QUEUE_ID_BITS		24

extern unsigned int dacc_job_timeout_ms;
extern unsigned int dacc_job_limit_ms;
extern bool dacc_p2p;
extern int dacc_p2p_host_bridge;

/**
 * struct dacc_link - what is known of a link port's other end
 * @uid: identity of the link; 0: no port.
 * @peer_domain: PCI domain of the other end.
 * @peer_bdf: its bus, device and function, as in PCI_DEVID().
 * @found: the other end was found on the PCI bus.
 * @base: first bus address of the decoder's window.
 * @phys: the CPU's address of the same memory.
 * @size: its bytes; 0: the decoder is off.
 */
struct dacc_link {
	u64 uid;
	u32 peer_domain;
	u32 peer_bdf;
	bool found;
	u64 base;
	u64 phys;
	u64 size;
};

/**
 * struct dacc_window - a link decoder that was set up for an import
 * @bo: the import, mapped for as long; NULL: the decoder is free.
 * @port: link port.
 * @base: first DMA address.
 * @size: bytes.
 * @target: offset in the peer's memory.
 */
struct dacc_window {
	struct dacc_bo *bo;
	u32 port;
	u64 base;
	u64 size;
	u64 target;
};

/**
 * struct dacc_vector - an MSI-X vector, for its handler
 * @dacc: device.
 * @index: number of the vector.
 * @irq: the kernel's number of it.
 */
struct dacc_vector {
	struct dacc_device *dacc;
	u32 index;
	int irq;
};

/**
 * struct dacc_mover - the driver's own queue, which moves and clears SRAM
 * @lock: protects all of it; one move at a time.
 * @vm: address space with all of SRAM and a window for host memory; NULL if there
 *	was none to be had.
 * @queue: TRANSFER queue in it; NULL until it is needed again after a failure.
 * @cpu_until: jiffies until which the chip is taken to be busy with clients' jobs;
 *	written under @lock, read without.
 */
struct dacc_mover {
	struct mutex lock; /* all below */
	struct dacc_vm *vm;
	struct dacc_queue *queue;
	unsigned long cpu_until;
};

/**
 * struct dacc_device - a decode accelerator
 * @drm: base; outlives the binding to the PCI device while files are open.
 * @pdev: PCI function.
 * @regs: DACC_BAR_REGS.
 * @doorbells: DACC_BAR_DOORBELL.
 * @sram: DACC_BAR_SRAM, write combining; for moves by the CPU and system sleep.
 * @sram_phys: CPU physical address of the SRAM aperture.
 * @version: DACC_REG_VERSION.
 * @features: DACC_REG_FEATURES.
 * @sram_size: bytes of SRAM.
 * @num_queues: hardware queues.
 * @num_asids: address spaces, ASID 0 included.
 * @num_links: link ports.
 * @max_blocks: most blocks in a block table.
 * @max_insns: most instructions in a program.
 * @timing: parameters in the order of enum dacc_timing.
 * @nvec: MSI-X vectors that were granted.
 * @irqs: vectors whose handler is installed.
 * @vectors: what their handlers get.
 * @wq: runs jobs whose fences signalled, timeouts and recovery; nothing else, since
 *	fences depend on it.
 * @end_wq: runs what is left to do when a transfer has ended, which may wait for other
 *	clients.
 * @reset_wq: resets of the function, which wait for works of @wq.
 * @ttm: buffer manager.
 * @bo_lock: protects @bos and dacc_bo.exported.
 * @bos: every buffer of this device.
 * @hold_lock: protects @holds.
 * @holds: struct dacc_gem_hold.
 * @hw_lock: serialises reset, TLB invalidation and the tables below.
 * @hw_up: the device is initialised and its registers may be used. Under
 *	@hw_lock; false only once it has been stopped (or cut off the bus), so
 *	that it makes no memory access while this reads false.
 * @wedged: it is down and will not come back by itself.
 * @stuck_work: wedges it if recovery by others does not come.
 * @stuck_at: jiffies at which it does; 0: nothing is waited for. Under @hw_lock.
 * @cut_off: it did not reset; @flr_work is due. Under @hw_lock, as @sleeping.
 * @sleeping: the system is about to sleep, or not all awake: it stays parked.
 * @flr_work: resets the PCI function when the device does not reset.
 * @wedged_work: tells userspace of @wedged_events.
 * @wedged_events: bits of enum dacc_wedged_event.
 * @dump: what the device looked like before its latest reset; while bit 0 of
 *	@dump_taken is set it belongs to @dump_work.
 * @dump_work: makes a devcoredump of it.
 * @dump_taken: see @dump.
 * @sram_image: contents of SRAM during system sleep, in units of
 *	DACC_SRAM_ALIGN; NULL for zeros.
 * @fail_queue_resets: debugfs: so many resets of queues are left out and reported
 *	as not ending. Under @hw_lock.
 * @fail_device_resets: likewise, of the device.
 * @queues: queue in each hardware slot. Written under @hw_lock, read in
 *	interrupt handlers; an entry is cleared before synchronize_irq().
 * @vms: address space of each ASID, under @hw_lock.
 * @link_lock: protects @links and @windows.
 * @links: link ports.
 * @windows: decoders of imports; those of ports are not in use here.
 * @link_work: looks for peers and programs the decoders.
 * @link_nb: tells of PCI devices that come and go.
 * @link_registered: @link_nb is registered.
 * @hwmon: sensors, or NULL.
 * @faults: test knobs, or NULL.
 * @last_progress: jiffies at which any queue was last seen to advance, or was
 *	reset.
 * @resets: device resets by the driver.
 * @queue_resets: queue resets after a fault or a hang.
 * @room_lock: one at a time makes room in SRAM by eviction, so that address spaces
 *	that do not fit in together take turns.
 * @mover: moves and clears SRAM.
 * @evictions: buffers that were moved out of SRAM.
 * @restores: buffers that were moved back.
 * @evicted_bytes: bytes of SRAM buffers that are in host memory now.
 * @users_lock: protects @users; a leaf.
 * @users: struct dacc_user of every uid that holds something.
 * @doorbell_lock: a fault on a doorbell page against taking it away.
 * @doorbell_held: doorbell pages are taken away for a while.
 * @doorbell_asked: calls of dacc_doorbell_revoke().
 * @doorbell_done: the latest call that @doorbell_work has served.
 * @sram_lock: for reading: a fault on a CPU mapping of SRAM; for writing: taking
 *	them away.
 * @sram_held: CPU mappings of SRAM are taken away for a while, too. Under @hw_lock.
 * @doorbell_wait: woken when @doorbell_held, @sram_held or @doorbell_done change.
 * @doorbell_work: takes them away.
 * @num_userqs: user queues that were not freed yet.
 * @num_bos: buffers, by kind.
 * @num_vms: address spaces.
 * @num_live_queues: queues that were not freed yet.
 * @num_jobs: jobs that have not ended.
 * @num_pools: pools.
 * @num_lists: prepared lists.
 * @num_transfers: transfers that were not freed yet.
 * @num_doorbells: doorbells that the driver has rung.
 * @transfers: transfers so far, and how they ended; bytes written.
 */
struct dacc_device {
	struct drm_device drm;
	struct pci_dev *pdev;
	void __iomem *regs;
	void __iomem *doorbells;
	void __iomem *sram;
	resource_size_t sram_phys;

	u32 version;
	u64 features;
	u64 sram_size;
	u32 num_queues;
	u32 num_asids;
	u32 num_links;
	u32 max_blocks;
	u32 max_insns;
	u64 timing[DACC_TIMING_COUNT];

	int nvec;
	int irqs;
	struct dacc_vector vectors[DACC_MSIX_VECTORS];
	struct workqueue_struct *wq;
	struct workqueue_struct *end_wq;
	struct workqueue_struct *reset_wq;

	struct ttm_device ttm;
	struct mutex bo_lock; /* @bos, dacc_bo.exported */
	spinlock_t hold_lock;
	struct list_head holds;
	struct list_head bos;

	struct mutex hw_lock; /* reset, TLB, @queues, @vms */
	bool hw_up;
	bool wedged;
	struct delayed_work stuck_work;
	unsigned long stuck_at;
	bool cut_off;
	bool sleeping;
	struct delayed_work flr_work;
	struct work_struct wedged_work;
	unsigned long wedged_events;
	struct dacc_dump *dump;
	struct work_struct dump_work;
	unsigned long dump_taken;
	void **sram_image;
	u32 fail_queue_resets;
	u32 fail_device_resets;
	struct dacc_queue *queues[DACC_MAX_QUEUES];
	struct dacc_vm *vms[DACC_MAX_ASIDS];

	struct mutex link_lock; /* @links, @windows, decoders */
	struct dacc_link links[DACC_MAX_LINKS];
	struct dacc_window windows[DACC_NUM_DECODERS];
	struct work_struct link_work;
	struct notifier_block link_nb;
	bool link_registered;

	struct device *hwmon;
	struct dacc_faults *faults;
	unsigned long last_progress;
	u32 resets;
	u32 queue_resets;

	/* dacc_bo.c, dacc_move.c */
	struct mutex room_lock; /* eviction */
	struct dacc_mover mover;
	atomic64_t evictions;
	atomic64_t restores;
	atomic64_t evicted_bytes;

	/* dacc_limit.c */
	spinlock_t users_lock; /* @users */
	struct list_head users;

	/* dacc_doorbell.c */
	struct mutex doorbell_lock; /* page faults */
	bool doorbell_held;
	u32 doorbell_asked;
	u32 doorbell_done;
	struct rw_semaphore sram_lock; /* page faults */
	bool sram_held;
	wait_queue_head_t doorbell_wait;
	struct work_struct doorbell_work;
	atomic_t num_userqs;

	struct {
		atomic_t sram;
		atomic_t host;
		atomic_t imported;
	} num_bos;
	atomic_t num_vms;
	atomic_t num_live_queues;
	atomic_t num_jobs;

	/* dacc_kv.h */
	atomic_t num_pools;
	atomic_t num_lists;
	atomic_t num_transfers;
	atomic64_t num_doorbells;
	struct {
		atomic64_t posted;
		atomic64_t done;
		atomic64_t cancelled;
		atomic64_t failed;
		atomic64_t bytes;
	} transfers;
};

static inline struct dacc_device *to_dacc(struct drm_device *drm)
{
	return container_of(drm, struct dacc_device, drm);
}

/**
 * struct dacc_user - what all clients of one uid hold of a device
 * @ref: clients, and what is charged to it and may outlive them.
 * @link: in dacc_device.users.
 * @dacc: device. No reference: a worker of TTM's may drop the last one to a user, and the
 *	device ends by waiting for those workers.
 * @uid: effective uid at open().
 * @lock: protects @used; a leaf.
 * @used: by enum drm_dacc_limit.
 */
struct dacc_user {
	struct kref ref;
	struct list_head link;
	struct dacc_device *dacc;
	kuid_t uid;
	spinlock_t lock; /* @used */
	u64 used[DRM_DACC_LIMIT_COUNT];
};

/**
 * struct dacc_file - a client
 * @lock: protects creation and destruction of the objects below.
 * @vms: address spaces by id.
 * @queues: queues by id.
 * @busy_ps: device time of the jobs of queues that are gone, by class.
 * @user: whose client it is.
 * @pools: pools by id.
 * @lists: prepared lists by id.
 * @transfers: transfers by id.
 * @next_transfer: where the next id is looked for.
 * @n_transfers: transfers that have not ended; see dacc_file_transfer_ended().
 * @idle: tells that there are none.
 */
struct dacc_file {
	struct dacc_user *user;
	struct mutex lock; /* creation, destruction */
	struct xarray vms;
	struct xarray queues;
	u64 busy_ps[DACC_NUM_CLASSES];

	/* dacc_kv.h */
	struct xarray pools;
	struct xarray lists;
	struct xarray transfers;
	u32 next_transfer;
	atomic_t n_transfers;
	wait_queue_head_t idle;
};

/**
 * struct dacc_bo - a buffer
 * @tbo: base. A TTM object for buffers of our own; of an imported buffer only
 *	@tbo.base (the GEM object) is used.
 * @link: in dacc_device.bos.
 * @flags: DRM_DACC_BO_SRAM, _HOST or _IMPORTED; constant.
 * @user: own buffers: whose it is; holds a reference.
 * @root: private buffers: object whose reservation object they share, of the one
 *	address space that may map them; holds a reference. Else NULL.
 * @charged: bytes charged to @user's DRM_DACC_LIMIT_HOST_BYTES. Under the
 *	reservation lock, as the next four.
 * @pins: dacc_bo_pin(); of an imported buffer: dacc_dmabuf_pin_import().
 * @resident: it is in SRAM. May be read without the lock too.
 * @evicted: of SRAM alone, and in host memory.
 * @evictions: how often it was moved out of SRAM.
 * @dma_buf: imported buffers: what it was imported from, with a reference: the
 *	reservation object is in it.
 * @exported: own buffers: dma-buf that exports it, without a reference; cleared
 *	when that dma-buf ends. Under dacc_device.bo_lock.
 * @sgt: host and imported buffers: DMA addresses for the device once bound.
 *	Under the reservation lock, as are all below.
 * @shared: imported, or exported at least once: jobs wait for its fences.
 * @peer: @sgt is peer device memory.
 * @stale: the exporter took it back, and was not asked for it again yet.
 * @revoked: the exporter did not give it again, or the device is gone.
 * @ended: in dacc_gem_hold.ended.
 */
struct dacc_bo {
	struct ttm_buffer_object tbo;
	struct list_head link;
	u32 flags;
	struct dacc_user *user;
	struct drm_gem_object *root;
	u64 charged;
	u32 pins;
	bool resident;
	bool evicted;
	u32 evictions;
	struct dma_buf *dma_buf;
	struct dma_buf *exported;
	struct sg_table *sgt;
	bool shared;
	bool peer;
	bool stale;
	bool revoked;
	struct list_head ended;
};

/**
 * struct dacc_gem_hold - a task that frees no buffers for now
 * @link: in dacc_device.holds.
 * @task: the task, which has it on its stack.
 * @ended: buffers whose last reference it dropped meanwhile.
 */
struct dacc_gem_hold {
	struct list_head link;
	struct task_struct *task;
	struct list_head ended;
};

static inline struct dacc_bo *to_dacc_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct dacc_bo, tbo.base);
}

static inline struct drm_gem_object *dacc_bo_gem(struct dacc_bo *bo)
{
	return &bo->tbo.base;
}

static inline bool dacc_bo_in_sram(struct dacc_bo *bo)
{
	return READ_ONCE(bo->resident);
}

static inline u64 dacc_bo_sram_offset(struct dacc_bo *bo)
{
	return (u64)bo->tbo.resource->start << PAGE_SHIFT;
}

/**
 * enum dacc_effort - what may be done to find room in SRAM
 *
 * In rising order. Each is tried with locks taken anew: once eviction has had to back
 * off, the ticket of a drm_exec is good for nothing more, and TTM says -ENOSPC for it.
 *
 * @DACC_EFFORT_NONE: nothing: only what is free.
 * @DACC_EFFORT_IDLE: buffers that no job uses are evicted.
 * @DACC_EFFORT_WAIT: jobs are waited for, too.
 * @DACC_EFFORT_OWN: likewise; and buffers may be evicted that share the buffer's own
 *	reservation object. For one that no job needs at once.
 */
enum dacc_effort {
	DACC_EFFORT_NONE,
	DACC_EFFORT_IDLE,
	DACC_EFFORT_WAIT,
	DACC_EFFORT_OWN,
};

/**
 * struct dacc_placement - where a buffer may go, and at what price
 * @place: first, so that TTM's eviction_valuable() finds the rest by it.
 * @placement: for ttm_bo_validate(): @place.
 * @priority: buffers of this enum drm_dacc_priority or lower may be evicted.
 * @wait: jobs that use them are waited for, until
 * @deadline: this time in jiffies.
 */
struct dacc_placement {
	struct ttm_place place;
	struct ttm_placement placement;
	u32 priority;
	bool wait;
	unsigned long deadline;
};

/**
 * struct dacc_pt - a page table
 * @entries: what the device walks; one page of coherent memory.
 * @dma: its bus address.
 * @used: entries that are not zero.
 * @trash: in dacc_vm.trash while it waits for a TLB invalidation.
 * @child: tables below, for levels above 0.
 */
struct dacc_pt {
	__le64 *entries;
	dma_addr_t dma;
	u32 used;
	struct list_head trash;
	struct dacc_pt *child[];
};

/**
 * struct dacc_vm - an address space
 * @gpuvm: base; a queue holds a reference.
 * @dacc: device.
 * @lock: serialises VM_BIND.
 * @pt_lock: protects the page table; taken inside reservation locks.
 * @root: page table; NULL once the device is gone.
 * @trash: tables that were unhooked and await a TLB invalidation.
 * @imports_lock: protects @imports.
 * @imports: mappings of imported buffers.
 * @stale: a buffer that is mapped here was moved, or taken back by its exporter.
 *	Set under that buffer's reservation lock, cleared under @lock and those of
 *	all of them.
 * @effort: how much room is made for buffers that come back. Under @lock, as
 * @deadline: until when, in jiffies.
 * @closed: no id names it any more and nothing may be mapped. Under @lock.
 * @asid: hardware address space.
 * @queues: queues that use it, under dacc_file.lock.
 * @user: who is charged; holds a reference.
 * @pins: dacc_vm_pin(). Under @lock.
 * @device_resets: device resets that its jobs caused. Under dacc_device.hw_lock.
 * @banned: it gets no more queues. Likewise.
 * @pools: pools that lie in it. Under @lock.
 * @n_pools: number of their ids, under dacc_file.lock.
 * @kernel_lock: protects @kernel_space.
 * @kernel_space: addresses from DRM_DACC_VA_KERNEL on.
 */
struct dacc_vm {
	struct drm_gpuvm gpuvm;
	struct dacc_device *dacc;
	struct mutex lock; /* VM_BIND */
	struct mutex pt_lock; /* page table */
	struct dacc_pt *root;
	struct list_head trash;
	spinlock_t imports_lock; /* @imports */
	struct list_head imports;
	bool stale;
	enum dacc_effort effort;
	unsigned long deadline;
	bool closed;
	u32 asid;
	u32 queues;
	struct dacc_user *user;
	u32 pins;
	u32 device_resets;
	bool banned;

	/* dacc_kv.h */
	struct list_head pools;
	u32 n_pools;
	struct mutex kernel_lock; /* @kernel_space */
	struct drm_mm kernel_space;
};

static inline struct dacc_vm *to_dacc_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct dacc_vm, gpuvm);
}

/**
 * struct dacc_vm_bo - a buffer in an address space
 * @base: base.
 * @pinned: dacc_vm_pin() has pinned it. Under dacc_vm.lock.
 */
struct dacc_vm_bo {
	struct drm_gpuvm_bo base;
	bool pinned;
};

static inline struct dacc_vm_bo *to_dacc_vm_bo(struct drm_gpuvm_bo *vm_bo)
{
	return container_of(vm_bo, struct dacc_vm_bo, base);
}

/**
 * struct dacc_vma - a mapping
 * @va: base.
 * @import: in dacc_vm.imports if the buffer is imported.
 * @readonly: the device may not write.
 */
struct dacc_vma {
	struct drm_gpuva va;
	struct list_head import;
	bool readonly;
};

static inline struct dacc_vma *to_dacc_vma(struct drm_gpuva *va)
{
	return container_of(va, struct dacc_vma, va);
}

/**
 * struct dacc_fence - fence of a submission
 * @base: base; also kept alive by whoever waits, longer than any queue.
 * @lock: its lock, for that reason not in the queue.
 * @queue_class: for the timeline's name.
 */
struct dacc_fence {
	struct dma_fence base;
	spinlock_t lock; /* of @base */
	u32 queue_class;
};

struct dacc_batch;

/**
 * struct dacc_job - a job, from SUBMIT to its end
 * @link: in dacc_queue.pending or .running.
 * @batch: the submission that it is part of; NULL with @ended.
 * @ended: what to do at the end of a job that SUBMIT did not make; under
 *	dacc_queue.lock. An error the device reports for one whose descriptor has
 *	DACC_DESC_CONTINUE is its own, not the queue's.
 * @seq: sequence number of SUBMIT; 0 with @ended.
 * @slot: sequence number in the ring; 0 before it is there.
 * @error: it is not to be run (a NOP takes its place); its fence's error.
 * @desc: ring descriptor.
 */
struct dacc_job {
	struct list_head link;
	struct dacc_batch *batch;
	void (*ended)(struct dacc_job *job, const struct drm_dacc_result *result);
	u64 seq;
	u64 slot;
	int error;
	struct dacc_desc desc;
};

/**
 * struct dacc_batch - a submission
 * @queue: queue; the batch never outlives it.
 * @transfer: transfer that it is the fences of; then it has no jobs.
 * @fence: signalled when the last job has ended.
 * @deps: fences that the first job waits for.
 * @n_deps: number of them.
 * @n_explicit: the first so many came by in_syncs: their errors count.
 * @next_dep: first that was not seen signalled. Under dacc_queue.run_lock.
 * @waiting: @cb is in @deps[@next_dep]. Under dacc_queue.run_lock.
 * @cb: tells that a fence has signalled.
 * @error: error of a fence among the explicit ones.
 * @n_jobs: jobs.
 * @jobs: the jobs.
 */
struct dacc_batch {
	struct dacc_queue *queue;
	struct dacc_transfer *transfer;
	struct dma_fence *fence;
	struct dma_fence **deps;
	u32 n_deps;
	u32 n_explicit;
	u32 next_dep;
	bool waiting;
	struct dma_fence_cb cb;
	int error;
	u32 n_jobs;
	struct dacc_job jobs[] __counted_by(n_jobs);
};

/**
 * struct dacc_queue - a queue, one to one with a hardware queue
 * @ref: the file's id table holds one, and so does each ioctl that uses it.
 * @dacc: device.
 * @vm: address space; holds a reference.
 * @id: id in its file, for debugfs and traces.
 * @pid: process that created it, likewise.
 * @queue_class: enum drm_dacc_queue_class.
 * @depth: ring length.
 * @hwq: hardware queue.
 * @context: fence context.
 * @ring: descriptors, coherent memory; NULL once stopped for good.
 * @ring_dma: its bus address.
 * @cpl: completion area, coherent memory.
 * @cpl_dma: its bus address.
 * @submit_lock: one SUBMIT at a time, so that sequence numbers, fences and
 *	timeline points have one order.
 * @run_lock: one writer of the ring.
 * @lock: protects all below.
 * @state: enum drm_dacc_queue_state.
 * @first_error: error of the first job that has not ended, once @state is not
 *	DRM_DACC_QUEUE_OK.
 * @error: likewise, of those behind it.
 * @attached: the hardware queue is ours and enabled.
 * @parked: the device is stopped for a while; nothing goes into the ring. Set and
 *	cleared under @run_lock too.
 * @closing: it is about to end: not to be taken up again after a device reset.
 *	Under dacc_device.hw_lock, as are the next two.
 * @suspect_job: job that ran at the latest device reset without a culprit.
 * @suspicions: at how many in a row.
 * @pending: jobs that are not in the ring.
 * @running: jobs in the ring.
 * @transfers: KV transfers whose end has not been dealt with; written under
 *	@run_lock too.
 * @submitted: sequence number of the latest job of SUBMIT.
 * @ended: of the latest that has ended.
 * @reserved: room in the ring that is kept for jobs that SUBMIT did not make.
 * @produced: descriptors in the ring so far.
 * @completed: of these, those that have ended.
 * @fault: enum dacc_status that stopped it.
 * @fault_index: block or instruction.
 * @fault_addr: virtual address.
 * @busy_ps: device time of the jobs so far.
 * @results: of the last @depth jobs.
 * @wait: woken when jobs end.
 * @run_work: moves jobs into the ring.
 * @timeout_work: looks for progress.
 * @recover_work: resets the queue after a fault or a hang.
 * @last_completed: seen by @timeout_work, as all below.
 * @last_counter: DACC_QUEUE_PROGRESS.
 * @last_change: jiffies at which either changed.
 * @current_job: sequence number of the job that an engine runs, or 0.
 * @current_since: jiffies at which it was first seen there.
 * @user: what only a user queue has, else NULL. Then @ring and @cpl are NULL,
 *	@ring_dma and @cpl_dma virtual addresses, and nothing goes through
 *	@pending and @running; dacc_userq.c.
 */
struct dacc_queue {
	struct kref ref;
	struct dacc_device *dacc;
	struct dacc_vm *vm;
	u32 id;
	pid_t pid;
	u32 queue_class;
	u32 depth;
	u32 hwq;
	u64 context;
	struct dacc_desc *ring;
	dma_addr_t ring_dma;
	void *cpl;
	dma_addr_t cpl_dma;

	struct mutex submit_lock; /* SUBMIT */
	struct mutex run_lock; /* ring */
	spinlock_t lock; /* all below */
	u32 state;
	int first_error;
	int error;
	bool attached;
	bool parked;
	bool closing;
	u64 suspect_job;
	u32 suspicions;
	struct list_head pending;
	struct list_head running;
	struct list_head transfers;
	u64 submitted;
	u64 ended;
	u32 reserved;
	u64 produced;
	u64 completed;
	u32 fault;
	u32 fault_index;
	u64 fault_addr;
	u64 busy_ps;
	struct drm_dacc_result *results;

	wait_queue_head_t wait;
	struct work_struct run_work;
	struct delayed_work timeout_work;
	struct work_struct recover_work;
	u64 last_completed;
	u64 last_counter;
	unsigned long last_change;
	u64 current_job;
	unsigned long current_since;
	struct dacc_userq *user;
};

/* dacc_hw.c */
int dacc_hw_identify(struct dacc_device *dacc);
int dacc_hw_reset(struct dacc_device *dacc);
void dacc_hw_start(struct dacc_device *dacc);
void dacc_hw_write_asid(struct dacc_device *dacc, u32 asid, struct dacc_pt *root);
int dacc_hw_tlb_invalidate(struct dacc_device *dacc, u32 asid);
int dacc_hw_queue_reset(struct dacc_device *dacc, u32 hwq);
int dacc_hw_queue_enable(struct dacc_queue *queue, u64 start);

/* dacc_ioctl.c */
long dacc_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
#ifdef CONFIG_COMPAT
long dacc_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
#else
#define dacc_compat_ioctl		NULL
#endif

/* dacc_irq.c */
int dacc_irq_init(struct dacc_device *dacc);
void dacc_irq_fini(struct dacc_device *dacc);
u32 dacc_irq_vector(struct dacc_device *dacc, u32 hwq);
void dacc_irq_synchronize(struct dacc_device *dacc, u32 hwq);

/* dacc_ttm.c */
int dacc_ttm_init(struct dacc_device *dacc);
u64 dacc_ttm_sram_used(struct dacc_device *dacc);

/* dacc_bo.c */
struct dacc_bo *dacc_bo_new(struct dacc_user *user, struct dacc_vm *vm, u64 size, u32 flags,
			    u32 priority);
int dacc_bo_validate(struct dacc_bo *bo, enum dacc_effort effort, unsigned long deadline);
u64 dacc_bo_available(struct dacc_device *dacc, u32 flags, u32 priority, bool busy);
unsigned long dacc_bo_deadline(void);
int dacc_bo_pin(struct dacc_bo *bo);
void dacc_bo_unpin(struct dacc_bo *bo);
void dacc_bo_track(struct dacc_device *dacc, struct dacc_bo *bo);
void dacc_bo_untrack(struct dacc_device *dacc, struct dacc_bo *bo);
bool dacc_bo_is_away(struct dacc_bo *bo);
int dacc_bo_map_host(struct dacc_bo *bo);
int dacc_bo_map_dma(struct dacc_bo *bo);
void dacc_bo_unmap_dma(struct dacc_bo *bo);
void dacc_bo_unplug(struct dacc_device *dacc);

/* dacc_move.c */
int dacc_move_init(struct dacc_device *dacc);
void dacc_move_fini(struct dacc_device *dacc);
int dacc_move_clear(struct dacc_device *dacc, u64 offset, u64 size);
int dacc_move_out(struct dacc_bo *bo, u64 offset);
int dacc_move_in(struct dacc_bo *bo, u64 offset);

/* dacc_gem.c */
extern const struct drm_gem_object_funcs dacc_gem_funcs;
void dacc_gem_hold(struct dacc_device *dacc, struct dacc_gem_hold *hold);
void dacc_gem_unhold(struct dacc_device *dacc, struct dacc_gem_hold *hold);
int dacc_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_bo_mmap_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_bo_info_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* dacc_limit.c */
struct dacc_user *dacc_user_find(struct dacc_device *dacc);
struct dacc_user *dacc_user_get(struct dacc_user *user);
void dacc_user_put(struct dacc_user *user);
int dacc_user_charge(struct dacc_user *user, enum drm_dacc_limit what, u64 amount);
void dacc_user_charge_always(struct dacc_user *user, enum drm_dacc_limit what, u64 amount);
void dacc_user_uncharge(struct dacc_user *user, enum drm_dacc_limit what, u64 amount);
int dacc_limit_charge(struct dacc_file *file, enum drm_dacc_limit what, u64 amount);
void dacc_limit_uncharge(struct dacc_file *file, enum drm_dacc_limit what, u64 amount);
u32 dacc_limit_query(struct dacc_file *file, struct drm_dacc_limit_info *info);

/* dacc_dmabuf.c */
int dacc_dmabuf_init(struct dacc_device *dacc);
struct drm_gem_object *dacc_dmabuf_import(struct drm_device *drm, struct dma_buf *dma_buf);
struct dma_buf *dacc_dmabuf_export(struct drm_gem_object *obj, int flags);
void dacc_dmabuf_revoke(struct dacc_bo *bo);
void dacc_dmabuf_detach(struct dacc_bo *bo);
int dacc_dmabuf_pin_import(struct dacc_bo *bo);
void dacc_dmabuf_unpin_import(struct dacc_bo *bo);
int dacc_dmabuf_map(struct dacc_bo *bo);
void dacc_dmabuf_unmap(struct dacc_bo *bo);

/* dacc_vm.c */
int dacc_vm_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_vm_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_vm_bind_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
void dacc_vm_close(struct dacc_vm *vm);
bool dacc_vm_is_mapped(struct dacc_vm *vm, u64 addr, u64 size, bool write);
bool dacc_vm_peer_lost(struct dacc_vm *vm, u64 addr, u64 size, bool bus);
int dacc_vm_map_kernel(struct dacc_vm *vm, struct dacc_bo *bo, struct drm_mm_node *node);
void dacc_vm_unmap_kernel(struct dacc_vm *vm, struct drm_mm_node *node);
bool dacc_vm_may_write(struct dacc_vm *vm, struct drm_gem_object *obj);
int dacc_vm_pin(struct dacc_vm *vm);
void dacc_vm_unpin(struct dacc_vm *vm);
void dacc_vm_zap(struct dacc_bo *bo);
int dacc_vm_exec_lock(struct dacc_vm *vm, struct drm_gpuvm_exec *exec);
void dacc_vm_exec_publish(struct dacc_vm *vm, struct drm_gpuvm_exec *exec,
			  struct dma_fence *fence);
struct dacc_vm *dacc_vm_new(struct dacc_device *dacc, struct dacc_user *user);
struct dacc_vm *dacc_vm_find(struct dacc_file *file, u32 id);
void dacc_vm_unplug(struct dacc_device *dacc);

/* dacc_pt.c */
struct dacc_pt *dacc_pt_create(struct dacc_device *dacc, u32 level);
void dacc_pt_destroy(struct dacc_device *dacc, struct dacc_pt *pt, u32 level);
int dacc_pt_map(struct dacc_vm *vm, struct sg_table *sgt, u64 va, u64 offset, u64 size,
		bool readonly);
int dacc_pt_map_bo(struct dacc_vm *vm, struct dacc_bo *bo, u64 va, u64 offset, u64 size,
		   bool readonly);
void dacc_pt_unmap(struct dacc_vm *vm, u64 va, u64 size);
void dacc_pt_flush(struct dacc_vm *vm);

/* dacc_link.c */
void dacc_link_init(struct dacc_device *dacc);
void dacc_link_fini(struct dacc_device *dacc);
void dacc_link_restore(struct dacc_device *dacc);
void dacc_link_map(struct dacc_bo *bo);
void dacc_link_unmap(struct dacc_bo *bo);
bool dacc_link_covers(struct dacc_device *dacc, struct sg_table *sgt);

/* dacc_queue.c */
int dacc_queue_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_queue_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_queue_info_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
struct dacc_queue *dacc_queue_get(struct dacc_file *file, u32 id);
void dacc_queue_put(struct dacc_queue *queue);
void dacc_queue_close(struct dacc_file *file, struct dacc_queue *queue);
void dacc_queue_unplug(struct dacc_device *dacc);
struct dacc_queue *dacc_queue_new_kernel(struct dacc_vm *vm, u32 queue_class, u32 depth);
void dacc_queue_close_kernel(struct dacc_queue *queue);
size_t dacc_queue_ring_size(struct dacc_queue *queue);
size_t dacc_queue_cpl_size(struct dacc_queue *queue);

/* dacc_job.c */
int dacc_submit_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
struct dacc_batch *dacc_batch_alloc(struct dacc_queue *queue, u32 n_jobs);
void dacc_batch_free(struct dacc_batch *batch);
int dacc_batch_submit(struct dacc_batch *batch, struct dacc_out_sync *outs, u32 n_outs, u64 *seq);
void dacc_job_produce(struct dacc_queue *queue, struct dacc_job *job);
struct dma_fence *dacc_job_submit_kernel(struct dacc_queue *queue, const struct dacc_desc *desc);
void dacc_batch_stop_waiting(struct dacc_batch *batch);
void dacc_queue_run(struct dacc_queue *queue);
void dacc_queue_run_work(struct work_struct *work);

/* dacc_sync.c */
struct dacc_out_sync *dacc_out_syncs_get(struct drm_file *file, u64 pointer, u32 n);
void dacc_out_syncs_put(struct dacc_out_sync *outs, u32 n);
void dacc_out_syncs_publish(struct dacc_out_sync *outs, u32 n, struct dma_fence *fence);

/* dacc_fence.c */
struct dma_fence *dacc_fence_alloc(u32 queue_class);
void dacc_fence_init(struct dma_fence *fence, u64 context, u64 seq);
void dacc_fence_free(struct dma_fence *fence);
int dacc_fence_error(struct dma_fence *fence);
int dacc_fence_find(struct drm_file *file, u32 handle, u64 point, struct dma_fence **fence);

/* dacc_complete.c */
int dacc_status_to_errno(u32 status);
void dacc_queue_complete(struct dacc_queue *queue);
void dacc_queue_fail_locked(struct dacc_queue *queue, u32 state, int first, int rest,
			    u32 status);
void dacc_queue_fail(struct dacc_queue *queue, u32 state, int first, int rest, u32 status);
void dacc_queue_end(struct dacc_queue *queue);

/* dacc_pool.c */
int dacc_pool_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_pool_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_pool_alloc_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_pool_free_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
bool dacc_pool_lies_in(struct dacc_vm *vm, u64 addr, u64 range);
void dacc_pool_close(struct dacc_pool *pool);

/* dacc_list.c */
int dacc_list_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_list_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* dacc_transfer.c */
int dacc_transfer_arm(struct dacc_transfer *transfer);
void dacc_transfer_push(struct dacc_transfer *transfer);
void dacc_transfers_produce(struct dacc_queue *queue);
void dacc_transfers_announced(struct dacc_queue *queue);
void dacc_transfers_stop(struct dacc_queue *queue, int error);
void dacc_transfers_drain(struct dacc_queue *queue);

/* dacc_transfer_ioctl.c */
int dacc_transfer_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_transfer_cancel_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_transfer_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
void dacc_kv_open(struct dacc_file *file);
void dacc_kv_close(struct dacc_file *file);

/* dacc_wait.c */
int dacc_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* dacc_userq.c */
int dacc_userq_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_userq_signal_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int dacc_userq_wait(struct dacc_queue *queue, u64 seq, s64 deadline);
void dacc_userq_refresh(struct dacc_queue *queue);
int dacc_userq_init(struct dacc_queue *queue, const struct drm_dacc_queue_create *args);
void dacc_userq_unpin(struct dacc_queue *queue);
void dacc_userq_fini(struct dacc_queue *queue);
void dacc_userq_gate_work(struct work_struct *work);
void dacc_userq_complete(struct dacc_queue *queue);
void dacc_userq_read_fault(struct dacc_queue *queue);
bool dacc_userq_busy(struct dacc_queue *queue);
void dacc_userq_save(struct dacc_queue *queue);
void dacc_userq_recount(struct dacc_queue *queue, bool stopped);
void dacc_userq_restore(struct dacc_queue *queue);
void dacc_userq_end(struct dacc_queue *queue);
bool dacc_userq_takes_jobs(struct dacc_queue *queue);
struct page *dacc_userq_dummy(struct dacc_queue *queue);

/* dacc_doorbell.c */
int dacc_doorbell_init(struct dacc_device *dacc);
u64 dacc_doorbell_offset(struct dacc_queue *queue);
int dacc_mmap(struct file *filp, struct vm_area_struct *vma);
void dacc_doorbell_revoke_queue(struct dacc_queue *queue);
bool dacc_doorbell_revoke(struct dacc_device *dacc);
void dacc_sram_revoke(struct dacc_device *dacc);
vm_fault_t dacc_sram_fault(struct vm_fault *vmf);
void dacc_doorbell_restore(struct dacc_device *dacc);

/* dacc_reset.c */
void dacc_queue_recover_work(struct work_struct *work);
void dacc_queue_timeout_work(struct work_struct *work);
void dacc_queue_watch(struct dacc_queue *queue);
void dacc_queue_stop(struct dacc_queue *queue);
void dacc_device_reset(struct dacc_device *dacc, const char *why);
void dacc_device_stop(struct dacc_device *dacc);
void dacc_device_flush(struct dacc_device *dacc, u32 asid);
void dacc_device_stop_queue(struct dacc_device *dacc, u32 hwq);
void dacc_device_park(struct dacc_device *dacc);
void dacc_device_expect_recovery(struct dacc_device *dacc);
void dacc_device_unpark(struct dacc_device *dacc, const char *after);
void dacc_device_wedge(struct dacc_device *dacc);
void dacc_vm_blame(struct dacc_vm *vm);
void dacc_reset_init(struct dacc_device *dacc);
void dacc_reset_fini(struct dacc_device *dacc);

/* dacc_revive.c */
void dacc_device_suspend_queues(struct dacc_device *dacc, bool suspect);
void dacc_device_recount_queues(struct dacc_device *dacc, bool stopped);
void dacc_device_resume_queues(struct dacc_device *dacc);
void dacc_device_lose_queues(struct dacc_device *dacc);

/* dacc_wedged.c */
enum dacc_wedged_event {
	DACC_WEDGED_RECOVERED,
	DACC_WEDGED_LOST,
};

void dacc_wedged_init(struct dacc_device *dacc);
void dacc_wedged_fini(struct dacc_device *dacc);
void dacc_wedged_report(struct dacc_device *dacc, enum dacc_wedged_event event);

/* dacc_aer.c */
extern const struct pci_error_handlers dacc_pci_err_handlers;

/* dacc_pm.c */
extern const struct dev_pm_ops dacc_pm_ops;
int dacc_pm_get(struct dacc_device *dacc);
void dacc_pm_put(struct dacc_device *dacc);
void dacc_pm_idle(struct dacc_device *dacc);
void dacc_pm_init(struct dacc_device *dacc);
void dacc_pm_fini(struct dacc_device *dacc);

/* dacc_coredump.c */
int dacc_dump_init(struct dacc_device *dacc);
void dacc_dump_fini(struct dacc_device *dacc);
void dacc_dump_take(struct dacc_device *dacc, struct dacc_queue *queue, const char *why);

/* dacc_query.c */
int dacc_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* dacc_debugfs.c */
void dacc_debugfs_init(struct dacc_device *dacc);

/* dacc_lockdep.c */
void dacc_device_prime_lockdep(struct dacc_device *dacc);
void dacc_queue_prime_lockdep(struct dacc_queue *queue);

/* dacc_fdinfo.c */
void dacc_show_fdinfo(struct drm_printer *p, struct drm_file *file);

#endif /* _DACC_DEVICE_H */
