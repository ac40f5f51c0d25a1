// SPDX-License-Identifier: MIT
/* SIGINT and SIGTERM: waits are cut into pieces, between which they are seen. */
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "run.h"

#define PIECE_NS 100000000

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

void catch_signals(void)
{
	/* A second one ends the process at once. */
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

int64_t soon(int64_t deadline)
{
	int64_t piece = dacc_deadline(PIECE_NS);

	return piece < deadline ? piece : deadline;
}

bool keep_on(int64_t deadline)
{
	return !caught && dacc_deadline(0) < deadline;
}

int check_signal(void)
{
	return caught ? run_fail(EXIT_FAILED, "ended by a signal (%s)", strsignal(caught)) : 0;
}

void end_by_signal(void)
{
	if (!caught)
		return;
	signal(caught, SIG_DFL);
	raise(caught);
}
