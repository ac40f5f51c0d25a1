// SPDX-License-Identifier: MIT
/* Writing a program's image: instructions, converted weights, RoPE table. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define ROPE_BASE 10000.0f

static int write_tensor(const struct dacc_program *p, enum tensor_id id, uint32_t layer, char *dst,
			void *row, struct dacc_error *err)
{
	const struct model_tensor *t = &p->model->tensor[id];
	const struct program_tensor *pt = &p->tensor[id];
	uint64_t bytes = dacc_row_bytes(pt->type, t->cols);
	const float *src = t->data + (uint64_t)layer * t->rows * t->cols;

	for (uint32_t r = 0; r < t->rows; r++, src += t->cols, dst += bytes) {
		for (uint32_t i = 0; i < t->cols; i++)
			if (!isfinite(src[i]))
				return dacc_set_error(err, -EINVAL,
						      "weight [%u][%u] of tensor %s, layer %u, is not a finite number: corrupt checkpoint",
						      r, i, t->name, layer);
		/* By way of memory of ours: dst may be a device's. */
		dacc_convert_row(pt->type, src, t->cols, row);
		memcpy(dst, row, bytes);
	}
	return 0;
}

/*
 * Cosines and sines of each position, as llama2.c computes them: single
 * precision throughout, since the angle's rounding shows in the text.
 */
static void write_rope(const struct dacc_program *p, char *dst)
{
	uint32_t head = p->model->config.dim / p->model->config.n_heads;

	for (uint32_t pos = 0; pos < p->info.kv.max_ctx; pos++) {
		for (uint32_t i = 0; i < head; i += 2) {
			float freq = 1.0f / powf(ROPE_BASE, (float)i / head);
			float angle = pos * freq;
			float pair[2] = { cosf(angle), sinf(angle) };

			memcpy(dst, pair, sizeof(pair));
			dst += sizeof(pair);
		}
	}
}

DACC_PUBLIC int dacc_program_write_image(const struct dacc_program *program, void *dst,
					 uint64_t size, struct dacc_error *err)
{
	const struct dacc_program_info *info = &program->info;
	const struct dacc_model_config *c = &program->model->config;
	uint32_t widest = c->dim > c->hidden_dim ? c->dim : c->hidden_dim;
	char *out = dst, *layer;
	int ret = 0;
	void *row;

	if (size < info->image_bytes)
		return dacc_set_error(err, -ENOSPC,
				      "the image has %llu bytes, there is room for %llu",
				      (unsigned long long)info->image_bytes,
				      (unsigned long long)size);
	row = malloc(4ull * widest);
	if (!row)
		return dacc_set_error(err, -ENOMEM, "out of memory");
	for (int k = 0; k < 2; k++)
		memcpy(out + info->insns_offset[k], program->insns[k], sizeof(program->insns[k]));
	for (int i = 0; i < TENSOR_COUNT && !ret; i++) {
		if (program->model->tensor[i].per_layer ||
		    (i == TENSOR_CLASSIFIER && c->shared_classifier))
			continue;
		ret = write_tensor(program, i, 0, out + program->tensor[i].offset, row, err);
	}
	if (!ret)
		write_rope(program, out + program->rope_offset);
	for (uint32_t l = 0; l < c->n_layers && !ret; l++) {
		layer = out + info->layers_offset + l * info->layer_bytes;
		for (int i = 0; i < TENSOR_COUNT && !ret; i++)
			if (program->model->tensor[i].per_layer)
				ret = write_tensor(program, i, l, layer + program->tensor[i].offset,
						   row, err);
	}
	free(row);
	return ret;
}
