// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiters: one party that waits for one event.
 *
 * The state of a waiter, and who changes it:
 *
 *	IDLE ---- the waiter ----> THREAD            a thread sleeps, or is about to
 *	THREAD -- the waiter ----> IDLE              its time has passed
 *	IDLE ---- the worker ----> TASK              a goroutine has left its stack
 *	IDLE or TASK - its timer -> LATE - the waiter -> IDLE
 *	any  ---- the waker -----> WOKEN             the end
 *
 * A waker, or a timer, that finds IDLE or LATE has nothing more to do: who waits is still
 * on its way to sleep, and sees it. One that finds TASK makes the goroutine ready, which
 * nobody else does; until then it stays, and so does the waiter. One that finds THREAD
 * wakes the futex, whose waiter may have left by itself by then and be gone: such a wake
 * meets nobody, or somebody who looks and sleeps again, as all who sleep in futexes must.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime.h"
#include "sanitize.h"

#define NS_PER_S	1000000000ULL

enum { IDLE, THREAD, TASK, LATE, WOKEN };

const struct libchan_runtime *libchan_runtime;

char libchan_orders[64];	/* see sanitize.h */

uint64_t libchan_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

uint64_t libchan_deadline(uint64_t timeout_ns)
{
	return timeout_ns > INT64_MAX ? LIBCHAN_NEVER : libchan_now() + timeout_ns;
}

/**
 * libchan_futex_wait() - wait until a word isn't a value, or for a wake
 * @word: atomic
 * @value: if it isn't this any more, don't
 * @deadline_ns: as for libchan_waiter_wait()
 *
 * Return: 0; -ETIMEDOUT; or -EAGAIN or -EINTR, which are as a wake.
 */
int libchan_futex_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
	struct timespec t = {
		.tv_sec = deadline_ns / NS_PER_S,
		.tv_nsec = deadline_ns % NS_PER_S,
	};

	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value,
		    deadline_ns == LIBCHAN_NEVER ? NULL : &t, NULL, FUTEX_BITSET_MATCH_ANY) < 0)
		return -errno;
	return 0;
}

/**
 * libchan_futex_wake() - wake one who waits
 * @word: whose memory may be gone: nobody waits then
 */
void libchan_futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1);
}

void libchan_waiter_init(struct libchan_waiter *w, const char *reason)
{
	*w = (struct libchan_waiter){ .reason = reason };
}

/**
 * libchan_waiter_again() - make a waiter ready that others may still wake
 * @w: the waiter, in memory that stays
 * @reason: as for libchan_waiter_init()
 */
void libchan_waiter_again(struct libchan_waiter *w, const char *reason)
{
	w->reason = reason;
	__atomic_store_n(&w->state, IDLE, __ATOMIC_SEQ_CST);
}

/* Return: false if the state was another. */
static bool change(struct libchan_waiter *w, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&w->state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/**
 * libchan_waiter_is_woken() - has the event come?
 * @w: the waiter
 *
 * Return: true if it has.
 */
bool libchan_waiter_is_woken(const struct libchan_waiter *w)
{
	return __atomic_load_n(&w->state, __ATOMIC_ACQUIRE) == WOKEN;
}

/**
 * libchan_waiter_is_parked() - is a goroutine parked in it, and nobody about to wake that?
 * @w: the waiter
 *
 * Return: true if so.
 */
bool libchan_waiter_is_parked(const struct libchan_waiter *w)
{
	return __atomic_load_n(&w->state, __ATOMIC_ACQUIRE) == TASK;
}

/**
 * libchan_waiter_park() - the goroutine has left its stack
 * @w: in which it is parked
 *
 * Return: false if it must go on: the event or its time has come.
 */
bool libchan_waiter_park(struct libchan_waiter *w)
{
	return change(w, IDLE, TASK);
}

/**
 * libchan_waiter_late() - a goroutine's time has passed
 * @w: in which it is parked, or about to be
 *
 * Return: true if the caller must make it ready.
 */
bool libchan_waiter_late(struct libchan_waiter *w)
{
	for (;;) {
		if (change(w, TASK, LATE))
			return true;
		/* In between it may have parked. */
		if (change(w, IDLE, LATE))
			return false;
		if (libchan_waiter_is_woken(w))
			return false;
	}
}

/**
 * libchan_waiter_was_late() - a goroutine goes on: why?
 * @w: in which it was parked
 *
 * Return: true if its time has passed; then it may wait again.
 */
bool libchan_waiter_was_late(struct libchan_waiter *w)
{
	return change(w, LATE, IDLE);
}

/**
 * libchan_waiter_claim() - the event has come, for a goroutine
 * @w: the waiter
 *
 * Return: whom the caller must make ready, or NULL.
 */
struct libchan_task *libchan_waiter_claim(struct libchan_waiter *w)
{
	if (__atomic_exchange_n(&w->state, WOKEN, __ATOMIC_ACQ_REL) == TASK)
		return w->task;
	return NULL;
}

static int thread_wait(struct libchan_waiter *w, uint64_t deadline_ns)
{
	int r = 0;

	if (!change(w, IDLE, THREAD))
		return 0;
	while (r != -ETIMEDOUT && !libchan_waiter_is_woken(w))
		r = libchan_futex_wait(&w->state, THREAD, deadline_ns);
	return r == -ETIMEDOUT && change(w, THREAD, IDLE) ? -ETIMEDOUT : 0;
}

int libchan_waiter_wait(struct libchan_waiter *w, uint64_t deadline_ns)
{
	const struct libchan_runtime *rt = libchan_in_task();
	int r = rt ? rt->wait(w, deadline_ns) : thread_wait(w, deadline_ns);

	if (!r)
		libchan_acquire(w);
	return r;
}

void libchan_waiter_wake(struct libchan_waiter *w)
{
	uint32_t was;

	libchan_release(w);
	was = __atomic_exchange_n(&w->state, WOKEN, __ATOMIC_ACQ_REL);
	if (was == TASK)
		libchan_runtime->ready(w->task);
	else if (was == THREAD)
		libchan_futex_wake(&w->state);
}
