// SPDX-License-Identifier: GPL-2.0
/*
 * Selects with threads: everybody sends and receives, in selects of random cases over
 * the same channels, with defaults, deadlines and signals, and plain calls among them.
 * What was acknowledged as sent is received once. And the default at one instant.
 *
 * A select's memory is freed as soon as it has left: who touches it later is an error
 * of the address sanitizer.
 */
#include <sched.h>

#include "unit.h"
#include "select.h"

#define WORKERS		6
#define CHANS		3
#define CASES		6
#ifndef ROUNDS
#define ROUNDS		3000	/* elements of each worker */
#endif
#define RACES		20000

struct job {
	struct chan_choice s;
	struct chan_option options[CASES];
	u64 gens[CASES];
	struct chan_waiter waiters[CASES];
	u64 v;			/* that every send case sends */
	u64 got;
};

struct worker {
	pthread_t thread;
	struct task_struct *task;
	u32 id;
	u64 seed;
	u32 sent;
	u64 waited, defaults, cut_short, returned;
};

static struct chan *chans[CHANS];
static struct task_struct *tasks[WORKERS];
static u8 *seen;
static u32 received;
static bool stop;

static u32 rnd(struct worker *w, u32 n)
{
	w->seed = w->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->seed >> 33) % n;
}

static void take(u64 v)
{
	u32 from = v >> 32, i = v;

	CHECK(from < WORKERS && i < ROUNDS);
	CHECK(!__atomic_fetch_add(&seen[from * ROUNDS + i], 1, __ATOMIC_RELAXED));
	__atomic_fetch_add(&received, 1, __ATOMIC_RELAXED);
}

static bool all_done(void)
{
	return __atomic_load_n(&received, __ATOMIC_RELAXED) == WORKERS * ROUNDS;
}

static int attempt_tries(struct chan *c, bool sending, u64 v, u64 *got)
{
	struct chan_elem *e = unit_elem(c);
	struct chan_hold h;
	int r;

	unit_fill(c, e->data, v);
	e->len = unit_len(c, v);
	chan_lock(c, &h);
	h.tries = true;
	if (sending) {
		r = chan_send_elem(c, &h, &e);
	} else {
		r = chan_begin_recv(c, &h, 1);
		if (r > 0)
			chan_recv_elem(c, &h, &e);
	}
	chan_unlock(c, &h);
	if (r > 0 && !sending)
		memcpy(got, e->data, 8);
	free(e);
	return r;
}

static int attempt(struct chan_choice *s, u32 i)
{
	struct job *j = container_of(s, struct job, s);

	return attempt_tries(s->options[i].chan, s->options[i].sending, j->v, &j->got);
}

static struct job *make_job(struct worker *w)
{
	struct job *j = calloc(1, sizeof(*j));
	u32 i;

	j->s.nr = 1 + rnd(w, CASES);
	j->s.options = j->options;
	j->s.waiters = j->waiters;
	j->s.attempt = attempt;
	j->s.party.several = true;
	j->s.party.task = w->task;
	spin_lock_init(&j->s.party.lock);
	j->v = (u64)w->id << 32 | w->sent;
	for (i = 0; i < CASES; i++)
		j->options[i].order = i;
	for (i = 0; i < j->s.nr; i++) {
		if (!rnd(w, 10))
			continue;
		j->options[i].chan = chans[rnd(w, CHANS)];
		j->options[i].sending = w->sent < ROUNDS && rnd(w, 2);
	}
	return j;
}

static void give_elements(struct job *j)
{
	u32 i;

	for (i = 0; i < j->s.nr; i++) {
		struct chan_waiter *w = &j->waiters[i];
		struct chan *c = j->options[i].chan;

		w->party = &j->s.party;
		w->sending = j->options[i].sending;
		if (!c)
			continue;
		w->elem = unit_elem(c);
		unit_fill(c, w->elem->data, j->v);
		w->elem->len = unit_len(c, j->v);
	}
}

/* The select waits: until it is fired, or for a short time, or not at all. */
static int wait_for(struct worker *w, struct job *j, bool tries)
{
	struct timespec t;
	ktime_t deadline;
	int r;

	j->s.party.tries = tries;
	give_elements(j);
	r = chan_choice_enqueue(&j->s);
	w->waited += !!r;
	if (r && !tries) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		deadline = t.tv_sec * 1000000000LL + t.tv_nsec + 100000;
		r = chan_sleep(&j->s.party, &deadline);
		w->cut_short += !!r;
		__atomic_store_n(&w->task->signal, false, __ATOMIC_RELEASE);
	}
	if (r)
		chan_choice_withdraw(&j->s);
	return chan_choice_leave(&j->s);
}

static void free_job(struct job *j)
{
	u32 i;

	for (i = 0; i < j->s.nr; i++)
		free(j->waiters[i].elem);
	free(j);
}

/* What a select that has waited received: some of it is given back. */
static void landed(struct worker *w, struct job *j, int i)
{
	struct chan_waiter *at = &j->waiters[i];

	if (!rnd(w, 20)) {
		chan_return_elem(j->options[i].chan, at->elem);
		at->elem = NULL;
		w->returned++;
		return;
	}
	memcpy(&j->got, at->elem->data, 8);
	CHECK(unit_holds(j->options[i].chan, at->elem->data, at->elem->len, j->got));
	take(j->got);
}

static void one_select(struct worker *w)
{
	struct job *j = make_job(w);
	u32 mode = rnd(w, 4);
	bool waited = false;
	int r;

	r = chan_choice_try(&j->s);
	if (r == -EAGAIN && mode == 0)
		r = chan_choice_default(&j->s, j->gens);
	if (r == -EBUSY || (r == -EAGAIN && mode)) {
		waited = true;
		r = wait_for(w, j, r == -EBUSY || mode == 1);
	}
	if (r == -EAGAIN) {
		w->defaults++;
	} else {
		CHECK(j->s.result == 1);
		if (j->options[r].sending)
			w->sent++;
		else if (waited)
			landed(w, j, r);
		else
			take(j->got);
	}
	free_job(j);
}

static void one_plain_call(struct worker *w)
{
	struct chan *c = chans[rnd(w, CHANS)];
	u64 v = (u64)w->id << 32 | w->sent, got;

	if (w->sent < ROUNDS && rnd(w, 2)) {
		if (attempt_tries(c, true, v, &got) == 1)
			w->sent++;
	} else if (attempt_tries(c, false, 0, &got) == 1) {
		take(got);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	current = w->task;
	while (!all_done())
		if (rnd(w, 8))
			one_select(w);
		else
			one_plain_call(w);
	__atomic_store_n(&tasks[w->id], NULL, __ATOMIC_RELEASE);
	synchronize_rcu();
	free(w->task);
	return NULL;
}

static void *storm(void *arg)
{
	struct timespec pause = { 0, 20000 };
	struct task_struct *t;
	u32 i = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		rcu_read_lock();
		t = __atomic_load_n(&tasks[i++ % WORKERS], __ATOMIC_ACQUIRE);
		if (t) {
			__atomic_store_n(&t->signal, true, __ATOMIC_RELEASE);
			wake_up_process(t);
		}
		rcu_read_unlock();
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void everybody(u32 size, bool message, const u32 capacities[CHANS])
{
	struct worker w[WORKERS] = {};
	u64 waited = 0, defaults = 0, cut = 0, returned = 0;
	pthread_t stormer;
	u32 i;

	seen = calloc(WORKERS, ROUNDS);
	received = 0;
	stop = false;
	for (i = 0; i < CHANS; i++)
		chans[i] = unit_chan(size, capacities[i], message);
	for (i = 0; i < WORKERS; i++) {
		w[i].id = i;
		w[i].seed = i + 1;
		w[i].task = calloc(1, sizeof(*w[i].task));
		shim_task_init(w[i].task);
		tasks[i] = w[i].task;
	}
	for (i = 0; i < WORKERS; i++)
		CHECK(!pthread_create(&w[i].thread, NULL, work, &w[i]));
	CHECK(!pthread_create(&stormer, NULL, storm, NULL));
	for (i = 0; i < WORKERS; i++) {
		pthread_join(w[i].thread, NULL);
		waited += w[i].waited;
		defaults += w[i].defaults;
		cut += w[i].cut_short;
		returned += w[i].returned;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(stormer, NULL);
	for (i = 0; i < WORKERS * ROUNDS; i++)
		CHECK(seen[i] == 1);
	for (i = 0; i < CHANS; i++) {
		CHECK(chan_len(chans[i]) == 0);
		CHECK(list_empty(&chans[i]->recvq) && list_empty(&chans[i]->sendq));
		unit_check(chans[i]);
		unit_chan_free(chans[i]);
	}
	CHECK(waited && defaults && cut && returned);
	printf("# %u elements, %llu selects waited, %llu defaults, %llu cut short, %llu returned\n",
	       WORKERS * ROUNDS, (unsigned long long)waited, (unsigned long long)defaults,
	       (unsigned long long)cut, (unsigned long long)returned);
	free(seen);
}

/*
 * After Go's TestNonblockSelectRace: first c1 is ready, then c2 is too, and only then
 * c1 no more. At every moment one of them is: the default is never right.
 */
static struct {
	u32 round;		/* rises as each side is done with a part of it */
	bool blind;		/* don't look first: enqueue */
	u64 defaults;
} race;

static void until(u32 round)
{
	while (__atomic_load_n(&race.round, __ATOMIC_ACQUIRE) != round)
		sched_yield();
}

static int never(struct chan_choice *s, u32 i)
{
	(void)s;
	(void)i;
	return -EAGAIN;
}

static void *racer(void *arg)
{
	struct worker w = { .task = arg };
	struct job *j;
	u32 i, n;
	int r;

	current = arg;
	for (n = 0; n < RACES; n++) {
		until(2 * n + 1);
		j = make_job(&w);
		j->s.nr = 2;
		for (i = 0; i < 2; i++)
			j->options[i] = (struct chan_option) { .chan = chans[i], .order = i };
		if (race.blind)
			j->s.attempt = never;
		r = chan_choice_try(&j->s);
		if (r == -EAGAIN && !race.blind)
			r = chan_choice_default(&j->s, j->gens);
		if (r == -EBUSY || (r == -EAGAIN && race.blind))
			r = wait_for(&w, j, true);
		race.defaults += r == -EAGAIN;
		free_job(j);
		__atomic_store_n(&race.round, 2 * n + 2, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void default_is_at_one_instant(bool blind, bool tries)
{
	struct task_struct other;
	pthread_t thread;
	u64 got;
	u32 n, i;

	memset(&race, 0, sizeof(race));
	race.blind = blind;
	chans[0] = unit_chan(8, 1, false);
	chans[1] = unit_chan(8, 1, false);
	shim_task_init(&other);
	CHECK(!pthread_create(&thread, NULL, racer, &other));
	for (n = 0; n < RACES; n++) {
		CHECK(unit_send(chans[0], 1) == 1);
		__atomic_store_n(&race.round, 2 * n + 1, __ATOMIC_RELEASE);
		for (i = n % 64; i; i--)
			smp_rmb();	/* a little later each time */
		CHECK(tries ? attempt_tries(chans[1], true, 2, &got) : unit_send(chans[1], 2));
		attempt_tries(chans[0], false, 0, &got);
		until(2 * n + 2);
		for (i = 0; i < 2; i++)
			attempt_tries(chans[i], false, 0, &got);
	}
	pthread_join(thread, NULL);
	CHECK(race.defaults == 0);
	unit_chan_free(chans[0]);
	unit_chan_free(chans[1]);
}

int main(void)
{
	static const u32 capacities[][CHANS] = { { 0, 0, 0 }, { 0, 1, 4 } };
	struct task_struct me;
	u32 i;

	shim_task_init(&me);
	current = &me;
	for (i = 0; i < 2; i++) {
		unit_begin(i ? "selects with threads, buffered and not" :
			       "selects with threads, unbuffered");
		everybody(8, false, capacities[i]);
		everybody(40, true, capacities[i]);
		everybody(BY_REF, false, capacities[i]);
		unit_end();
	}
	unit_begin("the default is at one instant, by looking twice");
	default_is_at_one_instant(false, false);
	unit_end();
	unit_begin("the default is at one instant, by waiting for no time");
	default_is_at_one_instant(true, false);
	default_is_at_one_instant(true, true);
	unit_end();
	return unit_done();
}
