/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DACC_SAMPLE_H
#define DACC_SAMPLE_H

#include "num.h"

/* Called every few milliseconds; false: the choice is cancelled. */
typedef struct SampleYield {
    bool (*fn)(void *opaque);
    void *opaque;
} SampleYield;

/*
 * Chooses a token from @n logits as the contract's SAMPLE says, and advances
 * *rng if it draws a number. @sort is scratch for n values; @logits is
 * overwritten unless the choice is greedy. NaNs are never chosen: all NaN gives
 * DACC_NO_TOKEN.
 *
 * With a temperature: the weight of logit l is exp(l / temperature - max), and
 * 1 for the largest even if infinite; probabilities are the weights divided by
 * their sum in the order of all sums. Without nucleus sampling the token is the
 * first whose running sum of probabilities exceeds the number drawn. With it,
 * tokens of probability below (1 - top_p) / (n - 1) are no candidates (they
 * can't belong to the nucleus); the number drawn is multiplied by the nucleus'
 * sum. Running sums add in the order of the candidates, one by one.
 *
 * @yield may be NULL; else *cancelled says whether it ended the choice.
 */
uint32_t sample(const NumOps *num, float *logits, uint32_t n,
                float temperature, float top_p, uint64_t *rng, uint64_t *sort,
                const SampleYield *yield, bool *cancelled);

#endif
