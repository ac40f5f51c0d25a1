// SPDX-License-Identifier: GPL-2.0
/* Parts of libdacc that need no device: addresses, conversion, texts, structures. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "num.h"
#include "tap.h"

static void addresses(void)
{
	struct va_space s;
	uint64_t a, b, c, d;

	va_init(&s, 0x10000, 0x50000);
	CHECK(!va_alloc(&s, 0x10000, 0x10000, &a) && a == 0x10000, "first: 0x%llx",
	      (unsigned long long)a);
	CHECK(!va_alloc(&s, 1, 0x10000, &b) && b == 0x20000, "second");
	CHECK(!va_alloc(&s, 0x20000, 0x10000, &c) && c == 0x30000, "third");
	CHECK(va_alloc(&s, 0x10000, 0x10000, &d) == -ENOSPC, "full");
	CHECK(!va_alloc(&s, 0x1000, 0x1000, &d) && d == 0x21000, "the gap behind the second");
	CHECK(va_find(&s, b) == 1 && va_find(&s, b + 1) == 0, "find");
	CHECK(va_free(&s, 0x20001) == -ENOENT && !va_free(&s, b) && va_free(&s, b) == -ENOENT,
	      "free");
	CHECK(!va_free(&s, a) && !va_free(&s, d), "free");
	CHECK(!va_alloc(&s, 0x20000, 0x10000, &a) && a == 0x10000, "freed ranges are joined");
	CHECK(va_alloc(&s, 0, 1, &d) == -EINVAL, "size 0");
	CHECK(va_alloc(&s, 1, 3, &d) == -EINVAL, "alignment 3");
	CHECK(va_alloc(&s, 1, 0, &d) == -EINVAL, "alignment 0");
	CHECK(va_alloc(&s, UINT64_MAX, 0x1000, &d) == -ENOSPC, "wrap");
	va_fini(&s);
	va_init(&s, 1, UINT64_MAX);
	CHECK(va_alloc(&s, 1, 1ull << 63, &d) == 0 && d == 1ull << 63, "large alignment");
	CHECK(va_alloc(&s, 1, 1ull << 63, &d) == -ENOSPC, "alignment wraps");
	va_fini(&s);
}

/* No two ranges overlap, whatever is taken and given back. */
static void addresses_random(void)
{
	struct {
		uint64_t va, size;
	} r[64] = { 0 };
	struct va_space s;
	unsigned int seed = 7;

	va_init(&s, 0x1000, 0x100000);
	for (int step = 0; step < 20000; step++) {
		int i = rand_r(&seed) % 64;

		if (r[i].size) {
			CHECK(va_find(&s, r[i].va) == r[i].size && !va_free(&s, r[i].va), "free");
			r[i].size = 0;
			continue;
		}
		r[i].size = 1 + rand_r(&seed) % 0x4000;
		if (va_alloc(&s, r[i].size, 1ull << rand_r(&seed) % 14, &r[i].va)) {
			r[i].size = 0;
			continue;
		}
		for (int k = 0; k < 64; k++)
			if (k != i && r[k].size && r[k].va < r[i].va + r[i].size &&
			    r[i].va < r[k].va + r[k].size)
				CHECK(false, "overlap in step %d", step);
		CHECK(r[i].va >= 0x1000 && r[i].va + r[i].size <= 0x100000, "out of bounds");
	}
	va_fini(&s);
}

/* Against the device's own conversions, over all halves and many floats. */
static void halves(void)
{
	unsigned int seed = 3;

	for (uint32_t h = 0; h < 65536; h++) {
		uint16_t bits = h;
		float f;

		num_to_float(DACC_TYPE_F16, (const uint8_t *)&bits, &f, 1);
		if (isnan(f))
			continue;
		CHECK(dacc_f32_to_f16(f) == h, "0x%04x comes back as 0x%04x", h,
		      dacc_f32_to_f16(f));
	}
	for (int i = 0; i < 2000000; i++) {
		uint32_t bits = (uint32_t)rand_r(&seed) << 16 ^ (uint32_t)rand_r(&seed);
		uint16_t want;
		float f;

		memcpy(&f, &bits, sizeof(f));
		if (isnan(f))
			continue;
		num_ops_scalar.to_half(&want, &f, 1);
		if (!CHECK(dacc_f32_to_f16(f) == want, "0x%08x: 0x%04x, device 0x%04x", bits,
			   dacc_f32_to_f16(f), want))
			break;
	}
}

static void q8_0(void)
{
	unsigned int seed = 5;
	float src[64], back[64];
	uint8_t row[68];

	CHECK(dacc_row_bytes(DACC_TYPE_Q8_0, 64) == 68, "row of Q8_0");
	CHECK(dacc_row_bytes(DACC_TYPE_F16, 64) == 128, "f16 row");
	CHECK(dacc_row_bytes(DACC_TYPE_F32, 64) == 256, "f32 row");
	for (int round = 0; round < 1000; round++) {
		float scale = powf(10, rand_r(&seed) % 5 - 1), largest[2] = { 0 };

		for (int i = 0; i < 64; i++) {
			src[i] = round ? (rand_r(&seed) % 20001 - 10000) / 10000.0f * scale : 0;
			largest[i / 32] = fmaxf(largest[i / 32], fabsf(src[i]));
		}
		dacc_convert_row(DACC_TYPE_Q8_0, src, 64, row);
		num_to_float(DACC_TYPE_Q8_0, row, back, 64);
		/* Half a step, and what the half-precision scale loses at the ends. */
		for (int i = 0; i < 64; i++) {
			float limit = largest[i / 32] * (0.51f / 127 + 0.001f);

			if (!CHECK(fabsf(back[i] - src[i]) <= limit,
				   "%g comes back as %g (largest %g)", src[i], back[i],
				   largest[i / 32]))
				return;
		}
	}
}

static void texts(void)
{
	for (int i = -200; i <= 200; i++)
		CHECK(dacc_strerror(i) && dacc_strerror(i)[0], "no text for %d", i);
	CHECK(!strcmp(dacc_strerror(-EREMOTEIO), dacc_strerror(EREMOTEIO)), "sign");
	for (int i = 0; i < DACC_STATUS_COUNT; i++)
		CHECK(strcmp(dacc_status_string(i), "unknown status"), "no text for status %d", i);
	CHECK(!strcmp(dacc_status_string(DACC_STATUS_COUNT), "unknown status"), "past the end");
	CHECK(!strcmp(dacc_version(), LIBDACC_VERSION), "version");
}

static void deadlines(void)
{
	int64_t a = dacc_deadline(0), b = dacc_deadline(1000000000);

	CHECK(b - a >= 1000000000 && b - a < 2000000000, "one second is %lld ns",
	      (long long)(b - a));
	CHECK(dacc_deadline(-1) == INT64_MAX && dacc_deadline(INT64_MAX) == INT64_MAX,
	      "no deadline");
}

static void structures(void)
{
	struct {
		size_t size;
		int a, b;
	} in = { sizeof(in), 1, 2 }, out;
	char longer[64] = { 0 };
	size_t size;

	CHECK(!dacc_copy_in(&out, sizeof(out), &in) && out.a == 1 && out.b == 2, "same size");
	in.size = offsetof(typeof(in), b);
	CHECK(!dacc_copy_in(&out, sizeof(out), &in) && out.a == 1 && out.b == 0, "shorter");
	in.size = 0;
	CHECK(dacc_copy_in(&out, sizeof(out), &in) == -EINVAL, "no size");
	in.size = SIZE_MAX;
	CHECK(dacc_copy_in(&out, sizeof(out), &in) == -EINVAL, "absurd size");
	CHECK(dacc_copy_in(&out, sizeof(out), NULL) == -EINVAL, "none");
	size = sizeof(longer);
	memcpy(longer, &size, sizeof(size));
	CHECK(!dacc_copy_in(&out, sizeof(out), longer), "longer, zeros");
	longer[63] = 1;
	CHECK(dacc_copy_in(&out, sizeof(out), longer) == -E2BIG, "longer, something");
	memset(longer, 0xff, sizeof(longer));
	CHECK(!dacc_copy_out(longer, sizeof(longer), &in, sizeof(in)), "copy out");
	CHECK(!longer[63] && !memcmp(longer, &in, sizeof(in)), "copied out");
	CHECK(dacc_copy_out(NULL, 8, &in, sizeof(in)) == -EINVAL, "nowhere");
}

/* Without a chip the message must say so, and nothing may crash. */
static void no_device(void)
{
	struct dacc_device *dev = NULL;
	struct dacc_error err = { "" };
	int ret = dacc_device_open("/dev/null", &dev, &err);

	CHECK(ret == -EINVAL && strstr(err.text, "not a dacc device"), "/dev/null: %d '%s'", ret,
	      err.text);
	ret = dacc_device_open("/dev/accel/accel99", &dev, &err);
	CHECK(ret < 0 && err.text[0], "accel99: %d '%s'", ret, err.text);
	ret = dacc_device_open("ffff:ff:1f.7", &dev, &err);
	CHECK(ret < 0 && err.text[0], "no such address: %d '%s'", ret, err.text);
	CHECK(dacc_device_open(NULL, NULL, &err) == -EINVAL, "nowhere");
	dacc_device_close(NULL);
	dacc_bo_destroy(NULL);
	dacc_vm_destroy(NULL);
	dacc_queue_destroy(NULL);
	dacc_model_close(NULL);
	dacc_tokenizer_close(NULL);
	dacc_program_free(NULL);
	dacc_weights_free(NULL);
	dacc_session_destroy(NULL);
	dacc_kv_free(NULL);
	dacc_stream_free(NULL);
	dacc_pci_list_free(NULL);
}

int main(void)
{
	TAP_CASE(addresses);
	TAP_CASE(addresses_random);
	TAP_CASE(halves);
	TAP_CASE(q8_0);
	TAP_CASE(texts);
	TAP_CASE(deadlines);
	TAP_CASE(structures);
	TAP_CASE(no_device);
	return tap_done();
}
