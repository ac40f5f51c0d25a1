/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Plain C reference of Llama inference on llama2.c checkpoints.
 *
 * This is what the device, the library and the tools are measured against, so it
 * is written to be read: f32, one loop after another, nothing blocked, nothing
 * parallel. Functions that can fail return NULL or -1 after writing one line that
 * names the cause to err (a buffer of REF_ERR_SIZE bytes, which may be NULL).
 */
#ifndef REF_H
#define REF_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REF_ERR_SIZE   256
#define REF_BOS        1
#define REF_EOS        2
#define REF_FIRST_BYTE 3 /* token id of the raw byte 0x00 */

/* The header of a legacy llama2.c checkpoint; vocab_size made positive. */
struct ref_config {
	int dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len;
	int shared_classifier;
};

/* Weights, pointing into one allocation; see ref_model_load(). */
struct ref_weights {
	const float *token_embedding; /* [vocab][dim] */
	const float *rms_att;         /* [layer][dim] */
	const float *wq;              /* [layer][dim][dim] */
	const float *wk, *wv;         /* [layer][kv_dim][dim] */
	const float *wo;              /* [layer][dim][dim] */
	const float *rms_ffn;         /* [layer][dim] */
	const float *w1, *w3;         /* [layer][hidden][dim] */
	const float *w2;              /* [layer][dim][hidden] */
	const float *rms_final;       /* [dim] */
	const float *wcls;            /* [vocab][dim], token_embedding if shared */
};

struct ref_model {
	struct ref_config cfg;
	struct ref_weights w;
	float *data;
};

/* One sequence: its KV cache and its scratch. Several may share a model. */
struct ref_state {
	const struct ref_model *model;
	float *key_cache, *value_cache; /* [layer][seq_len][kv_dim] */
	float *x, *xb, *xb2, *q, *h1, *h3, *att, *logits;
};

struct ref_tokenizer {
	int vocab_size, max_token_length;
	char **piece; /* NUL-terminated */
	float *score;
	unsigned char byte[256]; /* what ref_decode() points at for <0xXX> */
	int *sorted;             /* ids in strcmp() order of their pieces */
};

struct ref_sampler {
	int vocab_size;
	float temperature; /* 0: greedy */
	float top_p;       /* outside (0, 1): the whole distribution */
	uint64_t rng;
	float *prob;
	int *index;
};

struct ref_model *ref_model_load(const char *path, char *err);
void ref_model_free(struct ref_model *m);

struct ref_state *ref_state_new(const struct ref_model *m, char *err);
void ref_state_free(struct ref_state *s);

/*
 * Process the token at position pos (0 to seq_len - 1; positions in order) and
 * return vocab_size logits, valid until the next call.
 */
float *ref_forward(struct ref_state *s, int token, int pos);

struct ref_tokenizer *ref_tokenizer_load(const char *path, int vocab_size, char *err);
void ref_tokenizer_free(struct ref_tokenizer *t);

/*
 * Write BOS and the tokens of text to ids and return their number. ids needs room
 * for strlen(text) + 2. -1: a character is no piece and the byte fallback does not
 * fit the vocabulary.
 */
int ref_encode(const struct ref_tokenizer *t, const char *text, int *ids);

/*
 * Bytes of a token as printed after prev: the leading space goes after BOS, and
 * pieces of the form <0xXX> are that byte. Returns the length (a byte may be 0).
 */
int ref_decode(const struct ref_tokenizer *t, int prev, int id, const char **bytes);

/* ref_decode() as llama2.c prints it: a lone control byte is left out. */
void ref_print(const struct ref_tokenizer *t, int prev, int id, FILE *f);

struct ref_sampler *ref_sampler_new(int vocab_size, float temperature, float top_p, uint64_t seed,
				    char *err);
void ref_sampler_free(struct ref_sampler *s);

/* Choose the next token. Greedy draws no random number. */
int ref_sample(struct ref_sampler *s, const float *logits);
int ref_argmax(const float *v, int n);

#endif
