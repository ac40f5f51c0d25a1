/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector kernels other than dot products: AVX2 and F16C, no FMA. Each lane does
 * what num_scalar.c does for its element, in the same order.
 */
#include "num_fp.h"

#include "num.h"
#include "num_avx2.h"

#ifdef NUM_HAVE_AVX2

#include "num_exp.h"

AVX2 static inline __m256 canon(__m256 v)
{
    return _mm256_blendv_ps(v, _mm256_set1_ps(num_float(NUM_NAN_BITS)),
                            _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
}

AVX2 static inline __m256 exp8(__m256 x)
{
    const __m256 magic = _mm256_set1_ps(NUM_EXP_MAGIC);
    __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    __m256 t, n, r, p;
    __m256i k, h, bias = _mm256_set1_epi32(127);

    x = _mm256_max_ps(x, _mm256_set1_ps(NUM_EXP_MIN));
    x = _mm256_min_ps(x, _mm256_set1_ps(NUM_EXP_MAX));
    t = _mm256_add_ps(_mm256_mul_ps(x, _mm256_set1_ps(NUM_EXP_LOG2E)), magic);
    n = _mm256_sub_ps(t, magic);
    r = _mm256_sub_ps(x, _mm256_mul_ps(n, _mm256_set1_ps(NUM_EXP_LN2_HI)));
    r = _mm256_sub_ps(r, _mm256_mul_ps(n, _mm256_set1_ps(NUM_EXP_LN2_LO)));
    p = _mm256_set1_ps(NUM_EXP_C7);
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(NUM_EXP_C6));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(NUM_EXP_C5));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(NUM_EXP_C4));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(NUM_EXP_C3));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(NUM_EXP_C2));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(1.0f));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(1.0f));
    k = _mm256_sub_epi32(_mm256_castps_si256(t), _mm256_castps_si256(magic));
    h = _mm256_srai_epi32(k, 1);
    k = _mm256_sub_epi32(k, h);
    h = _mm256_slli_epi32(_mm256_add_epi32(h, bias), 23);
    k = _mm256_slli_epi32(_mm256_add_epi32(k, bias), 23);
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(h));
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(k));
    return _mm256_blendv_ps(p, _mm256_set1_ps(num_float(NUM_NAN_BITS)), nan);
}

AVX2 static void exp_sub(float *a, uint32_t n, float sub)
{
    __m256 s = _mm256_set1_ps(sub);
    uint32_t i = 0;

    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(a + i,
                         exp8(_mm256_sub_ps(_mm256_loadu_ps(a + i), s)));
    }
    for (; i < n; i++) {
        a[i] = num_exp(a[i] - sub);
    }
}

AVX2 static void swiglu(float *dst, const float *a, const float *b, uint32_t n)
{
    __m256 one = _mm256_set1_ps(1.0f), sign = _mm256_set1_ps(-0.0f);
    uint32_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 x = _mm256_loadu_ps(a + i);
        __m256 e = exp8(_mm256_xor_ps(x, sign));
        __m256 v = _mm256_div_ps(x, _mm256_add_ps(one, e));

        v = _mm256_mul_ps(v, _mm256_loadu_ps(b + i));
        _mm256_storeu_ps(dst + i, canon(v));
    }
    for (; i < n; i++) {
        dst[i] = num_canon(a[i] / (1.0f + num_exp(-a[i])) * b[i]);
    }
}

AVX2 static float sum(const float *a, uint32_t n)
{
    __m256 lo = _mm256_setzero_ps(), hi = lo;
    uint32_t i = 0;

    for (; i + 16 <= n; i += 16) {
        lo = _mm256_add_ps(lo, _mm256_loadu_ps(a + i));
        hi = _mm256_add_ps(hi, _mm256_loadu_ps(a + i + 8));
    }
    if (i < n) {
        float rest[16] = { 0 };

        memcpy(rest, a + i, (n - i) * sizeof(float));
        lo = _mm256_add_ps(lo, _mm256_loadu_ps(rest));
        hi = _mm256_add_ps(hi, _mm256_loadu_ps(rest + 8));
    }
    return num_canon(num_avx2_tree(lo, hi));
}

AVX2 static float sum_squares(const float *a, uint32_t n)
{
    float y;

    num_avx2_dot_rows(DACC_TYPE_F32, (const uint8_t *)a, 0, 1, a, 0, 1, n,
                      &y, 0);
    return y;
}

AVX2 static float max(const float *a, uint32_t n)
{
    __m256 m = _mm256_set1_ps(-__builtin_inff());
    float lane[8], best;
    uint32_t i = 0;

    for (; i + 8 <= n; i += 8) {
        /* Gives the second operand if the first is NaN. */
        m = _mm256_max_ps(_mm256_loadu_ps(a + i), m);
    }
    _mm256_storeu_ps(lane, m);
    best = lane[0];
    for (unsigned j = 1; j < 8; j++) {
        best = lane[j] > best ? lane[j] : best;
    }
    for (; i < n; i++) {
        best = a[i] > best ? a[i] : best;
    }
    return best;
}

AVX2 static void to_half(uint16_t *dst, const float *src, uint32_t n)
{
    uint32_t i = 0;

    for (; i + 8 <= n; i += 8) {
        _mm_storeu_si128((__m128i *)(dst + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(src + i),
                                         _MM_FROUND_TO_NEAREST_INT));
    }
    for (; i < n; i++) {
        dst[i] = num_float_to_half(src[i]);
    }
}

AVX2 static inline __m256 load8(enum dacc_type type, const uint8_t *row,
                                uint32_t i)
{
    if (type == DACC_TYPE_F32) {
        return _mm256_loadu_ps((const float *)row + i);
    }
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(row + 2 * i)));
}

AVX2 static void add_rows(enum dacc_type type, const uint8_t *row,
                          uint64_t stride, uint32_t rows, const float *w,
                          uint32_t n, float *y)
{
    uint32_t i = 0;

    /* A column block stays in registers while the rows pass by. */
    for (; i + 16 <= n; i += 16) {
        __m256 lo = _mm256_loadu_ps(y + i), hi = _mm256_loadu_ps(y + i + 8);
        const uint8_t *p = row;

        for (uint32_t r = 0; r < rows; r++, p += stride) {
            __m256 s = _mm256_set1_ps(w[r]);

            lo = _mm256_add_ps(lo, _mm256_mul_ps(s, load8(type, p, i)));
            hi = _mm256_add_ps(hi, _mm256_mul_ps(s, load8(type, p, i + 8)));
        }
        _mm256_storeu_ps(y + i, lo);
        _mm256_storeu_ps(y + i + 8, hi);
    }
    if (i < n) {
        num_ops_scalar.add_rows(type, row + num_bytes(type, i), stride, rows,
                                w, n - i, y + i);
    }
}

static const NumOps num_table = {
    .name = "avx2",
    .dot_rows = num_avx2_dot_rows,
    .add_rows = add_rows,
    .sum = sum,
    .sum_squares = sum_squares,
    .max = max,
    .exp_sub = exp_sub,
    .swiglu = swiglu,
    .to_half = to_half,
};

const NumOps *num_ops_avx2(void)
{
    return __builtin_cpu_supports("avx2") && num_avx2_has_f16c() ? &num_table
                                                                  : NULL;
}

#else

const NumOps *num_ops_avx2(void)
{
    return NULL;
}

#endif
