// SPDX-License-Identifier: MIT
/*
 * Small matrix product for the trainer. The matrices here fit the second-level
 * cache, so a register tile is all the blocking that pays. Summation order over
 * k is fixed, hence results do not depend on the number of threads.
 */
#include <string.h>

#include "gemm.h"

#define LANES 16
typedef float vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

#define TILE(name, MR, NV)                                                                 \
	static void name(int k, const float *a, int ars, int acs, const float *b, int ldb, \
			 float *c, int ldc, int acc)                                       \
	{                                                                                  \
		vec sum[MR][NV];                                                           \
                                                                                           \
		for (int i = 0; i < MR; i++)                                               \
			for (int j = 0; j < NV; j++)                                       \
				sum[i][j] = acc ? *(const vec *)(c + i * ldc + j * LANES)  \
						: (vec){ 0 };                              \
		for (int p = 0; p < k; p++) {                                              \
			vec row[NV];                                                       \
                                                                                           \
			for (int j = 0; j < NV; j++)                                       \
				row[j] = *(const vec *)(b + (long)p * ldb + j * LANES);    \
			for (int i = 0; i < MR; i++) {                                     \
				float x = a[(long)i * ars + (long)p * acs];                \
                                                                                           \
				for (int j = 0; j < NV; j++)                               \
					sum[i][j] += x * row[j];                           \
			}                                                                  \
		}                                                                          \
		for (int i = 0; i < MR; i++)                                               \
			for (int j = 0; j < NV; j++)                                       \
				*(vec *)(c + i * ldc + j * LANES) = sum[i][j];             \
	}

TILE(tile_8x3, 8, 3)
TILE(tile_8x1, 8, 1)
TILE(tile_1x1, 1, 1)

void gemm(int m, int n, int k, const float *a, int ars, int acs, const float *b, int ldb, float *c,
	  int ldc, int acc)
{
	int nv = n - n % LANES;
	int j = 0;

	while (j < nv) {
		int wide = nv - j >= 3 * LANES;
		int i = 0;

		for (; i + 8 <= m; i += 8)
			(wide ? tile_8x3 : tile_8x1)(k, a + (long)i * ars, ars, acs, b + j, ldb,
						     c + (long)i * ldc + j, ldc, acc);
		for (; i < m; i++)
			for (int jj = j; jj < j + (wide ? 3 : 1) * LANES; jj += LANES)
				tile_1x1(k, a + (long)i * ars, ars, acs, b + jj, ldb,
					 c + (long)i * ldc + jj, ldc, acc);
		j += wide ? 3 * LANES : LANES;
	}
	for (int i = 0; i < m && nv < n; i++) {
		for (j = nv; j < n; j++) {
			float sum = acc ? c[(long)i * ldc + j] : 0.0f;

			for (int p = 0; p < k; p++)
				sum += a[(long)i * ars + (long)p * acs] * b[(long)p * ldb + j];
			c[(long)i * ldc + j] = sum;
		}
	}
}

void transpose(float *dst, const float *src, int m, int n)
{
	for (int i0 = 0; i0 < m; i0 += 16)
		for (int j = 0; j < n; j++)
			for (int i = i0; i < m && i < i0 + 16; i++)
				dst[(long)j * m + i] = src[(long)i * n + j];
}
