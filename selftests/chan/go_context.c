// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts over the module: the channels that tell when they are done, in select beside
 * others, among goroutines and among threads. What needs no channels the library's own
 * tests show.
 *
 * Built and linked as libchan.c is, and with Boost.Context.
 */
#include <sys/resource.h>

#include "go_test.h"

FIXTURE(ctx) {
	struct go_wait_group ended;
	struct go_context *ctx;
	chan(int) c;
};

FIXTURE_VARIANT(ctx) {
	bool threads;
};

FIXTURE_VARIANT_ADD(ctx, goroutines) { };
FIXTURE_VARIANT_ADD(ctx, threads) { .threads = true };

FIXTURE_SETUP(ctx)
{
	self->ctx = go_with_cancel(go_background());
	self->c = go_make(int);
}

FIXTURE_TEARDOWN(ctx)
{
	go_context_unref(self->ctx);
	chan_unref(self->c);
}

#define START(fn, arg)	start(variant->threads, &self->ended, fn, arg)

struct work {
	struct go_context *ctx;
	chan(int) c;
	int n;
	bool ok;
};

static struct go_unit none;

/* Is the channel closed? */
static bool is_closed(recv_chan(struct go_unit) done)
{
	return chan_recv_try(done, &none) == 0;
}

TEST_F(ctx, done_is_one_channel_that_closes)
{
	recv_chan(struct go_unit) done = go_context_done(self->ctx);

	ASSERT_NE(done, NULL);
	EXPECT_EQ(go_context_done(self->ctx), done);
	EXPECT_EQ(chan_recv_try(done, &none), -EAGAIN);
	EXPECT_EQ(chan_cap(done), 0);
	EXPECT_STREQ(chan_type(chan_handle(done)), "struct go_unit");
	go_cancel(self->ctx);
	EXPECT_TRUE(is_closed(done));
	go_cancel(self->ctx);
	EXPECT_TRUE(is_closed(done));
	EXPECT_EQ(go_context_done(self->ctx), done);
}

TEST_F(ctx, who_asks_too_late_gets_a_closed_channel)
{
	go_cancel(self->ctx);
	EXPECT_TRUE(is_closed(go_context_done(self->ctx)));
}

TEST_F(ctx, a_channel_that_was_shared_stays_when_the_context_has_gone)
{
	struct go_context *child = go_with_cancel(self->ctx);
	recv_chan(struct go_unit) done = go_context_done(child);

	chan_ref(chan_handle(done));
	go_context_unref(child);
	EXPECT_EQ(chan_recv_try(done, &none), -EAGAIN);
	go_cancel(self->ctx);
	EXPECT_EQ(chan_recv_try(done, &none), -EAGAIN);
	chan_unref(done);
}

/* The generator of Go's documentation of context: it goes on until nobody wants more. */
static void generate(void *arg)
{
	struct work *w = arg;
	bool stop = false;

	while (!stop) {
		go_select {
			go_case_recv(go_context_done(w->ctx), &none) {
				stop = true;
			}
			go_case_send(w->c, w->n) {
				w->n++;
			}
		}
	}
}

TEST_F(ctx, a_generator_ends_when_it_is_cancelled)
{
	struct work w = { .ctx = self->ctx, .c = self->c };
	int i;

	START(generate, &w);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(go_recv(self->c), i);
	go_cancel(self->ctx);
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(w.n, 5);
}

static void wait_for_done(void *arg)
{
	struct work *w = arg;

	w->ok = !go_recv_ok(go_context_done(w->ctx), &none);
	w->n = go_context_err(w->ctx);
}

TEST_F(ctx, a_deadline_ends_a_select)
{
	struct work w = { .c = self->c };
	int v = 0;

	w.ctx = go_with_timeout(self->ctx, 20 * MS);
	START(wait_for_done, &w);
	go_select {
		go_case_recv(self->c, &v) {
			v = 1;
		}
		go_case_recv(go_context_done(w.ctx), &none) {
			v = 2;
		}
	}
	EXPECT_EQ(v, 2);
	EXPECT_EQ(go_context_err(w.ctx), -ETIMEDOUT);
	EXPECT_EQ(go_context_err(self->ctx), 0);
	go_wait_group_wait(&self->ended);
	EXPECT_TRUE(w.ok);
	EXPECT_EQ(w.n, -ETIMEDOUT);
	go_context_unref(w.ctx);
}

/* A tree of three children each; all wait in their own channels. */
static void cancel_tree(struct __test_metadata *_metadata, struct go_context *root,
			bool threads, int n)
{
	struct work *w = calloc(n, sizeof(*w));
	struct go_wait_group ended = {};
	int i;

	for (i = 0; i < n; i++) {
		w[i].ctx = go_with_cancel(i ? w[(i - 1) / 3].ctx : root);
		start(threads, &ended, wait_for_done, &w[i]);
	}
	for (i = 0; i < n; i++)
		wait_parked(go_context_done(w[i].ctx), 0, 1);
	go_cancel(root);
	go_wait_group_wait(&ended);
	for (i = 0; i < n; i++) {
		EXPECT_TRUE(w[i].ok);
		EXPECT_EQ(w[i].n, -ECANCELED);
		go_context_unref(w[i].ctx);
	}
	free(w);
}

/* With goroutines it takes two files each: more than RLIMIT_NOFILE allows at first. */
TEST_F(ctx, a_tree_is_cancelled_at_its_root)
{
	cancel_tree(_metadata, self->ctx, variant->threads,
		    (variant->threads ? 100 : 500) / slowness());
}

TEST_F(ctx, a_thousand_in_a_tree_are_cancelled_at_its_root)
{
	struct go_context *node[1000];
	struct rlimit limit;
	int i;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (i = 0; i < 1000; i++) {
		node[i] = go_with_cancel(i ? node[(i - 1) / 3] : self->ctx);
		EXPECT_EQ(chan_recv_try(go_context_done(node[i]), &none), -EAGAIN);
	}
	go_cancel(self->ctx);
	for (i = 0; i < 1000; i++) {
		EXPECT_TRUE(is_closed(go_context_done(node[i])));
		EXPECT_EQ(go_context_err(node[i]), -ECANCELED);
		go_context_unref(node[i]);
	}
}

/* First one to ask and cancel at the same time, all the time. */
static void ask(void *arg)
{
	struct work *w = arg;

	w->n = chan_recv(go_context_done(w->ctx), &none);
}

TEST_F(ctx, who_asks_while_it_is_cancelled_is_told)
{
	struct work w[3];
	int i, j;

	for (i = 0; i < 50; i++) {
		struct go_context *ctx = i % 2 ? go_with_cancel(self->ctx) :
						 go_with_timeout(self->ctx, i * 10000);

		for (j = 0; j < 3; j++) {
			w[j] = (struct work){ .ctx = ctx, .n = -1 };
			START(ask, &w[j]);
		}
		go_cancel(ctx);
		go_wait_group_wait(&self->ended);
		for (j = 0; j < 3; j++)
			EXPECT_EQ(w[j].n, 0);
		EXPECT_NE(go_context_err(ctx), 0);
		go_context_unref(ctx);
	}
}

TEST(contexts_leave_no_files_behind)
{
	struct go_context *top, *child;
	int i, before;

	/* The runtime's own files come with the first timer. */
	go_context_unref(go_with_timeout(go_background(), LONG));
	before = dup(0);
	close(before);
	for (i = 0; i < 200; i++) {
		top = go_with_timeout(go_background(), LONG);
		child = go_with_cancel(top);
		go_context_done(top);
		go_context_done(child);
		if (i % 2)
			go_cancel(top);
		go_context_unref(i % 4 < 2 ? top : child);
		go_context_unref(i % 4 < 2 ? child : top);
	}
	i = dup(0);
	EXPECT_EQ(i, before);
	close(i);
}

TEST(without_files_to_be_had_done_panics_with_the_cause)
{
	struct go_context *ctx = go_with_cancel(go_background());
	struct rlimit none_more = { 3, 3 };
	const char *text;

	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_more), 0);
	text = PANIC_OF(go_context_done(ctx));
	EXPECT_EQ(strncmp(text, "context: no channel: ", 21), 0);
	EXPECT_NE(strstr(text, chan_strerror(-EMFILE)), NULL);
	go_context_unref(ctx);
}

/*
 * Deadlocks
 */

static void wait_for_nobody(void *arg)
{
	go_recv(go_context_done(go_with_cancel(go_background())));
}

static void wait_without_channel(void *arg)
{
	go_context_wait(go_with_cancel(go_background()), UINT64_MAX);
}

static void wait_for_a_deadline(void *arg)
{
	struct go_context *ctx = go_with_timeout(go_background(), 20 * MS);

	go_recv(go_context_done(ctx));
	if (go_context_err(ctx) != -ETIMEDOUT)
		abort();
	dprintf(STDERR_FILENO, "in time\n");
}

static void run_wait_for_nobody(void)
{
	go_run(wait_for_nobody, NULL);
}

static void run_wait_without_channel(void)
{
	go_run(wait_without_channel, NULL);
}

static void run_wait_for_a_deadline(void)
{
	go_run(wait_for_a_deadline, NULL);
}

TEST(a_context_that_nobody_can_cancel_is_a_deadlock)
{
	struct end end;

	if (!deadlocks_are_told())
		return;
	end = run_program(run_wait_for_nobody);
	EXPECT_EQ(end.status, 2);
	EXPECT_NE(strstr(end.err, "asleep - deadlock!\n\ngoroutine 1 [chan receive]:\n"), NULL);
	end = run_program(run_wait_without_channel);
	EXPECT_EQ(end.status, 2);
	EXPECT_NE(strstr(end.err, "asleep - deadlock!\n\ngoroutine 1 [context.Wait]:\n"), NULL);
}

TEST(a_deadline_is_no_deadlock)
{
	struct end end = run_program(run_wait_for_a_deadline);

	EXPECT_EQ(end.status, 0);
	EXPECT_STREQ(end.err, "in time\n");
}

TEST_HARNESS_MAIN
