// SPDX-License-Identifier: GPL-2.0
/* Transfers and translation: what arrives where, through which pages. */
#include <zlib.h>

#include "dev_host.h"
#include "tap.h"

static struct host *h;
static struct dq q;
static uint64_t ram, root;

static void begin(void)
{
	h = host_chip(0);
	root = pt_world(h, 1, &ram);
	dq_init(&q, h, 0, DACC_CLASS_TRANSFER, 1, 4, 1);
	fill_random(h->mem, SRAM_SIZE, 1);
	fill_random(host_ptr(h, ram), VA_RAM_SIZE, 2);
	fill_random(h->peer, PEER_SIZE, 3);
}

static uint8_t *at(uint64_t va)
{
	if (va >= VA_SRAM && va < VA_SRAM + SRAM_SIZE)
		return h->mem + (va - VA_SRAM);
	if (va >= VA_PEER && va < VA_PEER + PEER_SIZE)
		return h->peer + (va - VA_PEER);
	return host_ptr(h, ram + (va - VA_RAM));
}

static void copy_all_ways(void)
{
	static const uint64_t base[] = { VA_SRAM, VA_RAM, VA_PEER };
	static const uint64_t len[] = { 1, 3, 4095, 4096, 4097, 65536, 262144, 262145, 700001 };
	static const unsigned int odd[] = { 0, 1, 4093 };

	begin();
	for (int s = 0; s < 3; s++)
		for (int d = 0; d < 3; d++)
			for (unsigned int l = 0; l < sizeof(len) / sizeof(len[0]); l++)
				for (int o = 0; o < 3; o++) {
					uint64_t src = base[s] + odd[o];
					uint64_t dst = base[d] + (1 << 20) + odd[(o + l) % 3];
					struct dacc_desc desc = d_copy(src, dst, len[l]);
					struct dacc_cpl cpl;
					uint8_t before = *(at(dst) - 1);
					uint8_t after = at(dst)[len[l]];

					desc.flags = DACC_DESC_CHECKSUM * (l & 1);
					cpl = dq_exec(&q, &desc);
					CHECK(!cpl.status && cpl.bytes == len[l], "%d to %d: %u", s,
					      d, cpl.status);
					CHECK(!memcmp(at(src), at(dst), len[l]), "%d to %d data", s,
					      d);
					CHECK(before == *(at(dst) - 1) && after == at(dst)[len[l]],
					      "%d to %d: neighbours", s, d);
					CHECK(cpl.path ==
						      (s || d ? DACC_PATH_PCIE : DACC_PATH_SRAM),
					      "%d to %d: path %u", s, d, cpl.path);
					CHECK(cpl.crc == (l & 1 ? crc32(0, at(src), len[l]) : 0),
					      "crc");
					CHECK(cpl.link_bytes == 0, "no link");
				}
	CHECK(atomic_load(&h->dirty) > 0, "writes to SRAM are told");
	host_free(h);
}

static void fills(void)
{
	static const uint64_t len[] = { 4, 8, 4096, 262144, 262148, 900000 };
	static const uint64_t base[] = { VA_SRAM, VA_RAM, VA_PEER };

	begin();
	for (int b = 0; b < 3; b++)
		for (int l = 0; l < 6; l++) {
			struct dacc_desc d = d_fill(base[b] + 4092, len[l], 0x11223344 + l);
			struct dacc_cpl cpl = dq_exec(&q, &d);
			uint32_t pattern = 0x11223344 + l;
			bool good = true;

			for (uint64_t i = 0; i < len[l]; i += 4)
				good &= !memcmp(at(d.fill.dst + i), &pattern, 4);
			CHECK(!cpl.status && good && cpl.bytes == len[l], "base %d len %d", b, l);
			CHECK(cpl.path == (b ? DACC_PATH_PCIE : DACC_PATH_SRAM), "path");
		}
	host_free(h);
}

#define TABLE (VA_RAM + 0x100000)

static void block_tables(void)
{
	static const unsigned int count[] = { 1, 2, 1000, 20000 };

	begin();
	for (int c = 0; c < 4; c++) {
		struct dacc_block *b = (struct dacc_block *)at(TABLE);
		unsigned int n = count[c];
		struct dacc_desc d = d_blocks(TABLE, n);
		struct dacc_cpl cpl;
		uint32_t crc = 0;
		bool good = true;

		for (unsigned int i = 0; i < n; i++) {
			b[i].src = VA_PEER + (uint64_t)(n - 1 - i) * 64;
			b[i].dst = VA_SRAM + (uint64_t)i * 80;
			b[i].len = 64 - i % 3;
			crc = crc32(crc, at(b[i].src), b[i].len);
		}
		d.flags = DACC_DESC_CHECKSUM;
		cpl = dq_exec(&q, &d);
		for (unsigned int i = 0; i < n; i++)
			good &= !memcmp(at(b[i].src), at(b[i].dst), b[i].len);
		CHECK(!cpl.status && good, "%u blocks: %u", n, cpl.status);
		CHECK(cpl.crc == crc, "crc of %u blocks", n);
	}
	host_free(h);
}

static void block_errors(void)
{
	struct bad {
		struct dacc_block b;
		unsigned int status;
		uint64_t addr;
	} bad[] = {
		{ { VA_RAM, VA_SRAM, 0 }, DACC_STATUS_BAD_LENGTH, 0 },
		{ { VA_RAM, VA_SRAM, DACC_MAX_COPY + 1 }, DACC_STATUS_BAD_LENGTH, 0 },
		{ { ~0ull, VA_SRAM, 2 }, DACC_STATUS_BAD_LENGTH, 0 },
		{ { VA_RAM, VA_RAM + 1, 2 }, DACC_STATUS_BAD_LENGTH, 0 },
		{ { 0x90000000, VA_SRAM, 2 }, DACC_STATUS_UNMAPPED, 0x90000000 },
		{ { VA_SRAM, VA_RO, 2 }, DACC_STATUS_READ_ONLY, VA_RO },
		{ { VA_BAD, VA_SRAM, 2 }, DACC_STATUS_BUS_ERROR, VA_BAD },
	};

	begin();
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (unsigned int where = 0; where < 9; where += 4) {
			struct dacc_block *b = (struct dacc_block *)at(TABLE);
			struct dacc_desc d = d_blocks(TABLE, 9);
			struct dacc_cpl cpl;

			for (int k = 0; k < 9; k++)
				b[k] = (struct dacc_block){ VA_RAM + 64 * k, VA_SRAM + 64 * k, 64 };
			b[where] = bad[i].b;
			dq_push(&q, &d);
			dq_ring(&q);
			CHECK(host_run(h), "idle");
			cpl = dq_cpl(&q, 1);
			CHECK(cpl.status == bad[i].status && cpl.index == where,
			      "case %u at %u: status %u index %u", i, where, cpl.status, cpl.index);
			CHECK(cpl.bytes == 64 * where, "bytes %lu", (unsigned long)cpl.bytes);
			CHECK(rd(h, QREG(0, DACC_QUEUE_FAULT_INDEX), 4) == where, "register");
			CHECK(rd(h, QREG(0, DACC_QUEUE_FAULT_ADDR), 8) == bad[i].addr, "addr");
			dq_reset(&q);
			dq_enable(&q);
		}
	/* The table ends where nothing is mapped. */
	struct dacc_desc d = d_blocks(VA_RAM + VA_RAM_SIZE - 48, 3);
	struct dacc_block *b = (struct dacc_block *)at(VA_RAM + VA_RAM_SIZE - 48);

	b[0] = (struct dacc_block){ VA_RAM, VA_SRAM, 64 };
	b[1] = b[0];
	struct dacc_cpl cpl = dq_exec(&q, &d);

	CHECK(cpl.status == DACC_STATUS_UNMAPPED && cpl.index == 2, "table's end");
	host_free(h);
}

static bool reaches(uint64_t va, const uint8_t *want, uint64_t len)
{
	struct dacc_desc d = d_copy(va, VA_RAM, len);

	return !dq_exec(&q, &d).status && !memcmp(host_ptr(h, ram), want, len);
}

static void page_sizes(void)
{
	begin();
	/* 4 KiB, 2 MiB and 1 GiB leaves, and their offsets. */
	pt_map(h, root, 0x100000000000ull, 0, 0x5000 | PTE_RW | DACC_PTE_SRAM);
	pt_map(h, root, 0x200000000000ull, 1, 0x200000 | PTE_RW | DACC_PTE_SRAM);
	pt_map(h, root, 0x300000000000ull, 2, 0 | PTE_RW | DACC_PTE_SRAM);
	pt_map(h, root, 0xfffffffff000ull, 0, 0x7000 | PTE_RW | DACC_PTE_SRAM);
	CHECK(reaches(0x100000000010ull, h->mem + 0x5010, 0xff0), "4 KiB");
	CHECK(reaches(0x2000001fffffull, h->mem + 0x3fffff, 1), "2 MiB");
	CHECK(reaches(0x200000000000ull, h->mem + 0x200000, 1 << 20), "2 MiB");
	CHECK(reaches(0x300000012345ull, h->mem + 0x12345, 1 << 20), "1 GiB");
	CHECK(reaches(0xfffffffff000ull, h->mem + 0x7000, 4096), "last page");
	/* The 1 GiB page is longer than the SRAM. */
	struct dacc_desc d = d_copy(0x300000000000ull + SRAM_SIZE - 64, VA_RAM, 128);

	dq_push(&q, &d);
	dq_ring(&q);
	CHECK(host_run(h) && dq_cpl(&q, q.prod).status == DACC_STATUS_UNMAPPED, "past SRAM");
	CHECK(rd(h, QREG(0, DACC_QUEUE_FAULT_ADDR), 8) == 0x300000000000ull + SRAM_SIZE, "addr");
	host_free(h);
}

static void contiguous_hint(void)
{
	uint64_t hint = PTE_RW | DACC_PTE_SRAM | DACC_PTE_CONT;

	begin();
	pt_range(h, root, 0x100000000000ull, 0x30000, 0x20000, hint);
	CHECK(reaches(0x100000000000ull, h->mem + 0x30000, 0x20000), "from the start");
	CHECK(reaches(0x10000001f123ull, h->mem + 0x4f123, 0xedd), "last page");
	CHECK(reaches(0x100000003210ull, h->mem + 0x33210, 0x4000), "cached");
	host_free(h);
}

static void bad_entries(void)
{
	static const uint64_t va = 0x100000000000ull;
	static const struct {
		unsigned int level;
		uint64_t pte;
		const char *name;
	} bad[] = {
		{ 0, 0, "not valid" },
		{ 0, 0x5000 | DACC_PTE_VALID, "no leaf at level 0" },
		{ 0, 0x5000 | PTE_RW | DACC_PTE_SRAM | 1 << 5, "reserved bit 5" },
		{ 0, 0x5000 | PTE_RW | DACC_PTE_SRAM | 1 << 11, "reserved bit 11" },
		{ 0, 0x5000 | PTE_RW | DACC_PTE_SRAM | 1ull << 52, "reserved bit 52" },
		{ 0, 0x5000 | PTE_RW | DACC_PTE_SRAM | 1ull << 63, "reserved bit 63" },
		{ 0, SRAM_SIZE | PTE_RW | DACC_PTE_SRAM, "SRAM offset too large" },
		{ 0, 0xffffffffff000ull | PTE_RW | DACC_PTE_SRAM, "SRAM offset far too large" },
		{ 1, 0x1000 | PTE_RW | DACC_PTE_SRAM, "2 MiB leaf not aligned" },
		{ 2, 0x200000 | PTE_RW | DACC_PTE_SRAM, "1 GiB leaf not aligned" },
		{ 3, 0 | PTE_RW | DACC_PTE_SRAM, "leaf in the root" },
		{ 3, 0x5000 | DACC_PTE_VALID | DACC_PTE_SRAM, "table in SRAM" },
		{ 3, 0x5000 | DACC_PTE_VALID | DACC_PTE_WRITE, "table to be written" },
		{ 3, 0x5000 | DACC_PTE_VALID | DACC_PTE_CONT, "contiguous tables" },
		{ 1, 0 | PTE_RW | DACC_PTE_SRAM | DACC_PTE_CONT, "contiguous 2 MiB leaves" },
	};

	begin();
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dacc_desc d = d_copy(va, VA_RAM, 64);
		struct dacc_cpl cpl;

		pt_map(h, root, va, bad[i].level, bad[i].pte);
		wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
		cpl = dq_exec(&q, &d);
		CHECK(cpl.status == DACC_STATUS_UNMAPPED, "%s: %u", bad[i].name, cpl.status);
		pt_map(h, root, va, 3, 0);
	}
	/* A table that is its own child ends in no translation. */
	uint64_t *self = host_ptr(h, root + 8 * (va >> 39 & 511));

	*self = root | DACC_PTE_VALID;
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
	struct dacc_desc d = d_copy(va, VA_RAM, 64);

	CHECK(dq_exec(&q, &d).status == DACC_STATUS_UNMAPPED, "loop");
	*self = BAD_BUS | DACC_PTE_VALID;
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_BUS_ERROR, "table that the bus refuses");
	host_free(h);
}

static void invalidation(void)
{
	uint64_t va = 0x100000000000ull;

	begin();
	pt_map(h, root, va, 0, 0x5000 | PTE_RW | DACC_PTE_SRAM);
	CHECK(reaches(va, h->mem + 0x5000, 64), "first");
	pt_map(h, root, va, 0, 0x9000 | PTE_RW | DACC_PTE_SRAM);
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
	CHECK(rd(h, DACC_REG_TLB_BUSY, 4) == 0, "not busy");
	CHECK(reaches(va, h->mem + 0x9000, 64), "second");
	/* Writable to read only, and gone. */
	pt_map(h, root, va, 0, 0x9000 | PTE_RO | DACC_PTE_SRAM);
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
	struct dacc_desc d = d_fill(va, 64, 0);

	CHECK(dq_exec(&q, &d).status == DACC_STATUS_READ_ONLY, "read only");
	pt_map(h, root, va, 0, 0);
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_UNMAPPED, "unmapped");
	/* A new root counts as an invalidation. */
	uint64_t other = host_alloc(h, 4096);

	pt_map(h, root, va, 0, 0x9000 | PTE_RW | DACC_PTE_SRAM);
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_OK, "mapped");
	wr(h, DACC_REG_ASID + 8, other | DACC_ASID_VALID, 8);
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_UNMAPPED, "new root");
	host_free(h);
}

static void ready_times(void)
{
	struct dacc_desc in, out;
	struct dacc_cpl a, b;

	begin();
	atomic_store(&h->bus_ready, 5000000000ull);
	in = d_copy(VA_PEER, VA_SRAM + 0x10000, 4096);
	a = dq_exec(&q, &in);
	CHECK(a.t_issue == 5000000000ull, "waits for the source: %lu", (unsigned long)a.t_issue);
	CHECK(dacc_core_ready(h->core, 0x10000, 4096) == a.t_end, "ready");
	CHECK(dacc_core_ready(h->core, 0x11000, 4096) == 0, "next page");
	CHECK(dacc_core_ready(h->core, 0, SRAM_SIZE) == a.t_end, "whole");
	CHECK(dacc_core_ready(h->core, SRAM_SIZE, 64) == 0, "outside");
	CHECK(dacc_core_ready(h->core, ~0ull, ~0ull) == 0, "outside");
	dq_reset(&q);
	dq_enable(&q);
	out = d_copy(VA_SRAM + 0x10000, VA_RAM, 64);
	b = dq_exec(&q, &out);
	CHECK(b.t_issue == a.t_end, "SRAM that a transfer wrote");
	host_free(h);
}

static void costs(void)
{
	struct dacc_desc d;
	struct dacc_cpl cpl;
	DaccCoreConfig c;

	begin();
	dacc_core_default_config(&c);
	d = d_copy(VA_RAM, VA_SRAM, 55000);
	d.not_before = 77;
	cpl = dq_exec(&q, &d);
	CHECK(cpl.t_issue == 77 && cpl.t_start == 77, "not before");
	CHECK(cpl.t_end - cpl.t_start ==
		      c.timing[DACC_TIMING_DMA_DESC_PS] + c.timing[DACC_TIMING_PCIE_PS] + 1000000,
	      "55000 bytes are a microsecond");
	CHECK(rd(h, DACC_REG_TIME, 8) == cpl.t_end, "device time");
	d = d_copy(VA_SRAM, VA_SRAM + 0x100000, 4);
	cpl = dq_exec(&q, &d);
	CHECK(cpl.t_end - cpl.t_start == c.timing[DACC_TIMING_DMA_DESC_PS] + 1, "rounded up");
	host_free(h);
}

/* Device time belongs to all: no job may send it far ahead. */
static void longest_wait(void)
{
	struct dacc_desc d;
	struct dacc_cpl cpl;
	uint64_t now;

	begin();
	d = d_copy(VA_SRAM, VA_SRAM + 0x100000, 4);
	cpl = dq_exec(&q, &d);
	now = rd(h, DACC_REG_TIME, 8);
	CHECK(now && now == cpl.t_end, "time");
	d.not_before = now + DACC_MAX_WAIT_PS + 1;
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_BAD_LENGTH, "too far");
	d.not_before = ~0ull;
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_BAD_LENGTH, "as far as can be");
	/* Nor if something else is wrong with it. */
	d.reserved = 1;
	CHECK(dq_exec(&q, &d).status == DACC_STATUS_RESERVED, "reserved");
	CHECK(rd(h, DACC_REG_TIME, 8) == now, "time stands still");
	d.reserved = 0;
	d.not_before = now + DACC_MAX_WAIT_PS;
	cpl = dq_exec(&q, &d);
	CHECK(!cpl.status && cpl.t_start == now + DACC_MAX_WAIT_PS, "as far as may be");
	/* More than an hour is gone: what is given again after a reset is not too far. */
	now = cpl.t_end;
	for (int flr = 0; flr < 2; flr++) {
		if (flr)
			dacc_core_reset(h->core);
		else
			wr(h, DACC_REG_CTRL, DACC_CTRL_RESET, 4);
		CHECK(rd(h, DACC_REG_TIME, 8) == now, "the clock goes on");
		wr(h, DACC_REG_CTRL, DACC_CTRL_ENABLE, 4);
		wr(h, DACC_REG_ASID + 8, root | DACC_ASID_VALID, 8);
		q.start = q.prod;
		dq_enable(&q);
		d.not_before = now + 5;
		cpl = dq_exec(&q, &d);
		CHECK(!cpl.status && cpl.t_start == now + 5, "given again");
		d.not_before = 0;
		cpl = dq_exec(&q, &d);
		CHECK(!cpl.status && cpl.t_start > now, "never in the past");
		now = cpl.t_end;
	}
	host_free(h);
}

int main(void)
{
	static const struct tap_plain cases[] = {
		{ "copy_all_ways", copy_all_ways }, { "fills", fills },
		{ "block_tables", block_tables },   { "block_errors", block_errors },
		{ "page_sizes", page_sizes },       { "contiguous_hint", contiguous_hint },
		{ "bad_entries", bad_entries },     { "invalidation", invalidation },
		{ "ready_times", ready_times },     { "costs", costs },
		{ "longest_wait", longest_wait },
	};

	tap_twice(cases, sizeof(cases) / sizeof(cases[0]), &host_peeks, "by pointer");
	return tap_done();
}
