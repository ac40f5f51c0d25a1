/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages of a pool: who has them, and since when. Plain bookkeeping without locks
 * or the rest of the driver, so that KUnit can test it.
 *
 * A page is free, or used: a handle of index and generation names it. While a
 * transfer owns it, freeing makes the handle stale at once and nothing else: the
 * page is free when the transfer ends.
 */
#ifndef _DACC_PAGES_H
#define _DACC_PAGES_H

#include <linux/types.h>

#define DACC_PAGE_USED			BIT(0)	/* a handle names it */
#define DACC_PAGE_OWNED			BIT(1)	/* a transfer writes it */
#define DACC_PAGE_MARK			BIT(2)	/* seen, within one call */

/**
 * struct dacc_page - a page
 * @generation: of its present or next handle; never 0.
 * @state: DACC_PAGE_*.
 */
struct dacc_page {
	u32 generation;
	u32 state;
};

/**
 * struct dacc_pages - the pages of a pool
 * @n: pages.
 * @n_free: pages that can be had.
 * @n_deferred: pages that were freed but are still owned.
 * @unprotected: nobody owns any page.
 * @page: by index.
 * @stack: indices of the free pages; the last one is given out first.
 */
struct dacc_pages {
	u32 n;
	u32 n_free;
	u32 n_deferred;
	bool unprotected;
	struct dacc_page *page;
	u32 *stack;
};

u64 dacc_pages_bytes(u32 n);
int dacc_pages_init(struct dacc_pages *pages, u32 n, bool unprotected);
void dacc_pages_fini(struct dacc_pages *pages);
int dacc_pages_alloc(struct dacc_pages *pages, u64 *handles, u32 n, u32 *available);
int dacc_pages_check(struct dacc_pages *pages, const u64 *handles, u32 n, u32 *bad);
int dacc_pages_free(struct dacc_pages *pages, const u64 *handles, u32 n, u32 *index);
int dacc_pages_own(struct dacc_pages *pages, const u64 *handles, u32 n, u32 *bad);
void dacc_pages_disown(struct dacc_pages *pages, const u64 *handles, u32 n);

#endif /* _DACC_PAGES_H */
