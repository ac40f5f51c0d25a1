/* SPDX-License-Identifier: MIT */
/* User queues: what the token path consists of. One producer; nothing here takes a lock. */
#ifndef DACC_USERQ_H
#define DACC_USERQ_H

#include "internal.h"

/* The ring, then the completion area, in one buffer; and the doorbell page. */
struct userq {
	struct dacc_desc *ring;
	const struct dacc_cpl_head *head;
	volatile uint32_t *doorbell;
	uint64_t produced;
	uint64_t mask;
	uint64_t room;   /* the ring's length; 0 once the queue was destroyed */
	int64_t spin_ns; /* before a wait sleeps; negative: it never does */
	struct dacc_area area;
	unsigned int looks;
};

/* A look at the clock after so many at memory, and at the doorbell page after so many. */
#define USERQ_CLOCK_LOOKS 256u
#define USERQ_STATE_LOOKS 65536u

static inline void userq_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield" ::: "memory");
#endif
}

/* What was written to memory before is seen by the chip before what is written after. */
static inline void userq_write_barrier(void)
{
#if defined(__x86_64__) || defined(__i386__)
	/* Stores stay in order, those to uncached memory too. */
	__asm__ __volatile__("" ::: "memory");
#elif defined(__aarch64__)
	__asm__ __volatile__("dmb oshst" ::: "memory");
#else
	__sync_synchronize();
#endif
}

/* An aligned 64-bit word: never torn. What the job wrote is visible after it. */
static inline uint64_t userq_completed(const struct userq *uq)
{
	return __atomic_load_n(&uq->head->seq, __ATOMIC_ACQUIRE);
}

static inline uint32_t userq_fault(const struct userq *uq)
{
	return __atomic_load_n(&uq->head->fault, __ATOMIC_ACQUIRE);
}

static inline bool userq_has_room(const struct userq *uq, unsigned int n)
{
	return uq->produced + n - userq_completed(uq) <= uq->room;
}

/* Into the ring, not announced yet. There is room. */
static inline uint64_t userq_put(struct userq *uq, const struct dacc_desc *desc)
{
	uint64_t seq = uq->produced;

	uq->ring[seq & uq->mask] = *desc;
	uq->produced = ++seq;
	return seq;
}

/* All up to the one that was put last. */
static inline void userq_announce(struct userq *uq, uint64_t seq)
{
	userq_write_barrier();
	uq->doorbell[0] = (uint32_t)seq;
}

/* 0, or a negative errno without a message: the caller may take another kind of queue. */
int userq_create(struct dacc_queue *queue, unsigned int depth, int64_t spin_ns);
/* No job is taken any more; what has completed can still be looked at. */
void userq_close(struct dacc_queue *queue);
void userq_free(struct dacc_queue *queue);
/* Has the driver stopped it? A system call; 1: yes, 0: no, or a negative errno. */
int userq_stopped(struct dacc_queue *queue, uint64_t seq);
int userq_submit(struct dacc_queue *queue, const struct dacc_submit *submit, uint64_t *seq);
int userq_look(struct dacc_queue *queue, uint64_t seq, int64_t deadline,
	       struct dacc_result *results, unsigned int n);
void userq_encode(const struct dacc_job *job, struct dacc_desc *desc);

#endif
