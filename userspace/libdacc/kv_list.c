// SPDX-License-Identifier: MIT
/* Prepared lists: the driver copies, checks and encodes them once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drm/dacc_accel.h"
#include "internal.h"

static int encode_sg(const struct dacc_list_args *a, struct drm_dacc_list_create *raw)
{
	if (!a->sg.blocks || !a->sg.layer_end)
		return -EINVAL;
	raw->sg.blocks = (uintptr_t)a->sg.blocks;
	raw->sg.layer_end = (uintptr_t)a->sg.layer_end;
	raw->sg.n_blocks = a->sg.layer_end[a->n_layers - 1];
	return 0;
}

static void encode_strided(const struct dacc_list_args *a, struct drm_dacc_list_create *raw)
{
	raw->strided.src = a->strided.src;
	raw->strided.dst = a->strided.dst;
	raw->strided.src_layer = a->strided.src_layer;
	raw->strided.dst_layer = a->strided.dst_layer;
	raw->strided.src_stride = a->strided.src_stride;
	raw->strided.dst_stride = a->strided.dst_stride;
	raw->strided.len = a->strided.block_bytes;
	raw->strided.n_blocks = a->strided.n_blocks;
}

static void encode_indexed(const struct dacc_list_args *a, struct drm_dacc_list_create *raw)
{
	raw->indexed.src = a->indexed.src;
	raw->indexed.src_layer = a->indexed.src_layer;
	raw->indexed.src_stride = a->indexed.src_stride;
	raw->indexed.dst_layer = a->indexed.dst_layer;
	raw->indexed.dst_offset = a->indexed.dst_offset;
	raw->indexed.src_index = (uintptr_t)a->indexed.src_index;
	raw->indexed.len = a->indexed.block_bytes;
}

static int encode(const struct dacc_list_args *a, struct drm_dacc_list_create *raw)
{
	raw->pool = a->pool ? a->pool->id : 0;
	raw->pages = (uintptr_t)a->pages;
	raw->n_pages = a->n_pages;
	raw->form = a->form;
	raw->n_layers = a->n_layers;
	if (!a->n_layers)
		return -EINVAL;
	switch (a->form) {
	case DACC_LIST_SG:
		return encode_sg(a, raw);
	case DACC_LIST_STRIDED:
		encode_strided(a, raw);
		return 0;
	case DACC_LIST_INDEXED:
		encode_indexed(a, raw);
		return 0;
	default:
		return -EINVAL;
	}
}

DACC_PUBLIC int dacc_list_create(struct dacc_vm *vm, const struct dacc_list_args *args,
				 struct dacc_list **out)
{
	struct drm_dacc_list_create raw = { .vm = vm->id };
	struct dacc_device *dev = vm->dev;
	struct dacc_list_args a;
	struct dacc_list *list;
	int ret = dacc_copy_in(&a, sizeof(a), args);

	if (ret)
		return dacc_dev_error(dev, ret, "struct dacc_list_args %s",
				      dacc_copy_in_text(ret, args));
	if (!out)
		return dacc_dev_error(dev, -EINVAL, "no place for the list");
	if (encode(&a, &raw))
		return dacc_dev_error(dev, -EINVAL,
				      "a list of form %d with %u layers: no such form, or empty",
				      (int)a.form, a.n_layers);
	list = calloc(1, sizeof(*list));
	if (!list)
		return dacc_dev_error(dev, -ENOMEM, "out of memory");
	ret = dacc_ioctl(dev, DRM_IOCTL_DACC_LIST_CREATE, &raw);
	if (ret) {
		free(list);
		if (ret == -EFAULT)
			return dacc_dev_error(dev, ret,
					      "block %u of the list has its destination outside of the pages",
					      raw.index);
		if (ret == -ESTALE)
			return dacc_dev_error(dev, ret, "page %u of the list was freed before",
					      raw.index);
		if (ret == -EINVAL)
			return dacc_dev_error(dev, ret,
					      "block or page %u of the list: out of bounds, twice, or more than %u blocks in a layer",
					      raw.index, dev->max_blocks);
		return dacc_ioctl_error(dev, ret, "prepare a list");
	}
	list->vm = dacc_vm_get(vm);
	list->id = raw.list;
	list->n_layers = a.n_layers;
	*out = list;
	return 0;
}

DACC_PUBLIC void dacc_list_destroy(struct dacc_list *list)
{
	struct drm_dacc_list_destroy raw = { 0 };

	if (!list)
		return;
	raw.list = list->id;
	dacc_ioctl(list->vm->dev, DRM_IOCTL_DACC_LIST_DESTROY, &raw);
	dacc_vm_put(list->vm);
	free(list);
}
