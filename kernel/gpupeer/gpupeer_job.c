// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs: what they hold, their fences, and their results.
 *
 * A job is made by an ioctl, which allocates everything that it will need.
 * Once it is armed it can only end by gpupeer_job_free(), which the scheduler
 * calls whether the job ran, failed or was dropped with its file. From arming
 * on nothing is allocated, as other devices may wait for the fences.
 */
#include <linux/dma-fence-chain.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/uaccess.h>

#include <drm/drm_exec.h>
#include <drm/drm_syncobj.h>

#include "gpupeer.h"
#include "gpupeer_compat.h"
#include "gpupeer_trace.h"

static struct gpupeer_result *result_create(u32 n_points)
{
	struct gpupeer_result *result = kzalloc(struct_size(result, times, n_points), GFP_KERNEL);

	if (result) {
		kref_init(&result->ref);
		spin_lock_init(&result->lock);
	}
	return result;
}

static void result_release(struct kref *ref)
{
	kfree(container_of(ref, struct gpupeer_result, ref));
}

/**
 * gpupeer_result_put() - drop a reference
 * @result: result or NULL.
 */
void gpupeer_result_put(struct gpupeer_result *result)
{
	if (result)
		kref_put(&result->ref, result_release);
}

static void job_release_sg(struct gpupeer_job *job)
{
	if (!job->sg)
		return;
	dma_free_coherent(&job->gdev->pdev->dev, job->sg_bytes, job->sg, job->sg_dma);
	job->sg = NULL;
}

/**
 * gpupeer_jobs_get() - keep the scheduler
 * @gdev: device.
 */
void gpupeer_jobs_get(struct gpupeer_device *gdev)
{
	spin_lock(&gdev->count_lock);
	gdev->n_jobs++;
	spin_unlock(&gdev->count_lock);
}

/**
 * gpupeer_jobs_put() - undo gpupeer_jobs_get()
 * @gdev: device, which may be gone afterwards.
 */
void gpupeer_jobs_put(struct gpupeer_device *gdev)
{
	spin_lock(&gdev->count_lock);
	if (!--gdev->n_jobs)
		wake_up_all(&gdev->jobs_idle);
	spin_unlock(&gdev->count_lock);
}

/**
 * gpupeer_jobs_wait() - wait until nobody needs the scheduler
 * @gdev: device.
 */
void gpupeer_jobs_wait(struct gpupeer_device *gdev)
{
	wait_event(gdev->jobs_idle, !READ_ONCE(gdev->n_jobs));
	/* Until the last gpupeer_jobs_put() has left the device alone. */
	spin_lock(&gdev->count_lock);
	spin_unlock(&gdev->count_lock);
}

/*
 * The last reference on an import detaches it under its reservation lock. Whoever
 * holds that may wait for fences of jobs that the scheduler has not run yet: it must
 * not be the scheduler's own worker that stands here.
 */
static void job_free_work(struct work_struct *work)
{
	struct gpupeer_job *job = container_of(work, struct gpupeer_job, free_work);
	struct gpupeer_device *gdev = job->gdev;
	unsigned int i;

	for (i = 0; i < job->n_bos; i++)
		drm_gem_object_put(job->bo[i]);
	gpupeer_result_put(job->result);

	mutex_lock(&gdev->job_lock);
	list_del(&job->link);
	job_release_sg(job);
	mutex_unlock(&gdev->job_lock);
	kfree(job);
	gpupeer_jobs_put(gdev);
}

/**
 * gpupeer_job_free() - free a job that has ended, or that was never armed
 * @job: job.
 */
void gpupeer_job_free(struct gpupeer_job *job)
{
	unsigned int i;

	if (job->armed) {
		/* A job that the scheduler dropped has never ended on the ring. */
		gpupeer_job_end(job, job->base.s_fence->finished.error ?: -ECANCELED, NULL);
	}
	if (job->base.s_fence)
		drm_sched_job_cleanup(&job->base);

	if (job->armed)
		dma_fence_put(&job->fence->base);
	else
		kfree(job->fence);
	for (i = 0; i < job->n_points; i++)
		if (job->point[i])
			dma_fence_put(&job->point[i]->base);
	kvfree(job->point);

	INIT_WORK(&job->free_work, job_free_work);
	if (job->armed && job->other && job->other->flags == GPUPEER_BO_IMPORTED)
		queue_work(job->gdev->free_wq, &job->free_work);
	else
		job_free_work(&job->free_work);
}

/**
 * gpupeer_job_create() - allocate a job
 * @gdev: device, entered.
 * @file: file that submits.
 * @opcode: enum gpupeer_opcode.
 * @n_points: timeline points.
 *
 * Return: a job, to be given to gpupeer_job_submit() or gpupeer_job_free(), or
 * an error.
 */
struct gpupeer_job *gpupeer_job_create(struct gpupeer_device *gdev, struct drm_file *file,
				       u32 opcode, u32 n_points)
{
	struct gpupeer_file *gfile = file->driver_priv;
	u32 credits = max(n_points, GPUPEER_MIN_CREDITS);
	struct gpupeer_job *job;
	u64 context;
	u32 i;
	int ret;

	job = kzalloc(sizeof(*job), GFP_KERNEL);
	if (!job)
		return ERR_PTR(-ENOMEM);
	job->gdev = gdev;
	job->opcode = opcode;
	mutex_lock(&gdev->job_lock);
	list_add_tail(&job->link, &gdev->jobs);
	mutex_unlock(&gdev->job_lock);
	gpupeer_jobs_get(gdev);

	ret = -ENOMEM;
	job->result = result_create(n_points);
	job->fence = gpupeer_fence_alloc(gdev);
	if (!job->result || !job->fence)
		goto err_free;

	if (n_points) {
		job->point = kvcalloc(n_points, sizeof(*job->point), GFP_KERNEL);
		if (!job->point)
			goto err_free;
		job->n_points = n_points;
		context = dma_fence_context_alloc(1);
		for (i = 0; i < n_points; i++) {
			job->point[i] = gpupeer_fence_alloc(gdev);
			if (!job->point[i])
				goto err_free;
			gpupeer_fence_init(job->point[i], context, i + 1);
		}
	}

	ret = gpupeer_sched_job_init(&job->base, &gfile->entity, credits, gdev, file);
	if (ret)
		goto err_free;
	return job;

err_free:
	gpupeer_job_free(job);
	return ERR_PTR(ret);
}

/**
 * gpupeer_job_add_bo() - note that a job uses a buffer
 * @job: job.
 * @bo: buffer; its reference goes to the job, even on failure.
 * @write: the job writes it.
 */
void gpupeer_job_add_bo(struct gpupeer_job *job, struct gpupeer_bo *bo, bool write)
{
	unsigned int i;

	for (i = 0; i < job->n_bos; i++) {
		if (job->bo[i] == &bo->base) {
			job->bo_write[i] |= write;
			drm_gem_object_put(&bo->base);
			return;
		}
	}
	job->bo[i] = &bo->base;
	job->bo_write[i] = write;
	job->n_bos++;
}

/**
 * gpupeer_job_alloc_sg() - allocate the list of host memory pieces
 * @job: job.
 * @n_sg: number of pieces.
 *
 * Return: 0 or -ENOMEM.
 */
int gpupeer_job_alloc_sg(struct gpupeer_job *job, u32 n_sg)
{
	job->sg_bytes = array_size(n_sg, sizeof(*job->sg));
	job->sg = dma_alloc_coherent(&job->gdev->pdev->dev, job->sg_bytes, &job->sg_dma,
				     GFP_KERNEL | __GFP_NOWARN);
	return job->sg ? 0 : -ENOMEM;
}

/**
 * gpupeer_job_add_in_syncs() - make a job wait
 * @job: job.
 * @file: file.
 * @in_syncs: user pointer to struct drm_gpupeer_sync[].
 * @n_in_syncs: number of them.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_job_add_in_syncs(struct gpupeer_job *job, struct drm_file *file, u64 in_syncs,
			     u32 n_in_syncs)
{
	struct gpupeer_file *gfile = file->driver_priv;
	struct drm_gpupeer_sync sync;
	struct dma_fence *fence;
	u32 i;
	int ret;

	if (n_in_syncs > GPUPEER_MAX_IN_SYNCS || (!n_in_syncs && in_syncs))
		return -EINVAL;
	for (i = 0; i < n_in_syncs; i++) {
		if (copy_from_user(&sync, u64_to_user_ptr(in_syncs) + i * sizeof(sync),
				   sizeof(sync)))
			return -EFAULT;
		if (sync.pad)
			return -EINVAL;
		/* -EINVAL if there is no such point yet. */
		ret = drm_syncobj_find_fence(file, sync.handle, sync.point, 0, &fence);
		if (ret)
			return ret;
		/* A file's jobs are in order anyway, without a gap between them. */
		if (fence->context == gfile->fence_context) {
			dma_fence_put(fence);
			continue;
		}
		ret = drm_sched_job_add_dependency(&job->base, fence);
		if (ret)
			return ret;
	}
	return 0;
}

/* Syncobjs that a job will signal, and the chain nodes for them. */
struct job_out {
	struct drm_syncobj *points;
	struct drm_syncobj *done;
	struct dma_fence_chain **point_chain;
	u32 n_points;
	struct dma_fence_chain *done_chain;
};

/* Not by the job, which may be gone by now. */
static void job_out_release(struct job_out *out)
{
	u32 i;

	if (out->points)
		drm_syncobj_put(out->points);
	if (out->done)
		drm_syncobj_put(out->done);
	for (i = 0; out->point_chain && i < out->n_points; i++)
		dma_fence_chain_free(out->point_chain[i]);
	kvfree(out->point_chain);
	dma_fence_chain_free(out->done_chain);
}

static int job_out_prepare(struct gpupeer_job *job, struct drm_file *file,
			   const struct drm_gpupeer_sync *points,
			   const struct drm_gpupeer_sync *done, struct job_out *out)
{
	u32 i;

	if (job->n_points) {
		out->points = drm_syncobj_find(file, points->handle);
		if (!out->points)
			return -ENOENT;
		out->point_chain = kvcalloc(job->n_points, sizeof(*out->point_chain), GFP_KERNEL);
		if (!out->point_chain)
			return -ENOMEM;
		out->n_points = job->n_points;
		for (i = 0; i < job->n_points; i++) {
			out->point_chain[i] = dma_fence_chain_alloc();
			if (!out->point_chain[i])
				return -ENOMEM;
		}
	}
	if (done->handle) {
		out->done = drm_syncobj_find(file, done->handle);
		if (!out->done)
			return -ENOENT;
		if (done->point) {
			out->done_chain = dma_fence_chain_alloc();
			if (!out->done_chain)
				return -ENOMEM;
		}
	}
	return 0;
}

/* Consumes the chain nodes. */
static void job_out_publish(struct gpupeer_job *job, const struct drm_gpupeer_sync *points,
			    const struct drm_gpupeer_sync *done, struct job_out *out)
{
	struct dma_fence *fence = &job->fence->base;
	u32 i;

	for (i = 0; i < job->n_points; i++) {
		drm_syncobj_add_point(out->points, out->point_chain[i], &job->point[i]->base,
				      points->point + i);
		out->point_chain[i] = NULL;
	}
	if (out->done_chain) {
		drm_syncobj_add_point(out->done, out->done_chain, fence, done->point);
		out->done_chain = NULL;
	} else if (out->done) {
		drm_syncobj_replace_fence(out->done, fence);
	}
}

static int job_lock_bos(struct gpupeer_job *job, struct drm_exec *exec)
{
	unsigned int i;
	int ret;

	drm_exec_until_all_locked(exec) {
		for (i = 0; i < job->n_bos; i++) {
			ret = drm_exec_prepare_obj(exec, job->bo[i], 1);
			drm_exec_retry_on_contention(exec);
			if (ret)
				return ret;
		}
	}

	/*
	 * Submitters name what they wait for; only what the kernel itself does
	 * with a buffer has to be waited for in any case.
	 */
	for (i = 0; i < job->n_bos; i++) {
		ret = drm_sched_job_add_resv_dependencies(&job->base, job->bo[i]->resv,
							  DMA_RESV_USAGE_KERNEL);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Who asks for points orders everything by them: an importer that synchronized
 * implicitly would wait for the last layer before it took the first one.
 */
static enum dma_resv_usage job_usage(const struct gpupeer_job *job, unsigned int i)
{
	if (job->n_points)
		return DMA_RESV_USAGE_BOOKKEEP;
	return job->bo_write[i] ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ;
}

static void result_keep(struct gpupeer_file *gfile, struct gpupeer_result *result)
{
	struct gpupeer_result **slot;

	result->id = ++gfile->last_job;
	slot = &gfile->result[result->id % GPUPEER_NUM_RESULTS];
	gpupeer_result_put(*slot);
	kref_get(&result->ref);
	*slot = result;
}

/**
 * gpupeer_job_submit() - give a job to the scheduler
 * @job: job; on failure the caller still has to free it.
 * @file: file that submits.
 * @points: where the timeline points go, if the job has any.
 * @done: where the end of the job goes, if its handle is not 0.
 * @id: set to the job id.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_job_submit(struct gpupeer_job *job, struct drm_file *file,
		       const struct drm_gpupeer_sync *points,
		       const struct drm_gpupeer_sync *done, u64 *id)
{
	struct gpupeer_file *gfile = file->driver_priv;
	struct job_out out = {};
	struct drm_exec exec;
	unsigned int i;
	int ret;

	ret = job_out_prepare(job, file, points, done, &out);
	if (ret)
		goto out_release;

	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, job->n_bos);
	ret = job_lock_bos(job, &exec);
	if (!ret && job->other)
		ret = gpupeer_copy_prepare(job);
	if (ret)
		goto out_unlock;

	mutex_lock(&gfile->lock);
	drm_sched_job_arm(&job->base);
	result_keep(gfile, job->result);
	*id = job->result->id;
	gpupeer_fence_init(job->fence, gfile->fence_context, *id);
	job->armed = true;
	atomic64_inc(&job->gdev->jobs_submitted);
	for (i = 0; i < job->n_bos; i++)
		dma_resv_add_fence(job->bo[i]->resv, &job->fence->base, job_usage(job, i));
	job_out_publish(job, points, done, &out);
	trace_gpupeer_job_submit(*id, job->opcode, job->n_points);
	/* It may end, and be freed, at once. */
	drm_sched_entity_push_job(&job->base);
	mutex_unlock(&gfile->lock);

out_unlock:
	drm_exec_fini(&exec);
out_release:
	job_out_release(&out);
	return ret;
}

/**
 * gpupeer_job_event() - a job has reported progress
 * @job: job in flight.
 * @value: progress value.
 * @time: device time.
 *
 * The caller holds the ring's lock.
 */
void gpupeer_job_event(struct gpupeer_job *job, u64 value, u64 time)
{
	struct gpupeer_result *result = job->result;

	lockdep_assert_held(&job->gdev->ring_lock);

	/* Progress does not go back; a value that does has nothing to say. */
	if (value <= job->progress)
		return;
	job->progress = value;

	while (job->next_point < job->n_points && job->next_point < value) {
		spin_lock(&result->lock);
		result->times[job->next_point] = time;
		result->n_times = job->next_point + 1;
		spin_unlock(&result->lock);
		trace_gpupeer_job_point(job->seq, result->id, job->next_point + 1, time);
		gpupeer_fence_signal(job->point[job->next_point++], 0);
	}
}

/**
 * gpupeer_job_end() - record a job's outcome and signal what is left
 * @job: job that has been armed and that the device does not work on.
 * @error: 0 or a negative errno.
 * @cpl: completion record, or NULL.
 *
 * Only the first call has an effect. Signals all fences but the scheduler's.
 */
void gpupeer_job_end(struct gpupeer_job *job, int error, const struct gpupeer_cpl *cpl)
{
	struct gpupeer_result *result = job->result;
	unsigned long flags;
	bool was_done;

	spin_lock_irqsave(&result->lock, flags);
	was_done = result->done;
	if (!was_done) {
		result->done = true;
		result->error = error;
		if (cpl) {
			result->t_issue = cpl->t_issue;
			result->t_start = cpl->t_start;
			result->t_end = cpl->t_end;
			result->bytes = cpl->bytes;
		}
	}
	spin_unlock_irqrestore(&result->lock, flags);
	if (was_done)
		return;

	trace_gpupeer_job_end(job->seq, result->id, job->opcode, error, cpl ? cpl->t_start : 0,
			      cpl ? cpl->t_end : 0, cpl ? cpl->bytes : 0);
	if (error)
		atomic64_inc(&job->gdev->jobs_failed);
	/* A program that ends without having reported all of its progress. */
	while (job->next_point < job->n_points)
		gpupeer_fence_signal(job->point[job->next_point++], error ?: -ENODATA);
	gpupeer_fence_signal(job->fence, error);
}

/**
 * gpupeer_jobs_unplug() - free what jobs have of the device
 * @gdev: device, unplugged and stopped.
 */
void gpupeer_jobs_unplug(struct gpupeer_device *gdev)
{
	struct gpupeer_job *job;

	mutex_lock(&gdev->job_lock);
	list_for_each_entry(job, &gdev->jobs, link)
		job_release_sg(job);
	mutex_unlock(&gdev->job_lock);
}

/**
 * gpupeer_job_query_ioctl() - DRM_IOCTL_GPUPEER_JOB_QUERY
 * @drm: device.
 * @data: struct drm_gpupeer_job_query.
 * @file: file.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_job_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct gpupeer_file *gfile = file->driver_priv;
	struct drm_gpupeer_job_query *args = data;
	struct gpupeer_result *result;
	u32 n_times;
	int ret = 0;

	if (args->pad || (!args->n_times && args->times))
		return -EINVAL;

	mutex_lock(&gfile->lock);
	result = gfile->result[args->job % GPUPEER_NUM_RESULTS];
	if (result && result->id == args->job)
		kref_get(&result->ref);
	else
		result = NULL;
	mutex_unlock(&gfile->lock);
	if (!result)
		return -ENOENT;

	spin_lock_irq(&result->lock);
	args->state = result->done ? DRM_GPUPEER_JOB_DONE : DRM_GPUPEER_JOB_PENDING;
	args->error = result->error;
	args->t_issue = result->t_issue;
	args->t_start = result->t_start;
	args->t_end = result->t_end;
	args->bytes = result->bytes;
	n_times = result->n_times;
	spin_unlock_irq(&result->lock);

	/* Entries below n_times do not change any more. */
	if (copy_to_user(u64_to_user_ptr(args->times), result->times,
			 min(n_times, args->n_times) * sizeof(u64)))
		ret = -EFAULT;
	args->n_times = n_times;
	gpupeer_result_put(result);
	return ret;
}
