/* SPDX-License-Identifier: GPL-2.0 */
/* A 512-byte NVMe read by io_uring passthrough, polled. No library. */
#ifndef BENCH_NVME_H
#define BENCH_NVME_H

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/nvme_ioctl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NVME_READ 0x02

struct nvme {
	int fd, ring;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes; /* of 128 bytes */
	char *cqes;                /* of 32 bytes */
	uint32_t nsid;
	void *buf;
};

static inline int nvme_open(struct nvme *n, const char *path)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_IOPOLL,
	};
	size_t ring_bytes;
	char *rings;

	memset(n, 0, sizeof(*n));
	n->fd = open(path, O_RDWR | O_CLOEXEC);
	if (n->fd < 0)
		return -errno;
	n->nsid = ioctl(n->fd, NVME_IOCTL_ID);
	n->ring = syscall(__NR_io_uring_setup, 8, &p);
	if (n->ring < 0)
		return -errno;
	ring_bytes = p.cq_off.cqes + p.cq_entries * 32;
	if (ring_bytes < p.sq_off.array + p.sq_entries * sizeof(unsigned int))
		ring_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	rings = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, n->ring,
		     IORING_OFF_SQ_RING);
	n->sqes = mmap(NULL, p.sq_entries * 128, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		       n->ring, IORING_OFF_SQES);
	n->buf = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (rings == MAP_FAILED || n->sqes == MAP_FAILED || n->buf == MAP_FAILED)
		return -errno;
	n->sq_tail = (unsigned int *)(rings + p.sq_off.tail);
	n->sq_mask = (unsigned int *)(rings + p.sq_off.ring_mask);
	n->sq_array = (unsigned int *)(rings + p.sq_off.array);
	n->cq_head = (unsigned int *)(rings + p.cq_off.head);
	n->cq_tail = (unsigned int *)(rings + p.cq_off.tail);
	n->cq_mask = (unsigned int *)(rings + p.cq_off.ring_mask);
	n->cqes = rings + p.cq_off.cqes;
	return 0;
}

static inline int nvme_submit(struct nvme *n)
{
	unsigned int tail = *n->sq_tail, slot = tail & *n->sq_mask;
	struct io_uring_sqe *sqe = (void *)((char *)n->sqes + slot * 128);
	struct nvme_uring_cmd *cmd = (void *)sqe->cmd;

	memset(sqe, 0, 128);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = n->fd;
	sqe->cmd_op = NVME_URING_CMD_IO;
	cmd->opcode = NVME_READ;
	cmd->nsid = n->nsid;
	cmd->addr = (uintptr_t)n->buf;
	cmd->data_len = 512;
	n->sq_array[slot] = slot;
	__atomic_store_n(n->sq_tail, tail + 1, __ATOMIC_RELEASE);
	return syscall(__NR_io_uring_enter, n->ring, 1, 0, 0, NULL, 0) == 1 ? 0 : -errno;
}

/* 0 once it is done and was good; -EAGAIN before. */
static inline int nvme_reap(struct nvme *n)
{
	unsigned int head = *n->cq_head;
	struct io_uring_cqe *cqe;
	int ret;

	syscall(__NR_io_uring_enter, n->ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	if (head == __atomic_load_n(n->cq_tail, __ATOMIC_ACQUIRE))
		return -EAGAIN;
	cqe = (void *)(n->cqes + (head & *n->cq_mask) * 32);
	ret = cqe->res;
	__atomic_store_n(n->cq_head, head + 1, __ATOMIC_RELEASE);
	return ret;
}

#endif
