// SPDX-License-Identifier: GPL-2.0
/*
 * Goroutines over the module: what waits in a channel waits without a thread, and nothing
 * is lost, whatever ends the wait. What needs no channels the library's own tests show.
 *
 * Built and linked as libchan.c is, and with Boost.Context.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <gochan.h>

#include "slow.h"

#define MS	1000000ULL
#define LONG	(600 * 1000 * MS)	/* never in a test that works */
#define UID	1000			/* a user who is not root */

#define ARRAY(a)	(sizeof(a) / sizeof((a)[0]))

#define get(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define set(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define add(p, v)	__atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)

/* A thread that only looks must not take the processor from those it waits for. */
static void step_aside(void)
{
	if (go_id())
		go_yield();
	else
		usleep(100);
}

#define WAIT_UNTIL(cond) do {							\
	while (!(cond))								\
		step_aside();							\
} while (0)

void *__tsan_create_fiber(unsigned int flags) __attribute__((weak));

/* To ThreadSanitizer each goroutine is a thread, of about a megabyte. */
static int goroutines(int n)
{
	return __tsan_create_fiber && n > 1000 ? 1000 : n;
}

/* No test sleeps and hopes: the module says who is parked. */
static void wait_parked(const struct chan *c, unsigned int senders, unsigned int receivers)
{
	struct chan_info info;

	do {
		step_aside();
		if (chan_info(c, &info, sizeof(info)))
			abort();
	} while (info.parked_senders != senders || info.parked_receivers != receivers);
}

static struct chan *make_flags(size_t elem_size, size_t capacity, uint32_t flags)
{
	struct chan_options options = { .size = sizeof(options), .flags = flags };
	struct chan *c = NULL;

	if (chan_new(&c, elem_size, capacity, O_RDWR, &options))
		abort();
	return c;
}

static struct chan *make(size_t elem_size, size_t capacity)
{
	return make_flags(elem_size, capacity, 0);
}

static void start(void (*fn)(void *arg), void *arg)
{
	if (go_start(fn, arg))
		abort();
}

static void allow_files(rlim_t soft, rlim_t hard)
{
	struct rlimit limit = { soft, hard };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		abort();
}

/* A call in a goroutine, or in several at once. */
struct call {
	struct chan *c;
	int (*function)(struct call *call);
	struct chan_choice *choices;
	struct chan_sel *sel;
	void *buf;
	size_t n;
	size_t len;
	uint64_t timeout_ns;
	int value;
	int result;
	int ended;	/* atomic */
};

static void call_run(void *arg)
{
	struct call *call = arg;

	call->result = call->function(call);
	add(&call->ended, 1);
}

static void call_start(struct call *call)
{
	start(call_run, call);
}

static int call_end(struct call *call)
{
	WAIT_UNTIL(get(&call->ended));
	return call->result;
}

static int recv_value(struct call *call)
{
	return chan_recv_elem(call->c, &call->value);
}

static int send_value(struct call *call)
{
	return chan_send_elem(call->c, &call->value);
}

static int recv_value_timeout(struct call *call)
{
	return chan_recv_elem_timeout(call->c, &call->value, call->timeout_ns);
}

static int send_value_timeout(struct call *call)
{
	return chan_send_elem_timeout(call->c, &call->value, call->timeout_ns);
}

static int recv_n(struct call *call)
{
	return chan_recv_elems(call->c, call->buf, call->n);
}

static int send_n(struct call *call)
{
	return chan_send_elems(call->c, call->buf, call->n);
}

static int recv_text(struct call *call)
{
	return chan_recv_msg(call->c, call->buf, call->n, &call->len);
}

static int select_n(struct call *call)
{
	return chan_select(call->choices, call->n, 0);
}

static int select_n_timeout(struct call *call)
{
	return chan_select_timeout(call->choices, call->n, 0, call->timeout_ns);
}

static int read_sel(struct call *call)
{
	return chan_sel_read(call->sel, call->choices, call->n);
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
	go_procs(1);
	self->c = make(sizeof(int), variant->capacity);
}

FIXTURE_TEARDOWN(ints)
{
	chan_unref(self->c);
}

static void fill(struct chan *c, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (chan_send_elem_try(c, &i))
			abort();
}

/* With one proc: a second call is made, so the first keeps no thread. */
TEST_F(ints, a_goroutine_waits_without_a_thread)
{
	struct call receivers[3] = {}, senders[3] = {};
	size_t i;

	for (i = 0; i < ARRAY(receivers); i++) {
		receivers[i] = (struct call){ .c = self->c, .function = recv_value };
		call_start(&receivers[i]);
		wait_parked(self->c, 0, i + 1);
	}
	for (i = 0; i < ARRAY(senders); i++) {
		senders[i] = (struct call){ .c = self->c, .function = send_value, .value = 10 + i };
		call_start(&senders[i]);
		EXPECT_EQ(call_end(&senders[i]), 0);
	}
	for (i = 0; i < ARRAY(receivers); i++) {
		EXPECT_EQ(call_end(&receivers[i]), 1);
		EXPECT_EQ(receivers[i].value, 10 + (int)i);
	}
}

TEST_F(ints, senders_wait_and_are_served_in_turn)
{
	struct call senders[3] = {};
	size_t i;
	int v;

	fill(self->c, variant->capacity);
	for (i = 0; i < ARRAY(senders); i++) {
		senders[i] = (struct call){ .c = self->c, .function = send_value, .value = 100 + i };
		call_start(&senders[i]);
		wait_parked(self->c, i + 1, 0);
	}
	for (i = 0; i < (size_t)variant->capacity + 3; i++) {
		ASSERT_EQ(chan_recv_elem(self->c, &v), 1);
		EXPECT_EQ(v, (int)i < variant->capacity ? (int)i :
			  100 + (int)i - variant->capacity);
	}
	for (i = 0; i < ARRAY(senders); i++)
		EXPECT_EQ(call_end(&senders[i]), 0);
}

TEST_F(ints, close_wakes_goroutines_that_receive)
{
	struct call receivers[4];
	size_t i;

	for (i = 0; i < ARRAY(receivers); i++) {
		receivers[i] = (struct call){ .c = self->c, .function = recv_value, .value = 7 };
		call_start(&receivers[i]);
	}
	wait_parked(self->c, 0, 4);
	EXPECT_EQ(chan_close(self->c), 0);
	for (i = 0; i < ARRAY(receivers); i++) {
		EXPECT_EQ(call_end(&receivers[i]), 0);
		EXPECT_EQ(receivers[i].value, 0);
	}
}

TEST_F(ints, close_wakes_goroutines_that_send)
{
	struct call senders[4];
	size_t i;

	fill(self->c, variant->capacity);
	for (i = 0; i < ARRAY(senders); i++) {
		senders[i] = (struct call){ .c = self->c, .function = send_value };
		call_start(&senders[i]);
	}
	wait_parked(self->c, 4, 0);
	EXPECT_EQ(chan_close(self->c), 0);
	for (i = 0; i < ARRAY(senders); i++)
		EXPECT_EQ(call_end(&senders[i]), -EPIPE);
	EXPECT_EQ(chan_len(self->c), variant->capacity);
}

TEST_F(ints, the_time_passes_if_nobody_comes)
{
	struct call receiver = {
		.c = self->c, .function = recv_value_timeout, .timeout_ns = 20 * MS, .value = 3,
	};
	struct call sender = {
		.c = self->c, .function = send_value_timeout, .timeout_ns = 20 * MS,
	};
	uint64_t begin = chan_now();
	int v;

	call_start(&receiver);
	EXPECT_EQ(call_end(&receiver), -ETIMEDOUT);
	EXPECT_GE(chan_now(), begin + 20 * MS);
	EXPECT_EQ(receiver.value, 3);
	fill(self->c, variant->capacity);
	call_start(&sender);
	EXPECT_EQ(call_end(&sender), -ETIMEDOUT);
	wait_parked(self->c, 0, 0);
	EXPECT_EQ(chan_len(self->c), variant->capacity);
	receiver.timeout_ns = 0;
	receiver.ended = 0;
	while (chan_recv_elem_try(self->c, &v) > 0)
		;
	call_start(&receiver);
	EXPECT_EQ(call_end(&receiver), -ETIMEDOUT);
}

TEST_F(ints, a_timeout_waits_for_who_comes)
{
	struct call receiver = {
		.c = self->c, .function = recv_value_timeout, .timeout_ns = LONG,
	};
	int v = 9;

	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_send_elem(self->c, &v), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(receiver.value, 9);
}

TEST_F(ints, a_nonblocking_handle_does_not_wait)
{
	struct call receiver = { .function = recv_value }, sender = { .function = send_value };

	ASSERT_EQ(chan_narrow(&receiver.c, self->c, O_RDWR | O_NONBLOCK), 0);
	sender.c = receiver.c;
	call_start(&receiver);
	EXPECT_EQ(call_end(&receiver), -EAGAIN);
	fill(self->c, variant->capacity);
	call_start(&sender);
	EXPECT_EQ(call_end(&sender), -EAGAIN);
	chan_unref(receiver.c);
}

TEST_F(ints, batches_wait_until_all_are_sent)
{
	int there[500], here[500], got = 0, i;
	struct call sender = { .c = self->c, .function = send_n, .buf = there, .n = 500 };
	struct call receiver = { .c = self->c, .function = recv_n };

	for (i = 0; i < 500; i++)
		there[i] = i;
	call_start(&sender);
	while (got < 500) {
		receiver.buf = here + got;
		receiver.n = 500 - got;
		receiver.ended = 0;
		call_start(&receiver);
		ASSERT_GT(call_end(&receiver), 0);
		got += receiver.result;
	}
	EXPECT_EQ(call_end(&sender), 500);
	for (i = 0; i < 500; i++)
		EXPECT_EQ(here[i], i);
}

TEST_F(ints, a_batch_that_a_close_ends_counts_what_went)
{
	int values[100] = {};
	struct call sender = { .c = self->c, .function = send_n, .buf = values, .n = 100 };
	int v;

	call_start(&sender);
	wait_parked(self->c, 1, 0);
	ASSERT_EQ(chan_recv_elem(self->c, &v), 1);
	wait_parked(self->c, 1, 0);
	EXPECT_EQ(chan_close(self->c), 0);
	EXPECT_EQ(call_end(&sender), variant->capacity + 1);
}

TEST_F(ints, a_handle_may_go_while_a_goroutine_waits)
{
	struct call receiver = { .function = recv_value };
	int v = 11;

	ASSERT_EQ(chan_narrow(&receiver.c, self->c, O_RDONLY), 0);
	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	chan_unref(receiver.c);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_send_elem(self->c, &v), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(receiver.value, 11);
}

TEST_F(ints, select_waits_for_several_channels)
{
	struct chan *other = make(sizeof(int), 0);
	int v = 5, w = 6;
	struct chan_choice choices[] = {
		{ .c = self->c, .buf = &v },
		{ .c = other, .op = CHAN_CASE_SEND, .buf = &w },
		{ .c = NULL, .buf = &v },
	};
	struct call call = { .function = select_n, .choices = choices, .n = 3 };
	int got;

	call_start(&call);
	wait_parked(other, 1, 0);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_recv_elem(other, &got), 1);
	EXPECT_EQ(got, 6);
	EXPECT_EQ(call_end(&call), 1);
	EXPECT_EQ(choices[1].result, 1);
	wait_parked(self->c, 0, 0);

	call.ended = 0;
	call_start(&call);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_close(self->c), 0);
	EXPECT_EQ(call_end(&call), 0);
	EXPECT_EQ(choices[0].result, 0);
	EXPECT_EQ(v, 0);
	chan_unref(other);
}

TEST_F(ints, select_ends_with_its_time)
{
	int v = 5;
	struct chan_choice choice = { .c = self->c, .buf = &v };
	struct call call = {
		.function = select_n_timeout, .choices = &choice, .n = 1, .timeout_ns = 5 * MS,
	};

	call_start(&call);
	EXPECT_EQ(call_end(&call), -ETIMEDOUT);
	choice.c = NULL;
	call.ended = 0;
	call_start(&call);
	EXPECT_EQ(call_end(&call), -ETIMEDOUT);
	wait_parked(self->c, 0, 0);
}

TEST_F(ints, a_selector_is_read_without_a_thread)
{
	struct chan_choice choice = { .c = self->c };
	struct call call = { .function = read_sel, .choices = &choice, .n = 1 };
	int v = 0, w = 8;

	choice.buf = &v;
	ASSERT_EQ(chan_sel_new(&call.sel, self->c, 0), 0);
	ASSERT_EQ(chan_sel_arm(call.sel, &choice, 1, 0), -EINPROGRESS);
	call_start(&call);
	WAIT_UNTIL(go_num() == 1);
	/* With one proc it runs when the other waits. */
	call_end(&(struct call){ .ended = 1 });
	EXPECT_EQ(chan_send_elem(self->c, &w), 0);
	EXPECT_EQ(call_end(&call), 0);
	EXPECT_EQ(v, 8);
	chan_sel_unref(call.sel);
	ASSERT_EQ(chan_sel_new(&call.sel, self->c, O_NONBLOCK), 0);
	ASSERT_EQ(chan_sel_arm(call.sel, &choice, 1, 0), -EINPROGRESS);
	call.ended = 0;
	call_start(&call);
	EXPECT_EQ(call_end(&call), -EAGAIN);
	chan_sel_unref(call.sel);
}

static int recv_in_block(struct call *call)
{
	int r;

	go_block_begin();
	r = chan_recv_elem(call->c, &call->value);
	go_block_end();
	return r;
}

TEST_F(ints, in_go_block_the_thread_waits)
{
	struct call receiver = { .c = self->c, .function = recv_in_block };
	struct call sender = { .c = self->c, .function = send_value, .value = 4 };

	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	call_start(&sender);
	EXPECT_EQ(call_end(&sender), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(receiver.value, 4);
}

/*
 * Elements of other sizes
 */

FIXTURE(sizes) {
	struct chan *c;
	char *there, *here;
};

FIXTURE_VARIANT(sizes) {
	size_t size;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(sizes, nothing) { .size = 0 };
FIXTURE_VARIANT_ADD(sizes, a_byte) { .size = 1 };
FIXTURE_VARIANT_ADD(sizes, as_much_as_needs_no_memory) { .size = 512 - 16 };
FIXTURE_VARIANT_ADD(sizes, one_more) { .size = 512 - 15 };
FIXTURE_VARIANT_ADD(sizes, a_page) { .size = 4096 };
FIXTURE_VARIANT_ADD(sizes, large) { .size = 200000 };
FIXTURE_VARIANT_ADD(sizes, message) { .size = 10, .flags = CHAN_MESSAGE };
FIXTURE_VARIANT_ADD(sizes, large_message) { .size = 5000, .flags = CHAN_MESSAGE };

FIXTURE_SETUP(sizes)
{
	size_t i;

	self->c = make_flags(variant->size, 0, variant->flags);
	self->there = malloc(variant->size + 1);
	self->here = calloc(1, variant->size + 1);
	for (i = 0; i < variant->size; i++)
		self->there[i] = i * 7 + 1;
}

FIXTURE_TEARDOWN(sizes)
{
	chan_unref(self->c);
	free(self->there);
	free(self->here);
}

static int recv_buf(struct call *call)
{
	if (chan_flags(call->c) & CHAN_MESSAGE)
		return chan_recv_msg(call->c, call->buf, call->n, &call->len);
	return chan_recv_elem(call->c, call->buf);
}

static int send_buf(struct call *call)
{
	if (chan_flags(call->c) & CHAN_MESSAGE)
		return chan_send_msg(call->c, call->buf, call->n);
	return chan_send_elem(call->c, call->buf);
}

TEST_F(sizes, meet_who_waits)
{
	struct call receiver = {
		.c = self->c, .function = recv_buf, .buf = self->here, .n = variant->size,
	};
	struct call sender = {
		.c = self->c, .function = send_buf, .buf = self->there, .n = variant->size,
	};

	call_start(&receiver);
	wait_parked(self->c, 0, 1);
	call_start(&sender);
	EXPECT_EQ(call_end(&sender), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(memcmp(self->here, self->there, variant->size), 0);
	if (variant->flags)
		EXPECT_EQ(receiver.len, variant->size);

	memset(self->here, 0, variant->size);
	receiver.ended = 0;
	sender.ended = 0;
	call_start(&sender);
	wait_parked(self->c, 1, 0);
	call_start(&receiver);
	EXPECT_EQ(call_end(&sender), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(memcmp(self->here, self->there, variant->size), 0);
}

TEST(a_message_that_does_not_fit_stays)
{
	struct chan *c = make_flags(100, 0, CHAN_MESSAGE);
	char small[10], large[100];
	struct call call = { .c = c, .function = recv_text, .buf = small, .n = sizeof(small) };
	struct chan_choice choice = { .c = c, .buf = small, .size = sizeof(small) };
	struct call select = { .function = select_n, .choices = &choice, .n = 1 };
	size_t len;

	call_start(&call);
	wait_parked(c, 0, 1);
	EXPECT_EQ(chan_send_msg(c, "eleven chars", 12), 0);
	EXPECT_EQ(call_end(&call), -EMSGSIZE);
	EXPECT_EQ(chan_recv_msg(c, large, sizeof(large), &len), 1);
	EXPECT_EQ(len, 12);

	call.ended = 0;
	call_start(&call);
	wait_parked(c, 0, 1);
	EXPECT_EQ(chan_send_msg(c, "short", 5), 0);
	EXPECT_EQ(call_end(&call), 1);
	EXPECT_EQ(call.len, 5);
	EXPECT_EQ(memcmp(small, "short", 5), 0);

	call_start(&select);
	wait_parked(c, 0, 1);
	EXPECT_EQ(chan_send_msg(c, "eleven chars", 12), 0);
	EXPECT_EQ(call_end(&select), -EMSGSIZE);
	EXPECT_EQ(chan_recv_msg(c, large, sizeof(large), &len), 1);
	EXPECT_EQ(len, 12);
	chan_unref(c);
}

/*
 * Whom one meets goes on, as in Go, before others that are ready, and nobody had to ask
 * epoll for it: that is done when nobody else is ready.
 */

struct meeting {
	struct chan *c;
	bool sending;		/* who waits */
	int turns;
	int met;		/* whose turn it was */
	int other;
};

static void wait_to_meet(void *arg)
{
	struct meeting *m = arg;
	int v = 0, r;

	r = m->sending ? chan_send_elem(m->c, &v) : chan_recv_elem(m->c, &v);
	if (r < 0)
		abort();
	set(&m->met, ++m->turns);
}

static void take_a_turn(void *arg)
{
	struct meeting *m = arg;

	m->other = ++m->turns;
}

static void meet(void *arg)
{
	struct meeting *m = arg;
	int v = 0, r;

	start(wait_to_meet, m);
	wait_parked(m->c, m->sending, !m->sending);
	start(take_a_turn, m);
	r = m->sending ? chan_recv_elem(m->c, &v) : chan_send_elem(m->c, &v);
	if (r < 0)
		abort();
	WAIT_UNTIL(m->turns == 2);
}

static void meet_one_that(struct __test_metadata *_metadata, bool sends)
{
	struct meeting m = { .c = make(sizeof(int), 0), .sending = sends };

	go_procs(1);
	go_run(meet, &m);
	EXPECT_EQ(m.met, 1);
	EXPECT_EQ(m.other, 2);
	chan_unref(m.c);
}

TEST(a_receiver_that_is_met_goes_on_before_others)
{
	meet_one_that(_metadata, false);
}

TEST(a_sender_that_is_met_goes_on_before_others)
{
	meet_one_that(_metadata, true);
}

static int child_status(pid_t pid);

static void send_in_child(void *arg)
{
	struct meeting *m = arg;

	go_procs(1);
	if (chan_send_elem(m->c, &m->other))
		_exit(1);
}

/*
 * Are all threads of this process asleep but the one that asks? The address sanitizer's
 * malloc isn't ready for a fork while another thread is in it.
 */
static bool others_sleep(void)
{
	DIR *tasks = opendir("/proc/self/task");
	char path[300], state = 'S';
	struct dirent *e;
	FILE *f;

	while (state == 'S' && (e = readdir(tasks))) {
		if (e->d_name[0] == '.' || atoi(e->d_name) == gettid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", e->d_name);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (f)
			fclose(f);
	}
	closedir(tasks);
	return state == 'S';
}

/* The child's memory says that one waits: it is the parent's, and not to be woken there. */
TEST(a_child_meets_goroutines_of_its_parent)
{
	struct meeting m = { .c = make(sizeof(int), 0) };
	pid_t pid;

	start(wait_to_meet, &m);
	wait_parked(m.c, 0, 1);
	WAIT_UNTIL(others_sleep());
	pid = fork();
	if (!pid) {
		go_run(send_in_child, &m);
		_exit(0);
	}
	EXPECT_EQ(child_status(pid), 0);
	WAIT_UNTIL(get(&m.met));
	chan_unref(m.c);
}

/*
 * Many
 */

struct link {
	struct chan *left, *right;
};

static void pass_on(void *arg)
{
	const struct link *link = arg;
	int v;

	if (chan_recv_elem(link->right, &v) != 1)
		abort();
	v++;
	if (chan_send_elem(link->left, &v))
		abort();
	chan_unref(link->right);
}

/*
 * With one proc: on a machine of two virtual processors, which are halted at any moment,
 * two threads in the kernel's locks for so long take minutes.
 */
FIXTURE(crowds) {
	int unused;
};

FIXTURE_SETUP(crowds)
{
	go_procs(1);
}

FIXTURE_TEARDOWN(crowds)
{
}

TEST_F_TIMEOUT(crowds, ten_thousand_in_a_chain, 600)
{
	int n = goroutines(10000 / slowness()), v = 0, i;
	struct chan *leftmost = make(sizeof(int), 0);
	struct link link = { .right = leftmost };

	allow_files(500000, 500000);
	for (i = 0; i < n; i++) {
		link.left = link.right;
		link.right = make(sizeof(int), 0);
		ASSERT_EQ(go_start_copy(pass_on, &link, sizeof(link)), 0);
	}
	ASSERT_EQ(chan_send_elem(link.right, &v), 0);
	ASSERT_EQ(chan_recv_elem(leftmost, &v), 1);
	EXPECT_EQ(v, n);
	WAIT_UNTIL(go_num() == 0);
	chan_unref(leftmost);
}

static long free_kib(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld kB", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* What of it is this process's own: its stacks. */
static long own_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		abort();
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) >> 10);
}

struct crowd {
	struct chan *c;
	int ended;
	int value;
};

static void join(void *arg)
{
	struct crowd *crowd = arg;
	int v = 5;

	if (chan_recv_elem(crowd->c, &v) || v)
		abort();
	add(&crowd->ended, 1);
}

/* Stacks, and what the kernel has of them, of selectors and of files. */
TEST_F_TIMEOUT(crowds, a_hundred_thousand_wait_in_less_than_a_gibibyte, 600)
{
	int n = goroutines(slowness() > 1 ? 5000 : 100000), i;
	struct crowd crowd = { .c = make(sizeof(int), 0) };
	long before, own, used;

	allow_files(1024, 500000);
	before = free_kib();
	own = own_kib();
	for (i = 0; i < n; i++)
		ASSERT_EQ(go_start(join, &crowd), 0);
	wait_parked(crowd.c, 0, n);
	used = before - free_kib();
	own = own_kib() - own;
	TH_LOG("%d goroutines wait: %ld KiB, %ld bytes each: %ld of their stacks, %ld the kernel's",
	       n, used, used * 1024 / n, own * 1024 / n, (used - own) * 1024 / n);
	if (slowness() == 1)
		EXPECT_LT(used, 1 << 20);
	EXPECT_EQ(go_num(), n);
	EXPECT_EQ(chan_close(crowd.c), 0);
	WAIT_UNTIL(get(&crowd.ended) == n);
	WAIT_UNTIL(go_num() == 0);
	chan_unref(crowd.c);
}

static void push(void *arg)
{
	struct crowd *crowd = arg;

	if (chan_send_elem(crowd->c, &crowd->value) != -EPIPE)
		abort();
	add(&crowd->ended, 1);
}

TEST_F_TIMEOUT(crowds, close_wakes_ten_thousand_senders, 600)
{
	int n = goroutines(10000 / slowness()), i;
	struct crowd crowd = { .c = make(sizeof(int), 0) };

	allow_files(100000, 100000);
	for (i = 0; i < n; i++)
		start(push, &crowd);
	wait_parked(crowd.c, n, 0);
	EXPECT_EQ(chan_close(crowd.c), 0);
	WAIT_UNTIL(get(&crowd.ended) == n);
	chan_unref(crowd.c);
}

struct echo {
	struct chan *there, *back;
	int rounds;
	int sum;
	int ended;
};

static void echo(void *arg)
{
	const struct echo *e = arg;
	int v;

	while (chan_recv_elem(e->there, &v) == 1) {
		v++;
		if (chan_send_elem(e->back, &v))
			abort();
	}
}

static void serve(void *arg)
{
	struct echo *e = arg;
	int i, v;

	for (i = 0; i < e->rounds; i++) {
		if (chan_send_elem(e->there, &i) || chan_recv_elem(e->back, &v) != 1)
			abort();
		e->sum += v;
	}
	chan_close(e->there);
	add(&e->ended, 1);
}

TEST(goroutines_meet_across_procs)
{
	struct echo e[8] = {};
	size_t i;
	int n = 1000;

	go_procs(4);
	for (i = 0; i < ARRAY(e); i++) {
		e[i] = (struct echo){
			.there = make(sizeof(int), i % 2), .back = make(sizeof(int), i / 2 % 2),
			.rounds = n,
		};
		start(echo, &e[i]);
		start(serve, &e[i]);
	}
	for (i = 0; i < ARRAY(e); i++) {
		WAIT_UNTIL(get(&e[i].ended));
		EXPECT_EQ(e[i].sum, n * (n + 1) / 2);
	}
}

/*
 * Time, closes and files against elements: each element is received once
 */

struct race {
	struct chan *c;
	int pipe[2];
	int rounds;
	long sent, received;	/* atomic; sums */
	int timeouts, files;	/* atomic */
	int senders, receivers;	/* atomic; that haven't ended */
};

static void send_in_time(void *arg)
{
	struct race *race = arg;
	int i, r;

	for (i = 1; i <= race->rounds; i++) {
		r = chan_send_elem_timeout(race->c, &i, i % 50 * 2000);
		if (!r)
			add(&race->sent, i);
		else if (r == -ETIMEDOUT)
			add(&race->timeouts, 1);
		else
			abort();
	}
	if (!add(&race->senders, -1))
		chan_close(race->c);
}

static void recv_in_time(void *arg)
{
	struct race *race = arg;
	int i = 0, r, v;

	do {
		r = chan_recv_elem_timeout(race->c, &v, i++ % 50 * 2000);
		if (r == 1)
			add(&race->received, v);
		else if (r == -ETIMEDOUT)
			add(&race->timeouts, 1);
	} while (r == 1 || r == -ETIMEDOUT);
	if (r)
		abort();
	add(&race->receivers, -1);
}

TEST(what_time_ends_is_neither_lost_nor_doubled)
{
	struct race race = {
		.c = make(sizeof(int), 0), .rounds = 2000, .senders = 4, .receivers = 4,
	};
	int i;

	go_procs(4);
	for (i = 0; i < 4; i++) {
		start(send_in_time, &race);
		start(recv_in_time, &race);
	}
	WAIT_UNTIL(!get(&race.receivers));
	EXPECT_EQ(race.sent, race.received);
	EXPECT_GT(race.sent, 0);
	EXPECT_GT(race.timeouts, 0);
	chan_unref(race.c);
}

static int file_and_channel(struct race *race, int *v, uint64_t timeout_ns)
{
	struct chan_choice choices[] = {
		{ .op = CHAN_CASE_POLL, .fd = race->pipe[0], .events = POLLIN },
		{ .c = race->c, .buf = v },
	};
	int r = chan_select_timeout(choices, 2, 0, timeout_ns);

	return r == 1 && !choices[1].result ? -EPIPE : r;
}

static void recv_or_read(void *arg)
{
	struct race *race = arg;
	int r, v, i = 0;
	char c;

	do {
		r = file_and_channel(race, &v, i++ % 10 ? LONG : i * 100);
		if (r == 1) {
			add(&race->received, v);
		} else if (r == 0) {
			/* Others may have taken the byte. */
			if (read(race->pipe[0], &c, 1) == 1)
				add(&race->files, 1);
		} else if (r != -ETIMEDOUT && r != -EPIPE) {
			abort();
		}
	} while (r != -EPIPE);
	add(&race->receivers, -1);
}

static void send_or_write(void *arg)
{
	struct race *race = arg;
	int i;

	for (i = 1; i <= race->rounds; i++) {
		if (write(race->pipe[1], "x", 1) != 1 || chan_send_elem(race->c, &i))
			abort();
		add(&race->sent, i);
	}
	if (!add(&race->senders, -1))
		chan_close(race->c);
}

static void *recv_or_read_thread(void *arg)
{
	recv_or_read(arg);
	return NULL;
}

TEST(what_a_file_ends_is_neither_lost_nor_doubled)
{
	struct race race = {
		.c = make(sizeof(int), 0), .rounds = 500, .senders = 4, .receivers = 5,
	};
	pthread_t thread;
	char c;
	int i;

	ASSERT_EQ(pipe2(race.pipe, O_NONBLOCK), 0);
	go_procs(4);
	ASSERT_EQ(pthread_create(&thread, NULL, recv_or_read_thread, &race), 0);
	for (i = 0; i < 4; i++) {
		start(send_or_write, &race);
		start(recv_or_read, &race);
	}
	WAIT_UNTIL(!get(&race.receivers));
	pthread_join(thread, NULL);
	while (read(race.pipe[0], &c, 1) == 1)
		race.files++;
	EXPECT_EQ(race.sent, race.received);
	EXPECT_EQ(race.files, 4 * 500);
	chan_unref(race.c);
}

/* In a goroutine and in a thread. */
FIXTURE(mixed) {
	struct race race;
	int v;
};

FIXTURE_VARIANT(mixed) {
	bool goroutine;
};

FIXTURE_VARIANT_ADD(mixed, goroutine) { .goroutine = true };
FIXTURE_VARIANT_ADD(mixed, thread) { .goroutine = false };

FIXTURE_SETUP(mixed)
{
	self->race.c = make(sizeof(int), 0);
	ASSERT_EQ(pipe2(self->race.pipe, O_NONBLOCK), 0);
}

FIXTURE_TEARDOWN(mixed)
{
	chan_unref(self->race.c);
}

static int mixed_call(struct call *call)
{
	return file_and_channel(call->buf, &call->value, call->timeout_ns);
}

static void *call_thread(void *arg)
{
	call_run(arg);
	return NULL;
}

static void call_start_as(struct call *call, bool goroutine)
{
	pthread_t thread;

	if (goroutine)
		call_start(call);
	else if (pthread_create(&thread, NULL, call_thread, call) || pthread_detach(thread))
		abort();
}

TEST_F(mixed, select_waits_for_a_channel_and_a_file)
{
	struct call call = { .function = mixed_call, .buf = &self->race, .timeout_ns = LONG };
	int v = 12;
	char c;

	call_start_as(&call, variant->goroutine);
	wait_parked(self->race.c, 0, 1);
	EXPECT_EQ(chan_send_elem(self->race.c, &v), 0);
	EXPECT_EQ(call_end(&call), 1);
	EXPECT_EQ(call.value, 12);

	call.ended = 0;
	call_start_as(&call, variant->goroutine);
	wait_parked(self->race.c, 0, 1);
	EXPECT_EQ(write(self->race.pipe[1], "x", 1), 1);
	EXPECT_EQ(call_end(&call), 0);
	wait_parked(self->race.c, 0, 0);
	EXPECT_EQ(read(self->race.pipe[0], &c, 1), 1);

	call.ended = 0;
	call.timeout_ns = 5 * MS;
	call_start_as(&call, variant->goroutine);
	EXPECT_EQ(call_end(&call), -ETIMEDOUT);
	wait_parked(self->race.c, 0, 0);

	call.ended = 0;
	call.timeout_ns = LONG;
	call_start_as(&call, variant->goroutine);
	wait_parked(self->race.c, 0, 1);
	EXPECT_EQ(chan_close(self->race.c), 0);
	EXPECT_EQ(call_end(&call), -EPIPE);
}

TEST(each_ready_channel_and_file_has_its_chance)
{
	struct chan *a = make(sizeof(int), 1), *b = make(sizeof(int), 1);
	struct chan_choice choices[4] = {
		{ .c = a, .op = CHAN_CASE_SEND }, { .op = CHAN_CASE_POLL, .events = POLLOUT },
		{ .c = b, .op = CHAN_CASE_SEND }, { .op = CHAN_CASE_POLL, .fd = -1 },
	};
	int fds[2], n[4] = {}, v = 0, i, r;

	ASSERT_EQ(pipe(fds), 0);
	choices[0].buf = &v;
	choices[2].buf = &v;
	choices[1].fd = fds[1];
	for (i = 0; i < 3000; i++) {
		r = chan_select(choices, 4, 0);
		ASSERT_GE(r, 0);
		n[r]++;
		if (choices[r].c)
			ASSERT_EQ(chan_recv_elem_try(choices[r].c, &v), 1);
	}
	/* Nine standard deviations around a third. */
	for (i = 0; i < 3; i++) {
		EXPECT_GT(n[i], 768);
		EXPECT_LT(n[i], 1232);
	}
	for (i = 0; i < 5; i++)
		EXPECT_EQ(chan_select(choices + 1, 2, CHAN_PRIORITY), 0);
	EXPECT_EQ(choices[1].result, POLLOUT);
	EXPECT_EQ(chan_select_try(choices + 3, 1, 0), -EAGAIN);
	choices[3].fd = fds[0];
	choices[3].events = POLLIN;
	EXPECT_EQ(chan_select_try(choices + 3, 1, 0), -EAGAIN);
	EXPECT_EQ(chan_sel_arm(NULL, choices, 4, 0), -EINVAL);
}

/*
 * Too little of something
 */

TEST(without_files_the_error_comes_back_and_nothing_is_lost)
{
	struct chan *c = make(sizeof(int), 0);
	struct call receiver = { .c = c, .function = recv_value };
	struct call sender = { .c = c, .function = send_value, .value = 3 };
	struct chan_choice choice = { .c = c, .buf = &receiver.value };
	struct call select = { .function = select_n, .choices = &choice, .n = 1 };

	ASSERT_EQ(go_init(NULL), 0);
	allow_files(3, 3);
	call_start(&receiver);
	EXPECT_EQ(call_end(&receiver), -EMFILE);
	call_start(&sender);
	EXPECT_EQ(call_end(&sender), -EMFILE);
	call_start(&select);
	EXPECT_EQ(call_end(&select), -EMFILE);
	wait_parked(c, 0, 0);

	allow_files(100, 100);
	receiver.ended = 0;
	sender.ended = 0;
	call_start(&receiver);
	wait_parked(c, 0, 1);
	call_start(&sender);
	EXPECT_EQ(call_end(&sender), 0);
	EXPECT_EQ(call_end(&receiver), 1);
	EXPECT_EQ(receiver.value, 3);
	chan_unref(c);
}

/* In a process that has no files yet but those it inherits. */
static void meet_a_soft_limit(void)
{
	struct crowd crowd = { .c = make(sizeof(int), 0) };
	struct rlimit limit;
	int i;

	go_procs(4);
	allow_files(20, 1000);
	for (i = 0; i < 100; i++)
		start(join, &crowd);
	wait_parked(crowd.c, 0, 100);
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur != 1000)
		_exit(1);
	if (chan_close(crowd.c))
		_exit(2);
	WAIT_UNTIL(get(&crowd.ended) == 100);
	_exit(0);
}

/* By one of those who meet it at the same time, and the others go on, too. */
TEST(a_soft_limit_of_files_is_raised)
{
	int n = 40 / slowness();
	pid_t pid;

	while (n--) {
		pid = fork();
		if (!pid)
			meet_a_soft_limit();
		ASSERT_EQ(child_status(pid), 0);
	}
}

static void set_quota(const char *n)
{
	int fd = open("/sys/module/chan/parameters/user_selectors", O_WRONLY);

	if (fd < 0 || write(fd, n, strlen(n)) < 0)
		abort();
	close(fd);
}

static int over_quota(void)
{
	struct call receivers[3];
	struct chan *c = make(sizeof(int), 0);
	size_t i;
	int v = 1;

	if (setgid(UID) || setuid(UID))
		return 1;
	/* Spare selectors are the proc's. */
	go_procs(1);
	for (i = 0; i < ARRAY(receivers); i++)
		receivers[i] = (struct call){ .c = c, .function = recv_value };
	call_start(&receivers[0]);
	wait_parked(c, 0, 1);
	call_start(&receivers[1]);
	wait_parked(c, 0, 2);
	call_start(&receivers[2]);
	if (call_end(&receivers[2]) != -EDQUOT)
		return 2;
	if (chan_send_elem(c, &v) || call_end(&receivers[0]) != 1)
		return 3;
	/* Its selector is there for the next. */
	receivers[2].ended = 0;
	call_start(&receivers[2]);
	wait_parked(c, 0, 2);
	return 0;
}

static int child_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(over_a_quota_the_error_comes_back)
{
	pid_t pid;

	set_quota("2");
	pid = fork();
	if (!pid)
		_exit(over_quota());
	EXPECT_EQ(child_status(pid), 0);
	set_quota("131072");
}

/*
 * Death and fork
 */

/* A process whose goroutines wait, until it is killed. */
static void be_a_crowd(struct chan *c, int n)
{
	struct crowd crowd = { .c = c };
	int i;

	for (i = 0; i < n; i++)
		start(join, &crowd);
	for (;;)
		pause();
}

TEST(what_killed_goroutines_were_handed_comes_back)
{
	struct chan *c = make(sizeof(int), 0);
	pid_t pid;
	int i, v;

	pid = fork();
	if (!pid)
		be_a_crowd(c, 50);
	wait_parked(c, 0, 50);
	ASSERT_EQ(kill(pid, SIGSTOP), 0);
	waitpid(pid, &v, WUNTRACED);
	for (i = 0; i < 40; i++)
		ASSERT_EQ(chan_send_elem(c, &i), 0);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	child_status(pid);
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(chan_recv_elem(c, &v), 1);
		EXPECT_EQ(v, i);
	}
	wait_parked(c, 0, 0);
	EXPECT_EQ(chan_recv_elem_try(c, &v), -EAGAIN);
	chan_unref(c);
}

/* The parent of a child that lives on. */
static void be_a_crowd_with_child(struct chan *c, int fd)
{
	struct crowd crowd = { .c = c };
	pid_t pid;
	int i;

	for (i = 0; i < 20; i++)
		start(join, &crowd);
	wait_parked(c, 0, 20);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	if (write(fd, &pid, sizeof(pid)) != sizeof(pid))
		abort();
	for (;;)
		pause();
}

TEST(a_child_does_not_keep_what_its_parents_goroutines_wait_for)
{
	struct chan *c = make(sizeof(int), 0);
	int fds[2], v = 3;
	pid_t pid, grandchild;

	ASSERT_EQ(pipe(fds), 0);
	pid = fork();
	if (!pid)
		be_a_crowd_with_child(c, fds[1]);
	ASSERT_EQ(read(fds[0], &grandchild, sizeof(grandchild)), (ssize_t)sizeof(grandchild));
	kill(pid, SIGKILL);
	child_status(pid);
	wait_parked(c, 0, 0);
	EXPECT_EQ(chan_send_elem_try(c, &v), -EAGAIN);
	kill(grandchild, SIGKILL);
	chan_unref(c);
}

struct forker {
	struct chan *c;
	int status;	/* atomic */
};

static void recv_in_child(void *arg)
{
	struct forker *f = arg;
	struct call receiver = { .c = f->c, .function = recv_value };
	pid_t pid;
	int v;

	WAIT_UNTIL(others_sleep());
	pid = fork();
	if (!pid) {
		/* As a plain thread, and then in a runtime of its own. */
		if (chan_recv_elem(f->c, &v) != 1 || v != 1)
			_exit(1);
		call_start(&receiver);
		if (call_end(&receiver) != 1 || receiver.value != 2)
			_exit(2);
		return;
	}
	go_block_begin();
	set(&f->status, child_status(pid));
	go_block_end();
}

TEST(a_child_goes_on_as_a_plain_thread)
{
	struct forker f = { .c = make(sizeof(int), 0), .status = -1 };
	int i;

	start(recv_in_child, &f);
	for (i = 1; i <= 2; i++)
		EXPECT_EQ(chan_send_elem(f.c, &i), 0);
	WAIT_UNTIL(get(&f.status) != -1);
	EXPECT_EQ(f.status, 0);
	chan_unref(f.c);
}

/*
 * All asleep
 */

/* What the program says, and its exit status; it is killed if it is still there. */
static int run_alone(void (*fn)(void), char *said, size_t size, bool stays)
{
	int fds[2];
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	if (pipe(fds))
		abort();
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		fn();
		_exit(0);
	}
	close(fds[1]);
	if (stays) {
		usleep(300000);
		kill(pid, SIGKILL);
	}
	while (n < size - 1 && (r = read(fds[0], said + n, size - 1 - n)) > 0)
		n += r;
	said[n] = 0;
	close(fds[0]);
	return child_status(pid);
}

static void recv_for_ever(void *arg)
{
	int v;

	chan_recv_elem(arg, &v);
}

static void send_for_ever(void *arg)
{
	int v = 0;

	chan_send_elem(arg, &v);
}

static void two_channels(void *arg)
{
	struct chan *a = make(sizeof(int), 0), *b = make(sizeof(int), 0);
	struct chan_choice choices[] = { { .c = a }, { .c = b } };
	int v;

	(void)arg;
	choices[0].buf = &v;
	choices[1].buf = &v;
	start(recv_for_ever, make(sizeof(int), 0));
	start(send_for_ever, make(sizeof(int), 0));
	go_yield();
	chan_select(choices, 2, 0);
}

/* Who looks for a deadlock finds a thread of ThreadSanitizer's, and supposes that it may wake. */
static bool deadlocks_are_told(void)
{
	return !__tsan_create_fiber;
}

static void deadlock(void)
{
	go_run(two_channels, NULL);
}

TEST(all_asleep_is_a_deadlock)
{
	char said[1000];

	if (!deadlocks_are_told())
		return;
	EXPECT_EQ(run_alone(deadlock, said, sizeof(said), false), 2);
	EXPECT_NE(strstr(said, "fatal error: all goroutines are asleep - deadlock!\n"), NULL);
	EXPECT_NE(strstr(said, "\ngoroutine 1 [select]:\n"), NULL);
	EXPECT_NE(strstr(said, " [chan receive]:\n"), NULL);
	EXPECT_NE(strstr(said, " [chan send]:\n"), NULL);
}

/*
 * Nearly everybody waits at nearly any moment, and who doesn't is in go_block or on its way
 * from the kernel: nobody may take that for a deadlock.
 */
static void send_and_block(void *arg)
{
	int i;

	for (i = 0; i < 10000 / (int)slowness(); i++) {
		if (chan_send_elem(arg, &i))
			abort();
		if (i % 3 == 0)
			go_block
				sched_yield();
	}
}

static void receive_all(void *arg)
{
	int v;

	while (chan_recv_elem(arg, &v) == 1)
		;
}

static void drowsy(void *arg)
{
	struct chan *c = make(sizeof(int), 0);
	int i;

	(void)arg;
	for (i = 0; i < 8; i++)
		start(receive_all, c);
	send_and_block(c);
}

static void drowsy_program(void)
{
	go_run(drowsy, NULL);
}

TEST(who_is_being_woken_is_not_asleep)
{
	char said[1000];
	int i;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(run_alone(drowsy_program, said, sizeof(said), false), 0)
			TH_LOG("%s", said);
	}
}

static void on_a_named_channel(void)
{
	struct chan_options options = { .size = sizeof(options), .flags = CHAN_NAMED };
	struct chan *c;

	if (!chan_new(&c, sizeof(int), 0, O_RDWR, &options) && !chan_destroy(c, 0))
		go_run(recv_for_ever, c);
}

static void on_a_channel_whose_file_is_known(void)
{
	struct chan *c = make(sizeof(int), 0);

	chan_fd(c);
	go_run(recv_for_ever, c);
}

static void on_a_channel_whose_other_handles_file_is_known(void)
{
	struct chan *c = make(sizeof(int), 0), *narrow;

	if (!chan_narrow(&narrow, c, O_RDONLY)) {
		chan_fd(c);
		go_run(recv_for_ever, narrow);
	}
}

static void on_a_channel_that_a_child_has(void)
{
	struct chan *c = make(sizeof(int), 0);

	if (!fork()) {
		usleep(400000);
		_exit(0);
	}
	go_run(recv_for_ever, c);
}

static void on_a_timer(void)
{
	struct chan *c;

	if (!chan_after(&c, LONG))
		go_run(recv_for_ever, c);
}

static void recv_timeout_long(void *arg)
{
	int v;

	chan_recv_elem_timeout(arg, &v, LONG);
}

static void for_a_time(void)
{
	go_run(recv_timeout_long, make(sizeof(int), 0));
}

TEST(who_may_be_woken_from_outside_sleeps_on)
{
	static void (*const functions[])(void) = {
		on_a_named_channel, on_a_channel_whose_file_is_known,
		on_a_channel_whose_other_handles_file_is_known, on_a_channel_that_a_child_has,
		on_a_timer, for_a_time,
	};
	char said[1000];
	size_t i;

	for (i = 0; i < ARRAY(functions); i++) {
		EXPECT_EQ(run_alone(functions[i], said, sizeof(said), true), 128 + SIGKILL)
			TH_LOG("function %zu: %s", i, said);
	}
}

TEST_HARNESS_MAIN
