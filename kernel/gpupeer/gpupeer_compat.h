/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shims for kernels whose DRM API is older than the one that this driver is
 * written for. Kbuild probes what is there.
 */
#ifndef GPUPEER_COMPAT_H
#define GPUPEER_COMPAT_H

#include <linux/dma-buf.h>

#include <drm/drm_file.h>
#include <drm/gpu_scheduler.h>

#ifndef GPUPEER_HAVE_INVALIDATE_MAPPINGS
#define dma_buf_invalidate_mappings(dmabuf)	dma_buf_move_notify(dmabuf)
#define invalidate_mappings			move_notify
#endif

#ifdef GPUPEER_HAVE_P2PDMA_PROVIDER
#define PEER_HAVE_PROVIDER
#endif

/* Can the importer be told to let go? */
#ifndef GPUPEER_HAVE_DMA_BUF_ATTACH_REVOCABLE
static inline bool dma_buf_attach_revocable(struct dma_buf_attachment *attach)
{
	return attach->importer_ops && attach->importer_ops->invalidate_mappings;
}
#endif

static inline int gpupeer_sched_job_init(struct drm_sched_job *job,
					 struct drm_sched_entity *entity, u32 credits,
					 void *owner, struct drm_file *file)
{
#ifdef GPUPEER_HAVE_SCHED_JOB_CLIENT_ID
	return drm_sched_job_init(job, entity, credits, owner, file->client_id);
#else
	return drm_sched_job_init(job, entity, credits, owner);
#endif
}

#ifdef GPUPEER_HAVE_NS_TOKEN
#define GPUPEER_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#else
#define GPUPEER_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#endif

#endif /* GPUPEER_COMPAT_H */
