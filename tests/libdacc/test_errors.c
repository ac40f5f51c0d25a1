// SPDX-License-Identifier: GPL-2.0
/*
 * What libdacc says when something goes wrong on a device. The driver is played by
 * ioctl() below, over a memfd: it takes jobs, which end when a case says so.
 */
#include <errno.h>
#include <float.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "drm/dacc_accel.h"
#include "internal.h"
#include "models.h"
#include "tap.h"

#define MEMORY      (64ull << 20)
#define SRAM        (16ull << 20)
#define UNSUBMITTED 77 /* a syncobj without a fence */
#define NO_SYNCOBJ  99

static struct {
	int fd;
	char *memory;
	uint64_t end; /* of what is allocated of it */
	uint64_t sram_used;
	uint64_t bo[4096]; /* handle: offset */
	uint32_t handles;
	struct drm_dacc_vm_bind bind[4096];
	unsigned int binds;
	bool dead[64]; /* queues */
	uint32_t queues;
	uint64_t submitted;
	bool ends; /* jobs end at once */
	struct drm_dacc_job job;
} drv;

static int bo_create(struct drm_dacc_bo_create *a)
{
	bool sram = a->flags & DRM_DACC_BO_SRAM;

	a->size = align_up(a->size, sram ? 65536 : 4096);
	if (sram && a->size > SRAM - drv.sram_used)
		return -ENOSPC;
	if (sram)
		drv.sram_used += a->size;
	a->handle = ++drv.handles;
	if (!sram) {
		drv.bo[a->handle] = drv.end;
		drv.end += a->size;
	}
	return drv.end > MEMORY ? -ENOMEM : 0;
}

static int submit(struct drm_dacc_submit *a)
{
	const struct drm_dacc_sync *in = (void *)(uintptr_t)a->in_syncs;

	for (uint32_t i = 0; i < a->n_in_syncs; i++)
		if (in[i].handle == UNSUBMITTED || in[i].handle == NO_SYNCOBJ)
			return in[i].handle == UNSUBMITTED ? -EINVAL : -ENOENT;
	drv.job = ((const struct drm_dacc_job *)(uintptr_t)a->jobs)[a->n_jobs - 1];
	drv.submitted += a->n_jobs;
	a->seq = drv.submitted;
	return 0;
}

static int wait_job(const struct drm_dacc_wait *a)
{
	struct drm_dacc_result *r = (void *)(uintptr_t)a->results;

	if (drv.dead[a->queue])
		return -ENOENT;
	if (!a->seq || a->seq > drv.submitted)
		return -EINVAL;
	if (!drv.ends) {
		usleep(200);
		return -ETIME;
	}
	for (uint32_t i = 0; i < a->n_results; i++)
		r[i] = (struct drm_dacc_result){ .seq = a->seq };
	return 0;
}

static int query(const struct drm_dacc_query *a)
{
	struct drm_dacc_device_info *info = (void *)(uintptr_t)a->pointer;

	if (a->type != DRM_DACC_QUERY_DEVICE)
		return -EINVAL;
	info->sram_size = SRAM;
	info->sram_free = SRAM - drv.sram_used;
	return 0;
}

static int wait_syncobj(const struct drm_syncobj_timeline_wait *a)
{
	const uint32_t *handle = (void *)(uintptr_t)a->handles;

	return *handle == UNSUBMITTED ? -EINVAL : *handle == NO_SYNCOBJ ? -ENOENT : -ETIME;
}

static int answer(unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_DACC_BO_CREATE:
		return bo_create(arg);
	case DRM_IOCTL_DACC_BO_MMAP:
		((struct drm_dacc_bo_mmap *)arg)->offset =
			drv.bo[((struct drm_dacc_bo_mmap *)arg)->handle];
		return 0;
	case DRM_IOCTL_DACC_VM_BIND:
		drv.bind[drv.binds++ % ARRAY_SIZE(drv.bind)] = *(struct drm_dacc_vm_bind *)arg;
		return 0;
	case DRM_IOCTL_DACC_QUEUE_CREATE:
		/* The library then falls back to SUBMIT. */
		if (((struct drm_dacc_queue_create *)arg)->flags & DRM_DACC_QUEUE_USER)
			return -EOPNOTSUPP;
		((struct drm_dacc_queue_create *)arg)->queue = ++drv.queues;
		return 0;
	case DRM_IOCTL_DACC_QUEUE_DESTROY:
		drv.dead[((struct drm_dacc_queue_destroy *)arg)->queue] = true;
		return 0;
	case DRM_IOCTL_DACC_SUBMIT:
		return submit(arg);
	case DRM_IOCTL_DACC_WAIT:
		return wait_job(arg);
	case DRM_IOCTL_DACC_QUERY:
		return query(arg);
	case DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT:
		return wait_syncobj(arg);
	case DRM_IOCTL_PRIME_FD_TO_HANDLE:
		return -EINVAL;
	case DRM_IOCTL_DACC_VM_CREATE:
	case DRM_IOCTL_DACC_VM_DESTROY:
	case DRM_IOCTL_DACC_QUEUE_INFO:
	case DRM_IOCTL_GEM_CLOSE:
		return 0;
	default:
		return -ENOTTY;
	}
}

/* In place of libc's, for libdacc and libdrm. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	ret = fd == drv.fd ? answer(request, arg) : -EBADF;
	errno = -ret;
	return ret ? -1 : 0;
}

/* Memory of a virtual address. */
static void *at(uint64_t va)
{
	for (unsigned int i = drv.binds; i-- > 0;) {
		const struct drm_dacc_vm_bind *b = &drv.bind[i];

		if (b->op == DRM_DACC_VM_MAP && va >= b->addr && va - b->addr < b->range)
			return drv.memory + drv.bo[b->handle] + (va - b->addr);
	}
	return NULL;
}

/* The chip makes tokens of session 0. */
static void make_tokens(uint32_t n)
{
	struct dacc_out *out = at(drv.job.decode.out);

	for (uint32_t i = 0; i < n; i++)
		out->token[i] = 100 + i;
	__atomic_store_n(&out->count, n, __ATOMIC_RELEASE);
}

static struct dacc_device *dev;
static struct dacc_vm *vm;
static struct dacc_queue *transfer, *queue;
static struct dacc_program *program;
static struct dacc_weights *weights;
static struct dacc_session *session;

#define SAYS(...) says(__LINE__, __VA_ARGS__)
/* The latest message is that of err and has the text. */
static void says(int line, int ret, int err, const char *text)
{
	struct dacc_error e;
	int last = dacc_device_error(dev, &e);

	CHECK(ret == err, "line %d: returned %d (%s), not %d", line, ret, dacc_strerror(ret), err);
	CHECK(last == err && strstr(e.text, text), "line %d: '%s' (%d) lacks '%s'", line, e.text,
	      last, text);
	CHECK(!strchr(e.text, '\n'), "line %d: more than one line", line);
}

static int open_all(void)
{
	struct dacc_error e = { "" };
	struct dacc_model *model;
	int ret;

	drv.fd = memfd_create("dacc", MFD_CLOEXEC);
	if (drv.fd < 0 || ftruncate(drv.fd, MEMORY))
		return -errno;
	drv.memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, drv.fd, 0);
	if (drv.memory == MAP_FAILED)
		return -errno;
	dev = calloc(1, sizeof(*dev));
	atomic_init(&dev->refs, 1);
	pthread_mutex_init(&dev->lock, NULL);
	strcpy(dev->node, "accel");
	dev->fd = drv.fd;
	dev->va_bits = 40;
	dev->page_size = 4096;
	dev->max_blocks = 65536;
	dev->features = ~0ull;
	ret = dacc_model_open(test_models[0].model, &model, &e);
	if (!ret)
		ret = dacc_program_compile(model, NULL, &program, &e);
	if (ret)
		printf("# %s\n", e.text);
	else
		dacc_model_close(model);
	if (!ret)
		ret = dacc_vm_create(dev, &vm);
	if (!ret)
		ret = dacc_queue_create(vm, DACC_CLASS_TRANSFER, 16, &transfer);
	if (!ret)
		ret = dacc_queue_create(vm, DACC_CLASS_DECODE, 16, &queue);
	return ret;
}

static void late_weights(void)
{
	struct dacc_queue *other;
	uint64_t before = drv.submitted;

	SAYS(dacc_weights_load(program, vm, transfer, dacc_deadline(0), &weights), -ETIME,
	     "passed before the weights were submitted");
	CHECK(drv.submitted == before, "a job was submitted past the deadline");
	REQUIRE(!dacc_queue_create(vm, DACC_CLASS_TRANSFER, 16, &other), "no queue");
	drv.sram_used = 0; /* the driver here does not count what is freed */
	SAYS(dacc_weights_load(program, vm, other, dacc_deadline(300000000), &weights), -ETIME,
	     "its transfer queue was stopped: create another");
	CHECK(drv.submitted == before + 1, "no job was submitted");
	dacc_queue_destroy(other);
	SAYS(dacc_weights_load(program, vm, queue, INT64_MAX, &weights), -EINVAL,
	     "this is a decode queue");
	drv.sram_used = 0;
	drv.ends = true;
	CHECK(!dacc_weights_load(program, vm, transfer, INT64_MAX, &weights), "not loaded");
	CHECK(!dacc_session_create(weights, &session), "no session");
	drv.ends = false;
}

static int begin(float temperature, float top_p)
{
	const struct dacc_session_start start = {
		.size = sizeof(start),
		.token = 1,
		.temperature = temperature,
		.top_p = top_p,
		.seed = 1,
	};

	return dacc_session_begin(session, &start);
}

static void sampling(void)
{
	SAYS(begin(FLT_MIN / 2, 0.9f), -EINVAL, "temperature");
	SAYS(begin(-1, 0.9f), -EINVAL, "temperature");
	SAYS(begin(1, 1.5f), -EINVAL, "top_p 1.5: must be 0 to 1");
	SAYS(begin(1, -0.5f), -EINVAL, "top_p -0.5");
	CHECK(!begin(FLT_MIN, 1) && !begin(1, 0) && !begin(0, 0), "good values refused");
}

static struct dacc_decode job_of(struct dacc_session *const *sessions, unsigned int n)
{
	return (struct dacc_decode){ .size = sizeof(struct dacc_decode),
				     .sessions = sessions,
				     .n_sessions = n,
				     .max_tokens = 8 };
}

static void streams(void)
{
	struct dacc_decode job = job_of(&session, 1);
	struct dacc_result result = { 0 };
	struct dacc_stream *s;
	uint32_t tokens[8];

	REQUIRE(!begin(0, 0) && !dacc_submit_decode(queue, &job, &s), "no decode");
	SAYS(dacc_stream_poll(s, 0), -ETIME, "0 of at most 8 tokens after 0.0");
	make_tokens(3);
	CHECK(dacc_stream_poll(s, 0) == 1 && dacc_stream_read(s, 0, tokens, 8) == 3, "tokens");
	SAYS(dacc_stream_poll(s, dacc_deadline(2000000)), -ETIME, "3 of at most 8 tokens");
	SAYS(dacc_stream_wait(s, 0, NULL), -ETIME, "destroy the queue to stop it");
	SAYS(dacc_stream_read(s, 9, tokens, 8), -EINVAL, "has 1 sessions, so none of index 9");
	SAYS(dacc_stream_read(s, 0, NULL, 8), -EINVAL, "no place for the tokens");
	/* The chip was reset, and runs the job again. */
	make_tokens(2);
	CHECK(dacc_stream_read(s, 0, tokens, 8) == 0, "fewer tokens than were read");
	make_tokens(9);
	SAYS(dacc_stream_read(s, 0, tokens, 8), -EBADMSG, "bad token record");
	make_tokens(4);
	SAYS(dacc_queue_wait(queue, drv.submitted, 0, NULL, 0), -ETIME, "goes on");
	SAYS(dacc_queue_wait(queue, 1000, 0, NULL, 0), -EINVAL, "job 1000 was never submitted");
	/* The queue goes away under it. */
	dacc_queue_destroy(queue);
	CHECK(dacc_stream_poll(s, INT64_MAX) == 1, "the last token is lost");
	CHECK(dacc_stream_read(s, 0, tokens, 8) == 1 && tokens[0] == 103, "the last token");
	CHECK(dacc_stream_poll(s, INT64_MAX) == 0, "it goes on");
	SAYS(dacc_stream_wait(s, INT64_MAX, &result), -ECANCELED, "its queue was destroyed");
	CHECK(result.error == -ECANCELED, "result.error is %d", result.error);
	CHECK(dacc_stream_wait(s, 0, NULL) == -ECANCELED, "the second time");
	dacc_stream_free(s);
	SAYS(dacc_submit_decode(transfer, &job, &s), -EINVAL, "this is a transfer queue");
	REQUIRE(!dacc_queue_create(vm, DACC_CLASS_DECODE, 16, &queue), "no queue");
	SAYS(dacc_submit_decode(queue, &job, &s), -EINVAL,
	     "session 0 of the batch has not been begun");
	/* And one that ends as it should. */
	REQUIRE(!begin(0, 0) && !dacc_submit_decode(queue, &job, &s), "no decode");
	drv.ends = true;
	CHECK(!dacc_stream_poll(s, 0) && !dacc_stream_wait(s, 0, &result) && !result.error, "end");
	dacc_stream_free(s);
	drv.ends = false;
}

static void arguments(void)
{
	struct dacc_session *two[2] = { session, NULL };
	struct dacc_decode job = job_of(two, 2);
	struct dacc_sync in[2] = { { 5, 1 }, { UNSUBMITTED, 3 } };
	struct dacc_error e;
	struct dacc_stream *s;
	struct dacc_bo *bo;
	uint64_t va;

	CHECK(dacc_device_error(NULL, &e) == -EINVAL && strstr(e.text, "no device"), "'%s'",
	      e.text);
	CHECK(dacc_device_error(NULL, NULL) == -EINVAL, "no device, no text");
	REQUIRE(!begin(0, 0), "begin");
	SAYS(dacc_submit_decode(queue, &job, &s), -EINVAL, "session 1 of the batch is NULL");
	two[1] = session;
	SAYS(dacc_submit_decode(queue, &job, &s), -EBUSY, "in the batch twice");
	job.n_sessions = 65;
	SAYS(dacc_submit_decode(queue, &job, &s), -EINVAL, "decode of 65 sessions: want 1 to 64");
	job.n_sessions = 1;
	job.max_tokens = 0;
	SAYS(dacc_submit_decode(queue, &job, &s), -EINVAL, "decode of up to 0 tokens");
	job.max_tokens = 1;
	SAYS(dacc_submit_decode(queue, &job, NULL), -EINVAL, "no place for the stream");
	job.size = 0;
	SAYS(dacc_submit_decode(queue, &job, &s), -EINVAL, "struct dacc_decode has a bad size");
	SAYS(dacc_submit_decode(queue, NULL, &s), -EINVAL, "struct dacc_decode is NULL");
	job.size = sizeof(job);
	job.in = in;
	job.n_in = 2;
	SAYS(dacc_submit_decode(queue, &job, &s), -EINVAL,
	     "fence 1 of `in` (syncobj 77, point 3) has not been submitted yet");
	in[1].handle = NO_SYNCOBJ;
	SAYS(dacc_submit_decode(queue, &job, &s), -ENOENT, "there is no syncobj 99");
	job.n_in = 65;
	SAYS(dacc_submit_decode(queue, &job, &s), -EINVAL, "65 fences to wait for");
	SAYS(dacc_bo_create(dev, 0, DACC_BO_HOST, &bo), -EINVAL, "0 bytes");
	SAYS(dacc_bo_create(dev, 1, 7, &bo), -EINVAL, "placement 7");
	SAYS(dacc_bo_import(dev, 0, &bo), -EINVAL, "descriptor 0 is not a dma-buf");
	REQUIRE(!dacc_bo_create(dev, 8192, DACC_BO_HOST, &bo), "no buffer");
	SAYS(dacc_vm_map(vm, bo, 0, 0, 6, &va), -EINVAL, "unknown flags 0x6");
	SAYS(dacc_vm_map(vm, bo, 100, 0, 0, &va), -EINVAL, "multiples of 4096");
	SAYS(dacc_vm_map(vm, bo, 4096, 8192, 0, &va), -EINVAL, "out of its bounds");
	SAYS(dacc_vm_map(vm, bo, 0, 0, 0, NULL), -EINVAL, "no place for the address");
	dacc_bo_destroy(bo);
	/* One text for a code, not two. */
	CHECK(dacc_ioctl_error(dev, -EINVAL, "x") == -EINVAL, "code");
	dacc_device_error(dev, &e);
	CHECK(!strcmp(e.text, "accel: x: invalid argument"), "'%s'", e.text);
	dacc_ioctl_error(dev, -ENOTTY, "x");
	dacc_device_error(dev, &e);
	CHECK(strstr(e.text, strerror(ENOTTY)), "'%s'", e.text);
}

static void sram_full(void)
{
	uint64_t held = atomic_load(&dev->sram_held);
	struct dacc_bo *mine;
	char text[96];

	REQUIRE(!dacc_bo_create(dev, 65536, DACC_BO_SRAM, &mine), "no buffer");
	drv.sram_used = held + 65536 + (1 << 20); /* others hold 1 MiB */
	snprintf(text, sizeof(text), "this process holds %.2f MiB here, others hold 1.00 MiB",
		 (held + 65536) / 1048576.0);
	SAYS(dacc_bo_create(dev, SRAM, DACC_BO_SRAM, &(struct dacc_bo *){ NULL }), -ENOSPC, text);
	dacc_bo_destroy(mine);
	CHECK(atomic_load(&dev->sram_held) == held, "a freed buffer is still counted");
	drv.sram_used = held;
	SAYS(dacc_bo_create(dev, SRAM, DACC_BO_SRAM, &(struct dacc_bo *){ NULL }), -ENOSPC,
	     "others hold nothing");
}

int main(void)
{
	if (open_all()) {
		printf("Bail out! the device can't be opened\n");
		return 1;
	}
	TAP_CASE(late_weights);
	if (session) {
		TAP_CASE(sampling);
		TAP_CASE(streams);
		TAP_CASE(arguments);
		TAP_CASE(sram_full);
	}
	dacc_session_destroy(session);
	dacc_weights_free(weights);
	dacc_queue_destroy(queue);
	dacc_queue_destroy(transfer);
	dacc_vm_destroy(vm);
	dacc_program_free(program);
	dacc_device_close(dev);
	return tap_done();
}
