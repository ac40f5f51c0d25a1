// SPDX-License-Identifier: GPL-2.0
/* Numeric kernels: against plain code written here, and against each other. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "num.h"
#include "num_exp.h"
#include "num_half.h"
#include "plain.h"
#include "random.h"
#include "tap.h"

static NumOps const *ops[2];
static unsigned int n_ops;

static void half_to_float_all(void)
{
#ifdef __FLT16_MAX__
	for (uint32_t h = 0; h < 0x10000; h++) {
		uint16_t bits = h;
		_Float16 f;
		float want, got = num_half_to_float(h);

		memcpy(&f, &bits, sizeof(f));
		want = f;
		CHECK(num_bits(want) == num_bits(got), "half %04x: %08x, not %08x", h,
		      num_bits(got), num_bits(want));
	}
#else
	tap_skip("the compiler has no _Float16");
#endif
}

static void half_round_trip_all(void)
{
	for (uint32_t h = 0; h < 0x10000; h++) {
		uint16_t want = h, got = num_float_to_half(num_half_to_float(h));

		if ((h & 0x7c00) == 0x7c00 && (h & 0x3ff))
			want |= 0x200;
		CHECK(got == want, "half %04x comes back as %04x", want, got);
	}
}

#ifdef __FLT16_MAX__
static void check_to_half(uint32_t u)
{
	float f = num_float(u);
	_Float16 h = (_Float16)f;
	uint16_t want, got = num_float_to_half(f);

	memcpy(&want, &h, sizeof(want));
	CHECK(got == want, "float %08x: half %04x, not %04x", u, got, want);
}
#endif

static void float_to_half(void)
{
#ifdef __FLT16_MAX__
	/* Each half, the midpoint after it, and their neighbours; both signs. */
	for (uint32_t h = 0; h < 0x7c01; h++) {
		uint32_t a = num_bits(num_half_to_float(h)), b, mid;

		b = h < 0x7c00 ? num_bits(num_half_to_float(h + 1)) : 0x7fffffff;
		mid = num_bits((float)(((double)num_float(a) + (double)num_float(b)) / 2));
		if (h == 0x7bff)
			mid = 0x477ff000;
		for (int d = -2; d <= 2; d++) {
			check_to_half((a + d) & 0x7fffffff);
			check_to_half(mid + d);
			check_to_half((a + d) | 0x80000000);
			check_to_half((mid + d) | 0x80000000);
		}
	}
	for (uint64_t u = 0; u < 1ull << 32; u += 4093)
		check_to_half(u);
#else
	tap_skip("the compiler has no _Float16");
#endif
}

static void to_half_same_bits(void)
{
	static float in[4096 + 7];
	static uint16_t a[4096 + 7], b[4096 + 7];

	if (n_ops < 2) {
		tap_skip("no AVX2 here");
		return;
	}
	for (uint64_t u = 0; u < 1ull << 32; u += 509ull * 4103) {
		for (size_t i = 0; i < 4103; i++)
			in[i] = num_float(u + i * 509);
		ops[0]->to_half(a, in, 4103);
		ops[1]->to_half(b, in, 4103);
		CHECK(!memcmp(a, b, sizeof(a)), "halves of floats from %08x on differ",
		      (uint32_t)u);
	}
}

static void exp_accuracy(void)
{
	double worst = 0;

	for (double x = -103; x < 88.7; x += 0.000137) {
		double want = exp((float)x), got = num_exp(x);
		double ulp = ldexp(1, want < FLT_MIN ? -149 : ilogb(want) - 23);
		double off = fabs(got - want) / ulp;

		worst = off > worst ? off : worst;
	}
	printf("# worst error of exp: %.3f units in the last place\n", worst);
	CHECK(worst < 1.5, "error is %.3f units in the last place", worst);
}

static void exp_special(void)
{
	CHECK(num_exp(0) == 1, "exp(0)");
	CHECK(num_exp(-0.0f) == 1, "exp(-0)");
	CHECK(num_bits(num_exp(INFINITY)) == 0x7f800000, "exp(inf)");
	CHECK(num_bits(num_exp(89.5f)) == 0x7f800000, "exp(89.5)");
	CHECK(num_bits(num_exp(3e38f)) == 0x7f800000, "exp(3e38)");
	CHECK(num_bits(num_exp(-INFINITY)) == 0, "exp(-inf)");
	CHECK(num_bits(num_exp(-104.5f)) == 0, "exp(-104.5)");
	CHECK(num_bits(num_exp(-3e38f)) == 0, "exp(-3e38)");
	CHECK(num_bits(num_exp(NAN)) == NUM_NAN_BITS, "exp(nan)");
	CHECK(num_bits(num_exp(num_float(0xffa00001))) == NUM_NAN_BITS, "exp(-snan)");
	CHECK(num_exp(88.7f) < INFINITY, "exp(88.7)");
	CHECK(num_exp(-100) > 0, "exp(-100)");
}

/* Both tables, on bit patterns from all over the range, NaNs included. */
static void exp_same_bits(void)
{
	static float a[4096], b[4096];

	if (n_ops < 2) {
		tap_skip("no AVX2 here");
		return;
	}
	for (uint64_t u = 0; u < 1ull << 32; u += 331ull * 4096) {
		for (size_t i = 0; i < 4096; i++)
			a[i] = num_float(u + i * 331);
		memcpy(b, a, sizeof(b));
		ops[0]->exp_sub(a, 4096, 0);
		ops[1]->exp_sub(b, 4096, 0);
		CHECK(!memcmp(a, b, sizeof(a)), "exp of floats from %08x on differs", (uint32_t)u);
	}
}

/* --- dot products --------------------------------------------------------- */

static void dot_case(enum dacc_type type, uint32_t rows, uint32_t n_x, uint32_t n, bool wild)
{
	uint64_t stride = num_bytes(type, n) + (type == DACC_TYPE_F32 ? 4 : 2);
	size_t x_stride = n + 3, y_stride = rows + 1;
	uint8_t *w = malloc(stride * rows);
	float *x = malloc(x_stride * n_x * sizeof(*x));
	float *y = malloc(y_stride * n_x * sizeof(*y));

	if (!CHECK(w && x && y, "no memory"))
		goto out;
	for (uint32_t r = 0; r < rows; r++)
		random_rows(type, w + r * stride, num_bytes(type, n));
	random_floats(x, x_stride * n_x);
	if (wild) {
		random_bytes(w, stride * rows);
		for (size_t i = 0; i < x_stride * n_x; i += 5)
			x[i] = num_float(random_u64());
	}
	for (unsigned int o = 0; o < n_ops; o++) {
		memset(y, 0xee, y_stride * n_x * sizeof(*y));
		ops[o]->dot_rows(type, w, stride, rows, x, x_stride, n_x, n, y, y_stride);
		for (uint32_t e = 0; e < n_x; e++) {
			for (uint32_t r = 0; r < rows; r++) {
				uint32_t want =
					plain_dot(type, w + r * stride, x + e * x_stride, n);
				uint32_t got = num_bits(y[e * y_stride + r]);

				CHECK(got == want,
				      "%s type %d, %u rows, %u vectors, n %u: y[%u][%u] is %08x, not %08x",
				      ops[o]->name, type, rows, n_x, n, e, r, got, want);
			}
			CHECK(num_bits(y[e * y_stride + rows]) == 0xeeeeeeee,
			      "%s wrote past %u rows", ops[o]->name, rows);
		}
	}
out:
	free(w);
	free(x);
	free(y);
}

static void dot_types(bool wild)
{
	static const uint32_t lengths[] = {
		1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 96, 100, 288
	};
	static const uint32_t vectors[] = { 1, 2, 3, 4, 5, 6, 7 };
	static const uint32_t rows[] = { 1, 2, 3, 4, 5, 9 };

	for (int t = 0; t < DACC_TYPE_COUNT; t++)
		for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++)
			for (size_t v = 0; v < sizeof(vectors) / sizeof(*vectors); v++)
				for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
					if (t >= DACC_TYPE_Q8_0 && lengths[l] % 32)
						continue;
					dot_case(t, rows[r], vectors[v], lengths[l], wild);
				}
}

static void dot_exact(void)
{
	dot_types(false);
}

/* NaN, infinities and subnormals. */
static void dot_any_bits(void)
{
	dot_types(true);
}

static void to_float_types(void)
{
	uint8_t row[34 * 4];
	float out[128];

	for (int t = 0; t < DACC_TYPE_COUNT; t++) {
		uint32_t n = t == DACC_TYPE_F32 ? 34 : t < DACC_TYPE_Q8_0 ? 67 : 128;

		for (int round = 0; round < 200; round++) {
			random_bytes(row, sizeof(row));
			num_to_float(t, row, out, n);
			for (uint32_t i = 0; i < n; i++) {
				uint32_t want = num_bits(element(t, row, i)),
					 got = num_bits(out[i]);

				if (t >= DACC_TYPE_Q8_0 && (want & 0x7fffffff) > 0x7f800000)
					want = NUM_NAN_BITS;
				CHECK(got == want, "type %d element %u: %08x, not %08x", t, i, got,
				      want);
			}
		}
	}
}

/* --- the rest: both tables, same bits ------------------------------------- */

static void vectors_same_bits(void)
{
	enum {
		N = 259,
		ROWS = 13
	};
	static float a[N * ROWS], b[N], d[2][N], w[ROWS];
	static uint8_t rows[N * ROWS * 4];

	if (n_ops < 2) {
		tap_skip("no AVX2 here");
		return;
	}
	for (int round = 0; round < 400; round++) {
		uint32_t n = 1 + random_below(N);

		random_floats(a, N);
		random_floats(b, N);
		random_floats(w, ROWS);
		random_bytes(rows, sizeof(rows));
		if (round & 1)
			for (int i = 0; i < N; i += 3)
				a[i] = num_float(random_u64());
		for (int o = 0; o < 2; o++)
			ops[o]->swiglu(d[o], a, b, n);
		CHECK(!memcmp(d[0], d[1], n * 4), "swiglu, n %u", n);
		CHECK(num_bits(ops[0]->sum(a, n)) == num_bits(ops[1]->sum(a, n)), "sum, n %u", n);
		CHECK(num_bits(ops[0]->sum_squares(a, n)) == num_bits(ops[1]->sum_squares(a, n)),
		      "sum of squares, n %u", n);
		CHECK(ops[0]->max(a, n) == ops[1]->max(a, n), "max, n %u", n);
		for (int t = DACC_TYPE_F32; t <= DACC_TYPE_F16; t++) {
			for (int o = 0; o < 2; o++) {
				memcpy(d[o], b, sizeof(b));
				ops[o]->add_rows(t, rows, num_bytes(t, N), ROWS, w, n, d[o]);
				num_make_canon(d[o], n);
			}
			CHECK(!memcmp(d[0], d[1], sizeof(d[0])), "add_rows, type %d, n %u", t, n);
		}
	}
}

static void max_leaves_out_nan(void)
{
	float v[19];

	for (unsigned int o = 0; o < n_ops; o++) {
		for (int at = 0; at < 19; at++) {
			for (int i = 0; i < 19; i++)
				v[i] = NAN;
			CHECK(ops[o]->max(v, 19) == -INFINITY, "%s: all NaN", ops[o]->name);
			v[at] = -7;
			CHECK(ops[o]->max(v, 19) == -7, "%s: -7 at %d", ops[o]->name, at);
		}
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 0.000000001;
}

/* Says how fast it is; no speed passes or fails. */
static void report_speed(enum dacc_type type, uint32_t n_x, uint32_t rows, uint32_t n)
{
	static const char *const name[] = { "f32", "f16", "bf16", "q8_0", "q4_0" };
	uint64_t bytes = num_bytes(type, n) * rows;
	uint8_t *w = malloc(bytes);
	float *x = malloc(sizeof(*x) * n * n_x), *y = malloc(sizeof(*y) * rows * n_x);

	if (w && x && y) {
		random_rows(type, w, bytes);
		random_floats(x, (size_t)n * n_x);
		for (unsigned int o = 0; o < n_ops; o++) {
			double best = 1e9;

			for (int round = 0; round < 5; round++) {
				double t = now();

				ops[o]->dot_rows(type, w, num_bytes(type, n), rows, x, n, n_x, n, y,
						 rows);
				t = now() - t;
				best = t < best ? t : best;
			}
			printf("# speed: %-6s %-4s %u vectors, ", ops[o]->name, name[type], n_x);
			printf("%.1f MB: %.1f GB/s, %.1f Gflop/s, one thread\n", bytes / 1e6,
			       bytes / best / 1e9, 2.0 * rows * n * n_x / best / 1e9);
		}
	}
	free(w);
	free(x);
	free(y);
}

static void speed(void)
{
	for (int t = 0; t < DACC_TYPE_COUNT; t++)
		report_speed(t, 1, 8192, 1024);
	report_speed(DACC_TYPE_F32, 1, 256, 256);
	report_speed(DACC_TYPE_F32, 48, 1024, 1024);
	report_speed(DACC_TYPE_F16, 48, 1024, 1024);
	report_speed(DACC_TYPE_Q4_0, 48, 1024, 1024);
}

int main(void)
{
	ops[n_ops++] = &num_ops_scalar;
	if (num_ops_avx2())
		ops[n_ops++] = num_ops_avx2();
	TAP_CASE(half_to_float_all);
	TAP_CASE(half_round_trip_all);
	TAP_CASE(float_to_half);
	TAP_CASE(to_half_same_bits);
	TAP_CASE(exp_accuracy);
	TAP_CASE(exp_special);
	TAP_CASE(exp_same_bits);
	TAP_CASE(dot_exact);
	TAP_CASE(dot_any_bits);
	TAP_CASE(to_float_types);
	TAP_CASE(vectors_same_bits);
	TAP_CASE(max_leaves_out_nan);
	speed();
	return tap_done();
}
