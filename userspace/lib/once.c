// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Once. All changes of the state are made with the queue locked.
 */
#include "gochan/panic.h"
#include "gochan/sync.h"
#include "internal.h"
#include "sleepers.h"

#define RUNNING		1u
#define DONE		2u
#define QUEUE		4u	/* the queue is locked */

_Static_assert(sizeof(void *) != 8 || sizeof(struct go_once) == 24, "the size stays");

static void finish(void *arg)
{
	struct go_once *once = arg;
	struct libchan_sleeper *all;

	libchan_sleepers_lock(&once->private_state, QUEUE);
	all = libchan_sleepers_take_all(&once->private_queue);
	libchan_store(&once->private_state, DONE);
	libchan_sleepers_wake(all);
}

/* Also when @fn panics or ends the goroutine. */
static void run(struct go_once *once, void (*fn)(void *arg), void *arg)
{
	go_defer(finish, once);
	fn(arg);
}

static void wait_unlocked(struct go_once *once)
{
	struct libchan_sleeper me;

	libchan_waiter_init(&me.waiter, "sync.Once.Do");
	libchan_sleepers_last(&once->private_queue, &me);
	libchan_store(&once->private_state, RUNNING);
	libchan_waiter_wait(&me.waiter, LIBCHAN_NEVER);
}

LIBCHAN_EXPORT void go_once_do(struct go_once *once, void (*fn)(void *arg), void *arg)
{
	uint32_t old;

	if (libchan_load(&once->private_state) & DONE)
		return;
	old = libchan_sleepers_lock(&once->private_state, QUEUE);
	if (old & RUNNING) {
		wait_unlocked(once);
	} else if (old & DONE) {
		libchan_store(&once->private_state, DONE);
	} else {
		libchan_store(&once->private_state, RUNNING);
		run(once, fn, arg);
	}
}
