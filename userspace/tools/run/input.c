// SPDX-License-Identifier: MIT
/* Model, tokenizer and prompts: all that can be checked without a device. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

/* tokenizer.bin beside the model, or tok512.bin as llama2.c's small models have it */
static char *find_tokenizer(const char *model)
{
	static const char *const names[] = { "tokenizer.bin", "tok512.bin" };
	const char *slash = strrchr(model, '/');
	size_t dir = slash ? (size_t)(slash - model) + 1 : 0;
	char *path = malloc(dir + 32);

	for (size_t i = 0; path && i < ARRAY_SIZE(names); i++) {
		memcpy(path, model, dir);
		strcpy(path + dir, names[i]);
		if (!access(path, F_OK))
			return path;
	}
	if (path)
		strcpy(path + dir, names[0]);
	return path;
}

static int open_tokenizer(struct run *r)
{
	const char *path = r->opt.tokenizer;
	struct dacc_error err;
	char *found = NULL;
	int ret;

	if (!path) {
		found = find_tokenizer(r->opt.model);
		if (!found)
			return run_fail(EXIT_FAILED, "out of memory");
		if (access(found, F_OK)) {
			run_fail(EXIT_BAD_FILE,
				 "%s: not there, and no tok512.bin either: give the model's tokenizer with -t FILE",
				 found);
			free(found);
			return EXIT_BAD_FILE;
		}
		path = found;
	}
	ret = dacc_tokenizer_open(path, r->config->vocab_size, &r->tok, &err);
	free(found);
	if (ret)
		return run_fail(ret == -ENOMEM ? EXIT_FAILED : EXIT_BAD_FILE, "%s", err.text);
	return 0;
}

static int set_steps(struct run *r)
{
	uint32_t context = r->config->seq_len;

	if (r->opt.steps > context && r->opt.steps_given)
		return run_fail(EXIT_TOO_LARGE,
				"-n %u: the model's context is %u positions: ask for at most that",
				r->opt.steps, context);
	if (!r->opt.steps || r->opt.steps > context)
		r->opt.steps = context;
	return 0;
}

static int encode(struct run *r, struct prompt *p, const char *text, unsigned int number)
{
	size_t room = strlen(text) + 2;
	int n;

	/* Generated tokens follow: at most one for each position, and one more. */
	p->room = room + r->opt.steps + 1;
	p->ids = calloc(p->room, sizeof(*p->ids));
	if (!p->ids)
		return run_fail(EXIT_FAILED, "out of memory");
	n = dacc_tokenizer_encode(r->tok, text, p->ids, room);
	if (n == -EILSEQ)
		return run_fail(EXIT_BAD_FILE,
				"prompt %u holds a character that the model's vocabulary can't express: leave it out",
				number + 1);
	if (n < 0)
		return run_fail(EXIT_FAILED, "prompt %u can't be encoded: %s", number + 1,
				dacc_strerror(n));
	if ((uint32_t)n > r->config->seq_len)
		return run_fail(EXIT_TOO_LARGE,
				"prompt %u has %d tokens, the model's context is %u positions: shorten it",
				number + 1, n, r->config->seq_len);
	p->n_prompt = n;
	p->n_ids = n;
	/* Position i prints token i + 1, so -n positions reach that far. */
	p->n_show = (uint32_t)n - 1 < r->opt.steps ? (uint32_t)n : r->opt.steps + 1;
	p->active = p->n_prompt <= r->opt.steps;
	if (!p->active)
		fprintf(stderr,
			"dacc-run: prompt %u has %u tokens, -n %u leaves none to generate\n",
			number + 1, p->n_prompt, r->opt.steps);
	r->n_active += p->active;
	return 0;
}

int load_input(struct run *r)
{
	struct dacc_program_options o = { .size = sizeof(o) };
	struct dacc_error err;
	int ret;

	ret = dacc_model_open(r->opt.model, &r->model, &err);
	if (ret)
		return run_fail(ret == -ENOMEM ? EXIT_FAILED : EXIT_BAD_FILE, "%s", err.text);
	r->config = dacc_model_get_config(r->model);
	ret = set_steps(r);
	if (!ret)
		ret = open_tokenizer(r);
	if (ret)
		return ret;
	r->prompt = calloc(r->opt.n_prompts, sizeof(*r->prompt));
	if (!r->prompt)
		return run_fail(EXIT_FAILED, "out of memory");
	for (unsigned int i = 0; i < r->opt.n_prompts && !ret; i++)
		ret = encode(r, &r->prompt[i], r->opt.prompts[i], i);
	if (ret)
		return ret;
	/* Positions that -n leaves out need no room. */
	o.weight_type = r->opt.weight_type;
	o.kv_type = r->opt.kv_type;
	o.max_ctx = r->opt.steps;
	ret = dacc_program_compile(r->model, &o, &r->program, &err);
	if (ret)
		return run_fail(EXIT_BAD_FILE, "%s", err.text);
	dacc_program_get_info(r->program, &r->info, sizeof(r->info));
	return 0;
}

void free_input(struct run *r)
{
	for (unsigned int i = 0; r->prompt && i < r->opt.n_prompts; i++) {
		free(r->prompt[i].ids);
		free(r->prompt[i].out);
	}
	free(r->prompt);
	dacc_program_free(r->program);
	dacc_tokenizer_close(r->tok);
	dacc_model_close(r->model);
}
