// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts, among threads, goroutines, and some of each. Needs no module: the channels of
 * go_context_done() are played here, their fds are /dev/null's. Prints TAP.
 *
 * Replaced by the linker: calloc, chan_new, chan_close, chan_unref, libchan_waiter_wait.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "gochan/context.h"
#include "gochan/panic.h"
#include "../internal.h"
#include "../sleepers.h"
#include "sync_test.h"

/* What the played module has and has seen. */
static struct {
	_Atomic int made, closed, live;
	struct go_context *in_close;	/* to be used while a channel is closed */
	int in_close_error;
	bool missing;
	bool meet;			/* none is made before two want to */
	_Atomic bool hold_close, in_hold, go_on;	/* of another thread */
} module;

static bool no_memory;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __wrap_chan_new(struct chan **ret, size_t elem_size, size_t capacity, int oflags,
		    const struct chan_options *options);
int __wrap_chan_close(struct chan *c);
struct chan *__real_chan_unref(struct chan *c);
struct chan *__wrap_chan_unref(struct chan *c);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

int __wrap_chan_new(struct chan **ret, size_t elem_size, size_t capacity, int oflags,
		    const struct chan_options *options)
{
	if (module.missing)
		return -ENOSYS;
	EXPECT_EQ(elem_size, 0);
	EXPECT_EQ(capacity, 0);
	EXPECT_EQ(oflags, O_RDWR);
	EXPECT(!strcmp(options->type, "struct go_unit"));
	*ret = calloc(1, sizeof(**ret));
	(*ret)->refs = 1;
	(*ret)->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	(*ret)->is.id = ++module.made;
	module.live++;
	if (module.meet)
		WAIT_UNTIL(module.made >= 2);
	return 0;
}

/* No lock is held when others are told: the context can be used here. */
int __wrap_chan_close(struct chan *c)
{
	struct go_context *child;

	EXPECT(c->is.id);
	if (gettid() != getpid() && atomic_exchange(&module.hold_close, false)) {
		module.in_hold = true;
		WAIT_UNTIL(module.go_on);
	}
	__atomic_fetch_add(&c->is.capacity, 1, __ATOMIC_RELEASE);
	module.closed++;
	if (module.in_close) {
		child = go_with_cancel(module.in_close);
		module.in_close_error = go_context_err(child);
		go_context_unref(child);
	}
	return 0;
}

struct chan *__wrap_chan_unref(struct chan *c)
{
	if (c && __atomic_load_n(&c->refs, __ATOMIC_ACQUIRE) == 1)
		module.live--;
	return __real_chan_unref(c);
}

/* Who waits next and whose time passes stops where it is late, until it may go on. */
static struct {
	_Atomic bool hold, is_late, go_on;
} late;

int __real_libchan_waiter_wait(struct libchan_waiter *w, uint64_t deadline_ns);
int __wrap_libchan_waiter_wait(struct libchan_waiter *w, uint64_t deadline_ns);

int __wrap_libchan_waiter_wait(struct libchan_waiter *w, uint64_t deadline_ns)
{
	int r = __real_libchan_waiter_wait(w, deadline_ns);

	if (r && !strcmp(w->reason, "context.Wait") && atomic_exchange(&late.hold, false)) {
		late.is_late = true;
		WAIT_UNTIL(late.go_on);
	}
	return r;
}

static int times_closed(struct go_context *ctx)
{
	return __atomic_load_n(&((struct chan *)go_context_done(ctx))->is.capacity,
			       __ATOMIC_ACQUIRE);
}

static void the_background_is_never_done(void)
{
	struct go_context *ctx = go_background();
	uint64_t deadline = 7;

	EXPECT(ctx);
	EXPECT(ctx == go_background());
	EXPECT_EQ(go_context_err(ctx), 0);
	EXPECT_EQ(go_context_wait(ctx, 0), -ETIMEDOUT);
	EXPECT_EQ(go_context_wait(ctx, MS), -ETIMEDOUT);
	EXPECT(!go_context_deadline(ctx, &deadline));
	EXPECT_EQ(deadline, 7);
	EXPECT(!go_context_done(ctx));
	EXPECT(go_context_ref(ctx) == ctx);
	EXPECT(!go_context_unref(ctx));
	EXPECT(!go_context_unref(ctx));
	EXPECT(!go_context_unref(NULL));
	EXPECT_EQ(go_context_err(ctx), 0);
}

static void cancel_is_for_good(void)
{
	struct go_context *ctx = go_with_cancel(go_background());

	EXPECT_EQ(go_context_err(ctx), 0);
	EXPECT_EQ(go_context_wait(ctx, 0), -ETIMEDOUT);
	go_cancel(ctx);
	EXPECT_EQ(go_context_err(ctx), -ECANCELED);
	EXPECT_EQ(go_context_wait(ctx, LONG), 0);
	go_cancel(ctx);
	EXPECT_EQ(go_context_err(ctx), -ECANCELED);
	EXPECT(!go_context_unref(ctx));
}

static void all_below_are_cancelled_and_nobody_else(void)
{
	struct go_context *top = go_with_cancel(go_background());
	struct go_context *mid = go_with_cancel(top), *other = go_with_cancel(top);
	struct go_context *low = go_with_timeout(mid, LONG), *low2 = go_with_cancel(mid);

	go_cancel(mid);
	EXPECT_EQ(go_context_err(top), 0);
	EXPECT_EQ(go_context_err(other), 0);
	EXPECT_EQ(go_context_err(mid), -ECANCELED);
	EXPECT_EQ(go_context_err(low), -ECANCELED);
	EXPECT_EQ(go_context_err(low2), -ECANCELED);
	go_cancel(top);
	EXPECT_EQ(go_context_err(other), -ECANCELED);
	go_context_unref(top);
	go_context_unref(mid);
	go_context_unref(other);
	go_context_unref(low);
	go_context_unref(low2);
}

/* Each node has three children; every fifth has a deadline, every seventh a channel. */
static void a_tree_of_a_thousand_is_cancelled_at_its_root(void)
{
	struct go_context *node[1000];
	int i, live = module.live, closed = module.closed, channels = 0;

	node[0] = go_with_cancel(go_background());
	for (i = 1; i < 1000; i++)
		node[i] = i % 5 ? go_with_cancel(node[(i - 1) / 3]) :
				  go_with_timeout(node[(i - 1) / 3], LONG + i);
	for (i = 0; i < 1000; i += 7, channels++)
		EXPECT(go_context_done(node[i]));
	for (i = 0; i < 1000; i++)
		EXPECT_EQ(go_context_err(node[i]), 0);
	go_cancel(node[0]);
	for (i = 0; i < 1000; i++)
		EXPECT_EQ(go_context_err(node[i]), -ECANCELED);
	EXPECT_EQ(module.closed - closed, channels);
	for (i = 0; i < 1000; i++)
		go_context_unref(node[i]);
	EXPECT_EQ(module.live, live);
}

/* On a goroutine's small stack, too. */
static void build_chain(void *arg)
{
	struct go_context *top = go_with_cancel(go_background()), *low = top, *next;
	int i;

	(void)arg;
	go_context_ref(top);
	for (i = 0; i < 100000; i++) {
		next = go_with_cancel(low);
		go_context_unref(low);
		low = next;
	}
	EXPECT_EQ(go_context_err(low), 0);
	go_cancel(top);
	EXPECT_EQ(go_context_err(low), -ECANCELED);
	go_context_unref(top);
	go_context_unref(low);
}

static void a_chain_of_any_length_needs_no_stack(void)
{
	parties_run(1, build_chain, NULL);
}

static void a_deadline_that_has_passed_is_done_from_the_start(void)
{
	struct go_context *ctx, *child, *at_once;
	uint64_t deadline;
	int i;

	for (i = 0; i < 100; i++) {
		at_once = go_with_timeout(go_background(), 0);
		EXPECT_EQ(go_context_err(at_once), -ETIMEDOUT);
		go_context_unref(at_once);
	}
	ctx = go_with_deadline(go_background(), now_ns() - 1);
	EXPECT_EQ(go_context_err(ctx), -ETIMEDOUT);
	child = go_with_cancel(ctx);
	EXPECT_EQ(go_context_err(child), -ETIMEDOUT);
	EXPECT(go_context_deadline(child, &deadline));
	EXPECT_EQ(times_closed(ctx), 1);
	go_cancel(ctx);
	EXPECT_EQ(go_context_err(ctx), -ETIMEDOUT);
	EXPECT_EQ(times_closed(ctx), 1);
	go_context_unref(ctx);
	go_context_unref(child);
}

static void a_child_of_who_is_done_is_done_for_the_same_reason(void)
{
	struct go_context *top = go_with_cancel(go_background()), *child, *past;

	go_cancel(top);
	child = go_with_timeout(top, LONG);
	past = go_with_deadline(top, 1);
	EXPECT_EQ(go_context_err(child), -ECANCELED);
	EXPECT_EQ(go_context_err(past), -ECANCELED);
	EXPECT_EQ(go_context_wait(child, FOR_EVER), 0);
	EXPECT_EQ(times_closed(child), 1);
	go_context_unref(top);
	go_context_unref(child);
	go_context_unref(past);
}

static void the_earlier_deadline_counts(void)
{
	uint64_t now = now_ns(), deadline;
	struct go_context *top = go_with_deadline(go_background(), now + LONG);
	struct go_context *later = go_with_deadline(top, now + 2 * LONG);
	struct go_context *never = go_with_deadline(top, FOR_EVER);
	struct go_context *earlier = go_with_deadline(top, now + LONG - 1);
	struct go_context *plain = go_with_timeout(go_background(), FOR_EVER);

	EXPECT(go_context_deadline(top, &deadline));
	EXPECT_EQ(deadline, now + LONG);
	EXPECT(go_context_deadline(later, &deadline));
	EXPECT_EQ(deadline, now + LONG);
	EXPECT(go_context_deadline(never, &deadline));
	EXPECT_EQ(deadline, now + LONG);
	EXPECT(go_context_deadline(earlier, &deadline));
	EXPECT_EQ(deadline, now + LONG - 1);
	EXPECT(!go_context_deadline(plain, &deadline));
	go_context_unref(top);
	go_context_unref(later);
	go_context_unref(never);
	go_context_unref(earlier);
	go_context_unref(plain);
}

static void a_deadline_passes_in_time_and_for_all_below(void)
{
	uint64_t start = now_ns();
	struct go_context *ctx = go_with_timeout(go_background(), 20 * MS);
	struct go_context *child = go_with_timeout(ctx, LONG);

	EXPECT(go_context_done(child));
	EXPECT_EQ(go_context_wait(child, FOR_EVER), 0);
	EXPECT(now_ns() - start >= 20 * MS);
	EXPECT_EQ(go_context_err(ctx), -ETIMEDOUT);
	EXPECT_EQ(go_context_err(child), -ETIMEDOUT);
	WAIT_UNTIL(times_closed(child) == 1);
	go_context_unref(ctx);
	go_context_unref(child);
}

static void wait_for_it(void *arg)
{
	struct go_context *ctx = arg;

	EXPECT_EQ(go_context_wait(ctx, FOR_EVER), 0);
	EXPECT_EQ(go_context_err(ctx), -ECANCELED);
}

struct gone {
	struct go_context *ctx;
	_Atomic int result;
};

static void wait_for_a_time(void *arg)
{
	struct gone *g = arg;

	g->result = go_context_wait(g->ctx, 2 * MS);
}

/* Half of them for the parent; and some whose time passes before. */
static void all_who_wait_go_on(void)
{
	struct go_context *top = go_with_cancel(go_background());
	struct go_context *ctx = go_with_cancel(top);
	struct gone g[4];
	struct party p[12];
	int i;

	for (i = 0; i < 8; i++)
		party_begin(&p[i], wait_for_it, i % 2 ? ctx : top);
	for (; i < 12; i++) {
		g[i - 8] = (struct gone){ .ctx = ctx };
		party_begin(&p[i], wait_for_a_time, &g[i - 8]);
	}
	for (i = 8; i < 12; i++) {
		party_end(&p[i]);
		EXPECT_EQ(g[i - 8].result, -ETIMEDOUT);
	}
	go_cancel(top);
	for (i = 0; i < 8; i++)
		party_end(&p[i]);
	go_context_unref(ctx);
	go_context_unref(top);
}

static void a_wait_that_is_late_but_told_is_told(void)
{
	struct gone g = { .ctx = go_with_cancel(go_background()) };
	struct party p;

	late.is_late = late.go_on = false;
	late.hold = true;
	party_begin(&p, wait_for_a_time, &g);
	WAIT_UNTIL(late.is_late);
	go_cancel(g.ctx);
	late.go_on = true;
	party_end(&p);
	EXPECT_EQ(g.result, 0);
	go_context_unref(g.ctx);
}

/* Who races whom. */
struct race {
	struct go_context *ctx;
	struct go_context *made[4][200];
	_Atomic int next, ready, go_on;
	_Atomic uint64_t sum;
};

static void cancel_it(void *arg)
{
	struct race *r = arg;

	r->ready++;
	WAIT_UNTIL(r->go_on);
	go_cancel(r->ctx);
	EXPECT(go_context_err(r->ctx));
}

/* Two who cancel, and a deadline that passes at that time. */
static void cancel_races_the_deadline(void)
{
	int i, error, seen[2] = {};
	struct go_context *child;
	struct party p[2];

	for (i = 0; i < 400; i++) {
		struct race r = {};

		r.ctx = go_with_timeout(go_background(), 100000 + i % 100 * 2000);
		child = go_with_timeout(r.ctx, LONG);
		EXPECT(go_context_done(r.ctx));
		EXPECT(go_context_done(child));
		party_begin(&p[0], cancel_it, &r);
		party_begin(&p[1], cancel_it, &r);
		WAIT_UNTIL(r.ready == 2);
		let_pass(i % 80 * 2000);
		r.go_on = 1;
		EXPECT_EQ(go_context_wait(child, FOR_EVER), 0);
		error = go_context_err(r.ctx);
		EXPECT(error == -ECANCELED || error == -ETIMEDOUT);
		EXPECT_EQ(go_context_err(child), error);
		party_end(&p[0]);
		party_end(&p[1]);
		EXPECT_EQ(go_context_err(r.ctx), error);
		WAIT_UNTIL(times_closed(r.ctx) == 1 && times_closed(child) == 1);
		seen[error == -ECANCELED]++;
		go_context_unref(child);
		go_context_unref(r.ctx);
	}
	EXPECT_EQ(seen[0] + seen[1], 400);
	/* A timer that runs yet has its part in the memory. */
	WAIT_UNTIL(!module.live);
}

/* Makes children, some with children, until well after the end; the last 200 are kept. */
static void make_children(void *arg)
{
	struct race *r = arg;
	struct go_context **made = r->made[r->next++], *child, **slot;
	int i, left = 20;

	for (i = 0; left; i++) {
		child = i % 3 ? go_with_cancel(r->ctx) : go_with_timeout(r->ctx, LONG);
		slot = &made[i % 200];
		go_context_unref(*slot);
		*slot = i % 2 ? go_with_cancel(child) : go_context_ref(child);
		if (i % 5 == 0)
			EXPECT(go_context_done(child));
		go_context_unref(child);
		if (!i)
			r->ready++;
		if (go_context_err(r->ctx))
			left--;
		else if (i % 100 == 0)
			step_aside();
	}
}

static void children_made_while_the_parent_is_cancelled_are_done(void)
{
	struct party p[3];
	struct race *r;
	int i, j;

	for (i = 0; i < 100; i++) {
		r = calloc(1, sizeof(*r));
		r->ctx = go_with_cancel(go_background());
		for (j = 0; j < 3; j++)
			party_begin(&p[j], make_children, r);
		WAIT_UNTIL(r->ready == 3);
		let_pass(i * 1000);
		go_cancel(r->ctx);
		for (j = 0; j < 3; j++)
			party_end(&p[j]);
		for (j = 0; j < 600; j++) {
			if (!r->made[j / 200][j % 200])
				continue;
			EXPECT_EQ(go_context_err(r->made[j / 200][j % 200]), -ECANCELED);
			go_context_unref(r->made[j / 200][j % 200]);
		}
		go_context_unref(r->ctx);
		free(r);
	}
	WAIT_UNTIL(!module.live);
}

/* Whoever lets go while the parent is being cancelled: the sanitizers watch. */
static void let_go(void *arg)
{
	struct race *r = arg;
	struct go_context **made = r->made[r->next++];
	int i;

	r->ready++;
	WAIT_UNTIL(r->go_on);
	for (i = 0; i < 200; i++)
		go_context_unref(made[i]);
}

static void children_go_while_the_parent_is_cancelled(void)
{
	struct party p[5];
	struct race *r;
	int i, j;

	for (i = 0; i < 50; i++) {
		r = calloc(1, sizeof(*r));
		r->ctx = go_with_cancel(go_background());
		for (j = 0; j < 800; j++)
			r->made[j / 200][j % 200] = j % 3 ? go_with_cancel(r->ctx) :
							    go_with_timeout(r->ctx, LONG);
		for (j = 0; j < 4; j++)
			party_begin(&p[j], let_go, r);
		party_begin(&p[4], cancel_it, r);
		WAIT_UNTIL(r->ready == 5);
		r->go_on = 1;
		for (j = 0; j < 5; j++)
			party_end(&p[j]);
		go_context_unref(r->ctx);
		free(r);
	}
}

/* Its channel goes with its memory. */
static void who_is_let_go_of_is_gone_before_its_deadline(void)
{
	struct go_context *ctx = go_with_timeout(go_background(), LONG);
	struct go_context *child = go_with_timeout(ctx, LONG - 1);
	int closed = module.closed;

	EXPECT(go_context_done(ctx));
	EXPECT(go_context_done(child));
	EXPECT_EQ(module.live, 2);
	EXPECT(go_context_ref(ctx) == ctx);
	go_context_unref(ctx);
	go_context_unref(ctx);
	EXPECT_EQ(module.live, 2);
	go_context_unref(child);
	EXPECT_EQ(module.live, 0);
	EXPECT_EQ(module.closed, closed);
}

/*
 * The timer is at work: it needs the context longer than anybody else. If it was before
 * the channel, that was closed at once.
 */
static void who_is_let_go_of_while_its_deadline_passes_stays_for_that(void)
{
	struct go_context *ctx;
	uint64_t ns;

	module.in_hold = module.go_on = false;
	for (ns = 20 * MS; !module.in_hold; ns *= 2) {
		ctx = go_with_timeout(go_background(), ns);
		module.hold_close = true;
		EXPECT(go_context_done(ctx));
		WAIT_UNTIL(module.in_hold || times_closed(ctx));
		module.hold_close = false;
		go_context_unref(ctx);
	}
	module.go_on = true;
	WAIT_UNTIL(!module.live);
}

static void ask_for_channel(void *arg)
{
	struct race *r = arg;

	r->ready++;
	WAIT_UNTIL(r->go_on);
	r->sum += (uintptr_t)go_context_done(r->ctx);
}

/* Two at least have made one, before one of these is taken. */
static void there_is_one_channel_whoever_asks_first(void)
{
	struct party p[4];
	int i, j;

	module.meet = true;
	for (i = 0; i < 100; i++) {
		module.made = 0;
		struct race r = { .ctx = go_with_cancel(go_background()) };

		for (j = 0; j < 4; j++)
			party_begin(&p[j], ask_for_channel, &r);
		WAIT_UNTIL(r.ready == 4);
		r.go_on = 1;
		if (i % 2)
			go_cancel(r.ctx);
		for (j = 0; j < 4; j++)
			party_end(&p[j]);
		EXPECT_EQ(r.sum, 4 * (uintptr_t)go_context_done(r.ctx));
		EXPECT_EQ(module.live, 1);
		EXPECT_EQ(times_closed(r.ctx), i % 2);
		go_context_unref(r.ctx);
		EXPECT_EQ(module.live, 0);
	}
	module.meet = false;
}

static void no_lock_is_held_while_others_are_told(void)
{
	struct go_context *top = go_with_cancel(go_background());
	struct go_context *child = go_with_cancel(top);

	EXPECT(go_context_done(top));
	EXPECT(go_context_done(child));
	module.in_close = top;
	go_cancel(top);
	EXPECT_EQ(module.in_close_error, -ECANCELED);
	module.in_close = NULL;
	go_context_unref(top);
	go_context_unref(child);
}

static void without_memory_there_is_no_context(void)
{
	struct go_context *none;

	no_memory = true;
	none = go_with_cancel(go_background());
	no_memory = false;
	EXPECT(!none);
}

static void no_parent(void)
{
	go_with_cancel(NULL);
}

static void cancel_background(void)
{
	go_cancel(go_background());
}

static void no_module(void)
{
	module.missing = true;
	go_context_done(go_with_cancel(go_background()));
}

static const struct misuse misuses[] = {
	{ "no parent", no_parent, "panic: cannot create context from nil parent\n" },
	{ "background", cancel_background, "panic: the background context can't be cancelled\n" },
	{ "no module", no_module, "panic: context: no channel: " },
};

static void misuse_ends_the_program(void)
{
	size_t i;

	for (i = 0; i < ARRAY(misuses); i++)
		misuse_ends_the_process(&misuses[i]);
}

int main(int argc, char **argv)
{
	misuse_if_asked(argc, argv, misuses, ARRAY(misuses));
	printf("TAP version 13\n");
	TEST(the_background_is_never_done);
	TEST(cancel_is_for_good);
	TEST(all_below_are_cancelled_and_nobody_else);
	TEST(a_tree_of_a_thousand_is_cancelled_at_its_root);
	TEST_EACH(a_chain_of_any_length_needs_no_stack);
	TEST(a_deadline_that_has_passed_is_done_from_the_start);
	TEST(a_child_of_who_is_done_is_done_for_the_same_reason);
	TEST(the_earlier_deadline_counts);
	TEST(a_deadline_passes_in_time_and_for_all_below);
	TEST_EACH(all_who_wait_go_on);
	TEST_EACH(a_wait_that_is_late_but_told_is_told);
	TEST_EACH(cancel_races_the_deadline);
	TEST_EACH(children_made_while_the_parent_is_cancelled_are_done);
	TEST_EACH(children_go_while_the_parent_is_cancelled);
	TEST(who_is_let_go_of_is_gone_before_its_deadline);
	TEST(who_is_let_go_of_while_its_deadline_passes_stays_for_that);
	TEST_EACH(there_is_one_channel_whoever_asks_first);
	TEST(no_lock_is_held_while_others_are_told);
	TEST(without_memory_there_is_no_context);
	TEST(misuse_ends_the_program);
	return test_result();
}
