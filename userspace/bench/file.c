// SPDX-License-Identifier: GPL-2.0
/*
 * What peers that are files have in common: read(2) and write(2), and those by vectors.
 */
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"

void file_close(struct link *l)
{
	if (l->out >= 0 && l->out != l->in)
		close(l->out);
	close(l->in);
}

void file_send(struct link *l, const void *buf)
{
	expect(write(l->out, buf, l->size), l->size, "write");
}

bool file_recv(struct link *l, void *buf)
{
	ssize_t n = read(l->in, buf, l->size);

	if (__builtin_expect(!n, 0))
		return false;
	expect(n, l->size, "read");
	return true;
}

void file_send_many(struct link *l, const void *buf, unsigned int n)
{
	expect(write(l->out, buf, l->size * n), l->size * n, "write of many");
}

void file_recv_many(struct link *l, void *buf, unsigned int n)
{
	expect(read(l->in, buf, l->size * n), l->size * n, "read of many");
}

void file_send_iov(struct link *l, const void *buf)
{
	const struct iovec v = { .iov_base = (void *)buf, .iov_len = l->size };

	expect(writev(l->out, &v, 1), l->size, "writev");
}

bool file_recv_iov(struct link *l, void *buf)
{
	const struct iovec v = { .iov_base = buf, .iov_len = l->size };

	expect(readv(l->in, &v, 1), l->size, "readv");
	return true;
}

static void set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		die("fcntl");
}

void file_nonblock(struct link *l)
{
	set_nonblock(l->in);
	if (l->out != l->in)
		set_nonblock(l->out);
}

bool file_try_recv(struct link *l, void *buf)
{
	ssize_t n = read(l->in, buf, l->size);

	if (n < 0 && errno == EAGAIN)
		return false;
	expect(n, l->size, "read");
	return true;
}

bool file_try_send(struct link *l, const void *buf)
{
	ssize_t n = write(l->out, buf, l->size);

	if (n < 0 && errno == EAGAIN)
		return false;
	expect(n, l->size, "write");
	return true;
}

/* Of a pipe and the like, which end when the last end to write to is closed. */
void file_receive_only(struct link *l)
{
	close(l->out);
	l->out = -1;
}

void file_shut(struct link *l)
{
	file_receive_only(l);
}
