// SPDX-License-Identifier: GPL-2.0
/* llama2.c's tokenizer.bin: loading, encoding, decoding. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ref.h"
#include "ref_internal.h"

#define MAX_PIECE 4096

/* glibc's qsort() passes no context, and qsort_r() differs between systems. */
static void sort_ids(int *ids, int *tmp, int n, char **piece)
{
	int half = n / 2, a = 0, b = half;

	if (n < 2)
		return;
	sort_ids(ids, tmp, half, piece);
	sort_ids(ids + half, tmp, n - half, piece);
	for (int i = 0; i < n; i++) {
		if (b >= n || (a < half && strcmp(piece[ids[a]], piece[ids[b]]) <= 0))
			tmp[i] = ids[a++];
		else
			tmp[i] = ids[b++];
	}
	memcpy(ids, tmp, n * sizeof(*ids));
}

struct ref_tokenizer *ref_tokenizer_load(const char *path, int vocab_size, char *err)
{
	struct ref_tokenizer *t = NULL;
	int32_t max, len;
	int *tmp = NULL;
	FILE *f = fopen(path, "rb");

	if (!f) {
		ref_error(err, "%s: %s", path, strerror(errno));
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		goto no_memory;
	t->piece = calloc(vocab_size, sizeof(*t->piece));
	t->score = calloc(vocab_size, sizeof(*t->score));
	t->sorted = calloc(vocab_size, sizeof(*t->sorted));
	tmp = calloc(vocab_size, sizeof(*tmp));
	if (!t->piece || !t->score || !t->sorted || !tmp)
		goto no_memory;
	t->vocab_size = vocab_size;
	for (int i = 0; i < 256; i++)
		t->byte[i] = i;
	if (fread(&max, sizeof(max), 1, f) != 1 || max < 1 || max > MAX_PIECE) {
		ref_error(err, "%s: not a llama2.c tokenizer (longest piece is not 1 to %d)", path,
			  MAX_PIECE);
		goto fail;
	}
	t->max_token_length = max;
	for (int i = 0; i < vocab_size; i++) {
		if (fread(&t->score[i], sizeof(float), 1, f) != 1 ||
		    fread(&len, sizeof(len), 1, f) != 1) {
			ref_error(err,
				  "%s: ends after %d pieces, the model's vocabulary has %d (another model's tokenizer?)",
				  path, i, vocab_size);
			goto fail;
		}
		if (len < 0 || len > MAX_PIECE) {
			ref_error(err, "%s: piece %d has length %d, not a llama2.c tokenizer", path,
				  i, len);
			goto fail;
		}
		t->piece[i] = calloc(1, len + 1);
		if (!t->piece[i])
			goto no_memory;
		if (len && fread(t->piece[i], len, 1, f) != 1) {
			ref_error(err, "%s: ends inside piece %d", path, i);
			goto fail;
		}
		t->sorted[i] = i;
	}
	if (fgetc(f) != EOF) {
		ref_error(err,
			  "%s: has more pieces than the model's vocabulary of %d (another model's tokenizer?)",
			  path, vocab_size);
		goto fail;
	}
	sort_ids(t->sorted, tmp, vocab_size, t->piece);
	free(tmp);
	fclose(f);
	return t;
no_memory:
	ref_error(err, "%s: out of memory", path);
fail:
	free(tmp);
	fclose(f);
	ref_tokenizer_free(t);
	return NULL;
}

void ref_tokenizer_free(struct ref_tokenizer *t)
{
	if (!t)
		return;
	for (int i = 0; t->piece && i < t->vocab_size; i++)
		free(t->piece[i]);
	free(t->piece);
	free(t->score);
	free(t->sorted);
	free(t);
}

static int lookup(const struct ref_tokenizer *t, const char *s)
{
	int low = 0, high = t->vocab_size - 1;

	while (low <= high) {
		int mid = low + (high - low) / 2;
		int order = strcmp(s, t->piece[t->sorted[mid]]);

		if (!order)
			return t->sorted[mid];
		if (order < 0)
			high = mid - 1;
		else
			low = mid + 1;
	}
	return -1;
}

/* Length of the UTF-8 character at s; stray continuation bytes join up to 4. */
static int char_length(const char *s)
{
	int n = 1;

	while (n < 4 && (s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Join the first of the best-scored adjacent pairs; 0 when there is none. */
static int join_best(const struct ref_tokenizer *t, char *buf, int *ids, int *n)
{
	float best_score = -1e10f;
	int best = -1, at = -1;

	for (int i = 0; i + 1 < *n; i++) {
		int id;

		snprintf(buf, 2 * MAX_PIECE + 1, "%s%s", t->piece[ids[i]], t->piece[ids[i + 1]]);
		id = lookup(t, buf);
		if (id >= 0 && t->score[id] > best_score) {
			best_score = t->score[id];
			best = id;
			at = i;
		}
	}
	if (best < 0)
		return 0;
	ids[at] = best;
	(*n)--;
	memmove(&ids[at + 1], &ids[at + 2], (*n - at - 1) * sizeof(*ids));
	return 1;
}

int ref_encode(const struct ref_tokenizer *t, const char *text, int *ids)
{
	char buf[2 * MAX_PIECE + 1], one[5];
	int n = 0, id;

	ids[n++] = REF_BOS;
	if (*text) {
		/* The dummy prefix: text is encoded as if it followed a space. */
		id = lookup(t, " ");
		if (id < 0)
			return -1;
		ids[n++] = id;
	}
	while (*text) {
		int len = char_length(text);

		memcpy(one, text, len);
		one[len] = '\0';
		id = lookup(t, one);
		if (id >= 0) {
			ids[n++] = id;
		} else {
			for (int i = 0; i < len; i++) {
				id = (unsigned char)one[i] + REF_FIRST_BYTE;
				if (id >= t->vocab_size)
					return -1;
				ids[n++] = id;
			}
		}
		text += len;
	}
	while (join_best(t, buf, ids, &n))
		;
	return n;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int ref_decode(const struct ref_tokenizer *t, int prev, int id, const char **bytes)
{
	const char *p = t->piece[id];
	int high, low;

	if (prev == REF_BOS && *p == ' ')
		p++;
	if (!strncmp(p, "<0x", 3)) {
		high = hex_digit(p[3]);
		low = high < 0 ? -1 : hex_digit(p[4]);
		if (low >= 0 && p[5] == '>') {
			*bytes = (const char *)&t->byte[high * 16 + low];
			return 1;
		}
	}
	*bytes = p;
	return strlen(p);
}

void ref_print(const struct ref_tokenizer *t, int prev, int id, FILE *f)
{
	const char *p;
	int len = ref_decode(t, prev, id, &p);

	if (len == 1 && !isprint((unsigned char)*p) && !isspace((unsigned char)*p))
		return;
	fwrite(p, 1, len, f);
}
