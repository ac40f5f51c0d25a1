// SPDX-License-Identifier: GPL-2.0
/*
 * MSI-X: vector 0 for device events, the others for queues. With fewer vectors
 * than queues, queues share them.
 */
#include <linux/interrupt.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_hwmon.h"
#include "dacc_mmio.h"

/**
 * dacc_irq_vector - the vector of a hardware queue
 * @dacc: device
 * @hwq: hardware queue
 *
 * Return: MSI-X vector, never DACC_VECTOR_EVENT.
 */
u32 dacc_irq_vector(struct dacc_device *dacc, u32 hwq)
{
	return 1 + hwq % (dacc->nvec - 1);
}

/**
 * dacc_irq_synchronize - wait for the interrupt handler of a hardware queue
 * @dacc: device
 * @hwq: hardware queue, whose entry in dacc_device.queues was cleared
 */
void dacc_irq_synchronize(struct dacc_device *dacc, u32 hwq)
{
	if (dacc->irqs)
		synchronize_irq(dacc->vectors[dacc_irq_vector(dacc, hwq)].irq);
}

static irqreturn_t dacc_queue_irq(int irq, void *data)
{
	struct dacc_vector *vector = data;
	struct dacc_device *dacc = vector->dacc;
	u32 hwq;

	/* The inverse of dacc_irq_vector(). */
	for (hwq = vector->index - 1; hwq < dacc->num_queues; hwq += dacc->nvec - 1) {
		/* Paired with the release in dacc_queue_attach(). */
		struct dacc_queue *queue = smp_load_acquire(&dacc->queues[hwq]);

		if (queue)
			dacc_queue_complete(queue);
	}
	return IRQ_HANDLED;
}

/*
 * A queue that halted on a descriptor has a completion record, which
 * dacc_queue_complete() deals with. Here it is about one that halted without.
 */
static void dacc_event_halt(struct dacc_device *dacc)
{
	u32 hwq;

	mutex_lock(&dacc->hw_lock);
	for (hwq = 0; dacc->hw_up && hwq < dacc->num_queues; hwq++) {
		struct dacc_queue *queue = dacc->queues[hwq];
		u32 status;

		if (!queue)
			continue;
		if (dacc_read32(dacc, dacc_queue_reg(hwq, DACC_QUEUE_STATE)) != DACC_QUEUE_HALTED)
			continue;
		dacc_queue_complete(queue);
		if (queue->user)
			dacc_userq_read_fault(queue);
		status = dacc_read32(dacc, dacc_queue_reg(hwq, DACC_QUEUE_FAULT));
		dacc_queue_fail(queue, DRM_DACC_QUEUE_FAULTED, -EIO, -ECANCELED, status);
	}
	mutex_unlock(&dacc->hw_lock);
}

static irqreturn_t dacc_event_irq(int irq, void *data)
{
	struct dacc_vector *vector = data;
	struct dacc_device *dacc = vector->dacc;
	u32 events;
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return IRQ_NONE;
	events = dacc_read32(dacc, DACC_REG_EVENT);
	if (PCI_POSSIBLE_ERROR(events)) {
		drm_dev_exit(idx);
		return IRQ_NONE;
	}
	dacc_write32(dacc, DACC_REG_EVENT, events);
	if (events & DACC_EVENT_QUEUE_HALT)
		dacc_event_halt(dacc);
	if (events & DACC_EVENT_LINK)
		queue_work(dacc->wq, &dacc->link_work);
	if (events & DACC_EVENT_THERMAL)
		dacc_hwmon_thermal(dacc);
	if (events & DACC_EVENT_FATAL)
		dacc_device_reset(dacc, "the device reports a fatal error");
	drm_dev_exit(idx);
	return IRQ_HANDLED;
}

/**
 * dacc_irq_init - install the interrupt handlers
 * @dacc: device
 *
 * Return: 0 or a negative errno; what was installed is left to
 * dacc_irq_fini().
 */
int dacc_irq_init(struct dacc_device *dacc)
{
	struct pci_dev *pdev = dacc->pdev;
	int want = min_t(int, dacc->num_queues + 1, DACC_MSIX_VECTORS);
	int i, ret;

	ret = pci_alloc_irq_vectors(pdev, 2, want, PCI_IRQ_MSIX);
	if (ret < 0) {
		drm_err(&dacc->drm, "no MSI-X vectors (%d)\n", ret);
		return ret;
	}
	dacc->nvec = ret;

	for (i = 0; i < dacc->nvec; i++) {
		struct dacc_vector *vector = &dacc->vectors[i];
		int irq = pci_irq_vector(pdev, i);

		vector->dacc = dacc;
		vector->index = i;
		/* pci_irq_vector() takes a lock under which others allocate. */
		vector->irq = irq;
		if (i == DACC_VECTOR_EVENT)
			ret = request_threaded_irq(irq, NULL, dacc_event_irq, IRQF_ONESHOT,
						   "dacc-event", vector);
		else
			ret = request_irq(irq, dacc_queue_irq, 0, "dacc-queue", vector);
		if (ret)
			return ret;
		dacc->irqs = i + 1;
	}
	return 0;
}

/**
 * dacc_irq_fini - remove the interrupt handlers; none runs afterwards
 * @dacc: device
 */
void dacc_irq_fini(struct dacc_device *dacc)
{
	while (dacc->irqs) {
		dacc->irqs--;
		free_irq(pci_irq_vector(dacc->pdev, dacc->irqs), &dacc->vectors[dacc->irqs]);
	}
	if (dacc->nvec > 0)
		pci_free_irq_vectors(dacc->pdev);
	dacc->nvec = 0;
}
