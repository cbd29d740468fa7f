/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the locks of sync and the contexts share: a queue of those who wait.
 *
 * An object has a word of state and a queue. One bit of the word locks the queue, for a
 * few instructions at a time; nobody parks, wakes or calls anything else meanwhile. Since
 * lock and state are one word, the step that changes the state for others to see also
 * lets go of the queue. That is what "the last step" means in gochan/sync.h: who was
 * waited for doesn't touch the object after it. Wake-ups go to what lives on the stacks of
 * those who wait, and these don't return before they were woken.
 *
 *	who gives (done, unlock)		who gets
 *	lock the queue
 *	take a sleeper out: queued = false
 *	new state, queue unlocked
 *						(may come by another way and free the object)
 *	wake the sleeper
 *						returns, its stack is its own again
 *
 * Whose time has passed locks the queue and looks: if it is still queued, it leaves.
 * Otherwise the wake-up is on its way, and it waits for that.
 */
#ifndef LIBCHAN_SLEEPERS_H
#define LIBCHAN_SLEEPERS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "runtime.h"

#define LIBCHAN_TURNS		100	/* before a thread naps */

/**
 * struct libchan_sleeper - who waits in a queue; on its own stack
 * @waiter: what is woken
 * @next: the queue's lock; in a ring, or in a list once all are taken out
 * @prev: the queue's lock; in a ring
 * @queued: the queue's lock
 * @owns: written before the wake-up, read after it: what was waited for is given already
 */
struct libchan_sleeper {
	struct libchan_waiter waiter;
	struct libchan_sleeper *next;
	struct libchan_sleeper *prev;
	bool queued;
	bool owns;
};

static inline void libchan_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

/*
 * Between two looks at a word that another thread changes in some instructions. When that
 * takes longer, the thread isn't running: a nap lets it run, whatever the priorities.
 */
static inline void libchan_relax(unsigned int *turns)
{
	struct timespec nap = { .tv_nsec = 50000 };

	if (++*turns < LIBCHAN_TURNS)
		libchan_pause();
	else
		nanosleep(&nap, NULL);
}

/* Updates @old when it fails. */
static inline bool libchan_swap(uint32_t *word, uint32_t *old, uint32_t new)
{
	return __atomic_compare_exchange_n(word, old, new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static inline uint32_t libchan_load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void libchan_store(uint32_t *word, uint32_t new)
{
	__atomic_store_n(word, new, __ATOMIC_RELEASE);
}

/* Returns the state, @bit in it. What it is otherwise may change, if others may change it. */
static inline uint32_t libchan_sleepers_lock(uint32_t *word, uint32_t bit)
{
	uint32_t old = libchan_load(word);
	unsigned int turns = 0;

	for (;;) {
		if (old & bit) {
			libchan_relax(&turns);
			old = libchan_load(word);
		} else if (libchan_swap(word, &old, old | bit)) {
			return old | bit;
		}
	}
}

static inline void libchan_sleepers_unlock(uint32_t *word, uint32_t bit)
{
	__atomic_fetch_and(word, ~bit, __ATOMIC_RELEASE);
}

/*
 * The queue: a ring, whose first is where the object points. Its lock is held.
 */

static inline void libchan_sleepers_last(void **queue, struct libchan_sleeper *s)
{
	struct libchan_sleeper *first = *queue;

	s->next = first ? first : s;
	s->prev = first ? first->prev : s;
	s->next->prev = s;
	s->prev->next = s;
	s->queued = true;
	if (!first)
		*queue = s;
}

static inline void libchan_sleepers_first(void **queue, struct libchan_sleeper *s)
{
	libchan_sleepers_last(queue, s);
	*queue = s;
}

static inline void libchan_sleepers_remove(void **queue, struct libchan_sleeper *s)
{
	if (*queue == s)
		*queue = s->next == s ? NULL : s->next;
	s->prev->next = s->next;
	s->next->prev = s->prev;
	s->queued = false;
}

/* The queue isn't empty. */
static inline struct libchan_sleeper *libchan_sleepers_take(void **queue)
{
	struct libchan_sleeper *s = *queue;

	libchan_sleepers_remove(queue, s);
	return s;
}

/* Returns them as a list, or NULL. */
static inline struct libchan_sleeper *libchan_sleepers_take_all(void **queue)
{
	struct libchan_sleeper *first = *queue, *s;

	if (!first)
		return NULL;
	first->prev->next = NULL;
	for (s = first; s; s = s->next)
		s->queued = false;
	*queue = NULL;
	return first;
}

/* After the queue's lock. */
static inline void libchan_sleepers_wake(struct libchan_sleeper *list)
{
	struct libchan_sleeper *next;

	for (; list; list = next) {
		next = list->next;
		libchan_waiter_wake(&list->waiter);
	}
}

struct go_mutex;

/* go_mutex_unlock() that lets nobody run first. Returns whether somebody should. */
bool libchan_mutex_unlock(struct go_mutex *m);

/* go_mutex_lock_timeout() with the time at which to give up. */
int libchan_mutex_lock_until(struct go_mutex *m, uint64_t deadline);

#endif /* LIBCHAN_SLEEPERS_H */
