// SPDX-License-Identifier: GPL-2.0
/*
 * The core, state by state, one thread.
 */
#include "unit.h"

static const struct {
	u32 size;
	bool message;
} kinds[] = { { 8, false }, { 24, true }, { BY_REF, false }, { BY_REF, true } };

static const u32 capacities[] = { 0, 1, 2, 7 };

#define FOR_ALL(c) \
	for (u32 k_ = 0; k_ < 4; k_++) \
		for (u32 a_ = 0; a_ < 4; a_++) \
			for (struct chan *c = unit_chan(kinds[k_].size, capacities[a_], \
							kinds[k_].message); \
			     c; unit_check(c), unit_chan_free(c), c = NULL)

static void fill(struct chan *c, u64 first)
{
	u32 i;

	for (i = 0; i < c->capacity; i++)
		CHECK(unit_send(c, first + i) == 1);
	CHECK(unit_send(c, 99) == -EAGAIN);
}

static void park_senders(struct chan *c, struct fake *f, u32 n, u64 first)
{
	struct chan_hold h;
	u32 i;

	for (i = 0; i < n; i++) {
		unit_fake(&f[i], c, true, first + i);
		chan_lock(c, &h);
		CHECK(chan_send_elem(c, &h, &f[i].waiter.elem) == -EAGAIN);
		chan_enqueue_send(c, &h, &f[i].waiter);
		chan_unlock(c, &h);
	}
}

static void park_receivers(struct chan *c, struct fake *f, u32 n)
{
	struct chan_hold h;
	u32 i;

	for (i = 0; i < n; i++) {
		unit_fake(&f[i], c, false, 0);
		chan_lock(c, &h);
		CHECK(chan_begin_recv(c, &h, 1) == -EAGAIN);
		chan_enqueue_recv(c, &h, &f[i].waiter);
		chan_unlock(c, &h);
	}
}

static bool fired(struct fake *f, int result)
{
	return f->party.state == CHAN_FIRED && f->party.result == result && f->task.woken;
}

static void drop(struct fake *f, u32 n)
{
	while (n--)
		free(f[n].waiter.elem);
}

static void elements_come_in_order(void)
{
	u64 v;
	u32 i, round;

	FOR_ALL(c) {
		for (round = 0; round < 3; round++) {
			fill(c, round * 10);
			for (i = 0; i < c->capacity; i++) {
				CHECK(unit_recv(c, &v) == 1);
				CHECK(v == round * 10 + i);
			}
			CHECK(unit_recv(c, &v) == -EAGAIN);
			unit_check(c);
		}
	}
}

static void parked_senders_are_served_first_to_last(void)
{
	struct fake f[8];
	u64 v;
	u32 i;

	FOR_ALL(c) {
		fill(c, 0);
		park_senders(c, f, 8, c->capacity);
		CHECK(c->nr_sendq == 8);
		for (i = 0; i < c->capacity + 8; i++) {
			unit_check(c);
			CHECK(unit_recv(c, &v) == 1);
			CHECK(v == i);
			if (i < 8)
				CHECK(fired(&f[i], 1));
			if (i < 7)	/* a newcomer stands behind */
				CHECK(unit_send(c, 99) == -EAGAIN);
		}
		drop(f, 8);
	}
}

static void parked_receivers_are_served_first_to_last(void)
{
	struct fake f[8];
	u64 v;
	u32 i;

	FOR_ALL(c) {
		park_receivers(c, f, 8);
		for (i = 0; i < 8; i++) {
			unit_check(c);
			CHECK(unit_recv(c, &v) == -EAGAIN);
			CHECK(unit_send(c, 40 + i) == 1);
			CHECK(fired(&f[i], 1));
			CHECK(unit_holds(c, f[i].waiter.elem->data, f[i].waiter.elem->len, 40 + i));
			CHECK(f[i].waiter.elem->seq == i);
		}
		CHECK(!chan_len(c));
		drop(f, 8);
	}
}

static void begin_without_commit_changes_nothing(void)
{
	struct fake f[2];
	struct chan_hold h;
	struct chan before;
	u64 v;

	FOR_ALL(c) {
		park_receivers(c, f, 1);
		before = *c;
		chan_lock(c, &h);
		CHECK(chan_begin_send(c, &h, 3) == 1);
		chan_unlock(c, &h);
		CHECK(before.slow == c->slow && before.nr_recvq == c->nr_recvq);
		CHECK(f[0].party.state == CHAN_PENDING);
		CHECK(unit_send(c, 1) == 1);
		fill(c, 2);
		park_senders(c, f + 1, 1, 2 + c->capacity);
		before = *c;
		chan_lock(c, &h);
		CHECK(chan_begin_recv(c, &h, 1) == 1);
		chan_unlock(c, &h);
		CHECK(before.count == c->count && before.head == c->head && before.tail == c->tail);
		CHECK(before.sent == c->sent && before.nr_sendq == c->nr_sendq);
		CHECK(f[1].party.state == CHAN_PENDING);
		CHECK(unit_recv(c, &v) == 1 && v == 2);
		drop(f, 2);
	}
}

static void close_drains_and_wakes_all(void)
{
	struct fake f[40];
	u64 v;
	u32 i;

	FOR_ALL(c) {
		fill(c, 0);
		park_senders(c, f, 40, 50);
		CHECK(chan_close(c) == 0);
		CHECK(chan_close(c) == -EPIPE);
		for (i = 0; i < 40; i++)
			CHECK(fired(&f[i], -EPIPE));
		CHECK(unit_send(c, 1) == -EPIPE);
		for (i = 0; i < c->capacity; i++)
			CHECK(unit_recv(c, &v) == 1 && v == i);
		CHECK(unit_recv(c, &v) == 0);
		CHECK(unit_recv(c, &v) == 0);
		CHECK(c->rpoll.raised & EPOLLHUP && c->rpoll.raised & EPOLLRDHUP && c->rpoll.all);
		CHECK(c->wpoll.raised & EPOLLOUT && c->wpoll.all);
		drop(f, 40);
	}
	FOR_ALL(c) {
		park_receivers(c, f, 40);
		CHECK(chan_close(c) == 0);
		for (i = 0; i < 40; i++)
			CHECK(fired(&f[i], 0));
		drop(f, 40);
	}
}

static void hang_up_fails_senders_and_lets_receivers_wait(void)
{
	struct fake f[3];
	u64 v;
	u32 i;

	FOR_ALL(c) {
		c->hangup = true;
		chan_handle_new(c, true, true);
		fill(c, 0);
		park_senders(c, f, 2, 50);
		chan_handle_gone(c, false, true);
		CHECK(fired(&f[0], -EPIPE) && fired(&f[1], -EPIPE));
		CHECK(unit_send(c, 1) == -EPIPE);
		for (i = 0; i < c->capacity; i++)
			CHECK(unit_recv(c, &v) == 1 && v == i);
		park_receivers(c, f + 2, 1);
		CHECK(f[2].party.state == CHAN_PENDING);
		CHECK(chan_close(c) == 0);
		CHECK(fired(&f[2], 0));
		drop(f, 3);
	}
}

static void autoclose_follows_the_last_sender(void)
{
	u64 v;

	FOR_ALL(c) {
		c->autoclose = true;
		chan_handle_new(c, false, true);
		chan_handle_gone(c, false, true);
		CHECK(!(c->slow & CHAN_SLOW_CLOSED));
		chan_handle_new(c, true, false);
		chan_handle_new(c, true, true);
		chan_handle_gone(c, true, false);
		CHECK(unit_recv(c, &v) == -EAGAIN);
		chan_handle_gone(c, true, true);
		CHECK(unit_recv(c, &v) == 0);
	}
}

static void give_back(struct chan *c, u64 v, u64 seq)
{
	struct chan_elem *e = unit_elem(c);

	unit_fill(c, e->data, v);
	e->len = unit_len(c, v);
	e->seq = seq;
	chan_return_elem(c, e);
}

/* Four receivers took 0..3 and fail in every order; 4 and 5 are queued, or parked. */
static void returned_elements_take_their_place_in_any_order(void)
{
	static const u8 orders[24][4] = {
		{ 0, 1, 2, 3 }, { 0, 1, 3, 2 }, { 0, 2, 1, 3 }, { 0, 2, 3, 1 }, { 0, 3, 1, 2 },
		{ 0, 3, 2, 1 }, { 1, 0, 2, 3 }, { 1, 0, 3, 2 }, { 1, 2, 0, 3 }, { 1, 2, 3, 0 },
		{ 1, 3, 0, 2 }, { 1, 3, 2, 0 }, { 2, 0, 1, 3 }, { 2, 0, 3, 1 }, { 2, 1, 0, 3 },
		{ 2, 1, 3, 0 }, { 2, 3, 0, 1 }, { 2, 3, 1, 0 }, { 3, 0, 1, 2 }, { 3, 0, 2, 1 },
		{ 3, 1, 0, 2 }, { 3, 1, 2, 0 }, { 3, 2, 0, 1 }, { 3, 2, 1, 0 },
	};
	struct fake f[4], late[2];
	u32 i, j;
	u64 v;

	for (i = 0; i < 24; i++) {
		FOR_ALL(c) {
			park_receivers(c, f, 4);
			for (j = 0; j < 4; j++)
				CHECK(unit_send(c, j) == 1);
			for (j = 0; j < c->capacity && j < 2; j++)
				CHECK(unit_send(c, 4 + j) == 1);
			/* Parked: 4 and 5 if there is no room, else behind a full ring. */
			while (unit_send(c, 4 + j) == 1)
				j++;
			park_senders(c, late, 1, 4 + j);
			for (j = 0; j < 4; j++) {
				give_back(c, orders[i][j], f[orders[i][j]].waiter.elem->seq);
				unit_check(c);
			}
			CHECK(chan_len(c) == c->capacity + 4);
			for (j = 0; j < 4 + c->capacity + 1; j++) {
				CHECK(unit_recv(c, &v) == 1);
				CHECK(v == j);
				unit_check(c);
			}
			CHECK(fired(&late[0], 1));
			CHECK(unit_recv(c, &v) == -EAGAIN);
			drop(f, 4);
			drop(late, 1);
		}
	}
}

static void a_returned_element_goes_to_a_parked_receiver(void)
{
	struct fake f[2];
	u64 v;

	FOR_ALL(c) {
		park_receivers(c, f, 2);
		CHECK(unit_send(c, 7) == 1);
		give_back(c, 7, f[0].waiter.elem->seq);
		CHECK(fired(&f[1], 1));
		CHECK(unit_holds(c, f[1].waiter.elem->data, f[1].waiter.elem->len, 7));
		CHECK(unit_recv(c, &v) == -EAGAIN);
		/* After a close, too, it is received, and then the end again. */
		CHECK(chan_close(c) == 0);
		CHECK(unit_recv(c, &v) == 0);
		give_back(c, 7, 0);
		CHECK(unit_recv(c, &v) == 1 && v == 7);
		CHECK(unit_recv(c, &v) == 0);
		drop(f, 2);
	}
}

/* By reference elements change places, but what each place's owner pays for stays. */
static void charges_stay_with_the_place(void)
{
	struct chan_account *payer = (struct chan_account *)8;
	struct chan *c = unit_chan(BY_REF, 1, false);
	struct chan_elem *e = unit_elem(c), **slot = c->ring;
	struct chan_elem *mine = e, *the_slots = *slot;
	struct fake f;
	struct chan_hold h;

	e->account = payer;
	e->len = c->elem_size;
	chan_lock(c, &h);
	CHECK(chan_send_elem(c, &h, &e) == 1);
	chan_unlock(c, &h);
	CHECK(*slot == mine && !(*slot)->account);
	CHECK(e == the_slots && e->account == payer);
	chan_lock(c, &h);
	CHECK(chan_begin_recv(c, &h, 1) == 1);
	chan_recv_elem(c, &h, &e);
	chan_unlock(c, &h);
	CHECK(e == mine && e->account == payer && !(*slot)->account);
	park_receivers(c, &f, 1);
	chan_lock(c, &h);
	CHECK(chan_send_elem(c, &h, &e) == 1);
	chan_unlock(c, &h);
	CHECK(f.waiter.elem == mine && !f.waiter.elem->account && e->account == payer);
	free(e);
	drop(&f, 1);
	unit_chan_free(c);
}

/* A close that has yet to wake all: nobody else serves the senders that still wait. */
static void who_waits_is_not_served_after_the_end(void)
{
	static const u32 marks[] = { CHAN_SLOW_CLOSED, CHAN_SLOW_HUNGUP };
	struct fake f[2];
	u64 v;
	u32 i, n;

	for (i = 0; i < 2; i++) {
		FOR_ALL(c) {
			fill(c, 0);
			park_senders(c, f, 2, 50);
			c->slow |= marks[i];
			for (n = 0; n < c->capacity; n++)
				CHECK(unit_recv(c, &v) == 1 && v == n);
			CHECK(unit_recv(c, &v) == (i ? -EAGAIN : 0));
			CHECK(f[0].party.state == CHAN_PENDING);
			CHECK(f[1].party.state == CHAN_PENDING);
			c->slow &= ~marks[i];
			CHECK(chan_close(c) == 0);
			CHECK(fired(&f[0], -EPIPE) && fired(&f[1], -EPIPE));
			drop(f, 2);
		}
	}
}

static void runs_are_contiguous_and_bounded(void)
{
	struct chan *c = unit_chan(8, 1000, false);
	struct chan_hold h;
	u64 v;
	u32 i;

	chan_lock(c, &h);
	CHECK(chan_begin_send(c, &h, 5000) == CHAN_HOLD_BYTES / 8);
	CHECK(chan_begin_send(c, &h, 3) == 3);
	chan_unlock(c, &h);
	for (i = 0; i < 990; i++)
		CHECK(unit_send(c, i) == 1);
	for (i = 0; i < 500; i++)
		CHECK(unit_recv(c, &v) == 1);
	chan_lock(c, &h);
	CHECK(chan_begin_send(c, &h, 100) == 10);	/* up to the ring's end */
	chan_unlock(c, &h);
	for (i = 0; i < 100; i++)
		CHECK(unit_send(c, 990 + i) == 1);
	for (i = 0; i < 400; i++)
		CHECK(unit_recv(c, &v) == 1);
	chan_lock(c, &h);
	CHECK(chan_begin_recv(c, &h, 500) == 100);
	CHECK(h.len == 8 && h.seq == 900);
	CHECK(unit_holds(c, h.data, 8, 900));
	chan_commit_recv(c, &h, 100);
	CHECK(chan_begin_recv(c, &h, 500) == 90);
	CHECK(unit_holds(c, h.data, 8, 1000));
	chan_commit_recv(c, &h, 90);
	chan_unlock(c, &h);
	unit_check(c);
	unit_chan_free(c);
}

/* Of elements that are copied: four of those who are parked take their fill of a hold. */
static void a_hold_copies_no_more_than_it_may(void)
{
	struct chan *c = unit_chan(CHAN_HOLD_BYTES / 4, 8, false);
	struct fake f[8];
	struct chan_hold h;
	u64 v;
	u32 i;

	fill(c, 0);
	park_senders(c, f, 8, 8);
	chan_lock(c, &h);
	CHECK(chan_begin_recv(c, &h, 8) == 4);
	chan_commit_recv(c, &h, 4);
	CHECK(h.nr_wakes == 4 && !h.unsettled);
	CHECK(chan_begin_recv(c, &h, 8) == 4);
	chan_commit_recv(c, &h, 4);
	CHECK(h.nr_wakes == 4 && h.unsettled);
	chan_unlock(c, &h);
	unit_check(c);
	CHECK(c->nr_sendq == 0);
	for (i = 8; i < 16; i++)
		CHECK(unit_recv(c, &v) == 1 && v == i);
	drop(f, 8);
	unit_chan_free(c);
}

static void a_hold_fires_no_more_than_it_may(void)
{
	struct fake f[40];
	struct chan *c = unit_chan(8, 40, false);
	struct chan_hold h;
	u64 v;
	u32 i;
	int r;

	fill(c, 0);
	park_senders(c, f, 40, 40);
	chan_lock(c, &h);
	CHECK(chan_begin_recv(c, &h, 40) == 40);
	chan_commit_recv(c, &h, 40);
	CHECK(h.nr_wakes == CHAN_HOLD_WAKES - 1 && h.unsettled);
	h.unsettled = false;	/* leave the rest to whoever comes next */
	chan_unlock(c, &h);
	CHECK(c->nr_sendq == 40 - (CHAN_HOLD_WAKES - 1));
	/* There is room, but others were first. */
	do
		r = unit_send(c, 1000);
	while (r == -EBUSY);
	CHECK(r == -EAGAIN);
	unit_check(c);
	for (i = 40; i < 80; i++)
		CHECK(unit_recv(c, &v) == 1 && v == i);
	drop(f, 40);

	fill(c, 0);
	park_senders(c, f, 40, 40);
	chan_lock(c, &h);
	CHECK(chan_begin_recv(c, &h, 40) == 40);
	chan_commit_recv(c, &h, 40);
	chan_unlock(c, &h);
	unit_check(c);
	CHECK(c->nr_sendq == 0);
	drop(f, 40);
	unit_chan_free(c);
}

static void elements_of_no_bytes_count(void)
{
	struct chan *c = unit_chan(0, 3, false);
	struct chan_hold h;

	chan_lock(c, &h);
	CHECK(chan_begin_send(c, &h, 5) == 3);
	chan_commit_send(c, &h, 3, 0);
	CHECK(chan_begin_send(c, &h, 1) == -EAGAIN);
	CHECK(chan_begin_recv(c, &h, 2) == 2);
	chan_commit_recv(c, &h, 2);
	CHECK(chan_len(c) == 1);
	chan_unlock(c, &h);
	CHECK(c->short_len == U32_MAX);
	unit_check(c);
	unit_chan_free(c);
}

#define RUN(name) do { unit_begin(#name); name(); unit_end(); } while (0)

int main(void)
{
	struct task_struct me;

	shim_task_init(&me);
	current = &me;
	RUN(elements_come_in_order);
	RUN(parked_senders_are_served_first_to_last);
	RUN(parked_receivers_are_served_first_to_last);
	RUN(begin_without_commit_changes_nothing);
	RUN(close_drains_and_wakes_all);
	RUN(hang_up_fails_senders_and_lets_receivers_wait);
	RUN(autoclose_follows_the_last_sender);
	RUN(returned_elements_take_their_place_in_any_order);
	RUN(a_returned_element_goes_to_a_parked_receiver);
	RUN(charges_stay_with_the_place);
	RUN(who_waits_is_not_served_after_the_end);
	RUN(runs_are_contiguous_and_bounded);
	RUN(a_hold_fires_no_more_than_it_may);
	RUN(a_hold_copies_no_more_than_it_may);
	RUN(elements_of_no_bytes_count);
	return unit_done();
}
