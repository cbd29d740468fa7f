// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Send and receive.
 *
 * In a plain thread a call is a system call. A goroutine tries first, and then waits for
 * a selector of one case, without its thread.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "runtime.h"
#include "sanitize.h"

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
 * Goroutines
 */

/* Room for a selector's result: what a sender's says has no element. */
static int result_begin(struct libchan_result *r, size_t elem_size)
{
	r->size = sizeof(*r->is) + elem_size;
	r->is = r->size > sizeof(r->small) ? malloc(r->size) : r->small;
	return r->is ? 0 : -ENOMEM;
}

static void result_end(struct libchan_result *r)
{
	if (r->is != r->small)
		free(r->is);
}

/* What a case has ended with, as SEND and RECV say it. */
static int ended(bool sending, bool ok)
{
	if (ok)
		return 1;
	return sending ? -EPIPE : 0;
}

/* What has been received, to where it is wanted; @x has room for it. */
static int result_out(const struct libchan_result *r, struct chan_xfer *x, bool sending)
{
	if (r->is->len)
		memcpy((void *)(uintptr_t)x->buf, r->is + 1, r->is->len);
	if (!sending)
		x->len = r->is->len;
	return ended(sending, r->is->flags & CHAN_OK);
}

static bool waits(const struct chan *c, bool sending)
{
	return __atomic_load_n(&c->waits[sending], __ATOMIC_RELAXED);
}

static void will_wait(struct chan *c, bool sending, bool will)
{
	if (waits(c, sending) != will)
		__atomic_store_n(&c->waits[sending], will, __ATOMIC_RELAXED);
}

static int await_case(struct chan *c, const struct libchan_runtime *rt, struct libchan_result *r,
		      struct chan_xfer *x, bool sending, uint64_t deadline_ns)
{
	struct chan_case one = {
		.fd = c->fd,
		.op = sending ? CHAN_CASE_SEND : CHAN_CASE_RECV,
		.buf = x->buf,
		.len = x->len,
	};
	struct chan_select arg = {
		.size = sizeof(arg),
		.cases = (uintptr_t)&one,
		.count = 1,
		.case_size = sizeof(one),
	};
	const struct libchan_await a = {
		.arg = &arg,
		.via = c->fd,
		.reason = sending ? "chan send" : "chan receive",
		.outside = libchan_from_outside(c),
		.parked = &c->parked[sending],
		.deadline_ns = deadline_ns,
		.result = r->is,
		.size = r->size,
	};
	int n = rt->await(&a);

	will_wait(c, sending, n == -EINPROGRESS);
	if (n == -EINPROGRESS)
		return result_out(r, x, sending);
	if (n < 0)
		return n;
	if (!sending)
		x->len = one.len;
	return ended(sending, n & CHAN_OK);
}

/* Wait for one element to be sent or received. */
static int await_one(struct chan *c, const struct libchan_runtime *rt, struct chan_xfer *x,
		     bool sending, uint64_t deadline_ns)
{
	size_t size = c->is.flags & CHAN_MESSAGE ? x->len : c->is.elem_size;
	struct libchan_result r;
	int n = result_begin(&r, sending ? 0 : size);

	if (n)
		return n;
	n = await_case(c, rt, &r, x, sending, deadline_ns);
	result_end(&r);
	return n;
}

/* Who gets the element may let go of the handle at once: it isn't looked at again. */
static int try_some(const struct chan *c, unsigned long cmd, struct chan_xfer *x)
{
	int fd = c->fd, r;

	libchan_order_before(c->is.id);
	do
		r = libchan_ioctl(fd, cmd, x);
	while (r == -EINTR);
	return r;
}

/* What has been moved is behind us. Return: is there more to move? */
static bool advance(const struct chan *c, struct chan_xfer *x, int n)
{
	x->count -= n;
	if (!x->count)
		return false;
	x->buf += (uint64_t)n * c->is.elem_size;
	return true;
}

/**
 * struct patience - how long a goroutine waits
 * @timed: for a time; else as the handle says
 * @timeout_ns: that time
 * @deadline_ns: its end; 0: it hasn't begun to wait
 */
struct patience {
	bool timed;
	uint64_t timeout_ns;
	uint64_t deadline_ns;
};

/*
 * From now on the goroutine has a reference to the handle, since others may let go of it.
 * Return: 0, or why it doesn't wait.
 */
static int begin_to_wait(struct chan *c, struct patience *p)
{
	if (p->deadline_ns)
		return 0;
	if (p->timed && !p->timeout_ns)
		return -ETIMEDOUT;
	if (!p->timed && libchan_is_nonblock(c))
		return -EAGAIN;
	p->deadline_ns = p->timed ? libchan_deadline(p->timeout_ns) : LIBCHAN_NEVER;
	chan_ref(c);
	return 0;
}

static int end_waiting(struct chan *c, const struct patience *p, int r)
{
	if (p->deadline_ns)
		chan_unref(c);
	return r;
}

/*
 * To arm a selector is to try, too, if less cheaply: where the last call had to wait,
 * nothing else is tried first. Return: as try_some().
 */
static int try_first(const struct chan *c, unsigned long cmd, struct chan_xfer *x,
		     const struct patience *p, bool first)
{
	if (waits(c, cmd == CHAN_IOC_SEND) && first && x->count == 1 && !libchan_is_told(c) &&
	    (p->timed ? p->timeout_ns != 0 : !c->nonblock))
		return -EAGAIN;
	return try_some(c, cmd, x);
}

/*
 * If one goroutine waits for what is done now, it is probably who is met. Of several it is
 * who came first, which isn't known here.
 */
static void *who_waits(const struct chan *c, bool sending)
{
	const struct libchan_parked *p = &c->parked[!sending];

	if (__atomic_load_n(&p->n, __ATOMIC_RELAXED) != 1)
		return NULL;
	return __atomic_load_n(&p->last, __ATOMIC_ACQUIRE);
}

/* All are to be sent. A receive waits for the first, and takes what else is there. */
static int task_xfer(struct chan *c, const struct libchan_runtime *rt, unsigned long cmd,
		     struct chan_xfer *x)
{
	struct patience p = { .timed = x->flags & CHAN_TIMEOUT, .timeout_ns = x->timeout_ns };
	bool sending = cmd == CHAN_IOC_SEND, waited;
	int done = 0, r;
	void *met;

	x->flags = CHAN_NONBLOCK;
	x->timeout_ns = 0;
	do {
		met = who_waits(c, sending);
		r = try_first(c, cmd, x, &p, !done);
		waited = r == -EAGAIN && (sending || !done);
		if (waited)
			r = begin_to_wait(c, &p);
		if (waited && !r)
			r = await_one(c, rt, x, sending, p.deadline_ns);
		if (r <= 0)
			return end_waiting(c, &p, done ? done : r);
		if (met && !waited)
			rt->hint(met);
		done += r;
	} while (advance(c, x, r) && (sending || waited));
	return end_waiting(c, &p, done);
}

/*
 * Both kinds of caller
 */

/* Who sends has done things, which who receives finds done; and the other way round. */
static int xfer(struct chan *c, unsigned long cmd, struct chan_xfer *x)
{
	const struct libchan_runtime *rt = x->flags & CHAN_NONBLOCK ? NULL : libchan_in_task();
	uint64_t id = c->is.id;
	int fd = c->fd, r;

	libchan_order_before(id);
	r = rt ? task_xfer(c, rt, cmd, x) : libchan_ioctl(fd, cmd, x);
	libchan_order_after(id);
	return r;
}

/*
 * The kind is checked here: to the kernel, an element of a channel of messages that
 * comes with no length is an empty message.
 */
static int xfer_elems(struct chan *c, unsigned long cmd, const void *buf, size_t n,
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
	return xfer(c, cmd, &x);
}

static int send_elem(struct chan *c, const void *elem, struct wait wait)
{
	int r = xfer_elems(c, CHAN_IOC_SEND, elem, 1, wait);

	return r < 0 ? r : 0;
}

static int recv_elem(struct chan *c, void *elem, struct wait wait)
{
	size_t size = c->is.elem_size;
	int r = xfer_elems(c, CHAN_IOC_RECV, elem, 1, wait);

	if (!r && size)
		memset(elem, 0, size);
	return r;
}

static int send_msg(struct chan *c, const void *msg, size_t len, struct wait wait)
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
	r = xfer(c, CHAN_IOC_SEND, &x);
	return r < 0 ? r : 0;
}

/* Of a larger buffer only as much as the longest message takes is ever written. */
static int recv_msg(struct chan *c, void *buf, size_t size, size_t *len, struct wait wait)
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
	r = xfer(c, CHAN_IOC_RECV, &x);
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
