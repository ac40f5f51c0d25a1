// SPDX-License-Identifier: GPL-2.0
/*
 * Tells lockdep at once what must hold, so that code which breaks it is found the
 * first time it runs and not when memory is short.
 */
#include <linux/sched/mm.h>

#include "dacc_device.h"

static void dacc_prime_fence_critical(struct mutex *lock)
{
	bool cookie;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	/* Taken on the way to signalling a fence, ... */
	cookie = dma_fence_begin_signalling();
	might_lock(lock);
	dma_fence_end_signalling(cookie);
	/* ... which reclaim may wait for: so nothing is allocated under it. */
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(lock);
	fs_reclaim_release(GFP_KERNEL);
}

/**
 * dacc_device_prime_lockdep - for the device's locks
 * @dacc: device with its locks
 */
void dacc_device_prime_lockdep(struct dacc_device *dacc)
{
	dacc_prime_fence_critical(&dacc->hw_lock);
}

/**
 * dacc_queue_prime_lockdep - for a queue's locks
 * @queue: queue that nobody else knows yet
 */
void dacc_queue_prime_lockdep(struct dacc_queue *queue)
{
	dacc_prime_fence_critical(&queue->run_lock);
}
