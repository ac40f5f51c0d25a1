// SPDX-License-Identifier: GPL-2.0
/*
 * ioctl_fuzz: structured fuzzing of the dacc node, in the guest. Workers run epoch
 * after epoch; the parent watches for progress and for a kernel that complains.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <glob.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define NOBODY          65534
#define STALL_SECONDS   60
#define EXIT_SKIP       4
#define EXIT_COMPLAINED 1
#define EXIT_USAGE      2

static struct {
	uint64_t seed, calls;
	unsigned int workers, threads, epoch_calls, mutate, log_size, inject_ms;
	int64_t replay_worker, replay_epoch;
	bool verbose, root, kmsg;
	const char *without[16];
	unsigned int n_without;
} opt = {
	.seed = 1,
	.calls = 20000,
	.workers = 2,
	.threads = 2,
	.epoch_calls = 4000,
	.mutate = 6,
	.log_size = 32,
	.replay_worker = -1,
};

static struct shared *shared;
static struct op ops[MAX_OPS];
static unsigned int n_ops, total_weight, setup_op;
static __thread struct ctx *self;

static bool left_out(const char *name)
{
	unsigned int i;

	for (i = 0; i < opt.n_without; i++)
		if (!fnmatch(opt.without[i], name, 0))
			return true;
	return false;
}

static void gather_ops(bool gpu)
{
	const struct op *const sets[] = { dacc_ops, drm_ops, sys_ops, gpu_ops };
	unsigned int i;
	const struct op *op;

	for (i = 0; i < ARRAY_SIZE(sets) - !gpu; i++) {
		for (op = sets[i]; op->name && n_ops < MAX_OPS; op++) {
			if (!op->run)
				setup_op = n_ops;
			else if (left_out(op->name))
				continue;
			ops[n_ops++] = *op;
			total_weight += op->weight;
		}
	}
}

static void on_fault(int sig)
{
	if (self && self->trapping)
		siglongjmp(self->trap, 1);
	_exit(100 + sig);
}

static void on_alarm(int sig)
{
	/* Only ends what sleeps. */
}

static void install_handlers(void)
{
	struct sigaction fault = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	struct sigaction tick = { .sa_handler = on_alarm };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGALRM, &tick, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* A signal for this thread every 200 ms, which interrupts what sleeps too long. */
static void start_timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
	struct itimerspec every = { { 0, 200000000 }, { 0, 200000000 } };
	timer_t timer;

	event._sigev_un._tid = (int)syscall(SYS_gettid);
	if (!timer_create(CLOCK_MONOTONIC, &event, &timer))
		timer_settime(timer, 0, &every, NULL);
}

/* Of guest time; what interrupted an operation or ran beside it is part of it. */
static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static void count_run(struct ctx *c, unsigned int op, uint64_t start)
{
	struct op_stats *stats = &c->shared->op[op];

	__atomic_add_fetch(&stats->runs, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&stats->ticks, ticks() - start, __ATOMIC_RELAXED);
}

static void one_op(struct ctx *c)
{
	unsigned int at, i;
	uint64_t start;

	c->rng = mix(c->seed ^ mix(c->call));
	at = (unsigned int)below(c, total_weight);
	for (i = 0; at >= ops[i].weight; i++)
		at -= ops[i].weight;
	c->op = i;
	start = ticks();
	ops[i].run(c);
	count_run(c, i, start);
}

static void *run_thread(void *data)
{
	struct ctx *c = data;

	self = c;
	start_timer();
	for (; c->call < opt.epoch_calls && !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
	     c->call++)
		one_op(c);
	return NULL;
}

static void drop_privileges(void)
{
	if (opt.root)
		return;
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY)) {
		perror("error: can't become nobody; give --root to stay root");
		_exit(EXIT_USAGE);
	}
	prctl(PR_SET_DUMPABLE, 1);
}

/* Does not return. */
static void run_epoch(unsigned int worker, uint64_t epoch)
{
	static struct state state;
	static struct ctx ctx[MAX_THREADS];
	pthread_t thread[MAX_THREADS];
	uint64_t seed = mix(opt.seed ^ mix(worker) ^ mix(mix(epoch))), start;
	int kmsg = opt.kmsg ? open("/dev/kmsg", O_WRONLY | O_CLOEXEC) : -1;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A crash's log then names the run. */
	if (kmsg >= 0)
		dprintf(kmsg, "ioctl_fuzz: seed %llu worker %u epoch %llu\n",
			(unsigned long long)opt.seed, worker, (unsigned long long)epoch);
	if (kmsg >= 0 && !opt.verbose) {
		close(kmsg);
		kmsg = -1;
	}
	drop_privileges();
	install_handlers();
	if (mmap((void *)SCRATCH, SCRATCH_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED) {
		perror("error: no scratch memory");
		_exit(EXIT_USAGE);
	}
	for (i = 0; i < opt.threads; i++) {
		ctx[i] = (struct ctx){
			.s = &state,
			.shared = shared,
			.log = &shared->worker[worker].log[i],
			.seed = mix(seed + i),
			.rng = mix(seed + i),
			.worker = worker,
			.thread = i,
			.op = setup_op,
			.mutate = opt.mutate,
			.log_size = opt.log_size,
			.verbose = opt.verbose,
			.kmsg = kmsg,
		};
	}
	/* Valid calls only, so that there is something to work on. */
	ctx[0].mutate = 0;
	self = &ctx[0];
	start = ticks();
	setup(&ctx[0]);
	count_run(&ctx[0], setup_op, start);
	ctx[0].mutate = opt.mutate;
	for (i = 1; i < opt.threads; i++)
		if (pthread_create(&thread[i], NULL, run_thread, &ctx[i]))
			_exit(EXIT_USAGE);
	run_thread(&ctx[0]);
	for (i = 1; i < opt.threads; i++)
		pthread_join(thread[i], NULL);
	/* Half of them go as a client does that is killed, with all in flight. */
	if (seed & 1)
		kill(getpid(), SIGKILL);
	_exit(0);
}

static uint64_t worker_calls(unsigned int worker)
{
	return __atomic_load_n(&shared->worker[worker].calls, __ATOMIC_RELAXED);
}

/* Waits for an epoch; false if it could not even be killed. */
static bool wait_epoch(pid_t pid, unsigned int worker)
{
	uint64_t seen = worker_calls(worker);
	unsigned int quiet = 0, limit = 20 * STALL_SECONDS;
	bool killed = false;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		/* Not often: under TCG each switch to another process costs much. */
		usleep(50000);
		if (seen != worker_calls(worker)) {
			seen = worker_calls(worker);
			quiet = 0;
			continue;
		}
		if (++quiet < limit)
			continue;
		if (killed)
			return false;
		__atomic_add_fetch(&shared->stalled, 1, __ATOMIC_RELAXED);
		kill(pid, SIGKILL);
		killed = true;
		quiet = 0;
	}
	if (WIFSIGNALED(status))
		__atomic_add_fetch(&shared->killed, 1, __ATOMIC_RELAXED);
	else if (WEXITSTATUS(status))
		__atomic_add_fetch(&shared->died, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&shared->epochs, 1, __ATOMIC_RELAXED);
	return true;
}

static void run_worker(unsigned int worker)
{
	uint64_t epoch;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (epoch = 0; !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED); epoch++) {
		uint64_t before = worker_calls(worker);
		pid_t pid;

		shared->worker[worker].epoch = epoch;
		pid = fork();
		if (!pid)
			run_epoch(worker, epoch);
		if (pid < 0 || !wait_epoch(pid, worker))
			_exit(EXIT_COMPLAINED);
		if (worker_calls(worker) == before)
			_exit(EXIT_USAGE);
	}
	_exit(0);
}

static long read_number(const char *path)
{
	long value = 0;
	FILE *f = fopen(path, "r");

	if (f && fscanf(f, "%ld", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

static bool lockdep_off(void)
{
	char line[200];
	int on = 1;
	FILE *f = fopen("/proc/lockdep_stats", "r");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, " debug_locks: %d", &on);
	if (f)
		fclose(f);
	return !on;
}

/* What the kernel has found; 0: nothing. Lockdep's file costs it a walk of its graph. */
static const char *complaint(long taint_before, bool lockdep)
{
	static char text[80];
	long taint = read_number("/proc/sys/kernel/tainted");

	if (taint & ~taint_before) {
		snprintf(text, sizeof(text), "the kernel is tainted: %#lx, was %#lx", taint,
			 taint_before);
		return text;
	}
	return lockdep && lockdep_off() ? "lockdep has switched itself off: see the kernel's log" :
					  NULL;
}

static void print_logs(void)
{
	unsigned int w, t, i, k;

	for (w = 0; w < opt.workers; w++) {
		printf("# worker %u, epoch %llu: --seed %llu --replay %u:%llu\n", w,
		       (unsigned long long)shared->worker[w].epoch, (unsigned long long)opt.seed, w,
		       (unsigned long long)shared->worker[w].epoch);
		for (t = 0; t < opt.threads; t++) {
			struct thread_log *log = &shared->worker[w].log[t];

			for (i = 0; i <= opt.log_size; i++) {
				/* The last one may be running. */
				struct record *r = &log->record[(log->next + i) % opt.log_size];

				if (i == opt.log_size && r->ret != RET_PENDING)
					continue;
				if (i == 0 && r->ret == RET_PENDING)
					continue;
				if (!r->request)
					continue;
				printf("#  thread %u call %u %s %#lx:", t, r->call, ops[r->op].name,
				       (unsigned long)r->request);
				for (k = 0; k < ARRAY_SIZE(r->arg); k++)
					printf(" %llx", (unsigned long long)r->arg[k]);
				if (r->ret == RET_PENDING)
					printf(" = running\n");
				else
					printf(" = %d\n", r->ret);
			}
		}
	}
}

static void print_stats(void)
{
	uint64_t all = 1;
	unsigned int i, e;

	for (i = 0; i < n_ops; i++)
		all += shared->op[i].ticks;
	printf("# %-22s %10s %10s %10s %6s  failed\n", "operation", "runs", "calls", "succeeded",
	       "time");
	for (i = 0; i < n_ops; i++) {
		struct op_stats *stats = &shared->op[i];

		printf("# %-22s %10llu %10llu %10llu %5.1f%% ", ops[i].name,
		       (unsigned long long)stats->runs, (unsigned long long)stats->calls,
		       (unsigned long long)stats->ok, 100.0 * (double)stats->ticks / (double)all);
		for (e = 1; e < ARRAY_SIZE(stats->failed); e++)
			if (stats->failed[e])
				printf(" %s %llu", strerrorname_np((int)e),
				       (unsigned long long)stats->failed[e]);
		printf("\n");
	}
	printf("# epochs %llu, killed %llu, ended by a signal of their own %llu, stalled %llu\n",
	       (unsigned long long)shared->epochs, (unsigned long long)shared->killed,
	       (unsigned long long)shared->died, (unsigned long long)shared->stalled);
}

/* A fault in the hardware now and then: hangs, bad DMA, bad completions. */
static void inject(uint64_t n)
{
	static const unsigned int kinds[] = { DACC_INJECT_HANG, DACC_INJECT_DMA_ERROR,
					      DACC_INJECT_BAD_COMPLETION };
	uint64_t r = mix(opt.seed ^ mix(n));
	glob_t g;

	if (!glob("/sys/kernel/debug/accel/*/inject", 0, NULL, &g)) {
		FILE *f = fopen(g.gl_pathv[0], "w");

		if (f) {
			fprintf(f, "%u %u\n", kinds[r % ARRAY_SIZE(kinds)],
				(unsigned int)(r >> 32) % DACC_MAX_QUEUES);
			fclose(f);
		}
	}
	globfree(&g);
}

static void open_nodes(void)
{
	static const char *const patterns[] = { "/dev/accel/*", "/dev/dri/*", "/dev/dma_heap/*",
						"/dev/udmabuf" };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(patterns); i++) {
		glob_t g;

		if (!glob(patterns[i], 0, NULL, &g))
			for (k = 0; k < g.gl_pathc; k++)
				chmod(g.gl_pathv[k], 0666);
		globfree(&g);
	}
}

static uint64_t all_calls(void)
{
	return __atomic_load_n(&shared->calls, __ATOMIC_RELAXED);
}

/* Watches until there were enough calls; what went wrong, or NULL. */
static const char *watch(pid_t *pids, long taint)
{
	int64_t start = now_ns(), shown = start, injected = start, looked = start;
	const char *bad = NULL;
	uint64_t n = 0;

	while (!bad && all_calls() < opt.calls) {
		unsigned int i;
		int status;

		usleep(opt.inject_ms && opt.inject_ms < 200 ? opt.inject_ms * 1000 : 200000);
		if (opt.inject_ms && now_ns() - injected > opt.inject_ms * 1000000ll) {
			inject(n++);
			injected = now_ns();
		}
		bad = complaint(taint, now_ns() - looked > 20000000000ll);
		if (now_ns() - looked > 20000000000ll)
			looked = now_ns();
		for (i = 0; !bad && i < opt.workers; i++) {
			if (waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			pids[i] = 0;
			bad = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_COMPLAINED ?
				      "a process hangs in the kernel and can't be killed" :
				      "a worker ended: an epoch made no call";
		}
		if (now_ns() - shown > 30000000000ll) {
			shown = now_ns();
			printf("# %llu of %llu calls, %lld calls/s\n",
			       (unsigned long long)all_calls(), (unsigned long long)opt.calls,
			       (long long)(all_calls() * 1000 / ((shown - start) / 1000000)));
			fflush(stdout);
		}
	}
	printf("# %llu calls in %lld s\n", (unsigned long long)all_calls(),
	       (long long)((now_ns() - start) / 1000000000));
	return bad;
}

static int run(void)
{
	long taint = read_number("/proc/sys/kernel/tainted");
	pid_t pids[MAX_WORKERS];
	const char *bad;
	unsigned int i;

	printf("TAP version 13\n1..1\n# seed %llu, %llu calls, %u workers of %u threads\n",
	       (unsigned long long)opt.seed, (unsigned long long)opt.calls, opt.workers,
	       opt.threads);
	fflush(stdout);
	for (i = 0; i < opt.workers; i++) {
		pids[i] = fork();
		if (!pids[i])
			run_worker(i);
	}
	bad = watch(pids, taint);
	shared->stop = 1;
	if (bad) {
		print_logs();
		fflush(stdout);
	}
	for (i = 0; i < opt.workers && !bad; i++)
		if (pids[i] > 0)
			waitpid(pids[i], NULL, 0);
	if (!bad)
		bad = complaint(taint, true);
	print_stats();
	if (bad)
		printf("# %s\n", bad);
	printf("%s 1 - %llu calls without a complaint of the kernel\n", bad ? "not ok" : "ok",
	       (unsigned long long)all_calls());
	return bad ? EXIT_COMPLAINED : 0;
}

static int replay(void)
{
	long taint = read_number("/proc/sys/kernel/tainted");
	unsigned int worker = (unsigned int)opt.replay_worker;
	const char *bad;
	pid_t pid = fork();

	if (!pid)
		run_epoch(worker, (uint64_t)opt.replay_epoch);
	shared->worker[worker].epoch = (uint64_t)opt.replay_epoch;
	bad = wait_epoch(pid, worker) ? complaint(taint, true) : "it can't be killed";
	if (bad)
		print_logs();
	print_stats();
	printf("# %s\n", bad ? bad : "the kernel found nothing wrong");
	return bad ? EXIT_COMPLAINED : 0;
}

static const char usage_text[] =
	"usage: ioctl_fuzz [options]\n"
	"\n"
	"Makes random calls to the dacc node (and to gpupeer's, if it is there): mostly\n"
	"valid ones, some changed a little. Each worker runs epochs, processes that start\n"
	"with nothing. Run as root, in a guest: it makes the nodes writable for all and\n"
	"lets the epochs run as nobody.\n"
	"\n"
	"  --seed N          of all choices (1)\n"
	"  --calls N         in all (20000)\n"
	"  --workers N       processes at a time (2, at most 8)\n"
	"  --threads N       of each (2, at most 4)\n"
	"  --epoch N         operations of a thread in an epoch (4000)\n"
	"  --mutate N        one struct in N is changed (6; 0: none)\n"
	"  --inject MS       a hardware fault every MS milliseconds (0: none)\n"
	"  --without PATTERN leave operations out, by name: what is found needs them or\n"
	"                    not; may be repeated\n"
	"  --root            stay root\n"
	"  --log N           last calls of each thread to print after a complaint (32)\n"
	"  --replay W:E      only epoch E of worker W, same --seed, --threads, --epoch\n"
	"  --kmsg            name each epoch in the kernel's log\n"
	"  --verbose         print each call; with --kmsg, to the kernel's log before it\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 all is well, 1 the kernel complained or a process hung in it, 2\n"
	"wrong usage, 4 no dacc node. The calls of one thread in one epoch are the same\n"
	"each time as long as the kernel gives the same answers; with more than one\n"
	"thread or worker the order between them is chance.\n";

static uint64_t number(const char *name, const char *text, uint64_t max)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 0);

	if (end == text || *end || value > max) {
		fprintf(stderr, "error: --%s takes a number up to %llu, not '%s'\n", name,
			(unsigned long long)max, text);
		exit(EXIT_USAGE);
	}
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seed", 1, NULL, 's' },    { "calls", 1, NULL, 'c' }, { "workers", 1, NULL, 'w' },
		{ "threads", 1, NULL, 't' }, { "epoch", 1, NULL, 'e' }, { "mutate", 1, NULL, 'm' },
		{ "inject", 1, NULL, 'i' },  { "root", 0, NULL, 'r' },  { "log", 1, NULL, 'l' },
		{ "replay", 1, NULL, 'p' },  { "kmsg", 0, NULL, 'k' },  { "verbose", 0, NULL, 'v' },
		{ "without", 1, NULL, 'x' }, { "help", 0, NULL, 'h' },  { "version", 0, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	long long w, e;
	int ch;

	while ((ch = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (ch) {
		case 's':
			opt.seed = number("seed", optarg, UINT64_MAX);
			break;
		case 'c':
			opt.calls = number("calls", optarg, UINT64_MAX);
			break;
		case 'w':
			opt.workers = (unsigned int)number("workers", optarg, MAX_WORKERS);
			break;
		case 't':
			opt.threads = (unsigned int)number("threads", optarg, MAX_THREADS);
			break;
		case 'e':
			opt.epoch_calls = (unsigned int)number("epoch", optarg, 1000000000);
			break;
		case 'm':
			opt.mutate = (unsigned int)number("mutate", optarg, 1000000);
			break;
		case 'i':
			opt.inject_ms = (unsigned int)number("inject", optarg, 1000000);
			break;
		case 'l':
			opt.log_size = (unsigned int)number("log", optarg, MAX_LOG);
			break;
		case 'r':
			opt.root = true;
			break;
		case 'x':
			if (opt.n_without < ARRAY_SIZE(opt.without))
				opt.without[opt.n_without++] = optarg;
			break;
		case 'k':
			opt.kmsg = true;
			break;
		case 'v':
			opt.verbose = true;
			break;
		case 'p':
			if (sscanf(optarg, "%lld:%lld", &w, &e) != 2 || w < 0 || w >= MAX_WORKERS ||
			    e < 0) {
				fprintf(stderr, "error: --replay takes WORKER:EPOCH, not '%s'\n",
					optarg);
				exit(EXIT_USAGE);
			}
			opt.replay_worker = w;
			opt.replay_epoch = e;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		case 'V':
			puts("ioctl_fuzz (dacc) 1.0");
			exit(0);
		default:
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc || !opt.workers || !opt.threads || !opt.log_size) {
		fprintf(stderr, "error: wrong usage; see ioctl_fuzz --help\n");
		exit(EXIT_USAGE);
	}
}

int main(int argc, char **argv)
{
	int fd, gpu;

	parse(argc, argv);
	fd = open_driver("/dev/accel", "accel", "dacc");
	if (fd < 0) {
		printf("1..0 # SKIP no dacc node: load dacc.ko, or give the guest the device\n");
		return EXIT_SKIP;
	}
	close(fd);
	gpu = open_driver("/dev/dri", "renderD", "gpupeer");
	gather_ops(gpu >= 0);
	if (gpu >= 0)
		close(gpu);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED) {
		perror("error: no shared memory");
		return EXIT_COMPLAINED;
	}
	open_nodes();
	return opt.replay_worker >= 0 ? replay() : run();
}
