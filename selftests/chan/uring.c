// SPDX-License-Identifier: GPL-2.0
/* io_uring(7): reads, writes and polls of channels that wait in a ring. */
#include "chan_test.h"

#include <liburing.h>

FIXTURE(uring)
{
	struct io_uring ring;
	bool ring_is_open;
	int fd, r, w;		/* both directions, receive only, send only; all block */
	uint64_t v, got;
};

FIXTURE_VARIANT(uring)
{
	unsigned int capacity, flags, fd_flags;
};

FIXTURE_VARIANT_ADD(uring, unbuffered) { .capacity = 0, };
FIXTURE_VARIANT_ADD(uring, capacity_1) { .capacity = 1, };
FIXTURE_VARIANT_ADD(uring, capacity_64) { .capacity = 64, };
FIXTURE_VARIANT_ADD(uring, unbuffered_nonblock) { .capacity = 0, .fd_flags = O_NONBLOCK, };
FIXTURE_VARIANT_ADD(uring, capacity_1_nonblock) { .capacity = 1, .fd_flags = O_NONBLOCK, };
FIXTURE_VARIANT_ADD(uring, unbuffered_standby) { .capacity = 0, .flags = CHAN_STANDBY, };
FIXTURE_VARIANT_ADD(uring, unbuffered_standby_nonblock)
{
	.capacity = 0, .flags = CHAN_STANDBY, .fd_flags = O_NONBLOCK,
};
FIXTURE_VARIANT_ADD(uring, capacity_1_standby_nonblock)
{
	.capacity = 1, .flags = CHAN_STANDBY, .fd_flags = O_NONBLOCK,
};

FIXTURE_SETUP(uring)
{
	self->fd = make_chan(8, variant->capacity, variant->flags);
	ASSERT_GE(self->fd, 0);
	self->r = narrow(self->fd, O_RDONLY | O_CLOEXEC | variant->fd_flags);
	self->w = narrow(self->fd, O_WRONLY | O_CLOEXEC | variant->fd_flags);
	ASSERT_GE(self->r, 0);
	ASSERT_GE(self->w, 0);
	ASSERT_EQ(0, io_uring_queue_init(256, &self->ring, 0));
	self->ring_is_open = true;
}

FIXTURE_TEARDOWN(uring)
{
	if (self->ring_is_open)
		io_uring_queue_exit(&self->ring);
	close(self->r);
	close(self->w);
	close(self->fd);
}

#define ARGS	struct __test_metadata *_metadata, FIXTURE_DATA(uring) *self,	\
		const FIXTURE_VARIANT(uring) *variant
#define PASS	_metadata, self, variant

#define STANDS_BY	(variant->flags & CHAN_STANDBY)
#define NO_RES	(-100000)	/* no call returns that */

static struct io_uring_sqe *entry(struct io_uring *ring)
{
	struct io_uring_sqe *e = io_uring_get_sqe(ring);

	if (!e)
		abort();
	return e;
}

/* Each submits at once: whatever would wait does when they return. */

static void go(ARGS, struct io_uring_sqe *e, uint64_t tag)
{
	io_uring_sqe_set_data64(e, tag);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
}

static void start_read(ARGS, int fd, void *buf, unsigned int len, uint64_t tag)
{
	struct io_uring_sqe *e = entry(&self->ring);

	io_uring_prep_read(e, fd, buf, len, 0);
	go(PASS, e, tag);
}

static void start_write(ARGS, int fd, const void *buf, unsigned int len, uint64_t tag)
{
	struct io_uring_sqe *e = entry(&self->ring);

	io_uring_prep_write(e, fd, buf, len, 0);
	go(PASS, e, tag);
}

static void start_poll(ARGS, int fd, unsigned int events, uint64_t tag)
{
	struct io_uring_sqe *e = entry(&self->ring);

	io_uring_prep_poll_add(e, fd, events);
	go(PASS, e, tag);
}

static void start_cancel(ARGS, uint64_t whom, uint64_t tag)
{
	struct io_uring_sqe *e = entry(&self->ring);

	io_uring_prep_cancel64(e, whom, 0);
	go(PASS, e, tag);
}

/* The next completion: its result and whose it is. */
static int next(ARGS, uint64_t *tag, unsigned int *flags)
{
	struct __kernel_timespec limit = { .tv_sec = 20 };
	struct io_uring_cqe *c;
	int r, res;

	do {
		r = io_uring_wait_cqe_timeout(&self->ring, &c, &limit);
	} while (r == -EINTR);
	EXPECT_EQ(0, r) TH_LOG("nothing has completed");
	if (r)
		return NO_RES;
	res = c->res;
	*tag = c->user_data;
	if (flags)
		*flags = c->flags;
	io_uring_cqe_seen(&self->ring, c);
	return res;
}

static void expect_next(ARGS, uint64_t tag, int res)
{
	uint64_t whose = 0;

	EXPECT_EQ(res, next(PASS, &whose, NULL));
	EXPECT_EQ(tag, whose);
}

/* Two that may complete in any order; the results of the tags 1 and 2. */
static void next_two(ARGS, int res[3])
{
	uint64_t tag;
	int i, r;

	res[1] = res[2] = NO_RES;
	for (i = 0; i < 2; i++) {
		tag = 0;
		r = next(PASS, &tag, NULL);
		ASSERT_TRUE(tag == 1 || tag == 2);
		EXPECT_EQ(NO_RES, res[tag]);
		res[tag] = r;
	}
}

static void expect_nothing(ARGS)
{
	struct io_uring_cqe *c;

	io_uring_get_events(&self->ring);
	EXPECT_EQ(-EAGAIN, io_uring_peek_cqe(&self->ring, &c));
}

static void fill(ARGS)
{
	unsigned int i;
	uint64_t v;

	for (i = 0; i < variant->capacity; i++) {
		v = i;
		ASSERT_EQ(8, wr(self->w, &v, 8));
	}
}

/* An element, by a thread that waits until there is room or somebody takes it. */
static void offer(struct call *sender, int fd, uint64_t *v)
{
	call_start(sender, fd, true, v, 8);
}

/*
 * READ
 */

TEST_F(uring, a_READ_of_an_empty_channel_waits_for_an_element)
{
	struct call sender;
	int i;

	for (i = 0; i < 10; i++) {
		start_read(PASS, self->r, &self->got, 8, 1);
		expect_nothing(PASS);
		self->v = 100 + i;
		offer(&sender, self->fd, &self->v);
		expect_next(PASS, 1, 8);
		EXPECT_EQ(8, call_end(&sender));
		EXPECT_EQ(100 + i, self->got);
		expect_nothing(PASS);
	}
	EXPECT_EQ(10, info(self->fd).received);
	EXPECT_EQ(0, info(self->fd).len);
}

TEST_F(uring, a_READ_of_a_file_for_both_directions_waits)
{
	int fd = narrow(self->fd, O_RDWR | variant->fd_flags), i;
	struct call sender;

	for (i = 0; i < 100; i++) {
		start_read(PASS, fd, &self->got, 8, 1);
		expect_nothing(PASS);
		self->v = i;
		offer(&sender, self->fd, &self->v);
		expect_next(PASS, 1, 8);
		EXPECT_EQ(8, call_end(&sender));
		ASSERT_EQ(i, self->got);
		self->got = -1;
	}
	close(fd);
}

TEST_F(uring, a_READ_takes_what_is_queued)
{
	uint64_t many[64];
	unsigned int i;

	if (!variant->capacity)
		return;
	fill(PASS);
	start_read(PASS, self->r, many, sizeof(many), 1);
	expect_next(PASS, 1, variant->capacity * 8);
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(i, many[i]);
}

TEST_F(uring, a_READ_meets_a_sender_that_is_parked)
{
	struct call sender;

	fill(PASS);
	self->v = variant->capacity;
	offer(&sender, self->fd, &self->v);
	wait_parked(self->fd, 1, 0);
	for (self->v = 0; self->v < variant->capacity; self->v++) {
		start_read(PASS, self->r, &self->got, 8, 1);
		expect_next(PASS, 1, 8);
		EXPECT_EQ(self->v, self->got);
	}
	start_read(PASS, self->r, &self->got, 8, 1);
	expect_next(PASS, 1, 8);
	EXPECT_EQ(8, call_end(&sender));
	EXPECT_EQ(variant->capacity, self->got);
}

#define READS	64

TEST_F(uring, many_READs_are_each_served_once)
{
	uint64_t v[READS], got[READS], tag, sum = 0;
	bool seen[READS] = {}, done[READS] = {};
	struct call sender;
	int i;

	for (i = 0; i < READS; i++) {
		v[i] = 1000 + i;
		got[i] = 0;
		start_read(PASS, self->r, &got[i], 8, i);
	}
	expect_nothing(PASS);
	call_start(&sender, self->fd, true, v, sizeof(v));
	for (i = 0; i < READS; i++) {
		tag = READS;
		EXPECT_EQ(8, next(PASS, &tag, NULL));
		ASSERT_LT(tag, READS);
		EXPECT_FALSE(done[tag]);
		done[tag] = true;
		ASSERT_TRUE(got[tag] >= 1000 && got[tag] < 1000 + READS);
		EXPECT_FALSE(seen[got[tag] - 1000]);
		seen[got[tag] - 1000] = true;
		sum += got[tag];
	}
	EXPECT_EQ(sizeof(v), call_end(&sender));
	EXPECT_EQ(1000 * READS + READS * (READS - 1) / 2, sum);
	expect_nothing(PASS);
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(READS, info(self->fd).received);
}

/*
 * WRITE
 */

TEST_F(uring, a_WRITE_to_a_full_channel_waits_for_room)
{
	uint64_t v = variant->capacity, i;
	struct call receiver;

	fill(PASS);
	start_write(PASS, self->w, &v, 8, 1);
	expect_nothing(PASS);
	EXPECT_EQ(variant->capacity, info(self->fd).len);
	for (i = 0; i <= variant->capacity; i++) {
		call_start(&receiver, self->fd, false, &self->got, 8);
		if (!i)
			expect_next(PASS, 1, 8);
		EXPECT_EQ(8, call_end(&receiver));
		EXPECT_EQ(i, self->got);
	}
	expect_nothing(PASS);
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(variant->capacity + 1, info(self->fd).sent);
}

TEST_F(uring, a_WRITE_meets_a_receiver_that_is_parked)
{
	struct call receiver;

	call_start(&receiver, self->fd, false, &self->got, 8);
	wait_parked(self->fd, 0, 1);
	self->v = 5;
	start_write(PASS, self->w, &self->v, 8, 1);
	expect_next(PASS, 1, 8);
	EXPECT_EQ(8, call_end(&receiver));
	EXPECT_EQ(5, self->got);
}

/*
 * Both in one ring
 */

static void meet(ARGS, int in, int out, bool write_first)
{
	int res[3], i;

	/* There they would wait for a third. */
	if (!variant->capacity && !STANDS_BY)
		return;
	for (i = 0; i < 100; i++) {
		self->v = i;
		self->got = -1;
		if (write_first)
			start_write(PASS, out, &self->v, 8, 2);
		start_read(PASS, in, &self->got, 8, 1);
		if (!write_first)
			start_write(PASS, out, &self->v, 8, 2);
		next_two(PASS, res);
		ASSERT_EQ(8, res[1]);
		ASSERT_EQ(8, res[2]);
		ASSERT_EQ(i, self->got);
	}
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(100, info(self->fd).sent);
	EXPECT_EQ(100, info(self->fd).received);
}

TEST_F(uring, a_READ_meets_a_WRITE)
{
	meet(PASS, self->r, self->w, false);
}

TEST_F(uring, a_WRITE_meets_a_READ)
{
	meet(PASS, self->r, self->w, true);
}

/*
 * io_uring waits in poll(2): neither is parked in the channel, where the other would find
 * it. Each meets who is.
 */
TEST_F(uring, without_standby_both_wait_for_a_third_on_an_unbuffered_channel)
{
	struct call sender, receiver;
	uint64_t v = 2, got;

	if (variant->capacity || STANDS_BY)
		return;
	self->v = 1;
	start_read(PASS, self->r, &self->got, 8, 1);
	start_write(PASS, self->w, &self->v, 8, 2);
	expect_nothing(PASS);
	offer(&sender, self->fd, &v);
	expect_next(PASS, 1, 8);
	EXPECT_EQ(8, call_end(&sender));
	EXPECT_EQ(2, self->got);
	expect_nothing(PASS);
	call_start(&receiver, self->fd, false, &got, 8);
	expect_next(PASS, 2, 8);
	EXPECT_EQ(8, call_end(&receiver));
	EXPECT_EQ(1, got);
}

/* Files for both directions. */
TEST_F(uring, files_for_both_directions_meet)
{
	int a = narrow(self->fd, O_RDWR | variant->fd_flags);
	int b = narrow(self->fd, O_RDWR | variant->fd_flags);

	meet(PASS, a, b, false);
	close(a);
	close(b);
}

/*
 * Cancel
 */

TEST_F(uring, a_READ_that_is_cancelled_takes_nothing)
{
	struct call sender;
	int res[3];

	self->got = 99;
	start_read(PASS, self->r, &self->got, 8, 1);
	expect_nothing(PASS);
	start_cancel(PASS, 1, 2);
	next_two(PASS, res);
	EXPECT_EQ(-ECANCELED, res[1]);
	EXPECT_EQ(0, res[2]);
	self->v = 7;
	offer(&sender, self->fd, &self->v);
	if (!variant->capacity && !STANDS_BY) {
		wait_parked(self->fd, 1, 0);
	} else {
		EXPECT_EQ(8, call_end(&sender));
	}
	EXPECT_EQ(99, self->got);
	EXPECT_EQ(8, rd(self->r, &self->got, 8));
	EXPECT_EQ(7, self->got);
	if (!variant->capacity && !STANDS_BY) {
		EXPECT_EQ(8, call_end(&sender));
	}
	expect_nothing(PASS);
}

TEST_F(uring, a_WRITE_that_is_cancelled_sends_nothing)
{
	int res[3];

	fill(PASS);
	start_write(PASS, self->w, &self->v, 8, 1);
	expect_nothing(PASS);
	start_cancel(PASS, 1, 2);
	next_two(PASS, res);
	EXPECT_EQ(-ECANCELED, res[1]);
	EXPECT_EQ(0, res[2]);
	EXPECT_EQ(variant->capacity, info(self->fd).sent);
	EXPECT_EQ(0, info(self->fd).parked_senders);
}

/* Whichever is first: the READ has the element, or who receives after it does. */
TEST_F(uring, a_READ_cancelled_while_an_element_comes)
{
	struct call sender, receiver;
	int res[3], i;

	for (i = 0; i < 200; i++) {
		self->v = i;
		self->got = -1;
		start_read(PASS, self->r, &self->got, 8, 1);
		offer(&sender, self->fd, &self->v);
		start_cancel(PASS, 1, 2);
		next_two(PASS, res);
		if (res[1] != 8) {
			ASSERT_TRUE(res[1] == -ECANCELED || res[1] == -EINTR);
			EXPECT_EQ(-1ULL, self->got);
			/* It is given to who stands by, or is in the channel. */
			if (STANDS_BY) {
				EXPECT_EQ(1, standby(self->r, 0));
			}
			call_start(&receiver, self->fd, false, &self->got, 8);
			EXPECT_EQ(8, call_end(&receiver));
			if (STANDS_BY) {
				EXPECT_EQ(0, standby(self->r, 1));
			}
		}
		EXPECT_EQ(8, call_end(&sender));
		ASSERT_EQ(i, self->got);
	}
	EXPECT_EQ(200, info(self->fd).sent);
	EXPECT_EQ(200, info(self->fd).received);
}

/*
 * The ring goes
 */

TEST_F(uring, a_ring_closed_with_a_READ_loses_nothing)
{
	struct call sender, receiver;
	int i;

	for (i = 0; i < 20; i++) {
		self->got = -1;
		start_read(PASS, self->r, &self->got, 8, 1);
		expect_nothing(PASS);
		io_uring_queue_exit(&self->ring);
		self->ring_is_open = false;
		self->v = i;
		offer(&sender, self->fd, &self->v);
		if (STANDS_BY) {
			/* It is the handle that stands by. */
			EXPECT_EQ(8, call_end(&sender));
			EXPECT_EQ(8, rd(self->r, &self->got, 8));
		} else {
			call_start(&receiver, self->fd, false, &self->got, 8);
			EXPECT_EQ(8, call_end(&receiver));
			EXPECT_EQ(8, call_end(&sender));
		}
		ASSERT_EQ(i, self->got);
		ASSERT_EQ(0, io_uring_queue_init(256, &self->ring, 0));
		self->ring_is_open = true;
	}
	EXPECT_EQ(20, info(self->fd).received);
	EXPECT_EQ(0, info(self->fd).len);
}

/* With the process, its ring and its handle. */
TEST_F(uring, a_process_killed_with_READs_loses_nothing)
{
	struct call sender, receiver;
	int status, ready[2], i;
	char c;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (!pid) {
		struct io_uring ring;
		int r = narrow(self->r, O_RDONLY | variant->fd_flags);

		if (io_uring_queue_init(16, &ring, 0))
			_exit(1);
		for (i = 0; i < 8; i++)
			io_uring_prep_read(entry(&ring), r, &self->got, 8, 0);
		if (io_uring_submit(&ring) != 8 || write(ready[1], "", 1) != 1)
			_exit(2);
		pause();
		_exit(3);
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	/* The kernel may let go of the handle a little later; what it was given comes back. */
	self->v = 4;
	offer(&sender, self->fd, &self->v);
	call_start(&receiver, self->fd, false, &self->got, 8);
	EXPECT_EQ(8, call_end(&receiver));
	EXPECT_EQ(8, call_end(&sender));
	EXPECT_EQ(4, self->got);
	close(ready[0]);
	close(ready[1]);
}

/*
 * Closed
 */

TEST_F(uring, a_closed_channel)
{
	fill(PASS);
	ASSERT_EQ(0, chan_close(self->w));
	start_write(PASS, self->w, &self->v, 8, 2);
	expect_next(PASS, 2, -EPIPE);
	for (self->v = 0; self->v < variant->capacity; self->v++) {
		start_read(PASS, self->r, &self->got, 8, 1);
		expect_next(PASS, 1, 8);
		EXPECT_EQ(self->v, self->got);
	}
	start_read(PASS, self->r, &self->got, 8, 1);
	expect_next(PASS, 1, 0);
}

TEST_F(uring, the_channel_closes_under_a_READ)
{
	start_read(PASS, self->r, &self->got, 8, 1);
	expect_nothing(PASS);
	ASSERT_EQ(0, chan_close(self->w));
	expect_next(PASS, 1, 0);
	EXPECT_EQ(0, info(self->fd).parked_receivers);
}

TEST_F(uring, the_channel_closes_under_a_WRITE)
{
	fill(PASS);
	start_write(PASS, self->w, &self->v, 8, 1);
	expect_nothing(PASS);
	ASSERT_EQ(0, chan_close(self->w));
	expect_next(PASS, 1, -EPIPE);
	EXPECT_EQ(variant->capacity, info(self->fd).sent);
}

/*
 * POLL_ADD
 */

TEST_F(uring, a_poll_for_receivers_tells_once)
{
	struct call sender;

	start_poll(PASS, self->r, POLLIN, 1);
	expect_nothing(PASS);
	self->v = 3;
	offer(&sender, self->fd, &self->v);
	expect_next(PASS, 1, POLLIN);
	EXPECT_EQ(8, rd(self->r, &self->got, 8));
	EXPECT_EQ(8, call_end(&sender));
	offer(&sender, self->fd, &self->v);
	while (!(poll_now(self->r) & POLLIN))
		sched_yield();
	expect_nothing(PASS);
	EXPECT_EQ(8, rd(self->r, &self->got, 8));
	EXPECT_EQ(8, call_end(&sender));
}

TEST_F(uring, a_poll_for_senders)
{
	struct call receiver;

	fill(PASS);
	start_poll(PASS, self->w, POLLOUT, 1);
	expect_nothing(PASS);
	call_start(&receiver, self->fd, false, &self->got, 8);
	expect_next(PASS, 1, POLLOUT);
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	EXPECT_EQ(8, call_end(&receiver));
}

/* Of a file for both directions, what is asked for. */
TEST_F(uring, a_poll_of_a_file_for_both_directions)
{
	int fd = narrow(self->fd, O_RDWR | variant->fd_flags);
	struct call sender;

	start_poll(PASS, fd, POLLIN, 1);
	expect_nothing(PASS);
	offer(&sender, self->fd, &self->v);
	expect_next(PASS, 1, POLLIN);
	EXPECT_EQ(8, rd(fd, &self->got, 8));
	EXPECT_EQ(8, call_end(&sender));
	close(fd);
}

TEST_F(uring, a_poll_of_a_closed_channel)
{
	start_poll(PASS, self->r, POLLIN | POLLRDHUP, 1);
	expect_nothing(PASS);
	ASSERT_EQ(0, chan_close(self->w));
	expect_next(PASS, 1, POLLIN | POLLRDHUP | POLLHUP);
	start_poll(PASS, self->w, POLLOUT, 2);
	expect_next(PASS, 2, POLLOUT | POLLERR);
}

TEST_F(uring, a_multishot_poll_tells_each_time)
{
	struct io_uring_sqe *e = entry(&self->ring);
	struct call sender;
	unsigned int flags;
	int res[3], i;
	uint64_t tag;

	io_uring_prep_poll_multishot(e, self->r, POLLIN);
	go(PASS, e, 1);
	for (i = 0; i < 10; i++) {
		expect_nothing(PASS);
		self->v = i;
		offer(&sender, self->fd, &self->v);
		EXPECT_EQ(POLLIN, next(PASS, &tag, &flags));
		EXPECT_EQ(1, tag);
		EXPECT_TRUE(flags & IORING_CQE_F_MORE);
		EXPECT_EQ(8, rd(self->r, &self->got, 8));
		EXPECT_EQ(8, call_end(&sender));
		EXPECT_EQ(i, self->got);
	}
	e = entry(&self->ring);
	io_uring_prep_poll_remove(e, 1);
	go(PASS, e, 2);
	next_two(PASS, res);
	EXPECT_EQ(-ECANCELED, res[1]);
	EXPECT_EQ(0, res[2]);
}

/*
 * Selectors
 */

TEST_F(uring, a_poll_of_a_selector)
{
	struct chan_case k = recv_case(self->fd, NULL);
	int sel = make_selector(variant->fd_flags), i;
	struct result res;

	ASSERT_GE(sel, 0);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
		start_poll(PASS, sel, POLLIN, 1);
		expect_nothing(PASS);
		self->v = 60 + i;
		EXPECT_EQ(8, wr(self->w, &self->v, 8));
		expect_next(PASS, 1, POLLIN);
		EXPECT_EQ(sizeof(res.h) + 8, rd(sel, &res, sizeof(res)));
		EXPECT_TRUE(!memcmp(res.elem, &self->v, 8));
	}
	close(sel);
}

TEST_F(uring, a_READ_of_a_selector)
{
	struct chan_case k = recv_case(self->fd, NULL);
	int sel = make_selector(0);
	struct result res;

	ASSERT_GE(sel, 0);
	ASSERT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	start_read(PASS, sel, &res, sizeof(res), 1);
	expect_nothing(PASS);
	self->v = 61;
	EXPECT_EQ(8, wr(self->w, &self->v, 8));
	expect_next(PASS, 1, sizeof(res.h) + 8);
	EXPECT_EQ(0, res.h.index);
	EXPECT_EQ(CHAN_OK, res.h.flags);
	EXPECT_TRUE(!memcmp(res.elem, &self->v, 8));
	close(sel);
}

TEST_HARNESS_MAIN
