// SPDX-License-Identifier: GPL-2.0
/*
 * One of many links is ready, the last: to find it, and receive.
 */
#include "../bench.h"

#define READY	400	/* elements there before each sample */

static void prepare(struct run *r, unsigned long n)
{
	while (n--)
		r->p->send(&r->links[r->w->n - 1], buffer);
}

static void loop(struct run *r, unsigned long n)
{
	while (n--)
		expect(r->any.ops->recv(&r->any, buffer), r->w->n - 1, "the ready link");
}

static bool can_select(const struct workload *w, const struct peer *p)
{
	return p->any && has_room(w, p);
}

static bool can_poll(const struct workload *w, const struct peer *p)
{
	return p->pollable && can_select(w, p);
}

#define READY_OF(name, text, many, how, check, often)				\
	{ .key = name, .what = text, .size = 64, .capacity = READY, .n = many,	\
	  .any = how, .loops = often, .samples = 21, .can = check,		\
	  .begin = any_begin, .prepare = prepare, .loop = loop, .end = any_end }

const struct workload ready_workloads[] = {
	READY_OF("ready-2", "select or poll of 2, the last is ready, and receive",
		 2, NULL, can_select, 400),
	READY_OF("ready-8", "select or poll of 8, the last is ready, and receive",
		 8, NULL, can_select, 400),
	READY_OF("ready-64", "select or poll of 64, the last is ready, and receive",
		 64, NULL, can_select, 100),
	READY_OF("ready-1024", "select or poll of 1,024, the last is ready, and receive",
		 1024, NULL, can_select, 60),
	READY_OF("poll-64", "poll of 64, the last is ready, and receive",
		 64, &any_poll, can_poll, 100),
	READY_OF("poll-4096", "poll of 4,096, the last is ready, and receive",
		 4096, &any_poll, can_poll, 4),
	READY_OF("epoll-64", "epoll of 64, the last is ready, and receive",
		 64, &any_epoll, can_poll, 400),
	READY_OF("epoll-4096", "epoll of 4,096, the last is ready, and receive",
		 4096, &any_epoll, can_poll, 400),
	{ }
};
