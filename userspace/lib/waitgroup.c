// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * WaitGroup. As in Go a counter and the number of those who wait are one word. The step
 * that makes the counter 0 also locks the queue, if somebody waits; the group isn't done
 * for newcomers before the next step, the last on the group, which forgets the waiters.
 * An add between these two is the misuse that Go sees at the same place.
 */
#include "gochan/panic.h"
#include "gochan/sync.h"
#include "internal.h"
#include "sleepers.h"

#define QUEUE		1ull			/* the queue is locked */
#define WAITER		2ull			/* from here on: how many are in the queue */
#define WAITERS		0xfffffffeull
#define COUNTER_SHIFT	32

_Static_assert(sizeof(void *) != 8 || sizeof(struct go_wait_group) == 24, "the size stays");

static uint64_t load(const struct go_wait_group *wg)
{
	return __atomic_load_n(&wg->private_state, __ATOMIC_ACQUIRE);
}

/* Updates @old when it fails. */
static bool swap(struct go_wait_group *wg, uint64_t *old, uint64_t new)
{
	return __atomic_compare_exchange_n(&wg->private_state, old, new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static int64_t counter(uint64_t state)
{
	return state >> COUNTER_SHIFT;
}

static bool is_done(uint64_t state)
{
	return !counter(state) && !(state & WAITERS);
}

static uint64_t lock_queue(struct go_wait_group *wg)
{
	uint64_t old = load(wg);
	unsigned int turns = 0;

	for (;;) {
		if (old & QUEUE) {
			libchan_relax(&turns);
			old = load(wg);
		} else if (swap(wg, &old, old | QUEUE)) {
			return old | QUEUE;
		}
	}
}

static void unlock_queue(struct go_wait_group *wg)
{
	__atomic_fetch_and(&wg->private_state, ~QUEUE, __ATOMIC_RELEASE);
}

/* The counter is 0 and the queue is locked: nobody else changes the state. */
static void release(struct go_wait_group *wg)
{
	struct libchan_sleeper *all = libchan_sleepers_take_all(&wg->private_queue);

	__atomic_store_n(&wg->private_state, 0, __ATOMIC_RELEASE);
	libchan_sleepers_wake(all);
}

static int64_t checked_sum(uint64_t state, int n)
{
	int64_t sum = counter(state) + n;

	if (sum < 0 || sum > INT32_MAX)
		go_panic("sync: negative WaitGroup counter");
	if (n > 0 && !counter(state) && state & WAITERS)
		go_panic("sync: WaitGroup misuse: Add called concurrently with Wait");
	return sum;
}

LIBCHAN_EXPORT void go_wait_group_add(struct go_wait_group *wg, int n)
{
	uint64_t old = load(wg), low;
	unsigned int turns = 0;
	int64_t sum;

	for (;;) {
		sum = checked_sum(old, n);
		low = old & (WAITERS | QUEUE);
		if (sum || !(old & WAITERS)) {
			if (swap(wg, &old, (uint64_t)sum << COUNTER_SHIFT | low))
				return;
		} else if (old & QUEUE) {
			libchan_relax(&turns);
			old = load(wg);
		} else if (swap(wg, &old, low | QUEUE)) {
			release(wg);
			return;
		}
	}
}

LIBCHAN_EXPORT void go_wait_group_done(struct go_wait_group *wg)
{
	go_wait_group_add(wg, -1);
}

/* Returns whether it is queued; if not, all were done meanwhile. */
static bool queue(struct go_wait_group *wg, struct libchan_sleeper *me)
{
	uint64_t old = lock_queue(wg);

	libchan_waiter_init(&me->waiter, "sync.WaitGroup.Wait");
	libchan_sleepers_last(&wg->private_queue, me);
	while (counter(old))
		if (swap(wg, &old, (old + WAITER) & ~QUEUE))
			return true;
	libchan_sleepers_remove(&wg->private_queue, me);
	unlock_queue(wg);
	return false;
}

/* Returns whether the sleeper was still in the queue. */
static bool leave_queue(struct go_wait_group *wg, struct libchan_sleeper *me)
{
	uint64_t old = lock_queue(wg);

	if (!me->queued) {
		unlock_queue(wg);
		return false;
	}
	libchan_sleepers_remove(&wg->private_queue, me);
	while (!swap(wg, &old, (old - WAITER) & ~QUEUE))
		;
	return true;
}

static int wait_until(struct go_wait_group *wg, uint64_t deadline)
{
	struct libchan_sleeper me;

	if (is_done(load(wg)) || !queue(wg, &me))
		return 0;
	if (libchan_waiter_wait(&me.waiter, deadline)) {
		if (leave_queue(wg, &me))
			return -ETIMEDOUT;
		libchan_waiter_wait(&me.waiter, LIBCHAN_NEVER);
	}
	/* Others may be on their way out, with the queue locked. */
	if (!is_done(load(wg)))
		go_panic("sync: WaitGroup is reused before previous Wait has returned");
	return 0;
}

LIBCHAN_EXPORT void go_wait_group_wait(struct go_wait_group *wg)
{
	wait_until(wg, LIBCHAN_NEVER);
}

LIBCHAN_EXPORT int go_wait_group_wait_timeout(struct go_wait_group *wg, uint64_t timeout_ns)
{
	return wait_until(wg, libchan_deadline(timeout_ns));
}
