// SPDX-License-Identifier: GPL-2.0
/*
 * Sending and receiving: the caller's memory on one side, the core on the other.
 *
 * There are two ways to move an element.
 *
 * In place: begin, copy between the caller's memory and the place that begin
 * gave, commit, all in one hold of the lock with page faults off. It allocates
 * nothing, and a bad address changes nothing.
 *
 * In hand: the element lies in memory of the call's own, and is copied from or to
 * the caller's memory with no lock held. So do elements over CHAN_INPLACE_MAX
 * bytes, always: they change places with an empty one under the lock; and all
 * elements of calls that park, whose other side copies or exchanges them. A
 * receive that took an element in hand and then can't deliver it returns it to
 * the channel, in its place.
 *
 * The element in hand is the handle's spare, if it is too large for the stack. By
 * reference a handle has one from the start, so that a call that doesn't park needs
 * no memory; else it keeps that of the first call that needed one, as long as who
 * opened it has plenty of its quota left. Only where several calls at once use one
 * open file do all but the first of them allocate theirs, before anything is decided:
 * they must not wait for each other's copies.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "standby.h"
#include "xfer.h"

#define CHAN_FAULTS_MAX	8	/* copies that may fall short before one that decides */

/**
 * chan_deadline() - when to give up
 * @timeout_ns: nanoseconds from now
 *
 * Return: the time on CLOCK_MONOTONIC; KTIME_MAX is never.
 */
ktime_t chan_deadline(u64 timeout_ns)
{
	if (timeout_ns > KTIME_MAX)
		return KTIME_MAX;
	return ktime_add_safe(ktime_get(), ns_to_ktime(timeout_ns));
}

/* An element in hand of a call, on its stack if it is small. */
struct chan_hand {
	struct chan_elem *elem;
	union {
		struct chan_elem inlined;
		u8 room[sizeof(struct chan_elem) + CHAN_INLINE_MAX];
	};
};

static __always_inline int chan_hand_take(struct chan_hand *hand, struct chan_handle *handle)
{
	struct chan *c = handle->chan;

	if (c->elem_size <= CHAN_INLINE_MAX) {
		INIT_LIST_HEAD(&hand->inlined.node);
		hand->inlined.account = NULL;
		hand->elem = &hand->inlined;
		return 0;
	}
	hand->elem = xchg(&handle->spare, NULL);
	if (!hand->elem)
		hand->elem = chan_elem_new(c, handle->account);
	return PTR_ERR_OR_ZERO(hand->elem);
}

/* By reference it was there from the start, and stays. */
static bool chan_hand_keeps(const struct chan_handle *handle)
{
	return handle->chan->by_ref || chan_quota_is_ample(handle->account, CHAN_QUOTA_PARKED);
}

static __always_inline void chan_hand_drop(struct chan_hand *hand, struct chan_handle *handle)
{
	if (!hand->elem || hand->elem == &hand->inlined)
		return;
	if (chan_hand_keeps(handle) && !cmpxchg(&handle->spare, NULL, hand->elem))
		return;
	chan_elem_free(handle->chan, hand->elem);
}

/* A receive failed with an element in hand: the channel has it back. */
static void chan_hand_return(struct chan_hand *hand, struct chan_handle *handle)
{
	struct chan_elem *e = hand->elem;

	if (e == &hand->inlined)
		e = chan_elem_keep(handle->chan, handle->account, e);
	hand->elem = NULL;
	chan_return_elem(handle->chan, e);
}

static __always_inline int chan_wait(struct chan_io *io, struct chan_waiter *w)
{
	int r;

	atomic_long_inc(&chan_total_parties);
	r = chan_park(io->handle->chan, w, io->deadline);
	atomic_long_dec(&chan_total_parties);
	return r;
}

/*
 * Copies with page faults off may fall short again and again, though the page was
 * faulted in each time: of memory with rules of its own, as a shadow stack. So the
 * last try is one in hand, whose copy says for certain.
 */
static bool chan_insists(const struct chan_io *io)
{
	return io->faults == CHAN_FAULTS_MAX;
}

/* A copy fell short. Return: 0 to look whether there is such memory, and try again. */
static int chan_fault(struct chan_io *io)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	if (io->faults++ == CHAN_FAULTS_MAX)
		return -EFAULT;
	cond_resched();
	return 0;
}

/*
 * Send
 */

/* In place: as many as one hold takes. Return: how many, or an errno. */
static int chan_send_in_place(struct chan_io *io, u32 want)
{
	struct chan *c = io->handle->chan;
	u32 len = c->message ? io->len : c->elem_size;
	struct chan_hold h CHAN_UNINIT;
	size_t got;
	int r;

	chan_lock(c, &h);
	h.tries = io->nonblock;
	r = chan_begin_send(c, &h, want);
	if (r > 0 && len) {
		got = chan_mem_get_atomic(c, &io->mem, h.data, (size_t)r * len);
		r = (u32)got / len ?: -EFAULT;
	}
	if (r > 0)
		chan_commit_send(c, &h, r, len);
	chan_unlock(c, &h);
	return r;
}

/* In hand: one element; waits if the call may. Return: 1 or an errno. */
static int chan_send_in_hand(struct chan_io *io)
{
	struct chan_party party = { .state = CHAN_PENDING, .task = current };
	struct chan_waiter w = { .party = &party, .sending = true };
	struct chan *c = io->handle->chan;
	struct chan_hand hand CHAN_UNINIT;
	struct chan_hold h CHAN_UNINIT;
	bool parked = false;
	int r;

	r = chan_hand_take(&hand, io->handle);
	if (r)
		return r;
	w.elem = hand.elem;
	w.elem->len = c->message ? io->len : c->elem_size;
	if (w.elem->len && !chan_mem_get(&io->mem, w.elem->data, w.elem->len)) {
		r = -EFAULT;
	} else {
		chan_lock(c, &h);
		h.tries = io->nonblock;
		r = chan_send_elem(c, &h, &w.elem);
		if (r == -EAGAIN && !io->nonblock) {
			chan_enqueue_send(c, &h, &w);
			parked = true;
		}
		chan_unlock(c, &h);
		if (parked)
			r = chan_wait(io, &w);
	}
	hand.elem = w.elem;	/* perhaps another one now */
	chan_hand_drop(&hand, io->handle);
	return r;
}

/* Would an element be refused at once? Then it need not be copied first. */
static int chan_send_refused(struct chan_io *io)
{
	struct chan *c = io->handle->chan;
	int r = 0;

	spin_lock(&c->lock);
	if (c->slow & CHAN_SLOW_NO_SEND)
		r = -EPIPE;
	else if (io->nonblock && !chan_can_send(c))
		r = -EAGAIN;
	spin_unlock(&c->lock);
	return r;
}

/*
 * Will a call that may wait have to? Without the lock this is a guess: it saves a
 * look in place, and in hand the call looks again before it waits.
 */
static bool chan_send_will_wait(const struct chan_io *io)
{
	const struct chan *c = io->handle->chan;

	if (io->nonblock)
		return false;
	/* Both may change as we look. */
	return data_race(c->count) == c->capacity && !(data_race(c->slow) & CHAN_SLOW_RECEIVERS);
}

static __always_inline int chan_send_some(struct chan_io *io, u32 want)
{
	int r;

	if (io->handle->chan->by_ref)
		return chan_send_refused(io) ?: chan_send_in_hand(io);
	if (chan_send_will_wait(io) || chan_insists(io))
		return chan_send_in_hand(io);
	r = chan_send_in_place(io, want);
	if (r == -EAGAIN && !io->nonblock)
		return chan_send_in_hand(io);
	return r;
}

/* A copy with page faults off fell short: is there no such memory, or only not yet? */
static int chan_send_fault(struct chan_io *io)
{
	struct chan *c = io->handle->chan;
	int r = chan_fault(io);

	if (r)
		return r;
	return chan_mem_fault_in_readable(&io->mem, c->message ? io->len : c->elem_size) ?
		0 : -EFAULT;
}

/**
 * chan_try_send() - send one element, or not, without waiting
 * @io: the call
 *
 * Return: as chan_send(); or -EBUSY: try again.
 */
int chan_try_send(struct chan_io *io)
{
	int r = chan_send_some(io, 1);

	if (r == -EFAULT)
		r = chan_send_fault(io) ?: -EBUSY;
	return r;
}

/* A call with a timeout isn't restarted: it would wait for the whole of it again. */
static int chan_restart(const struct chan_io *io, int r)
{
	return r == -ERESTARTSYS && io->deadline ? -EINTR : r;
}

/* All of them, and nobody will ask where it stands. */
static __always_inline bool chan_is_all(const struct chan_io *io, int r, size_t n)
{
	return likely(r == n && !io->mem.iter);
}

/* After some elements: go on? Whatever stops it, the count stands. */
static __always_inline bool chan_go_on(size_t done, size_t n)
{
	if (done == n || signal_pending(current))
		return false;
	cond_resched();
	return true;
}

/**
 * chan_send() - send elements, one after the other
 * @io: the call
 * @n: how many, at least 1
 *
 * Return: how many were sent, all of them unless something cut the call short
 * after the first; or, before the first, -EAGAIN, -EDQUOT, -EFAULT, -EINTR, -ENOMEM,
 * -EPIPE, -ERESTARTSYS, -ETIMEDOUT.
 */
ssize_t chan_send(struct chan_io *io, size_t n)
{
	size_t done = 0;
	int r;

	do {
		r = chan_send_some(io, min_t(size_t, n - done, INT_MAX));
		if (chan_is_all(io, r, n))
			return n;
		if (r == -EFAULT)
			r = chan_send_fault(io);
		else if (r == -EBUSY)
			r = 0;
		if (r < 0)
			return done ?: chan_restart(io, r);
		if (!r) {
			cond_resched();
			continue;
		}
		io->faults = 0;
		done += r;
		chan_mem_advance(&io->mem, (size_t)r * io->wire);
	} while (!done || chan_go_on(done, n));
	return done;
}

/*
 * Receive
 */

/* Does an element of this length suit the call? */
static int chan_fits(const struct chan_io *io, u32 len)
{
	if (!io->handle->chan->message)
		return 0;
	if (len > io->len)
		return -EMSGSIZE;
	/* read(2) would take it for the end. */
	return len || io->len_addr ? 0 : -ENODATA;
}

/* Bytes that @n elements take in the caller's memory, and where they come from. */
static __always_inline size_t chan_recv_bytes(const struct chan_io *io, struct chan_hold *h, u32 n)
{
	if (io->handle->chan->message)
		return h->len;
	if (!io->handle->chan->elem_size)
		h->data = page_address(ZERO_PAGE(0));
	return (size_t)n * io->wire;
}

/* Report a message's length, page faults off. */
static bool chan_put_len_atomic(const struct chan_io *io, u32 len)
{
	return !io->len_addr ||
	       chan_put_atomic(NULL, io->len_addr, &len, sizeof(len)) == sizeof(len);
}

/* In place: as many as one hold takes. Return: how many, 0 if closed, or an errno. */
static int chan_recv_in_place(struct chan_io *io, u32 want)
{
	struct chan *c = io->handle->chan;
	struct chan_hold h CHAN_UNINIT;
	size_t bytes, put;
	int r, bad;

	chan_lock(c, &h);
	h.tries = io->nonblock;
	r = chan_begin_recv(c, &h, want);
	if (r <= 0)
		goto out;
	bad = chan_fits(io, h.len);
	if (bad) {
		r = bad;
		goto out;
	}
	bytes = chan_recv_bytes(io, &h, r);
	io->need = bytes / r;
	put = bytes ? chan_mem_put_atomic(c, &io->mem, h.data, bytes) : 0;
	if (put < bytes)
		r = c->message ? 0 : (u32)put / io->wire;
	if (!r || !chan_put_len_atomic(io, h.len)) {
		r = -EFAULT;
		goto out;
	}
	if (c->message)
		io->len = h.len;
	chan_commit_recv(c, &h, r);
out:
	chan_unlock(c, &h);
	return r;
}

/**
 * chan_deliver() - an element in hand to the caller's memory
 * @io: the call
 * @e: the element
 *
 * Return: 1; or -EFAULT, -EMSGSIZE, -ENODATA, or -EINTR for who is being killed: the
 * channel must have it back.
 */
int chan_deliver(struct chan_io *io, struct chan_elem *e)
{
	struct chan_hold h = { .data = e->data, .len = e->len };
	size_t bytes;
	int r;

	r = chan_fits(io, e->len);
	if (r)
		return r;
	bytes = chan_recv_bytes(io, &h, 1);
	io->need = bytes;
	if (bytes && !chan_mem_put(&io->mem, h.data, bytes))
		return -EFAULT;
	if (io->len_addr && put_user(e->len, io->len_addr))
		return -EFAULT;
	/* Who is being killed never returns from this call. */
	if (fatal_signal_pending(current))
		return -EINTR;
	io->len = e->len;
	return 1;
}

/* Take the oldest element in hand, if its place in the caller's memory is good. */
static int chan_recv_take(struct chan_io *io, struct chan_hold *h, struct chan_elem **e)
{
	struct chan *c = io->handle->chan;
	int r = chan_begin_recv(c, h, 1);
	void *data;
	int bad;

	if (r <= 0)
		return r;
	bad = chan_fits(io, h->len);
	if (bad)
		return bad;
	data = h->data;
	io->need = chan_recv_bytes(io, h, 1);
	if (!chan_insists(io) && !chan_mem_probe(&io->mem, h->data, io->need))
		return -EFAULT;
	h->data = data;
	chan_recv_elem(c, h, e);
	return 1;
}

/* In hand: one element; waits if the call may. Return: 1, 0 if closed, or an errno. */
static int chan_recv_in_hand(struct chan_io *io)
{
	struct chan_party party = { .state = CHAN_PENDING, .task = current };
	struct chan_waiter w = { .party = &party };
	struct chan *c = io->handle->chan;
	struct chan_hand hand CHAN_UNINIT;
	struct chan_hold h CHAN_UNINIT;
	bool parked = false;
	int r;

	r = chan_hand_take(&hand, io->handle);
	if (r)
		return r;
	w.elem = hand.elem;
	chan_mem_prepare(&io->mem, c->elem_size ?: io->wire);

	chan_lock(c, &h);
	h.tries = io->nonblock;
	r = chan_recv_take(io, &h, &w.elem);
	if (r == -EAGAIN && !io->nonblock) {
		chan_enqueue_recv(c, &h, &w);
		parked = true;
	}
	chan_unlock(c, &h);
	if (parked)
		r = chan_wait(io, &w);

	hand.elem = w.elem;	/* perhaps another one now */
	if (r > 0) {
		r = chan_deliver(io, hand.elem);
		if (r < 0)
			chan_hand_return(&hand, io->handle);
	}
	chan_hand_drop(&hand, io->handle);
	return r;
}

/* As chan_send_will_wait(). */
static bool chan_recv_will_wait(const struct chan_io *io)
{
	const struct chan *c = io->handle->chan;

	const u32 waits = CHAN_SLOW_FORM | CHAN_SLOW_RECEIVERS;

	if (io->nonblock)
		return false;
	/* Both may change as we look. */
	return !data_race(c->count) && !(data_race(c->slow) & ~waits);
}

static __always_inline int chan_recv_some(struct chan_io *io, u32 want)
{
	int r;

	if (io->handle->chan->by_ref || chan_recv_will_wait(io) || chan_insists(io))
		return chan_recv_in_hand(io);
	r = chan_recv_in_place(io, want);
	if (r == -EAGAIN && !io->nonblock)
		return chan_recv_in_hand(io);
	return r;
}

static int chan_recv_fault(struct chan_io *io)
{
	int r = chan_fault(io);

	if (r)
		return r;
	if (io->len_addr && fault_in_safe_writeable((char __user *)io->len_addr, sizeof(u32)))
		return -EFAULT;
	return chan_mem_fault_in_writeable(&io->mem, io->need) == io->need ? 0 : -EFAULT;
}

/**
 * chan_try_recv() - receive one element, or not, without waiting
 * @io: the call
 *
 * Return: as chan_recv(); or -EBUSY: try again.
 */
int chan_try_recv(struct chan_io *io)
{
	int r = chan_recv_some(io, 1);

	if (r == -EFAULT)
		r = chan_recv_fault(io) ?: -EBUSY;
	return r;
}

/**
 * chan_recv_now() - receive elements: wait for one, then take what is there
 * @io: the call
 * @n: how many at most, at least 1
 *
 * Whether or not the handle stands by.
 *
 * Return: how many were received; 0 if the channel is closed and drained; or
 * -EAGAIN, -EDQUOT, -EFAULT, -EINTR, -EMSGSIZE, -ENODATA, -ENOMEM, -ERESTARTSYS,
 * -ETIMEDOUT.
 */
ssize_t chan_recv_now(struct chan_io *io, size_t n)
{
	size_t done = 0;
	int r;

	do {
		r = chan_recv_some(io, min_t(size_t, n - done, INT_MAX));
		if (chan_is_all(io, r, n))
			return n;
		if (r == -EFAULT) {
			r = chan_recv_fault(io);
			if (!r)
				continue;
		}
		if (r == -EBUSY) {
			cond_resched();
			continue;
		}
		if (r <= 0)
			return done ?: chan_restart(io, r);
		io->faults = 0;
		done += r;
		io->nonblock = true;
		chan_mem_advance(&io->mem, (size_t)r * io->wire);
	} while (!done || chan_go_on(done, n));
	return done;
}
