// SPDX-License-Identifier: GPL-2.0
/* poll(2) and epoll(7): the table of states, level and edge, and who is woken. */
#include "chan_test.h"

FIXTURE(poll)
{
	int fd, r, w;		/* both directions, receive only, send only */
	uint64_t v;
};

FIXTURE_VARIANT(poll)
{
	unsigned int capacity, elem_size;
};

FIXTURE_VARIANT_ADD(poll, unbuffered) { .capacity = 0, .elem_size = 8, };
FIXTURE_VARIANT_ADD(poll, capacity_1) { .capacity = 1, .elem_size = 8, };
FIXTURE_VARIANT_ADD(poll, capacity_64) { .capacity = 64, .elem_size = 8, };

FIXTURE_SETUP(poll)
{
	self->fd = make_chan(variant->elem_size, variant->capacity, 0);
	ASSERT_GE(self->fd, 0);
	self->r = narrow(self->fd, O_RDONLY);
	self->w = narrow(self->fd, O_WRONLY);
	ASSERT_GE(self->r, 0);
	ASSERT_GE(self->w, 0);
}

FIXTURE_TEARDOWN(poll)
{
	close(self->r);
	close(self->w);
	close(self->fd);
}

TEST_F(poll, empty)
{
	int out = variant->capacity ? OUT : 0;

	EXPECT_EQ(0, poll_now(self->r));
	EXPECT_EQ(out, poll_now(self->w));
	EXPECT_EQ(out, poll_now(self->fd));
}

TEST_F(poll, full)
{
	unsigned int i;

	if (!variant->capacity)
		return;
	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(IN, poll_now(self->r));
	EXPECT_EQ(0, poll_now(self->w));
	EXPECT_EQ(IN, poll_now(self->fd));
}

TEST_F(poll, a_parked_sender_is_something_to_receive)
{
	struct call sender;
	unsigned int i;

	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(8, wr(self->w, &self->v, 8));
	call_start(&sender, self->w, true, &self->v, 8);
	wait_parked(self->fd, 1, 0);
	EXPECT_EQ(IN, poll_now(self->r));
	EXPECT_EQ(0, poll_now(self->w));
	for (i = 0; i <= variant->capacity; i++)
		EXPECT_EQ(8, rd(self->r, &self->v, 8));
	EXPECT_EQ(8, call_end(&sender));
	EXPECT_EQ(0, poll_now(self->r));
}

TEST_F(poll, a_parked_receiver_is_a_place_to_send)
{
	struct call receiver;

	call_start(&receiver, self->r, false, &self->v, 8);
	wait_parked(self->fd, 0, 1);
	EXPECT_EQ(0, poll_now(self->r));
	EXPECT_EQ(OUT, poll_now(self->w));
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(8, call_end(&receiver));
	EXPECT_EQ(variant->capacity ? OUT : 0, poll_now(self->w));
}

TEST_F(poll, closed_with_elements_left)
{
	if (!variant->capacity)
		return;
	ASSERT_EQ(8, wr(self->w, &self->v, 8));
	ASSERT_EQ(0, chan_close(self->w));
	EXPECT_EQ(IN | POLLRDHUP, poll_now(self->r));
	EXPECT_EQ(OUT | POLLERR, poll_now(self->w));
	EXPECT_EQ(IN | POLLRDHUP | OUT, poll_now(self->fd));
}

TEST_F(poll, closed_and_drained)
{
	ASSERT_EQ(0, chan_close(self->w));
	EXPECT_EQ(IN | POLLRDHUP | POLLHUP, poll_now(self->r));
	EXPECT_EQ(OUT | POLLERR, poll_now(self->w));
	EXPECT_EQ(IN | POLLRDHUP | POLLHUP | OUT, poll_now(self->fd));
}

TEST_F(poll, hung_up)
{
	int fd = make_chan(8, variant->capacity, CHAN_HANGUP), w = narrow(fd, O_WRONLY);

	close(fd);
	EXPECT_EQ(OUT | POLLERR, poll_now(w));
	close(w);
}

TEST_F(poll, every_element_queued_is_an_edge)
{
	int ep = watch(self->r, EPOLLIN | EPOLLET);
	unsigned int i;

	for (i = 0; i < variant->capacity; i++) {
		EXPECT_EQ(0, event_now(ep));
		ASSERT_EQ(8, wr(self->w, &self->v, 8));
		EXPECT_EQ(EPOLLIN, event_now(ep));
	}
	close(ep);
}

TEST_F(poll, every_slot_freed_is_an_edge)
{
	unsigned int i;
	int ep;

	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(8, wr(self->w, &self->v, 8));
	ep = watch(self->w, EPOLLOUT | EPOLLET);
	for (i = 0; i < variant->capacity; i++) {
		EXPECT_EQ(0, event_now(ep));
		ASSERT_EQ(8, rd(self->r, &self->v, 8));
		EXPECT_EQ(EPOLLOUT, event_now(ep));
	}
	close(ep);
}

TEST_F(poll, the_element_of_a_sender_let_in_is_an_edge)
{
	struct call sender;
	unsigned int i;
	int ep;

	if (!variant->capacity)
		return;
	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(8, wr(self->w, &self->v, 8));
	call_start(&sender, self->w, true, &self->v, 8);
	wait_parked(self->fd, 1, 0);
	ep = watch(self->r, EPOLLIN | EPOLLET);
	EXPECT_EQ(EPOLLIN, event_now(ep));
	EXPECT_EQ(0, event_now(ep));
	ASSERT_EQ(8, rd(self->r, &self->v, 8));
	EXPECT_EQ(EPOLLIN, event_now(ep));
	EXPECT_EQ(8, call_end(&sender));
	close(ep);
}

TEST_F(poll, a_sender_that_parks_is_an_edge_on_an_unbuffered_channel)
{
	struct call sender;
	int ep;

	if (variant->capacity)
		return;
	ep = watch(self->r, EPOLLIN | EPOLLET);
	EXPECT_EQ(0, event_now(ep));
	call_start(&sender, self->w, true, &self->v, 8);
	EXPECT_EQ(EPOLLIN, event_soon(ep));
	EXPECT_EQ(8, rd(self->r, &self->v, 8));
	EXPECT_EQ(8, call_end(&sender));
	close(ep);
}

TEST_F(poll, a_receiver_that_parks_is_an_edge_on_an_unbuffered_channel)
{
	struct call receiver;
	int ep;

	if (variant->capacity)
		return;
	ep = watch(self->w, EPOLLOUT | EPOLLET);
	EXPECT_EQ(0, event_now(ep));
	call_start(&receiver, self->r, false, &self->v, 8);
	EXPECT_EQ(EPOLLOUT, event_soon(ep));
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(8, call_end(&receiver));
	close(ep);
}

TEST_F(poll, an_element_for_a_parked_call_raises_nothing)
{
	struct call receiver;
	int ep;

	call_start(&receiver, self->r, false, &self->v, 8);
	wait_parked(self->fd, 0, 1);
	ep = watch(self->r, EPOLLIN | EPOLLET);
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(0, event_now(ep));
	EXPECT_EQ(8, call_end(&receiver));
	close(ep);
}

TEST_F(poll, level_triggered_events_stay_while_the_state_does)
{
	int ep;

	if (!variant->capacity)
		return;
	ep = watch(self->r, EPOLLIN);
	ASSERT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(EPOLLIN, event_now(ep));
	EXPECT_EQ(EPOLLIN, event_now(ep));
	ASSERT_EQ(8, rd(self->r, &self->v, 8));
	EXPECT_EQ(0, event_now(ep));
	close(ep);
}

TEST_F(poll, close_is_an_edge_for_all_who_watch)
{
	int in = watch(self->r, EPOLLIN | EPOLLRDHUP | EPOLLET);
	int in2 = watch(self->fd, EPOLLIN | EPOLLEXCLUSIVE);
	int in3 = watch(self->fd, EPOLLIN | EPOLLEXCLUSIVE);
	int hup = watch(self->r, EPOLLET);
	int out = watch(self->w, EPOLLOUT | EPOLLET);

	event_now(out);
	EXPECT_EQ(0, event_now(in));
	EXPECT_EQ(0, chan_close(self->w));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, event_now(in));
	EXPECT_EQ(EPOLLIN | EPOLLHUP, event_now(in2));
	EXPECT_EQ(EPOLLIN | EPOLLHUP, event_now(in3));
	EXPECT_EQ(EPOLLHUP, event_now(hup));
	EXPECT_EQ(EPOLLOUT | EPOLLERR, event_now(out));
	close(in);
	close(in2);
	close(in3);
	close(hup);
	close(out);
}

TEST_F(poll, the_last_element_of_a_closed_channel_makes_it_hang_up)
{
	int hup;

	if (!variant->capacity)
		return;
	ASSERT_EQ(8, wr(self->w, &self->v, 8));
	ASSERT_EQ(0, chan_close(self->w));
	hup = watch(self->r, EPOLLET);
	EXPECT_EQ(0, event_now(hup));
	ASSERT_EQ(8, rd(self->r, &self->v, 8));
	EXPECT_EQ(EPOLLHUP, event_now(hup));
	close(hup);
}

TEST_F(poll, ONESHOT_tells_once)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	int ep;

	if (variant->capacity < 2)
		return;
	ep = watch(self->r, EPOLLIN | EPOLLONESHOT);
	ASSERT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(EPOLLIN, event_now(ep));
	ASSERT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(0, event_now(ep));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->r, &e));
	EXPECT_EQ(EPOLLIN, event_now(ep));
	close(ep);
}

struct waiter {
	pthread_t thread;
	int ep;
	int *woken;
};

static void *exclusive_run(void *arg)
{
	struct waiter *w = arg;

	event_soon(w->ep);
	__atomic_add_fetch(w->woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

TEST_F(poll, an_element_wakes_one_exclusive_watcher)
{
	struct waiter w[8];
	int woken = 0, i;

	if (variant->capacity < 64)
		return;
	for (i = 0; i < 8; i++) {
		w[i] = (struct waiter){ .ep = watch(self->r, EPOLLIN | EPOLLEXCLUSIVE), .woken = &woken };
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, exclusive_run, &w[i]));
	}
	wait_asleep_in(getpid(), SYS_epoll_wait, 8);
	for (i = 1; i <= 8; i++) {
		ASSERT_EQ(8, wr(self->w, &self->v, 8));
		while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < i)
			sched_yield();
		EXPECT_EQ(i, __atomic_load_n(&woken, __ATOMIC_SEQ_CST));
	}
	for (i = 0; i < 8; i++) {
		pthread_join(w[i].thread, NULL);
		close(w[i].ep);
	}
}

TEST_F(poll, a_parked_call_is_served_before_a_poller_is_told)
{
	struct call receiver;
	uint64_t got;
	int ep;

	call_start(&receiver, self->r, false, &got, 8);
	wait_parked(self->fd, 0, 1);
	ep = watch(self->r, EPOLLIN);
	self->v = 42;
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(8, call_end(&receiver));
	EXPECT_EQ(42, got);
	EXPECT_EQ(0, event_now(ep));
	close(ep);
}

TEST_F(poll, epoll_nests)
{
	int inner, outer;

	if (!variant->capacity)
		return;
	inner = watch(self->r, EPOLLIN);
	outer = watch(inner, EPOLLIN);
	EXPECT_EQ(0, event_now(outer));
	ASSERT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(EPOLLIN, event_now(outer));
	close(outer);
	close(inner);
}

TEST_F(poll, poll_sleeps_until_there_is_something)
{
	struct pollfd p = { .fd = self->r, .events = POLLIN };
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(!(poll(&p, 1, 60000) == 1 && p.revents == POLLIN));
	if (!variant->capacity) {
		pid_t sender = fork();

		if (!sender)
			_exit(wr(self->w, &self->v, 8) != 8);
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(8, rd(self->r, &self->v, 8));
		EXPECT_EQ(sender, waitpid(sender, &status, 0));
		EXPECT_EQ(0, status);
		return;
	}
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
