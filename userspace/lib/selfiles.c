// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Select with files among the cases, which the kernel's select knows nothing of.
 *
 * Each case is tried once without waiting, in random order: so all that are ready have the
 * same chance. Then the channels wait in a selector, which is one more file, and the
 * caller waits for the files. If one of those comes first, the selector is taken back; if it
 * is too late for that, a channel's case has been carried out, and is the one.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "runtime.h"

#define FEW		16	/* cases that need no allocation */
#define NS_PER_S	1000000000ULL

/**
 * struct mixed - a select
 * @rt: the runtime, if a goroutine selects
 * @choices: the caller's
 * @n: how many
 * @flags: %CHAN_PRIORITY, or 0
 * @via: a channel among them, or -1
 * @deadline_ns: until when to wait
 * @fds: of each case its file, or -1; and behind them that of the selector
 * @order: of the cases
 * @selector: that waits for the channels: the runtime's, if a goroutine selects
 */
struct mixed {
	const struct libchan_runtime *rt;
	struct chan_choice *choices;
	size_t n;
	uint32_t flags;
	int via;
	uint64_t deadline_ns;
	struct pollfd *fds;
	uint16_t *order;
	void *selector;
};

/* Good enough for a fair choice. */
static uint64_t random_next(void)
{
	static uint64_t state;
	uint64_t x = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15, __ATOMIC_RELAXED);

	x += (uintptr_t)&x;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static void shuffle(uint16_t *order, size_t n)
{
	uint16_t other;
	size_t i, j;

	for (i = 1; i < n; i++) {
		j = random_next() % (i + 1);
		other = order[i];
		order[i] = order[j];
		order[j] = other;
	}
}

/* Which files are ready now? Return: how many, or a negative errno. */
static LIBCHAN_ERRNO int look(struct mixed *m)
{
	size_t i;
	int r;

	do
		r = poll(m->fds, m->n + 1, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (i = 0; i < m->n; i++)
		if (m->fds[i].revents & POLLNVAL)
			return -EBADF;
	return r;
}

/* Return: the case, or -EAGAIN. */
static int file_chosen(struct mixed *m, size_t i)
{
	if (!m->fds[i].revents)
		return -EAGAIN;
	m->choices[i].result = m->fds[i].revents;
	return i;
}

/* Return: the case, -EAGAIN, or another errno. */
static int try_channel(struct mixed *m, size_t i)
{
	struct chan_select how = { .flags = CHAN_NONBLOCK };
	struct chan_choice *choice = &m->choices[i];
	int r;

	r = libchan_choose(choice->c ? choice->c->fd : -1, CHAN_IOC_SELECT, choice, 1, &how);
	return r < 0 ? r : (int)i;
}

static int try_files(struct mixed *m)
{
	int r = -EAGAIN;
	size_t i;

	for (i = 0; i < m->n && r == -EAGAIN; i++)
		r = file_chosen(m, m->order[i]);
	return r;
}

static int try_all(struct mixed *m)
{
	int r = look(m);
	size_t i, k;

	if (r < 0)
		return r;
	r = -EAGAIN;
	for (i = 0; i < m->n && r == -EAGAIN; i++) {
		k = m->order[i];
		if (m->choices[k].op == CHAN_CASE_POLL)
			r = file_chosen(m, k);
		else
			r = try_channel(m, k);
	}
	return r;
}

/*
 * The selector
 */

static int selector_open(struct mixed *m)
{
	struct chan_selector arg = { .size = sizeof(arg), .fd_flags = O_CLOEXEC };
	int r;

	if (m->rt)
		return m->rt->selector_get(m->via, &m->selector);
	r = libchan_ioctl(m->via, CHAN_IOC_SELECTOR, &arg);
	return r < 0 ? r : arg.fd;
}

static void selector_close(struct mixed *m, bool again)
{
	if (m->rt)
		m->rt->selector_put(m->selector, again);
	else
		close(m->fds[m->n].fd);
}

/* Return: 0 if it is taken back. */
static int selector_disarm(struct mixed *m)
{
	int r;

	do
		r = libchan_ioctl(m->fds[m->n].fd, CHAN_IOC_DISARM, NULL);
	while (r == -EINTR);
	return r;
}

static int selector_read(struct mixed *m)
{
	int r;

	do
		r = libchan_selected(m->fds[m->n].fd, m->choices, m->n);
	while (r == -EINTR);
	return r;
}

/*
 * Waiting
 */

static LIBCHAN_ERRNO int thread_poll(struct mixed *m)
{
	struct timespec t;
	uint64_t now;
	int r;

	if (m->deadline_ns == LIBCHAN_NEVER) {
		r = ppoll(m->fds, m->n + 1, NULL, NULL);
	} else {
		now = libchan_now();
		now = now < m->deadline_ns ? m->deadline_ns - now : 0;
		t.tv_sec = now / NS_PER_S;
		t.tv_nsec = now % NS_PER_S;
		r = ppoll(m->fds, m->n + 1, &t, NULL);
	}
	if (r < 0)
		return -errno;
	return r ? 0 : -ETIMEDOUT;
}

/* Return: 0 if something may be ready, or an errno. */
static int wait_for_files(struct mixed *m)
{
	return m->rt ? m->rt->poll(m->fds, m->n + 1, "select", m->deadline_ns) :
		       thread_poll(m);
}

/* Without channels. */
static int wait_without(struct mixed *m)
{
	int r;

	do {
		r = wait_for_files(m);
		if (!r)
			r = look(m);
		if (r > 0)
			r = try_files(m);
		else if (!r)
			r = -EAGAIN;
	} while (r == -EAGAIN);
	return r;
}

/* What ends the wait is a file or an error, unless the selector is ready by now. */
static int wait_with(struct mixed *m)
{
	int r;

	do {
		r = wait_for_files(m);
		if (!r)
			r = look(m);
	} while (!r);
	if (r > 0)
		r = try_files(m);
	return selector_disarm(m) ? selector_read(m) : r;
}

static int arm_and_wait(struct mixed *m)
{
	struct chan_select how = { .flags = m->flags };
	struct pollfd *sel = &m->fds[m->n];
	int r = libchan_room_needed(m->choices, m->n);

	if (r < 0)
		return r;
	sel->fd = selector_open(m);
	if (sel->fd < 0)
		return sel->fd;
	r = libchan_choose(sel->fd, CHAN_IOC_ARM, m->choices, m->n, &how);
	if (r == -EINPROGRESS)
		r = wait_with(m);
	selector_close(m, r >= 0 || r == -ETIMEDOUT);
	return r;
}

/*
 * All of it
 */

static int prepare(struct mixed *m)
{
	struct chan_choice *choice;
	size_t i;

	for (i = 0; i < m->n; i++) {
		choice = &m->choices[i];
		m->order[i] = i;
		m->fds[i] = (struct pollfd){ .fd = -1 };
		if (choice->op == CHAN_CASE_POLL) {
			if (choice->events & ~0x7fffU)
				return -EINVAL;
			m->fds[i].fd = choice->fd;
			m->fds[i].events = choice->events;
		} else if (choice->c) {
			m->via = choice->c->fd;
		}
	}
	m->fds[m->n] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (!(m->flags & CHAN_PRIORITY))
		shuffle(m->order, m->n);
	return 0;
}

static int run(struct mixed *m, const struct chan_select *how)
{
	int r = prepare(m);

	if (!r)
		r = try_all(m);
	if (r != -EAGAIN || how->flags & CHAN_NONBLOCK)
		return r;
	if (how->flags & CHAN_TIMEOUT) {
		if (!how->timeout_ns)
			return -ETIMEDOUT;
		m->deadline_ns = libchan_deadline(how->timeout_ns);
	}
	return m->via < 0 ? wait_without(m) : arm_and_wait(m);
}

/* Others may let go of a handle meanwhile. */
static int run_held(struct mixed *m, const struct chan_select *how)
{
	size_t i;
	int r;

	for (i = 0; i < m->n; i++)
		if (m->choices[i].op != CHAN_CASE_POLL && m->choices[i].c)
			chan_ref(m->choices[i].c);
	r = run(m, how);
	for (i = 0; i < m->n; i++)
		if (m->choices[i].op != CHAN_CASE_POLL)
			chan_unref(m->choices[i].c);
	return r;
}

/**
 * libchan_select_files() - chan_select() with files among the cases
 * @choices: the caller's
 * @n: how many
 * @how: flags and time
 * @rt: the runtime, if a goroutine calls
 *
 * Return: as chan_select().
 */
int libchan_select_files(struct chan_choice *choices, size_t n, const struct chan_select *how,
			 const struct libchan_runtime *rt)
{
	struct pollfd few_fds[FEW + 1];
	uint16_t few_order[FEW];
	struct mixed m = {
		.rt = rt,
		.choices = choices,
		.n = n,
		.flags = how->flags & CHAN_PRIORITY,
		.via = -1,
		.deadline_ns = LIBCHAN_NEVER,
		.fds = few_fds,
		.order = few_order,
	};
	int r = -ENOMEM;

	if (n > FEW) {
		m.fds = calloc(n + 1, sizeof(*m.fds));
		m.order = calloc(n, sizeof(*m.order));
	}
	if (m.fds && m.order)
		r = run_held(&m, how);
	if (n > FEW) {
		free(m.fds);
		free(m.order);
	}
	return r;
}
