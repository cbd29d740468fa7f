// SPDX-License-Identifier: GPL-2.0
/*
 * Mutex, RWMutex, WaitGroup, Once and Cond, among threads, goroutines, and some of each.
 * Needs no module. Prints TAP.
 *
 * To know that somebody waits, the tests look at private fields: nothing is slept for. To
 * meet the moments that are hard to meet, they step in where a wait ends and after a wake.
 *
 * Replaced by the linker: libchan_waiter_init, libchan_waiter_wait, libchan_waiter_wake.
 */
#include <setjmp.h>

#include "gochan/panic.h"
#include "gochan/sync.h"
#include "../sleepers.h"
#include "sync_test.h"

/*
 * Moments
 */

/* Where the next who comes there is held, until it is let go. */
struct moment {
	_Atomic bool wanted, there, go_on;
};

static struct moment about_to_wait;	/* it has locked the queue */
static struct moment late;		/* its time has passed */
static struct moment woken;		/* it was woken */
static _Atomic bool late_at_once;	/* of who waits next the time passes now */
static _Atomic bool gone;		/* what was waited for was freed */
static __thread bool (*hold_waker)(void);	/* until this is true; a plain thread */

void __real_libchan_waiter_init(struct libchan_waiter *w, const char *reason);
void __wrap_libchan_waiter_init(struct libchan_waiter *w, const char *reason);
int __real_libchan_waiter_wait(struct libchan_waiter *w, uint64_t deadline_ns);
int __wrap_libchan_waiter_wait(struct libchan_waiter *w, uint64_t deadline_ns);
void __real_libchan_waiter_wake(struct libchan_waiter *w);
void __wrap_libchan_waiter_wake(struct libchan_waiter *w);

static void hold(struct moment *m)
{
	m->there = m->go_on = false;
	m->wanted = true;
}

static void let_go(struct moment *m)
{
	m->go_on = true;
}

static void come_to(struct moment *m)
{
	if (!atomic_exchange(&m->wanted, false))
		return;
	m->there = true;
	WAIT_UNTIL(m->go_on);
}

/* Those of go_sleep() are as they are. */
static bool of_sync(const char *reason)
{
	return !strncmp(reason, "sync.", 5);
}

/* Mutex and RWMutex have locked the queue then, but haven't looked a last time yet. */
void __wrap_libchan_waiter_init(struct libchan_waiter *w, const char *reason)
{
	__real_libchan_waiter_init(w, reason);
	if (of_sync(reason))
		come_to(&about_to_wait);
}

int __wrap_libchan_waiter_wait(struct libchan_waiter *w, uint64_t deadline_ns)
{
	int r = -ETIMEDOUT;

	if (!of_sync(w->reason))
		return __real_libchan_waiter_wait(w, deadline_ns);
	if (!atomic_exchange(&late_at_once, false))
		r = __real_libchan_waiter_wait(w, deadline_ns);
	come_to(r ? &late : &woken);
	return r;
}

void __wrap_libchan_waiter_wake(struct libchan_waiter *w)
{
	__real_libchan_waiter_wake(w);
	if (hold_waker)
		WAIT_UNTIL(hold_waker());
}

static bool is_gone(void)
{
	return gone;
}

/*
 * Mutex
 */

#define LOCKED		1u
#define WOKEN		2u
#define STARVING	4u

static uint32_t mutex_state(const struct go_mutex *m)
{
	return __atomic_load_n(&m->private_state, __ATOMIC_ACQUIRE);
}

static unsigned int mutex_waiters(const struct go_mutex *m)
{
	return mutex_state(m) / 16;
}

static void a_mutex_of_zeroes_is_unlocked(void)
{
	struct go_mutex m = {};

	go_mutex_lock(&m);
	EXPECT(!go_mutex_trylock(&m));
	EXPECT_EQ(go_mutex_lock_timeout(&m, 0), -ETIMEDOUT);
	go_mutex_unlock(&m);
	EXPECT(go_mutex_trylock(&m));
	go_mutex_unlock(&m);
	EXPECT_EQ(go_mutex_lock_timeout(&m, 0), 0);
	go_mutex_unlock(&m);
	EXPECT_EQ(go_mutex_lock_timeout(&m, LONG), 0);
	go_mutex_unlock(&m);
	EXPECT_EQ(mutex_state(&m), 0);
}

/* The counter is plain: the thread sanitizer sees who touches it without the lock. */
struct hammer {
	struct go_mutex m;
	long counter;
	_Atomic long counted;
};

static bool lock_somehow(struct go_mutex *m, int i)
{
	switch (i % 8) {
	case 0:
		return go_mutex_trylock(m);
	case 3:
		return !go_mutex_lock_timeout(m, i % 7 * 10000);
	case 5:
		return !go_mutex_lock_timeout(m, FOR_EVER);
	}
	go_mutex_lock(m);
	return true;
}

static void hammer_mutex(void *arg)
{
	struct hammer *h = arg;
	long got = 0;
	int i;

	for (i = 0; i < 10000; i++) {
		if (!lock_somehow(&h->m, i))
			continue;
		h->counter++;
		got++;
		if (i % 100 == 0)
			step_aside();
		go_mutex_unlock(&h->m);
	}
	h->counted += got;
}

static void ten_times_ten_thousand_locks_exclude_each_other(void)
{
	struct hammer h = {};

	parties_run(10, hammer_mutex, &h);
	EXPECT_EQ(h.counter, h.counted);
	EXPECT(h.counted >= 75000);
	EXPECT_EQ(mutex_state(&h.m), 0);
	EXPECT(!h.m.private_queue);
}

/* Short times that end while unlocks wake: none of these wake-ups may be lost. */
static void hammer_timeouts(void *arg)
{
	struct hammer *h = arg;
	long got = 0;
	int i;

	for (i = 0; i < 2000; i++) {
		if (i % 4 && go_mutex_lock_timeout(&h->m, 1 + i % 50 * 1000))
			continue;
		if (i % 4 == 0)
			go_mutex_lock(&h->m);
		h->counter++;
		got++;
		if (i % 3 == 0)
			let_pass(20000);
		go_mutex_unlock(&h->m);
	}
	h->counted += got;
}

static void who_gives_up_loses_no_wake_up(void)
{
	struct hammer h = {};

	parties_run(8, hammer_timeouts, &h);
	EXPECT_EQ(h.counter, h.counted);
	EXPECT_EQ(mutex_state(&h.m), 0);
	EXPECT(!h.m.private_queue);
}

struct turn {
	struct go_mutex *m;
	_Atomic bool go_on, has_it;
	_Atomic int *order;
	int place;
};

static void take_a_turn(void *arg)
{
	struct turn *t = arg;

	go_mutex_lock(t->m);
	if (t->order)
		t->place = ++*t->order;
	t->has_it = true;
	WAIT_UNTIL(t->go_on);
	go_mutex_unlock(t->m);
}

static void lock_waits_for_unlock(void)
{
	struct go_mutex m = {};
	struct turn t = { .m = &m, .go_on = true };
	struct party p;

	go_mutex_lock(&m);
	party_begin(&p, take_a_turn, &t);
	WAIT_UNTIL(mutex_waiters(&m) == 1);
	EXPECT(!t.has_it);
	go_mutex_unlock(&m);
	party_end(&p);
	EXPECT(t.has_it);
	EXPECT_EQ(mutex_state(&m), 0);
}

static void who_comes_just_as_it_is_unlocked_does_not_wait(void)
{
	struct go_mutex m = {};
	struct turn t = { .m = &m, .go_on = true };
	struct party p;

	go_mutex_lock(&m);
	hold(&about_to_wait);
	party_begin(&p, take_a_turn, &t);
	WAIT_UNTIL(about_to_wait.there);
	go_mutex_unlock(&m);
	let_go(&about_to_wait);
	party_end(&p);
	EXPECT_EQ(mutex_state(&m), 0);
	EXPECT(!m.private_queue);
}

struct turns {
	struct go_mutex *m;
	_Atomic int taken, want;
};

static void take_turns(void *arg)
{
	struct turns *t = arg;

	while (t->taken < t->want) {
		go_mutex_lock(t->m);
		t->taken++;
		go_mutex_unlock(t->m);
	}
}

static void wait_for_waiter_or_end(struct turns *t)
{
	WAIT_UNTIL(t->taken == t->want ||
		   (mutex_waiters(t->m) && !(mutex_state(t->m) & WOKEN)));
}

/*
 * The first unlocks and locks at once, ten times and more. The other one is always back in
 * the queue by the next unlock, and each round takes some tenths of a millisecond: so after
 * four rounds it has waited for too long, and is given the mutex by the fifth or sixth.
 */
static void who_waits_gets_its_turn_in_a_bounded_number_of_rounds(void)
{
	struct go_mutex m = {};
	struct turns t = { .m = &m, .want = 10 };
	struct party p;
	int rounds = 0;

	go_mutex_lock(&m);
	party_begin(&p, take_turns, &t);
	while (t.taken < t.want && rounds < 1000) {
		wait_for_waiter_or_end(&t);
		let_pass(300000);
		go_mutex_unlock(&m);
		go_mutex_lock(&m);
		rounds++;
	}
	t.want = 0;
	go_mutex_unlock(&m);
	party_end(&p);
	EXPECT(t.taken >= 10);
	EXPECT(rounds <= 70);
}

/* Who is woken is held, so that the mutex is taken before it; then it is in the queue again. */
static void pass_over(struct go_mutex *m, unsigned int waiters)
{
	hold(&woken);
	go_mutex_unlock(m);
	WAIT_UNTIL(woken.there);
	EXPECT(go_mutex_trylock(m));
	let_go(&woken);
	WAIT_UNTIL(mutex_waiters(m) == waiters && !(mutex_state(m) & WOKEN));
}

/* What no newcomer can take is given: from the unlock on it is the waiter's. */
static void who_starves_is_given_the_mutex_before_any_newcomer(void)
{
	struct go_mutex m = {};
	struct turn t = { .m = &m };
	struct party p;

	go_mutex_lock(&m);
	party_begin(&p, take_a_turn, &t);
	WAIT_UNTIL(mutex_waiters(&m) == 1);
	let_pass(3 * MS / 2);
	pass_over(&m, 1);
	EXPECT(mutex_state(&m) & STARVING);
	hold(&woken);
	go_mutex_unlock(&m);
	EXPECT(!go_mutex_trylock(&m));
	EXPECT_EQ(go_mutex_lock_timeout(&m, 0), -ETIMEDOUT);
	WAIT_UNTIL(woken.there);
	EXPECT(!go_mutex_trylock(&m));
	let_go(&woken);
	t.go_on = true;
	party_end(&p);
	EXPECT_EQ(mutex_state(&m), 0);
}

static void who_was_passed_over_stays_the_first(void)
{
	_Atomic int order = 0;
	struct go_mutex m = {};
	struct turn t[3];
	struct party p[3];
	int i;

	go_mutex_lock(&m);
	for (i = 0; i < 3; i++) {
		t[i] = (struct turn){ .m = &m, .go_on = true, .order = &order };
		party_begin(&p[i], take_a_turn, &t[i]);
		WAIT_UNTIL(mutex_waiters(&m) == (unsigned int)i + 1);
	}
	pass_over(&m, 3);
	EXPECT_EQ(order, 0);
	go_mutex_unlock(&m);
	for (i = 0; i < 3; i++)
		party_end(&p[i]);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(t[i].place, i + 1);
}

static void a_time_that_passes_leaves_no_trace(void)
{
	struct go_mutex m = {};
	uint64_t start = now_ns();

	go_mutex_lock(&m);
	EXPECT_EQ(go_mutex_lock_timeout(&m, 5 * MS), -ETIMEDOUT);
	EXPECT(now_ns() - start >= 5 * MS);
	EXPECT_EQ(mutex_state(&m), LOCKED);
	EXPECT(!m.private_queue);
	go_mutex_unlock(&m);
	EXPECT_EQ(mutex_state(&m), 0);
}

struct patience {
	struct go_mutex m;
	int result;
	_Atomic bool ended;
};

static void lose_patience(void *arg)
{
	struct patience *p = arg;

	p->result = go_mutex_lock_timeout(&p->m, LONG);
	if (!p->result)
		go_mutex_unlock(&p->m);
	p->ended = true;
}

static void the_last_who_starves_ends_that_by_giving_up(void)
{
	struct patience p = {};
	struct party party;

	go_mutex_lock(&p.m);
	party_begin(&party, lose_patience, &p);
	WAIT_UNTIL(mutex_waiters(&p.m) == 1);
	let_pass(3 * MS / 2);
	hold(&woken);
	go_mutex_unlock(&p.m);
	WAIT_UNTIL(woken.there);
	EXPECT(go_mutex_trylock(&p.m));
	hold(&late);
	late_at_once = true;
	let_go(&woken);
	WAIT_UNTIL(late.there);
	EXPECT_EQ(mutex_state(&p.m), LOCKED + STARVING + 16);
	let_go(&late);
	WAIT_UNTIL(p.ended);
	EXPECT_EQ(p.result, -ETIMEDOUT);
	EXPECT_EQ(mutex_state(&p.m), LOCKED);
	go_mutex_unlock(&p.m);
	party_end(&party);
}

struct late_lock {
	struct go_mutex m;
	int result;
	_Atomic bool ended;
};

static void lock_in_time(void *arg)
{
	struct late_lock *l = arg;

	l->result = go_mutex_lock_timeout(&l->m, MS);
	if (!l->result)
		go_mutex_unlock(&l->m);
	l->ended = true;
}

/*
 * The first in the queue is late, but hasn't left it when it is woken. Then another takes
 * the mutex before it: it gives up, and with the next unlock the second must be woken.
 */
static void who_is_woken_too_late_and_gives_up_passes_it_on(void)
{
	struct late_lock l = {};
	struct turn t = { .m = &l.m, .go_on = true };
	struct party p[2];

	hold(&late);
	go_mutex_lock(&l.m);
	party_begin(&p[0], lock_in_time, &l);
	WAIT_UNTIL(late.there);
	party_begin(&p[1], take_a_turn, &t);
	WAIT_UNTIL(mutex_waiters(&l.m) == 2);
	go_mutex_unlock(&l.m);
	EXPECT(go_mutex_trylock(&l.m));
	let_go(&late);
	party_end(&p[0]);
	EXPECT_EQ(l.result, -ETIMEDOUT);
	EXPECT_EQ(mutex_state(&l.m), LOCKED + 16);
	go_mutex_unlock(&l.m);
	party_end(&p[1]);
	EXPECT_EQ(mutex_state(&l.m), 0);
	EXPECT(!l.m.private_queue);
}

static void who_is_woken_too_late_takes_what_is_free(void)
{
	struct late_lock l = {};
	struct party p;

	hold(&late);
	go_mutex_lock(&l.m);
	party_begin(&p, lock_in_time, &l);
	WAIT_UNTIL(late.there);
	go_mutex_unlock(&l.m);
	let_go(&late);
	party_end(&p);
	EXPECT_EQ(l.result, 0);
	EXPECT_EQ(mutex_state(&l.m), 0);
	EXPECT(!l.m.private_queue);
}

/* What lives until the last has unlocked it. */
struct shared {
	struct go_mutex m;
	struct go_rwmutex rw;
	struct go_wait_group wg;
	struct go_once once;
	struct go_cond c;
	int refs;
	bool last;			/* the mutex */
	_Atomic bool ready;
};

static void drop(void *arg)
{
	struct shared *s = arg;
	bool last;

	go_mutex_lock(&s->m);
	last = !--s->refs;
	go_mutex_unlock(&s->m);
	if (last)
		free(s);
}

static void drop_rw(void *arg)
{
	struct shared *s = arg;
	bool last;

	go_rwmutex_rlock(&s->rw);
	go_rwmutex_runlock(&s->rw);
	go_rwmutex_lock(&s->rw);
	last = !--s->refs;
	go_rwmutex_unlock(&s->rw);
	if (last)
		free(s);
}

static void free_shared(void (*fn)(void *))
{
	struct shared *s;
	int i;

	for (i = 0; i < 500; i++) {
		s = calloc(1, sizeof(*s));
		s->refs = 4;
		parties_run(4, fn, s);
	}
}

/*
 * Who waits gets it, and frees it; only then does the one who has woken it go on. The
 * address sanitizer sees if that touches it again.
 */
static void free_after(void (*wait)(void *), void (*end)(struct shared *), struct shared *s)
{
	struct party p;

	gone = false;
	party_begin(&p, wait, s);
	hold_waker = is_gone;
	end(s);
	hold_waker = NULL;
	party_end(&p);
	EXPECT(gone);
}

static void free_shared_object(struct shared *s)
{
	free(s);
	gone = true;
}

static void lock_and_free(void *arg)
{
	struct shared *s = arg;
	bool last;

	do {
		go_mutex_lock(&s->m);
		last = s->last;
		go_mutex_unlock(&s->m);
	} while (!last);
	free_shared_object(s);
}

static void unlock_for_one(struct shared *s)
{
	WAIT_UNTIL(mutex_waiters(&s->m) == 1);
	s->last = true;
	go_mutex_unlock(&s->m);
}

/* Passed over, and then given the mutex. */
static void unlock_for_one_who_starves(struct shared *s)
{
	hold_waker = NULL;
	WAIT_UNTIL(mutex_waiters(&s->m) == 1);
	let_pass(3 * MS / 2);
	pass_over(&s->m, 1);
	EXPECT(mutex_state(&s->m) & STARVING);
	hold_waker = is_gone;
	s->last = true;
	go_mutex_unlock(&s->m);
}

static struct shared *locked_mutex(void)
{
	struct shared *s = calloc(1, sizeof(*s));

	go_mutex_lock(&s->m);
	return s;
}

static void unlock_touches_nothing_after_the_wake(void)
{
	free_after(lock_and_free, unlock_for_one, locked_mutex());
	free_after(lock_and_free, unlock_for_one_who_starves, locked_mutex());
}

static void the_last_to_unlock_may_free_a_mutex(void)
{
	free_shared(drop);
}

/*
 * RWMutex
 */

#define WRITER		1u
#define PENDING		2u
#define RW_QUEUE	8u

static uint32_t rw_state(const struct go_rwmutex *rw)
{
	return __atomic_load_n(&rw->private_state, __ATOMIC_ACQUIRE);
}

static unsigned int rw_waiting_readers(struct go_rwmutex *rw)
{
	unsigned int n;

	libchan_sleepers_lock(&rw->private_state, RW_QUEUE);
	n = rw->private_readers;
	libchan_sleepers_unlock(&rw->private_state, RW_QUEUE);
	return n;
}

static void readers_share_and_writers_dont(void)
{
	struct go_rwmutex rw = {};

	go_rwmutex_lock(&rw);
	EXPECT(!go_rwmutex_trylock(&rw));
	EXPECT(!go_rwmutex_tryrlock(&rw));
	go_rwmutex_unlock(&rw);
	EXPECT(go_rwmutex_trylock(&rw));
	go_rwmutex_unlock(&rw);
	EXPECT(go_rwmutex_tryrlock(&rw));
	EXPECT(go_rwmutex_tryrlock(&rw));
	go_rwmutex_rlock(&rw);
	EXPECT(!go_rwmutex_trylock(&rw));
	go_rwmutex_runlock(&rw);
	go_rwmutex_runlock(&rw);
	EXPECT(!go_rwmutex_trylock(&rw));
	go_rwmutex_runlock(&rw);
	EXPECT(go_rwmutex_trylock(&rw));
	go_rwmutex_unlock(&rw);
	EXPECT_EQ(rw_state(&rw), 0);
}

struct rw_hammer {
	struct go_rwmutex rw;
	_Atomic int activity;		/* readers, and 10,000 for each writer */
	_Atomic int next;
	int plain[4];			/* all the same when nobody writes */
	_Atomic long bad;
	long writes;
	_Atomic long written;
};

/* Relaxed, lest it orders what the lock is to order. */
static int count_in(struct rw_hammer *h, int n)
{
	return atomic_fetch_add_explicit(&h->activity, n, memory_order_relaxed);
}

static void count_bad(struct rw_hammer *h, bool bad)
{
	if (bad)
		atomic_fetch_add_explicit(&h->bad, 1, memory_order_relaxed);
}

static void read_once(struct rw_hammer *h)
{
	int i;

	go_rwmutex_rlock(&h->rw);
	count_bad(h, count_in(h, 1) >= 9999);
	for (i = 1; i < 4; i++)
		count_bad(h, h->plain[i] != h->plain[0]);
	count_in(h, -1);
	go_rwmutex_runlock(&h->rw);
}

static void write_once(struct rw_hammer *h, bool aside)
{
	int i;

	go_rwmutex_lock(&h->rw);
	count_bad(h, count_in(h, 10000));
	for (i = 0; i < 4; i++) {
		h->plain[i]++;
		if (aside)
			step_aside();
	}
	count_in(h, -10000);
	h->writes++;
	go_rwmutex_unlock(&h->rw);
}

static void try_once(struct rw_hammer *h)
{
	if (go_rwmutex_tryrlock(&h->rw)) {
		count_bad(h, count_in(h, 1) >= 9999);
		count_in(h, -1);
		go_rwmutex_runlock(&h->rw);
	}
	if (go_rwmutex_trylock(&h->rw)) {
		count_bad(h, count_in(h, 10000));
		count_in(h, -10000);
		go_rwmutex_unlock(&h->rw);
	}
}

/* Of eight, two write. */
static void hammer_rwmutex(void *arg)
{
	struct rw_hammer *h = arg;
	bool writer = h->next++ % 4 == 0;
	int i;

	for (i = 0; i < 2000; i++) {
		if (writer)
			write_once(h, i % 50 == 0);
		else
			read_once(h);
		if (i % 16 == 0)
			try_once(h);
	}
	h->written += writer ? 2000 : 0;
}

static void readers_and_writers_exclude_each_other(void)
{
	struct rw_hammer h = {};

	parties_run(8, hammer_rwmutex, &h);
	EXPECT_EQ(h.bad, 0);
	EXPECT_EQ(h.writes, h.written);
	EXPECT_EQ(h.written, 4000);
	EXPECT_EQ(rw_state(&h.rw), 0);
	EXPECT_EQ(h.rw.private_readers, 0);
	EXPECT(!h.rw.private_queue);
}

struct rw_turn {
	struct go_rwmutex *rw;
	_Atomic bool go_on, has_it;
};

static void read_a_turn(void *arg)
{
	struct rw_turn *t = arg;

	go_rwmutex_rlock(t->rw);
	t->has_it = true;
	WAIT_UNTIL(t->go_on);
	go_rwmutex_runlock(t->rw);
}

static void write_a_turn(void *arg)
{
	struct rw_turn *t = arg;

	go_rwmutex_lock(t->rw);
	t->has_it = true;
	WAIT_UNTIL(t->go_on);
	go_rwmutex_unlock(t->rw);
}

static void many_read_at_once(void)
{
	struct go_rwmutex rw = {};
	struct rw_turn t[8];
	struct party p[8];
	int i;

	for (i = 0; i < 8; i++) {
		t[i] = (struct rw_turn){ .rw = &rw };
		party_begin(&p[i], read_a_turn, &t[i]);
	}
	for (i = 0; i < 8; i++)
		WAIT_UNTIL(t[i].has_it);
	for (i = 0; i < 8; i++)
		t[i].go_on = true;
	for (i = 0; i < 8; i++)
		party_end(&p[i]);
	EXPECT_EQ(rw_state(&rw), 0);
}

static void a_writer_that_waits_keeps_new_readers_out(void)
{
	struct go_rwmutex rw = {};
	struct rw_turn w = { .rw = &rw }, r = { .rw = &rw, .go_on = true };
	struct party pw, pr;

	go_rwmutex_rlock(&rw);
	go_rwmutex_rlock(&rw);
	party_begin(&pw, write_a_turn, &w);
	WAIT_UNTIL(rw_state(&rw) & PENDING);
	EXPECT(!go_rwmutex_tryrlock(&rw));
	EXPECT(!go_rwmutex_trylock(&rw));
	party_begin(&pr, read_a_turn, &r);
	WAIT_UNTIL(rw_waiting_readers(&rw) == 1);
	go_rwmutex_runlock(&rw);
	EXPECT(!w.has_it);
	EXPECT(rw_state(&rw) & PENDING);
	go_rwmutex_runlock(&rw);
	WAIT_UNTIL(w.has_it);
	EXPECT(!r.has_it);
	w.go_on = true;
	party_end(&pw);
	party_end(&pr);
	EXPECT_EQ(rw_state(&rw), 0);
}

/* The queue is locked and nobody reads yet, so that the writer looks there, and is held. */
static void a_reader_that_comes_just_before_a_writer_is_seen(void)
{
	struct go_rwmutex rw = {};
	struct rw_turn w = { .rw = &rw, .go_on = true };
	struct party p;

	libchan_sleepers_lock(&rw.private_state, RW_QUEUE);
	hold(&about_to_wait);
	party_begin(&p, write_a_turn, &w);
	WAIT_UNTIL(mutex_state(&rw.private_writers) & LOCKED);
	/* It comes to the queue at once, or will find it free. */
	let_pass(MS);
	libchan_sleepers_unlock(&rw.private_state, RW_QUEUE);
	WAIT_UNTIL(about_to_wait.there || w.has_it);
	if (!w.has_it) {
		EXPECT(go_rwmutex_tryrlock(&rw));
		let_go(&about_to_wait);
		WAIT_UNTIL(rw_state(&rw) & PENDING || w.has_it);
		EXPECT(!w.has_it);
		go_rwmutex_runlock(&rw);
	}
	about_to_wait.wanted = false;
	party_end(&p);
	EXPECT_EQ(rw_state(&rw), 0);
}

static struct go_rwmutex passed_on;

static bool next_is_pending(void)
{
	return rw_state(&passed_on) & PENDING;
}

/*
 * Three readers wait, and a second writer; the unlock of the first lets all readers in. The
 * second writer may have come that far already that it waits for these.
 */
static void readers_come_before_the_next_writer(bool pending)
{
	struct go_rwmutex *rw = &passed_on;
	struct rw_turn w = { .rw = rw, .go_on = true }, r[3];
	struct party pw, pr[3];
	int i;

	go_rwmutex_lock(rw);
	for (i = 0; i < 3; i++) {
		r[i] = (struct rw_turn){ .rw = rw };
		party_begin(&pr[i], read_a_turn, &r[i]);
	}
	WAIT_UNTIL(rw_waiting_readers(rw) == 3);
	party_begin(&pw, write_a_turn, &w);
	WAIT_UNTIL(mutex_waiters(&rw->private_writers) == 1);
	hold_waker = pending ? next_is_pending : NULL;
	go_rwmutex_unlock(rw);
	hold_waker = NULL;
	for (i = 0; i < 3; i++)
		WAIT_UNTIL(r[i].has_it || w.has_it);
	EXPECT(!w.has_it);
	WAIT_UNTIL(rw_state(rw) & PENDING || w.has_it);
	for (i = 0; i < 3; i++) {
		EXPECT(!w.has_it);
		r[i].go_on = true;
		party_end(&pr[i]);
	}
	party_end(&pw);
	EXPECT(w.has_it);
	EXPECT_EQ(rw_state(rw), 0);
}

static void readers_that_wait_come_before_the_next_writer(void)
{
	readers_come_before_the_next_writer(false);
	readers_come_before_the_next_writer(true);
}

static void an_rwmutex_waits_no_longer_than_it_may(void)
{
	struct go_rwmutex rw = {};
	uint64_t start;

	EXPECT_EQ(go_rwmutex_lock_timeout(&rw, 0), 0);
	EXPECT_EQ(go_rwmutex_lock_timeout(&rw, 0), -ETIMEDOUT);
	EXPECT_EQ(go_rwmutex_rlock_timeout(&rw, 0), -ETIMEDOUT);
	start = now_ns();
	EXPECT_EQ(go_rwmutex_lock_timeout(&rw, 5 * MS), -ETIMEDOUT);
	EXPECT_EQ(go_rwmutex_rlock_timeout(&rw, 5 * MS), -ETIMEDOUT);
	EXPECT(now_ns() - start >= 10 * MS);
	EXPECT_EQ(rw_waiting_readers(&rw), 0);
	EXPECT_EQ(rw_state(&rw), WRITER);
	go_rwmutex_unlock(&rw);
	EXPECT_EQ(rw_state(&rw), 0);
	EXPECT_EQ(go_rwmutex_rlock_timeout(&rw, LONG), 0);
	EXPECT_EQ(go_rwmutex_rlock_timeout(&rw, 0), 0);
	start = now_ns();
	EXPECT_EQ(go_rwmutex_lock_timeout(&rw, 5 * MS), -ETIMEDOUT);
	EXPECT(now_ns() - start >= 5 * MS);
	EXPECT_EQ(mutex_state(&rw.private_writers), 0);
	EXPECT(go_rwmutex_tryrlock(&rw));
	go_rwmutex_runlock(&rw);
	go_rwmutex_runlock(&rw);
	go_rwmutex_runlock(&rw);
	EXPECT_EQ(go_rwmutex_lock_timeout(&rw, LONG), 0);
	go_rwmutex_unlock(&rw);
	EXPECT_EQ(rw_state(&rw), 0);
	EXPECT(!rw.private_queue);
}

struct rw_late {
	struct go_rwmutex rw;
	int result;
};

static void write_in_time(void *arg)
{
	struct rw_late *l = arg;

	l->result = go_rwmutex_lock_timeout(&l->rw, MS);
}

static void read_in_time(void *arg)
{
	struct rw_late *l = arg;

	l->result = go_rwmutex_rlock_timeout(&l->rw, MS);
}

/* They were kept out by nobody else, and go in beside who reads. */
static void a_writer_that_gives_up_lets_readers_in(void)
{
	struct rw_late l = {};
	struct rw_turn r[2];
	struct party pw, pr[2];
	int i;

	hold(&late);
	go_rwmutex_rlock(&l.rw);
	party_begin(&pw, write_in_time, &l);
	WAIT_UNTIL(late.there);
	for (i = 0; i < 2; i++) {
		r[i] = (struct rw_turn){ .rw = &l.rw };
		party_begin(&pr[i], read_a_turn, &r[i]);
	}
	WAIT_UNTIL(rw_waiting_readers(&l.rw) == 2);
	let_go(&late);
	party_end(&pw);
	EXPECT_EQ(l.result, -ETIMEDOUT);
	for (i = 0; i < 2; i++)
		WAIT_UNTIL(r[i].has_it);
	go_rwmutex_runlock(&l.rw);
	for (i = 0; i < 2; i++) {
		r[i].go_on = true;
		party_end(&pr[i]);
	}
	EXPECT_EQ(rw_state(&l.rw), 0);
	EXPECT_EQ(mutex_state(&l.rw.private_writers), 0);
}

/* Whose time has passed, but who is given the lock before it could leave. */
static void who_is_late_for_an_rwmutex_but_is_given_it_has_it(void)
{
	struct rw_late l = {};
	struct party p;

	hold(&late);
	go_rwmutex_rlock(&l.rw);
	party_begin(&p, write_in_time, &l);
	WAIT_UNTIL(late.there);
	go_rwmutex_runlock(&l.rw);
	let_go(&late);
	party_end(&p);
	EXPECT_EQ(l.result, 0);
	EXPECT(!go_rwmutex_tryrlock(&l.rw));

	hold(&late);
	party_begin(&p, read_in_time, &l);
	WAIT_UNTIL(late.there);
	go_rwmutex_unlock(&l.rw);
	let_go(&late);
	party_end(&p);
	EXPECT_EQ(l.result, 0);
	EXPECT(!go_rwmutex_trylock(&l.rw));
	go_rwmutex_runlock(&l.rw);
	EXPECT_EQ(rw_state(&l.rw), 0);
}

/* The first of two readers leaves the queue: the second is still let in. */
static void a_reader_that_gives_up_leaves_the_others(void)
{
	struct rw_late l = {};
	struct rw_turn r = { .rw = &l.rw, .go_on = true };
	struct party p[2];

	hold(&late);
	go_rwmutex_lock(&l.rw);
	party_begin(&p[0], read_in_time, &l);
	WAIT_UNTIL(late.there);
	party_begin(&p[1], read_a_turn, &r);
	WAIT_UNTIL(rw_waiting_readers(&l.rw) == 2);
	let_go(&late);
	party_end(&p[0]);
	EXPECT_EQ(l.result, -ETIMEDOUT);
	EXPECT_EQ(rw_waiting_readers(&l.rw), 1);
	EXPECT(!r.has_it);
	go_rwmutex_unlock(&l.rw);
	party_end(&p[1]);
	EXPECT(r.has_it);
	EXPECT_EQ(rw_state(&l.rw), 0);
}

/* Times so short that some pass at any moment of the others. */
static void hammer_rw_timeouts(void *arg)
{
	struct rw_hammer *h = arg;
	bool writer = h->next++ % 2;
	int i;

	for (i = 0; i < 1000; i++) {
		uint64_t ns = 1 + i % 50 * 1000;

		if (writer && !go_rwmutex_lock_timeout(&h->rw, ns)) {
			count_bad(h, count_in(h, 10000));
			h->plain[0]++;
			step_aside();
			count_in(h, -10000);
			h->writes++;
			h->written++;
			go_rwmutex_unlock(&h->rw);
		} else if (!writer && !go_rwmutex_rlock_timeout(&h->rw, ns)) {
			count_bad(h, count_in(h, 1) >= 9999);
			step_aside();
			count_in(h, -1);
			go_rwmutex_runlock(&h->rw);
		}
	}
}

static void times_that_pass_leave_an_rwmutex_whole(void)
{
	struct rw_hammer h = {};

	parties_run(8, hammer_rw_timeouts, &h);
	EXPECT_EQ(h.bad, 0);
	EXPECT_EQ(h.writes, h.written);
	EXPECT_EQ(rw_state(&h.rw), 0);
	EXPECT_EQ(h.rw.private_readers, 0);
	EXPECT(!h.rw.private_queue);
	EXPECT_EQ(mutex_state(&h.rw.private_writers), 0);
}

static void write_and_free(void *arg)
{
	struct shared *s = arg;

	go_rwmutex_lock(&s->rw);
	go_rwmutex_unlock(&s->rw);
	free_shared_object(s);
}

static void read_and_free(void *arg)
{
	struct shared *s = arg;

	go_rwmutex_rlock(&s->rw);
	go_rwmutex_runlock(&s->rw);
	free_shared_object(s);
}

static void runlock_for_writer(struct shared *s)
{
	WAIT_UNTIL(rw_state(&s->rw) & PENDING);
	go_rwmutex_runlock(&s->rw);
}

static void unlock_for_reader(struct shared *s)
{
	WAIT_UNTIL(rw_waiting_readers(&s->rw) == 1);
	go_rwmutex_unlock(&s->rw);
}

static struct shared *rlocked_rwmutex(void)
{
	struct shared *s = calloc(1, sizeof(*s));

	go_rwmutex_rlock(&s->rw);
	return s;
}

static struct shared *locked_rwmutex(void)
{
	struct shared *s = calloc(1, sizeof(*s));

	go_rwmutex_lock(&s->rw);
	return s;
}

static void rw_unlocks_touch_nothing_after_the_wake(void)
{
	free_after(write_and_free, runlock_for_writer, rlocked_rwmutex());
	free_after(read_and_free, unlock_for_reader, locked_rwmutex());
}

static void the_last_to_unlock_may_free_an_rwmutex(void)
{
	free_shared(drop_rw);
}

/*
 * WaitGroup
 */

static uint64_t wg_state(const struct go_wait_group *wg)
{
	return __atomic_load_n(&wg->private_state, __ATOMIC_ACQUIRE);
}

static uint32_t wg_waiters(const struct go_wait_group *wg)
{
	return (uint32_t)wg_state(wg) / 2;
}

struct barrier {
	struct go_wait_group first, second;
	_Atomic int left;
};

static void pass_barrier(void *arg)
{
	struct barrier *b = arg;

	go_wait_group_done(&b->first);
	go_wait_group_wait(&b->second);
	b->left++;
}

static void barrier_holds(struct barrier *b)
{
	struct party p[16];
	int i;

	b->left = 0;
	go_wait_group_add(&b->first, 16);
	go_wait_group_add(&b->second, 16);
	for (i = 0; i < 16; i++)
		party_begin(&p[i], pass_barrier, b);
	go_wait_group_wait(&b->first);
	for (i = 0; i < 16; i++) {
		EXPECT_EQ(b->left, 0);
		go_wait_group_done(&b->second);
	}
	for (i = 0; i < 16; i++)
		party_end(&p[i]);
	EXPECT_EQ(b->left, 16);
}

/* Go's TestWaitGroup. */
static void a_wait_group_is_a_barrier_again_and_again(void)
{
	struct barrier b = {};
	int i;

	for (i = 0; i < 8; i++)
		barrier_holds(&b);
	EXPECT_EQ(wg_state(&b.first), 0);
	EXPECT_EQ(wg_state(&b.second), 0);
}

/* The group lives in the frame of who waits: nobody may touch it when that goes on. */
struct on_stack {
	struct go_wait_group wg;
	int plain[2];
};

static void set_first(void *arg)
{
	struct on_stack *s = arg;

	s->plain[0] = 1;
	go_wait_group_done(&s->wg);
}

static void set_second(void *arg)
{
	struct on_stack *s = arg;

	s->plain[1] = 1;
	go_wait_group_done(&s->wg);
}

static void what_was_done_is_seen_and_the_group_may_go(void)
{
	struct on_stack *s;
	struct party p[2];
	int i;

	for (i = 0; i < 1000; i++) {
		s = calloc(1, sizeof(*s));
		go_wait_group_add(&s->wg, 2);
		party_begin(&p[0], set_first, s);
		party_begin(&p[1], set_second, s);
		go_wait_group_wait(&s->wg);
		EXPECT_EQ(s->plain[0] + s->plain[1], 2);
		free(s);
		party_end(&p[0]);
		party_end(&p[1]);
	}
}

static void wait_and_free(void *arg)
{
	struct shared *s = arg;

	go_wait_group_wait(&s->wg);
	free_shared_object(s);
}

static void done_for_one(struct shared *s)
{
	WAIT_UNTIL(wg_waiters(&s->wg) == 1);
	go_wait_group_done(&s->wg);
}

static void done_touches_nothing_after_the_wake(void)
{
	struct shared *s = calloc(1, sizeof(*s));

	go_wait_group_add(&s->wg, 1);
	free_after(wait_and_free, done_for_one, s);
}

struct late_wait {
	struct go_wait_group wg;
	int result;
};

static void wait_in_time(void *arg)
{
	struct late_wait *l = arg;

	l->result = go_wait_group_wait_timeout(&l->wg, MS);
}

static void a_wait_that_is_late_but_woken_has_waited(void)
{
	struct late_wait l = {};
	struct party p;

	hold(&late);
	go_wait_group_add(&l.wg, 1);
	party_begin(&p, wait_in_time, &l);
	WAIT_UNTIL(late.there);
	go_wait_group_done(&l.wg);
	EXPECT_EQ(wg_state(&l.wg), 0);
	let_go(&late);
	party_end(&p);
	EXPECT_EQ(l.result, 0);
	EXPECT_EQ(wg_state(&l.wg), 0);
	EXPECT(!l.wg.private_queue);
}

static void wait_for_group(void *arg)
{
	go_wait_group_wait(arg);
}

static void who_waits_just_as_the_last_is_done_does_not_wait(void)
{
	struct late_wait l = {};
	struct party p;

	go_wait_group_add(&l.wg, 1);
	hold(&about_to_wait);
	party_begin(&p, wait_for_group, &l.wg);
	WAIT_UNTIL(about_to_wait.there);
	go_wait_group_done(&l.wg);
	let_go(&about_to_wait);
	party_end(&p);
	EXPECT_EQ(wg_state(&l.wg), 0);
	EXPECT(!l.wg.private_queue);
}

/* The lock of the queue is held by another who leaves: that is no new use. */
static void who_leaves_while_others_leave_does_not_panic(void)
{
	struct late_wait l = {};
	struct party p;

	go_wait_group_add(&l.wg, 1);
	party_begin(&p, wait_for_group, &l.wg);
	WAIT_UNTIL(wg_waiters(&l.wg) == 1);
	hold(&woken);
	go_wait_group_done(&l.wg);
	WAIT_UNTIL(woken.there);
	__atomic_fetch_or(&l.wg.private_state, 1, __ATOMIC_ACQUIRE);
	let_go(&woken);
	party_end(&p);
	EXPECT_EQ(wg_state(&l.wg), 1);
}

static void all_who_wait_go_on_together(void)
{
	struct go_wait_group wg = {};
	struct party p[5];
	int i;

	go_wait_group_wait(&wg);
	go_wait_group_add(&wg, 3);
	for (i = 0; i < 5; i++)
		party_begin(&p[i], wait_for_group, &wg);
	WAIT_UNTIL(wg_waiters(&wg) == 5);
	go_wait_group_done(&wg);
	go_wait_group_add(&wg, 2);
	go_wait_group_add(&wg, -3);
	EXPECT_EQ(wg_waiters(&wg), 5);
	go_wait_group_done(&wg);
	for (i = 0; i < 5; i++)
		party_end(&p[i]);
	EXPECT_EQ(wg_state(&wg), 0);
}

static void a_wait_with_a_time_leaves_the_group(void)
{
	struct go_wait_group wg = {};
	uint64_t start = now_ns();
	struct party p;

	EXPECT_EQ(go_wait_group_wait_timeout(&wg, 0), 0);
	go_wait_group_add(&wg, 1);
	EXPECT_EQ(go_wait_group_wait_timeout(&wg, 0), -ETIMEDOUT);
	EXPECT_EQ(go_wait_group_wait_timeout(&wg, 5 * MS), -ETIMEDOUT);
	EXPECT(now_ns() - start >= 5 * MS);
	EXPECT_EQ(wg_waiters(&wg), 0);
	party_begin(&p, wait_for_group, &wg);
	WAIT_UNTIL(wg_waiters(&wg) == 1);
	EXPECT_EQ(go_wait_group_wait_timeout(&wg, MS), -ETIMEDOUT);
	EXPECT_EQ(wg_waiters(&wg), 1);
	go_wait_group_done(&wg);
	EXPECT_EQ(go_wait_group_wait_timeout(&wg, LONG), 0);
	party_end(&p);
	EXPECT_EQ(wg_state(&wg), 0);
}

struct late {
	struct go_wait_group wg;
	_Atomic int round, waiting, in_time, late;
};

static void wait_a_little(void *arg)
{
	struct late *l = arg;
	int r, i;

	for (i = 1; i <= 500; i++) {
		WAIT_UNTIL(l->round == i);
		r = go_wait_group_wait_timeout(&l->wg, i % 50 * 1000);
		if (r)
			l->late++;
		else
			l->in_time++;
		l->waiting--;
	}
}

/* Times that pass while the last is done: each wait ends once, one way or the other. */
static void times_pass_while_the_last_is_done(void)
{
	struct late l = {};
	struct party p[4];
	int i;

	for (i = 0; i < 4; i++)
		party_begin(&p[i], wait_a_little, &l);
	for (i = 1; i <= 500; i++) {
		go_wait_group_add(&l.wg, 1);
		l.waiting = 4;
		l.round = i;
		let_pass(i % 40 * 1000);
		go_wait_group_done(&l.wg);
		WAIT_UNTIL(!l.waiting);
		if (wg_state(&l.wg) || l.wg.private_queue)
			break;
	}
	EXPECT_EQ(wg_state(&l.wg), 0);
	EXPECT(!l.wg.private_queue);
	for (i = 0; i < 4; i++)
		party_end(&p[i]);
	EXPECT_EQ(l.late + l.in_time, 2000);
}

/*
 * Once
 */

#define ONCE_QUEUE	4u

struct once_test {
	struct go_once once;
	int calls;			/* plain: who returns from go_once_do() sees it */
	_Atomic bool go_on, inside;
	_Atomic int returned, bad;
};

static void count_call(void *arg)
{
	((struct once_test *)arg)->calls++;
}

static void do_once(void *arg)
{
	struct once_test *o = arg;

	go_once_do(&o->once, count_call, o);
	o->bad += o->calls != 1;
}

static void once_is_once_among_many(void)
{
	struct once_test *o;
	int i;

	for (i = 0; i < 100; i++) {
		o = calloc(1, sizeof(*o));
		parties_run(10, do_once, o);
		EXPECT_EQ(o->calls, 1);
		EXPECT_EQ(o->bad, 0);
		free(o);
	}
}

static void stay_inside(void *arg)
{
	struct once_test *o = arg;

	o->inside = true;
	WAIT_UNTIL(o->go_on);
	o->calls++;
}

static void do_slowly(void *arg)
{
	struct once_test *o = arg;

	go_once_do(&o->once, stay_inside, o);
	o->bad += o->calls != 1;
	o->returned++;
}

static bool once_has_waiters(struct go_once *once)
{
	bool some;

	libchan_sleepers_lock(&once->private_state, ONCE_QUEUE);
	some = once->private_queue;
	libchan_sleepers_unlock(&once->private_state, ONCE_QUEUE);
	return some;
}

static void the_second_waits_for_the_first(void)
{
	struct once_test o = {};
	struct party p[3];
	int i;

	party_begin(&p[0], do_slowly, &o);
	WAIT_UNTIL(o.inside);
	for (i = 1; i < 3; i++)
		party_begin(&p[i], do_slowly, &o);
	WAIT_UNTIL(once_has_waiters(&o.once));
	EXPECT_EQ(o.returned, 0);
	o.go_on = true;
	for (i = 0; i < 3; i++)
		party_end(&p[i]);
	EXPECT_EQ(o.returned, 3);
	EXPECT_EQ(o.bad, 0);
}

static void ignore(void *arg)
{
	(void)arg;
}

static void do_and_free(void *arg)
{
	struct shared *s = arg;

	go_once_do(&s->once, ignore, s);
	free_shared_object(s);
}

static void stay_until_another_waits(void *arg)
{
	struct shared *s = arg;

	s->ready = true;
	WAIT_UNTIL(once_has_waiters(&s->once));
}

static void wait_until_ready_and_do(void *arg)
{
	struct shared *s = arg;

	WAIT_UNTIL(s->ready);
	do_and_free(s);
}

static void do_for_one(struct shared *s)
{
	go_once_do(&s->once, stay_until_another_waits, s);
}

static void do_touches_nothing_after_the_wake(void)
{
	free_after(wait_until_ready_and_do, do_for_one, calloc(1, sizeof(struct shared)));
}

static jmp_buf after_panic;

static void jump(const char *message)
{
	if (!strcmp(message, "of once"))
		longjmp(after_panic, 1);
}

static void panic_once(void *arg)
{
	count_call(arg);
	go_panic("of once");
}

static void a_panic_counts_as_done(void)
{
	static struct once_test o;

	go_set_panic_handler(jump);
	if (!setjmp(after_panic)) {
		go_once_do(&o.once, panic_once, &o);
		EXPECT(!"it has panicked");
	}
	go_set_panic_handler(NULL);
	go_once_do(&o.once, count_call, &o);
	EXPECT_EQ(o.calls, 1);
}

static void exit_once(void *arg)
{
	count_call(arg);
	((struct once_test *)arg)->inside = true;
	go_exit();
}

static void do_exit(void *arg)
{
	struct once_test *o = arg;

	go_once_do(&o->once, exit_once, o);
}

static void the_end_of_a_goroutine_counts_as_done(void)
{
	struct once_test o = {};

	if (go_start(do_exit, &o))
		abort();
	WAIT_UNTIL(o.inside);
	go_once_do(&o.once, count_call, &o);
	EXPECT_EQ(o.calls, 1);
}

/*
 * Cond
 */

struct cond_test {
	struct go_mutex m;
	struct go_cond c;
	int waiting, woken;		/* the mutex */
	int tokens;
	int order[16];
	uint64_t timeout;
	_Atomic bool ended;
};

static void wait_signal(void *arg)
{
	struct cond_test *t = arg;
	int mine;

	go_mutex_lock(&t->m);
	mine = t->waiting++;
	go_cond_wait(&t->c, &t->m);
	EXPECT(!go_mutex_trylock(&t->m));
	t->order[t->woken++] = mine;
	go_mutex_unlock(&t->m);
}

static int locked_value(struct cond_test *t, const int *value)
{
	int v;

	go_mutex_lock(&t->m);
	v = *value;
	go_mutex_unlock(&t->m);
	return v;
}

/* They have counted themselves with the mutex locked, and then wait in one step. */
static void start_waiters(struct cond_test *t, struct party *p, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		party_begin(&p[i], wait_signal, t);
		WAIT_UNTIL(locked_value(t, &t->waiting) == i + 1);
	}
}

static void a_signal_wakes_who_has_waited_longest(void)
{
	struct cond_test t = {};
	struct party p[8];
	int i;

	go_cond_signal(&t.c);
	go_cond_broadcast(&t.c);
	start_waiters(&t, p, 8);
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(locked_value(&t, &t.woken), i);
		go_cond_signal(&t.c);
		WAIT_UNTIL(locked_value(&t, &t.woken) == i + 1);
		EXPECT_EQ(t.order[i], i);
	}
	for (i = 0; i < 8; i++)
		party_end(&p[i]);
	go_cond_signal(&t.c);
	EXPECT_EQ(t.c.private_state, 0);
}

static void a_broadcast_wakes_all(void)
{
	struct cond_test t = {};
	struct party p[8];
	int i;

	start_waiters(&t, p, 8);
	go_mutex_lock(&t.m);
	go_cond_broadcast(&t.c);
	EXPECT_EQ(t.woken, 0);
	go_mutex_unlock(&t.m);
	for (i = 0; i < 8; i++)
		party_end(&p[i]);
	EXPECT_EQ(t.woken, 8);
}

static void a_signal_for_nobody_is_not_kept(void)
{
	struct cond_test t = {};
	uint64_t start = now_ns();

	go_cond_signal(&t.c);
	go_mutex_lock(&t.m);
	EXPECT_EQ(go_cond_wait_timeout(&t.c, &t.m, 5 * MS), -ETIMEDOUT);
	EXPECT(now_ns() - start >= 5 * MS);
	EXPECT(!go_mutex_trylock(&t.m));
	go_mutex_unlock(&t.m);
	EXPECT_EQ(t.c.private_state, 0);
	EXPECT(!t.c.private_queue);
}

static void take_tokens(void *arg)
{
	struct cond_test *t = arg;

	go_mutex_lock(&t->m);
	while (t->woken < 4000) {
		if (t->tokens) {
			t->tokens--;
			t->woken++;
		} else {
			go_cond_wait(&t->c, &t->m);
		}
	}
	go_mutex_unlock(&t->m);
	go_cond_broadcast(&t->c);
}

static void give_tokens(void *arg)
{
	struct cond_test *t = arg;
	int i;

	for (i = 0; i < 2000; i++) {
		go_mutex_lock(&t->m);
		t->tokens++;
		go_mutex_unlock(&t->m);
		go_cond_signal(&t->c);
	}
}

/* A lost signal would leave a token there and all who take them asleep. */
static void each_signal_is_somebodys(void)
{
	struct cond_test t = {};
	struct party p[8];
	int i;

	for (i = 0; i < 6; i++)
		party_begin(&p[i], take_tokens, &t);
	for (i = 6; i < 8; i++)
		party_begin(&p[i], give_tokens, &t);
	for (i = 7; i >= 0; i--)
		party_end(&p[i]);
	EXPECT_EQ(t.woken, 4000);
	EXPECT_EQ(t.tokens, 0);
	EXPECT(!t.c.private_queue);
}

static void wait_or_give_up(void *arg)
{
	struct cond_test *t = arg;
	int r;

	go_mutex_lock(&t->m);
	t->waiting++;
	r = go_cond_wait_timeout(&t->c, &t->m, t->timeout);
	t->woken += !r;
	t->tokens = !r;
	go_mutex_unlock(&t->m);
	t->ended = true;
}

/* One signal, and two who wait, the first of whom gives up just then. */
static void a_signal_goes_to_the_next_if_the_first_has_given_up(void)
{
	struct cond_test t;
	struct party p[2];
	int i;

	for (i = 0; i < 300; i++) {
		t = (struct cond_test){ .timeout = (20 + i % 60) * 1000 };
		party_begin(&p[0], wait_or_give_up, &t);
		WAIT_UNTIL(locked_value(&t, &t.waiting) == 1);
		party_begin(&p[1], wait_signal, &t);
		WAIT_UNTIL(locked_value(&t, &t.waiting) == 2);
		go_cond_signal(&t.c);
		WAIT_UNTIL(t.ended);
		WAIT_UNTIL(locked_value(&t, &t.woken) == 1);
		go_cond_signal(&t.c);
		party_end(&p[0]);
		party_end(&p[1]);
		EXPECT_EQ(t.woken, 1 + t.tokens);
		EXPECT(!t.c.private_queue);
	}
}

struct late_signal {
	struct go_mutex m;
	struct go_cond c;
	int result;
};

static void wait_signal_in_time(void *arg)
{
	struct late_signal *l = arg;

	go_mutex_lock(&l->m);
	l->result = go_cond_wait_timeout(&l->c, &l->m, MS);
	go_mutex_unlock(&l->m);
}

static void a_wait_that_is_late_but_signalled_was_signalled(void)
{
	struct late_signal l = {};
	struct party p;

	hold(&late);
	party_begin(&p, wait_signal_in_time, &l);
	WAIT_UNTIL(late.there);
	go_cond_signal(&l.c);
	EXPECT(!l.c.private_queue);
	let_go(&late);
	party_end(&p);
	EXPECT_EQ(l.result, 0);
	EXPECT_EQ(l.c.private_state, 0);
	EXPECT(!l.c.private_queue);
}

static void wait_signal_and_free(void *arg)
{
	struct shared *s = arg;

	go_mutex_lock(&s->m);
	s->ready = true;
	go_cond_wait(&s->c, &s->m);
	go_mutex_unlock(&s->m);
	free_shared_object(s);
}

static void wait_until_it_waits(struct shared *s)
{
	WAIT_UNTIL(s->ready);
	go_mutex_lock(&s->m);
	go_mutex_unlock(&s->m);
}

static void signal_one(struct shared *s)
{
	wait_until_it_waits(s);
	go_cond_signal(&s->c);
}

static void broadcast_to_one(struct shared *s)
{
	wait_until_it_waits(s);
	go_cond_broadcast(&s->c);
}

static void signals_touch_nothing_after_the_wake(void)
{
	free_after(wait_signal_and_free, signal_one, calloc(1, sizeof(struct shared)));
	free_after(wait_signal_and_free, broadcast_to_one, calloc(1, sizeof(struct shared)));
}

/* Go's TestCondRace: three who pass a number on. */
struct relay {
	struct go_mutex m;
	struct go_cond c;
	int x;
	_Atomic int next;
};

static void relay_run(void *arg)
{
	struct relay *r = arg;
	int mine = r->next++;

	go_mutex_lock(&r->m);
	while (r->x < 300) {
		if (r->x % 3 == mine) {
			r->x++;
			go_cond_broadcast(&r->c);
		} else {
			go_cond_wait(&r->c, &r->m);
		}
	}
	go_mutex_unlock(&r->m);
}

static void three_pass_a_number_on(void)
{
	struct relay r = {};

	parties_run(3, relay_run, &r);
	EXPECT(r.x >= 300);
}

/*
 * Misuse
 */

static void unlock_unlocked(void)
{
	struct go_mutex m = {};

	go_mutex_unlock(&m);
}

static void unlock_twice(void)
{
	struct go_mutex m = {};

	go_mutex_lock(&m);
	go_mutex_unlock(&m);
	go_mutex_unlock(&m);
}

static void wait_unlocked(void)
{
	struct go_mutex m = {};
	struct go_cond c = {};

	go_cond_wait(&c, &m);
}

static void rw_unlock_unlocked(void)
{
	struct go_rwmutex rw = {};

	go_rwmutex_unlock(&rw);
}

static void rw_unlock_of_reader(void)
{
	struct go_rwmutex rw = {};

	go_rwmutex_rlock(&rw);
	go_rwmutex_unlock(&rw);
}

static void rw_unlock_twice(void)
{
	struct go_rwmutex rw = {};

	go_rwmutex_lock(&rw);
	go_rwmutex_unlock(&rw);
	go_rwmutex_unlock(&rw);
}

static void runlock_unlocked(void)
{
	struct go_rwmutex rw = {};

	go_rwmutex_runlock(&rw);
}

static void runlock_of_writer(void)
{
	struct go_rwmutex rw = {};

	go_rwmutex_lock(&rw);
	go_rwmutex_runlock(&rw);
}

static void runlock_twice(void)
{
	struct go_rwmutex rw = {};

	go_rwmutex_rlock(&rw);
	go_rwmutex_runlock(&rw);
	go_rwmutex_runlock(&rw);
}

static void done_too_often(void)
{
	struct go_wait_group wg = {};

	go_wait_group_add(&wg, 1);
	go_wait_group_done(&wg);
	go_wait_group_done(&wg);
}

static void add_too_many(void)
{
	struct go_wait_group wg = {};

	go_wait_group_add(&wg, INT32_MAX);
	go_wait_group_add(&wg, 1);
}

/* Between two steps of the last who is done: not to be met with for certain otherwise. */
static void add_in_the_middle(void)
{
	struct go_wait_group wg = { .private_state = 3 };

	go_wait_group_add(&wg, 1);
}

static struct go_wait_group reused;

static void wait_reused(void *arg)
{
	(void)arg;
	go_wait_group_wait(&reused);
}

/* With one proc, who was woken doesn't run before the caller lets it. */
static void reuse_main(void *arg)
{
	(void)arg;
	go_wait_group_add(&reused, 1);
	if (go_start(wait_reused, NULL))
		abort();
	WAIT_UNTIL(wg_waiters(&reused) == 1);
	go_wait_group_done(&reused);
	go_wait_group_add(&reused, 1);
	go_yield();
	go_wait_group_wait(&reused);
}

static void reuse_early(void)
{
	go_procs(1);
	go_run(reuse_main, NULL);
}

static const struct misuse misuses[] = {
	{ "unlock", unlock_unlocked, "fatal error: sync: unlock of unlocked mutex\n" },
	{ "unlock twice", unlock_twice, "fatal error: sync: unlock of unlocked mutex\n" },
	{ "cond wait", wait_unlocked, "fatal error: sync: unlock of unlocked mutex\n" },
	{ "rw unlock", rw_unlock_unlocked, "fatal error: sync: Unlock of unlocked RWMutex\n" },
	{ "rw unlock of reader", rw_unlock_of_reader,
	  "fatal error: sync: Unlock of unlocked RWMutex\n" },
	{ "rw unlock twice", rw_unlock_twice, "fatal error: sync: Unlock of unlocked RWMutex\n" },
	{ "runlock", runlock_unlocked, "fatal error: sync: RUnlock of unlocked RWMutex\n" },
	{ "runlock of writer", runlock_of_writer,
	  "fatal error: sync: RUnlock of unlocked RWMutex\n" },
	{ "runlock twice", runlock_twice, "fatal error: sync: RUnlock of unlocked RWMutex\n" },
	{ "done", done_too_often, "panic: sync: negative WaitGroup counter\n" },
	{ "add", add_too_many, "panic: sync: negative WaitGroup counter\n" },
	{ "add in wait", add_in_the_middle,
	  "panic: sync: WaitGroup misuse: Add called concurrently with Wait\n" },
	{ "reuse", reuse_early,
	  "panic: sync: WaitGroup is reused before previous Wait has returned\n" },
};

static void misuse_ends_the_program_with_the_words_of_go(void)
{
	size_t i;

	for (i = 0; i < ARRAY(misuses); i++)
		misuse_ends_the_process(&misuses[i]);
}

int main(int argc, char **argv)
{
	misuse_if_asked(argc, argv, misuses, ARRAY(misuses));
	printf("TAP version 13\n");
	TEST(a_mutex_of_zeroes_is_unlocked);
	TEST_EACH(lock_waits_for_unlock);
	TEST_EACH(who_comes_just_as_it_is_unlocked_does_not_wait);
	TEST_EACH(ten_times_ten_thousand_locks_exclude_each_other);
	TEST_EACH(who_gives_up_loses_no_wake_up);
	TEST_EACH(who_waits_gets_its_turn_in_a_bounded_number_of_rounds);
	TEST_EACH(who_starves_is_given_the_mutex_before_any_newcomer);
	TEST_EACH(who_was_passed_over_stays_the_first);
	TEST(a_time_that_passes_leaves_no_trace);
	TEST_EACH(the_last_who_starves_ends_that_by_giving_up);
	TEST_EACH(who_is_woken_too_late_and_gives_up_passes_it_on);
	TEST_EACH(who_is_woken_too_late_takes_what_is_free);
	TEST_EACH(unlock_touches_nothing_after_the_wake);
	TEST_EACH(the_last_to_unlock_may_free_a_mutex);
	TEST(readers_share_and_writers_dont);
	TEST_EACH(readers_and_writers_exclude_each_other);
	TEST_EACH(many_read_at_once);
	TEST_EACH(a_writer_that_waits_keeps_new_readers_out);
	TEST_EACH(a_reader_that_comes_just_before_a_writer_is_seen);
	TEST_EACH(readers_that_wait_come_before_the_next_writer);
	TEST(an_rwmutex_waits_no_longer_than_it_may);
	TEST_EACH(a_writer_that_gives_up_lets_readers_in);
	TEST_EACH(who_is_late_for_an_rwmutex_but_is_given_it_has_it);
	TEST_EACH(a_reader_that_gives_up_leaves_the_others);
	TEST_EACH(times_that_pass_leave_an_rwmutex_whole);
	TEST_EACH(rw_unlocks_touch_nothing_after_the_wake);
	TEST_EACH(the_last_to_unlock_may_free_an_rwmutex);
	TEST_EACH(a_wait_group_is_a_barrier_again_and_again);
	TEST_EACH(what_was_done_is_seen_and_the_group_may_go);
	TEST_EACH(done_touches_nothing_after_the_wake);
	TEST_EACH(a_wait_that_is_late_but_woken_has_waited);
	TEST_EACH(who_waits_just_as_the_last_is_done_does_not_wait);
	TEST_EACH(who_leaves_while_others_leave_does_not_panic);
	TEST_EACH(all_who_wait_go_on_together);
	TEST_EACH(a_wait_with_a_time_leaves_the_group);
	TEST_EACH(times_pass_while_the_last_is_done);
	TEST_EACH(once_is_once_among_many);
	TEST_EACH(the_second_waits_for_the_first);
	TEST_EACH(do_touches_nothing_after_the_wake);
	TEST(a_panic_counts_as_done);
	TEST(the_end_of_a_goroutine_counts_as_done);
	TEST_EACH(a_signal_wakes_who_has_waited_longest);
	TEST_EACH(a_broadcast_wakes_all);
	TEST_EACH(a_signal_for_nobody_is_not_kept);
	TEST_EACH(each_signal_is_somebodys);
	TEST_EACH(a_signal_goes_to_the_next_if_the_first_has_given_up);
	TEST_EACH(a_wait_that_is_late_but_signalled_was_signalled);
	TEST_EACH(signals_touch_nothing_after_the_wake);
	TEST_EACH(three_pass_a_number_on);
	TEST(misuse_ends_the_program_with_the_words_of_go);
	return test_result();
}
