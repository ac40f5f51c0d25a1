// SPDX-License-Identifier: MIT
/*
 * Llama to instructions. One program serves every layer, step and session: LOOP
 * runs the layer's instructions with base registers that go from layer to layer,
 * so weights lie at a constant distance, and so do KV caches.
 *
 * Image: decode program, prefill program, tensors outside of the layers, RoPE
 * table, layers.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define RMS_EPS 0.00001f

/* Offsets of a sequence's activations. The logits are last: a prefill has none. */
struct act {
	uint64_t x, xb, q, k, v, h1, h3, logits;
	uint64_t end, prefill_end;
};

struct builder {
	struct dacc_program *p;
	const struct dacc_model_config *c;
	struct act act;
	struct dacc_insn *insn;
	uint32_t n;
};

static uint32_t f32_bits(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

static struct act lay_out_act(const struct dacc_model_config *c)
{
	uint32_t kv_dim = c->dim / c->n_heads * c->n_kv_heads;
	struct act a;
	uint64_t at = 0;
	struct {
		uint64_t *offset;
		uint32_t n;
	} v[] = {
		{ &a.x, c->dim },         { &a.xb, c->dim },
		{ &a.q, c->dim },         { &a.k, kv_dim },
		{ &a.v, kv_dim },         { &a.h1, c->hidden_dim },
		{ &a.h3, c->hidden_dim }, { &a.logits, c->vocab_size },
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		if (v[i].offset == &a.logits)
			a.prefill_end = at;
		*v[i].offset = at;
		at = align_up(at + 4ull * v[i].n, TENSOR_ALIGN);
	}
	a.end = at;
	return a;
}

static uint64_t act(uint64_t offset)
{
	return DACC_OPERAND(DACC_BASE_ACT, offset);
}

static uint64_t weight(const struct builder *b, enum tensor_id id)
{
	bool per_layer = b->p->model->tensor[id].per_layer;

	return DACC_OPERAND(per_layer ? DACC_BASE_LAYER : DACC_BASE_MODEL, b->p->tensor[id].offset);
}

static struct dacc_insn *emit(struct builder *b, enum dacc_insn_op op)
{
	struct dacc_insn *i = &b->insn[b->n++];

	memset(i, 0, sizeof(*i));
	i->op = op;
	return i;
}

static void emit_norm(struct builder *b, enum tensor_id id)
{
	struct dacc_insn *i = emit(b, DACC_INSN_RMSNORM);

	i->imm = f32_bits(RMS_EPS);
	i->dst = act(b->act.xb);
	i->a = act(b->act.x);
	i->b = weight(b, id);
	i->n0 = b->c->dim;
}

static void emit_matvec(struct builder *b, enum tensor_id id, uint64_t dst, uint64_t src,
			bool accumulate)
{
	const struct model_tensor *t = &b->p->model->tensor[id];
	struct dacc_insn *i = emit(b, DACC_INSN_MATVEC);

	i->type = b->p->tensor[id].type;
	i->flags = accumulate ? DACC_INSN_ACCUMULATE : 0;
	i->dst = act(dst);
	i->a = weight(b, id);
	i->b = act(src);
	i->n0 = t->rows;
	i->n1 = t->cols;
}

static void emit_rope(struct builder *b, uint64_t vec, uint32_t heads)
{
	struct dacc_insn *i = emit(b, DACC_INSN_ROPE);

	i->dst = act(vec);
	i->a = DACC_OPERAND(DACC_BASE_MODEL, b->p->rope_offset);
	i->n0 = heads;
	i->n1 = b->c->dim / b->c->n_heads;
}

static void emit_append(struct builder *b, uint64_t region, uint64_t src)
{
	const struct dacc_kv_layout *kv = &b->p->info.kv;
	struct dacc_insn *i = emit(b, DACC_INSN_KV_APPEND);

	i->type = kv->type;
	i->dst = DACC_OPERAND(DACC_BASE_KV, region);
	i->a = act(src);
	i->n0 = b->c->dim / b->c->n_heads * b->c->n_kv_heads;
	i->n1 = kv->row_bytes;
}

static void emit_attention(struct builder *b)
{
	const struct dacc_kv_layout *kv = &b->p->info.kv;
	struct dacc_insn *i = emit(b, DACC_INSN_ATTENTION);
	uint32_t head = b->c->dim / b->c->n_heads;

	i->type = kv->type;
	i->imm = f32_bits(1.0f / sqrtf(head));
	i->dst = act(b->act.xb);
	i->a = act(b->act.q);
	i->b = DACC_OPERAND(DACC_BASE_KV, 0);
	i->c = DACC_OPERAND(DACC_BASE_KV, kv->region_bytes);
	i->n0 = b->c->n_heads;
	i->n1 = b->c->n_kv_heads;
	i->n2 = head;
	i->n3 = kv->row_bytes;
}

static void emit_layer(struct builder *b, enum dacc_program_kind kind)
{
	const struct act *a = &b->act;
	struct dacc_insn *i;

	emit_norm(b, TENSOR_RMS_ATT);
	emit_matvec(b, TENSOR_WQ, a->q, a->xb, false);
	emit_matvec(b, TENSOR_WK, a->k, a->xb, false);
	emit_matvec(b, TENSOR_WV, a->v, a->xb, false);
	emit_rope(b, a->q, b->c->n_heads);
	emit_rope(b, a->k, b->c->n_kv_heads);
	emit_append(b, 0, a->k);
	emit_append(b, b->p->info.kv.region_bytes, a->v);
	if (kind == DACC_PROGRAM_PREFILL) {
		/* The layer's KV cache is complete here, so it may move already. */
		i = emit(b, DACC_INSN_SIGNAL);
		i->n0 = 1;
	}
	emit_attention(b);
	emit_matvec(b, TENSOR_WO, a->x, a->xb, true);
	emit_norm(b, TENSOR_RMS_FFN);
	emit_matvec(b, TENSOR_W1, a->h1, a->xb, false);
	emit_matvec(b, TENSOR_W3, a->h3, a->xb, false);
	i = emit(b, DACC_INSN_SWIGLU);
	i->dst = act(a->h1);
	i->a = act(a->h1);
	i->b = act(a->h3);
	i->n0 = b->c->hidden_dim;
	emit_matvec(b, TENSOR_W2, a->x, a->h1, true);
}

static uint32_t emit_program(struct builder *b, enum dacc_program_kind kind)
{
	struct dacc_insn *i, *loop;
	uint32_t first;

	b->insn = b->p->insns[kind];
	b->n = 0;
	i = emit(b, DACC_INSN_EMBED);
	i->type = b->p->tensor[TENSOR_EMBED].type;
	i->dst = act(b->act.x);
	i->a = weight(b, TENSOR_EMBED);
	i->n0 = b->c->dim;
	i->n1 = b->c->vocab_size;

	loop = emit(b, DACC_INSN_LOOP);
	loop->a = b->p->info.layer_bytes;
	loop->b = b->p->info.kv.layer_bytes;
	loop->n0 = b->c->n_layers;
	first = b->n;
	emit_layer(b, kind);
	loop->n1 = b->n - first;

	if (kind == DACC_PROGRAM_DECODE) {
		emit_norm(b, TENSOR_RMS_FINAL);
		emit_matvec(b, TENSOR_CLASSIFIER, b->act.logits, b->act.xb, false);
		i = emit(b, DACC_INSN_SAMPLE);
		i->a = act(b->act.logits);
		i->n0 = b->c->vocab_size;
	}
	return b->n;
}

static void lay_out_kv(struct dacc_program_info *info, const struct dacc_model_config *c,
		       enum dacc_type type, uint32_t max_ctx)
{
	struct dacc_kv_layout *kv = &info->kv;
	uint32_t kv_dim = c->dim / c->n_heads * c->n_kv_heads;

	kv->type = type;
	kv->n_layers = c->n_layers;
	kv->max_ctx = max_ctx;
	kv->row_bytes = dacc_row_bytes(type, kv_dim);
	kv->region_bytes = align_up((uint64_t)kv->row_bytes * max_ctx, KV_ALIGN);
	kv->layer_bytes = 2 * kv->region_bytes;
	info->kv_bytes = kv->layer_bytes * c->n_layers;
}

static enum dacc_type tensor_type(enum dacc_type want, const struct model_tensor *t)
{
	if (t->rows == 1)
		return DACC_TYPE_F32;
	if (want == DACC_TYPE_Q8_0 && t->cols % 32)
		return DACC_TYPE_F16;
	return want;
}

static void lay_out_image(struct dacc_program *p)
{
	const struct dacc_model_config *c = &p->model->config;
	struct dacc_program_info *info = &p->info;
	uint64_t at = 0, layer = 0;

	for (int k = 0; k < 2; k++) {
		info->insns_offset[k] = at;
		at = align_up(at + sizeof(p->insns[k]), TENSOR_ALIGN);
	}
	for (int i = 0; i < TENSOR_COUNT; i++) {
		const struct model_tensor *t = &p->model->tensor[i];
		struct program_tensor *pt = &p->tensor[i];
		uint64_t *cursor = t->per_layer ? &layer : &at;

		if (i == TENSOR_CLASSIFIER && c->shared_classifier) {
			*pt = p->tensor[TENSOR_EMBED];
			continue;
		}
		pt->type = tensor_type(p->weight_type, t);
		pt->bytes = dacc_row_bytes(pt->type, t->cols) * t->rows;
		pt->offset = *cursor;
		*cursor = align_up(*cursor + pt->bytes, TENSOR_ALIGN);
		info->weight_bytes += t->per_layer ? pt->bytes * c->n_layers : pt->bytes;
	}
	p->rope_offset = at;
	at = align_up(at + 4ull * (c->dim / c->n_heads) * info->kv.max_ctx, 4 * KIB);
	info->layers_offset = at;
	info->layer_bytes = layer;
	info->image_bytes = align_up(at + layer * c->n_layers, 4 * KIB);
}

static int check_options(const struct dacc_model_config *c, struct dacc_program_options *o,
			 struct dacc_error *err)
{
	if (o->weight_type != DACC_TYPE_F32 && o->weight_type != DACC_TYPE_F16 &&
	    o->weight_type != DACC_TYPE_Q8_0)
		return dacc_set_error(err, -EINVAL, "weight type must be f32, f16 or q8_0");
	if (o->kv_type != DACC_TYPE_F32 && o->kv_type != DACC_TYPE_F16)
		return dacc_set_error(err, -EINVAL, "KV type must be f32 or f16");
	if (!o->max_ctx)
		o->max_ctx = c->seq_len;
	if (o->max_ctx > c->seq_len)
		return dacc_set_error(err, -EINVAL,
				      "a context of %u positions is asked for, the model's is %u: ask for at most that",
				      o->max_ctx, c->seq_len);
	return 0;
}

DACC_PUBLIC int dacc_program_compile(struct dacc_model *model,
				     const struct dacc_program_options *options,
				     struct dacc_program **out, struct dacc_error *err)
{
	struct dacc_program_options o = { .size = sizeof(o) };
	struct dacc_program *p;
	struct builder b;
	int ret;

	if (!model || !out)
		return dacc_set_error(err, -EINVAL, "no model");
	if (options) {
		ret = dacc_copy_in(&o, sizeof(o), options);
		if (ret)
			return dacc_set_error(err, ret, "struct dacc_program_options %s",
					      dacc_copy_in_text(ret, options));
	}
	ret = check_options(&model->config, &o, err);
	if (ret)
		return ret;
	p = calloc(1, sizeof(*p));
	if (!p)
		return dacc_set_error(err, -ENOMEM, "out of memory");
	atomic_init(&p->refs, 1);
	p->model = dacc_model_get(model);
	p->weight_type = o.weight_type;
	lay_out_kv(&p->info, &model->config, o.kv_type, o.max_ctx);
	lay_out_image(p);
	b = (struct builder){ .p = p, .c = &model->config, .act = lay_out_act(&model->config) };
	p->info.act_bytes = b.act.end;
	p->info.prefill_act_bytes = b.act.prefill_end;
	for (int k = 0; k < 2; k++)
		p->info.n_insns[k] = emit_program(&b, k);
	*out = p;
	return 0;
}

DACC_PUBLIC int dacc_program_get_info(const struct dacc_program *program,
				      struct dacc_program_info *info, size_t size)
{
	return dacc_copy_out(info, size, &program->info, sizeof(program->info));
}

DACC_PUBLIC const struct dacc_insn *dacc_program_insns(const struct dacc_program *program,
						       enum dacc_program_kind kind, uint32_t *n)
{
	if (kind != DACC_PROGRAM_DECODE && kind != DACC_PROGRAM_PREFILL)
		return NULL;
	if (n)
		*n = program->info.n_insns[kind];
	return program->insns[kind];
}

struct dacc_program *dacc_program_get(struct dacc_program *program)
{
	atomic_fetch_add(&program->refs, 1);
	return program;
}

DACC_PUBLIC void dacc_program_free(struct dacc_program *program)
{
	if (!program || atomic_fetch_sub(&program->refs, 1) != 1)
		return;
	dacc_model_close(program->model);
	free(program);
}
