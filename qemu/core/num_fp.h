/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Include first in every file with floating-point arithmetic: no contraction
 * to fused multiply-add, whatever flags the file is compiled with. (On x86 the
 * baseline and target("avx2") have no such instruction anyway.)
 */
#ifndef DACC_NUM_FP_H
#define DACC_NUM_FP_H

#ifdef __FAST_MATH__
#error "the numeric kernels need IEEE arithmetic: no -ffast-math"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#endif
