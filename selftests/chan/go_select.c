// SPDX-License-Identifier: GPL-2.0
/*
 * Select as a block over the module: each rule of Go's select, for goroutines and threads.
 * What needs no module the library's own tests show.
 *
 * Built and linked as libchan.c is, and with Boost.Context.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <math.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "go_test.h"

FIXTURE(sel) {
	chan(int) c, d;
	struct go_wait_group ended;
};

FIXTURE_VARIANT(sel) {
	int capacity;
	bool threads;
};

FIXTURE_VARIANT_ADD(sel, unbuffered_goroutines) { .capacity = 0 };
FIXTURE_VARIANT_ADD(sel, of_1_goroutines) { .capacity = 1 };
FIXTURE_VARIANT_ADD(sel, of_10_goroutines) { .capacity = 10 };
FIXTURE_VARIANT_ADD(sel, unbuffered_threads) { .capacity = 0, .threads = true };
FIXTURE_VARIANT_ADD(sel, of_1_threads) { .capacity = 1, .threads = true };
FIXTURE_VARIANT_ADD(sel, of_10_threads) { .capacity = 10, .threads = true };

FIXTURE_SETUP(sel)
{
	self->c = go_make(int, variant->capacity);
	self->d = go_make(int, variant->capacity);
}

FIXTURE_TEARDOWN(sel)
{
	chan_unref(self->c);
	chan_unref(self->d);
}

/* A party that selects once, over both channels, and tells which case came. */
struct party_of_two {
	chan(int) c, d;
	bool sends, has_time;
	int value, chosen;
	bool ok;
};

static void select_once(void *arg)
{
	struct party_of_two *p = arg;

	if (p->sends) {
		go_select {
			go_case_send(p->c, p->value)
				p->chosen = 1;
			go_case_send(p->d, p->value)
				p->chosen = 2;
		}
		return;
	}
	go_select {
		go_case_recv_ok(p->c, &p->value, &p->ok)
			p->chosen = 1;
		go_case_recv_ok(p->d, &p->value, &p->ok)
			p->chosen = 2;
		if (p->has_time)
			go_case_timeout(LONG)
				p->chosen = 3;
	}
}

static void fill(chan(int) c)
{
	while (!chan_send_try(c, -1))
		;
}

/*
 * Which case
 */

TEST_F(sel, who_waits_in_both_receives_from_the_one_that_is_sent_to)
{
	struct party_of_two p[2] = { };
	int i, v;

	for (i = 0; i < 4; i++) {
		p[0] = (struct party_of_two){ self->c, self->d, .has_time = i >= 2 };
		start(variant->threads, &self->ended, select_once, &p[0]);
		wait_parked(self->c, 0, 1);
		wait_parked(self->d, 0, 1);
		go_send(i % 2 ? self->d : self->c, 40 + i);
		go_wait_group_wait(&self->ended);
		EXPECT_EQ(p[0].chosen, i % 2 ? 2 : 1);
		EXPECT_EQ(p[0].value, 40 + i);
		EXPECT_TRUE(p[0].ok);
		/* The other case is taken back. */
		EXPECT_EQ(chan_recv_try(self->c, &v), -EAGAIN);
		EXPECT_EQ(chan_recv_try(self->d, &v), -EAGAIN);
	}
}

TEST_F(sel, who_waits_in_both_sends_to_the_one_that_is_received_from)
{
	struct party_of_two p;
	int i, n, v;

	fill(self->c);
	fill(self->d);
	for (i = 0; i < 2; i++) {
		chan(int) from = i ? self->d : self->c, other = i ? self->c : self->d;

		p = (struct party_of_two){ self->c, self->d, .sends = true, .value = 50 + i };
		start(variant->threads, &self->ended, select_once, &p);
		wait_parked(self->c, 1, 0);
		wait_parked(self->d, 1, 0);
		for (n = 0; n < variant->capacity; n++)
			EXPECT_EQ(go_recv(from), -1);
		EXPECT_EQ(go_recv(from), 50 + i);
		go_wait_group_wait(&self->ended);
		EXPECT_EQ(p.chosen, i ? 2 : 1);
		EXPECT_EQ(chan_len(other), variant->capacity);
		fill(from);
	}
	for (n = 0; n < variant->capacity; n++)
		EXPECT_EQ(go_recv(self->c), -1);
	EXPECT_EQ(chan_recv_try(self->c, &v), -EAGAIN);
}

TEST_F(sel, close_is_received_by_who_waits_as_not_ok)
{
	struct party_of_two p[6];
	int i;

	for (i = 0; i < 6; i++) {
		p[i] = (struct party_of_two){ self->c, self->d, .value = 5, .ok = true };
		start(variant->threads, &self->ended, select_once, &p[i]);
	}
	wait_parked(self->d, 0, 6);
	go_close(self->d);
	go_wait_group_wait(&self->ended);
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(p[i].chosen, 2);
		EXPECT_EQ(p[i].value, 0);
		EXPECT_FALSE(p[i].ok);
	}
	wait_parked(self->c, 0, 0);
}

TEST_F(sel, close_makes_those_panic_who_wait_to_send)
{
	struct party_of_two p[6];
	int i;

	go_set_panic_handler(count_and_end);
	fill(self->c);
	fill(self->d);
	for (i = 0; i < 6; i++) {
		p[i] = (struct party_of_two){ self->c, self->d, .sends = true };
		start(variant->threads, &self->ended, select_once, &p[i]);
	}
	wait_parked(self->c, 6, 0);
	go_close(self->c);
	go_wait_group_wait(&self->ended);
	wait_for_count(sends_on_closed, 6);
	EXPECT_EQ(other_panics, 0);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(p[i].chosen, 0);
	EXPECT_EQ(chan_len(self->d), variant->capacity);
}

TEST_F(sel, a_closed_channel_is_always_ready_to_receive)
{
	int i, v, n = 0;
	bool ok = true;

	go_close(self->c);
	for (i = 0; i < 100; i++) {
		v = 5;
		go_select {
			go_case_recv_ok(self->c, &v, &ok)
				n++;
			go_case_recv(self->d, &v)
				n = 1000;
			go_default
				n = 2000;
		}
		EXPECT_EQ(v, 0);
		EXPECT_FALSE(ok);
	}
	EXPECT_EQ(n, 100);
}

/* With another case ready, only as often as it is chosen. */
TEST_F(sel, a_send_on_a_closed_channel_panics_when_it_is_chosen)
{
	volatile int panics = 0, received = 0;
	volatile int i;
	int v;

	go_close(self->c);
	go_close(self->d);
	for (i = 0; i < 200; i++) {
		if (*PANIC_OF(go_select {
			go_case_send(self->c, 1)
				abort();
			go_case_recv(self->d, &v)
				received++;
		}))
			panics++;
	}
	EXPECT_EQ(panics + received, 200);
	EXPECT_GT(panics, 50);
	EXPECT_GT(received, 50);
	EXPECT_STREQ(PANIC_OF(go_select {
		go_case_send(self->c, 1)
			abort();
		go_default
			abort();
	}), "send on closed channel");
}

TEST_F(sel, nil_cases_are_never_ready)
{
	chan(int) nil = NULL;
	int i, v, n = 0;

	for (i = 0; i < 20; i++) {
		go_select {
			go_case_recv(nil, &v)
				n += 1000;
			go_case_send(nil, 1)
				n += 1000;
			go_case_recv(nil, NULL)
				n += 1000;
			go_default
				n++;
		}
		go_select {
			go_case_send(nil, 1)
				n += 1000;
			go_case_timeout(1000)
				n++;
		}
	}
	EXPECT_EQ(n, 40);
}

TEST_F(sel, what_is_ready_comes_before_default_and_time)
{
	int i, v, n = 0;

	for (i = 0; i < variant->capacity; i++) {
		go_select {
			go_default
				n = 100;
			go_case_timeout(0)
				n = 200;
			go_case_send(self->c, i)
				n++;
		}
	}
	go_select {
		go_default
			n += 10;
		go_case_send(self->c, i)
			n = 300;
	}
	EXPECT_EQ(n, variant->capacity + 10);
	for (i = 0; i < variant->capacity; i++) {
		go_select {
			go_case_timeout(0)
				n = 200;
			go_case_recv(self->c, &v)
				EXPECT_EQ(v, i);
		}
	}
	EXPECT_EQ(n, variant->capacity + 10);
}

TEST_F(sel, time_passes_if_nothing_is_ready)
{
	uint64_t before = chan_now();
	int v, chosen = 0;

	go_select {
		go_case_recv(self->c, &v)
			chosen = 1;
		go_case_timeout(LONG)
			chosen = 2;
		go_case_timeout(20 * MS)
			chosen = 3;
	}
	EXPECT_EQ(chosen, 3);
	EXPECT_GE(chan_now(), before + 20 * MS);
	wait_parked(self->c, 0, 0);
}

/*
 * Chance
 */

TEST(each_of_those_ready_has_the_same_chance)
{
	chan(int) c = go_make(int, 1), d = go_make(int, 1);
	int i, v, n = 0;

	go_close(c);
	go_close(d);
	for (i = 0; i < 10000; i++) {
		go_select {
			go_case_recv(c, &v)
				n++;
			go_case_recv(d, &v)
				;
		}
	}
	EXPECT_LE(fabs(n / 10000.0 - 0.5), 0.025);
	TH_LOG("%d of 10000", n);
	n = 0;
	for (i = 0; i < 200; i++) {
		go_select_ordered {
			go_case_recv(c, &v)
				n++;
			go_case_recv(d, &v)
				;
		}
	}
	EXPECT_EQ(n, 200);
	chan_unref(c);
	chan_unref(d);
}

TEST(of_cases_that_are_ready_the_unready_take_no_share)
{
	chan(int) ready[3], empty = go_make(int), nil = NULL;
	int i, v, n[3] = { };

	for (i = 0; i < 3; i++)
		go_close(ready[i] = go_make(int));
	for (i = 0; i < 9000; i++) {
		go_select {
			go_case_recv(ready[0], &v)
				n[0]++;
			go_case_recv(empty, &v)
				abort();
			go_case_recv(nil, &v)
				abort();
			go_case_recv(ready[1], &v)
				n[1]++;
			go_case_send(empty, 1)
				abort();
			go_case_recv(ready[2], &v)
				n[2]++;
		}
	}
	for (i = 0; i < 3; i++) {
		EXPECT_LE(fabs(n[i] / 9000.0 - 1 / 3.0), 0.025);
		chan_unref(ready[i]);
	}
	chan_unref(empty);
}

/*
 * The same channel more than once; both directions
 */

/* Go's select3.go: alone it meets nobody, not itself either. */
TEST(a_select_never_meets_itself)
{
	chan(int) c = go_make(int);
	int v, chosen = 0;

	go_select {
		go_case_send(c, 1)
			chosen = 1;
		go_case_recv(c, &v)
			chosen = 2;
		go_default
			chosen = 3;
	}
	EXPECT_EQ(chosen, 3);
	go_select {
		go_case_recv(c, &v)
			chosen = 1;
		go_case_send(c, 1)
			chosen = 2;
		go_case_timeout(5 * MS)
			chosen = 4;
	}
	EXPECT_EQ(chosen, 4);
	chan_unref(c);
	/* Buffered, either may come. */
	c = go_make(int, 2);
	go_send(c, 7);
	go_select {
		go_case_send(c, 1)
			chosen = 5;
		go_case_recv(c, &v)
			chosen = 6;
	}
	EXPECT_TRUE(chosen == 5 || chosen == 6);
	EXPECT_EQ(chan_len(c), chosen == 5 ? 2 : 0);
	chan_unref(c);
}

struct both_ways {
	chan(int) c;
	int id, n, bad;
};

/* Go's TestSelfSelect: two that may both send and receive meet each other. */
static void both_ways(void *arg)
{
	struct both_ways *b = arg;
	int i, v;

	for (i = 0; i < b->n; i++) {
		v = -1;
		if (b->id == 0) {
			go_select {
				go_case_recv(b->c, &v)
					b->bad += v != 1;
				go_case_send(b->c, 0)
					b->bad += v != -1;
			}
		} else {
			go_select {
				go_case_send(b->c, 1)
					b->bad += v != -1;
				go_case_recv(b->c, &v)
					b->bad += v != 0;
			}
		}
	}
}

TEST_F(sel, selects_meet_each_other)
{
	struct both_ways b[2];
	int i;

	for (i = 0; i < 2; i++) {
		b[i] = (struct both_ways){ self->c, i, 1000 };
		start(variant->threads, &self->ended, both_ways, &b[i]);
	}
	/* Buffered, one may meet its own value: Go's test tries only if nobody is cheated. */
	go_wait_group_wait(&self->ended);
	if (!variant->capacity) {
		EXPECT_EQ(b[0].bad, 0);
		EXPECT_EQ(b[1].bad, 0);
	}
}

/* Go's TestSelectDuplicateChannel. */
static void select_twice_the_same(void *arg)
{
	struct party_of_two *p = arg;
	int v;

	go_select {
		go_case_recv(p->c, &v)
			p->chosen = 1;
		go_case_recv(p->c, &v)
			p->chosen = 2;
		go_case_recv(p->d, &v)
			p->chosen = 3;
	}
	p->value = v;
}

TEST_F(sel, a_channel_may_stand_in_many_cases)
{
	struct party_of_two p = { self->c, self->d }, other = { self->c, self->d };

	start(variant->threads, &self->ended, select_twice_the_same, &p);
	wait_parked(self->c, 0, 2);
	start(variant->threads, &self->ended, select_once, &other);
	wait_parked(self->c, 0, 3);
	go_send(self->d, 5);
	go_send(self->c, 6);
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(p.chosen, 3);
	EXPECT_EQ(p.value, 5);
	EXPECT_EQ(other.chosen, 1);
	EXPECT_EQ(other.value, 6);
	wait_parked(self->c, 0, 0);
}

/*
 * One instant
 */

/* Who always makes the one channel ready before it takes what is in the other. */
struct mover {
	chan(int) c, d;
	_Atomic bool done;
};

static void keep_one_ready(void *arg)
{
	struct mover *m = arg;
	int v;

	while (!m->done) {
		chan_send_try(m->d, 1);
		while (chan_recv_try(m->c, &v) > 0)
			;
		chan_send_try(m->c, 1);
		while (chan_recv_try(m->d, &v) > 0)
			;
	}
}

#define NEVER	200	/* cases that are looked at between the two, or before, or after */

/* Receive from either, or find that neither is ready. */
static int try_either(const struct mover *m, chan(int) never, int *v)
{
	struct chan_choice choices[NEVER + 2];
	int i;

	for (i = 0; i < NEVER + 2; i++)
		choices[i] = (struct chan_choice){
			.c = chan_handle(i == 0 ? m->c : i == 1 ? m->d : never), .buf = v,
		};
	return chan_select_try(choices, NEVER + 2, 0);
}

/*
 * Go's TestNonblockSelectRace, on two channels again and again. Of so many cases the two
 * are mostly looked at long after each other: time enough for the mover.
 */
TEST(a_default_is_decided_at_one_instant)
{
	struct go_wait_group ended = { };
	struct mover m = { go_make(int, 2), go_make(int, 2) };
	int i, v, r, missed = 0, of_c = 0, n = 10000 / slowness();
	chan(int) never = go_make(int);

	go_send(m.c, 1);
	start(true, &ended, keep_one_ready, &m);
	for (i = 0; i < n; i++) {
		r = try_either(&m, never, &v);
		missed += r == -EAGAIN;
		of_c += !r;
		/* It goes back before the next select, so one is ready during that, too. */
		if (r >= 0)
			go_send(r ? m.d : m.c, v);
	}
	m.done = true;
	go_wait_group_wait(&ended);
	EXPECT_EQ(missed, 0);
	/* Both were seen ready: else there was no race. */
	EXPECT_GT(of_c, 0);
	EXPECT_LT(of_c, n);
	chan_unref(m.c);
	chan_unref(m.d);
	chan_unref(never);
}

/*
 * Many
 */

struct many {
	chan(int) *in;
	chan(int) out;
	size_t n;
};

/* Go's reflect.Select over a list: here the array form, and the block with a loop in it. */
static void merge_array(void *arg)
{
	struct many *m = arg;
	struct chan_choice *choices = calloc(m->n, sizeof(*choices));
	size_t i, open = m->n;
	int *values = calloc(m->n, sizeof(*values)), r;

	for (i = 0; i < m->n; i++)
		choices[i] = (struct chan_choice){
			.c = chan_handle(m->in[i]), .buf = &values[i],
		};
	while (open) {
		r = chan_select(choices, m->n, 0);
		if (r < 0)
			abort();
		if (choices[r].result == 1) {
			go_send(m->out, values[r]);
		} else {
			choices[r].c = NULL;
			open--;
		}
	}
	go_close(m->out);
	free(choices);
	free(values);
}

static void merge_block(void *arg)
{
	struct many *m = arg;
	chan(int) *in = malloc(m->n * sizeof(*in));
	size_t i, open = m->n;
	int v;
	bool ok;

	memcpy(in, m->in, m->n * sizeof(*in));
	while (open) {
		go_select {
			for (i = 0; i < m->n; i++)
				go_case_recv_ok(in[i], &v, &ok) {
					if (ok) {
						go_send(m->out, v);
						break;
					}
					in[i] = NULL;
					open--;
				}
		}
	}
	go_close(m->out);
	free(in);
}

static void count_in(void *arg)
{
	send_chan(int) out = arg;
	int i;

	for (i = 1; i <= 3; i++)
		go_send(out, i);
	go_close(out);
}

static void merge_many(struct __test_metadata *_metadata, void (*merge)(void *), size_t n)
{
	struct go_wait_group ended = { };
	chan(int) *in = calloc(n, sizeof(*in));
	struct many m = { in, go_make(int), n };
	long sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		in[i] = go_make(int, i % 2);
	start(false, &ended, merge, &m);
	for (i = 0; i < n; i++)
		start(false, &ended, count_in, send_only(in[i]));
	go_range(v, m.out)
		sum += v;
	EXPECT_EQ(sum, 6 * (long)n);
	go_wait_group_wait(&ended);
	for (i = 0; i < n; i++)
		chan_unref(in[i]);
	chan_unref(m.out);
	free(in);
}

TEST(a_thousand_channels_are_merged_by_an_array)
{
	merge_many(_metadata, merge_array, 1000 / slowness());
}

TEST(channels_are_merged_by_a_block)
{
	merge_many(_metadata, merge_block, 9);
	merge_many(_metadata, merge_block, 300 / slowness());
}

TEST(too_many_cases_panic)
{
	static int values[CHAN_CASES_MAX + 1];
	chan(int) c = go_make(int, 1);
	int n, i, chosen = 0;

	go_send(c, 1);
	for (n = CHAN_CASES_MAX; n <= CHAN_CASES_MAX + 1; n++)
		EXPECT_STREQ(PANIC_OF(go_select {
			for (i = 0; i < n; i++)
				go_case_recv(c, &values[i])
					chosen++;
		}), n > CHAN_CASES_MAX ? "select: too many cases (max 1024)" : "");
	EXPECT_EQ(chosen, 1);
	chan_unref(c);
}

/*
 * Files
 */

static int child_that_waits(void)
{
	int p[2];
	pid_t pid;

	if (pipe(p))
		abort();
	pid = fork();
	if (!pid) {
		char c;

		close(p[1]);
		_exit(read(p[0], &c, 1) != 0);
	}
	close(p[0]);
	return p[1] << 20 | pid;
}

struct files {
	int fd[6];
	chan(int) c;
	int chosen, value;
	unsigned int revents;
};

static void select_files(void *arg)
{
	struct files *f = arg;
	int i;

	f->chosen = -1;
	go_select {
		go_case_recv(f->c, &f->value)
			f->chosen = 10;
		for (i = 0; i < 6; i++)
			go_case_fd_events(f->fd[i], POLLIN, &f->revents)
				f->chosen = i;
		go_case_timeout(LONG)
			f->chosen = 11;
	}
}

/* Socket, pipe, eventfd, timerfd, signalfd, pidfd, and a channel, in one select. */
TEST_F(sel, any_file_is_a_case_beside_channels)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1 };
	int sockets[2], pipes[2], i, child;
	struct files f = { .c = self->c };
	uint64_t number = 1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	child = child_that_waits();
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	ASSERT_EQ(pipe(pipes), 0);
	f.fd[0] = sockets[0];
	f.fd[1] = pipes[0];
	f.fd[2] = eventfd(0, 0);
	f.fd[3] = timerfd_create(CLOCK_MONOTONIC, 0);
	f.fd[4] = signalfd(-1, &set, 0);
	f.fd[5] = syscall(SYS_pidfd_open, child & 0xfffff, 0);
	for (i = 0; i < 6; i++) {
		ASSERT_GE(f.fd[i], 0);
		start(variant->threads, &self->ended, select_files, &f);
		wait_parked(self->c, 0, 1);
		switch (i) {
		case 0:
			EXPECT_EQ(write(sockets[1], "x", 1), 1);
			break;
		case 1:
			EXPECT_EQ(write(pipes[1], "x", 1), 1);
			break;
		case 2:
			EXPECT_EQ(write(f.fd[2], &number, 8), 8);
			break;
		case 3:
			EXPECT_EQ(timerfd_settime(f.fd[3], 0, &soon, NULL), 0);
			break;
		case 4:
			kill(getpid(), SIGUSR2);
			break;
		case 5:
			close(child >> 20);
			break;
		}
		go_wait_group_wait(&self->ended);
		EXPECT_EQ(f.chosen, i);
		EXPECT_EQ(f.revents & POLLIN, POLLIN);
		wait_parked(self->c, 0, 0);
		close(f.fd[i]);
		f.fd[i] = -1;
	}
	start(variant->threads, &self->ended, select_files, &f);
	wait_parked(self->c, 0, 1);
	go_send(self->c, 77);
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(f.chosen, 10);
	EXPECT_EQ(f.value, 77);
}

TEST(files_and_channels_have_the_same_chance)
{
	chan(int) c = go_make(int, 1);
	int p[2], i, v, n = 0;

	ASSERT_EQ(pipe(p), 0);
	ASSERT_EQ(write(p[1], "x", 1), 1);
	go_close(c);
	for (i = 0; i < 4000; i++) {
		go_select {
			go_case_fd(p[0], POLLIN)
				n++;
			go_case_recv(c, &v)
				;
			go_default
				abort();
		}
	}
	EXPECT_LE(fabs(n / 4000.0 - 0.5), 0.04);
	chan_unref(c);
}

/*
 * However it is left
 */

struct large {
	char bytes[65536];
};

struct leaver {
	chan(struct large) c;
	struct large *l;
	int how;
};

static int leave(struct leaver *w)
{
	go_select {
		go_case_recv(w->c, NULL) {
			switch (w->how) {
			case 0:
				return 1;
			case 1:
				goto out;
			case 2:
				continue;
			case 3:
				go_exit();
			case 4:
				go_panic("left");
			}
		}
		go_case_send(w->c, *w->l)
			abort();
	}
out:
	return 0;
}

static void leave_often(void *arg)
{
	struct leaver w = *(struct leaver *)arg;

	leave(&w);
}

/* Each select has allocated 128 KiB: a hundred that are lost are seen. */
TEST(however_a_select_is_left_nothing_is_lost)
{
	struct leaver w = { go_make(struct large, 1), calloc(1, sizeof(struct large)) };
	struct go_wait_group ended = { };
	size_t before = 0;
	int i, n = 1000 / slowness();

	go_set_panic_handler(count_and_end);
	for (i = 0; i < n; i++) {
		w.how = i % 5;
		go_send(w.c, *w.l);
		start(i % 2, &ended, leave_often, &w);
		go_wait_group_wait(&ended);
		wait_for_count(other_panics, (i + 1) / 5);
		if (i == n / 2)
			before = mallinfo2().uordblks;
	}
	EXPECT_LT(mallinfo2().uordblks, before + 4000000);
	EXPECT_EQ(chan_len(w.c), 0);
	chan_unref(w.c);
	free(w.l);
}

/*
 * Under load: several that select, send and receive at once
 */

struct load {
	chan(int) c, d;
	struct go_wait_group *senders;
	int n, sent, received;
	long sum;
};

static void send_load(void *arg)
{
	struct load *l = arg;
	int i;

	for (i = 1; i <= l->n; i++) {
		go_select {
			go_case_send(l->c, i)
				l->sum += i;
			go_case_send(l->d, -i)
				l->sum -= i;
		}
	}
}

static void recv_load(void *arg)
{
	struct load *l = arg;
	chan(int) c = l->c, d = l->d;
	int v, w;
	bool ok;

	while (c || d) {
		go_select {
			go_case_recv_ok(c, &v, &ok) {
				if (!ok)
					c = NULL;
				l->received += ok;
				l->sum += v;
			}
			go_case_recv_ok(d, &w, &ok) {
				if (!ok)
					d = NULL;
				l->received += ok;
				l->sum += w;
			}
		}
	}
}

TEST_F(sel, nothing_is_lost_among_many_who_select)
{
	struct go_wait_group senders = { };
	struct load in[4], out[4];
	long sent = 0, received = 0;
	int i, n = 500 / slowness(), count = 0;

	for (i = 0; i < 4; i++) {
		in[i] = (struct load){ self->c, self->d, .n = n };
		out[i] = in[i];
		start(i % 2 ? variant->threads : !variant->threads, &senders, send_load, &in[i]);
		start(variant->threads, &self->ended, recv_load, &out[i]);
	}
	go_wait_group_wait(&senders);
	go_close(self->c);
	go_close(self->d);
	go_wait_group_wait(&self->ended);
	for (i = 0; i < 4; i++) {
		sent += in[i].sum;
		received += out[i].sum;
		count += out[i].received;
	}
	EXPECT_EQ(count, 4 * n);
	EXPECT_EQ(sent, received);
}

TEST_HARNESS_MAIN
