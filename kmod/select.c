// SPDX-License-Identifier: GPL-2.0
/*
 * Select: one of several operations; core.h has the protocol.
 */
#include <linux/errno.h>

#include "select.h"

#define CHAN_COLLECTS	4	/* looks for an instant at which nothing is ready */

/* A random number below @n: of Knuth's MMIX generator the half that is good. */
static u32 chan_below(u64 *random, u32 n)
{
	*random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*random >> 32) * n >> 32;
}

static bool chan_again(void)
{
	cond_resched();
	return true;
}

/**
 * chan_choice_try() - do one of those that are ready
 * @s: the select
 *
 * Return: which, and its result is set; -EAGAIN if at some time during the call, each
 * at its own, none was ready.
 */
int chan_choice_try(struct chan_choice *s)
{
	struct chan_option *options = s->options, *at = options, *o;
	const bool by_priority = s->by_priority;
	const u32 nr = s->nr;
	u64 random = chan_random();
	u32 n, i;
	int r;

	for (n = 0; n < nr; n++, at++) {
		i = at->order;
		/* Each that is left is as likely: Fisher and Yates's shuffle. */
		if (!by_priority) {
			o = at + chan_below(&random, nr - n);
			at->order = o->order;
			o->order = i;
			i = at->order;
		}
		o = &options[i];
		if (!o->chan || (nr > 1 && !chan_looks_ready(o->chan, o->sending)))
			continue;
		/* The same again: another draw would make it the less likely. */
		do {
			r = s->attempt(s, i);
		} while (r == -EBUSY && chan_again());
		if (r != -EAGAIN) {
			s->result = r;
			trace_chan_select(o->chan, i, nr, r);
			return i;
		}
	}
	return -EAGAIN;
}

/* Read or compare all generations. Return: whether they are as in @gens. */
static bool chan_collect(struct chan_choice *s, u64 *gens)
{
	bool same = true;
	u64 gen;
	u32 i;

	for (i = 0; i < s->nr; i++) {
		struct chan *c = s->options[i].chan;

		if (!c)
			continue;
		spin_lock(&c->lock);
		gen = s->options[i].sending ? chan_tx_gen(c) : chan_rx_gen(c);
		spin_unlock(&c->lock);
		same = same && gens[i] == gen;
		gens[i] = gen;
	}
	return same;
}

/**
 * chan_choice_default() - do one of those that are ready, or find that none is
 * @s: the select, after a chan_choice_try() that found nothing
 * @gens: room for a number for each option
 *
 * Return: which, and its result is set; -EAGAIN if there was an instant at which none
 * was ready; -EBUSY if that can't be said: enqueue it, as one that tries.
 */
int chan_choice_default(struct chan_choice *s, u64 *gens)
{
	u32 n;
	int r;

	if (s->nr <= 1)
		return -EAGAIN;	/* the one attempt was an instant */
	chan_collect(s, gens);
	for (n = 0; n < CHAN_COLLECTS; n++) {
		r = chan_choice_try(s);
		if (r != -EAGAIN || chan_collect(s, gens))
			return r;
	}
	return -EBUSY;
}

/* It has committed in this hold, or is to. */
static void chan_choice_won(struct chan_choice *s, struct chan_waiter *w, int result)
{
	s->party.winner = w;
	s->party.result = result;
}

/* Commit at once if the operation is ready, else enqueue. Return: false to look again. */
static bool chan_choice_enqueue_one(struct chan_choice *s, u32 i)
{
	struct chan_waiter *w = &s->waiters[i];
	struct chan *c = s->options[i].chan;
	struct chan_hold h CHAN_UNINIT;
	int r;

	chan_lock(c, &h);
	h.me = &s->party;
	h.tries = s->party.tries;
	r = w->sending ? chan_begin_send(c, &h, 1) : chan_begin_recv(c, &h, 1);
	if (r == -EAGAIN) {
		if (w->sending)
			chan_enqueue_send(c, &h, w);
		else
			chan_enqueue_recv(c, &h, w);
	} else if (r != -EBUSY && r != -ECANCELED && (h.peer || chan_claim_self(&h))) {
		chan_choice_won(s, w, r);
		if (r > 0 && w->sending)
			chan_put_elem(c, &h, &w->elem);
		else if (r > 0)
			chan_recv_elem(c, &h, &w->elem);
	}
	chan_unlock(c, &h);
	return r != -EBUSY;
}

/**
 * chan_choice_enqueue() - wait in all channels, unless an operation is ready
 * @s: the select, its order drawn by chan_choice_try(), with a party that is PENDING
 *	and waiters that have their elements
 *
 * Return: -EAGAIN if it waits now; else it was fired, and 0.
 */
int chan_choice_enqueue(struct chan_choice *s)
{
	struct chan_waiter *w;
	u32 n = 0, i;

	s->nr_queued = 0;
	while (n < s->nr && READ_ONCE(s->party.state) == CHAN_PENDING) {
		i = s->options[n].order;
		w = &s->waiters[i];
		INIT_LIST_HEAD(&w->node);
		if (!s->options[i].chan || chan_choice_enqueue_one(s, i))
			s->nr_queued = ++n;
		cond_resched();
	}
	/* pairs with chan_fire() */
	return smp_load_acquire(&s->party.state) == CHAN_PENDING ? -EAGAIN : 0;
}

/**
 * chan_choice_withdraw() - wait no more, unless it was fired
 * @s: the select
 *
 * Return: whether it was PENDING and now is CANCELLED.
 */
bool chan_choice_withdraw(struct chan_choice *s)
{
	bool pending;

	spin_lock(&s->party.lock);
	pending = s->party.state == CHAN_PENDING;
	if (pending)
		WRITE_ONCE(s->party.state, CHAN_CANCELLED);
	spin_unlock(&s->party.lock);
	return pending;
}

/**
 * chan_choice_leave() - leave all queues, once fired or withdrawn
 * @s: the select
 *
 * Nobody else touches it after that.
 *
 * Return: which operation was done, and its result is set; -EAGAIN if it has
 * withdrawn.
 */
int chan_choice_leave(struct chan_choice *s)
{
	bool gave_up = s->party.state == CHAN_CANCELLED;
	u32 n, i;

	for (n = 0; n < s->nr_queued; n++) {
		i = s->options[n].order;
		if (!s->options[i].chan)
			continue;
		chan_forget(s->options[i].chan, &s->waiters[i]);
		if (gave_up && !s->party.tries)
			trace_chan_cancel(s->options[i].chan, &s->waiters[i], 0);
	}
	if (gave_up)
		return -EAGAIN;
	i = s->party.winner - s->waiters;
	s->result = s->party.result;
	trace_chan_select(s->options[i].chan, i, s->nr, s->result);
	return i;
}
