/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dacc-link: a point-to-point link between the memories of two devices.
 *
 *   -device dacc-link,id=l0[,up=off][,bandwidth=B][,latency-ps=N][,uid=U]
 *   -device dacc,link=l0 -device gpupeer,link=l0
 *
 * bandwidth is in bytes per microsecond and direction. At run time:
 *   qom-set /machine/peripheral/l0 up false        takes the link down
 *   qom-set /machine/peripheral/l0 crc-errors 3    the next 3 packets fail
 *   qom-get ... trained, port0-tx-bytes, port1-tx-bytes
 *
 * Locking. The BQL guards everything but what ready() callbacks and transfers
 * of engine threads look at: endpoints and windows, which link->lock guards
 * too. Nobody who holds link->lock takes the BQL.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/thread.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/qdev-core.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "system/runstate.h"
#include "dma.h"
#include "link.h"
#include "trace.h"

/* Each port's window in the link's address space is this large at most. */
#define DACC_LINK_PORT_SHIFT 40

struct DaccLink {
    DeviceState parent_obj;

    uint64_t bandwidth;
    uint64_t latency_ps;
    uint64_t uid;
    bool wanted;

    bool trained;
    bool learnt;                /* these two ends have trained before */
    uint32_t crc_errors;        /* asked for, not handed on yet */
    char *id;
    MemoryRegion root;
    MemoryRegion alias[DACC_LINK_ENDS];
    AddressSpace as;
    QEMUBH *bh;
    VMChangeStateEntry *vmstate;
    QLIST_ENTRY(DaccLink) next;

    QemuMutex lock;
    DaccLinkEndpoint end[DACC_LINK_ENDS];   /* owner NULL: nobody there */
    struct {
        uint64_t base;
        uint64_t size;
    } window[DACC_LINK_ENDS];
    uint64_t tx_bytes[DACC_LINK_ENDS];      /* atomic */
};

/* All links, to keep their uids apart. */
static QLIST_HEAD(, DaccLink) dacc_links = QLIST_HEAD_INITIALIZER(dacc_links);

uint64_t dacc_link_uid(const DaccLink *link)
{
    return link->uid;
}

void dacc_link_get_state(DaccLink *link, unsigned port, DaccLinkState *state)
{
    const DaccLinkEndpoint *peer = &link->end[!port];

    *state = (DaccLinkState) {
        .present = true,
        .up = link->trained,
        .uid = link->uid,
        .bandwidth = link->bandwidth,
        .latency_ps = link->latency_ps,
    };
    if (link->learnt && peer->owner) {
        state->peer = peer->pci_id;
        state->peer_size = memory_region_size(peer->mem);
    }
}

void dacc_link_refresh(DaccLink *link)
{
    bool enabled[DACC_LINK_ENDS] = { false, false };
    uint32_t packets = link->crc_errors;
    bool up;
    int i;

    for (i = 0; i < DACC_LINK_ENDS; i++) {
        if (link->end[i].owner) {
            enabled[i] = link->end[i].enabled(link->end[i].opaque);
        }
    }
    up = link->wanted && enabled[0] && enabled[1];
    if (up != link->trained) {
        link->trained = up;
        link->learnt |= up;
        trace_dacc_link_state(link->id, up, link->wanted, enabled[0],
                              enabled[1]);
    }
    link->crc_errors = 0;
    for (i = 0; i < DACC_LINK_ENDS; i++) {
        DaccLinkState state;

        if (!link->end[i].owner) {
            continue;
        }
        dacc_link_get_state(link, i, &state);
        link->end[i].set_state(link->end[i].opaque, &state);
        if (packets && link->end[i].inject_crc) {
            trace_dacc_link_crc(link->id, packets);
            link->end[i].inject_crc(link->end[i].opaque, packets);
            packets = 0;
        }
    }
}

static void dacc_link_bh(void *opaque)
{
    dacc_link_refresh(opaque);
}

void dacc_link_update(DaccLink *link)
{
    qemu_bh_schedule(link->bh);
}

/* The state is settled before the first instruction of the guest. */
static void dacc_link_vm_state(void *opaque, bool running, RunState state)
{
    if (running) {
        dacc_link_refresh(opaque);
    }
}

int dacc_link_attach(DaccLink *link, const DaccLinkEndpoint *end, Error **errp)
{
    uint64_t size = memory_region_size(end->mem);
    int port;

    for (port = 0; port < DACC_LINK_ENDS; port++) {
        if (link->end[port].owner == end->owner) {
            error_setg(errp, "the device is attached to link '%s' already",
                       link->id);
            return -1;
        }
    }
    for (port = 0; port < DACC_LINK_ENDS; port++) {
        if (!link->end[port].owner) {
            break;
        }
    }
    if (port == DACC_LINK_ENDS) {
        error_setg(errp, "link '%s' has two devices already", link->id);
        error_append_hint(errp, "A link connects two devices; give this one a "
                          "dacc-link of its own.\n");
        return -1;
    }
    if (size > 1ull << DACC_LINK_PORT_SHIFT) {
        error_setg(errp, "the device's memory is too large for link '%s'",
                   link->id);
        return -1;
    }

    memory_region_init_alias(&link->alias[port], OBJECT(link),
                             port ? "dacc-link.port1" : "dacc-link.port0",
                             end->mem, 0, size);
    memory_region_add_subregion(&link->root,
                                (hwaddr)port << DACC_LINK_PORT_SHIFT,
                                &link->alias[port]);
    qemu_mutex_lock(&link->lock);
    link->end[port] = *end;
    link->window[port].base = 0;
    link->window[port].size = 0;
    qemu_mutex_unlock(&link->lock);
    trace_dacc_link_attach(link->id, port, object_get_typename(end->owner));
    dacc_link_update(link);
    return port;
}

void dacc_link_detach(DaccLink *link, unsigned port)
{
    qemu_mutex_lock(&link->lock);
    link->end[port] = (DaccLinkEndpoint) { 0 };
    link->window[port].size = 0;
    qemu_mutex_unlock(&link->lock);
    link->learnt = false;

    memory_region_del_subregion(&link->root, &link->alias[port]);
    object_unparent(OBJECT(&link->alias[port]));
    trace_dacc_link_detach(link->id, port);
    /* The other end hears of it from the bottom half. */
    dacc_link_update(link);
}

void dacc_link_set_window(DaccLink *link, unsigned port, uint64_t base,
                          uint64_t size)
{
    if (link->window[port].base == base && link->window[port].size == size) {
        return;
    }
    qemu_mutex_lock(&link->lock);
    link->window[port].base = base;
    link->window[port].size = size;
    qemu_mutex_unlock(&link->lock);
    trace_dacc_link_window(link->id, port, base, size);
}

bool dacc_link_rw(DaccLink *link, unsigned port, uint64_t offset, void *buf,
                  size_t len, bool is_write)
{
    unsigned peer = !port;

    if (port >= DACC_LINK_ENDS || offset >> DACC_LINK_PORT_SHIFT ||
        len > (1ull << DACC_LINK_PORT_SHIFT) - offset ||
        !dacc_memory_rw(&link->as,
                        ((uint64_t)peer << DACC_LINK_PORT_SHIFT) + offset,
                        buf, len, is_write)) {
        return false;
    }
    qatomic_add(&link->tx_bytes[is_write ? port : peer], len);
    return true;
}

/* Lock held. */
static uint64_t dacc_link_end_ready(const DaccLinkEndpoint *peer,
                                    uint64_t offset, uint64_t len)
{
    return peer->owner ? peer->ready(peer->opaque, offset, len) : 0;
}

/* Lock held. Not in the peer's window: nobody knows. */
static uint64_t dacc_link_window_ready(DaccLink *link, unsigned peer,
                                       uint64_t addr, uint64_t len)
{
    uint64_t base = link->window[peer].base;
    uint64_t size = link->window[peer].size;

    if (!size || addr < base || addr - base >= size ||
        len > size - (addr - base)) {
        return 0;
    }
    return dacc_link_end_ready(&link->end[peer], addr - base, len);
}

uint64_t dacc_link_ready(DaccLink *link, unsigned port, uint64_t offset,
                         uint64_t len)
{
    QEMU_LOCK_GUARD(&link->lock);
    return dacc_link_end_ready(&link->end[!port], offset, len);
}

uint64_t dacc_link_bus_ready(DaccLink *link, unsigned port, uint64_t addr,
                             uint64_t len)
{
    QEMU_LOCK_GUARD(&link->lock);
    return dacc_link_window_ready(link, !port, addr, len);
}

const void *dacc_link_peek(DaccLink *link, unsigned port, DaccPeek *peek,
                           uint64_t offset, uint64_t *len)
{
    unsigned end = !port;

    if (port >= DACC_LINK_ENDS || offset >> DACC_LINK_PORT_SHIFT ||
        *len > (1ull << DACC_LINK_PORT_SHIFT) - offset) {
        return NULL;
    }
    return dacc_memory_peek(&link->as, peek,
                            ((uint64_t)end << DACC_LINK_PORT_SHIFT) + offset,
                            len);
}

uint64_t dacc_link_peeked(DaccLink *link, unsigned port, const DaccSpan *spans,
                          unsigned n)
{
    uint64_t bytes = 0, latest = 0;
    unsigned peer = !port;

    QEMU_LOCK_GUARD(&link->lock);
    for (unsigned i = 0; i < n; i++) {
        const DaccSpan *span = &spans[i];
        uint64_t ready;

        if (span->link) {
            ready = dacc_link_end_ready(&link->end[peer], span->addr,
                                        span->len);
            bytes += span->len;
        } else {
            ready = dacc_link_window_ready(link, peer, span->addr, span->len);
        }
        latest = MAX(latest, ready);
    }
    if (bytes) {
        qatomic_add(&link->tx_bytes[peer], bytes);
    }
    return latest;
}

static bool dacc_link_get_up(Object *obj, Error **errp)
{
    return DACC_LINK(obj)->wanted;
}

static void dacc_link_set_up(Object *obj, bool value, Error **errp)
{
    DaccLink *link = DACC_LINK(obj);

    link->wanted = value;
    if (link->bh) {
        dacc_link_update(link);
    }
}

static bool dacc_link_get_trained(Object *obj, Error **errp)
{
    return DACC_LINK(obj)->trained;
}

/* Reads what has not been handed to an endpoint yet: usually 0. */
static void dacc_link_get_crc(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    visit_type_uint32(v, name, &DACC_LINK(obj)->crc_errors, errp);
}

static void dacc_link_set_crc(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    DaccLink *link = DACC_LINK(obj);
    uint32_t value;
    int i;

    if (!visit_type_uint32(v, name, &value, errp)) {
        return;
    }
    if (value >> 24) {
        error_setg(errp, "crc-errors: at most %u packets at a time",
                   (1u << 24) - 1);
        return;
    }
    for (i = 0; i < DACC_LINK_ENDS; i++) {
        if (link->end[i].owner && link->end[i].inject_crc) {
            break;
        }
    }
    if (i == DACC_LINK_ENDS) {
        error_setg(errp, "crc-errors: no device on the link sends packets");
        return;
    }
    link->crc_errors = value;
    dacc_link_update(link);
}

static void dacc_link_get_tx(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    DaccLink *link = DACC_LINK(obj);
    uint64_t value = qatomic_read(&link->tx_bytes[(uintptr_t)opaque]);

    visit_type_uint64(v, name, &value, errp);
}

static void dacc_link_realize(DeviceState *dev, Error **errp)
{
    DaccLink *link = DACC_LINK(dev);
    uint64_t free_uid = 0xdacc000000000001ull;
    DaccLink *other;

    if (!link->bandwidth) {
        error_setg(errp, "bandwidth must not be 0");
        return;
    }
    QLIST_FOREACH(other, &dacc_links, next) {
        if (link->uid && other->uid == link->uid) {
            error_setg(errp, "link '%s' has uid 0x%" PRIx64 " already",
                       other->id, link->uid);
            return;
        }
        free_uid = MAX(free_uid, other->uid + 1);
    }
    if (!link->uid) {
        link->uid = free_uid;
    }
    link->id = g_strdup(dev->id ?: TYPE_DACC_LINK);
    QLIST_INSERT_HEAD(&dacc_links, link, next);
    memory_region_init(&link->root, OBJECT(link), "dacc-link",
                       (uint64_t)DACC_LINK_ENDS << DACC_LINK_PORT_SHIFT);
    address_space_init(&link->as, &link->root, link->id);
    link->bh = qemu_bh_new_guarded(dacc_link_bh, link,
                                   &dev->mem_reentrancy_guard);
    link->vmstate = qdev_add_vm_change_state_handler(dev, dacc_link_vm_state,
                                                     link);
}

static void dacc_link_unrealize(DeviceState *dev)
{
    DaccLink *link = DACC_LINK(dev);

    qemu_del_vm_change_state_handler(link->vmstate);
    qemu_bh_delete(link->bh);
    link->bh = NULL;
    address_space_destroy(&link->as);
    QLIST_REMOVE(link, next);
}

static void dacc_link_init(Object *obj)
{
    DaccLink *link = DACC_LINK(obj);

    link->wanted = true;
    qemu_mutex_init(&link->lock);
}

static void dacc_link_finalize(Object *obj)
{
    DaccLink *link = DACC_LINK(obj);

    qemu_mutex_destroy(&link->lock);
    g_free(link->id);
}

static const VMStateDescription dacc_link_vmstate = {
    .name = TYPE_DACC_LINK,
    .unmigratable = 1,
};

static const Property dacc_link_properties[] = {
    DEFINE_PROP_UINT64("bandwidth", DaccLink, bandwidth, 450000),
    DEFINE_PROP_UINT64("latency-ps", DaccLink, latency_ps, 700000),
    DEFINE_PROP_UINT64("uid", DaccLink, uid, 0),
};

static void dacc_link_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->desc = "link between a dacc and a peer device";
    dc->realize = dacc_link_realize;
    dc->unrealize = dacc_link_unrealize;
    dc->vmsd = &dacc_link_vmstate;
    /* Its endpoints come and go; the link stays. */
    dc->hotpluggable = false;
    device_class_set_props(dc, dacc_link_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);

    object_class_property_add_bool(klass, "up", dacc_link_get_up,
                                   dacc_link_set_up);
    object_class_property_set_description(klass, "up",
                                          "the link may train (run time too)");
    object_class_property_add_bool(klass, "trained", dacc_link_get_trained,
                                   NULL);
    object_class_property_add(klass, "crc-errors", "uint32", dacc_link_get_crc,
                              dacc_link_set_crc, NULL, NULL);
    object_class_property_set_description(klass, "crc-errors",
                                          "packets to fail from now on");
    object_class_property_add(klass, "port0-tx-bytes", "uint64",
                              dacc_link_get_tx, NULL, NULL, (void *)0);
    object_class_property_add(klass, "port1-tx-bytes", "uint64",
                              dacc_link_get_tx, NULL, NULL, (void *)1);
}

static const TypeInfo dacc_link_types[] = {
    {
        .name = TYPE_DACC_LINK,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(DaccLink),
        .instance_init = dacc_link_init,
        .instance_finalize = dacc_link_finalize,
        .class_init = dacc_link_class_init,
    },
};

DEFINE_TYPES(dacc_link_types)
