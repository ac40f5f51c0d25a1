// SPDX-License-Identifier: GPL-2.0
/*
 * What one user may hold of a device, all clients of one uid together. What is
 * charged is kept by uid, in an object of its own that lives as long as anything
 * is charged to it: a buffer may outlive the file that made it.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "dacc_device.h"

static unsigned long long dacc_limits[DRM_DACC_LIMIT_COUNT];

module_param_named(limit_vms, dacc_limits[DRM_DACC_LIMIT_VMS], ullong, 0644);
MODULE_PARM_DESC(limit_vms, "Address spaces for each user; 0: half of the chip's (default)");
module_param_named(limit_queues, dacc_limits[DRM_DACC_LIMIT_QUEUES], ullong, 0644);
MODULE_PARM_DESC(limit_queues, "Queues for each user; 0: half of the chip's (default)");
module_param_named(limit_host_bytes, dacc_limits[DRM_DACC_LIMIT_HOST_BYTES], ullong, 0644);
MODULE_PARM_DESC(limit_host_bytes,
		 "Bytes of host memory in buffers for each user; 0: half of all memory (default)");
module_param_named(limit_pinned_bytes, dacc_limits[DRM_DACC_LIMIT_PINNED_BYTES], ullong, 0644);
MODULE_PARM_DESC(limit_pinned_bytes,
		 "Bytes of SRAM that each user may pin; 0: three quarters of all SRAM (default)");
module_param_named(limit_transfer_bytes, dacc_limits[DRM_DACC_LIMIT_TRANSFER_BYTES], ullong,
		   0644);
MODULE_PARM_DESC(limit_transfer_bytes,
		 "Bytes of transfers in flight for each user; 0: 64 GiB (default)");

static u64 dacc_limit_of(struct dacc_device *dacc, enum drm_dacc_limit what)
{
	u64 limit = READ_ONCE(dacc_limits[what]);

	if (limit)
		return limit;
	switch (what) {
	case DRM_DACC_LIMIT_VMS:
		return max(1u, dacc->num_asids / 2);
	case DRM_DACC_LIMIT_QUEUES:
		return max(1u, dacc->num_queues / 2);
	case DRM_DACC_LIMIT_HOST_BYTES:
		return (u64)totalram_pages() << PAGE_SHIFT >> 1;
	case DRM_DACC_LIMIT_PINNED_BYTES:
		return dacc->sram_size / 4 * 3;
	default:
		return 64ull << 30;
	}
}

/**
 * dacc_user_find - the user that the calling task acts for
 * @dacc: device
 *
 * Return: the user's record with a reference, or NULL without memory.
 */
struct dacc_user *dacc_user_find(struct dacc_device *dacc)
{
	struct dacc_user *user, *fresh;
	kuid_t uid = current_euid();

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	kref_init(&fresh->ref);
	spin_lock_init(&fresh->lock);
	fresh->dacc = dacc;
	fresh->uid = uid;

	spin_lock(&dacc->users_lock);
	list_for_each_entry(user, &dacc->users, link) {
		/* One whose last reference is gone takes itself off the list. */
		if (uid_eq(user->uid, uid) && kref_get_unless_zero(&user->ref))
			goto unlock;
	}
	user = fresh;
	fresh = NULL;
	list_add(&user->link, &dacc->users);
unlock:
	spin_unlock(&dacc->users_lock);
	kfree(fresh);
	return user;
}

/**
 * dacc_user_get - take a reference
 * @user: user
 *
 * Return: @user.
 */
struct dacc_user *dacc_user_get(struct dacc_user *user)
{
	kref_get(&user->ref);
	return user;
}

static void dacc_user_release(struct kref *ref)
{
	struct dacc_user *user = container_of(ref, struct dacc_user, ref);
	struct dacc_device *dacc = user->dacc;
	u32 what;

	for (what = 0; what < DRM_DACC_LIMIT_COUNT; what++)
		drm_WARN_ON(&dacc->drm, user->used[what]);
	spin_lock(&dacc->users_lock);
	list_del(&user->link);
	spin_unlock(&dacc->users_lock);
	kfree(user);
}

/**
 * dacc_user_put - drop a reference
 * @user: user, or NULL
 */
void dacc_user_put(struct dacc_user *user)
{
	if (user)
		kref_put(&user->ref, dacc_user_release);
}

/**
 * dacc_user_charge - let a user have more of something
 * @user: user
 * @what: enum drm_dacc_limit
 * @amount: how much
 *
 * Process context, on behalf of the calling task: CAP_SYS_RESOURCE lifts the limit.
 *
 * Return: 0, or -EDQUOT; then nothing has changed.
 */
int dacc_user_charge(struct dacc_user *user, enum drm_dacc_limit what, u64 amount)
{
	u64 limit = dacc_limit_of(user->dacc, what);
	bool lifted = false;
	u64 sum;

	for (;;) {
		spin_lock(&user->lock);
		if (!check_add_overflow(user->used[what], amount, &sum) &&
		    (sum <= limit || lifted)) {
			user->used[what] = sum;
			spin_unlock(&user->lock);
			return 0;
		}
		spin_unlock(&user->lock);
		/* Not worth a line in the audit log: to be over a limit is no offence. */
		if (lifted || !ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE))
			return -EDQUOT;
		lifted = true;
	}
}

/**
 * dacc_user_charge_always - charge what a user did not ask for
 * @user: user
 * @what: enum drm_dacc_limit
 * @amount: how much; the limit may be exceeded
 */
void dacc_user_charge_always(struct dacc_user *user, enum drm_dacc_limit what, u64 amount)
{
	spin_lock(&user->lock);
	user->used[what] += amount;
	spin_unlock(&user->lock);
}

/**
 * dacc_user_uncharge - take a charge back
 * @user: user
 * @what: enum drm_dacc_limit
 * @amount: how much
 */
void dacc_user_uncharge(struct dacc_user *user, enum drm_dacc_limit what, u64 amount)
{
	spin_lock(&user->lock);
	if (!drm_WARN_ON(&user->dacc->drm, user->used[what] < amount))
		user->used[what] -= amount;
	spin_unlock(&user->lock);
}

/**
 * dacc_limit_charge - dacc_user_charge() for a client's user
 * @file: client
 * @what: enum drm_dacc_limit
 * @amount: how much
 *
 * Return: 0 or -EDQUOT.
 */
int dacc_limit_charge(struct dacc_file *file, enum drm_dacc_limit what, u64 amount)
{
	return dacc_user_charge(file->user, what, amount);
}

/**
 * dacc_limit_uncharge - dacc_user_uncharge() for a client's user
 * @file: client
 * @what: enum drm_dacc_limit
 * @amount: how much
 */
void dacc_limit_uncharge(struct dacc_file *file, enum drm_dacc_limit what, u64 amount)
{
	dacc_user_uncharge(file->user, what, amount);
}

/**
 * dacc_limit_query - answer DRM_DACC_QUERY_LIMITS
 * @file: client
 * @info: filled in, all DRM_DACC_LIMIT_COUNT of them
 *
 * Return: size of the answer.
 */
u32 dacc_limit_query(struct dacc_file *file, struct drm_dacc_limit_info *info)
{
	struct dacc_user *user = file->user;
	u32 what;

	spin_lock(&user->lock);
	for (what = 0; what < DRM_DACC_LIMIT_COUNT; what++) {
		info[what].limit = dacc_limit_of(user->dacc, what);
		info[what].used = user->used[what];
	}
	spin_unlock(&user->lock);
	return DRM_DACC_LIMIT_COUNT * sizeof(*info);
}
