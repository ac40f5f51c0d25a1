/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ioctl ABI of dacc.ko (/dev/accel/accelN).
 *
 * Rules for every ioctl: a pad or reserved field that is not zero is -EINVAL,
 * and so is an unknown flag. An unknown object id or GEM handle is -ENOENT;
 * ids and handles belong to the file that made them. Pointers are __u64.
 * After the device is unplugged every ioctl returns -ENODEV. Structs only
 * grow at their end.
 */
#ifndef _UAPI_DACC_ACCEL_H
#define _UAPI_DACC_ACCEL_H

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define DRM_DACC_QUERY			0x00
#define DRM_DACC_BO_CREATE		0x01
#define DRM_DACC_BO_MMAP		0x02
#define DRM_DACC_BO_INFO		0x03
#define DRM_DACC_VM_CREATE		0x04
#define DRM_DACC_VM_DESTROY		0x05
#define DRM_DACC_VM_BIND		0x06
#define DRM_DACC_QUEUE_CREATE		0x07
#define DRM_DACC_QUEUE_DESTROY		0x08
#define DRM_DACC_QUEUE_INFO		0x09
#define DRM_DACC_SUBMIT			0x0a
#define DRM_DACC_WAIT			0x0b

/**
 * enum drm_dacc_query_type - what to query
 * @DRM_DACC_QUERY_DEVICE: struct drm_dacc_device_info.
 * @DRM_DACC_QUERY_LINK: struct drm_dacc_link_info of link port @index.
 * @DRM_DACC_QUERY_TIMING: __u64[], the device's timing parameters in the order
 *	of enum dacc_timing in dacc_hw.h.
 */
enum drm_dacc_query_type {
	DRM_DACC_QUERY_DEVICE = 0,
	DRM_DACC_QUERY_LINK = 1,
	DRM_DACC_QUERY_TIMING = 2,
};

/**
 * struct drm_dacc_query - query the device
 * @type: enum drm_dacc_query_type; unknown: -EINVAL.
 * @index: link port for DRM_DACC_QUERY_LINK (-ENOENT if there is none such),
 *	else 0.
 * @pointer: where the answer goes, or 0 to ask for its size.
 * @size: in: room at @pointer; out: size of the answer. A smaller room gets
 *	the answer's first bytes; the rest of a larger room is zeroed.
 * @pad: zero.
 */
struct drm_dacc_query {
	__u32 type;
	__u32 index;
	__u64 pointer;
	__u32 size;
	__u32 pad;
};

/**
 * struct drm_dacc_device_info - answer of DRM_DACC_QUERY_DEVICE
 * @hw_version: DACC_REG_VERSION.
 * @generation: DACC_REG_GENERATION: counts device resets.
 * @features: DACC_REG_FEATURES.
 * @sram_size: bytes of SRAM.
 * @sram_free: bytes that no buffer holds now.
 * @time_ps: device time in picoseconds.
 * @num_queues: hardware queues.
 * @num_links: link ports.
 * @max_blocks: most blocks in one block table.
 * @max_insns: most instructions in one program.
 * @va_bits: size of a VM's address space.
 * @page_size: granularity of VM_BIND.
 */
struct drm_dacc_device_info {
	__u32 hw_version;
	__u32 generation;
	__u64 features;
	__u64 sram_size;
	__u64 sram_free;
	__u64 time_ps;
	__u32 num_queues;
	__u32 num_links;
	__u32 max_blocks;
	__u32 max_insns;
	__u32 va_bits;
	__u32 page_size;
};

/**
 * struct drm_dacc_link_info - answer of DRM_DACC_QUERY_LINK
 * @uid: as in both ends' DVSEC.
 * @status: DACC_LINK_PRESENT, DACC_LINK_UP.
 * @peer: PCI device id in bits 31:16, vendor id in bits 15:0; 0 for none.
 * @peer_domain: PCI domain of the other end; valid while @peer is not 0.
 * @peer_bdf: its bus, device and function, as in PCI_DEVID().
 * @peer_size: bytes of the other end's memory.
 * @bandwidth: bytes per microsecond and direction.
 * @latency_ps: memory to memory.
 * @rx_bytes: payload read from the peer since the device's reset.
 * @tx_bytes: payload written to the peer.
 * @crc_errors: packets that failed their CRC.
 * @replays: packets sent again.
 */
struct drm_dacc_link_info {
	__u64 uid;
	__u32 status;
	__u32 peer;
	__u32 peer_domain;
	__u32 peer_bdf;
	__u64 peer_size;
	__u64 bandwidth;
	__u64 latency_ps;
	__u64 rx_bytes;
	__u64 tx_bytes;
	__u64 crc_errors;
	__u64 replays;
};

/* drm_dacc_bo_create.flags: exactly one of these */
#define DRM_DACC_BO_SRAM		(1u << 0)	/* on the chip */
#define DRM_DACC_BO_HOST		(1u << 1)	/* host memory, cached */

/**
 * struct drm_dacc_bo_create - allocate a buffer
 * @size: bytes; rounded up to 64 KiB in SRAM, to pages in host memory. 0 is
 *	-EINVAL. Out: the rounded size. No SRAM left: -ENOSPC. The chip being out
 *	of order or reset: -EIO for SRAM.
 * @flags: placement. The buffer reads as zeros.
 * @handle: out: GEM handle.
 */
struct drm_dacc_bo_create {
	__u64 size;
	__u32 flags;
	__u32 handle;
};

/**
 * struct drm_dacc_bo_mmap - get the offset to give to mmap()
 * @handle: GEM handle; an imported buffer is -EOPNOTSUPP (map its exporter's).
 * @pad: zero.
 * @offset: out: offset for mmap() on the accel file.
 */
struct drm_dacc_bo_mmap {
	__u32 handle;
	__u32 pad;
	__u64 offset;
};

/* drm_dacc_bo_info.flags */
#define DRM_DACC_BO_IMPORTED		(1u << 8)	/* from a dma-buf */
#define DRM_DACC_BO_PEER		(1u << 9)	/* peer device memory (P2P) */
#define DRM_DACC_BO_LINKED		(1u << 10)	/* in a link's window */
/*
 * The exporter took it back. The next SUBMIT or VM_BIND asks for it again; if it
 * is not given, jobs that use it fault and VM_BIND is -EREMOTEIO from then on.
 */
#define DRM_DACC_BO_REVOKED		(1u << 11)

/**
 * struct drm_dacc_bo_info - describe a buffer
 * @handle: GEM handle.
 * @flags: out: DRM_DACC_BO_*. PEER and LINKED tell how the chip reaches it
 *	while the link is up; they are known once the buffer is first bound.
 * @size: out: bytes.
 */
struct drm_dacc_bo_info {
	__u32 handle;
	__u32 flags;
	__u64 size;
};

/**
 * struct drm_dacc_vm_create - create an address space
 * @vm: out: id. -ENOSPC if the chip's address spaces are all taken.
 * @flags: zero.
 */
struct drm_dacc_vm_create {
	__u32 vm;
	__u32 flags;
};

/**
 * struct drm_dacc_vm_destroy - destroy an address space
 * @vm: id. -EBUSY while a queue uses it.
 * @pad: zero.
 */
struct drm_dacc_vm_destroy {
	__u32 vm;
	__u32 pad;
};

/**
 * enum drm_dacc_vm_op - VM_BIND operations
 * @DRM_DACC_VM_MAP: map @range bytes of a buffer. A range that overlaps a
 *	mapping is -EEXIST.
 * @DRM_DACC_VM_UNMAP: remove the mapping that was made with exactly this @addr
 *	and @range (-ENOENT otherwise). Waits until the chip no longer uses it.
 */
enum drm_dacc_vm_op {
	DRM_DACC_VM_MAP = 0,
	DRM_DACC_VM_UNMAP = 1,
};

#define DRM_DACC_VM_READONLY		(1u << 0)	/* MAP: the chip may not write */

/**
 * struct drm_dacc_vm_bind - map or unmap a buffer
 * @vm: id.
 * @op: enum drm_dacc_vm_op.
 * @handle: GEM handle for MAP, 0 for UNMAP. A peer's buffer that may not be
 *	reached from this device is -EREMOTEIO: go through host memory.
 * @flags: DRM_DACC_VM_READONLY or 0.
 * @offset: first byte of the buffer; 0 for UNMAP.
 * @addr: virtual address. @offset, @addr and @range are multiples of 4 KiB;
 *	@range is not 0 and nothing leaves the buffer or the address space.
 *	Address 0 is not mapped (-EINVAL).
 * @range: bytes.
 *
 * A mapping keeps its buffer alive. Synchronous: in effect on return.
 */
struct drm_dacc_vm_bind {
	__u32 vm;
	__u32 op;
	__u32 handle;
	__u32 flags;
	__u64 offset;
	__u64 addr;
	__u64 range;
};

/**
 * enum drm_dacc_queue_class - queue classes
 * @DRM_DACC_QUEUE_TRANSFER: COPY, COPY_BLOCKS and FILL jobs.
 * @DRM_DACC_QUEUE_DECODE: DECODE jobs.
 */
enum drm_dacc_queue_class {
	DRM_DACC_QUEUE_TRANSFER = 0,
	DRM_DACC_QUEUE_DECODE = 1,
};

/**
 * struct drm_dacc_queue_create - create a queue
 * @vm: address space of its jobs.
 * @queue_class: enum drm_dacc_queue_class.
 * @depth: jobs in flight, a power of two from 16 to 4096.
 * @flags: zero.
 * @queue: out: id. -ENOSPC if the chip's queues are all taken; -EIO if the chip
 *	is out of order or being reset.
 * @pad: zero.
 */
struct drm_dacc_queue_create {
	__u32 vm;
	__u32 queue_class;
	__u32 depth;
	__u32 flags;
	__u32 queue;
	__u32 pad;
};

/**
 * struct drm_dacc_queue_destroy - destroy a queue
 * @queue: id. Jobs in flight are stopped; their fences get -ECANCELED.
 * @pad: zero.
 */
struct drm_dacc_queue_destroy {
	__u32 queue;
	__u32 pad;
};

/**
 * enum drm_dacc_queue_state - state of a queue
 * @DRM_DACC_QUEUE_OK: takes jobs.
 * @DRM_DACC_QUEUE_FAULTED: a job failed. It and the jobs behind it have ended
 *	with an error; SUBMIT returns -EIO. Destroy the queue, create another.
 * @DRM_DACC_QUEUE_HUNG: a job made no progress for the driver's job_timeout_ms,
 *	or ran for longer than its job_limit_ms, and was stopped by a queue
 *	reset; as FAULTED, with -ETIME for that job. Or the chip wrote a
 *	completion record that made no sense: then that job has -EIO.
 * @DRM_DACC_QUEUE_LOST: a device reset ended its jobs with -ENODEV.
 */
enum drm_dacc_queue_state {
	DRM_DACC_QUEUE_OK = 0,
	DRM_DACC_QUEUE_FAULTED = 1,
	DRM_DACC_QUEUE_HUNG = 2,
	DRM_DACC_QUEUE_LOST = 3,
};

/**
 * struct drm_dacc_queue_info - describe a queue
 * @queue: id.
 * @state: out: enum drm_dacc_queue_state.
 * @submitted: out: jobs submitted.
 * @completed: out: jobs ended, with or without an error.
 * @fault: out: enum dacc_status of dacc_hw.h that stopped it.
 * @fault_index: out: failing block or instruction.
 * @fault_addr: out: virtual address that faulted, or 0.
 */
struct drm_dacc_queue_info {
	__u32 queue;
	__u32 state;
	__u64 submitted;
	__u64 completed;
	__u32 fault;
	__u32 fault_index;
	__u64 fault_addr;
};

/**
 * struct drm_dacc_sync - a syncobj to wait for or to signal
 * @handle: syncobj handle.
 * @pad: zero.
 * @point: timeline point, or 0 for a binary syncobj.
 */
struct drm_dacc_sync {
	__u32 handle;
	__u32 pad;
	__u64 point;
};

/**
 * enum drm_dacc_job_type - job types
 * @DRM_DACC_JOB_NOP: does nothing; for ordering and tests.
 * @DRM_DACC_JOB_COPY: TRANSFER queues.
 * @DRM_DACC_JOB_COPY_BLOCKS: TRANSFER queues.
 * @DRM_DACC_JOB_FILL: TRANSFER queues.
 * @DRM_DACC_JOB_DECODE: DECODE queues. A type of the other class is -EINVAL.
 */
enum drm_dacc_job_type {
	DRM_DACC_JOB_NOP = 0,
	DRM_DACC_JOB_COPY = 1,
	DRM_DACC_JOB_COPY_BLOCKS = 2,
	DRM_DACC_JOB_FILL = 3,
	DRM_DACC_JOB_DECODE = 4,
};

#define DRM_DACC_JOB_CHECKSUM		(1u << 0)	/* COPY, COPY_BLOCKS */

/**
 * struct drm_dacc_job - one job
 * @type: enum drm_dacc_job_type.
 * @flags: DRM_DACC_JOB_CHECKSUM or 0.
 * @not_before_ps: earliest device time, as dacc_desc.not_before; at most
 *	DACC_MAX_WAIT_PS later than the device's time when the chip takes the
 *	job up, or it ends with -EINVAL.
 * @copy: operands of COPY: virtual addresses and length.
 * @copy.src: source.
 * @copy.dst: destination.
 * @copy.len: bytes, not 0.
 * @blocks: operands of COPY_BLOCKS.
 * @blocks.table: virtual address of a struct dacc_block[].
 * @blocks.n_blocks: blocks, 1 to drm_dacc_device_info.max_blocks.
 * @blocks.pad: zero.
 * @fill: operands of FILL.
 * @fill.dst: destination, 4-byte aligned.
 * @fill.len: bytes, a multiple of 4.
 * @fill.pattern: 32-bit word.
 * @fill.pad: zero.
 * @decode: operands of DECODE.
 * @decode.program: virtual address of the instructions, 64-byte aligned.
 * @decode.seqs: virtual address of struct dacc_seq[batch], 64-byte aligned.
 * @decode.out: virtual address of the token records, 8-byte aligned.
 * @decode.n_insns: instructions.
 * @decode.batch: sequences.
 * @decode.max_tokens: token steps.
 * @raw: all operand bytes; those that the type does not use are zero.
 *
 * What can be checked without following an address is checked at SUBMIT
 * (-EINVAL); the chip checks the rest.
 */
struct drm_dacc_job {
	__u32 type;
	__u32 flags;
	__u64 not_before_ps;
	union {
		struct {
			__u64 src;
			__u64 dst;
			__u64 len;
		} copy;
		struct {
			__u64 table;
			__u32 n_blocks;
			__u32 pad;
		} blocks;
		struct {
			__u64 dst;
			__u64 len;
			__u32 pattern;
			__u32 pad;
		} fill;
		struct {
			__u64 program;
			__u64 seqs;
			__u64 out;
			__u32 n_insns;
			__u16 batch;
			__u16 max_tokens;
		} decode;
		__u64 raw[6];
	};
};

#define DRM_DACC_MAX_JOBS		256	/* in one SUBMIT */
#define DRM_DACC_MAX_SYNCS		64

/**
 * struct drm_dacc_submit - submit jobs
 * @queue: id.
 * @n_jobs: 1 to DRM_DACC_MAX_JOBS, and not more than the queue is deep, else
 *	-EINVAL. All are submitted or none.
 * @jobs: pointer to struct drm_dacc_job[n_jobs]; they run in order.
 * @in_syncs: pointer to struct drm_dacc_sync[]; the first job waits for all of
 *	them. A point that has no fence yet is -EINVAL. If one of them ends
 *	with an error, the jobs are not run and get that error.
 * @out_syncs: pointer to struct drm_dacc_sync[]; signalled when the last job
 *	has ended.
 * @n_in_syncs: at most DRM_DACC_MAX_SYNCS.
 * @n_out_syncs: at most DRM_DACC_MAX_SYNCS.
 * @seq: out: sequence number of the last job in its queue, the first being 1.
 *
 * The jobs' fence is put into the reservation object of every imported or
 * exported buffer that the VM has bound: as a reader's if all mappings of the
 * buffer are DRM_DACC_VM_READONLY, else as a writer's. The first job waits for
 * the writers found there, and if it counts as a writer for the readers too.
 * -EAGAIN: the queue has no room for that many now. -EIO: the queue is no
 * longer DRM_DACC_QUEUE_OK.
 */
struct drm_dacc_submit {
	__u32 queue;
	__u32 n_jobs;
	__u64 jobs;
	__u64 in_syncs;
	__u64 out_syncs;
	__u32 n_in_syncs;
	__u32 n_out_syncs;
	__u64 seq;
};

/**
 * struct drm_dacc_result - how a job ended
 * @seq: its sequence number.
 * @error: 0, or the negative errno of its fence.
 * @status: enum dacc_status of dacc_hw.h.
 * @path: DACC_PATH_* of dacc_hw.h.
 * @index: failing block or instruction.
 * @crc: CRC-32 of the payload with DRM_DACC_JOB_CHECKSUM.
 * @t_issue: device time in picoseconds, as in struct dacc_cpl.
 * @t_start: as in struct dacc_cpl.
 * @t_end: as in struct dacc_cpl.
 * @bytes: as in struct dacc_cpl.
 * @link_bytes: as in struct dacc_cpl.
 */
struct drm_dacc_result {
	__u64 seq;
	__s32 error;
	__u16 status;
	__u16 path;
	__u32 index;
	__u32 crc;
	__u64 t_issue;
	__u64 t_start;
	__u64 t_end;
	__u64 bytes;
	__u64 link_bytes;
};

/**
 * struct drm_dacc_wait - wait for a job and get its result
 * @queue: id.
 * @n_results: results wanted, of jobs seq - n_results + 1 to seq; 0 for none.
 * @seq: job to wait for. 0 or never submitted: -EINVAL.
 * @timeout_ns: absolute CLOCK_MONOTONIC deadline; 0 only polls. -ETIME when it
 *	passes first.
 * @results: pointer to struct drm_dacc_result[n_results]. The driver keeps as
 *	many as the queue is deep; a result that is gone is -ENODATA.
 *
 * Returns 0 once the job has ended, also when it failed: see @results.
 */
struct drm_dacc_wait {
	__u32 queue;
	__u32 n_results;
	__u64 seq;
	__s64 timeout_ns;
	__u64 results;
};

#define DRM_IOCTL_DACC_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_QUERY, struct drm_dacc_query)
#define DRM_IOCTL_DACC_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_BO_CREATE, struct drm_dacc_bo_create)
#define DRM_IOCTL_DACC_BO_MMAP \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_BO_MMAP, struct drm_dacc_bo_mmap)
#define DRM_IOCTL_DACC_BO_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_BO_INFO, struct drm_dacc_bo_info)
#define DRM_IOCTL_DACC_VM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_VM_CREATE, struct drm_dacc_vm_create)
#define DRM_IOCTL_DACC_VM_DESTROY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_VM_DESTROY, struct drm_dacc_vm_destroy)
#define DRM_IOCTL_DACC_VM_BIND \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_VM_BIND, struct drm_dacc_vm_bind)
#define DRM_IOCTL_DACC_QUEUE_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_QUEUE_CREATE, struct drm_dacc_queue_create)
#define DRM_IOCTL_DACC_QUEUE_DESTROY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_QUEUE_DESTROY, struct drm_dacc_queue_destroy)
#define DRM_IOCTL_DACC_QUEUE_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_QUEUE_INFO, struct drm_dacc_queue_info)
#define DRM_IOCTL_DACC_SUBMIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_SUBMIT, struct drm_dacc_submit)
#define DRM_IOCTL_DACC_WAIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_WAIT, struct drm_dacc_wait)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_DACC_ACCEL_H */
