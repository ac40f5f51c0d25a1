/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REF_INTERNAL_H
#define REF_INTERNAL_H

__attribute__((format(printf, 2, 3))) void ref_error(char *err, const char *fmt, ...);
void ref_softmax(float *v, int n);

#endif
