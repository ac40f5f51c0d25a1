// SPDX-License-Identifier: MIT
/* dacc_submit_decode() and the streams that its tokens come through. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userq.h"

#define SPARE_STREAMS 4
#define POLL_NS       500000 /* between two looks at the token records */

struct dacc_stream {
	struct dacc_stream *next; /* of dacc_queue.spare */
	struct dacc_queue *queue; /* NULL while it is spare */
	struct dacc_area area;    /* struct dacc_seq[], then the records */
	struct dacc_seq *seqs;
	char *records;
	unsigned int n;
	unsigned int max_tokens;
	uint64_t job;
	struct dacc_desc desc; /* user queue: the job, for dacc_stream_again() */
	struct dacc_job again; /* another queue: likewise */
	int64_t submitted;     /* CLOCK_MONOTONIC */
	unsigned int open;     /* sessions that did not give all tokens yet */
	unsigned int stride;   /* of the records */
	struct userq *uq;      /* of queue, while dacc_stream_again() may use it */
	bool ended;            /* dacc_queue_wait() has said so */
	bool settled;          /* the sessions were updated */
	int error;
	struct dacc_result result;
	struct dacc_session *session[DACC_MAX_BATCH];
	uint32_t taken[DACC_MAX_BATCH];
};

struct dacc_stream *dacc_stream_next(struct dacc_stream *stream)
{
	return stream->next;
}

void dacc_stream_release(struct dacc_stream *stream)
{
	dacc_area_destroy(&stream->area);
	free(stream);
}

static uint64_t stream_bytes(unsigned int n, unsigned int max_tokens)
{
	return n * (sizeof(struct dacc_seq) + (uint64_t)DACC_OUT_STRIDE(max_tokens));
}

/* A stream that was used before saves a buffer, a mapping and their system calls. */
static int get_stream(struct dacc_queue *queue, unsigned int n, unsigned int max_tokens,
		      struct dacc_stream **out)
{
	uint64_t bytes = stream_bytes(n, max_tokens);
	struct dacc_stream **link, *s;
	void *ptr;
	int ret;

	pthread_mutex_lock(&queue->lock);
	for (link = &queue->spare; *link; link = &(*link)->next)
		if (dacc_bo_size((*link)->area.bo) >= bytes)
			break;
	s = *link;
	if (s)
		*link = s->next;
	pthread_mutex_unlock(&queue->lock);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return dacc_dev_error(queue->vm->dev, -ENOMEM, "out of memory");
		ret = dacc_area_create(queue->vm, bytes, DACC_BO_HOST, &s->area);
		if (!ret)
			ret = dacc_bo_map(s->area.bo, &ptr);
		if (ret) {
			dacc_stream_release(s);
			return ret;
		}
		s->seqs = ptr;
	}
	s->next = NULL;
	s->queue = dacc_queue_get(queue);
	s->records = (char *)&s->seqs[n];
	s->n = n;
	s->max_tokens = max_tokens;
	s->stride = DACC_OUT_STRIDE(max_tokens);
	s->open = n;
	s->uq = queue->user;
	s->ended = false;
	s->settled = false;
	s->error = 0;
	memset(s->taken, 0, sizeof(s->taken));
	memset(s->records, 0, (size_t)n * DACC_OUT_STRIDE(max_tokens));
	*out = s;
	return 0;
}

static void put_stream(struct dacc_stream *s)
{
	struct dacc_queue *queue = s->queue;
	struct dacc_stream *old;
	unsigned int spare = 0;
	bool keep;

	s->queue = NULL;
	pthread_mutex_lock(&queue->lock);
	for (old = queue->spare; old; old = old->next)
		spare++;
	/* dead is set before the spare ones are freed, under the same lock */
	keep = spare < SPARE_STREAMS && !atomic_load(&queue->dead);
	if (keep) {
		s->next = queue->spare;
		queue->spare = s;
	}
	pthread_mutex_unlock(&queue->lock);
	if (!keep)
		dacc_stream_release(s);
	dacc_queue_put(queue);
}

static struct dacc_out *record(const struct dacc_stream *s, unsigned int index)
{
	return (struct dacc_out *)(s->records + (size_t)index * s->stride);
}

static void drop_sessions(struct dacc_stream *s, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		atomic_store(&s->session[i]->busy, false);
		dacc_session_put(s->session[i]);
	}
}

/* Take the sessions, all or none. */
static int take_sessions(struct dacc_stream *s, const struct dacc_decode *d)
{
	struct dacc_device *dev = s->queue->vm->dev;
	const struct dacc_weights *weights;

	for (unsigned int i = 0; i < d->n_sessions; i++)
		if (!d->sessions[i])
			return dacc_dev_error(dev, -EINVAL, "session %u of the batch is NULL", i);
	weights = d->sessions[0]->weights;
	for (unsigned int i = 0; i < d->n_sessions; i++) {
		struct dacc_session *session = d->sessions[i];
		bool idle = false;
		const char *why = NULL;
		int ret = -EINVAL;

		if (session->weights != weights)
			why = "is of other weights than session 0";
		else if (weights->vm != s->queue->vm)
			why = "is of another address space than the queue";
		else if (!session->begun)
			why = "has not been begun";
		else if (session->seq.flags & DACC_SEQ_DONE)
			why = "is done";
		if (!why && !atomic_compare_exchange_strong(&session->busy, &idle, true)) {
			why = "has a decode under way, or is in the batch twice";
			ret = -EBUSY;
		}
		if (why) {
			drop_sessions(s, i);
			return dacc_dev_error(dev, ret, "session %u of the batch %s", i, why);
		}
		s->session[i] = dacc_session_get(session);
		s->seqs[i] = session->seq;
	}
	return 0;
}

static int check_decode(struct dacc_queue *queue, const struct dacc_decode *d)
{
	struct dacc_device *dev = queue->vm->dev;

	if (queue->queue_class != DACC_CLASS_DECODE)
		return dacc_dev_error(dev, -EINVAL,
				      "a decode needs a decode queue, this is a transfer queue");
	if (!d->sessions || !d->n_sessions || d->n_sessions > DACC_MAX_BATCH)
		return dacc_dev_error(dev, -EINVAL, "decode of %u sessions%s: want 1 to %d",
				      d->n_sessions, d->sessions ? "" : " at NULL", DACC_MAX_BATCH);
	if (!d->max_tokens || d->max_tokens > DACC_MAX_TOKENS)
		return dacc_dev_error(dev, -EINVAL, "decode of up to %u tokens: want 1 to %d",
				      d->max_tokens, DACC_MAX_TOKENS);
	return 0;
}

DACC_PUBLIC int dacc_submit_decode(struct dacc_queue *queue, const struct dacc_decode *decode,
				   struct dacc_stream **out)
{
	struct dacc_device *dev = queue->vm->dev;
	struct dacc_job job = { .op = DACC_OP_DECODE };
	struct dacc_submit submit = { .size = sizeof(submit), .jobs = &job, .n_jobs = 1 };
	const struct dacc_program_info *info;
	struct dacc_stream *s = NULL;
	struct dacc_decode d;
	int ret = dacc_copy_in(&d, sizeof(d), decode);

	if (ret)
		return dacc_dev_error(dev, ret, "struct dacc_decode %s",
				      dacc_copy_in_text(ret, decode));
	if (!out)
		return dacc_dev_error(dev, -EINVAL, "no place for the stream");
	ret = check_decode(queue, &d);
	if (ret)
		return ret;
	ret = get_stream(queue, d.n_sessions, d.max_tokens, &s);
	if (ret)
		return ret;
	ret = take_sessions(s, &d);
	if (ret) {
		put_stream(s);
		return ret;
	}
	info = &s->session[0]->weights->program->info;
	job.not_before_ps = d.not_before_ps;
	job.decode.program =
		s->session[0]->weights->image.va + info->insns_offset[DACC_PROGRAM_DECODE];
	job.decode.n_insns = info->n_insns[DACC_PROGRAM_DECODE];
	job.decode.seqs = s->area.va;
	job.decode.out = s->area.va + (uint64_t)(s->records - (char *)s->seqs);
	job.decode.batch = d.n_sessions;
	job.decode.max_tokens = d.max_tokens;
	submit.in = d.in;
	submit.n_in = d.n_in;
	submit.out = d.out;
	submit.n_out = d.n_out;
	s->submitted = dacc_deadline(0);
	ret = dacc_queue_submit(queue, &submit, &s->job);
	if (ret) {
		drop_sessions(s, s->n);
		put_stream(s);
		return ret;
	}
	s->again = job;
	s->again.not_before_ps = 0;
	userq_encode(&s->again, &s->desc);
	*out = s;
	return 0;
}

/* Has the chip written all tokens of the job that it ever will, and were they read? */
static bool exhausted(const struct dacc_stream *s)
{
	for (unsigned int i = 0; i < s->n; i++) {
		const struct dacc_out *r = record(s, i);
		uint32_t count = __atomic_load_n(&r->count, __ATOMIC_ACQUIRE);

		if (count != s->taken[i] || (count != s->max_tokens && !(r->flags & DACC_SEQ_DONE)))
			return false;
	}
	return true;
}

/* As at the start of a job: no token there, none taken. */
static inline void clear_records(struct dacc_stream *s)
{
	const unsigned int n = s->n;
	unsigned int i = 0;
	char *at = s->records;

	s->open = n;
	s->ended = false;
	do {
		struct dacc_out *r = (struct dacc_out *)at;

		r->count = 0;
		r->flags = 0;
		s->taken[i] = 0;
		at += s->stride;
	} while (UNLIKELY(++i < n));
}

static inline void put_again(struct dacc_stream *s, struct userq *uq)
{
	uint64_t seq;

	clear_records(s);
	seq = userq_put(uq, &s->desc);
	s->job = seq;
	userq_announce(uq, seq);
}

/* 0 once the job has ended. No message for -ETIME. */
static int wait_end(struct dacc_stream *s, int64_t deadline)
{
	int ret;

	if (s->ended)
		return 0;
	ret = dacc_queue_look(s->queue, s->job, deadline, &s->result, 1);
	if (ret == -ECANCELED) {
		/* The queue was destroyed, and with it what the driver knew of the job. */
		s->result = (struct dacc_result){
			.seq = s->job,
			.error = -ECANCELED,
			.status = DACC_STATUS_CANCELLED,
		};
		ret = 0;
	}
	if (!ret)
		s->ended = true;
	return ret;
}

static COLD int again_slowly(struct dacc_stream *s)
{
	struct dacc_device *dev = s->queue->vm->dev;
	struct dacc_submit submit = { .size = sizeof(submit), .jobs = &s->again, .n_jobs = 1 };
	int ret;

	if (s->settled)
		return dacc_dev_error(dev, -EINVAL,
				      "the stream was waited for and its sessions given back: submit another decode");
	if (atomic_load(&s->queue->dead))
		return dacc_dev_error(dev, -ECANCELED, "the stream's queue was destroyed");
	if (s->uq && userq_fault(s->uq))
		return dacc_dev_error(dev, -EIO,
				      "%s: the queue has failed and takes no jobs: see what dacc_stream_wait() says",
				      dev->node);
	if (!exhausted(s))
		return -EBUSY;
	if (s->uq) {
		if (!userq_has_room(s->uq, 1) || userq_completed(s->uq) < s->job)
			return -EAGAIN;
		put_again(s, s->uq);
		return 0;
	}
	ret = wait_end(s, 0);
	if (ret)
		return ret == -ETIME ? -EAGAIN : ret;
	clear_records(s);
	return dacc_queue_submit(s->queue, &submit, &s->job);
}

/*
 * The sequences are in the chip's memory as the job before leaves them, and jobs of a
 * queue run in order, so there is nothing to prepare but the counts. A queue that has
 * failed takes no job out of its ring any more.
 */
DACC_PUBLIC int dacc_stream_again(struct dacc_stream *stream)
{
	struct userq *uq = stream->uq;

	/* One that has not completed may run again, into the same record. */
	if (UNLIKELY(stream->open || !uq || !userq_has_room(uq, 1) ||
		     userq_completed(uq) < stream->job))
		return again_slowly(stream);
	put_again(stream, uq);
	return 0;
}

static COLD int read_error(struct dacc_stream *stream, unsigned int index, bool no_place)
{
	struct dacc_device *dev = stream->queue->vm->dev;

	if (index >= stream->n)
		return dacc_dev_error(dev, -EINVAL,
				      "the stream has %u sessions, so none of index %u", stream->n,
				      index);
	if (no_place)
		return dacc_dev_error(dev, -EINVAL, "no place for the tokens");
	return dacc_dev_error(dev, -EBADMSG,
			      "%s: the chip wrote a bad token record: %u tokens of session %u, %u were read and %u are the most",
			      dev->node, record(stream, index)->count, index, stream->taken[index],
			      stream->max_tokens);
}

/*
 * After a reset of the chip the job runs again from its start, and counts its tokens
 * anew; they are the same ones.
 */
static COLD int fewer_or_bad(struct dacc_stream *stream, unsigned int index)
{
	if (__atomic_load_n(&record(stream, index)->count, __ATOMIC_ACQUIRE) <= stream->max_tokens)
		return 0;
	return read_error(stream, index, false);
}

DACC_PUBLIC int dacc_stream_read(struct dacc_stream *stream, unsigned int index, uint32_t *tokens,
				 unsigned int n)
{
	const struct dacc_out *r;
	uint32_t taken, there;

	if (UNLIKELY(index >= stream->n || (n && !tokens)))
		return read_error(stream, index, true);
	r = record(stream, index);
	taken = stream->taken[index];
	/*
	 * The chip writes a token before the count that covers it. Fewer than were read
	 * wraps round.
	 */
	there = __atomic_load_n(&r->count, __ATOMIC_ACQUIRE) - taken;
	if (UNLIKELY(there > stream->max_tokens - taken))
		return fewer_or_bad(stream, index);
	if (there < n)
		n = there;
	if (!n)
		return 0;
	tokens[0] = r->token[taken];
	for (unsigned int i = 1; UNLIKELY(i < n); i++)
		tokens[i] = r->token[taken + i];
	taken += n;
	stream->taken[index] = taken;
	if (taken == stream->max_tokens)
		stream->open--;
	return n;
}

static bool readable(const struct dacc_stream *s)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (__atomic_load_n(&record(s, i)->count, __ATOMIC_ACQUIRE) > s->taken[i])
			return true;
	return false;
}

static int timed_out(const struct dacc_stream *s)
{
	struct dacc_device *dev = s->queue->vm->dev;
	double seconds = (dacc_deadline(0) - s->submitted) / 1e9;
	uint64_t made = 0;

	for (unsigned int i = 0; i < s->n; i++)
		made += __atomic_load_n(&record(s, i)->count, __ATOMIC_ACQUIRE);
	return dacc_dev_error(dev, -ETIME,
			      "%s: the deadline has passed: %llu of at most %llu tokens after %.3f s: wait longer; destroy the queue to stop it",
			      dev->node, (unsigned long long)made,
			      (unsigned long long)s->n * s->max_tokens, seconds);
}

/* Tokens, or the job's end, by looking at memory alone for as long as the queue spins. */
static bool spin(const struct dacc_stream *s, int64_t deadline)
{
	const struct userq *uq = s->queue->user;
	int64_t start = 0, now;

	for (unsigned int i = 1;; i++) {
		if (readable(s))
			return true;
		if (userq_completed(uq) >= s->job || userq_fault(uq))
			return false;
		userq_relax();
		if (i % USERQ_CLOCK_LOOKS)
			continue;
		if (atomic_load(&s->queue->dead))
			return false;
		/* One that was reset writes nothing any more: have it looked at. */
		if (i % USERQ_STATE_LOOKS == 0 &&
		    uq->doorbell[DACC_DOORBELL_STATE / 4] != DACC_QUEUE_ACTIVE)
			return false;
		now = dacc_deadline(0);
		if (!start)
			start = now;
		if (now >= deadline || (uq->spin_ns >= 0 && now - start >= uq->spin_ns))
			return false;
	}
}

DACC_PUBLIC int dacc_stream_poll(struct dacc_stream *stream, int64_t deadline)
{
	if (stream->queue->user && spin(stream, deadline))
		return 1;
	for (;;) {
		int64_t now = dacc_deadline(0);
		int64_t next = now + POLL_NS < deadline ? now + POLL_NS : deadline;
		int ret;

		if (readable(stream))
			return 1;
		ret = wait_end(stream, next);
		if (!ret)
			return readable(stream);
		if (ret != -ETIME)
			return ret;
		if (now >= deadline)
			return readable(stream) ? 1 : timed_out(stream);
	}
}

/* The chip has written the sequences back; go on from there. */
static void settle(struct dacc_stream *s, bool good)
{
	for (unsigned int i = 0; i < s->n; i++) {
		struct dacc_session *session = s->session[i];
		const struct dacc_seq *seq = &s->seqs[i];

		if (good) {
			session->seq.token = seq->token;
			session->seq.pos = seq->pos;
			session->seq.flags = seq->flags;
			session->seq.rng = seq->rng;
		} else {
			session->begun = false;
		}
	}
	drop_sessions(s, s->n);
	s->settled = true;
	s->uq = NULL;
}

DACC_PUBLIC int dacc_stream_wait(struct dacc_stream *stream, int64_t deadline,
				 struct dacc_result *result)
{
	int ret = wait_end(stream, deadline);

	if (ret)
		return ret == -ETIME ? timed_out(stream) : ret;
	if (result)
		*result = stream->result;
	if (!stream->settled) {
		stream->error = dacc_job_error(stream->queue, "a decode", &stream->result);
		settle(stream, !stream->error);
	}
	return stream->error;
}

DACC_PUBLIC void dacc_stream_free(struct dacc_stream *stream)
{
	if (!stream)
		return;
	if (!stream->settled) {
		/* A destroyed queue has no job any more, nor its results. */
		if (!atomic_load(&stream->queue->dead))
			dacc_stream_wait(stream, INT64_MAX, NULL);
		if (!stream->settled)
			settle(stream, false);
	}
	put_stream(stream);
}
