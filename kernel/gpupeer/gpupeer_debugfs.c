// SPDX-License-Identifier: GPL-2.0
/* debugfs: counters, the list of buffers, and revocation by hand. */
#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>

#include "gpupeer.h"

static int counters_show(struct seq_file *m, void *unused)
{
	struct gpupeer_device *gdev = m->private;

	mutex_lock(&gdev->bo_lock);
	seq_printf(m, "bos %u\n", gdev->n_bos);
	seq_printf(m, "exports %u\n", gdev->n_exports);
	mutex_unlock(&gdev->bo_lock);
	seq_printf(m, "mappings %d\n", atomic_read(&gdev->n_mappings));
	seq_printf(m, "pins %d\n", atomic_read(&gdev->n_pins));
	mutex_lock(&gdev->hbm_lock);
	seq_printf(m, "hbm_used %llu\n", gdev->hbm_used);
	mutex_unlock(&gdev->hbm_lock);
	seq_printf(m, "hbm_size %llu\n", gdev->hbm_size);
	seq_printf(m, "system_bytes %lld\n", atomic64_read(&gdev->system_bytes));
	seq_printf(m, "jobs %u\n", READ_ONCE(gdev->n_jobs));
	seq_printf(m, "jobs_submitted %lld\n", atomic64_read(&gdev->jobs_submitted));
	seq_printf(m, "jobs_failed %lld\n", atomic64_read(&gdev->jobs_failed));
	seq_printf(m, "timeouts %lld\n", atomic64_read(&gdev->n_timeouts));
	seq_printf(m, "resets %lld\n", atomic64_read(&gdev->n_resets));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

static int bos_show(struct seq_file *m, void *unused)
{
	struct gpupeer_device *gdev = m->private;
	struct gpupeer_bo *bo;

	seq_puts(m, "kind size hbm_offset dmabuf_inode revoked\n");
	mutex_lock(&gdev->bo_lock);
	list_for_each_entry(bo, &gdev->bos, link)
		seq_printf(m, "%s %zu %#llx %llu %d\n",
			   bo->flags & DRM_GPUPEER_BO_HBM ? "hbm" : "system", bo->base.size,
			   bo->node.start,
			   bo->dmabuf ? (u64)file_inode(bo->dmabuf->file)->i_ino : 0,
			   READ_ONCE(bo->revoked));
	mutex_unlock(&gdev->bo_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bos);

/* "all", or the inode number of a dma-buf (fstat() of its descriptor). */
static ssize_t revoke_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct gpupeer_device *gdev = file->private_data;
	unsigned long ino = 0;
	char text[32] = "";
	int ret, idx;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	if (!sysfs_streq(text, "all")) {
		ret = kstrtoul(text, 0, &ino);
		if (ret)
			return ret;
		if (!ino)
			return -EINVAL;
	}

	if (!drm_dev_enter(&gdev->drm, &idx))
		return -ENODEV;
	ret = gpupeer_dmabuf_revoke(gdev, ino);
	drm_dev_exit(idx);
	return ino && !ret ? -ENOENT : len;
}

static const struct file_operations revoke_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = revoke_write,
};

/**
 * gpupeer_debugfs_init() - add the device's files
 * @minor: primary minor.
 */
void gpupeer_debugfs_init(struct drm_minor *minor)
{
	struct gpupeer_device *gdev = to_gpupeer(minor->dev);

	debugfs_create_file("counters", 0444, minor->debugfs_root, gdev, &counters_fops);
	debugfs_create_file("bos", 0400, minor->debugfs_root, gdev, &bos_fops);
	debugfs_create_file("revoke", 0200, minor->debugfs_root, gdev, &revoke_fops);
}
