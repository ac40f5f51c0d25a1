/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: events/dacc in tracefs. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dacc

#if !defined(_DACC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DACC_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(dacc_move,
	TP_PROTO(u32 kind, u64 offset, u64 size, bool by_cpu, int ret),
	TP_ARGS(kind, offset, size, by_cpu, ret),
	TP_STRUCT__entry(
		__field(u32, kind)
		__field(u64, offset)
		__field(u64, size)
		__field(bool, by_cpu)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->kind = kind;
		__entry->offset = offset;
		__entry->size = size;
		__entry->by_cpu = by_cpu;
		__entry->ret = ret;
	),
	TP_printk("%s sram=%#llx size=%#llx by=%s ret=%d",
		  __print_symbolic(__entry->kind, { 0, "out" }, { 1, "in" }, { 2, "clear" }),
		  __entry->offset, __entry->size, __entry->by_cpu ? "cpu" : "queue",
		  __entry->ret)
);

TRACE_EVENT(dacc_job_submit,
	TP_PROTO(u32 hwq, u64 seq, u32 jobs, u32 deps),
	TP_ARGS(hwq, seq, jobs, deps),
	TP_STRUCT__entry(
		__field(u32, hwq)
		__field(u64, seq)
		__field(u32, jobs)
		__field(u32, deps)
	),
	TP_fast_assign(
		__entry->hwq = hwq;
		__entry->seq = seq;
		__entry->jobs = jobs;
		__entry->deps = deps;
	),
	TP_printk("queue=%u last_seq=%llu jobs=%u deps=%u",
		  __entry->hwq, __entry->seq, __entry->jobs, __entry->deps)
);

TRACE_EVENT(dacc_job_start,
	TP_PROTO(u32 hwq, u64 seq, u8 opcode),
	TP_ARGS(hwq, seq, opcode),
	TP_STRUCT__entry(
		__field(u32, hwq)
		__field(u64, seq)
		__field(u8, opcode)
	),
	TP_fast_assign(
		__entry->hwq = hwq;
		__entry->seq = seq;
		__entry->opcode = opcode;
	),
	TP_printk("queue=%u seq=%llu opcode=%u", __entry->hwq, __entry->seq, __entry->opcode)
);

TRACE_EVENT(dacc_job_end,
	TP_PROTO(u32 hwq, const struct drm_dacc_result *result),
	TP_ARGS(hwq, result),
	TP_STRUCT__entry(
		__field(u32, hwq)
		__field(u64, seq)
		__field(s32, error)
		__field(u16, status)
		__field(u64, t_start)
		__field(u64, t_end)
	),
	TP_fast_assign(
		__entry->hwq = hwq;
		__entry->seq = result->seq;
		__entry->error = result->error;
		__entry->status = result->status;
		__entry->t_start = result->t_start;
		__entry->t_end = result->t_end;
	),
	TP_printk("queue=%u seq=%llu error=%d status=%u t_start=%llu t_end=%llu",
		  __entry->hwq, __entry->seq, __entry->error, __entry->status,
		  __entry->t_start, __entry->t_end)
);

/*
 * The driver does not see the jobs of a user queue. While this event is on, it asks
 * for an interrupt at each end of one; ends that it could not tell apart are one
 * event. A single job, or several back to back, went on from t_end - busy to t_end.
 */
TRACE_EVENT(dacc_userq_jobs,
	TP_PROTO(const struct dacc_queue *queue, u64 first, u64 last, u64 busy, u64 t_end),
	TP_ARGS(queue, first, last, busy, t_end),
	TP_STRUCT__entry(
		__field(u32, hwq)
		__field(u32, queue_class)
		__field(u64, first)
		__field(u64, last)
		__field(u64, busy)
		__field(u64, t_end)
	),
	TP_fast_assign(
		__entry->hwq = queue->hwq;
		__entry->queue_class = queue->queue_class;
		__entry->first = first;
		__entry->last = last;
		__entry->busy = busy;
		__entry->t_end = t_end;
	),
	TP_printk("queue=%u class=%u first=%llu last=%llu busy=%llu t_end=%llu",
		  __entry->hwq, __entry->queue_class, __entry->first, __entry->last,
		  __entry->busy, __entry->t_end)
);

TRACE_EVENT(dacc_transfer,
	TP_PROTO(u32 hwq, const struct drm_dacc_result *result),
	TP_ARGS(hwq, result),
	TP_STRUCT__entry(
		__field(u32, hwq)
		__field(u64, seq)
		__field(u64, bytes)
		__field(u64, link_bytes)
		__field(u16, path)
		__field(u64, ps)
	),
	TP_fast_assign(
		__entry->hwq = hwq;
		__entry->seq = result->seq;
		__entry->bytes = result->bytes;
		__entry->link_bytes = result->link_bytes;
		__entry->path = result->path;
		__entry->ps = result->t_end - result->t_start;
	),
	TP_printk("queue=%u seq=%llu bytes=%llu link_bytes=%llu path=%#x ps=%llu",
		  __entry->hwq, __entry->seq, __entry->bytes, __entry->link_bytes,
		  __entry->path, __entry->ps)
);

TRACE_EVENT(dacc_transfer_post,
	TP_PROTO(u32 hwq, u64 id, u32 first_layer, u32 layers, u64 bytes, u32 flags),
	TP_ARGS(hwq, id, first_layer, layers, bytes, flags),
	TP_STRUCT__entry(
		__field(u32, hwq)
		__field(u64, id)
		__field(u32, first_layer)
		__field(u32, layers)
		__field(u64, bytes)
		__field(u32, flags)
	),
	TP_fast_assign(
		__entry->hwq = hwq;
		__entry->id = id;
		__entry->first_layer = first_layer;
		__entry->layers = layers;
		__entry->bytes = bytes;
		__entry->flags = flags;
	),
	TP_printk("queue=%u id=%llu first_layer=%u layers=%u bytes=%llu flags=%#x",
		  __entry->hwq, __entry->id, __entry->first_layer, __entry->layers,
		  __entry->bytes, __entry->flags)
);

TRACE_EVENT(dacc_transfer_end,
	TP_PROTO(u32 hwq, const struct drm_dacc_transfer_result *result),
	TP_ARGS(hwq, result),
	TP_STRUCT__entry(
		__field(u32, hwq)
		__field(u64, id)
		__field(s32, error)
		__field(u32, layers_done)
		__field(u32, pages_failed)
		__field(u64, bytes)
		__field(u64, t_start)
		__field(u64, t_end)
	),
	TP_fast_assign(
		__entry->hwq = hwq;
		__entry->id = result->id;
		__entry->error = result->error;
		__entry->layers_done = result->layers_done;
		__entry->pages_failed = result->pages_failed;
		__entry->bytes = result->bytes;
		__entry->t_start = result->t_start;
		__entry->t_end = result->t_end;
	),
	TP_printk("queue=%u id=%llu error=%d layers_done=%u pages_failed=%u bytes=%llu t_start=%llu t_end=%llu",
		  __entry->hwq, __entry->id, __entry->error, __entry->layers_done,
		  __entry->pages_failed, __entry->bytes, __entry->t_start, __entry->t_end)
);

TRACE_EVENT(dacc_fault,
	TP_PROTO(u32 hwq, u32 state, u32 status, u32 index, u64 addr),
	TP_ARGS(hwq, state, status, index, addr),
	TP_STRUCT__entry(
		__field(u32, hwq)
		__field(u32, state)
		__field(u32, status)
		__field(u32, index)
		__field(u64, addr)
	),
	TP_fast_assign(
		__entry->hwq = hwq;
		__entry->state = state;
		__entry->status = status;
		__entry->index = index;
		__entry->addr = addr;
	),
	TP_printk("queue=%u state=%u status=%u index=%u addr=%#llx",
		  __entry->hwq, __entry->state, __entry->status, __entry->index, __entry->addr)
);

TRACE_EVENT(dacc_reset,
	TP_PROTO(s32 hwq, int error),
	TP_ARGS(hwq, error),
	TP_STRUCT__entry(
		__field(s32, hwq)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->hwq = hwq;
		__entry->error = error;
	),
	TP_printk("queue=%d error=%d", __entry->hwq, __entry->error)
);

TRACE_EVENT(dacc_bind,
	TP_PROTO(u32 asid, u64 addr, u64 range, u32 flags),
	TP_ARGS(asid, addr, range, flags),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u64, addr)
		__field(u64, range)
		__field(u32, flags)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->addr = addr;
		__entry->range = range;
		__entry->flags = flags;
	),
	TP_printk("asid=%u addr=%#llx range=%#llx flags=%#x",
		  __entry->asid, __entry->addr, __entry->range, __entry->flags)
);

TRACE_EVENT(dacc_unbind,
	TP_PROTO(u32 asid, u64 addr, u64 range),
	TP_ARGS(asid, addr, range),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u64, addr)
		__field(u64, range)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->addr = addr;
		__entry->range = range;
	),
	TP_printk("asid=%u addr=%#llx range=%#llx", __entry->asid, __entry->addr, __entry->range)
);

#endif /* _DACC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dacc_trace
#include <trace/define_trace.h>
