// SPDX-License-Identifier: GPL-2.0
/*
 * Tells userspace, by the "device wedged" uevent of DRM, that the device was reset
 * or is out of order. drm_dev_wedged_event() sends it from the primary node, which an
 * accel device has not, so this sends the same from the accel node.
 */
#include <linux/kobject.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "dacc_device.h"

static void dacc_wedged_work(struct work_struct *work)
{
	struct dacc_device *dacc = container_of(work, struct dacc_device, wedged_work);
	unsigned long events = xchg(&dacc->wedged_events, 0);
	char *env[2] = { NULL, NULL };
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return;
	/* The accel node appears last in probe and goes first in remove. */
	if (dacc->drm.registered && dacc->drm.accel) {
		struct kobject *kobj = &dacc->drm.accel->kdev->kobj;

		if (events & BIT(DACC_WEDGED_RECOVERED)) {
			env[0] = "WEDGED=none";
			kobject_uevent_env(kobj, KOBJ_CHANGE, env);
		}
		if (events & BIT(DACC_WEDGED_LOST)) {
			env[0] = "WEDGED=rebind,bus-reset";
			kobject_uevent_env(kobj, KOBJ_CHANGE, env);
		}
	}
	drm_dev_exit(idx);
}

/**
 * dacc_wedged_init - prepare for dacc_wedged_report()
 * @dacc: device
 */
void dacc_wedged_init(struct dacc_device *dacc)
{
	INIT_WORK(&dacc->wedged_work, dacc_wedged_work);
}

/**
 * dacc_wedged_fini - nothing is reported afterwards
 * @dacc: device, unplugged and stopped
 */
void dacc_wedged_fini(struct dacc_device *dacc)
{
	cancel_work_sync(&dacc->wedged_work);
}

/**
 * dacc_wedged_report - have userspace told
 * @dacc: device
 * @event: what happened
 *
 * Any context, also on the way to signalling a fence: a work item on a queue that
 * no fence depends on does what allocates.
 */
void dacc_wedged_report(struct dacc_device *dacc, enum dacc_wedged_event event)
{
	set_bit(event, &dacc->wedged_events);
	queue_work(system_unbound_wq, &dacc->wedged_work);
}
