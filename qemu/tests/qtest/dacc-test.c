/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qtest of the device dacc: registers, queues, faults, resets. */
#include "dacc-setup.h"

static void test_identity(void)
{
    Chip c;
    Dev *d = &c.d;
    unsigned cap;

    chip_start(&c, "");
    g_assert_cmphex(cfg_read(d, PCI_VENDOR_ID), ==, 0xdacc1234);
    g_assert_cmphex(cfg_read16(d, PCI_CLASS_DEVICE), ==, DACC_PCI_CLASS);
    g_assert_cmphex(bar_size(d, DACC_BAR_REGS, false), ==, DACC_REGS_SIZE);
    g_assert_cmphex(bar_size(d, DACC_BAR_DOORBELL, false), ==,
                    DACC_MAX_QUEUES * DACC_DOORBELL_STRIDE);
    g_assert_cmphex(bar_size(d, DACC_BAR_SRAM, true), ==, SRAM_SIZE);
    g_assert_cmphex(cfg_read(d, PCI_BASE_ADDRESS_0 + 4 * DACC_BAR_SRAM) & 0xf,
                    ==, PCI_BASE_ADDRESS_MEM_TYPE_64 |
                    PCI_BASE_ADDRESS_MEM_PREFETCH);

    cap = cfg_cap(d, PCI_CAP_ID_MSIX);
    g_assert_cmpuint(cap, !=, 0);
    g_assert_cmpuint((cfg_read16(d, cap + PCI_MSIX_FLAGS) &
                      PCI_MSIX_FLAGS_QSIZE) + 1, ==, DACC_MSIX_VECTORS);
    g_assert_cmphex(cfg_read(d, cap + PCI_MSIX_TABLE), ==,
                    DACC_MSIX_TABLE_OFFSET | DACC_BAR_REGS);
    g_assert_cmphex(cfg_read(d, cap + PCI_MSIX_PBA), ==,
                    DACC_MSIX_PBA_OFFSET | DACC_BAR_REGS);
    cap = cfg_cap(d, PCI_CAP_ID_EXP);
    g_assert_cmpuint(cap, !=, 0);
    g_assert_true(cfg_read(d, cap + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
    g_assert_cmpuint(cfg_ext_cap(d, PCI_EXT_CAP_ID_ERR), !=, 0);
    /* No link, no port to describe. */
    g_assert_cmpuint(cfg_ext_cap(d, PCI_EXT_CAP_ID_DVSEC), ==, 0);
    chip_stop(&c);
}

static void test_registers(void)
{
    Chip c;
    Dev *d = &c.d;

    chip_start(&c, ",queues=8,pcie-ps=12345");
    g_assert_cmphex(reg32(d, DACC_REG_ID), ==, DACC_ID_MAGIC);
    g_assert_cmphex(reg32(d, DACC_REG_VERSION), ==, DACC_VERSION);
    g_assert_cmphex(reg64(d, DACC_REG_ID), ==,
                    (uint64_t)DACC_VERSION << 32 | DACC_ID_MAGIC);
    g_assert_cmphex(reg64(d, DACC_REG_FEATURES) & DACC_FEATURE_INJECT, !=, 0);
    g_assert_cmphex(reg64(d, DACC_REG_FEATURES) & DACC_FEATURE_TYPE(0), !=, 0);
    g_assert_cmphex(reg64(d, DACC_REG_SRAM_SIZE), ==, SRAM_SIZE);
    g_assert_cmphex(reg32(d, DACC_REG_SRAM_SIZE), ==, SRAM_SIZE);
    g_assert_cmpuint(reg32(d, DACC_REG_NUM_QUEUES), ==, 8);
    g_assert_cmpuint(reg32(d, DACC_REG_NUM_ASIDS), ==, DACC_MAX_ASIDS);
    g_assert_cmpuint(reg32(d, DACC_REG_MAX_BLOCKS), >, 1);
    g_assert_cmpuint(reg32(d, DACC_REG_MAX_INSNS), >, 1);
    g_assert_cmphex(reg32(d, DACC_REG_CTRL), ==, 0);
    g_assert_cmphex(reg32(d, DACC_REG_STATUS), ==, DACC_DEVSTAT_READY);
    g_assert_cmphex(reg32(d, DACC_REG_EVENT), ==, 0);
    g_assert_cmphex(reg32(d, DACC_REG_EVENT_MASK), ==, 0);
    g_assert_cmphex(reg64(d, DACC_REG_TIME), ==, 0);
    g_assert_cmphex(reg32(d, DACC_REG_TLB_BUSY), ==, 0);
    g_assert_cmpuint(reg64(d, DACC_REG_TIMING + 8 * DACC_TIMING_PCIE_PS), ==,
                     12345);
    g_assert_cmpuint(reg64(d, DACC_REG_TIMING + 8 * DACC_TIMING_SRAM_BW), >, 0);
    g_assert_cmphex(reg32(d, DACC_REG_LINK + DACC_LINK_STATUS), ==, 0);
    g_assert_cmphex(reg32(d, queue_reg(0, DACC_QUEUE_STATE)), ==,
                    DACC_QUEUE_DISABLED);
    /* Read only. */
    set32(d, DACC_REG_ID, 0);
    g_assert_cmphex(reg32(d, DACC_REG_ID), ==, DACC_ID_MAGIC);
    /* The doorbells of the queues that are there, and nothing behind. */
    g_assert_cmphex(bar_size(d, DACC_BAR_DOORBELL, false), ==,
                    8 * DACC_DOORBELL_STRIDE);
    chip_stop(&c);
}

static void test_access_sizes(void)
{
    Chip c;
    Dev *d = &c.d;
    uint64_t mask;

    chip_start(&c, "");
    mask = d->bar[0] + DACC_REG_EVENT_MASK;
    g_assert_cmphex(qtest_readb(c.m.qts, d->bar[0]), ==, 0xff);
    g_assert_cmphex(qtest_readw(c.m.qts, d->bar[0]), ==, 0xffff);
    g_assert_cmphex(qtest_readl(c.m.qts, d->bar[0] + 2), ==, 0xffffffff);
    g_assert_cmphex(qtest_readq(c.m.qts, d->bar[0] + 4), ==, UINT64_MAX);
    set32(d, DACC_REG_EVENT_MASK, DACC_EVENT_LINK);
    qtest_writeb(c.m.qts, mask, 0);
    qtest_writew(c.m.qts, mask, 0);
    qtest_writel(c.m.qts, mask - 2, 0);
    qtest_writeq(c.m.qts, mask, 0);
    g_assert_cmphex(reg32(d, DACC_REG_EVENT_MASK), ==, DACC_EVENT_LINK);
    /* Doorbells read as zero, and take 32-bit writes only. */
    g_assert_cmphex(qtest_readl(c.m.qts, d->bar[DACC_BAR_DOORBELL]), ==, 0);
    qtest_writeb(c.m.qts, d->bar[DACC_BAR_DOORBELL], 1);
    qtest_writeq(c.m.qts, d->bar[DACC_BAR_DOORBELL], 1);
    chip_stop(&c);
}

/* Every register of every page, both widths: nothing may upset the device. */
static void test_register_sweep(void)
{
    Chip c;
    Dev *d = &c.d;

    chip_start(&c, "");
    for (uint64_t off = 0; off < DACC_MSIX_TABLE_OFFSET; off += 4) {
        reg32(d, off);
        set32(d, off, 0xffffffff);
        if (off % 8 == 0) {
            reg64(d, off);
            set64(d, off, 0x5555aaaa5555aaaaull);
        }
    }
    set32(d, DACC_REG_CTRL, DACC_CTRL_RESET);
    wait_for(!(reg32(d, DACC_REG_CTRL) & DACC_CTRL_RESET));
    g_assert_cmphex(reg32(d, DACC_REG_EVENT_MASK), ==, 0);
    g_assert_cmphex(reg64(d, queue_reg(0, DACC_QUEUE_RING)), ==, 0);
    chip_stop(&c);
}

static void test_sram_tail(void)
{
    Machine m;
    Dev d;
    const uint64_t size = 3 * 65536;

    machine_start(&m, "-device dacc,id=d0,addr=3,sram-size=192K");
    dev_init(&m, &d, 0, 3);
    g_assert_cmphex(bar_size(&d, DACC_BAR_SRAM, true), ==, 4 * 65536);
    dev_enable(&d);
    g_assert_cmphex(reg64(&d, DACC_REG_SRAM_SIZE), ==, size);
    qtest_writeq(m.qts, d.bar[4] + size - 8, 0x1122334455667788ull);
    g_assert_cmphex(qtest_readq(m.qts, d.bar[4] + size - 8), ==,
                    0x1122334455667788ull);
    qtest_writeq(m.qts, d.bar[4] + size, 0);
    g_assert_cmphex(qtest_readq(m.qts, d.bar[4] + size), ==, UINT64_MAX);
    g_assert_cmphex(qtest_readb(m.qts, d.bar[4] + 4 * 65536 - 1), ==, 0xff);
    check_alive(m.qts);
    qtest_quit(m.qts);
}

static void test_queue_bad_values(void)
{
    static const struct {
        uint64_t ring;
        uint32_t log2;
        uint32_t config;
        uint64_t cpl;
    } bad[] = {
        { 0x1000020, 4, 0x0100, 0x2000000 },
        { 0x1000000, 3, 0x0100, 0x2000000 },
        { 0x1000000, 13, 0x0100, 0x2000000 },
        { 0x1000000, 0xffffffff, 0x0100, 0x2000000 },
        { 0x1000000, 4, 0x0102, 0x2000000 },            /* class */
        { 0x1000000, 4, 0x02000100, 0x2000000 },        /* reserved */
        { 0x1000000, 4, 0x4100 | 0xff0000, 0x2000000 }, /* vector */
        { 0x1000000, 4, 0x0100 | 65 << 16, 0x2000000 }, /* vector */
        { 0x1000000, 4, 0x0100, 0x2000008 },
        { UINT64_MAX & ~63ull, 4, 0x0100, 0x2000000 },  /* wraps */
        { 0x1000000, 4, 0x0100, UINT64_MAX & ~63ull },
    };
    Chip c;
    Dev *d = &c.d;

    chip_start(&c, "");
    chip_enable(d);
    for (int i = 0; i < ARRAY_SIZE(bad); i++) {
        set64(d, queue_reg(5, DACC_QUEUE_RING), bad[i].ring);
        set32(d, queue_reg(5, DACC_QUEUE_RING_LOG2), bad[i].log2);
        set32(d, queue_reg(5, DACC_QUEUE_CONFIG), bad[i].config);
        set64(d, queue_reg(5, DACC_QUEUE_CPL), bad[i].cpl);
        set32(d, queue_reg(5, DACC_QUEUE_CTRL), DACC_QUEUE_CTRL_ENABLE);
        g_test_message("bad queue values %d", i);
        g_assert_cmpuint(reg32(d, queue_reg(5, DACC_QUEUE_STATE)), ==,
                         DACC_QUEUE_DISABLED);
        g_assert_cmpuint(reg32(d, queue_reg(5, DACC_QUEUE_FAULT)), ==,
                         DACC_STATUS_BAD_QUEUE);
        doorbell(d, 5, 1);
        set32(d, queue_reg(5, DACC_QUEUE_CTRL), 0);
    }
    chip_stop(&c);
}

static void test_nop(void)
{
    Setup t;
    struct dacc_desc desc = desc_nop(0xcafe);
    struct dacc_cpl cpl;

    setup_start(&t, "");
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    g_assert_cmphex(cpl.cookie, ==, 0xcafe);
    g_assert_cmpuint(reg64(&t.c.d, t.q.reg + DACC_QUEUE_FETCHED), ==, 1);
    g_assert_cmpuint(reg64(&t.c.d, t.q.reg + DACC_QUEUE_COMPLETED), ==, 1);
    /* Reserved fields are looked at. */
    desc.reserved = 1;
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_RESERVED);
    g_assert_cmpuint(queue_state(&t.q), ==, DACC_QUEUE_HALTED);
    setup_stop(&t);
}

static void test_bad_opcode(void)
{
    Setup t;
    struct dacc_desc desc = { .opcode = 200 };
    struct dacc_cpl cpl;

    setup_start(&t, "");
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_BAD_OPCODE);
    queue_reset(&t.q);
    queue_start(&t.q);
    /* Known, but not of this class. */
    desc.opcode = DACC_OP_DECODE;
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_BAD_OPCODE);
    setup_stop(&t);
}

static void test_copy(void)
{
    Setup t;
    const size_t len = 300001;
    g_autofree uint8_t *data = NULL;
    struct dacc_desc desc;
    struct dacc_cpl cpl, back;

    setup_start(&t, "");
    data = put_random(t.c.m.qts, t.host + 3, len, 1);
    desc = desc_copy(VA_HOST + 3, VA_SRAM + 13, len);
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(cpl.path, ==, DACC_PATH_PCIE);
    g_assert_cmpuint(cpl.bytes, ==, len);
    g_assert_cmpuint(cpl.link_bytes, ==, 0);
    g_assert_cmpuint(cpl.t_end, >, cpl.t_start);
    check_bytes(t.c.m.qts, sram(&t) + 13, data, len);

    desc = desc_copy(VA_SRAM + 13, VA_HOST + 500000, len);
    desc.flags = DACC_DESC_CHECKSUM;
    back = queue_run(&t.q, &desc);
    g_assert_cmpuint(back.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(back.t_start, >=, cpl.t_end);
    check_bytes(t.c.m.qts, t.host + 500000, data, len);
    /* Inside the chip, and the same bytes have the same checksum. */
    desc = desc_copy(VA_SRAM + 13, VA_SRAM + 600000, len);
    desc.flags = DACC_DESC_CHECKSUM;
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(cpl.path, ==, DACC_PATH_SRAM);
    g_assert_cmphex(cpl.crc, ==, back.crc);
    g_assert_cmphex(cpl.crc, !=, 0);
    check_bytes(t.c.m.qts, sram(&t) + 600000, data, len);
    g_assert_cmpuint(reg64(&t.c.d, DACC_REG_TIME), ==, cpl.t_end);
    setup_stop(&t);
}

static void test_fill(void)
{
    Setup t;
    struct dacc_desc desc = desc_fill(VA_SRAM + 4096, 8192, 0xdeadbeef);
    struct dacc_cpl cpl;

    setup_start(&t, "");
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    g_assert_cmphex(qtest_readl(t.c.m.qts, sram(&t) + 4092), ==, 0);
    g_assert_cmphex(qtest_readl(t.c.m.qts, sram(&t) + 4096), ==, 0xdeadbeef);
    g_assert_cmphex(qtest_readl(t.c.m.qts, sram(&t) + 12284), ==, 0xdeadbeef);
    g_assert_cmphex(qtest_readl(t.c.m.qts, sram(&t) + 12288), ==, 0);
    setup_stop(&t);
}

static void test_ring_wrap(void)
{
    Setup t;
    uint32_t cookie = 0;

    setup_start(&t, "");
    /* 16 slots; batches of 1 to 16, so that they wrap everywhere. */
    for (int n = 1; n <= 16; n++) {
        struct dacc_cpl cpl;

        for (int i = 0; i < n; i++) {
            struct dacc_desc desc = desc_nop(++cookie);

            queue_put(&t.q, &desc);
        }
        queue_ring(&t.q);
        cpl = queue_wait(&t.q);
        g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
        g_assert_cmpuint(cpl.cookie, ==, cookie);
        for (int i = 0; i < n; i++) {
            uint64_t seq = t.q.tail - i;

            qtest_memread(t.c.m.qts, t.q.cpl + 64 + (seq - 1) % 16 *
                          sizeof(cpl), &cpl, sizeof(cpl));
            g_assert_cmpuint(cpl.seq, ==, seq);
            g_assert_cmpuint(cpl.cookie, ==, cookie - i);
        }
    }
    g_assert_cmpuint(t.q.tail, ==, 136);
    setup_stop(&t);
}

static void test_blocks(void)
{
    Setup t;
    const unsigned n = 100;
    struct dacc_block blocks[100];
    g_autofree uint8_t *data = NULL;
    struct dacc_desc desc;
    struct dacc_cpl cpl;

    setup_start(&t, "");
    data = put_random(t.c.m.qts, t.host + 65536, n * 1000, 2);
    /* Gathered forwards, scattered backwards. */
    for (unsigned i = 0; i < n; i++) {
        blocks[i] = (struct dacc_block) {
            .src = VA_HOST + 65536 + i * 1000,
            .dst = VA_SRAM + (n - 1 - i) * 2048,
            .len = 1000,
        };
    }
    desc = put_blocks(&t, blocks, n);
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(cpl.bytes, ==, n * 1000);
    for (unsigned i = 0; i < n; i++) {
        check_bytes(t.c.m.qts, sram(&t) + (n - 1 - i) * 2048, data + i * 1000,
                    1000);
    }
    setup_stop(&t);
}

static void test_blocks_bad_entry(void)
{
    Setup t;
    struct dacc_block blocks[4];
    struct dacc_desc desc;
    struct dacc_cpl cpl;

    setup_start(&t, "");
    for (int i = 0; i < 4; i++) {
        blocks[i] = (struct dacc_block) {
            .src = VA_HOST + 65536,
            .dst = VA_SRAM + 4096 * i,
            .len = 16,
        };
    }
    blocks[2].len = 0;
    desc = put_blocks(&t, blocks, 4);
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_BAD_LENGTH);
    g_assert_cmpuint(cpl.index, ==, 2);
    g_assert_cmpuint(reg32(&t.c.d, t.q.reg + DACC_QUEUE_FAULT_INDEX), ==, 2);
    queue_reset(&t.q);
    queue_start(&t.q);
    blocks[2].len = 16;
    blocks[3].src = 0x700000000000ull;
    desc = put_blocks(&t, blocks, 4);
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_UNMAPPED);
    g_assert_cmpuint(cpl.index, ==, 3);
    g_assert_cmphex(reg64(&t.c.d, t.q.reg + DACC_QUEUE_FAULT_ADDR), ==,
                    blocks[3].src);
    setup_stop(&t);
}

static void test_unmapped(void)
{
    Setup t;
    struct dacc_desc desc = desc_copy(VA_HOST, 0x5000, 64);
    struct dacc_cpl cpl;

    setup_start(&t, "");
    msix_enable(&t.c.d);
    msix_vector(&t.c.d, DACC_VECTOR_EVENT, t.host, 0x55);
    set32(&t.c.d, DACC_REG_EVENT_MASK, DACC_EVENT_QUEUE_HALT);
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_UNMAPPED);
    g_assert_cmpuint(queue_state(&t.q), ==, DACC_QUEUE_HALTED);
    g_assert_cmpuint(reg32(&t.c.d, t.q.reg + DACC_QUEUE_FAULT), ==,
                     DACC_STATUS_UNMAPPED);
    g_assert_cmphex(reg64(&t.c.d, t.q.reg + DACC_QUEUE_FAULT_ADDR), ==, 0x5000);
    wait_for(qtest_readl(t.c.m.qts, t.host) == 0x55);
    g_assert_cmphex(reg32(&t.c.d, DACC_REG_EVENT), ==, DACC_EVENT_QUEUE_HALT);
    set32(&t.c.d, DACC_REG_EVENT, DACC_EVENT_QUEUE_HALT);
    g_assert_cmphex(reg32(&t.c.d, DACC_REG_EVENT), ==, 0);
    /* Halted: later descriptors are not fetched. */
    desc = desc_nop(1);
    queue_post(&t.q, &desc);
    g_usleep(20000);
    g_assert_cmpuint(reg64(&t.c.d, t.q.reg + DACC_QUEUE_FETCHED), ==, 1);
    /* A reset leaves its counts and its fault, and the queue works again. */
    queue_reset(&t.q);
    g_assert_cmpuint(reg64(&t.c.d, t.q.reg + DACC_QUEUE_FETCHED), ==, 1);
    g_assert_cmpuint(reg64(&t.c.d, t.q.reg + DACC_QUEUE_COMPLETED), ==, 1);
    g_assert_cmphex(reg32(&t.c.d, t.q.reg + DACC_QUEUE_FAULT), ==,
                    DACC_STATUS_UNMAPPED);
    queue_start(&t.q);
    desc = desc_nop(2);
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    setup_stop(&t);
}

static void test_read_only(void)
{
    Setup t;
    struct dacc_desc desc;
    struct dacc_cpl cpl;

    setup_start(&t, "");
    space_map(&t.s, 0x40000000, 0, 8192, DACC_PTE_SRAM);
    desc = desc_copy(0x40000000, VA_HOST, 64);
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    desc = desc_copy(VA_HOST, 0x40001000, 64);
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_READ_ONLY);
    g_assert_cmphex(reg64(&t.c.d, t.q.reg + DACC_QUEUE_FAULT_ADDR), ==,
                    0x40001000);
    setup_stop(&t);
}

/* A fault of one queue does not disturb another. */
static void test_two_queues(void)
{
    Setup t;
    Queue other;
    struct dacc_desc bad = desc_copy(VA_HOST, 0x5000, 64), nop = desc_nop(1);

    setup_start(&t, "");
    queue_init(&t.c.d, &other, 63, DACC_CLASS_TRANSFER, 1, 2, 5);
    g_assert_cmpuint(queue_run(&t.q, &bad).status, ==, DACC_STATUS_UNMAPPED);
    g_assert_cmpuint(queue_run(&other, &nop).status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(queue_state(&t.q), ==, DACC_QUEUE_HALTED);
    g_assert_cmpuint(queue_state(&other), ==, DACC_QUEUE_ACTIVE);
    setup_stop(&t);
}

static void test_msix(void)
{
    Setup t;
    struct dacc_desc desc = desc_nop(1);
    uint64_t msg;

    setup_start(&t, "");
    msg = ram_alloc(&t.c.m, 4096);
    msix_enable(&t.c.d);
    msix_vector(&t.c.d, 1, msg, 0x1234);
    queue_run(&t.q, &desc);
    g_assert_cmphex(qtest_readl(t.c.m.qts, msg), ==, 0);
    desc.flags = DACC_DESC_IRQ;
    queue_run(&t.q, &desc);
    wait_for(qtest_readl(t.c.m.qts, msg) == 0x1234);
    setup_stop(&t);
}

static void test_msix_masked(void)
{
    Setup t;
    struct dacc_desc desc = desc_nop(1);
    uint64_t msg;

    setup_start(&t, "");
    msg = ram_alloc(&t.c.m, 4096);
    desc.flags = DACC_DESC_IRQ;
    /* MSI-X is off: dropped. */
    queue_run(&t.q, &desc);
    msix_enable(&t.c.d);
    msix_vector(&t.c.d, 1, msg, 0x77);
    msix_mask(&t.c.d, 1, true);
    queue_run(&t.q, &desc);
    wait_for(msix_pending(&t.c.d, 1));
    g_assert_cmphex(qtest_readl(t.c.m.qts, msg), ==, 0);
    msix_mask(&t.c.d, 1, false);
    wait_for(qtest_readl(t.c.m.qts, msg) == 0x77);
    g_assert_false(msix_pending(&t.c.d, 1));
    setup_stop(&t);
}

static void test_bad_vector(void)
{
    Setup t;
    Dev *d = &t.c.d;
    struct dacc_desc desc = desc_nop(1);

    setup_start(&t, "");
    msix_enable(d);
    desc.flags = DACC_DESC_IRQ;
    queue_reset(&t.q);
    for (unsigned v = DACC_MSIX_VECTORS; v < 256; v++) {
        set32(d, t.q.reg + DACC_QUEUE_CONFIG, queue_config(0, 1, v));
        queue_start(&t.q);
        g_assert_cmpuint(queue_state(&t.q), ==, DACC_QUEUE_DISABLED);
        queue_post(&t.q, &desc);
        set32(d, t.q.reg + DACC_QUEUE_CTRL, 0);
    }
    /* The last good one. */
    set32(d, t.q.reg + DACC_QUEUE_CONFIG, queue_config(0, 1, 64));
    msix_vector(d, 64, t.host, 0x64);
    queue_start(&t.q);
    queue_run(&t.q, &desc);
    wait_for(qtest_readl(t.c.m.qts, t.host) == 0x64);
    setup_stop(&t);
}

static void test_doorbell_range(void)
{
    Setup t;
    struct dacc_desc desc = desc_nop(1);

    setup_start(&t, ",queues=3");
    doorbell(&t.c.d, 0, 17);
    wait_for(queue_state(&t.q) == DACC_QUEUE_HALTED);
    g_assert_cmpuint(reg32(&t.c.d, t.q.reg + DACC_QUEUE_FAULT), ==,
                     DACC_STATUS_BAD_DOORBELL);
    g_assert_cmpuint(qtest_readq(t.c.m.qts, t.q.cpl), ==, 0);
    queue_reset(&t.q);
    queue_start(&t.q);
    /* A queue that is not enabled, an offset in the page, no queue at all. */
    doorbell(&t.c.d, 1, 1);
    qtest_writel(t.c.m.qts, t.c.d.bar[2] + 4, 1);
    doorbell(&t.c.d, 3, 1);
    /* Backwards is too far ahead. */
    queue_run(&t.q, &desc);
    doorbell(&t.c.d, 0, 0);
    wait_for(queue_state(&t.q) == DACC_QUEUE_HALTED);
    setup_stop(&t);
}

static void test_queue_reset(void)
{
    Setup t;
    Queue other;
    struct dacc_desc desc = desc_nop(1);

    setup_start(&t, "");
    queue_init(&t.c.d, &other, 1, DACC_CLASS_TRANSFER, 1, 1, 4);
    set32(&t.c.d, DACC_REG_INJECT, DACC_INJECT_HANG);
    queue_post(&t.q, &desc);
    wait_for(reg64(&t.c.d, t.q.reg + DACC_QUEUE_FETCHED) == 1);
    g_usleep(20000);
    g_assert_cmpuint(reg64(&t.c.d, t.q.reg + DACC_QUEUE_COMPLETED), ==, 0);
    queue_reset(&t.q);
    g_assert_cmpuint(qtest_readq(t.c.m.qts, t.q.cpl), ==, 0);
    /* Both queues work. */
    queue_start(&t.q);
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(queue_run(&other, &desc).status, ==, DACC_STATUS_OK);
    setup_stop(&t);
}

static void test_flr(void)
{
    Setup t;
    Dev *d = &t.c.d;
    unsigned exp;
    uint32_t generation;

    setup_start(&t, "");
    generation = reg32(d, DACC_REG_GENERATION);
    qtest_writeq(t.c.m.qts, sram(&t) + 0x200000, 0x123456789abcdefull);
    post_long_job(&t);
    exp = cfg_cap(d, PCI_CAP_ID_EXP);
    cfg_write16(d, exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
    check_no_writes(&t);
    /* Configuration is at power-on values. */
    g_assert_cmphex(cfg_read16(d, PCI_COMMAND), ==, 0);
    dev_enable(d);
    g_assert_cmpuint(reg32(d, DACC_REG_GENERATION), ==, generation + 1);
    g_assert_cmphex(reg32(d, DACC_REG_CTRL), ==, 0);
    g_assert_cmphex(reg64(d, DACC_REG_TIME), ==, 0);
    g_assert_cmphex(reg64(d, DACC_REG_ASID + 8), ==, 0);
    g_assert_cmpuint(queue_state(&t.q), ==, DACC_QUEUE_DISABLED);
    g_assert_cmphex(qtest_readq(t.c.m.qts, sram(&t) + 0x200000), ==,
                    0x123456789abcdefull);
    g_assert_cmpuint(qtest_readq(t.c.m.qts, t.q.cpl), ==, 0);
    check_works_again(&t);
    setup_stop(&t);
}

static void test_device_reset(void)
{
    Setup t;
    Dev *d = &t.c.d;
    uint32_t generation;

    setup_start(&t, "");
    generation = reg32(d, DACC_REG_GENERATION);
    post_long_job(&t);
    set32(d, DACC_REG_CTRL, DACC_CTRL_RESET);
    wait_for(!(reg32(d, DACC_REG_CTRL) & DACC_CTRL_RESET));
    check_no_writes(&t);
    g_assert_cmpuint(reg32(d, DACC_REG_GENERATION), ==, generation + 1);
    g_assert_cmpuint(queue_state(&t.q), ==, DACC_QUEUE_DISABLED);
    g_assert_cmphex(reg64(d, DACC_REG_TIME), ==, 0);
    g_assert_cmpuint(qtest_readq(t.c.m.qts, t.q.cpl), ==, 0);
    check_works_again(&t);
    setup_stop(&t);
}

static void test_system_reset(void)
{
    Setup t;

    setup_start(&t, "");
    post_long_job(&t);
    qtest_system_reset(t.c.m.qts);
    check_no_writes(&t);
    /* The host bridge forgot where ECAM is, the device its BARs. */
    machine_ecam(&t.c.m);
    g_assert_cmphex(cfg_read16(&t.c.d, PCI_COMMAND), ==, 0);
    check_works_again(&t);
    setup_stop(&t);
}

static void test_tlb(void)
{
    Setup t;
    Dev *d = &t.c.d;
    const uint64_t va = 0x30000000;
    struct dacc_desc desc = desc_copy(VA_HOST, va, 8);

    setup_start(&t, "");
    space_map(&t.s, va, 0x100000, 4096, DACC_PTE_WRITE | DACC_PTE_SRAM);
    qtest_writeq(t.c.m.qts, t.host, 0x1111);
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_OK);
    g_assert_cmphex(qtest_readq(t.c.m.qts, sram(&t) + 0x100000), ==, 0x1111);
    /* Elsewhere: the new mapping holds after an invalidation. */
    space_map(&t.s, va, 0x180000, 4096, DACC_PTE_WRITE | DACC_PTE_SRAM);
    set32(d, DACC_REG_TLB_INVALIDATE, 1);
    wait_for(!reg32(d, DACC_REG_TLB_BUSY));
    qtest_writeq(t.c.m.qts, t.host, 0x2222);
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_OK);
    g_assert_cmphex(qtest_readq(t.c.m.qts, sram(&t) + 0x100000), ==, 0x1111);
    g_assert_cmphex(qtest_readq(t.c.m.qts, sram(&t) + 0x180000), ==, 0x2222);
    space_unmap(&t.s, va);
    set32(d, DACC_REG_TLB_INVALIDATE, 1);
    wait_for(!reg32(d, DACC_REG_TLB_BUSY));
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_UNMAPPED);
    setup_stop(&t);
}

static void test_bus_master_off(void)
{
    Setup t;
    Dev *d = &t.c.d;
    struct dacc_desc desc = desc_copy(VA_HOST, VA_SRAM, 64);

    setup_start(&t, "");
    queue_put(&t.q, &desc);
    cfg_write16(d, PCI_COMMAND, PCI_COMMAND_MEMORY);
    queue_ring(&t.q);
    /* Not even the completion can be written: the device says so, and stops. */
    wait_for(reg32(d, DACC_REG_STATUS) & DACC_DEVSTAT_FATAL);
    g_assert_cmpuint(qtest_readq(t.c.m.qts, t.q.cpl), ==, 0);
    set32(d, DACC_REG_CTRL, DACC_CTRL_RESET);
    wait_for(!(reg32(d, DACC_REG_CTRL) & DACC_CTRL_RESET));
    g_assert_cmphex(reg32(d, DACC_REG_STATUS), ==, DACC_DEVSTAT_READY);
    check_works_again(&t);
    setup_stop(&t);
}

/* What is under way when bus mastering ends is over when the guest goes on. */
static void test_bus_master_drain(void)
{
    g_autofree uint8_t *zero = g_malloc0(LONG_LEN);
    struct dacc_block blocks[64];
    Setup t;
    Dev *d = &t.c.d;

    setup_start(&t, "");
    g_free(put_random(t.c.m.qts, sram(&t), LONG_LEN, 7));
    for (int i = 0; i < ARRAY_SIZE(blocks); i++) {
        blocks[i] = (struct dacc_block) {
            .src = VA_SRAM,
            .dst = VA_HOST + LONG_LEN,
            .len = LONG_LEN,
        };
    }
    for (int round = 0; round < 10; round++) {
        struct dacc_desc desc = put_blocks(&t, blocks, ARRAY_SIZE(blocks));

        for (int i = 0; i < t.q.len; i++) {
            queue_put(&t.q, &desc);
        }
        queue_ring(&t.q);
        wait_for(reg64(d, t.q.reg + DACC_QUEUE_PROGRESS) > 0);
        cfg_write16(d, PCI_COMMAND, PCI_COMMAND_MEMORY);
        qtest_memset(t.c.m.qts, t.host + LONG_LEN, 0, LONG_LEN);
        wait_for(reg32(d, DACC_REG_STATUS) & DACC_DEVSTAT_FATAL);
        check_bytes(t.c.m.qts, t.host + LONG_LEN, zero, LONG_LEN);
        set32(d, DACC_REG_CTRL, DACC_CTRL_RESET);
        wait_for(!(reg32(d, DACC_REG_CTRL) & DACC_CTRL_RESET));
        check_works_again(&t);
    }
    setup_stop(&t);
}

static void copy_refused(Setup *t, uint64_t src, uint64_t dst, uint64_t len)
{
    struct dacc_desc desc = desc_copy(src, dst, len);

    g_assert_cmpuint(queue_run(&t->q, &desc).status, ==,
                     DACC_STATUS_BUS_ERROR);
    queue_reset(&t->q);
    queue_start(&t->q);
}

/* Neither its own registers nor anybody's I/O can be reached by DMA. */
static void test_dma_to_mmio(void)
{
    Setup t;
    Dev *d = &t.c.d;

    setup_start(&t, "");
    space_map(&t.s, 0x40000000, d->bar[0], 65536, DACC_PTE_WRITE);
    space_map(&t.s, 0x50000000, d->bar[2], 65536, DACC_PTE_WRITE);
    space_map(&t.s, 0x60000000, 0xfee00000, 4096, DACC_PTE_WRITE);
    space_map(&t.s, 0x70000000, 0x700000000000ull, 4096, DACC_PTE_WRITE);
    copy_refused(&t, VA_SRAM, 0x40000000 + DACC_REG_CTRL, 4);
    copy_refused(&t, 0x40000000, VA_SRAM, 4096);
    copy_refused(&t, 0x40000000 + DACC_MSIX_TABLE_OFFSET, VA_SRAM, 64);
    copy_refused(&t, VA_SRAM, 0x50000000, 4);
    copy_refused(&t, VA_SRAM, 0x60000000, 4);
    copy_refused(&t, VA_SRAM, 0x70000000, 4096);
    /* Its own SRAM through the BAR is memory. */
    space_map(&t.s, 0x80000000, d->bar[4], 65536, DACC_PTE_WRITE);
    qtest_writeq(t.c.m.qts, sram(&t), 0x4242);
    {
        struct dacc_desc desc = desc_copy(0x80000000, VA_SRAM + 65536, 8);

        g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_OK);
    }
    g_assert_cmphex(qtest_readq(t.c.m.qts, sram(&t) + 65536), ==, 0x4242);
    setup_stop(&t);
}

/* ROM can be read, not written; and a write must not wait for the big lock. */
static void test_dma_to_rom(void)
{
    Setup t;
    struct dacc_desc desc;

    setup_start(&t, "");
    space_map(&t.s, 0x40000000, 0xfffff000, 4096, DACC_PTE_WRITE);
    copy_refused(&t, VA_SRAM, 0x40000000, 4096);
    desc = desc_copy(0x40000000, VA_SRAM, 16);
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_OK);
    setup_stop(&t);
}

static void test_bad_table(void)
{
    Setup t;
    struct dacc_desc desc = desc_copy(VA_HOST, VA_SRAM, 64);

    setup_start(&t, "");
    /* A root in the registers: a table walk is DMA like any other. */
    set64(&t.c.d, DACC_REG_ASID + 8, t.c.d.bar[0] | DACC_ASID_VALID);
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_BUS_ERROR);
    queue_reset(&t.q);
    queue_start(&t.q);
    /* None. */
    set64(&t.c.d, DACC_REG_ASID + 8, 0);
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_UNMAPPED);
    queue_reset(&t.q);
    queue_start(&t.q);
    /* A ring in the registers cannot be fetched. */
    queue_reset(&t.q);
    set64(&t.c.d, t.q.reg + DACC_QUEUE_RING, t.c.d.bar[0]);
    queue_start(&t.q);
    doorbell(&t.c.d, 0, 1);
    wait_for(queue_state(&t.q) == DACC_QUEUE_HALTED);
    setup_stop(&t);
}

static void test_inject(void)
{
    Setup t;
    struct dacc_desc desc = desc_copy(VA_HOST, VA_SRAM, 64);
    struct dacc_cpl cpl;

    setup_start(&t, "");
    qom_set_uint(t.c.m.qts, PATH, "inject-fault", DACC_INJECT_DMA_ERROR);
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_BUS_ERROR);
    queue_reset(&t.q);
    queue_start(&t.q);
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_OK);
    qom_set_uint(t.c.m.qts, PATH, "inject-fault", DACC_INJECT_BAD_COMPLETION);
    queue_post(&t.q, &desc);
    wait_for(qtest_readq(t.c.m.qts, t.q.cpl) != 1);
    qtest_memread(t.c.m.qts, t.q.cpl + 64 + sizeof(cpl), &cpl, sizeof(cpl));
    g_assert_cmpuint(cpl.seq, !=, 2);
    g_assert_cmpuint(qom_get_uint(t.c.m.qts, PATH, "device-time"), >, 0);
    setup_stop(&t);
    /* Without the feature the register is not there. */
    setup_start(&t, ",inject=off");
    g_assert_cmphex(reg64(&t.c.d, DACC_REG_FEATURES) & DACC_FEATURE_INJECT, ==,
                    0);
    set32(&t.c.d, DACC_REG_INJECT, DACC_INJECT_DMA_ERROR);
    g_assert_cmpuint(queue_run(&t.q, &desc).status, ==, DACC_STATUS_OK);
    setup_stop(&t);
}

static uint32_t f32_bits(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    return u;
}

/*
 * A model of two instructions: row t of the embedding table is largest at
 * (t + 1) mod 8, and that is the next token.
 */
static void run_decode(const char *opts)
{
    Setup t;
    QTestState *qts;
    Queue q;
    const uint64_t table = VA_SRAM, act = VA_SRAM + 0x10000;
    const uint64_t program = VA_HOST, seqs = VA_HOST + 4096;
    const uint64_t out = VA_HOST + 8192;
    struct dacc_insn insn[2] = {
        {
            .op = DACC_INSN_EMBED,
            .type = DACC_TYPE_F32,
            .dst = DACC_OPERAND(DACC_BASE_ACT, 0),
            .a = DACC_OPERAND(DACC_BASE_MODEL, 0),
            .n0 = 8,
            .n1 = 8,
        },
        {
            .op = DACC_INSN_SAMPLE,
            .a = DACC_OPERAND(DACC_BASE_ACT, 0),
            .n0 = 8,
        },
    };
    struct dacc_seq seq[2] = { };
    struct dacc_desc desc = {
        .opcode = DACC_OP_DECODE,
        .decode = {
            .program = program,
            .seqs = seqs,
            .out = out,
            .n_insns = 2,
            .batch = 2,
            .max_tokens = 10,
        },
    };
    struct dacc_cpl cpl;

    setup_start(&t, opts);
    qts = t.c.m.qts;
    queue_init(&t.c.d, &q, 1, DACC_CLASS_DECODE, 1, 2, 4);
    for (int row = 0; row < 8; row++) {
        for (int i = 0; i < 8; i++) {
            qtest_writel(qts, sram(&t) + 4 * (8 * row + i),
                         f32_bits(i == (row + 1) % 8 ? 2.0f : -1.0f * i));
        }
    }
    for (int i = 0; i < 2; i++) {
        seq[i] = (struct dacc_seq) {
            .token = i * 3,
            .max_pos = 100,
            .stop_token = i ? 6 : DACC_NO_TOKEN,
        };
        seq[i].base[DACC_BASE_MODEL] = table;
        seq[i].base[DACC_BASE_ACT] = act + 4096 * i;
    }
    qtest_memwrite(qts, t.host, insn, sizeof(insn));
    qtest_memwrite(qts, t.host + 4096, seq, sizeof(seq));
    cpl = queue_run(&q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(cpl.bytes, ==, 13);
    g_assert_cmpuint(cpl.t_end, >, cpl.t_start);
    /* 0 -> 1 2 3 4 5 6 7 0 1 2; 3 -> 4 5 6 and stop. */
    g_assert_cmpuint(qtest_readl(qts, t.host + 8192), ==, 10);
    for (int i = 0; i < 10; i++) {
        g_assert_cmpuint(qtest_readl(qts, t.host + 8192 + 8 + 4 * i), ==,
                         (i + 1) % 8);
    }
    {
        uint64_t second = t.host + 8192 + DACC_OUT_STRIDE(10);

        g_assert_cmpuint(qtest_readl(qts, second), ==, 3);
        g_assert_cmphex(qtest_readl(qts, second + 4), ==, DACC_SEQ_DONE);
        g_assert_cmpuint(qtest_readl(qts, second + 8 + 8), ==, 6);
    }
    qtest_memread(qts, t.host + 4096, seq, sizeof(seq));
    g_assert_cmpuint(seq[0].pos, ==, 10);
    g_assert_cmpuint(seq[0].token, ==, 2);
    g_assert_cmpuint(seq[1].pos, ==, 3);
    g_assert_cmphex(seq[1].flags, ==, DACC_SEQ_DONE);

    /* A token that is not in the table. */
    seq[0].token = 8;
    qtest_memwrite(qts, t.host + 4096, seq, sizeof(seq));
    cpl = queue_run(&q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_BAD_TOKEN);
    queue_reset(&q);
    queue_start(&q);
    insn[1].op = DACC_INSN_COUNT;
    qtest_memwrite(qts, t.host, insn, sizeof(insn));
    cpl = queue_run(&q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_BAD_INSN);
    g_assert_cmpuint(cpl.index, ==, 1);
    setup_stop(&t);
}

static void test_decode(void)
{
    run_decode(",threads=1");
}

/* No engine thread: jobs run in the main loop, as fuzzers have it. */
static void test_decode_no_thread(void)
{
    run_decode(",threads=0,vector=scalar");
}

static void test_decode_two_threads(void)
{
    run_decode(",threads=2");
}

static void test_vm_stop(void)
{
    Setup t;
    Dev *d = &t.c.d;
    uint64_t progress;
    struct dacc_cpl cpl;

    setup_start(&t, "");
    post_long_job(&t);
    qtest_qmp_assert_success(t.c.m.qts, "{ 'execute': 'stop' }");
    progress = reg64(d, t.q.reg + DACC_QUEUE_PROGRESS);
    check_no_writes(&t);
    g_assert_cmpuint(reg64(d, t.q.reg + DACC_QUEUE_PROGRESS), ==, progress);
    g_assert_cmpuint(qtest_readq(t.c.m.qts, t.q.cpl), ==, 0);
    qtest_qmp_assert_success(t.c.m.qts, "{ 'execute': 'cont' }");
    /* It goes on where it was, and can be ended. */
    wait_for(reg64(d, t.q.reg + DACC_QUEUE_PROGRESS) > progress);
    g_assert_cmpuint(qtest_readq(t.c.m.qts, t.q.cpl), ==, 0);
    set64(d, t.q.reg + DACC_QUEUE_ABORT, 1);
    cpl = queue_wait(&t.q);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_ABORTED);
    g_assert_cmpuint(cpl.bytes, >, 0);
    /* A reset while the machine is stopped. */
    post_long_job(&t);
    qtest_qmp_assert_success(t.c.m.qts, "{ 'execute': 'stop' }");
    set32(d, DACC_REG_CTRL, DACC_CTRL_RESET);
    qtest_qmp_assert_success(t.c.m.qts, "{ 'execute': 'cont' }");
    wait_for(!(reg32(d, DACC_REG_CTRL) & DACC_CTRL_RESET));
    check_no_writes(&t);
    check_works_again(&t);
    setup_stop(&t);
}

static void test_memdev(void)
{
    Machine m;
    Dev d;
    QDict *r;

    machine_start(&m, "-object memory-backend-ram,id=sram0,size=2M "
                  "-device dacc,addr=3,memdev=sram0 "
                  "-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=5");
    dev_init(&m, &d, 0, 3);
    g_assert_cmphex(reg64(&d, DACC_REG_SRAM_SIZE), ==, 2 << 20);
    qtest_writeq(m.qts, d.bar[4] + 0x1ffff8, 0x4711);
    g_assert_cmphex(qtest_readq(m.qts, d.bar[4] + 0x1ffff8), ==, 0x4711);
    r = qtest_qmp(m.qts, "{ 'execute': 'device_add', 'arguments': {"
                  " 'driver': 'dacc', 'id': 'x', 'bus': 'rp0',"
                  " 'memdev': 'sram0' } }");
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(r, "error"), "desc"), ==,
                    "memdev 'sram0' is in use already");
    qobject_unref(r);
    check_alive(m.qts);
    qtest_quit(m.qts);
}

static uint32_t rnd(uint64_t *x)
{
    *x ^= *x >> 12;
    *x ^= *x << 25;
    *x ^= *x >> 27;
    return (*x * 0x2545f4914f6cdd1dull) >> 32;
}

/* 8 instructions at 8192, 3 sequences at 16384; most are in order. */
static void put_random_program(Setup *t, uint64_t *x)
{
    struct dacc_insn insn[8] = { };
    struct dacc_seq seq[3] = { };

    for (int i = 0; i < 8; i++) {
        __u64 *operand[] = { &insn[i].dst, &insn[i].a, &insn[i].b,
                                &insn[i].c };
        __u32 *size[] = { &insn[i].n0, &insn[i].n1, &insn[i].n2,
                             &insn[i].n3 };
        static const uint8_t operands[DACC_INSN_COUNT] = {
            0, 2, 3, 3, 2, 2, 4, 3, 3, 1, 4, 1, 1, 1
        };
        static const uint8_t sizes[DACC_INSN_COUNT] = {
            0, 2, 1, 2, 2, 2, 4, 1, 1, 1, 2, 1, 3, 3
        };

        insn[i].op = rnd(x) % DACC_INSN_COUNT;
        insn[i].type = insn[i].op == DACC_INSN_EMBED ||
                       insn[i].op == DACC_INSN_MATVEC ||
                       insn[i].op == DACC_INSN_KV_APPEND ||
                       insn[i].op == DACC_INSN_ATTENTION ? rnd(x) % 5 : 0;
        insn[i].imm = insn[i].op == DACC_INSN_RMSNORM ||
                      insn[i].op == DACC_INSN_ATTENTION ? 0x3f800000 : 0;
        for (int k = 0; k < operands[insn[i].op]; k++) {
            *operand[k] = DACC_OPERAND(rnd(x) % 5, rnd(x) % 4096 * 4);
        }
        if (insn[i].op == DACC_INSN_SAMPLE || insn[i].op == DACC_INSN_SEND) {
            insn[i].a = insn[i].dst;
        }
        if (insn[i].op == DACC_INSN_SAMPLE || insn[i].op == DACC_INSN_SEND ||
            insn[i].op == DACC_INSN_LOOP) {
            insn[i].dst = 0;
        }
        for (int k = 0; k < sizes[insn[i].op]; k++) {
            *size[k] = rnd(x) % 4 ? 1u << rnd(x) % 8 : rnd(x) % 100;
        }
        if (!(rnd(x) % 16)) {
            ((uint32_t *)&insn[i])[rnd(x) % 16] = rnd(x);
        }
    }
    for (int i = 0; i < 3; i++) {
        seq[i].token = rnd(x) % 16;
        seq[i].pos = rnd(x) % 20;
        seq[i].max_pos = seq[i].pos + 1 + rnd(x) % 20;
        seq[i].stop_token = rnd(x) % 2 ? DACC_NO_TOKEN : 3;
        seq[i].temperature = rnd(x) % 2 ? 0x3f800000 : 0;
        seq[i].top_p = 0x3f000000;
        seq[i].rng = rnd(x) | 1;
        for (int b = 1; b < 5; b++) {
            seq[i].base[b] = VA_SRAM + b * 65536 + i * 4096;
        }
        if (!(rnd(x) % 16)) {
            ((uint32_t *)&seq[i])[rnd(x) % 32] = rnd(x);
        }
    }
    qtest_memwrite(t->c.m.qts, t->host + 8192, insn, sizeof(insn));
    qtest_memwrite(t->c.m.qts, t->host + 16384, seq, sizeof(seq));
}

/*
 * Nonsense, repeatably: descriptors, block tables, programs, sequences and page
 * tables of random words that are often nearly right. Nothing may abort, hang
 * or wait for ever; in the end the device works.
 */
static void run_random(const char *opts, uint64_t seed)
{
    Setup t;
    Dev *d = &t.c.d;
    uint64_t x = seed;
    Queue q[3];

    setup_start(&t, opts);
    q[0] = t.q;
    queue_init(d, &q[1], 1, DACC_CLASS_DECODE, 1, 2, 4);
    queue_init(d, &q[2], 2, DACC_CLASS_TRANSFER, 1, 0, 5);
    msix_enable(d);
    for (unsigned v = 0; v < 4; v++) {
        msix_vector(d, v, t.host + 0xff000 + 4 * v, v);
    }
    for (int i = 0; i < 1500; i++) {
        Queue *p = &q[rnd(&x) % 3];
        struct dacc_desc desc;
        uint32_t word[128];

        for (int w = 0; w < 128; w++) {
            uint32_t r = rnd(&x);

            word[w] = r & 1 ? r >> 24 : r & 2 ? VA_HOST + (r >> 20) * 64 :
                      r & 4 ? 0 : r;
        }
        memcpy(&desc, word, sizeof(desc));
        desc.opcode = !(rnd(&x) % 8) ? rnd(&x) % 6 :
                      p == &q[1] ? DACC_OP_DECODE : rnd(&x) % 4;
        desc.flags = !(rnd(&x) % 16) ? rnd(&x) :
                     desc.opcode == DACC_OP_COPY ||
                     desc.opcode == DACC_OP_COPY_BLOCKS ? rnd(&x) % 4 :
                     rnd(&x) % 2;
        desc.reserved = 0;
        if (rnd(&x) % 4) {
            /* Well formed, up to what it points at. */
            memset(desc.raw, 0, sizeof(desc.raw));
            desc.raw[0] = VA_HOST + rnd(&x) % 64 * 64;
            desc.raw[1] = (rnd(&x) % 2 ? VA_SRAM : VA_HOST) + rnd(&x) % 64 * 64;
            desc.raw[2] = VA_HOST + rnd(&x) % 64 * 64;
            if (desc.opcode == DACC_OP_NOP) {
                memset(desc.raw, 0, sizeof(desc.raw));
            } else if (desc.opcode == DACC_OP_COPY) {
                desc.copy.len = rnd(&x) % 100000;
            } else if (desc.opcode == DACC_OP_COPY_BLOCKS) {
                desc.raw[1] = rnd(&x) % 40;
                desc.raw[2] = 0;
            } else if (desc.opcode == DACC_OP_FILL) {
                desc.fill.len = rnd(&x) % 10000 * 4;
                desc.raw[2] = (uint32_t)word[0];
            } else if (desc.opcode == DACC_OP_DECODE) {
                put_random_program(&t, &x);
                desc.decode.program = VA_HOST + 8192;
                desc.decode.seqs = VA_HOST + 16384;
                desc.decode.n_insns = 1 + rnd(&x) % 8;
                desc.decode.batch = 1 + rnd(&x) % 3;
                desc.decode.max_tokens = 1 + rnd(&x) % 4;
            }
        }
        qtest_memwrite(t.c.m.qts, t.host + rnd(&x) % 64 * 64, word,
                       sizeof(word));
        queue_post(p, &desc);
        switch (rnd(&x) % 16) {
        case 0:
            set32(d, rnd(&x) % 0xe00 & ~3, rnd(&x));
            break;
        case 1:
            set64(d, DACC_REG_QUEUE + rnd(&x) % 0x2000 / 8 * 8,
                  VA_HOST + rnd(&x));
            break;
        case 2:
            doorbell(d, rnd(&x) % 64, rnd(&x));
            break;
        case 3:
            set32(d, DACC_REG_INJECT, rnd(&x) % 6 | rnd(&x) % 3 << 8);
            break;
        case 4:
            /* The leaf that maps the first page of host memory. */
            qtest_writel(t.c.m.qts, t.s.root + 4096 * (1 + rnd(&x) % 6) +
                         rnd(&x) % 1024 * 4, rnd(&x));
            set32(d, DACC_REG_TLB_INVALIDATE, 1);
            break;
        default:
            if (queue_state(p) != DACC_QUEUE_ACTIVE) {
                queue_reset(p);
                set64(d, p->reg + DACC_QUEUE_RING, p->ring);
                set64(d, p->reg + DACC_QUEUE_CPL, p->cpl);
                queue_start(p);
                set32(d, DACC_REG_CTRL, DACC_CTRL_ENABLE);
            }
            break;
        }
    }
    set32(d, DACC_REG_CTRL, DACC_CTRL_RESET);
    wait_for(!(reg32(d, DACC_REG_CTRL) & DACC_CTRL_RESET));
    space_init(d, &t.s, 1);
    space_map(&t.s, VA_HOST, t.host, 1024 * 1024, DACC_PTE_WRITE);
    space_map(&t.s, VA_SRAM, 0, 1024 * 1024, DACC_PTE_WRITE | DACC_PTE_SRAM);
    check_works_again(&t);
    setup_stop(&t);
}

static void test_random(void)
{
    run_random("", 1);
    run_random(",threads=2", 2);
}

static void test_random_no_thread(void)
{
    run_random(",threads=0", 3);
}

#define VTD             0xfed90000ull
#define VTD_GCMD        0x18
#define VTD_GSTS        0x1c
#define VTD_RTADDR      0x20
#define VTD_FSTS        0x34
#define VTD_FECTL       0x38
#define VTD_FEDATA      0x3c
#define VTD_FEADDR      0x40

static void vtd_command(QTestState *qts, uint32_t bit)
{
    qtest_writel(qts, VTD + VTD_GCMD, bit);
    wait_for(qtest_readl(qts, VTD + VTD_GSTS) & bit);
}

/* Bus addresses below 1 GiB are memory's own, the others have no mapping. */
static void vtd_enable(Machine *m)
{
    QTestState *qts = m->qts;
    uint64_t root = ram_alloc(m, 4096), context = ram_alloc(m, 4096);
    uint64_t table = ram_alloc(m, 4096);

    qtest_writeq(qts, root, context | 1);
    for (int devfn = 0; devfn < 256; devfn++) {
        qtest_writeq(qts, context + 16 * devfn, table | 1);
        /* 39 bits, domain 1. */
        qtest_writeq(qts, context + 16 * devfn + 8, 1 << 8 | 1);
    }
    qtest_writeq(qts, table, 0x83);
    qtest_writeq(qts, VTD + VTD_RTADDR, root);
    vtd_command(qts, 1u << 30);
    vtd_command(qts, 1u << 31);
    /* Faults raise an interrupt. */
    qtest_writel(qts, VTD + VTD_FEADDR, 0xfee00000);
    qtest_writel(qts, VTD + VTD_FEDATA, 0x31);
    qtest_writel(qts, VTD + VTD_FECTL, 0);
}

/*
 * Behind an IOMMU the front does the engine's DMA; also while it waits for the
 * engine, in every way that it can.
 */
static void test_iommu(void)
{
    Setup t;
    Chip *c = &t.c;
    struct dacc_desc desc;
    struct dacc_cpl cpl;

    machine_start(&c->m, "-device intel-iommu "
                  "-device dacc,id=d0,addr=3,sram-size=4M");
    dev_init(&c->m, &c->d, 0, 3);
    vtd_enable(&c->m);
    t.host = ram_alloc(&c->m, 1024 * 1024);
    space_init(&c->d, &t.s, 1);
    space_map(&t.s, VA_HOST, t.host, 1024 * 1024, DACC_PTE_WRITE);
    space_map(&t.s, VA_SRAM, 0, 1024 * 1024, DACC_PTE_WRITE | DACC_PTE_SRAM);
    space_map(&t.s, 0x40000000, 0x40000000, 4096, DACC_PTE_WRITE);
    check_works_again(&t);

    desc = desc_copy(VA_HOST, 0x40000000, 4096);
    cpl = queue_run(&t.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_BUS_ERROR);
    g_assert_cmphex(qtest_readl(c->m.qts, VTD + VTD_FSTS) & 2, ==, 2);
    queue_reset(&t.q);
    queue_start(&t.q);

    post_blocks_job(&t, 100);
    queue_reset(&t.q);
    queue_start(&t.q);
    post_blocks_job(&t, 100);
    qtest_qmp_assert_success(c->m.qts, "{ 'execute': 'stop' }");
    qtest_qmp_assert_success(c->m.qts, "{ 'execute': 'cont' }");
    g_assert_cmpuint(queue_wait(&t.q).status, ==, DACC_STATUS_OK);
    post_blocks_job(&t, 100);
    set32(&c->d, DACC_REG_CTRL, DACC_CTRL_RESET);
    wait_for(!(reg32(&c->d, DACC_REG_CTRL) & DACC_CTRL_RESET));
    check_works_again(&t);
    post_blocks_job(&t, 100);
    cfg_write16(&c->d, cfg_cap(&c->d, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL,
                PCI_EXP_DEVCTL_BCR_FLR);
    check_works_again(&t);
    /* And out with it while one runs. */
    post_blocks_job(&t, 100);
    chip_stop(c);
}

/* It says that it cannot migrate, and does not lose its state silently. */
static void test_unmigratable(void)
{
    Chip c;
    QDict *r;

    chip_start(&c, "");
    r = qtest_qmp(c.m.qts, "{ 'execute': 'migrate', 'arguments': {"
                  " 'uri': 'exec:cat >/dev/null' } }");
    g_assert_true(qdict_haskey(r, "error"));
    qobject_unref(r);
    chip_stop(&c);
}

static void test_two_devices(void)
{
    Machine m;
    Dev d[2];
    Space s[2];
    Queue q[2];
    uint64_t host[2];

    machine_start(&m, "-device dacc,id=d0,addr=3,sram-size=1M "
                  "-device dacc,id=d1,addr=4,sram-size=2M,threads=2");
    for (int i = 0; i < 2; i++) {
        dev_init(&m, &d[i], 0, 3 + i);
        host[i] = ram_alloc(&m, 65536);
        space_init(&d[i], &s[i], 7);
        space_map(&s[i], VA_HOST, host[i], 65536, DACC_PTE_WRITE);
        space_map(&s[i], VA_SRAM, 0, 65536, DACC_PTE_WRITE | DACC_PTE_SRAM);
        chip_enable(&d[i]);
        queue_init(&d[i], &q[i], 2, DACC_CLASS_TRANSFER, 7, 1, 4);
        qtest_writeq(m.qts, host[i], 0x1000 + i);
    }
    for (int i = 0; i < 10; i++) {
        struct dacc_desc desc = desc_copy(VA_HOST, VA_SRAM + 8 * i, 8);

        queue_post(&q[0], &desc);
        queue_post(&q[1], &desc);
    }
    for (int i = 0; i < 2; i++) {
        g_assert_cmpuint(queue_wait(&q[i]).status, ==, DACC_STATUS_OK);
        g_assert_cmphex(qtest_readq(m.qts, d[i].bar[4] + 72), ==, 0x1000 + i);
        g_assert_cmphex(qtest_readq(m.qts, d[i].bar[4] + 80), ==, 0);
    }
    check_alive(m.qts);
    qtest_quit(m.qts);
}

static void test_bad_properties(void)
{
    static const char *const bad[] = {
        "{ 'driver': 'dacc', 'id': 'x', 'bus': 'rp0', 'sram-size': 0 }",
        "{ 'driver': 'gpupeer', 'id': 'x', 'bus': 'rp0', 'hbm-size': 0 }",
        "{ 'driver': 'dacc', 'id': 'x', 'bus': 'rp0', 'sram-size': 67108864,"
        " 'memdev': 'sram1' }",
        "{ 'driver': 'dacc', 'id': 'x', 'bus': 'rp0', 'sram-size': 100000 }",
        "{ 'driver': 'dacc', 'id': 'x', 'bus': 'rp0', 'queues': 65 }",
        "{ 'driver': 'dacc', 'id': 'x', 'bus': 'rp0', 'vector': 'mmx' }",
        "{ 'driver': 'dacc', 'id': 'x', 'bus': 'rp0', 'threads': 1000 }",
        "{ 'driver': 'dacc', 'id': 'x', 'bus': 'rp0', 'pcie-bw': 0 }",
        "{ 'driver': 'dacc', 'id': 'x', 'bus': 'rp0', 'link': 'nolink' }",
        "{ 'driver': 'gpupeer', 'id': 'x', 'bus': 'rp0', 'hbm-size': 196608 }",
    };
    static const char *const why[] = {
        "sram-size must not be 0",
        "hbm-size must not be 0",
        "memdev 'sram1' has its own size: leave sram-size out",
    };
    Machine m;

    machine_start(&m, "-object memory-backend-ram,id=sram1,size=2M "
                  "-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=5");
    for (int i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autofree char *cmd = g_strdup_printf("{ 'execute': 'device_add', "
                                               "'arguments': %s }", bad[i]);
        QDict *r;

        qtest_qmp_send_raw(m.qts, "%s", cmd);
        r = qtest_qmp_receive(m.qts);
        g_test_message("%s", bad[i]);
        g_assert_true(qdict_haskey(r, "error"));
        if (i < ARRAY_SIZE(why)) {
            g_assert_cmpstr(qdict_get_str(qdict_get_qdict(r, "error"), "desc"),
                            ==, why[i]);
        }
        qobject_unref(r);
    }
    /* What failed has left nothing behind. */
    qtest_qmp_device_add(m.qts, "dacc", "x", "{ 'bus': 'rp0' }");
    check_alive(m.qts);
    qtest_quit(m.qts);
}

static void test_hot_unplug(void)
{
    Machine m;
    Dev port, d;
    Setup t;
    QDict *r;

    machine_start(&m, "-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=5 "
                  "-device dacc,id=d0,bus=rp0,sram-size=4M");
    port_init(&m, &port, 5);
    dev_init(&m, &d, 1, 0);
    g_assert_cmphex(cfg_read(&d, 0), ==, 0xdacc1234);
    g_assert_cmphex(reg32(&d, DACC_REG_ID), ==, DACC_ID_MAGIC);

    t.c.m = m;
    t.c.d = d;
    t.c.d.m = &t.c.m;
    t.host = ram_alloc(&t.c.m, 1024 * 1024);
    space_init(&t.c.d, &t.s, 1);
    space_map(&t.s, VA_HOST, t.host, 1024 * 1024, DACC_PTE_WRITE);
    space_map(&t.s, VA_SRAM, 0, 1024 * 1024, DACC_PTE_WRITE | DACC_PTE_SRAM);
    chip_enable(&t.c.d);
    queue_init(&t.c.d, &t.q, 0, DACC_CLASS_TRANSFER, 1, 1, 4);
    post_long_job(&t);
    g_assert_true(qtest_qom_get_bool(m.qts, PATH, "busy"));

    r = qtest_qmp(m.qts, "{ 'execute': 'device_del', 'arguments': {"
                  " 'id': 'd0' } }");
    g_assert_true(qdict_haskey(r, "return"));
    qobject_unref(r);
    port_power_off(&port);
    qtest_qmp_eventwait(m.qts, "DEVICE_DELETED");
    g_assert_cmphex(cfg_read(&d, 0), ==, 0xffffffff);
    check_alive(m.qts);

    /* And a new one in its place. */
    port_power_on(&port);
    qtest_qmp_device_add(m.qts, "dacc", "d1", "{ 'bus': 'rp0' }");
    dev_enable(&d);
    g_assert_cmphex(reg32(&d, DACC_REG_ID), ==, DACC_ID_MAGIC);
    check_alive(m.qts);
    qtest_quit(m.qts);
}

/*
 * A message goes where the guest wants it: to the slot control of the port
 * above, which unplugs the device at once, in the middle of its own work.
 */
static void test_unplug_by_message(void)
{
    static const char *const opts[] = { "", ",threads=0" };

    for (int i = 0; i < ARRAY_SIZE(opts); i++) {
        g_autofree char *args = g_strdup_printf(
            "-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=5 "
            "-device dacc,id=d0,bus=rp0,sram-size=4M%s", opts[i]);
        struct dacc_desc desc = desc_nop(1);
        uint64_t slot;
        Dev port;
        Setup t;
        Dev *d = &t.c.d;
        Queue other;

        machine_start(&t.c.m, args);
        port_init(&t.c.m, &port, 5);
        dev_init(&t.c.m, d, 1, 0);
        space_init(d, &t.s, 1);
        chip_enable(d);
        queue_init(d, &t.q, 0, DACC_CLASS_TRANSFER, 1, 1, 4);
        queue_init(d, &other, 1, DACC_CLASS_TRANSFER, 1, 2, 4);
        slot = port.cfg + cfg_cap(&port, PCI_CAP_ID_EXP) + PCI_EXP_SLTCTL;
        msix_enable(d);
        for (unsigned v = 0; v <= 2; v++) {
            msix_vector(d, v, slot, PCI_EXP_SLTCTL_PWR_IND_OFF |
                                    PCI_EXP_SLTCTL_PWR_OFF);
        }
        set32(d, DACC_REG_EVENT_MASK, DACC_EVENT_QUEUE_HALT);
        desc.flags = DACC_DESC_IRQ;
        /* Interrupts of two queues and of a halt, if they come together. */
        queue_put(&other, &desc);
        desc.reserved = 1;
        queue_post(&t.q, &desc);
        queue_ring(&other);
        qtest_qmp_eventwait(t.c.m.qts, "DEVICE_DELETED");
        g_assert_cmphex(cfg_read(d, 0), ==, 0xffffffff);
        check_alive(t.c.m.qts);
        /* And a new one in its place. */
        port_power_on(&port);
        qtest_qmp_device_add(t.c.m.qts, "dacc", "d1", "{ 'bus': 'rp0' }");
        dev_enable(d);
        g_assert_cmphex(reg32(d, DACC_REG_ID), ==, DACC_ID_MAGIC);
        chip_stop(&t.c);
    }
}

/* The same with the device's own function-level reset. */
static void test_reset_by_message(void)
{
    struct dacc_desc desc = desc_nop(1);
    uint32_t generation;
    Setup t;
    Dev *d = &t.c.d;

    setup_start(&t, "");
    generation = reg32(d, DACC_REG_GENERATION);
    msix_enable(d);
    for (unsigned v = 0; v <= 1; v++) {
        msix_vector(d, v, d->cfg + cfg_cap(d, PCI_CAP_ID_EXP) +
                    PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
    }
    set32(d, DACC_REG_EVENT_MASK, DACC_EVENT_QUEUE_HALT);
    /* Completion and event: two messages, the second of which is dropped. */
    desc.reserved = 1;
    queue_post(&t.q, &desc);
    wait_for(cfg_read16(d, PCI_COMMAND) == 0);
    check_alive(t.c.m.qts);
    dev_enable(d);
    g_assert_cmpuint(reg32(d, DACC_REG_GENERATION), ==, generation + 1);
    check_works_again(&t);
    setup_stop(&t);
}

/* What is not there to be injected is refused. */
static void test_inject_refused(void)
{
    static const uint32_t bad[] = { 200, DACC_INJECT_HANG | 8 << 8,
                                    DACC_INJECT_DMA_ERROR | 0xffffff << 8 };
    Chip c;

    chip_start(&c, ",queues=8");
    for (int i = 0; i < ARRAY_SIZE(bad); i++) {
        QDict *r = qtest_qmp(c.m.qts, "{ 'execute': 'qom-set', 'arguments': {"
                             " 'path': %s, 'property': 'inject-fault',"
                             " 'value': %u } }", PATH, bad[i]);

        g_assert_true(qdict_haskey(r, "error"));
        qobject_unref(r);
    }
    qom_set_uint(c.m.qts, PATH, "inject-fault", DACC_INJECT_HANG | 7 << 8);
    chip_stop(&c);
}

static void test_memdev_read_only(void)
{
    g_autofree char *path = NULL, *cmd = NULL;
    int fd = g_file_open_tmp("dacc-test-XXXXXX", &path, NULL);
    Machine m;
    QDict *r;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, 1024 * 1024), ==, 0);
    close(fd);
    cmd = g_strdup_printf("-object memory-backend-file,id=ro0,size=1M,"
                          "mem-path=%s,readonly=on,rom=on -device pcie-root-"
                          "port,id=rp0,chassis=1,slot=1,addr=5", path);
    machine_start(&m, cmd);
    r = qtest_qmp(m.qts, "{ 'execute': 'device_add', 'arguments': {"
                  " 'driver': 'dacc', 'id': 'x', 'bus': 'rp0',"
                  " 'memdev': 'ro0' } }");
    g_assert_true(qdict_haskey(r, "error"));
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(r, "error"), "desc"), ==,
                    "memdev 'ro0' is read only");
    qobject_unref(r);
    check_alive(m.qts);
    qtest_quit(m.qts);
    unlink(path);
}

static void test_temperature(void)
{
    Chip c;
    uint64_t word;

    chip_start(&c, ",temperature=51000,temperature-crit=90000");
    g_assert_cmpuint(reg32(&c.d, DACC_REG_TEMP), ==, 51000);
    g_assert_cmpuint(reg32(&c.d, DACC_REG_TEMP_CRIT), ==, 90000);
    word = ram_alloc(&c.m, 4096);
    msix_enable(&c.d);
    msix_vector(&c.d, DACC_VECTOR_EVENT, word, 0x55);
    set32(&c.d, DACC_REG_EVENT_MASK, DACC_EVENT_THERMAL);
    qom_set_uint(c.m.qts, PATH, "temperature", 89999);
    g_assert_cmphex(reg32(&c.d, DACC_REG_EVENT), ==, 0);
    qom_set_uint(c.m.qts, PATH, "temperature", 90000);
    g_assert_cmphex(reg32(&c.d, DACC_REG_EVENT), ==, DACC_EVENT_THERMAL);
    wait_for(qtest_readl(c.m.qts, word) == 0x55);
    g_assert_cmpuint(reg32(&c.d, DACC_REG_TEMP), ==, 90000);
    g_assert_cmpuint(qom_get_uint(c.m.qts, PATH, "temperature"), ==, 90000);
    chip_stop(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dacc/identity", test_identity);
    g_test_add_func("/dacc/registers", test_registers);
    g_test_add_func("/dacc/access-sizes", test_access_sizes);
    g_test_add_func("/dacc/register-sweep", test_register_sweep);
    g_test_add_func("/dacc/sram-tail", test_sram_tail);
    g_test_add_func("/dacc/properties", test_bad_properties);
    g_test_add_func("/dacc/memdev", test_memdev);
    g_test_add_func("/dacc/random", test_random);
    g_test_add_func("/dacc/random-no-thread", test_random_no_thread);
    g_test_add_func("/dacc/queue/bad-values", test_queue_bad_values);
    g_test_add_func("/dacc/queue/bad-vector", test_bad_vector);
    g_test_add_func("/dacc/queue/doorbell-range", test_doorbell_range);
    g_test_add_func("/dacc/queue/wrap", test_ring_wrap);
    g_test_add_func("/dacc/queue/two", test_two_queues);
    g_test_add_func("/dacc/queue/reset-hung", test_queue_reset);
    g_test_add_func("/dacc/op/nop", test_nop);
    g_test_add_func("/dacc/op/bad", test_bad_opcode);
    g_test_add_func("/dacc/op/copy", test_copy);
    g_test_add_func("/dacc/op/fill", test_fill);
    g_test_add_func("/dacc/op/blocks", test_blocks);
    g_test_add_func("/dacc/op/blocks-bad-entry", test_blocks_bad_entry);
    g_test_add_func("/dacc/op/decode", test_decode);
    g_test_add_func("/dacc/op/decode-no-thread", test_decode_no_thread);
    g_test_add_func("/dacc/op/decode-two-threads", test_decode_two_threads);
    g_test_add_func("/dacc/fault/unmapped", test_unmapped);
    g_test_add_func("/dacc/fault/read-only", test_read_only);
    g_test_add_func("/dacc/fault/tlb-invalidate", test_tlb);
    g_test_add_func("/dacc/fault/bad-table", test_bad_table);
    g_test_add_func("/dacc/fault/bus-master-off", test_bus_master_off);
    g_test_add_func("/dacc/fault/bus-master-drain", test_bus_master_drain);
    g_test_add_func("/dacc/fault/dma-to-mmio", test_dma_to_mmio);
    g_test_add_func("/dacc/fault/dma-to-rom", test_dma_to_rom);
    g_test_add_func("/dacc/fault/inject", test_inject);
    g_test_add_func("/dacc/msix/raised", test_msix);
    g_test_add_func("/dacc/msix/masked", test_msix_masked);
    g_test_add_func("/dacc/reset/flr", test_flr);
    g_test_add_func("/dacc/reset/device", test_device_reset);
    g_test_add_func("/dacc/reset/system", test_system_reset);
    g_test_add_func("/dacc/vm-stop", test_vm_stop);
    g_test_add_func("/dacc/iommu", test_iommu);
    g_test_add_func("/dacc/unmigratable", test_unmigratable);
    g_test_add_func("/dacc/two-devices", test_two_devices);
    g_test_add_func("/dacc/hot-unplug", test_hot_unplug);
    g_test_add_func("/dacc/msix/unplugs-device", test_unplug_by_message);
    g_test_add_func("/dacc/msix/resets-device", test_reset_by_message);
    g_test_add_func("/dacc/memdev-read-only", test_memdev_read_only);
    g_test_add_func("/dacc/fault/inject-refused", test_inject_refused);
    g_test_add_func("/dacc/temperature", test_temperature);
    return g_test_run();
}
