/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Go's package sync in C: Mutex, RWMutex, WaitGroup, Once, Cond
 */
#ifndef GOCHAN_SYNC_H
#define GOCHAN_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: sync in one page
 *
 * What waits here is the goroutine, or the thread where there is none: both may share
 * one object. A goroutine may run on another thread when its call returns.
 *
 * - Zeroed memory is ready for use, and nothing has to be undone: an object that nobody
 *   uses is just memory. Objects must not be copied or moved while in use.
 * - An object may be freed as soon as nobody is in a call on it any more, but for these,
 *   whose last step is what the others wait for: after go_mutex_lock(),
 *   go_rwmutex_lock(), go_rwmutex_rlock(), go_wait_group_wait() and go_once_do() the
 *   unlock, done or do that they waited for touches the object no more, though its call
 *   may not have returned yet. So the last user of an object with a lock in it may unlock
 *   it and free it, and a WaitGroup may live on the stack of who waits.
 * - Nothing is owned by who locked it: another goroutine or thread may unlock it.
 * - What happens before an unlock is seen after the lock that follows it; the same holds
 *   between done and wait, signal and wait, and the function of a Once and those who
 *   called go_once_do().
 * - Misuse ends the program as it does in Go, with Go's words: go_fatal() where a lock is
 *   concerned, go_panic() for a WaitGroup.
 * - Times are nanoseconds on CLOCK_MONOTONIC from now on; over 292 years is for ever.
 * - In the child of fork(2), an object that another thread was using just then stays as
 *   it was.
 *
 * Fields are private. Sizes stay.
 */

/**
 * struct go_mutex - Go's sync.Mutex
 * @private_state: private
 * @private_pad: private
 * @private_queue: private
 * @private_reserved: private
 *
 * In the usual way of things, who comes first takes it, so that a busy lock doesn't wait
 * for those who sleep. Who has waited for more than a millisecond is given it directly,
 * before any newcomer: nobody starves.
 */
struct go_mutex {
	uint32_t private_state;
	uint32_t private_pad;
	void *private_queue;
	uint64_t private_reserved;
};

/**
 * go_mutex_lock() - lock, waiting as long as it takes
 * @m: the mutex
 *
 * Since: 1.0
 */
void go_mutex_lock(struct go_mutex *m);

/**
 * go_mutex_trylock() - lock if that needs no waiting
 * @m: the mutex
 *
 * Return: whether it is locked now, by this call.
 * Since: 1.0
 */
bool go_mutex_trylock(struct go_mutex *m);

/**
 * go_mutex_lock_timeout() - lock, waiting no longer than a time
 * @m: the mutex
 * @timeout_ns: nanoseconds from now on; 0 as go_mutex_trylock(), over 292 years for ever
 *
 * Return: 0 when it is locked, or -ETIMEDOUT.
 * Since: 1.0
 */
int go_mutex_lock_timeout(struct go_mutex *m, uint64_t timeout_ns);

/**
 * go_mutex_unlock() - unlock
 * @m: the mutex
 *
 * If it isn't locked, that is "fatal error: sync: unlock of unlocked mutex". A goroutine
 * that gives the mutex to one who has waited for long lets that one run first.
 *
 * Since: 1.0
 */
void go_mutex_unlock(struct go_mutex *m);

/**
 * struct go_rwmutex - Go's sync.RWMutex: any number of readers, or one writer
 * @private_writers: private
 * @private_state: private
 * @private_readers: private
 * @private_queue: private
 * @private_writer: private
 * @private_reserved: private
 *
 * A writer that waits keeps new readers out, so that it gets its turn; when it unlocks,
 * all readers that wait get theirs before the next writer. So who reads already must not
 * lock for reading again: a writer may have come between.
 */
struct go_rwmutex {
	struct go_mutex private_writers;
	uint32_t private_state;
	uint32_t private_readers;
	void *private_queue;
	void *private_writer;
	uint64_t private_reserved;
};

/**
 * go_rwmutex_rlock() - lock for reading, waiting for writers
 * @rw: the lock
 *
 * Since: 1.0
 */
void go_rwmutex_rlock(struct go_rwmutex *rw);

/**
 * go_rwmutex_tryrlock() - lock for reading if that needs no waiting
 * @rw: the lock
 *
 * Return: whether it is locked for reading now, by this call.
 * Since: 1.0
 */
bool go_rwmutex_tryrlock(struct go_rwmutex *rw);

/**
 * go_rwmutex_rlock_timeout() - lock for reading, waiting no longer than a time
 * @rw: the lock
 * @timeout_ns: nanoseconds from now on; 0 as go_rwmutex_tryrlock(), over 292 years for ever
 *
 * Return: 0 when it is locked for reading, or -ETIMEDOUT.
 * Since: 1.0
 */
int go_rwmutex_rlock_timeout(struct go_rwmutex *rw, uint64_t timeout_ns);

/**
 * go_rwmutex_runlock() - undo one go_rwmutex_rlock()
 * @rw: the lock
 *
 * If nobody reads, that is "fatal error: sync: RUnlock of unlocked RWMutex".
 *
 * Since: 1.0
 */
void go_rwmutex_runlock(struct go_rwmutex *rw);

/**
 * go_rwmutex_lock() - lock for writing, waiting for readers and writers
 * @rw: the lock
 *
 * Since: 1.0
 */
void go_rwmutex_lock(struct go_rwmutex *rw);

/**
 * go_rwmutex_trylock() - lock for writing if that needs no waiting
 * @rw: the lock
 *
 * Return: whether it is locked for writing now, by this call.
 * Since: 1.0
 */
bool go_rwmutex_trylock(struct go_rwmutex *rw);

/**
 * go_rwmutex_lock_timeout() - lock for writing, waiting no longer than a time
 * @rw: the lock
 * @timeout_ns: nanoseconds from now on; 0 as go_rwmutex_trylock(), over 292 years for ever
 *
 * A writer that gives up lets the readers in that it has kept out.
 *
 * Return: 0 when it is locked for writing, or -ETIMEDOUT.
 * Since: 1.0
 */
int go_rwmutex_lock_timeout(struct go_rwmutex *rw, uint64_t timeout_ns);

/**
 * go_rwmutex_unlock() - undo go_rwmutex_lock()
 * @rw: the lock
 *
 * If it isn't locked for writing, that is "fatal error: sync: Unlock of unlocked
 * RWMutex".
 *
 * Since: 1.0
 */
void go_rwmutex_unlock(struct go_rwmutex *rw);

/**
 * struct go_wait_group - Go's sync.WaitGroup: waits until all are done
 * @private_state: private
 * @private_queue: private
 * @private_reserved: private
 */
struct go_wait_group {
	uint64_t private_state __attribute__((aligned(8)));
	void *private_queue;
	uint64_t private_reserved;
};

/**
 * go_wait_group_add() - so many more to wait for
 * @wg: the group
 * @n: how many, fewer if negative; the sum must stay within 0..INT32_MAX
 *
 * When the sum becomes 0, all who wait go on. What raises it from 0 must come before the
 * waits, and after all earlier waits have returned.
 *
 * Misuse panics: "sync: negative WaitGroup counter" if the sum leaves its range, and,
 * when a wait is seen to be on its way, "sync: WaitGroup misuse: Add called concurrently
 * with Wait".
 *
 * Since: 1.0
 */
void go_wait_group_add(struct go_wait_group *wg, int n);

/**
 * go_wait_group_done() - one less to wait for
 * @wg: the group
 *
 * The same as go_wait_group_add() of -1.
 *
 * Since: 1.0
 */
void go_wait_group_done(struct go_wait_group *wg);

/**
 * go_wait_group_wait() - wait until all are done
 * @wg: the group
 *
 * Panics with "sync: WaitGroup is reused before previous Wait has returned" if it sees
 * that.
 *
 * Since: 1.0
 */
void go_wait_group_wait(struct go_wait_group *wg);

/**
 * go_wait_group_wait_timeout() - wait until all are done, but no longer than a time
 * @wg: the group
 * @timeout_ns: nanoseconds from now on; over 292 years for ever
 *
 * Return: 0 when all are done, or -ETIMEDOUT. Panics as go_wait_group_wait().
 * Since: 1.0
 */
int go_wait_group_wait_timeout(struct go_wait_group *wg, uint64_t timeout_ns);

/**
 * struct go_once - Go's sync.Once
 * @private_state: private
 * @private_pad: private
 * @private_queue: private
 * @private_reserved: private
 */
struct go_once {
	uint32_t private_state;
	uint32_t private_pad;
	void *private_queue;
	uint64_t private_reserved;
};

/**
 * go_once_do() - call a function, unless that was done with this Once before
 * @once: the Once
 * @fn: what to call, the first time
 * @arg: its argument
 *
 * Whoever comes while the first is in @fn waits until it has returned. A panic or
 * go_exit() in @fn counts as a return. @fn must not come back here with the same Once.
 *
 * Since: 1.0
 */
void go_once_do(struct go_once *once, void (*fn)(void *arg), void *arg);

/**
 * struct go_cond - Go's sync.Cond: waits until others say that something has changed
 * @private_state: private
 * @private_pad: private
 * @private_queue: private
 * @private_reserved: private
 */
struct go_cond {
	uint32_t private_state;
	uint32_t private_pad;
	void *private_queue;
	uint64_t private_reserved;
};

/**
 * go_cond_wait() - unlock, wait for a signal or broadcast, lock again
 * @c: the condition
 * @m: locked by the caller
 *
 * No signal after the unlock is missed, and there is no return without one. But others may
 * have had the mutex before the caller has it again: check, in a loop, what is waited for.
 *
 * Since: 1.0
 */
void go_cond_wait(struct go_cond *c, struct go_mutex *m);

/**
 * go_cond_wait_timeout() - go_cond_wait(), waiting no longer than a time
 * @c: the condition
 * @m: locked by the caller, and locked again in any case; that may take longer
 * @timeout_ns: nanoseconds from now on; over 292 years for ever
 *
 * A signal is never lost on one who gives up: it goes to who still waits.
 *
 * Return: 0 when signalled, or -ETIMEDOUT.
 * Since: 1.0
 */
int go_cond_wait_timeout(struct go_cond *c, struct go_mutex *m, uint64_t timeout_ns);

/**
 * go_cond_signal() - wake the one who has waited longest, if there is one
 * @c: the condition
 *
 * The mutex may be locked, but need not be.
 *
 * Since: 1.0
 */
void go_cond_signal(struct go_cond *c);

/**
 * go_cond_broadcast() - wake all who wait
 * @c: the condition
 *
 * The mutex may be locked, but need not be.
 *
 * Since: 1.0
 */
void go_cond_broadcast(struct go_cond *c);

#ifdef __cplusplus
}
#endif

#endif /* GOCHAN_SYNC_H */
