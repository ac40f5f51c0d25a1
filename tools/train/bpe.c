// SPDX-License-Identifier: MIT
/*
 * Train a BPE tokenizer on a text (one document per line) and write it in
 * llama2.c's tokenizer.bin format, together with the text as token ids.
 *
 * llama2.c encodes by joining, again and again, the adjacent pair whose joined
 * string is the vocabulary piece with the best score. Training applies that very
 * rule (see encode_word()) after each new piece, so both always agree. No piece
 * crosses a space or mixes letters with punctuation, so words are independent.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PIECE 259 /* <unk>, <s>, </s>, then 256 bytes */
#define MAX_PIECE   32
#define MAX_VOCAB   65535
#define HASH_SIZE   (1 << 18)

struct piece {
	char str[MAX_PIECE + 1];
	int len;
	int rank; /* merge order; lower joins first. -1: a character */
};

struct word {
	const char *str;
	int len;
	long count;
	int *ids;
	int n_ids;
};

struct pair {
	int a, b;
	long count;
};

static struct piece *pieces;
static int n_pieces;
static int piece_hash[HASH_SIZE]; /* index + 1 */

static struct word *words;
static int n_words, cap_words;
static int word_hash[HASH_SIZE];

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "bpe: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

static void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		die("out of memory (%zu bytes)", size);
	return p;
}

static uint32_t hash_bytes(const char *s, int len)
{
	uint32_t h = 2166136261u;

	for (int i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h ^ (h >> 15);
}

static int find_piece(const char *s, int len)
{
	uint32_t h = hash_bytes(s, len) % HASH_SIZE;

	for (; piece_hash[h]; h = (h + 1) % HASH_SIZE) {
		const struct piece *p = &pieces[piece_hash[h] - 1];

		if (p->len == len && !memcmp(p->str, s, len))
			return piece_hash[h] - 1;
	}
	return -1;
}

static int add_piece(const char *s, int len, int rank)
{
	uint32_t h = hash_bytes(s, len) % HASH_SIZE;
	struct piece *p;

	while (piece_hash[h])
		h = (h + 1) % HASH_SIZE;
	p = &pieces[n_pieces];
	memcpy(p->str, s, len);
	p->str[len] = '\0';
	p->len = len;
	p->rank = rank;
	piece_hash[h] = n_pieces + 1;
	return n_pieces++;
}

/* Length of the word that starts at s: a space with letters, or one mark. */
static int word_length(const char *s)
{
	int n = 0;

	if (s[0] == ' ')
		n++;
	while (isalpha((unsigned char)s[n]))
		n++;
	return n ? n : 1;
}

static int intern_word(const char *s, int len)
{
	uint32_t h = hash_bytes(s, len) % HASH_SIZE;

	for (; word_hash[h]; h = (h + 1) % HASH_SIZE) {
		const struct word *w = &words[word_hash[h] - 1];

		if (w->len == len && !memcmp(w->str, s, len))
			return word_hash[h] - 1;
	}
	if (n_words >= HASH_SIZE / 2)
		die("more than %d different words", HASH_SIZE / 2);
	if (n_words == cap_words) {
		cap_words = cap_words ? 2 * cap_words : 4096;
		words = xrealloc(words, cap_words * sizeof(*words));
	}
	words[n_words] = (struct word){ .str = s, .len = len };
	word_hash[h] = n_words + 1;
	return n_words++;
}

static int joined(const struct piece *a, const struct piece *b)
{
	char buf[2 * MAX_PIECE];

	memcpy(buf, a->str, a->len);
	memcpy(buf + a->len, b->str, b->len);
	return find_piece(buf, a->len + b->len);
}

/* The encoder's rule: join the first of the best-ranked adjacent pairs. */
static void encode_word(struct word *w)
{
	if (!w->ids)
		w->ids = xrealloc(NULL, w->len * sizeof(int));
	for (int i = 0; i < w->len; i++)
		w->ids[i] = find_piece(w->str + i, 1);
	w->n_ids = w->len;
	for (;;) {
		int best = -1, at = -1;

		for (int i = 0; i + 1 < w->n_ids; i++) {
			int id = joined(&pieces[w->ids[i]], &pieces[w->ids[i + 1]]);

			if (id >= 0 && pieces[id].rank >= 0 &&
			    (best < 0 || pieces[id].rank < pieces[best].rank)) {
				best = id;
				at = i;
			}
		}
		if (best < 0)
			return;
		w->ids[at] = best;
		w->n_ids--;
		memmove(&w->ids[at + 1], &w->ids[at + 2], (w->n_ids - at - 1) * sizeof(int));
	}
}

static int by_pair(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;

	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return a->b < b->b ? -1 : a->b > b->b;
}

/* Add the most frequent adjacent pair as a new piece; 0 when none is left. */
static int merge_once(int rank, struct pair **pairs, size_t *cap)
{
	char str[2 * MAX_PIECE];
	size_t n = 0, best = 0, out = 0;
	int id;

	for (int i = 0; i < n_words; i++) {
		const struct word *w = &words[i];

		for (int j = 0; j + 1 < w->n_ids; j++) {
			if (pieces[w->ids[j]].len + pieces[w->ids[j + 1]].len > MAX_PIECE)
				continue;
			if (n == *cap) {
				*cap = *cap ? 2 * *cap : 65536;
				*pairs = xrealloc(*pairs, *cap * sizeof(**pairs));
			}
			(*pairs)[n++] = (struct pair){ w->ids[j], w->ids[j + 1], w->count };
		}
	}
	if (!n)
		return 0;
	qsort(*pairs, n, sizeof(**pairs), by_pair);
	for (size_t i = 1; i < n; i++) {
		if (!by_pair(&(*pairs)[out], &(*pairs)[i]))
			(*pairs)[out].count += (*pairs)[i].count;
		else
			(*pairs)[++out] = (*pairs)[i];
	}
	for (size_t i = 1; i <= out; i++)
		if ((*pairs)[i].count > (*pairs)[best].count)
			best = i;
	if ((*pairs)[best].count < 2)
		return 0;

	const struct piece *a = &pieces[(*pairs)[best].a];
	const struct piece *b = &pieces[(*pairs)[best].b];
	int len = a->len + b->len;

	memcpy(str, a->str, a->len);
	memcpy(str + a->len, b->str, b->len);
	id = add_piece(str, len, rank);
	for (int i = 0; i < n_words; i++) {
		struct word *w = &words[i];

		for (int j = 0; j + 1 < w->n_ids; j++) {
			if (joined(&pieces[w->ids[j]], &pieces[w->ids[j + 1]]) == id) {
				encode_word(w);
				break;
			}
		}
	}
	return 1;
}

static void put(FILE *f, const void *p, size_t n)
{
	if (fwrite(p, 1, n, f) != n)
		die("write: %s", strerror(errno));
}

static void put_entry(FILE *f, float score, const char *s, int32_t len)
{
	put(f, &score, sizeof(score));
	put(f, &len, sizeof(len));
	put(f, s, len);
}

static FILE *create(const char *path)
{
	FILE *f = fopen(path, "wb");

	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

static void finish(FILE *f, const char *path)
{
	if (fclose(f))
		die("%s: %s", path, strerror(errno));
}

/* Merges get the first ids, in rank order; characters follow, as sentencepiece does. */
static int *write_tokenizer(const char *path, int n_chars)
{
	int n_merges = n_pieces - n_chars;
	int *id_of = xrealloc(NULL, n_pieces * sizeof(int));
	int32_t max_len = 6; /* <0xXX> */
	char buf[8];
	FILE *f = create(path);

	for (int i = 0; i < n_pieces; i++) {
		id_of[i] = FIRST_PIECE + (i < n_chars ? n_merges + i : i - n_chars);
		if (pieces[i].len > max_len)
			max_len = pieces[i].len;
	}
	put(f, &max_len, sizeof(max_len));
	put_entry(f, 0.0f, "<unk>", 5);
	/* llama2.c's own exporter stores these two with newlines, for printing. */
	put_entry(f, 0.0f, "\n<s>\n", 5);
	put_entry(f, 0.0f, "\n</s>\n", 6);
	for (int i = 0; i < 256; i++) {
		snprintf(buf, sizeof(buf), "<0x%02X>", i);
		put_entry(f, 0.0f, buf, 6);
	}
	for (int i = n_chars; i < n_pieces; i++)
		put_entry(f, -(float)(i - n_chars), pieces[i].str, pieces[i].len);
	for (int i = 0; i < n_chars; i++)
		put_entry(f, -(float)(n_merges + i), pieces[i].str, pieces[i].len);
	finish(f, path);
	return id_of;
}

static char *read_text(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	char *s = NULL;
	size_t cap = 0, n = 0, got;

	if (!f)
		die("%s: %s", path, strerror(errno));
	do {
		cap = cap ? 2 * cap : 1 << 20;
		s = xrealloc(s, cap + 2);
		got = fread(s + n, 1, cap - n, f);
		n += got;
	} while (n == cap);
	if (ferror(f))
		die("%s: %s", path, strerror(errno));
	fclose(f);
	if (n && s[n - 1] != '\n')
		s[n++] = '\n';
	s[n] = '\0';
	*size = n;
	return s;
}

int main(int argc, char **argv)
{
	struct pair *pairs = NULL;
	size_t cap_pairs = 0, size, n_tokens = 0;
	int *stream, n_stream = 0, vocab, n_chars, *id_of;
	long freq[256] = { 0 };
	char *text, *end;
	FILE *f;

	if (argc == 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		printf("usage: bpe CORPUS VOCAB_SIZE TOKENIZER_OUT TOKENS_OUT\n"
		       "Train on CORPUS (ASCII, one document per line); write llama2.c's tokenizer.bin\n"
		       "and the corpus as uint16 ids, each document led by BOS (1).\n");
		return 0;
	}
	if (argc != 5)
		die("usage: bpe CORPUS VOCAB_SIZE TOKENIZER_OUT TOKENS_OUT");
	vocab = strtol(argv[2], &end, 10);
	if (*end || vocab <= FIRST_PIECE || vocab > MAX_VOCAB)
		die("bad vocabulary size '%s' (%d to %d)", argv[2], FIRST_PIECE + 1, MAX_VOCAB);

	text = read_text(argv[1], &size);
	pieces = xrealloc(NULL, vocab * sizeof(*pieces));
	/* llama2.c puts a space before the text; do so for each document, in a copy. */
	char *doc = xrealloc(NULL, 2 * size + 2);
	size_t n_doc = 0;

	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] >= 128 || text[i] == '\0')
			die("%s: byte %zu is not ASCII text", argv[1], i);
		if (text[i] != '\n' && (!i || text[i - 1] == '\n'))
			doc[n_doc++] = ' ';
		doc[n_doc++] = text[i];
		freq[(unsigned char)doc[n_doc - 1]]++;
	}
	doc[n_doc] = '\0';
	freq[' ']++;
	freq['\n'] = 0;

	/* Characters, most frequent first (their order is only cosmetic). */
	for (;;) {
		int best = 0;
		char c;

		for (int i = 1; i < 256; i++)
			if (freq[i] > freq[best])
				best = i;
		if (!freq[best])
			break;
		if (FIRST_PIECE + n_pieces >= vocab)
			die("vocabulary of %d cannot hold the characters", vocab);
		c = best;
		add_piece(&c, 1, -1);
		freq[best] = 0;
	}
	n_chars = n_pieces;

	/* -1 in the stream starts a document. */
	stream = xrealloc(NULL, (n_doc + 2) * sizeof(int));
	for (size_t i = 0; i < n_doc;) {
		int len;

		if (doc[i] == '\n') {
			i++;
			continue;
		}
		if (!i || doc[i - 1] == '\n')
			stream[n_stream++] = -1;
		len = word_length(doc + i);
		stream[n_stream] = intern_word(doc + i, len);
		words[stream[n_stream++]].count++;
		i += len;
	}
	for (int i = 0; i < n_words; i++)
		encode_word(&words[i]);

	for (int rank = 0; FIRST_PIECE + n_pieces < vocab; rank++) {
		if (!merge_once(rank, &pairs, &cap_pairs))
			die("corpus too small for a vocabulary of %d", vocab);
		if (rank % 100 == 99)
			fprintf(stderr, "bpe: %d merges, last '%s'\n", rank + 1,
				pieces[n_pieces - 1].str);
	}

	id_of = write_tokenizer(argv[3], n_chars);
	f = create(argv[4]);
	for (int i = 0; i < n_stream; i++) {
		const struct word *w = stream[i] < 0 ? NULL : &words[stream[i]];
		uint16_t id = 1;

		if (!w) {
			put(f, &id, sizeof(id));
			n_tokens++;
			continue;
		}
		for (int j = 0; j < w->n_ids; j++) {
			id = id_of[w->ids[j]];
			put(f, &id, sizeof(id));
		}
		n_tokens += w->n_ids;
	}
	finish(f, argv[4]);
	printf("bpe: %d pieces, %zu tokens, %.3f characters per token\n", vocab, n_tokens,
	       (double)size / n_tokens);
	return 0;
}
