// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who runs what: queues of ready tasks, procs, and workers. runtime.h has the rules.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gochan/task.h"
#include "internal.h"
#include "runtime.h"
#include "sanitize.h"

#define STREAK		16	/* times in a row that a proc's next task goes before its ring */
#define CLOCK_TICKS	8	/* tasks between two looks at the timers */
#define POLL_TICKS	64	/* tasks between two looks at the global queue, and at epoll */
#define STEAL_ROUNDS	4
#define RECHECK_MIN	(10 * 1000000ULL)	/* ns; see asleep_for_good() */
#define RECHECK_MAX	(1000 * 1000000ULL)
#define STACK_SIZE	(64UL << 10)
#define STACK_MIN	(16UL << 10)
#define STACK_MAX	(1UL << 30)

/**
 * struct sched - the scheduler
 * @lock: of all but what is atomic or immutable
 * @global: tasks that are no proc's
 * @nr_global: atomic; how many
 * @nr_procs: atomic; procs that there are to be
 * @nr_made: atomic; procs that there are, retired ones among them
 * @procs: each is written once, before @nr_made
 * @idle_procs: the last first
 * @nr_idle: atomic; how many
 * @nr_held: procs that workers have
 * @idle_workers: those that sleep in futexes
 * @poller: the one that sleeps in epoll, until it has left that
 * @poll_until: atomic; until when; 0: it doesn't
 * @spinning: atomic; workers that look for tasks
 * @workers: all of them
 * @nr_workers: how many
 * @nr_blocked: workers in go_block
 * @outside: atomic; tasks that others than goroutines may wake
 * @mains: calls of go_run()
 * @recheck_ns: atomic; look so much later whether all are asleep; 0: not again
 */
static struct sched {
	pthread_mutex_t lock;
	struct libchan_queue global;
	unsigned int nr_global;
	unsigned int nr_procs;
	unsigned int nr_made;
	struct libchan_proc *procs[LIBCHAN_PROCS_MAX];
	struct libchan_proc *idle_procs;
	unsigned int nr_idle;
	unsigned int nr_held;
	struct libchan_worker *idle_workers;
	struct libchan_worker *poller;
	uint64_t poll_until;
	unsigned int spinning;
	struct libchan_worker *workers;
	unsigned int nr_workers;
	unsigned int nr_blocked;
	int outside;
	unsigned int mains;
	uint64_t recheck_ns;
} sched = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The worker whose thread this is. */
static __thread struct libchan_worker *self __attribute__((tls_model("initial-exec")));

/**
 * libchan_worker_self() - the worker whose thread calls
 *
 * Never inlined, nor looked into: a compiler may keep the address of what is a thread's
 * own for a whole function, and a task may be in another thread by then.
 *
 * Return: the worker; NULL in a thread that isn't the runtime's.
 */
__attribute__((noinline)) struct libchan_worker *libchan_worker_self(void)
{
	__asm__ volatile("");
	return self;
}

static void lock(void)
{
	pthread_mutex_lock(&sched.lock);
}

static void unlock(void)
{
	pthread_mutex_unlock(&sched.lock);
}

#define load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define peek(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)

static void wake_one(void);

/* Whoever has made tasks ready: is there a proc that could run them, and nobody looks? */
static void wake_if_idle(void)
{
	if (load(&sched.nr_idle) && !load(&sched.spinning))
		wake_one();
}

/*
 * The global queue
 */

static void global_put(struct libchan_queue *q)
{
	struct libchan_task *task;

	lock();
	while ((task = libchan_queue_get(q)))
		libchan_queue_put(&sched.global, task);
	store(&sched.nr_global, sched.global.n);
	unlock();
}

static struct libchan_task *global_get_locked(void)
{
	struct libchan_task *task = libchan_queue_get(&sched.global);

	store(&sched.nr_global, sched.global.n);
	return task;
}

/**
 * libchan_ready_global() - a task that was left may go on, anywhere
 * @task: the task
 */
void libchan_ready_global(struct libchan_task *task)
{
	struct libchan_queue q = {};

	libchan_queue_put(&q, task);
	global_put(&q);
	wake_if_idle();
}

/**
 * libchan_ready_main() - the goroutine of a go_run() may begin
 * @task: the goroutine
 *
 * From now on all may be found asleep: not before it is in the queue.
 */
void libchan_ready_main(struct libchan_task *task)
{
	lock();
	sched.mains++;
	libchan_queue_put(&sched.global, task);
	store(&sched.nr_global, sched.global.n);
	unlock();
	wake_if_idle();
}

/*
 * A proc's ring. Its worker adds at the tail; it and thieves take at the head, by
 * compare-and-swap: what they have read between the two is theirs if that succeeds.
 */

static struct libchan_task **ring_slot(struct libchan_proc *p, uint32_t i)
{
	return &p->ring[i % LIBCHAN_RING];
}

static bool ring_take(struct libchan_proc *p, uint32_t head, uint32_t n)
{
	return __atomic_compare_exchange_n(&p->head, &head, head + n, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

/* The older half of a full ring, and one more task, to the global queue. */
static bool ring_spill(struct libchan_proc *p, uint32_t head, struct libchan_task *task)
{
	struct libchan_task *half[LIBCHAN_RING / 2];
	struct libchan_queue q = {};
	uint32_t i;

	for (i = 0; i < LIBCHAN_RING / 2; i++)
		half[i] = peek(ring_slot(p, head + i));
	if (!ring_take(p, head, LIBCHAN_RING / 2))
		return false;
	for (i = 0; i < LIBCHAN_RING / 2; i++)
		libchan_queue_put(&q, half[i]);
	libchan_queue_put(&q, task);
	global_put(&q);
	return true;
}

static void ring_put(struct libchan_proc *p, struct libchan_task *task)
{
	uint32_t head, tail = peek(&p->tail);

	for (;;) {
		head = load(&p->head);
		if (tail - head < LIBCHAN_RING) {
			__atomic_store_n(ring_slot(p, tail), task, __ATOMIC_RELAXED);
			store(&p->tail, tail + 1);
			return;
		}
		if (ring_spill(p, head, task))
			return;
	}
}

static struct libchan_task *ring_get(struct libchan_proc *p)
{
	uint32_t head, tail = peek(&p->tail);
	struct libchan_task *task;

	for (;;) {
		head = load(&p->head);
		if (head == tail)
			return NULL;
		task = peek(ring_slot(p, head));
		if (ring_take(p, head, 1))
			return task;
	}
}

static struct libchan_task *next_get(struct libchan_proc *p)
{
	return peek(&p->next) ? __atomic_exchange_n(&p->next, NULL, __ATOMIC_SEQ_CST) : NULL;
}

/* Half of another's ring to an empty one. Return: how many. */
static uint32_t ring_steal(struct libchan_proc *p, struct libchan_proc *from)
{
	uint32_t head, n, i, tail = peek(&p->tail);

	for (;;) {
		head = load(&from->head);
		n = load(&from->tail) - head;
		n -= n / 2;
		if (n > LIBCHAN_RING / 2)
			continue;	/* the two were read at different times */
		for (i = 0; i < n; i++)
			__atomic_store_n(ring_slot(p, tail + i), peek(ring_slot(from, head + i)),
					 __ATOMIC_RELAXED);
		if (!n || ring_take(from, head, n)) {
			store(&p->tail, tail + n);
			return n;
		}
	}
}

static bool has_tasks(struct libchan_proc *p)
{
	return load(&p->head) != load(&p->tail) || load(&p->next);
}

/* The next one, but not for ever while others wait in the ring. */
static struct libchan_task *local_get(struct libchan_proc *p)
{
	struct libchan_task *task;

	if (p->streak++ < STREAK) {
		task = next_get(p);
		if (task)
			return task;
	}
	p->streak = 0;
	task = ring_get(p);
	return task ? task : next_get(p);
}

/*
 * Ready
 */

/**
 * libchan_ready() - a task that is parked, or new, may run
 * @task: the task
 *
 * It is the next one of the proc of who calls.
 */
void libchan_ready(struct libchan_task *task)
{
	struct libchan_worker *w = libchan_worker_self();
	struct libchan_task *before;

	libchan_release(task);
	if (!w || !w->proc) {
		libchan_ready_global(task);
		return;
	}
	before = __atomic_exchange_n(&w->proc->next, task, __ATOMIC_SEQ_CST);
	if (before)
		ring_put(w->proc, before);
	wake_if_idle();
}

/**
 * libchan_ready_last() - a task may run, after all others of a proc
 * @p: of who calls
 * @task: the task
 */
void libchan_ready_last(struct libchan_proc *p, struct libchan_task *task)
{
	libchan_release(task);
	ring_put(p, task);
	wake_if_idle();
}

/* Those that were woken, in their order, to the worker's proc. */
static void ready_all(struct libchan_worker *w, struct libchan_queue *q)
{
	unsigned int n = q->n;
	struct libchan_task *task;

	while ((task = libchan_queue_get(q))) {
		libchan_release(task);
		ring_put(w->proc, task);
	}
	/* One is for the worker itself. */
	if (n > 1)
		wake_if_idle();
}

/*
 * Procs; all under the lock
 */

static void proc_free(struct libchan_proc *p)
{
	sched.nr_held--;
	if (p->number >= sched.nr_procs) {
		p->state = LIBCHAN_RETIRED;
		return;
	}
	p->state = LIBCHAN_IDLE;
	p->link = sched.idle_procs;
	sched.idle_procs = p;
	store(&sched.nr_idle, sched.nr_idle + 1);
}

static struct libchan_proc *proc_take(void)
{
	struct libchan_proc *p = sched.idle_procs;

	if (!p)
		return NULL;
	sched.idle_procs = p->link;
	store(&sched.nr_idle, sched.nr_idle - 1);
	p->state = LIBCHAN_HELD;
	sched.nr_held++;
	return p;
}

static void proc_take_this(struct libchan_proc *p)
{
	struct libchan_proc **link = &sched.idle_procs;

	while (*link != p)
		link = &(*link)->link;
	*link = p->link;
	store(&sched.nr_idle, sched.nr_idle - 1);
}

/* What it has, to the global queue: there are to be fewer procs. */
static void proc_empty(struct libchan_proc *p)
{
	struct libchan_task *task;

	while ((task = ring_get(p)) || (task = next_get(p)))
		libchan_queue_put(&sched.global, task);
	store(&sched.nr_global, sched.global.n);
}

static struct libchan_proc *proc_new(unsigned int number)
{
	struct libchan_proc *p = aligned_alloc(64, (sizeof(*p) + 63) & ~63UL);

	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->number = number;
	p->random = number * 2 + 1;
	return p;
}

/* As many as asked for, or as there is memory for. */
static void procs_set(unsigned int n)
{
	struct libchan_proc *p;
	unsigned int i;

	for (i = sched.nr_made; i < n; i++) {
		p = proc_new(i);
		if (!p)
			break;
		p->state = LIBCHAN_RETIRED;
		sched.procs[i] = p;
		store(&sched.nr_made, i + 1);
	}
	store(&sched.nr_procs, n < i ? n : i);
	for (i = 0; i < sched.nr_made; i++) {
		p = sched.procs[i];
		if (p->state == LIBCHAN_IDLE && i >= sched.nr_procs) {
			proc_take_this(p);
			p->state = LIBCHAN_RETIRED;
		} else if (p->state == LIBCHAN_RETIRED && i < sched.nr_procs) {
			sched.nr_held++;
			proc_free(p);
		}
	}
}

/**
 * libchan_set_procs() - how many tasks may run at once
 * @n: so many from now on, or 0 to ask
 *
 * Return: how many it were before.
 */
unsigned int libchan_set_procs(unsigned int n)
{
	unsigned int before;

	lock();
	before = sched.nr_procs;
	if (n)
		procs_set(n < LIBCHAN_PROCS_MAX ? n : LIBCHAN_PROCS_MAX);
	unlock();
	if (n > before)
		wake_if_idle();
	return before;
}

/**
 * libchan_count_tasks() - tasks that procs have started, less those that they have ended
 *
 * Return: how many; 2^32 less if more have ended.
 */
unsigned int libchan_count_tasks(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < load(&sched.nr_made); i++)
		n += peek(&sched.procs[i]->started) - peek(&sched.procs[i]->ended);
	return n;
}

/*
 * Workers
 */

static void *worker_main(void *arg)
{
	self = arg;
	libchan_work(self);
}

/* Under the lock; it has @p. Return: NULL, and nothing has changed. */
static struct libchan_worker *worker_new(struct libchan_proc *p)
{
	struct libchan_worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->proc = p;
	w->spinning = true;
	w->all = sched.workers;
	sched.workers = w;
	sched.nr_workers++;
	return w;
}

/* Return: 0, or an errno. */
static int worker_start(struct libchan_worker *w)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, worker_main, w);

	if (r)
		return -r;
	pthread_detach(thread);
	return 0;
}

/* It couldn't be: whoever is there has to do. */
static void worker_fail(struct libchan_worker *w, struct libchan_proc *p)
{
	struct libchan_worker **link = &sched.workers;

	lock();
	if (w) {
		while (*link != w)
			link = &(*link)->all;
		*link = w->all;
		sched.nr_workers--;
	}
	proc_free(p);
	unlock();
	__atomic_fetch_sub(&sched.spinning, 1, __ATOMIC_SEQ_CST);
	free(w);
}

/* With the lock: somebody who sleeps goes on with @p; the poller only if nobody else can. */
static struct libchan_worker *give_proc(struct libchan_proc *p)
{
	struct libchan_worker *w = sched.idle_workers;

	if (w)
		sched.idle_workers = w->link;
	else if (sched.poller && sched.poller->idle)
		w = sched.poller;
	else
		return NULL;
	w->idle = false;
	w->given = p;
	return w;
}

/* It sleeps in epoll, or will; nobody else does before it has left that. */
static void wake_worker(struct libchan_worker *w, bool polls)
{
	if (polls) {
		libchan_netpoll_break();
	} else {
		store(&w->wake, 1);
		libchan_futex_wake(&w->wake);
	}
}

/*
 * Somebody to run @p, which is counted as spinning. Called with the lock, returns without
 * it. Return: 0, or an errno: then @p is idle.
 */
static int run_proc(struct libchan_proc *p)
{
	struct libchan_worker *w = give_proc(p);
	bool polls = w && sched.poller == w, new = !w;
	int r;

	__atomic_fetch_add(&sched.spinning, 1, __ATOMIC_SEQ_CST);
	if (new)
		w = worker_new(p);
	unlock();
	if (!new) {
		wake_worker(w, polls);
		return 0;
	}
	r = w ? worker_start(w) : -ENOMEM;
	if (r)
		worker_fail(w, p);
	return r;
}

/* One more worker, if there is a proc for it and nobody looks for work already. */
static void wake_one(void)
{
	struct libchan_proc *p;

	lock();
	p = load(&sched.spinning) ? NULL : proc_take();
	if (p)
		run_proc(p);
	else
		unlock();
}

static void spin_begin(struct libchan_worker *w)
{
	w->spinning = true;
	__atomic_fetch_add(&sched.spinning, 1, __ATOMIC_SEQ_CST);
}

static void spin_end(struct libchan_worker *w)
{
	w->spinning = false;
	__atomic_fetch_sub(&sched.spinning, 1, __ATOMIC_SEQ_CST);
}

/*
 * Looking for a task
 */

/**
 * libchan_pick() - the next task, if that is quickly found
 * @w: who calls
 * @more: the worker must look, on its own stack, though there may be a next one
 *
 * Return: the task; or NULL if there is none, or the worker must look.
 */
struct libchan_task *libchan_pick(struct libchan_worker *w, bool *more)
{
	struct libchan_proc *p = w->proc;

	p->tick++;
	*more = p->number >= peek(&sched.nr_procs);
	if (p->tick % CLOCK_TICKS == 0) {
		uint64_t next = libchan_timers_next();

		if (next != LIBCHAN_NEVER && next <= libchan_now())
			*more = true;
		if (p->tick % POLL_TICKS == 0 &&
		    (peek(&sched.nr_global) || libchan_netpoll_waits()))
			*more = true;
	}
	return *more ? NULL : local_get(p);
}

/* One to run, and a share of the others to the proc. */
static struct libchan_task *global_get(struct libchan_proc *p, unsigned int max)
{
	struct libchan_task *task, *first;
	unsigned int n;

	if (!load(&sched.nr_global))
		return NULL;
	lock();
	n = sched.global.n / sched.nr_procs + 1;
	n = n < max ? n : max;
	first = global_get_locked();
	while (--n && first) {
		task = global_get_locked();
		if (!task)
			break;
		ring_put(p, task);
	}
	unlock();
	return first;
}

static void poll_now(struct libchan_worker *w)
{
	struct libchan_queue woken = {};

	/* Somebody is there already, and wakes at once. */
	if (!libchan_netpoll_waits() || load(&sched.poll_until))
		return;
	libchan_netpoll(0, &woken);
	ready_all(w, &woken);
}

static void timers_now(struct libchan_worker *w)
{
	struct libchan_queue woken = {};

	libchan_timers_run(&woken);
	ready_all(w, &woken);
}

static uint64_t random_next(struct libchan_proc *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random;
}

static struct libchan_task *steal_from(struct libchan_proc *p, struct libchan_proc *from,
				       bool next_too)
{
	if (ring_steal(p, from))
		return ring_get(p);
	return next_too ? next_get(from) : NULL;
}

/* What is next at another proc, which will have it soon, only in the end. */
static struct libchan_task *steal(struct libchan_proc *p)
{
	unsigned int n = load(&sched.nr_made), round, i, first;
	struct libchan_task *task;

	for (round = 0; round < STEAL_ROUNDS; round++) {
		first = random_next(p) % n;
		for (i = 0; i < n; i++) {
			struct libchan_proc *from = sched.procs[(first + i) % n];

			if (from == p)
				continue;
			task = steal_from(p, from, round == STEAL_ROUNDS - 1);
			if (task)
				return task;
		}
	}
	return NULL;
}

/* No more than half as many look as are at work, or they would do little but that. */
static bool may_spin(const struct libchan_worker *w)
{
	unsigned int procs = load(&sched.nr_procs), idle = load(&sched.nr_idle);

	return w->spinning || (idle < procs && 2 * load(&sched.spinning) < procs - idle);
}

/**
 * libchan_may_spin() - may the goroutine that runs look again, rather than park at once?
 *
 * As in Go: if another one runs, which may give it what it waits for, and none waits for
 * its proc.
 *
 * Return: true if it may.
 */
bool libchan_may_spin(void)
{
	const struct libchan_proc *p = libchan_worker_self()->proc;

	if (load(&sched.nr_procs) <= load(&sched.nr_idle) + load(&sched.spinning) + 1)
		return false;
	return !peek(&p->next) && load(&p->head) == peek(&p->tail);
}

/**
 * libchan_all_run() - has every proc a worker?
 *
 * Return: true if so: then nobody waits for events, and one looks for them now and then.
 */
bool libchan_all_run(void)
{
	return !load(&sched.nr_idle);
}

static struct libchan_task *look(struct libchan_worker *w)
{
	struct libchan_proc *p = w->proc;
	struct libchan_task *task;

	timers_now(w);
	if (p->tick % POLL_TICKS == 0) {
		task = global_get(p, 1);
		if (task)
			return task;
		poll_now(w);
	}
	task = local_get(p);
	if (!task)
		task = global_get(p, LIBCHAN_RING / 2);
	if (task)
		return task;
	poll_now(w);
	task = local_get(p);
	if (task || !may_spin(w))
		return task;
	if (!w->spinning)
		spin_begin(w);
	return steal(p);
}

/*
 * All asleep
 */

/* Return: threads of the process, or -1 if that can't be known. */
static int count_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *e;
	int n = 0;

	if (!d)
		return -1;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A handler that is called when the program goes on, not when it goes wrong. */
static bool catches(int signal)
{
	struct sigaction action;

	switch (signal) {
	case SIGILL:
	case SIGABRT:
	case SIGBUS:
	case SIGFPE:
	case SIGSEGV:
	case SIGSYS:
	case SIGTRAP:
		return false;
	default:
		return !sigaction(signal, NULL, &action) && action.sa_handler != SIG_DFL &&
		       action.sa_handler != SIG_IGN;
	}
}

static bool catches_signals(void)
{
	int i;

	for (i = 1; i < SIGRTMAX; i++)
		if (catches(i))
			return true;
	return false;
}

static void print_task(const struct libchan_task *task, void *arg)
{
	(void)arg;
	dprintf(STDERR_FILENO, "\ngoroutine %llu [%s]:\n", (unsigned long long)task->id,
		task->waiter ? task->waiter->reason : "running");
}

/* Somebody may have stopped with stdout locked: then what is in it is lost. */
static void flush(void)
{
	if (ftrylockfile(stdout))
		return;
	fflush(stdout);
	funlockfile(stdout);
}

static void __attribute__((noreturn)) deadlock(void)
{
	if (!go_num())
		libchan_fatal("no goroutines (main called go_exit) - deadlock!");
	flush();
	dprintf(STDERR_FILENO, "fatal error: all goroutines are asleep - deadlock!\n");
	libchan_stacks_each(print_task, NULL);
	libchan_die("");
}

/* Under the lock: nobody has anything to do, as far as the runtime knows. */
static bool all_asleep(void)
{
	return sched.mains && !sched.nr_held && !sched.nr_blocked && !sched.global.n &&
	       !load(&sched.spinning) && !load(&sched.outside) &&
	       libchan_timers_next() == LIBCHAN_NEVER;
}

static void look_at(const struct libchan_task *task, void *awake)
{
	if (!task->waiter || !libchan_waiter_is_parked(task->waiter))
		*(bool *)awake = true;
}

/*
 * Under the lock. A worker that has no proc fetches events, and runs timers, before it has
 * the lock: it may have tasks in hand that are in no queue yet, and so may one that comes
 * from go_block. First the files: an event that isn't delivered yet is seen there, one that
 * is then is seen in its task.
 */
static bool any_in_hand(void)
{
	bool awake = libchan_netpoll_late();

	if (!awake)
		libchan_stacks_each(look_at, &awake);
	return awake;
}

/*
 * Go's message, if nobody can wake anybody. Other threads might: as one that ends is there
 * for a little longer than for those who wait for its end, one looks again, later and
 * later.
 */
static void check_asleep(void)
{
	uint64_t again = 0;
	bool alone;

	lock();
	if (all_asleep()) {
		alone = count_threads() == (int)(sched.nr_workers + sched.mains);
		if (alone && !catches_signals() && !any_in_hand())
			deadlock();
		if (!alone)
			again = sched.recheck_ns ? sched.recheck_ns * 2 : RECHECK_MIN;
	}
	store(&sched.recheck_ns, again < RECHECK_MAX ? again : RECHECK_MAX);
	unlock();
}

/*
 * Resting
 */

static bool work_anywhere(void)
{
	unsigned int i, n = load(&sched.nr_made);

	if (load(&sched.nr_global))
		return true;
	for (i = 0; i < n; i++)
		if (has_tasks(sched.procs[i]))
			return true;
	return false;
}

/* With the lock. */
static void set_idle(struct libchan_worker *w)
{
	struct libchan_proc *p = w->proc;

	w->proc = NULL;
	if (p) {
		if (p->number >= sched.nr_procs)
			proc_empty(p);
		proc_free(p);
	}
	w->idle = true;
	if (!sched.poller) {
		sched.poller = w;
	} else {
		w->link = sched.idle_workers;
		sched.idle_workers = w;
	}
}

/* With the lock. */
static void unset_idle(struct libchan_worker *w)
{
	struct libchan_worker **link = &sched.idle_workers;

	w->idle = false;
	if (sched.poller == w) {
		sched.poller = NULL;
		return;
	}
	while (*link != w)
		link = &(*link)->link;
	*link = w->link;
}

/* With the lock: go on with a proc that is idle, if nobody has given one yet. */
static void try_unrest(struct libchan_worker *w)
{
	struct libchan_proc *p = w->idle ? proc_take() : NULL;

	if (!p)
		return;
	unset_idle(w);
	w->proc = p;
	spin_begin(w);
}

/* With the lock: what somebody has given, who has counted it as spinning. */
static bool accept_given(struct libchan_worker *w)
{
	if (!w->given)
		return false;
	w->proc = w->given;
	w->given = NULL;
	w->spinning = true;
	return true;
}

static void sleep_in_futex(struct libchan_worker *w)
{
	while (!load(&w->wake))
		libchan_futex_wait(&w->wake, 0, LIBCHAN_NEVER);
	store(&w->wake, 0);
	lock();
	accept_given(w);
	unlock();
}

/* Until when, for all to see who start a timer that comes earlier. */
static uint64_t publish_deadline(void)
{
	uint64_t until, recheck = peek(&sched.recheck_ns);

	do {
		until = libchan_timers_next();
		store(&sched.poll_until, until);
	} while (libchan_timers_next() < until);
	if (!recheck)
		return until;
	recheck += libchan_now();
	return recheck < until ? recheck : until;
}

/* With the lock. Woken tasks need a proc: an idle one, or whoever comes to look. */
static void place_woken(struct libchan_worker *w, struct libchan_queue *woken)
{
	struct libchan_task *task;

	if (!w->proc && woken->n)
		try_unrest(w);
	if (w->proc)
		return;
	while ((task = libchan_queue_get(woken)))
		libchan_queue_put(&sched.global, task);
	store(&sched.nr_global, sched.global.n);
}

static void sleep_in_epoll(struct libchan_worker *w)
{
	struct libchan_queue woken = {};
	uint64_t until;

	while (!w->proc) {
		until = publish_deadline();
		libchan_netpoll(until ? until : 1, &woken);
		store(&sched.poll_until, 0);
		libchan_timers_run(&woken);
		lock();
		if (accept_given(w))
			sched.poller = NULL;
		place_woken(w, &woken);
		unlock();
		if (!w->proc && peek(&sched.recheck_ns))
			check_asleep();
	}
	ready_all(w, &woken);
}

/* A last look at what was still on its way when all became idle. */
static void look_again(struct libchan_worker *w)
{
	struct libchan_queue woken = {};

	libchan_netpoll(0, &woken);
	if (!woken.n) {
		check_asleep();
		/* The poller is to look again. */
		if (peek(&sched.recheck_ns))
			libchan_netpoll_break();
		return;
	}
	lock();
	place_woken(w, &woken);
	unlock();
	if (w->proc)
		ready_all(w, &woken);
}

/* Without work: give up the proc, and sleep until there is one again. */
static void rest(struct libchan_worker *w)
{
	bool last, polls;

	lock();
	if (w->proc && sched.global.n && w->proc->number < sched.nr_procs) {
		unlock();
		return;
	}
	set_idle(w);
	polls = sched.poller == w;
	last = sched.mains && !sched.nr_held;
	unlock();
	if (w->spinning)
		spin_end(w);
	if (work_anywhere()) {
		lock();
		try_unrest(w);
		unlock();
	}
	if (!w->proc && last)
		look_again(w);
	if (w->proc)
		return;
	if (polls)
		sleep_in_epoll(w);
	else
		sleep_in_futex(w);
}

/**
 * libchan_find() - the next task, however long it takes
 * @w: who calls, on its own stack
 *
 * Return: the task.
 */
struct libchan_task *libchan_find(struct libchan_worker *w)
{
	struct libchan_task *task = NULL;

	for (;;) {
		if (w->proc && w->proc->number < load(&sched.nr_procs))
			task = look(w);
		if (task)
			break;
		rest(w);
	}
	if (w->spinning) {
		spin_end(w);
		wake_if_idle();
	}
	return task;
}

/*
 * go_block
 */

/**
 * libchan_hand_off() - the worker's thread is going to block: others may have its proc
 * @w: the worker
 */
void libchan_hand_off(struct libchan_worker *w)
{
	struct libchan_proc *p = w->proc;

	lock();
	w->proc = NULL;
	w->last = p;
	sched.nr_blocked++;
	if (p->number >= sched.nr_procs)
		proc_empty(p);
	/* Somebody must wait in epoll. */
	if (p->number < sched.nr_procs && (has_tasks(p) || sched.global.n || !sched.poller)) {
		run_proc(p);
		return;
	}
	proc_free(p);
	unlock();
}

/**
 * libchan_regain() - the worker's thread blocks no longer
 * @w: the worker
 *
 * Return: true if it has a proc.
 */
bool libchan_regain(struct libchan_worker *w)
{
	struct libchan_proc *p = w->last;

	lock();
	sched.nr_blocked--;
	if (p->state == LIBCHAN_IDLE) {
		proc_take_this(p);
		p->state = LIBCHAN_HELD;
		sched.nr_held++;
	} else {
		p = proc_take();
	}
	unlock();
	w->proc = p;
	return p;
}

/*
 * What others tell
 */

/**
 * libchan_outside() - tasks that others than goroutines may wake
 * @more: so many more
 */
void libchan_outside(int more)
{
	__atomic_fetch_add(&sched.outside, more, __ATOMIC_SEQ_CST);
}

/**
 * libchan_main_ends() - a call of go_run() is to return
 */
void libchan_main_ends(void)
{
	lock();
	sched.mains--;
	unlock();
}

/**
 * libchan_break() - the first timer is now an earlier one
 */
void libchan_break(void)
{
	if (libchan_timers_next() < load(&sched.poll_until))
		libchan_netpoll_break();
}

/*
 * Start
 */

static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;

static unsigned int default_procs(void)
{
	const char *env = getenv("GOMAXPROCS");
	long n = env ? strtol(env, NULL, 10) : 0;
	cpu_set_t cpus;

	if (n <= 0 && !sched_getaffinity(0, sizeof(cpus), &cpus))
		n = CPU_COUNT(&cpus);
	if (n <= 0)
		n = 1;
	return n < LIBCHAN_PROCS_MAX ? n : LIBCHAN_PROCS_MAX;
}

/* Frames are larger under sanitizers. */
static size_t default_stack(void)
{
	bool sanitizer = __sanitizer_start_switch_fiber || __tsan_create_fiber;

	return sanitizer ? 4 * STACK_SIZE : STACK_SIZE;
}

static void fork_prepare(void)
{
	pthread_mutex_lock(&starting);
	lock();
	libchan_timers_lock();
	libchan_netpoll_lock();
	libchan_stacks_lock();
}

static void fork_parent(void)
{
	libchan_stacks_unlock();
	libchan_netpoll_unlock();
	libchan_timers_unlock();
	unlock();
	pthread_mutex_unlock(&starting);
}

static void free_all(void)
{
	struct libchan_worker *w;
	unsigned int i;

	while ((w = sched.workers)) {
		sched.workers = w->all;
		free(w);
	}
	for (i = 0; i < sched.nr_made; i++)
		free(sched.procs[i]);
}

/* Nobody is here but the thread that has forked, which is a plain one now. */
static void fork_child(void)
{
	self = NULL;
	store(&libchan_runtime, NULL);
	libchan_stacks_reset();
	libchan_netpoll_reset();
	libchan_timers_reset();
	libchan_tasks_reset();
	unlock();
	free_all();
	sched = (struct sched){ .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_mutex_unlock(&starting);
}

static int watch_forks(void)
{
	static bool watching;
	int r;

	if (watching)
		return 0;
	r = pthread_atfork(fork_prepare, fork_parent, fork_child);
	watching = !r;
	return -r;
}

static int first_worker(void)
{
	lock();
	return run_proc(proc_take());
}

static int start_locked(unsigned int procs, size_t stack_size)
{
	int r = watch_forks();

	if (r)
		return r;
	libchan_stacks_start(stack_size);
	r = libchan_netpoll_start();
	if (r)
		return r;
	lock();
	procs_set(procs);
	unlock();
	r = sched.nr_procs ? first_worker() : -ENOMEM;
	if (r)
		libchan_netpoll_stop();
	else
		__atomic_store_n(&libchan_runtime, &libchan_runtime_ops, __ATOMIC_RELEASE);
	return r;
}

/**
 * libchan_start() - start the runtime, if it isn't there yet
 *
 * Return: 0, or a negative errno.
 */
int libchan_start(void)
{
	int r = 0;

	if (__atomic_load_n(&libchan_runtime, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&starting);
	if (!libchan_runtime)
		r = start_locked(default_procs(), default_stack());
	pthread_mutex_unlock(&starting);
	return r;
}

static int start_as(const struct go_options *o)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t stack = o->stack_size ? o->stack_size : default_stack();

	if (o->procs > LIBCHAN_PROCS_MAX || stack < STACK_MIN || stack > STACK_MAX)
		return -EINVAL;
	stack = (stack + page - 1) / page * page;
	return start_locked(o->procs ? o->procs : default_procs(), stack);
}

LIBCHAN_EXPORT int go_init(const struct go_options *options)
{
	struct go_options o = {};
	int r = options ? libchan_struct_in(&o, sizeof(o), options) : 0;

	if (r)
		return r;
	pthread_mutex_lock(&starting);
	r = libchan_runtime ? -EBUSY : start_as(&o);
	pthread_mutex_unlock(&starting);
	return r;
}
