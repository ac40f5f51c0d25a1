// SPDX-License-Identifier: MIT
/* Opening the chip and the GPU peer, and giving both the weights. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#include "run.h"

#define MIN_DEPTH 64
#define MAX_DEPTH 4096

/* The chip's link peer if it has one, else any GPU peer. */
static int open_gpu(struct run *r)
{
	const char *pci = r->opt.gpu;
	struct dacc_link_info link;
	struct dacc_device_info info;
	struct dacc_module_info mod = { 0 };
	int ret;

	if (!pci && !dacc_device_get_info(r->dev, &info, sizeof(info)))
		for (uint32_t i = 0; i < info.num_links && !pci; i++)
			if (!dacc_device_get_link(r->dev, i, &link, sizeof(link)) &&
			    link.peer_bdf[0])
				pci = link.peer_bdf;
	ret = gpupeer_open(pci, &r->gpu);
	if (ret == -ENODEV && pci && !r->opt.gpu)
		ret = gpupeer_open(NULL, &r->gpu);
	if (!ret)
		return 0;
	if (ret == -EACCES || ret == -EPERM)
		return run_fail(EXIT_NO_DEVICE,
				"the GPU peer's node in /dev/dri: permission denied: run this as root, or as a member of the group that owns it (commonly render)");
	if (ret == -EINVAL)
		return run_fail(EXIT_USAGE, "--gpu '%s': want a PCI address such as 0000:04:00.0",
				r->opt.gpu);
	if (ret == -ENODEV && r->opt.gpu)
		return run_fail(EXIT_NO_DEVICE, "no GPU peer at %s: see `daccctl list`",
				r->opt.gpu);
	if (ret == -ENODEV && !dacc_module_query("gpupeer", &mod, sizeof(mod), NULL) && !mod.loaded)
		return run_fail(EXIT_NO_DEVICE,
				"no GPU peer: module gpupeer is not loaded: run `daccctl load` as root");
	if (ret == -ENODEV)
		return run_fail(EXIT_NO_DEVICE,
				"no GPU peer to prefill on: attach one, or start the guest with `-device gpupeer` (scripts/vm)");
	return run_fail(EXIT_NO_DEVICE, "the GPU peer can't be opened: %s", strerror(-ret));
}

/* Results are kept for as many jobs as the queue is deep. */
static int queue_depth(const struct run *r, unsigned int *depth)
{
	uint64_t jobs = (uint64_t)r->config->n_layers * r->n_active + 1;

	*depth = MIN_DEPTH;
	while (*depth < jobs && *depth < MAX_DEPTH)
		*depth *= 2;
	if (jobs > MAX_DEPTH)
		return run_fail(EXIT_TOO_LARGE,
				"%u prompts of %u layers are more transfers than a queue holds (%d): give fewer prompts",
				r->n_active, r->config->n_layers, MAX_DEPTH);
	return 0;
}

/* Devices on one link share a time base, whether the link is up or down. */
static bool linked(struct run *r)
{
	struct dacc_device_info info;
	struct dacc_link_info link;

	if (dacc_device_get_info(r->dev, &info, sizeof(info)))
		return false;
	for (uint32_t i = 0; i < info.num_links; i++)
		if (!dacc_device_get_link(r->dev, i, &link, sizeof(link)) && link.present &&
		    !strcmp(link.peer_bdf, gpupeer_pci(r->gpu)))
			return true;
	return false;
}

int open_devices(struct run *r)
{
	struct dacc_queue_options decode = {
		.size = sizeof(decode),
		.queue_class = DACC_CLASS_DECODE,
		.depth = MIN_DEPTH,
		.kind = r->opt.queue,
	};
	struct dacc_error err;
	unsigned int depth;
	int ret;

	ret = queue_depth(r, &depth);
	if (ret)
		return ret;
	ret = dacc_device_open(r->opt.device, &r->dev, &err);
	if (ret)
		return run_fail(EXIT_NO_DEVICE, "%s", err.text);
	ret = open_gpu(r);
	if (ret)
		return ret;
	r->stats.one_clock = linked(r);
	ret = dacc_vm_create(r->dev, &r->vm);
	if (!ret)
		ret = dacc_queue_create(r->vm, DACC_CLASS_TRANSFER, depth, &r->transfer);
	if (!ret)
		ret = dacc_queue_create_with(r->vm, &decode, &r->decode);
	if (!ret)
		r->decode_kind = dacc_queue_get_kind(r->decode);
	return ret ? run_fail_device(r, ret) : 0;
}

static int gpu_alloc(struct run *r, const char *what, uint64_t bytes, struct gpupeer_bo **bo)
{
	struct drm_gpupeer_info info = { 0 };
	int ret = gpupeer_bo_create(r->gpu, bytes, DRM_GPUPEER_BO_HBM, bo);

	if (ret == -ENOSPC && !gpupeer_info(r->gpu, &info))
		return run_fail(EXIT_TOO_LARGE,
				"GPU peer %s: %s needs %llu bytes of HBM, %llu are free: %llu too much: give fewer prompts, smaller weights or a smaller --chunk",
				gpupeer_pci(r->gpu), what, (unsigned long long)bytes,
				(unsigned long long)info.hbm_free,
				(unsigned long long)(bytes > info.hbm_free ? bytes - info.hbm_free :
									     0));
	if (ret)
		return run_fail(EXIT_FAILED, "GPU peer %s: no memory for %s: %s",
				gpupeer_pci(r->gpu), what, strerror(-ret));
	return 0;
}

static int load_gpu(struct run *r)
{
	uint64_t tokens = 0, longest = 0;
	struct dacc_error err;
	uint32_t *list;
	void *ptr;
	int ret;

	for (unsigned int i = 0; i < r->opt.n_prompts; i++) {
		tokens += r->prompt[i].n_prompt;
		if (r->prompt[i].n_prompt > longest)
			longest = r->prompt[i].n_prompt;
	}
	if (longest > r->opt.chunk)
		longest = r->opt.chunk;
	ret = gpu_alloc(r, "the model", r->info.image_bytes, &r->gpu_image);
	if (!ret)
		ret = gpu_alloc(r, "activations of a prefill", longest * r->info.prefill_act_bytes,
				&r->gpu_act);
	if (!ret)
		ret = gpu_alloc(r, "prompt tokens", tokens * sizeof(*list), &r->gpu_tokens);
	for (unsigned int i = 0; i < r->opt.n_prompts && !ret; i++)
		if (r->prompt[i].active)
			ret = gpu_alloc(r, "a KV cache", r->info.kv_bytes, &r->prompt[i].kv_hbm);
	if (ret)
		return ret;
	ret = gpupeer_bo_map(r->gpu_image, &ptr);
	if (ret)
		return run_fail(EXIT_FAILED, "GPU peer %s: HBM can't be mapped: %s",
				gpupeer_pci(r->gpu), strerror(-ret));
	ret = dacc_program_write_image(r->program, ptr, r->gpu_image->size, &err);
	if (ret)
		return run_fail(ret == -EINVAL ? EXIT_BAD_FILE : EXIT_FAILED, "%s: %s",
				r->opt.model, err.text);
	ret = gpupeer_bo_map(r->gpu_tokens, &ptr);
	if (ret)
		return run_fail(EXIT_FAILED, "GPU peer %s: HBM can't be mapped: %s",
				gpupeer_pci(r->gpu), strerror(-ret));
	list = ptr;
	for (unsigned int i = 0; i < r->opt.n_prompts; i++) {
		memcpy(list, r->prompt[i].ids, r->prompt[i].n_prompt * sizeof(*list));
		list += r->prompt[i].n_prompt;
	}
	return 0;
}

/* A syncobj of the chip's file and its handle on the GPU peer's. */
static int share_timeline(struct run *r, uint32_t *handle, uint32_t *gpu_handle)
{
	int fd, ret = dacc_syncobj_create(r->dev, handle);

	if (!ret)
		ret = dacc_syncobj_export(r->dev, *handle, &fd);
	if (ret)
		return run_fail_device(r, ret);
	ret = drmSyncobjFDToHandle(gpupeer_fd(r->gpu), fd, gpu_handle);
	close(fd);
	if (ret)
		return run_fail(EXIT_FAILED, "GPU peer %s: a timeline can't be shared: %s",
				gpupeer_pci(r->gpu), strerror(errno));
	return 0;
}

int load_weights(struct run *r)
{
	int ret = dacc_weights_load(r->program, r->vm, r->transfer, r->deadline, &r->weights);

	if (ret == -ETIME && dacc_deadline(0) >= r->deadline)
		return run_fail(EXIT_FAILED,
				"the weights were not loaded in %g s: give it longer with --timeout",
				r->opt.timeout);
	if (ret)
		return run_fail_device(r, ret);
	for (unsigned int i = 0; i < r->opt.n_prompts; i++) {
		struct prompt *p = &r->prompt[i];

		if (!p->active)
			continue;
		ret = dacc_session_create(r->weights, &p->session);
		if (!ret)
			ret = dacc_syncobj_create(r->dev, &p->moved);
		if (ret)
			return run_fail_device(r, ret);
		ret = share_timeline(r, &p->points, &p->gpu_points);
		if (ret)
			return ret;
		p->n_chunks = (p->n_prompt - 1) / r->opt.chunk + 1;
		p->chunks = calloc(p->n_chunks, sizeof(*p->chunks));
		p->copies = calloc(2ull * r->config->n_layers, sizeof(*p->copies));
		p->transfers = calloc(r->config->n_layers, sizeof(*p->transfers));
		p->crcs = calloc(r->config->n_layers, sizeof(*p->crcs));
		if (!p->chunks || !p->copies || !p->transfers || !p->crcs)
			return run_fail(EXIT_FAILED, "out of memory");
	}
	if (drmSyncobjCreate(gpupeer_fd(r->gpu), 0, &r->gpu_done))
		return run_fail(EXIT_FAILED, "GPU peer %s: a syncobj can't be created: %s",
				gpupeer_pci(r->gpu), strerror(errno));
	return load_gpu(r);
}

void close_devices(struct run *r)
{
	/* Queues first: that stops what may still be under way. */
	dacc_queue_destroy(r->decode);
	dacc_queue_destroy(r->transfer);
	for (unsigned int i = 0; r->prompt && i < r->opt.n_prompts; i++) {
		struct prompt *p = &r->prompt[i];

		dacc_kv_free(p->kv);
		dacc_bo_destroy(p->kv_bo);
		dacc_session_destroy(p->session);
		if (r->dev) {
			dacc_syncobj_destroy(r->dev, p->points);
			dacc_syncobj_destroy(r->dev, p->moved);
		}
		if (r->gpu && p->gpu_points)
			drmSyncobjDestroy(gpupeer_fd(r->gpu), p->gpu_points);
		gpupeer_bo_destroy(p->kv_hbm);
		gpupeer_bo_destroy(p->kv_sys);
		free(p->chunks);
		free(p->copies);
		free(p->transfers);
		free(p->crcs);
	}
	dacc_weights_free(r->weights);
	dacc_vm_destroy(r->vm);
	dacc_device_close(r->dev);
	gpupeer_bo_destroy(r->gpu_image);
	gpupeer_bo_destroy(r->gpu_act);
	gpupeer_bo_destroy(r->gpu_tokens);
	if (r->gpu && r->gpu_done)
		drmSyncobjDestroy(gpupeer_fd(r->gpu), r->gpu_done);
	gpupeer_close(r->gpu);
}
