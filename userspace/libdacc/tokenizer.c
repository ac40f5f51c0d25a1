// SPDX-License-Identifier: MIT
/*
 * llama2.c's tokenizer.bin: byte pair encoding by scores. The file holds the
 * length of the longest piece, then for each token a score (f32), a length and
 * the bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define MAX_PIECE   4096
#define MAX_VOCAB   DACC_MAX_DIM
#define NO_PIECE    UINT32_MAX
#define FIRST_BYTE  3u /* token of the byte 0 */
#define LEAST_SCORE (-1e10f)

struct dacc_tokenizer {
	uint32_t vocab_size;
	uint32_t max_bytes; /* of a token's text */
	char **piece;
	float *score;
	uint32_t *sorted; /* tokens in the order of their pieces */
};

static void merge_sort(uint32_t *ids, uint32_t *tmp, uint32_t n, char *const *piece)
{
	uint32_t half = n / 2, a = 0, b = half;

	if (n < 2)
		return;
	merge_sort(ids, tmp, half, piece);
	merge_sort(ids + half, tmp, n - half, piece);
	for (uint32_t i = 0; i < n; i++) {
		bool left = b >= n || (a < half && strcmp(piece[ids[a]], piece[ids[b]]) <= 0);

		tmp[i] = left ? ids[a++] : ids[b++];
	}
	memcpy(ids, tmp, n * sizeof(*ids));
}

static int read_pieces(struct dacc_tokenizer *t, const char *path, FILE *f, struct dacc_error *err)
{
	int32_t word;

	if (fread(&word, sizeof(word), 1, f) != 1 || word < 1 || word > MAX_PIECE)
		return dacc_set_error(err, -EINVAL,
				      "%s: not a llama2.c tokenizer (length of the longest piece is not 1 to %d): give its tokenizer.bin",
				      path, MAX_PIECE);
	for (uint32_t i = 0; i < t->vocab_size; i++) {
		if (fread(&t->score[i], sizeof(float), 1, f) != 1 ||
		    fread(&word, sizeof(word), 1, f) != 1)
			return dacc_set_error(err, -EINVAL,
					      "%s: has only %u tokens, the model's vocabulary has %u: give the tokenizer that belongs to the model",
					      path, i, t->vocab_size);
		if (word < 0 || word > MAX_PIECE)
			return dacc_set_error(err, -EINVAL,
					      "%s: token %u has length %d: corrupt, or not a llama2.c tokenizer",
					      path, i, word);
		t->piece[i] = calloc(1, (size_t)word + 1);
		if (!t->piece[i])
			return dacc_set_error(err, -ENOMEM, "%s: out of memory", path);
		if (word && fread(t->piece[i], word, 1, f) != 1)
			return dacc_set_error(err, -EINVAL, "%s: truncated inside token %u", path,
					      i);
		if (strlen(t->piece[i]) > t->max_bytes)
			t->max_bytes = strlen(t->piece[i]);
	}
	if (fgetc(f) != EOF)
		return dacc_set_error(err, -EINVAL,
				      "%s: has more tokens than the model's vocabulary of %u: give the tokenizer that belongs to the model",
				      path, t->vocab_size);
	return 0;
}

DACC_PUBLIC int dacc_tokenizer_open(const char *path, uint32_t vocab_size,
				    struct dacc_tokenizer **out, struct dacc_error *err)
{
	struct dacc_tokenizer *t;
	uint64_t size;
	uint32_t *tmp;
	int fd, ret;
	FILE *f;

	if (!path || !out || !vocab_size || vocab_size > MAX_VOCAB)
		return dacc_set_error(err, -EINVAL, "%s",
				      !path ? "no file name" :
				      !out  ? "no place for the tokenizer" :
					      "absurd vocabulary size");
	fd = dacc_open_file(path, &size, err);
	if (fd < 0)
		return fd;
	f = fdopen(fd, "rb");
	if (!f) {
		close(fd);
		return dacc_set_error(err, -ENOMEM, "%s: out of memory", path);
	}
	t = calloc(1, sizeof(*t));
	tmp = calloc(vocab_size, sizeof(*tmp));
	if (t) {
		t->vocab_size = vocab_size;
		t->piece = calloc(vocab_size, sizeof(*t->piece));
		t->score = calloc(vocab_size, sizeof(*t->score));
		t->sorted = calloc(vocab_size, sizeof(*t->sorted));
	}
	if (!t || !tmp || !t->piece || !t->score || !t->sorted)
		ret = dacc_set_error(err, -ENOMEM, "%s: out of memory", path);
	else
		ret = read_pieces(t, path, f, err);
	if (!ret) {
		for (uint32_t i = 0; i < vocab_size; i++)
			t->sorted[i] = i;
		merge_sort(t->sorted, tmp, vocab_size, t->piece);
		*out = t;
	} else {
		dacc_tokenizer_close(t);
	}
	free(tmp);
	fclose(f);
	return ret;
}

static uint32_t lookup(const struct dacc_tokenizer *t, const char *s)
{
	uint32_t low = 0, high = t->vocab_size;

	while (low < high) {
		uint32_t mid = low + (high - 1 - low) / 2;
		int order = strcmp(s, t->piece[t->sorted[mid]]);

		if (!order)
			return t->sorted[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NO_PIECE;
}

/* The token that a pair makes, or NO_PIECE. */
static uint32_t join(const struct dacc_tokenizer *t, uint32_t a, uint32_t b)
{
	char both[2 * MAX_PIECE + 1];
	size_t na = strlen(t->piece[a]), nb = strlen(t->piece[b]);

	memcpy(both, t->piece[a], na);
	memcpy(both + na, t->piece[b], nb + 1);
	return lookup(t, both);
}

/* Bytes of the character at s; stray continuation bytes join it, up to four. */
static size_t char_bytes(const char *s)
{
	size_t n = 1;

	while (n < 4 && (s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Tokens before any pair is joined; returns their number. */
static int split(const struct dacc_tokenizer *t, const char *text, uint32_t *ids, size_t room)
{
	size_t n = 0, len;
	char one[5];
	uint32_t id;

	if (!room)
		return -ENOBUFS;
	ids[n++] = DACC_TOKEN_BOS;
	if (*text) {
		/* Text is encoded as if a space came before it. */
		id = lookup(t, " ");
		if (id == NO_PIECE)
			return -EILSEQ;
		if (n == room)
			return -ENOBUFS;
		ids[n++] = id;
	}
	for (; *text; text += len) {
		len = char_bytes(text);
		memcpy(one, text, len);
		one[len] = '\0';
		id = lookup(t, one);
		for (size_t i = 0; i < (id == NO_PIECE ? len : 1); i++) {
			uint32_t v = id == NO_PIECE ? FIRST_BYTE + (unsigned char)one[i] : id;

			if (v >= t->vocab_size)
				return -EILSEQ;
			if (n == room)
				return -ENOBUFS;
			ids[n++] = v;
		}
	}
	return n > INT32_MAX ? -ENOBUFS : (int)n;
}

/* Join the best-scored pair, the first among equals, until no pair makes a token. */
static size_t join_all(const struct dacc_tokenizer *t, uint32_t *ids, uint32_t *pair, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		pair[i] = join(t, ids[i], ids[i + 1]);
	for (;;) {
		float best = LEAST_SCORE;
		size_t at = n;

		for (size_t i = 0; i + 1 < n; i++) {
			if (pair[i] != NO_PIECE && t->score[pair[i]] > best) {
				best = t->score[pair[i]];
				at = i;
			}
		}
		if (at == n)
			return n;
		ids[at] = pair[at];
		memmove(&ids[at + 1], &ids[at + 2], (n - at - 2) * sizeof(*ids));
		memmove(&pair[at], &pair[at + 1], (n - at - 2) * sizeof(*pair));
		n--;
		if (at)
			pair[at - 1] = join(t, ids[at - 1], ids[at]);
		if (at + 1 < n)
			pair[at] = join(t, ids[at], ids[at + 1]);
	}
}

DACC_PUBLIC int dacc_tokenizer_encode(const struct dacc_tokenizer *tok, const char *text,
				      uint32_t *ids, size_t n)
{
	size_t room;
	uint32_t *work;
	int ret;

	if (!tok || !text || (!ids && n))
		return -EINVAL;
	/* Pairs are joined after all have been split, so that takes room of its own. */
	room = strlen(text) + 2;
	work = calloc(room, 2 * sizeof(*work));
	if (!work)
		return -ENOMEM;
	ret = split(tok, text, work, room);
	if (ret > 0) {
		ret = join_all(tok, work, work + room, ret);
		if ((size_t)ret > n)
			ret = -ENOBUFS;
		else
			memcpy(ids, work, ret * sizeof(*ids));
	}
	free(work);
	return ret;
}

/* As the C locale has it, whatever the process uses: printable, or white space. */
static bool is_text(unsigned char c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= '\t' && c <= '\r');
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

DACC_PUBLIC int dacc_tokenizer_decode(const struct dacc_tokenizer *tok, uint32_t prev, uint32_t id,
				      char *text, size_t size)
{
	const char *p;
	size_t len;
	char byte;

	if (!tok || id >= tok->vocab_size || (!text && size))
		return -EINVAL;
	p = tok->piece[id];
	if (prev == DACC_TOKEN_BOS && *p == ' ')
		p++;
	len = strlen(p);
	/* "<0x0A>" is the byte, not its name */
	if (!strncmp(p, "<0x", 3) && hex(p[3]) >= 0 && hex(p[4]) >= 0 && p[5] == '>') {
		byte = hex(p[3]) * 16 + hex(p[4]);
		p = &byte;
		len = 1;
	}
	if (len == 1 && !is_text(*p))
		return 0;
	if (size)
		memcpy(text, p, len < size ? len : size);
	return len;
}

DACC_PUBLIC size_t dacc_tokenizer_max_bytes(const struct dacc_tokenizer *tok)
{
	return tok ? tok->max_bytes : 0;
}

DACC_PUBLIC void dacc_tokenizer_close(struct dacc_tokenizer *tok)
{
	if (!tok)
		return;
	for (uint32_t i = 0; tok->piece && i < tok->vocab_size; i++)
		free(tok->piece[i]);
	free(tok->piece);
	free(tok->score);
	free(tok->sorted);
	free(tok);
}
