// SPDX-License-Identifier: GPL-2.0
/*
 * Power. In D3hot the device loses its registers and its SRAM.
 *
 * Runtime: it is suspended while there is no queue and nothing in SRAM. A suspended
 * device has hw_up false, so whoever looks at that under hw_lock needs no more;
 * all others that touch registers hold a reference by dacc_pm_get(). Queues hold one
 * for their whole life.
 *
 * System sleep: clients are frozen, their queues parked, SRAM is copied to host
 * memory and back.
 */
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"

static bool dacc_runtime_pm = true;
module_param_named(runtime_pm, dacc_runtime_pm, bool, 0444);
MODULE_PARM_DESC(runtime_pm, "Suspend the device while nobody has a queue or SRAM (default on)");

static unsigned int dacc_autosuspend_ms = 5000;
module_param_named(autosuspend_ms, dacc_autosuspend_ms, uint, 0444);
MODULE_PARM_DESC(autosuspend_ms,
		 "Milliseconds without use after which the device is suspended (default 5000)");

/**
 * dacc_pm_get - make sure that the registers answer
 * @dacc: device; the caller is inside drm_dev_enter(), or in probe or remove
 *
 * Process context, without hw_lock, and not on the way to signalling a fence.
 *
 * Return: 0: a reference to give back by dacc_pm_put(), or -EIO.
 */
int dacc_pm_get(struct dacc_device *dacc)
{
	int ret = pm_runtime_resume_and_get(dacc->drm.dev);

	if (ret < 0) {
		drm_err_ratelimited(&dacc->drm, "the device does not resume (%d)\n", ret);
		return -EIO;
	}
	return 0;
}

/**
 * dacc_pm_put - give up a reference of dacc_pm_get()
 * @dacc: device, perhaps unplugged meanwhile. Any context.
 */
void dacc_pm_put(struct dacc_device *dacc)
{
	pm_runtime_mark_last_busy(dacc->drm.dev);
	pm_runtime_put_autosuspend(dacc->drm.dev);
}

/**
 * dacc_pm_idle - SRAM was freed: perhaps the device can be suspended now
 * @dacc: device, perhaps unplugged. Any context.
 */
void dacc_pm_idle(struct dacc_device *dacc)
{
	/* Unplugged: it may have another driver. */
	if (!drm_dev_is_unplugged(&dacc->drm) && pm_runtime_enabled(dacc->drm.dev))
		pm_request_autosuspend(dacc->drm.dev);
}

static int dacc_pm_runtime_suspend(struct device *dev)
{
	struct dacc_device *dacc = dev_get_drvdata(dev);
	int ret = 0;

	/* Whoever allocates SRAM holds a reference meanwhile. */
	if (dacc_ttm_sram_used(dacc))
		return -EBUSY;
	mutex_lock(&dacc->hw_lock);
	if (dacc->hw_up)
		dacc_device_park(dacc);
	else
		ret = -EBUSY;
	mutex_unlock(&dacc->hw_lock);
	return ret;
}

static int dacc_pm_runtime_resume(struct device *dev)
{
	struct dacc_device *dacc = dev_get_drvdata(dev);

	mutex_lock(&dacc->hw_lock);
	/* A device that does not answer is wedged, which everybody checks for. */
	dacc_device_unpark(dacc, "runtime suspend");
	mutex_unlock(&dacc->hw_lock);
	return 0;
}

static u32 dacc_sram_granules(struct dacc_device *dacc)
{
	return dacc->sram_size / DACC_SRAM_ALIGN;
}

static void dacc_free_sram_image(struct dacc_device *dacc)
{
	u32 i;

	for (i = 0; dacc->sram_image && i < dacc_sram_granules(dacc); i++)
		kvfree(dacc->sram_image[i]);
	kvfree(dacc->sram_image);
	dacc->sram_image = NULL;
}

/*
 * All that is not zero, without a look at what it is used for. The device is
 * stopped and clients are frozen.
 */
static int dacc_save_sram(struct dacc_device *dacc)
{
	u32 i, n = dacc_sram_granules(dacc);
	void *granule = NULL;

	if (!dacc_ttm_sram_used(dacc))
		return 0;
	dacc->sram_image = kvcalloc(n, sizeof(*dacc->sram_image), GFP_KERNEL);
	if (!dacc->sram_image)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (!granule)
			granule = kvmalloc(DACC_SRAM_ALIGN, GFP_KERNEL | __GFP_RETRY_MAYFAIL);
		if (!granule) {
			dacc_free_sram_image(dacc);
			return -ENOMEM;
		}
		memcpy_fromio(granule, dacc->sram + (u64)i * DACC_SRAM_ALIGN, DACC_SRAM_ALIGN);
		if (!memchr_inv(granule, 0, DACC_SRAM_ALIGN))
			continue;
		dacc->sram_image[i] = granule;
		granule = NULL;
	}
	kvfree(granule);
	return 0;
}

/* What was free and not zero is zero now, as well it may. */
static void dacc_restore_sram(struct dacc_device *dacc)
{
	u32 i;

	if (!dacc->sram_image)
		return;
	for (i = 0; i < dacc_sram_granules(dacc); i++) {
		void __iomem *to = dacc->sram + (u64)i * DACC_SRAM_ALIGN;

		if (dacc->sram_image[i])
			memcpy_toio(to, dacc->sram_image[i], DACC_SRAM_ALIGN);
		else
			memset_io(to, 0, DACC_SRAM_ALIGN);
	}
	/* Reading back drains write-combining buffers and posted writes. */
	wmb();
	readl(dacc->sram);
	dacc_free_sram_image(dacc);
}

/*
 * Parked before any other device is suspended and started after all have resumed: a
 * transfer under way may be from a peer's memory.
 */
static int dacc_pm_prepare(struct device *dev)
{
	struct dacc_device *dacc = dev_get_drvdata(dev);

	pm_runtime_resume(dev);
	mutex_lock(&dacc->hw_lock);
	dacc->sleeping = true;
	dacc_device_park(dacc);
	mutex_unlock(&dacc->hw_lock);
	/*
	 * It could not have the device's lock now, which the PM core holds, but get it
	 * later, in the middle. None starts anew: only a device that is up fails to reset.
	 */
	cancel_delayed_work_sync(&dacc->flr_work);
	return 0;
}

static void dacc_pm_complete(struct device *dev)
{
	struct dacc_device *dacc = dev_get_drvdata(dev);

	mutex_lock(&dacc->hw_lock);
	dacc->sleeping = false;
	if (dacc->cut_off)
		mod_delayed_work(dacc->reset_wq, &dacc->flr_work, 0);
	else if (!dacc->wedged)
		dacc_device_unpark(dacc, "system sleep");
	mutex_unlock(&dacc->hw_lock);
}

static int dacc_pm_suspend(struct device *dev)
{
	struct dacc_device *dacc = dev_get_drvdata(dev);
	int ret = dacc_save_sram(dacc);

	if (ret)
		drm_err(&dacc->drm, "no memory to keep the contents of SRAM in\n");
	return ret;
}

static int dacc_pm_resume(struct device *dev)
{
	dacc_restore_sram(dev_get_drvdata(dev));
	return 0;
}

const struct dev_pm_ops dacc_pm_ops = {
	.prepare = pm_sleep_ptr(dacc_pm_prepare),
	.complete = pm_sleep_ptr(dacc_pm_complete),
	SYSTEM_SLEEP_PM_OPS(dacc_pm_suspend, dacc_pm_resume)
	RUNTIME_PM_OPS(dacc_pm_runtime_suspend, dacc_pm_runtime_resume, NULL)
};

/**
 * dacc_pm_init - from here on the device may be suspended
 * @dacc: device at the end of probe
 */
void dacc_pm_init(struct dacc_device *dacc)
{
	struct device *dev = dacc->drm.dev;

	pm_runtime_set_autosuspend_delay(dev, dacc_autosuspend_ms);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_mark_last_busy(dev);
	if (dacc_runtime_pm)
		pm_runtime_allow(dev);
	/* The PCI core's reference for probe. */
	pm_runtime_put_autosuspend(dev);
}

/**
 * dacc_pm_fini - undo dacc_pm_init(), in remove; the device is up
 * @dacc: device
 */
void dacc_pm_fini(struct dacc_device *dacc)
{
	struct device *dev = dacc->drm.dev;

	pm_runtime_get_sync(dev);
	if (dacc_runtime_pm)
		pm_runtime_forbid(dev);
	pm_runtime_dont_use_autosuspend(dev);
}
