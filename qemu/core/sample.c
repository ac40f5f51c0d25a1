/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The choice of the next token. */
#include "num_fp.h"

#include "num_exp.h"
#include "sample.h"

/* Exponentials, or heap operations, between two yields: 1 to 5 ms. */
#define YIELD_OPS (16u << 10)

static bool go_on(const SampleYield *yield, bool *cancelled, uint32_t op)
{
    if (yield && op % YIELD_OPS == YIELD_OPS - 1 && !yield->fn(yield->opaque)) {
        *cancelled = true;
        return false;
    }
    return true;
}

static uint32_t greedy(const float *logits, uint32_t n)
{
    uint32_t best = DACC_NO_TOKEN;

    for (uint32_t i = 0; i < n; i++) {
        if (logits[i] == logits[i] &&
            (best == DACC_NO_TOKEN || logits[i] > logits[best])) {
            best = i;
        }
    }
    return best;
}

/* A number in [0, 1) of 24 bits. */
static float draw(uint64_t *rng)
{
    uint64_t x = *rng;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *rng = x;
    return (float)((x * 0x2545f4914f6cdd1dull) >> 40) / 16777216.0f;
}

/* Turns logits into probabilities. False: every one is NaN, or cancelled. */
static bool softmax(const NumOps *num, float *p, uint32_t n, float temperature,
                    const SampleYield *yield, bool *cancelled)
{
    float max = -__builtin_inff();
    bool any = false;

    num_divide(p, n, temperature);
    for (uint32_t i = 0; i < n; i++) {
        any |= p[i] == p[i];
    }
    if (!any) {
        return false;
    }
    max = num->max(p, n);
    for (uint32_t i = 0; i < n; i++) {
        if (p[i] != p[i]) {
            p[i] = 0.0f;
        } else if (p[i] == max) {
            p[i] = 1.0f;
        } else {
            p[i] = num_exp(p[i] - max);
        }
        if (!go_on(yield, cancelled, i)) {
            return false;
        }
    }
    num_divide(p, n, num->sum(p, n));
    return true;
}

static uint32_t sample_all(const float *p, uint32_t n, float number)
{
    float sum = 0.0f;
    uint32_t last = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (p[i] > 0.0f) {
            sum += p[i];
            last = i;
            if (number < sum) {
                return i;
            }
        }
    }
    /* Rounding left the sum below the number. */
    return last;
}

/* A max-heap; the order of keys is total, so any sort gives the same. */
static void sift_down(uint64_t *heap, uint32_t at, uint32_t n)
{
    uint64_t key = heap[at];

    for (;;) {
        uint64_t child = 2 * (uint64_t)at + 1;

        if (child >= n) {
            break;
        }
        if (child + 1 < n && heap[child + 1] > heap[child]) {
            child++;
        }
        if (heap[child] <= key) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = key;
}

/* Higher probability first, then lower index; the bits of p >= 0 rise with p. */
static uint64_t key_of(float p, uint32_t i)
{
    return (uint64_t)num_bits(p) << 32 | (uint32_t)~i;
}

static float key_probability(uint64_t key)
{
    return num_float(key >> 32);
}

static uint32_t key_index(uint64_t key)
{
    return ~(uint32_t)key;
}

static uint32_t sample_top_p(const float *p, uint32_t n, float top_p,
                             float number, uint64_t *heap,
                             const SampleYield *yield, bool *cancelled)
{
    float cutoff = (1.0f - top_p) / (float)(n - 1);
    float mass = 0.0f, sum = 0.0f;
    uint32_t size = 0, left, total;

    for (uint32_t i = 0; i < n; i++) {
        if (p[i] >= cutoff) {
            heap[size++] = key_of(p[i], i);
        }
    }
    if (!size) {
        /* All equal, and 1 / n rounded down. */
        return sample_all(p, n, number);
    }
    for (uint32_t i = size / 2; i-- > 0; ) {
        sift_down(heap, i, size);
        if (!go_on(yield, cancelled, i)) {
            return DACC_NO_TOKEN;
        }
    }
    /* Candidate k ends up at heap[total - 1 - k]. */
    total = left = size;
    while (left && !(mass > top_p)) {
        uint64_t key = heap[0];

        left--;
        heap[0] = heap[left];
        heap[left] = key;
        if (left) {
            sift_down(heap, 0, left);
        }
        mass += key_probability(key);
        if (!go_on(yield, cancelled, left)) {
            return DACC_NO_TOKEN;
        }
    }
    number *= mass;
    for (uint32_t k = total; k-- > left; ) {
        sum += key_probability(heap[k]);
        if (number < sum) {
            return key_index(heap[k]);
        }
    }
    return key_index(heap[left]);
}

uint32_t sample(const NumOps *num, float *logits, uint32_t n,
                float temperature, float top_p, uint64_t *rng, uint64_t *sort,
                const SampleYield *yield, bool *cancelled)
{
    float number;

    if (!(temperature > 0.0f)) {
        return greedy(logits, n);
    }
    if (!softmax(num, logits, n, temperature, yield, cancelled)) {
        return DACC_NO_TOKEN;
    }
    number = draw(rng);
    if (!(top_p > 0.0f && top_p < 1.0f) || n < 2) {
        return sample_all(logits, n, number);
    }
    return sample_top_p(logits, n, top_p, number, sort, yield, cancelled);
}
