/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: ids, numbers and counts, never a payload or an address.
 *
 * An element's number is its place in the order of sends to its channel, from 0: who
 * sends it and who receives it report the same. Where one call does the work of another,
 * as a sender does of the receiver that is parked, its context reports both.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM chan

#if !defined(_CHAN_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _CHAN_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>

struct chan;
struct chan_object;
struct chan_waiter;

DECLARE_EVENT_CLASS(chan_moved,
	TP_PROTO(const struct chan *c, u64 seq, u32 n),
	TP_ARGS(c, seq, n),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, seq)
		__field(u32, n)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->id = chan_id(c);
		__entry->seq = seq;
		__entry->n = n;
		__entry->len = chan_trace_len(c);
	),
	TP_printk("id=%llu seq=%llu n=%u len=%u", __entry->id, __entry->seq, __entry->n,
		  __entry->len)
);

/* Elements were sent: @n of them, of which @seq is the first; len are queued now. */
DEFINE_EVENT(chan_moved, chan_send,
	TP_PROTO(const struct chan *c, u64 seq, u32 n),
	TP_ARGS(c, seq, n)
);

/* Elements were received, or claimed by who may yet return them. */
DEFINE_EVENT(chan_moved, chan_recv,
	TP_PROTO(const struct chan *c, u64 seq, u32 n),
	TP_ARGS(c, seq, n)
);

/* A receiver failed, and its element is queued again. */
DEFINE_EVENT(chan_moved, chan_return,
	TP_PROTO(const struct chan *c, u64 seq, u32 n),
	TP_ARGS(c, seq, n)
);

/* @tid is 0 of a selector, or of a handle that stands by. */
DECLARE_EVENT_CLASS(chan_parked,
	TP_PROTO(const struct chan *c, const struct chan_waiter *w, int result),
	TP_ARGS(c, w, result),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(s32, tid)
		__field(s32, result)
		__field(bool, sending)
	),
	TP_fast_assign(
		__entry->id = chan_id(c);
		__entry->tid = chan_trace_tid(w);
		__entry->result = result;
		__entry->sending = w->sending;
	),
	TP_printk("id=%llu tid=%d op=%s result=%d", __entry->id, __entry->tid,
		  __entry->sending ? "send" : "recv", __entry->result)
);

/* It waits in the channel's queue; a select does so in several. The result is 0. */
DEFINE_EVENT(chan_parked, chan_park,
	TP_PROTO(const struct chan *c, const struct chan_waiter *w, int result),
	TP_ARGS(c, w, result)
);

/* Its operation was done for it: 1; or the channel was closed: 0, or -EPIPE of a send. */
DEFINE_EVENT(chan_parked, chan_wake,
	TP_PROTO(const struct chan *c, const struct chan_waiter *w, int result),
	TP_ARGS(c, w, result)
);

/* A call gave up: its result is not known here, and 0. */
DEFINE_EVENT(chan_parked, chan_cancel,
	TP_PROTO(const struct chan *c, const struct chan_waiter *w, int result),
	TP_ARGS(c, w, result)
);

/* Case @index of @nr has committed, with a result as of chan_wake, or an errno. */
TRACE_EVENT(chan_select,
	TP_PROTO(const struct chan *c, u32 index, u32 nr, int result),
	TP_ARGS(c, index, nr, result),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, index)
		__field(u32, nr)
		__field(s32, result)
	),
	TP_fast_assign(
		__entry->id = chan_id(c);
		__entry->index = index;
		__entry->nr = nr;
		__entry->result = result;
	),
	TP_printk("id=%llu index=%u nr=%u result=%d", __entry->id, __entry->index,
		  __entry->nr, __entry->result)
);

/* No more sends: it was closed, or hung up, or both. */
TRACE_EVENT(chan_close,
	TP_PROTO(const struct chan *c, bool closed, bool hungup),
	TP_ARGS(c, closed, hungup),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, len)
		__field(bool, closed)
		__field(bool, hungup)
	),
	TP_fast_assign(
		__entry->id = chan_id(c);
		__entry->len = chan_trace_len(c);
		__entry->closed = closed;
		__entry->hungup = hungup;
	),
	TP_printk("id=%llu len=%u closed=%d hungup=%d", __entry->id, __entry->len,
		  __entry->closed, __entry->hungup)
);

DECLARE_EVENT_CLASS(chan_life,
	TP_PROTO(const struct chan_object *o, u32 minor),
	TP_ARGS(o, minor),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, elem_size)
		__field(u32, capacity)
		__field(u32, flags)
		__field(u32, minor)
	),
	TP_fast_assign(
		__entry->id = o->id;
		__entry->elem_size = o->chan.elem_size;
		__entry->capacity = o->chan.capacity;
		__entry->flags = o->flags;
		__entry->minor = minor;
	),
	TP_printk("id=%llu elem_size=%u capacity=%u flags=%#x minor=%d", __entry->id,
		  __entry->elem_size, __entry->capacity, __entry->flags, (int)__entry->minor)
);

/* Made, with a node or without (minor -1). */
DEFINE_EVENT(chan_life, chan_create,
	TP_PROTO(const struct chan_object *o, u32 minor),
	TP_ARGS(o, minor)
);

/* Its node is gone; who has it open goes on. */
DEFINE_EVENT(chan_life, chan_destroy,
	TP_PROTO(const struct chan_object *o, u32 minor),
	TP_ARGS(o, minor)
);

/* Its last handle is gone, and with it what was queued. */
DEFINE_EVENT(chan_life, chan_free,
	TP_PROTO(const struct chan_object *o, u32 minor),
	TP_ARGS(o, minor)
);

#endif /* _CHAN_TRACE_H */

/* Outside the guard, as define_trace.h wants it; -I is this project's top. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kmod
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
