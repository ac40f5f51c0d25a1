// SPDX-License-Identifier: GPL-2.0
/* Programs: loops, faults, signals, cancelling, device time. */
#include "num_half.h"
#include "tap.h"
#include "testmem.h"

/* A machine with 64 pages of memory in one piece. */
struct rig {
	struct mem *m;
	Pool *pool;
	Seq *seq;
	SeqMemory ops;
	SeqEntry entry[4];
	uint64_t time, progress;
	SeqFault fault;
};

static bool rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->m = mem_new(MEM_FLAT, 64 * PAGE);
	r->pool = pool_new(2, NULL, NULL, NULL);
	r->seq = r->pool ? seq_new(r->pool, DACC_VECTOR_AUTO, test_timing) : NULL;
	if (!CHECK(r->m && r->seq, "no memory or threads"))
		return false;
	r->ops = mem_ops(r->m);
	memset(r->m->frame, 0, 64 * PAGE);
	for (int e = 0; e < 4; e++) {
		r->entry[e].max_pos = 8;
		for (int b = 1; b < DACC_NUM_BASES; b++)
			r->entry[e].base[b] = MEM_BASE + (uint64_t)e * 16 * PAGE;
	}
	return true;
}

static void rig_free(struct rig *r)
{
	seq_free(r->seq);
	pool_free(r->pool);
	mem_free(r->m);
}

static bool rig_step(struct rig *r, const struct dacc_insn *program, uint32_t n, uint32_t entries)
{
	SeqFault fault;
	bool good = seq_check(program, n, &fault);

	if (!CHECK(good, "the test's program is refused: status %d at %u", fault.status,
		   fault.index))
		return false;
	return seq_step(r->seq, &r->ops, program, n, r->entry, entries, &r->time, &r->progress,
			&r->fault);
}

static float *rig_float(struct rig *r, uint64_t offset)
{
	return (float *)(r->m->frame + offset);
}

#define ADD(dst_, a_, b_) \
	{ \
		.op = DACC_INSN_ADD, .dst = dst_, .a = a_, .b = b_, .n0 = 1 \
	}
#define AT(base, off) DACC_OPERAND(base, off)

/* Bases 1, 2 and 3 go up by a, b and c; the others stay. */
static void loop_bases(void)
{
	const struct dacc_insn program[] = {
		ADD(AT(4, 0), AT(4, 4), AT(4, 4)),
		{ .op = DACC_INSN_LOOP, .a = 64, .b = -128ull, .c = 4096, .n0 = 5, .n1 = 2 },
		ADD(AT(1, 0x1000), AT(4, 4), AT(4, 0)),
		ADD(AT(2, 0x2000), AT(3, 0x3000), AT(4, 4)),
		ADD(AT(1, 0x800), AT(2, 0x3000), AT(3, 0x3000)),
	};
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	*rig_float(&r, 4) = 1;
	for (int i = 0; i < 5; i++)
		*rig_float(&r, 0x3000 + 0x1000 * i) = i + 10;
	CHECK(rig_step(&r, program, 5, 1), "status %d at %u", r.fault.status, r.fault.index);
	for (int i = 0; i < 5; i++) {
		CHECK(*rig_float(&r, 0x1000 + 64 * i) == 3, "base 1, iteration %d", i);
		CHECK(*rig_float(&r, 0x2000 - 128 * i) == i + 11, "bases 2 and 3, iteration %d: %g",
		      i, *rig_float(&r, 0x2000 - 128 * i));
	}
	CHECK(*rig_float(&r, 0x800) == 20, "after the loop: %g", *rig_float(&r, 0x800));
	rig_free(&r);
}

static void signals(void)
{
	const struct dacc_insn program[] = {
		{ .op = DACC_INSN_SIGNAL, .n0 = 100 },
		{ .op = DACC_INSN_LOOP, .c = 8, .n0 = 3, .n1 = 2 },
		{ .op = DACC_INSN_NOP },
		{ .op = DACC_INSN_SIGNAL, .n0 = 7, .dst = AT(3, 0x40) },
		{ .op = DACC_INSN_SIGNAL, .n0 = 50 },
	};
	static const uint64_t want[] = { 100, 7, 8, 9, 50 };
	uint64_t before, value;
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	before = 777;
	r.time = before;
	r.entry[1].base[3] = 0xdead; /* signals use the first entry's */
	CHECK(rig_step(&r, program, 5, 2), "status %d", r.fault.status);
	CHECK(r.m->signals == 5, "%llu reported", (unsigned long long)r.m->signals);
	for (int i = 0; i < 5; i++) {
		CHECK(r.m->signal_value[i] == want[i], "signal %d is %llu", i,
		      (unsigned long long)r.m->signal_value[i]);
		CHECK(r.m->signal_time[i] > before, "signal %d is not later", i);
		before = r.m->signal_time[i];
	}
	CHECK(before == r.time, "the last signal is not the end");
	for (int i = 0; i < 3; i++) {
		memcpy(&value, r.m->frame + 0x40 + 8 * i, 8);
		CHECK(value == 7u + i, "memory holds %llu", (unsigned long long)value);
	}
	rig_free(&r);
}

/* --- faults --------------------------------------------------------------- */

#define V(base, off) AT(base, off)

static const struct dacc_insn sound[] = {
	{ .op = DACC_INSN_EMBED, .dst = V(3, 0x100), .a = V(4, 0x1000), .n0 = 8, .n1 = 4 },
	{ .op = DACC_INSN_RMSNORM,
	  .dst = V(3, 0x200),
	  .a = V(3, 0x300),
	  .b = V(4, 0x1000),
	  .n0 = 8 },
	{ .op = DACC_INSN_MATVEC,
	  .dst = V(3, 0x200),
	  .a = V(4, 0x1000),
	  .b = V(3, 0x300),
	  .n0 = 8,
	  .n1 = 8 },
	{ .op = DACC_INSN_ROPE, .dst = V(3, 0x200), .a = V(4, 0x1000), .n0 = 2, .n1 = 4 },
	{ .op = DACC_INSN_KV_APPEND, .dst = V(2, 0x2000), .a = V(3, 0x300), .n0 = 8, .n1 = 32 },
	{ .op = DACC_INSN_ATTENTION,
	  .dst = V(3, 0x200),
	  .a = V(3, 0x300),
	  .b = V(2, 0x2000),
	  .c = V(2, 0x3000),
	  .n0 = 2,
	  .n1 = 1,
	  .n2 = 4,
	  .n3 = 16 },
	{ .op = DACC_INSN_SWIGLU, .dst = V(3, 0x200), .a = V(3, 0x300), .b = V(3, 0x400), .n0 = 8 },
	{ .op = DACC_INSN_ADD, .dst = V(3, 0x200), .a = V(3, 0x300), .b = V(3, 0x400), .n0 = 8 },
	{ .op = DACC_INSN_SAMPLE, .a = V(3, 0x300), .n0 = 8 },
	{ .op = DACC_INSN_SIGNAL, .dst = V(3, 0x200) },
};

#define N_SOUND (sizeof(sound) / sizeof(*sound))

static __u64 *operand(struct dacc_insn *insn, int which)
{
	__u64 *const all[] = { &insn->dst, &insn->a, &insn->b, &insn->c };

	return all[which];
}

/* Runs @insn in second place, and expects the fault there. */
static void expect_fault(struct rig *r, struct dacc_insn insn, enum dacc_status want, uint64_t addr,
			 const char *what)
{
	struct dacc_insn program[3] = { { 0 }, insn, { 0 } };
	bool good = rig_step(r, program, 3, 2);

	CHECK(!good && r->fault.status == want && r->fault.index == 1,
	      "op %d, %s: status %d at %u, not %d", insn.op, what, r->fault.status, r->fault.index,
	      want);
	CHECK(r->fault.addr == addr, "op %d, %s: address %llx, not %llx", insn.op, what,
	      (unsigned long long)r->fault.addr, (unsigned long long)addr);
}

/* Each operand in turn at an address without a page. */
static void unmapped(void)
{
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	for (size_t i = 0; i < N_SOUND; i++) {
		bool good = rig_step(&r, &sound[i], 1, 2);

		CHECK(good, "op %d: status %d", sound[i].op, r.fault.status);
		for (int k = 0; k < 4; k++) {
			struct dacc_insn insn = sound[i];

			if (!*operand(&insn, k))
				continue;
			*operand(&insn, k) = V(0, 0x5000);
			expect_fault(&r, insn, DACC_STATUS_UNMAPPED, 0x5000, "page 5");
			*operand(&insn, k) = V(0, (1ull << 48));
			expect_fault(&r, insn, DACC_STATUS_UNMAPPED, 1ull << 48, "past 48 bits");
			*operand(&insn, k) = V(0, MEM_BASE + 64 * PAGE);
			expect_fault(&r, insn, DACC_STATUS_UNMAPPED, MEM_BASE + 64 * PAGE,
				     "the end");
		}
	}
	rig_free(&r);
}

/* The second page of an operand is missing; the fault names that page. */
static void unmapped_inside(void)
{
	const struct dacc_insn program[] = {
		{ .op = DACC_INSN_MATVEC,
		  .dst = V(3, 0x800),
		  .a = V(4, 0x4000),
		  .b = V(3, 0x100),
		  .n0 = 64,
		  .n1 = 64 },
		{ .op = DACC_INSN_ADD,
		  .dst = V(3, 0x100),
		  .a = V(4, 0x4800),
		  .b = V(3, 0x100),
		  .n0 = 1024 },
		{ .op = DACC_INSN_ATTENTION,
		  .dst = V(3, 0x200),
		  .a = V(3, 0x300),
		  .b = V(4, 0x4ff0),
		  .c = V(2, 0x3000),
		  .n0 = 2,
		  .n1 = 1,
		  .n2 = 4,
		  .n3 = 16 },
	};
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	r.m->flags[5] = PAGE_NONE;
	for (int e = 0; e < 2; e++) {
		r.entry[e].pos = 3;
		r.entry[e].base[4] = MEM_BASE;
	}
	for (int i = 0; i < 3; i++)
		expect_fault(&r, program[i], DACC_STATUS_UNMAPPED, MEM_BASE + 0x5000,
			     "second page");
	rig_free(&r);
}

static void read_only(void)
{
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	r.m->flags[8] = PAGE_READ_ONLY;
	for (size_t i = 0; i < N_SOUND; i++) {
		for (int k = 0; k < 4; k++) {
			struct dacc_insn insn = sound[i];
			uint64_t addr = MEM_BASE + 0x8000;

			if (!*operand(&insn, k))
				continue;
			*operand(&insn, k) = V(0, addr);
			if (k == 0) {
				expect_fault(&r, insn, DACC_STATUS_READ_ONLY, addr, "destination");
			} else {
				bool good = rig_step(&r, &insn, 1, 2);

				CHECK(good, "op %d reads: status %d", insn.op, r.fault.status);
			}
		}
	}
	rig_free(&r);
}

static void misaligned(void)
{
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	for (size_t i = 0; i < N_SOUND; i++)
		for (int k = 0; k < 4; k++)
			for (int by = 1; by < 4; by++) {
				struct dacc_insn insn = sound[i];

				if (!*operand(&insn, k))
					continue;
				*operand(&insn, k) = V(0, MEM_BASE + 0x8000 + by);
				expect_fault(&r, insn, DACC_STATUS_BAD_ALIGN,
					     MEM_BASE + 0x8000 + by, "misaligned");
			}
	rig_free(&r);
}

static void overlapping(void)
{
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	for (size_t i = 0; i < N_SOUND; i++) {
		struct dacc_insn insn = sound[i];
		bool matvec = insn.op == DACC_INSN_MATVEC;

		if (insn.op == DACC_INSN_EMBED || insn.op == DACC_INSN_ROPE ||
		    insn.op == DACC_INSN_SAMPLE || insn.op == DACC_INSN_SIGNAL)
			continue;
		for (int by = -28; by <= 28; by += 4) {
			insn.dst = V(0, MEM_BASE + 0x8000 + by);
			*operand(&insn, matvec ? 2 : 1) = V(0, MEM_BASE + 0x8000);
			if (by || matvec || insn.op == DACC_INSN_KV_APPEND)
				expect_fault(&r, insn, DACC_STATUS_BAD_INSN, MEM_BASE + 0x8000 + by,
					     "overlap");
			else
				CHECK(rig_step(&r, &insn, 1, 2), "op %d in place", insn.op);
		}
		for (int by = -32; by <= 32; by += 64) {
			insn.dst = V(0, MEM_BASE + 0x8000 + by);
			CHECK(rig_step(&r, &insn, 1, 2), "op %d side by side", insn.op);
		}
	}
	rig_free(&r);
}

static void bad_token(void)
{
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	for (uint64_t token = 4; token < 1ull << 32; token = token * 5 + 11) {
		r.entry[1].token = token;
		expect_fault(&r, sound[0], DACC_STATUS_BAD_TOKEN, 0, "token");
	}
	r.entry[1].token = DACC_NO_TOKEN;
	expect_fault(&r, sound[0], DACC_STATUS_BAD_TOKEN, 0, "token");
	r.entry[1].token = 3;
	CHECK(rig_step(&r, sound, 1, 2), "last token: status %d", r.fault.status);
	r.entry[1].token = 4;
	r.entry[1].done = true;
	CHECK(rig_step(&r, sound, 1, 2), "token of a done entry: status %d", r.fault.status);
	rig_free(&r);
}

static void not_a_number(void)
{
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	for (int e = 0; e < 2; e++)
		for (int i = 0; i < 8; i++)
			*rig_float(&r, 16 * PAGE * e + 0x300 + 4 * i) = num_float(0xffc01234);
	expect_fault(&r, sound[8], DACC_STATUS_NOT_A_NUMBER, 0, "all NaN");
	r.entry[0].temperature = 1;
	expect_fault(&r, sound[8], DACC_STATUS_NOT_A_NUMBER, 0, "all NaN, hot");
	*rig_float(&r, 0x310) = -3;
	*rig_float(&r, 16 * PAGE + 0x31c) = -1e38f;
	CHECK(rig_step(&r, &sound[8], 1, 2), "status %d", r.fault.status);
	CHECK(r.entry[0].next == 4 && r.entry[1].next == 7, "chose %u and %u", r.entry[0].next,
	      r.entry[1].next);
	rig_free(&r);
}

static void context_full(void)
{
	struct dacc_insn nop = { 0 };
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	r.entry[1].pos = 8;
	CHECK(!rig_step(&r, &nop, 1, 2) && r.fault.status == DACC_STATUS_CONTEXT_FULL,
	      "pos = max_pos");
	r.entry[1].pos = 7;
	CHECK(rig_step(&r, &nop, 1, 2), "last position");
	r.entry[1].max_pos = DACC_MAX_POS + 1;
	CHECK(!rig_step(&r, &nop, 1, 2) && r.fault.status == DACC_STATUS_BAD_SEQUENCE, "max_pos");
	rig_free(&r);
}

/* --- cancelling, done entries --------------------------------------------- */

static void cancel_anywhere(void)
{
	struct dacc_insn program[N_SOUND + 1] = {
		{ .op = DACC_INSN_LOOP, .n0 = 2, .n1 = N_SOUND },
	};
	uint64_t yields;
	struct rig r;

	memcpy(program + 1, sound, sizeof(sound));
	if (!rig_init(&r))
		return rig_free(&r);
	CHECK(rig_step(&r, program, N_SOUND + 1, 2), "status %d", r.fault.status);
	yields = r.m->yields;
	CHECK(yields >= 2 * N_SOUND + 1, "%llu yields", (unsigned long long)yields);
	for (uint64_t at = 1; at <= yields; at++) {
		bool good;

		r.m->yields = 0;
		r.m->cancel_at = at;
		good = rig_step(&r, program, N_SOUND + 1, 2);
		CHECK(!good && r.fault.status == DACC_STATUS_CANCELLED && r.m->yields == at,
		      "yield %llu: status %d after %llu", (unsigned long long)at, r.fault.status,
		      (unsigned long long)r.m->yields);
	}
	rig_free(&r);
}

/* A long instruction yields in its middle too. */
static void cancel_inside(void)
{
	const struct dacc_insn insn = {
		.op = DACC_INSN_MATVEC,
		.dst = V(3, 0x100),
		.a = V(0, MEM_BASE + 0x100000),
		.b = V(3, 0x8000),
		.n0 = 2000,
		.n1 = 4000,
	};
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	mem_free(r.m);
	r.m = mem_new(MEM_SCATTERED, 40 << 20);
	if (!CHECK(r.m, "no memory"))
		return;
	r.ops = mem_ops(r.m);
	r.m->cancel_at = 3;
	CHECK(!rig_step(&r, &insn, 1, 1) && r.fault.status == DACC_STATUS_CANCELLED, "status %d",
	      r.fault.status);
	rig_free(&r);
}

/* An entry that is done is not touched, and costs nothing. */
static void done_entries(void)
{
	uint64_t one, all;
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	r.entry[0].done = true;
	r.entry[2].done = true;
	r.entry[0].next = 1234;
	r.entry[2].next = 1234;
	memset(r.m->frame, 0x11, 16 * PAGE);
	memset(r.m->frame + 32 * PAGE, 0x11, 16 * PAGE);
	CHECK(rig_step(&r, sound, N_SOUND - 1, 4), "status %d", r.fault.status);
	for (uint32_t i = 0; i < 16 * PAGE; i++)
		CHECK(r.m->frame[i] == 0x11 && r.m->frame[32 * PAGE + i] == 0x11, "byte %u", i);
	CHECK(r.entry[0].next == 1234 && r.entry[1].next == 0 && r.entry[3].next == 0, "tokens");
	one = seq_cost(test_timing, sound, N_SOUND, r.entry, 4);
	r.entry[0].done = false;
	r.entry[2].done = false;
	all = seq_cost(test_timing, sound, N_SOUND, r.entry, 4);
	CHECK(one < all && one == seq_cost(test_timing, sound, N_SOUND, r.entry, 2), "cost");
	for (int e = 0; e < 4; e++)
		r.entry[e].done = true;
	r.time = 0;
	CHECK(rig_step(&r, sound, N_SOUND, 4) && !r.time, "a step without live entries");
	CHECK(!seq_cost(test_timing, sound, N_SOUND, r.entry, 4), "its cost");
	rig_free(&r);
}

/* --- device time ---------------------------------------------------------- */

static void costs_by_hand(void)
{
	static const uint64_t timing[DACC_TIMING_COUNT] = { 1000000, 1000000, 3, 1000, 50000 };
	SeqEntry entry[2] = { { .max_pos = 9, .pos = 4 }, { .max_pos = 9, .pos = 1 } };
	static const struct {
		struct dacc_insn insn;
		uint64_t ops, bytes;
	} want[] = {
		{ { .op = DACC_INSN_NOP }, 0, 0 },
		{ { .op = DACC_INSN_EMBED, .n0 = 64, .n1 = 5 }, 0, 2 * (256 + 256) },
		{ { .op = DACC_INSN_EMBED, .type = DACC_TYPE_Q4_0, .n0 = 64, .n1 = 5 },
		  0,
		  2 * (36 + 256) },
		{ { .op = DACC_INSN_RMSNORM, .n0 = 10 }, 80, 40 + 2 * 80 },
		{ { .op = DACC_INSN_MATVEC, .n0 = 10, .n1 = 20 }, 2 * 400, 800 + 2 * (80 + 40) },
		{ { .op = DACC_INSN_MATVEC,
		    .flags = DACC_INSN_ACCUMULATE,
		    .type = DACC_TYPE_F16,
		    .n0 = 10,
		    .n1 = 20 },
		  2 * 410,
		  400 + 2 * (80 + 80) },
		{ { .op = DACC_INSN_MATVEC, .type = DACC_TYPE_Q8_0, .n0 = 10, .n1 = 64 },
		  2 * 1280,
		  680 + 2 * (256 + 40) },
		{ { .op = DACC_INSN_ROPE, .n0 = 3, .n1 = 8 }, 2 * 72, 2 * (32 + 192) },
		{ { .op = DACC_INSN_KV_APPEND, .type = DACC_TYPE_F16, .n0 = 6, .n1 = 64 },
		  0,
		  2 * (24 + 12) },
		{ { .op = DACC_INSN_ATTENTION, .n0 = 4, .n1 = 2, .n2 = 8, .n3 = 64 },
		  (5 + 2) * 4 * (32 + 5),
		  2 * (5 + 2) * 64 + 2 * 8 * 32 },
		{ { .op = DACC_INSN_SWIGLU, .n0 = 7 }, 56, 2 * 84 },
		{ { .op = DACC_INSN_ADD, .n0 = 7 }, 14, 2 * 84 },
		{ { .op = DACC_INSN_SAMPLE, .n0 = 100 }, 1000, 800 },
		{ { .op = DACC_INSN_SIGNAL, .n0 = 100 }, 0, 0 },
		{ { .op = DACC_INSN_SIGNAL, .n0 = 100, .dst = 8 }, 0, 8 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		uint64_t more = want[i].ops > want[i].bytes ? want[i].ops : want[i].bytes;
		uint64_t got = seq_cost(timing, &want[i].insn, 1, entry, 2);

		CHECK(got == 50003 + more, "case %zu, op %d: %llu, not %llu", i, want[i].insn.op,
		      (unsigned long long)got, (unsigned long long)(50003 + more));
	}
}

static void cost_rounds_up(void)
{
	uint64_t timing[DACC_TIMING_COUNT] = { 3000000, 1000000, 0, 0, 0 };
	struct dacc_insn add = { .op = DACC_INSN_ADD, .n0 = 1 };
	SeqEntry entry = { .max_pos = 1 };

	CHECK(seq_cost(timing, &add, 1, &entry, 1) == 4, "12 bytes at 3 a picosecond");
	timing[DACC_TIMING_SRAM_BW] = 5000000;
	CHECK(seq_cost(timing, &add, 1, &entry, 1) == 3, "12 bytes at 5 a picosecond");
	timing[DACC_TIMING_SRAM_BW] = 100000000;
	CHECK(seq_cost(timing, &add, 1, &entry, 1) == 1, "one operation of one picosecond");
}

/* Time stays at its largest value; nothing wraps or divides by zero. */
static void cost_saturates(void)
{
	static const uint64_t slow[DACC_TIMING_COUNT] = { 1, 1, ~0ull / 2, ~0ull, ~0ull / 3 };
	static const uint64_t zero[DACC_TIMING_COUNT];
	const struct dacc_insn program[] = {
		{ .op = DACC_INSN_LOOP, .n0 = ~0u, .n1 = 1 },
		{ .op = DACC_INSN_ATTENTION, .n0 = 256, .n1 = 256, .n2 = 512, .n3 = 512 * 1024 },
	};
	static SeqEntry entry[4096];

	for (int e = 0; e < 4096; e++)
		entry[e] = (SeqEntry){ .pos = DACC_MAX_POS - 1, .max_pos = DACC_MAX_POS };
	CHECK(seq_cost(slow, program, 2, entry, 4096) == UINT64_MAX, "slow");
	CHECK(seq_cost(slow, program, 2, entry, 1) == UINT64_MAX, "slow, one entry");
	CHECK(seq_cost(zero, program, 2, entry, 4096) == 0, "no parameters");
}

/* seq_step() and seq_cost() agree, whatever the program. */
static void cost_is_step_time(void)
{
	struct rig r;

	if (!rig_init(&r))
		return rig_free(&r);
	for (int round = 0; round < 300; round++) {
		struct dacc_insn program[24];
		uint32_t n = 1 + random_below(24), loop_end = 0, live = 0;
		uint64_t cost;
		bool good;

		for (uint32_t i = 0; i < n; i++) {
			program[i] = sound[random_below(N_SOUND)];
			if (program[i].op == DACC_INSN_EMBED)
				program[i].type = random_below(3);
			if (i >= loop_end && i + 1 < n && random_below(4) == 0) {
				program[i] = (struct dacc_insn){
					.op = DACC_INSN_LOOP,
					.n0 = 1 + random_below(4),
					.n1 = 1 + random_below(n - i - 1),
				};
				loop_end = i + 1 + program[i].n1;
			}
		}
		for (int e = 0; e < 4; e++) {
			r.entry[e].pos = random_below(8);
			r.entry[e].done = random_below(3) == 0;
			live += !r.entry[e].done;
		}
		cost = seq_cost(test_timing, program, n, r.entry, 4);
		r.time = 0;
		good = rig_step(&r, program, n, 4);
		CHECK(good && r.time == cost, "round %d: status %d, took %llu, cost %llu", round,
		      r.fault.status, (unsigned long long)r.time, (unsigned long long)cost);
		CHECK(!live == !cost, "round %d: cost %llu for %u live", round,
		      (unsigned long long)cost, live);
	}
	rig_free(&r);
}

int main(void)
{
	TAP_CASE(loop_bases);
	TAP_CASE(signals);
	TAP_CASE(unmapped);
	TAP_CASE(unmapped_inside);
	TAP_CASE(read_only);
	TAP_CASE(misaligned);
	TAP_CASE(overlapping);
	TAP_CASE(bad_token);
	TAP_CASE(not_a_number);
	TAP_CASE(context_full);
	TAP_CASE(cancel_anywhere);
	TAP_CASE(cancel_inside);
	TAP_CASE(done_entries);
	TAP_CASE(costs_by_hand);
	TAP_CASE(cost_rounds_up);
	TAP_CASE(cost_saturates);
	TAP_CASE(cost_is_step_time);
	return tap_done();
}
