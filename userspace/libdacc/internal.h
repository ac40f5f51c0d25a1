/* SPDX-License-Identifier: MIT */
/* What the files of libdacc share; nothing here is exported. */
#ifndef DACC_INTERNAL_H
#define DACC_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "dacc/dacc.h"

#define DACC_PUBLIC       __attribute__((visibility("default")))
#define DACC_PRINTF(f, a) __attribute__((format(printf, f, a)))

#define COLD          __attribute__((cold, noinline))
#define UNLIKELY(c)   __builtin_expect(!!(c), 0)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KIB           1024ull
#define KV_ALIGN      (64 * KIB) /* SRAM pages */
#define TENSOR_ALIGN  64ull

static inline uint64_t align_up(uint64_t v, uint64_t a)
{
	return (v + a - 1) / a * a;
}

/* error.c: format a message, return err */
int dacc_set_error(struct dacc_error *e, int err, const char *fmt, ...) DACC_PRINTF(3, 4);
int dacc_dev_error(struct dacc_device *dev, int err, const char *fmt, ...) DACC_PRINTF(3, 4);
/* dacc_strerror(), or the system's text of a code that it does not know */
const char *dacc_error_text(int err);
const char *dacc_size_text(uint64_t bytes, char *buf, size_t size);
/* Fill a structure whose caller may know a shorter or longer form of it. */
int dacc_copy_out(void *dst, size_t dst_size, const void *src, size_t src_size);
/* Read one; what is beyond our form must be zero (-E2BIG). */
int dacc_copy_in(void *dst, size_t dst_size, const void *src);
/* What follows the structure's name when that has failed. */
const char *dacc_copy_in_text(int ret, const void *src);
/* model.c: open a regular file for reading; nothing else, nor wait for it (FIFO). */
int dacc_open_file(const char *path, uint64_t *size, struct dacc_error *err);

/* va.c */
struct va_range {
	struct va_range *next;
	uint64_t start;
	uint64_t end;
};

struct va_space {
	struct va_range *used; /* in rising order */
	uint64_t start;
	uint64_t end;
};

void va_init(struct va_space *space, uint64_t start, uint64_t end);
int va_alloc(struct va_space *space, uint64_t size, uint64_t align, uint64_t *va);
uint64_t va_find(const struct va_space *space, uint64_t va);
int va_free(struct va_space *space, uint64_t va);
void va_fini(struct va_space *space);

/* device.c */
struct dacc_device {
	atomic_uint refs;
	int fd;
	char node[64];
	uint32_t va_bits;
	uint32_t page_size;
	uint32_t max_blocks;
	uint64_t features;
	pthread_mutex_t lock; /* the members below */
	int last_err;
	struct dacc_error last_error;
	struct dacc_bo *imports;
	atomic_ullong sram_held;      /* bytes of its buffers in SRAM */
	atomic_ullong sram_available; /* bytes of it that could be had at the last -ENOSPC */
};

struct dacc_device *dacc_device_get(struct dacc_device *dev);
void dacc_device_put(struct dacc_device *dev);
/*
 * ioctl() with a negative errno. drmIoctl() would retry -EAGAIN for ever, which
 * is how SUBMIT says that the queue is full.
 */
int dacc_ioctl(struct dacc_device *dev, unsigned long request, void *arg);
/* "%s: cause: remedy" for a failed ioctl on dev; keeps -ENODEV apart */
int dacc_ioctl_error(struct dacc_device *dev, int err, const char *what);

/* bo.c */
struct dacc_bo {
	struct dacc_device *dev;
	struct dacc_bo *next; /* of dacc_device.imports */
	atomic_uint refs;
	bool imported;
	bool sram;
	uint32_t handle;
	uint64_t bytes;
	pthread_mutex_t lock;
	void *map;
};

/* vm.c */
struct dacc_vm {
	struct dacc_device *dev;
	atomic_uint refs;
	uint32_t id;
	pthread_mutex_t lock;
	struct va_space space;
	atomic_uint priority; /* enum dacc_priority of its areas */
};

struct dacc_vm *dacc_vm_get(struct dacc_vm *vm);
void dacc_vm_put(struct dacc_vm *vm);

/* A buffer that only vm may map: a job is submitted without a look at each of them. */
int dacc_bo_create_private(struct dacc_vm *vm, uint64_t bytes, enum dacc_bo_place place,
			   struct dacc_bo **out);

/* A private buffer and its mapping, made and undone together. */
struct dacc_area {
	struct dacc_bo *bo;
	struct dacc_vm *vm;
	uint64_t va;
};

int dacc_area_create(struct dacc_vm *vm, uint64_t bytes, enum dacc_bo_place place,
		     struct dacc_area *area);
void dacc_area_destroy(struct dacc_area *area);
/* Complain about missing SRAM, by how much, and what would help. */
int dacc_sram_error(struct dacc_device *dev, const char *what, uint64_t need, const char *remedy);

/* queue.c */
struct userq;

struct dacc_queue {
	struct dacc_vm *vm;
	atomic_uint refs;
	uint32_t id;
	enum dacc_class queue_class;
	struct userq *user; /* userq.h; NULL: jobs go through SUBMIT */
	atomic_bool dead;
	pthread_mutex_t lock;
	struct dacc_stream *spare; /* freed streams, to be used again */
};

struct dacc_queue *dacc_queue_get(struct dacc_queue *queue);
void dacc_queue_put(struct dacc_queue *queue);
/*
 * dacc_queue_wait() that leaves no message for -ETIME and -ECANCELED (the queue was
 * destroyed): the caller knows more.
 */
int dacc_queue_look(struct dacc_queue *queue, uint64_t seq, int64_t deadline,
		    struct dacc_result *results, unsigned int n);
/* Which of the fences to wait for is not there? Negative errno and a message; 0: none. */
int dacc_bad_fence(struct dacc_device *dev, const struct dacc_sync *in, unsigned int n);
/* Turn a failed job into a negative errno and a message. */
int dacc_job_error(struct dacc_queue *queue, const char *what, const struct dacc_result *result);
void dacc_stream_release(struct dacc_stream *stream); /* decode.c */
struct dacc_stream *dacc_stream_next(struct dacc_stream *stream);

/* model.c */
enum tensor_id {
	TENSOR_EMBED,
	TENSOR_RMS_ATT,
	TENSOR_WQ,
	TENSOR_WK,
	TENSOR_WV,
	TENSOR_WO,
	TENSOR_RMS_FFN,
	TENSOR_W1,
	TENSOR_W2,
	TENSOR_W3,
	TENSOR_RMS_FINAL,
	TENSOR_CLASSIFIER,
	TENSOR_COUNT,
};

struct model_tensor {
	const char *name;
	const float *data; /* of layer 0 */
	uint32_t rows;     /* 1 for vectors */
	uint32_t cols;
	bool per_layer;
};

struct dacc_model {
	atomic_uint refs;
	struct dacc_model_config config;
	void *map;
	size_t map_size;
	struct model_tensor tensor[TENSOR_COUNT];
};

struct dacc_model *dacc_model_get(struct dacc_model *model);

/* convert.c: rows of f32 to a weight type */
uint64_t dacc_row_bytes(enum dacc_type type, uint32_t cols);
uint16_t dacc_f32_to_f16(float f);
void dacc_convert_row(enum dacc_type type, const float *src, uint32_t cols, void *dst);

/* compile.c */
struct program_tensor {
	enum dacc_type type;
	uint64_t offset; /* in the image, or in a layer */
	uint64_t bytes;  /* of one layer */
};

struct dacc_program {
	atomic_uint refs;
	struct dacc_model *model;
	struct dacc_program_info info;
	enum dacc_type weight_type;
	struct program_tensor tensor[TENSOR_COUNT];
	uint64_t rope_offset;
	struct dacc_insn insns[2][32];
};

struct dacc_program *dacc_program_get(struct dacc_program *program);

/* weights.c */
struct dacc_weights {
	atomic_uint refs;
	struct dacc_program *program;
	struct dacc_vm *vm;
	struct dacc_area image;
};

struct dacc_weights *dacc_weights_get(struct dacc_weights *weights);

/* kv_pool.c */
struct dacc_pool {
	struct dacc_vm *vm;
	uint32_t id;
	uint32_t page_bytes;
	uint64_t va;
};

/* kv_list.c */
struct dacc_list {
	struct dacc_vm *vm;
	uint32_t id;
	uint32_t n_layers;
};

/* session.c */
struct dacc_session {
	atomic_uint refs;
	struct dacc_weights *weights;
	struct dacc_area area; /* KV cache, then activations */
	uint64_t act;
	struct dacc_seq seq;
	pthread_mutex_t lock;   /* the next two */
	struct dacc_pool *pool; /* its KV cache, a page a layer; made when first needed */
	uint64_t *pages;
	bool begun;
	atomic_bool busy;
};

struct dacc_session *dacc_session_get(struct dacc_session *session);
void dacc_session_put(struct dacc_session *session);
/* Make @pool and @pages. */
int dacc_session_need_pool(struct dacc_session *session);

#endif
