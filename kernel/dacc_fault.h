/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test knobs: only in kernels that are for tests (CONFIG_FAULT_INJECTION_DEBUG_FS),
 * nothing in others.
 */
#ifndef _DACC_FAULT_H
#define _DACC_FAULT_H

#include <linux/error-injection.h>
#include <linux/fault-inject.h>
#include <linux/kconfig.h>

#include "dacc_device.h"

/**
 * enum dacc_fault_point - what can be made to fail
 * @DACC_FAULT_POLL: any wait for a register times out.
 * @DACC_FAULT_TLB: the wait for a TLB invalidation does.
 * @DACC_FAULT_ENABLE: the device refuses a queue.
 * @DACC_FAULT_COUNTS: the counts of user queues read as all ones.
 * @DACC_FAULT_COUNT: number of points.
 */
enum dacc_fault_point {
	DACC_FAULT_POLL,
	DACC_FAULT_TLB,
	DACC_FAULT_ENABLE,
	DACC_FAULT_COUNTS,
	DACC_FAULT_COUNT,
};

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
/**
 * struct dacc_faults - test knobs of a device, in debugfs
 * @attr: fail points: folders fail_poll, fail_tlb, fail_enable, fail_counts, as of
 *	failslab.
 * @null_submission: jobs of SUBMIT complete without running.
 */
struct dacc_faults {
	struct fault_attr attr[DACC_FAULT_COUNT];
	bool null_submission;
};

void dacc_fault_init(struct dacc_device *dacc);
bool dacc_fault(struct dacc_device *dacc, enum dacc_fault_point point);

static inline bool dacc_null_submission(struct dacc_device *dacc)
{
	return dacc->faults && READ_ONCE(dacc->faults->null_submission);
}

/* For fail_function, by name. */
#define DACC_ALLOW_ERROR_INJECTION(function)	ALLOW_ERROR_INJECTION(function, ERRNO)
#else
static inline void dacc_fault_init(struct dacc_device *dacc)
{
}

static inline bool dacc_fault(struct dacc_device *dacc, enum dacc_fault_point point)
{
	return false;
}

static inline bool dacc_null_submission(struct dacc_device *dacc)
{
	return false;
}

#define DACC_ALLOW_ERROR_INJECTION(function)	static_assert(sizeof(#function) > 1)
#endif

#endif /* _DACC_FAULT_H */
