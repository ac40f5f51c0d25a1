// SPDX-License-Identifier: GPL-2.0
/* dacc-stress: rounds of one kind of trouble under clients whose text stays right. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define PATIENCE_S 240

static struct options options = {
	.model = "/root/model.bin",
	.tokenizer = "/root/tokenizer.bin",
	.golden = "/root/golden.txt",
	.rounds = 10,
	.clients = 4,
	.seed = 1,
};

const struct options *opt = &options;
volatile sig_atomic_t *stop_clients;

static struct client *clients;

static void usage(void)
{
	printf("usage: dacc-stress --kind KIND [options]\n"
	       "Does something to the device again and again, while clients decode a text with it and\n"
	       "compare every token. After each round each client must go on.\n\n"
	       "  --kind KIND       what is done, see below\n"
	       "  --rounds N        how often (10)\n"
	       "  --clients N       clients (4)\n"
	       "  --seconds N       start no round after so many seconds (no limit)\n"
	       "  --seed N          for the moments at which it is done (1)\n"
	       "  --model FILE  --tokenizer FILE  --golden FILE\n"
	       "  --share DIR       folder that the host watches, for unplug and link\n"
	       "  --json            print JSON\n"
	       "  --help, --version\n\n"
	       "Kinds:\n");
	kinds_list();
	printf("\nExit status: 0 all went well, 1 something did not, 2 wrong usage.\n");
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int start_clients(const struct kind *kind)
{
	for (unsigned int i = 0; i < opt->clients; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (!pid)
			_exit(kind->tool ? client_run_tool(&clients[i]) :
					   client_run(&clients[i], kind->may_lose));
		clients[i].pid = pid;
	}
	return 0;
}

/* Where a process is that does not go on. */
static void show_stack(pid_t pid)
{
	static const char *const files[] = { "syscall", "wchan", "stack" };
	char path[64], line[256];
	FILE *f;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			fprintf(stderr, "stress: %s: %s%s", files[i], line,
				strchr(line, '\n') ? "" : "\n");
		if (f)
			fclose(f);
	}
}

/* Every client has compared at least one more token since @since. */
static int wait_progress(const uint64_t *since)
{
	double deadline = now() + PATIENCE_S;
	unsigned int i;

	for (i = 0; i < opt->clients;) {
		struct client *c = &clients[i];

		if (c->errors || c->wrong) {
			fprintf(stderr, "stress: client %u: %s\n", i, c->message);
			return 1;
		}
		if (c->tokens != since[i]) {
			i++;
			continue;
		}
		if (now() > deadline) {
			fprintf(stderr, "stress: client %u does not go on (%s)\n", i,
				waitpid(c->pid, NULL, WNOHANG) ? "it has ended" : "it runs");
			show_stack(c->pid);
			return 1;
		}
		usleep(2000);
	}
	return 0;
}

static void get_tokens(uint64_t *tokens)
{
	for (unsigned int i = 0; i < opt->clients; i++)
		tokens[i] = clients[i].tokens;
}

static int end_clients(void)
{
	double deadline = now() + PATIENCE_S;
	int bad = 0;

	*stop_clients = 1;
	for (unsigned int i = 0; i < opt->clients; i++) {
		struct client *c = &clients[i];
		int status = 0;
		pid_t pid;

		if (!c->pid)
			continue;
		while (!(pid = waitpid(c->pid, &status, WNOHANG)) && now() < deadline)
			usleep(10000);
		if (!pid) {
			fprintf(stderr, "stress: client %u does not end\n", i);
			kill(c->pid, SIGKILL);
			waitpid(c->pid, &status, 0);
			bad = 1;
		}
		if (c->errors || c->wrong) {
			fprintf(stderr, "stress: client %u: %s\n", i, c->message);
			bad = 1;
		}
	}
	return bad;
}

static const char *const counters[] = { "vms", "queues", "jobs", "sram_bos", "host_bos" };
#define NUM_COUNTERS (sizeof(counters) / sizeof(*counters))

/* Before the first client: the driver has some of its own. */
static long baseline[NUM_COUNTERS];

static void get_baseline(void)
{
	for (size_t i = 0; i < NUM_COUNTERS; i++)
		baseline[i] = counter(counters[i]);
}

/* What the clients had is gone with them. */
static int check_leaks(void)
{
	int bad = 0;

	/* The end of a killed client's file may take a moment. */
	for (int tries = 0; tries < 200; tries++) {
		bad = 0;
		for (size_t i = 0; i < NUM_COUNTERS; i++)
			bad |= counter(counters[i]) != baseline[i];
		if (!bad)
			return 0;
		usleep(20000);
	}
	for (size_t i = 0; i < NUM_COUNTERS; i++)
		if (counter(counters[i]) != baseline[i])
			fprintf(stderr, "stress: %ld %s left, were %ld\n", counter(counters[i]),
				counters[i], baseline[i]);
	return bad;
}

static void report(const struct kind *kind, unsigned int done, double seconds, int bad)
{
	uint64_t tokens = 0, texts = 0, reopened = 0, wrong = 0, errors = 0;

	for (unsigned int i = 0; i < opt->clients; i++) {
		tokens += clients[i].tokens;
		texts += clients[i].texts;
		reopened += clients[i].reopened;
		wrong += clients[i].wrong;
		errors += clients[i].errors;
	}
	printf(opt->json ? "{\"kind\":\"%s\",\"rounds\":%u,\"of\":%u,\"clients\":%u," :
			   "%s: %u of %u rounds, %u clients, ",
	       kind->name, done, opt->rounds, opt->clients);
	printf(opt->json ? "\"tokens\":%llu,\"texts\":%llu,\"wrong\":%llu,\"errors\":%llu," :
			   "%llu tokens in %llu whole texts, %llu wrong, %llu errors, ",
	       (unsigned long long)tokens, (unsigned long long)texts, (unsigned long long)wrong,
	       (unsigned long long)errors);
	printf(opt->json ? "\"reopened\":%llu,\"seconds\":%.0f,\"ok\":%s}\n" :
			   "%llu times re-opened, %.0f s: %s\n",
	       (unsigned long long)reopened, seconds,
	       opt->json ? (bad ? "false" : "true") : (bad ? "FAILED" : "good"));
	fflush(stdout);
}

static int run(const struct kind *kind)
{
	uint64_t tokens[MAX_CLIENTS] = {};
	unsigned int n = 0;
	double start = now(), told = start;
	int bad;

	get_baseline();
	bad = start_clients(kind);

	if (!bad)
		bad = wait_progress(tokens);
	while (!bad && n < opt->rounds) {
		if (opt->seconds && now() > start + opt->seconds)
			break;
		bad = kind->round(n);
		if (bad)
			break;
		n++;
		if (n % kind->check && n < opt->rounds)
			continue;
		get_tokens(tokens);
		bad = wait_progress(tokens);
		if (!opt->json && now() > told + 60) {
			told = now();
			fprintf(stderr, "stress: %s: %u rounds in %.0f s\n", kind->name, n,
				told - start);
		}
	}
	bad |= end_clients();
	bad |= check_leaks();
	report(kind, n, now() - start, bad);
	return bad ? 1 : 0;
}

static int number(const char *text, unsigned int max, unsigned int *value)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || v > max)
		return -1;
	*value = (unsigned int)v;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "kind", 1, NULL, 'k' },
		{ "rounds", 1, NULL, 'r' },
		{ "clients", 1, NULL, 'c' },
		{ "seed", 1, NULL, 's' },
		{ "seconds", 1, NULL, 'l' },
		{ "model", 1, NULL, 'm' },
		{ "tokenizer", 1, NULL, 't' },
		{ "golden", 1, NULL, 'g' },
		{ "share", 1, NULL, 'S' },
		{ "json", 0, NULL, 'j' },
		{ "help", 0, NULL, 'h' },
		{ "version", 0, NULL, 'V' },
		{},
	};
	const struct kind *kind;
	int c, bad = 0;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'k':
			options.kind = optarg;
			break;
		case 'r':
			bad |= number(optarg, 1000000, &options.rounds);
			break;
		case 'c':
			bad |= number(optarg, MAX_CLIENTS, &options.clients) || !options.clients;
			break;
		case 'l':
			bad |= number(optarg, 1000000, &options.seconds);
			break;
		case 's':
			bad |= number(optarg, ~0u, &options.seed);
			break;
		case 'm':
			options.model = optarg;
			break;
		case 't':
			options.tokenizer = optarg;
			break;
		case 'g':
			options.golden = optarg;
			break;
		case 'S':
			options.share = optarg;
			break;
		case 'j':
			options.json = true;
			break;
		case 'h':
			usage();
			return 0;
		case 'V':
			printf("dacc-stress 0.1.0\n");
			return 0;
		default:
			return 2;
		}
	}
	kind = options.kind ? kind_find(options.kind) : NULL;
	if (bad || !kind || optind != argc) {
		fprintf(stderr, "dacc-stress: %s; see dacc-stress --help\n",
			bad           ? "a number is out of range" :
			!options.kind ? "--kind is missing" :
			!kind         ? "no such kind" :
					"too many arguments");
		return 2;
	}
	clients = mmap(NULL, sizeof(*clients) * MAX_CLIENTS + sizeof(*stop_clients),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (clients == MAP_FAILED) {
		fprintf(stderr, "dacc-stress: no memory\n");
		return 1;
	}
	stop_clients = (volatile sig_atomic_t *)(clients + MAX_CLIENTS);
	srand(options.seed);
	return run(kind);
}
