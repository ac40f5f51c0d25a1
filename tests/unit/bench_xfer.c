// SPDX-License-Identifier: GPL-2.0
/*
 * How fast the core moves blocks, beside memcpy of the same blocks in the same
 * run. One line for each way and block size:
 *	way, bytes of a block, GB/s, GB/s of memcpy, their ratio, ns of a block,
 *	ns more than memcpy
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "core.h"
#include "dacc_hw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEM    (64ull << 20) /* SRAM, peer, and payload in host memory, each */
#define TABLES (16ull << 20)
#define RAM    (MEM + TABLES)
#define PEER   0x8000000000ull
#define RING   0x1000ull
#define CPL    0x2000ull
#define ROOT   0x3000ull
#define LISTS  0x400000ull

/* Virtual addresses of the three memories; the first by 4 KiB pages too. */
#define VA_SRAM  0x100000000ull
#define VA_SMALL 0x200000000ull
#define VA_HOST  0x300000000ull
#define VA_PEER  0x400000000ull
#define VA_LIST  0x500000000ull

static uint8_t *sram, *ram, *peer;
static DaccCore *core;
static uint64_t next_table = ROOT + 4096;
static uint32_t produced;

static uint8_t *bus(uint64_t addr, size_t len)
{
	if (addr < RAM && len <= RAM - addr)
		return ram + addr;
	if (addr >= PEER && addr - PEER < MEM && len <= MEM - (addr - PEER))
		return peer + (addr - PEER);
	return NULL;
}

static bool dma_read(void *o, uint64_t addr, void *buf, size_t len)
{
	uint8_t *p = bus(addr, len);

	(void)o;
	if (p)
		memcpy(buf, p, len);
	return p;
}

static bool dma_write(void *o, uint64_t addr, const void *buf, size_t len)
{
	uint8_t *p = bus(addr, len);

	(void)o;
	if (p)
		memcpy(p, buf, len);
	return p;
}

static bool link_read(void *o, unsigned int port, uint64_t offset, void *buf, size_t len)
{
	(void)port;
	return dma_read(o, PEER + offset, buf, len);
}

static bool link_write(void *o, unsigned int port, uint64_t offset, const void *buf, size_t len)
{
	(void)port;
	return dma_write(o, PEER + offset, buf, len);
}

static uint64_t link_ready(void *o, unsigned int port, uint64_t offset, uint64_t len)
{
	(void)o;
	(void)port;
	(void)offset;
	(void)len;
	return 0;
}

static uint64_t bus_ready(void *o, uint64_t addr, uint64_t len)
{
	(void)o;
	(void)addr;
	(void)len;
	return 0;
}

static bool peek_begin(void *o)
{
	(void)o;
	return true;
}

static const void *peek(void *o, DaccSpan *span)
{
	(void)o;
	return bus(span->link ? PEER + span->addr : span->addr, span->len);
}

static uint64_t peek_end(void *o, const DaccSpan *spans, unsigned int n)
{
	(void)o;
	(void)spans;
	(void)n;
	/* A lock, as QEMU's has. */
	atomic_thread_fence(memory_order_seq_cst);
	return 0;
}

static void mem_dirty(void *o, uint64_t offset, uint64_t len)
{
	(void)o;
	(void)offset;
	(void)len;
}

static void kick(void *o)
{
	(void)o;
}

static void interrupt(void *o, unsigned int vector)
{
	(void)o;
	(void)vector;
}

static const DaccHostOps ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
	.link_read = link_read,
	.link_write = link_write,
	.link_ready = link_ready,
	.bus_ready = bus_ready,
	.peek_begin = peek_begin,
	.peek = peek,
	.peek_end = peek_end,
	.mem_dirty = mem_dirty,
	.kick = kick,
	.interrupt = interrupt,
};

static void wr(uint64_t reg, uint64_t value, unsigned int size)
{
	dacc_core_reg_write(core, reg, value, size);
}

static void map(uint64_t va, unsigned int level, uint64_t pte)
{
	uint64_t table = ROOT;

	for (unsigned int l = 3; l > level; l--) {
		uint64_t *slot = (uint64_t *)(ram + table) + (va >> (12 + 9 * l) & 511);

		if (!*slot) {
			*slot = next_table | DACC_PTE_VALID;
			next_table += 4096;
		}
		table = *slot & DACC_PTE_ADDR;
	}
	((uint64_t *)(ram + table))[va >> (12 + 9 * level) & 511] =
		pte | DACC_PTE_VALID | DACC_PTE_LEAF | DACC_PTE_WRITE;
}

/* In large pages where the host has them, as QEMU's memories are. */
static uint8_t *memory(size_t size)
{
	void *p = aligned_alloc(2 << 20, size);

	if (!p)
		abort();
	madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static void setup(void)
{
	static const DaccLinkState up = {
		.present = true, .up = true, .peer_size = MEM, .bandwidth = 450000
	};
	DaccCoreConfig config;
	const char *err = "none";

	sram = memory(MEM);
	ram = memory(RAM);
	peer = memory(MEM);
	memset(sram, 1, MEM);
	memset(ram, 0, RAM);
	memset(peer, 3, MEM);
	dacc_core_default_config(&config);
	config.mem = sram;
	config.mem_size = MEM;
	config.threads = 0;
	core = dacc_core_new(&config, &ops, NULL, &err);
	if (!core) {
		fprintf(stderr, "error: dacc_core_new: %s\n", err);
		exit(1);
	}
	for (uint64_t at = 0; at < MEM; at += 2 << 20) {
		map(VA_SRAM + at, 1, at | DACC_PTE_SRAM);
		map(VA_PEER + at, 1, PEER + at);
	}
	for (uint64_t at = 0; at < MEM; at += 4096) {
		map(VA_SMALL + at, 0, at | DACC_PTE_SRAM);
		map(VA_HOST + at, 0, TABLES + at);
	}
	for (uint64_t at = 0; at < 2 << 20; at += 4096)
		map(VA_LIST + at, 0, LISTS + at);
	dacc_core_set_link(core, 0, &up);
	wr(DACC_REG_DECODER + DACC_DECODER_BASE, PEER, 8);
	wr(DACC_REG_DECODER + DACC_DECODER_SIZE, MEM, 8);
	wr(DACC_REG_DECODER + DACC_DECODER_TARGET, 0, 8);
	wr(DACC_REG_DECODER + DACC_DECODER_CTRL, DACC_DECODER_ENABLE, 4);
	wr(DACC_REG_CTRL, DACC_CTRL_ENABLE, 4);
	wr(DACC_REG_ASID + 8, ROOT | DACC_ASID_VALID, 8);
	wr(DACC_REG_QUEUE + DACC_QUEUE_RING, RING, 8);
	wr(DACC_REG_QUEUE + DACC_QUEUE_CPL, CPL, 8);
	wr(DACC_REG_QUEUE + DACC_QUEUE_RING_LOG2, 4, 4);
	wr(DACC_REG_QUEUE + DACC_QUEUE_CONFIG, 1 << DACC_QUEUE_CONFIG_ASID_SHIFT, 4);
	wr(DACC_REG_QUEUE + DACC_QUEUE_CTRL, DACC_QUEUE_CTRL_ENABLE, 4);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1.0e9;
}

static double run(const struct dacc_desc *desc)
{
	struct dacc_cpl *cpl = (struct dacc_cpl *)(ram + CPL + 64) + produced % 16;
	double start;

	memcpy(ram + RING + 64 * (produced % 16), desc, 64);
	start = now();
	dacc_core_doorbell_write(core, 0, ++produced);
	while (*(uint64_t *)(ram + CPL) != produced)
		dacc_core_service(core);
	start = now() - start;
	if (cpl->status) {
		fprintf(stderr, "error: status %u at block %u\n", cpl->status, cpl->index);
		exit(1);
	}
	return start;
}

static const char *only;
static uint64_t only_size;
static int rounds = 15;

static void bench(const char *way, uint64_t src, uint64_t dst, uint8_t *src_ptr, uint8_t *dst_ptr,
		  uint64_t size, unsigned int flags)
{
	struct dacc_block *list = (struct dacc_block *)(ram + LISTS);
	uint64_t n = MEM / 2 / size;
	struct dacc_desc desc = { .opcode = DACC_OP_COPY_BLOCKS, .flags = flags };
	double best = 1e9, copy = 1e9, t;

	if (only && (strcmp(only, way) || only_size != size))
		return;
	if (n > 60000)
		n = 60000;
	/* Blocks in an order that no prefetcher knows, like pages of a pool. */
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = i * 48271 % n * size;

		list[i] = (struct dacc_block){ src + at, dst + (n - 1) * size - at, size };
	}
	desc.blocks.n_blocks = n;
	desc.blocks.table = VA_LIST;
	for (int i = 0; i < rounds; i++) {
		t = run(&desc);
		best = t < best ? t : best;
		t = now();
		for (uint64_t b = 0; b < n; b++)
			memcpy(dst_ptr + (list[b].dst - dst), src_ptr + (list[b].src - src), size);
		t = now() - t;
		copy = t < copy ? t : copy;
	}
	printf("%-18s %8" PRIu64 " %7.2f %7.2f %6.2f %9.1f %8.1f\n", way, size,
	       n * size / best / 1e9, n * size / copy / 1e9, copy / best, best / n * 1e9,
	       (best - copy) / n * 1e9);
}

/* bench_xfer [way size rounds] */
int main(int argc, char **argv)
{
	static const uint64_t size[] = { 1024, 4096, 16384, 65536, 262144, 1 << 20 };

	if (argc == 4) {
		only = argv[1];
		only_size = strtoull(argv[2], NULL, 0);
		rounds = atoi(argv[3]);
	}
	setup();
	printf("%-18s %8s %7s %7s %6s %9s %8s\n", "way", "block", "GB/s", "memcpy", "ratio",
	       "ns/block", "over");
	for (unsigned int i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		bench("link->sram", VA_PEER, VA_SRAM, peer, sram, size[i], 0);
		bench("link->sram 4K", VA_PEER, VA_SMALL, peer, sram, size[i], 0);
		bench("sram->link", VA_SRAM, VA_PEER, sram, peer, size[i], 0);
		bench("host 4K->sram", VA_HOST, VA_SRAM, ram + TABLES, sram, size[i], 0);
		bench("sram->host 4K", VA_SRAM, VA_HOST, sram, ram + TABLES, size[i], 0);
		bench("link->host 4K", VA_PEER, VA_HOST, peer, ram + TABLES, size[i], 0);
		bench("sram->sram", VA_SRAM, VA_SRAM + MEM / 2, sram, sram + MEM / 2, size[i], 0);
		bench("link->sram crc", VA_PEER, VA_SRAM, peer, sram, size[i], DACC_DESC_CHECKSUM);
	}
	dacc_core_free(core);
	return 0;
}
