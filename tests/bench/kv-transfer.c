// SPDX-License-Identifier: GPL-2.0
/*
 * In the guest: what preparing, posting and finishing a transfer costs.
 *
 * kv-transfer: one line for each case: block, blocks, pages owned, layers, doorbells, then
 * nanoseconds. By the guest's clock, the best of some rounds: to prepare, of a memcpy() of
 * the list, to post, from the post to the result. In processor time of the host's, medians
 * of the same rounds: of the device, of the host's memcpy() of the same blocks.
 *
 * kv-transfer --insns (under -icount shift=0): blocks, pages owned, then instructions to
 * prepare, of the memcpy() of the list, and to post.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#include "dacc/dacc.h"

#include "kv-memcpy.h"

#define MAX_LAYER 50000u /* blocks */
#define ROUNDS    9

static struct dacc_device *dev;
static struct dacc_vm *vm;
static struct dacc_queue *queue;
static uint64_t src_va, dst_va;
static int port = -1;
static int insns;

static int64_t now(void)
{
	return insns ? (int64_t)__rdtsc() : kv_now();
}

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

/* The port's node is there a moment after its device. */
static int open_port(void)
{
	char name[64], path[80];
	glob_t g;
	FILE *f;

	for (int tries = 0; tries < 100 && port < 0; tries++, usleep(100000)) {
		if (glob("/sys/class/virtio-ports/*/name", 0, NULL, &g))
			continue;
		for (size_t i = 0; i < g.gl_pathc && port < 0; i++) {
			f = fopen(g.gl_pathv[i], "r");
			if (f && fgets(name, sizeof(name), f) && !strcmp(name, KV_PORT "\n") &&
			    sscanf(g.gl_pathv[i], "/sys/class/virtio-ports/%31[^/]", name) == 1) {
				snprintf(path, sizeof(path), "/dev/%s", name);
				port = open(path, O_RDWR);
			}
			if (f)
				fclose(f);
		}
		globfree(&g);
	}
	if (port < 0)
		fprintf(stderr, "kv-transfer: there is no port " KV_PORT "\n");
	return port < 0;
}

/* Asks the host; meanwhile this guest is idle. */
static int64_t ask(const char *what)
{
	char line[64];
	size_t len = 0;
	ssize_t got;

	if (write(port, what, strlen(what)) < 0)
		return -1;
	while (len + 1 < sizeof(line)) {
		got = read(port, line + len, sizeof(line) - 1 - len);
		/* Nobody at the other end yet. */
		if (got == 0 || (got < 0 && errno == EAGAIN)) {
			usleep(100000);
			continue;
		}
		if (got < 0)
			return -1;
		len += got;
		if (line[len - 1] == '\n')
			break;
	}
	line[len] = 0;
	return atoll(line);
}

/* What is measured of a case; by --insns, up to POST. */
enum {
	PREPARE,
	LIST_COPY,
	POST,
	TOTAL,
	DEVICE,
	HOST,
	N_TIMES
};

struct result {
	int64_t t[N_TIMES][ROUNDS];
	long long doorbells;
	uint32_t layers, pages;
};

static int run_transfer(struct dacc_list *list, struct result *r, int round)
{
	struct dacc_transfer_result t = { 0 };
	long long before = doorbells();
	int64_t start = now();
	uint64_t id;

	if (dacc_transfer_post(queue, list, NULL, &id))
		return fail("post");
	r->t[POST][round] = now() - start;
	if (dacc_transfer_wait(dev, id, dacc_deadline(600000000000ll), &t, sizeof(t)))
		return fail("wait");
	r->t[TOTAL][round] = now() - start;
	if (t.error) {
		fprintf(stderr, "kv-transfer: the transfer ended with %d\n", t.error);
		return 1;
	}
	r->doorbells = doorbells() - before;
	return 0;
}

static void copy_list(const struct dacc_list_args *args, char *room, struct result *r, int round)
{
	size_t len = args->sg.layer_end[args->n_layers - 1] * sizeof(*args->sg.blocks);
	int64_t start = now();

	memcpy(room, args->sg.blocks, len);
	memcpy(room + len, args->pages, args->n_pages * sizeof(*args->pages));
	/* Nobody looks at it, and yet it has to be made. */
	__asm__ __volatile__("" : : "r"(room) : "memory");
	r->t[LIST_COPY][round] = now() - start;
}

/* The transfer, and the host's turn. */
static int run_turns(const struct kv_case *c, struct dacc_list *list, struct result *r, int round)
{
	int64_t before, after;
	char what[64];

	if (insns)
		return run_transfer(list, r, round);
	snprintf(what, sizeof(what), "c %u %u\n", c->block, c->n);
	r->t[HOST][round] = ask(what);
	before = ask("d\n");
	if (run_transfer(list, r, round))
		return 1;
	after = ask("d\n");
	r->t[DEVICE][round] = after - before;
	if (r->t[HOST][round] < 0 || before < 0 || after < 0) {
		fprintf(stderr, "kv-transfer: the host did not measure its part\n");
		return 1;
	}
	return 0;
}

static int run_rounds(const struct kv_case *c, const struct dacc_list_args *args, char *room,
		      struct result *r)
{
	struct dacc_list *list;
	int ret = 0;

	for (int i = 0; i < ROUNDS && !ret; i++) {
		int64_t start = now();

		if (dacc_list_create(vm, args, &list))
			return fail("prepare");
		r->t[PREPARE][i] = now() - start;
		copy_list(args, room, r, i);
		ret = run_turns(c, list, r, i);
		dacc_list_destroy(list);
	}
	return ret;
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
	char *copy = malloc(c->n * (sizeof(*blocks) + sizeof(*pages)));
	uint32_t ends[16] = { 0 };
	int ret;

	if (!blocks || !pages || !copy)
		return fail("memory");
	memset(copy, 1, c->n * (sizeof(*blocks) + sizeof(*pages)));
	memset(r, 0, sizeof(*r));
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
	ret = run_rounds(c, &args, copy, r);
	dacc_pool_destroy(args.pool);
	free(blocks);
	free(pages);
	free(copy);
	return ret;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Medians, but by the clock the best: what else runs can only make it longer. */
static long long figure(int64_t *t, int what)
{
	qsort(t, ROUNDS, sizeof(*t), by_value);
	return t[insns || what >= DEVICE ? ROUNDS / 2 : 0];
}

static void print(const struct kv_case *c, struct result *r)
{
	if (insns) {
		printf("%u %u %lld %lld %lld\n", c->n, r->pages, figure(r->t[PREPARE], PREPARE),
		       figure(r->t[LIST_COPY], LIST_COPY), figure(r->t[POST], POST));
		return;
	}
	printf("%u %u %u %u %lld", c->block, c->n, r->pages, r->layers, r->doorbells);
	for (int i = 0; i < N_TIMES; i++)
		printf(" %lld", figure(r->t[i], i));
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	/* With a page for each block, and with none. */
	static const struct kv_case counted[] = {
		{ 256, 1000 }, { 256, 10000 }, { 256, 100000 }, { 4096, 10000 }, { 4096, 100000 }
	};
	const struct kv_case *cases = kv_cases;
	struct dacc_bo *src, *dst;
	struct dacc_error err = { 0 };
	unsigned int n = N_CASES;
	struct result r;
	void *map;

	insns = argc == 2 && !strcmp(argv[1], "--insns");
	if (insns) {
		cases = counted;
		n = sizeof(counted) / sizeof(counted[0]);
	} else if (argc != 1) {
		fprintf(stderr, "usage: kv-transfer [--insns]\n");
		return 2;
	} else if (open_port()) {
		return 1;
	}
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
	for (unsigned int c = 0; c < n; c++) {
		if (run_case(&cases[c], &r))
			return 1;
		print(&cases[c], &r);
	}
	return 0;
}
