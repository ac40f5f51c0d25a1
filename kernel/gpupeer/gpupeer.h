/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gpupeer: DRM render driver of the GPU peer. It stands in for any GPU driver
 * that prefills and exports its memory; see Documentation/gpupeer.rst.
 */
#ifndef GPUPEER_H
#define GPUPEER_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/dma-fence.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_mm.h>
#include <drm/gpu_scheduler.h>

#include "drm/gpupeer_drm.h"
#include "gpupeer_hw.h"

#define GPUPEER_RING_LOG2	6
#define GPUPEER_RING_ENTRIES	BIT(GPUPEER_RING_LOG2)
#define GPUPEER_HBM_GRANULE	SZ_64K
#define GPUPEER_MAX_IN_SYNCS	64
#define GPUPEER_MAX_POINTS	256
#define GPUPEER_MAX_SG		65536
#define GPUPEER_NUM_RESULTS	256

/*
 * The scheduler's credits are slots of the event ring. Each job takes at least
 * the share of a descriptor, so that neither ring can overflow.
 */
#define GPUPEER_CREDITS		GPUPEER_NUM_EVENTS
#define GPUPEER_MIN_CREDITS	(GPUPEER_CREDITS / GPUPEER_RING_ENTRIES)

/* gpupeer_bo.flags, beside those of the ABI */
#define GPUPEER_BO_IMPORTED	BIT(31)

struct dma_buf;
struct gpupeer_job;

#define GPUPEER_PARAMS_SIZE	ALIGN(sizeof(struct gpupeer_prefill), 64)

/**
 * union gpupeer_params - what a descriptor points to
 * @prefill: for GPUPEER_OP_PREFILL.
 * @copy: for GPUPEER_OP_COPY.
 * @pad: keeps each slot in its own cache lines.
 */
union gpupeer_params {
	struct gpupeer_prefill prefill;
	struct gpupeer_copy copy;
	u8 pad[GPUPEER_PARAMS_SIZE];
};

/**
 * struct gpupeer_shared - memory that the device reads and writes by DMA
 * @desc: descriptor ring.
 * @params: job parameters, one slot for each descriptor.
 * @cpl_count: number of completed descriptors, written by the device.
 * @cpl_pad: rest of the completion area's head.
 * @cpl: completion records.
 * @event_count: number of events, written by the device.
 * @event_pad: rest of the event area's head.
 * @event: event ring.
 */
struct gpupeer_shared {
	struct gpupeer_desc desc[GPUPEER_RING_ENTRIES];
	union gpupeer_params params[GPUPEER_RING_ENTRIES];
	u64 cpl_count;
	u64 cpl_pad[7];
	struct gpupeer_cpl cpl[GPUPEER_RING_ENTRIES];
	u64 event_count;
	u64 event_pad[7];
	struct gpupeer_event event[GPUPEER_NUM_EVENTS];
};

/**
 * struct gpupeer_device - a GPU peer
 * @drm: DRM device.
 * @pdev: PCI device.
 * @regs: registers.
 * @hbm: HBM, mapped write-combined.
 * @hbm_phys: CPU physical address of the HBM.
 * @hbm_size: bytes of HBM.
 * @hbm_lock: protects @hbm_mm and @hbm_used.
 * @hbm_mm: allocator of HBM, in bytes.
 * @hbm_used: bytes allocated.
 * @hbm_image: contents of what is allocated, during system sleep.
 * @bo_lock: protects @bos, @n_exports, gpupeer_bo.dmabuf and gpupeer_bo.mapped.
 * @bos: all buffers.
 * @n_bos: number of @bos.
 * @n_exports: number of live dma-bufs.
 * @n_mappings: mappings of HBM that importers hold.
 * @n_pins: pins of HBM by importers.
 * @system_bytes: bytes of host memory in buffers.
 * @shared: rings.
 * @shared_dma: bus address of @shared.
 * @ring_lock: protects the ring's state, from here to @event_seen.
 * @running: the device is enabled and takes descriptors.
 * @stopping: jobs still go on the ring, to end there in order, but the device
 *	is not told.
 * @bad_record: the device has reported what cannot be; a reset is due.
 * @head_limited: the job that the device works on has a @head_deadline.
 * @head_deadline: when it has to have ended, in jiffies.
 * @produced: descriptors written since the device was enabled.
 * @completed: completion records taken since then.
 * @event_seen: events taken since then.
 * @inflight: the job of each descriptor that has not completed.
 * @sched: scheduler of the ring.
 * @free_wq: frees jobs.
 * @watchdog: resets the device if the job that it works on takes too long, or
 *	for @bad_record.
 * @reset_lock: one reset at a time; also for @timeout_progress, and for giving
 *	a job back to the scheduler, which would start it again.
 * @reset_sem: for writing to set @away, for reading while BARs have to answer;
 *	outside of @reset_lock.
 * @away: the function is reset from outside, or the system sleeps: it is stopped and
 *	BARs do not answer. Also under @reset_lock.
 * @back: woken when that ends.
 * @timeout_progress: GPUPEER_REG_PROGRESS at the last timeout.
 * @job_lock: protects @jobs and gpupeer_job.sg.
 * @jobs: all jobs between submission and their end.
 * @count_lock: protects @n_jobs.
 * @n_jobs: number of @jobs, and of others that need the scheduler.
 * @jobs_idle: woken when @n_jobs becomes 0.
 * @jobs_submitted: jobs so far.
 * @jobs_failed: jobs so far that ended with an error.
 * @n_timeouts: how often a job was found at work after a period of patience.
 * @n_resets: resets so far.
 */
struct gpupeer_device {
	struct drm_device drm;
	struct pci_dev *pdev;
	void __iomem *regs;
	void __iomem *hbm;
	phys_addr_t hbm_phys;
	u64 hbm_size;

	struct mutex hbm_lock;		/* allocator */
	struct drm_mm hbm_mm;
	u64 hbm_used;
	void *hbm_image;

	struct mutex bo_lock;		/* list of buffers */
	struct list_head bos;
	unsigned int n_bos;
	unsigned int n_exports;
	atomic_t n_mappings;
	atomic_t n_pins;
	atomic64_t system_bytes;

	struct gpupeer_shared *shared;
	dma_addr_t shared_dma;

	spinlock_t ring_lock;		/* state of the ring */
	bool running;
	bool stopping;
	bool bad_record;
	bool head_limited;
	unsigned long head_deadline;
	u64 produced;
	u64 completed;
	u64 event_seen;
	struct gpupeer_job *inflight[GPUPEER_RING_ENTRIES];

	struct drm_gpu_scheduler sched;
	struct workqueue_struct *free_wq;
	struct delayed_work watchdog;
	struct mutex reset_lock;	/* one reset at a time */
	struct rw_semaphore reset_sem;	/* access to BARs */
	bool away;
	wait_queue_head_t back;
	u64 timeout_progress;

	struct mutex job_lock;		/* list of jobs */
	struct list_head jobs;
	spinlock_t count_lock;		/* number of jobs */
	unsigned int n_jobs;
	wait_queue_head_t jobs_idle;
	atomic64_t jobs_submitted;
	atomic64_t jobs_failed;
	atomic64_t n_timeouts;
	atomic64_t n_resets;
};

static inline struct gpupeer_device *to_gpupeer(struct drm_device *drm)
{
	return container_of(drm, struct gpupeer_device, drm);
}

/**
 * struct gpupeer_bo - a buffer
 * @base: GEM object.
 * @flags: DRM_GPUPEER_BO_HBM or DRM_GPUPEER_BO_SYSTEM, or GPUPEER_BO_IMPORTED.
 * @link: in gpupeer_device.bos.
 * @dmabuf: its dma-buf while there is one.
 * @revoked: may not be mapped by importers any more; under the reservation
 *	lock.
 * @n_pins: pins by importers; under the reservation lock.
 * @node: range of HBM.
 * @pages: pages in host memory.
 * @sgt: @pages, mapped for the device.
 * @mapped: @sgt is mapped for the device.
 * @imported: an import's dma-buf, with a reference. Of an import only @base, @flags,
 *	@link, @revoked, @sgt (NULL while it is not mapped) and this are in use.
 * @unplugged: the import was taken care of when the driver was unbound.
 */
struct gpupeer_bo {
	struct drm_gem_object base;
	u32 flags;
	struct list_head link;
	struct dma_buf *dmabuf;
	bool revoked;
	unsigned int n_pins;

	struct drm_mm_node node;

	struct page **pages;
	struct sg_table *sgt;
	bool mapped;

	struct dma_buf *imported;
	bool unplugged;
};

static inline struct gpupeer_bo *to_gpupeer_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct gpupeer_bo, base);
}

/**
 * struct gpupeer_fence - a fence with its own lock, so that it may outlive the
 *	device
 * @base: fence.
 * @lock: for @base.
 * @device_name: for the timeline's name.
 */
struct gpupeer_fence {
	struct dma_fence base;
	spinlock_t lock;		/* the fence's own */
	char device_name[24];
};

/**
 * struct gpupeer_result - what a file may ask about a job after its end
 * @ref: references by the file and the job.
 * @lock: protects what follows @id.
 * @id: job id.
 * @done: the job has ended.
 * @error: 0 or a negative errno.
 * @t_issue: device time.
 * @t_start: device time.
 * @t_end: device time.
 * @bytes: bytes or tokens.
 * @n_times: points reported so far.
 * @times: device time of each point.
 */
struct gpupeer_result {
	struct kref ref;
	spinlock_t lock;		/* outcome */
	u64 id;
	bool done;
	int error;
	u64 t_issue;
	u64 t_start;
	u64 t_end;
	u64 bytes;
	u32 n_times;
	u64 times[];
};

/**
 * struct gpupeer_file - an open file
 * @entity: its scheduling entity.
 * @fence_context: context of its jobs' fences, which signal in order.
 * @lock: orders submissions, and protects what follows.
 * @last_job: last job id.
 * @result: results of the last jobs, by job id modulo GPUPEER_NUM_RESULTS.
 */
struct gpupeer_file {
	struct drm_sched_entity entity;
	u64 fence_context;
	struct mutex lock;		/* order of submissions */
	u64 last_job;
	struct gpupeer_result *result[GPUPEER_NUM_RESULTS];
};

/**
 * struct gpupeer_job - a job
 * @base: scheduler job.
 * @armed: @base is armed and @fence initialised: it ends by gpupeer_job_free()
 *	only.
 * @gdev: device.
 * @link: in gpupeer_device.jobs.
 * @opcode: enum gpupeer_opcode.
 * @params: parameters for the device.
 * @result: where the outcome goes.
 * @bo: buffers that it uses.
 * @bo_write: which of them it writes.
 * @n_bos: number of them.
 * @fence: fence of its end; the scheduler and everybody else wait for it.
 * @point: fences of the timeline points.
 * @n_points: number of them.
 * @next_point: first one that is not signalled; under gpupeer_device.ring_lock
 *	while the job is in flight.
 * @seq: descriptor number.
 * @progress: last progress value.
 * @other: for COPY, the buffer that is not in HBM; one of @bo.
 * @other_offset: where in it.
 * @free_work: drops the references on buffers.
 * @sg: list of host memory pieces, for COPY.
 * @sg_dma: its bus address.
 * @sg_bytes: its size.
 */
struct gpupeer_job {
	struct drm_sched_job base;
	bool armed;
	struct gpupeer_device *gdev;
	struct list_head link;
	u32 opcode;
	union gpupeer_params params;
	struct gpupeer_result *result;

	struct drm_gem_object *bo[DRM_GPUPEER_NUM_SEGMENTS];
	bool bo_write[DRM_GPUPEER_NUM_SEGMENTS];
	unsigned int n_bos;

	struct gpupeer_fence *fence;
	struct gpupeer_fence **point;
	u32 n_points;
	u32 next_point;
	u64 seq;
	u64 progress;

	struct gpupeer_bo *other;
	u64 other_offset;
	struct work_struct free_work;
	struct gpupeer_sg *sg;
	dma_addr_t sg_dma;
	size_t sg_bytes;
};

extern bool gpupeer_p2p;
extern bool gpupeer_pin;
extern int gpupeer_p2p_host_bridge;
extern uint gpupeer_job_timeout_ms;
extern uint gpupeer_job_limit_ms;

/* gpupeer_gem.c */
int gpupeer_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int gpupeer_bo_mmap_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
struct gpupeer_bo *gpupeer_bo_lookup(struct drm_file *file, u32 handle, u32 flags);
void gpupeer_bos_unplug(struct gpupeer_device *gdev);

/* gpupeer_hbm.c */
int gpupeer_hbm_init(struct gpupeer_device *gdev);
int gpupeer_hbm_alloc(struct gpupeer_device *gdev, struct gpupeer_bo *bo);
void gpupeer_hbm_free(struct gpupeer_device *gdev, struct gpupeer_bo *bo);
vm_fault_t gpupeer_hbm_fault(struct vm_fault *vmf);

/* gpupeer_sys.c */
int gpupeer_sys_alloc(struct gpupeer_device *gdev, struct gpupeer_bo *bo);
void gpupeer_sys_free(struct gpupeer_device *gdev, struct gpupeer_bo *bo);
void gpupeer_sys_unmap(struct gpupeer_device *gdev, struct gpupeer_bo *bo);
vm_fault_t gpupeer_sys_fault(struct vm_fault *vmf);
struct sg_table *gpupeer_sys_sg_table(struct gpupeer_bo *bo);
int gpupeer_sys_pieces(struct gpupeer_bo *bo, u64 offset, u64 len, struct gpupeer_sg *sg);

/* gpupeer_dmabuf.c */
int gpupeer_dmabuf_init(struct gpupeer_device *gdev);
struct dma_buf *gpupeer_dmabuf_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *gpupeer_dmabuf_import(struct drm_device *drm, struct dma_buf *dmabuf);
unsigned int gpupeer_dmabuf_revoke(struct gpupeer_device *gdev, unsigned long ino);

/* gpupeer_import.c */
struct drm_gem_object *gpupeer_import(struct gpupeer_device *gdev, struct dma_buf *dmabuf);
int gpupeer_import_map(struct gpupeer_bo *bo);
void gpupeer_imports_unplug(struct gpupeer_device *gdev);

/* gpupeer_submit.c */
int gpupeer_copy_prepare(struct gpupeer_job *job);
int gpupeer_prefill_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int gpupeer_copy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* gpupeer_job.c */
struct gpupeer_job *gpupeer_job_create(struct gpupeer_device *gdev, struct drm_file *file,
				       u32 opcode, u32 n_points);
void gpupeer_job_add_bo(struct gpupeer_job *job, struct gpupeer_bo *bo, bool write);
int gpupeer_job_alloc_sg(struct gpupeer_job *job, u32 n_sg);
int gpupeer_job_add_in_syncs(struct gpupeer_job *job, struct drm_file *file, u64 in_syncs,
			     u32 n_in_syncs);
int gpupeer_job_submit(struct gpupeer_job *job, struct drm_file *file,
		       const struct drm_gpupeer_sync *points,
		       const struct drm_gpupeer_sync *done, u64 *id);
void gpupeer_job_event(struct gpupeer_job *job, u64 value, u64 time);
void gpupeer_job_end(struct gpupeer_job *job, int error, const struct gpupeer_cpl *cpl);
void gpupeer_job_free(struct gpupeer_job *job);
void gpupeer_jobs_get(struct gpupeer_device *gdev);
void gpupeer_jobs_put(struct gpupeer_device *gdev);
void gpupeer_jobs_wait(struct gpupeer_device *gdev);
void gpupeer_jobs_unplug(struct gpupeer_device *gdev);
void gpupeer_result_put(struct gpupeer_result *result);
int gpupeer_job_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* gpupeer_fence.c */
struct gpupeer_fence *gpupeer_fence_alloc(struct gpupeer_device *gdev);
void gpupeer_fence_init(struct gpupeer_fence *fence, u64 context, u64 seqno);
void gpupeer_fence_signal(struct gpupeer_fence *fence, int error);
bool gpupeer_fence_is_ours(struct dma_fence *fence);

/* gpupeer_sched.c */
int gpupeer_sched_init(struct gpupeer_device *gdev);

/* gpupeer_irq.c */
int gpupeer_irq_init(struct gpupeer_device *gdev);
void gpupeer_irq_fini(struct gpupeer_device *gdev);
void gpupeer_ring_process(struct gpupeer_device *gdev);

/* gpupeer_reset.c */
extern const struct pci_error_handlers gpupeer_error_handlers;
int gpupeer_hw_init(struct gpupeer_device *gdev);
int gpupeer_hw_start(struct gpupeer_device *gdev);
void gpupeer_hw_stop(struct gpupeer_device *gdev, int error, struct dma_fence *guilty,
		     int guilty_error);
void gpupeer_go_away(struct gpupeer_device *gdev);
int gpupeer_come_back(struct gpupeer_device *gdev);
int gpupeer_reset(struct gpupeer_device *gdev, struct dma_fence *guilty, int guilty_error);

/* gpupeer_pm.c */
extern const struct dev_pm_ops gpupeer_pm_ops;

/* gpupeer_watchdog.c */
void gpupeer_watchdog_init(struct gpupeer_device *gdev);
void gpupeer_watchdog_head(struct gpupeer_device *gdev);
void gpupeer_watchdog_bad_record(struct gpupeer_device *gdev);

/* gpupeer_debugfs.c */
void gpupeer_debugfs_init(struct drm_minor *minor);

static inline u32 gpupeer_read32(struct gpupeer_device *gdev, enum gpupeer_reg reg)
{
	return readl(gdev->regs + reg);
}

static inline void gpupeer_write32(struct gpupeer_device *gdev, enum gpupeer_reg reg, u32 value)
{
	writel(value, gdev->regs + reg);
}

static inline u64 gpupeer_read64(struct gpupeer_device *gdev, enum gpupeer_reg reg)
{
	return readq(gdev->regs + reg);
}

static inline void gpupeer_write64(struct gpupeer_device *gdev, enum gpupeer_reg reg, u64 value)
{
	writeq(value, gdev->regs + reg);
}

#endif /* GPUPEER_H */
