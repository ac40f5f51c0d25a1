// SPDX-License-Identifier: MIT
/* Jobs of the GPU peer: prefill in chunks, and copies to host memory. */
#include <errno.h>
#include <string.h>

#include "gpupeer_hw.h"
#include "run.h"

/* Segments of a prefill; addresses are as uapi/gpupeer_hw.h says. */
enum {
	SEG_IMAGE = 1,
	SEG_KV = 2,
	SEG_ACT = 3,
	SEG_TOKENS = 4,
};

#define MAX_POINTS  256
#define MAX_PENDING 64

static int check_job(struct run *r, const struct gpu_job *job)
{
	int ret = gpupeer_query(r->gpu, job->id, job->result, NULL, 0);

	if (ret)
		return run_fail(EXIT_FAILED, "GPU peer %s: the result of a job can't be had: %s",
				gpupeer_pci(r->gpu), strerror(-ret));
	if (job->result->error)
		return run_fail(EXIT_FAILED, "GPU peer %s: a job failed: %s (`dmesg` says more)",
				gpupeer_pci(r->gpu), strerror(-job->result->error));
	return 0;
}

int gpu_drain(struct run *r, unsigned int left)
{
	while (r->n_pending > left) {
		const struct gpu_job *job = &r->pending[r->first_pending];
		int ret;

		do {
			ret = gpupeer_wait(r->gpu, r->gpu_done, job->point, soon(r->deadline));
		} while (ret == -ETIME && keep_on(r->deadline));
		if (ret == -ETIME && check_signal())
			return EXIT_FAILED;
		if (ret == -ETIME)
			return run_fail(EXIT_FAILED,
					"the GPU peer did not finish in %g s: give it longer with --timeout",
					r->opt.timeout);
		if (ret)
			return run_fail(EXIT_FAILED, "GPU peer %s: waiting for a job: %s",
					gpupeer_pci(r->gpu), strerror(-ret));
		ret = check_job(r, job);
		if (ret)
			return ret;
		r->first_pending = (r->first_pending + 1) % MAX_PENDING;
		r->n_pending--;
	}
	return 0;
}

static void track(struct run *r, uint64_t id, struct gpupeer_result *result)
{
	unsigned int i = (r->first_pending + r->n_pending++) % MAX_PENDING;

	r->pending[i] = (struct gpu_job){ .id = id, .point = r->gpu_point, .result = result };
}

/* Where the prompt's tokens are in the list of all. */
static uint64_t tokens_offset(const struct run *r, const struct prompt *p)
{
	uint64_t n = 0;

	for (const struct prompt *q = r->prompt; q < p; q++)
		n += q->n_prompt;
	return n * sizeof(uint32_t);
}

static int submit_chunk(struct run *r, struct prompt *p, uint32_t chunk)
{
	uint32_t first = chunk * r->opt.chunk;
	uint32_t left = p->n_prompt - first;
	bool last = chunk + 1 == p->n_chunks;
	struct drm_gpupeer_prefill args = {
		.segment = {
			[SEG_IMAGE] = { .handle = r->gpu_image->handle },
			[SEG_KV] = { p->kv_hbm->handle, DRM_GPUPEER_SEGMENT_WRITE },
			[SEG_ACT] = { r->gpu_act->handle, DRM_GPUPEER_SEGMENT_WRITE },
			[SEG_TOKENS] = { .handle = r->gpu_tokens->handle },
		},
		.program = GPUPEER_VA(SEG_IMAGE, r->info.insns_offset[DACC_PROGRAM_PREFILL]),
		.tokens = GPUPEER_VA(SEG_TOKENS, tokens_offset(r, p) + 4ull * first),
		.base = {
			[DACC_BASE_LAYER] = GPUPEER_VA(SEG_IMAGE, r->info.layers_offset),
			[DACC_BASE_KV] = GPUPEER_VA(SEG_KV, 0),
			[DACC_BASE_ACT] = GPUPEER_VA(SEG_ACT, 0),
			[DACC_BASE_MODEL] = GPUPEER_VA(SEG_IMAGE, 0),
		},
		.act_stride = r->info.prefill_act_bytes,
		.n_insns = r->info.n_insns[DACC_PROGRAM_PREFILL],
		.n_tokens = left < r->opt.chunk ? left : r->opt.chunk,
		.pos = first,
		.max_pos = r->info.kv.max_ctx,
	};
	int ret = gpu_drain(r, MAX_PENDING - 1);

	if (ret)
		return ret;
	if (last) {
		args.n_points = r->config->n_layers;
		args.points.handle = p->gpu_points;
		args.points.point = 1;
	}
	args.done.handle = r->gpu_done;
	args.done.point = ++r->gpu_point;
	ret = gpupeer_prefill(r->gpu, &args);
	if (ret)
		return run_fail(EXIT_FAILED, "GPU peer %s: a prefill can't be submitted: %s",
				gpupeer_pci(r->gpu), strerror(-ret));
	track(r, args.job, &p->chunks[chunk]);
	return 0;
}

int submit_prefill(struct run *r, struct prompt *p)
{
	int ret = 0;

	if (r->config->n_layers > MAX_POINTS)
		return run_fail(EXIT_TOO_LARGE,
				"the model has %u layers, the GPU peer signals at most %d: it can't be prefilled there",
				r->config->n_layers, MAX_POINTS);
	for (uint32_t i = 0; i < p->n_chunks && !ret; i++)
		ret = submit_chunk(r, p, i);
	return ret;
}

/* half 0: a layer's K, half 1: its V. Waits on the GPU for the layer's point. */
int gpu_submit_copy(struct run *r, struct prompt *p, uint32_t layer, unsigned int half)
{
	struct drm_gpupeer_sync in = { .handle = p->gpu_points, .point = layer + 1 };
	uint64_t offset = layer * r->info.kv.layer_bytes + half * r->info.kv.region_bytes;
	struct drm_gpupeer_copy args = {
		.src = p->kv_hbm->handle,
		.dst = p->kv_sys->handle,
		.src_offset = offset,
		.dst_offset = offset,
		.len = (uint64_t)p->n_prompt * r->info.kv.row_bytes,
		.in_syncs = (uintptr_t)&in,
		.n_in_syncs = 1,
	};
	int ret = gpu_drain(r, MAX_PENDING - 1);

	if (ret)
		return ret;
	args.done.handle = r->gpu_done;
	args.done.point = ++r->gpu_point;
	ret = gpupeer_copy(r->gpu, &args);
	if (ret)
		return run_fail(EXIT_FAILED, "GPU peer %s: a copy can't be submitted: %s",
				gpupeer_pci(r->gpu), strerror(-ret));
	track(r, args.job, &p->copies[2 * layer + half]);
	return 0;
}
