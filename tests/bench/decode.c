// SPDX-License-Identifier: GPL-2.0
/*
 * decode MODEL [NVME-NODE [VIRTIO-PORT [FILE-ON-9P]]]
 *
 * Instructions of the guest from handing a job over to seeing its token, on a user
 * queue and by SUBMIT, beside what other devices' stacks take for the smallest
 * of their operations. To be run under -icount shift=0 with one processor.
 */
#include <sys/stat.h>

#include "count.h"
#include "nvme.h"
#include "session.h"

#include "drm/dacc_accel.h"
#include "userq.h"

static void fail(const char *what, int ret)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	exit(1);
}

static uint64_t first_token(struct dacc_stream *stream)
{
	uint32_t token;

	while (dacc_stream_read(stream, 0, &token, 1) != 1)
		if (dacc_stream_poll(stream, bench_soon()) < 0)
			fail("the first token", -EIO);
	return token;
}

struct polled {
	struct sample submit, miss, hit, both;
};

/* A job of one token each time: the smallest that there is. */
static void user_polling(struct bench *b, struct polled *p)
{
	struct dacc_queue *queue = bench_queue(b, DACC_QUEUE_KIND_USER, -1);
	struct dacc_stream *stream = bench_decode(b, queue, 1);
	uint32_t token;

	first_token(stream);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t = now(), submit, miss, hit;
		int ret, n;

		/* Records of earlier jobs may be on their way: no room until then. */
		while ((ret = dacc_stream_again(stream)) == -EAGAIN)
			t = now();
		submit = now() - t;
		t = now();
		n = dacc_stream_read(stream, 0, &token, 1);
		miss = now() - t;
		if (ret || n < 0)
			fail("a decode", ret ? ret : n);
		if (!n) {
			/* Spinning: not counted. */
			sample_add(&p->miss, miss);
			if (dacc_stream_poll(stream, bench_soon()) != 1)
				fail("a decode", -EIO);
			t = now();
			n = dacc_stream_read(stream, 0, &token, 1);
			hit = now() - t;
			if (n != 1)
				fail("a decode", -EIO);
		} else {
			hit = miss;
		}
		sample_add(&p->submit, submit);
		sample_add(&p->hit, hit);
		sample_add(&p->both, submit + hit - overhead);
	}
	bench_end(b, stream, queue);
}

static int wait_ioctl(struct bench *b, struct dacc_queue *queue, uint64_t seq)
{
	struct drm_dacc_wait args = { .queue = queue->id, .seq = seq, .timeout_ns = INT64_MAX };

	return dacc_ioctl(b->dev, DRM_IOCTL_DACC_WAIT, &args);
}

/* Whole way, sleeping in between; rounds that had no need to sleep do not count. */
static void sleeping(struct bench *b, enum dacc_queue_kind kind, struct sample *submit,
		     struct sample *whole, struct sample *awake)
{
	struct dacc_queue *queue = bench_queue(b, kind, -1);
	struct dacc_stream *stream = bench_decode(b, queue, 1);
	uint64_t seq = 1;
	uint32_t token;

	first_token(stream);
	for (int i = 0; i < 4 * ROUNDS && whole->n < ROUNDS; i++) {
		long before = switches();
		uint64_t s = soaked, t = now(), handed;
		int ret = dacc_stream_again(stream);

		handed = now() - t;
		if (!ret)
			ret = wait_ioctl(b, queue, ++seq);
		if (!ret)
			ret = dacc_stream_read(stream, 0, &token, 1) == 1 ? 0 : -EIO;
		t = now() - t;
		s = soaked - s;
		if (ret)
			fail("a decode", ret);
		sample_add(submit, handed);
		sample_add(switches() != before ? whole : awake, t - SOAK_INSNS * s);
	}
	bench_end(b, stream, queue);
}

static void nvme_read(const char *path, struct sample *submit, struct sample *whole,
		      struct sample *reap)
{
	struct nvme n;
	int ret = nvme_open(&n, path);

	if (ret)
		fail(path, ret);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t = now(), handed, reaped;

		ret = nvme_submit(&n);
		handed = now() - t;
		if (ret)
			fail("NVMe submit", ret);
		/* Polling in the kernel for what is not there yet would be counted. */
		usleep(5000);
		t = now();
		ret = nvme_reap(&n);
		reaped = now() - t;
		if (ret == -EAGAIN) {
			while ((ret = nvme_reap(&n)) == -EAGAIN)
				;
			reaped = 0;
		}
		if (ret)
			fail("NVMe read", ret);
		if (!reaped)
			continue;
		sample_add(submit, handed);
		sample_add(reap, reaped);
		sample_add(whole, handed + reaped - overhead);
	}
}

static void virtio_write(const char *path, struct sample *s)
{
	static char text[512];
	int fd = open(path, O_WRONLY | O_NONBLOCK);

	if (fd < 0)
		fail(path, -errno);
	for (int i = 0; i < 4 * ROUNDS && s->n < ROUNDS; i++) {
		uint64_t t = now();
		ssize_t n = write(fd, text, sizeof(text));

		t = now() - t;
		if (n == (ssize_t)sizeof(text))
			sample_add(s, t);
		else if (errno != EAGAIN)
			fail(path, -errno);
		usleep(1000);
	}
	close(fd);
}

static void p9_getattr(const char *path, struct sample *whole)
{
	struct stat st;

	for (int i = 0; i < 4 * ROUNDS && whole->n < ROUNDS; i++) {
		long before = switches();
		uint64_t s = soaked, t = now();
		int ret = stat(path, &st);

		t = now() - t;
		s = soaked - s;
		if (ret)
			fail(path, -errno);
		if (switches() != before)
			sample_add(whole, t - SOAK_INSNS * s);
	}
}

int main(int argc, char **argv)
{
	struct sample nvme_submit = { 0 }, nvme_whole = { 0 }, nvme_last = { 0 };
	struct sample user_submit = { 0 }, user_whole = { 0 }, user_awake = { 0 };
	struct sample kernel_submit = { 0 }, kernel_whole = { 0 }, kernel_awake = { 0 };
	struct sample serial = { 0 }, p9 = { 0 };
	struct polled p = { 0 };
	struct bench b = { 0 };
	double own, other;

	if (argc < 2 || argc > 5) {
		fprintf(stderr, "usage: decode MODEL [NVME-NODE [VIRTIO-PORT [FILE-ON-9P]]]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_open(&b, argv[1]);
	calibrate();

	user_polling(&b, &p);
	printf("user queue, polling (a job of one token; median)\n");
	show("hand a job over (descriptor, doorbell)", &p.submit);
	show("look for a token that is not there yet", &p.miss);
	show("take a token that is there", &p.hit);
	show("own share: hand over and take, spinning not counted", &p.both);

	if (argc > 2) {
		nvme_read(argv[2], &nvme_submit, &nvme_whole, &nvme_last);
		printf("NVMe read of 512 bytes, io_uring passthrough, polled\n");
		show("submit", &nvme_submit);
		show("poll that finds it done", &nvme_last);
		show("both, spinning not counted", &nvme_whole);
	}
	if (argc > 3) {
		virtio_write(argv[3], &serial);
		printf("virtio\n");
		show("write of 512 bytes to a serial port, not waited for", &serial);
	}

	soak_start();
	if (argc > 4) {
		p9_getattr(argv[4], &p9);
		show("9p getattr, asleep in between", &p9);
	}
	sleeping(&b, DACC_QUEUE_KIND_USER, &user_submit, &user_whole, &user_awake);
	sleeping(&b, DACC_QUEUE_KIND_KERNEL, &kernel_submit, &kernel_whole, &kernel_awake);
	printf("user queue, sleeping (doorbell, WAIT)\n");
	show("hand a job over", &user_submit);
	show("hand over to token seen, asleep in between", &user_whole);
	show("the same where the token was there before WAIT slept", &user_awake);
	printf("kernel queue (SUBMIT, WAIT)\n");
	show("SUBMIT", &kernel_submit);
	show("SUBMIT to token seen, asleep in between", &kernel_whole);
	show("the same where the token was there before WAIT slept", &kernel_awake);

	own = sample_median(&p.both);
	other = sample_median(&nvme_whole);
	printf("goals\n");
	printf("  own share of the user queue: %.0f instructions; goal 100: %s\n", own,
	       own <= 100 ? "reached" : "missed");
	if (nvme_whole.n)
		printf("  the NVMe read takes %.0f times as many; goal 50: %s\n", other / own,
		       other >= 50 * own ? "reached" : "missed");
	/* The thread that soaks time up does not end by itself. */
	fflush(stdout);
	_exit(0);
}
