// SPDX-License-Identifier: GPL-2.0
/* What user queues need of the chip: virtual rings, counts, limits, wake-ups. */
#include "dev_host.h"
#include "tap.h"

static struct host *h;
static struct dq q, v; /* a queue with bus addresses, and a virtual one */
static uint64_t ram, root;
static unsigned int threads;

static void begin(void)
{
	h = host_chip(threads);
	root = pt_world(h, 1, &ram);
	dq_init(&q, h, 0, DACC_CLASS_TRANSFER, 1, 4, 1);
	dq_init_virtual(&v, h, 1, DACC_CLASS_TRANSFER, 1, 4, 2, ram, 0);
}

static uint32_t state(struct dq *dq)
{
	return rd(h, QREG(dq->q, DACC_QUEUE_STATE), 4);
}

static uint32_t fault(struct dq *dq)
{
	return rd(h, QREG(dq->q, DACC_QUEUE_FAULT), 4);
}

static uint64_t count(struct dq *dq, unsigned int reg)
{
	return rd(h, QREG(dq->q, reg), 8);
}

static void push_nops(struct dq *dq, unsigned int n)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };

	for (unsigned int i = 0; i < n; i++)
		dq_push(dq, &nop);
	dq_ring(dq);
}

static void invalidate(void)
{
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
}

static void virtual_works(void)
{
	begin();
	CHECK(state(&v) == DACC_QUEUE_ACTIVE, "active");
	/* Several turns, all sizes of batches; other data at 64 KiB. */
	for (uint32_t i = 0; i < 100; i++) {
		struct dacc_desc d = d_fill(VA_SRAM + 4 * i, 4, i);
		struct dacc_cpl cpl;

		d.cookie = 100 + i;
		cpl = dq_exec(&v, &d);
		CHECK(!cpl.status && cpl.cookie == 100 + i && cpl.seq == i + 1, "job %u", i);
		CHECK(((uint32_t *)h->mem)[i] == i, "word %u", i);
	}
	for (unsigned int n = 1; n <= 16; n++) {
		push_nops(&v, n);
		CHECK(host_run(h) && dq_head(&v) == v.prod, "batch of %u", n);
	}
	CHECK(dq_fault(&v) == 0, "no fault");
	host_free(h);
}

/* Scattered pages, and a ring and a completion area inside the SRAM. */
static void virtual_places(void)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP, .flags = DACC_DESC_IRQ };
	uint64_t va = 0x60000000, a, b;
	struct dacc_cpl_head *head;
	struct dacc_cpl *cpl;

	begin();
	/* 128 descriptors are two pages, here in the wrong order. */
	dq_reset(&v);
	a = host_alloc(h, 4096);
	b = host_alloc(h, 4096);
	pt_map(h, root, va, 0, b | PTE_RO);
	pt_map(h, root, va + 4096, 0, a | PTE_RO);
	pt_map(h, root, va + 0x10000, 0, 0x9000 | PTE_RW | DACC_PTE_SRAM);
	pt_map(h, root, va + 0x11000, 0, 0x7000 | PTE_RW | DACC_PTE_SRAM);
	pt_map(h, root, va + 0x12000, 0, 0x5000 | PTE_RW | DACC_PTE_SRAM);
	for (int i = 0; i < 128; i++) {
		nop.cookie = i;
		memcpy(host_ptr(h, (i < 64 ? b : a) + i % 64 * 64), &nop, 64);
	}
	wr(h, QREG(1, DACC_QUEUE_RING), va, 8);
	wr(h, QREG(1, DACC_QUEUE_RING_LOG2), 7, 4);
	wr(h, QREG(1, DACC_QUEUE_CPL), va + 0x10000, 8);
	wr(h, QREG(1, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE, 4);
	dacc_core_doorbell_write(h->core, DACC_DOORBELL_STRIDE, 128);
	CHECK(host_run(h) && state(&v) == DACC_QUEUE_ACTIVE, "runs");
	head = (void *)(h->mem + 0x9000);
	CHECK(head->seq == 128 && !head->fault, "head in SRAM");
	for (uint64_t i = 0; i < 128; i++) {
		uint64_t at = 64 + 64 * i;
		static const uint64_t page[] = { 0x9000, 0x7000, 0x5000 };

		cpl = (void *)(h->mem + page[at / 4096] + at % 4096);
		CHECK(cpl->seq == i + 1 && cpl->cookie == i, "record %d", (int)i);
	}
	CHECK(atomic_load(&h->dirty) >= 129 * 64 - 56, "the host knows");
	CHECK(h->irq[2] > 0, "messages");
	host_free(h);
}

/* An unmapped page halts the queue whose it is, and nobody else. */
static void virtual_faults(void)
{
	static const struct {
		uint64_t ring, cpl;
		unsigned int status, fetched;
		uint64_t addr;
		const char *name;
	} t[] = {
		{ 0x90000000, VA_RAM, DACC_STATUS_UNMAPPED, 1, 0x90000000, "no ring" },
		{ VA_BAD, VA_RAM, DACC_STATUS_BUS_ERROR, 1, VA_BAD, "ring refused" },
		{ VA_RAM, 0x90000000, DACC_STATUS_UNMAPPED, 1, 0x90000040, "no area" },
		{ VA_RAM, VA_RO, DACC_STATUS_READ_ONLY, 1, VA_RO + 64, "read-only area" },
		{ VA_RAM, VA_BAD, DACC_STATUS_BUS_ERROR, 1, VA_BAD + 64, "area refused" },
	};

	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct dacc_desc nop = { .opcode = DACC_OP_NOP };
		struct dacc_cpl_head *head;

		begin();
		wr(h, DACC_REG_EVENT_MASK, DACC_EVENT_QUEUE_HALT, 4);
		dq_reset(&v);
		memset(host_ptr(h, ram), 0, 8192);
		wr(h, QREG(1, DACC_QUEUE_RING), t[i].ring, 8);
		wr(h, QREG(1, DACC_QUEUE_CPL), t[i].cpl, 8);
		wr(h, QREG(1, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE, 4);
		CHECK(host_run(h) && state(&v) == DACC_QUEUE_ACTIVE, "%s: not at once", t[i].name);
		dacc_core_doorbell_write(h->core, DACC_DOORBELL_STRIDE, 1);
		CHECK(host_run(h), "idle");
		CHECK(state(&v) == DACC_QUEUE_HALTED, "%s: halted", t[i].name);
		CHECK(fault(&v) == t[i].status, "%s: %u", t[i].name, fault(&v));
		CHECK(count(&v, DACC_QUEUE_FAULT_ADDR) == t[i].addr, "%s: %#lx", t[i].name,
		      (unsigned long)count(&v, DACC_QUEUE_FAULT_ADDR));
		CHECK(count(&v, DACC_QUEUE_FETCHED) == t[i].fetched, "%s: fetched", t[i].name);
		CHECK(count(&v, DACC_QUEUE_COMPLETED) == 0, "%s: no record", t[i].name);
		head = host_ptr(h, ram);
		if (t[i].cpl == VA_RAM)
			CHECK(head->seq == 0 && head->fault == t[i].status, "%s: head", t[i].name);
		CHECK(rd(h, DACC_REG_STATUS, 4) == DACC_DEVSTAT_READY, "%s: not fatal", t[i].name);
		CHECK(h->irq[0] == 1 && h->irq[2] == 1, "%s: %s", t[i].name, h->irq_log);
		CHECK(dq_exec(&q, &nop).status == 0, "%s: others go on", t[i].name);
		dq_reset(&v);
		dq_enable(&v);
		CHECK(dq_exec(&v, &nop).status == 0, "%s: as new", t[i].name);
		host_free(h);
	}
}

/* The page goes away between two descriptors, and while some are pending. */
static void virtual_unmapped_later(void)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };

	begin();
	push_nops(&v, 5);
	CHECK(host_run(h) && dq_head(&v) == 5, "five");
	/* Ring and area share the page. */
	pt_map(h, root, VA_RAM, 0, 0);
	invalidate();
	push_nops(&v, 1);
	CHECK(host_run(h), "idle");
	CHECK(state(&v) == DACC_QUEUE_HALTED && fault(&v) == DACC_STATUS_UNMAPPED, "halted");
	CHECK(count(&v, DACC_QUEUE_COMPLETED) == 5, "completed");
	CHECK(dq_head(&v) == 5 && !dq_fault(&v), "memory is untouched");
	CHECK(dq_exec(&q, &nop).status == 0, "others go on");
	host_free(h);

	if (!threads)
		return;
	begin();
	push_nops(&v, 8);
	CHECK(host_wait_progress(h, 1, 7), "done, not yet in memory");
	pt_map(h, root, VA_RAM, 0, ram | PTE_RO);
	invalidate();
	CHECK(host_run(h), "idle");
	CHECK(state(&v) == DACC_QUEUE_HALTED && fault(&v) == DACC_STATUS_READ_ONLY, "halted");
	CHECK(dq_head(&v) == 0 && count(&v, DACC_QUEUE_COMPLETED) == 0, "nothing written");
	host_free(h);
}

/* Records up to the page's end are there when the next page is not. */
static void virtual_half_written(void)
{
	struct dq big;

	begin();
	dq_init_virtual(&big, h, 2, DACC_CLASS_TRANSFER, 1, 7, 3, ram, 65536);
	/* Two pages of ring; the area's records 64 to 127 are in its second page. */
	CHECK(big.cpl_va == VA_RAM + 65536 + 8192, "layout");
	pt_map(h, root, big.cpl_va + 4096, 0, 0);
	push_nops(&big, 100);
	CHECK(host_run(h), "idle");
	CHECK(state(&big) == DACC_QUEUE_HALTED && fault(&big) == DACC_STATUS_UNMAPPED, "halted");
	CHECK(count(&big, DACC_QUEUE_COMPLETED) == 63, "completed %lu",
	      (unsigned long)count(&big, DACC_QUEUE_COMPLETED));
	CHECK(dq_head(&big) == 63 && dq_fault(&big) == DACC_STATUS_UNMAPPED, "head");
	CHECK(count(&big, DACC_QUEUE_FAULT_ADDR) == big.cpl_va + 4096, "address");
	host_free(h);
}

static void start_numbers(void)
{
	static const uint64_t start[] = { 1,
					  15,
					  16,
					  0xfffffff0,
					  0xffffffffull,
					  0x123456789abcdef0ull,
					  ~0ull - 0x100000,
					  (1ull << 63) - 3,
					  0xffffffff00000000 };

	for (unsigned int i = 0; i < sizeof(start) / sizeof(start[0]); i++)
		for (int virt = 0; virt < 2; virt++) {
			struct dq *dq = virt ? &v : &q;

			begin();
			dq_reset(dq);
			dq->start = start[i];
			dq_enable(dq);
			CHECK(count(dq, DACC_QUEUE_START) == start[i], "start");
			CHECK(count(dq, DACC_QUEUE_PRODUCED) == start[i], "produced");
			CHECK(count(dq, DACC_QUEUE_FETCHED) == start[i], "fetched");
			CHECK(count(dq, DACC_QUEUE_COMPLETED) == start[i], "completed");
			CHECK(host_run(h) && dq_head(dq) == start[i], "head");
			for (unsigned int n = 1; n <= 16; n++) {
				push_nops(dq, n);
				CHECK(count(dq, DACC_QUEUE_PRODUCED) == dq->prod, "produced");
				CHECK(host_run(h) && dq_head(dq) == dq->prod, "head");
				CHECK(dq_cpl(dq, dq->prod).seq == dq->prod, "record");
				CHECK(count(dq, DACC_QUEUE_COMPLETED) == dq->prod, "completed");
			}
			CHECK(state(dq) == DACC_QUEUE_ACTIVE, "active");
			/* One more than fits. */
			dq->prod += 17;
			dq_ring(dq);
			CHECK(host_run(h) && fault(dq) == DACC_STATUS_BAD_DOORBELL, "too far");
			CHECK(dq_fault(dq) == DACC_STATUS_BAD_DOORBELL, "head says so");
			dq_reset(dq);
			CHECK(count(dq, DACC_QUEUE_FETCHED) == dq->prod - 17, "stays");
			CHECK(count(dq, DACC_QUEUE_PRODUCED) == dq->prod - 17, "stays");
			dacc_core_reset(h->core);
			CHECK(count(dq, DACC_QUEUE_FETCHED) == 0, "zero");
			CHECK(count(dq, DACC_QUEUE_PRODUCED) == 0, "zero");
			host_free(h);
		}
}

/* Over the end of the numbers: nothing hangs, nothing runs twice. */
static void start_wraps(void)
{
	begin();
	dq_reset(&q);
	q.start = ~0ull - 3;
	dq_enable(&q);
	push_nops(&q, 8);
	CHECK(host_run(h) && dq_head(&q) == 4, "head %lu", (unsigned long)dq_head(&q));
	CHECK(count(&q, DACC_QUEUE_COMPLETED) == 4, "completed");
	host_free(h);
}

static void head_init(void)
{
	struct dacc_cpl_head *head;

	for (int virt = 0; virt < 2; virt++) {
		struct dq *dq = virt ? &v : &q;
		struct dacc_desc bad = { .opcode = 99 };

		begin();
		CHECK(host_run(h), "idle");
		dq_push(dq, &bad);
		dq_ring(dq);
		CHECK(host_run(h) && dq_fault(dq) == DACC_STATUS_BAD_OPCODE, "fault");
		CHECK(dq_head(dq) == 1 && dq_cpl(dq, 1).status == DACC_STATUS_BAD_OPCODE, "record");
		head = host_ptr(h, dq->cpl);
		head->reserved[0] = 77;
		head->reserved[12] = 78;
		dq_reset(dq);
		wr(h, QREG(dq->q, DACC_QUEUE_START), 40, 8);
		wr(h, QREG(dq->q, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE, 4);
		CHECK(head->fault == DACC_STATUS_BAD_OPCODE, "not in the register write");
		CHECK(host_run(h), "idle");
		CHECK(head->seq == 40 && head->fault == 0, "as ENABLE leaves it");
		CHECK(head->reserved[0] == 77 && head->reserved[12] == 78, "no more than that");
		/* Enabled and reset before the device came to it. */
		dq_reset(dq);
		wr(h, QREG(dq->q, DACC_QUEUE_START), 50, 8);
		wr(h, QREG(dq->q, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE, 4);
		dq_reset(dq);
		CHECK(host_run(h) && head->seq == 40, "no write after a reset");
		host_free(h);
	}
}

static void arm(void)
{
	begin();
	CHECK(host_run(h), "idle");
	wr(h, QREG(0, DACC_QUEUE_ARM), 3, 8);
	push_nops(&q, 2);
	CHECK(host_run(h) && h->irq[1] == 0, "not yet");
	push_nops(&q, 1);
	CHECK(host_run(h) && h->irq[1] == 1, "at three");
	push_nops(&q, 3);
	CHECK(host_run(h) && h->irq[1] == 1, "once");
	wr(h, QREG(0, DACC_QUEUE_ARM), 6, 8);
	CHECK(h->irq[1] == 1, "not in the register write");
	CHECK(host_run(h) && h->irq[1] == 2, "at once");
	/* A later one replaces an earlier one; none. */
	wr(h, QREG(0, DACC_QUEUE_ARM), 7, 8);
	wr(h, QREG(0, DACC_QUEUE_ARM), 9, 8);
	push_nops(&q, 2);
	CHECK(host_run(h) && h->irq[1] == 2, "replaced");
	wr(h, QREG(0, DACC_QUEUE_ARM), 0, 8);
	push_nops(&q, 2);
	CHECK(host_run(h) && h->irq[1] == 2, "none");
	/* Half a number is no request. */
	wr(h, QREG(0, DACC_QUEUE_ARM), 1, 4);
	wr(h, QREG(0, DACC_QUEUE_ARM) + 4, 1, 4);
	CHECK(host_run(h) && h->irq[1] == 2, "32 bits");
	CHECK(rd(h, QREG(0, DACC_QUEUE_ARM), 8) == 0, "write only");
	/* A storm of requests is one message for each service. */
	for (int i = 0; i < 10000; i++)
		wr(h, QREG(0, DACC_QUEUE_ARM), 1, 8);
	CHECK(host_run(h) && h->irq[1] == 3, "storm: %u", h->irq[1]);
	/* What never comes, until the queue halts. */
	wr(h, QREG(0, DACC_QUEUE_ARM), ~0ull, 8);
	CHECK(host_run(h) && h->irq[1] == 3, "never");
	q.prod += 100;
	dq_ring(&q);
	CHECK(host_run(h) && h->irq[1] == 4, "halted");
	wr(h, QREG(0, DACC_QUEUE_ARM), ~0ull, 8);
	CHECK(host_run(h) && h->irq[1] == 5, "halted already");
	/* Neither a disabled queue nor a new one has it. */
	wr(h, QREG(0, DACC_QUEUE_ARM), 1, 8);
	dq_reset(&q);
	CHECK(host_run(h) && h->irq[1] == 5, "dropped by the reset");
	wr(h, QREG(0, DACC_QUEUE_ARM), 1, 8);
	dq_enable(&q);
	push_nops(&q, 2);
	CHECK(host_run(h) && h->irq[1] == 5, "dropped while disabled");
	host_free(h);
}

static void limit(void)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };

	begin();
	CHECK(count(&q, DACC_QUEUE_LIMIT) == ~0ull, "all ones");
	wr(h, QREG(0, DACC_QUEUE_LIMIT), 0, 8);
	push_nops(&q, 5);
	CHECK(host_run(h) && count(&q, DACC_QUEUE_FETCHED) == 0, "none");
	CHECK(count(&q, DACC_QUEUE_PRODUCED) == 5, "but they are there");
	CHECK(dq_exec(&v, &nop).status == 0, "others go on");
	wr(h, QREG(0, DACC_QUEUE_LIMIT), 3, 8);
	CHECK(host_run(h) && dq_head(&q) == 3, "three");
	/* A lower one later does no harm. */
	wr(h, QREG(0, DACC_QUEUE_LIMIT), 1, 8);
	CHECK(host_run(h) && dq_head(&q) == 3 && state(&q) == DACC_QUEUE_ACTIVE, "lower");
	CHECK(count(&q, DACC_QUEUE_LIMIT) == 1, "reads back");
	wr(h, QREG(0, DACC_QUEUE_LIMIT), ~0ull, 8);
	CHECK(host_run(h) && dq_head(&q) == 5, "all");
	wr(h, QREG(0, DACC_QUEUE_LIMIT), 2, 8);
	dq_reset(&q);
	dq_enable(&q);
	CHECK(count(&q, DACC_QUEUE_LIMIT) == ~0ull, "all ones after ENABLE");
	push_nops(&q, 4);
	CHECK(host_run(h) && dq_head(&q) == 4, "no limit");
	host_free(h);
}

/* What the queue was busy is the sum of what its records say. */
static void busy_time(void)
{
	uint64_t sum = 0, end = 0;

	begin();
	CHECK(count(&v, DACC_QUEUE_BUSY) == 0 && count(&v, DACC_QUEUE_LAST_END) == 0, "none");
	for (uint32_t i = 1; i <= 40; i++) {
		struct dacc_desc d = d_fill(VA_SRAM, 4096 * (i % 3 + 1), i);
		struct dacc_cpl cpl;

		for (uint32_t n = i % 4; n; n--) {
			dq_push(&v, &d);
			dq_ring(&v);
			CHECK(host_run(h), "runs");
			cpl = dq_cpl(&v, v.prod);
			sum += cpl.t_end - cpl.t_start;
		}
		cpl = dq_exec(&v, &d);
		sum += cpl.t_end - cpl.t_start;
		end = cpl.t_end;
		CHECK(cpl.t_end > cpl.t_start, "takes time");
		CHECK(count(&v, DACC_QUEUE_BUSY) == sum, "busy after %u", i);
		CHECK(count(&v, DACC_QUEUE_LAST_END) == end, "end after %u", i);
	}
	CHECK(count(&q, DACC_QUEUE_BUSY) == 0, "another queue's is its own");
	wr(h, QREG(1, DACC_QUEUE_BUSY), 5, 8);
	CHECK(count(&v, DACC_QUEUE_BUSY) == sum, "read only");
	dq_reset(&v);
	CHECK(count(&v, DACC_QUEUE_BUSY) == sum && count(&v, DACC_QUEUE_LAST_END) == end, "stay");
	dq_enable(&v);
	CHECK(count(&v, DACC_QUEUE_BUSY) == 0 && count(&v, DACC_QUEUE_LAST_END) == 0, "enabled");
	host_free(h);
}

static void doorbell_page(void)
{
	uint64_t page = DACC_DOORBELL_STRIDE;

	begin();
	CHECK(dacc_core_doorbell_read(h->core, page + DACC_DOORBELL_STATE) == DACC_QUEUE_ACTIVE,
	      "active");
	CHECK(dacc_core_doorbell_read(h->core, 5 * page + DACC_DOORBELL_STATE) ==
		      DACC_QUEUE_DISABLED,
	      "disabled");
	v.prod += 17;
	dq_ring(&v);
	CHECK(dacc_core_doorbell_read(h->core, page + DACC_DOORBELL_STATE) == DACC_QUEUE_HALTED,
	      "halted");
	for (uint64_t at = 0; at < page; at += 4)
		if (at != DACC_DOORBELL_STATE)
			CHECK(dacc_core_doorbell_read(h->core, page + at) == 0, "%lx",
			      (unsigned long)at);
	CHECK(dacc_core_doorbell_read(h->core, 64 * page + 4) == 0, "no queue");
	CHECK(dacc_core_doorbell_read(h->core, ~0ull - 3) == 0, "nowhere");
	/* Writing there does nothing. */
	dacc_core_doorbell_write(h->core, DACC_DOORBELL_STATE, 100);
	CHECK(state(&q) == DACC_QUEUE_ACTIVE && count(&q, DACC_QUEUE_PRODUCED) == 0, "write");
	host_free(h);
}

int main(void)
{
	static char name[100];
	static const struct {
		const char *name;
		void (*fn)(void);
	} cases[] = {
		{ "virtual_works", virtual_works },
		{ "virtual_places", virtual_places },
		{ "virtual_faults", virtual_faults },
		{ "virtual_unmapped_later", virtual_unmapped_later },
		{ "virtual_half_written", virtual_half_written },
		{ "start_numbers", start_numbers },
		{ "start_wraps", start_wraps },
		{ "head_init", head_init },
		{ "arm", arm },
		{ "limit", limit },
		{ "busy_time", busy_time },
		{ "doorbell_page", doorbell_page },
	};

	for (threads = 0; threads <= 1; threads++)
		for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			snprintf(name, sizeof(name), "%s, threads %u", cases[i].name, threads);
			tap_case(name, cases[i].fn);
		}
	return tap_done();
}
