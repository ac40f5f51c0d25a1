// SPDX-License-Identifier: MIT
/*
 * kv-import: pages of a paged KV cache from another device's buffer, in short.
 *
 * The source is any dma-buf (of a GPU driver, or of this chip's own host memory, as
 * here): layer after layer, each with a block for every page. The pages that a request
 * got come in any order. Whoever waits for layer l waits for point 1 + l.
 *
 *   cc kv-import.c $(pkg-config --cflags --libs libdacc)
 */
#include <stdio.h>
#include <string.h>

#include <dacc/dacc.h>

#define LAYERS 4u
#define PAGES  8u
#define BLOCK  4096u            /* bytes of a layer in a page */
#define PAGE   (LAYERS * BLOCK) /* a page has all layers */

static struct dacc_device *dev;

static int give_up(const char *what)
{
	struct dacc_error err = { 0 };

	dacc_device_error(dev, &err);
	fprintf(stderr, "kv-import: %s: %s\n", what, err.text);
	return 1;
}

int main(void)
{
	static uint32_t index[PAGES] = { 3, 1, 4, 0, 5, 7, 2, 6 }; /* blocks of the source */
	uint64_t pages[PAGES], src, dst, id;
	struct dacc_pool_args pool_args = { .size = sizeof(pool_args),
					    .page_bytes = PAGE,
					    .n_pages = 64 };
	struct dacc_list_args list_args = { .size = sizeof(list_args),
					    .form = DACC_LIST_INDEXED,
					    .n_layers = LAYERS };
	struct dacc_transfer_args post = { .size = sizeof(post) };
	struct dacc_transfer_result result;
	struct dacc_bo *from, *kv;
	struct dacc_queue *queue;
	struct dacc_error err;
	struct dacc_pool *pool;
	struct dacc_list *list;
	struct dacc_vm *vm;
	unsigned int owned;
	void *data;

	if (dacc_device_open(NULL, &dev, &err)) {
		fprintf(stderr, "kv-import: %s\n", err.text);
		return 1;
	}
	if (dacc_vm_create(dev, &vm) || dacc_queue_create(vm, DACC_CLASS_TRANSFER, 64, &queue))
		return give_up("queue");

	/* Where it comes from: commonly dacc_bo_import() of another driver's dma-buf. */
	if (dacc_bo_create(dev, PAGES * PAGE, DACC_BO_HOST, &from) || dacc_bo_map(from, &data) ||
	    dacc_vm_map(vm, from, 0, 0, DACC_VM_READONLY, &src))
		return give_up("source");
	memset(data, 0x5a, PAGES * PAGE);

	/* Where it goes: a pool, made once; pages of it for each request. */
	if (dacc_bo_create(dev, 64 * PAGE, DACC_BO_SRAM, &kv) || dacc_vm_map(vm, kv, 0, 0, 0, &dst))
		return give_up("KV cache");
	pool_args.va = dst;
	if (dacc_pool_create(vm, &pool_args, &pool) || dacc_pool_alloc(pool, pages, PAGES))
		return give_up("pages");

	/* Prepared once, posted as often as you like. */
	list_args.pool = pool;
	list_args.pages = pages;
	list_args.n_pages = PAGES;
	list_args.indexed.src = src;
	list_args.indexed.src_layer = PAGES * BLOCK;
	list_args.indexed.src_stride = BLOCK;
	list_args.indexed.dst_layer = BLOCK;
	list_args.indexed.src_index = index;
	list_args.indexed.block_bytes = BLOCK;
	if (dacc_list_create(vm, &list_args, &list))
		return give_up("list");

	/* No call for a layer, none for a block; a decode may wait for any of the points. */
	if (dacc_syncobj_create(dev, &post.out.handle))
		return give_up("timeline");
	post.out.point = 1;
	post.deadline = dacc_deadline(10000000000ll);
	if (dacc_transfer_post(queue, list, &post, &id))
		return give_up("post");

	/* Freeing does not wait either: the pages stay the transfer's until it has ended. */
	if (dacc_pool_free(pool, pages, PAGES, &owned))
		return give_up("free");
	if (dacc_transfer_wait(dev, id, dacc_deadline(20000000000ll), &result, sizeof(result)))
		return give_up("wait");
	printf("error %d, %u layers, %u pages, %llu bytes\n", result.error, result.layers_done,
	       result.pages_done, (unsigned long long)result.bytes);

	dacc_list_destroy(list);
	dacc_pool_destroy(pool);
	dacc_syncobj_destroy(dev, post.out.handle);
	dacc_queue_destroy(queue);
	dacc_bo_destroy(kv);
	dacc_bo_destroy(from);
	dacc_vm_destroy(vm);
	dacc_device_close(dev);
	return result.error != 0;
}
