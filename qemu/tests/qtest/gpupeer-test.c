/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qtest of the device gpupeer. */
#include "dacc-qtest.h"

#define HBM_SIZE    (16 * 1024 * 1024)
#define TABLE       0x10000ull      /* offsets in HBM */
#define PROGRAM     0x20000ull
#define TOKENS      0x21000ull
#define ACT         0x30000ull

typedef struct Setup {
    Machine m;
    Gpu g;
    uint64_t job;
} Setup;

static void setup_start(Setup *t, const char *opts)
{
    g_autofree char *args = g_strdup_printf("-device gpupeer,id=g0,addr=4,"
                                            "hbm-size=%d%s", HBM_SIZE, opts);

    machine_start(&t->m, args);
    gpu_init(&t->m, &t->g, 0, 4);
    t->job = ram_alloc(&t->m, 4096);
}

static void setup_stop(Setup *t)
{
    check_alive(t->m.qts);
    qtest_quit(t->m.qts);
}

static void test_identity(void)
{
    Setup t;
    Dev *d = &t.g.d;
    unsigned cap;

    setup_start(&t, "");
    g_assert_cmphex(cfg_read(d, PCI_VENDOR_ID), ==, 0xdac91234);
    g_assert_cmphex(cfg_read16(d, PCI_CLASS_DEVICE), ==, GPUPEER_PCI_CLASS);
    cap = cfg_cap(d, PCI_CAP_ID_MSIX);
    g_assert_cmpuint((cfg_read16(d, cap + PCI_MSIX_FLAGS) &
                      PCI_MSIX_FLAGS_QSIZE) + 1, ==, GPUPEER_MSIX_VECTORS);
    cap = cfg_cap(d, PCI_CAP_ID_EXP);
    g_assert_true(cfg_read(d, cap + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
    g_assert_cmpuint(cfg_ext_cap(d, PCI_EXT_CAP_ID_ERR), !=, 0);
    g_assert_cmphex(reg32(d, GPUPEER_REG_ID), ==, GPUPEER_ID_MAGIC);
    g_assert_cmphex(reg32(d, GPUPEER_REG_VERSION), ==, GPUPEER_VERSION);
    g_assert_cmphex(reg64(d, GPUPEER_REG_HBM_SIZE), ==, HBM_SIZE);
    g_assert_cmphex(reg32(d, GPUPEER_REG_STATUS), ==, GPUPEER_STAT_READY);
    g_assert_cmphex(qtest_readb(t.m.qts, d->bar[0]), ==, 0xff);
    g_assert_cmphex(qtest_readl(t.m.qts, d->bar[0] + 2), ==, 0xffffffff);
    g_assert_cmphex(bar_size(d, GPUPEER_BAR_REGS, false), ==,
                    GPUPEER_REGS_SIZE);
    g_assert_cmphex(bar_size(d, GPUPEER_BAR_HBM, true), ==, HBM_SIZE);
    setup_stop(&t);
}

static void test_register_sweep(void)
{
    Setup t;
    Dev *d = &t.g.d;

    setup_start(&t, "");
    for (uint64_t off = 0; off < 0x1000; off += 4) {
        reg32(d, off);
        set32(d, off, 0xffffffff);
        if (off % 8 == 0) {
            reg64(d, off);
            set64(d, off, 0xaaaa5555aaaa5555ull);
        }
    }
    set32(d, GPUPEER_REG_CTRL, GPUPEER_CTRL_RESET);
    wait_for(!(reg32(d, GPUPEER_REG_CTRL) & GPUPEER_CTRL_RESET));
    gpu_setup(&t.g);
    gpu_post(&t.g, GPUPEER_OP_NOP, 1, 0);
    g_assert_cmpuint(gpu_wait(&t.g).status, ==, GPUPEER_STATUS_OK);
    setup_stop(&t);
}

static void test_ring(void)
{
    Setup t;
    uint64_t msg;

    setup_start(&t, "");
    msg = ram_alloc(&t.m, 4096);
    msix_enable(&t.g.d);
    msix_vector(&t.g.d, GPUPEER_VECTOR_COMPLETION, msg, 0x31);
    for (int i = 0; i < 40; i++) {
        struct gpupeer_cpl cpl;

        gpu_post(&t.g, GPUPEER_OP_NOP, 100 + i, 0);
        cpl = gpu_wait(&t.g);
        g_assert_cmpuint(cpl.status, ==, GPUPEER_STATUS_OK);
        g_assert_cmpuint(cpl.cookie, ==, 100 + i);
    }
    wait_for(qtest_readl(t.m.qts, msg) == 0x31);
    g_assert_cmpuint(reg64(&t.g.d, GPUPEER_REG_COMPLETED), ==, 40);
    /* A bad opcode fails by itself; the ring goes on. */
    gpu_post(&t.g, 77, 1, 0);
    g_assert_cmpuint(gpu_wait(&t.g).status, ==, GPUPEER_STATUS_BAD_JOB);
    gpu_post(&t.g, GPUPEER_OP_NOP, 2, 0);
    g_assert_cmpuint(gpu_wait(&t.g).status, ==, GPUPEER_STATUS_OK);
    setup_stop(&t);
}

static void test_bad_doorbell(void)
{
    Setup t;
    Dev *d = &t.g.d;

    setup_start(&t, "");
    set32(d, GPUPEER_REG_DOORBELL, 17);
    wait_for(reg32(d, GPUPEER_REG_STATUS) & GPUPEER_STAT_FATAL);
    set32(d, GPUPEER_REG_CTRL, GPUPEER_CTRL_RESET);
    wait_for(!(reg32(d, GPUPEER_REG_CTRL) & GPUPEER_CTRL_RESET));
    g_assert_cmphex(reg32(d, GPUPEER_REG_STATUS), ==, GPUPEER_STAT_READY);
    /* Rings that cannot be. */
    set64(d, GPUPEER_REG_RING, t.g.ring + 8);
    set32(d, GPUPEER_REG_RING_LOG2, 4);
    set64(d, GPUPEER_REG_CPL, t.g.cpl);
    set64(d, GPUPEER_REG_EVENTS, t.g.events);
    set32(d, GPUPEER_REG_CTRL, GPUPEER_CTRL_ENABLE);
    g_assert_cmphex(reg32(d, GPUPEER_REG_STATUS) & GPUPEER_STAT_FATAL, !=, 0);
    set32(d, GPUPEER_REG_CTRL, GPUPEER_CTRL_RESET);
    wait_for(!(reg32(d, GPUPEER_REG_CTRL) & GPUPEER_CTRL_RESET));
    gpu_setup(&t.g);
    gpu_post(&t.g, GPUPEER_OP_NOP, 1, 0);
    g_assert_cmpuint(gpu_wait(&t.g).status, ==, GPUPEER_STATUS_OK);
    setup_stop(&t);
}

static uint32_t f32_bits(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    return u;
}

/* Two instructions: each token's row of a table, then a layer event. */
static struct gpupeer_prefill put_program(Setup *t, unsigned n_tokens)
{
    QTestState *qts = t->m.qts;
    uint64_t hbm = gpu_hbm(&t->g);
    const struct dacc_insn insn[2] = {
        {
            .op = DACC_INSN_EMBED,
            .type = DACC_TYPE_F32,
            .dst = DACC_OPERAND(DACC_BASE_ACT, 0),
            .a = DACC_OPERAND(DACC_BASE_MODEL, 0),
            .n0 = 16,
            .n1 = 32,
        },
        {
            .op = DACC_INSN_SIGNAL,
            .n0 = 9,
        },
    };
    struct gpupeer_prefill job = {
        .program = GPUPEER_VA(0, PROGRAM),
        .tokens = GPUPEER_VA(0, TOKENS),
        .act_stride = 4096,
        .n_insns = 2,
        .n_tokens = n_tokens,
        .max_pos = 100,
    };

    job.segment[0] = (struct gpupeer_segment) { .base = 0, .size = ACT };
    job.segment[1] = (struct gpupeer_segment) {
        .base = ACT,
        .size = n_tokens * 4096,
        .flags = GPUPEER_SEGMENT_WRITE,
    };
    job.base[DACC_BASE_MODEL] = GPUPEER_VA(0, TABLE);
    job.base[DACC_BASE_ACT] = GPUPEER_VA(1, 0);
    for (int row = 0; row < 32; row++) {
        for (int i = 0; i < 16; i++) {
            qtest_writel(qts, hbm + TABLE + 4 * (16 * row + i),
                         f32_bits(row * 100 + i));
        }
    }
    qtest_memwrite(qts, hbm + PROGRAM, insn, sizeof(insn));
    for (unsigned i = 0; i < n_tokens; i++) {
        qtest_writel(qts, hbm + TOKENS + 4 * i, (i * 7 + 3) % 32);
    }
    return job;
}

static struct gpupeer_cpl run_prefill(Setup *t,
                                      const struct gpupeer_prefill *job)
{
    qtest_memwrite(t->m.qts, t->job, job, sizeof(*job));
    gpu_post(&t->g, GPUPEER_OP_PREFILL, 0xabc, t->job);
    return gpu_wait(&t->g);
}

static void do_prefill(const char *opts)
{
    Setup t;
    QTestState *qts;
    const unsigned n = 20;
    struct gpupeer_prefill job;
    struct gpupeer_event event;
    struct gpupeer_cpl cpl;
    uint64_t msg;

    setup_start(&t, opts);
    qts = t.m.qts;
    msg = ram_alloc(&t.m, 4096);
    msix_enable(&t.g.d);
    msix_vector(&t.g.d, GPUPEER_VECTOR_EVENT, msg, 0x32);
    job = put_program(&t, n);
    cpl = run_prefill(&t, &job);
    g_assert_cmpuint(cpl.status, ==, GPUPEER_STATUS_OK);
    g_assert_cmphex(cpl.cookie, ==, 0xabc);
    g_assert_cmpuint(cpl.bytes, ==, n);
    g_assert_cmpuint(cpl.t_end, >, cpl.t_start);
    for (unsigned i = 0; i < n; i++) {
        unsigned row = (i * 7 + 3) % 32;

        for (unsigned e = 0; e < 16; e++) {
            g_assert_cmphex(qtest_readl(qts, gpu_hbm(&t.g) + ACT + 4096 * i +
                                        4 * e), ==, f32_bits(row * 100 + e));
        }
    }
    g_assert_cmpuint(qtest_readq(qts, t.g.events), ==, 1);
    qtest_memread(qts, t.g.events + 64, &event, sizeof(event));
    g_assert_cmpuint(event.seq, ==, 1);
    g_assert_cmpuint(event.value, ==, 9);
    g_assert_cmpuint(event.time, >, cpl.t_start);
    g_assert_cmpuint(event.time, <=, cpl.t_end);
    wait_for(qtest_readl(qts, msg) == 0x32);
    setup_stop(&t);
}

static void test_prefill(void)
{
    do_prefill(",threads=2");
}

static void test_prefill_no_thread(void)
{
    do_prefill(",threads=0,vector=scalar");
}

static void test_bad_prefill(void)
{
    Setup t;
    struct gpupeer_prefill good, job;

    setup_start(&t, "");
    good = put_program(&t, 4);
    /* A segment that leaves the HBM, or wraps. */
    job = good;
    job.segment[1].base = HBM_SIZE - 4096;
    g_assert_cmpuint(run_prefill(&t, &job).status, ==, GPUPEER_STATUS_BAD_JOB);
    job = good;
    job.segment[1].base = UINT64_MAX - 4095;
    g_assert_cmpuint(run_prefill(&t, &job).status, ==, GPUPEER_STATUS_BAD_JOB);
    /* Not writable, too small, none. */
    job = good;
    job.segment[1].flags = 0;
    g_assert_cmpuint(run_prefill(&t, &job).status, ==,
                     GPUPEER_STATUS_BAD_ADDRESS);
    job = good;
    job.segment[1].size = 4096;
    g_assert_cmpuint(run_prefill(&t, &job).status, ==,
                     GPUPEER_STATUS_BAD_ADDRESS);
    job = good;
    job.base[DACC_BASE_MODEL] = GPUPEER_VA(7, 0);
    g_assert_cmpuint(run_prefill(&t, &job).status, ==,
                     GPUPEER_STATUS_BAD_ADDRESS);
    job = good;
    job.program = GPUPEER_VA(200, 0);
    g_assert_cmpuint(run_prefill(&t, &job).status, ==,
                     GPUPEER_STATUS_BAD_ADDRESS);
    /* Counts. */
    job = good;
    job.n_tokens = 0;
    g_assert_cmpuint(run_prefill(&t, &job).status, ==, GPUPEER_STATUS_BAD_JOB);
    job = good;
    job.pos = 99;
    g_assert_cmpuint(run_prefill(&t, &job).status, ==, GPUPEER_STATUS_BAD_JOB);
    job = good;
    job.n_insns = 0xffffffff;
    g_assert_cmpuint(run_prefill(&t, &job).status, ==, GPUPEER_STATUS_BAD_JOB);
    /* A parameter block that the bus does not have. */
    gpu_post(&t.g, GPUPEER_OP_PREFILL, 1, 0x700000000000ull);
    g_assert_cmpuint(gpu_wait(&t.g).status, ==, GPUPEER_STATUS_BUS_ERROR);
    g_assert_cmpuint(run_prefill(&t, &good).status, ==, GPUPEER_STATUS_OK);
    setup_stop(&t);
}

static struct gpupeer_cpl run_copy(Setup *t, const struct gpupeer_copy *copy,
                                   const struct gpupeer_sg *sg)
{
    struct gpupeer_copy c = *copy;

    c.sg = t->job + 1024;
    qtest_memwrite(t->m.qts, c.sg, sg, c.n_sg * sizeof(*sg));
    qtest_memwrite(t->m.qts, t->job, &c, sizeof(c));
    gpu_post(&t->g, GPUPEER_OP_COPY, 1, t->job);
    return gpu_wait(&t->g);
}

static void test_copy(void)
{
    Setup t;
    uint64_t host;
    g_autofree uint8_t *data = NULL;
    struct gpupeer_sg sg[3];
    struct gpupeer_copy copy = { .hbm = 12345, .len = 100000, .n_sg = 3 };
    struct gpupeer_cpl cpl;

    setup_start(&t, "");
    host = ram_alloc(&t.m, 1 << 20);
    data = put_random(t.m.qts, host, 100000, 8);
    sg[0] = (struct gpupeer_sg) { .addr = host, .len = 1 };
    sg[1] = (struct gpupeer_sg) { .addr = host + 1, .len = 70000 };
    sg[2] = (struct gpupeer_sg) { .addr = host + 70001, .len = 29999 };
    cpl = run_copy(&t, &copy, sg);
    g_assert_cmpuint(cpl.status, ==, GPUPEER_STATUS_OK);
    g_assert_cmpuint(cpl.bytes, ==, 100000);
    check_bytes(t.m.qts, gpu_hbm(&t.g) + 12345, data, 100000);
    copy.to_host = 1;
    for (int i = 0; i < 3; i++) {
        sg[i].addr += 200000;
    }
    cpl = run_copy(&t, &copy, sg);
    g_assert_cmpuint(cpl.status, ==, GPUPEER_STATUS_OK);
    check_bytes(t.m.qts, host + 200000, data, 100000);

    /* Lengths that do not add up; the end of the HBM; I/O; nothing there. */
    sg[1].len = 1;
    g_assert_cmpuint(run_copy(&t, &copy, sg).status, ==,
                     GPUPEER_STATUS_BAD_JOB);
    sg[1].len = 70000;
    copy.hbm = HBM_SIZE - 99999;
    g_assert_cmpuint(run_copy(&t, &copy, sg).status, !=, GPUPEER_STATUS_OK);
    copy.hbm = UINT64_MAX - 5;
    g_assert_cmpuint(run_copy(&t, &copy, sg).status, !=, GPUPEER_STATUS_OK);
    copy.hbm = 0;
    sg[1].addr = t.g.d.bar[0];
    cpl = run_copy(&t, &copy, sg);
    g_assert_cmpuint(cpl.status, ==, GPUPEER_STATUS_BUS_ERROR);
    g_assert_cmpuint(cpl.index, ==, 1);
    setup_stop(&t);
}

static void test_flr(void)
{
    Setup t;
    Dev *d = &t.g.d;
    struct gpupeer_prefill job;

    setup_start(&t, "");
    job = put_program(&t, 4000);
    job.max_pos = 4096;
    job.segment[1].size = 4096 * 1024;
    job.act_stride = 64;
    qtest_memwrite(t.m.qts, t.job, &job, sizeof(job));
    for (int i = 0; i < 16; i++) {
        gpu_post(&t.g, GPUPEER_OP_PREFILL, 1, t.job);
    }
    cfg_write16(d, cfg_cap(d, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL,
                PCI_EXP_DEVCTL_BCR_FLR);
    g_assert_cmphex(cfg_read16(d, PCI_COMMAND), ==, 0);
    dev_enable(d);
    g_assert_cmphex(reg32(d, GPUPEER_REG_CTRL), ==, 0);
    g_assert_cmphex(reg64(d, GPUPEER_REG_COMPLETED), ==, 0);
    g_assert_cmphex(reg32(d, GPUPEER_REG_STATUS), ==, GPUPEER_STAT_READY);
    qtest_memset(t.m.qts, t.g.cpl, 0, 64);
    gpu_setup(&t.g);
    gpu_post(&t.g, GPUPEER_OP_NOP, 1, 0);
    g_assert_cmpuint(gpu_wait(&t.g).status, ==, GPUPEER_STATUS_OK);
    setup_stop(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gpupeer/identity", test_identity);
    g_test_add_func("/gpupeer/register-sweep", test_register_sweep);
    g_test_add_func("/gpupeer/ring", test_ring);
    g_test_add_func("/gpupeer/bad-values", test_bad_doorbell);
    g_test_add_func("/gpupeer/prefill", test_prefill);
    g_test_add_func("/gpupeer/prefill-no-thread", test_prefill_no_thread);
    g_test_add_func("/gpupeer/bad-prefill", test_bad_prefill);
    g_test_add_func("/gpupeer/copy", test_copy);
    g_test_add_func("/gpupeer/flr", test_flr);
    return g_test_run();
}
