// SPDX-License-Identifier: MIT
/*
 * Moving KV caches into SRAM: straight out of the peer's memory, each layer as
 * soon as the prefill has signalled it; or, where the chip may not reach that,
 * by way of host memory.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define BLOCK_POSITIONS 16

static int prepare(struct run *r, struct prompt *p, struct gpupeer_bo *from)
{
	struct dacc_kv_source source = {
		.size = sizeof(source),
		.layout = r->info.kv,
		.n_positions = p->n_prompt,
		.block_positions = BLOCK_POSITIONS,
	};
	int ret, fd = gpupeer_bo_export(from);

	if (fd < 0)
		return run_fail(EXIT_FAILED, "GPU peer %s: a KV cache can't be exported: %s",
				gpupeer_pci(r->gpu), strerror(-fd));
	ret = dacc_bo_import(r->dev, fd, &p->kv_bo);
	close(fd);
	if (!ret) {
		source.bo = p->kv_bo;
		ret = dacc_kv_prepare(p->session, &source, &p->kv);
	}
	if (!ret)
		return 0;
	dacc_bo_destroy(p->kv_bo);
	p->kv_bo = NULL;
	return ret == -EREMOTEIO ? ret : run_fail_device(r, ret);
}

static int post(struct run *r, struct prompt *p, uint32_t layer, uint32_t in, uint64_t not_before)
{
	struct dacc_kv_post_args args = {
		.size = sizeof(args),
		.first_layer = layer,
		.n_layers = 1,
		.in = { .handle = in, .point = layer + 1 },
		.out = { .handle = p->moved, .point = layer + 1 },
		.not_before_ps = not_before,
	};
	int ret = dacc_kv_post(p->kv, r->transfer, &args, &p->seqs[layer]);

	if (ret == -EAGAIN)
		return run_fail(EXIT_FAILED, "the transfer queue is full");
	return ret ? run_fail_device(r, ret) : 0;
}

static int move_direct(struct run *r, struct prompt *p)
{
	int ret = prepare(r, p, p->kv_hbm);

	for (uint32_t l = 0; l < r->config->n_layers && !ret; l++)
		ret = post(r, p, l, p->points, 0);
	return ret;
}

/*
 * Nobody can tell the chip when the GPU peer wrote host memory but the host, who
 * therefore waits for each layer's copy and passes its end time on.
 */
static int move_bounce(struct run *r, struct prompt *p)
{
	uint32_t layers = r->config->n_layers;
	unsigned int later;
	int ret;

	ret = gpupeer_bo_create(r->gpu, r->info.kv_bytes, DRM_GPUPEER_BO_SYSTEM, &p->kv_sys);
	if (ret)
		return run_fail(EXIT_FAILED, "no host memory for a KV cache: %s", strerror(-ret));
	ret = prepare(r, p, p->kv_sys);
	if (ret == -EREMOTEIO)
		ret = run_fail(EXIT_FAILED, "the chip may not reach the GPU peer's host memory");
	for (uint32_t l = 0; l < layers && !ret; l++) {
		ret = gpu_submit_copy(r, p, l, 0);
		if (!ret)
			ret = gpu_submit_copy(r, p, l, 1);
	}
	for (uint32_t l = 0; l < layers && !ret; l++) {
		/* Jobs of the GPU peer end in order. */
		later = 2 * (layers - 1 - l);
		ret = gpu_drain(r, later);
		if (!ret)
			ret = post(r, p, l, 0, p->copies[2 * l + 1].t_end);
	}
	return ret;
}

int move_kv(struct run *r, struct prompt *p)
{
	int ret = -EREMOTEIO;

	if (!r->bounce)
		ret = move_direct(r, p);
	if (ret == -EREMOTEIO) {
		r->bounce = true;
		ret = move_bounce(r, p);
	}
	return ret;
}

/* Wait for all transfers, look at each result, and add them up. */
int check_transfers(struct run *r)
{
	struct stats *s = &r->stats;
	struct dacc_bo_info bo;
	int ret;

	for (unsigned int i = 0; i < r->opt.n_prompts; i++) {
		struct prompt *p = &r->prompt[i];

		for (uint32_t l = 0; p->active && l < r->config->n_layers; l++) {
			struct dacc_result *t = &p->transfers[l];

			do {
				ret = dacc_queue_wait(r->transfer, p->seqs[l], soon(r->deadline), t,
						      1);
			} while (ret == -ETIME && keep_on(r->deadline));
			if (ret == -ETIME && check_signal())
				return EXIT_FAILED;
			if (ret == -ETIME)
				return run_fail(EXIT_FAILED,
						"the KV transfer did not end in %g s: give it longer with --timeout",
						r->opt.timeout);
			if (ret)
				return run_fail_device(r, ret);
			if (t->error) {
				/* A prefill that failed is the cause of what waited for it. */
				ret = gpu_drain(r, 0);
				return ret ? ret :
					     run_fail(EXIT_FAILED,
						      "transfer of layer %u failed: %s (%s)", l,
						      dacc_status_string(t->status),
						      strerror(-t->error));
			}
			s->kv_bytes += t->bytes;
			s->link_bytes += t->link_bytes;
			s->path_bits |= t->path;
			s->kv_blocks += dacc_kv_blocks(p->kv);
			span_add(&s->transfer, t->t_start, t->t_end);
		}
		if (p->active) {
			ret = dacc_bo_get_info(p->kv_bo, &bo, sizeof(bo));
			if (ret)
				return run_fail_device(r, ret);
			s->peer |= bo.peer;
		}
	}
	return 0;
}
