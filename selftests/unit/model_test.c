// SPDX-License-Identifier: GPL-2.0
/*
 * The core against a model: random calls, and after each the same answer, the same
 * elements in the same places, the same parties fired, and an edge for whoever polls
 * where the model's readiness has risen.
 *
 * The model is written from Go's rules, with none of the core's ways: plain arrays,
 * one element at a time.
 */
#include "unit.h"

#define STEPS		60000
#define WAITERS		6
#define QUEUED_MAX	64
#define HELD_MAX	8	/* elements in receivers' hands, which may come back */

static u64 seed;

static u32 rnd(u32 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 33) % n;
}

struct entry {
	u64 v;
	u64 seq;
};

/* A party of the model, beside the one of the core. */
struct pair {
	struct fake fake;
	bool used;
	bool sending;
	bool waiting;		/* says the model */
	int result;		/* says the model, when it waits no more */
	struct entry entry;	/* that it sends, or received */
};

struct model {
	u32 capacity;
	bool closed;
	bool hungup;
	u64 sent;
	struct entry queue[QUEUED_MAX];	/* returned ones first */
	u32 len;
	struct pair *order[WAITERS];	/* who waits, oldest first */
	u32 waiting;
};

static struct chan *c;
static struct model m;
static struct pair pairs[WAITERS];
static struct entry held[HELD_MAX];
static u32 nr_held;
static u64 next_v;
static u64 last_rx, last_tx;

/*
 * The model
 */

static struct pair *first(bool sending)
{
	u32 i;

	for (i = 0; i < m.waiting; i++)
		if (m.order[i]->sending == sending)
			return m.order[i];
	return NULL;
}

static void leave(struct pair *p)
{
	u32 i;

	for (i = 0; m.order[i] != p; i++)
		;
	memmove(&m.order[i], &m.order[i + 1], (--m.waiting - i) * sizeof(m.order[0]));
	p->waiting = false;
}

static void wake(struct pair *p, int result)
{
	leave(p);
	p->result = result;
}

static int model_send(u64 v)
{
	struct pair *p = first(false);

	if (m.closed || m.hungup)
		return -EPIPE;
	if (p) {
		p->entry = (struct entry) { v, m.sent++ };
		wake(p, 1);
		return 1;
	}
	if (m.len >= m.capacity)
		return -EAGAIN;
	m.queue[m.len++] = (struct entry) { v, m.sent++ };
	return 1;
}

static int model_recv(struct entry *e)
{
	struct pair *p = first(true);

	if (!m.len && m.closed)
		return 0;
	if (!m.len && (!p || m.hungup))
		return -EAGAIN;
	if (!m.len) {
		*e = (struct entry) { p->entry.v, m.sent++ };
		wake(p, 1);
		return 1;
	}
	*e = m.queue[0];
	memmove(&m.queue[0], &m.queue[1], --m.len * sizeof(m.queue[0]));
	while (m.len < m.capacity && !m.closed && !m.hungup && (p = first(true))) {
		m.queue[m.len++] = (struct entry) { p->entry.v, m.sent++ };
		wake(p, 1);
	}
	return 1;
}

static void model_return(struct entry e)
{
	struct pair *p;
	u32 i;

	for (i = 0; i < m.len && m.queue[i].seq < e.seq; i++)
		;
	memmove(&m.queue[i + 1], &m.queue[i], (m.len++ - i) * sizeof(m.queue[0]));
	m.queue[i] = e;
	p = first(false);
	if (p && model_recv(&p->entry) > 0)
		wake(p, 1);
}

static void model_end(bool close)
{
	struct pair *p;

	while ((p = first(true)))
		wake(p, -EPIPE);
	while (close && (p = first(false)))
		wake(p, 0);
	m.closed |= close;
	m.hungup |= !close;
}

/*
 * Both
 */

static bool model_can_recv(void)
{
	return m.len || m.closed || (first(true) && !m.hungup);
}

static bool model_can_send(void)
{
	return m.len < m.capacity || first(false) || m.closed || m.hungup;
}

static void compare_queue(void)
{
	struct chan_elem *e;
	u32 i = 0, j;

	CHECK(chan_len(c) == m.len);
	CHECK(c->sent == m.sent);
	list_for_each_entry(e, &c->returned, node) {
		CHECK(e->seq == m.queue[i].seq);
		CHECK(unit_holds(c, e->data, e->len, m.queue[i].v));
		i++;
	}
	for (j = 0; j < c->count; j++, i++) {
		void *slot = chan_slot_at(c, (c->head + j) % c->capacity);
		struct chan_elem *ref = c->by_ref ? *(struct chan_elem **)slot : NULL;
		struct chan_slot *msg = slot;

		CHECK(m.queue[i].seq == c->sent - c->count + j);
		CHECK(ref ? unit_holds(c, ref->data, ref->len, m.queue[i].v) :
		      c->message ? unit_holds(c, msg->data, msg->len, m.queue[i].v) :
		      unit_holds(c, slot, c->elem_size, m.queue[i].v));
	}
	CHECK(i == m.len);
}

static void compare_pair(struct pair *p)
{
	struct chan_elem *e = p->fake.waiter.elem;

	CHECK((p->fake.party.state == CHAN_PENDING) == p->waiting);
	if (p->waiting)
		return;
	CHECK(p->fake.party.result == p->result);
	CHECK(p->fake.task.woken);
	if (!p->sending && p->result == 1) {
		CHECK(e->seq == p->entry.seq);
		CHECK(unit_holds(c, e->data, e->len, p->entry.v));
		if (nr_held < HELD_MAX)
			held[nr_held++] = p->entry;
	}
	free(e);
	p->used = false;
}

/* The generations only rise, and do when something has become possible. */
static void compare_gens(bool could_recv, bool could_send)
{
	u64 rx = chan_rx_gen(c), tx = chan_tx_gen(c);

	CHECK(rx >= last_rx && tx >= last_tx);
	CHECK(could_recv || !model_can_recv() || rx > last_rx);
	CHECK(could_send || !model_can_send() || tx > last_tx);
	last_rx = rx;
	last_tx = tx;
}

static void compare(bool could_recv, bool could_send, u32 len_before)
{
	u32 i;

	compare_gens(could_recv, could_send);

	unit_check(c);
	compare_queue();
	for (i = 0; i < WAITERS; i++)
		if (pairs[i].used)
			compare_pair(&pairs[i]);
	/* What has become ready, or more ready, is told. */
	if ((!could_recv && model_can_recv()) || m.len > len_before)
		CHECK(c->rpoll.raised & EPOLLIN);
	if ((!could_send && model_can_send()) || (m.len < len_before && m.len < m.capacity))
		CHECK(c->wpoll.raised & EPOLLOUT);
	if (m.closed && !m.len && len_before)
		CHECK(c->rpoll.raised & EPOLLHUP);
	c->rpoll.raised = 0;
	c->wpoll.raised = 0;
}

/* Some elements in place, of which not all may be committed: a short copy. */
static void op_send_in_place(void)
{
	u32 want = 1 + rnd(4), i;
	struct chan_hold h;
	int n;

	chan_lock(c, &h);
	n = chan_begin_send(c, &h, want);
	if (n > 0) {
		CHECK((u32)n <= want);
		n = rnd(n + 1);
		for (i = 0; i < (u32)n; i++)
			unit_fill(c, (u8 *)h.data + i * c->elem_size, next_v + i);
		if (n)
			chan_commit_send(c, &h, n, unit_len(c, next_v));
		for (i = 0; i < (u32)n; i++)
			CHECK(model_send(next_v++) == 1);
	} else {
		CHECK(n == model_send(next_v));
	}
	chan_unlock(c, &h);
}

static void op_recv_in_place(void)
{
	u32 want = 1 + rnd(4), i;
	struct chan_hold h;
	struct entry e;
	u8 copy[4 * 64];
	u32 len;
	int n;

	chan_lock(c, &h);
	n = chan_begin_recv(c, &h, want);
	if (n > 0) {
		CHECK((u32)n <= want);
		CHECK(n == 1 || !c->message);
		n = rnd(n + 1);
		len = h.len;	/* the hold's is good until the commit */
		memcpy(copy, h.data, (n ?: 1) * len);
		if (n)
			chan_commit_recv(c, &h, n);
		for (i = 0; i < (u32)n; i++) {
			CHECK(model_recv(&e) == 1);
			CHECK(e.seq == h.seq + i);
			CHECK(unit_holds(c, copy + i * len, len, e.v));
		}
	} else {
		CHECK(n == model_recv(&e));
	}
	chan_unlock(c, &h);
}

static void op_short(bool send)
{
	u32 n = 1 + rnd(4), want = n, i;
	struct entry e;
	u8 *slot;

	spin_lock(&c->lock);
	slot = send ? chan_short_send(c, n) : chan_short_recv(c, &n);
	if (slot && send) {
		for (i = 0; i < n; i++) {
			unit_fill(c, slot + i * c->elem_size, next_v);
			CHECK(model_send(next_v++) == 1);
		}
		chan_short_sent(c, n);
		__wake_up(&c->rpoll, 0, 1, EPOLLIN);
	} else if (slot) {
		CHECK(n <= want);
		for (i = 0; i < n; i++) {
			CHECK(model_recv(&e) == 1);
			CHECK(unit_holds(c, slot + i * c->elem_size, c->elem_size, e.v));
		}
		chan_short_received(c, n);
		CHECK(n == want || !c->count);
		__wake_up(&c->wpoll, 0, 1, EPOLLOUT);
	}
	spin_unlock(&c->lock);
}

static void op_send(void)
{
	u64 v = next_v++;

	CHECK(unit_send(c, v) == model_send(v));
}

static void op_recv(void)
{
	struct entry e = {};
	u64 v;
	int r = unit_recv(c, &v);

	CHECK(r == model_recv(&e));
	if (r > 0) {
		CHECK(v == e.v);
		if (nr_held < HELD_MAX)
			held[nr_held++] = e;
	}
}

/* A call that waits, if it has to. */
static void op_wait(bool sending)
{
	struct chan_hold h;
	struct pair *p;
	int r;

	for (p = pairs; p < pairs + WAITERS && p->used; p++)
		;
	if (p == pairs + WAITERS)
		return;
	memset(p, 0, sizeof(*p));
	unit_fake(&p->fake, c, sending, next_v);
	p->sending = sending;
	p->entry.v = sending ? next_v++ : 0;
	chan_lock(c, &h);
	if (sending) {
		r = chan_send_elem(c, &h, &p->fake.waiter.elem);
		CHECK(r == model_send(p->entry.v));
	} else {
		r = chan_begin_recv(c, &h, 1);
		if (r > 0)
			chan_recv_elem(c, &h, &p->fake.waiter.elem);
		CHECK(r == model_recv(&p->entry));
		if (r > 0)
			CHECK(p->fake.waiter.elem->seq == p->entry.seq);
	}
	if (r == -EAGAIN) {
		if (sending)
			chan_enqueue_send(c, &h, &p->fake.waiter);
		else
			chan_enqueue_recv(c, &h, &p->fake.waiter);
		p->used = true;
		p->waiting = true;
		m.order[m.waiting++] = p;
	} else {
		free(p->fake.waiter.elem);
	}
	chan_unlock(c, &h);
}

/* A signal for one who waits. */
static void op_cancel(void)
{
	struct task_struct *me = current;
	struct pair *p;

	if (!m.waiting)
		return;
	p = m.order[rnd(m.waiting)];
	p->fake.task.signal = true;
	current = &p->fake.task;
	CHECK(chan_park(c, &p->fake.waiter, NULL) == -ERESTARTSYS);
	current = me;
	leave(p);
	free(p->fake.waiter.elem);
	p->used = false;
}

/* A receiver that has an element in hand gives it back. */
static void op_return(void)
{
	struct chan_elem *e;
	struct entry entry;
	u32 i;

	if (!nr_held || m.len >= QUEUED_MAX - 1)
		return;
	i = rnd(nr_held);
	entry = held[i];
	held[i] = held[--nr_held];
	e = unit_elem(c);
	unit_fill(c, e->data, entry.v);
	e->len = unit_len(c, entry.v);
	e->seq = entry.seq;
	chan_return_elem(c, e);
	model_return(entry);
}

static void op_end(void)
{
	if (rnd(2) && !m.hungup && !m.closed) {
		c->hangup = true;
		chan_handle_new(c, false, true);
		chan_handle_gone(c, false, true);
		model_end(false);
	} else {
		CHECK(chan_close(c) == (m.closed ? -EPIPE : 0));
		if (!m.closed)
			model_end(true);
	}
}

static void step(void)
{
	bool could_recv = model_can_recv(), could_send = model_can_send();
	u32 len = m.len, dice = rnd(1000);

	if (dice < 2)
		op_end();
	else if (dice < 60)
		op_return();
	else if (dice < 120)
		op_cancel();
	else if (dice < 300)
		op_wait(true);
	else if (dice < 480)
		op_wait(false);
	else if (dice < 560 && !c->by_ref)
		op_send_in_place();
	else if (dice < 640 && !c->by_ref)
		op_recv_in_place();
	else if (dice < 720 && c->short_len != U32_MAX)
		op_short(dice & 1);
	else if (dice < 860)
		op_send();
	else
		op_recv();
	compare(could_recv, could_send, len);
}

static void run(u32 size, u32 capacity, bool message, u32 steps)
{
	u32 i, life;

	/* A channel lives for some calls, and then is closed in some state. */
	for (i = 0; i < steps; i += life) {
		c = unit_chan(size, capacity, message);
		memset(&m, 0, sizeof(m));
		m.capacity = capacity;
		nr_held = 0;
		last_rx = last_tx = 0;
		for (life = 0; life < 500; life++)
			step();
		while (m.waiting)
			op_cancel();
		unit_chan_free(c);
	}
}

int main(int argc, char *argv[])
{
	static const u32 capacities[] = { 0, 1, 2, 5 };
	struct task_struct me;
	char name[64];
	u32 i;

	/* The same every time, unless told otherwise. */
	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261123;
	shim_task_init(&me);
	current = &me;
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%u calls, capacity %u", 3 * STEPS, capacities[i]);
		unit_begin(name);
		run(8, capacities[i], false, STEPS);
		run(40, capacities[i], true, STEPS);
		run(BY_REF, capacities[i], i & 1, STEPS);
		unit_end();
	}
	return unit_done();
}
