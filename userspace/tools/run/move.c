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

static int prepare(struct run *r, struct prompt *p, struct gpupeer_bo *from)
{
	struct dacc_kv_source source = {
		.size = sizeof(source),
		.layout = r->info.kv,
		.n_positions = p->n_prompt,
		.block_positions = p->n_prompt,
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

/* What the chip is to find: K, then V, of a layer that the GPU peer has finished. */
static int compute_crc(struct run *r, struct prompt *p, struct gpupeer_bo *from, uint32_t layer)
{
	uint64_t len = (uint64_t)p->n_prompt * r->info.kv.row_bytes;
	const char *k;
	void *map;
	int ret = gpupeer_bo_map(from, &map);

	if (ret)
		return run_fail(EXIT_FAILED, "GPU peer %s: a KV cache can't be mapped: %s",
				gpupeer_pci(r->gpu), strerror(-ret));
	k = (const char *)map + layer * r->info.kv.layer_bytes;
	p->crcs[layer] = crc32_of(crc32_of(0, k, len), k + r->info.kv.region_bytes, len);
	return 0;
}

static int post(struct run *r, struct prompt *p, struct dacc_transfer_args *args)
{
	int ret;

	args->size = sizeof(*args);
	args->out.handle = p->moved;
	args->out.point = args->first_layer + 1;
	args->crcs = r->opt.verify_kv ? &p->crcs[args->first_layer] : NULL;
	ret = dacc_kv_post(p->kv, r->transfer, args, &p->transfer);
	return ret ? run_fail_device(r, ret) : 0;
}

/* Wait for the transfer that was posted last, and look at its result. */
static int finish(struct run *r, struct prompt *p)
{
	struct dacc_transfer_result *t = &p->transfers[p->n_transfers];
	int ret;

	if (!p->transfer)
		return 0;
	do {
		ret = dacc_transfer_wait(r->dev, p->transfer, soon(r->deadline), t, sizeof(*t));
	} while (ret == -ETIME && keep_on(r->deadline));
	if (ret == -ETIME && check_signal())
		return EXIT_FAILED;
	if (ret == -ETIME)
		return run_fail(EXIT_FAILED,
				"the KV transfer did not end in %g s: give it longer with --timeout",
				r->opt.timeout);
	if (ret)
		return run_fail_device(r, ret);
	p->transfer = 0;
	p->n_transfers++;
	if (!t->error)
		return 0;
	/* A prefill that failed is the cause of what waited for it. */
	ret = gpu_drain(r, 0);
	if (ret)
		return ret;
	if (t->error == -EBADMSG)
		return run_fail(EXIT_FAILED,
				"the KV cache did not arrive as it was: checksum of layer %u differs",
				t->failed_layer);
	return run_fail(EXIT_FAILED, "the KV transfer failed in block %u of layer %u: %s",
			t->failed_block, t->failed_layer,
			t->error == -EHOSTDOWN ? "the GPU peer has gone" : strerror(-t->error));
}

/* One transfer for all layers, each of which waits for the prefill's point. */
static int move_direct(struct run *r, struct prompt *p)
{
	struct dacc_transfer_args args = { .in = { .handle = p->points, .point = 1 } };
	int ret = prepare(r, p, p->kv_hbm);

	/* What is to be compared has to be there first. */
	if (!ret && r->opt.verify_kv)
		ret = gpu_drain(r, 0);
	for (uint32_t l = 0; r->opt.verify_kv && l < r->config->n_layers && !ret; l++)
		ret = compute_crc(r, p, p->kv_hbm, l);
	return ret ? ret : post(r, p, &args);
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
		struct dacc_transfer_args args = { .first_layer = l, .n_layers = 1 };

		/* Jobs of the GPU peer end in order. */
		later = 2 * (layers - 1 - l);
		ret = gpu_drain(r, later);
		if (!ret && r->opt.verify_kv)
			ret = compute_crc(r, p, p->kv_sys, l);
		args.not_before_ps = p->copies[2 * l + 1].t_end;
		/* The KV cache belongs to one transfer at a time. */
		if (!ret)
			ret = finish(r, p);
		if (!ret)
			ret = post(r, p, &args);
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

		if (!p->active)
			continue;
		ret = finish(r, p);
		if (ret)
			return ret;
		for (uint32_t k = 0; k < p->n_transfers; k++) {
			const struct dacc_transfer_result *t = &p->transfers[k];

			s->kv_bytes += t->bytes;
			s->link_bytes += t->link_bytes;
			s->path_bits |= t->path;
			s->kv_blocks += (uint64_t)dacc_kv_blocks(p->kv) * t->layers_done;
			span_add_busy(&s->transfer, t->t_start, t->t_end, t->busy_ps);
		}
		ret = dacc_bo_get_info(p->kv_bo, &bo, sizeof(bo));
		if (ret)
			return run_fail_device(r, ret);
		s->peer |= bo.peer;
	}
	return 0;
}
