// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Select: one of several sends and receives. With files among the cases: selfiles.c.
 */
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "runtime.h"
#include "sanitize.h"

#define FEW		16	/* cases that need no allocation */
#define NS_PER_S	1000000000ULL

static int case_in(struct chan_case *to, const struct chan_choice *from)
{
	const struct chan *c = from->c;

	if (from->op == CHAN_CASE_POLL) {
		*to = (struct chan_case){ .fd = -1 };	/* to the kernel, never ready */
		return 0;
	}
	if (from->op != CHAN_CASE_RECV && from->op != CHAN_CASE_SEND)
		return -EINVAL;
	*to = (struct chan_case){
		.fd = c ? c->fd : -1,
		.op = from->op,
		.buf = (uintptr_t)from->buf,
	};
	if (!c || !(c->is.flags & CHAN_MESSAGE))
		return 0;
	if (from->op == CHAN_CASE_RECV)
		to->len = from->size < c->is.elem_size ? from->size : c->is.elem_size;
	else if (from->len > c->is.elem_size)
		return -EMSGSIZE;
	else
		to->len = from->len;
	return 0;
}

static int cases_in(struct chan_case *to, const struct chan_choice *from, size_t n)
{
	size_t i;
	int r = 0;

	for (i = 0; i < n && !r; i++)
		r = case_in(&to[i], &from[i]);
	return r;
}

/**
 * libchan_chosen() - tell the caller how the case has ended
 * @choice: that has been chosen; an element is in its buffer already
 * @ok: was it sent or received?
 * @len: bytes of a message received
 */
void libchan_chosen(struct chan_choice *choice, bool ok, size_t len)
{
	const struct libchan_facts *is = &choice->c->is;

	if (choice->op == CHAN_CASE_SEND) {
		choice->result = ok ? 1 : -EPIPE;
		return;
	}
	choice->result = ok;
	if (is->flags & CHAN_MESSAGE)
		choice->len = ok ? len : 0;
	else if (!ok && is->elem_size)
		memset(choice->buf, 0, is->elem_size);
}

/* For ever: a futex that nobody wakes, as it goes on after a handler with SA_RESTART. */
static int sleep_for_ever(void)
{
	uint32_t word = 0;

	while (!syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0))
		;
	return -errno;
}

/* What is no longer a time for some C libraries is 68 years. */
static int sleep_for(uint64_t ns)
{
	struct timespec t = {
		.tv_sec = ns / NS_PER_S < INT_MAX ? ns / NS_PER_S : INT_MAX,
		.tv_nsec = ns % NS_PER_S,
	};

	return -(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL) ?: ETIMEDOUT);
}

/* No case has a channel: what the kernel would do, had it been asked. */
static int select_nothing(const struct chan_select *arg)
{
	if (arg->flags & CHAN_NONBLOCK)
		return -EAGAIN;
	return arg->flags & CHAN_TIMEOUT ? sleep_for(arg->timeout_ns) : sleep_for_ever();
}

/**
 * libchan_room_needed() - room for the result of an armed selector
 * @choices: the caller's
 * @n: how many
 *
 * The kernel can't know what the caller's buffers hold when a sender comes: so all of
 * them hold the longest message.
 *
 * Return: bytes of the largest element, -EMSGSIZE, or -EINVAL.
 */
int libchan_room_needed(const struct chan_choice *choices, size_t n)
{
	const struct chan_choice *choice;
	size_t elem_size, room = 0;

	if (n > CHAN_CASES_MAX)
		return -EINVAL;
	for (choice = choices; choice < choices + n; choice++) {
		if (!choice->c || choice->op != CHAN_CASE_RECV)
			continue;
		elem_size = choice->c->is.elem_size;
		if (choice->c->is.flags & CHAN_MESSAGE && choice->size < elem_size)
			return -EMSGSIZE;
		if (room < elem_size)
			room = elem_size;
	}
	return room;
}

/* What read(2) of a selector gives: the element comes behind. */
static int result_out(const struct chan_selected *is, struct chan_choice *choices, size_t n)
{
	struct chan_choice *choice;

	if (is->index >= n)
		return -EINVAL;
	choice = &choices[is->index];
	if (!choice->c || is->len > (choice->op == CHAN_CASE_RECV ? choice->c->is.elem_size : 0))
		return -EINVAL;
	if (is->len)
		memcpy(choice->buf, is + 1, is->len);
	libchan_chosen(choice, is->flags & CHAN_OK, is->len);
	return is->index;
}

/* A result and room for it. Return: 0, or -ENOMEM. */
static int result_begin(struct libchan_result *r, size_t room)
{
	r->size = sizeof(*r->is) + room;
	r->is = r->size > sizeof(r->small) ? calloc(1, r->size) : r->small;
	return r->is ? 0 : -ENOMEM;
}

static void result_end(struct libchan_result *r)
{
	if (r->is != r->small)
		free(r->is);
}

/**
 * libchan_selected() - read the result of a selector
 * @fd: the selector
 * @choices: the cases that it was armed with
 * @n: how many
 *
 * Return: as chan_sel_read().
 */
LIBCHAN_ERRNO int libchan_selected(int fd, struct chan_choice *choices, size_t n)
{
	int room = libchan_room_needed(choices, n), r;
	struct libchan_result result;

	if (room < 0)
		return room;
	r = result_begin(&result, room);
	if (r)
		return r;
	r = read(fd, result.is, result.size) < 0 ? -errno : result_out(result.is, choices, n);
	result_end(&result);
	return r;
}

static int case_out(int chosen, const struct chan_case *cases, struct chan_choice *choices)
{
	int i = chosen & CHAN_INDEX_MASK;

	libchan_chosen(&choices[i], chosen & CHAN_OK, cases[i].len);
	return i;
}

/**
 * libchan_choose() - SELECT or ARM
 * @fd: the file that is asked; negative if there is none, since no case has a channel
 * @cmd: which of them
 * @choices: the caller's
 * @n: how many, %CHAN_CASES_MAX at most
 * @arg: flags and time are filled in
 *
 * Return: the index of the case that was chosen, or a negative errno.
 */
int libchan_choose(int fd, unsigned long cmd, struct chan_choice *choices, size_t n,
		   struct chan_select *arg)
{
	struct chan_case few[FEW], *cases = few;
	int r;

	if (n > FEW)
		cases = calloc(n, sizeof(*cases));
	if (!cases)
		return -ENOMEM;
	arg->size = sizeof(*arg);
	arg->cases = (uintptr_t)cases;
	arg->count = n;
	arg->case_size = sizeof(*cases);
	r = cases_in(cases, choices, n);
	if (!r)
		r = fd < 0 ? select_nothing(arg) : libchan_ioctl(fd, cmd, arg);
	if (r >= 0)
		r = case_out(r, cases, choices);
	if (cases != few)
		free(cases);
	return r;
}

/* Any channel of the select can be asked. */
static int fd_to_ask(const struct chan_choice *choices, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (choices[i].c)
			return choices[i].c->fd;
	return -1;
}

/*
 * Goroutines
 */

static bool from_outside(const struct chan_choice *choices, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (choices[i].c && libchan_from_outside(choices[i].c))
			return true;
	return false;
}

/* Return: as libchan_await(); the result is @result's. */
static int await_cases(const struct libchan_runtime *rt, struct chan_case *cases,
		       struct chan_choice *choices, size_t n, const struct chan_select *how,
		       struct libchan_result *result)
{
	struct chan_select arg = {
		.size = sizeof(arg),
		.flags = how->flags & CHAN_PRIORITY,
		.cases = (uintptr_t)cases,
		.count = n,
		.case_size = sizeof(*cases),
	};
	struct libchan_await a = {
		.arg = &arg,
		.via = fd_to_ask(choices, n),
		.reason = "select",
		.outside = from_outside(choices, n),
		.deadline_ns = how->flags & CHAN_TIMEOUT ? libchan_deadline(how->timeout_ns) :
							   LIBCHAN_NEVER,
		.result = result->is,
		.size = result->size,
	};
	int r = cases_in(cases, choices, n);

	if (!r)
		r = rt->await(&a);
	if (r == -EINPROGRESS)
		return result_out(result->is, choices, n);
	return r < 0 ? r : case_out(r, cases, choices);
}

static int task_wait(const struct libchan_runtime *rt, struct chan_choice *choices, size_t n,
		     const struct chan_select *how, size_t room)
{
	struct chan_case few[FEW], *cases = few;
	struct libchan_result result;
	int r;

	if (n > FEW)
		cases = calloc(n, sizeof(*cases));
	if (!cases)
		return -ENOMEM;
	r = result_begin(&result, room);
	if (!r) {
		r = await_cases(rt, cases, choices, n, how, &result);
		result_end(&result);
	}
	if (cases != few)
		free(cases);
	return r;
}

/* Others may let go of a handle meanwhile. */
static void hold_all(const struct chan_choice *choices, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (choices[i].c)
			chan_ref(choices[i].c);
}

static void drop_all(const struct chan_choice *choices, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		chan_unref(choices[i].c);
}

static int task_wait_for_nothing(const struct chan_select *how)
{
	struct libchan_waiter nobody;

	libchan_waiter_init(&nobody, "select (no cases)");
	return libchan_waiter_wait(&nobody, how->flags & CHAN_TIMEOUT ?
				   libchan_deadline(how->timeout_ns) : LIBCHAN_NEVER);
}

/*
 * A message that turns out to be too long for its buffer must stay: which only the kernel
 * can see to, so that the thread waits.
 */
static int block_for_message(struct chan_choice *choices, size_t n, struct chan_select *how,
			     const struct libchan_runtime *rt)
{
	int r;

	rt->block(true);
	r = libchan_choose(fd_to_ask(choices, n), CHAN_IOC_SELECT, choices, n, how);
	rt->block(false);
	return r;
}

/* Try, and then wait. */
static int task_select(const struct libchan_runtime *rt, struct chan_choice *choices, size_t n,
		       struct chan_select *how)
{
	struct chan_select try = {
		.flags = (how->flags & CHAN_PRIORITY) | CHAN_NONBLOCK,
	};
	int via = fd_to_ask(choices, n), room, r;

	r = libchan_choose(via, CHAN_IOC_SELECT, choices, n, &try);
	if (r != -EAGAIN)
		return r;
	if (how->flags & CHAN_TIMEOUT && !how->timeout_ns)
		return -ETIMEDOUT;
	if (via < 0)
		return task_wait_for_nothing(how);
	hold_all(choices, n);
	room = libchan_room_needed(choices, n);
	if (room < 0)
		r = block_for_message(choices, n, how, rt);
	else
		r = task_wait(rt, choices, n, how, room);
	drop_all(choices, n);
	return r;
}

/*
 * All callers
 */

/* For ThreadSanitizer alone: see sanitize.h. */
static void order_before(const struct chan_choice *choices, size_t n)
{
	size_t i;

	for (i = 0; __tsan_release && i < n; i++)
		if (choices[i].op != CHAN_CASE_POLL && choices[i].c)
			libchan_order_before(choices[i].c->is.id);
}

static int select_flags(struct chan_choice *choices, size_t n, unsigned int flags,
			unsigned int wait, uint64_t timeout_ns)
{
	struct chan_select how = { .flags = flags | wait, .timeout_ns = timeout_ns };
	const struct libchan_runtime *rt = wait & CHAN_NONBLOCK ? NULL : libchan_in_task();
	int r;

	if (n > CHAN_CASES_MAX || flags & ~CHAN_PRIORITY)
		return -EINVAL;
	order_before(choices, n);
	if (libchan_has_files(choices, n))
		r = libchan_select_files(choices, n, &how, rt);
	else if (rt)
		r = task_select(rt, choices, n, &how);
	else
		r = libchan_choose(fd_to_ask(choices, n), CHAN_IOC_SELECT, choices, n, &how);
	if (r >= 0 && choices[r].op != CHAN_CASE_POLL)
		libchan_order_after(choices[r].c->is.id);
	return r;
}

/**
 * libchan_has_files() - is it more than a select of channels?
 * @choices: the caller's
 * @n: how many
 *
 * Return: true if a file is among the cases.
 */
bool libchan_has_files(const struct chan_choice *choices, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (choices[i].op == CHAN_CASE_POLL)
			return true;
	return false;
}

LIBCHAN_EXPORT int chan_select(struct chan_choice *choices, size_t n, unsigned int flags)
{
	return select_flags(choices, n, flags, 0, 0);
}

LIBCHAN_EXPORT int chan_select_try(struct chan_choice *choices, size_t n, unsigned int flags)
{
	return select_flags(choices, n, flags, CHAN_NONBLOCK, 0);
}

LIBCHAN_EXPORT int chan_select_timeout(struct chan_choice *choices, size_t n,
				       unsigned int flags, uint64_t timeout_ns)
{
	return select_flags(choices, n, flags, CHAN_TIMEOUT, timeout_ns);
}
