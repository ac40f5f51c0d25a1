/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transfers: COPY, COPY_BLOCKS, FILL. */
#include <string.h>

#include "crc.h"
#include "xfer.h"

/* One end of a piece that lies together and goes one way. */
typedef struct XferEnd {
    bool sram;
    uint64_t offset;            /* SRAM */
    uint64_t addr;              /* bus */
    ChipRoute route;
    DevPath path;
} XferEnd;

/* Resolves the first bytes of a range; *len is cut to what goes together. */
static enum dacc_status xfer_end(DaccCore *core, uint64_t va, uint64_t *len,
                                 bool write, XferEnd *end)
{
    MmuSegment seg;
    enum dacc_status status = chip_translate(core, va, *len, write, &seg);

    if (status) {
        return status;
    }
    *len = seg.len;
    end->sram = seg.sram;
    if (seg.sram) {
        end->offset = seg.addr;
        end->path = DEV_PATH_SRAM;
        return DACC_STATUS_OK;
    }
    if (core->job.dma_error) {
        return DACC_STATUS_BUS_ERROR;
    }
    end->addr = seg.addr;
    chip_route(core, &core->windows, seg.addr, seg.len, &end->route);
    end->route.only = core->job.desc.flags & DACC_DESC_LINK_ONLY;
    if (end->route.only && end->route.path == DEV_PATH_PCIE) {
        return DACC_STATUS_LINK_DOWN;
    }
    *len = end->route.len;
    return DACC_STATUS_OK;
}

void xfer_account(ChipJob *job, DevPath src, DevPath dst, uint64_t len)
{
    bool link = false;

    job->moved.bytes[src][dst] += len;
    if (src >= DEV_PATH_LINK) {
        job->link_bytes[src - DEV_PATH_LINK] += len;
        link = true;
    }
    if (dst >= DEV_PATH_LINK) {
        job->link_bytes[dst - DEV_PATH_LINK] += len;
        link = true;
    }
    if (link) {
        job->cpl.link_bytes += len;
        job->cpl.path |= DACC_PATH_LINK;
    }
    if (src == DEV_PATH_PCIE || dst == DEV_PATH_PCIE) {
        job->cpl.path |= DACC_PATH_PCIE;
    }
    if (src == DEV_PATH_SRAM && dst == DEV_PATH_SRAM) {
        job->cpl.path |= DACC_PATH_SRAM;
    }
    job->cpl.bytes += len;
    job->bytes += 2 * len;
    job->advanced += len;
}

/* What it means that an access along a route was refused. */
static enum dacc_status xfer_refused(const XferEnd *end)
{
    /* Windows lie inside the peer, so only a link that is gone refuses. */
    return end->route.only ? DACC_STATUS_LINK_DOWN : DACC_STATUS_BUS_ERROR;
}

/* Writes @len bytes at @buf (NULL: they are there already). */
static bool xfer_put(DaccCore *core, XferEnd *dst, const uint8_t *buf,
                     uint64_t len)
{
    bool ok;

    if (dst->sram) {
        if (buf) {
            memmove(core->config.mem + dst->offset, buf, len);
        }
        ready_mark(&core->ready, dst->offset, len);
        return true;
    }
    dst->route.len = len;
    ok = chip_route_write(core, &core->windows, &dst->route, dst->addr, buf);
    dst->path = dst->route.path;
    return ok;
}

/* Reads @len bytes to @buf; or gives a pointer to them in SRAM. */
static const uint8_t *xfer_get(DaccCore *core, XferEnd *src, uint8_t *buf,
                               bool copy, uint64_t len)
{
    ChipJob *job = &core->job;
    uint64_t ready;

    if (src->sram) {
        ready = ready_get(&core->ready, src->offset, len);
        job->ready = devtime_max(job->ready, ready);
        if (!copy) {
            return core->config.mem + src->offset;
        }
        memcpy(buf, core->config.mem + src->offset, len);
        return buf;
    }
    src->route.len = len;
    if (!chip_route_read(core, &core->windows, &src->route, src->addr, buf)) {
        return NULL;
    }
    src->path = src->route.path;
    job->ready = devtime_max(job->ready, chip_route_ready(core, &src->route));
    return buf;
}

static enum dacc_status xfer_range(DaccCore *core, uint64_t src, uint64_t dst,
                                   uint64_t len, bool checksum)
{
    ChipJob *job = &core->job;
    enum dacc_status status;

    while (len) {
        uint64_t n = len < CHIP_CHUNK ? len : CHIP_CHUNK;
        XferEnd s, d;
        const uint8_t *data;
        uint8_t *buf;

        if (!chip_yield(core)) {
            return DACC_STATUS_CANCELLED;
        }
        status = xfer_end(core, src, &n, false, &s);
        if (status) {
            job->fault_addr = src;
            return status;
        }
        status = xfer_end(core, dst, &n, true, &d);
        if (status) {
            job->fault_addr = dst;
            return status;
        }
        /*
         * The guest can write the SRAM while this runs: a checksum must be
         * that of the bytes that were moved, so it is taken of a copy.
         */
        buf = core->bounce;
        if (d.sram && !checksum && !s.sram) {
            buf = core->config.mem + d.offset;
            ready_mark(&core->ready, d.offset, n);
        }
        data = xfer_get(core, &s, buf, checksum, n);
        if (!data) {
            job->fault_addr = src;
            return xfer_refused(&s);
        }
        if (checksum) {
            job->cpl.crc = dacc_crc32(job->cpl.crc, data, n);
        }
        if (!xfer_put(core, &d, data == core->config.mem + d.offset && d.sram
                                    ? NULL : data, n)) {
            job->fault_addr = dst;
            return xfer_refused(&d);
        }
        xfer_account(job, s.path, d.path, n);
        src += n;
        dst += n;
        len -= n;
    }
    return DACC_STATUS_OK;
}

/*
 * Moves blocks in their order; *@index: the first that could not be moved
 * whole. Most go by pointer, many at a time.
 */
static enum dacc_status xfer_list(DaccCore *core, const struct dacc_block *list,
                                  uint32_t n, bool checksum, uint32_t *index)
{
    enum dacc_status status = DACC_STATUS_OK;
    XferAt at = { 0 };

    while (at.block < n && !status) {
        const struct dacc_block *block = &list[at.block];

        if (!chip_yield(core)) {
            status = DACC_STATUS_CANCELLED;
        } else if (xfer_batch(core, list, n, checksum, &at)) {
            continue;
        } else if (!chip_block_ok(block->src, block->dst, block->len)) {
            core->job.moved.blocks++;
            status = DACC_STATUS_BAD_LENGTH;
        } else {
            core->job.moved.blocks += !at.offset;
            status = xfer_range(core, block->src + at.offset,
                                block->dst + at.offset, block->len - at.offset,
                                checksum);
            if (!status) {
                at.block++;
                at.offset = 0;
            }
        }
    }
    *index = at.block;
    return status;
}

static enum dacc_status xfer_copy(DaccCore *core)
{
    const struct dacc_desc_copy *c = &core->job.desc.copy;
    const struct dacc_block block = { c->src, c->dst, c->len };
    bool checksum = core->job.desc.flags & DACC_DESC_CHECKSUM;
    enum dacc_status status;
    uint32_t index;

    status = xfer_list(core, &block, 1, checksum, &index);
    /* A copy is not made of blocks. */
    core->job.moved.blocks = 0;
    return status;
}

/*
 * Reads table entries at @va: as many as can be had at once, at least one.
 * Where the second part of an entry is unmapped, the entry is.
 */
static enum dacc_status xfer_entries(DaccCore *core, uint64_t va, uint64_t left,
                                     struct dacc_block *list, uint32_t *n)
{
    uint64_t rest = (DACC_PAGE_SIZE - va % DACC_PAGE_SIZE) / sizeof(*list);

    *n = left < DACC_BLOCKS_AHEAD ? left : DACC_BLOCKS_AHEAD;
    /* No further than this page: what lies behind may not be there. */
    if (*n > rest) {
        *n = rest ? rest : 1;
    }
    return chip_vm_read(core, va, list, *n * sizeof(*list),
                        &core->job.fault_addr);
}

static enum dacc_status xfer_blocks(DaccCore *core)
{
    ChipJob *job = &core->job;
    const struct dacc_desc_blocks *b = &job->desc.blocks;
    bool checksum = job->desc.flags & DACC_DESC_CHECKSUM;
    struct dacc_block list[DACC_BLOCKS_AHEAD];
    enum dacc_status status;
    uint32_t n, done = 0;

    for (uint32_t i = 0; i < b->n_blocks; i += n) {
        status = xfer_entries(core, b->table + sizeof(*list) * i,
                              b->n_blocks - i, list, &n);
        if (!status) {
            status = xfer_list(core, list, n, checksum, &done);
        } else {
            done = 0;
        }
        if (status) {
            job->cpl.index = i + done;
            return status;
        }
    }
    return DACC_STATUS_OK;
}

static enum dacc_status xfer_fill(DaccCore *core)
{
    ChipJob *job = &core->job;
    const struct dacc_desc_fill *f = &job->desc.fill;
    uint64_t dst = f->dst, len = f->len;
    uint64_t n = len < CHIP_CHUNK ? len : CHIP_CHUNK;
    enum dacc_status status;

    for (uint64_t i = 0; i < n; i += 4) {
        memcpy(core->bounce + i, &f->pattern, 4);
    }
    while (len) {
        XferEnd d;

        if (!chip_yield(core)) {
            return DACC_STATUS_CANCELLED;
        }
        n = len < CHIP_CHUNK ? len : CHIP_CHUNK;
        status = xfer_end(core, dst, &n, true, &d);
        if (!status && !xfer_put(core, &d, core->bounce, n)) {
            status = DACC_STATUS_BUS_ERROR;
        }
        if (status) {
            job->fault_addr = dst;
            return status;
        }
        xfer_account(job, DEV_PATH_SRAM, d.path, n);
        /* It reads nothing. */
        job->bytes -= n;
        dst += n;
        len -= n;
    }
    return DACC_STATUS_OK;
}

/* The checksum that the descriptor gives. */
static uint32_t xfer_crc_due(const struct dacc_desc *desc)
{
    return desc->opcode == DACC_OP_COPY ? desc->copy.crc : desc->blocks.crc;
}

/* Injected CRC errors: each failed packet is sent again, a latency later. */
static void xfer_replays(DaccCore *core, const DevPathRate *rate)
{
    ChipJob *job = &core->job;

    for (unsigned p = 0; p < DACC_MAX_LINKS; p++) {
        uint64_t packets = job->link_bytes[p] / DACC_LINK_PACKET;
        uint64_t failed, ps, size = DACC_LINK_PACKET;
        unsigned __int128 total;
        const DevPathRate *link = &rate[DEV_PATH_LINK + p];

        if (!job->link_bytes[p]) {
            continue;
        }
        if (!packets) {
            size = job->link_bytes[p];
        }
        if (job->link_bytes[p] % DACC_LINK_PACKET) {
            packets++;
        }
        engine_lock(&core->engine);
        failed = chip_inject_crc(core, packets);
        core->link[p].crc_errors += failed;
        core->link[p].replays += failed;
        engine_unlock(&core->engine);
        ps = devtime_add(devtime_rate(size, link->bw), link->latency_ps);
        total = (unsigned __int128)failed * ps;
        job->moved.replay_ps = devtime_add(job->moved.replay_ps,
                                           total > UINT64_MAX
                                           ? UINT64_MAX : (uint64_t)total);
    }
}

void chip_transfer(DaccCore *core)
{
    ChipJob *job = &core->job;
    DevPathRate rate[DEV_PATHS];
    uint64_t cost;

    switch (job->desc.opcode) {
    case DACC_OP_COPY:
        job->cpl.status = xfer_copy(core);
        break;
    case DACC_OP_COPY_BLOCKS:
        job->cpl.status = xfer_blocks(core);
        break;
    default:
        job->cpl.status = xfer_fill(core);
        break;
    }
    if (job->cpl.status) {
        job->cpl.crc = 0;
    } else if ((job->desc.flags & DACC_DESC_VERIFY) &&
               job->cpl.crc != xfer_crc_due(&job->desc)) {
        job->cpl.status = DACC_STATUS_BAD_CHECKSUM;
    }
    chip_path_rates(core, rate);
    xfer_replays(core, rate);
    cost = devtime_transfer(core->config.timing, rate, &job->moved,
                            &job->resources);
    job->cpl.t_issue = devtime_max(job->cpl.t_issue, job->ready);
    job->cpl.t_start = devtime_start(&core->devtime, job->resources,
                                     job->cpl.t_issue);
    job->cpl.t_end = devtime_add(job->cpl.t_start, cost);
}
