/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The goroutine runtime: what its files share, and what the rest of the library sees
 * of it (waiters, timers, the hook).
 *
 * Three things, as in Go. A task is a goroutine, with a stack of its own. A worker is a
 * thread, which runs one task at a time, or looks for one on its own stack. A proc is the
 * right to run tasks, with a queue of those that are ready; there are as many as CPUs,
 * and a worker without one sleeps, or is in go_block.
 *
 *	task.c		begins, ends and parks tasks; the functions of gochan/task.h
 *	sched.c		queues, procs, workers: who runs what
 *	netpoll.c	selectors and other files that tasks wait for, in one epoll
 *	gotimer.c	timers
 *	stack.c		stacks
 *	park.c		waiters; the only one that programs without goroutines need
 *
 * Switching. A task that can't go on jumps to the next, or where there is none to the
 * stack of its worker. Until it has left its stack nobody else may run it: so what is to
 * become of it (&enum libchan_after) is done by who comes after it, there. A worker is
 * handed on as an argument of the jump: a task goes on in another thread than it stopped
 * in, and must not keep what it knew of the thread (libchan_worker_self() is never
 * inlined).
 *
 * A task is always in one place: it runs (worker->task), is ready (in a proc's ring or its
 * next, or in the global queue), or is parked. Parked it is known to its waiter alone,
 * whose state decides who makes it ready, once (park.c).
 *
 * Nobody sleeps while there is work. Who makes a task ready puts it in a queue, and then
 * looks for idle procs; who becomes idle gives up its proc, and then looks in all queues.
 * Both with sequentially consistent operations: one of them sees the other. While a
 * worker is looking (spinning), who makes tasks ready wakes no other; it wakes the next
 * one itself when it has found one.
 *
 * Locks: that of sched.c (procs, workers, the global queue), of gotimer.c (the heap), of
 * netpoll.c (spare files), of stack.c (arenas and spare stacks). None is taken with
 * another held, but by fork(2), in this order. No task is switched with one held.
 */
#ifndef LIBCHAN_RUNTIME_H
#define LIBCHAN_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "panic.h"

struct arena;
struct chan_select;
struct chan_selected;
struct libchan_parked;
struct libchan_proc;
struct libchan_task;
struct libchan_worker;
struct pollfd;

/*
 * Waiters
 */

#define LIBCHAN_NEVER	UINT64_MAX	/* a deadline that doesn't come */

/**
 * struct libchan_waiter - a goroutine or a thread that waits for one event
 * @state: atomic; begins as 0, see park.c
 * @task: who waits, if it is a goroutine; valid while @state says that one does
 * @reason: what for, as Go's dumps say it
 *
 * Whoever waits has it on its stack; whoever is to wake it finds it in a list of its own.
 * It needs no runtime: in a program without goroutines threads wait, in futexes.
 */
struct libchan_waiter {
	uint32_t state;
	struct libchan_task *task;
	const char *reason;
};

/**
 * libchan_waiter_init() - make a waiter ready for one event
 * @w: the waiter
 * @reason: a string constant in Go's words, as "semacquire" or "select"
 */
void libchan_waiter_init(struct libchan_waiter *w, const char *reason);

/**
 * libchan_waiter_wait() - wait for the event
 * @w: the waiter, of the caller
 * @deadline_ns: on CLOCK_MONOTONIC, as libchan_now(); %LIBCHAN_NEVER to wait for ever
 *
 * If the event has come already, it returns at once. After -ETIMEDOUT a wake may still
 * come as long as a waker can find @w: the caller sees to that under its own lock. If it
 * has been found, the caller waits again, for ever, before @w goes. No other return is
 * possible: signals don't end it.
 *
 * Return: 0, or -ETIMEDOUT.
 */
int libchan_waiter_wait(struct libchan_waiter *w, uint64_t deadline_ns);

/**
 * libchan_waiter_wake() - the event has come
 * @w: the waiter; it may be gone when this returns
 *
 * Once for each libchan_waiter_init(), before or after libchan_waiter_wait(), by
 * anybody, also with locks held that the waiter takes when it is awake.
 */
void libchan_waiter_wake(struct libchan_waiter *w);

/* For the runtime: the waiter's part of each step of park.c. */
void libchan_waiter_again(struct libchan_waiter *w, const char *reason);
bool libchan_waiter_park(struct libchan_waiter *w);
bool libchan_waiter_late(struct libchan_waiter *w);
bool libchan_waiter_was_late(struct libchan_waiter *w);
bool libchan_waiter_is_woken(const struct libchan_waiter *w);
bool libchan_waiter_is_parked(const struct libchan_waiter *w);
struct libchan_task *libchan_waiter_claim(struct libchan_waiter *w);

/**
 * libchan_now() - the time on CLOCK_MONOTONIC, in nanoseconds
 *
 * Return: the time.
 */
uint64_t libchan_now(void);

/**
 * libchan_deadline() - the time that is so far away
 * @timeout_ns: nanoseconds from now
 *
 * Return: the time, %LIBCHAN_NEVER if it is over 292 years away.
 */
uint64_t libchan_deadline(uint64_t timeout_ns);

int libchan_futex_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns);
void libchan_futex_wake(uint32_t *word);

/*
 * Timers
 */

/**
 * struct libchan_timer - a function that is called when it is time
 * @deadline_ns: when
 * @fn: what is called
 * @arg: with what
 * @seq: of two with the same deadline, the one started first is first
 * @child: first child in the heap
 * @next: next sibling in the heap
 * @back: previous sibling, or parent if first; itself if root; NULL if not in the heap
 *
 * All fields are protected by the lock of gotimer.c. Zero is a timer that isn't started.
 */
struct libchan_timer {
	uint64_t deadline_ns;
	void (*fn)(void *arg);
	void *arg;
	uint64_t seq;
	struct libchan_timer *child;
	struct libchan_timer *next;
	struct libchan_timer *back;
};

/**
 * libchan_timer_start() - call a function when it is time
 * @t: zeroed, or not running any more; must stay until it has run or was stopped
 * @deadline_ns: on CLOCK_MONOTONIC; %LIBCHAN_NEVER never
 * @fn: called once, by a thread of the runtime that runs no goroutine then, without
 *	locks; must not wait; it may free what @t is in
 * @arg: for @fn
 *
 * It starts the runtime where there is none, and ends the program where that fails.
 */
void libchan_timer_start(struct libchan_timer *t, uint64_t deadline_ns, void (*fn)(void *arg),
			 void *arg);

/**
 * libchan_timer_stop() - don't call it any more
 * @t: zeroed, or started once
 *
 * Return: true if @fn will not run; false if it has run, is running, or wasn't started.
 */
bool libchan_timer_stop(struct libchan_timer *t);

/*
 * The hook: how the plain functions find the runtime, if there is one
 */

/**
 * struct libchan_await - a select that a goroutine waits for
 * @arg: the cases, for ARM
 * @via: a channel
 * @reason: as of &struct libchan_waiter
 * @outside: somebody else than goroutines may end the wait
 * @parked: where others see who waits, or NULL
 * @deadline_ns: as for libchan_waiter_wait()
 * @result: what is read
 * @size: its bytes
 */
struct libchan_await {
	struct chan_select *arg;
	int via;
	const char *reason;
	bool outside;
	struct libchan_parked *parked;
	uint64_t deadline_ns;
	struct chan_selected *result;
	size_t size;
};

/**
 * struct libchan_runtime - what the plain functions need of the runtime
 * @self: the goroutine that calls; NULL in a plain thread and in go_block
 * @wait: libchan_waiter_wait() of a goroutine
 * @ready: a goroutine that was parked may go on
 * @await: arm a selector and wait for it: -EINPROGRESS if @result has been read, else
 *	what ARM says, or -ETIMEDOUT, or another errno; nothing was sent or received then
 * @hint: what a selector waits for has probably come
 * @selector_get: a selector that isn't armed; its file, or an errno
 * @selector_put: give it back, for others if it is disarmed and read
 * @poll: wait until one of the files may be ready: 0, -ETIMEDOUT, or another errno
 * @block: begin or end a section that blocks the thread
 * @calls: what the goroutine that runs has deferred, as long as it lives; NULL in a plain
 *	thread
 * @id: go_id()
 */
struct libchan_runtime {
	struct libchan_task *(*self)(void);
	int (*wait)(struct libchan_waiter *w, uint64_t deadline_ns);
	void (*ready)(struct libchan_task *task);
	int (*await)(const struct libchan_await *a);
	void (*hint)(void *selector);
	int (*selector_get)(int via, void **selector);
	void (*selector_put)(void *selector, bool again);
	int (*poll)(const struct pollfd *fds, size_t n, const char *reason,
		    uint64_t deadline_ns);
	void (*block)(bool begin);
	struct libchan_calls *(*calls)(void);
	uint64_t (*id)(void);
};

/* NULL until the runtime starts: so none of it is linked into programs without it. */
extern const struct libchan_runtime *libchan_runtime;

/* The runtime if a goroutine calls, NULL in a plain thread. */
static inline const struct libchan_runtime *libchan_in_task(void)
{
	const struct libchan_runtime *rt = __atomic_load_n(&libchan_runtime, __ATOMIC_ACQUIRE);

	return rt && rt->self() ? rt : NULL;
}

/*
 * Tasks
 */

/* What becomes of a task when it has left its stack. */
enum libchan_after {
	LIBCHAN_YIELD,		/* ready, last in its proc's queue */
	LIBCHAN_GLOBAL,		/* ready, in the global queue: the worker has no proc */
	LIBCHAN_PARK,		/* parked in task->waiter, if that hasn't been woken */
	LIBCHAN_END,		/* its stack is free */
};

/**
 * struct libchan_task - a goroutine, at the top of its own stack
 * @ctx: where it goes on, while it doesn't run
 * @next: in the global queue, or in a list of free tasks
 * @fn: what it runs
 * @arg: with what
 * @id: unique; Go's goroutine number
 * @waiter: that it is parked in; NULL while it runs
 * @main: whom go_run() waits with; woken when @fn returns
 * @calls: panic.c's: what it has deferred
 * @slot: its stack
 * @blocking: sections of go_block that it is in
 * @outside: somebody else than goroutines may wake it
 * @fake_stack: AddressSanitizer's
 * @fiber: ThreadSanitizer's
 *
 * Its own while it runs, else of who has it in hand; @waiter, @id, @outside and @slot may
 * be read where all are asleep.
 */
struct libchan_task {
	void *ctx;
	struct libchan_task *next;
	void (*fn)(void *arg);
	void *arg;
	uint64_t id;
	struct libchan_waiter *waiter;
	struct libchan_waiter *main;
	struct libchan_calls calls;
	struct libchan_slot *slot;
	unsigned int blocking;
	bool outside;
	void *fake_stack;
	void *fiber;
} __attribute__((aligned(64)));

/* A queue of tasks, linked by their next. */
struct libchan_queue {
	struct libchan_task *head;
	struct libchan_task *tail;
	unsigned int n;
};

static inline void libchan_queue_put(struct libchan_queue *q, struct libchan_task *task)
{
	task->next = NULL;
	if (q->n++)
		q->tail->next = task;
	else
		q->head = task;
	q->tail = task;
}

static inline struct libchan_task *libchan_queue_get(struct libchan_queue *q)
{
	struct libchan_task *task = q->head;

	if (!task)
		return NULL;
	q->head = task->next;
	q->n--;
	return task;
}

/*
 * Procs and workers
 */

#define LIBCHAN_RING		256	/* tasks in a proc's queue */
#define LIBCHAN_PROCS_MAX	1024

/* Spare things of one kind, that a proc keeps without a lock. */
struct libchan_spare {
	void *first;
	unsigned int n;
};

enum libchan_proc_state {
	LIBCHAN_HELD,		/* a worker has it */
	LIBCHAN_IDLE,		/* in the list of idle procs */
	LIBCHAN_RETIRED,	/* there are to be fewer */
};

/**
 * struct libchan_proc - the right to run tasks, and those that are ready
 * @head: atomic; of the ring; moved by its worker and by thieves
 * @tail: atomic; of the ring; moved by its worker
 * @next: atomic; a task that is before all in the ring, or NULL
 * @ring: atomic; the tasks between @head and @tail
 * @tick: tasks that were picked
 * @streak: of those, how many in a row were @next
 * @number: immutable; its place among all
 * @state: lock of sched.c; who has it
 * @link: lock of sched.c; next idle proc
 * @random: whom to steal from
 * @id: next task's id, if under @id_end
 * @id_end: see @id
 * @started: atomic, its worker writes: tasks started here
 * @ended: atomic, its worker writes: tasks ended here
 * @tasks: free tasks, with their stacks
 * @sources: spare files, one list a kind
 *
 * Where nothing else is said, of the worker that has it.
 */
struct libchan_proc {
	uint32_t head;
	uint32_t tail;
	struct libchan_task *next;
	uint32_t tick;
	uint32_t streak;
	unsigned int number;
	enum libchan_proc_state state;
	struct libchan_proc *link;
	uint64_t random;
	uint64_t id;
	uint64_t id_end;
	uint64_t started;
	uint64_t ended;
	struct libchan_spare tasks;
	struct libchan_spare sources[2];
	struct libchan_task *ring[LIBCHAN_RING];
};

/**
 * struct libchan_worker - a thread that runs tasks
 * @proc: that it has, or NULL
 * @task: that it runs, or NULL: it is on its own stack
 * @left: the task whose stack was left last; NULL: its own
 * @after: what is to become of it
 * @ctx: where it goes on on its own stack, while it runs tasks
 * @spinning: looks for tasks, and is counted as doing so
 * @wake: futex; 1 when it has been @given a proc
 * @given: lock of sched.c; the proc with which it is to go on
 * @idle: lock of sched.c; it is in the list of idle workers, or the poller
 * @link: lock of sched.c; next idle worker
 * @all: lock of sched.c; next of all workers
 * @last: the proc that it had before go_block
 * @fake_stack: AddressSanitizer's
 * @stack: of its own stack, for AddressSanitizer
 * @stack_size: likewise
 * @fiber: ThreadSanitizer's
 */
struct libchan_worker {
	struct libchan_proc *proc;
	struct libchan_task *task;
	struct libchan_task *left;
	enum libchan_after after;
	void *ctx;
	bool spinning;
	uint32_t wake;
	struct libchan_proc *given;
	bool idle;
	struct libchan_worker *link;
	struct libchan_worker *all;
	struct libchan_proc *last;
	void *fake_stack;
	const void *stack;
	size_t stack_size;
	void *fiber;
};

/* sched.c */
int libchan_start(void);
struct libchan_worker *libchan_worker_self(void);
struct libchan_task *libchan_pick(struct libchan_worker *w, bool *more);
struct libchan_task *libchan_find(struct libchan_worker *w);
void libchan_ready(struct libchan_task *task);
void libchan_ready_last(struct libchan_proc *p, struct libchan_task *task);
void libchan_ready_global(struct libchan_task *task);
void libchan_ready_main(struct libchan_task *task);
bool libchan_may_spin(void);
bool libchan_all_run(void);
void libchan_hand_off(struct libchan_worker *w);
bool libchan_regain(struct libchan_worker *w);
void libchan_outside(int more);
void libchan_main_ends(void);
void libchan_break(void);
unsigned int libchan_set_procs(unsigned int n);
unsigned int libchan_count_tasks(void);

/* task.c */
void libchan_work(struct libchan_worker *w) __attribute__((noreturn));
void libchan_fatal(const char *message) __attribute__((noreturn));
void libchan_tasks_reset(void);
extern const struct libchan_runtime libchan_runtime_ops;

/* netpoll.c */
int libchan_netpoll_start(void);
void libchan_netpoll_stop(void);
void libchan_netpoll(uint64_t deadline_ns, struct libchan_queue *woken);
bool libchan_netpoll_waits(void);
void libchan_netpoll_break(void);
bool libchan_netpoll_late(void);
int libchan_await(const struct libchan_await *a);
void libchan_hint(void *selector);
int libchan_selector_get(int via, void **selector);
void libchan_selector_put(void *selector, bool again);
int libchan_poll(const struct pollfd *fds, size_t n, const char *reason, uint64_t deadline_ns);
void libchan_netpoll_lock(void);
void libchan_netpoll_unlock(void);
void libchan_netpoll_reset(void);

/* gotimer.c */
uint64_t libchan_timers_next(void);
void libchan_timers_run(struct libchan_queue *woken);
void libchan_timer_start_late(struct libchan_timer *t, uint64_t deadline_ns,
			      struct libchan_waiter *w);
void libchan_timers_lock(void);
void libchan_timers_unlock(void);
void libchan_timers_reset(void);

/*
 * Stacks
 */

/**
 * struct libchan_slot - a stack: a guard page, if it has one, and then the stack itself
 * @next: lock of stack.c; next spare stack
 * @arena: immutable; of which it is a part
 * @task: at its top
 * @base: lowest byte above the guard
 * @used: is there a task? Written by who has it in hand
 * @guarded: there is a guard page
 * @known: it has been used before: has its guard, and valgrind knows it
 */
struct libchan_slot {
	struct libchan_slot *next;
	struct arena *arena;
	struct libchan_task *task;
	char *base;
	bool used;
	bool guarded;
	bool known;
};

void libchan_stacks_start(size_t size);
struct libchan_task *libchan_stack_get(void);
void libchan_stack_put(struct libchan_task *tasks);
void libchan_stack_check(const struct libchan_task *task);
size_t libchan_stack_size(const struct libchan_task *task);
void libchan_stacks_each(void (*fn)(const struct libchan_task *task, void *arg), void *arg);
void libchan_stacks_lock(void);
void libchan_stacks_unlock(void);
void libchan_stacks_reset(void);

#endif /* LIBCHAN_RUNTIME_H */
