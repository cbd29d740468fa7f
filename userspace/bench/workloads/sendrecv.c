// SPDX-License-Identifier: GPL-2.0
/*
 * One process that sends and receives, and never has to wait: what the calls cost.
 */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../bench.h"

static void loop_getppid(struct run *r, unsigned long n)
{
	while (n--)
		syscall(SYS_getppid);
}

/* The floor is shown beside pipes, as if it were one. */
static bool can_floor(const struct workload *w, const struct peer *p)
{
	return !strcmp(p->name, "pipe");
}

static void loop_batch(struct run *r, unsigned long n)
{
	struct link *l = r->links;

	for (; n >= r->w->senders; n -= r->w->senders) {
		r->p->send_many(l, buffer, r->w->senders);
		r->p->recv_many(l, buffer, r->w->senders);
	}
}

static bool can_batch(const struct workload *w, const struct peer *p)
{
	return p->send_many;
}

/* First all are sent, then all are received. */
static void loop_seq(struct run *r, unsigned long n)
{
	struct link *l = r->links;
	unsigned int i;

	for (; n >= r->w->capacity; n -= r->w->capacity) {
		for (i = 0; i < r->w->capacity; i++)
			r->p->send(l, buffer);
		for (i = 0; i < r->w->capacity; i++)
			r->p->recv(l, buffer);
	}
}

static bool can_seq(const struct workload *w, const struct peer *p)
{
	return has_room(w, p);
}

static void begin_nothing(struct run *r)
{
	links_begin(r);
	r->p->nonblock(r->links);
}

static void loop_nothing(struct run *r, unsigned long n)
{
	while (n--)
		expect(r->p->try_recv(r->links, buffer), false, "receive of nothing");
}

static bool can_nothing(const struct workload *w, const struct peer *p)
{
	return p->nonblock;
}

/* As Go's BenchmarkReceiveDataFromClosedChan, but for the data. */
static void begin_closed(struct run *r)
{
	links_begin(r);
	r->p->shut(r->links);
}

static void loop_closed(struct run *r, unsigned long n)
{
	while (n--)
		expect(r->p->recv(r->links, buffer), false, "receive after the close");
}

static bool can_closed(const struct workload *w, const struct peer *p)
{
	return p->shut;
}

/* As Go's BenchmarkSelectUncontended: what comes from one goes into the other. */
static void begin_two(struct run *r)
{
	any_begin(r);
	r->p->send(&r->links[0], buffer);
}

static void loop_two(struct run *r, unsigned long n)
{
	while (n--)
		r->p->send(&r->links[!r->any.ops->recv(&r->any, buffer)], buffer);
}

static bool can_two(const struct workload *w, const struct peer *p)
{
	return p->any;
}

#define SENDRECV(name, text, bytes, others)					\
	{ .key = "sendrecv-" name, .what = "send + receive, " text " bytes",	\
	  .size = bytes, .capacity = 16, .loops = 400, .samples = 21,		\
	  .variants = others, .begin = links_begin, .loop = send_and_recv,	\
	  .end = links_end }

const struct workload sendrecv_workloads[] = {
	{ .key = "getppid", .size = 64, .what = "getppid(2): the floor of a system call",
	  .loops = 400, .samples = 21, .can = can_floor, .loop = loop_getppid },
	SENDRECV("8", "8", 8, false),
	SENDRECV("64", "64", 64, true),
	SENDRECV("1024", "1,024", 1024, false),
	SENDRECV("4096", "4,096", 4096, false),
	SENDRECV("65536", "65,536", 65536, false),
	{ .key = "batch-64", .what = "64 elements of 64 bytes a call, per element",
	  .size = 64, .capacity = 64, .senders = 64, .loops = 64 * 200, .samples = 21,
	  .variants = true, .can = can_batch, .begin = links_begin, .loop = loop_batch,
	  .end = links_end },
	{ .key = "ChanNonblocking", .what = "a receive of nothing that doesn't wait",
	  .size = 64, .capacity = 16, .loops = 400, .samples = 21, .can = can_nothing,
	  .begin = begin_nothing, .loop = loop_nothing, .end = links_end },
	{ .key = "ChanClosed", .what = "a receive from what is closed",
	  .size = 64, .capacity = 16, .loops = 400, .samples = 21, .can = can_closed,
	  .begin = begin_closed, .loop = loop_closed, .end = links_end },
	{ .key = "ChanUncontended", .what = "100 sends, then 100 receives, per element",
	  .size = 8, .capacity = 100, .loops = 800, .samples = 21, .can = can_seq,
	  .begin = links_begin, .loop = loop_seq, .end = links_end },
	{ .key = "seq-1024", .what = "1,024 sends, then 1,024 receives, per element",
	  .size = 8, .capacity = 1024, .loops = 1024, .samples = 21, .can = can_seq,
	  .begin = links_begin, .loop = loop_seq, .end = links_end },
	{ .key = "SelectUncontended", .what = "a select of 2, one ready, and a send to the other",
	  .size = 8, .capacity = 1, .n = 2, .loops = 400, .samples = 21, .can = can_two,
	  .begin = begin_two, .loop = loop_two, .end = any_end },
	{ }
};
