/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KV pages: pools, prepared lists and transfers. See Documentation/kv.rst.
 *
 * Lock order: dacc_file.lock, then dacc_vm.lock, then dacc_pool.lock, which is a
 * leaf; a transfer's state is under dacc_queue.lock and .run_lock.
 */
#ifndef _DACC_KV_H
#define _DACC_KV_H

#include <linux/hrtimer.h>

#include "dacc_blocks.h"
#include "dacc_device.h"
#include "dacc_pages.h"

struct dacc_layer;

/**
 * struct dacc_pool - pages in an address space
 * @ref: the id holds one, and so does each list.
 * @vm: address space; holds a reference.
 * @user: who is charged; holds a reference.
 * @charged: to DRM_DACC_LIMIT_HOST_BYTES.
 * @link: in dacc_vm.pools.
 * @addr: virtual address of page 0.
 * @size: bytes of all pages.
 * @page_size: bytes of a page.
 * @lock: protects all below.
 * @pages: who has which.
 * @dead: no id names it any more; its lists are stale.
 * @transfers: that own pages, by dacc_transfer.pool_link.
 * @idle: woken when @transfers is empty.
 */
struct dacc_pool {
	struct kref ref;
	struct dacc_vm *vm;
	struct dacc_user *user;
	u64 charged;
	struct list_head link;
	u64 addr;
	u64 size;
	u32 page_size;
	struct mutex lock; /* all below */
	struct dacc_pages pages;
	bool dead;
	struct list_head transfers;
	wait_queue_head_t idle;
};

/**
 * struct dacc_list_layer - a layer of a list
 * @first: its first block.
 * @n: blocks.
 * @bytes: payload.
 */
struct dacc_list_layer {
	u32 first;
	u32 n;
	u64 bytes;
};

/**
 * struct dacc_list - blocks to transfer, encoded for the device
 * @ref: the id holds one, and so does each transfer.
 * @vm: address space; holds a reference.
 * @pool: whose pages it writes, with a reference, or NULL.
 * @user: who is charged; holds a reference.
 * @charged: to DRM_DACC_LIMIT_HOST_BYTES, beside what @bo is charged with.
 * @n_pages: handles in @pages.
 * @pages: handles, each one once.
 * @seen: scratch of dacc_list_pages_done(), a bit for each page of the pool.
 *	Under dacc_pool.lock.
 * @n_layers: layers.
 * @layers: what each one has.
 * @bo: memory of the block table.
 * @map: where the CPU sees it; read only once it was checked.
 * @blocks: the table.
 * @node: where the device sees it, in the kernel half, read only.
 */
struct dacc_list {
	struct kref ref;
	struct dacc_vm *vm;
	struct dacc_pool *pool;
	struct dacc_user *user;
	u64 charged;
	u32 n_pages;
	u64 *pages;
	unsigned long *seen;
	u32 n_layers;
	struct dacc_list_layer *layers;
	struct dacc_bo *bo;
	struct iosys_map map;
	struct dacc_block *blocks;
	struct drm_mm_node node;
};

/**
 * struct dacc_layer - a layer of a transfer
 * @job: its descriptor.
 * @transfer: transfer.
 * @in: what it waits for, or NULL. Read under dacc_queue.run_lock.
 * @fence: signalled when it has ended.
 * @chain: for its timeline point, until that is made.
 */
struct dacc_layer {
	struct dacc_job job;
	struct dacc_transfer *transfer;
	struct dma_fence *in;
	struct dma_fence *fence;
	struct dma_fence_chain *chain;
};

/**
 * struct dacc_transfer - a KV transfer
 * @ref: one for its way to the end, one for its id if it is to be waited for.
 * @file: client; valid until it has ended.
 * @queue: queue; holds a reference.
 * @list: list, likewise.
 * @batch: its implicit fences, for the first layer.
 * @user: who is charged; holds a reference.
 * @id: id in the file.
 * @flags: DRM_DACC_TRANSFER_*.
 * @first_layer: first layer of the list.
 * @context: fence context.
 * @out: syncobj of the timeline, or NULL.
 * @out_point: point of the first layer.
 * @bytes: charged to DRM_DACC_LIMIT_TRANSFER_BYTES.
 * @owns: it is in @pool_link and owns the pages of its list.
 * @pool_link: in dacc_pool.transfers.
 * @link: in dacc_queue.transfers, until it has ended. Written under run_lock and
 *	lock of the queue.
 * @cb: tells that @waiting has signalled.
 * @waiting: fence that @cb is in, or NULL. Under dacc_queue.run_lock.
 * @error: why it is being stopped. Under dacc_queue.lock, as are all below.
 * @pushed: its queue knows it.
 * @failed: a layer failed.
 * @finished: every layer has ended; @end_work is under way.
 * @next: first layer that is not in the ring.
 * @ended: layers that have ended.
 * @result: so far.
 * @deadline_ns: as given.
 * @deadline: stops it.
 * @end_work: releases the pages, then tells the client.
 * @event: what it is told, with DRM_DACC_TRANSFER_EVENT.
 * @done: @result is final; for TRANSFER_WAIT.
 * @wait: woken then.
 * @n_layers: layers.
 * @layers: the layers.
 */
struct dacc_transfer {
	struct kref ref;
	struct drm_file *file;
	struct dacc_queue *queue;
	struct dacc_list *list;
	struct dacc_batch *batch;
	struct dacc_user *user;
	u32 id;
	u32 flags;
	u32 first_layer;
	u64 context;
	struct drm_syncobj *out;
	u64 out_point;
	u64 bytes;
	bool owns;
	struct list_head pool_link;
	struct list_head link;
	struct dma_fence_cb cb;
	struct dma_fence *waiting;
	int error;
	bool pushed;
	bool failed;
	bool finished;
	u32 next;
	u32 ended;
	struct drm_dacc_transfer_result result;
	s64 deadline_ns;
	struct hrtimer deadline;
	struct work_struct end_work;
	struct dacc_transfer_event *event;
	bool done;
	wait_queue_head_t wait;
	u32 n_layers;
	struct dacc_layer layers[] __counted_by(n_layers);
};

/**
 * struct dacc_transfer_event - what read() gets
 * @base: of DRM.
 * @event: the event itself.
 */
struct dacc_transfer_event {
	struct drm_pending_event base;
	struct drm_dacc_event event;
};

/* dacc_pool.c */
struct dacc_pool *dacc_pool_get(struct dacc_file *file, u32 id);
void dacc_pool_put(struct dacc_pool *pool);
void dacc_pool_targets(struct dacc_pool *pool, struct dacc_targets *targets);
int dacc_pool_own(struct dacc_transfer *transfer, u32 *bad);
void dacc_pool_disown(struct dacc_transfer *transfer);

/* dacc_list.c */
struct dacc_list *dacc_list_get(struct dacc_file *file, u32 id);
void dacc_list_put(struct dacc_list *list);
u32 dacc_list_pages_left(struct dacc_list *list, u32 layer, u32 block, u32 end_layer);

/* dacc_transfer.c */
void dacc_transfer_put(struct dacc_transfer *transfer);
void dacc_transfer_stop(struct dacc_transfer *transfer, int error);
void dacc_transfer_layer_ended(struct dacc_job *job, const struct drm_dacc_result *result);
enum hrtimer_restart dacc_transfer_deadline(struct hrtimer *timer);
void dacc_transfer_end_work(struct work_struct *work);
void dacc_file_transfer_ended(struct dacc_file *file);
void dacc_file_wait_idle(struct dacc_file *file);

#endif /* _DACC_KV_H */
