/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the PCI devices dacc and gpupeer have in common: everything between
 * QEMU and a core (core/core.h). An abstract PCI device; the two derive from it
 * and say through their class which core they have.
 */
#ifndef HW_DACC_FRONT_H
#define HW_DACC_FRONT_H

#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "system/hostmem.h"
#include "system/runstate.h"
#include "core/core.h"
#include "dma.h"
#include "link.h"

#define TYPE_DACC_FRONT "dacc-front"
OBJECT_DECLARE_TYPE(DaccFront, DaccFrontClass, DACC_FRONT)

struct DaccFront {
    PCIDevice parent_obj;

    /* Properties. mem_size belongs to the derived device. */
    DaccLink *link;
    HostMemoryBackend *memdev;
    char *vector;
    bool aer;                   /* report DMA that the bus refuses */
    uint64_t mem_size;
    bool mem_size_given;        /* by the user */
    DaccCoreConfig config;

    void *core;                 /* NULL before realize and after exit */
    char *id;                   /* for messages and traces */
    int port;                   /* on the link, or -1 */
    bool paused;
    bool d3hot;
    bool dma_refused;           /* atomic: to be reported */
    bool link_enabled;          /* this end, as the link knows it */
    MemoryRegion regs_bar;
    MemoryRegion regs;
    MemoryRegion mem_bar;
    MemoryRegion mem_tail;      /* past the memory's end, to the BAR's */
    MemoryRegion own_mem;
    MemoryRegion *mem;          /* own_mem, or the memdev's */
    QEMUBH *bh;
    /* Messages to be sent, each vector at most once. */
    uint8_t vectors[DACC_MSIX_VECTORS];
    unsigned n_vectors;
    DaccDma dma;
    DaccPeek bus_peek;          /* engine thread */
    DaccPeek link_peek;
    VMChangeStateEntry *vmstate;
};

struct DaccFrontClass {
    PCIDeviceClass parent_class;

    const MemoryRegionOps *regs_ops;
    uint32_t regs_size;
    uint32_t msix_vectors;
    uint32_t msix_table;
    uint32_t msix_pba;
    uint8_t mem_bar;
    const char *mem_name;       /* of the RAM block */
    const char *size_name;      /* of the property that gives its size */
    bool mem_pow2;              /* must the memory be a power of two? */

    /* The core's functions. Those after ready may be NULL. */
    void *(*core_new)(DaccFront *f, const char **err);
    void (*core_free)(void *core);
    void (*reg_write)(void *core, uint64_t offset, uint64_t value,
                      unsigned size);
    void (*service)(void *core);
    void (*reset)(void *core);
    void (*pause)(void *core);
    void (*resume)(void *core);
    bool (*busy)(void *core);
    uint64_t (*ready)(void *core, uint64_t offset, uint64_t len);
    void (*set_link)(void *core, unsigned port, const DaccLinkState *state);
    bool (*link_enabled)(void *core, unsigned port);
    void (*inject)(void *core, uint32_t value);
};

/* Of mem_size: a size that knows whether it was asked for. */
extern const PropertyInfo dacc_front_prop_size;

#define DEFINE_DACC_FRONT_PROP_SIZE(name, size)                         \
    DEFINE_PROP_UNSIGNED(name, DaccFront, mem_size, size,               \
                         dacc_front_prop_size, uint64_t)

/* Writes a register of the core; @waits: it may wait for the engine. */
void dacc_front_write(DaccFront *f, hwaddr addr, uint64_t value, unsigned size,
                      bool waits);

/* The guest, or a reset, may have enabled or disabled this end of the link. */
void dacc_front_check_link(DaccFront *f);

/*
 * Takes a region out of its container. A region that stays in a container of
 * the same device would keep the device alive for ever.
 */
void dacc_front_unmap(MemoryRegion *mr);

/* The host operations that the front has for both; opaque is the front. */
bool dacc_front_dma_read(void *opaque, uint64_t addr, void *buf, size_t len);
bool dacc_front_dma_write(void *opaque, uint64_t addr, const void *buf,
                          size_t len);
bool dacc_front_link_read(void *opaque, unsigned port, uint64_t offset,
                          void *buf, size_t len);
bool dacc_front_link_write(void *opaque, unsigned port, uint64_t offset,
                           const void *buf, size_t len);
uint64_t dacc_front_link_ready(void *opaque, unsigned port, uint64_t offset,
                               uint64_t len);
uint64_t dacc_front_bus_ready(void *opaque, uint64_t addr, uint64_t len);
bool dacc_front_peek_begin(void *opaque);
const void *dacc_front_peek(void *opaque, DaccSpan *span);
uint64_t dacc_front_peek_end(void *opaque, const DaccSpan *spans, unsigned n);
void dacc_front_mem_dirty(void *opaque, uint64_t offset, uint64_t len);
void dacc_front_kick(void *opaque);
void dacc_front_interrupt(void *opaque, unsigned vector);
void dacc_front_thread_enter(void *opaque);
void dacc_front_thread_exit(void *opaque);

#define DACC_FRONT_HOST_OPS                         \
    .dma_read = dacc_front_dma_read,                \
    .dma_write = dacc_front_dma_write,              \
    .link_read = dacc_front_link_read,              \
    .link_write = dacc_front_link_write,            \
    .link_ready = dacc_front_link_ready,            \
    .bus_ready = dacc_front_bus_ready,              \
    .peek_begin = dacc_front_peek_begin,            \
    .peek = dacc_front_peek,                        \
    .peek_end = dacc_front_peek_end,                \
    .mem_dirty = dacc_front_mem_dirty,              \
    .kick = dacc_front_kick,                        \
    .interrupt = dacc_front_interrupt,              \
    .thread_enter = dacc_front_thread_enter,        \
    .thread_exit = dacc_front_thread_exit

/*
 * Is this an access that registers take: 4 or 8 bytes, aligned? (Others read as
 * ones and write nothing.) The regions accept every access, so that the answer
 * to a bad one is the contract's and not the bus's.
 */
static inline bool dacc_front_access_ok(hwaddr addr, unsigned size)
{
    return (size == 4 || size == 8) && !(addr & (size - 1));
}

#define DACC_FRONT_REGS_ACCESS                      \
    .endianness = DEVICE_LITTLE_ENDIAN,             \
    .valid = {                                      \
        .min_access_size = 1,                       \
        .max_access_size = 8,                       \
        .unaligned = true,                          \
    },                                              \
    .impl = {                                       \
        .min_access_size = 1,                       \
        .max_access_size = 8,                       \
        .unaligned = true,                          \
    }

#endif
