// SPDX-License-Identifier: GPL-2.0
/*
 * Pipes: bytes without borders, in pages: a pipe has room for 64 KiB of them, or as many
 * as wanted if that is a page or more; with O_DIRECT packets, of which it has room for as
 * many as it has pages.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../bench.h"

static void make(struct link *l, int flags)
{
	int fd[2];

	if (pipe2(fd, flags))
		die("pipe2");
	l->in = fd[0];
	l->out = fd[1];
}

static void set_room(struct link *l, size_t bytes)
{
	if (fcntl(l->out, F_SETPIPE_SZ, bytes) < 0)
		die("F_SETPIPE_SZ");
}

static void open_pipe(struct link *l)
{
	const size_t bytes = l->size * l->capacity;

	make(l, 0);
	if (bytes >= 4096 && bytes < 65536)
		set_room(l, bytes);
}

static const struct peer pipes = {
	.name = "pipe",
	.what = "a pipe, by write and read",
	.size_max = 65536,
	.capacity_min = 1,
	.bytes_min = 4096,
	.bytes_max = 65536,
	.pollable = true,
	.in_kernel = true,
	.open = open_pipe,
	.close = file_close,
	.send = file_send,
	.recv = file_recv,
	.send_many = file_send_many,
	.recv_many = file_recv_many,
	.nonblock = file_nonblock,
	.try_recv = file_try_recv,
	.try_send = file_try_send,
	.receive_only = file_receive_only,
	.shut = file_shut,
	.any = &any_poll,
};
PEER(pipes)

static void open_packet(struct link *l)
{
	make(l, O_DIRECT);
	if (l->capacity)
		set_room(l, 4096 * l->capacity);
}

static const struct peer packets = {
	.name = "pipe-packet",
	.what = "a pipe with O_DIRECT, which keeps borders",
	.variant = true,
	.size_max = 4096,
	.capacity_min = 1,
	.capacity_max = 256,	/* pages that anybody may have */
	.pollable = true,
	.open = open_packet,
	.close = file_close,
	.send = file_send,
	.recv = file_recv,
	.nonblock = file_nonblock,
	.try_recv = file_try_recv,
	.try_send = file_try_send,
	.receive_only = file_receive_only,
	.shut = file_shut,
	.any = &any_poll,
};
PEER(packets)

/* By vectors: what pipes and channels do for io_uring(7). */

static const struct peer pipe_iov = {
	.name = "pipe-iov",
	.what = "a pipe, by writev and readv",
	.variant = true,
	.size_max = 65536,
	.capacity_min = 1,
	.bytes_min = 4096,
	.open = open_pipe,
	.close = file_close,
	.send = file_send_iov,
	.recv = file_recv_iov,
};
PEER(pipe_iov)
