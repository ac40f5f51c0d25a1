// SPDX-License-Identifier: GPL-2.0
/* Queues of the chip: rings, order, resets in the middle, injected faults. */
#include "dev_host.h"
#include "tap.h"

static struct host *h;
static struct dq q[4];
static uint64_t ram, root;
static unsigned int threads;

static void begin(void)
{
	h = host_chip(threads);
	root = pt_world(h, 1, &ram);
	for (unsigned int i = 0; i < 4; i++)
		dq_init(&q[i], h, i, DACC_CLASS_TRANSFER, 1, 4, i + 1);
}

static uint32_t state(unsigned int i)
{
	return rd(h, QREG(i, DACC_QUEUE_STATE), 4);
}

/*
 * Maps 512 GiB onto the same 2 MiB of SRAM: a fill of that takes minutes, which
 * no test waits for.
 */
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

static void push_long(struct dq *dq)
{
	struct dacc_desc d = d_fill(VA_LONG, 1ull << 38, 0xabcdef01);

	dq_push(dq, &d);
	dq_ring(dq);
	CHECK(host_wait_progress(h, dq->q, 0), "the long job runs");
}

static void wrap_around(void)
{
	uint32_t total = 0;

	begin();
	/* Several hundred turns of a 16-slot ring, in bites of all sizes. */
	for (uint32_t round = 0; round < 600; round++) {
		uint32_t n = round % 16 + 1;

		for (uint32_t i = 0; i < n; i++) {
			struct dacc_desc d = d_fill(VA_SRAM + 4 * (total + i), 4, total + i);

			d.cookie = total + i;
			dq_push(&q[0], &d);
		}
		dq_ring(&q[0]);
		REQUIRE(host_run(h), "idle");
		CHECK(dq_head(&q[0]) == q[0].prod, "head");
		for (uint32_t i = 0; i < n; i++) {
			struct dacc_cpl cpl = dq_cpl(&q[0], total + i + 1);

			CHECK(cpl.seq == total + i + 1 && cpl.cookie == total + i && !cpl.status,
			      "record %u", total + i);
		}
		total += n;
	}
	for (uint32_t i = 0; i < total; i++)
		CHECK(((uint32_t *)h->mem)[i] == i, "word %u", i);
	CHECK(rd(h, QREG(0, DACC_QUEUE_FETCHED), 8) == total, "fetched");
	CHECK(rd(h, QREG(0, DACC_QUEUE_COMPLETED), 8) == total, "completed");
	host_free(h);
}

static void long_ring(void)
{
	struct dq big;
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };

	/* Far more completions than wait between two services. */
	begin();
	dq_init(&big, h, 9, DACC_CLASS_TRANSFER, 1, DACC_MAX_RING_LOG2, 5);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4096; i++)
			dq_push(&big, &nop);
		dq_ring(&big);
		CHECK(host_run(h), "idle");
		CHECK(dq_head(&big) == big.prod, "head %lu", (unsigned long)dq_head(&big));
	}
	host_free(h);
}

/* Without a thread, a service call is no longer than some jobs, and comes again. */
static void service_budget(void)
{
	struct dq big;
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };

	begin();
	dq_init(&big, h, 9, DACC_CLASS_TRANSFER, 1, 8, 5);
	for (int i = 0; i < 200; i++)
		dq_push(&big, &nop);
	dq_ring(&big);
	h->kick = false;
	dacc_core_service(h->core);
	CHECK(dq_head(&big) > 0 && dq_head(&big) < 100, "head %lu", (unsigned long)dq_head(&big));
	CHECK(h->kick, "asks for another call");
	CHECK(host_run(h) && dq_head(&big) == 200, "all in the end");
	host_free(h);
}

static void interrupts(void)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };

	begin();
	dq_exec(&q[1], &nop);
	CHECK(h->n_irq == 0, "not asked for");
	nop.flags = DACC_DESC_IRQ;
	dq_exec(&q[1], &nop);
	dq_exec(&q[2], &nop);
	CHECK(!strcmp(h->irq_log, "CD"), "vectors 2 and 3, not %s", h->irq_log);
	/* What fails is reported, asked for or not. */
	nop.flags = 0;
	nop.reserved = 1;
	dq_exec(&q[0], &nop);
	CHECK(!strcmp(h->irq_log, "CDB"), "and vector 1, not %s", h->irq_log);
	host_free(h);
}

static void error_order(void)
{
	struct dacc_desc good = d_fill(VA_SRAM, 64, 1), bad = d_fill(0x90000000, 64, 1);

	begin();
	wr(h, DACC_REG_EVENT_MASK, DACC_EVENT_QUEUE_HALT, 4);
	dq_push(&q[0], &good);
	dq_push(&q[0], &bad);
	dq_push(&q[0], &good);
	dq_ring(&q[0]);
	CHECK(host_run(h), "idle");
	CHECK(dq_head(&q[0]) == 2, "the third is not fetched");
	CHECK(dq_cpl(&q[0], 1).status == DACC_STATUS_OK, "first");
	CHECK(dq_cpl(&q[0], 2).status == DACC_STATUS_UNMAPPED, "second");
	CHECK(dq_cpl(&q[0], 3).seq == 0, "third");
	CHECK(rd(h, QREG(0, DACC_QUEUE_FETCHED), 8) == 2, "fetched");
	CHECK(state(0) == DACC_QUEUE_HALTED, "halted");
	CHECK(!strcmp(h->irq_log, "BA"), "completion, then event: %s", h->irq_log);
	CHECK(dq_exec(&q[1], &good).status == DACC_STATUS_OK, "others go on");
	dq_ring(&q[0]);
	CHECK(host_run(h) && dq_head(&q[0]) == 2, "a halted queue stays so");
	dq_reset(&q[0]);
	CHECK(state(0) == DACC_QUEUE_DISABLED, "disabled");
	CHECK(rd(h, QREG(0, DACC_QUEUE_FETCHED), 8) == 2, "what was fetched stays");
	CHECK(rd(h, QREG(0, DACC_QUEUE_PRODUCED), 8) == 3, "what was produced stays");
	CHECK(rd(h, QREG(0, DACC_QUEUE_FAULT), 4) == DACC_STATUS_UNMAPPED, "what it was stays");
	dq_enable(&q[0]);
	CHECK(rd(h, QREG(0, DACC_QUEUE_FAULT), 4) == DACC_STATUS_OK, "no fault");
	CHECK(dq_exec(&q[0], &good).status == DACC_STATUS_OK, "as new");
	host_free(h);
}

static void device_disabled(void)
{
	struct dacc_desc nop = { .opcode = DACC_OP_NOP };

	begin();
	wr(h, DACC_REG_CTRL, 0, 4);
	dq_push(&q[0], &nop);
	dq_ring(&q[0]);
	CHECK(host_run(h) && dq_head(&q[0]) == 0, "nothing is fetched");
	wr(h, DACC_REG_CTRL, DACC_CTRL_ENABLE, 4);
	CHECK(host_run(h) && dq_head(&q[0]) == 1, "now it is");
	host_free(h);
}

static void hang(void)
{
	struct dacc_desc d = d_fill(VA_SRAM, 64, 1);

	begin();
	wr(h, DACC_REG_INJECT, DACC_INJECT_HANG | 2 << 8, 4);
	dq_push(&q[2], &d);
	dq_push(&q[2], &d);
	dq_ring(&q[2]);
	CHECK(host_run(h), "idle");
	CHECK(dq_head(&q[2]) == 0 && rd(h, QREG(2, DACC_QUEUE_FETCHED), 8) == 1, "started");
	CHECK(state(2) == DACC_QUEUE_ACTIVE, "active");
	uint64_t progress = rd(h, QREG(2, DACC_QUEUE_PROGRESS), 8);

	for (int i = 0; i < 100; i++)
		CHECK(dq_exec(&q[i & 1], &d).status == DACC_STATUS_OK, "others go on");
	CHECK(rd(h, QREG(2, DACC_QUEUE_PROGRESS), 8) == progress, "no progress");
	dq_reset(&q[2]);
	dq_enable(&q[2]);
	CHECK(dq_exec(&q[2], &d).status == DACC_STATUS_OK, "a reset ends it");
	/* Armed and disarmed. */
	wr(h, DACC_REG_INJECT, DACC_INJECT_HANG | 2 << 8, 4);
	wr(h, DACC_REG_INJECT, DACC_INJECT_NONE, 4);
	CHECK(dq_exec(&q[2], &d).status == DACC_STATUS_OK, "disarmed");
	wr(h, DACC_REG_INJECT, DACC_INJECT_HANG | 64 << 8, 4);
	wr(h, DACC_REG_INJECT, DACC_INJECT_HANG | 0xffffffu << 8, 4);
	wr(h, DACC_REG_INJECT, 200, 4);
	CHECK(dq_exec(&q[2], &d).status == DACC_STATUS_OK, "no such queue or fault");
	host_free(h);
}

static void dma_error(void)
{
	struct dacc_desc d = d_copy(VA_RAM, VA_SRAM, 64);

	begin();
	CHECK(dq_exec(&q[0], &d).status == DACC_STATUS_OK, "before");
	CHECK(dacc_core_inject(h->core, DACC_INJECT_DMA_ERROR | 0 << 8), "known");
	CHECK(!dacc_core_inject(h->core, DACC_INJECT_DMA_ERROR | 64 << 8), "no such queue");
	CHECK(!dacc_core_inject(h->core, 200), "no such fault");
	CHECK(dq_exec(&q[1], &d).status == DACC_STATUS_OK, "another queue");
	CHECK(dq_exec(&q[0], &d).status == DACC_STATUS_BUS_ERROR, "armed");
	CHECK(dq_exec(&q[0], &d).status == DACC_STATUS_OK, "once");
	host_free(h);
}

static void bad_completion(void)
{
	struct dacc_desc d = d_fill(VA_SRAM, 64, 1);
	struct dacc_cpl cpl;

	begin();
	wr(h, DACC_REG_INJECT, DACC_INJECT_BAD_COMPLETION | 0 << 8, 4);
	cpl = dq_exec(&q[0], &d);
	CHECK(cpl.seq != 1 && dq_head(&q[0]) == 1, "wrong number, right head");
	CHECK(dq_exec(&q[0], &d).seq == 2, "once");
	host_free(h);
}

static void completion_fails(void)
{
	struct dacc_desc d = d_fill(VA_SRAM, 64, 1);

	begin();
	wr(h, DACC_REG_EVENT_MASK, DACC_EVENT_FATAL, 4);
	dq_push(&q[0], &d);
	atomic_store(&h->fail_writes, true);
	dq_ring(&q[0]);
	CHECK(host_run(h), "idle");
	atomic_store(&h->fail_writes, false);
	CHECK(rd(h, DACC_REG_STATUS, 4) & DACC_DEVSTAT_FATAL, "fatal");
	CHECK(rd(h, DACC_REG_EVENT, 4) & DACC_EVENT_FATAL && h->irq[0] == 1, "event");
	dq_push(&q[1], &d);
	dq_ring(&q[1]);
	CHECK(host_run(h) && dq_head(&q[1]) == 0, "nothing runs");
	wr(h, DACC_REG_CTRL, DACC_CTRL_RESET, 4);
	CHECK(rd(h, DACC_REG_STATUS, 4) == DACC_DEVSTAT_READY, "a reset helps");
	host_free(h);
}

static void same_times(void)
{
	struct dacc_cpl first[2][40];

	for (int run = 0; run < 2; run++) {
		begin();
		for (int i = 0; i < 40; i++) {
			struct dacc_desc d = i % 3 ? d_copy(VA_RAM, VA_SRAM + 4096 * i, 1000 + i) :
						     d_fill(VA_SRAM, 400, i);

			first[run][i] = dq_exec(&q[i % 4], &d);
		}
		host_free(h);
	}
	CHECK(!memcmp(first[0], first[1], sizeof(first[0])), "the same records");
	for (int i = 1; i < 40; i++)
		CHECK(first[0][i].t_start >= first[0][i - 1].t_end, "one DMA engine");
}

/* The times of 40 jobs, whatever the number of threads. */
static struct dacc_cpl reference[40];

static void times_of_threads(void)
{
	struct dacc_cpl cpl;

	begin();
	for (int i = 0; i < 40; i++) {
		struct dacc_desc d = d_copy(VA_RAM + i, VA_PEER + 4096 * i, 500 + i);

		cpl = dq_exec(&q[i % 4], &d);
		if (threads == 0)
			reference[i] = cpl;
		else
			CHECK(!memcmp(&cpl, &reference[i], sizeof(cpl)), "job %d", i);
	}
	host_free(h);
}

static void reset_running(void)
{
	struct dacc_desc d = d_fill(VA_SRAM, 64, 1);

	begin();
	map_long();
	push_long(&q[0]);
	dq_push(&q[1], &d);
	dq_ring(&q[1]);
	dq_reset(&q[0]);
	CHECK(rd(h, QREG(0, DACC_QUEUE_CTRL), 4) == 0, "done when the write returns");
	CHECK(state(0) == DACC_QUEUE_DISABLED, "disabled");
	CHECK(host_run(h), "idle");
	CHECK(dq_head(&q[0]) == 0 && dq_cpl(&q[0], 1).seq == 0, "no completion");
	CHECK(dq_head(&q[1]) == 1, "the other queue's job is done");
	/* The memory can be used again: nothing writes to it. */
	memset(h->mem + 0x200000, 0, 0x200000);
	dq_enable(&q[0]);
	CHECK(dq_exec(&q[0], &d).status == DACC_STATUS_OK, "as new");
	bool clean = true;

	for (int i = 0x200000; i < 0x400000; i++)
		clean &= !h->mem[i];
	CHECK(clean, "no late write");
	host_free(h);
}

static void reset_waiting(void)
{
	struct dacc_desc d = d_fill(VA_SRAM + 0x1000, 64, 1);

	/* Queue 1 waits behind queue 0's long job: a reset of 1 is at once. */
	begin();
	map_long();
	push_long(&q[0]);
	dq_push(&q[1], &d);
	dq_ring(&q[1]);
	dq_reset(&q[1]);
	CHECK(state(1) == DACC_QUEUE_DISABLED && state(0) == DACC_QUEUE_ACTIVE, "only 1");
	dq_reset(&q[0]);
	CHECK(host_run(h), "idle");
	CHECK(dq_head(&q[1]) == 0 && h->mem[0x1000] == 0, "dropped");
	CHECK(rd(h, DACC_REG_TIME, 8) == 0, "dropped jobs take no device time");
	host_free(h);
}

static void device_reset_running(void)
{
	unsigned int accesses;

	for (int flr = 0; flr < 2; flr++) {
		begin();
		map_long();
		push_long(&q[0]);
		if (flr)
			dacc_core_reset(h->core);
		else
			wr(h, DACC_REG_CTRL, DACC_CTRL_RESET, 4);
		accesses = atomic_load(&h->accesses);
		memset(h->mem, 0, SRAM_SIZE);
		CHECK(rd(h, DACC_REG_CTRL, 4) == 0, "reset");
		CHECK(rd(h, DACC_REG_TIME, 8) == 0, "time");
		CHECK(host_run(h), "idle");
		CHECK(accesses == atomic_load(&h->accesses), "no access after the reset");
		CHECK(dq_head(&q[0]) == 0, "no completion");
		for (int i = 0; i < 4; i++)
			CHECK(state(i) == DACC_QUEUE_DISABLED, "queue %d", i);
		host_free(h);
	}
}

static void reset_before_service(void)
{
	struct dacc_desc good = d_fill(VA_SRAM, 64, 1), bad = d_fill(0x90000000, 64, 1);

	/* The job is done but its completion not in memory: it has to get there. */
	for (int how = 0; how < 3; how++) {
		uint64_t want = how == 2 ? 0 : 1;

		begin();
		dq_push(&q[0], &good);
		dq_ring(&q[0]);
		dq_push(&q[1], &bad);
		CHECK(host_wait_progress(h, 0, 0), "done");
		dq_ring(&q[1]);
		CHECK(host_wait_progress(h, 1, 0), "failed");
		if (how == 0) {
			dq_reset(&q[0]);
			dq_reset(&q[1]);
		} else if (how == 1) {
			wr(h, DACC_REG_CTRL, DACC_CTRL_RESET, 4);
		} else {
			dacc_core_reset(h->core);
		}
		CHECK(dq_head(&q[0]) == want && dq_cpl(&q[0], 1).seq == want, "record");
		CHECK(dq_head(&q[1]) == want && dq_cpl(&q[1], 1).seq == want, "and the other");
		CHECK(rd(h, QREG(0, DACC_QUEUE_COMPLETED), 8) == want, "counted");
		CHECK(rd(h, QREG(1, DACC_QUEUE_COMPLETED), 8) == want, "counted");
		CHECK(rd(h, QREG(0, DACC_QUEUE_FAULT), 4) == DACC_STATUS_OK, "good");
		CHECK(rd(h, QREG(1, DACC_QUEUE_FAULT), 4) ==
			      (want ? DACC_STATUS_UNMAPPED : DACC_STATUS_OK),
		      "the fault outlives the reset");
		CHECK(state(0) == DACC_QUEUE_DISABLED && state(1) == DACC_QUEUE_DISABLED,
		      "disabled");
		CHECK(host_run(h) && dq_head(&q[0]) == want, "and no more");
		host_free(h);
	}
}

static void pause_running(void)
{
	struct dacc_desc d = d_fill(VA_SRAM, 64, 1);
	uint64_t progress;

	begin();
	map_long();
	push_long(&q[0]);
	dacc_core_pause(h->core);
	progress = rd(h, QREG(0, DACC_QUEUE_PROGRESS), 8);
	dq_push(&q[1], &d);
	dq_ring(&q[1]);
	for (int i = 0; i < 100; i++) {
		dacc_core_service(h->core);
		CHECK(rd(h, QREG(0, DACC_QUEUE_PROGRESS), 8) == progress, "stands still");
	}
	dacc_core_resume(h->core);
	CHECK(host_wait_progress(h, 0, progress), "goes on");
	/* A reset while paused neither waits for ever nor lets anything run. */
	dacc_core_pause(h->core);
	dq_reset(&q[0]);
	CHECK(dq_head(&q[1]) == 0, "nothing yet");
	dacc_core_resume(h->core);
	CHECK(host_run(h) && dq_head(&q[1]) == 1, "the other job");
	host_free(h);
}

static void tlb_busy_ends(void)
{
	unsigned int i;

	begin();
	map_long();
	push_long(&q[0]);
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
	for (i = 0; i < 100000000 && rd(h, DACC_REG_TLB_BUSY, 4); i++)
		;
	CHECK(rd(h, DACC_REG_TLB_BUSY, 4) == 0, "a running job comes to it");
	/* Unmapping stops the job at its next access. */
	*(uint64_t *)host_ptr(h, root + 8 * (VA_LONG >> 39 & 511)) = 0;
	wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
	CHECK(host_run(h), "idle");
	CHECK(dq_cpl(&q[0], 1).status == DACC_STATUS_UNMAPPED, "unmapped under way");
	host_free(h);
}

static void free_running(void)
{
	begin();
	map_long();
	push_long(&q[0]);
	host_free(h);
	CHECK(true, "freed");
}

static void stress(void)
{
	uint32_t seed = 5;

	begin();
	for (int i = 0; i < 3000; i++) {
		struct dq *dq = &q[(seed >> 8) % 4];
		struct dacc_desc d = d_copy(VA_RAM + (seed >> 20), VA_SRAM + 65536 * dq->q, 20000);

		seed = seed * 1664525 + 1013904223;
		switch (seed >> 28) {
		case 0:
			dq_reset(dq);
			dq_enable(dq);
			break;
		case 1:
			dacc_core_pause(h->core);
			dacc_core_resume(h->core);
			break;
		case 2:
			wr(h, DACC_REG_TLB_INVALIDATE, 1, 4);
			break;
		case 3:
			dacc_core_service(h->core);
			break;
		default:
			if (dq->prod - rd(h, QREG(dq->q, DACC_QUEUE_COMPLETED), 8) < 16) {
				dq_push(dq, &d);
				dq_ring(dq);
			}
		}
	}
	CHECK(host_run(h), "idle");
	for (int i = 0; i < 4; i++) {
		CHECK(dq_head(&q[i]) == q[i].prod, "queue %d is complete", i);
		CHECK(state(i) == DACC_QUEUE_ACTIVE, "queue %d is active", i);
	}
	host_free(h);
}

int main(void)
{
	static const struct tap_threaded cases[] = {
		{ "wrap_around", wrap_around, false },
		{ "long_ring", long_ring, false },
		{ "interrupts", interrupts, false },
		{ "error_order", error_order, false },
		{ "device_disabled", device_disabled, false },
		{ "hang", hang, false },
		{ "dma_error", dma_error, false },
		{ "bad_completion", bad_completion, false },
		{ "completion_fails", completion_fails, false },
		{ "same_times", same_times, false },
		{ "times_of_threads", times_of_threads, false },
		{ "reset_running", reset_running, true },
		{ "reset_waiting", reset_waiting, true },
		{ "device_reset_running", device_reset_running, true },
		{ "reset_before_service", reset_before_service, true },
		{ "pause_running", pause_running, true },
		{ "tlb_busy_ends", tlb_busy_ends, true },
		{ "free_running", free_running, true },
		{ "stress", stress, false },
	};

	tap_case("service_budget, threads 0", service_budget);
	tap_threaded(cases, sizeof(cases) / sizeof(cases[0]), &threads, 2);
	return tap_done();
}
