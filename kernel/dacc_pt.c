// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables: written by the CPU, walked by the device. Large leaves and
 * groups of 16 pages are used wherever addresses allow.
 *
 * A mapping is always removed whole, so a leaf is never split.
 */
#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>

#include <drm/drm_drv.h>

#include "dacc_device.h"

#define DACC_PT_ROOT_LEVEL		(DACC_PT_LEVELS - 1)
/* Highest level that may hold leaves: 1 GiB each. */
#define DACC_PT_LEAF_LEVEL		2
#define DACC_PT_CONT_SIZE		SZ_64K

static u64 dacc_pt_span(u32 level)
{
	return (u64)DACC_PAGE_SIZE << (DACC_PT_BITS * level);
}

static u32 dacc_pt_index(u64 va, u32 level)
{
	return va >> (DACC_PAGE_SHIFT + DACC_PT_BITS * level) & (DACC_PT_ENTRIES - 1);
}

/**
 * dacc_pt_create - allocate an empty page table
 * @dacc: device
 * @level: 0 to 3
 *
 * Return: the table or NULL.
 */
struct dacc_pt *dacc_pt_create(struct dacc_device *dacc, u32 level)
{
	struct dacc_pt *pt;

	pt = kvzalloc(struct_size(pt, child, level ? DACC_PT_ENTRIES : 0),
		      GFP_KERNEL_ACCOUNT);
	if (!pt)
		return NULL;
	INIT_LIST_HEAD(&pt->trash);
	/* Coherent memory is zeroed. */
	pt->entries = dma_alloc_coherent(dacc->drm.dev, DACC_PAGE_SIZE, &pt->dma,
					 GFP_KERNEL_ACCOUNT);
	if (!pt->entries) {
		kvfree(pt);
		return NULL;
	}
	return pt;
}

/**
 * dacc_pt_destroy - free a page table and all below it
 * @dacc: device, still bound
 * @pt: table that the device does not walk any more, or NULL
 * @level: its level
 */
void dacc_pt_destroy(struct dacc_device *dacc, struct dacc_pt *pt, u32 level)
{
	u32 i;

	if (!pt)
		return;
	for (i = 0; level && i < DACC_PT_ENTRIES; i++)
		dacc_pt_destroy(dacc, pt->child[i], level - 1);
	dma_free_coherent(dacc->drm.dev, DACC_PAGE_SIZE, pt->entries, pt->dma);
	kvfree(pt);
}

static void dacc_pt_write(struct dacc_pt *pt, u32 index, u64 pte)
{
	/* The device may read at any moment: one 64-bit store. */
	WRITE_ONCE(pt->entries[index], cpu_to_le64(pte));
	pt->used++;
}

static void dacc_pt_clear(struct dacc_pt *pt, u32 index)
{
	WRITE_ONCE(pt->entries[index], 0);
	pt->used--;
}

/*
 * The lowest table that covers @va, but of @level at least. NULL if the address
 * space lost its page table.
 */
static struct dacc_pt *dacc_pt_walk(struct dacc_vm *vm, u64 va, u32 level, u32 *at)
{
	struct dacc_pt *pt = vm->root;

	for (*at = DACC_PT_ROOT_LEVEL; pt && *at > level; (*at)--) {
		struct dacc_pt *child = pt->child[dacc_pt_index(va, *at)];

		if (!child)
			break;
		pt = child;
	}
	return pt;
}

/*
 * The table of @level that covers @va; made if missing. pt_lock is released while
 * memory is allocated, since reclaim may need it. Meanwhile others may take tables
 * away that are empty, so the walk starts anew.
 */
static struct dacc_pt *dacc_pt_get(struct dacc_vm *vm, u64 va, u32 level)
{
	struct dacc_pt *pt, *child = NULL;
	u32 at, child_level = 0;

	while ((pt = dacc_pt_walk(vm, va, level, &at)) && at > level) {
		if (child && child_level == at - 1) {
			pt->child[dacc_pt_index(va, at)] = child;
			dacc_pt_write(pt, dacc_pt_index(va, at), child->dma | DACC_PTE_VALID);
			child = NULL;
			continue;
		}
		mutex_unlock(&vm->pt_lock);
		dacc_pt_destroy(vm->dacc, child, child_level);
		child_level = at - 1;
		child = dacc_pt_create(vm->dacc, child_level);
		mutex_lock(&vm->pt_lock);
		if (!child)
			return NULL;
	}
	dacc_pt_destroy(vm->dacc, child, child_level);
	return pt;
}

static u32 dacc_pt_leaf_level(u64 va, u64 addr, u64 size)
{
	u32 level;

	for (level = DACC_PT_LEAF_LEVEL; level; level--) {
		u64 span = dacc_pt_span(level);

		if (size >= span && IS_ALIGNED(va | addr, span))
			break;
	}
	return level;
}

/* Maps a range that is contiguous on both sides. */
static int dacc_pt_map_range(struct dacc_vm *vm, u64 va, u64 addr, u64 size, u64 flags)
{
	flags |= DACC_PTE_VALID | DACC_PTE_LEAF;
	while (size) {
		u32 level = dacc_pt_leaf_level(va, addr, size);
		u64 step = dacc_pt_span(level), run = step, cont = 0;
		struct dacc_pt *pt = dacc_pt_get(vm, va, level);

		if (!pt)
			return -ENOMEM;
		if (!level && size >= DACC_PT_CONT_SIZE &&
		    IS_ALIGNED(va | addr, DACC_PT_CONT_SIZE)) {
			run = DACC_PT_CONT_SIZE;
			cont = DACC_PTE_CONT;
		}
		size -= run;
		for (; run; run -= step) {
			dacc_pt_write(pt, dacc_pt_index(va, level), addr | flags | cont);
			va += step;
			addr += step;
		}
	}
	return 0;
}

static int dacc_pt_map_sgt(struct dacc_vm *vm, struct sg_table *sgt, u64 va, u64 offset,
			   u64 size, u64 flags)
{
	u64 run_va = va, run_addr = 0, run_size = 0;
	struct scatterlist *sg;
	int i, ret;

	/* Neighbours that are contiguous become one range. */
	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 addr = sg_dma_address(sg);
		u64 len = sg_dma_len(sg);

		if (offset >= len) {
			offset -= len;
			continue;
		}
		addr += offset;
		len = min(len - offset, size);
		offset = 0;
		if (run_size && run_addr + run_size != addr) {
			ret = dacc_pt_map_range(vm, run_va, run_addr, run_size, flags);
			if (ret)
				return ret;
			run_va += run_size;
			run_size = 0;
		}
		if (!run_size)
			run_addr = addr;
		run_size += len;
		size -= len;
		if (!size)
			break;
	}
	if (size)
		return -EINVAL;
	return dacc_pt_map_range(vm, run_va, run_addr, run_size, flags);
}

/**
 * dacc_pt_map - map SRAM or bus addresses
 * @vm: address space; its pt_lock is held, but released from time to time
 * @sgt: DMA addresses, or NULL for SRAM
 * @va: virtual address that is not mapped
 * @offset: first byte in @sgt or in SRAM
 * @size: bytes
 * @readonly: the device may not write
 *
 * The caller is inside drm_dev_enter(), or in probe.
 *
 * Return: 0, -ENOMEM, or -ENODEV; after an error nothing is mapped, but
 * dacc_pt_flush() is still called for.
 */
int dacc_pt_map(struct dacc_vm *vm, struct sg_table *sgt, u64 va, u64 offset, u64 size,
		bool readonly)
{
	u64 flags = readonly ? 0 : DACC_PTE_WRITE;
	int ret;

	lockdep_assert_held(&vm->pt_lock);
	if (!vm->root)
		return -ENODEV;
	if (sgt)
		ret = dacc_pt_map_sgt(vm, sgt, va, offset, size, flags);
	else
		ret = dacc_pt_map_range(vm, va, offset, size, flags | DACC_PTE_SRAM);
	/* Entries are in memory before a doorbell tells the device to look. */
	wmb();
	if (ret)
		dacc_pt_unmap(vm, va, size);
	return ret;
}

/**
 * dacc_pt_map_bo - map a part of a buffer
 * @vm: address space; its pt_lock is held, but released from time to time
 * @bo: buffer in SRAM or with DMA addresses; its reservation lock is held, and the caller is
 *	inside drm_dev_enter()
 * @va: virtual address that is not mapped
 * @offset: first byte of the buffer
 * @size: bytes
 * @readonly: the device may not write
 *
 * Return: 0, -ENOMEM, or -ENODEV; after an error nothing is mapped, but
 * dacc_pt_flush() is still called for.
 */
int dacc_pt_map_bo(struct dacc_vm *vm, struct dacc_bo *bo, u64 va, u64 offset, u64 size,
		   bool readonly)
{
	if (dacc_bo_in_sram(bo))
		return dacc_pt_map(vm, NULL, va, dacc_bo_sram_offset(bo) + offset, size, readonly);
	return dacc_pt_map(vm, bo->sgt, va, offset, size, readonly);
}

static void dacc_pt_unmap_level(struct dacc_vm *vm, struct dacc_pt *pt, u32 level, u64 va,
				u64 size)
{
	u64 span = dacc_pt_span(level);
	u64 end = va + size;

	while (va < end) {
		u32 index = dacc_pt_index(va, level);
		u64 next = min(ALIGN_DOWN(va, span) + span, end);
		struct dacc_pt *child = level ? pt->child[index] : NULL;

		if (child) {
			dacc_pt_unmap_level(vm, child, level - 1, va, next - va);
			if (!child->used) {
				dacc_pt_clear(pt, index);
				pt->child[index] = NULL;
				list_add(&child->trash, &vm->trash);
			}
		} else if (pt->entries[index]) {
			dacc_pt_clear(pt, index);
		}
		va = next;
	}
}

/**
 * dacc_pt_unmap - remove a mapping, or what there is of it
 * @vm: address space; its pt_lock is held
 * @va: virtual address
 * @size: bytes
 *
 * In effect only after dacc_pt_flush().
 */
void dacc_pt_unmap(struct dacc_vm *vm, u64 va, u64 size)
{
	lockdep_assert_held(&vm->pt_lock);
	if (vm->root)
		dacc_pt_unmap_level(vm, vm->root, DACC_PT_ROOT_LEVEL, va, size);
}

/**
 * dacc_pt_flush - wait until the device uses nothing that was unmapped
 * @vm: address space; its pt_lock is held
 *
 * Afterwards unmapped memory may be reused.
 */
void dacc_pt_flush(struct dacc_vm *vm)
{
	struct dacc_device *dacc = vm->dacc;
	struct dacc_pt *pt, *next;

	lockdep_assert_held(&vm->pt_lock);
	/* The device was stopped before dacc_vm_unplug() took the table. */
	if (!vm->root)
		return;
	/* Cleared entries are in memory before the invalidation. */
	wmb();
	dacc_device_flush(dacc, vm->asid);
	list_for_each_entry_safe(pt, next, &vm->trash, trash) {
		list_del(&pt->trash);
		/* Its tables below were put into the trash before it. */
		dma_free_coherent(dacc->drm.dev, DACC_PAGE_SIZE, pt->entries, pt->dma);
		kvfree(pt);
	}
}

#if IS_ENABLED(CONFIG_KUNIT)
#include "tests/dacc_pt_test.c"
#endif
