// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints: what they say of a channel and of who waits.
 */
#include "chan.h"

/* Called while it is queued, or by its task: that is there. */
static s32 chan_trace_tid(const struct chan_waiter *w)
{
	return w->party->task ? task_pid_nr(w->party->task) : 0;
}

static u32 chan_trace_len(const struct chan *c)
{
	/* Where the lock isn't held it is but about right. */
	return data_race(c->count) + data_race(c->nr_returned);
}

#define CREATE_TRACE_POINTS
#include "trace.h"
