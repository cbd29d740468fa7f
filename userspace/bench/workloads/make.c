// SPDX-License-Identifier: GPL-2.0
/*
 * To make a link and let go of it. What the kernel puts off, as RCU's work, counts: the
 * samples are long.
 */
#include "../bench.h"

static void loop(struct run *r, unsigned long n)
{
	struct link l;

	while (n--) {
		l = link_open(r->p, size_of(r->w, r->p), r->w->capacity);
		r->p->close(&l);
	}
}

static bool can(const struct workload *w, const struct peer *p)
{
	return p->in_kernel;
}

const struct workload make_workloads[] = {
	{ .key = "make-0", .what = "make and close, unbuffered", .size = 64, .loops = 4000,
	  .samples = 11, .can = can, .loop = loop },
	{ .key = "make-16", .what = "make and close, 16 elements of 64 bytes", .size = 64,
	  .capacity = 16, .loops = 4000, .samples = 11, .can = can, .loop = loop },
	{ }
};
