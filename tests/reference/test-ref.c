// SPDX-License-Identifier: GPL-2.0
/* Unit tests of the reference itself. usage: test-ref MODEL TOKENIZER; prints TAP. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ref.h"

static int number, failed;

static void ok(int cond, const char *name)
{
	printf("%sok %d - %s\n", cond ? "" : "not ", ++number, name);
	failed |= !cond;
}

/* Text through encode and decode; 1 if it comes back unchanged. */
static int round_trip(const struct ref_tokenizer *t, const char *text)
{
	char out[1024] = "";
	int ids[256], n = ref_encode(t, text, ids);
	size_t at = 0;

	if (n < 1 || ids[0] != REF_BOS)
		return 0;
	for (int i = 1; i < n; i++) {
		const char *p;
		int len = ref_decode(t, ids[i - 1], ids[i], &p);

		memcpy(out + at, p, len);
		at += len;
	}
	out[at] = '\0';
	return !strcmp(out, text);
}

static void test_tokenizer(const struct ref_tokenizer *t)
{
	static const char accent[] = "\xc3\x89";
	int ids[64], n;

	ok(ref_encode(t, "", ids) == 1 && ids[0] == REF_BOS, "empty text is BOS alone");
	ok(round_trip(t, "In the beginning God created the heaven and the earth."),
	   "plain text comes back");
	ok(round_trip(t, "a  b\n\tc #42 \xc3\xa9t\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80"),
	   "spaces, digits and UTF-8 come back through the byte fallback");
	n = ref_encode(t, accent, ids);
	ok(n >= 3 && ids[n - 2] == 0xc3 + REF_FIRST_BYTE && ids[n - 1] == 0x89 + REF_FIRST_BYTE,
	   "an unknown character becomes its bytes' ids");
	n = ref_encode(t, " the the", ids);
	ok(n == 4 && ids[2] == ids[3] && !strcmp(t->piece[ids[2]], " the"),
	   "merges reach the whole-word piece");
}

static void test_sampler(void)
{
	/* Probabilities .5 .3 .15 .05 */
	float logits[4] = { logf(.15f), logf(.5f), logf(.05f), logf(.3f) };
	int count[4] = { 0 }, total = 20000, same = 1;
	struct ref_sampler *s = ref_sampler_new(4, 1.0f, 0.7f, 42, NULL);
	struct ref_sampler *u = ref_sampler_new(4, 1.0f, 0.7f, 42, NULL);
	struct ref_sampler *all = ref_sampler_new(4, 1.0f, 1.0f, 7, NULL);
	struct ref_sampler *greedy = ref_sampler_new(4, 0.0f, 0.9f, 1, NULL);

	if (!s || !u || !all || !greedy) {
		ok(0, "samplers allocated");
		return;
	}
	for (int i = 0; i < total; i++) {
		int id = ref_sample(s, logits);

		count[id]++;
		same &= id == ref_sample(u, logits);
	}
	ok(same, "the same seed draws the same tokens");
	ok(!count[0] && !count[2], "top-p 0.7 draws only the two most probable tokens");
	ok(fabs((double)count[1] / total - .5 / .8) < 0.015, "their odds are kept");
	memset(count, 0, sizeof(count));
	for (int i = 0; i < total; i++)
		count[ref_sample(all, logits)]++;
	ok(fabs((double)count[2] / total - .05) < 0.006, "top-p 1 draws from all tokens");
	ok(ref_sample(greedy, logits) == 1 && greedy->rng == 1,
	   "greedy takes the best and draws nothing");
	ref_sampler_free(s);
	ref_sampler_free(u);
	ref_sampler_free(all);
	ref_sampler_free(greedy);
}

static void test_model(const struct ref_model *m)
{
	struct ref_state *a = ref_state_new(m, NULL), *b = ref_state_new(m, NULL);
	int n = m->cfg.vocab_size, same = 1, differs = 0;
	float *keep = malloc(n * sizeof(*keep));

	if (!a || !b || !keep) {
		ok(0, "states allocated");
		return;
	}
	/* Two sequences of one model do not disturb each other. */
	for (int pos = 0; pos < 8; pos++)
		ref_forward(a, 300 + pos, pos);
	memcpy(keep, a->logits, n * sizeof(*keep));
	for (int pos = 0; pos < 8; pos++) {
		ref_forward(a, 300 + pos, pos);
		ref_forward(b, 400 + pos, pos);
		same &= pos < 7 || !memcmp(keep, a->logits, n * sizeof(*keep));
		differs |= memcmp(a->logits, b->logits, n * sizeof(*keep)) != 0;
	}
	ok(same && differs, "interleaved sequences are independent");
	for (int i = 0; i < n; i++)
		same &= isfinite(keep[i]) != 0;
	ok(same, "logits are finite");
	free(keep);
	ref_state_free(a);
	ref_state_free(b);
}

int main(int argc, char **argv)
{
	char err[REF_ERR_SIZE] = "";
	struct ref_model *m;
	struct ref_tokenizer *t;

	if (argc != 3) {
		fprintf(stderr, "usage: test-ref MODEL TOKENIZER\n");
		return 2;
	}
	m = ref_model_load(argv[1], err);
	t = m ? ref_tokenizer_load(argv[2], m->cfg.vocab_size, err) : NULL;
	if (!t) {
		printf("Bail out! %s\n", err);
		return 1;
	}
	test_tokenizer(t);
	test_sampler();
	test_model(m);
	printf("1..%d\n", number);
	ref_tokenizer_free(t);
	ref_model_free(m);
	return failed;
}
