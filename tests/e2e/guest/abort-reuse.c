// SPDX-License-Identifier: GPL-2.0
/*
 * abort-reuse [--unprotected] [--trials N] [--seed N]: requests that are aborted while
 * their KV transfer is in flight, and whose pages another request gets at once.
 *
 * Each trial: request 1 has all pages of a pool, and a transfer that writes them. At a
 * random moment it is aborted: its pages are freed and the transfer cancelled, in
 * this order, as serving stacks do. Request 2 allocates pages, writes what is its own and,
 * once request 1's transfer has ended, looks whether that is still there.
 *
 * Prints one line of counts. Status 0 if all went as it should but for what was
 * overwritten: whoever calls this judges by the counts.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dacc/dacc.h"

#define PAGE   16384u
#define PAGES  32u
#define LAYERS 60u /* each writes all pages: a transfer is 30 MiB */
#define BYTES  (PAGES * PAGE)

struct bed {
	struct dacc_device *dev;
	struct dacc_vm *vm;
	struct dacc_queue *queue;
	struct dacc_bo *src_bo, *kv_bo;
	struct dacc_pool *pool;
	unsigned char *src, *kv;
	uint64_t src_va, kv_va;
};

struct counts {
	unsigned long trials, in_flight, before, after, waited, overwritten, pages;
};

static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(random_state >> 8) * below >> 24);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void spin_ns(int64_t ns)
{
	int64_t end = now_ns() + ns;

	while (now_ns() < end)
		;
}

static int fail(struct bed *b, const char *what)
{
	struct dacc_error e = { 0 };

	dacc_device_error(b->dev, &e);
	fprintf(stderr, "abort-reuse: %s: %s\n", what, e.text);
	return 1;
}

static int make_bed(struct bed *b, bool unprotected)
{
	struct dacc_pool_args pool = {
		.size = sizeof(pool),
		.page_bytes = PAGE,
		.n_pages = PAGES,
		.unprotected = unprotected,
	};
	struct dacc_error err = { 0 };

	if (dacc_device_open(NULL, &b->dev, &err)) {
		fprintf(stderr, "abort-reuse: %s\n", err.text);
		return 1;
	}
	if (dacc_vm_create(b->dev, &b->vm) ||
	    dacc_queue_create(b->vm, DACC_CLASS_TRANSFER, 64, &b->queue) ||
	    dacc_bo_create(b->dev, BYTES, DACC_BO_HOST, &b->src_bo) ||
	    dacc_bo_create(b->dev, BYTES, DACC_BO_SRAM, &b->kv_bo) ||
	    dacc_vm_map(b->vm, b->src_bo, 0, 0, DACC_VM_READONLY, &b->src_va) ||
	    dacc_vm_map(b->vm, b->kv_bo, 0, 0, 0, &b->kv_va) ||
	    dacc_bo_map(b->src_bo, (void **)&b->src) || dacc_bo_map(b->kv_bo, (void **)&b->kv))
		return fail(b, "set up");
	pool.va = b->kv_va;
	if (dacc_pool_create(b->vm, &pool, &b->pool))
		return fail(b, "make a pool");
	memset(b->src, 0xaa, BYTES);
	return 0;
}

static int start_request(struct bed *b, uint64_t *pages, struct dacc_list **list, uint64_t *id)
{
	static uint32_t index[PAGES];
	struct dacc_list_args args = {
		.size = sizeof(args),
		.pool = b->pool,
		.pages = pages,
		.n_pages = PAGES,
		.form = DACC_LIST_INDEXED,
		.n_layers = LAYERS,
		.indexed = {
			.src = b->src_va,
			.src_stride = PAGE,
			.src_index = index,
			.block_bytes = PAGE,
		},
	};

	for (uint32_t i = 0; i < PAGES; i++)
		index[i] = i;
	if (dacc_pool_alloc(b->pool, pages, PAGES))
		return fail(b, "pages of request 1");
	if (dacc_list_create(b->vm, &args, list))
		return fail(b, "prepare");
	if (dacc_transfer_post(b->queue, *list, NULL, id))
		return fail(b, "post");
	return 0;
}

/* Request 2: pages as soon as there are any, and what is its own in them. */
static int write_own(struct bed *b, uint64_t *pages, unsigned char own, uint64_t cancel,
		     struct counts *c)
{
	bool waited = false;
	int ret;

	while ((ret = dacc_pool_alloc(b->pool, pages, PAGES)) == -ENOSPC) {
		/* They are request 1's until its transfer has drained. */
		waited = true;
		if (cancel && dacc_transfer_cancel(b->dev, cancel))
			return fail(b, "cancel");
		cancel = 0;
	}
	if (ret)
		return fail(b, "pages of request 2");
	c->waited += waited;
	for (uint32_t i = 0; i < PAGES; i++) {
		memset(b->kv + (dacc_pool_page_va(b->pool, pages[i]) - b->kv_va), own, PAGE);
		if (!i && cancel && dacc_transfer_cancel(b->dev, cancel))
			return fail(b, "cancel");
	}
	return 0;
}

static unsigned long count_lost(struct bed *b, const uint64_t *pages, unsigned char own)
{
	unsigned char want[PAGE];
	unsigned long lost = 0;

	memset(want, own, sizeof(want));
	for (uint32_t i = 0; i < PAGES; i++)
		lost += memcmp(b->kv + (dacc_pool_page_va(b->pool, pages[i]) - b->kv_va), want,
			       PAGE) != 0;
	return lost;
}

/*
 * The next abort comes no later than *longest after the post. How long a transfer takes
 * depends on what else the host does, so that follows the outcomes.
 */
static void aim(const struct dacc_transfer_result *r, int64_t *longest)
{
	if (!r->error && *longest > 10000)
		*longest -= *longest / 64;
	else if (r->error && !r->bytes && *longest < 1000000000)
		*longest += *longest / 16;
}

static int trial(struct bed *b, unsigned long n, int64_t *longest, struct counts *c)
{
	unsigned char own = (unsigned char)(1 + n % 100);
	struct dacc_transfer_result r = { 0 };
	uint64_t first[PAGES], second[PAGES], id;
	struct dacc_list *list;
	unsigned long lost;

	if (start_request(b, first, &list, &id))
		return 1;
	spin_ns(draw((uint32_t)*longest));
	if (dacc_pool_free(b->pool, first, PAGES, NULL))
		return fail(b, "free the pages of request 1");
	/* Cancelled at once, or a little late. */
	if (n & 1 && dacc_transfer_cancel(b->dev, id))
		return fail(b, "cancel");
	if (write_own(b, second, own, n & 1 ? 0 : id, c))
		return 1;
	if (dacc_transfer_wait(b->dev, id, dacc_deadline(60000000000ll), &r, sizeof(r)))
		return fail(b, "the transfer of request 1 did not end");
	if (r.error && r.error != -ECANCELED) {
		fprintf(stderr, "abort-reuse: the transfer ended with %d\n", r.error);
		return 1;
	}
	c->trials++;
	c->in_flight += r.error && r.bytes;
	c->before += r.error && !r.bytes;
	c->after += !r.error;
	aim(&r, longest);
	lost = count_lost(b, second, own);
	c->overwritten += lost != 0;
	c->pages += lost;
	dacc_list_destroy(list);
	return dacc_pool_free(b->pool, second, PAGES, NULL) ? fail(b, "free") : 0;
}

/* How long a transfer takes that nobody aborts. */
static int64_t measure(struct bed *b)
{
	struct dacc_transfer_result r = { 0 };
	uint64_t pages[PAGES], id;
	struct dacc_list *list;
	int64_t sum = 0;

	for (int i = 0; i < 8; i++) {
		int64_t start = now_ns();

		if (start_request(b, pages, &list, &id) ||
		    dacc_transfer_wait(b->dev, id, dacc_deadline(60000000000ll), &r, sizeof(r)) ||
		    r.error || dacc_pool_free(b->pool, pages, PAGES, NULL))
			return -1;
		sum += now_ns() - start;
		dacc_list_destroy(list);
	}
	return sum / 8;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "unprotected", no_argument, NULL, 'u' },
					       { "trials", required_argument, NULL, 't' },
					       { "seed", required_argument, NULL, 's' },
					       { 0 } };
	unsigned long trials = 1000;
	int64_t longest, taken;
	bool unprotected = false;
	struct counts c = { 0 };
	struct bed b = { 0 };
	int o;

	random_state = 1;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'u')
			unprotected = true;
		else if (o == 't')
			trials = strtoul(optarg, NULL, 0);
		else if (o == 's')
			random_state = (uint32_t)strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	if (make_bed(&b, unprotected))
		return 1;
	taken = measure(&b);
	if (taken < 0)
		return fail(&b, "measure a transfer");
	longest = taken;
	for (unsigned long n = 0; n < trials; n++)
		if (trial(&b, n, &longest, &c))
			return 1;
	printf("trials %lu in_flight %lu before %lu after %lu ", c.trials, c.in_flight, c.before,
	       c.after);
	printf("waited %lu overwritten %lu pages %lu transfer_us %lld\n", c.waited, c.overwritten,
	       c.pages, (long long)taken / 1000);
	dacc_pool_destroy(b.pool);
	dacc_queue_destroy(b.queue);
	dacc_bo_destroy(b.src_bo);
	dacc_bo_destroy(b.kv_bo);
	dacc_vm_destroy(b.vm);
	dacc_device_close(b.dev);
	return 0;
}
