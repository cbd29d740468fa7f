// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Select: one of several sends and receives.
 */
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define FEW		16	/* cases that need no allocation */
#define NS_PER_S	1000000000ULL

static int case_in(struct chan_case *to, const struct chan_choice *from)
{
	const struct chan *c = from->c;

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

static int select_flags(struct chan_choice *choices, size_t n, unsigned int flags,
			unsigned int wait, uint64_t timeout_ns)
{
	struct chan_select arg = { .flags = flags | wait, .timeout_ns = timeout_ns };

	if (n > CHAN_CASES_MAX || flags & ~CHAN_PRIORITY)
		return -EINVAL;
	return libchan_choose(fd_to_ask(choices, n), CHAN_IOC_SELECT, choices, n, &arg);
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
