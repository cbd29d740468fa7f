// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The runtime's timers: a pairing heap, whose nodes are the callers', so that starting a
 * timer can't fail. The worker that waits in epoll wakes for the first; those that are
 * busy look from time to time.
 */
#include <pthread.h>

#include "runtime.h"
#include "sanitize.h"

/**
 * struct timers - all of them
 * @lock: of all timers in the heap
 * @root: first to come
 * @seq: timers started
 * @next: atomic; deadline of @root, or %LIBCHAN_NEVER
 */
static struct timers {
	pthread_mutex_t lock;
	struct libchan_timer *root;
	uint64_t seq;
	uint64_t next;
} timers = { .lock = PTHREAD_MUTEX_INITIALIZER, .next = LIBCHAN_NEVER };

/*
 * The heap
 */

static bool before(const struct libchan_timer *a, const struct libchan_timer *b)
{
	return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns :
						  a->seq < b->seq;
}

/* Two heaps into one; either may be NULL. Return: its root. */
static struct libchan_timer *merge(struct libchan_timer *a, struct libchan_timer *b)
{
	struct libchan_timer *t;

	if (!a || !b)
		return a ? a : b;
	if (before(b, a)) {
		t = a;
		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->back = b;
	b->back = a;
	a->child = b;
	return a;
}

/* Siblings into one heap: in pairs from the left, and the pairs from the right. */
static struct libchan_timer *merge_siblings(struct libchan_timer *first)
{
	struct libchan_timer *pairs = NULL, *root = NULL, *a, *b;

	while (first) {
		a = first;
		b = a->next;
		first = b ? b->next : NULL;
		a = merge(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		a = pairs;
		pairs = a->next;
		root = merge(root, a);
	}
	return root;
}

static void set_root(struct libchan_timer *root)
{
	timers.root = root;
	if (root) {
		root->back = root;
		root->next = NULL;
	}
	__atomic_store_n(&timers.next, root ? root->deadline_ns : LIBCHAN_NEVER,
			 __ATOMIC_SEQ_CST);
}

static void insert(struct libchan_timer *t)
{
	t->seq = timers.seq++;
	t->child = NULL;
	set_root(merge(timers.root, t));
}

static void take_out(struct libchan_timer *t)
{
	struct libchan_timer *rest;

	if (t == timers.root) {
		set_root(merge_siblings(t->child));
	} else {
		if (t->back->child == t)
			t->back->child = t->next;
		else
			t->back->next = t->next;
		if (t->next)
			t->next->back = t->back;
		rest = merge_siblings(t->child);
		set_root(merge(timers.root, rest));
	}
	t->back = NULL;
}

/*
 * Start and stop
 */

static void start(struct libchan_timer *t, uint64_t deadline_ns, void (*fn)(void *arg), void *arg)
{
	bool first;

	pthread_mutex_lock(&timers.lock);
	t->deadline_ns = deadline_ns;
	t->fn = fn;
	t->arg = arg;
	insert(t);
	first = timers.root == t;
	pthread_mutex_unlock(&timers.lock);
	if (first)
		libchan_break();
}

void libchan_timer_start(struct libchan_timer *t, uint64_t deadline_ns, void (*fn)(void *arg),
			 void *arg)
{
	t->back = NULL;
	if (deadline_ns == LIBCHAN_NEVER)
		return;
	if (libchan_start())
		libchan_fatal("can't start a thread for timers");
	start(t, deadline_ns, fn, arg);
}

/* What marks the timer of a waiter; it is never called. */
static void late(void *w)
{
	(void)w;
}

/**
 * libchan_timer_start_late() - a goroutine is to wait no longer
 * @t: the timer; stopped before @w goes
 * @deadline_ns: when
 * @w: in which it parks
 */
void libchan_timer_start_late(struct libchan_timer *t, uint64_t deadline_ns,
			      struct libchan_waiter *w)
{
	start(t, deadline_ns, late, w);
}

/* One that isn't late() may run yet; of one that is, nothing is touched any more. */
bool libchan_timer_stop(struct libchan_timer *t)
{
	bool stopped;

	pthread_mutex_lock(&timers.lock);
	stopped = t->back;
	if (stopped)
		take_out(t);
	pthread_mutex_unlock(&timers.lock);
	return stopped;
}

/*
 * Run
 */

/**
 * libchan_timers_next() - when the first is to run
 *
 * Return: its deadline, or %LIBCHAN_NEVER.
 */
uint64_t libchan_timers_next(void)
{
	return __atomic_load_n(&timers.next, __ATOMIC_SEQ_CST);
}

/* Under the lock but while the timer's function runs, which may do anything with it. */
static void run(struct libchan_timer *t, struct libchan_queue *woken)
{
	void (*fn)(void *arg) = t->fn;
	void *arg = t->arg;

	take_out(t);
	if (fn == late) {
		if (libchan_waiter_late(arg))
			libchan_queue_put(woken, ((struct libchan_waiter *)arg)->task);
		return;
	}
	pthread_mutex_unlock(&timers.lock);
	fn(arg);
	pthread_mutex_lock(&timers.lock);
}

/**
 * libchan_timers_run() - run those whose time has come
 * @woken: the caller makes them ready
 */
void libchan_timers_run(struct libchan_queue *woken)
{
	uint64_t next = libchan_timers_next(), now;

	if (next == LIBCHAN_NEVER)
		return;
	now = libchan_now();
	if (next > now)
		return;
	pthread_mutex_lock(&timers.lock);
	while (timers.root && timers.root->deadline_ns <= now)
		run(timers.root, woken);
	pthread_mutex_unlock(&timers.lock);
}

/*
 * fork(2)
 */

void libchan_timers_lock(void)
{
	pthread_mutex_lock(&timers.lock);
}

void libchan_timers_unlock(void)
{
	pthread_mutex_unlock(&timers.lock);
}

/* In the child: those who wait in them aren't here. */
void libchan_timers_reset(void)
{
	pthread_mutex_unlock(&timers.lock);
	timers.root = NULL;
	timers.next = LIBCHAN_NEVER;
}
