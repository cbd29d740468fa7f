// SPDX-License-Identifier: GPL-2.0
/*
 * What Go's own channel tests test (test/chan, test/closedchan.go and runtime's chan_test.go
 * there), told anew: tables of what blocks, panics or goes on, regressions of Go's select,
 * races of those that don't wait, and crowds. Each test says which one it is there; what the
 * other files have already isn't here, nor what only a compiler can get wrong.
 *
 * Built and linked as libchan.c is, and with Boost.Context.
 */
#include "go_test.h"

/*
 * closedchan.go: a closed channel, by all ways to send and receive
 */

FIXTURE(way) {
	chan(int) dummy;
};

FIXTURE_VARIANT(way) {
	enum { PLAIN, SELECT, SELECT_OF_TWO } way;
};

FIXTURE_VARIANT_ADD(way, plain) { .way = PLAIN };
FIXTURE_VARIANT_ADD(way, by_select) { .way = SELECT };
FIXTURE_VARIANT_ADD(way, by_select_of_two) { .way = SELECT_OF_TWO };

FIXTURE_SETUP(way)
{
	self->dummy = go_make(int);
}

FIXTURE_TEARDOWN(way)
{
	chan_unref(self->dummy);
}

static void send_by(int way, chan(int) c, chan(int) dummy, int v)
{
	if (way == PLAIN) {
		go_send(c, v);
		return;
	}
	go_select {
		go_case_send(c, v) { }
		if (way == SELECT_OF_TWO)
			go_case_recv(dummy, NULL)
				abort();
	}
}

static bool recv_by(int way, chan(int) c, chan(int) dummy, int *v)
{
	bool ok = false;

	if (way == PLAIN)
		return go_recv_ok(c, v);
	go_select {
		if (way == SELECT_OF_TWO)
			go_case_recv(dummy, NULL)
				abort();
		go_case_recv_ok(c, v, &ok) { }
	}
	return ok;
}

/* Return: false if the default came. It stands behind, in front or between. */
static bool try_send_by(int way, chan(int) c, chan(int) dummy, int v)
{
	bool sent = true;

	go_select {
		if (way == SELECT)
			go_default
				sent = false;
		if (way == SELECT_OF_TWO)
			go_case_recv(dummy, NULL)
				abort();
		if (way == SELECT_OF_TWO)
			go_default
				sent = false;
		go_case_send(c, v) { }
		if (way == PLAIN)
			go_default
				sent = false;
	}
	return sent;
}

static bool try_recv_by(int way, chan(int) c, chan(int) dummy, int *v, bool *ok)
{
	bool received = true;

	go_select {
		if (way == SELECT)
			go_default
				received = false;
		go_case_recv_ok(c, v, ok) { }
		if (way == SELECT_OF_TWO)
			go_default
				received = false;
		if (way == SELECT_OF_TWO)
			go_case_recv(dummy, NULL)
				abort();
		if (way == PLAIN)
			go_default
				received = false;
	}
	return received;
}

static void expect_end(struct __test_metadata *_metadata, int way, chan(int) c, chan(int) dummy)
{
	bool ok;
	int i, v;

	for (i = 0; i < 3; i++) {
		v = 5;
		EXPECT_FALSE(recv_by(way, c, dummy, &v));
		EXPECT_EQ(v, 0);
		v = 5;
		ok = true;
		EXPECT_TRUE(try_recv_by(way, c, dummy, &v, &ok));
		EXPECT_FALSE(ok);
		EXPECT_EQ(v, 0);
		EXPECT_STREQ(PANIC_OF(try_send_by(way, c, dummy, 1)), "send on closed channel");
		EXPECT_STREQ(PANIC_OF(send_by(way, c, dummy, 2)), "send on closed channel");
		/* What they wanted to send isn't there. */
		EXPECT_EQ(chan_len(c), 0);
	}
}

TEST_F(way, a_closed_channel_gives_zeros_and_takes_nothing)
{
	chan(int) c = go_make(int);

	go_close(c);
	expect_end(_metadata, variant->way, c, self->dummy);
	EXPECT_STREQ(PANIC_OF(go_close(c)), "close of closed channel");
	chan_unref(c);
}

TEST_F(way, what_was_sent_before_comes_before_the_end)
{
	bool ok, tries;
	chan(int) c;
	int v;

	for (tries = false;; tries = true) {
		c = go_make(int, 2);
		send_by(variant->way, c, self->dummy, 1);
		EXPECT_TRUE(try_send_by(variant->way, c, self->dummy, 2));
		EXPECT_FALSE(try_send_by(variant->way, c, self->dummy, 3));
		go_close(c);
		for (v = 1; v <= 2; v++) {
			int w = 5;

			ok = true;
			if (tries) {
				EXPECT_TRUE(try_recv_by(variant->way, c, self->dummy, &w, &ok));
			} else {
				ok = recv_by(variant->way, c, self->dummy, &w);
			}
			EXPECT_TRUE(ok);
			EXPECT_EQ(w, v);
		}
		expect_end(_metadata, variant->way, c, self->dummy);
		chan_unref(c);
		if (tries)
			break;
	}
}

TEST_F(way, an_open_one_that_is_not_ready_gives_the_default)
{
	chan(int) c = go_make(int);
	bool ok = true;
	int v = 5;

	EXPECT_FALSE(try_send_by(variant->way, c, self->dummy, 1));
	EXPECT_FALSE(try_recv_by(variant->way, c, self->dummy, &v, &ok));
	EXPECT_EQ(v, 5);
	chan_unref(c);
}

/*
 * select3.go: what blocks, what panics, what goes on. Each is a program; that it blocks for
 * ever the runtime says.
 */

#define ON		""
#define BLOCKS		"fatal error: all goroutines are asleep - deadlock!\n"
#define PANICS		"panic: send on closed channel\n"

static chan(int) nil;

static chan(int) closed_one(void)
{
	chan(int) c = go_make(int);

	go_close(c);
	return c;
}

static chan(int) with_one(void)
{
	chan(int) c = go_make(int, 1);

	go_send(c, 7);
	return c;
}

/* A statement as the main goroutine of a program. */
#define ROW(name, ...)								\
	static void name(void *unused_)						\
	{									\
		(void)unused_;							\
		__VA_ARGS__;							\
	}

ROW(send_nil, go_send(nil, 7))
ROW(recv_nil, go_recv(nil))
ROW(range_nil, go_range(v, nil) abort())
ROW(try_send_nil, go_select { go_case_send(nil, 7) abort(); go_default { } })
ROW(try_recv_nil, go_select { go_case_recv(nil, NULL) abort(); go_default { } })
ROW(send_room, go_send(go_make(int, 1), 7))
ROW(send_full, go_send(with_one(), 8))
ROW(send_unbuffered, go_send(go_make(int), 7))
ROW(recv_closed, if (go_recv(closed_one())) abort())
ROW(send_closed, go_send(closed_one(), 7))
ROW(recv_empty, go_recv(go_make(int)))
ROW(recv_empty_buffered, go_recv(go_make(int, 1)))
ROW(range_closed, go_range(v, closed_one()) abort())
ROW(select_nothing, go_select { })
ROW(select_recv_nil, go_select { go_case_recv(nil, NULL) abort(); })
ROW(select_send_nil, go_select { go_case_send(nil, 7) abort(); })
ROW(select_both_nil,
    go_select { go_case_recv(nil, NULL) abort(); go_case_send(nil, 7) abort(); })
ROW(select_recv_empty, go_select { go_case_recv(go_make(int), NULL) abort(); })
ROW(select_send_unbuffered, go_select { go_case_send(go_make(int), 7) abort(); })
ROW(select_send_full, go_select { go_case_send(with_one(), 8) abort(); })
ROW(select_default, go_select { go_default { } })
ROW(select_send_room, go_select { go_case_send(go_make(int, 1), 7) { } go_default abort(); })
ROW(select_recv_ready, go_select { go_case_recv(with_one(), NULL) { } go_default abort(); })
ROW(select_ready_beside_nil,
    go_select { go_case_recv(nil, NULL) abort(); go_case_recv(with_one(), NULL) { } })
ROW(select_recv_closed, go_select { go_case_recv(closed_one(), NULL) { } })
ROW(select_send_closed, go_select { go_case_send(closed_one(), 7) { } })
ROW(try_send_closed, go_select { go_case_send(closed_one(), 7) { } go_default abort(); })
ROW(select_itself,
    chan(int) c = go_make(int); go_select { go_case_send(c, 1) abort();
					    go_case_recv(c, NULL) abort(); })
ROW(select_itself_often,
    chan(int) c = go_make(int); go_select { go_case_send(c, 1) abort();
					    go_case_recv(c, NULL) abort();
					    go_case_send(c, 2) abort();
					    go_case_recv(c, NULL) abort(); })
ROW(select_itself_buffered,
    chan(int) c = go_make(int, 1); go_select { go_case_send(c, 1) { }
					       go_case_recv(c, NULL) abort(); })

static const struct row {
	const char *name;
	void (*fn)(void *arg);
	const char *ends;
} rows[] = {
	{ "a send on nil", send_nil, BLOCKS },
	{ "a receive from nil", recv_nil, BLOCKS },
	{ "a range over nil", range_nil, BLOCKS },
	{ "a send on nil with a default", try_send_nil, ON },
	{ "a receive from nil with a default", try_recv_nil, ON },
	{ "a send with room", send_room, ON },
	{ "a send on a full channel", send_full, BLOCKS },
	{ "a send on an unbuffered channel", send_unbuffered, BLOCKS },
	{ "a receive from a closed channel", recv_closed, ON },
	{ "a send on a closed channel", send_closed, PANICS },
	{ "a receive from an empty channel", recv_empty, BLOCKS },
	{ "a receive from an empty channel with a buffer", recv_empty_buffered, BLOCKS },
	{ "a range over a closed channel", range_closed, ON },
	{ "a select of nothing", select_nothing, BLOCKS },
	{ "a select that receives from nil", select_recv_nil, BLOCKS },
	{ "a select that sends on nil", select_send_nil, BLOCKS },
	{ "a select of both", select_both_nil, BLOCKS },
	{ "a select that receives from an empty channel", select_recv_empty, BLOCKS },
	{ "a select that sends on an unbuffered channel", select_send_unbuffered, BLOCKS },
	{ "a select that sends on a full channel", select_send_full, BLOCKS },
	{ "a select of a default", select_default, ON },
	{ "a select that sends with room", select_send_room, ON },
	{ "a select that receives what is there", select_recv_ready, ON },
	{ "a select of nil and what is there", select_ready_beside_nil, ON },
	{ "a select that receives from a closed channel", select_recv_closed, ON },
	{ "a select that sends on a closed channel", select_send_closed, PANICS },
	{ "a select that sends on a closed channel, with a default", try_send_closed, PANICS },
	{ "a select of both ways of a channel", select_itself, BLOCKS },
	{ "a select of both ways, twice", select_itself_often, BLOCKS },
	{ "a select of both ways with room", select_itself_buffered, ON },
};

static const struct row *row;

static void program_of_row(void)
{
	go_run(row->fn, NULL);
}

TEST(what_blocks_what_panics_and_what_goes_on)
{
	for (row = rows; row < rows + ARRAY(rows); row++) {
		struct end end;

		if (!strcmp(row->ends, BLOCKS) && !deadlocks_are_told())
			continue;
		end = run_program(program_of_row);
		EXPECT_EQ(end.status, row->ends[0] ? 2 : 0)
			TH_LOG("%s: %s", row->name, end.err);
		EXPECT_EQ(strncmp(end.err, row->ends, strlen(row->ends)), 0)
			TH_LOG("%s: %s", row->name, end.err);
	}
}

/*
 * Single selects
 */

static unsigned int evaluated, shift;

static unsigned int value(void)
{
	evaluated++;
	return 1u << shift;
}

static int send_as_may_be(chan(unsigned int) a, chan(unsigned int) b)
{
	bool more = true;
	int n = 0;

	while (more) {
		go_select {
			go_case_send(a, value()) {
				n++;
				a = NULL;
			}
			go_case_send(b, value()) {
				n++;
				b = NULL;
			}
			go_default
				more = false;
		}
		shift++;
	}
	return n;
}

/* select.go: each value is made in each round, also for nil and for who isn't chosen. */
TEST(values_are_made_whichever_case_comes)
{
	chan(unsigned int) a = go_make(unsigned int, 1), b = go_make(unsigned int, 1);

	EXPECT_EQ(send_as_may_be(a, b), 2);
	EXPECT_EQ(go_recv(a) | go_recv(b), 3);
	EXPECT_EQ(send_as_may_be(a, NULL), 1);
	EXPECT_EQ(evaluated, 10);
	chan_unref(a);
	chan_unref(b);
}

static int order;

/* Operands are evaluated in the order in which they stand. */
static chan(int) in_order(chan(int) c, int at)
{
	if (at <= order)
		abort();
	order = at;
	return c;
}

static int number_in_order(int v, int at)
{
	in_order(NULL, at);
	return v;
}

enum { DEFAULT_FIRST = 1, DEFAULT_LAST = 2, SEND = 4, RECV = 8, NIL_SEND = 16, NIL_RECV = 32 };

static void recv_among(chan(int) c, chan(int) dummy, int others, int *v)
{
	order = 0;
	go_select {
		if (others & DEFAULT_FIRST)
			go_default
				abort();
		go_case_recv(in_order(c, 1), v) { }
		if (others & SEND)
			go_case_send(in_order(dummy, 2), number_in_order(1, 3))
				abort();
		if (others & RECV)
			go_case_recv(in_order(dummy, 4), NULL)
				abort();
		if (others & NIL_SEND)
			go_case_send(in_order(NULL, 5), number_in_order(1, 6))
				abort();
		if (others & NIL_RECV)
			go_case_recv(in_order(NULL, 7), NULL)
				abort();
		if (others & DEFAULT_LAST)
			go_default
				abort();
	}
}

static void send_among(chan(int) c, chan(int) dummy, int others, int v)
{
	order = 0;
	go_select {
		if (others & DEFAULT_FIRST)
			go_default
				abort();
		if (others & NIL_RECV)
			go_case_recv(in_order(NULL, 1), NULL)
				abort();
		if (others & RECV)
			go_case_recv(in_order(dummy, 2), NULL)
				abort();
		go_case_send(in_order(c, 3), number_in_order(v, 4)) { }
		if (others & SEND)
			go_case_send(in_order(dummy, 5), number_in_order(1, 6))
				abort();
		if (others & NIL_SEND)
			go_case_send(in_order(NULL, 7), number_in_order(1, 8))
				abort();
		if (others & DEFAULT_LAST)
			go_default
				abort();
	}
}

static bool none_of(chan(int) dummy, int others, int *v)
{
	bool none = false;

	go_select {
		if (others & SEND)
			go_case_send(dummy, 1)
				abort();
		if (others & RECV)
			go_case_recv(dummy, v)
				abort();
		if (others & NIL_SEND)
			go_case_send(nil, 1)
				abort();
		if (others & NIL_RECV)
			go_case_recv(nil, v)
				abort();
		go_default
			none = true;
	}
	return none;
}

/* select5.go, which makes a program of all combinations. */
TEST(the_ready_case_comes_among_any_others)
{
	chan(int) c = go_make(int, 1), dummy = go_make(int);
	int others, v;

	for (others = 0; others < 64; others++) {
		if ((others & DEFAULT_FIRST) && (others & DEFAULT_LAST))
			continue;
		v = -1;
		send_among(c, dummy, others, 100 + others);
		EXPECT_EQ(chan_len(c), 1);
		recv_among(c, dummy, others, &v);
		EXPECT_EQ(v, 100 + others);
		EXPECT_EQ(chan_len(c), 0);
		EXPECT_TRUE(none_of(dummy, others, &v));
		EXPECT_EQ(v, 100 + others);
	}
	chan_unref(c);
	chan_unref(dummy);
}

struct variable {
	chan(int) c;
	bool close;
};

/* A later operand changes the variable, or closes the channel, of an earlier case. */
static int change(struct variable *v)
{
	if (v->close)
		go_close(v->c);
	v->c = NULL;
	return 1;
}

/* Go's issues 4313 and 43111. */
TEST(a_later_operand_changes_no_earlier_one)
{
	chan(int) c = go_make(int, 1), full = with_one();
	struct variable v = { c };
	int got = 0;
	bool ok = false;

	go_send(c, 9);
	go_select {
		go_case_recv_ok(v.c, &got, &ok) { }
		go_case_send(full, change(&v))
			abort();
	}
	EXPECT_EQ(got, 9);
	EXPECT_TRUE(ok);
	v = (struct variable){ c, true };
	go_select {
		go_case_recv_ok(v.c, &got, &ok) { }
		go_case_send(full, change(&v))
			abort();
	}
	EXPECT_EQ(got, 0);
	EXPECT_FALSE(ok);
	chan_unref(c);
	chan_unref(full);
}

static void send_for_ever(void *arg)
{
	chan(int) c = arg;

	while (!chan_send(c, 5))
		;
}

/* select8.go: break leaves the select, of one, two or three cases, and nothing else. */
TEST(break_leaves_the_select_alone)
{
	struct go_wait_group ended = { };
	chan(int) c = go_make(int);
	int i, n = 0;

	start(false, &ended, send_for_ever, c);
	for (i = 0; i < 10; i++) {
		go_select {
			go_case_recv(c, NULL) {
				n++;
				if (n)
					break;
				abort();
			}
		}
		go_select {
			go_default {
				n++;
				if (n)
					break;
				abort();
			}
		}
		wait_parked(c, 1, 0);
		go_select {
			go_case_recv(c, NULL) {
				n++;
				if (n)
					break;
				abort();
			}
			go_case_send(c, 10)
				abort();
			go_default
				abort();
		}
	}
	EXPECT_EQ(n, 30);
	go_close(c);
	go_wait_group_wait(&ended);
	chan_unref(c);
}

/*
 * Two and three that meet
 */

FIXTURE(two) {
	struct go_wait_group ended;
};

FIXTURE_VARIANT(two) {
	bool threads;
};

FIXTURE_VARIANT_ADD(two, goroutines) { .threads = false };
FIXTURE_VARIANT_ADD(two, threads) { .threads = true };

FIXTURE_SETUP(two)
{
}

FIXTURE_TEARDOWN(two)
{
}

/* Waits in c last of all, and goes on by d; then it waits in c again. */
struct last {
	chan(int) c, d, e;
};

static void recv_c(void *arg)
{
	go_recv(((struct last *)arg)->c);
}

static void leave_the_end_of_a_queue(void *arg)
{
	struct last *l = arg;

	go_select {
		go_case_recv(l->c, NULL)
			abort();
		go_case_recv(l->d, NULL)
			go_send(l->e, 1);
	}
	go_recv(l->c);
}

/* select6.go, Go's issue 2075: the end of the queue is where the next one waits. */
TEST_F(two, who_leaves_the_end_of_a_queue_leaves_it_whole)
{
	struct last l = { go_make(int), go_make(int), go_make(int) };

	start(variant->threads, &self->ended, recv_c, &l);
	wait_parked(l.c, 0, 1);
	start(variant->threads, &self->ended, leave_the_end_of_a_queue, &l);
	wait_parked(l.c, 0, 2);
	go_send(l.d, 1);
	go_recv(l.e);
	wait_parked(l.c, 0, 2);
	go_send(l.c, 1);
	go_send(l.c, 1);
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(chan_send_try(l.c, 1), -EAGAIN);
	chan_unref(l.c);
	chan_unref(l.d);
	chan_unref(l.e);
}

static void drop_plain(void *arg)
{
	chan(int) c = arg;

	go_recv(c);
}

static void drop_by_select(void *arg)
{
	chan(int) c = arg;

	go_select {
		go_case_recv(c, NULL) { }
	}
}

static void drop_by_select_of_two(void *arg)
{
	chan(int) c = arg, other = go_make(int);

	go_select {
		go_case_recv(c, NULL) { }
		go_case_recv(other, NULL)
			abort();
	}
	chan_unref(other);
}

/* select7.go: who receives doesn't want the value. */
TEST_F(two, a_value_may_be_dropped_by_any_way_of_receiving)
{
	static void (*const drops[])(void *) = {
		drop_plain, drop_by_select, drop_by_select_of_two,
	};
	chan(int) c = go_make(int), other = go_make(int);
	size_t i;
	int way;

	for (i = 0; i < ARRAY(drops); i++)
		for (way = PLAIN; way <= SELECT_OF_TWO; way++) {
			start(variant->threads, &self->ended, drops[i], c);
			wait_parked(c, 0, 1);
			send_by(way, c, other, 1);
			go_wait_group_wait(&self->ended);
		}
	EXPECT_EQ(chan_send_try(c, 1), -EAGAIN);
	chan_unref(c);
	chan_unref(other);
}

struct text {
	char text[12];
};

/* nonblock.go, for one type: who doesn't wait meets who does, in both directions. */
#define NEVER_WAITS(name, T, sent)						\
	struct name##_party {							\
		chan(T) c;							\
		T value;							\
	};									\
										\
	static void name##_recv(void *arg)					\
	{									\
		struct name##_party *p = arg;					\
										\
		p->value = go_recv(p->c);					\
	}									\
										\
	static void name##_send(void *arg)					\
	{									\
		struct name##_party *p = arg;					\
										\
		go_send(p->c, p->value);					\
	}									\
										\
	TEST_F(two, name##_never_waits_and_meets_who_does)			\
	{									\
		const T value = sent, none = { 0 };				\
		struct name##_party p;						\
		int cap;							\
		T v;								\
										\
		for (cap = 0; cap < 2; cap++) {					\
			p = (struct name##_party){ .c = go_make(T, cap) };	\
			memset(&v, 0, sizeof(v));				\
			EXPECT_EQ(chan_recv_try(p.c, &v), -EAGAIN);		\
			EXPECT_EQ(memcmp(&v, &none, sizeof(v)), 0);		\
			start(variant->threads, &self->ended, name##_recv, &p);	\
			wait_parked(p.c, 0, 1);					\
			EXPECT_EQ(chan_send_try(p.c, value), 0);		\
			go_wait_group_wait(&self->ended);			\
			EXPECT_EQ(memcmp(&p.value, &value, sizeof(v)), 0);	\
			start(variant->threads, &self->ended, name##_send, &p);	\
			if (cap)						\
				go_wait_group_wait(&self->ended);		\
			else							\
				wait_parked(p.c, 1, 0);				\
			EXPECT_EQ(chan_recv_try(p.c, &v), 1);			\
			EXPECT_EQ(memcmp(&v, &value, sizeof(v)), 0);		\
			go_wait_group_wait(&self->ended);			\
			EXPECT_EQ(chan_recv_try(p.c, &v), -EAGAIN);		\
			chan_unref(p.c);					\
		}								\
	}

NEVER_WAITS(int32, int32_t, 123)
NEVER_WAITS(int64, int64_t, 123456789012)
NEVER_WAITS(boolean, bool, true)
NEVER_WAITS(text, struct text, { "hello again" })

/*
 * Races
 */

/* Round after round: who tries begins with each at once, and doesn't have to be started. */
struct race {
	chan(int) c, d, empty;
	int rounds, round, done;	/* the last two are atomic */
	uint64_t took;			/* ns, of a select; written before @done */
	int missed;
};

/* Where many cases are looked at, it takes a time from the first to the last. */
static void try_both(void *arg)
{
	enum { CASES = 200 };
	struct chan_choice choices[CASES];
	struct race *r = arg;
	uint64_t begin;
	int i, k, v;

	for (i = 1; i <= r->rounds; i++) {
		wait_for_count(r->round, i);
		begin = chan_now();
		for (k = 0; k < CASES; k++)
			choices[k] = (struct chan_choice){ chan_handle(r->empty), .buf = &v };
		choices[0].c = chan_handle(r->c);
		choices[CASES - 1].c = chan_handle(r->d);
		r->missed += chan_select_try(choices, CASES, 0) == -EAGAIN;
		r->took = chan_now() - begin;
		__atomic_store_n(&r->done, i, __ATOMIC_SEQ_CST);
	}
}

/* The two meet at another moment in each round, but while the other one is in its select. */
static void begin_round(struct race *r, int i)
{
	uint64_t moment = chan_now() + r->took * (i * 37 % 64) / 64;

	__atomic_store_n(&r->round, i, __ATOMIC_SEQ_CST);
	while (chan_now() < moment)
		;
}

/* TestNonblockRecvRace: it is ready before and after the close. */
TEST_F(two, a_channel_that_is_being_closed_is_ready_throughout)
{
	struct race r = { .empty = go_make(int), .rounds = 500 / slowness() };
	int i;

	start(variant->threads, &self->ended, try_both, &r);
	for (i = 1; i <= r.rounds; i++) {
		r.c = with_one();
		begin_round(&r, i);
		go_close(r.c);
		go_recv(r.c);
		wait_for_count(r.done, i);
		chan_unref(r.c);
	}
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(r.missed, 0);
	chan_unref(r.empty);
}

/* TestNonblockSelectRace2: the second is closed before the first is emptied. */
TEST_F(two, a_close_is_seen_at_the_one_instant)
{
	struct race r = { .empty = go_make(int), .rounds = 500 / slowness() };
	int i, v;

	start(variant->threads, &self->ended, try_both, &r);
	for (i = 1; i <= r.rounds; i++) {
		r.c = with_one();
		r.d = go_make(int);
		begin_round(&r, i);
		go_close(r.d);
		chan_recv_try(r.c, &v);
		wait_for_count(r.done, i);
		chan_unref(r.c);
		chan_unref(r.d);
	}
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(r.missed, 0);
	chan_unref(r.empty);
}

/*
 * doubleselect.go: what is sent by a select of four comes once
 */

struct many {
	chan(int) in[4], out;
	int n;
};

static void send_by_any(void *arg)
{
	struct many *m = arg;
	int i, k;

	for (i = 0; i < m->n; i++) {
		go_select {
			go_case_send(m->in[0], i) { }
			go_case_send(m->in[1], i) { }
			go_case_send(m->in[2], i) { }
			go_case_send(m->in[3], i) { }
		}
	}
	for (k = 0; k < 4; k++)
		go_close(m->in[k]);
}

struct mux {
	chan(int) in, out;
	struct go_wait_group *senders;
};

static void pass_on(void *arg)
{
	struct mux *m = arg;

	go_range(v, m->in)
		go_send(m->out, v);
	go_wait_group_done(m->senders);
}

static void close_after(void *arg)
{
	struct mux *m = arg;

	go_wait_group_wait(m->senders);
	go_close(m->out);
}

TEST_F(two, no_two_cases_of_a_select_are_carried_out)
{
	struct many m = { .out = go_make(int), .n = 5000 / slowness() };
	struct go_wait_group senders = { };
	char *seen = calloc(m.n, 1);
	struct mux mux[4];
	int i, n = 0;

	go_wait_group_add(&senders, 4);
	for (i = 0; i < 4; i++) {
		m.in[i] = go_make(int);
		mux[i] = (struct mux){ m.in[i], m.out, &senders };
		start(variant->threads, &self->ended, pass_on, &mux[i]);
	}
	start(variant->threads, &self->ended, close_after, &mux[0]);
	start(variant->threads, &self->ended, send_by_any, &m);
	go_range(v, m.out) {
		ASSERT_TRUE(v >= 0 && v < m.n);
		EXPECT_EQ(seen[v]++, 0);
		n++;
	}
	EXPECT_EQ(n, m.n);
	go_wait_group_wait(&self->ended);
	for (i = 0; i < 4; i++)
		chan_unref(m.in[i]);
	chan_unref(m.out);
	free(seen);
}

/*
 * fifo.go: a chain in which each waits for the one before
 */

struct link {
	chan(int) c;
	recv_chan(int) before;
	send_chan(int) after;
	int value;
};

static void in_turn(void *arg)
{
	struct link *l = arg;

	go_recv(l->before);
	if (go_recv(l->c) != l->value)
		abort();
	go_send(l->after, 1);
}

static void chain(struct go_wait_group *ended, bool threads, int cap)
{
	enum { LINKS = 10 };
	chan(int) c = go_make(int, cap), joint[LINKS + 1];
	struct link l[LINKS];
	int i;

	for (i = 0; i <= LINKS; i++)
		joint[i] = go_make(int);
	for (i = 0; i < LINKS; i++) {
		l[i] = (struct link){ c, recv_only(joint[i]), send_only(joint[i + 1]), i };
		start(threads, ended, in_turn, &l[i]);
	}
	for (i = 0; i < cap; i++)
		go_send(c, i);
	go_send(joint[0], 0);
	for (; i < LINKS; i++)
		go_send(c, i);
	go_recv(joint[LINKS]);
	go_wait_group_wait(ended);
	for (i = 0; i <= LINKS; i++)
		chan_unref(joint[i]);
	chan_unref(c);
}

TEST_F(two, values_come_in_order_to_a_chain_of_receivers)
{
	int i;

	for (i = 0; i < 20; i++) {
		chain(&self->ended, variant->threads, 0);
		chain(&self->ended, variant->threads, 10);
	}
}

/*
 * Crowds
 */

struct stress {
	chan(int) c[4];
	int k, n;
};

static void send_n(void *arg)
{
	struct stress *s = arg;
	int i;

	for (i = 0; i < s->n; i++)
		go_send(s->c[s->k], 0);
}

static void recv_n(void *arg)
{
	struct stress *s = arg;
	int i;

	for (i = 0; i < s->n; i++)
		go_recv(s->c[s->k]);
}

/* n times by each, as one that is done becomes nil. */
static void send_n_by_select(void *arg)
{
	struct stress s = *(struct stress *)arg;
	int i, k, n[4] = { };

	for (i = 0; i < 4 * s.n; i++) {
		go_select {
			for (k = 3; k >= 0; k--)
				go_case_send(s.c[k], 0) {
					if (++n[k] == s.n)
						s.c[k] = NULL;
					break;
				}
		}
	}
}

static void recv_n_by_select(void *arg)
{
	struct stress s = *(struct stress *)arg;
	int i, k, n[4] = { };

	for (i = 0; i < 4 * s.n; i++) {
		go_select {
			for (k = 0; k < 4; k++)
				go_case_recv(s.c[k], NULL) {
					if (++n[k] == s.n)
						s.c[k] = NULL;
					break;
				}
		}
	}
}

/* TestSelectStress: as much is sent as received on each, so all must come to their end. */
TEST_F(two, sends_receives_and_selects_of_both_come_to_an_end)
{
	struct stress s[4];
	int k, cap[] = { 0, 0, 2, 3 };

	for (k = 0; k < 4; k++)
		s[0].c[k] = go_make(int, cap[k]);
	for (k = 0; k < 4; k++) {
		s[k] = s[0];
		s[k].k = k;
		s[k].n = 1000 / slowness();
	}
	for (k = 0; k < 4; k++) {
		start(variant->threads, &self->ended, send_n, &s[k]);
		start(variant->threads, &self->ended, recv_n, &s[k]);
	}
	start(variant->threads, &self->ended, send_n_by_select, &s[0]);
	start(variant->threads, &self->ended, recv_n_by_select, &s[0]);
	go_wait_group_wait(&self->ended);
	for (k = 0; k < 4; k++) {
		EXPECT_EQ(chan_len(s[0].c[k]), 0);
		wait_parked(s[0].c[k], 0, 0);
		chan_unref(s[0].c[k]);
	}
}

struct fair {
	chan(int) full[2], empty[2], out;
	chan(struct go_unit) done;
};

static void choose(void *arg)
{
	struct fair *f = arg;
	bool more = true;
	int v;

	while (more) {
		go_select {
			go_case_recv(f->empty[0], &v) { }
			go_case_recv(f->empty[1], &v) { }
			go_case_recv(f->full[0], &v) { }
			go_case_recv(f->full[1], &v) { }
		}
		go_select {
			go_case_send(f->out, v) { }
			go_case_recv(f->done, NULL)
				more = false;
		}
	}
}

/* TestSelectFairness: one in a million that is fair is further than 4.9 deviations off. */
TEST_F(two, of_two_that_are_full_each_is_chosen_half_of_the_times)
{
	long n = 4000 / slowness(), i, more, count[2] = { };
	int k;
	struct fair f = { .out = go_make(int), .done = go_make(struct go_unit) };

	for (k = 0; k < 2; k++) {
		f.full[k] = go_make(int, n + 1);
		f.empty[k] = go_make(int);
		for (i = 0; i <= n; i++)
			go_send(f.full[k], k);
	}
	start(variant->threads, &self->ended, choose, &f);
	for (i = 0; i < n; i++)
		count[go_recv(f.out)]++;
	go_close(f.done);
	go_wait_group_wait(&self->ended);
	more = count[0] - count[1];
	EXPECT_LE(more * more, 24 * n)
		TH_LOG("%ld and %ld", count[0], count[1]);
	for (k = 0; k < 2; k++) {
		chan_unref(f.full[k]);
		chan_unref(f.empty[k]);
	}
	chan_unref(f.out);
	chan_unref(f.done);
}

struct receipt {
	chan(int) c;
	int n, ones;
};

static void count_ones(void *arg)
{
	struct receipt *r = arg;
	int i;

	for (i = 0; i < r->n; i++)
		r->ones += go_recv(r->c);
}

/* TestPseudoRandomSend: two cases of one channel. */
TEST_F(two, which_of_two_values_is_sent_is_chance)
{
	struct receipt r = { .n = 200 };
	int cap, i;

	for (cap = 0; cap <= r.n; cap += r.n) {
		r.c = go_make(int, cap);
		r.ones = 0;
		start(variant->threads, &self->ended, count_ones, &r);
		for (i = 0; i < r.n; i++) {
			go_select {
				go_case_send(r.c, 1) { }
				go_case_send(r.c, 0) { }
			}
		}
		go_wait_group_wait(&self->ended);
		EXPECT_GT(r.ones, r.n / 10);
		EXPECT_LT(r.ones, r.n - r.n / 10);
		chan_unref(r.c);
	}
}

struct workshop {
	chan(int) q, r;
	struct go_wait_group workers;
	int n;
	long sum;
};

struct consumer {
	struct workshop *w;
	int number;
};

static const int primes[] = { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29 };

static void consume(void *arg)
{
	struct consumer *c = arg;

	go_range(v, c->w->q) {
		if (primes[c->number % ARRAY(primes)] == v)
			step_aside();
		go_send(c->w->r, v);
	}
	go_wait_group_done(&c->w->workers);
}

static void feed(void *arg)
{
	struct workshop *w = arg;
	int i;

	for (i = 0; i < w->n; i++) {
		w->sum += primes[i % ARRAY(primes)];
		go_send(w->q, primes[i % ARRAY(primes)]);
	}
	go_close(w->q);
	go_wait_group_wait(&w->workers);
	go_close(w->r);
}

/* TestMultiConsumer: all of many who range over a channel see its end. */
TEST_F(two, what_many_consume_is_what_was_fed)
{
	enum { WORKERS = 23 };
	struct workshop w = { go_make(int, 3 * WORKERS), go_make(int, 3 * WORKERS) };
	struct consumer c[WORKERS];
	long sum = 0;
	int i, n = 0;

	w.n = 10000 / slowness();
	go_wait_group_add(&w.workers, WORKERS);
	for (i = 0; i < WORKERS; i++) {
		c[i] = (struct consumer){ &w, i };
		start(variant->threads, &self->ended, consume, &c[i]);
	}
	start(variant->threads, &self->ended, feed, &w);
	go_range(v, w.r) {
		sum += v;
		n++;
	}
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(n, w.n);
	EXPECT_EQ(sum, w.sum);
	chan_unref(w.q);
	chan_unref(w.r);
}

/*
 * chancap.go
 */

TEST(capacities_are_what_was_asked_for_or_out_of_range)
{
	static const int64_t out[] = {
		-1, INT32_MIN, INT64_MIN, INT64_MAX, 1LL << 32, (1LL << 32) + 1,
		CHAN_CAPACITY_MAX + 1LL,
	};
	chan(struct go_unit) units;
	chan(int) c;
	size_t i;

	for (i = 0; i < ARRAY(out); i++) {
		EXPECT_STREQ(PANIC_OF(go_make(int, out[i])), "makechan: size out of range");
		EXPECT_STREQ(PANIC_OF(go_make(struct go_unit, out[i])),
			     "makechan: size out of range");
	}
	/* Elements without bytes need no memory, however many there may be. */
	units = go_make(struct go_unit, CHAN_CAPACITY_MAX);
	EXPECT_EQ(chan_cap(units), CHAN_CAPACITY_MAX);
	go_send(units, (struct go_unit){ });
	EXPECT_EQ(chan_len(units), 1);
	chan_unref(units);
	c = go_make(int, 10);
	for (i = 0; i < 3; i++)
		go_send(c, i);
	EXPECT_EQ(chan_len(c), 3);
	EXPECT_EQ(chan_cap(c), 10);
	chan_unref(c);
	c = go_make(int);
	EXPECT_EQ(chan_len(c), 0);
	EXPECT_EQ(chan_cap(c), 0);
	chan_unref(c);
	EXPECT_EQ(chan_len(nil), 0);
	EXPECT_EQ(chan_cap(nil), 0);
	EXPECT_STREQ(PANIC_OF(go_close(nil)), "close of nil channel");
}

TEST_HARNESS_MAIN
