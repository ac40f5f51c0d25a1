// SPDX-License-Identifier: GPL-2.0
/*
 * Resets of the PCI function from outside (sysfs, VFIO) and PCI errors. The PCI
 * core holds the device's lock over each of these, so remove, probe and system
 * sleep do not come in between.
 */
#include <linux/pci.h>

#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"

static void dacc_pci_reset_prepare(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);
	bool cookie = dma_fence_begin_signalling();

	mutex_lock(&dacc->hw_lock);
	dacc_device_park(dacc);
	/* Memory decoding is about to be switched off, or the link is dead. */
	if (!dacc->sleeping)
		dacc_sram_revoke(dacc);
	mutex_unlock(&dacc->hw_lock);
	dma_fence_end_signalling(cookie);
}

static void dacc_pci_wait_for_reset(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	dacc_pci_reset_prepare(pdev);
	mutex_lock(&dacc->hw_lock);
	dacc_device_expect_recovery(dacc);
	mutex_unlock(&dacc->hw_lock);
}

static void dacc_pci_reset_done(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);
	bool cookie = dma_fence_begin_signalling();

	mutex_lock(&dacc->hw_lock);
	dacc_device_unpark(dacc, "a reset of the PCI function");
	mutex_unlock(&dacc->hw_lock);
	dma_fence_end_signalling(cookie);
}

static bool dacc_is_healthy(struct dacc_device *dacc)
{
	return dacc_read32(dacc, DACC_REG_ID) == DACC_ID_MAGIC &&
	       !(dacc_read32(dacc, DACC_REG_STATUS) & DACC_DEVSTAT_FATAL);
}

/*
 * An error that is not fatal left the link usable: a single transaction failed. The
 * job that it belonged to, if any, got DACC_STATUS_BUS_ERROR, so the device only
 * has to be looked at. A fatal one cuts the device off until the slot is reset;
 * queues are parked until then, but not for ever.
 */
static pci_ers_result_t dacc_pci_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);
	bool cookie;

	switch (state) {
	case pci_channel_io_normal:
		drm_warn(&dacc->drm, "a PCI error that is not fatal\n");
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		drm_err(&dacc->drm, "a fatal PCI error: waiting for the slot's reset\n");
		dacc_pci_wait_for_reset(pdev);
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		drm_err(&dacc->drm, "the PCI function failed for good\n");
		cookie = dma_fence_begin_signalling();
		mutex_lock(&dacc->hw_lock);
		dacc_device_park(dacc);
		dacc_device_wedge(dacc);
		mutex_unlock(&dacc->hw_lock);
		dma_fence_end_signalling(cookie);
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

/* Registers answer again; only after an error that was not fatal. */
static pci_ers_result_t dacc_pci_mmio_enabled(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);
	bool up;

	mutex_lock(&dacc->hw_lock);
	up = !dacc->hw_up || dacc_is_healthy(dacc);
	mutex_unlock(&dacc->hw_lock);
	if (up)
		return PCI_ERS_RESULT_RECOVERED;
	dacc_pci_wait_for_reset(pdev);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t dacc_pci_slot_reset(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	/* Restoring takes the saved state away. */
	pci_restore_state(pdev);
	pci_save_state(pdev);
	/* After an error that was not fatal the slot was not reset. */
	pci_clear_master(pdev);
	dacc_pci_reset_prepare(pdev);
	dacc_pci_reset_done(pdev);
	return READ_ONCE(dacc->hw_up) ? PCI_ERS_RESULT_RECOVERED : PCI_ERS_RESULT_DISCONNECT;
}

static void dacc_pci_resume(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	/* Another function's driver may have failed: then there was no slot_reset. */
	if (!READ_ONCE(dacc->hw_up) && !READ_ONCE(dacc->wedged))
		dacc_pci_reset_done(pdev);
	drm_info(&dacc->drm, "PCI error recovery: %s\n",
		 READ_ONCE(dacc->hw_up) ? "done" : "the device is out of order");
}

const struct pci_error_handlers dacc_pci_err_handlers = {
	.error_detected = dacc_pci_error_detected,
	.mmio_enabled = dacc_pci_mmio_enabled,
	.slot_reset = dacc_pci_slot_reset,
	.resume = dacc_pci_resume,
	.reset_prepare = dacc_pci_reset_prepare,
	.reset_done = dacc_pci_reset_done,
};
