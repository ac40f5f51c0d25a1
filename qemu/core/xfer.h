/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transfers: what xfer.c and xfer_batch.c have in common. */
#ifndef DACC_XFER_H
#define DACC_XFER_H

#include "chip.h"

/* How far a list of blocks has been moved. */
typedef struct XferAt {
    uint32_t block;
    uint64_t offset;            /* in this block */
} XferAt;

/* Counts what was copied, in the job. */
void xfer_account(ChipJob *job, DevPath src, DevPath dst, uint64_t len);

/*
 * Moves as many blocks of @list from @at as can be had by pointer, and are in
 * order, but no more than some; sets @at behind them. False: nothing was moved,
 * and what lies at @at has to be moved, or refused, another way.
 */
bool xfer_batch(DaccCore *core, const struct dacc_block *list, uint32_t n,
                bool checksum, XferAt *at);

#endif
