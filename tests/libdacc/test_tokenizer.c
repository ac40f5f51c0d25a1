// SPDX-License-Identifier: GPL-2.0
/* libdacc's tokenizer against the reference's, and files that are none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dacc/dacc.h"
#include "models.h"
#include "ref.h"
#include "tap.h"

static const struct test_model *current;
static uint32_t vocab;

static uint32_t model_vocab(const struct test_model *tm)
{
	struct dacc_model *m;
	uint32_t n = 0;

	if (!dacc_model_open(tm->model, &m, NULL)) {
		n = dacc_model_get_config(m)->vocab_size;
		dacc_model_close(m);
	}
	return n;
}

static struct dacc_tokenizer *open_mine(void)
{
	struct dacc_tokenizer *t = NULL;
	struct dacc_error err = { "" };

	CHECK(!dacc_tokenizer_open(current->tokenizer, vocab, &t, &err), "%s", err.text);
	return t;
}

static void compare(const struct dacc_tokenizer *mine, const struct ref_tokenizer *ref,
		    const char *text)
{
	size_t room = strlen(text) + 2;
	uint32_t *a = calloc(room, sizeof(*a));
	int *b = calloc(room, sizeof(*b));
	int n = dacc_tokenizer_encode(mine, text, a, room), m = ref_encode(ref, text, b);

	CHECK(n == m || (n == -EILSEQ && m == -1), "'%s': %d tokens, reference %d", text, n, m);
	for (int i = 0; i < n && i < m; i++)
		if (!CHECK(a[i] == (uint32_t)b[i], "'%s': token %d is %u, reference %d", text, i,
			   a[i], b[i]))
			break;
	free(a);
	free(b);
}

static void encode(void)
{
	static const char *const texts[] = {
		"",
		" ",
		"  ",
		"a",
		"the",
		" the",
		"And God said, Let there be light",
		"\n\n\t x",
		"1234567890",
		"na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80",
		"\xff\xfe",
		"\x80\x80\x80\x80\x80",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"<0x41>",
		"<s>",
		"Once upon a time, there was a little girl named Lily.",
	};
	struct dacc_tokenizer *mine = open_mine();
	struct ref_tokenizer *ref = ref_tokenizer_load(current->tokenizer, vocab, NULL);
	unsigned int seed = 1;

	if (!CHECK(mine && ref, "no tokenizer"))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++)
		compare(mine, ref, texts[i]);
	for (int i = 0; i < 300; i++) {
		char text[200];
		int n = rand_r(&seed) % 199;

		for (int k = 0; k < n; k++) {
			/* Half of them plain letters, so that pairs are found. */
			int c = i & 1 ? 1 + rand_r(&seed) % 255 :
					" etaoinshrdlu"[rand_r(&seed) % 13];

			text[k] = c;
		}
		text[n] = '\0';
		compare(mine, ref, text);
	}
	dacc_tokenizer_close(mine);
	ref_tokenizer_free(ref);
}

static void decode(void)
{
	struct dacc_tokenizer *mine = open_mine();
	struct ref_tokenizer *ref = ref_tokenizer_load(current->tokenizer, vocab, NULL);
	char a[8192], b[8192];
	size_t longest = 0;

	if (!CHECK(mine && ref, "no tokenizer"))
		return;
	for (uint32_t prev = 0; prev < 4; prev++) {
		for (uint32_t id = 0; id < vocab; id++) {
			FILE *f = fmemopen(b, sizeof(b), "w");
			int n = dacc_tokenizer_decode(mine, prev, id, a, sizeof(a));
			long m;

			ref_print(ref, prev, id, f);
			fflush(f);
			m = ftell(f);
			fclose(f);
			if (n > 0 && (size_t)n > longest)
				longest = n;
			CHECK(n == m && !memcmp(a, b, n),
			      "token %u after %u: %d bytes, reference %ld", id, prev, n, m);
			if (n > 1) {
				a[1] = 'z';
				n -= dacc_tokenizer_decode(mine, prev, id, a, 1);
				CHECK(!n && a[1] == 'z', "token %u: written past its room", id);
			}
		}
	}
	CHECK(dacc_tokenizer_max_bytes(mine) >= longest && longest > 0,
	      "a token has %zu bytes, the most are said to be %zu", longest,
	      dacc_tokenizer_max_bytes(mine));
	CHECK(dacc_tokenizer_max_bytes(NULL) == 0, "no tokenizer");
	CHECK(dacc_tokenizer_decode(mine, 0, vocab, a, sizeof(a)) == -EINVAL,
	      "past the vocabulary");
	dacc_tokenizer_close(mine);
	ref_tokenizer_free(ref);
}

static void no_room(void)
{
	struct dacc_tokenizer *mine = open_mine();
	uint32_t ids[64];
	int n;

	if (!CHECK(mine, "no tokenizer"))
		return;
	n = dacc_tokenizer_encode(mine, "And it came to pass", ids, 64);
	CHECK(n > 2, "%d tokens", n);
	CHECK(dacc_tokenizer_encode(mine, "And it came to pass", ids, n) == n, "exact room");
	CHECK(dacc_tokenizer_encode(mine, "And it came to pass", ids, n - 1) == -ENOBUFS,
	      "no room");
	CHECK(dacc_tokenizer_encode(mine, "", NULL, 0) == -ENOBUFS, "no room for BOS");
	CHECK(dacc_tokenizer_encode(mine, NULL, ids, 64) == -EINVAL, "no text");
	dacc_tokenizer_close(mine);
}

static char path[64];

static void write_file(const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (CHECK(f && fwrite(data, 1, n, f) == n, "can't write %s", path))
		fclose(f);
}

static void refuse(const char *what, uint32_t n, int want, const char *text)
{
	struct dacc_tokenizer *t = NULL;
	struct dacc_error err = { "" };
	int ret = dacc_tokenizer_open(path, n, &t, &err);

	CHECK(ret == want, "%s: %d", what, ret);
	CHECK(strstr(err.text, text) && strstr(err.text, path) && !strchr(err.text, '\n'),
	      "%s: '%s'", what, err.text);
	if (!ret)
		dacc_tokenizer_close(t);
}

static void bad_files(void)
{
	static char data[1 << 16];
	FILE *f = fopen(current->tokenizer, "rb");
	size_t n;
	int32_t word;

	if (!CHECK(f, "no tokenizer"))
		return;
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	write_file(data, n);
	refuse("too small a vocabulary", vocab - 1, -EINVAL, "more tokens");
	refuse("too large a vocabulary", vocab + 1, -EINVAL, "only");
	write_file(data, 0);
	refuse("empty", vocab, -EINVAL, "not a llama2.c tokenizer");
	write_file(data, 3);
	refuse("3 bytes", vocab, -EINVAL, "not a llama2.c tokenizer");
	write_file(data, n - 1);
	refuse("truncated", vocab, -EINVAL, "");
	write_file(data, n / 2);
	refuse("half", vocab, -EINVAL, "");
	memcpy(&word, data + 8, sizeof(word));
	memcpy(data + 8, "\xff\xff\xff\x7f", 4);
	write_file(data, n);
	refuse("absurd length", vocab, -EINVAL, "token 0");
	memcpy(data + 8, "\xff\xff\xff\xff", 4);
	write_file(data, n);
	refuse("negative length", vocab, -EINVAL, "token 0");
	memcpy(data + 8, &word, sizeof(word));
	memcpy(data, "\x00\x00\x00\x00", 4);
	write_file(data, n);
	refuse("longest piece 0", vocab, -EINVAL, "not a llama2.c tokenizer");
	unlink(path);
	refuse("no file", vocab, -ENOENT, "No such file");
	CHECK(!mkfifo(path, 0600), "mkfifo");
	alarm(20);
	refuse("FIFO", vocab, -EINVAL, "not a regular file");
	alarm(0);
	unlink(path);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} cases[] = {
		{ "encode as the reference", encode },
		{ "decode as the reference", decode },
		{ "no room", no_room },
		{ "files that are refused", bad_files },
	};
	char name[128];

	strcpy(path, "/tmp/dacc-tokenizer-XXXXXX");
	if (mkstemp(path) < 0)
		return 1;
	for (unsigned int i = 0; i < ARRAY_SIZE(test_models); i++) {
		current = &test_models[i];
		if (current->optional && access(current->model, R_OK)) {
			printf("ok %u - %s # SKIP not on this machine\n", ++tap_count,
			       current->name);
			continue;
		}
		vocab = model_vocab(current);
		for (unsigned int c = 0; c < ARRAY_SIZE(cases); c++) {
			snprintf(name, sizeof(name), "%s: %s", current->name, cases[c].name);
			tap_case(name, cases[c].fn);
		}
	}
	unlink(path);
	return tap_done();
}
