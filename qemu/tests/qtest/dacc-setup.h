/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine with one chip, as most qtests of the device dacc have it. */
#ifndef DACC_SETUP_H
#define DACC_SETUP_H

#include "dacc-qtest.h"

#define SRAM_SIZE   (4 * 1024 * 1024)
#define VA_HOST     0x10000000ull
#define VA_SRAM     0x20000000ull
#define PATH        "/machine/peripheral/d0"

/* One chip on the root bus. */
typedef struct Chip {
    Machine m;
    Dev d;
} Chip;

static inline void chip_start(Chip *c, const char *opts)
{
    g_autofree char *args = g_strdup_printf("-device dacc,id=d0,addr=3,"
                                            "sram-size=%d%s", SRAM_SIZE, opts);

    machine_start(&c->m, args);
    dev_init(&c->m, &c->d, 0, 3);
}

static inline void chip_stop(Chip *c)
{
    check_alive(c->m.qts);
    qtest_quit(c->m.qts);
}

/* The usual: address space 1 with 1 MiB of host memory and 1 MiB of SRAM. */
typedef struct Setup {
    Chip c;
    Space s;
    Queue q;
    uint64_t host;
} Setup;

static inline void setup_start(Setup *t, const char *opts)
{
    chip_start(&t->c, opts);
    t->host = ram_alloc(&t->c.m, 1024 * 1024);
    space_init(&t->c.d, &t->s, 1);
    space_map(&t->s, VA_HOST, t->host, 1024 * 1024, DACC_PTE_WRITE);
    space_map(&t->s, VA_SRAM, 0, 1024 * 1024, DACC_PTE_WRITE | DACC_PTE_SRAM);
    chip_enable(&t->c.d);
    queue_init(&t->c.d, &t->q, 0, DACC_CLASS_TRANSFER, 1, 1, 4);
}

static inline void setup_stop(Setup *t)
{
    chip_stop(&t->c);
}

static inline uint64_t sram(Setup *t)
{
    return t->c.d.bar[DACC_BAR_SRAM];
}

/* Puts a block table at the start of the host memory. */
static inline struct dacc_desc put_blocks(Setup *t, const struct dacc_block *blocks,
                                   unsigned n)
{
    qtest_memwrite(t->c.m.qts, t->host, blocks, n * sizeof(*blocks));
    return (struct dacc_desc) {
        .opcode = DACC_OP_COPY_BLOCKS,
        .blocks = { .table = VA_HOST, .n_blocks = n },
    };
}

/* A job of @n blocks of this length. */
#define LONG_LEN    (500 * 1024)

static inline void post_blocks_job(Setup *t, unsigned n)
{
    g_autofree struct dacc_block *blocks = g_new(struct dacc_block, n);
    struct dacc_desc desc;

    for (unsigned i = 0; i < n; i++) {
        blocks[i] = (struct dacc_block) {
            .src = VA_HOST + LONG_LEN,
            .dst = VA_SRAM,
            .len = LONG_LEN,
        };
    }
    desc = put_blocks(t, blocks, n);
    queue_post(&t->q, &desc);
    wait_for(reg64(&t->c.d, t->q.reg + DACC_QUEUE_PROGRESS) > 0);
}

/* One that does not end: it writes the host memory over and over. */
static inline void post_long_job(Setup *t)
{
    struct dacc_desc desc = desc_fill(VA_LONG, LONG_SIZE, 0x5a5a5a5a);
    uint64_t before = reg64(&t->c.d, t->q.reg + DACC_QUEUE_PROGRESS);

    space_map_long(&t->s, t->host, 1024 * 1024 / 4096, DACC_PTE_WRITE);
    queue_post(&t->q, &desc);
    wait_for(reg64(&t->c.d, t->q.reg + DACC_QUEUE_PROGRESS) != before);
}

/* Nothing writes the host memory any more. */
static inline void check_no_writes(Setup *t)
{
    g_autofree uint8_t *zero = g_malloc0(1024 * 1024);

    qtest_memset(t->c.m.qts, t->host, 0, 1024 * 1024);
    g_usleep(20000);
    check_bytes(t->c.m.qts, t->host, zero, 1024 * 1024);
}

static inline void check_works_again(Setup *t)
{
    struct dacc_desc desc = desc_copy(VA_HOST, VA_SRAM, 4096);

    dev_enable(&t->c.d);
    set64(&t->c.d, DACC_REG_ASID + 8, t->s.root | DACC_ASID_VALID);
    chip_enable(&t->c.d);
    queue_init(&t->c.d, &t->q, 0, DACC_CLASS_TRANSFER, 1, 1, 4);
    g_assert_cmpuint(queue_run(&t->q, &desc).status, ==, DACC_STATUS_OK);
}

#endif
