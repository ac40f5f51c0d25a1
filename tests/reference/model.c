// SPDX-License-Identifier: GPL-2.0
/* Loading a checkpoint, and one forward step. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ref.h"
#include "ref_internal.h"

/* llama2.c's, fixed in its code rather than in the checkpoint. */
#define RMS_EPS 0.00001f

void ref_error(char *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	vsnprintf(err, REF_ERR_SIZE, fmt, ap);
	va_end(ap);
}

/* Bounds that keep every later product inside 64 bits. */
static int config_ok(const struct ref_config *c)
{
	return c->dim > 0 && c->dim <= 1 << 16 && c->hidden_dim > 0 && c->hidden_dim <= 1 << 18 &&
	       c->n_layers > 0 && c->n_layers <= 1024 && c->n_heads > 0 && c->n_kv_heads > 0 &&
	       c->n_kv_heads <= c->n_heads && c->n_heads % c->n_kv_heads == 0 &&
	       c->dim % c->n_heads == 0 && c->dim / c->n_heads % 2 == 0 && c->vocab_size > 0 &&
	       c->vocab_size <= 1 << 24 && c->seq_len > 0 && c->seq_len <= 1 << 24;
}

static int kv_dim(const struct ref_config *c)
{
	return c->dim / c->n_heads * c->n_kv_heads;
}

/* The next n floats of the checkpoint. */
static const float *take(const float *data, uint64_t *at, uint64_t n)
{
	const float *p = data ? data + *at : NULL;

	*at += n;
	return p;
}

/* Point w into data (may be NULL); returns the floats that the checkpoint must hold. */
static uint64_t map_weights(const struct ref_config *c, struct ref_weights *w, const float *data)
{
	uint64_t d = c->dim, h = c->hidden_dim, l = c->n_layers, v = c->vocab_size;
	uint64_t kv = kv_dim(c), at = 0;

	w->token_embedding = take(data, &at, v * d);
	w->rms_att = take(data, &at, l * d);
	w->wq = take(data, &at, l * d * d);
	w->wk = take(data, &at, l * kv * d);
	w->wv = take(data, &at, l * kv * d);
	w->wo = take(data, &at, l * d * d);
	w->rms_ffn = take(data, &at, l * d);
	w->w1 = take(data, &at, l * h * d);
	w->w2 = take(data, &at, l * d * h);
	w->w3 = take(data, &at, l * h * d);
	w->rms_final = take(data, &at, d);
	/* Legacy tables of the cosines and sines of RoPE: not used. */
	take(data, &at, (uint64_t)c->seq_len * (d / c->n_heads / 2) * 2);
	w->wcls = c->shared_classifier ? w->token_embedding : take(data, &at, v * d);
	return at;
}

struct ref_model *ref_model_load(const char *path, char *err)
{
	struct ref_weights none;
	struct ref_model *m = NULL;
	struct ref_config *c;
	int32_t header[7];
	uint64_t need, size;
	long end;
	FILE *f = fopen(path, "rb");

	if (!f) {
		ref_error(err, "%s: %s", path, strerror(errno));
		return NULL;
	}
	m = calloc(1, sizeof(*m));
	if (!m) {
		ref_error(err, "out of memory");
		goto fail;
	}
	if (fread(header, sizeof(header), 1, f) != 1) {
		ref_error(err, "%s: too short for a llama2.c checkpoint's header", path);
		goto fail;
	}
	c = &m->cfg;
	*c = (struct ref_config){ header[0], header[1], header[2], header[3],
				  header[4], header[5], header[6], header[5] > 0 };
	if (header[5] < 0 && header[5] >= -(1 << 24))
		c->vocab_size = -header[5];
	if (!config_ok(c)) {
		ref_error(err,
			  "%s: header is not that of a llama2.c checkpoint (dim %d, hidden %d, layers %d, heads %d, kv heads %d, vocab %d, seq %d)",
			  path, header[0], header[1], header[2], header[3], header[4], header[5],
			  header[6]);
		goto fail;
	}
	need = sizeof(header) + sizeof(float) * map_weights(c, &none, NULL);
	end = fseek(f, 0, SEEK_END) ? -1 : ftell(f);
	if (end < 0 || fseek(f, sizeof(header), SEEK_SET)) {
		ref_error(err, "%s: %s", path, strerror(errno));
		goto fail;
	}
	size = end;
	if (size != need) {
		ref_error(err,
			  "%s: %llu bytes, its header asks for %llu (truncated, or another format?)",
			  path, (unsigned long long)size, (unsigned long long)need);
		goto fail;
	}
	m->data = malloc(need - sizeof(header));
	if (!m->data) {
		ref_error(err, "out of memory: %s needs %llu bytes", path,
			  (unsigned long long)need);
		goto fail;
	}
	if (fread(m->data, need - sizeof(header), 1, f) != 1) {
		ref_error(err, "%s: short read", path);
		goto fail;
	}
	map_weights(c, &m->w, m->data);
	fclose(f);
	return m;
fail:
	fclose(f);
	ref_model_free(m);
	return NULL;
}

void ref_model_free(struct ref_model *m)
{
	if (!m)
		return;
	free(m->data);
	free(m);
}

struct ref_state *ref_state_new(const struct ref_model *m, char *err)
{
	const struct ref_config *c = &m->cfg;
	size_t cache = (size_t)c->n_layers * c->seq_len * kv_dim(c);
	struct ref_state *s = calloc(1, sizeof(*s));

	if (!s)
		goto fail;
	s->model = m;
	s->key_cache = calloc(cache, sizeof(float));
	s->value_cache = calloc(cache, sizeof(float));
	s->x = calloc(c->dim, sizeof(float));
	s->xb = calloc(c->dim, sizeof(float));
	s->xb2 = calloc(c->dim, sizeof(float));
	s->q = calloc(c->dim, sizeof(float));
	s->h1 = calloc(c->hidden_dim, sizeof(float));
	s->h3 = calloc(c->hidden_dim, sizeof(float));
	s->att = calloc(c->seq_len, sizeof(float));
	s->logits = calloc(c->vocab_size, sizeof(float));
	if (s->key_cache && s->value_cache && s->x && s->xb && s->xb2 && s->q && s->h1 && s->h3 &&
	    s->att && s->logits)
		return s;
fail:
	ref_error(err, "out of memory for a sequence of %d tokens", c->seq_len);
	ref_state_free(s);
	return NULL;
}

void ref_state_free(struct ref_state *s)
{
	if (!s)
		return;
	free(s->key_cache);
	free(s->value_cache);
	free(s->x);
	free(s->xb);
	free(s->xb2);
	free(s->q);
	free(s->h1);
	free(s->h3);
	free(s->att);
	free(s->logits);
	free(s);
}

static void rmsnorm(float *y, const float *x, const float *weight, int n)
{
	float ss = 0.0f;

	for (int i = 0; i < n; i++)
		ss += x[i] * x[i];
	ss = 1.0f / sqrtf(ss / n + RMS_EPS);
	for (int i = 0; i < n; i++)
		y[i] = weight[i] * (ss * x[i]);
}

/* y[rows] = w[rows][cols] * x[cols] */
static void matvec(float *y, const float *w, const float *x, int rows, int cols)
{
	for (int r = 0; r < rows; r++) {
		float sum = 0.0f;

		for (int c = 0; c < cols; c++)
			sum += w[(size_t)r * cols + c] * x[c];
		y[r] = sum;
	}
}

static void softmax(float *v, int n)
{
	float max = v[0], sum = 0.0f;

	for (int i = 1; i < n; i++)
		if (v[i] > max)
			max = v[i];
	for (int i = 0; i < n; i++) {
		v[i] = expf(v[i] - max);
		sum += v[i];
	}
	for (int i = 0; i < n; i++)
		v[i] /= sum;
}

void ref_softmax(float *v, int n)
{
	softmax(v, n);
}

/* Rotate each neighbouring pair of each head by its angle at this position. */
static void rope(float *v, int n, int head_size, int pos)
{
	for (int i = 0; i < n; i += 2) {
		float freq = 1.0f / powf(10000.0f, (float)(i % head_size) / head_size);
		float angle = pos * freq;
		float c = cosf(angle), s = sinf(angle);
		float a = v[i], b = v[i + 1];

		v[i] = a * c - b * s;
		v[i + 1] = a * s + b * c;
	}
}

/* Attention of s->q over positions 0..pos of one layer's cache, into s->xb. */
static void attend(struct ref_state *s, const float *keys, const float *values, int pos)
{
	const struct ref_config *c = &s->model->cfg;
	int hs = c->dim / c->n_heads, kv = kv_dim(c), group = c->n_heads / c->n_kv_heads;

	for (int h = 0; h < c->n_heads; h++) {
		const float *q = s->q + h * hs;
		float *out = s->xb + h * hs;
		size_t at = (size_t)(h / group) * hs;

		for (int t = 0; t <= pos; t++) {
			const float *k = keys + (size_t)t * kv + at;
			float dot = 0.0f;

			for (int i = 0; i < hs; i++)
				dot += q[i] * k[i];
			s->att[t] = dot / sqrtf(hs);
		}
		softmax(s->att, pos + 1);
		for (int i = 0; i < hs; i++)
			out[i] = 0.0f;
		for (int t = 0; t <= pos; t++) {
			const float *v = values + (size_t)t * kv + at;

			for (int i = 0; i < hs; i++)
				out[i] += s->att[t] * v[i];
		}
	}
}

float *ref_forward(struct ref_state *s, int token, int pos)
{
	const struct ref_config *c = &s->model->cfg;
	const struct ref_weights *w = &s->model->w;
	int d = c->dim, f = c->hidden_dim, hs = d / c->n_heads, kv = kv_dim(c);

	memcpy(s->x, w->token_embedding + (size_t)token * d, d * sizeof(float));
	for (size_t l = 0; l < (size_t)c->n_layers; l++) {
		float *keys = s->key_cache + l * c->seq_len * kv;
		float *values = s->value_cache + l * c->seq_len * kv;
		float *k = keys + (size_t)pos * kv, *v = values + (size_t)pos * kv;

		rmsnorm(s->xb, s->x, w->rms_att + l * d, d);
		matvec(s->q, w->wq + l * d * d, s->xb, d, d);
		matvec(k, w->wk + l * kv * d, s->xb, kv, d);
		matvec(v, w->wv + l * kv * d, s->xb, kv, d);
		rope(s->q, d, hs, pos);
		rope(k, kv, hs, pos);
		attend(s, keys, values, pos);
		matvec(s->xb2, w->wo + l * d * d, s->xb, d, d);
		for (int i = 0; i < d; i++)
			s->x[i] += s->xb2[i];

		rmsnorm(s->xb, s->x, w->rms_ffn + l * d, d);
		matvec(s->h1, w->w1 + l * f * d, s->xb, f, d);
		matvec(s->h3, w->w3 + l * f * d, s->xb, f, d);
		for (int i = 0; i < f; i++)
			s->h1[i] = s->h1[i] * (1.0f / (1.0f + expf(-s->h1[i]))) * s->h3[i];
		matvec(s->xb2, w->w2 + l * d * f, s->h1, d, f);
		for (int i = 0; i < d; i++)
			s->x[i] += s->xb2[i];
	}
	rmsnorm(s->xb, s->x, w->rms_final, d);
	matvec(s->logits, w->wcls, s->xb, c->vocab_size, d);
	return s->logits;
}
