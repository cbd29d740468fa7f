// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Send and receive.
 */
#include <limits.h>
#include <string.h>

#include "internal.h"

/* How long to wait: the flags and the time of &struct chan_xfer. */
struct wait {
	uint32_t flags;
	uint64_t timeout_ns;
};

static const struct wait as_handle;
static const struct wait not_at_all = { .flags = CHAN_NONBLOCK };

static struct wait at_most(uint64_t timeout_ns)
{
	return (struct wait){ .flags = CHAN_TIMEOUT, .timeout_ns = timeout_ns };
}

/*
 * The kind is checked here: to the kernel, an element of a channel of messages that
 * comes with no length is an empty message.
 */
static int xfer_elems(const struct chan *c, unsigned long cmd, const void *buf, size_t n,
		      struct wait wait)
{
	struct chan_xfer x = {
		.size = sizeof(x),
		.flags = wait.flags,
		.buf = (uintptr_t)buf,
		.timeout_ns = wait.timeout_ns,
	};

	if (c->is.flags & CHAN_MESSAGE)
		return -EPROTO;
	if (n > INT_MAX)
		return -EINVAL;
	x.count = n;
	return libchan_ioctl(c->fd, cmd, &x);
}

static int send_elem(const struct chan *c, const void *elem, struct wait wait)
{
	int r = xfer_elems(c, CHAN_IOC_SEND, elem, 1, wait);

	return r < 0 ? r : 0;
}

static int recv_elem(const struct chan *c, void *elem, struct wait wait)
{
	int r = xfer_elems(c, CHAN_IOC_RECV, elem, 1, wait);

	if (!r && c->is.elem_size)
		memset(elem, 0, c->is.elem_size);
	return r;
}

static int send_msg(const struct chan *c, const void *msg, size_t len, struct wait wait)
{
	struct chan_xfer x = {
		.size = sizeof(x),
		.flags = wait.flags,
		.buf = (uintptr_t)msg,
		.count = 1,
		.timeout_ns = wait.timeout_ns,
	};
	int r;

	if (!(c->is.flags & CHAN_MESSAGE))
		return -EPROTO;
	if (len > c->is.elem_size)
		return -EMSGSIZE;
	x.len = len;
	r = libchan_ioctl(c->fd, CHAN_IOC_SEND, &x);
	return r < 0 ? r : 0;
}

/* Of a larger buffer only as much as the longest message takes is ever written. */
static int recv_msg(const struct chan *c, void *buf, size_t size, size_t *len, struct wait wait)
{
	struct chan_xfer x = {
		.size = sizeof(x),
		.flags = wait.flags,
		.buf = (uintptr_t)buf,
		.count = 1,
		.len = size < c->is.elem_size ? size : c->is.elem_size,
		.timeout_ns = wait.timeout_ns,
	};
	int r;

	if (!(c->is.flags & CHAN_MESSAGE))
		return -EPROTO;
	r = libchan_ioctl(c->fd, CHAN_IOC_RECV, &x);
	if (r >= 0)
		*len = x.len;
	return r;
}

LIBCHAN_EXPORT int chan_send_elem(struct chan *c, const void *elem)
{
	return send_elem(c, elem, as_handle);
}

LIBCHAN_EXPORT int chan_send_elem_try(struct chan *c, const void *elem)
{
	return send_elem(c, elem, not_at_all);
}

LIBCHAN_EXPORT int chan_send_elem_timeout(struct chan *c, const void *elem, uint64_t timeout_ns)
{
	return send_elem(c, elem, at_most(timeout_ns));
}

LIBCHAN_EXPORT int chan_send_elems(struct chan *c, const void *buf, size_t n)
{
	return xfer_elems(c, CHAN_IOC_SEND, buf, n, as_handle);
}

LIBCHAN_EXPORT int chan_send_elems_try(struct chan *c, const void *buf, size_t n)
{
	return xfer_elems(c, CHAN_IOC_SEND, buf, n, not_at_all);
}

LIBCHAN_EXPORT int chan_send_elems_timeout(struct chan *c, const void *buf, size_t n,
					   uint64_t timeout_ns)
{
	return xfer_elems(c, CHAN_IOC_SEND, buf, n, at_most(timeout_ns));
}

LIBCHAN_EXPORT int chan_send_msg(struct chan *c, const void *msg, size_t len)
{
	return send_msg(c, msg, len, as_handle);
}

LIBCHAN_EXPORT int chan_send_msg_try(struct chan *c, const void *msg, size_t len)
{
	return send_msg(c, msg, len, not_at_all);
}

LIBCHAN_EXPORT int chan_send_msg_timeout(struct chan *c, const void *msg, size_t len,
					 uint64_t timeout_ns)
{
	return send_msg(c, msg, len, at_most(timeout_ns));
}

LIBCHAN_EXPORT int chan_recv_elem(struct chan *c, void *elem)
{
	return recv_elem(c, elem, as_handle);
}

LIBCHAN_EXPORT int chan_recv_elem_try(struct chan *c, void *elem)
{
	return recv_elem(c, elem, not_at_all);
}

LIBCHAN_EXPORT int chan_recv_elem_timeout(struct chan *c, void *elem, uint64_t timeout_ns)
{
	return recv_elem(c, elem, at_most(timeout_ns));
}

LIBCHAN_EXPORT int chan_recv_elems(struct chan *c, void *buf, size_t n)
{
	return xfer_elems(c, CHAN_IOC_RECV, buf, n, as_handle);
}

LIBCHAN_EXPORT int chan_recv_elems_try(struct chan *c, void *buf, size_t n)
{
	return xfer_elems(c, CHAN_IOC_RECV, buf, n, not_at_all);
}

LIBCHAN_EXPORT int chan_recv_elems_timeout(struct chan *c, void *buf, size_t n,
					   uint64_t timeout_ns)
{
	return xfer_elems(c, CHAN_IOC_RECV, buf, n, at_most(timeout_ns));
}

LIBCHAN_EXPORT int chan_recv_msg(struct chan *c, void *buf, size_t size, size_t *len)
{
	return recv_msg(c, buf, size, len, as_handle);
}

LIBCHAN_EXPORT int chan_recv_msg_try(struct chan *c, void *buf, size_t size, size_t *len)
{
	return recv_msg(c, buf, size, len, not_at_all);
}

LIBCHAN_EXPORT int chan_recv_msg_timeout(struct chan *c, void *buf, size_t size, size_t *len,
					 uint64_t timeout_ns)
{
	return recv_msg(c, buf, size, len, at_most(timeout_ns));
}
