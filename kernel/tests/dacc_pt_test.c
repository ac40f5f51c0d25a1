// SPDX-License-Identifier: GPL-2.0
/* KUnit: page tables, walked here as the device does. Part of dacc_pt.c. */
#include <kunit/device.h>
#include <kunit/test.h>

static int dacc_pt_test_init(struct kunit *test)
{
	struct dacc_device *dacc = kunit_kzalloc(test, sizeof(*dacc), GFP_KERNEL);
	struct dacc_vm *vm = kunit_kzalloc(test, sizeof(*vm), GFP_KERNEL);
	struct device *dev = kunit_device_register(test, "dacc-pt");

	KUNIT_ASSERT_NOT_NULL(test, dacc);
	KUNIT_ASSERT_NOT_NULL(test, vm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	/* No more than the page table code looks at; hw_up is false. */
	dacc->drm.dev = dev;
	mutex_init(&dacc->hw_lock);
	mutex_init(&vm->pt_lock);
	INIT_LIST_HEAD(&vm->trash);
	vm->dacc = dacc;
	vm->root = dacc_pt_create(dacc, DACC_PT_ROOT_LEVEL);
	KUNIT_ASSERT_NOT_NULL(test, vm->root);
	test->priv = vm;
	return 0;
}

static void dacc_pt_test_exit(struct kunit *test)
{
	struct dacc_vm *vm = test->priv;

	if (!vm)
		return;
	mutex_lock(&vm->pt_lock);
	dacc_pt_flush(vm);
	dacc_pt_destroy(vm->dacc, vm->root, DACC_PT_ROOT_LEVEL);
	mutex_unlock(&vm->pt_lock);
}

/* A case runs in a thread of its own, so each call takes the lock by itself. */
static int dacc_pt_test_map(struct dacc_vm *vm, u64 va, u64 addr, u64 size, u64 flags)
{
	int ret;

	mutex_lock(&vm->pt_lock);
	ret = dacc_pt_map_range(vm, va, addr, size, flags);
	mutex_unlock(&vm->pt_lock);
	return ret;
}

static int dacc_pt_test_map_sgt(struct dacc_vm *vm, struct sg_table *sgt, u64 va, u64 offset,
				u64 size)
{
	int ret;

	mutex_lock(&vm->pt_lock);
	ret = dacc_pt_map_sgt(vm, sgt, va, offset, size, 0);
	mutex_unlock(&vm->pt_lock);
	return ret;
}

static void dacc_pt_test_unmap(struct dacc_vm *vm, u64 va, u64 size)
{
	mutex_lock(&vm->pt_lock);
	dacc_pt_unmap(vm, va, size);
	mutex_unlock(&vm->pt_lock);
}

static void dacc_pt_test_flush(struct dacc_vm *vm)
{
	mutex_lock(&vm->pt_lock);
	dacc_pt_flush(vm);
	mutex_unlock(&vm->pt_lock);
}

/* The leaf of @va and its level; 0 if there is none. */
static u64 dacc_pt_test_leaf(struct dacc_vm *vm, u64 va, u32 *level)
{
	struct dacc_pt *pt = vm->root;

	for (*level = DACC_PT_ROOT_LEVEL; pt; (*level)--) {
		u32 index = dacc_pt_index(va, *level);
		u64 pte = le64_to_cpu(pt->entries[index]);

		if (!(pte & DACC_PTE_VALID))
			return 0;
		if (pte & DACC_PTE_LEAF)
			return pte;
		/* What the device follows and what the driver does is the same. */
		if (!*level || !pt->child[index] ||
		    (pte & DACC_PTE_ADDR) != pt->child[index]->dma)
			return 0;
		pt = pt->child[index];
	}
	return 0;
}

static void dacc_test_pt_index(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, dacc_pt_span(0), SZ_4K);
	KUNIT_EXPECT_EQ(test, dacc_pt_span(1), SZ_2M);
	KUNIT_EXPECT_EQ(test, dacc_pt_span(2), SZ_1G);
	KUNIT_EXPECT_EQ(test, dacc_pt_index(SZ_4K, 0), 1);
	KUNIT_EXPECT_EQ(test, dacc_pt_index(SZ_4K, 1), 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_index(SZ_2M + SZ_4K, 1), 1);
	KUNIT_EXPECT_EQ(test, dacc_pt_index((1ull << DACC_VA_BITS) - 1, 3), DACC_PT_ENTRIES - 1);
}

static void dacc_test_pt_leaf_level(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, dacc_pt_leaf_level(0, 0, SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_leaf_level(0, 0, SZ_2M - SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_leaf_level(SZ_2M, SZ_4M, SZ_2M), 1);
	KUNIT_EXPECT_EQ(test, dacc_pt_leaf_level(SZ_2M, SZ_64K, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_leaf_level(SZ_64K, SZ_2M, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_leaf_level(SZ_1G, SZ_1G, SZ_1G), 2);
	/* No leaf of 512 GiB. */
	KUNIT_EXPECT_EQ(test, dacc_pt_leaf_level(0, 0, 1ull << 40), DACC_PT_LEAF_LEVEL);
}

static void dacc_test_pt_map_page(struct kunit *test)
{
	struct dacc_vm *vm = test->priv;
	u32 level;
	u64 pte;

	KUNIT_ASSERT_EQ(test, dacc_pt_test_map(vm, SZ_4K, 0x7000, SZ_4K, DACC_PTE_WRITE), 0);
	pte = dacc_pt_test_leaf(vm, SZ_4K, &level);
	KUNIT_EXPECT_EQ(test, pte, 0x7000 | DACC_PTE_VALID | DACC_PTE_LEAF | DACC_PTE_WRITE);
	KUNIT_EXPECT_EQ(test, level, 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, 0, &level), 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, SZ_8K, &level), 0);
}

static void dacc_test_pt_map_readonly(struct kunit *test)
{
	struct dacc_vm *vm = test->priv;
	u32 level;

	KUNIT_ASSERT_EQ(test, dacc_pt_test_map(vm, SZ_64K, SZ_64K, SZ_64K, DACC_PTE_SRAM), 0);
	KUNIT_EXPECT_FALSE(test, dacc_pt_test_leaf(vm, SZ_64K, &level) & DACC_PTE_WRITE);
	KUNIT_EXPECT_TRUE(test, dacc_pt_test_leaf(vm, SZ_64K, &level) & DACC_PTE_SRAM);
}

static void dacc_test_pt_map_group(struct kunit *test)
{
	struct dacc_vm *vm = test->priv;
	u32 level, i;

	KUNIT_ASSERT_EQ(test, dacc_pt_test_map(vm, SZ_64K, SZ_128K, SZ_64K + SZ_4K, 0), 0);
	for (i = 0; i < 16; i++) {
		u64 pte = dacc_pt_test_leaf(vm, SZ_64K + i * SZ_4K, &level);

		KUNIT_EXPECT_TRUE(test, pte & DACC_PTE_CONT);
		KUNIT_EXPECT_EQ(test, pte & DACC_PTE_ADDR, SZ_128K + i * SZ_4K);
	}
	/* The page behind it is in no group. */
	KUNIT_EXPECT_FALSE(test, dacc_pt_test_leaf(vm, SZ_128K, &level) & DACC_PTE_CONT);
}

static void dacc_test_pt_no_group(struct kunit *test)
{
	struct dacc_vm *vm = test->priv;
	u32 level;

	KUNIT_ASSERT_EQ(test, dacc_pt_test_map(vm, SZ_64K, SZ_128K + SZ_4K, SZ_64K, 0), 0);
	KUNIT_EXPECT_FALSE(test, dacc_pt_test_leaf(vm, SZ_64K, &level) & DACC_PTE_CONT);
}

static void dacc_test_pt_map_large(struct kunit *test)
{
	struct dacc_vm *vm = test->priv;
	u32 level;
	u64 pte;

	/* 4 KiB, 2 MiB, 64 KiB. */
	KUNIT_ASSERT_EQ(test, dacc_pt_test_map(vm, SZ_2M - SZ_4K, SZ_4M - SZ_4K,
					       SZ_2M + SZ_64K + SZ_4K, 0), 0);
	pte = dacc_pt_test_leaf(vm, SZ_2M - SZ_4K, &level);
	KUNIT_EXPECT_EQ(test, level, 0);
	KUNIT_EXPECT_EQ(test, pte & DACC_PTE_ADDR, SZ_4M - SZ_4K);
	pte = dacc_pt_test_leaf(vm, SZ_2M, &level);
	KUNIT_EXPECT_EQ(test, level, 1);
	KUNIT_EXPECT_EQ(test, pte & DACC_PTE_ADDR, SZ_4M);
	pte = dacc_pt_test_leaf(vm, SZ_4M, &level);
	KUNIT_EXPECT_EQ(test, level, 0);
	KUNIT_EXPECT_EQ(test, pte & DACC_PTE_ADDR, SZ_4M + SZ_2M);
	KUNIT_EXPECT_TRUE(test, pte & DACC_PTE_CONT);
}

static void dacc_test_pt_map_huge(struct kunit *test)
{
	struct dacc_vm *vm = test->priv;
	u32 level;

	KUNIT_ASSERT_EQ(test, dacc_pt_test_map(vm, SZ_1G, 4ull * SZ_1G, 2ull * SZ_1G, 0), 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, 2ull * SZ_1G, &level) & DACC_PTE_ADDR,
			5ull * SZ_1G);
	KUNIT_EXPECT_EQ(test, level, 2);
	dacc_pt_test_unmap(vm, SZ_1G, 2ull * SZ_1G);
	KUNIT_EXPECT_EQ(test, vm->root->used, 0);
}

static void dacc_test_pt_unmap_frees_tables(struct kunit *test)
{
	struct dacc_vm *vm = test->priv;
	u32 level;

	/* Over the border of two tables, far up. */
	KUNIT_ASSERT_EQ(test, dacc_pt_test_map(vm, (1ull << 39) - SZ_64K, SZ_64K, SZ_128K, 0), 0);
	KUNIT_EXPECT_EQ(test, vm->root->used, 2);
	dacc_pt_test_unmap(vm, (1ull << 39) - SZ_64K, SZ_128K);
	KUNIT_EXPECT_EQ(test, vm->root->used, 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, 1ull << 39, &level), 0);
	/* Three tables below the root on each side wait for the device. */
	KUNIT_EXPECT_EQ(test, list_count_nodes(&vm->trash), 6);
	dacc_pt_test_flush(vm);
	KUNIT_EXPECT_TRUE(test, list_empty(&vm->trash));
}

static void dacc_test_pt_unmap_keeps_neighbours(struct kunit *test)
{
	struct dacc_vm *vm = test->priv;
	u32 level;

	KUNIT_ASSERT_EQ(test, dacc_pt_test_map(vm, SZ_64K, SZ_64K, SZ_64K, 0), 0);
	KUNIT_ASSERT_EQ(test, dacc_pt_test_map(vm, SZ_128K, SZ_1M, SZ_64K, 0), 0);
	dacc_pt_test_unmap(vm, SZ_64K, SZ_64K);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, SZ_128K - SZ_4K, &level), 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, SZ_128K, &level) & DACC_PTE_ADDR, SZ_1M);
	/* What is not mapped can be unmapped. */
	dacc_pt_test_unmap(vm, 0, SZ_1M);
	KUNIT_EXPECT_EQ(test, vm->root->used, 0);
	dacc_pt_test_unmap(vm, 0, SZ_1M);
}

static void dacc_pt_test_sgt(struct sg_table *sgt, struct scatterlist *sg, const u64 *addr,
			     const u32 *len, u32 n)
{
	u32 i;

	sg_init_table(sg, n);
	for (i = 0; i < n; i++) {
		sg_dma_address(&sg[i]) = addr[i];
		sg_dma_len(&sg[i]) = len[i];
	}
	*sgt = (struct sg_table){ .sgl = sg, .nents = n, .orig_nents = n };
}

static void dacc_test_pt_sgt_merges(struct kunit *test)
{
	static const u64 addr[] = { SZ_1M, SZ_1M + SZ_32K, SZ_4M };
	static const u32 len[] = { SZ_32K, SZ_32K, SZ_4K };
	struct dacc_vm *vm = test->priv;
	struct scatterlist sg[3];
	struct sg_table sgt;
	u32 level;

	dacc_pt_test_sgt(&sgt, sg, addr, len, 3);
	KUNIT_ASSERT_EQ(test, dacc_pt_test_map_sgt(vm, &sgt, SZ_64K, 0, SZ_64K + SZ_4K), 0);
	/* The first two are one group of 64 KiB. */
	KUNIT_EXPECT_TRUE(test, dacc_pt_test_leaf(vm, SZ_64K, &level) & DACC_PTE_CONT);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, SZ_128K, &level) & DACC_PTE_ADDR, SZ_4M);
}

static void dacc_test_pt_sgt_offset(struct kunit *test)
{
	static const u64 addr[] = { SZ_1M, SZ_2M, SZ_4M };
	static const u32 len[] = { SZ_8K, SZ_8K, SZ_8K };
	struct dacc_vm *vm = test->priv;
	struct scatterlist sg[3];
	struct sg_table sgt;
	u32 level;

	dacc_pt_test_sgt(&sgt, sg, addr, len, 3);
	KUNIT_ASSERT_EQ(test, dacc_pt_test_map_sgt(vm, &sgt, SZ_4K, SZ_8K + SZ_4K, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, SZ_4K, &level) & DACC_PTE_ADDR,
			SZ_2M + SZ_4K);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, SZ_8K, &level) & DACC_PTE_ADDR, SZ_4M);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_leaf(vm, SZ_8K + SZ_4K, &level), 0);
}

static void dacc_test_pt_sgt_short(struct kunit *test)
{
	static const u64 addr[] = { SZ_1M };
	static const u32 len[] = { SZ_4K };
	struct dacc_vm *vm = test->priv;
	struct scatterlist sg[1];
	struct sg_table sgt;

	dacc_pt_test_sgt(&sgt, sg, addr, len, 1);
	KUNIT_EXPECT_EQ(test, dacc_pt_test_map_sgt(vm, &sgt, SZ_4K, 0, SZ_8K), -EINVAL);
	dacc_pt_test_unmap(vm, SZ_4K, SZ_8K);
	KUNIT_EXPECT_EQ(test, vm->root->used, 0);
}

static struct kunit_case dacc_pt_cases[] = {
	KUNIT_CASE(dacc_test_pt_index),
	KUNIT_CASE(dacc_test_pt_leaf_level),
	KUNIT_CASE(dacc_test_pt_map_page),
	KUNIT_CASE(dacc_test_pt_map_readonly),
	KUNIT_CASE(dacc_test_pt_map_group),
	KUNIT_CASE(dacc_test_pt_no_group),
	KUNIT_CASE(dacc_test_pt_map_large),
	KUNIT_CASE(dacc_test_pt_map_huge),
	KUNIT_CASE(dacc_test_pt_unmap_frees_tables),
	KUNIT_CASE(dacc_test_pt_unmap_keeps_neighbours),
	KUNIT_CASE(dacc_test_pt_sgt_merges),
	KUNIT_CASE(dacc_test_pt_sgt_offset),
	KUNIT_CASE(dacc_test_pt_sgt_short),
	{}
};

static struct kunit_suite dacc_pt_suite = {
	.name = "dacc_pt",
	.init = dacc_pt_test_init,
	.exit = dacc_pt_test_exit,
	.test_cases = dacc_pt_cases,
};

kunit_test_suite(dacc_pt_suite);
