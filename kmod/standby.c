// SPDX-License-Identifier: GPL-2.0
/*
 * Handles that stand by: a receive that would have to wait, and may not, stays parked in
 * the handle's stead.
 */
#include <linux/mutex.h>
#include <linux/slab.h>

#include "standby.h"

/**
 * struct chan_standby - a handle that stands by
 * @mutex: outside all locks of channels
 * @on: mutex to write; off after it was told so
 * @parked: mutex to write; it is enqueued, or was and has been fired
 * @party: who waits, while @parked
 * @waiter: its place
 * @spare: xchg(); where the next element lands
 */
struct chan_standby {
	struct mutex mutex;		/* outermost */
	bool on;
	bool parked;
	struct chan_party party;
	struct chan_waiter waiter;
	struct chan_elem *spare;
};

static struct chan_elem *chan_standby_elem(struct chan_handle *h)
{
	return xchg(&h->standby->spare, NULL) ?: chan_elem_new(h->chan, h->account);
}

static void chan_standby_elem_put(struct chan_handle *h, struct chan_elem *e)
{
	if (cmpxchg(&h->standby->spare, NULL, e))
		chan_elem_free(h->chan, e);
}

/* It waits no more. Return: the element that it was given, or NULL. */
static struct chan_elem *chan_standby_unpark(struct chan_handle *h)
{
	struct chan_standby *sb = h->standby;
	struct chan_elem *e = sb->waiter.elem;
	bool got = sb->party.state == CHAN_FIRED && sb->party.result == 1;

	WRITE_ONCE(sb->parked, false);
	atomic_long_dec(&chan_total_parties);
	/* A timer's of a time before it was stopped is no more. */
	if (got && e->seq >= READ_ONCE(h->chan->valid_from))
		return e;
	chan_standby_elem_put(h, e);
	return NULL;
}

/**
 * chan_standby_leave() - wait no more; an element that nobody took goes back
 * @h: the handle
 */
void chan_standby_leave(struct chan_handle *h)
{
	struct chan_standby *sb = h->standby;
	struct chan_elem *e = NULL;

	mutex_lock(&sb->mutex);
	if (sb->parked) {
		chan_cancel(h->chan, &sb->waiter);
		e = chan_standby_unpark(h);
	}
	mutex_unlock(&sb->mutex);
	if (e)
		chan_return_elem(h->chan, e);
}

/*
 * Return: -EAGAIN if it is parked now; 1 and the element, if there was one after all;
 * 0 to look again; or an errno.
 */
static int chan_standby_park(struct chan_handle *h, struct chan_elem **e)
{
	struct chan_standby *sb = h->standby;
	struct chan_waiter *w = &sb->waiter;
	struct chan_hold hold CHAN_UNINIT;
	int r;

	lockdep_assert_held(&sb->mutex);
	w->elem = chan_standby_elem(h);
	if (IS_ERR(w->elem))
		return PTR_ERR(w->elem);
	sb->party.state = CHAN_PENDING;
	chan_lock(h->chan, &hold);
	r = chan_begin_recv(h->chan, &hold, 1);
	if (r == -EAGAIN) {
		atomic_long_inc(&chan_total_parties);
		/* PENDING first, lest who polls sees what was. */
		smp_store_release(&sb->parked, true);
		chan_enqueue_recv(h->chan, &hold, w);
	} else if (r > 0) {
		/* Perhaps of one who only tries, whom a call that does too can't meet. */
		chan_recv_elem(h->chan, &hold, &w->elem);
	}
	chan_unlock(h->chan, &hold);
	if (r == -EAGAIN)
		return r;
	if (r > 0) {
		*e = w->elem;
		return 1;
	}
	chan_standby_elem_put(h, w->elem);
	return 0;
}

/* What has come. Return: 1 and the element; 0: look in the channel; -EAGAIN: nothing. */
static int chan_standby_take(struct chan_handle *h, struct chan_elem **e)
{
	struct chan_standby *sb = h->standby;

	lockdep_assert_held(&sb->mutex);
	if (!sb->parked)
		return 0;
	/* pairs with chan_fire() */
	if (smp_load_acquire(&sb->party.state) == CHAN_PENDING)
		return -EAGAIN;
	*e = chan_standby_unpark(h);
	return !!*e;
}

/* Deliver what has come, and take what more is there. */
static ssize_t chan_standby_deliver(struct chan_io *io, size_t n, struct chan_elem *e)
{
	ssize_t more;
	int r = chan_deliver(io, e);

	if (r < 0) {
		chan_return_elem(io->handle->chan, e);
		return r;
	}
	chan_standby_elem_put(io->handle, e);
	if (n == 1)
		return 1;
	chan_mem_advance(&io->mem, io->wire);
	more = chan_recv_now(io, n - 1);
	return 1 + max_t(ssize_t, more, 0);
}

/**
 * chan_standby_recv() - receive on a handle that has stood by, and may still
 * @io: the call
 * @n: how many elements at most, at least 1
 *
 * Return: as chan_recv().
 */
ssize_t chan_standby_recv(struct chan_io *io, size_t n)
{
	struct chan_standby *sb = io->handle->standby;
	struct chan_elem *e;
	ssize_t r;

	if (!READ_ONCE(sb->on))
		return chan_recv_now(io, n);
	if (!io->nonblock) {
		chan_standby_leave(io->handle);
		return chan_recv_now(io, n);
	}
	do {
		mutex_lock(&sb->mutex);
		r = chan_standby_take(io->handle, &e);
		mutex_unlock(&sb->mutex);
		if (r > 0)
			return chan_standby_deliver(io, n, e);
		if (r < 0)
			return r;
		r = chan_recv_now(io, n);
		if (r != -EAGAIN)
			return r;
		mutex_lock(&sb->mutex);
		if (sb->on && !sb->parked)
			r = chan_standby_park(io->handle, &e);
		mutex_unlock(&sb->mutex);
		if (r > 0)
			return chan_standby_deliver(io, n, e);
		cond_resched();
	} while (!r);
	return r;
}

/**
 * chan_standby_ready() - has an element come?
 * @h: the handle, which has stood by
 *
 * Return: whether it has.
 */
bool chan_standby_ready(const struct chan_handle *h)
{
	const struct chan_standby *sb = h->standby;

	/* pairs with chan_standby_park() and chan_fire() */
	return smp_load_acquire(&sb->parked) && smp_load_acquire(&sb->party.state) == CHAN_FIRED;
}

/**
 * chan_standby_new() - let a handle stand by
 * @h: the handle, which may receive
 *
 * Return: 0; or -EDQUOT, -ENOMEM; -EEXIST if somebody else was first.
 */
int chan_standby_new(struct chan_handle *h)
{
	struct chan_standby *sb = kzalloc(sizeof(*sb), GFP_KERNEL_ACCOUNT);
	struct chan_elem *e;

	if (!sb)
		return -ENOMEM;
	e = chan_elem_new(h->chan, h->account);
	if (IS_ERR(e)) {
		kfree(sb);
		return PTR_ERR(e);
	}
	mutex_init(&sb->mutex);
	sb->spare = e;
	sb->on = true;
	/* Of those who poll the channel some poll the handle: all are told, and look. */
	sb->party.wq = &h->chan->rpoll;
	sb->waiter.party = &sb->party;
	if (cmpxchg(&h->standby, NULL, sb)) {
		chan_elem_free(h->chan, e);
		kfree(sb);
		return -EEXIST;
	}
	WRITE_ONCE(h->short_len, U32_MAX);	/* what has come is before the ring */
	return 0;
}

/**
 * chan_standby_free() - the handle goes
 * @h: the handle
 */
void chan_standby_free(struct chan_handle *h)
{
	chan_standby_leave(h);
	if (h->standby->spare)
		chan_elem_free(h->chan, h->standby->spare);
	kfree(h->standby);
}

/* Return: whether it stood by before. */
static bool chan_standby_set(struct chan_handle *h, bool on)
{
	struct chan_standby *sb = h->standby;
	bool before;

	mutex_lock(&sb->mutex);
	before = sb->on;
	WRITE_ONCE(sb->on, on);
	mutex_unlock(&sb->mutex);
	if (!on)
		chan_standby_leave(h);
	return before;
}

/**
 * chan_ioctl_standby() - CHAN_IOC_STANDBY
 * @h: the handle
 * @on: 1 or 0
 *
 * Return: whether it stood by before, or an errno.
 */
long chan_ioctl_standby(struct chan_handle *h, unsigned long on)
{
	int r;

	if (on > 1)
		return -EINVAL;
	if (!h->may_recv)
		return -EBADF;
	/* pairs with chan_standby_new() */
	if (smp_load_acquire(&h->standby))
		return chan_standby_set(h, on);
	if (!on)
		return 0;
	r = chan_standby_new(h);
	return r == -EEXIST ? 1 : r;
}
