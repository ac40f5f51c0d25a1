/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _DACC_HWMON_H
#define _DACC_HWMON_H

#include <linux/kconfig.h>

struct dacc_device;

#if IS_REACHABLE(CONFIG_HWMON)
void dacc_hwmon_init(struct dacc_device *dacc);
void dacc_hwmon_thermal(struct dacc_device *dacc);
#else
static inline void dacc_hwmon_init(struct dacc_device *dacc)
{
}

static inline void dacc_hwmon_thermal(struct dacc_device *dacc)
{
}
#endif

#endif /* _DACC_HWMON_H */
