// SPDX-License-Identifier: GPL-2.0
/*
 * eventfd(2) as a semaphore: elements that are all the same, without a limit.
 */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../bench.h"

static void open_eventfd(struct link *l)
{
	l->in = eventfd(0, EFD_SEMAPHORE);
	if (l->in < 0)
		die("eventfd");
	l->out = l->in;
}

static void send_one(struct link *l, const void *buf)
{
	const uint64_t one = 1;

	expect(write(l->out, &one, sizeof(one)), sizeof(one), "write");
}

static bool try_send_one(struct link *l, const void *buf)
{
	send_one(l, buf);
	return true;
}

static const struct peer eventfds = {
	.name = "eventfd",
	.what = "an eventfd as a semaphore: 8 bytes that say nothing",
	.only = 8,
	.size_max = 64,
	.capacity_min = 1U << 30,
	.pollable = true,
	.in_kernel = true,
	.open = open_eventfd,
	.close = file_close,
	.send = send_one,
	.recv = file_recv,
	.nonblock = file_nonblock,
	.try_recv = file_try_recv,
	.try_send = try_send_one,
	.any = &any_poll,
};
PEER(eventfds)
