/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Link decoders, link ports, and the way that a bus access takes. */
#include "chip.h"

static bool link_usable(const ChipLink *link)
{
    return link->state.present && link->state.up && !link->disabled;
}

void chip_windows_changed(DaccCore *core)
{
    atomic_fetch_add(&core->windows_serial, 1);
    core->reroute = true;
    engine_call_attention(&core->engine);
}

static void windows_copy(DaccCore *core, ChipWindows *windows)
{
    engine_lock(&core->engine);
    windows->serial = atomic_load(&core->windows_serial);
    windows->n = 0;
    for (unsigned i = 0; i < DACC_NUM_DECODERS; i++) {
        const ChipDecoder *d = &core->decoder[i];

        if (d->enabled && link_usable(&core->link[d->port])) {
            windows->w[windows->n].base = d->base;
            windows->w[windows->n].size = d->size;
            windows->w[windows->n].target = d->target;
            windows->w[windows->n].port = d->port;
            windows->n++;
        }
    }
    engine_unlock(&core->engine);
}

void chip_route(DaccCore *core, ChipWindows *windows, uint64_t addr,
                uint64_t len, ChipRoute *route)
{
    route->path = DEV_PATH_PCIE;
    route->only = false;
    route->addr = addr;
    route->len = len;

    if (atomic_load(&core->windows_serial) != windows->serial) {
        windows_copy(core, windows);
    }
    for (unsigned i = 0; i < windows->n; i++) {
        uint64_t base = windows->w[i].base, size = windows->w[i].size;

        if (addr >= base && addr - base < size) {
            uint64_t in = addr - base;

            route->path = DEV_PATH_LINK + windows->w[i].port;
            route->port = windows->w[i].port;
            route->addr = windows->w[i].target + in;
            if (route->len > size - in) {
                route->len = size - in;
            }
            break;
        }
        /* Of a window further on, only what lies before it is this access. */
        if (base > addr && route->len > base - addr) {
            route->len = base - addr;
        }
    }
}

/* The link may have gone down since; PCIe reaches the same bytes. */
static bool route_again(DaccCore *core, ChipWindows *windows, ChipRoute *route,
                        uint64_t addr)
{
    uint64_t len = route->len;
    ChipRoute now;

    if (route->path < DEV_PATH_LINK || route->only) {
        return false;
    }
    chip_route(core, windows, addr, len, &now);
    if (now.path == route->path || now.len != len) {
        return false;
    }
    *route = now;
    return true;
}

/*
 * Each counter has one thread that writes it. (A locked instruction would wait
 * for all stores of the copy before it.)
 */
static void count_bytes(atomic_uint_fast64_t *counter, uint64_t len)
{
    uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, n + len, memory_order_relaxed);
}

void chip_link_counted(DaccCore *core, unsigned port, uint64_t len)
{
    count_bytes(&core->link[port].rx_bytes[0], len);
}

static uint64_t counted(const atomic_uint_fast64_t counter[2])
{
    return atomic_load_explicit(&counter[0], memory_order_relaxed) +
           atomic_load_explicit(&counter[1], memory_order_relaxed);
}

static bool route_access(DaccCore *core, const ChipWindows *windows,
                         ChipRoute *route, void *rbuf, const void *wbuf)
{
    Engine *e = &core->engine;
    unsigned front = windows == &core->front_windows;
    uint64_t len = route->len;
    bool ok;

    engine_trace(e, DACC_TRACE_ROUTE, route->path, route->addr, len);
    if (route->path == DEV_PATH_PCIE) {
        return rbuf ? e->ops.dma_read(e->opaque, route->addr, rbuf, len)
                    : e->ops.dma_write(e->opaque, route->addr, wbuf, len);
    }
    ok = rbuf ? e->ops.link_read(e->opaque, route->port, route->addr, rbuf, len)
              : e->ops.link_write(e->opaque, route->port, route->addr, wbuf,
                                  len);
    if (ok) {
        ChipLink *link = &core->link[route->port];

        count_bytes(rbuf ? &link->rx_bytes[front] : &link->tx_bytes[front],
                    len);
    }
    return ok;
}

bool chip_route_read(DaccCore *core, ChipWindows *windows, ChipRoute *route,
                     uint64_t addr, void *buf)
{
    return route_access(core, windows, route, buf, NULL) ||
           (route_again(core, windows, route, addr) &&
            route_access(core, windows, route, buf, NULL));
}

bool chip_route_write(DaccCore *core, ChipWindows *windows, ChipRoute *route,
                      uint64_t addr, const void *buf)
{
    return route_access(core, windows, route, NULL, buf) ||
           (route_again(core, windows, route, addr) &&
            route_access(core, windows, route, NULL, buf));
}

bool chip_bus_read(DaccCore *core, ChipWindows *windows, uint64_t addr,
                   void *buf, uint64_t len)
{
    uint8_t *p = buf;

    while (len) {
        ChipRoute route;

        chip_route(core, windows, addr, len, &route);
        if (!chip_route_read(core, windows, &route, addr, p)) {
            return false;
        }
        p += route.len;
        addr += route.len;
        len -= route.len;
    }
    return true;
}

bool chip_bus_write(DaccCore *core, ChipWindows *windows, uint64_t addr,
                    const void *buf, uint64_t len)
{
    const uint8_t *p = buf;

    while (len) {
        ChipRoute route;

        chip_route(core, windows, addr, len, &route);
        if (!chip_route_write(core, windows, &route, addr, p)) {
            return false;
        }
        p += route.len;
        addr += route.len;
        len -= route.len;
    }
    return true;
}

uint64_t chip_route_ready(DaccCore *core, const ChipRoute *route)
{
    Engine *e = &core->engine;

    if (route->path == DEV_PATH_PCIE) {
        return e->ops.bus_ready(e->opaque, route->addr, route->len);
    }
    return e->ops.link_ready(e->opaque, route->port, route->addr, route->len);
}

void chip_path_rates(DaccCore *core, DevPathRate rate[DEV_PATHS])
{
    rate[DEV_PATH_SRAM].bw = core->config.timing[DACC_TIMING_SRAM_BW];
    rate[DEV_PATH_SRAM].latency_ps = 0;
    rate[DEV_PATH_PCIE].bw = core->config.timing[DACC_TIMING_PCIE_BW];
    rate[DEV_PATH_PCIE].latency_ps = core->config.timing[DACC_TIMING_PCIE_PS];
    engine_lock(&core->engine);
    for (unsigned i = 0; i < DACC_MAX_LINKS; i++) {
        rate[DEV_PATH_LINK + i].bw = core->link[i].state.bandwidth;
        rate[DEV_PATH_LINK + i].latency_ps = core->link[i].state.latency_ps;
    }
    engine_unlock(&core->engine);
}

void dacc_core_set_link(DaccCore *core, unsigned port,
                        const DaccLinkState *state)
{
    ChipLink *link;
    bool was, now;

    if (port >= DACC_MAX_LINKS) {
        return;
    }
    link = &core->link[port];
    engine_lock(&core->engine);
    was = link_usable(link);
    link->state = *state;
    now = link_usable(link);
    chip_windows_changed(core);
    if (was != now) {
        chip_event(core, DACC_EVENT_LINK);
    }
    engine_unlock(&core->engine);
    if (was != now) {
        engine_kick(&core->engine);
    }
}

bool dacc_core_link_enabled(DaccCore *core, unsigned port)
{
    bool enabled;

    if (port >= DACC_MAX_LINKS) {
        return false;
    }
    engine_lock(&core->engine);
    enabled = !core->link[port].disabled;
    engine_unlock(&core->engine);
    return enabled;
}

uint32_t chip_link_read(DaccCore *core, unsigned port, uint64_t offset)
{
    const ChipLink *link = &core->link[port];
    bool high = offset & 4;
    uint64_t value;

    switch (offset & ~4ull) {
    case DACC_LINK_STATUS: /* and DACC_LINK_CTRL */
        if (high) {
            return link->disabled ? DACC_LINK_CTRL_DISABLE : 0;
        }
        return (link->state.present ? DACC_LINK_PRESENT : 0) |
               (link_usable(link) ? DACC_LINK_UP : 0);
    case DACC_LINK_UID:
        value = link->state.uid;
        break;
    case DACC_LINK_PEER:
        value = link->state.peer;
        break;
    case DACC_LINK_PEER_SIZE:
        value = link->state.peer_size;
        break;
    case DACC_LINK_BW:
        value = link->state.bandwidth;
        break;
    case DACC_LINK_LATENCY:
        value = link->state.latency_ps;
        break;
    case DACC_LINK_RX_BYTES:
        value = counted(link->rx_bytes);
        break;
    case DACC_LINK_TX_BYTES:
        value = counted(link->tx_bytes);
        break;
    case DACC_LINK_CRC_ERRORS:
        value = link->crc_errors;
        break;
    case DACC_LINK_REPLAYS:
        value = link->replays;
        break;
    default:
        return 0;
    }
    return high ? value >> 32 : (uint32_t)value;
}

bool chip_link_write(DaccCore *core, unsigned port, uint64_t offset,
                     uint32_t value)
{
    ChipLink *link = &core->link[port];
    bool was = link_usable(link);

    if (offset != DACC_LINK_CTRL) {
        return false;
    }
    link->disabled = value & DACC_LINK_CTRL_DISABLE;
    chip_windows_changed(core);
    if (was != link_usable(link)) {
        chip_event(core, DACC_EVENT_LINK);
    }
    return true;
}

uint64_t chip_decoder_read(DaccCore *core, unsigned d, uint64_t offset)
{
    const ChipDecoder *dec = &core->decoder[d];

    switch (offset) {
    case DACC_DECODER_BASE:
        return dec->reg_base;
    case DACC_DECODER_SIZE:
        return dec->reg_size;
    case DACC_DECODER_TARGET:
        return dec->reg_target;
    case DACC_DECODER_CTRL:
        return (dec->enabled ? DACC_DECODER_ENABLE : 0) |
               (uint64_t)dec->port << DACC_DECODER_PORT_SHIFT;
    default:
        return 0;
    }
}

static void decoder_ctrl(DaccCore *core, ChipDecoder *d, uint32_t value)
{
    uint32_t port = value >> DACC_DECODER_PORT_SHIFT & 0xff;

    if (!(value & DACC_DECODER_ENABLE)) {
        d->enabled = false;
        d->port = port < DACC_MAX_LINKS ? port : 0;
        return;
    }
    if (d->enabled) {
        return;
    }
    if (port >= DACC_MAX_LINKS || !core->link[port].state.present ||
        ((d->reg_base | d->reg_size | d->reg_target) & 0xfff) ||
        !d->reg_size || d->reg_base > UINT64_MAX - (d->reg_size - 1) ||
        d->reg_size > core->link[port].state.peer_size ||
        d->reg_target > core->link[port].state.peer_size - d->reg_size) {
        return;
    }
    d->base = d->reg_base;
    d->size = d->reg_size;
    d->target = d->reg_target;
    d->port = port;
    d->enabled = true;
}

bool chip_decoder_write(DaccCore *core, unsigned d, uint64_t offset,
                        uint64_t value, uint64_t mask)
{
    ChipDecoder *dec = &core->decoder[d];
    uint64_t *reg;

    switch (offset) {
    case DACC_DECODER_BASE:
        reg = &dec->reg_base;
        break;
    case DACC_DECODER_SIZE:
        reg = &dec->reg_size;
        break;
    case DACC_DECODER_TARGET:
        reg = &dec->reg_target;
        break;
    case DACC_DECODER_CTRL:
        if ((uint32_t)mask) {
            decoder_ctrl(core, dec, value);
            chip_windows_changed(core);
        }
        return (uint32_t)mask;
    default:
        return false;
    }
    *reg = (*reg & ~mask) | (value & mask);
    return true;
}
