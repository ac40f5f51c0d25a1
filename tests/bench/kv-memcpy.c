// SPDX-License-Identifier: GPL-2.0
/*
 * The host's memcpy() of the blocks that the guest has transferred, and what the device
 * took for them: kv-memcpy SOCKET. One case each time that the guest asks, so that the
 * two take turns in one run.
 *
 * Its memory is in large pages, as QEMU's is, and written before, as the guest's is. Both
 * are told in processor time of their threads, which other load on the host does not
 * stretch; on an idle host that is the time by the clock.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kv-memcpy.h"

static char *memory(size_t size, int value)
{
	char *p = aligned_alloc(2 << 20, size);

	if (!p || madvise(p, size, MADV_HUGEPAGE)) {
		perror("kv-memcpy: memory");
		exit(1);
	}
	memset(p, value, size);
	return p;
}

/* QEMU makes the socket a while after it was started. */
static FILE *attach(const char *path, pid_t *pid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "kv-memcpy: no socket, or its name is too long: %s\n", path);
		exit(1);
	}
	strcpy(addr.sun_path, path);
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (errno != ENOENT && errno != ECONNREFUSED) {
			perror(path);
			exit(1);
		}
		usleep(100000);
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
		perror("kv-memcpy: who is it?");
		exit(1);
	}
	*pid = peer.pid;
	return fdopen(fd, "r+");
}

static int64_t run_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static int64_t copy(char *dst, const char *src, uint32_t block, uint32_t n)
{
	int64_t start = run_time();

	for (uint32_t i = 0; i < n; i++)
		memcpy(dst + kv_dst(block, i), src + kv_src(block, i), block);
	return run_time() - start;
}

/* A line of a thread's file in /proc, or nothing. */
static char *proc_line(pid_t pid, const char *task, const char *file, char *line, int size)
{
	char path[128];
	char *got;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/%s", pid, task, file);
	f = fopen(path, "r");
	if (!f)
		return NULL;
	got = fgets(line, size, f);
	fclose(f);
	return got;
}

/* The sum over the threads of QEMU's that are called dacc; -1: there is none. */
static int64_t device_time(pid_t pid)
{
	int64_t sum = 0, found = 0;
	char path[64], line[128];
	struct dirent *entry;
	DIR *dir;

	/* What a thread has run is counted when it sleeps. */
	usleep(2000);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!proc_line(pid, entry->d_name, "comm", line, sizeof(line)) ||
		    strcmp(line, "dacc\n") ||
		    !proc_line(pid, entry->d_name, "schedstat", line, sizeof(line)))
			continue;
		sum += strtoll(line, NULL, 10);
		found++;
	}
	if (dir)
		closedir(dir);
	return found ? sum : -1;
}

int main(int argc, char **argv)
{
	char *src, *dst, line[64];
	uint32_t block, n;
	int64_t answer;
	FILE *port;
	pid_t qemu;

	if (argc != 2) {
		fprintf(stderr, "usage: kv-memcpy SOCKET\n");
		return 2;
	}
	src = memory(SRC_BYTES, 1);
	dst = memory(DST_BYTES, 2);
	port = attach(argv[1], &qemu);
	if (!port)
		return 1;
	while (fgets(line, sizeof(line), port)) {
		if (!strcmp(line, "d\n"))
			answer = device_time(qemu);
		else if (sscanf(line, "c %u %u", &block, &n) == 2 && block && block <= DST_BYTES)
			answer = copy(dst, src, block, n);
		else
			return 1;
		fprintf(port, "%lld\n", (long long)answer);
		fflush(port);
	}
	return 0;
}
