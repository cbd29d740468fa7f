// SPDX-License-Identifier: GPL-2.0
/*
 * A pair of SEQPACKET sockets, with room for about as many elements as wanted: the
 * kernel counts bytes, its own among them.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../bench.h"

#define MANY	64

static void open_seqpacket(struct link *l)
{
	int fd[2], room = l->capacity * (l->size + 1024);

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd))
		die("socketpair");
	l->in = fd[0];
	l->out = fd[1];
	/* What isn't root keeps the default, for which few workloads are too large. */
	if (room > 212992 / 2)
		setsockopt(l->out, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
}

/* A message for each element. */
struct messages {
	struct mmsghdr m[MANY];
	struct iovec v[MANY];
};

static struct mmsghdr *lay_out(struct messages *ms, const struct link *l, void *buf,
			       unsigned int n)
{
	unsigned int i;

	if (n > MANY)
		die("%u elements at once", n);
	for (i = 0; i < n; i++) {
		ms->v[i].iov_base = (char *)buf + i * l->size;
		ms->v[i].iov_len = l->size;
		ms->m[i].msg_hdr = (struct msghdr){ .msg_iov = &ms->v[i], .msg_iovlen = 1 };
	}
	return ms->m;
}

static void send_many(struct link *l, const void *buf, unsigned int n)
{
	struct messages ms;
	struct mmsghdr *m = lay_out(&ms, l, (void *)buf, n);

	expect(sendmmsg(l->out, m, n, 0), n, "sendmmsg");
}

static void recv_many(struct link *l, void *buf, unsigned int n)
{
	struct messages ms;
	struct mmsghdr *m = lay_out(&ms, l, buf, n);

	expect(recvmmsg(l->in, m, n, 0, NULL), n, "recvmmsg");
}

static const struct peer seqpacket = {
	.name = "seqpacket",
	.what = "a pair of SEQPACKET sockets, by write and read",
	.size_max = 65536,
	.capacity_min = 1,
	.bytes_min = 212992 / 2,
	.pollable = true,
	.in_kernel = true,
	.open = open_seqpacket,
	.close = file_close,
	.send = file_send,
	.recv = file_recv,
	.send_many = send_many,
	.recv_many = recv_many,
	.nonblock = file_nonblock,
	.try_recv = file_try_recv,
	.try_send = file_try_send,
	.receive_only = file_receive_only,
	.shut = file_shut,
	.any = &any_poll,
};
PEER(seqpacket)
