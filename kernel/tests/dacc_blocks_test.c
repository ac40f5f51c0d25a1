// SPDX-License-Identifier: GPL-2.0
/* KUnit: block tables. Part of dacc_blocks.c. */
#include <kunit/test.h>

#define DACC_TEST_SRC			0x100000ull
#define DACC_TEST_DST			0x800000ull

static struct drm_dacc_list_create dacc_test_strided(void)
{
	struct drm_dacc_list_create args = { .n_layers = 2 };

	args.strided.src = DACC_TEST_SRC;
	args.strided.dst = DACC_TEST_DST;
	args.strided.src_layer = 0x10000;
	args.strided.dst_layer = 0x1000;
	args.strided.src_stride = 0x100;
	args.strided.dst_stride = 0x40;
	args.strided.len = 0x40;
	args.strided.n_blocks = 3;
	return args;
}

static void dacc_test_blocks_strided(struct kunit *test)
{
	struct drm_dacc_list_create args = dacc_test_strided();
	struct dacc_block b[6];
	u32 bad = 99;

	KUNIT_ASSERT_EQ(test, dacc_blocks_strided(&args, b, &bad), 0);
	KUNIT_EXPECT_EQ(test, b[0].src, DACC_TEST_SRC);
	KUNIT_EXPECT_EQ(test, b[2].src, DACC_TEST_SRC + 0x200);
	KUNIT_EXPECT_EQ(test, b[5].src, DACC_TEST_SRC + 0x10200);
	KUNIT_EXPECT_EQ(test, b[5].dst, DACC_TEST_DST + 0x1080);
	KUNIT_EXPECT_EQ(test, b[5].len, 0x40);
}

static void dacc_test_blocks_overflow(struct kunit *test)
{
	struct drm_dacc_list_create args = dacc_test_strided();
	struct dacc_block b[6];
	u32 bad = 99;

	args.strided.src_stride = 1ull << 63;
	KUNIT_EXPECT_EQ(test, dacc_blocks_strided(&args, b, &bad), -EINVAL);
	KUNIT_EXPECT_EQ(test, bad, 2);
	args = dacc_test_strided();
	args.strided.dst_layer = U64_MAX;
	KUNIT_EXPECT_EQ(test, dacc_blocks_strided(&args, b, &bad), -EINVAL);
	KUNIT_EXPECT_EQ(test, bad, 3);
}

static void dacc_test_blocks_indexed(struct kunit *test)
{
	struct dacc_targets targets = { .addr = DACC_TEST_DST, .page_size = 0x1000, .n_pages = 8 };
	const u64 handles[2] = { 7ull << 32 | 5, 1ull << 32 | 2 };
	struct drm_dacc_list_create args = { .n_layers = 2, .n_pages = 2 };
	const u32 index[2] = { 9, 1 };
	struct dacc_block b[4];
	u32 bad = 99;

	args.indexed.src = DACC_TEST_SRC;
	args.indexed.src_layer = 0x8000;
	args.indexed.src_stride = 0x100;
	args.indexed.dst_layer = 0x100;
	args.indexed.dst_offset = 0x40;
	args.indexed.len = 0x100;
	KUNIT_ASSERT_EQ(test, dacc_blocks_indexed(&args, index, handles, &targets, b, &bad), 0);
	KUNIT_EXPECT_EQ(test, b[0].src, DACC_TEST_SRC + 0x900);
	KUNIT_EXPECT_EQ(test, b[0].dst, DACC_TEST_DST + 0x5040);
	KUNIT_EXPECT_EQ(test, b[3].src, DACC_TEST_SRC + 0x8100);
	KUNIT_EXPECT_EQ(test, b[3].dst, DACC_TEST_DST + 0x2140);
	/* The second layer leaves the page. */
	args.indexed.dst_layer = 0xf00;
	KUNIT_EXPECT_EQ(test, dacc_blocks_indexed(&args, index, handles, &targets, b, &bad),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, bad, 2);
	args.indexed.dst_layer = 0;
	args.indexed.src_stride = U64_MAX / 4;
	KUNIT_EXPECT_EQ(test, dacc_blocks_indexed(&args, index, handles, &targets, b, &bad),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static int dacc_test_check(u64 src, u64 dst, u64 len)
{
	struct dacc_block b = { src, dst, len };
	u64 bytes;
	u32 bad;

	return dacc_blocks_check(&b, 1, NULL, &bytes, &bad);
}

static void dacc_test_blocks_bounds(struct kunit *test)
{
	u64 top = DRM_DACC_VA_KERNEL;

	KUNIT_EXPECT_EQ(test, dacc_test_check(0x1000, 0x2000, 0x1000), 0);
	KUNIT_EXPECT_EQ(test, dacc_test_check(0x1000, 0x2000, 0x1001), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_check(0x2000, 0x1001, 0x1000), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_check(0x1000, 0x1000, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_check(0x1000, 0x2000, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_check(0, 1ull << 41, DACC_MAX_COPY), 0);
	KUNIT_EXPECT_EQ(test, dacc_test_check(0, 1ull << 41, DACC_MAX_COPY + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_check(top - 64, 0x1000, 64), 0);
	KUNIT_EXPECT_EQ(test, dacc_test_check(top - 63, 0x1000, 64), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_check(0x1000, top - 63, 64), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_check(U64_MAX - 32, 0x1000, 64), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_check(0x1000, U64_MAX, U64_MAX), -EINVAL);
}

static void dacc_test_targets(struct kunit *test, u32 shift)
{
	unsigned long allowed = BIT(0) | BIT(1) | BIT(3);
	struct dacc_targets targets = {
		.addr = DACC_TEST_DST, .page_size = 0x1000, .page_shift = shift, .n_pages = 4,
		.allowed = &allowed
	};
	struct dacc_block b[3] = {
		{ DACC_TEST_SRC, DACC_TEST_DST, 0x2000 },
		{ DACC_TEST_SRC, DACC_TEST_DST + 0x3000, 0x1000 },
		{ DACC_TEST_SRC, DACC_TEST_DST + 0x1fff, 1 },
	};
	unsigned long seen = 0;
	u64 bytes = 0;
	u32 bad = 99;

	KUNIT_EXPECT_EQ(test, dacc_blocks_check(b, 3, &targets, &bytes, &bad), 0);
	KUNIT_EXPECT_EQ(test, bytes, 0x3001);
	KUNIT_EXPECT_EQ(test, dacc_blocks_pages(b, 3, &targets, &seen), 3);
	KUNIT_EXPECT_EQ(test, seen, allowed);
	KUNIT_EXPECT_EQ(test, dacc_blocks_pages(b, 3, &targets, &seen), 0);
	/* One byte into the page that is not allowed; past the end; before the begin. */
	b[2].len = 2;
	KUNIT_EXPECT_EQ(test, dacc_blocks_check(b, 3, &targets, &bytes, &bad), -EFAULT);
	KUNIT_EXPECT_EQ(test, bad, 2);
	b[1].len = 0x1001;
	KUNIT_EXPECT_EQ(test, dacc_blocks_check(b, 3, &targets, &bytes, &bad), -EFAULT);
	KUNIT_EXPECT_EQ(test, bad, 1);
	b[0].dst = DACC_TEST_DST - 1;
	KUNIT_EXPECT_EQ(test, dacc_blocks_check(b, 3, &targets, &bytes, &bad), -EFAULT);
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static void dacc_test_blocks_targets(struct kunit *test)
{
	dacc_test_targets(test, 0);
	dacc_test_targets(test, 12);
}

static struct kunit_case dacc_blocks_cases[] = {
	KUNIT_CASE(dacc_test_blocks_strided),
	KUNIT_CASE(dacc_test_blocks_overflow),
	KUNIT_CASE(dacc_test_blocks_indexed),
	KUNIT_CASE(dacc_test_blocks_bounds),
	KUNIT_CASE(dacc_test_blocks_targets),
	{}
};

static struct kunit_suite dacc_blocks_suite = {
	.name = "dacc_blocks",
	.test_cases = dacc_blocks_cases,
};

kunit_test_suite(dacc_blocks_suite);
