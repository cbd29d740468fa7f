// SPDX-License-Identifier: GPL-2.0
/*
 * Selectors: a select as a file, for event loops.
 */
#include <linux/anon_inodes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "cases.h"
#include "uaccess.h"

/*
 * A call that arms or reads has the selector for itself while it copies, which its memory
 * may hold up: others don't wait for it, but are told so.
 */
enum chan_sel_state {
	CHAN_SEL_IDLE,
	CHAN_SEL_ARMING,	/* an ARM has it */
	CHAN_SEL_ARMED,		/* it waits, or its result does */
	CHAN_SEL_READING,	/* a read has it, and the result */
};

/**
 * struct chan_sel - a selector
 * @mutex: outside all locks of channels; never held over a copy
 * @wq: who waits for a result
 * @account: immutable; who pays
 * @state: mutex to write
 * @cases: of the call that has it; mutex while ARMED, but for the state of the party
 * @rcu: who fires it wakes @wq after it has left the queues
 */
struct chan_sel {
	struct mutex mutex;		/* outermost */
	wait_queue_head_t wq;
	struct chan_account *account;
	enum chan_sel_state state;
	struct chan_cases cases;
	struct rcu_head rcu;
};

/* Is there something to read? */
static bool chan_sel_ready(struct chan_sel *sel)
{
	/* pairs with chan_sel_set() */
	if (smp_load_acquire(&sel->state) != CHAN_SEL_ARMED)
		return false;
	/* pairs with chan_fire() */
	return smp_load_acquire(&sel->cases.choice.party.state) == CHAN_FIRED;
}

static void chan_sel_set(struct chan_sel *sel, enum chan_sel_state state)
{
	mutex_lock(&sel->mutex);
	/* PENDING first, lest who polls sees what was; pairs with chan_sel_ready() */
	smp_store_release(&sel->state, state);
	mutex_unlock(&sel->mutex);
}

/* Have it to arm it. Return: false if it is armed, or another call has it. */
static bool chan_sel_take_idle(struct chan_sel *sel)
{
	bool idle;

	mutex_lock(&sel->mutex);
	idle = sel->state == CHAN_SEL_IDLE;
	if (idle)
		WRITE_ONCE(sel->state, CHAN_SEL_ARMING);
	mutex_unlock(&sel->mutex);
	return idle;
}

/* Have it to read its result. Return: false if there is none, or another call has it. */
static bool chan_sel_take_ready(struct chan_sel *sel)
{
	bool ready;

	mutex_lock(&sel->mutex);
	ready = chan_sel_ready(sel);
	if (ready)
		WRITE_ONCE(sel->state, CHAN_SEL_READING);
	mutex_unlock(&sel->mutex);
	return ready;
}

/*
 * Arm
 */

/* Nobody else knows it any more: free what it was armed with. */
static void chan_sel_reset(struct chan_sel *sel)
{
	chan_cases_unpark(&sel->cases);
	chan_cases_end(&sel->cases);
}

static void chan_sel_disarmed(struct chan_sel *sel)
{
	atomic_long_dec(&chan_total_parties);
	chan_sel_reset(sel);
}

/* It waits, or its result does; others may have it from here. */
static void chan_sel_armed(struct chan_sel *sel)
{
	chan_sel_set(sel, CHAN_SEL_ARMED);
	/* Fired before that: who polled was woken too early. */
	smp_mb();	/* pairs with the wait queue's lock, taken after FIRED */
	if (chan_sel_ready(sel))
		wake_up_interruptible_poll(&sel->wq, EPOLLIN | EPOLLRDNORM);
}

/* Wait in the channels. Return: -EINPROGRESS; or a case, if one was ready after all. */
static int chan_sel_park(struct chan_sel *sel)
{
	struct chan_cases *cs = &sel->cases;
	int i, r;

	cs->account = sel->account;
	cs->choice.party.task = NULL;
	cs->choice.party.wq = &sel->wq;
	cs->choice.party.tries = false;
	chan_cases_keep(cs);
	r = chan_cases_park(cs);
	if (r)
		return r;
	if (!chan_choice_enqueue(&cs->choice)) {
		i = chan_choice_leave(&cs->choice);
		return chan_cases_deliver(cs, i) ?: i;
	}
	atomic_long_inc(&chan_total_parties);
	chan_sel_armed(sel);
	return -EINPROGRESS;
}

static long chan_sel_arm(struct chan_sel *sel, const struct chan_select *arg)
{
	struct chan_cases *cs = &sel->cases;
	long r;

	r = chan_cases_begin(cs, arg, GFP_KERNEL_ACCOUNT);
	if (!r)
		r = chan_choice_try(&cs->choice);
	if (r == -EAGAIN)
		r = chan_sel_park(sel);
	if (r == -EINPROGRESS)
		return r;
	if (r >= 0)
		r = chan_cases_result(cs, r);
	chan_sel_reset(sel);
	chan_sel_set(sel, CHAN_SEL_IDLE);
	return r;
}

static long chan_sel_ioctl_arm(struct chan_sel *sel, const struct chan_select __user *uarg)
{
	struct chan_select arg;
	long r;

	r = chan_select_in(&arg, uarg, CHAN_PRIORITY);
	if (r)
		return r;
	return chan_sel_take_idle(sel) ? chan_sel_arm(sel, &arg) : -EBUSY;
}

/*
 * Disarm
 */

static long chan_sel_disarm__locked(struct chan_sel *sel)
{
	lockdep_assert_held(&sel->mutex);
	if (sel->state == CHAN_SEL_READING)
		return -EALREADY;
	if (sel->state != CHAN_SEL_ARMED)
		return -EINVAL;
	if (!chan_choice_withdraw(&sel->cases.choice))
		return -EALREADY;
	chan_choice_leave(&sel->cases.choice);
	chan_sel_disarmed(sel);
	WRITE_ONCE(sel->state, CHAN_SEL_IDLE);
	return 0;
}

static long chan_sel_ioctl_disarm(struct chan_sel *sel, unsigned long arg)
{
	long r;

	if (arg)
		return -EINVAL;
	mutex_lock(&sel->mutex);
	r = chan_sel_disarm__locked(sel);
	mutex_unlock(&sel->mutex);
	return r;
}

static long chan_sel_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct chan_sel *sel = file->private_data;

	switch (cmd) {
	case CHAN_IOC_ARM:
		return chan_sel_ioctl_arm(sel, (void __user *)arg);
	case CHAN_IOC_DISARM:
		return chan_sel_ioctl_disarm(sel, arg);
	default:
		return -ENOTTY;
	}
}

/*
 * The result
 */

/* Copy the result; it stays if that fails. Return: bytes, or an errno. */
static ssize_t chan_sel_copy(struct chan_sel *sel, char __user *buf, size_t len)
{
	struct chan_choice *s = &sel->cases.choice;
	struct chan_selected out = {};
	struct chan_elem *e = NULL;
	int i = chan_choice_leave(s);

	out.index = i;
	out.flags = s->result == 1 ? CHAN_OK : 0;
	if (s->result == 1 && !s->options[i].sending) {
		e = s->waiters[i].elem;
		out.len = e->len;
	}
	if (len < sizeof(out) + out.len)
		return -EMSGSIZE;
	if (copy_to_user(buf, &out, sizeof(out)) ||
	    (e && copy_to_user(buf + sizeof(out), e->data, e->len)))
		return -EFAULT;
	/* Who is being killed never returns from this call. */
	if (fatal_signal_pending(current))
		return -EINTR;
	return sizeof(out) + out.len;
}

static ssize_t chan_sel_try_read(struct chan_sel *sel, char __user *buf, size_t len)
{
	ssize_t r;

	if (!chan_sel_take_ready(sel))
		return -EAGAIN;
	r = chan_sel_copy(sel, buf, len);
	if (r > 0) {
		chan_sel_disarmed(sel);
		chan_sel_set(sel, CHAN_SEL_IDLE);
	} else {
		chan_sel_armed(sel);	/* as before, for others to read */
	}
	return r;
}

static ssize_t chan_sel_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct chan_sel *sel = file->private_data;
	ssize_t r;

	if (len < sizeof(struct chan_selected))
		return -EINVAL;
	for (;;) {
		r = chan_sel_try_read(sel, buf, len);
		if (r != -EAGAIN || file->f_flags & O_NONBLOCK)
			return r;
		if (wait_event_interruptible(sel->wq, chan_sel_ready(sel)))
			return -ERESTARTSYS;
	}
}

static __poll_t chan_sel_poll(struct file *file, poll_table *wait)
{
	struct chan_sel *sel = file->private_data;

	poll_wait(file, &sel->wq, wait);
	return chan_sel_ready(sel) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* Its cases, while it waits: which channels a process waits for that blocks in none. */
static void chan_sel_show_cases(struct seq_file *m, const struct chan_cases *cs)
{
	u32 i;

	for (i = 0; i < cs->choice.nr; i++)
		if (cs->choice.options[i].chan)
			seq_printf(m, "chan-case:\t%u %s %llu\n", i,
				   cs->choice.options[i].sending ? "send" : "recv",
				   chan_id(cs->choice.options[i].chan));
}

static void chan_sel_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct chan_sel *sel = file->private_data;
	bool ready, armed;

	mutex_lock(&sel->mutex);
	ready = chan_sel_ready(sel);
	armed = sel->state == CHAN_SEL_ARMED;
	seq_printf(m, "chan-selector:\t%s\n", ready ? "ready" : armed ? "armed" : "idle");
	if (armed && !ready)
		chan_sel_show_cases(m, &sel->cases);
	mutex_unlock(&sel->mutex);
}

/*
 * Make and release
 */

static int chan_sel_release(struct inode *inode, struct file *file)
{
	struct chan_sel *sel = file->private_data;
	struct chan_choice *s = &sel->cases.choice;
	int i;

	if (sel->state == CHAN_SEL_ARMED) {
		chan_choice_withdraw(s);
		i = chan_choice_leave(s);
		if (i >= 0 && s->result == 1 && !s->options[i].sending)
			chan_cases_give_back(&sel->cases, i);
		chan_sel_disarmed(sel);
	}
	chan_uncharge(sel->account, CHAN_QUOTA_SELECTORS, 1);
	chan_account_put(sel->account);
	kfree_rcu(sel, rcu);
	return 0;
}

static const struct file_operations chan_sel_fops = {
	.owner		= THIS_MODULE,
	.release	= chan_sel_release,
	.read		= chan_sel_read,
	.poll		= chan_sel_poll,
	.unlocked_ioctl	= chan_sel_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= chan_sel_show_fdinfo,
};

static struct chan_sel *chan_sel_new(void)
{
	struct chan_sel *sel;
	int r;

	sel = kzalloc(sizeof(*sel), GFP_KERNEL_ACCOUNT);
	if (!sel)
		return ERR_PTR(-ENOMEM);
	sel->account = chan_account_current();
	if (!sel->account) {
		kfree(sel);
		return ERR_PTR(-ENOMEM);
	}
	r = chan_charge(sel->account, CHAN_QUOTA_SELECTORS, 1);
	if (r) {
		chan_account_put(sel->account);
		kfree(sel);
		return ERR_PTR(r);
	}
	mutex_init(&sel->mutex);
	init_waitqueue_head(&sel->wq);
	return sel;
}

static struct file *chan_sel_file(u32 fd_flags)
{
	struct chan_sel *sel = chan_sel_new();
	struct file *file;

	if (IS_ERR(sel))
		return ERR_CAST(sel);
	file = anon_inode_getfile("[chan-selector]", &chan_sel_fops, sel,
				  O_RDONLY | (fd_flags & O_NONBLOCK));
	if (IS_ERR(file)) {
		chan_uncharge(sel->account, CHAN_QUOTA_SELECTORS, 1);
		chan_account_put(sel->account);
		kfree(sel);
		return file;
	}
	file->f_mode |= FMODE_STREAM;
	return file;
}

/**
 * chan_ioctl_selector() - CHAN_IOC_SELECTOR
 * @uarg: the caller's &struct chan_selector
 *
 * Return: 0 or an errno.
 */
long chan_ioctl_selector(void __user *uarg)
{
	struct chan_selector arg;
	struct file *file;
	int r;

	r = chan_args_in(&arg, sizeof(arg), uarg);
	if (r)
		return r;
	if (arg.pad || arg.fd_flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	file = chan_sel_file(arg.fd_flags);
	if (IS_ERR(file))
		return PTR_ERR(file);
	return chan_fd_out(file, arg.fd_flags, &arg.fd, &arg, sizeof(arg), uarg);
}
