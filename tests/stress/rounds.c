// SPDX-License-Identifier: GPL-2.0
/* What is done to the device, one round of it. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define DRIVER     "/sys/bus/pci/drivers/dacc/"
#define WAIT_STEPS 12000 /* of 10 ms */

static int complain(const char *what, const char *detail)
{
	fprintf(stderr, "stress: %s: %s\n", what, detail);
	return 1;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return complain(path, strerror(errno));
	if (write(fd, text, strlen(text)) < 0)
		ret = complain(path, strerror(errno));
	close(fd);
	return ret;
}

static void pause_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

int find_device(char *bdf, int size)
{
	glob_t g = {};
	int ret = 1;

	if (!glob(DRIVER "*:*:*", 0, NULL, &g)) {
		snprintf(bdf, size, "%.20s", strrchr(g.gl_pathv[0], '/') + 1);
		ret = 0;
	}
	globfree(&g);
	return ret;
}

/* Until the driver is bound (or not) and has its node. */
static int wait_bound(bool bound)
{
	char bdf[32];
	glob_t g = {};
	int i;

	for (i = 0; i < WAIT_STEPS; i++) {
		bool node = !glob("/dev/accel/accel*", 0, NULL, &g);

		globfree(&g);
		if ((!find_device(bdf, sizeof(bdf)) && node) == bound)
			return 0;
		pause_ms(10);
	}
	return complain("the device", bound ? "does not come back" : "does not go away");
}

/* Has the host do something: the answer carries the question's number. */
static int ask_host(const char *what)
{
	static unsigned int number;
	char ask[256], tmp[256], answer[256], line[256];
	FILE *f;
	int i;

	if (!opt->share)
		return complain(what, "needs --share, and the host's side of scripts/stress");
	snprintf(ask, sizeof(ask), "%s/ask", opt->share);
	snprintf(tmp, sizeof(tmp), "%s/ask.tmp", opt->share);
	snprintf(answer, sizeof(answer), "%s/answer", opt->share);
	f = fopen(tmp, "w");
	if (!f)
		return complain(tmp, strerror(errno));
	fprintf(f, "%u %s\n", ++number, what);
	if (fclose(f) || rename(tmp, ask))
		return complain(ask, strerror(errno));
	for (i = 0; i < WAIT_STEPS; i++) {
		unsigned int n = 0;
		char text[200] = "";

		f = fopen(answer, "r");
		if (f && fgets(line, sizeof(line), f))
			sscanf(line, "%u %199[^\n]", &n, text);
		if (f)
			fclose(f);
		if (n == number)
			return strcmp(text, "ok") ? complain(what, text) : 0;
		pause_ms(10);
	}
	return complain(what, "the host does not answer");
}

static int round_kill(unsigned int n)
{
	struct client self = {};
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return complain("fork", strerror(errno));
	if (!pid)
		_exit(client_run(&self, false));
	pause_ms(rand() % 400);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	/* It may have been right to its end, but never wrong before it was killed. */
	return WIFEXITED(status) && WEXITSTATUS(status) ?
		       complain("kill", "the victim failed before it was killed") :
		       0;
}

static int round_queue(unsigned int n)
{
	/* A hang takes the driver's job_timeout_ms. */
	return n % 32 == 31 ? victim_hang() : victim_fault();
}

static int round_flr(unsigned int n)
{
	char bdf[32], path[96];

	if (find_device(bdf, sizeof(bdf)))
		return complain("flr", "no device");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", bdf);
	return write_file(path, "1");
}

static int round_bind(unsigned int n)
{
	char bdf[32];

	if (find_device(bdf, sizeof(bdf)))
		return complain("bind", "no device");
	if (write_file(DRIVER "unbind", bdf))
		return 1;
	pause_ms(rand() % 30);
	return write_file(DRIVER "bind", bdf) || wait_bound(true);
}

static int round_remove(unsigned int n)
{
	char bdf[32], path[96];

	if (find_device(bdf, sizeof(bdf)))
		return complain("remove", "no device");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf);
	if (write_file(path, "1"))
		return 1;
	pause_ms(rand() % 30);
	return write_file("/sys/bus/pci/rescan", "1") || wait_bound(true);
}

/* The slot's power switch: the device is gone from the bus, and from QEMU. */
static int slot_off(void)
{
	char bdf[32], path[300], address[32];
	int found = 0, ret;
	glob_t g = {};
	size_t i;
	FILE *f;

	if (find_device(bdf, sizeof(bdf)))
		return complain("unplug", "no device");
	glob("/sys/bus/pci/slots/*/address", 0, NULL, &g);
	for (i = 0; i < g.gl_pathc && !found; i++) {
		f = fopen(g.gl_pathv[i], "r");
		if (f && fgets(address, sizeof(address), f))
			found = !strncmp(address, bdf, 10);
		if (f)
			fclose(f);
		if (found)
			snprintf(path, sizeof(path), "%.*s/power",
				 (int)(strrchr(g.gl_pathv[i], '/') - g.gl_pathv[i]), g.gl_pathv[i]);
	}
	globfree(&g);
	if (!found)
		return complain("unplug", "the device is in no slot");
	ret = write_file(path, "0");
	return ret;
}

static int round_unplug(unsigned int n)
{
	/* Now and then from outside: QEMU presses the slot's button. */
	int ret = n % 16 == 15 ? ask_host("unplug") : slot_off();

	if (!ret)
		ret = wait_bound(false);
	if (!ret)
		ret = ask_host("plug");
	return ret ? ret : wait_bound(true);
}

static int round_link(unsigned int n)
{
	if (ask_host("link down"))
		return 1;
	pause_ms(rand() % 200);
	if (ask_host("link up"))
		return 1;
	pause_ms(rand() % 200);
	return 0;
}

static int round_suspend(unsigned int n)
{
	if (write_file("/sys/power/pm_test", "devices") ||
	    write_file("/sys/module/suspend/parameters/pm_test_delay", "0"))
		return 1;
	pause_ms(rand() % 200);
	return write_file("/sys/power/state", "freeze");
}

static const struct kind kinds[] = {
	{ "kill", "a fifth client is killed", false, false, 1, round_kill },
	{ "queue", "a fifth client's job faults or hangs", false, false, 1, round_queue },
	{ "flr", "function-level reset by sysfs", false, false, 1, round_flr },
	{ "suspend", "suspend to idle as far as the devices", false, false, 1, round_suspend },
	{ "bind", "the driver is unbound and bound", true, false, 1, round_bind },
	{ "remove", "the device is removed by sysfs and found again", true, false, 1,
	  round_remove },
	{ "unplug", "the device leaves its slot and comes back", true, false, 1, round_unplug },
	{ "link", "the link goes down and up", false, true, 50, round_link },
};

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

void kinds_list(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		printf("  %-8s %s\n", kinds[i].name, kinds[i].what);
}
