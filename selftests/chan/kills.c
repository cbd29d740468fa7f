// SPDX-License-Identifier: GPL-2.0
/*
 * Kills at a moment that is known, of which each must come out so: an element in the hands
 * of who is killed goes back in its place, and what waits to be sent is not sent. At any
 * moment: see storm.c.
 */
#include <linux/userfaultfd.h>

#include "chan_test.h"

#define ELEM		BY_REF
#define HEADER		sizeof(struct chan_selected)
#define PIT		8192		/* bytes of memory that holds up */

/* One of these, and of senders what is of the same kind. */
enum how { BY_READ, BY_READV, BY_RECV, BY_SELECT, BY_SELECTOR, BY_STANDBY };

FIXTURE(killed)
{
	int fd, other;
	unsigned char *page;
	unsigned char elem[ELEM];
	volatile int *held_up;
	unsigned long long sent;
};

FIXTURE_VARIANT(killed)
{
	enum how how;
	unsigned int elem_size;
};

#define KILLED(name, h)								\
	FIXTURE_VARIANT_ADD(killed, name) { .how = h, .elem_size = 8, };	\
	FIXTURE_VARIANT_ADD(killed, name##_300) { .how = h, .elem_size = 300, };	\
	FIXTURE_VARIANT_ADD(killed, name##_by_reference) { .how = h, .elem_size = ELEM, }

KILLED(read, BY_READ);
KILLED(readv, BY_READV);
KILLED(RECV, BY_RECV);
KILLED(SELECT, BY_SELECT);
KILLED(selector, BY_SELECTOR);
KILLED(standby, BY_STANDBY);

FIXTURE_SETUP(killed)
{
	self->fd = make_chan(variant->elem_size, 2, 0);
	self->other = make_chan(8, 0, 0);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other, 0);
	self->page = mmap(NULL, PIT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	self->held_up = (void *)self->page;
}

FIXTURE_TEARDOWN(killed)
{
	EXPECT_EQ(0, limits().total_parties);
	munmap(self->page, PIT);
	close(self->other);
	close(self->fd);
}

#define ARGS	FIXTURE_DATA(killed) *self, const FIXTURE_VARIANT(killed) *variant

static void receive_by_selector(ARGS, unsigned char *p)
{
	struct chan_case cases[2] = { recv_case(self->other, p), recv_case(self->fd, p) };
	int sel = make_selector(0);

	if (arm_n(sel, cases, 2, 0) == -EINPROGRESS)
		rd(sel, p, HEADER + ELEM);
}

static void receive_standing_by(ARGS, unsigned char *p)
{
	int fd = narrow(self->fd, O_RDONLY | O_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (standby(fd, 1) || rd(fd, p, variant->elem_size) != -EAGAIN)
		return;
	poll(&pfd, 1, -1);
	rd(fd, p, variant->elem_size);
}

static void receive_by(ARGS, unsigned char *p)
{
	struct chan_case cases[2] = { recv_case(self->other, p), recv_case(self->fd, p) };
	struct iovec v[2] = { { p, 3 }, { p + 3, variant->elem_size - 3 } };

	switch (variant->how) {
	case BY_READ:
		rd(self->fd, p, variant->elem_size);
		break;
	case BY_READV:
		readv(self->fd, v, 2);
		break;
	case BY_RECV:
		recv_n(self->fd, p, 1, CHAN_TIMEOUT, LONG);
		break;
	case BY_SELECT:
		select_n(cases, 2, 0, 0);
		break;
	case BY_SELECTOR:
		receive_by_selector(self, variant, p);
		break;
	case BY_STANDBY:
		receive_standing_by(self, variant, p);
		break;
	}
}

/* Memory that holds up whoever touches it until he is killed. */
static unsigned char *tar_pit(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range.len = PIT, .mode = UFFDIO_REGISTER_MODE_MISSING };
	unsigned char *p = mmap(NULL, PIT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)p;
	if (*uffd < 0 || ioctl(*uffd, UFFDIO_API, &api) || ioctl(*uffd, UFFDIO_REGISTER, &reg)) {
		perror("userfaultfd");
		abort();
	}
	return p;
}

static void *say_held_up(void *arg)
{
	struct { int uffd; volatile int *held_up; } *a = arg;
	struct uffd_msg msg;

	if (read(a->uffd, &msg, sizeof(msg)) == sizeof(msg))
		*a->held_up = 1;
	return NULL;
}

/* A child that receives into memory that holds it up; it says so in held_up[@i]. */
static pid_t fork_held_up(ARGS, int i)
{
	struct { int uffd; volatile int *held_up; } a = { .held_up = &self->held_up[i] };
	pid_t pid = fork();
	unsigned char *p;
	pthread_t t;

	if (pid)
		return pid;
	p = tar_pit(&a.uffd);
	if (pthread_create(&t, NULL, say_held_up, &a))
		_exit(2);
	receive_by(self, variant, p);
	_exit(1);
}

static void end(struct __test_metadata *_metadata, pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_F_TIMEOUT(killed, receivers_with_an_element_in_hand_give_it_back_in_its_place, 120)
{
	static const int order[3] = { 2, 0, 1 };
	size_t n = variant->elem_size;
	pid_t pids[3];
	int i;

	/* What readv waits with is touched before it waits. */
	if (variant->how == BY_READV)
		return;
	for (i = 0; i < 3; i++) {
		pids[i] = fork_held_up(self, variant, i);
		wait_parked(self->fd, 0, i + 1);
	}
	for (i = 0; i < 5; i++) {
		fill_elem(self->elem, n, i);
		ASSERT_EQ(n, wr(self->fd, self->elem, n));
	}
	for (i = 0; i < 3; i++)
		while (!self->held_up[i])
			sched_yield();
	EXPECT_EQ(2, info(self->fd).len);
	for (i = 0; i < 3; i++) {
		end(_metadata, pids[order[i]]);
		EXPECT_EQ(3 + i, info(self->fd).len);
	}
	EXPECT_EQ(0, info(self->fd).received);
	EXPECT_EQ(0, info(self->fd).parked_receivers);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, recv_n(self->fd, self->elem, 1, CHAN_NONBLOCK, 0));
		EXPECT_TRUE(elem_is(self->elem, n, i));
	}
}

/*
 * On one processor, with priority over the victim: so it is dying when it is handed the
 * element, but still parked.
 */
static void go_first(struct __test_metadata *_metadata, pid_t pid)
{
	struct sched_param p = { .sched_priority = 1 };
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_EQ(0, sched_setaffinity(pid, sizeof(one), &one));
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &p));
}

static void go_last(struct __test_metadata *_metadata)
{
	struct sched_param p = { .sched_priority = 0 };

	ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &p));
}

TEST_F_TIMEOUT(killed, receivers_that_are_dying_when_they_are_handed_an_element_give_it_back, 120)
{
	size_t n = variant->elem_size;
	unsigned int in_hand = 0;
	pid_t pid;
	int i;

	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid) {
			receive_by(self, variant, self->page);
			_exit(1);
		}
		wait_parked(self->fd, 0, 1);
		fill_elem(self->elem, n, i);
		go_first(_metadata, pid);
		kill(pid, SIGKILL);
		ASSERT_EQ(n, wr(self->fd, self->elem, n));
		in_hand += info(self->fd).received - i;
		go_last(_metadata);
		end(_metadata, pid);
		EXPECT_EQ(1, info(self->fd).len);
		EXPECT_EQ(i, info(self->fd).received);
		ASSERT_EQ(1, recv_n(self->fd, self->elem, 1, CHAN_NONBLOCK, 0));
		EXPECT_TRUE(elem_is(self->elem, n, i));
	}
	EXPECT_GT(in_hand, 0);
}

/* To send by what is of the same kind; to stand by there is nothing. */
static void send_by(ARGS)
{
	struct chan_case cases[2] = { recv_case(self->other, self->page) };
	struct iovec v[2] = { { self->elem, 3 }, { self->elem + 3, variant->elem_size - 3 } };
	int sel = make_selector(0);

	cases[1] = send_case(self->fd, self->elem);
	switch (variant->how) {
	case BY_READ:
		wr(self->fd, self->elem, variant->elem_size);
		break;
	case BY_READV:
		writev(self->fd, v, 2);
		break;
	case BY_RECV:
		send_n(self->fd, self->elem, 1, CHAN_TIMEOUT, LONG);
		break;
	case BY_SELECT:
		select_n(cases, 2, 0, 0);
		break;
	default:
		if (arm_n(sel, cases, 2, 0) == -EINPROGRESS)
			rd(sel, self->page, PIT);
	}
}

TEST_F_TIMEOUT(killed, parked_senders_have_sent_nothing, 120)
{
	size_t n = variant->elem_size;
	pid_t pid;
	int i, k;

	for (i = 0; i < 20; i++) {
		memset(self->elem, 1, n);
		for (k = 0; k < 2; k++)
			ASSERT_EQ(n, wr(self->fd, self->elem, n));
		memset(self->elem, 2, n);
		pid = fork();
		if (!pid) {
			send_by(self, variant);
			_exit(1);
		}
		wait_parked(self->fd, 1, 0);
		/* Every other one finds room as it dies. */
		if (i & 1) {
			kill(pid, SIGKILL);
			ASSERT_EQ(n, rd(self->fd, self->elem, n));
		}
		end(_metadata, pid);
		EXPECT_EQ(0, info(self->fd).parked_senders);
		while (recv_n(self->fd, self->elem, 1, CHAN_NONBLOCK, 0) == 1)
			EXPECT_TRUE(self->elem[n - 1] == 1 || i & 1);
		if (!(i & 1)) {
			EXPECT_EQ(self->sent + 2, info(self->fd).sent);
		}
		self->sent = info(self->fd).sent;
		EXPECT_EQ(self->sent, info(self->fd).received);
	}
}

TEST_HARNESS_MAIN
