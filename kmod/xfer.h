/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moving elements between a channel and the caller's memory.
 */
#ifndef _CHAN_XFER_H
#define _CHAN_XFER_H

#include "chan.h"
#include "uaccess.h"

/**
 * struct chan_io - one call that sends or receives
 * @handle: whose call it is
 * @mem: where the elements are, or go to
 * @wire: fixed elements: bytes of one in @mem; an element of size 0 is one byte
 *	to read(2) and write(2), none to the ioctls
 * @len: messages: bytes of the message (send) or of the buffer (receive; out: of
 *	the message)
 * @need: receive: bytes that the last copy needed, to fault them in
 * @faults: copies that fell short since an element was last moved
 * @len_addr: messages received by ioctl: where the length goes, else NULL
 * @nonblock: don't wait
 * @deadline: how long to wait, on CLOCK_MONOTONIC, or NULL for ever
 */
struct chan_io {
	struct chan_handle *handle;
	struct chan_mem mem;
	u32 wire;
	u32 len;
	u32 need;
	u32 faults;
	__u32 __user *len_addr;
	bool nonblock;
	const ktime_t *deadline;
};

ssize_t chan_send(struct chan_io *io, size_t n);
ssize_t chan_recv_now(struct chan_io *io, size_t n);
int chan_try_send(struct chan_io *io);
int chan_try_recv(struct chan_io *io);
int chan_deliver(struct chan_io *io, struct chan_elem *e);
ktime_t chan_deadline(u64 timeout_ns);
ssize_t chan_standby_recv(struct chan_io *io, size_t n);

/**
 * chan_recv() - receive elements: wait for one, then take what is there
 * @io: the call
 * @n: how many at most, at least 1
 *
 * Return: as chan_recv_now().
 */
static inline ssize_t chan_recv(struct chan_io *io, size_t n)
{
	if (unlikely(io->handle->standby))
		return chan_standby_recv(io, n);
	return chan_recv_now(io, n);
}

/* Several elements that one hold may copy, if they lie one after the other? */
static __always_inline bool chan_is_run(u32 size, size_t len)
{
	return len > size && len <= CHAN_HOLD_BYTES && (u32)len % size == 0;
}

/* Raise what a short way has noted under the lock. */
static inline void chan_short_raise(wait_queue_head_t *wq, __poll_t events)
{
	wake_up_interruptible_poll(wq, events);
}

/**
 * chan_short_write() - send fixed elements, if only one run of the ring is concerned
 * @c: the channel, of a short_len
 * @from: the elements, access_ok()
 * @size: of one
 * @n: how many, at least 1, and at most CHAN_HOLD_BYTES of them
 *
 * Return: @n if they were sent; -EAGAIN if some would have to wait; 0 if chan_send() is
 * to say. But for @n nothing has changed.
 */
static __always_inline int chan_short_write(struct chan *c, const void __user *from,
					    u32 size, u32 n)
{
	const size_t len = (size_t)size * n;
	bool raise = false;
	void *slot;
	int r;

	spin_lock(&c->lock);
	slot = chan_short_send(c, n);
	if (likely(slot && chan_get_atomic(c, slot, from, len) == len)) {
		chan_short_sent(c, n);
		raise = chan_is_polled(&c->rpoll);
		r = n;
	} else {
		r = slot || c->slow ? 0 : -EAGAIN;
	}
	spin_unlock(&c->lock);
	if (unlikely(raise))
		chan_short_raise(&c->rpoll, EPOLLIN | EPOLLRDNORM);
	return r;
}

/**
 * chan_short_read() - receive fixed elements, if only one run of the ring is concerned
 * @c: the channel, of a short_len
 * @to: where they go, access_ok()
 * @size: of one
 * @n: how many at most, at least 1, and at most CHAN_HOLD_BYTES of them
 *
 * Return: how many were received, all that there are up to @n; -EAGAIN if there are none
 * yet; 0 if chan_recv() is to say, and then nothing has changed.
 */
static __always_inline int chan_short_read(struct chan *c, void __user *to, u32 size, u32 n)
{
	const bool one = n == 1;	/* a constant, which n is no more when it was bounded */
	bool raise = false;
	size_t len;
	void *slot;
	int r;

	spin_lock(&c->lock);
	slot = chan_short_recv(c, &n);
	len = one ? size : (size_t)size * n;
	if (likely(slot && chan_put_atomic(c, to, slot, len) == len)) {
		chan_short_received(c, n);
		raise = chan_is_polled(&c->wpoll);
		r = n;
	} else {
		r = slot || c->slow ? 0 : -EAGAIN;
	}
	spin_unlock(&c->lock);
	if (unlikely(raise))
		chan_short_raise(&c->wpoll, EPOLLOUT | EPOLLWRNORM);
	return r;
}

#endif /* _CHAN_XFER_H */
