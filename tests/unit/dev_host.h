/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host around the device core, for tests: guest memory, a peer with memory
 * behind a BAR and behind a link, and interrupts that are counted.
 */
#ifndef DEV_HOST_H
#define DEV_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define RAM_BASE  0x100000ull
#define RAM_SIZE  (24ull << 20)
#define PEER_BASE 0x8000000000ull
#define PEER_SIZE (4ull << 20)
#define SRAM_SIZE (4ull << 20)
/* A hole in which every access fails. */
#define BAD_BUS   0x7000000000ull

struct host {
	uint8_t *ram;
	uint8_t *peer;
	uint8_t *mem;   /* SRAM or HBM */
	uint64_t alloc; /* next free byte of RAM */
	DaccCore *core;
	GpuCore *gpu;
	pthread_mutex_t lock;
	pthread_cond_t kicked;
	bool kick;
	unsigned int irq[DACC_MSIX_VECTORS];
	char irq_log[256]; /* a letter for each interrupt, 'A' + vector */
	unsigned int n_irq;
	atomic_bool fail_writes; /* of guest memory */
	atomic_bool fail_link;
	atomic_bool hold_link, held; /* writes over the link wait, and one does */
	atomic_uint_fast64_t bus_read, bus_written, link_read, link_written;
	atomic_uint_fast64_t dirty;
	atomic_uint_fast64_t link_ready, bus_ready;
	atomic_uint accesses;
	bool peeking;
};

/* Does the host let the device read by pointer? Of devices made from now on. */
extern bool host_peeks;

struct host *host_chip(unsigned int threads);
struct host *host_gpu(unsigned int threads);
void host_free(struct host *h);

/* Guest memory, zeroed, aligned to 4 KiB; the bus address. */
uint64_t host_alloc(struct host *h, uint64_t size);
void *host_ptr(struct host *h, uint64_t addr);
/* Services the device until it is idle. False: it never was. */
bool host_run(struct host *h);
/* Waits, without a service, until the progress of a queue (the GPU) is not @old. */
bool host_wait_progress(struct host *h, unsigned int q, uint64_t old);

static inline uint64_t rd(struct host *h, uint64_t reg, unsigned int size)
{
	return h->core ? dacc_core_reg_read(h->core, reg, size) :
			 gpu_core_reg_read(h->gpu, reg, size);
}

static inline void wr(struct host *h, uint64_t reg, uint64_t v, unsigned int size)
{
	if (h->core)
		dacc_core_reg_write(h->core, reg, v, size);
	else
		gpu_core_reg_write(h->gpu, reg, v, size);
}

/* Page tables. */
uint64_t pt_new(struct host *h, unsigned int asid);
/* Maps one page of 4 KiB << (9 * level). */
void pt_map(struct host *h, uint64_t root, uint64_t va, unsigned int level, uint64_t pte);
/* Maps a range with 4 KiB pages. */
void pt_range(struct host *h, uint64_t root, uint64_t va, uint64_t addr, uint64_t size,
	      uint64_t flags);

#define PTE_RW (DACC_PTE_VALID | DACC_PTE_LEAF | DACC_PTE_WRITE)
#define PTE_RO (DACC_PTE_VALID | DACC_PTE_LEAF)

/*
 * A map that most tests use: SRAM by 2 MiB pages, guest memory by 4 KiB pages,
 * the peer by 2 MiB pages, a read-only page of guest memory, a page that the
 * bus refuses. Returns the root; *ram is the bus address of the memory.
 */
#define VA_SRAM     0x10000000ull
#define VA_RAM      0x20000000ull
#define VA_PEER     0x30000000ull
#define VA_RO       0x40000000ull
#define VA_BAD      0x50000000ull
#define VA_RAM_SIZE (2ull << 20)
uint64_t pt_world(struct host *h, unsigned int asid, uint64_t *ram);

/* A queue and where its ring is. */
struct dq {
	struct host *h;
	unsigned int q;
	uint64_t ring, cpl;       /* bus addresses */
	uint64_t ring_va, cpl_va; /* what the registers get */
	uint32_t log2, config;
	uint64_t start, prod;
};

#define QREG(q, reg) (DACC_REG_QUEUE + DACC_QUEUE_STRIDE * (uint64_t)(q) + (reg))

void dq_init(struct dq *dq, struct host *h, unsigned int q, unsigned int class, unsigned int asid,
	     unsigned int log2, unsigned int vector);
/* The same in the memory at VA_RAM (@ram) + @at, with virtual addresses. */
void dq_init_virtual(struct dq *dq, struct host *h, unsigned int q, unsigned int class,
		     unsigned int asid, unsigned int log2, unsigned int vector, uint64_t ram,
		     uint64_t at);
/* Writes the queue's registers and enables it. */
void dq_enable(struct dq *dq);
void dq_reset(struct dq *dq);
void dq_push(struct dq *dq, const struct dacc_desc *desc);
void dq_ring(struct dq *dq);
uint64_t dq_head(struct dq *dq);
/* dacc_cpl_head.fault */
uint32_t dq_fault(struct dq *dq);
struct dacc_cpl dq_cpl(struct dq *dq, uint64_t seq);
/* Runs one descriptor; its record. A halted queue is enabled again. */
struct dacc_cpl dq_exec(struct dq *dq, const struct dacc_desc *desc);

struct dacc_desc d_copy(uint64_t src, uint64_t dst, uint64_t len);
struct dacc_desc d_fill(uint64_t dst, uint64_t len, uint32_t pattern);
struct dacc_desc d_blocks(uint64_t table, uint32_t n);

void fill_random(void *p, size_t len, uint32_t seed);

#endif
