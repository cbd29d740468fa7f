// SPDX-License-Identifier: GPL-2.0
/*
 * The channel core; core.h has the rules.
 */
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "core.h"

#define CHAN_POLL_IN	(EPOLLIN | EPOLLRDNORM)
#define CHAN_POLL_OUT	(EPOLLOUT | EPOLLWRNORM)

/**
 * chan_init() - make a channel out of zeroed memory
 * @c: the channel
 * @elem_size: bytes of an element, or at most of a message
 * @capacity: elements that it buffers
 * @message: elements have lengths of their own
 * @watched: chan_was_taken() is called when elements were taken
 *
 * The caller then provides &struct chan.ring, @capacity times the stride that
 * this computes.
 */
void chan_init(struct chan *c, u32 elem_size, u32 capacity, bool message, bool watched)
{
	spin_lock_init(&c->lock);
	init_waitqueue_head(&c->rpoll);
	init_waitqueue_head(&c->wpoll);
	INIT_LIST_HEAD(&c->recvq);
	INIT_LIST_HEAD(&c->sendq);
	INIT_LIST_HEAD(&c->returned);
	c->capacity = capacity;
	c->elem_size = elem_size;
	c->message = message;
	c->watched = watched;
	c->by_ref = elem_size > CHAN_INPLACE_MAX;
	if (c->by_ref)
		c->stride = sizeof(struct chan_elem *);
	else if (message)
		c->stride = ALIGN(sizeof(struct chan_slot) + elem_size, 8);
	else
		c->stride = elem_size;
	/* The last wake is that of the hold's own peer. */
	c->hold_parked = CHAN_HOLD_WAKES - 1;
	if (!c->by_ref && elem_size)
		c->hold_parked = min_t(u32, c->hold_parked, CHAN_HOLD_BYTES / elem_size);
	if (message || c->by_ref || watched)
		c->slow = CHAN_SLOW_FORM;
	/* An element of size 0 is a byte to read(2) and write(2): not so short. */
	c->short_len = c->slow || !capacity || !elem_size ? U32_MAX : elem_size;
}

static bool chan_settle(struct chan *c, struct chan_hold *h);

/* Do the first two invariants hold, or is somebody to come back for it? */
static __always_inline bool chan_is_settled(const struct chan *c)
{
	return !(c->nr_recvq && chan_len(c)) && !(c->nr_sendq && chan_has_room(c));
}

/* Before a call's own operation, which may leave garbage of its own. */
static __always_inline bool chan_settle_first(struct chan *c, struct chan_hold *h)
{
	return likely(chan_is_settled(c)) || (chan_settle(c, h) && !h->garbage);
}

/**
 * chan_lock() - begin a hold
 * @c: the channel
 * @h: the hold, uninitialised
 */
void chan_lock(struct chan *c, struct chan_hold *h)
	__acquires(&c->lock)
{
	h->peer = NULL;
	h->returned = NULL;
	h->garbage = NULL;
	h->me = NULL;
	h->claimed = NULL;
	h->raise_in = 0;
	h->raise_out = 0;
	h->nr_stale = 0;
	h->nr_wakes = 0;
	h->raise_all = false;
	h->taken = false;
	h->tries = false;
	h->unsettled = false;
	spin_lock(&c->lock);
}

static void chan_raise(wait_queue_head_t *wq, __poll_t events, bool all)
{
	if (events)
		__wake_up(wq, TASK_INTERRUPTIBLE, !all, poll_to_key(events));
}

/*
 * A claimed party's lock is held from one function to another, as the claim turns out:
 * sparse can't follow that, and is told that nothing happens.
 */
static void chan_party_lock(struct chan_party *p, int subclass)
{
	spin_lock_nested(&p->lock, subclass);
	__release(&p->lock);
}

static void chan_party_unlock(struct chan_party *p)
{
	__acquire(&p->lock);
	spin_unlock(&p->lock);
}

static void chan_wake(const struct chan_wake *w)
{
	if (w->task)
		wake_up_process(w->task);
	else	/* all of them: who is exclusive may be another's */
		chan_raise(w->wq, CHAN_POLL_IN, true);
}

/* Those that chan_fire() noted, when it began to read what RCU keeps. */
static noinline void chan_wake_all(const struct chan_hold *h)
{
	u32 i;

	for (i = 0; i < h->nr_wakes; i++)
		chan_wake(&h->wake[i]);
	__acquire(RCU);
	rcu_read_unlock();
}

/* The rest that is to follow a hold. */
static noinline void chan_follow(struct chan *c, struct chan_hold *h)
{
	chan_raise(&c->rpoll, h->raise_in, h->raise_all);
	chan_raise(&c->wpoll, h->raise_out, h->raise_all);
	if (h->garbage)
		chan_elem_free(c, h->garbage);
	if (h->taken)
		chan_was_taken(c);
}

static __always_inline void chan_end_hold(struct chan *c, struct chan_hold *h)
	__releases(&c->lock)
{
	if (unlikely(h->claimed))	/* and not committed */
		chan_party_unlock(h->claimed);
	spin_unlock(&c->lock);
	if (h->nr_wakes)
		chan_wake_all(h);
	if (unlikely(h->raise_in || h->raise_out || h->garbage || h->taken))
		chan_follow(c, h);
}

/* What was too much for one hold, in as many as it takes. */
static noinline void chan_end_settling(struct chan *c, struct chan_hold *h)
{
	do {
		cond_resched();
		chan_lock(c, h);
		h->unsettled = !chan_settle(c, h);
		chan_end_hold(c, h);
	} while (h->unsettled);
}

/**
 * chan_unlock() - end a hold, and do what is to follow it
 * @c: the channel
 * @h: the hold
 */
void chan_unlock(struct chan *c, struct chan_hold *h)
	__releases(&c->lock)
{
	chan_end_hold(c, h);
	if (unlikely(h->unsettled))
		chan_end_settling(c, h);
}

static void chan_raise_in(struct chan *c, struct chan_hold *h)
{
	lockdep_assert_held(&c->lock);
	if (chan_is_polled(&c->rpoll))
		h->raise_in |= CHAN_POLL_IN;
}

static void chan_raise_out(struct chan *c, struct chan_hold *h)
{
	lockdep_assert_held(&c->lock);
	if (chan_is_polled(&c->wpoll))
		h->raise_out |= CHAN_POLL_OUT;
}

static void chan_slow_set(struct chan *c, u32 bit, bool on)
{
	lockdep_assert_held(&c->lock);
	c->slow = on ? c->slow | bit : c->slow & ~bit;
}

static void chan_unlink_recv(struct chan *c, struct chan_waiter *w)
{
	list_del_init(&w->node);
	chan_slow_set(c, CHAN_SLOW_RECEIVERS, --c->nr_recvq);
}

static void chan_unlink_send(struct chan *c, struct chan_waiter *w)
{
	list_del_init(&w->node);
	chan_slow_set(c, CHAN_SLOW_SENDERS, --c->nr_sendq);
}

static __always_inline void chan_unlink(struct chan *c, struct chan_waiter *w)
{
	if (w->sending)
		chan_unlink_send(c, w);
	else
		chan_unlink_recv(c, w);
}

/* A waiter of a party that waits no more, since another of its waiters was chosen. */
static bool chan_is_stale(const struct chan_waiter *w)
{
	/* Without its lock: who is PENDING may be fired as we look. */
	return w->party->several && READ_ONCE(w->party->state) != CHAN_PENDING;
}

enum chan_claim {
	CHAN_CLAIM_LOST,	/* who wants the peer was fired itself */
	CHAN_CLAIM_STALE,	/* the peer waits no more */
	CHAN_CLAIM_DONE,
};

/* Claim the party of a waiter, and with it @me, a select that is enqueued elsewhere. */
static enum chan_claim chan_claim_both(struct chan_party *p, struct chan_party *me)
{
	enum chan_claim r = CHAN_CLAIM_DONE;
	struct chan_party *first = me, *second = NULL;

	if (p->several) {
		first = min(p, me);
		second = max(p, me);
	}
	chan_party_lock(first, 0);
	if (second)
		chan_party_lock(second, SINGLE_DEPTH_NESTING);
	if (me->state != CHAN_PENDING)
		r = CHAN_CLAIM_LOST;
	else if (p->state != CHAN_PENDING)
		r = CHAN_CLAIM_STALE;
	else
		WRITE_ONCE(me->state, CHAN_FIRED);
	chan_party_unlock(me);
	if (second && r != CHAN_CLAIM_DONE)
		chan_party_unlock(p);
	return r;
}

/* Claim the party of a waiter, whose own lock is then held if it has one. */
static enum chan_claim chan_claim(struct chan_party *p, struct chan_party *me)
{
	if (me)
		return chan_claim_both(p, me);
	if (!p->several)
		return CHAN_CLAIM_DONE;
	chan_party_lock(p, 0);
	if (p->state == CHAN_PENDING)
		return CHAN_CLAIM_DONE;
	chan_party_unlock(p);
	return CHAN_CLAIM_STALE;
}

/**
 * chan_claim_self() - the select that a hold acts for commits, without a peer
 * @h: the hold, after a begin that found no peer
 *
 * Return: false if it was fired elsewhere.
 */
bool chan_claim_self(struct chan_hold *h)
{
	struct chan_party *me = h->me;
	bool pending;

	spin_lock(&me->lock);
	pending = me->state == CHAN_PENDING;
	if (pending)
		WRITE_ONCE(me->state, CHAN_FIRED);
	spin_unlock(&me->lock);
	h->me = NULL;
	return pending;
}

/*
 * Find the first in a queue who still waits, and claim it: it is then @h->peer, to be
 * fired. Return: 1; 0 if there is none; -ECANCELED if the select that the hold acts
 * for was fired elsewhere; -EBUSY if there were too many stale ones, look again.
 */
static int chan_find_peer(struct chan *c, struct chan_hold *h, struct list_head *queue,
			  struct chan_party *me, bool tries)
{
	struct chan_waiter *w, *next;

	list_for_each_entry_safe(w, next, queue, node) {
		if (w->party == me || (tries && w->party->tries))
			continue;
		switch (chan_claim(w->party, me)) {
		case CHAN_CLAIM_LOST:
			return -ECANCELED;
		case CHAN_CLAIM_STALE:
			if (h->nr_stale == CHAN_HOLD_STALE)
				return -EBUSY;
			h->nr_stale++;
			chan_unlink(c, w);
			continue;
		case CHAN_CLAIM_DONE:
			if (me)
				h->me = NULL;	/* has committed */
			if (w->party->several)
				h->claimed = w->party;
			h->peer = w;
			return 1;
		}
	}
	return 0;
}

/* Complete a party; its memory is its own again from here (the FIRED argument). */
static void chan_fire(struct chan *c, struct chan_hold *h, struct chan_waiter *w, int result)
{
	struct chan_party *p = w->party;

	trace_chan_wake(c, w, result);
	if (!h->nr_wakes) {
		rcu_read_lock();	/* the FIRED argument; chan_wake_all() ends it */
		__release(RCU);
	}
	chan_unlink(c, w);
	h->wake[h->nr_wakes++] = (struct chan_wake) { p->task, p->wq };
	p->result = result;
	p->winner = w;
	smp_store_release(&p->state, CHAN_FIRED);	/* pairs with chan_sleep() */
	if (h->claimed) {
		chan_party_unlock(h->claimed);
		h->claimed = NULL;
	}
}

/* By reference: two places change elements; the charge stays with the place. */
static void chan_exchange(struct chan_elem **a, struct chan_elem **b)
{
	swap(*a, *b);
	swap((*a)->account, (*b)->account);
}

/* Point the hold at a slot of the ring. */
static void chan_hold_slot(struct chan *c, struct chan_hold *h, u32 i)
{
	void *slot = chan_slot_at(c, i);

	if (c->by_ref) {
		h->ref = slot;
		h->len = (*h->ref)->len;
		h->data = (*h->ref)->data;
	} else if (c->message) {
		h->len = ((struct chan_slot *)slot)->len;
		h->data = ((struct chan_slot *)slot)->data;
	} else {
		h->len = c->elem_size;
		h->data = slot;
	}
}

/* Point the hold at an element outside the ring. */
static void chan_hold_elem(struct chan_hold *h, struct chan_elem **e)
{
	h->ref = e;
	h->len = (*e)->len;
	h->data = (*e)->data;
}

/* Point the hold at the element that is queued first. */
static void chan_hold_first(struct chan *c, struct chan_hold *h)
{
	if (c->nr_returned) {
		h->returned = list_first_entry(&c->returned, struct chan_elem, node);
		chan_hold_elem(h, &h->returned);
		h->seq = h->returned->seq;
	} else {
		chan_hold_slot(c, h, c->head);
		h->seq = c->sent - c->count;
	}
}

/* The hold's peer will be fired: the places that the hold notes are others from here. */
static struct chan_waiter *chan_unpeer(struct chan_hold *h)
{
	struct chan_waiter *w = h->peer;

	h->peer = NULL;
	return w;
}

/* How many slots from @i on one hold may touch, of @n that are fit for it. */
static u32 chan_run(const struct chan *c, u32 i, u32 n)
{
	n = min(n, c->capacity - i);
	if (c->message || c->by_ref)
		return 1;
	return min_t(u32, n, CHAN_HOLD_BYTES / max(c->stride, 1U));
}

/**
 * chan_begin_send() - find the place for an element
 * @c: the channel, locked
 * @h: the hold; out: where the element goes, in data (or ref, by reference)
 * @want: elements to send, at least 1
 *
 * Return: how many elements the place takes, at most @want: more than 1 only if
 * they lie one after the other. -EPIPE if the channel is closed or hung up;
 * -EAGAIN if there is no place; -EBUSY if there was too much to do first, try in
 * another hold; -ECANCELED if the select that the hold acts for was fired elsewhere.
 */
int chan_begin_send(struct chan *c, struct chan_hold *h, u32 want)
{
	int r;

	lockdep_assert_held(&c->lock);
	if (c->slow & CHAN_SLOW_NO_SEND)
		return -EPIPE;
	if (c->slow & CHAN_SLOW_PARKED && unlikely(!chan_settle_first(c, h)))
		return -EBUSY;
	if (c->nr_recvq) {
		/* If there is room both may be served: that isn't meeting. */
		r = chan_find_peer(c, h, &c->recvq, h->me,
				   h->tries && !chan_has_room(c));
		if (r < 0)
			return r;
		if (r) {
			chan_hold_elem(h, &h->peer->elem);
			return 1;
		}
	}
	if (!chan_has_room(c))
		return -EAGAIN;
	chan_hold_slot(c, h, c->tail);
	return min(want, chan_run(c, c->tail, c->capacity - chan_len(c)));
}

/* Who sends the newest element and who receives it have met. */
static void chan_trace_met(const struct chan *c)
{
	trace_chan_send(c, c->sent - 1, 1);
	trace_chan_recv(c, c->sent - 1, 1);
}

/**
 * chan_commit_send() - the elements are in the place that begin gave
 * @c: the channel, locked
 * @h: the hold
 * @n: how many, at least 1
 * @len: bytes of each
 */
void chan_commit_send(struct chan *c, struct chan_hold *h, u32 n, u32 len)
{
	lockdep_assert_held(&c->lock);
	if (h->peer) {
		h->peer->elem->len = len;
		h->peer->elem->seq = c->sent++;
		chan_trace_met(c);
		chan_fire(c, h, h->peer, 1);
		return;
	}
	if (c->by_ref) {
		(*h->ref)->len = len;
		(*h->ref)->seq = c->sent;
	} else if (c->message) {
		((struct chan_slot *)chan_slot_at(c, c->tail))->len = len;
	}
	c->tail = chan_slot_after(c, c->tail, n);
	c->count += n;
	c->sent += n;
	trace_chan_send(c, c->sent - n, n);
	chan_raise_in(c, h);
}

/**
 * chan_begin_recv() - find the oldest element
 * @c: the channel, locked
 * @h: the hold; out: where the element is, in data (also by reference), its
 *	length and its sequence number
 * @want: elements to receive, at least 1
 *
 * Return: how many elements lie there one after the other, at most @want; 0 if
 * the channel is closed and drained; -EAGAIN if there is nothing; -EBUSY and
 * -ECANCELED as chan_begin_send().
 */
int chan_begin_recv(struct chan *c, struct chan_hold *h, u32 want)
{
	int r;

	lockdep_assert_held(&c->lock);
	if (c->slow & CHAN_SLOW_PARKED && unlikely(!chan_settle_first(c, h)))
		return -EBUSY;
	if (chan_len(c)) {
		chan_hold_first(c, h);
		return h->returned ? 1 : min(want, chan_run(c, c->head, c->count));
	}
	if (c->slow & CHAN_SLOW_CLOSED)
		return 0;
	if (c->nr_sendq && !(c->slow & CHAN_SLOW_HUNGUP)) {
		r = chan_find_peer(c, h, &c->sendq, h->me, h->tries);
		if (r < 0)
			return r;
		if (r) {
			chan_hold_elem(h, &h->peer->elem);
			h->seq = c->sent;
			return 1;
		}
	}
	return -EAGAIN;
}

/**
 * chan_put_elem() - move an element in hand into the place that begin_send gave
 * @c: the channel, locked
 * @h: the hold
 * @e: the element; by reference it is exchanged for an empty one
 */
void chan_put_elem(struct chan *c, struct chan_hold *h, struct chan_elem **e)
{
	u32 len = (*e)->len;

	if (c->by_ref)
		chan_exchange(h->ref, e);
	else
		memcpy(h->data, (*e)->data, len);
	chan_commit_send(c, h, 1, len);
}

/* Take elements out of the ring, or from those returned. */
static void chan_take(struct chan *c, struct chan_hold *h, u32 n)
{
	if (h->returned) {
		list_del(&h->returned->node);
		chan_slow_set(c, CHAN_SLOW_RETURNED, --c->nr_returned);
		h->garbage = h->returned;
	} else {
		c->head = chan_slot_after(c, c->head, n);
		c->count -= n;
	}
	trace_chan_recv(c, h->seq, n);
	h->taken = c->watched;
	if (c->slow & CHAN_SLOW_CLOSED && !chan_len(c))
		h->raise_in |= CHAN_POLL_IN | EPOLLRDHUP | EPOLLHUP;
}

/* After that: senders may come in, and who polls may send. */
static void chan_taken(struct chan *c, struct chan_hold *h)
{
	h->returned = NULL;
	if (c->nr_sendq && !chan_settle(c, h))
		h->unsettled = true;
	if (chan_has_room(c))
		chan_raise_out(c, h);
}

/**
 * chan_commit_recv() - the elements that begin gave were taken
 * @c: the channel, locked
 * @h: the hold
 * @n: how many, at least 1
 *
 * In the same hold parked senders move into the slots that this freed, so that
 * no newcomer can overtake them.
 */
void chan_commit_recv(struct chan *c, struct chan_hold *h, u32 n)
{
	lockdep_assert_held(&c->lock);
	if (h->peer) {
		c->sent++;
		chan_trace_met(c);
		chan_fire(c, h, h->peer, 1);
		return;
	}
	chan_take(c, h, n);
	chan_taken(c, h);
}

/**
 * chan_send_elem() - send an element in hand
 * @c: the channel, locked
 * @h: the hold
 * @e: the element; by reference it is exchanged for an empty one
 *
 * Return: 1 if it was sent; -EPIPE or -EAGAIN as chan_begin_send().
 */
int chan_send_elem(struct chan *c, struct chan_hold *h, struct chan_elem **e)
{
	int r = chan_begin_send(c, h, 1);

	if (r > 0)
		chan_put_elem(c, h, e);
	return r;
}

/* Take the element that is queued first in hand: what it leaves isn't settled. */
static void chan_take_elem(struct chan *c, struct chan_hold *h, struct chan_elem **e)
{
	u64 seq = h->seq;

	if (!c->by_ref) {
		(*e)->len = h->len;
		memcpy((*e)->data, h->data, h->len);
		chan_take(c, h, 1);
	} else if (h->returned) {
		chan_take(c, h, 1);
		chan_exchange(&h->garbage, e);
	} else {
		chan_exchange(h->ref, e);
		chan_take(c, h, 1);
	}
	(*e)->seq = seq;
}

/* The first of a queue who still waits, whoever it is; as chan_find_peer(). */
static int chan_find_parked(struct chan *c, struct chan_hold *h, struct list_head *queue)
{
	if (h->nr_wakes >= c->hold_parked)
		return -EBUSY;
	return chan_find_peer(c, h, queue, NULL, false);
}

/* Give what is queued to parked receivers. Return: as chan_find_peer(), but not 1. */
static int chan_serve_receivers(struct chan *c, struct chan_hold *h)
{
	struct chan_waiter *w;
	int r = 0;

	while (c->nr_recvq && chan_len(c)) {
		r = h->garbage ? -EBUSY : chan_find_parked(c, h, &c->recvq);
		if (r <= 0)
			break;
		w = chan_unpeer(h);
		chan_hold_first(c, h);
		chan_take_elem(c, h, &w->elem);
		h->returned = NULL;
		chan_fire(c, h, w, 1);
	}
	return min(r, 0);
}

/* Let parked senders into the room that there is. Return: likewise. */
static int chan_admit_senders(struct chan *c, struct chan_hold *h)
{
	struct chan_waiter *w;
	int r = 0;

	while (c->nr_sendq && chan_has_room(c) && !(c->slow & CHAN_SLOW_NO_SEND)) {
		r = chan_find_parked(c, h, &c->sendq);
		if (r <= 0)
			break;
		w = chan_unpeer(h);
		chan_hold_slot(c, h, c->tail);
		chan_put_elem(c, h, &w->elem);
		chan_fire(c, h, w, 1);
	}
	return min(r, 0);
}

/*
 * Bring about that no element is queued where receivers are parked, and no room left
 * where senders are. Return: false if it is too much for this hold.
 */
static bool chan_settle(struct chan *c, struct chan_hold *h)
{
	return !chan_serve_receivers(c, h) && !chan_admit_senders(c, h);
}

/**
 * chan_recv_elem() - take the element that begin_recv gave in hand
 * @c: the channel, locked
 * @h: the hold
 * @e: where it goes; by reference it is exchanged for the full one
 */
void chan_recv_elem(struct chan *c, struct chan_hold *h, struct chan_elem **e)
{
	lockdep_assert_held(&c->lock);
	if (!h->peer) {
		chan_take_elem(c, h, e);
		chan_taken(c, h);
		return;
	}
	(*e)->seq = h->seq;
	if (c->by_ref) {
		chan_exchange(h->ref, e);
		(*e)->seq = h->seq;
	} else {
		(*e)->len = h->len;
		memcpy((*e)->data, h->data, h->len);
	}
	chan_commit_recv(c, h, 1);
}

/**
 * chan_return_elem() - a receiver failed: the channel holds its element again
 * @c: the channel
 * @e: the element, allocated so that chan_elem_free() can free it
 *
 * It goes in its place by sequence number: in front of all that is in the ring,
 * since that was sent later. Others may have been taken since: their order is
 * not disturbed. What is older than &struct chan.valid_from is freed.
 */
void chan_return_elem(struct chan *c, struct chan_elem *e)
{
	struct chan_elem *earlier;
	struct chan_hold h CHAN_UNINIT;

	chan_lock(c, &h);
	if (unlikely(e->seq < c->valid_from)) {
		h.garbage = e;
		chan_unlock(c, &h);
		return;
	}
	/* From the end: those who fail together do so about in order. */
	list_for_each_entry_reverse(earlier, &c->returned, node)
		if (earlier->seq < e->seq)
			break;
	list_add(&e->node, &earlier->node);
	c->nr_returned++;
	trace_chan_return(c, e->seq, 1);
	chan_slow_set(c, CHAN_SLOW_RETURNED, true);
	c->rx_events++;
	c->tx_events++;	/* as chan_tx_gen() says */
	chan_raise_in(c, &h);
	h.unsettled = !chan_settle(c, &h);
	chan_unlock(c, &h);
}

/**
 * chan_enqueue_send() - take the last place among the parked senders
 * @c: the channel, locked; chan_begin_send() has just said -EAGAIN
 * @h: the hold
 * @w: the waiter, with its party and element
 */
void chan_enqueue_send(struct chan *c, struct chan_hold *h, struct chan_waiter *w)
{
	lockdep_assert_held(&c->lock);
	list_add_tail(&w->node, &c->sendq);
	c->nr_sendq++;
	chan_slow_set(c, CHAN_SLOW_SENDERS, true);
	if (w->party->tries)
		return;
	trace_chan_park(c, w, 0);
	c->rx_events++;
	if (!chan_len(c))	/* else receivers had their edge already */
		chan_raise_in(c, h);
}

/**
 * chan_enqueue_recv() - take the last place among the parked receivers
 * @c: the channel, locked; chan_begin_recv() has just said -EAGAIN
 * @h: the hold
 * @w: the waiter, with its party and a place for the element
 */
void chan_enqueue_recv(struct chan *c, struct chan_hold *h, struct chan_waiter *w)
{
	lockdep_assert_held(&c->lock);
	list_add_tail(&w->node, &c->recvq);
	c->nr_recvq++;
	chan_slow_set(c, CHAN_SLOW_RECEIVERS, true);
	if (w->party->tries)
		return;
	trace_chan_park(c, w, 0);
	c->tx_events++;
	if (!chan_has_room(c))	/* else senders had their edge already */
		chan_raise_out(c, h);
}

/**
 * chan_cancel() - withdraw, unless somebody has fired the party already
 * @c: the channel
 * @w: the waiter of a party that waits in this channel only
 *
 * Return: whether it was PENDING, and now is CANCELLED and out of the queue.
 */
bool chan_cancel(struct chan *c, struct chan_waiter *w)
{
	bool pending;

	spin_lock(&c->lock);
	pending = w->party->state == CHAN_PENDING;
	if (pending) {
		w->party->state = CHAN_CANCELLED;
		trace_chan_cancel(c, w, 0);
		chan_unlink(c, w);
	}
	spin_unlock(&c->lock);
	return pending;
}

/**
 * chan_forget() - take a waiter off its queue, if it is still there
 * @c: the channel
 * @w: the waiter, of a party that is no longer PENDING
 *
 * When this has been done for all of its waiters, nobody touches the party any more.
 */
void chan_forget(struct chan *c, struct chan_waiter *w)
{
	spin_lock(&c->lock);
	if (!list_empty(&w->node))
		chan_unlink(c, w);
	spin_unlock(&c->lock);
}

/**
 * chan_prune() - drop stale waiters from the heads of the queues
 * @c: the channel, locked
 *
 * Return: true if whoever is queued first is parked, in both; false if there is more
 * to do, in another hold.
 */
bool chan_prune(struct chan *c)
{
	struct list_head *queue = &c->recvq;
	struct chan_waiter *w;
	u32 n;

	lockdep_assert_held(&c->lock);
	for (n = 0; n < CHAN_HOLD_STALE; n++) {
		while (list_empty(queue)) {
			if (queue == &c->sendq)
				return true;
			queue = &c->sendq;
		}
		w = list_first_entry(queue, struct chan_waiter, node);
		if (chan_is_stale(w)) {
			chan_unlink(c, w);
			continue;
		}
		if (queue == &c->sendq)
			return true;
		queue = &c->sendq;
	}
	return false;
}

/* Return: whether it is still before the deadline. */
static noinline bool chan_schedule_until(ktime_t deadline)
{
	return schedule_hrtimeout_range(&deadline, current->timer_slack_ns,
					HRTIMER_MODE_ABS);
}

static __always_inline int chan_sleep_in(struct chan_party *p, const ktime_t *deadline)
{
	int r = 0;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		/* pairs with chan_fire() */
		if (smp_load_acquire(&p->state) != CHAN_PENDING)
			break;
		if (signal_pending(current)) {
			r = -ERESTARTSYS;
			break;
		}
		if (!deadline) {
			schedule();
		} else if (!chan_schedule_until(*deadline)) {
			r = -ETIMEDOUT;
			break;
		}
	}
	__set_current_state(TASK_RUNNING);
	return r;
}

/**
 * chan_sleep() - sleep until the party is fired, or something cuts it short
 * @p: the calling task's
 * @deadline: when to give up, on CLOCK_MONOTONIC, or NULL for never
 *
 * Return: 0 (the FIRED argument); -ERESTARTSYS for a signal, -ETIMEDOUT for the
 * deadline, and then the party may have been fired meanwhile.
 */
int chan_sleep(struct chan_party *p, const ktime_t *deadline)
{
	return chan_sleep_in(p, deadline);
}

/**
 * chan_park() - wait in the queue until somebody completes the operation
 * @c: the channel
 * @w: the waiter, enqueued in a hold that has ended
 * @deadline: when to give up, on CLOCK_MONOTONIC, or NULL for never
 *
 * Whoever decides first decides: an operation that was completed is reported as
 * such though a signal or the deadline came too.
 *
 * Return: &struct chan_party.result; or -ERESTARTSYS for a signal, -ETIMEDOUT for
 * the deadline, and then the party is no longer in the queue.
 */
int chan_park(struct chan *c, struct chan_waiter *w, const ktime_t *deadline)
{
	int r = chan_sleep_in(w->party, deadline);

	if (unlikely(r) && chan_cancel(c, w))
		return r;
	return w->party->result;
}

/* Fire those who wait for what will never come. False: there are more. */
static bool chan_flush(struct chan *c, struct chan_hold *h)
{
	bool closed = c->slow & CHAN_SLOW_CLOSED;

	if (!chan_settle(c, h))
		return false;
	while (h->nr_wakes < CHAN_HOLD_WAKES) {
		struct list_head *queue = c->nr_sendq ? &c->sendq : &c->recvq;
		int r;

		if (!c->nr_sendq && !(closed && c->nr_recvq))
			return true;
		r = chan_find_peer(c, h, queue, NULL, false);
		if (r < 0)
			return false;
		if (r)
			chan_fire(c, h, h->peer, h->peer->sending ? -EPIPE : 0);
	}
	return false;
}

/*
 * Close or hang up, or both: mark it, tell all who poll, fire all who wait, in
 * one hold after another. Who comes meanwhile sees the mark.
 */
static void chan_end(struct chan *c, struct chan_hold *h, u32 marks)
	__releases(&c->lock)
{
	bool done;

	if (marks) {
		trace_chan_close(c, marks & CHAN_SLOW_CLOSED, marks & CHAN_SLOW_HUNGUP);
		c->slow |= marks;
		c->rx_events++;
		c->tx_events++;
		h->raise_out = CHAN_POLL_OUT | EPOLLERR;
		h->raise_all = true;
	}
	if (marks & CHAN_SLOW_CLOSED)
		h->raise_in = CHAN_POLL_IN | EPOLLRDHUP | (chan_len(c) ? 0 : EPOLLHUP);
	done = !marks || chan_flush(c, h);
	chan_unlock(c, h);
	while (!done) {
		cond_resched();
		chan_lock(c, h);
		done = chan_flush(c, h);
		chan_unlock(c, h);
	}
}

/**
 * chan_close() - Go's close
 * @c: the channel
 *
 * Return: 0, or -EPIPE if it was closed already.
 */
int chan_close(struct chan *c)
{
	struct chan_hold h CHAN_UNINIT;
	bool again;

	chan_lock(c, &h);
	again = c->slow & CHAN_SLOW_CLOSED;
	chan_end(c, &h, again ? 0 : CHAN_SLOW_CLOSED);
	return again ? -EPIPE : 0;
}

/**
 * chan_handle_new() - count a handle
 * @c: the channel
 * @may_send: it may send
 * @may_recv: it may receive
 */
void chan_handle_new(struct chan *c, bool may_send, bool may_recv)
{
	spin_lock(&c->lock);
	c->nr_senders += may_send;
	c->nr_receivers += may_recv;
	spin_unlock(&c->lock);
}

/**
 * chan_handle_gone() - a counted handle goes; autoclose and hangup follow
 * @c: the channel
 * @may_send: it could send
 * @may_recv: it could receive
 */
void chan_handle_gone(struct chan *c, bool may_send, bool may_recv)
{
	struct chan_hold h CHAN_UNINIT;
	u32 marks = 0;

	chan_lock(c, &h);
	c->nr_senders -= may_send;
	c->nr_receivers -= may_recv;
	if (c->autoclose && may_send && !c->nr_senders)
		marks |= CHAN_SLOW_CLOSED;
	if (c->hangup && may_recv && !c->nr_receivers)
		marks |= CHAN_SLOW_HUNGUP;
	chan_end(c, &h, marks & ~c->slow);
}
