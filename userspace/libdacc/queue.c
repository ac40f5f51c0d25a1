// SPDX-License-Identifier: MIT
/* Queues: submitting jobs and waiting for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xf86drm.h>

#include "drm/dacc_accel.h"
#include "userq.h"

/* AUTO, settled by the environment if that says anything. */
static int choose_kind(struct dacc_device *dev, const struct dacc_queue_options *o,
		       enum dacc_queue_kind *kind)
{
	const char *env = secure_getenv("DACC_QUEUE");

	*kind = o->kind;
	if (*kind != DACC_QUEUE_KIND_AUTO)
		return 0;
	if (!env || !*env || !strcmp(env, "auto"))
		return 0;
	if (!strcmp(env, "kernel"))
		*kind = DACC_QUEUE_KIND_KERNEL;
	else if (strcmp(env, "user"))
		return dacc_dev_error(dev, -EINVAL,
				      "DACC_QUEUE '%s' in the environment: want auto, user or kernel",
				      env);
	else if (o->queue_class == DACC_CLASS_DECODE)
		*kind = DACC_QUEUE_KIND_USER;
	return 0;
}

static int queue_error(struct dacc_vm *vm, int ret, unsigned int depth, const char *what)
{
	if (ret == -ENOSPC)
		return dacc_dev_error(vm->dev, ret,
				      "%s: all queues of the chip are taken: end another program that uses it",
				      vm->dev->node);
	if (ret == -EINVAL)
		return dacc_dev_error(vm->dev, ret,
				      "queue of depth %u: must be a power of two from 16 to 4096",
				      depth);
	if (ret == -EOPNOTSUPP)
		return dacc_dev_error(vm->dev, ret,
				      "%s: the chip has no user queues: ask for another kind of queue",
				      vm->dev->node);
	return dacc_ioctl_error(vm->dev, ret, what);
}

static int kernel_queue(struct dacc_queue *queue, unsigned int depth)
{
	struct drm_dacc_queue_create args = {
		.vm = queue->vm->id,
		.queue_class = queue->queue_class == DACC_CLASS_DECODE ? DRM_DACC_QUEUE_DECODE :
									 DRM_DACC_QUEUE_TRANSFER,
		.depth = depth,
	};
	int ret = dacc_ioctl(queue->vm->dev, DRM_IOCTL_DACC_QUEUE_CREATE, &args);

	queue->id = args.queue;
	return ret;
}

/* Is there hope that the other kind works where a user queue does not? */
static bool may_fall_back(int ret)
{
	return ret == -EOPNOTSUPP || ret == -ENOSPC || ret == -EDQUOT || ret == -ENOMEM;
}

DACC_PUBLIC int dacc_queue_create_with(struct dacc_vm *vm, const struct dacc_queue_options *options,
				       struct dacc_queue **out)
{
	struct dacc_device *dev = vm->dev;
	struct dacc_queue_options o;
	enum dacc_queue_kind kind;
	struct dacc_queue *queue;
	bool try_user;
	int ret = dacc_copy_in(&o, sizeof(o), options);

	if (ret)
		return dacc_dev_error(dev, ret, "struct dacc_queue_options %s",
				      dacc_copy_in_text(ret, options));
	if (!out)
		return dacc_dev_error(dev, -EINVAL, "no place for the queue");
	if (o.queue_class != DACC_CLASS_DECODE && o.queue_class != DACC_CLASS_TRANSFER)
		return dacc_dev_error(dev, -EINVAL, "unknown queue class %d", (int)o.queue_class);
	if ((unsigned int)o.kind > DACC_QUEUE_KIND_USER)
		return dacc_dev_error(dev, -EINVAL, "unknown kind of queue %d", (int)o.kind);
	ret = choose_kind(dev, &o, &kind);
	if (ret)
		return ret;
	if (o.depth < 16 || o.depth > 4096 || (o.depth & (o.depth - 1)))
		return queue_error(vm, -EINVAL, o.depth, NULL);
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return dacc_dev_error(dev, -ENOMEM, "out of memory");
	queue->vm = vm;
	queue->queue_class = o.queue_class;
	/* Those that need nothing but SUBMIT spare their clients' memory being pinned. */
	try_user = kind == DACC_QUEUE_KIND_USER ||
		   (kind == DACC_QUEUE_KIND_AUTO && o.queue_class == DACC_CLASS_DECODE &&
		    dev->features & DACC_FEATURE_VIRTUAL_RING);
	ret = -EOPNOTSUPP;
	if (try_user)
		ret = userq_create(queue, o.depth, o.spin_ns);
	if (ret && kind != DACC_QUEUE_KIND_USER && may_fall_back(ret))
		ret = kernel_queue(queue, o.depth);
	if (ret) {
		free(queue);
		return queue_error(vm, ret, o.depth, "create a queue");
	}
	atomic_init(&queue->refs, 1);
	atomic_init(&queue->dead, false);
	dacc_vm_get(vm);
	pthread_mutex_init(&queue->lock, NULL);
	*out = queue;
	return 0;
}

DACC_PUBLIC int dacc_queue_create(struct dacc_vm *vm, enum dacc_class queue_class,
				  unsigned int depth, struct dacc_queue **out)
{
	const struct dacc_queue_options options = {
		.size = sizeof(options),
		.queue_class = queue_class,
		.depth = depth,
	};

	return dacc_queue_create_with(vm, &options, out);
}

DACC_PUBLIC enum dacc_queue_kind dacc_queue_get_kind(const struct dacc_queue *queue)
{
	return queue->user ? DACC_QUEUE_KIND_USER : DACC_QUEUE_KIND_KERNEL;
}

struct dacc_queue *dacc_queue_get(struct dacc_queue *queue)
{
	atomic_fetch_add(&queue->refs, 1);
	return queue;
}

void dacc_queue_put(struct dacc_queue *queue)
{
	if (atomic_fetch_sub(&queue->refs, 1) != 1)
		return;
	userq_free(queue);
	pthread_mutex_destroy(&queue->lock);
	dacc_vm_put(queue->vm);
	free(queue);
}

DACC_PUBLIC void dacc_queue_destroy(struct dacc_queue *queue)
{
	struct drm_dacc_queue_destroy args = { 0 };
	struct dacc_stream *stream, *next;

	if (!queue)
		return;
	args.queue = queue->id;
	/* First: the id may be another queue's as soon as this one has gone. */
	atomic_store(&queue->dead, true);
	userq_close(queue);
	dacc_ioctl(queue->vm->dev, DRM_IOCTL_DACC_QUEUE_DESTROY, &args);
	pthread_mutex_lock(&queue->lock);
	stream = queue->spare;
	queue->spare = NULL;
	pthread_mutex_unlock(&queue->lock);
	for (; stream; stream = next) {
		next = dacc_stream_next(stream);
		dacc_stream_release(stream);
	}
	dacc_queue_put(queue);
}

static int convert_job(const struct dacc_job *job, struct drm_dacc_job *raw)
{
	memset(raw, 0, sizeof(*raw));
	raw->flags = job->checksum ? DRM_DACC_JOB_CHECKSUM : 0;
	raw->not_before_ps = job->not_before_ps;
	switch (job->op) {
	case DACC_OP_NOP:
		raw->type = DRM_DACC_JOB_NOP;
		return 0;
	case DACC_OP_COPY:
		raw->type = DRM_DACC_JOB_COPY;
		raw->copy.src = job->copy.src;
		raw->copy.dst = job->copy.dst;
		raw->copy.len = job->copy.len;
		return 0;
	case DACC_OP_COPY_BLOCKS:
		raw->type = DRM_DACC_JOB_COPY_BLOCKS;
		raw->blocks.table = job->blocks.table;
		raw->blocks.n_blocks = job->blocks.n_blocks;
		return 0;
	case DACC_OP_FILL:
		raw->type = DRM_DACC_JOB_FILL;
		raw->fill.dst = job->fill.dst;
		raw->fill.len = job->fill.len;
		raw->fill.pattern = job->fill.pattern;
		return 0;
	case DACC_OP_DECODE:
		raw->type = DRM_DACC_JOB_DECODE;
		raw->decode.program = job->decode.program;
		raw->decode.seqs = job->decode.seqs;
		raw->decode.out = job->decode.out;
		raw->decode.n_insns = job->decode.n_insns;
		raw->decode.batch = job->decode.batch;
		raw->decode.max_tokens = job->decode.max_tokens;
		return 0;
	default:
		return -EINVAL;
	}
}

static void convert_syncs(const struct dacc_sync *syncs, unsigned int n, struct drm_dacc_sync *raw)
{
	for (unsigned int i = 0; i < n; i++)
		raw[i] = (struct drm_dacc_sync){ .handle = syncs[i].handle,
						 .point = syncs[i].point };
}

/* The driver says -EINVAL for a fence that nobody has submitted, and not which. */
int dacc_bad_fence(struct dacc_device *dev, const struct dacc_sync *in, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint32_t handle = in[i].handle;
		uint64_t point = in[i].point;
		int ret = drmSyncobjTimelineWait(dev->fd, &handle, &point, 1, 0, 0, NULL) ? -errno :
											    0;

		if (ret == -EINVAL)
			return dacc_dev_error(dev, ret,
					      "%s: fence %u of `in` (syncobj %u, point %llu) has not been submitted yet: submit the job that signals it first",
					      dev->node, i, handle, (unsigned long long)point);
		if (ret == -ENOENT)
			return dacc_dev_error(dev, ret,
					      "%s: fence %u of `in`: there is no syncobj %u",
					      dev->node, i, handle);
	}
	return 0;
}

static int check_submit(struct dacc_device *dev, const struct dacc_submit *s)
{
	if (!s->jobs || !s->n_jobs || s->n_jobs > DRM_DACC_MAX_JOBS)
		return dacc_dev_error(dev, -EINVAL, "submit of %u jobs%s: want 1 to %d", s->n_jobs,
				      s->jobs ? "" : " at NULL", DRM_DACC_MAX_JOBS);
	if (s->n_in > DRM_DACC_MAX_SYNCS || s->n_out > DRM_DACC_MAX_SYNCS)
		return dacc_dev_error(dev, -EINVAL, "%u fences to %s: at most %d",
				      s->n_in > DRM_DACC_MAX_SYNCS ? s->n_in : s->n_out,
				      s->n_in > DRM_DACC_MAX_SYNCS ? "wait for" : "signal",
				      DRM_DACC_MAX_SYNCS);
	if ((s->n_in && !s->in) || (s->n_out && !s->out))
		return dacc_dev_error(dev, -EINVAL, "%s is NULL but not empty",
				      s->n_in && !s->in ? "in" : "out");
	return 0;
}

DACC_PUBLIC int dacc_queue_submit(struct dacc_queue *queue, const struct dacc_submit *submit,
				  uint64_t *seq)
{
	struct dacc_device *dev = queue->vm->dev;
	struct drm_dacc_sync in[DRM_DACC_MAX_SYNCS], out[DRM_DACC_MAX_SYNCS];
	struct drm_dacc_job few[8], *jobs = few;
	struct drm_dacc_submit args = { 0 };
	struct dacc_submit s;
	uint64_t last = 0;
	int bad, ret = dacc_copy_in(&s, sizeof(s), submit);

	if (ret)
		return dacc_dev_error(dev, ret, "struct dacc_submit %s",
				      dacc_copy_in_text(ret, submit));
	ret = check_submit(dev, &s);
	if (ret)
		return ret;
	if (queue->user) {
		for (unsigned int i = 0; i < s.n_jobs; i++)
			if ((unsigned int)s.jobs[i].op > DACC_OP_DECODE)
				return dacc_dev_error(dev, -EINVAL, "job %u: unknown op %d", i,
						      (int)s.jobs[i].op);
		ret = userq_submit(queue, &s, &last);
		args.seq = last;
		bad = 0;
		goto submitted;
	}
	if (s.n_jobs > ARRAY_SIZE(few)) {
		jobs = calloc(s.n_jobs, sizeof(*jobs));
		if (!jobs)
			return dacc_dev_error(dev, -ENOMEM, "out of memory");
	}
	for (unsigned int i = 0; i < s.n_jobs && !ret; i++)
		if (convert_job(&s.jobs[i], &jobs[i]))
			ret = dacc_dev_error(dev, -EINVAL, "job %u: unknown op %d", i,
					     (int)s.jobs[i].op);
	bad = ret;
	if (!ret) {
		convert_syncs(s.in, s.n_in, in);
		convert_syncs(s.out, s.n_out, out);
		args.queue = queue->id;
		args.n_jobs = s.n_jobs;
		args.jobs = (uintptr_t)jobs;
		args.in_syncs = s.n_in ? (uintptr_t)in : 0;
		args.out_syncs = s.n_out ? (uintptr_t)out : 0;
		args.n_in_syncs = s.n_in;
		args.n_out_syncs = s.n_out;
		ret = dacc_ioctl(dev, DRM_IOCTL_DACC_SUBMIT, &args);
	}
	if (jobs != few)
		free(jobs);
submitted:
	if (bad)
		return bad;
	if (ret == -EAGAIN) /* common and expected: keeps the message of a real failure */
		return ret;
	if (ret == -EIO)
		return dacc_dev_error(dev, ret,
				      "%s: the queue has failed and takes no jobs: destroy it and create another",
				      dev->node);
	if ((ret == -EINVAL || ret == -ENOENT) && dacc_bad_fence(dev, s.in, s.n_in))
		return ret;
	if (ret)
		return dacc_ioctl_error(dev, ret, "submit");
	if (seq)
		*seq = args.seq;
	return 0;
}

int dacc_queue_look(struct dacc_queue *queue, uint64_t seq, int64_t deadline,
		    struct dacc_result *results, unsigned int n)
{
	struct dacc_device *dev = queue->vm->dev;
	struct drm_dacc_result one = { 0 }, *raw = &one;
	struct drm_dacc_wait args = {
		.queue = queue->id,
		.seq = seq,
		.timeout_ns = deadline < 0 ? 0 : deadline,
	};
	int ret;

	if (atomic_load(&queue->dead))
		return -ECANCELED;
	if (!results)
		n = 0;
	if (queue->user) {
		ret = userq_look(queue, seq, deadline, results, n);
		goto looked;
	}
	if (n > 1) {
		raw = calloc(n, sizeof(*raw));
		if (!raw)
			return dacc_dev_error(dev, -ENOMEM, "out of memory");
	}
	args.n_results = n;
	args.results = n ? (uintptr_t)raw : 0;
	ret = dacc_ioctl(dev, DRM_IOCTL_DACC_WAIT, &args);
	for (unsigned int i = 0; !ret && i < n; i++)
		results[i] = (struct dacc_result){
			.seq = raw[i].seq,
			.error = raw[i].error,
			.status = raw[i].status,
			.path = raw[i].path,
			.index = raw[i].index,
			.crc = raw[i].crc,
			.t_issue = raw[i].t_issue,
			.t_start = raw[i].t_start,
			.t_end = raw[i].t_end,
			.bytes = raw[i].bytes,
			.link_bytes = raw[i].link_bytes,
		};
	if (raw != &one)
		free(raw);
	if (ret == -ENOENT && atomic_load(&queue->dead))
		return -ECANCELED;
looked:
	if (ret == -EINVAL)
		return dacc_dev_error(dev, ret,
				      "%s: job %llu was never submitted to this queue, or more results than jobs are asked for",
				      dev->node, (unsigned long long)seq);
	if (ret && ret != -ETIME && ret != -ECANCELED)
		return dacc_ioctl_error(dev, ret, "wait for a job");
	return ret;
}

DACC_PUBLIC int dacc_queue_wait(struct dacc_queue *queue, uint64_t seq, int64_t deadline,
				struct dacc_result *results, unsigned int n)
{
	struct dacc_device *dev = queue->vm->dev;
	int ret = dacc_queue_look(queue, seq, deadline, results, n);

	if (ret == -ETIME)
		return dacc_dev_error(dev, ret,
				      "%s: job %llu has not ended by its deadline and goes on: wait longer, or destroy its queue to stop it",
				      dev->node, (unsigned long long)seq);
	if (ret == -ECANCELED)
		return dacc_dev_error(dev, ret,
				      "%s: job %llu was cancelled: its queue was destroyed",
				      dev->node, (unsigned long long)seq);
	return ret;
}

DACC_PUBLIC int dacc_queue_get_info(struct dacc_queue *queue, struct dacc_queue_info *info,
				    size_t size)
{
	struct drm_dacc_queue_info raw = { .queue = queue->id };
	struct dacc_queue_info i;
	int ret = dacc_ioctl(queue->vm->dev, DRM_IOCTL_DACC_QUEUE_INFO, &raw);

	if (ret)
		return dacc_ioctl_error(queue->vm->dev, ret, "describe a queue");
	i = (struct dacc_queue_info){
		.failed = raw.state != DRM_DACC_QUEUE_OK,
		.submitted = raw.submitted,
		.completed = raw.completed,
		.fault = raw.fault,
		.fault_index = raw.fault_index,
		.fault_addr = raw.fault_addr,
	};
	return dacc_copy_out(info, size, &i, sizeof(i));
}

int dacc_job_error(struct dacc_queue *queue, const char *what, const struct dacc_result *result)
{
	struct dacc_device *dev = queue->vm->dev;
	struct dacc_queue_info info = { 0 };

	if (!result->error)
		return 0;
	if (result->error == -ENODEV)
		return dacc_dev_error(dev, -ENODEV,
				      "%s: %s was ended by a device reset or removal: open the device again",
				      dev->node, what);
	if (result->error == -ETIME)
		return dacc_dev_error(dev, -ETIME,
				      "%s: %s hung and was stopped by a queue reset: create another queue",
				      dev->node, what);
	if (atomic_load(&queue->dead) && result->error == -ECANCELED)
		return dacc_dev_error(dev, -ECANCELED,
				      "%s: %s was cancelled: its queue was destroyed", dev->node,
				      what);
	if (result->status == DACC_STATUS_CANCELLED)
		return dacc_dev_error(dev, result->error,
				      "%s: %s was stopped by a reset of its queue: create another queue",
				      dev->node, what);
	if (result->status == DACC_STATUS_OK)
		return dacc_dev_error(dev, result->error,
				      "%s: %s was not run: a job or fence before it failed (%s)",
				      dev->node, what, strerror(-result->error));
	if (dacc_queue_get_info(queue, &info, sizeof(info)))
		memset(&info, 0, sizeof(info));
	return dacc_dev_error(dev, result->error, "%s: %s failed: %s at %s %u, address 0x%llx",
			      dev->node, what, dacc_status_string(result->status),
			      queue->queue_class == DACC_CLASS_DECODE ? "instruction" : "block",
			      result->index, (unsigned long long)info.fault_addr);
}
