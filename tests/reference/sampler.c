// SPDX-License-Identifier: GPL-2.0
/* Choosing the next token as llama2.c does: greedy, or temperature and top-p. */
#include <stdlib.h>
#include <string.h>

#include "ref.h"
#include "ref_internal.h"

struct ref_sampler *ref_sampler_new(int vocab_size, float temperature, float top_p, uint64_t seed,
				    char *err)
{
	struct ref_sampler *s = calloc(1, sizeof(*s));

	if (s) {
		s->vocab_size = vocab_size;
		s->temperature = temperature;
		s->top_p = top_p;
		s->rng = seed;
		s->prob = calloc(vocab_size, sizeof(*s->prob));
		s->index = calloc(vocab_size, 2 * sizeof(*s->index));
		if (s->prob && s->index)
			return s;
	}
	ref_error(err, "out of memory for a sampler of %d tokens", vocab_size);
	ref_sampler_free(s);
	return NULL;
}

void ref_sampler_free(struct ref_sampler *s)
{
	if (!s)
		return;
	free(s->prob);
	free(s->index);
	free(s);
}

/* xorshift64*; a seed of 0 would stay 0 for ever. */
static uint32_t random_u32(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545F4914F6CDD1Dull) >> 32;
}

static float random_f32(uint64_t *state)
{
	return (random_u32(state) >> 8) / 16777216.0f;
}

int ref_argmax(const float *v, int n)
{
	int best = 0;

	for (int i = 1; i < n; i++)
		if (v[i] > v[best])
			best = i;
	return best;
}

static int sample_all(const float *prob, int n, float coin)
{
	float cdf = 0.0f;

	for (int i = 0; i < n; i++) {
		cdf += prob[i];
		if (coin < cdf)
			return i;
	}
	return n - 1;
}

/* Stable, most probable first: equal probabilities keep the order of their ids. */
static void sort_by_prob(int *index, int *tmp, int n, const float *prob)
{
	int half = n / 2, a = 0, b = half;

	if (n < 2)
		return;
	sort_by_prob(index, tmp, half, prob);
	sort_by_prob(index + half, tmp, n - half, prob);
	for (int i = 0; i < n; i++) {
		if (b >= n || (a < half && prob[index[a]] >= prob[index[b]]))
			tmp[i] = index[a++];
		else
			tmp[i] = index[b++];
	}
	memcpy(index, tmp, n * sizeof(*index));
}

static int sample_top_p(struct ref_sampler *s, float coin)
{
	/* Less than this can't be among the top_p, whatever the others are. */
	float cutoff = (1.0f - s->top_p) / (s->vocab_size - 1);
	float mass = 0.0f, cdf = 0.0f, r;
	int n = 0, last;

	for (int i = 0; i < s->vocab_size; i++)
		if (s->prob[i] >= cutoff)
			s->index[n++] = i;
	sort_by_prob(s->index, s->index + s->vocab_size, n, s->prob);

	last = n - 1;
	for (int i = 0; i < n; i++) {
		mass += s->prob[s->index[i]];
		if (mass > s->top_p) {
			last = i;
			break;
		}
	}
	r = coin * mass;
	for (int i = 0; i <= last; i++) {
		cdf += s->prob[s->index[i]];
		if (r < cdf)
			return s->index[i];
	}
	return s->index[last];
}

int ref_sample(struct ref_sampler *s, const float *logits)
{
	float coin;

	if (s->temperature == 0.0f)
		return ref_argmax(logits, s->vocab_size);
	for (int i = 0; i < s->vocab_size; i++)
		s->prob[i] = logits[i] / s->temperature;
	ref_softmax(s->prob, s->vocab_size);
	coin = random_f32(&s->rng);
	if (s->top_p <= 0.0f || s->top_p >= 1.0f || s->vocab_size < 2)
		return sample_all(s->prob, s->vocab_size, coin);
	return sample_top_p(s, coin);
}
