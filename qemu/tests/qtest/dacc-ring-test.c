/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qtest of the device dacc: virtual rings, wake-ups, counts, doorbell pages. */
#include "dacc-setup.h"

/* The queue's ring and area by their virtual addresses (see setup_start()). */
static void queue_virtual(Setup *t, Queue *q, unsigned n, uint64_t at,
                          unsigned vector, uint64_t start)
{
    Dev *d = &t->c.d;

    *q = (Queue) { .d = d, .n = n, .reg = queue_reg(n, 0), .len = 16 };
    q->ring = t->host + at;
    q->cpl = q->ring + 16 * sizeof(struct dacc_desc);
    qtest_memset(t->c.m.qts, q->ring, 0, 4096);
    set64(d, q->reg + DACC_QUEUE_RING, VA_HOST + at);
    set64(d, q->reg + DACC_QUEUE_CPL, VA_HOST + at + (q->cpl - q->ring));
    set32(d, q->reg + DACC_QUEUE_RING_LOG2, 4);
    set32(d, q->reg + DACC_QUEUE_CONFIG,
          queue_config(DACC_CLASS_TRANSFER, 1, vector) |
          DACC_QUEUE_CONFIG_VIRTUAL);
    set64(d, q->reg + DACC_QUEUE_START, start);
    queue_start(q);
    q->tail = start;
    g_assert_cmpuint(queue_state(q), ==, DACC_QUEUE_ACTIVE);
}

static uint32_t page_state(Dev *d, unsigned q)
{
    return qtest_readl(d->qts, d->bar[DACC_BAR_DOORBELL] +
                       q * DACC_DOORBELL_STRIDE + DACC_DOORBELL_STATE);
}

static void run_virtual(const char *opts)
{
    struct dacc_desc nop = desc_nop(1);
    struct dacc_desc copy = desc_copy(VA_HOST + 0x20000, VA_SRAM, 5000);
    g_autofree uint8_t *data = NULL;
    struct dacc_cpl_head head;
    Queue v;
    Setup t;

    setup_start(&t, opts);
    g_assert_cmphex(reg64(&t.c.d, DACC_REG_FEATURES) &
                    DACC_FEATURE_VIRTUAL_RING, !=, 0);
    queue_virtual(&t, &v, 1, 0x10000, 2, 1000);
    data = put_random(t.c.m.qts, t.host + 0x20000, 5000, 5);
    g_assert_cmpuint(queue_run(&v, &copy).status, ==, DACC_STATUS_OK);
    check_bytes(t.c.m.qts, sram(&t), data, 5000);
    for (int i = 0; i < 40; i++) {
        g_assert_cmpuint(queue_run(&v, &nop).status, ==, DACC_STATUS_OK);
    }
    g_assert_cmpuint(reg64(&t.c.d, v.reg + DACC_QUEUE_PRODUCED), ==, 1041);
    g_assert_cmpuint(reg64(&t.c.d, v.reg + DACC_QUEUE_COMPLETED), ==, 1041);

    /* Its page goes away: this queue halts, the device and the other don't. */
    space_unmap(&t.s, VA_HOST + 0x10000);
    set32(&t.c.d, DACC_REG_TLB_INVALIDATE, 1);
    queue_post(&v, &nop);
    wait_for(queue_state(&v) == DACC_QUEUE_HALTED);
    g_assert_cmpuint(page_state(&t.c.d, 1), ==, DACC_QUEUE_HALTED);
    g_assert_cmpuint(reg32(&t.c.d, v.reg + DACC_QUEUE_FAULT), ==,
                     DACC_STATUS_UNMAPPED);
    g_assert_cmphex(reg64(&t.c.d, v.reg + DACC_QUEUE_FAULT_ADDR), >=,
                    VA_HOST + 0x10000);
    g_assert_cmphex(reg32(&t.c.d, DACC_REG_STATUS), ==, DACC_DEVSTAT_READY);
    g_assert_cmpuint(queue_run(&t.q, &nop).status, ==, DACC_STATUS_OK);

    /* A descriptor that halts it says so in the head. */
    queue_reset(&v);
    queue_virtual(&t, &v, 1, 0x12000, 2, 7);
    nop.reserved = 1;
    g_assert_cmpuint(queue_run(&v, &nop).status, ==, DACC_STATUS_RESERVED);
    wait_for((qtest_memread(t.c.m.qts, v.cpl, &head, sizeof(head)),
              head.fault));
    g_assert_cmpuint(head.fault, ==, DACC_STATUS_RESERVED);
    g_assert_cmpuint(head.seq, ==, 8);
    setup_stop(&t);
}

static void test_virtual(void)
{
    run_virtual("");
}

static void test_virtual_no_thread(void)
{
    run_virtual(",threads=0");
}

/* Neither completion areas nor rings reach registers or the device's own BARs. */
static void test_virtual_mmio(void)
{
    struct dacc_desc nop = desc_nop(1);
    uint64_t regs;
    Queue v;
    Setup t;

    setup_start(&t, "");
    regs = t.c.d.bar[0];
    queue_virtual(&t, &v, 1, 0x10000, 2, 0);
    queue_reset(&v);
    /* The area is this device's own queue registers. */
    space_map(&t.s, VA_HOST + 0x30000, regs + DACC_REG_QUEUE, 4096,
              DACC_PTE_WRITE);
    set64(&t.c.d, v.reg + DACC_QUEUE_CPL, VA_HOST + 0x30000);
    queue_start(&v);
    queue_post(&v, &nop);
    wait_for(queue_state(&v) == DACC_QUEUE_HALTED);
    g_assert_cmpuint(reg32(&t.c.d, v.reg + DACC_QUEUE_FAULT), ==,
                     DACC_STATUS_BUS_ERROR);
    queue_reset(&v);
    set64(&t.c.d, v.reg + DACC_QUEUE_RING, VA_HOST + 0x30000);
    queue_start(&v);
    doorbell(&t.c.d, 1, 1);
    wait_for(queue_state(&v) == DACC_QUEUE_HALTED);
    g_assert_cmpuint(queue_run(&t.q, &nop).status, ==, DACC_STATUS_OK);
    setup_stop(&t);
}

static void test_arm(void)
{
    struct dacc_desc nop = desc_nop(1);
    uint64_t word;
    Queue v;
    Setup t;

    setup_start(&t, "");
    word = t.host + 0x40000;
    msix_enable(&t.c.d);
    msix_vector(&t.c.d, 2, word, 0x1234);
    queue_virtual(&t, &v, 1, 0x10000, 2, 0);
    set64(&t.c.d, v.reg + DACC_QUEUE_ARM, 2);
    queue_run(&v, &nop);
    g_usleep(20000);
    g_assert_cmphex(qtest_readl(t.c.m.qts, word), ==, 0);
    queue_run(&v, &nop);
    wait_for(qtest_readl(t.c.m.qts, word) == 0x1234);
    /* Not again, unless somebody asks. */
    qtest_writel(t.c.m.qts, word, 0);
    queue_run(&v, &nop);
    g_usleep(20000);
    g_assert_cmphex(qtest_readl(t.c.m.qts, word), ==, 0);
    set64(&t.c.d, v.reg + DACC_QUEUE_ARM, 3);
    wait_for(qtest_readl(t.c.m.qts, word) == 0x1234);
    qtest_writel(t.c.m.qts, word, 0);
    set64(&t.c.d, v.reg + DACC_QUEUE_ARM, 1000);
    v.tail += 17;
    queue_ring(&v);
    wait_for(qtest_readl(t.c.m.qts, word) == 0x1234);
    setup_stop(&t);
}

static void test_limit(void)
{
    struct dacc_desc nop = desc_nop(1);
    Setup t;

    setup_start(&t, "");
    set64(&t.c.d, t.q.reg + DACC_QUEUE_LIMIT, 1);
    for (int i = 0; i < 3; i++) {
        queue_put(&t.q, &nop);
    }
    queue_ring(&t.q);
    wait_for(reg64(&t.c.d, t.q.reg + DACC_QUEUE_COMPLETED) == 1);
    g_usleep(20000);
    g_assert_cmpuint(reg64(&t.c.d, t.q.reg + DACC_QUEUE_FETCHED), ==, 1);
    set64(&t.c.d, t.q.reg + DACC_QUEUE_LIMIT, ~0ull);
    queue_wait(&t.q);
    setup_stop(&t);
}

static void test_doorbell_page(void)
{
    Setup t;
    uint64_t base;

    setup_start(&t, ",queues=3");
    base = t.c.d.bar[DACC_BAR_DOORBELL];
    g_assert_cmpuint(page_state(&t.c.d, 0), ==, DACC_QUEUE_ACTIVE);
    g_assert_cmpuint(page_state(&t.c.d, 1), ==, DACC_QUEUE_DISABLED);
    g_assert_cmpuint(page_state(&t.c.d, 3), ==, 0);
    g_assert_cmphex(qtest_readl(t.c.m.qts, base), ==, 0);
    g_assert_cmphex(qtest_readl(t.c.m.qts, base + 8), ==, 0);
    /* Other widths are none of the contract's. */
    g_assert_cmphex(qtest_readb(t.c.m.qts, base + 4), ==, 0);
    g_assert_cmphex(qtest_readw(t.c.m.qts, base + 4), ==, 0);
    g_assert_cmphex(qtest_readq(t.c.m.qts, base), ==, 0);
    doorbell(&t.c.d, 0, 17);
    g_assert_cmpuint(page_state(&t.c.d, 0), ==, DACC_QUEUE_HALTED);
    setup_stop(&t);
}

/* A job that runs is ended; one that waits does not start. */
static void test_abort(void)
{
    struct dacc_desc fill = desc_fill(VA_SRAM + 0x80000, 4, 77);
    struct dacc_cpl cpl;
    Setup t;

    setup_start(&t, "");
    post_long_job(&t);
    queue_put(&t.q, &fill);
    queue_put(&t.q, &fill);
    queue_ring(&t.q);
    set64(&t.c.d, t.q.reg + DACC_QUEUE_ABORT, 2);
    set64(&t.c.d, t.q.reg + DACC_QUEUE_ABORT, 1);
    wait_for(qtest_readq(t.c.m.qts, t.q.cpl) >= 1);
    cpl = queue_cpl(&t.q, 1);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_ABORTED);
    g_assert_cmpuint(cpl.bytes, >, 0);
    g_assert_cmpuint(cpl.bytes, <, LONG_SIZE);
    g_assert_cmpuint(cpl.bytes % 4096, ==, 0);
    g_assert_cmpuint(queue_wait(&t.q).status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(queue_cpl(&t.q, 2).status, ==, DACC_STATUS_ABORTED);
    g_assert_cmpuint(queue_state(&t.q), ==, DACC_QUEUE_ACTIVE);
    /* No write of it any more. */
    check_no_writes(&t);
    setup_stop(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dacc-ring/virtual", test_virtual);
    g_test_add_func("/dacc-ring/virtual-no-thread", test_virtual_no_thread);
    g_test_add_func("/dacc-ring/virtual-mmio", test_virtual_mmio);
    g_test_add_func("/dacc-ring/arm", test_arm);
    g_test_add_func("/dacc-ring/limit", test_limit);
    g_test_add_func("/dacc-ring/doorbell-page", test_doorbell_page);
    g_test_add_func("/dacc-ring/abort", test_abort);
    return g_test_run();
}
