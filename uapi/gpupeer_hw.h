/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * GPU peer: the hardware contract of the emulated GPU that prefills.
 *
 * It stands in for any GPU: a ring of jobs, HBM behind a BAR, one completion
 * area. It knows nothing of the decode accelerator; its programs are opaque
 * to its driver (the instruction set is in Documentation/hardware.rst).
 * Little endian; reserved fields are zero and checked.
 */
#ifndef _UAPI_GPUPEER_HW_H
#define _UAPI_GPUPEER_HW_H

#ifdef __linux__
#include <linux/types.h>
#else
#include <stdint.h>
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
#endif

#define GPUPEER_PCI_VENDOR_ID		0x1234
#define GPUPEER_PCI_DEVICE_ID		0xdac9
#define GPUPEER_PCI_CLASS		0x0302	/* 3D controller */

/**
 * enum gpupeer_bar - what each PCI BAR holds
 * @GPUPEER_BAR_REGS: registers and the MSI-X table; 64 KiB, accessed 4 or 8
 *	bytes wide.
 * @GPUPEER_BAR_HBM: the whole HBM, 64-bit and prefetchable.
 */
enum gpupeer_bar {
	GPUPEER_BAR_REGS = 0,
	GPUPEER_BAR_HBM = 2,
};

#define GPUPEER_REGS_SIZE		0x10000
#define GPUPEER_MSIX_TABLE_OFFSET	0xe000
#define GPUPEER_MSIX_PBA_OFFSET		0xf000
#define GPUPEER_MSIX_VECTORS		2
#define GPUPEER_VECTOR_COMPLETION	0	/* completion records */
#define GPUPEER_VECTOR_EVENT		1	/* layer events */

#define GPUPEER_MIN_RING_LOG2		4
#define GPUPEER_MAX_RING_LOG2		10
#define GPUPEER_NUM_EVENTS		1024

/**
 * enum gpupeer_reg - register offsets in GPUPEER_BAR_REGS
 * @GPUPEER_REG_ID: 32 bits, read only: GPUPEER_ID_MAGIC.
 * @GPUPEER_REG_VERSION: 32 bits, read only: major in bits 31:16.
 * @GPUPEER_REG_HBM_SIZE: 64 bits, read only: bytes, a power of two.
 * @GPUPEER_REG_CTRL: 32 bits: GPUPEER_CTRL_ENABLE; GPUPEER_CTRL_RESET reads
 *	as one until the engine has stopped. RING, RING_LOG2, CPL and EVENTS
 *	are latched when ENABLE goes from 0 to 1.
 * @GPUPEER_REG_STATUS: 32 bits, read only: GPUPEER_STAT_* bits.
 * @GPUPEER_REG_RING: 64 bits: bus address of struct gpupeer_desc[], 64-byte
 *	aligned.
 * @GPUPEER_REG_RING_LOG2: 32 bits: log2 of the number of descriptors.
 * @GPUPEER_REG_CPL: 64 bits: bus address of the completion area: 64 bytes
 *	whose first 64-bit word counts completed descriptors, then one struct
 *	gpupeer_cpl for each ring slot.
 * @GPUPEER_REG_EVENTS: 64 bits: bus address of the event area: 64 bytes whose
 *	first 64-bit word counts events, then a ring of GPUPEER_NUM_EVENTS
 *	struct gpupeer_event; event number e (from 0) is in slot e mod
 *	GPUPEER_NUM_EVENTS. The device overwrites old events; the driver bounds
 *	the events of the jobs in flight.
 * @GPUPEER_REG_DOORBELL: 32 bits, write only: descriptors produced since
 *	ENABLE, modulo 2^32.
 * @GPUPEER_REG_COMPLETED: 64 bits, read only: descriptors completed.
 * @GPUPEER_REG_PROGRESS: 64 bits, read only: counts up while a job advances.
 * @GPUPEER_REG_TIME: 64 bits, read only: device time in picoseconds since power
 *	on; resets do not touch it.
 *
 * A failed job does not stop the ring: its record has the status, and the next
 * job runs. A reset drops all jobs without completing them.
 */
enum gpupeer_reg {
	GPUPEER_REG_ID = 0x000,
	GPUPEER_REG_VERSION = 0x004,
	GPUPEER_REG_HBM_SIZE = 0x008,
	GPUPEER_REG_CTRL = 0x030,
	GPUPEER_REG_STATUS = 0x034,
	GPUPEER_REG_RING = 0x040,
	GPUPEER_REG_RING_LOG2 = 0x048,
	GPUPEER_REG_CPL = 0x050,
	GPUPEER_REG_EVENTS = 0x058,
	GPUPEER_REG_DOORBELL = 0x060,
	GPUPEER_REG_COMPLETED = 0x070,
	GPUPEER_REG_PROGRESS = 0x078,
	GPUPEER_REG_TIME = 0x080,
};

#define GPUPEER_ID_MAGIC		0x50555047	/* "GPUP" */
#define GPUPEER_VERSION_MAJOR		1
#define GPUPEER_VERSION			(GPUPEER_VERSION_MAJOR << 16)

#define GPUPEER_CTRL_ENABLE		(1u << 0)
#define GPUPEER_CTRL_RESET		(1u << 1)
#define GPUPEER_STAT_READY		(1u << 0)
/* RING, CPL, EVENTS or the doorbell was not valid, or a completion could not
 * be written; only a reset leaves this state.
 */
#define GPUPEER_STAT_FATAL		(1u << 1)

/**
 * enum gpupeer_opcode - jobs
 * @GPUPEER_OP_NOP: completes.
 * @GPUPEER_OP_PREFILL: desc.job is the bus address of a struct
 *	gpupeer_prefill.
 * @GPUPEER_OP_COPY: desc.job is the bus address of a struct gpupeer_copy.
 */
enum gpupeer_opcode {
	GPUPEER_OP_NOP = 0,
	GPUPEER_OP_PREFILL = 1,
	GPUPEER_OP_COPY = 2,
};

/**
 * struct gpupeer_desc - a ring descriptor
 * @opcode: enum gpupeer_opcode.
 * @cookie: returned in the completion record.
 * @job: bus address of the job's parameters, 8-byte aligned.
 * @not_before: device time in picoseconds before which it does not start; at
 *	most DACC_MAX_WAIT_PS (an hour) later than GPUPEER_REG_TIME when the
 *	device takes the job up, else GPUPEER_STATUS_BAD_JOB.
 * @reserved: zero.
 */
struct gpupeer_desc {
	__u32 opcode;
	__u32 cookie;
	__u64 job;
	__u64 not_before;
	__u64 reserved[5];
};

#define GPUPEER_NUM_SEGMENTS		8
#define GPUPEER_NUM_BASES		8
#define GPUPEER_MAX_TOKENS		4096
#define GPUPEER_MAX_INSNS		65536
#define GPUPEER_SEGMENT_WRITE		(1u << 0)
/* A program's virtual address: segment number and an offset in it. */
#define GPUPEER_SEGMENT_SHIFT		40
#define GPUPEER_VA(segment, offset) \
	(((__u64)(segment) << GPUPEER_SEGMENT_SHIFT) | (__u64)(offset))

/**
 * struct gpupeer_segment - a range of HBM that a job may reach
 * @base: offset in HBM.
 * @size: bytes; 0 leaves the segment empty.
 * @flags: GPUPEER_SEGMENT_WRITE if the job may write it.
 * @reserved: zero.
 */
struct gpupeer_segment {
	__u64 base;
	__u64 size;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct gpupeer_prefill - run a program over consecutive prompt tokens
 * @segment: what the job may reach.
 * @program: virtual address of n_insns 64-byte instructions.
 * @tokens: virtual address of n_tokens 32-bit tokens.
 * @base: base registers; base[0] is zero.
 * @act_stride: token i of the job has base register 3 plus i * act_stride.
 * @n_insns: 1 to GPUPEER_MAX_INSNS.
 * @n_tokens: 1 to GPUPEER_MAX_TOKENS.
 * @pos: position of the first token.
 * @max_pos: positions that the KV cache holds; pos + n_tokens must not exceed
 *	it.
 *
 * Each instruction is executed for all tokens before the next one starts.
 * Each SIGNAL instruction appends a struct gpupeer_event and raises
 * GPUPEER_VECTOR_EVENT, after everything before it is in memory.
 */
struct gpupeer_prefill {
	struct gpupeer_segment segment[GPUPEER_NUM_SEGMENTS];
	__u64 program;
	__u64 tokens;
	__u64 base[GPUPEER_NUM_BASES];
	__u64 act_stride;
	__u32 n_insns;
	__u32 n_tokens;
	__u32 pos;
	__u32 max_pos;
};

/**
 * struct gpupeer_sg - a piece of host memory
 * @addr: bus address.
 * @len: bytes.
 */
struct gpupeer_sg {
	__u64 addr;
	__u64 len;
};

/**
 * struct gpupeer_copy - copy between HBM and host memory
 * @hbm: offset in HBM.
 * @len: bytes; the pieces' lengths add up to it.
 * @sg: bus address of struct gpupeer_sg[n_sg].
 * @n_sg: pieces, 1 to 65536.
 * @to_host: 1: HBM to host memory; 0: host memory to HBM.
 */
struct gpupeer_copy {
	__u64 hbm;
	__u64 len;
	__u64 sg;
	__u32 n_sg;
	__u32 to_host;
};

/**
 * enum gpupeer_status - how a job ended
 * @GPUPEER_STATUS_OK: done.
 * @GPUPEER_STATUS_BAD_JOB: a parameter is out of range or reserved.
 * @GPUPEER_STATUS_BAD_ADDRESS: outside of the segments, or not writable.
 * @GPUPEER_STATUS_BAD_PROGRAM: gpupeer_cpl.index names the instruction.
 * @GPUPEER_STATUS_BUS_ERROR: the bus refused an access.
 */
enum gpupeer_status {
	GPUPEER_STATUS_OK = 0,
	GPUPEER_STATUS_BAD_JOB = 1,
	GPUPEER_STATUS_BAD_ADDRESS = 2,
	GPUPEER_STATUS_BAD_PROGRAM = 3,
	GPUPEER_STATUS_BUS_ERROR = 4,
};

/**
 * struct gpupeer_cpl - completion record
 * @seq: number of the descriptor since ENABLE, the first being 1.
 * @status: enum gpupeer_status.
 * @cookie: copied from the descriptor.
 * @t_issue: device time in picoseconds at which the job could first start.
 * @t_start: device time at which it started.
 * @t_end: device time at which it ended.
 * @bytes: bytes copied, or tokens processed.
 * @index: failing instruction or piece.
 * @detail: implementation-defined cause, for logs.
 * @reserved: zero.
 */
struct gpupeer_cpl {
	__u64 seq;
	__u32 status;
	__u32 cookie;
	__u64 t_issue;
	__u64 t_start;
	__u64 t_end;
	__u64 bytes;
	__u32 index;
	__u32 detail;
	__u64 reserved;
};

/**
 * struct gpupeer_event - a SIGNAL that a program executed
 * @seq: the job's descriptor number.
 * @value: the progress value.
 * @time: device time in picoseconds.
 * @reserved: zero.
 */
struct gpupeer_event {
	__u64 seq;
	__u64 value;
	__u64 time;
	__u64 reserved;
};

#endif /* _UAPI_GPUPEER_HW_H */
