// SPDX-License-Identifier: GPL-2.0
/* Descriptors that the chip must refuse, and how it says so. */
#include "dev_host.h"
#include "tap.h"

static struct host *h;
static struct dq xq, dq;
static uint64_t ram;

static void begin(void)
{
	h = host_chip(0);
	pt_world(h, 1, &ram);
	dq_init(&xq, h, 0, DACC_CLASS_TRANSFER, 1, 4, 1);
	dq_init(&dq, h, 1, DACC_CLASS_DECODE, 1, 4, 2);
}

/* Runs @d; its status, after all fault registers have been looked at. */
static unsigned int run(struct dq *q, const struct dacc_desc *d, uint64_t *addr)
{
	struct dacc_cpl cpl;
	uint64_t seq = q->prod + 1;
	unsigned int fault;

	dq_push(q, d);
	dq_ring(q);
	CHECK(host_run(h), "idle");
	CHECK(dq_head(q) == seq, "head %lu, not %lu", (unsigned long)dq_head(q),
	      (unsigned long)seq);
	cpl = dq_cpl(q, seq);
	CHECK(cpl.seq == seq && cpl.cookie == d->cookie, "record");
	fault = rd(h, QREG(q->q, DACC_QUEUE_FAULT), 4);
	CHECK(fault == cpl.status, "fault register %u, record %u", fault, cpl.status);
	CHECK(rd(h, QREG(q->q, DACC_QUEUE_FAULT_INDEX), 4) == cpl.index, "index");
	CHECK(rd(h, QREG(q->q, DACC_QUEUE_STATE), 4) ==
		      (cpl.status ? DACC_QUEUE_HALTED : DACC_QUEUE_ACTIVE),
	      "state");
	if (addr)
		*addr = rd(h, QREG(q->q, DACC_QUEUE_FAULT_ADDR), 8);
	if (cpl.status) {
		CHECK(rd(h, DACC_REG_EVENT, 4) & DACC_EVENT_QUEUE_HALT, "event");
		wr(h, DACC_REG_EVENT, DACC_EVENT_QUEUE_HALT, 4);
		dq_reset(q);
		dq_enable(q);
	}
	return cpl.status;
}

#define EXPECT(q, d, want, ...) \
	do { \
		unsigned int got_ = run(q, d, NULL); \
\
		CHECK(got_ == (want), "status %u, not %u: " #d, got_, want); \
	} while (0)

static struct dacc_desc good_decode(void)
{
	struct dacc_desc d = { .opcode = DACC_OP_DECODE };

	d.decode.program = VA_SRAM;
	d.decode.seqs = VA_SRAM + 0x10000;
	d.decode.out = VA_RAM;
	d.decode.n_insns = 1;
	d.decode.batch = 1;
	d.decode.max_tokens = 1;
	return d;
}

static void opcodes(void)
{
	begin();
	for (unsigned int op = 0; op < 256; op++) {
		struct dacc_desc d = { .opcode = op, .cookie = op };
		bool transfer = op >= DACC_OP_COPY && op <= DACC_OP_FILL;

		if (op == DACC_OP_NOP)
			EXPECT(&xq, &d, DACC_STATUS_OK);
		else if (!transfer)
			EXPECT(&xq, &d, DACC_STATUS_BAD_OPCODE);
		if (op == DACC_OP_NOP)
			EXPECT(&dq, &d, DACC_STATUS_OK);
		else if (op != DACC_OP_DECODE)
			EXPECT(&dq, &d, DACC_STATUS_BAD_OPCODE);
	}
	host_free(h);
}

/* Sets each bit of the bytes from @first to @last, one after the other. */
static void reserved_bits(struct dq *q, const struct dacc_desc *good, size_t first, size_t end)
{
	for (size_t bit = first * 8; bit < end * 8; bit++) {
		struct dacc_desc d = *good;
		unsigned int status;

		((uint8_t *)&d)[bit / 8] |= 1u << bit % 8;
		status = run(q, &d, NULL);
		CHECK(status == DACC_STATUS_RESERVED, "opcode %u bit %zu: %u", d.opcode, bit,
		      status);
	}
}

static void reserved(void)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };
	struct dacc_desc copy = d_copy(VA_SRAM, VA_RAM, 64);
	struct dacc_desc fill = d_fill(VA_SRAM, 64, 1);
	struct dacc_desc blocks = d_blocks(VA_RAM, 1);
	struct dacc_desc decode = good_decode();

	begin();
	reserved_bits(&xq, &nop, 16, 64);
	reserved_bits(&xq, &copy, 2, 4);
	reserved_bits(&xq, &copy, 40, 64);
	reserved_bits(&xq, &blocks, 28, 64);
	reserved_bits(&xq, &fill, 36, 64);
	reserved_bits(&dq, &decode, 48, 64);
	host_free(h);
}

static void flags(void)
{
	struct dacc_desc copy = d_copy(VA_SRAM, VA_RAM, 64);
	struct dacc_desc fill = d_fill(VA_SRAM, 64, 1);
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };
	struct dacc_desc decode = good_decode();

	begin();
	for (int bit = 0; bit < 8; bit++) {
		copy.flags = 1u << bit;
		switch (copy.flags) {
		case DACC_DESC_IRQ:
		case DACC_DESC_CHECKSUM:
			EXPECT(&xq, &copy, DACC_STATUS_OK);
			break;
		case DACC_DESC_LINK_ONLY:
			EXPECT(&xq, &copy, DACC_STATUS_LINK_DOWN);
			break;
		case DACC_DESC_CONTINUE:
			EXPECT(&xq, &copy, DACC_STATUS_OK);
			break;
		default:
			/* Unknown ones, and VERIFY without CHECKSUM. */
			EXPECT(&xq, &copy, DACC_STATUS_RESERVED);
		}
	}
	/* A checksum that nobody asked to compare. */
	copy.flags = DACC_DESC_CHECKSUM;
	copy.copy.crc = 1;
	EXPECT(&xq, &copy, DACC_STATUS_RESERVED);
	for (int i = 0; i < 4; i++) {
		static const uint8_t only_copies[] = { DACC_DESC_CHECKSUM, DACC_DESC_VERIFY,
						       DACC_DESC_LINK_ONLY,
						       DACC_DESC_CHECKSUM | DACC_DESC_VERIFY };

		fill.flags = only_copies[i];
		EXPECT(&xq, &fill, DACC_STATUS_RESERVED);
		nop.flags = only_copies[i];
		EXPECT(&xq, &nop, DACC_STATUS_RESERVED);
		decode.flags = only_copies[i];
		EXPECT(&dq, &decode, DACC_STATUS_RESERVED);
	}
	/* The good one that asked, and what failed: COPY 6, FILL 4, NOP 4. */
	CHECK(h->irq[1] == 15, "interrupts: %u", h->irq[1]);
	host_free(h);
}

static void lengths(void)
{
	struct dacc_desc d;

	begin();
	d = d_copy(VA_SRAM, VA_RAM, 0);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_copy(VA_SRAM, VA_RAM, DACC_MAX_COPY + 1);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_copy(VA_SRAM, VA_RAM, ~0ull);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_copy(~0ull - 62, VA_RAM, 64);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_copy(VA_RAM, ~0ull - 62, 64);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_copy(VA_RAM, VA_RAM + 63, 64);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_copy(VA_RAM + 63, VA_RAM, 64);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_copy(VA_RAM, VA_RAM, 64);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_copy(VA_RAM, VA_RAM + 64, 64);
	EXPECT(&xq, &d, DACC_STATUS_OK);

	d = d_fill(VA_SRAM, 0, 1);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_fill(VA_SRAM, 6, 1);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_fill(VA_SRAM, DACC_MAX_COPY + 4, 1);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_fill(~0ull - 3, 8, 1);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_fill(VA_SRAM + 2, 8, 1);
	EXPECT(&xq, &d, DACC_STATUS_BAD_ALIGN);

	d = d_blocks(VA_RAM, 0);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_blocks(VA_RAM, rd(h, DACC_REG_MAX_BLOCKS, 4) + 1);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_blocks(VA_RAM, 0xffffffff);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_blocks(~0ull - 15, 1);
	EXPECT(&xq, &d, DACC_STATUS_BAD_LENGTH);
	d = d_blocks(VA_RAM + 4, 1);
	EXPECT(&xq, &d, DACC_STATUS_BAD_ALIGN);
	host_free(h);
}

static void decode_operands(void)
{
	struct dacc_desc d;

#define DECODE(field, value, status) \
	do { \
		d = good_decode(); \
		d.decode.field = (value); \
		EXPECT(&dq, &d, status); \
	} while (0)

	begin();
	DECODE(n_insns, 0, DACC_STATUS_BAD_LENGTH);
	DECODE(n_insns, rd(h, DACC_REG_MAX_INSNS, 4) + 1, DACC_STATUS_BAD_LENGTH);
	DECODE(batch, 0, DACC_STATUS_BAD_LENGTH);
	DECODE(batch, DACC_MAX_BATCH + 1, DACC_STATUS_BAD_LENGTH);
	DECODE(max_tokens, 0, DACC_STATUS_BAD_LENGTH);
	DECODE(max_tokens, DACC_MAX_TOKENS + 1, DACC_STATUS_BAD_LENGTH);
	DECODE(program, VA_SRAM + 8, DACC_STATUS_BAD_ALIGN);
	DECODE(seqs, VA_SRAM + 32, DACC_STATUS_BAD_ALIGN);
	DECODE(out, VA_RAM + 4, DACC_STATUS_BAD_ALIGN);
	DECODE(seqs, ~0ull - 63, DACC_STATUS_BAD_LENGTH);
	DECODE(out, ~0ull - 7, DACC_STATUS_BAD_LENGTH);
	DECODE(program, 0x90000000, DACC_STATUS_UNMAPPED);
	*(struct dacc_insn *)h->mem = (struct dacc_insn){ .op = DACC_INSN_SAMPLE, .n0 = 1 };
	DECODE(seqs, 0x90000000, DACC_STATUS_UNMAPPED);
	host_free(h);
}

static void faults(void)
{
	struct dacc_desc d;
	uint64_t addr;

#define FAULT(desc, status, at) \
	do { \
		d = desc; \
		CHECK(run(&xq, &d, &addr) == (status), "%s", #desc); \
		CHECK(addr == (at), "%s: %#lx", #desc, (unsigned long)addr); \
	} while (0)

	begin();
	FAULT(d_copy(0x90000010, VA_RAM, 64), DACC_STATUS_UNMAPPED, 0x90000010);
	FAULT(d_copy(VA_RAM, 0x90000010, 64), DACC_STATUS_UNMAPPED, 0x90000010);
	/* In the middle: at the first byte that is not mapped. */
	FAULT(d_copy(VA_SRAM + SRAM_SIZE - 8192, VA_RAM, 16384), DACC_STATUS_UNMAPPED,
	      VA_SRAM + SRAM_SIZE);
	FAULT(d_copy(VA_SRAM, VA_RAM + VA_RAM_SIZE - 100, 200), DACC_STATUS_UNMAPPED,
	      VA_RAM + VA_RAM_SIZE);
	FAULT(d_copy(VA_SRAM, VA_RO + 16, 64), DACC_STATUS_READ_ONLY, VA_RO + 16);
	FAULT(d_fill(VA_RO, 64, 0), DACC_STATUS_READ_ONLY, VA_RO);
	FAULT(d_copy(VA_BAD + 8, VA_SRAM, 64), DACC_STATUS_BUS_ERROR, VA_BAD + 8);
	FAULT(d_copy(VA_SRAM, VA_BAD + 8, 64), DACC_STATUS_BUS_ERROR, VA_BAD + 8);
	FAULT(d_copy(VA_RAM, VA_BAD + 8, 64), DACC_STATUS_BUS_ERROR, VA_BAD + 8);
	FAULT(d_fill(VA_BAD, 64, 0), DACC_STATUS_BUS_ERROR, VA_BAD);
	FAULT(d_blocks(VA_BAD, 1), DACC_STATUS_BUS_ERROR, VA_BAD);
	FAULT(d_blocks(0x90000000, 1), DACC_STATUS_UNMAPPED, 0x90000000);
	/* Beyond 48 bits. */
	FAULT(d_copy(1ull << 48, VA_SRAM, 64), DACC_STATUS_UNMAPPED, 1ull << 48);
	FAULT(d_copy(1ull << 63 | VA_RAM, VA_SRAM, 64), DACC_STATUS_UNMAPPED, 1ull << 63 | VA_RAM);
	FAULT(d_copy(VA_RO, VA_SRAM, 4096), DACC_STATUS_OK, 0);
	host_free(h);
}

static void ring_unreachable(void)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP, .cookie = 7 };
	struct dacc_cpl cpl;

	begin();
	/* The ring is a hole, the completion area is good. */
	dq_reset(&xq);
	xq.prod = 1;
	wr(h, QREG(0, DACC_QUEUE_RING), BAD_BUS, 8);
	wr(h, QREG(0, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE, 4);
	dq_ring(&xq);
	CHECK(host_run(h) && dq_head(&xq) == 1, "completed");
	cpl = dq_cpl(&xq, 1);
	CHECK(cpl.status == DACC_STATUS_BUS_ERROR && cpl.seq == 1, "bus error");
	CHECK(rd(h, QREG(0, DACC_QUEUE_STATE), 4) == DACC_QUEUE_HALTED, "halted");
	/* The other queue does not care. */
	CHECK(dq_exec(&dq, &nop).status == DACC_STATUS_OK, "other queue");
	host_free(h);
}

static void no_root(void)
{
	struct dacc_desc d = d_copy(VA_RAM, VA_SRAM, 64);
	struct dq other;

	begin();
	dq_init(&other, h, 9, DACC_CLASS_TRANSFER, 7, 4, 0);
	EXPECT(&other, &d, DACC_STATUS_UNMAPPED);
	wr(h, DACC_REG_ASID + 8 * 7, BAD_BUS | DACC_ASID_VALID, 8);
	EXPECT(&other, &d, DACC_STATUS_BUS_ERROR);
	/* An address space sees nothing of another one. */
	pt_new(h, 7);
	EXPECT(&other, &d, DACC_STATUS_UNMAPPED);
	EXPECT(&xq, &d, DACC_STATUS_OK);
	host_free(h);
}

int main(void)
{
	TAP_CASE(opcodes);
	TAP_CASE(reserved);
	TAP_CASE(flags);
	TAP_CASE(lengths);
	TAP_CASE(decode_operands);
	TAP_CASE(faults);
	TAP_CASE(ring_unreachable);
	TAP_CASE(no_root);
	return tap_done();
}
