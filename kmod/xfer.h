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
ssize_t chan_recv(struct chan_io *io, size_t n);
ssize_t chan_recv_now(struct chan_io *io, size_t n);
int chan_try_send(struct chan_io *io);
int chan_try_recv(struct chan_io *io);
int chan_deliver(struct chan_io *io, struct chan_elem *e);
ktime_t chan_deadline(u64 timeout_ns);

/* Raise what a short way has noted under the lock. */
static inline void chan_short_raise(wait_queue_head_t *wq, __poll_t events)
{
	wake_up_interruptible_poll(wq, events);
}

/**
 * chan_short_write() - send one fixed element, if only the ring is concerned
 * @c: the channel, of a short_len
 * @from: the element, access_ok()
 * @len: its size
 *
 * Return: 1 if it was sent; -EAGAIN if it would have to wait; 0 if chan_send() is to
 * say. But for 1 nothing has changed.
 */
static __always_inline int chan_short_write(struct chan *c, const void __user *from,
					    size_t len)
{
	bool raise = false;
	void *slot;
	int r;

	spin_lock(&c->lock);
	slot = chan_short_send(c);
	if (likely(slot && chan_get_atomic(slot, from, len) == len)) {
		chan_short_sent(c);
		raise = chan_is_polled(&c->rpoll);
		r = 1;
	} else {
		r = slot || c->slow ? 0 : -EAGAIN;
	}
	spin_unlock(&c->lock);
	if (unlikely(raise))
		chan_short_raise(&c->rpoll, EPOLLIN | EPOLLRDNORM);
	return r;
}

/**
 * chan_short_read() - receive one fixed element, if only the ring is concerned
 * @c: the channel, of a short_len
 * @to: where it goes, access_ok()
 * @len: its size
 *
 * Return: 1 if it was received; -EAGAIN if it would have to wait; 0 if chan_recv() is to
 * say. But for 1 nothing has changed.
 */
static __always_inline int chan_short_read(struct chan *c, void __user *to, size_t len)
{
	bool raise = false;
	void *slot;
	int r;

	spin_lock(&c->lock);
	slot = chan_short_recv(c);
	if (likely(slot && chan_put_atomic(to, slot, len) == len)) {
		chan_short_received(c);
		raise = chan_is_polled(&c->wpoll);
		r = 1;
	} else {
		r = slot || c->slow ? 0 : -EAGAIN;
	}
	spin_unlock(&c->lock);
	if (unlikely(raise))
		chan_short_raise(&c->wpoll, EPOLLOUT | EPOLLWRNORM);
	return r;
}

#endif /* _CHAN_XFER_H */
