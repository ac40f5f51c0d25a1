// SPDX-License-Identifier: GPL-2.0
/* Link ports and decoders: which way the bytes go, and what that costs. */
#include "dev_host.h"
#include "tap.h"

static struct host *h;
static struct dq q;
static uint64_t ram, root;

static const DaccLinkState link_up = {
	.present = true,
	.up = true,
	.uid = 0x1122334455667788ull,
	.peer = 0xdac91234,
	.peer_size = PEER_SIZE,
	.bandwidth = 375000,
	.latency_ps = 350000,
};

#define LREG(reg)    (DACC_REG_LINK + (reg))
#define DREG(d, reg) (DACC_REG_DECODER + DACC_DECODER_STRIDE * (d) + (reg))

static void decoder(unsigned int d, uint64_t base, uint64_t size, uint64_t target,
		    unsigned int port)
{
	wr(h, DREG(d, DACC_DECODER_CTRL), 0, 4);
	wr(h, DREG(d, DACC_DECODER_BASE), base, 8);
	wr(h, DREG(d, DACC_DECODER_SIZE), size, 8);
	wr(h, DREG(d, DACC_DECODER_TARGET), target, 8);
	wr(h, DREG(d, DACC_DECODER_CTRL), DACC_DECODER_ENABLE | port << DACC_DECODER_PORT_SHIFT, 4);
}

static bool decoder_on(unsigned int d)
{
	return rd(h, DREG(d, DACC_DECODER_CTRL), 4) & DACC_DECODER_ENABLE;
}

static void begin(void)
{
	h = host_chip(0);
	root = pt_world(h, 1, &ram);
	dq_init(&q, h, 0, DACC_CLASS_TRANSFER, 1, 4, 1);
	fill_random(h->peer, PEER_SIZE, 3);
	dacc_core_set_link(h->core, 0, &link_up);
	decoder(0, PEER_BASE, PEER_SIZE, 0, 0);
}

static struct dacc_cpl copy(uint64_t src, uint64_t dst, uint64_t len)
{
	struct dacc_desc d = d_copy(src, dst, len);

	return dq_exec(&q, &d);
}

static void registers(void)
{
	begin();
	CHECK(rd(h, LREG(DACC_LINK_STATUS), 4) == (DACC_LINK_PRESENT | DACC_LINK_UP), "status");
	CHECK(rd(h, LREG(DACC_LINK_UID), 8) == link_up.uid, "uid");
	CHECK(rd(h, LREG(DACC_LINK_UID) + 4, 4) == 0x11223344, "uid's half");
	CHECK(rd(h, LREG(DACC_LINK_PEER), 4) == link_up.peer, "peer");
	CHECK(rd(h, LREG(DACC_LINK_PEER_SIZE), 8) == PEER_SIZE, "size");
	CHECK(rd(h, LREG(DACC_LINK_BW), 8) == 375000, "bandwidth");
	CHECK(rd(h, LREG(DACC_LINK_LATENCY), 8) == 350000, "latency");
	CHECK(rd(h, DACC_REG_FEATURES, 8) & DACC_FEATURE_LINK, "feature");
	CHECK(rd(h, LREG(DACC_LINK_STRIDE), 8) == 0, "port 1 is not there");
	CHECK(decoder_on(0), "decoder");
	wr(h, LREG(DACC_LINK_CTRL), DACC_LINK_CTRL_DISABLE, 4);
	CHECK(rd(h, LREG(DACC_LINK_STATUS), 4) == DACC_LINK_PRESENT, "down");
	CHECK(rd(h, LREG(DACC_LINK_CTRL), 4) == DACC_LINK_CTRL_DISABLE, "ctrl");
	CHECK(!dacc_core_link_enabled(h->core, 0), "told");
	CHECK(!dacc_core_link_enabled(h->core, 77), "no such port");
	wr(h, LREG(DACC_LINK_CTRL), 0, 4);
	CHECK(dacc_core_link_enabled(h->core, 0), "told");
	host_free(h);
}

static void decoder_limits(void)
{
	static const struct {
		uint64_t base, size, target;
		unsigned int port;
		bool good;
	} t[] = {
		{ PEER_BASE, PEER_SIZE, 0, 0, true },
		{ PEER_BASE, 4096, PEER_SIZE - 4096, 0, true },
		{ 0ull - 4096, 4096, 0, 0, true },
		{ PEER_BASE, 0, 0, 0, false },
		{ PEER_BASE, PEER_SIZE + 4096, 0, 0, false },
		{ PEER_BASE, PEER_SIZE, 4096, 0, false },
		{ PEER_BASE, 4096, PEER_SIZE, 0, false },
		{ PEER_BASE, 4096, 0ull - 4096, 0, false },
		{ PEER_BASE + 8, 4096, 0, 0, false },
		{ PEER_BASE, 4095, 0, 0, false },
		{ PEER_BASE, 4096, 1, 0, false },
		{ 0ull - 4096, 8192, 0, 0, false },
		{ PEER_BASE, 4096, 0, 1, false },
		{ PEER_BASE, 4096, 0, 255, false },
	};

	begin();
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		decoder(3, t[i].base, t[i].size, t[i].target, t[i].port);
		CHECK(decoder_on(3) == t[i].good, "window %u", i);
	}
	/* Latched: writes to a window that is on change nothing. */
	decoder(3, PEER_BASE, 4096, 0, 0);
	wr(h, DREG(3, DACC_DECODER_SIZE), 0, 8);
	CHECK(decoder_on(3), "still on");
	host_free(h);
}

static void routes(void)
{
	struct dacc_cpl over, pcie;

	begin();
	over = copy(VA_PEER + 0x12345, VA_SRAM, 300000);
	CHECK(!over.status && over.path == DACC_PATH_LINK && over.link_bytes == 300000, "link");
	CHECK(!memcmp(h->mem, h->peer + 0x12345, 300000), "data");
	CHECK(over.t_end - over.t_start ==
		      rd(h, DACC_REG_TIMING + 8 * DACC_TIMING_DMA_DESC_PS, 8) + 350000 + 800000,
	      "time");
	CHECK(rd(h, LREG(DACC_LINK_RX_BYTES), 8) == 300000, "rx");
	CHECK(atomic_load(&h->link_read) == 300000, "really");
	over = copy(VA_SRAM, VA_PEER + 0x200000, 1000);
	CHECK(!over.status && over.path == DACC_PATH_LINK, "to the peer");
	CHECK(rd(h, LREG(DACC_LINK_TX_BYTES), 8) == 1000, "tx");
	over = copy(VA_PEER, VA_RAM, 1000);
	CHECK(over.path == (DACC_PATH_LINK | DACC_PATH_PCIE) && over.link_bytes == 1000, "both");
	wr(h, LREG(DACC_LINK_CTRL), DACC_LINK_CTRL_DISABLE, 4);
	memset(h->mem, 0, 300000);
	pcie = copy(VA_PEER + 0x12345, VA_SRAM, 300000);
	CHECK(!pcie.status && pcie.path == DACC_PATH_PCIE && pcie.link_bytes == 0, "PCIe");
	CHECK(!memcmp(h->mem, h->peer + 0x12345, 300000), "the same data");
	CHECK(pcie.t_end - pcie.t_start > 1150000 + 500000, "another time");
	wr(h, LREG(DACC_LINK_CTRL), 0, 4);
	CHECK(copy(VA_PEER, VA_SRAM, 64).path == DACC_PATH_LINK, "up again");
	host_free(h);
}

static void window_edges(void)
{
	struct dacc_cpl cpl;

	begin();
	/* 64 KiB by link in the middle of a copy that is by PCIe else. */
	decoder(0, PEER_BASE + 0x10000, 0x10000, 0x10000, 0);
	cpl = copy(VA_PEER, VA_SRAM, 0x40000);
	CHECK(!cpl.status && cpl.link_bytes == 0x10000, "%lu", (unsigned long)cpl.link_bytes);
	CHECK(cpl.path == (DACC_PATH_LINK | DACC_PATH_PCIE), "both");
	CHECK(!memcmp(h->mem, h->peer, 0x40000), "data");
	/* The lower decoder wins: this one has another target. */
	decoder(1, PEER_BASE + 0x10000, 0x10000, 0x20000, 0);
	copy(VA_PEER + 0x10000, VA_SRAM, 64);
	CHECK(!memcmp(h->mem, h->peer + 0x10000, 64), "decoder 0");
	wr(h, DREG(0, DACC_DECODER_CTRL), 0, 4);
	copy(VA_PEER + 0x10000, VA_SRAM, 64);
	CHECK(!memcmp(h->mem, h->peer + 0x20000, 64), "decoder 1");
	host_free(h);
}

static void front_down(void)
{
	DaccLinkState down = link_up;

	begin();
	down.up = false;
	dacc_core_set_link(h->core, 0, &down);
	CHECK(copy(VA_PEER, VA_SRAM, 64).path == DACC_PATH_PCIE, "down");
	dacc_core_set_link(h->core, 0, &link_up);
	CHECK(copy(VA_PEER, VA_SRAM, 64).path == DACC_PATH_LINK, "up");
	/* A link that is up and fails is an error, not another way. */
	atomic_store(&h->fail_link, true);
	CHECK(copy(VA_PEER, VA_SRAM, 64).status == DACC_STATUS_BUS_ERROR, "read fails");
	CHECK(copy(VA_SRAM, VA_PEER, 64).status == DACC_STATUS_BUS_ERROR, "write fails");
	host_free(h);
}

static void crc_replays(void)
{
	struct dacc_cpl clean, dirty;
	uint64_t ps = (4096 * 1000000ull + 374999) / 375000 + 350000;

	begin();
	clean = copy(VA_PEER, VA_SRAM, 65536);
	wr(h, DACC_REG_INJECT, DACC_INJECT_LINK_CRC | 5 << 8, 4);
	memset(h->mem, 0, 65536);
	dirty = copy(VA_PEER, VA_SRAM, 65536);
	CHECK(!memcmp(h->mem, h->peer, 65536), "data is right");
	CHECK(dirty.t_end - dirty.t_start == clean.t_end - clean.t_start + 5 * ps, "time");
	CHECK(rd(h, LREG(DACC_LINK_CRC_ERRORS), 8) == 5, "errors");
	CHECK(rd(h, LREG(DACC_LINK_REPLAYS), 8) == 5, "replays");
	/* More than the packets of one job: the rest hits the next ones. */
	wr(h, DACC_REG_INJECT, DACC_INJECT_LINK_CRC | 20 << 8, 4);
	copy(VA_PEER, VA_SRAM, 65536);
	CHECK(rd(h, LREG(DACC_LINK_REPLAYS), 8) == 21, "16 packets");
	copy(VA_PEER, VA_SRAM, 65536);
	CHECK(rd(h, LREG(DACC_LINK_REPLAYS), 8) == 25, "4 packets");
	copy(VA_PEER, VA_SRAM, 65536);
	CHECK(rd(h, LREG(DACC_LINK_REPLAYS), 8) == 25, "none");
	host_free(h);
}

static void link_ready_time(void)
{
	struct dacc_cpl cpl;

	begin();
	atomic_store(&h->link_ready, 123456789000ull);
	cpl = copy(VA_PEER, VA_SRAM, 64);
	CHECK(cpl.t_issue == 123456789000ull && cpl.t_start == cpl.t_issue, "the peer's time");
	host_free(h);
}

/* Turns the link off and on while a long transfer runs. */
static void toggled(void)
{
	struct dacc_desc d;
	struct dacc_block *b;
	struct dacc_cpl cpl;

	h = host_chip(1);
	root = pt_world(h, 1, &ram);
	dq_init(&q, h, 0, DACC_CLASS_TRANSFER, 1, 4, 1);
	fill_random(h->peer, PEER_SIZE, 3);
	dacc_core_set_link(h->core, 0, &link_up);
	decoder(0, PEER_BASE, PEER_SIZE, 0, 0);
	b = host_ptr(h, ram);
	for (int i = 0; i < 4000; i++)
		b[i] = (struct dacc_block){ VA_PEER + 1000 * i, VA_SRAM + 1000 * i, 1000 };
	d = d_blocks(VA_RAM, 4000);
	dq_push(&q, &d);
	dq_ring(&q);
	for (int i = 0; i < 200; i++) {
		DaccLinkState s = link_up;

		s.up = i & 1;
		dacc_core_set_link(h->core, 0, &s);
	}
	CHECK(host_run(h), "idle");
	cpl = dq_cpl(&q, 1);
	CHECK(!cpl.status && cpl.bytes == 4000000, "status %u", cpl.status);
	CHECK(!memcmp(h->mem, h->peer, 4000000), "data");
	CHECK(cpl.link_bytes == rd(h, LREG(DACC_LINK_RX_BYTES), 8), "link bytes");
	host_free(h);
}

static struct dacc_cpl only(uint64_t src, uint64_t dst, uint64_t len)
{
	struct dacc_desc d = d_copy(src, dst, len);

	d.flags = DACC_DESC_LINK_ONLY | DACC_DESC_CONTINUE;
	return dq_exec(&q, &d);
}

static void link_only(void)
{
	struct dacc_block *b;
	struct dacc_desc d;
	struct dacc_cpl cpl;

	begin();
	cpl = only(VA_PEER + 100, VA_SRAM, 200000);
	CHECK(!cpl.status && cpl.path == DACC_PATH_LINK && cpl.link_bytes == 200000, "read");
	cpl = only(VA_SRAM, VA_PEER, 4096);
	CHECK(!cpl.status && cpl.link_bytes == 4096, "write");
	cpl = only(VA_SRAM, VA_SRAM + 0x100000, 4096);
	CHECK(!cpl.status && cpl.path == DACC_PATH_SRAM, "SRAM is no payload that travels");
	CHECK(only(VA_RAM, VA_SRAM, 64).status == DACC_STATUS_LINK_DOWN, "host memory");
	CHECK(only(VA_SRAM, VA_RAM, 64).status == DACC_STATUS_LINK_DOWN, "host memory");
	CHECK(only(VA_PEER, VA_RAM, 64).status == DACC_STATUS_LINK_DOWN, "one end is not enough");
	/* The table comes from where it is. */
	b = host_ptr(h, ram);
	b[0] = (struct dacc_block){ VA_PEER, VA_SRAM, 100 };
	b[1] = (struct dacc_block){ VA_RAM, VA_SRAM, 100 };
	d = d_blocks(VA_RAM, 1);
	d.flags = DACC_DESC_LINK_ONLY | DACC_DESC_CONTINUE;
	cpl = dq_exec(&q, &d);
	CHECK(!cpl.status && cpl.path == DACC_PATH_LINK, "blocks: %u", cpl.status);
	d.blocks.n_blocks = 2;
	cpl = dq_exec(&q, &d);
	CHECK(cpl.status == DACC_STATUS_LINK_DOWN && cpl.index == 1 && cpl.bytes == 100, "block 1");
	/* Where the window ends; and its fault's address. */
	decoder(0, PEER_BASE, 0x20000, 0, 0);
	d = d_copy(VA_PEER, VA_SRAM, 0x40000);
	d.flags = DACC_DESC_LINK_ONLY;
	dq_push(&q, &d);
	dq_ring(&q);
	CHECK(host_run(h), "idle");
	cpl = dq_cpl(&q, q.prod);
	CHECK(cpl.status == DACC_STATUS_LINK_DOWN && cpl.bytes == 0x20000, "%lu",
	      (unsigned long)cpl.bytes);
	CHECK(rd(h, QREG(0, DACC_QUEUE_FAULT_ADDR), 8) == VA_PEER + 0x20000, "address");
	dq_reset(&q);
	dq_enable(&q);
	/* Down by either end, gone, and up again. */
	wr(h, LREG(DACC_LINK_CTRL), DACC_LINK_CTRL_DISABLE, 4);
	CHECK(only(VA_PEER, VA_SRAM, 64).status == DACC_STATUS_LINK_DOWN, "disabled");
	wr(h, LREG(DACC_LINK_CTRL), 0, 4);
	CHECK(only(VA_PEER, VA_SRAM, 64).status == 0, "enabled");
	atomic_store(&h->fail_link, true);
	CHECK(only(VA_PEER, VA_SRAM, 64).status == DACC_STATUS_LINK_DOWN, "read refused");
	CHECK(only(VA_SRAM, VA_PEER, 64).status == DACC_STATUS_LINK_DOWN, "write refused");
	atomic_store(&h->fail_link, false);
	wr(h, DREG(0, DACC_DECODER_CTRL), 0, 4);
	CHECK(only(VA_PEER, VA_SRAM, 64).status == DACC_STATUS_LINK_DOWN, "no window");
	CHECK(atomic_load(&h->bus_written) < 100000 && h->peer[0] == h->mem[0], "data");
	host_free(h);
}

/* The link goes down while such a transfer runs. */
static void link_only_lost(void)
{
	DaccLinkState down = link_up;
	struct dacc_block *b;
	struct dacc_desc d;
	struct dacc_cpl cpl;

	h = host_chip(1);
	root = pt_world(h, 1, &ram);
	dq_init(&q, h, 0, DACC_CLASS_TRANSFER, 1, 4, 1);
	dacc_core_set_link(h->core, 0, &link_up);
	decoder(0, PEER_BASE, PEER_SIZE, 0, 0);
	b = host_ptr(h, ram);
	for (int i = 0; i < 60000; i++)
		b[i] = (struct dacc_block){ VA_PEER, VA_SRAM, 1 << 20 };
	d = d_blocks(VA_RAM, 60000);
	d.flags = DACC_DESC_LINK_ONLY | DACC_DESC_CONTINUE;
	dq_push(&q, &d);
	dq_ring(&q);
	CHECK(host_wait_progress(h, 0, 0), "runs");
	down.up = false;
	dacc_core_set_link(h->core, 0, &down);
	CHECK(host_run(h), "idle");
	cpl = dq_cpl(&q, 1);
	CHECK(cpl.status == DACC_STATUS_LINK_DOWN && cpl.index < 60000, "status %u", cpl.status);
	CHECK(cpl.bytes >> 20 == cpl.index && cpl.bytes == cpl.link_bytes, "bytes");
	CHECK(cpl.path == DACC_PATH_LINK, "nothing went over PCIe");
	host_free(h);
}

/* TLB_BUSY until nothing goes the way that a decoder or the port led. */
static void rerouted(void)
{
	for (int port = 0; port < 2; port++) {
		struct dacc_desc d = d_fill(VA_PEER, PEER_SIZE, 0x55555555);
		uint64_t written;
		struct dacc_cpl cpl;

		h = host_chip(1);
		root = pt_world(h, 1, &ram);
		dq_init(&q, h, 0, DACC_CLASS_TRANSFER, 1, 4, 1);
		dacc_core_set_link(h->core, 0, &link_up);
		decoder(0, PEER_BASE, PEER_SIZE, 0, 0);
		CHECK(rd(h, DACC_REG_TLB_BUSY, 4) == 0, "idle");
		atomic_store(&h->hold_link, true);
		dq_push(&q, &d);
		dq_ring(&q);
		while (!atomic_load(&h->held))
			;
		CHECK(rd(h, DACC_REG_TLB_BUSY, 4) == 0, "nothing was changed");
		if (port)
			wr(h, LREG(DACC_LINK_CTRL), DACC_LINK_CTRL_DISABLE, 4);
		else
			wr(h, DREG(0, DACC_DECODER_CTRL), 0, 4);
		CHECK(rd(h, DACC_REG_TLB_BUSY, 4) != 0, "a write is under way");
		atomic_store(&h->hold_link, false);
		while (rd(h, DACC_REG_TLB_BUSY, 4))
			;
		written = atomic_load(&h->link_written);
		CHECK(host_run(h), "idle");
		CHECK(written && written == atomic_load(&h->link_written), "no more of them");
		cpl = dq_cpl(&q, 1);
		CHECK(!cpl.status && cpl.path == (DACC_PATH_LINK | DACC_PATH_PCIE), "both ways");
		host_free(h);
	}
}

int main(void)
{
	static const struct tap_plain cases[] = {
		{ "registers", registers },
		{ "decoder_limits", decoder_limits },
		{ "routes", routes },
		{ "window_edges", window_edges },
		{ "front_down", front_down },
		{ "crc_replays", crc_replays },
		{ "link_ready_time", link_ready_time },
		{ "toggled", toggled },
		{ "link_only", link_only },
		{ "link_only_lost", link_only_lost },
		{ "rerouted", rerouted },
	};

	tap_twice(cases, sizeof(cases) / sizeof(cases[0]), &host_peeks, "by pointer");
	return tap_done();
}
