// SPDX-License-Identifier: GPL-2.0
/* DECODE descriptors: sequences, token records, ends, device time. */
#include "dev_host.h"
#include "seq.h"
#include "tap.h"

#define VOCAB   64u
/* Offsets in SRAM. */
#define PROGRAM 0x0000u
#define SEQS    0x10000u
#define TABLE   0x20000u
#define ACT     0x40000u /* 4 KiB for each sequence */
#define OUT     (VA_RAM + 0x1000)

static struct host *h;
static struct dq q, xq;
static uint64_t ram, root;
static unsigned int threads;

/* The token after @t, by the table: row t is largest at next(t). */
static uint32_t next(uint32_t t)
{
	return (t * 5 + 3) % VOCAB;
}

static void begin(void)
{
	struct dacc_insn *p;
	float *table;

	h = host_chip(threads);
	root = pt_world(h, 1, &ram);
	dq_init(&q, h, 0, DACC_CLASS_DECODE, 1, 4, 1);
	dq_init(&xq, h, 1, DACC_CLASS_TRANSFER, 1, 4, 1);
	p = (struct dacc_insn *)(h->mem + PROGRAM);
	p[0] = (struct dacc_insn){ .op = DACC_INSN_EMBED,
				   .n0 = VOCAB,
				   .n1 = VOCAB,
				   .dst = DACC_OPERAND(DACC_BASE_ACT, 0),
				   .a = DACC_OPERAND(DACC_BASE_MODEL, 0) };
	p[1] = (struct dacc_insn){ .op = DACC_INSN_SAMPLE,
				   .n0 = VOCAB,
				   .a = DACC_OPERAND(DACC_BASE_ACT, 0) };
	table = (float *)(h->mem + TABLE);
	for (uint32_t t = 0; t < VOCAB; t++)
		for (uint32_t i = 0; i < VOCAB; i++)
			table[t * VOCAB + i] = i == next(t) ? 9.0f : (float)(i % 7);
}

static struct dacc_seq *seqs(void)
{
	return (struct dacc_seq *)(h->mem + SEQS);
}

static void seq_init(unsigned int i, uint32_t token, uint32_t pos, uint32_t max_pos)
{
	struct dacc_seq *s = &seqs()[i];

	memset(s, 0, sizeof(*s));
	s->token = token;
	s->pos = pos;
	s->max_pos = max_pos;
	s->stop_token = DACC_NO_TOKEN;
	s->base[DACC_BASE_ACT] = VA_SRAM + ACT + 4096 * i;
	s->base[DACC_BASE_MODEL] = VA_SRAM + TABLE;
}

static struct dacc_desc decode(unsigned int batch, unsigned int max_tokens)
{
	struct dacc_desc d = { .opcode = DACC_OP_DECODE };

	d.decode.program = VA_SRAM + PROGRAM;
	d.decode.seqs = VA_SRAM + SEQS;
	d.decode.out = OUT;
	d.decode.n_insns = 2;
	d.decode.batch = batch;
	d.decode.max_tokens = max_tokens;
	return d;
}

static struct dacc_out *out(unsigned int i, unsigned int max_tokens)
{
	return host_ptr(h, ram + 0x1000 + i * DACC_OUT_STRIDE(max_tokens));
}

static void tokens(void)
{
	struct dacc_desc d;
	struct dacc_cpl cpl;
	uint32_t t = 11;

	begin();
	seq_init(0, t, 4, 100);
	d = decode(1, 20);
	d.flags = DACC_DESC_IRQ;
	cpl = dq_exec(&q, &d);
	REQUIRE(!cpl.status, "status %u at %u", cpl.status, cpl.index);
	CHECK(cpl.bytes == 20 && cpl.path == 0, "tokens");
	CHECK(out(0, 20)->count == 20 && out(0, 20)->flags == 0, "record");
	for (int i = 0; i < 20; i++) {
		t = next(t);
		CHECK(out(0, 20)->token[i] == t, "token %d", i);
	}
	CHECK(seqs()[0].token == t && seqs()[0].pos == 24 && seqs()[0].flags == 0, "state");
	CHECK(h->irq[1] == 1, "interrupt");
	/* It goes on from there. */
	d = decode(1, 1);
	cpl = dq_exec(&q, &d);
	CHECK(!cpl.status && out(0, 1)->token[0] == next(t), "next");
	host_free(h);
}

static void batch(void)
{
	struct dacc_desc d = decode(DACC_MAX_BATCH, 7);
	struct dacc_cpl cpl;

	begin();
	for (unsigned int i = 0; i < DACC_MAX_BATCH; i++)
		seq_init(i, i, i, 1000);
	cpl = dq_exec(&q, &d);
	REQUIRE(!cpl.status, "status %u", cpl.status);
	CHECK(cpl.bytes == DACC_MAX_BATCH * 7, "tokens");
	for (unsigned int i = 0; i < DACC_MAX_BATCH; i++) {
		uint32_t t = i;

		for (int k = 0; k < 7; k++) {
			t = next(t);
			CHECK(out(i, 7)->token[k] == t, "sequence %u token %d", i, k);
		}
		CHECK(seqs()[i].pos == i + 7, "position");
	}
	host_free(h);
}

static void ends(void)
{
	struct dacc_desc d = decode(4, 50);
	struct dacc_cpl cpl;

	begin();
	/* By stop token, by max_pos, done before, and not at all. */
	seq_init(0, 1, 0, 1000);
	seqs()[0].stop_token = next(next(next(1)));
	seq_init(1, 2, 5, 10);
	seq_init(2, 3, 7, 7);
	seqs()[2].flags = DACC_SEQ_DONE;
	seq_init(3, 4, 0, 1000);
	cpl = dq_exec(&q, &d);
	REQUIRE(!cpl.status, "status %u", cpl.status);
	CHECK(out(0, 50)->count == 3 && out(0, 50)->flags == DACC_SEQ_DONE, "stop token");
	CHECK(out(0, 50)->token[2] == seqs()[0].stop_token, "is in the record");
	CHECK(out(1, 50)->count == 5 && out(1, 50)->flags == DACC_SEQ_DONE, "max_pos");
	CHECK(out(2, 50)->count == 0 && out(2, 50)->flags == DACC_SEQ_DONE, "done before");
	CHECK(out(3, 50)->count == 50 && out(3, 50)->flags == 0, "goes on");
	CHECK(cpl.bytes == 58, "58 tokens");
	CHECK(seqs()[0].flags == DACC_SEQ_DONE && seqs()[0].pos == 3, "state");
	CHECK(seqs()[1].flags == DACC_SEQ_DONE && seqs()[1].pos == 10, "state");
	CHECK(seqs()[2].token == 3 && seqs()[2].pos == 7, "state");
	/* All done: ends early; done from the start: no step at all. */
	d = decode(3, 4000);
	cpl = dq_exec(&q, &d);
	CHECK(!cpl.status && cpl.bytes == 0 && cpl.t_end == cpl.t_start, "nothing to do");
	host_free(h);
}

static void bad_sequences(void)
{
	struct dacc_desc d = decode(2, 3);

#define SEQ(change, want) \
	do { \
		struct dacc_seq *s = &seqs()[1]; \
		struct dacc_cpl cpl; \
\
		seq_init(0, 1, 0, 10); \
		seq_init(1, 1, 0, 10); \
		change; \
		dq_push(&q, &d); \
		dq_ring(&q); \
		CHECK(host_run(h), "idle"); \
		cpl = dq_cpl(&q, q.prod); \
		CHECK(cpl.status == (want), #change ": %u", cpl.status); \
		if (want) { \
			CHECK(rd(h, QREG(0, DACC_QUEUE_FAULT_ADDR), 8) == \
				      VA_SRAM + SEQS + sizeof(*s), \
			      #change ": address"); \
			dq_reset(&q); \
			dq_enable(&q); \
		} \
	} while (0)

	begin();
	SEQ(s->pos = 10, DACC_STATUS_CONTEXT_FULL);
	SEQ(s->pos = 11, DACC_STATUS_BAD_SEQUENCE);
	SEQ(s->max_pos = 0, DACC_STATUS_BAD_SEQUENCE);
	SEQ(s->max_pos = DACC_MAX_POS + 1, DACC_STATUS_BAD_SEQUENCE);
	SEQ(s->flags = 2, DACC_STATUS_BAD_SEQUENCE);
	SEQ(s->reserved = 1, DACC_STATUS_BAD_SEQUENCE);
	SEQ(s->reserved2[0] = 1, DACC_STATUS_BAD_SEQUENCE);
	SEQ(s->reserved2[2] = 1ull << 63, DACC_STATUS_BAD_SEQUENCE);
	SEQ(s->base[0] = 1, DACC_STATUS_BAD_SEQUENCE);
	SEQ(s->temperature = 0x3f800000, DACC_STATUS_BAD_SEQUENCE);
	SEQ((s->temperature = 0xbf800000, s->rng = 1), DACC_STATUS_BAD_SEQUENCE);
	SEQ((s->temperature = 0x7fc00000, s->rng = 1), DACC_STATUS_BAD_SEQUENCE);
	SEQ((s->temperature = 0x7f800000, s->rng = 1), DACC_STATUS_BAD_SEQUENCE);
	SEQ((s->temperature = 0x3f800000, s->rng = 1), DACC_STATUS_OK);
	SEQ(s->rng = 0, DACC_STATUS_OK);
	host_free(h);
}

static struct dacc_cpl run_one(struct dacc_desc d)
{
	seq_init(0, 1, 0, 10);
	return dq_exec(&q, &d);
}

static void bad_programs(void)
{
	struct dacc_insn *p, good[2];
	struct dacc_cpl cpl;

	begin();
	p = (struct dacc_insn *)(h->mem + PROGRAM);
	memcpy(good, p, sizeof(good));
	p[1].op = 200;
	cpl = run_one(decode(1, 3));
	CHECK(cpl.status == DACC_STATUS_BAD_INSN && cpl.index == 1, "opcode: %u at %u", cpl.status,
	      cpl.index);
	p[1] = good[1];
	p[1].reserved = 1;
	cpl = run_one(decode(1, 3));
	CHECK(cpl.status == DACC_STATUS_RESERVED && cpl.index == 1, "reserved: %u", cpl.status);
	p[1] = (struct dacc_insn){ .op = DACC_INSN_NOP };
	((float *)(h->mem + ACT))[0] = 12345;
	cpl = run_one(decode(1, 3));
	CHECK(cpl.status == DACC_STATUS_BAD_INSN && cpl.index == 1 && cpl.bytes == 0,
	      "no SAMPLE: %u at %u", cpl.status, cpl.index);
	CHECK(((float *)(h->mem + ACT))[0] == 12345, "refused before it runs");
	p[1] = good[1];
	p[0].dst = DACC_OPERAND(DACC_BASE_NONE, 0x90000000);
	cpl = run_one(decode(1, 3));
	CHECK(cpl.status == DACC_STATUS_UNMAPPED && cpl.index == 0, "unmapped: %u", cpl.status);
	p[0] = good[0];
	seq_init(0, VOCAB, 0, 10);
	struct dacc_desc d = decode(1, 3);

	CHECK(dq_exec(&q, &d).status == DACC_STATUS_BAD_TOKEN, "token");
	/* NaN everywhere: there is nothing to choose. */
	memset(h->mem + TABLE, 0xff, VOCAB * 4 * VOCAB);
	cpl = run_one(decode(1, 3));
	CHECK(cpl.status == DACC_STATUS_NOT_A_NUMBER && cpl.index == 1, "NaN: %u", cpl.status);
	host_free(h);
}

static void bad_memory(void)
{
	struct dacc_desc d;

	begin();
	d = decode(1, 3);
	d.decode.out = VA_RO;
	CHECK(run_one(d).status == DACC_STATUS_READ_ONLY, "records");
	d.decode.out = VA_BAD;
	CHECK(run_one(d).status == DACC_STATUS_BUS_ERROR, "records");
	d = decode(1, 3);
	d.decode.program = VA_BAD;
	CHECK(run_one(d).status == DACC_STATUS_BUS_ERROR, "program");
	/* The record area ends in a hole after the first tokens. */
	d = decode(1, 3);
	d.decode.out = VA_RAM + VA_RAM_SIZE - 16;
	CHECK(run_one(d).status == DACC_STATUS_UNMAPPED, "third token");
	host_free(h);
}

static void host_memory(void)
{
	struct dacc_desc d = decode(1, 3);
	uint32_t t = 1;

	/* Everything but the weights in host memory, over the bus. */
	begin();
	seq_init(0, t, 0, 10);
	memcpy(host_ptr(h, ram + 0x20000), h->mem + PROGRAM, 128);
	seqs()[0].base[DACC_BASE_ACT] = VA_RAM + 0x40ffc; /* across pages */
	memcpy(host_ptr(h, ram + 0x30000), seqs(), 128);
	d.decode.program = VA_RAM + 0x20000;
	d.decode.seqs = VA_RAM + 0x30000;
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_OK, "status");
	for (int i = 0; i < 3; i++) {
		t = next(t);
		CHECK(out(0, 3)->token[i] == t, "token %d", i);
	}
	host_free(h);
}

static uint64_t last_times[2];

static void times(void)
{
	struct dacc_insn *p;
	struct dacc_cpl x, cpl;
	struct dacc_desc d = decode(3, 6), copy = d_copy(VA_RAM, VA_SRAM + 0x300000, 100000);
	SeqEntry entries[3];
	DaccCoreConfig c;
	uint64_t cost = 0;

	begin();
	dacc_core_default_config(&c);
	p = (struct dacc_insn *)(h->mem + PROGRAM);
	for (unsigned int i = 0; i < 3; i++) {
		seq_init(i, i, i, 1000);
		memset(&entries[i], 0, sizeof(entries[i]));
		entries[i].pos = i;
		entries[i].max_pos = 1000;
	}
	for (int step = 0; step < 6; step++) {
		cost += seq_cost(c.timing, p, 2, entries, 3);
		for (int i = 0; i < 3; i++)
			entries[i].pos++;
	}
	x = dq_exec(&xq, &copy);
	cpl = dq_exec(&q, &d);
	CHECK(cpl.t_issue == x.t_end, "after the transfers of its address space");
	CHECK(cpl.t_end - cpl.t_start == cost, "costs what was foretold");
	if (threads) {
		CHECK(cpl.t_start == last_times[0] && cpl.t_end == last_times[1],
		      "times of other numbers of threads");
	}
	last_times[0] = cpl.t_start;
	last_times[1] = cpl.t_end;
	/* NOP, and what fails, do not hold it up. */
	x = cpl;
	copy = (struct dacc_desc){ .opcode = DACC_OP_NOP, .not_before = x.t_end + 1000000 };
	CHECK(!dq_exec(&xq, &copy).status, "NOP");
	copy = d_copy(VA_BAD, VA_SRAM + 0x300000, 4096);
	copy.not_before = x.t_end + 2000000;
	CHECK(dq_exec(&xq, &copy).status == DACC_STATUS_BUS_ERROR, "failing copy");
	cpl = dq_exec(&q, &d);
	CHECK(!cpl.status && cpl.t_issue == x.t_end, "only transfers that were done count");
	host_free(h);
}

static void sampled(void)
{
	struct dacc_desc d = decode(1, 100);
	uint32_t first[100];

	for (int run = 0; run < 2; run++) {
		begin();
		seq_init(0, 1, 0, 1000);
		seqs()[0].temperature = 0x40000000;
		seqs()[0].top_p = 0x3f666666;
		seqs()[0].rng = 12345;
		/* 100 tokens at once, or in several jobs: the state carries over. */
		d = decode(1, run ? 25 : 100);
		for (int i = 0; i < (run ? 4 : 1); i++) {
			CHECK(dq_exec(&q, &d).status == DACC_STATUS_OK, "status");
			for (int k = 0; k < (run ? 25 : 100); k++) {
				uint32_t t = out(0, run ? 25 : 100)->token[k];

				if (run)
					CHECK(t == first[25 * i + k], "token %d", 25 * i + k);
				else
					first[k] = t;
			}
		}
		CHECK(seqs()[0].rng != 12345, "generator");
		host_free(h);
	}
}

/*
 * A KV cache each of whose rows lies in a run of pages of its own: finding them
 * is the work, and the job yields in it.
 */
static void yields_in_walks(void)
{
	const uint64_t va = 0x100000000000ull;
	uint64_t level0, level1, level2, *pte;
	struct dacc_desc d = decode(1, 1);
	struct dacc_insn *p;
	struct dacc_cpl cpl;
	uint64_t progress;

	begin();
	level0 = host_alloc(h, 4096);
	level1 = host_alloc(h, 4096);
	level2 = host_alloc(h, 4096);
	for (uint64_t i = 0; i < 512; i++) {
		pte = host_ptr(h, level0 + 8 * i);
		*pte = (0x200000 + 4096 * i) | PTE_RO | DACC_PTE_SRAM;
		pte = host_ptr(h, level1 + 8 * i);
		*pte = level0 | DACC_PTE_VALID;
	}
	pte = host_ptr(h, level2);
	*pte = level1 | DACC_PTE_VALID;
	pte = host_ptr(h, root + 8 * (va >> 39));
	*pte = level2 | DACC_PTE_VALID;
	p = (struct dacc_insn *)(h->mem + PROGRAM);
	p[2] = p[1];
	p[1] = (struct dacc_insn){ .op = DACC_INSN_ATTENTION,
				   .imm = 0x3f800000,
				   .n0 = 1,
				   .n1 = 1,
				   .n2 = 4,
				   .n3 = 1 << 19,
				   .dst = DACC_OPERAND(DACC_BASE_ACT, 0x800),
				   .a = DACC_OPERAND(DACC_BASE_ACT, 0),
				   .b = va,
				   .c = va };
	d.decode.n_insns = 3;
	seq_init(0, 1, 999, 2000);
	cpl = dq_exec(&q, &d);
	CHECK(!cpl.status && out(0, 1)->token[0] == next(1), "status %u at %u", cpl.status,
	      cpl.index);
	progress = rd(h, QREG(0, DACC_QUEUE_PROGRESS), 8);
	CHECK(progress > 20, "progress %lu", (unsigned long)progress);
	host_free(h);
}

static void reset_running(void)
{
	struct dacc_insn *p;
	struct dacc_desc d = decode(1, 4000);

	begin();
	/* 4000 steps of the longest loop. */
	p = (struct dacc_insn *)(h->mem + PROGRAM);
	p[2] = p[1];
	p[1] = p[0];
	p[0] = (struct dacc_insn){ .op = DACC_INSN_LOOP, .n0 = DACC_MAX_LOOP, .n1 = 1 };
	d.decode.n_insns = 3;
	seq_init(0, 1, 0, 10000);
	dq_push(&q, &d);
	dq_ring(&q);
	CHECK(host_wait_progress(h, 0, 0), "runs");
	dq_reset(&q);
	memset(h->mem + ACT, 0, 4096);
	CHECK(host_run(h) && dq_head(&q) == 0, "no completion");
	CHECK(seqs()[0].pos == 0 && h->mem[ACT] == 0, "no write");
	host_free(h);
}

int main(void)
{
	static char name[100];
	static const struct {
		const char *name;
		void (*fn)(void);
	} cases[] = {
		{ "tokens", tokens },
		{ "batch", batch },
		{ "ends", ends },
		{ "bad_sequences", bad_sequences },
		{ "bad_programs", bad_programs },
		{ "bad_memory", bad_memory },
		{ "host_memory", host_memory },
		{ "times", times },
		{ "sampled", sampled },
		{ "yields_in_walks", yields_in_walks },
		{ "reset_running", reset_running },
	};

	for (threads = 0; threads <= 2; threads++)
		for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			if (!threads && cases[i].fn == reset_running)
				continue;
			snprintf(name, sizeof(name), "%s, threads %u", cases[i].name, threads);
			tap_case(name, cases[i].fn);
		}
	return tap_done();
}
