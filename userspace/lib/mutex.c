// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Mutex. The idea is that of sync/mutex.go in Go: who runs may take a free mutex before
 * those who sleep (normal mode), until one has waited for over a millisecond; then it goes
 * from each holder directly to the first in the queue (starving mode).
 *
 * Unlike Go's, the mutex stays LOCKED while it is handed over, and the queue is its own
 * (sleepers.h) with no semaphore between: who was taken out of it is who was woken.
 *
 * What holds of the state:
 * - STARVING is only set while LOCKED, with waiters, and not WOKEN.
 * - Who sets WOKEN clears it: a spinner by queueing or locking; a sleeper that an unlock
 *   has woken (for which it has set WOKEN) too, or by giving up while others hold it.
 * - While LOCKED and the queue's lock are one's own, and WOKEN is too or STARVING is set,
 *   nobody else changes the state.
 */
#include <unistd.h>

#include "gochan/panic.h"
#include "gochan/sync.h"
#include "gochan/task.h"
#include "internal.h"
#include "sleepers.h"

/* A program without goroutines doesn't link them. */
#pragma weak go_yield
#pragma weak libchan_may_spin

#define LOCKED		1u
#define WOKEN		2u	/* one is awake and tries: wake no other */
#define STARVING	4u	/* no newcomers: it goes from hand to hand */
#define QUEUE		8u	/* the queue is locked */
#define WAITER		16u	/* from here on: how many are in the queue */

#define PATIENCE	1000000	/* nanoseconds, as Go's starvationThresholdNs */
#define SPINS		4	/* as Go's */
#define SPIN_PAUSES	30

_Static_assert(sizeof(void *) != 8 || sizeof(struct go_mutex) == 24, "the size stays");

/* One call that locks. */
struct attempt {
	struct libchan_sleeper me;
	uint64_t deadline;
	uint64_t since;		/* when it first queued, or 0 */
	unsigned int spins;
	bool awake;		/* WOKEN is ours */
	bool starving;
};

/* Spinning pays if the holder may be running, on another CPU. */
static bool may_spin(void)
{
	static int cpus;
	int n = __atomic_load_n(&cpus, __ATOMIC_RELAXED);

	if (!n) {
		n = sysconf(_SC_NPROCESSORS_ONLN);
		__atomic_store_n(&cpus, n, __ATOMIC_RELAXED);
	}
	return n > 1 && (!libchan_in_task() || libchan_may_spin());
}

static bool too_long(const struct attempt *a)
{
	return libchan_now() - a->since > PATIENCE;
}

/* Returns whether it is locked now. */
static bool take(struct go_mutex *m, const struct attempt *a)
{
	uint32_t old = libchan_load(&m->private_state);

	while (!(old & LOCKED))
		if (libchan_swap(&m->private_state, &old, (old & ~(a->awake ? WOKEN : 0)) | LOCKED))
			return true;
	return false;
}

/*
 * Returns whether to look again. WOKEN tells the holder not to wake another one meanwhile;
 * in starving mode there is nothing to be won by looking.
 */
static bool spin(struct go_mutex *m, struct attempt *a)
{
	uint32_t old = libchan_load(&m->private_state);
	int i;

	if (!(old & LOCKED))
		return true;
	if (old & STARVING || a->spins >= SPINS || !may_spin())
		return false;
	if (!a->awake && !(old & WOKEN) && old >= WAITER)
		a->awake = libchan_swap(&m->private_state, &old, old | WOKEN);
	for (i = 0; i < SPIN_PAUSES; i++)
		libchan_pause();
	a->spins++;
	return true;
}

static uint32_t with_waiter(uint32_t old, const struct attempt *a)
{
	uint32_t new = old + WAITER;

	if (a->awake)
		new &= ~WOKEN;
	if (a->starving)
		new |= STARVING;
	return new & ~QUEUE;
}

static void queue(struct go_mutex *m, struct attempt *a)
{
	if (a->since) {
		libchan_sleepers_first(&m->private_queue, &a->me);
		return;
	}
	a->since = libchan_now();
	libchan_sleepers_last(&m->private_queue, &a->me);
}

/*
 * Returns whether it is queued; if not, the mutex was free a moment ago. Its holder can
 * unlock it while the queue is locked, as long as it has nobody to wake.
 */
static bool queue_if_locked(struct go_mutex *m, struct attempt *a)
{
	uint32_t old = libchan_sleepers_lock(&m->private_state, QUEUE);
	bool first_time = !a->since;

	libchan_waiter_init(&a->me.waiter, "sync.Mutex.Lock");
	a->me.owns = false;
	queue(m, a);
	while (old & LOCKED) {
		if (libchan_swap(&m->private_state, &old, with_waiter(old, a))) {
			a->awake = false;
			return true;
		}
	}
	libchan_sleepers_remove(&m->private_queue, &a->me);
	if (first_time)
		a->since = 0;
	libchan_sleepers_unlock(&m->private_state, QUEUE);
	return false;
}

/* Returns whether the sleeper was still in the queue. */
static bool leave_queue(struct go_mutex *m, struct attempt *a)
{
	uint32_t old = libchan_sleepers_lock(&m->private_state, QUEUE), new;

	if (!a->me.queued) {
		libchan_sleepers_unlock(&m->private_state, QUEUE);
		return false;
	}
	libchan_sleepers_remove(&m->private_queue, &a->me);
	do {
		new = (old - WAITER) & ~QUEUE;
		if (new < WAITER)
			new &= ~STARVING;
	} while (!libchan_swap(&m->private_state, &old, new));
	return true;
}

/* The time has passed after a wake-up. Who holds the mutex now wakes the next. */
static int lock_or_give_up(struct go_mutex *m)
{
	uint32_t old = libchan_load(&m->private_state), new;

	do {
		new = old & LOCKED ? old & ~WOKEN : (old | LOCKED) & ~WOKEN;
	} while (!libchan_swap(&m->private_state, &old, new));
	return old & LOCKED ? -ETIMEDOUT : 0;
}

/* Returns 0 when it was woken, or -ETIMEDOUT when it has left the queue. */
static int sleep_in_queue(struct go_mutex *m, struct attempt *a, bool *late)
{
	*late = libchan_waiter_wait(&a->me.waiter, a->deadline) != 0;
	if (!*late)
		return 0;
	if (leave_queue(m, a))
		return -ETIMEDOUT;
	return libchan_waiter_wait(&a->me.waiter, LIBCHAN_NEVER);
}

static int lock_slowly(struct go_mutex *m, uint64_t deadline)
{
	struct attempt a = { .deadline = deadline };
	bool late;

	for (;;) {
		if (take(m, &a))
			return 0;
		if (spin(m, &a) || !queue_if_locked(m, &a))
			continue;
		if (sleep_in_queue(m, &a, &late))
			return -ETIMEDOUT;
		if (a.me.owns)
			break;
		a.awake = true;
		a.spins = 0;
		if (late)
			return lock_or_give_up(m);
		a.starving = a.starving || too_long(&a);
	}
	/* As in Go: a queue that moves fast enough goes back to the normal mode. */
	if (!too_long(&a))
		__atomic_fetch_and(&m->private_state, ~STARVING, __ATOMIC_RELAXED);
	return 0;
}

/*
 * LOCKED and the queue's lock are ours, and WOKEN or STARVING is set: what is stored
 * overwrites nothing. Returns whether the mutex was handed over.
 */
static bool wake_one(struct go_mutex *m, uint32_t old)
{
	struct libchan_sleeper *s = libchan_sleepers_take(&m->private_queue);
	uint32_t new = (old - WAITER) & ~QUEUE;
	bool given = old & STARVING;

	s->owns = given;
	if (!given)
		new &= ~LOCKED;
	else if (new < WAITER)
		new &= ~STARVING;
	libchan_store(&m->private_state, new);
	libchan_waiter_wake(&s->waiter);
	return given;
}

static bool unlock_slowly(struct go_mutex *m, uint32_t old)
{
	unsigned int turns = 0;
	uint32_t new;

	for (;;) {
		if (!(old & LOCKED))
			go_fatal("sync: unlock of unlocked mutex");
		if (old < WAITER || old & WOKEN) {
			if (libchan_swap(&m->private_state, &old, old & ~LOCKED))
				return false;
		} else if (old & QUEUE) {
			libchan_relax(&turns);
			old = libchan_load(&m->private_state);
		} else {
			new = old | QUEUE | (old & STARVING ? 0 : WOKEN);
			if (libchan_swap(&m->private_state, &old, new))
				return wake_one(m, new);
		}
	}
}

/**
 * libchan_mutex_unlock() - go_mutex_unlock() that lets nobody run first
 * @m: the mutex
 *
 * Return: whether it was handed over to one who has waited for long.
 */
bool libchan_mutex_unlock(struct go_mutex *m)
{
	uint32_t old = LOCKED;

	if (__atomic_compare_exchange_n(&m->private_state, &old, 0, false, __ATOMIC_RELEASE,
					__ATOMIC_RELAXED))
		return false;
	return unlock_slowly(m, old);
}

LIBCHAN_EXPORT void go_mutex_lock(struct go_mutex *m)
{
	uint32_t old = 0;

	if (!__atomic_compare_exchange_n(&m->private_state, &old, LOCKED, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		lock_slowly(m, LIBCHAN_NEVER);
}

LIBCHAN_EXPORT bool go_mutex_trylock(struct go_mutex *m)
{
	uint32_t old = 0;

	if (__atomic_compare_exchange_n(&m->private_state, &old, LOCKED, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return true;
	return take(m, &(struct attempt){});
}

/**
 * libchan_mutex_lock_until() - go_mutex_lock_timeout() with a deadline
 * @m: the mutex
 * @deadline: as for libchan_waiter_wait()
 *
 * Return: 0 when it is locked, or -ETIMEDOUT.
 */
int libchan_mutex_lock_until(struct go_mutex *m, uint64_t deadline)
{
	return go_mutex_trylock(m) ? 0 : lock_slowly(m, deadline);
}

LIBCHAN_EXPORT int go_mutex_lock_timeout(struct go_mutex *m, uint64_t timeout_ns)
{
	if (go_mutex_trylock(m))
		return 0;
	return timeout_ns ? lock_slowly(m, libchan_deadline(timeout_ns)) : -ETIMEDOUT;
}

LIBCHAN_EXPORT void go_mutex_unlock(struct go_mutex *m)
{
	/* As in Go: or the mutex would be idle for as long as this goroutine runs on. */
	if (libchan_mutex_unlock(m) && libchan_in_task())
		go_yield();
}
