// SPDX-License-Identifier: GPL-2.0
/* Descriptors that are ended, and errors that do not halt a queue. */
#include <zlib.h>

#include "dev_host.h"
#include "tap.h"

static struct host *h;
static struct dq q, v, dec;
static uint64_t ram, root;
static unsigned int threads;

static void begin(void)
{
	h = host_chip(threads);
	root = pt_world(h, 1, &ram);
	dq_init(&q, h, 0, DACC_CLASS_TRANSFER, 1, 4, 1);
	dq_init_virtual(&v, h, 1, DACC_CLASS_TRANSFER, 1, 4, 2, ram, 0x100000);
	dq_init(&dec, h, 2, DACC_CLASS_DECODE, 1, 4, 3);
}

static uint32_t state(struct dq *dq)
{
	return rd(h, QREG(dq->q, DACC_QUEUE_STATE), 4);
}

static void set_limit(struct dq *dq, uint64_t seq)
{
	wr(h, QREG(dq->q, DACC_QUEUE_LIMIT), seq, 8);
}

static void ask_abort(struct dq *dq, uint64_t seq)
{
	wr(h, QREG(dq->q, DACC_QUEUE_ABORT), seq, 8);
}

static void not_taken_up(void)
{
	static const uint64_t start[] = { 0, 14, ~0ull - 5 };

	for (unsigned int s = 0; s < 3; s++)
		for (int virt = 0; virt < 2; virt++) {
			struct dq *dq = virt ? &v : &q;

			begin();
			dq_reset(dq);
			dq->start = start[s];
			dq_enable(dq);
			set_limit(dq, start[s]);
			for (uint32_t i = 0; i < 16; i++) {
				struct dacc_desc d = d_fill(VA_SRAM + 4 * i, 4, 1000 + i);

				d.cookie = i;
				if (i == 3)
					d.flags = DACC_DESC_IRQ;
				/* Not looked at: it does not run. */
				if (i == 9)
					d.opcode = 77;
				dq_push(dq, &d);
			}
			dq_ring(dq);
			CHECK(host_run(h) && dq_head(dq) == start[s], "waits");
			for (uint32_t i = 3; i < 16; i += 6)
				ask_abort(dq, start[s] + 1 + i);
			CHECK(dq_head(dq) == start[s], "no completion yet");
			set_limit(dq, ~0ull);
			/* The numbers may have gone over their end. */
			CHECK(host_run(h) && dq_head(dq) == start[s] + 16, "all are done");
			for (uint32_t i = 0; i < 16; i++) {
				struct dacc_cpl cpl = dq_cpl(dq, start[s] + 1 + i);
				bool ended = i % 6 == 3;

				CHECK(cpl.seq == start[s] + 1 + i && cpl.cookie == i, "record");
				CHECK(cpl.status == (ended ? DACC_STATUS_ABORTED : 0), "%u: %u", i,
				      cpl.status);
				CHECK(cpl.bytes == (ended ? 0 : 4) && cpl.index == 0, "bytes");
				CHECK(((uint32_t *)h->mem)[i] == (ended ? 0 : 1000 + i), "data");
			}
			CHECK(state(dq) == DACC_QUEUE_ACTIVE && !dq_fault(dq), "active");
			CHECK(h->irq[1 + virt] == 1, "the one message: %s", h->irq_log);
			/* The next turn has none of the marks. */
			for (uint32_t i = 0; i < 16; i++) {
				struct dacc_desc d = d_fill(VA_SRAM + 4 * i, 4, 2000 + i);

				CHECK(dq_exec(dq, &d).status == 0, "next turn");
			}
			host_free(h);
		}
}

static void wrong_numbers(void)
{
	struct dacc_desc d = d_fill(VA_SRAM, 4, 1);

	begin();
	for (int i = 0; i < 3; i++)
		dq_exec(&q, &d);
	set_limit(&q, 3);
	dq_push(&q, &d);
	dq_push(&q, &d);
	dq_ring(&q);
	CHECK(host_run(h), "idle");
	/* Completed, not announced, of another turn, no number at all. */
	for (uint64_t seq = 0; seq <= 3; seq++)
		ask_abort(&q, seq);
	for (uint64_t seq = 6; seq < 40; seq++)
		ask_abort(&q, seq);
	ask_abort(&q, ~0ull);
	ask_abort(&q, 4 + (1ull << 32));
	ask_abort(&q, 1ull << 63);
	wr(h, QREG(0, DACC_QUEUE_ABORT), 4, 4);
	wr(h, QREG(0, DACC_QUEUE_ABORT) + 4, 0, 4);
	CHECK(rd(h, QREG(0, DACC_QUEUE_ABORT), 8) == 0, "write only");
	/* Another queue, one that is disabled. */
	ask_abort(&v, 4);
	wr(h, QREG(9, DACC_QUEUE_ABORT), 1, 8);
	set_limit(&q, ~0ull);
	for (int i = 0; i < 40; i++) {
		dq_push(&q, &d);
		dq_ring(&q);
		CHECK(host_run(h) && dq_cpl(&q, q.prod).status == 0, "job %d", i);
	}
	CHECK(dq_cpl(&q, 32).status == 0, "none was ended");
	/* A mark goes with a reset. */
	set_limit(&q, q.prod);
	dq_push(&q, &d);
	dq_ring(&q);
	ask_abort(&q, q.prod);
	dq_reset(&q);
	q.start = q.prod - 1;
	dq_enable(&q);
	CHECK(dq_exec(&q, &d).status == 0, "after a reset");
	host_free(h);
}

/* All of a 4096-slot ring, some of them twice. */
static void all_of_a_ring(void)
{
	struct dacc_desc d = d_fill(VA_SRAM, 4, 1);
	struct dq big;
	bool good = true;

	begin();
	dq_init(&big, h, 9, DACC_CLASS_TRANSFER, 1, DACC_MAX_RING_LOG2, 5);
	set_limit(&big, 0);
	for (int i = 0; i < 4096; i++)
		dq_push(&big, &d);
	dq_ring(&big);
	for (uint64_t seq = 1; seq <= 4096; seq++)
		ask_abort(&big, seq);
	for (uint64_t seq = 1; seq <= 4096; seq += 7)
		ask_abort(&big, seq);
	set_limit(&big, ~0ull);
	CHECK(host_run(h) && dq_head(&big) == 4096, "all");
	for (uint64_t seq = 1; seq <= 4096; seq++)
		good &= dq_cpl(&big, seq).status == DACC_STATUS_ABORTED;
	CHECK(good && *(uint32_t *)h->mem == 0, "ended");
	host_free(h);
}

/* Maps 512 GiB onto the same 2 MiB of SRAM. */
#define VA_LONG 0x100000000000ull

static void map_long(void)
{
	uint64_t level2 = host_alloc(h, 4096), level1 = host_alloc(h, 4096);
	uint64_t *slot = host_ptr(h, root + 8 * (VA_LONG >> 39 & 511));

	*slot = level2 | DACC_PTE_VALID;
	for (int i = 0; i < 512; i++) {
		((uint64_t *)host_ptr(h, level2))[i] = level1 | DACC_PTE_VALID;
		((uint64_t *)host_ptr(h, level1))[i] = 0x200000 | PTE_RW | DACC_PTE_SRAM;
	}
}

static struct dacc_cpl end_running(struct dq *dq, const struct dacc_desc *d)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };
	struct dacc_cpl cpl;
	uint64_t seq = dq->prod + 1;

	dq_push(dq, d);
	dq_push(dq, &nop);
	dq_ring(dq);
	CHECK(host_wait_progress(h, dq->q, 0), "runs");
	ask_abort(dq, seq);
	ask_abort(dq, seq);
	CHECK(host_run(h) && dq_head(dq) == seq + 1, "done");
	cpl = dq_cpl(dq, seq);
	CHECK(cpl.status == DACC_STATUS_ABORTED && cpl.seq == seq, "ended: %u", cpl.status);
	CHECK(dq_cpl(dq, seq + 1).status == 0, "the next one runs");
	CHECK(state(dq) == DACC_QUEUE_ACTIVE, "active");
	return cpl;
}

static void running_fill(void)
{
	struct dacc_desc d = d_fill(VA_LONG, 1ull << 38, 0xabcdef01);
	struct dacc_cpl cpl;

	begin();
	map_long();
	cpl = end_running(&q, &d);
	CHECK(cpl.bytes && cpl.bytes < 1ull << 38 && cpl.bytes % DACC_ABORT_BYTES == 0, "bytes");
	CHECK(cpl.t_end > cpl.t_start && cpl.index == 0, "time");
	memset(h->mem + 0x200000, 0, 0x200000);
	d = d_fill(VA_SRAM, 4, 1);
	CHECK(dq_exec(&q, &d).status == 0, "goes on");
	bool clean = true;

	for (int i = 0x200000; i < 0x400000; i++)
		clean &= !h->mem[i];
	CHECK(clean, "no late write");
	host_free(h);
}

static void running_blocks(void)
{
	const uint32_t n = 60000, len = 100000;
	struct dacc_block *b;
	struct dacc_desc d;
	struct dacc_cpl cpl;

	begin();
	map_long();
	b = host_ptr(h, ram);
	for (uint32_t i = 0; i < n; i++)
		b[i] = (struct dacc_block){ VA_SRAM, VA_LONG + (uint64_t)i * len, len };
	d = d_blocks(VA_RAM, n);
	d.flags = DACC_DESC_CHECKSUM;
	cpl = end_running(&q, &d);
	CHECK(cpl.index == cpl.bytes / len && cpl.index < n, "block %u after %lu bytes", cpl.index,
	      (unsigned long)cpl.bytes);
	CHECK(cpl.crc == 0, "no checksum");
	host_free(h);
}

static struct dacc_desc long_decode(void)
{
	struct dacc_insn *p = (struct dacc_insn *)(h->mem + 0x1000);
	struct dacc_seq *s = (struct dacc_seq *)(h->mem + 0x2000);
	struct dacc_desc d = { .opcode = DACC_OP_DECODE };

	p[0] = (struct dacc_insn){ .op = DACC_INSN_LOOP, .n0 = DACC_MAX_LOOP, .n1 = 2 };
	p[1] = (struct dacc_insn){ .op = DACC_INSN_ADD,
				   .n0 = 8192,
				   .dst = VA_SRAM + 0x10000,
				   .a = VA_SRAM + 0x10000,
				   .b = VA_SRAM + 0x20000 };
	p[2] = (struct dacc_insn){ .op = DACC_INSN_NOP };
	p[3] = (struct dacc_insn){ .op = DACC_INSN_SAMPLE, .n0 = 64, .a = VA_SRAM + 0x10000 };
	memset(s, 0, sizeof(*s));
	s->max_pos = 100000;
	s->stop_token = DACC_NO_TOKEN;
	d.decode.program = VA_SRAM + 0x1000;
	d.decode.seqs = VA_SRAM + 0x2000;
	d.decode.out = VA_RAM;
	d.decode.n_insns = 4;
	d.decode.batch = 1;
	d.decode.max_tokens = 4000;
	return d;
}

static void running_decode(void)
{
	struct dacc_desc d;
	struct dacc_cpl cpl;

	begin();
	d = long_decode();
	cpl = end_running(&dec, &d);
	CHECK(cpl.index >= 1 && cpl.index <= 3, "instruction %u", cpl.index);
	CHECK(cpl.bytes < 4000, "tokens");
	CHECK(((struct dacc_seq *)(h->mem + 0x2000))->pos == 0, "the state is as it was");
	host_free(h);
}

/* Asked for while paused; and a reset at the same time: it wins. */
static void with_pause_and_reset(void)
{
	struct dacc_desc d = d_fill(VA_LONG, 1ull << 38, 1);

	begin();
	map_long();
	dq_push(&q, &d);
	dq_ring(&q);
	CHECK(host_wait_progress(h, 0, 0), "runs");
	dacc_core_pause(h->core);
	ask_abort(&q, 1);
	dacc_core_resume(h->core);
	CHECK(host_run(h) && dq_cpl(&q, 1).status == DACC_STATUS_ABORTED, "after the pause");
	dq_push(&q, &d);
	dq_ring(&q);
	CHECK(host_wait_progress(h, 0, rd(h, QREG(0, DACC_QUEUE_PROGRESS), 8)), "runs");
	ask_abort(&q, 2);
	dq_reset(&q);
	CHECK(host_run(h) && dq_head(&q) == 1, "no completion after a reset");
	host_free(h);
}

/* What hangs can't be ended, as on hardware that is broken. */
static void hung(void)
{
	struct dacc_desc d = d_fill(VA_SRAM, 64, 1);

	begin();
	wr(h, DACC_REG_INJECT, DACC_INJECT_HANG | 0 << 8, 4);
	dq_push(&q, &d);
	dq_ring(&q);
	CHECK(host_run(h), "idle");
	ask_abort(&q, 1);
	CHECK(host_run(h) && dq_head(&q) == 0, "hangs");
	dq_reset(&q);
	dq_enable(&q);
	CHECK(dq_exec(&q, &d).status == 0, "a reset ends it");
	host_free(h);
}

static void go_on_after_errors(void)
{
	struct dacc_desc good = d_fill(VA_SRAM, 4, 1);
	struct dacc_desc bad[] = {
		d_copy(0x90000000, VA_SRAM, 64),
		d_copy(VA_SRAM, VA_RO, 64),
		d_copy(VA_BAD, VA_SRAM, 64),
		d_copy(VA_SRAM, VA_SRAM, 0),
		{ .opcode = 99 },
		{ .opcode = DACC_OP_NOP, .reserved = 1 },
		{ .opcode = DACC_OP_NOP, .flags = 0x80 },
		d_blocks(VA_RAM + 4, 1),
	};
	const unsigned int n = sizeof(bad) / sizeof(bad[0]);

	begin();
	wr(h, DACC_REG_EVENT_MASK, DACC_EVENT_QUEUE_HALT, 4);
	for (unsigned int i = 0; i < n; i++) {
		bad[i].flags |= DACC_DESC_CONTINUE;
		bad[i].cookie = i;
		dq_push(&q, &bad[i]);
	}
	dq_push(&q, &good);
	dq_ring(&q);
	CHECK(host_run(h) && dq_head(&q) == n + 1, "all");
	for (unsigned int i = 0; i < n; i++) {
		struct dacc_cpl cpl = dq_cpl(&q, i + 1);

		CHECK(cpl.status && cpl.cookie == i, "%u: %u", i, cpl.status);
	}
	CHECK(dq_cpl(&q, n + 1).status == 0, "good");
	CHECK(state(&q) == DACC_QUEUE_ACTIVE && !dq_fault(&q), "active");
	CHECK(rd(h, QREG(0, DACC_QUEUE_FAULT), 4) == 0, "no fault");
	CHECK(rd(h, DACC_REG_EVENT, 4) == 0, "no event");
	CHECK(h->n_irq == 0, "no message that was not asked for: %s", h->irq_log);
	bad[0].flags |= DACC_DESC_IRQ;
	dq_exec(&q, &bad[0]);
	CHECK(h->irq[1] == 1, "asked for");
	/* Without the flag it halts still. */
	bad[0].flags = 0;
	dq_push(&q, &bad[0]);
	dq_ring(&q);
	CHECK(host_run(h) && state(&q) == DACC_QUEUE_HALTED, "halts");
	/* DECODE takes the flag too. */
	good = (struct dacc_desc){ .opcode = DACC_OP_DECODE, .flags = DACC_DESC_CONTINUE };
	CHECK(dq_exec(&dec, &good).status == DACC_STATUS_BAD_LENGTH, "decode");
	CHECK(state(&dec) == DACC_QUEUE_ACTIVE, "active");
	host_free(h);
}

static void verified(void)
{
	struct dacc_block *b;
	struct dacc_desc d;
	struct dacc_cpl cpl;
	uint32_t crc;

	begin();
	fill_random(h->mem, 300000, 7);
	crc = crc32(0, h->mem, 300000);
	d = d_copy(VA_SRAM, VA_RAM, 300000);
	d.flags = DACC_DESC_CHECKSUM | DACC_DESC_VERIFY | DACC_DESC_CONTINUE;
	d.copy.crc = crc;
	cpl = dq_exec(&q, &d);
	CHECK(!cpl.status && cpl.crc == crc, "good: %u", cpl.status);
	d.copy.crc ^= 0x80000000;
	memset(host_ptr(h, ram), 0, 300000);
	cpl = dq_exec(&q, &d);
	CHECK(cpl.status == DACC_STATUS_BAD_CHECKSUM, "bad: %u", cpl.status);
	CHECK(cpl.crc == crc && cpl.bytes == 300000 && cpl.index == 0, "record");
	CHECK(!memcmp(host_ptr(h, ram), h->mem, 300000), "written all the same");
	CHECK(state(&q) == DACC_QUEUE_ACTIVE, "goes on");
	/* Another failure comes first. */
	d = d_copy(VA_SRAM, 0x90000000, 64);
	d.flags = DACC_DESC_CHECKSUM | DACC_DESC_VERIFY;
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_UNMAPPED, "unmapped");

	b = host_ptr(h, ram + 0x80000);
	b[0] = (struct dacc_block){ VA_SRAM + 1000, VA_RAM, 5000 };
	b[1] = (struct dacc_block){ VA_SRAM, VA_RAM + 5000, 1000 };
	crc = crc32(crc32(0, h->mem + 1000, 5000), h->mem, 1000);
	d = d_blocks(VA_RAM + 0x80000, 2);
	d.flags = DACC_DESC_CHECKSUM | DACC_DESC_VERIFY;
	d.blocks.crc = crc;
	CHECK(dq_exec(&q, &d).status == 0, "blocks");
	d.blocks.crc++;
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_BAD_CHECKSUM, "blocks");
	host_free(h);
}

static void stress(void)
{
	uint64_t ended = 0, ok = 0;
	uint32_t seed = 9;

	begin();
	map_long();
	for (int i = 0; i < 20000; i++) {
		struct dq *dq = seed >> 9 & 1 ? &q : &v;
		struct dacc_desc d = seed >> 10 & 1 ? d_fill(VA_LONG, 1 << 24, i) :
						      d_copy(VA_LONG, VA_SRAM, 1 << 20);

		seed = seed * 1664525 + 1013904223;
		if (dq->prod - rd(h, QREG(dq->q, DACC_QUEUE_COMPLETED), 8) < 16) {
			dq_push(dq, &d);
			dq_ring(dq);
		}
		ask_abort(dq, dq->prod - (seed >> 28) + 4);
		if (seed >> 20 & 1)
			ask_abort(dq, rd(h, QREG(dq->q, DACC_QUEUE_FETCHED), 8));
		if (!(seed >> 16 & 3))
			dacc_core_service(h->core);
		if (dq_head(dq) && dq_head(dq) != dq_cpl(dq, dq_head(dq)).seq)
			CHECK(false, "head and record");
	}
	for (uint64_t seq = 0; seq < 100; seq++) {
		ask_abort(&q, q.prod - seq);
		ask_abort(&v, v.prod - seq);
	}
	CHECK(host_run(h), "idle");
	for (int i = 0; i < 2; i++) {
		struct dq *dq = i ? &q : &v;

		CHECK(dq_head(dq) == dq->prod && state(dq) == DACC_QUEUE_ACTIVE, "complete");
		for (uint64_t seq = dq->prod; seq > dq->prod - 16; seq--) {
			struct dacc_cpl cpl = dq_cpl(dq, seq);

			CHECK(cpl.seq == seq, "record");
			ended += cpl.status == DACC_STATUS_ABORTED;
			ok += cpl.status == 0;
		}
	}
	CHECK(ended + ok == 32, "done or ended");
	host_free(h);
}

int main(void)
{
	static const struct tap_threaded cases[] = {
		{ "not_taken_up", not_taken_up, false },
		{ "wrong_numbers", wrong_numbers, false },
		{ "all_of_a_ring", all_of_a_ring, false },
		{ "running_fill", running_fill, true },
		{ "running_blocks", running_blocks, true },
		{ "running_decode", running_decode, true },
		{ "with_pause_and_reset", with_pause_and_reset, true },
		{ "hung", hung, false },
		{ "go_on_after_errors", go_on_after_errors, false },
		{ "verified", verified, false },
		{ "stress", stress, true },
	};

	tap_threaded(cases, sizeof(cases) / sizeof(cases[0]), &threads, 1);
	printf("# by pointer\n");
	host_peeks = true;
	tap_threaded(cases, sizeof(cases) / sizeof(cases[0]), &threads, 1);
	return tap_done();
}
