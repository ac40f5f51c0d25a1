/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32 (IEEE 802.3), as zlib's crc32 gives it. */
#ifndef DACC_CRC_H
#define DACC_CRC_H

#include <stddef.h>
#include <stdint.h>

/* @crc is 0, or the value for the bytes before. */
uint32_t dacc_crc32(uint32_t crc, const uint8_t *buf, size_t len);

#endif
