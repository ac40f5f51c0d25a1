// SPDX-License-Identifier: MIT
/*
 * Reader of llama2.c's legacy checkpoints: seven 32-bit words, then f32 tensors
 * one after another. The file is mapped and nothing of it is believed before
 * it has been checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define HEADER_WORDS 7
#define HEADER_BYTES (HEADER_WORDS * sizeof(int32_t))

struct field {
	const char *name;
	int64_t value;
	int64_t max;
};

/* Other formats that people have, by their first four bytes. */
static const char *other_format(uint32_t magic)
{
	switch (magic) {
	case 0x616b3432: /* "24ka" */
		return "a llama2.c checkpoint of version 1 or 2: export it with --version 0";
	case 0x46554747: /* "GGUF" */
		return "a GGUF file, only llama2.c checkpoints can be read";
	case 0x04034b50: /* "PK" */
		return "a zip or PyTorch file: export it with llama2.c's export.py --version 0";
	default:
		return NULL;
	}
}

static int check_header(const char *path, const int32_t *word, struct dacc_model_config *c,
			struct dacc_error *err)
{
	const struct field fields[] = {
		{ "dim", word[0], DACC_MAX_DIM },
		{ "hidden_dim", word[1], DACC_MAX_DIM },
		{ "n_layers", word[2], 65536 },
		{ "n_heads", word[3], DACC_MAX_HEADS },
		{ "n_kv_heads", word[4], DACC_MAX_HEADS },
		{ "vocab_size", word[5] < 0 ? -(int64_t)word[5] : word[5], DACC_MAX_DIM },
		{ "seq_len", word[6], DACC_MAX_POS },
	};
	const char *other = other_format(word[0]);

	if (other)
		return dacc_set_error(err, -EINVAL, "%s: %s", path, other);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].value < 1 || fields[i].value > fields[i].max)
			return dacc_set_error(err, -EINVAL,
					      "%s: header field %s is %lld, must be 1 to %lld: not a llama2.c checkpoint, or a corrupt one",
					      path, fields[i].name, (long long)fields[i].value,
					      (long long)fields[i].max);
	if (word[0] % word[3])
		return dacc_set_error(err, -EINVAL,
				      "%s: header field n_heads is %d, which does not divide dim (%d): corrupt checkpoint",
				      path, word[3], word[0]);
	if (word[3] % word[4])
		return dacc_set_error(err, -EINVAL,
				      "%s: header field n_kv_heads is %d, which does not divide n_heads (%d): corrupt checkpoint",
				      path, word[4], word[3]);
	if (word[0] / word[3] % 2 || word[0] / word[3] > DACC_MAX_HEAD_DIM)
		return dacc_set_error(err, -EINVAL,
				      "%s: header fields dim and n_heads give heads of %d, must be even and at most %d: corrupt checkpoint, or a model that the chip can't run",
				      path, word[0] / word[3], DACC_MAX_HEAD_DIM);
	c->dim = word[0];
	c->hidden_dim = word[1];
	c->n_layers = word[2];
	c->n_heads = word[3];
	c->n_kv_heads = word[4];
	c->vocab_size = fields[5].value;
	c->seq_len = word[6];
	c->shared_classifier = word[5] > 0;
	return 0;
}

/* Lays the tensors out; *floats is what they come to. -EOVERFLOW past 64 bits. */
static int map_tensors(struct dacc_model *m, const float *data, uint64_t *floats)
{
	const struct dacc_model_config *c = &m->config;
	uint32_t head = c->dim / c->n_heads, kv = head * c->n_kv_heads;
	const struct {
		enum tensor_id id;
		struct model_tensor t;
	} order[] = {
		{ TENSOR_EMBED, { "token_embedding", NULL, c->vocab_size, c->dim, false } },
		{ TENSOR_RMS_ATT, { "rms_att", NULL, 1, c->dim, true } },
		{ TENSOR_WQ, { "wq", NULL, c->dim, c->dim, true } },
		{ TENSOR_WK, { "wk", NULL, kv, c->dim, true } },
		{ TENSOR_WV, { "wv", NULL, kv, c->dim, true } },
		{ TENSOR_WO, { "wo", NULL, c->dim, c->dim, true } },
		{ TENSOR_RMS_FFN, { "rms_ffn", NULL, 1, c->dim, true } },
		{ TENSOR_W1, { "w1", NULL, c->hidden_dim, c->dim, true } },
		{ TENSOR_W2, { "w2", NULL, c->dim, c->hidden_dim, true } },
		{ TENSOR_W3, { "w3", NULL, c->hidden_dim, c->dim, true } },
		{ TENSOR_RMS_FINAL, { "rms_final", NULL, 1, c->dim, false } },
		/* Two legacy tables of RoPE, whose values the reader makes itself. */
		{ TENSOR_COUNT, { "rope", NULL, c->seq_len, head / 2 * 2, false } },
		{ TENSOR_CLASSIFIER, { "classifier", NULL, c->vocab_size, c->dim, false } },
	};
	uint64_t at = 0, n;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct model_tensor t = order[i].t;

		if (order[i].id == TENSOR_CLASSIFIER && c->shared_classifier) {
			m->tensor[TENSOR_CLASSIFIER] = m->tensor[TENSOR_EMBED];
			continue;
		}
		n = (uint64_t)t.rows * t.cols;
		if (t.per_layer && __builtin_mul_overflow(n, c->n_layers, &n))
			return -EOVERFLOW;
		if (data)
			t.data = data + at;
		if (__builtin_add_overflow(at, n, &at) || at > UINT64_MAX / 8)
			return -EOVERFLOW;
		if (order[i].id != TENSOR_COUNT)
			m->tensor[order[i].id] = t;
	}
	*floats = at;
	return 0;
}

int dacc_open_file(const char *path, uint64_t *size, struct dacc_error *err)
{
	/* Without O_NONBLOCK a FIFO would wait here for one who writes. */
	int ret = 0, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return dacc_set_error(err, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st))
		ret = dacc_set_error(err, -errno, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		ret = dacc_set_error(err, -EINVAL, "%s: not a regular file", path);
	if (ret) {
		close(fd);
		return ret;
	}
	*size = st.st_size;
	return fd;
}

static int read_model(struct dacc_model *m, const char *path, int fd, uint64_t size,
		      struct dacc_error *err)
{
	int32_t word[HEADER_WORDS];
	uint64_t floats, need;
	int ret;

	if (size < HEADER_BYTES)
		return dacc_set_error(err, -EINVAL,
				      "%s: truncated: %llu bytes, a llama2.c checkpoint's header alone has %zu",
				      path, (unsigned long long)size, HEADER_BYTES);
	if (pread(fd, word, HEADER_BYTES, 0) != HEADER_BYTES)
		return dacc_set_error(err, -EIO, "%s: cannot read the header", path);
	ret = check_header(path, word, &m->config, err);
	if (ret)
		return ret;
	if (map_tensors(m, NULL, &floats))
		return dacc_set_error(err, -EINVAL,
				      "%s: the header's fields give an impossible size: corrupt checkpoint",
				      path);
	need = HEADER_BYTES + floats * sizeof(float);
	if (size < need)
		return dacc_set_error(err, -EINVAL,
				      "%s: truncated by %llu bytes (has %llu, its header asks for %llu): get the file again",
				      path, (unsigned long long)(need - size),
				      (unsigned long long)size, (unsigned long long)need);
	if (size > need)
		return dacc_set_error(err, -EINVAL,
				      "%s: %llu bytes more than its header asks for (%llu): corrupt header, or another format",
				      path, (unsigned long long)(size - need),
				      (unsigned long long)need);
	m->map_size = size;
	m->map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (m->map == MAP_FAILED) {
		m->map = NULL;
		return dacc_set_error(err, -errno, "%s: cannot map: %s", path, strerror(errno));
	}
	return map_tensors(m, (const float *)((const char *)m->map + HEADER_BYTES), &floats);
}

DACC_PUBLIC int dacc_model_open(const char *path, struct dacc_model **out, struct dacc_error *err)
{
	struct dacc_model *m;
	uint64_t size;
	int fd, ret;

	if (!path || !out)
		return dacc_set_error(err, -EINVAL, "no file name");
	m = calloc(1, sizeof(*m));
	if (!m)
		return dacc_set_error(err, -ENOMEM, "out of memory");
	atomic_init(&m->refs, 1);
	fd = dacc_open_file(path, &size, err);
	ret = fd;
	if (fd >= 0) {
		ret = read_model(m, path, fd, size, err);
		close(fd);
	}
	if (ret) {
		dacc_model_close(m);
		return ret;
	}
	*out = m;
	return 0;
}

DACC_PUBLIC const struct dacc_model_config *dacc_model_get_config(const struct dacc_model *model)
{
	return &model->config;
}

struct dacc_model *dacc_model_get(struct dacc_model *model)
{
	atomic_fetch_add(&model->refs, 1);
	return model;
}

DACC_PUBLIC void dacc_model_close(struct dacc_model *model)
{
	if (!model || atomic_fetch_sub(&model->refs, 1) != 1)
		return;
	if (model->map)
		munmap(model->map, model->map_size);
	free(model);
}
