// SPDX-License-Identifier: GPL-2.0
/* KUnit: pages of a pool. Part of dacc_pages.c. */
#include <kunit/test.h>

#define DACC_TEST_PAGES			8

static struct dacc_pages *dacc_test_pages(struct kunit *test, bool unprotected)
{
	struct dacc_pages *pages = kunit_kzalloc(test, sizeof(*pages), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, dacc_pages_init(pages, DACC_TEST_PAGES, unprotected), 0);
	return pages;
}

static void dacc_test_pages_alloc(struct kunit *test)
{
	struct dacc_pages *pages = dacc_test_pages(test, false);
	u64 h[DACC_TEST_PAGES];
	u32 i, left = 99;

	KUNIT_EXPECT_EQ(test, dacc_pages_alloc(pages, h, 7, &left), 0);
	KUNIT_EXPECT_EQ(test, dacc_pages_alloc(pages, &h[7], 2, &left), -ENOSPC);
	KUNIT_EXPECT_EQ(test, left, 1);
	KUNIT_EXPECT_EQ(test, dacc_pages_alloc(pages, &h[7], 1, &left), 0);
	for (i = 0; i < DACC_TEST_PAGES; i++)
		KUNIT_EXPECT_EQ(test, h[i], 1ull << 32 | i);
	dacc_pages_fini(pages);
}

static void dacc_test_pages_free(struct kunit *test)
{
	struct dacc_pages *pages = dacc_test_pages(test, false);
	u64 h[3], again;
	u32 at = 99;

	KUNIT_ASSERT_EQ(test, dacc_pages_alloc(pages, h, 3, &at), 0);
	KUNIT_EXPECT_EQ(test, dacc_pages_free(pages, &h[1], 1, &at), 0);
	KUNIT_EXPECT_EQ(test, at, 0);
	KUNIT_EXPECT_EQ(test, dacc_pages_free(pages, h, 3, &at), -ESTALE);
	KUNIT_EXPECT_EQ(test, at, 1);
	KUNIT_EXPECT_EQ(test, pages->n_free, DACC_TEST_PAGES - 2);
	/* The last one that came goes first, with another handle. */
	KUNIT_EXPECT_EQ(test, dacc_pages_alloc(pages, &again, 1, &at), 0);
	KUNIT_EXPECT_EQ(test, again, h[1] + (1ull << 32));
	KUNIT_EXPECT_EQ(test, dacc_pages_check(pages, &h[1], 1, &at), -ESTALE);
	KUNIT_EXPECT_EQ(test, dacc_pages_check(pages, &again, 1, &at), 0);
	dacc_pages_fini(pages);
}

static void dacc_test_pages_twice(struct kunit *test)
{
	struct dacc_pages *pages = dacc_test_pages(test, false);
	u64 h[4];
	u32 at = 99;

	KUNIT_ASSERT_EQ(test, dacc_pages_alloc(pages, h, 2, &at), 0);
	h[2] = h[0];
	KUNIT_EXPECT_EQ(test, dacc_pages_free(pages, h, 3, &at), -EINVAL);
	KUNIT_EXPECT_EQ(test, at, 2);
	KUNIT_EXPECT_EQ(test, dacc_pages_check(pages, h, 3, &at), -EINVAL);
	h[2] = 1ull << 32 | DACC_TEST_PAGES;
	KUNIT_EXPECT_EQ(test, dacc_pages_check(pages, h, 3, &at), -EINVAL);
	/* No mark was left behind. */
	KUNIT_EXPECT_EQ(test, dacc_pages_check(pages, h, 2, &at), 0);
	KUNIT_EXPECT_EQ(test, dacc_pages_free(pages, h, 2, &at), 0);
	dacc_pages_fini(pages);
}

static void dacc_test_pages_own(struct kunit *test)
{
	struct dacc_pages *pages = dacc_test_pages(test, false);
	u64 h[4], more[DACC_TEST_PAGES];
	u32 at = 99;

	KUNIT_ASSERT_EQ(test, dacc_pages_alloc(pages, h, 4, &at), 0);
	KUNIT_EXPECT_EQ(test, dacc_pages_own(pages, &h[2], 2, &at), 0);
	/* All or none. */
	KUNIT_EXPECT_EQ(test, dacc_pages_own(pages, h, 4, &at), -EBUSY);
	KUNIT_EXPECT_EQ(test, at, 2);
	KUNIT_EXPECT_EQ(test, dacc_pages_own(pages, h, 2, &at), 0);
	dacc_pages_disown(pages, h, 2);
	/* Freed while it is owned: stale at once, free at the end. */
	KUNIT_EXPECT_EQ(test, dacc_pages_free(pages, h, 4, &at), 0);
	KUNIT_EXPECT_EQ(test, at, 2);
	KUNIT_EXPECT_EQ(test, pages->n_deferred, 2);
	KUNIT_EXPECT_EQ(test, dacc_pages_check(pages, &h[2], 1, &at), -ESTALE);
	KUNIT_EXPECT_EQ(test, dacc_pages_alloc(pages, more, 7, &at), -ENOSPC);
	KUNIT_EXPECT_EQ(test, at, 6);
	dacc_pages_disown(pages, &h[2], 2);
	KUNIT_EXPECT_EQ(test, pages->n_deferred, 0);
	KUNIT_EXPECT_EQ(test, dacc_pages_alloc(pages, more, 8, &at), 0);
	dacc_pages_fini(pages);
}

static void dacc_test_pages_unprotected(struct kunit *test)
{
	struct dacc_pages *pages = dacc_test_pages(test, true);
	u64 h[DACC_TEST_PAGES], more[DACC_TEST_PAGES];
	u32 at = 99;

	KUNIT_ASSERT_EQ(test, dacc_pages_alloc(pages, h, 8, &at), 0);
	KUNIT_EXPECT_EQ(test, dacc_pages_own(pages, h, 8, &at), 0);
	KUNIT_EXPECT_EQ(test, dacc_pages_free(pages, h, 8, &at), 0);
	KUNIT_EXPECT_EQ(test, at, 0);
	KUNIT_EXPECT_EQ(test, dacc_pages_alloc(pages, more, 8, &at), 0);
	/* The end of the first owner does not free what is the second's. */
	dacc_pages_disown(pages, h, 8);
	KUNIT_EXPECT_EQ(test, pages->n_free, 0);
	dacc_pages_fini(pages);
}

static void dacc_test_pages_wrap(struct kunit *test)
{
	struct dacc_pages *pages = dacc_test_pages(test, false);
	u32 at;
	u64 h;

	pages->page[0].generation = U32_MAX;
	KUNIT_ASSERT_EQ(test, dacc_pages_alloc(pages, &h, 1, &at), 0);
	KUNIT_EXPECT_EQ(test, DRM_DACC_PAGE_GENERATION(h), U32_MAX);
	KUNIT_EXPECT_EQ(test, dacc_pages_free(pages, &h, 1, &at), 0);
	KUNIT_ASSERT_EQ(test, dacc_pages_alloc(pages, &h, 1, &at), 0);
	KUNIT_EXPECT_EQ(test, DRM_DACC_PAGE_GENERATION(h), 1);
	dacc_pages_fini(pages);
}

static struct kunit_case dacc_pages_cases[] = {
	KUNIT_CASE(dacc_test_pages_alloc),
	KUNIT_CASE(dacc_test_pages_free),
	KUNIT_CASE(dacc_test_pages_twice),
	KUNIT_CASE(dacc_test_pages_own),
	KUNIT_CASE(dacc_test_pages_unprotected),
	KUNIT_CASE(dacc_test_pages_wrap),
	{}
};

static struct kunit_suite dacc_pages_suite = {
	.name = "dacc_pages",
	.test_cases = dacc_pages_cases,
};

kunit_test_suite(dacc_pages_suite);
