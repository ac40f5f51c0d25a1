/* SPDX-License-Identifier: MIT */
#ifndef LLAMA_H
#define LLAMA_H

#include <stddef.h>

/* The header of a llama2.c legacy checkpoint. */
struct config {
	int dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len;
};

/* Where each weight lies in the flat parameter array, in checkpoint order. */
struct layout {
	size_t emb, rms_att, wq, wk, wv, wo, rms_ffn, w1, w2, w3, rms_final, total;
};

struct layout layout_of(const struct config *c);

/* One worker's activations and scratch for sequences of up to seq_len tokens. */
struct work;
struct work *work_new(const struct config *c);
void work_free(struct work *w);

/*
 * Weights transposed for the forward pass; refresh after each update.
 * Same offsets as struct layout.
 */
void transpose_weights(const struct config *c, const float *params, float *params_t);

/* A target that should NOT follow (unlikelihood); its own inverse. */
static inline int unlikely(int id)
{
	return -2 - id;
}

/*
 * Run n tokens (inputs in[], targets out[]: an id, unlikely(id), or -1: not scored) and
 * return the summed cross-entropy. With grad, add scale * d(sum) / d(params).
 */
double sequence_loss(const struct config *c, struct work *w, const float *params,
		     const float *params_t, const int *in, const int *out, int n, float *grad,
		     float scale);

/* ids[0..prompt) are given; fill ids[prompt..n) with the model's greedy choice. */
void continue_greedily(const struct config *c, struct work *w, const float *params,
		       const float *params_t, int *ids, int prompt, int n);

#endif
