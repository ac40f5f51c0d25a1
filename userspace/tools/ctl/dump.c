// SPDX-License-Identifier: MIT
/*
 * daccctl dump: reads a devcoredump of dacc.ko. Its text has one section after the other,
 * "[name]", with lines "key: value"; the last line has the length and the FNV-1a hash of all
 * before it. What a later driver adds is passed over.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "dacc_hw.h"

#define DUMP_MAX   0x100000
#define DUMP_WORDS 8

struct parser {
	const char *file;
	unsigned int line;
	char section[24];
	struct json_object *root;
	struct json_object *object; /* of the section */
};

static int bad(const struct parser *p, const char *what)
{
	return ctl_fail(EXIT_FAILED, "%s: line %u: %s", p->file, p->line, what);
}

static const char *name_of(const char *const *names, size_t n, uint64_t value)
{
	return value < n && names[value] ? names[value] : "unknown";
}

static const char *opcode_name(uint64_t opcode)
{
	static const char *const names[] = {
		[DACC_OP_NOP] = "NOP",
		[DACC_OP_COPY] = "COPY",
		[DACC_OP_COPY_BLOCKS] = "COPY_BLOCKS",
		[DACC_OP_FILL] = "FILL",
		[DACC_OP_DECODE] = "DECODE",
	};

	return name_of(names, ARRAY_SIZE(names), opcode);
}

static const char *hw_state_name(uint64_t state)
{
	static const char *const names[] = {
		[DACC_QUEUE_DISABLED] = "disabled",
		[DACC_QUEUE_ACTIVE] = "active",
		[DACC_QUEUE_HALTED] = "halted",
	};

	return name_of(names, ARRAY_SIZE(names), state);
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static void add_number(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static void add_hex(struct json_object *o, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%#" PRIx64, value);
	add_text(o, key, text);
}

/* One number in full; hexadecimal with 0x. */
static bool number(const char *text, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	return !errno && !*end;
}

static bool words(const char *text, uint64_t *w, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		unsigned int digits = strspn(text, "0123456789abcdef");

		if (digits != 16)
			return false;
		w[i] = strtoull(text, NULL, 16);
		text += digits;
		if (i + 1 < n && *text++ != ' ')
			return false;
	}
	return !*text;
}

static struct json_object *descriptor_json(const struct dacc_desc *d)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "opcode", opcode_name(d->opcode));
	add_hex(o, "flags", d->flags);
	add_number(o, "cookie", d->cookie);
	if (d->not_before)
		add_number(o, "not_before", d->not_before);
	switch (d->opcode) {
	case DACC_OP_COPY:
		add_hex(o, "src", d->copy.src);
		add_hex(o, "dst", d->copy.dst);
		add_number(o, "len", d->copy.len);
		break;
	case DACC_OP_COPY_BLOCKS:
		add_hex(o, "table", d->blocks.table);
		add_number(o, "n_blocks", d->blocks.n_blocks);
		break;
	case DACC_OP_FILL:
		add_hex(o, "dst", d->fill.dst);
		add_number(o, "len", d->fill.len);
		add_hex(o, "pattern", d->fill.pattern);
		break;
	case DACC_OP_DECODE:
		add_hex(o, "program", d->decode.program);
		add_hex(o, "seqs", d->decode.seqs);
		add_hex(o, "out", d->decode.out);
		add_number(o, "n_insns", d->decode.n_insns);
		add_number(o, "batch", d->decode.batch);
		add_number(o, "max_tokens", d->decode.max_tokens);
		break;
	default:
		break;
	}
	return o;
}

static struct json_object *record_json(const struct dacc_cpl *c)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "seq", c->seq);
	add_text(o, "status", dacc_status_string(c->status));
	add_number(o, "cookie", c->cookie);
	add_number(o, "t_start", c->t_start);
	add_number(o, "t_end", c->t_end);
	add_number(o, "bytes", c->bytes);
	add_number(o, "link_bytes", c->link_bytes);
	add_number(o, "index", c->index);
	return o;
}

/* "descriptor 17: ..." or "record 17: ...", into ring/17. */
static int ring_line(struct parser *p, const char *key, const char *value)
{
	struct json_object *slot;
	uint64_t w[DUMP_WORDS], seq;
	const char *space = strchr(key, ' ');
	bool descriptor = !strncmp(key, "descriptor ", 11);

	_Static_assert(sizeof(struct dacc_desc) == sizeof(w), "8 words");
	_Static_assert(sizeof(struct dacc_cpl) == sizeof(w), "8 words");
	if (!space || !number(space + 1, &seq))
		return bad(p, "no sequence number");
	if (!words(value, w, DUMP_WORDS))
		return bad(p, "not eight words");
	if (!json_object_object_get_ex(p->object, space + 1, &slot)) {
		slot = json_object_new_object();
		json_object_object_add(p->object, space + 1, slot);
	}
	if (descriptor) {
		struct dacc_desc d;

		memcpy(&d, w, sizeof(d));
		json_object_object_add(slot, "descriptor", descriptor_json(&d));
	} else {
		struct dacc_cpl c;

		memcpy(&c, w, sizeof(c));
		json_object_object_add(slot, "record", record_json(&c));
	}
	return EXIT_OK;
}

static int walk_line(struct parser *p, const char *key, const char *value)
{
	struct json_object *o;
	uint64_t w[2];

	if (!words(value, w, 2))
		return bad(p, "not two words");
	o = json_object_new_object();
	add_hex(o, "table", w[0]);
	add_hex(o, "entry", w[1]);
	add_text(o, "means",
		 !(w[1] & DACC_PTE_VALID) ? "nothing mapped" :
		 w[1] & DACC_PTE_SRAM     ? "SRAM" :
					    "table or bus address");
	if (w[1] & DACC_PTE_VALID) {
		add_hex(o, "address", w[1] & DACC_PTE_ADDR);
		json_object_object_add(o, "writable",
				       json_object_new_boolean(!!(w[1] & DACC_PTE_WRITE)));
	}
	json_object_object_add(p->object, key, o);
	return EXIT_OK;
}

/* Numbers behind one another, by the names in @names. */
static int list_line(struct parser *p, const char *key, const char *value, const char *const *names,
		     size_t n)
{
	struct json_object *o = json_object_new_object();
	char copy[256], *save = NULL, *word;
	size_t i = 0;
	uint64_t v;

	snprintf(copy, sizeof(copy), "%s", value);
	for (word = strtok_r(copy, " ", &save); word && i < n; word = strtok_r(NULL, " ", &save)) {
		if (!number(word, &v))
			break;
		if (!strcmp(names[i], "state"))
			add_text(o, names[i], hw_state_name(v));
		else if (!strcmp(names[i], "fault"))
			add_text(o, names[i], dacc_status_string(v));
		else if (strncmp(word, "0x", 2))
			add_number(o, names[i], v);
		else
			add_hex(o, names[i], v);
		i++;
	}
	if (i < n) {
		json_object_put(o);
		return bad(p, "too few numbers");
	}
	json_object_object_add(p->object, key, o);
	return EXIT_OK;
}

static int value_line(struct parser *p, const char *key, const char *value)
{
	static const char *const states[] = { "ok", "faulted", "hung", "lost" };
	char text[64];
	struct tm tm;
	time_t t;
	uint64_t v;

	if (!number(value, &v)) {
		add_text(p->object, key, value);
		return EXIT_OK;
	}
	if (!strcmp(p->section, "device") && !strcmp(key, "time")) {
		t = (time_t)(v / 1000000000);
		if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%F %T UTC", &tm))
			return bad(p, "no time");
		add_text(p->object, key, text);
	} else if (!strcmp(p->section, "queue") && !strcmp(key, "state")) {
		add_text(p->object, key, name_of(states, ARRAY_SIZE(states), v));
	} else if (!strcmp(p->section, "queue") && !strcmp(key, "class")) {
		add_text(p->object, key, v == DACC_CLASS_DECODE ? "decode" : "transfer");
	} else if (!strcmp(p->section, "queue") && !strcmp(key, "fault")) {
		add_text(p->object, key, dacc_status_string(v));
	} else if (strncmp(value, "0x", 2)) {
		add_number(p->object, key, v);
	} else {
		add_text(p->object, key, value);
	}
	return EXIT_OK;
}

static int parse_line(struct parser *p, char *line)
{
	static const char *const queue[] = { "config",  "state",     "fault",
					     "fetched", "completed", "progress" };
	static const char *const link[] = { "uid",  "status", "peer",       "decoder",
					    "base", "size",   "crc_errors", "replays" };
	size_t len = strlen(line);
	char *value;

	if (line[0] == '[' && line[len - 1] == ']') {
		snprintf(p->section, sizeof(p->section), "%.*s", (int)(len - 2), line + 1);
		p->object = json_object_new_object();
		json_object_object_add(p->root, p->section, p->object);
		return EXIT_OK;
	}
	value = strstr(line, ": ");
	if (!value || !p->object)
		return bad(p, "neither a section nor a key with a value");
	*value = '\0';
	value += 2;
	if (!strcmp(p->section, "ring"))
		return ring_line(p, line, value);
	if (!strcmp(p->section, "walk"))
		return walk_line(p, line, value);
	if (!strcmp(p->section, "queues"))
		return list_line(p, line, value, queue, ARRAY_SIZE(queue));
	if (!strcmp(p->section, "links"))
		return list_line(p, line, value, link, ARRAY_SIZE(link));
	return value_line(p, line, value);
}

static uint64_t hash(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	while (len--)
		h = (h ^ (unsigned char)*text++) * 0x100000001b3ull;
	return h;
}

/* The last line tells whether all before it is there; it is taken off. */
static int check_end(const char *file, char *text, size_t len)
{
	char *end = NULL, *p = text;
	unsigned long long want;
	size_t want_len;

	while ((p = strstr(p, "\nend: ")))
		end = p++;
	if (!end || text[len - 1] != '\n' ||
	    sscanf(end, "\nend: %zu %16llx\n", &want_len, &want) != 2)
		return ctl_fail(EXIT_FAILED, "%s: cut short: there is no end line; copy it again",
				file);
	end++;
	if ((size_t)(end - text) != want_len || hash(text, want_len) != want)
		return ctl_fail(EXIT_FAILED,
				"%s: damaged: %zu bytes of %zu, or other ones than the driver wrote",
				file, (size_t)(end - text), want_len);
	*end = '\0';
	return EXIT_OK;
}

static int parse(struct parser *p, char *text)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);
	uint64_t version;
	int ret = EXIT_OK;

	p->line = 1;
	if (!line || strncmp(line, "dacc-dump ", 10) || !number(line + 10, &version))
		return ctl_fail(EXIT_FAILED, "%s: not a dump of dacc.ko", p->file);
	if (version != 1)
		return ctl_fail(EXIT_FAILED, "%s: version %" PRIu64 "; this program knows 1",
				p->file, version);
	while (!ret && (line = strtok_r(NULL, "\n", &save))) {
		p->line++;
		ret = parse_line(p, line);
	}
	return ret;
}

static char *read_file(const char *file, size_t *len)
{
	FILE *f = strcmp(file, "-") ? fopen(file, "r") : stdin;
	char *text = malloc(DUMP_MAX + 1);

	if (!f || !text) {
		ctl_fail(EXIT_FAILED, "%s: %s", file, strerror(errno));
		goto fail;
	}
	*len = fread(text, 1, DUMP_MAX + 1, f);
	if (ferror(f)) {
		ctl_fail(EXIT_FAILED, "%s: %s", file, strerror(errno));
		goto fail;
	}
	if (!*len || *len > DUMP_MAX || memchr(text, '\0', *len)) {
		ctl_fail(EXIT_FAILED, "%s: not a dump of dacc.ko", file);
		goto fail;
	}
	text[*len] = '\0';
	if (f != stdin)
		fclose(f);
	return text;
fail:
	free(text);
	if (f && f != stdin)
		fclose(f);
	return NULL;
}

int command_dump(bool json, const char *file)
{
	struct parser p = { .file = file };
	size_t len;
	char *text = read_file(file, &len);
	int ret;

	if (!text)
		return EXIT_FAILED;
	p.root = json_object_new_object();
	if (strncmp(text, "dacc-dump ", 10))
		ret = ctl_fail(EXIT_FAILED, "%s: not a dump of dacc.ko", file);
	else
		ret = check_end(file, text, len);
	if (!ret)
		ret = parse(&p, text);
	if (!ret)
		ret = json ? print_json(p.root) : print_tree(p.root);
	json_object_put(p.root);
	free(text);
	return ret;
}
