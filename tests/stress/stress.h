/* SPDX-License-Identifier: GPL-2.0 */
/* Clients whose text must stay right, and what is done to the device meanwhile. */
#ifndef DACC_STRESS_H
#define DACC_STRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_CLIENTS 16

/* In memory that parent and clients share; a client writes its own only. */
struct client {
	pid_t pid;
	volatile uint64_t tokens;   /* that were compared */
	volatile uint64_t texts;    /* that were right from end to end */
	volatile uint64_t reopened; /* times that the device had to be opened anew */
	volatile uint64_t errors;   /* failures that the kind does not allow */
	volatile uint64_t wrong;    /* tokens that differed */
	char message[256];
};

struct options {
	const char *model;
	const char *tokenizer;
	const char *golden;
	const char *share; /* folder of the host, for what only the host can do */
	const char *kind;
	unsigned int rounds;
	unsigned int clients;
	unsigned int seconds; /* no round starts later; 0: no limit */
	unsigned int seed;
	bool json;
};

extern const struct options *opt;
extern volatile sig_atomic_t *stop_clients;

/* client.c: runs until *stop_clients; may_lose: the device may go away. */
int client_run(struct client *self, bool may_lose);
/* Likewise by dacc-run, with a prefill on the GPU peer and a transfer from it. */
int client_run_tool(struct client *self);

/* rounds.c */
struct kind {
	const char *name;
	const char *what;
	bool may_lose;      /* clients lose the device and open it anew */
	bool tool;          /* clients are dacc-run */
	unsigned int check; /* every so many rounds all clients must have gone on */
	int (*round)(unsigned int n);
};

const struct kind *kind_find(const char *name);
void kinds_list(void);
int find_device(char *bdf, int size);

/* victim.c: a client that is at fault; 0 if it got what it deserved. */
int victim_fault(void);
int victim_hang(void);
long counter(const char *name);

#endif
