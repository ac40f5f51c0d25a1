/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the PCI devices dacc and gpupeer have in common.
 *
 * Threads. The core's engine thread calls the host operations below without the
 * BQL, and none of them may take it: reset, VM stop and unplug wait for the
 * engine with the BQL held. The rest runs with the BQL.
 *
 * No MMIO handler does DMA. What memory has to be told (completions,
 * interrupts) is done in a guarded bottom half. An interrupt is a write to an
 * address that the guest has chosen: it may reset or unplug this very device.
 * So interrupts go last, when the core has returned.
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/rcu.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "exec/address-spaces.h"
#include "exec/cpu-common.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "migration/vmstate.h"
#include "system/system.h"
#include "front.h"
#include "trace.h"

/* Extended configuration space: AER, then the link's DVSEC. */
#define DACC_FRONT_PM_CAP       0x70
#define DACC_FRONT_PCIE_CAP     0x80
#define DACC_FRONT_AER          PCI_CONFIG_SPACE_SIZE
#define DACC_FRONT_DVSEC        (DACC_FRONT_AER + PCI_ERR_SIZEOF)

#define DACC_FRONT_MEM_MAX      (64 * GiB)
#define DACC_FRONT_MAX_THREADS  256

static bool dacc_front_dma(DaccFront *f, uint64_t addr, void *buf, size_t len,
                           bool is_write)
{
    /* With bus mastering off the space is empty, and the access refused. */
    if (dacc_dma_rw(&f->dma, addr, buf, len, is_write)) {
        return true;
    }
    trace_dacc_front_dma_error(f->id, addr, len, is_write);
    if (f->aer) {
        qatomic_set(&f->dma_refused, true);
        dacc_front_kick(f);
    }
    return false;
}

bool dacc_front_dma_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
    return dacc_front_dma(opaque, addr, buf, len, false);
}

bool dacc_front_dma_write(void *opaque, uint64_t addr, const void *buf,
                          size_t len)
{
    return dacc_front_dma(opaque, addr, (void *)buf, len, true);
}

static bool dacc_front_link_rw(DaccFront *f, unsigned port, uint64_t offset,
                               void *buf, size_t len, bool is_write)
{
    if (port == 0 && f->port >= 0 &&
        dacc_link_rw(f->link, f->port, offset, buf, len, is_write)) {
        return true;
    }
    trace_dacc_front_link_error(f->id, offset, len, is_write);
    return false;
}

bool dacc_front_link_read(void *opaque, unsigned port, uint64_t offset,
                          void *buf, size_t len)
{
    return dacc_front_link_rw(opaque, port, offset, buf, len, false);
}

bool dacc_front_link_write(void *opaque, unsigned port, uint64_t offset,
                           const void *buf, size_t len)
{
    return dacc_front_link_rw(opaque, port, offset, (void *)buf, len, true);
}

uint64_t dacc_front_link_ready(void *opaque, unsigned port, uint64_t offset,
                               uint64_t len)
{
    DaccFront *f = opaque;

    if (port != 0 || f->port < 0) {
        return 0;
    }
    return dacc_link_ready(f->link, f->port, offset, len);
}

/*
 * Devices that share a link share a time base, so only the peer on the link is
 * asked. Behind an IOMMU the address is not the one of the peer's BAR, and the
 * answer is that nobody knows.
 */
uint64_t dacc_front_bus_ready(void *opaque, uint64_t addr, uint64_t len)
{
    DaccFront *f = opaque;

    if (f->port < 0) {
        return 0;
    }
    return dacc_link_bus_ready(f->link, f->port, addr, len);
}

bool dacc_front_peek_begin(void *opaque)
{
    DaccFront *f = opaque;

    /* An IOMMU's model is asked with the BQL, for each access. */
    if (f->dma.behind_iommu) {
        return false;
    }
    /* Accesses that the caller made before come first, as on the bus. */
    smp_mb();
    rcu_read_lock();
    f->bus_peek = (DaccPeek) { 0 };
    f->link_peek = (DaccPeek) { 0 };
    return true;
}

const void *dacc_front_peek(void *opaque, DaccSpan *span)
{
    DaccFront *f = opaque;

    if (!span->link) {
        return dacc_memory_peek(f->dma.as, &f->bus_peek, span->addr,
                                &span->len);
    }
    if (span->port != 0 || f->port < 0) {
        return NULL;
    }
    return dacc_link_peek(f->link, f->port, &f->link_peek, span->addr,
                          &span->len);
}

uint64_t dacc_front_peek_end(void *opaque, const DaccSpan *spans, unsigned n)
{
    DaccFront *f = opaque;

    rcu_read_unlock();
    return f->port < 0 ? 0 : dacc_link_peeked(f->link, f->port, spans, n);
}

void dacc_front_mem_dirty(void *opaque, uint64_t offset, uint64_t len)
{
    DaccFront *f = opaque;

    if (len && offset < f->mem_size && len <= f->mem_size - offset) {
        memory_region_set_dirty(f->mem, offset, len);
    }
}

void dacc_front_kick(void *opaque)
{
    DaccFront *f = opaque;

    qemu_bh_schedule(f->bh);
}

/* From the core's service function only, so nobody is at the list. */
void dacc_front_interrupt(void *opaque, unsigned vector)
{
    DaccFront *f = opaque;

    if (f->n_vectors < ARRAY_SIZE(f->vectors) &&
        !memchr(f->vectors, vector, f->n_vectors)) {
        f->vectors[f->n_vectors++] = vector;
    }
}

/* Nothing of the core's may run after this in the same call. */
static void dacc_front_notify(DaccFront *f, unsigned vector)
{
    PCIDevice *pci = PCI_DEVICE(f);

    /* msix_notify() asserts what a guest may have chosen. */
    if (!msix_enabled(pci) || vector >= msix_nr_vectors_allocated(pci)) {
        trace_dacc_front_interrupt_dropped(f->id, vector);
        return;
    }
    trace_dacc_front_interrupt(f->id, vector);
    msix_notify(pci, vector);
}

void dacc_front_thread_enter(void *opaque)
{
    sigset_t set;

    /* Signals are for the main thread. */
    sigfillset(&set);
    sigdelset(&set, SIGSEGV);
    sigdelset(&set, SIGFPE);
    sigdelset(&set, SIGILL);
    sigdelset(&set, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
    /* So that tools can tell a device's own time from the guest's. */
    pthread_setname_np(pthread_self(), object_get_typename(OBJECT(opaque)));
    rcu_register_thread();
}

void dacc_front_thread_exit(void *opaque)
{
    rcu_unregister_thread();
}

static void dacc_front_link_set_state(void *opaque, const DaccLinkState *state)
{
    DaccFront *f = opaque;
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);

    if (fc->set_link) {
        fc->set_link(f->core, 0, state);
    }
}

static bool dacc_front_link_enabled(void *opaque)
{
    DaccFront *f = opaque;
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);

    f->link_enabled = !fc->link_enabled || fc->link_enabled(f->core, 0);
    return f->link_enabled && !f->d3hot;
}

void dacc_front_check_link(DaccFront *f)
{
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);

    if (f->core && f->port >= 0 && fc->link_enabled &&
        fc->link_enabled(f->core, 0) != f->link_enabled) {
        dacc_link_update(f->link);
    }
}

/*
 * An uncorrectable error that is not fatal. One until software has cleared the
 * status, so that a guest gets no storm from what it has caused itself.
 */
static void dacc_front_report_refused(DaccFront *f)
{
    PCIDevice *pci = PCI_DEVICE(f);
    const PCIEAERErr err = {
        .status = PCI_ERR_UNC_UNSUP,
        .source_id = pci_requester_id(pci),
    };

    if (!(pci_get_word(pci->config + PCI_COMMAND) & PCI_COMMAND_MASTER) ||
        (pci_get_long(pci->config + pci->exp.aer_cap + PCI_ERR_UNCOR_STATUS) &
         err.status)) {
        return;
    }
    trace_dacc_front_aer(f->id, err.status);
    pcie_aer_inject_error(pci, &err);
}

static void dacc_front_bh(void *opaque)
{
    DaccFront *f = opaque;

    if (!f->core || f->paused) {
        return;
    }
    object_ref(OBJECT(f));
    dacc_dma_call(&f->dma, DACC_FRONT_GET_CLASS(f)->service, f->core);
    dacc_front_check_link(f);
    while (f->n_vectors) {
        unsigned vector = f->vectors[0];

        memmove(f->vectors, f->vectors + 1, --f->n_vectors);
        dacc_front_notify(f, vector);
    }
    if (f->core && qatomic_xchg(&f->dma_refused, false)) {
        dacc_front_report_refused(f);
    }
    dacc_dma_unref(&f->dma);
}

/* Known when the machine is complete. */
static void dacc_front_find_iommu(DaccFront *f)
{
    f->dma.behind_iommu = pci_device_iommu_address_space(PCI_DEVICE(f)) !=
                          &address_space_memory;
}

static void dacc_front_vm_state(void *opaque, bool running, RunState state)
{
    DaccFront *f = opaque;
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);

    if (!f->core || running == !f->paused) {
        return;
    }
    trace_dacc_front_run_state(f->id, running);
    f->paused = !running;
    if (running) {
        dacc_front_find_iommu(f);
        fc->resume(f->core);
        qemu_bh_schedule(f->bh);
    } else {
        dacc_dma_call(&f->dma, fc->pause, f->core);
    }
}

/* Tells the link where the guest has put the memory BAR, if anywhere. */
static void dacc_front_update_window(DaccFront *f)
{
    PCIDevice *pci = PCI_DEVICE(f);
    uint8_t bar = DACC_FRONT_GET_CLASS(f)->mem_bar;
    pcibus_t addr;

    if (!f->core || f->port < 0) {
        return;
    }
    addr = pci->io_regions[bar].addr;
    if (addr == PCI_BAR_UNMAPPED) {
        dacc_link_set_window(f->link, f->port, 0, 0);
    } else {
        dacc_link_set_window(f->link, f->port, addr, f->mem_size);
    }
}

/*
 * Bus mastering is off: what the bus had granted before ends here, before the
 * guest goes on. Behind an IOMMU accesses are made with the BQL: there are none.
 */
static void dacc_front_drain(DaccFront *f)
{
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);

    if (f->core && !f->paused && !f->dma.behind_iommu) {
        fc->pause(f->core);
        fc->resume(f->core);
    }
}

/*
 * What is not powered: the memory. The pages of a memdev are the user's, and may
 * be huge, or a file's; those of our own may be pinned for a device that is
 * passed through, or locked.
 */
static void dacc_front_lose_memory(DaccFront *f)
{
    if (f->mem != &f->own_mem || ram_block_discard_is_disabled() ||
        should_mlock(mlock_state) ||
        ram_block_discard_range(f->mem->ram_block, 0, f->mem_size)) {
        memset(f->config.mem, 0, f->mem_size);
    }
    memory_region_set_dirty(f->mem, 0, f->mem_size);
}

/*
 * Follows the power state. In D3hot the PCI core unmaps the BARs; No_Soft_Reset
 * is 0, so the way back to D0 is a reset.
 */
static void dacc_front_update_power(DaccFront *f)
{
    PCIDevice *pci = PCI_DEVICE(f);
    bool d3hot = (pci_get_word(pci->config + pci->pm_cap + PCI_PM_CTRL) &
                  PCI_PM_CTRL_STATE_MASK) == 3;

    if (d3hot) {
        /* The PCI core sets this with each write of the command register. */
        memory_region_set_enabled(&pci->bus_master_enable_region, false);
    }
    if (!f->core || d3hot == f->d3hot) {
        return;
    }
    trace_dacc_front_power(f->id, d3hot);
    if (!d3hot) {
        pci_device_reset(pci);
        return;
    }
    f->d3hot = true;
    dacc_dma_call(&f->dma, DACC_FRONT_GET_CLASS(f)->reset, f->core);
    f->n_vectors = 0;
    qatomic_set(&f->dma_refused, false);
    if (f->core && f->port >= 0) {
        dacc_link_refresh(f->link);
    }
    if (f->core) {
        dacc_front_lose_memory(f);
    }
}

static void dacc_front_write_config(PCIDevice *pci, uint32_t addr,
                                    uint32_t val, int len)
{
    uint16_t before = pci_get_word(pci->config + PCI_COMMAND);
    uint16_t off;

    pci_default_write_config(pci, addr, val, len);
    off = before & ~pci_get_word(pci->config + PCI_COMMAND);
    if (off & PCI_COMMAND_MASTER) {
        dacc_front_drain(DACC_FRONT(pci));
    }
    pcie_aer_write_config(pci, addr, val, len);
    dacc_front_update_power(DACC_FRONT(pci));
    dacc_front_update_window(DACC_FRONT(pci));
    /* May reset the device, and its BARs with it. */
    pcie_cap_flr_write_config(pci, addr, val, len);
}

/* FLR, bus reset, system reset. */
static void dacc_front_reset_hold(Object *obj, ResetType type)
{
    DaccFront *f = DACC_FRONT(obj);
    PCIDevice *pci = PCI_DEVICE(f);

    pcie_cap_deverr_reset(pci);
    /* The PCI core sets the register to D0. */
    if (f->d3hot && f->core) {
        /* The other end of the link may have been in the middle of a write. */
        dacc_front_lose_memory(f);
    }
    f->d3hot = false;
    qatomic_set(&f->dma_refused, false);
    if (!f->core) {
        return;
    }
    trace_dacc_front_reset(f->id);
    dacc_dma_call(&f->dma, DACC_FRONT_GET_CLASS(f)->reset, f->core);
    f->n_vectors = 0;
    if (f->core && f->port >= 0) {
        /*
         * The PCI core unmaps the BARs after this; they come back through
         * dacc_front_write_config().
         */
        dacc_link_set_window(f->link, f->port, 0, 0);
        dacc_link_update(f->link);
    }
}

static uint64_t dacc_front_link_end_ready(void *opaque, uint64_t offset,
                                          uint64_t len)
{
    DaccFront *f = opaque;

    return DACC_FRONT_GET_CLASS(f)->ready(f->core, offset, len);
}

static void dacc_front_link_inject(void *opaque, uint32_t packets)
{
    DaccFront *f = opaque;

    DACC_FRONT_GET_CLASS(f)->inject(f->core,
                                    DACC_INJECT_LINK_CRC | packets << 8);
}

static bool dacc_front_attach(DaccFront *f, Error **errp)
{
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(fc);
    const DaccLinkEndpoint end = {
        .owner = OBJECT(f),
        .mem = f->mem,
        .pci_id = (uint32_t)pc->device_id << 16 | pc->vendor_id,
        .opaque = f,
        .set_state = dacc_front_link_set_state,
        .enabled = dacc_front_link_enabled,
        .inject_crc = fc->inject ? dacc_front_link_inject : NULL,
        .ready = dacc_front_link_end_ready,
    };
    DaccLinkState state;

    f->port = dacc_link_attach(f->link, &end, errp);
    if (f->port < 0) {
        return false;
    }
    dacc_link_get_state(f->link, f->port, &state);
    dacc_front_link_set_state(f, &state);
    return true;
}

/* The capability by which software finds out what the link connects. */
static void dacc_front_add_dvsec(DaccFront *f)
{
    PCIDevice *pci = PCI_DEVICE(f);
    uint8_t *dvsec = pci->config + DACC_FRONT_DVSEC;
    uint8_t *port = dvsec + DACC_DVSEC_PORTS;
    uint32_t len = DACC_DVSEC_PORTS + sizeof(struct dacc_dvsec_port);

    pcie_add_capability(pci, PCI_EXT_CAP_ID_DVSEC, 1, DACC_FRONT_DVSEC, len);
    pci_set_long(dvsec + PCI_DVSEC_HEADER1,
                 len << 20 | DACC_DVSEC_REV << 16 | DACC_DVSEC_VENDOR);
    pci_set_word(dvsec + PCI_DVSEC_HEADER2, DACC_DVSEC_ID);
    pci_set_word(dvsec + DACC_DVSEC_FLAGS, DACC_FRONT_GET_CLASS(f)->mem_bar);
    pci_set_long(dvsec + DACC_DVSEC_NPORTS, 1);
    pci_set_quad(port + offsetof(struct dacc_dvsec_port, uid),
                 dacc_link_uid(f->link));
    pci_set_long(port + offsetof(struct dacc_dvsec_port, port), 0);
}

typedef struct DaccFrontWrite {
    DaccFront *f;
    hwaddr addr;
    uint64_t value;
    unsigned size;
} DaccFrontWrite;

static void dacc_front_do_write(void *opaque)
{
    DaccFrontWrite *w = opaque;

    DACC_FRONT_GET_CLASS(w->f)->reg_write(w->f->core, w->addr, w->value,
                                          w->size);
}

void dacc_front_write(DaccFront *f, hwaddr addr, uint64_t value, unsigned size,
                      bool waits)
{
    DaccFrontWrite w = { f, addr, value, size };

    if (waits) {
        dacc_dma_call(&f->dma, dacc_front_do_write, &w);
    } else {
        dacc_front_do_write(&w);
    }
}

static uint64_t dacc_front_tail_read(void *opaque, hwaddr addr, unsigned size)
{
    return UINT64_MAX;
}

static void dacc_front_tail_write(void *opaque, hwaddr addr, uint64_t value,
                                  unsigned size)
{
    qemu_log_mask(LOG_GUEST_ERROR, "%s: write past the end of the memory\n",
                  DACC_FRONT(opaque)->id);
}

static const MemoryRegionOps dacc_front_tail_ops = {
    .read = dacc_front_tail_read,
    .write = dacc_front_tail_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

static void dacc_front_get_size(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    visit_type_size(v, name, object_field_prop_ptr(obj, opaque), errp);
}

static void dacc_front_set_size(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    if (visit_type_size(v, name, object_field_prop_ptr(obj, opaque), errp)) {
        DACC_FRONT(obj)->mem_size_given = true;
    }
}

static void dacc_front_default_size(ObjectProperty *op, const Property *prop)
{
    object_property_set_default_uint(op, prop->defval.u);
}

const PropertyInfo dacc_front_prop_size = {
    .type = "size",
    .get = dacc_front_get_size,
    .set = dacc_front_set_size,
    .set_default_value = dacc_front_default_size,
};

static bool dacc_front_init_memory(DaccFront *f, Error **errp)
{
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);
    Object *obj = OBJECT(f);

    if (f->memdev) {
        MemoryRegion *mr = host_memory_backend_get_memory(f->memdev);
        const char *id =
            object_get_canonical_path_component(OBJECT(f->memdev));

        if (f->mem_size_given) {
            error_setg(errp, "memdev '%s' has its own size: leave %s out", id,
                       fc->size_name);
            return false;
        }
        if (host_memory_backend_is_mapped(f->memdev)) {
            error_setg(errp, "memdev '%s' is in use already", id);
            return false;
        }
        if (memory_region_is_rom(mr)) {
            error_setg(errp, "memdev '%s' is read only", id);
            return false;
        }
        f->mem_size = memory_region_size(mr);
    }
    if (!f->mem_size) {
        error_setg(errp, "%s must not be 0", fc->size_name);
        return false;
    }
    if (f->mem_size % (64 * KiB) ||
        f->mem_size > DACC_FRONT_MEM_MAX ||
        (fc->mem_pow2 && !is_power_of_2(f->mem_size))) {
        error_setg(errp, "memory size 0x%" PRIx64 " is not %s of 64 KiB, "
                   "or above 64 GiB", f->mem_size,
                   fc->mem_pow2 ? "a power-of-two multiple" : "a multiple");
        return false;
    }
    if (f->memdev) {
        f->mem = host_memory_backend_get_memory(f->memdev);
        host_memory_backend_set_mapped(f->memdev, true);
        vmstate_register_ram(f->mem, DEVICE(f));
    } else {
        if (!memory_region_init_ram(&f->own_mem, obj, fc->mem_name,
                                    f->mem_size, errp)) {
            return false;
        }
        f->mem = &f->own_mem;
    }
    memory_region_init(&f->mem_bar, obj, "dacc-memory-bar",
                       pow2ceil(f->mem_size));
    memory_region_init_io(&f->mem_tail, obj, &dacc_front_tail_ops, f,
                          "dacc-memory-tail", pow2ceil(f->mem_size));
    memory_region_add_subregion_overlap(&f->mem_bar, 0, &f->mem_tail, -1);
    memory_region_add_subregion(&f->mem_bar, 0, f->mem);
    f->config.mem = memory_region_get_ram_ptr(f->mem);
    f->config.mem_size = f->mem_size;
    return true;
}

static bool dacc_front_init_vector(DaccFront *f, Error **errp)
{
    static const char *const names[] = {
        [DACC_VECTOR_AUTO] = "auto",
        [DACC_VECTOR_SCALAR] = "scalar",
        [DACC_VECTOR_AVX2] = "avx2",
    };
    int i;

    f->config.vector = DACC_VECTOR_AUTO;
    if (!f->vector) {
        return true;
    }
    for (i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(f->vector, names[i])) {
            f->config.vector = i;
            return true;
        }
    }
    error_setg(errp, "vector is auto, scalar or avx2, not '%s'", f->vector);
    return false;
}

void dacc_front_unmap(MemoryRegion *mr)
{
    if (mr->container) {
        memory_region_del_subregion(mr->container, mr);
    }
}

/* Undoes realize, also one that stopped halfway. */
static void dacc_front_exit(PCIDevice *pci)
{
    DaccFront *f = DACC_FRONT(pci);
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);

    void *core = f->core;

    /* First: nobody else asks this core any more. */
    if (f->port >= 0) {
        dacc_link_detach(f->link, f->port);
    }
    if (f->vmstate) {
        qemu_del_vm_change_state_handler(f->vmstate);
        f->vmstate = NULL;
    }
    if (core) {
        trace_dacc_front_exit(f->id, fc->busy(core));
        f->core = NULL;
        dacc_dma_call(&f->dma, fc->core_free, core);
    }
    /* After the engine, which reads the port and schedules the rest. */
    f->port = -1;
    f->n_vectors = 0;
    if (f->bh) {
        qemu_bh_delete(f->bh);
        f->bh = NULL;
    }
    dacc_dma_stop(&f->dma);
    if (pci->exp.aer_cap) {
        pcie_aer_exit(pci);
    }
    if (pci->exp.exp_cap) {
        pcie_cap_exit(pci);
    }
    if (msix_present(pci)) {
        msix_uninit(pci, &f->regs_bar, &f->regs_bar);
    }
    if (f->mem) {
        dacc_front_unmap(f->mem);
        /*
         * RCU keeps the block for a while; its name must be free at once, for
         * the next device in this slot.
         */
        vmstate_unregister_ram(f->mem, DEVICE(f));
        if (f->memdev) {
            host_memory_backend_set_mapped(f->memdev, false);
        }
        f->mem = NULL;
    }
    dacc_front_unmap(&f->mem_tail);
    dacc_front_unmap(&f->regs);
}

static bool dacc_front_init_pci(DaccFront *f, Error **errp)
{
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);
    PCIDevice *pci = PCI_DEVICE(f);
    unsigned i;
    int pos;

    memory_region_init(&f->regs_bar, OBJECT(f), "dacc-regs-bar",
                       fc->regs_size);
    memory_region_init_io(&f->regs, OBJECT(f), fc->regs_ops, f, "dacc-regs",
                          fc->regs_size);
    memory_region_add_subregion_overlap(&f->regs_bar, 0, &f->regs, -1);
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &f->regs_bar);
    pci_register_bar(pci, fc->mem_bar, PCI_BASE_ADDRESS_SPACE_MEMORY |
                     PCI_BASE_ADDRESS_MEM_TYPE_64 |
                     PCI_BASE_ADDRESS_MEM_PREFETCH, &f->mem_bar);

    if (msix_init(pci, fc->msix_vectors, &f->regs_bar, 0, fc->msix_table,
                  &f->regs_bar, 0, fc->msix_pba, 0, errp) < 0) {
        return false;
    }
    for (i = 0; i < fc->msix_vectors; i++) {
        msix_vector_use(pci, i);
    }

    /* D0 and D3hot; neither PME nor No_Soft_Reset. */
    pos = pci_pm_init(pci, DACC_FRONT_PM_CAP, errp);
    if (pos < 0) {
        return false;
    }
    pci_set_word(pci->config + pos + PCI_PM_PMC, 3);
    pci_set_word(pci->wmask + pos + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);

    pos = pcie_endpoint_cap_init(pci, DACC_FRONT_PCIE_CAP);
    if (pos < 0) {
        error_setg(errp, "the PCI Express capability does not fit");
        return false;
    }
    pcie_cap_fill_link_ep_usp(pci, QEMU_PCI_EXP_LNK_X16, QEMU_PCI_EXP_LNK_32GT);
    pcie_cap_deverr_init(pci);
    pcie_cap_flr_init(pci);
    return pcie_aer_init(pci, PCI_ERR_VER, DACC_FRONT_AER, PCI_ERR_SIZEOF,
                         errp) >= 0;
}

static void dacc_front_realize(PCIDevice *pci, Error **errp)
{
    DaccFront *f = DACC_FRONT(pci);
    DaccFrontClass *fc = DACC_FRONT_GET_CLASS(f);
    const char *err = NULL;

    f->port = -1;
    if (!pci_bus_is_express(pci_get_bus(pci))) {
        error_setg(errp, "bus '%s' is conventional PCI: %s needs PCI Express, "
                   "such as a pcie-root-port",
                   BUS(pci_get_bus(pci))->name, object_get_typename(OBJECT(f)));
        return;
    }
    g_free(f->id);
    f->id = g_strdup(DEVICE(f)->id ?: object_get_typename(OBJECT(f)));
    if (f->config.threads > DACC_FRONT_MAX_THREADS) {
        error_setg(errp, "threads is at most %d", DACC_FRONT_MAX_THREADS);
        return;
    }
    if (!dacc_front_init_vector(f, errp) ||
        !dacc_front_init_memory(f, errp) ||
        !dacc_front_init_pci(f, errp)) {
        dacc_front_exit(pci);
        return;
    }

    f->bh = qemu_bh_new_guarded(dacc_front_bh, f,
                                &DEVICE(f)->mem_reentrancy_guard);
    if (!dacc_dma_start(&f->dma, pci_get_address_space(pci), errp)) {
        dacc_front_exit(pci);
        return;
    }
    f->core = fc->core_new(f, &err);
    if (!f->core) {
        error_setg(errp, "%s", err ?: "the device's core could not start");
        dacc_front_exit(pci);
        return;
    }
    if (f->link) {
        if (!dacc_front_attach(f, errp)) {
            dacc_front_exit(pci);
            return;
        }
        dacc_front_add_dvsec(f);
    }
    if (runstate_is_running()) {
        dacc_front_find_iommu(f);
    } else {
        f->paused = true;
        fc->pause(f->core);
    }
    f->vmstate = qdev_add_vm_change_state_handler(DEVICE(f),
                                                  dacc_front_vm_state, f);
}

static void dacc_front_init(Object *obj)
{
    /* The property's default was set before. */
    DACC_FRONT(obj)->mem_size_given = false;
    dacc_dma_init(&DACC_FRONT(obj)->dma, obj);
}

static void dacc_front_finalize(Object *obj)
{
    dacc_dma_fini(&DACC_FRONT(obj)->dma);
    g_free(DACC_FRONT(obj)->id);
}

/* Neither the core's queues nor the link's state can be saved yet. */
static const VMStateDescription dacc_front_vmstate = {
    .name = TYPE_DACC_FRONT,
    .unmigratable = 1,
};

#define DACC_FRONT_TIMING(name, index)                                      \
    DEFINE_PROP_UNSIGNED_NODEFAULT(name, DaccFront, config.timing[index],   \
                                   qdev_prop_uint64, uint64_t)

static const Property dacc_front_properties[] = {
    DEFINE_PROP_LINK("link", DaccFront, link, TYPE_DACC_LINK, DaccLink *),
    DEFINE_PROP_LINK("memdev", DaccFront, memdev, TYPE_MEMORY_BACKEND,
                     HostMemoryBackend *),
    DEFINE_PROP_STRING("vector", DaccFront, vector),
    DEFINE_PROP_BOOL("aer", DaccFront, aer, false),
    DEFINE_PROP_UINT32("threads", DaccFront, config.threads, 1),
    DACC_FRONT_TIMING("sram-bw", DACC_TIMING_SRAM_BW),
    DACC_FRONT_TIMING("peak", DACC_TIMING_PEAK),
    DACC_FRONT_TIMING("insn-ps", DACC_TIMING_INSN_PS),
    DACC_FRONT_TIMING("layer-ps", DACC_TIMING_LAYER_PS),
    DACC_FRONT_TIMING("step-ps", DACC_TIMING_STEP_PS),
    DACC_FRONT_TIMING("dma-desc-ps", DACC_TIMING_DMA_DESC_PS),
    DACC_FRONT_TIMING("dma-block-ps", DACC_TIMING_DMA_BLOCK_PS),
    DACC_FRONT_TIMING("pcie-bw", DACC_TIMING_PCIE_BW),
    DACC_FRONT_TIMING("pcie-ps", DACC_TIMING_PCIE_PS),
    DACC_FRONT_TIMING("fj-op", DACC_TIMING_FJ_OP),
    DACC_FRONT_TIMING("fj-byte", DACC_TIMING_FJ_BYTE),
};

static void dacc_front_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    pc->realize = dacc_front_realize;
    pc->exit = dacc_front_exit;
    pc->config_write = dacc_front_write_config;
    pc->revision = 1;
    rc->phases.hold = dacc_front_reset_hold;
    dc->vmsd = &dacc_front_vmstate;
    device_class_set_props(dc, dacc_front_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo dacc_front_types[] = {
    {
        .name = TYPE_DACC_FRONT,
        .parent = TYPE_PCI_DEVICE,
        .abstract = true,
        .instance_size = sizeof(DaccFront),
        .instance_init = dacc_front_init,
        .instance_finalize = dacc_front_finalize,
        .class_size = sizeof(DaccFrontClass),
        .class_init = dacc_front_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { }
        },
    },
};

DEFINE_TYPES(dacc_front_types)
