// SPDX-License-Identifier: GPL-2.0
/* The GPU peer: ring, prefill in segments, events, copies, reset. */
#include "dev_host.h"
#include "tap.h"

#define DIM     16u
/* Offsets in HBM; segments 0 (read only): weights, 1: activations, 2: job. */
#define WEIGHTS 0x10000u
#define ACT     0x100000u
#define JOB     0x80000u
#define TOKENS  0x8000u /* in segment 2 */

static struct host *h;
static uint64_t ring, cpl_area, events, param, prod;
static unsigned int threads;

static void enable(void)
{
	memset(host_ptr(h, cpl_area), 0, 4096);
	memset(host_ptr(h, events), 0, 64 + 32 * GPUPEER_NUM_EVENTS);
	wr(h, GPUPEER_REG_RING, ring, 8);
	wr(h, GPUPEER_REG_RING_LOG2, 4, 4);
	wr(h, GPUPEER_REG_CPL, cpl_area, 8);
	wr(h, GPUPEER_REG_EVENTS, events, 8);
	wr(h, GPUPEER_REG_CTRL, GPUPEER_CTRL_ENABLE, 4);
	prod = 0;
}

static void begin(void)
{
	h = host_gpu(threads);
	ring = host_alloc(h, 4096);
	cpl_area = host_alloc(h, 4096);
	events = host_alloc(h, 64 + 32 * GPUPEER_NUM_EVENTS);
	param = host_alloc(h, 1 << 21);
	enable();
}

static void push(uint32_t opcode, uint64_t job)
{
	struct gpupeer_desc d = { .opcode = opcode, .cookie = prod + 100, .job = job };

	memcpy(host_ptr(h, ring + 64 * (prod++ & 15)), &d, sizeof(d));
}

static struct gpupeer_cpl record(uint64_t seq)
{
	struct gpupeer_cpl c;

	memcpy(&c, host_ptr(h, cpl_area + 64 + 64 * ((seq - 1) & 15)), sizeof(c));
	return c;
}

static uint64_t head(void)
{
	return *(uint64_t *)host_ptr(h, cpl_area);
}

static uint64_t n_events(void)
{
	return *(uint64_t *)host_ptr(h, events);
}

static struct gpupeer_event event(uint64_t n)
{
	struct gpupeer_event e;

	memcpy(&e, host_ptr(h, events + 64 + 32 * (n % GPUPEER_NUM_EVENTS)), sizeof(e));
	return e;
}

static struct gpupeer_cpl run(uint32_t opcode, uint64_t job)
{
	struct gpupeer_cpl none = { .status = 0xffff };

	push(opcode, job);
	wr(h, GPUPEER_REG_DOORBELL, prod, 4);
	if (!host_run(h) || head() != prod)
		return none;
	return record(prod);
}

static struct gpupeer_prefill *prefill(void)
{
	struct gpupeer_prefill *p = host_ptr(h, param);

	memset(p, 0, sizeof(*p));
	p->segment[0] = (struct gpupeer_segment){ WEIGHTS, 0x10000, 0, 0 };
	p->segment[1] = (struct gpupeer_segment){ ACT, 0x40000, GPUPEER_SEGMENT_WRITE, 0 };
	p->segment[2] = (struct gpupeer_segment){ JOB, 0x10000, 0, 0 };
	p->program = GPUPEER_VA(2, 0);
	p->tokens = GPUPEER_VA(2, TOKENS);
	p->base[DACC_BASE_ACT] = GPUPEER_VA(1, 0);
	p->base[DACC_BASE_MODEL] = GPUPEER_VA(0, 0);
	p->act_stride = DIM * 4;
	p->n_insns = 1;
	p->n_tokens = 5;
	p->max_pos = 100;
	return p;
}

static struct dacc_insn *program(void)
{
	struct dacc_insn *p = (struct dacc_insn *)(h->mem + JOB);
	float *table = (float *)(h->mem + WEIGHTS);

	memset(p, 0, TOKENS);
	p[0] = (struct dacc_insn){ .op = DACC_INSN_EMBED,
				   .n0 = DIM,
				   .n1 = 32,
				   .dst = DACC_OPERAND(DACC_BASE_ACT, 0),
				   .a = DACC_OPERAND(DACC_BASE_MODEL, 0) };
	for (unsigned int i = 0; i < 32 * DIM; i++)
		table[i] = i;
	for (unsigned int i = 0; i < GPUPEER_MAX_TOKENS; i++)
		((uint32_t *)(h->mem + JOB + TOKENS))[i] = (i * 7 + 3) % 32;
	return p;
}

static void registers(void)
{
	begin();
	CHECK(rd(h, GPUPEER_REG_ID, 4) == GPUPEER_ID_MAGIC, "id");
	CHECK(rd(h, GPUPEER_REG_VERSION, 4) == GPUPEER_VERSION, "version");
	CHECK(rd(h, GPUPEER_REG_HBM_SIZE, 8) == SRAM_SIZE, "size");
	CHECK(rd(h, GPUPEER_REG_STATUS, 4) == GPUPEER_STAT_READY, "status");
	CHECK(rd(h, GPUPEER_REG_CTRL, 4) == GPUPEER_CTRL_ENABLE, "ctrl");
	CHECK(rd(h, 1, 4) == ~0ull && rd(h, 0, 2) == ~0ull, "bad accesses");
	for (uint64_t at = 0x90; at < GPUPEER_REGS_SIZE; at += 4)
		wr(h, at, 0xffffffff, 4);
	CHECK(run(GPUPEER_OP_NOP, 0).status == GPUPEER_STATUS_OK, "works");
	wr(h, GPUPEER_REG_CTRL, GPUPEER_CTRL_RESET, 4);
	CHECK(rd(h, GPUPEER_REG_CTRL, 4) == 0 && rd(h, GPUPEER_REG_RING, 8) == 0, "reset");
	host_free(h);
}

static void bad_enable(void)
{
	static const struct {
		uint64_t reg, value;
		unsigned int size;
	} bad[] = {
		{ GPUPEER_REG_RING, 0x100020, 8 },        { GPUPEER_REG_RING, ~0x3full, 8 },
		{ GPUPEER_REG_RING_LOG2, 3, 4 },          { GPUPEER_REG_RING_LOG2, 11, 4 },
		{ GPUPEER_REG_RING_LOG2, 0xffffffff, 4 }, { GPUPEER_REG_CPL, 0x100004, 8 },
		{ GPUPEER_REG_CPL, ~0x3full, 8 },         { GPUPEER_REG_EVENTS, 0x100004, 8 },
		{ GPUPEER_REG_EVENTS, ~0x3full, 8 },
	};

	begin();
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wr(h, GPUPEER_REG_CTRL, 0, 4);
		wr(h, GPUPEER_REG_RING, ring, 8);
		wr(h, GPUPEER_REG_RING_LOG2, 4, 4);
		wr(h, GPUPEER_REG_CPL, cpl_area, 8);
		wr(h, GPUPEER_REG_EVENTS, events, 8);
		wr(h, bad[i].reg, bad[i].value, bad[i].size);
		wr(h, GPUPEER_REG_CTRL, GPUPEER_CTRL_ENABLE, 4);
		CHECK(rd(h, GPUPEER_REG_STATUS, 4) & GPUPEER_STAT_FATAL, "case %u", i);
		CHECK(!(rd(h, GPUPEER_REG_CTRL, 4) & GPUPEER_CTRL_ENABLE), "case %u", i);
		wr(h, GPUPEER_REG_CTRL, GPUPEER_CTRL_RESET, 4);
		enable();
		CHECK(run(GPUPEER_OP_NOP, 0).status == GPUPEER_STATUS_OK, "reset helps");
	}
	wr(h, GPUPEER_REG_DOORBELL, prod + 17, 4);
	CHECK(rd(h, GPUPEER_REG_STATUS, 4) & GPUPEER_STAT_FATAL, "doorbell");
	host_free(h);
}

static void longest_wait(void)
{
	static const struct {
		uint64_t not_before;
		uint32_t status;
	} job[] = {
		{ 5000, GPUPEER_STATUS_OK },
		{ 5001 + DACC_MAX_WAIT_PS, GPUPEER_STATUS_BAD_JOB },
		{ ~0ull, GPUPEER_STATUS_BAD_JOB },
		{ 5000 + DACC_MAX_WAIT_PS, GPUPEER_STATUS_OK },
	};
	uint64_t time = 0;

	begin();
	for (int i = 0; i < 4; i++) {
		struct gpupeer_desc d = { .not_before = job[i].not_before };

		memcpy(host_ptr(h, ring + 64 * (prod++ & 15)), &d, sizeof(d));
		wr(h, GPUPEER_REG_DOORBELL, prod, 4);
		CHECK(host_run(h) && head() == prod, "done");
		CHECK(record(prod).status == job[i].status, "job %d: %u", i, record(prod).status);
		time = job[i].status ? time : job[i].not_before;
		CHECK(rd(h, GPUPEER_REG_TIME, 8) == time, "time after job %d", i);
	}
	wr(h, GPUPEER_REG_CTRL, GPUPEER_CTRL_RESET, 4);
	CHECK(rd(h, GPUPEER_REG_TIME, 8) == time, "and after a reset");
	host_free(h);
}

static void ring_turns(void)
{
	begin();
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i <= round % 16; i++)
			push(GPUPEER_OP_NOP, 0);
		wr(h, GPUPEER_REG_DOORBELL, prod, 4);
		CHECK(host_run(h) && head() == prod, "round %d", round);
		CHECK(record(prod).seq == prod && record(prod).cookie == prod + 99, "record");
	}
	CHECK(rd(h, GPUPEER_REG_COMPLETED, 8) == prod, "completed");
	CHECK(h->irq[GPUPEER_VECTOR_COMPLETION] > 0, "interrupts");
	host_free(h);
}

static void prefill_tokens(void)
{
	struct gpupeer_prefill *p;
	struct gpupeer_cpl c;

	begin();
	program();
	p = prefill();
	p->n_tokens = GPUPEER_MAX_TOKENS;
	p->max_pos = GPUPEER_MAX_TOKENS;
	c = run(GPUPEER_OP_PREFILL, param);
	REQUIRE(!c.status, "status %u detail %u at %u", c.status, c.detail, c.index);
	CHECK(c.bytes == 4096, "tokens");
	for (unsigned int i = 0; i < 4096; i++)
		CHECK(((float *)(h->mem + ACT))[i * DIM + 1] == (i * 7 + 3) % 32 * DIM + 1.0f,
		      "token %u", i);
	CHECK(gpu_core_ready(h->gpu, ACT, 64) == c.t_end, "ready at the end");
	CHECK(gpu_core_ready(h->gpu, WEIGHTS, 64) == 0, "weights were not written");
	CHECK(rd(h, GPUPEER_REG_TIME, 8) == c.t_end, "device time");
	host_free(h);
}

static void bad_jobs(void)
{
	struct gpupeer_prefill *p;
	struct dacc_insn *insn;
	struct gpupeer_cpl c;
	unsigned int n = 0;

#define JOB_IS(change, want) \
	do { \
		insn = program(); \
		p = prefill(); \
		change; \
		c = run(GPUPEER_OP_PREFILL, param); \
		n++; \
		CHECK(c.status == (want), #change ": %u (%u)", c.status, c.detail); \
	} while (0)

	begin();
	JOB_IS(p->n_insns = 0, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->n_insns = GPUPEER_MAX_INSNS + 1, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->n_tokens = 0, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->n_tokens = GPUPEER_MAX_TOKENS + 1, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->pos = 96, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->pos = 0xfffffffe, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->pos = 95, GPUPEER_STATUS_OK);
	JOB_IS(p->max_pos = DACC_MAX_POS + 1, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->base[0] = 1, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->segment[7].reserved = 1, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->segment[7].flags = 2, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->segment[0].size = SRAM_SIZE, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->segment[0].size = ~0ull, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->segment[0].base = ~0ull, GPUPEER_STATUS_BAD_JOB);
	JOB_IS(p->segment[7].base = SRAM_SIZE + 1, GPUPEER_STATUS_BAD_JOB);
	/* Segments bound what the program reaches. */
	JOB_IS(p->segment[0].size = 0, GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->segment[0].size = 1000, GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->segment[1].flags = 0, GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->segment[1].size = 5 * DIM * 4 - 1, GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->segment[1].size = 5 * DIM * 4, GPUPEER_STATUS_OK);
	JOB_IS(p->base[3] = GPUPEER_VA(0, 0), GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->base[3] = GPUPEER_VA(8, 0), GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->base[3] = ~0ull - 3, GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->act_stride = 1ull << 40, GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->program = GPUPEER_VA(9, 0), GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->program = GPUPEER_VA(2, 0x10000 - 63), GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(p->tokens = GPUPEER_VA(2, 0x10000 - 19), GPUPEER_STATUS_BAD_ADDRESS);
	JOB_IS(insn->op = 99, GPUPEER_STATUS_BAD_PROGRAM);
	JOB_IS(insn->reserved = 1, GPUPEER_STATUS_BAD_PROGRAM);
	JOB_IS((insn[1] = *insn, insn[1].n0 = 0, p->n_insns = 2), GPUPEER_STATUS_BAD_PROGRAM);
	CHECK(c.index == 1, "the failing instruction is %u", c.index);
	JOB_IS(*(uint32_t *)(h->mem + JOB + TOKENS) = 32, GPUPEER_STATUS_BAD_JOB);
	c = run(GPUPEER_OP_PREFILL, BAD_BUS);
	CHECK(c.status == GPUPEER_STATUS_BUS_ERROR, "parameters");
	c = run(GPUPEER_OP_PREFILL, param + 4);
	CHECK(c.status == GPUPEER_STATUS_BAD_JOB, "alignment");
	c = run(3, param);
	CHECK(c.status == GPUPEER_STATUS_BAD_JOB, "opcode");
	/* None of it stopped the ring. */
	JOB_IS((void)insn, GPUPEER_STATUS_OK);
	CHECK(head() == n + 3, "all completed");
	host_free(h);
}

static void layer_events(void)
{
	struct dacc_insn *insn;
	struct gpupeer_prefill *p;
	struct gpupeer_cpl c;
	struct gpupeer_event e;

	begin();
	insn = program();
	insn[1] = insn[0];
	insn[1].dst = DACC_OPERAND(DACC_BASE_ACT, 0);
	insn[0] = (struct dacc_insn){ .op = DACC_INSN_LOOP, .n0 = 6, .n1 = 2, .c = 0x4000 };
	insn[2] = (struct dacc_insn){ .op = DACC_INSN_SIGNAL, .n0 = 10 };
	p = prefill();
	p->n_insns = 3;
	run(GPUPEER_OP_NOP, 0);
	h->n_irq = 0;
	memset(h->irq_log, 0, sizeof(h->irq_log));
	c = run(GPUPEER_OP_PREFILL, param);
	REQUIRE(!c.status, "status %u detail %u at %u", c.status, c.detail, c.index);
	CHECK(n_events() == 6, "%lu events", (unsigned long)n_events());
	for (int i = 0; i < 6; i++) {
		e = event(i);
		CHECK(e.seq == 2 && e.value == 10u + i, "event %d", i);
		CHECK(e.time > (i ? event(i - 1).time : c.t_start), "times rise");
		CHECK(gpu_core_ready(h->gpu, ACT + 0x4000 * i, 64) == e.time,
		      "layer %d is ready at its event", i);
	}
	CHECK(c.t_end >= event(5).time, "then the end");
	CHECK(h->n_irq >= 2 && h->irq_log[h->n_irq - 1] == 'A' && h->irq_log[0] == 'B',
	      "events first: %s", h->irq_log);
	host_free(h);
}

static void many_events(void)
{
	struct dacc_insn *insn;
	struct gpupeer_cpl c;

	/* More than the device holds back, and than the area holds. */
	begin();
	insn = program();
	insn[0] = (struct dacc_insn){ .op = DACC_INSN_LOOP, .n0 = 3000, .n1 = 1 };
	insn[1] = (struct dacc_insn){ .op = DACC_INSN_SIGNAL, .n0 = 1 };
	prefill()->n_insns = 2;
	c = run(GPUPEER_OP_PREFILL, param);
	CHECK(!c.status, "status %u", c.status);
	CHECK(n_events() == 3000, "%lu events", (unsigned long)n_events());
	for (int i = 3000 - GPUPEER_NUM_EVENTS; i < 3000; i++)
		CHECK(event(i).value == 1u + i, "event %d", i);
	host_free(h);
}

static struct gpupeer_copy *copy_job(uint64_t hbm, uint64_t len, uint32_t n_sg, bool to_host)
{
	struct gpupeer_copy *c = host_ptr(h, param);

	*c = (struct gpupeer_copy){
		.hbm = hbm, .len = len, .sg = param + 4096, .n_sg = n_sg, .to_host = to_host
	};
	return c;
}

static struct gpupeer_sg *sg(void)
{
	return host_ptr(h, param + 4096);
}

static void copies(void)
{
	uint64_t buf;
	struct gpupeer_cpl c;

	begin();
	buf = host_alloc(h, 2 << 20);
	fill_random(host_ptr(h, buf), 2 << 20, 9);
	/* Pieces in falling order, of odd lengths. */
	copy_job(12345, 1000000, 4, false);
	sg()[0] = (struct gpupeer_sg){ buf + 700000, 300001 };
	sg()[1] = (struct gpupeer_sg){ buf + 300000, 399999 };
	sg()[2] = (struct gpupeer_sg){ buf + 1, 1 };
	sg()[3] = (struct gpupeer_sg){ buf + 1001, 299999 };
	c = run(GPUPEER_OP_COPY, param);
	CHECK(!c.status && c.bytes == 1000000, "to HBM: %u", c.status);
	CHECK(!memcmp(h->mem + 12345, host_ptr(h, buf + 700000), 300001), "piece 0");
	CHECK(!memcmp(h->mem + 12345 + 300001, host_ptr(h, buf + 300000), 399999), "piece 1");
	CHECK(!memcmp(h->mem + 12345 + 700001, host_ptr(h, buf + 1001), 299999), "piece 3");
	CHECK(gpu_core_ready(h->gpu, 12345, 1000000) == c.t_end, "ready");
	CHECK(c.t_end - c.t_start == 10000000 + 700000 + (1000000 * 1000000ull + 54999) / 55000,
	      "time");
	copy_job(12345, 1000000, 1, true);
	sg()[0] = (struct gpupeer_sg){ buf, 1000000 };
	c = run(GPUPEER_OP_COPY, param);
	CHECK(!c.status && !memcmp(h->mem + 12345, host_ptr(h, buf), 1000000), "to host");
	host_free(h);
}

static void bad_copies(void)
{
	struct gpupeer_copy *j;
	struct gpupeer_cpl c;
	uint64_t buf;

#define COPY_IS(change, want, at) \
	do { \
		j = copy_job(0, 300, 3, false); \
		for (int i_ = 0; i_ < 3; i_++) \
			sg()[i_] = (struct gpupeer_sg){ buf, 100 }; \
		change; \
		c = run(GPUPEER_OP_COPY, param); \
		CHECK(c.status == (want) && c.index == (at), #change ": %u at %u", c.status, \
		      c.index); \
	} while (0)

	begin();
	buf = host_alloc(h, 4096);
	COPY_IS((void)j, GPUPEER_STATUS_OK, 0);
	COPY_IS(j->len = 0, GPUPEER_STATUS_BAD_JOB, 0);
	COPY_IS(j->len = ~0ull, GPUPEER_STATUS_BAD_JOB, 0);
	COPY_IS(j->hbm = SRAM_SIZE - 299, GPUPEER_STATUS_BAD_JOB, 0);
	COPY_IS(j->hbm = ~0ull - 100, GPUPEER_STATUS_BAD_JOB, 0);
	COPY_IS(j->n_sg = 0, GPUPEER_STATUS_BAD_JOB, 0);
	COPY_IS(j->n_sg = 65537, GPUPEER_STATUS_BAD_JOB, 0);
	COPY_IS(j->to_host = 2, GPUPEER_STATUS_BAD_JOB, 0);
	COPY_IS(j->sg += 4, GPUPEER_STATUS_BAD_JOB, 0);
	COPY_IS(j->sg = ~0ull - 15, GPUPEER_STATUS_BAD_JOB, 0);
	COPY_IS(j->sg = BAD_BUS, GPUPEER_STATUS_BUS_ERROR, 0);
	COPY_IS(j->len = 301, GPUPEER_STATUS_BAD_JOB, 2);
	COPY_IS(j->len = 299, GPUPEER_STATUS_BAD_JOB, 2);
	COPY_IS(sg()[1].len = 0, GPUPEER_STATUS_BAD_JOB, 1);
	COPY_IS(sg()[1].len = ~0ull, GPUPEER_STATUS_BAD_JOB, 1);
	COPY_IS(sg()[1].addr = ~0ull - 50, GPUPEER_STATUS_BAD_JOB, 1);
	COPY_IS(sg()[1].addr = BAD_BUS, GPUPEER_STATUS_BUS_ERROR, 1);
	COPY_IS((sg()[2].addr = BAD_BUS, j->to_host = 1), GPUPEER_STATUS_BUS_ERROR, 2);
	COPY_IS((void)j, GPUPEER_STATUS_OK, 0);
	host_free(h);
}

static void completion_fails(void)
{
	begin();
	push(GPUPEER_OP_NOP, 0);
	atomic_store(&h->fail_writes, true);
	wr(h, GPUPEER_REG_DOORBELL, prod, 4);
	CHECK(host_run(h), "idle");
	atomic_store(&h->fail_writes, false);
	CHECK(rd(h, GPUPEER_REG_STATUS, 4) & GPUPEER_STAT_FATAL, "fatal");
	wr(h, GPUPEER_REG_CTRL, GPUPEER_CTRL_RESET, 4);
	enable();
	CHECK(run(GPUPEER_OP_NOP, 0).status == GPUPEER_STATUS_OK, "reset helps");
	host_free(h);
}

static void long_job(bool events_too)
{
	struct dacc_insn *insn = program();

	const uint32_t n = 500;

	/* A body of @n instructions, DACC_MAX_LOOP times. */
	insn[0] = (struct dacc_insn){ .op = DACC_INSN_LOOP, .n0 = DACC_MAX_LOOP, .n1 = n };
	for (uint32_t i = 1; i <= n; i++)
		insn[i] = (struct dacc_insn){ .op = events_too ? DACC_INSN_SIGNAL : DACC_INSN_NOP };
	prefill()->n_insns = n + 1;
	push(GPUPEER_OP_PREFILL, param);
	push(GPUPEER_OP_NOP, 0);
	wr(h, GPUPEER_REG_DOORBELL, prod, 4);
	CHECK(host_wait_progress(h, 0, 0), "runs");
}

static void reset_running(void)
{
	/* With a full list of events the engine waits for the front: so do both. */
	for (int e = 0; e < 2; e++) {
		unsigned int accesses;

		begin();
		long_job(e);
		if (e)
			wr(h, GPUPEER_REG_CTRL, GPUPEER_CTRL_RESET, 4);
		else
			gpu_core_reset(h->gpu);
		accesses = atomic_load(&h->accesses);
		CHECK(rd(h, GPUPEER_REG_CTRL, 4) == 0, "done");
		CHECK(host_run(h) && head() == 0, "no completion");
		CHECK(n_events() == 0, "no event");
		CHECK(accesses == atomic_load(&h->accesses), "no access");
		enable();
		CHECK(run(GPUPEER_OP_NOP, 0).status == GPUPEER_STATUS_OK, "as new");
		host_free(h);
	}
}

static void pause_running(void)
{
	for (int e = 0; e < 2; e++) {
		uint64_t p;

		begin();
		long_job(e);
		gpu_core_pause(h->gpu);
		p = rd(h, GPUPEER_REG_PROGRESS, 8);
		for (int i = 0; i < 50; i++)
			gpu_core_service(h->gpu);
		CHECK(rd(h, GPUPEER_REG_PROGRESS, 8) == p && n_events() == 0, "stands still");
		gpu_core_resume(h->gpu);
		gpu_core_service(h->gpu);
		CHECK(host_wait_progress(h, 0, p), "goes on");
		host_free(h);
	}
}

int main(void)
{
	static const struct tap_threaded cases[] = {
		{ "registers", registers, false },
		{ "bad_enable", bad_enable, false },
		{ "ring_turns", ring_turns, false },
		{ "longest_wait", longest_wait, false },
		{ "prefill_tokens", prefill_tokens, false },
		{ "bad_jobs", bad_jobs, false },
		{ "layer_events", layer_events, false },
		{ "many_events", many_events, false },
		{ "copies", copies, false },
		{ "bad_copies", bad_copies, false },
		{ "completion_fails", completion_fails, false },
		{ "reset_running", reset_running, true },
		{ "pause_running", pause_running, true },
	};

	tap_threaded(cases, sizeof(cases) / sizeof(cases[0]), &threads, 2);
	return tap_done();
}
