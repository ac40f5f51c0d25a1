// SPDX-License-Identifier: GPL-2.0
/* Sensors by hwmon: the die's temperature and the energy of all work so far. */
#include <linux/hwmon.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_hwmon.h"
#include "dacc_mmio.h"

static umode_t dacc_hwmon_is_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
				     int channel)
{
	return 0444;
}

static int dacc_hwmon_temp(struct dacc_device *dacc, u32 attr, long *value)
{
	int temp = (int)dacc_read32(dacc, DACC_REG_TEMP);
	int crit = (int)dacc_read32(dacc, DACC_REG_TEMP_CRIT);

	/* A device that is gone reads as ones. */
	if (temp == -1 && crit == -1)
		return -ENODEV;
	switch (attr) {
	case hwmon_temp_input:
		*value = temp;
		return 0;
	case hwmon_temp_crit:
		*value = crit;
		return 0;
	case hwmon_temp_crit_alarm:
		*value = temp >= crit;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int dacc_hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr,
			   int channel, long *value)
{
	struct dacc_device *dacc = dev_get_drvdata(dev);
	int idx, ret;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return -ENODEV;
	ret = dacc_pm_get(dacc);
	if (ret)
		goto out_exit;
	if (type == hwmon_temp) {
		ret = dacc_hwmon_temp(dacc, attr, value);
	} else if (type == hwmon_energy) {
		u64 energy = dacc_read64(dacc, DACC_REG_ENERGY);

		*value = energy;
		ret = energy == U64_MAX ? -ENODEV : 0;
	} else {
		ret = -EOPNOTSUPP;
	}
	dacc_pm_put(dacc);
out_exit:
	drm_dev_exit(idx);
	return ret;
}

static const struct hwmon_ops dacc_hwmon_ops = {
	.is_visible = dacc_hwmon_is_visible,
	.read = dacc_hwmon_read,
};

static const struct hwmon_channel_info * const dacc_hwmon_channels[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_CRIT | HWMON_T_CRIT_ALARM),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT),
	NULL
};

static const struct hwmon_chip_info dacc_hwmon_chip = {
	.ops = &dacc_hwmon_ops,
	.info = dacc_hwmon_channels,
};

/**
 * dacc_hwmon_init - register the sensors, if the device has them
 * @dacc: device whose registers answer
 *
 * Goes away with the binding. Without sensors all else works.
 */
void dacc_hwmon_init(struct dacc_device *dacc)
{
	struct device *dev = dacc->drm.dev;
	struct device *hwmon;

	/* Contract 1.0 had none: those offsets read as zero. */
	if (!dacc_read32(dacc, DACC_REG_TEMP_CRIT))
		return;
	hwmon = devm_hwmon_device_register_with_info(dev, "dacc", dacc, &dacc_hwmon_chip, NULL);
	if (IS_ERR(hwmon)) {
		drm_warn(&dacc->drm, "no hwmon (%pe)\n", hwmon);
		return;
	}
	/* Paired with the acquire in dacc_hwmon_thermal(), in an interrupt thread. */
	smp_store_release(&dacc->hwmon, hwmon);
}

/**
 * dacc_hwmon_thermal - the temperature has reached its critical value
 * @dacc: device; its interrupts are gone before its hwmon device is
 */
void dacc_hwmon_thermal(struct dacc_device *dacc)
{
	/* Paired with the release at registration. */
	struct device *hwmon = smp_load_acquire(&dacc->hwmon);

	dev_warn_ratelimited(dacc->drm.dev, "critical temperature: %d millidegrees Celsius\n",
			     (int)dacc_read32(dacc, DACC_REG_TEMP));
	if (hwmon)
		hwmon_notify_event(hwmon, hwmon_temp, hwmon_temp_crit_alarm, 0);
}
