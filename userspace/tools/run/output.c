// SPDX-License-Identifier: MIT
/*
 * The text on stdout: as llama2.c prints it, prompt by prompt, each as soon as
 * those before it are complete.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static bool in_line; /* what went out last was no newline */

static void append(struct prompt *p, const char *text, size_t n)
{
	if (p->out_room - p->out_len < n) {
		size_t room = 2 * p->out_room + n + 256;
		char *out = realloc(p->out, room);

		if (!out) {
			run_fail(EXIT_FAILED, "out of memory");
			exit(EXIT_FAILED);
		}
		p->out = out;
		p->out_room = room;
	}
	memcpy(p->out + p->out_len, text, n);
	p->out_len += n;
}

static void append_token(struct run *r, struct prompt *p, uint32_t prev, uint32_t id)
{
	char text[8192];
	int n;

	if (r->opt.ids) {
		n = snprintf(text, sizeof(text), " %u", id);
	} else {
		n = dacc_tokenizer_decode(r->tok, prev, id, text, sizeof(text));
		if (n > (int)sizeof(text))
			n = sizeof(text);
	}
	if (n > 0)
		append(p, text, n);
}

void print_prompts(struct run *r)
{
	char text[16];

	for (unsigned int i = 0; i < r->opt.n_prompts; i++) {
		struct prompt *p = &r->prompt[i];

		if (r->opt.ids) {
			snprintf(text, sizeof(text), "%u", p->ids[0]);
			append(p, text, strlen(text));
		}
		for (uint32_t k = 1; k < p->n_show; k++)
			append_token(r, p, p->ids[k - 1], p->ids[k]);
	}
	flush_output(r, false);
}

void add_token(struct run *r, struct prompt *p, uint32_t id)
{
	if (p->stopped || p->n_ids == p->room)
		return;
	if (id == DACC_TOKEN_BOS) {
		p->stopped = true;
		return;
	}
	if (!r->opt.json)
		append_token(r, p, p->ids[p->n_ids - 1], id);
	p->ids[p->n_ids++] = id;
}

bool complete(const struct run *r, const struct prompt *p)
{
	return !p->active || p->stopped || p->n_ids == r->opt.steps + 1;
}

/* Later calls leave another errno, or none. */
static void note_error(struct run *r)
{
	if (!r->write_error)
		r->write_error = errno ? errno : EIO;
}

void flush_output(struct run *r, bool finish)
{
	while (!r->opt.json && r->printing < r->opt.n_prompts) {
		struct prompt *p = &r->prompt[r->printing];
		size_t n = p->out_len - p->out_written;

		if (n) {
			if (fwrite(p->out + p->out_written, 1, n, stdout) != n)
				note_error(r);
			in_line = p->out[p->out_len - 1] != '\n';
		}
		p->out_written = p->out_len;
		if (!finish && !complete(r, p))
			break;
		if (putchar('\n') == EOF)
			note_error(r);
		in_line = false;
		r->printing++;
	}
	if (fflush(stdout))
		note_error(r);
}

int check_output(struct run *r)
{
	if (!r->write_error)
		return 0;
	return run_fail(EXIT_FAILED, "the output can't be written: %s", strerror(r->write_error));
}

int end_output(struct run *r)
{
	if (!r->opt.json)
		flush_output(r, true);
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		note_error(r);
	return check_output(r);
}

void end_line(void)
{
	if (in_line)
		putchar('\n');
	in_line = false;
	fflush(stdout);
}
