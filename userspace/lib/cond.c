// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Cond. Who waits is in the queue before it unlocks the mutex, so that Go's tickets, which
 * keep a place for who isn't queued yet, are not needed for the order.
 */
#include "gochan/sync.h"
#include "internal.h"
#include "sleepers.h"

#define WAITING		1u	/* the queue isn't empty */
#define QUEUE		2u	/* the queue is locked */

_Static_assert(sizeof(void *) != 8 || sizeof(struct go_cond) == 24, "the size stays");

static void queue(struct go_cond *c, struct libchan_sleeper *me)
{
	libchan_waiter_init(&me->waiter, "sync.Cond.Wait");
	libchan_sleepers_lock(&c->private_state, QUEUE);
	libchan_sleepers_last(&c->private_queue, me);
	libchan_store(&c->private_state, WAITING);
}

static void unlock_queue(struct go_cond *c)
{
	libchan_store(&c->private_state, c->private_queue ? WAITING : 0);
}

/* Returns whether the sleeper was still in the queue. */
static bool leave_queue(struct go_cond *c, struct libchan_sleeper *me)
{
	bool queued;

	libchan_sleepers_lock(&c->private_state, QUEUE);
	queued = me->queued;
	if (queued)
		libchan_sleepers_remove(&c->private_queue, me);
	unlock_queue(c);
	return queued;
}

static int sleep_in_queue(struct go_cond *c, struct libchan_sleeper *me, uint64_t deadline)
{
	if (!libchan_waiter_wait(&me->waiter, deadline))
		return 0;
	if (leave_queue(c, me))
		return -ETIMEDOUT;
	return libchan_waiter_wait(&me->waiter, LIBCHAN_NEVER);
}

static int wait_until(struct go_cond *c, struct go_mutex *m, uint64_t deadline)
{
	struct libchan_sleeper me;
	int r;

	queue(c, &me);
	go_mutex_unlock(m);
	r = sleep_in_queue(c, &me, deadline);
	go_mutex_lock(m);
	return r;
}

LIBCHAN_EXPORT void go_cond_wait(struct go_cond *c, struct go_mutex *m)
{
	wait_until(c, m, LIBCHAN_NEVER);
}

LIBCHAN_EXPORT int go_cond_wait_timeout(struct go_cond *c, struct go_mutex *m,
					uint64_t timeout_ns)
{
	return wait_until(c, m, libchan_deadline(timeout_ns));
}

/*
 * Nobody who should be woken is missed by the first look: who waits was in the queue
 * before the mutex was unlocked, under which the caller has changed what it waits for.
 */
LIBCHAN_EXPORT void go_cond_signal(struct go_cond *c)
{
	struct libchan_sleeper *s = NULL;

	if (!libchan_load(&c->private_state))
		return;
	libchan_sleepers_lock(&c->private_state, QUEUE);
	if (c->private_queue)
		s = libchan_sleepers_take(&c->private_queue);
	unlock_queue(c);
	if (s)
		libchan_waiter_wake(&s->waiter);
}

LIBCHAN_EXPORT void go_cond_broadcast(struct go_cond *c)
{
	struct libchan_sleeper *all;

	if (!libchan_load(&c->private_state))
		return;
	libchan_sleepers_lock(&c->private_state, QUEUE);
	all = libchan_sleepers_take_all(&c->private_queue);
	libchan_store(&c->private_state, 0);
	libchan_sleepers_wake(all);
}
