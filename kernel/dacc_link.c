// SPDX-License-Identifier: GPL-2.0
/*
 * Link ports. The function at the other end of a link carries a DVSEC with the
 * same link UID as ours, and names there the BAR through which its memory is
 * visible. The port's own decoder gets that BAR's bus addresses, so what a dma-buf
 * of any driver points at in there goes over the link.
 *
 * Behind an IOMMU that translates, an import has other addresses than the bus: the
 * decoders that are left get what it was given, for as long as it is mapped. Life
 * of such a window: dacc_link_map() makes it when the exporter has mapped the
 * buffer, before any page table names it; dacc_link_unmap() takes it away when none
 * does any more and before the exporter's mapping goes, since the IOMMU may give
 * the same addresses to host memory next. A peer that leaves the bus takes its
 * windows along. Where no decoder is left, an import is reached over PCIe.
 */
#include <linux/iommu.h>
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
			link->phys = pci_resource_start(peer, bar);
			link->size = pci_resource_len(peer, bar);
		}
	}
	pci_dev_put(peer);
}

static u64 dacc_link_size(struct dacc_device *dacc, u32 port)
{
	u64 peer_size = dacc_read64(dacc, dacc_link_reg(port, DACC_LINK_PEER_SIZE));

	return min(dacc->links[port].size, peer_size);
}

/* Writes a decoder as it is to be; a size of 0 turns it off. */
static bool dacc_decoder_write(struct dacc_device *dacc, u32 d, const struct dacc_window *w)
{
	dacc_write32(dacc, dacc_decoder_reg(d, DACC_DECODER_CTRL), 0);
	if (!w->size)
		return true;
	dacc_write64(dacc, dacc_decoder_reg(d, DACC_DECODER_BASE), w->base);
	dacc_write64(dacc, dacc_decoder_reg(d, DACC_DECODER_SIZE), w->size);
	dacc_write64(dacc, dacc_decoder_reg(d, DACC_DECODER_TARGET), w->target);
	dacc_write32(dacc, dacc_decoder_reg(d, DACC_DECODER_CTRL),
		     DACC_DECODER_ENABLE | w->port << DACC_DECODER_PORT_SHIFT);
	return dacc_read32(dacc, dacc_decoder_reg(d, DACC_DECODER_CTRL)) & DACC_DECODER_ENABLE;
}

/* The decoder with the port's number: all of the peer's BAR. */
static void dacc_link_program(struct dacc_device *dacc, u32 port)
{
	struct dacc_link *link = &dacc->links[port];
	struct dacc_window w = {
		.base = link->base,
		.size = dacc_link_size(dacc, port),
		.port = port,
	};

	lockdep_assert_held(&dacc->link_lock);
	if (!IS_ALIGNED(w.base | w.size, DACC_PAGE_SIZE))
		w.size = 0;
	if (!dacc_decoder_write(dacc, port, &w))
		drm_warn(&dacc->drm, "link %u: the decoder refuses %#llx bytes at %#llx\n",
			 port, w.size, w.base);
}

/* True if the decoder is as dacc_link_program() would leave it. */
static bool dacc_link_is_programmed(struct dacc_device *dacc, u32 port)
{
	struct dacc_link *link = &dacc->links[port];
	u64 size = dacc_link_size(dacc, port);
	u32 ctrl = dacc_read32(dacc, dacc_decoder_reg(port, DACC_DECODER_CTRL));

	if (!(ctrl & DACC_DECODER_ENABLE))
		return !size;
	return dacc_read64(dacc, dacc_decoder_reg(port, DACC_DECODER_BASE)) == link->base &&
	       dacc_read64(dacc, dacc_decoder_reg(port, DACC_DECODER_SIZE)) == size;
}

/* The other end is another one, or elsewhere. */
static void dacc_link_drop_windows(struct dacc_device *dacc, u32 port)
{
	u32 d;

	lockdep_assert_held(&dacc->link_lock);
	for (d = 0; d < DACC_NUM_DECODERS; d++) {
		struct dacc_window *w = &dacc->windows[d];

		if (!w->bo || w->port != port)
			continue;
		memset(w, 0, sizeof(*w));
		dacc_decoder_write(dacc, d, w);
	}
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
		if (dacc->links[port].phys != link.phys || dacc->links[port].size != link.size)
			dacc_link_drop_windows(dacc, port);
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
	u32 d;

	mutex_lock(&dacc->link_lock);
	for (d = 0; d < dacc->num_links; d++)
		dacc_link_program(dacc, d);
	for (; d < DACC_NUM_DECODERS; d++) {
		if (dacc->windows[d].bo && !dacc_decoder_write(dacc, d, &dacc->windows[d]))
			drm_warn(&dacc->drm, "decoder %u: refuses what it had before\n", d);
	}
	mutex_unlock(&dacc->link_lock);
}

/* The port whose peer has this memory in its BAR, and where. */
static bool dacc_link_target(struct dacc_device *dacc, phys_addr_t phys, struct dacc_window *w)
{
	u32 port;

	for (port = 0; port < dacc->num_links; port++) {
		struct dacc_link *link = &dacc->links[port];

		if (phys >= link->phys && phys - link->phys < link->size) {
			w->port = port;
			w->target = phys - link->phys;
			return true;
		}
	}
	return false;
}

/* Pages that follow each other at both ends of a window are one. */
static bool dacc_window_grow(struct dacc_window *w, const struct dacc_window *page)
{
	if (!w->size || page->port != w->port || page->base != w->base + w->size ||
	    page->target != w->target + w->size)
		return false;
	w->size += page->size;
	return true;
}

/*
 * The windows of an import, at most @max. Only what the IOMMU has in its tables
 * counts: segments that follow each other need not in the peer's memory, and what
 * a decoder would send to the wrong place is someone else's data.
 */
static int dacc_link_windows(struct dacc_device *dacc, struct iommu_domain *domain,
			     struct sg_table *sgt, struct dacc_window *w, int max)
{
	struct scatterlist *sg;
	int i, n = 0;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 addr = sg_dma_address(sg), end = addr + sg_dma_len(sg);

		for (; addr < end; addr += DACC_PAGE_SIZE) {
			phys_addr_t phys = iommu_iova_to_phys(domain, addr);
			struct dacc_window page = { .base = addr, .size = DACC_PAGE_SIZE };

			if (!phys || !dacc_link_target(dacc, phys, &page))
				return 0;
			if (n && dacc_window_grow(&w[n - 1], &page))
				continue;
			if (n == max)
				return 0;
			w[n++] = page;
		}
	}
	return n;
}

/**
 * dacc_link_map - let the link reach an import that an IOMMU has in front
 * @bo: imported buffer that was just mapped; its reservation lock is held
 *
 * Nothing to do where addresses are the bus's own, and not done where the memory is
 * no link peer's or the decoders do not suffice: PCIe reaches it. Nothing is
 * allocated.
 */
void dacc_link_map(struct dacc_bo *bo)
{
	struct dacc_device *dacc = to_dacc(dacc_bo_gem(bo)->dev);
	struct iommu_domain *domain = iommu_get_domain_for_dev(&dacc->pdev->dev);
	struct dacc_window w[DACC_NUM_DECODERS];
	u32 slot[DACC_NUM_DECODERS];
	u32 d, n_free = 0;
	int i, n;

	dma_resv_assert_held(dacc_bo_gem(bo)->resv);
	if (!domain || domain->type == IOMMU_DOMAIN_IDENTITY)
		return;

	/* hw_lock: no reset may come between the table and the registers. */
	mutex_lock(&dacc->hw_lock);
	mutex_lock(&dacc->link_lock);
	for (d = dacc->num_links; d < DACC_NUM_DECODERS; d++) {
		if (!dacc->windows[d].bo)
			slot[n_free++] = d;
	}
	n = dacc_link_windows(dacc, domain, bo->sgt, w, n_free);
	for (i = 0; i < n; i++) {
		w[i].bo = bo;
		dacc->windows[slot[i]] = w[i];
		/* Not up: dacc_link_restore() will. */
		if (dacc->hw_up && !dacc_decoder_write(dacc, slot[i], &w[i]))
			drm_warn_once(&dacc->drm, "decoder %u refuses %#llx bytes at %#llx\n",
				      slot[i], w[i].size, w[i].base);
	}
	mutex_unlock(&dacc->link_lock);
	mutex_unlock(&dacc->hw_lock);
}

/**
 * dacc_link_unmap - undo dacc_link_map()
 * @bo: imported buffer that no page table names, still mapped by its exporter
 */
void dacc_link_unmap(struct dacc_bo *bo)
{
	struct dacc_device *dacc = to_dacc(dacc_bo_gem(bo)->dev);
	u32 d;

	mutex_lock(&dacc->hw_lock);
	mutex_lock(&dacc->link_lock);
	for (d = dacc->num_links; d < DACC_NUM_DECODERS; d++) {
		struct dacc_window *w = &dacc->windows[d];

		if (w->bo != bo)
			continue;
		memset(w, 0, sizeof(*w));
		if (dacc->hw_up)
			dacc_decoder_write(dacc, d, w);
	}
	mutex_unlock(&dacc->link_lock);
	mutex_unlock(&dacc->hw_lock);
}

/* Where the window ends that has @addr, of a port or made for an import; or 0. */
static u64 dacc_link_window_end(struct dacc_device *dacc, u64 addr)
{
	u32 i;

	for (i = 0; i < dacc->num_links; i++) {
		struct dacc_link *link = &dacc->links[i];

		if (addr >= link->base && addr - link->base < link->size)
			return link->base + link->size;
	}
	for (i = dacc->num_links; i < DACC_NUM_DECODERS; i++) {
		struct dacc_window *w = &dacc->windows[i];

		if (w->bo && addr >= w->base && addr - w->base < w->size)
			return w->base + w->size;
	}
	return 0;
}

/**
 * dacc_link_covers - does the device reach this memory over a link?
 * @dacc: device
 * @sgt: peer memory, mapped for the device
 *
 * Return: true if every byte is in the window of a link port, up or not.
 */
bool dacc_link_covers(struct dacc_device *dacc, struct sg_table *sgt)
{
	struct scatterlist *sg;
	bool covered = true;
	int i;

	mutex_lock(&dacc->link_lock);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 addr = sg_dma_address(sg), end = addr + sg_dma_len(sg);

		while (covered && addr < end) {
			addr = dacc_link_window_end(dacc, addr);
			covered = addr;
		}
	}
	mutex_unlock(&dacc->link_lock);
	return covered;
}
