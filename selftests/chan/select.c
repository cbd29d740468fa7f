// SPDX-License-Identifier: GPL-2.0
/* CHAN_IOC_SELECT: each rule of Go's select, by capacity and element. */
#include <limits.h>
#include <sys/resource.h>

#include "chan_test.h"

#define CHANS		4
#define MAX_ELEM	BY_REF
#define FILL		1000	/* the number of the first element that fills a channel */
#define SIGNALS		((void (*)(int))abs)	/* a handler that does nothing */

FIXTURE(select)
{
	int fd[CHANS];
	size_t wire;			/* bytes of an element in read and write */
	unsigned long long parked;	/* bytes that the handles keep, with nobody parked */
	struct call peer[CHANS];
	struct select_call other;
	struct chan_case cases[2 * CHANS], theirs[2 * CHANS];
	unsigned char out[CHANS][MAX_ELEM];	/* what the cases send */
	unsigned char in[CHANS][MAX_ELEM];	/* and where they receive */
	unsigned char far[CHANS][MAX_ELEM];	/* elements of plain calls in threads */
	unsigned char b[MAX_ELEM];
};

FIXTURE_VARIANT(select)
{
	unsigned int capacity, elem_size, flags;
};

#define VARIANT(c, e, name, f)						\
	FIXTURE_VARIANT_ADD(select, capacity_##c##_element_##name)	\
	{								\
		.capacity = c, .elem_size = e, .flags = f,		\
	}
#define VARIANTS(e, name, f) VARIANT(0, e, name, f); VARIANT(1, e, name, f); VARIANT(64, e, name, f)

VARIANTS(0, 0, 0);
VARIANTS(8, 8, 0);
VARIANTS(1000, 1000, 0);
VARIANTS(4096, 4096, 0);
VARIANTS(5120, 5120, 0);
VARIANTS(100, message, CHAN_MESSAGE);
VARIANTS(5120, long_message, CHAN_MESSAGE);

#define WORLD	struct __test_metadata *_metadata, FIXTURE_DATA(select) *self,	\
		const FIXTURE_VARIANT(select) *variant
#define world	_metadata, self, variant

/* A call has waited on its handle: that may keep memory for the next, and has it now. */
static int make_used(WORLD, unsigned int capacity)
{
	struct chan_xfer x = {
		.size = sizeof(x), .buf = (uintptr_t)self->b, .count = 1, .flags = CHAN_TIMEOUT,
		.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0, .timeout_ns = 1,
	};
	int fd = make_chan(variant->elem_size, capacity, variant->flags);

	EXPECT_GE(fd, 0);
	EXPECT_EQ(-1, ioctl(fd, CHAN_IOC_RECV, &x));
	EXPECT_EQ(ETIMEDOUT, errno);
	return fd;
}

FIXTURE_SETUP(select)
{
	int i;

	self->wire = variant->elem_size ?: 1;
	for (i = 0; i < CHANS; i++)
		self->fd[i] = make_used(world, variant->capacity);
	self->parked = limits().parked;
}

FIXTURE_TEARDOWN(select)
{
	int i;

	for (i = 0; i < CHANS; i++)
		close(self->fd[i]);
}

/* One element with this number, into @buf; of size 0 it is the byte 0. */
static void number(const FIXTURE_VARIANT(select) *variant, void *buf, uint64_t v)
{
	*(unsigned char *)buf = 0;
	fill_elem(buf, variant->elem_size, v);
}

static bool is_number(const FIXTURE_VARIANT(select) *variant, const void *buf, uint64_t v)
{
	return !variant->elem_size || elem_is(buf, variant->elem_size, v);
}

static unsigned int msg_len(const FIXTURE_VARIANT(select) *variant)
{
	return variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
}

/* Elements of size 0 have no place: any address does. */
static void *place(const FIXTURE_VARIANT(select) *variant, void *buf)
{
	return variant->elem_size ? buf : (void *)8;
}

static struct chan_case recv_from(WORLD, int i)
{
	struct chan_case k = recv_case(self->fd[i], place(variant, self->in[i]));

	memset(self->in[i], 0xee, MAX_ELEM);
	k.len = msg_len(variant);
	return k;
}

static struct chan_case send_to(WORLD, int i, uint64_t v)
{
	struct chan_case k = send_case(self->fd[i], place(variant, self->out[i]));

	number(variant, self->out[i], v);
	k.len = msg_len(variant);
	return k;
}

static struct chan_case nil(unsigned int op)
{
	return (struct chan_case){ .fd = -1, .op = op };
}

static bool untouched(FIXTURE_DATA(select) *self, int i)
{
	int k;

	for (k = 0; k < MAX_ELEM; k++)
		if (self->in[i][k] != 0xee)
			return false;
	return true;
}

/* The case received @v from channel @i. */
static void expect_received(WORLD, struct chan_case *k, int i, uint64_t v)
{
	EXPECT_TRUE(is_number(variant, self->in[i], v));
	EXPECT_EQ(msg_len(variant), k->len);
	if (variant->elem_size < MAX_ELEM)
		EXPECT_EQ(0xee, self->in[i][variant->elem_size]);
}

/* An element can be received from channel @i: a queued one, or a parked sender's. */
static void offer(WORLD, int i, uint64_t v)
{
	number(variant, self->far[i], v);
	if (variant->capacity) {
		ASSERT_EQ(self->wire, wr(self->fd[i], self->far[i], self->wire));
		return;
	}
	call_start(&self->peer[i], self->fd[i], true, self->far[i], self->wire);
	wait_parked(self->fd[i], 1, 0);
}

static void offer_was_taken(WORLD, int i)
{
	EXPECT_EQ(0, info(self->fd[i]).len);
	EXPECT_EQ(1, info(self->fd[i]).sent);
	EXPECT_EQ(1, info(self->fd[i]).received);
	if (!variant->capacity)
		EXPECT_EQ(self->wire, call_end(&self->peer[i]));
}

static void take_offer(WORLD, int i, uint64_t v)
{
	EXPECT_EQ(self->wire, rd(self->fd[i], self->b, self->wire));
	EXPECT_TRUE(is_number(variant, self->b, v));
	offer_was_taken(world, i);
}

/* An element can be sent to channel @i: to its buffer, or to a parked receiver. */
static void want(WORLD, int i)
{
	if (variant->capacity)
		return;
	call_start(&self->peer[i], self->fd[i], false, self->far[i], self->wire);
	wait_parked(self->fd[i], 0, 1);
}

static void want_got(WORLD, int i, uint64_t v)
{
	if (variant->capacity) {
		EXPECT_EQ(self->wire, rd(self->fd[i], self->far[i], self->wire));
	} else {
		EXPECT_EQ(self->wire, call_end(&self->peer[i]));
	}
	EXPECT_TRUE(is_number(variant, self->far[i], v));
	EXPECT_EQ(1, info(self->fd[i]).sent);
	EXPECT_EQ(1, info(self->fd[i]).received);
}

/* Nothing can be sent to channel @i. */
static void fill(WORLD, int i)
{
	unsigned int k;

	for (k = 0; k < variant->capacity; k++) {
		number(variant, self->b, FILL + k);
		ASSERT_EQ(self->wire, wr(self->fd[i], self->b, self->wire));
	}
}

/* What fill() has put in comes out, and nothing else. */
static void drain(WORLD, int i)
{
	unsigned int k;

	for (k = 0; k < variant->capacity; k++) {
		EXPECT_EQ(self->wire, rd(self->fd[i], self->b, self->wire));
		EXPECT_TRUE(is_number(variant, self->b, FILL + k));
	}
	set_nonblock(self->fd[i], true);
	EXPECT_EQ(-EAGAIN, rd(self->fd[i], self->b, self->wire));
}

static void expect_nobody_parked(WORLD)
{
	int i;

	for (i = 0; i < CHANS; i++) {
		EXPECT_EQ(0, info(self->fd[i]).parked_senders);
		EXPECT_EQ(0, info(self->fd[i]).parked_receivers);
	}
	EXPECT_EQ(self->parked, limits().parked);
	EXPECT_EQ(0, limits().total_parties);
}

/*
 * Ready when the call comes
 */

TEST_F(select, the_ready_receive_of_many_is_chosen)
{
	self->cases[0] = recv_from(world, 0);
	self->cases[1] = nil(CHAN_CASE_RECV);
	self->cases[2] = recv_from(world, 1);
	self->cases[3] = recv_from(world, 2);
	offer(world, 1, 77);
	EXPECT_EQ(2 | CHAN_OK, select_n(self->cases, 4, 0, 0));
	expect_received(world, &self->cases[2], 1, 77);
	EXPECT_TRUE(untouched(self, 0));
	EXPECT_TRUE(untouched(self, 2));
	EXPECT_EQ(msg_len(variant), self->cases[0].len);
	offer_was_taken(world, 1);
	EXPECT_EQ(0, info(self->fd[0]).received);
	expect_nobody_parked(world);
}

TEST_F(select, the_ready_send_of_many_is_chosen)
{
	fill(world, 0);
	fill(world, 2);
	self->cases[0] = send_to(world, 0, 70);
	self->cases[1] = nil(CHAN_CASE_SEND);
	self->cases[2] = send_to(world, 1, 71);
	self->cases[3] = send_to(world, 2, 72);
	want(world, 1);
	EXPECT_EQ(2 | CHAN_OK, select_n(self->cases, 4, 0, 0));
	want_got(world, 1, 71);
	drain(world, 0);
	drain(world, 2);
	expect_nobody_parked(world);
}

TEST_F(select, a_select_of_one_case_is_that_operation)
{
	self->cases[0] = recv_from(world, 0);
	offer(world, 0, 5);
	EXPECT_EQ(0 | CHAN_OK, select_n(self->cases, 1, 0, 0));
	expect_received(world, &self->cases[0], 0, 5);
	offer_was_taken(world, 0);
	self->cases[0] = send_to(world, 1, 6);
	want(world, 1);
	EXPECT_EQ(0 | CHAN_OK, select_n(self->cases, 1, CHAN_NONBLOCK, 0));
	want_got(world, 1, 6);
}

TEST_F(select, a_receive_among_sends_and_a_send_among_receives_are_chosen)
{
	fill(world, 1);
	self->cases[0] = send_to(world, 1, 70);
	self->cases[1] = recv_from(world, 0);
	offer(world, 0, 71);
	EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, CHAN_TIMEOUT, 0));
	expect_received(world, &self->cases[1], 0, 71);
	offer_was_taken(world, 0);
	self->cases[0] = recv_from(world, 2);
	self->cases[1] = send_to(world, 3, 73);
	want(world, 3);
	EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, CHAN_TIMEOUT, LONG));
	want_got(world, 3, 73);
	drain(world, 1);
}

TEST_F(select, one_of_two_ready_ones_is_done_and_the_other_is_not)
{
	long r;

	self->cases[0] = recv_from(world, 0);
	self->cases[1] = send_to(world, 1, 71);
	offer(world, 0, 70);
	want(world, 1);
	r = select_n(self->cases, 2, 0, 0);
	if (r == (0 | CHAN_OK)) {
		expect_received(world, &self->cases[0], 0, 70);
		offer_was_taken(world, 0);
		EXPECT_EQ(0, info(self->fd[1]).sent);
		EXPECT_EQ(!variant->capacity, info(self->fd[1]).parked_receivers);
		EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, 0, 0));
		want_got(world, 1, 71);
	} else {
		ASSERT_EQ(1 | CHAN_OK, r);
		want_got(world, 1, 71);
		EXPECT_TRUE(untouched(self, 0));
		EXPECT_EQ(0, info(self->fd[0]).received);
		take_offer(world, 0, 70);
	}
	expect_nobody_parked(world);
}

TEST_F(select, with_PRIORITY_the_first_that_is_ready_is_chosen)
{
	int round;

	fill(world, 0);
	EXPECT_EQ(0, chan_close(self->fd[2]));
	for (round = 0; round < 30; round++) {
		self->cases[0] = send_to(world, 0, 70);		/* not ready */
		self->cases[1] = nil(CHAN_CASE_RECV);
		self->cases[2] = recv_from(world, 1);
		self->cases[3] = recv_from(world, 2);
		offer(world, 1, round);
		EXPECT_EQ(2 | CHAN_OK, select_n(self->cases, 4, CHAN_PRIORITY, 0));
		expect_received(world, &self->cases[2], 1, round);
		if (!variant->capacity)
			EXPECT_EQ(self->wire, call_end(&self->peer[1]));
		/* Now the closed one is the first. */
		EXPECT_EQ(3, select_n(self->cases, 4, CHAN_PRIORITY | CHAN_NONBLOCK, 0));
	}
	drain(world, 0);
}

TEST_F(select, the_handles_O_NONBLOCK_does_not_matter)
{
	set_nonblock(self->fd[0], true);
	set_nonblock(self->fd[1], true);
	self->cases[0] = recv_from(world, 0);
	self->cases[1] = recv_from(world, 1);
	select_start(&self->other, self->cases, 2, 0, 0);
	wait_parked(self->fd[0], 0, 1);
	wait_parked(self->fd[1], 0, 1);
	number(variant, self->b, 3);
	EXPECT_EQ(self->wire, wr(self->fd[1], self->b, self->wire));
	EXPECT_EQ(1 | CHAN_OK, select_end(&self->other));
}

/*
 * Default and timeout
 */

static void none_ready(WORLD)
{
	fill(world, 2);
	fill(world, 3);
	self->cases[0] = recv_from(world, 0);
	self->cases[1] = recv_from(world, 1);
	self->cases[2] = send_to(world, 2, 72);
	self->cases[3] = send_to(world, 3, 73);
	self->cases[4] = nil(CHAN_CASE_SEND);
}

TEST_F(select, none_ready_is_the_default_and_changes_nothing)
{
	struct chan_info before[CHANS];
	int i, n;

	none_ready(world);
	for (i = 0; i < CHANS; i++)
		before[i] = info(self->fd[i]);
	for (n = 1; n <= 5; n++) {
		EXPECT_EQ(-EAGAIN, select_n(self->cases, n, CHAN_NONBLOCK, 0));
		EXPECT_EQ(-EAGAIN, select_n(self->cases, n, CHAN_NONBLOCK | CHAN_PRIORITY, 0));
		EXPECT_EQ(-EAGAIN, select_n(self->cases, n, CHAN_NONBLOCK | CHAN_TIMEOUT, LONG));
	}
	for (i = 0; i < CHANS; i++)
		EXPECT_TRUE(same_info(before[i], info(self->fd[i])));
	EXPECT_TRUE(untouched(self, 0));
	EXPECT_TRUE(untouched(self, 1));
	drain(world, 2);
	drain(world, 3);
	expect_nobody_parked(world);
}

TEST_F(select, a_timeout_is_ETIMEDOUT_and_not_early)
{
	static const unsigned long long timeouts[] = { 0, 1, 3 * MSEC, 20 * MSEC };
	struct chan_info before[CHANS];
	unsigned long long start;
	unsigned int i, t;

	none_ready(world);
	for (i = 0; i < CHANS; i++)
		before[i] = info(self->fd[i]);
	for (t = 0; t < sizeof(timeouts) / sizeof(*timeouts); t++) {
		start = now_ns();
		EXPECT_EQ(-ETIMEDOUT, select_n(self->cases, 5, CHAN_TIMEOUT, timeouts[t]));
		EXPECT_GE(now_ns() - start, timeouts[t]);
		expect_nobody_parked(world);
	}
	for (i = 0; i < CHANS; i++)
		EXPECT_TRUE(same_info(before[i], info(self->fd[i])));
	drain(world, 2);
	drain(world, 3);
}

TEST_F(select, a_timeout_that_would_overflow_is_for_ever)
{
	unsigned long long timeout;

	for (timeout = 1ULL << 62; timeout; timeout = timeout == ~0ULL ? 0 : ~0ULL) {
		self->cases[0] = recv_from(world, 0);
		self->cases[1] = recv_from(world, 1);
		select_start(&self->other, self->cases, 2, CHAN_TIMEOUT, timeout);
		wait_parked(self->fd[0], 0, 1);
		wait_parked(self->fd[1], 0, 1);
		number(variant, self->b, 3);
		EXPECT_EQ(self->wire, wr(self->fd[0], self->b, self->wire));
		EXPECT_EQ(0 | CHAN_OK, select_end(&self->other));
	}
}

/*
 * Parked
 */

TEST_F(select, a_parked_select_receives_what_is_sent_first_and_leaves_the_others)
{
	int i, k;

	for (k = 0; k < 3; k++) {
		for (i = 0; i < 3; i++)
			self->cases[i] = recv_from(world, i);
		select_start(&self->other, self->cases, 3, 0, 0);
		for (i = 0; i < 3; i++)
			wait_parked(self->fd[i], 0, 1);
		number(variant, self->b, 10 + k);
		EXPECT_EQ(self->wire, wr(self->fd[k], self->b, self->wire));
		EXPECT_EQ(k | CHAN_OK, select_end(&self->other));
		expect_received(world, &self->cases[k], k, 10 + k);
		expect_nobody_parked(world);
		for (i = 0; i < 3; i++)
			EXPECT_EQ(i != k || !variant->elem_size, untouched(self, i));
	}
	/* Nothing waits there any more that would take an element. */
	for (i = 0; i < 3; i++) {
		set_nonblock(self->fd[i], true);
		number(variant, self->b, 20 + i);
		EXPECT_EQ(variant->capacity ? (long)self->wire : -EAGAIN,
			  wr(self->fd[i], self->b, self->wire));
		EXPECT_EQ(!!variant->capacity, info(self->fd[i]).len);
		EXPECT_EQ(1, info(self->fd[i]).received);
	}
}

TEST_F(select, a_parked_select_sends_where_one_receives_first_and_nowhere_else)
{
	unsigned int n;
	int i, k;

	for (i = 0; i < 3; i++)
		fill(world, i);
	for (k = 0; k < 3; k++) {
		for (i = 0; i < 3; i++)
			self->cases[i] = send_to(world, i, 10 * k + i);
		select_start(&self->other, self->cases, 3, 0, 0);
		for (i = 0; i < 3; i++)
			wait_parked(self->fd[i], 1, 0);
		for (n = 0; n <= variant->capacity; n++) {
			EXPECT_EQ(self->wire, rd(self->fd[k], self->b, self->wire));
			EXPECT_TRUE(is_number(variant, self->b, n == variant->capacity ?
					      10 * k + k : FILL + n));
		}
		EXPECT_EQ(k | CHAN_OK, select_end(&self->other));
		expect_nobody_parked(world);
		/* Not ready in the next round. */
		fill(world, k);
		if (!variant->capacity)
			continue;
		EXPECT_EQ(variant->capacity, info(self->fd[k]).len);
		for (i = k + 1; i < 3; i++)
			EXPECT_EQ(variant->capacity, info(self->fd[i]).sent);
		for (i = 0; i <= k; i++)
			EXPECT_EQ(2 * variant->capacity + 1, info(self->fd[i]).sent);
	}
	for (i = 0; i < 3; i++)
		drain(world, i);
}

TEST_F(select, a_parked_select_of_both_kinds_is_ended_by_either)
{
	int round;

	for (round = 0; round < 2; round++) {
		fill(world, 1);
		self->cases[0] = recv_from(world, 0);
		self->cases[1] = send_to(world, 1, 50);
		self->cases[2] = nil(CHAN_CASE_RECV);
		select_start(&self->other, self->cases, 3, CHAN_TIMEOUT, LONG);
		wait_parked(self->fd[0], 0, 1);
		wait_parked(self->fd[1], 1, 0);
		if (!round) {
			number(variant, self->b, 40);
			EXPECT_EQ(self->wire, wr(self->fd[0], self->b, self->wire));
			EXPECT_EQ(0 | CHAN_OK, select_end(&self->other));
			expect_received(world, &self->cases[0], 0, 40);
			drain(world, 1);
			set_nonblock(self->fd[1], false);
			continue;
		}
		EXPECT_EQ(self->wire, rd(self->fd[1], self->b, self->wire));
		EXPECT_TRUE(is_number(variant, self->b, variant->capacity ? FILL : 50));
		EXPECT_EQ(1 | CHAN_OK, select_end(&self->other));
		EXPECT_TRUE(untouched(self, 0));
		EXPECT_EQ(variant->capacity, info(self->fd[1]).len);
	}
	expect_nobody_parked(world);
}

TEST_F(select, with_PRIORITY_a_parked_select_takes_what_comes_first)
{
	self->cases[0] = recv_from(world, 0);
	self->cases[1] = recv_from(world, 1);
	select_start(&self->other, self->cases, 2, CHAN_PRIORITY, 0);
	wait_parked(self->fd[0], 0, 1);
	wait_parked(self->fd[1], 0, 1);
	number(variant, self->b, 3);
	EXPECT_EQ(self->wire, wr(self->fd[1], self->b, self->wire));
	EXPECT_EQ(1 | CHAN_OK, select_end(&self->other));
	expect_received(world, &self->cases[1], 1, 3);
	expect_nobody_parked(world);
}

TEST_F(select, the_elements_to_send_are_those_of_the_time_of_the_call)
{
	unsigned int n;

	fill(world, 0);
	self->cases[0] = send_to(world, 0, 50);
	self->cases[1] = recv_from(world, 1);
	select_start(&self->other, self->cases, 2, 0, 0);
	wait_parked(self->fd[0], 1, 0);
	number(variant, self->out[0], 51);
	for (n = 0; n <= variant->capacity; n++)
		EXPECT_EQ(self->wire, rd(self->fd[0], self->b, self->wire));
	EXPECT_TRUE(is_number(variant, self->b, 50));
	EXPECT_EQ(0 | CHAN_OK, select_end(&self->other));
}

TEST_F(select, a_handle_closed_meanwhile_is_still_waited_for)
{
	int r = narrow(self->fd[0], O_RDONLY);

	ASSERT_GE(r, 0);
	self->cases[0] = recv_from(world, 0);
	self->cases[0].fd = r;
	self->cases[1] = recv_from(world, 1);
	select_start(&self->other, self->cases, 2, 0, 0);
	wait_parked(self->fd[0], 0, 1);
	wait_parked(self->fd[1], 0, 1);
	close(r);
	EXPECT_EQ(2, info(self->fd[0]).receivers);
	number(variant, self->b, 3);
	EXPECT_EQ(self->wire, wr(self->fd[0], self->b, self->wire));
	EXPECT_EQ(0 | CHAN_OK, select_end(&self->other));
	expect_received(world, &self->cases[0], 0, 3);
	EXPECT_EQ(1, info(self->fd[0]).receivers);
}

/*
 * The same channel more than once
 */

TEST_F(select, the_same_channel_in_many_receive_cases_gives_one_element_to_one)
{
	unsigned char buf[3][MAX_ELEM];
	int i, n, round;
	long r;

	for (round = 0; round < 10; round++) {
		memset(buf, 0xee, sizeof(buf));
		for (i = 0; i < 3; i++) {
			self->cases[i] = recv_from(world, 0);
			self->cases[i].buf = (uintptr_t)place(variant, buf[i]);
		}
		if (round % 2) {
			select_start(&self->other, self->cases, 3, 0, 0);
			wait_parked(self->fd[0], 0, 3);
			number(variant, self->b, round);
			EXPECT_EQ(self->wire, wr(self->fd[0], self->b, self->wire));
			r = select_end(&self->other);
		} else {
			offer(world, 0, round);
			r = select_n(self->cases, 3, 0, 0);
			if (!variant->capacity)
				EXPECT_EQ(self->wire, call_end(&self->peer[0]));
		}
		ASSERT_TRUE(r & CHAN_OK);
		ASSERT_LT(r & CHAN_INDEX_MASK, 3);
		EXPECT_TRUE(is_number(variant, buf[r & CHAN_INDEX_MASK], round));
		for (i = n = 0; i < 3; i++)
			n += buf[i][0] != 0xee;
		EXPECT_EQ(variant->elem_size ? 1 : 0, n);
		expect_nobody_parked(world);
	}
	EXPECT_EQ(10, info(self->fd[0]).received);
}

TEST_F(select, the_same_channel_in_many_send_cases_gets_one_element)
{
	unsigned int n, round;
	long r;
	int i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 3; i++) {
			self->cases[i] = send_to(world, i, 10 * round + i);
			self->cases[i].fd = self->fd[3];
		}
		set_nonblock(self->fd[3], false);
		fill(world, 3);
		select_start(&self->other, self->cases, 3, 0, 0);
		wait_parked(self->fd[3], 3, 0);
		for (n = 0; n <= variant->capacity; n++)
			EXPECT_EQ(self->wire, rd(self->fd[3], self->b, self->wire));
		r = select_end(&self->other);
		ASSERT_TRUE(r & CHAN_OK);
		ASSERT_LT(r & CHAN_INDEX_MASK, 3);
		EXPECT_TRUE(is_number(variant, self->b, 10 * round + (r & CHAN_INDEX_MASK)));
		expect_nobody_parked(world);
		EXPECT_EQ(0, info(self->fd[3]).len);
		EXPECT_EQ((variant->capacity + 1) * (round + 1), info(self->fd[3]).sent);
	}
}

TEST_F(select, both_directions_of_a_channel_never_meet_themselves)
{
	unsigned long long sent;
	int seen[2] = {}, round;
	long r;

	self->cases[0] = recv_from(world, 0);
	self->cases[1] = send_to(world, 0, 9);
	if (!variant->capacity) {
		for (round = 0; round < 100; round++)
			EXPECT_EQ(-EAGAIN, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
		EXPECT_EQ(-ETIMEDOUT, select_n(self->cases, 2, CHAN_TIMEOUT, 0));
		EXPECT_EQ(-ETIMEDOUT, select_n(self->cases, 2, CHAN_TIMEOUT, 20 * MSEC));
		EXPECT_EQ(0, info(self->fd[0]).sent);
		expect_nobody_parked(world);
		/* Others are met, in either direction. */
		for (round = 0; round < 2; round++) {
			self->cases[0] = recv_from(world, 0);
			self->cases[0].len = msg_len(variant);
			select_start(&self->other, self->cases, 2, 0, 0);
			wait_parked(self->fd[0], 1, 1);
			number(variant, self->b, 8);
			if (round) {
				EXPECT_EQ(self->wire, wr(self->fd[0], self->b, self->wire));
			} else {
				EXPECT_EQ(self->wire, rd(self->fd[0], self->b, self->wire));
			}
			EXPECT_EQ((round ? 0 : 1) | CHAN_OK, select_end(&self->other));
			EXPECT_TRUE(round ? is_number(variant, self->in[0], 8) :
				    is_number(variant, self->b, 9));
			expect_nobody_parked(world);
		}
		return;
	}
	/* Empty: only the send; full: only the receive; else either. */
	EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
	for (round = 0; round < 300; round++) {
		unsigned int len = info(self->fd[0]).len;

		sent = info(self->fd[0]).sent;
		r = select_n(self->cases, 2, CHAN_NONBLOCK, 0);
		ASSERT_TRUE(r == (0 | CHAN_OK) || r == (1 | CHAN_OK));
		r &= CHAN_INDEX_MASK;
		seen[r]++;
		EXPECT_EQ(sent + r, info(self->fd[0]).sent);
		if (!r)
			EXPECT_TRUE(is_number(variant, self->in[0], 9));
		if (!len)
			EXPECT_EQ(1, r);
		if (len == variant->capacity)
			EXPECT_EQ(0, r);
	}
	EXPECT_GT(seen[0], 30);
	EXPECT_GT(seen[1], 30);
}

/*
 * Closed and hung up
 */

TEST_F(select, a_receive_of_a_closed_channel_is_chosen_without_OK_once_it_is_drained)
{
	if (variant->capacity)
		offer(world, 1, 70);
	EXPECT_EQ(0, chan_close(self->fd[1]));
	self->cases[0] = recv_from(world, 0);
	self->cases[1] = recv_from(world, 1);
	if (variant->capacity) {
		EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, 0, 0));
		expect_received(world, &self->cases[1], 1, 70);
	}
	self->cases[1] = recv_from(world, 1);
	EXPECT_EQ(1, select_n(self->cases, 2, 0, 0));
	EXPECT_EQ(0, self->cases[1].len);
	EXPECT_EQ(msg_len(variant), self->cases[0].len);
	EXPECT_TRUE(untouched(self, 1));
	EXPECT_EQ(1, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
	EXPECT_EQ(1, select_n(self->cases, 2, CHAN_TIMEOUT, 0));
	EXPECT_EQ(0, select_n(&self->cases[1], 1, 0, 0));
	expect_nobody_parked(world);
}

TEST_F(select, a_send_to_a_closed_channel_is_chosen_without_OK)
{
	signal(SIGPIPE, SIG_DFL);
	fill(world, 0);
	EXPECT_EQ(0, chan_close(self->fd[1]));
	self->cases[0] = send_to(world, 0, 70);
	self->cases[1] = send_to(world, 1, 71);
	EXPECT_EQ(1, select_n(self->cases, 2, 0, 0));
	EXPECT_EQ(1, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
	EXPECT_EQ(0, select_n(&self->cases[1], 1, 0, 0));
	EXPECT_EQ(0, info(self->fd[1]).sent);
	EXPECT_EQ(0, info(self->fd[1]).len);
	drain(world, 0);
	expect_nobody_parked(world);
}

TEST_F(select, close_ends_a_parked_receive_without_OK)
{
	self->cases[0] = recv_from(world, 0);
	self->cases[1] = recv_from(world, 1);
	select_start(&self->other, self->cases, 2, 0, 0);
	wait_parked(self->fd[0], 0, 1);
	wait_parked(self->fd[1], 0, 1);
	EXPECT_EQ(0, chan_close(self->fd[1]));
	EXPECT_EQ(1, select_end(&self->other));
	EXPECT_TRUE(untouched(self, 1));
	EXPECT_EQ(0, self->cases[1].len);
	EXPECT_EQ(msg_len(variant), self->cases[0].len);
	expect_nobody_parked(world);
}

TEST_F(select, close_ends_a_parked_send_without_OK_and_its_element_is_not_delivered)
{
	unsigned int n;

	fill(world, 0);
	fill(world, 1);
	self->cases[0] = send_to(world, 0, 70);
	self->cases[1] = send_to(world, 1, 71);
	select_start(&self->other, self->cases, 2, 0, 0);
	wait_parked(self->fd[0], 1, 0);
	wait_parked(self->fd[1], 1, 0);
	EXPECT_EQ(0, chan_close(self->fd[1]));
	EXPECT_EQ(1, select_end(&self->other));
	for (n = 0; n < variant->capacity; n++) {
		EXPECT_EQ(self->wire, rd(self->fd[1], self->b, self->wire));
		EXPECT_TRUE(is_number(variant, self->b, FILL + n));
	}
	EXPECT_EQ(0, rd(self->fd[1], self->b, self->wire));
	drain(world, 0);
	expect_nobody_parked(world);
}

TEST_F(select, close_ends_a_select_parked_in_the_channel_many_times_once)
{
	int i;

	fill(world, 0);
	for (i = 0; i < 6; i++)
		self->cases[i] = send_to(world, 0, 7);
	select_start(&self->other, self->cases, 6, 0, 0);
	wait_parked(self->fd[0], 6, 0);
	EXPECT_EQ(0, chan_close(self->fd[0]));
	EXPECT_LT(select_end(&self->other), 6);		/* no OK */
	EXPECT_EQ(variant->capacity, info(self->fd[0]).len);
	EXPECT_EQ(variant->capacity, info(self->fd[0]).sent);
	expect_nobody_parked(world);
}

TEST_F(select, a_hangup_ends_parked_sends_and_is_chosen_without_OK_from_then)
{
	int fd = make_chan(variant->elem_size, variant->capacity, variant->flags | CHAN_HANGUP);
	int w = narrow(fd, O_WRONLY);
	unsigned int n;

	ASSERT_GE(w, 0);
	for (n = 0; n < variant->capacity; n++)
		ASSERT_EQ(self->wire, wr(w, self->b, self->wire));
	fill(world, 0);
	self->cases[0] = send_to(world, 0, 1);
	self->cases[1] = send_to(world, 1, 1);
	self->cases[1].fd = w;
	select_start(&self->other, self->cases, 2, 0, 0);
	wait_parked(self->fd[0], 1, 0);
	wait_parked(fd, 1, 0);
	close(fd);
	EXPECT_EQ(1, select_end(&self->other));
	EXPECT_EQ(1, select_n(self->cases, 2, 0, 0));
	EXPECT_EQ(1, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
	close(w);
}

/*
 * In the queue
 */

TEST_F(select, a_parked_select_keeps_its_place_among_parked_receivers)
{
	struct call first, last;
	int i;

	call_start(&first, self->fd[0], false, self->far[0], self->wire);
	wait_parked(self->fd[0], 0, 1);
	self->cases[0] = recv_from(world, 1);
	self->cases[1] = recv_from(world, 0);
	select_start(&self->other, self->cases, 2, 0, 0);
	wait_parked(self->fd[0], 0, 2);
	wait_parked(self->fd[1], 0, 1);
	call_start(&last, self->fd[0], false, self->far[1], self->wire);
	wait_parked(self->fd[0], 0, 3);
	for (i = 0; i < 3; i++) {
		number(variant, self->b, 10 + i);
		EXPECT_EQ(self->wire, wr(self->fd[0], self->b, self->wire));
		if (i == 0) {
			EXPECT_EQ(self->wire, call_end(&first));
		} else if (i == 1) {
			EXPECT_EQ(1 | CHAN_OK, select_end(&self->other));
		} else {
			EXPECT_EQ(self->wire, call_end(&last));
		}
	}
	EXPECT_TRUE(is_number(variant, self->far[0], 10));
	expect_received(world, &self->cases[1], 0, 11);
	EXPECT_TRUE(is_number(variant, self->far[1], 12));
	expect_nobody_parked(world);
}

TEST_F(select, a_parked_select_keeps_its_place_among_parked_senders)
{
	struct call first, last;
	unsigned int n;

	fill(world, 0);
	fill(world, 1);
	number(variant, self->far[0], FILL + variant->capacity);
	call_start(&first, self->fd[0], true, self->far[0], self->wire);
	wait_parked(self->fd[0], 1, 0);
	self->cases[0] = send_to(world, 0, FILL + variant->capacity + 1);
	self->cases[1] = send_to(world, 1, 1);
	select_start(&self->other, self->cases, 2, 0, 0);
	wait_parked(self->fd[0], 2, 0);
	wait_parked(self->fd[1], 1, 0);
	number(variant, self->far[1], FILL + variant->capacity + 2);
	call_start(&last, self->fd[0], true, self->far[1], self->wire);
	wait_parked(self->fd[0], 3, 0);
	for (n = 0; n < variant->capacity + 3; n++) {
		EXPECT_EQ(self->wire, rd(self->fd[0], self->b, self->wire));
		EXPECT_TRUE(is_number(variant, self->b, FILL + n));
	}
	EXPECT_EQ(self->wire, call_end(&first));
	EXPECT_EQ(0 | CHAN_OK, select_end(&self->other));
	EXPECT_EQ(self->wire, call_end(&last));
	drain(world, 1);
	expect_nobody_parked(world);
}

TEST_F(select, a_select_won_elsewhere_leaves_those_around_it_in_order)
{
	struct call first, last;
	int i;

	call_start(&first, self->fd[0], false, self->far[0], self->wire);
	wait_parked(self->fd[0], 0, 1);
	for (i = 0; i < 6; i++)
		self->cases[i] = recv_from(world, i < 5 ? 0 : 1);
	select_start(&self->other, self->cases, 6, 0, 0);
	wait_parked(self->fd[0], 0, 6);
	wait_parked(self->fd[1], 0, 1);
	call_start(&last, self->fd[0], false, self->far[1], self->wire);
	wait_parked(self->fd[0], 0, 7);
	number(variant, self->b, 5);
	EXPECT_EQ(self->wire, wr(self->fd[1], self->b, self->wire));
	/* Whether or not it has left already, it takes nothing of this. */
	for (i = 0; i < 2; i++) {
		number(variant, self->b, 10 + i);
		EXPECT_EQ(self->wire, wr(self->fd[0], self->b, self->wire));
	}
	EXPECT_EQ(5 | CHAN_OK, select_end(&self->other));
	EXPECT_EQ(self->wire, call_end(&first));
	EXPECT_EQ(self->wire, call_end(&last));
	EXPECT_TRUE(is_number(variant, self->far[0], 10));
	EXPECT_TRUE(is_number(variant, self->far[1], 11));
	EXPECT_EQ(0, info(self->fd[0]).len);
	expect_nobody_parked(world);
}

TEST_F(select, a_newcomer_does_not_overtake_a_parked_select)
{
	unsigned int n;

	fill(world, 0);
	self->cases[0] = send_to(world, 0, FILL + variant->capacity);
	self->cases[1] = recv_from(world, 1);
	select_start(&self->other, self->cases, 2, 0, 0);
	wait_parked(self->fd[0], 1, 0);
	self->theirs[0] = send_to(world, 3, 1);
	self->theirs[0].fd = self->fd[0];
	for (n = 0; n <= variant->capacity; n++) {
		if (info(self->fd[0]).parked_senders)
			EXPECT_EQ(-EAGAIN, select_n(self->theirs, 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(self->wire, rd(self->fd[0], self->b, self->wire));
		EXPECT_TRUE(is_number(variant, self->b, FILL + n));
	}
	EXPECT_EQ(0 | CHAN_OK, select_end(&self->other));
}

/*
 * Selects that meet
 */

TEST_F(select, a_select_that_sends_meets_a_parked_one_that_receives)
{
	fill(world, 2);
	self->theirs[0] = recv_from(world, 0);
	self->theirs[1] = recv_from(world, 1);
	select_start(&self->other, self->theirs, 2, 0, 0);
	wait_parked(self->fd[0], 0, 1);
	wait_parked(self->fd[1], 0, 1);
	self->cases[0] = send_to(world, 2, 5);
	self->cases[1] = send_to(world, 1, 6);
	EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
	EXPECT_EQ(1 | CHAN_OK, select_end(&self->other));
	expect_received(world, &self->theirs[1], 1, 6);
	EXPECT_EQ(0, info(self->fd[1]).len);
	drain(world, 2);
	expect_nobody_parked(world);
}

TEST_F(select, a_select_that_receives_meets_a_parked_one_that_sends)
{
	fill(world, 0);
	fill(world, 1);
	self->theirs[0] = send_to(world, 0, 5);
	self->theirs[1] = send_to(world, 1, 6);
	select_start(&self->other, self->theirs, 2, 0, 0);
	wait_parked(self->fd[0], 1, 0);
	wait_parked(self->fd[1], 1, 0);
	self->cases[0] = recv_from(world, 2);
	self->cases[1] = recv_from(world, 1);
	EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
	EXPECT_EQ(1 | CHAN_OK, select_end(&self->other));
	expect_received(world, &self->cases[1], 1, variant->capacity ? FILL : 6);
	EXPECT_EQ(variant->capacity, info(self->fd[1]).len);
	EXPECT_EQ(variant->capacity + 1, info(self->fd[1]).sent);
	drain(world, 0);
	expect_nobody_parked(world);
}

TEST_F(select, two_selects_that_offer_each_other_two_ways_agree_on_one)
{
	int round, seen[2] = {}, fd[2];
	long r;

	for (round = 0; round < 40; round++) {
		fd[0] = make_used(world, variant->capacity);
		fd[1] = make_used(world, 0);
		close(self->fd[0]);
		close(self->fd[1]);
		self->fd[0] = fd[0];
		self->fd[1] = fd[1];
		fill(world, 0);
		self->theirs[0] = send_to(world, 0, FILL + variant->capacity);
		self->theirs[1] = recv_from(world, 1);
		select_start(&self->other, self->theirs, 2, 0, 0);
		wait_parked(fd[0], 1, 0);
		wait_parked(fd[1], 0, 1);
		self->cases[0] = recv_from(world, 0);
		self->cases[1] = send_to(world, 1, 6);
		r = select_n(self->cases, 2, 0, 0);
		EXPECT_EQ(r, select_end(&self->other));
		if (r == (0 | CHAN_OK)) {
			expect_received(world, &self->cases[0], 0, FILL);
			EXPECT_EQ(0, info(fd[1]).sent);
		} else {
			ASSERT_EQ(1 | CHAN_OK, r);
			expect_received(world, &self->theirs[1], 1, 6);
			EXPECT_EQ(variant->capacity, info(fd[0]).sent);
		}
		EXPECT_EQ(variant->capacity, info(fd[0]).len);
		seen[r & CHAN_INDEX_MASK]++;
		expect_nobody_parked(world);
	}
	EXPECT_GT(seen[0], 0);
	EXPECT_GT(seen[1], 0);
}

/*
 * Signals
 */

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	signals++;
}

static void catch_signal(int flags)
{
	struct sigaction sa = { .sa_handler = count_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &sa, NULL);
}

/* A child that selects: receive from 0 or send to 1, which is full. */
static pid_t select_in_child(WORLD, int sa_flags, unsigned int flags, long result, int nr_signals)
{
	pid_t pid;
	long r;

	fill(world, 1);
	self->cases[0] = recv_from(world, 0);
	self->cases[1] = send_to(world, 1, 1);
	pid = fork();
	if (!pid) {
		catch_signal(sa_flags);
		r = select_n(self->cases, 2, flags, flags & CHAN_TIMEOUT ? LONG : 0);
		if (r != result || signals != nr_signals)
			_exit(1);
		_exit(r == (0 | CHAN_OK) && !is_number(variant, self->in[0], 33));
	}
	wait_parked(self->fd[0], 0, 1);
	wait_parked(self->fd[1], 1, 0);
	return pid;
}

static void expect_exit(WORLD, pid_t pid)
{
	int status;

	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	drain(world, 1);
	expect_nobody_parked(world);
}

TEST_F(select, a_signal_without_SA_RESTART_is_EINTR)
{
	pid_t pid = select_in_child(world, 0, 0, -EINTR, 1);

	kill(pid, SIGUSR1);
	expect_exit(world, pid);
}

TEST_F(select, a_signal_with_SA_RESTART_and_a_timeout_is_EINTR)
{
	pid_t pid = select_in_child(world, SA_RESTART, CHAN_TIMEOUT, -EINTR, 1);

	kill(pid, SIGUSR1);
	expect_exit(world, pid);
}

TEST_F(select, a_signal_with_SA_RESTART_restarts_the_wait)
{
	pid_t pid = select_in_child(world, SA_RESTART, 0, 0 | CHAN_OK, 1);

	kill(pid, SIGUSR1);
	number(variant, self->b, 33);
	EXPECT_EQ(self->wire, wr(self->fd[0], self->b, self->wire));
	expect_exit(world, pid);
}

TEST_F(select, who_is_killed_while_parked_takes_and_sends_nothing)
{
	pid_t pid = select_in_child(world, 0, 0, -1, 0);
	int status;

	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	expect_nobody_parked(world);
	EXPECT_EQ(variant->capacity, info(self->fd[1]).sent);
	drain(world, 1);
	set_nonblock(self->fd[0], true);
	number(variant, self->b, 3);
	EXPECT_EQ(variant->capacity ? (long)self->wire : -EAGAIN,
		  wr(self->fd[0], self->b, self->wire));
	EXPECT_EQ(!!variant->capacity, info(self->fd[0]).len);
}

/*
 * Messages
 */

FIXTURE(message)
{
	int fd, other;
	struct select_call call;
	struct chan_case cases[2];
	char a[BY_REF], b[BY_REF];
};

FIXTURE_VARIANT(message)
{
	unsigned int elem_size, capacity;
};

FIXTURE_VARIANT_ADD(message, in_place_unbuffered) { .elem_size = 100, .capacity = 0, };
FIXTURE_VARIANT_ADD(message, in_place) { .elem_size = 100, .capacity = 4, };
FIXTURE_VARIANT_ADD(message, by_reference_unbuffered) { .elem_size = BY_REF, .capacity = 0, };
FIXTURE_VARIANT_ADD(message, by_reference) { .elem_size = BY_REF, .capacity = 4, };

FIXTURE_SETUP(message)
{
	self->fd = make_chan(variant->elem_size, variant->capacity, CHAN_MESSAGE);
	self->other = make_chan(variant->elem_size, variant->capacity, CHAN_MESSAGE);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other, 0);
	self->cases[0] = recv_case(self->other, self->a);
	self->cases[0].len = sizeof(self->a);
	self->cases[1] = recv_case(self->fd, self->b);
}

FIXTURE_TEARDOWN(message)
{
	close(self->fd);
	close(self->other);
}

/* A select in a thread parks in both, to receive at most @len bytes of ours. */
static void park_receive(FIXTURE_DATA(message) *self, unsigned int len)
{
	self->cases[1].len = len;
	select_start(&self->call, self->cases, 2, 0, 0);
	wait_parked(self->other, 0, 1);
	wait_parked(self->fd, 0, 1);
}

TEST_F(message, lengths_travel_to_a_parked_select)
{
	unsigned int len;

	for (len = 0; len <= variant->elem_size; len += variant->elem_size / 4) {
		memset(self->a, 'a' + len % 26, sizeof(self->a));
		memset(self->b, 0, sizeof(self->b));
		park_receive(self, sizeof(self->b));
		EXPECT_EQ(1, send_msg(self->fd, self->a, len, CHAN_NONBLOCK));
		EXPECT_EQ(1 | CHAN_OK, select_end(&self->call));
		EXPECT_EQ(len, self->cases[1].len);
		EXPECT_EQ(0, memcmp(self->a, self->b, len));
		EXPECT_EQ(0, self->b[len]);
		EXPECT_EQ(sizeof(self->a), self->cases[0].len);
	}
}

TEST_F(message, lengths_travel_from_a_parked_select)
{
	unsigned int len, got, i;

	for (len = 0; len <= variant->elem_size; len += variant->elem_size / 4) {
		for (i = 0; i < variant->capacity; i++)
			ASSERT_EQ(1, wr(self->fd, "x", 1));
		memset(self->a, 'a' + len % 26, sizeof(self->a));
		memset(self->b, 0, sizeof(self->b));
		self->cases[1] = send_case(self->fd, self->a);
		self->cases[1].len = len;
		select_start(&self->call, self->cases, 2, 0, 0);
		wait_parked(self->fd, 1, 0);
		for (i = 0; i <= variant->capacity; i++) {
			got = sizeof(self->b);
			EXPECT_EQ(1, recv_msg(self->fd, self->b, &got, 0));
		}
		EXPECT_EQ(len, got);
		EXPECT_EQ(0, memcmp(self->a, self->b, len));
		EXPECT_EQ(1 | CHAN_OK, select_end(&self->call));
		EXPECT_EQ(len, self->cases[1].len);
	}
}

TEST_F(message, lengths_travel_to_and_from_ready_selects)
{
	unsigned int len, got;
	struct chan_case k = send_case(self->fd, self->a);

	for (len = 0; len <= variant->elem_size; len += variant->elem_size / 4) {
		memset(self->a, 'a' + len % 26, sizeof(self->a));
		/* Of either side the select is the one that finds the other parked. */
		park_receive(self, sizeof(self->b));
		k.len = len;
		EXPECT_EQ(0 | CHAN_OK, select_n(&k, 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(1 | CHAN_OK, select_end(&self->call));
		EXPECT_EQ(len, self->cases[1].len);
		EXPECT_EQ(0, memcmp(self->a, self->b, len));
		if (!variant->capacity)
			continue;
		EXPECT_EQ(0 | CHAN_OK, select_n(&k, 1, CHAN_NONBLOCK, 0));
		memset(self->b, 0, sizeof(self->b));
		self->cases[1].len = got = sizeof(self->b);
		EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
		EXPECT_EQ(len, self->cases[1].len);
		EXPECT_EQ(0, memcmp(self->a, self->b, len));
	}
}

TEST_F(message, one_longer_than_the_element_size_is_EMSGSIZE_and_nothing_happens)
{
	struct chan_info before[2];
	struct chan_case k[2];
	struct call receiver;

	call_start(&receiver, self->fd, false, self->b, sizeof(self->b));
	wait_parked(self->fd, 0, 1);
	k[0] = send_case(self->fd, self->a);
	k[0].len = 1;
	k[1] = send_case(self->other, self->a);
	k[1].len = variant->elem_size + 1;
	before[0] = info(self->fd);
	before[1] = info(self->other);
	EXPECT_EQ(-EMSGSIZE, select_n(&k[1], 1, 0, 0));
	EXPECT_EQ(-EMSGSIZE, select_n(&k[1], 1, CHAN_TIMEOUT, MSEC));
	EXPECT_EQ(-EMSGSIZE, select_n(k, 2, CHAN_PRIORITY, 0));
	k[0].len = variant->elem_size + 1;
	EXPECT_EQ(-EMSGSIZE, select_n(k, 1, CHAN_NONBLOCK, 0));
	EXPECT_EQ(-EMSGSIZE, select_n(k, 2, CHAN_NONBLOCK, 0));
	EXPECT_TRUE(same_info(before[0], info(self->fd)));
	EXPECT_TRUE(same_info(before[1], info(self->other)));
	k[0].len = variant->elem_size;
	EXPECT_EQ(0 | CHAN_OK, select_n(k, 1, CHAN_NONBLOCK, 0));
	EXPECT_EQ(variant->elem_size, call_end(&receiver));
}

TEST_F(message, a_small_buffer_is_EMSGSIZE_and_the_ready_message_stays)
{
	struct chan_info before;
	struct call sender;

	call_start(&sender, self->fd, true, "hello", 5);
	if (variant->capacity) {
		EXPECT_EQ(5, call_end(&sender));
	} else {
		wait_parked(self->fd, 1, 0);
	}
	before = info(self->fd);
	self->cases[1].len = 4;
	EXPECT_EQ(-EMSGSIZE, select_n(self->cases, 2, 0, 0));
	EXPECT_EQ(-EMSGSIZE, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
	EXPECT_EQ(4, self->cases[1].len);
	EXPECT_TRUE(same_info(before, info(self->fd)));
	self->cases[1].len = 5;
	EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, 0, 0));
	EXPECT_EQ(0, memcmp(self->b, "hello", 5));
	if (!variant->capacity)
		EXPECT_EQ(5, call_end(&sender));
}

TEST_F(message, a_small_buffer_of_a_parked_select_is_EMSGSIZE_and_the_message_stays)
{
	unsigned int len = 5;

	park_receive(self, 4);
	EXPECT_EQ(5, wr(self->fd, "hello", 5));
	EXPECT_EQ(-EMSGSIZE, select_end(&self->call));
	EXPECT_EQ(4, self->cases[1].len);
	EXPECT_EQ(1, info(self->fd).len);
	EXPECT_EQ(0, info(self->fd).received);
	EXPECT_EQ(0, info(self->fd).parked_receivers);
	EXPECT_EQ(0, info(self->other).parked_receivers);
	EXPECT_EQ(1, recv_msg(self->fd, self->b, &len, CHAN_NONBLOCK));
	EXPECT_EQ(5, len);
	EXPECT_EQ(0, memcmp(self->b, "hello", 5));
}

TEST_F(message, a_small_buffer_of_a_case_that_is_not_chosen_does_not_matter)
{
	self->cases[0].len = 0;
	park_receive(self, sizeof(self->b));
	EXPECT_EQ(5, wr(self->fd, "hello", 5));
	EXPECT_EQ(1 | CHAN_OK, select_end(&self->call));
	EXPECT_EQ(5, self->cases[1].len);
	EXPECT_EQ(0, self->cases[0].len);
}

TEST_F(message, an_empty_one_is_no_end)
{
	self->cases[1].len = 0;
	park_receive(self, 0);
	EXPECT_EQ(1, send_msg(self->fd, NULL, 0, CHAN_NONBLOCK));
	EXPECT_EQ(1 | CHAN_OK, select_end(&self->call));
	EXPECT_EQ(0, self->cases[1].len);
	EXPECT_EQ(0, chan_close(self->fd));
	self->cases[1].len = 7;
	EXPECT_EQ(1, select_n(self->cases, 2, 0, 0));
	EXPECT_EQ(0, self->cases[1].len);
}

/*
 * Bad addresses
 */

#define GOOD	8192

FIXTURE(fault)
{
	int fd[2];
	unsigned long long parked;
	unsigned char *page;		/* so many good bytes, then a page that isn't there */
	unsigned char *bad[4];
	struct select_call call;
	struct call peer;
	struct chan_case cases[2];
	unsigned char a[BY_REF], b[BY_REF];
};

FIXTURE_VARIANT(fault)
{
	unsigned int capacity, elem_size, flags;
};

#define FAULT(name, c, e, f)							\
	FIXTURE_VARIANT_ADD(fault, name)					\
	{									\
		.capacity = c, .elem_size = e, .flags = f,			\
	}
#define FAULTS(name, e, f)							\
	FAULT(name##_unbuffered, 0, e, f);					\
	FAULT(name##_capacity_1, 1, e, f)

FAULTS(elem_8, 8, 0);
FAULTS(elem_1000, 1000, 0);
FAULTS(elem_5120, BY_REF, 0);
FAULTS(message_100, 100, CHAN_MESSAGE);
FAULTS(message_5120, BY_REF, CHAN_MESSAGE);

FIXTURE_SETUP(fault)
{
	int i;

	for (i = 0; i < 2; i++) {
		self->fd[i] = make_chan(variant->elem_size, variant->capacity, variant->flags);
		ASSERT_GE(self->fd[i], 0);
	}
	self->parked = limits().parked;
	self->page = mmap(NULL, GOOD + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	ASSERT_EQ(0, munmap(self->page + GOOD, 4096));
	self->bad[0] = self->page + GOOD;
	self->bad[1] = self->page + GOOD - variant->elem_size / 2;
	self->bad[2] = NULL;
	self->bad[3] = (void *)0xffff888000000000ULL;	/* the kernel's */
}

FIXTURE_TEARDOWN(fault)
{
	munmap(self->page, GOOD);
	close(self->fd[0]);
	close(self->fd[1]);
}

/* Channel 0 is never ready, the case of channel 1 has a bad address. */
static void bad_case(FIXTURE_DATA(fault) *self, const FIXTURE_VARIANT(fault) *variant,
		     bool sending, int which)
{
	unsigned int len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;

	self->cases[0] = recv_case(self->fd[0], self->a);
	self->cases[1] = sending ? send_case(self->fd[1], self->bad[which]) :
				   recv_case(self->fd[1], self->bad[which]);
	self->cases[0].len = len;
	self->cases[1].len = len;
}

TEST_F(fault, a_ready_receive_to_a_bad_address_leaves_the_element)
{
	size_t n = variant->elem_size;
	struct chan_info before;
	int i;

	fill_elem(self->b, n, 5);
	call_start(&self->peer, self->fd[1], true, self->b, n);
	if (variant->capacity) {
		EXPECT_EQ(n, call_end(&self->peer));
	} else {
		wait_parked(self->fd[1], 1, 0);
	}
	before = info(self->fd[1]);
	for (i = 0; i < 4; i++) {
		bad_case(self, variant, false, i);
		EXPECT_EQ(-EFAULT, select_n(self->cases, 2, 0, 0));
		EXPECT_EQ(-EFAULT, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
		EXPECT_EQ(-EFAULT, select_n(&self->cases[1], 1, 0, 0));
	}
	EXPECT_TRUE(same_info(before, info(self->fd[1])));
	EXPECT_EQ(n, rd(self->fd[1], self->page, n));
	EXPECT_TRUE(elem_is(self->page, n, 5));
	if (!variant->capacity)
		EXPECT_EQ(n, call_end(&self->peer));
}

TEST_F(fault, a_ready_send_from_a_bad_address_sends_nothing)
{
	size_t n = variant->elem_size;
	struct chan_info before;
	int i;

	call_start(&self->peer, self->fd[1], false, self->b, n);
	wait_parked(self->fd[1], 0, 1);
	before = info(self->fd[1]);
	for (i = 0; i < 4; i++) {
		bad_case(self, variant, true, i);
		EXPECT_EQ(-EFAULT, select_n(self->cases, 2, 0, 0));
		EXPECT_EQ(-EFAULT, select_n(self->cases, 2, CHAN_NONBLOCK, 0));
		EXPECT_EQ(-EFAULT, select_n(&self->cases[1], 1, 0, 0));
	}
	EXPECT_TRUE(same_info(before, info(self->fd[1])));
	fill_elem(self->page, n, 5);
	self->cases[1].buf = (uintptr_t)self->page;
	EXPECT_EQ(1 | CHAN_OK, select_n(self->cases, 2, 0, 0));
	EXPECT_EQ(n, call_end(&self->peer));
	EXPECT_TRUE(elem_is(self->b, n, 5));
}

TEST_F(fault, a_send_from_a_bad_address_that_would_park_changes_nothing)
{
	size_t n = variant->elem_size;
	struct chan_info before[2];
	int i;

	if (variant->capacity)
		ASSERT_EQ(n, wr(self->fd[1], self->b, n));
	before[0] = info(self->fd[0]);
	before[1] = info(self->fd[1]);
	for (i = 0; i < 4; i++) {
		bad_case(self, variant, true, i);
		EXPECT_EQ(-EFAULT, select_n(self->cases, 2, 0, 0));
		EXPECT_EQ(-EFAULT, select_n(self->cases, 2, CHAN_TIMEOUT, LONG));
	}
	EXPECT_TRUE(same_info(before[0], info(self->fd[0])));
	EXPECT_TRUE(same_info(before[1], info(self->fd[1])));
	EXPECT_EQ(self->parked, limits().parked);
}

TEST_F(fault, a_parked_receive_to_a_bad_address_returns_its_element)
{
	size_t n = variant->elem_size;
	int i;

	for (i = 0; i < 3; i++) {
		bad_case(self, variant, false, i);
		select_start(&self->call, self->cases, 2, 0, 0);
		wait_parked(self->fd[0], 0, 1);
		wait_parked(self->fd[1], 0, 1);
		fill_elem(self->b, n, 5 + i);
		EXPECT_EQ(n, wr(self->fd[1], self->b, n));
		EXPECT_EQ(-EFAULT, select_end(&self->call));
		EXPECT_EQ(1, info(self->fd[1]).len);
		EXPECT_EQ(i, info(self->fd[1]).received);
		EXPECT_EQ(0, info(self->fd[0]).parked_receivers);
		EXPECT_EQ(n, rd(self->fd[1], self->page, n));
		EXPECT_TRUE(elem_is(self->page, n, 5 + i));
	}
	EXPECT_EQ(self->parked, limits().parked);
}

TEST_F(fault, what_a_parked_select_returns_goes_to_the_next_select)
{
	size_t n = variant->elem_size;
	struct chan_case good[2];
	struct select_call next;

	bad_case(self, variant, false, 0);
	select_start(&self->call, self->cases, 2, 0, 0);
	wait_parked(self->fd[1], 0, 1);
	good[0] = self->cases[0];
	good[1] = self->cases[1];
	good[1].buf = (uintptr_t)self->page;
	select_start(&next, good, 2, 0, 0);
	wait_parked(self->fd[0], 0, 2);
	wait_parked(self->fd[1], 0, 2);
	fill_elem(self->b, n, 7);
	EXPECT_EQ(n, wr(self->fd[1], self->b, n));
	EXPECT_EQ(-EFAULT, select_end(&self->call));
	EXPECT_EQ(1 | CHAN_OK, select_end(&next));
	EXPECT_TRUE(elem_is(self->page, n, 7));
	EXPECT_EQ(0, info(self->fd[1]).len);
}

TEST_F(fault, bad_addresses_of_the_cases_and_of_the_arguments_change_nothing)
{
	struct chan_select s = { .size = sizeof(s), .count = 1, .case_size = sizeof(*self->cases) };
	size_t n = variant->elem_size;
	struct chan_info before;
	struct chan_case *k;
	int i;

	call_start(&self->peer, self->fd[1], false, self->b, n);
	wait_parked(self->fd[1], 0, 1);
	before = info(self->fd[1]);
	self->bad[1] = self->page + GOOD - sizeof(s) / 2;
	memcpy(self->bad[1], &s, sizeof(s) / 2);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(-1, ioctl(ctl_open(), CHAN_IOC_SELECT, self->bad[i]));
		EXPECT_EQ(EFAULT, errno);
	}
	/* The first case lies in good memory, the second doesn't. */
	bad_case(self, variant, true, 0);
	self->cases[1].buf = (uintptr_t)self->a;
	fill_elem(self->a, n, 9);
	k = (struct chan_case *)(self->page + GOOD) - 1;
	*k = self->cases[1];
	EXPECT_EQ(-EFAULT, select_n(k, 2, CHAN_PRIORITY, 0));
	for (i = 0; i < 4; i++)
		if (i != 1)
			EXPECT_EQ(-EFAULT, select_n((void *)self->bad[i], 1, 0, 0));
	EXPECT_TRUE(same_info(before, info(self->fd[1])));
	EXPECT_EQ(0 | CHAN_OK, select_n(k, 1, 0, 0));
	EXPECT_EQ(n, call_end(&self->peer));
	EXPECT_TRUE(elem_is(self->b, n, 9));
}

TEST_F(fault, a_length_that_cannot_be_reported_leaves_the_message)
{
	size_t n = variant->elem_size;
	struct chan_case *k = (void *)self->page;
	bool message = variant->flags & CHAN_MESSAGE;
	int parked;

	/* Only of a message there is something to report. */
	for (parked = 0; parked < 2; parked++) {
		fill_elem(self->b, n, 5);
		bad_case(self, variant, false, 0);
		memcpy(k, self->cases, sizeof(self->cases));
		k[1].buf = (uintptr_t)self->a;
		ASSERT_EQ(0, mprotect(self->page, 4096, PROT_READ));
		if (parked) {
			select_start(&self->call, k, 2, 0, 0);
			wait_parked(self->fd[0], 0, 1);
			wait_parked(self->fd[1], 0, 1);
			EXPECT_EQ(n, wr(self->fd[1], self->b, n));
			EXPECT_EQ(message ? -EFAULT : 1 | CHAN_OK, select_end(&self->call));
		} else {
			call_start(&self->peer, self->fd[1], true, self->b, n);
			if (!variant->capacity) {
				wait_parked(self->fd[1], 1, 0);
			} else {
				EXPECT_EQ(n, call_end(&self->peer));
			}
			EXPECT_EQ(message ? -EFAULT : 1 | CHAN_OK, select_n(k, 2, 0, 0));
		}
		ASSERT_EQ(0, mprotect(self->page, 4096, PROT_READ | PROT_WRITE));
		if (message)
			EXPECT_EQ(n, rd(self->fd[1], self->a, n));
		EXPECT_TRUE(elem_is(self->a, n, 5));
		if (!parked && !variant->capacity)
			EXPECT_EQ(n, call_end(&self->peer));
		EXPECT_EQ(0, info(self->fd[1]).len);
		EXPECT_EQ(1 + parked, info(self->fd[1]).received);
	}
}

/*
 * Arguments. The first case is ready, the second has what is wrong: nothing happens.
 */

FIXTURE(args)
{
	int fd, message;
	uint64_t a, b;
	struct chan_case cases[2];
	struct chan_select s;
	struct {
		struct chan_select s;
		unsigned char more[8192];
	} large;
	struct chan_info before;
};

FIXTURE_SETUP(args)
{
	self->fd = make_chan(8, 4, 0);
	self->message = make_chan(8, 4, CHAN_MESSAGE);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->message, 0);
	self->cases[0] = send_case(self->fd, &self->a);
	self->cases[1] = recv_case(self->fd, &self->b);
	self->s = (struct chan_select){
		.size = sizeof(self->s), .cases = (uintptr_t)self->cases, .count = 2,
		.case_size = sizeof(*self->cases), .flags = CHAN_PRIORITY,
	};
	self->before = info(self->fd);
}

FIXTURE_TEARDOWN(args)
{
	close(self->fd);
	close(self->message);
}

static long do_select(int fd, void *s)
{
	int r = ioctl(fd, CHAN_IOC_SELECT, s);

	return r < 0 ? -errno : r;
}

/* The error, or 0 if something has happened all the same. */
static long refused(FIXTURE_DATA(args) *self)
{
	long r = do_select(ctl_open(), &self->s);

	return same_info(self->before, info(self->fd)) ? r : 0;
}

TEST_F(args, unknown_flags_are_EINVAL)
{
	unsigned int bit;

	for (bit = 3; bit < 32; bit++) {
		self->s.flags = CHAN_PRIORITY | 1U << bit;
		EXPECT_EQ(-EINVAL, refused(self));
	}
	self->s.flags = CHAN_PRIORITY;
	EXPECT_EQ(0 | CHAN_OK, do_select(ctl_open(), &self->s));
}

TEST_F(args, a_timeout_without_its_flag_is_EINVAL)
{
	self->s.timeout_ns = 1;
	EXPECT_EQ(-EINVAL, refused(self));
	self->s.flags |= CHAN_NONBLOCK;
	EXPECT_EQ(-EINVAL, refused(self));
}

TEST_F(args, wrong_sizes_are_EINVAL_or_E2BIG)
{
	static const unsigned int wrong[] = { 0, 1, 23, 25, 32, 48, 0x80000018, 0xffffffff };
	unsigned int i;

	for (i = 0; i < sizeof(self->s); i++) {
		self->s.size = i;
		EXPECT_EQ(-EINVAL, refused(self));
	}
	self->s.size = sizeof(self->s);
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		self->s.case_size = wrong[i];
		EXPECT_EQ(-EINVAL, refused(self));
	}
	self->s.case_size = sizeof(*self->cases);
	self->large.s = self->s;
	self->large.s.size = sizeof(self->s) + 8;
	self->large.more[7] = 1;
	EXPECT_EQ(-E2BIG, do_select(ctl_open(), &self->large));
	self->large.more[7] = 0;
	self->large.s.size = sizeof(self->large);
	EXPECT_EQ(-E2BIG, do_select(ctl_open(), &self->large));
	self->large.s.size = 0xffffffff;
	EXPECT_EQ(-E2BIG, do_select(ctl_open(), &self->large));
	EXPECT_TRUE(same_info(self->before, info(self->fd)));
	/* Longer is good, if zeros follow; those behind don't count. */
	self->large.more[8] = 1;
	self->large.s.size = sizeof(self->s) + 8;
	EXPECT_EQ(0 | CHAN_OK, do_select(ctl_open(), &self->large));
	EXPECT_EQ(0 | CHAN_OK, do_select(ctl_open(), &self->s));
}

TEST_F(args, more_than_1024_cases_are_EINVAL)
{
	struct chan_case *many = calloc(1 << 17, sizeof(*many));
	unsigned int i;

	for (i = 0; i < 1 << 17; i++)
		many[i] = self->cases[0];
	self->s.cases = (uintptr_t)many;
	self->s.count = 1025;
	EXPECT_EQ(-EINVAL, refused(self));
	self->s.count = 1 << 16;
	EXPECT_EQ(-EINVAL, refused(self));
	self->s.count = (1 << 16) + 1;
	EXPECT_EQ(-EINVAL, refused(self));
	self->s.count = 0xffffffff;
	EXPECT_EQ(-EINVAL, refused(self));
	self->s.count = 1024;
	EXPECT_EQ(0 | CHAN_OK, do_select(ctl_open(), &self->s));
	free(many);
}

TEST_F(args, unknown_operations_and_padding_are_EINVAL)
{
	unsigned int bit;
	int nil;

	for (nil = 0; nil < 2; nil++) {
		self->cases[1].fd = nil ? -1 : self->fd;
		for (bit = 0; bit < 32; bit++) {
			self->cases[1].op = 2 | 1U << bit;
			EXPECT_EQ(-EINVAL, refused(self));
			self->cases[1].op = CHAN_CASE_RECV;
			self->cases[1].pad = 1U << bit;
			EXPECT_EQ(-EINVAL, refused(self));
			self->cases[1].pad = 0;
		}
	}
	EXPECT_EQ(0 | CHAN_OK, do_select(ctl_open(), &self->s));
}

TEST_F(args, a_length_of_a_fixed_element_is_EINVAL)
{
	self->cases[1].len = 8;
	EXPECT_EQ(-EINVAL, refused(self));
	self->cases[1] = self->cases[0];
	self->cases[1].len = 1;
	EXPECT_EQ(-EINVAL, refused(self));
	self->cases[1].len = 0;
	EXPECT_EQ(0 | CHAN_OK, do_select(ctl_open(), &self->s));
}

TEST_F(args, a_message_too_long_is_EMSGSIZE_whatever_else_is_ready)
{
	self->cases[1] = send_case(self->message, &self->a);
	self->cases[1].len = 9;
	EXPECT_EQ(-EMSGSIZE, refused(self));
	self->cases[1].len = 0xffffffff;
	EXPECT_EQ(-EMSGSIZE, refused(self));
	EXPECT_EQ(0, info(self->message).sent);
}

TEST_F(args, a_file_that_is_no_channel_is_EINVAL)
{
	struct chan_selector sel = { .size = sizeof(sel) };
	int fds[5], i;

	ASSERT_EQ(0, pipe(fds));
	fds[2] = ctl_open();
	fds[3] = open("/dev/null", O_RDWR);
	ASSERT_EQ(0, ioctl(ctl_open(), CHAN_IOC_SELECTOR, &sel));
	fds[4] = sel.fd;
	for (i = 0; i < 5; i++) {
		ASSERT_GE(fds[i], 0);
		self->cases[1].fd = fds[i];
		self->cases[1].op = CHAN_CASE_RECV;
		EXPECT_EQ(-EINVAL, refused(self));
		self->cases[1].op = CHAN_CASE_SEND;
		EXPECT_EQ(-EINVAL, refused(self));
	}
}

TEST_F(args, a_closed_file_and_a_missing_direction_are_EBADF)
{
	int r = narrow(self->fd, O_RDONLY), w = narrow(self->fd, O_WRONLY);
	int look = narrow(self->fd, 3), gone = dup(self->fd);

	close(gone);
	self->before = info(self->fd);
	self->cases[1].fd = gone;
	EXPECT_EQ(-EBADF, refused(self));
	self->cases[1].fd = INT_MAX;
	EXPECT_EQ(-EBADF, refused(self));
	self->cases[1].fd = w;
	EXPECT_EQ(-EBADF, refused(self));
	self->cases[1].fd = look;
	EXPECT_EQ(-EBADF, refused(self));
	self->cases[1].op = CHAN_CASE_SEND;
	EXPECT_EQ(-EBADF, refused(self));
	self->cases[1].fd = r;
	EXPECT_EQ(-EBADF, refused(self));
	/* The first of all cases that is wrong is enough. */
	self->cases[0] = nil(CHAN_CASE_RECV);
	EXPECT_EQ(-EBADF, refused(self));
	self->cases[1].fd = w;
	EXPECT_EQ(1 | CHAN_OK, do_select(ctl_open(), &self->s));
	self->cases[1] = recv_case(r, &self->b);
	EXPECT_EQ(1 | CHAN_OK, do_select(ctl_open(), &self->s));
}

TEST_F(args, the_call_is_made_on_chanctl_or_on_any_channel_in_any_direction)
{
	struct chan_selector sel = { .size = sizeof(sel) };
	int fds[5] = { ctl_open(), self->fd, narrow(self->message, 3),
		       narrow(self->message, O_RDONLY), narrow(self->message, O_WRONLY) };
	unsigned int i;

	for (i = 0; i < 5; i++) {
		self->a = i;
		EXPECT_EQ(0 | CHAN_OK, do_select(fds[i], &self->s));
		EXPECT_EQ(8, rd(self->fd, &self->b, 8));
		EXPECT_EQ(i, self->b);
	}
	ASSERT_EQ(0, ioctl(ctl_open(), CHAN_IOC_SELECTOR, &sel));
	EXPECT_EQ(-ENOTTY, do_select(sel.fd, &self->s));
	EXPECT_TRUE(limits().features & CHAN_FEATURE_SELECT);
	close(sel.fd);
}

/* By who may not pass limits. Returns what went wrong, or 0. */
static int select_over_quota(void)
{
	unsigned int size = CHAN_ELEM_SIZE_MAX, n = limits().user_parked / size + 1, i;
	int fd = make_chan(size, 0, 0);
	struct chan_case *k = calloc(n, sizeof(*k));
	void *buf = calloc(1, size);
	struct chan_info before = info(fd);
	unsigned long long parked = limits().parked;

	if (n > CHAN_CASES_MAX)
		return 1;
	for (i = 0; i < n; i++)
		k[i] = send_case(fd, buf);
	if (select_n(k, n, CHAN_TIMEOUT, LONG) != -EDQUOT)
		return 2;
	if (limits().parked != parked || !same_info(before, info(fd)))
		return 3;
	if (select_n(k, n, CHAN_NONBLOCK, 0) != -EAGAIN)
		return 4;
	if (select_n(k, n / 2, CHAN_TIMEOUT, 0) != -ETIMEDOUT)
		return 5;
	return limits().parked != parked || !same_info(before, info(fd)) ? 6 : 0;
}

TEST_F(args, who_waits_with_too_many_bytes_is_EDQUOT_and_nothing_is_kept)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(setuid(1000) ? 9 : select_over_quota());
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/*
 * No cases
 */

FIXTURE(never)
{
	struct chan_case cases[8];
};

FIXTURE_VARIANT(never)
{
	int count;
};

FIXTURE_VARIANT_ADD(never, no_cases) { .count = 0, };
FIXTURE_VARIANT_ADD(never, one_nil) { .count = 1, };
FIXTURE_VARIANT_ADD(never, all_nil) { .count = 8, };

FIXTURE_SETUP(never)
{
	int i;

	for (i = 0; i < 8; i++) {
		self->cases[i] = nil(i % 2);
		self->cases[i].fd = i < 6 ? -1 - i : INT_MIN;
	}
}

FIXTURE_TEARDOWN(never)
{
}

TEST_F(never, it_is_the_default_or_times_out)
{
	struct chan_case *k = variant->count ? self->cases : NULL;
	unsigned long long start = now_ns();

	EXPECT_EQ(-EAGAIN, select_n(k, variant->count, CHAN_NONBLOCK, 0));
	EXPECT_EQ(-EAGAIN, select_n(k, variant->count, CHAN_NONBLOCK | CHAN_PRIORITY, 0));
	EXPECT_EQ(-ETIMEDOUT, select_n(k, variant->count, CHAN_TIMEOUT, 0));
	EXPECT_EQ(-ETIMEDOUT, select_n(k, variant->count, CHAN_TIMEOUT, 20 * MSEC));
	EXPECT_GE(now_ns() - start, 20 * MSEC);
}

TEST_F(never, it_waits_until_a_signal)
{
	struct chan_case *k = variant->count ? self->cases : NULL;
	struct sigaction sa = { .sa_handler = SIGNALS };
	pid_t pid = fork();
	int status;

	if (!pid) {
		sigaction(SIGUSR1, &sa, NULL);
		_exit(select_n(k, variant->count, 0, 0) != -EINTR);
	}
	wait_parties(1);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	kill(pid, SIGUSR1);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, limits().total_parties);
}

/*
 * As many cases as there may be
 */

#define MANY CHAN_CASES_MAX

FIXTURE(many)
{
	int fd[MANY];
	uint64_t a[MANY], b;
	struct chan_case cases[MANY];
	struct select_call call;
};

FIXTURE_VARIANT(many)
{
	unsigned int chans;
};

FIXTURE_VARIANT_ADD(many, channels_1024) { .chans = MANY, };
FIXTURE_VARIANT_ADD(many, channels_16) { .chans = 16, };
FIXTURE_VARIANT_ADD(many, channels_1) { .chans = 1, };

FIXTURE_SETUP(many)
{
	struct rlimit nofile;
	unsigned int i;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &nofile));
	if (nofile.rlim_cur < MANY + 100) {
		nofile.rlim_cur = MANY + 100;
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &nofile));
	}
	for (i = 0; i < variant->chans; i++) {
		self->fd[i] = make_chan(8, 0, 0);
		ASSERT_GE(self->fd[i], 0);
	}
	for (i = 0; i < MANY; i++)
		self->cases[i] = recv_case(self->fd[i % variant->chans], &self->a[i]);
}

FIXTURE_TEARDOWN(many)
{
	unsigned int i;

	for (i = 0; i < variant->chans; i++)
		close(self->fd[i]);
}

TEST_F(many, the_ready_one_is_found)
{
	unsigned int i, n = variant->chans - 1, round;
	struct call sender;
	long r;

	EXPECT_EQ(-EAGAIN, select_n(self->cases, MANY, CHAN_NONBLOCK, 0));
	EXPECT_EQ(-ETIMEDOUT, select_n(self->cases, MANY, CHAN_TIMEOUT, 1));
	for (round = 0; round < 20; round++) {
		self->b = 1 + round;
		call_start(&sender, self->fd[n], true, &self->b, 8);
		wait_parked(self->fd[n], 1, 0);
		r = select_n(self->cases, MANY, 0, 0);
		ASSERT_TRUE(r & CHAN_OK);
		r &= CHAN_INDEX_MASK;
		EXPECT_EQ(n, r % variant->chans);
		EXPECT_EQ(1 + round, self->a[r]);
		EXPECT_EQ(8, call_end(&sender));
		self->a[r] = 0;
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(0, self->a[i]);
	}
}

TEST_F(many, a_parked_one_leaves_all_queues)
{
	unsigned int i, round, n = MANY / variant->chans, at;
	long r;

	for (round = 0; round < 10; round++) {
		at = round * 999 % variant->chans;
		select_start(&self->call, self->cases, MANY, 0, 0);
		for (i = 0; i < variant->chans; i++)
			wait_parked(self->fd[i], 0, n);
		self->b = 1 + round;
		EXPECT_EQ(8, wr(self->fd[at], &self->b, 8));
		r = select_end(&self->call);
		ASSERT_TRUE(r & CHAN_OK);
		r &= CHAN_INDEX_MASK;
		EXPECT_EQ(at, r % variant->chans);
		EXPECT_EQ(1 + round, self->a[r]);
		self->a[r] = 0;
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(0, self->a[i]);
		for (i = 0; i < variant->chans; i++) {
			EXPECT_EQ(0, info(self->fd[i]).parked_receivers);
			EXPECT_EQ(-EAGAIN, send_n(self->fd[i], &self->b, 1, CHAN_NONBLOCK, 0));
		}
	}
	EXPECT_EQ(0, limits().parked);
}

TEST_F(many, parked_sends_send_one)
{
	unsigned int i, n = MANY / variant->chans, at = variant->chans / 2;
	long r;

	for (i = 0; i < MANY; i++) {
		self->a[i] = i;
		self->cases[i].op = CHAN_CASE_SEND;
	}
	select_start(&self->call, self->cases, MANY, 0, 0);
	for (i = 0; i < variant->chans; i++)
		wait_parked(self->fd[i], n, 0);
	EXPECT_EQ(8, rd(self->fd[at], &self->b, 8));
	r = select_end(&self->call);
	EXPECT_EQ(self->b | CHAN_OK, r);
	EXPECT_EQ(at, self->b % variant->chans);
	for (i = 0; i < variant->chans; i++) {
		EXPECT_EQ(0, info(self->fd[i]).parked_senders);
		EXPECT_EQ(-EAGAIN, recv_n(self->fd[i], &self->b, 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(i == at, info(self->fd[i]).sent);
	}
}

/*
 * Rings: each offers to its right and would take from its left, all at once
 */

#define ROUNDS 1000

FIXTURE(ring)
{
	int fd[3];
	unsigned long long parked;
	pthread_barrier_t start;
	int round;
	unsigned int done;
	bool stop;
	struct seat {
		FIXTURE_DATA(ring) *self;
		const FIXTURE_VARIANT(ring) *variant;
		int me, left;
		long result;
		bool ended;
		pthread_t thread;
		unsigned int len;
		unsigned char out[BY_REF], in[BY_REF];
	} seats[3];
};

FIXTURE_VARIANT(ring)
{
	int seats;
	unsigned int elem_size, flags;
};

#define RING(n, e, name, f)							\
	FIXTURE_VARIANT_ADD(ring, of_##n##_element_##name)			\
	{									\
		.seats = n, .elem_size = e, .flags = f,				\
	}

RING(2, 8, 8, 0);
RING(2, 5120, 5120, 0);
RING(2, 100, message, CHAN_MESSAGE);
RING(3, 8, 8, 0);
RING(3, 1000, 1000, 0);
RING(3, 5120, 5120, 0);
RING(3, 5120, long_message, CHAN_MESSAGE);

FIXTURE_SETUP(ring)
{
	int i;

	for (i = 0; i < variant->seats; i++) {
		self->fd[i] = make_chan(variant->elem_size, 0, variant->flags);
		ASSERT_GE(self->fd[i], 0);
	}
	self->parked = limits().parked;
	ASSERT_EQ(0, pthread_barrier_init(&self->start, NULL, variant->seats + 1));
}

FIXTURE_TEARDOWN(ring)
{
	int i;

	for (i = 0; i < variant->seats; i++)
		close(self->fd[i]);
}

static void *seat_run(void *arg)
{
	struct seat *s = arg;
	unsigned int len = s->variant->flags & CHAN_MESSAGE ? s->variant->elem_size : 0;
	struct chan_case k[2];

	for (;;) {
		pthread_barrier_wait(&s->self->start);
		if (s->self->stop)
			return NULL;
		/* In either order. */
		k[s->self->round & 1] = send_case(s->self->fd[s->me], s->out);
		k[~s->self->round & 1] = recv_case(s->self->fd[s->left], s->in);
		k[0].len = k[1].len = len;
		fill_elem(s->out, s->variant->elem_size, s->self->round * 10 + s->me);
		memset(s->in, 0xee, sizeof(s->in));
		s->result = select_n(k, 2, 0, 0);
		s->len = k[0].len ^ len ^ k[1].len;
		__atomic_store_n(&s->ended, true, __ATOMIC_RELEASE);
		__atomic_add_fetch(&s->self->done, 1, __ATOMIC_RELEASE);
	}
}

/* Who sent to whom? Exactly one pair did, and it agrees. Returns the sender. */
static int ring_pair(struct __test_metadata *_metadata, FIXTURE_DATA(ring) *self,
		     const FIXTURE_VARIANT(ring) *variant)
{
	int i, sends = 0, receives = 0, sender = -1, receiver = -1;

	for (i = 0; i < variant->seats; i++) {
		if (!__atomic_load_n(&self->seats[i].ended, __ATOMIC_ACQUIRE))
			continue;
		EXPECT_EQ(CHAN_OK, self->seats[i].result & ~1);
		if ((self->seats[i].result & 1) == (self->round & 1)) {
			sends++;
			sender = i;
		} else {
			receives++;
			receiver = i;
		}
	}
	EXPECT_EQ(1, sends);
	EXPECT_EQ(1, receives);
	if (sends != 1 || receives != 1)
		return -1;
	EXPECT_EQ(sender, self->seats[receiver].left);
	EXPECT_TRUE(elem_is(self->seats[receiver].in, variant->elem_size,
			    self->round * 10 + sender));
	EXPECT_EQ(0xee, self->seats[sender].in[0]);
	return sender;
}

/* Who is left over, in a ring of three, has to be met by us. */
static void ring_release(struct __test_metadata *_metadata, FIXTURE_DATA(ring) *self,
			 const FIXTURE_VARIANT(ring) *variant)
{
	struct seat *s = self->seats;
	unsigned char buf[BY_REF];

	while (__atomic_load_n(&s->ended, __ATOMIC_ACQUIRE))
		s++;
	wait_parked(self->fd[s->me], 1, 0);
	wait_parked(self->fd[s->left], 0, 1);
	if (self->round % 4 < 2) {
		EXPECT_EQ(variant->elem_size, rd(self->fd[s->me], buf, variant->elem_size));
		EXPECT_TRUE(elem_is(buf, variant->elem_size, self->round * 10 + s->me));
	} else {
		fill_elem(buf, variant->elem_size, 7);
		EXPECT_EQ(variant->elem_size, wr(self->fd[s->left], buf, variant->elem_size));
	}
	while (!__atomic_load_n(&s->ended, __ATOMIC_ACQUIRE))
		sched_yield();
	EXPECT_EQ(CHAN_OK, s->result & ~1);
	EXPECT_EQ(self->round % 4 < 2, (s->result & 1) == (self->round & 1));
	if (self->round % 4 >= 2)
		EXPECT_TRUE(elem_is(s->in, variant->elem_size, 7));
}

TEST_F_TIMEOUT(ring, exactly_one_pair_meets, 120)
{
	int i, n = variant->seats, senders[3] = {}, sender;

	for (i = 0; i < n; i++) {
		self->seats[i].self = self;
		self->seats[i].variant = variant;
		self->seats[i].me = i;
		self->seats[i].left = (i + n - 1) % n;
		ASSERT_EQ(0, pthread_create(&self->seats[i].thread, NULL, seat_run,
					    &self->seats[i]));
	}
	for (self->round = 0; self->round < ROUNDS; self->round++) {
		self->done = 0;
		for (i = 0; i < n; i++)
			self->seats[i].ended = false;
		pthread_barrier_wait(&self->start);
		while (__atomic_load_n(&self->done, __ATOMIC_ACQUIRE) < 2)
			sched_yield();
		sender = ring_pair(_metadata, self, variant);
		ASSERT_GE(sender, 0);
		senders[sender]++;
		if (n == 3)
			ring_release(_metadata, self, variant);
		for (i = 0; i < n; i++) {
			EXPECT_EQ(0, info(self->fd[i]).parked_senders);
			EXPECT_EQ(0, info(self->fd[i]).parked_receivers);
		}
		/* The last is about to add to it. */
		while (__atomic_load_n(&self->done, __ATOMIC_ACQUIRE) < (unsigned int)n)
			sched_yield();
	}
	self->stop = true;
	pthread_barrier_wait(&self->start);
	for (i = 0; i < n; i++)
		pthread_join(self->seats[i].thread, NULL);
	EXPECT_EQ(self->parked, limits().parked);
	EXPECT_EQ(0, limits().total_parties);
	TH_LOG("sent by each: %d %d %d", senders[0], senders[1], senders[2]);
}

/* Nobody may make the kernel write where the kernel's memory is. */
TEST(a_buffer_in_the_kernel_is_refused_before_it_waits)
{
	int a = make_chan(8, 0, 0), b = make_chan(8, 0, 0), sel = make_selector(0);
	struct chan_case k[2] = { recv_case(a, (void *)0xffff888000000000ULL),
				  recv_case(b, (void *)0xffff888000000000ULL) };
	uint64_t v;

	EXPECT_EQ(-EFAULT, select_n(k, 2, 0, 0));
	EXPECT_EQ(-EFAULT, select_n(k, 2, CHAN_TIMEOUT, MSEC));
	EXPECT_EQ(-EFAULT, arm_n(sel, k, 2, 0));
	k[0].op = CHAN_CASE_SEND;
	EXPECT_EQ(-EFAULT, select_n(k, 2, 0, 0));
	EXPECT_EQ(0, info(a).parked_receivers + info(b).parked_receivers);
	EXPECT_EQ(0, info(a).parked_senders);
	k[0] = recv_case(a, &v);
	EXPECT_EQ(-EFAULT, select_n(k, 2, 0, 0));
	EXPECT_EQ(0, info(a).parked_receivers);
	close(sel);
	close(b);
	close(a);
}

TEST_HARNESS_MAIN
