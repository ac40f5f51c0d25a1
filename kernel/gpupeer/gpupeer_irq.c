// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: take events and completion records. The device may be wrong or
 * hostile, so nothing of what it writes is used before it is checked.
 */
#include <linux/interrupt.h>

#include <drm/drm_print.h>

#include "gpupeer.h"

static int status_to_errno(u32 status)
{
	switch (status) {
	case GPUPEER_STATUS_OK:
		return 0;
	case GPUPEER_STATUS_BAD_JOB:
		return -EINVAL;
	case GPUPEER_STATUS_BAD_ADDRESS:
		return -EFAULT;
	case GPUPEER_STATUS_BAD_PROGRAM:
		return -ENOEXEC;
	default:
		return -EIO;
	}
}

/* The job with a descriptor number, if it is on the ring. */
static struct gpupeer_job *ring_job(struct gpupeer_device *gdev, u64 seq)
{
	if (seq <= gdev->completed || seq > gdev->produced)
		return NULL;
	return gdev->inflight[(seq - 1) % GPUPEER_RING_ENTRIES];
}

static void take_events(struct gpupeer_device *gdev)
{
	u64 count = READ_ONCE(gdev->shared->event_count);

	/* Records are written before the count. */
	dma_rmb();
	if (count < gdev->event_seen) {
		drm_err_ratelimited(&gdev->drm, "event count went back from %llu to %llu\n",
				    gdev->event_seen, count);
		return;
	}
	/*
	 * A program may have more SIGNALs than points, and overwrite events.
	 * The last ones say all that the lost ones did, but for their time.
	 */
	if (count - gdev->event_seen > GPUPEER_NUM_EVENTS)
		gdev->event_seen = count - GPUPEER_NUM_EVENTS;

	for (; gdev->event_seen < count; gdev->event_seen++) {
		struct gpupeer_event ev =
			gdev->shared->event[gdev->event_seen % GPUPEER_NUM_EVENTS];
		struct gpupeer_job *job = ring_job(gdev, ev.seq);

		if (job)
			gpupeer_job_event(job, ev.value, ev.time);
		else
			drm_err_ratelimited(&gdev->drm, "event for job %llu, which is not running\n",
					    ev.seq);
	}
}

static void take_completions(struct gpupeer_device *gdev, u64 count)
{
	while (gdev->completed < count) {
		unsigned int slot = gdev->completed % GPUPEER_RING_ENTRIES;
		struct gpupeer_cpl cpl = gdev->shared->cpl[slot];
		struct gpupeer_job *job = gdev->inflight[slot];
		bool valid = cpl.seq == job->seq && cpl.cookie == lower_32_bits(job->seq);
		int error;

		if (!valid) {
			drm_err_ratelimited(&gdev->drm, "job %llu has the record of %llu\n",
					    job->seq, cpl.seq);
			gpupeer_watchdog_bad_record(gdev);
			return;
		}
		error = status_to_errno(cpl.status);
		if (error)
			drm_dbg(&gdev->drm, "job %llu failed: status %u index %u detail %u\n",
				job->seq, cpl.status, cpl.index, cpl.detail);
		gdev->inflight[slot] = NULL;
		gdev->completed++;
		if (gdev->completed != gdev->produced)
			gpupeer_watchdog_head(gdev);
		gpupeer_job_end(job, error, &cpl);
	}
}

/**
 * gpupeer_ring_process() - take what the device has reported
 * @gdev: device.
 */
void gpupeer_ring_process(struct gpupeer_device *gdev)
{
	bool cookie = dma_fence_begin_signalling();
	unsigned long flags;
	u64 count;

	spin_lock_irqsave(&gdev->ring_lock, flags);
	if (!gdev->running || gdev->bad_record)
		goto out_unlock;
	/*
	 * The completions first: events that a completed job has reported are
	 * then there too, and are taken before its end.
	 */
	count = READ_ONCE(gdev->shared->cpl_count);
	dma_rmb();
	take_events(gdev);
	if (count >= gdev->completed && count <= gdev->produced) {
		take_completions(gdev, count);
	} else {
		drm_err_ratelimited(&gdev->drm, "completion count %llu is not in %llu..%llu\n",
				    count, gdev->completed, gdev->produced);
		/* Without a job there is nothing that a reset would save. */
		if (gdev->completed != gdev->produced)
			gpupeer_watchdog_bad_record(gdev);
	}
out_unlock:
	spin_unlock_irqrestore(&gdev->ring_lock, flags);
	dma_fence_end_signalling(cookie);
}

static irqreturn_t irq_thread(int irq, void *data)
{
	gpupeer_ring_process(data);
	return IRQ_HANDLED;
}

/**
 * gpupeer_irq_init() - set up the interrupts
 * @gdev: device.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_irq_init(struct gpupeer_device *gdev)
{
	struct pci_dev *pdev = gdev->pdev;
	int ret, i;

	ret = pci_alloc_irq_vectors(pdev, GPUPEER_MSIX_VECTORS, GPUPEER_MSIX_VECTORS,
				    PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;
	for (i = 0; i < GPUPEER_MSIX_VECTORS; i++) {
		ret = request_threaded_irq(pci_irq_vector(pdev, i), NULL, irq_thread, IRQF_ONESHOT,
					   i == GPUPEER_VECTOR_EVENT ? "gpupeer-event" :
								       "gpupeer-completion",
					   gdev);
		if (ret)
			goto err_free;
	}
	return 0;

err_free:
	while (i--)
		free_irq(pci_irq_vector(pdev, i), gdev);
	pci_free_irq_vectors(pdev);
	return ret;
}

/**
 * gpupeer_irq_fini() - take the interrupts down
 * @gdev: device, stopped.
 */
void gpupeer_irq_fini(struct gpupeer_device *gdev)
{
	int i;

	for (i = 0; i < GPUPEER_MSIX_VECTORS; i++)
		free_irq(pci_irq_vector(gdev->pdev, i), gdev);
	pci_free_irq_vectors(gdev->pdev);
}
