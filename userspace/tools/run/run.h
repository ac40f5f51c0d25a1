/* SPDX-License-Identifier: MIT */
/* dacc-run: what its files share. */
#ifndef DACC_RUN_H
#define DACC_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "dacc/dacc.h"
#include "gpupeer.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit statuses; documented in --help and dacc-run(1). */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,    /* a device, a job or the output failed */
	EXIT_USAGE = 2,     /* a bad option or value */
	EXIT_NO_DEVICE = 3, /* no chip or GPU peer that can be used */
	EXIT_BAD_FILE = 4,  /* checkpoint, tokenizer or prompt */
	EXIT_TOO_LARGE = 5, /* SRAM, HBM or context */
};

struct options {
	const char *model;
	const char *tokenizer;
	const char **prompts;
	unsigned int n_prompts;
	uint32_t steps;
	bool steps_given;
	float temperature;
	float top_p;
	uint64_t seed;
	bool ids;
	bool stats;
	bool json;
	bool bounce;
	bool verify_kv;
	enum dacc_type kv_type;
	enum dacc_type weight_type;
	enum dacc_queue_kind queue;
	uint32_t chunk;
	uint32_t tokens_per_job;
	const char *device;
	const char *gpu;
	double timeout;
};

/* A job of the GPU peer whose result is wanted. */
struct gpu_job {
	uint64_t id;
	uint64_t point; /* of run.gpu_done */
	struct gpupeer_result *result;
};

/* An interval of device time in picoseconds; none if end is 0. */
struct span {
	uint64_t start;
	uint64_t end;
	uint64_t busy; /* sum of the jobs in it */
};

struct prompt {
	uint32_t *ids; /* prompt, then what was generated */
	uint32_t n_prompt;
	uint32_t n_ids;
	uint32_t n_show; /* tokens of the prompt that -n lets print */
	uint32_t room;
	bool active;  /* has something to decode */
	bool stopped; /* by BOS */
	/* output */
	char *out;
	size_t out_len;
	size_t out_room;
	size_t out_written;
	/* GPU peer */
	struct gpupeer_bo *kv_hbm;
	struct gpupeer_bo *kv_sys; /* bounce */
	struct gpupeer_result *chunks;
	uint32_t n_chunks;
	struct gpupeer_result *copies; /* two a layer */
	uint32_t points;               /* timeline of its layers, on the chip's file */
	uint32_t gpu_points;           /* and on the GPU peer's */
	/* chip */
	struct dacc_session *session;
	struct dacc_bo *kv_bo;
	struct dacc_kv *kv;
	uint32_t moved;    /* timeline of the layers that have arrived */
	uint64_t transfer; /* id of the one under way, or 0 */
	struct dacc_transfer_result *transfers;
	uint32_t n_transfers; /* one, or one a layer */
	uint32_t *crcs;       /* of the layers, with --verify-kv */
};

struct stats {
	uint64_t prompt_tokens;
	uint64_t generated;
	uint64_t kv_bytes;
	uint64_t kv_blocks;
	uint64_t link_bytes;
	uint16_t path_bits;
	bool peer;      /* the chip read the peer's memory */
	bool one_clock; /* device times of both can be compared */
	struct span prefill;
	struct span copy; /* bounce: HBM to host memory */
	struct span transfer;
	struct span decode;
	uint64_t steps; /* token steps of the decode jobs */
	uint64_t jobs;
	double wall_load;
	double wall_prefill;
	double wall_decode;
	double wall_total;
};

struct run {
	struct options opt;
	int64_t deadline;
	struct dacc_model *model;
	const struct dacc_model_config *config;
	struct dacc_tokenizer *tok;
	struct dacc_program *program;
	struct dacc_program_info info;
	struct prompt *prompt;
	unsigned int n_active;
	/* chip */
	struct dacc_device *dev;
	struct dacc_vm *vm;
	struct dacc_queue *transfer;
	struct dacc_queue *decode;
	enum dacc_queue_kind decode_kind; /* what it became */
	struct dacc_weights *weights;
	/* GPU peer */
	struct gpupeer *gpu;
	struct gpupeer_bo *gpu_image;
	struct gpupeer_bo *gpu_act;
	struct gpupeer_bo *gpu_tokens;
	uint32_t gpu_done;
	uint64_t gpu_point;
	struct gpu_job pending[64];
	unsigned int first_pending;
	unsigned int n_pending;
	bool bounce;
	unsigned int printing; /* prompt whose text goes out now */
	int write_error;       /* errno of the first write that failed */
	bool opened;           /* the devices are: from now on a lost one is a failure */
	struct stats stats;
};

/* main.c: one line on stderr; return status */
int run_fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What run_fail() said first; NULL if nothing. */
const char *run_message(void);
/* The same with the device's message, and the status that fits err. */
int run_fail_device(struct run *r, int err);
double now_seconds(void);

/* signal.c: with --json, a signal ends the run orderly, so that what there is comes out. */
void catch_signals(void);
/* A wait ends at deadline or soon, to look for a signal: wait again while keep_on(). */
int64_t soon(int64_t deadline);
bool keep_on(int64_t deadline);
/* If there was a signal: fail with its name; else 0. */
int check_signal(void);
/* End by the signal, if there was one. */
void end_by_signal(void);

/* options.c: EXIT_OK to go on; -1 if there is nothing more to do */
int parse_options(int argc, char **argv, struct options *opt);

/* input.c */
int load_input(struct run *r);
void free_input(struct run *r);

/* setup.c */
int open_devices(struct run *r);
int load_weights(struct run *r);
void close_devices(struct run *r);

/* prefill.c */
int submit_prefill(struct run *r, struct prompt *p);
int gpu_submit_copy(struct run *r, struct prompt *p, uint32_t layer, unsigned int half);
/* Wait for GPU jobs until at most left are pending. */
int gpu_drain(struct run *r, unsigned int left);

/* move.c */
int move_kv(struct run *r, struct prompt *p);
int check_transfers(struct run *r);

/* crc.c */
uint32_t crc32_of(uint32_t crc, const void *data, size_t size);

/* generate.c */
int generate(struct run *r);

/* output.c */
void print_prompts(struct run *r);
void add_token(struct run *r, struct prompt *p, uint32_t id);
void flush_output(struct run *r, bool finish);
bool complete(const struct run *r, const struct prompt *p);
/* 0, or a message that the output could not be written */
int check_output(struct run *r);
int end_output(struct run *r);
/* Before a message: no half line, and no line where there is no text. */
void end_line(void);

/* stats.c */
void span_add(struct span *s, uint64_t start, uint64_t end);
void span_add_busy(struct span *s, uint64_t start, uint64_t end, uint64_t busy);
const char *path_name(const struct stats *s);
void print_stats(const struct run *r);
void print_json(const struct run *r, const char *error);

#endif
