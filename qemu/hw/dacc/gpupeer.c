/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gpupeer: a GPU that prefills, on PCI Express (contract: gpupeer_hw.h).
 *
 *   -device gpupeer,id=gpu0[,link=l0][,hbm-size=256M | ,memdev=ID][,threads=N]
 *           [,vector=auto|scalar|avx2][,launch-ps=N][,PARAMETER=N]
 *
 * PARAMETER as for the device dacc.
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/qdev-properties.h"
#include "front.h"
#include "trace.h"

#define TYPE_GPUPEER "gpupeer"

static void gpupeer_trace(void *opaque, DaccTraceEvent event, uint64_t a,
                          uint64_t b, uint64_t c)
{
    const char *id = DACC_FRONT(opaque)->id;

    switch (event) {
    case DACC_TRACE_FETCH:
        trace_gpupeer_fetch(id, b, c);
        break;
    case DACC_TRACE_START:
        trace_gpupeer_start(id, b, c);
        break;
    case DACC_TRACE_COMPLETE:
        trace_gpupeer_complete(id, b, c);
        break;
    case DACC_TRACE_FAULT:
        trace_gpupeer_fault(id, b, c);
        break;
    case DACC_TRACE_QUEUE_STATE:
        trace_gpupeer_state(id, b);
        break;
    case DACC_TRACE_ROUTE:
        trace_gpupeer_route(id, b, c);
        break;
    case DACC_TRACE_RESET:
        trace_gpupeer_reset(id, a);
        break;
    case DACC_TRACE_QUEUE_WRITE:
        /* The chip's. */
        break;
    case DACC_TRACE_GUEST_ERROR:
        trace_gpupeer_guest_error(id, a, b, c);
        qemu_log_mask(LOG_GUEST_ERROR, "%s: register 0x%" PRIx64
                      ": value 0x%" PRIx64 ", size %" PRIu64 "\n", id, a, b, c);
        break;
    }
}

static const DaccHostOps gpupeer_host_ops = {
    DACC_FRONT_HOST_OPS,
    .trace = gpupeer_trace,
};

static uint64_t gpupeer_regs_read(void *opaque, hwaddr addr, unsigned size)
{
    DaccFront *f = opaque;
    uint64_t value = UINT64_MAX;

    if (!dacc_front_access_ok(addr, size)) {
        gpupeer_trace(f, DACC_TRACE_GUEST_ERROR, addr, 0, size);
    } else if (f->core) {
        value = gpu_core_reg_read(f->core, addr, size);
    }
    trace_gpupeer_mmio_read(f->id, addr, size, value);
    return value;
}

static void gpupeer_regs_write(void *opaque, hwaddr addr, uint64_t value,
                               unsigned size)
{
    DaccFront *f = opaque;

    trace_gpupeer_mmio_write(f->id, addr, size, value);
    if (!dacc_front_access_ok(addr, size)) {
        gpupeer_trace(f, DACC_TRACE_GUEST_ERROR, addr, value, size);
    } else if (f->core) {
        dacc_front_write(f, addr, value, size,
                         (addr & ~7ull) == GPUPEER_REG_CTRL);
    }
}

static const MemoryRegionOps gpupeer_regs_ops = {
    .read = gpupeer_regs_read,
    .write = gpupeer_regs_write,
    DACC_FRONT_REGS_ACCESS,
};

static void *gpupeer_new(DaccFront *f, const char **err)
{
    return gpu_core_new(&f->config, &gpupeer_host_ops, f, err);
}

static void gpupeer_free(void *core)
{
    gpu_core_free(core);
}

static void gpupeer_reg_write(void *core, uint64_t offset, uint64_t value,
                              unsigned size)
{
    gpu_core_reg_write(core, offset, value, size);
}

static void gpupeer_service(void *core)
{
    gpu_core_service(core);
}

static void gpupeer_reset(void *core)
{
    gpu_core_reset(core);
}

static void gpupeer_pause(void *core)
{
    gpu_core_pause(core);
}

static void gpupeer_resume(void *core)
{
    gpu_core_resume(core);
}

static bool gpupeer_busy(void *core)
{
    return gpu_core_busy(core);
}

static uint64_t gpupeer_ready(void *core, uint64_t offset, uint64_t len)
{
    return gpu_core_ready(core, offset, len);
}

static void gpupeer_init(Object *obj)
{
    DaccFront *f = DACC_FRONT(obj);
    unsigned threads = f->config.threads;

    /* The timing parameters; the rest comes from the properties. */
    gpu_core_default_config(&f->config);
    f->config.threads = threads;
}

static const Property gpupeer_properties[] = {
    DEFINE_DACC_FRONT_PROP_SIZE("hbm-size", 256 * MiB),
    DEFINE_PROP_UNSIGNED_NODEFAULT("launch-ps", DaccFront, config.launch_ps,
                                   qdev_prop_uint64, uint64_t),
};

static void gpupeer_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    DaccFrontClass *fc = DACC_FRONT_CLASS(klass);

    dc->desc = "GPU that prefills for a decode accelerator";
    pc->vendor_id = GPUPEER_PCI_VENDOR_ID;
    pc->device_id = GPUPEER_PCI_DEVICE_ID;
    pc->class_id = GPUPEER_PCI_CLASS;
    device_class_set_props(dc, gpupeer_properties);

    fc->regs_ops = &gpupeer_regs_ops;
    fc->regs_size = GPUPEER_REGS_SIZE;
    fc->msix_vectors = GPUPEER_MSIX_VECTORS;
    fc->msix_table = GPUPEER_MSIX_TABLE_OFFSET;
    fc->msix_pba = GPUPEER_MSIX_PBA_OFFSET;
    fc->mem_bar = GPUPEER_BAR_HBM;
    fc->mem_name = "gpupeer.hbm";
    fc->size_name = "hbm-size";
    fc->mem_pow2 = true;
    fc->core_new = gpupeer_new;
    fc->core_free = gpupeer_free;
    fc->reg_write = gpupeer_reg_write;
    fc->service = gpupeer_service;
    fc->reset = gpupeer_reset;
    fc->pause = gpupeer_pause;
    fc->resume = gpupeer_resume;
    fc->busy = gpupeer_busy;
    fc->ready = gpupeer_ready;
}

static const TypeInfo gpupeer_types[] = {
    {
        .name = TYPE_GPUPEER,
        .parent = TYPE_DACC_FRONT,
        .instance_size = sizeof(DaccFront),
        .instance_init = gpupeer_init,
        .class_init = gpupeer_class_init,
    },
};

DEFINE_TYPES(gpupeer_types)
