// SPDX-License-Identifier: GPL-2.0
/*
 * A close wakes all that wait: what that costs who closes, and, which on one processor
 * would be the scheduler's choice, how long it takes until the last has seen it.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../bench.h"

#define SLEEPERS_MAX	64

/**
 * struct sleepers - those that wait
 * @seen: how many have seen the end; shared
 * @child: their processes, or 0
 */
struct sleepers {
	_Atomic uint32_t *seen;
	pid_t child[SLEEPERS_MAX];
};

static void __attribute__((noreturn)) see_the_end(const struct run *r, struct sleepers *s)
{
	if (r->p->receive_only)
		r->p->receive_only(r->links);
	*s->seen += 0;	/* its page is there when it is needed */
	expect(r->p->recv(r->links, buffer), false, "receive after the close");
	++*s->seen;
	syscall(SYS_futex, s->seen, FUTEX_WAKE, 1, NULL, NULL, 0);
	for (;;)
		pause();
}

static void finish(struct run *r)
{
	struct sleepers *s = r->state;
	unsigned int i;

	if (!s->child[0])
		return;
	for (i = 0; i < r->w->n; i++)
		end_child(s->child[i]);
	r->p->close(r->links);
}

/* They are forked and asleep, and those of the sample before gone: not measured. */
static void prepare(struct run *r, unsigned long n)
{
	struct sleepers *s = r->state;
	unsigned int i;

	finish(r);
	*s->seen = 0;
	r->links[0] = link_open(r->p, r->w->size, r->w->capacity);
	for (i = 0; i < r->w->n; i++) {
		s->child[i] = fork_child();
		if (!s->child[i])
			see_the_end(r, s);
	}
	for (i = 0; i < r->w->n; i++)
		wait_asleep(s->child[i]);
}

static void begin(struct run *r)
{
	struct sleepers *s = calloc(1, sizeof(*s));

	r->links = calloc(1, sizeof(*r->links));
	if (!s || !r->links)
		die("calloc");
	s->seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->seen == MAP_FAILED)
		die("mmap");
	r->state = s;
}

static void loop_close(struct run *r, unsigned long n)
{
	r->p->shut(r->links);
}

static void loop_seen(struct run *r, unsigned long n)
{
	struct sleepers *s = r->state;
	uint32_t seen;

	r->p->shut(r->links);
	while ((seen = *s->seen) < r->w->n)
		syscall(SYS_futex, s->seen, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void end(struct run *r)
{
	struct sleepers *s = r->state;

	finish(r);
	munmap(s->seen, 4096);
	free(s);
	free(r->links);
}

static bool can(const struct workload *w, const struct peer *p)
{
	return p->shut;
}

#define WAKE(name, text, many, where, timed, what_is_done)			\
	{ .key = name, .what = text, .size = 64, .capacity = 16, .n = many,	\
	  .place = where, .batch = true, .loops = 1, .samples = 21,		\
	  .timed_only = timed, .can = can, .begin = begin, .prepare = prepare,	\
	  .loop = what_is_done, .end = end }

const struct workload wake_workloads[] = {
	WAKE("close-1", "a close that wakes one", 1, ONE_CPU, false, loop_close),
	WAKE("close-16", "a close that wakes 16", 16, ONE_CPU, false, loop_close),
	WAKE("seen-1", "a close, until the one that waits has seen it", 1, ALL_CPUS, true, loop_seen),
	WAKE("seen-16", "a close, until all 16 that wait have seen it", 16, ALL_CPUS, true,
	     loop_seen),
	{ }
};
