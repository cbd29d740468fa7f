// SPDX-License-Identifier: GPL-2.0
/* What Go says of channels, state by state, over read(2), write(2) and the ioctls. */
#include "chan_test.h"

#define MAX_ELEM BY_REF

FIXTURE(chan)
{
	int fd;
	size_t wire;			/* bytes of an element in read and write */
	unsigned char a[MAX_ELEM], b[MAX_ELEM];
};

FIXTURE_VARIANT(chan)
{
	unsigned int capacity, elem_size, flags;
};

#define VARIANT(c, e, name, f)						\
	FIXTURE_VARIANT_ADD(chan, capacity_##c##_element_##name)	\
	{								\
		.capacity = c, .elem_size = e, .flags = f,		\
	}
#define VARIANTS(e, name, f) VARIANT(0, e, name, f); VARIANT(1, e, name, f); VARIANT(64, e, name, f)

VARIANTS(0, 0, 0);
VARIANTS(1, 1, 0);
VARIANTS(8, 8, 0);
VARIANTS(4096, 4096, 0);
VARIANTS(5120, 5120, 0);
VARIANTS(100, message, CHAN_MESSAGE);
VARIANTS(5120, long_message, CHAN_MESSAGE);

FIXTURE_SETUP(chan)
{
	ASSERT_GE(ctl_open(), 0);
	self->fd = make_chan(variant->elem_size, variant->capacity, variant->flags);
	ASSERT_GE(self->fd, 0);
	self->wire = variant->elem_size ?: 1;
}

FIXTURE_TEARDOWN(chan)
{
	close(self->fd);
}

/* One element with this number, into @buf; of size 0 it is the byte 0. */
static void number(const FIXTURE_VARIANT(chan) *variant, void *buf, uint64_t v)
{
	*(unsigned char *)buf = 0;
	fill_elem(buf, variant->elem_size, v);
}

static bool is_number(const FIXTURE_VARIANT(chan) *variant, const void *buf, uint64_t v)
{
	if (!variant->elem_size)
		return *(const unsigned char *)buf == 0;
	return elem_is(buf, variant->elem_size, v);
}

TEST_F(chan, an_element_sent_is_received_once)
{
	struct call receiver;

	number(variant, self->a, 77);
	memset(self->b, 0xff, self->wire);
	call_start(&receiver, self->fd, false, self->b, self->wire);
	EXPECT_EQ(self->wire, wr(self->fd, self->a, self->wire));
	EXPECT_EQ(self->wire, call_end(&receiver));
	EXPECT_TRUE(is_number(variant, self->b, 77));
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(1, info(self->fd).sent);
	EXPECT_EQ(1, info(self->fd).received);
	set_nonblock(self->fd, true);
	EXPECT_EQ(-EAGAIN, rd(self->fd, self->b, self->wire));
}

TEST_F(chan, the_buffer_holds_capacity_elements_in_order)
{
	unsigned int i;

	set_nonblock(self->fd, true);
	for (i = 0; i < variant->capacity; i++) {
		EXPECT_EQ(i, info(self->fd).len);
		number(variant, self->a, i);
		EXPECT_EQ(self->wire, wr(self->fd, self->a, self->wire));
	}
	EXPECT_EQ(-EAGAIN, wr(self->fd, self->a, self->wire));
	EXPECT_EQ(variant->capacity, info(self->fd).len);
	EXPECT_EQ(variant->capacity, info(self->fd).capacity);
	for (i = 0; i < variant->capacity; i++) {
		EXPECT_EQ(self->wire, rd(self->fd, self->b, self->wire));
		EXPECT_TRUE(is_number(variant, self->b, i));
	}
	EXPECT_EQ(-EAGAIN, rd(self->fd, self->b, self->wire));
}

TEST_F(chan, a_blocked_sender_is_completed_by_a_receive_and_keeps_its_place)
{
	struct call sender;
	unsigned int i;

	for (i = 0; i < variant->capacity; i++) {
		number(variant, self->a, i);
		ASSERT_EQ(self->wire, wr(self->fd, self->a, self->wire));
	}
	number(variant, self->a, variant->capacity);
	call_start(&sender, self->fd, true, self->a, self->wire);
	wait_parked(self->fd, 1, 0);
	set_nonblock(self->fd, true);
	for (i = 0; i <= variant->capacity; i++) {
		EXPECT_EQ(self->wire, rd(self->fd, self->b, self->wire));
		EXPECT_TRUE(is_number(variant, self->b, i));
		EXPECT_EQ(0, info(self->fd).parked_senders);
	}
	EXPECT_EQ(self->wire, call_end(&sender));
}

TEST_F(chan, a_blocked_receiver_is_completed_by_a_non_blocking_send)
{
	struct call receiver;

	call_start(&receiver, self->fd, false, self->b, self->wire);
	wait_parked(self->fd, 0, 1);
	set_nonblock(self->fd, true);
	number(variant, self->a, 5);
	EXPECT_EQ(self->wire, wr(self->fd, self->a, self->wire));
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(0, info(self->fd).parked_receivers);
	EXPECT_EQ(self->wire, call_end(&receiver));
	EXPECT_TRUE(is_number(variant, self->b, 5));
}

TEST_F(chan, after_close_the_buffer_drains_and_then_reads_are_0_for_ever)
{
	unsigned int i;

	for (i = 0; i < variant->capacity; i++) {
		number(variant, self->a, i);
		ASSERT_EQ(self->wire, wr(self->fd, self->a, self->wire));
	}
	EXPECT_EQ(0, chan_close(self->fd));
	EXPECT_TRUE(info(self->fd).flags & CHAN_CLOSED);
	for (i = 0; i < variant->capacity; i++) {
		EXPECT_EQ(self->wire, rd(self->fd, self->b, self->wire));
		EXPECT_TRUE(is_number(variant, self->b, i));
	}
	EXPECT_EQ(0, rd(self->fd, self->b, self->wire));
	EXPECT_EQ(0, rd(self->fd, self->b, self->wire));
}

TEST_F(chan, send_on_a_closed_channel_is_EPIPE_without_a_signal)
{
	signal(SIGPIPE, SIG_DFL);
	EXPECT_EQ(0, chan_close(self->fd));
	EXPECT_EQ(-EPIPE, wr(self->fd, self->a, self->wire));
	set_nonblock(self->fd, true);
	EXPECT_EQ(-EPIPE, wr(self->fd, self->a, self->wire));
	EXPECT_EQ(0, info(self->fd).len);
}

TEST_F(chan, close_of_a_closed_channel_is_EPIPE)
{
	EXPECT_EQ(0, chan_close(self->fd));
	EXPECT_EQ(-EPIPE, chan_close(self->fd));
}

TEST_F(chan, close_wakes_a_parked_receiver_with_the_end)
{
	struct call receiver;

	call_start(&receiver, self->fd, false, self->b, self->wire);
	wait_parked(self->fd, 0, 1);
	EXPECT_EQ(0, chan_close(self->fd));
	EXPECT_EQ(0, call_end(&receiver));
}

TEST_F(chan, close_wakes_a_parked_sender_with_EPIPE_and_its_element_is_not_delivered)
{
	struct call sender;
	unsigned int i;

	for (i = 0; i < variant->capacity; i++) {
		number(variant, self->a, i);
		ASSERT_EQ(self->wire, wr(self->fd, self->a, self->wire));
	}
	call_start(&sender, self->fd, true, self->a, self->wire);
	wait_parked(self->fd, 1, 0);
	EXPECT_EQ(0, chan_close(self->fd));
	EXPECT_EQ(-EPIPE, call_end(&sender));
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(self->wire, rd(self->fd, self->b, self->wire));
	EXPECT_EQ(0, rd(self->fd, self->b, self->wire));
}

TEST_F(chan, readv_and_writev_move_an_element_in_pieces)
{
	size_t half = self->wire / 2;
	struct iovec out[2] = {
		{ self->a, half }, { self->a + half, self->wire - half },
	};
	struct iovec in[2] = {
		{ self->b, self->wire - half }, { self->b + self->wire - half, half },
	};
	struct call receiver;

	number(variant, self->a, 9);
	/* Parked on both sides in turn, and active on both. */
	call_start(&receiver, self->fd, false, self->b, self->wire);
	wait_parked(self->fd, 0, 1);
	EXPECT_EQ(self->wire, writev(self->fd, out, 2));
	EXPECT_EQ(self->wire, call_end(&receiver));
	EXPECT_TRUE(is_number(variant, self->b, 9));
	if (variant->capacity) {
		memset(self->b, 0xff, self->wire);
		EXPECT_EQ(self->wire, writev(self->fd, out, 2));
		EXPECT_EQ(self->wire, readv(self->fd, in, 2));
		EXPECT_TRUE(is_number(variant, self->b, 9));
	}
	call_start(&receiver, self->fd, true, self->a, self->wire);
	if (!variant->capacity)
		wait_parked(self->fd, 1, 0);
	memset(self->b, 0xff, self->wire);
	EXPECT_EQ(self->wire, readv(self->fd, in, 2));
	EXPECT_EQ(self->wire, call_end(&receiver));
	EXPECT_TRUE(is_number(variant, self->b, 9));
}

static void *readv_run(void *arg)
{
	struct call *c = arg;
	struct iovec v[2] = { { c->buf, c->len / 2 }, { c->buf + c->len / 2, c->len - c->len / 2 } };

	c->result = readv(c->fd, v, 2);
	return NULL;
}

TEST_F(chan, a_parked_readv_gets_its_element_in_pieces)
{
	struct call c = { .fd = self->fd, .buf = self->b, .len = self->wire };

	memset(self->b, 0xff, self->wire);
	ASSERT_EQ(0, pthread_create(&c.thread, NULL, readv_run, &c));
	wait_parked(self->fd, 0, 1);
	number(variant, self->a, 11);
	EXPECT_EQ(self->wire, wr(self->fd, self->a, self->wire));
	EXPECT_EQ(self->wire, call_end(&c));
	EXPECT_TRUE(is_number(variant, self->b, 11));
}

TEST_F(chan, RWF_NOWAIT_does_not_wait)
{
	struct iovec v = { self->b, self->wire };

	EXPECT_EQ(-1, preadv2(self->fd, &v, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	if (!variant->capacity) {
		EXPECT_EQ(-1, pwritev2(self->fd, &v, 1, -1, RWF_NOWAIT));
		EXPECT_EQ(EAGAIN, errno);
	}
}

TEST_F(chan, SEND_and_RECV_count_elements_and_report_ok)
{
	unsigned int len = variant->elem_size;

	if (!variant->capacity)
		return;
	number(variant, self->a, 3);
	if (variant->flags & CHAN_MESSAGE) {
		EXPECT_EQ(1, send_msg(self->fd, self->a, len, 0));
		EXPECT_EQ(1, recv_msg(self->fd, self->b, &len, 0));
		EXPECT_EQ(variant->elem_size, len);
	} else {
		EXPECT_EQ(1, send_n(self->fd, self->a, 1, 0, 0));
		EXPECT_EQ(1, recv_n(self->fd, self->b, 1, 0, 0));
	}
	if (variant->elem_size)
		EXPECT_TRUE(is_number(variant, self->b, 3));
	EXPECT_EQ(0, chan_close(self->fd));
	if (variant->flags & CHAN_MESSAGE) {
		EXPECT_EQ(0, recv_msg(self->fd, self->b, &len, 0));
		EXPECT_EQ(0, len);
	} else {
		EXPECT_EQ(0, recv_n(self->fd, self->b, 1, 0, 0));
	}
}

TEST_F(chan, NONBLOCK_and_TIMEOUT_say_how_to_wait)
{
	struct chan_xfer x = {
		.size = sizeof(x), .flags = CHAN_TIMEOUT, .buf = (uintptr_t)self->b, .count = 1,
		.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0,
	};

	x.timeout_ns = 20 * MSEC;
	EXPECT_EQ(-1, ioctl(self->fd, CHAN_IOC_RECV, &x));
	EXPECT_EQ(ETIMEDOUT, errno);
	x.timeout_ns = 0;
	EXPECT_EQ(-1, ioctl(self->fd, CHAN_IOC_RECV, &x));
	EXPECT_EQ(ETIMEDOUT, errno);
	set_nonblock(self->fd, true);
	EXPECT_EQ(-1, ioctl(self->fd, CHAN_IOC_RECV, &x));
	EXPECT_EQ(ETIMEDOUT, errno);
	x.flags |= CHAN_NONBLOCK;
	EXPECT_EQ(-1, ioctl(self->fd, CHAN_IOC_RECV, &x));
	EXPECT_EQ(EAGAIN, errno);
	x.flags = 0;
	EXPECT_EQ(-1, ioctl(self->fd, CHAN_IOC_RECV, &x));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, info(self->fd).parked_receivers);
	if (!variant->capacity) {
		x.flags = CHAN_TIMEOUT;
		EXPECT_EQ(-1, ioctl(self->fd, CHAN_IOC_SEND, &x));
		EXPECT_EQ(ETIMEDOUT, errno);
		EXPECT_EQ(0, info(self->fd).parked_senders);
	}
}

TEST_F(chan, a_timeout_that_would_overflow_is_for_ever)
{
	struct chan_xfer x = {
		.size = sizeof(x), .flags = CHAN_TIMEOUT, .buf = (uintptr_t)self->b, .count = 1,
		.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0,
	};
	pid_t pid;
	int status;

	for (x.timeout_ns = 1ULL << 62; x.timeout_ns; x.timeout_ns = x.timeout_ns == ~0ULL ? 0 : ~0ULL) {
		pid = fork();
		if (!pid)
			_exit(ioctl(self->fd, CHAN_IOC_RECV, &x) != 1);
		wait_parked(self->fd, 0, 1);
		EXPECT_EQ(self->wire, wr(self->fd, self->a, self->wire));
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
}

TEST_F(chan, a_handle_without_the_direction_is_EBADF)
{
	int r = narrow(self->fd, O_RDONLY), w = narrow(self->fd, O_WRONLY), look = narrow(self->fd, 3);
	unsigned int len = variant->elem_size, n = variant->flags & CHAN_MESSAGE ? len : 0;

	ASSERT_GE(r, 0);
	ASSERT_GE(w, 0);
	ASSERT_GE(look, 0);
	EXPECT_EQ(-EBADF, wr(r, self->a, self->wire));
	EXPECT_EQ(-EBADF, rd(w, self->a, self->wire));
	EXPECT_EQ(-EBADF, rd(look, self->a, self->wire));
	EXPECT_EQ(-EBADF, wr(look, self->a, self->wire));
	EXPECT_EQ(-EBADF, send_msg(r, self->a, n, CHAN_NONBLOCK));
	EXPECT_EQ(-EBADF, recv_msg(w, self->a, &n, CHAN_NONBLOCK));
	EXPECT_EQ(-EBADF, send_msg(look, self->a, n, CHAN_NONBLOCK));
	EXPECT_EQ(-EBADF, recv_msg(look, self->a, &n, CHAN_NONBLOCK));
	EXPECT_EQ(-EBADF, chan_close(r));
	EXPECT_EQ(-EBADF, chan_close(look));
	EXPECT_EQ(-EBADF, narrow(r, O_WRONLY));
	EXPECT_EQ(-EBADF, narrow(r, O_RDWR));
	EXPECT_EQ(-EBADF, narrow(w, O_RDONLY));
	EXPECT_EQ(-EBADF, narrow(look, O_RDONLY));
	EXPECT_EQ(variant->elem_size, info(look).elem_size);
	EXPECT_EQ(0, poll_now(look));
	EXPECT_EQ(2, info(self->fd).senders);
	EXPECT_EQ(2, info(self->fd).receivers);
	EXPECT_EQ(0, chan_close(w));
	close(r);
	close(w);
	close(look);
	EXPECT_EQ(1, info(self->fd).senders);
	EXPECT_EQ(1, info(self->fd).receivers);
}

TEST_F(chan, a_timed_wait_that_a_signal_ends_is_EINTR)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct sigaction sa = { .sa_handler = (void (*)(int))abs, .sa_flags = SA_RESTART };
		struct chan_xfer x = {
			.size = sizeof(x), .flags = CHAN_TIMEOUT, .buf = (uintptr_t)self->b,
			.count = 1, .timeout_ns = LONG,
			.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0,
		};

		sigaction(SIGUSR1, &sa, NULL);
		_exit(!(ioctl(self->fd, CHAN_IOC_RECV, &x) < 0 && errno == EINTR));
	}
	wait_parked(self->fd, 0, 1);
	kill(pid, SIGUSR1);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, info(self->fd).parked_receivers);
}

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	signals++;
}

TEST_F(chan, a_wait_without_timeout_restarts_with_SA_RESTART_and_else_is_EINTR)
{
	int restart, status;
	pid_t pid;

	for (restart = 0; restart < 2; restart++) {
		pid = fork();
		if (!pid) {
			struct sigaction sa = {
				.sa_handler = count_signal, .sa_flags = restart ? SA_RESTART : 0,
			};
			long r;

			sigaction(SIGUSR1, &sa, NULL);
			r = rd(self->fd, self->b, self->wire);
			_exit(!(signals == 1 && r == (restart ? (long)self->wire : -EINTR)));
		}
		wait_parked(self->fd, 0, 1);
		kill(pid, SIGUSR1);
		if (restart)
			EXPECT_EQ(self->wire, wr(self->fd, self->a, self->wire));
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
	/* The one that restarted may have been parked no more when the element came. */
	EXPECT_EQ(0, info(self->fd).parked_receivers);
}

/*
 * Fixed elements
 */

FIXTURE(fixed)
{
	int fd;
	uint64_t a[1024], b[1024];
};

FIXTURE_SETUP(fixed)
{
	unsigned int i;

	self->fd = make_chan(8, 600, 0);
	ASSERT_GE(self->fd, 0);
	for (i = 0; i < 1024; i++)
		self->a[i] = i;
}

FIXTURE_TEARDOWN(fixed)
{
	close(self->fd);
}

TEST_F(fixed, a_length_that_is_no_multiple_is_EINVAL)
{
	EXPECT_EQ(-EINVAL, wr(self->fd, self->a, 7));
	EXPECT_EQ(-EINVAL, wr(self->fd, self->a, 12));
	EXPECT_EQ(-EINVAL, rd(self->fd, self->b, 7));
	EXPECT_EQ(-EINVAL, rd(self->fd, self->b, 0));
	EXPECT_EQ(0, wr(self->fd, self->a, 0));
	EXPECT_EQ(0, info(self->fd).sent);
}

TEST_F(fixed, a_read_takes_the_whole_elements_that_are_there_and_fit)
{
	ASSERT_EQ(24, wr(self->fd, self->a, 24));
	EXPECT_EQ(16, rd(self->fd, self->b, 23));
	EXPECT_EQ(0, self->b[0]);
	EXPECT_EQ(1, self->b[1]);
	EXPECT_EQ(8, rd(self->fd, self->b, 800));
	EXPECT_EQ(2, self->b[0]);
}

TEST_F(fixed, batches_wrap_around_the_ring_in_order)
{
	uint64_t next = 0, got = 0;
	unsigned int round, i, n;

	for (round = 0; round < 50; round++) {
		n = 1 + (round * 131) % 600;
		for (i = 0; i < n; i++)
			self->a[i] = next++;
		EXPECT_EQ(n * 8, wr(self->fd, self->a, n * 8));
		EXPECT_EQ(n * 8, rd(self->fd, self->b, sizeof(self->b)));
		for (i = 0; i < n; i++)
			EXPECT_EQ(got++, self->b[i]);
	}
}

TEST_F(fixed, a_non_blocking_batch_sends_what_there_is_room_for)
{
	set_nonblock(self->fd, true);
	EXPECT_EQ(600 * 8, wr(self->fd, self->a, sizeof(self->a)));
	EXPECT_EQ(-EAGAIN, wr(self->fd, self->a, 8));
	EXPECT_EQ(600, info(self->fd).len);
}

TEST_F(fixed, a_blocked_batch_goes_in_element_by_element)
{
	struct call sender;
	unsigned int i;

	call_start(&sender, self->fd, true, self->a, sizeof(self->a));
	wait_parked(self->fd, 1, 0);
	for (i = 0; i < 1024; i++) {
		ASSERT_EQ(8, rd(self->fd, self->b, 8));
		ASSERT_EQ(i, self->b[0]);
	}
	EXPECT_EQ(sizeof(self->a), call_end(&sender));
}

TEST_F(fixed, a_batch_that_a_close_cuts_short_returns_its_count)
{
	struct call sender;

	call_start(&sender, self->fd, true, self->a, sizeof(self->a));
	wait_parked(self->fd, 1, 0);
	EXPECT_EQ(0, chan_close(self->fd));
	EXPECT_EQ(600 * 8, call_end(&sender));
	EXPECT_EQ(600, info(self->fd).len);
}

TEST_F(fixed, a_batch_that_a_signal_cuts_short_returns_its_count)
{
	struct sigaction sa = { .sa_handler = count_signal, .sa_flags = SA_RESTART };
	struct call sender;

	sigaction(SIGUSR1, &sa, NULL);
	call_start(&sender, self->fd, true, self->a, sizeof(self->a));
	wait_parked(self->fd, 1, 0);
	pthread_kill(sender.thread, SIGUSR1);
	EXPECT_EQ(600 * 8, call_end(&sender));
}

TEST_F(fixed, SEND_and_RECV_take_batches)
{
	EXPECT_EQ(600, send_n(self->fd, self->a, 1024, CHAN_NONBLOCK, 0));
	EXPECT_EQ(600, recv_n(self->fd, self->b, 1024, 0, 0));
	EXPECT_EQ(0, memcmp(self->a, self->b, 600 * 8));
	EXPECT_EQ(600, send_n(self->fd, self->a, 1024, CHAN_TIMEOUT, 10 * MSEC));
	EXPECT_EQ(-ETIMEDOUT, send_n(self->fd, self->a, 1024, CHAN_TIMEOUT, 10 * MSEC));
}

TEST_F(fixed, an_empty_element_is_a_zero_byte_whatever_byte_was_written)
{
	int fd = make_chan(0, 8, 0);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(3, wr(fd, "abc", 3));
	EXPECT_EQ(3, info(fd).len);
	memset(self->b, 0xff, 16);
	EXPECT_EQ(3, rd(fd, self->b, 16));
	EXPECT_EQ(0, memcmp(self->b, "\0\0\0\xff", 4));
	EXPECT_EQ(5, send_n(fd, NULL, 5, 0, 0));
	EXPECT_EQ(5, recv_n(fd, NULL, 9, 0, 0));
	close(fd);
}

TEST_F(fixed, a_big_counting_channel_needs_no_memory)
{
	unsigned long long before = limits().bytes;
	int fd = make_chan(0, CHAN_CAPACITY_MAX, 0);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(before, limits().bytes);
	EXPECT_EQ(1000000, send_n(fd, NULL, 1000000, 0, 0));
	EXPECT_EQ(1000000, info(fd).len);
	EXPECT_EQ(1000000, recv_n(fd, NULL, 2000000, 0, 0));
	close(fd);
}

/*
 * Messages
 */

FIXTURE(message)
{
	int fd;
	char b[BY_REF];
};

FIXTURE_VARIANT(message)
{
	unsigned int elem_size;
};

FIXTURE_VARIANT_ADD(message, in_place) { .elem_size = 100, };
FIXTURE_VARIANT_ADD(message, by_reference) { .elem_size = BY_REF, };

FIXTURE_SETUP(message)
{
	self->fd = make_chan(variant->elem_size, 4, CHAN_MESSAGE);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(message)
{
	close(self->fd);
}

TEST_F(message, lengths_travel_with_the_messages)
{
	unsigned int len;

	EXPECT_EQ(5, wr(self->fd, "hello", 5));
	EXPECT_EQ(1, wr(self->fd, "x", 1));
	EXPECT_EQ(5, rd(self->fd, self->b, sizeof(self->b)));
	EXPECT_EQ(0, memcmp(self->b, "hello", 5));
	len = sizeof(self->b);
	EXPECT_EQ(1, recv_msg(self->fd, self->b, &len, 0));
	EXPECT_EQ(1, len);
	EXPECT_EQ('x', self->b[0]);
}

TEST_F(message, one_longer_than_the_element_size_is_EMSGSIZE)
{
	EXPECT_EQ(-EMSGSIZE, wr(self->fd, self->b, variant->elem_size + 1));
	EXPECT_EQ(-EMSGSIZE, send_msg(self->fd, self->b, variant->elem_size + 1, 0));
	EXPECT_EQ(variant->elem_size, wr(self->fd, self->b, variant->elem_size));
	EXPECT_EQ(1, info(self->fd).len);
}

TEST_F(message, a_buffer_that_is_too_small_is_EMSGSIZE_and_the_message_stays)
{
	unsigned int len = 4;

	EXPECT_EQ(5, wr(self->fd, "hello", 5));
	EXPECT_EQ(-EMSGSIZE, rd(self->fd, self->b, 4));
	EXPECT_EQ(-EMSGSIZE, recv_msg(self->fd, self->b, &len, 0));
	EXPECT_EQ(1, info(self->fd).len);
	EXPECT_EQ(0, info(self->fd).received);
	EXPECT_EQ(5, rd(self->fd, self->b, 5));
}

TEST_F(message, a_parked_receiver_with_a_small_buffer_is_EMSGSIZE_and_the_message_stays)
{
	struct call receiver;

	call_start(&receiver, self->fd, false, self->b, 4);
	wait_parked(self->fd, 0, 1);
	EXPECT_EQ(5, wr(self->fd, "hello", 5));
	EXPECT_EQ(-EMSGSIZE, call_end(&receiver));
	EXPECT_EQ(1, info(self->fd).len);
	EXPECT_EQ(5, rd(self->fd, self->b, 5));
	EXPECT_EQ(0, memcmp(self->b, "hello", 5));
}

TEST_F(message, an_empty_message_goes_by_ioctl_only)
{
	unsigned int len = 10;

	EXPECT_EQ(0, wr(self->fd, "", 0));
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(1, send_msg(self->fd, NULL, 0, 0));
	EXPECT_EQ(1, info(self->fd).len);
	EXPECT_EQ(-ENODATA, rd(self->fd, self->b, 10));
	EXPECT_EQ(1, info(self->fd).len);
	EXPECT_EQ(1, recv_msg(self->fd, self->b, &len, 0));
	EXPECT_EQ(0, len);
}

TEST_F(message, a_parked_read_that_meets_an_empty_message_is_ENODATA_and_it_stays)
{
	struct call receiver;
	unsigned int len = 10;

	call_start(&receiver, self->fd, false, self->b, 10);
	wait_parked(self->fd, 0, 1);
	EXPECT_EQ(1, send_msg(self->fd, NULL, 0, 0));
	EXPECT_EQ(-ENODATA, call_end(&receiver));
	EXPECT_EQ(1, recv_msg(self->fd, self->b, &len, 0));
	EXPECT_EQ(0, len);
}

TEST_F(message, a_read_of_0_bytes_is_EINVAL)
{
	EXPECT_EQ(-EINVAL, rd(self->fd, self->b, 0));
}

/*
 * Policies, and what is told from outside
 */

TEST(autoclose_closes_when_the_last_sending_handle_goes_and_not_before_there_was_one)
{
	struct chan_create c = {
		.elem_size = 8, .capacity = 4, .flags = CHAN_AUTOCLOSE, .fd_flags = O_RDWR,
	};
	uint64_t v = 1;
	int fd, w, w2, r;

	fd = create(&c);
	ASSERT_GE(fd, 0);
	r = narrow(fd, O_RDONLY);
	w = narrow(fd, O_WRONLY);
	w2 = dup(w);
	close(fd);
	EXPECT_EQ(8, wr(w, &v, 8));
	close(w);
	EXPECT_FALSE(info(r).flags & CHAN_CLOSED);
	close(w2);
	EXPECT_TRUE(info(r).flags & CHAN_CLOSED);
	EXPECT_EQ(8, rd(r, &v, 8));
	EXPECT_EQ(0, rd(r, &v, 8));
	close(r);

	c.fd_flags = O_RDONLY;
	r = create(&c);
	ASSERT_GE(r, 0);
	EXPECT_FALSE(info(r).flags & CHAN_CLOSED);
	close(r);
}

TEST(autoclose_wakes_a_parked_receiver)
{
	int fd = make_chan(8, 0, CHAN_AUTOCLOSE), r = narrow(fd, O_RDONLY);
	struct call receiver;
	uint64_t v;

	call_start(&receiver, r, false, &v, 8);
	wait_parked(fd, 0, 1);
	close(fd);
	EXPECT_EQ(0, call_end(&receiver));
	close(r);
}

TEST(hangup_fails_sends_when_the_last_receiving_handle_goes)
{
	int fd = make_chan(8, 4, CHAN_HANGUP), w = narrow(fd, O_WRONLY), look = narrow(fd, 3), r;
	uint64_t v = 1;

	EXPECT_EQ(8, wr(w, &v, 8));
	close(fd);
	EXPECT_EQ(-EPIPE, wr(w, &v, 8));
	EXPECT_TRUE(info(w).flags & CHAN_HUNGUP);
	EXPECT_FALSE(info(w).flags & CHAN_CLOSED);
	EXPECT_EQ(1, info(w).len);
	EXPECT_EQ(0, chan_close(w));
	EXPECT_EQ(-EPIPE, chan_close(w));
	r = narrow(look, O_RDONLY);
	EXPECT_EQ(-EBADF, r);
	close(w);
	close(look);
}

TEST(hangup_wakes_a_parked_sender_and_is_one_way)
{
	struct chan_create c = {
		.elem_size = 8, .flags = CHAN_HANGUP | CHAN_NAMED, .mode = 0600, .fd_flags = O_RDWR,
	};
	int fd = create(&c), w = narrow(fd, O_WRONLY), r;
	struct call sender;
	uint64_t v = 1;
	char path[32];

	ASSERT_GE(fd, 0);
	call_start(&sender, w, true, &v, 8);
	wait_parked(fd, 1, 0);
	close(fd);
	EXPECT_EQ(-EPIPE, call_end(&sender));
	snprintf(path, sizeof(path), "/dev/chan%u", c.minor);
	r = open(path, O_RDONLY | O_NONBLOCK);
	ASSERT_GE(r, 0);
	EXPECT_EQ(-EPIPE, wr(w, &v, 8));
	EXPECT_EQ(-EAGAIN, rd(r, &v, 8));
	EXPECT_EQ(0, destroy(w, 0));
	close(r);
	close(w);
}

TEST(a_look_only_handle_counts_for_no_policy)
{
	int fd = make_chan(8, 4, CHAN_HANGUP | CHAN_AUTOCLOSE), look = narrow(fd, 3);

	close(look);
	EXPECT_FALSE(info(fd).flags & (CHAN_HUNGUP | CHAN_CLOSED));
	close(fd);
}

TEST(info_tells_what_was_made)
{
	struct chan_create c = {
		.elem_size = 24, .capacity = 7, .flags = CHAN_AUTOCLOSE, .fd_flags = O_WRONLY,
		.type = "struct job",
	};
	int fd = create(&c);
	struct chan_info i;

	ASSERT_GE(fd, 0);
	i = info(fd);
	EXPECT_EQ(c.id, i.id);
	EXPECT_EQ(CHAN_MINOR_NONE, c.minor);
	EXPECT_EQ(CHAN_MINOR_NONE, i.minor);
	EXPECT_EQ(24, i.elem_size);
	EXPECT_EQ(7, i.capacity);
	EXPECT_EQ(CHAN_AUTOCLOSE, i.flags);
	EXPECT_EQ(1, i.senders);
	EXPECT_EQ(0, i.receivers);
	EXPECT_EQ(getuid(), i.uid);
	EXPECT_STREQ("struct job", i.type);
	EXPECT_STREQ("", i.name);
	close(fd);
}

TEST(ids_are_never_reused)
{
	unsigned long long last = 0;
	int i, fd;

	for (i = 0; i < 100; i++) {
		fd = make_chan(8, 0, 0);
		ASSERT_GE(fd, 0);
		EXPECT_GT(info(fd).id, last);
		last = info(fd).id;
		close(fd);
	}
}

TEST(descriptor_flags_are_as_asked)
{
	struct chan_create c = { .elem_size = 8, .fd_flags = O_WRONLY | O_CLOEXEC | O_NONBLOCK };
	int fd = create(&c), n;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_WRONLY | O_NONBLOCK, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	n = narrow(fd, O_WRONLY);
	ASSERT_GE(n, 0);
	EXPECT_EQ(0, fcntl(n, F_GETFD));
	EXPECT_EQ(O_WRONLY, fcntl(n, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	close(n);
	close(fd);
}

TEST(fdinfo_shows_the_channel)
{
	int fd = make_chan(8, 3, 0), f;
	char path[64], text[1024] = "", want[64];
	uint64_t v = 1;

	wr(fd, &v, 8);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = open(path, O_RDONLY);
	ASSERT_GT(read(f, text, sizeof(text) - 1), 0);
	close(f);
	snprintf(want, sizeof(want), "chan-id:\t%llu\n", info(fd).id);
	EXPECT_NE(NULL, strstr(text, want));
	EXPECT_NE(NULL, strstr(text, "chan-capacity:\t3\n"));
	EXPECT_NE(NULL, strstr(text, "chan-len:\t1\n"));
	EXPECT_NE(NULL, strstr(text, "chan-elem-size:\t8\n"));
	close(fd);
}

TEST(there_is_no_seek_and_no_pread)
{
	int fd = make_chan(8, 3, 0);
	uint64_t v = 1;

	EXPECT_EQ(-1, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(fd, &v, 8, 0));
	EXPECT_EQ(ESPIPE, errno);
	close(fd);
}

TEST_HARNESS_MAIN
