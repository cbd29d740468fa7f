// SPDX-License-Identifier: GPL-2.0
/*
 * Timers: channels to which the kernel sends the time.
 *
 * A timer is a sender that doesn't wait, and no party: a thread of the module sends.
 * The timer interrupt does nothing but queue work for that thread. A timer with a
 * period is set anew when its element was taken, so that a short period costs no
 * more than the receiver's own calls. timerfd does that too.
 */
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "timer.h"
#include "uaccess.h"

/**
 * struct chan_clock - what makes a channel a timer
 * @chan: immutable; the channel
 * @hrtimer: fires at @expires, while @armed
 * @work: looks what is to be done
 * @mutex: outside all locks of channels
 * @running: mutex; to send, now or when the last element was taken
 * @armed: mutex; an element is to be sent at @expires
 * @expires: mutex; on CLOCK_MONOTONIC; KTIME_MAX is never
 * @period: mutex; nanoseconds, or 0
 */
struct chan_clock {
	struct chan *chan;
	struct hrtimer hrtimer;
	struct kthread_work work;
	struct mutex mutex;		/* outermost */
	bool running;
	bool armed;
	ktime_t expires;
	u64 period;
};

static struct kthread_worker *chan_timer_worker;

static enum hrtimer_restart chan_clock_fire(struct hrtimer *hrtimer)
{
	struct chan_clock *k = container_of(hrtimer, struct chan_clock, hrtimer);

	kthread_queue_work(chan_timer_worker, &k->work);
	return HRTIMER_NORESTART;
}

static void chan_clock_arm(struct chan_clock *k, ktime_t expires)
{
	k->armed = true;
	k->expires = expires;
	if (expires != KTIME_MAX)
		hrtimer_start(&k->hrtimer, expires, HRTIMER_MODE_ABS);
}

/* Send the time, or drop it if an element is queued. */
static void chan_clock_send(struct chan *c)
{
	u64 now = ktime_get_real_ns();
	struct chan_hold h CHAN_UNINIT;
	int r;

	do {
		chan_lock(c, &h);
		h.tries = true;
		r = chan_begin_send(c, &h, 1);
		if (r > 0) {
			memcpy(h.data, &now, sizeof(now));
			chan_commit_send(c, &h, 1, sizeof(now));
		}
		chan_unlock(c, &h);
		cond_resched();
	} while (r == -EBUSY);
}

/* Drop what is queued, or will be returned. Return: whether something was queued. */
static bool chan_clock_drain(struct chan *c)
{
	struct chan_hold h CHAN_UNINIT;
	bool some = false;
	int r;

	do {
		chan_lock(c, &h);
		WRITE_ONCE(c->valid_from, c->sent);
		r = chan_begin_recv(c, &h, 1);
		if (r > 0) {
			chan_commit_recv(c, &h, 1);
			some = true;
		}
		chan_unlock(c, &h);
	} while (r > 0 || r == -EBUSY);
	return some;
}

static bool chan_clock_taken(struct chan *c)
{
	bool empty;

	spin_lock(&c->lock);
	empty = !chan_len(c);
	spin_unlock(&c->lock);
	return empty;
}

/* The first whole period from @expires on that is still to come. */
static ktime_t chan_clock_next(ktime_t expires, u64 period)
{
	u64 late = ktime_to_ns(ktime_sub(ktime_get(), expires));

	return ktime_add_safe(expires, ns_to_ktime(min_t(u64, KTIME_MAX,
				       (div64_u64(late, period) + 1) * period)));
}

/* It is time, or an element was taken, or neither: who called has changed its mind. */
static void chan_clock_work(struct kthread_work *work)
{
	struct chan_clock *k = container_of(work, struct chan_clock, work);

	mutex_lock(&k->mutex);
	if (k->running && k->armed && ktime_get() >= k->expires) {
		k->armed = false;
		k->running = k->period;
		chan_clock_send(k->chan);
	}
	if (k->running && !k->armed && chan_clock_taken(k->chan))
		chan_clock_arm(k, chan_clock_next(k->expires, k->period));
	mutex_unlock(&k->mutex);
}

/* Return: whether it was running, or an element of it still queued. */
static bool chan_clock_stop(struct chan_clock *k)
{
	bool was = k->running;

	lockdep_assert_held(&k->mutex);
	hrtimer_cancel(&k->hrtimer);
	k->running = false;
	k->armed = false;
	return chan_clock_drain(k->chan) || was;
}

static void chan_clock_start(struct chan_clock *k, const struct chan_timer *arg)
{
	lockdep_assert_held(&k->mutex);
	k->running = true;
	k->period = min_t(u64, arg->period_ns, KTIME_MAX);
	chan_clock_arm(k, chan_deadline(arg->first_ns));
}

/**
 * chan_ioctl_timer() - CHAN_IOC_TIMER
 * @h: the handle
 * @uarg: the caller's &struct chan_timer
 *
 * Return: whether it was running, or an errno.
 */
long chan_ioctl_timer(struct chan_handle *h, const void __user *uarg)
{
	struct chan_clock *k = h->object->clock;
	struct chan_timer arg;
	bool was;
	int r;

	r = chan_args_in(&arg, sizeof(arg), uarg);
	if (r)
		return r;
	if (arg.flags != CHAN_TIMER_START &&
	    (arg.flags != CHAN_TIMER_STOP || arg.first_ns || arg.period_ns))
		return -EINVAL;
	if (!k)
		return -ENODEV;
	if (!h->may_recv)
		return -EBADF;
	mutex_lock(&k->mutex);
	was = chan_clock_stop(k);
	if (arg.flags == CHAN_TIMER_START)
		chan_clock_start(k, &arg);
	mutex_unlock(&k->mutex);
	return was;
}

/**
 * chan_was_taken() - the core says that an element of a timer was taken
 * @c: the timer
 */
void chan_was_taken(struct chan *c)
{
	struct chan_object *o = container_of(c, struct chan_object, chan);

	kthread_queue_work(chan_timer_worker, &o->clock->work);
}

/**
 * chan_clock_new() - make a channel a timer
 * @c: the channel
 *
 * Return: its clock, or NULL: no memory.
 */
struct chan_clock *chan_clock_new(struct chan *c)
{
	struct chan_clock *k = kzalloc(sizeof(*k), GFP_KERNEL_ACCOUNT);

	if (!k)
		return NULL;
	k->chan = c;
	hrtimer_init(&k->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	k->hrtimer.function = chan_clock_fire;
	kthread_init_work(&k->work, chan_clock_work);
	mutex_init(&k->mutex);
	return k;
}

/**
 * chan_clock_free() - the channel goes
 * @k: its clock
 */
void chan_clock_free(struct chan_clock *k)
{
	mutex_lock(&k->mutex);
	k->running = false;	/* the work arms it no more */
	mutex_unlock(&k->mutex);
	hrtimer_cancel(&k->hrtimer);
	kthread_cancel_work_sync(&k->work);
	kfree(k);
}

/**
 * chan_timers_init() - before the first timer
 *
 * Return: 0 or an errno.
 */
int chan_timers_init(void)
{
	chan_timer_worker = kthread_create_worker(0, "chan_timers");
	return PTR_ERR_OR_ZERO(chan_timer_worker);
}

/**
 * chan_timers_exit() - after the last timer
 */
void chan_timers_exit(void)
{
	kthread_destroy_worker(chan_timer_worker);
}
