/* SPDX-License-Identifier: MIT */
/*
 * daccctl: what its files share. A command builds a JSON object, which is then
 * printed as it is or rendered as a table; there is no second source.
 */
#ifndef DACCCTL_H
#define DACCCTL_H

#include <json-c/json.h>
#include <stdbool.h>

#include "dacc/dacc.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit statuses; documented in --help and daccctl(8). */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_DEVICE = 3,
};

/* One line on stderr; returns status. */
int ctl_fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ctl_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* model.c: objects are the caller's; NULL: out of memory */
/* *usable is set if fn is a chip that can be used, and else left alone */
struct json_object *chip_summary(const struct dacc_pci_function *fn, bool *usable);
struct json_object *function_json(const struct dacc_pci_function *fn, struct dacc_device *dev);
struct json_object *modules_json(void);

/* dump.c: reads a devcoredump; "-" is standard input */
int command_dump(bool json, const char *file);

/* table.c */
/* A row for each object of an array; a column where any of them has the member. */
int print_rows(struct json_object *array);
/* A row for each value in a tree of objects. */
int print_tree(struct json_object *object);
int print_json(struct json_object *object);

#endif
