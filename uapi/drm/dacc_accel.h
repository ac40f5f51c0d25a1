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
#define DRM_DACC_USERQ_SIGNAL		0x0c
#define DRM_DACC_USERQ_WAIT		0x0d
#define DRM_DACC_POOL_CREATE		0x0e
#define DRM_DACC_POOL_DESTROY		0x0f
#define DRM_DACC_POOL_ALLOC		0x10
#define DRM_DACC_POOL_FREE		0x11
#define DRM_DACC_LIST_CREATE		0x12
#define DRM_DACC_LIST_DESTROY		0x13
#define DRM_DACC_TRANSFER		0x14
#define DRM_DACC_TRANSFER_CANCEL	0x15
#define DRM_DACC_TRANSFER_WAIT		0x16

/**
 * enum drm_dacc_query_type - what to query
 * @DRM_DACC_QUERY_DEVICE: struct drm_dacc_device_info.
 * @DRM_DACC_QUERY_LINK: struct drm_dacc_link_info of link port @index.
 * @DRM_DACC_QUERY_TIMING: __u64[], the device's timing parameters in the order
 *	of enum dacc_timing in dacc_hw.h.
 * @DRM_DACC_QUERY_LIMITS: struct drm_dacc_limit_info[], in the order of enum
 *	drm_dacc_limit: as many as the kernel knows.
 */
enum drm_dacc_query_type {
	DRM_DACC_QUERY_DEVICE = 0,
	DRM_DACC_QUERY_LINK = 1,
	DRM_DACC_QUERY_TIMING = 2,
	DRM_DACC_QUERY_LIMITS = 3,
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
 * @sram_free: bytes that no buffer holds now; more can be had by eviction.
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

/**
 * enum drm_dacc_limit - what is limited for all clients of one user together
 * @DRM_DACC_LIMIT_VMS: address spaces.
 * @DRM_DACC_LIMIT_QUEUES: queues.
 * @DRM_DACC_LIMIT_HOST_BYTES: host memory of buffers, evicted SRAM buffers,
 *	prepared lists and pools. What the driver keeps of mappings, page tables
 *	included, counts for the memory cgroup alone.
 * @DRM_DACC_LIMIT_PINNED_BYTES: SRAM that is pinned, see DRM_DACC_QUEUE_USER.
 * @DRM_DACC_LIMIT_TRANSFER_BYTES: payload of transfers in flight.
 * @DRM_DACC_LIMIT_COUNT: number of limits that this header knows; may grow.
 */
enum drm_dacc_limit {
	DRM_DACC_LIMIT_VMS = 0,
	DRM_DACC_LIMIT_QUEUES = 1,
	DRM_DACC_LIMIT_HOST_BYTES = 2,
	DRM_DACC_LIMIT_PINNED_BYTES = 3,
	DRM_DACC_LIMIT_TRANSFER_BYTES = 4,
	DRM_DACC_LIMIT_COUNT = 5,
};

/**
 * struct drm_dacc_limit_info - an element of the answer of DRM_DACC_QUERY_LIMITS
 * @limit: most that the user (by uid) may hold; module parameters set it, and
 *	CAP_SYS_RESOURCE lifts it.
 * @used: what the user holds now. An ioctl that would exceed a limit returns
 *	-EDQUOT and changes nothing.
 */
struct drm_dacc_limit_info {
	__u64 limit;
	__u64 used;
};

/*
 * drm_dacc_bo_create.flags: SRAM, HOST, or both: a buffer of both kinds is
 * placed in SRAM if there is room for it without evicting one of its own or a
 * higher priority, and used from host memory, over PCIe, otherwise.
 */
#define DRM_DACC_BO_SRAM		(1u << 0)	/* on the chip */
#define DRM_DACC_BO_HOST		(1u << 1)	/* host memory, cached */

/**
 * enum drm_dacc_priority - what is evicted first
 * @DRM_DACC_PRIORITY_LOW: first.
 * @DRM_DACC_PRIORITY_NORMAL: default of libdacc.
 * @DRM_DACC_PRIORITY_HIGH: last; needs CAP_SYS_NICE, else -EACCES.
 */
enum drm_dacc_priority {
	DRM_DACC_PRIORITY_LOW = 0,
	DRM_DACC_PRIORITY_NORMAL = 1,
	DRM_DACC_PRIORITY_HIGH = 2,
};

/**
 * struct drm_dacc_bo_create - allocate a buffer
 * @size: bytes; rounded up to 64 KiB in SRAM, to pages in host memory. 0 is
 *	-EINVAL. Out: the rounded size.
 * @flags: placement. The buffer reads as zeros.
 * @handle: out: GEM handle.
 * @vm: address space that alone will map it, which makes SUBMIT cheaper: such a
 *	buffer can't be exported, nor bound in another (-EINVAL). 0: any.
 * @priority: enum drm_dacc_priority.
 * @available: out, with -ENOSPC too: bytes of SRAM that a buffer of this
 *	priority could get now, free or by eviction; 0 for host memory alone.
 *
 * -ENOSPC: SRAM is full of what may not be evicted: pinned, in use by jobs that
 * do not end, or of a higher priority; or @size is more than the chip has.
 * -EDQUOT: a limit of this user. -EIO: the chip is out of order or being reset.
 *
 * A buffer of DRM_DACC_BO_SRAM may be evicted to host memory while no job of
 * its VMs is in flight; SUBMIT brings the buffers of its VM back, and is -ENOSPC
 * if they do not fit in SRAM together. While evicted it can be mapped and read
 * by the CPU as ever. SRAM is cleared before a client gets it.
 */
struct drm_dacc_bo_create {
	__u64 size;
	__u32 flags;
	__u32 handle;
	__u32 vm;
	__u32 priority;
	__u64 available;
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
 * The exporter took it back. The next SUBMIT or VM_BIND asks for it again; if the
 * exporter refuses, jobs that use it fault and VM_BIND is -EREMOTEIO from then on.
 * An error that may not last (-ENOMEM, -ENOSPC, -EBUSY, ...) is that call's own.
 */
#define DRM_DACC_BO_REVOKED		(1u << 11)
#define DRM_DACC_BO_RESIDENT		(1u << 12)	/* in SRAM now */
#define DRM_DACC_BO_PINNED		(1u << 13)	/* may not be evicted now */

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
 * @vm: out: id, never 0. -ENOSPC if the chip's address spaces are all taken,
 *	-EDQUOT for a limit of this user.
 * @flags: zero.
 */
struct drm_dacc_vm_create {
	__u32 vm;
	__u32 flags;
};

/**
 * struct drm_dacc_vm_destroy - destroy an address space
 * @vm: id. -EBUSY while a queue or a pool uses it.
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
 *	-EBUSY while a pool lies in it.
 */
enum drm_dacc_vm_op {
	DRM_DACC_VM_MAP = 0,
	DRM_DACC_VM_UNMAP = 1,
};

#define DRM_DACC_VM_READONLY		(1u << 0)	/* MAP: the chip may not write */

/* First address of the upper half, which is the driver's (prepared lists). */
#define DRM_DACC_VA_KERNEL		(1ull << 47)

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
 * A mapping keeps its buffer alive. Synchronous: in effect on return. In a VM
 * with user queues MAP pins the buffer, and is -ENOSPC or -EDQUOT if that can't
 * be; an imported buffer that its exporter can't pin is -EOPNOTSUPP there.
 * Addresses from DRM_DACC_VA_KERNEL on are the driver's (-EINVAL).
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

/*
 * A user queue: the client writes struct dacc_desc of dacc_hw.h into the ring
 * and rings the doorbell itself; SUBMIT is -EOPNOTSUPP. All buffers of its VM are
 * pinned while the VM has such a queue: SRAM is accounted, and imported buffers
 * are pinned by their exporters. Those do not move them then, but still take them
 * back when they go away: jobs that use them fault. There is no implicit
 * synchronisation with other devices: USERQ_WAIT and USERQ_SIGNAL are the explicit
 * kind.
 *
 * The driver never reads ring or completion area. It watches the queue's
 * registers: one that makes no progress is reset as any other, and then, and
 * when the device is unplugged, the doorbell page is taken away: reads of it
 * return zero and writes go nowhere. After a device reset or a resume the queue
 * goes on where it was, with the same doorbell mapping.
 */
#define DRM_DACC_QUEUE_USER		(1u << 0)

/**
 * struct drm_dacc_queue_create - create a queue
 * @vm: address space of its jobs.
 * @queue_class: enum drm_dacc_queue_class.
 * @depth: jobs in flight, a power of two from 16 to 4096.
 * @flags: DRM_DACC_QUEUE_USER or 0.
 * @queue: out: id, never 0. -ENOSPC if the chip's queues are all taken, or the
 *	VM's buffers can't be pinned; -EDQUOT for a limit of this user; -EIO if
 *	the chip is out of order or being reset; -EOPNOTSUPP if the chip has no
 *	user queues, or the exporter of an imported buffer of the VM can't pin
 *	it: use SUBMIT.
 * @pad: zero.
 * @ring: user queue: virtual address of struct dacc_desc[depth], 64-byte
 *	aligned; else 0. It must be mapped (-EFAULT), and stay so.
 * @completion: user queue: virtual address of the completion area of
 *	dacc_hw.h, 64-byte aligned, writable by the chip; else 0. Its first 64
 *	bytes must be zero.
 * @doorbell_offset: out: user queue: offset for mmap() of one page
 *	(DACC_DOORBELL_STRIDE bytes, shared, read and write). Below 2^44, which
 *	mmap2() of a 32-bit process can do.
 */
struct drm_dacc_queue_create {
	__u32 vm;
	__u32 queue_class;
	__u32 depth;
	__u32 flags;
	__u32 queue;
	__u32 pad;
	__u64 ring;
	__u64 completion;
	__u64 doorbell_offset;
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
 * @DRM_DACC_QUEUE_LOST: the device is gone, or could not be brought back after
 *	a reset; its jobs ended with -ENODEV. A device reset that succeeds loses
 *	no queue but the one that caused it: jobs that had not completed run
 *	again from their start.
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
 * @submitted: out: jobs submitted; of a user queue, what the doorbell announced.
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
 * @blocks.table: virtual address of a struct dacc_block[]. The source of a block
 *	must not overlap the destination of another, or the result is undefined:
 *	a job that was under way at a device reset runs again from its start.
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
 *	with an error, the jobs are not run and get that error. A timeline
 *	forgets the errors of points that have signalled, so if its latest point
 *	has failed, or is sure to, that counts for all points that have
 *	signalled: also for one that succeeded, whoever attached the fences.
 *	Where that is not wanted use a binary syncobj, or a timeline of its
 *	own, for what can fail by itself.
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
 *	A user queue's are in its completion area: -EINVAL if not 0.
 * @seq: job to wait for. 0 or never submitted: -EINVAL. A user queue's may be
 *	announced later.
 * @timeout_ns: absolute CLOCK_MONOTONIC deadline; 0 only polls. -ETIME when it
 *	passes first.
 * @results: pointer to struct drm_dacc_result[n_results]. The driver keeps as
 *	many as the queue is deep; a result that is gone is -ENODATA.
 *
 * Returns 0 once the job has ended, also when it failed: see @results. -EIO: a
 * user queue that is no longer DRM_DACC_QUEUE_OK will not get there.
 */
struct drm_dacc_wait {
	__u32 queue;
	__u32 n_results;
	__u64 seq;
	__s64 timeout_ns;
	__u64 results;
};

/**
 * struct drm_dacc_userq_sync - a user queue's position and syncobjs
 * @queue: id of a user queue (-EINVAL for another).
 * @n_syncs: 1 to DRM_DACC_MAX_SYNCS.
 * @seq: sequence number in the queue.
 * @syncs: pointer to struct drm_dacc_sync[].
 *
 * USERQ_SIGNAL: the syncobjs get a fence that signals when descriptor @seq has
 * completed, with an error if the queue stopped before. It must have been
 * announced by the doorbell already (-EINVAL): a fence may not depend on what
 * a client does later. The fence carries no error of a descriptor with
 * DACC_DESC_CONTINUE.
 *
 * USERQ_WAIT: descriptor @seq and those behind it are not taken up before all
 * the syncobjs have signalled. Call it before the doorbell announces @seq;
 * -EBUSY if the chip has taken it up already, or a fence of USERQ_SIGNAL depends on
 * it (which may not come to wait for more), -EINVAL if a point has no fence yet,
 * -EAGAIN if DRM_DACC_MAX_GATES waits are pending in this queue. An error in one of them
 * stops the queue (DRM_DACC_QUEUE_FAULTED) before @seq runs.
 */
struct drm_dacc_userq_sync {
	__u32 queue;
	__u32 n_syncs;
	__u64 seq;
	__u64 syncs;
};

#define DRM_DACC_MAX_GATES		16

/*
 * KV pages. A pool divides a mapped range of an address space into pages, such
 * as a paged KV cache. A page is named by a handle of index and generation;
 * from TRANSFER until its end a page belongs to the transfer that writes it: a
 * page that is freed meanwhile is not given out again before, and its handle is
 * stale at once.
 */
#define DRM_DACC_PAGE_INDEX(handle)	((__u32)(handle))
#define DRM_DACC_PAGE_GENERATION(handle) ((__u32)((handle) >> 32))

/*
 * POOL_CREATE: a freed page is given out again at once, though a transfer may
 * still write it: shows what ownership prevents. -EPERM unless the module
 * parameter unsafe_pool is set, which taints the kernel.
 */
#define DRM_DACC_POOL_UNPROTECTED	(1u << 0)
#define DRM_DACC_MAX_PAGES		(1u << 20)	/* in one pool */

/**
 * struct drm_dacc_pool_create - make a pool of pages
 * @vm: address space.
 * @flags: DRM_DACC_POOL_UNPROTECTED or 0.
 * @addr: first page's virtual address; a multiple of 64. The whole range must be
 *	mapped, writable by the chip (-EFAULT), and overlap no other pool
 *	(-EEXIST).
 * @page_size: bytes of a page, a multiple of 64, at most 1 GiB.
 * @n_pages: 1 to DRM_DACC_MAX_PAGES.
 * @pool: out: id, never 0.
 * @pad: zero.
 *
 * 12 bytes for each page are charged to DRM_DACC_LIMIT_HOST_BYTES (-EDQUOT).
 */
struct drm_dacc_pool_create {
	__u32 vm;
	__u32 flags;
	__u64 addr;
	__u32 page_size;
	__u32 n_pages;
	__u32 pool;
	__u32 pad;
};

/**
 * struct drm_dacc_pool_destroy - give a pool up
 * @pool: id. Transfers that write its pages are cancelled, and have ended on
 *	return. Its lists turn stale.
 * @pad: zero.
 */
struct drm_dacc_pool_destroy {
	__u32 pool;
	__u32 pad;
};

/**
 * struct drm_dacc_pool_pages - allocate or free pages
 * @pool: id.
 * @n_pages: pages, 1 to DRM_DACC_MAX_PAGES. All or none.
 * @pages: pointer to __u64[] of handles; POOL_ALLOC writes them, POOL_FREE
 *	reads them.
 * @index: out: POOL_ALLOC with -ENOSPC: pages that could be had now. POOL_FREE
 *	with -ESTALE or -EINVAL (a handle twice, or not of this pool): the
 *	first bad one; with 0: how many are still owned by transfers.
 * @pad: zero.
 */
struct drm_dacc_pool_pages {
	__u32 pool;
	__u32 n_pages;
	__u64 pages;
	__u32 index;
	__u32 pad;
};

/**
 * enum drm_dacc_list_form - how a list gives its blocks
 * @DRM_DACC_LIST_SG: drm_dacc_list_create.sg.
 * @DRM_DACC_LIST_STRIDED: drm_dacc_list_create.strided.
 * @DRM_DACC_LIST_INDEXED: drm_dacc_list_create.indexed.
 */
enum drm_dacc_list_form {
	DRM_DACC_LIST_SG = 0,
	DRM_DACC_LIST_STRIDED = 1,
	DRM_DACC_LIST_INDEXED = 2,
};

/**
 * struct drm_dacc_list_create - prepare a list of blocks to transfer
 * @vm: address space of all addresses.
 * @pool: pool whose pages are written, or 0: then nobody owns the destination.
 * @form: enum drm_dacc_list_form.
 * @n_layers: layers, 1 to 4096; each can wait, be awaited and fail by itself.
 * @pages: pointer to __u64[@n_pages]: handles of the pages that the list may
 *	write; every destination must lie in them (-EFAULT). With @pool 0: 0.
 * @n_pages: handles, each one once.
 * @list: out: id, never 0.
 * @index: out: with -EFAULT or -EINVAL: first bad block, counted over all
 *	layers; with -ESTALE: first bad handle.
 * @pad: zero.
 * @sg: form SG.
 * @sg.blocks: pointer to struct dacc_block[n_blocks] of dacc_hw.h, layer after
 *	layer.
 * @sg.layer_end: pointer to __u32[n_layers]: number of blocks up to and with
 *	each layer; the last is n_blocks. No layer is empty.
 * @sg.n_blocks: blocks in all.
 * @sg.pad: zero.
 * @strided: form STRIDED: block i of layer l goes from src + l * src_layer +
 *	i * src_stride to dst + l * dst_layer + i * dst_stride.
 * @strided.src: see above, as are the next five.
 * @strided.dst: see above.
 * @strided.src_layer: see above.
 * @strided.dst_layer: see above.
 * @strided.src_stride: see above.
 * @strided.dst_stride: see above.
 * @strided.len: bytes of a block.
 * @strided.n_blocks: blocks in a layer.
 * @strided.pad: zero.
 * @indexed: form INDEXED, needs a pool: block i of layer l goes from src +
 *	l * src_layer + src_index[i] * src_stride to the page of handle
 *	@pages[i], at dst_offset + l * dst_layer in it. There are @n_pages
 *	blocks in a layer.
 * @indexed.src: see above, as are the next five.
 * @indexed.src_layer: see above.
 * @indexed.src_stride: see above.
 * @indexed.dst_layer: see above.
 * @indexed.dst_offset: see above.
 * @indexed.src_index: pointer to __u32[@n_pages].
 * @indexed.len: bytes of a block.
 * @indexed.pad: zero.
 * @raw: all operand bytes; those that the form does not use are zero.
 *
 * The list is copied, checked and encoded here, once; TRANSFER does no work for
 * each block. A layer has 1 to drm_dacc_device_info.max_blocks blocks. Charged
 * to DRM_DACC_LIMIT_HOST_BYTES. A list can be used any number of times, also by
 * several transfers at once if it has no pool.
 *
 * The result of a transfer is undefined if the source of a block overlaps the
 * destination of another one of the list: after a device reset a layer that had not
 * completed is copied again from its first block.
 */
struct drm_dacc_list_create {
	__u32 vm;
	__u32 pool;
	__u32 form;
	__u32 n_layers;
	__u64 pages;
	__u32 n_pages;
	__u32 list;
	__u32 index;
	__u32 pad;
	union {
		struct {
			__u64 blocks;
			__u64 layer_end;
			__u32 n_blocks;
			__u32 pad;
		} sg;
		struct {
			__u64 src;
			__u64 dst;
			__u64 src_layer;
			__u64 dst_layer;
			__u64 src_stride;
			__u64 dst_stride;
			__u64 len;
			__u32 n_blocks;
			__u32 pad;
		} strided;
		struct {
			__u64 src;
			__u64 src_layer;
			__u64 src_stride;
			__u64 dst_layer;
			__u64 dst_offset;
			__u64 src_index;
			__u32 len;
			__u32 pad;
		} indexed;
		__u64 raw[8];
	};
};

/**
 * struct drm_dacc_list_destroy - give a list up
 * @list: id. Transfers under way keep what they need of it.
 * @pad: zero.
 */
struct drm_dacc_list_destroy {
	__u32 list;
	__u32 pad;
};

#define DRM_DACC_TRANSFER_CHECKSUM	(1u << 0)	/* compute each layer's CRC-32 */
#define DRM_DACC_TRANSFER_VERIFY	(1u << 1)	/* and compare: @crcs */
#define DRM_DACC_TRANSFER_LINK_ONLY	(1u << 2)	/* -ENOLINK rather than PCIe */
#define DRM_DACC_TRANSFER_EVENT		(1u << 3)	/* struct drm_dacc_event */

/**
 * struct drm_dacc_transfer - start a KV transfer
 * @queue: id of a TRANSFER queue of the list's VM, no user queue.
 * @list: id.
 * @first_layer: first layer to transfer.
 * @n_layers: layers, at least 1.
 * @flags: DRM_DACC_TRANSFER_*; VERIFY needs CHECKSUM.
 * @id: out: names the transfer, never 0.
 * @cookie: any value, returned in the result.
 * @deadline_ns: absolute CLOCK_MONOTONIC time at which the transfer is cancelled
 *	with -ETIME if it has not ended; 0 for none.
 * @in: if @in.handle is not 0, layer first_layer + i waits for point
 *	@in.point + i * @in_step (0: all wait for one). A point that has no fence
 *	yet is -EINVAL. An error of it is the layer's and the transfer's.
 * @out: if @out.handle is not 0: a timeline syncobj whose point @out.point + i is
 *	signalled when layer first_layer + i has ended, with its error.
 * @in_step: 0 or 1.
 * @crcs: pointer to __u32[n_layers]: with VERIFY the CRC-32 that each layer's
 *	payload must have, in the order of its blocks (-EBADMSG otherwise); else
 *	0.
 * @index: out, with -ESTALE or -EBUSY: first handle that can't be had.
 * @pad: zero.
 * @not_before_ps: earliest device time of the first layer, as in struct
 *	drm_dacc_job: when the data got where it is, if it went through host memory.
 *
 * -ESTALE: a page was freed since the list was made, or the pool is gone.
 * -EBUSY: a page belongs to another transfer. -EAGAIN: the queue or the client's
 * number of transfers (DRM_DACC_MAX_TRANSFERS) has no room now; -EDQUOT: the
 * user's bytes in flight have none; a transfer's end makes room. -EIO: the queue
 * is no longer DRM_DACC_QUEUE_OK.
 *
 * DRM keeps room for 4096 bytes of events in each file, of which a transfer with
 * DRM_DACC_TRANSFER_EVENT takes sizeof(struct drm_dacc_event) from now until the
 * event is read: not more than 39 at a time, then -EAGAIN. For more use
 * TRANSFER_WAIT or @out.
 *
 * A layer that fails ends the transfer: the layers behind it do not count, though
 * the chip may have begun them, and get its error. It does not stop the queue.
 * Errors: -ECANCELED, -ETIME, -ENOLINK (LINK_ONLY and no
 * link up), -EHOSTDOWN (the peer took the source back or is gone), -EBADMSG,
 * -EFAULT (an address is not mapped), -EIO.
 */
struct drm_dacc_transfer {
	__u32 queue;
	__u32 list;
	__u32 first_layer;
	__u32 n_layers;
	__u32 flags;
	__u32 in_step;
	__u64 id;
	__u64 cookie;
	__s64 deadline_ns;
	struct drm_dacc_sync in;
	struct drm_dacc_sync out;
	__u64 crcs;
	__u32 index;
	__u32 pad;
	__u64 not_before_ps;
};

#define DRM_DACC_MAX_TRANSFERS		4096

/**
 * struct drm_dacc_transfer_cancel - cancel a transfer
 * @id: transfer. One that has ended stays as it ended. May be repeated.
 *
 * Does not wait. The transfer ends exactly once, with -ECANCELED unless it was
 * done before; after that none of its writes can land and its pages are free.
 */
struct drm_dacc_transfer_cancel {
	__u64 id;
};

/**
 * struct drm_dacc_transfer_result - how a transfer ended
 * @id: transfer.
 * @cookie: as given.
 * @error: 0 or a negative errno.
 * @path: DACC_PATH_* of dacc_hw.h.
 * @layers_done: layers that were transferred whole.
 * @failed_layer: layer that failed; with @error.
 * @failed_block: block that failed, counted within that layer.
 * @crc: CRC-32 of the last layer done, with CHECKSUM.
 * @pages_done: pages all of whose blocks were written; without a pool: blocks.
 * @pages_failed: the others.
 * @bytes: payload bytes written.
 * @link_bytes: of these, over a link.
 * @t_issue: device time in picoseconds, as in struct dacc_cpl, of the first
 *	layer.
 * @t_start: likewise.
 * @t_end: of the last layer that ran.
 * @busy_ps: device time that the layers took, without what they waited.
 */
struct drm_dacc_transfer_result {
	__u64 id;
	__u64 cookie;
	__s32 error;
	__u32 path;
	__u32 layers_done;
	__u32 failed_layer;
	__u32 failed_block;
	__u32 crc;
	__u32 pages_done;
	__u32 pages_failed;
	__u64 bytes;
	__u64 link_bytes;
	__u64 t_issue;
	__u64 t_start;
	__u64 t_end;
	__u64 busy_ps;
};

/**
 * struct drm_dacc_transfer_wait - wait for a transfer's end and take its result
 * @id: transfer; its id ends with the call that returns 0. -ENOENT for one with
 *	DRM_DACC_TRANSFER_EVENT, whose event is its result.
 * @timeout_ns: absolute CLOCK_MONOTONIC deadline; 0 only polls. -ETIME when it
 *	passes first.
 * @result: out.
 */
struct drm_dacc_transfer_wait {
	__u64 id;
	__s64 timeout_ns;
	struct drm_dacc_transfer_result result;
};

#define DRM_DACC_EVENT_TRANSFER		0x80000000	/* drm_event.type */

/**
 * struct drm_dacc_event - what read() on the file returns; it can be polled
 * @base: DRM_DACC_EVENT_TRANSFER and the length.
 * @result: of a transfer with DRM_DACC_TRANSFER_EVENT; comes exactly once.
 */
struct drm_dacc_event {
	struct drm_event base;
	struct drm_dacc_transfer_result result;
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
#define DRM_IOCTL_DACC_USERQ_SIGNAL \
	DRM_IOW(DRM_COMMAND_BASE + DRM_DACC_USERQ_SIGNAL, struct drm_dacc_userq_sync)
#define DRM_IOCTL_DACC_USERQ_WAIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_DACC_USERQ_WAIT, struct drm_dacc_userq_sync)
#define DRM_IOCTL_DACC_POOL_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_POOL_CREATE, struct drm_dacc_pool_create)
#define DRM_IOCTL_DACC_POOL_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_DACC_POOL_DESTROY, struct drm_dacc_pool_destroy)
#define DRM_IOCTL_DACC_POOL_ALLOC \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_POOL_ALLOC, struct drm_dacc_pool_pages)
#define DRM_IOCTL_DACC_POOL_FREE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_POOL_FREE, struct drm_dacc_pool_pages)
#define DRM_IOCTL_DACC_LIST_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_LIST_CREATE, struct drm_dacc_list_create)
#define DRM_IOCTL_DACC_LIST_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_DACC_LIST_DESTROY, struct drm_dacc_list_destroy)
#define DRM_IOCTL_DACC_TRANSFER \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_TRANSFER, struct drm_dacc_transfer)
#define DRM_IOCTL_DACC_TRANSFER_CANCEL \
	DRM_IOW(DRM_COMMAND_BASE + DRM_DACC_TRANSFER_CANCEL, struct drm_dacc_transfer_cancel)
#define DRM_IOCTL_DACC_TRANSFER_WAIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DACC_TRANSFER_WAIT, struct drm_dacc_transfer_wait)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_DACC_ACCEL_H */
