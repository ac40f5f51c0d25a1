// SPDX-License-Identifier: GPL-2.0
/* Probe, remove, open files, and the table of ioctls. */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/sched/mm.h>

#include <drm/drm_drv.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "gpupeer.h"
#include "gpupeer_compat.h"

#define CREATE_TRACE_POINTS
#include "gpupeer_trace.h"

bool gpupeer_p2p = true;
module_param_named(p2p, gpupeer_p2p, bool, 0644);
MODULE_PARM_DESC(p2p, "Let other devices access exported HBM (default: true)");

bool gpupeer_pin = true;
module_param_named(pin, gpupeer_pin, bool, 0644);
MODULE_PARM_DESC(pin, "Let importers pin HBM; off to test those that have to do without (default: true)");

int gpupeer_p2p_host_bridge = -1;
module_param_named(p2p_host_bridge, gpupeer_p2p_host_bridge, int, 0644);
MODULE_PARM_DESC(p2p_host_bridge, "Export HBM to peers that reach it through the host bridge only: 1 yes, 0 no, -1 where that is known to work (default: -1)");

uint gpupeer_job_timeout_ms = 30000;
module_param_named(job_timeout_ms, gpupeer_job_timeout_ms, uint, 0644);
MODULE_PARM_DESC(job_timeout_ms, "Time without progress after which a job is given up, for devices probed later (default: 30000)");

uint gpupeer_job_limit_ms = 120000;
module_param_named(job_limit_ms, gpupeer_job_limit_ms, uint, 0644);
MODULE_PARM_DESC(job_limit_ms, "Time after which a job is given up even if it makes progress, 0 for never (default: 120000)");

static int gpupeer_info_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct gpupeer_device *gdev = to_gpupeer(drm);
	struct drm_gpupeer_info *args = data;
	int idx;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	args->time_ps = gpupeer_read64(gdev, GPUPEER_REG_TIME);
	drm_dev_exit(idx);

	args->hbm_size = gdev->hbm_size;
	mutex_lock(&gdev->hbm_lock);
	args->hbm_free = gdev->hbm_size - gdev->hbm_used;
	mutex_unlock(&gdev->hbm_lock);
	args->p2p = READ_ONCE(gpupeer_p2p);
	args->pad = 0;
	return 0;
}

static int gpupeer_open(struct drm_device *drm, struct drm_file *file)
{
	struct gpupeer_device *gdev = to_gpupeer(drm);
	struct drm_gpu_scheduler *sched = &gdev->sched;
	struct gpupeer_file *gfile;
	int ret;

	gfile = kzalloc(sizeof(*gfile), GFP_KERNEL);
	if (!gfile)
		return -ENOMEM;
	ret = drm_sched_entity_init(&gfile->entity, DRM_SCHED_PRIORITY_NORMAL, &sched, 1, NULL);
	if (ret) {
		kfree(gfile);
		return ret;
	}
	gfile->fence_context = dma_fence_context_alloc(1);
	mutex_init(&gfile->lock);
	file->driver_priv = gfile;
	return 0;
}

static void gpupeer_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct gpupeer_file *gfile = file->driver_priv;
	unsigned int i;

	/* Jobs on the ring run to their end; they hold what they use. */
	drm_sched_entity_destroy(&gfile->entity);
	for (i = 0; i < GPUPEER_NUM_RESULTS; i++)
		gpupeer_result_put(gfile->result[i]);
	mutex_destroy(&gfile->lock);
	kfree(gfile);
}

static const struct drm_ioctl_desc gpupeer_ioctls[] = {
	DRM_IOCTL_DEF_DRV(GPUPEER_INFO, gpupeer_info_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(GPUPEER_BO_CREATE, gpupeer_bo_create_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(GPUPEER_BO_MMAP, gpupeer_bo_mmap_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(GPUPEER_PREFILL, gpupeer_prefill_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(GPUPEER_COPY, gpupeer_copy_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(GPUPEER_JOB_QUERY, gpupeer_job_query_ioctl, DRM_RENDER_ALLOW),
};

static const struct file_operations gpupeer_fops = {
	.owner = THIS_MODULE,
	DRM_GEM_FOPS,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct drm_driver gpupeer_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.open = gpupeer_open,
	.postclose = gpupeer_postclose,
	.gem_prime_import = gpupeer_dmabuf_import,
	.show_fdinfo = drm_show_memory_stats,
#ifdef CONFIG_DEBUG_FS
	.debugfs_init = gpupeer_debugfs_init,
#endif
	.ioctls = gpupeer_ioctls,
	.num_ioctls = ARRAY_SIZE(gpupeer_ioctls),
	.fops = &gpupeer_fops,
	.name = KBUILD_MODNAME,
	.desc = "GPU peer",
#ifdef GPUPEER_HAVE_DRIVER_DATE
	.date = "20260101",
#endif
	.major = 1,
	.minor = 0,
};

static int gpupeer_map(struct gpupeer_device *gdev)
{
	struct pci_dev *pdev = gdev->pdev;
	resource_size_t len = pci_resource_len(pdev, GPUPEER_BAR_HBM);
	u32 id, version;
	int ret;

	if (pci_resource_len(pdev, GPUPEER_BAR_REGS) < GPUPEER_REGS_SIZE)
		return dev_err_probe(&pdev->dev, -ENODEV, "the register BAR is too small\n");
	ret = pcim_request_all_regions(pdev, KBUILD_MODNAME);
	if (ret)
		return ret;
	gdev->regs = pcim_iomap(pdev, GPUPEER_BAR_REGS, 0);
	if (!gdev->regs)
		return -ENOMEM;

	id = gpupeer_read32(gdev, GPUPEER_REG_ID);
	version = gpupeer_read32(gdev, GPUPEER_REG_VERSION);
	if (id != GPUPEER_ID_MAGIC || version >> 16 != GPUPEER_VERSION_MAJOR)
		return dev_err_probe(&pdev->dev, -ENODEV, "unknown device: id %#x version %#x\n",
				     id, version);

	gdev->hbm_size = gpupeer_read64(gdev, GPUPEER_REG_HBM_SIZE);
	gdev->hbm_phys = pci_resource_start(pdev, GPUPEER_BAR_HBM);
	if (!is_power_of_2(gdev->hbm_size) || gdev->hbm_size < GPUPEER_HBM_GRANULE ||
	    gdev->hbm_size > len)
		return dev_err_probe(&pdev->dev, -ENODEV,
				     "%llu bytes of HBM do not fit a BAR of %llu\n",
				     gdev->hbm_size, (u64)len);
	gdev->hbm = devm_ioremap_wc(&pdev->dev, gdev->hbm_phys, gdev->hbm_size);
	return gdev->hbm ? 0 : -ENOMEM;
}

static int gpupeer_init_sw(struct gpupeer_device *gdev)
{
	int ret;

	INIT_LIST_HEAD(&gdev->bos);
	INIT_LIST_HEAD(&gdev->jobs);
	spin_lock_init(&gdev->ring_lock);
	spin_lock_init(&gdev->count_lock);
	init_waitqueue_head(&gdev->jobs_idle);
	init_rwsem(&gdev->reset_sem);
	init_waitqueue_head(&gdev->back);
	gpupeer_watchdog_init(gdev);
	ret = drmm_mutex_init(&gdev->drm, &gdev->bo_lock);
	if (!ret)
		ret = drmm_mutex_init(&gdev->drm, &gdev->job_lock);
	if (!ret)
		ret = drmm_mutex_init(&gdev->drm, &gdev->reset_lock);
	if (ret)
		return ret;

	/* Jobs take these on their way to their end: no allocation under them. */
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&gdev->bo_lock);
	might_lock(&gdev->job_lock);
	might_lock(&gdev->reset_lock);
	fs_reclaim_release(GFP_KERNEL);
	return 0;
}

static int gpupeer_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct gpupeer_device *gdev;
	int ret;

	gdev = devm_drm_dev_alloc(&pdev->dev, &gpupeer_driver, struct gpupeer_device, drm);
	if (IS_ERR(gdev))
		return PTR_ERR(gdev);
	gdev->pdev = pdev;
	pci_set_drvdata(pdev, gdev);

	ret = gpupeer_init_sw(gdev);
	if (ret)
		return ret;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = gpupeer_map(gdev);
	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	ret = gpupeer_dmabuf_init(gdev);
	if (ret)
		return ret;
	/* For recovery after a PCI error. */
	pci_save_state(pdev);
	ret = gpupeer_hbm_init(gdev);
	if (ret)
		return ret;
	ret = gpupeer_hw_init(gdev);
	if (ret)
		return ret;
	ret = gpupeer_sched_init(gdev);
	if (ret)
		return ret;

	ret = gpupeer_irq_init(gdev);
	if (ret)
		return ret;
	ret = gpupeer_hw_start(gdev);
	if (ret)
		goto err_irq;
	ret = drm_dev_register(&gdev->drm, 0);
	if (ret)
		goto err_stop;
	drm_info(&gdev->drm, "%llu MiB of HBM\n", gdev->hbm_size >> 20);
	return 0;

err_stop:
	gpupeer_hw_stop(gdev, -ENODEV, NULL, 0);
	pci_clear_master(pdev);
err_irq:
	gpupeer_irq_fini(gdev);
	return ret;
}

static void gpupeer_remove(struct pci_dev *pdev)
{
	struct gpupeer_device *gdev = pci_get_drvdata(pdev);

	/* From here on nobody enters, and no user mapping is left. */
	drm_dev_unplug(&gdev->drm);
	gpupeer_hw_stop(gdev, -ENODEV, NULL, 0);
	cancel_delayed_work_sync(&gdev->watchdog);
	gpupeer_irq_fini(gdev);
	pci_clear_master(pdev);
	gpupeer_bos_unplug(gdev);
	gpupeer_jobs_unplug(gdev);
}

static const struct pci_device_id gpupeer_ids[] = {
	{ PCI_DEVICE(GPUPEER_PCI_VENDOR_ID, GPUPEER_PCI_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, gpupeer_ids);

static struct pci_driver gpupeer_pci_driver = {
	.name = KBUILD_MODNAME,
	.id_table = gpupeer_ids,
	.probe = gpupeer_probe,
	.remove = gpupeer_remove,
	.shutdown = gpupeer_remove,
	.err_handler = &gpupeer_error_handlers,
	.driver.pm = pm_sleep_ptr(&gpupeer_pm_ops),
};
module_pci_driver(gpupeer_pci_driver);

MODULE_DESCRIPTION("DRM driver of the GPU peer");
MODULE_LICENSE("GPL");
GPUPEER_IMPORT_NS_DMA_BUF;
