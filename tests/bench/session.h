/* SPDX-License-Identifier: GPL-2.0 */
/* A model on the chip and one session, for programs that look at the token path. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include <stdio.h>
#include <stdlib.h>

#include <dacc/dacc.h>

struct bench {
	struct dacc_device *dev;
	struct dacc_model *model;
	struct dacc_program *program;
	struct dacc_vm *vm;
	struct dacc_queue *transfer;
	struct dacc_weights *weights;
	struct dacc_session *session;
};

static inline void bench_die(struct bench *b, const char *what, int ret)
{
	struct dacc_error err = { "" };

	if (!b->dev || dacc_device_error(b->dev, &err) != ret)
		snprintf(err.text, sizeof(err.text), "%s", dacc_strerror(ret));
	fprintf(stderr, "%s: %s\n", what, err.text);
	exit(1);
}

static inline int64_t bench_soon(void)
{
	return dacc_deadline(120000000000);
}

static inline void bench_open(struct bench *b, const char *path)
{
	struct dacc_error err = { "" };
	int ret = dacc_model_open(path, &b->model, &err);

	if (!ret)
		ret = dacc_program_compile(b->model, NULL, &b->program, &err);
	if (!ret)
		ret = dacc_device_open(NULL, &b->dev, &err);
	if (ret) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	ret = dacc_vm_create(b->dev, &b->vm);
	if (!ret)
		ret = dacc_queue_create(b->vm, DACC_CLASS_TRANSFER, 16, &b->transfer);
	if (!ret)
		ret = dacc_weights_load(b->program, b->vm, b->transfer, bench_soon(), &b->weights);
	if (!ret)
		ret = dacc_session_create(b->weights, &b->session);
	if (ret)
		bench_die(b, "set-up", ret);
}

static inline struct dacc_queue *bench_queue(struct bench *b, enum dacc_queue_kind kind,
					     int64_t spin_ns)
{
	const struct dacc_queue_options options = {
		.size = sizeof(options),
		.queue_class = DACC_CLASS_DECODE,
		.depth = 16,
		.kind = kind,
		.spin_ns = spin_ns,
	};
	struct dacc_queue *queue;
	int ret = dacc_queue_create_with(b->vm, &options, &queue);

	if (ret)
		bench_die(b, "decode queue", ret);
	return queue;
}

/* Starts at the beginning, for @max_tokens tokens a job. */
static inline struct dacc_stream *bench_decode(struct bench *b, struct dacc_queue *queue,
					       unsigned int max_tokens)
{
	const struct dacc_session_start start = {
		.size = sizeof(start),
		.token = 1,
		.stop_token = DACC_NO_TOKEN,
	};
	const struct dacc_decode job = {
		.size = sizeof(job),
		.sessions = &b->session,
		.n_sessions = 1,
		.max_tokens = max_tokens,
	};
	struct dacc_stream *stream;
	int ret = dacc_session_begin(b->session, &start);

	if (!ret)
		ret = dacc_submit_decode(queue, &job, &stream);
	if (ret)
		bench_die(b, "decode", ret);
	return stream;
}

static inline void bench_end(struct bench *b, struct dacc_stream *stream, struct dacc_queue *queue)
{
	int ret = dacc_stream_wait(stream, bench_soon(), NULL);

	if (ret)
		bench_die(b, "decode", ret);
	dacc_stream_free(stream);
	dacc_queue_destroy(queue);
}

#endif
