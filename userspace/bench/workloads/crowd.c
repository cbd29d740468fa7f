// SPDX-License-Identifier: GPL-2.0
/*
 * Many processes that send and receive: crossbeam's benchmarks, those of Go's runtime,
 * and what happens when there are more processes than processors.
 *
 * The processes are forked once. Before each sample they wait at a gate; the figure is
 * the time from its opening until the last is back, per element. Of each process the
 * kernel says what time of a processor it took.
 */
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../bench.h"

#define CROWD_MAX	32

/**
 * struct gate - memory that all processes share
 * @round: changes when the gate opens
 * @back: processes that have come back
 * @elements: for each process to send, or receive
 * @cpu: nanoseconds of a processor that each took
 */
struct gate {
	_Atomic uint32_t round;
	_Atomic uint32_t back;
	unsigned long elements[CROWD_MAX];
	int64_t cpu[CROWD_MAX];
};

struct crowd {
	struct gate *gate;
	unsigned int n;
	pid_t child[CROWD_MAX];
};

static void wait_change(_Atomic uint32_t *word, uint32_t seen)
{
	while (*word == seen)
		syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static unsigned int senders(const struct workload *w)
{
	return w->senders ? w->senders : cpus();
}

static unsigned int receivers(const struct workload *w)
{
	return w->receivers ? w->receivers : cpus();
}

static unsigned int processes(const struct workload *w)
{
	return w->each ? senders(w) : senders(w) + receivers(w);
}

static void send_some(struct run *r, unsigned int me, unsigned long n)
{
	unsigned int many = r->w->n;

	if (many && senders(r->w) > 1 && receivers(r->w) > 1)
		while (n--)
			r->any.ops->send(&r->any, buffer);
	else
		while (n--)
			r->p->send(&r->links[many ? me % many : 0], buffer);
}

static void recv_some(struct run *r, unsigned long n)
{
	if (r->w->n)
		while (n--)
			r->any.ops->recv(&r->any, buffer);
	else
		while (n--)
			r->p->recv(r->links, buffer);
}

static void recv_and_send(struct run *r, unsigned long n)
{
	while (n--) {
		r->p->recv(r->links, buffer);
		r->p->send(r->links, buffer);
	}
}

/* By the hundred, as Go's BenchmarkChanContended. */
static void send_then_recv(struct run *r, unsigned long n)
{
	unsigned long i, some;

	for (; n; n -= some) {
		some = n < 100 ? n : 100;
		for (i = 0; i < some; i++)
			r->p->send(r->links, buffer);
		for (i = 0; i < some; i++)
			r->p->recv(r->links, buffer);
	}
}

static int64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void __attribute__((noreturn)) work(struct run *r, struct gate *gate, unsigned int me)
{
	uint32_t round = 0;
	int64_t begin;

	unpin();
	if (r->w->n) {
		r->any.ops = r->p->any;
		r->any.links = r->links;
		r->any.n = r->w->n;
		r->any.ops->open(&r->any);
	}
	for (;;) {
		wait_change(&gate->round, round++);
		begin = cpu_time();
		if (r->w->each)
			r->w->each(r, gate->elements[me]);
		else if (me < senders(r->w))
			send_some(r, me, gate->elements[me]);
		else
			recv_some(r, gate->elements[me]);
		gate->cpu[me] = cpu_time() - begin;
		++gate->back;
		wake(&gate->back);
	}
}

static void begin(struct run *r)
{
	struct crowd *c = calloc(1, sizeof(*c));
	unsigned int i;

	if (!c)
		die("calloc");
	c->gate = mmap(NULL, sizeof(*c->gate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (c->gate == MAP_FAILED)
		die("mmap");
	links_begin(r);
	/* Where several wait for the same, no call blocks but select or poll. */
	for (i = 0; i < r->w->n; i++)
		if (receivers(r->w) > 1 && r->p->any == &any_poll)
			r->p->nonblock(&r->links[i]);
	c->n = processes(r->w);
	if (c->n > CROWD_MAX)
		die("%u processes", c->n);
	for (i = 0; i < c->n; i++) {
		c->child[i] = fork_child();
		if (!c->child[i])
			work(r, c->gate, i);
	}
	r->state = c;
}

/* Half of what the link has room for is there, so that nobody waits for the link. */
static void prepare_half(struct run *r, unsigned long n)
{
	unsigned int i;

	(void)n;
	if (((struct crowd *)r->state)->gate->round)
		return;
	for (i = 0; i < r->w->capacity / 2; i++)
		r->p->send(r->links, buffer);
}

/* So many elements in all, or as few less as make equal shares. */
static void loop(struct run *r, unsigned long n)
{
	struct crowd *c = r->state;
	unsigned int i, s = senders(r->w), back = 0;

	for (i = 0; i < c->n; i++)
		c->gate->elements[i] = n / (i < s ? s : receivers(r->w));
	c->gate->back = 0;
	++c->gate->round;
	wake(&c->gate->round);
	while (back < c->n) {
		wait_change(&c->gate->back, back);
		back = c->gate->back;
	}
	r->cpu = 0;
	for (i = 0; i < c->n; i++)
		r->cpu += c->gate->cpu[i];
}

static void end(struct run *r)
{
	struct crowd *c = r->state;
	unsigned int i;

	for (i = 0; i < c->n; i++)
		end_child(c->child[i]);
	munmap(c->gate, sizeof(*c->gate));
	free(c);
	links_end(r);
}

static bool can(const struct workload *w, const struct peer *p)
{
	if (p->no_processes || (p->one_receiver && receivers(w) > 1))
		return false;
	if (w->each && !has_room(w, p))
		return false;
	return !w->n || (p->any && (p->try_send || receivers(w) == 1));
}

/* A multiple of all numbers of processes that there are. */
#define ELEMENTS	4800

#define CROWD(name, text, room, bytes, s, r, links)			\
	{ .key = name, .what = text, .size = bytes, .capacity = room,	\
	  .waits = true,						\
	  .n = links, .senders = s, .receivers = r, .place = ALL_CPUS,	\
	  .loops = ELEMENTS, .samples = 5, .can = can, .begin = begin,	\
	  .loop = loop, .end = end }

#define CONTENDERS(name, s)							\
	{ .key = name, .what = #s " senders and as many receivers, room for 1,024", \
	  .size = 64, .capacity = 1024, .waits = true, .senders = s,		\
	  .receivers = s,							\
	  .place = ALL_CPUS, .loops = ELEMENTS, .samples = 5,			\
	  .timed_only = true, .can = can, .begin = begin, .loop = loop,		\
	  .end = end }

#define EACH(name, text, bytes, room, many, does)			\
	.key = name, .what = text, .size = bytes, .capacity = room,	\
	.senders = many, .receivers = many, .place = ALL_CPUS,		\
	.loops = ELEMENTS, .samples = 5, .can = can, .each = does,	\
	.begin = begin, .loop = loop, .end = end

const struct workload crowd_workloads[] = {
	CROWD("spsc-0", "crossbeam's spsc: one sends, one receives, unbuffered", 0, 8, 1, 1, 0),
	CROWD("spsc-1", "crossbeam's spsc, room for 1", 1, 8, 1, 1, 0),
	CROWD("spsc-1024", "crossbeam's spsc, room for 1,024", 1024, 8, 1, 1, 0),
	CROWD("mpsc-0", "crossbeam's mpsc: four send, one receives, unbuffered", 0, 8, 4, 1, 0),
	CROWD("mpsc-1", "crossbeam's mpsc, room for 1", 1, 8, 4, 1, 0),
	CROWD("mpsc-1024", "crossbeam's mpsc, room for 1,024", 1024, 8, 4, 1, 0),
	CROWD("mpmc-0", "crossbeam's mpmc: four send, four receive, unbuffered", 0, 8, 4, 4, 0),
	CROWD("mpmc-1", "crossbeam's mpmc, room for 1", 1, 8, 4, 4, 0),
	CROWD("mpmc-1024", "crossbeam's mpmc, room for 1,024", 1024, 8, 4, 4, 0),
	CROWD("select_rx-0", "crossbeam's select_rx: four send, a link each, one selects, unbuffered",
	      0, 8, 4, 1, 4),
	CROWD("select_rx-1", "crossbeam's select_rx, room for 1", 1, 8, 4, 1, 4),
	CROWD("select_rx-1024", "crossbeam's select_rx, room for 1,024", 1024, 8, 4, 1, 4),
	CROWD("select_both-0", "crossbeam's select_both: four select sends, four receives, of 4, unbuffered",
	      0, 8, 4, 4, 4),
	CROWD("select_both-1", "crossbeam's select_both, room for 1", 1, 8, 4, 4, 4),
	CROWD("select_both-1024", "crossbeam's select_both, room for 1,024", 1024, 8, 4, 4, 4),
	CROWD("ChanProdCons0", "Go's: a producer and a consumer a CPU, unbuffered", 0, 8, 0, 0, 0),
	CROWD("ChanProdCons10", "Go's, room for 10", 10, 8, 0, 0, 0),
	CROWD("ChanProdCons100", "Go's, room for 100", 100, 8, 0, 0, 0),
	{ EACH("ChanContended", "Go's: a process a CPU, each sends 100, then receives 100", 8, 1600,
	       0, send_then_recv) },
	{ EACH("ChanSem", "Go's: a process a CPU takes the only place, and gives it back", 8, 1, 0,
	       send_and_recv), .waits = true },
	CONTENDERS("contenders-2", 1),
	CONTENDERS("contenders-4", 2),
	CONTENDERS("contenders-8", 4),
	CONTENDERS("contenders-16", 8),
	{ EACH("half-full-16", "16 that receive and send, half of 1,024 are there", 64, 1024, 16,
	       recv_and_send), .timed_only = true, .prepare = prepare_half },
	{ }
};
