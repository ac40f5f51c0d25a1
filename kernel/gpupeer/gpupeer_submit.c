// SPDX-License-Identifier: GPL-2.0
/* The ioctls that submit: check the arguments and fill in a job. */
#include <linux/overflow.h>

#include <drm/drm_drv.h>

#include "gpupeer.h"

#define VA_OFFSET_MASK	((1ull << GPUPEER_SEGMENT_SHIFT) - 1)
#define INSN_SIZE	64	/* see struct gpupeer_prefill */

/* What the tables of the ABI and of the hardware must agree on. */
static_assert(DRM_GPUPEER_NUM_SEGMENTS == GPUPEER_NUM_SEGMENTS);
static_assert(DRM_GPUPEER_NUM_BASES == GPUPEER_NUM_BASES);
static_assert(DRM_GPUPEER_SEGMENT_WRITE == GPUPEER_SEGMENT_WRITE);

static bool range_in(u64 offset, u64 len, u64 size)
{
	return offset <= size && len <= size - offset;
}

static int check_sync_out(const struct drm_gpupeer_sync *sync)
{
	if (sync->pad || (!sync->handle && sync->point))
		return -EINVAL;
	return 0;
}

static int prefill_check(const struct drm_gpupeer_prefill *args)
{
	unsigned int i;
	u64 last;

	for (i = 0; i < DRM_GPUPEER_NUM_SEGMENTS; i++) {
		if (args->segment[i].flags & ~DRM_GPUPEER_SEGMENT_WRITE)
			return -EINVAL;
		if (!args->segment[i].handle && args->segment[i].flags)
			return -EINVAL;
	}
	if (args->base[0])
		return -EINVAL;
	if (!args->n_insns || args->n_insns > GPUPEER_MAX_INSNS)
		return -EINVAL;
	if (!args->n_tokens || args->n_tokens > GPUPEER_MAX_TOKENS)
		return -EINVAL;
	if ((u64)args->pos + args->n_tokens > args->max_pos)
		return -EINVAL;
	if (args->n_points > GPUPEER_MAX_POINTS)
		return -EINVAL;
	if (args->n_points) {
		/* Point 0 would make the syncobj a binary one. */
		if (args->points.pad || !args->points.point ||
		    check_add_overflow(args->points.point, (u64)args->n_points - 1, &last))
			return -EINVAL;
	} else if (args->points.handle || args->points.pad || args->points.point) {
		return -EINVAL;
	}
	return check_sync_out(&args->done);
}

static int prefill_check_va(const struct gpupeer_prefill *p, u64 va, u64 len)
{
	u64 segment = va >> GPUPEER_SEGMENT_SHIFT;

	if (segment >= GPUPEER_NUM_SEGMENTS ||
	    !range_in(va & VA_OFFSET_MASK, len, p->segment[segment].size))
		return -EINVAL;
	return 0;
}

static int prefill_fill(struct gpupeer_job *job, struct drm_file *file,
			const struct drm_gpupeer_prefill *args)
{
	struct gpupeer_prefill *p = &job->params.prefill;
	struct gpupeer_bo *bo;
	unsigned int i;
	bool write;
	int ret;

	for (i = 0; i < GPUPEER_NUM_SEGMENTS; i++) {
		if (!args->segment[i].handle)
			continue;
		bo = gpupeer_bo_lookup(file, args->segment[i].handle, DRM_GPUPEER_BO_HBM);
		if (IS_ERR(bo))
			return PTR_ERR(bo);
		write = args->segment[i].flags & DRM_GPUPEER_SEGMENT_WRITE;
		p->segment[i].base = bo->node.start;
		p->segment[i].size = bo->base.size;
		p->segment[i].flags = write ? GPUPEER_SEGMENT_WRITE : 0;
		gpupeer_job_add_bo(job, bo, write);
	}

	/* The device checks every access; these two are checked here as well. */
	ret = prefill_check_va(p, args->program, (u64)args->n_insns * INSN_SIZE);
	if (ret)
		return ret;
	ret = prefill_check_va(p, args->tokens, (u64)args->n_tokens * sizeof(u32));
	if (ret)
		return ret;

	p->program = args->program;
	p->tokens = args->tokens;
	memcpy(p->base, args->base, sizeof(p->base));
	p->act_stride = args->act_stride;
	p->n_insns = args->n_insns;
	p->n_tokens = args->n_tokens;
	p->pos = args->pos;
	p->max_pos = args->max_pos;
	return 0;
}

/**
 * gpupeer_prefill_ioctl() - DRM_IOCTL_GPUPEER_PREFILL
 * @drm: device.
 * @data: struct drm_gpupeer_prefill.
 * @file: file.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_prefill_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_gpupeer_prefill *args = data;
	struct gpupeer_job *job;
	int ret, idx;

	ret = prefill_check(args);
	if (ret)
		return ret;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	job = gpupeer_job_create(to_gpupeer(drm), file, GPUPEER_OP_PREFILL, args->n_points);
	if (IS_ERR(job)) {
		ret = PTR_ERR(job);
		goto out_exit;
	}
	ret = prefill_fill(job, file, args);
	if (!ret)
		ret = gpupeer_job_add_in_syncs(job, file, args->in_syncs, args->n_in_syncs);
	if (!ret)
		ret = gpupeer_job_submit(job, file, &args->points, &args->done, &args->job);
	if (ret)
		gpupeer_job_free(job);
out_exit:
	drm_dev_exit(idx);
	return ret;
}

static int copy_fill(struct gpupeer_job *job, struct drm_file *file,
		     const struct drm_gpupeer_copy *args)
{
	struct gpupeer_copy *c = &job->params.copy;
	struct gpupeer_bo *src, *dst;

	/* The job takes both references. */
	src = gpupeer_bo_lookup(file, args->src, 0);
	if (IS_ERR(src))
		return PTR_ERR(src);
	gpupeer_job_add_bo(job, src, false);
	dst = gpupeer_bo_lookup(file, args->dst, 0);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	gpupeer_job_add_bo(job, dst, true);

	if ((src->flags & DRM_GPUPEER_BO_HBM) == (dst->flags & DRM_GPUPEER_BO_HBM))
		return -EINVAL;
	if (!range_in(args->src_offset, args->len, src->base.size) ||
	    !range_in(args->dst_offset, args->len, dst->base.size))
		return -EINVAL;

	if (src->flags & DRM_GPUPEER_BO_HBM) {
		c->hbm = src->node.start + args->src_offset;
		c->to_host = 1;
		job->other = dst;
		job->other_offset = args->dst_offset;
	} else {
		c->hbm = dst->node.start + args->dst_offset;
		c->to_host = 0;
		job->other = src;
		job->other_offset = args->src_offset;
	}
	c->len = args->len;
	return 0;
}

/**
 * gpupeer_copy_prepare() - give a COPY the addresses of its other buffer
 * @job: job whose buffers are locked, until its fence is in them.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_copy_prepare(struct gpupeer_job *job)
{
	struct gpupeer_copy *c = &job->params.copy;
	int ret = 0, n;

	if (job->other->flags == GPUPEER_BO_IMPORTED)
		ret = gpupeer_import_map(job->other);
	if (ret)
		return ret;
	n = gpupeer_sys_pieces(job->other, job->other_offset, c->len, NULL);
	if (n > GPUPEER_MAX_SG)
		return -EINVAL;
	ret = gpupeer_job_alloc_sg(job, n);
	if (ret)
		return ret;
	gpupeer_sys_pieces(job->other, job->other_offset, c->len, job->sg);
	c->n_sg = n;
	c->sg = job->sg_dma;
	return 0;
}

/**
 * gpupeer_copy_ioctl() - DRM_IOCTL_GPUPEER_COPY
 * @drm: device.
 * @data: struct drm_gpupeer_copy.
 * @file: file.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_copy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_gpupeer_copy *args = data;
	struct gpupeer_job *job;
	int ret, idx;

	if (args->pad || !args->len)
		return -EINVAL;
	ret = check_sync_out(&args->done);
	if (ret)
		return ret;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	job = gpupeer_job_create(to_gpupeer(drm), file, GPUPEER_OP_COPY, 0);
	if (IS_ERR(job)) {
		ret = PTR_ERR(job);
		goto out_exit;
	}
	ret = copy_fill(job, file, args);
	if (!ret)
		ret = gpupeer_job_add_in_syncs(job, file, args->in_syncs, args->n_in_syncs);
	if (!ret)
		ret = gpupeer_job_submit(job, file, NULL, &args->done, &args->job);
	if (ret)
		gpupeer_job_free(job);
out_exit:
	drm_dev_exit(idx);
	return ret;
}
