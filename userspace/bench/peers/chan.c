// SPDX-License-Identifier: GPL-2.0
/*
 * Channels: by read(2) and write(2), by ioctls, of messages; and select.
 */
#include <fcntl.h>
#include <linux/chan.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../bench.h"

static int chanctl = -1;

static bool there(void)
{
	if (chanctl < 0)
		chanctl = open("/dev/chanctl", O_RDWR | O_CLOEXEC);
	return chanctl >= 0;
}

static void make(struct link *l, unsigned int flags)
{
	struct chan_create arg = {
		.size = sizeof(arg),
		.flags = flags,
		.elem_size = l->size,
		.capacity = l->capacity,
		.fd_flags = O_RDWR,
	};

	if (ioctl(chanctl, CHAN_IOC_CREATE, &arg))
		die("CHAN_IOC_CREATE");
	l->in = arg.fd;
	l->out = arg.fd;
}

static void open_chan(struct link *l)
{
	make(l, 0);
}

static void open_message(struct link *l)
{
	make(l, CHAN_MESSAGE);
}

static void shut_chan(struct link *l)
{
	if (ioctl(l->out, CHAN_IOC_CLOSE, 0))
		die("CHAN_IOC_CLOSE");
}

/* Select; the cases to receive, then those to send. */

static void open_select(struct any *a)
{
	struct chan_case *cases = calloc(2 * a->n, sizeof(*cases));
	unsigned int i;

	if (!cases)
		die("calloc");
	for (i = 0; i < a->n; i++) {
		cases[i].fd = a->links[i].in;
		cases[i].op = CHAN_CASE_RECV;
		cases[a->n + i].fd = a->links[i].out;
		cases[a->n + i].op = CHAN_CASE_SEND;
	}
	a->state = cases;
}

static void close_select(struct any *a)
{
	free(a->state);
}

static inline unsigned int choose(struct any *a, struct chan_case *cases, const void *buf)
{
	struct chan_select s = {
		.size = sizeof(s),
		.cases = (uintptr_t)cases,
		.count = a->n,
		.case_size = sizeof(*cases),
	};
	int r;

	/* Where elements go may differ from call to call: a caller would set it. */
	if (__builtin_expect(cases[0].buf != (uintptr_t)buf, 0))
		for (r = 0; r < (int)a->n; r++)
			cases[r].buf = (uintptr_t)buf;
	r = ioctl(a->links[0].in, CHAN_IOC_SELECT, &s);
	if (__builtin_expect(r < 0 || !(r & CHAN_OK), 0))
		die("CHAN_IOC_SELECT: %d", r);
	return r & CHAN_INDEX_MASK;
}

static unsigned int recv_select(struct any *a, void *buf)
{
	return choose(a, a->state, buf);
}

static unsigned int send_select(struct any *a, const void *buf)
{
	return choose(a, (struct chan_case *)a->state + a->n, buf);
}

static const struct any_ops any_select = {
	.open = open_select,
	.recv = recv_select,
	.send = send_select,
	.close = close_select,
};

static const struct peer chan = {
	.name = "chan",
	.what = "a channel, by write and read",
	.size_max = CHAN_ELEM_SIZE_MAX,
	.pollable = true,
	.in_kernel = true,
	.there = there,
	.open = open_chan,
	.close = file_close,
	.send = file_send,
	.recv = file_recv,
	.send_many = file_send_many,
	.recv_many = file_recv_many,
	.nonblock = file_nonblock,
	.try_recv = file_try_recv,
	.try_send = file_try_send,
	.shut = shut_chan,
	.any = &any_select,
};
PEER(chan)

/* By ioctls. */

static void send_ioctl_many(struct link *l, const void *buf, unsigned int n)
{
	struct chan_xfer x = { .size = sizeof(x), .buf = (uintptr_t)buf, .count = n };

	expect(ioctl(l->out, CHAN_IOC_SEND, &x), n, "CHAN_IOC_SEND");
}

static void recv_ioctl_many(struct link *l, void *buf, unsigned int n)
{
	struct chan_xfer x = { .size = sizeof(x), .buf = (uintptr_t)buf, .count = n };

	expect(ioctl(l->in, CHAN_IOC_RECV, &x), n, "CHAN_IOC_RECV");
}

static void send_ioctl(struct link *l, const void *buf)
{
	send_ioctl_many(l, buf, 1);
}

static bool recv_ioctl(struct link *l, void *buf)
{
	recv_ioctl_many(l, buf, 1);
	return true;
}

static const struct peer chan_ioctl = {
	.name = "chan-ioctl",
	.what = "a channel, by the ioctls SEND and RECV",
	.variant = true,
	.size_max = CHAN_ELEM_SIZE_MAX,
	.there = there,
	.open = open_chan,
	.close = file_close,
	.send = send_ioctl,
	.recv = recv_ioctl,
	.send_many = send_ioctl_many,
	.recv_many = recv_ioctl_many,
};
PEER(chan_ioctl)

static const struct peer chan_message = {
	.name = "chan-message",
	.what = "a channel of messages, by write and read",
	.variant = true,
	.size_max = CHAN_ELEM_SIZE_MAX,
	.there = there,
	.open = open_message,
	.close = file_close,
	.send = file_send,
	.recv = file_recv,
};
PEER(chan_message)

/* By vectors, as io_uring(7) comes too. */

static const struct peer chan_iov = {
	.name = "chan-iov",
	.what = "a channel, by writev and readv",
	.variant = true,
	.size_max = CHAN_ELEM_SIZE_MAX,
	.there = there,
	.open = open_chan,
	.close = file_close,
	.send = file_send_iov,
	.recv = file_recv_iov,
};
PEER(chan_iov)
