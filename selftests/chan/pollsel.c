// SPDX-License-Identifier: GPL-2.0
/*
 * poll(2) and epoll(7) where selects and selectors are parked, or have been, and more of
 * epoll: exclusive, one-shot, many, nested.
 */
#include <semaphore.h>

#include "chan_test.h"

FIXTURE(pollsel)
{
	int fd, r, w;		/* both directions, receive only, send only */
	int other;		/* another channel, unbuffered */
	int sel, sel2;
	uint64_t v, got;
	struct result res;
};

FIXTURE_VARIANT(pollsel)
{
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(pollsel, unbuffered) { .capacity = 0, };
FIXTURE_VARIANT_ADD(pollsel, capacity_1) { .capacity = 1, };
FIXTURE_VARIANT_ADD(pollsel, capacity_64) { .capacity = 64, };

FIXTURE_SETUP(pollsel)
{
	self->fd = make_chan(8, variant->capacity, 0);
	self->other = make_chan(8, 0, 0);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other, 0);
	self->r = narrow(self->fd, O_RDONLY);
	self->w = narrow(self->fd, O_WRONLY);
	self->sel = make_selector(0);
	self->sel2 = make_selector(0);
	ASSERT_GE(self->r, 0);
	ASSERT_GE(self->w, 0);
	ASSERT_GE(self->sel, 0);
	ASSERT_GE(self->sel2, 0);
}

FIXTURE_TEARDOWN(pollsel)
{
	close(self->sel);
	close(self->sel2);
	close(self->r);
	close(self->w);
	close(self->fd);
	close(self->other);
	EXPECT_EQ(0, limits().total_parties);
	EXPECT_EQ(0, limits().selectors);
}

#define ARGS	struct __test_metadata *_metadata, FIXTURE_DATA(pollsel) *self,	\
		const FIXTURE_VARIANT(pollsel) *variant
#define PASS	_metadata, self, variant

#define ROOM	(variant->capacity ? OUT : 0)	/* of an empty channel */
#define QUEUED	(variant->capacity ? IN : 0)	/* of a full one */

static void fill(ARGS)
{
	unsigned int i;

	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(8, wr(self->w, &self->v, 8));
}

static void drain(ARGS)
{
	unsigned int i;

	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(8, rd(self->r, &self->got, 8));
}

static void expect_poll(ARGS, int in, int out)
{
	EXPECT_EQ(in, poll_now(self->r));
	EXPECT_EQ(out, poll_now(self->w));
	EXPECT_EQ(in | out, poll_now(self->fd));
}

/* Put something there to receive: an element, or a sender that waits. */
static void offer(ARGS, struct call *sender)
{
	call_start(sender, self->w, true, &self->v, 8);
	if (!variant->capacity) {
		wait_parked(self->fd, 1, 0);
		call_wait_asleep(sender);
	} else {
		EXPECT_EQ(8, call_end(sender));
	}
}

static void take(ARGS, struct call *sender)
{
	EXPECT_EQ(8, rd(self->r, &self->got, 8));
	if (!variant->capacity) {
		EXPECT_EQ(8, call_end(sender));
	}
}

/*
 * Who is parked
 */

TEST_F(pollsel, the_receive_of_a_blocked_select_is_a_place_to_send)
{
	struct chan_case cases[2] = {
		recv_case(self->other, &self->got), recv_case(self->fd, &self->got),
	};
	struct select_call call;

	expect_poll(PASS, 0, ROOM);
	select_start(&call, cases, 2, 0, 0);
	wait_parked(self->fd, 0, 1);
	expect_poll(PASS, 0, OUT);
	self->v = 7;
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(1 | CHAN_OK, select_end(&call));
	EXPECT_EQ(7, self->got);
	expect_poll(PASS, 0, ROOM);
	EXPECT_EQ(0, poll_now(self->other));
}

TEST_F(pollsel, the_send_of_a_blocked_select_is_something_to_receive)
{
	struct chan_case cases[2] = {
		send_case(self->other, &self->v), send_case(self->fd, &self->v),
	};
	struct select_call call;

	fill(PASS);
	expect_poll(PASS, QUEUED, 0);
	self->v = 8;
	select_start(&call, cases, 2, 0, 0);
	wait_parked(self->fd, 1, 0);
	expect_poll(PASS, IN, 0);
	drain(PASS);
	EXPECT_EQ(8, rd(self->r, &self->got, 8));
	EXPECT_EQ(8, self->got);
	EXPECT_EQ(1 | CHAN_OK, select_end(&call));
	expect_poll(PASS, 0, ROOM);
	EXPECT_EQ(0, poll_now(self->other));
}

TEST_F(pollsel, the_receive_of_an_armed_selector_is_a_place_to_send)
{
	struct chan_case k = recv_case(self->fd, NULL);

	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	expect_poll(PASS, 0, OUT);
	EXPECT_EQ(0, poll_now(self->sel));
	self->v = 9;
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	/* Fired, and not read yet: it has its element, others have nothing of it. */
	expect_poll(PASS, 0, ROOM);
	EXPECT_EQ(IN, poll_now(self->sel));
	EXPECT_EQ(sizeof(self->res.h) + 8, rd(self->sel, &self->res, sizeof(self->res)));
	EXPECT_TRUE(!memcmp(self->res.elem, &self->v, 8));
	expect_poll(PASS, 0, ROOM);
}

TEST_F(pollsel, the_send_of_an_armed_selector_is_something_to_receive)
{
	struct chan_case k = send_case(self->fd, &self->v);

	fill(PASS);
	self->v = 10;
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	expect_poll(PASS, IN, 0);
	drain(PASS);
	EXPECT_EQ(8, rd(self->r, &self->got, 8));
	EXPECT_EQ(10, self->got);
	expect_poll(PASS, 0, ROOM);
	EXPECT_EQ(sizeof(self->res.h), rd(self->sel, &self->res, sizeof(self->res)));
	EXPECT_EQ(CHAN_OK, self->res.h.flags);
}

TEST_F(pollsel, a_selector_that_would_do_both)
{
	struct chan_case cases[2] = {
		recv_case(self->fd, NULL), send_case(self->fd, &self->v),
	};

	if (variant->capacity)
		return;
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, cases, 2, 0));
	expect_poll(PASS, IN, OUT);
	EXPECT_EQ(0, poll_now(self->sel));
	self->v = 11;
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	expect_poll(PASS, 0, 0);
	EXPECT_EQ(IN, poll_now(self->sel));
}

TEST_F(pollsel, a_selector_taken_back_is_nothing)
{
	struct chan_case k = recv_case(self->fd, NULL);

	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	EXPECT_EQ(0, disarm(self->sel));
	expect_poll(PASS, 0, ROOM);
	fill(PASS);
	k = send_case(self->fd, &self->v);
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	close(self->sel);
	self->sel = -1;
	expect_poll(PASS, QUEUED, 0);
	drain(PASS);
	expect_poll(PASS, 0, ROOM);
}

TEST_F(pollsel, a_selector_that_is_armed_is_an_edge_on_an_unbuffered_channel)
{
	int in = watch(self->r, EPOLLIN | EPOLLET), out = watch(self->w, EPOLLOUT | EPOLLET);
	struct chan_case k = recv_case(self->fd, NULL);

	if (variant->capacity)
		return;
	EXPECT_EQ(0, event_now(in));
	EXPECT_EQ(0, event_now(out));
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	EXPECT_EQ(EPOLLOUT, event_now(out));
	EXPECT_EQ(0, event_now(out));
	EXPECT_EQ(0, event_now(in));
	EXPECT_EQ(0, disarm(self->sel));
	k = send_case(self->fd, &self->v);
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	EXPECT_EQ(EPOLLIN, event_now(in));
	EXPECT_EQ(0, event_now(in));
	EXPECT_EQ(0, event_now(out));
	close(in);
	close(out);
}

/* The element goes back into the channel: all who watch are told of it. */
TEST_F(pollsel, a_selector_closed_with_its_element_makes_the_channel_readable)
{
	struct chan_case k = recv_case(self->fd, NULL);
	int ep = watch(self->r, EPOLLIN | EPOLLET);

	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	self->v = 12;
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(0, event_now(ep));
	close(self->sel);
	self->sel = -1;
	EXPECT_EQ(EPOLLIN, event_now(ep));
	EXPECT_EQ(IN, poll_now(self->r));
	EXPECT_EQ(8, rd(self->r, &self->got, 8));
	EXPECT_EQ(12, self->got);
	expect_poll(PASS, 0, ROOM);
	close(ep);
}

/*
 * Who isn't any more: armed in two channels, fired through the other, and not read
 */

static void make_stale(ARGS, int sel, bool sending)
{
	struct chan_case cases[2];

	if (sending) {
		cases[0] = send_case(self->other, &self->v);
		cases[1] = send_case(self->fd, &self->v);
	} else {
		cases[0] = recv_case(self->other, NULL);
		cases[1] = recv_case(self->fd, NULL);
	}
	ASSERT_EQ(-EINPROGRESS, arm_n(sel, cases, 2, 0));
	if (sending) {
		ASSERT_EQ(8, rd(self->other, &self->got, 8));
	} else {
		ASSERT_EQ(8, wr(self->other, &self->v, 8));
	}
	ASSERT_EQ(IN, poll_now(sel));
}

TEST_F(pollsel, a_stale_receive_is_no_place_to_send)
{
	make_stale(PASS, self->sel, false);
	expect_poll(PASS, 0, ROOM);
	set_nonblock(self->w, true);
	fill(PASS);
	EXPECT_EQ(-EAGAIN, wr(self->w, &self->v, 8));
	expect_poll(PASS, QUEUED, 0);
}

TEST_F(pollsel, a_stale_send_is_nothing_to_receive)
{
	fill(PASS);
	make_stale(PASS, self->sel, true);
	expect_poll(PASS, QUEUED, 0);
	drain(PASS);
	expect_poll(PASS, 0, ROOM);
	set_nonblock(self->r, true);
	EXPECT_EQ(-EAGAIN, rd(self->r, &self->got, 8));
}

TEST_F(pollsel, a_level_triggered_epoll_forgets_what_is_stale)
{
	int out = watch(self->w, EPOLLOUT), in = watch(self->r, EPOLLIN);
	struct chan_case cases[2] = { recv_case(self->other, NULL), recv_case(self->fd, NULL) };

	if (variant->capacity)
		return;
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, cases, 2, 0));
	EXPECT_EQ(EPOLLOUT, event_now(out));
	EXPECT_EQ(EPOLLOUT, event_now(out));
	EXPECT_EQ(8, wr(self->other, &self->v, 8));
	EXPECT_EQ(0, event_now(out));
	EXPECT_EQ(sizeof(self->res.h) + 8, rd(self->sel, &self->res, sizeof(self->res)));
	cases[0] = send_case(self->other, &self->v);
	cases[1] = send_case(self->fd, &self->v);
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, cases, 2, 0));
	EXPECT_EQ(EPOLLIN, event_now(in));
	EXPECT_EQ(8, rd(self->other, &self->got, 8));
	EXPECT_EQ(0, event_now(in));
	close(out);
	close(in);
}

#define MANY	100

TEST_F(pollsel, many_stale_receives)
{
	struct chan_case k = recv_case(self->fd, NULL);
	int sel[MANY], i;

	for (i = 0; i < MANY; i++) {
		sel[i] = make_selector(0);
		ASSERT_GE(sel[i], 0);
		make_stale(PASS, sel[i], false);
	}
	expect_poll(PASS, 0, ROOM);
	/* One who waits behind as many others. */
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(sizeof(self->res.h) + 8, rd(sel[i], &self->res, sizeof(self->res)));
		make_stale(PASS, sel[i], false);
	}
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	expect_poll(PASS, 0, OUT);
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(IN, poll_now(self->sel));
	expect_poll(PASS, 0, ROOM);
	for (i = 0; i < MANY; i++)
		close(sel[i]);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(8, rd(self->other, &self->got, 8));
}

TEST_F(pollsel, many_stale_sends)
{
	struct chan_case k = send_case(self->fd, &self->v);
	int sel[MANY], i;

	fill(PASS);
	for (i = 0; i < MANY; i++) {
		sel[i] = make_selector(0);
		ASSERT_GE(sel[i], 0);
		make_stale(PASS, sel[i], true);
	}
	expect_poll(PASS, QUEUED, 0);
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(sizeof(self->res.h), rd(sel[i], &self->res, sizeof(self->res)));
		make_stale(PASS, sel[i], true);
	}
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	expect_poll(PASS, IN, 0);
	drain(PASS);
	EXPECT_EQ(8, rd(self->r, &self->got, 8));
	EXPECT_EQ(IN, poll_now(self->sel));
	expect_poll(PASS, 0, ROOM);
	for (i = 0; i < MANY; i++)
		close(sel[i]);
}

TEST_F(pollsel, a_party_behind_a_stale_one_is_an_edge)
{
	int out = watch(self->w, EPOLLOUT | EPOLLET);
	struct chan_case k = recv_case(self->fd, NULL);

	if (variant->capacity)
		return;
	make_stale(PASS, self->sel, false);
	EXPECT_EQ(0, event_now(out));
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel2, &k, 1, 0));
	EXPECT_EQ(EPOLLOUT, event_now(out));
	close(out);
}

/*
 * epoll
 */

struct waiter {
	pthread_t thread;
	int ep;
	int *woken;
	sem_t *end;
};

/* It doesn't end before it is told: a list of threads may miss one while another ends. */
static void *waiter_run(void *arg)
{
	struct waiter *w = arg;

	event_soon(w->ep);
	__atomic_add_fetch(w->woken, 1, __ATOMIC_SEQ_CST);
	sem_wait(w->end);
	return NULL;
}

/*
 * What is there stays there: had both been woken, both would return, and neither would
 * be found asleep.
 */
static void wakes_one_of_two(ARGS, int fd, unsigned int event, void (*cause)(ARGS, int i))
{
	struct waiter w[2];
	int woken = 0, i;
	sem_t end;

	ASSERT_EQ(0, sem_init(&end, 0, 0));
	for (i = 0; i < 2; i++) {
		w[i] = (struct waiter){
			.ep = watch(fd, event | EPOLLEXCLUSIVE), .woken = &woken, .end = &end,
		};
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, waiter_run, &w[i]));
	}
	wait_asleep_in(getpid(), SYS_epoll_wait, 2);
	for (i = 0; i < 2; i++) {
		cause(PASS, i);
		while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < i + 1)
			sched_yield();
		EXPECT_EQ(1 - i, asleep_in(getpid(), SYS_epoll_wait));
		EXPECT_EQ(i + 1, __atomic_load_n(&woken, __ATOMIC_SEQ_CST));
	}
	for (i = 0; i < 2; i++)
		sem_post(&end);
	for (i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		close(w[i].ep);
	}
}

static void send_one(ARGS, int i)
{
	self->v = i;
	ASSERT_EQ(8, wr(self->w, &self->v, 8));
}

static void receive_one(ARGS, int i)
{
	ASSERT_EQ(8, rd(self->r, &self->got, 8));
}

/* A selector more that waits. */
static void arm_to_send(ARGS, int i)
{
	struct chan_case k = send_case(self->fd, &self->v);

	ASSERT_EQ(-EINPROGRESS, arm_n(i ? self->sel2 : self->sel, &k, 1, 0));
}

static void arm_to_receive(ARGS, int i)
{
	struct chan_case k = recv_case(self->fd, NULL);

	ASSERT_EQ(-EINPROGRESS, arm_n(i ? self->sel2 : self->sel, &k, 1, 0));
}

TEST_F(pollsel, an_element_wakes_one_of_two_exclusive_epolls)
{
	if (variant->capacity < 2)
		return;
	wakes_one_of_two(PASS, self->r, EPOLLIN, send_one);
}

TEST_F(pollsel, a_slot_wakes_one_of_two_exclusive_epolls)
{
	if (variant->capacity < 2)
		return;
	fill(PASS);
	wakes_one_of_two(PASS, self->w, EPOLLOUT, receive_one);
}

TEST_F(pollsel, a_parked_sender_wakes_one_of_two_exclusive_epolls)
{
	if (variant->capacity)
		return;
	wakes_one_of_two(PASS, self->r, EPOLLIN, arm_to_send);
}

TEST_F(pollsel, a_parked_receiver_wakes_one_of_two_exclusive_epolls)
{
	if (variant->capacity)
		return;
	wakes_one_of_two(PASS, self->w, EPOLLOUT, arm_to_receive);
}

TEST_F(pollsel, ONESHOT_tells_once_of_senders)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	int ep = watch(self->r, EPOLLIN | EPOLLONESHOT);
	struct call sender;

	offer(PASS, &sender);
	EXPECT_EQ(EPOLLIN, event_now(ep));
	EXPECT_EQ(0, event_now(ep));
	take(PASS, &sender);
	offer(PASS, &sender);
	EXPECT_EQ(0, event_now(ep));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->r, &e));
	EXPECT_EQ(EPOLLIN, event_now(ep));
	EXPECT_EQ(0, event_now(ep));
	take(PASS, &sender);
	/* Armed anew before there is something. */
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->r, &e));
	EXPECT_EQ(0, event_now(ep));
	offer(PASS, &sender);
	EXPECT_EQ(EPOLLIN, event_now(ep));
	take(PASS, &sender);
	close(ep);
}

TEST_F(pollsel, ONESHOT_tells_once_of_receivers)
{
	struct epoll_event e = { .events = EPOLLOUT | EPOLLONESHOT };
	struct chan_case k = recv_case(self->fd, NULL);
	int ep = watch(self->w, EPOLLOUT | EPOLLONESHOT);

	EXPECT_EQ(variant->capacity ? EPOLLOUT : 0, event_now(ep));
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	EXPECT_EQ(variant->capacity ? 0 : EPOLLOUT, event_now(ep));
	EXPECT_EQ(0, event_now(ep));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->w, &e));
	EXPECT_EQ(EPOLLOUT, event_now(ep));
	EXPECT_EQ(0, event_now(ep));
	close(ep);
}

#define EPOLLS	64

TEST_F(pollsel, many_epolls_are_all_told)
{
	int level[EPOLLS], edge[EPOLLS], i, round;
	struct call sender;

	for (i = 0; i < EPOLLS; i++) {
		level[i] = watch(self->r, EPOLLIN);
		edge[i] = watch(self->r, EPOLLIN | EPOLLET);
	}
	for (round = 0; round < 3; round++) {
		offer(PASS, &sender);
		for (i = 0; i < EPOLLS; i++) {
			EXPECT_EQ(EPOLLIN, event_now(level[i]));
			EXPECT_EQ(EPOLLIN, event_now(level[i]));
			EXPECT_EQ(EPOLLIN, event_now(edge[i]));
			EXPECT_EQ(0, event_now(edge[i]));
		}
		take(PASS, &sender);
		for (i = 0; i < EPOLLS; i++) {
			EXPECT_EQ(0, event_now(level[i]));
			EXPECT_EQ(0, event_now(edge[i]));
		}
	}
	for (i = 0; i < EPOLLS; i++) {
		close(level[i]);
		close(edge[i]);
	}
}

TEST_F(pollsel, many_epolls_are_all_told_of_room)
{
	int level[EPOLLS], edge[EPOLLS], i;
	struct chan_case k = recv_case(self->fd, NULL);

	fill(PASS);
	for (i = 0; i < EPOLLS; i++) {
		level[i] = watch(self->w, EPOLLOUT);
		edge[i] = watch(self->w, EPOLLOUT | EPOLLET);
		EXPECT_EQ(0, event_now(level[i]));
		EXPECT_EQ(0, event_now(edge[i]));
	}
	if (variant->capacity) {
		ASSERT_EQ(8, rd(self->r, &self->got, 8));
	} else {
		ASSERT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	}
	for (i = 0; i < EPOLLS; i++) {
		EXPECT_EQ(EPOLLOUT, event_now(level[i]));
		EXPECT_EQ(EPOLLOUT, event_now(edge[i]));
	}
	ASSERT_EQ(8, wr(self->w, &self->v, 8));
	for (i = 0; i < EPOLLS; i++) {
		EXPECT_EQ(0, event_now(level[i]));
		EXPECT_EQ(0, event_now(edge[i]));
		close(level[i]);
		close(edge[i]);
	}
}

TEST_F(pollsel, epoll_nests_level_in_level)
{
	int inner = watch(self->r, EPOLLIN), middle = watch(inner, EPOLLIN);
	int outer = watch(middle, EPOLLIN), round;
	struct call sender;

	for (round = 0; round < 3; round++) {
		EXPECT_EQ(0, event_now(outer));
		offer(PASS, &sender);
		EXPECT_EQ(EPOLLIN, event_now(outer));
		EXPECT_EQ(EPOLLIN, event_now(outer));
		EXPECT_EQ(EPOLLIN, event_now(middle));
		EXPECT_EQ(EPOLLIN, event_now(inner));
		take(PASS, &sender);
		EXPECT_EQ(0, event_now(outer));
		EXPECT_EQ(0, event_now(inner));
	}
	close(outer);
	close(middle);
	close(inner);
}

TEST_F(pollsel, epoll_nests_level_in_edge)
{
	int inner = watch(self->r, EPOLLIN), outer = watch(inner, EPOLLIN | EPOLLET), round;
	struct call sender;

	for (round = 0; round < 3; round++) {
		EXPECT_EQ(0, event_now(outer));
		offer(PASS, &sender);
		EXPECT_EQ(EPOLLIN, event_now(outer));
		EXPECT_EQ(0, event_now(outer));
		EXPECT_EQ(EPOLLIN, event_now(inner));
		take(PASS, &sender);
		EXPECT_EQ(0, event_now(inner));
	}
	close(outer);
	close(inner);
}

TEST_F(pollsel, epoll_nests_edge_in_level)
{
	int inner = watch(self->r, EPOLLIN | EPOLLET), outer = watch(inner, EPOLLIN), round;
	struct call sender;

	for (round = 0; round < 3; round++) {
		EXPECT_EQ(0, event_now(outer));
		offer(PASS, &sender);
		/* Until the inner one has told of its edge. */
		EXPECT_EQ(EPOLLIN, event_now(outer));
		EXPECT_EQ(EPOLLIN, event_now(outer));
		EXPECT_EQ(EPOLLIN, event_now(inner));
		EXPECT_EQ(0, event_now(outer));
		take(PASS, &sender);
	}
	close(outer);
	close(inner);
}

TEST_F(pollsel, epoll_nests_above_a_selector)
{
	int inner = watch(self->sel, EPOLLIN), outer = watch(inner, EPOLLIN);
	struct chan_case k = recv_case(self->fd, NULL);

	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	EXPECT_EQ(0, event_now(outer));
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(EPOLLIN, event_now(outer));
	EXPECT_EQ(EPOLLIN, event_now(inner));
	EXPECT_EQ(sizeof(self->res.h) + 8, rd(self->sel, &self->res, sizeof(self->res)));
	EXPECT_EQ(0, event_now(outer));
	close(outer);
	close(inner);
}

TEST_HARNESS_MAIN
