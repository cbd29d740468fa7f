// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * RWMutex, with the rules of sync/rwmutex.go in Go: a mutex decides among writers, the one
 * that has it waits for the readers, who then keep out; when it unlocks, the readers that
 * wait go in before the next writer.
 *
 * A writer gives the mutex back before the rest. The next one may then be PENDING while
 * this one is still WRITER; it is passed the lock, or waits for the readers first, in one
 * step with the end of the other.
 *
 * A writer whose time has passed is no longer PENDING, and lets the readers in that waited
 * for it alone. The mutex among writers it gives back last: until then no other is PENDING.
 *
 * What holds of the state:
 * - Readers are only WAITING while there is a WRITER or one PENDING.
 * - WRITER, PENDING and WAITING change with the queue's lock held; but for 0 to WRITER and
 *   back, which can't happen while it is held.
 * - While nobody is WRITER or PENDING readers come and go in one step each; while somebody
 *   is they only go.
 */
#include "gochan/panic.h"
#include "gochan/sync.h"
#include "internal.h"
#include "sleepers.h"

#define WRITER		1u	/* one writes */
#define PENDING		2u	/* one writer, private_writer, waits for those who read or write */
#define WAITING		4u	/* readers are in the queue, private_readers of them */
#define QUEUE		8u	/* the queue and private_writer are locked */
#define READER		16u	/* from here on: how many read */

_Static_assert(sizeof(void *) != 8 || sizeof(struct go_rwmutex) == 56, "the size stays");

/* The reader's time has passed. Returns whether it was still in the queue. */
static bool leave_queue(struct go_rwmutex *rw, struct libchan_sleeper *me)
{
	uint32_t old = libchan_sleepers_lock(&rw->private_state, QUEUE), gone = QUEUE;

	if (!me->queued) {
		libchan_sleepers_unlock(&rw->private_state, QUEUE);
		return false;
	}
	libchan_sleepers_remove(&rw->private_queue, me);
	if (!--rw->private_readers)
		gone |= WAITING;
	while (!libchan_swap(&rw->private_state, &old, old & ~gone))
		;
	return true;
}

static int queue_reader(struct go_rwmutex *rw, uint32_t old, uint64_t deadline)
{
	struct libchan_sleeper me;

	libchan_waiter_init(&me.waiter, "sync.RWMutex.RLock");
	libchan_sleepers_last(&rw->private_queue, &me);
	rw->private_readers++;
	while (!libchan_swap(&rw->private_state, &old, (old | WAITING) & ~QUEUE))
		;
	if (!libchan_waiter_wait(&me.waiter, deadline))
		return 0;
	if (leave_queue(rw, &me))
		return -ETIMEDOUT;
	return libchan_waiter_wait(&me.waiter, LIBCHAN_NEVER);
}

static int rlock_slowly(struct go_rwmutex *rw, uint64_t deadline)
{
	uint32_t old = libchan_sleepers_lock(&rw->private_state, QUEUE);

	if (old & (WRITER | PENDING))
		return queue_reader(rw, old, deadline);
	while (!libchan_swap(&rw->private_state, &old, (old + READER) & ~QUEUE))
		;
	return 0;
}

LIBCHAN_EXPORT bool go_rwmutex_tryrlock(struct go_rwmutex *rw)
{
	uint32_t old = __atomic_load_n(&rw->private_state, __ATOMIC_RELAXED);

	while (!(old & (WRITER | PENDING)))
		if (__atomic_compare_exchange_n(&rw->private_state, &old, old + READER, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

LIBCHAN_EXPORT void go_rwmutex_rlock(struct go_rwmutex *rw)
{
	if (!go_rwmutex_tryrlock(rw))
		rlock_slowly(rw, LIBCHAN_NEVER);
}

LIBCHAN_EXPORT int go_rwmutex_rlock_timeout(struct go_rwmutex *rw, uint64_t timeout_ns)
{
	if (go_rwmutex_tryrlock(rw))
		return 0;
	return timeout_ns ? rlock_slowly(rw, libchan_deadline(timeout_ns)) : -ETIMEDOUT;
}

/* The last reader is gone, the queue is locked: nobody else changes the state. */
static void begin_writing(struct go_rwmutex *rw, uint32_t old)
{
	struct libchan_sleeper *writer = rw->private_writer;

	libchan_store(&rw->private_state, WRITER | (old & WAITING));
	libchan_waiter_wake(&writer->waiter);
}

LIBCHAN_EXPORT void go_rwmutex_runlock(struct go_rwmutex *rw)
{
	uint32_t old = __atomic_load_n(&rw->private_state, __ATOMIC_RELAXED);
	unsigned int turns = 0;

	for (;;) {
		if (old < READER)
			go_fatal("sync: RUnlock of unlocked RWMutex");
		if (old - READER >= READER || !(old & PENDING)) {
			if (__atomic_compare_exchange_n(&rw->private_state, &old, old - READER,
							true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
				return;
		} else if (old & QUEUE) {
			libchan_relax(&turns);
			old = libchan_load(&rw->private_state);
		} else if (libchan_swap(&rw->private_state, &old, old | QUEUE)) {
			begin_writing(rw, old);
			return;
		}
	}
}

/*
 * The writer's time has passed. Returns whether it was still PENDING. The readers that wait
 * go in, unless somebody still writes, who will let them in.
 */
static bool stop_pending(struct go_rwmutex *rw)
{
	uint32_t old = libchan_sleepers_lock(&rw->private_state, QUEUE), new;
	struct libchan_sleeper *readers = NULL;

	if (!(old & PENDING)) {
		libchan_sleepers_unlock(&rw->private_state, QUEUE);
		return false;
	}
	new = 0;
	if (!(old & WRITER)) {
		readers = libchan_sleepers_take_all(&rw->private_queue);
		new = rw->private_readers * READER;
		rw->private_readers = 0;
	}
	/* Meanwhile readers go, but not the last one; WRITER and WAITING stay. */
	while (!libchan_swap(&rw->private_state, &old,
			     (old & ~(PENDING | QUEUE | (readers ? WAITING : 0))) + new))
		;
	libchan_sleepers_wake(readers);
	return true;
}

/*
 * The caller has private_writers: nobody else is or becomes PENDING. Readers come and go
 * meanwhile; if there is neither a writer nor a reader, QUEUE is all that is left.
 */
static int lock_slowly(struct go_rwmutex *rw, uint64_t deadline)
{
	uint32_t old = libchan_sleepers_lock(&rw->private_state, QUEUE), new;
	struct libchan_sleeper me;
	bool wait;

	libchan_waiter_init(&me.waiter, "sync.RWMutex.Lock");
	rw->private_writer = &me;
	do {
		wait = old & WRITER || old >= READER;
		new = wait ? (old | PENDING) & ~QUEUE : WRITER;
	} while (!libchan_swap(&rw->private_state, &old, new));
	if (!wait || !libchan_waiter_wait(&me.waiter, deadline))
		return 0;
	if (stop_pending(rw))
		return -ETIMEDOUT;
	return libchan_waiter_wait(&me.waiter, LIBCHAN_NEVER);
}

static bool lock_free(struct go_rwmutex *rw)
{
	uint32_t old = 0;

	return __atomic_compare_exchange_n(&rw->private_state, &old, WRITER, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

LIBCHAN_EXPORT bool go_rwmutex_trylock(struct go_rwmutex *rw)
{
	if (!go_mutex_trylock(&rw->private_writers))
		return false;
	if (lock_free(rw))
		return true;
	go_mutex_unlock(&rw->private_writers);
	return false;
}

LIBCHAN_EXPORT void go_rwmutex_lock(struct go_rwmutex *rw)
{
	go_mutex_lock(&rw->private_writers);
	if (!lock_free(rw))
		lock_slowly(rw, LIBCHAN_NEVER);
}

static int lock_until(struct go_rwmutex *rw, uint64_t deadline)
{
	if (libchan_mutex_lock_until(&rw->private_writers, deadline))
		return -ETIMEDOUT;
	if (lock_free(rw) || !lock_slowly(rw, deadline))
		return 0;
	go_mutex_unlock(&rw->private_writers);
	return -ETIMEDOUT;
}

LIBCHAN_EXPORT int go_rwmutex_lock_timeout(struct go_rwmutex *rw, uint64_t timeout_ns)
{
	if (go_rwmutex_trylock(rw))
		return 0;
	return timeout_ns ? lock_until(rw, libchan_deadline(timeout_ns)) : -ETIMEDOUT;
}

/* The queue is locked, and the caller is WRITER: nobody else changes the state. */
static void unlock_slowly(struct go_rwmutex *rw, uint32_t old)
{
	struct libchan_sleeper *readers;

	if (old & PENDING && !(old & WAITING)) {
		begin_writing(rw, old);
		return;
	}
	readers = libchan_sleepers_take_all(&rw->private_queue);
	old = (old & PENDING) + rw->private_readers * READER;
	rw->private_readers = 0;
	libchan_store(&rw->private_state, old);
	libchan_sleepers_wake(readers);
}

LIBCHAN_EXPORT void go_rwmutex_unlock(struct go_rwmutex *rw)
{
	uint32_t old = WRITER;

	if (!(libchan_load(&rw->private_state) & WRITER))
		go_fatal("sync: Unlock of unlocked RWMutex");
	libchan_mutex_unlock(&rw->private_writers);
	if (!__atomic_compare_exchange_n(&rw->private_state, &old, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		unlock_slowly(rw, libchan_sleepers_lock(&rw->private_state, QUEUE));
}
