/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether a device may reach another one's BAR over PCIe, and the DMA addresses
 * with which it does. What an exporter of device memory needs; both dacc and
 * gpupeer are one. Include it in one file of a module, after defining
 * PEER_HAVE_PROVIDER if the kernel has pcim_p2pdma_provider() and
 * dma_buf_phys_vec_to_sgt().
 *
 * Such kernels judge themselves. For older ones (Debian's 6.12 has P2PDMA off) the
 * rules of drivers/pci/p2pdma.c are here, less its list of Intel servers:
 *
 * - a common bridge above both, and no bridge on the way with ACS redirection on:
 *   requests are routed there, by bus address;
 * - else they go through the host bridge, which is right on AMD's from family
 *   0x17 on, and where the administrator says so.
 */
#ifndef _PEER_MAP_H
#define _PEER_MAP_H

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#ifdef CONFIG_X86
#include <asm/cpufeature.h>
#include <asm/processor.h>
#endif

#ifdef PEER_HAVE_PROVIDER
#include <linux/dma-buf-mapping.h>
#include <linux/pci-p2pdma.h>
#endif

/* A segment stays below 4 GiB: its length is 32 bits. */
#define PEER_MAX_SEGMENT	SZ_1G

/**
 * enum peer_route - the way from a device to another one's BAR
 * @PEER_ROUTE_NONE: none that is known to work.
 * @PEER_ROUTE_SWITCH: by way of a bridge above both.
 * @PEER_ROUTE_HOST: by way of the host bridge.
 */
enum peer_route {
	PEER_ROUTE_NONE = 0,
	PEER_ROUTE_SWITCH = 1,
	PEER_ROUTE_HOST = 2,
};

/* The module parameter p2p_host_bridge. */
#define PEER_HOST_AUTO		(-1)	/* where it is known to work */
#define PEER_HOST_DENY		0
#define PEER_HOST_ALLOW		1

static inline bool peer_acs_redirects(struct pci_dev *pdev)
{
	int pos = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_ACS);
	u16 ctrl = 0;

	if (!pos || pci_read_config_word(pdev, pos + PCI_ACS_CTRL, &ctrl))
		return false;
	return ctrl & (PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_EC);
}

/* The PCI function that @dev is, or is a part of. */
static inline struct pci_dev *peer_pci_dev(struct device *dev)
{
	while (dev && !dev_is_pci(dev))
		dev = dev->parent;
	return dev ? to_pci_dev(dev) : NULL;
}

static inline bool peer_below_one_bridge(struct pci_dev *provider, struct pci_dev *client)
{
	struct pci_dev *a, *b;

	for (a = provider; a; a = pci_upstream_bridge(a)) {
		if (peer_acs_redirects(a))
			return false;
		for (b = client; b && b != a; b = pci_upstream_bridge(b))
			;
		if (b)
			break;
	}
	if (!a)
		return false;
	for (b = client; b != a; b = pci_upstream_bridge(b)) {
		if (peer_acs_redirects(b))
			return false;
	}
	return true;
}

static inline bool peer_host_bridge_routes(struct pci_dev *provider, struct pci_dev *client)
{
#ifdef CONFIG_X86
	if (boot_cpu_data.x86_vendor == X86_VENDOR_AMD && boot_cpu_data.x86 >= 0x17)
		return pci_domain_nr(provider->bus) == pci_domain_nr(client->bus);
#endif
	return false;
}

/* Not a client's word, but the core's, where it has one. */
static inline bool peer_core_refuses(struct pci_dev *provider, struct device *dev)
{
#ifdef PEER_HAVE_PROVIDER
	return pci_p2pdma_distance_many(provider, &dev, 1, false) < 0;
#else
	return false;
#endif
}

static inline enum peer_route peer_route(struct pci_dev *provider, struct device *dev,
					 int host_bridge)
{
	struct pci_dev *client = peer_pci_dev(dev);

	if (!client)
		return PEER_ROUTE_NONE;
	if (peer_below_one_bridge(provider, client) && !peer_core_refuses(provider, dev))
		return PEER_ROUTE_SWITCH;
	if (host_bridge == PEER_HOST_ALLOW)
		return PEER_ROUTE_HOST;
	if (host_bridge == PEER_HOST_DENY || peer_core_refuses(provider, dev))
		return PEER_ROUTE_NONE;
#ifdef PEER_HAVE_PROVIDER
	return PEER_ROUTE_HOST;
#else
	return peer_host_bridge_routes(provider, client) ? PEER_ROUTE_HOST : PEER_ROUTE_NONE;
#endif
}

/* Does an IOMMU give the device other addresses than the CPU's? */
static inline struct iommu_domain *peer_translated(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && domain->type != IOMMU_DOMAIN_IDENTITY ? domain : NULL;
}

/*
 * A switch routes bus addresses before any IOMMU sees them, and a guest's bus
 * addresses are the switch's only if there is no switch: what a hypervisor puts in
 * front of a device looks up every address. QEMU's does, and faults.
 */
static inline bool peer_iommu_sees_all(struct device *dev)
{
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_HYPERVISOR) && peer_translated(dev);
#else
	return false;
#endif
}

/* Is it a bus address that the IOMMU in front of the device would refuse? */
static inline bool peer_addr_faults(struct device *dev, dma_addr_t addr)
{
	return peer_iommu_sees_all(dev) && !iommu_iova_to_phys(peer_translated(dev), addr);
}

/*
 * By the core's means, or by dma_map_resource(), which knows no P2PDMA: an address
 * of the IOMMU, or the CPU's. An attachment keeps to one of the two.
 */
static inline bool peer_maps_by_core(struct dma_buf_attachment *attach, enum peer_route route,
				     int host_bridge)
{
#ifdef PEER_HAVE_PROVIDER
	if (route == PEER_ROUTE_SWITCH)
		return !peer_iommu_sees_all(attach->dev);
	return host_bridge != PEER_HOST_ALLOW;
#else
	return false;
#endif
}

static inline void peer_unmap_resource(struct dma_buf_attachment *attach, struct sg_table *sgt,
				       enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i;

	/* Entries that were not mapped have no length. */
	for_each_sgtable_sg(sgt, sg, i) {
		if (sg_dma_len(sg))
			dma_unmap_resource(attach->dev, sg_dma_address(sg), sg_dma_len(sg), dir, 0);
	}
	sg_free_table(sgt);
	kfree(sgt);
}

static inline struct sg_table *peer_map_resource(struct dma_buf_attachment *attach,
						 phys_addr_t phys, u64 size,
						 enum dma_data_direction dir)
{
	struct scatterlist *sg;
	struct sg_table *sgt;
	int i, ret;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(sgt, DIV_ROUND_UP_ULL(size, PEER_MAX_SEGMENT), GFP_KERNEL);
	if (ret) {
		kfree(sgt);
		return ERR_PTR(ret);
	}
	for_each_sgtable_sg(sgt, sg, i) {
		u64 len = min_t(u64, size, PEER_MAX_SEGMENT);
		dma_addr_t addr = dma_map_resource(attach->dev, phys, len, dir, 0);

		if (dma_mapping_error(attach->dev, addr)) {
			peer_unmap_resource(attach, sgt, dir);
			return ERR_PTR(-ENOMEM);
		}
		/* No page, only a DMA address. */
		sg_set_page(sg, NULL, len, 0);
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = len;
		phys += len;
		size -= len;
	}
	return sgt;
}

/**
 * peer_attach - may the attaching device reach memory in a BAR?
 * @provider: function that has the BAR
 * @attach: attachment, in dma_buf_ops.attach; its priv is used
 * @host_bridge: PEER_HOST_AUTO, _DENY or _ALLOW
 *
 * Return: true if so; else peer-to-peer access is taken off the attachment.
 */
static inline bool peer_attach(struct pci_dev *provider, struct dma_buf_attachment *attach,
			       int host_bridge)
{
	enum peer_route route;

	if (!attach->peer2peer)
		return false;
	route = peer_route(provider, attach->dev, host_bridge);
	if (route == PEER_ROUTE_NONE) {
		attach->peer2peer = false;
		dev_info_ratelimited(&provider->dev,
				     "%s has no way to this device's memory that is known to work: put both below one switch, or set p2p_host_bridge=1 if the host bridge routes between them\n",
				     dev_name(attach->dev));
		return false;
	}
	attach->priv = (void *)(unsigned long)peer_maps_by_core(attach, route, host_bridge);
	return true;
}

/**
 * peer_map - DMA addresses of a range of a BAR, without pages
 * @provider: function that has the BAR
 * @bar: its number
 * @offset: start of the range in the BAR
 * @size: bytes
 * @attach: attachment that peer_attach() let pass
 * @dir: direction
 *
 * Return: a table for peer_unmap(), or an error pointer.
 */
static inline struct sg_table *peer_map(struct pci_dev *provider, int bar, u64 offset, u64 size,
					struct dma_buf_attachment *attach,
					enum dma_data_direction dir)
{
	phys_addr_t phys = pci_resource_start(provider, bar) + offset;

#ifdef PEER_HAVE_PROVIDER
	if (attach->priv) {
		struct p2pdma_provider *memory = pcim_p2pdma_provider(provider, bar);
		struct phys_vec vec = { .paddr = phys, .len = size };

		if (IS_ERR_OR_NULL(memory))
			return ERR_PTR(-EOPNOTSUPP);
		return dma_buf_phys_vec_to_sgt(attach, memory, &vec, 1, size, dir);
	}
#endif
	return peer_map_resource(attach, phys, size, dir);
}

/**
 * peer_unmap - undo peer_map()
 * @attach: attachment
 * @sgt: table
 * @dir: direction
 */
static inline void peer_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			      enum dma_data_direction dir)
{
#ifdef PEER_HAVE_PROVIDER
	if (attach->priv) {
		dma_buf_free_sgt(attach, sgt, dir);
		return;
	}
#endif
	peer_unmap_resource(attach, sgt, dir);
}

/**
 * peer_init - let the core judge who may reach the BARs, in probe
 * @provider: function
 *
 * Return: 0 or a negative errno.
 */
static inline int peer_init(struct pci_dev *provider)
{
#ifdef PEER_HAVE_PROVIDER
	return pcim_p2pdma_init(provider);
#else
	return 0;
#endif
}

#endif /* _PEER_MAP_H */
