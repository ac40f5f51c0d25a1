// SPDX-License-Identifier: MIT
/* dacc-run: text in, text out, through the whole stack. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "run.h"

static char message[1024];

int run_fail(int status, const char *fmt, ...)
{
	char text[sizeof(message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	end_line();
	fprintf(stderr, "dacc-run: %s\n", text);
	if (!message[0])
		memcpy(message, text, sizeof(message));
	return status;
}

const char *run_message(void)
{
	return message[0] ? message : NULL;
}

int run_fail_device(struct run *r, int err)
{
	struct dacc_error text;
	int last = dacc_device_error(r->dev, &text);

	if (last != err || !text.text[0])
		return run_fail(EXIT_FAILED, "%s: %s", dacc_device_node(r->dev),
				dacc_strerror(err));
	if (!r->opened && (err == -EACCES || err == -EPERM || err == -ENODEV))
		return run_fail(EXIT_NO_DEVICE, "%s", text.text);
	return run_fail(err == -ENOSPC ? EXIT_TOO_LARGE : EXIT_FAILED, "%s", text.text);
}

double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int work(struct run *r, double start)
{
	int ret = load_input(r);

	if (ret)
		return ret;
	if (!r->n_active) {
		/* -n ends within the prompts: no device has anything to do. */
		if (!r->opt.json)
			print_prompts(r);
		return 0;
	}
	ret = open_devices(r);
	r->opened = !ret;
	if (!ret)
		ret = load_weights(r);
	r->stats.wall_load = now_seconds() - start;
	if (!ret)
		ret = check_signal();
	return ret ? ret : generate(r);
}

static int run(struct run *r)
{
	double start = now_seconds();
	int ret;

	r->bounce = r->opt.bounce;
	r->deadline = dacc_deadline(r->opt.timeout * 1e9);
	if (r->opt.json)
		catch_signals();
	ret = work(r, start);
	r->stats.wall_total = now_seconds() - start;
	if (r->opt.json)
		print_json(r, ret ? run_message() : NULL);
	if (!ret)
		ret = end_output(r);
	if (!ret && r->opt.stats)
		print_stats(r);
	return ret;
}

int main(int argc, char **argv)
{
	static struct run r;
	int ret = parse_options(argc, argv, &r.opt);

	if (ret)
		return ret < 0 ? EXIT_OK : ret;
	ret = run(&r);
	close_devices(&r);
	free_input(&r);
	fflush(stdout);
	end_by_signal();
	return ret;
}
