// SPDX-License-Identifier: GPL-2.0
/*
 * What the workloads have in common.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../bench.h"

/* Pages between which the place of the buffer moves. */
#define PLACES	64
#define STEP	5	/* comes to all of them */

static char pages[PLACES * 4096 + SIZE_LARGEST] __attribute__((aligned(4096)));
char *buffer = pages;

void buffer_begin(void)
{
	memset(pages, 'x', sizeof(pages));	/* else they aren't there, for which slot doesn't wait */
}

void buffer_place(unsigned int i)
{
	buffer = pages + i * STEP % PLACES * 4096;
}

int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static cpu_set_t all;

/* The Nth processor of those that this process had at first. */
void pin(int n)
{
	cpu_set_t one;
	int cpu;

	cpus();
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && !n--)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
}

void unpin(void)
{
	cpus();
	if (sched_setaffinity(0, sizeof(all), &all))
		die("sched_setaffinity");
}

void set_batch(bool batch)
{
	const struct sched_param none = { };

	if (sched_setscheduler(0, batch ? SCHED_BATCH : SCHED_OTHER, &none))
		die("sched_setscheduler");
}

unsigned int cpus(void)
{
	static unsigned int n;

	if (!n) {
		if (sched_getaffinity(0, sizeof(all), &all))
			die("sched_getaffinity");
		n = CPU_COUNT(&all);
	}
	return n;
}

struct link link_open(const struct peer *p, size_t size, unsigned int capacity)
{
	struct link l = { .peer = p, .size = size, .capacity = capacity, .in = -1, .out = -1 };

	p->open(&l);
	return l;
}

void links_begin(struct run *r)
{
	unsigned int i, n = r->w->n ? r->w->n : 1;

	r->links = calloc(n, sizeof(*r->links));
	if (!r->links)
		die("calloc");
	for (i = 0; i < n; i++)
		r->links[i] = link_open(r->p, size_of(r->w, r->p), r->w->capacity);
}

void links_end(struct run *r)
{
	unsigned int i, n = r->w->n ? r->w->n : 1;

	for (i = 0; i < n; i++)
		r->p->close(&r->links[i]);
	free(r->links);
}

void send_and_recv(struct run *r, unsigned long n)
{
	struct link *l = r->links;

	while (n--) {
		r->p->send(l, buffer);
		r->p->recv(l, buffer);
	}
}

void any_begin(struct run *r)
{
	links_begin(r);
	r->any.ops = r->w->any ? r->w->any : r->p->any;
	r->any.links = r->links;
	r->any.n = r->w->n;
	r->any.ops->open(&r->any);
}

void any_end(struct run *r)
{
	r->any.ops->close(&r->any);
	links_end(r);
}

pid_t fork_child(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (!child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

static bool is_asleep(pid_t child)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		die("%s", path);
	fclose(f);
	return state == 'S';
}

void wait_asleep(pid_t child)
{
	while (!is_asleep(child))
		sched_yield();
}

void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
