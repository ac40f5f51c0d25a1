// SPDX-License-Identifier: GPL-2.0
/*
 * In the guest: what preparing, posting and finishing a transfer costs. One line for
 * each case: block, blocks, pages owned, layers, best nanoseconds to prepare, to post, and
 * from the post to the result, doorbells.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dacc/dacc.h"

#include "kv-memcpy.h"

#define MAX_LAYER 50000u /* blocks */

static struct dacc_device *dev;
static struct dacc_vm *vm;
static struct dacc_queue *queue;
static uint64_t src_va, dst_va;

static int fail(const char *what)
{
	struct dacc_error e = { 0 };

	dacc_device_error(dev, &e);
	fprintf(stderr, "kv-transfer: %s: %s\n", what, e.text);
	return 1;
}

static long long doorbells(void)
{
	long long value, found = -1;
	char line[128], key[64];
	FILE *f = NULL;
	glob_t g;

	if (!glob("/sys/kernel/debug/accel/*/counters", 0, NULL, &g))
		f = fopen(g.gl_pathv[0], "r");
	globfree(&g);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63[^:]: %lld", key, &value) == 2 && !strcmp(key, "doorbells"))
			found = value;
	if (f)
		fclose(f);
	return found;
}

struct result {
	int64_t prepare, post, total;
	long long doorbells;
	uint32_t layers, pages;
};

static int run_list(struct dacc_list *list, struct result *r)
{
	struct dacc_transfer_result t = { 0 };
	uint64_t id;

	for (int i = 0; i < REPEATS; i++) {
		long long before = doorbells();
		int64_t start = kv_now(), posted, end;

		if (dacc_transfer_post(queue, list, NULL, &id))
			return fail("post");
		posted = kv_now();
		if (dacc_transfer_wait(dev, id, dacc_deadline(600000000000ll), &t, sizeof(t)))
			return fail("wait");
		end = kv_now();
		if (t.error) {
			fprintf(stderr, "kv-transfer: the transfer ended with %d\n", t.error);
			return 1;
		}
		r->doorbells = doorbells() - before;
		if (posted - start < r->post)
			r->post = posted - start;
		if (end - start < r->total)
			r->total = end - start;
	}
	return 0;
}

static int run_case(const struct kv_case *c, struct result *r)
{
	uint64_t room = DST_BYTES / c->block;
	struct dacc_pool_args pool_args = {
		.size = sizeof(pool_args), .va = dst_va, .page_bytes = c->block, .n_pages = c->n
	};
	struct dacc_list_args args = { .size = sizeof(args), .form = DACC_LIST_SG };
	struct dacc_block *blocks = calloc(c->n, sizeof(*blocks));
	uint64_t *pages = calloc(c->n, sizeof(*pages));
	uint32_t ends[16] = { 0 };
	struct dacc_list *list;
	int ret = 0;

	*r = (struct result){ .prepare = INT64_MAX, .post = INT64_MAX, .total = INT64_MAX };
	for (uint32_t i = 0; i < c->n; i++)
		blocks[i] = (struct dacc_block){ src_va + kv_src(c->block, i),
						 dst_va + kv_dst(c->block, i), c->block };
	for (uint32_t done = 0; done < c->n; args.n_layers++) {
		done += c->n - done < MAX_LAYER ? c->n - done : MAX_LAYER;
		ends[args.n_layers] = done;
	}
	args.sg.blocks = blocks;
	args.sg.layer_end = ends;
	/* Pages of their own where there is room for them. */
	if (c->n <= room) {
		if (dacc_pool_create(vm, &pool_args, &args.pool) ||
		    dacc_pool_alloc(args.pool, pages, c->n))
			return fail("pool");
		args.pages = pages;
		args.n_pages = c->n;
	}
	r->layers = args.n_layers;
	r->pages = args.n_pages;
	for (int i = 0; i < REPEATS && !ret; i++) {
		int64_t start = kv_now(), took;

		if (dacc_list_create(vm, &args, &list))
			return fail("prepare");
		took = kv_now() - start;
		if (took < r->prepare)
			r->prepare = took;
		if (i == REPEATS - 1)
			ret = run_list(list, r);
		dacc_list_destroy(list);
	}
	dacc_pool_destroy(args.pool);
	free(blocks);
	free(pages);
	return ret;
}

int main(void)
{
	struct dacc_bo *src, *dst;
	struct dacc_error err = { 0 };
	struct result r;
	void *map;

	if (dacc_device_open(NULL, &dev, &err)) {
		fprintf(stderr, "kv-transfer: %s\n", err.text);
		return 1;
	}
	if (dacc_vm_create(dev, &vm) || dacc_queue_create(vm, DACC_CLASS_TRANSFER, 64, &queue) ||
	    dacc_bo_create(dev, SRC_BYTES, DACC_BO_HOST, &src) ||
	    dacc_bo_create(dev, DST_BYTES, DACC_BO_SRAM, &dst) ||
	    dacc_vm_map(vm, src, 0, 0, DACC_VM_READONLY, &src_va) ||
	    dacc_vm_map(vm, dst, 0, 0, 0, &dst_va) || dacc_bo_map(src, &map))
		return fail("set up");
	memset(map, 1, SRC_BYTES);
	for (unsigned int c = 0; c < N_CASES; c++) {
		if (run_case(&kv_cases[c], &r))
			return 1;
		printf("%u %u %u %u %lld %lld %lld %lld\n", kv_cases[c].block, kv_cases[c].n,
		       r.pages, r.layers, (long long)r.prepare, (long long)r.post,
		       (long long)r.total, r.doorbells);
		fflush(stdout);
	}
	return 0;
}
