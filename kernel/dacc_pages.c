// SPDX-License-Identifier: GPL-2.0
/* Pages of a pool, see dacc_pages.h. */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/slab.h>

#include <drm/dacc_accel.h>

#include "dacc_pages.h"

/**
 * dacc_pages_bytes - memory that pages are kept in
 * @n: pages
 *
 * Return: bytes.
 */
u64 dacc_pages_bytes(u32 n)
{
	return (u64)n * (sizeof(struct dacc_page) + sizeof(u32));
}

/**
 * dacc_pages_init - make pages, all of them free
 * @pages: where
 * @n: pages
 * @unprotected: nobody is to own any page
 *
 * Return: 0 or -ENOMEM.
 */
int dacc_pages_init(struct dacc_pages *pages, u32 n, bool unprotected)
{
	u32 i;

	*pages = (struct dacc_pages){ .n = n, .n_free = n, .unprotected = unprotected };
	pages->page = kvcalloc(n, sizeof(*pages->page), GFP_KERNEL_ACCOUNT);
	pages->stack = kvmalloc_array(n, sizeof(*pages->stack), GFP_KERNEL_ACCOUNT);
	if (!pages->page || !pages->stack) {
		dacc_pages_fini(pages);
		return -ENOMEM;
	}
	for (i = 0; i < n; i++) {
		pages->page[i].generation = 1;
		/* The first ones go first. */
		pages->stack[i] = n - 1 - i;
	}
	return 0;
}

/**
 * dacc_pages_fini - free what dacc_pages_init() allocated
 * @pages: pages
 */
void dacc_pages_fini(struct dacc_pages *pages)
{
	kvfree(pages->page);
	kvfree(pages->stack);
	pages->page = NULL;
	pages->stack = NULL;
}

static void dacc_pages_push(struct dacc_pages *pages, u32 index)
{
	pages->stack[pages->n_free++] = index;
}

/**
 * dacc_pages_alloc - give pages out
 * @pages: pages
 * @handles: out
 * @n: how many
 * @available: out: how many could be had, if it fails
 *
 * Return: 0 or -ENOSPC.
 */
int dacc_pages_alloc(struct dacc_pages *pages, u64 *handles, u32 n, u32 *available)
{
	u32 i;

	if (n > pages->n_free) {
		*available = pages->n_free;
		return -ENOSPC;
	}
	for (i = 0; i < n; i++) {
		u32 index = pages->stack[--pages->n_free];
		struct dacc_page *page = &pages->page[index];

		page->state |= DACC_PAGE_USED;
		handles[i] = (u64)page->generation << 32 | index;
	}
	return 0;
}

/* The page that a handle names, or NULL; @error says why. */
static struct dacc_page *dacc_pages_find(struct dacc_pages *pages, u64 handle, int *error)
{
	u32 index = DRM_DACC_PAGE_INDEX(handle);
	struct dacc_page *page;

	if (index >= pages->n) {
		*error = -EINVAL;
		return NULL;
	}
	page = &pages->page[index];
	if (!(page->state & DACC_PAGE_USED) ||
	    page->generation != DRM_DACC_PAGE_GENERATION(handle)) {
		*error = -ESTALE;
		return NULL;
	}
	return page;
}

/* Marks pages; none if it fails. */
static int dacc_pages_mark(struct dacc_pages *pages, const u64 *handles, u32 n, u32 *bad)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		struct dacc_page *page = dacc_pages_find(pages, handles[i], &ret);

		if (page && page->state & DACC_PAGE_MARK)
			ret = -EINVAL;
		if (ret)
			break;
		page->state |= DACC_PAGE_MARK;
	}
	if (!ret)
		return 0;
	*bad = i;
	while (i--)
		pages->page[DRM_DACC_PAGE_INDEX(handles[i])].state &= ~DACC_PAGE_MARK;
	return ret;
}

/**
 * dacc_pages_check - do these handles name pages, and each one once?
 * @pages: pages
 * @handles: handles
 * @n: how many
 * @bad: out: the first that does not, if it fails
 *
 * Return: 0, -ESTALE, or -EINVAL for a page that there is not, or is named twice.
 */
int dacc_pages_check(struct dacc_pages *pages, const u64 *handles, u32 n, u32 *bad)
{
	int ret = dacc_pages_mark(pages, handles, n, bad);
	u32 i;

	for (i = 0; !ret && i < n; i++)
		pages->page[DRM_DACC_PAGE_INDEX(handles[i])].state &= ~DACC_PAGE_MARK;
	return ret;
}

/**
 * dacc_pages_free - take pages back, all or none
 * @pages: pages
 * @handles: handles; stale afterwards
 * @n: how many
 * @index: out: the first bad one, or how many are still owned
 *
 * Return: as dacc_pages_check().
 */
int dacc_pages_free(struct dacc_pages *pages, const u64 *handles, u32 n, u32 *index)
{
	int ret = dacc_pages_mark(pages, handles, n, index);
	u32 i, owned = 0;

	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		u32 at = DRM_DACC_PAGE_INDEX(handles[i]);
		struct dacc_page *page = &pages->page[at];

		page->state &= ~(DACC_PAGE_MARK | DACC_PAGE_USED);
		if (!++page->generation)
			page->generation = 1;
		if (page->state & DACC_PAGE_OWNED)
			owned++;
		else
			dacc_pages_push(pages, at);
	}
	pages->n_deferred += owned;
	*index = owned;
	return 0;
}

/**
 * dacc_pages_own - give pages to a transfer, all or none
 * @pages: pages
 * @handles: handles, each one once
 * @n: how many
 * @bad: out: the first that can't be had, if it fails
 *
 * Return: 0, -ESTALE, or -EBUSY if another transfer has it.
 */
int dacc_pages_own(struct dacc_pages *pages, const u64 *handles, u32 n, u32 *bad)
{
	u32 set = pages->unprotected ? 0 : DACC_PAGE_OWNED;
	int ret = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		struct dacc_page *page = dacc_pages_find(pages, handles[i], &ret);

		if (page && page->state & DACC_PAGE_OWNED)
			ret = -EBUSY;
		if (ret)
			break;
		page->state |= set;
	}
	if (!ret)
		return 0;
	*bad = i;
	while (i--)
		pages->page[DRM_DACC_PAGE_INDEX(handles[i])].state &= ~set;
	return ret;
}

/**
 * dacc_pages_disown - a transfer has ended: free what was freed meanwhile
 * @pages: pages
 * @handles: as given to dacc_pages_own()
 * @n: how many
 */
void dacc_pages_disown(struct dacc_pages *pages, const u64 *handles, u32 n)
{
	u32 i;

	if (pages->unprotected)
		return;
	for (i = 0; i < n; i++) {
		u32 at = DRM_DACC_PAGE_INDEX(handles[i]);
		struct dacc_page *page = &pages->page[at];

		page->state &= ~DACC_PAGE_OWNED;
		if (!(page->state & DACC_PAGE_USED)) {
			pages->n_deferred--;
			dacc_pages_push(pages, at);
		}
	}
}

#if IS_ENABLED(CONFIG_KUNIT)
#include "tests/dacc_pages_test.c"
#endif
