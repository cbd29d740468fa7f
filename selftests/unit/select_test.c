// SPDX-License-Identifier: GPL-2.0
/*
 * Select against a model of Go's rules: some channels in random states, with and
 * without peers that are parked, and a select of random cases. Which cases are ready
 * is written down as the world is made. One thread; select_stress.c has more.
 */
#include "unit.h"
#include "select.h"

#define WORLDS		100000
#define CHANS		4
#define CASES		8

static u64 seed;

static u32 rnd(u32 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 33) % n;
}

/* Who is parked in a channel, and perhaps in a second one. */
struct peer {
	struct chan_party party;
	struct chan_waiter waiters[2];
	struct chan *in[2];
	struct task_struct task;
	u64 v;			/* that it sends */
	bool stale;
};

/* A channel, and what the model knows of it. */
struct place {
	struct chan *c;
	u64 queue[4];
	u32 len;
	bool closed;
	struct peer *peer;	/* parked first, and not stale; or NULL */
};

static struct place places[CHANS];
static struct peer peers[2 * CHANS];
static u32 nr_places, nr_peers;
static u64 next_v;

/* The select under test. */
static struct {
	struct chan_choice s;
	struct chan_option options[CASES];
	u64 gens[CASES];
	struct chan_waiter waiters[CASES];
	struct place *place[CASES];
	u64 v[CASES];		/* that the case sends */
	u64 got;
	struct task_struct task;
} t;

static const struct {
	u32 size;
	bool message;
} kinds[] = { { 8, false }, { 24, true }, { BY_REF, false }, { BY_REF, true } };

/*
 * The world
 */

static void enqueue_peer(struct peer *p, u32 i, struct chan *c, bool sending)
{
	struct chan_waiter *w = &p->waiters[i];
	struct chan_hold h;

	p->in[i] = c;
	w->party = &p->party;
	w->sending = sending;
	w->elem = unit_elem(c);
	if (sending) {
		unit_fill(c, w->elem->data, p->v);
		w->elem->len = unit_len(c, p->v);
	}
	chan_lock(c, &h);
	if (sending)
		chan_enqueue_send(c, &h, w);
	else
		chan_enqueue_recv(c, &h, w);
	chan_unlock(c, &h);
}

static struct peer *park_peer(struct place *at, bool sending, bool stale)
{
	struct peer *p = &peers[nr_peers++];

	memset(p, 0, sizeof(*p));
	shim_task_init(&p->task);
	p->party.task = &p->task;
	p->party.several = stale || rnd(2);
	p->stale = stale;
	p->v = next_v++;
	spin_lock_init(&p->party.lock);
	enqueue_peer(p, 0, at->c, sending);
	if (stale)
		p->party.state = rnd(2) ? CHAN_FIRED : CHAN_CANCELLED;
	return p;
}

static void make_place(struct place *at)
{
	u32 kind = rnd(4), capacity = rnd(3), i;
	bool sending;

	memset(at, 0, sizeof(*at));
	at->c = unit_chan(kinds[kind].size, capacity, kinds[kind].message);
	at->len = rnd(2) ? rnd(capacity + 1) : rnd(2) * capacity;
	for (i = 0; i < at->len; i++) {
		at->queue[i] = next_v++;
		CHECK(unit_send(at->c, at->queue[i]) == 1);
	}
	at->closed = !rnd(4);
	if (at->closed) {
		CHECK(chan_close(at->c) == 0);
		return;
	}
	/* Senders can be parked where it is full, receivers where it is empty. */
	if (at->len && at->len < capacity)
		return;
	sending = at->len == capacity && (at->len || rnd(2));
	if (!rnd(3))
		park_peer(at, sending, true);
	if (rnd(2))
		at->peer = park_peer(at, sending, false);
}

static bool is_ready(u32 i)
{
	struct place *at = t.place[i];

	if (!at)
		return false;
	if (at->closed)
		return true;
	if (t.options[i].sending)
		return at->len < at->c->capacity || (at->peer && !at->peer->waiters[0].sending);
	return at->len || (at->peer && at->peer->waiters[0].sending);
}

static u32 ready_cases(void)
{
	u32 i, ready = 0;

	for (i = 0; i < t.s.nr; i++)
		ready |= is_ready(i) << i;
	return ready;
}

/* One operation, as the module does it. */
static int attempt(struct chan_choice *s, u32 i)
{
	struct chan *c = s->options[i].chan;

	return s->options[i].sending ? unit_send(c, t.v[i]) : unit_recv(c, &t.got);
}

static int never(struct chan_choice *s, u32 i)
{
	(void)s;
	(void)i;
	return -EAGAIN;
}

static void make_select(void)
{
	u32 i;

	memset(&t, 0, sizeof(t));
	t.s.nr = rnd(CASES + 1);
	t.s.options = t.options;
	t.s.waiters = t.waiters;
	t.s.by_priority = !rnd(4);
	t.s.attempt = attempt;
	t.s.party.several = true;
	t.s.party.task = &t.task;
	spin_lock_init(&t.s.party.lock);
	shim_task_init(&t.task);
	for (i = 0; i < t.s.nr; i++) {
		struct chan_waiter *w = &t.waiters[i];

		t.options[i].order = i;
		w->party = &t.s.party;
		if (!rnd(8))
			continue;
		t.place[i] = &places[rnd(nr_places)];
		t.options[i].chan = t.place[i]->c;
		t.options[i].sending = w->sending = rnd(2);
		t.v[i] = next_v++;
		w->elem = unit_elem(t.options[i].chan);
		if (w->sending) {
			unit_fill(t.options[i].chan, w->elem->data, t.v[i]);
			w->elem->len = unit_len(t.options[i].chan, t.v[i]);
		}
	}
}

/*
 * What must be so afterwards
 */

static void check_peer(struct peer *p, int result, u64 v)
{
	struct chan_elem *e = p->waiters[0].elem;

	CHECK(p->party.state == CHAN_FIRED && p->party.result == result && p->task.woken);
	CHECK(!p->party.several || p->party.winner == &p->waiters[0]);
	CHECK(p->waiters[0].sending || unit_holds(p->in[0], e->data, e->len, v));
}

/* The model does the case that was chosen. Return: the element, if one is received. */
static u64 model_choose(u32 i, int result)
{
	struct place *at = t.place[i];
	u64 v = 0;

	if (t.options[i].sending) {
		CHECK(result == (at->closed ? -EPIPE : 1));
		if (at->closed)
			return 0;
		if (at->peer) {
			check_peer(at->peer, 1, t.v[i]);
			at->peer = NULL;
		} else {
			at->queue[at->len++] = t.v[i];
		}
		return 0;
	}
	CHECK(result == (at->len || !at->closed));
	if (!result)
		return 0;
	if (!at->len) {
		v = at->peer->v;
	} else {
		v = at->queue[0];
		memmove(&at->queue[0], &at->queue[1], --at->len * sizeof(v));
		if (at->peer)
			at->queue[at->len++] = at->peer->v;
	}
	if (at->peer) {
		check_peer(at->peer, 1, 0);
		at->peer = NULL;
	}
	return v;
}

static void check_places(void)
{
	struct place *at;
	u64 v;
	u32 i;

	for (at = places; at < places + nr_places; at++) {
		CHECK(chan_len(at->c) == at->len);
		if (at->peer)
			CHECK(at->peer->party.state == CHAN_PENDING);
		/* The peers that are left go, so that only the queue is drained. */
		for (i = 0; i < nr_peers; i++)
			if (peers[i].in[0] == at->c) {
				if (peers[i].party.state == CHAN_PENDING)
					peers[i].party.state = CHAN_CANCELLED;
				chan_forget(at->c, &peers[i].waiters[0]);
			}
		CHECK(list_empty(&at->c->recvq) && list_empty(&at->c->sendq));
		unit_check(at->c);
		for (i = 0; i < at->len; i++)
			CHECK(unit_recv(at->c, &v) == 1 && v == at->queue[i]);
	}
}

/* The element that a select which has waited received. */
static u64 landed(int i)
{
	struct chan_elem *e = t.waiters[i].elem;
	u64 v;

	if (t.options[i].sending || t.s.result != 1)
		return 0;
	memcpy(&v, e->data, 8);
	CHECK(unit_holds(t.options[i].chan, e->data, e->len, v));
	return v;
}

static void chosen(int i, u32 ready, u64 got)
{
	u32 first = ready & -ready;

	CHECK(i >= 0 && ready & 1U << i);
	if (t.s.by_priority)
		CHECK(1U << i == first);
	CHECK(model_choose(i, t.s.result) == got);
}

/* A select with a default. */
static void check_default(void)
{
	u32 ready = ready_cases();
	int r = chan_choice_try(&t.s);

	if (r == -EAGAIN)
		r = chan_choice_default(&t.s, t.gens);
	if (!ready)
		CHECK(r == -EAGAIN);
	else
		chosen(r, ready, t.s.result == 1 && !t.options[r].sending ? t.got : 0);
}

/* Something happens to a channel for which the select may wait. */
static void provoke(struct place *at)
{
	u32 i, able = 0;
	u64 v = next_v, got = 0;
	bool send, receive;
	int n, r;

	/* Would one of the cases be ready with a sender, or with a receiver? */
	send = receive = false;
	for (i = 0; i < t.s.nr; i++) {
		send |= t.place[i] == at && !t.options[i].sending;
		receive |= t.place[i] == at && t.options[i].sending;
	}
	if (!rnd(4)) {
		CHECK(chan_close(at->c) == 0);
		at->closed = true;
		if (!send && !receive)
			return;
		n = chan_choice_leave(&t.s);
		CHECK(n >= 0 && t.place[n] == at);
		CHECK(t.s.result == (t.options[n].sending ? -EPIPE : 0));
		return;
	}
	if (rnd(2)) {
		r = unit_send(at->c, v);
		able = send;
	} else {
		r = unit_recv(at->c, &got);
		able = receive << 1;
	}
	if (!able)
		return;
	CHECK(r == 1);
	n = chan_choice_leave(&t.s);
	CHECK(n >= 0 && t.place[n] == at && t.s.result == 1);
	if (able & 1) {
		CHECK(!t.options[n].sending && landed(n) == v);
	} else {
		CHECK(t.options[n].sending);
		CHECK(got == (at->len ? at->queue[0] : t.v[n]));
		if (at->len) {
			memmove(&at->queue[0], &at->queue[1], (at->len - 1) * sizeof(v));
			at->queue[at->len - 1] = t.v[n];
		}
	}
}

/* A select that waits, if it must; @blind: it hasn't looked before. */
static void check_wait(bool blind)
{
	u32 ready = ready_cases();
	int r;

	if (blind)
		t.s.attempt = never;
	r = chan_choice_try(&t.s);
	if (r >= 0) {
		chosen(r, ready, t.s.result == 1 && !t.options[r].sending ? t.got : 0);
		return;
	}
	r = chan_choice_enqueue(&t.s);
	CHECK(r == (ready ? 0 : -EAGAIN));
	if (ready) {
		CHECK(!chan_choice_withdraw(&t.s));
		r = chan_choice_leave(&t.s);
		chosen(r, ready, landed(r));
		return;
	}
	/* It waits. A peer parked on its own side is before it: leave those alone. */
	if (nr_peers == 0 && nr_places && rnd(4)) {
		struct place *at = &places[rnd(nr_places)];

		if (!at->closed) {
			u32 len = at->len;

			provoke(at);
			if (t.s.party.state != CHAN_PENDING)
				return;
			/* It wasn't concerned, or the channel was neither full nor empty. */
			chan_choice_withdraw(&t.s);
			CHECK(chan_choice_leave(&t.s) == -EAGAIN);
			at->len = chan_len(at->c);
			if (at->len > len)
				at->queue[len] = next_v;
			else if (at->len < len)
				memmove(&at->queue[0], &at->queue[1], at->len * sizeof(u64));
			return;
		}
	}
	CHECK(chan_choice_withdraw(&t.s));
	CHECK(chan_choice_leave(&t.s) == -EAGAIN);
}

static void world(void)
{
	u32 i;

	nr_peers = 0;
	nr_places = 1 + rnd(CHANS);
	for (i = 0; i < nr_places; i++)
		make_place(&places[i]);
	make_select();
	switch (rnd(3)) {
	case 0:
		check_default();
		break;
	case 1:
		check_wait(false);
		break;
	default:
		check_wait(true);
	}
	check_places();
	for (i = 0; i < t.s.nr; i++)
		free(t.waiters[i].elem);
	for (i = 0; i < nr_peers; i++)
		free(peers[i].waiters[0].elem);
	for (i = 0; i < nr_places; i++)
		unit_chan_free(places[i].c);
}

static void random_worlds(void)
{
	u32 i;

	for (i = 0; i < WORLDS; i++)
		world();
}

/* Ready cases are chosen alike; a start at random with a scan would prefer some. */
static void choice_is_uniform(void)
{
	struct chan *full = unit_chan(8, 1, false), *empty = unit_chan(8, 1, false);
	struct chan_option options[64];
	u32 hits[64] = {}, i, n = 30000;
	struct chan_choice s = {
		.nr = 64, .options = options, .attempt = attempt,
	};
	u64 v;

	CHECK(unit_send(full, 1) == 1);
	for (i = 0; i < 64; i++) {
		options[i].order = i;
		options[i].chan = i == 3 || i == 4 || i == 60 ? full : empty;
		options[i].sending = false;
	}
	for (i = 0; i < n; i++) {
		int r = chan_choice_try(&s);

		CHECK(r >= 0 && s.result == 1);
		hits[r]++;
		CHECK(unit_send(full, 1) == 1);
	}
	/* Five standard deviations. */
	for (i = 0; i < 64; i++)
		CHECK(options[i].chan == empty ? !hits[i] : hits[i] > 10000 - 409 && hits[i] < 10000 + 409);
	CHECK(unit_recv(full, &v) == 1);
	unit_chan_free(full);
	unit_chan_free(empty);
}

/* More stale waiters than one hold may drop, and behind them one who waits. */
static void stale_waiters_go_in_pieces(void)
{
	static struct peer crowd[100];
	struct chan *c = unit_chan(8, 0, false);
	struct fake last;
	struct chan_hold h;
	u32 i, tries = 0;
	int r;

	memset(crowd, 0, sizeof(crowd));
	for (i = 0; i < 100; i++) {
		crowd[i].party.several = true;
		spin_lock_init(&crowd[i].party.lock);
		enqueue_peer(&crowd[i], 0, c, false);
	}
	unit_fake(&last, c, false, 0);
	chan_lock(c, &h);
	chan_enqueue_recv(c, &h, &last.waiter);
	chan_unlock(c, &h);
	for (i = 0; i < 100; i++)
		crowd[i].party.state = CHAN_CANCELLED;
	do
		r = unit_send(c, 7);
	while (r == -EBUSY && ++tries);
	CHECK(r == 1 && tries == 100 / (CHAN_HOLD_STALE + 1));
	CHECK(last.party.state == CHAN_FIRED && c->nr_recvq == 0);

	for (i = 0; i < 100; i++) {
		crowd[i].party.state = CHAN_PENDING;
		free(crowd[i].waiters[0].elem);
		enqueue_peer(&crowd[i], 0, c, false);
	}
	for (i = 0; i < 100; i++)
		crowd[i].party.state = CHAN_FIRED;
	spin_lock(&c->lock);
	for (i = 0; !chan_prune(c); i++)
		;
	CHECK(i == 100 / CHAN_HOLD_STALE && !chan_can_send(c));
	spin_unlock(&c->lock);
	unit_check(c);
	for (i = 0; i < 100; i++)
		free(crowd[i].waiters[0].elem);
	free(last.waiter.elem);
	unit_chan_free(c);
}

/*
 * The default at one instant: while a select looks, what it has seen becomes ready, and
 * only then what it will see no longer is.
 */
static struct {
	struct chan *first;	/* the select has looked at this one */
	struct chan *second;	/* and now at this one */
	bool sending;
	u32 how;
	u32 times;
	struct fake peer;
} trick;

static void make_first_ready(void)
{
	struct chan_hold h;
	u64 v;

	switch (trick.how) {
	case 0:		/* by way of the ring */
		CHECK(trick.sending ? unit_recv(trick.first, &v) == 1 :
		      unit_send(trick.first, 1) == 1);
		break;
	case 1:		/* a peer parks */
		unit_fake(&trick.peer, trick.first, !trick.sending, 1);
		chan_lock(trick.first, &h);
		if (trick.sending)
			chan_enqueue_recv(trick.first, &h, &trick.peer.waiter);
		else
			chan_enqueue_send(trick.first, &h, &trick.peer.waiter);
		chan_unlock(trick.first, &h);
		break;
	default:
		CHECK(chan_close(trick.first) == 0);
	}
}

static int trick_attempt(struct chan_choice *s, u32 i)
{
	u64 v;

	if (s->options[i].chan == trick.second && trick.times) {
		trick.times--;
		make_first_ready();
		CHECK(trick.sending ? unit_send(trick.second, 2) == 1 :
		      unit_recv(trick.second, &v) == 1);
	}
	return trick.sending ? unit_send(s->options[i].chan, 3) :
	       unit_recv(s->options[i].chan, &v);
}

static void play_trick(bool sending, u32 how)
{
	struct chan_option options[2] = {};
	u64 gens[2], v;
	struct chan_choice s = {
		.nr = 2, .options = options, .by_priority = true,
		.attempt = trick_attempt,
	};

	memset(&trick, 0, sizeof(trick));
	trick.sending = sending;
	trick.how = how;
	trick.times = 1;
	trick.first = unit_chan(8, how != 1, false);
	trick.second = unit_chan(8, 1, false);
	if (sending && how != 1)
		CHECK(unit_send(trick.first, 1) == 1);
	if (!sending)
		CHECK(unit_send(trick.second, 1) == 1);
	options[0] = (struct chan_option) { .chan = trick.first, .order = 0, .sending = sending };
	options[1] = (struct chan_option) { .chan = trick.second, .order = 1, .sending = sending };
	CHECK(chan_choice_default(&s, gens) == 0);
	CHECK(!trick.times && s.result == (how < 2 ? 1 : sending ? -EPIPE : 0));
	CHECK(how != 1 || trick.peer.party.state == CHAN_FIRED);
	while (unit_recv(trick.second, &v) == 1)
		;
	free(trick.peer.waiter.elem);
	unit_chan_free(trick.first);
	unit_chan_free(trick.second);
}

static void default_looks_twice(void)
{
	u32 how;

	for (how = 0; how < 3; how++) {
		play_trick(false, how);
		play_trick(true, how);
	}
}

/* What always changes is left to those who wait for no time. */
static int restless(struct chan_choice *s, u32 i)
{
	u64 v;

	(void)i;
	CHECK(unit_send(s->options[0].chan, 1) == 1);
	CHECK(unit_recv(s->options[0].chan, &v) == 1);
	return -EAGAIN;
}

static void default_gives_up(void)
{
	struct chan *idle = unit_chan(8, 1, false), *busy = unit_chan(8, 1, false);
	struct chan_option options[2] = { { .chan = idle, .order = 0 }, { .chan = busy, .order = 1 } };
	u64 gens[2], v;
	struct chan_choice s = {
		.nr = 2, .options = options, .by_priority = true,
		.attempt = restless,
	};

	CHECK(unit_send(busy, 1) == 1);
	CHECK(chan_choice_default(&s, gens) == -EBUSY);
	CHECK(unit_recv(busy, &v) == 1);
	unit_chan_free(idle);
	unit_chan_free(busy);
}

/* A call that won't wait, either. */
static int try_op(struct chan *c, bool sending, u64 v)
{
	struct chan_elem *e = unit_elem(c);
	struct chan_hold h;
	int r;

	unit_fill(c, e->data, v);
	e->len = unit_len(c, v);
	chan_lock(c, &h);
	h.tries = true;
	if (sending) {
		r = chan_send_elem(c, &h, &e);
	} else {
		r = chan_begin_recv(c, &h, 1);
		if (r > 0)
			chan_recv_elem(c, &h, &e);
	}
	chan_unlock(c, &h);
	free(e);
	return r;
}

static void try_meets(u32 capacity, bool sending)
{
	struct chan *c = unit_chan(8, capacity, false);
	struct peer *p = &peers[0];
	u64 rx, tx, v;

	if (sending && capacity)
		CHECK(unit_send(c, 1) == 1);
	rx = chan_rx_gen(c);
	tx = chan_tx_gen(c);
	memset(p, 0, sizeof(*p));
	shim_task_init(&p->task);
	p->party.task = &p->task;
	p->party.several = true;
	p->party.tries = true;
	p->v = 2;
	spin_lock_init(&p->party.lock);
	enqueue_peer(p, 0, c, sending);
	CHECK(chan_rx_gen(c) == rx && chan_tx_gen(c) == tx);
	if (capacity) {
		/* By way of the ring both come to what they want: the first must. */
		CHECK(try_op(c, !sending, 3) == 1);
		CHECK(p->party.state == CHAN_FIRED && p->party.result == 1);
	} else {
		CHECK(try_op(c, !sending, 3) == -EAGAIN);
		CHECK(p->party.state == CHAN_PENDING);
		/* But one who waits is met. */
		CHECK((sending ? unit_recv(c, &v) : unit_send(c, 3)) == 1);
		CHECK(p->party.state == CHAN_FIRED && p->party.result == 1);
	}
	unit_check(c);
	while (unit_recv(c, &v) == 1)
		;
	free(p->waiters[0].elem);
	unit_chan_free(c);
}

static void two_that_try_never_meet(void)
{
	u32 capacity;

	for (capacity = 0; capacity < 2; capacity++) {
		try_meets(capacity, false);
		try_meets(capacity, true);
	}
}

#define RUN(name) do { unit_begin(#name); name(); unit_end(); } while (0)

int main(int argc, char *argv[])
{
	struct task_struct me;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261124;
	shim_task_init(&me);
	current = &me;
	RUN(random_worlds);
	RUN(choice_is_uniform);
	RUN(stale_waiters_go_in_pieces);
	RUN(default_looks_twice);
	RUN(default_gives_up);
	RUN(two_that_try_never_meet);
	return unit_done();
}
