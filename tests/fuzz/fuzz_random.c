// SPDX-License-Identifier: GPL-2.0
/* What values the fuzzer takes: mostly good ones, now and then one beside them. */
#include <time.h>

#include "fuzz.h"

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* Values that checks get wrong. */
uint64_t odd_value(struct ctx *c)
{
	static const uint64_t odd[] = {
		0,
		1,
		2,
		3,
		4,
		7,
		8,
		15,
		16,
		63,
		64,
		65,
		255,
		256,
		4095,
		4096,
		4097,
		0xffff,
		0x10000,
		0x7fffffff,
		0x80000000,
		0xfffffff8,
		0xffffffff,
		0x100000000ull,
		DACC_MAX_COPY,
		DACC_MAX_COPY + 1,
		DRM_DACC_VA_KERNEL,
		DRM_DACC_VA_KERNEL - 0x1000,
		1ull << DACC_VA_BITS,
		(1ull << DACC_VA_BITS) - 0x1000,
		0x7fffffffffffffffull,
		0x8000000000000000ull,
		0xfffffffffffff000ull,
		0xffffffffffffffc0ull,
		0xffffffffffffffffull,
		0xffff888000000000ull,
		DACC_MAX_WAIT_PS,
	};

	return one_in(c, 4) ? rnd(c) : odd[below(c, ARRAY_SIZE(odd))];
}

static void mutate_word(struct ctx *c, void *p, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, p, size);
	switch (below(c, 6)) {
	case 0:
		v ^= 1ull << below(c, 8 * size);
		break;
	case 1:
		v++;
		break;
	case 2:
		v--;
		break;
	case 3:
		v = ~v;
		break;
	default:
		v = odd_value(c);
		break;
	}
	memcpy(p, &v, size);
}

/* Changes a word or two of one struct in c->mutate. */
void mutate(struct ctx *c, void *arg, size_t size)
{
	int n;

	if (size < 4 || !one_in(c, c->mutate))
		return;
	for (n = 1 + one_in(c, 4); n; n--) {
		size_t word = size >= 8 && one_in(c, 2) ? 8 : 4;

		mutate_word(c, (char *)arg + word * below(c, size / word), word);
	}
}

static uint64_t load(uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* A name: of a live object, of one that is gone, or of none. */
uint64_t pick(struct ctx *c, struct table *t)
{
	uint64_t value = 0;
	size_t at = below(c, NUM_SLOTS), i;

	if (one_in(c, 24))
		return load(&t->stale);
	if (one_in(c, 48))
		return odd_value(c);
	for (i = 0; i < NUM_SLOTS && !value; i++)
		value = load(&t->slot[(at + i) % NUM_SLOTS]);
	return value;
}

/* Mostly the first one: what belongs together is then together. */
uint64_t pick_first(struct ctx *c, struct table *t)
{
	uint64_t value = one_in(c, 6) ? 0 : load(&t->slot[0]);

	return value ? value : pick(c, t);
}

/* One whose bits under @mask are @want, if there is one. */
uint64_t pick_like(struct ctx *c, struct table *t, uint64_t mask, uint64_t want)
{
	size_t at = below(c, NUM_SLOTS), i;

	for (i = 0; i < NUM_SLOTS; i++) {
		uint64_t value = load(&t->slot[(at + i) % NUM_SLOTS]);

		if (value && (value & mask) == want)
			return value;
	}
	return pick(c, t);
}

/* Keeps a name; returns the one that had its place, which is to be destroyed. */
uint64_t keep(struct ctx *c, struct table *t, uint64_t value)
{
	int i;

	for (i = 0; i < NUM_SLOTS; i++) {
		uint64_t none = 0;

		if (__atomic_compare_exchange_n(&t->slot[i], &none, value, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return 0;
	}
	value = __atomic_exchange_n(&t->slot[below(c, NUM_SLOTS)], value, __ATOMIC_RELAXED);
	t->stale = value;
	return value;
}

/* Forgets a name, in order to destroy what it names. */
uint64_t take(struct ctx *c, struct table *t)
{
	uint64_t value = 0;
	size_t at = below(c, NUM_SLOTS), i;

	if (one_in(c, 16))
		return pick(c, t);
	for (i = 0; i < NUM_SLOTS && !value; i++)
		value = __atomic_exchange_n(&t->slot[(at + i) % NUM_SLOTS], 0, __ATOMIC_RELAXED);
	if (value)
		t->stale = value;
	return value;
}

uint64_t va(struct ctx *c)
{
	uint64_t value = VA_BASE + VA_STEP * below(c, VA_GRID);

	if (one_in(c, 4))
		value += 64 * below(c, VA_STEP / 64);
	if (one_in(c, 100))
		value = VA_LOOSE + VA_STEP * below(c, VA_LOOSE_GRID);
	if (one_in(c, 400))
		value = odd_value(c);
	return value;
}

uint64_t small_len(struct ctx *c)
{
	if (one_in(c, 300))
		return odd_value(c);
	return one_in(c, 8) ? 1 + below(c, 0x20000) : 4 * (1 + below(c, 1024));
}

/* Mostly soon; the thread's timer ends a wait that is longer. */
int64_t deadline(struct ctx *c)
{
	if (one_in(c, 256))
		return (int64_t)odd_value(c);
	if (one_in(c, 3))
		return now_ns() + (int64_t)below(c, 300000);
	return one_in(c, 2) ? 0 : now_ns();
}

/* A place in the scratch area that only this thread uses, 64-byte aligned. */
void *scratch(struct ctx *c, size_t need)
{
	size_t part = SCRATCH_SIZE / MAX_THREADS;
	size_t at = part * c->thread + 64 * below(c, (part - need) / 64);

	return (void *)(SCRATCH + at);
}

/* @p, or an address that is not good. */
uint64_t user_ptr(struct ctx *c, void *p)
{
	switch (below(c, 160)) {
	case 0:
		return 0;
	case 1:
		return 0x10;
	case 2:
		return SCRATCH + SCRATCH_SIZE - 8;
	case 3:
		return 0xffff888000001000ull;
	case 4:
		return (uintptr_t)p + 1;
	case 5:
		return 0x7ffffffff000ull;
	default:
		return (uintptr_t)p;
	}
}

struct file *any_file(struct ctx *c)
{
	/* Most of what happens is in one file, where objects meet. */
	return &c->s->file[one_in(c, 3) ? below(c, NUM_FILES) : 0];
}
