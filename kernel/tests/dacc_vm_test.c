// SPDX-License-Identifier: GPL-2.0
/* KUnit: ranges that VM_BIND accepts. Part of dacc_vm.c. */
#include <kunit/test.h>

static bool dacc_test_range(u64 addr, u64 range, u64 offset)
{
	struct drm_dacc_vm_bind args = { .addr = addr, .range = range, .offset = offset };

	return dacc_vm_range_ok(&args);
}

static void dacc_test_range_good(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, dacc_test_range(SZ_4K, SZ_4K, 0));
	KUNIT_EXPECT_TRUE(test, dacc_test_range(SZ_4K, SZ_1G, SZ_4K));
}

static void dacc_test_range_empty(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, dacc_test_range(0, SZ_4K, 0));
	KUNIT_EXPECT_FALSE(test, dacc_test_range(SZ_4K, 0, 0));
}

static void dacc_test_range_align(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, dacc_test_range(SZ_4K + 1, SZ_4K, 0));
	KUNIT_EXPECT_FALSE(test, dacc_test_range(SZ_4K, SZ_4K + 64, 0));
	KUNIT_EXPECT_FALSE(test, dacc_test_range(SZ_4K, SZ_4K, 512));
}

/* The upper half is the driver's. */
static void dacc_test_range_end(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, dacc_test_range(DRM_DACC_VA_KERNEL - SZ_4K, SZ_4K, 0));
	KUNIT_EXPECT_FALSE(test, dacc_test_range(DRM_DACC_VA_KERNEL - SZ_4K, SZ_8K, 0));
	KUNIT_EXPECT_FALSE(test, dacc_test_range(DRM_DACC_VA_KERNEL, SZ_4K, 0));
}

static void dacc_test_range_overflow(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, dacc_test_range(0ull - SZ_4K, SZ_8K, 0));
	KUNIT_EXPECT_FALSE(test, dacc_test_range(SZ_4K, 0ull - SZ_4K, 0));
	KUNIT_EXPECT_FALSE(test, dacc_test_range(SZ_8K, 0ull - SZ_4K, 0));
}

static struct kunit_case dacc_vm_cases[] = {
	KUNIT_CASE(dacc_test_range_good),
	KUNIT_CASE(dacc_test_range_empty),
	KUNIT_CASE(dacc_test_range_align),
	KUNIT_CASE(dacc_test_range_end),
	KUNIT_CASE(dacc_test_range_overflow),
	{}
};

static struct kunit_suite dacc_vm_suite = {
	.name = "dacc_vm",
	.test_cases = dacc_vm_cases,
};

kunit_test_suite(dacc_vm_suite);
