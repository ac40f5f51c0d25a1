/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TAP for host unit tests. A case is a function without arguments; it has failed
 * if one of its checks has. The first failures of a case are explained.
 *
 *	static void adds(void) { CHECK(1 + 1 == 2, "sum is %d", 1 + 1); }
 *	int main(void) { TAP_CASE(adds); return tap_done(); }
 */
#ifndef DACC_TEST_TAP_H
#define DACC_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define TAP_EXPLAIN 8

static unsigned int tap_count, tap_failed, tap_bad;
static const char *tap_skip_reason;

__attribute__((format(printf, 4, 5), unused)) static bool tap_check(bool good, const char *file,
								    int line, const char *fmt, ...)
{
	va_list ap;

	if (good)
		return true;
	if (tap_bad++ < TAP_EXPLAIN) {
		printf("# %s:%d: ", file, line);
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		printf("\n");
	}
	return false;
}

#define CHECK(cond, ...) tap_check((cond), __FILE__, __LINE__, __VA_ARGS__)

/* The case's line says so; the case itself has to return. */
__attribute__((unused)) static void tap_skip(const char *reason)
{
	tap_skip_reason = reason;
}

/* The case goes on no further. */
#define REQUIRE(cond, ...) \
	do { \
		if (!CHECK(cond, __VA_ARGS__)) \
			return; \
	} while (0)
#define SKIP(reason) \
	do { \
		tap_skip(reason); \
		return; \
	} while (0)

__attribute__((unused)) static void tap_case(const char *name, void (*fn)(void))
{
	tap_bad = 0;
	tap_skip_reason = NULL;
	fn();
	if (tap_bad)
		tap_failed++;
	printf("%s %u - %s%s%s\n", tap_bad ? "not ok" : "ok", ++tap_count, name,
	       tap_skip_reason && !tap_bad ? " # SKIP " : "",
	       tap_skip_reason && !tap_bad ? tap_skip_reason : "");
	if (tap_bad > TAP_EXPLAIN)
		printf("# %u more failures\n", tap_bad - TAP_EXPLAIN);
	fflush(stdout);
}

#define TAP_CASE(fn) tap_case(#fn, fn)

/* A case that runs with each number of threads. */
struct tap_threaded {
	const char *name;
	void (*fn)(void);
	bool needs_thread; /* left out with none */
};

/* Runs the cases with *threads from 0 to @most. */
__attribute__((unused)) static void tap_threaded(const struct tap_threaded *cases, unsigned int n,
						 unsigned int *threads, unsigned int most)
{
	char name[100];

	for (*threads = 0; *threads <= most; ++*threads) {
		for (unsigned int i = 0; i < n; i++) {
			if (cases[i].needs_thread && !*threads)
				continue;
			snprintf(name, sizeof(name), "%s, threads %u", cases[i].name, *threads);
			tap_case(name, cases[i].fn);
		}
	}
}

/* Cases with no threads, and with *flag false and true. */
struct tap_plain {
	const char *name;
	void (*fn)(void);
};

__attribute__((unused)) static void tap_twice(const struct tap_plain *cases, unsigned int n,
					      bool *flag, const char *what)
{
	char name[100];

	for (int on = 0; on < 2; on++) {
		*flag = on;
		for (unsigned int i = 0; i < n; i++) {
			if (on)
				snprintf(name, sizeof(name), "%s, %s", cases[i].name, what);
			else
				snprintf(name, sizeof(name), "%s", cases[i].name);
			tap_case(name, cases[i].fn);
		}
	}
}

/* For cases that a table or a loop names. */
__attribute__((format(printf, 2, 3), unused)) static bool tap_ok(bool good, const char *fmt, ...)
{
	va_list ap;

	if (!good)
		tap_failed++;
	printf("%s %u - ", good ? "ok" : "not ok", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	return good;
}

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}

#endif
