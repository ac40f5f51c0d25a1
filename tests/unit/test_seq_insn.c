// SPDX-License-Identifier: GPL-2.0
/* Each instruction against plain code, at the edges of its shapes. */
#include <math.h>

#include "num.h"
#include "insn_case.h"

static const uint32_t lengths[] = { 1, 15, 16, 17, 31, 64, 100, 1025, 3000 };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static uint32_t f32_bits(float f)
{
	return num_bits(f);
}

static void put_bits(float *at, float value)
{
	*at = num_canon(value);
}

static void embed(void)
{
	for (int t = 0; t < DACC_TYPE_COUNT; t++)
		for (size_t l = 0; l < COUNT(lengths); l++) {
			uint32_t n = t >= DACC_TYPE_Q8_0 ? lengths[l] / 32 * 32 + 32 : lengths[l];
			struct insn_case c = case_new("EMBED", 5);
			uint64_t row = num_bytes(t, n), stride = n * 4 + 8;
			uint32_t vocab = 11;

			if (!area_init(&c.area[0], row * vocab, 0, t ? 2 : 4) ||
			    !area_init(&c.area[1], stride * 5, stride, 4))
				return case_free(&c);
			c.area[0].weight = true;
			random_rows(t, c.area[0].data, row * vocab / 4 * 4);
			memcpy(c.area[0].want, c.area[0].data, row * vocab);
			c.insn[0] = (struct dacc_insn){
				.op = DACC_INSN_EMBED,
				.type = t,
				.dst = BASE(1, 4),
				.a = BASE(0, 0),
				.n0 = n,
				.n1 = vocab,
			};
			for (uint32_t e = 0; e < 5; e++) {
				uint32_t token = e * 7 % vocab;

				c.entry[e].token = token;
				for (uint32_t i = 0; i < n; i++) {
					float v = element(t, c.area[0].data + token * row, i);

					memcpy(c.area[1].want + stride * e + 4 + 4 * i, &v, 4);
				}
			}
			case_run(&c);
		}
}

static void rmsnorm(void)
{
	for (size_t l = 0; l < COUNT(lengths); l++) {
		uint32_t n = lengths[l];
		struct insn_case c = case_new("RMSNORM", 3);
		uint64_t stride = n * 8 + 12;

		if (!area_init(&c.area[0], n * 4, 0, 20) ||
		    !area_init(&c.area[1], stride * 3, stride, 4000))
			return case_free(&c);
		c.area[0].weight = true;
		c.insn[0] = (struct dacc_insn){
			.op = DACC_INSN_RMSNORM,
			.imm = f32_bits(0.00001f),
			.dst = BASE(1, n * 4 + 4),
			.a = BASE(1, 0),
			.b = BASE(0, 0),
			.n0 = n,
		};
		for (uint32_t e = 0; e < 3; e++) {
			float *a = F(&c.area[1], stride * e),
			      *y = F(&c.area[1], stride * e + n * 4 + 4);
			float *w = F(&c.area[0], 0);
			volatile float s = num_float(plain_dot(DACC_TYPE_F32, (uint8_t *)a, a, n));

			s = s / (float)n;
			s = s + 0.00001f;
			s = 1.0f / (float)sqrt((double)s);
			for (uint32_t i = 0; i < n; i++) {
				volatile float v = a[i] * s;

				y[i] = v * w[i];
			}
		}
		case_run(&c);
	}
}

static void matvec_case(int t, uint32_t rows, uint32_t n, uint32_t entries, bool accumulate,
			uint32_t skew)
{
	const char *name = accumulate ? "MATVEC accumulate" : "MATVEC";
	struct insn_case c = case_new(name, entries);
	uint64_t row = num_bytes(t, n), x_stride = n * 4 + 4, y_stride = rows * 4 + 4;

	if (!area_init(&c.area[0], row * rows, 0, skew) ||
	    !area_init(&c.area[1], x_stride * entries, x_stride, 8) ||
	    !area_init(&c.area[2], y_stride * entries, y_stride, 4088))
		return case_free(&c);
	c.area[0].weight = true;
	random_rows(t, c.area[0].data, row * rows / 4 * 4);
	memcpy(c.area[0].want, c.area[0].data, row * rows);
	c.insn[0] = (struct dacc_insn){
		.op = DACC_INSN_MATVEC,
		.type = t,
		.flags = accumulate ? DACC_INSN_ACCUMULATE : 0,
		.dst = BASE(2, 4),
		.a = BASE(0, 0),
		.b = BASE(1, 0),
		.n0 = rows,
		.n1 = n,
	};
	for (uint32_t e = 0; e < entries; e++)
		for (uint32_t r = 0; r < rows; r++) {
			float *y = F(&c.area[2], y_stride * e + 4 + 4 * r);
			float v = num_float(plain_dot(t, c.area[0].data + row * r,
						      F(&c.area[1], x_stride * e), n));

			put_bits(y, accumulate ? *y + v : v);
		}
	case_run(&c);
}

static void matvec(void)
{
	static const uint32_t rows[] = { 1, 3, 8, 61 };

	for (int t = 0; t < DACC_TYPE_COUNT; t++) {
		for (size_t l = 0; l < COUNT(lengths); l++)
			for (size_t r = 0; r < COUNT(rows); r++) {
				uint32_t n = t >= DACC_TYPE_Q8_0 ? lengths[l] / 32 * 32 + 32 :
								   lengths[l];

				matvec_case(t, rows[r], n, 1 + (l + r) % 4, (l + r) & 1,
					    t == DACC_TYPE_F32 ? 4 * l : 2 * l);
			}
		matvec_case(t, 300, 288, 33, false, 2044);
	}
}

/* Enough work for yields in the middle, and rows longer than a page. */
static void matvec_large(void)
{
	matvec_case(DACC_TYPE_F32, 1500, 2100, 1, false, 4);
	matvec_case(DACC_TYPE_F16, 1100, 2100, 3, true, 2);
	matvec_case(DACC_TYPE_Q8_0, 900, 3200, 2, false, 2);
}

static void rope_case(uint32_t heads, uint32_t n, bool neox)
{
	const char *name = neox ? "ROPE neox" : "ROPE";
	struct insn_case c = case_new(name, 4);
	uint64_t stride = (uint64_t)heads * n * 4 + 4;
	uint32_t positions = 9;

	if (!area_init(&c.area[0], (uint64_t)positions * n * 4, 0, 36) ||
	    !area_init(&c.area[1], stride * 4, stride, 64))
		return case_free(&c);
	c.area[0].weight = true;
	c.insn[0] = (struct dacc_insn){
		.op = DACC_INSN_ROPE,
		.flags = neox ? DACC_INSN_ROPE_NEOX : 0,
		.dst = BASE(1, 0),
		.a = BASE(0, 0),
		.n0 = heads,
		.n1 = n,
	};
	for (uint32_t e = 0; e < 4; e++) {
		static const uint32_t at[] = { 0, 8, 3, 3 };
		uint32_t pos = at[e];

		c.entry[e].pos = pos;
		c.entry[e].max_pos = positions;
		for (uint32_t h = 0; h < heads; h++)
			for (uint32_t j = 0; j < n / 2; j++) {
				float *v = F(&c.area[1], stride * e + h * n * 4);
				float *x = neox ? v + j : v + 2 * j,
				      *y = neox ? v + j + n / 2 : x + 1;
				float co = *F(&c.area[0], (uint64_t)pos * n * 4 + 8 * j);
				float si = *F(&c.area[0], (uint64_t)pos * n * 4 + 8 * j + 4);
				volatile float a = *x * co, b = *y * si, p = *x * si, q = *y * co;

				*x = a - b;
				*y = p + q;
			}
	}
	case_run(&c);
}

static void rope(void)
{
	static const uint32_t heads[] = { 1, 3, 8 }, sizes[] = { 2, 8, 14, 48, 512 };

	for (size_t h = 0; h < COUNT(heads); h++)
		for (size_t s = 0; s < COUNT(sizes); s++) {
			rope_case(heads[h], sizes[s], false);
			rope_case(heads[h], sizes[s], true);
		}
}

static void kv_append_case(int t, uint32_t n, uint32_t gap)
{
	struct insn_case c = case_new("KV_APPEND", 3);
	uint32_t size = num_bytes(t, 1), step = n * size + gap, positions = 5;
	uint64_t kv = (uint64_t)step * positions, stride = n * 4 + 16;

	if (!area_init(&c.area[0], kv * 3, kv, 4094 & ~3u) ||
	    !area_init(&c.area[1], stride * 3, stride, 12))
		return case_free(&c);
	c.insn[0] = (struct dacc_insn){
		.op = DACC_INSN_KV_APPEND,
		.type = t,
		.dst = BASE(0, 0),
		.a = BASE(1, 4),
		.n0 = n,
		.n1 = step,
	};
	for (uint32_t e = 0; e < 3; e++) {
		uint32_t pos = e * 2;

		c.entry[e].pos = pos;
		c.entry[e].max_pos = positions;
		for (uint32_t i = 0; i < n; i++) {
			float v = *F(&c.area[1], stride * e + 4 + 4 * i);
			uint16_t h = num_float_to_half(v);

			memcpy(c.area[0].want + kv * e + (uint64_t)step * pos + (uint64_t)size * i,
			       t == DACC_TYPE_F32 ? (void *)&v : (void *)&h, size);
		}
	}
	case_run(&c);
}

static void kv_append(void)
{
	for (int t = DACC_TYPE_F32; t <= DACC_TYPE_F16; t++)
		for (size_t l = 0; l < COUNT(lengths); l++) {
			kv_append_case(t, lengths[l], 0);
			kv_append_case(t, lengths[l], 20);
		}
}

/* K and V lie side by side in one area, as libdacc may place them. */
static struct insn_case attention_case(int t, uint32_t heads, uint32_t kv_heads, uint32_t size,
				       const uint32_t *pos, uint32_t entries)
{
	struct insn_case c = case_new("ATTENTION", entries);
	uint32_t bytes = num_bytes(t, size), row = kv_heads * bytes, step = 2 * row + 4, most = 0;
	uint64_t stride = (uint64_t)heads * size * 8 + 4;
	float scale = 1.0f / sqrtf(size), *w;

	for (uint32_t e = 0; e < entries; e++)
		most = pos[e] > most ? pos[e] : most;
	w = malloc((most + 1) * sizeof(*w));
	if (!CHECK(w, "no memory") ||
	    !area_init(&c.area[0], (uint64_t)step * (most + 1) * entries,
		       (uint64_t)step * (most + 1), 20) ||
	    !area_init(&c.area[1], stride * entries, stride, 100))
		return c;
	random_rows(t, c.area[0].data, c.area[0].size / 4 * 4);
	memcpy(c.area[0].want, c.area[0].data, c.area[0].size);
	c.insn[0] = (struct dacc_insn){
		.op = DACC_INSN_ATTENTION,
		.type = t,
		.imm = f32_bits(scale),
		.dst = BASE(1, (uint64_t)heads * size * 4 + 4),
		.a = BASE(1, 0),
		.b = BASE(0, 0),
		.c = BASE(0, row + 4),
		.n0 = heads,
		.n1 = kv_heads,
		.n2 = size,
		.n3 = step,
	};
	for (uint32_t e = 0; e < entries; e++) {
		const uint8_t *k = c.area[0].data + e * c.area[0].stride, *v = k + row + 4;

		c.entry[e].pos = pos[e];
		c.entry[e].max_pos = most + 1;
		for (uint32_t h = 0; h < heads; h++) {
			float *q = F(&c.area[1], stride * e + (uint64_t)h * size * 4);
			float *y = F(&c.area[1], stride * e + (uint64_t)(heads + h) * size * 4 + 4);
			uint64_t group = (uint64_t)(h / (heads / kv_heads)) * bytes;
			float max = -INFINITY, sum;
			uint32_t score;

			for (uint32_t p = 0; p <= pos[e]; p++) {
				score = plain_dot(t, k + (uint64_t)p * step + group, q, size);
				w[p] = num_float(score);
				w[p] *= scale;
				max = w[p] > max ? w[p] : max;
			}
			for (uint32_t p = 0; p <= pos[e]; p++)
				w[p] = num_exp(w[p] - max);
			sum = plain_sum(w, pos[e] + 1);
			for (uint32_t j = 0; j < size; j++) {
				volatile float acc = 0;

				for (uint32_t p = 0; p <= pos[e]; p++) {
					volatile float weight = w[p] / sum;
					volatile float x =
						element(t, v + (uint64_t)p * step + group, j);

					x = weight * x;
					acc += x;
				}
				put_bits(y + j, acc);
			}
		}
	}
	free(w);
	return c;
}

static void attention(void)
{
	static const struct {
		uint32_t heads, kv_heads, size;
	} shapes[] = {
		{ 1, 1, 8 },   { 8, 4, 8 },  { 6, 3, 16 },  { 4, 1, 64 },
		{ 2, 2, 128 }, { 3, 1, 33 }, { 2, 1, 512 }, { 256, 1, 1 },
	};
	static const uint32_t pos[] = { 0, 15, 16, 100, 3, 255 };

	for (int t = DACC_TYPE_F32; t <= DACC_TYPE_F16; t++)
		for (size_t s = 0; s < COUNT(shapes); s++) {
			struct insn_case c = attention_case(t, shapes[s].heads, shapes[s].kv_heads,
							    shapes[s].size, pos, 6);

			case_run(&c);
		}
}

/* More rows than one wave or one row set takes. */
static void attention_long(void)
{
	static const uint32_t pos[] = { 4999, 1200, 4000 };

	for (int t = DACC_TYPE_F32; t <= DACC_TYPE_F16; t++) {
		struct insn_case c = attention_case(t, 4, 2, 40, pos, 3);

		case_run(&c);
	}
}

/* The last position that there can be. */
static void attention_longest(void)
{
	static const uint32_t pos[] = { DACC_MAX_POS - 1 };
	struct insn_case c = attention_case(DACC_TYPE_F16, 2, 1, 4, pos, 1);

	case_run_one(&c, MEM_FLAT, DACC_VECTOR_AUTO, 2);
	case_run_one(&c, MEM_SCATTERED, DACC_VECTOR_AUTO, 1);
	case_free(&c);
}

/* 64 sequences of many heads do not fit one set. */
static void attention_many(void)
{
	uint32_t pos[MAX_ENTRIES];
	struct insn_case c;

	for (uint32_t e = 0; e < MAX_ENTRIES; e++)
		pos[e] = e * 37 % 300;
	c = attention_case(DACC_TYPE_F32, 32, 8, 8, pos, MAX_ENTRIES);
	case_run(&c);
}

static void elementwise_case(bool swiglu, uint32_t n, int alias)
{
	const char *name = swiglu ? "SWIGLU" : "ADD";
	struct insn_case c = case_new(name, 3);
	uint64_t stride = n * 12 + 4;
	uint64_t a_off = 0, b_off = n * 4,
		 dst_off = alias == 1 ? 0 :
			   alias == 2 ? n * 4 :
					n * 8 + 4;

	if (!area_init(&c.area[0], stride * 3, stride, 1020))
		return case_free(&c);
	c.insn[0] = (struct dacc_insn){
		.op = swiglu ? DACC_INSN_SWIGLU : DACC_INSN_ADD,
		.dst = BASE(0, dst_off),
		.a = BASE(0, a_off),
		.b = BASE(0, b_off),
		.n0 = n,
	};
	for (uint32_t e = 0; e < 3; e++)
		for (uint32_t i = 0; i < n; i++) {
			float *base = F(&c.area[0], stride * e) + i;
			float a = base[0], b = base[n];
			volatile float v = 1.0f + num_exp(-a);

			v = a / v;
			v = v * b;
			base[dst_off / 4] = swiglu ? v : a + b;
		}
	case_run(&c);
}

static void swiglu(void)
{
	for (size_t l = 0; l < COUNT(lengths); l++)
		for (int alias = 0; alias < 3; alias++)
			elementwise_case(true, lengths[l], alias);
}

static void add(void)
{
	for (size_t l = 0; l < COUNT(lengths); l++)
		for (int alias = 0; alias < 3; alias++)
			elementwise_case(false, lengths[l], alias);
}

/* Any bits in: no crash, the same bits from all, and only one NaN comes out. */
static void any_bits(void)
{
	static const uint32_t pos[] = { 40, 3 };

	for (int round = 0; round < 6; round++) {
		struct insn_case c = attention_case(round & 1, 4, 2, 24, pos, 2);
		SeqFault fault;
		uint8_t *first = NULL;

		random_bytes(c.area[0].data, c.area[0].size);
		random_bytes(c.area[1].data, c.area[1].size);
		c.insn[1] = (struct dacc_insn){
			.op = DACC_INSN_SWIGLU,
			.dst = BASE(1, 0),
			.a = BASE(1, 0),
			.b = BASE(1, 96),
			.n0 = 24,
		};
		c.insn[2] = (struct dacc_insn){
			.op = DACC_INSN_RMSNORM,
			.dst = BASE(1, 96),
			.a = BASE(1, 96),
			.b = BASE(1, 0),
			.imm = random_u64(),
			.n0 = 24,
		};
		c.insn[3] = (struct dacc_insn){
			.op = DACC_INSN_MATVEC,
			.type = DACC_TYPE_Q8_0,
			.dst = BASE(1, 192),
			.a = BASE(0, 0),
			.b = BASE(1, 0),
			.n0 = 6,
			.n1 = 32,
		};
		for (int v = 0; v < 4; v++) {
			struct mem *m = mem_new(MEM_FLAT, 1 << 20);
			Pool *pool = pool_new(1 + v / 2, NULL, NULL, NULL);
			Seq *seq =
				pool ? seq_new(pool, v & 1 ? DACC_VECTOR_SCALAR : DACC_VECTOR_AUTO,
					       test_timing) :
				       NULL;
			uint64_t time = 0, progress = 0, kv, act;
			uint8_t *got = malloc(c.area[1].size);
			SeqMemory ops;

			if (!CHECK(m && pool && seq && got, "no memory"))
				return;
			kv = mem_alloc(m, c.area[0].size, 0);
			act = mem_alloc(m, c.area[1].size, 0);
			mem_put(m, kv, c.area[0].data, c.area[0].size);
			mem_put(m, act, c.area[1].data, c.area[1].size);
			for (int e = 0; e < 2; e++) {
				c.entry[e].base[1] = kv + e * c.area[0].stride;
				c.entry[e].base[2] = act + e * c.area[1].stride;
			}
			ops = mem_ops(m);
			CHECK(seq_step(seq, &ops, c.insn, 4, c.entry, 2, &time, &progress, &fault),
			      "step failed");
			mem_get(m, act, got, c.area[1].size);
			if (first)
				CHECK(!memcmp(first, got, c.area[1].size), "variant %d differs", v);
			for (uint32_t h = 0; h < 4 * 24; h++) {
				uint32_t u;

				memcpy(&u, got + 4 * 24 * 4 + 4 + 4 * h, 4);
				CHECK((u & 0x7fffffff) <= 0x7f800000 || u == NUM_NAN_BITS,
				      "NaN %08x", u);
			}
			if (!first)
				first = got;
			else
				free(got);
			seq_free(seq);
			pool_free(pool);
			mem_free(m);
		}
		free(first);
		case_free(&c);
	}
}

int main(void)
{
	TAP_CASE(embed);
	TAP_CASE(rmsnorm);
	TAP_CASE(matvec);
	TAP_CASE(matvec_large);
	TAP_CASE(rope);
	TAP_CASE(kv_append);
	TAP_CASE(attention);
	TAP_CASE(attention_long);
	TAP_CASE(attention_longest);
	TAP_CASE(attention_many);
	TAP_CASE(swiglu);
	TAP_CASE(add);
	TAP_CASE(any_bits);
	return tap_done();
}
