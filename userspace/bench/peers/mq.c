// SPDX-License-Identifier: GPL-2.0
/*
 * POSIX message queues. One has room for one message at least; for more than ten, or of
 * more than 8 KiB, only if root makes it.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <sys/resource.h>

#include "../bench.h"

static mqd_t make(size_t size, unsigned int capacity)
{
	struct mq_attr attr = { .mq_maxmsg = capacity ? capacity : 1, .mq_msgsize = size };
	mqd_t mq = mq_open("/chan-bench", O_RDWR | O_CREAT | O_EXCL, 0600, &attr);

	if (mq >= 0)
		mq_unlink("/chan-bench");
	return mq;
}

static bool fits(size_t size, unsigned int capacity)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	mqd_t mq;

	setrlimit(RLIMIT_MSGQUEUE, &none);
	mq = make(size, capacity);
	if (mq >= 0)
		mq_close(mq);
	return mq >= 0;
}

static void open_mq(struct link *l)
{
	l->in = make(l->size, l->capacity);
	if (l->in < 0)
		die("mq_open");
	l->out = l->in;
}

static void close_mq(struct link *l)
{
	mq_close(l->in);
}

static void send_mq(struct link *l, const void *buf)
{
	expect(mq_send(l->out, buf, l->size, 0), 0, "mq_send");
}

static bool recv_mq(struct link *l, void *buf)
{
	expect(mq_receive(l->in, buf, l->size, NULL), l->size, "mq_receive");
	return true;
}

static void nonblock_mq(struct link *l)
{
	const struct mq_attr attr = { .mq_flags = O_NONBLOCK };

	if (mq_setattr(l->in, &attr, NULL))
		die("mq_setattr");
}

static bool try_recv_mq(struct link *l, void *buf)
{
	ssize_t n = mq_receive(l->in, buf, l->size, NULL);

	if (n < 0 && errno == EAGAIN)
		return false;
	expect(n, l->size, "mq_receive");
	return true;
}

static bool try_send_mq(struct link *l, const void *buf)
{
	int r = mq_send(l->out, buf, l->size, 0);

	if (r < 0 && errno == EAGAIN)
		return false;
	expect(r, 0, "mq_send");
	return true;
}

static const struct peer mq = {
	.name = "mq",
	.what = "a POSIX message queue",
	.size_max = 65536,
	.capacity_min = 1,
	.pollable = true,
	.in_kernel = true,
	.fits = fits,
	.open = open_mq,
	.close = close_mq,
	.send = send_mq,
	.recv = recv_mq,
	.nonblock = nonblock_mq,
	.try_recv = try_recv_mq,
	.try_send = try_send_mq,
	.any = &any_poll,
};
PEER(mq)
