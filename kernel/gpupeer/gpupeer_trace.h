/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: events/gpupeer in tracefs. Device times are those of the records. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM gpupeer

#if !defined(_GPUPEER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _GPUPEER_TRACE_H

#include <linux/tracepoint.h>

#define gpupeer_show_opcode(opcode) \
	__print_symbolic(opcode, { GPUPEER_OP_PREFILL, "prefill" }, { GPUPEER_OP_COPY, "copy" })

TRACE_EVENT(gpupeer_job_submit,
	TP_PROTO(u64 id, u32 opcode, u32 points),
	TP_ARGS(id, opcode, points),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, opcode)
		__field(u32, points)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->opcode = opcode;
		__entry->points = points;
	),
	TP_printk("job=%llu op=%s points=%u", __entry->id, gpupeer_show_opcode(__entry->opcode),
		  __entry->points)
);

TRACE_EVENT(gpupeer_job_start,
	TP_PROTO(u64 seq, u64 id, u32 opcode),
	TP_ARGS(seq, id, opcode),
	TP_STRUCT__entry(
		__field(u64, seq)
		__field(u64, id)
		__field(u32, opcode)
	),
	TP_fast_assign(
		__entry->seq = seq;
		__entry->id = id;
		__entry->opcode = opcode;
	),
	TP_printk("seq=%llu job=%llu op=%s", __entry->seq, __entry->id,
		  gpupeer_show_opcode(__entry->opcode))
);

TRACE_EVENT(gpupeer_job_point,
	TP_PROTO(u64 seq, u64 id, u64 point, u64 time),
	TP_ARGS(seq, id, point, time),
	TP_STRUCT__entry(
		__field(u64, seq)
		__field(u64, id)
		__field(u64, point)
		__field(u64, time)
	),
	TP_fast_assign(
		__entry->seq = seq;
		__entry->id = id;
		__entry->point = point;
		__entry->time = time;
	),
	TP_printk("seq=%llu job=%llu point=%llu t=%llu", __entry->seq, __entry->id,
		  __entry->point, __entry->time)
);

TRACE_EVENT(gpupeer_job_end,
	TP_PROTO(u64 seq, u64 id, u32 opcode, int error, u64 t_start, u64 t_end, u64 bytes),
	TP_ARGS(seq, id, opcode, error, t_start, t_end, bytes),
	TP_STRUCT__entry(
		__field(u64, seq)
		__field(u64, id)
		__field(u32, opcode)
		__field(int, error)
		__field(u64, t_start)
		__field(u64, t_end)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->seq = seq;
		__entry->id = id;
		__entry->opcode = opcode;
		__entry->error = error;
		__entry->t_start = t_start;
		__entry->t_end = t_end;
		__entry->bytes = bytes;
	),
	TP_printk("seq=%llu job=%llu op=%s error=%d t_start=%llu t_end=%llu bytes=%llu",
		  __entry->seq, __entry->id, gpupeer_show_opcode(__entry->opcode),
		  __entry->error, __entry->t_start, __entry->t_end, __entry->bytes)
);

TRACE_EVENT(gpupeer_reset,
	TP_PROTO(int error),
	TP_ARGS(error),
	TP_STRUCT__entry(
		__field(int, error)
	),
	TP_fast_assign(
		__entry->error = error;
	),
	TP_printk("error=%d", __entry->error)
);

#endif /* _GPUPEER_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE gpupeer_trace
#include <trace/define_trace.h>
