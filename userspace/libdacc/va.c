// SPDX-License-Identifier: MIT
/* Virtual address allocator: first fit over a sorted list of used ranges. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

void va_init(struct va_space *space, uint64_t start, uint64_t end)
{
	space->used = NULL;
	space->start = start;
	space->end = end;
}

/* align is a power of two */
int va_alloc(struct va_space *space, uint64_t size, uint64_t align, uint64_t *va)
{
	struct va_range **link = &space->used, *r;
	uint64_t at = space->start, start;

	if (!size || !align || align & (align - 1))
		return -EINVAL;
	for (;; link = &(*link)->next) {
		uint64_t limit = *link ? (*link)->start : space->end;

		start = (at + align - 1) & ~(align - 1);
		if (start >= at && start <= limit && limit - start >= size)
			break;
		if (!*link)
			return -ENOSPC;
		at = (*link)->end;
	}
	r = malloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->start = start;
	r->end = start + size;
	r->next = *link;
	*link = r;
	*va = start;
	return 0;
}

/* Size of the range that starts at va, or 0. */
uint64_t va_find(const struct va_space *space, uint64_t va)
{
	for (const struct va_range *r = space->used; r && r->start <= va; r = r->next)
		if (r->start == va)
			return r->end - r->start;
	return 0;
}

int va_free(struct va_space *space, uint64_t va)
{
	for (struct va_range **link = &space->used; *link; link = &(*link)->next) {
		struct va_range *r = *link;

		if (r->start == va) {
			*link = r->next;
			free(r);
			return 0;
		}
	}
	return -ENOENT;
}

void va_fini(struct va_space *space)
{
	while (space->used) {
		struct va_range *r = space->used;

		space->used = r->next;
		free(r);
	}
}
