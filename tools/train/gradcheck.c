// SPDX-License-Identifier: MIT
/* Check the backward pass against central finite differences. Prints TAP. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "llama.h"

static unsigned long long state = 42;

static float uniform(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (float)(state >> 40) / (1 << 24) * 2.0f - 1.0f;
}

/* Worst error over n_probe entries of each weight, relative to its largest gradient. */
static int check(int num, const char *name, const struct config *c, int n)
{
	struct layout o = layout_of(c);
	const struct {
		const char *name;
		size_t at, end;
	} part[] = {
		{ "token_embedding", o.emb, o.rms_att },
		{ "rms_att", o.rms_att, o.wq },
		{ "wq", o.wq, o.wk },
		{ "wk", o.wk, o.wv },
		{ "wv", o.wv, o.wo },
		{ "wo", o.wo, o.rms_ffn },
		{ "rms_ffn", o.rms_ffn, o.w1 },
		{ "w1", o.w1, o.w2 },
		{ "w2", o.w2, o.w3 },
		{ "w3", o.w3, o.rms_final },
		{ "rms_final", o.rms_final, o.total },
	};
	struct work *w = work_new(c);
	float *p = calloc(o.total, sizeof(float)), *pt = calloc(o.total, sizeof(float));
	float *g = calloc(o.total, sizeof(float));
	int *in = calloc(n, sizeof(int)), *out = calloc(n, sizeof(int)), ok = 1;

	if (!w || !p || !pt || !g || !in || !out) {
		printf("not ok %d - %s # out of memory\n", num, name);
		return 0;
	}
	for (size_t i = 0; i < o.total; i++)
		p[i] = 0.3f * uniform();
	/* Norm weights near 1, as in a real model: keeps wq's and wk's gradients above f32 noise. */
	for (size_t i = 0; i < (size_t)c->n_layers * c->dim; i++) {
		p[o.rms_att + i] += 1.0f;
		p[o.rms_ffn + i] += 1.0f;
	}
	for (int i = 0; i < c->dim; i++)
		p[o.rms_final + i] += 1.0f;
	for (int i = 0; i < n; i++) {
		in[i] = (int)((uniform() + 1.0f) * 0.499f * c->vocab_size);
		out[i] = i % 7 == 3   ? -1
			 : i % 7 == 5 ? unlikely(in[i])
				      : (int)((uniform() + 1.0f) * 0.499f * c->vocab_size);
	}
	transpose_weights(c, p, pt);
	sequence_loss(c, w, p, pt, in, out, n, g, 1.0f);
	for (size_t k = 0; k < sizeof(part) / sizeof(*part); k++) {
		size_t len = part[k].end - part[k].at;
		double max = 0.0, worst = 0.0;

		for (size_t i = 0; i < len; i++)
			max = fmax(max, fabs(g[part[k].at + i]));
		for (int probe = 0; probe < 12; probe++) {
			size_t at = part[k].at + (size_t)((uniform() + 1.0f) * 0.499f * len);
			float keep = p[at], h = 4e-3f;
			double up, down;

			p[at] = keep + h;
			transpose_weights(c, p, pt);
			up = sequence_loss(c, w, p, pt, in, out, n, NULL, 0.0f);
			p[at] = keep - h;
			transpose_weights(c, p, pt);
			down = sequence_loss(c, w, p, pt, in, out, n, NULL, 0.0f);
			p[at] = keep;
			worst = fmax(worst, fabs((up - down) / (2.0 * h) - g[at]) / max);
		}
		if (!(max > 0.0 && worst < 1e-2))
			ok = 0;
		printf("#   %-16s largest gradient %9.3g, worst relative error %.2g\n",
		       part[k].name, max, worst);
	}
	printf("%sok %d - %s\n", ok ? "" : "not ", num, name);
	work_free(w);
	free(p);
	free(pt);
	free(g);
	free(in);
	free(out);
	return ok;
}

int main(void)
{
	/* Odd sizes take the tails of every loop; the second is as trained. */
	const struct config odd = { 12, 20, 2, 3, 1, 19, 150 };
	const struct config real = { 96, 192, 2, 6, 3, 64, 128 };
	int ok = 1;

	printf("1..2\n");
	ok &= check(1, "gradient, odd sizes, two attention blocks", &odd, 149);
	ok &= check(2, "gradient, dim 96, 6 heads on 3 kv heads", &real, 128);
	return !ok;
}
