// SPDX-License-Identifier: GPL-2.0
/*
 * Round trips of two processes: each element is waited for.
 */
#include <stdlib.h>

#include "../bench.h"

/**
 * struct pair - the other process, and the link to it
 * @there: the link; what it answers comes back by the run's last link
 * @child: the other process
 */
struct pair {
	struct link there;
	pid_t child;
};

static void __attribute__((noreturn)) echo(const struct run *r, struct pair *pair,
					   struct link *back)
{
	if (r->w->place == TWO_CPUS)
		pin(1);
	for (;;) {
		r->p->recv(&pair->there, buffer);
		r->p->send(back, buffer);
	}
}

static void begin_pair(struct run *r, struct link *back)
{
	struct pair *pair = malloc(sizeof(*pair));

	if (!pair)
		die("malloc");
	pair->there = link_open(r->p, size_of(r->w, r->p), r->w->capacity);
	pair->child = fork_child();
	if (!pair->child)
		echo(r, pair, back);
	r->state = pair;
}

static void end_pair(struct run *r)
{
	struct pair *pair = r->state;

	end_child(pair->child);
	r->p->close(&pair->there);
	free(pair);
}

static void begin_trip(struct run *r)
{
	links_begin(r);
	begin_pair(r, r->links);
}

static void loop_trip(struct run *r, unsigned long n)
{
	struct link *there = &((struct pair *)r->state)->there;

	while (n--) {
		r->p->send(there, buffer);
		r->p->recv(r->links, buffer);
	}
}

static void end_trip(struct run *r)
{
	end_pair(r);
	links_end(r);
}

static bool can_trip(const struct workload *w, const struct peer *p)
{
	return !p->no_processes && (w->place != TWO_CPUS || cpus() > 1);
}

/* The answer is waited for among others, of which it is the last. */
static void begin_parked(struct run *r)
{
	any_begin(r);
	begin_pair(r, &r->links[r->w->n - 1]);
}

static void loop_parked(struct run *r, unsigned long n)
{
	struct link *there = &((struct pair *)r->state)->there;

	while (n--) {
		r->p->send(there, buffer);
		expect(r->any.ops->recv(&r->any, buffer), r->w->n - 1, "the link with the answer");
	}
}

static void end_parked(struct run *r)
{
	end_pair(r);
	any_end(r);
}

static bool can_parked(const struct workload *w, const struct peer *p)
{
	return p->any && can_trip(w, p);
}

#define TRIP(name, text, room, where, policy, timed)				\
	{ .key = "pingpong-" name, .what = "a round trip, " text, .size = 64,	\
	  .waits = true, .capacity = room, .place = where, .batch = policy, .loops = 1000,	\
	  .samples = 9, .timed_only = timed, .can = can_trip,			\
	  .begin = begin_trip, .loop = loop_trip, .end = end_trip }

const struct workload pingpong_workloads[] = {
	TRIP("0", "unbuffered, on one processor", 0, ONE_CPU, false, false),
	TRIP("16", "buffered, on one processor", 16, ONE_CPU, false, false),
	TRIP("0-batch", "unbuffered, who is woken waits its turn", 0, ONE_CPU, true, false),
	TRIP("16-batch", "buffered, who is woken waits its turn", 16, ONE_CPU, true, false),
	TRIP("0-two", "unbuffered, on two processors", 0, TWO_CPUS, false, true),
	TRIP("16-two", "buffered, on two processors", 16, TWO_CPUS, false, true),
	{ .key = "parked-8", .what = "a round trip, unbuffered, the answer waited for among 8",
	  .size = 64, .waits = true, .n = 8, .loops = 1000, .samples = 9, .can = can_parked,
	  .begin = begin_parked, .loop = loop_parked, .end = end_parked },
	{ }
};
