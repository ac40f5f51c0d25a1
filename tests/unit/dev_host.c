// SPDX-License-Identifier: GPL-2.0
/* A host around the device core, for tests. */
#include <errno.h>
#include <time.h>

#include "dev_host.h"

static uint8_t *bus_ptr(struct host *h, uint64_t addr, size_t len)
{
	if (addr >= RAM_BASE && len <= RAM_SIZE && addr - RAM_BASE <= RAM_SIZE - len)
		return h->ram + (addr - RAM_BASE);
	if (addr >= PEER_BASE && len <= PEER_SIZE && addr - PEER_BASE <= PEER_SIZE - len)
		return h->peer + (addr - PEER_BASE);
	return NULL;
}

static bool op_dma_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
	struct host *h = opaque;
	const uint8_t *p = bus_ptr(h, addr, len);

	atomic_fetch_add(&h->accesses, 1);
	if (!p)
		return false;
	memcpy(buf, p, len);
	atomic_fetch_add(&h->bus_read, len);
	return true;
}

static bool op_dma_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	struct host *h = opaque;
	uint8_t *p = bus_ptr(h, addr, len);

	atomic_fetch_add(&h->accesses, 1);
	if (!p || atomic_load(&h->fail_writes))
		return false;
	memcpy(p, buf, len);
	atomic_fetch_add(&h->bus_written, len);
	return true;
}

static bool op_link_read(void *opaque, unsigned int port, uint64_t offset, void *buf, size_t len)
{
	struct host *h = opaque;

	atomic_fetch_add(&h->accesses, 1);
	if (port || len > PEER_SIZE || offset > PEER_SIZE - len || atomic_load(&h->fail_link))
		return false;
	memcpy(buf, h->peer + offset, len);
	atomic_fetch_add(&h->link_read, len);
	return true;
}

static bool op_link_write(void *opaque, unsigned int port, uint64_t offset, const void *buf,
			  size_t len)
{
	struct host *h = opaque;

	atomic_fetch_add(&h->accesses, 1);
	if (port || len > PEER_SIZE || offset > PEER_SIZE - len || atomic_load(&h->fail_link))
		return false;
	while (atomic_load(&h->hold_link))
		atomic_store(&h->held, true);
	memcpy(h->peer + offset, buf, len);
	atomic_fetch_add(&h->link_written, len);
	return true;
}

static uint64_t op_link_ready(void *opaque, unsigned int port, uint64_t offset, uint64_t len)
{
	struct host *h = opaque;

	(void)port;
	(void)offset;
	(void)len;
	return atomic_load(&h->link_ready);
}

static uint64_t op_bus_ready(void *opaque, uint64_t addr, uint64_t len)
{
	struct host *h = opaque;

	(void)len;
	return addr >= PEER_BASE ? atomic_load(&h->bus_ready) : 0;
}

static bool op_peek_begin(void *opaque)
{
	struct host *h = opaque;

	if (h->peeking)
		abort();
	h->peeking = true;
	return true;
}

/* What lies together ends at odd places. */
static const void *op_peek(void *opaque, DaccSpan *span)
{
	struct host *h = opaque;
	uint64_t rest = 40000 - span->addr % 40000;

	if (!h->peeking)
		abort();
	atomic_fetch_add(&h->accesses, 1);
	if (span->len > rest)
		span->len = rest;
	if (!span->link)
		return bus_ptr(h, span->addr, span->len);
	if (span->port || span->addr > PEER_SIZE - span->len || atomic_load(&h->fail_link))
		return NULL;
	return h->peer + span->addr;
}

static uint64_t op_peek_end(void *opaque, const DaccSpan *spans, unsigned int n)
{
	struct host *h = opaque;
	uint64_t latest = 0, ready;

	if (!h->peeking)
		abort();
	h->peeking = false;
	for (unsigned int i = 0; i < n; i++) {
		const DaccSpan *s = &spans[i];

		atomic_fetch_add(s->link ? &h->link_read : &h->bus_read, s->len);
		ready = s->link ? op_link_ready(h, s->port, s->addr, s->len) :
				  op_bus_ready(h, s->addr, s->len);
		latest = ready > latest ? ready : latest;
	}
	return latest;
}

static void op_mem_dirty(void *opaque, uint64_t offset, uint64_t len)
{
	struct host *h = opaque;

	(void)offset;
	atomic_fetch_add(&h->dirty, len);
}

static void op_kick(void *opaque)
{
	struct host *h = opaque;

	pthread_mutex_lock(&h->lock);
	h->kick = true;
	pthread_cond_signal(&h->kicked);
	pthread_mutex_unlock(&h->lock);
}

static void op_interrupt(void *opaque, unsigned int vector)
{
	struct host *h = opaque;

	if (vector >= DACC_MSIX_VECTORS)
		abort();
	h->irq[vector]++;
	if (h->n_irq + 1 < sizeof(h->irq_log))
		h->irq_log[h->n_irq++] = 'A' + vector;
}

bool host_peeks;

static const DaccHostOps peek_ops = {
	.dma_read = op_dma_read,
	.dma_write = op_dma_write,
	.link_read = op_link_read,
	.link_write = op_link_write,
	.link_ready = op_link_ready,
	.bus_ready = op_bus_ready,
	.peek_begin = op_peek_begin,
	.peek = op_peek,
	.peek_end = op_peek_end,
	.mem_dirty = op_mem_dirty,
	.kick = op_kick,
	.interrupt = op_interrupt,
};

static const DaccHostOps host_ops = {
	.dma_read = op_dma_read,
	.dma_write = op_dma_write,
	.link_read = op_link_read,
	.link_write = op_link_write,
	.link_ready = op_link_ready,
	.bus_ready = op_bus_ready,
	.mem_dirty = op_mem_dirty,
	.kick = op_kick,
	.interrupt = op_interrupt,
};

static struct host *host_new(void)
{
	struct host *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	h->ram = calloc(1, RAM_SIZE);
	h->peer = calloc(1, PEER_SIZE);
	h->mem = aligned_alloc(4096, SRAM_SIZE);
	if (!h->ram || !h->peer || !h->mem)
		abort();
	memset(h->mem, 0, SRAM_SIZE);
	h->alloc = RAM_BASE;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->kicked, NULL);
	return h;
}

struct host *host_chip(unsigned int threads)
{
	struct host *h = host_new();
	DaccCoreConfig config;
	const char *err = "none";

	dacc_core_default_config(&config);
	config.mem = h->mem;
	config.mem_size = SRAM_SIZE;
	config.threads = threads;
	config.inject = true;
	h->core = dacc_core_new(&config, host_peeks ? &peek_ops : &host_ops, h, &err);
	if (!h->core) {
		fprintf(stderr, "error: dacc_core_new: %s\n", err);
		abort();
	}
	wr(h, DACC_REG_CTRL, DACC_CTRL_ENABLE, 4);
	return h;
}

struct host *host_gpu(unsigned int threads)
{
	struct host *h = host_new();
	DaccCoreConfig config;
	const char *err = "none";

	gpu_core_default_config(&config);
	config.mem = h->mem;
	config.mem_size = SRAM_SIZE;
	config.threads = threads;
	h->gpu = gpu_core_new(&config, &host_ops, h, &err);
	if (!h->gpu) {
		fprintf(stderr, "error: gpu_core_new: %s\n", err);
		abort();
	}
	return h;
}

void host_free(struct host *h)
{
	dacc_core_free(h->core);
	gpu_core_free(h->gpu);
	pthread_cond_destroy(&h->kicked);
	pthread_mutex_destroy(&h->lock);
	free(h->ram);
	free(h->peer);
	free(h->mem);
	free(h);
}

uint64_t host_alloc(struct host *h, uint64_t size)
{
	uint64_t addr = h->alloc;

	size = (size + 4095) & ~4095ull;
	if (size > RAM_BASE + RAM_SIZE - addr)
		abort();
	h->alloc += size;
	memset(h->ram + (addr - RAM_BASE), 0, size);
	return addr;
}

void *host_ptr(struct host *h, uint64_t addr)
{
	return bus_ptr(h, addr, 1);
}

static void host_service(struct host *h)
{
	pthread_mutex_lock(&h->lock);
	h->kick = false;
	pthread_mutex_unlock(&h->lock);
	if (h->core)
		dacc_core_service(h->core);
	else
		gpu_core_service(h->gpu);
}

/* Waits up to 10 ms for a kick. */
static void host_sleep(struct host *h)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 10000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&h->lock);
	while (!h->kick)
		if (pthread_cond_timedwait(&h->kicked, &h->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&h->lock);
}

bool host_run(struct host *h)
{
	for (int i = 0; i < 100000; i++) {
		host_service(h);
		if (h->core ? !dacc_core_busy(h->core) : !gpu_core_busy(h->gpu))
			return true;
		host_sleep(h);
	}
	return false;
}

bool host_wait_progress(struct host *h, unsigned int q, uint64_t old)
{
	uint64_t reg = h->core ? QREG(q, DACC_QUEUE_PROGRESS) : (uint64_t)GPUPEER_REG_PROGRESS;

	for (int i = 0; i < 200000; i++) {
		struct timespec nap = { .tv_nsec = 100000 };

		if (rd(h, reg, 8) != old)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

uint64_t pt_new(struct host *h, unsigned int asid)
{
	uint64_t root = host_alloc(h, 4096);

	wr(h, DACC_REG_ASID + 8 * asid, root | DACC_ASID_VALID, 8);
	return root;
}

void pt_map(struct host *h, uint64_t root, uint64_t va, unsigned int level, uint64_t pte)
{
	uint64_t table = root;

	for (unsigned int l = DACC_PT_LEVELS - 1; l > level; l--) {
		uint64_t *slot = host_ptr(h, table + 8 * (va >> (12 + 9 * l) & 511));

		if (!(*slot & DACC_PTE_VALID))
			*slot = host_alloc(h, 4096) | DACC_PTE_VALID;
		table = *slot & DACC_PTE_ADDR;
	}
	*(uint64_t *)host_ptr(h, table + 8 * (va >> (12 + 9 * level) & 511)) = pte;
}

void pt_range(struct host *h, uint64_t root, uint64_t va, uint64_t addr, uint64_t size,
	      uint64_t flags)
{
	for (uint64_t at = 0; at < size; at += 4096)
		pt_map(h, root, va + at, 0, (addr + at) | flags);
}

uint64_t pt_world(struct host *h, unsigned int asid, uint64_t *ram)
{
	uint64_t root = pt_new(h, asid);

	*ram = host_alloc(h, VA_RAM_SIZE);
	for (uint64_t at = 0; at < SRAM_SIZE; at += 2 << 20)
		pt_map(h, root, VA_SRAM + at, 1, at | PTE_RW | DACC_PTE_SRAM);
	pt_range(h, root, VA_RAM, *ram, VA_RAM_SIZE, PTE_RW);
	for (uint64_t at = 0; at < PEER_SIZE; at += 2 << 20)
		pt_map(h, root, VA_PEER + at, 1, (PEER_BASE + at) | PTE_RW);
	pt_map(h, root, VA_RO, 0, host_alloc(h, 4096) | PTE_RO);
	pt_map(h, root, VA_BAD, 0, BAD_BUS | PTE_RW);
	return root;
}

void dq_init(struct dq *dq, struct host *h, unsigned int q, unsigned int class, unsigned int asid,
	     unsigned int log2, unsigned int vector)
{
	*dq = (struct dq){ .h = h, .q = q };
	dq->log2 = log2;
	dq->config = class | asid << DACC_QUEUE_CONFIG_ASID_SHIFT |
		     vector << DACC_QUEUE_CONFIG_VECTOR_SHIFT;
	dq->ring = host_alloc(h, 64ull << log2);
	dq->cpl = host_alloc(h, 64 + (64ull << log2));
	dq->ring_va = dq->ring;
	dq->cpl_va = dq->cpl;
	dq_enable(dq);
}

void dq_init_virtual(struct dq *dq, struct host *h, unsigned int q, unsigned int class,
		     unsigned int asid, unsigned int log2, unsigned int vector, uint64_t ram,
		     uint64_t at)
{
	*dq = (struct dq){ .h = h, .q = q };
	dq->log2 = log2;
	dq->config = class | asid << DACC_QUEUE_CONFIG_ASID_SHIFT |
		     vector << DACC_QUEUE_CONFIG_VECTOR_SHIFT | DACC_QUEUE_CONFIG_VIRTUAL;
	dq->ring = ram + at;
	dq->cpl = ram + at + (64ull << log2);
	dq->ring_va = VA_RAM + at;
	dq->cpl_va = dq->ring_va + (64ull << log2);
	dq_enable(dq);
}

void dq_enable(struct dq *dq)
{
	struct host *h = dq->h;

	memset(host_ptr(h, dq->cpl), 0, 64 + (64ull << dq->log2));
	wr(h, QREG(dq->q, DACC_QUEUE_RING), dq->ring_va, 8);
	wr(h, QREG(dq->q, DACC_QUEUE_RING_LOG2), dq->log2, 4);
	wr(h, QREG(dq->q, DACC_QUEUE_CONFIG), dq->config, 4);
	wr(h, QREG(dq->q, DACC_QUEUE_CPL), dq->cpl_va, 8);
	wr(h, QREG(dq->q, DACC_QUEUE_START), dq->start, 8);
	wr(h, QREG(dq->q, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE, 4);
	dq->prod = dq->start;
}

void dq_reset(struct dq *dq)
{
	wr(dq->h, QREG(dq->q, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_RESET, 4);
}

void dq_push(struct dq *dq, const struct dacc_desc *desc)
{
	uint64_t slot = dq->prod++ & ((1u << dq->log2) - 1);

	memcpy(host_ptr(dq->h, dq->ring + 64 * slot), desc, sizeof(*desc));
}

void dq_ring(struct dq *dq)
{
	dacc_core_doorbell_write(dq->h->core, (uint64_t)dq->q * DACC_DOORBELL_STRIDE, dq->prod);
}

uint64_t dq_head(struct dq *dq)
{
	return *(uint64_t *)host_ptr(dq->h, dq->cpl);
}

uint32_t dq_fault(struct dq *dq)
{
	return ((struct dacc_cpl_head *)host_ptr(dq->h, dq->cpl))->fault;
}

struct dacc_cpl dq_cpl(struct dq *dq, uint64_t seq)
{
	uint64_t slot = (seq - 1) & ((1u << dq->log2) - 1);
	struct dacc_cpl cpl;

	memcpy(&cpl, host_ptr(dq->h, dq->cpl + 64 + 64 * slot), sizeof(cpl));
	return cpl;
}

struct dacc_cpl dq_exec(struct dq *dq, const struct dacc_desc *desc)
{
	struct dacc_cpl cpl = { .status = 0xffff };
	uint64_t seq;

	dq_push(dq, desc);
	seq = dq->prod;
	dq_ring(dq);
	if (!host_run(dq->h) || dq_head(dq) != seq)
		return cpl;
	cpl = dq_cpl(dq, seq);
	if (rd(dq->h, QREG(dq->q, DACC_QUEUE_STATE), 4) == DACC_QUEUE_HALTED) {
		dq_reset(dq);
		dq_enable(dq);
	}
	return cpl;
}

struct dacc_desc d_copy(uint64_t src, uint64_t dst, uint64_t len)
{
	struct dacc_desc d = { .opcode = DACC_OP_COPY };

	d.copy.src = src;
	d.copy.dst = dst;
	d.copy.len = len;
	return d;
}

struct dacc_desc d_fill(uint64_t dst, uint64_t len, uint32_t pattern)
{
	struct dacc_desc d = { .opcode = DACC_OP_FILL };

	d.fill.dst = dst;
	d.fill.len = len;
	d.fill.pattern = pattern;
	return d;
}

struct dacc_desc d_blocks(uint64_t table, uint32_t n)
{
	struct dacc_desc d = { .opcode = DACC_OP_COPY_BLOCKS };

	d.blocks.table = table;
	d.blocks.n_blocks = n;
	return d;
}

void fill_random(void *p, size_t len, uint32_t seed)
{
	uint8_t *b = p;

	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		b[i] = seed >> 24;
	}
}
