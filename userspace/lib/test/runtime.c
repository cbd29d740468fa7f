// SPDX-License-Identifier: GPL-2.0
/*
 * The goroutine runtime without channels: scheduler, waiters, timers, stacks, fork. Built
 * together with the library's sources. Prints TAP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gochan.h>

#include "../runtime.h"
#include "../sanitize.h"

#define MS		1000000ULL
#define LONG		(600 * 1000 * MS)	/* never in a test that works */
#define ARRAY(a)	(sizeof(a) / sizeof((a)[0]))

static int failures;	/* atomic */

#define EXPECT(cond) do {							\
	if (!(cond)) {								\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);		\
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);		\
	}									\
} while (0)

#define EXPECT_EQ(a, b) do {							\
	long long a_ = (a), b_ = (b);						\
	if (a_ != b_) {								\
		printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__,	\
		       #a, a_, b_);						\
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);		\
	}									\
} while (0)

#define get(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define set(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define add(p, v)	__atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)

/* ThreadSanitizer takes each goroutine for a thread, of which it has only so many. */
static int many(int n)
{
	return __tsan_create_fiber && n > 1000 ? 1000 : n;
}

static void step_aside(void)
{
	if (go_id())
		go_yield();
	else
		sched_yield();
}

#define WAIT_UNTIL(cond) do {							\
	while (!(cond))								\
		step_aside();							\
} while (0)

static void start(void (*fn)(void *arg), void *arg)
{
	if (go_start(fn, arg))
		abort();
}

static void count_up(void *arg)
{
	add((int *)arg, 1);
}

/* Goroutines end a little later than what they do. */
static void wait_until_alone(void)
{
	WAIT_UNTIL(go_num() == (go_id() ? 1 : 0));
}

/* Each test begins and ends without goroutines, and with so many procs. */
static void run_with(unsigned int procs, void (*fn)(void *arg), void *arg)
{
	unsigned int before = go_procs(procs);

	go_run(fn, arg);
	wait_until_alone();
	go_procs(before);
}

/*
 * Begin and end
 */

static void goroutines_run_and_end(void)
{
	int n = 0, i;

	EXPECT_EQ(go_id(), 0);
	for (i = 0; i < 100; i++)
		start(count_up, &n);
	WAIT_UNTIL(get(&n) == 100);
	wait_until_alone();
}

static void note_id(void *arg)
{
	EXPECT_EQ(go_num() > 0, 1);
	set((uint64_t *)arg, go_id());
}

static void start_one_each(void *arg)
{
	uint64_t *ids = arg;
	int i;

	for (i = 0; i < 50; i++)
		start(note_id, &ids[i]);
}

/* Started by plain threads, and by goroutines on several procs. */
static void ids_are_never_given_twice(void)
{
	uint64_t ids[300] = { 0 };
	size_t i, j;

	for (i = 0; i < 100; i++)
		start(note_id, &ids[i]);
	for (; i < ARRAY(ids); i += 50)
		start(start_one_each, &ids[i]);
	for (i = 0; i < ARRAY(ids); i++)
		WAIT_UNTIL(get(&ids[i]));
	for (i = 0; i < ARRAY(ids); i++)
		for (j = 0; j < i; j++)
			EXPECT(ids[i] != ids[j]);
	wait_until_alone();
}

struct big {
	long long numbers[50];
};

static int sum_of_copy;

static void sum_up(void *arg)
{
	const struct big *big = arg;
	size_t i;
	int sum = 0;

	EXPECT_EQ((uintptr_t)arg % 16, 0);
	go_yield();
	for (i = 0; i < ARRAY(big->numbers); i++)
		sum += big->numbers[i];
	set(&sum_of_copy, sum);
}

static void an_argument_is_copied(void)
{
	struct big big;
	size_t i;

	for (i = 0; i < ARRAY(big.numbers); i++)
		big.numbers[i] = i;
	set(&sum_of_copy, -1);
	EXPECT_EQ(go_start_copy(sum_up, &big, sizeof(big)), 0);
	memset(&big, 0xff, sizeof(big));
	WAIT_UNTIL(get(&sum_of_copy) != -1);
	EXPECT_EQ(sum_of_copy, 49 * 50 / 2);
	wait_until_alone();
	EXPECT_EQ(go_start_copy(sum_up, &big, 1 << 30), -EINVAL);
	EXPECT_EQ(go_num(), 0);
}

static int told, parameters;

static int next(void)
{
	return ++told;
}

go_func(takes_none)
{
	add(&parameters, 1);
}

go_func(takes_one, (int, a))
{
	EXPECT_EQ(a, 1);
	add(&parameters, 1);
}

go_func(takes_eight, (int, a), (char, b), (const char *, c), (double, d), (long long, e),
	(struct big, f), (short, g), (int *, h))
{
	EXPECT(a == 1 && b == 2 && !strcmp(c, "three") && d == 4.5 && e == 5);
	EXPECT(f.numbers[49] == 6 && g == 7);
	add(h, 1);
}

static void go_starts_what_go_func_defines(void)
{
	struct big six = { .numbers[49] = 6 };

	go(takes_none);
	go(takes_one, next());
	EXPECT_EQ(told, 1);
	go(takes_eight, 1, 2, "three", 4.5, 5, six, 7, &parameters);
	WAIT_UNTIL(get(&parameters) == 3);
	takes_one(1);
	takes_none();
	EXPECT_EQ(parameters, 5);
	wait_until_alone();
}

/*
 * Waiters
 */

struct link {
	struct libchan_waiter waiter;
	struct link *next;
	int *ended;
};

static void pass_on(void *arg)
{
	struct link *link = arg;

	EXPECT_EQ(libchan_waiter_wait(&link->waiter, LIBCHAN_NEVER), 0);
	if (link->next)
		libchan_waiter_wake(&link->next->waiter);
	add(link->ended, 1);
}

static void chain(void *arg)
{
	int n = *(int *)arg, ended = 0, i;
	struct link *links = calloc(n, sizeof(*links));

	for (i = 0; i < n; i++) {
		libchan_waiter_init(&links[i].waiter, "chain");
		links[i].next = i ? &links[i - 1] : NULL;
		links[i].ended = &ended;
		start(pass_on, &links[i]);
	}
	libchan_waiter_wake(&links[n - 1].waiter);
	WAIT_UNTIL(get(&ended) == n);
	free(links);
}

static void ten_thousand_in_a_chain_wake_each_other(void)
{
	int n = many(10000);

	run_with(1, chain, &n);
	run_with(4, chain, &n);
}

static void a_wake_may_come_first(void)
{
	struct libchan_waiter w;

	libchan_waiter_init(&w, "test");
	libchan_waiter_wake(&w);
	EXPECT_EQ(libchan_waiter_wait(&w, LIBCHAN_NEVER), 0);
	EXPECT_EQ(libchan_waiter_wait(&w, 0), 0);
}

static void time_passes(void *arg)
{
	struct libchan_waiter w;
	uint64_t begin = libchan_now();

	(void)arg;
	libchan_waiter_init(&w, "test");
	EXPECT_EQ(libchan_waiter_wait(&w, 0), -ETIMEDOUT);
	EXPECT_EQ(libchan_waiter_wait(&w, begin + 10 * MS), -ETIMEDOUT);
	EXPECT(libchan_now() >= begin + 10 * MS);
	libchan_waiter_wake(&w);
	EXPECT_EQ(libchan_waiter_wait(&w, LIBCHAN_NEVER), 0);
}

static void a_wait_ends_with_its_time_and_can_go_on(void)
{
	time_passes(NULL);
	run_with(1, time_passes, NULL);
}

/* The steps of park.c one by one: each party does its part, in every order. */
static void a_waiter_is_claimed_once(void)
{
	struct libchan_task *me = (struct libchan_task *)&failures;
	struct libchan_waiter w = { .task = me };

	/* Parked, then woken, then late. */
	EXPECT(libchan_waiter_park(&w));
	EXPECT(libchan_waiter_claim(&w) == me);
	EXPECT(!libchan_waiter_late(&w));
	EXPECT(!libchan_waiter_was_late(&w));
	EXPECT(libchan_waiter_is_woken(&w));

	/* Parked, then late, then woken. */
	w = (struct libchan_waiter){ .task = me };
	EXPECT(libchan_waiter_park(&w));
	EXPECT(libchan_waiter_late(&w));
	EXPECT(!libchan_waiter_claim(&w));
	EXPECT(!libchan_waiter_was_late(&w));
	EXPECT(libchan_waiter_is_woken(&w));

	/* Late or woken on the way. */
	w = (struct libchan_waiter){ .task = me };
	EXPECT(!libchan_waiter_late(&w));
	EXPECT(!libchan_waiter_park(&w));
	EXPECT(libchan_waiter_was_late(&w));
	EXPECT(libchan_waiter_park(&w));
	w = (struct libchan_waiter){ .task = me };
	EXPECT(!libchan_waiter_claim(&w));
	EXPECT(!libchan_waiter_late(&w));
	EXPECT(!libchan_waiter_park(&w));
}

/* Two threads at once, one of which parks. */
static struct libchan_waiter contested;
static int turn, claims, parks;

static void *be_late(void *arg)
{
	int i, k;

	for (i = 1; i <= *(int *)arg; i++) {
		while (get(&turn) < i)
			;
		for (k = i % 64; k; k--)
			__asm__ volatile("");
		if (i % 2 ? libchan_waiter_late(&contested) :
			    libchan_waiter_claim(&contested) != NULL)
			claims++;
		set(&turn, -i);
	}
	return NULL;
}

static void who_parks_and_who_is_late_agree(void)
{
	int rounds = 20000, i, k;
	pthread_t thread;

	contested.task = (struct libchan_task *)&failures;
	set(&turn, 0);
	if (pthread_create(&thread, NULL, be_late, &rounds))
		abort();
	for (i = 1; i <= rounds; i++) {
		libchan_waiter_again(&contested, "test");
		claims = 0;
		set(&turn, i);
		for (k = i / 64 % 64; k; k--)
			__asm__ volatile("");
		parks = libchan_waiter_park(&contested);
		while (get(&turn) != -i)
			sched_yield();
		EXPECT_EQ(parks, claims);
		if (i % 2)
			EXPECT(libchan_waiter_was_late(&contested));
	}
	pthread_join(thread, NULL);
}

/*
 * Two that wake each other again and again, each with a new waiter, which it shows to the
 * other through a pointer. Any wake that is lost, or comes twice, ends it.
 */
struct pair {
	struct libchan_waiter *shown[2];
	int rounds;
	int ended;
	bool timed;
};

struct player {
	struct pair *pair;
	int side;
};

static void play(struct pair *pair, int side)
{
	struct libchan_waiter mine, *other;
	int i, r, mood = side;

	for (i = 0; i < pair->rounds; i++) {
		libchan_waiter_init(&mine, "pair");
		set(&pair->shown[side], &mine);
		if (mood++ % 3 == 0)
			step_aside();
		while (!(other = get(&pair->shown[!side])))
			step_aside();
		set(&pair->shown[!side], NULL);
		if (mood % 5 == 0)
			step_aside();
		libchan_waiter_wake(other);
		r = -ETIMEDOUT;
		if (pair->timed)
			r = libchan_waiter_wait(&mine, libchan_now() + mood % 7 * 1000);
		if (r)
			r = libchan_waiter_wait(&mine, LIBCHAN_NEVER);
		EXPECT_EQ(r, 0);
	}
	add(&pair->ended, 1);
}

static void play_one(void *arg)
{
	struct player *p = arg;

	play(p->pair, p->side);
	free(p);
}

static void *play_thread(void *arg)
{
	play_one(arg);
	return NULL;
}

static struct player *player(struct pair *pair, int side)
{
	struct player *p = malloc(sizeof(*p));

	*p = (struct player){ pair, side };
	return p;
}

static void play_pairs(int rounds, bool timed, bool with_threads)
{
	struct pair pairs[8] = { 0 };
	pthread_t threads[8];
	size_t i;

	for (i = 0; i < ARRAY(pairs); i++) {
		pairs[i].rounds = rounds;
		pairs[i].timed = timed;
		start(play_one, player(&pairs[i], 0));
		if (!with_threads)
			start(play_one, player(&pairs[i], 1));
		else if (pthread_create(&threads[i], NULL, play_thread, player(&pairs[i], 1)))
			abort();
	}
	for (i = 0; i < ARRAY(pairs); i++) {
		WAIT_UNTIL(get(&pairs[i].ended) == 2);
		if (with_threads)
			pthread_join(threads[i], NULL);
	}
	wait_until_alone();
}

static void no_wake_is_lost(void)
{
	unsigned int before = go_procs(1);

	play_pairs(2000, false, false);
	go_procs(4);
	play_pairs(2000, false, false);
	play_pairs(100, false, true);
	go_procs(before);
}

static void no_wake_is_lost_that_comes_when_time_is_up(void)
{
	unsigned int before = go_procs(4);

	play_pairs(500, true, false);
	play_pairs(100, true, true);
	go_procs(before);
}

/*
 * Who runs when
 */

struct fair {
	int counts[10];
	int ended;
	bool over;
};

struct runner {
	struct fair *fair;
	int i;
};

static void count_and_yield(void *arg)
{
	const struct runner *r = arg;
	struct fair *f = r->fair;
	int n;
	size_t i;

	while (!f->over) {
		n = ++f->counts[r->i];
		for (i = 0; n > 5 && i < ARRAY(f->counts); i++)
			EXPECT(f->counts[i] >= n - 2);
		f->over = f->over || n == 1000;
		go_yield();
	}
	f->ended++;
}

static void yield_fairly(void *arg)
{
	struct fair f = { 0 };
	struct runner r;
	size_t i;

	(void)arg;
	for (i = 0; i < ARRAY(f.counts); i++) {
		r = (struct runner){ &f, i };
		EXPECT_EQ(go_start_copy(count_and_yield, &r, sizeof(r)), 0);
	}
	while (f.ended != ARRAY(f.counts))
		go_yield();
}

static void yield_lets_everybody_run_in_turn(void)
{
	run_with(1, yield_fairly, NULL);
}

/* Who is woken runs next; two that only wake each other don't keep others out. */
static int third_ran, switches;

static void set_third(void *arg)
{
	(void)arg;
	third_ran = 1;
}

static void wake_until_third(void *arg)
{
	struct pair *pair = arg;
	struct libchan_waiter mine, *other;
	int side = pair->ended++;

	/* Without end, if the third never gets its turn. */
	while (!third_ran && switches < 1000) {
		if (++switches == 10)
			start(set_third, NULL);
		libchan_waiter_init(&mine, "test");
		other = pair->shown[!side];
		pair->shown[!side] = NULL;
		pair->shown[side] = &mine;
		if (other)
			libchan_waiter_wake(other);
		libchan_waiter_wait(&mine, LIBCHAN_NEVER);
	}
	if (pair->shown[!side])
		libchan_waiter_wake(pair->shown[!side]);
	pair->rounds++;
}

static void two_and_a_third(void *arg)
{
	struct pair pair = { 0 };

	(void)arg;
	third_ran = 0;
	switches = 0;
	start(wake_until_third, &pair);
	start(wake_until_third, &pair);
	while (pair.rounds != 2)
		go_yield();
	EXPECT(switches < 100);
}

static void two_that_wake_each_other_dont_keep_others_out(void)
{
	run_with(1, two_and_a_third, NULL);
}

static void start_many(void *arg)
{
	int n = 0, i;

	(void)arg;
	for (i = 0; i < 1000; i++)
		start(count_up, &n);
	EXPECT_EQ(n, 0);
	WAIT_UNTIL(get(&n) == 1000);
}

static void more_than_a_queue_holds_are_started(void)
{
	run_with(1, start_many, NULL);
}

/* It never yields: what is in its proc's queue must be stolen. */
static void hog(void *arg)
{
	int n = 0, i;

	(void)arg;
	for (i = 0; i < 100; i++)
		start(count_up, &n);
	while (get(&n) != 100)
		;
}

static void ready_goroutines_are_stolen_from_a_thread_that_is_busy(void)
{
	int i;

	for (i = 0; i < 20; i++)
		run_with(2, hog, NULL);
}

static int running, most;

static void note_running(void *arg)
{
	int i, n;

	for (i = 0; i < 20; i++) {
		n = add(&running, 1);
		if (n > get(&most))
			set(&most, n);
		sched_yield();
		add(&running, -1);
		go_yield();
	}
	add((int *)arg, 1);
}

static void as_many_run_at_once_as_there_are_procs(void)
{
	unsigned int before = go_procs(4);
	int ended = 0, i;

	EXPECT_EQ(go_procs(0), 4);
	EXPECT_EQ(go_procs(1), 4);
	EXPECT_EQ(go_procs(0), 1);
	set(&most, 0);
	for (i = 0; i < 50; i++)
		start(note_running, &ended);
	WAIT_UNTIL(get(&ended) == 50);
	EXPECT_EQ(most, 1);
	wait_until_alone();
	go_procs(before);
}

static void rest_and_count(void *arg)
{
	int i;

	for (i = 0; i < 50; i++)
		go_yield();
	add((int *)arg, 1);
}

static void the_number_of_procs_can_change_at_any_time(void)
{
	unsigned int before = go_procs(4), i;
	int ended = 0;

	for (i = 0; i < 200; i++) {
		start(rest_and_count, &ended);
		go_procs(i % 7 + 1);
	}
	WAIT_UNTIL(get(&ended) == 200);
	wait_until_alone();
	go_procs(before);
}

/*
 * Two that only yield keep one proc busy; what another has in its queue isn't left there
 * when that proc goes.
 */
struct leaver {
	int begun;
	int ended;
	int gone;
	bool over;
};

static void yield_until_over(void *arg)
{
	struct leaver *l = arg;

	add(&l->begun, 1);
	while (!get(&l->over))
		go_yield();
	add(&l->gone, 1);
}

static void start_and_leave(void *arg)
{
	struct leaver *l = arg;
	int i;

	/* The two others are on the other proc. */
	add(&l->begun, 1);
	while (get(&l->begun) != 3)
		;
	for (i = 0; i < 10; i++)
		start(count_up, &l->ended);
	go_procs(1);
	go_yield();
	WAIT_UNTIL(get(&l->ended) == 10);
	set(&l->over, true);
}

static void what_a_proc_has_does_not_go_with_it(void)
{
	unsigned int before = go_procs(2);
	struct leaver leavers[50] = { 0 }, *l;

	for (l = leavers; l < leavers + ARRAY(leavers); l++) {
		go_procs(2);
		start(start_and_leave, l);
		WAIT_UNTIL(get(&l->begun));
		start(yield_until_over, l);
		start(yield_until_over, l);
		WAIT_UNTIL(get(&l->over) && get(&l->gone) == 2);
		wait_until_alone();
	}
	go_procs(before);
}

/*
 * go_block
 */

struct pipes {
	int there[2];
	int back[2];
	int ended;
};

static void block_on_pipe(void *arg)
{
	struct pipes *p = arg;
	char c;

	go_block {
		EXPECT_EQ(read(p->there[0], &c, 1), 1);
	}
	add(&p->ended, 1);
}

static void unblock_all(void *arg)
{
	struct pipes *p = arg;
	int i;

	for (i = 0; i < 20; i++)
		start(block_on_pipe, p);
	/* They are in go_block, all of them, and this one runs on. */
	for (i = 0; i < 100; i++)
		go_yield();
	EXPECT_EQ(get(&p->ended), 0);
	for (i = 0; i < 20; i++)
		EXPECT_EQ(write(p->there[1], "x", 1), 1);
	WAIT_UNTIL(get(&p->ended) == 20);
}

static void a_thread_that_blocks_is_replaced(void)
{
	struct pipes p = { 0 };

	if (pipe(p.there))
		abort();
	run_with(1, unblock_all, &p);
	close(p.there[0]);
	close(p.there[1]);
}

static void wake_other(void *arg)
{
	libchan_waiter_wake(arg);
}

static void wait_in_block(void *arg)
{
	struct libchan_waiter w;
	pid_t thread;
	int n = 0;

	(void)arg;
	go_block {
		thread = gettid();
		go_block {
			libchan_waiter_init(&w, "test");
			start(wake_other, &w);
			EXPECT_EQ(libchan_waiter_wait(&w, LIBCHAN_NEVER), 0);
			break;
		}
		EXPECT_EQ(libchan_waiter_wait(&w, LIBCHAN_NEVER), 0);
		go_yield();
		start(count_up, &n);
		WAIT_UNTIL(get(&n) == 1);
		EXPECT_EQ(gettid(), thread);
	}
	go_yield();
}

static void in_go_block_the_thread_waits(void)
{
	run_with(1, wait_in_block, NULL);
	go_block {
		EXPECT_EQ(go_id(), 0);
	}
}

static void end_in_block(void *arg)
{
	add((int *)arg, 1);
	go_block_begin();
	go_block_begin();
}

static void a_goroutine_may_end_in_go_block(void)
{
	int n = 0, i;

	for (i = 0; i < 50; i++)
		start(end_in_block, &n);
	WAIT_UNTIL(get(&n) == 50);
	wait_until_alone();
	start(count_up, &n);
	WAIT_UNTIL(get(&n) == 51);
	wait_until_alone();
}

/*
 * Time
 */

static int order[3], ordered;

static void sleep_and_note(void *arg)
{
	int ms = *(int *)arg;

	go_sleep(ms * MS);
	order[add(&ordered, 1) - 1] = ms;
}

static void sleep_all(void *arg)
{
	static const int times[] = { 60, 20, 40 };
	uint64_t begin = libchan_now();
	size_t i;

	(void)arg;
	for (i = 0; i < ARRAY(times); i++)
		EXPECT_EQ(go_start_copy(sleep_and_note, &times[i], sizeof(times[i])), 0);
	while (get(&ordered) != 3)
		go_sleep(MS);
	EXPECT(libchan_now() >= begin + 60 * MS);
}

static void sleepers_wake_in_their_order(void)
{
	set(&ordered, 0);
	run_with(1, sleep_all, NULL);
	EXPECT(order[0] == 20 && order[1] == 40 && order[2] == 60);
}

static struct stamp {
	struct libchan_timer timer;
	uint64_t deadline;
	int nr;
	int ran;	/* atomic; the how manieth */
} stamps[200];
static int stamped;

static void stamp(void *arg)
{
	struct stamp *s = arg;

	set(&s->ran, add(&stamped, 1));
}

static void an_earlier_timer_wakes_who_waits_for_a_later_one(void)
{
	struct libchan_timer late = { 0 }, never = { 0 };
	struct stamp soon = { 0 };

	set(&stamped, 0);
	libchan_timer_start(&late, libchan_now() + LONG, stamp, &soon);
	libchan_timer_start(&never, LIBCHAN_NEVER, stamp, &soon);
	EXPECT(!libchan_timer_stop(&never));
	go_sleep(2 * MS);
	libchan_timer_start(&soon.timer, libchan_now() + MS, stamp, &soon);
	WAIT_UNTIL(get(&stamped) == 1);
	EXPECT(libchan_timer_stop(&late));
	EXPECT_EQ(stamped, 1);
}

static void yield_until_time(void *arg)
{
	struct stamp soon = { 0 };

	(void)arg;
	set(&stamped, 0);
	libchan_timer_start(&soon.timer, libchan_now() + 5 * MS, stamp, &soon);
	while (!get(&stamped))
		go_yield();
}

/*
 * Files
 */

static int wait_for(int fd, unsigned int events, uint64_t timeout_ns)
{
	struct chan_choice c = { .op = CHAN_CASE_POLL, .fd = fd, .events = events };
	int r = chan_select_timeout(&c, 1, 0, timeout_ns);

	return r < 0 ? r : c.result;
}

/* Is a file in anybody's epoll? */
static bool is_waited_for(int fd)
{
	char path[64], line[256];
	bool found = false;
	int i, other;
	FILE *f;

	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", i);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "tfd: %d", &other) == 1 && other == fd)
				found = true;
		if (f)
			fclose(f);
	}
	return found;
}

static void wait_for_byte(void *arg)
{
	struct pipes *p = arg;
	char c;

	EXPECT_EQ(wait_for(p->there[0], POLLIN, LONG), POLLIN);
	EXPECT_EQ(read(p->there[0], &c, 1), 1);
	EXPECT_EQ(write(p->back[1], &c, 1), 1);
	add(&p->ended, 1);
}

static void files(void *arg)
{
	struct pipes p = { 0 };
	struct chan_choice two[2];
	char c;

	(void)arg;
	if (pipe(p.there) || pipe(p.back))
		abort();
	EXPECT_EQ(wait_for(p.there[0], POLLIN, 0), -ETIMEDOUT);
	EXPECT_EQ(wait_for(p.there[0], POLLIN, MS), -ETIMEDOUT);
	EXPECT(!is_waited_for(p.there[0]));
	EXPECT_EQ(wait_for(p.there[1], POLLOUT, LONG), POLLOUT);
	start(wait_for_byte, &p);
	go_yield();
	EXPECT_EQ(write(p.there[1], "x", 1), 1);
	/* The same file twice, for different things. */
	two[0] = (struct chan_choice){ .op = CHAN_CASE_POLL, .fd = p.back[0], .events = POLLIN };
	two[1] = (struct chan_choice){ .op = CHAN_CASE_POLL, .fd = p.back[0], .events = POLLPRI };
	EXPECT_EQ(chan_select(two, 2, 0), 0);
	EXPECT_EQ(two[0].result, POLLIN);
	two[0].events = POLLPRI;
	two[1].events = POLLIN;
	EXPECT_EQ(chan_select(two, 2, 0), 1);
	EXPECT_EQ(two[1].result, POLLIN);
	EXPECT_EQ(read(p.back[0], &c, 1), 1);
	close(p.back[1]);
	EXPECT_EQ(wait_for(p.back[0], POLLIN, LONG), POLLHUP);
	close(p.back[0]);
	EXPECT_EQ(wait_for(p.back[0], POLLIN, LONG), -EBADF);
	EXPECT_EQ(wait_for(-1, POLLIN, MS), -ETIMEDOUT);
	EXPECT_EQ(wait_for(p.there[0], 0x8000, LONG), -EINVAL);
	WAIT_UNTIL(get(&p.ended) == 1);
	close(p.there[0]);
	close(p.there[1]);
}

static void a_goroutine_waits_for_a_file(void)
{
	run_with(1, files, NULL);
	run_with(4, files, NULL);
	files(NULL);
}

static void each_ready_file_has_its_chance(void)
{
	struct chan_choice c[3];
	int p[3][2], n[3] = { 0 }, i;

	for (i = 0; i < 3; i++) {
		if (pipe(p[i]))
			abort();
		c[i] = (struct chan_choice){
			.op = CHAN_CASE_POLL, .fd = p[i][1], .events = POLLOUT,
		};
	}
	for (i = 0; i < 3000; i++)
		n[chan_select(c, 3, 0)]++;
	/* Nine standard deviations around a third. */
	for (i = 0; i < 3; i++)
		EXPECT(n[i] > 768 && n[i] < 1232);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(chan_select(c, 3, CHAN_PRIORITY), 0);
	for (i = 0; i < 3; i++) {
		close(p[i][0]);
		close(p[i][1]);
	}
}

/*
 * fork
 */

static int child_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void in_child(void)
{
	int n = 0, i;

	EXPECT_EQ(go_id(), 0);
	EXPECT_EQ(go_num(), 0);
	/* ThreadSanitizer allows no threads in a child of a program with threads. */
	if (__tsan_create_fiber)
		return;
	for (i = 0; i < 10; i++)
		start(count_up, &n);
	WAIT_UNTIL(get(&n) == 10);
	go_sleep(MS);
	wait_until_alone();
}

static void fork_in_goroutine(void *arg)
{
	pid_t pid;

	(void)arg;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		in_child();
		if (get(&failures))
			_exit(1);
		return;		/* which is the child's end */
	}
	go_block {
		EXPECT_EQ(child_status(pid), 0);
	}
	go_yield();
}

static void who_forks_goes_on_alone(void)
{
	struct link link = { .ended = NULL };
	pid_t pid;
	int n = 0;

	link.ended = &n;
	libchan_waiter_init(&link.waiter, "test");
	start(pass_on, &link);
	go_run(fork_in_goroutine, NULL);
	pid = fork();
	if (!pid) {
		in_child();
		_exit(get(&failures) != 0);
	}
	EXPECT_EQ(child_status(pid), 0);
	libchan_waiter_wake(&link.waiter);
	wait_until_alone();
	EXPECT_EQ(get(&n), 1);
}

/*
 * What ends the program: this one runs again, and does nothing else
 */

static struct libchan_waiter for_ever;

static void wait_for_ever(void *arg)
{
	struct libchan_waiter w;

	libchan_waiter_init(&w, "chan receive");
	libchan_waiter_wait(&w, LIBCHAN_NEVER);
	(void)arg;
}

static void all_wait(void *arg)
{
	start(wait_for_ever, arg);
	start(wait_for_ever, arg);
	go_yield();
	wait_for_ever(arg);
}

static void deadlock_of_three(void)
{
	printf("said before\n");
	go_run(all_wait, NULL);
}

static void deadlock_of_one(void)
{
	go_procs(1);
	go_run(wait_for_ever, NULL);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

/* Others run meanwhile and end; who comes back to no proc is in no queue for a moment. */
static void block_again_and_again(void *arg)
{
	volatile unsigned int spin;
	unsigned int i;

	for (i = 0; i < 500000; i++) {
		start(do_nothing, arg);
		if (i % 2)
			start(do_nothing, arg);
		go_block
			for (spin = 0; spin < i * 7919 % 3000; spin++)
				;
	}
}

static void who_blocked_goes_on(void)
{
	go_procs(2);
	go_run(block_again_and_again, NULL);
	exit(0);
}

static void leave_early(void *arg)
{
	start(count_up, arg);
	go_exit();
}

static void main_leaves(void)
{
	int n = 0;

	go_run(leave_early, &n);
}

/* Another thread, which ends without waking anybody. */
static void *nothing(void *arg)
{
	usleep(50000);
	return arg;
}

static void deadlock_after_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, nothing, NULL);
	pthread_detach(thread);
	go_run(all_wait, NULL);
}

static void wait_for_the_one(void *arg)
{
	(void)arg;
	libchan_waiter_wait(&for_ever, LIBCHAN_NEVER);
}

static void *wake_the_one(void *arg)
{
	usleep(100000);
	libchan_waiter_wake(&for_ever);
	return arg;
}

static void a_thread_may_wake(void)
{
	pthread_t thread;

	libchan_waiter_init(&for_ever, "test");
	pthread_create(&thread, NULL, wake_the_one, NULL);
	go_run(wait_for_the_one, NULL);
	pthread_join(thread, NULL);
}

static void on_alarm(int signal)
{
	(void)signal;
	libchan_waiter_wake(&for_ever);
}

static void a_handler_may_wake(void)
{
	libchan_waiter_init(&for_ever, "test");
	signal(SIGALRM, on_alarm);
	ualarm(100000, 0);
	go_run(wait_for_the_one, NULL);
}

static void timer_wakes(void *arg)
{
	libchan_waiter_wake(arg);
}

static void a_timer_may_wake(void)
{
	struct libchan_timer t = { 0 };

	libchan_waiter_init(&for_ever, "test");
	libchan_timer_start(&t, libchan_now() + 100 * MS, timer_wakes, &for_ever);
	go_run(wait_for_the_one, NULL);
}

static void block_and_wake(void *arg)
{
	go_block {
		usleep(100000);
		libchan_waiter_wake(arg);
	}
}

static void wait_for_block(void *arg)
{
	(void)arg;
	start(block_and_wake, &for_ever);
	libchan_waiter_wait(&for_ever, LIBCHAN_NEVER);
}

static void who_blocks_may_wake(void)
{
	libchan_waiter_init(&for_ever, "test");
	go_run(wait_for_block, NULL);
}

static int pipe_of_file[2];

static void wake_by_file(void *arg)
{
	char c;

	(void)arg;
	EXPECT_EQ(wait_for(pipe_of_file[0], POLLIN, UINT64_MAX), POLLIN);
	EXPECT_EQ(read(pipe_of_file[0], &c, 1), 1);
}

static void a_file_may_wake(void)
{
	if (pipe(pipe_of_file))
		abort();
	if (!fork()) {
		usleep(100000);
		_exit(write(pipe_of_file[1], "x", 1) != 1);
	}
	go_run(wake_by_file, NULL);
	if (failures)
		exit(1);
}

static int __attribute__((noinline)) dig(int depth)
{
	volatile char room[1024];

	memset((void *)room, depth, sizeof(room));
	return depth ? dig(depth - 1) + room[depth % 1024] : room[0];
}

static void dig_deep(void *arg)
{
	set((int *)arg, dig(1000) | 1);
}

static void overflow(void)
{
	int done = 0;

	start(dig_deep, &done);
	WAIT_UNTIL(get(&done));
}

static void dig_and_park(void *arg)
{
	/* A little more than the whole of the stack. */
	dig(64);
	go_yield();
	(void)arg;
}

static void count_and_wait(void *arg)
{
	add((int *)arg, 1);
	wait_for_ever(NULL);
}

/* More goroutines than have guards: what lies below the last one's stack is another's. */
static void overflow_among_many(void *arg)
{
	int n = 0, i;

	for (i = 0; i < 40010; i++)
		start(count_and_wait, &n);
	WAIT_UNTIL(get(&n) == 40010);
	start(dig_and_park, NULL);
	wait_for_ever(arg);
}

static void overflow_without_guard(void)
{
	go_procs(1);
	go_run(overflow_among_many, NULL);
}

static void large_stacks(void)
{
	struct go_options options = {
		.size = sizeof(options), .procs = 2, .stack_size = 4 << 20,
	};
	int done = 0;

	if (go_init(&options) || go_init(&options) != -EBUSY || go_procs(0) != 2)
		exit(1);
	start(dig_deep, &done);
	WAIT_UNTIL(get(&done));
}

/* The only worker is busy: it looks at the clock from time to time. */
static void time_for_the_busy(void)
{
	struct go_options options = { .size = sizeof(options), .procs = 1 };

	if (go_init(&options))
		exit(1);
	go_run(yield_until_time, NULL);
}

static void bad_options(void)
{
	struct go_options options = { .size = sizeof(options), .procs = 1025 };

	EXPECT_EQ(go_init(&options), -EINVAL);
	options = (struct go_options){ .size = sizeof(options), .stack_size = 1024 };
	EXPECT_EQ(go_init(&options), -EINVAL);
	options = (struct go_options){ .size = 1 };
	EXPECT_EQ(go_init(&options), -EINVAL);
	EXPECT_EQ(go_num(), 0);
	EXPECT_EQ(go_init(NULL), 0);
	exit(failures != 0);
}

static void procs_of_environment(void)
{
	exit(go_procs(0) != 3);
}

static void exit_among_many(void *arg)
{
	int i;

	for (i = 0; i < 100; i++)
		start(wait_for_ever, arg);
	printf("said before\n");
	exit(7);
}

static void a_goroutine_calls_exit(void)
{
	go_run(exit_among_many, NULL);
}

static void end_with_main(void)
{
	int i;

	for (i = 0; i < 100; i++)
		start(hog, NULL);
}

/* Two workers could each run one, and the later one's first: here is one. */
static void timers_in_order(void)
{
	uint64_t begin = libchan_now() + 20 * MS;
	size_t i, j, stopped = 0;

	for (i = 0; i < ARRAY(stamps); i++) {
		stamps[i] = (struct stamp){ .deadline = begin + i * 7919 % 10 * MS };
		libchan_timer_start(&stamps[i].timer, stamps[i].deadline, stamp, &stamps[i]);
	}
	for (i = 0; i < ARRAY(stamps); i += 3)
		stopped += libchan_timer_stop(&stamps[i].timer);
	EXPECT(stopped > 0);
	for (i = 0; i < ARRAY(stamps); i++)
		if (i % 3)
			WAIT_UNTIL(get(&stamps[i].ran));
	for (i = 0; i < ARRAY(stamps); i++)
		for (j = 0; j < i; j++)
			if (get(&stamps[i].ran) && get(&stamps[j].ran))
				EXPECT((stamps[j].ran < stamps[i].ran) ==
				       (stamps[j].deadline <= stamps[i].deadline));
	for (i = 0; i < ARRAY(stamps); i++)
		EXPECT(!libchan_timer_stop(&stamps[i].timer));
	EXPECT_EQ(stamped, ARRAY(stamps) - stopped);
	exit(failures != 0);
}

/* For valgrind, under which all takes long. */
static void something_of_everything(void)
{
	int n = 200;

	goroutines_run_and_end();
	an_argument_is_copied();
	go_starts_what_go_func_defines();
	run_with(2, chain, &n);
	a_wait_ends_with_its_time_and_can_go_on();
	a_thread_that_blocks_is_replaced();
	sleepers_wake_in_their_order();
	a_goroutine_waits_for_a_file();
	who_forks_goes_on_alone();
	exit(get(&failures) != 0);
}

/**
 * struct again - a program
 * @name: its argument
 * @fn: what it does, and then exits with 0
 * @status: with which it ends; of a signal, 128 more
 * @says: the beginning of what it says
 * @bare: only without sanitizers, which take memory of their own, have threads, or die
 *	in another way
 */
static const struct again {
	const char *name;
	void (*fn)(void);
	int status;
	const char *says;
	bool bare;
} agains[] = {
	{ "all asleep", deadlock_of_three, 2,
	  "said before\nfatal error: all goroutines are asleep - deadlock!\n\n"
	  "goroutine 1 [chan receive]:\n", true },
	{ "the only one asleep", deadlock_of_one, 2,
	  "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\n",
	  true },
	{ "main has left", main_leaves, 2,
	  "fatal error: no goroutines (main called go_exit) - deadlock!\n", true },
	{ "all asleep after a thread", deadlock_after_a_thread, 2,
	  "fatal error: all goroutines are asleep - deadlock!\n", true },
	{ "a thread may wake", a_thread_may_wake, 0, "", false },
	{ "a handler may wake", a_handler_may_wake, 0, "", false },
	{ "a timer may wake", a_timer_may_wake, 0, "", false },
	{ "who blocks may wake", who_blocks_may_wake, 0, "", false },
	{ "who blocked goes on", who_blocked_goes_on, 0, "", true },
	{ "a file may wake", a_file_may_wake, 0, "", false },
	{ "timers in order", timers_in_order, 0, "", false },
	{ "something of everything", something_of_everything, 0, "", false },
	{ "overflow", overflow, 128 + SIGSEGV, "", true },
	{ "overflow without a guard", overflow_without_guard, 2,
	  "fatal error: stack overflow\n", true },
	{ "large stacks", large_stacks, 0, "", false },
	{ "time for the busy", time_for_the_busy, 0, "", false },
	{ "bad options", bad_options, 0, "", false },
	{ "procs of the environment", procs_of_environment, 0, "", false },
	{ "exit of a goroutine", a_goroutine_calls_exit, 7, "said before\n", false },
	{ "the end of main", end_with_main, 0, "", false },
};

static int run_again(const char *name, char *said, size_t size)
{
	int fds[2];
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	fflush(stdout);
	if (pipe(fds))
		abort();
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		setenv("GOMAXPROCS", "3", 1);
		execl("/proc/self/exe", "runtime", name, NULL);
		_exit(127);
	}
	close(fds[1]);
	while (n < size - 1 && (r = read(fds[0], said + n, size - 1 - n)) > 0)
		n += r;
	said[n] = 0;
	close(fds[0]);
	return child_status(pid);
}

static void programs_end_as_they_should(void)
{
	bool bare = !__sanitizer_start_switch_fiber && !__tsan_create_fiber;
	const struct again *a;
	char said[4096];
	int status;

	for (a = agains; a < agains + ARRAY(agains); a++) {
		if (a->bare && !bare)
			continue;
		status = run_again(a->name, said, sizeof(said));
		if (status != a->status || strncmp(said, a->says, strlen(a->says))) {
			printf("# %s: status %d, said: %.500s\n", a->name, status, said);
			failures++;
		}
	}
}

static void run_if_asked(int argc, char **argv)
{
	const struct again *a;

	if (argc < 2)
		return;
	for (a = agains; a < agains + ARRAY(agains); a++) {
		if (!strcmp(argv[1], a->name)) {
			a->fn();
			exit(0);
		}
	}
	exit(127);
}

/*
 * The rest
 */

static void leave(void *arg)
{
	add((int *)arg, 1);
	go_exit();
}

static void go_exit_ends_the_goroutine(void)
{
	int n = 0, i;

	for (i = 0; i < 100; i++)
		start(leave, &n);
	wait_until_alone();
	EXPECT_EQ(get(&n), 100);
}

static void run_inside(void *arg)
{
	uint64_t id = go_id();

	go_run(note_id, arg);
	EXPECT_EQ(*(uint64_t *)arg, id);
	go_yield();
}

static void go_run_in_a_goroutine_is_a_call(void)
{
	uint64_t id = 0;

	go_run(run_inside, &id);
	EXPECT(id != 0);
	wait_until_alone();
}

static void *run_in_thread(void *arg)
{
	int n = 0, i;

	for (i = 0; i < 20; i++)
		go_run(count_up, &n);
	EXPECT_EQ(n, 20);
	return arg;
}

static void several_threads_may_call_go_run(void)
{
	pthread_t threads[4];
	size_t i;

	for (i = 0; i < ARRAY(threads); i++)
		if (pthread_create(&threads[i], NULL, run_in_thread, NULL))
			abort();
	for (i = 0; i < ARRAY(threads); i++)
		pthread_join(threads[i], NULL);
	wait_until_alone();
}

/* Many at once, and then again, on the stacks that they leave. */
static void stacks_are_used_again(void)
{
	struct link *links = calloc(many(5000), sizeof(*links));
	int round, i, ended;

	for (round = 0; round < 3; round++) {
		ended = 0;
		for (i = 0; i < many(5000); i++) {
			libchan_waiter_init(&links[i].waiter, "test");
			links[i].ended = &ended;
			start(pass_on, &links[i]);
		}
		for (i = 0; i < many(5000); i++)
			libchan_waiter_wake(&links[i].waiter);
		wait_until_alone();
		EXPECT_EQ(get(&ended), many(5000));
	}
	free(links);
}

static int tests, failed;

/* A test that hangs is ended by the clock: SLOW is how much slower than usual all is. */
static void run(const char *name, void (*fn)(void))
{
	const char *slow = getenv("SLOW");
	int before = failures;

	alarm(120 * (slow ? atoi(slow) : 1));
	fn();
	alarm(0);
	failed += failures != before;
	printf("%sok %d - %s\n", failures != before ? "not " : "", ++tests, name);
	fflush(stdout);
}

#define TEST(name)	run(#name, name)

int main(int argc, char **argv)
{
	run_if_asked(argc, argv);
	TEST(goroutines_run_and_end);
	TEST(ids_are_never_given_twice);
	TEST(an_argument_is_copied);
	TEST(go_starts_what_go_func_defines);
	TEST(ten_thousand_in_a_chain_wake_each_other);
	TEST(a_wake_may_come_first);
	TEST(a_wait_ends_with_its_time_and_can_go_on);
	TEST(a_waiter_is_claimed_once);
	TEST(who_parks_and_who_is_late_agree);
	TEST(no_wake_is_lost);
	TEST(no_wake_is_lost_that_comes_when_time_is_up);
	TEST(yield_lets_everybody_run_in_turn);
	TEST(two_that_wake_each_other_dont_keep_others_out);
	TEST(more_than_a_queue_holds_are_started);
	TEST(ready_goroutines_are_stolen_from_a_thread_that_is_busy);
	TEST(as_many_run_at_once_as_there_are_procs);
	TEST(the_number_of_procs_can_change_at_any_time);
	TEST(what_a_proc_has_does_not_go_with_it);
	TEST(a_thread_that_blocks_is_replaced);
	TEST(in_go_block_the_thread_waits);
	TEST(a_goroutine_may_end_in_go_block);
	TEST(sleepers_wake_in_their_order);
	TEST(an_earlier_timer_wakes_who_waits_for_a_later_one);
	TEST(a_goroutine_waits_for_a_file);
	TEST(each_ready_file_has_its_chance);
	TEST(go_exit_ends_the_goroutine);
	TEST(go_run_in_a_goroutine_is_a_call);
	TEST(several_threads_may_call_go_run);
	TEST(stacks_are_used_again);
	TEST(who_forks_goes_on_alone);
	TEST(programs_end_as_they_should);
	printf("1..%d\n# %d passed, %d failed\n", tests, tests - failed, failed);
	return failed != 0;
}
