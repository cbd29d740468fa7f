// SPDX-License-Identifier: GPL-2.0
/*
 * gobench - what goroutines cost, beside Go's and beside threads over pipes
 *
 * Standard input has Go's figures, as gobench.go prints them. As in bench.c, where the
 * clock counts instructions (--exact) figures are instructions per operation, and the
 * goals hold: to start a goroutine, and to switch, costs no more than in Go. Channels of
 * Go are memory of one process; these are the kernel's, and for all processes.
 *
 *	gobench [--exact]
 *	gobench --trace KEY N		does one N times, for userspace/bench/profile
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <gochan.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define EXIT_MISSED	1	/* a goal is not met */
#define EXIT_BROKEN	2	/* it could not be measured */

#define LOOPS		4000
#define SAMPLES		21

static void expect(long got, long want, const char *what)
{
	if (got == want)
		return;
	fprintf(stderr, "gobench: %s: %ld instead of %ld\n", what, got, want);
	exit(EXIT_BROKEN);
}

/* The system call, as in gobench.go: both pay the same for looking. */
static uint64_t now(void)
{
	struct timespec t;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static struct chan *make(size_t capacity)
{
	struct chan *c;

	expect(chan_new(&c, sizeof(int), capacity, O_RDWR, NULL), 0, "chan_new");
	return c;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void loop_start(int n)
{
	while (n--) {
		expect(go_start(nothing, NULL), 0, "go_start");
		go_yield();
	}
}

static bool over;

static void yield(void *arg)
{
	int n = *(int *)arg / 2;

	while (n--)
		go_yield();
	over = true;
}

static void loop_switch(int n)
{
	int i;

	over = false;
	expect(go_start_copy(yield, &n, sizeof(n)), 0, "go_start_copy");
	for (i = 0; i < n / 2; i++)
		go_yield();
	while (!over)
		go_yield();
}

static struct chan *there, *back;

static void echo(void *arg)
{
	int v;

	while (chan_recv_elem(there, &v) == 1)
		expect(chan_send_elem(back, &v), 0, "send");
	chan_close(back);
	(void)arg;
}

static void loop_pingpong(int n)
{
	int i, v;

	there = make(0);
	back = make(0);
	expect(go_start(echo, NULL), 0, "go_start");
	for (i = 0; i < n; i++) {
		expect(chan_send_elem(there, &i), 0, "send");
		expect(chan_recv_elem(back, &v), 1, "receive");
	}
	chan_close(there);
	expect(chan_recv_elem(back, &v), 0, "receive");
	chan_unref(there);
	chan_unref(back);
}

static void loop_buffered(int n)
{
	struct chan *c = make(16);
	int v = 0;

	while (n--) {
		expect(chan_send_elem(c, &v), 0, "send");
		expect(chan_recv_elem(c, &v), 1, "receive");
	}
	chan_unref(c);
}

static void loop_select(int n)
{
	struct chan *a = make(16), *b = make(16);
	int v = 0;
	struct chan_choice choices[] = { { .c = a, .buf = &v }, { .c = b, .buf = &v } };

	while (n--) {
		expect(chan_send_elem(a, &v), 0, "send");
		expect(chan_select(choices, 2, 0), 0, "select");
	}
	chan_unref(a);
	chan_unref(b);
}

static void *pipe_echo(void *arg)
{
	int *fds = arg, v;

	while (read(fds[0], &v, sizeof(v)) == sizeof(v))
		expect(write(fds[3], &v, sizeof(v)), sizeof(v), "write");
	return NULL;
}

static void loop_threads(int n)
{
	pthread_t thread;
	int fds[4], i, v;

	expect(pipe(fds) | pipe(fds + 2), 0, "pipe");
	expect(pthread_create(&thread, NULL, pipe_echo, fds), 0, "pthread_create");
	for (i = 0; i < n; i++) {
		expect(write(fds[1], &i, sizeof(i)), sizeof(i), "write");
		expect(read(fds[2], &v, sizeof(v)), sizeof(v), "read");
	}
	close(fds[1]);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[2]);
	close(fds[3]);
}

/**
 * struct row - one row of the report
 * @key: as in gobench.go
 * @name: for people
 * @loop: do the operation so many times
 * @thread: in a plain thread
 * @goal: must cost no more than in Go
 */
static const struct row {
	const char *key;
	const char *name;
	void (*loop)(int n);
	bool thread;
	bool goal;
} rows[] = {
	{ "start", "start a goroutine, which ends", loop_start, false, true },
	{ "switch", "switch to another goroutine", loop_switch, false, true },
	{ "pingpong", "round trip of two, unbuffered", loop_pingpong, false, false },
	{ "buffered", "send + receive, buffered", loop_buffered, false, false },
	{ "select", "send + select of 2, one ready", loop_select, false, false },
	{ "threads", "round trip of threads over pipes", loop_threads, true, false },
};

static double figures[ARRAY_SIZE(rows)], gos[ARRAY_SIZE(rows)];

static double measure(void (*loop)(int n))
{
	uint64_t best = UINT64_MAX, t;
	int i;

	loop(LOOPS);
	for (i = 0; i < SAMPLES; i++) {
		t = now();
		loop(LOOPS);
		t = now() - t;
		best = t < best ? t : best;
	}
	return (double)best / LOOPS;
}

static void measure_goroutines(void *arg)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (!rows[i].thread)
			figures[i] = measure(rows[i].loop);
	(void)arg;
}

static void read_gos(void)
{
	char key[32];
	double value;
	size_t i;

	while (scanf("%31s %lf", key, &value) == 2)
		for (i = 0; i < ARRAY_SIZE(rows); i++)
			if (!strcmp(key, rows[i].key))
				gos[i] = value;
}

static int report(bool exact)
{
	int missed = 0;
	size_t i;

	printf("\n%-36s %10s %10s %7s\n", exact ? "instructions per operation" :
	       "nanoseconds per operation", "libchan", "Go", "ratio");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		printf("%-36s %10.0f", rows[i].name, figures[i]);
		if (gos[i])
			printf(" %10.0f %7.2f", gos[i], figures[i] / gos[i]);
		if (exact && rows[i].goal) {
			missed += figures[i] > gos[i];
			printf("  goal 1.00%s", figures[i] > gos[i] ? ": missed" : "");
		}
		printf("\n");
	}
	return missed ? EXIT_MISSED : 0;
}

/*
 * For a profile, as in bench.c.
 */

void __attribute__((noinline)) trace_begin(void)
{
	__asm__ volatile("");
}

void __attribute__((noinline)) trace_end(void)
{
	__asm__ volatile("");
}

struct trace {
	const char *key;
	int n;
};

static void trace(void *arg)
{
	const struct trace *t = arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].key, t->key))
			break;
	expect(i < ARRAY_SIZE(rows), true, "is this a key");
	rows[i].loop(LOOPS);
	printf("gobench: ready for %d of %s: press Enter\n", t->n, t->key);
	fflush(stdout);
	getchar();
	trace_begin();
	rows[i].loop(t->n);
	trace_end();
}

int main(int argc, char **argv)
{
	bool exact = argc > 1 && !strcmp(argv[1], "--exact");
	size_t i;

	if (argc == 4 && !strcmp(argv[1], "--trace")) {
		go_procs(1);
		go_run(trace, &(struct trace){ .key = argv[2], .n = atoi(argv[3]) });
		return 0;
	}
	read_gos();
	go_procs(1);
	go_run(measure_goroutines, NULL);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].thread)
			figures[i] = measure(rows[i].loop);
	return report(exact);
}
