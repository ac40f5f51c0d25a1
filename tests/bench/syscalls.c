// SPDX-License-Identifier: GPL-2.0
/*
 * syscalls MODEL stream|again|kernel
 *
 * Reads two tokens, then has the kernel trap every system call and reads as many
 * tokens as there are: of one job that streams (stream), of a job for each token
 * (again), or of a job for each token by SUBMIT (kernel), which can't do without and
 * so shows that the trap works. Prints tokens and trapped system calls.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "session.h"

#define TOKENS 100
#define BEFORE 2

static volatile unsigned int trapped;
static volatile int first = -1;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	if (!trapped++)
		first = info->si_syscall;
	uc->uc_mcontext.gregs[REG_RAX] = -EPERM;
}

/* All but the end: writing the result to stdout, returning from the handler, leaving. */
static void trap_all(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_rt_sigreturn, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STDOUT_FILENO, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	if (sigaction(SIGSYS, &sa, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("seccomp");
		exit(1);
	}
}

/* One token of a stream that has a job for each if @again. 0 or an error. */
static int next_token(struct dacc_stream *stream, bool again, uint32_t *token)
{
	int64_t deadline = bench_soon();
	int ret = 0;

	/* A token is there before its job's record, so the ring may be full for a moment. */
	while (again && (ret = dacc_stream_again(stream)) == -EAGAIN)
		;
	if (ret)
		return ret;
	while (!(ret = dacc_stream_read(stream, 0, token, 1))) {
		ret = dacc_stream_poll(stream, deadline);
		if (ret <= 0)
			return ret ? ret : -ENODATA;
	}
	return ret < 0 ? ret : 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc == 3 ? argv[2] : "";
	bool again = strcmp(mode, "stream"), kernel = !strcmp(mode, "kernel");
	struct bench b = { 0 };
	struct dacc_stream *stream;
	struct dacc_queue *queue;
	unsigned int got = 0;
	uint32_t token;
	char line[128];
	int ret = 0, n;

	if (argc != 3 || (again && !kernel && strcmp(mode, "again"))) {
		fprintf(stderr, "usage: syscalls MODEL stream|again|kernel\n");
		return 2;
	}
	bench_open(&b, argv[1]);
	queue = bench_queue(&b, kernel ? DACC_QUEUE_KIND_KERNEL : DACC_QUEUE_KIND_USER, -1);
	stream = bench_decode(&b, queue, again ? 1 : TOKENS);
	for (; got < BEFORE && !ret; got++)
		ret = next_token(stream, again && got, &token);
	if (ret)
		bench_die(&b, "before", ret);
	trap_all();
	for (; got < TOKENS && !ret; got += !ret)
		ret = next_token(stream, again, &token);
	n = snprintf(line, sizeof(line), "tokens %u syscalls %u first %d error %d\n", got - BEFORE,
		     trapped, first, ret);
	if (write(STDOUT_FILENO, line, n) != n)
		_exit(1);
	_exit(0);
}
