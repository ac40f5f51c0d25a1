// SPDX-License-Identifier: MIT
/*
 * Forward and backward pass of a Llama-architecture language model, one
 * sequence at a time: RMSNorm, RoPE, grouped-query attention, SwiGLU, tied
 * embeddings. Attention probabilities are recomputed in the backward pass from
 * the saved log-sum-exp, so a layer's activations stay in the cache.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "llama.h"

#define RMS_EPS 1e-5f
#define BLOCK	64 /* query rows handled at once in attention */

struct layer_acts {
	float *x_in, *inv_att, *xn_att; /* residual in, 1/rms, normed */
	float *q, *k, *v, *lse, *att; /* q, k rotated; per head [t][hs] */
	float *x_mid, *inv_ffn, *xn_ffn, *h1, *h3, *gate;
};

struct work {
	struct layer_acts *layers;
	float *x_out, *inv_final, *xn_final, *logits;
	float *cos, *sin; /* [t][hs / 2] */
	float *flat, *flat2, *kt, *vt; /* scratch */
	float *p, *dp; /* [BLOCK][t] */
	float *dx, *dxn, *dq, *dk, *dv, *datt, *dh1, *dh3, *dgate;
	float *pool;
};

struct layout layout_of(const struct config *c)
{
	size_t d = c->dim, l = c->n_layers, f = c->hidden_dim;
	size_t kvd = d / c->n_heads * c->n_kv_heads;
	struct layout o;
	size_t at = 0;

	o.emb = at;
	at += c->vocab_size * d;
	o.rms_att = at;
	at += l * d;
	o.wq = at;
	at += l * d * d;
	o.wk = at;
	at += l * d * kvd;
	o.wv = at;
	at += l * d * kvd;
	o.wo = at;
	at += l * d * d;
	o.rms_ffn = at;
	at += l * d;
	o.w1 = at;
	at += l * d * f;
	o.w2 = at;
	at += l * d * f;
	o.w3 = at;
	at += l * d * f;
	o.rms_final = at;
	at += d;
	o.total = at;
	return o;
}

/* Called twice: with pool NULL to count, then to hand out the memory. */
static float *carve(float *pool, size_t *used, size_t n)
{
	float *p = pool ? pool + *used : NULL;

	*used += (n + 15) / 16 * 16;
	return p;
}

static size_t carve_all(struct work *w, const struct config *c, float *pool)
{
	size_t t = c->seq_len, d = c->dim, f = c->hidden_dim, hs = d / c->n_heads;
	size_t kvd = hs * c->n_kv_heads, used = 0;

	for (int l = 0; l < c->n_layers; l++) {
		struct layer_acts *a = &w->layers[l];

		a->x_in = carve(pool, &used, t * d);
		a->inv_att = carve(pool, &used, t);
		a->xn_att = carve(pool, &used, t * d);
		a->q = carve(pool, &used, t * d);
		a->k = carve(pool, &used, t * kvd);
		a->v = carve(pool, &used, t * kvd);
		a->lse = carve(pool, &used, t * c->n_heads);
		a->att = carve(pool, &used, t * d);
		a->x_mid = carve(pool, &used, t * d);
		a->inv_ffn = carve(pool, &used, t);
		a->xn_ffn = carve(pool, &used, t * d);
		a->h1 = carve(pool, &used, t * f);
		a->h3 = carve(pool, &used, t * f);
		a->gate = carve(pool, &used, t * f);
	}
	w->x_out = carve(pool, &used, t * d);
	w->inv_final = carve(pool, &used, t);
	w->xn_final = carve(pool, &used, t * d);
	w->logits = carve(pool, &used, t * c->vocab_size);
	w->cos = carve(pool, &used, t * hs / 2);
	w->sin = carve(pool, &used, t * hs / 2);
	w->flat = carve(pool, &used, t * d);
	w->flat2 = carve(pool, &used, t * d);
	w->kt = carve(pool, &used, t * kvd);
	w->vt = carve(pool, &used, t * kvd);
	w->p = carve(pool, &used, BLOCK * t);
	w->dp = carve(pool, &used, BLOCK * t);
	w->dx = carve(pool, &used, t * d);
	w->dxn = carve(pool, &used, t * d);
	w->dq = carve(pool, &used, t * d);
	w->dk = carve(pool, &used, t * kvd);
	w->dv = carve(pool, &used, t * kvd);
	w->datt = carve(pool, &used, t * d);
	w->dh1 = carve(pool, &used, t * f);
	w->dh3 = carve(pool, &used, t * f);
	w->dgate = carve(pool, &used, t * f);
	return used;
}

struct work *work_new(const struct config *c)
{
	struct work *w = calloc(1, sizeof(*w));
	int half = c->dim / c->n_heads / 2;
	size_t n;

	if (!w)
		return NULL;
	w->layers = calloc(c->n_layers, sizeof(*w->layers));
	if (!w->layers)
		goto fail;
	n = carve_all(w, c, NULL);
	w->pool = aligned_alloc(64, n * sizeof(float));
	if (!w->pool)
		goto fail;
	memset(w->pool, 0, n * sizeof(float));
	carve_all(w, c, w->pool);
	for (int t = 0; t < c->seq_len; t++) {
		for (int i = 0; i < half; i++) {
			double a = t * pow(10000.0, -(double)i / half);

			w->cos[t * half + i] = cos(a);
			w->sin[t * half + i] = sin(a);
		}
	}
	return w;
fail:
	work_free(w);
	return NULL;
}

void work_free(struct work *w)
{
	if (!w)
		return;
	free(w->layers);
	free(w->pool);
	free(w);
}

void transpose_weights(const struct config *c, const float *params, float *params_t)
{
	struct layout o = layout_of(c);
	size_t d = c->dim, f = c->hidden_dim, kvd = d / c->n_heads * c->n_kv_heads;

	transpose(params_t + o.emb, params + o.emb, c->vocab_size, d);
	for (size_t l = 0; l < (size_t)c->n_layers; l++) {
		size_t dd = l * d * d, dk = l * d * kvd, df = l * d * f;

		transpose(params_t + o.wq + dd, params + o.wq + dd, d, d);
		transpose(params_t + o.wk + dk, params + o.wk + dk, kvd, d);
		transpose(params_t + o.wv + dk, params + o.wv + dk, kvd, d);
		transpose(params_t + o.wo + dd, params + o.wo + dd, d, d);
		transpose(params_t + o.w1 + df, params + o.w1 + df, f, d);
		transpose(params_t + o.w2 + df, params + o.w2 + df, d, f);
		transpose(params_t + o.w3 + df, params + o.w3 + df, f, d);
	}
}

/* y[t][out] (+)= x[t][in] * W^T, W given transposed as [in][out] */
static void linear(float *y, const float *x, const float *wt, int n, int in, int out, int acc)
{
	gemm(n, out, in, x, in, 1, wt, out, y, out, acc);
}

/* dx[t][in] (+)= dy * W and dW[out][in] += dy^T * x */
static void linear_back(float *dx, float *dw, const float *dy, const float *x, const float *w,
			int n, int in, int out, int acc)
{
	gemm(n, in, out, dy, out, 1, w, in, dx, in, acc);
	gemm(out, in, n, dy, 1, out, x, in, dw, in, 1);
}

static void rmsnorm(float *y, float *inv, const float *x, const float *g, int n, int d)
{
	for (int t = 0; t < n; t++) {
		const float *xt = x + (long)t * d;
		float ss = 0.0f;

		for (int i = 0; i < d; i++)
			ss += xt[i] * xt[i];
		inv[t] = 1.0f / sqrtf(ss / d + RMS_EPS);
		for (int i = 0; i < d; i++)
			y[(long)t * d + i] = g[i] * (inv[t] * xt[i]);
	}
}

/* dx += gradient through y = g * x / rms(x) */
static void rmsnorm_back(float *dx, float *dg, const float *dy, const float *x, const float *inv,
			 const float *g, int n, int d)
{
	for (int t = 0; t < n; t++) {
		const float *xt = x + (long)t * d, *dyt = dy + (long)t * d;
		float r = inv[t], dot = 0.0f;

		for (int i = 0; i < d; i++) {
			dot += dyt[i] * g[i] * xt[i];
			dg[i] += dyt[i] * xt[i] * r;
		}
		dot *= r * r * r / d;
		for (int i = 0; i < d; i++)
			dx[(long)t * d + i] += dyt[i] * g[i] * r - xt[i] * dot;
	}
}

/* [t][heads * hs] -> [heads][t][hs], rotated by the position if rotate */
static void split_heads(const struct work *w, float *dst, const float *src, int n, int heads,
			int hs, int rotate)
{
	for (int h = 0; h < heads; h++) {
		for (int t = 0; t < n; t++) {
			const float *s = src + ((long)t * heads + h) * hs;
			float *d = dst + ((long)h * n + t) * hs;
			const float *cs = w->cos + (long)t * hs / 2,
				    *sn = w->sin + (long)t * hs / 2;

			if (!rotate) {
				memcpy(d, s, hs * sizeof(float));
				continue;
			}
			for (int i = 0; i < hs / 2; i++) {
				d[2 * i] = s[2 * i] * cs[i] - s[2 * i + 1] * sn[i];
				d[2 * i + 1] = s[2 * i] * sn[i] + s[2 * i + 1] * cs[i];
			}
		}
	}
}

/* The inverse: [heads][t][hs] -> [t][heads * hs], rotated back if rotate */
static void join_heads(const struct work *w, float *dst, const float *src, int n, int heads, int hs,
		       int rotate)
{
	for (int h = 0; h < heads; h++) {
		for (int t = 0; t < n; t++) {
			const float *s = src + ((long)h * n + t) * hs;
			float *d = dst + ((long)t * heads + h) * hs;
			const float *cs = w->cos + (long)t * hs / 2,
				    *sn = w->sin + (long)t * hs / 2;

			if (!rotate) {
				memcpy(d, s, hs * sizeof(float));
				continue;
			}
			for (int i = 0; i < hs / 2; i++) {
				d[2 * i] = s[2 * i] * cs[i] + s[2 * i + 1] * sn[i];
				d[2 * i + 1] = -s[2 * i] * sn[i] + s[2 * i + 1] * cs[i];
			}
		}
	}
}

static int round_up(int n, int to)
{
	return (n + to - 1) / to * to;
}

/*
 * Scores of rows [t0, t0 + rows) against keys [0, keys), scaled and causal.
 * Keys beyond the diagonal get -inf so that they vanish in exp().
 */
static void scores(float *s, const float *q, const float *kt, int n, int hs, int t0, int rows,
		   int keys, float scale)
{
	gemm(rows, keys, hs, q + (long)t0 * hs, hs, 1, kt, n, s, keys, 0);
	for (int r = 0; r < rows; r++) {
		float *sr = s + (long)r * keys;

		for (int j = 0; j <= t0 + r; j++)
			sr[j] *= scale;
		for (int j = t0 + r + 1; j < keys; j++)
			sr[j] = -1e30f;
	}
}

static void attention(struct work *w, struct layer_acts *a, int n, int heads, int kv_heads, int hs)
{
	float scale = 1.0f / sqrtf(hs);

	for (int h = 0; h < heads; h++) {
		long g = (long)(h / (heads / kv_heads)) * n * hs;
		const float *q = a->q + (long)h * n * hs;

		if (h % (heads / kv_heads) == 0)
			transpose(w->kt, a->k + g, n, hs);
		for (int t0 = 0; t0 < n; t0 += BLOCK) {
			int rows = n - t0 < BLOCK ? n - t0 : BLOCK;
			int keys = round_up(t0 + rows, 16);

			if (keys > n)
				keys = n;
			scores(w->p, q, w->kt, n, hs, t0, rows, keys, scale);
			for (int r = 0; r < rows; r++) {
				float *p = w->p + (long)r * keys, max = p[0], sum = 0.0f;

				for (int j = 1; j < keys; j++)
					max = p[j] > max ? p[j] : max;
				for (int j = 0; j < keys; j++)
					p[j] = expf(p[j] - max);
				for (int j = 0; j < keys; j++)
					sum += p[j];
				for (int j = 0; j < keys; j++)
					p[j] *= 1.0f / sum;
				a->lse[(long)h * n + t0 + r] = max + logf(sum);
			}
			gemm(rows, hs, keys, w->p, keys, 1, a->v + g, hs,
			     w->flat + ((long)h * n + t0) * hs, hs, 0);
		}
	}
	join_heads(w, a->att, w->flat, n, heads, hs, 0);
}

/* From w->datt [t][d] to dq, dk, dv (per head, still rotated) */
static void attention_back(struct work *w, struct layer_acts *a, int n, int heads, int kv_heads,
			   int hs)
{
	float scale = 1.0f / sqrtf(hs);
	size_t kv_bytes = (size_t)kv_heads * n * hs * sizeof(float);

	memset(w->dk, 0, kv_bytes);
	memset(w->dv, 0, kv_bytes);
	split_heads(w, w->flat, w->datt, n, heads, hs, 0);
	split_heads(w, w->flat2, a->att, n, heads, hs, 0);
	for (int h = 0; h < heads; h++) {
		long g = (long)(h / (heads / kv_heads)) * n * hs;
		const float *q = a->q + (long)h * n * hs;
		const float *dout = w->flat + (long)h * n * hs, *out = w->flat2 + (long)h * n * hs;

		if (h % (heads / kv_heads) == 0) {
			transpose(w->kt, a->k + g, n, hs);
			transpose(w->vt, a->v + g, n, hs);
		}
		for (int t0 = 0; t0 < n; t0 += BLOCK) {
			int rows = n - t0 < BLOCK ? n - t0 : BLOCK;
			int keys = round_up(t0 + rows, 16);

			if (keys > n)
				keys = n;
			scores(w->p, q, w->kt, n, hs, t0, rows, keys, scale);
			gemm(rows, keys, hs, dout + (long)t0 * hs, hs, 1, w->vt, n, w->dp, keys, 0);
			for (int r = 0; r < rows; r++) {
				float *p = w->p + (long)r * keys, *dp = w->dp + (long)r * keys;
				const float *dr = dout + (long)(t0 + r) * hs;
				const float * or = out + (long)(t0 + r) * hs;
				float lse = a->lse[(long)h * n + t0 + r], dot = 0.0f;

				for (int i = 0; i < hs; i++)
					dot += dr[i] * or [i];
				for (int j = 0; j < keys; j++)
					p[j] = expf(p[j] - lse);
				for (int j = 0; j < keys; j++)
					dp[j] = p[j] * (dp[j] - dot) * scale;
			}
			gemm(rows, hs, keys, w->dp, keys, 1, a->k + g, hs,
			     w->dq + ((long)h * n + t0) * hs, hs, 0);
			gemm(keys, hs, rows, w->dp, 1, keys, q + (long)t0 * hs, hs, w->dk + g, hs,
			     1);
			gemm(keys, hs, rows, w->p, 1, keys, dout + (long)t0 * hs, hs, w->dv + g, hs,
			     1);
		}
	}
}

static void forward(const struct config *c, struct work *w, const float *p, const float *pt,
		    const int *in, int n)
{
	struct layout o = layout_of(c);
	long d = c->dim, f = c->hidden_dim, hs = d / c->n_heads, kvd = hs * c->n_kv_heads;

	for (int t = 0; t < n; t++)
		memcpy(w->layers[0].x_in + t * d, p + o.emb + in[t] * d, d * sizeof(float));
	for (long l = 0; l < c->n_layers; l++) {
		struct layer_acts *a = &w->layers[l];
		float *next = l + 1 < c->n_layers ? w->layers[l + 1].x_in : w->x_out;

		rmsnorm(a->xn_att, a->inv_att, a->x_in, p + o.rms_att + l * d, n, d);
		linear(w->flat, a->xn_att, pt + o.wq + l * d * d, n, d, d, 0);
		split_heads(w, a->q, w->flat, n, c->n_heads, hs, 1);
		linear(w->flat, a->xn_att, pt + o.wk + l * d * kvd, n, d, kvd, 0);
		split_heads(w, a->k, w->flat, n, c->n_kv_heads, hs, 1);
		linear(w->flat, a->xn_att, pt + o.wv + l * d * kvd, n, d, kvd, 0);
		split_heads(w, a->v, w->flat, n, c->n_kv_heads, hs, 0);
		attention(w, a, n, c->n_heads, c->n_kv_heads, hs);
		memcpy(a->x_mid, a->x_in, n * d * sizeof(float));
		linear(a->x_mid, a->att, pt + o.wo + l * d * d, n, d, d, 1);

		rmsnorm(a->xn_ffn, a->inv_ffn, a->x_mid, p + o.rms_ffn + l * d, n, d);
		linear(a->h1, a->xn_ffn, pt + o.w1 + l * d * f, n, d, f, 0);
		linear(a->h3, a->xn_ffn, pt + o.w3 + l * d * f, n, d, f, 0);
		for (long i = 0; i < n * f; i++)
			a->gate[i] = a->h1[i] / (1.0f + expf(-a->h1[i])) * a->h3[i];
		memcpy(next, a->x_mid, n * d * sizeof(float));
		linear(next, a->gate, pt + o.w2 + l * d * f, n, f, d, 1);
	}
	rmsnorm(w->xn_final, w->inv_final, w->x_out, p + o.rms_final, n, d);
	linear(w->logits, w->xn_final, pt + o.emb, n, d, c->vocab_size, 0);
}

/*
 * Loss; with scale != 0 the logits become scale * their gradient. A target of -1
 * is not scored; one of unlikely(id) adds -log(1 - p(id)) instead of -log p(id).
 */
static double cross_entropy(float *logits, const int *out, int n, int vocab, float scale)
{
	double loss = 0.0;

	for (int t = 0; t < n; t++) {
		float *z = logits + (long)t * vocab, max = z[0], sum = 0.0f;
		int id = out[t] <= -2 ? unlikely(out[t]) : out[t];

		if (id < 0) {
			memset(z, 0, vocab * sizeof(float));
			continue;
		}
		for (int i = 1; i < vocab; i++)
			max = z[i] > max ? z[i] : max;
		float target = z[id];

		for (int i = 0; i < vocab; i++)
			z[i] = expf(z[i] - max);
		for (int i = 0; i < vocab; i++)
			sum += z[i];
		if (out[t] >= 0) {
			loss += log(sum) + max - target;
			for (int i = 0; i < vocab; i++)
				z[i] *= scale / sum;
			z[id] -= scale;
		} else {
			float p = z[id] / sum, rest = 1.0f - p > 1e-2f ? 1.0f - p : 1e-2f;

			loss -= log(rest);
			for (int i = 0; i < vocab; i++)
				z[i] *= -scale * p / rest / sum;
			z[id] += scale * p / rest;
		}
	}
	return loss;
}

static void backward(const struct config *c, struct work *w, const float *p, const int *in, int n,
		     float *gr)
{
	struct layout o = layout_of(c);
	long d = c->dim, f = c->hidden_dim, hs = d / c->n_heads, kvd = hs * c->n_kv_heads;

	memset(w->dx, 0, n * d * sizeof(float));
	linear_back(w->dxn, gr + o.emb, w->logits, w->xn_final, p + o.emb, n, d, c->vocab_size, 0);
	rmsnorm_back(w->dx, gr + o.rms_final, w->dxn, w->x_out, w->inv_final, p + o.rms_final, n,
		     d);

	for (long l = c->n_layers - 1; l >= 0; l--) {
		struct layer_acts *a = &w->layers[l];
		long dd = l * d * d, dk = l * d * kvd, df = l * d * f;

		linear_back(w->dgate, gr + o.w2 + df, w->dx, a->gate, p + o.w2 + df, n, f, d, 0);
		for (long i = 0; i < n * f; i++) {
			float sig = 1.0f / (1.0f + expf(-a->h1[i]));
			float silu = a->h1[i] * sig;

			w->dh3[i] = w->dgate[i] * silu;
			w->dh1[i] = w->dgate[i] * a->h3[i] * (sig + silu * (1.0f - sig));
		}
		linear_back(w->dxn, gr + o.w1 + df, w->dh1, a->xn_ffn, p + o.w1 + df, n, d, f, 0);
		linear_back(w->dxn, gr + o.w3 + df, w->dh3, a->xn_ffn, p + o.w3 + df, n, d, f, 1);
		rmsnorm_back(w->dx, gr + o.rms_ffn + l * d, w->dxn, a->x_mid, a->inv_ffn,
			     p + o.rms_ffn + l * d, n, d);

		linear_back(w->datt, gr + o.wo + dd, w->dx, a->att, p + o.wo + dd, n, d, d, 0);
		attention_back(w, a, n, c->n_heads, c->n_kv_heads, hs);
		join_heads(w, w->flat, w->dq, n, c->n_heads, hs, 1);
		linear_back(w->dxn, gr + o.wq + dd, w->flat, a->xn_att, p + o.wq + dd, n, d, d, 0);
		join_heads(w, w->flat, w->dk, n, c->n_kv_heads, hs, 1);
		linear_back(w->dxn, gr + o.wk + dk, w->flat, a->xn_att, p + o.wk + dk, n, d, kvd,
			    1);
		join_heads(w, w->flat, w->dv, n, c->n_kv_heads, hs, 0);
		linear_back(w->dxn, gr + o.wv + dk, w->flat, a->xn_att, p + o.wv + dk, n, d, kvd,
			    1);
		rmsnorm_back(w->dx, gr + o.rms_att + l * d, w->dxn, a->x_in, a->inv_att,
			     p + o.rms_att + l * d, n, d);
	}
	for (int t = 0; t < n; t++)
		for (long i = 0; i < d; i++)
			gr[o.emb + in[t] * d + i] += w->dx[t * d + i];
}

double sequence_loss(const struct config *c, struct work *w, const float *params,
		     const float *params_t, const int *in, const int *out, int n, float *grad,
		     float scale)
{
	double loss;

	forward(c, w, params, params_t, in, n);
	loss = cross_entropy(w->logits, out, n, c->vocab_size, grad ? scale : 0.0f);
	if (grad)
		backward(c, w, params, in, n, grad);
	return loss;
}

/* One token through the model; keys and values of position pos join the caches. */
static void step(const struct config *c, struct work *w, const float *p, const float *pt, int token,
		 int pos)
{
	struct layout o = layout_of(c);
	long d = c->dim, f = c->hidden_dim, hs = d / c->n_heads, kvd = hs * c->n_kv_heads;
	float *x = w->dx, *q = w->dq, *att = w->datt, one;

	memcpy(x, p + o.emb + token * d, d * sizeof(float));
	for (long l = 0; l < c->n_layers; l++) {
		struct layer_acts *a = &w->layers[l];
		float *k = a->k + pos * kvd, *v = a->v + pos * kvd;

		rmsnorm(w->dxn, &one, x, p + o.rms_att + l * d, 1, d);
		linear(q, w->dxn, pt + o.wq + l * d * d, 1, d, d, 0);
		linear(k, w->dxn, pt + o.wk + l * d * kvd, 1, d, kvd, 0);
		linear(v, w->dxn, pt + o.wv + l * d * kvd, 1, d, kvd, 0);
		for (long i = 0; i < d; i += 2) {
			float cs = w->cos[pos * hs / 2 + i % hs / 2];
			float sn = w->sin[pos * hs / 2 + i % hs / 2], e = q[i];

			q[i] = e * cs - q[i + 1] * sn;
			q[i + 1] = e * sn + q[i + 1] * cs;
			if (i >= kvd)
				continue;
			e = k[i];
			k[i] = e * cs - k[i + 1] * sn;
			k[i + 1] = e * sn + k[i + 1] * cs;
		}
		for (int h = 0; h < c->n_heads; h++) {
			long g = h / (c->n_heads / c->n_kv_heads) * hs;
			float max = -1e30f, sum = 0.0f, *out = att + h * hs;

			for (int t = 0; t <= pos; t++) {
				float dot = 0.0f;

				for (int i = 0; i < hs; i++)
					dot += q[h * hs + i] * a->k[t * kvd + g + i];
				w->p[t] = dot / sqrtf(hs);
				max = w->p[t] > max ? w->p[t] : max;
			}
			memset(out, 0, hs * sizeof(float));
			for (int t = 0; t <= pos; t++) {
				float e = expf(w->p[t] - max);

				sum += e;
				for (int i = 0; i < hs; i++)
					out[i] += e * a->v[t * kvd + g + i];
			}
			for (int i = 0; i < hs; i++)
				out[i] /= sum;
		}
		linear(x, att, pt + o.wo + l * d * d, 1, d, d, 1);
		rmsnorm(w->dxn, &one, x, p + o.rms_ffn + l * d, 1, d);
		linear(w->dh1, w->dxn, pt + o.w1 + l * d * f, 1, d, f, 0);
		linear(w->dh3, w->dxn, pt + o.w3 + l * d * f, 1, d, f, 0);
		for (long i = 0; i < f; i++)
			w->dgate[i] = w->dh1[i] / (1.0f + expf(-w->dh1[i])) * w->dh3[i];
		linear(x, w->dgate, pt + o.w2 + l * d * f, 1, f, d, 1);
	}
	rmsnorm(w->dxn, &one, x, p + o.rms_final, 1, d);
	linear(w->logits, w->dxn, pt + o.emb, 1, d, c->vocab_size, 0);
}

void continue_greedily(const struct config *c, struct work *w, const float *params,
		       const float *params_t, int *ids, int prompt, int n)
{
	for (int pos = 0; pos + 1 < n; pos++) {
		int best = 0;

		step(c, w, params, params_t, ids[pos], pos);
		if (pos + 1 < prompt)
			continue;
		for (int i = 1; i < c->vocab_size; i++)
			if (w->logits[i] > w->logits[best])
				best = i;
		ids[pos + 1] = best;
	}
}
