// SPDX-License-Identifier: GPL-2.0
/* KUnit: what debugfs "inject" takes. Part of dacc_debugfs.c. */
#include <kunit/test.h>

static int dacc_test_parse(const char *text, u32 *value)
{
	char copy[40];

	*value = 0;
	strscpy(copy, text, sizeof(copy));
	return dacc_inject_parse(copy, value);
}

static void dacc_test_inject_names(struct kunit *test)
{
	u32 value;

	KUNIT_EXPECT_EQ(test, dacc_test_parse("hang 3", &value), 0);
	KUNIT_EXPECT_EQ(test, value, DACC_INJECT_HANG | 3 << 8);
	KUNIT_EXPECT_EQ(test, dacc_test_parse("none", &value), 0);
	KUNIT_EXPECT_EQ(test, value, DACC_INJECT_NONE);
}

static void dacc_test_inject_numbers(struct kunit *test)
{
	u32 value;

	KUNIT_EXPECT_EQ(test, dacc_test_parse("0x301", &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x301);
	KUNIT_EXPECT_EQ(test, dacc_test_parse("1 0x10", &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x1001);
}

static void dacc_test_inject_bad(struct kunit *test)
{
	u32 value;

	KUNIT_EXPECT_EQ(test, dacc_test_parse("", &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_parse("fire", &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_parse("hang x", &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_parse("hang 0x1000000", &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, dacc_test_parse("0x100000000", &value), -EINVAL);
}

static struct kunit_case dacc_debugfs_cases[] = {
	KUNIT_CASE(dacc_test_inject_names),
	KUNIT_CASE(dacc_test_inject_numbers),
	KUNIT_CASE(dacc_test_inject_bad),
	{}
};

static struct kunit_suite dacc_debugfs_suite = {
	.name = "dacc_debugfs",
	.test_cases = dacc_debugfs_cases,
};

kunit_test_suite(dacc_debugfs_suite);
