// SPDX-License-Identifier: GPL-2.0
/*
 * libchan over the module: each function once more where it matters that the kernel
 * answers. What the library does by itself its own unit tests show.
 *
 * Built with userspace/include among the include folders, and linked with
 * build/lib/libchan.a (make -C userspace/lib) and -lpthread. It can't have
 * chan_test.h, whose system calls are named as the library's functions.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libchan.h>

#include "slow.h"

#define MS	1000000ULL
#define LONG	(600 * 1000 * MS)	/* never in a test that works */
#define UID	1000			/* a user who is not root */

#define ARRAY(a)	(sizeof(a) / sizeof((a)[0]))

/* No test sleeps and hopes: the module says who is parked. */
static void wait_parked(const struct chan *c, unsigned int senders, unsigned int receivers)
{
	struct chan_info info;

	do {
		sched_yield();
		if (chan_info(c, &info, sizeof(info)))
			abort();
	} while (info.parked_senders != senders || info.parked_receivers != receivers);
}

static struct chan *make(size_t elem_size, size_t capacity, uint32_t flags)
{
	struct chan_options options = { .size = sizeof(options), .flags = flags };
	struct chan *c = NULL;

	return chan_new(&c, elem_size, capacity, O_RDWR, &options) ? NULL : c;
}

static struct chan *make_named(const char *name, const char *type, uint32_t mode)
{
	struct chan_options options = {
		.size = sizeof(options), .name = name, .type = type, .mode = mode,
	};
	struct chan *c = NULL;

	return chan_new(&c, sizeof(int), 4, O_RDWR, &options) ? NULL : c;
}

/* A call in a thread of its own. */
struct call {
	pthread_t thread;
	_Atomic pid_t tid;
	struct chan *c;
	int (*function)(struct call *call);
	struct chan_choice *choices;	/* n of them */
	struct chan_sel *sel;
	uint64_t timeout_ns;
	int from, n, value, result;
};

static void *call_run(void *arg)
{
	struct call *call = arg;

	call->tid = gettid();
	call->result = call->function(call);
	return NULL;
}

static void call_start(struct call *call)
{
	if (pthread_create(&call->thread, NULL, call_run, call))
		abort();
}

static int call_end(struct call *call)
{
	pthread_join(call->thread, NULL);
	return call->result;
}

static int send_many(struct call *call)
{
	int i, r;

	for (i = 0; i < call->n; i++) {
		int v = call->from + i;

		r = chan_send_elem(call->c, &v);
		if (r)
			return r;
	}
	return 0;
}

static int recv_one(struct call *call)
{
	return chan_recv_elem(call->c, &call->value);
}

static int recv_one_timeout(struct call *call)
{
	return chan_recv_elem_timeout(call->c, &call->value, call->timeout_ns);
}

static int close_it(struct call *call)
{
	return chan_close(call->c);
}

static bool no_module(void)
{
	int ctl = chan_ctl_open();

	if (ctl >= 0)
		close(ctl);
	return ctl == -ENOSYS;
}

FIXTURE(ints) {
	struct chan *c;
};

FIXTURE_VARIANT(ints) {
	int capacity;
};

FIXTURE_VARIANT_ADD(ints, unbuffered) { .capacity = 0 };
FIXTURE_VARIANT_ADD(ints, of_1) { .capacity = 1 };
FIXTURE_VARIANT_ADD(ints, of_64) { .capacity = 64 };

FIXTURE_SETUP(ints)
{
	if (no_module())
		SKIP(return, "%s", chan_strerror(-ENOSYS));
	ASSERT_EQ(chan_new(&self->c, sizeof(int), variant->capacity, O_RDWR, NULL), 0);
}

FIXTURE_TEARDOWN(ints)
{
	chan_unref(self->c);
}

TEST_F(ints, elements_arrive_in_order_and_then_the_end)
{
	struct call sender = { .c = self->c, .function = send_many, .n = 500 };
	int i, v;

	call_start(&sender);
	for (i = 0; i < 500; i++) {
		ASSERT_EQ(chan_recv_elem(self->c, &v), 1);
		EXPECT_EQ(v, i);
	}
	EXPECT_EQ(call_end(&sender), 0);
	EXPECT_EQ(chan_close(self->c), 0);
	v = 42;
	EXPECT_EQ(chan_recv_elem(self->c, &v), 0);
	EXPECT_EQ(v, 0);
	EXPECT_EQ(chan_recv_elem_try(self->c, &v), 0);
	EXPECT_EQ(chan_recv_elem_timeout(self->c, &v, LONG), 0);
}

TEST_F(ints, len_and_cap_count_elements)
{
	int i, v = 0;

	EXPECT_EQ(chan_cap(self->c), variant->capacity);
	for (i = 0; i < variant->capacity; i++) {
		EXPECT_EQ(chan_len(self->c), i);
		EXPECT_EQ(chan_send_elem(self->c, &v), 0);
	}
	EXPECT_EQ(chan_len(self->c), variant->capacity);
}

TEST_F(ints, try_says_EAGAIN_rather_than_wait)
{
	int i, v = 1;

	EXPECT_EQ(chan_recv_elem_try(self->c, &v), -EAGAIN);
	EXPECT_EQ(v, 1);
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(chan_send_elem_try(self->c, &v), 0);
	EXPECT_EQ(chan_send_elem_try(self->c, &v), -EAGAIN);
}

TEST_F(ints, try_meets_a_receiver_that_waits)
{
	struct call receiver = { .c = self->c, .function = recv_one };
	int v = 7;

	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_send_elem_try(self->c, &v), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(receiver.value, 7);
}

TEST_F(ints, the_time_passes_if_nobody_comes)
{
	struct timespec before, after;
	int i, v = 1;

	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(chan_send_elem(self->c, &v), 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	EXPECT_EQ(chan_send_elem_timeout(self->c, &v, 20 * MS), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT_GE((after.tv_sec - before.tv_sec) * 1000000000LL +
		  after.tv_nsec - before.tv_nsec, 20LL * (long long)MS);
	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(chan_recv_elem(self->c, &v), 1);
	EXPECT_EQ(chan_recv_elem_timeout(self->c, &v, 0), -ETIMEDOUT);
	EXPECT_EQ(chan_recv_elem_timeout(self->c, &v, MS), -ETIMEDOUT);
}

TEST_F(ints, a_timeout_waits_for_who_comes)
{
	struct call receiver = {
		.c = self->c, .function = recv_one_timeout, .timeout_ns = UINT64_MAX,
	};
	int v = 9;

	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_send_elem_timeout(self->c, &v, LONG), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(receiver.value, 9);
}

TEST_F(ints, close_wakes_who_waits)
{
	struct call receivers[4], closer = { .c = self->c, .function = close_it };
	size_t i;

	for (i = 0; i < ARRAY(receivers); i++) {
		receivers[i] = (struct call){
			.c = self->c, .function = recv_one, .value = 5,
		};
		call_start(&receivers[i]);
	}
	wait_parked(self->c, 0, ARRAY(receivers));
	call_start(&closer);
	EXPECT_EQ(call_end(&closer), 0);
	for (i = 0; i < ARRAY(receivers); i++) {
		EXPECT_EQ(call_end(&receivers[i]), 0);
		EXPECT_EQ(receivers[i].value, 0);
	}
}

TEST_F(ints, close_fails_senders_that_wait)
{
	struct call sender = { .c = self->c, .function = send_many, .n = variant->capacity + 1 };

	call_start(&sender);
	wait_parked(self->c, 1, 0);
	EXPECT_EQ(chan_close(self->c), 0);
	EXPECT_EQ(call_end(&sender), -EPIPE);
}

TEST_F(ints, send_and_close_of_a_closed_channel_are_EPIPE)
{
	int v[2] = { };

	EXPECT_EQ(chan_close(self->c), 0);
	EXPECT_EQ(chan_close(self->c), -EPIPE);
	EXPECT_EQ(chan_send_elem(self->c, v), -EPIPE);
	EXPECT_EQ(chan_send_elem_try(self->c, v), -EPIPE);
	EXPECT_EQ(chan_send_elem_timeout(self->c, v, LONG), -EPIPE);
	EXPECT_EQ(chan_send_elems(self->c, v, 2), -EPIPE);
}

static int send_batch(struct call *call)
{
	int v[200], i;

	for (i = 0; i < call->n; i++)
		v[i] = i;
	return chan_send_elems(call->c, v, call->n);
}

TEST_F(ints, a_batch_is_sent_whole_and_received_as_it_comes)
{
	struct call sender = { .c = self->c, .function = send_batch, .n = 200 };
	int v[64], got = 0, i, r;

	call_start(&sender);
	while (got < 200) {
		r = chan_recv_elems(self->c, v, ARRAY(v));
		ASSERT_GT(r, 0);
		for (i = 0; i < r; i++)
			EXPECT_EQ(v[i], got + i);
		got += r;
	}
	EXPECT_EQ(call_end(&sender), 200);
}

TEST_F(ints, a_batch_that_may_not_wait_counts_what_went)
{
	int v[100] = { };

	if (variant->capacity) {
		EXPECT_EQ(chan_send_elems_try(self->c, v, 100), variant->capacity);
		EXPECT_EQ(chan_send_elems_timeout(self->c, v, 100, MS), -ETIMEDOUT);
		EXPECT_EQ(chan_recv_elems_try(self->c, v, 100), variant->capacity);
		EXPECT_EQ(chan_send_elems_timeout(self->c, v, 100, MS), variant->capacity);
		EXPECT_EQ(chan_recv_elems_timeout(self->c, v, 100, LONG), variant->capacity);
	}
	EXPECT_EQ(chan_recv_elems_try(self->c, v, 100), -EAGAIN);
	EXPECT_EQ(chan_recv_elems_timeout(self->c, v, 100, MS), -ETIMEDOUT);
	EXPECT_EQ(chan_send_elems(self->c, v, 0), -EINVAL);
	EXPECT_EQ(chan_recv_elems(self->c, v, 0), -EINVAL);
}

TEST_F(ints, a_bad_address_changes_nothing)
{
	void *bad = (void *)8;
	int v = 3;

	if (!variant->capacity)
		return;
	EXPECT_EQ(chan_send_elem(self->c, bad), -EFAULT);
	EXPECT_EQ(chan_len(self->c), 0);
	EXPECT_EQ(chan_send_elem(self->c, &v), 0);
	EXPECT_EQ(chan_recv_elem(self->c, bad), -EFAULT);
	EXPECT_EQ(chan_len(self->c), 1);
}

TEST_F(ints, a_handle_that_goes_does_not_close)
{
	struct chan *other = NULL;
	int v = 4;

	ASSERT_EQ(chan_narrow(&other, self->c, O_WRONLY), 0);
	chan_unref(other);
	EXPECT_EQ(chan_recv_elem_try(self->c, &v), -EAGAIN);
	if (variant->capacity)
		EXPECT_EQ(chan_send_elem(self->c, &v), 0);
}

TEST_F(ints, threads_share_a_handle)
{
	struct call senders[4];
	long sum = 0;
	size_t i;
	int n, v;

	for (i = 0; i < ARRAY(senders); i++) {
		senders[i] = (struct call){
			.c = chan_ref(self->c), .function = send_many, .from = i * 250, .n = 250,
		};
		call_start(&senders[i]);
	}
	for (n = 0; n < 1000; n++) {
		ASSERT_EQ(chan_recv_elem(self->c, &v), 1);
		sum += v;
	}
	for (i = 0; i < ARRAY(senders); i++) {
		EXPECT_EQ(call_end(&senders[i]), 0);
		EXPECT_EQ(chan_unref(senders[i].c), NULL);
	}
	EXPECT_EQ(sum, 999 * 1000 / 2);
}

TEST_F(ints, a_nonblocking_handle_waits_with_a_timeout_only)
{
	struct call receiver = { .function = recv_one_timeout, .timeout_ns = LONG };
	int v = 6;

	ASSERT_EQ(chan_narrow(&receiver.c, self->c, O_RDWR | O_NONBLOCK), 0);
	EXPECT_EQ(chan_recv_elem(receiver.c, &v), -EAGAIN);
	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_send_elem(receiver.c, &v), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(receiver.value, 6);
	chan_unref(receiver.c);
}

TEST_F(ints, info_counts_who_waits_and_what_went)
{
	struct call receiver = { .c = self->c, .function = recv_one };
	struct chan_info info;
	int v = 1;

	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_send_elem(self->c, &v), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	ASSERT_EQ(chan_info(self->c, &info, sizeof(info)), 0);
	EXPECT_EQ(info.size, sizeof(info));
	EXPECT_EQ(info.id, chan_id(self->c));
	EXPECT_EQ(info.elem_size, sizeof(int));
	EXPECT_EQ(info.capacity, variant->capacity);
	EXPECT_EQ(info.len, 0);
	EXPECT_EQ(info.minor, CHAN_MINOR_NONE);
	EXPECT_EQ(info.sent, 1);
	EXPECT_EQ(info.received, 1);
	EXPECT_EQ(info.senders, 1);
	EXPECT_EQ(info.receivers, 1);
	EXPECT_EQ(info.flags, 0);
	EXPECT_EQ(chan_close(self->c), 0);
	ASSERT_EQ(chan_info(self->c, &info, sizeof(info)), 0);
	EXPECT_EQ(info.flags, CHAN_CLOSED);
}

static int signals;

static void on_signal(int signal)
{
	(void)signal;
	__atomic_fetch_add(&signals, 1, __ATOMIC_SEQ_CST);
}

static void handle_signals(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	signals = 0;
	sigaction(SIGUSR1, &action, NULL);
}

/*
 * A signal to who waits in the call, until it has got it. For its handler to have run one
 * can't wait: with the thread sanitizer it runs when the call is over.
 */
static void interrupt(struct call *call)
{
	unsigned long long pending;
	char path[64], line[128];
	FILE *f;

	pthread_kill(call->thread, SIGUSR1);
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", call->tid);
	do {
		pending = 0;
		f = fopen(path, "r");
		if (!f)
			abort();
		while (fgets(line, sizeof(line), f) && sscanf(line, "SigPnd: %llx", &pending) != 1)
			;
		fclose(f);
	} while (pending & 1ULL << (SIGUSR1 - 1));
}

TEST_F(ints, a_signal_with_SA_RESTART_does_not_end_a_wait)
{
	struct call receiver = { .c = self->c, .function = recv_one };
	int v = 8;

	handle_signals(SA_RESTART);
	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	interrupt(&receiver);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_send_elem(self->c, &v), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(receiver.value, 8);
	EXPECT_EQ(signals, 1);
}

TEST_F(ints, a_signal_without_SA_RESTART_is_EINTR)
{
	struct call receiver = { .c = self->c, .function = recv_one };

	handle_signals(0);
	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	pthread_kill(receiver.thread, SIGUSR1);
	EXPECT_EQ(call_end(&receiver), -EINTR);
}

TEST_F(ints, a_signal_during_a_timeout_is_EINTR_either_way)
{
	struct call receiver = {
		.c = self->c, .function = recv_one_timeout, .timeout_ns = LONG,
	};

	handle_signals(SA_RESTART);
	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	pthread_kill(receiver.thread, SIGUSR1);
	EXPECT_EQ(call_end(&receiver), -EINTR);
}

TEST_F(ints, a_handle_passed_to_another_process_is_the_same_channel)
{
	struct chan_expect expect = { .size = sizeof(expect), .elem_size = sizeof(int) };
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int sockets[2], v, status;
	struct cmsghdr *cmsg;
	struct chan *passed;
	pid_t child;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		if (recvmsg(sockets[1], &msg, MSG_CMSG_CLOEXEC) != 1)
			_exit(1);
		memcpy(&v, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(v));
		if (chan_from_fd(&passed, v, &expect))
			_exit(2);
		if (chan_id(passed) != chan_id(self->c))
			_exit(3);
		v = 1234;
		_exit(chan_send_elem(passed, &v) ? 4 : 0);
	}
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	v = chan_fd(self->c);
	memcpy(CMSG_DATA(cmsg), &v, sizeof(v));
	ASSERT_EQ(sendmsg(sockets[0], &msg, 0), 1);
	EXPECT_EQ(chan_recv_elem_timeout(self->c, &v, 20000 * MS), 1);
	EXPECT_EQ(v, 1234);
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	close(sockets[0]);
	close(sockets[1]);
}

FIXTURE(lib) {
	struct chan *c;
};

FIXTURE_SETUP(lib)
{
	if (no_module())
		SKIP(return, "%s", chan_strerror(-ENOSYS));
	self->c = NULL;
}

FIXTURE_TEARDOWN(lib)
{
	if (self->c && chan_flags(self->c) & CHAN_NAMED)
		chan_destroy(self->c, CHAN_DESTROY_FORCE);
	chan_unref(self->c);
}

TEST_F(lib, messages_keep_their_lengths)
{
	char buf[100];
	size_t len;

	self->c = make(100, 4, CHAN_MESSAGE);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_send_msg(self->c, "hello", 5), 0);
	EXPECT_EQ(chan_send_msg_try(self->c, NULL, 0), 0);
	EXPECT_EQ(chan_send_msg_timeout(self->c, buf, 100, LONG), 0);
	EXPECT_EQ(chan_recv_msg(self->c, buf, sizeof(buf), &len), 1);
	EXPECT_EQ(len, 5);
	EXPECT_EQ(memcmp(buf, "hello", 5), 0);
	EXPECT_EQ(chan_recv_msg_try(self->c, buf, sizeof(buf), &len), 1);
	EXPECT_EQ(len, 0);
	EXPECT_EQ(chan_recv_msg_timeout(self->c, buf, 1000000, &len, LONG), 1);
	EXPECT_EQ(len, 100);
	EXPECT_EQ(chan_recv_msg_try(self->c, buf, sizeof(buf), &len), -EAGAIN);
	EXPECT_EQ(chan_recv_msg_timeout(self->c, buf, sizeof(buf), &len, MS), -ETIMEDOUT);
	EXPECT_EQ(chan_close(self->c), 0);
	len = 7;
	EXPECT_EQ(chan_recv_msg(self->c, buf, sizeof(buf), &len), 0);
	EXPECT_EQ(len, 0);
}

TEST_F(lib, a_message_stays_if_the_buffer_is_too_small)
{
	size_t len = 77;
	char buf[100];

	self->c = make(100, 4, CHAN_MESSAGE);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_send_msg(self->c, buf, 101), -EMSGSIZE);
	EXPECT_EQ(chan_send_msg(self->c, "hello", 5), 0);
	EXPECT_EQ(chan_recv_msg(self->c, buf, 4, &len), -EMSGSIZE);
	EXPECT_EQ(len, 77);
	EXPECT_EQ(chan_len(self->c), 1);
	EXPECT_EQ(chan_recv_msg(self->c, buf, 5, &len), 1);
	EXPECT_EQ(len, 5);
}

TEST_F(lib, elements_and_messages_do_not_mix)
{
	char buf[100];

	self->c = make(100, 4, CHAN_MESSAGE);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_send_elem(self->c, buf), -EPROTO);
	EXPECT_EQ(chan_len(self->c), 0);
}

TEST_F(lib, elements_of_no_size_still_count)
{
	self->c = make(0, 2, 0);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_send_elem(self->c, NULL), 0);
	EXPECT_EQ(chan_send_elem(self->c, NULL), 0);
	EXPECT_EQ(chan_send_elem_try(self->c, NULL), -EAGAIN);
	EXPECT_EQ(chan_len(self->c), 2);
	EXPECT_EQ(chan_recv_elem(self->c, NULL), 1);
	EXPECT_EQ(chan_recv_elems(self->c, NULL, 5), 1);
	EXPECT_EQ(chan_recv_elem_try(self->c, NULL), -EAGAIN);
}

TEST_F(lib, a_narrow_handle_can_not_be_widened)
{
	struct chan *sender = NULL, *receiver = NULL, *look = NULL, *wide = NULL;
	struct chan_info info;
	int v = 1;

	self->c = make(sizeof(int), 4, 0);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(chan_narrow(&sender, self->c, O_WRONLY), 0);
	ASSERT_EQ(chan_narrow(&receiver, self->c, O_RDONLY), 0);
	ASSERT_EQ(chan_narrow(&look, receiver, CHAN_O_LOOK), 0);
	EXPECT_EQ(chan_id(look), chan_id(self->c));
	EXPECT_EQ(chan_narrow(&wide, sender, O_RDWR), -EBADF);
	EXPECT_EQ(chan_narrow(&wide, sender, O_RDONLY), -EBADF);
	EXPECT_EQ(chan_narrow(&wide, look, O_WRONLY), -EBADF);
	EXPECT_EQ(chan_narrow(&wide, self->c, O_RDWR | O_APPEND), -EINVAL);
	EXPECT_EQ(wide, NULL);
	EXPECT_EQ(chan_send_elem(receiver, &v), -EBADF);
	EXPECT_EQ(chan_close(receiver), -EBADF);
	EXPECT_EQ(chan_recv_elem(sender, &v), -EBADF);
	EXPECT_EQ(chan_send_elem(look, &v), -EBADF);
	EXPECT_EQ(chan_recv_elem(look, &v), -EBADF);
	EXPECT_EQ(chan_info(look, &info, sizeof(info)), 0);
	EXPECT_EQ(info.senders, 2);
	EXPECT_EQ(info.receivers, 2);
	EXPECT_EQ(chan_send_elem(sender, &v), 0);
	EXPECT_EQ(chan_recv_elem(receiver, &v), 1);
	EXPECT_EQ(chan_close(sender), 0);
	chan_unref(sender);
	chan_unref(receiver);
	chan_unref(look);
}

TEST_F(lib, every_handle_is_close_on_exec)
{
	struct chan *narrow = NULL;

	self->c = make_named("cloexec", NULL, 0);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(fcntl(chan_fd(self->c), F_GETFD), FD_CLOEXEC);
	ASSERT_EQ(chan_narrow(&narrow, self->c, O_RDWR), 0);
	EXPECT_EQ(fcntl(chan_fd(narrow), F_GETFD), FD_CLOEXEC);
	chan_unref(narrow);
	ASSERT_EQ(chan_open_name(&narrow, "cloexec", O_RDWR, NULL), 0);
	EXPECT_EQ(fcntl(chan_fd(narrow), F_GETFD), FD_CLOEXEC);
	chan_unref(narrow);
}

TEST_F(lib, autoclose_closes_with_the_last_sender)
{
	struct chan *sender = NULL;
	struct chan *receiver = NULL;
	int v = 5;

	self->c = make(sizeof(int), 4, CHAN_AUTOCLOSE);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(chan_narrow(&receiver, self->c, O_RDONLY), 0);
	ASSERT_EQ(chan_narrow(&sender, self->c, O_WRONLY), 0);
	self->c = chan_unref(self->c);
	EXPECT_EQ(chan_send_elem(sender, &v), 0);
	chan_unref(sender);
	EXPECT_EQ(chan_recv_elem(receiver, &v), 1);
	EXPECT_EQ(chan_recv_elem(receiver, &v), 0);
	chan_unref(receiver);
}

TEST_F(lib, hangup_fails_sends_after_the_last_receiver)
{
	struct chan *sender = NULL;
	struct chan_info info;
	int v = 5;

	self->c = make(sizeof(int), 4, CHAN_HANGUP);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(chan_narrow(&sender, self->c, O_WRONLY), 0);
	EXPECT_EQ(chan_send_elem(sender, &v), 0);
	self->c = chan_unref(self->c);
	EXPECT_EQ(chan_send_elem(sender, &v), -EPIPE);
	EXPECT_EQ(chan_info(sender, &info, sizeof(info)), 0);
	EXPECT_EQ(info.flags, CHAN_HANGUP | CHAN_HUNGUP);
	EXPECT_EQ(chan_close(sender), 0);
	chan_unref(sender);
}

TEST_F(lib, a_named_channel_is_opened_in_every_way)
{
	struct chan_expect expect = {
		.size = sizeof(expect), .elem_size = sizeof(int), .type = "int32",
	};
	char path[32], name[32];
	struct chan *other = NULL;
	unsigned int minor = 0;
	uint64_t id = 0;
	int v = 11;

	self->c = make_named("jobs", "int32", 0640);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_send_elem(self->c, &v), 0);
	EXPECT_EQ(chan_resolve("jobs", &minor, &id), 0);
	EXPECT_EQ(id, chan_id(self->c));

	ASSERT_EQ(chan_open_name(&other, "jobs", O_RDONLY, &expect), 0);
	EXPECT_EQ(chan_id(other), id);
	EXPECT_STREQ(chan_name(other), "jobs");
	EXPECT_STREQ(chan_type(other), "int32");
	EXPECT_EQ(chan_recv_elem(other, &v), 1);
	EXPECT_EQ(v, 11);
	chan_unref(other);

	snprintf(name, sizeof(name), "%u:jobs", (unsigned int)getuid());
	ASSERT_EQ(chan_open_name(&other, name, O_WRONLY, NULL), 0);
	EXPECT_EQ(chan_id(other), id);
	EXPECT_EQ(chan_recv_elem(other, &v), -EBADF);
	chan_unref(other);

	ASSERT_EQ(chan_open_minor(&other, minor, CHAN_O_LOOK, &expect), 0);
	EXPECT_EQ(chan_id(other), id);
	chan_unref(other);

	snprintf(path, sizeof(path), "/dev/chan%u", minor);
	ASSERT_EQ(chan_open_path(&other, path, O_RDWR, &expect), 0);
	EXPECT_EQ(chan_id(other), id);
	chan_unref(other);
}

TEST_F(lib, a_channel_of_another_type_is_EPROTO)
{
	struct chan_expect expect = {
		.size = sizeof(expect), .elem_size = sizeof(int), .type = "float",
	};
	struct chan *other = NULL;

	self->c = make_named("typed", "int32", 0);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_open_name(&other, "typed", O_RDONLY, &expect), -EPROTO);
	expect.type = NULL;
	expect.elem_size++;
	EXPECT_EQ(chan_open_name(&other, "typed", O_RDONLY, &expect), -EPROTO);
	EXPECT_EQ(other, NULL);
}

TEST_F(lib, a_name_is_taken_once)
{
	struct chan_options options = { .size = sizeof(options), .name = "twice" };
	struct chan *other = NULL;

	self->c = make_named("twice", NULL, 0);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_new(&other, 4, 0, O_RDWR, &options), -EEXIST);
}

TEST_F(lib, destroy_is_unlink)
{
	struct chan *other = NULL;
	struct chan_info info;
	unsigned int minor;
	uint64_t id;
	int v = 21;

	self->c = make_named("gone", NULL, 0);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_send_elem(self->c, &v), 0);
	EXPECT_EQ(chan_destroy(self->c, 2), -EINVAL);
	EXPECT_EQ(chan_destroy(self->c, 0), -ENOTEMPTY);
	EXPECT_EQ(chan_resolve("gone", &minor, &id), 0);
	EXPECT_EQ(chan_destroy(self->c, CHAN_DESTROY_FORCE), 0);
	EXPECT_EQ(chan_destroy(self->c, CHAN_DESTROY_FORCE), -ENODEV);
	EXPECT_EQ(chan_open_name(&other, "gone", O_RDWR, NULL), -ENOENT);
	EXPECT_EQ(chan_open_minor(&other, minor, O_RDWR, NULL), -ENOENT);
	EXPECT_EQ(chan_info(self->c, &info, sizeof(info)), 0);
	EXPECT_TRUE(info.flags & CHAN_DESTROYED);
	EXPECT_EQ(chan_recv_elem(self->c, &v), 1);
	EXPECT_EQ(v, 21);
}

TEST_F(lib, an_anonymous_channel_has_nothing_to_destroy)
{
	self->c = make(4, 0, 0);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_destroy(self->c, 0), -ENODEV);
}

static bool listed(uint64_t id)
{
	struct chan_info entries[3];
	unsigned int next = 0;
	int i, n, found = 0;

	while ((n = chan_list(&next, entries, ARRAY(entries), sizeof(entries[0]))) > 0)
		for (i = 0; i < n; i++)
			found += entries[i].id == id;
	return n == 0 && found == 1;
}

TEST_F(lib, the_list_has_each_named_channel_once)
{
	struct chan *named[7];
	char name[16];
	size_t i;

	for (i = 0; i < ARRAY(named); i++) {
		snprintf(name, sizeof(name), "listed%zu", i);
		named[i] = make_named(name, NULL, 0);
		ASSERT_NE(named[i], NULL);
	}
	self->c = make(4, 0, 0);
	ASSERT_NE(self->c, NULL);
	EXPECT_FALSE(listed(chan_id(self->c)));
	for (i = 0; i < ARRAY(named); i++)
		EXPECT_TRUE(listed(chan_id(named[i])));
	for (i = 0; i < ARRAY(named); i++) {
		EXPECT_EQ(chan_destroy(named[i], 0), 0);
		EXPECT_FALSE(listed(chan_id(named[i])));
		chan_unref(named[i]);
	}
}

TEST_F(lib, limits_count_channels)
{
	struct chan_limits before, after;

	ASSERT_EQ(chan_limits(&before, sizeof(before)), 0);
	self->c = make(8, 16, 0);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(chan_limits(&after, sizeof(after)), 0);
	EXPECT_EQ(after.size, sizeof(after));
	EXPECT_TRUE(after.features & CHAN_FEATURE_CORE);
	EXPECT_EQ(after.elem_size_max, CHAN_ELEM_SIZE_MAX);
	EXPECT_EQ(after.channels, before.channels + 1);
	EXPECT_GE(after.bytes, before.bytes + 8 * 16);
}

TEST_F(lib, structures_of_a_later_version_are_understood)
{
	struct {
		struct chan_info info;
		uint64_t newer;
	} info;
	struct {
		struct chan_limits limits;
		uint64_t newer;
	} limits;

	self->c = make(8, 16, 0);
	ASSERT_NE(self->c, NULL);
	memset(&info, 0xff, sizeof(info));
	EXPECT_EQ(chan_info(self->c, &info.info, sizeof(info)), 0);
	EXPECT_EQ(info.info.elem_size, 8);
	EXPECT_EQ(info.newer, 0);
	EXPECT_EQ(chan_limits(&limits.limits, sizeof(limits)), 0);
	EXPECT_EQ(limits.newer, 0);
}

TEST_F(lib, what_is_not_allowed_is_refused)
{
	struct chan_options options = { .size = sizeof(options) };

	EXPECT_EQ(chan_new(&self->c, CHAN_ELEM_SIZE_MAX + 1, 0, O_RDWR, NULL), -EINVAL);
	EXPECT_EQ(chan_new(&self->c, 1, CHAN_CAPACITY_MAX + 1, O_RDWR, NULL), -EINVAL);
	EXPECT_EQ(chan_new(&self->c, 4096, CHAN_CAPACITY_MAX, O_RDWR, NULL), -EOVERFLOW);
	EXPECT_EQ(chan_new(&self->c, 4, 0, O_RDWR | O_TRUNC, NULL), -EINVAL);
	options.mode = 0644;
	EXPECT_EQ(chan_new(&self->c, 4, 0, O_RDWR, &options), -EINVAL);
	options.flags = CHAN_NAMED;
	options.mode = 0777;
	EXPECT_EQ(chan_new(&self->c, 4, 0, O_RDWR, &options), -EINVAL);
	options.mode = 0;
	options.name = "a b";
	EXPECT_EQ(chan_new(&self->c, 4, 0, O_RDWR, &options), -EINVAL);
	options.name = NULL;
	options.type = " int";
	EXPECT_EQ(chan_new(&self->c, 4, 0, O_RDWR, &options), -EINVAL);
	options.type = NULL;
	options.flags = CHAN_MESSAGE;
	EXPECT_EQ(chan_new(&self->c, 0, 0, O_RDWR, &options), -EINVAL);
	options.flags = 0x80;
	EXPECT_EQ(chan_new(&self->c, 4, 0, O_RDWR, &options), -EINVAL);
	EXPECT_EQ(self->c, NULL);
}

TEST_F(lib, what_is_no_channel_is_ENOTTY)
{
	int ctl = chan_ctl_open(), null = open("/dev/null", O_RDWR);

	ASSERT_GE(ctl, 0);
	ASSERT_GE(null, 0);
	EXPECT_EQ(chan_open_path(&self->c, "/dev/null", O_RDWR, NULL), -ENOTTY);
	EXPECT_EQ(chan_open_path(&self->c, "/dev/chanctl", O_RDWR, NULL), -ENOTTY);
	EXPECT_EQ(chan_from_fd(&self->c, null, NULL), -ENOTTY);
	EXPECT_EQ(chan_from_fd(&self->c, -1, NULL), -EBADF);
	EXPECT_EQ(chan_new_at(&self->c, null, 4, 0, O_RDWR, NULL), -ENOTTY);
	EXPECT_EQ(chan_new_at(&self->c, -1, 4, 0, O_RDWR, NULL), -EBADF);
	close(ctl);
	close(null);
}

TEST_F(lib, nobody_has_such_a_name)
{
	unsigned int minor;
	uint64_t id;

	EXPECT_EQ(chan_resolve("no-such-channel", &minor, &id), -ENOENT);
	EXPECT_EQ(chan_resolve("1:no-such-channel", &minor, &id), -ENOENT);
	EXPECT_EQ(chan_resolve("", &minor, &id), -EINVAL);
	EXPECT_EQ(chan_open_name(&self->c, "no-such-channel", O_RDWR, NULL), -ENOENT);
}

TEST_F(lib, one_open_chanctl_makes_many_channels)
{
	struct chan *many[500];
	int ctl = chan_ctl_open();
	uint64_t last = 0;
	size_t i;

	ASSERT_GE(ctl, 0);
	for (i = 0; i < ARRAY(many); i++) {
		ASSERT_EQ(chan_new_at(&many[i], ctl, 8, 1, O_RDWR, NULL), 0);
		EXPECT_NE(chan_id(many[i]), last);
		last = chan_id(many[i]);
	}
	close(ctl);
	for (i = 0; i < ARRAY(many); i++)
		chan_unref(many[i]);
}

/* As another user, what the node's mode says. */
static int open_as_user(const char *name, int oflags)
{
	struct chan *c = NULL;
	int status;
	pid_t child = fork();

	if (!child) {
		if (setgid(UID) || setuid(UID))
			_exit(255);
		_exit(-chan_open_name(&c, name, oflags, NULL));
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 1;
	return -WEXITSTATUS(status);
}

TEST_F(lib, the_mode_of_the_node_says_who_may_open)
{
	struct stat was;
	int r;

	if (getuid())
		SKIP(return, "not root");
	self->c = make_named("guarded", NULL, 0604);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(stat("/dev/chanctl", &was), 0);
	ASSERT_EQ(chmod("/dev/chanctl", 0666), 0);
	r = open_as_user("guarded", O_RDONLY);
	EXPECT_EQ(r, 0);
	r = open_as_user("0:guarded", O_WRONLY);
	EXPECT_EQ(r, -EACCES);
	r = open_as_user("1000:guarded", O_RDONLY);
	EXPECT_EQ(r, -ENOENT);
	ASSERT_EQ(chmod("/dev/chanctl", 0600), 0);
	r = open_as_user("guarded", O_RDONLY);
	EXPECT_EQ(r, -EACCES);
	EXPECT_EQ(chmod("/dev/chanctl", was.st_mode & 0777), 0);
}

struct remaker {
	pthread_t thread;
	int stop, failed;
};

static void *remake(void *arg)
{
	struct remaker *remaker = arg;
	struct chan *c;

	while (!__atomic_load_n(&remaker->stop, __ATOMIC_SEQ_CST)) {
		c = make_named("odd", "odd", 0);
		if (!c || chan_destroy(c, 0)) {
			remaker->failed = 1;
			break;
		}
		chan_unref(c);
	}
	return NULL;
}

TEST_F(lib, a_name_that_comes_and_goes_is_there_or_is_not)
{
	struct remaker remaker = { };
	int opened = 0, r;
	struct chan *c;

	if (getuid())
		SKIP(return, "not root: the rate of named channels is limited");
	ASSERT_EQ(pthread_create(&remaker.thread, NULL, remake, &remaker), 0);
	while (opened < (debug_kernel() ? 30 : 300)) {
		r = chan_open_name(&c, "odd", O_RDWR, NULL);
		if (r == -ENOENT)
			continue;
		ASSERT_EQ(r, 0);
		EXPECT_STREQ(chan_type(c), "odd");
		chan_unref(c);
		opened++;
	}
	__atomic_store_n(&remaker.stop, 1, __ATOMIC_SEQ_CST);
	pthread_join(remaker.thread, NULL);
	EXPECT_EQ(remaker.failed, 0);
}

/*
 * Select
 */

static int select_it(struct call *call)
{
	return chan_select(call->choices, call->n, 0);
}

static int select_it_timeout(struct call *call)
{
	return chan_select_timeout(call->choices, call->n, 0, call->timeout_ns);
}

/* Two channels of ints, and a case to receive from each. */
FIXTURE(two) {
	struct chan *a, *b;
	int va, vb;
	struct chan_choice choices[2];
	struct chan_sel *sel;
};

FIXTURE_VARIANT(two) {
	int capacity;
};

FIXTURE_VARIANT_ADD(two, unbuffered) { .capacity = 0 };
FIXTURE_VARIANT_ADD(two, of_1) { .capacity = 1 };
FIXTURE_VARIANT_ADD(two, of_64) { .capacity = 64 };

FIXTURE_SETUP(two)
{
	if (no_module())
		SKIP(return, "%s", chan_strerror(-ENOSYS));
	ASSERT_EQ(chan_new(&self->a, sizeof(int), variant->capacity, O_RDWR, NULL), 0);
	ASSERT_EQ(chan_new(&self->b, sizeof(int), variant->capacity, O_RDWR, NULL), 0);
	self->choices[0] = (struct chan_choice){ .c = self->a, .buf = &self->va, .result = 42 };
	self->choices[1] = (struct chan_choice){ .c = self->b, .buf = &self->vb, .result = 42 };
	ASSERT_EQ(chan_sel_new(&self->sel, self->a, O_NONBLOCK), 0);
}

FIXTURE_TEARDOWN(two)
{
	chan_sel_unref(self->sel);
	chan_unref(self->a);
	chan_unref(self->b);
}

TEST_F(two, a_select_without_a_ready_case_takes_the_default)
{
	int i, v = 1;

	EXPECT_EQ(chan_select_try(self->choices, 2, 0), -EAGAIN);
	EXPECT_EQ(chan_select_try(self->choices, 2, CHAN_PRIORITY), -EAGAIN);
	EXPECT_EQ(chan_select_timeout(self->choices, 2, 0, 0), -ETIMEDOUT);
	EXPECT_EQ(chan_select_timeout(self->choices, 2, 0, MS), -ETIMEDOUT);
	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(chan_send_elem(self->a, &v), 0);
	self->choices[0].op = CHAN_CASE_SEND;
	EXPECT_EQ(chan_select_try(self->choices, 2, 0), -EAGAIN);
	EXPECT_EQ(self->choices[0].result, 42);
	EXPECT_EQ(self->choices[1].result, 42);
}

TEST_F(two, a_select_receives_from_who_is_ready)
{
	struct call sender = { .c = self->b, .function = send_many, .from = 5, .n = 1 };

	call_start(&sender);
	EXPECT_EQ(chan_select(self->choices, 2, 0), 1);
	EXPECT_EQ(self->choices[1].result, 1);
	EXPECT_EQ(self->vb, 5);
	EXPECT_EQ(self->choices[0].result, 42);
	EXPECT_EQ(call_end(&sender), 0);
	EXPECT_EQ(chan_select_try(self->choices, 2, 0), -EAGAIN);
}

TEST_F(two, a_select_sends_to_who_is_ready)
{
	struct call receiver = { .c = self->b, .function = recv_one };
	int i, v = 1;

	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(chan_send_elem(self->a, &v), 0);
	self->choices[0].op = self->choices[1].op = CHAN_CASE_SEND;
	self->vb = 77;
	call_start(&receiver);
	EXPECT_EQ(chan_select_timeout(self->choices, 2, 0, LONG), 1);
	EXPECT_EQ(self->choices[1].result, 1);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(receiver.value, 77);
	EXPECT_EQ(chan_len(self->a), variant->capacity);
}

TEST_F(two, a_select_that_waits_is_met_once)
{
	struct call waiter = { .choices = self->choices, .n = 2, .function = select_it };
	int v = 3;

	call_start(&waiter);
	wait_parked(self->a, 0, 1);
	wait_parked(self->b, 0, 1);
	EXPECT_EQ(chan_send_elem(self->b, &v), 0);
	EXPECT_EQ(call_end(&waiter), 1);
	EXPECT_EQ(self->vb, 3);
	EXPECT_EQ(self->choices[0].result, 42);
	wait_parked(self->a, 0, 0);
	wait_parked(self->b, 0, 0);
	if (!variant->capacity) {
		EXPECT_EQ(chan_send_elem_try(self->a, &v), -EAGAIN);
		EXPECT_EQ(chan_send_elem_try(self->b, &v), -EAGAIN);
	}
}

TEST_F(two, two_selects_meet)
{
	struct chan_choice sends[2] = {
		{ .c = self->a, .op = CHAN_CASE_SEND }, { .c = self->b, .op = CHAN_CASE_SEND },
	};
	struct call waiter = { .choices = self->choices, .n = 2, .function = select_it };
	int sent[2] = { 10, 11 }, i;

	sends[0].buf = &sent[0];
	sends[1].buf = &sent[1];
	call_start(&waiter);
	i = chan_select(sends, 2, 0);
	ASSERT_GE(i, 0);
	EXPECT_EQ(sends[i].result, 1);
	EXPECT_EQ(call_end(&waiter), i);
	EXPECT_EQ(i ? self->vb : self->va, 10 + i);
}

TEST_F(two, a_select_never_meets_itself)
{
	self->choices[1] = (struct chan_choice){
		.c = self->a, .buf = &self->vb, .op = CHAN_CASE_SEND,
	};
	if (!variant->capacity) {
		EXPECT_EQ(chan_select_try(self->choices, 2, 0), -EAGAIN);
		EXPECT_EQ(chan_select_timeout(self->choices, 2, 0, MS), -ETIMEDOUT);
		return;
	}
	EXPECT_EQ(chan_select(self->choices, 2, 0), 1);
	EXPECT_EQ(chan_len(self->a), 1);
}

TEST_F(two, a_closed_channel_is_ready)
{
	self->va = self->vb = 9;
	EXPECT_EQ(chan_close(self->b), 0);
	EXPECT_EQ(chan_select(self->choices, 2, 0), 1);
	EXPECT_EQ(self->choices[1].result, 0);
	EXPECT_EQ(self->vb, 0);
	EXPECT_EQ(self->va, 9);
	self->choices[1].op = CHAN_CASE_SEND;
	self->vb = 9;
	EXPECT_EQ(chan_select(self->choices, 2, 0), 1);
	EXPECT_EQ(self->choices[1].result, -EPIPE);
	EXPECT_EQ(self->vb, 9);
	EXPECT_EQ(self->choices[0].result, 42);
}

TEST_F(two, close_wakes_a_select)
{
	struct call waiter = {
		.choices = self->choices, .n = 2, .timeout_ns = LONG,
		.function = select_it_timeout,
	};

	self->va = 9;
	call_start(&waiter);
	wait_parked(self->a, 0, 1);
	EXPECT_EQ(chan_close(self->a), 0);
	EXPECT_EQ(call_end(&waiter), 0);
	EXPECT_EQ(self->choices[0].result, 0);
	EXPECT_EQ(self->va, 0);
	EXPECT_EQ(self->choices[1].result, 42);
}

TEST_F(two, a_nil_channel_is_never_ready)
{
	struct call sender = { .c = self->a, .function = send_many, .n = 1 };

	self->choices[0].c = NULL;
	call_start(&sender);
	if (!variant->capacity)
		wait_parked(self->a, 1, 0);
	else
		while (chan_len(self->a) != 1)
			sched_yield();
	EXPECT_EQ(chan_select_try(self->choices, 2, 0), -EAGAIN);
	EXPECT_EQ(chan_select_timeout(self->choices, 2, 0, MS), -ETIMEDOUT);
	self->choices[0].c = self->a;
	EXPECT_EQ(chan_select(self->choices, 2, 0), 0);
	EXPECT_EQ(call_end(&sender), 0);
}

/* Receive from both until both are closed. Return: the sum, or -1. */
static long merge(struct chan_choice *choices, unsigned int flags)
{
	int open = 2, i;
	long sum = 0;

	while (open) {
		i = chan_select(choices, 2, flags);
		if (i < 0)
			return -1;
		if (choices[i].result) {
			sum += *(int *)choices[i].buf;
		} else {
			choices[i].c = NULL;
			open--;
		}
	}
	return sum;
}

static int send_and_close(struct call *call)
{
	return send_many(call) ?: chan_close(call->c);
}

TEST_F(two, channels_are_merged_without_loss)
{
	struct call senders[2] = {
		{ .c = self->a, .function = send_and_close, .n = 1000 },
		{ .c = self->b, .function = send_and_close, .from = 1000, .n = 1000 },
	};

	call_start(&senders[0]);
	call_start(&senders[1]);
	EXPECT_EQ(merge(self->choices, 0), 1999 * 2000 / 2);
	EXPECT_EQ(call_end(&senders[0]), 0);
	EXPECT_EQ(call_end(&senders[1]), 0);
}

TEST_F(two, priority_takes_the_first_and_chance_takes_any)
{
	int i, chosen[2] = { };

	EXPECT_EQ(chan_close(self->a), 0);
	EXPECT_EQ(chan_close(self->b), 0);
	for (i = 0; i < 100; i++)
		EXPECT_EQ(chan_select(self->choices, 2, CHAN_PRIORITY), 0);
	for (i = 0; i < 200; i++) {
		int r = chan_select(self->choices, 2, 0);

		ASSERT_GE(r, 0);
		chosen[r]++;
	}
	EXPECT_GT(chosen[0], 0);	/* else a chance of 2^-200 */
	EXPECT_GT(chosen[1], 0);
}

TEST_F(two, a_select_goes_on_after_a_signal_with_SA_RESTART)
{
	struct call waiter = { .choices = self->choices, .n = 2, .function = select_it };
	int v = 8;

	handle_signals(SA_RESTART);
	call_start(&waiter);
	wait_parked(self->b, 0, 1);
	interrupt(&waiter);
	wait_parked(self->a, 0, 1);
	EXPECT_EQ(chan_send_elem(self->a, &v), 0);
	EXPECT_EQ(call_end(&waiter), 0);
	EXPECT_EQ(self->va, 8);
	EXPECT_EQ(signals, 1);
}

TEST_F(two, a_signal_ends_a_select_as_any_call)
{
	struct call waiter = { .choices = self->choices, .n = 2, .function = select_it };

	handle_signals(0);
	call_start(&waiter);
	wait_parked(self->b, 0, 1);
	pthread_kill(waiter.thread, SIGUSR1);
	EXPECT_EQ(call_end(&waiter), -EINTR);
	handle_signals(SA_RESTART);
	waiter.function = select_it_timeout;
	waiter.timeout_ns = LONG;
	call_start(&waiter);
	wait_parked(self->b, 0, 1);
	pthread_kill(waiter.thread, SIGUSR1);
	EXPECT_EQ(call_end(&waiter), -EINTR);
	EXPECT_EQ(self->choices[0].result, 42);
	EXPECT_EQ(self->choices[1].result, 42);
}

TEST_F(two, a_select_that_is_wrong_changes_nothing)
{
	struct chan *sender = NULL;
	int v = 1;

	if (!variant->capacity)
		return;
	ASSERT_EQ(chan_send_elem(self->a, &v), 0);
	ASSERT_EQ(chan_narrow(&sender, self->b, O_WRONLY), 0);
	self->choices[1].c = sender;
	EXPECT_EQ(chan_select(self->choices, 2, 0), -EBADF);
	self->choices[1].c = self->b;
	self->choices[0].buf = (void *)8;
	EXPECT_EQ(chan_select(self->choices, 2, 0), -EFAULT);
	self->choices[0].buf = &self->va;
	self->choices[1].op = 2;
	EXPECT_EQ(chan_select(self->choices, 2, 0), -EINVAL);
	EXPECT_EQ(chan_len(self->a), 1);
	self->choices[1].op = 0;
	EXPECT_EQ(chan_select(self->choices, 2, 0), 0);
	EXPECT_EQ(self->va, 1);
	chan_unref(sender);
}

TEST_F(two, as_many_cases_as_there_may_be)
{
	struct chan_choice *many = calloc(CHAN_CASES_MAX + 1, sizeof(*many));
	struct call waiter = { .choices = many, .n = CHAN_CASES_MAX, .function = select_it };
	int i, v = 6;

	ASSERT_NE(many, NULL);
	for (i = 0; i < CHAN_CASES_MAX; i++)
		many[i] = self->choices[0];
	many[1000] = self->choices[1];
	EXPECT_EQ(chan_select_try(many, CHAN_CASES_MAX, 0), -EAGAIN);
	EXPECT_EQ(chan_select_try(many, CHAN_CASES_MAX + 1, 0), -EINVAL);
	call_start(&waiter);
	wait_parked(self->a, 0, CHAN_CASES_MAX - 1);
	wait_parked(self->b, 0, 1);
	EXPECT_EQ(chan_send_elem(self->b, &v), 0);
	EXPECT_EQ(call_end(&waiter), 1000);
	EXPECT_EQ(self->vb, 6);
	free(many);
}

/*
 * Selectors
 */

static int readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1 ? p.revents : 0;
}

TEST_F(two, a_selector_turns_readable)
{
	int v = 13;

	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EINPROGRESS);
	wait_parked(self->a, 0, 1);
	wait_parked(self->b, 0, 1);
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EBUSY);
	EXPECT_EQ(readable(chan_sel_fd(self->sel), 0), 0);
	EXPECT_EQ(chan_sel_read(self->sel, self->choices, 2), -EAGAIN);
	EXPECT_EQ(chan_send_elem_try(self->b, &v), 0);
	EXPECT_EQ(readable(chan_sel_fd(self->sel), -1), POLLIN);
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EBUSY);
	EXPECT_EQ(chan_sel_read(self->sel, self->choices, 2), 1);
	EXPECT_EQ(self->choices[1].result, 1);
	EXPECT_EQ(self->vb, 13);
	EXPECT_EQ(self->choices[0].result, 42);
	EXPECT_EQ(readable(chan_sel_fd(self->sel), 0), 0);
	EXPECT_EQ(chan_sel_read(self->sel, self->choices, 2), -EAGAIN);
	wait_parked(self->a, 0, 0);
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EINPROGRESS);
	EXPECT_EQ(chan_sel_disarm(self->sel), 0);
}

TEST_F(two, a_selector_sends_what_it_was_armed_with)
{
	int i, v = 1;

	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(chan_send_elem(self->a, &v), 0);
	self->choices[0].op = CHAN_CASE_SEND;
	self->va = 21;
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EINPROGRESS);
	self->va = 22;
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(chan_recv_elem_try(self->a, &v), 1);
	EXPECT_EQ(chan_recv_elem_try(self->a, &v), 1);
	EXPECT_EQ(v, 21);
	EXPECT_EQ(chan_sel_read(self->sel, self->choices, 2), 0);
	EXPECT_EQ(self->choices[0].result, 1);
	EXPECT_EQ(self->va, 22);
}

TEST_F(two, a_selector_that_needs_no_waiting_is_a_select)
{
	int v = 4;

	EXPECT_EQ(chan_close(self->b), 0);
	self->vb = 9;
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), 1);
	EXPECT_EQ(self->choices[1].result, 0);
	EXPECT_EQ(self->vb, 0);
	EXPECT_EQ(readable(chan_sel_fd(self->sel), 0), 0);
	EXPECT_EQ(chan_sel_disarm(self->sel), -EINVAL);
	if (!variant->capacity)
		return;
	EXPECT_EQ(chan_send_elem(self->a, &v), 0);
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, CHAN_PRIORITY), 0);
	EXPECT_EQ(self->va, 4);
}

TEST_F(two, a_selector_hears_of_a_close)
{
	self->choices[0].c = NULL;
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EINPROGRESS);
	self->vb = 9;
	EXPECT_EQ(chan_close(self->b), 0);
	EXPECT_EQ(readable(chan_sel_fd(self->sel), -1), POLLIN);
	EXPECT_EQ(chan_sel_read(self->sel, self->choices, 2), 1);
	EXPECT_EQ(self->choices[1].result, 0);
	EXPECT_EQ(self->vb, 0);
}

TEST_F(two, a_selector_hears_that_it_can_not_send)
{
	int i, v = 1;

	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(chan_send_elem(self->a, &v), 0);
	self->choices[0].op = CHAN_CASE_SEND;
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EINPROGRESS);
	EXPECT_EQ(chan_close(self->a), 0);
	EXPECT_EQ(chan_sel_read(self->sel, self->choices, 2), 0);
	EXPECT_EQ(self->choices[0].result, -EPIPE);
	EXPECT_EQ(chan_len(self->a), variant->capacity);
}

TEST_F(two, a_selector_is_taken_back_or_it_is_too_late)
{
	int v = 17;

	EXPECT_EQ(chan_sel_disarm(self->sel), -EINVAL);
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EINPROGRESS);
	EXPECT_EQ(chan_sel_disarm(self->sel), 0);
	wait_parked(self->a, 0, 0);
	EXPECT_EQ(chan_send_elem_try(self->a, &v), variant->capacity ? 0 : -EAGAIN);
	if (variant->capacity) {
		EXPECT_EQ(chan_recv_elem(self->a, &v), 1);
	}
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EINPROGRESS);
	EXPECT_EQ(chan_send_elem_try(self->a, &v), 0);
	EXPECT_EQ(chan_sel_disarm(self->sel), -EALREADY);
	EXPECT_EQ(chan_sel_read(self->sel, self->choices, 2), 0);
	EXPECT_EQ(self->va, 17);
}

TEST_F(two, a_selector_that_goes_gives_back)
{
	int v = 19;

	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EINPROGRESS);
	EXPECT_EQ(chan_send_elem_try(self->a, &v), 0);
	EXPECT_EQ(chan_recv_elem_try(self->a, &v), -EAGAIN);
	EXPECT_EQ(chan_sel_ref(self->sel), self->sel);
	chan_sel_unref(self->sel);
	EXPECT_EQ(chan_recv_elem_try(self->a, &v), -EAGAIN);
	self->sel = chan_sel_unref(self->sel);
	v = 0;
	EXPECT_EQ(chan_recv_elem_try(self->a, &v), 1);
	EXPECT_EQ(v, 19);
	wait_parked(self->b, 0, 0);
}

static int read_sel(struct call *call)
{
	return chan_sel_read(call->sel, call->choices, call->n);
}

TEST_F(two, a_blocking_selector_waits_for_its_result)
{
	struct call reader = { .choices = self->choices, .n = 2, .function = read_sel };
	int v = 23;

	ASSERT_EQ(chan_sel_new(&reader.sel, NULL, 0), 0);
	EXPECT_EQ(chan_sel_arm(reader.sel, self->choices, 2, 0), -EINPROGRESS);
	call_start(&reader);
	EXPECT_EQ(chan_send_elem_try(self->b, &v), 0);
	EXPECT_EQ(call_end(&reader), 1);
	EXPECT_EQ(self->vb, 23);
	chan_sel_unref(reader.sel);
}

TEST_F(two, an_armed_selector_keeps_its_channels)
{
	struct chan *other = NULL;
	int v = 29;

	ASSERT_EQ(chan_narrow(&other, self->a, O_RDONLY), 0);
	self->choices[0].c = other;
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 1, 0), -EINPROGRESS);
	close(chan_fd(other));
	EXPECT_EQ(chan_send_elem_try(self->a, &v), 0);
	EXPECT_EQ(chan_sel_read(self->sel, self->choices, 1), 0);
	EXPECT_EQ(self->va, 29);
	dup2(chan_fd(self->a), chan_fd(other));
	chan_unref(other);
}

static int select_nothing(struct call *call)
{
	return call->timeout_ns ? chan_select_timeout(NULL, 0, 0, call->timeout_ns) :
	       chan_select(NULL, 0, 0);
}

/* It can't be seen that it sleeps: signals follow each other until one ends it. */
static int ended_by_signals(struct call *call)
{
	handle_signals(0);
	call_start(call);
	while (pthread_tryjoin_np(call->thread, NULL))
		pthread_kill(call->thread, SIGUSR1);
	return call->result;
}

TEST(a_select_without_a_channel_sleeps)
{
	struct chan_choice nil[2] = { { .op = CHAN_CASE_SEND } };
	struct call waiter = { .function = select_nothing };
	struct timespec before, after;

	EXPECT_EQ(chan_select_try(nil, 2, 0), -EAGAIN);
	EXPECT_EQ(chan_select_try(NULL, 0, 0), -EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &before);
	EXPECT_EQ(chan_select_timeout(nil, 2, 0, 20 * MS), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT_GE((after.tv_sec - before.tv_sec) * 1000000000LL +
		  after.tv_nsec - before.tv_nsec, 20LL * (long long)MS);
	EXPECT_EQ(ended_by_signals(&waiter), -EINTR);
	waiter.timeout_ns = UINT64_MAX;
	EXPECT_EQ(ended_by_signals(&waiter), -EINTR);
}

TEST_F(lib, a_select_of_messages_tells_their_lengths)
{
	char buf[100] = "", word[] = "word";
	struct chan_choice choice = { .buf = buf, .size = sizeof(buf), .len = 77 };

	self->c = choice.c = make(100, 4, CHAN_MESSAGE);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_send_msg(self->c, "hello", 5), 0);
	EXPECT_EQ(chan_send_msg(self->c, NULL, 0), 0);
	choice.size = 4;
	EXPECT_EQ(chan_select(&choice, 1, 0), -EMSGSIZE);
	EXPECT_EQ(chan_len(self->c), 2);
	EXPECT_EQ(choice.len, 77);
	choice.size = 1000;
	EXPECT_EQ(chan_select(&choice, 1, 0), 0);
	EXPECT_EQ(choice.len, 5);
	EXPECT_EQ(memcmp(buf, "hello", 5), 0);
	EXPECT_EQ(chan_select(&choice, 1, 0), 0);
	EXPECT_EQ(choice.result, 1);
	EXPECT_EQ(choice.len, 0);

	choice = (struct chan_choice){
		.c = self->c, .op = CHAN_CASE_SEND, .buf = word, .len = 4,
	};
	EXPECT_EQ(chan_select(&choice, 1, 0), 0);
	EXPECT_EQ(choice.result, 1);
	choice.len = 101;
	EXPECT_EQ(chan_select(&choice, 1, 0), -EMSGSIZE);
	choice = (struct chan_choice){ .c = self->c, .buf = buf, .size = 100 };
	EXPECT_EQ(chan_select(&choice, 1, 0), 0);
	EXPECT_EQ(choice.len, 4);
	EXPECT_EQ(memcmp(buf, "word", 4), 0);
	EXPECT_EQ(chan_close(self->c), 0);
	EXPECT_EQ(chan_select(&choice, 1, 0), 0);
	EXPECT_EQ(choice.result, 0);
	EXPECT_EQ(choice.len, 0);
}

TEST_F(lib, a_selector_gives_messages)
{
	char buf[100] = "";
	struct chan_choice choice = { .buf = buf, .size = 99 };
	struct chan_sel *sel = NULL;

	self->c = choice.c = make(100, 4, CHAN_MESSAGE);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(chan_sel_new(&sel, NULL, O_NONBLOCK), 0);
	EXPECT_EQ(chan_sel_arm(sel, &choice, 1, 0), -EMSGSIZE);
	choice.size = 100;
	EXPECT_EQ(chan_sel_arm(sel, &choice, 1, 0), -EINPROGRESS);
	EXPECT_EQ(chan_send_msg_try(self->c, "hello", 5), 0);
	choice.size = 99;
	EXPECT_EQ(chan_sel_read(sel, &choice, 1), -EMSGSIZE);
	choice.size = 100;
	EXPECT_EQ(chan_sel_read(sel, &choice, 1), 0);
	EXPECT_EQ(choice.result, 1);
	EXPECT_EQ(choice.len, 5);
	EXPECT_EQ(memcmp(buf, "hello", 5), 0);
	EXPECT_EQ(chan_sel_arm(sel, &choice, 1, 0), -EINPROGRESS);
	EXPECT_EQ(chan_send_msg_try(self->c, NULL, 0), 0);
	EXPECT_EQ(chan_sel_read(sel, &choice, 1), 0);
	EXPECT_EQ(choice.result, 1);
	EXPECT_EQ(choice.len, 0);
	chan_sel_unref(sel);
}

TEST_F(lib, a_selector_gives_large_elements)
{
	static char in[65536], out[65536];
	struct chan_choice choice = { .buf = out };
	struct chan_sel *sel = NULL;
	size_t i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = i * 7;
	self->c = choice.c = make(sizeof(in), 0, 0);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(chan_sel_new(&sel, self->c, 0), 0);
	EXPECT_EQ(chan_sel_arm(sel, &choice, 1, 0), -EINPROGRESS);
	EXPECT_EQ(chan_send_elem_try(self->c, in), 0);
	EXPECT_EQ(chan_sel_read(sel, &choice, 1), 0);
	EXPECT_EQ(memcmp(in, out, sizeof(in)), 0);
	chan_sel_unref(sel);
}

TEST_F(lib, elements_of_no_size_are_selected)
{
	struct chan_choice choice = { };
	struct chan_sel *sel = NULL;

	self->c = choice.c = make(0, 1, 0);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(chan_sel_new(&sel, self->c, 0), 0);
	EXPECT_EQ(chan_sel_arm(sel, &choice, 1, 0), -EINPROGRESS);
	EXPECT_EQ(chan_send_elem_try(self->c, NULL), 0);
	EXPECT_EQ(chan_sel_read(sel, &choice, 1), 0);
	EXPECT_EQ(choice.result, 1);
	EXPECT_EQ(chan_send_elem_try(self->c, NULL), 0);
	EXPECT_EQ(chan_select(&choice, 1, 0), 0);
	EXPECT_EQ(choice.result, 1);
	EXPECT_EQ(chan_close(self->c), 0);
	EXPECT_EQ(chan_select(&choice, 1, 0), 0);
	EXPECT_EQ(choice.result, 0);
	chan_sel_unref(sel);
}

/* As another user, who may not open /dev/chanctl but was handed a channel. */
static int make_selector_as_user(const struct chan *via)
{
	struct chan_sel *sel = NULL;
	int status;
	pid_t child = fork();

	if (!child) {
		if (setgid(UID) || setuid(UID))
			_exit(255);
		_exit(-chan_sel_new(&sel, via, 0));
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 1;
	return -WEXITSTATUS(status);
}

TEST_F(lib, a_selector_needs_a_channel_or_chanctl)
{
	struct stat was;
	int r;

	if (getuid())
		SKIP(return, "not root");
	self->c = make(4, 0, 0);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(stat("/dev/chanctl", &was), 0);
	ASSERT_EQ(chmod("/dev/chanctl", 0600), 0);
	r = make_selector_as_user(NULL);
	EXPECT_EQ(r, -EACCES);
	r = make_selector_as_user(self->c);
	EXPECT_EQ(r, 0);
	EXPECT_EQ(chmod("/dev/chanctl", was.st_mode & 0777), 0);
}

TEST_F(lib, limits_count_selectors_and_timers)
{
	struct chan_limits before, after;
	struct chan_sel *sel = NULL;

	ASSERT_EQ(chan_limits(&before, sizeof(before)), 0);
	ASSERT_EQ(chan_sel_new(&sel, NULL, 0), 0);
	ASSERT_EQ(chan_after(&self->c, UINT64_MAX), 0);
	ASSERT_EQ(chan_limits(&after, sizeof(after)), 0);
	EXPECT_TRUE(after.features & CHAN_FEATURE_SELECT);
	EXPECT_TRUE(after.features & CHAN_FEATURE_TIMER);
	EXPECT_EQ(after.selectors, before.selectors + 1);
	EXPECT_EQ(after.timers, before.timers + 1);
	EXPECT_EQ(after.channels, before.channels + 1);
	EXPECT_GT(after.user_selectors, 0);
	EXPECT_GT(after.user_timers, 0);
	EXPECT_EQ(chan_sel_new(&sel, NULL, O_TRUNC), -EINVAL);
	chan_sel_unref(sel);
}

/*
 * Handles that stand by
 */

TEST_F(lib, who_stands_by_is_met_without_blocking)
{
	int v = 31;

	self->c = make(sizeof(int), 0, 0);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_recv_elem_try(self->c, &v), -EAGAIN);
	EXPECT_EQ(chan_send_elem_try(self->c, &v), -EAGAIN);
	EXPECT_EQ(chan_standby(self->c, 1), 0);
	EXPECT_EQ(chan_standby(self->c, 1), 1);
	EXPECT_EQ(chan_send_elem_try(self->c, &v), -EAGAIN);
	EXPECT_EQ(chan_recv_elem_try(self->c, &v), -EAGAIN);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(readable(chan_fd(self->c), 0), 0);
	EXPECT_EQ(chan_send_elem_try(self->c, &v), 0);
	EXPECT_EQ(chan_send_elem_try(self->c, &v), -EAGAIN);
	EXPECT_EQ(readable(chan_fd(self->c), -1), POLLIN);
	v = 0;
	EXPECT_EQ(chan_recv_elem_try(self->c, &v), 1);
	EXPECT_EQ(v, 31);
	EXPECT_EQ(chan_recv_elem_try(self->c, &v), -EAGAIN);
	EXPECT_EQ(chan_standby(self->c, 0), 1);
	wait_parked(self->c, 0, 0);
	EXPECT_EQ(chan_send_elem_try(self->c, &v), -EAGAIN);
	EXPECT_EQ(chan_standby(self->c, 0), 0);
}

TEST_F(lib, who_no_longer_stands_by_gives_back)
{
	struct chan *other = NULL;
	int v = 37;

	self->c = make(sizeof(int), 0, CHAN_STANDBY);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_flags(self->c), CHAN_STANDBY);
	ASSERT_EQ(chan_narrow(&other, self->c, O_RDONLY), 0);
	EXPECT_EQ(chan_recv_elem_try(self->c, &v), -EAGAIN);
	EXPECT_EQ(chan_send_elem_try(self->c, &v), 0);
	EXPECT_EQ(chan_len(self->c), 0);
	EXPECT_EQ(chan_standby(self->c, 0), 1);
	EXPECT_EQ(chan_len(self->c), 1);
	v = 0;
	EXPECT_EQ(chan_recv_elem_try(other, &v), 1);
	EXPECT_EQ(v, 37);
	EXPECT_EQ(chan_recv_elem_try(other, &v), -EAGAIN);
	EXPECT_EQ(chan_send_elem_try(self->c, &v), 0);
	chan_unref(other);
	EXPECT_EQ(chan_recv_elem(self->c, &v), 1);
	EXPECT_EQ(v, 37);
}

TEST_F(lib, who_may_not_stand_by_is_told)
{
	struct chan *sender = NULL;

	self->c = make(sizeof(int), 0, 0);
	ASSERT_NE(self->c, NULL);
	ASSERT_EQ(chan_narrow(&sender, self->c, O_WRONLY), 0);
	EXPECT_EQ(chan_standby(sender, 1), -EBADF);
	EXPECT_EQ(readable(chan_fd(self->c), 0), 0);
	EXPECT_EQ(chan_standby(self->c, 1), 0);
	chan_unref(sender);
}

/*
 * Timers
 */

static uint64_t real_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

TEST_F(lib, a_timer_sends_the_time_once)
{
	uint64_t before = real_time(), t = 0;

	ASSERT_EQ(chan_after(&self->c, 20 * MS), 0);
	EXPECT_EQ(chan_flags(self->c), CHAN_TIMER);
	EXPECT_EQ(chan_elem_size(self->c), sizeof(t));
	EXPECT_EQ(chan_recv_elem(self->c, &t), 1);
	EXPECT_GE(t, before + 20 * MS);
	EXPECT_LE(t, real_time());
	EXPECT_EQ(chan_timer_stop(self->c), 0);
	EXPECT_EQ(chan_recv_elem_try(self->c, &t), -EAGAIN);
	EXPECT_EQ(chan_timer_reset(self->c, UINT64_MAX, 0), 0);
	EXPECT_EQ(chan_timer_reset(self->c, 0, 0), 1);
	EXPECT_EQ(chan_recv_elem(self->c, &t), 1);
}

TEST_F(lib, a_ticker_sends_the_time_again_and_again)
{
	uint64_t last = real_time(), t;
	int i;

	ASSERT_EQ(chan_tick(&self->c, 5 * MS), 0);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(chan_recv_elem(self->c, &t), 1);
		EXPECT_GT(t, last);
		last = t;
	}
	EXPECT_EQ(chan_timer_stop(self->c), 1);
	EXPECT_EQ(chan_timer_stop(self->c), 0);
}

TEST_F(lib, who_stops_a_timer_receives_nothing_of_before)
{
	uint64_t t;
	int i;

	ASSERT_EQ(chan_tick(&self->c, 1), 0);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(readable(chan_fd(self->c), -1), POLLIN);
		EXPECT_EQ(chan_len(self->c), 1);
		EXPECT_EQ(chan_timer_stop(self->c), 1);
		EXPECT_EQ(chan_recv_elem_try(self->c, &t), -EAGAIN);
		EXPECT_EQ(chan_timer_reset(self->c, 1, 1), 0);
	}
}

TEST_F(two, a_select_waits_for_a_timer)
{
	struct chan *timer = NULL;
	uint64_t t;

	ASSERT_EQ(chan_after(&timer, 5 * MS), 0);
	self->choices[1] = (struct chan_choice){ .c = timer, .buf = &t };
	EXPECT_EQ(chan_select(self->choices, 2, 0), 1);
	EXPECT_EQ(self->choices[1].result, 1);
	EXPECT_EQ(chan_timer_reset(timer, 5 * MS, 0), 0);
	EXPECT_EQ(chan_sel_arm(self->sel, self->choices, 2, 0), -EINPROGRESS);
	EXPECT_EQ(readable(chan_sel_fd(self->sel), -1), POLLIN);
	EXPECT_EQ(chan_sel_read(self->sel, self->choices, 2), 1);
	EXPECT_LE(t, real_time());
	chan_unref(timer);
}

TEST_F(lib, a_named_timer_is_shared)
{
	struct chan_options options = {
		.size = sizeof(options), .flags = CHAN_TIMER, .name = "shared-timer",
	};
	struct chan *other = NULL;
	uint64_t t;

	ASSERT_EQ(chan_new(&self->c, 8, 1, O_RDONLY, &options), 0);
	EXPECT_EQ(chan_flags(self->c), CHAN_TIMER | CHAN_NAMED);
	EXPECT_EQ(chan_open_name(&other, "shared-timer", O_WRONLY, NULL), -EACCES);
	ASSERT_EQ(chan_open_name(&other, "shared-timer", O_RDONLY, NULL), 0);
	EXPECT_EQ(chan_timer_reset(other, MS, 0), 0);
	EXPECT_EQ(chan_recv_elem(self->c, &t), 1);
	EXPECT_EQ(chan_timer_reset(self->c, UINT64_MAX, 0), 0);
	EXPECT_EQ(chan_timer_stop(other), 1);
	chan_unref(other);
}

TEST_F(lib, what_is_no_timer_is_refused)
{
	struct chan_options options = { .size = sizeof(options), .flags = CHAN_TIMER };
	struct chan *look = NULL;
	uint64_t t = 0;

	EXPECT_EQ(chan_new(&self->c, 4, 1, O_RDONLY, &options), -EINVAL);
	EXPECT_EQ(chan_new(&self->c, 8, 2, O_RDONLY, &options), -EINVAL);
	EXPECT_EQ(chan_new(&self->c, 8, 1, O_RDWR, &options), -EINVAL);
	EXPECT_EQ(chan_tick(&self->c, 0), -EINVAL);
	EXPECT_EQ(self->c, NULL);
	self->c = make(8, 1, 0);
	ASSERT_NE(self->c, NULL);
	EXPECT_EQ(chan_timer_reset(self->c, 1, 1), -ENODEV);
	EXPECT_EQ(chan_timer_stop(self->c), -ENODEV);
	self->c = chan_unref(self->c);
	ASSERT_EQ(chan_after(&self->c, UINT64_MAX), 0);
	EXPECT_EQ(chan_send_elem(self->c, &t), -EBADF);
	EXPECT_EQ(chan_close(self->c), -EBADF);
	ASSERT_EQ(chan_narrow(&look, self->c, CHAN_O_LOOK), 0);
	EXPECT_EQ(chan_timer_stop(look), -EBADF);
	chan_unref(look);
}

TEST_HARNESS_MAIN
