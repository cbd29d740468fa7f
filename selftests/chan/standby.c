// SPDX-License-Identifier: GPL-2.0
/* Handles that stand by: programs that never block meet, on unbuffered channels too. */
#include "chan_test.h"

FIXTURE(standby)
{
	int fd;			/* stands by, does not block */
	int r, w;		/* neither, and blocking: one direction each */
	unsigned char a[BY_REF], b[BY_REF];
};

FIXTURE_VARIANT(standby)
{
	unsigned int capacity, elem_size, flags;
};

FIXTURE_VARIANT_ADD(standby, unbuffered) { .capacity = 0, .elem_size = 8, };
FIXTURE_VARIANT_ADD(standby, capacity_1) { .capacity = 1, .elem_size = 8, };
FIXTURE_VARIANT_ADD(standby, capacity_64) { .capacity = 64, .elem_size = 8, };
FIXTURE_VARIANT_ADD(standby, empty_elements) { .capacity = 0, .elem_size = 0, };
FIXTURE_VARIANT_ADD(standby, elem_1000) { .capacity = 0, .elem_size = 1000, };
FIXTURE_VARIANT_ADD(standby, elem_4096) { .capacity = 2, .elem_size = IN_PLACE, };
FIXTURE_VARIANT_ADD(standby, by_reference) { .capacity = 2, .elem_size = BY_REF, };
FIXTURE_VARIANT_ADD(standby, by_reference_unbuffered) { .capacity = 0, .elem_size = BY_REF, };
FIXTURE_VARIANT_ADD(standby, messages)
{
	.capacity = 1, .elem_size = 200, .flags = CHAN_MESSAGE,
};
FIXTURE_VARIANT_ADD(standby, messages_by_reference)
{
	.capacity = 0, .elem_size = BY_REF, .flags = CHAN_MESSAGE,
};

FIXTURE_SETUP(standby)
{
	self->r = make_chan(variant->elem_size, variant->capacity, variant->flags);
	ASSERT_GE(self->r, 0);
	self->fd = narrow(self->r, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	self->w = narrow(self->r, O_WRONLY | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->w, 0);
	ASSERT_EQ(0, standby(self->fd, 1));
}

FIXTURE_TEARDOWN(standby)
{
	close(self->fd);
	close(self->r);
	close(self->w);
	EXPECT_EQ(0, limits().total_parties);
	EXPECT_EQ(0, limits().parked);
}

#define ARGS	struct __test_metadata *_metadata, FIXTURE_DATA(standby) *self,	\
		const FIXTURE_VARIANT(standby) *variant
#define PASS	_metadata, self, variant

/* To read(2) and write(2) an empty element is a byte. */
#define SIZE	(variant->elem_size ?: 1)

static long xfer(const FIXTURE_VARIANT(standby) *variant, int fd, unsigned int cmd, void *buf,
		 unsigned int flags, unsigned long long timeout)
{
	struct chan_xfer x = {
		.size = sizeof(x), .flags = flags, .buf = (uintptr_t)buf, .count = 1,
		.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0,
		.timeout_ns = timeout,
	};
	int r = ioctl(fd, cmd, &x);

	return r < 0 ? -errno : r;
}

/* Without waiting. */
static void put(ARGS, uint64_t v)
{
	fill_elem(self->a, variant->elem_size, v);
	EXPECT_EQ(1, xfer(variant, self->w, CHAN_IOC_SEND, self->a, CHAN_NONBLOCK, 0));
}

static void get_from(ARGS, int fd, uint64_t v)
{
	memset(self->b, 0xee, sizeof(self->b));
	EXPECT_EQ(1, xfer(variant, fd, CHAN_IOC_RECV, self->b, CHAN_NONBLOCK, 0));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, v));
}

/* Of the handle that stands by: it has nothing, and waits from now on. */
static void stand_by(ARGS)
{
	EXPECT_EQ(-EAGAIN, rd(self->fd, self->b, SIZE));
	EXPECT_EQ(1, info(self->w).parked_receivers);
}

static void read_from(ARGS, int fd, uint64_t v)
{
	memset(self->b, 0xee, sizeof(self->b));
	EXPECT_EQ(SIZE, rd(fd, self->b, SIZE));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, v));
}

TEST_F(standby, a_receive_that_may_not_wait_stays_parked)
{
	int out = variant->capacity ? OUT : 0;

	EXPECT_EQ(0, info(self->w).parked_receivers);
	EXPECT_EQ(0, poll_now(self->fd) & IN);
	EXPECT_EQ(0, info(self->w).parked_receivers);
	EXPECT_EQ(out, poll_now(self->w));
	stand_by(PASS);
	EXPECT_EQ(1, limits().total_parties);
	EXPECT_EQ(OUT, poll_now(self->w));
	/* Another is the same one. */
	stand_by(PASS);
	EXPECT_EQ(-EAGAIN, xfer(variant, self->fd, CHAN_IOC_RECV, self->b, CHAN_NONBLOCK, 0));
	EXPECT_EQ(1, info(self->w).parked_receivers);
	/* It is given an element: others' room is as before. */
	put(PASS, 5);
	EXPECT_EQ(0, info(self->w).parked_receivers);
	EXPECT_EQ(0, info(self->w).len);
	EXPECT_EQ(1, info(self->w).received);
	EXPECT_EQ(out, poll_now(self->w));
	EXPECT_EQ(IN, poll_now(self->fd) & IN);
	EXPECT_EQ(0, poll_now(self->r) & IN);
	read_from(PASS, self->fd, 5);
	EXPECT_EQ(0, poll_now(self->fd) & IN);
	EXPECT_EQ(0, limits().total_parties);
	stand_by(PASS);
}

TEST_F(standby, a_send_that_may_not_wait_finds_who_stands_by)
{
	int w = narrow(self->w, O_WRONLY | O_NONBLOCK);
	unsigned int i;

	fill_elem(self->a, variant->elem_size, 0);
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(SIZE, wr(w, self->a, SIZE));
	EXPECT_EQ(-EAGAIN, wr(w, self->a, SIZE));
	for (i = 0; i < variant->capacity; i++)
		read_from(PASS, self->fd, 0);
	stand_by(PASS);
	for (i = 0; i <= variant->capacity; i++) {
		fill_elem(self->a, variant->elem_size, i);
		EXPECT_EQ(SIZE, wr(w, self->a, SIZE));
	}
	EXPECT_EQ(-EAGAIN, wr(w, self->a, SIZE));
	for (i = 0; i <= variant->capacity; i++)
		read_from(PASS, self->fd, i);
	stand_by(PASS);
	close(w);
}

/* What has come is first, and more of the same call follows. */
TEST_F(standby, a_receive_of_many_takes_what_has_come_and_what_is_queued)
{
	static unsigned char many[66 * 8];
	unsigned int i;

	if (variant->elem_size != 8)
		return;
	stand_by(PASS);
	for (i = 0; i <= variant->capacity; i++)
		put(PASS, i);
	EXPECT_EQ((variant->capacity + 1) * 8, rd(self->fd, many, sizeof(many)));
	for (i = 0; i <= variant->capacity; i++)
		EXPECT_TRUE(elem_is(many + i * 8, 8, i));
	EXPECT_EQ(0, info(self->w).len);
	EXPECT_EQ(variant->capacity + 1, info(self->w).received);
}

TEST_F(standby, whoever_waits_first_is_served_first)
{
	int other = narrow(self->r, O_RDONLY | O_NONBLOCK);
	struct call call;

	EXPECT_EQ(0, standby(other, 1));
	stand_by(PASS);
	call_start(&call, self->r, false, self->b, SIZE);
	wait_parked(self->w, 0, 2);
	/* Of the call, which waits, the buffer is another. */
	EXPECT_EQ(-EAGAIN, rd(other, self->a, SIZE));
	EXPECT_EQ(3, info(self->w).parked_receivers);
	put(PASS, 1);
	put(PASS, 2);
	put(PASS, 3);
	EXPECT_EQ(SIZE, call_end(&call));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 2));
	read_from(PASS, other, 3);
	read_from(PASS, self->fd, 1);
	close(other);
}

/*
 * Leave: close, 0, a call that waits, select
 */

TEST_F(standby, closing_it_returns_what_was_not_taken)
{
	unsigned int i;

	stand_by(PASS);
	for (i = 0; i <= variant->capacity; i++)
		put(PASS, i);
	EXPECT_EQ(1, info(self->w).received);
	close(self->fd);
	EXPECT_EQ(0, info(self->w).received);
	EXPECT_EQ(variant->capacity + 1, info(self->w).len);
	for (i = 0; i <= variant->capacity; i++)
		get_from(PASS, self->r, i);
	EXPECT_EQ(0, limits().total_parties);
	/* And its place, if nothing has come. */
	self->fd = narrow(self->r, O_RDONLY | O_NONBLOCK);
	EXPECT_EQ(0, standby(self->fd, 1));
	stand_by(PASS);
	close(self->fd);
	EXPECT_EQ(0, info(self->w).parked_receivers);
	EXPECT_EQ(0, limits().total_parties);
}

TEST_F(standby, told_0_it_returns_what_was_not_taken)
{
	unsigned int i;

	stand_by(PASS);
	for (i = 0; i <= variant->capacity; i++)
		put(PASS, i);
	EXPECT_EQ(1, standby(self->fd, 0));
	EXPECT_EQ(0, standby(self->fd, 0));
	EXPECT_EQ(variant->capacity + 1, info(self->w).len);
	EXPECT_EQ(IN, poll_now(self->fd) & IN);
	EXPECT_EQ(IN, poll_now(self->r) & IN);
	for (i = 0; i <= variant->capacity; i++)
		get_from(PASS, self->r, i);
	/* It is as any other handle. */
	EXPECT_EQ(-EAGAIN, rd(self->fd, self->b, SIZE));
	EXPECT_EQ(0, info(self->w).parked_receivers);
	EXPECT_EQ(0, limits().total_parties);
	/* And back: told once before it was polled, it may be told again. */
	EXPECT_EQ(0, standby(self->fd, 1));
	EXPECT_EQ(1, standby(self->fd, 1));
	stand_by(PASS);
	EXPECT_EQ(1, standby(self->fd, 0));
	EXPECT_EQ(0, info(self->w).parked_receivers);
}

TEST_F(standby, several_return_their_elements_in_order)
{
	static const int order[4] = { 2, 0, 3, 1 };
	unsigned int i;
	int fd[4];

	for (i = 0; i < 4; i++) {
		fd[i] = narrow(self->r, O_RDONLY | O_NONBLOCK);
		EXPECT_EQ(0, standby(fd[i], 1));
		EXPECT_EQ(-EAGAIN, rd(fd[i], self->b, SIZE));
	}
	for (i = 0; i < 4 + variant->capacity; i++)
		put(PASS, i);
	for (i = 0; i < 4; i++)
		close(fd[order[i]]);
	for (i = 0; i < 4 + variant->capacity; i++)
		get_from(PASS, self->r, i);
}

TEST_F(standby, what_returns_goes_to_who_stands_by)
{
	int other = narrow(self->r, O_RDONLY | O_NONBLOCK);

	EXPECT_EQ(0, standby(other, 1));
	stand_by(PASS);
	EXPECT_EQ(-EAGAIN, rd(other, self->b, SIZE));
	put(PASS, 7);
	EXPECT_EQ(0, poll_now(other) & IN);
	close(self->fd);
	EXPECT_EQ(IN, poll_now(other) & IN);
	read_from(PASS, other, 7);
	close(other);
}

TEST_F(standby, a_blocking_receive_gets_what_came)
{
	struct call call;
	unsigned int i;

	stand_by(PASS);
	for (i = 0; i <= variant->capacity; i++)
		put(PASS, i);
	set_nonblock(self->fd, false);
	for (i = 0; i <= variant->capacity; i++)
		read_from(PASS, self->fd, i);
	/* It waits in its own stead, once. */
	call_start(&call, self->fd, false, self->b, SIZE);
	wait_parked(self->w, 0, 1);
	put(PASS, 9);
	EXPECT_EQ(SIZE, call_end(&call));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 9));
	/* A place that it has from before is not another. */
	set_nonblock(self->fd, true);
	stand_by(PASS);
	set_nonblock(self->fd, false);
	call_start(&call, self->fd, false, self->b, SIZE);
	wait_asleep_in(getpid(), SYS_read, 1);
	EXPECT_EQ(1, info(self->w).parked_receivers);
	put(PASS, 10);
	EXPECT_EQ(SIZE, call_end(&call));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 10));
	EXPECT_EQ(0, info(self->w).parked_receivers);
}

TEST_F(standby, a_timed_receive_gets_what_came)
{
	stand_by(PASS);
	put(PASS, 7);
	memset(self->b, 0xee, sizeof(self->b));
	EXPECT_EQ(1, xfer(variant, self->fd, CHAN_IOC_RECV, self->b, CHAN_TIMEOUT, LONG));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 7));
	stand_by(PASS);
	EXPECT_EQ(-ETIMEDOUT, xfer(variant, self->fd, CHAN_IOC_RECV, self->b, CHAN_TIMEOUT, MSEC));
	/* Who waited itself no longer stands by. */
	EXPECT_EQ(0, info(self->w).parked_receivers);
	EXPECT_EQ(-ETIMEDOUT, xfer(variant, self->fd, CHAN_IOC_RECV, self->b, CHAN_TIMEOUT, 0));
	stand_by(PASS);
	put(PASS, 8);
	EXPECT_EQ(1, xfer(variant, self->fd, CHAN_IOC_RECV, self->b, CHAN_TIMEOUT, 0));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 8));
}

TEST_F(standby, a_select_gets_what_came)
{
	struct chan_case k = recv_case(self->fd, self->b);

	k.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
	stand_by(PASS);
	put(PASS, 7);
	memset(self->b, 0xee, sizeof(self->b));
	EXPECT_EQ(CHAN_OK, select_n(&k, 1, CHAN_NONBLOCK, 0));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 7));
	EXPECT_EQ(-EAGAIN, select_n(&k, 1, CHAN_NONBLOCK, 0));
	EXPECT_EQ(0, info(self->w).parked_receivers);
	EXPECT_EQ(0, limits().total_parties);
}

/*
 * Fail, end
 */

TEST_F(standby, a_bad_address_leaves_what_came)
{
	unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);
	unsigned int i;

	if (!variant->elem_size)
		return;
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	stand_by(PASS);
	for (i = 0; i <= variant->capacity; i++)
		put(PASS, i);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EFAULT, rd(self->fd, page + 4096, SIZE));
		EXPECT_EQ(-EFAULT, rd(self->fd, page + 4096 - SIZE / 2, SIZE));
	}
	EXPECT_EQ(-EFAULT, xfer(variant, self->fd, CHAN_IOC_RECV, page + 4096, CHAN_NONBLOCK, 0));
	EXPECT_EQ(IN, poll_now(self->fd) & IN);
	for (i = 0; i <= variant->capacity; i++)
		read_from(PASS, self->fd, i);
	EXPECT_EQ(0, info(self->w).len);
	munmap(page, 4096);
}

TEST_F(standby, a_message_too_long_for_the_buffer_stays)
{
	if (!(variant->flags & CHAN_MESSAGE))
		return;
	stand_by(PASS);
	put(PASS, 1);
	EXPECT_EQ(-EMSGSIZE, rd(self->fd, self->b, SIZE - 1));
	EXPECT_EQ(-EMSGSIZE, rd(self->fd, self->b, 1));
	EXPECT_EQ(IN, poll_now(self->fd) & IN);
	read_from(PASS, self->fd, 1);
}

TEST_F(standby, the_channel_closes_under_it)
{
	int ep = watch(self->fd, EPOLLIN | EPOLLRDHUP | EPOLLET);

	stand_by(PASS);
	event_now(ep);
	EXPECT_EQ(0, event_now(ep));
	EXPECT_EQ(0, chan_close(self->w));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, event_now(ep));
	EXPECT_EQ(0, info(self->r).parked_receivers);
	EXPECT_EQ(0, rd(self->fd, self->b, SIZE));
	EXPECT_EQ(0, rd(self->fd, self->b, SIZE));
	EXPECT_EQ(IN | OUT | POLLRDHUP | POLLHUP, poll_now(self->fd));
	close(ep);
}

TEST_F(standby, what_came_before_the_close_is_received_after_it)
{
	stand_by(PASS);
	put(PASS, 3);
	EXPECT_EQ(0, chan_close(self->w));
	EXPECT_EQ(IN, poll_now(self->fd) & IN);
	read_from(PASS, self->fd, 3);
	EXPECT_EQ(0, rd(self->fd, self->b, SIZE));
}

TEST_F(standby, what_came_before_the_close_and_was_not_taken_is_another_s)
{
	stand_by(PASS);
	put(PASS, 3);
	EXPECT_EQ(0, chan_close(self->w));
	close(self->fd);
	read_from(PASS, self->r, 3);
	EXPECT_EQ(0, rd(self->r, self->b, SIZE));
}

TEST_F(standby, its_process_is_killed)
{
	unsigned int i;
	int status;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		pid = fork();
		if (!pid) {
			int fd = narrow(self->r, O_RDONLY | O_NONBLOCK);

			standby(fd, 1);
			rd(fd, self->b, SIZE);
			pause();
			_exit(1);
		}
		wait_parked(self->w, 0, 1);
		if (i)
			put(PASS, 7);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, info(self->w).parked_receivers);
		EXPECT_EQ(i, info(self->w).len);
	}
	get_from(PASS, self->r, 7);
}

TEST_F(standby, it_is_shared_by_a_forked_child)
{
	int status;
	pid_t pid;

	stand_by(PASS);
	pid = fork();
	if (!pid)
		_exit(0);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(1, info(self->w).parked_receivers);
	put(PASS, 5);
	pid = fork();
	if (!pid)
		_exit(rd(self->fd, self->b, SIZE) != SIZE ||
		      !elem_is(self->b, variant->elem_size, 5));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, poll_now(self->fd) & IN);
}

/*
 * epoll
 */

TEST_F(standby, an_epoll_is_told_level_and_edge)
{
	int level = watch(self->fd, EPOLLIN), edge = watch(self->fd, EPOLLIN | EPOLLET), i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, event_now(level));
		EXPECT_EQ(0, event_now(edge));
		stand_by(PASS);
		EXPECT_EQ(0, event_now(level));
		EXPECT_EQ(0, event_now(edge));
		put(PASS, i);
		EXPECT_EQ(EPOLLIN, event_now(level));
		EXPECT_EQ(EPOLLIN, event_now(level));
		EXPECT_EQ(EPOLLIN, event_now(edge));
		EXPECT_EQ(0, event_now(edge));
		read_from(PASS, self->fd, i);
	}
	close(level);
	close(edge);
}

/* What comes to one handle is no event on another. */
TEST_F(standby, only_the_handle_that_was_given_it_is_readable)
{
	int other = narrow(self->r, O_RDONLY | O_NONBLOCK);
	int mine = watch(self->fd, EPOLLIN | EPOLLET), theirs = watch(other, EPOLLIN | EPOLLET);

	/* It was polled before, and that is no matter. */
	EXPECT_LE(0, standby(other, 1));
	stand_by(PASS);
	put(PASS, 1);
	EXPECT_EQ(EPOLLIN, event_now(mine));
	EXPECT_EQ(0, event_now(theirs));
	/* Given back, it is on all. */
	EXPECT_EQ(1, standby(self->fd, 0));
	EXPECT_EQ(EPOLLIN, event_now(mine));
	EXPECT_EQ(EPOLLIN, event_now(theirs));
	get_from(PASS, other, 1);
	close(mine);
	close(theirs);
	close(other);
}

/* A program that sleeps in epoll_wait until somebody sends. */
TEST_F(standby, a_sleeping_epoll_is_woken)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int fd = narrow(self->r, O_RDONLY | O_NONBLOCK), ep;

		standby(fd, 1);
		ep = watch(fd, EPOLLIN | EPOLLET);
		if (rd(fd, self->b, SIZE) != -EAGAIN || event_soon(ep) != EPOLLIN)
			_exit(1);
		if (rd(fd, self->b, SIZE) != SIZE)
			_exit(2);
		_exit(!elem_is(self->b, variant->elem_size, 77));
	}
	wait_parked(self->w, 0, 1);
	wait_asleep_in(pid, SYS_epoll_wait, 1);
	put(PASS, 77);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/*
 * Who may, and with what
 */

TEST_F(standby, bad_arguments)
{
	int r = narrow(self->r, O_RDONLY), look = narrow(self->r, 3);

	EXPECT_EQ(-EINVAL, standby(r, 2));
	EXPECT_EQ(-EINVAL, standby(r, -1UL));
	EXPECT_EQ(-EINVAL, standby(r, 1UL << 32));
	EXPECT_EQ(-EBADF, standby(self->w, 1));
	EXPECT_EQ(-EBADF, standby(self->w, 0));
	EXPECT_EQ(-EBADF, standby(look, 1));
	EXPECT_EQ(-ENOTTY, standby(ctl_open(), 1));
	/* What was refused doesn't stand by. */
	EXPECT_EQ(0, standby(r, 0));
	/* Nor does one that was not told. */
	EXPECT_EQ(0, poll_now(r));
	EXPECT_EQ(0, standby(r, 0));
	set_nonblock(r, true);
	EXPECT_EQ(-EAGAIN, rd(r, self->b, SIZE));
	EXPECT_EQ(0, info(self->w).parked_receivers);
	/* Polled before, it can still be told. */
	EXPECT_EQ(0, standby(r, 1));
	EXPECT_EQ(-EAGAIN, rd(r, self->b, SIZE));
	EXPECT_EQ(1, info(self->w).parked_receivers);
	close(r);
	close(look);
}

TEST_F(standby, a_handle_made_from_it_is_one_of_its_own)
{
	int again = narrow(self->fd, O_RDONLY | O_NONBLOCK);

	EXPECT_EQ(-EAGAIN, rd(again, self->b, SIZE));
	EXPECT_EQ(0, info(self->w).parked_receivers);
	EXPECT_EQ(0, standby(again, 1));
	EXPECT_EQ(-EAGAIN, rd(again, self->b, SIZE));
	EXPECT_EQ(1, info(self->w).parked_receivers);
	close(again);
}

/*
 * CHAN_STANDBY
 */

TEST_F(standby, all_handles_of_a_channel_made_so)
{
	int fd = make_chan(variant->elem_size, variant->capacity, variant->flags | CHAN_STANDBY);
	int r = narrow(fd, O_RDONLY | O_NONBLOCK);

	EXPECT_TRUE(info(fd).flags & CHAN_STANDBY);
	set_nonblock(fd, true);
	EXPECT_EQ(1, standby(fd, 1));
	EXPECT_EQ(1, standby(r, 1));
	EXPECT_EQ(-EAGAIN, rd(fd, self->b, SIZE));
	EXPECT_EQ(-EAGAIN, rd(r, self->b, SIZE));
	EXPECT_EQ(2, info(fd).parked_receivers);
	EXPECT_EQ(1, standby(fd, 0));
	EXPECT_EQ(1, info(fd).parked_receivers);
	fill_elem(self->a, variant->elem_size, 6);
	EXPECT_EQ(SIZE, wr(fd, self->a, SIZE));
	EXPECT_EQ(IN, poll_now(r));
	read_from(PASS, r, 6);
	close(r);
	close(fd);
}

static int open_minor(unsigned int minor, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/chan%u", minor);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* With nothing but open, epoll, read and write. */
TEST_F(standby, programs_that_open_the_node_meet)
{
	struct chan_create c = {
		.elem_size = variant->elem_size, .capacity = variant->capacity, .mode = 0600,
		.flags = variant->flags | CHAN_NAMED | CHAN_STANDBY, .fd_flags = 3 | O_CLOEXEC,
	};
	int fd = create(&c), w, ep, status, i;
	pid_t pid;

	ASSERT_GE(fd, 0);
	pid = fork();
	if (!pid) {
		int r = open_minor(c.minor, O_RDONLY | O_NONBLOCK);

		ep = watch(r, EPOLLIN | EPOLLET);
		for (i = 0; i < 100; i++) {
			long n;

			while ((n = rd(r, self->b, SIZE)) == -EAGAIN)
				event_soon(ep);
			if (n != SIZE || !elem_is(self->b, variant->elem_size, i))
				_exit(1);
		}
		_exit(0);
	}
	w = open_minor(c.minor, O_WRONLY | O_NONBLOCK);
	ASSERT_GE(w, 0);
	ep = watch(w, EPOLLOUT | EPOLLET);
	for (i = 0; i < 100; i++) {
		long n;

		fill_elem(self->a, variant->elem_size, i);
		while ((n = wr(w, self->a, SIZE)) == -EAGAIN)
			event_soon(ep);
		ASSERT_EQ(SIZE, n);
	}
	close(ep);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, destroy(fd, 0));
	close(fd);
	close(w);
}

/*
 * Programs that never block
 */

FIXTURE(meet)
{
	int fd;
	uint64_t *sums;		/* of what each has received; how many are in the second half */
};

FIXTURE_VARIANT(meet)
{
	unsigned int capacity, edge;
};

FIXTURE_VARIANT_ADD(meet, unbuffered_level) { .capacity = 0, };
FIXTURE_VARIANT_ADD(meet, unbuffered_edge) { .capacity = 0, .edge = EPOLLET, };
FIXTURE_VARIANT_ADD(meet, capacity_1_level) { .capacity = 1, };
FIXTURE_VARIANT_ADD(meet, capacity_1_edge) { .capacity = 1, .edge = EPOLLET, };
FIXTURE_VARIANT_ADD(meet, capacity_64_level) { .capacity = 64, };
FIXTURE_VARIANT_ADD(meet, capacity_64_edge) { .capacity = 64, .edge = EPOLLET, };

FIXTURE_SETUP(meet)
{
	self->fd = make_chan(8, variant->capacity, CHAN_STANDBY);
	ASSERT_GE(self->fd, 0);
	self->sums = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->sums);
}

FIXTURE_TEARDOWN(meet)
{
	munmap(self->sums, 4096);
	close(self->fd);
	EXPECT_EQ(0, limits().total_parties);
}

#define TOTAL	20000

/*
 * One open file for both directions, as event loops have it: receive until EAGAIN, send
 * until EAGAIN, sleep. Returns when @want are received and [@from, @to) is sent.
 */
static int both_ways(int fd, unsigned int edge, uint64_t from, uint64_t to, uint64_t want,
		     uint64_t *sum)
{
	unsigned int events = EPOLLIN | EPOLLOUT | edge;
	struct epoll_event e = { .events = events };
	int ep = watch(fd, events);
	uint64_t v, got = 0;
	long r;

	while (got < want || from < to) {
		while (got < want && (r = rd(fd, &v, 8)) != -EAGAIN) {
			if (r != 8)
				return 1;
			*sum += v;
			got++;
		}
		while (from < to && (r = wr(fd, &from, 8)) != -EAGAIN) {
			if (r != 8)
				return 2;
			from++;
		}
		/* Level-triggered programs ask for what they wait for only. */
		e.events = edge | (got < want ? EPOLLIN : 0) | (from < to ? EPOLLOUT : 0);
		if (e.events != events && epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e))
			return 3;
		events = e.events;
		if ((got < want || from < to) && epoll_wait(ep, &e, 1, 60000) != 1)
			return 4;
	}
	close(ep);
	return 0;
}

/*
 * Each sends and receives on a file of its own. Since nobody keeps what others need
 * without taking it, all come to their end.
 */
TEST_F_TIMEOUT(meet, processes_that_send_and_receive_each_on_one_file, 300)
{
	uint64_t sum = 0, n = TOTAL / 4;
	int status, i;
	pid_t pid[4];

	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int fd = narrow(self->fd, O_RDWR | O_NONBLOCK);

			_exit(both_ways(fd, variant->edge, i * n, (i + 1) * n, n, &self->sums[i]));
		}
	}
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status);
		sum += self->sums[i];
	}
	EXPECT_EQ((uint64_t)TOTAL * (TOTAL - 1) / 2, sum);
	EXPECT_EQ(TOTAL, info(self->fd).sent);
	EXPECT_EQ(TOTAL, info(self->fd).received);
	EXPECT_EQ(0, info(self->fd).len);
}

TEST_F_TIMEOUT(meet, a_process_alone_through_one_file, 300)
{
	int fd = narrow(self->fd, O_RDWR | O_NONBLOCK);

	EXPECT_EQ(0, both_ways(fd, variant->edge, 0, TOTAL / 2, TOTAL / 2, self->sums));
	EXPECT_EQ((uint64_t)TOTAL / 2 * (TOTAL / 2 - 1) / 2, self->sums[0]);
	close(fd);
}

TEST_F_TIMEOUT(meet, a_sender_and_a_receiver, 300)
{
	/* Each element takes two programs' turns. */
	uint64_t n = TOTAL / 10;
	int status[2], i;
	pid_t pid[2];

	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int fd = narrow(self->fd, (i ? O_WRONLY : O_RDONLY) | O_NONBLOCK);

			_exit(both_ways(fd, variant->edge, 0, i ? n : 0, i ? 0 : n, self->sums));
		}
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(pid[i], waitpid(pid[i], &status[i], 0));
		EXPECT_EQ(0, status[i]);
	}
	EXPECT_EQ(n * (n - 1) / 2, self->sums[0]);
	EXPECT_EQ(0, info(self->fd).len);
}

/* A loop with many handles, each of which is given its element. */
TEST_F(meet, many_handles_in_one_epoll)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), fd[500], i, n = 0, rounds;
	struct epoll_event e = { .events = EPOLLIN | variant->edge }, events[500];
	uint64_t v, sum = 0;

	set_nonblock(self->fd, true);
	for (i = 0; i < 500; i++) {
		fd[i] = narrow(self->fd, O_RDONLY | O_NONBLOCK);
		ASSERT_GE(fd[i], 0);
		e.data.u32 = i;
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], &e));
		EXPECT_EQ(-EAGAIN, rd(fd[i], &v, 8));
	}
	EXPECT_EQ(500, info(self->fd).parked_receivers);
	EXPECT_EQ(0, epoll_wait(ep, events, 500, 0));
	for (rounds = 0; rounds < 3; rounds++) {
		for (v = 0; v < 500; v++)
			EXPECT_EQ(8, wr(self->fd, &v, 8));
		n = epoll_wait(ep, events, 500, 0);
		EXPECT_EQ(500, n);
		for (i = 0; i < n; i++) {
			EXPECT_EQ(EPOLLIN, events[i].events);
			EXPECT_EQ(8, rd(fd[events[i].data.u32], &v, 8));
			/* Served in the order in which they came to stand by. */
			EXPECT_EQ(events[i].data.u32, v);
			sum += v;
		}
		EXPECT_EQ(0, epoll_wait(ep, events, 500, 0));
		for (i = 0; i < 500; i++)
			EXPECT_EQ(-EAGAIN, rd(fd[i], &v, 8));
	}
	EXPECT_EQ(3 * 500 * 499 / 2, sum);
	/* A process that ends gives all of it back, in order. */
	for (v = 0; v < 500; v++)
		EXPECT_EQ(8, wr(self->fd, &v, 8));
	for (i = 499; i >= 0; i--)
		close(fd[i]);
	EXPECT_EQ(500, info(self->fd).len);
	for (i = 0; i < 500; i++) {
		EXPECT_EQ(8, rd(self->fd, &v, 8));
		EXPECT_EQ(i, v);
	}
	close(ep);
}

/* Standing by, taking, telling 0 and 1, closing, all at once: nothing lost or doubled. */
struct churn {
	int fd;
	uint64_t sum, n;
	int stop;
};

static void *churn_run(void *arg)
{
	struct churn *c = arg;
	int fd = narrow(c->fd, O_RDONLY | O_NONBLOCK);
	unsigned int k = 0;
	uint64_t v;

	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		if (rd(fd, &v, 8) == 8) {
			c->sum += v;
			c->n++;
		} else {
			sched_yield();
		}
		switch (k++ % 16) {
		case 3:
			standby(fd, 0);
			break;
		case 4:
			standby(fd, 1);
			break;
		case 9:
			close(fd);
			fd = narrow(c->fd, O_RDONLY | O_NONBLOCK);
			break;
		}
	}
	close(fd);
	return NULL;
}

TEST_F_TIMEOUT(meet, handles_that_come_and_go_lose_nothing, 300)
{
	struct churn c[3];
	pthread_t threads[3];
	uint64_t v, sum = 0, n = 0;
	int i;

	for (i = 0; i < 3; i++) {
		c[i] = (struct churn){ .fd = self->fd };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, churn_run, &c[i]));
	}
	for (v = 0; v < TOTAL / 4; v++)
		ASSERT_EQ(8, wr(self->fd, &v, 8));
	for (i = 0; i < 3; i++) {
		__atomic_store_n(&c[i].stop, 1, __ATOMIC_RELEASE);
		pthread_join(threads[i], NULL);
		sum += c[i].sum;
		n += c[i].n;
	}
	while (recv_n(self->fd, &v, 1, CHAN_TIMEOUT, 0) == 1) {
		sum += v;
		n++;
	}
	EXPECT_EQ(TOTAL / 4, n);
	EXPECT_EQ((uint64_t)(TOTAL / 4) * (TOTAL / 4 - 1) / 2, sum);
}

TEST_HARNESS_MAIN
