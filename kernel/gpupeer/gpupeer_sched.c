// SPDX-License-Identifier: GPL-2.0
/* The scheduler's backend: put jobs on the ring, and time them out. */
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "gpupeer.h"
#include "gpupeer_compat.h"
#include "gpupeer_trace.h"

static inline struct gpupeer_job *to_gpupeer_job(struct drm_sched_job *sched_job)
{
	return container_of(sched_job, struct gpupeer_job, base);
}

static int ring_push(struct gpupeer_device *gdev, struct gpupeer_job *job)
{
	struct gpupeer_shared *shared = gdev->shared;
	struct gpupeer_desc *desc;
	unsigned int slot;

	lockdep_assert_held(&gdev->ring_lock);

	if (!gdev->running && !gdev->stopping)
		return drm_dev_is_unplugged(&gdev->drm) ? -ENODEV : -EIO;
	/* Credits do not let this happen. */
	if (drm_WARN_ON_ONCE(&gdev->drm, gdev->produced - gdev->completed >= GPUPEER_RING_ENTRIES))
		return -EBUSY;

	slot = gdev->produced % GPUPEER_RING_ENTRIES;
	job->seq = ++gdev->produced;
	gdev->inflight[slot] = job;
	/* The jobs before it have not ended yet, so neither may this one. */
	if (gdev->stopping)
		return 0;

	desc = &shared->desc[slot];
	memset(desc, 0, sizeof(*desc));
	shared->params[slot] = job->params;
	desc->opcode = job->opcode;
	desc->job = gdev->shared_dma + offsetof(struct gpupeer_shared, params) +
		    slot * sizeof(shared->params[0]);
	desc->cookie = lower_32_bits(job->seq);

	trace_gpupeer_job_start(job->seq, job->result->id, job->opcode);
	/* writel() orders the descriptor before the doorbell. */
	gpupeer_write32(gdev, GPUPEER_REG_DOORBELL, lower_32_bits(gdev->produced));
	if (gdev->produced - gdev->completed == 1)
		gpupeer_watchdog_head(gdev);
	return 0;
}

static struct dma_fence *run_job(struct drm_sched_job *sched_job)
{
	struct gpupeer_job *job = to_gpupeer_job(sched_job);
	struct gpupeer_device *gdev = job->gdev;
	struct dma_fence *fence;
	bool cookie;
	int ret;

	cookie = dma_fence_begin_signalling();
	fence = dma_fence_get(&job->fence->base);
	/* Unplug stops the ring before the registers go, so it says enough. */
	spin_lock_irq(&gdev->ring_lock);
	ret = ring_push(gdev, job);
	spin_unlock_irq(&gdev->ring_lock);
	if (ret) {
		/* The result has to be there before the scheduler's fence. */
		gpupeer_job_end(job, ret, NULL);
		dma_fence_put(fence);
		fence = ERR_PTR(ret);
	}
	dma_fence_end_signalling(cookie);
	return fence;
}

/* Gives back a job that the scheduler took off its list as timed out. */
static enum drm_gpu_sched_stat job_reinsert(struct drm_sched_job *sched_job)
{
#ifdef GPUPEER_HAVE_SCHED_NO_HANG
	return DRM_GPU_SCHED_STAT_NO_HANG;
#else
	struct drm_gpu_scheduler *sched = sched_job->sched;

	spin_lock(&sched->job_list_lock);
	list_add(&sched_job->list, &sched->pending_list);
	spin_unlock(&sched->job_list_lock);
	/* It may have ended meanwhile, when there was nothing to free. */
	drm_sched_wqueue_start(sched);
	return DRM_GPU_SCHED_STAT_NOMINAL;
#endif
}

static void check_progress(struct gpupeer_device *gdev, struct gpupeer_job *job)
{
	u64 progress;

	/* Perhaps only the interrupt got lost. */
	gpupeer_ring_process(gdev);
	progress = gpupeer_read64(gdev, GPUPEER_REG_PROGRESS);
	if (dma_fence_is_signaled(&job->fence->base))
		return;
	if (progress != gdev->timeout_progress) {
		gdev->timeout_progress = progress;
		atomic64_inc(&gdev->n_timeouts);
		return;
	}
	drm_err(&gdev->drm, "job %llu makes no progress, status %#x\n", job->seq,
		gpupeer_read32(gdev, GPUPEER_REG_STATUS));
	gpupeer_reset(gdev, &job->fence->base, -ETIMEDOUT);
}

static enum drm_gpu_sched_stat timedout_job(struct drm_sched_job *sched_job)
{
	struct gpupeer_job *job = to_gpupeer_job(sched_job);
	struct gpupeer_device *gdev = job->gdev;
	enum drm_gpu_sched_stat stat;
	int idx;

	/* The job may be freed as soon as the scheduler has it back. */
	gpupeer_jobs_get(gdev);
	/*
	 * To the end: it must not start a scheduler that a reset has stopped, nor
	 * look at a device that is just being reset.
	 */
	mutex_lock(&gdev->reset_lock);
	while (gdev->away) {
		mutex_unlock(&gdev->reset_lock);
		wait_event(gdev->back, !READ_ONCE(gdev->away));
		mutex_lock(&gdev->reset_lock);
	}
	if (drm_dev_enter(&gdev->drm, &idx)) {
		check_progress(gdev, job);
		drm_dev_exit(idx);
	}
	/*
	 * A reset, like unplug, has ended all jobs on the ring with an error, so
	 * that for the scheduler there is nothing special about them.
	 */
	stat = job_reinsert(sched_job);
	mutex_unlock(&gdev->reset_lock);
	gpupeer_jobs_put(gdev);
	return stat;
}

static void free_job(struct drm_sched_job *sched_job)
{
	gpupeer_job_free(to_gpupeer_job(sched_job));
}

static const struct drm_sched_backend_ops sched_ops = {
	.run_job = run_job,
	.timedout_job = timedout_job,
	.free_job = free_job,
};

static void sched_fini(struct drm_device *drm, void *unused)
{
	struct gpupeer_device *gdev = to_gpupeer(drm);

	/*
	 * All files are closed and the device is stopped, so each job that is
	 * left waits at most for fences of others.
	 */
	gpupeer_jobs_wait(gdev);
	drm_sched_fini(&gdev->sched);
	destroy_workqueue(gdev->free_wq);
}

/**
 * gpupeer_sched_init() - set up the scheduler
 * @gdev: device.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_sched_init(struct gpupeer_device *gdev)
{
	long timeout = msecs_to_jiffies(gpupeer_job_timeout_ms);
	int ret;

	gdev->free_wq = alloc_workqueue("gpupeer-free", WQ_UNBOUND, 0);
	if (!gdev->free_wq)
		return -ENOMEM;

#ifdef GPUPEER_HAVE_SCHED_INIT_ARGS
	const struct drm_sched_init_args args = {
		.ops = &sched_ops,
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
		.credit_limit = GPUPEER_CREDITS,
		.timeout = timeout,
		.name = KBUILD_MODNAME,
		.dev = &gdev->pdev->dev,
	};

	ret = drm_sched_init(&gdev->sched, &args);
#else
	ret = drm_sched_init(&gdev->sched, &sched_ops, NULL, DRM_SCHED_PRIORITY_COUNT,
			     GPUPEER_CREDITS, 0, timeout, NULL, NULL, KBUILD_MODNAME,
			     &gdev->pdev->dev);
#endif
	if (ret) {
		destroy_workqueue(gdev->free_wq);
		return ret;
	}
	return drmm_add_action_or_reset(&gdev->drm, sched_fini, NULL);
}
