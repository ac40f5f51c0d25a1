// SPDX-License-Identifier: GPL-2.0
/*
 * dacc: DRM accel driver of the decode accelerator. Probe and remove, the
 * driver's tables, clients.
 */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_hwmon.h"
#include "dacc_mmio.h"

#define CREATE_TRACE_POINTS
#include "dacc_trace.h"

unsigned int dacc_job_timeout_ms = 10000;
module_param_named(job_timeout_ms, dacc_job_timeout_ms, uint, 0644);
MODULE_PARM_DESC(job_timeout_ms,
		 "Milliseconds without progress after which a job is stopped; 0: never (default 10000, ample for an emulated device)");

unsigned int dacc_job_limit_ms = 60000;
module_param_named(job_limit_ms, dacc_job_limit_ms, uint, 0644);
MODULE_PARM_DESC(job_limit_ms,
		 "Milliseconds after which a running job is stopped, even if it advances; 0: never, any client can then keep an engine for ever (default 60000)");

bool dacc_p2p = true;
module_param_named(p2p, dacc_p2p, bool, 0644);
MODULE_PARM_DESC(p2p, "Allow buffers in a peer device's memory to be bound (default on)");

int dacc_p2p_host_bridge = -1;
module_param_named(p2p_host_bridge, dacc_p2p_host_bridge, int, 0644);
MODULE_PARM_DESC(p2p_host_bridge,
		 "Export SRAM to peers that reach it through the host bridge only: 1 yes, 0 no, -1 where that is known to work (default)");

static int dacc_open(struct drm_device *drm, struct drm_file *file)
{
	struct dacc_file *priv = kzalloc(sizeof(*priv), GFP_KERNEL);

	if (!priv)
		return -ENOMEM;
	priv->user = dacc_user_find(to_dacc(drm));
	if (!priv->user) {
		kfree(priv);
		return -ENOMEM;
	}
	mutex_init(&priv->lock);
	xa_init_flags(&priv->vms, XA_FLAGS_ALLOC1);
	xa_init_flags(&priv->queues, XA_FLAGS_ALLOC1);
	dacc_kv_open(priv);
	file->driver_priv = priv;
	return 0;
}

/* The last reference to the file is gone, also after a kill. */
static void dacc_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct dacc_queue *queue;
	struct dacc_vm *vm;
	unsigned long id;

	mutex_lock(&priv->lock);
	xa_for_each(&priv->queues, id, queue) {
		xa_erase(&priv->queues, id);
		dacc_queue_close(priv, queue);
	}
	dacc_kv_close(priv);
	xa_for_each(&priv->vms, id, vm) {
		xa_erase(&priv->vms, id);
		dacc_vm_close(vm);
	}
	mutex_unlock(&priv->lock);
	xa_destroy(&priv->queues);
	xa_destroy(&priv->vms);
	mutex_destroy(&priv->lock);
	dacc_user_put(priv->user);
	kfree(priv);
}

static const struct drm_ioctl_desc dacc_ioctls[] = {
	DRM_IOCTL_DEF_DRV(DACC_QUERY, dacc_query_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_BO_CREATE, dacc_bo_create_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_BO_MMAP, dacc_bo_mmap_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_BO_INFO, dacc_bo_info_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_VM_CREATE, dacc_vm_create_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_VM_DESTROY, dacc_vm_destroy_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_VM_BIND, dacc_vm_bind_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_QUEUE_CREATE, dacc_queue_create_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_QUEUE_DESTROY, dacc_queue_destroy_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_QUEUE_INFO, dacc_queue_info_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_SUBMIT, dacc_submit_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_WAIT, dacc_wait_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_USERQ_SIGNAL, dacc_userq_signal_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_USERQ_WAIT, dacc_userq_wait_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_POOL_CREATE, dacc_pool_create_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_POOL_DESTROY, dacc_pool_destroy_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_POOL_ALLOC, dacc_pool_alloc_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_POOL_FREE, dacc_pool_free_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_LIST_CREATE, dacc_list_create_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_LIST_DESTROY, dacc_list_destroy_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_TRANSFER, dacc_transfer_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_TRANSFER_CANCEL, dacc_transfer_cancel_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(DACC_TRANSFER_WAIT, dacc_transfer_wait_ioctl, DRM_RENDER_ALLOW),
};

static const struct file_operations dacc_fops = {
	.owner = THIS_MODULE,
	/* DRM_ACCEL_FOPS but for ioctls and mmap. */
	.open = accel_open,
	.release = drm_release,
	.unlocked_ioctl = dacc_ioctl,
	.compat_ioctl = dacc_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = dacc_mmap,
	.fop_flags = FOP_UNSIGNED_OFFSET,
	.show_fdinfo = drm_show_fdinfo,
};

/*
 * Interface versions:
 *
 * - 1.0: buffers, address spaces, transfer and decode queues, SUBMIT and WAIT.
 */
static const struct drm_driver dacc_driver = {
	.driver_features = DRIVER_GEM | DRIVER_GEM_GPUVA | DRIVER_COMPUTE_ACCEL |
			   DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.open = dacc_open,
	.postclose = dacc_postclose,
	.gem_prime_import = dacc_dmabuf_import,
	.show_fdinfo = dacc_show_fdinfo,
	.ioctls = dacc_ioctls,
	.num_ioctls = ARRAY_SIZE(dacc_ioctls),
	.fops = &dacc_fops,
	.name = "dacc",
	.desc = "decode accelerator",
#ifdef DACC_HAVE_DRM_DRIVER_DATE
	.date = "20261124",
#endif
	.major = 1,
	.minor = 0,
};

static void dacc_free_wqs(struct drm_device *drm, void *data)
{
	struct dacc_device *dacc = to_dacc(drm);

	if (dacc->reset_wq)
		destroy_workqueue(dacc->reset_wq);
	if (dacc->end_wq)
		destroy_workqueue(dacc->end_wq);
	destroy_workqueue(dacc->wq);
	drm_WARN_ON(drm, !list_empty(&dacc->users));
}

/* What lives as long as the DRM device, which may be longer than the binding. */
static int dacc_init_software(struct dacc_device *dacc)
{
	struct drm_device *drm = &dacc->drm;
	int ret;

	spin_lock_init(&dacc->hold_lock);
	INIT_LIST_HEAD(&dacc->holds);
	ret = drmm_mutex_init(drm, &dacc->bo_lock);
	if (!ret)
		ret = drmm_mutex_init(drm, &dacc->room_lock);
	if (!ret)
		ret = drmm_mutex_init(drm, &dacc->hw_lock);
	if (!ret)
		ret = drmm_mutex_init(drm, &dacc->link_lock);
	if (!ret)
		ret = dacc_doorbell_init(dacc);
	if (ret)
		return ret;
	dacc_device_prime_lockdep(dacc);
	INIT_LIST_HEAD(&dacc->bos);
	spin_lock_init(&dacc->users_lock);
	INIT_LIST_HEAD(&dacc->users);
	ret = dacc_dump_init(dacc);
	if (ret)
		return ret;
	dacc_reset_init(dacc);
	dacc_wedged_init(dacc);
	/* Fences depend on it, and reclaim may depend on fences. */
	dacc->wq = alloc_workqueue("dacc", WQ_UNBOUND | WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	if (!dacc->wq)
		return -ENOMEM;
	ret = drmm_add_action_or_reset(drm, dacc_free_wqs, NULL);
	if (ret)
		return ret;
	/* Nothing that works here may delay fences or recovery: it waits for other clients. */
	dacc->end_wq = alloc_workqueue("dacc-end", WQ_UNBOUND, 0);
	if (!dacc->end_wq)
		return -ENOMEM;
	dacc->reset_wq = alloc_workqueue("dacc-reset", WQ_UNBOUND | WQ_MEM_RECLAIM, 1);
	return dacc->reset_wq ? 0 : -ENOMEM;
}

static int dacc_map_bars(struct dacc_device *dacc)
{
	struct pci_dev *pdev = dacc->pdev;
	struct device *dev = &pdev->dev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	if (pci_resource_len(pdev, DACC_BAR_REGS) < DACC_REGS_SIZE ||
	    !pci_resource_len(pdev, DACC_BAR_DOORBELL) || !pci_resource_len(pdev, DACC_BAR_SRAM)) {
		drm_err(&dacc->drm, "a BAR is missing or too small\n");
		return -ENODEV;
	}
	ret = pcim_request_all_regions(pdev, "dacc");
	if (ret)
		return ret;
	dacc->regs = devm_ioremap(dev, pci_resource_start(pdev, DACC_BAR_REGS), DACC_REGS_SIZE);
	dacc->doorbells = devm_ioremap(dev, pci_resource_start(pdev, DACC_BAR_DOORBELL),
				       pci_resource_len(pdev, DACC_BAR_DOORBELL));
	dacc->sram_phys = pci_resource_start(pdev, DACC_BAR_SRAM);
	dacc->sram = devm_ioremap_wc(dev, dacc->sram_phys, pci_resource_len(pdev, DACC_BAR_SRAM));
	if (!dacc->regs || !dacc->doorbells || !dacc->sram)
		return -ENOMEM;
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	dma_set_max_seg_size(dev, UINT_MAX);
	pci_set_master(pdev);
	/* For recovery after a PCI error. */
	pci_save_state(pdev);
	return 0;
}

/*
 * Makes the hardware silent and takes everything away from it. The device may
 * be gone already.
 */
static void dacc_shut_down(struct dacc_device *dacc)
{
	dacc_link_fini(dacc);
	dacc_device_stop(dacc);
	dacc_reset_fini(dacc);
	dacc_queue_unplug(dacc);
	dacc_irq_fini(dacc);
	dacc_wedged_fini(dacc);
	dacc_dump_fini(dacc);
	flush_workqueue(dacc->wq);
	flush_workqueue(dacc->end_wq);
	dacc_vm_unplug(dacc);
	dacc_bo_unplug(dacc);
	dacc_move_fini(dacc);
}

static int dacc_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct dacc_device *dacc;
	struct drm_device *drm;
	int ret;

	dacc = devm_drm_dev_alloc(&pdev->dev, &dacc_driver, struct dacc_device, drm);
	if (IS_ERR(dacc))
		return PTR_ERR(dacc);
	drm = &dacc->drm;
	dacc->pdev = pdev;
	pci_set_drvdata(pdev, dacc);

	ret = dacc_init_software(dacc);
	if (ret)
		return ret;
	ret = dacc_map_bars(dacc);
	if (ret)
		goto err_master;
	ret = dacc_hw_identify(dacc);
	if (ret)
		goto err_master;
	if ((u64)dacc->num_queues * DACC_DOORBELL_STRIDE >
	    pci_resource_len(pdev, DACC_BAR_DOORBELL)) {
		drm_err(drm, "the doorbell BAR is too small for %u queues\n", dacc->num_queues);
		ret = -ENODEV;
		goto err_master;
	}
	ret = dacc_dmabuf_init(dacc);
	if (ret)
		goto err_master;
	ret = dacc_hw_reset(dacc);
	if (ret) {
		drm_err(drm, "the device does not reset (%d)\n", ret);
		goto err_master;
	}
	ret = dacc_ttm_init(dacc);
	if (ret)
		goto err_master;
	dacc_link_init(dacc);
	ret = dacc_irq_init(dacc);
	if (ret)
		goto err_stop;
	dacc_hw_start(dacc);
	dacc->hw_up = true;
	/* A link may have changed before its event was looked at. */
	queue_work(dacc->wq, &dacc->link_work);
	ret = dacc_move_init(dacc);
	if (ret)
		goto err_stop;
	dacc_debugfs_init(dacc);
	dacc_hwmon_init(dacc);
	ret = drm_dev_register(drm, 0);
	if (ret)
		goto err_move;
	drm_info(drm, "contract %u.%u, %llu KiB of SRAM, %u queues, %u link ports\n",
		 dacc->version >> 16, dacc->version & 0xffff, dacc->sram_size >> 10,
		 dacc->num_queues, dacc->num_links);
	dacc_pm_init(dacc);
	return 0;

err_move:
	dacc_move_fini(dacc);
err_stop:
	dacc_device_stop(dacc);
	dacc_reset_fini(dacc);
	dacc_irq_fini(dacc);
	dacc_wedged_fini(dacc);
	dacc_dump_fini(dacc);
	/* Last: an interrupt handler may have asked for it again. */
	dacc_link_fini(dacc);
err_master:
	pci_clear_master(pdev);
	return ret;
}

/* Files stay open; from drm_dev_unplug() on nothing of theirs gets here. */
static void dacc_remove(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	dacc_pm_fini(dacc);
	drm_dev_unplug(&dacc->drm);
	dacc_shut_down(dacc);
}

static void dacc_shutdown(struct pci_dev *pdev)
{
	/* Nothing of ours may be written into the next kernel's memory. */
	dacc_remove(pdev);
}

static const struct pci_device_id dacc_pci_ids[] = {
	{ PCI_DEVICE(DACC_PCI_VENDOR_ID, DACC_PCI_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, dacc_pci_ids);

static struct pci_driver dacc_pci_driver = {
	.name = "dacc",
	.id_table = dacc_pci_ids,
	.probe = dacc_probe,
	.remove = dacc_remove,
	.shutdown = dacc_shutdown,
	.err_handler = &dacc_pci_err_handlers,
	.driver.pm = pm_ptr(&dacc_pm_ops),
};
module_pci_driver(dacc_pci_driver);

MODULE_DESCRIPTION("DRM accel driver of the dacc decode accelerator");
MODULE_LICENSE("GPL");
DACC_IMPORT_NS_DMA_BUF;
