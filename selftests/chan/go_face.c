// SPDX-License-Identifier: GPL-2.0
/*
 * Typed channels and Go's face over the module: Go's own tables of what a channel does,
 * between goroutines and between threads. What needs no module the library's own tests
 * show; select as a block has its own file.
 *
 * Built and linked as libchan.c is, and with Boost.Context.
 */
#include "go_test.h"

FIXTURE(c) {
	chan(int) c;
	struct go_wait_group ended;
};

FIXTURE_VARIANT(c) {
	int capacity;
	bool threads;
};

FIXTURE_VARIANT_ADD(c, unbuffered_goroutines) { .capacity = 0 };
FIXTURE_VARIANT_ADD(c, of_1_goroutines) { .capacity = 1 };
FIXTURE_VARIANT_ADD(c, of_64_goroutines) { .capacity = 64 };
FIXTURE_VARIANT_ADD(c, unbuffered_threads) { .capacity = 0, .threads = true };
FIXTURE_VARIANT_ADD(c, of_1_threads) { .capacity = 1, .threads = true };
FIXTURE_VARIANT_ADD(c, of_64_threads) { .capacity = 64, .threads = true };

FIXTURE_SETUP(c)
{
	self->c = go_make(int, variant->capacity);
}

FIXTURE_TEARDOWN(c)
{
	chan_unref(self->c);
}

/* What a party is given: it sends from, from + 1, ... n of them, or receives into value. */
struct work {
	chan(int) c;
	int from, n;
	int value;
	bool ok;
};

static void send_many(void *arg)
{
	struct work *w = arg;
	int i;

	for (i = 0; i < w->n; i++)
		go_send(w->c, w->from + i);
}

static void send_many_and_close(void *arg)
{
	send_many(arg);
	go_close(((struct work *)arg)->c);
}

static void recv_one(void *arg)
{
	struct work *w = arg;

	w->ok = go_recv_ok(w->c, &w->value);
}

static void close_it(void *arg)
{
	go_close(((struct work *)arg)->c);
}

/*
 * Send, receive, close
 */

TEST_F(c, values_arrive_in_order_and_range_ends)
{
	struct work w = { .c = self->c, .from = 7, .n = 1000 };
	int next = 7;

	start(variant->threads, &self->ended, send_many_and_close, &w);
	go_range(v, self->c) {
		ASSERT_EQ(v, next);
		next++;
	}
	EXPECT_EQ(next, 1007);
	EXPECT_EQ(go_recv(self->c), 0);
	go_wait_group_wait(&self->ended);
}

TEST_F(c, many_send_and_each_value_arrives_once)
{
	struct work w[8];
	static char seen[8 * 250];
	int i, v;

	for (i = 0; i < 8; i++) {
		w[i] = (struct work){ .c = self->c, .from = i * 250, .n = 250 };
		start(i % 2 ? variant->threads : !variant->threads, &self->ended, send_many, &w[i]);
	}
	for (i = 0; i < 8 * 250; i++) {
		v = go_recv(self->c);
		ASSERT_TRUE(v >= 0 && v < 8 * 250);
		EXPECT_EQ(seen[v]++, 0);
	}
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(chan_len(self->c), 0);
}

TEST_F(c, who_waits_first_is_served_first)
{
	struct work w[20];
	int i;

	for (i = 0; i < 20; i++) {
		w[i] = (struct work){ .c = self->c };
		start(variant->threads, &self->ended, recv_one, &w[i]);
		wait_parked(self->c, 0, i + 1);
	}
	for (i = 0; i < 20; i++)
		go_send(self->c, 100 + i);
	go_wait_group_wait(&self->ended);
	for (i = 0; i < 20; i++)
		EXPECT_EQ(w[i].value, 100 + i);
}

TEST_F(c, senders_that_wait_are_served_in_turn_behind_the_buffer)
{
	struct work w[20];
	int i;

	for (i = 0; i < variant->capacity; i++)
		go_send(self->c, i);
	for (i = 0; i < 20; i++) {
		w[i] = (struct work){ .c = self->c, .from = variant->capacity + i, .n = 1 };
		start(variant->threads, &self->ended, send_many, &w[i]);
		wait_parked(self->c, i + 1, 0);
	}
	for (i = 0; i < variant->capacity + 20; i++)
		EXPECT_EQ(go_recv(self->c), i);
	go_wait_group_wait(&self->ended);
}

TEST_F(c, close_wakes_all_receivers_with_zero_and_not_ok)
{
	struct work w[10], closer = { .c = self->c };
	int i;

	for (i = 0; i < 10; i++) {
		w[i] = (struct work){ .c = self->c, .value = 5, .ok = true };
		start(variant->threads, &self->ended, recv_one, &w[i]);
	}
	wait_parked(self->c, 0, 10);
	start(variant->threads, &self->ended, close_it, &closer);
	go_wait_group_wait(&self->ended);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(w[i].value, 0);
		EXPECT_FALSE(w[i].ok);
	}
}

TEST_F(c, close_makes_senders_that_wait_panic_and_drops_their_values)
{
	struct work w[10];
	int i;

	go_set_panic_handler(count_and_end);
	for (i = 0; i < variant->capacity; i++)
		go_send(self->c, i);
	for (i = 0; i < 10; i++) {
		w[i] = (struct work){ .c = self->c, .from = 1000, .n = 1 };
		start(variant->threads, &self->ended, send_many, &w[i]);
	}
	wait_parked(self->c, 10, 0);
	go_close(self->c);
	go_wait_group_wait(&self->ended);
	wait_for_count(sends_on_closed, 10);
	EXPECT_EQ(other_panics, 0);
	i = 0;
	go_range(v, self->c)
		EXPECT_EQ(v, i++);
	EXPECT_EQ(i, variant->capacity);
}

TEST_F(c, a_closed_channel_is_drained_and_then_gives_zeros)
{
	int i, v;

	for (i = 0; i < variant->capacity; i++)
		go_send(self->c, 1 + i);
	go_close(self->c);
	for (i = 0; i < variant->capacity; i++) {
		EXPECT_TRUE(go_recv_ok(self->c, &v));
		EXPECT_EQ(v, 1 + i);
	}
	for (i = 0; i < 3; i++) {
		v = 5;
		EXPECT_FALSE(go_recv_ok(self->c, &v));
		EXPECT_EQ(v, 0);
		EXPECT_EQ(go_recv(self->c), 0);
		EXPECT_EQ(chan_recv_try(self->c, &v), 0);
	}
}

TEST_F(c, what_go_panics_about_panics)
{
	go_close(self->c);
	EXPECT_STREQ(PANIC_OF(go_send(self->c, 1)), "send on closed channel");
	EXPECT_STREQ(PANIC_OF(go_close(self->c)), "close of closed channel");
	EXPECT_EQ(chan_send(self->c, 1), -EPIPE);
	EXPECT_EQ(chan_send_try(self->c, 1), -EPIPE);
	EXPECT_EQ(chan_send_timeout(self->c, 1, LONG), -EPIPE);
	EXPECT_EQ(chan_close(self->c), -EPIPE);
}

TEST_F(c, try_waits_for_nobody_and_meets_who_waits)
{
	struct work w = { .c = self->c };
	int i, v = 3;

	EXPECT_EQ(chan_recv_try(self->c, &v), -EAGAIN);
	EXPECT_EQ(v, 3);
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(chan_send_try(self->c, i), 0);
	EXPECT_EQ(chan_send_try(self->c, 1), -EAGAIN);
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(chan_recv_try(self->c, &v), 1);
	start(variant->threads, &self->ended, recv_one, &w);
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_send_try(self->c, 42), 0);
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(w.value, 42);
}

TEST_F(c, time_passes_if_nobody_comes)
{
	uint64_t deadline = chan_now() + 20 * MS;
	int i, v;

	EXPECT_EQ(chan_recv_timeout(self->c, &v, chan_until(deadline)), -ETIMEDOUT);
	EXPECT_GE(chan_now(), deadline);
	EXPECT_EQ(chan_recv_timeout(self->c, &v, chan_until(deadline)), -ETIMEDOUT);
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(chan_send_timeout(self->c, i, 0), 0);
	deadline = chan_now() + 20 * MS;
	EXPECT_EQ(chan_send_timeout(self->c, 1, chan_until(deadline)), -ETIMEDOUT);
	EXPECT_GE(chan_now(), deadline);
	EXPECT_EQ(chan_send_n_timeout(self->c, &v, 1, MS), -ETIMEDOUT);
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(chan_recv_timeout(self->c, &v, chan_until(UINT64_MAX)), 1);
	EXPECT_EQ(chan_recv_n_timeout(self->c, &v, 1, MS), -ETIMEDOUT);
}

static void send_array(void *arg)
{
	struct work *w = arg;
	int values[500], i;

	for (i = 0; i < 500; i++)
		values[i] = i;
	w->value = chan_send_n(w->c, values, 500);
	go_close(w->c);
}

TEST_F(c, arrays_go_through_in_order)
{
	struct work w = { .c = self->c };
	int values[64], n = 0, r, i;

	start(variant->threads, &self->ended, send_array, &w);
	while ((r = chan_recv_n(self->c, values, 64)) > 0) {
		for (i = 0; i < r; i++)
			EXPECT_EQ(values[i], n + i);
		n += r;
	}
	EXPECT_EQ(r, 0);
	EXPECT_EQ(n, 500);
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(w.value, 500);
}

TEST_F(c, len_and_cap_are_gos)
{
	struct work w = { .c = self->c, .n = 1 };
	int i;

	EXPECT_EQ(chan_cap(self->c), variant->capacity);
	for (i = 0; i < variant->capacity; i++) {
		EXPECT_EQ(chan_len(self->c), i);
		go_send(self->c, i);
	}
	start(variant->threads, &self->ended, send_many, &w);
	wait_parked(self->c, 1, 0);
	EXPECT_EQ(chan_len(self->c), variant->capacity);
	for (i = 0; i <= variant->capacity; i++)
		go_recv(self->c);
	go_wait_group_wait(&self->ended);
}

/* O_NONBLOCK is for event loops: Go's face waits all the same. */
TEST_F(c, a_handle_that_never_blocks_waits_in_gos_face)
{
	struct work w = { .c = self->c, .from = 5, .n = variant->capacity + 1 };
	struct work r = { .c = self->c };
	int i, flags = fcntl(chan_fd(self->c), F_GETFL);

	ASSERT_EQ(fcntl(chan_fd(self->c), F_SETFL, flags | O_NONBLOCK), 0);
	EXPECT_EQ(chan_recv(self->c, &i), -EAGAIN);
	start(variant->threads, &self->ended, recv_one, &r);
	wait_parked(self->c, 0, 1);
	go_send(self->c, 4);
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(r.value, 4);
	start(variant->threads, &self->ended, send_many, &w);
	wait_parked(self->c, 1, 0);
	EXPECT_EQ(chan_send(self->c, 1), -EAGAIN);
	for (i = 0; i <= variant->capacity; i++)
		EXPECT_EQ(go_recv(self->c), 5 + i);
	go_wait_group_wait(&self->ended);
}

static int signals;	/* atomic */

static void on_signal(int signal)
{
	__atomic_add_fetch(&signals, signal == SIGUSR1, __ATOMIC_SEQ_CST);
}

struct receiver {
	struct work w;
	pthread_t id;
};

static void *receive_in_thread(void *arg)
{
	recv_one(arg);
	return NULL;
}

/* The handler has no SA_RESTART, and there are many signals. */
TEST_F(c, signals_end_no_receive_of_gos_face)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct receiver r = { .w = { .c = self->c } };
	int i, v;

	sigaction(SIGUSR1, &action, NULL);
	ASSERT_EQ(pthread_create(&r.id, NULL, receive_in_thread, &r.w), 0);
	for (i = 1; i <= 20; i++) {
		wait_parked(self->c, 0, 1);
		pthread_kill(r.id, SIGUSR1);
		while (__atomic_load_n(&signals, __ATOMIC_SEQ_CST) != i)
			sched_yield();
	}
	wait_parked(self->c, 0, 1);
	EXPECT_EQ(chan_recv_try(self->c, &v), -EAGAIN);
	go_send(self->c, 9);
	pthread_join(r.id, NULL);
	EXPECT_TRUE(r.w.ok);
	EXPECT_EQ(r.w.value, 9);
}

/*
 * Nil
 */

struct nil {
	chan(int) c;
	bool came_back;
};

static void send_to_nil(void *arg)
{
	struct nil *nil = arg;

	go_send(nil->c, 1);
	nil->came_back = true;
}

static void recv_from_nil(void *arg)
{
	struct nil *nil = arg;

	go_recv(nil->c);
	nil->came_back = true;
}

static void chan_send_to_nil(void *arg)
{
	struct nil *nil = arg;

	chan_send(nil->c, 1);
	nil->came_back = true;
}

static void range_over_nil(void *arg)
{
	struct nil *nil = arg;

	go_range(v, nil->c)
		nil->came_back = v;
	nil->came_back = true;
}

/* The main goroutine and all others wait for nil: Go knows that nobody will wake them. */
static void deadlock_in_nil(void *arg)
{
	static struct nil nil;

	if (go_start(send_to_nil, &nil) || go_start(chan_send_to_nil, &nil) ||
	    go_start(range_over_nil, &nil))
		abort();
	recv_from_nil(arg);
}

static void program_of_nil(void)
{
	static struct nil nil;

	go_run(deadlock_in_nil, &nil);
	fprintf(stderr, "it came back");
}

TEST(nil_channels_wait_for_ever)
{
	struct end end;

	if (!deadlocks_are_told())
		return;
	end = run_program(program_of_nil);
	EXPECT_EQ(end.status, 2);
	EXPECT_EQ(strncmp(end.err, "fatal error: all goroutines are asleep - deadlock!\n", 51), 0);
	EXPECT_NE(strstr(end.err, "[chan receive (nil chan)]:\n"), NULL);
	EXPECT_NE(strstr(end.err, "[chan send (nil chan)]:\n"), NULL);
	TH_LOG("%s", end.err);
}

/*
 * Elements
 */

struct large {
	char bytes[65536];
};

struct point {
	int x, y;
	char name[8];
};

static void echo_large(void *arg)
{
	chan(struct large) *c = arg;
	struct large *l = malloc(sizeof(*l));

	while (go_recv_ok(c[0], l))
		chan_send_n(c[1], l, 1);
	go_close(c[1]);
	free(l);
}

TEST(large_elements_go_through_goroutines)
{
	chan(struct large) c[2] = { go_make(struct large), go_make(struct large, 1) };
	struct large *out = malloc(sizeof(*out)), *in = malloc(sizeof(*in));
	struct go_wait_group ended = { };
	size_t i, n;

	start(false, &ended, echo_large, c);
	for (n = 0; n < 20; n++) {
		for (i = 0; i < sizeof(out->bytes); i++)
			out->bytes[i] = i * 7 + n;
		go_send(c[0], *out);
		*in = go_recv(c[1]);
		EXPECT_EQ(memcmp(in, out, sizeof(*in)), 0);
	}
	go_close(c[0]);
	EXPECT_FALSE(go_recv_ok(c[1], NULL));
	go_wait_group_wait(&ended);
	chan_unref(c[0]);
	chan_unref(c[1]);
	free(in);
	free(out);
}

static void give_points(void *arg)
{
	send_chan(struct point) c = arg;
	int i;

	for (i = 0; i < 100; i++)
		go_send(c, (struct point){ i, -i, "point" });
	go_close(c);
}

TEST(structures_go_through_goroutines)
{
	chan(struct point) c = go_make(struct point, 3);
	struct go_wait_group ended = { };
	int n = 0;

	start(false, &ended, give_points, send_only(c));
	go_range(p, recv_only(c)) {
		EXPECT_EQ(p.x, n);
		EXPECT_EQ(p.y, -n);
		EXPECT_STREQ(p.name, "point");
		n++;
	}
	EXPECT_EQ(n, 100);
	go_wait_group_wait(&ended);
	chan_unref(c);
}

TEST(elements_of_no_size_are_a_semaphore)
{
	chan(struct go_unit) c = go_make(struct go_unit, 3);
	int i;

	for (i = 0; i < 3; i++)
		EXPECT_EQ(chan_send_try(c, (struct go_unit){ }), 0);
	EXPECT_EQ(chan_send_try(c, (struct go_unit){ }), -EAGAIN);
	EXPECT_EQ(chan_len(c), 3);
	go_recv(c);
	EXPECT_TRUE(go_recv_ok(c, NULL));
	EXPECT_EQ(chan_len(c), 1);
	go_close(c);
	EXPECT_TRUE(go_recv_ok(c, NULL));
	EXPECT_FALSE(go_recv_ok(c, NULL));
	chan_unref(c);
}

/* A request with the channel for its answer, as Go programs do it. */
struct request {
	int number;
	chan(int) answer;
};

static void serve(void *arg)
{
	chan(struct request) requests = arg;

	go_range(r, requests)
		go_send(r.answer, r.number * r.number);
}

TEST(a_request_carries_the_channel_for_its_answer)
{
	chan(struct request) requests = go_make(struct request);
	struct go_wait_group ended = { };
	chan(int) answer = go_make(int);
	int i;

	start(false, &ended, serve, requests);
	for (i = 0; i < 50; i++) {
		go_send(requests, (struct request){ i, answer });
		EXPECT_EQ(go_recv(answer), i * i);
	}
	go_close(requests);
	go_wait_group_wait(&ended);
	chan_unref(requests);
	chan_unref(answer);
}

/*
 * make, and types across processes
 */

TEST(make_says_what_is_too_large)
{
	chan(int) c = NULL;

	EXPECT_STREQ(PANIC_OF(go_make(int, -1)), "makechan: size out of range");
	EXPECT_STREQ(PANIC_OF(go_make(int, 1LL << 40)), "makechan: size out of range");
	EXPECT_STREQ(PANIC_OF(go_make(struct large, 1 << 20)), "makechan: size out of range");
	EXPECT_EQ(chan_make(int, &c, .cap = 1UL << 31), -EINVAL);
	EXPECT_EQ(chan_make(int, &c, .flags = 0x80), -EINVAL);
	EXPECT_EQ(chan_make(int, &c, .mode = 0600), -EINVAL);
	EXPECT_EQ(c, NULL);
	EXPECT_EQ(chan_make(int, &c, .flags = CHAN_AUTOCLOSE, .cap = 5), 0);
	EXPECT_EQ(chan_flags(c), CHAN_AUTOCLOSE);
	EXPECT_EQ(chan_cap(c), 5);
	EXPECT_STREQ(chan_type(c), "int");
	chan_unref(c);
}

TEST(made_channels_are_apart)
{
	chan(int) c = go_make(int, 1), d = go_make(int, 1);

	EXPECT_NE(chan_id(c), chan_id(d));
	go_send(c, 1);
	EXPECT_EQ(chan_len(d), 0);
	chan_unref(c);
	chan_unref(d);
}

static int open_as_another_process(void)
{
	recv_chan(struct point) in = NULL;
	send_chan(struct point) out = NULL;
	chan(struct point) both = NULL;
	chan(struct request) other = NULL;
	chan(uint64_t) sized = NULL;

	_Static_assert(sizeof(struct request) == sizeof(struct point), "another, but as large");
	if (chan_open(struct request, &other, "points", O_RDWR) != -EPROTO)
		return 1;
	if (chan_open(uint64_t, &sized, "points", O_RDWR) != -EPROTO)
		return 2;
	if (chan_open(struct point, &both, "points", O_RDONLY) != -EINVAL)
		return 3;
	if (chan_open(struct point, &in, "points", O_RDONLY) ||
	    chan_open(struct point, &out, "points", O_WRONLY) ||
	    chan_open(struct point, &both, "points", O_RDWR))
		return 4;
	if (go_recv(in).x != 17)
		return 5;
	go_send(out, (struct point){ .y = 18 });
	if (chan_recv((chan(struct point))(void *)in, &(struct point){ }) != 1)
		return 6;
	go_send(both, (struct point){ .y = 19 });
	/* What the type says, the handle is: it was opened so. */
	if (chan_send_elem(chan_handle(in), &(struct point){ }) != -EBADF)
		return 7;
	return 0;
}

TEST(a_name_is_opened_by_those_who_write_the_same_type)
{
	chan(struct point) c = NULL;
	int status;
	pid_t pid;

	ASSERT_EQ(chan_make(struct point, &c, .name = "points", .cap = 4), 0);
	EXPECT_STREQ(chan_type(c), "struct point");
	go_send(c, (struct point){ .x = 17 });
	pid = fork();
	if (!pid)
		_exit(open_as_another_process());
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 0);
	EXPECT_EQ(go_recv(c).y, 19);
	EXPECT_EQ(chan_destroy(c, 0), 0);
	EXPECT_STREQ(PANIC_OF(go_open(struct point, "points", O_RDWR)),
		     "open channel points: no such channel; a name is its user's, UID:NAME asks "
		     "for another user's");
	chan_unref(c);
}

struct a_structure_with_a_name_that_is_longer_than_fits { int i; };

TEST(long_names_of_types_are_told_apart)
{
	struct chan *plain = NULL;
	chan(struct a_structure_with_a_name_that_is_longer_than_fits) c = NULL, d = NULL;
	chan(int) e = NULL;

	ASSERT_EQ(chan_make(struct a_structure_with_a_name_that_is_longer_than_fits, &c,
			    .name = "long-type"), 0);
	EXPECT_EQ(chan_open(struct a_structure_with_a_name_that_is_longer_than_fits, &d,
			    "long-type", O_RDWR), 0);
	EXPECT_EQ(chan_open(int, &e, "long-type", O_RDWR,
			    .type = "struct a_structure_with_a_name_that_is_longer"), -EPROTO);
	ASSERT_EQ(chan_from_fd(&plain, dup(chan_fd(c)), NULL), 0);
	EXPECT_EQ(chan_typed(int, &e, plain), -EPROTO);
	EXPECT_EQ(e, NULL);
	chan_unref(d);
	EXPECT_EQ(chan_typed(struct a_structure_with_a_name_that_is_longer_than_fits, &d, plain),
		  0);
	EXPECT_EQ(chan_destroy(d, 0), 0);
	chan_unref(c);
	chan_unref(d);
}

TEST(narrow_handles_are_typed_and_narrow)
{
	chan(int) c = go_make(int, 2);
	recv_chan(int) in = NULL;
	send_chan(int) out = NULL;
	int v;

	ASSERT_EQ(chan_narrow(&in, c, O_RDONLY), 0);
	ASSERT_EQ(chan_narrow(&out, c, O_WRONLY), 0);
	go_send(out, 3);
	EXPECT_EQ(go_recv(in), 3);
	EXPECT_EQ(chan_send_elem(chan_handle(in), &v), -EBADF);
	EXPECT_EQ(chan_recv_elem(chan_handle(out), &v), -EBADF);
	EXPECT_EQ((chan_close)(chan_handle(in)), -EBADF);
	EXPECT_STREQ(PANIC_OF((go_close)(chan_handle(in))),
		     "close: the handle isn't open for this direction, or isn't open at all");
	EXPECT_STREQ(PANIC_OF(go_send_elem(chan_handle(in), &v)),
		     "send: the handle isn't open for this direction, or isn't open at all");
	go_close(out);
	EXPECT_FALSE(go_recv_ok(in, NULL));
	chan_unref(c);
	chan_unref(in);
	chan_unref(out);
}

/* With CHAN_HANGUP the reason isn't Go's. */
TEST(a_send_without_receivers_panics_with_its_own_text)
{
	send_chan(int) out = NULL;
	chan(int) c = NULL;

	ASSERT_EQ(chan_make(int, &c, .flags = CHAN_HANGUP, .cap = 4), 0);
	ASSERT_EQ(chan_narrow(&out, c, O_WRONLY), 0);
	chan_unref(c);
	EXPECT_EQ(chan_send(out, 1), -EPIPE);
	EXPECT_STREQ(PANIC_OF(go_send(out, 1)), "send on channel without receivers");
	EXPECT_STREQ(PANIC_OF(go_select { go_case_send(out, 1) { } }),
		     "send on channel without receivers");
	go_close(out);
	EXPECT_STREQ(PANIC_OF(go_send(out, 1)), "send on closed channel");
	chan_unref(out);
}

/*
 * Time
 */

TEST(after_and_tick_give_the_time)
{
	recv_chan(uint64_t) after = go_after(5 * MS), tick = go_tick(2 * MS), t = NULL;
	uint64_t first, i;

	first = go_recv(after);
	EXPECT_EQ(chan_recv_try(after, &i), -EAGAIN);
	for (i = 0; i < 5; i++)
		EXPECT_GT(go_recv(tick), first - SEC);
	EXPECT_EQ(go_tick(0), NULL);
	EXPECT_EQ(chan_timer_stop(tick), 1);
	ASSERT_EQ(chan_after(&t, LONG), 0);
	EXPECT_EQ(chan_timer_reset(t, 1, 0), 1);
	EXPECT_GT(go_recv(t), first);
	chan_unref(after);
	chan_unref(tick);
	chan_unref(t);
}

/*
 * Panics of programs
 */

static void send_on_closed(void *arg)
{
	chan(int) c = go_make(int, 1);

	(void)arg;
	go_close(c);
	go_send(c, 1);
}

static void program_plain(void)
{
	send_on_closed(NULL);
}

static void program_of_goroutines(void)
{
	go_run(send_on_closed, NULL);
}

TEST(a_program_that_panics_ends_as_gos)
{
	struct end end = run_program(program_plain);

	EXPECT_STREQ(end.err, "panic: send on closed channel\n\ngoroutine 1 [running]:\n");
	EXPECT_EQ(end.status, 2);
	end = run_program(program_of_goroutines);
	EXPECT_STREQ(end.err, "panic: send on closed channel\n\ngoroutine 1 [running]:\n");
	EXPECT_EQ(end.status, 2);
}

static int deferred;	/* atomic */

static void count_deferred(void *n)
{
	__atomic_add_fetch((int *)n, 1, __ATOMIC_SEQ_CST);
}

static void defer_and_exit(void *arg)
{
	go_defer(count_deferred, &deferred);
	{
		go_defer(count_deferred, &deferred);
		if (arg)
			go_exit();
		go_panic("each alone");
	}
}

/* A panic ends one goroutine alone if the handler says so, and others never notice. */
TEST(deferred_calls_are_each_goroutines_own)
{
	struct go_wait_group ended = { };
	int i;

	go_set_panic_handler(count_and_end);
	for (i = 0; i < 300; i++)
		start(i % 3 == 0, &ended, defer_and_exit, i % 2 ? &deferred : NULL);
	go_wait_group_wait(&ended);
	EXPECT_EQ(deferred, 600);
	wait_for_count(other_panics, 150);
}

/*
 * The classic
 */

struct filter {
	recv_chan(int) in;
	send_chan(int) out;
	int prime;
};

static void count_up(void *arg)
{
	send_chan(int) out = *(send_chan(int) *)arg;
	int i;

	for (i = 2; chan_send(out, i) == 0; i++)
		;
}

static void filter(void *arg)
{
	struct filter f = *(struct filter *)arg;

	free(arg);
	go_range(v, f.in)
		if (v % f.prime && chan_send(f.out, v))
			break;
}

TEST(a_sieve_of_goroutines_finds_the_primes)
{
	static const int primes[] = {
		2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71,
	};
	chan(int) c[ARRAY(primes) + 1];
	struct go_wait_group ended = { };
	struct filter *f;
	size_t i;

	c[0] = go_make(int);
	start(false, &ended, count_up, &c[0]);
	for (i = 0; i < ARRAY(primes); i++) {
		int prime = go_recv(c[i]);

		EXPECT_EQ(prime, primes[i]);
		c[i + 1] = go_make(int);
		f = malloc(sizeof(*f));
		*f = (struct filter){ recv_only(c[i]), send_only(c[i + 1]), prime };
		start(false, &ended, filter, f);
	}
	for (i = 0; i < ARRAY(c); i++)
		go_close(c[i]);
	go_wait_group_wait(&ended);
	for (i = 0; i < ARRAY(c); i++)
		chan_unref(c[i]);
}

TEST_HARNESS_MAIN
