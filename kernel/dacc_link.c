// SPDX-License-Identifier: GPL-2.0
/*
 * Link ports. The function at the other end of a link carries a DVSEC with the
 * same link UID as ours, and names there the BAR through which its memory is
 * visible. A link decoder gets that BAR's bus addresses, so what a dma-buf of
 * any driver points at in there goes over the link.
 */
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"

/* A sane bound: the DVSEC lies in 4 KiB of configuration space. */
#define DACC_MAX_DVSEC_PORTS		64

static u16 dacc_find_dvsec(struct pci_dev *pdev, u32 *n_ports)
{
	u16 pos = pci_find_dvsec_capability(pdev, DACC_DVSEC_VENDOR, DACC_DVSEC_ID);

	if (!pos)
		return 0;
	if (pci_read_config_dword(pdev, pos + DACC_DVSEC_NPORTS, n_ports) ||
	    *n_ports > DACC_MAX_DVSEC_PORTS)
		return 0;
	return pos;
}

static void dacc_read_port(struct pci_dev *pdev, u16 dvsec, u32 i, struct dacc_dvsec_port *port)
{
	int pos = dvsec + DACC_DVSEC_PORTS + i * sizeof(*port);
	u32 lo = 0, hi = 0;

	pci_read_config_dword(pdev, pos + offsetof(struct dacc_dvsec_port, uid), &lo);
	pci_read_config_dword(pdev, pos + offsetof(struct dacc_dvsec_port, uid) + 4, &hi);
	port->uid = (u64)hi << 32 | lo;
	port->port = 0;
	pci_read_config_dword(pdev, pos + offsetof(struct dacc_dvsec_port, port), &port->port);
}

/* Does @pdev have the other end of the link @uid? */
static bool dacc_has_port(struct pci_dev *pdev, u64 uid, u16 *dvsec)
{
	struct dacc_dvsec_port port;
	u32 i, n;

	*dvsec = dacc_find_dvsec(pdev, &n);
	for (i = 0; *dvsec && i < n; i++) {
		dacc_read_port(pdev, *dvsec, i, &port);
		if (port.uid == uid)
			return true;
	}
	return false;
}

/* Fills in where the peer of a port is, and the window to its memory. */
static void dacc_link_find(struct dacc_device *dacc, struct dacc_link *link)
{
	struct pci_dev *peer = NULL;
	u16 dvsec, flags;
	u32 bar;

	for_each_pci_dev(peer) {
		if (peer != dacc->pdev && dacc_has_port(peer, link->uid, &dvsec))
			break;
	}
	if (!peer)
		return;
	link->found = true;
	link->peer_domain = pci_domain_nr(peer->bus);
	link->peer_bdf = PCI_DEVID(peer->bus->number, peer->devfn);

	if (!pci_read_config_word(peer, dvsec + DACC_DVSEC_FLAGS, &flags)) {
		bar = flags & DACC_DVSEC_FLAGS_BAR;
		if (bar < PCI_STD_NUM_BARS && pci_resource_flags(peer, bar) & IORESOURCE_MEM &&
		    !(pci_resource_flags(peer, bar) & IORESOURCE_UNSET)) {
			link->base = pci_bus_address(peer, bar);
			link->size = pci_resource_len(peer, bar);
		}
	}
	pci_dev_put(peer);
}

/* One decoder for each port, with the port's number. */
static void dacc_link_program(struct dacc_device *dacc, u32 port)
{
	struct dacc_link *link = &dacc->links[port];
	u64 size = min(link->size, dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_PEER_SIZE)));
	u32 ctrl;

	lockdep_assert_held(&dacc->link_lock);
	dacc_write32(dacc, dacc_decoder_reg(port, DACC_DECODER_CTRL), 0);
	if (!size || !IS_ALIGNED(link->base | size, DACC_PAGE_SIZE))
		return;
	dacc_write64(dacc, dacc_decoder_reg(port, DACC_DECODER_BASE), link->base);
	dacc_write64(dacc, dacc_decoder_reg(port, DACC_DECODER_SIZE), size);
	dacc_write64(dacc, dacc_decoder_reg(port, DACC_DECODER_TARGET), 0);
	dacc_write32(dacc, dacc_decoder_reg(port, DACC_DECODER_CTRL),
		     DACC_DECODER_ENABLE | port << DACC_DECODER_PORT_SHIFT);
	ctrl = dacc_read32(dacc, dacc_decoder_reg(port, DACC_DECODER_CTRL));
	if (!(ctrl & DACC_DECODER_ENABLE))
		drm_warn(&dacc->drm, "link %u: the decoder refuses %#llx bytes at %#llx\n",
			 port, size, link->base);
}

/* True if the decoder is as dacc_link_program() would leave it. */
static bool dacc_link_is_programmed(struct dacc_device *dacc, u32 port)
{
	struct dacc_link *link = &dacc->links[port];
	u64 size = min(link->size, dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_PEER_SIZE)));
	u32 ctrl = dacc_read32(dacc, dacc_decoder_reg(port, DACC_DECODER_CTRL));

	if (!(ctrl & DACC_DECODER_ENABLE))
		return !size;
	return dacc_read64(dacc, dacc_decoder_reg(port, DACC_DECODER_BASE)) == link->base &&
	       dacc_read64(dacc, dacc_decoder_reg(port, DACC_DECODER_SIZE)) == size;
}

/* Looks for the peers anew. A window in use is not touched if it stays right. */
static void dacc_link_refresh(struct dacc_device *dacc)
{
	u32 port;

	for (port = 0; port < dacc->num_links; port++) {
		struct dacc_link link = {};
		u32 status = dacc_read32(dacc, dacc_link_reg(port, DACC_LINK_STATUS));
		bool changed;

		/* It is being reset, or is gone. */
		if (PCI_POSSIBLE_ERROR(status))
			return;
		if (status & DACC_LINK_PRESENT)
			link.uid = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_UID));
		if (link.uid)
			dacc_link_find(dacc, &link);

		mutex_lock(&dacc->link_lock);
		changed = memcmp(&dacc->links[port], &link, sizeof(link));
		dacc->links[port] = link;
		if (!dacc_link_is_programmed(dacc, port))
			dacc_link_program(dacc, port);
		mutex_unlock(&dacc->link_lock);
		if (changed && link.found)
			drm_info(&dacc->drm, "link %u: peer %04x:%02x:%02x.%u, memory at %#llx\n",
				 port, link.peer_domain, PCI_BUS_NUM(link.peer_bdf),
				 PCI_SLOT(link.peer_bdf), PCI_FUNC(link.peer_bdf), link.base);
	}
}

static void dacc_link_work(struct work_struct *work)
{
	struct dacc_device *dacc = container_of(work, struct dacc_device, link_work);
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return;
	if (!dacc_pm_get(dacc)) {
		/* Else whoever brings the device up asks for it again. */
		if (READ_ONCE(dacc->hw_up))
			dacc_link_refresh(dacc);
		dacc_pm_put(dacc);
	}
	drm_dev_exit(idx);
}

/*
 * A peer's BARs are assigned by the time a driver is bound to it; a device that
 * goes away must not leave a window behind.
 */
static int dacc_link_notify(struct notifier_block *nb, unsigned long event, void *data)
{
	struct dacc_device *dacc = container_of(nb, struct dacc_device, link_nb);

	switch (event) {
	case BUS_NOTIFY_BOUND_DRIVER:
	case BUS_NOTIFY_UNBOUND_DRIVER:
	case BUS_NOTIFY_REMOVED_DEVICE:
		if (data != &dacc->pdev->dev)
			queue_work(dacc->wq, &dacc->link_work);
		break;
	}
	return NOTIFY_DONE;
}

/**
 * dacc_link_init - find the peers, and look out for more
 * @dacc: device that was reset
 */
void dacc_link_init(struct dacc_device *dacc)
{
	INIT_WORK(&dacc->link_work, dacc_link_work);
	dacc_link_refresh(dacc);
	dacc->link_nb.notifier_call = dacc_link_notify;
	dacc->link_registered = !bus_register_notifier(&pci_bus_type, &dacc->link_nb);
	if (!dacc->link_registered)
		drm_warn(&dacc->drm, "cannot watch for peers that come later\n");
}

/**
 * dacc_link_fini - undo dacc_link_init(); no decoder is touched afterwards
 * @dacc: device
 */
void dacc_link_fini(struct dacc_device *dacc)
{
	if (dacc->link_registered)
		bus_unregister_notifier(&pci_bus_type, &dacc->link_nb);
	dacc->link_registered = false;
	cancel_work_sync(&dacc->link_work);
}

/**
 * dacc_link_restore - program the decoders again, after a reset
 * @dacc: device
 *
 * Nothing is allocated; may be called on the way to signalling a fence.
 */
void dacc_link_restore(struct dacc_device *dacc)
{
	u32 port;

	mutex_lock(&dacc->link_lock);
	for (port = 0; port < dacc->num_links; port++)
		dacc_link_program(dacc, port);
	mutex_unlock(&dacc->link_lock);
}

/**
 * dacc_link_covers - does the device reach this memory over a link?
 * @dacc: device
 * @sgt: peer memory, mapped for the device
 *
 * Where an IOMMU translates, the addresses are none that a decoder matches.
 *
 * Return: true if every byte is in the window of a link port, up or not.
 */
bool dacc_link_covers(struct dacc_device *dacc, struct sg_table *sgt)
{
	struct scatterlist *sg;
	bool covered = true;
	u32 port;
	int i;

	mutex_lock(&dacc->link_lock);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 addr = sg_dma_address(sg);
		u64 end = addr + sg_dma_len(sg);

		for (port = 0; port < dacc->num_links; port++) {
			struct dacc_link *link = &dacc->links[port];

			if (addr >= link->base && end <= link->base + link->size)
				break;
		}
		covered = covered && port < dacc->num_links;
	}
	mutex_unlock(&dacc->link_lock);
	return covered;
}
