/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRC-32. With PCLMULQDQ, 64 bytes at a time: the message is a polynomial over
 * GF(2), and what lies d bits ahead is folded onto the present by multiplying
 * with x^d mod P, as Gopal et al., "Fast CRC Computation for Generic Polynomials
 * Using PCLMULQDQ" (Intel, 2009) describe. zlib does the rest, and all of it on
 * other hosts.
 */
#include <zlib.h>

#include "crc.h"

static uint32_t crc_zlib(uint32_t crc, const uint8_t *buf, size_t len)
{
    while (len) {
        uInt n = len < (1u << 30) ? len : 1u << 30;

        crc = crc32(crc, buf, n);
        buf += n;
        len -= n;
    }
    return crc;
}

#ifdef __x86_64__
#include <immintrin.h>

#define CRC_TARGET __attribute__((target("pclmul,sse4.1")))

CRC_TARGET static __m128i fold(__m128i x, __m128i k, __m128i next)
{
    return _mm_xor_si128(next,
                         _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00),
                                       _mm_clmulepi64_si128(x, k, 0x11)));
}

CRC_TARGET static __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

/* @len is at least 64; takes a multiple of 16. */
CRC_TARGET static uint32_t crc_fold(uint32_t crc, const uint8_t *buf,
                                    size_t len)
{
    /* x^d mod P, reflected: for 512, 128 and 64 bits. */
    const __m128i k512 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i k128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    uint8_t rest[16];
    __m128i x[4];

    for (unsigned i = 0; i < 4; i++) {
        x[i] = load(buf + 16 * i);
    }
    x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128(~crc));
    for (buf += 64, len -= 64; len >= 64; buf += 64, len -= 64) {
        for (unsigned i = 0; i < 4; i++) {
            x[i] = fold(x[i], k512, load(buf + 16 * i));
        }
    }
    for (unsigned i = 1; i < 4; i++) {
        x[0] = fold(x[0], k128, x[i]);
    }
    for (; len >= 16; buf += 16, len -= 16) {
        x[0] = fold(x[0], k128, load(buf));
    }
    /*
     * These 16 bytes, from a zero register, have the remainder of the whole.
     * zlib starts from ones and ends with an inversion: ~0 is its zero.
     */
    _mm_storeu_si128((__m128i *)rest, x[0]);
    return crc32(0xffffffff, rest, sizeof(rest));
}

uint32_t dacc_crc32(uint32_t crc, const uint8_t *buf, size_t len)
{
    size_t n = len & ~(size_t)15;

    /* Short ones are not worth the last step. */
    if (n < 256 || !__builtin_cpu_supports("pclmul") ||
        !__builtin_cpu_supports("sse4.1")) {
        return crc_zlib(crc, buf, len);
    }
    crc = crc_fold(crc, buf, n);
    return crc_zlib(crc, buf + n, len - n);
}
#else
uint32_t dacc_crc32(uint32_t crc, const uint8_t *buf, size_t len)
{
    return crc_zlib(crc, buf, len);
}
#endif
