// SPDX-License-Identifier: MIT
/* Kernel modules, by libkmod. */
#include <errno.h>
#include <libkmod.h>
#include <string.h>
#include <sys/utsname.h>

#include "internal.h"

static void quiet(void *data, int priority, const char *file, int line, const char *fn,
		  const char *format, va_list args)
{
	(void)data;
	(void)priority;
	(void)file;
	(void)line;
	(void)fn;
	(void)format;
	(void)args;
}

static struct kmod_ctx *new_ctx(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	if (ctx)
		kmod_set_log_fn(ctx, quiet, NULL);
	return ctx;
}

DACC_PUBLIC int dacc_module_query(const char *name, struct dacc_module_info *info, size_t size,
				  struct dacc_error *err)
{
	struct dacc_module_info m = { 0 };
	struct kmod_module *mod;
	struct kmod_ctx *ctx;
	const char *path;
	int ret, state;

	if (!name || !info)
		return dacc_set_error(err, -EINVAL, "no module name");
	ctx = new_ctx();
	if (!ctx)
		return dacc_set_error(err, -ENOMEM, "libkmod can't be used: out of memory");
	ret = kmod_module_new_from_name(ctx, name, &mod);
	if (ret) {
		kmod_unref(ctx);
		return dacc_set_error(err, ret, "module %s: %s", name, strerror(-ret));
	}
	state = kmod_module_get_initstate(mod);
	m.builtin = state == KMOD_MODULE_BUILTIN;
	m.loaded = m.builtin || state == KMOD_MODULE_LIVE;
	if (m.loaded && !m.builtin) {
		ret = kmod_module_get_refcnt(mod);
		m.refcount = ret > 0 ? ret : 0;
	}
	path = kmod_module_get_path(mod);
	if (path) {
		m.available = true;
		snprintf(m.path, sizeof(m.path), "%s", path);
	}
	kmod_module_unref(mod);
	kmod_unref(ctx);
	return dacc_copy_out(info, size, &m, sizeof(m));
}

DACC_PUBLIC int dacc_module_load(const char *name, struct dacc_error *err)
{
	struct kmod_list *list = NULL, *entry;
	struct kmod_ctx *ctx;
	struct utsname u;
	int ret;

	if (!name)
		return dacc_set_error(err, -EINVAL, "no module name");
	ctx = new_ctx();
	if (!ctx)
		return dacc_set_error(err, -ENOMEM, "libkmod can't be used: out of memory");
	ret = kmod_module_new_from_lookup(ctx, name, &list);
	if (!ret && !list)
		ret = -ENOENT;
	kmod_list_foreach(entry, list) {
		struct kmod_module *mod = kmod_module_get_module(entry);

		if (!ret)
			ret = kmod_module_probe_insert_module(mod,
							      KMOD_PROBE_APPLY_BLACKLIST_ALIAS_ONLY,
							      NULL, NULL, NULL, NULL);
		if (ret == -EEXIST)
			ret = 0;
		kmod_module_unref(mod);
	}
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	if (ret > 0)
		ret = -EIO;
	if (ret == -ENOENT) {
		if (uname(&u))
			snprintf(u.release, sizeof(u.release), "this kernel");
		dacc_set_error(err, ret,
			       "module %s is not installed for kernel %s: run `make modules_install` in dacc's tree, then `depmod`",
			       name, u.release);
	} else if (ret == -EPERM || ret == -EACCES) {
		dacc_set_error(err, ret,
			       "module %s: no permission to load modules: run this as root", name);
	} else if (ret) {
		dacc_set_error(err, ret, "module %s can't be loaded: %s (`dmesg` says more)", name,
			       strerror(-ret));
	}
	return ret;
}
