/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ioctl ABI of gpupeer.ko, the small DRM render driver of the GPU peer.
 *
 * Every pad and reserved field must be zero (-EINVAL otherwise), every unknown
 * flag is -EINVAL, every unknown handle is -ENOENT. Pointers are __u64.
 */
#ifndef _UAPI_GPUPEER_DRM_H
#define _UAPI_GPUPEER_DRM_H

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define DRM_GPUPEER_INFO		0x00
#define DRM_GPUPEER_BO_CREATE		0x01
#define DRM_GPUPEER_BO_MMAP		0x02
#define DRM_GPUPEER_PREFILL		0x03
#define DRM_GPUPEER_COPY		0x04
#define DRM_GPUPEER_JOB_QUERY		0x05

/**
 * struct drm_gpupeer_info - describe the device
 * @hbm_size: out: bytes of HBM.
 * @hbm_free: out: bytes that no buffer holds.
 * @time_ps: out: device time.
 * @p2p: out: 1 if buffers in HBM may be exported for peer-to-peer access.
 * @pad: zero.
 */
struct drm_gpupeer_info {
	__u64 hbm_size;
	__u64 hbm_free;
	__u64 time_ps;
	__u32 p2p;
	__u32 pad;
};

/* drm_gpupeer_bo_create.flags: exactly one */
#define DRM_GPUPEER_BO_HBM		(1u << 0)
#define DRM_GPUPEER_BO_SYSTEM		(1u << 1)	/* host memory, for COPY */

/**
 * struct drm_gpupeer_bo_create - allocate a buffer
 * @size: bytes, rounded up to 64 KiB in HBM and to pages in host memory; 0 is
 *	-EINVAL, more than there is -ENOSPC. The buffer reads as zeros.
 * @flags: DRM_GPUPEER_BO_HBM or DRM_GPUPEER_BO_SYSTEM.
 * @handle: out: GEM handle.
 */
struct drm_gpupeer_bo_create {
	__u64 size;
	__u32 flags;
	__u32 handle;
};

/**
 * struct drm_gpupeer_bo_mmap - get the offset to give to mmap()
 * @handle: GEM handle.
 * @pad: zero.
 * @offset: out: offset for mmap() on the DRM file.
 */
struct drm_gpupeer_bo_mmap {
	__u32 handle;
	__u32 pad;
	__u64 offset;
};

/**
 * struct drm_gpupeer_sync - a syncobj to wait for or to signal
 * @handle: syncobj handle.
 * @pad: zero.
 * @point: timeline point, or 0 for a binary syncobj.
 */
struct drm_gpupeer_sync {
	__u32 handle;
	__u32 pad;
	__u64 point;
};

#define DRM_GPUPEER_NUM_SEGMENTS	8
#define DRM_GPUPEER_NUM_BASES		8
#define DRM_GPUPEER_SEGMENT_WRITE	(1u << 0)

/**
 * struct drm_gpupeer_segment - a buffer that a program may reach
 * @handle: GEM handle of an HBM buffer, or 0 for an empty segment.
 * @flags: DRM_GPUPEER_SEGMENT_WRITE.
 */
struct drm_gpupeer_segment {
	__u32 handle;
	__u32 flags;
};

/**
 * struct drm_gpupeer_prefill - run a program over prompt tokens
 * @segment: buffers; segment s is at virtual address s << 40.
 * @program: virtual address of the instructions.
 * @tokens: virtual address of the 32-bit tokens.
 * @base: base registers.
 * @act_stride: bytes between the activations of two tokens.
 * @n_insns: instructions.
 * @n_tokens: tokens.
 * @pos: position of the first token.
 * @max_pos: positions in the KV cache.
 * @in_syncs: pointer to struct drm_gpupeer_sync[n_in_syncs] to wait for.
 * @n_in_syncs: number of them, at most 64.
 * @n_points: how many of the program's SIGNALs have a timeline point, at most
 *	256; 0 for none.
 * @points: timeline syncobj for those and its first point: point i is signalled
 *	when the program has reported progress i + 1 or more. Points that are
 *	left when the job ends are signalled with its error, or with -ENODATA
 *	if it succeeds, that is, if the program reports less progress than there
 *	are points; @done has no error then, so who waits for points has to look
 *	at each one's error. Ignored if n_points is 0 (must then be zero).
 * @done: signalled when the job has ended; handle 0 for none.
 * @job: out: job id for DRM_IOCTL_GPUPEER_JOB_QUERY.
 *
 * The fence is in the reservation objects of all segments too.
 */
struct drm_gpupeer_prefill {
	struct drm_gpupeer_segment segment[DRM_GPUPEER_NUM_SEGMENTS];
	__u64 program;
	__u64 tokens;
	__u64 base[DRM_GPUPEER_NUM_BASES];
	__u64 act_stride;
	__u32 n_insns;
	__u32 n_tokens;
	__u32 pos;
	__u32 max_pos;
	__u64 in_syncs;
	__u32 n_in_syncs;
	__u32 n_points;
	struct drm_gpupeer_sync points;
	struct drm_gpupeer_sync done;
	__u64 job;
};

/**
 * struct drm_gpupeer_copy - copy between an HBM and a host memory buffer
 * @src: GEM handle to read.
 * @dst: GEM handle to write; one of the two is in HBM, the other in host
 *	memory, or imported: any dma-buf, also another device's memory.
 * @src_offset: bytes.
 * @dst_offset: bytes.
 * @len: bytes, not 0.
 * @in_syncs: pointer to struct drm_gpupeer_sync[n_in_syncs] to wait for.
 * @n_in_syncs: number of them, at most 64.
 * @pad: zero.
 * @done: signalled when the job has ended; handle 0 for none.
 * @job: out: job id.
 */
struct drm_gpupeer_copy {
	__u32 src;
	__u32 dst;
	__u64 src_offset;
	__u64 dst_offset;
	__u64 len;
	__u64 in_syncs;
	__u32 n_in_syncs;
	__u32 pad;
	struct drm_gpupeer_sync done;
	__u64 job;
};

#define DRM_GPUPEER_JOB_PENDING		0
#define DRM_GPUPEER_JOB_DONE		1

/**
 * struct drm_gpupeer_job_query - result of a job of this file
 * @job: job id. The driver keeps the results of a file's last 256 jobs; older
 *	or unknown ids are -ENOENT.
 * @state: out: DRM_GPUPEER_JOB_PENDING or DRM_GPUPEER_JOB_DONE.
 * @error: out: 0 or a negative errno.
 * @t_issue: out: device time in picoseconds.
 * @t_start: out: device time.
 * @t_end: out: device time.
 * @bytes: out: bytes copied or tokens processed.
 * @times: pointer to __u64[n_times] that receives the device time of each
 *	SIGNAL with a point; 0 for none.
 * @n_times: in: room; out: number of points reported.
 * @pad: zero.
 */
struct drm_gpupeer_job_query {
	__u64 job;
	__u32 state;
	__s32 error;
	__u64 t_issue;
	__u64 t_start;
	__u64 t_end;
	__u64 bytes;
	__u64 times;
	__u32 n_times;
	__u32 pad;
};

#define DRM_IOCTL_GPUPEER_INFO \
	DRM_IOR(DRM_COMMAND_BASE + DRM_GPUPEER_INFO, struct drm_gpupeer_info)
#define DRM_IOCTL_GPUPEER_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_GPUPEER_BO_CREATE, struct drm_gpupeer_bo_create)
#define DRM_IOCTL_GPUPEER_BO_MMAP \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_GPUPEER_BO_MMAP, struct drm_gpupeer_bo_mmap)
#define DRM_IOCTL_GPUPEER_PREFILL \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_GPUPEER_PREFILL, struct drm_gpupeer_prefill)
#define DRM_IOCTL_GPUPEER_COPY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_GPUPEER_COPY, struct drm_gpupeer_copy)
#define DRM_IOCTL_GPUPEER_JOB_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_GPUPEER_JOB_QUERY, struct drm_gpupeer_job_query)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_GPUPEER_DRM_H */
