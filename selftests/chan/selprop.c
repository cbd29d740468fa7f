// SPDX-License-Identifier: GPL-2.0
/*
 * Select against a model of Go's rules, in arrays: channels in random states, in which
 * armed selectors are parked, and random selects upon them. After each the module and
 * the model must agree on which case could be chosen, on the element, on who else was
 * served, and on the state of all channels.
 *
 * The seed is printed, and taken from CHAN_SEED if that is set.
 */
#include "chan_test.h"

#define SELECTS		100000
#define CHANS		8
#define PEERS		6
#define CASES		64
#define PEER_CASES	4
#define CAPACITY	3
#define ELEM		2000
#define WAITERS		(PEERS * PEER_CASES + CASES)

struct place;

/* Who may be parked: a selector, or a select in a thread. */
struct party {
	int fd;				/* of a selector */
	bool parked;
	bool done;			/* the model has served it, with: */
	unsigned int index;
	bool ok;
	uint64_t got;
	unsigned int n;
	struct chan_case cases[CASES];
	struct place *place[CASES];
	uint64_t v[CASES];		/* that the case sends */
	unsigned char buf[CASES][ELEM];
};

struct waiter {
	struct party *party;
	unsigned int index;
};

/* A channel, as the model knows it. The queues are those of parked receivers and senders. */
struct place {
	int fd;
	unsigned int size, capacity, len;
	bool message, closed;
	uint64_t elems[CAPACITY];
	uint64_t sent, received;
	struct waiter queue[2][WAITERS];
	unsigned int queued[2];
};

static const struct {
	unsigned int size;
	bool message;
} kinds[] = { { 8, 0 }, { 8, 0 }, { 0, 0 }, { 24, 1 }, { ELEM, 0 }, { ELEM, 1 } };

static struct place places[CHANS];
static struct party peers[PEERS], self;
static uint64_t seed, first_seed, next_v = 1;
static unsigned int number;	/* of the select */

/* What has come to pass: a test that meets none of these would show nothing. */
static struct {
	unsigned int chosen, not_ok, none, too_small, peers, parked, timeouts, priority, several;
} seen;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 33) % n;
}

static bool one_in(uint32_t n)
{
	return !rnd(n);
}

static void show_party(const char *name, const struct party *p)
{
	unsigned int i;

	printf("# %s, parked %d:", name, p->parked);
	for (i = 0; i < p->n; i++)
		if (!p->place[i])
			printf(" nil");
		else
			printf(" %s%d", p->cases[i].op == CHAN_CASE_SEND ? "send" : "recv",
			       (int)(p->place[i] - places));
	printf("\n");
}

static void show_place(const struct place *at)
{
	printf("# channel %d: size %u%s, %u of %u, closed %d, ", (int)(at - places), at->size,
	       at->message ? " message" : "", at->len, at->capacity, at->closed);
	printf("sent %llu, received %llu, parked senders %u, receivers %u\n",
	       (unsigned long long)at->sent, (unsigned long long)at->received,
	       at->queued[CHAN_CASE_SEND], at->queued[CHAN_CASE_RECV]);
}

static void fail(const char *what, int line, long value)
{
	int i;

	printf("# line %d: %s: %ld, in select %u of seed %llu\n", line, what, value, number,
	       (unsigned long long)first_seed);
	show_party("the select", &self);
	for (i = 0; i < PEERS; i++)
		show_party("a selector", &peers[i]);
	for (i = 0; i < CHANS; i++)
		show_place(&places[i]);
	fflush(stdout);
	_exit(1);
}

#define CHECK(what, value)	do { if (!(what)) fail(#what, __LINE__, value); } while (0)

/*
 * The model
 */

static bool is_ready(const struct place *at, unsigned int op)
{
	if (at->closed || at->queued[!op])
		return true;
	return op == CHAN_CASE_SEND ? at->len < at->capacity : at->len;
}

static void leave_queues(struct party *p)
{
	unsigned int c, op, i, n;

	for (c = 0; c < CHANS; c++) {
		for (op = 0; op < 2; op++) {
			for (i = n = 0; i < places[c].queued[op]; i++)
				if (places[c].queue[op][i].party != p)
					places[c].queue[op][n++] = places[c].queue[op][i];
			places[c].queued[op] = n;
		}
	}
	p->parked = false;
}

/* Serve a party that is parked; who is first in a queue. */
static void serve(struct waiter w, bool ok, uint64_t v)
{
	leave_queues(w.party);
	w.party->done = true;
	w.party->index = w.index;
	w.party->ok = ok;
	w.party->got = v;
	seen.peers++;
}

static bool model_send(struct place *at, uint64_t v)
{
	if (at->closed)
		return false;
	at->sent++;
	if (at->queued[CHAN_CASE_RECV]) {
		at->received++;
		serve(at->queue[CHAN_CASE_RECV][0], true, v);
	} else {
		at->elems[at->len++] = v;
	}
	return true;
}

static bool model_recv(struct place *at, uint64_t *v)
{
	struct waiter sender = at->queue[CHAN_CASE_SEND][0];
	bool parked = at->queued[CHAN_CASE_SEND];

	if (!at->len && !parked)
		return false;
	at->received++;
	if (at->len) {
		*v = at->elems[0];
		memmove(at->elems, at->elems + 1, --at->len * sizeof(*at->elems));
	} else {
		*v = sender.party->v[sender.index];
	}
	if (parked) {
		at->sent++;
		if (at->capacity)
			at->elems[at->len++] = sender.party->v[sender.index];
		serve(sender, true, 0);
	}
	return true;
}

static void model_close(struct place *at)
{
	unsigned int op;

	at->closed = true;
	for (op = 0; op < 2; op++)
		while (at->queued[op])
			serve(at->queue[op][0], false, 0);
}

static void model_park(struct party *p)
{
	unsigned int i;

	p->parked = true;
	for (i = 0; i < p->n; i++) {
		struct place *at = p->place[i];
		unsigned int op = p->cases[i].op;

		if (at)
			at->queue[op][at->queued[op]++] = (struct waiter){ p, i };
	}
}

/*
 * Elements
 */

static unsigned int len_of(const struct place *at, uint64_t v)
{
	return at->message ? v * 7 % (at->size + 1) : at->size;
}

static void check_elem(const struct place *at, const void *buf, uint64_t v)
{
	CHECK(elem_is(buf, len_of(at, v), v), v);
}

static void make_place(struct place *at)
{
	unsigned int kind = rnd(sizeof(kinds) / sizeof(*kinds));

	memset(at, 0, sizeof(*at));
	at->size = kinds[kind].size;
	at->message = kinds[kind].message;
	at->capacity = rnd(CAPACITY + 1);
	at->fd = make_chan(at->size, at->capacity, at->message ? CHAN_MESSAGE : 0);
	CHECK(at->fd >= 0, at->fd);
}

/*
 * Cases
 */

/* A place and an operation, that are ready, or not, or as it comes. */
static struct place *pick(unsigned int *op, int want_ready)
{
	unsigned int tries;
	struct place *at;

	for (tries = 0; tries < 50; tries++) {
		at = &places[rnd(CHANS)];
		*op = rnd(2);
		if (want_ready < 0 || is_ready(at, *op) == want_ready)
			return at;
	}
	return NULL;
}

/* Whether it parks isn't known yet: then elements of one channel are the same. */
static void make_case(struct party *p, unsigned int i, struct place *at, unsigned int op,
		      bool may_park)
{
	struct chan_case *k = &p->cases[i];

	*k = (struct chan_case){ .fd = -1 - (int)rnd(3), .op = op };
	p->place[i] = at;
	if (!at)
		return;
	k->fd = at->fd;
	k->buf = (uintptr_t)p->buf[i];
	p->v[i] = next_v + (may_park ? at - places : CHANS + i);
	if (op == CHAN_CASE_SEND) {
		fill_elem(p->buf[i], len_of(at, p->v[i]), p->v[i]);
		k->len = at->message ? len_of(at, p->v[i]) : 0;
	} else {
		memset(p->buf[i], 0xee, 16);
		k->len = !at->message ? 0 : !may_park && one_in(16) ? rnd(at->size) : at->size;
	}
}

/* Mostly few cases; of them many are ready, few, or none. */
static void make_cases(struct party *p, unsigned int max, bool may_park)
{
	unsigned int style = rnd(4), i, op = 0;
	struct place *at;

	p->n = one_in(16) ? rnd(max + 1) : 1 + rnd(max < 8 ? max : 8);
	for (i = 0; i < p->n; i++) {
		at = pick(&op, style < 2 ? 0 : style == 2 ? -1 : one_in(p->n));
		make_case(p, i, one_in(8) ? NULL : at, op, may_park);
	}
	next_v += CHANS + CASES;
}

/* Its buffer is too small for the message that it would receive. */
static bool is_too_small(const struct party *p, unsigned int i)
{
	const struct place *at = p->place[i];
	struct waiter w;
	uint64_t v;

	if (!at->message || p->cases[i].op == CHAN_CASE_SEND)
		return false;
	if (!at->len && !at->queued[CHAN_CASE_SEND])
		return false;
	w = at->queue[CHAN_CASE_SEND][0];
	v = at->len ? at->elems[0] : w.party->v[w.index];
	return len_of(at, v) > p->cases[i].len;
}

/* The case was done: in the model too; and what was received is right. */
static void check_done(struct party *p, unsigned int i, bool ok)
{
	struct place *at = p->place[i];
	uint64_t v = 0;

	if (p->cases[i].op == CHAN_CASE_SEND) {
		CHECK(model_send(at, p->v[i]) == ok, i);
		return;
	}
	CHECK(model_recv(at, &v) == ok, i);
	if (ok)
		check_elem(at, p->buf[i], v);
	if (at->message)
		CHECK(p->cases[i].len == (ok ? len_of(at, v) : 0), p->cases[i].len);
}

/* No other case's buffer was touched. */
static void check_others(const struct party *p, unsigned int chosen)
{
	unsigned int i, k;

	for (i = 0; i < p->n; i++)
		if (p->place[i] && p->cases[i].op == CHAN_CASE_RECV && i != chosen)
			for (k = 0; k < 16; k++)
				CHECK(p->buf[i][k] == 0xee, i);
}

/* A call with @p's cases returned @r: could it? */
static void check_chosen(struct party *p, long r, unsigned int flags, long none)
{
	unsigned int i, nr_ready = 0, nr_small = 0, first = CASES;

	for (i = 0; i < p->n; i++) {
		if (!p->place[i] || !is_ready(p->place[i], p->cases[i].op))
			continue;
		if (!nr_ready++)
			first = i;
		nr_small += is_too_small(p, i);
	}
	seen.several += nr_ready > 1;
	i = CASES;
	if (!nr_ready) {
		CHECK(r == none, r);
		seen.none++;
	} else if (r == -EMSGSIZE) {
		CHECK(nr_small, r);
		CHECK(!(flags & CHAN_PRIORITY) || is_too_small(p, first), r);
		seen.too_small++;
	} else {
		CHECK(r >= 0 && !(r & ~(CHAN_OK | CHAN_INDEX_MASK)), r);
		i = r & CHAN_INDEX_MASK;
		CHECK(i < p->n && p->place[i], r);
		CHECK(is_ready(p->place[i], p->cases[i].op), r);
		CHECK(!is_too_small(p, i), r);
		CHECK(!(flags & CHAN_PRIORITY) || i == first, r);
		check_done(p, i, r & CHAN_OK);
		seen.chosen++;
		seen.not_ok += !(r & CHAN_OK);
		seen.priority += nr_ready > 1 && flags & CHAN_PRIORITY;
	}
	check_others(p, i);
}

/* Who was parked says that case @i was done: the model may mean its equal. */
static void check_served(struct party *p, unsigned int i, bool ok)
{
	CHECK(p->done, i);
	CHECK(i < p->n && p->place[i], i);
	CHECK(p->ok == ok, i);
	CHECK(p->place[i] == p->place[p->index], i);
	/* A close may have found either direction first. */
	if (ok)
		CHECK(p->cases[i].op == p->cases[p->index].op, i);
	p->done = false;
}

/*
 * What happens beside the selects
 */

static void check_result(struct party *p)
{
	struct {
		struct chan_selected h;
		unsigned char elem[ELEM];
	} result;
	struct place *at;
	unsigned int len = 0;
	long r = rd(p->fd, &result, sizeof(result));

	if (!p->done) {
		CHECK(r == -EAGAIN, r);
		return;
	}
	CHECK(r >= (long)sizeof(result.h), r);
	CHECK(!(result.h.flags & ~CHAN_OK), result.h.flags);
	check_served(p, result.h.index, result.h.flags & CHAN_OK);
	at = p->place[result.h.index];
	if (p->ok && p->cases[result.h.index].op == CHAN_CASE_RECV) {
		len = len_of(at, p->got);
		check_elem(at, result.elem, p->got);
	}
	CHECK(result.h.len == len, result.h.len);
	CHECK(r == (long)(sizeof(result.h) + len), r);
}

static void tend_peer(struct party *p)
{
	struct chan_select s = {
		.size = sizeof(s), .cases = (uintptr_t)p->cases, .case_size = sizeof(*p->cases),
		.flags = rnd(2) ? CHAN_PRIORITY : 0,
	};
	long r;

	if (p->parked) {
		if (one_in(8)) {
			CHECK(!ioctl(p->fd, CHAN_IOC_DISARM, 0), errno);
			leave_queues(p);
		}
		return;
	}
	make_cases(p, PEER_CASES, true);
	s.count = p->n;
	r = ioctl(p->fd, CHAN_IOC_ARM, &s);
	r = r < 0 ? -errno : r;
	check_chosen(p, r, s.flags, -EINPROGRESS);
	if (r == -EINPROGRESS)
		model_park(p);
}

static void plain_send(struct place *at)
{
	unsigned char buf[ELEM];
	uint64_t v = next_v++;
	bool ready = is_ready(at, CHAN_CASE_SEND);
	long r;

	fill_elem(buf, len_of(at, v), v);
	r = send_msg(at->fd, buf, at->message ? len_of(at, v) : 0, CHAN_NONBLOCK);
	if (!ready)
		CHECK(r == -EAGAIN, r);
	else
		CHECK(r == (model_send(at, v) ? 1 : -EPIPE), r);
}

static void plain_recv(struct place *at)
{
	unsigned char buf[ELEM];
	unsigned int len = at->message ? ELEM : 0;
	bool ready = is_ready(at, CHAN_CASE_RECV);
	uint64_t v = 0;
	long r;

	r = recv_msg(at->fd, buf, &len, CHAN_NONBLOCK);
	if (!ready) {
		CHECK(r == -EAGAIN, r);
		return;
	}
	CHECK(r == model_recv(at, &v), r);
	if (r)
		check_elem(at, buf, v);
	if (at->message)
		CHECK(len == (r ? len_of(at, v) : 0), len);
}

static void close_place(struct place *at)
{
	CHECK(chan_close(at->fd) == (at->closed ? -EPIPE : 0), at->closed);
	if (!at->closed)
		model_close(at);
}

/* When all results were read: nobody who was served is still in a queue. */
static void check_world(void)
{
	struct chan_info i;
	struct place *at;

	for (at = places; at < places + CHANS; at++) {
		i = info(at->fd);
		CHECK(i.len == at->len, at - places);
		CHECK(i.sent == at->sent, at - places);
		CHECK(i.received == at->received, at - places);
		CHECK(!(i.flags & CHAN_CLOSED) == !at->closed, at - places);
		CHECK(i.parked_senders == at->queued[CHAN_CASE_SEND], at - places);
		CHECK(i.parked_receivers == at->queued[CHAN_CASE_RECV], at - places);
	}
}

static void check_results(void)
{
	unsigned int i;

	for (i = 0; i < PEERS; i++)
		if (peers[i].done)
			check_result(&peers[i]);
}

/* What its channel has given to whom is judged before that is another one. */
static void replace_place(struct place *at)
{
	check_results();
	close(at->fd);
	make_place(at);
}

/* Some channels change, and some selectors are armed or taken back. */
static void stir(void)
{
	struct place *at;
	unsigned int i;

	for (i = rnd(4); i; i--) {
		at = &places[rnd(CHANS)];
		if (one_in(60)) {
			close_place(at);
		} else if (at->closed && one_in(4)) {
			replace_place(at);
		} else if (rnd(2)) {
			plain_send(at);
		} else {
			plain_recv(at);
		}
	}
	for (i = 0; i < PEERS; i++)
		if (peers[i].done || one_in(8))
			check_result(&peers[i]);
	if (rnd(2))
		tend_peer(&peers[rnd(PEERS)]);
	check_results();
}

/*
 * The select
 */

/* Until the select that is parked in @self's channels was served. */
static void serve_parked(void)
{
	unsigned int i;

	while (!self.done) {
		do
			i = rnd(self.n);
		while (!self.place[i]);
		if (one_in(40))
			close_place(self.place[i]);
		else if (self.cases[i].op == CHAN_CASE_SEND)
			plain_recv(self.place[i]);
		else
			plain_send(self.place[i]);
	}
}

static void parked_select(unsigned int flags)
{
	struct select_call call;
	struct place *at;
	unsigned int i;
	long r;

	select_start(&call, self.cases, self.n, flags, flags & CHAN_TIMEOUT ? LONG : 0);
	model_park(&self);
	for (at = places; at < places + CHANS; at++)
		wait_parked(at->fd, at->queued[CHAN_CASE_SEND], at->queued[CHAN_CASE_RECV]);
	serve_parked();
	r = select_end(&call);
	CHECK(r >= 0 && !(r & ~(CHAN_OK | CHAN_INDEX_MASK)), r);
	i = r & CHAN_INDEX_MASK;
	check_served(&self, i, r & CHAN_OK);
	if (self.cases[i].op == CHAN_CASE_RECV) {
		at = self.place[i];
		if (self.ok)
			check_elem(at, self.buf[i], self.got);
		if (at->message)
			CHECK(self.cases[i].len == (self.ok ? len_of(at, self.got) : 0), i);
	}
	check_others(&self, i);
	seen.parked++;
}

/* In a thread it parks until it is served; else it is of no use there. */
static bool can_park(void)
{
	bool some = false;
	unsigned int i;

	for (i = 0; i < self.n; i++) {
		if (self.place[i] && is_ready(self.place[i], self.cases[i].op))
			return false;
		some = some || self.place[i];
	}
	return some;
}

static void one_select(void)
{
	unsigned int flags = one_in(4) ? CHAN_PRIORITY : 0, i;
	unsigned long long timeout = 0;
	bool may_park = one_in(30), ready = false;
	long none = -EAGAIN;

	make_cases(&self, CASES, may_park);
	if (may_park && can_park()) {
		parked_select(flags | (rnd(2) ? CHAN_TIMEOUT : 0));
		return;
	}
	for (i = 0; i < self.n; i++)
		ready = ready || (self.place[i] && is_ready(self.place[i], self.cases[i].op));
	if (!ready && one_in(16)) {
		flags |= CHAN_TIMEOUT;
		timeout = rnd(2) * rnd(50000);
		none = -ETIMEDOUT;
		seen.timeouts++;
	} else if (!ready || rnd(2)) {
		flags |= CHAN_NONBLOCK;
	}
	check_chosen(&self, select_n(self.cases, self.n, flags, timeout), flags, none);
}

FIXTURE(selprop)
{
	char none;
};

FIXTURE_SETUP(selprop)
{
}

FIXTURE_TEARDOWN(selprop)
{
}

TEST_F_TIMEOUT(selprop, each_select_does_what_the_model_allows, 200)
{
	unsigned long long start = now_ns();
	int i;

	seed = getenv("CHAN_SEED") ? strtoull(getenv("CHAN_SEED"), NULL, 0) : start;
	first_seed = seed = seed ?: 1;
	TH_LOG("CHAN_SEED=%llu", (unsigned long long)seed);
	for (i = 0; i < CHANS; i++)
		make_place(&places[i]);
	for (i = 0; i < PEERS; i++) {
		struct chan_selector s = { .size = sizeof(s), .fd_flags = O_NONBLOCK };

		ASSERT_EQ(0, ioctl(ctl_open(), CHAN_IOC_SELECTOR, &s));
		peers[i].fd = s.fd;
	}
	for (number = 0; number < SELECTS; number++) {
		stir();
		one_select();
		check_results();
		check_world();
	}
	TH_LOG("%d selects in %llu ms: %u chosen, %u of these closed, %u of several, %u by priority",
	       SELECTS, (now_ns() - start) / MSEC, seen.chosen, seen.not_ok, seen.several,
	       seen.priority);
	TH_LOG("%u of none, %u too small, %u timeouts, %u parked; %u parked parties served",
	       seen.none, seen.too_small, seen.timeouts, seen.parked, seen.peers);
	EXPECT_GT(seen.chosen, SELECTS / 4);
	EXPECT_GT(seen.several, SELECTS / 8);
	EXPECT_GT(seen.priority, SELECTS / 50);
	EXPECT_GT(seen.none, SELECTS / 8);
	EXPECT_GT(seen.not_ok, SELECTS / 50);
	EXPECT_GT(seen.peers, SELECTS / 10);
	EXPECT_GT(seen.too_small, SELECTS / 1000);
	EXPECT_GT(seen.timeouts, SELECTS / 100);
	EXPECT_GT(seen.parked, SELECTS / 100);
}

TEST_HARNESS_MAIN
