/* SPDX-License-Identifier: MIT */
/*
 * libdacc: userspace driver of the dacc LLM decode accelerator.
 *
 * The centre is dacc_submit_decode(): it has the chip run a compiled model for
 * a batch of sessions, up to k tokens each, and gives a stream from which the
 * tokens are read while the chip makes them. Everything else prepares that
 * call: a model is opened and compiled, its weights are loaded into SRAM, a
 * session gets its KV cache, and a prompt's KV cache is moved in from another
 * device's dma-buf.
 *
 * Rules. Functions that can fail return 0 (or a count) or a negative errno;
 * they print nothing, set no errno and keep no global state. Objects come back
 * through the last argument and are freed by their own function, which accepts
 * NULL; an object keeps its parents alive, so the order of freeing is free.
 * Deadlines are absolute, in nanoseconds of CLOCK_MONOTONIC (dacc_deadline()).
 * Structures whose first member is @size are set to sizeof(struct) by the
 * caller, the rest zeroed where unused; those that are filled in are passed
 * with their size. So both may grow.
 *
 * NULL. An object that a function works on must not be NULL, unless its comment
 * says so; functions that free accept NULL, and so does dacc_device_error(). A
 * place for a result, a structure of the caller's and an entry of an array that
 * are NULL give -EINVAL, unless the comment says that they may be NULL.
 *
 * Thread safety. "Thread-safe" below means: may be called at the same time by
 * several threads on the same object. "One thread at a time" means: on this
 * object. Different objects never disturb each other. Freeing an object that
 * another thread uses is an error of the caller. File descriptors are
 * close-on-exec; a child process must not use what it inherits.
 */
#ifndef DACC_DACC_H
#define DACC_DACC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dacc_hw.h"

#ifdef __cplusplus
extern "C" {
#endif

struct dacc_bo;
struct dacc_device;
struct dacc_kv;
struct dacc_list;
struct dacc_pool;
struct dacc_model;
struct dacc_pci_list;
struct dacc_program;
struct dacc_queue;
struct dacc_session;
struct dacc_stream;
struct dacc_tokenizer;
struct dacc_vm;
struct dacc_weights;

/* --- errors and version (error.c) ------------------------------------------ */

#define DACC_ERROR_SIZE 320

/**
 * struct dacc_error - why a call failed
 * @text: one line without newline that names the cause and, where there is
 *	one, the remedy.
 */
struct dacc_error {
	char text[DACC_ERROR_SIZE];
};

/**
 * dacc_version() - version of the library
 *
 * Return: for example "0.1.0". Thread-safe.
 */
const char *dacc_version(void);

/**
 * dacc_strerror() - what an error code means here
 * @err: negative errno, as functions return it (a positive one is taken too).
 *
 * Return: a constant string; never NULL. Thread-safe.
 */
const char *dacc_strerror(int err);

/**
 * dacc_status_string() - what a completion's status means
 * @status: enum dacc_status.
 *
 * Return: a constant string; never NULL. Thread-safe.
 */
const char *dacc_status_string(unsigned int status);

/**
 * dacc_device_error() - the latest failure on a device
 * @dev: device; NULL gives -EINVAL and "no device".
 * @err: receives its text, which is empty if there was none; may be NULL.
 *
 * Functions that have a device (or an object of one) leave their message here;
 * the others take a struct dacc_error of the caller's, which may be NULL.
 * Threads that share a device share this one message.
 *
 * Return: the negative errno of that failure, or 0. Thread-safe.
 */
int dacc_device_error(struct dacc_device *dev, struct dacc_error *err);

/* --- PCI functions (pci.c) -------------------------------------------------- */

#define DACC_PCI_BARS  6
#define DACC_PCI_PORTS 4

/**
 * struct dacc_pci_bar - a base address register
 * @addr: bus address.
 * @bytes: size; 0 if the BAR is not there.
 * @is_64bit: it takes two registers.
 * @prefetchable: reads have no side effects.
 */
struct dacc_pci_bar {
	uint64_t addr;
	uint64_t bytes;
	bool is_64bit;
	bool prefetchable;
};

/**
 * struct dacc_pci_port - a link port that a function's DVSEC describes
 * @uid: the same at both ends of the link.
 * @port: port number.
 * @peer: address of the function at the other end, as "0000:02:00.0"; empty
 *	if it was not found.
 */
struct dacc_pci_port {
	uint64_t uid;
	uint32_t port;
	char peer[16];
};

/**
 * struct dacc_pci_function - a function with a dacc link, chip or peer
 * @bdf: its address, as "0000:01:00.0".
 * @vendor: vendor id.
 * @device: device id.
 * @class_code: base class and subclass.
 * @revision: revision.
 * @driver: name of the driver that is bound; empty for none.
 * @node: device node, as "/dev/accel/accel0"; empty for none.
 * @numa_node: NUMA node, or -1.
 * @link_speed: current speed of the PCIe link in MT/s; 0 if not known.
 * @link_width: current lanes; 0 if not known.
 * @bar: BARs.
 * @has_dvsec: the link DVSEC was found and could be read (extended
 *	configuration space needs privileges).
 * @memory_bar: BAR through which the memory that the link reaches is visible.
 * @n_ports: link ports.
 * @port: the ports.
 */
struct dacc_pci_function {
	char bdf[16];
	uint16_t vendor;
	uint16_t device;
	uint16_t class_code;
	uint8_t revision;
	char driver[32];
	char node[64];
	int numa_node;
	uint32_t link_speed;
	uint32_t link_width;
	struct dacc_pci_bar bar[DACC_PCI_BARS];
	bool has_dvsec;
	uint32_t memory_bar;
	uint32_t n_ports;
	struct dacc_pci_port port[DACC_PCI_PORTS];
};

/**
 * dacc_pci_scan() - find dacc chips and what is linked to them
 * @out: list: chips first, in order of address, then the linked peers.
 * @err: cause of a failure, or NULL.
 *
 * An empty list is not a failure.
 *
 * Return: 0, -ENODEV (no PCI here), -ENOMEM, -EIO. Thread-safe.
 */
int dacc_pci_scan(struct dacc_pci_list **out, struct dacc_error *err);

/**
 * dacc_pci_list_size() - number of functions in a list
 * @list: list.
 *
 * Return: the number. Thread-safe.
 */
size_t dacc_pci_list_size(const struct dacc_pci_list *list);

/**
 * dacc_pci_list_get() - a function of a list
 * @list: list.
 * @index: from 0.
 *
 * Return: the function, valid until the list is freed; NULL past the end.
 * Thread-safe.
 */
const struct dacc_pci_function *dacc_pci_list_get(const struct dacc_pci_list *list, size_t index);

/**
 * dacc_pci_function_is_chip() - tell a dacc chip from a linked peer
 * @fn: function.
 *
 * Return: true for a chip. Thread-safe.
 */
bool dacc_pci_function_is_chip(const struct dacc_pci_function *fn);

/**
 * dacc_pci_list_free() - free a list
 * @list: list or NULL.
 */
void dacc_pci_list_free(struct dacc_pci_list *list);

/* --- kernel modules (module.c) ---------------------------------------------- */

/**
 * struct dacc_module_info - state of a kernel module
 * @loaded: it is loaded, or built into the kernel.
 * @builtin: it is built into the kernel.
 * @available: its file is installed for the running kernel.
 * @refcount: users; 0 if not loaded.
 * @path: its file; empty if not available.
 */
struct dacc_module_info {
	bool loaded;
	bool builtin;
	bool available;
	int refcount;
	char path[256];
};

/**
 * dacc_module_query() - look up a kernel module
 * @name: for example "dacc".
 * @info: receives its state.
 * @size: size of the caller's structure.
 * @err: cause of a failure, or NULL.
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_module_query(const char *name, struct dacc_module_info *info, size_t size,
		      struct dacc_error *err);

/**
 * dacc_module_load() - load a kernel module and what it depends on
 * @name: for example "dacc". Its options in modprobe.d are obeyed.
 * @err: cause of a failure, or NULL.
 *
 * Return: 0 (also if it is loaded already), -ENOENT (not installed for this
 * kernel), -EPERM, or another negative errno. Thread-safe.
 */
int dacc_module_load(const char *name, struct dacc_error *err);

/* --- device (device.c) ------------------------------------------------------- */

/**
 * struct dacc_device_info - a chip
 * @hw_version: version of the hardware contract, as DACC_VERSION.
 * @generation: resets since power on.
 * @features: DACC_FEATURE_* bits.
 * @sram_size: bytes of SRAM.
 * @sram_free: bytes that no buffer holds.
 * @time_ps: device time in picoseconds.
 * @num_queues: hardware queues.
 * @num_links: link ports.
 * @max_blocks: most blocks in one block table.
 * @max_insns: most instructions in one program.
 * @va_bits: size of an address space.
 * @page_size: granularity of mappings.
 */
struct dacc_device_info {
	uint32_t hw_version;
	uint32_t generation;
	uint64_t features;
	uint64_t sram_size;
	uint64_t sram_free;
	uint64_t time_ps;
	uint32_t num_queues;
	uint32_t num_links;
	uint32_t max_blocks;
	uint32_t max_insns;
	uint32_t va_bits;
	uint32_t page_size;
};

/**
 * struct dacc_link_info - a link port
 * @uid: the same at both ends.
 * @present: wired.
 * @up: trained and enabled.
 * @peer_vendor: PCI vendor id of the other end; 0 for none.
 * @peer_device: PCI device id of the other end.
 * @peer_bdf: PCI address of the other end; empty for none.
 * @peer_size: bytes of the other end's memory.
 * @bandwidth: bytes per microsecond and direction.
 * @latency_ps: picoseconds, memory to memory.
 * @rx_bytes: payload read from the peer.
 * @tx_bytes: payload written to the peer.
 * @crc_errors: packets that failed their CRC.
 * @replays: packets sent again.
 */
struct dacc_link_info {
	uint64_t uid;
	bool present;
	bool up;
	uint16_t peer_vendor;
	uint16_t peer_device;
	char peer_bdf[16];
	uint64_t peer_size;
	uint64_t bandwidth;
	uint64_t latency_ps;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t crc_errors;
	uint64_t replays;
};

/**
 * dacc_device_open() - open a chip
 * @which: a node ("/dev/accel/accel0", "accel0"), its number ("0"), a PCI
 *	address ("0000:01:00.0", "01:00.0"), or NULL for the first chip that has
 *	a node.
 * @out: device.
 * @err: cause of a failure, or NULL: no chip, driver not loaded or not bound,
 *	permission denied, not a dacc node.
 *
 * Return: 0, -ENODEV, -EACCES, -EINVAL, -ENOMEM or another negative errno.
 * Thread-safe.
 */
int dacc_device_open(const char *which, struct dacc_device **out, struct dacc_error *err);

/**
 * dacc_device_close() - close a device
 * @dev: device or NULL. Its file stays open until its last object is freed.
 */
void dacc_device_close(struct dacc_device *dev);

/**
 * dacc_device_fd() - the DRM file, for libdrm
 * @dev: device.
 *
 * Return: the file descriptor; do not close it. Thread-safe.
 */
int dacc_device_fd(const struct dacc_device *dev);

/**
 * dacc_device_node() - the device node
 * @dev: device.
 *
 * Return: for example "/dev/accel/accel0". Thread-safe.
 */
const char *dacc_device_node(const struct dacc_device *dev);

/**
 * dacc_device_get_info() - describe a device
 * @dev: device.
 * @info: receives the description.
 * @size: size of the caller's structure.
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_device_get_info(struct dacc_device *dev, struct dacc_device_info *info, size_t size);

/**
 * dacc_device_get_link() - describe a link port
 * @dev: device.
 * @port: from 0 to dacc_device_info.num_links - 1.
 * @info: receives the description.
 * @size: size of the caller's structure.
 *
 * Return: 0, -ENOENT (no such port) or another negative errno. Thread-safe.
 */
int dacc_device_get_link(struct dacc_device *dev, uint32_t port, struct dacc_link_info *info,
			 size_t size);

/**
 * dacc_device_get_timing() - the device's timing parameters
 * @dev: device.
 * @values: receives them, in the order of enum dacc_timing.
 * @n: room in @values; more than the device has is set to 0.
 *
 * Return: how many the device has, or a negative errno. Thread-safe.
 */
int dacc_device_get_timing(struct dacc_device *dev, uint64_t *values, unsigned int n);

/**
 * dacc_deadline() - a deadline from now
 * @ns: nanoseconds; negative for no deadline.
 *
 * Return: absolute CLOCK_MONOTONIC nanoseconds, INT64_MAX for none.
 * Thread-safe.
 */
int64_t dacc_deadline(int64_t ns);

/* --- buffers (bo.c) ---------------------------------------------------------- */

/**
 * enum dacc_bo_place - where a buffer is
 * @DACC_BO_SRAM: on the chip.
 * @DACC_BO_HOST: in host memory.
 */
enum dacc_bo_place {
	DACC_BO_SRAM = 0,
	DACC_BO_HOST = 1,
};

/**
 * struct dacc_bo_info - a buffer
 * @bytes: size.
 * @sram: on the chip.
 * @imported: from a dma-buf.
 * @peer: memory of a peer device, reached without going through host memory.
 *	Known once the buffer was first mapped into an address space.
 * @linked: @peer, and inside a link's window: goes over the link while it is
 *	up.
 * @revoked: its exporter took it back.
 */
struct dacc_bo_info {
	uint64_t bytes;
	bool sram;
	bool imported;
	bool peer;
	bool linked;
	bool revoked;
};

/**
 * dacc_bo_create() - allocate a buffer, which reads as zeros
 * @dev: device.
 * @bytes: size, not 0; rounded up to 64 KiB in SRAM, to pages in host memory.
 * @place: where.
 * @out: buffer.
 *
 * Return: 0, -ENOSPC (no SRAM left; the message says who holds it), -ENOMEM or
 * another negative errno.
 * Thread-safe.
 */
int dacc_bo_create(struct dacc_device *dev, uint64_t bytes, enum dacc_bo_place place,
		   struct dacc_bo **out);

/**
 * dacc_bo_import() - import a dma-buf
 * @dev: device.
 * @fd: dma-buf file descriptor; stays the caller's.
 * @out: buffer. The same dma-buf gives the same object, which is then to be
 *	destroyed as often as it was imported.
 *
 * Return: 0, -EINVAL or -EBADF (@fd is not a dma-buf) or another negative
 * errno. Thread-safe.
 */
int dacc_bo_import(struct dacc_device *dev, int fd, struct dacc_bo **out);

/**
 * dacc_bo_export() - export a buffer as a dma-buf
 * @bo: buffer.
 * @fd: receives a new file descriptor, close-on-exec.
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_bo_export(struct dacc_bo *bo, int *fd);

/**
 * dacc_bo_map() - map a buffer into the process
 * @bo: buffer, not an imported one (-EOPNOTSUPP).
 * @ptr: receives the address, the same at each call, valid until the buffer is
 *	destroyed.
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_bo_map(struct dacc_bo *bo, void **ptr);

/**
 * dacc_bo_size() - size of a buffer
 * @bo: buffer.
 *
 * Return: bytes. Thread-safe.
 */
uint64_t dacc_bo_size(const struct dacc_bo *bo);

/**
 * dacc_bo_get_info() - describe a buffer
 * @bo: buffer.
 * @info: receives the description.
 * @size: size of the caller's structure.
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_bo_get_info(struct dacc_bo *bo, struct dacc_bo_info *info, size_t size);

/**
 * dacc_bo_destroy() - free a buffer
 * @bo: buffer or NULL. Mappings in address spaces keep the memory.
 */
void dacc_bo_destroy(struct dacc_bo *bo);

/* --- address spaces (vm.c) --------------------------------------------------- */

#define DACC_VM_READONLY 0x1u

/**
 * dacc_vm_create() - create an address space
 * @dev: device.
 * @out: address space.
 *
 * Return: 0, -ENOSPC (the chip's address spaces are all taken) or another
 * negative errno. Thread-safe.
 */
int dacc_vm_create(struct dacc_device *dev, struct dacc_vm **out);

/**
 * dacc_vm_destroy() - free an address space
 * @vm: address space or NULL. It lives on until its queues and sessions are
 *	freed.
 */
void dacc_vm_destroy(struct dacc_vm *vm);

/**
 * enum dacc_priority - whose memory leaves SRAM first when that is full
 * @DACC_PRIORITY_LOW: this first.
 * @DACC_PRIORITY_NORMAL: default.
 * @DACC_PRIORITY_HIGH: this last; needs CAP_SYS_NICE.
 */
enum dacc_priority {
	DACC_PRIORITY_LOW = 0,
	DACC_PRIORITY_NORMAL = 1,
	DACC_PRIORITY_HIGH = 2,
};

/**
 * dacc_vm_set_priority() - set the priority of models and sessions to come
 * @vm: address space.
 * @priority: of what the library allocates in @vm from now on: weights, KV caches,
 *	activations.
 *
 * Return: 0 or -EINVAL. Without the privilege for DACC_PRIORITY_HIGH those allocations
 * fail with -EACCES.
 * Thread-safe.
 */
int dacc_vm_set_priority(struct dacc_vm *vm, enum dacc_priority priority);

/**
 * dacc_vm_map() - map a buffer at an address that the library chooses
 * @vm: address space.
 * @bo: buffer.
 * @offset: first byte, a multiple of the page size.
 * @bytes: size, a multiple of the page size; 0: up to the buffer's end.
 * @flags: DACC_VM_READONLY or 0.
 * @va: receives the address.
 *
 * Return: 0, -EREMOTEIO (a peer's memory that this chip may not reach: go
 * through host memory), -EINVAL, -ENOMEM or another negative errno.
 * Thread-safe.
 */
int dacc_vm_map(struct dacc_vm *vm, struct dacc_bo *bo, uint64_t offset, uint64_t bytes,
		uint32_t flags, uint64_t *va);

/**
 * dacc_vm_unmap() - remove a mapping
 * @vm: address space.
 * @va: what dacc_vm_map() gave.
 *
 * Returns once the chip no longer uses it.
 *
 * Return: 0, -ENOENT or another negative errno. Thread-safe.
 */
int dacc_vm_unmap(struct dacc_vm *vm, uint64_t va);

/* --- fences (sync.c) --------------------------------------------------------- */

/**
 * struct dacc_sync - a fence to wait for or to signal
 * @handle: syncobj of the device's file.
 * @point: timeline point; 0 for a binary syncobj.
 */
struct dacc_sync {
	uint32_t handle;
	uint64_t point;
};

/**
 * dacc_syncobj_create() - create a DRM syncobj
 * @dev: device.
 * @handle: receives its handle.
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_syncobj_create(struct dacc_device *dev, uint32_t *handle);

/**
 * dacc_syncobj_destroy() - free a syncobj
 * @dev: device.
 * @handle: syncobj or 0.
 */
void dacc_syncobj_destroy(struct dacc_device *dev, uint32_t handle);

/**
 * dacc_syncobj_export() - export a syncobj, to be imported by another driver
 * @dev: device.
 * @handle: syncobj.
 * @fd: receives a new file descriptor (drmSyncobjFDToHandle() takes it).
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_syncobj_export(struct dacc_device *dev, uint32_t handle, int *fd);

/**
 * dacc_syncobj_import() - import a syncobj
 * @dev: device.
 * @fd: file descriptor that any DRM driver exported; stays the caller's.
 * @handle: receives its handle.
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_syncobj_import(struct dacc_device *dev, int fd, uint32_t *handle);

/**
 * dacc_syncobj_wait() - wait until all of some fences are signalled
 * @dev: device.
 * @syncs: fences; one that nobody has submitted yet is waited for.
 * @n: number of them.
 * @deadline: absolute; one in the past polls.
 *
 * Return: 0, -ETIME or another negative errno. A fence that was signalled with
 * an error counts as signalled. Thread-safe.
 */
int dacc_syncobj_wait(struct dacc_device *dev, const struct dacc_sync *syncs, unsigned int n,
		      int64_t deadline);

/**
 * dacc_sync_to_fd() - a sync file of a fence, for poll() and epoll
 * @dev: device.
 * @sync: fence that has been submitted.
 * @fd: receives a new file descriptor, readable once the fence is signalled.
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_sync_to_fd(struct dacc_device *dev, const struct dacc_sync *sync, int *fd);

/* --- queues and jobs (queue.c) ------------------------------------------------ */

/**
 * struct dacc_job - one job
 * @op: COPY, COPY_BLOCKS and FILL on a transfer queue, DECODE on a decode
 *	queue, NOP on both.
 * @checksum: COPY and COPY_BLOCKS: have the CRC-32 of the payload computed.
 * @not_before_ps: earliest device time.
 * @copy: operands of COPY.
 * @blocks: operands of COPY_BLOCKS.
 * @fill: operands of FILL.
 * @decode: operands of DECODE.
 */
struct dacc_job {
	enum dacc_opcode op;
	bool checksum;
	uint64_t not_before_ps;
	union {
		struct dacc_desc_copy copy;
		struct dacc_desc_blocks blocks;
		struct dacc_desc_fill fill;
		struct dacc_desc_decode decode;
	};
};

/**
 * struct dacc_submit - jobs to submit together
 * @size: sizeof(struct dacc_submit).
 * @jobs: the jobs; they run in order.
 * @n_jobs: number of them.
 * @in: fences that the first job waits for. Each must have been submitted: a
 *	timeline point, or a binary syncobj, that no job is to signal yet is
 *	-EINVAL, and the message names it.
 * @n_in: number of them.
 * @out: fences that are signalled when the last job has ended.
 * @n_out: number of them.
 */
struct dacc_submit {
	size_t size;
	const struct dacc_job *jobs;
	unsigned int n_jobs;
	const struct dacc_sync *in;
	unsigned int n_in;
	const struct dacc_sync *out;
	unsigned int n_out;
};

/**
 * struct dacc_result - how a job ended
 * @seq: its number in its queue.
 * @error: 0, or a negative errno.
 * @status: enum dacc_status.
 * @path: DACC_PATH_* bits.
 * @index: failing block or instruction.
 * @crc: CRC-32 of the payload, if it was asked for.
 * @t_issue: device time in picoseconds at which it could first start.
 * @t_start: device time at which it started.
 * @t_end: device time at which it ended.
 * @bytes: payload bytes; DECODE: tokens.
 * @link_bytes: payload bytes that crossed a link.
 */
struct dacc_result {
	uint64_t seq;
	int32_t error;
	uint16_t status;
	uint16_t path;
	uint32_t index;
	uint32_t crc;
	uint64_t t_issue;
	uint64_t t_start;
	uint64_t t_end;
	uint64_t bytes;
	uint64_t link_bytes;
};

/**
 * struct dacc_queue_info - a queue
 * @failed: it takes no more jobs (-EIO): destroy it and create another.
 * @submitted: jobs submitted.
 * @completed: jobs ended.
 * @fault: enum dacc_status that stopped it.
 * @fault_index: failing block or instruction.
 * @fault_addr: virtual address that faulted, or 0.
 */
struct dacc_queue_info {
	bool failed;
	uint64_t submitted;
	uint64_t completed;
	uint32_t fault;
	uint32_t fault_index;
	uint64_t fault_addr;
};

/**
 * enum dacc_queue_kind - who hands a queue's jobs to the chip
 * @DACC_QUEUE_KIND_AUTO: a user queue for decode jobs if there can be one, else one
 *	of the driver's. DACC_QUEUE=auto, user or kernel in the environment decides
 *	instead.
 * @DACC_QUEUE_KIND_KERNEL: the driver, by a system call for each submission.
 * @DACC_QUEUE_KIND_USER: the process: ring, completions and doorbell are mapped
 *	into it. All memory of the address space is pinned in SRAM while there is
 *	one (a limit of the user: -EDQUOT). One producer: whatever submits to it is to
 *	be called by one thread at a time.
 */
enum dacc_queue_kind {
	DACC_QUEUE_KIND_AUTO = 0,
	DACC_QUEUE_KIND_KERNEL = 1,
	DACC_QUEUE_KIND_USER = 2,
};

/**
 * struct dacc_queue_options - a queue to create
 * @size: sizeof(struct dacc_queue_options).
 * @queue_class: DACC_CLASS_TRANSFER or DACC_CLASS_DECODE.
 * @depth: jobs in flight, a power of two from 16 to 4096.
 * @kind: enum dacc_queue_kind.
 * @spin_ns: user queue: nanoseconds for which a wait looks at memory before it
 *	sleeps in the driver; 0: the library's default; negative: it never sleeps,
 *	and makes no system call while tokens come.
 */
struct dacc_queue_options {
	size_t size;
	enum dacc_class queue_class;
	unsigned int depth;
	enum dacc_queue_kind kind;
	int64_t spin_ns;
};

/**
 * dacc_queue_create_with() - create a queue of a certain kind
 * @vm: address space of its jobs.
 * @options: class, depth, kind.
 * @out: queue.
 *
 * Return: 0, -ENOSPC (all queues of the chip are taken, or the address space can't be
 * pinned), -EDQUOT (a limit of this user), -EOPNOTSUPP (no user queues here), -EINVAL
 * or another negative errno. Thread-safe.
 */
int dacc_queue_create_with(struct dacc_vm *vm, const struct dacc_queue_options *options,
			   struct dacc_queue **out);

/**
 * dacc_queue_get_kind() - the kind that a queue became
 * @queue: queue.
 *
 * Return: DACC_QUEUE_KIND_KERNEL or DACC_QUEUE_KIND_USER. Thread-safe.
 */
enum dacc_queue_kind dacc_queue_get_kind(const struct dacc_queue *queue);

/**
 * dacc_queue_create() - create a queue
 * @vm: address space of its jobs.
 * @queue_class: DACC_CLASS_TRANSFER or DACC_CLASS_DECODE.
 * @depth: jobs in flight, a power of two from 16 to 4096.
 * @out: queue, of DACC_QUEUE_KIND_AUTO.
 *
 * Return: 0, -ENOSPC (all queues of the chip are taken), -EINVAL or another
 * negative errno. Thread-safe.
 */
int dacc_queue_create(struct dacc_vm *vm, enum dacc_class queue_class, unsigned int depth,
		      struct dacc_queue **out);

/**
 * dacc_queue_destroy() - free a queue
 * @queue: queue or NULL. Jobs in flight are stopped.
 */
void dacc_queue_destroy(struct dacc_queue *queue);

/**
 * dacc_queue_submit() - submit jobs
 * @queue: queue.
 * @submit: the jobs. All are submitted or none.
 * @seq: receives the number of the last one; may be NULL.
 *
 * Return: 0, -EAGAIN (the queue is full: wait for an older job), -EIO (the
 * queue has failed), -EINVAL or another negative errno. Thread-safe; on a user queue
 * one thread at a time.
 */
int dacc_queue_submit(struct dacc_queue *queue, const struct dacc_submit *submit, uint64_t *seq);

/**
 * dacc_queue_wait() - wait for a job and get results
 * @queue: queue.
 * @seq: job.
 * @deadline: absolute; 0 polls.
 * @results: receives the results of jobs @seq - @n + 1 to @seq; may be NULL.
 * @n: number of them.
 *
 * Return: 0 once the job has ended, also when it failed (see @results);
 * -ETIME, -EINVAL, -ENODATA (a result that the driver no longer keeps) or
 * another negative errno. A job that was not over by its deadline goes on.
 * Thread-safe.
 */
int dacc_queue_wait(struct dacc_queue *queue, uint64_t seq, int64_t deadline,
		    struct dacc_result *results, unsigned int n);

/**
 * dacc_queue_get_info() - describe a queue
 * @queue: queue.
 * @info: receives the description.
 * @size: size of the caller's structure.
 *
 * Return: 0 or a negative errno. Thread-safe.
 */
int dacc_queue_get_info(struct dacc_queue *queue, struct dacc_queue_info *info, size_t size);

/* --- models (model.c) ---------------------------------------------------------- */

/**
 * struct dacc_model_config - shape of a Llama model
 * @dim: width of the residual stream.
 * @hidden_dim: width of the feed-forward layer.
 * @n_layers: layers.
 * @n_heads: query heads.
 * @n_kv_heads: key and value heads.
 * @vocab_size: tokens.
 * @seq_len: positions that it was trained for: its context.
 * @shared_classifier: the classifier is the embedding table.
 */
struct dacc_model_config {
	uint32_t dim;
	uint32_t hidden_dim;
	uint32_t n_layers;
	uint32_t n_heads;
	uint32_t n_kv_heads;
	uint32_t vocab_size;
	uint32_t seq_len;
	bool shared_classifier;
};

/**
 * dacc_model_open() - open a llama2.c checkpoint (legacy, "version 0")
 * @path: regular file. It is mapped, and must not change while the model is
 *	open.
 * @out: model.
 * @err: cause of a failure, or NULL: which header field is absurd, how many
 *	bytes are missing.
 *
 * Return: 0, -EINVAL (not such a checkpoint, truncated or corrupt), -ENOENT,
 * -EACCES or another negative errno. Thread-safe.
 */
int dacc_model_open(const char *path, struct dacc_model **out, struct dacc_error *err);

/**
 * dacc_model_get_config() - shape of a model
 * @model: model.
 *
 * Return: its shape, valid while the model is. Thread-safe.
 */
const struct dacc_model_config *dacc_model_get_config(const struct dacc_model *model);

/**
 * dacc_model_close() - close a model
 * @model: model or NULL. Programs compiled from it keep it open.
 */
void dacc_model_close(struct dacc_model *model);

/* --- tokenizers (tokenizer.c) --------------------------------------------------- */

#define DACC_TOKEN_BOS 1
#define DACC_TOKEN_EOS 2

/**
 * dacc_tokenizer_open() - read a llama2.c tokenizer (tokenizer.bin)
 * @path: regular file.
 * @vocab_size: tokens of the model; the file must have exactly as many.
 * @out: tokenizer.
 * @err: cause of a failure, or NULL.
 *
 * Return: 0, -EINVAL (another model's tokenizer, or none) or another negative
 * errno. Thread-safe.
 */
int dacc_tokenizer_open(const char *path, uint32_t vocab_size, struct dacc_tokenizer **out,
			struct dacc_error *err);

/**
 * dacc_tokenizer_encode() - text to tokens
 * @tok: tokenizer.
 * @text: UTF-8; bytes that are not in the vocabulary become byte tokens.
 * @ids: receives the tokens, DACC_TOKEN_BOS first. strlen(@text) + 2 are
 *	always room enough.
 * @n: room in @ids.
 *
 * Return: number of tokens, -ENOBUFS (no room in @ids), -EILSEQ (a byte that the
 * vocabulary can't express) or -ENOMEM. Thread-safe.
 */
int dacc_tokenizer_encode(const struct dacc_tokenizer *tok, const char *text, uint32_t *ids,
			  size_t n);

/**
 * dacc_tokenizer_decode() - a token to text
 * @tok: tokenizer.
 * @prev: token before it; the leading space of the first word after
 *	DACC_TOKEN_BOS is left out.
 * @id: token.
 * @text: receives its bytes, not NUL-terminated; may be NULL if @size is 0.
 * @size: room in @text.
 *
 * As llama2.c does, a token of a single byte is left out (0 bytes) unless that is
 * printable ASCII or white space. So what the vocabulary has no token for, and
 * was encoded as byte tokens, such as most characters beyond ASCII, does not
 * come back.
 *
 * Return: number of bytes of the token, which may exceed @size: then @size bytes
 * were written, and the rest was cut. dacc_tokenizer_max_bytes() are always room
 * enough. -EINVAL if @id is not in the vocabulary. Thread-safe.
 */
int dacc_tokenizer_decode(const struct dacc_tokenizer *tok, uint32_t prev, uint32_t id, char *text,
			  size_t size);

/**
 * dacc_tokenizer_max_bytes() - the most that dacc_tokenizer_decode() returns
 * @tok: tokenizer.
 *
 * Return: bytes of the longest token. Thread-safe.
 */
size_t dacc_tokenizer_max_bytes(const struct dacc_tokenizer *tok);

/**
 * dacc_tokenizer_close() - free a tokenizer
 * @tok: tokenizer or NULL.
 */
void dacc_tokenizer_close(struct dacc_tokenizer *tok);

/* --- programs (compile.c, image.c) ------------------------------------------------ */

/**
 * struct dacc_kv_layout - how a KV cache lies in memory
 * @type: DACC_TYPE_F32 or DACC_TYPE_F16.
 * @n_layers: layers.
 * @max_ctx: positions (rows) of each region.
 * @row_bytes: bytes of a position: all KV heads of one layer's K, or V.
 * @region_bytes: bytes of a layer's K; V follows. A multiple of 64 KiB.
 * @layer_bytes: bytes between two layers.
 *
 * Layer l's K of position p is at l * layer_bytes + p * row_bytes, its V
 * region_bytes further.
 */
struct dacc_kv_layout {
	enum dacc_type type;
	uint32_t n_layers;
	uint32_t max_ctx;
	uint32_t row_bytes;
	uint64_t region_bytes;
	uint64_t layer_bytes;
};

/**
 * struct dacc_program_options - how to compile
 * @size: sizeof(struct dacc_program_options).
 * @weight_type: DACC_TYPE_F32, DACC_TYPE_F16 or DACC_TYPE_Q8_0 for matrices.
 *	A matrix whose rows are no multiple of 32 is f16 in the last case. Norms
 *	are always f32.
 * @kv_type: DACC_TYPE_F32 or DACC_TYPE_F16.
 * @max_ctx: positions that a KV cache holds; 0: the model's context, more than
 *	that is -EINVAL.
 */
struct dacc_program_options {
	size_t size;
	enum dacc_type weight_type;
	enum dacc_type kv_type;
	uint32_t max_ctx;
};

/**
 * enum dacc_program_kind - the two programs of a model
 * @DACC_PROGRAM_DECODE: a token in, the next token out.
 * @DACC_PROGRAM_PREFILL: fills the KV cache: no classifier, no sampling; SIGNAL
 *	1 + l once layer l's K and V are written.
 */
enum dacc_program_kind {
	DACC_PROGRAM_DECODE = 0,
	DACC_PROGRAM_PREFILL = 1,
};

/**
 * struct dacc_program_info - a compiled model
 * @image_bytes: size of the image: both programs and all weights, position
 *	independent.
 * @insns_offset: where in the image each program's instructions are.
 * @n_insns: number of each program's instructions.
 * @layers_offset: where the first layer's weights are: base register
 *	DACC_BASE_LAYER is the image's address plus this, DACC_BASE_MODEL is the
 *	image's address.
 * @layer_bytes: bytes between the weights of two layers.
 * @act_bytes: activations of a sequence, 64-byte aligned.
 * @prefill_act_bytes: activations of a token of a prefill.
 * @kv: layout of a KV cache.
 * @kv_bytes: size of a KV cache.
 * @weight_bytes: weights alone.
 */
struct dacc_program_info {
	uint64_t image_bytes;
	uint64_t insns_offset[2];
	uint32_t n_insns[2];
	uint64_t layers_offset;
	uint64_t layer_bytes;
	uint64_t act_bytes;
	uint64_t prefill_act_bytes;
	struct dacc_kv_layout kv;
	uint64_t kv_bytes;
	uint64_t weight_bytes;
};

/**
 * dacc_program_compile() - compile a model
 * @model: model; the program keeps it open.
 * @options: how, or NULL for f32 and the model's context.
 * @out: program.
 * @err: cause of a failure, or NULL.
 *
 * Needs no device.
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP (a shape that the instructions can't
 * express), -ENOMEM. Thread-safe.
 */
int dacc_program_compile(struct dacc_model *model, const struct dacc_program_options *options,
			 struct dacc_program **out, struct dacc_error *err);

/**
 * dacc_program_get_info() - describe a program
 * @program: program.
 * @info: receives the description.
 * @size: size of the caller's structure.
 *
 * Return: 0 or -EINVAL. Thread-safe.
 */
int dacc_program_get_info(const struct dacc_program *program, struct dacc_program_info *info,
			  size_t size);

/**
 * dacc_program_insns() - instructions of a program
 * @program: program.
 * @kind: which.
 * @n: receives their number; may be NULL.
 *
 * Return: the instructions, valid while the program is. Thread-safe.
 */
const struct dacc_insn *dacc_program_insns(const struct dacc_program *program,
					   enum dacc_program_kind kind, uint32_t *n);

/**
 * dacc_program_write_image() - write the image to memory
 * @program: program.
 * @dst: where; may be a mapping of device memory: it is only written, in
 *	rising order.
 * @size: room; at least dacc_program_info.image_bytes.
 * @err: cause of a failure, or NULL: which tensor holds a number that is not
 *	finite.
 *
 * Return: 0, -ENOSPC (no room), -EINVAL (corrupt weights), -ENOMEM.
 * Thread-safe.
 */
int dacc_program_write_image(const struct dacc_program *program, void *dst, uint64_t size,
			     struct dacc_error *err);

/**
 * dacc_program_free() - free a program
 * @program: program or NULL.
 */
void dacc_program_free(struct dacc_program *program);

/* --- weights and sessions on the chip (weights.c, session.c) ----------------------- */

/**
 * dacc_weights_load() - load a program's image into SRAM
 * @program: program.
 * @vm: address space of the sessions to come.
 * @transfer: transfer queue in @vm that moves the image.
 * @deadline: absolute. One that has passed before the image is submitted
 *	leaves @transfer as it was. If it passes while the image is moved, that
 *	is given up, and @transfer has failed with it: destroy it and create
 *	another.
 * @out: weights, to be shared by any number of sessions.
 *
 * Return: 0, -ENOSPC (the model is larger than the free SRAM; the message says
 * by how much), -EOPNOTSUPP (a weight type that the chip lacks), -ETIME or
 * another negative errno. Thread-safe.
 */
int dacc_weights_load(struct dacc_program *program, struct dacc_vm *vm, struct dacc_queue *transfer,
		      int64_t deadline, struct dacc_weights **out);

/**
 * dacc_weights_free() - free weights
 * @weights: weights or NULL. Sessions keep them.
 */
void dacc_weights_free(struct dacc_weights *weights);

/**
 * dacc_session_create() - create a session: a KV cache and activations in SRAM
 * @weights: weights.
 * @out: session.
 *
 * Return: 0, -ENOSPC (no SRAM left; the message says by how much) or another
 * negative errno. Thread-safe.
 */
int dacc_session_create(struct dacc_weights *weights, struct dacc_session **out);

/**
 * struct dacc_session_start - where a session starts decoding
 * @size: sizeof(struct dacc_session_start).
 * @token: token that the first step takes in.
 * @pos: its position; positions 0 to @pos - 1 are in the KV cache.
 * @max_pos: the session is done when its position gets here; 0: at the end of
 *	the KV cache.
 * @stop_token: token that ends the session, or DACC_NO_TOKEN.
 * @temperature: 0 chooses the most probable token; else at least FLT_MIN.
 * @top_p: 0 to 1; nucleus sampling for 0 < top_p < 1.
 * @seed: not 0 if @temperature is not.
 */
struct dacc_session_start {
	size_t size;
	uint32_t token;
	uint32_t pos;
	uint32_t max_pos;
	uint32_t stop_token;
	float temperature;
	float top_p;
	uint64_t seed;
};

/**
 * dacc_session_begin() - set where a session starts
 * @session: session without a decode under way (-EBUSY).
 * @start: token, position, sampling.
 *
 * Return: 0, -EBUSY or -EINVAL. One thread at a time.
 */
int dacc_session_begin(struct dacc_session *session, const struct dacc_session_start *start);

/**
 * struct dacc_session_state - where a session is
 * @token: token that the next step takes in.
 * @pos: its position.
 * @done: it got its stop token or reached max_pos.
 */
struct dacc_session_state {
	uint32_t token;
	uint32_t pos;
	bool done;
};

/**
 * dacc_session_get_state() - where a session is after its latest finished decode
 * @session: session.
 * @state: receives the state.
 * @size: size of the caller's structure.
 *
 * Return: 0 or -EINVAL. One thread at a time.
 */
int dacc_session_get_state(const struct dacc_session *session, struct dacc_session_state *state,
			   size_t size);

/**
 * dacc_session_kv() - address of a session's KV cache
 * @session: session.
 * @layout: receives its layout; may be NULL.
 *
 * Return: virtual address in the session's address space. Thread-safe.
 */
uint64_t dacc_session_kv(const struct dacc_session *session, struct dacc_kv_layout *layout);

/**
 * dacc_session_destroy() - free a session
 * @session: session or NULL. A decode under way keeps it.
 */
void dacc_session_destroy(struct dacc_session *session);

/* --- KV pages (kv_pool.c, kv_list.c, transfer.c) ------------------------------------ */

/**
 * struct dacc_pool_args - a pool of pages
 * @size: sizeof(struct dacc_pool_args).
 * @va: virtual address of the first page, a multiple of 64; all pages must lie in
 *	mappings that the chip may write.
 * @page_bytes: bytes of a page, a multiple of 64, at most 1 GiB.
 * @n_pages: pages, at most 1,048,576.
 * @unprotected: a freed page is given out again while transfers still write it; for
 *	the demonstration of what that does. -EPERM without a parameter of the module.
 */
struct dacc_pool_args {
	size_t size;
	uint64_t va;
	uint32_t page_bytes;
	uint32_t n_pages;
	bool unprotected;
};

/**
 * dacc_pool_create() - divide a part of an address space into pages
 * @vm: address space.
 * @args: where.
 * @out: pool.
 *
 * Pages are named by handles with a generation: that of a freed page is stale at once.
 * From dacc_transfer_post() to the transfer's end its pages belong to it: freed
 * meanwhile, they are not given out again before.
 *
 * Return: 0, -EINVAL, -EFAULT (not mapped, or read only), -EEXIST (overlaps another
 * pool), -ENOMEM, -EPERM or another negative errno. Thread-safe.
 */
int dacc_pool_create(struct dacc_vm *vm, const struct dacc_pool_args *args, struct dacc_pool **out);

/**
 * dacc_pool_alloc() - allocate pages
 * @pool: pool.
 * @pages: receives the handles.
 * @n: how many; all or none.
 *
 * Return: 0, -ENOSPC (not so many are free now; those that transfers own come back
 * when they end), -EINVAL or another negative errno. Thread-safe.
 */
int dacc_pool_alloc(struct dacc_pool *pool, uint64_t *pages, unsigned int n);

/**
 * dacc_pool_free() - free pages
 * @pool: pool.
 * @pages: handles, stale from now on.
 * @n: how many; all or none.
 * @owned: receives how many of them transfers still own; may be NULL.
 *
 * Does not wait for transfers.
 *
 * Return: 0, -ESTALE (freed before), -EINVAL or another negative errno. Thread-safe.
 */
int dacc_pool_free(struct dacc_pool *pool, const uint64_t *pages, unsigned int n,
		   unsigned int *owned);

/**
 * dacc_pool_page_va() - address of a page
 * @pool: pool.
 * @page: handle.
 *
 * Return: virtual address. Thread-safe.
 */
uint64_t dacc_pool_page_va(const struct dacc_pool *pool, uint64_t page);

/**
 * dacc_pool_destroy() - give a pool up
 * @pool: pool or NULL. Transfers that write its pages are cancelled and waited for.
 */
void dacc_pool_destroy(struct dacc_pool *pool);

/**
 * enum dacc_list_form - how a list names its blocks
 * @DACC_LIST_SG: one by one.
 * @DACC_LIST_STRIDED: at regular distances.
 * @DACC_LIST_INDEXED: one for each page, from sources by an index.
 */
enum dacc_list_form {
	DACC_LIST_SG = 0,
	DACC_LIST_STRIDED = 1,
	DACC_LIST_INDEXED = 2,
};

/**
 * struct dacc_list_args - blocks to transfer
 * @size: sizeof(struct dacc_list_args).
 * @pool: pool whose pages are written, or NULL: then nobody owns the destination.
 * @pages: handles of the pages that may be written; every destination lies in them.
 * @n_pages: number of them.
 * @form: which of the three below counts.
 * @n_layers: layers, at most 4096: each can wait, be awaited and fail by itself.
 * @sg: form SG.
 * @sg.blocks: struct dacc_block[] (dacc_hw.h), layer after layer.
 * @sg.layer_end: for each layer the number of blocks up to and with it.
 * @strided: form STRIDED: block i of layer l goes from src + l * src_layer + i *
 *	src_stride to dst + l * dst_layer + i * dst_stride.
 * @strided.src: see above, as are the next five.
 * @strided.dst: see above.
 * @strided.src_layer: see above.
 * @strided.dst_layer: see above.
 * @strided.src_stride: see above.
 * @strided.dst_stride: see above.
 * @strided.block_bytes: bytes of a block.
 * @strided.n_blocks: blocks of a layer.
 * @indexed: form INDEXED: block i of layer l goes from src + l * src_layer +
 *	src_index[i] * src_stride to page i, at dst_offset + l * dst_layer in it.
 * @indexed.src: see above, as are the next five.
 * @indexed.src_layer: see above.
 * @indexed.src_stride: see above.
 * @indexed.dst_layer: see above.
 * @indexed.dst_offset: see above.
 * @indexed.src_index: see above; uint32_t[n_pages].
 * @indexed.block_bytes: bytes of a block.
 */
struct dacc_list_args {
	size_t size;
	struct dacc_pool *pool;
	const uint64_t *pages;
	uint32_t n_pages;
	enum dacc_list_form form;
	uint32_t n_layers;
	union {
		struct {
			const struct dacc_block *blocks;
			const uint32_t *layer_end;
		} sg;
		struct {
			uint64_t src;
			uint64_t dst;
			uint64_t src_layer;
			uint64_t dst_layer;
			uint64_t src_stride;
			uint64_t dst_stride;
			uint64_t block_bytes;
			uint32_t n_blocks;
		} strided;
		struct {
			uint64_t src;
			uint64_t src_layer;
			uint64_t src_stride;
			uint64_t dst_layer;
			uint64_t dst_offset;
			const uint32_t *src_index;
			uint32_t block_bytes;
		} indexed;
	};
};

/**
 * dacc_list_create() - prepare a list, once
 * @vm: address space of all addresses.
 * @args: blocks. Everything is copied and checked here: posting does no work for a
 *	block.
 * @out: list, which may be posted any number of times.
 *
 * Return: 0; -EINVAL, -EFAULT (a destination is not in the pages) or -ESTALE, with the
 * first bad block or page in the message; -ENOMEM, -EDQUOT or another negative errno.
 * Thread-safe.
 */
int dacc_list_create(struct dacc_vm *vm, const struct dacc_list_args *args, struct dacc_list **out);

/**
 * dacc_list_destroy() - free a list
 * @list: list or NULL. Transfers under way keep what they need.
 */
void dacc_list_destroy(struct dacc_list *list);

/**
 * struct dacc_transfer_args - one use of a list
 * @size: sizeof(struct dacc_transfer_args).
 * @first_layer: first layer to transfer.
 * @n_layers: layers; 0: all from @first_layer on.
 * @in: layer @first_layer + i waits for point in.point + i of this timeline, with
 *	@in_once for in.point; handle 0 for none. Every point must have been submitted.
 * @in_once: all layers wait for the one point.
 * @out: layer @first_layer + i signals point out.point + i of this timeline, with its
 *	error; handle 0 for none.
 * @deadline: absolute CLOCK_MONOTONIC nanoseconds at which it is cancelled with
 *	-ETIME; 0 for none.
 * @not_before_ps: earliest device time of the first layer.
 * @cookie: returned in the result.
 * @checksum: have each layer's CRC-32 computed.
 * @crcs: and compared with these, one for each layer (-EBADMSG); NULL: not.
 * @link_only: -ENOLINK rather than going over PCIe.
 * @event: the result comes by dacc_transfer_read() instead of dacc_transfer_wait().
 */
struct dacc_transfer_args {
	size_t size;
	uint32_t first_layer;
	uint32_t n_layers;
	struct dacc_sync in;
	bool in_once;
	struct dacc_sync out;
	int64_t deadline;
	uint64_t not_before_ps;
	uint64_t cookie;
	bool checksum;
	const uint32_t *crcs;
	bool link_only;
	bool event;
};

/**
 * struct dacc_transfer_result - how a transfer ended
 * @id: transfer.
 * @cookie: as given.
 * @error: 0 or a negative errno: -ECANCELED, -ETIME, -ENOLINK, -EHOSTDOWN (the peer
 *	took the source back or is gone), -EBADMSG, -EFAULT, -EIO, or that of a fence.
 * @path: DACC_PATH_*.
 * @layers_done: layers that were transferred whole.
 * @failed_layer: layer that failed; with @error.
 * @failed_block: block of that layer.
 * @crc: CRC-32 of the last layer done.
 * @pages_done: pages all of whose blocks were written; without a pool: blocks.
 * @pages_failed: the others.
 * @bytes: payload bytes written.
 * @link_bytes: of these, over a link.
 * @t_issue: device time of the first layer.
 * @t_start: likewise.
 * @t_end: device time of the last layer that ran.
 * @busy_ps: device time that the layers took, without what they waited.
 */
struct dacc_transfer_result {
	uint64_t id;
	uint64_t cookie;
	int error;
	uint32_t path;
	uint32_t layers_done;
	uint32_t failed_layer;
	uint32_t failed_block;
	uint32_t crc;
	uint32_t pages_done;
	uint32_t pages_failed;
	uint64_t bytes;
	uint64_t link_bytes;
	uint64_t t_issue;
	uint64_t t_start;
	uint64_t t_end;
	uint64_t busy_ps;
};

/**
 * dacc_transfer_post() - start a transfer
 * @queue: transfer queue of the list's address space that the driver keeps
 *	(no user queue).
 * @list: list.
 * @args: which layers, fences; NULL for all layers and none.
 * @id: receives the transfer's id, which is never 0.
 *
 * One call, and one doorbell for all layers that need not wait.
 *
 * Return: 0; -ESTALE (a page was freed since the list was made), -EBUSY (a page belongs
 * to another transfer), -EAGAIN (the queue has no room, or too many events were not
 * read), -EDQUOT, -EINVAL or another negative errno. Thread-safe.
 */
int dacc_transfer_post(struct dacc_queue *queue, struct dacc_list *list,
		       const struct dacc_transfer_args *args, uint64_t *id);

/**
 * dacc_transfer_cancel() - cancel a transfer
 * @dev: device.
 * @id: transfer. May be repeated; one that has ended stays as it ended.
 *
 * Does not wait. The transfer still ends exactly once: after that nothing of it is
 * written any more.
 *
 * Return: 0, -ENOENT (its result was taken) or another negative errno. Thread-safe.
 */
int dacc_transfer_cancel(struct dacc_device *dev, uint64_t id);

/**
 * dacc_transfer_wait() - wait for a transfer's end and take its result
 * @dev: device.
 * @id: transfer; ends with the call that returns 0.
 * @deadline: absolute CLOCK_MONOTONIC nanoseconds; 0 polls.
 * @result: receives the result.
 * @size: size of the caller's structure.
 *
 * Return: 0 also for a transfer that failed; -ETIME, -ENOENT or another negative errno.
 * Thread-safe.
 */
int dacc_transfer_wait(struct dacc_device *dev, uint64_t id, int64_t deadline,
		       struct dacc_transfer_result *result, size_t size);

/**
 * dacc_transfer_read() - take the result of some transfer with an event
 * @dev: device, whose dacc_device_fd() polls readable when there is one.
 * @result: receives the result.
 * @size: size of the caller's structure.
 *
 * Does not wait.
 *
 * Return: 0, -EAGAIN (none now) or another negative errno. One thread at a time for
 * each device.
 */
int dacc_transfer_read(struct dacc_device *dev, struct dacc_transfer_result *result, size_t size);

/* --- KV caches (kv.c) --------------------------------------------------------------- */

/**
 * struct dacc_kv_source - where a KV cache comes from
 * @size: sizeof(struct dacc_kv_source).
 * @bo: buffer, commonly an imported one.
 * @offset: first byte of the KV cache in it, a multiple of the page size.
 * @layout: its layout. Type, layers and row size must be the session's;
 *	regions and strides may differ.
 * @n_positions: positions to move, from 0.
 * @block_positions: positions of a block: K and V of that many are one block
 *	each. @n_positions or more: two blocks a layer.
 */
struct dacc_kv_source {
	size_t size;
	struct dacc_bo *bo;
	uint64_t offset;
	struct dacc_kv_layout layout;
	uint32_t n_positions;
	uint32_t block_positions;
};

/**
 * dacc_kv_prepare() - prepare a transfer into a session's KV cache
 * @session: destination. Its KV cache becomes a pool with a page for each layer, which
 *	belong to a transfer that is under way.
 * @source: source.
 * @out: transfer, which may be posted any number of times.
 *
 * Maps the source and prepares a list.
 *
 * Return: 0; -EREMOTEIO (the chip may not reach that memory: copy it to host
 * memory and take that as the source), -EINVAL (layouts do not match, the
 * source is too small), -ENOSPC (more blocks than the chip's tables hold; use
 * larger ones) or another negative errno. Thread-safe.
 */
int dacc_kv_prepare(struct dacc_session *session, const struct dacc_kv_source *source,
		    struct dacc_kv **out);

/**
 * dacc_kv_post() - post a prepared transfer
 * @kv: transfer.
 * @queue: as in dacc_transfer_post().
 * @args: as in dacc_transfer_post().
 * @id: names it, for dacc_transfer_wait() and dacc_transfer_cancel().
 *
 * Return: as dacc_transfer_post(); -EBUSY: another transfer into this session is under
 * way. Thread-safe.
 */
int dacc_kv_post(struct dacc_kv *kv, struct dacc_queue *queue,
		 const struct dacc_transfer_args *args, uint64_t *id);

/**
 * dacc_kv_blocks() - number of blocks of a layer
 * @kv: transfer.
 *
 * Return: blocks. Thread-safe.
 */
uint32_t dacc_kv_blocks(const struct dacc_kv *kv);

/**
 * dacc_kv_layer_bytes() - payload of a layer
 * @kv: transfer.
 *
 * Return: bytes. Thread-safe.
 */
uint64_t dacc_kv_layer_bytes(const struct dacc_kv *kv);

/**
 * dacc_kv_free() - free a prepared transfer
 * @kv: transfer or NULL. Waits until the chip no longer uses it.
 */
void dacc_kv_free(struct dacc_kv *kv);

/* --- decode (decode.c) ---------------------------------------------------------------- */

/**
 * struct dacc_decode - a decode job
 * @size: sizeof(struct dacc_decode).
 * @sessions: sessions of the same weights, begun, not done and without a
 *	decode under way. They step together.
 * @n_sessions: 1 to DACC_MAX_BATCH.
 * @max_tokens: most tokens for each session, 1 to DACC_MAX_TOKENS.
 * @in: fences to wait for, such as the last layer of a KV transfer. They must
 *	have been submitted, as with struct dacc_submit.
 * @n_in: number of them.
 * @out: fences to signal at the end.
 * @n_out: number of them.
 * @not_before_ps: earliest device time.
 */
struct dacc_decode {
	size_t size;
	struct dacc_session *const *sessions;
	unsigned int n_sessions;
	unsigned int max_tokens;
	const struct dacc_sync *in;
	unsigned int n_in;
	const struct dacc_sync *out;
	unsigned int n_out;
	uint64_t not_before_ps;
};

/**
 * dacc_submit_decode() - have the chip generate tokens
 * @queue: decode queue in the address space of the sessions.
 * @decode: batch, token limit and fences.
 * @out: stream of the tokens.
 *
 * Returns at once. The chip runs the model's program once for each token, for
 * all sessions of the batch, until each has @max_tokens tokens or is done.
 * Tokens can be read from the stream as the chip makes them; the sessions go
 * on from there with the next call once dacc_stream_wait() has returned 0.
 *
 * Return: 0; -EINVAL, -EBUSY (a session has a decode under way), -EAGAIN (the
 * queue is full), -EIO (the queue has failed), -ENOMEM or another negative
 * errno. Thread-safe, for different sessions; on a user queue one thread at a time.
 */
int dacc_submit_decode(struct dacc_queue *queue, const struct dacc_decode *decode,
		       struct dacc_stream **out);

/**
 * dacc_stream_again() - have the chip go on with the same sessions
 * @stream: stream whose tokens were all read: of each session as many as
 *	dacc_decode.max_tokens, or up to its end.
 *
 * As another dacc_submit_decode() with the same sessions and limit, without fences,
 * but with nothing to prepare: on a user queue this is one descriptor and the
 * doorbell; no lock, no allocation, no system call. The stream is the new job's from
 * now on. If the job before failed, this one does not run, and dacc_stream_wait()
 * says so. Sessions that are done give no token; dacc_stream_wait() says where
 * they are.
 *
 * Return: 0; -EBUSY (there are tokens to come or to be read), -EAGAIN (the queue is
 * full, or the job before has not quite ended: at once again), -EINVAL (the stream
 * was waited for), -EIO (the queue has failed), -ECANCELED (it was destroyed) or
 * another negative errno. One thread at a time; on a
 * user queue for all streams of the queue together.
 */
int dacc_stream_again(struct dacc_stream *stream);

/**
 * dacc_stream_read() - take tokens that are there, without waiting
 * @stream: stream.
 * @index: session, in the order of dacc_decode.sessions.
 * @tokens: receives the tokens that were not read yet. A stop token is among
 *	them.
 * @n: room in @tokens.
 *
 * No system call.
 *
 * Return: number of tokens, 0 if there is none now, -EINVAL (no such session),
 * or -EBADMSG (the record is not well-formed). One thread at a time.
 */
int dacc_stream_read(struct dacc_stream *stream, unsigned int index, uint32_t *tokens,
		     unsigned int n);

/**
 * dacc_stream_poll() - wait until a token can be read, or the job has ended
 * @stream: stream.
 * @deadline: absolute.
 *
 * Return: 1 if there are tokens to read, 0 if the job has ended (how, tells
 * dacc_stream_wait()) and all were read, -ETIME or another negative errno. One
 * thread at a time.
 */
int dacc_stream_poll(struct dacc_stream *stream, int64_t deadline);

/**
 * dacc_stream_wait() - wait for the end and update the sessions
 * @stream: stream.
 * @deadline: absolute.
 * @result: receives how the job ended; may be NULL.
 *
 * Tokens can still be read after this. If the deadline passes first, the decode
 * goes on: wait again, or destroy the queue, which stops it.
 *
 * Return: 0; -ETIME; -ECANCELED if the queue was destroyed; or the job's error,
 * with a message that names the fault: its sessions must then be begun again.
 * One thread at a time.
 */
int dacc_stream_wait(struct dacc_stream *stream, int64_t deadline, struct dacc_result *result);

/**
 * dacc_stream_free() - free a stream
 * @stream: stream or NULL. Waits for the job's end: destroy the queue first to
 *	stop it.
 */
void dacc_stream_free(struct dacc_stream *stream);

#ifdef __cplusplus
}
#endif

#endif /* DACC_DACC_H */
