/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counting instructions of this guest: under -icount shift=0 its TSC goes up by one for
 * each. While the only processor idles the TSC jumps, so where the thing counted
 * sleeps another thread of the lowest priority keeps it busy, and what that
 * one has run is taken off.
 */
#ifndef BENCH_COUNT_H
#define BENCH_COUNT_H

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#define ROUNDS     101
#define SOAK_INSNS 2 /* of a turn of the loop */

struct sample {
	uint64_t value[ROUNDS];
	unsigned int n;
};

static volatile uint64_t soaked;
static uint64_t overhead; /* of a pair of now() */

static inline uint64_t now(void)
{
	return __rdtsc();
}

static void *soak(void *arg)
{
	struct sched_param param = { 0 };

	(void)arg;
	if (sched_setscheduler(0, SCHED_IDLE, &param)) {
		perror("SCHED_IDLE");
		exit(1);
	}
	__asm__ __volatile__("1: incq %0\n\tjmp 1b" : "+m"(soaked) : : "cc");
	return NULL;
}

static inline void soak_start(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, soak, NULL)) {
		perror("thread");
		exit(1);
	}
	while (!soaked)
		sched_yield();
}

static inline void sample_add(struct sample *s, uint64_t value)
{
	if (s->n < ROUNDS)
		s->value[s->n++] = value > overhead ? value - overhead : 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Median: a timer tick in a round makes that one large. */
static inline uint64_t sample_median(struct sample *s)
{
	qsort(s->value, s->n, sizeof(s->value[0]), by_value);
	return s->n ? s->value[s->n / 2] : 0;
}

static inline void show(const char *what, struct sample *s)
{
	uint64_t median = sample_median(s);

	if (!s->n)
		printf("  %-58s %10s\n", what, "none");
	else
		printf("  %-58s %10llu  (%llu to %llu, %u rounds)\n", what,
		       (unsigned long long)median, (unsigned long long)s->value[0],
		       (unsigned long long)s->value[s->n - 1], s->n);
}

/* A loop of known length, and an empty system call. */
static inline void calibrate(void)
{
	struct sample pair = { 0 }, loop = { 0 }, call = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t = now();

		sample_add(&pair, now() - t);
	}
	overhead = sample_median(&pair);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t n = 1000, t = now();

		/* Six instructions a turn. */
		__asm__ __volatile__("1: nop\n\tnop\n\tnop\n\tnop\n\tdec %0\n\tjnz 1b"
				     : "+r"(n)
				     :
				     : "cc");
		sample_add(&loop, now() - t);
	}
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t = now();

		syscall(SYS_getppid);
		sample_add(&call, now() - t);
	}
	printf("calibration (a pair of clock reads, taken off everywhere: %llu)\n",
	       (unsigned long long)overhead);
	show("loop of 6,000 instructions", &loop);
	show("empty system call (getppid)", &call);
}

static inline long switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw;
}

#endif
