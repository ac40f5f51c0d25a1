/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qtest of dacc-link: a chip and a GPU peer, over the link and over PCIe. */
#include "dacc-qtest.h"

#define HBM_SIZE    (16 * 1024 * 1024)
#define VA_HBM      0x10000000ull
#define VA_SRAM     0x20000000ull
#define VA_HOST     0x30000000ull
#define LEN         (1024 * 1024)
#define LINK        "/machine/peripheral/l0"
#define PORT        DACC_REG_LINK

typedef struct Pair {
    Machine m;
    Dev d;
    Gpu gpu;
    Space s;
    Queue q;
    uint64_t host;
} Pair;

/* A window of the GPU's BAR that decoder 0 sends over the link. */
static void decoder_set(Dev *d, uint64_t base, uint64_t size, uint64_t target)
{
    set32(d, DACC_REG_DECODER + DACC_DECODER_CTRL, 0);
    set64(d, DACC_REG_DECODER + DACC_DECODER_BASE, base);
    set64(d, DACC_REG_DECODER + DACC_DECODER_SIZE, size);
    set64(d, DACC_REG_DECODER + DACC_DECODER_TARGET, target);
    set32(d, DACC_REG_DECODER + DACC_DECODER_CTRL, DACC_DECODER_ENABLE);
}

static bool decoder_enabled(Dev *d)
{
    return reg32(d, DACC_REG_DECODER + DACC_DECODER_CTRL) & DACC_DECODER_ENABLE;
}

static bool link_up(Dev *d)
{
    return reg32(d, PORT + DACC_LINK_STATUS) & DACC_LINK_UP;
}

static void pair_setup(Pair *p)
{
    Dev *d = &p->d;

    p->host = ram_alloc(&p->m, 65536);
    space_init(d, &p->s, 1);
    space_map(&p->s, VA_HBM, gpu_hbm(&p->gpu), LEN, DACC_PTE_WRITE);
    space_map(&p->s, VA_SRAM, 0, LEN, DACC_PTE_WRITE | DACC_PTE_SRAM);
    space_map(&p->s, VA_HOST, p->host, 65536, DACC_PTE_WRITE);
    chip_enable(d);
    queue_init(d, &p->q, 0, DACC_CLASS_TRANSFER, 1, 1, 4);
}

static void pair_start(Pair *p, const char *link_opts)
{
    g_autofree char *args = g_strdup_printf(
        "-device dacc-link,id=l0%s "
        "-device dacc,id=d0,addr=3,sram-size=4M,link=l0 "
        "-device gpupeer,id=g0,addr=4,hbm-size=%d,link=l0",
        link_opts, HBM_SIZE);

    machine_start(&p->m, args);
    dev_init(&p->m, &p->d, 0, 3);
    gpu_init(&p->m, &p->gpu, 0, 4);
    pair_setup(p);
}

static void pair_stop(Pair *p)
{
    check_alive(p->m.qts);
    qtest_quit(p->m.qts);
}

static void set_up(Pair *p, bool up)
{
    qtest_qom_set_bool(p->m.qts, LINK, "up", up);
    wait_for(link_up(&p->d) == up);
}

static uint64_t sram(Pair *p)
{
    return p->d.bar[DACC_BAR_SRAM];
}

static void check_dvsec(Dev *d, unsigned bar, uint64_t uid)
{
    unsigned off = cfg_ext_cap(d, PCI_EXT_CAP_ID_DVSEC);
    uint32_t header;

    g_assert_cmpuint(off, !=, 0);
    header = cfg_read(d, off + PCI_DVSEC_HEADER1);
    g_assert_cmphex(PCI_DVSEC_HEADER1_VID(header), ==, DACC_DVSEC_VENDOR);
    g_assert_cmpuint(PCI_DVSEC_HEADER1_REV(header), ==, DACC_DVSEC_REV);
    g_assert_cmpuint(PCI_DVSEC_HEADER1_LEN(header), ==,
                     DACC_DVSEC_PORTS + sizeof(struct dacc_dvsec_port));
    g_assert_cmphex(cfg_read16(d, off + PCI_DVSEC_HEADER2), ==, DACC_DVSEC_ID);
    g_assert_cmpuint(cfg_read16(d, off + DACC_DVSEC_FLAGS), ==, bar);
    g_assert_cmpuint(cfg_read(d, off + DACC_DVSEC_NPORTS), ==, 1);
    g_assert_cmphex(cfg_read(d, off + DACC_DVSEC_PORTS), ==, (uint32_t)uid);
    g_assert_cmphex(cfg_read(d, off + DACC_DVSEC_PORTS + 4), ==, uid >> 32);
    g_assert_cmphex(cfg_read(d, off + DACC_DVSEC_PORTS + 8), ==, 0);
}

static void test_dvsec(void)
{
    Pair p;
    const uint64_t uid = 0x123456789abcdef0ull;

    pair_start(&p, ",uid=0x123456789abcdef0");
    check_dvsec(&p.d, DACC_BAR_SRAM, uid);
    check_dvsec(&p.gpu.d, GPUPEER_BAR_HBM, uid);
    g_assert_cmphex(reg64(&p.d, PORT + DACC_LINK_UID), ==, uid);
    pair_stop(&p);
}

static void test_registers(void)
{
    Pair p;
    Dev *d = &p.d;

    pair_start(&p, ",bandwidth=1000,latency-ps=77");
    g_assert_cmphex(reg64(d, DACC_REG_FEATURES) & DACC_FEATURE_LINK, !=, 0);
    g_assert_cmphex(reg32(d, PORT + DACC_LINK_STATUS), ==,
                    DACC_LINK_PRESENT | DACC_LINK_UP);
    g_assert_cmphex(reg32(d, PORT + DACC_LINK_PEER), ==,
                    (uint32_t)GPUPEER_PCI_DEVICE_ID << 16 |
                    GPUPEER_PCI_VENDOR_ID);
    g_assert_cmpuint(reg64(d, PORT + DACC_LINK_PEER_SIZE), ==, HBM_SIZE);
    g_assert_cmpuint(reg64(d, PORT + DACC_LINK_BW), ==, 1000);
    g_assert_cmpuint(reg64(d, PORT + DACC_LINK_LATENCY), ==, 77);
    g_assert_cmphex(reg32(d, PORT + DACC_LINK_STRIDE), ==, 0);
    pair_stop(&p);
}

static void test_decoder_checks(void)
{
    static const uint64_t bad[][3] = {
        { 0x1000, 0, 0 },
        { 0x1000, 0x1800, 0 },
        { 0x1800, 0x1000, 0 },
        { 0x1000, 0x1000, 0x10 },
        { UINT64_MAX - 0xfff, 0x2000, 0 },
        { 0x1000, HBM_SIZE + 0x1000, 0 },
        { 0x1000, 0x2000, HBM_SIZE - 0x1000 },
        { 0x1000, 0x1000, UINT64_MAX - 0xfff },
    };
    Pair p;

    pair_start(&p, "");
    for (int i = 0; i < ARRAY_SIZE(bad); i++) {
        decoder_set(&p.d, bad[i][0], bad[i][1], bad[i][2]);
        g_assert_false(decoder_enabled(&p.d));
    }
    decoder_set(&p.d, 0x1000, HBM_SIZE, 0);
    g_assert_true(decoder_enabled(&p.d));
    pair_stop(&p);
}

/* The same bytes over the link, then over PCIe. */
static void test_up_and_down(void)
{
    Pair p;
    Dev *d = &p.d;
    g_autofree uint8_t *data = NULL;
    struct dacc_desc desc = desc_copy(VA_HBM + 5, VA_SRAM, LEN - 5);
    struct dacc_cpl up, down;

    pair_start(&p, "");
    decoder_set(d, gpu_hbm(&p.gpu), HBM_SIZE, 0);
    g_assert_true(decoder_enabled(d));
    data = put_random(p.m.qts, gpu_hbm(&p.gpu), LEN, 3);
    desc.flags = DACC_DESC_CHECKSUM;
    up = queue_run(&p.q, &desc);
    g_assert_cmpuint(up.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(up.path, ==, DACC_PATH_LINK);
    g_assert_cmpuint(up.link_bytes, ==, LEN - 5);
    check_bytes(p.m.qts, sram(&p), data + 5, LEN - 5);
    g_assert_cmpuint(reg64(d, PORT + DACC_LINK_RX_BYTES), ==, LEN - 5);
    g_assert_cmpuint(qom_get_uint(p.m.qts, LINK, "port1-tx-bytes"), ==,
                     LEN - 5);

    set_up(&p, false);
    g_assert_cmphex(reg32(d, PORT + DACC_LINK_STATUS), ==, DACC_LINK_PRESENT);
    g_assert_cmphex(reg32(d, DACC_REG_EVENT) & DACC_EVENT_LINK, !=, 0);
    qtest_memset(p.m.qts, sram(&p), 0, LEN);
    down = queue_run(&p.q, &desc);
    g_assert_cmpuint(down.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(down.path, ==, DACC_PATH_PCIE);
    g_assert_cmpuint(down.link_bytes, ==, 0);
    g_assert_cmphex(down.crc, ==, up.crc);
    check_bytes(p.m.qts, sram(&p), data + 5, LEN - 5);
    g_assert_cmpuint(down.t_end - down.t_start, >, up.t_end - up.t_start);

    /* Up again, and the other direction. */
    set_up(&p, true);
    desc = desc_copy(VA_SRAM, VA_HBM, 4096);
    up = queue_run(&p.q, &desc);
    g_assert_cmpuint(up.path, ==, DACC_PATH_LINK);
    check_bytes(p.m.qts, gpu_hbm(&p.gpu), data + 5, 4096);
    g_assert_cmpuint(reg64(d, PORT + DACC_LINK_TX_BYTES), ==, 4096);
    pair_stop(&p);
}

/* Device time is arithmetic: latency and bytes over bandwidth. */
static void test_time(void)
{
    Pair p;
    struct dacc_desc desc = desc_copy(VA_HBM, VA_SRAM, 65536);
    struct dacc_cpl first, second;

    pair_start(&p, ",bandwidth=1000,latency-ps=5000000");
    decoder_set(&p.d, gpu_hbm(&p.gpu), HBM_SIZE, 0);
    first = queue_run(&p.q, &desc);
    second = queue_run(&p.q, &desc);
    g_assert_cmpuint(first.t_end - first.t_start, >=,
                     65536ull * 1000 + 5000000);
    g_assert_cmpuint(first.t_end - first.t_start, <,
                     65536ull * 1000 + 5000000 + 10000000);
    g_assert_cmpuint(second.t_end - second.t_start, ==,
                     first.t_end - first.t_start);
    pair_stop(&p);
}

/* Part of the range in the window, part not: both ways, one result. */
static void test_partial_window(void)
{
    Pair p;
    g_autofree uint8_t *data = NULL;
    struct dacc_desc desc = desc_copy(VA_HBM, VA_SRAM, 65536);
    struct dacc_cpl cpl;

    pair_start(&p, "");
    decoder_set(&p.d, gpu_hbm(&p.gpu) + 16384, 8192, 16384);
    data = put_random(p.m.qts, gpu_hbm(&p.gpu), 65536, 4);
    cpl = queue_run(&p.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(cpl.path, ==, DACC_PATH_LINK | DACC_PATH_PCIE);
    g_assert_cmpuint(cpl.link_bytes, ==, 8192);
    check_bytes(p.m.qts, sram(&p), data, 65536);
    /* The target need not be the window's own place. */
    decoder_set(&p.d, gpu_hbm(&p.gpu), 4096, 32768);
    desc = desc_copy(VA_HBM, VA_SRAM, 4096);
    cpl = queue_run(&p.q, &desc);
    g_assert_cmpuint(cpl.path, ==, DACC_PATH_LINK);
    check_bytes(p.m.qts, sram(&p), data + 32768, 4096);
    pair_stop(&p);
}

/*
 * A transfer that does not end while the test looks on: 65536 blocks of 15 MiB
 * are minutes of work for any machine. The pages of 2 MiB are mapped again and
 * again to that end. LEN_LONG and LEN_SHORT differ in one byte, so that a table
 * that is rewritten under way never has a third length in it.
 */
#define LEN_LONG    0x00f00040u
#define LEN_SHORT   0x00000040u
#define VA_TABLE    0x40000000ull
#define SPAN        (2 * 1024 * 1024)

static void blocks_write(Pair *p, uint64_t table, unsigned n, uint64_t len)
{
    g_autofree struct dacc_block *blocks = g_new(struct dacc_block, n);

    for (unsigned i = 0; i < n; i++) {
        blocks[i] = (struct dacc_block) {
            .src = VA_HBM,
            .dst = VA_SRAM,
            .len = len,
        };
    }
    qtest_memwrite(p->m.qts, table, blocks, n * sizeof(*blocks));
}

/* Many blocks, and the link goes down among them. */
static void down_in_transfer(bool only)
{
    Pair p;
    unsigned n;
    g_autofree uint8_t *data = NULL;
    uint64_t table, size;
    struct dacc_desc desc = {
        .opcode = DACC_OP_COPY_BLOCKS,
        .flags = only ? DACC_DESC_LINK_ONLY | DACC_DESC_CONTINUE : 0,
        .blocks = { .table = VA_TABLE },
    };
    struct dacc_cpl cpl;

    pair_start(&p, "");
    decoder_set(&p.d, gpu_hbm(&p.gpu), HBM_SIZE, 0);
    data = put_random(p.m.qts, gpu_hbm(&p.gpu), SPAN, 5);
    space_map(&p.s, VA_HBM, gpu_hbm(&p.gpu), SPAN, DACC_PTE_WRITE);
    space_map(&p.s, VA_SRAM, 0, SPAN, DACC_PTE_WRITE | DACC_PTE_SRAM);
    for (unsigned i = 1; i < 8; i++) {
        space_again(&p.s, VA_HBM + i * SPAN, VA_HBM);
        space_again(&p.s, VA_SRAM + i * SPAN, VA_SRAM);
    }
    n = reg32(&p.d, DACC_REG_MAX_BLOCKS);
    size = (n * sizeof(struct dacc_block) + 4095) & ~4095ull;
    table = ram_alloc(&p.m, size);
    space_map(&p.s, VA_TABLE, table, size, 0);
    blocks_write(&p, table, n, LEN_LONG);
    desc.blocks.n_blocks = n;
    queue_post(&p.q, &desc);
    wait_for(reg64(&p.d, PORT + DACC_LINK_RX_BYTES) > 0);
    set_up(&p, false);
    if (only) {
        cpl = queue_wait(&p.q);
        g_assert_cmpuint(cpl.status, ==, DACC_STATUS_LINK_DOWN);
        g_assert_cmpuint(cpl.path, ==, DACC_PATH_LINK);
        g_assert_cmpuint(cpl.index, ==, cpl.bytes / LEN_LONG);
        g_assert_cmpuint(cpl.bytes, ==, cpl.link_bytes);
        g_assert_cmpuint(queue_state(&p.q), ==, DACC_QUEUE_ACTIVE);
        /* It trains again, and works again. */
        set_up(&p, true);
        desc.blocks.n_blocks = 10;
        g_assert_cmpuint(queue_run(&p.q, &desc).status, ==, DACC_STATUS_OK);
        pair_stop(&p);
        return;
    }
    /* Over PCIe from here on, and not for minutes: only the last is long still. */
    qtest_memset(p.m.qts, sram(&p), 0, SPAN);
    blocks_write(&p, table, n - 1, LEN_SHORT);
    cpl = queue_wait(&p.q);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(cpl.path, ==, DACC_PATH_LINK | DACC_PATH_PCIE);
    g_assert_cmpuint(cpl.link_bytes, >, 0);
    g_assert_cmpuint(cpl.link_bytes, <, cpl.bytes);
    g_assert_cmpuint((cpl.bytes - n * LEN_SHORT) % (LEN_LONG - LEN_SHORT), ==, 0);
    check_bytes(p.m.qts, sram(&p), data, SPAN);
    pair_stop(&p);
}

static void test_down_in_transfer(void)
{
    down_in_transfer(false);
}

static void test_link_only(void)
{
    down_in_transfer(true);
}

/* CRC errors cost time, never data. */
static void test_crc(void)
{
    Pair p;
    Dev *d = &p.d;
    g_autofree uint8_t *data = NULL;
    struct dacc_desc desc = desc_copy(VA_HBM, VA_SRAM, 65536);
    struct dacc_cpl clean, cpl;

    pair_start(&p, "");
    decoder_set(d, gpu_hbm(&p.gpu), HBM_SIZE, 0);
    data = put_random(p.m.qts, gpu_hbm(&p.gpu), 65536, 6);
    clean = queue_run(&p.q, &desc);
    qom_set_uint(p.m.qts, LINK, "crc-errors", 3);
    wait_for(qom_get_uint(p.m.qts, LINK, "crc-errors") == 0);
    qtest_memset(p.m.qts, sram(&p), 0, 65536);
    cpl = queue_run(&p.q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    check_bytes(p.m.qts, sram(&p), data, 65536);
    g_assert_cmpuint(reg64(d, PORT + DACC_LINK_CRC_ERRORS), ==, 3);
    g_assert_cmpuint(reg64(d, PORT + DACC_LINK_REPLAYS), ==, 3);
    g_assert_cmpuint(cpl.t_end - cpl.t_start, >,
                     clean.t_end - clean.t_start);
    /* By the register, too. */
    set32(d, DACC_REG_INJECT, DACC_INJECT_LINK_CRC | 2 << 8);
    queue_run(&p.q, &desc);
    g_assert_cmpuint(reg64(d, PORT + DACC_LINK_CRC_ERRORS), ==, 5);
    pair_stop(&p);
}

/* The guest takes its end down; a reset of the device brings it up again. */
static void test_disable(void)
{
    Pair p;
    Dev *d = &p.d;

    pair_start(&p, "");
    set32(d, PORT + DACC_LINK_CTRL, DACC_LINK_CTRL_DISABLE);
    g_assert_false(link_up(d));
    wait_for(!qtest_qom_get_bool(p.m.qts, LINK, "trained"));
    set32(d, PORT + DACC_LINK_CTRL, 0);
    wait_for(link_up(d));
    set32(d, PORT + DACC_LINK_CTRL, DACC_LINK_CTRL_DISABLE);
    wait_for(!qtest_qom_get_bool(p.m.qts, LINK, "trained"));
    set32(d, DACC_REG_CTRL, DACC_CTRL_RESET);
    wait_for(!(reg32(d, DACC_REG_CTRL) & DACC_CTRL_RESET));
    wait_for(link_up(d));
    g_assert_true(qtest_qom_get_bool(p.m.qts, LINK, "trained"));
    pair_stop(&p);
}

static void test_down_at_start(void)
{
    Pair p;
    Dev *d = &p.d;
    uint64_t msg;

    pair_start(&p, ",up=off");
    g_assert_cmphex(reg32(d, PORT + DACC_LINK_STATUS), ==, DACC_LINK_PRESENT);
    g_assert_cmphex(reg32(d, PORT + DACC_LINK_PEER), ==, 0);
    g_assert_cmphex(reg32(d, DACC_REG_EVENT), ==, 0);
    msg = ram_alloc(&p.m, 4096);
    msix_enable(d);
    msix_vector(d, DACC_VECTOR_EVENT, msg, 0x99);
    set32(d, DACC_REG_EVENT_MASK, DACC_EVENT_LINK);
    set_up(&p, true);
    wait_for(qtest_readl(p.m.qts, msg) == 0x99);
    g_assert_cmphex(reg32(d, DACC_REG_EVENT), ==, DACC_EVENT_LINK);
    g_assert_cmphex(reg32(d, PORT + DACC_LINK_PEER), !=, 0);
    pair_stop(&p);
}

/* A transfer starts when the GPU has produced the bytes, whichever the way. */
static void test_ready_time(void)
{
    Pair p;
    uint64_t job, sg;
    struct gpupeer_copy copy = { .hbm = 0, .len = 65536, .n_sg = 1 };
    struct gpupeer_sg piece;
    struct gpupeer_cpl gpu;
    struct dacc_cpl cpl;
    struct dacc_desc desc = desc_copy(VA_HBM, VA_SRAM, 65536);

    pair_start(&p, "");
    job = ram_alloc(&p.m, sizeof(copy));
    sg = ram_alloc(&p.m, sizeof(piece));
    piece = (struct gpupeer_sg) { .addr = p.host, .len = 65536 };
    copy.sg = sg;
    qtest_memwrite(p.m.qts, sg, &piece, sizeof(piece));
    qtest_memwrite(p.m.qts, job, &copy, sizeof(copy));
    gpu_post(&p.gpu, GPUPEER_OP_COPY, 1, job);
    gpu = gpu_wait(&p.gpu);
    g_assert_cmpuint(gpu.status, ==, GPUPEER_STATUS_OK);
    /* By PCIe; then by the link. */
    cpl = queue_run(&p.q, &desc);
    g_assert_cmpuint(cpl.path, ==, DACC_PATH_PCIE);
    g_assert_cmpuint(cpl.t_issue, >=, gpu.t_end);
    set32(&p.d, DACC_REG_CTRL, DACC_CTRL_RESET);
    wait_for(!(reg32(&p.d, DACC_REG_CTRL) & DACC_CTRL_RESET));
    pair_setup(&p);
    decoder_set(&p.d, gpu_hbm(&p.gpu), HBM_SIZE, 0);
    cpl = queue_run(&p.q, &desc);
    g_assert_cmpuint(cpl.path, ==, DACC_PATH_LINK);
    g_assert_cmpuint(cpl.t_issue, >=, gpu.t_end);
    pair_stop(&p);
}

static void test_third_end(void)
{
    Machine m;
    QDict *r;
    const char *desc;

    machine_start(&m, "-device dacc-link,id=l0 "
                  "-device dacc,addr=3,link=l0,sram-size=1M "
                  "-device dacc,addr=4,link=l0,sram-size=1M "
                  "-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=5");
    r = qtest_qmp(m.qts, "{ 'execute': 'device_add', 'arguments': {"
                  " 'driver': 'gpupeer', 'id': 'g0', 'bus': 'rp0',"
                  " 'hbm-size': 1048576, 'link': 'l0' } }");
    g_assert_true(qdict_haskey(r, "error"));
    desc = qdict_get_str(qdict_get_qdict(r, "error"), "desc");
    g_assert_cmpstr(desc, ==, "link 'l0' has two devices already");
    qobject_unref(r);
    g_assert_true(qtest_qom_get_bool(m.qts, LINK, "trained"));
    /* Without the link it fits. */
    qtest_qmp_device_add(m.qts, "gpupeer", "g0", "{ 'bus': 'rp0' }");
    check_alive(m.qts);
    qtest_quit(m.qts);
}

/* Chip to chip. */
static void test_two_chips(void)
{
    Machine m;
    Dev d[2];
    Space s;
    Queue q;
    struct dacc_desc desc = desc_copy(VA_SRAM, VA_HBM, 65536);
    g_autofree uint8_t *data = NULL;
    struct dacc_cpl cpl;

    machine_start(&m, "-device dacc-link,id=l0 "
                  "-device dacc,addr=3,link=l0,sram-size=1M "
                  "-device dacc,addr=4,link=l0,sram-size=2M");
    dev_init(&m, &d[0], 0, 3);
    dev_init(&m, &d[1], 0, 4);
    g_assert_cmpuint(reg64(&d[0], PORT + DACC_LINK_PEER_SIZE), ==, 2 << 20);
    g_assert_cmpuint(reg64(&d[1], PORT + DACC_LINK_PEER_SIZE), ==, 1 << 20);
    space_init(&d[0], &s, 1);
    space_map(&s, VA_SRAM, 0, 65536, DACC_PTE_SRAM);
    space_map(&s, VA_HBM, d[1].bar[4], 65536, DACC_PTE_WRITE);
    chip_enable(&d[0]);
    queue_init(&d[0], &q, 0, DACC_CLASS_TRANSFER, 1, 1, 4);
    decoder_set(&d[0], d[1].bar[4], 2 << 20, 0);
    data = put_random(m.qts, d[0].bar[4], 65536, 7);
    cpl = queue_run(&q, &desc);
    g_assert_cmpuint(cpl.status, ==, DACC_STATUS_OK);
    g_assert_cmpuint(cpl.path, ==, DACC_PATH_LINK);
    check_bytes(m.qts, d[1].bar[4], data, 65536);
    check_alive(m.qts);
    qtest_quit(m.qts);
}

/* The peer goes away in the middle of a transfer out of its memory. */
static void test_peer_unplug(void)
{
    Pair p;
    Dev port;
    QDict *r;
    struct dacc_desc desc = desc_copy(VA_HBM, VA_SRAM, LEN);

    machine_start(&p.m, "-device dacc-link,id=l0 "
                  "-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=5 "
                  "-device dacc,id=d0,addr=3,sram-size=4M,link=l0 "
                  "-device gpupeer,id=g0,bus=rp0,hbm-size=16M,link=l0");
    port_init(&p.m, &port, 5);
    dev_init(&p.m, &p.d, 0, 3);
    gpu_init(&p.m, &p.gpu, 1, 0);
    pair_setup(&p);
    decoder_set(&p.d, gpu_hbm(&p.gpu), HBM_SIZE, 0);
    for (int i = 0; i < 16; i++) {
        queue_put(&p.q, &desc);
    }
    queue_ring(&p.q);
    wait_for(reg64(&p.d, p.q.reg + DACC_QUEUE_PROGRESS) > 0);
    r = qtest_qmp(p.m.qts, "{ 'execute': 'device_del', 'arguments': {"
                  " 'id': 'g0' } }");
    g_assert_true(qdict_haskey(r, "return"));
    qobject_unref(r);
    port_power_off(&port);
    qtest_qmp_eventwait(p.m.qts, "DEVICE_DELETED");
    wait_for(!link_up(&p.d));
    g_assert_cmphex(reg32(&p.d, PORT + DACC_LINK_STATUS), ==,
                    DACC_LINK_PRESENT);
    g_assert_cmphex(reg32(&p.d, PORT + DACC_LINK_PEER), ==, 0);
    /* It either got through in time or was refused by the bus. */
    wait_for(queue_state(&p.q) == DACC_QUEUE_HALTED ||
             qtest_readq(p.m.qts, p.q.cpl) == 16);
    queue_reset(&p.q);
    queue_start(&p.q);
    desc = desc_copy(VA_HBM, VA_SRAM, 64);
    g_assert_cmpuint(queue_run(&p.q, &desc).status, ==, DACC_STATUS_BUS_ERROR);

    /* Another one on the same link. */
    port_power_on(&port);
    qtest_qmp_device_add(p.m.qts, "gpupeer", "g1", "{ 'bus': 'rp0', "
                         "'hbm-size': 16777216, 'link': 'l0' }");
    wait_for(link_up(&p.d));
    dev_enable(&p.gpu.d);
    queue_reset(&p.q);
    queue_start(&p.q);
    decoder_set(&p.d, gpu_hbm(&p.gpu), HBM_SIZE, 0);
    g_assert_cmpuint(queue_run(&p.q, &desc).path, ==, DACC_PATH_LINK);
    pair_stop(&p);
}

/* The chip goes away while its own transfer runs; the peer stays. */
static void test_chip_unplug(void)
{
    Pair p;
    Dev port;
    QDict *r;
    struct dacc_desc desc = desc_copy(VA_HBM, VA_SRAM, LEN);

    machine_start(&p.m, "-device dacc-link,id=l0 "
                  "-device pcie-root-port,id=rp0,chassis=1,slot=1,addr=5 "
                  "-device dacc,id=d0,bus=rp0,sram-size=4M,link=l0 "
                  "-device gpupeer,id=g0,addr=3,hbm-size=16M,link=l0");
    port_init(&p.m, &port, 5);
    dev_init(&p.m, &p.d, 1, 0);
    gpu_init(&p.m, &p.gpu, 0, 3);
    pair_setup(&p);
    decoder_set(&p.d, gpu_hbm(&p.gpu), HBM_SIZE, 0);
    set32(&p.d, DACC_REG_INJECT, DACC_INJECT_HANG);
    queue_post(&p.q, &desc);
    wait_for(reg64(&p.d, p.q.reg + DACC_QUEUE_FETCHED) == 1);
    r = qtest_qmp(p.m.qts, "{ 'execute': 'device_del', 'arguments': {"
                  " 'id': 'd0' } }");
    qobject_unref(r);
    port_power_off(&port);
    qtest_qmp_eventwait(p.m.qts, "DEVICE_DELETED");
    g_assert_false(qtest_qom_get_bool(p.m.qts, LINK, "trained"));
    gpu_post(&p.gpu, GPUPEER_OP_NOP, 5, 0);
    g_assert_cmpuint(gpu_wait(&p.gpu).status, ==, GPUPEER_STATUS_OK);
    pair_stop(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dacc-link/dvsec", test_dvsec);
    g_test_add_func("/dacc-link/registers", test_registers);
    g_test_add_func("/dacc-link/decoder-checks", test_decoder_checks);
    g_test_add_func("/dacc-link/up-and-down", test_up_and_down);
    g_test_add_func("/dacc-link/time", test_time);
    g_test_add_func("/dacc-link/partial-window", test_partial_window);
    g_test_add_func("/dacc-link/down-in-transfer", test_down_in_transfer);
    g_test_add_func("/dacc-link/link-only", test_link_only);
    g_test_add_func("/dacc-link/crc", test_crc);
    g_test_add_func("/dacc-link/disable", test_disable);
    g_test_add_func("/dacc-link/down-at-start", test_down_at_start);
    g_test_add_func("/dacc-link/ready-time", test_ready_time);
    g_test_add_func("/dacc-link/third-end", test_third_end);
    g_test_add_func("/dacc-link/two-chips", test_two_chips);
    g_test_add_func("/dacc-link/peer-unplug", test_peer_unplug);
    g_test_add_func("/dacc-link/chip-unplug", test_chip_unplug);
    return g_test_run();
}
