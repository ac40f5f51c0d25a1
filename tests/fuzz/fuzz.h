/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ioctl fuzzer's shared parts. A run is divided into epochs: each is a process
 * of its own that starts with nothing and whose calls depend on the seed, the
 * worker and the epoch's number alone (and on what the kernel answers), so that
 * one epoch can be replayed by itself.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#include <drm.h>

#include "dacc_hw.h"
#include "drm/dacc_accel.h"
#include "drm/gpupeer_drm.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define NUM_FILES   3
#define NUM_SLOTS   12
#define NUM_MAPS    16
#define NUM_USERQS  4
#define MAX_THREADS 4
#define MAX_WORKERS 8
#define MAX_OPS     96
#define MAX_LOG     256

/* Where the address spaces' mappings are: a grid of 64 KiB. */
#define VA_BASE 0x100000000ull
#define VA_STEP 0x10000ull
#define VA_GRID 32

/* And where single steps of it are mapped and unmapped. */
#define VA_LOOSE      0x140000000ull
#define VA_LOOSE_GRID 8

/* What a table's value has beside a queue's id. */
#define QUEUE_DECODE 0x10000000000ull
#define QUEUE_USER   0x20000000000ull

/* And a list's beside its id: the number of layers. */
#define LIST_LAYERS_SHIFT 40

/* Memory whose address goes to the kernel; nothing else of ours is near it. */
#define SCRATCH      0x600000000000ull
#define SCRATCH_SIZE 0x40000ull

/* Names of objects. Threads share them without locks: any value is a good value. */
struct table {
	uint64_t slot[NUM_SLOTS];
	uint64_t stale;
};

struct file {
	int fd;
	struct table bo, vm, queue, syncobj, pool, page, list, transfer;
	uint64_t last_seq[64]; /* by queue id */
};

struct map {
	char *p;
	size_t len;
	int busy; /* someone uses or unmaps it */
};

struct userq {
	struct file *file;
	uint32_t queue, depth;
	int ring, cpl, doorbell; /* maps; -1: none */
	uint64_t produced;
};

struct state {
	struct file file[NUM_FILES];
	int gpu;
	int vgem;
	struct table gpu_bo, gpu_syncobj, gpu_job;
	struct table dmabuf, syncfd;
	struct map map[NUM_MAPS];
	struct userq userq[NUM_USERQS];
};

/* One call, written before it is made and again when it returns. */
struct record {
	uint32_t call;
	uint16_t op;
	int16_t ret; /* RET_PENDING while it runs */
	uint64_t request;
	uint64_t arg[14];
};

#define RET_PENDING 0x7fff

struct thread_log {
	uint32_t next;
	struct record record[MAX_LOG];
};

struct op_stats {
	uint64_t runs, calls, ok;
	uint64_t ticks;       /* of the time stamp counter, in all runs */
	uint64_t failed[136]; /* by errno */
};

/* Shared by all processes of a run. */
struct shared {
	uint64_t calls;
	uint64_t epochs, killed, died, stalled;
	int stop;
	struct op_stats op[MAX_OPS];
	struct {
		uint64_t epoch, calls;
		struct thread_log log[MAX_THREADS];
	} worker[MAX_WORKERS];
};

struct ctx {
	struct state *s;
	struct shared *shared;
	struct thread_log *log;
	uint64_t seed; /* of epoch and thread */
	uint64_t rng;  /* of the call */
	uint32_t call;
	unsigned int worker, thread, op;
	unsigned int mutate; /* one struct in so many is changed */
	unsigned int log_size;
	bool verbose;
	int kmsg;
	sigjmp_buf trap;
	volatile bool trapping;
};

struct op {
	const char *name;
	unsigned int weight;
	void (*run)(struct ctx *c);
};

extern const struct op dacc_ops[], drm_ops[], gpu_ops[], sys_ops[];

static inline uint64_t mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15ull;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline uint64_t rnd(struct ctx *c)
{
	return c->rng = mix(c->rng);
}

/* 0 to n - 1 */
static inline uint64_t below(struct ctx *c, uint64_t n)
{
	return (rnd(c) >> 11) % n;
}

static inline bool one_in(struct ctx *c, unsigned int n)
{
	return n && !below(c, n);
}

/* fuzz_random.c */
uint64_t odd_value(struct ctx *c);
void mutate(struct ctx *c, void *arg, size_t size);
uint64_t pick(struct ctx *c, struct table *t);
uint64_t pick_like(struct ctx *c, struct table *t, uint64_t mask, uint64_t want);
uint64_t keep(struct ctx *c, struct table *t, uint64_t value);
uint64_t take(struct ctx *c, struct table *t);
uint64_t pick_first(struct ctx *c, struct table *t);
uint64_t va(struct ctx *c);
uint64_t small_len(struct ctx *c);
int64_t deadline(struct ctx *c);
int64_t now_ns(void);
void *scratch(struct ctx *c, size_t need);
uint64_t user_ptr(struct ctx *c, void *p);
struct file *any_file(struct ctx *c);

/* fuzz_call.c: -errno or the call's result; counted and logged */
int call(struct ctx *c, int fd, unsigned long request, void *arg);
int call_fixed(struct ctx *c, int fd, unsigned long request, void *arg,
	       void (*fix)(struct ctx *c, void *arg));
void log_call(struct ctx *c, uint64_t request, const void *arg, size_t size);
int log_return(struct ctx *c, long ret);

/* fuzz_sys.c */
int map_add(struct ctx *c, int fd, uint64_t offset, size_t len);
void map_drop(struct ctx *c, int slot);
void setup(struct ctx *c);
int open_driver(const char *dir, const char *prefix, const char *driver);

/* fuzz_dacc.c */
void dacc_setup(struct ctx *c, struct file *f);

/* fuzz_drm.c */
void drm_setup(struct ctx *c, struct file *f);

/* fuzz_gpupeer.c */
void gpu_setup(struct ctx *c);

#endif
