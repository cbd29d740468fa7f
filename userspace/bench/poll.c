// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for one of several files: poll(2) or epoll(7), a look for which is ready, and
 * a call. Where several wait for the same, it is for the workload to say that calls
 * don't block: another may have been faster, then once more.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"

/* The files to receive from, then those to send to. */
static void open_poll(struct any *a)
{
	struct pollfd *fds = calloc(2 * a->n, sizeof(*fds));
	unsigned int i;

	if (!fds)
		die("calloc");
	for (i = 0; i < a->n; i++) {
		fds[i].fd = a->links[i].in;
		fds[i].events = POLLIN;
		fds[a->n + i].fd = a->links[i].out;
		fds[a->n + i].events = POLLOUT;
	}
	a->state = fds;
}

static void close_poll(struct any *a)
{
	free(a->state);
}

static inline unsigned int first_ready(const struct pollfd *fds)
{
	unsigned int i = 0;

	while (!fds[i].revents)
		i++;
	return i;
}

static unsigned int recv_poll(struct any *a, void *buf)
{
	struct pollfd *fds = a->state;
	unsigned int i;

	do {
		if (poll(fds, a->n, -1) < 1)
			die("poll");
		i = first_ready(fds);
	} while (!a->links[i].peer->try_recv(&a->links[i], buf));
	return i;
}

static unsigned int send_poll(struct any *a, const void *buf)
{
	struct pollfd *fds = (struct pollfd *)a->state + a->n;
	unsigned int i;

	do {
		if (poll(fds, a->n, -1) < 1)
			die("poll");
		i = first_ready(fds);
	} while (!a->links[i].peer->try_send(&a->links[i], buf));
	return i;
}

const struct any_ops any_poll = {
	.open = open_poll,
	.recv = recv_poll,
	.send = send_poll,
	.close = close_poll,
};

static void open_epoll(struct any *a)
{
	struct epoll_event e = { .events = EPOLLIN };
	int *fd = malloc(sizeof(*fd));
	unsigned int i;

	if (!fd)
		die("malloc");
	*fd = epoll_create1(0);
	for (i = 0; i < a->n; i++) {
		e.data.u32 = i;
		if (epoll_ctl(*fd, EPOLL_CTL_ADD, a->links[i].in, &e))
			die("epoll_ctl");
	}
	a->state = fd;
}

static void close_epoll(struct any *a)
{
	close(*(int *)a->state);
	free(a->state);
}

static unsigned int recv_epoll(struct any *a, void *buf)
{
	struct epoll_event e;
	unsigned int i;

	do {
		expect(epoll_wait(*(int *)a->state, &e, 1, -1), 1, "epoll_wait");
		i = e.data.u32;
	} while (!a->links[i].peer->try_recv(&a->links[i], buf));
	return i;
}

const struct any_ops any_epoll = {
	.open = open_epoll,
	.recv = recv_epoll,
	.close = close_epoll,
};
