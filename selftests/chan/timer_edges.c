// SPDX-License-Identifier: GPL-2.0
/* Timers beside all else: races, those who give back, event loops, kills. timer.c has the rest. */
#include <sys/resource.h>

#include "chan_test.h"

#define LOOK	3		/* the access mode that may only look */

static int create_timer(unsigned int flags, unsigned int fd_flags)
{
	struct chan_create c = {
		.flags = CHAN_TIMER | flags, .elem_size = 8, .capacity = 1,
		.fd_flags = fd_flags | O_CLOEXEC, .mode = flags & CHAN_NAMED ? 0600 : 0,
	};

	return create(&c);
}

static int make_timer(void)
{
	return create_timer(0, O_RDONLY);
}

/* Returns whether it was running, or -errno. */
static long set(int fd, unsigned int flags, uint64_t first, uint64_t period)
{
	struct chan_timer t = {
		.size = sizeof(t), .flags = flags, .first_ns = first, .period_ns = period,
	};
	int r = ioctl(fd, CHAN_IOC_TIMER, &t);

	return r < 0 ? -errno : r;
}

static long start(int fd, uint64_t first, uint64_t period)
{
	return set(fd, CHAN_TIMER_START, first, period);
}

static long stop(int fd)
{
	return set(fd, CHAN_TIMER_STOP, 0, 0);
}

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

/* Without waiting: the time, 0 if there is none, or -errno. */
static int64_t take(int fd)
{
	uint64_t v = 0;
	long r = recv_n(fd, &v, 1, CHAN_NONBLOCK, 0);

	return r == 1 ? (int64_t)v : r == -EAGAIN ? 0 : r;
}

static uint64_t wait_for(int fd)
{
	uint64_t v = 0;

	return rd(fd, &v, 8) == 8 ? v : 0;
}

/* Whatever was due before this call has been sent, if it ever is. */
static void let_expire(void)
{
	int fd = make_timer();

	if (start(fd, 0, 0) || !wait_for(fd))
		abort();
	close(fd);
}

static void spin_until(unsigned long long when)
{
	while (now_ns() < when)
		;
}

FIXTURE(timer_edges)
{
	int fd;
};

FIXTURE_SETUP(timer_edges)
{
	ASSERT_EQ(0, once_released(timers, 0));
	self->fd = make_timer();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(timer_edges)
{
	close(self->fd);
	EXPECT_EQ(0, once_released(timers, 0));
	EXPECT_EQ(0, limits().total_parties);
}

TEST_F(timer_edges, it_is_made_stopped)
{
	struct chan_info i = info(self->fd);

	EXPECT_TRUE(i.flags & CHAN_TIMER);
	EXPECT_EQ(8, i.elem_size);
	EXPECT_EQ(1, i.capacity);
	EXPECT_EQ(0, i.senders);
	EXPECT_EQ(1, i.receivers);
	let_expire();
	EXPECT_EQ(0, take(self->fd));
	EXPECT_EQ(0, stop(self->fd));
	EXPECT_EQ(1, once_released(timers, 1));
}

TEST_F(timer_edges, one_read_is_one_tick)
{
	uint64_t v[10];

	EXPECT_EQ(0, start(self->fd, 0, MSEC));
	EXPECT_EQ(8, rd(self->fd, v, sizeof(v)));
	EXPECT_EQ(1, recv_n(self->fd, v, 10, 0, 0));
	EXPECT_EQ(-EINVAL, rd(self->fd, v, 7));
}

TEST_F(timer_edges, stop_and_start_say_whether_it_was_running)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN };

	EXPECT_EQ(0, stop(self->fd));
	EXPECT_EQ(0, start(self->fd, LONG, 0));
	EXPECT_EQ(1, start(self->fd, LONG, 0));
	EXPECT_EQ(1, start(self->fd, LONG, MSEC));
	EXPECT_EQ(1, stop(self->fd));
	EXPECT_EQ(0, stop(self->fd));
	/* It has sent, and nobody has received: dropped, by stop or by start. */
	EXPECT_EQ(0, start(self->fd, 0, 0));
	EXPECT_EQ(1, poll(&p, 1, -1));
	EXPECT_EQ(1, stop(self->fd));
	EXPECT_EQ(0, take(self->fd));
	EXPECT_EQ(0, poll_now(self->fd));
	EXPECT_EQ(0, start(self->fd, 0, 0));
	EXPECT_EQ(1, poll(&p, 1, -1));
	EXPECT_EQ(1, start(self->fd, LONG, 0));
	EXPECT_EQ(0, take(self->fd));
	EXPECT_EQ(1, stop(self->fd));
	/* It was received: an after has ended, a tick goes on. */
	EXPECT_EQ(0, start(self->fd, 0, 0));
	EXPECT_NE(0, wait_for(self->fd));
	EXPECT_EQ(0, start(self->fd, 0, LONG));
	EXPECT_NE(0, wait_for(self->fd));
	EXPECT_EQ(1, start(self->fd, 0, 0));
	EXPECT_NE(0, wait_for(self->fd));
	EXPECT_EQ(0, stop(self->fd));
	EXPECT_EQ(0, info(self->fd).len);
}

/* Nobody sees an element of before, also not one that a receiver has given back. */
TEST_F(timer_edges, what_a_selector_gives_back_after_stop_is_dropped)
{
	int sel = make_selector(O_NONBLOCK);
	struct pollfd p = { .fd = sel, .events = POLLIN };
	struct chan_case k;
	uint64_t v;

	k = recv_case(self->fd, &v);
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	EXPECT_EQ(0, start(self->fd, 0, 0));
	EXPECT_EQ(1, poll(&p, 1, -1));
	stop(self->fd);
	close(sel);
	let_expire();
	EXPECT_EQ(0, take(self->fd));
	EXPECT_EQ(0, info(self->fd).len);
}

TEST_F(timer_edges, what_a_handle_that_stands_by_gives_back_after_start_is_dropped)
{
	int fd = narrow(self->fd, O_RDONLY | O_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t v;

	EXPECT_EQ(0, standby(fd, 1));
	EXPECT_EQ(-EAGAIN, rd(fd, &v, 8));
	EXPECT_EQ(0, start(self->fd, 0, 0));
	EXPECT_EQ(1, poll(&p, 1, -1));
	start(self->fd, LONG, 0);
	close(fd);
	let_expire();
	EXPECT_EQ(0, take(self->fd));
	EXPECT_EQ(0, info(self->fd).len);
}

struct other {
	pthread_t thread;
	int fd, stop;
};

static void *start_and_stop(void *arg)
{
	struct other *o = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE); i++) {
		if (i % 3 == 2)
			stop(o->fd);
		else
			start(o->fd, i % 5 * 1000, i % 2 * 1000);
	}
	return NULL;
}

TEST_F(timer_edges, threads_that_start_stop_and_receive)
{
	struct other o[2];
	unsigned int i, got = 0;
	int64_t v;

	for (i = 0; i < 2; i++) {
		o[i] = (struct other){ .fd = self->fd };
		ASSERT_EQ(0, pthread_create(&o[i].thread, NULL, start_and_stop, &o[i]));
	}
	while (got < 2000) {
		uint64_t t;

		/* It may be stopped for good only at the end. */
		v = recv_n(self->fd, &t, 1, CHAN_TIMEOUT, 100 * MSEC);
		if (v == 1)
			got++;
		else if (v != -ETIMEDOUT)
			EXPECT_EQ(1, v);
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&o[i].stop, 1, __ATOMIC_RELEASE);
		pthread_join(o[i].thread, NULL);
	}
	stop(self->fd);
	let_expire();
	EXPECT_EQ(0, take(self->fd));
	EXPECT_EQ(0, stop(self->fd));
	EXPECT_GE(info(self->fd).sent, got);
}

/*
 * Ticks
 */

/* Shared memory that counts while its process has the processor. */
static volatile uint64_t *bystander(pid_t *pid)
{
	volatile uint64_t *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*pid = fork();
	if (*pid)
		return count;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		(*count)++;
}

static void end_bystander(struct __test_metadata *_metadata, pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
}

/* How often it counts in 200 ms: nobody else is running but what is being tested. */
static uint64_t progress(volatile uint64_t *count)
{
	uint64_t before = *count, until = now_ns() + 200 * MSEC;
	struct timespec pause = { .tv_nsec = 10 * MSEC };

	while (now_ns() < until)
		nanosleep(&pause, NULL);
	return *count - before;
}

TEST_F(timer_edges, ticks_of_a_nanosecond_that_nobody_receives_cost_nothing)
{
	volatile uint64_t *count;
	uint64_t alone, with;
	int fd[50], i;
	pid_t pid;

	count = bystander(&pid);
	while (!*count)
		sched_yield();
	alone = progress(count);
	for (i = 0; i < 50; i++) {
		fd[i] = make_timer();
		EXPECT_EQ(0, start(fd[i], 1, 1));
	}
	with = progress(count);
	for (i = 0; i < 50; i++) {
		struct pollfd p = { .fd = fd[i], .events = POLLIN };

		EXPECT_EQ(1, poll(&p, 1, -1));
		/* One element each, not one for each nanosecond. */
		EXPECT_EQ(1, info(fd[i]).sent);
		EXPECT_EQ(1, stop(fd[i]));
		close(fd[i]);
	}
	end_bystander(_metadata, pid);
	TH_LOG("alone it counts to %llu, with them to %llu", (unsigned long long)alone,
	       (unsigned long long)with);
	EXPECT_GT(with, alone / 10);
}

TEST_F(timer_edges, ticks_are_dropped_for_a_slow_receiver)
{
	uint64_t before, after, taken, v, whole, period = 20 * MSEC, ready, real;
	struct pollfd p = { .fd = self->fd, .events = POLLIN };
	int round;

	real = real_ns();
	before = now_ns();
	EXPECT_EQ(0, start(self->fd, period, period));
	after = now_ns();
	for (round = 0; round < 5; round++) {
		EXPECT_EQ(1, poll(&p, 1, -1));
		ready = real_ns();
		/* Slow: that is what this is about. */
		spin_until(now_ns() + (2 * round + 3) * period / 2);
		let_expire();
		EXPECT_EQ(1, info(self->fd).len);
		EXPECT_EQ(round + 1, info(self->fd).sent);
		taken = now_ns();
		v = take(self->fd);
		/* The oldest stayed. */
		EXPECT_GE(v, real);
		EXPECT_LE(v, ready);
		/* The next comes at a whole period after that. */
		whole = (taken - after) / period + 1;
		EXPECT_EQ(1, poll(&p, 1, -1));
		EXPECT_GE(now_ns(), before + whole * period);
		real = ready;
	}
}

TEST_F(timer_edges, a_tick_for_each_of_those_who_wait)
{
	uint64_t v[8];
	struct call call[8];
	int i;

	for (i = 0; i < 8; i++) {
		call_start(&call[i], self->fd, false, &v[i], 8);
		wait_parked(self->fd, 0, i + 1);
	}
	EXPECT_EQ(0, start(self->fd, MSEC, MSEC));
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(8, call_end(&call[i]));
		if (i)
			EXPECT_GT(v[i], v[i - 1]);
	}
	EXPECT_EQ(1, stop(self->fd));
}

/*
 * Many, and long ones
 */

#define MANY	2000

/* Each at its own time, none early. */
TEST_F_TIMEOUT(timer_edges, two_thousand, 300)
{
	struct rlimit rl = { .rlim_cur = 2 * MANY, .rlim_max = 2 * MANY };
	static uint64_t began[MANY], lasts[MANY];
	static struct epoll_event events[MANY];
	int ep = epoll_create1(EPOLL_CLOEXEC), i, n, left = MANY, early = 0;
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	static int fd[MANY];

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	for (i = 0; i < MANY; i++) {
		fd[i] = make_timer();
		ASSERT_GE(fd[i], 0);
		e.data.u32 = i;
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], &e));
	}
	EXPECT_EQ(MANY + 1, once_released(timers, MANY + 1));
	for (i = 0; i < MANY; i++) {
		lasts[i] = (uint64_t)(i * 7919 % MANY) * 100000;
		began[i] = now_ns();
		ASSERT_EQ(0, start(fd[i], lasts[i], 0));
	}
	while (left) {
		n = epoll_wait(ep, events, MANY, 60000);
		ASSERT_GT(n, 0);
		for (i = 0; i < n; i++) {
			unsigned int k = events[i].data.u32;

			early += now_ns() < began[k] + lasts[k];
			ASSERT_GT(take(fd[k]), 0);
		}
		left -= n;
	}
	EXPECT_EQ(0, left);
	EXPECT_EQ(0, early);
	EXPECT_EQ(0, epoll_wait(ep, events, MANY, 0));
	/* They go while they run. */
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, start(fd[i], i % 2 ? LONG : i * 1000, MSEC));
	for (i = 0; i < MANY; i++)
		close(fd[i]);
	EXPECT_EQ(1, once_released(timers, 1));
	close(ep);
}

TEST_F(timer_edges, for_ever_is_never)
{
	static const uint64_t times[] = {
		UINT64_MAX, UINT64_MAX - 1, 1ULL << 63, INT64_MAX, INT64_MAX - 1, INT64_MAX - SEC,
	};
	unsigned int i;

	for (i = 0; i < sizeof(times) / sizeof(*times); i++) {
		EXPECT_EQ(0, start(self->fd, times[i], 0));
		let_expire();
		EXPECT_EQ(0, take(self->fd));
		EXPECT_EQ(1, start(self->fd, times[i], times[i]));
		let_expire();
		EXPECT_EQ(0, take(self->fd));
		/* Only the second is never. */
		EXPECT_EQ(1, start(self->fd, 0, times[i]));
		EXPECT_NE(0, wait_for(self->fd));
		let_expire();
		EXPECT_EQ(0, take(self->fd));
		EXPECT_EQ(1, stop(self->fd));
		EXPECT_EQ(0, stop(self->fd));
	}
}

/*
 * Like any channel
 */

TEST_F(timer_edges, poll_and_epoll_are_told)
{
	int level = watch(self->fd, EPOLLIN), edge = watch(self->fd, EPOLLIN | EPOLLET), i;
	struct pollfd p = { .fd = self->fd, .events = POLLIN };
	uint64_t before;

	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, poll_now(self->fd));
		EXPECT_EQ(0, event_now(level));
		EXPECT_EQ(0, event_now(edge));
		before = now_ns();
		EXPECT_EQ(0, start(self->fd, 10 * MSEC, 0));
		EXPECT_EQ(1, poll(&p, 1, 60000));
		EXPECT_GE(now_ns(), before + 10 * MSEC);
		EXPECT_EQ(IN, poll_now(self->fd));
		EXPECT_EQ(EPOLLIN, event_soon(level));
		EXPECT_EQ(EPOLLIN, event_now(level));
		EXPECT_EQ(EPOLLIN, event_soon(edge));
		EXPECT_EQ(0, event_now(edge));
		if (i % 2) {
			EXPECT_EQ(1, stop(self->fd));
		} else {
			EXPECT_GT(take(self->fd), 0);
		}
	}
	EXPECT_EQ(0, event_now(level));
	close(level);
	close(edge);
}

TEST_F(timer_edges, a_selector_with_a_timeout)
{
	int ch = make_chan(8, 0, 0), sel = make_selector(0), i;
	uint64_t v = 1, t, before;
	struct chan_case k[2] = { recv_case(ch, &v), recv_case(self->fd, &t) };
	struct result res;

	for (i = 0; i < 5; i++) {
		before = now_ns();
		EXPECT_EQ(0, start(self->fd, 10 * MSEC, 0));
		EXPECT_EQ(-EINPROGRESS, arm_n(sel, k, 2, 0));
		EXPECT_EQ(sizeof(res.h) + 8, rd(sel, &res, sizeof(res)));
		EXPECT_EQ(1, res.h.index);
		EXPECT_EQ(CHAN_OK, res.h.flags);
		EXPECT_GE(now_ns(), before + 10 * MSEC);
		EXPECT_EQ(0, info(ch).parked_receivers);
		EXPECT_EQ(0, start(self->fd, LONG, 0));
		EXPECT_EQ(-EINPROGRESS, arm_n(sel, k, 2, 0));
		EXPECT_EQ(8, wr(ch, &v, 8));
		EXPECT_EQ(sizeof(res.h) + 8, rd(sel, &res, sizeof(res)));
		EXPECT_EQ(0, res.h.index);
		EXPECT_EQ(1, stop(self->fd));
	}
	close(sel);
	close(ch);
}

TEST_F(timer_edges, a_handle_that_stands_by_is_given_the_time)
{
	int fd = create_timer(CHAN_STANDBY, O_RDONLY | O_NONBLOCK), ep = watch(fd, EPOLLIN | EPOLLET), i;
	uint64_t v, before;

	ASSERT_GE(fd, 0);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(-EAGAIN, rd(fd, &v, 8));
		EXPECT_EQ(1, info(fd).parked_receivers);
		before = now_ns();
		EXPECT_EQ(0, start(fd, 5 * MSEC, 0));
		EXPECT_EQ(EPOLLIN, event_soon(ep));
		EXPECT_EQ(8, rd(fd, &v, 8));
		EXPECT_GE(now_ns(), before + 5 * MSEC);
	}
	close(ep);
	close(fd);
}

TEST_F(timer_edges, a_receive_with_a_timeout_and_one_that_a_signal_ends)
{
	struct sigaction sa = { .sa_handler = (void (*)(int))abs };
	struct call call;
	uint64_t v;

	EXPECT_EQ(0, start(self->fd, LONG, 0));
	EXPECT_EQ(-ETIMEDOUT, recv_n(self->fd, &v, 1, CHAN_TIMEOUT, MSEC));
	sigaction(SIGUSR1, &sa, NULL);
	call_start(&call, self->fd, false, &v, 8);
	wait_parked(self->fd, 0, 1);
	pthread_kill(call.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, call_end(&call));
	/* Who waits is still served by a timer started later. */
	call_start(&call, self->fd, false, &v, 8);
	wait_parked(self->fd, 0, 1);
	EXPECT_EQ(1, start(self->fd, 0, 0));
	EXPECT_EQ(8, call_end(&call));
}

TEST_F(timer_edges, a_bad_address_leaves_the_time)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN };

	EXPECT_EQ(0, start(self->fd, 0, 0));
	EXPECT_EQ(1, poll(&p, 1, -1));
	EXPECT_EQ(-EFAULT, recv_n(self->fd, (void *)8, 1, CHAN_NONBLOCK, 0));
	EXPECT_EQ(1, info(self->fd).len);
	EXPECT_GT(take(self->fd), 0);
	EXPECT_EQ(0, info(self->fd).len);
}

/*
 * Going away
 */

TEST_F(timer_edges, its_process_is_killed_while_it_runs)
{
	int pipe_fd[2], status, i;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(pipe_fd));
	for (i = 0; i < 50; i++) {
		pid = fork();
		if (!pid) {
			int fd = make_timer();

			start(fd, 0, i % 2 ? 1 : 100000);
			write(pipe_fd[1], "x", 1);
			for (;;)
				wait_for(fd);
		}
		EXPECT_EQ(1, read(pipe_fd[0], &c, 1));
		EXPECT_EQ(2, once_released(timers, 2));
		kill(pid, SIGKILL);
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(1, once_released(timers, 1));
	}
}

/*
 * Named timers
 */

static int open_minor(unsigned int minor, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/chan%u", minor);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

#define SHARED	200

TEST_F(timer_edges, two_processes_share_a_named_one)
{
	int fd = create_timer(CHAN_NAMED, O_RDONLY), status, i, k;
	unsigned int minor = info(fd).minor;
	uint64_t *v = mmap(NULL, 2 * SHARED * sizeof(*v), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[2];

	ASSERT_GE(fd, 0);
	ASSERT_NE(MAP_FAILED, v);
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int mine = open_minor(minor, O_RDONLY);

			for (k = 0; k < SHARED; k++)
				v[i * SHARED + k] = wait_for(mine);
			_exit(mine < 0);
		}
	}
	wait_parked(fd, 0, 2);
	EXPECT_EQ(0, start(fd, 0, 100000));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(1, stop(fd));
	/* Each tick had one receiver; both saw time pass. */
	for (i = 0; i < 2; i++) {
		for (k = 0; k < SHARED; k++) {
			EXPECT_NE(0, v[i * SHARED + k]);
			if (k)
				EXPECT_GT(v[i * SHARED + k], v[i * SHARED + k - 1]);
		}
	}
	for (i = 0, k = SHARED; i < SHARED && k < 2 * SHARED;) {
		EXPECT_NE(v[i], v[k]);
		if (v[i] < v[k])
			i++;
		else
			k++;
	}
	EXPECT_EQ(0, destroy(fd, 0));
	close(fd);
	munmap(v, 2 * SHARED * sizeof(*v));
}

TEST_F(timer_edges, a_named_one_runs_while_nobody_has_it_open)
{
	int fd = create_timer(CHAN_NAMED, O_RDONLY);
	unsigned int minor = info(fd).minor;
	uint64_t before = real_ns(), v;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, start(fd, 5 * MSEC, 0));
	close(fd);
	fd = open_minor(minor, O_RDONLY);
	ASSERT_GE(fd, 0);
	v = wait_for(fd);
	EXPECT_GT(v, before);
	/* Who may send, may not have it. */
	EXPECT_EQ(-EACCES, open_minor(minor, O_WRONLY));
	EXPECT_EQ(-EACCES, open_minor(minor, O_RDWR));
	EXPECT_EQ(0, info(fd).senders);
	EXPECT_EQ(1, info(fd).receivers);
	close(fd);
	fd = open_minor(minor, LOOK);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(-EBADF, start(fd, 0, 0));
	close(fd);
	fd = open_minor(minor, O_RDONLY);
	EXPECT_EQ(0, start(fd, 0, 1));
	EXPECT_EQ(0, destroy(fd, CHAN_DESTROY_FORCE));
	/* It goes on for who has it. */
	EXPECT_NE(0, wait_for(fd));
	EXPECT_NE(0, wait_for(fd));
	close(fd);
}

TEST_F(timer_edges, a_handle_made_from_it_starts_it_too)
{
	int again = narrow(self->fd, O_RDONLY), look = narrow(self->fd, LOOK);

	EXPECT_EQ(0, start(again, 0, 0));
	EXPECT_NE(0, wait_for(self->fd));
	EXPECT_EQ(0, start(self->fd, LONG, 0));
	EXPECT_EQ(-EBADF, stop(look));
	EXPECT_EQ(1, stop(again));
	close(look);
	close(again);
	EXPECT_EQ(1, once_released(timers, 1));
}

TEST_HARNESS_MAIN
