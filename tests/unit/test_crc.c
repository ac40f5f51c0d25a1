// SPDX-License-Identifier: GPL-2.0
/* The checksum of transfers against zlib's. */
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "crc.h"
#include "tap.h"

static uint8_t buf[100000];

static void known(void)
{
	CHECK(dacc_crc32(0, (const uint8_t *)"123456789", 9) == 0xcbf43926, "check value");
	CHECK(dacc_crc32(0, buf, 0) == 0, "nothing");
	CHECK(dacc_crc32(77, buf, 0) == 77, "nothing more");
}

static void lengths(void)
{
	for (size_t len = 0; len < 2000; len++)
		for (size_t at = 0; at < 17; at += 4)
			CHECK(dacc_crc32(len * 7919, buf + at, len) ==
				      crc32(len * 7919, buf + at, len),
			      "%zu bytes at %zu", len, at);
	CHECK(dacc_crc32(0, buf, sizeof(buf)) == crc32(0, buf, sizeof(buf)), "long");
}

static void pieces(void)
{
	uint32_t crc = 0;
	size_t at = 0;

	for (size_t n = 1; at + n <= sizeof(buf); n = n * 3 % 4099 + 1) {
		crc = dacc_crc32(crc, buf + at, n);
		at += n;
	}
	CHECK(crc == crc32(0, buf, at), "in pieces");
}

int main(void)
{
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(buf); i++) {
		x = x * 1664525 + 1013904223;
		buf[i] = x >> 24;
	}
	TAP_CASE(known);
	TAP_CASE(lengths);
	TAP_CASE(pieces);
	return tap_done();
}
