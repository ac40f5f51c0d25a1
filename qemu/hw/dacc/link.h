/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dacc-link: a point-to-point link between the memories of two devices.
 *
 * It is no PCI traffic: the link has an address space of its own, in which
 * each of its two ports shows the memory of the device behind it. A device
 * attaches in its realize and detaches in its exit.
 */
#ifndef HW_DACC_LINK_H
#define HW_DACC_LINK_H

#include "exec/memory.h"
#include "qom/object.h"
#include "core/core.h"
#include "dma.h"

#define TYPE_DACC_LINK "dacc-link"
OBJECT_DECLARE_SIMPLE_TYPE(DaccLink, DACC_LINK)

#define DACC_LINK_ENDS 2

typedef struct DaccLinkEndpoint {
    Object *owner;
    MemoryRegion *mem;
    uint32_t pci_id;            /* as DACC_LINK_PEER */
    void *opaque;
    /* From the link's bottom half, with the BQL. */
    void (*set_state)(void *opaque, const DaccLinkState *state);
    bool (*enabled)(void *opaque);
    /* May be NULL: this end does not count CRC errors. */
    void (*inject_crc)(void *opaque, uint32_t packets);
    /* Any thread, with a lock of the link's held. */
    uint64_t (*ready)(void *opaque, uint64_t offset, uint64_t len);
} DaccLinkEndpoint;

/* Returns the port (0 or 1), or -1 with an error set. */
int dacc_link_attach(DaccLink *link, const DaccLinkEndpoint *end, Error **errp);
/* Afterwards no callback of the endpoint runs or will run. */
void dacc_link_detach(DaccLink *link, unsigned port);

uint64_t dacc_link_uid(const DaccLink *link);
void dacc_link_get_state(DaccLink *link, unsigned port, DaccLinkState *state);
/* Something that the state depends on may have changed: look at it soon. */
void dacc_link_update(DaccLink *link);
/* The same at once: both ends know when this returns. */
void dacc_link_refresh(DaccLink *link);
/* Where the endpoint's memory is on the PCI bus; size 0: nowhere. */
void dacc_link_set_window(DaccLink *link, unsigned port, uint64_t base,
                          uint64_t size);

/* These five: any thread; @port is the caller's own port. */
bool dacc_link_rw(DaccLink *link, unsigned port, uint64_t offset, void *buf,
                  size_t len, bool is_write);
uint64_t dacc_link_ready(DaccLink *link, unsigned port, uint64_t offset,
                         uint64_t len);
uint64_t dacc_link_bus_ready(DaccLink *link, unsigned port, uint64_t addr,
                             uint64_t len);
/* As dacc_memory_peek(), of the memory at the other end. */
const void *dacc_link_peek(DaccLink *link, unsigned port, DaccPeek *peek,
                           uint64_t offset, uint64_t *len);
/*
 * These spans, on the bus or over the link, were read by pointer: counts the
 * link's, and returns the latest time at which one of them was ready.
 */
uint64_t dacc_link_peeked(DaccLink *link, unsigned port, const DaccSpan *spans,
                          unsigned n);

#endif
