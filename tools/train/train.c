// SPDX-License-Identifier: MIT
/*
 * Train a small Llama-architecture model and write it as a llama2.c checkpoint.
 *
 * A training sequence starts with BOS at the start of a random sentence, so that
 * text after an empty prompt, or after any prompt, is what was trained. The batch
 * is split over a fixed number of shards whose gradients are added in a fixed
 * order: the result does not depend on the number of threads.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <omp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "llama.h"

#define BOS           1
#define SHARDS        2
#define VAL_EVERY     40 /* every 40th document is held out */
#define VAL_SEQS      48
#define REPEAT_NGRAM  6   /* tokens; about three words */
#define REPEAT_SHORT  4   /* the same, where the first use is as near as */
#define REPEAT_NEAR   16  /* this many tokens */
#define REPEAT_LENGTH 256 /* tokens of greedy text to judge */
#define REPEAT_LESSON 24  /* repeated tokens to learn from */

struct options {
	const char *tokens, *out, *init, *tokenizer;
	int steps, stop, batch, warmup, eval_every, threads;
	float lr, weight_decay, repeat_penalty;
	uint64_t seed;
};

struct tokens {
	int *ids;
	long n;
	long *starts; /* where a sequence may start: the first token of a sentence */
	long n_starts;
};

/* What the trainer must know of the tokenizer's pieces. */
struct pieces {
	int full_stop;
	char *starts_word; /* per id: begins with a space */
};

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "train: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

static void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die("out of memory (%zu bytes)", n * size);
	return p;
}

static uint64_t next_u64(uint64_t *s)
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static double uniform(uint64_t *s)
{
	return (next_u64(s) >> 11) * 0x1.0p-53;
}

static float normal(uint64_t *s)
{
	double u = uniform(s), v = uniform(s);

	return sqrt(-2.0 * log(u + 1e-300)) * cos(6.283185307179586 * v);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static struct pieces load_pieces(const char *path, int vocab)
{
	struct pieces s = { -1, xcalloc(vocab, 1) };
	FILE *f = fopen(path, "rb");
	char buf[256];
	int32_t len;
	float score;

	if (!f)
		die("%s: %s", path, strerror(errno));
	if (fread(&len, sizeof(len), 1, f) != 1)
		die("%s: empty", path);
	for (int i = 0; i < vocab; i++) {
		if (fread(&score, sizeof(score), 1, f) != 1 ||
		    fread(&len, sizeof(len), 1, f) != 1 || len < 1 || len > (int)sizeof(buf) ||
		    fread(buf, len, 1, f) != 1)
			die("%s: not a tokenizer of %d pieces", path, vocab);
		if (len == 1 && buf[0] == '.')
			s.full_stop = i;
		s.starts_word[i] = buf[0] == ' ';
	}
	fclose(f);
	return s;
}

/* Read the ids and share the documents out between training and validation. */
static void load_tokens(const struct options *opt, int vocab, int full_stop, struct tokens *train,
			struct tokens *val)
{
	FILE *f = fopen(opt->tokens, "rb");
	struct tokens *t = train;
	long n, doc = -1;
	uint16_t *raw;

	if (!f || fseek(f, 0, SEEK_END) || (n = ftell(f) / 2) < 2 || fseek(f, 0, SEEK_SET))
		die("%s: %s", opt->tokens, errno ? strerror(errno) : "too short");
	raw = xcalloc(n, sizeof(*raw));
	if (fread(raw, sizeof(*raw), n, f) != (size_t)n)
		die("%s: short read", opt->tokens);
	fclose(f);
	if (raw[0] != BOS)
		die("%s: does not start with BOS; make it with bpe", opt->tokens);

	*train = (struct tokens){ xcalloc(n, sizeof(int)), 0, xcalloc(n, sizeof(long)), 0 };
	*val = (struct tokens){ xcalloc(n, sizeof(int)), 0, xcalloc(n, sizeof(long)), 0 };
	for (long i = 0; i < n; i++) {
		if (raw[i] >= vocab)
			die("%s: id %d is outside the vocabulary of %d", opt->tokens, raw[i],
			    vocab);
		if (raw[i] == BOS)
			t = ++doc % VAL_EVERY == VAL_EVERY / 2 ? val : train;
		if (i && (raw[i - 1] == BOS || raw[i - 1] == full_stop) && raw[i] != BOS)
			t->starts[t->n_starts++] = t->n;
		t->ids[t->n++] = raw[i];
	}
	free(raw);
	if (!train->n_starts || !val->n_starts)
		die("%s: needs at least %d documents", opt->tokens, VAL_EVERY);
}

/* BOS, then the text from start on; the end of the data is not scored. */
static void make_sequence(const struct tokens *t, long start, int n, int *in, int *out)
{
	in[0] = BOS;
	for (int i = 0; i < n; i++) {
		long at = start + i;

		out[i] = at < t->n ? t->ids[at] : -1;
		if (i + 1 < n)
			in[i + 1] = at < t->n ? t->ids[at] : BOS;
	}
}

static void put(FILE *f, const void *p, size_t size, const char *path)
{
	if (fwrite(p, 1, size, f) != size)
		die("%s: %s", path, strerror(errno));
}

/* Write to a temporary name first: a reader never sees half a checkpoint. */
static void save(const char *path, const struct config *c, const float *params)
{
	int half = c->dim / c->n_heads / 2;
	char tmp[4096];
	FILE *f;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp))
		die("%s: name too long", path);
	f = fopen(tmp, "wb");
	if (!f)
		die("%s: %s", tmp, strerror(errno));
	put(f, c, sizeof(*c), tmp);
	put(f, params, layout_of(c).total * sizeof(float), tmp);
	for (int part = 0; part < 2; part++) {
		for (int t = 0; t < c->seq_len; t++) {
			for (int i = 0; i < half; i++) {
				double a = t * pow(10000.0, -(double)i / half);
				float v = part ? sin(a) : cos(a);

				put(f, &v, sizeof(v), tmp);
			}
		}
	}
	if (fclose(f) || rename(tmp, path))
		die("%s: %s", path, strerror(errno));
}

/* Start from a checkpoint of the same shape. */
static void load(const char *path, const struct config *c, float *params)
{
	struct config have;
	FILE *f = fopen(path, "rb");

	if (!f)
		die("%s: %s", path, strerror(errno));
	if (fread(&have, sizeof(have), 1, f) != 1 || memcmp(&have, c, sizeof(have)))
		die("%s: not a checkpoint of the shape asked for", path);
	if (fread(params, sizeof(float), layout_of(c).total, f) != layout_of(c).total)
		die("%s: truncated", path);
	fclose(f);
}

static void init_params(const struct config *c, float *p, uint64_t *rng)
{
	struct layout o = layout_of(c);
	float out = 0.02f * 2.0f / sqrtf(2.0f * c->n_layers);

	for (size_t i = 0; i < o.total; i++) {
		int norm = (i >= o.rms_att && i < o.wq) || (i >= o.rms_ffn && i < o.w1) ||
			   i >= o.rms_final;
		int residual = (i >= o.wo && i < o.rms_ffn) || (i >= o.w2 && i < o.w3);

		if (norm)
			p[i] = 1.0f;
		else
			p[i] = normal(rng) * (i < o.rms_att ? 0.05f : residual ? out : 0.04f);
	}
}

struct adam {
	float *m, *v;
	size_t n;
};

static void adam_step(struct adam *a, const struct layout *o, float *p, const float *g, int step,
		      float lr, float weight_decay, float clip)
{
	const float b1 = 0.9f, b2 = 0.98f;
	float c1 = 1.0f - powf(b1, step), c2 = 1.0f - powf(b2, step);

#pragma omp parallel for schedule(static)
	for (size_t i = 0; i < a->n; i++) {
		int norm = (i >= o->rms_att && i < o->wq) || (i >= o->rms_ffn && i < o->w1) ||
			   i >= o->rms_final;
		float x = g[i] * clip;

		a->m[i] = b1 * a->m[i] + (1.0f - b1) * x;
		a->v[i] = b2 * a->v[i] + (1.0f - b2) * x * x;
		p[i] -= lr * (a->m[i] / c1 / (sqrtf(a->v[i] / c2) + 1e-8f) +
			      (norm ? 0.0f : weight_decay * p[i]));
	}
}

static double validate(const struct config *c, struct work **works, const float *p, const float *pt,
		       const struct tokens *val)
{
	double loss[VAL_SEQS];
	long scored[VAL_SEQS], n = 0;
	double sum = 0.0;

#pragma omp parallel for schedule(static, 1)
	for (int s = 0; s < SHARDS; s++) {
		int *in = xcalloc(2 * c->seq_len, sizeof(int)), *out = in + c->seq_len;

		for (int i = s; i < VAL_SEQS; i += SHARDS) {
			make_sequence(val, val->starts[i * val->n_starts / VAL_SEQS], c->seq_len,
				      in, out);
			loss[i] =
				sequence_loss(c, works[s], p, pt, in, out, c->seq_len, NULL, 0.0f);
			scored[i] = 0;
			for (int t = 0; t < c->seq_len; t++)
				scored[i] += out[t] >= 0;
		}
		free(in);
	}
	for (int i = 0; i < VAL_SEQS; i++) {
		sum += loss[i];
		n += scored[i];
	}
	return sum / n;
}

/*
 * Make the model's own greedy text the lesson: each token that completes an n-gram
 * already used in that text becomes an unlikelihood target (Welleck et al., 2019).
 * A small model decoded greedily falls into loops without it. Only the first few
 * count: text deep inside a loop teaches nothing about real text. And only the starts
 * of words: the rest of a word is spelling, not choice. Returns how many tokens repeat,
 * the uncounted ones too.
 */
static int repeats(const struct pieces *pieces, const int *ids, int prompt, int n, int *out)
{
	int found = 0;

	for (int t = 0; t < n; t++) {
		int at = t + 1; /* out[t] judges ids[t + 1] */

		out[t] = -1;
		if (at < prompt || at >= n)
			continue;
		for (int s = 0; s < at; s++) {
			int len = at - s <= REPEAT_NEAR ? REPEAT_SHORT : REPEAT_NGRAM;

			if (s + 1 >= len &&
			    !memcmp(&ids[s - len + 1], &ids[at - len + 1], len * sizeof(*ids))) {
				if (found++ < REPEAT_LESSON && pieces->starts_word[ids[at]])
					out[t] = unlikely(ids[at]);
				break;
			}
		}
	}
	return found;
}

static void train(const struct options *opt, const struct config *c)
{
	struct layout o = layout_of(c);
	struct pieces pieces = load_pieces(opt->tokenizer, c->vocab_size);
	struct tokens data, val;
	struct work *works[SHARDS];
	float *grad[SHARDS];
	float *p = xcalloc(o.total, sizeof(float)), *pt = xcalloc(o.total, sizeof(float));
	struct adam adam = { xcalloc(o.total, sizeof(float)), xcalloc(o.total, sizeof(float)),
			     o.total };
	int last = opt->stop && opt->stop < opt->steps ? opt->stop : opt->steps;
	uint64_t rng = opt->seed;
	double t0 = now(), best = 1e30, running = 0.0, looping = 0.0;
	long *starts = xcalloc(opt->batch, sizeof(*starts));

	load_tokens(opt, c->vocab_size, pieces.full_stop, &data, &val);
	for (int s = 0; s < SHARDS; s++) {
		works[s] = work_new(c);
		grad[s] = xcalloc(o.total, sizeof(float));
		if (!works[s])
			die("out of memory");
	}
	init_params(c, p, &rng);
	if (opt->init)
		load(opt->init, c, p);
	printf("train: %zu parameters, %ld training and %ld validation tokens, %d steps of %d x %d\n",
	       o.total, data.n, val.n, opt->steps, opt->batch, c->seq_len);

	for (int step = 1; step <= last; step++) {
		double losses[SHARDS] = { 0 }, norm = 0.0, progress;
		float lr = opt->lr, scale = 1.0f / ((float)opt->batch * c->seq_len);

		int repeated[SHARDS] = { 0 }, prompts[SHARDS] = { 0 };

		for (int b = 0; b < opt->batch; b++)
			starts[b] = data.starts[next_u64(&rng) % data.n_starts];
		/* One in four goes on from BOS alone, the others from up to 32 tokens. */
		for (int s = 0; s < SHARDS && opt->repeat_penalty > 0.0f; s++)
			prompts[s] = next_u64(&rng) % 4 ? 1 + next_u64(&rng) % 32 : 1;
		transpose_weights(c, p, pt);
#pragma omp parallel for schedule(static, 1)
		for (int s = 0; s < SHARDS; s++) {
			int *in = xcalloc(2 * c->seq_len, sizeof(int)), *out = in + c->seq_len;

			memset(grad[s], 0, o.total * sizeof(float));
			for (int b = s; b < opt->batch; b += SHARDS) {
				make_sequence(&data, starts[b], c->seq_len, in, out);
				losses[s] += sequence_loss(c, works[s], p, pt, in, out, c->seq_len,
							   grad[s], scale);
			}
			if (opt->repeat_penalty > 0.0f) {
				int n = c->seq_len < REPEAT_LENGTH ? c->seq_len : REPEAT_LENGTH;

				make_sequence(&data, starts[s], n, in, out);
				continue_greedily(c, works[s], p, pt, in, prompts[s], n);
				repeated[s] = repeats(&pieces, in, prompts[s], n, out);
				sequence_loss(c, works[s], p, pt, in, out, n, grad[s],
					      opt->repeat_penalty / (SHARDS * REPEAT_LESSON));
			}
			free(in);
		}
		for (int s = 1; s < SHARDS; s++)
			for (size_t i = 0; i < o.total; i++)
				grad[0][i] += grad[s][i];
		for (size_t i = 0; i < o.total; i++)
			norm += (double)grad[0][i] * grad[0][i];
		norm = sqrt(norm);

		progress = (double)(step - opt->warmup) / (opt->steps - opt->warmup + 1);
		if (step < opt->warmup)
			lr *= (float)step / opt->warmup;
		else
			lr *= 0.02 + 0.98 * 0.5 * (1.0 + cos(3.141592653589793 * progress));
		adam_step(&adam, &o, p, grad[0], step, lr, opt->weight_decay,
			  norm > 1.0 ? 1.0 / norm : 1.0);

		double loss = 0.0;

		for (int s = 0; s < SHARDS; s++)
			loss += losses[s] * scale;
		running = running ? 0.98 * running + 0.02 * loss : loss;
		if (opt->repeat_penalty > 0.0f) {
			double share = 0.0;

			for (int s = 0; s < SHARDS; s++)
				share += (double)repeated[s] / SHARDS / REPEAT_LENGTH;
			looping = step == 1 ? share : 0.98 * looping + 0.02 * share;
		}
		if (step % opt->eval_every == 0 || step == last) {
			double elapsed = now() - t0, v;

			transpose_weights(c, p, pt);
			v = validate(c, works, p, pt, &val);
			printf("step %5d/%d  train %.4f  val %.4f  lr %.2e  |g| %.2f  %.0f tokens/s  %.0f s, %.0f s left%s\n",
			       step, opt->steps, running, v, lr, norm,
			       (double)step * opt->batch * c->seq_len / elapsed, elapsed,
			       elapsed / step * (last - step), v < best ? "  *" : "");
			if (opt->repeat_penalty > 0.0f)
				printf("  share of greedy tokens that repeat: %.3f\n", looping);
			fflush(stdout);
			/* Against loops the last is the best: likelihood alone does not see them. */
			if (v < best || opt->repeat_penalty > 0.0f) {
				best = v;
				save(opt->out, c, p);
			}
		}
	}
	printf("train: %s validation loss %.4f, in %s\n",
	       opt->repeat_penalty > 0.0f ? "last" : "best", best, opt->out);
}

static void usage(FILE *f)
{
	fprintf(f,
		"usage: train [options] TOKENS TOKENIZER CHECKPOINT\n"
		"Train on TOKENS (made by bpe, as is TOKENIZER) and write the CHECKPOINT of the best validation loss.\n"
		"  --dim N --hidden N --layers N --heads N --kv-heads N --vocab N --seq N   model\n"
		"  --steps N --batch N --lr X --warmup N --weight-decay X --seed N          training\n"
		"  --eval-every N      steps between validations; --threads N (at most %d useful)\n"
		"  --stop N            end after N of the steps (the schedule stays that of --steps)\n"
		"  --init CHECKPOINT   start from it instead of random weights\n"
		"  --repeat-penalty X  weight of unlikelihood training on the model's own repetitions\n"
		"                      (writes the last checkpoint, not that of the best loss)\n",
		SHARDS);
}

static double number(const char *name, const char *s, double min)
{
	char *end;
	double v = strtod(s, &end);

	if (*end || end == s || v < min)
		die("--%s: '%s' is not a number of at least %g", name, s, min);
	return v;
}

int main(int argc, char **argv)
{
	struct config c = { 96, 192, 5, 6, 3, 768, 512 };
	struct options opt = { .steps = 1000,
			       .batch = 8,
			       .warmup = 200,
			       .eval_every = 100,
			       .threads = 2,
			       .lr = 3e-3f,
			       .weight_decay = 0.05f,
			       .seed = 1 };
	static const char *const names[] = {
		"dim",     "hidden", "layers",       "heads", "kv-heads",       "vocab",
		"seq",     "steps",  "stop",         "batch", "warmup",         "eval-every",
		"threads", "lr",     "weight-decay", "seed",  "repeat-penalty", "init"
	};
	int *ints[] = { &c.dim,        &c.hidden_dim,   &c.n_layers, &c.n_heads, &c.n_kv_heads,
			&c.vocab_size, &c.seq_len,      &opt.steps,  &opt.stop,  &opt.batch,
			&opt.warmup,   &opt.eval_every, &opt.threads };
	struct option longs[sizeof(names) / sizeof(*names) + 2] = { 0 };
	int n = sizeof(names) / sizeof(*names), o;

	for (int i = 0; i < n; i++)
		longs[i] = (struct option){ names[i], required_argument, NULL, 256 + i };
	longs[n] = (struct option){ "help", no_argument, NULL, 'h' };
	while ((o = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (o == 'h') {
			usage(stdout);
			return 0;
		}
		if (o < 256) {
			usage(stderr);
			return 2;
		}
		if (!strcmp(names[o - 256], "init")) {
			opt.init = optarg;
			continue;
		}
		double v = number(names[o - 256], optarg, 0);

		if (o - 256 < (int)(sizeof(ints) / sizeof(*ints)))
			*ints[o - 256] = v;
		else if (!strcmp(names[o - 256], "lr"))
			opt.lr = v;
		else if (!strcmp(names[o - 256], "weight-decay"))
			opt.weight_decay = v;
		else if (!strcmp(names[o - 256], "repeat-penalty"))
			opt.repeat_penalty = v;
		else
			opt.seed = v;
	}
	if (argc - optind != 3) {
		usage(stderr);
		return 2;
	}
	if (c.dim < 1 || c.hidden_dim < 1 || c.n_layers < 1 || c.n_heads < 1 || c.n_kv_heads < 1 ||
	    c.vocab_size < 2 || c.seq_len < 1 || opt.steps < 1 || opt.batch < 1 ||
	    opt.eval_every < 1 || opt.threads < 1)
		die("sizes must be at least 1");
	if (c.dim % c.n_heads || c.dim / c.n_heads % 2 || c.n_heads % c.n_kv_heads)
		die("dim must be heads times an even number, heads a multiple of kv heads");
	opt.tokens = argv[optind];
	opt.tokenizer = argv[optind + 1];
	opt.out = argv[optind + 2];
	omp_set_num_threads(opt.threads);
	train(&opt, &c);
	return 0;
}
