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

#endif
