// SPDX-License-Identifier: MIT
/* A program's image in SRAM. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static int check_types(struct dacc_device *dev, const struct dacc_program *p)
{
	static const char *const name[DACC_TYPE_COUNT] = {
		[DACC_TYPE_F32] = "f32",   [DACC_TYPE_F16] = "f16",   [DACC_TYPE_BF16] = "bf16",
		[DACC_TYPE_Q8_0] = "q8_0", [DACC_TYPE_Q4_0] = "q4_0",
	};

	for (int i = 0; i < TENSOR_COUNT; i++)
		if (p->model->tensor[i].rows > 1 &&
		    !(dev->features & DACC_FEATURE_TYPE(p->tensor[i].type)))
			return dacc_dev_error(dev, -EOPNOTSUPP,
					      "%s: the chip does not take weights of type %s: choose another weight type",
					      dev->node, name[p->tensor[i].type]);
	return 0;
}

/* Through host memory and the transfer ring: the chip reads, the host waits. */
static int move_image(struct dacc_weights *w, struct dacc_queue *transfer, int64_t deadline)
{
	struct dacc_device *dev = w->vm->dev;
	struct dacc_job job = { .op = DACC_OP_COPY };
	struct dacc_submit submit = { .size = sizeof(submit), .jobs = &job, .n_jobs = 1 };
	uint64_t bytes = w->program->info.image_bytes, seq;
	struct dacc_area stage;
	struct dacc_result result;
	struct dacc_error err;
	bool late = false;
	void *ptr;
	int ret;

	ret = dacc_area_create(w->vm, bytes, DACC_BO_HOST, &stage);
	if (ret)
		return ret;
	ret = dacc_bo_map(stage.bo, &ptr);
	if (!ret) {
		ret = dacc_program_write_image(w->program, ptr, dacc_bo_size(stage.bo), &err);
		if (ret)
			dacc_dev_error(dev, ret, "%s", err.text);
	}
	if (!ret) {
		job.copy.src = stage.va;
		job.copy.dst = w->image.va;
		job.copy.len = bytes;
		/* A job that is given up takes its queue with it; so rather not begin. */
		if (dacc_deadline(0) >= deadline)
			ret = dacc_dev_error(dev, -ETIME,
					     "%s: the deadline passed before the weights were submitted: give it longer",
					     dev->node);
		else
			ret = dacc_queue_submit(transfer, &submit, &seq);
		if (ret == -EAGAIN)
			dacc_dev_error(dev, ret, "%s: the transfer queue is full", dev->node);
	}
	if (!ret) {
		ret = dacc_queue_wait(transfer, seq, deadline, &result, 1);
		late = ret == -ETIME;
		if (!ret)
			ret = dacc_job_error(transfer, "loading of the weights", &result);
	}
	/* A job that is still under way then faults, which stops its queue. */
	dacc_area_destroy(&stage);
	if (late)
		dacc_dev_error(dev, ret,
			       "%s: the weights were not loaded in time; its transfer queue was stopped: create another, and give it longer",
			       dev->node);
	return ret;
}

DACC_PUBLIC int dacc_weights_load(struct dacc_program *program, struct dacc_vm *vm,
				  struct dacc_queue *transfer, int64_t deadline,
				  struct dacc_weights **out)
{
	struct dacc_device *dev = vm->dev;
	struct dacc_weights *w;
	int ret;

	if (!out)
		return dacc_dev_error(dev, -EINVAL, "no place for the weights");
	if (transfer->queue_class != DACC_CLASS_TRANSFER)
		return dacc_dev_error(dev, -EINVAL,
				      "weights need a transfer queue, this is a decode queue");
	if (transfer->vm != vm)
		return dacc_dev_error(dev, -EINVAL,
				      "weights need a transfer queue of their address space");
	ret = check_types(dev, program);
	if (ret)
		return ret;
	w = calloc(1, sizeof(*w));
	if (!w)
		return dacc_dev_error(dev, -ENOMEM, "out of memory");
	atomic_init(&w->refs, 1);
	w->program = dacc_program_get(program);
	w->vm = dacc_vm_get(vm);
	ret = dacc_area_create(vm, program->info.image_bytes, DACC_BO_SRAM, &w->image);
	if (ret == -ENOSPC)
		dacc_sram_error(dev, "the model", align_up(program->info.image_bytes, KV_ALIGN),
				"choose a smaller weight type (f16, q8_0) or a chip with more SRAM");
	if (!ret)
		ret = move_image(w, transfer, deadline);
	if (ret) {
		dacc_weights_free(w);
		return ret;
	}
	*out = w;
	return 0;
}

struct dacc_weights *dacc_weights_get(struct dacc_weights *weights)
{
	atomic_fetch_add(&weights->refs, 1);
	return weights;
}

DACC_PUBLIC void dacc_weights_free(struct dacc_weights *weights)
{
	if (!weights || atomic_fetch_sub(&weights->refs, 1) != 1)
		return;
	dacc_area_destroy(&weights->image);
	dacc_program_free(weights->program);
	dacc_vm_put(weights->vm);
	free(weights);
}
