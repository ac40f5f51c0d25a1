/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual memory for tests of the sequencer: 4 KiB pages that lie in order, are
 * scattered, are not on the device at all, or move at each yield (so that a
 * pointer kept too long reads rubbish). Single pages can be taken away or made
 * read only.
 */
#ifndef DACC_TEST_TESTMEM_H
#define DACC_TEST_TESTMEM_H

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "seq.h"

/* Odd values, so that every division rounds. */
__attribute__((unused)) static const uint64_t test_timing[DACC_TIMING_COUNT] = {
	[DACC_TIMING_SRAM_BW] = 80000001, [DACC_TIMING_PEAK] = 750000007,
	[DACC_TIMING_INSN_PS] = 20011,    [DACC_TIMING_LAYER_PS] = 100003,
	[DACC_TIMING_STEP_PS] = 1000033,
};

enum mem_kind {
	MEM_FLAT,
	MEM_SCATTERED,
	MEM_HOST,
	MEM_MIXED,
	MEM_MOVING,
	MEM_KINDS
};

#define PAGE     4096u
#define MEM_BASE 0x7000000000ull /* virtual address of the first page */

enum {
	PAGE_NONE = 1,
	PAGE_READ_ONLY = 2,
	PAGE_HOST = 4
};

struct mem {
	enum mem_kind kind;
	uint32_t pages, frames;
	uint8_t *frame; /* memory; page p is in frame place[p] */
	uint32_t *place;
	uint8_t *flags;
	uint64_t next;              /* of mem_alloc() */
	uint64_t yields, cancel_at; /* cancel_at: 0 for never */
	uint64_t signals, signal_value[4096], signal_time[4096];
};

static uint64_t mem_offset(const struct mem *m, uint64_t va)
{
	uint64_t page = (va - MEM_BASE) / PAGE;

	return (uint64_t)m->place[page] * PAGE + va % PAGE;
}

static bool mem_has(const struct mem *m, uint64_t va)
{
	return va >= MEM_BASE && va - MEM_BASE < (uint64_t)m->pages * PAGE &&
	       !(m->flags[(va - MEM_BASE) / PAGE] & PAGE_NONE);
}

static uint8_t mem_flags(const struct mem *m, uint64_t va)
{
	return m->flags[(va - MEM_BASE) / PAGE];
}

static enum dacc_status mem_map(void *opaque, uint64_t va, uint64_t len, bool write, uint8_t **ptr,
				uint64_t *contig)
{
	struct mem *m = opaque;
	uint64_t have;

	if (!mem_has(m, va))
		return DACC_STATUS_UNMAPPED;
	if (write && (mem_flags(m, va) & PAGE_READ_ONLY))
		return DACC_STATUS_READ_ONLY;
	if (mem_flags(m, va) & PAGE_HOST)
		return DACC_STATUS_UNSUPPORTED;
	*ptr = m->frame + mem_offset(m, va);
	have = PAGE - va % PAGE;
	while (have < len && mem_has(m, va + have) &&
	       !(mem_flags(m, va + have) & (PAGE_HOST | (write ? PAGE_READ_ONLY : 0))) &&
	       m->frame + mem_offset(m, va + have) == *ptr + have)
		have += PAGE;
	*contig = have < len ? have : len;
	return DACC_STATUS_OK;
}

/* The device's copy path; it sees any page. */
static enum dacc_status mem_access(struct mem *m, uint64_t va, void *buf, uint64_t len, bool write)
{
	uint8_t *b = buf;

	for (uint64_t i = 0; i < len; i++) {
		if (!mem_has(m, va + i))
			return DACC_STATUS_UNMAPPED;
		if (write && (mem_flags(m, va + i) & PAGE_READ_ONLY))
			return DACC_STATUS_READ_ONLY;
		if (write)
			m->frame[mem_offset(m, va + i)] = b[i];
		else
			b[i] = m->frame[mem_offset(m, va + i)];
	}
	return DACC_STATUS_OK;
}

static enum dacc_status mem_read(void *opaque, uint64_t va, void *buf, uint64_t len)
{
	return mem_access(opaque, va, buf, len, false);
}

static enum dacc_status mem_write(void *opaque, uint64_t va, const void *buf, uint64_t len)
{
	return mem_access(opaque, va, (void *)buf, len, true);
}

static bool mem_yield(void *opaque)
{
	struct mem *m = opaque;

	m->yields++;
	if (m->kind == MEM_MOVING) {
		/* Half of the frames are free: each page may move to a free one. */
		for (uint32_t i = 0; i < m->pages; i++) {
			uint32_t old = m->place[i];
			uint32_t to = old < m->pages ? i + m->pages : i;

			memcpy(m->frame + (uint64_t)to * PAGE, m->frame + (uint64_t)old * PAGE,
			       PAGE);
			memset(m->frame + (uint64_t)old * PAGE, 0x5a, PAGE);
			m->place[i] = to;
		}
	}
	return m->yields != m->cancel_at;
}

static void mem_signal(void *opaque, uint64_t value, uint64_t time)
{
	struct mem *m = opaque;

	if (m->signals < 4096) {
		m->signal_value[m->signals] = value;
		m->signal_time[m->signals] = time;
	}
	m->signals++;
}

static void mem_free(struct mem *m)
{
	if (m) {
		free(m->frame);
		free(m->place);
		free(m->flags);
		free(m);
	}
}

static struct mem *mem_new(enum mem_kind kind, uint64_t bytes)
{
	struct mem *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->kind = kind;
	m->pages = (bytes + PAGE - 1) / PAGE;
	m->frames = kind == MEM_MOVING ? 2 * m->pages : m->pages;
	m->next = MEM_BASE;
	m->frame = aligned_alloc(PAGE, (uint64_t)m->frames * PAGE);
	m->place = calloc(m->pages, sizeof(*m->place));
	m->flags = calloc(m->pages, 1);
	if (!m->frame || !m->place || !m->flags) {
		mem_free(m);
		return NULL;
	}
	memset(m->frame, 0xcc, (uint64_t)m->frames * PAGE);
	for (uint32_t i = 0; i < m->pages; i++) {
		m->place[i] = i;
		if (kind == MEM_HOST || (kind == MEM_MIXED && random_below(3) == 0))
			m->flags[i] = PAGE_HOST;
	}
	/* Pairs of neighbours stay together now and then. */
	if (kind == MEM_SCATTERED || kind == MEM_MIXED)
		for (uint32_t i = m->pages; i-- > 1;) {
			uint32_t j = random_below(i + 1), t = m->place[i];

			if (random_below(4) == 0)
				continue;
			m->place[i] = m->place[j];
			m->place[j] = t;
		}
	return m;
}

/* @skew moves the start off the page boundary. */
__attribute__((unused)) static uint64_t mem_alloc(struct mem *m, uint64_t bytes, uint32_t skew)
{
	uint64_t va = (m->next + PAGE - 1) / PAGE * PAGE + skew;

	m->next = va + bytes;
	if (m->next > MEM_BASE + (uint64_t)m->pages * PAGE) {
		printf("Bail out! test memory of %u pages is too small\n", m->pages);
		exit(1);
	}
	return va;
}

__attribute__((unused)) static void mem_put(struct mem *m, uint64_t va, const void *buf,
					    uint64_t len)
{
	const uint8_t *b = buf;

	for (uint64_t i = 0; i < len;) {
		uint64_t part = PAGE - (va + i) % PAGE;

		part = part < len - i ? part : len - i;
		memcpy(m->frame + mem_offset(m, va + i), b + i, part);
		i += part;
	}
}

__attribute__((unused)) static void mem_get(struct mem *m, uint64_t va, void *buf, uint64_t len)
{
	uint8_t *b = buf;

	for (uint64_t i = 0; i < len;) {
		uint64_t part = PAGE - (va + i) % PAGE;

		part = part < len - i ? part : len - i;
		memcpy(b + i, m->frame + mem_offset(m, va + i), part);
		i += part;
	}
}

__attribute__((unused)) static SeqMemory mem_ops(struct mem *m)
{
	SeqMemory ops = {
		.opaque = m,
		.map = mem_map,
		.read = mem_read,
		.write = mem_write,
		.yield = mem_yield,
		.signal = mem_signal,
	};

	return ops;
}

#endif
