// SPDX-License-Identifier: MIT
/*
 * Moving a KV cache in from another device: a list into the session's pool, made
 * once and posted any number of times, with one timeline point for each layer.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

struct dacc_kv {
	struct dacc_session *session;
	struct dacc_vm *vm;
	uint64_t src; /* where the source is mapped; 0 if not */
	struct dacc_list *list;
	uint32_t n_blocks;    /* of a layer */
	uint64_t layer_bytes; /* payload */
};

static int check_source(struct dacc_device *dev, const struct dacc_kv_source *s,
			const struct dacc_kv_layout *dst)
{
	const struct dacc_kv_layout *src = &s->layout;
	uint64_t end, rows;

	if (!s->bo)
		return dacc_dev_error(dev, -EINVAL, "a KV transfer needs a buffer (bo is NULL)");
	if (!s->n_positions || !s->block_positions)
		return dacc_dev_error(dev, -EINVAL, "a KV transfer: %s is 0",
				      s->n_positions ? "block_positions" : "n_positions");
	if (src->type != dst->type || src->n_layers != dst->n_layers ||
	    src->row_bytes != dst->row_bytes)
		return dacc_dev_error(dev, -EINVAL,
				      "KV layouts do not match: source has %u layers of type %u, %u bytes a row; the session %u of type %u, %u",
				      src->n_layers, src->type, src->row_bytes, dst->n_layers,
				      dst->type, dst->row_bytes);
	if (s->n_positions > dst->max_ctx || s->n_positions > src->max_ctx)
		return dacc_dev_error(dev, -EINVAL,
				      "%u positions do not fit KV caches of %u (source) and %u",
				      s->n_positions, src->max_ctx, dst->max_ctx);
	/* Last byte of the last layer's V. */
	rows = (uint64_t)s->n_positions * src->row_bytes;
	if (src->region_bytes < rows ||
	    __builtin_mul_overflow(src->layer_bytes, src->n_layers - 1ull, &end) ||
	    __builtin_add_overflow(end, src->region_bytes, &end) ||
	    __builtin_add_overflow(end, rows, &end) ||
	    __builtin_add_overflow(end, s->offset, &end) || end > dacc_bo_size(s->bo))
		return dacc_dev_error(dev, -EINVAL,
				      "the source buffer of %llu bytes is too small for its KV layout",
				      (unsigned long long)dacc_bo_size(s->bo));
	return 0;
}

/* K and V of a layer are two blocks, each as far apart as the regions are. */
static int strided_list(struct dacc_kv *kv, const struct dacc_kv_source *s,
			struct dacc_list_args *args)
{
	struct dacc_kv_layout dst;

	args->form = DACC_LIST_STRIDED;
	args->strided.dst = dacc_session_kv(kv->session, &dst);
	args->strided.src = kv->src;
	args->strided.src_layer = s->layout.layer_bytes;
	args->strided.dst_layer = dst.layer_bytes;
	args->strided.src_stride = s->layout.region_bytes;
	args->strided.dst_stride = dst.region_bytes;
	args->strided.block_bytes = (uint64_t)s->n_positions * dst.row_bytes;
	args->strided.n_blocks = 2;
	return dacc_list_create(kv->vm, args, &kv->list);
}

static struct dacc_block *write_layer(const struct dacc_kv *kv, const struct dacc_kv_source *s,
				      uint32_t layer, struct dacc_block *block)
{
	struct dacc_kv_layout dst;
	uint64_t to = dacc_session_kv(kv->session, &dst) + layer * dst.layer_bytes;
	uint64_t from = kv->src + layer * s->layout.layer_bytes;

	for (uint32_t p = 0; p < s->n_positions; p += s->block_positions) {
		uint32_t left = s->n_positions - p;
		uint32_t n = left < s->block_positions ? left : s->block_positions;
		uint64_t at = (uint64_t)p * dst.row_bytes, len = (uint64_t)n * dst.row_bytes;

		*block++ = (struct dacc_block){ .src = from + at, .dst = to + at, .len = len };
		*block++ = (struct dacc_block){ .src = from + s->layout.region_bytes + at,
						.dst = to + dst.region_bytes + at,
						.len = len };
	}
	return block;
}

static int block_list(struct dacc_kv *kv, const struct dacc_kv_source *s,
		      struct dacc_list_args *args)
{
	uint64_t n = (uint64_t)kv->n_blocks * args->n_layers;
	uint32_t *ends = calloc(args->n_layers, sizeof(*ends));
	struct dacc_block *blocks = calloc(n, sizeof(*blocks)), *next = blocks;
	int ret;

	if (blocks && ends) {
		for (uint32_t l = 0; l < args->n_layers; l++) {
			next = write_layer(kv, s, l, next);
			ends[l] = (uint32_t)(next - blocks);
		}
		args->form = DACC_LIST_SG;
		args->sg.blocks = blocks;
		args->sg.layer_end = ends;
		ret = dacc_list_create(kv->vm, args, &kv->list);
	} else {
		ret = dacc_dev_error(kv->vm->dev, -ENOMEM, "out of memory");
	}
	free(blocks);
	free(ends);
	return ret;
}

static int make_list(struct dacc_kv *kv, const struct dacc_kv_source *s, uint32_t n_layers)
{
	struct dacc_list_args args = {
		.size = sizeof(args),
		.pool = kv->session->pool,
		.pages = kv->session->pages,
		.n_pages = n_layers,
		.n_layers = n_layers,
	};

	return kv->n_blocks == 2 ? strided_list(kv, s, &args) : block_list(kv, s, &args);
}

DACC_PUBLIC int dacc_kv_prepare(struct dacc_session *session, const struct dacc_kv_source *source,
				struct dacc_kv **out)
{
	struct dacc_vm *vm = session->weights->vm;
	struct dacc_device *dev = vm->dev;
	const struct dacc_kv_layout *dst = &session->weights->program->info.kv;
	struct dacc_kv_source s;
	struct dacc_kv *kv;
	int ret = dacc_copy_in(&s, sizeof(s), source);

	if (ret)
		return dacc_dev_error(dev, ret, "struct dacc_kv_source %s",
				      dacc_copy_in_text(ret, source));
	if (!out)
		return dacc_dev_error(dev, -EINVAL, "no place for the KV transfer");
	ret = check_source(dev, &s, dst);
	if (!ret)
		ret = dacc_session_need_pool(session);
	if (ret)
		return ret;
	kv = calloc(1, sizeof(*kv));
	if (!kv)
		return dacc_dev_error(dev, -ENOMEM, "out of memory");
	kv->session = dacc_session_get(session);
	kv->vm = dacc_vm_get(vm);
	kv->n_blocks = 2 * ((s.n_positions - 1) / s.block_positions + 1);
	kv->layer_bytes = 2ull * s.n_positions * dst->row_bytes;
	if (kv->n_blocks > dev->max_blocks)
		ret = dacc_dev_error(dev, -ENOSPC,
				     "%u blocks a layer, the chip's tables hold %u: use blocks of more positions",
				     kv->n_blocks, dev->max_blocks);
	if (!ret)
		ret = dacc_vm_map(vm, s.bo, s.offset, 0, DACC_VM_READONLY, &kv->src);
	if (!ret)
		ret = make_list(kv, &s, dst->n_layers);
	if (ret) {
		dacc_kv_free(kv);
		return ret;
	}
	*out = kv;
	return 0;
}

DACC_PUBLIC int dacc_kv_post(struct dacc_kv *kv, struct dacc_queue *queue,
			     const struct dacc_transfer_args *args, uint64_t *id)
{
	return dacc_transfer_post(queue, kv->list, args, id);
}

DACC_PUBLIC uint32_t dacc_kv_blocks(const struct dacc_kv *kv)
{
	return kv->n_blocks;
}

DACC_PUBLIC uint64_t dacc_kv_layer_bytes(const struct dacc_kv *kv)
{
	return kv->layer_bytes;
}

DACC_PUBLIC void dacc_kv_free(struct dacc_kv *kv)
{
	if (!kv)
		return;
	dacc_list_destroy(kv->list);
	if (kv->src)
		dacc_vm_unmap(kv->vm, kv->src);
	dacc_session_put(kv->session);
	dacc_vm_put(kv->vm);
	free(kv);
}
