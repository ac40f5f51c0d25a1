// SPDX-License-Identifier: GPL-2.0
/* seq_check(): every malformed instruction has its status and its index. */
#include <string.h>

#include "seq.h"
#include "tap.h"

#define A(base) DACC_OPERAND(base, 64)

static const struct dacc_insn good[DACC_INSN_COUNT] = {
	[DACC_INSN_NOP] = { .op = DACC_INSN_NOP },
	[DACC_INSN_EMBED] = { .op = DACC_INSN_EMBED, .dst = A(3), .a = A(4), .n0 = 64, .n1 = 512 },
	[DACC_INSN_RMSNORM] = { .op = DACC_INSN_RMSNORM,
				.imm = 1,
				.dst = A(3),
				.a = A(3),
				.b = A(1),
				.n0 = 64 },
	[DACC_INSN_MATVEC] = { .op = DACC_INSN_MATVEC,
			       .dst = A(3),
			       .a = A(1),
			       .b = A(3),
			       .n0 = 7,
			       .n1 = 64,
			       .flags = DACC_INSN_ACCUMULATE },
	[DACC_INSN_ROPE] = { .op = DACC_INSN_ROPE,
			     .dst = A(3),
			     .a = A(4),
			     .n0 = 8,
			     .n1 = 8,
			     .flags = DACC_INSN_ROPE_NEOX },
	[DACC_INSN_KV_APPEND] = { .op = DACC_INSN_KV_APPEND,
				  .type = DACC_TYPE_F16,
				  .dst = A(2),
				  .a = A(3),
				  .n0 = 32,
				  .n1 = 64 },
	[DACC_INSN_ATTENTION] = { .op = DACC_INSN_ATTENTION,
				  .imm = 1,
				  .dst = A(3),
				  .a = A(3),
				  .b = A(2),
				  .c = A(2),
				  .n0 = 8,
				  .n1 = 4,
				  .n2 = 8,
				  .n3 = 128 },
	[DACC_INSN_SWIGLU] = { .op = DACC_INSN_SWIGLU, .dst = A(3), .a = A(3), .b = A(3), .n0 = 9 },
	[DACC_INSN_ADD] = { .op = DACC_INSN_ADD, .dst = A(3), .a = A(3), .b = A(3), .n0 = 9 },
	[DACC_INSN_SAMPLE] = { .op = DACC_INSN_SAMPLE, .a = A(3), .n0 = 512 },
	[DACC_INSN_LOOP] = { .op = DACC_INSN_LOOP,
			     .a = ~0ull,
			     .b = 1ull << 63,
			     .c = 5,
			     .n0 = 3,
			     .n1 = 1 },
	[DACC_INSN_SIGNAL] = { .op = DACC_INSN_SIGNAL, .dst = A(5), .n0 = 7 },
	[DACC_INSN_SEND] = { .op = DACC_INSN_SEND, .a = A(3), .n0 = 64, .n1 = 3, .n2 = 77 },
	[DACC_INSN_RECEIVE] = { .op = DACC_INSN_RECEIVE, .dst = A(3), .n0 = 64, .n1 = 3, .n2 = 77 },
};

static const char *const name[DACC_INSN_COUNT] = {
	"NOP",    "EMBED", "RMSNORM", "MATVEC", "ROPE",   "KV_APPEND", "ATTENTION",
	"SWIGLU", "ADD",   "SAMPLE",  "LOOP",   "SIGNAL", "SEND",      "RECEIVE",
};

/* Which fields each instruction uses: t type, f flags, i imm, d a b c, 0 to 3. */
static const char *const uses[DACC_INSN_COUNT] = {
	"",     "tda01", "idab0", "tfdab01", "fda01", "tda01", "tidabc0123",
	"dab0", "dab0",  "a0",    "abc01",   "d0",    "a012",  "d012",
};

/* Status of the instruction in third place, with a good one after it. */
static enum dacc_status check(struct dacc_insn insn, const char *what)
{
	struct dacc_insn program[4] = { { 0 } };
	SeqFault fault = { .status = DACC_STATUS_COUNT };
	bool good;

	program[2] = insn;
	good = seq_check(program, 4, &fault);
	CHECK(good == (fault.status == DACC_STATUS_OK), "%s: returned %d, status %d", what, good,
	      fault.status);
	CHECK(good || fault.index == 2, "%s: index is %u", what, fault.index);
	return fault.status;
}

static void expect(struct dacc_insn insn, enum dacc_status want, const char *what)
{
	enum dacc_status got = check(insn, what);

	CHECK(got == want, "%s %s: status %d, not %d",
	      insn.op < DACC_INSN_COUNT ? name[insn.op] : "?", what, got, want);
}

static void good_ones(void)
{
	for (int op = 0; op < DACC_INSN_COUNT; op++) {
		bool link = op == DACC_INSN_SEND || op == DACC_INSN_RECEIVE;

		expect(good[op], link ? DACC_STATUS_UNSUPPORTED : DACC_STATUS_OK, "good");
	}
}

static void unknown_opcodes(void)
{
	for (int op = DACC_INSN_COUNT; op < 256; op++)
		expect((struct dacc_insn){ .op = op }, DACC_STATUS_BAD_INSN, "unknown");
}

static void reserved_fields(void)
{
	for (int op = 0; op < DACC_INSN_COUNT; op++) {
		struct dacc_insn insn = good[op];

		insn.reserved = 1ull << 63;
		expect(insn, DACC_STATUS_RESERVED, "reserved");
		for (int bit = 0; bit < 16; bit++) {
			insn = good[op];
			insn.flags |= 1u << bit;
			if (bit == 0 && strchr(uses[op], 'f'))
				continue;
			expect(insn, DACC_STATUS_RESERVED, "flag");
		}
	}
}

static void unused_fields(void)
{
	static const char fields[] = "tidabc0123";

	for (int op = 0; op < DACC_INSN_COUNT; op++)
		for (int f = 0; fields[f]; f++) {
			struct dacc_insn insn = good[op];
			char what[2] = { fields[f], 0 };

			if (strchr(uses[op], fields[f]))
				continue;
			switch (fields[f]) {
			case 't':
				insn.type = 1;
				break;
			case 'i':
				insn.imm = 1;
				break;
			case 'd':
				insn.dst = 1;
				break;
			case 'a':
				insn.a = 1;
				break;
			case 'b':
				insn.b = 1;
				break;
			case 'c':
				insn.c = 1;
				break;
			case '0':
				insn.n0 = 1;
				break;
			case '1':
				insn.n1 = 1;
				break;
			case '2':
				insn.n2 = 1;
				break;
			case '3':
				insn.n3 = 1;
				break;
			}
			expect(insn, DACC_STATUS_RESERVED, what);
		}
}

static void base_numbers(void)
{
	for (int op = 0; op < DACC_INSN_COUNT; op++) {
		struct dacc_insn insn;

		if (op == DACC_INSN_LOOP)
			continue;
		for (int base = 8; base < 16; base++) {
			const char *f = uses[op];

			for (; *f; f++) {
				insn = good[op];
				if (*f == 'd')
					insn.dst = A(base);
				else if (*f == 'a')
					insn.a = A(base);
				else if (*f == 'b')
					insn.b = A(base);
				else if (*f == 'c')
					insn.c = A(base);
				else
					continue;
				expect(insn, DACC_STATUS_BAD_INSN, "base number");
			}
		}
	}
}

static void types(void)
{
	for (int op = 0; op < DACC_INSN_COUNT; op++) {
		bool kv = op == DACC_INSN_KV_APPEND || op == DACC_INSN_ATTENTION;

		if (!strchr(uses[op], 't'))
			continue;
		for (int t = 0; t < 256; t++) {
			struct dacc_insn insn = good[op];
			bool ok = kv ? t <= DACC_TYPE_F16 : t < DACC_TYPE_COUNT;

			insn.type = t;
			insn.n0 = op == DACC_INSN_KV_APPEND ? 16 : insn.n0;
			expect(insn, ok ? DACC_STATUS_OK : DACC_STATUS_BAD_INSN, "type");
		}
	}
}

#define BAD(op_, field, value, what) \
	do { \
		struct dacc_insn insn_ = good[DACC_INSN_##op_]; \
\
		insn_.field = (value); \
		expect(insn_, DACC_STATUS_BAD_INSN, what); \
	} while (0)

#define GOOD(op_, field, value) \
	do { \
		struct dacc_insn insn_ = good[DACC_INSN_##op_]; \
\
		insn_.field = (value); \
		expect(insn_, DACC_STATUS_OK, #field " = " #value); \
	} while (0)

#define SIZE(op_, field, max) \
	do { \
		BAD(op_, field, 0, #field " = 0"); \
		BAD(op_, field, (max) + 1u, #field " too large"); \
		BAD(op_, field, ~0u, #field " = ~0"); \
		GOOD(op_, field, max); \
	} while (0)

static void sizes(void)
{
	struct dacc_insn insn;

	SIZE(EMBED, n0, DACC_MAX_DIM);
	SIZE(EMBED, n1, DACC_MAX_DIM);
	SIZE(RMSNORM, n0, DACC_MAX_DIM);
	SIZE(MATVEC, n0, DACC_MAX_DIM);
	SIZE(MATVEC, n1, DACC_MAX_DIM);
	SIZE(ROPE, n0, DACC_MAX_HEADS);
	SIZE(ROPE, n1, DACC_MAX_HEAD_DIM);
	BAD(ROPE, n1, 7, "odd head");
	BAD(KV_APPEND, n0, 0, "n0 = 0");
	BAD(KV_APPEND, n0, DACC_MAX_DIM + 1, "n0 too large");
	BAD(KV_APPEND, n1, 0, "n1 = 0");
	BAD(KV_APPEND, n1, 62, "positions overlap");
	BAD(KV_APPEND, n1, 65, "odd stride");
	GOOD(KV_APPEND, n1, 66);
	BAD(ATTENTION, n0, 0, "n0 = 0");
	BAD(ATTENTION, n0, 260, "n0 too large");
	GOOD(ATTENTION, n0, 256);
	BAD(ATTENTION, n0, 6, "heads not a multiple");
	BAD(ATTENTION, n0, 2, "fewer heads than KV heads");
	BAD(ATTENTION, n1, 0, "n1 = 0");
	BAD(ATTENTION, n1, 3, "KV heads do not divide");
	BAD(ATTENTION, n2, 0, "n2 = 0");
	BAD(ATTENTION, n2, 9, "stride too small");
	BAD(ATTENTION, n3, 0, "n3 = 0");
	BAD(ATTENTION, n3, 130, "stride not of floats");
	insn = good[DACC_INSN_ATTENTION];
	insn.n2 = DACC_MAX_HEAD_DIM;
	insn.n3 = DACC_MAX_HEAD_DIM * 16;
	expect(insn, DACC_STATUS_OK, "largest head");
	insn.n2++;
	insn.n3 += 16;
	expect(insn, DACC_STATUS_BAD_INSN, "head too large");
	SIZE(SWIGLU, n0, DACC_MAX_DIM);
	SIZE(ADD, n0, DACC_MAX_DIM);
	SIZE(SAMPLE, n0, DACC_MAX_DIM);
	BAD(SEND, n0, 0, "n0 = 0");
	BAD(SEND, n1, DACC_MAX_LINKS, "port");
	BAD(RECEIVE, n0, 0, "n0 = 0");
	BAD(RECEIVE, n1, DACC_MAX_LINKS, "port");
	GOOD(SIGNAL, n0, 0);
	GOOD(SIGNAL, n0, ~0u);
	GOOD(SIGNAL, dst, 0);
	for (int t = DACC_TYPE_Q8_0; t <= DACC_TYPE_Q4_0; t++) {
		insn = good[DACC_INSN_MATVEC];
		insn.type = t;
		expect(insn, DACC_STATUS_OK, "whole blocks");
		insn.n1 = 80;
		expect(insn, DACC_STATUS_BAD_INSN, "part of a block");
		insn = good[DACC_INSN_EMBED];
		insn.type = t;
		insn.n0 = 48;
		expect(insn, DACC_STATUS_BAD_INSN, "part of a block");
	}
}

static void loops(void)
{
	struct dacc_insn p[6] = { { 0 } };
	SeqFault fault;
	bool ok;

	BAD(LOOP, n0, 0, "no iteration");
	BAD(LOOP, n1, 0, "no body");
	BAD(LOOP, n1, 2, "body past the end");
	BAD(LOOP, n1, ~0u, "body wraps");
	GOOD(LOOP, n0, DACC_MAX_LOOP);
	BAD(LOOP, n0, DACC_MAX_LOOP + 1, "too many iterations");
	BAD(LOOP, n0, ~0u, "far too many iterations");
	p[0] = good[DACC_INSN_LOOP];
	p[0].n1 = 2;
	p[3] = good[DACC_INSN_LOOP];
	p[3].n1 = 2;
	ok = seq_check(p, 6, &fault);
	CHECK(ok, "two in a row: status %d", fault.status);
	p[2] = p[3];
	p[2].n1 = 1;
	ok = seq_check(p, 6, &fault);
	CHECK(!ok && fault.status == DACC_STATUS_BAD_INSN && fault.index == 2,
	      "nested loop: status %d, index %u", fault.status, fault.index);
	ok = seq_check(&p[3], 1, &fault);
	CHECK(!ok && fault.status == DACC_STATUS_BAD_INSN, "loop at the end: status %d",
	      fault.status);
	ok = seq_check(p, 0, &fault);
	CHECK(ok, "empty program: status %d", fault.status);
}

/* The first bad instruction is the one that is named. */
static void first_fault(void)
{
	struct dacc_insn p[3] = { { 0 }, { .op = 200 }, { .reserved = 1 } };
	SeqFault fault;
	bool ok = seq_check(p, 3, &fault);

	CHECK(!ok && fault.index == 1 && fault.status == DACC_STATUS_BAD_INSN,
	      "index %u, status %d", fault.index, fault.status);
}

int main(void)
{
	TAP_CASE(good_ones);
	TAP_CASE(unknown_opcodes);
	TAP_CASE(reserved_fields);
	TAP_CASE(unused_fields);
	TAP_CASE(base_numbers);
	TAP_CASE(types);
	TAP_CASE(sizes);
	TAP_CASE(loops);
	TAP_CASE(first_fault);
	return tap_done();
}
