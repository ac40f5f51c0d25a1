/* SPDX-License-Identifier: GPL-2.0 */
/* A user queue of the tests: ring and completion area in a buffer of its own. */
#ifndef DACC_UQ_H
#define DACC_UQ_H

#include "dacc_util.h"

#define UQ_VA      0x300000000ull /* of the first; the next is UQ_STRIDE further */
#define UQ_STRIDE  0x1000000ull
#define UQ_DEPTH   16u
#define UQ_CPL     SZ_64K /* offset of the completion area */
#define UQ_BYTES   (2 * SZ_64K)
#define UQ_SECONDS 60

struct uq {
	int fd;
	uint32_t vm, bo, id;
	uint64_t va, offset;
	uint32_t depth;
	uint64_t produced;
	struct dacc_desc *ring;
	struct dacc_cpl_head *head;
	struct dacc_cpl *cpl;
	volatile uint32_t *doorbell;
};

static inline int uq_mmap(struct uq *q)
{
	void *p = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_SHARED, q->fd, (off_t)q->offset);

	q->doorbell = p == MAP_FAILED ? NULL : p;
	return q->doorbell ? 0 : -errno;
}

/* Queue number @n of the address space @vm, of depth UQ_DEPTH. */
static inline int uq_create(struct uq *q, int fd, uint32_t vm, uint32_t queue_class, unsigned int n)
{
	struct drm_dacc_queue_create c = {
		.vm = vm,
		.queue_class = queue_class,
		.depth = UQ_DEPTH,
		.flags = DRM_DACC_QUEUE_USER,
	};
	int ret;

	memset(q, 0, sizeof(*q));
	q->fd = fd;
	q->vm = vm;
	q->va = UQ_VA + n * UQ_STRIDE;
	q->depth = c.depth;
	c.ring = q->va;
	c.completion = q->va + UQ_CPL;
	ret = bo_create(fd, UQ_BYTES, DRM_DACC_BO_HOST, &q->bo);
	if (!ret)
		ret = vm_map(fd, vm, q->bo, 0, q->va, UQ_BYTES, 0);
	if (ret)
		return ret;
	q->ring = bo_map(fd, q->bo, UQ_BYTES);
	if (!q->ring)
		return -ENOMEM;
	q->head = (void *)((char *)q->ring + UQ_CPL);
	q->cpl = (void *)(q->head + 1);
	ret = xioctl(fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c);
	q->id = c.queue;
	q->offset = c.doorbell_offset;
	return ret ? ret : uq_mmap(q);
}

static inline uint64_t uq_put(struct uq *q, struct dacc_desc d)
{
	q->ring[q->produced++ & (q->depth - 1)] = d;
	return q->produced;
}

static inline void uq_ring(struct uq *q)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	q->doorbell[0] = (uint32_t)q->produced;
}

static inline uint64_t uq_push(struct uq *q, struct dacc_desc d)
{
	uint64_t seq = uq_put(q, d);

	uq_ring(q);
	return seq;
}

static inline uint64_t uq_completed(const struct uq *q)
{
	return __atomic_load_n(&q->head->seq, __ATOMIC_ACQUIRE);
}

/* Looks at memory until @seq has completed. */
static inline int uq_poll(const struct uq *q, uint64_t seq, int seconds)
{
	int64_t end = now_ns() + seconds * NSEC;

	while (uq_completed(q) < seq) {
		if (__atomic_load_n(&q->head->fault, __ATOMIC_ACQUIRE) && uq_completed(q) < seq)
			return -EIO;
		if (now_ns() > end)
			return -ETIME;
		usleep(100);
	}
	return 0;
}

static inline int uq_wait(const struct uq *q, uint64_t seq, int seconds)
{
	return wait_job(q->fd, q->id, seq, seconds, NULL);
}

static inline struct dacc_desc desc_nop(void)
{
	return (struct dacc_desc){ .opcode = DACC_OP_NOP };
}

static inline struct dacc_desc desc_fill(uint64_t dst, uint64_t len, uint32_t pattern)
{
	return (struct dacc_desc){
		.opcode = DACC_OP_FILL,
		.fill = { .dst = dst, .len = len, .pattern = pattern },
	};
}

static inline struct dacc_desc desc_copy(uint64_t dst, uint64_t src, uint64_t len)
{
	return (struct dacc_desc){
		.opcode = DACC_OP_COPY,
		.copy = { .src = src, .dst = dst, .len = len },
	};
}

static inline int uq_sync(const struct uq *q, unsigned long request, uint64_t seq, uint32_t handle,
			  uint64_t point)
{
	struct drm_dacc_sync s = { .handle = handle, .point = point };
	struct drm_dacc_userq_sync args = {
		.queue = q->id,
		.n_syncs = 1,
		.seq = seq,
		.syncs = (uintptr_t)&s,
	};

	return xioctl(q->fd, request, &args);
}

static inline int uq_signal(const struct uq *q, uint64_t seq, uint32_t handle, uint64_t point)
{
	return uq_sync(q, DRM_IOCTL_DACC_USERQ_SIGNAL, seq, handle, point);
}

static inline int uq_gate(const struct uq *q, uint64_t seq, uint32_t handle, uint64_t point)
{
	return uq_sync(q, DRM_IOCTL_DACC_USERQ_WAIT, seq, handle, point);
}

#endif
