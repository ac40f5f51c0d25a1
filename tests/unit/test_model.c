// SPDX-License-Identifier: GPL-2.0
/*
 * Whole models: a Llama program for the sequencer, against the plain reference and
 * against itself in other batches, chunks, vector units and threads.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "num.h"
#include "num_half.h"
#include "ref.h"
#include "tap.h"
#include "testmem.h"

#define MAX_INSNS 32
#define STEPS     200
#define SEQUENCES 8

/* Where things are, as offsets from their base registers. */
struct layout {
	uint64_t rms_att, wq, wk, wv, wo, rms_ffn, w1, w2, w3, layer; /* base 1 */
	uint64_t key, value, kv_layer, kv_all;                        /* base 2 */
	uint64_t x, xb, q, k, v, h1, h3, logits, act;                 /* base 3 */
	uint64_t embed, rms_final, wcls, rope, model;                 /* base 4 */
};

struct rig {
	struct ref_model *ref;
	struct ref_config *cfg;
	int kv_dim, head;
	enum dacc_type kv_type;
	struct layout at;
	struct dacc_insn program[MAX_INSNS];
	uint32_t n_insns, n_prefill; /* without the classifier */
	struct mem *m;
	uint64_t layers, model, kv[SEQUENCES], act[SEQUENCES];
};

static const char *model_path;

static uint64_t take(uint64_t *at, uint64_t floats)
{
	uint64_t here = *at;

	*at += floats * 4;
	return here;
}

static void lay_out(struct rig *r)
{
	struct ref_config *c = r->cfg;
	struct layout *l = &r->at;
	uint64_t d = c->dim, h = c->hidden_dim, kv = r->kv_dim, pos = c->seq_len;

	l->rms_att = take(&l->layer, d);
	l->wq = take(&l->layer, d * d);
	l->wk = take(&l->layer, d * kv);
	l->wv = take(&l->layer, d * kv);
	l->wo = take(&l->layer, d * d);
	l->rms_ffn = take(&l->layer, d);
	l->w1 = take(&l->layer, d * h);
	l->w2 = take(&l->layer, d * h);
	l->w3 = take(&l->layer, d * h);
	l->value = pos * num_bytes(r->kv_type, kv);
	l->kv_layer = 2 * l->value;
	l->kv_all = l->kv_layer * c->n_layers;
	l->x = take(&l->act, d);
	l->xb = take(&l->act, d);
	l->q = take(&l->act, d);
	l->k = take(&l->act, kv);
	l->v = take(&l->act, kv);
	l->h1 = take(&l->act, h);
	l->h3 = take(&l->act, h);
	l->logits = take(&l->act, c->vocab_size);
	l->embed = take(&l->model, (uint64_t)c->vocab_size * d);
	l->rms_final = take(&l->model, d);
	l->wcls = c->shared_classifier ? l->embed : take(&l->model, (uint64_t)c->vocab_size * d);
	l->rope = take(&l->model, pos * r->head);
}

static uint64_t layer_at(uint64_t offset)
{
	return DACC_OPERAND(DACC_BASE_LAYER, offset);
}

static uint64_t kv_at(uint64_t offset)
{
	return DACC_OPERAND(DACC_BASE_KV, offset);
}

static uint64_t act_at(uint64_t offset)
{
	return DACC_OPERAND(DACC_BASE_ACT, offset);
}

static uint64_t model_at(uint64_t offset)
{
	return DACC_OPERAND(DACC_BASE_MODEL, offset);
}

static struct dacc_insn *next_insn(struct rig *r, enum dacc_insn_op op)
{
	struct dacc_insn *insn = &r->program[r->n_insns++];

	insn->op = op;
	return insn;
}

static void emit_norm(struct rig *r, uint64_t weight)
{
	struct dacc_insn *insn;
	const struct layout *l = &r->at;

	insn = next_insn(r, DACC_INSN_RMSNORM);
	insn->imm = num_bits(0.00001f);
	insn->dst = act_at(l->xb);
	insn->a = act_at(l->x);
	insn->b = weight;
	insn->n0 = r->cfg->dim;
}

static void emit_matvec(struct rig *r, uint64_t dst, uint64_t w, uint64_t x, uint32_t rows,
			uint32_t n, uint16_t flags)
{
	struct dacc_insn *insn = next_insn(r, DACC_INSN_MATVEC);

	insn->flags = flags;
	insn->dst = dst;
	insn->a = w;
	insn->b = x;
	insn->n0 = rows;
	insn->n1 = n;
}

static void compile(struct rig *r)
{
	struct dacc_insn *insn;
	const struct layout *l = &r->at;
	struct ref_config *c = r->cfg;
	uint32_t row = num_bytes(r->kv_type, r->kv_dim), d = c->dim, h = c->hidden_dim, loop;

	insn = next_insn(r, DACC_INSN_EMBED);
	insn->dst = act_at(l->x);
	insn->a = model_at(l->embed);
	insn->n0 = d;
	insn->n1 = c->vocab_size;
	loop = r->n_insns;
	insn = next_insn(r, DACC_INSN_LOOP);
	insn->a = l->layer;
	insn->b = l->kv_layer;
	insn->n0 = c->n_layers;
	emit_norm(r, layer_at(l->rms_att));
	emit_matvec(r, act_at(l->q), layer_at(l->wq), act_at(l->xb), d, d, 0);
	emit_matvec(r, act_at(l->k), layer_at(l->wk), act_at(l->xb), r->kv_dim, d, 0);
	emit_matvec(r, act_at(l->v), layer_at(l->wv), act_at(l->xb), r->kv_dim, d, 0);
	insn = next_insn(r, DACC_INSN_ROPE);
	insn->dst = act_at(l->q);
	insn->a = model_at(l->rope);
	insn->n0 = c->n_heads;
	insn->n1 = r->head;
	insn = next_insn(r, DACC_INSN_ROPE);
	insn->dst = act_at(l->k);
	insn->a = model_at(l->rope);
	insn->n0 = c->n_kv_heads;
	insn->n1 = r->head;
	insn = next_insn(r, DACC_INSN_KV_APPEND);
	insn->type = r->kv_type;
	insn->dst = kv_at(l->key);
	insn->a = act_at(l->k);
	insn->n0 = r->kv_dim;
	insn->n1 = row;
	insn = next_insn(r, DACC_INSN_KV_APPEND);
	insn->type = r->kv_type;
	insn->dst = kv_at(l->value);
	insn->a = act_at(l->v);
	insn->n0 = r->kv_dim;
	insn->n1 = row;
	insn = next_insn(r, DACC_INSN_ATTENTION);
	insn->type = r->kv_type;
	insn->imm = num_bits(1.0f / sqrtf(r->head));
	insn->dst = act_at(l->xb);
	insn->a = act_at(l->q);
	insn->b = kv_at(l->key);
	insn->c = kv_at(l->value);
	insn->n0 = c->n_heads;
	insn->n1 = c->n_kv_heads;
	insn->n2 = r->head;
	insn->n3 = row;
	emit_matvec(r, act_at(l->x), layer_at(l->wo), act_at(l->xb), d, d, DACC_INSN_ACCUMULATE);
	emit_norm(r, layer_at(l->rms_ffn));
	emit_matvec(r, act_at(l->h1), layer_at(l->w1), act_at(l->xb), h, d, 0);
	emit_matvec(r, act_at(l->h3), layer_at(l->w3), act_at(l->xb), h, d, 0);
	insn = next_insn(r, DACC_INSN_SWIGLU);
	insn->dst = act_at(l->h1);
	insn->a = act_at(l->h1);
	insn->b = act_at(l->h3);
	insn->n0 = h;
	emit_matvec(r, act_at(l->x), layer_at(l->w2), act_at(l->h1), d, h, DACC_INSN_ACCUMULATE);
	r->program[loop].n1 = r->n_insns - loop - 1;
	r->n_prefill = r->n_insns;
	emit_norm(r, model_at(l->rms_final));
	emit_matvec(r, act_at(l->logits), model_at(l->wcls), act_at(l->xb), c->vocab_size, d, 0);
	insn = next_insn(r, DACC_INSN_SAMPLE);
	insn->a = act_at(l->logits);
	insn->n0 = c->vocab_size;
}

static void put_weights(struct rig *r)
{
	const struct ref_weights *w = &r->ref->w;
	struct ref_config *c = r->cfg;
	struct layout *l = &r->at;
	size_t d = c->dim, h = c->hidden_dim, kv = r->kv_dim;

	for (size_t i = 0; i < (size_t)c->n_layers; i++) {
		uint64_t at = r->layers + i * l->layer;

		mem_put(r->m, at + l->rms_att, w->rms_att + i * d, d * 4);
		mem_put(r->m, at + l->wq, w->wq + i * d * d, d * d * 4);
		mem_put(r->m, at + l->wk, w->wk + i * d * kv, d * kv * 4);
		mem_put(r->m, at + l->wv, w->wv + i * d * kv, d * kv * 4);
		mem_put(r->m, at + l->wo, w->wo + i * d * d, d * d * 4);
		mem_put(r->m, at + l->rms_ffn, w->rms_ffn + i * d, d * 4);
		mem_put(r->m, at + l->w1, w->w1 + i * d * h, d * h * 4);
		mem_put(r->m, at + l->w2, w->w2 + i * d * h, d * h * 4);
		mem_put(r->m, at + l->w3, w->w3 + i * d * h, d * h * 4);
	}
	mem_put(r->m, r->model + l->embed, w->token_embedding, c->vocab_size * d * 4);
	mem_put(r->m, r->model + l->rms_final, w->rms_final, d * 4);
	if (!c->shared_classifier)
		mem_put(r->m, r->model + l->wcls, w->wcls, c->vocab_size * d * 4);
	for (int p = 0; p < c->seq_len; p++)
		for (int j = 0; j < r->head / 2; j++) {
			float freq = 1.0f / powf(10000.0f, (float)(2 * j) / r->head);
			float pair[2] = { cosf(p * freq), sinf(p * freq) };

			mem_put(r->m, r->model + l->rope + (uint64_t)p * r->head * 4 + 8 * j, pair,
				8);
		}
}

static void rig_free(struct rig *r)
{
	mem_free(r->m);
	ref_model_free(r->ref);
}

static bool rig_init(struct rig *r, enum mem_kind kind, enum dacc_type kv_type)
{
	uint64_t size = 4 << 20;
	char err[REF_ERR_SIZE];
	SeqFault fault;
	bool good;

	memset(r, 0, sizeof(*r));
	r->ref = ref_model_load(model_path, err);
	if (!CHECK(r->ref, "%s", err))
		return false;
	r->cfg = &r->ref->cfg;
	r->head = r->cfg->dim / r->cfg->n_heads;
	r->kv_dim = r->head * r->cfg->n_kv_heads;
	r->kv_type = kv_type;
	lay_out(r);
	compile(r);
	good = seq_check(r->program, r->n_insns, &fault);
	if (!CHECK(good, "program refused: status %d at %u", fault.status, fault.index))
		return false;
	size += r->at.layer * r->cfg->n_layers + r->at.model +
		SEQUENCES * (r->at.kv_all + r->at.act);
	size += 256ull * r->at.act;
	r->m = mem_new(kind, size);
	if (!CHECK(r->m, "no memory"))
		return false;
	r->layers = mem_alloc(r->m, r->at.layer * r->cfg->n_layers, 20);
	r->model = mem_alloc(r->m, r->at.model, 0);
	for (int s = 0; s < SEQUENCES; s++) {
		r->kv[s] = mem_alloc(r->m, r->at.kv_all, 0);
		r->act[s] = mem_alloc(r->m, r->at.act, 0);
	}
	put_weights(r);
	return true;
}

static SeqEntry rig_entry(const struct rig *r, int s, uint32_t token)
{
	SeqEntry e = { .token = token, .max_pos = r->cfg->seq_len, .rng = 1 };

	e.base[DACC_BASE_LAYER] = r->layers;
	e.base[DACC_BASE_KV] = r->kv[s];
	e.base[DACC_BASE_ACT] = r->act[s];
	e.base[DACC_BASE_MODEL] = r->model;
	return e;
}

struct engine {
	Pool *pool;
	Seq *seq;
};

static bool engine_init(struct engine *e, unsigned int threads, DaccVector vector)
{
	e->pool = pool_new(threads, NULL, NULL, NULL);
	e->seq = e->pool ? seq_new(e->pool, vector, test_timing) : NULL;
	return CHECK(e->seq, "no memory or threads");
}

static void engine_free(struct engine *e)
{
	seq_free(e->seq);
	pool_free(e->pool);
}

/* Steps @n entries together and takes their tokens over. */
static bool step(struct rig *r, struct engine *e, SeqEntry *entry, uint32_t n)
{
	uint64_t cost = seq_cost(test_timing, r->program, r->n_insns, entry, n);
	uint64_t time = 0, progress = 0;
	SeqMemory ops = mem_ops(r->m);
	SeqFault fault;

	if (!seq_step(e->seq, &ops, r->program, r->n_insns, entry, n, &time, &progress, &fault))
		return CHECK(false, "status %d at %u, address %llx", fault.status, fault.index,
			     (unsigned long long)fault.addr);
	for (uint32_t i = 0; i < n; i++) {
		entry[i].token = entry[i].next;
		entry[i].pos++;
	}
	return CHECK(time == cost, "took %llu ps, cost %llu", (unsigned long long)time,
		     (unsigned long long)cost);
}

static void reference_tokens(struct rig *r, uint32_t first, uint32_t *token, float *worst,
			     struct engine *e)
{
	struct ref_state *s = ref_state_new(r->ref, NULL);
	SeqEntry entry = rig_entry(r, 0, first);
	uint32_t next = first, vocab = r->cfg->vocab_size;
	float *logits = malloc(vocab * sizeof(*logits));

	if (!CHECK(s && logits, "no memory"))
		goto out;
	for (int i = 0; i < STEPS; i++) {
		float *want = ref_forward(s, next, i);

		next = ref_argmax(want, vocab);
		if (!step(r, e, &entry, 1))
			goto out;
		mem_get(r->m, r->act[0] + r->at.logits, logits, vocab * sizeof(*logits));
		for (uint32_t k = 0; k < vocab; k++) {
			float off = fabsf(logits[k] - want[k]);

			*worst = off > *worst ? off : *worst;
		}
		token[i] = next;
		if (!CHECK(entry.token == next, "step %d: token %u, not %u", i, entry.token, next))
			goto out;
	}
out:
	free(logits);
	ref_state_free(s);
}

/* Greedy tokens are the reference's, and logits close to it. */
static void tokens_of_reference(void)
{
	static const uint32_t first[] = { REF_BOS, 300 };
	uint32_t token[STEPS];
	float worst = 0;
	struct engine e;
	struct rig r;

	if (!engine_init(&e, 2, DACC_VECTOR_AUTO))
		return;
	for (int i = 0; i < 2; i++) {
		if (!rig_init(&r, i ? MEM_SCATTERED : MEM_FLAT, DACC_TYPE_F32))
			return;
		reference_tokens(&r, first[i], token, &worst, &e);
		rig_free(&r);
	}
	printf("# %d steps twice, largest difference of a logit %g\n", STEPS, worst);
	CHECK(worst < 0.001f, "a logit is off by %g", worst);
	engine_free(&e);
}

/* What one sequence leaves behind, to be compared bit for bit. */
struct trace {
	uint32_t token[STEPS];
	uint8_t *kv;
	float *logits;
};

static bool trace_keep(struct rig *r, int s, struct trace *t)
{
	uint64_t len = r->cfg->vocab_size * sizeof(float);

	t->kv = malloc(r->at.kv_all);
	t->logits = malloc(len);
	if (!CHECK(t->kv && t->logits, "no memory"))
		return false;
	mem_get(r->m, r->kv[s], t->kv, r->at.kv_all);
	mem_get(r->m, r->act[s] + r->at.logits, t->logits, len);
	return true;
}

static void trace_free(struct trace *t)
{
	free(t->kv);
	free(t->logits);
}

/* The KV cache's first @positions of every layer, tokens and last logits. */
static void trace_compare(struct rig *r, const struct trace *a, const struct trace *b,
			  uint32_t positions, uint32_t steps, const char *what)
{
	uint64_t used = positions * num_bytes(r->kv_type, r->kv_dim);

	CHECK(!memcmp(a->token, b->token, steps * sizeof(uint32_t)), "%s: tokens differ", what);
	CHECK(!memcmp(a->logits, b->logits, r->cfg->vocab_size * sizeof(float)),
	      "%s: logits differ", what);
	for (int i = 0; i < r->cfg->n_layers; i++) {
		uint64_t at = i * r->at.kv_layer;

		CHECK(!memcmp(a->kv + at, b->kv + at, used), "%s: keys of layer %d", what, i);
		at += r->at.value;
		CHECK(!memcmp(a->kv + at, b->kv + at, used), "%s: values of layer %d", what, i);
	}
}

static const uint32_t start[SEQUENCES] = { 1, 300, 20, 410, 77, 301, 5, 260 };

/* Sequence @s for itself. Every odd one draws its tokens. */
static SeqEntry start_entry(struct rig *r, int s)
{
	SeqEntry e = rig_entry(r, s, start[s]);

	e.temperature = s & 1 ? 0.8f : 0;
	e.top_p = s & 2 ? 0.9f : 0;
	e.rng = 1234 + s;
	return e;
}

static bool run_alone(enum mem_kind kind, enum dacc_type type, unsigned int threads,
		      DaccVector vector, int s, int steps, struct trace *t)
{
	struct engine e;
	struct rig r;
	bool good = false;

	if (!engine_init(&e, threads, vector) || !rig_init(&r, kind, type))
		return false;
	SeqEntry entry = start_entry(&r, s);

	for (int i = 0; i < steps; i++) {
		if (!step(&r, &e, &entry, 1))
			goto out;
		t->token[i] = entry.token;
	}
	good = trace_keep(&r, s, t);
out:
	rig_free(&r);
	engine_free(&e);
	return good;
}

/* One sequence on other threads, vector units and kinds of memory. */
static void same_everywhere(void)
{
	static const struct {
		enum mem_kind kind;
		unsigned int threads;
		DaccVector vector;
	} other[] = {
		{ MEM_FLAT, 1, DACC_VECTOR_SCALAR },    { MEM_FLAT, 2, DACC_VECTOR_AUTO },
		{ MEM_SCATTERED, 3, DACC_VECTOR_AUTO }, { MEM_SCATTERED, 2, DACC_VECTOR_SCALAR },
		{ MEM_MIXED, 1, DACC_VECTOR_AUTO },     { MEM_HOST, 2, DACC_VECTOR_AUTO },
	};
	struct rig r;

	for (int type = DACC_TYPE_F32; type <= DACC_TYPE_F16; type++) {
		struct trace one = { 0 }, two = { 0 };

		if (!rig_init(&r, MEM_FLAT, type) ||
		    !run_alone(MEM_FLAT, type, 1, DACC_VECTOR_AUTO, 3, 60, &one))
			return;
		for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
			if (!run_alone(other[i].kind, type, other[i].threads, other[i].vector, 3,
				       60, &two))
				return;
			trace_compare(&r, &one, &two, 60, 60, "elsewhere");
			trace_free(&two);
		}
		trace_free(&one);
		rig_free(&r);
	}
}

/* Eight sequences in one batch are eight sequences one by one. */
static void batch_is_single(void)
{
	struct trace batch[SEQUENCES] = { 0 }, alone = { 0 };
	SeqEntry entry[SEQUENCES];
	struct engine e;
	struct rig r;

	if (!engine_init(&e, 2, DACC_VECTOR_AUTO) || !rig_init(&r, MEM_SCATTERED, DACC_TYPE_F32))
		return;
	for (int s = 0; s < SEQUENCES; s++)
		entry[s] = start_entry(&r, s);
	for (int i = 0; i < 100; i++) {
		if (!step(&r, &e, entry, SEQUENCES))
			return;
		for (int s = 0; s < SEQUENCES; s++)
			batch[s].token[i] = entry[s].token;
	}
	for (int s = 0; s < SEQUENCES; s++) {
		if (!trace_keep(&r, s, &batch[s]) ||
		    !run_alone(MEM_FLAT, DACC_TYPE_F32, 1, DACC_VECTOR_AUTO, s, 100, &alone))
			return;
		trace_compare(&r, &batch[s], &alone, 100, 100, "batch");
		trace_free(&batch[s]);
		trace_free(&alone);
	}
	rig_free(&r);
	engine_free(&e);
}

/*
 * As the GPU peer prefills: consecutive tokens of one sequence are a batch, in
 * chunks; then decoding goes on. Same KV cache, same tokens.
 */
static void prefill_chunks(void)
{
	enum {
		PROMPT = 200,
		AFTER = 30
	};
	static const uint32_t chunk[] = { 1, 7, 64, 200 };
	struct trace first = { 0 }, t = { 0 };
	static SeqEntry entry[PROMPT];
	uint64_t act;
	struct engine e;
	struct rig r;

	if (!engine_init(&e, 2, DACC_VECTOR_AUTO))
		return;
	for (size_t c = 0; c < sizeof(chunk) / sizeof(*chunk); c++) {
		SeqEntry last;

		if (!rig_init(&r, c & 1 ? MEM_SCATTERED : MEM_FLAT, DACC_TYPE_F32))
			return;
		act = mem_alloc(r.m, chunk[c] * r.at.act, 0);
		for (uint32_t p = 0; p < PROMPT; p += chunk[c]) {
			uint64_t time = 0, progress = 0;
			SeqMemory ops = mem_ops(r.m);
			SeqFault fault;
			uint32_t n = PROMPT - p < chunk[c] ? PROMPT - p : chunk[c];
			bool good;

			for (uint32_t i = 0; i < n; i++) {
				entry[i] = rig_entry(&r, 0, (p + i) * 31 % 500 + 3);
				entry[i].pos = p + i;
				entry[i].base[DACC_BASE_ACT] = act + i * r.at.act;
			}
			good = seq_step(e.seq, &ops, r.program, r.n_prefill, entry, n, &time,
					&progress, &fault);
			if (!CHECK(good, "chunk of %u: status %d", n, fault.status))
				return;
			CHECK(entry[0].next == DACC_NO_TOKEN, "a token without SAMPLE");
		}
		last = rig_entry(&r, 0, 40);
		last.pos = PROMPT;
		for (int i = 0; i < AFTER; i++) {
			if (!step(&r, &e, &last, 1))
				return;
			t.token[i] = last.token;
		}
		if (!trace_keep(&r, 0, &t))
			return;
		if (c) {
			trace_compare(&r, &first, &t, PROMPT + AFTER, AFTER, "chunks");
			trace_free(&t);
		} else {
			first = t;
		}
		rig_free(&r);
	}
	trace_free(&first);
	engine_free(&e);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 0.000000001;
}

static void report_speed(void)
{
	for (unsigned int threads = 1; threads <= 2; threads++) {
		struct engine e;
		struct rig r;
		double t;

		if (!engine_init(&e, threads, DACC_VECTOR_AUTO) ||
		    !rig_init(&r, MEM_FLAT, DACC_TYPE_F32))
			return;
		SeqEntry entry = rig_entry(&r, 0, 1);

		t = now();
		for (int i = 0; i < STEPS; i++)
			step(&r, &e, &entry, 1);
		t = now() - t;
		printf("# speed: %u threads, %.0f us for a token step\n", threads, t / STEPS * 1e6);
		rig_free(&r);
		engine_free(&e);
	}
}

static void run_model(const char *name, const char *dir, const char *file)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} cases[] = {
		{ "tokens_of_reference", tokens_of_reference },
		{ "same_everywhere", same_everywhere },
		{ "batch_is_single", batch_is_single },
		{ "prefill_chunks", prefill_chunks },
	};
	static char path[4096], title[256];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	model_path = path;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(title, sizeof(title), "%s: %s", name, cases[i].name);
		if (access(path, R_OK))
			tap_ok(true, "%s # SKIP %s is absent", title, path);
		else
			tap_case(title, cases[i].fn);
	}
	if (!access(path, R_OK))
		report_speed();
}

int main(void)
{
	const char *shared = getenv("DACC_SHARED");

	run_model("kjv-490k", DACC_TOP "/models/kjv-490k", "model.bin");
	run_model("stories260K", shared ? shared : DACC_TOP "/../shared/models/stories260K",
		  "stories260K.bin");
	return tap_done();
}
