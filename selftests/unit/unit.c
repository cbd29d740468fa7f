// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

static const char *test;
static int tests;

void unit_begin(const char *name)
{
	test = name;
}

void unit_end(void)
{
	printf("ok %d %s\n", ++tests, test);
	fflush(stdout);
}

void unit_failed(void)
{
	printf("not ok %d %s\n", ++tests, test);
	fflush(stdout);
	exit(1);
}

int unit_done(void)
{
	printf("1..%d\n", tests);
	return 0;
}

/* The core asks for this. */
void chan_elem_free(struct chan *c, struct chan_elem *e)
{
	(void)c;
	free(e);
}

void chan_was_taken(struct chan *c)
{
	(void)c;
	CHECK(false);	/* no channel here is watched */
}

/* And for this: each thread its own, and the same every time. */
u64 chan_random(void)
{
	static __thread u64 seed = 88172645463325252ULL;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

struct chan_elem *unit_elem(struct chan *c)
{
	struct chan_elem *e = calloc(1, sizeof(*e) + c->elem_size);

	INIT_LIST_HEAD(&e->node);
	return e;
}

struct chan *unit_chan(u32 elem_size, u32 capacity, bool message)
{
	struct chan *c = calloc(1, sizeof(*c));
	u32 i;

	chan_init(c, elem_size, capacity, message, false);
	c->ring = calloc(capacity ?: 1, c->stride ?: 1);
	for (i = 0; c->by_ref && i < capacity; i++)
		((struct chan_elem **)c->ring)[i] = unit_elem(c);
	c->rpoll.active = true;
	c->wpoll.active = true;
	return c;
}

void unit_chan_free(struct chan *c)
{
	u32 i;

	while (!list_empty(&c->returned)) {
		struct chan_elem *e = list_first_entry(&c->returned, struct chan_elem, node);

		list_del(&e->node);
		free(e);
	}
	for (i = 0; c->by_ref && i < c->capacity; i++)
		free(((struct chan_elem **)c->ring)[i]);
	free(c->ring);
	free(c);
}

/* An element that says its number, and whose length follows from it. */
u32 unit_len(struct chan *c, u64 v)
{
	return c->message && c->elem_size > 8 ? 8 + v % (c->elem_size - 7) : c->elem_size;
}

void unit_fill(struct chan *c, void *data, u64 v)
{
	u32 len = unit_len(c, v), i;
	u8 *p = data;

	for (i = 0; i < len; i++)
		p[i] = i < 8 ? v >> 8 * i : v + i;
}

bool unit_holds(struct chan *c, const void *data, u32 len, u64 v)
{
	const u8 *p = data;
	u32 i;

	if (len != unit_len(c, v))
		return false;
	for (i = 0; i < len; i++)
		if (p[i] != (u8)(i < 8 ? v >> 8 * i : v + i))
			return false;
	return true;
}

void unit_fake(struct fake *f, struct chan *c, bool sending, u64 v)
{
	memset(f, 0, sizeof(*f));
	shim_task_init(&f->task);
	f->party.task = &f->task;
	f->waiter.party = &f->party;
	f->waiter.sending = sending;
	f->waiter.elem = unit_elem(c);
	if (sending) {
		unit_fill(c, f->waiter.elem->data, v);
		f->waiter.elem->len = unit_len(c, v);
	}
}

/* A send that doesn't wait, as the module does it. */
int unit_send(struct chan *c, u64 v)
{
	struct chan_elem *e = unit_elem(c);
	struct chan_hold h;
	int r;

	unit_fill(c, e->data, v);
	e->len = unit_len(c, v);
	chan_lock(c, &h);
	r = chan_send_elem(c, &h, &e);
	chan_unlock(c, &h);
	free(e);
	return r;
}

/* And a receive. */
int unit_recv(struct chan *c, u64 *v)
{
	struct chan_elem *e = unit_elem(c);
	struct chan_hold h;
	int r;

	*v = 0;
	chan_lock(c, &h);
	r = chan_begin_recv(c, &h, 1);
	if (r > 0)
		chan_recv_elem(c, &h, &e);
	chan_unlock(c, &h);
	if (r > 0) {
		memcpy(v, e->data, e->len < 8 ? e->len : 8);
		CHECK(unit_holds(c, e->data, e->len, *v) || c->elem_size < 8);
	}
	free(e);
	return r;
}

static u32 length_of(struct list_head *l)
{
	struct list_head *i;
	u32 n = 0;

	for (i = l->next; i != l; i = i->next)
		n++;
	return n;
}

/* The invariants of core.h, between two calls. */
void unit_check(struct chan *c)
{
	struct chan_elem *e;
	u64 seq = 0;
	u32 n = 0;

	CHECK(c->nr_recvq == length_of(&c->recvq));
	CHECK(c->nr_sendq == length_of(&c->sendq));
	CHECK(c->nr_returned == length_of(&c->returned));
	CHECK(!!(c->slow & CHAN_SLOW_RECEIVERS) == !!c->nr_recvq);
	CHECK(!!(c->slow & CHAN_SLOW_SENDERS) == !!c->nr_sendq);
	CHECK(!!(c->slow & CHAN_SLOW_RETURNED) == !!c->nr_returned);
	CHECK(c->count <= c->capacity);
	CHECK(!c->capacity || (c->head + c->count) % c->capacity == c->tail);
	CHECK(!c->nr_recvq || !chan_len(c));
	CHECK(!c->nr_sendq || !chan_has_room(c));
	CHECK(!c->nr_sendq || !(c->slow & CHAN_SLOW_NO_SEND));
	CHECK(!c->nr_recvq || !(c->slow & CHAN_SLOW_CLOSED));
	CHECK(!c->nr_recvq || !c->nr_sendq);
	list_for_each_entry(e, &c->returned, node) {
		CHECK(!n++ || e->seq > seq);
		seq = e->seq;
	}
	CHECK(!n || !c->count || seq < c->sent - c->count);
}
