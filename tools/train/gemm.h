/* SPDX-License-Identifier: MIT */
#ifndef GEMM_H
#define GEMM_H

/*
 * C[m][n] (+)= sum over k of A(m, k) * B[k][n].
 * A is read at a[m * ars + k * acs], so a transposed A costs nothing; B and C
 * are row-major with leading dimensions ldb and ldc. acc != 0 adds to C.
 */
void gemm(int m, int n, int k, const float *a, int ars, int acs, const float *b, int ldb, float *c,
	  int ldc, int acc);

/* dst[n][m] = src[m][n] */
void transpose(float *dst, const float *src, int m, int n);

#endif
