// SPDX-License-Identifier: GPL-2.0
/* KUnit: fences and their errors. Part of dacc_fence.c. */
#include <kunit/test.h>
#include <linux/dma-fence-array.h>

static struct dma_fence *dacc_test_fence(struct kunit *test, u64 seq)
{
	struct dma_fence *fence = dacc_fence_alloc(DRM_DACC_QUEUE_DECODE);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	dacc_fence_init(fence, 1, seq);
	return fence;
}

static void dacc_test_fence_names(struct kunit *test)
{
	struct dma_fence *fence = dacc_test_fence(test, 1);

	KUNIT_EXPECT_STREQ(test, dacc_fence_driver_name(fence), "dacc");
	KUNIT_EXPECT_STREQ(test, dacc_fence_timeline_name(fence), "decode");
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static void dacc_test_fence_unused(struct kunit *test)
{
	dacc_fence_free(NULL);
	dacc_fence_free(dacc_fence_alloc(DRM_DACC_QUEUE_TRANSFER));
}

static void dacc_test_fence_no_error(struct kunit *test)
{
	struct dma_fence *fence = dacc_test_fence(test, 1);

	KUNIT_EXPECT_EQ(test, dacc_fence_error(fence), 0);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, dacc_fence_error(fence), 0);
	dma_fence_put(fence);
}

static void dacc_test_fence_has_error(struct kunit *test)
{
	struct dma_fence *fence = dacc_test_fence(test, 1);

	dma_fence_set_error(fence, -ETIME);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, dacc_fence_error(fence), -ETIME);
	dma_fence_put(fence);
}

/* The error of a part is that of the whole. */
static void dacc_test_fence_array(struct kunit *test)
{
	struct dma_fence **parts = kcalloc(2, sizeof(*parts), GFP_KERNEL);
	struct dma_fence_array *array;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, parts);
	for (i = 0; i < 2; i++)
		parts[i] = dacc_test_fence(test, i + 1);
	array = dma_fence_array_create(2, parts, 2, 1, false);
	KUNIT_ASSERT_NOT_NULL(test, array);
	dma_fence_signal(parts[0]);
	dma_fence_set_error(parts[1], -EFAULT);
	dma_fence_signal(parts[1]);
	KUNIT_EXPECT_EQ(test, dacc_fence_error(&array->base), -EFAULT);
	dma_fence_put(&array->base);
}

/* Sequence numbers of 64 bits do not wrap at 32. */
static void dacc_test_fence_order(struct kunit *test)
{
	struct dma_fence *a = dacc_test_fence(test, U32_MAX);
	struct dma_fence *b = dacc_test_fence(test, U32_MAX + 1ull);
	struct dma_fence *c = dacc_test_fence(test, 1ull << 63);

	KUNIT_EXPECT_TRUE(test, dma_fence_is_later(b, a));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_later(a, b));
	KUNIT_EXPECT_TRUE(test, dma_fence_is_later(c, b));
	dma_fence_signal(a);
	dma_fence_signal(b);
	dma_fence_signal(c);
	dma_fence_put(a);
	dma_fence_put(b);
	dma_fence_put(c);
}

static struct kunit_case dacc_fence_cases[] = {
	KUNIT_CASE(dacc_test_fence_names),
	KUNIT_CASE(dacc_test_fence_unused),
	KUNIT_CASE(dacc_test_fence_no_error),
	KUNIT_CASE(dacc_test_fence_has_error),
	KUNIT_CASE(dacc_test_fence_array),
	KUNIT_CASE(dacc_test_fence_order),
	{}
};

static struct kunit_suite dacc_fence_suite = {
	.name = "dacc_fence",
	.test_cases = dacc_fence_cases,
};

kunit_test_suite(dacc_fence_suite);
