// SPDX-License-Identifier: GPL-2.0
/* A client whose own jobs cost it its queue, by the ioctls alone. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "dacc_hw.h"
#include "drm/dacc_accel.h"
#include "stress.h"

static int open_node(void)
{
	char path[32];
	int i, fd = -1;

	for (i = 0; i < 256 && fd < 0; i++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	return fd;
}

static int64_t later(int seconds)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec + seconds) * 1000000000ll + ts.tv_nsec;
}

static FILE *debugfs_open(const char *name, const char *mode)
{
	char pattern[128];
	FILE *f = NULL;
	glob_t g;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/accel/*/%s", name);
	if (!glob(pattern, 0, NULL, &g))
		f = fopen(g.gl_pathv[0], mode);
	globfree(&g);
	return f;
}

long counter(const char *name)
{
	char line[256], key[64];
	long value, found = -1;
	FILE *f = debugfs_open("counters", "r");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63[^:]: %ld", key, &value) == 2 && !strcmp(key, name))
			found = value;
	fclose(f);
	return found;
}

/* The hardware queue of this process, from debugfs. */
static int hardware_queue(void)
{
	char line[256];
	int hw, id, pid, found = -1;
	FILE *f = debugfs_open("queues", "r");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%d %d %d", &hw, &id, &pid) == 3 && pid == getpid())
			found = hw;
	fclose(f);
	return found;
}

/* Error of one job on a queue of our own, or 1 if it did not come to that. */
static int one_job(const struct drm_dacc_job *job, bool hang)
{
	struct drm_dacc_vm_create vm = {};
	struct drm_dacc_queue_create queue = { .depth = 16 };
	struct drm_dacc_submit submit = { .n_jobs = 1, .jobs = (uintptr_t)job };
	struct drm_dacc_result result = {};
	struct drm_dacc_wait wait = { .n_results = 1, .results = (uintptr_t)&result };
	int fd = open_node(), ret = 1;
	FILE *f;

	if (fd < 0)
		return 1;
	if (ioctl(fd, DRM_IOCTL_DACC_VM_CREATE, &vm))
		goto out;
	queue.vm = vm.vm;
	if (ioctl(fd, DRM_IOCTL_DACC_QUEUE_CREATE, &queue))
		goto out;
	if (hang) {
		f = debugfs_open("inject", "w");
		if (!f)
			goto out;
		fprintf(f, "hang %d\n", hardware_queue());
		if (fclose(f))
			goto out;
	}
	submit.queue = queue.queue;
	if (ioctl(fd, DRM_IOCTL_DACC_SUBMIT, &submit))
		goto out;
	wait.queue = queue.queue;
	wait.seq = submit.seq;
	wait.timeout_ns = later(120);
	if (!ioctl(fd, DRM_IOCTL_DACC_WAIT, &wait))
		ret = result.error;
out:
	close(fd);
	return ret;
}

int victim_fault(void)
{
	struct drm_dacc_job job = { .type = DRM_DACC_JOB_COPY };
	int error;

	job.copy.src = 0x10000000;
	job.copy.dst = 0x20000000;
	job.copy.len = 4096;
	error = one_job(&job, false);
	if (error != -EFAULT)
		fprintf(stderr, "stress: a job that faults got %d\n", error);
	return error == -EFAULT ? 0 : 1;
}

int victim_hang(void)
{
	struct drm_dacc_job job = { .type = DRM_DACC_JOB_NOP };
	int error = one_job(&job, true);

	if (error != -ETIME)
		fprintf(stderr, "stress: a job that hangs got %d\n", error);
	return error == -ETIME ? 0 : 1;
}
