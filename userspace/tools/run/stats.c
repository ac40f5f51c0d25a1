// SPDX-License-Identifier: MIT
/* Statistics, as text and as JSON. Times are device times unless they say wall. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define PS_PER_US 1e6
#define PS_PER_S  1e12

void span_add_busy(struct span *s, uint64_t start, uint64_t end, uint64_t busy)
{
	if (end < start)
		return;
	if (!s->end || start < s->start)
		s->start = start;
	if (end > s->end)
		s->end = end;
	s->busy += busy;
}

void span_add(struct span *s, uint64_t start, uint64_t end)
{
	span_add_busy(s, start, end, end - start);
}

/* What the completion records and the buffer say, in words. */
const char *path_name(const struct stats *s)
{
	if (!s->peer)
		return "bounce through host memory";
	if (s->link_bytes == s->kv_bytes)
		return "link";
	if (!s->link_bytes)
		return "PCIe peer-to-peer";
	return "link and PCIe peer-to-peer";
}

static const char *queue_name(const struct run *r)
{
	if (!r->decode_kind)
		return "none";
	return r->decode_kind == DACC_QUEUE_KIND_USER ? "user" : "kernel";
}

static const char *path_id(const struct stats *s)
{
	if (!s->peer)
		return "bounce";
	if (s->link_bytes == s->kv_bytes)
		return "link";
	return s->link_bytes ? "mixed" : "pcie";
}

static uint64_t overlap(uint64_t start_a, uint64_t end_a, uint64_t start_b, uint64_t end_b)
{
	uint64_t start = start_a > start_b ? start_a : start_b;
	uint64_t end = end_a < end_b ? end_a : end_b;

	return end > start ? end - start : 0;
}

/* Picoseconds in which a transfer was under way and a prefill too. */
static uint64_t prefill_overlap(const struct run *r)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; r->prompt && i < r->opt.n_prompts; i++) {
		for (uint32_t l = 0; l < r->prompt[i].n_transfers; l++) {
			const struct dacc_transfer_result *t = &r->prompt[i].transfers[l];

			for (unsigned int k = 0; k < r->opt.n_prompts; k++)
				for (uint32_t c = 0;
				     r->prompt[k].chunks && c < r->prompt[k].n_chunks; c++)
					sum += overlap(t->t_start, t->t_end,
						       r->prompt[k].chunks[c].t_start,
						       r->prompt[k].chunks[c].t_end);
		}
	}
	return sum;
}

static uint64_t decode_overlap(const struct stats *s)
{
	return overlap(s->transfer.start, s->transfer.end, s->decode.start, s->decode.end);
}

static double gigabytes(uint64_t bytes, uint64_t ps)
{
	return ps ? bytes * (PS_PER_S / 1e9) / ps : 0;
}

static double per_token(const struct stats *s)
{
	return s->steps ? s->decode.busy / PS_PER_US / s->steps : 0;
}

void print_stats(const struct run *r)
{
	const struct stats *s = &r->stats;
	uint64_t both = prefill_overlap(r);

	fprintf(stderr, "prompts            %u, %" PRIu64 " tokens\n", r->opt.n_prompts,
		s->prompt_tokens);
	if (!r->n_active) {
		fprintf(stderr, "nothing decoded    -n %u ends within the prompts\n", r->opt.steps);
		return;
	}
	fprintf(stderr, "chip               %s, GPU peer %s\n", dacc_device_node(r->dev),
		gpupeer_pci(r->gpu));
	fprintf(stderr, "prefill            %.3f us device time\n", s->prefill.busy / PS_PER_US);
	fprintf(stderr, "KV cache           %" PRIu64 " bytes in %" PRIu64 " blocks, %u layers\n",
		s->kv_bytes, s->kv_blocks, r->config->n_layers);
	fprintf(stderr, "path               %s (%" PRIu64 " of %" PRIu64 " bytes over the link)\n",
		path_name(s), s->link_bytes, s->kv_bytes);
	if (s->copy.end)
		fprintf(stderr, "copy to host       %.3f us device time, %.2f GB/s\n",
			s->copy.busy / PS_PER_US, gigabytes(s->kv_bytes, s->copy.busy));
	fprintf(stderr, "transfer           %.3f us device time, %.2f GB/s\n",
		s->transfer.busy / PS_PER_US, gigabytes(s->kv_bytes, s->transfer.busy));
	fprintf(stderr, "decode queue       %s\n", queue_name(r));
	fprintf(stderr,
		"decode             %" PRIu64 " tokens in %" PRIu64 " steps and %" PRIu64
		" jobs, %.3f us device time a step\n",
		s->generated, s->steps, s->jobs, per_token(s));
	/* A bounce hands the GPU peer's time on, so there is one time base there too. */
	if (!s->one_clock && s->peer) {
		fprintf(stderr,
			"prefill, transfer  overlap not known: without a link the devices have no common time base\n");
	} else {
		fprintf(stderr, "prefill, transfer  %s", both ? "overlapped" : "did not overlap");
		if (both)
			fprintf(stderr, " for %.3f of %.3f us", both / PS_PER_US,
				(s->transfer.end - s->transfer.start) / PS_PER_US);
		fprintf(stderr, " (prefill %.3f to %.3f us, transfer %.3f to %.3f us)\n",
			s->prefill.start / PS_PER_US, s->prefill.end / PS_PER_US,
			s->transfer.start / PS_PER_US, s->transfer.end / PS_PER_US);
	}
	fprintf(stderr, "transfer, decode   %s (decode from %.3f us)\n",
		decode_overlap(s) ? "overlapped" : "did not overlap", s->decode.start / PS_PER_US);
	fprintf(stderr,
		"wall time          %.3f s: load %.3f, prefill and transfer posted %.3f, decode %.3f (%.1f tokens/s, emulated)\n",
		s->wall_total, s->wall_load, s->wall_prefill, s->wall_decode,
		s->wall_decode > 0 ? s->generated / s->wall_decode : 0);
}

static void add_number(struct json_object *o, const char *key, double v)
{
	char text[32];

	snprintf(text, sizeof(text), "%.6f", v);
	json_object_object_add(o, key, json_object_new_double_s(v, text));
}

static void add_count(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static struct json_object *span_json(const struct span *s)
{
	struct json_object *o = json_object_new_object();

	add_count(o, "start_ps", s->start);
	add_count(o, "end_ps", s->end);
	add_count(o, "busy_ps", s->busy);
	return o;
}

/* Bytes of the UTF-8 character at s, or 0 if there is none. */
static size_t utf8_bytes(const unsigned char *s, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *s < 0x80 ? 1 :
		   *s < 0xc2 ? 0 :
		   *s < 0xe0 ? 2 :
		   *s < 0xf0 ? 3 :
		   *s < 0xf5 ? 4 :
			       0;
	uint32_t c;

	if (n < 2 || n > left)
		return n > left ? 0 : n;
	c = *s & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

/* JSON is Unicode; a byte token that is no part of a character becomes U+FFFD. */
static struct json_object *text_json(const char *text, size_t len)
{
	char *clean = malloc(3 * len + 1);
	struct json_object *o;
	size_t n = 0;

	if (!clean)
		return NULL;
	for (size_t i = 0; i < len;) {
		size_t bytes = utf8_bytes((const unsigned char *)text + i, len - i);

		memcpy(clean + n, bytes ? text + i : "\xef\xbf\xbd", bytes ? bytes : 3);
		n += bytes ? bytes : 3;
		i += bytes ? bytes : 1;
	}
	o = json_object_new_string_len(clean, n);
	free(clean);
	return o;
}

static const char *end_name(const struct run *r, const struct prompt *p)
{
	if (!p->ids || !complete(r, p))
		return "error";
	if (!p->active)
		return "prompt";
	return p->stopped ? "stop" : "length";
}

static struct json_object *prompt_json(const struct run *r, const struct prompt *p,
				       const char *prompt)
{
	struct json_object *o = json_object_new_object(), *ids = json_object_new_array();
	uint32_t n = p->active ? p->n_ids : p->n_show;
	size_t room = 0, len = 0;
	char *text = NULL;

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 1; i < n; i++) {
			int k = dacc_tokenizer_decode(r->tok, p->ids[i - 1], p->ids[i],
						      text ? text + len : NULL,
						      text ? room - len : 0);

			if (text)
				len += k > 0 ? k : 0;
			else
				room += k > 0 ? k : 0;
		}
		if (!pass)
			text = malloc(room + 1);
		if (!text)
			break;
	}
	json_object_object_add(o, "prompt", text_json(prompt, strlen(prompt)));
	json_object_object_add(o, "text", text ? text_json(text, len) : NULL);
	for (uint32_t i = 0; i < n; i++)
		json_object_array_add(ids, json_object_new_int64(p->ids[i]));
	json_object_object_add(o, "ids", ids);
	add_count(o, "prompt_tokens", p->n_prompt);
	add_count(o, "generated_tokens", p->n_ids - p->n_prompt);
	json_object_object_add(o, "end", json_object_new_string(end_name(r, p)));
	free(text);
	return o;
}

static struct json_object *stats_json(const struct run *r)
{
	const struct stats *s = &r->stats;
	struct json_object *o = json_object_new_object();
	uint64_t both = prefill_overlap(r);

	add_count(o, "prompt_tokens", s->prompt_tokens);
	add_count(o, "generated_tokens", s->generated);
	add_count(o, "kv_bytes", s->kv_bytes);
	add_count(o, "kv_blocks", s->kv_blocks);
	add_count(o, "link_bytes", s->link_bytes);
	/* What did not happen is null, so that the members are always the same. */
	json_object_object_add(o, "path", s->kv_bytes ? json_object_new_string(path_id(s)) : NULL);
	json_object_object_add(o, "path_text",
			       s->kv_bytes ? json_object_new_string(path_name(s)) : NULL);
	json_object_object_add(o, "prefill", span_json(&s->prefill));
	json_object_object_add(o, "copy_to_host", s->copy.end ? span_json(&s->copy) : NULL);
	json_object_object_add(o, "transfer", span_json(&s->transfer));
	add_number(o, "transfer_gb_per_s", gigabytes(s->kv_bytes, s->transfer.busy));
	json_object_object_add(o, "decode", span_json(&s->decode));
	json_object_object_add(o, "decode_queue", json_object_new_string(queue_name(r)));
	add_count(o, "decode_steps", s->steps);
	add_count(o, "decode_jobs", s->jobs);
	add_number(o, "decode_us_per_step", per_token(s));
	if (s->one_clock || !s->peer)
		add_count(o, "prefill_transfer_overlap_ps", both);
	else
		json_object_object_add(o, "prefill_transfer_overlap_ps", NULL);
	add_count(o, "transfer_decode_overlap_ps", decode_overlap(s));
	add_number(o, "wall_load_s", s->wall_load);
	add_number(o, "wall_prefill_s", s->wall_prefill);
	add_number(o, "wall_decode_s", s->wall_decode);
	add_number(o, "wall_total_s", s->wall_total);
	return o;
}

void print_json(const struct run *r, const char *error)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	const char *node = r->dev ? dacc_device_node(r->dev) : NULL;
	const char *pci = r->gpu ? gpupeer_pci(r->gpu) : NULL;

	json_object_object_add(o, "model", text_json(r->opt.model, strlen(r->opt.model)));
	json_object_object_add(o, "device", node ? json_object_new_string(node) : NULL);
	json_object_object_add(o, "gpu_peer", pci ? json_object_new_string(pci) : NULL);
	json_object_object_add(o, "error", error ? text_json(error, strlen(error)) : NULL);
	for (unsigned int i = 0; r->prompt && i < r->opt.n_prompts; i++)
		json_object_array_add(list, prompt_json(r, &r->prompt[i], r->opt.prompts[i]));
	json_object_object_add(o, "prompts", list);
	json_object_object_add(o, "stats", stats_json(r));
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}
