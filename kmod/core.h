/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The channel core: queue, waiters, hand-off, close.
 *
 * The core knows no file, no device and no user memory. Its operations are
 * begin and commit, inside one hold of the channel's lock: begin says where an
 * element goes to or comes from, the caller copies, commit makes it so. A
 * caller that doesn't commit has changed nothing. It compiles in userspace too,
 * where the unit tests run it under the sanitizers.
 *
 * LOCKING
 *
 * chan.lock is a plain spinlock: nothing is called from interrupt context. Two
 * are never held together. Under it nothing sleeps, allocates, frees, wakes or
 * takes a page fault; what must follow is noted in the &struct chan_hold and done
 * by chan_unlock(). Work under it is bounded: at most CHAN_HOLD_BYTES are copied by
 * who acts and as many for those who are parked, CHAN_HOLD_WAKES parties woken and
 * CHAN_HOLD_STALE waiters dropped.
 *
 * chan_party.lock is taken inside it, and two of them in the order of their
 * addresses. Only parties that wait in several channels have one (SELECT, below); it
 * is held while such a party's element is copied.
 *
 * PARTIES AND WAITERS
 *
 * A party is somebody who waits: a blocked call, a select, an armed selector, a
 * handle that stands by. A waiter is its place in the queue of a channel. A party
 * is PENDING until a call completes it (FIRED), or it withdraws (CANCELLED); both
 * happen under the lock of the channel in which it waits. The call that fires does
 * the party's operation for it: moves the element, takes the waiter off the queue,
 * and wakes the party last.
 *
 *  parked receiver (its buffer is waiter.elem)     active sender
 *  ---------------------------------------------   --------------------------
 *  lock; queue is empty: enqueue; unlock
 *  sleep until state != PENDING                    lock; begin: the receiver
 *                                                  copies into waiter.elem
 *                                                  commit: dequeue,
 *                                                    result, state = FIRED [R]
 *  [A] sees FIRED, returns, its stack goes         unlock; wake_up_process()
 *
 * THE FIRED ARGUMENT: the store of FIRED is a release [R] and the last touch of
 * the party's memory; the owner's load is an acquire [A]. So the owner sees the
 * element and the result, and may go at once. Its task_struct outlives the
 * wake-up, because chan_fire() enters an RCU read-side section while the party
 * is still queued, thus alive, and a task_struct is freed a grace period after
 * its task's end. A wake-up that comes late finds the task elsewhere and is a
 * spurious one, which every sleeper in the kernel allows for. A wait queue through
 * which a party is woken is the channel's own, or is freed a grace period after the
 * party has left the channel's queue.
 *
 * SELECT
 *
 * A select waits in several channels, and which of them fires it is decided under
 * its own lock, inside the lock of the channel in which it happens. A call that
 * finds a select's waiter in a queue claims the select: locks it, and if it is no
 * longer PENDING, drops the waiter, which is stale, and goes on to the next.
 *
 * A select that enqueues itself in one channel after the other can itself be fired
 * meanwhile. So where it finds a peer it claims both, the peer and itself, with both
 * locks held: one compare-and-swap on one side is not enough, since two
 * selects that meet would each have to be sure of itself and of the other. Of two
 * parties that wait for each other in a channel, who locks it second finds the first
 * in the queue, so that none misses the other, and nobody spins or tries again.
 *
 *  select A, in pass 2                    select B, in pass 2
 *  ------------------------------------   ------------------------------------
 *  lock c1; no peer: enqueue; unlock
 *                                         lock c1; finds A's waiter
 *                                         lock A and B: both PENDING
 *                                         both FIRED; move the element
 *  sees FIRED, enqueues no more           unlock all; wake A
 *  locks each channel where it has been,
 *  c1 too: nobody touches it any more
 *
 * The last is why a select's memory may go though its lock was held by others: who
 * locks a party holds the lock of a channel in whose queue the party is.
 *
 * A select with a default must find one instant at which no case was ready. It reads
 * each channel's generation (chan_rx_gen(), chan_tx_gen()), looks at each case,
 * and reads the generations again: where none has changed nothing has become ready
 * between, so at the instant between nothing was. If they keep changing it enqueues
 * itself, as one that only tries, and withdraws at once: had a case been ready or
 * become it, the select would have been fired; the instant is the withdrawal. Two
 * that only try never meet.
 *
 * INVARIANTS, whenever the lock is free; parked is who is PENDING
 *
 *  - parked receivers  => no element is queued
 *  - parked senders    => no room
 *  - sequence numbers rise along: returned elements, ring
 *  - sent - received = queued elements (what a receiver has claimed is received,
 *    and counted back when it fails and returns it)
 *
 * but while a close is waking them, waiters of a closed channel may still be
 * queued: then nobody but the close fires senders. And while somebody is to come back
 * for what was too much for one hold, the first two don't hold: then every
 * call first does a part of it (chan_settle()), so that none overtakes.
 */
#ifndef _CHAN_CORE_H
#define _CHAN_CORE_H

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "trace.h"

#define CHAN_INPLACE_MAX	4096	/* bytes of an element that is copied under the lock */
#define CHAN_HOLD_BYTES		4096	/* bytes copied in one hold, and as many for the parked */
#define CHAN_HOLD_WAKES		16	/* parties fired in one hold of the lock */
#define CHAN_HOLD_STALE		32	/* stale waiters dropped in one hold of the lock */

/*
 * For what is large, on the stack, and written before it is read: no zeroes first
 * from a compiler that is told to zero everything (CONFIG_INIT_STACK_ALL_ZERO).
 */
#if __has_attribute(__uninitialized__)
#define CHAN_UNINIT	__attribute__((__uninitialized__))
#else
#define CHAN_UNINIT
#endif

/*
 * Why the short way, ring only, is barred. One word, so that the hot path tests
 * it once.
 */
#define CHAN_SLOW_CLOSED	BIT(0)
#define CHAN_SLOW_HUNGUP	BIT(1)
#define CHAN_SLOW_RECEIVERS	BIT(2)	/* recvq is not empty */
#define CHAN_SLOW_SENDERS	BIT(3)	/* sendq is not empty */
#define CHAN_SLOW_RETURNED	BIT(4)	/* the list of returned elements isn't empty */
#define CHAN_SLOW_FORM		BIT(5)	/* messages, or by reference, or watched */
#define CHAN_SLOW_NO_SEND	(CHAN_SLOW_CLOSED | CHAN_SLOW_HUNGUP)
#define CHAN_SLOW_PARKED	(CHAN_SLOW_RECEIVERS | CHAN_SLOW_SENDERS)

struct chan_account;

/**
 * struct chan_elem - an element outside the ring, or in a ring by reference
 * @node: in &struct chan.returned
 * @seq: its number in the order of sends, from 0; valid once it was sent
 * @len: bytes of it
 * @account: who is charged for this memory, or NULL; not the core's concern, but
 *	it stays with the place when two elements change places
 * @data: the bytes, room for the element size of the channel
 */
struct chan_elem {
	struct list_head node;
	u64 seq;
	u32 len;
	struct chan_account *account;
	u8 data[] __aligned(8);
};

enum chan_party_state {
	CHAN_PENDING,
	CHAN_FIRED,
	CHAN_CANCELLED,
};

/**
 * struct chan_party - somebody who waits
 * @state: PENDING to FIRED or CANCELLED under the lock of the channel, and of the
 *	party if it has one; read without them by the owner only (the FIRED argument)
 * @result: written before FIRED: of a receive 1, or 0 for closed; of a send 1,
 *	or -EPIPE
 * @several: immutable; it waits in several channels: @lock and @winner count
 * @tries: immutable; it won't wait, and never meets another such
 * @task: immutable; whom to wake, or NULL
 * @wq: immutable; else, through what
 * @winner: written before FIRED: the waiter whose operation was done
 * @lock: inside that of a channel, and of another party at a lower address
 */
struct chan_party {
	enum chan_party_state state;
	int result;
	bool several;
	bool tries;
	struct task_struct *task;
	wait_queue_head_t *wq;
	struct chan_waiter *winner;
	spinlock_t lock;		/* inside that of a channel */
};

/**
 * struct chan_waiter - a party's place in the queue of one channel
 * @node: lock; in &struct chan.recvq or &struct chan.sendq
 * @party: immutable; who waits
 * @elem: lock while PENDING, then the owner's; a sender's element, or where a
 *	receiver's element lands. By reference it may be exchanged for another.
 * @sending: immutable; in which queue it stands
 */
struct chan_waiter {
	struct list_head node;
	struct chan_party *party;
	struct chan_elem *elem;
	bool sending;
};

/**
 * struct chan - a channel
 * @lock: see above
 * @slow: lock; CHAN_SLOW_*
 * @count: lock; elements in the ring
 * @head: lock; slot of the oldest element in the ring
 * @tail: lock; slot that the next element goes to
 * @capacity: immutable; slots of the ring
 * @stride: immutable; bytes from slot to slot
 * @elem_size: immutable; bytes of an element, or at most of a message
 * @short_len: immutable; the element size if the short way may take it, else
 *	U32_MAX
 * @ring: immutable; @capacity slots. A slot is the bare element (fixed), a
 *	&struct chan_slot (message), or a pointer to a &struct chan_elem (by
 *	reference); in the last case each slot always has one, for the exchange.
 * @sent: lock; elements sent: the next one's sequence number
 * @rx_events: lock; see chan_rx_gen()
 * @tx_events: lock; see chan_tx_gen()
 * @rpoll: own lock; who polls for receiving
 * @wpoll: own lock; who polls for sending
 * @recvq: lock; parked receivers, oldest first
 * @sendq: lock; parked senders, oldest first
 * @returned: lock; elements that failed receivers gave back, by sequence number,
 *	all of them older than those in the ring
 * @nr_recvq: lock; length of @recvq
 * @nr_sendq: lock; length of @sendq
 * @nr_returned: lock; length of @returned
 * @nr_senders: lock; handles that may send
 * @nr_receivers: lock; handles that may receive
 * @autoclose: immutable; close when @nr_senders falls to 0
 * @hangup: immutable; hang up when @nr_receivers falls to 0
 * @valid_from: lock to write; an element of a lower number that is returned is dropped
 * @watched: immutable; chan_was_taken() is called when elements were taken
 * @message: immutable; elements have lengths of their own
 * @by_ref: immutable; elements are over CHAN_INPLACE_MAX and never copied under
 *	the lock, but change places with an empty one
 * @hold_parked: immutable; how many who are parked one hold serves besides its own
 *	operation
 */
struct chan {
	spinlock_t lock;		/* outermost of the core, and its only one */
	u32 slow;
	u32 count;
	u32 head;
	u32 tail;
	u32 capacity;
	u32 stride;
	u32 elem_size;
	u32 short_len;
	void *ring;
	u64 sent;
	u64 valid_from;
	u32 rx_events;
	u32 tx_events;
	wait_queue_head_t rpoll;
	wait_queue_head_t wpoll;
	struct list_head recvq;
	struct list_head sendq;
	struct list_head returned;
	u32 nr_recvq;
	u32 nr_sendq;
	u32 nr_returned;
	u32 nr_senders;
	u32 nr_receivers;
	bool autoclose;
	bool hangup;
	bool watched;
	bool message;
	bool by_ref;
	u8 hold_parked;
};

/* The slot of a message. */
struct chan_slot {
	u32 len;
	u8 data[];
};

/**
 * struct chan_hold - one hold of a channel's lock: what it found, which is good until
 *	the commit, and what is to follow it
 * @data: begin: where the element is, or goes to (not by reference)
 * @ref: begin: by reference, the place whose element is exchanged
 * @len: begin_recv: bytes of the element
 * @seq: begin_recv: its sequence number
 * @peer: begin: the parked waiter that it goes to or comes from, or NULL
 * @returned: begin_recv: the returned element that it is, or NULL
 * @garbage: an element to free, or NULL
 * @me: a select that is enqueued elsewhere, for which this hold acts; or NULL
 * @claimed: the party of @peer, locked; or NULL
 * @raise_in: what to tell those who poll for receiving
 * @raise_out: what to tell those who poll for sending
 * @nr_stale: stale waiters dropped
 * @nr_wakes: length of @wake
 * @raise_all: tell exclusive pollers too, all of them
 * @taken: a watched channel's element was taken
 * @tries: who acts won't wait
 * @unsettled: it was too much for one hold, chan_unlock() goes on
 * @wake: whom to wake
 */
struct chan_hold {
	void *data;
	struct chan_elem **ref;
	u32 len;
	u64 seq;
	struct chan_waiter *peer;
	struct chan_elem *returned;
	struct chan_elem *garbage;
	struct chan_party *me;
	struct chan_party *claimed;
	/* Side by side, so that the compiler zeroes them together. */
	__poll_t raise_in;
	__poll_t raise_out;
	u32 nr_stale;
	u32 nr_wakes;
	bool raise_all;
	bool taken;
	bool tries;
	bool unsettled;
	struct chan_wake {
		struct task_struct *task;
		wait_queue_head_t *wq;
	} wake[CHAN_HOLD_WAKES];
};

void chan_init(struct chan *c, u32 elem_size, u32 capacity, bool message, bool watched);
void chan_lock(struct chan *c, struct chan_hold *h)
	__acquires(&c->lock);
void chan_unlock(struct chan *c, struct chan_hold *h)
	__releases(&c->lock);

int chan_begin_send(struct chan *c, struct chan_hold *h, u32 want);
void chan_commit_send(struct chan *c, struct chan_hold *h, u32 n, u32 len);
int chan_begin_recv(struct chan *c, struct chan_hold *h, u32 want);
void chan_commit_recv(struct chan *c, struct chan_hold *h, u32 n);

int chan_send_elem(struct chan *c, struct chan_hold *h, struct chan_elem **e);
void chan_recv_elem(struct chan *c, struct chan_hold *h, struct chan_elem **e);
void chan_return_elem(struct chan *c, struct chan_elem *e);

void chan_enqueue_send(struct chan *c, struct chan_hold *h, struct chan_waiter *w);
void chan_enqueue_recv(struct chan *c, struct chan_hold *h, struct chan_waiter *w);
int chan_park(struct chan *c, struct chan_waiter *w, const ktime_t *deadline);
bool chan_cancel(struct chan *c, struct chan_waiter *w);
int chan_sleep(struct chan_party *p, const ktime_t *deadline);
bool chan_claim_self(struct chan_hold *h);
void chan_put_elem(struct chan *c, struct chan_hold *h, struct chan_elem **e);
void chan_forget(struct chan *c, struct chan_waiter *w);
bool chan_prune(struct chan *c);

int chan_close(struct chan *c);
void chan_handle_new(struct chan *c, bool may_send, bool may_recv);
void chan_handle_gone(struct chan *c, bool may_send, bool may_recv);

/*
 * Who uses the core provides these: the memory, random bits, and the
 * watch over a channel, called without its lock.
 */
void chan_was_taken(struct chan *c);
void chan_elem_free(struct chan *c, struct chan_elem *e);
u64 chan_random(void);

/**
 * chan_len() - elements queued
 * @c: the channel, locked
 *
 * Return: elements, those that were returned included.
 */
static inline u32 chan_len(const struct chan *c)
{
	return c->count + c->nr_returned;
}

/**
 * chan_has_room() - can an element be queued?
 * @c: the channel, locked
 *
 * Return: true if the ring would take one. Returned elements take room.
 */
static inline bool chan_has_room(const struct chan *c)
{
	return chan_len(c) < c->capacity;
}

/**
 * chan_rx_gen() - a number that changes whenever a receive has become possible
 * @c: the channel, locked
 *
 * That is: an element was queued or returned, a sender has parked, or the channel was
 * closed. It only rises.
 *
 * Return: the number.
 */
static inline u64 chan_rx_gen(const struct chan *c)
{
	return c->sent + c->rx_events;
}

/**
 * chan_tx_gen() - a number that changes whenever a send has become possible
 * @c: the channel, locked
 *
 * That is: an element was received, a receiver has parked, or the channel was
 * closed or hung up. It only rises: a return, which takes back a receive, counts too.
 *
 * Return: the number.
 */
static inline u64 chan_tx_gen(const struct chan *c)
{
	return c->sent - chan_len(c) + c->tx_events;
}

/**
 * chan_looks_ready() - is it worth to lock the channel and try?
 * @c: the channel, not locked
 * @sending: try to send, else to receive
 *
 * Return: false only if at some instant during the call the operation would have had
 * to wait.
 */
static inline bool chan_looks_ready(const struct chan *c, bool sending)
{
	const u32 idle = CHAN_SLOW_FORM | (sending ? CHAN_SLOW_SENDERS : CHAN_SLOW_RECEIVERS);

	/*
	 * The ring first: it stays as it was seen, or the generation changes. Returned
	 * elements only take room.
	 */
	if (sending ? data_race(c->count) != c->capacity : data_race(c->count))
		return true;
	smp_rmb();	/* no pair: a write seen late is a change of the generation */
	return data_race(c->slow) & ~(idle | (sending ? CHAN_SLOW_RETURNED : 0));
}

/**
 * chan_can_recv() - would a receive find an element?
 * @c: the channel, locked, and chan_prune() said that it was done
 *
 * Return: true if an element is queued, or a sender parked who may still send.
 */
static inline bool chan_can_recv(const struct chan *c)
{
	return chan_len(c) ||
	       (c->nr_sendq && !(c->slow & CHAN_SLOW_NO_SEND));
}

/**
 * chan_can_send() - would a send find a place?
 * @c: the channel, locked, and chan_prune() said that it was done
 *
 * Return: true if there is room or a parked receiver. Closed channels are not
 * looked at.
 */
static inline bool chan_can_send(const struct chan *c)
{
	return chan_has_room(c) || c->nr_recvq;
}

/*
 * Does anybody poll? Under the channel's lock this needs no barrier, since a
 * poller queues itself before it takes the lock to look.
 */
static __always_inline bool chan_is_polled(struct wait_queue_head *wq)
{
	return waitqueue_active(wq);	/* the channel's lock orders it */
}

/* The address of a slot. */
static __always_inline void *chan_slot_at(const struct chan *c, u32 i)
{
	return (u8 *)c->ring + (size_t)i * c->stride;
}

/* The slot @n, at most a ring's length, after @i. */
static __always_inline u32 chan_slot_after(const struct chan *c, u32 i, u32 n)
{
	i += n;
	return i >= c->capacity ? i - c->capacity : i;
}

/* Do all of these bytes belong to the ring? */
static __always_inline bool chan_in_ring(const struct chan *c, const void *data, size_t len)
{
	size_t at = (const u8 *)data - (const u8 *)c->ring;
	size_t size = (size_t)c->capacity * c->stride;

	return at <= size && len <= size - at;
}

/*
 * The short way: fixed elements, nobody parked, nothing returned, open. Both
 * halves are the ring case of begin and commit, for elements that lie one after the
 * other, with nothing noted in a hold. A raise is left to the caller.
 */
static __always_inline void *chan_short_send(const struct chan *c, u32 n)
{
	if (unlikely(c->slow || c->capacity - c->count < n))
		return NULL;
	if (n > 1 && unlikely(c->capacity - c->tail < n))
		return NULL;
	return chan_slot_at(c, c->tail);
}

static __always_inline void chan_short_sent(struct chan *c, u32 n)
{
	c->tail = chan_slot_after(c, c->tail, n);
	c->count += n;
	c->sent += n;
	trace_chan_send(c, c->sent - n, n);
}

/* @n: how many at most; out: how many there are */
static __always_inline void *chan_short_recv(const struct chan *c, u32 *n)
{
	if (unlikely(c->slow || !c->count))
		return NULL;
	if (*n > 1) {
		*n = min(*n, c->count);
		if (unlikely(c->capacity - c->head < *n))
			return NULL;
	}
	return chan_slot_at(c, c->head);
}

static __always_inline void chan_short_received(struct chan *c, u32 n)
{
	c->head = chan_slot_after(c, c->head, n);
	c->count -= n;
	trace_chan_recv(c, c->sent - c->count - n, n);
}

#endif /* _CHAN_CORE_H */
