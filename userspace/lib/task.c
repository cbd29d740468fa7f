// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Goroutines: how they begin, end, park and go on; and the functions of gochan/task.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gochan/panic.h"
#include "gochan/task.h"
#include "internal.h"
#include "runtime.h"
#include "sanitize.h"

#define NS_PER_S	1000000000ULL
#define SPARE		64	/* free tasks that a proc keeps */
#define ALIGNMENT	16UL	/* of a stack, and of arguments on it */
#define IDS		16	/* ids that a proc takes at once */

/*
 * Boost.Context's jump. What jump_fcontext() returns, and a new context gets, is who was
 * left, and the argument of the jump.
 */
struct libchan_jump {
	void *ctx;
	void *data;
};

struct libchan_jump jump_fcontext(void *to, void *data);
void *make_fcontext(void *top, size_t size, void (*fn)(struct libchan_jump));

static struct {
	uint64_t ids;		/* atomic; the last that was given out */
	uint64_t started;	/* atomic; by plain threads */
} tasks;

/*
 * Switching
 */

/*
 * ThreadSanitizer counts calls and returns for each fiber. Between it and the jump there
 * must be no return: it would be counted for the fiber that comes, which made no call.
 */
static inline __attribute__((always_inline)) void
leave_fiber(void **fake_stack, const void *bottom, size_t size, void *fiber)
{
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(fake_stack, bottom, size);
	if (__tsan_switch_to_fiber)
		__tsan_switch_to_fiber(fiber, 0);
}

/* On its way out of @me, or its own stack if that is NULL. */
static inline __attribute__((always_inline)) void
leave(struct libchan_worker *w, struct libchan_task *me, bool ends)
{
	struct libchan_task *to = w->task;
	void **fake_stack = me ? &me->fake_stack : &w->fake_stack;

	if (ends)
		fake_stack = NULL;
	if (to)
		leave_fiber(fake_stack, to->slot->base, libchan_stack_size(to), to->fiber);
	else
		leave_fiber(fake_stack, w->stack, w->stack_size, w->fiber);
}

static void enter(struct libchan_worker *w, void *fake_stack)
{
	if (!__sanitizer_finish_switch_fiber)
		return;
	if (w->left)
		__sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
	else
		__sanitizer_finish_switch_fiber(fake_stack, &w->stack, &w->stack_size);
}

static void task_free(struct libchan_worker *w, struct libchan_task *task)
{
	struct libchan_spare *spare = &w->proc->tasks;
	struct libchan_task *half = NULL, *next;

	if (__tsan_destroy_fiber)
		__tsan_destroy_fiber(task->fiber);
	/* The functions that it has ended in have not returned. */
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(task->ctx, (char *)task - (char *)task->ctx);
	task->slot->used = false;
	__atomic_store_n(&w->proc->ended, w->proc->ended + 1, __ATOMIC_RELAXED);
	task->next = spare->first;
	spare->first = task;
	if (++spare->n < SPARE)
		return;
	while (spare->n > SPARE / 2) {
		task = spare->first;
		next = task->next;
		task->next = half;
		half = task;
		spare->first = next;
		spare->n--;
	}
	libchan_stack_put(half);
}

/* The task that was left may run elsewhere from here on. */
static void settle(struct libchan_worker *w, struct libchan_task *left)
{
	switch (w->after) {
	case LIBCHAN_YIELD:
		libchan_ready_last(w->proc, left);
		break;
	case LIBCHAN_GLOBAL:
		libchan_ready_global(left);
		break;
	case LIBCHAN_PARK:
		if (!libchan_waiter_park(left->waiter))
			libchan_ready_last(w->proc, left);
		break;
	case LIBCHAN_END:
		task_free(w, left);
		break;
	}
}

/* On another stack, first of all. @j: from where; @fake_stack: of who goes on here. */
static void arrive(struct libchan_jump j, void *fake_stack)
{
	struct libchan_worker *w = j.data;
	struct libchan_task *left = w->left;

	enter(w, fake_stack);
	if (!left) {
		w->ctx = j.ctx;
		return;
	}
	left->ctx = j.ctx;
	settle(w, left);
}

/* Leave the stack of a task; when this returns, it is perhaps in another thread. */
static void switch_to(struct libchan_worker *w, struct libchan_task *to, enum libchan_after after)
{
	struct libchan_task *me = w->task;
	struct libchan_jump j;

	w->left = me;
	w->after = after;
	w->task = to;
	leave(w, me, after == LIBCHAN_END);
	j = jump_fcontext(to ? to->ctx : w->ctx, w);
	arrive(j, me->fake_stack);
}

/**
 * libchan_work() - run tasks for ever
 * @w: the worker whose thread calls
 */
void libchan_work(struct libchan_worker *w)
{
	struct libchan_jump j;

	if (__tsan_get_current_fiber)
		w->fiber = __tsan_get_current_fiber();
	for (;;) {
		w->left = NULL;
		w->task = libchan_find(w);
		leave(w, NULL, false);
		j = jump_fcontext(w->task->ctx, w);
		arrive(j, w->fake_stack);
	}
}

/*
 * Parking
 */

static struct libchan_task *task_self(void)
{
	struct libchan_worker *w = libchan_worker_self();

	return w ? w->task : NULL;
}

static struct libchan_task *task_self_unblocked(void)
{
	struct libchan_task *task = task_self();

	return task && !task->blocking ? task : NULL;
}

static void park(struct libchan_waiter *waiter)
{
	struct libchan_worker *w = libchan_worker_self();
	struct libchan_task *me = w->task;
	bool more;

	waiter->task = me;
	me->waiter = waiter;
	libchan_stack_check(me);
	switch_to(w, libchan_pick(w, &more), LIBCHAN_PARK);
	me->waiter = NULL;
}

static int park_until(struct libchan_waiter *waiter, uint64_t deadline_ns)
{
	struct libchan_timer timer = {};

	if (deadline_ns <= libchan_now())
		return -ETIMEDOUT;
	libchan_timer_start_late(&timer, deadline_ns, waiter);
	park(waiter);
	libchan_timer_stop(&timer);
	return libchan_waiter_was_late(waiter) ? -ETIMEDOUT : 0;
}

static int task_wait(struct libchan_waiter *waiter, uint64_t deadline_ns)
{
	if (libchan_waiter_is_woken(waiter))
		return 0;
	if (deadline_ns != LIBCHAN_NEVER)
		return park_until(waiter, deadline_ns);
	park(waiter);
	return 0;
}

static void task_block(bool begin)
{
	if (begin)
		go_block_begin();
	else
		go_block_end();
}

static struct libchan_calls *task_calls(void)
{
	struct libchan_task *task = task_self();

	return task ? &task->calls : NULL;
}

const struct libchan_runtime libchan_runtime_ops = {
	.self = task_self_unblocked,
	.wait = task_wait,
	.ready = libchan_ready,
	.await = libchan_await,
	.hint = libchan_hint,
	.selector_get = libchan_selector_get,
	.selector_put = libchan_selector_put,
	.poll = libchan_poll,
	.block = task_block,
	.calls = task_calls,
	.id = go_id,
};

/* Out of go_block, however deep. */
static void unblock(struct libchan_worker *w)
{
	w->task->blocking = 0;
	if (!libchan_regain(w))
		switch_to(w, NULL, LIBCHAN_GLOBAL);
}

/*
 * Beginning and end
 */

/* A goroutine that has forked is no goroutine in the child: its end is the program's. */
static void __attribute__((noreturn)) end(void)
{
	struct libchan_worker *w = libchan_worker_self();
	bool more;

	if (!w)
		exit(0);
	if (w->task->blocking)
		unblock(w);
	w = libchan_worker_self();
	switch_to(w, libchan_pick(w, &more), LIBCHAN_END);
	__builtin_unreachable();
}

/*
 * The outermost function of each goroutine. Nobody has called it, as debuggers and
 * unwinders are told.
 */
static void run(struct libchan_jump j)
{
	struct libchan_task *me;

#if defined(__x86_64__)
	__asm__ volatile(".cfi_undefined rip");
#elif defined(__aarch64__)
	__asm__ volatile(".cfi_undefined x30");
#endif
	me = ((struct libchan_worker *)j.data)->task;
	arrive(j, NULL);
	libchan_acquire(me);
	me->fn(me->arg);
	if (me->main && libchan_worker_self()) {
		libchan_main_ends();
		libchan_waiter_wake(me->main);
	}
	end();
}

static struct libchan_task *task_new(struct libchan_proc *p)
{
	struct libchan_task *task = p ? p->tasks.first : NULL;
	struct libchan_slot *slot;

	if (!task)
		return libchan_stack_get();
	p->tasks.first = task->next;
	p->tasks.n--;
	slot = task->slot;
	*task = (struct libchan_task){ .slot = slot };
	return task;
}

static uint64_t id_new(struct libchan_proc *p)
{
	if (!p)
		return __atomic_add_fetch(&tasks.ids, 1, __ATOMIC_RELAXED);
	if (p->id == p->id_end) {
		p->id_end = __atomic_add_fetch(&tasks.ids, IDS, __ATOMIC_RELAXED);
		p->id = p->id_end - IDS;
	}
	return ++p->id;
}

static void count(struct libchan_proc *p)
{
	if (p)
		__atomic_store_n(&p->started, p->started + 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(&tasks.started, 1, __ATOMIC_RELAXED);
}

static int start(void (*fn)(void *), void *arg, size_t size, struct libchan_waiter *main)
{
	struct libchan_worker *w;
	struct libchan_task *task;
	char *top;
	int r;

	r = libchan_start();
	if (r)
		return r;
	w = libchan_worker_self();
	task = task_new(w ? w->proc : NULL);
	if (!task)
		return -ENOMEM;
	if (size > libchan_stack_size(task) / 4) {
		libchan_stack_put(task);
		return -EINVAL;
	}
	top = (char *)task - ((size + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
	task->fn = fn;
	task->arg = size ? memcpy(top, arg, size) : arg;
	task->main = main;
	task->id = id_new(w ? w->proc : NULL);
	task->ctx = make_fcontext(top, top - task->slot->base, run);
	if (__tsan_create_fiber)
		task->fiber = __tsan_create_fiber(0);
	task->slot->used = true;
	count(w ? w->proc : NULL);
	libchan_release(task);
	if (main)
		libchan_ready_main(task);
	else
		libchan_ready(task);
	return 0;
}

LIBCHAN_EXPORT int go_start(void (*fn)(void *), void *arg)
{
	return start(fn, arg, 0, NULL);
}

LIBCHAN_EXPORT int go_start_copy(void (*fn)(void *), const void *arg, size_t size)
{
	return start(fn, (void *)arg, size, NULL);
}

/* Of what can go wrong only the last is as chan_strerror() says it. */
LIBCHAN_EXPORT void go_begin(void (*fn)(void *), const void *args, size_t size)
{
	int r = start(fn, (void *)args, size, NULL);

	if (r == -EINVAL)
		go_panic("go: the arguments are over a quarter of a stack");
	if (r == -EAGAIN)
		go_panic("go: the system has no thread left");
	if (r)
		go_panic("go: %s", chan_strerror(r));
}

LIBCHAN_EXPORT void go_run(void (*fn)(void *), void *arg)
{
	struct libchan_waiter main;

	if (task_self()) {
		fn(arg);
		return;
	}
	libchan_waiter_init(&main, "go_run");
	if (libchan_start())
		libchan_fatal("go_run: can't start a thread");
	if (start(fn, arg, 0, &main))
		libchan_fatal("go_run: out of memory");
	libchan_waiter_wait(&main, LIBCHAN_NEVER);
}

LIBCHAN_EXPORT void go_exit(void)
{
	libchan_run_deferred();
	if (!task_self())
		pthread_exit(NULL);
	end();
}

/*
 * Others
 */

LIBCHAN_EXPORT void go_yield(void)
{
	struct libchan_worker *w = libchan_worker_self();
	struct libchan_task *next;
	bool more;

	if (!w || !w->task || w->task->blocking) {
		sched_yield();
		return;
	}
	libchan_stack_check(w->task);
	next = libchan_pick(w, &more);
	if (next || more)
		switch_to(w, next, LIBCHAN_YIELD);
}

LIBCHAN_EXPORT void go_sleep(uint64_t ns)
{
	struct libchan_waiter nobody;

	libchan_waiter_init(&nobody, "sleep");
	libchan_waiter_wait(&nobody, libchan_deadline(ns));
}

LIBCHAN_EXPORT uint64_t go_id(void)
{
	struct libchan_task *task = task_self();

	return task ? task->id : 0;
}

LIBCHAN_EXPORT unsigned int go_num(void)
{
	return __atomic_load_n(&tasks.started, __ATOMIC_RELAXED) + libchan_count_tasks();
}

LIBCHAN_EXPORT unsigned int go_procs(unsigned int n)
{
	return libchan_start() ? 0 : libchan_set_procs(n);
}

LIBCHAN_EXPORT void go_block_begin(void)
{
	struct libchan_worker *w = libchan_worker_self();

	if (w && w->task && !w->task->blocking++)
		libchan_hand_off(w);
}

LIBCHAN_EXPORT void go_block_end(void)
{
	struct libchan_worker *w = libchan_worker_self();

	if (!w || !w->task || !w->task->blocking)
		return;
	if (w->task->blocking == 1)
		unblock(w);
	else
		w->task->blocking--;
}

/**
 * libchan_fatal() - end the program as Go does where it can't go on
 * @message: why
 */
void libchan_fatal(const char *message)
{
	char text[128];

	snprintf(text, sizeof(text), "fatal error: %s\n", message);
	libchan_die(text);
}

/* In the child of a fork(2). */
void libchan_tasks_reset(void)
{
	tasks.ids = 0;
	tasks.started = 0;
}
