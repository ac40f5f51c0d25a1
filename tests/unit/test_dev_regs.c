// SPDX-License-Identifier: GPL-2.0
/* Registers of the chip: reset values, access sizes, queue enable. */
#include "dev_host.h"
#include "num.h"
#include "tap.h"

static struct host *h;

static void begin(void)
{
	h = host_chip(0);
}

static void end(void)
{
	host_free(h);
}

static void identity(void)
{
	begin();
	CHECK(rd(h, DACC_REG_ID, 4) == DACC_ID_MAGIC, "id");
	CHECK(rd(h, DACC_REG_VERSION, 4) == DACC_VERSION, "version");
	CHECK(rd(h, DACC_REG_ID, 8) == (DACC_ID_MAGIC | (uint64_t)DACC_VERSION << 32), "both");
	CHECK(rd(h, DACC_REG_SRAM_SIZE, 8) == SRAM_SIZE, "sram size");
	CHECK(rd(h, DACC_REG_SRAM_SIZE, 4) == (uint32_t)SRAM_SIZE, "low half");
	CHECK(rd(h, DACC_REG_SRAM_SIZE + 4, 4) == SRAM_SIZE >> 32, "high half");
	CHECK(rd(h, DACC_REG_NUM_QUEUES, 4) == DACC_MAX_QUEUES, "queues");
	CHECK(rd(h, DACC_REG_NUM_ASIDS, 4) == DACC_MAX_ASIDS, "asids");
	CHECK(rd(h, DACC_REG_MAX_BLOCKS, 4) >= 65536, "blocks");
	CHECK(rd(h, DACC_REG_MAX_INSNS, 4) >= 4096, "insns");
	CHECK(rd(h, DACC_REG_STATUS, 4) == DACC_DEVSTAT_READY, "status");
	CHECK(rd(h, DACC_REG_FEATURES, 8) & DACC_FEATURE_INJECT, "inject");
	CHECK(rd(h, DACC_REG_FEATURES, 8) & DACC_FEATURE_VIRTUAL_RING, "virtual rings");
	CHECK(rd(h, DACC_REG_FEATURES, 8) & DACC_FEATURE_TYPE(DACC_TYPE_Q4_0), "types");
	CHECK(!(rd(h, DACC_REG_FEATURES, 8) & DACC_FEATURE_LINK), "no link yet");
	end();
}

static void timing_values(void)
{
	DaccCoreConfig c;

	begin();
	dacc_core_default_config(&c);
	for (int i = 0; i < DACC_TIMING_COUNT; i++)
		CHECK(rd(h, DACC_REG_TIMING + 8 * i, 8) == c.timing[i], "parameter %d", i);
	CHECK(rd(h, DACC_REG_TIMING + 8 * DACC_TIMING_COUNT, 8) == 0, "none behind");
	end();
}

static void bad_accesses(void)
{
	static const struct {
		uint64_t at;
		unsigned int size;
	} bad[] = {
		{ 0, 1 },     { 0, 2 }, { 0, 3 },
		{ 2, 4 },     { 4, 8 }, { 1, 4 },
		{ 0, 16 },    { 0, 0 }, { DACC_REGS_SIZE, 4 },
		{ ~7ull, 8 },
	};

	begin();
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(rd(h, bad[i].at, bad[i].size) == ~0ull, "read %u", i);
		wr(h, bad[i].at, 0, bad[i].size);
	}
	wr(h, DACC_REG_CTRL, 0, 2);
	CHECK(rd(h, DACC_REG_CTRL, 4) == DACC_CTRL_ENABLE, "a 2-byte write writes nothing");
	end();
}

static void read_only(void)
{
	begin();
	for (uint64_t at = 0; at < 0x30; at += 8) {
		uint64_t old = rd(h, at, 8);

		wr(h, at, ~old, 8);
		CHECK(rd(h, at, 8) == old, "%#lx", (unsigned long)at);
	}
	wr(h, DACC_REG_TIME, 5, 8);
	CHECK(rd(h, DACC_REG_TIME, 8) == 0, "time");
	wr(h, DACC_REG_TIMING, 5, 8);
	CHECK(rd(h, DACC_REG_TIMING, 8) != 5, "timing");
	end();
}

static void holes(void)
{
	begin();
	/* No register does harm when all ones or zeros are written everywhere. */
	for (uint64_t at = 0x70; at < DACC_REG_QUEUE; at += 4) {
		wr(h, at, 0xffffffff, 4);
		rd(h, at, 4);
	}
	CHECK(rd(h, 0x80, 8) == 0, "hole reads zero");
	for (uint64_t at = DACC_REG_QUEUE; at < DACC_REGS_SIZE; at += 4) {
		wr(h, at, 0xffffffff, 4);
		rd(h, at, 4);
	}
	CHECK(host_run(h), "idle");
	end();
}

static void asid_roots(void)
{
	begin();
	CHECK(rd(h, DACC_REG_ASID + 8, 8) == 0, "reset value");
	wr(h, DACC_REG_ASID + 8, 0x123456789000ull | DACC_ASID_VALID, 8);
	CHECK(rd(h, DACC_REG_ASID + 8, 8) == (0x123456789000ull | 1), "64 bits");
	for (int half = 0; half < 8; half += 4) {
		wr(h, DACC_REG_ASID + 8 + half, 0xabcde001, 4);
		CHECK(rd(h, DACC_REG_ASID + 8, 8) == (0x123456789000ull | 1), "no halves");
	}
	CHECK(rd(h, DACC_REG_ASID + 8, 4) == 0x56789001 && rd(h, DACC_REG_ASID + 12, 4) == 0x1234,
	      "read by halves");
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
	wr(h, DACC_REG_TLB_INVALIDATE, 64, 4);
	wr(h, DACC_REG_TLB_INVALIDATE, 0xffffffff, 4);
	CHECK(rd(h, DACC_REG_TLB_BUSY, 4) == 0, "idle engine is not busy");
	end();
}

static void reset_values(void)
{
	begin();
	wr(h, DACC_REG_ASID + 8, 0x1001, 8);
	wr(h, DACC_REG_EVENT_MASK, 7, 4);
	wr(h, DACC_REG_DECODER + DACC_DECODER_BASE, 0x1000, 8);
	wr(h, QREG(3, DACC_QUEUE_RING), 0x4000, 8);
	wr(h, QREG(3, DACC_QUEUE_RING_LOG2), 5, 4);
	wr(h, DACC_REG_LINK + DACC_LINK_CTRL, DACC_LINK_CTRL_DISABLE, 4);
	h->mem[77] = 42;
	CHECK(!dacc_core_link_enabled(h->core, 0), "disabled");
	CHECK(rd(h, DACC_REG_GENERATION, 4) == 0, "generation");
	wr(h, DACC_REG_CTRL, DACC_CTRL_RESET, 4);
	CHECK(rd(h, DACC_REG_CTRL, 4) == 0, "ctrl");
	CHECK(rd(h, DACC_REG_GENERATION, 4) == 1, "one reset");
	CHECK(rd(h, DACC_REG_ASID + 8, 8) == 0, "asid");
	CHECK(rd(h, DACC_REG_EVENT_MASK, 4) == 0, "mask");
	CHECK(rd(h, DACC_REG_DECODER + DACC_DECODER_BASE, 8) == 0, "decoder");
	CHECK(rd(h, QREG(3, DACC_QUEUE_RING), 8) == 0, "ring");
	CHECK(rd(h, QREG(3, DACC_QUEUE_RING_LOG2), 4) == 0, "log2");
	CHECK(dacc_core_link_enabled(h->core, 0), "link enabled again");
	CHECK(h->mem[77] == 42, "SRAM is kept");
	dacc_core_reset(h->core);
	CHECK(rd(h, DACC_REG_GENERATION, 4) == 2, "two resets");
	end();
}

struct queue_regs {
	uint64_t ring, cpl;
	uint32_t log2, config;
};

static uint32_t try_enable(const struct queue_regs *r)
{
	wr(h, QREG(5, DACC_QUEUE_RING), r->ring, 8);
	wr(h, QREG(5, DACC_QUEUE_CPL), r->cpl, 8);
	wr(h, QREG(5, DACC_QUEUE_RING_LOG2), r->log2, 4);
	wr(h, QREG(5, DACC_QUEUE_CONFIG), r->config, 4);
	wr(h, QREG(5, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE, 4);
	return rd(h, QREG(5, DACC_QUEUE_STATE), 4);
}

static const struct queue_regs good_regs = { 0x200000, 0x300000, 4, 0x00020100 };

static void expect_bad(const char *what, struct queue_regs r)
{
	begin();
	CHECK(try_enable(&r) == DACC_QUEUE_DISABLED, "%s: disabled", what);
	CHECK(rd(h, QREG(5, DACC_QUEUE_FAULT), 4) == DACC_STATUS_BAD_QUEUE, "%s: fault", what);
	CHECK(rd(h, QREG(5, DACC_QUEUE_CTRL), 4) == 0, "%s: ctrl", what);
	/* A good set of values then works. */
	CHECK(try_enable(&good_regs) == DACC_QUEUE_ACTIVE, "%s: then good", what);
	CHECK(rd(h, QREG(5, DACC_QUEUE_FAULT), 4) == DACC_STATUS_OK, "%s: fault gone", what);
	end();
}

static void enable_good(void)
{
	static const uint32_t log2[] = { DACC_MIN_RING_LOG2, DACC_MAX_RING_LOG2 };

	for (int i = 0; i < 2; i++) {
		struct queue_regs r = good_regs;

		begin();
		r.log2 = log2[i];
		CHECK(try_enable(&r) == DACC_QUEUE_ACTIVE, "log2 %u", r.log2);
		CHECK(rd(h, QREG(5, DACC_QUEUE_CTRL), 4) == DACC_QUEUE_CTRL_ENABLE, "ctrl");
		CHECK(rd(h, QREG(5, DACC_QUEUE_FETCHED), 8) == 0, "fetched");
		/* Registers are latched: writing them now changes nothing. */
		wr(h, QREG(5, DACC_QUEUE_CONFIG), 0xffffffff, 4);
		CHECK(rd(h, QREG(5, DACC_QUEUE_STATE), 4) == DACC_QUEUE_ACTIVE, "active");
		wr(h, QREG(5, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_RESET, 4);
		CHECK(rd(h, QREG(5, DACC_QUEUE_CTRL), 4) == 0, "reset done");
		CHECK(rd(h, QREG(5, DACC_QUEUE_STATE), 4) == DACC_QUEUE_DISABLED, "off");
		end();
	}
}

static void enable_bad(void)
{
	struct queue_regs r;

#define BAD(what, field, value) \
	do { \
		r = good_regs; \
		r.field = (value); \
		expect_bad(what, r); \
	} while (0)
	BAD("ring misaligned", ring, 0x200020);
	BAD("ring wraps", ring, 0xfffffffffffffe00ull);
	BAD("cpl misaligned", cpl, 0x300008);
	BAD("cpl wraps", cpl, 0xfffffffffffffc00ull);
	BAD("ring too short", log2, DACC_MIN_RING_LOG2 - 1);
	BAD("ring too long", log2, DACC_MAX_RING_LOG2 + 1);
	BAD("log2 32", log2, 32);
	BAD("log2 36", log2, 36);
	BAD("log2 all ones", log2, 0xffffffff);
	BAD("class", config, 0x00020102);
	BAD("asid 0", config, 0x00020000);
	BAD("asid 64", config, 0x00024000);
	BAD("vector 65", config, 0x00410100);
	BAD("vector 255", config, 0x00ff0100);
	BAD("reserved bit 25", config, 0x02020100);
	BAD("reserved bit 31", config, 0x80020100);
	/* Virtual addresses have 48 bits. */
	r = good_regs;
	r.config |= DACC_QUEUE_CONFIG_VIRTUAL;
	r.ring = (1ull << DACC_VA_BITS) - 512;
	expect_bad("virtual ring", r);
	r.ring = good_regs.ring;
	r.cpl = 1ull << DACC_VA_BITS;
	expect_bad("virtual completion area", r);
#undef BAD
}

static void doorbells(void)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };
	struct dq dq;

	begin();
	/* A disabled queue and offsets without a queue ignore doorbells. */
	dacc_core_doorbell_write(h->core, 0, 1);
	dacc_core_doorbell_write(h->core, 4, 1);
	dacc_core_doorbell_write(h->core, 64 * DACC_DOORBELL_STRIDE, 1);
	dacc_core_doorbell_write(h->core, ~0ull, 1);
	CHECK(host_run(h), "idle");
	wr(h, DACC_REG_EVENT_MASK, DACC_EVENT_QUEUE_HALT, 4);
	dq_init(&dq, h, 1, DACC_CLASS_TRANSFER, 1, 4, 1);
	dq_push(&dq, &nop);
	dq_ring(&dq);
	CHECK(host_run(h) && dq_head(&dq) == 1, "one");
	/* 1 + 16 is the most. */
	for (int i = 0; i < 16; i++)
		dq_push(&dq, &nop);
	dq_ring(&dq);
	CHECK(host_run(h) && dq_head(&dq) == 17, "a whole ring");
	dq.prod += 17;
	dq_ring(&dq);
	CHECK(host_run(h), "idle");
	CHECK(rd(h, QREG(1, DACC_QUEUE_STATE), 4) == DACC_QUEUE_HALTED, "halted");
	CHECK(rd(h, QREG(1, DACC_QUEUE_FAULT), 4) == DACC_STATUS_BAD_DOORBELL, "fault");
	CHECK(rd(h, QREG(1, DACC_QUEUE_COMPLETED), 8) == 17, "no record");
	CHECK(rd(h, DACC_REG_EVENT, 4) == DACC_EVENT_QUEUE_HALT, "event");
	CHECK(h->irq[DACC_VECTOR_EVENT] == 1, "event interrupt");
	wr(h, DACC_REG_EVENT, DACC_EVENT_QUEUE_HALT, 4);
	CHECK(rd(h, DACC_REG_EVENT, 4) == 0, "cleared");
	/* Halted: only a reset helps. */
	wr(h, QREG(1, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE, 4);
	CHECK(rd(h, QREG(1, DACC_QUEUE_STATE), 4) == DACC_QUEUE_HALTED, "still");
	/* A doorbell that goes back (0 after 17) is out of range too. */
	dq_reset(&dq);
	dq_enable(&dq);
	dq_push(&dq, &nop);
	dq_ring(&dq);
	CHECK(host_run(h) && dq_head(&dq) == 1, "works again");
	dacc_core_doorbell_write(h->core, DACC_DOORBELL_STRIDE, 0);
	CHECK(rd(h, QREG(1, DACC_QUEUE_STATE), 4) == DACC_QUEUE_HALTED, "back");
	CHECK(h->irq[1] == 0, "no interrupt was asked for");
	end();
}

static void event_mask(void)
{
	begin();
	DaccLinkState up = {
		.present = true, .up = true, .peer_size = PEER_SIZE, .bandwidth = 1000
	};

	dacc_core_set_link(h->core, 0, &up);
	CHECK(host_run(h), "idle");
	CHECK(rd(h, DACC_REG_EVENT, 4) == DACC_EVENT_LINK, "event");
	CHECK(h->irq[0] == 0, "masked");
	wr(h, DACC_REG_EVENT_MASK, 0xffffffff, 4);
	CHECK(rd(h, DACC_REG_EVENT_MASK, 4) == 15, "known bits only");
	CHECK(host_run(h) && h->irq[0] == 0, "the past raises nothing");
	up.up = false;
	dacc_core_set_link(h->core, 0, &up);
	CHECK(host_run(h) && h->irq[0] == 1, "raised");
	dacc_core_set_link(h->core, 0, &up);
	CHECK(host_run(h) && h->irq[0] == 1, "no change, no event");
	end();
}

static void bad_config(void)
{
	DaccCoreConfig c;
	DaccHostOps ops;
	const char *err;
	static uint8_t mem[65536];

	memset(&ops, 0, sizeof(ops));
	dacc_core_default_config(&c);
	err = NULL;
	CHECK(!dacc_core_new(&c, &ops, NULL, &err) && err, "no memory given");
	c.mem = mem;
	c.mem_size = 65535;
	err = NULL;
	CHECK(!dacc_core_new(&c, &ops, NULL, &err) && err, "odd size");
	c.mem_size = 65536;
	c.num_queues = 65;
	err = NULL;
	CHECK(!dacc_core_new(&c, &ops, NULL, &err) && err, "65 queues");
	c.num_queues = 1;
	c.timing[DACC_TIMING_PEAK] = 0;
	err = NULL;
	CHECK(!dacc_core_new(&c, &ops, NULL, &err) && err, "no peak");
	/* AVX2 that was asked for and is not there is no silent plain C. */
	CHECK(num_ops(DACC_VECTOR_SCALAR) == &num_ops_scalar, "scalar");
	CHECK(num_ops(DACC_VECTOR_AUTO), "auto");
	CHECK(num_ops(DACC_VECTOR_AVX2) == num_ops_avx2(), "AVX2 or nothing");
	dacc_core_free(NULL);
}

static void temperature(void)
{
	uint64_t both;

	begin();
	CHECK((int32_t)rd(h, DACC_REG_TEMP, 4) == 45000, "temperature");
	CHECK((int32_t)rd(h, DACC_REG_TEMP_CRIT, 4) == 95000, "limit");
	wr(h, DACC_REG_TEMP, 1, 8);
	CHECK((int32_t)rd(h, DACC_REG_TEMP, 4) == 45000, "read only");
	wr(h, DACC_REG_EVENT_MASK, DACC_EVENT_THERMAL, 4);
	dacc_core_set_temperature(h->core, 94999);
	CHECK(host_run(h) && h->irq[0] == 0, "below");
	dacc_core_set_temperature(h->core, 95000);
	CHECK(host_run(h) && h->irq[0] == 1, "reached");
	CHECK(rd(h, DACC_REG_EVENT, 4) == DACC_EVENT_THERMAL, "event");
	dacc_core_set_temperature(h->core, 120000);
	CHECK(host_run(h) && h->irq[0] == 1, "it stays above: once");
	dacc_core_set_temperature(h->core, -20000);
	both = rd(h, DACC_REG_TEMP, 8);
	CHECK((int32_t)both == -20000 && both >> 32 == 95000, "signed");
	dacc_core_set_temperature(h->core, 99000);
	CHECK(host_run(h) && h->irq[0] == 2, "again");
	dacc_core_reset(h->core);
	CHECK((int32_t)rd(h, DACC_REG_TEMP, 4) == 99000, "a reset does not cool");
	end();
}

/* Exact: microjoules of many jobs, the rest kept. */
static void energy(void)
{
	struct dacc_desc d;
	uint64_t ram, fj = 0, fj_byte;
	struct dq dq;

	begin();
	pt_world(h, 1, &ram);
	dq_init(&dq, h, 0, DACC_CLASS_TRANSFER, 1, 4, 1);
	fj_byte = rd(h, DACC_REG_TIMING + 8 * DACC_TIMING_FJ_BYTE, 8);
	CHECK(fj_byte == 1750 && rd(h, DACC_REG_TIMING + 8 * DACC_TIMING_FJ_OP, 8) == 250,
	      "published");
	CHECK(rd(h, DACC_REG_ENERGY, 8) == 0, "none");
	for (int i = 0; i < 20; i++) {
		d = d_copy(VA_SRAM, VA_RAM, 100001);
		CHECK(dq_exec(&dq, &d).status == 0, "copy");
		fj += 2 * 100001 * fj_byte;
		d = d_fill(VA_SRAM, 100004, i);
		CHECK(dq_exec(&dq, &d).status == 0, "fill");
		fj += 100004 * fj_byte;
		CHECK(rd(h, DACC_REG_ENERGY, 8) == fj / 1000000000, "after %d: %lu", i,
		      (unsigned long)rd(h, DACC_REG_ENERGY, 8));
	}
	CHECK(fj / 1000000000 > 5, "something");
	dacc_core_reset(h->core);
	CHECK(rd(h, DACC_REG_ENERGY, 8) == fj / 1000000000, "resets don't touch it");
	end();
}

int main(void)
{
	TAP_CASE(identity);
	TAP_CASE(timing_values);
	TAP_CASE(bad_accesses);
	TAP_CASE(read_only);
	TAP_CASE(holes);
	TAP_CASE(asid_roots);
	TAP_CASE(reset_values);
	TAP_CASE(enable_good);
	TAP_CASE(enable_bad);
	TAP_CASE(doorbells);
	TAP_CASE(event_mask);
	TAP_CASE(bad_config);
	TAP_CASE(temperature);
	TAP_CASE(energy);
	return tap_done();
}
