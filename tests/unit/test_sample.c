// SPDX-License-Identifier: GPL-2.0
/* The choice of the next token. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"
#include "ref.h"
#include "sample.h"
#include "tap.h"

#define MAX 4096

static float logits[MAX], work[MAX];
static uint64_t sort[MAX];

static uint32_t choose(uint32_t n, float temperature, float top_p, uint64_t *rng)
{
	memcpy(work, logits, n * sizeof(*work));
	return sample(num_ops(DACC_VECTOR_AUTO), work, n, temperature, top_p, rng, sort, NULL,
		      NULL);
}

static void greedy_ties(void)
{
	uint64_t rng = 5;

	for (uint32_t n = 1; n < 40; n++)
		for (uint32_t at = 0; at < n; at++) {
			for (uint32_t i = 0; i < n; i++)
				logits[i] = i < at ? -2 : -1;
			CHECK(choose(n, 0, 0.9f, &rng) == at, "n %u, first of the largest at %u", n,
			      at);
		}
	logits[0] = -0.0f;
	logits[1] = 0.0f;
	CHECK(choose(2, 0, 0, &rng) == 0, "-0 equals +0");
	CHECK(rng == 5, "greedy draws no number");
}

static void greedy_odd_values(void)
{
	uint64_t rng = 5;

	for (int i = 0; i < 20; i++)
		logits[i] = NAN;
	CHECK(choose(20, 0, 0, &rng) == DACC_NO_TOKEN, "all NaN");
	logits[13] = -INFINITY;
	CHECK(choose(20, 0, 0, &rng) == 13, "NaN and -inf");
	logits[17] = -INFINITY;
	CHECK(choose(20, 0, 0, &rng) == 13, "two -inf");
	logits[19] = INFINITY;
	logits[18] = 3e38f;
	CHECK(choose(20, 0, 0, &rng) == 19, "inf");
}

static void generator(void)
{
	/* One step of xorshift64* from 1, by hand. */
	uint64_t rng = 1, x = 1;

	logits[0] = 0;
	logits[1] = 0;
	choose(2, 1, 0, &rng);
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	CHECK(rng == x && rng == 0x2000001, "state is %llx", (unsigned long long)rng);
}

/*
 * The reference's sampler sums in another order and has another exp, so numbers
 * that fall right between two tokens may differ; no others do.
 */
static void agrees_with_reference(void)
{
	static const struct {
		float temperature, top_p;
	} set[] = {
		{ 1, 0 },        { 1, 1 },      { 0.8f, 0.9f }, { 1.3f, 0.5f },
		{ 0.1f, 0.95f }, { 5, 0.999f }, { 1, 0.01f },   { 0, 0.9f },
	};
	unsigned int same = 0, all = 0;

	for (size_t s = 0; s < sizeof(set) / sizeof(*set); s++)
		for (uint32_t n = 1; n <= 1000; n = n * 3 + 1) {
			struct ref_sampler *ref =
				ref_sampler_new(n, set[s].temperature, set[s].top_p, 42 + n, NULL);
			uint64_t rng = 42 + n;

			if (!CHECK(ref, "no memory"))
				return;
			for (int round = 0; round < 300; round++) {
				uint32_t want, got;

				for (uint32_t i = 0; i < n; i++)
					logits[i] = random_float() * 4;
				want = ref_sample(ref, logits);
				got = choose(n, set[s].temperature, set[s].top_p, &rng);
				CHECK(rng == ref->rng, "generators differ");
				same += want == got;
				all++;
				if (want != got)
					CHECK(ref->prob[got] > 0 && set[s].temperature > 0,
					      "chose %u of %u, not %u", got, n, want);
			}
			ref_sampler_free(ref);
		}
	printf("# %u of %u choices are the reference's\n", same, all);
	CHECK(all - same <= all / 1000, "%u of %u differ", all - same, all);
}

/* Counts follow the distribution, and nothing outside the nucleus comes. */
static void statistics(void)
{
	enum {
		N = 6,
		ROUNDS = 200000
	};
	static const double p[N] = { 0.05, 0.4, 0.1, 0.25, 0.15, 0.05 };
	unsigned int count[N];
	uint64_t rng = 0x1234567;

	for (int top_p = 0; top_p < 2; top_p++) {
		/* Nucleus of 0.7: 0.4, 0.25 and 0.15. */
		double mass = top_p ? 0.8 : 1;

		memset(count, 0, sizeof(count));
		for (int i = 0; i < N; i++)
			logits[i] = (float)log(p[i]) * 2;
		for (int r = 0; r < ROUNDS; r++)
			count[choose(N, 2, top_p ? 0.7f : 1, &rng)]++;
		for (int i = 0; i < N; i++) {
			double want = top_p && p[i] < 0.15 ? 0 : ROUNDS * p[i] / mass;

			CHECK(fabs(count[i] - want) <= 5 * sqrt(want + 1) * (want > 0),
			      "top_p %d: token %d came %u times, not %.0f", top_p, i, count[i],
			      want);
		}
	}
}

static void top_p_ties(void)
{
	unsigned int count[8] = { 0 };
	uint64_t rng = 99;

	/* Eight equal ones: the nucleus of 0.3 is the first three. */
	for (int i = 0; i < 8; i++)
		logits[i] = 3;
	for (int r = 0; r < 3000; r++)
		count[choose(8, 1, 0.3f, &rng)]++;
	for (int i = 0; i < 8; i++)
		CHECK(i < 3 ? count[i] > 800 : !count[i], "token %d came %u times", i, count[i]);
}

static void odd_values(void)
{
	uint64_t rng = 7;

	for (int r = 0; r < 2000; r++) {
		uint32_t n = 1 + random_below(50), good = 0, got;
		float temperature = r % 3 ? 0.7f : num_float(random_u64() & 0x7fffffff);
		float top_p = r % 2 ? 0.9f : num_float(random_u64());

		for (uint32_t i = 0; i < n; i++) {
			logits[i] = random_below(3) ? num_float(random_u64()) : NAN;
			good += logits[i] == logits[i];
		}
		got = choose(n, temperature, top_p, &rng);
		CHECK(got == DACC_NO_TOKEN || (got < n && logits[got] == logits[got]),
		      "chose %u of %u", got, n);
		CHECK(good || got == DACC_NO_TOKEN, "chose %u though all are NaN", got);
		CHECK(!good || got != DACC_NO_TOKEN || !isfinite(temperature),
		      "chose none of %u at %g", good, temperature);
	}
	for (int i = 0; i < 9; i++)
		logits[i] = i == 4 || i == 7 ? INFINITY : 5;
	for (int r = 0; r < 100; r++) {
		uint32_t got = choose(9, 1, r & 1 ? 0.9f : 0, &rng);

		CHECK(got == 4 || got == 7, "infinite logits are 4 and 7, not %u", got);
	}
}

static void same_bits_everywhere(void)
{
	if (!num_ops_avx2()) {
		tap_skip("no AVX2 here");
		return;
	}
	for (int r = 0; r < 500; r++) {
		uint32_t n = 1 + random_below(MAX), a, b;
		uint64_t rng_a = random_u64() | 1, rng_b = rng_a;

		random_floats(logits, n);
		memcpy(work, logits, sizeof(work));
		a = sample(&num_ops_scalar, work, n, 0.6f, 0.9f, &rng_a, sort, NULL, NULL);
		memcpy(work, logits, sizeof(work));
		b = sample(num_ops_avx2(), work, n, 0.6f, 0.9f, &rng_b, sort, NULL, NULL);
		CHECK(a == b && rng_a == rng_b, "round %d: %u and %u", r, a, b);
	}
}

static int yields, cancel_at;

static bool count_yields(void *opaque)
{
	(void)opaque;
	return ++yields != cancel_at;
}

static void yields_often(void)
{
	const SampleYield yield = { count_yields, NULL };
	const uint32_t n = DACC_MAX_DIM;
	float *p = malloc(n * sizeof(*p));
	uint64_t *heap = malloc(n * sizeof(*heap)), rng, rng_want = 3;
	bool cancelled = false;
	uint32_t want, got;
	int all;

	REQUIRE(p && heap, "no memory");
	/* Nearly flat, so that most of the heap is taken out. */
	for (uint32_t i = 0; i < n; i++)
		p[i] = (float)((i * 2654435761u) >> 8) / 16777216.0f;
	want = sample(num_ops(DACC_VECTOR_AUTO), p, n, 9, 0.9f, &rng_want, heap, NULL, NULL);
	for (uint32_t i = 0; i < n; i++)
		p[i] = (float)((i * 2654435761u) >> 8) / 16777216.0f;
	rng = 3;
	got = sample(num_ops(DACC_VECTOR_AUTO), p, n, 9, 0.9f, &rng, heap, &yield, &cancelled);
	CHECK(got == want && rng == rng_want && !cancelled, "%u, not %u", got, want);
	CHECK(yields > 100, "%d yields", yields);
	all = yields;
	/* In the exponentials, while the heap is made, and while it is taken apart. */
	for (int at = 1; at <= all; at += all / 4) {
		for (uint32_t i = 0; i < n; i++)
			p[i] = (float)((i * 2654435761u) >> 8) / 16777216.0f;
		yields = 0;
		cancel_at = at;
		cancelled = false;
		rng = 3;
		got = sample(num_ops(DACC_VECTOR_AUTO), p, n, 9, 0.9f, &rng, heap, &yield,
			     &cancelled);
		CHECK(cancelled && got == DACC_NO_TOKEN && yields == at, "cancelled at %d", at);
	}
	free(heap);
	free(p);
}

int main(void)
{
	TAP_CASE(greedy_ties);
	TAP_CASE(greedy_odd_values);
	TAP_CASE(generator);
	TAP_CASE(agrees_with_reference);
	TAP_CASE(statistics);
	TAP_CASE(top_p_ties);
	TAP_CASE(odd_values);
	TAP_CASE(same_bits_everywhere);
	TAP_CASE(yields_often);
	return tap_done();
}
