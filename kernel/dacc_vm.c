// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces: DRM GPUVM keeps what is mapped where, dacc_pt.c writes the
 * page table. Each has a hardware ASID for its whole life.
 */
#include <linux/dma-resv.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "dacc_device.h"
#include "dacc_trace.h"

static void dacc_vm_free(struct drm_gpuvm *gpuvm)
{
	struct dacc_vm *vm = to_dacc_vm(gpuvm);

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
 * Maps a buffer anew that its exporter took back. If it does not give it again the
 * hole stays, and jobs that come to it fault.
 */
static int dacc_vm_bo_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec)
{
	struct dacc_vm *vm = to_dacc_vm(vm_bo->vm);
	struct dacc_bo *bo = to_dacc_bo(vm_bo->obj);
	struct drm_gpuva *va;
	int ret;

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

/**
 * dacc_vm_lock_and_validate - lock all shared buffers, map anew what was taken back
 * @vm: address space, with &dacc_vm.stale set
 * @exec: locks them; they are locked only if this returns 0
 *
 * Return: 0, -ENOMEM, -ENODEV or -ERESTARTSYS.
 */
int dacc_vm_lock_and_validate(struct dacc_vm *vm, struct drm_gpuvm_exec *exec)
{
	int idx, ret;

	/* So that no buffer joins or leaves that @exec does not lock. */
	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		return ret;
	ret = drm_gpuvm_exec_lock(exec);
	if (ret)
		goto unlock;
	ret = -ENODEV;
	if (drm_dev_enter(&vm->dacc->drm, &idx)) {
		ret = drm_gpuvm_validate(&vm->gpuvm, &exec->exec);
		drm_dev_exit(idx);
	}
	if (ret)
		drm_gpuvm_exec_unlock(exec);
	else
		WRITE_ONCE(vm->stale, false);
unlock:
	mutex_unlock(&vm->lock);
	return ret;
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
 * dacc_vm_create_ioctl - DRM_IOCTL_DACC_VM_CREATE
 * @drm: device
 * @data: struct drm_dacc_vm_create
 * @file: client
 *
 * Return: 0, -EINVAL, -EDQUOT, -ENOSPC if every ASID is taken, -ENOMEM or -ENODEV.
 */
int dacc_vm_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct dacc_device *dacc = to_dacc(drm);
	struct dacc_file *priv = file->driver_priv;
	struct drm_dacc_vm_create *args = data;
	struct drm_gem_object *resv;
	struct dacc_vm *vm;
	int idx, ret;

	if (args->flags)
		return -EINVAL;
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	ret = dacc_limit_charge(priv, DRM_DACC_LIMIT_VMS, 1);
	if (ret)
		goto err_exit;
	ret = -ENOMEM;
	vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	if (!vm)
		goto err_uncharge;
	resv = drm_gpuvm_resv_object_alloc(drm);
	if (!resv) {
		kfree(vm);
		goto err_uncharge;
	}
	vm->dacc = dacc;
	vm->user = dacc_user_get(priv->user);
	mutex_init(&vm->lock);
	mutex_init(&vm->pt_lock);
	dacc_vm_prime_lockdep(vm);
	spin_lock_init(&vm->imports_lock);
	INIT_LIST_HEAD(&vm->imports);
	INIT_LIST_HEAD(&vm->trash);
	atomic_inc(&dacc->num_vms);
	/* The first page is never mapped. */
	drm_gpuvm_init(&vm->gpuvm, "dacc", 0, drm, resv, 0, 1ull << DACC_VA_BITS,
		       0, DACC_PAGE_SIZE, &dacc_gpuvm_ops);
	drm_gem_object_put(resv);

	vm->root = dacc_pt_create(dacc, DACC_PT_LEVELS - 1);
	if (!vm->root) {
		ret = -ENOMEM;
		goto err_put;
	}
	ret = dacc_vm_attach(vm);
	if (ret)
		goto err_detach;
	ret = xa_alloc(&priv->vms, &args->vm, vm, xa_limit_31b, GFP_KERNEL);
	if (ret)
		goto err_detach;
	drm_dev_exit(idx);
	return 0;

err_detach:
	dacc_vm_detach(vm);
err_put:
	drm_gpuvm_put(&vm->gpuvm);
err_uncharge:
	dacc_limit_uncharge(priv, DRM_DACC_LIMIT_VMS, 1);
err_exit:
	drm_dev_exit(idx);
	return ret;
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

	spin_lock(&vm->imports_lock);
	list_for_each_entry(vma, &vm->imports, import) {
		if (vma->va.gem.obj->resv == obj->resv && !vma->readonly) {
			write = true;
			break;
		}
	}
	spin_unlock(&vm->imports_lock);
	return write;
}

/* --- pins --- */

static int dacc_vm_pin_bo(struct dacc_vm *vm, struct drm_gpuvm_bo *vm_bo)
{
	struct dacc_bo *bo = to_dacc_bo(vm_bo->obj);
	int ret;

	lockdep_assert_held(&vm->lock);
	if (to_dacc_vm_bo(vm_bo)->pinned || !(bo->flags & DRM_DACC_BO_SRAM))
		return 0;
	ret = dacc_user_charge(vm->user, DRM_DACC_LIMIT_PINNED_BYTES, vm_bo->obj->size);
	if (!ret)
		to_dacc_vm_bo(vm_bo)->pinned = true;
	return ret;
}

static void dacc_vm_unpin_bo(struct dacc_vm *vm, struct drm_gpuvm_bo *vm_bo)
{
	lockdep_assert_held(&vm->lock);
	if (!to_dacc_vm_bo(vm_bo)->pinned)
		return;
	dacc_user_uncharge(vm->user, DRM_DACC_LIMIT_PINNED_BYTES, vm_bo->obj->size);
	to_dacc_vm_bo(vm_bo)->pinned = false;
}

static void dacc_vm_unpin_all(struct dacc_vm *vm)
{
	struct drm_gpuva *va;

	drm_gpuvm_for_each_va(va, &vm->gpuvm) {
		if (va->vm_bo)
			dacc_vm_unpin_bo(vm, va->vm_bo);
	}
}

/**
 * dacc_vm_pin - keep all buffers of an address space where the device finds them
 * @vm: address space
 *
 * Counted. Until dacc_vm_unpin() all SRAM buffers that are mapped, or will be, are
 * in SRAM and charged to the user's DRM_DACC_LIMIT_PINNED_BYTES.
 *
 * Return: 0, -ENOSPC, -EDQUOT, -ENOMEM or -ERESTARTSYS.
 */
int dacc_vm_pin(struct dacc_vm *vm)
{
	struct drm_gpuva *va;
	int ret;

	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		return ret;
	if (!vm->pins) {
		drm_gpuvm_for_each_va(va, &vm->gpuvm) {
			if (va->vm_bo)
				ret = dacc_vm_pin_bo(vm, va->vm_bo);
			if (ret)
				break;
		}
		if (ret)
			dacc_vm_unpin_all(vm);
	}
	if (!ret)
		vm->pins++;
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * dacc_vm_unpin - undo dacc_vm_pin()
 * @vm: address space
 */
void dacc_vm_unpin(struct dacc_vm *vm)
{
	mutex_lock(&vm->lock);
	if (!--vm->pins)
		dacc_vm_unpin_all(vm);
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
	spin_lock(&vm->imports_lock);
	list_del(&to_dacc_vma(va)->import);
	spin_unlock(&vm->imports_lock);
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
	dacc_user_uncharge(vm->user, DRM_DACC_LIMIT_VMS, 1);
	drm_gpuvm_put(&vm->gpuvm);
}

/**
 * dacc_vm_destroy_ioctl - DRM_IOCTL_DACC_VM_DESTROY
 * @drm: device
 * @data: struct drm_dacc_vm_destroy
 * @file: client
 *
 * Return: 0, -EINVAL, -ENOENT, or -EBUSY while a queue uses it.
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
	if (!vm || vm->queues) {
		mutex_unlock(&priv->lock);
		return vm ? -EBUSY : -ENOENT;
	}
	xa_erase(&priv->vms, args->vm);
	mutex_unlock(&priv->lock);
	dacc_vm_close(vm);
	return 0;
}

static int dacc_vm_map_locked(struct dacc_vm *vm, struct drm_gem_object *obj,
			      struct dacc_vma *vma)
{
	struct dacc_bo *bo = to_dacc_bo(obj);
	struct drm_gpuva *va = &vma->va;
	struct drm_gpuvm_bo *vm_bo;
	int ret;

	ret = dacc_bo_map_dma(bo);
	if (ret)
		return ret;
	vm_bo = drm_gpuvm_bo_obtain_locked(&vm->gpuvm, obj);
	if (IS_ERR(vm_bo))
		return PTR_ERR(vm_bo);
	if (vm->pins) {
		ret = dacc_vm_pin_bo(vm, vm_bo);
		if (ret)
			goto out_put;
	}

	mutex_lock(&vm->pt_lock);
	ret = dacc_pt_map_bo(vm, bo, va->va.addr, va->gem.offset, va->va.range, vma->readonly);
	if (ret)
		dacc_pt_flush(vm);
	mutex_unlock(&vm->pt_lock);
	if (ret)
		goto out;

	ret = drm_gpuva_insert(&vm->gpuvm, va);
	if (ret) {
		mutex_lock(&vm->pt_lock);
		dacc_pt_unmap(vm, va->va.addr, va->va.range);
		dacc_pt_flush(vm);
		mutex_unlock(&vm->pt_lock);
		goto out;
	}
	drm_gpuva_link(va, vm_bo);
	if (bo->flags & DRM_DACC_BO_IMPORTED) {
		spin_lock(&vm->imports_lock);
		list_add_tail(&vma->import, &vm->imports);
		spin_unlock(&vm->imports_lock);
	}
	if (bo->shared)
		drm_gpuvm_bo_extobj_add(vm_bo);
out:
	if (ret && list_empty(&vm_bo->list.gpuva))
		dacc_vm_unpin_bo(vm, vm_bo);
out_put:
	drm_gpuvm_bo_put(vm_bo);
	return ret;
}

static int dacc_vm_map(struct dacc_vm *vm, struct drm_gem_object *obj,
		       const struct drm_dacc_vm_bind *args)
{
	struct dacc_vma *vma;
	int idx, ret;

	vma = kzalloc(sizeof(*vma), GFP_KERNEL_ACCOUNT);
	if (!vma)
		return -ENOMEM;
	INIT_LIST_HEAD(&vma->import);
	vma->readonly = args->flags & DRM_DACC_VM_READONLY;
	vma->va.va.addr = args->addr;
	vma->va.va.range = args->range;
	vma->va.gem.obj = obj;
	vma->va.gem.offset = args->offset;

	ret = mutex_lock_interruptible(&vm->lock);
	if (ret)
		goto err_free;
	if (vm->closed) {
		ret = -ENOENT;
		goto err_unlock;
	}
	if (drm_gpuva_find_first(&vm->gpuvm, args->addr, args->range)) {
		ret = -EEXIST;
		goto err_unlock;
	}
	if (!drm_dev_enter(&vm->dacc->drm, &idx)) {
		ret = -ENODEV;
		goto err_unlock;
	}
	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (!ret) {
		ret = dacc_vm_map_locked(vm, obj, vma);
		dma_resv_unlock(obj->resv);
	}
	drm_dev_exit(idx);
	if (ret)
		goto err_unlock;
	mutex_unlock(&vm->lock);
	trace_dacc_bind(vm->asid, args->addr, args->range, to_dacc_bo(obj)->flags);
	return 0;

err_unlock:
	mutex_unlock(&vm->lock);
err_free:
	kfree(vma);
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
	if (va)
		dacc_vm_unmap_va(vm, va);
	else
		ret = -ENOENT;
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

	mutex_lock(&priv->lock);
	vm = xa_load(&priv->vms, args->vm);
	if (vm)
		drm_gpuvm_get(&vm->gpuvm);
	mutex_unlock(&priv->lock);
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
