// SPDX-License-Identifier: GPL-2.0
/* The ioctls of the GPU peer's driver. */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"

#define BO_HBM 0x10000000000ull /* beside a handle, in its table */

static void fix_bo_create(struct ctx *c, void *arg)
{
	struct drm_gpupeer_bo_create *a = arg;

	if (a->size > 0x400000 && a->size < 1ull << 40)
		a->size &= 0x1fffff;
}

static void op_info(struct ctx *c)
{
	struct drm_gpupeer_info a = {};

	call(c, c->s->gpu, DRM_IOCTL_GPUPEER_INFO, &a);
}

static void bo_create(struct ctx *c, uint64_t size, uint32_t flags)
{
	struct drm_gpupeer_bo_create a = { .size = size, .flags = flags };
	struct drm_gem_close d = {};

	if (call_fixed(c, c->s->gpu, DRM_IOCTL_GPUPEER_BO_CREATE, &a, fix_bo_create))
		return;
	d.handle = (uint32_t)keep(c, &c->s->gpu_bo,
				  a.handle | (a.flags & DRM_GPUPEER_BO_HBM ? BO_HBM : 0));
	if (d.handle)
		call(c, c->s->gpu, DRM_IOCTL_GEM_CLOSE, &d);
}

static void op_bo_create(struct ctx *c)
{
	bo_create(c, one_in(c, 8) ? odd_value(c) : 0x10000 << below(c, 5),
		  one_in(c, 2) ? DRM_GPUPEER_BO_HBM : DRM_GPUPEER_BO_SYSTEM);
}

static void op_bo_close(struct ctx *c)
{
	struct drm_gem_close a = { .handle = (uint32_t)take(c, &c->s->gpu_bo) };

	call(c, c->s->gpu, DRM_IOCTL_GEM_CLOSE, &a);
}

static void op_bo_mmap(struct ctx *c)
{
	struct drm_gpupeer_bo_mmap a = { .handle = (uint32_t)pick(c, &c->s->gpu_bo) };

	if (!call(c, c->s->gpu, DRM_IOCTL_GPUPEER_BO_MMAP, &a))
		map_add(c, c->s->gpu, a.offset, 0x1000 << below(c, 6));
}

static void random_sync(struct ctx *c, struct drm_gpupeer_sync *sync)
{
	sync->handle = (uint32_t)pick(c, &c->s->gpu_syncobj);
	sync->pad = 0;
	sync->point = sync->handle && one_in(c, 4) ? 1 + below(c, 8) : 0;
}

static void syncobj_create(struct ctx *c, uint32_t flags)
{
	struct drm_syncobj_create a = { .flags = flags };
	struct drm_syncobj_destroy d = {};

	if (call(c, c->s->gpu, DRM_IOCTL_SYNCOBJ_CREATE, &a))
		return;
	d.handle = (uint32_t)keep(c, &c->s->gpu_syncobj, a.handle);
	if (d.handle)
		call(c, c->s->gpu, DRM_IOCTL_SYNCOBJ_DESTROY, &d);
}

static void op_syncobj(struct ctx *c)
{
	syncobj_create(c, one_in(c, 4) ? 0 : DRM_SYNCOBJ_CREATE_SIGNALED);
}

void gpu_setup(struct ctx *c)
{
	int i;

	for (i = 0; i < 4; i++) {
		bo_create(c, 0x10000, i & 1 ? DRM_GPUPEER_BO_HBM : DRM_GPUPEER_BO_SYSTEM);
		syncobj_create(c, DRM_SYNCOBJ_CREATE_SIGNALED);
	}
}

static void op_prefill(struct ctx *c)
{
	struct drm_gpupeer_sync *in = scratch(c, 4 * sizeof(*in));
	struct drm_gpupeer_prefill a = {
		.act_stride = 4096,
		.n_insns = 1 + below(c, 8),
		.n_tokens = 1 + below(c, 4),
		.max_pos = 16,
		.n_in_syncs = one_in(c, 6) ? 1 : 0,
		.n_points = one_in(c, 4) ? 1 + below(c, 4) : 0,
	};
	int i;

	for (i = 0; i < 4; i++) {
		random_sync(c, &in[i]);
		if (i < 2 || one_in(c, 2)) {
			a.segment[i].handle = (uint32_t)pick_like(c, &c->s->gpu_bo, BO_HBM, BO_HBM);
			a.segment[i].flags = below(c, 2);
		}
		a.base[i] = (uint64_t)i << 40;
	}
	if (a.n_in_syncs || one_in(c, 64))
		a.in_syncs = user_ptr(c, in);
	a.program = 64 * below(c, 16);
	a.tokens = 1ull << 40;
	if (a.n_points) {
		random_sync(c, &a.points);
		a.points.point = 1 + below(c, 8);
	}
	if (one_in(c, 3))
		random_sync(c, &a.done);
	if (!call(c, c->s->gpu, DRM_IOCTL_GPUPEER_PREFILL, &a))
		keep(c, &c->s->gpu_job, a.job);
}

static void op_copy(struct ctx *c)
{
	struct drm_gpupeer_sync *in = scratch(c, 4 * sizeof(*in));
	uint64_t kind = one_in(c, 2) ? BO_HBM : 0;
	struct drm_gpupeer_copy a = {
		.src = (uint32_t)pick_like(c, &c->s->gpu_bo, BO_HBM, kind),
		.dst = (uint32_t)pick_like(c, &c->s->gpu_bo, BO_HBM, BO_HBM ^ kind),
		.src_offset = one_in(c, 3) ? small_len(c) : 0,
		.dst_offset = one_in(c, 3) ? small_len(c) : 0,
		.len = small_len(c),
		.n_in_syncs = one_in(c, 6) ? 1 : 0,
	};

	random_sync(c, in);
	if (a.n_in_syncs || one_in(c, 64))
		a.in_syncs = user_ptr(c, in);
	if (one_in(c, 3))
		random_sync(c, &a.done);
	if (!call(c, c->s->gpu, DRM_IOCTL_GPUPEER_COPY, &a))
		keep(c, &c->s->gpu_job, a.job);
}

static void op_job_query(struct ctx *c)
{
	struct drm_gpupeer_job_query a = {
		.job = pick(c, &c->s->gpu_job),
		.times = user_ptr(c, scratch(c, 256)),
		.n_times = below(c, 4),
	};

	call(c, c->s->gpu, DRM_IOCTL_GPUPEER_JOB_QUERY, &a);
}

static void op_export(struct ctx *c)
{
	struct drm_prime_handle a = {
		.handle = (uint32_t)pick(c, &c->s->gpu_bo),
		.flags = DRM_CLOEXEC | DRM_RDWR,
	};
	uint64_t old;

	if (call(c, c->s->gpu, DRM_IOCTL_PRIME_HANDLE_TO_FD, &a))
		return;
	old = keep(c, &c->s->dmabuf, (uint64_t)a.fd);
	if (old)
		close((int)old);
}

const struct op gpu_ops[] = {
	{ "gpu_info", 4, op_info },         { "gpu_bo_create", 6, op_bo_create },
	{ "gpu_bo_close", 4, op_bo_close }, { "gpu_bo_mmap", 3, op_bo_mmap },
	{ "gpu_syncobj", 3, op_syncobj },   { "gpu_prefill", 8, op_prefill },
	{ "gpu_copy", 12, op_copy },        { "gpu_job_query", 10, op_job_query },
	{ "gpu_export", 3, op_export },     {}
};
