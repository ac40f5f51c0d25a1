// SPDX-License-Identifier: MIT
/* Rendering a JSON object as a table, by libsmartcols. */
#include <ctype.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

#define MAX_COLUMNS 16
#define CELL        192

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* A size is shown with a unit; what is no size stays what it is in JSON. */
static void cell_text(const char *key, struct json_object *value, char *buf, size_t size)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t used = 0, u = 0;
	double v;

	if (json_object_is_type(value, json_type_array)) {
		buf[0] = '\0';
		for (size_t i = 0; i < json_object_array_length(value) && used < size; i++) {
			struct json_object *item = json_object_array_get_idx(value, i);

			used += snprintf(buf + used, size - used, "%s%s", i ? " " : "",
					 json_object_get_string(item));
		}
	} else if (json_object_is_type(value, json_type_boolean)) {
		snprintf(buf, size, "%s", json_object_get_boolean(value) ? "yes" : "no");
	} else if (ends_with(key, "_bytes")) {
		v = json_object_get_uint64(value);
		while (v >= 1024 && u + 1 < ARRAY_SIZE(unit)) {
			v /= 1024;
			u++;
		}
		snprintf(buf, size, "%.4g %s", v, unit[u]);
	} else {
		snprintf(buf, size, "%s", json_object_get_string(value));
	}
}

static void heading(const char *key, char *buf, size_t size)
{
	size_t n = strlen(key);

	if (ends_with(key, "_bytes"))
		n -= strlen("_bytes");
	snprintf(buf, size, "%.*s", (int)n, key);
	for (char *p = buf; *p; p++)
		*p = *p == '_' ? ' ' : toupper((unsigned char)*p);
}

int print_rows(struct json_object *array)
{
	/* In the order in which a row may have them. */
	static const char *const keys[] = { "node",         "pci",        "id",   "kind", "driver",
					    "memory_bytes", "free_bytes", "link", "peer" };
	const size_t n_keys = ARRAY_SIZE(keys);
	struct libscols_table *table;
	bool used[MAX_COLUMNS] = { false };
	struct libscols_line *line;
	struct json_object *value;
	char text[CELL];
	int ret = 0;

	scols_init_debug(0);
	table = scols_new_table();
	if (!table)
		return ctl_fail(EXIT_FAILED, "out of memory");
	for (size_t r = 0; r < json_object_array_length(array); r++)
		for (size_t k = 0; k < n_keys; k++)
			if (json_object_object_get_ex(json_object_array_get_idx(array, r), keys[k],
						      NULL))
				used[k] = true;
	for (size_t k = 0; k < n_keys && !ret; k++) {
		heading(keys[k], text, sizeof(text));
		if (used[k] &&
		    !scols_table_new_column(table, text, 0,
					    ends_with(keys[k], "_bytes") ? SCOLS_FL_RIGHT : 0))
			ret = -1;
	}
	for (size_t r = 0; r < json_object_array_length(array) && !ret; r++) {
		size_t column = 0;

		line = scols_table_new_line(table, NULL);
		if (!line)
			ret = -1;
		for (size_t k = 0; k < n_keys && !ret; k++) {
			if (!used[k])
				continue;
			if (json_object_object_get_ex(json_object_array_get_idx(array, r), keys[k],
						      &value)) {
				cell_text(keys[k], value, text, sizeof(text));
				ret = scols_line_set_data(line, column, text);
			}
			column++;
		}
	}
	if (!ret)
		ret = scols_print_table(table);
	scols_unref_table(table);
	return ret ? ctl_fail(EXIT_FAILED, "the table can't be printed") : 0;
}

static int add_tree(struct libscols_table *table, struct json_object *object, const char *prefix)
{
	struct libscols_line *line;
	char name[CELL], text[CELL];
	int ret = 0;

	json_object_object_foreach(object, key, value)
	{
		snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] ? "." : "", key);
		if (json_object_is_type(value, json_type_object)) {
			ret = add_tree(table, value, name);
		} else {
			cell_text(key, value, text, sizeof(text));
			if (ends_with(name, "_bytes"))
				name[strlen(name) - strlen("_bytes")] = '\0';
			line = scols_table_new_line(table, NULL);
			ret = !line || scols_line_set_data(line, 0, name) ||
			      scols_line_set_data(line, 1, text);
		}
		if (ret)
			return ret;
	}
	return 0;
}

int print_tree(struct json_object *object)
{
	struct libscols_table *table;
	int ret;

	scols_init_debug(0);
	table = scols_new_table();
	ret = !table || !scols_table_new_column(table, "NAME", 0, 0) ||
	      !scols_table_new_column(table, "VALUE", 0, 0) || add_tree(table, object, "");
	if (!ret)
		ret = scols_print_table(table);
	scols_unref_table(table);
	return ret ? ctl_fail(EXIT_FAILED, "the table can't be printed") : 0;
}

int print_json(struct json_object *object)
{
	const char *text =
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!text)
		return ctl_fail(EXIT_FAILED, "out of memory");
	puts(text);
	return 0;
}
