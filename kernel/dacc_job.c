// SPDX-License-Identifier: GPL-2.0
/*
 * SUBMIT, and the way of a job into the ring.
 *
 * A hardware queue belongs to one client and runs its jobs in order, so there is
 * nothing to schedule: a submission waits for its fences, then its descriptors
 * go into the ring behind those before it. A job that is not to be run leaves a
 * NOP. Descriptors have sequence numbers of their own: KV transfers take turns
 * with submissions, and have no sequence number that a client knows.
 */
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_syncobj.h>

#include "dacc_device.h"
#include "dacc_fault.h"
#include "dacc_mmio.h"
#include "dacc_trace.h"

/* --- check --- */

static bool dacc_va_ok(u64 va, u64 size, u64 align)
{
	u64 end;

	return size && IS_ALIGNED(va, align) && !check_add_overflow(va, size, &end) &&
	       end <= 1ull << DACC_VA_BITS;
}

static bool dacc_words_zero(const struct drm_dacc_job *job, u32 from)
{
	for (; from < ARRAY_SIZE(job->raw); from++) {
		if (job->raw[from])
			return false;
	}
	return true;
}

static bool dacc_copy_ok(const struct drm_dacc_job *job)
{
	u64 src = job->copy.src, dst = job->copy.dst, len = job->copy.len;

	return len <= DACC_MAX_COPY && dacc_va_ok(src, len, 1) && dacc_va_ok(dst, len, 1) &&
	       (src + len <= dst || dst + len <= src) && dacc_words_zero(job, 3);
}

static bool dacc_blocks_ok(struct dacc_device *dacc, const struct drm_dacc_job *job)
{
	return !job->blocks.pad && job->blocks.n_blocks <= dacc->max_blocks &&
	       dacc_va_ok(job->blocks.table,
			  (u64)job->blocks.n_blocks * sizeof(struct dacc_block), 8) &&
	       dacc_words_zero(job, 2);
}

static bool dacc_fill_ok(const struct drm_dacc_job *job)
{
	return !job->fill.pad && IS_ALIGNED(job->fill.len, 4) && job->fill.len <= DACC_MAX_COPY &&
	       dacc_va_ok(job->fill.dst, job->fill.len, 4) && dacc_words_zero(job, 3);
}

static bool dacc_decode_ok(struct dacc_device *dacc, const struct drm_dacc_job *job)
{
	u64 insns = (u64)job->decode.n_insns * sizeof(struct dacc_insn);
	u64 seqs = (u64)job->decode.batch * sizeof(struct dacc_seq);
	u64 out = (u64)job->decode.batch * DACC_OUT_STRIDE(job->decode.max_tokens);

	return job->decode.n_insns <= dacc->max_insns && job->decode.batch <= DACC_MAX_BATCH &&
	       job->decode.max_tokens && job->decode.max_tokens <= DACC_MAX_TOKENS &&
	       dacc_va_ok(job->decode.program, insns, 64) &&
	       dacc_va_ok(job->decode.seqs, seqs, 64) &&
	       dacc_va_ok(job->decode.out, out, 8) && dacc_words_zero(job, 4);
}

static bool dacc_job_ok(struct dacc_queue *queue, const struct drm_dacc_job *job)
{
	bool transfer = queue->queue_class == DRM_DACC_QUEUE_TRANSFER;
	u32 flags = 0;

	if (job->type == DRM_DACC_JOB_COPY || job->type == DRM_DACC_JOB_COPY_BLOCKS)
		flags = DRM_DACC_JOB_CHECKSUM;
	if (job->flags & ~flags)
		return false;
	switch (job->type) {
	case DRM_DACC_JOB_NOP:
		return dacc_words_zero(job, 0);
	case DRM_DACC_JOB_COPY:
		return transfer && dacc_copy_ok(job);
	case DRM_DACC_JOB_COPY_BLOCKS:
		return transfer && dacc_blocks_ok(queue->dacc, job);
	case DRM_DACC_JOB_FILL:
		return transfer && dacc_fill_ok(job);
	case DRM_DACC_JOB_DECODE:
		return !transfer && dacc_decode_ok(queue->dacc, job);
	default:
		return false;
	}
}

/* @from was checked; the device checks what it finds in memory. */
static void dacc_job_encode(struct dacc_desc *desc, const struct drm_dacc_job *from)
{
	desc->flags = DACC_DESC_IRQ;
	if (from->flags & DRM_DACC_JOB_CHECKSUM)
		desc->flags |= DACC_DESC_CHECKSUM;
	desc->not_before = from->not_before_ps;
	switch (from->type) {
	case DRM_DACC_JOB_COPY:
		desc->opcode = DACC_OP_COPY;
		desc->copy.src = from->copy.src;
		desc->copy.dst = from->copy.dst;
		desc->copy.len = from->copy.len;
		break;
	case DRM_DACC_JOB_COPY_BLOCKS:
		desc->opcode = DACC_OP_COPY_BLOCKS;
		desc->blocks.table = from->blocks.table;
		desc->blocks.n_blocks = from->blocks.n_blocks;
		break;
	case DRM_DACC_JOB_FILL:
		desc->opcode = DACC_OP_FILL;
		desc->fill.dst = from->fill.dst;
		desc->fill.len = from->fill.len;
		desc->fill.pattern = from->fill.pattern;
		break;
	case DRM_DACC_JOB_DECODE:
		desc->opcode = DACC_OP_DECODE;
		desc->decode.program = from->decode.program;
		desc->decode.seqs = from->decode.seqs;
		desc->decode.out = from->decode.out;
		desc->decode.n_insns = from->decode.n_insns;
		desc->decode.batch = from->decode.batch;
		desc->decode.max_tokens = from->decode.max_tokens;
		break;
	default:
		desc->opcode = DACC_OP_NOP;
		break;
	}
}

/* --- submissions --- */

/**
 * dacc_batch_free - free a submission
 * @batch: submission that nothing waits for; its fence, if it still has one,
 *	was not initialised. Any context.
 */
void dacc_batch_free(struct dacc_batch *batch)
{
	u32 i;

	for (i = batch->next_dep; i < batch->n_deps; i++)
		dma_fence_put(batch->deps[i]);
	kfree(batch->deps);
	dacc_fence_free(batch->fence);
	kfree(batch);
}

/**
 * dacc_batch_alloc - memory for a submission
 * @queue: queue
 * @n_jobs: jobs, whose descriptors are zero
 *
 * Return: the submission or NULL.
 */
struct dacc_batch *dacc_batch_alloc(struct dacc_queue *queue, u32 n_jobs)
{
	struct dacc_batch *batch;
	u32 i;

	batch = kzalloc(struct_size(batch, jobs, n_jobs), GFP_KERNEL_ACCOUNT);
	if (!batch)
		return NULL;
	batch->n_jobs = n_jobs;
	batch->queue = queue;
	for (i = 0; i < n_jobs; i++) {
		batch->jobs[i].batch = batch;
		INIT_LIST_HEAD(&batch->jobs[i].link);
	}
	batch->fence = dacc_fence_alloc(queue->queue_class);
	if (!batch->fence) {
		dacc_batch_free(batch);
		return NULL;
	}
	return batch;
}

static struct dacc_batch *dacc_batch_create(struct dacc_queue *queue,
					    const struct drm_dacc_submit *args)
{
	struct drm_dacc_job *from;
	struct dacc_batch *batch;
	u32 i;

	from = vmemdup_array_user(u64_to_user_ptr(args->jobs), args->n_jobs, sizeof(*from));
	if (IS_ERR(from))
		return ERR_CAST(from);
	batch = dacc_batch_alloc(queue, args->n_jobs);
	if (!batch) {
		kvfree(from);
		return ERR_PTR(-ENOMEM);
	}
	for (i = 0; i < args->n_jobs; i++) {
		if (!dacc_job_ok(queue, &from[i])) {
			dacc_batch_free(batch);
			kvfree(from);
			return ERR_PTR(-EINVAL);
		}
		dacc_job_encode(&batch->jobs[i].desc, &from[i]);
	}
	kvfree(from);
	return batch;
}

/* Takes over the reference to @fence, also when it fails. */
static int dacc_batch_add_dep(struct dacc_batch *batch, struct dma_fence *fence)
{
	struct dma_fence **deps;

	/* The array grows at every power of two. */
	if (!(batch->n_deps & (batch->n_deps - 1))) {
		deps = krealloc_array(batch->deps, batch->n_deps ? 2 * batch->n_deps : 1,
				      sizeof(*deps), GFP_KERNEL);
		if (!deps) {
			dma_fence_put(fence);
			return -ENOMEM;
		}
		batch->deps = deps;
	}
	batch->deps[batch->n_deps++] = fence;
	return 0;
}

static int dacc_batch_add_in_syncs(struct dacc_batch *batch, struct drm_file *file,
				   const struct drm_dacc_submit *args)
{
	struct drm_dacc_sync *syncs;
	int ret = 0;
	u32 i;

	if (!args->n_in_syncs)
		return 0;
	syncs = memdup_array_user(u64_to_user_ptr(args->in_syncs), args->n_in_syncs,
				  sizeof(*syncs));
	if (IS_ERR(syncs))
		return PTR_ERR(syncs);
	for (i = 0; i < args->n_in_syncs && !ret; i++) {
		struct dma_fence *fence;

		ret = syncs[i].pad ? -EINVAL : 0;
		if (!ret)
			ret = dacc_fence_find(file, syncs[i].handle, syncs[i].point, &fence);
		if (!ret)
			ret = dacc_batch_add_dep(batch, fence);
	}
	kfree(syncs);
	batch->n_explicit = batch->n_deps;
	return ret;
}

/*
 * A buffer's writers, and its readers if this may write to it; those of this queue
 * come before this job anyway.
 */
static int dacc_batch_add_implicit(struct dacc_batch *batch, struct drm_gpuvm_exec *exec)
{
	struct dacc_vm *vm = batch->queue->vm;
	struct drm_gem_object *obj;
	int ret;

	drm_exec_for_each_locked_object(&exec->exec, obj) {
		struct dma_resv_iter cursor;
		struct dma_fence *fence;
		enum dma_resv_usage usage;

		/* Nobody else waits for what is the address space's own. */
		if (obj == vm->gpuvm.r_obj || !to_dacc_bo(obj)->shared)
			continue;
		usage = dma_resv_usage_rw(dacc_vm_may_write(vm, obj));
		dma_resv_for_each_fence(&cursor, obj->resv, usage, fence) {
			if (fence->context == batch->queue->context ||
			    dma_fence_is_signaled(fence))
				continue;
			ret = dacc_batch_add_dep(batch, dma_fence_get(fence));
			if (ret)
				return ret;
		}
	}
	return 0;
}

static void dacc_batch_publish(struct dacc_batch *batch, struct drm_gpuvm_exec *exec,
			       struct dacc_out_sync *outs, u32 n_outs)
{
	dacc_vm_exec_publish(batch->queue->vm, exec, batch->fence);
	dacc_out_syncs_publish(outs, n_outs, batch->fence);
}

/*
 * Gives the jobs their sequence numbers and makes the fence a fence. After this
 * nothing may fail. The caller holds submit_lock, or is the queue's only user.
 */
static int dacc_batch_arm(struct dacc_batch *batch)
{
	struct dacc_queue *queue = batch->queue;
	u64 seq;
	u32 i;

	/* Only this side adds jobs, so there can but be more room than seen. */
	spin_lock_irq(&queue->lock);
	seq = queue->submitted;
	if (queue->state != DRM_DACC_QUEUE_OK) {
		spin_unlock_irq(&queue->lock);
		return -EIO;
	}
	if (seq - queue->ended + queue->reserved + batch->n_jobs > queue->depth) {
		spin_unlock_irq(&queue->lock);
		return -EAGAIN;
	}
	spin_unlock_irq(&queue->lock);

	for (i = 0; i < batch->n_jobs; i++)
		batch->jobs[i].seq = ++seq;
	dacc_fence_init(batch->fence, queue->context, seq);
	return 0;
}

/* From here on the queue owns the batch. */
static void dacc_batch_push(struct dacc_batch *batch)
{
	struct dacc_queue *queue = batch->queue;
	u32 i, n = batch->n_jobs;
	bool dead;

	atomic_add(n, &queue->dacc->num_jobs);
	spin_lock_irq(&queue->lock);
	for (i = 0; i < n; i++)
		list_add_tail(&batch->jobs[i].link, &queue->pending);
	queue->submitted += n;
	dead = !queue->attached;
	spin_unlock_irq(&queue->lock);
	/* It failed meanwhile, and nobody else is going to look. */
	if (dead)
		dacc_queue_end(queue);
}

/**
 * dacc_batch_submit - submit jobs, or a transfer
 * @batch: submission; the queue's unless it fails
 * @outs: syncobjs that get its fence
 * @n_outs: number of them
 * @seq: out: sequence number of the last job, or NULL
 *
 * Return: 0, -EIO, -EAGAIN, -ENOMEM, -ENODEV or -ERESTARTSYS.
 */
int dacc_batch_submit(struct dacc_batch *batch, struct dacc_out_sync *outs, u32 n_outs, u64 *seq)
{
	struct dacc_queue *queue = batch->queue;
	struct drm_gpuvm_exec exec = {
		.vm = &queue->vm->gpuvm,
		/* Two imports of one dma-buf share its reservation object. */
		.flags = DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES,
		.num_fences = 1,
	};
	struct dacc_gem_hold hold;
	bool cookie;
	int ret;

	ret = mutex_lock_interruptible(&queue->submit_lock);
	if (ret)
		return ret;
	dacc_gem_hold(queue->dacc, &hold);
	ret = dacc_vm_exec_lock(queue->vm, &exec);
	if (ret)
		goto out_unlock;
	ret = dacc_batch_add_implicit(batch, &exec);
	if (!ret)
		ret = batch->transfer ? dacc_transfer_arm(batch->transfer) : dacc_batch_arm(batch);
	if (ret) {
		drm_gpuvm_exec_unlock(&exec);
		goto out_unlock;
	}
	if (!batch->transfer) {
		*seq = batch->jobs[batch->n_jobs - 1].seq;
		trace_dacc_job_submit(queue->hwq, *seq, batch->n_jobs, batch->n_deps);
	}

	cookie = dma_fence_begin_signalling();
	dacc_batch_publish(batch, &exec, outs, n_outs);
	if (batch->transfer)
		dacc_transfer_push(batch->transfer);
	else
		dacc_batch_push(batch);
	dma_fence_end_signalling(cookie);
	drm_gpuvm_exec_unlock(&exec);

	cookie = dma_fence_begin_signalling();
	dacc_queue_run(queue);
	dma_fence_end_signalling(cookie);
out_unlock:
	mutex_unlock(&queue->submit_lock);
	dacc_gem_unhold(queue->dacc, &hold);
	return ret;
}

/**
 * dacc_job_submit_kernel - run a descriptor of the driver's own
 * @queue: queue of the driver's; the caller lets nobody else use it meanwhile
 * @desc: descriptor
 *
 * Nothing is locked for it: what it uses is the caller's affair.
 *
 * Return: fence of the job, with a reference, or an error pointer.
 */
struct dma_fence *dacc_job_submit_kernel(struct dacc_queue *queue, const struct dacc_desc *desc)
{
	struct dacc_batch *batch = dacc_batch_alloc(queue, 1);
	struct dma_fence *fence;
	bool cookie;
	int ret;

	if (!batch)
		return ERR_PTR(-ENOMEM);
	batch->jobs[0].desc = *desc;
	ret = dacc_batch_arm(batch);
	if (ret) {
		dacc_batch_free(batch);
		return ERR_PTR(ret);
	}
	fence = dma_fence_get(batch->fence);
	cookie = dma_fence_begin_signalling();
	dacc_batch_push(batch);
	dacc_queue_run(queue);
	dma_fence_end_signalling(cookie);
	return fence;
}

/**
 * dacc_submit_ioctl - DRM_IOCTL_DACC_SUBMIT
 * @drm: device
 * @data: struct drm_dacc_submit
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -EOPNOTSUPP for a user queue, -EFAULT, -EAGAIN if
 * the queue is full, -EIO if it is out of service, -ENOSPC if the buffers do not fit
 * into SRAM, -ENOMEM, -ENODEV or -ERESTARTSYS. After an error no job was
 * submitted.
 */
int dacc_submit_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_submit *args = data;
	struct dacc_out_sync *outs;
	struct dacc_batch *batch;
	struct dacc_queue *queue;
	int ret;

	if (!args->n_jobs || args->n_jobs > DRM_DACC_MAX_JOBS ||
	    args->n_in_syncs > DRM_DACC_MAX_SYNCS || args->n_out_syncs > DRM_DACC_MAX_SYNCS)
		return -EINVAL;
	queue = dacc_queue_get(file->driver_priv, args->queue);
	if (!queue)
		return -ENOENT;
	if (queue->user) {
		ret = -EOPNOTSUPP;
		goto out_queue;
	}
	/* There would never be room. */
	if (args->n_jobs > queue->depth) {
		ret = -EINVAL;
		goto out_queue;
	}
	batch = dacc_batch_create(queue, args);
	if (IS_ERR(batch)) {
		ret = PTR_ERR(batch);
		goto out_queue;
	}
	ret = dacc_batch_add_in_syncs(batch, file, args);
	if (ret)
		goto out_batch;
	outs = dacc_out_syncs_get(file, args->out_syncs, args->n_out_syncs);
	if (IS_ERR(outs)) {
		ret = PTR_ERR(outs);
		goto out_batch;
	}
	ret = dacc_batch_submit(batch, outs, args->n_out_syncs, &args->seq);
	dacc_out_syncs_put(outs, args->n_out_syncs);
out_batch:
	if (ret)
		dacc_batch_free(batch);
out_queue:
	dacc_queue_put(queue);
	return ret;
}

/* --- into the ring --- */

static void dacc_batch_dep_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct dacc_queue *queue = container_of(cb, struct dacc_batch, cb)->queue;

	queue_work(queue->dacc->wq, &queue->run_work);
}

/**
 * dacc_batch_stop_waiting - forget the fences that a submission waits for
 * @batch: submission; its queue's run_lock is held
 */
void dacc_batch_stop_waiting(struct dacc_batch *batch)
{
	lockdep_assert_held(&batch->queue->run_lock);
	if (batch->waiting)
		dma_fence_remove_callback(batch->deps[batch->next_dep], &batch->cb);
	batch->waiting = false;
}

/* Have all fences signalled? If not, the first that has not calls back. */
static bool dacc_batch_ready(struct dacc_batch *batch)
{
	while (batch->next_dep < batch->n_deps) {
		struct dma_fence *fence = batch->deps[batch->next_dep];

		if (batch->waiting && !dma_fence_is_signaled(fence))
			return false;
		/* The callback may be running right now: this waits for it. */
		dacc_batch_stop_waiting(batch);
		if (!dma_fence_add_callback(fence, &batch->cb, dacc_batch_dep_signalled)) {
			batch->waiting = true;
			return false;
		}
		if (batch->next_dep < batch->n_explicit && !batch->error)
			batch->error = dacc_fence_error(fence);
		batch->next_dep++;
		dma_fence_put(fence);
	}
	return true;
}

/**
 * dacc_job_produce - put a job into the next slot of the ring
 * @queue: queue with room for it; its run_lock and lock are held
 * @job: job; in a list or not
 *
 * The doorbell is the caller's.
 */
void dacc_job_produce(struct dacc_queue *queue, struct dacc_job *job)
{
	lockdep_assert_held(&queue->run_lock);
	lockdep_assert_held(&queue->lock);
	if (job->error || dacc_null_submission(queue->dacc))
		job->desc = (struct dacc_desc){
			.opcode = DACC_OP_NOP,
			.flags = DACC_DESC_IRQ,
		};
	job->slot = ++queue->produced;
	job->desc.cookie = (u32)job->slot;
	memcpy(&queue->ring[(job->slot - 1) & (queue->depth - 1)], &job->desc,
	       sizeof(job->desc));
	trace_dacc_job_start(queue->hwq, job->seq ?: job->slot, job->desc.opcode);
	if (list_empty(&queue->running))
		queue->last_change = jiffies;
	list_move_tail(&job->link, &queue->running);
}

/* The next job to go into the ring; only this thread or dacc_queue_end() takes it. */
static struct dacc_job *dacc_queue_next(struct dacc_queue *queue)
{
	struct dacc_job *job = NULL;

	spin_lock_irq(&queue->lock);
	if (queue->attached && !queue->parked && queue->state == DRM_DACC_QUEUE_OK)
		job = list_first_entry_or_null(&queue->pending, struct dacc_job, link);
	spin_unlock_irq(&queue->lock);
	return job;
}

/**
 * dacc_queue_run - put jobs whose fences have signalled into the ring
 * @queue: queue
 *
 * Process context. Nothing is allocated: fences depend on it.
 */
void dacc_queue_run(struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;
	struct dacc_job *job;
	u64 before;
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return;
	mutex_lock(&queue->run_lock);
	before = queue->produced;
	dacc_transfers_produce(queue);
	while ((job = dacc_queue_next(queue)) && dacc_batch_ready(job->batch)) {
		job->error = job->batch->error;
		spin_lock_irq(&queue->lock);
		dacc_job_produce(queue, job);
		spin_unlock_irq(&queue->lock);
	}
	if (queue->produced != before) {
		dacc_ring_doorbell(dacc, queue->hwq, (u32)queue->produced);
		atomic64_inc(&dacc->num_doorbells);
		dacc_transfers_announced(queue);
		dacc_queue_watch(queue);
	}
	mutex_unlock(&queue->run_lock);
	drm_dev_exit(idx);
}

/**
 * dacc_queue_run_work - dacc_queue_run() after a fence has signalled
 * @work: dacc_queue.run_work
 */
void dacc_queue_run_work(struct work_struct *work)
{
	bool cookie = dma_fence_begin_signalling();

	dacc_queue_run(container_of(work, struct dacc_queue, run_work));
	dma_fence_end_signalling(cookie);
}

#if IS_ENABLED(CONFIG_KUNIT)
#include "tests/dacc_job_test.c"
#endif
