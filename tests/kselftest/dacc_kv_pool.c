// SPDX-License-Identifier: GPL-2.0
/* Pools of KV pages and prepared lists: what is accepted, what is refused. */
#include "dacc_kv_util.h"

#define HOST 0x100000000ull
#define SRAM 0x200000000ull
#define PAGE 4096u
#define N    64u

FIXTURE(dacc_kv_pool)
{
	int fd;
	uint32_t vm, host, sram, pool;
	uint64_t page[N];
};

FIXTURE_SETUP(dacc_kv_pool)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &self->host), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &self->sram), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->host, 0, HOST, SZ_1M, 0), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, SRAM, SZ_1M, 0), 0);
	ASSERT_EQ(pool_create(self->fd, self->vm, SRAM, PAGE, N, 0, &self->pool), 0);
	ASSERT_NE(self->pool, 0);
}

FIXTURE_TEARDOWN(dacc_kv_pool)
{
	close(self->fd);
}

TEST_F(dacc_kv_pool, create_checks_every_field)
{
	struct drm_dacc_pool_create good = {
		.vm = self->vm, .addr = SRAM + SZ_1M / 2, .page_size = PAGE, .n_pages = 4
	};
	struct drm_dacc_pool_create c;
	static const struct {
		uint64_t addr;
		uint32_t page_size, n_pages, flags, pad;
	} bad[] = {
		{ SRAM + SZ_1M / 2 + 32, PAGE, 4, 0, 0 },
		{ SRAM + SZ_1M / 2, 0, 4, 0, 0 },
		{ SRAM + SZ_1M / 2, 100, 4, 0, 0 },
		{ SRAM + SZ_1M / 2, (1u << 30) + 64, 1, 0, 0 },
		{ SRAM + SZ_1M / 2, PAGE, 0, 0, 0 },
		{ SRAM + SZ_1M / 2, 64, DRM_DACC_MAX_PAGES + 1, 0, 0 },
		{ SRAM + SZ_1M / 2, PAGE, 4, 2, 0 },
		{ SRAM + SZ_1M / 2, PAGE, 4, 1u << 31, 0 },
		{ SRAM + SZ_1M / 2, PAGE, 4, 0, 1 },
		{ DRM_DACC_VA_KERNEL - PAGE, PAGE, 4, 0, 0 },
		{ DRM_DACC_VA_KERNEL, PAGE, 4, 0, 0 },
		{ UINT64_MAX - 4095, PAGE, 4, 0, 0 },
	};

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		c = (struct drm_dacc_pool_create){ .vm = self->vm,
						   .addr = bad[i].addr,
						   .page_size = bad[i].page_size,
						   .n_pages = bad[i].n_pages,
						   .flags = bad[i].flags,
						   .pad = bad[i].pad };
		EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_POOL_CREATE, &c), -EINVAL)
		TH_LOG("case %d", i);
	}
	c = good;
	c.vm = 4711;
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_POOL_CREATE, &c), -ENOENT);
	c = good;
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_POOL_CREATE, &c), 0);
	EXPECT_NE(c.pool, self->pool);
}

TEST_F(dacc_kv_pool, must_be_mapped_and_writable)
{
	uint32_t pool, ro;

	EXPECT_EQ(pool_create(self->fd, self->vm, 0x900000000ull, PAGE, 1, 0, &pool), -EFAULT);
	/* Past the mapping's end; before its begin; nothing at address 0. */
	EXPECT_EQ(pool_create(self->fd, self->vm, SRAM + SZ_1M - PAGE, PAGE, 2, 0, &pool), -EFAULT);
	EXPECT_EQ(pool_create(self->fd, self->vm, HOST - PAGE, PAGE, 2, 0, &pool), -EFAULT);
	EXPECT_EQ(pool_create(self->fd, self->vm, 0, PAGE, 1, 0, &pool), -EFAULT);
	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_SRAM, &ro), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, ro, 0, SRAM + SZ_1M, SZ_64K, DRM_DACC_VM_READONLY), 0);
	EXPECT_EQ(pool_create(self->fd, self->vm, SRAM + SZ_1M, PAGE, 1, 0, &pool), -EFAULT);
	EXPECT_EQ(pool_create(self->fd, self->vm, SRAM + SZ_1M - PAGE, PAGE, 2, 0, &pool), -EFAULT);
	/* Two mappings side by side are as good as one. */
	ASSERT_EQ(vm_unmap(self->fd, self->vm, SRAM + SZ_1M, SZ_64K), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, ro, 0, SRAM + SZ_1M, SZ_64K, 0), 0);
	EXPECT_EQ(pool_create(self->fd, self->vm, SRAM + SZ_1M - PAGE, PAGE, 2, 0, &pool), 0);
}

TEST_F(dacc_kv_pool, pools_do_not_overlap)
{
	uint32_t pool;

	EXPECT_EQ(pool_create(self->fd, self->vm, SRAM, PAGE, N, 0, &pool), -EEXIST);
	EXPECT_EQ(pool_create(self->fd, self->vm, SRAM + N * PAGE - 64, 64, 2, 0, &pool), -EEXIST);
	EXPECT_EQ(pool_create(self->fd, self->vm, SRAM + N * PAGE, PAGE, N, 0, &pool), 0);
	ASSERT_EQ(pool_destroy(self->fd, self->pool), 0);
	EXPECT_EQ(pool_create(self->fd, self->vm, SRAM, PAGE, N, 0, &pool), 0);
}

TEST_F(dacc_kv_pool, unprotected_needs_a_parameter)
{
	uint32_t pool;

	EXPECT_EQ(pool_create(self->fd, self->vm, HOST, PAGE, N, DRM_DACC_POOL_UNPROTECTED, &pool),
		  -EPERM);
}

TEST_F(dacc_kv_pool, its_mapping_stays)
{
	EXPECT_EQ(vm_unmap(self->fd, self->vm, SRAM, SZ_1M), -EBUSY);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, HOST, SZ_1M), 0);
	EXPECT_EQ(vm_destroy(self->fd, self->vm), -EBUSY);
	ASSERT_EQ(pool_destroy(self->fd, self->pool), 0);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, SRAM, SZ_1M), 0);
	EXPECT_EQ(vm_destroy(self->fd, self->vm), 0);
}

TEST_F(dacc_kv_pool, destroy_checks_its_fields)
{
	struct drm_dacc_pool_destroy d = { .pool = self->pool, .pad = 1 };

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_POOL_DESTROY, &d), -EINVAL);
	EXPECT_EQ(pool_destroy(self->fd, 4711), -ENOENT);
	EXPECT_EQ(pool_destroy(self->fd, self->pool), 0);
	EXPECT_EQ(pool_destroy(self->fd, self->pool), -ENOENT);
}

TEST_F(dacc_kv_pool, ids_belong_to_their_file)
{
	int other = open(NODE, O_RDWR | O_CLOEXEC);

	ASSERT_GE(other, 0);
	EXPECT_EQ(pool_alloc(other, self->pool, self->page, 1, NULL), -ENOENT);
	EXPECT_EQ(pool_destroy(other, self->pool), -ENOENT);
	EXPECT_EQ(transfer_cancel(other, 1), -ENOENT);
	close(other);
}

TEST_F(dacc_kv_pool, alloc_gives_all_or_none)
{
	uint64_t more[2];
	uint32_t index = 0;

	ASSERT_EQ(pool_alloc(self->fd, self->pool, self->page, N - 1, NULL), 0);
	EXPECT_EQ(pool_alloc(self->fd, self->pool, more, 2, &index), -ENOSPC);
	EXPECT_EQ(index, 1);
	ASSERT_EQ(pool_alloc(self->fd, self->pool, &self->page[N - 1], 1, NULL), 0);
	EXPECT_EQ(pool_alloc(self->fd, self->pool, more, 1, &index), -ENOSPC);
	EXPECT_EQ(index, 0);
	/* Each page once, and every handle valid. */
	for (uint32_t i = 0; i < N; i++) {
		EXPECT_NE(DRM_DACC_PAGE_GENERATION(self->page[i]), 0);
		EXPECT_LT(DRM_DACC_PAGE_INDEX(self->page[i]), N);
		for (uint32_t k = 0; k < i; k++)
			ASSERT_NE(DRM_DACC_PAGE_INDEX(self->page[i]),
				  DRM_DACC_PAGE_INDEX(self->page[k]));
	}
}

TEST_F(dacc_kv_pool, alloc_and_free_check_their_fields)
{
	struct drm_dacc_pool_pages p = { .pool = self->pool,
					 .n_pages = 4,
					 .pages = (uintptr_t)self->page };
	unsigned long cmd[] = { DRM_IOCTL_DACC_POOL_ALLOC, DRM_IOCTL_DACC_POOL_FREE };

	for (int i = 0; i < 2; i++) {
		struct drm_dacc_pool_pages bad = p;

		bad.pad = 1;
		EXPECT_EQ(xioctl(self->fd, cmd[i], &bad), -EINVAL);
		bad = p;
		bad.n_pages = 0;
		EXPECT_EQ(xioctl(self->fd, cmd[i], &bad), -EINVAL);
		bad = p;
		bad.n_pages = DRM_DACC_MAX_PAGES + 1;
		EXPECT_EQ(xioctl(self->fd, cmd[i], &bad), -EINVAL);
		bad = p;
		bad.pool = 4711;
		EXPECT_EQ(xioctl(self->fd, cmd[i], &bad), -ENOENT);
		bad = p;
		bad.pages = 0x10;
		EXPECT_EQ(xioctl(self->fd, cmd[i], &bad), -EFAULT);
	}
	/* What could not be handed over was not lost. */
	EXPECT_EQ(pool_alloc(self->fd, self->pool, self->page, N, NULL), 0);
}

TEST_F(dacc_kv_pool, freed_handles_are_stale)
{
	uint32_t index = 99;
	uint64_t old;

	ASSERT_EQ(pool_alloc(self->fd, self->pool, self->page, 3, NULL), 0);
	old = self->page[1];
	ASSERT_EQ(pool_free(self->fd, self->pool, &self->page[1], 1, &index), 0);
	EXPECT_EQ(index, 0);
	/* All or none: the others are still good afterwards. */
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, 3, &index), -ESTALE);
	EXPECT_EQ(index, 1);
	/* The same page comes back with another handle. */
	ASSERT_EQ(pool_alloc(self->fd, self->pool, &self->page[1], 1, NULL), 0);
	EXPECT_EQ(DRM_DACC_PAGE_INDEX(self->page[1]), DRM_DACC_PAGE_INDEX(old));
	EXPECT_NE(self->page[1], old);
	EXPECT_EQ(pool_free(self->fd, self->pool, &old, 1, &index), -ESTALE);
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, 3, &index), 0);
}

TEST_F(dacc_kv_pool, free_refuses_what_is_twice_or_not_there)
{
	uint32_t index = 99;
	uint64_t twice[3];

	ASSERT_EQ(pool_alloc(self->fd, self->pool, self->page, N, NULL), 0);
	twice[0] = self->page[0];
	twice[1] = self->page[1];
	twice[2] = self->page[0];
	EXPECT_EQ(pool_free(self->fd, self->pool, twice, 3, &index), -EINVAL);
	EXPECT_EQ(index, 2);
	twice[2] = (1ull << 32) | N;
	EXPECT_EQ(pool_free(self->fd, self->pool, twice, 3, &index), -EINVAL);
	EXPECT_EQ(index, 2);
	/* Nothing was freed. */
	EXPECT_EQ(pool_alloc(self->fd, self->pool, twice, 1, NULL), -ENOSPC);
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, N, &index), 0);
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, 1, &index), -ESTALE);
}

TEST_F(dacc_kv_pool, a_million_pages)
{
	uint64_t *pages = calloc(DRM_DACC_MAX_PAGES, sizeof(*pages));
	uint32_t big, pool, index;

	/* 64 bytes each. */
	ASSERT_NE(pages, NULL);
	ASSERT_EQ(bo_create(self->fd, 64ull * DRM_DACC_MAX_PAGES, DRM_DACC_BO_HOST, &big), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, big, 0, 0x300000000ull, 64ull * DRM_DACC_MAX_PAGES, 0),
		  0);
	ASSERT_EQ(pool_create(self->fd, self->vm, 0x300000000ull, 64, DRM_DACC_MAX_PAGES, 0, &pool),
		  0);
	ASSERT_EQ(pool_alloc(self->fd, pool, pages, DRM_DACC_MAX_PAGES, NULL), 0);
	EXPECT_EQ(pool_alloc(self->fd, pool, self->page, 1, &index), -ENOSPC);
	EXPECT_EQ(pool_free(self->fd, pool, pages, DRM_DACC_MAX_PAGES, &index), 0);
	free(pages);
}

/* --- lists --- */

static struct drm_dacc_list_create strided(uint32_t vm)
{
	struct drm_dacc_list_create c = { .vm = vm, .form = DRM_DACC_LIST_STRIDED, .n_layers = 2 };

	c.strided.src = HOST;
	c.strided.dst = SRAM;
	c.strided.src_layer = 8192;
	c.strided.dst_layer = 8192;
	c.strided.src_stride = 128;
	c.strided.dst_stride = 128;
	c.strided.len = 128;
	c.strided.n_blocks = 4;
	return c;
}

static int try_list(int fd, struct drm_dacc_list_create c, uint32_t *index)
{
	uint32_t list;
	int ret = list_create(fd, &c, &list);

	if (index)
		*index = c.index;
	if (!ret)
		list_destroy(fd, list);
	return ret;
}

TEST_F(dacc_kv_pool, list_checks_its_fields)
{
	struct drm_dacc_list_create c = strided(self->vm);
	struct drm_dacc_device_info info = {};

	ASSERT_EQ(query_device(self->fd, &info), 0);
	ASSERT_EQ(try_list(self->fd, c, NULL), 0);
#define BAD(field, value, error) \
	do { \
		c = strided(self->vm); \
		c.field = value; \
		EXPECT_EQ(try_list(self->fd, c, NULL), error); \
	} while (0)
	BAD(vm, 4711, -ENOENT);
	BAD(form, 3, -EINVAL);
	BAD(n_layers, 0, -EINVAL);
	BAD(n_layers, 4097, -EINVAL);
	BAD(pages, (uintptr_t)self->page, -EINVAL);
	BAD(n_pages, 1, -EINVAL);
	BAD(pad, 1, -EINVAL);
	BAD(pool, self->pool, -EINVAL); /* without pages */
	BAD(strided.len, 0, -EINVAL);
	BAD(strided.len, DACC_MAX_COPY + 1, -EINVAL);
	BAD(strided.n_blocks, 0, -EINVAL);
	BAD(strided.n_blocks, info.max_blocks + 1, -EINVAL);
	BAD(strided.pad, 1, -EINVAL);
	c = strided(self->vm);
	c.pool = 4711;
	c.pages = (uintptr_t)self->page;
	c.n_pages = 1;
	EXPECT_EQ(try_list(self->fd, c, NULL), -ENOENT);
#undef BAD
}

TEST_F(dacc_kv_pool, list_destroy_checks_its_fields)
{
	struct drm_dacc_list_create c = strided(self->vm);
	struct drm_dacc_list_destroy d = { .pad = 1 };
	uint32_t list;

	ASSERT_EQ(list_create(self->fd, &c, &list), 0);
	d.list = list;
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_LIST_DESTROY, &d), -EINVAL);
	EXPECT_EQ(list_destroy(self->fd, list), 0);
	EXPECT_EQ(list_destroy(self->fd, list), -ENOENT);
}

TEST_F(dacc_kv_pool, strides_overflow)
{
	struct drm_dacc_list_create c = strided(self->vm);
	uint32_t index;

	c.strided.src_stride = UINT64_MAX / 2;
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
	EXPECT_EQ(index, 1); /* beyond the address space already */
	c = strided(self->vm);
	c.strided.src_layer = UINT64_MAX - HOST + 1;
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
	EXPECT_EQ(index, 4);
	c = strided(self->vm);
	c.strided.dst_stride = UINT64_MAX - 127; /* -128 */
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
	EXPECT_EQ(index, 1);
	c = strided(self->vm);
	c.strided.dst_layer = 1ull << 63;
	c.n_layers = 3;
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
	c = strided(self->vm);
	c.strided.src = UINT64_MAX - 64;
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
	EXPECT_EQ(index, 0);
	c = strided(self->vm);
	c.strided.dst = DRM_DACC_VA_KERNEL - 3 * 128;
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
	EXPECT_EQ(index, 3);
}

TEST_F(dacc_kv_pool, a_block_may_not_overlap_itself)
{
	struct drm_dacc_list_create c = strided(self->vm);
	uint32_t index;

	c.strided.dst = HOST + 8192 + 2 * 64;
	c.strided.dst_stride = 64; /* meets the source of layer 1 */
	c.n_layers = 1;
	EXPECT_EQ(try_list(self->fd, c, &index), 0);
	c.strided.dst = HOST + 3 * 64 + 1;
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
	EXPECT_EQ(index, 2);
}

static struct drm_dacc_list_create sg(uint32_t vm, struct dacc_block *b, uint32_t n, uint32_t *end,
				      uint32_t layers)
{
	struct drm_dacc_list_create c = { .vm = vm, .form = DRM_DACC_LIST_SG, .n_layers = layers };

	c.sg.blocks = (uintptr_t)b;
	c.sg.layer_end = (uintptr_t)end;
	c.sg.n_blocks = n;
	return c;
}

TEST_F(dacc_kv_pool, sg_layers)
{
	struct dacc_block b[6];
	static const struct {
		uint32_t end[3];
		int error;
	} cases[] = {
		{ { 1, 3, 6 }, 0 },       { { 1, 1, 6 }, -EINVAL },
		{ { 0, 3, 6 }, -EINVAL }, { { 1, 3, 5 }, -EINVAL },
		{ { 1, 3, 7 }, -EINVAL }, { { 3, 2, 6 }, -EINVAL },
		{ { 6, 7, 6 }, -EINVAL }, { { 1, 0xffffffff, 6 }, -EINVAL },
	};
	struct drm_dacc_list_create c;

	for (int i = 0; i < 6; i++)
		b[i] = (struct dacc_block){ HOST + i * 64, SRAM + i * 64, 64 };
	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t end[3];

		memcpy(end, cases[i].end, sizeof(end));
		EXPECT_EQ(try_list(self->fd, sg(self->vm, b, 6, end, 3), NULL), cases[i].error)
		TH_LOG("case %d", i);
	}
	c = sg(self->vm, b, 6, (void *)0x10, 3);
	EXPECT_EQ(try_list(self->fd, c, NULL), -EFAULT);
	c = sg(self->vm, (void *)0x10, 6, (uint32_t *)cases[0].end, 3);
	EXPECT_EQ(try_list(self->fd, c, NULL), -EFAULT);
	c = sg(self->vm, b, 6, (uint32_t *)cases[0].end, 3);
	c.sg.pad = 1;
	EXPECT_EQ(try_list(self->fd, c, NULL), -EINVAL);
	c = sg(self->vm, b, 6, (uint32_t *)cases[0].end, 3);
	c.raw[7] = 1;
	EXPECT_EQ(try_list(self->fd, c, NULL), -EINVAL);
	c = sg(self->vm, b, 0, (uint32_t *)cases[0].end, 3);
	EXPECT_EQ(try_list(self->fd, c, NULL), -EINVAL);
}

TEST_F(dacc_kv_pool, sg_names_the_bad_block)
{
	struct dacc_block b[6];
	uint32_t end[2] = { 2, 6 }, index;

	for (int i = 0; i < 6; i++)
		b[i] = (struct dacc_block){ HOST + i * 64, SRAM + i * 64, 64 };
	b[4].len = 0;
	EXPECT_EQ(try_list(self->fd, sg(self->vm, b, 6, end, 2), &index), -EINVAL);
	EXPECT_EQ(index, 4);
	b[4].len = 64;
	b[5].src = DRM_DACC_VA_KERNEL - 63;
	EXPECT_EQ(try_list(self->fd, sg(self->vm, b, 6, end, 2), &index), -EINVAL);
	EXPECT_EQ(index, 5);
	b[5].src = UINT64_MAX - 10;
	EXPECT_EQ(try_list(self->fd, sg(self->vm, b, 6, end, 2), &index), -EINVAL);
}

TEST_F(dacc_kv_pool, destinations_lie_in_the_pages)
{
	struct drm_dacc_list_create c = strided(self->vm);
	uint32_t index;

	ASSERT_EQ(pool_alloc(self->fd, self->pool, self->page, 4, NULL), 0);
	c.pool = self->pool;
	c.pages = (uintptr_t)self->page;
	c.n_pages = 4;
	c.n_layers = 1;
	/* From one page into the next: both are there. */
	c.strided.len = 1024;
	c.strided.src_stride = 1024;
	c.strided.dst_stride = PAGE;
	c.strided.dst = SRAM + PAGE - 512;
	c.strided.n_blocks = 3;
	EXPECT_EQ(try_list(self->fd, c, &index), 0);
	c.strided.n_blocks = 4;
	EXPECT_EQ(try_list(self->fd, c, &index), -EFAULT);
	EXPECT_EQ(index, 3);
	/* A page of the pool that is not in the list. */
	c.n_pages = 3;
	c.strided.n_blocks = 3;
	EXPECT_EQ(try_list(self->fd, c, &index), -EFAULT);
	EXPECT_EQ(index, 2);
	/* Outside of the pool, on both sides. */
	c.n_pages = 4;
	c.strided.n_blocks = 1;
	c.strided.dst = SRAM + N * PAGE - 512;
	EXPECT_EQ(try_list(self->fd, c, &index), -EFAULT);
	c.strided.dst = SRAM - 512;
	EXPECT_EQ(try_list(self->fd, c, &index), -EFAULT);
	c.strided.dst = SRAM + SZ_1M / 2;
	EXPECT_EQ(try_list(self->fd, c, &index), -EFAULT);
}

static struct drm_dacc_list_create indexed(uint32_t vm, uint32_t pool, uint64_t *pages, uint32_t n,
					   uint32_t *src)
{
	struct drm_dacc_list_create c = {
		.vm = vm,
		.pool = pool,
		.form = DRM_DACC_LIST_INDEXED,
		.n_layers = 2,
		.pages = (uintptr_t)pages,
		.n_pages = n,
	};

	c.indexed.src = HOST;
	c.indexed.src_layer = 65536;
	c.indexed.src_stride = 256;
	c.indexed.dst_layer = 256;
	c.indexed.src_index = (uintptr_t)src;
	c.indexed.len = 256;
	return c;
}

TEST_F(dacc_kv_pool, indexed_checks_its_fields)
{
	uint32_t src[4] = { 3, 1, 2, 0 }, index;
	struct drm_dacc_list_create c;

	ASSERT_EQ(pool_alloc(self->fd, self->pool, self->page, 4, NULL), 0);
#define TRY(change, error) \
	do { \
		c = indexed(self->vm, self->pool, self->page, 4, src); \
		change; \
		EXPECT_EQ(try_list(self->fd, c, &index), error); \
	} while (0)
	TRY((void)0, 0);
	TRY(c.pool = 0, -EINVAL);
	TRY((c.pool = 0, c.n_pages = 0, c.pages = 0), -EINVAL);
	TRY(c.indexed.pad = 1, -EINVAL);
	TRY(c.raw[7] = 1, -EINVAL);
	TRY(c.indexed.len = 0, -EINVAL);
	TRY(c.indexed.src_index = 0x10, -EFAULT);
	TRY(c.pages = 0x10, -EFAULT);
	TRY(c.n_pages = DRM_DACC_MAX_PAGES + 1, -EINVAL);
	/* Beyond the page, by each of the ways. */
	TRY(c.indexed.len = PAGE - 255, -EFAULT);
	EXPECT_EQ(index, 4);
	TRY(c.indexed.dst_offset = PAGE - 255, -EFAULT);
	EXPECT_EQ(index, 0);
	TRY(c.indexed.dst_layer = PAGE, -EFAULT);
	EXPECT_EQ(index, 4);
	TRY(c.indexed.dst_layer = UINT64_MAX, -EFAULT);
	TRY(c.indexed.dst_offset = UINT64_MAX, -EFAULT);
	/* Sources that overflow. */
	TRY(c.indexed.src_stride = UINT64_MAX / 2, -EINVAL);
	EXPECT_EQ(index, 0);
	TRY(c.indexed.src_layer = UINT64_MAX, -EINVAL);
	EXPECT_EQ(index, 4);
#undef TRY
}

TEST_F(dacc_kv_pool, lists_check_their_handles)
{
	uint32_t src[4] = { 0, 1, 2, 3 }, index, other;
	struct drm_dacc_list_create c;
	uint64_t old;

	ASSERT_EQ(pool_alloc(self->fd, self->pool, self->page, 4, NULL), 0);
	old = self->page[2];
	ASSERT_EQ(pool_free(self->fd, self->pool, &old, 1, NULL), 0);
	c = indexed(self->vm, self->pool, self->page, 4, src);
	EXPECT_EQ(try_list(self->fd, c, &index), -ESTALE);
	EXPECT_EQ(index, 2);
	self->page[2] = self->page[0];
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
	EXPECT_EQ(index, 2);
	self->page[2] = 1ull << 32 | N;
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
	/* A pool of another address space. */
	ASSERT_EQ(pool_alloc(self->fd, self->pool, &self->page[2], 1, NULL), 0);
	ASSERT_EQ(vm_create(self->fd, &other), 0);
	c = indexed(other, self->pool, self->page, 4, src);
	EXPECT_EQ(try_list(self->fd, c, &index), -EINVAL);
}

TEST_F(dacc_kv_pool, lists_are_charged)
{
	struct drm_dacc_limit_info before[DRM_DACC_LIMIT_COUNT] = {},
				   with[DRM_DACC_LIMIT_COUNT] = {},
				   after[DRM_DACC_LIMIT_COUNT] = {};
	struct drm_dacc_list_create c = strided(self->vm);
	struct drm_dacc_query q = { .type = DRM_DACC_QUERY_LIMITS, .size = sizeof(before) };
	uint32_t list;

	c.strided.n_blocks = 4096;
	c.strided.src_stride = 0;
	c.strided.dst_stride = 0;
	q.pointer = (uintptr_t)before;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	ASSERT_EQ(list_create(self->fd, &c, &list), 0);
	q.pointer = (uintptr_t)with;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_GE(with[DRM_DACC_LIMIT_HOST_BYTES].used,
		  before[DRM_DACC_LIMIT_HOST_BYTES].used + 2 * 4096 * sizeof(struct dacc_block));
	ASSERT_EQ(list_destroy(self->fd, list), 0);
	q.pointer = (uintptr_t)after;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(after[DRM_DACC_LIMIT_HOST_BYTES].used, before[DRM_DACC_LIMIT_HOST_BYTES].used);
}

/* The handles of a list and the pages of a pool are kept as long as these are. */
TEST_F(dacc_kv_pool, bookkeeping_is_charged)
{
	struct drm_dacc_limit_info before[DRM_DACC_LIMIT_COUNT] = {},
				   with[DRM_DACC_LIMIT_COUNT] = {},
				   after[DRM_DACC_LIMIT_COUNT] = {};
	struct drm_dacc_list_create c = { .vm = self->vm, .form = DRM_DACC_LIST_SG, .n_layers = 1 };
	struct drm_dacc_query q = { .type = DRM_DACC_QUERY_LIMITS, .size = sizeof(before) };
	struct dacc_block block = { .src = HOST, .dst = SRAM + SZ_1M / 2, .len = 64 };
	uint32_t list, pool, n = SZ_1M / 2 / 64, end = 1;
	uint64_t *page = calloc(n, sizeof(*page));

	ASSERT_NE(page, NULL);
	q.pointer = (uintptr_t)before;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	ASSERT_EQ(pool_create(self->fd, self->vm, SRAM + SZ_1M / 2, 64, n, 0, &pool), 0);
	q.pointer = (uintptr_t)with;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(with[DRM_DACC_LIMIT_HOST_BYTES].used,
		  before[DRM_DACC_LIMIT_HOST_BYTES].used + 12 * n);
	ASSERT_EQ(pool_alloc(self->fd, pool, page, n, NULL), 0);
	c.pool = pool;
	c.pages = (uintptr_t)page;
	c.n_pages = n;
	c.sg.blocks = (uintptr_t)&block;
	c.sg.layer_end = (uintptr_t)&end;
	c.sg.n_blocks = 1;
	ASSERT_EQ(list_create(self->fd, &c, &list), 0);
	q.pointer = (uintptr_t)after;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_GE(after[DRM_DACC_LIMIT_HOST_BYTES].used,
		  with[DRM_DACC_LIMIT_HOST_BYTES].used + 8 * n + n / 8 + SZ_4K);
	ASSERT_EQ(list_destroy(self->fd, list), 0);
	ASSERT_EQ(pool_destroy(self->fd, pool), 0);
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(after[DRM_DACC_LIMIT_HOST_BYTES].used, before[DRM_DACC_LIMIT_HOST_BYTES].used);
	free(page);
}

TEST_F(dacc_kv_pool, the_kernel_half_is_the_drivers)
{
	struct drm_dacc_list_create c = strided(self->vm);
	struct drm_dacc_result r = {};
	uint32_t list, q;

	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, DRM_DACC_VA_KERNEL, SZ_64K, 0),
		  -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, DRM_DACC_VA_KERNEL - SZ_4K, SZ_64K, 0),
		  -EINVAL);
	ASSERT_EQ(list_create(self->fd, &c, &list), 0);
	/* A table can't be changed by a job, nor be unmapped. */
	EXPECT_EQ(vm_unmap(self->fd, self->vm, DRM_DACC_VA_KERNEL, SZ_4K), -EINVAL);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_EQ(run(self->fd, q, job_fill(DRM_DACC_VA_KERNEL, 64, 0), &r), 0);
	EXPECT_EQ(r.error, -EFAULT);
	EXPECT_EQ(r.status, DACC_STATUS_READ_ONLY);
}

TEST_F(dacc_kv_pool, everything_goes_with_the_file)
{
	long long pools = counter("pools"), lists = counter("lists");
	struct drm_dacc_list_create c = strided(self->vm);
	uint32_t list;

	ASSERT_GT(pools, 0);
	ASSERT_EQ(list_create(self->fd, &c, &list), 0);
	EXPECT_EQ(counter("lists"), lists + 1);
	close(self->fd);
	EXPECT_EQ(counter("pools"), pools - 1);
	EXPECT_EQ(counter("lists"), lists);
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
}

TEST_HARNESS_MAIN
