// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that wait for each other for ever.
 *
 * A parked task is stuck if all who could end its wait are stuck: for a receive they are
 * the tasks of processes that hold a sending handle, for a send those of processes that hold a
 * receiving one, and for either who could close the channel, which is a sending handle's.
 * So of all that are parked those are struck off, again and again, whom a task that
 * isn't stuck could serve; who is left is stuck.
 *
 * Two snapshots are needed. A task that is parked in both and has not left the processor
 * in between was asleep all the time: so there was an instant at which all these tasks
 * waited. What can't be seen counts as able to act: a handle in a process that one may not
 * look into, or on its way from one to another; a timer; and where nobody has opened the
 * other side of a channel with a node yet, who will.
 */
#include <stdlib.h>
#include <string.h>

#include "procs.h"

struct graph {
	const struct snapshot *s;
	bool *stuck;		/* of each task */
};

static const struct task *same_task(const struct snapshot *s, const struct task *t)
{
	size_t i;

	for (i = 0; i < s->nr_tasks; i++)
		if (s->tasks[i].tid == t->tid && s->tasks[i].switches == t->switches)
			return &s->tasks[i];
	return NULL;
}

static bool is_parked(const struct snapshot *s, size_t task)
{
	size_t i;

	for (i = 0; i < s->nr_waits; i++)
		if (s->waits[i].task == task)
			return true;
	return false;
}

/* Is there one that can act, or can't be seen? */
static bool process_acts(const struct graph *g, size_t process)
{
	size_t i;

	for (i = 0; i < g->s->nr_tasks; i++)
		if (g->s->tasks[i].process == process && !g->stuck[i])
			return true;
	return false;
}

static bool could_end(const struct holding *h, const struct wait *w)
{
	return !h->selector && h->channel == w->channel &&
	       (h->may_send || (w->sending && h->may_recv));
}

static bool all_are_seen(const struct snapshot *s, size_t channel)
{
	unsigned int senders = 0, receivers = 0;
	size_t i;

	for (i = 0; i < s->nr_holdings; i++) {
		if (s->holdings[i].selector || s->holdings[i].channel != channel)
			continue;
		senders += s->holdings[i].may_send;
		receivers += s->holdings[i].may_recv;
	}
	/* One handle may be several descriptors: there can be more, never fewer. */
	return senders >= s->channels[channel].senders &&
	       receivers >= s->channels[channel].receivers;
}

static bool may_end(const struct graph *g, const struct wait *w)
{
	const struct snapshot *s = g->s;
	bool somebody = false;
	size_t i;

	if (s->channels[w->channel].flags & CHAN_TIMER || !all_are_seen(s, w->channel))
		return true;
	for (i = 0; i < s->nr_holdings; i++) {
		if (!could_end(&s->holdings[i], w))
			continue;
		if (process_acts(g, s->holdings[i].process))
			return true;
		somebody = true;
	}
	/* The other side of a channel with a node may be yet to come. */
	return !somebody && s->channels[w->channel].minor >= 0;
}

static void find_stuck(struct graph *g, const struct snapshot *before)
{
	const struct snapshot *s = g->s;
	bool again = true;
	size_t i;

	for (i = 0; i < s->nr_tasks; i++)
		g->stuck[i] = is_parked(s, i) && same_task(before, &s->tasks[i]);
	while (again) {
		again = false;
		for (i = 0; i < s->nr_waits; i++) {
			if (!g->stuck[s->waits[i].task] || !may_end(g, &s->waits[i]))
				continue;
			g->stuck[s->waits[i].task] = false;
			again = true;
		}
	}
}

/* Whom a wait waits for: a wait of a task that is stuck, and could end it. */
static bool next_wait(const struct graph *g, size_t wait, size_t *next)
{
	const struct snapshot *s = g->s;
	const struct wait *w = &s->waits[wait];
	size_t i, k;

	for (i = 0; i < s->nr_holdings; i++) {
		if (!could_end(&s->holdings[i], w))
			continue;
		for (k = 0; k < s->nr_waits; k++) {
			if (s->tasks[s->waits[k].task].process != s->holdings[i].process ||
			    s->waits[k].task == w->task)
				continue;
			*next = k;
			return true;
		}
	}
	return false;
}

/* From @wait on to the first that comes again. Returns where in @path that is. */
static size_t follow(const struct graph *g, size_t wait, size_t *path, size_t *n)
{
	size_t i;

	for (*n = 0;;) {
		for (i = 0; i < *n; i++)
			if (g->s->waits[path[i]].task == g->s->waits[wait].task)
				return i;
		path[(*n)++] = wait;
		if (!next_wait(g, wait, &wait))
			return *n - 1;
	}
}

/* The tasks of @d, and who waits for them at last, are told with it. */
static void tell(struct graph *g, struct deadlock *d, size_t *path)
{
	size_t i, k, n;
	bool *told = calloc(g->s->nr_tasks, sizeof(*told));

	if (!told)
		die(STATUS_ERROR, "out of memory");
	for (i = 0; i < d->n; i++)
		told[g->s->waits[d->waits[i]].task] = true;
	for (i = 0; i < g->s->nr_waits; i++) {
		if (!g->stuck[g->s->waits[i].task] || told[g->s->waits[i].task])
			continue;
		for (k = follow(g, i, path, &n); k < n; k++) {
			if (!told[g->s->waits[path[k]].task])
				continue;
			g->stuck[g->s->waits[i].task] = false;
			d->others++;
			break;
		}
	}
	for (i = 0; i < d->n; i++)
		g->stuck[g->s->waits[d->waits[i]].task] = false;
	free(told);
}

/**
 * find_deadlocks() - sets of tasks that wait for each other for ever
 * @before: a snapshot
 * @s: a later one
 * @found: out: an array to be freed, with the waits of each
 *
 * Return: how many.
 */
size_t find_deadlocks(const struct snapshot *before, const struct snapshot *s,
		      struct deadlock **found)
{
	struct graph g = { .s = s, .stuck = calloc(s->nr_tasks + 1, sizeof(bool)) };
	size_t *path = calloc(s->nr_waits + 1, sizeof(*path)), n, from, i, nr = 0;
	struct deadlock *d;

	if (!g.stuck || !path)
		die(STATUS_ERROR, "out of memory");
	*found = NULL;
	find_stuck(&g, before);
	for (i = 0; i < s->nr_waits; i++) {
		if (!g.stuck[s->waits[i].task])
			continue;
		from = follow(&g, i, path, &n);
		d = grow(found, &nr, sizeof(**found));
		d->n = n - from;
		d->waits = calloc(d->n, sizeof(*d->waits));
		if (!d->waits)
			die(STATUS_ERROR, "out of memory");
		memcpy(d->waits, path + from, d->n * sizeof(*path));
		tell(&g, d, path);
	}
	free(g.stuck);
	free(path);
	return nr;
}
