/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * dacc decode accelerator: the hardware contract.
 *
 * This header is the one place where registers, descriptors, the page table
 * and the instruction set are written down. The kernel driver, the device
 * model, libdacc and the tests include it; Documentation/hardware.rst is
 * rendered from its kernel-doc. It needs nothing but fixed-width types.
 *
 * Byte order is little endian everywhere. Reserved fields and bits must be
 * written as zero; the device refuses a descriptor or an instruction whose
 * reserved fields are not zero with DACC_STATUS_RESERVED.
 */
#ifndef _UAPI_DACC_HW_H
#define _UAPI_DACC_HW_H

#ifdef __linux__
#include <linux/types.h>
#else
#include <stdint.h>
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
#endif

/*
 * Bus Master Enable gates accesses over PCIe, reads, writes and messages alike,
 * and nothing else: once a configuration write that clears it has completed, none
 * is under way, and each further one fails with DACC_STATUS_BUS_ERROR. A job may
 * go on inside the chip and over its links. What stops writes over a link is a
 * reset (DACC_CTRL_RESET, function level, D3hot; that of a queue for its own), or
 * DACC_LINK_CTRL_DISABLE once DACC_REG_TLB_BUSY reads zero.
 */

/* PCI identity. The class code is "processing accelerator". */
#define DACC_PCI_VENDOR_ID		0x1234
#define DACC_PCI_DEVICE_ID		0xdacc
#define DACC_PCI_CLASS			0x1200

/**
 * enum dacc_bar - what each PCI BAR holds
 * @DACC_BAR_REGS: registers (enum dacc_reg), MSI-X table and PBA; 64 KiB.
 *	Accesses are 4 or 8 bytes wide and naturally aligned; any other access
 *	reads as all ones and writes nothing.
 * @DACC_BAR_DOORBELL: one page of DACC_DOORBELL_STRIDE bytes for each queue.
 * @DACC_BAR_SRAM: the SRAM aperture, 64-bit and prefetchable. Its size is the
 *	SRAM size rounded up to a power of two; bytes past DACC_REG_SRAM_SIZE
 *	read as all ones.
 */
enum dacc_bar {
	DACC_BAR_REGS = 0,
	DACC_BAR_DOORBELL = 2,
	DACC_BAR_SRAM = 4,
};

#define DACC_REGS_SIZE			0x10000
#define DACC_MSIX_TABLE_OFFSET		0xe000
#define DACC_MSIX_PBA_OFFSET		0xf000
/* Vector 0 reports device events, the others are free for queues. */
#define DACC_MSIX_VECTORS		65
#define DACC_VECTOR_EVENT		0

#define DACC_MAX_QUEUES			64
#define DACC_MAX_ASIDS			64
#define DACC_MIN_RING_LOG2		4
#define DACC_MAX_RING_LOG2		12
#define DACC_DOORBELL_STRIDE		4096
#define DACC_DOORBELL_STATE		4

/**
 * enum dacc_reg - register offsets in DACC_BAR_REGS
 * @DACC_REG_ID: 32 bits, read only: DACC_ID_MAGIC.
 * @DACC_REG_VERSION: 32 bits, read only: contract version, major in bits
 *	31:16 and minor in bits 15:0 (DACC_VERSION). A driver refuses a major
 *	that it does not know.
 * @DACC_REG_FEATURES: 64 bits, read only: DACC_FEATURE_* bits.
 * @DACC_REG_SRAM_SIZE: 64 bits, read only: SRAM bytes, a multiple of 64 KiB.
 * @DACC_REG_NUM_QUEUES: 32 bits, read only: queues present, at most
 *	DACC_MAX_QUEUES.
 * @DACC_REG_NUM_ASIDS: 32 bits, read only: address spaces present, at most
 *	DACC_MAX_ASIDS. ASID 0 is never used: a queue bound to it faults.
 * @DACC_REG_MAX_BLOCKS: 32 bits, read only: most blocks in one block table.
 * @DACC_REG_MAX_INSNS: 32 bits, read only: most instructions in one program.
 * @DACC_REG_CTRL: 32 bits, read/write: DACC_CTRL_* bits.
 * @DACC_REG_STATUS: 32 bits, read only: DACC_DEVSTAT_* bits.
 * @DACC_REG_EVENT: 32 bits, write one to clear: DACC_EVENT_* bits that have
 *	occurred since they were last cleared.
 * @DACC_REG_EVENT_MASK: 32 bits, read/write: events that raise
 *	DACC_VECTOR_EVENT when they occur. Reset value 0.
 * @DACC_REG_TIME: 64 bits, read only: device time in picoseconds, the end of
 *	the latest completed job since power on. It goes on through resets of
 *	any kind, as the clocks of devices do that share its time base, so that
 *	times given before a reset are good after it.
 * @DACC_REG_GENERATION: 32 bits, read only: number of resets of any kind
 *	(function-level reset, DACC_CTRL_RESET); that of power on is the first.
 * @DACC_REG_TLB_INVALIDATE: 32 bits, write only: writing an ASID drops every
 *	cached translation of that address space. All later accesses use the
 *	page table as memory holds it then.
 * @DACC_REG_TLB_BUSY: 32 bits, read only: not zero while an access that was
 *	translated before the latest DACC_REG_TLB_INVALIDATE, or routed before
 *	the latest write of DACC_DECODER_CTRL or DACC_LINK_CTRL, may still be
 *	under way. Memory that was unmapped, or that a window led to, may be
 *	reused once this reads zero.
 * @DACC_REG_INJECT: 32 bits, write only, present with DACC_FEATURE_INJECT:
 *	bits 7:0 are one of enum dacc_inject, bits 31:8 its argument.
 * @DACC_REG_TEMP: 32 bits, read only: temperature of the die in thousandths of
 *	a degree Celsius, as a signed number. The model's is its property
 *	"temperature".
 * @DACC_REG_TEMP_CRIT: 32 bits, read only: temperature from which on
 *	DACC_EVENT_THERMAL occurs.
 * @DACC_REG_ENERGY: 64 bits, read only: energy of all work since power on in
 *	microjoules: DACC_TIMING_FJ_OP for each operation and DACC_TIMING_FJ_BYTE
 *	for each byte that was read or written. Not touched by resets.
 * @DACC_REG_TIMING: base of the read-only 64-bit timing parameters, see
 *	enum dacc_timing; parameter i is at DACC_REG_TIMING + 8 * i.
 * @DACC_REG_LINK: base of the link port blocks, see enum dacc_link_reg.
 * @DACC_REG_DECODER: base of the link decoders, see enum dacc_decoder_reg.
 * @DACC_REG_ASID: base of the page-table roots: 64 bits for each ASID at
 *	DACC_REG_ASID + 8 * asid: bus address of the root table, 4 KiB aligned,
 *	or 0 for none. Bit 0 is DACC_ASID_VALID. A write takes effect as if
 *	DACC_REG_TLB_INVALIDATE had been written too. An access of 32 bits
 *	writes nothing.
 * @DACC_REG_QUEUE: base of the queue blocks, see enum dacc_queue_reg.
 */
enum dacc_reg {
	DACC_REG_ID = 0x000,
	DACC_REG_VERSION = 0x004,
	DACC_REG_FEATURES = 0x008,
	DACC_REG_SRAM_SIZE = 0x010,
	DACC_REG_NUM_QUEUES = 0x018,
	DACC_REG_NUM_ASIDS = 0x01c,
	DACC_REG_MAX_BLOCKS = 0x020,
	DACC_REG_MAX_INSNS = 0x024,
	DACC_REG_CTRL = 0x030,
	DACC_REG_STATUS = 0x034,
	DACC_REG_EVENT = 0x038,
	DACC_REG_EVENT_MASK = 0x03c,
	DACC_REG_TIME = 0x040,
	DACC_REG_GENERATION = 0x048,
	DACC_REG_TLB_INVALIDATE = 0x050,
	DACC_REG_TLB_BUSY = 0x054,
	DACC_REG_INJECT = 0x060,
	DACC_REG_TEMP = 0x070,
	DACC_REG_TEMP_CRIT = 0x074,
	DACC_REG_ENERGY = 0x078,
	DACC_REG_TIMING = 0x200,
	DACC_REG_LINK = 0x600,
	DACC_REG_DECODER = 0x800,
	DACC_REG_ASID = 0x1000,
	DACC_REG_QUEUE = 0x4000,
};

#define DACC_ID_MAGIC			0x43434144	/* "DACC" */
#define DACC_VERSION_MAJOR		1
#define DACC_VERSION_MINOR		2
#define DACC_VERSION			((DACC_VERSION_MAJOR << 16) | DACC_VERSION_MINOR)

/* DACC_REG_FEATURES */
#define DACC_FEATURE_LINK		(1ull << 0)	/* link port 0 is present */
#define DACC_FEATURE_CHECKSUM		(1ull << 1)	/* DACC_DESC_CHECKSUM works */
#define DACC_FEATURE_SENDRECV		(1ull << 2)	/* SEND and RECEIVE execute */
#define DACC_FEATURE_INJECT		(1ull << 3)	/* DACC_REG_INJECT exists */
#define DACC_FEATURE_VIRTUAL_RING	(1ull << 4)	/* DACC_QUEUE_CONFIG_VIRTUAL */
/* Bit 16 + t: MATVEC and EMBED accept weights of enum dacc_type t. */
#define DACC_FEATURE_TYPE(t)		(1ull << (16 + (t)))

/* DACC_REG_CTRL */
/* Queues fetch descriptors only while this is set. Reset value 0. */
#define DACC_CTRL_ENABLE		(1u << 0)
/*
 * Resets everything but the PCI configuration, the SRAM contents,
 * DACC_REG_TIME, DACC_REG_ENERGY and DACC_REG_GENERATION, as a function-level
 * reset does. Reads as one until every engine has stopped; after it reads zero the
 * device makes no further memory access for older work. In PCI power state D3hot
 * the SRAM contents are lost, and so are all registers but those three
 * (No_Soft_Reset is 0).
 *
 * A descriptor that has not completed when the device is reset may be given to
 * it again: the state of its sequences is written back at its end only, and
 * what it wrote before is written again. (A copy whose source it overwrites itself
 * is the exception, see struct dacc_desc_blocks.) One that has come to its end has
 * its record written before this bit reads zero, and the queue's counts stay, as
 * with DACC_QUEUE_CTRL_RESET. A function-level reset waits for no record: set this
 * bit first.
 */
#define DACC_CTRL_RESET			(1u << 1)

/* DACC_REG_STATUS */
#define DACC_DEVSTAT_READY		(1u << 0)
/* A completion could not be written; only a reset leaves this state. */
#define DACC_DEVSTAT_FATAL		(1u << 1)

/* DACC_REG_EVENT, DACC_REG_EVENT_MASK */
#define DACC_EVENT_QUEUE_HALT		(1u << 0)	/* a queue went to HALTED */
#define DACC_EVENT_LINK			(1u << 1)	/* a link changed its state */
#define DACC_EVENT_FATAL		(1u << 2)	/* DACC_DEVSTAT_FATAL set */
#define DACC_EVENT_THERMAL		(1u << 3)	/* TEMP reached TEMP_CRIT */

#define DACC_ASID_VALID			(1ull << 0)

/**
 * enum dacc_inject - faults that DACC_REG_INJECT can cause
 * @DACC_INJECT_NONE: disarm every armed fault.
 * @DACC_INJECT_HANG: the next job of the queue whose number is the argument
 *	starts and never completes; a reset of that queue ends it.
 * @DACC_INJECT_DMA_ERROR: the next job of the queue whose number is the
 *	argument gets DACC_STATUS_BUS_ERROR at its first bus access.
 * @DACC_INJECT_LINK_CRC: the next (argument) link packets have a CRC error
 *	and are replayed; costs time, never data.
 * @DACC_INJECT_BAD_COMPLETION: the next completion record of the queue whose
 *	number is the argument carries a wrong sequence number. A driver must
 *	survive it.
 */
enum dacc_inject {
	DACC_INJECT_NONE = 0,
	DACC_INJECT_HANG = 1,
	DACC_INJECT_DMA_ERROR = 2,
	DACC_INJECT_LINK_CRC = 3,
	DACC_INJECT_BAD_COMPLETION = 4,
};

/**
 * enum dacc_timing - index of a timing parameter at DACC_REG_TIMING
 * @DACC_TIMING_SRAM_BW: SRAM bandwidth in bytes per microsecond.
 * @DACC_TIMING_PEAK: arithmetic peak in operations per microsecond; a
 *	multiply and an add are two.
 * @DACC_TIMING_INSN_PS: fixed picoseconds of an instruction.
 * @DACC_TIMING_LAYER_PS: picoseconds added by each iteration of LOOP.
 * @DACC_TIMING_STEP_PS: picoseconds added by each token step of a program.
 * @DACC_TIMING_DMA_DESC_PS: fixed picoseconds of a transfer descriptor.
 * @DACC_TIMING_DMA_BLOCK_PS: picoseconds of each block in a block table.
 * @DACC_TIMING_PCIE_BW: PCIe bandwidth, each direction, bytes per microsecond.
 * @DACC_TIMING_PCIE_PS: PCIe latency of a transfer in picoseconds.
 * @DACC_TIMING_FJ_OP: femtojoules of an operation.
 * @DACC_TIMING_FJ_BYTE: femtojoules of each byte read or written.
 * @DACC_TIMING_COUNT: number of parameters.
 *
 * The link's own parameters are in its port block. Device time is integer
 * arithmetic on these values and on the request sequence, nothing else:
 * an instruction costs DACC_TIMING_INSN_PS plus the larger of
 * ceil(ops * 10^6 / PEAK) and ceil(bytes * 10^6 / SRAM_BW).
 */
enum dacc_timing {
	DACC_TIMING_SRAM_BW = 0,
	DACC_TIMING_PEAK = 1,
	DACC_TIMING_INSN_PS = 2,
	DACC_TIMING_LAYER_PS = 3,
	DACC_TIMING_STEP_PS = 4,
	DACC_TIMING_DMA_DESC_PS = 5,
	DACC_TIMING_DMA_BLOCK_PS = 6,
	DACC_TIMING_PCIE_BW = 7,
	DACC_TIMING_PCIE_PS = 8,
	DACC_TIMING_FJ_OP = 9,
	DACC_TIMING_FJ_BYTE = 10,
	DACC_TIMING_COUNT = 11,
};

#define DACC_MAX_LINKS			4
#define DACC_LINK_STRIDE		0x80

/**
 * enum dacc_link_reg - registers of a link port
 * @DACC_LINK_STATUS: 32 bits, read only: DACC_LINK_* status bits.
 * @DACC_LINK_CTRL: 32 bits, read/write: DACC_LINK_CTRL_DISABLE takes this end
 *	down; traffic then goes over PCIe.
 * @DACC_LINK_UID: 64 bits, read only: the same value at both ends of a link
 *	and unique among links; it is in the DVSEC too.
 * @DACC_LINK_PEER: 32 bits, read only: PCI device id in bits 31:16 and vendor
 *	id in bits 15:0 of the other end, as learnt in training; 0 while none.
 * @DACC_LINK_PEER_SIZE: 64 bits, read only: bytes of the other end's memory.
 * @DACC_LINK_BW: 64 bits, read only: bytes per microsecond and direction.
 * @DACC_LINK_LATENCY: 64 bits, read only: picoseconds, memory to memory.
 * @DACC_LINK_RX_BYTES: 64 bits, read only: payload read from the peer.
 * @DACC_LINK_TX_BYTES: 64 bits, read only: payload written to the peer.
 * @DACC_LINK_CRC_ERRORS: 64 bits, read only: packets that failed their CRC.
 * @DACC_LINK_REPLAYS: 64 bits, read only: packets sent again.
 *
 * Port p is at DACC_REG_LINK + p * DACC_LINK_STRIDE. A packet carries up to
 * DACC_LINK_PACKET bytes of payload; a replay costs the packet's time and one
 * latency more.
 */
enum dacc_link_reg {
	DACC_LINK_STATUS = 0x00,
	DACC_LINK_CTRL = 0x04,
	DACC_LINK_UID = 0x08,
	DACC_LINK_PEER = 0x10,
	DACC_LINK_PEER_SIZE = 0x18,
	DACC_LINK_BW = 0x20,
	DACC_LINK_LATENCY = 0x28,
	DACC_LINK_RX_BYTES = 0x30,
	DACC_LINK_TX_BYTES = 0x38,
	DACC_LINK_CRC_ERRORS = 0x40,
	DACC_LINK_REPLAYS = 0x48,
};

#define DACC_LINK_PRESENT		(1u << 0)	/* a port is wired */
#define DACC_LINK_UP			(1u << 1)	/* trained and enabled */
#define DACC_LINK_CTRL_DISABLE		(1u << 0)
#define DACC_LINK_PACKET		4096

#define DACC_NUM_DECODERS		16
#define DACC_DECODER_STRIDE		0x20

/**
 * enum dacc_decoder_reg - registers of a link decoder
 * @DACC_DECODER_BASE: 64 bits: first bus address of the window, 4 KiB aligned.
 * @DACC_DECODER_SIZE: 64 bits: bytes, a multiple of 4 KiB.
 * @DACC_DECODER_TARGET: 64 bits: offset in the peer's memory of the window's
 *	first byte.
 * @DACC_DECODER_CTRL: 32 bits: DACC_DECODER_ENABLE, and the link port in bits
 *	15:8. Base, size and target are latched when ENABLE goes from 0 to 1;
 *	a window that wraps or leaves the peer's memory does not enable (the
 *	bit reads back 0).
 *
 * What of a bus access lies inside an enabled window of a link that is up goes
 * over that link; the rest goes over PCIe to the same address. Of windows that
 * overlap the lowest numbered decoder's wins.
 *
 * An access that was routed before a decoder was enabled or disabled, or
 * DACC_LINK_CTRL written, may still be under way: until DACC_REG_TLB_BUSY reads
 * zero.
 */
enum dacc_decoder_reg {
	DACC_DECODER_BASE = 0x00,
	DACC_DECODER_SIZE = 0x08,
	DACC_DECODER_TARGET = 0x10,
	DACC_DECODER_CTRL = 0x18,
};

#define DACC_DECODER_ENABLE		(1u << 0)
#define DACC_DECODER_PORT_SHIFT		8

/**
 * struct dacc_dvsec_port - one link port in the DVSEC
 * @uid: as DACC_LINK_UID.
 * @port: port number on this function.
 * @reserved: zero.
 */
struct dacc_dvsec_port {
	__u64 uid;
	__u32 port;
	__u32 reserved;
};

/*
 * Designated Vendor-Specific Extended Capability that describes link ports;
 * any function at an end of such a link carries it. After the 10-byte DVSEC
 * header: 16 bits of flags at DACC_DVSEC_FLAGS (bits 2:0: number of the BAR
 * through which the memory that the link reaches is visible), 32 bits at
 * DACC_DVSEC_NPORTS, then struct dacc_dvsec_port for each port from
 * DACC_DVSEC_PORTS.
 */
#define DACC_DVSEC_VENDOR		DACC_PCI_VENDOR_ID
#define DACC_DVSEC_ID			0x0001
#define DACC_DVSEC_REV			1
#define DACC_DVSEC_FLAGS		0x0a
#define DACC_DVSEC_FLAGS_BAR		0x7
#define DACC_DVSEC_NPORTS		0x0c
#define DACC_DVSEC_PORTS		0x10

#define DACC_QUEUE_STRIDE		0x80

/**
 * enum dacc_queue_reg - registers of a queue
 * @DACC_QUEUE_CTRL: 32 bits, read/write: DACC_QUEUE_CTRL_* bits. The other
 *	read/write registers of the queue are latched when ENABLE goes from 0
 *	to 1; values that are not valid leave the queue DISABLED, with
 *	DACC_STATUS_BAD_QUEUE in DACC_QUEUE_FAULT.
 * @DACC_QUEUE_STATE: 32 bits, read only: enum dacc_queue_state.
 * @DACC_QUEUE_RING: 64 bits: address of the descriptor ring, 64-byte aligned,
 *	(64 << RING_LOG2) bytes: a bus address, or a virtual one in the queue's
 *	ASID with DACC_QUEUE_CONFIG_VIRTUAL.
 * @DACC_QUEUE_RING_LOG2: 32 bits: log2 of the number of descriptors, from
 *	DACC_MIN_RING_LOG2 to DACC_MAX_RING_LOG2.
 * @DACC_QUEUE_CONFIG: 32 bits: class (enum dacc_class) in bits 7:0, ASID in
 *	bits 15:8, MSI-X vector in bits 23:16, DACC_QUEUE_CONFIG_VIRTUAL.
 * @DACC_QUEUE_CPL: 64 bits: address of the completion area, 64-byte aligned,
 *	bus or virtual as that of the ring: struct dacc_cpl_head, then one
 *	struct dacc_cpl for each descriptor of the ring.
 * @DACC_QUEUE_FETCHED: 64 bits, read only: sequence number of the latest
 *	descriptor that was fetched.
 * @DACC_QUEUE_COMPLETED: 64 bits, read only: sequence number of the latest
 *	descriptor whose completion was written.
 * @DACC_QUEUE_FAULT: 32 bits, read only: enum dacc_status that halted the
 *	queue, DACC_STATUS_OK otherwise.
 * @DACC_QUEUE_FAULT_INDEX: 32 bits, read only: as dacc_cpl.index.
 * @DACC_QUEUE_FAULT_ADDR: 64 bits, read only: the virtual address that
 *	faulted, or 0.
 * @DACC_QUEUE_PROGRESS: 64 bits, read only: counts up while a job advances
 *	(bytes copied, instructions executed); a driver's timeout uses it to
 *	tell a long job from a hung one.
 * @DACC_QUEUE_START: 64 bits: sequence number of the descriptor before the
 *	first one; latched at ENABLE. A driver that enables a queue again after
 *	a reset goes on counting from here: descriptor START + 1 is in slot
 *	START mod length.
 * @DACC_QUEUE_PRODUCED: 64 bits, read only: sequence number of the latest
 *	descriptor that a doorbell announced.
 * @DACC_QUEUE_ARM: 64 bits, write only: asks for one MSI-X message once
 *	DACC_QUEUE_COMPLETED is this value or more, or the queue is HALTED; at
 *	once if that is so already. A later write replaces an earlier one; 0
 *	asks for none. Whoever sleeps asks for its interrupt with this, so that
 *	nobody pays for one who does not. A sleeper writes here, then looks at
 *	DACC_QUEUE_COMPLETED once more. An access of 32 bits writes nothing.
 * @DACC_QUEUE_ABORT: 64 bits, write only: ends the descriptor with this
 *	sequence number with DACC_STATUS_ABORTED. If it runs, it stops within
 *	DACC_ABORT_BYTES of a copy or fill, or before the next instruction of a
 *	program; if it was not taken up yet, it does not run when its turn
 *	comes. If it has completed or is not in the ring, nothing happens. After
 *	its completion record no memory access of it follows. The queue is not
 *	halted. Any number of descriptors may be marked at a time. An access of
 *	32 bits writes nothing.
 * @DACC_QUEUE_LIMIT: 64 bits, read/write: no descriptor with a larger sequence
 *	number is taken up. All ones after ENABLE. Written while the queue is
 *	ACTIVE it takes effect before the next descriptor is taken up; what was
 *	taken up already is not stopped, see DACC_QUEUE_FETCHED.
 * @DACC_QUEUE_BUSY: 64 bits, read only: device time in picoseconds that the
 *	descriptors took that have completed since ENABLE: the sum of t_end -
 *	t_start of their records, modulo 2^64. A driver accounts by this queues whose
 *	records it does not read.
 * @DACC_QUEUE_LAST_END: 64 bits, read only: t_end of the latest descriptor that
 *	completed since ENABLE, or 0.
 *
 * Queue q is at DACC_REG_QUEUE + q * DACC_QUEUE_STRIDE.
 */
enum dacc_queue_reg {
	DACC_QUEUE_CTRL = 0x00,
	DACC_QUEUE_STATE = 0x04,
	DACC_QUEUE_RING = 0x08,
	DACC_QUEUE_RING_LOG2 = 0x10,
	DACC_QUEUE_CONFIG = 0x14,
	DACC_QUEUE_CPL = 0x18,
	DACC_QUEUE_FETCHED = 0x20,
	DACC_QUEUE_COMPLETED = 0x28,
	DACC_QUEUE_FAULT = 0x30,
	DACC_QUEUE_FAULT_INDEX = 0x34,
	DACC_QUEUE_FAULT_ADDR = 0x38,
	DACC_QUEUE_PROGRESS = 0x40,
	DACC_QUEUE_START = 0x48,
	DACC_QUEUE_PRODUCED = 0x50,
	DACC_QUEUE_ARM = 0x58,
	DACC_QUEUE_ABORT = 0x60,
	DACC_QUEUE_LIMIT = 0x68,
	DACC_QUEUE_BUSY = 0x70,
	DACC_QUEUE_LAST_END = 0x78,
};

#define DACC_QUEUE_CTRL_ENABLE		(1u << 0)
/*
 * Stops the queue, drops what it has not completed, and disables it. Reads as
 * one until the queue's job has stopped; after it reads zero no memory access
 * of this queue's work follows and no completion is written. A descriptor that
 * has come to its end completes before, as with DACC_CTRL_RESET. Neither reset
 * changes FETCHED, COMPLETED, PRODUCED, FAULT*, BUSY and LAST_END: they tell how
 * far the queue came, until it is enabled again or the function is reset.
 */
#define DACC_QUEUE_CTRL_RESET		(1u << 1)

#define DACC_QUEUE_CONFIG_ASID_SHIFT	8
#define DACC_QUEUE_CONFIG_VECTOR_SHIFT	16
/*
 * Ring and completion area are virtual addresses in the queue's ASID, so they
 * can be a client's own memory. A completion that can't be written then halts
 * this queue alone (DACC_STATUS_UNMAPPED, _READ_ONLY or _BUS_ERROR), and so
 * does a descriptor that can't be read; there is no record of either.
 */
#define DACC_QUEUE_CONFIG_VIRTUAL	(1u << 24)

#define DACC_ABORT_BYTES		(1u << 16)

/**
 * enum dacc_queue_state - what DACC_QUEUE_STATE reads
 * @DACC_QUEUE_DISABLED: not enabled; doorbells are ignored.
 * @DACC_QUEUE_ACTIVE: enabled; fetches and executes in ring order.
 * @DACC_QUEUE_HALTED: a descriptor failed. Its completion has been written
 *	with the error; later descriptors are not fetched. Left by reset only.
 */
enum dacc_queue_state {
	DACC_QUEUE_DISABLED = 0,
	DACC_QUEUE_ACTIVE = 1,
	DACC_QUEUE_HALTED = 2,
};

/**
 * enum dacc_class - queue classes
 * @DACC_CLASS_TRANSFER: NOP, COPY, COPY_BLOCKS and FILL descriptors.
 * @DACC_CLASS_DECODE: NOP and DECODE descriptors.
 */
enum dacc_class {
	DACC_CLASS_TRANSFER = 0,
	DACC_CLASS_DECODE = 1,
};

/*
 * Doorbell: a 32-bit write to DACC_BAR_DOORBELL + q * DACC_DOORBELL_STRIDE of
 * the sequence number of the latest descriptor in the ring, modulo 2^32; the first
 * after ENABLE has DACC_QUEUE_START + 1. More than the ring's length ahead of what
 * is completed halts the queue with DACC_STATUS_BAD_DOORBELL (no completion record
 * belongs to that). A 32-bit read at DACC_DOORBELL_STATE in the page returns
 * DACC_QUEUE_STATE; all other reads return zero.
 *
 * Ordering: the doorbell write comes after the descriptors in memory (a
 * release). The device reads each descriptor once, into a private copy. The
 * writes of a job come before its completion record, that comes before
 * dacc_cpl_head.seq, and that before the MSI-X message. Two queues are not
 * ordered against each other: the host does that.
 */

/**
 * enum dacc_status - completion status and fault codes
 * @DACC_STATUS_OK: done.
 * @DACC_STATUS_BAD_OPCODE: unknown, or not of the queue's class.
 * @DACC_STATUS_RESERVED: a reserved field or an unknown flag is set.
 * @DACC_STATUS_BAD_LENGTH: a length or a count is zero, too large or wraps,
 *	or not_before is too far ahead.
 * @DACC_STATUS_BAD_ALIGN: an address has not the alignment that it needs.
 * @DACC_STATUS_UNMAPPED: no valid translation.
 * @DACC_STATUS_READ_ONLY: a write to memory that is mapped read only.
 * @DACC_STATUS_BUS_ERROR: the bus refused an access.
 * @DACC_STATUS_BAD_INSN: an instruction is malformed.
 * @DACC_STATUS_BAD_TOKEN: a token is not in the vocabulary.
 * @DACC_STATUS_CONTEXT_FULL: a sequence's position reached its max_pos.
 * @DACC_STATUS_BAD_SEQUENCE: a struct dacc_seq is malformed.
 * @DACC_STATUS_UNSUPPORTED: a defined feature that this device lacks.
 * @DACC_STATUS_BAD_DOORBELL: producer index out of range.
 * @DACC_STATUS_BAD_QUEUE: queue registers were not valid at ENABLE.
 * @DACC_STATUS_CANCELLED: the job was stopped by a reset (never in a record).
 * @DACC_STATUS_NOT_A_NUMBER: every logit is NaN; there is no token to choose.
 * @DACC_STATUS_ABORTED: ended by DACC_QUEUE_ABORT.
 * @DACC_STATUS_LINK_DOWN: DACC_DESC_LINK_ONLY, and no link led to an address.
 * @DACC_STATUS_BAD_CHECKSUM: DACC_DESC_VERIFY, and the payload's CRC differs
 *	from the descriptor's; the payload was written all the same.
 * @DACC_STATUS_COUNT: number of codes.
 */
enum dacc_status {
	DACC_STATUS_OK = 0,
	DACC_STATUS_BAD_OPCODE = 1,
	DACC_STATUS_RESERVED = 2,
	DACC_STATUS_BAD_LENGTH = 3,
	DACC_STATUS_BAD_ALIGN = 4,
	DACC_STATUS_UNMAPPED = 5,
	DACC_STATUS_READ_ONLY = 6,
	DACC_STATUS_BUS_ERROR = 7,
	DACC_STATUS_BAD_INSN = 8,
	DACC_STATUS_BAD_TOKEN = 9,
	DACC_STATUS_CONTEXT_FULL = 10,
	DACC_STATUS_BAD_SEQUENCE = 11,
	DACC_STATUS_UNSUPPORTED = 12,
	DACC_STATUS_BAD_DOORBELL = 13,
	DACC_STATUS_BAD_QUEUE = 14,
	DACC_STATUS_CANCELLED = 15,
	DACC_STATUS_NOT_A_NUMBER = 16,
	DACC_STATUS_ABORTED = 17,
	DACC_STATUS_LINK_DOWN = 18,
	DACC_STATUS_BAD_CHECKSUM = 19,
	DACC_STATUS_COUNT = 20,
};

/**
 * struct dacc_cpl_head - first 64 bytes of a completion area
 * @seq: as DACC_QUEUE_COMPLETED; an aligned 64-bit write.
 * @fault: enum dacc_status with which the queue halted, so that whoever polls
 *	@seq sees a halt too; written after @seq, once no record follows.
 * @reserved: not written.
 *
 * Some time after ENABLE, before anything else, the device sets @fault to zero and
 * then @seq to DACC_QUEUE_START.
 */
struct dacc_cpl_head {
	__u64 seq;
	__u32 fault;
	__u32 reserved[13];
};

/**
 * struct dacc_cpl - completion record
 * @seq: sequence number of the descriptor, the first after ENABLE being
 *	DACC_QUEUE_START + 1.
 *	Descriptor seq is in ring slot (seq - 1) mod length, and so is its
 *	record.
 * @status: enum dacc_status.
 * @path: DACC_PATH_* bits: which ways the bytes of a transfer went.
 * @cookie: copied from the descriptor.
 * @t_issue: device time in picoseconds at which the job could first start.
 * @t_start: device time at which it did start, its engine being free.
 * @t_end: device time at which its last byte was written.
 * @bytes: transfers: payload bytes written; DECODE: tokens produced.
 * @link_bytes: payload bytes that crossed a link.
 * @index: with an error: the first block (COPY_BLOCKS) or instruction
 *	(DECODE) that failed or was not completed; 0 otherwise, and where it
 *	can't be told (DACC_STATUS_BAD_CHECKSUM).
 * @crc: CRC-32 (IEEE 802.3, as zlib's crc32) of the payload in order, with
 *	DACC_DESC_CHECKSUM; 0 otherwise, and with every error but
 *	DACC_STATUS_BAD_CHECKSUM.
 */
struct dacc_cpl {
	__u64 seq;
	__u16 status;
	__u16 path;
	__u32 cookie;
	__u64 t_issue;
	__u64 t_start;
	__u64 t_end;
	__u64 bytes;
	__u64 link_bytes;
	__u32 index;
	__u32 crc;
};

#define DACC_PATH_SRAM			(1u << 0)	/* inside the chip */
#define DACC_PATH_PCIE			(1u << 1)	/* over PCIe */
#define DACC_PATH_LINK			(1u << 2)	/* over a link */

/**
 * enum dacc_opcode - descriptor opcodes
 * @DACC_OP_NOP: completes; the operand bytes are reserved.
 * @DACC_OP_COPY: struct dacc_desc.copy.
 * @DACC_OP_COPY_BLOCKS: struct dacc_desc.blocks.
 * @DACC_OP_FILL: struct dacc_desc.fill.
 * @DACC_OP_DECODE: struct dacc_desc.decode.
 */
enum dacc_opcode {
	DACC_OP_NOP = 0,
	DACC_OP_COPY = 1,
	DACC_OP_COPY_BLOCKS = 2,
	DACC_OP_FILL = 3,
	DACC_OP_DECODE = 4,
};

/* dacc_desc.flags */
#define DACC_DESC_IRQ			(1u << 0)	/* MSI-X at completion */
#define DACC_DESC_CHECKSUM		(1u << 1)	/* COPY, COPY_BLOCKS */
#define DACC_DESC_VERIFY		(1u << 2)	/* with CHECKSUM: compare crc */
#define DACC_DESC_LINK_ONLY		(1u << 3)	/* COPY, COPY_BLOCKS: see below */
#define DACC_DESC_CONTINUE		(1u << 4)	/* an error does not halt the queue */
#define DACC_DESC_FLAGS			(DACC_DESC_IRQ | DACC_DESC_CHECKSUM | \
					 DACC_DESC_VERIFY | DACC_DESC_LINK_ONLY | \
					 DACC_DESC_CONTINUE)
/*
 * LINK_ONLY: payload that is in no SRAM must go over a link: an access that a
 * decoder does not send over one that is up ends the job with
 * DACC_STATUS_LINK_DOWN instead of going over PCIe. The block table itself is
 * not payload.
 */

#define DACC_MAX_COPY			(1ull << 40)
/* Entries of a block table that are read together. */
#define DACC_BLOCKS_AHEAD		64
/* One hour of device time, which all clients share. */
#define DACC_MAX_WAIT_PS		3600000000000000ull
#define DACC_MAX_BATCH			64
#define DACC_MAX_TOKENS			4096

/**
 * struct dacc_block - an entry of a block table
 * @src: virtual address to read.
 * @dst: virtual address to write; the two ranges must not overlap
 *	(DACC_STATUS_BAD_LENGTH).
 * @len: bytes, 1 to DACC_MAX_COPY.
 */
struct dacc_block {
	__u64 src;
	__u64 dst;
	__u64 len;
};

/**
 * struct dacc_desc_copy - operands of COPY
 * @src: virtual address to read.
 * @dst: virtual address to write; the two ranges must not overlap.
 * @len: bytes, 1 to DACC_MAX_COPY. No alignment is asked.
 * @crc: CRC that is due, with DACC_DESC_VERIFY; else zero.
 * @reserved: zero.
 * @reserved2: zero.
 */
struct dacc_desc_copy {
	__u64 src;
	__u64 dst;
	__u64 len;
	__u32 crc;
	__u32 reserved;
	__u64 reserved2[2];
};

/**
 * struct dacc_desc_blocks - operands of COPY_BLOCKS
 * @table: virtual address of struct dacc_block[n_blocks], 8-byte aligned.
 *	The device reads each entry once, at most DACC_BLOCKS_AHEAD - 1 before
 *	it comes to it. Blocks are copied in table order, and again from the
 *	first if the device is reset and the descriptor given to it once more.
 *	So the result is undefined if the source of a block overlaps the
 *	destination of another one of the same table.
 * @n_blocks: 1 to DACC_REG_MAX_BLOCKS.
 * @crc: CRC that is due, with DACC_DESC_VERIFY; else zero.
 * @reserved: zero.
 */
struct dacc_desc_blocks {
	__u64 table;
	__u32 n_blocks;
	__u32 crc;
	__u64 reserved[4];
};

/**
 * struct dacc_desc_fill - operands of FILL
 * @dst: virtual address to write, 4-byte aligned.
 * @len: bytes, a multiple of 4, up to DACC_MAX_COPY.
 * @pattern: the 32-bit word to write.
 * @reserved: zero.
 * @reserved2: zero.
 */
struct dacc_desc_fill {
	__u64 dst;
	__u64 len;
	__u32 pattern;
	__u32 reserved;
	__u64 reserved2[3];
};

/**
 * struct dacc_desc_decode - operands of DECODE
 * @program: virtual address of struct dacc_insn[n_insns], 64-byte aligned;
 *	read once, before the first step.
 * @seqs: virtual address of struct dacc_seq[batch], 64-byte aligned; read
 *	once before the first step, and written back after the last.
 * @out: virtual address of the token records, 8-byte aligned: for each
 *	sequence a struct dacc_out of DACC_OUT_STRIDE(max_tokens) bytes.
 * @n_insns: 1 to DACC_REG_MAX_INSNS.
 * @batch: sequences that step together, 1 to DACC_MAX_BATCH.
 * @max_tokens: token steps, 1 to DACC_MAX_TOKENS. The job ends early when
 *	every sequence has DACC_SEQ_DONE.
 * @reserved: zero.
 *
 * A step runs the program once. Each instruction is executed for every
 * sequence that is not done before the next instruction starts. After the
 * program each such sequence takes the token that SAMPLE chose: the token is
 * appended to its record, becomes dacc_seq.token, and dacc_seq.pos goes up by
 * one. A sequence is done when that token is its stop_token (which is in the
 * record too) or when pos reaches max_pos.
 */
struct dacc_desc_decode {
	__u64 program;
	__u64 seqs;
	__u64 out;
	__u32 n_insns;
	__u16 batch;
	__u16 max_tokens;
	__u64 reserved[2];
};

/**
 * struct dacc_desc - a ring descriptor
 * @opcode: enum dacc_opcode.
 * @flags: DACC_DESC_* bits.
 * @reserved: zero.
 * @cookie: any value; returned in the completion record.
 * @not_before: device time in picoseconds before which the job does not
 *	start; 0 for none. A host that knows when data from elsewhere was ready
 *	passes it on with this. At most DACC_MAX_WAIT_PS later than
 *	DACC_REG_TIME when the device takes the job up, else
 *	DACC_STATUS_BAD_LENGTH.
 * @copy: for DACC_OP_COPY.
 * @blocks: for DACC_OP_COPY_BLOCKS.
 * @fill: for DACC_OP_FILL.
 * @decode: for DACC_OP_DECODE.
 * @raw: the operand bytes.
 */
struct dacc_desc {
	__u8 opcode;
	__u8 flags;
	__u16 reserved;
	__u32 cookie;
	__u64 not_before;
	union {
		struct dacc_desc_copy copy;
		struct dacc_desc_blocks blocks;
		struct dacc_desc_fill fill;
		struct dacc_desc_decode decode;
		__u64 raw[6];
	};
};

/**
 * struct dacc_out - token record of one sequence
 * @count: tokens so far; written after the token itself, at every step, so
 *	that a host may stream them.
 * @flags: DACC_SEQ_DONE once the sequence is done.
 * @token: the tokens; room for max_tokens of them.
 */
struct dacc_out {
	__u32 count;
	__u32 flags;
	__u32 token[];
};

#define DACC_OUT_STRIDE(max_tokens)	((8u + 4u * (max_tokens) + 7u) & ~7u)

#define DACC_NUM_BASES			8
#define DACC_NO_TOKEN			0xffffffffu

/**
 * struct dacc_seq - the state of one sequence
 * @token: token that the next step takes in.
 * @pos: its position; positions 0 to pos - 1 are in the KV cache.
 * @max_pos: positions that the KV cache holds, 1 to DACC_MAX_POS.
 * @stop_token: token that ends the sequence, or DACC_NO_TOKEN.
 * @flags: DACC_SEQ_* bits.
 * @temperature: f32 bits; 0 chooses the largest logit (greedy).
 * @top_p: f32 bits; nucleus sampling for 0 < top_p < 1, else the whole
 *	distribution.
 * @reserved: zero.
 * @rng: state of the generator (xorshift64*: x ^= x >> 12, x ^= x << 25,
 *	x ^= x >> 27, output (x * 0x2545f4914f6cdd1d) >> 32; a number in [0, 1)
 *	is the upper 24 bits of that / 2^24). Must not be 0 if temperature is
 *	not.
 * @base: base registers; base[0] must be 0. See dacc_insn.dst.
 * @reserved2: zero.
 */
struct dacc_seq {
	__u32 token;
	__u32 pos;
	__u32 max_pos;
	__u32 stop_token;
	__u32 flags;
	__u32 temperature;
	__u32 top_p;
	__u32 reserved;
	__u64 rng;
	__u64 base[DACC_NUM_BASES];
	__u64 reserved2[3];
};

#define DACC_SEQ_DONE			(1u << 0)
#define DACC_MAX_POS			(1u << 20)

/**
 * enum dacc_type - element types of weights and KV caches
 * @DACC_TYPE_F32: IEEE 754 binary32.
 * @DACC_TYPE_F16: IEEE 754 binary16.
 * @DACC_TYPE_BF16: upper half of a binary32.
 * @DACC_TYPE_Q8_0: blocks of 32 elements in 34 bytes: a binary16 scale, then
 *	32 signed bytes; element i is scale * byte i.
 * @DACC_TYPE_Q4_0: blocks of 32 elements in 18 bytes: a binary16 scale, then
 *	16 bytes; byte i holds element i (bits 3:0) and i + 16 (bits 7:4), each
 *	scale * (nibble - 8).
 * @DACC_TYPE_COUNT: number of types.
 */
enum dacc_type {
	DACC_TYPE_F32 = 0,
	DACC_TYPE_F16 = 1,
	DACC_TYPE_BF16 = 2,
	DACC_TYPE_Q8_0 = 3,
	DACC_TYPE_Q4_0 = 4,
	DACC_TYPE_COUNT = 5,
};

/**
 * enum dacc_insn_op - instructions
 * @DACC_INSN_NOP: nothing; all operands zero.
 * @DACC_INSN_EMBED: dst[0..n0) = row (token) of the table a, n1 rows of n0
 *	elements of @type. A token of n1 or more is DACC_STATUS_BAD_TOKEN.
 * @DACC_INSN_RMSNORM: dst[i] = a[i] * s * b[i] for i < n0, with
 *	s = 1 / sqrt(sum(a[i]^2) / n0 + imm); all f32, @imm is f32 bits.
 * @DACC_INSN_MATVEC: dst[r] = sum over c of a[r][c] * b[c] for r < n0, c < n1;
 *	a is a row-major matrix of @type, b and dst are f32 and must not
 *	overlap. With DACC_INSN_ACCUMULATE the sum is added to dst[r]. For
 *	block types n1 is a multiple of 32.
 * @DACC_INSN_ROPE: rotates dst, n0 heads of n1 f32, in place by the sequence's
 *	position. a is a table of f32 pairs (cos, sin), n1 / 2 pairs for each
 *	position, max_pos rows. Pair j is elements (2j, 2j + 1), or
 *	(j, j + n1 / 2) with DACC_INSN_ROPE_NEOX.
 * @DACC_INSN_KV_APPEND: converts a[0..n0) to @type (F32 or F16) and writes it
 *	at dst + pos * n1, n1 being the bytes between two positions.
 * @DACC_INSN_ATTENTION: for each of n0 query heads h of a (n2 f32 each):
 *	softmax over positions p <= pos of imm * (a[h] . K[p][g]), g = h / (n0 /
 *	n1), then dst[h] = the sum of those weights times V[p][g]. K is at b
 *	and V at c, of @type (F32 or F16); n1 KV heads of n2 elements, n3 bytes
 *	between two positions. @imm is f32 bits.
 * @DACC_INSN_SWIGLU: dst[i] = a[i] / (1 + exp(-a[i])) * b[i] for i < n0.
 * @DACC_INSN_ADD: dst[i] = a[i] + b[i] for i < n0. dst may be a or b.
 * @DACC_INSN_SAMPLE: chooses the sequence's next token from the n0 logits at
 *	a. Greedy takes the largest, the lowest index among equals. Otherwise
 *	softmax(logit / temperature), one number of dacc_seq.rng, and nucleus
 *	sampling as @top_p says: candidates in order of falling probability
 *	(lower index first among equals) until their sum exceeds top_p.
 * @DACC_INSN_LOOP: the next n1 instructions run n0 times. In iteration i,
 *	i * a, i * b and i * c are added to base registers 1, 2 and 3. Loops
 *	do not nest. n0 is 1 to DACC_MAX_LOOP, n1 at least 1.
 * @DACC_INSN_SIGNAL: reports progress value n0 + the loop's iteration. If dst
 *	is not zero, the value is written there as 64 bits (once, with the
 *	bases of the first sequence). A GPU peer raises its layer event too.
 * @DACC_INSN_SEND: sends n0 bytes at a over link port n1 with tag n2.
 *	Executes only with DACC_FEATURE_SENDRECV.
 * @DACC_INSN_RECEIVE: waits for a message of n0 bytes with tag n2 from link
 *	port n1 and stores it at dst; device time becomes the later of both
 *	ends. Executes only with DACC_FEATURE_SENDRECV.
 * @DACC_INSN_COUNT: number of instructions.
 *
 * Sums are formed in one order on every implementation: element i goes to
 * partial sum i mod 16, in rising order of i, multiply and add rounded
 * separately; then partial sums j and j + 8 are added, then j and j + 4,
 * j + 2, j + 1. exp is the polynomial that Documentation/hardware.rst gives.
 * So results are the same bits everywhere.
 */
enum dacc_insn_op {
	DACC_INSN_NOP = 0,
	DACC_INSN_EMBED = 1,
	DACC_INSN_RMSNORM = 2,
	DACC_INSN_MATVEC = 3,
	DACC_INSN_ROPE = 4,
	DACC_INSN_KV_APPEND = 5,
	DACC_INSN_ATTENTION = 6,
	DACC_INSN_SWIGLU = 7,
	DACC_INSN_ADD = 8,
	DACC_INSN_SAMPLE = 9,
	DACC_INSN_LOOP = 10,
	DACC_INSN_SIGNAL = 11,
	DACC_INSN_SEND = 12,
	DACC_INSN_RECEIVE = 13,
	DACC_INSN_COUNT = 14,
};

/**
 * struct dacc_insn - an instruction
 * @op: enum dacc_insn_op.
 * @type: enum dacc_type where the instruction uses one, else zero.
 * @flags: DACC_INSN_* flag bits.
 * @imm: immediate, often f32 bits; zero where unused.
 * @dst: address operand: base register number in bits 63:60 and an offset in
 *	bits 59:0; the virtual address is base[number] + offset. f32 vectors
 *	are 4-byte aligned. Zero where unused.
 * @a: address operand, as @dst.
 * @b: address operand, as @dst.
 * @c: address operand, as @dst.
 * @n0: size operand; zero where unused.
 * @n1: size operand.
 * @n2: size operand.
 * @n3: size operand.
 * @reserved: zero.
 *
 * Weights (a of EMBED and MATVEC, b of RMSNORM, a of ROPE) are located with the
 * base registers of the first sequence of the batch; all other operands with
 * each sequence's own.
 */
struct dacc_insn {
	__u8 op;
	__u8 type;
	__u16 flags;
	__u32 imm;
	__u64 dst;
	__u64 a;
	__u64 b;
	__u64 c;
	__u32 n0;
	__u32 n1;
	__u32 n2;
	__u32 n3;
	__u64 reserved;
};

#define DACC_INSN_ACCUMULATE		(1u << 0)	/* MATVEC */
#define DACC_INSN_ROPE_NEOX		(1u << 0)	/* ROPE */

#define DACC_OPERAND_BASE_SHIFT		60
#define DACC_OPERAND(base, offset) \
	(((__u64)(base) << DACC_OPERAND_BASE_SHIFT) | (__u64)(offset))
#define DACC_OPERAND_OFFSET_MASK	((1ull << DACC_OPERAND_BASE_SHIFT) - 1)

/* Base registers by convention; only 1 to 3 are advanced by LOOP. */
#define DACC_BASE_NONE			0	/* always zero */
#define DACC_BASE_LAYER			1	/* a layer's weights */
#define DACC_BASE_KV			2	/* a layer's KV cache */
#define DACC_BASE_ACT			3	/* activations of the sequence */
#define DACC_BASE_MODEL			4	/* weights outside the layers */

/* Limits of n0..n3 for vectors, heads and vocabularies. */
#define DACC_MAX_DIM			(1u << 20)
#define DACC_MAX_HEAD_DIM		512
#define DACC_MAX_HEADS			256
/* Most iterations of a LOOP: more than any model has layers. */
#define DACC_MAX_LOOP			(1u << 16)

/*
 * Page table: 48-bit virtual addresses, 4 KiB pages, four levels of 512
 * entries of 64 bits; the tables are in host memory. Level 3 is the root; a
 * level-n entry covers 4 KiB << (9 * n). Levels 1 and 2 may hold leaves
 * (2 MiB and 1 GiB), whose address is aligned to their size.
 */
#define DACC_VA_BITS			48
#define DACC_PAGE_SHIFT			12
#define DACC_PAGE_SIZE			(1u << DACC_PAGE_SHIFT)
#define DACC_PT_LEVELS			4
#define DACC_PT_BITS			9
#define DACC_PT_ENTRIES			(1u << DACC_PT_BITS)

#define DACC_PTE_VALID			(1ull << 0)
#define DACC_PTE_WRITE			(1ull << 1)	/* leaf: may be written */
#define DACC_PTE_LEAF			(1ull << 2)	/* set in every leaf */
/*
 * Leaf: this page is one of 16 that are contiguous and aligned to 64 KiB on
 * both sides, with the same attributes; a cache may hold one 64 KiB entry.
 */
#define DACC_PTE_CONT			(1ull << 3)
#define DACC_PTE_SRAM			(1ull << 4)	/* leaf: SRAM offset, else bus */
#define DACC_PTE_ADDR			0x000ffffffffff000ull

#endif /* _UAPI_DACC_HW_H */
