/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One instruction, run in every kind of memory, with every vector unit and several
 * numbers of threads; memory afterwards must be what the test expects, to the
 * last bit.
 */
#ifndef DACC_TEST_INSN_CASE_H
#define DACC_TEST_INSN_CASE_H

#include "plain.h"
#include "tap.h"
#include "testmem.h"

#define MAX_AREAS   5
#define MAX_ENTRIES 64

/* Area k is where base register k + 1 points to. */
struct area {
	uint64_t size;   /* bytes; 0 for none */
	uint64_t stride; /* bytes between entries */
	uint32_t skew;
	bool weight; /* only the first entry's base is right */
	uint8_t *data, *want;
};

struct insn_case {
	const char *name;
	struct dacc_insn insn[4];
	uint32_t n_insns;
	struct area area[MAX_AREAS];
	SeqEntry entry[MAX_ENTRIES];
	uint32_t n_entries;
	enum dacc_status status; /* expected */
};

static bool area_init(struct area *a, uint64_t size, uint64_t stride, uint32_t skew)
{
	*a = (struct area){ .size = size, .stride = stride, .skew = skew };
	a->data = aligned_alloc(64, (size + 64) & ~63ull);
	a->want = aligned_alloc(64, (size + 64) & ~63ull);
	if (!CHECK(a->data && a->want, "no memory"))
		return false;
	random_floats((float *)a->data, size / 4);
	memcpy(a->want, a->data, size);
	return true;
}

static void case_free(struct insn_case *c)
{
	for (int k = 0; k < MAX_AREAS; k++) {
		free(c->area[k].data);
		free(c->area[k].want);
	}
}

static struct insn_case case_new(const char *name, uint32_t n_entries)
{
	const SeqEntry fresh = { .max_pos = 1, .rng = 1 };
	struct insn_case c = { .name = name, .n_entries = n_entries, .n_insns = 1 };

	for (uint32_t e = 0; e < n_entries; e++)
		c.entry[e] = fresh;
	return c;
}

static void case_compare(struct insn_case *c, struct mem *m, const uint64_t *va, const char *how)
{
	for (int k = 0; k < MAX_AREAS; k++) {
		struct area *a = &c->area[k];
		uint8_t *got;

		if (!a->size)
			continue;
		got = malloc(a->size);
		if (!CHECK(got, "no memory"))
			return;
		mem_get(m, va[k], got, a->size);
		for (uint64_t i = 0; i < a->size && memcmp(got + i, a->want + i, a->size - i); i++)
			if (got[i] != a->want[i]) {
				CHECK(false, "%s, %s: area %d differs from byte %llu on", c->name,
				      how, k, (unsigned long long)i);
				break;
			}
		free(got);
	}
}

static void case_run_one(struct insn_case *c, enum mem_kind kind, DaccVector vector,
			 unsigned int threads)
{
	static const char *const kinds[] = { "flat", "scattered", "host", "mixed", "moving" };
	uint64_t size = PAGE, va[MAX_AREAS] = { 0 }, time = 5, progress = 0, cost;
	SeqEntry entry[MAX_ENTRIES];
	SeqFault fault;
	struct mem *m;
	Pool *pool;
	Seq *seq;
	SeqMemory ops;
	char how[64];
	bool good;

	snprintf(how, sizeof(how), "%s memory, %s, %u threads", kinds[kind],
		 vector == DACC_VECTOR_SCALAR ? "scalar" : "vector", threads);
	for (int k = 0; k < MAX_AREAS; k++)
		size += c->area[k].size + c->area[k].skew + 2 * PAGE;
	m = mem_new(kind, size);
	pool = pool_new(threads, NULL, NULL, NULL);
	seq = pool ? seq_new(pool, vector, test_timing) : NULL;
	if (!CHECK(m && pool && seq, "no memory or threads"))
		goto out;
	for (int k = 0; k < MAX_AREAS; k++) {
		struct area *a = &c->area[k];

		if (!a->size)
			continue;
		va[k] = mem_alloc(m, a->size, a->skew);
		mem_put(m, va[k], a->data, a->size);
	}
	for (uint32_t e = 0; e < c->n_entries; e++) {
		entry[e] = c->entry[e];
		for (int k = 0; k < MAX_AREAS; k++)
			entry[e].base[k + 1] =
				e && c->area[k].weight ? 0xdead0000 : va[k] + e * c->area[k].stride;
	}
	good = seq_check(c->insn, c->n_insns, &fault);
	if (!CHECK(good, "%s: refused with status %d at %u", c->name, fault.status, fault.index))
		goto out;
	cost = seq_cost(test_timing, c->insn, c->n_insns, entry, c->n_entries);
	ops = mem_ops(m);
	good = seq_step(seq, &ops, c->insn, c->n_insns, entry, c->n_entries, &time, &progress,
			&fault);
	if (!CHECK(fault.status == c->status && good == !c->status,
		   "%s, %s: status %d at %llx, not %d", c->name, how, fault.status,
		   (unsigned long long)fault.addr, c->status))
		goto out;
	if (good) {
		CHECK(time == cost + 5, "%s, %s: took %llu ps, seq_cost says %llu", c->name, how,
		      (unsigned long long)time - 5, (unsigned long long)cost);
		CHECK(progress >= c->n_insns, "%s: progress %llu", c->name,
		      (unsigned long long)progress);
		case_compare(c, m, va, how);
	}
out:
	seq_free(seq);
	pool_free(pool);
	mem_free(m);
}

static void case_run(struct insn_case *c)
{
	for (int kind = 0; kind < MEM_KINDS; kind++)
		for (unsigned int threads = 1; threads <= 3; threads++) {
			case_run_one(c, kind, DACC_VECTOR_SCALAR, threads);
			case_run_one(c, kind, DACC_VECTOR_AUTO, threads);
		}
	case_free(c);
}

#define BASE(k, off) DACC_OPERAND((k) + 1, off)
#define F(area, off) ((float *)((area)->want + (off)))

#endif
