/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies into the chip's memory by pointer.
 *
 * What a block costs beyond its bytes is mostly waiting: a barrier or a locked
 * instruction waits for all stores of the copy before it. So addresses of many
 * blocks are resolved first, then all are copied in order, and then they are
 * counted: locks and barriers come once a batch.
 */
#include <string.h>

#include "crc.h"
#include "xfer.h"

/* Bytes of one batch: bounds the time that the host's pointers are held. */
#define BATCH_BYTES     (1u << 20)
#define BATCH_PIECES    64

typedef struct XferPiece {
    const uint8_t *src;
    uint64_t dst;               /* SRAM offset */
    uint64_t sram;              /* the source's, if path says so */
    uint32_t len;
    DevPath path;               /* of the source */
    bool starts;                /* a block */
    XferAt end;                 /* how far the list is when this is done */
} XferPiece;

typedef struct XferBatch {
    XferPiece piece[BATCH_PIECES];
    DaccSpan span[BATCH_PIECES];    /* sources outside, in order */
    unsigned n, n_spans;
    uint64_t bytes;
    bool peeking;
} XferBatch;

/* Finds a source on the bus or at a peer. */
static const uint8_t *batch_peek(DaccCore *core, XferBatch *b, uint64_t addr,
                                 uint64_t *len, DevPath *path)
{
    const Engine *e = &core->engine;
    DaccSpan *span = &b->span[b->n_spans];
    const uint8_t *src;
    ChipRoute route;

    chip_route(core, &core->windows, addr, *len, &route);
    if (route.path == DEV_PATH_PCIE &&
        (core->job.desc.flags & DACC_DESC_LINK_ONLY)) {
        return NULL;
    }
    if (!b->peeking && !e->ops.peek_begin(e->opaque)) {
        return NULL;
    }
    b->peeking = true;
    span->link = route.path != DEV_PATH_PCIE;
    span->port = span->link ? route.port : 0;
    span->addr = route.addr;
    span->len = route.len;
    src = e->ops.peek(e->opaque, span);
    if (!src) {
        return NULL;
    }
    engine_trace(&core->engine, DACC_TRACE_ROUTE, route.path, span->addr,
                 span->len);
    b->n_spans++;
    *len = span->len;
    *path = route.path;
    return src;
}

/* Adds what lies together at the start of a range. Bytes; 0: none. */
static uint64_t batch_add(DaccCore *core, XferBatch *b, uint64_t src,
                          uint64_t dst, uint64_t len)
{
    XferPiece *piece = &b->piece[b->n];
    MmuSegment s, d;

    if (len > CHIP_CHUNK) {
        len = CHIP_CHUNK;
    }
    if (chip_translate(core, dst, len, true, &d) || !d.sram ||
        chip_translate(core, src, d.len, false, &s)) {
        return 0;
    }
    len = s.len;
    if (s.sram) {
        piece->src = core->config.mem + s.addr;
        piece->sram = s.addr;
        piece->path = DEV_PATH_SRAM;
    } else {
        piece->src = batch_peek(core, b, s.addr, &len, &piece->path);
        if (!piece->src) {
            return 0;
        }
    }
    piece->dst = d.addr;
    piece->len = len;
    b->bytes += len;
    b->n++;
    return len;
}

static void batch_fill(DaccCore *core, XferBatch *b,
                       const struct dacc_block *list, uint32_t n, XferAt at)
{
    while (at.block < n && b->n < BATCH_PIECES && b->bytes < BATCH_BYTES) {
        const struct dacc_block *block = &list[at.block];
        uint64_t len;

        if (!at.offset &&
            !chip_block_ok(block->src, block->dst, block->len)) {
            return;
        }
        len = batch_add(core, b, block->src + at.offset,
                        block->dst + at.offset, block->len - at.offset);
        if (!len) {
            return;
        }
        b->piece[b->n - 1].starts = !at.offset;
        at.offset += len;
        if (at.offset == block->len) {
            at.block++;
            at.offset = 0;
        }
        b->piece[b->n - 1].end = at;
    }
}

static void batch_copy_piece(DaccCore *core, const XferPiece *piece,
                             bool checksum)
{
    uint8_t *dst = core->config.mem + piece->dst;

    if (checksum) {
        /*
         * The guest can write either end while this runs: the sum must be that
         * of the bytes that were moved, so it is taken of a copy.
         */
        memcpy(core->bounce, piece->src, piece->len);
        core->job.cpl.crc = dacc_crc32(core->job.cpl.crc, core->bounce,
                                       piece->len);
        memcpy(dst, core->bounce, piece->len);
    } else {
        /* Source and destination may be the same memory. */
        memmove(dst, piece->src, piece->len);
    }
    ready_mark(&core->ready, piece->dst, piece->len);
}

/*
 * Copies pieces in order. How many: fewer if the job has to yield, or if there
 * may be other ways to the sources by now.
 */
static unsigned batch_copy(DaccCore *core, const XferBatch *b, bool checksum)
{
    uint64_t since = 0;
    unsigned i;

    for (i = 0; i < b->n; i++) {
        const XferPiece *piece = &b->piece[i];

        if (since + piece->len > CHIP_CHUNK) {
            if (chip_wanted(core) ||
                atomic_load(&core->windows_serial) != core->windows.serial) {
                break;
            }
            since = 0;
        }
        batch_copy_piece(core, piece, checksum);
        since += piece->len;
    }
    return i;
}

/* The first @n pieces were copied. */
static void batch_account(DaccCore *core, XferBatch *b, unsigned n)
{
    const Engine *e = &core->engine;
    ChipJob *job = &core->job;
    uint64_t bytes[DEV_PATHS] = { 0 }, ready;
    unsigned spans = 0;

    for (unsigned i = 0; i < n; i++) {
        const XferPiece *piece = &b->piece[i];

        bytes[piece->path] += piece->len;
        job->moved.blocks += piece->starts;
        if (piece->path == DEV_PATH_SRAM) {
            ready = ready_get(&core->ready, piece->sram, piece->len);
            job->ready = devtime_max(job->ready, ready);
        } else {
            spans++;
        }
    }
    for (unsigned path = 0; path < DEV_PATHS; path++) {
        if (!bytes[path]) {
            continue;
        }
        xfer_account(job, path, DEV_PATH_SRAM, bytes[path]);
        if (path >= DEV_PATH_LINK) {
            chip_link_counted(core, path - DEV_PATH_LINK, bytes[path]);
        }
    }
    if (b->peeking) {
        ready = e->ops.peek_end(e->opaque, b->span, spans);
        job->ready = devtime_max(job->ready, ready);
    }
}

bool xfer_batch(DaccCore *core, const struct dacc_block *list, uint32_t n,
                bool checksum, XferAt *at)
{
    XferBatch b;
    unsigned done = 0;

    if (!core->engine.ops.peek || core->job.dma_error) {
        return false;
    }
    b.n = 0;
    b.n_spans = 0;
    b.bytes = 0;
    b.peeking = false;
    batch_fill(core, &b, list, n, *at);
    if (b.n) {
        done = batch_copy(core, &b, checksum);
        *at = b.piece[done - 1].end;
    }
    batch_account(core, &b, done);
    return done;
}
