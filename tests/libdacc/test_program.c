// SPDX-License-Identifier: GPL-2.0
/*
 * Compiled programs, executed by the device core's sequencer over flat memory and
 * compared with the plain reference: tokens, and the golden texts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dacc/dacc.h"
#include "models.h"
#include "ref.h"
#include "seq.h"
#include "tap.h"

#define VA       0x100000000ull
#define MAX_SEQS 8
#define MAX_ACT  64 /* tokens of a prefill chunk */

/* A machine: image, then each sequence's KV cache and activations. */
struct machine {
	const struct test_model *tm;
	struct dacc_model *model;
	struct dacc_tokenizer *tok;
	struct dacc_program *program;
	struct dacc_program_info info;
	const struct dacc_insn *insns[2];
	uint8_t *mem;
	uint64_t size;
	uint64_t seq_bytes;
	uint64_t signals;
	uint64_t last_signal;
	Pool *pool;
	Seq *seq;
};

static enum dacc_status mem_map(void *opaque, uint64_t va, uint64_t len, bool write, uint8_t **ptr,
				uint64_t *contig)
{
	struct machine *m = opaque;

	if (va < VA || va - VA >= m->size)
		return DACC_STATUS_UNMAPPED;
	if (write && va - VA < m->info.image_bytes)
		return DACC_STATUS_READ_ONLY;
	*ptr = m->mem + (va - VA);
	*contig = m->size - (va - VA) < len ? m->size - (va - VA) : len;
	return DACC_STATUS_OK;
}

static enum dacc_status mem_read(void *opaque, uint64_t va, void *buf, uint64_t len)
{
	uint64_t contig;
	uint8_t *ptr;
	enum dacc_status status = mem_map(opaque, va, len, false, &ptr, &contig);

	if (status == DACC_STATUS_OK && contig < len)
		status = DACC_STATUS_UNMAPPED;
	if (status == DACC_STATUS_OK)
		memcpy(buf, ptr, len);
	return status;
}

static enum dacc_status mem_write(void *opaque, uint64_t va, const void *buf, uint64_t len)
{
	uint64_t contig;
	uint8_t *ptr;
	enum dacc_status status = mem_map(opaque, va, len, true, &ptr, &contig);

	if (status == DACC_STATUS_OK && contig < len)
		status = DACC_STATUS_UNMAPPED;
	if (status == DACC_STATUS_OK)
		memcpy(ptr, buf, len);
	return status;
}

static void mem_signal(void *opaque, uint64_t value, uint64_t time)
{
	struct machine *m = opaque;

	(void)time;
	m->signals++;
	m->last_signal = value;
}

static void machine_free(struct machine *m)
{
	if (!m)
		return;
	seq_free(m->seq);
	pool_free(m->pool);
	free(m->mem);
	dacc_program_free(m->program);
	dacc_tokenizer_close(m->tok);
	dacc_model_close(m->model);
	free(m);
}

static struct machine *machine_new(const struct test_model *tm, enum dacc_type weights,
				   enum dacc_type kv)
{
	struct dacc_program_options o = { .size = sizeof(o),
					  .weight_type = weights,
					  .kv_type = kv };
	struct machine *m = calloc(1, sizeof(*m));
	struct dacc_error err = { "" };
	DaccCoreConfig config;
	SeqFault fault;

	m->tm = tm;
	if (dacc_model_open(tm->model, &m->model, &err) ||
	    dacc_tokenizer_open(tm->tokenizer, dacc_model_get_config(m->model)->vocab_size, &m->tok,
				&err) ||
	    dacc_program_compile(m->model, &o, &m->program, &err))
		goto fail;
	dacc_program_get_info(m->program, &m->info, sizeof(m->info));
	m->seq_bytes = m->info.kv_bytes + m->info.act_bytes * MAX_ACT;
	m->size = m->info.image_bytes + MAX_SEQS * m->seq_bytes;
	m->mem = aligned_alloc(64, (m->size + 63) & ~63ull);
	memset(m->mem, 0xff, m->size); /* NaN: what is read before it is written shows */
	if (dacc_program_write_image(m->program, m->mem, m->info.image_bytes, &err))
		goto fail;
	/* The instructions are executed from where the image has them. */
	for (int k = 0; k < 2; k++) {
		m->insns[k] = (const struct dacc_insn *)(m->mem + m->info.insns_offset[k]);
		if (!seq_check(m->insns[k], m->info.n_insns[k], &fault)) {
			snprintf(err.text, sizeof(err.text),
				 "program %d: instruction %u: status %d", k, fault.index,
				 fault.status);
			goto fail;
		}
	}
	memset(&config, 0, sizeof(config));
	for (int i = 0; i < DACC_TIMING_COUNT; i++)
		config.timing[i] = 1000;
	m->pool = pool_new(2, NULL, NULL, NULL);
	m->seq = seq_new(m->pool, DACC_VECTOR_AUTO, config.timing);
	if (m->seq)
		return m;
fail:
	CHECK(false, "%s: %s", tm->name, err.text);
	machine_free(m);
	return NULL;
}

static void set_bases(const struct machine *m, SeqEntry *e, int seq, int act)
{
	uint64_t at = VA + m->info.image_bytes + seq * m->seq_bytes;

	e->base[DACC_BASE_MODEL] = VA;
	e->base[DACC_BASE_LAYER] = VA + m->info.layers_offset;
	e->base[DACC_BASE_KV] = at;
	e->base[DACC_BASE_ACT] = at + m->info.kv_bytes + act * m->info.act_bytes;
}

static bool step(struct machine *m, enum dacc_program_kind kind, SeqEntry *e, uint32_t n)
{
	const SeqMemory mem = {
		.opaque = m,
		.map = mem_map,
		.read = mem_read,
		.write = mem_write,
		.signal = mem_signal,
	};
	SeqFault fault = { 0 };
	uint64_t time = 0, progress = 0;
	bool good = seq_step(m->seq, &mem, m->insns[kind], m->info.n_insns[kind], e, n, &time,
			     &progress, &fault);

	return CHECK(good, "%s: instruction %u, status %d, address 0x%llx", m->tm->name,
		     fault.index, fault.status, (unsigned long long)fault.addr);
}

/* Prefill n tokens of sequence seq in chunks, then set e to start decoding. */
static bool prefill(struct machine *m, int seq, const uint32_t *ids, uint32_t n, uint32_t chunk,
		    SeqEntry *e)
{
	uint32_t layers = dacc_model_get_config(m->model)->n_layers;

	for (uint32_t at = 0; at < n; at += chunk) {
		SeqEntry entry[MAX_ACT] = { 0 };
		uint32_t k = n - at < chunk ? n - at : chunk;

		for (uint32_t i = 0; i < k; i++) {
			set_bases(m, &entry[i], seq, i);
			entry[i].token = ids[at + i];
			entry[i].pos = at + i;
			entry[i].max_pos = m->info.kv.max_ctx;
		}
		m->signals = 0;
		if (!step(m, DACC_PROGRAM_PREFILL, entry, k))
			return false;
		if (!CHECK(m->signals == layers && m->last_signal == layers,
			   "%llu signals, the last %llu, of %u layers",
			   (unsigned long long)m->signals, (unsigned long long)m->last_signal,
			   layers))
			return false;
	}
	memset(e, 0, sizeof(*e));
	set_bases(m, e, seq, 0);
	e->token = ids[n - 1];
	e->pos = n - 1;
	e->max_pos = m->info.kv.max_ctx;
	return true;
}

/* As the reference prints it: prompt and up to steps positions. */
static size_t generate(struct machine *m, const char *prompt, uint32_t steps, uint32_t chunk,
		       char *text, size_t size)
{
	uint32_t ids[1024], prev;
	int n = dacc_tokenizer_encode(m->tok, prompt, ids, 1024);
	size_t len = 0;
	SeqEntry e;

	if (!CHECK(n > 0, "encode: %d", n) || !prefill(m, 0, ids, n, chunk, &e))
		return 0;
	prev = ids[0];
	for (int i = 1; i < n; i++) {
		len += dacc_tokenizer_decode(m->tok, prev, ids[i], text + len, size - len);
		prev = ids[i];
	}
	while (e.pos < steps) {
		if (!step(m, DACC_PROGRAM_DECODE, &e, 1) || e.next == DACC_TOKEN_BOS)
			break;
		len += dacc_tokenizer_decode(m->tok, prev, e.next, text + len, size - len);
		prev = e.next;
		e.token = e.next;
		e.pos++;
	}
	return len;
}

static size_t ref_generate(const struct test_model *tm, const char *prompt, uint32_t steps,
			   char *text, size_t size)
{
	char err[REF_ERR_SIZE];
	struct ref_model *m = ref_model_load(tm->model, err);
	struct ref_tokenizer *t = ref_tokenizer_load(tm->tokenizer, m->cfg.vocab_size, err);
	struct ref_state *s = ref_state_new(m, err);
	FILE *f = fmemopen(text, size, "w");
	int ids[1024], n = ref_encode(t, prompt, ids), token = ids[0];
	size_t len;

	for (uint32_t pos = 0; pos < steps; pos++) {
		const float *logits = ref_forward(s, token, pos);
		int next = (int)pos + 1 < n ? ids[pos + 1] : ref_argmax(logits, m->cfg.vocab_size);

		if (next == REF_BOS)
			break;
		ref_print(t, token, next, f);
		token = next;
	}
	fflush(f);
	len = ftell(f);
	fclose(f);
	ref_state_free(s);
	ref_tokenizer_free(t);
	ref_model_free(m);
	return len;
}

static const char *const prompts[MAX_SEQS] = {
	"",    "And God said", "Once upon a time", "In those days there was a king",
	"the", "Lily and Tom", "Behold, I will",   "a b c d e f g h i j k l m n o p q r s t u v w",
};

static const struct test_model *current;

static void golden(void)
{
	struct machine *m = machine_new(current, DACC_TYPE_F32, DACC_TYPE_F32);
	char want[8192], got[8192];
	size_t n_want, n_got;
	FILE *f;

	if (!m)
		return;
	f = fopen(current->golden, "rb");
	if (!CHECK(f, "no %s", current->golden))
		return;
	n_want = fread(want, 1, sizeof(want), f);
	fclose(f);
	/* The file may or may not end with the newline that follows the text. */
	if (n_want && want[n_want - 1] == '\n')
		n_want--;
	n_got = generate(m, "", 256, 1, got, sizeof(got));
	if (n_got && got[n_got - 1] == '\n' && n_got == n_want + 1)
		n_got--;
	CHECK(n_got == n_want && !memcmp(got, want, n_got), "got: %.*s", (int)n_got, got);
	machine_free(m);
}

static void same_as_reference(void)
{
	struct machine *m = machine_new(current, DACC_TYPE_F32, DACC_TYPE_F32);
	char want[8192], got[8192];

	for (int i = 0; m && i < MAX_SEQS; i++) {
		size_t n_want = ref_generate(current, prompts[i], 100, want, sizeof(want));
		size_t n_got = generate(m, prompts[i], 100, MAX_ACT, got, sizeof(got));

		CHECK(n_got == n_want && !memcmp(got, want, n_got),
		      "'%s'\n# want: %.*s\n# got: %.*s", prompts[i], (int)n_want, want, (int)n_got,
		      got);
	}
	machine_free(m);
}

/* The KV cache has the same bits however the prompt was cut. */
static void chunks(void)
{
	struct machine *m = machine_new(current, DACC_TYPE_F32, DACC_TYPE_F32);
	static const uint32_t size[] = { 1, 2, 7, 16, MAX_ACT };
	uint32_t ids[1024];
	uint8_t *first = NULL;
	SeqEntry e;
	int n;

	if (!m)
		return;
	n = dacc_tokenizer_encode(m->tok, prompts[7], ids, 1024);
	first = malloc(m->info.kv_bytes);
	for (unsigned int i = 0; i < ARRAY_SIZE(size); i++) {
		uint8_t *kv = m->mem + m->info.image_bytes;

		memset(kv, 0, m->info.kv_bytes);
		if (!prefill(m, 0, ids, n, size[i], &e))
			break;
		if (!i)
			memcpy(first, kv, m->info.kv_bytes);
		CHECK(!memcmp(first, kv, m->info.kv_bytes), "prompt cut every %u", size[i]);
		/* The first decode step writes the last position again, with the same bits. */
		if (!step(m, DACC_PROGRAM_DECODE, &e, 1))
			break;
		CHECK(!memcmp(first, kv, m->info.kv_bytes), "decode changed the prompt's KV cache");
	}
	free(first);
	machine_free(m);
}

static void batch(void)
{
	struct machine *m = machine_new(current, DACC_TYPE_F32, DACC_TYPE_F32);
	uint32_t alone[MAX_SEQS][40], ids[1024];
	SeqEntry e[MAX_SEQS];

	if (!m)
		return;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MAX_SEQS; i++) {
			int n = dacc_tokenizer_encode(m->tok, prompts[i], ids, 1024);

			if (!prefill(m, round ? i : 0, ids, n, MAX_ACT, &e[i]))
				goto out;
			for (int k = 0; !round && k < 40; k++) {
				if (!step(m, DACC_PROGRAM_DECODE, &e[i], 1))
					goto out;
				e[i].token = e[i].next;
				alone[i][k] = e[i].next;
				e[i].pos++;
			}
		}
	}
	for (int k = 0; k < 40; k++) {
		if (!step(m, DACC_PROGRAM_DECODE, e, MAX_SEQS))
			break;
		for (int i = 0; i < MAX_SEQS; i++) {
			CHECK(e[i].next == alone[i][k], "sequence %d, token %d: %u, alone %u", i, k,
			      e[i].next, alone[i][k]);
			e[i].token = e[i].next;
			e[i].pos++;
		}
	}
out:
	machine_free(m);
}

/* Logits are the last thing in the activations. */
static void logits_of(struct machine *m, float *logits, uint32_t vocab)
{
	uint32_t ids[1024];
	int n = dacc_tokenizer_encode(m->tok, prompts[3], ids, 1024);
	uint64_t at;
	SeqEntry e;

	if (!prefill(m, 0, ids, n, MAX_ACT, &e) || !step(m, DACC_PROGRAM_DECODE, &e, 1))
		return;
	at = m->insns[0][m->info.n_insns[0] - 1].a & DACC_OPERAND_OFFSET_MASK;
	memcpy(logits, m->mem + (e.base[DACC_BASE_ACT] - VA) + at, vocab * sizeof(float));
}

static void types(void)
{
	static const struct {
		enum dacc_type weights, kv;
		double limit;
	} cases[] = {
		{ DACC_TYPE_F32, DACC_TYPE_F16, 0.00001 },
		{ DACC_TYPE_F16, DACC_TYPE_F32, 0.00001 },
		{ DACC_TYPE_Q8_0, DACC_TYPE_F32, 0.01 },
		{ DACC_TYPE_Q8_0, DACC_TYPE_F16, 0.01 },
	};
	struct machine *m = machine_new(current, DACC_TYPE_F32, DACC_TYPE_F32);
	uint64_t f32_bytes;
	uint32_t vocab;
	float *want, *got;

	if (!m)
		return;
	f32_bytes = m->info.weight_bytes;
	vocab = dacc_model_get_config(m->model)->vocab_size;
	want = calloc(vocab, sizeof(*want));
	got = calloc(vocab, sizeof(*got));
	logits_of(m, want, vocab);
	machine_free(m);
	for (unsigned int c = 0; c < ARRAY_SIZE(cases); c++) {
		double error = 0, norm = 0;

		m = machine_new(current, cases[c].weights, cases[c].kv);
		if (!m)
			break;
		memset(got, 0, vocab * sizeof(*got));
		logits_of(m, got, vocab);
		for (uint32_t i = 0; i < vocab; i++) {
			error += (got[i] - want[i]) * (got[i] - want[i]);
			norm += want[i] * want[i];
		}
		CHECK(error / norm < cases[c].limit && error > 0,
		      "weights %d, KV %d: normalised error %g", cases[c].weights, cases[c].kv,
		      error / norm);
		if (cases[c].weights != DACC_TYPE_F32)
			CHECK(m->info.weight_bytes < f32_bytes * 6 / 10,
			      "weights %d are not smaller", cases[c].weights);
		machine_free(m);
	}
	free(want);
	free(got);
}

/* Everything a program reaches lies in the image, a KV cache or the activations. */
static void layout(void)
{
	struct machine *m = machine_new(current, DACC_TYPE_Q8_0, DACC_TYPE_F16);
	const struct dacc_kv_layout *kv;

	if (!m)
		return;
	kv = &m->info.kv;
	CHECK(kv->region_bytes % 65536 == 0 && kv->layer_bytes == 2 * kv->region_bytes,
	      "regions of %llu bytes", (unsigned long long)kv->region_bytes);
	CHECK((uint64_t)kv->row_bytes * kv->max_ctx <= kv->region_bytes, "rows leave their region");
	CHECK(m->info.kv_bytes == kv->layer_bytes * kv->n_layers, "KV bytes");
	CHECK(m->info.insns_offset[0] % 64 == 0, "decode program");
	CHECK(m->info.insns_offset[1] % 64 == 0, "prefill program");
	CHECK(m->info.layers_offset % 64 == 0 && m->info.layer_bytes % 64 == 0, "layers");
	CHECK(m->info.act_bytes % 64 == 0, "activations");
	CHECK(m->info.prefill_act_bytes < m->info.act_bytes, "a prefill needs no logits");
	CHECK(m->info.layers_offset + m->info.layer_bytes * kv->n_layers <= m->info.image_bytes,
	      "layers leave the image");
	machine_free(m);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} cases[] = {
		{ "golden text", golden },
		{ "8 prompts as the reference", same_as_reference },
		{ "prefill chunks give the same KV cache", chunks },
		{ "8 prompts batched as one by one", batch },
		{ "f16 and q8_0 weights, f16 KV cache", types },
		{ "layout", layout },
	};
	char name[128];

	for (unsigned int i = 0; i < ARRAY_SIZE(test_models); i++) {
		current = &test_models[i];
		if (current->optional && access(current->model, R_OK)) {
			printf("ok %u - %s # SKIP not on this machine\n", ++tap_count,
			       current->name);
			continue;
		}
		for (unsigned int c = 0; c < ARRAY_SIZE(cases); c++) {
			snprintf(name, sizeof(name), "%s: %s", current->name, cases[c].name);
			tap_case(name, cases[c].fn);
		}
	}
	return tap_done();
}
