// SPDX-License-Identifier: GPL-2.0
/* The fork-join pool. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pool.h"
#include "tap.h"

#define MAX 5000

static _Atomic unsigned char seen[MAX];
static _Atomic unsigned int bad_ranges, entered, exited, unblocked;
static uint32_t run_n, run_grain;

static void mark(void *opaque, uint32_t begin, uint32_t end)
{
	if (begin >= end || end > run_n || begin % run_grain ||
	    ((end - begin) % run_grain && end != run_n) || opaque != seen)
		bad_ranges++;
	for (uint32_t i = begin; i < end && i < MAX; i++)
		seen[i]++;
}

static void run(Pool *pool, uint32_t n, uint32_t grain)
{
	memset((void *)seen, 0, sizeof(seen));
	bad_ranges = 0;
	run_n = n;
	run_grain = grain;
	pool_run(pool, n, grain, mark, (void *)seen);
	CHECK(!bad_ranges, "n %u, grain %u: %u bad ranges", n, grain, bad_ranges);
	for (uint32_t i = 0; i < MAX; i++)
		CHECK(seen[i] == (i < n), "n %u, grain %u: index %u seen %u times", n, grain, i,
		      seen[i]);
}

static void covers_once(void)
{
	for (unsigned int threads = 0; threads <= 6; threads++) {
		Pool *pool = pool_new(threads, NULL, NULL, NULL);

		if (!CHECK(pool, "no pool of %u", threads))
			return;
		CHECK(pool_threads(pool) == (threads ? threads : 1), "threads");
		for (uint32_t n = 0; n < 40; n++)
			for (uint32_t grain = 1; grain < 9; grain++)
				run(pool, n, grain);
		run(pool, MAX, 1);
		run(pool, MAX, 7);
		run(pool, MAX, MAX);
		run(pool, MAX, MAX + 1);
		pool_free(pool);
	}
}

static void on_enter(void *opaque)
{
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	for (int s = 1; s < 32; s++)
		if (s != SIGKILL && s != SIGSTOP && !sigismember(&set, s))
			unblocked++;
	if (opaque == &entered)
		entered++;
}

static void on_exit_hook(void *opaque)
{
	if (opaque == &entered)
		exited++;
}

static void hooks_and_signals(void)
{
	sigset_t before, after;
	Pool *pool;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	pool = pool_new(4, on_enter, on_exit_hook, &entered);
	if (!CHECK(pool, "no pool"))
		return;
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	pool_free(pool);
	CHECK(entered == 3 && exited == 3, "entered %u, exited %u", entered, exited);
	CHECK(!unblocked, "%u signals not blocked in workers", unblocked);
	for (int s = 1; s < 32; s++)
		CHECK(sigismember(&before, s) == sigismember(&after, s), "signal %d of the caller",
		      s);
}

static void too_many(void)
{
	CHECK(!pool_new(100000, NULL, NULL, NULL), "100000 threads");
	pool_free(NULL);
}

static _Atomic uint64_t total;

static void add_up(void *opaque, uint32_t begin, uint32_t end)
{
	(void)opaque;
	for (uint32_t i = begin; i < end; i++)
		total += i;
}

/* Many short jobs, with pauses that let the workers sleep now and then. */
static void many_jobs(void)
{
	Pool *pool = pool_new(3, NULL, NULL, NULL);
	struct timespec t, u;

	if (!CHECK(pool, "no pool"))
		return;
	for (int i = 0; i < 20000; i++) {
		uint32_t n = 1 + i % 300;

		total = 0;
		pool_run(pool, n, 1 + i % 3, add_up, NULL);
		CHECK(total == (uint64_t)n * (n - 1) / 2, "job %d", i);
		if (i % 1000 == 0)
			usleep(1000);
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (int i = 0; i < 20000; i++)
		pool_run(pool, 3, 1, add_up, NULL);
	clock_gettime(CLOCK_MONOTONIC, &u);
	printf("# %.2f us for an empty job on 3 threads\n",
	       ((u.tv_sec - t.tv_sec) * 1e9 + (u.tv_nsec - t.tv_nsec)) / 20000 / 1e3);
	pool_free(pool);
}

static pthread_t caller;
static _Atomic unsigned int others;

/* The caller gives the workers time to join, and they take their time. */
static void slow(void *opaque, uint32_t begin, uint32_t end)
{
	usleep(5000);
	if (!pthread_equal(pthread_self(), caller)) {
		usleep(20000);
		others++;
	}
	for (uint32_t i = begin; i < end; i++)
		((_Atomic unsigned char *)opaque)[i]++;
}

/* Returns when all is done, not when the caller has nothing left to do. */
static void waits_for_workers(void)
{
	Pool *pool = pool_new(3, NULL, NULL, NULL);

	if (!CHECK(pool, "no pool"))
		return;
	caller = pthread_self();
	for (int round = 0; round < 5; round++) {
		memset((void *)seen, 0, sizeof(seen));
		pool_run(pool, 12, 1, slow, (void *)seen);
		for (int i = 0; i < 12; i++)
			CHECK(seen[i] == 1, "round %d: index %d seen %u times", round, i, seen[i]);
	}
	CHECK(others, "no worker took part");
	pool_free(pool);
}

int main(void)
{
	TAP_CASE(covers_once);
	TAP_CASE(hooks_and_signals);
	TAP_CASE(too_many);
	TAP_CASE(many_jobs);
	TAP_CASE(waits_for_workers);
	return tap_done();
}
