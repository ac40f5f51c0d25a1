/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dacc: a decode accelerator on PCI Express (contract: dacc_hw.h).
 *
 *   -device dacc-link,id=l0
 *   -device dacc,id=dacc0[,link=l0][,sram-size=64M | ,memdev=ID][,threads=N]
 *           [,vector=auto|scalar|avx2][,queues=N][,inject=off][,aer=on]
 *           [,PARAMETER=N]
 *
 * PARAMETER is a timing parameter (sram-bw, peak, insn-ps, layer-ps, step-ps,
 * dma-desc-ps, dma-block-ps, pcie-bw, pcie-ps, fj-op, fj-byte; enum dacc_timing)
 * or temperature or temperature-crit, in thousandths of a degree. threads=0
 * runs jobs in the main loop, for fuzzing. With aer=on, DMA that the bus refuses
 * is reported as an Unsupported Request too. At run time:
 *   qom-set /machine/peripheral/dacc0 inject-fault N   as DACC_REG_INJECT
 *   qom-set /machine/peripheral/dacc0 temperature 99000
 *   qom-get /machine/peripheral/dacc0 busy | device-time | temperature
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/qdev-properties.h"
#include "front.h"
#include "trace.h"

#define TYPE_DACC "dacc"
OBJECT_DECLARE_SIMPLE_TYPE(DaccState, DACC)

struct DaccState {
    DaccFront parent_obj;

    MemoryRegion doorbell_bar;
    MemoryRegion doorbell;
};

static void dacc_trace(void *opaque, DaccTraceEvent event, uint64_t a,
                       uint64_t b, uint64_t c)
{
    const char *id = DACC_FRONT(opaque)->id;

    switch (event) {
    case DACC_TRACE_FETCH:
        trace_dacc_fetch(id, a, b, c);
        break;
    case DACC_TRACE_START:
        trace_dacc_start(id, a, b, c);
        break;
    case DACC_TRACE_COMPLETE:
        trace_dacc_complete(id, a, b, c);
        break;
    case DACC_TRACE_FAULT:
        trace_dacc_fault(id, a, b, c);
        break;
    case DACC_TRACE_QUEUE_STATE:
        trace_dacc_queue_state(id, a, b);
        break;
    case DACC_TRACE_ROUTE:
        trace_dacc_route(id, a, b, c);
        break;
    case DACC_TRACE_RESET:
        trace_dacc_reset(id, a);
        break;
    case DACC_TRACE_QUEUE_WRITE:
        trace_dacc_queue_write(id, a, b, c);
        break;
    case DACC_TRACE_GUEST_ERROR:
        trace_dacc_guest_error(id, a, b, c);
        qemu_log_mask(LOG_GUEST_ERROR, "%s: register 0x%" PRIx64
                      ": value 0x%" PRIx64 ", size %" PRIu64 "\n", id, a, b, c);
        break;
    }
}

static const DaccHostOps dacc_host_ops = {
    DACC_FRONT_HOST_OPS,
    .trace = dacc_trace,
};

static uint64_t dacc_regs_read(void *opaque, hwaddr addr, unsigned size)
{
    DaccFront *f = opaque;
    uint64_t value = UINT64_MAX;

    if (!dacc_front_access_ok(addr, size)) {
        dacc_trace(f, DACC_TRACE_GUEST_ERROR, addr, 0, size);
    } else if (f->core) {
        value = dacc_core_reg_read(f->core, addr, size);
    }
    trace_dacc_mmio_read(f->id, addr, size, value);
    return value;
}

/* Resets wait until the engine has let go. */
static bool dacc_write_waits(hwaddr addr)
{
    addr &= ~7ull;
    if (addr < DACC_REG_QUEUE) {
        return addr == DACC_REG_CTRL;
    }
    return (addr - DACC_REG_QUEUE) % DACC_QUEUE_STRIDE == DACC_QUEUE_CTRL;
}

static void dacc_regs_write(void *opaque, hwaddr addr, uint64_t value,
                            unsigned size)
{
    DaccFront *f = opaque;

    trace_dacc_mmio_write(f->id, addr, size, value);
    if (!dacc_front_access_ok(addr, size)) {
        dacc_trace(f, DACC_TRACE_GUEST_ERROR, addr, value, size);
        return;
    }
    if (!f->core) {
        return;
    }
    dacc_front_write(f, addr, value, size, dacc_write_waits(addr));
    dacc_front_check_link(f);
}

static const MemoryRegionOps dacc_regs_ops = {
    .read = dacc_regs_read,
    .write = dacc_regs_write,
    DACC_FRONT_REGS_ACCESS,
};

static uint64_t dacc_doorbell_read(void *opaque, hwaddr addr, unsigned size)
{
    DaccFront *f = opaque;

    if (size != 4 || addr % 4 || !f->core) {
        return 0;
    }
    return dacc_core_doorbell_read(f->core, addr);
}

static void dacc_doorbell_write(void *opaque, hwaddr addr, uint64_t value,
                                unsigned size)
{
    DaccFront *f = opaque;

    trace_dacc_doorbell(f->id, addr, size, value);
    if (size != 4 || addr % 4) {
        dacc_trace(f, DACC_TRACE_GUEST_ERROR, addr, value, size);
    } else if (f->core) {
        dacc_core_doorbell_write(f->core, addr, value);
    }
}

static const MemoryRegionOps dacc_doorbell_ops = {
    .read = dacc_doorbell_read,
    .write = dacc_doorbell_write,
    DACC_FRONT_REGS_ACCESS,
};

static void *dacc_new(DaccFront *f, const char **err)
{
    return dacc_core_new(&f->config, &dacc_host_ops, f, err);
}

static void dacc_free(void *core)
{
    dacc_core_free(core);
}

static void dacc_reg_write(void *core, uint64_t offset, uint64_t value,
                           unsigned size)
{
    dacc_core_reg_write(core, offset, value, size);
}

static void dacc_service(void *core)
{
    dacc_core_service(core);
}

static void dacc_reset(void *core)
{
    dacc_core_reset(core);
}

static void dacc_pause(void *core)
{
    dacc_core_pause(core);
}

static void dacc_resume(void *core)
{
    dacc_core_resume(core);
}

static bool dacc_busy(void *core)
{
    return dacc_core_busy(core);
}

static uint64_t dacc_ready(void *core, uint64_t offset, uint64_t len)
{
    return dacc_core_ready(core, offset, len);
}

static void dacc_set_link(void *core, unsigned port, const DaccLinkState *state)
{
    dacc_core_set_link(core, port, state);
}

static bool dacc_link_enabled(void *core, unsigned port)
{
    return dacc_core_link_enabled(core, port);
}

static void dacc_inject(void *core, uint32_t value)
{
    dacc_core_inject(core, value);
}

static void dacc_set_inject_fault(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    DaccFront *f = DACC_FRONT(obj);
    uint32_t value;

    if (!visit_type_uint32(v, name, &value, errp)) {
        return;
    }
    if (!f->core) {
        error_setg(errp, "%s is for a device that is plugged", name);
        return;
    }
    trace_dacc_inject(f->id, value);
    if (!dacc_core_inject(f->core, value)) {
        error_setg(errp, "%s: no such fault or queue in 0x%" PRIx32, name,
                   value);
    }
}

static void dacc_get_temperature(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    visit_type_int32(v, name, &DACC_FRONT(obj)->config.temperature, errp);
}

static void dacc_set_temperature(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    DaccFront *f = DACC_FRONT(obj);
    int32_t value;

    if (!visit_type_int32(v, name, &value, errp)) {
        return;
    }
    f->config.temperature = value;
    trace_dacc_temperature(f->id ?: "dacc", value);
    if (f->core) {
        dacc_core_set_temperature(f->core, value);
    }
}

static bool dacc_get_busy(Object *obj, Error **errp)
{
    DaccFront *f = DACC_FRONT(obj);

    return f->core && dacc_core_busy(f->core);
}

static void dacc_get_time(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    DaccFront *f = DACC_FRONT(obj);
    uint64_t time = 0;

    if (f->core) {
        time = dacc_core_reg_read(f->core, DACC_REG_TIME, 8);
    }
    visit_type_uint64(v, name, &time, errp);
}

static void dacc_realize(PCIDevice *pci, Error **errp)
{
    ERRP_GUARD();
    DaccFront *f = DACC_FRONT(pci);
    DaccState *s = DACC(pci);
    PCIDeviceClass *parent = PCI_DEVICE_CLASS(
        object_class_by_name(TYPE_DACC_FRONT));
    uint64_t size;

    if (!f->config.num_queues || f->config.num_queues > DACC_MAX_QUEUES) {
        error_setg(errp, "queues is 1 to %d", DACC_MAX_QUEUES);
        return;
    }
    parent->realize(pci, errp);
    if (*errp) {
        return;
    }
    size = (uint64_t)f->config.num_queues * DACC_DOORBELL_STRIDE;
    memory_region_init(&s->doorbell_bar, OBJECT(s), "dacc-doorbell-bar",
                       pow2ceil(size));
    memory_region_init_io(&s->doorbell, OBJECT(s), &dacc_doorbell_ops, f,
                          "dacc-doorbell", size);
    memory_region_add_subregion(&s->doorbell_bar, 0, &s->doorbell);
    pci_register_bar(pci, DACC_BAR_DOORBELL, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->doorbell_bar);
}

static void dacc_exit(PCIDevice *pci)
{
    PCIDeviceClass *parent = PCI_DEVICE_CLASS(
        object_class_by_name(TYPE_DACC_FRONT));

    parent->exit(pci);
    dacc_front_unmap(&DACC(pci)->doorbell);
}

static void dacc_init(Object *obj)
{
    DaccFront *f = DACC_FRONT(obj);
    unsigned threads = f->config.threads;

    /* The timing parameters; the rest comes from the properties. */
    dacc_core_default_config(&f->config);
    f->config.threads = threads;
    f->config.num_queues = DACC_MAX_QUEUES;
    f->config.inject = true;
}

static const Property dacc_properties[] = {
    DEFINE_DACC_FRONT_PROP_SIZE("sram-size", 64 * MiB),
    DEFINE_PROP_UNSIGNED_NODEFAULT("queues", DaccFront, config.num_queues,
                                   qdev_prop_uint32, uint32_t),
    DEFINE_PROP("inject", DaccFront, config.inject, qdev_prop_bool, bool),
    DEFINE_PROP_SIGNED_NODEFAULT("temperature-crit", DaccFront,
                                 config.temperature_crit, qdev_prop_int32,
                                 int32_t),
};

static void dacc_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    DaccFrontClass *fc = DACC_FRONT_CLASS(klass);

    dc->desc = "decode accelerator";
    pc->realize = dacc_realize;
    pc->exit = dacc_exit;
    pc->vendor_id = DACC_PCI_VENDOR_ID;
    pc->device_id = DACC_PCI_DEVICE_ID;
    pc->class_id = DACC_PCI_CLASS;
    device_class_set_props(dc, dacc_properties);

    fc->regs_ops = &dacc_regs_ops;
    fc->regs_size = DACC_REGS_SIZE;
    fc->msix_vectors = DACC_MSIX_VECTORS;
    fc->msix_table = DACC_MSIX_TABLE_OFFSET;
    fc->msix_pba = DACC_MSIX_PBA_OFFSET;
    fc->mem_bar = DACC_BAR_SRAM;
    fc->mem_name = "dacc.sram";
    fc->size_name = "sram-size";
    fc->core_new = dacc_new;
    fc->core_free = dacc_free;
    fc->reg_write = dacc_reg_write;
    fc->service = dacc_service;
    fc->reset = dacc_reset;
    fc->pause = dacc_pause;
    fc->resume = dacc_resume;
    fc->busy = dacc_busy;
    fc->ready = dacc_ready;
    fc->set_link = dacc_set_link;
    fc->link_enabled = dacc_link_enabled;
    fc->inject = dacc_inject;

    object_class_property_add(klass, "inject-fault", "uint32", NULL,
                              dacc_set_inject_fault, NULL, NULL);
    object_class_property_set_description(klass, "inject-fault",
        "causes a fault: enum dacc_inject in bits 7:0, its argument above");
    object_class_property_add(klass, "temperature", "int32",
                              dacc_get_temperature, dacc_set_temperature,
                              NULL, NULL);
    object_class_property_set_description(klass, "temperature",
        "of the die, in thousandths of a degree Celsius (run time too)");
    object_class_property_add_bool(klass, "busy", dacc_get_busy, NULL);
    object_class_property_add(klass, "device-time", "uint64", dacc_get_time,
                              NULL, NULL, NULL);
}

static const TypeInfo dacc_types[] = {
    {
        .name = TYPE_DACC,
        .parent = TYPE_DACC_FRONT,
        .instance_size = sizeof(DaccState),
        .instance_init = dacc_init,
        .class_init = dacc_class_init,
    },
};

DEFINE_TYPES(dacc_types)
