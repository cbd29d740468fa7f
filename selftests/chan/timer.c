// SPDX-License-Identifier: GPL-2.0
/* Timers: after and tick, stop and reset, and many of them. Bounds are lower ones. */
#include <sys/wait.h>
#include <time.h>

#include "chan_test.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x80
#endif

static int make_timer(void)
{
	struct chan_create c = {
		.elem_size = 8, .capacity = 1, .flags = CHAN_TIMER, .fd_flags = O_RDONLY,
	};

	return create(&c);
}

static long timer(int fd, unsigned int flags, uint64_t first, uint64_t period)
{
	struct chan_timer t = {
		.size = sizeof(t), .flags = flags, .first_ns = first, .period_ns = period,
	};
	int r = ioctl(fd, CHAN_IOC_TIMER, &t);

	return r < 0 ? -errno : r;
}

static long start(int fd, uint64_t first, uint64_t period)
{
	return timer(fd, CHAN_TIMER_START, first, period);
}

static long stop(int fd)
{
	return timer(fd, CHAN_TIMER_STOP, 0, 0);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void until(uint64_t ns)
{
	while (clock_ns(CLOCK_MONOTONIC) < ns)
		sched_yield();
}

/* Wait for an element to be queued, without taking it. */
static void until_sent(int fd)
{
	while (!info(fd).len)
		sched_yield();
}

TEST(after_sends_the_time_once_and_not_early)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), real = clock_ns(CLOCK_REALTIME), v = 0;
	int fd = make_timer();

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, start(fd, 30 * MSEC, 0));
	EXPECT_EQ(8, rd(fd, &v, 8));
	EXPECT_LE(begin + 30 * MSEC, clock_ns(CLOCK_MONOTONIC));
	EXPECT_LE(real + 30 * MSEC, v);
	EXPECT_GE(clock_ns(CLOCK_REALTIME), v);
	EXPECT_EQ(-ETIMEDOUT, recv_n(fd, &v, 1, CHAN_TIMEOUT, 50 * MSEC));
	EXPECT_EQ(0, stop(fd));
	EXPECT_EQ(1, info(fd).sent);
	/* At once. */
	EXPECT_EQ(0, start(fd, 0, 0));
	EXPECT_EQ(8, rd(fd, &v, 8));
	close(fd);
}

TEST(tick_sends_at_whole_periods)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), v, last = 0;
	int fd = make_timer(), i;

	EXPECT_EQ(0, start(fd, 10 * MSEC, 5 * MSEC));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(8, rd(fd, &v, 8));
		EXPECT_LT(last, v);
		EXPECT_LE(begin + (10 + i * 5) * MSEC, clock_ns(CLOCK_MONOTONIC));
		last = v;
	}
	EXPECT_EQ(1, stop(fd));
	EXPECT_EQ(0, stop(fd));
	EXPECT_EQ(-ETIMEDOUT, recv_n(fd, &v, 1, CHAN_TIMEOUT, 20 * MSEC));
	close(fd);
}

TEST(a_tick_doesn_t_wait_for_slow_receivers)
{
	int fd = make_timer();
	uint64_t v, w;

	EXPECT_EQ(0, start(fd, 2 * MSEC, 2 * MSEC));
	until_sent(fd);
	until(clock_ns(CLOCK_MONOTONIC) + 50 * MSEC);
	/* One was kept, the others dropped: the next one comes when that is taken. */
	EXPECT_EQ(1, info(fd).len);
	EXPECT_EQ(1, info(fd).sent);
	EXPECT_EQ(8, rd(fd, &v, 8));
	EXPECT_EQ(8, rd(fd, &w, 8));
	EXPECT_LE(v + 50 * MSEC, w);
	close(fd);
}

TEST(nothing_of_before_is_received_after_stop_or_reset)
{
	uint64_t v, before;
	int fd = make_timer(), i, queued = 0, ran = 0;
	long r;

	EXPECT_EQ(0, start(fd, 0, 0));
	until_sent(fd);
	EXPECT_EQ(1, stop(fd));	/* as Go's: a value that nobody had received */
	EXPECT_EQ(0, info(fd).len);
	EXPECT_EQ(0, start(fd, 0, 0));
	until_sent(fd);
	EXPECT_EQ(1, start(fd, LONG, 0));
	EXPECT_EQ(-EAGAIN, recv_n(fd, &v, 1, CHAN_NONBLOCK, 0));
	EXPECT_EQ(1, stop(fd));

	/* Just as it expires. */
	for (i = 0; i < 1000; i++) {
		uint64_t at = clock_ns(CLOCK_MONOTONIC);

		ASSERT_EQ(0, start(fd, 100000, i % 2 ? 1000 : 0));
		until(at + 60000 + i % 50 * 10000);
		queued += info(fd).len;
		r = stop(fd);
		ASSERT_EQ(1, r);
		ASSERT_EQ(-EAGAIN, recv_n(fd, &v, 1, CHAN_NONBLOCK, 0));
		ran++;
	}
	ASSERT_EQ(0, info(fd).len);
	for (i = 0; i < 1000; i++) {
		ASSERT_GE(1, start(fd, 50000, 0));
		before = clock_ns(CLOCK_REALTIME);
		until(clock_ns(CLOCK_MONOTONIC) + 40000 + i % 20 * 1000);
		ASSERT_LE(0, start(fd, 20000, 0));
		ASSERT_EQ(8, rd(fd, &v, 8));
		ASSERT_LT(before, v);
		ASSERT_EQ(-EAGAIN, recv_n(fd, &v, 1, CHAN_NONBLOCK, 0));
	}
	TH_LOG("%d stopped, %d of them after they had sent", ran, queued);
	/* A race that is never met is no test. */
	EXPECT_LT(0, queued);
	EXPECT_GT(1000, queued);
	close(fd);
}

/* Nor what had come to a handle that stands by. */
TEST(stop_drops_what_stands_by)
{
	struct chan_create c = {
		.elem_size = 8, .capacity = 1, .flags = CHAN_TIMER | CHAN_STANDBY,
		.fd_flags = O_RDONLY | O_NONBLOCK,
	};
	int fd = create(&c), i;
	uint64_t v;

	ASSERT_LE(0, fd);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EAGAIN, rd(fd, &v, 8));
		EXPECT_EQ(0, start(fd, MSEC, 0));
		while (!(poll_now(fd) & POLLIN))
			sched_yield();
		EXPECT_EQ(0, i ? start(fd, LONG, 0) : stop(fd));
		EXPECT_EQ(-EAGAIN, rd(fd, &v, 8));
		EXPECT_EQ(0, poll_now(fd) & POLLIN);
		EXPECT_EQ(i, stop(fd));
	}
	close(fd);
}

TEST(a_tick_of_1_ns_harms_nobody)
{
	int fd = make_timer(), status;
	unsigned long n = 0;
	uint64_t v;
	pid_t pid;

	EXPECT_EQ(0, start(fd, 1, 1));
	/* Not taken, it costs nothing at all. */
	until_sent(fd);
	EXPECT_EQ(1, info(fd).sent);
	/* Taken as fast as it can be, by a process, it leaves another one time to work. */
	pid = fork();
	if (!pid) {
		for (;;)
			if (rd(fd, &v, 8) != 8)
				_exit(1);
	}
	/* Either that never comes to its number is stopped by the test's time. */
	while (n < 1000 || info(fd).sent < 1000)
		n++;
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_LE(0, stop(fd));
	close(fd);
}

TEST(ten_thousand_timers)
{
	enum { N = 10000 };
	static int fd[N];
	uint64_t total = limits().timers, v;
	int i;

	for (i = 0; i < N; i++) {
		fd[i] = make_timer();
		ASSERT_LE(0, fd[i]);
		ASSERT_EQ(0, start(fd[i], 300 * MSEC, i % 2 ? MSEC : 0));
	}
	EXPECT_EQ(total + N, limits().timers);
	for (i = 0; i < N; i++)
		ASSERT_EQ(8, rd(fd[i], &v, 8));
	for (i = 0; i < N; i++)
		close(fd[i]);
	EXPECT_EQ(total, limits().timers);
}

TEST(huge_durations_are_for_ever)
{
	static const uint64_t huge[] = { 1ULL << 62, 1ULL << 63, UINT64_MAX };
	int fd = make_timer(), i;
	uint64_t v;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(!!i, start(fd, huge[i], 0));
		EXPECT_EQ(-ETIMEDOUT, recv_n(fd, &v, 1, CHAN_TIMEOUT, 10 * MSEC));
		EXPECT_EQ(1, start(fd, 0, huge[i]));
		EXPECT_EQ(8, rd(fd, &v, 8));
		EXPECT_EQ(-ETIMEDOUT, recv_n(fd, &v, 1, CHAN_TIMEOUT, 10 * MSEC));
	}
	EXPECT_EQ(1, stop(fd));
	close(fd);
}

TEST(a_select_times_out_on_a_timer)
{
	int fd = make_timer(), c = make_chan(8, 0, 0), ep = watch(fd, EPOLLIN);
	uint64_t v[2];
	struct chan_case k[2] = { recv_case(c, &v[0]), recv_case(fd, &v[1]) };

	EXPECT_EQ(0, event_now(ep));
	EXPECT_EQ(0, start(fd, 20 * MSEC, 0));
	EXPECT_EQ(1 | CHAN_OK, select_n(k, 2, 0, 0));
	EXPECT_EQ(0, info(c).parked_receivers);
	EXPECT_EQ(0, start(fd, 20 * MSEC, 0));
	EXPECT_NE(0, event_soon(ep) & EPOLLIN);
	EXPECT_EQ(8, rd(fd, v, 8));
	EXPECT_EQ(0, event_now(ep));
	close(ep);
	close(fd);
	close(c);
}

TEST(what_a_timer_can_t_be)
{
	struct chan_create good = {
		.elem_size = 8, .capacity = 1, .flags = CHAN_TIMER, .fd_flags = O_RDONLY,
	}, c;
	struct chan_timer t = { .size = sizeof(t), .flags = CHAN_TIMER_START };
	int fd = make_timer(), plain = make_chan(8, 1, 0), look, bit;

	c = good, c.elem_size = 4;
	EXPECT_EQ(-EINVAL, create(&c));
	c = good, c.capacity = 0;
	EXPECT_EQ(-EINVAL, create(&c));
	c = good, c.capacity = 2;
	EXPECT_EQ(-EINVAL, create(&c));
	c = good, c.fd_flags = O_RDWR;
	EXPECT_EQ(-EINVAL, create(&c));
	c = good, c.fd_flags = O_WRONLY;
	EXPECT_EQ(-EINVAL, create(&c));
	c = good, c.flags |= CHAN_MESSAGE;
	EXPECT_EQ(-EINVAL, create(&c));
	c = good, c.flags |= CHAN_AUTOCLOSE;
	EXPECT_EQ(-EINVAL, create(&c));
	c = good, c.flags |= CHAN_HANGUP;
	EXPECT_EQ(-EINVAL, create(&c));

	EXPECT_EQ(-ENODEV, start(plain, 0, 0));
	for (bit = 2; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, timer(fd, 1U << bit, 0, 0));
	EXPECT_EQ(-EINVAL, timer(fd, 0, 0, 0));
	EXPECT_EQ(-EINVAL, timer(fd, CHAN_TIMER_START | CHAN_TIMER_STOP, 0, 0));
	EXPECT_EQ(-EINVAL, timer(fd, CHAN_TIMER_STOP, 1, 0));
	EXPECT_EQ(-EINVAL, timer(fd, CHAN_TIMER_STOP, 0, 1));
	look = narrow(fd, 3);
	ASSERT_LE(0, look);
	EXPECT_EQ(-EBADF, start(look, 0, 0));
	EXPECT_EQ(-EBADF, chan_close(fd));
	EXPECT_EQ(-EBADF, wr(fd, &t, 8));
	EXPECT_EQ(0, stop(fd));
	close(look);
	close(plain);
	close(fd);
}

TEST(a_running_timer_goes_with_its_last_handle)
{
	uint64_t channels = limits().total_channels;
	int i, fd;

	for (i = 0; i < 200; i++) {
		fd = make_timer();
		ASSERT_EQ(0, start(fd, i * 1000, i % 3 ? 1 : 0));
		until(clock_ns(CLOCK_MONOTONIC) + i % 50 * 2000);
		close(fd);
	}
	EXPECT_EQ(channels, limits().total_channels);
}

TEST(a_named_timer_is_for_all)
{
	struct chan_create c = {
		.elem_size = 8, .capacity = 1, .flags = CHAN_TIMER | CHAN_NAMED,
		.fd_flags = O_RDONLY, .mode = 0600, .name = "metronome",
	};
	int fd = create(&c), status, i;
	char path[32];
	uint64_t v;
	pid_t pid[2];

	ASSERT_LE(0, fd);
	snprintf(path, sizeof(path), "/dev/chan%u", c.minor);
	EXPECT_EQ(-1, open(path, O_RDWR));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, open(path, O_WRONLY));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, start(fd, MSEC, MSEC));
	close(fd);
	/* It goes on while nobody has it open; each element is received by one of them. */
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int n;

			fd = open(path, O_RDONLY);
			for (n = 0; n < 20; n++)
				if (rd(fd, &v, 8) != 8)
					_exit(1);
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_LE(40, info(fd).sent);
	EXPECT_EQ(1, stop(fd));
	EXPECT_EQ(0, destroy(fd, 0));
	close(fd);
}

static void set_parameter(const char *name, unsigned long v)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/chan/parameters/%s", name);
	f = fopen(path, "w");
	if (f) {
		fprintf(f, "%lu", v);
		fclose(f);
	}
}

TEST(timers_are_counted)
{
	uint64_t limit = limits().user_timers;
	int status;
	pid_t pid;

	set_parameter("user_timers", 3);
	EXPECT_EQ(3, limits().user_timers);
	pid = fork();
	if (!pid) {
		int i, keep = ctl_open();

		/* Whoever may pass limits isn't stopped by them. */
		if (keep < 0 || setresuid(1234, 1234, 1234))
			_exit(1);
		for (i = 0; i < 3; i++)
			if (make_timer() < 0)
				_exit(2);
		if (make_timer() != -EDQUOT)
			_exit(3);
		if (make_chan(8, 1, 0) < 0)
			_exit(4);
		_exit(0);
	}
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	set_parameter("user_timers", limit);
	EXPECT_EQ(limit, limits().user_timers);
}

/* Where CLOCK_MONOTONIC is another, a duration is the same. */
TEST(a_time_namespace_changes_nothing)
{
	uint64_t begin, v;
	int status, fd, off;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWTIME))
			_exit(1);
		off = open("/proc/self/timens_offsets", O_WRONLY);
		if (off < 0 || write(off, "monotonic 100000 0", 18) != 18)
			_exit(2);
		pid = fork();
		if (pid) {
			waitpid(pid, &status, 0);
			_exit(WEXITSTATUS(status));
		}
		begin = clock_ns(CLOCK_MONOTONIC);
		if (begin < 100000 * SEC)
			_exit(3);
		fd = make_timer();
		if (start(fd, 20 * MSEC, 0) || rd(fd, &v, 8) != 8)
			_exit(4);
		_exit(clock_ns(CLOCK_MONOTONIC) < begin + 20 * MSEC ? 5 : 0);
	}
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
