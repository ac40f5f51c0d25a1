// SPDX-License-Identifier: GPL-2.0
/* The checkpoint reader: good files, and every way of being bad. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dacc/dacc.h"
#include "models.h"
#include "tap.h"

/* A tiny model: dim 8, hidden 12, 2 layers, 4 heads, 2 KV heads, vocab 10, seq 6. */
static const int32_t tiny[7] = { 8, 12, 2, 4, 2, 10, 6 };
static char path[64];

static size_t floats_of(const int32_t *h)
{
	size_t d = h[0], f = h[1], l = h[2], kv = d / h[3] * h[4], v = abs(h[5]), s = h[6];
	size_t n = v * d + l * (2 * d + 2 * d * d + 2 * kv * d + 3 * f * d) + d + s * (d / h[3]);

	return h[5] > 0 ? n : n + v * d;
}

static void write_model(const int32_t *h, ssize_t more)
{
	size_t n = floats_of(h), bytes = 28 + 4 * n;
	char *data = calloc(1, bytes + (more > 0 ? more : 0));
	FILE *f = fopen(path, "wb");

	memcpy(data, h, 28);
	for (size_t i = 0; i < n; i++) {
		float v = sinf(i) * 0.1f;

		memcpy(data + 28 + 4 * i, &v, 4);
	}
	if (CHECK(f && fwrite(data, 1, bytes + more, f) == bytes + more, "can't write %s", path))
		fclose(f);
	free(data);
}

static void refuse(const char *what, int want, const char *text)
{
	struct dacc_model *m = NULL;
	struct dacc_error err = { "" };
	int ret = dacc_model_open(path, &m, &err);

	CHECK(ret == want, "%s: %d instead of %d", what, ret, want);
	CHECK(strstr(err.text, text) && strstr(err.text, path) && !strchr(err.text, '\n'),
	      "%s: '%s' lacks '%s'", what, err.text, text);
	if (!ret)
		dacc_model_close(m);
	/* The message is optional. */
	CHECK(dacc_model_open(path, &m, NULL) == want, "%s: without a message", what);
	if (!want)
		dacc_model_close(m);
}

static void good(void)
{
	const struct dacc_model_config *c;
	struct dacc_model *m;
	struct dacc_error err;
	int32_t h[7];

	write_model(tiny, 0);
	if (!CHECK(!dacc_model_open(path, &m, &err), "%s", err.text))
		return;
	c = dacc_model_get_config(m);
	CHECK(c->dim == 8 && c->hidden_dim == 12 && c->n_layers == 2, "sizes");
	CHECK(c->n_heads == 4 && c->n_kv_heads == 2, "heads");
	CHECK(c->vocab_size == 10 && c->seq_len == 6 && c->shared_classifier, "vocabulary");
	dacc_model_close(m);
	/* A negative vocabulary: the classifier is a tensor of its own. */
	memcpy(h, tiny, sizeof(h));
	h[5] = -10;
	write_model(h, 0);
	if (!CHECK(!dacc_model_open(path, &m, &err), "%s", err.text))
		return;
	c = dacc_model_get_config(m);
	CHECK(c->vocab_size == 10 && !c->shared_classifier, "own classifier");
	dacc_model_close(m);
}

static void header_fields(void)
{
	static const char *const name[7] = { "dim",        "hidden_dim", "n_layers", "n_heads",
					     "n_kv_heads", "vocab_size", "seq_len" };
	static const int32_t bad[] = { 0, -1, INT32_MIN, INT32_MAX, 1 << 30 };
	char text[64];

	for (int f = 0; f < 7; f++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
			int32_t h[7];
			int fd;

			if (f == 5 && bad[i] == -1)
				continue; /* one token and a classifier: only its size is wrong */
			write_model(tiny, 0);
			memcpy(h, tiny, sizeof(h));
			h[f] = bad[i];
			fd = open(path, O_WRONLY);
			CHECK(pwrite(fd, h, sizeof(h), 0) == sizeof(h), "write");
			close(fd);
			snprintf(text, sizeof(text), "header field %s", name[f]);
			refuse(text, -EINVAL, text);
		}
	}
}

static void relations(void)
{
	static const struct {
		int32_t h[7];
		const char *text;
	} cases[] = {
		{ { 9, 12, 2, 4, 2, 10, 6 }, "n_heads is 4, which does not divide dim" },
		{ { 8, 12, 2, 4, 3, 10, 6 }, "n_kv_heads is 3, which does not divide n_heads" },
		{ { 12, 12, 2, 4, 2, 10, 6 }, "heads of 3" },
		{ { 4096, 12, 2, 4, 2, 10, 6 }, "heads of 1024" },
	};
	FILE *f;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		f = fopen(path, "wb");
		fwrite(cases[i].h, 1, 28, f);
		fclose(f);
		refuse(cases[i].text, -EINVAL, cases[i].text);
	}
}

static void sizes(void)
{
	static const int32_t huge[7] = { 1048576,   1048576, 65536,  4096 / 16,
					 4096 / 16, 1048576, 1048576 };
	int32_t h[7];
	FILE *f;

	write_model(tiny, -1);
	refuse("one byte short", -EINVAL, "truncated by 1 bytes");
	write_model(tiny, -4);
	refuse("one float short", -EINVAL, "truncated by 4 bytes");
	write_model(tiny, -(ssize_t)(4 * floats_of(tiny)));
	refuse("header only", -EINVAL, "truncated by");
	write_model(tiny, 1);
	refuse("one byte long", -EINVAL, "1 bytes more than its header asks for");
	memcpy(h, tiny, sizeof(h));
	h[5] = -10;
	write_model(h, -(ssize_t)(4 * 80));
	refuse("classifier missing", -EINVAL, "truncated by 320 bytes");
	f = fopen(path, "wb");
	fwrite(tiny, 1, 27, f);
	fclose(f);
	refuse("27 bytes", -EINVAL, "truncated: 27 bytes");
	f = fopen(path, "wb");
	fclose(f);
	refuse("empty", -EINVAL, "truncated: 0 bytes");
	/* Products that do not fit 64 bits must not wrap round to something small. */
	f = fopen(path, "wb");
	fwrite(huge, 1, 28, f);
	fclose(f);
	refuse("overflow", -EINVAL, "");
}

static void other_files(void)
{
	static const struct {
		const char *magic, *text;
	} cases[] = {
		{ "GGUF", "GGUF" },
		{ "24ka", "version 1 or 2" },
		{ "PK\3\4", "PyTorch" },
	};
	char data[64] = { 0 };
	FILE *f;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(data, cases[i].magic, 4);
		f = fopen(path, "wb");
		fwrite(data, 1, sizeof(data), f);
		fclose(f);
		refuse(cases[i].text, -EINVAL, cases[i].text);
	}
	unlink(path);
	refuse("no file", -ENOENT, "No such file");
	CHECK(!mkdir(path, 0700), "mkdir");
	refuse("folder", -EINVAL, "not a regular file");
	rmdir(path);
	/* Nobody writes to it, and opening must not wait for that. */
	CHECK(!mkfifo(path, 0600), "mkfifo");
	alarm(20);
	refuse("FIFO", -EINVAL, "not a regular file");
	alarm(0);
	unlink(path);
}

/* What only shows in the weights is found when they are written out. */
static void not_finite(void)
{
	struct dacc_program_info info;
	struct dacc_program *p;
	struct dacc_model *m;
	struct dacc_error err;
	float nan_value = NAN;
	void *image;
	int fd;

	write_model(tiny, 0);
	fd = open(path, O_WRONLY);
	/* wq of layer 1, row 2, column 3 */
	CHECK(pwrite(fd, &nan_value, 4, 28 + 4 * (10 * 8 + 2 * 8 + 64 + 2 * 8 + 3)) == 4, "write");
	close(fd);
	if (!CHECK(!dacc_model_open(path, &m, &err), "%s", err.text))
		return;
	if (!CHECK(!dacc_program_compile(m, NULL, &p, &err), "%s", err.text))
		return;
	dacc_program_get_info(p, &info, sizeof(info));
	image = malloc(info.image_bytes);
	CHECK(dacc_program_write_image(p, image, info.image_bytes, &err) == -EINVAL, "not refused");
	CHECK(strstr(err.text, "[2][3] of tensor wq, layer 1"), "'%s'", err.text);
	CHECK(dacc_program_write_image(p, image, info.image_bytes - 1, &err) == -ENOSPC, "no room");
	free(image);
	dacc_program_free(p);
	dacc_model_close(m);
}

static void compile_options(void)
{
	struct dacc_program_options o = { .size = sizeof(o) };
	char big[sizeof(o) + 16] = { 0 };
	struct dacc_program_info info;
	struct dacc_program *p;
	struct dacc_model *m;
	struct dacc_error err;
	size_t size;

	write_model(tiny, 0);
	if (!CHECK(!dacc_model_open(path, &m, &err), "%s", err.text))
		return;
	o.max_ctx = 7;
	CHECK(dacc_program_compile(m, &o, &p, &err) == -EINVAL, "context");
	CHECK(strstr(err.text, "the model's is 6"), "'%s'", err.text);
	o.max_ctx = 0;
	o.weight_type = DACC_TYPE_Q4_0;
	CHECK(dacc_program_compile(m, &o, &p, &err) == -EINVAL, "weight type");
	o.weight_type = DACC_TYPE_F32;
	o.kv_type = DACC_TYPE_Q8_0;
	CHECK(dacc_program_compile(m, &o, &p, &err) == -EINVAL, "KV type");
	/* A longer structure of a later version, with nothing new in it and with something. */
	o.kv_type = DACC_TYPE_F16;
	size = sizeof(big);
	memcpy(big, &o, sizeof(o));
	memcpy(big, &size, sizeof(size));
	if (!CHECK(!dacc_program_compile(m, (const struct dacc_program_options *)big, &p, &err),
		   "%s", err.text))
		return;
	/* The model stays with the program. */
	dacc_model_close(m);
	CHECK(!dacc_program_get_info(p, &info, sizeof(info)), "info");
	CHECK(info.kv.max_ctx == 6 && info.kv.type == DACC_TYPE_F16, "options were not taken");
	dacc_program_free(p);
	if (!CHECK(!dacc_model_open(path, &m, &err), "%s", err.text))
		return;
	big[sizeof(big) - 1] = 1;
	CHECK(dacc_program_compile(m, (const struct dacc_program_options *)big, &p, &err) == -E2BIG,
	      "unknown member");
	dacc_model_close(m);
}

int main(void)
{
	strcpy(path, "/tmp/dacc-model-XXXXXX");
	if (mkstemp(path) < 0)
		return 1;
	TAP_CASE(good);
	TAP_CASE(header_fields);
	TAP_CASE(relations);
	TAP_CASE(sizes);
	TAP_CASE(not_finite);
	TAP_CASE(compile_options);
	TAP_CASE(other_files);
	unlink(path);
	return tap_done();
}
