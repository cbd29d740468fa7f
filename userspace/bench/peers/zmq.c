// SPDX-License-Identifier: GPL-2.0
/*
 * ZeroMQ over ipc: a PUSH and a PULL socket. A program of its own, since libzmq is a
 * shared library, and the other peers are measured in a static program.
 *
 * What a socket is made of, threads among it, doesn't survive a fork: each process makes
 * its own when it first sends or receives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

#include "../bench.h"

/**
 * struct ends - a process's part of a link
 * @path: of the socket
 * @context: of this process, or NULL
 * @push: to send, or NULL
 * @pull: to receive, or NULL
 */
struct ends {
	char path[64];
	void *context;
	void *push;
	void *pull;
};

static void open_zmq(struct link *l)
{
	static unsigned int n;
	struct ends *e = calloc(1, sizeof(*e));

	if (!e)
		die("calloc");
	snprintf(e->path, sizeof(e->path), "/tmp/chan-bench-%d-%u", getpid(), n++);
	l->state = e;
}

static void *make(struct link *l, int type)
{
	const int room = l->capacity ? l->capacity : 1, now = 0;
	struct ends *e = l->state;
	char address[80];
	void *s;

	if (!e->context)
		e->context = zmq_ctx_new();
	s = zmq_socket(e->context, type);
	snprintf(address, sizeof(address), "ipc://%s", e->path);
	if (!s || zmq_setsockopt(s, ZMQ_SNDHWM, &room, sizeof(room)) ||
	    zmq_setsockopt(s, ZMQ_RCVHWM, &room, sizeof(room)) ||
	    zmq_setsockopt(s, ZMQ_LINGER, &now, sizeof(now)) ||
	    (type == ZMQ_PULL ? zmq_bind(s, address) : zmq_connect(s, address)))
		die("%s", address);
	return s;
}

static void close_zmq(struct link *l)
{
	struct ends *e = l->state;

	if (e->push)
		zmq_close(e->push);
	if (e->pull)
		zmq_close(e->pull);
	if (e->context)
		zmq_ctx_term(e->context);
	unlink(e->path);
	free(e);
}

static void send_zmq(struct link *l, const void *buf)
{
	struct ends *e = l->state;

	if (__builtin_expect(!e->push, 0))
		e->push = make(l, ZMQ_PUSH);
	expect(zmq_send(e->push, buf, l->size, 0), l->size, "zmq_send");
}

static bool recv_zmq(struct link *l, void *buf)
{
	struct ends *e = l->state;

	if (__builtin_expect(!e->pull, 0))
		e->pull = make(l, ZMQ_PULL);
	expect(zmq_recv(e->pull, buf, l->size, 0), l->size, "zmq_recv");
	return true;
}

static const struct peer zmq = {
	.name = "zmq",
	.what = "ZeroMQ over ipc, PUSH and PULL",
	.size_max = 65536,
	.bytes_min = 212992,
	.one_receiver = true,
	.open = open_zmq,
	.close = close_zmq,
	.send = send_zmq,
	.recv = recv_zmq,
};
PEER(zmq)
