/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qtest of what dacc and gpupeer do as PCI Express functions: power states,
 * error reports, unplugging and plugging at any moment.
 */
#include "dacc-setup.h"

#define VA_HBM      0x30000000ull
#define HBM_SIZE    (16 * 1024 * 1024)

static void set_power(Dev *d, unsigned state)
{
    cfg_write16(d, cfg_cap(d, PCI_CAP_ID_PM) + PCI_PM_CTRL, state);
}

static unsigned get_power(Dev *d)
{
    return cfg_read16(d, cfg_cap(d, PCI_CAP_ID_PM) + PCI_PM_CTRL);
}

static void test_capability(void)
{
    Chip c;
    unsigned cap;

    chip_start(&c, "");
    cap = cfg_cap(&c.d, PCI_CAP_ID_PM);
    g_assert_cmpuint(cap, !=, 0);
    /* Version 3; no D1, D2, PME. */
    g_assert_cmphex(cfg_read16(&c.d, cap + PCI_PM_PMC), ==, 3);
    g_assert_cmphex(get_power(&c.d), ==, 0);
    for (unsigned state = 1; state < 3; state++) {
        set_power(&c.d, state);
        g_assert_cmphex(get_power(&c.d), ==, 0);
    }
    g_assert_cmphex(reg32(&c.d, DACC_REG_ID), ==, DACC_ID_MAGIC);
    set_power(&c.d, 0xfffc);
    g_assert_cmphex(get_power(&c.d), ==, 0);
    g_assert_cmpuint(cfg_ext_cap(&c.d, PCI_EXT_CAP_ID_ERR), !=, 0);
    chip_stop(&c);
}

/* With a job that runs, interrupts that are asked for, and data in the SRAM. */
static void test_d3hot(void)
{
    g_autofree uint8_t *data = NULL, *zero = g_malloc0(4096);
    uint32_t generation;
    uint64_t word;
    Setup t;
    Dev *d = &t.c.d;

    setup_start(&t, "");
    word = ram_alloc(&t.c.m, 4096);
    msix_enable(d);
    msix_vector(d, 1, word, 0x77);
    data = put_random(t.c.m.qts, sram(&t) + 0x200000, 4096, 3);
    generation = reg32(d, DACC_REG_GENERATION);
    set64(d, t.q.reg + DACC_QUEUE_ARM, 1);
    post_long_job(&t);
    set_power(d, 3);
    g_assert_cmphex(get_power(d), ==, 3);
    g_assert_false(qtest_qom_get_bool(t.c.m.qts, PATH, "busy"));
    /* Nobody is there but the configuration space. */
    g_assert_cmphex(cfg_read(d, 0), ==, 0xdacc1234);
    set32(d, DACC_REG_CTRL, DACC_CTRL_ENABLE);
    doorbell(d, 0, 5);
    cfg_write16(d, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_usleep(20000);
    g_assert_cmphex(qtest_readl(t.c.m.qts, word), ==, 0);
    g_assert_cmpuint(qtest_readq(t.c.m.qts, t.q.cpl), ==, 0);
    /* To D0: a reset. */
    set_power(d, 2);
    g_assert_cmphex(get_power(d), ==, 3);
    set_power(d, 0);
    g_assert_cmphex(get_power(d), ==, 0);
    g_assert_cmphex(cfg_read16(d, PCI_COMMAND), ==, 0);
    g_assert_cmphex(cfg_read(d, PCI_BASE_ADDRESS_0) & ~0xfu, ==, 0);
    g_assert_cmphex(cfg_read16(d, cfg_cap(d, PCI_CAP_ID_MSIX) +
                               PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE, ==, 0);
    dev_enable(d);
    g_assert_cmpuint(reg32(d, DACC_REG_GENERATION), >, generation);
    g_assert_cmphex(reg32(d, DACC_REG_CTRL), ==, 0);
    g_assert_cmphex(reg64(d, t.q.reg + DACC_QUEUE_RING), ==, 0);
    g_assert_cmpuint(queue_state(&t.q), ==, DACC_QUEUE_DISABLED);
    check_bytes(t.c.m.qts, sram(&t) + 0x200000, zero, 4096);
    g_assert_cmpint(memcmp(data, zero, 4096), !=, 0);
    /* As new. */
    check_works_again(&t);
    /* A reset in D3hot leads to D0 too. */
    set_power(d, 3);
    qtest_system_reset(t.c.m.qts);
    machine_ecam(&t.c.m);
    g_assert_cmphex(get_power(d), ==, 0);
    dev_enable(d);
    g_assert_cmphex(reg32(d, DACC_REG_ID), ==, DACC_ID_MAGIC);
    setup_stop(&t);
}

/*
 * A memdev's contents are lost like any other's, and its pages stay: those of a
 * file must not be given back, since the file is the user's.
 */
static void test_d3hot_memdev(void)
{
    g_autofree uint8_t *zero = g_malloc0(4096), *data = NULL;
    g_autofree char *name = NULL, *args = NULL;
    struct stat st;
    blkcnt_t blocks;
    Machine m;
    Dev d;
    int fd = g_file_open_tmp("dacc-qtest-XXXXXX", &name, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, SRAM_SIZE), ==, 0);
    args = g_strdup_printf("-object memory-backend-file,id=sram0,share=on,"
                           "size=%d,mem-path=%s "
                           "-device dacc,id=d0,addr=3,memdev=sram0",
                           SRAM_SIZE, name);
    machine_start(&m, args);
    dev_init(&m, &d, 0, 3);
    data = put_random(m.qts, d.bar[DACC_BAR_SRAM] + 65536, 4096, 5);
    check_bytes(m.qts, d.bar[DACC_BAR_SRAM] + 65536, data, 4096);
    g_assert_cmpint(fsync(fd), ==, 0);
    g_assert_cmpint(fstat(fd, &st), ==, 0);
    blocks = st.st_blocks;
    set_power(&d, 3);
    set_power(&d, 0);
    dev_enable(&d);
    check_bytes(m.qts, d.bar[DACC_BAR_SRAM] + 65536, zero, 4096);
    g_assert_cmpint(fsync(fd), ==, 0);
    g_assert_cmpint(fstat(fd, &st), ==, 0);
    g_assert_cmpint(st.st_blocks, >=, blocks);
    check_alive(m.qts);
    qtest_quit(m.qts);
    close(fd);
    unlink(name);
}

/* --- a chip and a GPU behind a root port each, on one link ------------------ */

typedef struct Two {
    Setup t;
    Gpu g;
    Dev port[2];
} Two;

static uint64_t link_status(Two *w)
{
    return reg32(&w->t.c.d, DACC_REG_LINK + DACC_LINK_STATUS);
}

static bool link_trained(Two *w)
{
    return link_status(w) == (DACC_LINK_PRESENT | DACC_LINK_UP);
}

/* Gives what lies behind port @n its numbers. */
static void two_port(Two *w, unsigned n)
{
    Machine *m = &w->t.c.m;
    Dev *port = &w->port[n];

    *port = (Dev) { .m = m, .qts = m->qts, .cfg = ECAM + ((4 + n) << 15) };
    cfg_write(port, PCI_PRIMARY_BUS, (n + 1) << 16 | (n + 1) << 8);
    cfg_write(port, PCI_MEMORY_BASE, n ? 0xc7f0c400 : 0xc3f0c000);
    cfg_write(port, PCI_PREF_MEMORY_BASE, n ? 0x7ff14001 : 0x3ff10001);
    cfg_write(port, PCI_PREF_BASE_UPPER32, MEM64_BASE >> 32);
    cfg_write(port, PCI_PREF_LIMIT_UPPER32, MEM64_BASE >> 32);
    cfg_write16(port, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    m->mmio = n ? 0xc4000000 : 0xc0000000;
    m->mem64 = MEM64_BASE + (n ? 0x40000000 : 0);
}

static void two_chip(Two *w)
{
    Setup *t = &w->t;

    space_init(&t->c.d, &t->s, 1);
    space_map(&t->s, VA_HOST, t->host, 1024 * 1024, DACC_PTE_WRITE);
    space_map(&t->s, VA_SRAM, 0, 1024 * 1024, DACC_PTE_WRITE | DACC_PTE_SRAM);
    space_map(&t->s, VA_HBM, gpu_hbm(&w->g), 1024 * 1024, DACC_PTE_WRITE);
    chip_enable(&t->c.d);
    queue_init(&t->c.d, &t->q, 0, DACC_CLASS_TRANSFER, 1, 1, 4);
}

static void two_decoder(Two *w)
{
    Dev *d = &w->t.c.d;

    set64(d, DACC_REG_DECODER + DACC_DECODER_BASE, gpu_hbm(&w->g));
    set64(d, DACC_REG_DECODER + DACC_DECODER_SIZE, HBM_SIZE);
    set64(d, DACC_REG_DECODER + DACC_DECODER_TARGET, 0);
    set32(d, DACC_REG_DECODER + DACC_DECODER_CTRL, DACC_DECODER_ENABLE);
    g_assert_cmphex(reg32(d, DACC_REG_DECODER + DACC_DECODER_CTRL), ==,
                    DACC_DECODER_ENABLE);
}

static void two_start(Two *w, const char *opts)
{
    g_autofree char *args = g_strdup_printf(
        "-device dacc-link,id=l0 "
        "-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=4 "
        "-device pcie-root-port,id=rp1,chassis=2,slot=2,addr=5 "
        "-device dacc,id=d0,bus=rp0,sram-size=4M,link=l0%s "
        "-device gpupeer,id=g0,bus=rp1,hbm-size=16M,link=l0", opts);

    machine_start(&w->t.c.m, args);
    w->t.host = ram_alloc(&w->t.c.m, 1024 * 1024);
    two_port(w, 0);
    dev_init(&w->t.c.m, &w->t.c.d, 1, 0);
    two_port(w, 1);
    gpu_init(&w->t.c.m, &w->g, 2, 0);
    two_chip(w);
    wait_for(link_trained(w));
    two_decoder(w);
}

static void two_stop(Two *w)
{
    chip_stop(&w->t.c);
}

/* Neither end's link is up while the other sleeps. */
static void test_d3hot_link(void)
{
    struct dacc_desc desc = desc_copy(VA_HBM, VA_SRAM, 4096);
    g_autofree uint8_t *zero = g_malloc0(4096), *data = NULL;
    Two w;

    two_start(&w, "");
    data = put_random(w.t.c.m.qts, gpu_hbm(&w.g), 4096, 9);
    g_assert_cmpuint(queue_run(&w.t.q, &desc).path, ==, DACC_PATH_LINK);
    check_bytes(w.t.c.m.qts, sram(&w.t), data, 4096);
    set_power(&w.g.d, 3);
    wait_for(link_status(&w) == DACC_LINK_PRESENT);
    desc.flags = DACC_DESC_LINK_ONLY | DACC_DESC_CONTINUE;
    g_assert_cmpuint(queue_run(&w.t.q, &desc).status, ==,
                     DACC_STATUS_LINK_DOWN);
    desc.flags = DACC_DESC_CONTINUE;
    g_assert_cmpuint(queue_run(&w.t.q, &desc).status, ==,
                     DACC_STATUS_BUS_ERROR);
    set_power(&w.g.d, 0);
    dev_enable(&w.g.d);
    wait_for(link_trained(&w));
    check_bytes(w.t.c.m.qts, gpu_hbm(&w.g), zero, 4096);
    gpu_setup(&w.g);
    gpu_post(&w.g, GPUPEER_OP_NOP, 5, 0);
    g_assert_cmpuint(gpu_wait(&w.g).status, ==, GPUPEER_STATUS_OK);
    desc.flags = DACC_DESC_LINK_ONLY;
    g_assert_cmpuint(queue_run(&w.t.q, &desc).path, ==, DACC_PATH_LINK);
    /* And the chip. */
    set_power(&w.t.c.d, 3);
    set_power(&w.t.c.d, 0);
    dev_enable(&w.t.c.d);
    wait_for(link_trained(&w));
    two_chip(&w);
    two_decoder(&w);
    g_assert_cmpuint(queue_run(&w.t.q, &desc).path, ==, DACC_PATH_LINK);
    two_stop(&w);
}

/* What the other end of the link was writing is not there in D0. */
static void test_d3hot_written(void)
{
    const uint64_t size = 2 * 1024 * 1024;
    g_autofree uint8_t *zero = g_malloc0(size);
    struct dacc_desc desc = desc_fill(VA_LONG, LONG_SIZE, 0x5a5a5a5a);

    for (int round = 0; round < 3; round++) {
        Two w;

        two_start(&w, "");
        space_map_long(&w.t.s, gpu_hbm(&w.g), 512, DACC_PTE_WRITE);
        queue_post(&w.t.q, &desc);
        wait_for(reg64(&w.t.c.d, DACC_REG_LINK + DACC_LINK_TX_BYTES) > size);
        set_power(&w.g.d, 3);
        /* Known at once. */
        g_assert_cmphex(link_status(&w), ==, DACC_LINK_PRESENT);
        wait_for(queue_state(&w.t.q) == DACC_QUEUE_HALTED);
        set_power(&w.g.d, 0);
        dev_enable(&w.g.d);
        check_bytes(w.t.c.m.qts, gpu_hbm(&w.g), zero, size);
        two_stop(&w);
    }
}

/* --- errors ----------------------------------------------------------------- */

/* Lets uncorrectable errors through to the root port's registers. */
static void aer_enable(Dev *port, Dev *d)
{
    Dev *both[] = { port, d };

    for (int i = 0; i < 2; i++) {
        unsigned exp = cfg_cap(both[i], PCI_CAP_ID_EXP);
        unsigned aer = cfg_ext_cap(both[i], PCI_EXT_CAP_ID_ERR);

        g_assert_cmpuint(aer, !=, 0);
        cfg_write16(both[i], exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_CERE |
                    PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
                    PCI_EXP_DEVCTL_URRE);
        cfg_write(both[i], aer + PCI_ERR_UNCOR_MASK, 0);
        cfg_write(both[i], aer + PCI_ERR_COR_MASK, 0);
    }
    cfg_write16(port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_SERR);
    cfg_write16(port, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                PCI_COMMAND_SERR);
}

static uint32_t root_status(Dev *port)
{
    return cfg_read(port, cfg_ext_cap(port, PCI_EXT_CAP_ID_ERR) +
                    PCI_ERR_ROOT_STATUS);
}

static uint32_t uncor_status(Dev *d)
{
    return cfg_read(d, cfg_ext_cap(d, PCI_EXT_CAP_ID_ERR) +
                    PCI_ERR_UNCOR_STATUS);
}

static void aer_clear(Dev *port, Dev *d)
{
    cfg_write(d, cfg_ext_cap(d, PCI_EXT_CAP_ID_ERR) + PCI_ERR_UNCOR_STATUS,
              ~0u);
    cfg_write(port, cfg_ext_cap(port, PCI_EXT_CAP_ID_ERR) +
              PCI_ERR_ROOT_STATUS, ~0u);
    g_assert_cmphex(uncor_status(d), ==, 0);
    g_assert_cmphex(root_status(port) & 0x7f, ==, 0);
}

static void test_aer_inject(void)
{
    static const char *const id[] = { "d0", "g0" };
    Two w;

    two_start(&w, "");
    for (int i = 0; i < 2; i++) {
        Dev *d = i ? &w.g.d : &w.t.c.d;
        g_autofree char *out = NULL;

        aer_enable(&w.port[i], d);
        out = qtest_hmp(w.t.c.m.qts, "pcie_aer_inject_error %s COMP_ABORT",
                        id[i]);
        g_assert_cmphex(uncor_status(d), ==, PCI_ERR_UNC_COMP_ABORT);
        g_assert_cmphex(root_status(&w.port[i]) & 0x7f, ==,
                        PCI_ERR_ROOT_UNCOR_RCV | PCI_ERR_ROOT_NONFATAL_RCV);
        aer_clear(&w.port[i], d);
        g_free(out);
        out = qtest_hmp(w.t.c.m.qts, "pcie_aer_inject_error %s MALF_TLP",
                        id[i]);
        g_assert_cmphex(root_status(&w.port[i]) & PCI_ERR_ROOT_FATAL_RCV, !=,
                        0);
    }
    two_stop(&w);
}

/* What the bus refuses: reported once until it was cleared, if wanted at all. */
static void test_aer_dma(void)
{
    for (int on = 0; on < 2; on++) {
        struct dacc_desc bad = desc_copy(0x50000000, VA_SRAM, 4096);
        Two w;
        Dev *d = &w.t.c.d;

        two_start(&w, on ? ",aer=on" : "");
        aer_enable(&w.port[0], d);
        bad.flags = DACC_DESC_CONTINUE;
        space_map(&w.t.s, 0x50000000, 0x7000000000, 4096, DACC_PTE_WRITE);
        for (int i = 0; i < 3; i++) {
            g_assert_cmpuint(queue_run(&w.t.q, &bad).status, ==,
                             DACC_STATUS_BUS_ERROR);
        }
        if (on) {
            wait_for(uncor_status(d) == PCI_ERR_UNC_UNSUP);
            g_assert_cmphex(root_status(&w.port[0]) & 0x7f, ==,
                            PCI_ERR_ROOT_UNCOR_RCV | PCI_ERR_ROOT_NONFATAL_RCV);
            aer_clear(&w.port[0], d);
            g_assert_cmpuint(queue_run(&w.t.q, &bad).status, ==,
                             DACC_STATUS_BUS_ERROR);
            wait_for(uncor_status(d) == PCI_ERR_UNC_UNSUP);
        } else {
            g_usleep(20000);
            g_assert_cmphex(uncor_status(d), ==, 0);
            g_assert_cmphex(root_status(&w.port[0]) & 0x7f, ==, 0);
        }
        two_stop(&w);
    }
}

/* --- plugging --------------------------------------------------------------- */

static void unplug(Two *w, unsigned n, const char *id)
{
    QDict *r = qtest_qmp(w->t.c.m.qts, "{ 'execute': 'device_del',"
                         " 'arguments': { 'id': %s } }", id);

    g_assert_true(qdict_haskey(r, "return"));
    qobject_unref(r);
    port_power_off(&w->port[n]);
    qtest_qmp_eventwait(w->t.c.m.qts, "DEVICE_DELETED");
    port_power_on(&w->port[n]);
}

/*
 * Each end in turn, again and again, while transfers over the link run; each
 * time the link trains and carries data again.
 */
static void test_replug(void)
{
    const struct dacc_desc desc = desc_copy(VA_HBM, VA_SRAM, 1024 * 1024);
    QTestState *qts;
    Two w;

    two_start(&w, "");
    qts = w.t.c.m.qts;
    for (int round = 0; round < 6; round++) {
        g_autofree char *id = g_strdup_printf("d%d", round);
        g_autofree char *gpu = g_strdup_printf("g%d", round);
        g_autofree char *next_id = g_strdup_printf("d%d", round + 1);
        g_autofree char *next_gpu = g_strdup_printf("g%d", round + 1);
        bool both = round % 3 == 2;

        for (int i = 0; i < 8; i++) {
            queue_post(&w.t.q, &desc);
        }
        g_usleep(round * 300);
        unplug(&w, 0, id);
        qtest_qmp_device_add(qts, "dacc", next_id, "{ 'bus': 'rp0',"
                             " 'sram-size': 4194304, 'link': 'l0' }");
        dev_enable(&w.t.c.d);
        if (!both) {
            wait_for(link_trained(&w));
        }
        two_chip(&w);
        two_decoder(&w);
        for (int i = 0; i < 8; i++) {
            queue_post(&w.t.q, &desc);
        }
        unplug(&w, 1, gpu);
        wait_for(link_status(&w) == DACC_LINK_PRESENT);
        wait_for(queue_state(&w.t.q) == DACC_QUEUE_HALTED ||
                 qtest_readq(qts, w.t.q.cpl) == 8);
        if (both) {
            /* With nobody at the other end. */
            unplug(&w, 0, next_id);
        }
        qtest_qmp_device_add(qts, "gpupeer", next_gpu, "{ 'bus': 'rp1',"
                             " 'hbm-size': 16777216, 'link': 'l0' }");
        dev_enable(&w.g.d);
        if (both) {
            qtest_qmp_device_add(qts, "dacc", next_id, "{ 'bus': 'rp0',"
                                 " 'sram-size': 4194304, 'link': 'l0' }");
            dev_enable(&w.t.c.d);
        } else {
            queue_reset(&w.t.q);
        }
        wait_for(link_trained(&w));
        two_chip(&w);
        two_decoder(&w);
        g_assert_cmpuint(queue_run(&w.t.q, &desc).path, ==, DACC_PATH_LINK);
    }
    two_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dacc-power/capability", test_capability);
    g_test_add_func("/dacc-power/d3hot", test_d3hot);
    g_test_add_func("/dacc-power/d3hot-memdev", test_d3hot_memdev);
    g_test_add_func("/dacc-power/d3hot-link", test_d3hot_link);
    g_test_add_func("/dacc-power/d3hot-written", test_d3hot_written);
    g_test_add_func("/dacc-power/aer-inject", test_aer_inject);
    g_test_add_func("/dacc-power/aer-dma", test_aer_dma);
    g_test_add_func("/dacc-power/replug", test_replug);
    return g_test_run();
}
