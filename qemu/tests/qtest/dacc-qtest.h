/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the qtests of dacc, gpupeer and dacc-link share: a q35 machine without
 * firmware, PCI through ECAM, a bump allocator, page tables, queues.
 */
#ifndef DACC_QTEST_H
#define DACC_QTEST_H

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/pci_regs.h"
#include "dacc_hw.h"
#include "gpupeer_hw.h"

#define ECAM            0xb0000000ull
#define MMIO_BASE       0xc0000000ull
#define MEM64_BASE      0x800000000ull
#define RAM_FIRST       0x1000000ull    /* the allocator's first address */
#define WAIT_US         20000000

typedef struct Machine {
    QTestState *qts;
    uint64_t ram;       /* next free */
    uint64_t mmio;
    uint64_t mem64;
} Machine;

typedef struct Dev {
    Machine *m;
    QTestState *qts;
    uint64_t cfg;
    uint64_t bar[6];
} Dev;

typedef struct Space {
    Dev *d;
    unsigned asid;
    uint64_t root;
} Space;

typedef struct Queue {
    Dev *d;
    unsigned n;
    uint64_t reg;
    uint64_t ring;
    uint64_t cpl;
    unsigned len;
    uint64_t tail;
} Queue;

/* Waits for @cond; a test that waits in vain fails. */
#define wait_for(cond)                                                  \
    do {                                                                \
        gint64 end_ = g_get_monotonic_time() + WAIT_US;                 \
        while (!(cond)) {                                               \
            if (g_get_monotonic_time() > end_) {                        \
                g_error("%s:%d: waited in vain for %s", __func__,       \
                        __LINE__, #cond);                               \
            }                                                           \
            g_usleep(200);                                              \
        }                                                               \
    } while (0)

/* PCIEXBAR of the host bridge: 256 MiB, enabled. */
static inline void machine_ecam(Machine *m)
{
    qtest_outl(m->qts, 0xcf8, 0x80000064);
    qtest_outl(m->qts, 0xcfc, 0);
    qtest_outl(m->qts, 0xcf8, 0x80000060);
    qtest_outl(m->qts, 0xcfc, ECAM | 1);
}

static inline void machine_start(Machine *m, const char *args)
{
    *m = (Machine) {
        .qts = qtest_initf("-machine q35 -m 256M -nodefaults "
                           "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-"
                           "support=off %s", args),
        .ram = RAM_FIRST,
        .mmio = MMIO_BASE,
        .mem64 = MEM64_BASE,
    };
    machine_ecam(m);
}

static inline uint64_t ram_alloc(Machine *m, uint64_t size)
{
    uint64_t addr = m->ram;

    m->ram += (size + 4095) & ~4095ull;
    g_assert_cmphex(m->ram, <, 256 * 1024 * 1024);
    qtest_memset(m->qts, addr, 0, size);
    return addr;
}

static inline uint32_t cfg_read(Dev *d, unsigned off)
{
    return qtest_readl(d->qts, d->cfg + off);
}

static inline uint16_t cfg_read16(Dev *d, unsigned off)
{
    return qtest_readw(d->qts, d->cfg + off);
}

static inline void cfg_write(Dev *d, unsigned off, uint32_t value)
{
    qtest_writel(d->qts, d->cfg + off, value);
}

static inline void cfg_write16(Dev *d, unsigned off, uint16_t value)
{
    qtest_writew(d->qts, d->cfg + off, value);
}

/* Offset of a capability, or 0. */
static inline unsigned cfg_cap(Dev *d, uint8_t id)
{
    unsigned off = cfg_read(d, PCI_CAPABILITY_LIST) & 0xff;

    while (off && (cfg_read(d, off) & 0xff) != id) {
        off = cfg_read(d, off) >> 8 & 0xff;
    }
    return off;
}

static inline unsigned cfg_ext_cap(Dev *d, uint16_t id)
{
    unsigned off = PCI_CFG_SPACE_SIZE;

    while (off && PCI_EXT_CAP_ID(cfg_read(d, off)) != id) {
        off = PCI_EXT_CAP_NEXT(cfg_read(d, off));
    }
    return off;
}

static inline uint64_t bar_size(Dev *d, unsigned bar, bool wide)
{
    unsigned off = PCI_BASE_ADDRESS_0 + 4 * bar;
    uint64_t mask;

    cfg_write(d, off, ~0u);
    mask = cfg_read(d, off) & ~0xfu;
    if (wide) {
        cfg_write(d, off + 4, ~0u);
        mask |= (uint64_t)cfg_read(d, off + 4) << 32;
    } else {
        mask |= ~0ull << 32;
    }
    return ~mask + 1;
}

/* Gives the BARs addresses again, and turns memory and bus mastering on. */
static inline void dev_enable(Dev *d)
{
    for (unsigned i = 0; i < 6; i++) {
        if (!d->bar[i]) {
            continue;
        }
        cfg_write(d, PCI_BASE_ADDRESS_0 + 4 * i, d->bar[i]);
        if (cfg_read(d, PCI_BASE_ADDRESS_0 + 4 * i) &
            PCI_BASE_ADDRESS_MEM_TYPE_64) {
            cfg_write(d, PCI_BASE_ADDRESS_0 + 4 * i + 4, d->bar[i] >> 32);
        }
    }
    cfg_write16(d, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static inline void dev_init(Machine *m, Dev *d, unsigned bus, unsigned slot)
{
    *d = (Dev) {
        .m = m,
        .qts = m->qts,
        .cfg = ECAM + (bus << 20 | slot << 15),
    };
    for (unsigned i = 0; i < 6; i++) {
        uint32_t type = cfg_read(d, PCI_BASE_ADDRESS_0 + 4 * i);
        bool wide = type & PCI_BASE_ADDRESS_MEM_TYPE_64;
        uint64_t size, *next = wide ? &m->mem64 : &m->mmio;

        cfg_write(d, PCI_BASE_ADDRESS_0 + 4 * i, ~0u);
        if (!cfg_read(d, PCI_BASE_ADDRESS_0 + 4 * i)) {
            continue;
        }
        size = bar_size(d, i, wide);
        *next = (*next + size - 1) & ~(size - 1);
        d->bar[i] = *next;
        *next += size;
        i += wide;
    }
    dev_enable(d);
}

/* A root port, with bus 1 and everything that dev_init() gives out behind it. */
static inline void port_init(Machine *m, Dev *port, unsigned slot)
{
    *port = (Dev) { .m = m, .qts = m->qts, .cfg = ECAM + (slot << 15) };
    cfg_write(port, PCI_PRIMARY_BUS, 0x010100);
    cfg_write(port, PCI_MEMORY_BASE, 0xcff0c000);
    cfg_write(port, PCI_PREF_MEMORY_BASE, 0xfff10001);
    cfg_write(port, PCI_PREF_BASE_UPPER32, MEM64_BASE >> 32);
    cfg_write(port, PCI_PREF_LIMIT_UPPER32, MEM64_BASE >> 32);
    cfg_write16(port, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* The guest's part in device_del: powers the slot off. */
static inline void port_power_off(Dev *port)
{
    cfg_write16(port, cfg_cap(port, PCI_CAP_ID_EXP) + PCI_EXP_SLTCTL,
                PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_PWR_OFF);
}

static inline void port_power_on(Dev *port)
{
    cfg_write16(port, cfg_cap(port, PCI_CAP_ID_EXP) + PCI_EXP_SLTCTL,
                PCI_EXP_SLTCTL_PWR_IND_ON);
}

static inline uint32_t reg32(Dev *d, uint64_t off)
{
    return qtest_readl(d->qts, d->bar[0] + off);
}

static inline uint64_t reg64(Dev *d, uint64_t off)
{
    return qtest_readq(d->qts, d->bar[0] + off);
}

static inline void set32(Dev *d, uint64_t off, uint32_t value)
{
    qtest_writel(d->qts, d->bar[0] + off, value);
}

static inline void set64(Dev *d, uint64_t off, uint64_t value)
{
    qtest_writeq(d->qts, d->bar[0] + off, value);
}

/* QMP answers, so the main loop is alive and QEMU has not aborted. */
static inline void check_alive(QTestState *qts)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'query-status' }");
}

static inline void qom_set_uint(QTestState *qts, const char *path,
                                const char *prop, uint64_t value)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'qom-set', 'arguments': {"
                             " 'path': %s, 'property': %s,"
                             " 'value': %" PRIu64 " } }", path, prop, value);
}

static inline uint64_t qom_get_uint(QTestState *qts, const char *path,
                                    const char *prop)
{
    QDict *r = qtest_qmp(qts, "{ 'execute': 'qom-get', 'arguments': {"
                         " 'path': %s, 'property': %s } }", path, prop);
    uint64_t value;

    g_assert(qdict_haskey(r, "return"));
    value = qdict_get_int(r, "return");
    qobject_unref(r);
    return value;
}

/* --- MSI-X: messages go to a word of memory -------------------------------- */

static inline void msix_enable(Dev *d)
{
    unsigned cap = cfg_cap(d, PCI_CAP_ID_MSIX);

    g_assert(cap);
    cfg_write16(d, cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
}

static inline void msix_vector(Dev *d, unsigned v, uint64_t addr, uint32_t data)
{
    uint64_t e = DACC_MSIX_TABLE_OFFSET + v * PCI_MSIX_ENTRY_SIZE;

    set32(d, e + PCI_MSIX_ENTRY_LOWER_ADDR, addr);
    set32(d, e + PCI_MSIX_ENTRY_UPPER_ADDR, addr >> 32);
    set32(d, e + PCI_MSIX_ENTRY_DATA, data);
    set32(d, e + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
}

static inline void msix_mask(Dev *d, unsigned v, bool mask)
{
    set32(d, DACC_MSIX_TABLE_OFFSET + v * PCI_MSIX_ENTRY_SIZE +
          PCI_MSIX_ENTRY_VECTOR_CTRL, mask);
}

static inline bool msix_pending(Dev *d, unsigned v)
{
    return reg32(d, DACC_MSIX_PBA_OFFSET + v / 32 * 4) >> v % 32 & 1;
}

/* --- the chip -------------------------------------------------------------- */

static inline void chip_enable(Dev *d)
{
    set32(d, DACC_REG_CTRL, DACC_CTRL_ENABLE);
}

static inline void space_init(Dev *d, Space *s, unsigned asid)
{
    *s = (Space) { .d = d, .asid = asid, .root = ram_alloc(d->m, 4096) };
    set64(d, DACC_REG_ASID + 8 * asid, s->root | DACC_ASID_VALID);
}

/* Maps pages of 4 KiB. @flags: DACC_PTE_WRITE, DACC_PTE_SRAM. */
static inline void space_map(Space *s, uint64_t va, uint64_t pa, uint64_t size,
                             uint64_t flags)
{
    QTestState *qts = s->d->qts;

    for (uint64_t end = va + size; va < end; va += 4096, pa += 4096) {
        uint64_t table = s->root;

        for (int level = 3; level > 0; level--) {
            uint64_t slot = table + 8 * (va >> (12 + 9 * level) & 511);
            uint64_t pte = qtest_readq(qts, slot);

            if (!(pte & DACC_PTE_VALID)) {
                pte = ram_alloc(s->d->m, 4096) | DACC_PTE_VALID;
                qtest_writeq(qts, slot, pte);
            }
            table = pte & DACC_PTE_ADDR;
        }
        qtest_writeq(qts, table + 8 * (va >> 12 & 511),
                     pa | flags | DACC_PTE_VALID | DACC_PTE_LEAF);
    }
}

/* Maps the 2 MiB at @va by the table that maps those at @like, next to them. */
static inline void space_again(Space *s, uint64_t va, uint64_t like)
{
    QTestState *qts = s->d->qts;
    uint64_t table = s->root;

    g_assert_cmphex(va >> 30, ==, like >> 30);
    for (int level = 3; level > 1; level--) {
        table = qtest_readq(qts, table + 8 * (va >> (12 + 9 * level) & 511)) &
                DACC_PTE_ADDR;
    }
    qtest_writeq(qts, table + 8 * (va >> 21 & 511),
                 qtest_readq(qts, table + 8 * (like >> 21 & 511)));
}

/*
 * Maps 512 GiB onto the same pages, @n of them from @pa on, again and again. A job
 * on that takes minutes, which no test waits for: it is still running when a test
 * gets to look, however busy the host is.
 */
#define VA_LONG         0x100000000000ull
#define LONG_SIZE       (1ull << 38)

static inline void space_map_long(Space *s, uint64_t pa, unsigned n,
                                  uint64_t flags)
{
    uint64_t table = pa, entry[512];

    for (int level = 0; level < 3; level++) {
        for (unsigned i = 0; i < 512; i++) {
            entry[i] = level ? table | DACC_PTE_VALID :
                       (pa + i % n * 4096) | flags | DACC_PTE_VALID |
                       DACC_PTE_LEAF;
        }
        table = ram_alloc(s->d->m, sizeof(entry));
        qtest_memwrite(s->d->qts, table, entry, sizeof(entry));
    }
    qtest_writeq(s->d->qts, s->root + 8 * (VA_LONG >> 39 & 511),
                 table | DACC_PTE_VALID);
}

/* Clears one page's entry. */
static inline void space_unmap(Space *s, uint64_t va)
{
    QTestState *qts = s->d->qts;
    uint64_t table = s->root;

    for (int level = 3; level > 0; level--) {
        table = qtest_readq(qts, table + 8 * (va >> (12 + 9 * level) & 511)) &
                DACC_PTE_ADDR;
    }
    qtest_writeq(qts, table + 8 * (va >> 12 & 511), 0);
}

static inline uint64_t queue_reg(unsigned q, unsigned off)
{
    return DACC_REG_QUEUE + q * DACC_QUEUE_STRIDE + off;
}

static inline uint32_t queue_config(unsigned class, unsigned asid,
                                    unsigned vector)
{
    return class | asid << DACC_QUEUE_CONFIG_ASID_SHIFT |
           vector << DACC_QUEUE_CONFIG_VECTOR_SHIFT;
}

static inline void queue_start(Queue *q)
{
    q->tail = 0;
    set32(q->d, q->reg + DACC_QUEUE_CTRL, DACC_QUEUE_CTRL_ENABLE);
}

static inline void queue_init(Dev *d, Queue *q, unsigned n, unsigned class,
                              unsigned asid, unsigned vector, unsigned log2)
{
    *q = (Queue) { .d = d, .n = n, .reg = queue_reg(n, 0), .len = 1u << log2 };
    q->ring = ram_alloc(d->m, q->len * sizeof(struct dacc_desc));
    q->cpl = ram_alloc(d->m, 64 + q->len * sizeof(struct dacc_cpl));
    set64(d, q->reg + DACC_QUEUE_RING, q->ring);
    set32(d, q->reg + DACC_QUEUE_RING_LOG2, log2);
    set32(d, q->reg + DACC_QUEUE_CONFIG, queue_config(class, asid, vector));
    set64(d, q->reg + DACC_QUEUE_CPL, q->cpl);
    queue_start(q);
    g_assert_cmpuint(reg32(d, q->reg + DACC_QUEUE_STATE), ==,
                     DACC_QUEUE_ACTIVE);
}

static inline void doorbell(Dev *d, unsigned q, uint32_t value)
{
    qtest_writel(d->qts, d->bar[DACC_BAR_DOORBELL] + q * DACC_DOORBELL_STRIDE,
                 value);
}

/* Puts a descriptor into the ring without telling the device. */
static inline void queue_put(Queue *q, const struct dacc_desc *desc)
{
    qtest_memwrite(q->d->qts, q->ring + q->tail % q->len * sizeof(*desc), desc,
                   sizeof(*desc));
    q->tail++;
}

static inline void queue_ring(Queue *q)
{
    doorbell(q->d, q->n, q->tail);
}

static inline void queue_post(Queue *q, const struct dacc_desc *desc)
{
    queue_put(q, desc);
    queue_ring(q);
}

static inline struct dacc_cpl queue_cpl(Queue *q, uint64_t seq)
{
    struct dacc_cpl cpl;

    qtest_memread(q->d->qts, q->cpl + 64 + (seq - 1) % q->len * sizeof(cpl),
                  &cpl, sizeof(cpl));
    g_assert_cmpuint(cpl.seq, ==, seq);
    return cpl;
}

/* Waits for everything that was posted; returns the last record. */
static inline struct dacc_cpl queue_wait(Queue *q)
{
    wait_for(qtest_readq(q->d->qts, q->cpl) >= q->tail);
    g_assert_cmpuint(qtest_readq(q->d->qts, q->cpl), ==, q->tail);
    return queue_cpl(q, q->tail);
}

static inline struct dacc_cpl queue_run(Queue *q, const struct dacc_desc *desc)
{
    queue_post(q, desc);
    return queue_wait(q);
}

static inline void queue_reset(Queue *q)
{
    set32(q->d, q->reg + DACC_QUEUE_CTRL, DACC_QUEUE_CTRL_RESET);
    wait_for(!(reg32(q->d, q->reg + DACC_QUEUE_CTRL) & DACC_QUEUE_CTRL_RESET));
    g_assert_cmpuint(reg32(q->d, q->reg + DACC_QUEUE_STATE), ==,
                     DACC_QUEUE_DISABLED);
    qtest_memset(q->d->qts, q->cpl, 0, 64);
}

static inline uint32_t queue_state(Queue *q)
{
    return reg32(q->d, q->reg + DACC_QUEUE_STATE);
}

static inline struct dacc_desc desc_nop(uint32_t cookie)
{
    return (struct dacc_desc) { .opcode = DACC_OP_NOP, .cookie = cookie };
}

static inline struct dacc_desc desc_copy(uint64_t src, uint64_t dst,
                                         uint64_t len)
{
    return (struct dacc_desc) {
        .opcode = DACC_OP_COPY,
        .copy = { .src = src, .dst = dst, .len = len },
    };
}

static inline struct dacc_desc desc_fill(uint64_t dst, uint64_t len,
                                         uint32_t pattern)
{
    return (struct dacc_desc) {
        .opcode = DACC_OP_FILL,
        .fill = { .dst = dst, .len = len, .pattern = pattern },
    };
}

/* Bytes that depend on @seed and differ from place to place. */
static inline void fill_random(uint8_t *buf, size_t len, uint32_t seed)
{
    uint32_t x = seed * 2654435761u + 1;

    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        buf[i] = x;
    }
}

static inline uint8_t *put_random(QTestState *qts, uint64_t addr, size_t len,
                                  uint32_t seed)
{
    uint8_t *buf = g_malloc(len);

    fill_random(buf, len, seed);
    qtest_bufwrite(qts, addr, buf, len);
    return buf;
}

static inline void check_bytes(QTestState *qts, uint64_t addr,
                               const uint8_t *want, size_t len)
{
    g_autofree uint8_t *have = g_malloc(len);

    qtest_bufread(qts, addr, have, len);
    g_assert_cmpmem(have, len, want, len);
}

/* --- the GPU peer ---------------------------------------------------------- */

typedef struct Gpu {
    Dev d;
    uint64_t ring;
    uint64_t cpl;
    uint64_t events;
    unsigned len;
    uint32_t tail;
} Gpu;

static inline void gpu_start(Gpu *g)
{
    g->tail = 0;
    set32(&g->d, GPUPEER_REG_CTRL, GPUPEER_CTRL_ENABLE);
    g_assert_cmphex(reg32(&g->d, GPUPEER_REG_STATUS) & GPUPEER_STAT_FATAL, ==,
                    0);
}

static inline void gpu_setup(Gpu *g)
{
    set64(&g->d, GPUPEER_REG_RING, g->ring);
    set32(&g->d, GPUPEER_REG_RING_LOG2, 4);
    set64(&g->d, GPUPEER_REG_CPL, g->cpl);
    set64(&g->d, GPUPEER_REG_EVENTS, g->events);
    gpu_start(g);
}

static inline void gpu_init(Machine *m, Gpu *g, unsigned bus, unsigned slot)
{
    *g = (Gpu) { .len = 16 };
    dev_init(m, &g->d, bus, slot);
    g->ring = ram_alloc(m, g->len * sizeof(struct gpupeer_desc));
    g->cpl = ram_alloc(m, 64 + g->len * sizeof(struct gpupeer_cpl));
    g->events = ram_alloc(m, 64 + GPUPEER_NUM_EVENTS *
                          sizeof(struct gpupeer_event));
    gpu_setup(g);
}

static inline void gpu_post(Gpu *g, uint32_t opcode, uint32_t cookie,
                            uint64_t job)
{
    const struct gpupeer_desc desc = {
        .opcode = opcode,
        .cookie = cookie,
        .job = job,
    };

    qtest_memwrite(g->d.qts, g->ring + g->tail % g->len * sizeof(desc), &desc,
                   sizeof(desc));
    g->tail++;
    set32(&g->d, GPUPEER_REG_DOORBELL, g->tail);
}

static inline struct gpupeer_cpl gpu_wait(Gpu *g)
{
    struct gpupeer_cpl cpl;

    wait_for(qtest_readq(g->d.qts, g->cpl) >= g->tail);
    qtest_memread(g->d.qts, g->cpl + 64 +
                  (g->tail - 1) % g->len * sizeof(cpl), &cpl, sizeof(cpl));
    g_assert_cmpuint(cpl.seq, ==, g->tail);
    return cpl;
}

/* HBM as the host sees it. */
static inline uint64_t gpu_hbm(Gpu *g)
{
    return g->d.bar[GPUPEER_BAR_HBM];
}

#endif
