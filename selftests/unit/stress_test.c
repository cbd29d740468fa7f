// SPDX-License-Identifier: GPL-2.0
/*
 * The core with threads: many senders and receivers, parked for real, signals and
 * deadlines that cut waits short, receivers that fail and return what they have, and a
 * close at the end. What was acknowledged as sent is received once, and in order from
 * each sender unless it was returned.
 *
 * A task's memory is freed when its thread ends, after a grace period as in the kernel:
 * a wake-up that comes too late is an error of the address sanitizer.
 */
#include <sched.h>

#include "unit.h"

#define SENDERS		4
#define RECEIVERS	4
#ifndef ROUNDS
#define ROUNDS		2000	/* elements of each sender */
#endif

struct worker {
	pthread_t thread;
	struct chan *c;
	struct task_struct *task;
	u32 id;
	bool returns;		/* receivers: some of what they receive */
	u64 seed;
	u64 cut_short;		/* waits that a signal or a deadline ended */
	u64 returned;
	u64 last[SENDERS];	/* receivers: highest number of each sender, plus 1 */
	bool in_order;		/* they can only have risen */
};

static u8 *seen;		/* by sender and number */
static struct task_struct *tasks[SENDERS + RECEIVERS];
static bool stop_signals;

static u32 rnd(struct worker *w, u32 n)
{
	w->seed = w->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->seed >> 33) % n;
}

static ktime_t soon(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec + 20000;
}

static int park(struct worker *w, struct chan_waiter *waiter)
{
	ktime_t deadline = soon();
	int r = chan_park(w->c, waiter, rnd(w, 4) ? NULL : &deadline);

	if (r == -ERESTARTSYS)
		__atomic_store_n(&w->task->signal, false, __ATOMIC_RELEASE);
	if (r == -ERESTARTSYS || r == -ETIMEDOUT)
		w->cut_short++;
	return r;
}

static int send_one(struct worker *w, u64 v)
{
	struct chan_party party = { .state = CHAN_PENDING, .task = w->task };
	struct chan_waiter waiter = { .party = &party, .sending = true };
	struct chan_hold h;
	bool parked = false;
	int r;

	waiter.elem = unit_elem(w->c);
	unit_fill(w->c, waiter.elem->data, v);
	waiter.elem->len = unit_len(w->c, v);
	chan_lock(w->c, &h);
	r = chan_send_elem(w->c, &h, &waiter.elem);
	if (r == -EAGAIN) {
		chan_enqueue_send(w->c, &h, &waiter);
		parked = true;
	}
	chan_unlock(w->c, &h);
	if (parked)
		r = park(w, &waiter);
	free(waiter.elem);
	return r;
}

/* The element stays with the caller, which may return it. */
static int recv_one(struct worker *w, struct chan_elem **e)
{
	struct chan_party party = { .state = CHAN_PENDING, .task = w->task };
	struct chan_waiter waiter = { .party = &party };
	struct chan_hold h;
	bool parked = false;
	int r;

	waiter.elem = unit_elem(w->c);
	chan_lock(w->c, &h);
	r = chan_begin_recv(w->c, &h, 1);
	if (r > 0) {
		chan_recv_elem(w->c, &h, &waiter.elem);
	} else if (r == -EAGAIN) {
		chan_enqueue_recv(w->c, &h, &waiter);
		parked = true;
	}
	chan_unlock(w->c, &h);
	if (parked)
		r = park(w, &waiter);
	*e = waiter.elem;
	return r;
}

static void task_begin(struct worker *w)
{
	current = w->task;
}

static void task_end(struct worker *w, u32 slot)
{
	__atomic_store_n(&tasks[slot], NULL, __ATOMIC_RELEASE);
	synchronize_rcu();
	free(w->task);
}

static void *sender(void *arg)
{
	struct worker *w = arg;
	u64 i;
	int r;

	task_begin(w);
	for (i = 0; i < ROUNDS; i++) {
		do
			r = send_one(w, (u64)w->id << 32 | i);
		while (r == -ERESTARTSYS || r == -ETIMEDOUT);
		CHECK(r == 1);
	}
	task_end(w, w->id);
	return NULL;
}

static void take(struct worker *w, struct chan_elem *e)
{
	u32 from, i;
	u64 v;

	memcpy(&v, e->data, 8);
	from = v >> 32;
	i = v;
	CHECK(from < SENDERS && i < ROUNDS);
	CHECK(unit_holds(w->c, e->data, e->len, v));
	CHECK(!__atomic_fetch_add(&seen[from * ROUNDS + i], 1, __ATOMIC_RELAXED));
	if (i + 1 <= w->last[from])
		w->in_order = false;
	w->last[from] = i + 1;
}

static void *receiver(void *arg)
{
	struct worker *w = arg;
	struct chan_elem *e;
	int r;

	task_begin(w);
	do {
		r = recv_one(w, &e);
		if (r == 1 && w->returns && !rnd(w, 8)) {
			chan_return_elem(w->c, e);	/* takes it over */
			w->returned++;
			continue;
		}
		if (r == 1)
			take(w, e);
		free(e);
	} while (r);
	task_end(w, SENDERS + w->id);
	return NULL;
}

/* Signals for everybody, as fast as they can be sent. */
static void *storm(void *arg)
{
	struct task_struct *t;
	u32 i = 0;

	(void)arg;
	while (!__atomic_load_n(&stop_signals, __ATOMIC_ACQUIRE)) {
		rcu_read_lock();
		t = __atomic_load_n(&tasks[i++ % (SENDERS + RECEIVERS)], __ATOMIC_ACQUIRE);
		if (t) {
			__atomic_store_n(&t->signal, true, __ATOMIC_RELEASE);
			wake_up_process(t);
		}
		rcu_read_unlock();
		sched_yield();
	}
	return NULL;
}

static void start(struct worker *w, struct chan *c, u32 id, u32 slot, bool returns,
		  void *(*f)(void *))
{
	*w = (struct worker) {
		.c = c, .id = id, .returns = returns, .seed = slot + 1, .in_order = true,
	};
	w->task = calloc(1, sizeof(*w->task));
	shim_task_init(w->task);
	__atomic_store_n(&tasks[slot], w->task, __ATOMIC_RELEASE);
	CHECK(!pthread_create(&w->thread, NULL, f, w));
}

static void run(u32 size, bool message, u32 capacity, bool returns)
{
	struct worker s[SENDERS], r[RECEIVERS];
	struct chan *c = unit_chan(size, capacity, message);
	u64 cut = 0, returned = 0;
	pthread_t stormer;
	u32 i;

	seen = calloc(SENDERS, ROUNDS);
	stop_signals = false;
	for (i = 0; i < SENDERS; i++)
		start(&s[i], c, i, i, false, sender);
	for (i = 0; i < RECEIVERS; i++)
		start(&r[i], c, i, SENDERS + i, returns && i % 2, receiver);
	CHECK(!pthread_create(&stormer, NULL, storm, NULL));
	for (i = 0; i < SENDERS; i++) {
		pthread_join(s[i].thread, NULL);
		cut += s[i].cut_short;
	}
	CHECK(chan_close(c) == 0);
	for (i = 0; i < RECEIVERS; i++) {
		pthread_join(r[i].thread, NULL);
		cut += r[i].cut_short;
		returned += r[i].returned;
		CHECK(returns || r[i].in_order);
	}
	__atomic_store_n(&stop_signals, true, __ATOMIC_RELEASE);
	pthread_join(stormer, NULL);
	/* A receiver may see the end before another returns what it has: drain it. */
	for (;;) {
		struct worker last = { .c = c, .in_order = true };
		struct chan_hold h;
		struct chan_elem *e = unit_elem(c);
		int got;

		chan_lock(c, &h);
		got = chan_begin_recv(c, &h, 1);
		if (got > 0)
			chan_recv_elem(c, &h, &e);
		chan_unlock(c, &h);
		if (got > 0)
			take(&last, e);
		free(e);
		if (got <= 0)
			break;
	}
	for (i = 0; i < SENDERS * ROUNDS; i++)
		CHECK(seen[i] == 1);
	unit_check(c);
	/* Signals and returns that never happen test nothing. */
	CHECK(cut > 0 && !!returned == returns);
	printf("# %u elements, %llu waits cut short, %llu returned\n", SENDERS * ROUNDS,
	       (unsigned long long)cut, (unsigned long long)returned);
	free(seen);
	unit_chan_free(c);
}

int main(void)
{
	static const u32 capacities[] = { 0, 1, 16 };
	struct task_struct me;
	char name[64];
	u32 i;

	shim_task_init(&me);
	current = &me;
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "threads, signals, returns, capacity %u", capacities[i]);
		unit_begin(name);
		run(8, false, capacities[i], true);
		run(40, true, capacities[i], false);
		run(BY_REF, false, capacities[i], true);
		run(BY_REF, true, capacities[i], false);
		unit_end();
	}
	return unit_done();
}
