// SPDX-License-Identifier: MIT
/* User queues: jobs go to the chip without the kernel. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "drm/dacc_accel.h"
#include "userq.h"

#define DEFAULT_SPIN_NS 20000

int userq_create(struct dacc_queue *queue, unsigned int depth, int64_t spin_ns)
{
	struct dacc_vm *vm = queue->vm;
	uint64_t ring_bytes = depth * sizeof(struct dacc_desc);
	uint64_t bytes =
		ring_bytes + sizeof(struct dacc_cpl_head) + depth * sizeof(struct dacc_cpl);
	struct drm_dacc_queue_create args = {
		.vm = vm->id,
		.queue_class = queue->queue_class == DACC_CLASS_DECODE ? DRM_DACC_QUEUE_DECODE :
									 DRM_DACC_QUEUE_TRANSFER,
		.depth = depth,
		.flags = DRM_DACC_QUEUE_USER,
	};
	struct drm_dacc_queue_destroy destroy = { 0 };
	struct userq *uq = calloc(1, sizeof(*uq));
	void *ptr, *page;
	int ret;

	if (!uq)
		return -ENOMEM;
	ret = dacc_area_create(vm, align_up(bytes, vm->dev->page_size), DACC_BO_HOST, &uq->area);
	if (!ret)
		ret = dacc_bo_map(uq->area.bo, &ptr);
	if (ret)
		goto fail;
	args.ring = uq->area.va;
	args.completion = uq->area.va + ring_bytes;
	ret = dacc_ioctl(vm->dev, DRM_IOCTL_DACC_QUEUE_CREATE, &args);
	if (ret)
		goto fail;
	page = mmap(NULL, DACC_DOORBELL_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED, vm->dev->fd,
		    (off_t)args.doorbell_offset);
	if (page == MAP_FAILED) {
		ret = -errno;
		destroy.queue = args.queue;
		dacc_ioctl(vm->dev, DRM_IOCTL_DACC_QUEUE_DESTROY, &destroy);
		goto fail;
	}
	uq->ring = ptr;
	uq->head = (const void *)((char *)ptr + ring_bytes);
	uq->doorbell = page;
	uq->mask = depth - 1;
	uq->room = depth;
	uq->spin_ns = spin_ns ? spin_ns : DEFAULT_SPIN_NS;
	queue->id = args.queue;
	queue->user = uq;
	return 0;
fail:
	dacc_area_destroy(&uq->area);
	free(uq);
	return ret;
}

void userq_close(struct dacc_queue *queue)
{
	if (queue->user)
		queue->user->room = 0;
}

/* The driver's queue is gone already, so the chip has let go of the memory. */
void userq_free(struct dacc_queue *queue)
{
	struct userq *uq = queue->user;

	if (!uq)
		return;
	munmap((void *)uq->doorbell, DACC_DOORBELL_STRIDE);
	dacc_area_destroy(&uq->area);
	free(uq);
	queue->user = NULL;
}

void userq_encode(const struct dacc_job *job, struct dacc_desc *desc)
{
	memset(desc, 0, sizeof(*desc));
	desc->opcode = job->op;
	desc->flags = job->checksum ? DACC_DESC_CHECKSUM : 0;
	desc->not_before = job->not_before_ps;
	switch (job->op) {
	case DACC_OP_COPY:
		desc->copy = job->copy;
		break;
	case DACC_OP_COPY_BLOCKS:
		desc->blocks = job->blocks;
		break;
	case DACC_OP_FILL:
		desc->fill = job->fill;
		break;
	case DACC_OP_DECODE:
		desc->decode = job->decode;
		break;
	default:
		break;
	}
}

static int userq_sync(struct dacc_queue *queue, unsigned long request,
		      const struct dacc_sync *syncs, unsigned int n, uint64_t seq)
{
	struct drm_dacc_sync raw[DRM_DACC_MAX_SYNCS];
	struct drm_dacc_userq_sync args = {
		.queue = queue->id,
		.n_syncs = n,
		.seq = seq,
		.syncs = (uintptr_t)raw,
	};

	if (!n)
		return 0;
	for (unsigned int i = 0; i < n; i++)
		raw[i] = (struct drm_dacc_sync){ .handle = syncs[i].handle,
						 .point = syncs[i].point };
	return dacc_ioctl(queue->vm->dev, request, &args);
}

/* The caller has checked the counts; -EINVAL and -ENOENT of a fence are his to explain. */
int userq_submit(struct dacc_queue *queue, const struct dacc_submit *s, uint64_t *seq)
{
	struct userq *uq = queue->user;
	struct dacc_desc desc;
	int ret;

	if (atomic_load(&queue->dead) || userq_fault(uq))
		return -EIO;
	if (!userq_has_room(uq, s->n_jobs))
		return s->n_jobs > uq->room ? -EINVAL : -EAGAIN;
	/* Before the doorbell: from there on the chip may take them up. */
	ret = userq_sync(queue, DRM_IOCTL_DACC_USERQ_WAIT, s->in, s->n_in, uq->produced + 1);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < s->n_jobs; i++) {
		userq_encode(&s->jobs[i], &desc);
		userq_put(uq, &desc);
	}
	userq_announce(uq, uq->produced);
	ret = userq_sync(queue, DRM_IOCTL_DACC_USERQ_SIGNAL, s->out, s->n_out, uq->produced);
	if (!ret && seq)
		*seq = uq->produced;
	return ret;
}

int userq_stopped(struct dacc_queue *queue, uint64_t seq)
{
	struct drm_dacc_wait args = { .queue = queue->id, .seq = seq };
	int ret = dacc_ioctl(queue->vm->dev, DRM_IOCTL_DACC_WAIT, &args);

	if (ret == -EIO || ret == -ENODEV || ret == -ENOENT)
		return 1;
	return ret == -ETIME ? 0 : ret;
}

/* 0: it has ended; 1: it never will; -ETIME or another negative errno. */
static int userq_wait(struct dacc_queue *queue, uint64_t seq, int64_t deadline)
{
	struct drm_dacc_wait args = {
		.queue = queue->id,
		.seq = seq,
		.timeout_ns = deadline < 0 ? 0 : deadline,
	};
	struct userq *uq = queue->user;
	int64_t start = 0, now;
	int ret;

	for (unsigned int i = 1;; i++) {
		if (userq_completed(uq) >= seq)
			return 0;
		/* Written after seq: once more, since it may have been the last. */
		if (userq_fault(uq))
			return userq_completed(uq) < seq;
		if (deadline > 0 && i % USERQ_CLOCK_LOOKS) {
			userq_relax();
			continue;
		}
		if (atomic_load(&queue->dead))
			return 1;
		if (deadline <= 0 || i % USERQ_STATE_LOOKS == 0) {
			/* A queue that was reset writes nothing any more. */
			if (uq->doorbell[DACC_DOORBELL_STATE / 4] != DACC_QUEUE_ACTIVE) {
				ret = userq_stopped(queue, seq);
				if (ret)
					return ret;
			}
		}
		now = dacc_deadline(0);
		if (now >= deadline)
			return -ETIME;
		if (!start)
			start = now;
		if (uq->spin_ns >= 0 && now - start >= uq->spin_ns)
			break;
	}
	ret = dacc_ioctl(queue->vm->dev, DRM_IOCTL_DACC_WAIT, &args);
	if (ret == -EIO || ret == -ENODEV || (ret == -ENOENT && atomic_load(&queue->dead)))
		return 1;
	return ret;
}

static int status_errno(unsigned int status)
{
	switch (status) {
	case DACC_STATUS_OK:
		return 0;
	case DACC_STATUS_UNMAPPED:
	case DACC_STATUS_READ_ONLY:
		return -EFAULT;
	case DACC_STATUS_BAD_OPCODE:
	case DACC_STATUS_RESERVED:
	case DACC_STATUS_BAD_LENGTH:
	case DACC_STATUS_BAD_ALIGN:
	case DACC_STATUS_BAD_INSN:
	case DACC_STATUS_BAD_TOKEN:
	case DACC_STATUS_BAD_SEQUENCE:
		return -EINVAL;
	case DACC_STATUS_BAD_CHECKSUM:
		return -EBADMSG;
	case DACC_STATUS_LINK_DOWN:
		return -ENOLINK;
	case DACC_STATUS_ABORTED:
		return -ECANCELED;
	default:
		return -EIO;
	}
}

static int userq_record(const struct userq *uq, uint64_t seq, struct dacc_result *result)
{
	const struct dacc_cpl *cpl =
		(const struct dacc_cpl *)(uq->head + 1) + ((seq - 1) & uq->mask);

	if (cpl->seq != seq)
		return -ENODATA;
	*result = (struct dacc_result){
		.seq = seq,
		.error = status_errno(cpl->status),
		.status = cpl->status,
		.path = cpl->path,
		.index = cpl->index,
		.crc = cpl->crc,
		.t_issue = cpl->t_issue,
		.t_start = cpl->t_start,
		.t_end = cpl->t_end,
		.bytes = cpl->bytes,
		.link_bytes = cpl->link_bytes,
	};
	return 0;
}

/* How a job of a stopped queue ended that has no record. */
static void userq_lost(struct dacc_queue *queue, uint64_t seq, struct dacc_result *result)
{
	struct drm_dacc_queue_info info = { .queue = queue->id };
	int ret = dacc_ioctl(queue->vm->dev, DRM_IOCTL_DACC_QUEUE_INFO, &info);

	*result = (struct dacc_result){
		.seq = seq,
		.error = -ECANCELED,
		.status = DACC_STATUS_CANCELLED,
	};
	if (ret == -ENODEV || (!ret && info.state == DRM_DACC_QUEUE_LOST))
		result->error = -ENODEV;
	else if (!ret && info.state == DRM_DACC_QUEUE_HUNG && info.completed + 1 == seq)
		result->error = -ETIME;
	else if (!ret && info.state == DRM_DACC_QUEUE_FAULTED)
		result->status = DACC_STATUS_OK; /* not run: something before it failed */
}

int userq_look(struct dacc_queue *queue, uint64_t seq, int64_t deadline,
	       struct dacc_result *results, unsigned int n)
{
	struct userq *uq = queue->user;
	uint64_t done;
	int ret;

	if (!seq || seq > uq->produced || n > seq)
		return -EINVAL;
	ret = userq_wait(queue, seq, deadline);
	if (ret < 0)
		return ret;
	if (ret && atomic_load(&queue->dead))
		return -ECANCELED;
	done = userq_completed(uq);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t s = seq - n + 1 + i;

		if (s > done)
			userq_lost(queue, s, &results[i]);
		else if (userq_record(uq, s, &results[i]))
			return -ENODATA;
	}
	return 0;
}
