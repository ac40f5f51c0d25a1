// SPDX-License-Identifier: GPL-2.0
/* Test knobs in debugfs: fail points in the hardware's answers, jobs that do not run. */
#include <linux/debugfs.h>

#include <drm/drm_managed.h>

#include "dacc_device.h"
#include "dacc_fault.h"

/**
 * dacc_fault_init - create the knobs, all off
 * @dacc: device with its debugfs folder
 *
 * Without memory there are no knobs.
 */
void dacc_fault_init(struct dacc_device *dacc)
{
	static const char * const names[] = {
		[DACC_FAULT_POLL] = "fail_poll",
		[DACC_FAULT_TLB] = "fail_tlb",
		[DACC_FAULT_ENABLE] = "fail_enable",
		[DACC_FAULT_COUNTS] = "fail_counts",
	};
	struct dentry *root = dacc->drm.debugfs_root;
	struct dacc_faults *faults;
	unsigned int i;

	faults = drmm_kzalloc(&dacc->drm, sizeof(*faults), GFP_KERNEL);
	if (!faults)
		return;
	for (i = 0; i < DACC_FAULT_COUNT; i++) {
		faults->attr[i] = (struct fault_attr)FAULT_ATTR_INITIALIZER;
		fault_create_debugfs_attr(names[i], root, &faults->attr[i]);
	}
	debugfs_create_bool("null_submission", 0600, root, &faults->null_submission);
	dacc->faults = faults;
}

/**
 * dacc_fault - is this to fail?
 * @dacc: device
 * @point: where this is
 *
 * Return: true if so.
 */
bool dacc_fault(struct dacc_device *dacc, enum dacc_fault_point point)
{
	struct fault_attr *attr;

	if (!dacc->faults)
		return false;
	attr = &dacc->faults->attr[point];
	/* fail-nth is about allocations; it does not ask for these. */
	return READ_ONCE(attr->probability) && should_fail(attr, 1);
}
