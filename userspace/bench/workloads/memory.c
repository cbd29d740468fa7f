// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's memory, by its own books: the pages of the slab caches, before and after.
 * What comes in whole pages is not among it, nor are page tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../bench.h"

#define FIRST	1000	/* fill the slabs' gaps */
#define MORE	4000	/* are measured */

static double slab_bytes(void)
{
	unsigned long per_slab, pages, slabs;
	FILE *f = fopen("/proc/slabinfo", "r");
	char line[512];
	double bytes = 0;

	if (!f)
		die("/proc/slabinfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line,
			   "%*s %*u %*u %*u %lu %lu : tunables %*u %*u %*u : slabdata %*u %lu",
			   &per_slab, &pages, &slabs) == 3)
			bytes += (double)slabs * pages * sysconf(_SC_PAGESIZE);
	fclose(f);
	return bytes;
}

/* Not by way of what is measured: let the table of descriptors grow first. */
static void grow_table(void)
{
	const rlim_t n = 2 * (FIRST + MORE) + 256;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		die("getrlimit");
	if (limit.rlim_cur < n) {
		limit = (struct rlimit){ n, n };
		if (setrlimit(RLIMIT_NOFILE, &limit))
			die("RLIMIT_NOFILE");
	}
	if (dup2(STDOUT_FILENO, n - 1) < 0)
		die("dup2");
	close(n - 1);
}

static double measure_idle(const struct workload *w, const struct peer *p)
{
	struct link *l = calloc(FIRST + MORE, sizeof(*l));
	unsigned int i = 0;
	double before, after;

	if (!l)
		die("calloc");
	grow_table();
	while (i < FIRST)
		l[i++] = link_open(p, size_of(w, p), w->capacity);
	before = slab_bytes();
	while (i < FIRST + MORE)
		l[i++] = link_open(p, size_of(w, p), w->capacity);
	after = slab_bytes();
	while (i--)
		p->close(&l[i]);
	free(l);
	return (after - before) / MORE;
}

static bool can_idle(const struct workload *w, const struct peer *p)
{
	return p->in_kernel && access("/proc/slabinfo", R_OK) == 0;
}

#define FIRST_PARKED	50
#define MORE_PARKED	150

/* What so many processes take that receive; without a link, that only wait. */
static double parked(const struct link *l)
{
	pid_t child[FIRST_PARKED + MORE_PARKED];
	double before = 0, after;
	unsigned int i;

	for (i = 0; i < FIRST_PARKED + MORE_PARKED; i++) {
		if (i == FIRST_PARKED)
			before = slab_bytes();
		child[i] = fork_child();
		if (!child[i] && l)
			l->peer->recv((struct link *)l, buffer);
		if (!child[i])
			pause();
		wait_asleep(child[i]);
	}
	after = slab_bytes();
	while (i--)
		end_child(child[i]);
	return (after - before) / MORE_PARKED;
}

static double measure_parked(const struct workload *w, const struct peer *p)
{
	struct link l = link_open(p, size_of(w, p), w->capacity);
	static double without;
	double with;

	/* The first time fills the caches with what processes leave behind. */
	if (!without) {
		parked(NULL);
		without = parked(NULL);
	}
	with = parked(&l);
	p->close(&l);
	return with > without ? with - without : 0;
}

static bool can_parked(const struct workload *w, const struct peer *p)
{
	return can_idle(w, p) && !p->no_processes;
}

const struct workload memory_workloads[] = {
	{ .key = "memory-idle", .what = "kernel memory of an idle link, unbuffered, files included",
	  .unit = "bytes", .size = 64, .can = can_idle, .measure = measure_idle },
	{ .key = "memory-idle-16", .what = "kernel memory of an idle link, room for 16 of 64 bytes",
	  .unit = "bytes", .size = 64, .capacity = 16, .can = can_idle, .measure = measure_idle },
	{ .key = "memory-parked", .what = "kernel memory of a parked receive, 64 bytes",
	  .unit = "bytes", .size = 64, .can = can_parked, .measure = measure_parked },
	{ .key = "memory-parked-4096", .what = "kernel memory of a parked receive, 4,096 bytes",
	  .unit = "bytes", .size = 4096, .can = can_parked, .measure = measure_parked },
	{ }
};
