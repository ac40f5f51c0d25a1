// SPDX-License-Identifier: GPL-2.0
/*
 * User queues: ring and completion area are a client's memory and are never read
 * here. What the driver knows of such a queue it reads from the queue's
 * registers, and only when somebody asks, an armed interrupt comes, or the
 * watchdog looks.
 *
 * A fence of USERQ_SIGNAL is for what the doorbell has announced already, and
 * depends on nothing that comes later: on the gates that were there, whose fences
 * are older than itself, and on jobs that the watchdog ends at some time.
 */
#include <linux/dma-fence.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/drm_syncobj.h>

#include "dacc_device.h"
#include "dacc_fault.h"
#include "dacc_mmio.h"
#include "dacc_trace.h"

#define DACC_NO_LIMIT			U64_MAX

/**
 * struct dacc_userq - what a user queue has besides struct dacc_queue
 * @dummy: page of zeros behind its doorbell once it takes no jobs.
 * @vm_pinned: dacc_vm_pin() has succeeded.
 * @live: the queue's registers are its own and count. Under dacc_queue.lock, as
 *	are all up to @fences.
 * @counted: the last look at the registers before a reset gave their counts.
 * @limit: DACC_QUEUE_LIMIT.
 * @busy_seen: how much of DACC_QUEUE_BUSY is in dacc_queue.busy_ps.
 * @armed: DACC_QUEUE_ARM, or 0 once it has fired.
 * @promised: latest sequence number that a fence was given out for.
 * @bad_seq: sequence number whose gate failed, or 0.
 * @bad_error: error of that gate's fence.
 * @sleepers: struct dacc_sleeper in rising order.
 * @fences: struct dacc_user_fence in rising order.
 * @gates: struct dacc_gate. Under dacc_queue.run_lock.
 * @n_gates: number of them. Likewise.
 */
struct dacc_userq {
	struct page *dummy;
	bool vm_pinned;
	bool live;
	bool counted;
	u64 limit;
	u64 busy_seen;
	u64 armed;
	u64 promised;
	u64 bad_seq;
	int bad_error;
	struct list_head sleepers;
	struct list_head fences;
	struct list_head gates;
	u32 n_gates;
};

/**
 * struct dacc_sleeper - who sleeps in WAIT; on his stack
 * @link: in dacc_userq.sleepers; empty once woken.
 * @seq: what he waits for.
 * @wait: his own, so that nobody else is woken with him.
 * @done: it has completed, or will not.
 */
struct dacc_sleeper {
	struct list_head link;
	u64 seq;
	wait_queue_head_t wait;
	bool done;
};

/**
 * struct dacc_user_fence - a fence that USERQ_SIGNAL gave out
 * @link: in dacc_userq.fences.
 * @seq: signalled when this has completed.
 * @fence: with a reference.
 */
struct dacc_user_fence {
	struct list_head link;
	u64 seq;
	struct dma_fence *fence;
};

struct dacc_gate;

/**
 * struct dacc_gate_dep - a fence that a gate waits for
 * @cb: tells that it has signalled.
 * @gate: its gate.
 * @fence: with a reference.
 */
struct dacc_gate_dep {
	struct dma_fence_cb cb;
	struct dacc_gate *gate;
	struct dma_fence *fence;
};

/**
 * struct dacc_gate - a USERQ_WAIT
 * @link: in dacc_userq.gates.
 * @queue: queue; outlives it.
 * @seq: first descriptor that waits.
 * @pending: fences that have not signalled.
 * @n: fences.
 * @deps: the fences.
 */
struct dacc_gate {
	struct list_head link;
	struct dacc_queue *queue;
	u64 seq;
	atomic_t pending;
	u32 n;
	struct dacc_gate_dep deps[] __counted_by(n);
};

static u64 dacc_userq_read(struct dacc_queue *queue, enum dacc_queue_reg reg)
{
	return dacc_read64(queue->dacc, dacc_queue_reg(queue->hwq, reg));
}

static void dacc_userq_write(struct dacc_queue *queue, enum dacc_queue_reg reg, u64 value)
{
	dacc_write64(queue->dacc, dacc_queue_reg(queue->hwq, reg), value);
}

/* --- registers, and what follows from them --- */

/*
 * Adds what the queue was busy since the last look. A trace wants to know which
 * descriptors that was, and the device goes on meanwhile.
 */
static void dacc_userq_account(struct dacc_queue *queue, u64 *completed)
{
	struct dacc_userq *uq = queue->user;
	u64 busy, last_end = 0, before = queue->completed;
	int i;

	busy = dacc_userq_read(queue, DACC_QUEUE_BUSY);
	for (i = 0; i < 4 && trace_dacc_userq_jobs_enabled(); i++) {
		u64 again;

		busy = dacc_userq_read(queue, DACC_QUEUE_BUSY);
		last_end = dacc_userq_read(queue, DACC_QUEUE_LAST_END);
		again = dacc_userq_read(queue, DACC_QUEUE_COMPLETED);
		if (again == *completed)
			break;
		*completed = again;
	}
	if (busy < uq->busy_seen)
		return;
	if (*completed > before)
		trace_dacc_userq_jobs(queue, before + 1, *completed, busy - uq->busy_seen,
				      last_end);
	queue->busy_ps += busy - uq->busy_seen;
	uq->busy_seen = busy;
}

/*
 * Reads the counts. They are believed only as far as they make sense together; false
 * if not.
 */
static bool dacc_userq_look(struct dacc_queue *queue)
{
	u64 completed, produced;

	lockdep_assert_held(&queue->lock);
	completed = dacc_userq_read(queue, DACC_QUEUE_COMPLETED);
	if (dacc_fault(queue->dacc, DACC_FAULT_COUNTS))
		completed = U64_MAX;
	if (completed != U64_MAX && completed > queue->completed)
		dacc_userq_account(queue, &completed);
	produced = dacc_userq_read(queue, DACC_QUEUE_PRODUCED);
	/*
	 * Gone from the bus (all ones), or reset behind our back (zero): at the reset
	 * that follows dacc_userq_save() sees the same.
	 */
	if (completed == U64_MAX || completed < queue->completed || produced < queue->produced)
		return false;
	if (completed > produced || produced - completed > queue->depth) {
		drm_err_ratelimited(&queue->dacc->drm,
				    "queue %u: %llu descriptors completed of %llu, were %llu\n",
				    queue->hwq, completed, produced, queue->completed);
		dacc_queue_fail_locked(queue, DRM_DACC_QUEUE_HUNG, -EIO, -ECANCELED,
				       DACC_STATUS_CANCELLED);
		return false;
	}
	WRITE_ONCE(queue->completed, completed);
	WRITE_ONCE(queue->ended, completed);
	queue->produced = produced;
	queue->submitted = produced;
	return true;
}

/* Asks for an interrupt at the smallest sequence number that anybody waits for. */
static void dacc_userq_arm(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;
	struct dacc_user_fence *fence;
	struct dacc_sleeper *sleeper;
	u64 want = U64_MAX;

	lockdep_assert_held(&queue->lock);
	sleeper = list_first_entry_or_null(&uq->sleepers, struct dacc_sleeper, link);
	fence = list_first_entry_or_null(&uq->fences, struct dacc_user_fence, link);
	if (sleeper)
		want = sleeper->seq;
	if (fence)
		want = min(want, fence->seq);
	if (uq->bad_seq)
		want = min(want, uq->bad_seq - 1);
	/* One interrupt for each job, or as many as it can tell apart. */
	if (trace_dacc_userq_jobs_enabled())
		want = min(want, queue->completed + 1);
	if (want == U64_MAX)
		want = 0;
	if (uq->armed && uq->armed <= queue->completed)
		uq->armed = 0;
	if (want == uq->armed)
		return;
	uq->armed = want;
	dacc_userq_write(queue, DACC_QUEUE_ARM, want);
}

static void dacc_user_fence_end(struct dacc_user_fence *fence, int error)
{
	list_del(&fence->link);
	if (error)
		dma_fence_set_error(fence->fence, error);
	dma_fence_signal(fence->fence);
	dma_fence_put(fence->fence);
	kfree(fence);
}

/*
 * The error of the latest descriptor that has completed, if that is what halted
 * the queue. A doorbell out of range, or a ring that can't be read, is none of
 * it.
 */
static int dacc_userq_last_error(struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;
	u32 fault = dacc_read32(dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_FAULT));

	if (fault == DACC_STATUS_OK)
		return 0;
	/* It may have halted since the counts were read; now they stay. */
	dacc_userq_look(queue);
	if (fault == DACC_STATUS_BAD_DOORBELL ||
	    dacc_userq_read(queue, DACC_QUEUE_FETCHED) != queue->completed)
		return 0;
	return dacc_status_to_errno(fault);
}

static void dacc_userq_end_fences(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;
	struct dacc_user_fence *fence, *next;
	int error;

	fence = list_first_entry_or_null(&uq->fences, struct dacc_user_fence, link);
	if (!fence || fence->seq > queue->completed)
		return;
	error = dacc_userq_last_error(queue);
	list_for_each_entry_safe(fence, next, &uq->fences, link) {
		if (fence->seq > queue->completed)
			break;
		dacc_user_fence_end(fence, fence->seq == queue->completed ? error : 0);
	}
}

static void dacc_userq_wake(struct dacc_queue *queue, u64 last)
{
	struct dacc_sleeper *sleeper, *next;

	lockdep_assert_held(&queue->lock);
	list_for_each_entry_safe(sleeper, next, &queue->user->sleepers, link) {
		if (sleeper->seq > last)
			break;
		list_del_init(&sleeper->link);
		WRITE_ONCE(sleeper->done, true);
		/* He takes the lock before he leaves, so his stack is there. */
		wake_up(&sleeper->wait);
	}
}

/* Looks, and ends everything that is due. */
static void dacc_userq_update(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;

	lockdep_assert_held(&queue->lock);
	if (!uq->live || queue->state != DRM_DACC_QUEUE_OK)
		return;
	dacc_userq_look(queue);
	dacc_userq_end_fences(queue);
	dacc_userq_wake(queue, queue->completed);
	if (uq->bad_seq && queue->completed + 1 >= uq->bad_seq)
		dacc_queue_fail_locked(queue, DRM_DACC_QUEUE_FAULTED, uq->bad_error,
				       -ECANCELED, DACC_STATUS_CANCELLED);
	dacc_userq_arm(queue);
}

/**
 * dacc_userq_complete - dacc_queue_complete() of a user queue
 * @queue: queue
 *
 * Any context. An interrupt that nobody of this queue asked for (the vector may
 * be shared) costs no register access.
 */
void dacc_userq_complete(struct dacc_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->user->armed)
		dacc_userq_update(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}

static void dacc_userq_read_fault_locked(struct dacc_queue *queue)
{
	u32 index = dacc_queue_reg(queue->hwq, DACC_QUEUE_FAULT_INDEX);

	queue->fault_index = dacc_read32(queue->dacc, index);
	queue->fault_addr = dacc_userq_read(queue, DACC_QUEUE_FAULT_ADDR);
}

/**
 * dacc_userq_read_fault - keep what the registers of a halted queue say
 * @queue: halted user queue; the device's hw_lock is held
 */
void dacc_userq_read_fault(struct dacc_queue *queue)
{
	spin_lock_irq(&queue->lock);
	if (queue->user->live && queue->state == DRM_DACC_QUEUE_OK) {
		dacc_userq_update(queue);
		dacc_userq_read_fault_locked(queue);
	}
	spin_unlock_irq(&queue->lock);
}

/**
 * dacc_userq_busy - for the watchdog: does the queue have to make progress?
 * @queue: user queue
 *
 * It has to while something is announced, or a fence was given out, that has not
 * completed and that no gate holds back.
 *
 * Return: true if it has to; dacc_queue.completed is up to date.
 */
bool dacc_userq_busy(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;
	bool busy;

	spin_lock_irq(&queue->lock);
	dacc_userq_update(queue);
	busy = uq->live && queue->state == DRM_DACC_QUEUE_OK &&
	       max(queue->produced, uq->promised) > queue->completed &&
	       queue->completed < uq->limit;
	spin_unlock_irq(&queue->lock);
	/* The time without progress starts when there is something to do. */
	if (!busy) {
		queue->last_change = jiffies;
		queue->current_job = 0;
	}
	return busy;
}

/* --- gates --- */

static void dacc_gate_free(struct dacc_gate *gate)
{
	u32 i;

	for (i = 0; i < gate->n; i++)
		dma_fence_put(gate->deps[i].fence);
	kfree(gate);
}

static void dacc_gate_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct dacc_gate *gate = container_of(cb, struct dacc_gate_dep, cb)->gate;
	struct dacc_queue *queue = gate->queue;

	/* The fence's lock is held, which is inside of the queue's. */
	if (atomic_dec_and_test(&gate->pending))
		queue_work(queue->dacc->wq, &queue->run_work);
}

static int dacc_gate_error(struct dacc_gate *gate)
{
	int error = 0;
	u32 i;

	for (i = 0; i < gate->n && !error; i++)
		error = dacc_fence_error(gate->deps[i].fence);
	return error;
}

/* The highest sequence number that may be taken up. */
static u64 dacc_userq_gate_limit(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;
	u64 limit = DACC_NO_LIMIT;
	struct dacc_gate *gate;

	lockdep_assert_held(&queue->run_lock);
	list_for_each_entry(gate, &uq->gates, link)
		limit = min(limit, gate->seq - 1);
	if (uq->bad_seq)
		limit = min(limit, uq->bad_seq - 1);
	return limit;
}

static void dacc_userq_set_limit(struct dacc_queue *queue, u64 limit)
{
	struct dacc_userq *uq = queue->user;

	lockdep_assert_held(&queue->lock);
	if (limit == uq->limit)
		return;
	uq->limit = limit;
	if (uq->live)
		dacc_userq_write(queue, DACC_QUEUE_LIMIT, limit);
}

/* Lets through what waits for nothing any more. */
static void dacc_userq_open_gates(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;
	struct dacc_gate *gate, *next;
	u64 limit;
	int error;

	lockdep_assert_held(&queue->run_lock);
	list_for_each_entry_safe(gate, next, &uq->gates, link) {
		if (atomic_read(&gate->pending))
			continue;
		error = dacc_gate_error(gate);
		list_del(&gate->link);
		uq->n_gates--;
		if (error) {
			spin_lock_irq(&queue->lock);
			if (!uq->bad_seq || gate->seq < uq->bad_seq) {
				uq->bad_seq = gate->seq;
				uq->bad_error = error;
			}
			spin_unlock_irq(&queue->lock);
		}
		dacc_gate_free(gate);
	}
	limit = dacc_userq_gate_limit(queue);
	spin_lock_irq(&queue->lock);
	dacc_userq_set_limit(queue, limit);
	if (uq->bad_seq)
		dacc_userq_update(queue);
	spin_unlock_irq(&queue->lock);
}

/**
 * dacc_userq_gate_work - after a gate's fences have signalled
 * @work: dacc_queue.run_work of a user queue
 */
void dacc_userq_gate_work(struct work_struct *work)
{
	struct dacc_queue *queue = container_of(work, struct dacc_queue, run_work);
	bool cookie = dma_fence_begin_signalling();

	mutex_lock(&queue->run_lock);
	dacc_userq_open_gates(queue);
	mutex_unlock(&queue->run_lock);
	dma_fence_end_signalling(cookie);
}

static void dacc_userq_drop_gates(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;
	struct dacc_gate *gate, *next;
	u32 i;

	lockdep_assert_held(&queue->run_lock);
	list_for_each_entry_safe(gate, next, &uq->gates, link) {
		/* Waits for a callback that is running. */
		for (i = 0; i < gate->n; i++)
			dma_fence_remove_callback(gate->deps[i].fence, &gate->deps[i].cb);
		list_del(&gate->link);
		dacc_gate_free(gate);
	}
	uq->n_gates = 0;
}

static struct dacc_gate *dacc_gate_create(struct dacc_queue *queue, struct drm_file *file,
					  const struct drm_dacc_userq_sync *args)
{
	struct drm_dacc_sync *syncs;
	struct dacc_gate *gate;
	int ret = 0;
	u32 i;

	syncs = memdup_array_user(u64_to_user_ptr(args->syncs), args->n_syncs, sizeof(*syncs));
	if (IS_ERR(syncs))
		return ERR_CAST(syncs);
	gate = kzalloc(struct_size(gate, deps, args->n_syncs), GFP_KERNEL);
	if (!gate) {
		kfree(syncs);
		return ERR_PTR(-ENOMEM);
	}
	gate->n = args->n_syncs;
	gate->queue = queue;
	gate->seq = args->seq;
	for (i = 0; i < gate->n && !ret; i++) {
		struct dacc_gate_dep *dep = &gate->deps[i];

		dep->gate = gate;
		INIT_LIST_HEAD(&dep->cb.node);
		ret = syncs[i].pad ? -EINVAL : 0;
		if (!ret)
			ret = dacc_fence_find(file, syncs[i].handle, syncs[i].point, &dep->fence);
	}
	kfree(syncs);
	if (ret) {
		dacc_gate_free(gate);
		return ERR_PTR(ret);
	}
	return gate;
}

/* Lowers the limit, unless the chip was faster or somebody was promised more. */
static int dacc_gate_close(struct dacc_gate *gate)
{
	struct dacc_queue *queue = gate->queue;
	struct dacc_userq *uq = queue->user;
	u64 before, limit;
	int ret = 0;

	lockdep_assert_held(&queue->run_lock);
	before = dacc_userq_gate_limit(queue);
	limit = min(before, gate->seq - 1);
	spin_lock_irq(&queue->lock);
	if (queue->state != DRM_DACC_QUEUE_OK) {
		ret = -EIO;
	} else if (gate->seq <= uq->promised || gate->seq <= queue->completed) {
		ret = -EBUSY;
	} else {
		dacc_userq_set_limit(queue, limit);
		/* Valid after the limit: nothing more is taken up past it. */
		if (uq->live && dacc_userq_read(queue, DACC_QUEUE_FETCHED) >= gate->seq) {
			dacc_userq_set_limit(queue, before);
			ret = -EBUSY;
		}
	}
	spin_unlock_irq(&queue->lock);
	return ret;
}

/* The queue owns the gate if this returns 0. */
static int dacc_gate_add(struct dacc_gate *gate)
{
	struct dacc_queue *queue = gate->queue;
	struct dacc_userq *uq = queue->user;
	int ret;
	u32 i;

	lockdep_assert_held(&queue->run_lock);
	if (uq->n_gates >= DRM_DACC_MAX_GATES)
		return -EAGAIN;
	ret = dacc_gate_close(gate);
	if (ret)
		return ret;
	list_add_tail(&gate->link, &uq->gates);
	uq->n_gates++;
	/* One more, so that it is not through before the last callback is in place. */
	atomic_set(&gate->pending, gate->n + 1);
	for (i = 0; i < gate->n; i++) {
		if (dma_fence_add_callback(gate->deps[i].fence, &gate->deps[i].cb,
					   dacc_gate_signalled))
			atomic_dec(&gate->pending);
	}
	if (atomic_dec_and_test(&gate->pending))
		dacc_userq_open_gates(queue);
	return 0;
}

/* --- ioctls --- */

static struct dacc_queue *dacc_userq_get(struct drm_file *file,
					 const struct drm_dacc_userq_sync *args)
{
	struct dacc_queue *queue;

	if (!args->n_syncs || args->n_syncs > DRM_DACC_MAX_SYNCS || !args->seq)
		return ERR_PTR(-EINVAL);
	queue = dacc_queue_get(file->driver_priv, args->queue);
	if (!queue)
		return ERR_PTR(-ENOENT);
	if (!queue->user) {
		dacc_queue_put(queue);
		return ERR_PTR(-EINVAL);
	}
	return queue;
}

/**
 * dacc_userq_wait_ioctl - DRM_IOCTL_DACC_USERQ_WAIT
 * @drm: device
 * @data: struct drm_dacc_userq_sync
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -EFAULT, -EBUSY, -EAGAIN, -EIO if the queue is out of
 * service, -ENOMEM, -ENODEV or -ERESTARTSYS.
 */
int dacc_userq_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_queue *queue = dacc_userq_get(file, data);
	struct dacc_gate *gate;
	bool cookie;
	int ret;

	if (IS_ERR(queue))
		return PTR_ERR(queue);
	gate = dacc_gate_create(queue, file, data);
	if (IS_ERR(gate)) {
		ret = PTR_ERR(gate);
		goto out_queue;
	}
	cookie = dma_fence_begin_signalling();
	ret = mutex_lock_interruptible(&queue->run_lock);
	if (!ret) {
		ret = dacc_gate_add(gate);
		mutex_unlock(&queue->run_lock);
	}
	dma_fence_end_signalling(cookie);
	if (ret)
		dacc_gate_free(gate);
out_queue:
	dacc_queue_put(queue);
	return ret;
}

/*
 * The fence of a sequence number: that of an earlier call, or *@spare, which it
 * takes then, or NULL if it has completed well.
 */
static int dacc_userq_promise(struct dacc_queue *queue, u64 seq, struct dacc_user_fence **spare,
			      struct dma_fence **out)
{
	struct dacc_userq *uq = queue->user;
	struct dacc_user_fence *pos;
	struct list_head *before = &uq->fences;

	lockdep_assert_held(&queue->lock);
	*out = NULL;
	dacc_userq_update(queue);
	if (queue->state != DRM_DACC_QUEUE_OK)
		return seq <= queue->completed ? 0 : -EIO;
	if (seq > queue->produced)
		return -EINVAL;
	/* It may be the one that failed: then the queue leaves OK at once. */
	if (seq < queue->completed || (seq == queue->completed && !uq->live))
		return 0;
	if (seq == queue->completed) {
		int error = dacc_userq_last_error(queue);

		if (!error)
			return 0;
		dacc_fence_init((*spare)->fence, queue->context, seq);
		dma_fence_set_error((*spare)->fence, error);
		dma_fence_signal((*spare)->fence);
		*out = dma_fence_get((*spare)->fence);
		dma_fence_put((*spare)->fence);
		kfree(*spare);
		*spare = NULL;
		return 0;
	}
	list_for_each_entry_reverse(pos, &uq->fences, link) {
		if (pos->seq == seq) {
			*out = dma_fence_get(pos->fence);
			return 0;
		}
		if (pos->seq < seq) {
			before = &pos->link;
			break;
		}
	}
	(*spare)->seq = seq;
	dacc_fence_init((*spare)->fence, queue->context, seq);
	*out = dma_fence_get((*spare)->fence);
	list_add(&(*spare)->link, before);
	*spare = NULL;
	uq->promised = max(uq->promised, seq);
	dacc_userq_arm(queue);
	return 0;
}

static int dacc_userq_signal(struct dacc_queue *queue, const struct drm_dacc_userq_sync *args,
			     struct dacc_out_sync *outs, struct dacc_user_fence **spare)
{
	struct dma_fence *fence;
	bool cookie;
	int ret;

	/* One at a time, so that the points of a timeline have one order. */
	ret = mutex_lock_interruptible(&queue->submit_lock);
	if (ret)
		return ret;
	cookie = dma_fence_begin_signalling();
	spin_lock_irq(&queue->lock);
	ret = dacc_userq_promise(queue, args->seq, spare, &fence);
	spin_unlock_irq(&queue->lock);
	if (!ret) {
		if (!fence)
			fence = dma_fence_get_stub();
		dacc_out_syncs_publish(outs, args->n_syncs, fence);
		dma_fence_put(fence);
	}
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submit_lock);
	return ret;
}

/**
 * dacc_userq_signal_ioctl - DRM_IOCTL_DACC_USERQ_SIGNAL
 * @drm: device
 * @data: struct drm_dacc_userq_sync
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -EFAULT, -EIO if the queue is out of service,
 * -ENOMEM, -ENODEV or -ERESTARTSYS.
 */
int dacc_userq_signal_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_userq_sync *args = data;
	struct dacc_queue *queue = dacc_userq_get(file, args);
	struct dacc_user_fence *spare;
	struct dacc_out_sync *outs;
	int ret = -ENOMEM;

	if (IS_ERR(queue))
		return PTR_ERR(queue);
	outs = dacc_out_syncs_get(file, args->syncs, args->n_syncs);
	if (IS_ERR(outs)) {
		ret = PTR_ERR(outs);
		goto out_queue;
	}
	spare = kzalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT);
	if (!spare)
		goto out_syncs;
	spare->fence = dacc_fence_alloc(queue->queue_class);
	if (spare->fence)
		ret = dacc_userq_signal(queue, args, outs, &spare);
	if (spare)
		dacc_fence_free(spare->fence);
	kfree(spare);
out_syncs:
	dacc_out_syncs_put(outs, args->n_syncs);
out_queue:
	dacc_queue_put(queue);
	return ret;
}

static void dacc_sleeper_add(struct dacc_queue *queue, struct dacc_sleeper *sleeper)
{
	struct list_head *before = &queue->user->sleepers;
	struct dacc_sleeper *pos;

	list_for_each_entry_reverse(pos, &queue->user->sleepers, link) {
		if (pos->seq <= sleeper->seq) {
			before = &pos->link;
			break;
		}
	}
	list_add(&sleeper->link, before);
}

/**
 * dacc_userq_wait - WAIT on a user queue
 * @queue: user queue
 * @seq: sequence number, not 0
 * @deadline: absolute CLOCK_MONOTONIC; one in the past only looks
 *
 * Return: 0 once it has completed, -EIO if it never will, -ETIME or -ERESTARTSYS.
 */
int dacc_userq_wait(struct dacc_queue *queue, u64 seq, s64 deadline)
{
	struct dacc_sleeper sleeper = { .seq = seq };
	ktime_t left = deadline > 0 ? ktime_sub(deadline, ktime_get()) : 0;
	int ret = -ETIME;
	bool sleep;

	INIT_LIST_HEAD(&sleeper.link);
	init_waitqueue_head(&sleeper.wait);
	spin_lock_irq(&queue->lock);
	dacc_userq_update(queue);
	sleep = queue->completed < seq && queue->state == DRM_DACC_QUEUE_OK && left > 0;
	if (sleep) {
		dacc_sleeper_add(queue, &sleeper);
		if (queue->user->live)
			dacc_userq_arm(queue);
	}
	spin_unlock_irq(&queue->lock);
	if (sleep)
		ret = wait_event_interruptible_hrtimeout(sleeper.wait, READ_ONCE(sleeper.done),
							 left);
	spin_lock_irq(&queue->lock);
	if (!list_empty(&sleeper.link)) {
		list_del(&sleeper.link);
		if (queue->user->live && queue->state == DRM_DACC_QUEUE_OK)
			dacc_userq_update(queue);
	}
	if (queue->completed >= seq)
		ret = 0;
	else if (queue->state != DRM_DACC_QUEUE_OK)
		ret = -EIO;
	else if (!ret)
		ret = -EIO;
	spin_unlock_irq(&queue->lock);
	return ret;
}

/**
 * dacc_userq_refresh - bring what QUEUE_INFO tells of a user queue up to date
 * @queue: user queue; its lock is held
 */
void dacc_userq_refresh(struct dacc_queue *queue)
{
	dacc_userq_update(queue);
}

/* --- life --- */

/**
 * dacc_userq_init - make a user queue of a queue that was just allocated
 * @queue: queue
 * @args: struct drm_dacc_queue_create, checked but for addresses
 *
 * Return: 0; -EINVAL, -EFAULT if ring or completion area are not mapped,
 * -EOPNOTSUPP, -ENOSPC, -EDQUOT, -ENOMEM or -ERESTARTSYS; what was made is left to
 * dacc_userq_fini().
 */
int dacc_userq_init(struct dacc_queue *queue, const struct drm_dacc_queue_create *args)
{
	struct dacc_vm *vm = queue->vm;
	struct dacc_userq *uq;
	bool mapped;
	int ret;

	if (!IS_ALIGNED(args->ring | args->completion, 64) || !args->ring || !args->completion)
		return -EINVAL;
	if (!(queue->dacc->features & DACC_FEATURE_VIRTUAL_RING) ||
	    PAGE_SIZE != DACC_DOORBELL_STRIDE)
		return -EOPNOTSUPP;
	uq = kzalloc(sizeof(*uq), GFP_KERNEL_ACCOUNT);
	if (!uq)
		return -ENOMEM;
	uq->limit = DACC_NO_LIMIT;
	INIT_LIST_HEAD(&uq->sleepers);
	INIT_LIST_HEAD(&uq->fences);
	INIT_LIST_HEAD(&uq->gates);
	atomic_inc(&queue->dacc->num_userqs);
	queue->user = uq;
	queue->ring_dma = args->ring;
	queue->cpl_dma = args->completion;
	uq->dummy = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!uq->dummy)
		return -ENOMEM;

	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		return ret;
	mapped = dacc_vm_is_mapped(vm, args->ring, dacc_queue_ring_size(queue), false) &&
		 dacc_vm_is_mapped(vm, args->completion, dacc_queue_cpl_size(queue), true);
	mutex_unlock(&vm->lock);
	if (!mapped)
		return -EFAULT;
	ret = dacc_vm_pin(vm);
	if (!ret)
		uq->vm_pinned = true;
	return ret;
}

/**
 * dacc_userq_unpin - let the address space's buffers move again
 * @queue: user queue that is detached from the hardware
 */
void dacc_userq_unpin(struct dacc_queue *queue)
{
	if (queue->user->vm_pinned)
		dacc_vm_unpin(queue->vm);
	queue->user->vm_pinned = false;
}

/**
 * dacc_userq_fini - free what dacc_userq_init() made
 * @queue: user queue that nothing refers to any more
 */
void dacc_userq_fini(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;

	dacc_userq_unpin(queue);
	if (uq->dummy)
		__free_page(uq->dummy);
	atomic_dec(&queue->dacc->num_userqs);
	queue->user = NULL;
	kfree(uq);
}

/*
 * The last counts that can be had, whatever the queue's state. The client may have
 * seen them, and what has completed may not run again. Nor may what follows a
 * descriptor that failed. False if there are none.
 */
static bool dacc_userq_last_look(struct dacc_queue *queue)
{
	u32 fault = dacc_read32(queue->dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_FAULT));
	bool counted = dacc_userq_look(queue);

	lockdep_assert_held(&queue->lock);
	dacc_userq_end_fences(queue);
	dacc_userq_wake(queue, queue->completed);
	/* Not that of a device that is gone from the bus. */
	if (fault == DACC_STATUS_OK || fault >= DACC_STATUS_COUNT ||
	    queue->state != DRM_DACC_QUEUE_OK)
		return counted;
	dacc_userq_read_fault_locked(queue);
	dacc_queue_fail_locked(queue, DRM_DACC_QUEUE_FAULTED, -EIO, -ECANCELED, fault);
	return counted;
}

/**
 * dacc_userq_save - keep the counts of a user queue before a reset
 * @queue: user queue in the device's table; hw_lock is held. Its doorbell page was
 *	taken away if it is to go on afterwards.
 *
 * From here on its registers are not looked at, but by dacc_userq_recount().
 */
void dacc_userq_save(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;

	lockdep_assert_held(&queue->dacc->hw_lock);
	spin_lock_irq(&queue->lock);
	if (uq->live) {
		u32 state = dacc_read32(queue->dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_STATE));

		/* A reset behind our back has disabled it. */
		uq->counted = state == DACC_QUEUE_ACTIVE || state == DACC_QUEUE_HALTED;
		if (!dacc_userq_last_look(queue))
			uq->counted = false;
	}
	uq->live = false;
	spin_unlock_irq(&queue->lock);
}

/**
 * dacc_userq_recount - what a user queue completed until the device had stopped
 * @queue: user queue after dacc_userq_save() and dacc_hw_reset(), which leaves its
 *	counts and its fault; hw_lock is held
 * @stopped: the reset succeeded. If not, what ran then may have completed since,
 *	unseen by anybody but the client.
 *
 * A queue of which nobody knows how far it came is lost: to run again what has
 * completed would be worse, also since the client has reused its slots.
 */
void dacc_userq_recount(struct dacc_queue *queue, bool stopped)
{
	struct dacc_userq *uq = queue->user;

	lockdep_assert_held(&queue->dacc->hw_lock);
	spin_lock_irq(&queue->lock);
	if (queue->attached) {
		if (stopped ? !dacc_userq_last_look(queue) : queue->produced > queue->completed)
			uq->counted = false;
		if (!uq->counted)
			dacc_queue_fail_locked(queue, DRM_DACC_QUEUE_LOST, -ENODEV, -ENODEV, 0);
	}
	spin_unlock_irq(&queue->lock);
}

/**
 * dacc_userq_restore - a user queue was enabled, for the first time or again
 * @queue: user queue; hw_lock is held
 *
 * Limit, armed interrupt and what the doorbell had announced are as before.
 */
void dacc_userq_restore(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;

	lockdep_assert_held(&queue->dacc->hw_lock);
	/* The watchdog may find its first job under way before it has seen the queue idle. */
	queue->last_change = jiffies;
	spin_lock_irq(&queue->lock);
	uq->live = true;
	if (uq->limit != DACC_NO_LIMIT)
		dacc_userq_write(queue, DACC_QUEUE_LIMIT, uq->limit);
	uq->armed = 0;
	uq->busy_seen = 0;
	dacc_userq_arm(queue);
	if (queue->produced > queue->completed)
		dacc_ring_doorbell(queue->dacc, queue->hwq, (u32)queue->produced);
	spin_unlock_irq(&queue->lock);
}

/**
 * dacc_userq_end - end everything that waits for a user queue
 * @queue: user queue that is out of service; run_lock is held. The device makes
 *	no further memory access for it.
 */
void dacc_userq_end(struct dacc_queue *queue)
{
	struct dacc_userq *uq = queue->user;
	struct dacc_user_fence *fence, *next;
	int error;

	dacc_userq_drop_gates(queue);
	spin_lock_irq(&queue->lock);
	uq->live = false;
	error = queue->first_error;
	list_for_each_entry_safe(fence, next, &uq->fences, link) {
		if (fence->seq <= queue->completed) {
			dacc_user_fence_end(fence, 0);
			continue;
		}
		dacc_user_fence_end(fence, error);
		error = queue->error;
	}
	dacc_userq_wake(queue, U64_MAX);
	spin_unlock_irq(&queue->lock);
}

/**
 * dacc_userq_takes_jobs - may a client's doorbell reach the hardware?
 * @queue: user queue
 *
 * Return: true while the hardware queue is its own and it has not failed.
 */
bool dacc_userq_takes_jobs(struct dacc_queue *queue)
{
	bool ok;

	spin_lock_irq(&queue->lock);
	ok = queue->attached && queue->state == DRM_DACC_QUEUE_OK;
	spin_unlock_irq(&queue->lock);
	return ok;
}

/**
 * dacc_userq_dummy - the page behind the doorbell of a queue that takes no jobs
 * @queue: user queue
 *
 * Return: page of zeros but for what its own client has written.
 */
struct page *dacc_userq_dummy(struct dacc_queue *queue)
{
	return queue->user->dummy;
}
