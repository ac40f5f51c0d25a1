// SPDX-License-Identifier: GPL-2.0
/*
 * llama-ref: run a llama2.c checkpoint and print what llama2.c's `run` would.
 *
 * Output convention (llama2.c's generate()): the prompt's tokens are printed too;
 * steps counts positions, the BOS at position 0 included; printing ends at steps
 * or when BOS is the next token, and is followed by exactly one newline.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ref.h"

#ifndef DACC_VERSION
#define DACC_VERSION "unversioned"
#endif

struct args {
	const char *model, *tokenizer, *prompt;
	long steps;
	float temperature, top_p;
	uint64_t seed;
	int ids, logits;
};

static const char usage_text[] =
	"usage: llama-ref [options] MODEL TOKENIZER\n"
	"Run a llama2.c checkpoint in plain f32 C and print the text.\n"
	"\n"
	"  -p, --prompt TEXT   text to go on from (default: empty)\n"
	"  -n, --steps N       positions to process, prompt included (default 256; 0: the\n"
	"                      model's context, which also bounds it)\n"
	"  -t, --temp T        temperature; 0 is greedy (default 0)\n"
	"  -P, --top-p P       keep the most probable tokens of mass P; 0 or 1: all (default 0.9)\n"
	"  -s, --seed N        seed of the sampler, not 0 (default 1)\n"
	"      --ids           print token ids, one line, instead of text\n"
	"      --logits        instead of text, per position: input token, output token, its\n"
	"                      logit, gap of the two best (- in the prompt), all logits in hex\n"
	"  -h, --help          this text\n"
	"  -V, --version       version\n";

static int fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "llama-ref: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	return 1;
}

static void print_logits(int pos, int token, int next, int forced, const float *logits, int n)
{
	float best = -INFINITY, second = -INFINITY;

	for (int i = 0; i < n; i++) {
		if (logits[i] > best) {
			second = best;
			best = logits[i];
		} else if (logits[i] > second) {
			second = logits[i];
		}
	}
	printf("%d %d %d %.7g ", pos, token, next, logits[next]);
	if (forced)
		printf("-");
	else
		printf("%.7g", best - second);
	for (int i = 0; i < n; i++)
		printf(" %a", logits[i]);
	printf("\n");
}

static int generate(const struct args *a, const struct ref_model *m, const struct ref_tokenizer *t,
		    struct ref_state *state, struct ref_sampler *sampler)
{
	int *prompt = malloc((strlen(a->prompt) + 3) * sizeof(*prompt));
	int steps = a->steps, n, token;

	if (!prompt)
		return fail("out of memory");
	if (steps == 0 || steps > m->cfg.seq_len)
		steps = m->cfg.seq_len;
	n = ref_encode(t, a->prompt, prompt);
	if (n < 1) {
		free(prompt);
		return fail("%s: no space or byte pieces, so it can't encode the prompt",
			    a->tokenizer);
	}
	if (n > m->cfg.seq_len) {
		free(prompt);
		return fail("the prompt has %d tokens, the model's context is %d: shorten it", n,
			    m->cfg.seq_len);
	}
	token = prompt[0];
	if (a->ids)
		printf("%d", token);
	for (int pos = 0; pos < steps; pos++) {
		const float *logits = ref_forward(state, token, pos);
		int next = pos + 1 < n ? prompt[pos + 1] : ref_sample(sampler, logits);

		if (a->logits)
			print_logits(pos, token, next, pos + 1 < n, logits, m->cfg.vocab_size);
		if (next == REF_BOS)
			break;
		if (a->ids)
			printf(" %d", next);
		else if (!a->logits)
			ref_print(t, token, next, stdout);
		fflush(stdout);
		token = next;
	}
	if (!a->logits)
		printf("\n");
	free(prompt);
	if (fflush(stdout) || ferror(stdout))
		return fail("cannot write the output: %s", strerror(errno));
	return 0;
}

static int run(const struct args *a)
{
	char err[REF_ERR_SIZE] = "";
	struct ref_model *m;
	struct ref_tokenizer *t = NULL;
	struct ref_state *state = NULL;
	struct ref_sampler *sampler = NULL;
	int ret = 1;

	m = ref_model_load(a->model, err);
	if (m)
		t = ref_tokenizer_load(a->tokenizer, m->cfg.vocab_size, err);
	if (t)
		state = ref_state_new(m, err);
	if (state)
		sampler =
			ref_sampler_new(m->cfg.vocab_size, a->temperature, a->top_p, a->seed, err);
	if (sampler)
		ret = generate(a, m, t, state, sampler);
	else
		fail("%s", err);
	ref_sampler_free(sampler);
	ref_state_free(state);
	ref_tokenizer_free(t);
	ref_model_free(m);
	return ret;
}

/* 0 if the whole of s is a finite number in [min, max] */
static int parse_number(const char *what, const char *s, double min, double max, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(s, &end);
	if (*end || end == s || errno || !(*out >= min && *out <= max))
		return fail("%s '%s': want a number from %g to %g", what, s, min, max);
	return 0;
}

static int parse_seed(const char *s, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 0);
	if (*end || end == s || errno || *s == '-' || !*out)
		return fail("--seed '%s': want a whole number from 1 to 2^64 - 1", s);
	return 0;
}

static int parse_steps(const char *s, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(s, &end, 10);
	if (*end || end == s || errno || *out < 0 || *out > 1 << 30)
		return fail("--steps '%s': want a whole number from 0 to %d", s, 1 << 30);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "prompt", required_argument, NULL, 'p' },
		{ "steps", required_argument, NULL, 'n' },
		{ "temp", required_argument, NULL, 't' },
		{ "top-p", required_argument, NULL, 'P' },
		{ "seed", required_argument, NULL, 's' },
		{ "ids", no_argument, NULL, 'i' },
		{ "logits", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct args a = { .prompt = "", .steps = 256, .top_p = 0.9f, .seed = 1 };
	double v;
	int o;

	while ((o = getopt_long(argc, argv, "p:n:t:P:s:hV", longs, NULL)) != -1) {
		switch (o) {
		case 'p':
			a.prompt = optarg;
			break;
		case 'n':
			if (parse_steps(optarg, &a.steps))
				return 2;
			break;
		case 't':
			if (parse_number("--temp", optarg, 0.0, 1e6, &v))
				return 2;
			a.temperature = v;
			break;
		case 'P':
			if (parse_number("--top-p", optarg, 0.0, 1.0, &v))
				return 2;
			a.top_p = v;
			break;
		case 's':
			if (parse_seed(optarg, &a.seed))
				return 2;
			break;
		case 'i':
			a.ids = 1;
			break;
		case 'l':
			a.logits = 1;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		case 'V':
			printf("llama-ref (dacc) %s\n", DACC_VERSION);
			return 0;
		default:
			fputs(usage_text, stderr);
			return 2;
		}
	}
	if (argc - optind != 2 || (a.ids && a.logits)) {
		fputs(usage_text, stderr);
		return 2;
	}
	a.model = argv[optind];
	a.tokenizer = argv[optind + 1];
	return run(&a);
}
