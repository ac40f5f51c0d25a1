/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dot products of matrix rows with vectors, AVX2 and F16C, no FMA. Two registers
 * hold the 16 partial sums of one (row, vector) pair; a tile of pairs shares
 * the loads and hides the latency of the adds.
 */
#include "num_fp.h"

#include "num.h"
#include "num_avx2.h"

#ifdef NUM_HAVE_AVX2

#include "num_exp.h"

#define INLINE AVX2 __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 8")

typedef struct V16 {
    __m256 lo, hi;
} V16;

INLINE V16 widen_bytes(__m128i bytes, __m256 scale)
{
    __m256i lo = _mm256_cvtepi8_epi32(bytes);
    __m256i hi = _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8));

    return (V16) {
        _mm256_mul_ps(scale, _mm256_cvtepi32_ps(lo)),
        _mm256_mul_ps(scale, _mm256_cvtepi32_ps(hi)),
    };
}

INLINE __m256 block_scale(const uint8_t *block)
{
    uint16_t h;

    memcpy(&h, block, sizeof(h));
    return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
}

/* Elements @i to @i + 15 of a row; @i is a multiple of 16. */
INLINE V16 load16(enum dacc_type type, const uint8_t *row, uint32_t i)
{
    switch (type) {
    case DACC_TYPE_F32: {
        const float *f = (const float *)row + i;

        return (V16) { _mm256_loadu_ps(f), _mm256_loadu_ps(f + 8) };
    }
    case DACC_TYPE_F16: {
        const __m128i *h = (const __m128i *)(row + 2 * (size_t)i);

        return (V16) { _mm256_cvtph_ps(_mm_loadu_si128(h)),
                       _mm256_cvtph_ps(_mm_loadu_si128(h + 1)) };
    }
    case DACC_TYPE_BF16: {
        const __m128i *h = (const __m128i *)(row + 2 * (size_t)i);
        __m256i lo = _mm256_cvtepu16_epi32(_mm_loadu_si128(h));
        __m256i hi = _mm256_cvtepu16_epi32(_mm_loadu_si128(h + 1));

        return (V16) { _mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)),
                       _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16)) };
    }
    case DACC_TYPE_Q8_0: {
        const uint8_t *block = row + (size_t)(i / NUM_BLOCK) * NUM_Q8_0_BYTES;
        const void *half = block + 2 + i % NUM_BLOCK;

        return widen_bytes(_mm_loadu_si128(half), block_scale(block));
    }
    default: {
        const uint8_t *block = row + (size_t)(i / NUM_BLOCK) * NUM_Q4_0_BYTES;
        __m128i b = _mm_loadu_si128((const void *)(block + 2));

        /* The low nibbles are elements 0 to 15, the high ones 16 to 31. */
        b = i % NUM_BLOCK ? _mm_srli_epi16(b, 4) : b;
        b = _mm_and_si128(b, _mm_set1_epi8(15));
        b = _mm_sub_epi8(b, _mm_set1_epi8(8));
        return widen_bytes(b, block_scale(block));
    }
    }
}

/* Bytes of an element of the types whose rows may end inside 16. */
INLINE uint32_t element_bytes(enum dacc_type type)
{
    return type == DACC_TYPE_F32 ? 4 : 2;
}

/* R rows by E vectors; both are constants where this is expanded. */
INLINE void tile(const enum dacc_type type, const unsigned R, const unsigned E,
                 const uint8_t *row, uint64_t stride, const float *x,
                 size_t x_stride, uint32_t n, float *y, size_t y_stride)
{
    __m256 lo[4][4], hi[4][4];
    uint32_t i = 0;

    UNROLL
    for (unsigned r = 0; r < R; r++) {
        UNROLL
        for (unsigned e = 0; e < E; e++) {
            lo[r][e] = hi[r][e] = _mm256_setzero_ps();
        }
    }
    for (; i + 16 <= n; i += 16) {
        V16 w[4];

        UNROLL
        for (unsigned r = 0; r < R; r++) {
            w[r] = load16(type, row + r * stride, i);
        }
        /* One half after the other, or the registers do not suffice. */
        UNROLL
        for (unsigned e = 0; e < E; e++) {
            __m256 v = _mm256_loadu_ps(x + e * x_stride + i);

            UNROLL
            for (unsigned r = 0; r < R; r++) {
                lo[r][e] = _mm256_add_ps(lo[r][e], _mm256_mul_ps(w[r].lo, v));
            }
        }
        UNROLL
        for (unsigned e = 0; e < E; e++) {
            __m256 v = _mm256_loadu_ps(x + e * x_stride + i + 8);

            UNROLL
            for (unsigned r = 0; r < R; r++) {
                hi[r][e] = _mm256_add_ps(hi[r][e], _mm256_mul_ps(w[r].hi, v));
            }
        }
    }
    if (i < n) {
        /*
         * Zeros fill the lanes past the end. Adding the product +0 changes no
         * partial sum: they start as +0 and so are never -0.
         */
        uint32_t rest = n - i, bytes = element_bytes(type);

        UNROLL
        for (unsigned r = 0; r < R; r++) {
            float w[16] = { 0 };
            V16 wv;

            memcpy(w, row + r * stride + (size_t)i * bytes, rest * bytes);
            wv = load16(type, (const uint8_t *)w, 0);
            UNROLL
            for (unsigned e = 0; e < E; e++) {
                float v[16] = { 0 };

                memcpy(v, x + e * x_stride + i, rest * sizeof(float));
                lo[r][e] = _mm256_add_ps(lo[r][e],
                               _mm256_mul_ps(wv.lo, _mm256_loadu_ps(v)));
                hi[r][e] = _mm256_add_ps(hi[r][e],
                               _mm256_mul_ps(wv.hi, _mm256_loadu_ps(v + 8)));
            }
        }
    }
    UNROLL
    for (unsigned r = 0; r < R; r++) {
        UNROLL
        for (unsigned e = 0; e < E; e++) {
            y[e * y_stride + r] = num_canon(num_avx2_tree(lo[r][e], hi[r][e]));
        }
    }
}

typedef void Tile(const uint8_t *row, uint64_t stride, const float *x,
                  size_t x_stride, uint32_t n, float *y, size_t y_stride);

#define TILE(t, R, E)                                                       \
    AVX2 static void tile_##t##_##R##x##E(const uint8_t *row,               \
                                          uint64_t stride, const float *x,  \
                                          size_t x_stride, uint32_t n,      \
                                          float *y, size_t y_stride)        \
    {                                                                       \
        tile(DACC_TYPE_##t, R, E, row, stride, x, x_stride, n, y, y_stride); \
    }

#define TILES(t) TILE(t, 4, 1) TILE(t, 1, 1) TILE(t, 2, 3) TILE(t, 1, 3)

TILES(F32)
TILES(F16)
TILES(BF16)
TILES(Q8_0)
TILES(Q4_0)

#define ENTRY(t) [DACC_TYPE_##t] = { tile_##t##_4x1, tile_##t##_1x1, \
                                     tile_##t##_2x3, tile_##t##_1x3 }

enum { TILE_4X1, TILE_1X1, TILE_2X3, TILE_1X3, TILE_COUNT };

static Tile *const tiles[DACC_TYPE_COUNT][TILE_COUNT] = {
    ENTRY(F32), ENTRY(F16), ENTRY(BF16), ENTRY(Q8_0), ENTRY(Q4_0),
};

void num_avx2_dot_rows(enum dacc_type type, const uint8_t *row,
                       uint64_t stride, uint32_t rows, const float *x,
                       size_t x_stride, uint32_t n_x, uint32_t n, float *y,
                       size_t y_stride)
{
    Tile *const *t = tiles[type];
    uint32_t triples = n_x - n_x % 3, r = 0;

    /* Rows outside: a pair of them stays in L1 for all the vectors. */
    for (; triples && r < rows; ) {
        bool pair = r + 2 <= rows;

        for (uint32_t e = 0; e < triples; e += 3) {
            t[pair ? TILE_2X3 : TILE_1X3](row + r * stride, stride,
                                          x + e * x_stride, x_stride, n,
                                          y + e * y_stride + r, y_stride);
        }
        r += pair ? 2 : 1;
    }
    for (uint32_t e = triples; e < n_x; e++) {
        const float *xe = x + e * x_stride;
        float *ye = y + e * y_stride;

        for (r = 0; r + 4 <= rows; r += 4) {
            t[TILE_4X1](row + r * stride, stride, xe, 0, n, ye + r, 0);
        }
        for (; r < rows; r++) {
            t[TILE_1X1](row + r * stride, stride, xe, 0, n, ye + r, 0);
        }
    }
}

#endif
