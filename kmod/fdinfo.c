// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc/PID/fdinfo says of a channel's handle: the channel, and which tasks are
 * parked in it.
 */
#include <linux/pid.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "chan.h"

#define CHAN_TASKS_MAX	32	/* tasks that are named, of each queue those parked longest */

/**
 * struct chan_parked - a task that is parked
 * @pid: counted
 * @sending: it would send
 * @several: it is in a select
 */
struct chan_parked {
	struct pid *pid;
	bool sending;
	bool several;
};

/*
 * Those of a queue. What isn't PENDING may be no more by the time we print; of selectors
 * and handles that stand by, their own fdinfo says that they wait. The walk is bounded.
 */
static u32 chan_find_tasks(const struct list_head *queue, struct chan_parked *parked)
{
	const struct chan_waiter *w;
	u32 n = 0, seen = 0;

	list_for_each_entry(w, queue, node) {
		const struct chan_party *p = w->party;

		if (seen++ == 4 * CHAN_TASKS_MAX || n == CHAN_TASKS_MAX)
			break;
		if (!p->task || READ_ONCE(p->state) != CHAN_PENDING || p->tries)
			continue;
		/* Its waiter is queued, so it hasn't returned from its call. */
		parked[n++] = (struct chan_parked) {
			.pid = get_pid(task_pid(p->task)),
			.sending = w->sending,
			.several = p->several,
		};
	}
	return n;
}

static void chan_show_task(struct seq_file *m, const struct chan_parked *p)
{
	pid_t tid = pid_nr_ns(p->pid, proc_pid_ns(file_inode(m->file)->i_sb));

	/* 0: of a namespace that the reader doesn't see. */
	if (tid)
		seq_printf(m, "chan-task:\t%d %s%s\n", tid, p->sending ? "send" : "recv",
			   p->several ? " select" : "");
	put_pid(p->pid);
}

static void chan_show_tasks(struct seq_file *m, struct chan *c)
{
	struct chan_parked parked[2 * CHAN_TASKS_MAX];
	u32 n, i;

	spin_lock(&c->lock);
	n = chan_find_tasks(&c->sendq, parked);
	n += chan_find_tasks(&c->recvq, parked + n);
	spin_unlock(&c->lock);
	for (i = 0; i < n; i++)
		chan_show_task(m, &parked[i]);
}

static const char *chan_direction(const struct chan_handle *h)
{
	if (h->may_send)
		return h->may_recv ? "both" : "send";
	return h->may_recv ? "recv" : "look";
}

/**
 * chan_show_fdinfo() - a handle's part of fdinfo
 * @m: where to
 * @file: the handle
 *
 * Who may read it is who may trace the process: the names of tasks are ids that
 * /proc shows anyway.
 */
void chan_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct chan_handle *h = file->private_data;
	struct chan_info info;

	chan_object_info(h->object, &info);
	seq_printf(m, "chan-id:\t%llu\n", info.id);
	if (info.minor != CHAN_MINOR_NONE)
		seq_printf(m, "chan-minor:\t%u\n", info.minor);
	if (info.name[0])
		seq_printf(m, "chan-name:\t%s\n", info.name);
	seq_printf(m, "chan-type:\t%s\n", info.type);
	seq_printf(m, "chan-handle:\t%s%s\n", chan_direction(h),
		   READ_ONCE(h->standby) ? " standby" : "");
	seq_printf(m, "chan-elem-size:\t%u\n", info.elem_size);
	seq_printf(m, "chan-capacity:\t%u\n", info.capacity);
	seq_printf(m, "chan-len:\t%u\n", info.len);
	seq_printf(m, "chan-flags:\t%#x\n", info.flags);
	seq_printf(m, "chan-senders:\t%u\n", info.senders);
	seq_printf(m, "chan-receivers:\t%u\n", info.receivers);
	seq_printf(m, "chan-parked-senders:\t%u\n", info.parked_senders);
	seq_printf(m, "chan-parked-receivers:\t%u\n", info.parked_receivers);
	seq_printf(m, "chan-sent:\t%llu\n", info.sent);
	seq_printf(m, "chan-received:\t%llu\n", info.received);
	chan_show_tasks(m, h->chan);
}
