// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces: DRM GPUVM keeps what is mapped where, dacc_pt.c writes the
 * page table. Each has a hardware ASID for its whole life.
 */
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "dacc_device.h"
#include "dacc_trace.h"

static void dacc_vm_free(struct drm_gpuvm *gpuvm)
{
	struct dacc_vm *vm = to_dacc_vm(gpuvm);

	/* Lists hold a reference, so the kernel half is empty. */
	drm_mm_takedown(&vm->kernel_space);
	mutex_destroy(&vm->kernel_lock);
	mutex_destroy(&vm->pt_lock);
	mutex_destroy(&vm->lock);
	atomic_dec(&vm->dacc->num_vms);
	dacc_user_put(vm->user);
	kfree(vm);
}

static struct drm_gpuvm_bo *dacc_vm_bo_alloc(void)
{
	struct dacc_vm_bo *vm_bo = kzalloc(sizeof(*vm_bo), GFP_KERNEL_ACCOUNT);

	return vm_bo ? &vm_bo->base : NULL;
}

static void dacc_vm_bo_free(struct drm_gpuvm_bo *vm_bo)
{
	kfree(to_dacc_vm_bo(vm_bo));
}

/*
 * Maps a buffer anew that was evicted, or that its exporter took back. If the exporter
 * does not give it again the hole stays, and jobs that come to it fault.
 */
static int dacc_vm_bo_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec)
{
	struct dacc_vm *vm = to_dacc_vm(vm_bo->vm);
	struct dacc_bo *bo = to_dacc_bo(vm_bo->obj);
	struct drm_gpuva *va;
	int ret;

	if (!(bo->flags & DRM_DACC_BO_IMPORTED)) {
		ret = dacc_bo_validate(bo, vm->effort, vm->deadline);
		if (ret)
			return ret;
	}
	ret = dacc_bo_map_dma(bo);
	if (ret && !bo->revoked)
		return ret;
	mutex_lock(&vm->pt_lock);
	/* One may have been mapped since by VM_BIND. */
	drm_gpuvm_bo_for_each_va(va, vm_bo)
		dacc_pt_unmap(vm, va->va.addr, va->va.range);
	dacc_pt_flush(vm);
	ret = 0;
	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		if (!bo->revoked && !ret)
			ret = dacc_pt_map_bo(vm, bo, va->va.addr, va->gem.offset, va->va.range,
					     to_dacc_vma(va)->readonly);
	}
	if (ret)
		dacc_pt_flush(vm);
	mutex_unlock(&vm->pt_lock);
	if (!ret)
		drm_gpuvm_bo_evict(vm_bo, false);
	return ret;
}

static const struct drm_gpuvm_ops dacc_gpuvm_ops = {
	.vm_free = dacc_vm_free,
	.vm_bo_alloc = dacc_vm_bo_alloc,
	.vm_bo_free = dacc_vm_bo_free,
	.vm_bo_validate = dacc_vm_bo_validate,
};

/* Several tries: who competes for a reservation lock may have to back off. */
#define DACC_VALIDATE_TRIES		16

/* drm_gpuvm_exec.extra.fn: eviction locks further buffers, with the same ticket. */
static int dacc_vm_validate_locked(struct drm_gpuvm_exec *exec)
{
	struct dacc_vm *vm = exec->extra.priv;
	int idx, ret;

	if (!drm_dev_enter(&vm->dacc->drm, &idx))
		return -ENODEV;
	ret = drm_gpuvm_validate(&vm->gpuvm, &exec->exec);
	drm_dev_exit(idx);
	return ret;
}

/* Locks all buffers; if that succeeds they are all where the device finds them. */
static int dacc_vm_try_validate(struct dacc_vm *vm, struct drm_gpuvm_exec *exec)
{
	int ret;

	lockdep_assert_held(&vm->lock);
	exec->extra.fn = dacc_vm_validate_locked;
	exec->extra.priv = vm;
	ret = drm_gpuvm_exec_lock(exec);
	exec->extra.fn = NULL;
	if (!ret)
		WRITE_ONCE(vm->stale, false);
	return ret;
}

static int dacc_vm_validate_by(struct dacc_vm *vm, struct drm_gpuvm_exec *exec,
			       enum dacc_effort effort, unsigned long deadline)
{
	int ret = mutex_lock_interruptible(&vm->lock);

	if (ret)
		return ret;
	vm->effort = effort;
	vm->deadline = deadline;
	ret = dacc_vm_try_validate(vm, exec);
	if (ret)
		mutex_unlock(&vm->lock);
	return ret;
}

static int dacc_vm_make_room(struct dacc_vm *vm, struct drm_gpuvm_exec *exec,
			     unsigned long deadline)
{
	struct mutex *room = &vm->dacc->room_lock;
	enum dacc_effort effort;
	int ret;

	ret = mutex_lock_interruptible(room);
	if (ret)
		return ret;
	ret = -ENOSPC;
	for (effort = DACC_EFFORT_IDLE; effort <= DACC_EFFORT_WAIT && ret == -ENOSPC; effort++)
		ret = dacc_vm_validate_by(vm, exec, effort, deadline);
	mutex_unlock(room);
	return ret;
}

/*
 * Locks and brings back all buffers. On success dacc_vm.lock stays locked, so that no
 * buffer joins or leaves that @exec does not lock.
 *
 * Whoever has to evict for it holds room_lock until everything is in place and locked.
 * So of two address spaces that do not fit in together one gets all of its buffers
 * and submits a job; the other waits for that job, and then for nothing else.
 */
static int dacc_vm_validate(struct dacc_vm *vm, struct drm_gpuvm_exec *exec)
{
	unsigned long deadline = dacc_bo_deadline();
	int i, ret;

	ret = dacc_vm_validate_by(vm, exec, DACC_EFFORT_NONE, deadline);
	for (i = 1; ret == -ENOSPC && i < DACC_VALIDATE_TRIES; i++) {
		if (i > 1)
			usleep_range(500, 2000);
		ret = dacc_vm_make_room(vm, exec, deadline);
		if (time_after(jiffies, deadline))
			break;
	}
	return ret;
}

/**
 * dacc_vm_exec_lock - lock all buffers that a job of an address space may use
 * @vm: address space
 * @exec: locks them; they are locked only if this returns 0. Its interruptible flag and
 *	DRM_EXEC_IGNORE_DUPLICATES are set
 *
 * Buffers that were evicted are brought back, and those that an exporter took back are
 * asked for again. For private buffers one lock is taken for all of them.
 *
 * Return: 0, -ENOSPC, -ENOMEM, -EIO, -ENODEV or -ERESTARTSYS.
 */
int dacc_vm_exec_lock(struct dacc_vm *vm, struct drm_gpuvm_exec *exec)
{
	int ret;

	ret = drm_gpuvm_exec_lock(exec);
	if (ret || !READ_ONCE(vm->stale))
		return ret;
	drm_gpuvm_exec_unlock(exec);
	ret = dacc_vm_validate(vm, exec);
	if (!ret)
		mutex_unlock(&vm->lock);
	return ret;
}

/**
 * dacc_vm_exec_publish - let a fence keep all buffers of an address space in place
 * @vm: address space
 * @exec: from dacc_vm_exec_lock()
 * @fence: of a job that may use them
 *
 * Shared buffers have it for others to wait for, too. Cannot fail: room was made for
 * one fence.
 */
void dacc_vm_exec_publish(struct dacc_vm *vm, struct drm_gpuvm_exec *exec,
			  struct dma_fence *fence)
{
	struct drm_gem_object *obj;

	drm_exec_for_each_locked_object(&exec->exec, obj) {
		enum dma_resv_usage usage = DMA_RESV_USAGE_BOOKKEEP;

		if (obj != vm->gpuvm.r_obj && to_dacc_bo(obj)->shared)
			usage = dacc_vm_may_write(vm, obj) ? DMA_RESV_USAGE_WRITE :
							     DMA_RESV_USAGE_READ;
		dma_resv_add_fence(obj->resv, fence, usage);
	}
}

/* An exporter may take a buffer back, and so pt_lock, to reclaim memory. */
static void dacc_vm_prime_lockdep(struct dacc_vm *vm)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&vm->pt_lock);
	fs_reclaim_release(GFP_KERNEL);
}

/* Takes an ASID and gives it the page table. */
static int dacc_vm_attach(struct dacc_vm *vm)
{
	struct dacc_device *dacc = vm->dacc;
	int ret = -ENOSPC;
	u32 asid;

	mutex_lock(&dacc->hw_lock);
	for (asid = 1; asid < dacc->num_asids; asid++) {
		if (dacc->vms[asid])
			continue;
		vm->asid = asid;
		dacc->vms[asid] = vm;
		if (dacc->hw_up)
			dacc_hw_write_asid(dacc, asid, vm->root);
		ret = 0;
		break;
	}
	mutex_unlock(&dacc->hw_lock);
	return ret;
}

/*
 * Gives the ASID back and frees the page table; nothing is mapped. The entry in
 * dacc_device.vms goes last: until then dacc_vm_unplug() waits for pt_lock.
 */
static void dacc_vm_detach(struct dacc_vm *vm)
{
	struct dacc_device *dacc = vm->dacc;
	struct dacc_pt *root;

	mutex_lock(&vm->pt_lock);
	mutex_lock(&dacc->hw_lock);
	/* NULL if dacc_vm_unplug() was first. A reset must not restore it. */
	root = vm->root;
	vm->root = NULL;
	if (vm->asid && dacc->hw_up)
		dacc_hw_write_asid(dacc, vm->asid, NULL);
	mutex_unlock(&dacc->hw_lock);
	if (vm->asid)
		dacc_device_flush(dacc, vm->asid);
	dacc_pt_destroy(dacc, root, DACC_PT_LEVELS - 1);
	mutex_lock(&dacc->hw_lock);
	if (vm->asid && dacc->vms[vm->asid] == vm)
		dacc->vms[vm->asid] = NULL;
	mutex_unlock(&dacc->hw_lock);
	mutex_unlock(&vm->pt_lock);
}

/**
 * dacc_vm_new - make an address space
 * @dacc: device; the caller is inside drm_dev_enter(), or in probe
 * @user: who is charged already; NULL for the driver itself
 *
 * Return: the address space, to be closed by dacc_vm_close(), or an error pointer.
 */
struct dacc_vm *dacc_vm_new(struct dacc_device *dacc, struct dacc_user *user)
{
	struct drm_gem_object *resv;
	struct dacc_vm *vm;
	int ret;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	resv = drm_gpuvm_resv_object_alloc(&dacc->drm);
	if (!resv) {
		kfree(vm);
		return ERR_PTR(-ENOMEM);
	}
	vm->dacc = dacc;
	vm->user = user ? dacc_user_get(user) : NULL;
	mutex_init(&vm->lock);
	mutex_init(&vm->pt_lock);
	dacc_vm_prime_lockdep(vm);
	spin_lock_init(&vm->imports_lock);
	INIT_LIST_HEAD(&vm->imports);
	INIT_LIST_HEAD(&vm->trash);
	INIT_LIST_HEAD(&vm->pools);
	mutex_init(&vm->kernel_lock);
	drm_mm_init(&vm->kernel_space, DRM_DACC_VA_KERNEL,
		    (1ull << DACC_VA_BITS) - DRM_DACC_VA_KERNEL);
	atomic_inc(&dacc->num_vms);
	/* The first page is never mapped. */
	drm_gpuvm_init(&vm->gpuvm, "dacc", 0, &dacc->drm, resv, 0, 1ull << DACC_VA_BITS,
		       0, DACC_PAGE_SIZE, &dacc_gpuvm_ops);
	drm_gem_object_put(resv);

	ret = -ENOMEM;
	vm->root = dacc_pt_create(dacc, DACC_PT_LEVELS - 1);
	if (!vm->root)
		goto err_put;
	ret = dacc_vm_attach(vm);
	if (ret)
		goto err_detach;
	return vm;

err_detach:
	dacc_vm_detach(vm);
err_put:
	drm_gpuvm_put(&vm->gpuvm);
	return ERR_PTR(ret);
}

static int dacc_vm_create(struct dacc_device *dacc, struct dacc_file *file, u32 *id)
{
	struct dacc_vm *vm;
	int ret;

	ret = dacc_limit_charge(file, DRM_DACC_LIMIT_VMS, 1);
	if (ret)
		return ret;
	vm = dacc_vm_new(dacc, file->user);
	if (IS_ERR(vm)) {
		dacc_limit_uncharge(file, DRM_DACC_LIMIT_VMS, 1);
		return PTR_ERR(vm);
	}
	ret = xa_alloc(&file->vms, id, vm, xa_limit_31b, GFP_KERNEL);
	if (ret)
		dacc_vm_close(vm);
	return ret;
}

/**
 * dacc_vm_create_ioctl - DRM_IOCTL_DACC_VM_CREATE
 * @drm: device
 * @data: struct drm_dacc_vm_create
 * @file: client
 *
 * Return: 0, -EINVAL, -EDQUOT, -ENOSPC if every ASID is taken, -ENOMEM or -ENODEV.
 */
int dacc_vm_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_dacc_vm_create *args = data;
	int idx, ret;

	if (args->flags)
		return -EINVAL;
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	ret = dacc_vm_create(to_dacc(drm), file->driver_priv, &args->vm);
	drm_dev_exit(idx);
	return ret;
}

/**
 * dacc_vm_find - find an address space by its id
 * @file: client
 * @id: id
 *
 * Return: address space with a reference, or NULL.
 */
struct dacc_vm *dacc_vm_find(struct dacc_file *file, u32 id)
{
	struct dacc_vm *vm;

	mutex_lock(&file->lock);
	vm = xa_load(&file->vms, id);
	if (vm)
		drm_gpuvm_get(&vm->gpuvm);
	mutex_unlock(&file->lock);
	return vm;
}

/**
 * dacc_vm_may_write - may jobs of an address space write to a buffer?
 * @vm: address space
 * @obj: buffer; its reservation lock is held
 *
 * Several buffers may share a reservation object: imports of one dma-buf, or of
 * several if their exporter has it so. It is locked once, through one of them,
 * and what that one gets as an answer holds for all.
 *
 * Return: true if any mapping of a buffer with this reservation object is
 * writable.
 */
bool dacc_vm_may_write(struct dacc_vm *vm, struct drm_gem_object *obj)
{
	struct drm_gpuvm_bo *vm_bo = drm_gpuvm_bo_find(&vm->gpuvm, obj);
	struct drm_gpuva *va;
	struct dacc_vma *vma;
	bool write = false;

	dma_resv_assert_held(obj->resv);
	if (!vm_bo)
		return true;
	drm_gpuvm_bo_for_each_va(va, vm_bo)
		write |= !to_dacc_vma(va)->readonly;
	drm_gpuvm_bo_put(vm_bo);
	if (write || !(to_dacc_bo(obj)->flags & DRM_DACC_BO_IMPORTED))
		return write;

	spin_lock_irq(&vm->imports_lock);
	list_for_each_entry(vma, &vm->imports, import) {
		if (vma->va.gem.obj->resv == obj->resv && !vma->readonly) {
			write = true;
			break;
		}
	}
	spin_unlock_irq(&vm->imports_lock);
	return write;
}

/* --- pins --- */

/* The buffer is where the device finds it; its reservation lock is held. */
static int dacc_vm_pin_bo(struct dacc_vm *vm, struct drm_gpuvm_bo *vm_bo)
{
	struct dacc_bo *bo = to_dacc_bo(vm_bo->obj);
	int ret = 0;

	lockdep_assert_held(&vm->lock);
	dma_resv_assert_held(vm_bo->obj->resv);
	if (to_dacc_vm_bo(vm_bo)->pinned || bo->flags == DRM_DACC_BO_HOST)
		return 0;
	if (bo->flags & DRM_DACC_BO_IMPORTED) {
		/* What was taken back for good is a hole, here as in any address space. */
		if (bo->revoked)
			return 0;
		/* First, so that it is known whether this device may have it at all. */
		ret = dacc_bo_map_dma(bo);
		if (!ret)
			ret = dacc_dmabuf_pin_import(bo);
	} else if (dacc_bo_in_sram(bo)) {
		ret = dacc_user_charge(vm->user, DRM_DACC_LIMIT_PINNED_BYTES, vm_bo->obj->size);
	}
	if (ret)
		return ret;
	if (!(bo->flags & DRM_DACC_BO_IMPORTED))
		ttm_bo_pin(&bo->tbo);
	to_dacc_vm_bo(vm_bo)->pinned = true;
	return 0;
}

static void dacc_vm_unpin_bo(struct dacc_vm *vm, struct drm_gpuvm_bo *vm_bo)
{
	struct dacc_bo *bo = to_dacc_bo(vm_bo->obj);

	lockdep_assert_held(&vm->lock);
	dma_resv_assert_held(vm_bo->obj->resv);
	if (!to_dacc_vm_bo(vm_bo)->pinned)
		return;
	to_dacc_vm_bo(vm_bo)->pinned = false;
	if (bo->flags & DRM_DACC_BO_IMPORTED) {
		dacc_dmabuf_unpin_import(bo);
		return;
	}
	/* It is where it was when it was pinned. */
	if (dacc_bo_in_sram(bo))
		dacc_user_uncharge(vm->user, DRM_DACC_LIMIT_PINNED_BYTES, vm_bo->obj->size);
	ttm_bo_unpin(&bo->tbo);
}

static void dacc_vm_unpin_all(struct dacc_vm *vm)
{
	struct drm_gpuva *va;

	drm_gpuvm_for_each_va(va, &vm->gpuvm) {
		if (va->vm_bo)
			dacc_vm_unpin_bo(vm, va->vm_bo);
	}
}

static int dacc_vm_pin_all(struct dacc_vm *vm, struct drm_exec *exec)
{
	struct drm_gpuva *va;
	int idx, ret = 0;

	drm_gpuvm_for_each_va(va, &vm->gpuvm) {
		if (va->vm_bo)
			ret = dacc_vm_pin_bo(vm, va->vm_bo);
		if (ret)
			break;
	}
	/* An exporter may have moved its buffer to where it can be pinned. */
	if (!ret && READ_ONCE(vm->stale)) {
		ret = -ENODEV;
		if (drm_dev_enter(&vm->dacc->drm, &idx)) {
			ret = drm_gpuvm_validate(&vm->gpuvm, exec);
			drm_dev_exit(idx);
		}
		if (!ret)
			WRITE_ONCE(vm->stale, false);
	}
	if (ret)
		dacc_vm_unpin_all(vm);
	return ret;
}

/**
 * dacc_vm_pin - keep all buffers of an address space where the device finds them
 * @vm: address space
 *
 * Counted. Until dacc_vm_unpin() all SRAM buffers that are mapped, or will be, are
 * in SRAM and charged to the user's DRM_DACC_LIMIT_PINNED_BYTES. Those of both kinds
 * stay where they are, and so do imports, which their exporters pin.
 *
 * Return: 0, -ENOSPC, -EDQUOT, -EOPNOTSUPP if an exporter can't pin, -ENOMEM, -EIO,
 * -ENODEV, -ERESTARTSYS, or an exporter's error.
 */
int dacc_vm_pin(struct dacc_vm *vm)
{
	struct drm_gpuvm_exec exec = {
		.vm = &vm->gpuvm,
		.flags = DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES,
		.num_fences = 1,
	};
	int ret;

	ret = dacc_vm_validate(vm, &exec);
	if (ret)
		return ret;
	if (!vm->pins)
		ret = dacc_vm_pin_all(vm, &exec.exec);
	if (!ret)
		vm->pins++;
	drm_gpuvm_exec_unlock(&exec);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * dacc_vm_unpin - undo dacc_vm_pin()
 * @vm: address space
 */
void dacc_vm_unpin(struct dacc_vm *vm)
{
	struct drm_gpuva *va;

	mutex_lock(&vm->lock);
	if (--vm->pins)
		goto unlock;
	drm_gpuvm_for_each_va(va, &vm->gpuvm) {
		if (!va->vm_bo || !to_dacc_vm_bo(va->vm_bo)->pinned)
			continue;
		dma_resv_lock(va->vm_bo->obj->resv, NULL);
		dacc_vm_unpin_bo(vm, va->vm_bo);
		dma_resv_unlock(va->vm_bo->obj->resv);
	}
unlock:
	mutex_unlock(&vm->lock);
}

/* Is this the only mapping of its buffer? */
static bool dacc_vm_va_is_last(struct drm_gpuva *va)
{
	return list_is_singular(&va->vm_bo->list.gpuva);
}

/* Removes a mapping; the caller holds the address space's lock. */
static void dacc_vm_unmap_va(struct dacc_vm *vm, struct drm_gpuva *va)
{
	struct drm_gem_object *obj = va->gem.obj;

	/* The mapping's own reference goes with the lock held: not the last. */
	drm_gem_object_get(obj);
	dma_resv_lock(obj->resv, NULL);
	mutex_lock(&vm->pt_lock);
	dacc_pt_unmap(vm, va->va.addr, va->va.range);
	dacc_pt_flush(vm);
	mutex_unlock(&vm->pt_lock);
	trace_dacc_unbind(vm->asid, va->va.addr, va->va.range);
	spin_lock_irq(&vm->imports_lock);
	list_del(&to_dacc_vma(va)->import);
	spin_unlock_irq(&vm->imports_lock);
	drm_gpuva_remove(va);
	if (dacc_vm_va_is_last(va))
		dacc_vm_unpin_bo(vm, va->vm_bo);
	drm_gpuva_unlink(va);
	dma_resv_unlock(obj->resv);
	drm_gem_object_put(obj);
	kfree(to_dacc_vma(va));
}

/**
 * dacc_vm_close - end an address space that no id names and no queue uses
 * @vm: address space; the reference of the id is dropped
 */
void dacc_vm_close(struct dacc_vm *vm)
{
	struct drm_gpuva *va, *next;

	mutex_lock(&vm->lock);
	/* A VM_BIND that has found the id before must not map anything now. */
	vm->closed = true;
	drm_gpuvm_for_each_va_safe(va, next, &vm->gpuvm) {
		if (va != &vm->gpuvm.kernel_alloc_node)
			dacc_vm_unmap_va(vm, va);
	}
	mutex_unlock(&vm->lock);
	dacc_vm_detach(vm);
	if (vm->user)
		dacc_user_uncharge(vm->user, DRM_DACC_LIMIT_VMS, 1);
	drm_gpuvm_put(&vm->gpuvm);
}

/**
 * dacc_vm_destroy_ioctl - DRM_IOCTL_DACC_VM_DESTROY
 * @drm: device
 * @data: struct drm_dacc_vm_destroy
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, or -EBUSY while a queue or a pool uses it.
 */
int dacc_vm_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_vm_destroy *args = data;
	struct dacc_vm *vm;

	if (args->pad)
		return -EINVAL;
	mutex_lock(&priv->lock);
	vm = xa_load(&priv->vms, args->vm);
	if (!vm || vm->queues || vm->n_pools) {
		mutex_unlock(&priv->lock);
		return vm ? -EBUSY : -ENOENT;
	}
	xa_erase(&priv->vms, args->vm);
	mutex_unlock(&priv->lock);
	dacc_vm_close(vm);
	return 0;
}

/* Page table entries for a mapping, if the buffer is where the device finds it. */
static int dacc_vm_map_pt(struct dacc_vm *vm, struct dacc_bo *bo, struct dacc_vma *vma)
{
	struct drm_gpuva *va = &vma->va;
	int ret;

	ret = dacc_bo_map_dma(bo);
	if (ret)
		return ret;
	mutex_lock(&vm->pt_lock);
	ret = dacc_pt_map_bo(vm, bo, va->va.addr, va->gem.offset, va->va.range, vma->readonly);
	if (ret)
		dacc_pt_flush(vm);
	mutex_unlock(&vm->pt_lock);
	return ret;
}

static int dacc_vm_map_locked(struct dacc_vm *vm, struct drm_gem_object *obj,
			      struct dacc_vma *vma, enum dacc_effort effort,
			      unsigned long deadline)
{
	struct dacc_bo *bo = to_dacc_bo(obj);
	struct drm_gpuva *va = &vma->va;
	struct drm_gpuvm_bo *vm_bo;
	bool later;
	int ret;

	if (vm->pins && !(bo->flags & DRM_DACC_BO_IMPORTED)) {
		ret = dacc_bo_validate(bo, effort, deadline);
		if (ret)
			return ret;
	}
	/* The next SUBMIT brings it back, and maps it. */
	later = dacc_bo_is_away(bo);
	vm_bo = drm_gpuvm_bo_obtain_locked(&vm->gpuvm, obj);
	if (IS_ERR(vm_bo))
		return PTR_ERR(vm_bo);
	ret = vm->pins ? dacc_vm_pin_bo(vm, vm_bo) : 0;
	if (ret)
		goto out_put;
	ret = later ? 0 : dacc_vm_map_pt(vm, bo, vma);
	if (ret)
		goto out_unpin;
	ret = drm_gpuva_insert(&vm->gpuvm, va);
	if (ret) {
		mutex_lock(&vm->pt_lock);
		dacc_pt_unmap(vm, va->va.addr, va->va.range);
		dacc_pt_flush(vm);
		mutex_unlock(&vm->pt_lock);
		goto out_unpin;
	}
	drm_gpuva_link(va, vm_bo);
	if (bo->flags & DRM_DACC_BO_IMPORTED) {
		spin_lock_irq(&vm->imports_lock);
		list_add_tail(&vma->import, &vm->imports);
		spin_unlock_irq(&vm->imports_lock);
	}
	/* Jobs leave fences in it: in its own object, or in that of the address space. */
	drm_gpuvm_bo_extobj_add(vm_bo);
	if (later) {
		drm_gpuvm_bo_evict(vm_bo, true);
		WRITE_ONCE(vm->stale, true);
	}
out_unpin:
	if (ret && list_empty(&vm_bo->list.gpuva))
		dacc_vm_unpin_bo(vm, vm_bo);
out_put:
	drm_gpuvm_bo_put(vm_bo);
	return ret;
}

/* The caller holds room_lock for more than DACC_EFFORT_NONE. */
static int dacc_vm_try_map(struct dacc_vm *vm, struct drm_gem_object *obj, struct dacc_vma *vma,
			   enum dacc_effort effort, unsigned long deadline)
{
	int idx, ret;

	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		return ret;
	ret = -ENOENT;
	if (vm->closed)
		goto unlock;
	ret = -EEXIST;
	if (drm_gpuva_find_first(&vm->gpuvm, vma->va.va.addr, vma->va.va.range))
		goto unlock;
	ret = -ENODEV;
	if (!drm_dev_enter(&vm->dacc->drm, &idx))
		goto unlock;
	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (!ret) {
		ret = dacc_vm_map_locked(vm, obj, vma, effort, deadline);
		dma_resv_unlock(obj->resv);
	}
	drm_dev_exit(idx);
unlock:
	mutex_unlock(&vm->lock);
	return ret;
}

static int dacc_vm_map(struct dacc_vm *vm, struct drm_gem_object *obj,
		       const struct drm_dacc_vm_bind *args)
{
	unsigned long deadline = dacc_bo_deadline();
	struct mutex *room = &vm->dacc->room_lock;
	enum dacc_effort effort;
	struct dacc_vma *vma;
	int i, ret;

	vma = kzalloc(sizeof(*vma), GFP_KERNEL_ACCOUNT);
	if (!vma)
		return -ENOMEM;
	INIT_LIST_HEAD(&vma->import);
	vma->readonly = args->flags & DRM_DACC_VM_READONLY;
	vma->va.va.addr = args->addr;
	vma->va.va.range = args->range;
	vma->va.gem.obj = obj;
	vma->va.gem.offset = args->offset;

	ret = dacc_vm_try_map(vm, obj, vma, DACC_EFFORT_NONE, 0);
	for (i = 0; ret == -ENOSPC && i < DACC_VALIDATE_TRIES; i++) {
		if (i)
			usleep_range(500, 2000);
		ret = mutex_lock_interruptible(room);
		if (ret)
			break;
		ret = -ENOSPC;
		for (effort = DACC_EFFORT_IDLE; effort <= DACC_EFFORT_WAIT && ret == -ENOSPC;
		     effort++)
			ret = dacc_vm_try_map(vm, obj, vma, effort, deadline);
		mutex_unlock(room);
	}
	if (ret)
		kfree(vma);
	else
		trace_dacc_bind(vm->asid, args->addr, args->range, to_dacc_bo(obj)->flags);
	return ret;
}

static int dacc_vm_unmap(struct dacc_vm *vm, const struct drm_dacc_vm_bind *args)
{
	struct drm_gpuva *va;
	int ret;

	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		return ret;
	va = drm_gpuva_find(&vm->gpuvm, args->addr, args->range);
	if (!va)
		ret = -ENOENT;
	else if (dacc_pool_lies_in(vm, args->addr, args->range))
		ret = -EBUSY;
	else
		dacc_vm_unmap_va(vm, va);
	mutex_unlock(&vm->lock);
	return ret;
}

static bool dacc_vm_range_ok(const struct drm_dacc_vm_bind *args)
{
	u64 end;

	return args->addr && args->range &&
	       IS_ALIGNED(args->addr | args->range | args->offset, DACC_PAGE_SIZE) &&
	       !check_add_overflow(args->addr, args->range, &end) &&
	       end <= DRM_DACC_VA_KERNEL;
}

/**
 * dacc_vm_is_mapped - is all of a range mapped?
 * @vm: address space; its lock is held
 * @addr: first byte
 * @size: bytes
 * @write: writable by the device, too
 *
 * Return: true if so.
 */
bool dacc_vm_is_mapped(struct dacc_vm *vm, u64 addr, u64 size, bool write)
{
	u64 at = addr, end;
	struct drm_gpuva *va;

	lockdep_assert_held(&vm->lock);
	if (check_add_overflow(addr, size, &end))
		return false;
	drm_gpuvm_for_each_va_range(va, &vm->gpuvm, addr, end) {
		/* Address 0 is taken by a node that is no mapping. */
		if (va == &vm->gpuvm.kernel_alloc_node || va->va.addr > at ||
		    (write && to_dacc_vma(va)->readonly))
			return false;
		at = va->va.addr + va->va.range;
	}
	return at >= end;
}

/**
 * dacc_vm_peer_lost - is a fault due to an exporter?
 * @vm: address space
 * @addr: first byte that may have faulted
 * @size: bytes
 * @bus: it was a bus error: then memory of a peer is lost too
 *
 * Any context, interrupts off.
 *
 * Return: true if an import that lies there was taken back.
 */
bool dacc_vm_peer_lost(struct dacc_vm *vm, u64 addr, u64 size, bool bus)
{
	struct dacc_vma *vma;
	bool lost = false;

	spin_lock(&vm->imports_lock);
	list_for_each_entry(vma, &vm->imports, import) {
		struct dacc_bo *bo = to_dacc_bo(vma->va.gem.obj);

		if (vma->va.va.addr >= addr + size ||
		    addr >= vma->va.va.addr + vma->va.va.range)
			continue;
		lost |= READ_ONCE(bo->stale) || READ_ONCE(bo->revoked) ||
			(bus && READ_ONCE(bo->peer));
	}
	spin_unlock(&vm->imports_lock);
	return lost;
}

/* --- the kernel half --- */

/**
 * dacc_vm_map_kernel - map a buffer of the driver's own for the device to read
 * @vm: address space
 * @bo: buffer
 * @node: zeroed; out: where, if this succeeds
 *
 * Return: 0, -ENOSPC, -ENOENT if the address space was destroyed, -ENOMEM, -ENODEV
 * or -ERESTARTSYS.
 */
int dacc_vm_map_kernel(struct dacc_vm *vm, struct dacc_bo *bo, struct drm_mm_node *node)
{
	struct drm_dacc_vm_bind args = {
		.flags = DRM_DACC_VM_READONLY,
		.range = dacc_bo_gem(bo)->size,
	};
	int ret;

	mutex_lock(&vm->kernel_lock);
	/* Aligned so that groups of 16 pages can be used. */
	ret = drm_mm_insert_node_generic(&vm->kernel_space, node, args.range, SZ_64K, 0, 0);
	mutex_unlock(&vm->kernel_lock);
	if (ret)
		return ret;
	args.addr = node->start;
	ret = dacc_vm_map(vm, dacc_bo_gem(bo), &args);
	if (ret) {
		mutex_lock(&vm->kernel_lock);
		drm_mm_remove_node(node);
		mutex_unlock(&vm->kernel_lock);
	}
	return ret;
}

/**
 * dacc_vm_unmap_kernel - undo dacc_vm_map_kernel()
 * @vm: address space
 * @node: where
 *
 * On return the device does not use it any more.
 */
void dacc_vm_unmap_kernel(struct dacc_vm *vm, struct drm_mm_node *node)
{
	struct drm_gpuva *va;

	mutex_lock(&vm->lock);
	/* dacc_vm_close() has unmapped all there was. */
	va = drm_gpuva_find(&vm->gpuvm, node->start, node->size);
	if (va)
		dacc_vm_unmap_va(vm, va);
	mutex_unlock(&vm->lock);

	mutex_lock(&vm->kernel_lock);
	drm_mm_remove_node(node);
	mutex_unlock(&vm->kernel_lock);
}

/**
 * dacc_vm_bind_ioctl - DRM_IOCTL_DACC_VM_BIND
 * @drm: device
 * @data: struct drm_dacc_vm_bind
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, -EEXIST, -EREMOTEIO, -ENOSPC, -EDQUOT, -ENOMEM,
 * -ENODEV or -ERESTARTSYS.
 */
int dacc_vm_bind_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_vm_bind *args = data;
	struct drm_gem_object *obj = NULL;
	struct dacc_vm *vm;
	u64 end;
	int ret;

	if (args->op > DRM_DACC_VM_UNMAP || !dacc_vm_range_ok(args))
		return -EINVAL;
	if (args->op == DRM_DACC_VM_MAP && args->flags & ~DRM_DACC_VM_READONLY)
		return -EINVAL;
	if (args->op == DRM_DACC_VM_UNMAP && (args->flags || args->handle || args->offset))
		return -EINVAL;

	vm = dacc_vm_find(priv, args->vm);
	if (!vm)
		return -ENOENT;

	if (args->op == DRM_DACC_VM_UNMAP) {
		ret = dacc_vm_unmap(vm, args);
		goto out_vm;
	}
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj) {
		ret = -ENOENT;
		goto out_vm;
	}
	if (check_add_overflow(args->offset, args->range, &end) || end > obj->size)
		ret = -EINVAL;
	else if (to_dacc_bo(obj)->root && to_dacc_bo(obj)->root != vm->gpuvm.r_obj)
		ret = -EINVAL;
	else
		ret = dacc_vm_map(vm, obj, args);
	drm_gem_object_put(obj);
out_vm:
	drm_gpuvm_put(&vm->gpuvm);
	return ret;
}

/**
 * dacc_vm_zap - make the device forget a buffer, in every address space
 * @bo: buffer; its reservation lock is held
 *
 * The mappings stay known, without page table entries, until the next SUBMIT maps
 * them anew or they are unmapped.
 */
void dacc_vm_zap(struct dacc_bo *bo)
{
	struct drm_gem_object *obj = dacc_bo_gem(bo);
	struct drm_gpuvm_bo *vm_bo;
	struct drm_gpuva *va;

	dma_resv_assert_held(obj->resv);
	drm_gem_for_each_gpuvm_bo(vm_bo, obj) {
		struct dacc_vm *vm = to_dacc_vm(vm_bo->vm);

		mutex_lock(&vm->pt_lock);
		drm_gpuvm_bo_for_each_va(va, vm_bo)
			dacc_pt_unmap(vm, va->va.addr, va->va.range);
		dacc_pt_flush(vm);
		mutex_unlock(&vm->pt_lock);
		drm_gpuvm_bo_evict(vm_bo, true);
		WRITE_ONCE(vm->stale, true);
	}
}

/**
 * dacc_vm_unplug - free the page tables, in remove
 * @dacc: device after drm_dev_unplug(), stopped
 */
void dacc_vm_unplug(struct dacc_device *dacc)
{
	u32 asid;

	for (asid = 1; asid < dacc->num_asids; asid++) {
		struct dacc_vm *vm;

		mutex_lock(&dacc->hw_lock);
		vm = dacc->vms[asid];
		if (vm)
			drm_gpuvm_get(&vm->gpuvm);
		mutex_unlock(&dacc->hw_lock);
		if (!vm)
			continue;

		mutex_lock(&vm->pt_lock);
		dacc_pt_destroy(dacc, vm->root, DACC_PT_LEVELS - 1);
		vm->root = NULL;
		mutex_unlock(&vm->pt_lock);
		drm_gpuvm_put(&vm->gpuvm);
	}
}

#if IS_ENABLED(CONFIG_KUNIT)
#include "tests/dacc_vm_test.c"
#endif
