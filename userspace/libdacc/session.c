// SPDX-License-Identifier: MIT
/* Sessions: a KV cache, activations and where decoding is. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

DACC_PUBLIC int dacc_session_create(struct dacc_weights *weights, struct dacc_session **out)
{
	const struct dacc_program_info *info = &weights->program->info;
	struct dacc_device *dev = weights->vm->dev;
	uint64_t bytes = info->kv_bytes + info->act_bytes;
	struct dacc_session *s;
	int ret;

	if (!out)
		return dacc_dev_error(dev, -EINVAL, "no place for the session");
	s = calloc(1, sizeof(*s));
	if (!s)
		return dacc_dev_error(dev, -ENOMEM, "out of memory");
	ret = dacc_area_create(weights->vm, bytes, DACC_BO_SRAM, &s->area);
	if (ret) {
		if (ret == -ENOSPC)
			dacc_sram_error(dev, "a session (KV cache and activations)",
					align_up(bytes, KV_ALIGN),
					"use fewer sessions, a KV cache of type f16, or a shorter context");
		free(s);
		return ret;
	}
	atomic_init(&s->refs, 1);
	atomic_init(&s->busy, false);
	pthread_mutex_init(&s->lock, NULL);
	s->weights = dacc_weights_get(weights);
	s->act = s->area.va + info->kv_bytes;
	s->seq.base[DACC_BASE_LAYER] = weights->image.va + info->layers_offset;
	s->seq.base[DACC_BASE_KV] = s->area.va;
	s->seq.base[DACC_BASE_ACT] = s->act;
	s->seq.base[DACC_BASE_MODEL] = weights->image.va;
	*out = s;
	return 0;
}

static uint32_t bits(float f)
{
	uint32_t v;

	memcpy(&v, &f, sizeof(v));
	return v;
}

DACC_PUBLIC int dacc_session_begin(struct dacc_session *session,
				   const struct dacc_session_start *start)
{
	struct dacc_device *dev = session->weights->vm->dev;
	const struct dacc_program *p = session->weights->program;
	uint32_t max_ctx = p->info.kv.max_ctx;
	struct dacc_session_start s;
	int ret = dacc_copy_in(&s, sizeof(s), start);

	if (ret)
		return dacc_dev_error(dev, ret, "struct dacc_session_start %s",
				      dacc_copy_in_text(ret, start));
	if (atomic_load(&session->busy))
		return dacc_dev_error(dev, -EBUSY, "the session has a decode under way");
	if (!s.max_pos)
		s.max_pos = max_ctx;
	if (s.max_pos > max_ctx)
		return dacc_dev_error(dev, -EINVAL,
				      "position %u is past the context of %u that the program was compiled for",
				      s.max_pos, max_ctx);
	if (s.pos >= s.max_pos)
		return dacc_dev_error(dev, -EINVAL, "start position %u leaves nothing up to %u",
				      s.pos, s.max_pos);
	if (s.token >= p->model->config.vocab_size)
		return dacc_dev_error(dev, -EINVAL, "token %u is not in the vocabulary of %u",
				      s.token, p->model->config.vocab_size);
	/* Logits are divided by it: by less, all that is not 0 would be infinite. */
	if (!isfinite(s.temperature) || s.temperature < 0 ||
	    (s.temperature > 0 && s.temperature < FLT_MIN))
		return dacc_dev_error(dev, -EINVAL,
				      "temperature %g: must be 0 (greedy), or %g or more",
				      s.temperature, FLT_MIN);
	if (!(s.top_p >= 0 && s.top_p <= 1))
		return dacc_dev_error(dev, -EINVAL, "top_p %g: must be 0 to 1", s.top_p);
	if (s.temperature > 0 && !s.seed)
		return dacc_dev_error(dev, -EINVAL, "sampling needs a seed that is not 0");
	session->seq.token = s.token;
	session->seq.pos = s.pos;
	session->seq.max_pos = s.max_pos;
	session->seq.stop_token = s.stop_token;
	session->seq.flags = 0;
	session->seq.temperature = bits(s.temperature);
	session->seq.top_p = bits(s.top_p);
	session->seq.rng = s.seed;
	session->begun = true;
	return 0;
}

DACC_PUBLIC int dacc_session_get_state(const struct dacc_session *session,
				       struct dacc_session_state *state, size_t size)
{
	struct dacc_session_state s = {
		.token = session->seq.token,
		.pos = session->seq.pos,
		.done = session->seq.flags & DACC_SEQ_DONE,
	};

	return dacc_copy_out(state, size, &s, sizeof(s));
}

DACC_PUBLIC uint64_t dacc_session_kv(const struct dacc_session *session,
				     struct dacc_kv_layout *layout)
{
	if (layout)
		*layout = session->weights->program->info.kv;
	return session->area.va;
}

int dacc_session_need_pool(struct dacc_session *session)
{
	const struct dacc_kv_layout *kv = &session->weights->program->info.kv;
	struct dacc_device *dev = session->weights->vm->dev;
	struct dacc_pool_args args = {
		.size = sizeof(args),
		.va = session->area.va,
		.page_bytes = (uint32_t)kv->layer_bytes,
		.n_pages = kv->n_layers,
	};
	int ret = 0;

	if (kv->layer_bytes > UINT32_MAX)
		return dacc_dev_error(dev, -EINVAL,
				      "a layer of the KV cache has %llu bytes: more than a page can have",
				      (unsigned long long)kv->layer_bytes);
	pthread_mutex_lock(&session->lock);
	if (!session->pages) {
		session->pages = calloc(kv->n_layers, sizeof(*session->pages));
		if (!session->pages)
			ret = dacc_dev_error(dev, -ENOMEM, "out of memory");
		if (!ret)
			ret = dacc_pool_create(session->weights->vm, &args, &session->pool);
		if (!ret)
			ret = dacc_pool_alloc(session->pool, session->pages, kv->n_layers);
		if (ret) {
			dacc_pool_destroy(session->pool);
			free(session->pages);
			session->pool = NULL;
			session->pages = NULL;
		}
	}
	pthread_mutex_unlock(&session->lock);
	return ret;
}

struct dacc_session *dacc_session_get(struct dacc_session *session)
{
	atomic_fetch_add(&session->refs, 1);
	return session;
}

void dacc_session_put(struct dacc_session *session)
{
	if (!session || atomic_fetch_sub(&session->refs, 1) != 1)
		return;
	/* First: it keeps the mapping. */
	dacc_pool_destroy(session->pool);
	free(session->pages);
	pthread_mutex_destroy(&session->lock);
	dacc_area_destroy(&session->area);
	dacc_weights_free(session->weights);
	free(session);
}

DACC_PUBLIC void dacc_session_destroy(struct dacc_session *session)
{
	dacc_session_put(session);
}
