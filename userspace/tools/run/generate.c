// SPDX-License-Identifier: MIT
/* Prefill, transfer and decode of all prompts, and the tokens that come of it. */
#include <errno.h>
#include <string.h>

#include "run.h"

#define READ_TOKENS 64

static int begin(struct run *r, struct prompt *p)
{
	struct dacc_session_start start = {
		.size = sizeof(start),
		.token = p->ids[p->n_prompt - 1],
		.pos = p->n_prompt - 1,
		.max_pos = r->opt.steps,
		.stop_token = DACC_TOKEN_BOS,
		.temperature = r->opt.temperature,
		.top_p = r->opt.top_p,
		.seed = r->opt.seed,
	};
	int ret = dacc_session_begin(p->session, &start);

	return ret ? run_fail_device(r, ret) : 0;
}

/* Take all tokens that are there; 0 or an exit status. */
static int read_tokens(struct run *r, struct dacc_stream *stream, struct prompt *const *batch,
		       unsigned int n)
{
	uint32_t tokens[READ_TOKENS];
	int got;

	for (unsigned int i = 0; i < n; i++) {
		while ((got = dacc_stream_read(stream, i, tokens, READ_TOKENS)) > 0)
			for (int k = 0; k < got; k++)
				add_token(r, batch[i], tokens[k]);
		if (got < 0)
			return run_fail_device(r, got);
	}
	flush_output(r, false);
	return check_output(r);
}

static int read_stream(struct run *r, struct dacc_stream *stream, struct prompt *const *batch,
		       unsigned int n)
{
	struct dacc_result result = { 0 };
	int ret, status;

	do {
		ret = dacc_stream_poll(stream, soon(r->deadline));
		status = ret > 0 ? read_tokens(r, stream, batch, n) : 0;
		if (!status)
			status = check_signal();
		if (status)
			return status;
	} while (ret > 0 || (ret == -ETIME && keep_on(r->deadline)));
	if (!ret)
		ret = dacc_stream_wait(stream, r->deadline, &result);
	if (ret == -ETIME && !result.error)
		return run_fail(EXIT_FAILED,
				"the decode did not end in %g s: give it longer with --timeout",
				r->opt.timeout);
	if (ret)
		return run_fail_device(r, ret);
	/* bytes: tokens of all sequences; the longest-lived one had a token each step. */
	span_add(&r->stats.decode, result.t_start, result.t_end);
	r->stats.jobs++;
	return 0;
}

/* One decode job for all prompts that are not done. *left: how many were not. */
static int decode_some(struct run *r, bool first, unsigned int *left)
{
	struct dacc_session *sessions[DACC_MAX_BATCH];
	struct prompt *batch[DACC_MAX_BATCH];
	uint32_t before[DACC_MAX_BATCH], longest = 0;
	struct dacc_sync in[DACC_MAX_BATCH];
	struct dacc_session_state state;
	struct dacc_decode job = {
		.size = sizeof(job),
		.sessions = sessions,
		.max_tokens = r->opt.tokens_per_job,
		.in = in,
	};
	struct dacc_stream *stream;
	unsigned int n = 0;
	int ret;

	for (unsigned int i = 0; i < r->opt.n_prompts; i++) {
		struct prompt *p = &r->prompt[i];

		if (!p->active)
			continue;
		dacc_session_get_state(p->session, &state, sizeof(state));
		if (state.done)
			continue;
		in[n] = (struct dacc_sync){ .handle = p->moved, .point = r->config->n_layers };
		sessions[n] = p->session;
		before[n] = p->n_ids;
		batch[n++] = p;
	}
	*left = n;
	if (!n)
		return 0;
	job.n_sessions = n;
	job.n_in = first ? n : 0;
	ret = dacc_submit_decode(r->decode, &job, &stream);
	if (ret == -EAGAIN)
		return run_fail(EXIT_FAILED, "the decode queue is full");
	if (ret)
		return run_fail_device(r, ret);
	/* The job waits for the transfers; no token is believed before they are checked. */
	if (first)
		ret = check_transfers(r);
	if (first && !ret)
		ret = gpu_drain(r, 0);
	if (!ret)
		ret = read_stream(r, stream, batch, n);
	if (ret) {
		/* Stops the job, if it is still under way. */
		dacc_queue_destroy(r->decode);
		r->decode = NULL;
	}
	dacc_stream_free(stream);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t got = batch[i]->n_ids + batch[i]->stopped - before[i];

		if (got > longest)
			longest = got;
		r->stats.generated += got;
	}
	r->stats.steps += longest;
	return ret;
}

int generate(struct run *r)
{
	double start = now_seconds(), decode;
	unsigned int left;
	int ret = 0;

	for (unsigned int i = 0; i < r->opt.n_prompts && !ret; i++) {
		struct prompt *p = &r->prompt[i];

		if (!p->active)
			continue;
		ret = begin(r, p);
		if (!ret)
			ret = submit_prefill(r, p);
		if (!ret)
			ret = move_kv(r, p);
		r->stats.prompt_tokens += p->n_prompt;
	}
	if (ret)
		return ret;
	if (!r->opt.json)
		print_prompts(r);
	decode = now_seconds();
	for (bool first = true; !ret; first = false) {
		ret = decode_some(r, first, &left);
		if (!left)
			break;
	}
	r->stats.wall_prefill = decode - start;
	r->stats.wall_decode = now_seconds() - decode;
	for (unsigned int i = 0; i < r->opt.n_prompts && !ret; i++) {
		struct prompt *p = &r->prompt[i];

		for (uint32_t c = 0; c < p->n_chunks; c++)
			span_add(&r->stats.prefill, p->chunks[c].t_start, p->chunks[c].t_end);
		for (uint32_t c = 0; r->bounce && p->active && c < 2 * r->config->n_layers; c++)
			span_add(&r->stats.copy, p->copies[c].t_start, p->copies[c].t_end);
	}
	return ret;
}
