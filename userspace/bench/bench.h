/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bench - what the parts of the benchmark share
 *
 * A peer (peers/NAME.c) is a way to pass elements between processes: a channel, a pipe,
 * a message queue. It fills in a struct peer and knows no workload. A workload
 * (workloads/NAME.c) is something to do with any peer, and knows none of them. main.c
 * runs each workload over each peer that can do it, and prints a record of each;
 * report.c makes tables of the records, also of those of peers in other languages.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define EXIT_BROKEN	2	/* it could not be measured */

#define SIZE_LARGEST	65536	/* bytes of the largest transfer */

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Every call that is measured is checked: a fast failure is no result. */
static inline void expect(long got, long want, const char *what)
{
	if (__builtin_expect(got != want, 0))
		die("%s: %ld instead of %ld", what, got, want);
}

struct link;
struct any;

/**
 * struct any_ops - how to wait for one of several links
 * @open: get ready to, of a->links
 * @recv: receive one element of any link; return which
 * @send: send one element to any link; return which; or NULL
 * @close: undo @open
 */
struct any_ops {
	void (*open)(struct any *a);
	unsigned int (*recv)(struct any *a, void *buf);
	unsigned int (*send)(struct any *a, const void *buf);
	void (*close)(struct any *a);
};

/**
 * struct any - several links of which one is waited for
 * @ops: how
 * @links: the links, open
 * @n: how many
 * @state: of @ops
 */
struct any {
	const struct any_ops *ops;
	struct link *links;
	unsigned int n;
	void *state;
};

/**
 * struct peer - a way to pass elements
 * @name: names it for good
 * @what: what it is, for people
 * @only: bytes of an element, if they are not the workload's to choose; or 0
 * @size_max: bytes of the largest element
 * @capacity_min: elements that a link has room for at least. A workload that wants
 *	fewer is measured all the same, and if it waits the report marks the figure.
 * @capacity_max: elements that a link has room for at most; 0: no limit
 * @bytes_min: bytes of elements that it has room for at least
 * @bytes_max: at most; 0: no limit
 * @one_receiver: a link can't have several receiving processes
 * @no_processes: a link can't be between processes that wait
 * @variant: another way to use a peer: only in workloads that ask for variants
 * @pollable: link.in is a file for poll(2), link.out too
 * @in_kernel: a link is the kernel's memory
 * @there: is it, on this machine? or NULL
 * @fits: may this user have such a link? or NULL
 * @open: make a link of link.size bytes an element and link.capacity elements. A
 *	process that is forked then has it too.
 * @close: let go of it
 * @send: send one element, wait for room
 * @recv: receive one element, wait for it; false if the link was shut
 * @send_many: send so many elements, in as few calls as it takes; or NULL
 * @recv_many: receive so many
 * @nonblock: from here on @try_recv and @try_send don't wait; NULL if none of them
 * @try_recv: receive one element, or return false
 * @try_send: send one element, or return false
 * @receive_only: this process will only receive; or NULL
 * @shut: no more elements: receivers see the end; or NULL
 * @any: to wait for one of several, as those do who know this peer; or NULL
 */
struct peer {
	const char *name;
	const char *what;
	size_t only;
	size_t size_max;
	unsigned int capacity_min;
	unsigned int capacity_max;
	size_t bytes_min;
	size_t bytes_max;
	bool one_receiver;
	bool no_processes;
	bool variant;
	bool pollable;
	bool in_kernel;
	bool (*there)(void);
	bool (*fits)(size_t size, unsigned int capacity);
	void (*open)(struct link *l);
	void (*close)(struct link *l);
	void (*send)(struct link *l, const void *buf);
	bool (*recv)(struct link *l, void *buf);
	void (*send_many)(struct link *l, const void *buf, unsigned int n);
	void (*recv_many)(struct link *l, void *buf, unsigned int n);
	void (*nonblock)(struct link *l);
	bool (*try_recv)(struct link *l, void *buf);
	bool (*try_send)(struct link *l, const void *buf);
	void (*receive_only)(struct link *l);
	void (*shut)(struct link *l);
	const struct any_ops *any;
};

/**
 * struct link - what elements go through: a channel, a pipe, a pair of sockets
 * @peer: of which kind
 * @size: bytes of an element
 * @capacity: elements that it has room for, as near as the peer can
 * @in: the file to receive from, if there is one
 * @out: the file to send to
 * @state: what else the peer has
 */
struct link {
	const struct peer *peer;
	size_t size;
	unsigned int capacity;
	int in;
	int out;
	void *state;
};

/* Peers are known by being linked in. */
void peer_add(const struct peer *p);
#define PEER(variable)							\
	static void __attribute__((constructor)) add_##variable(void)	\
	{								\
		peer_add(&variable);					\
	}

/* For peers that are files (file.c). */
void file_close(struct link *l);
void file_send(struct link *l, const void *buf);
bool file_recv(struct link *l, void *buf);
void file_send_many(struct link *l, const void *buf, unsigned int n);
void file_recv_many(struct link *l, void *buf, unsigned int n);
void file_send_iov(struct link *l, const void *buf);
bool file_recv_iov(struct link *l, void *buf);
void file_nonblock(struct link *l);
bool file_try_recv(struct link *l, void *buf);
bool file_try_send(struct link *l, const void *buf);
void file_receive_only(struct link *l);
void file_shut(struct link *l);

/* For peers that are pollable (poll.c). */
extern const struct any_ops any_poll;
extern const struct any_ops any_epoll;

struct workload;
struct run;

/* Where the processes of a workload run. */
enum place {
	ONE_CPU,	/* all on the same */
	TWO_CPUS,	/* the one that measures, and the other */
	ALL_CPUS,	/* wherever the kernel puts them */
};

/**
 * struct workload - something to do with a peer
 * @key: names it for good
 * @what: what it does, for people
 * @unit: of its figures; NULL: instructions or nanoseconds
 * @size: bytes of an element
 * @capacity: elements that a link has room for
 * @waits: who finds a link full or empty waits, so that it tells how much room it has
 * @n: how many: elements of a batch, links, waiters
 * @senders: of a crowd
 * @receivers: of a crowd
 * @each: what each of a crowd of @senders does for so many elements; NULL: senders send, and
 *	receivers receive
 * @place: on which processors
 * @batch: who is woken waits until who woke waits (SCHED_BATCH). Else the scheduler
 *	decides, by what both did before, and so does the figure
 * @any: how to wait for one of several; NULL: as the peer does
 * @loops: operations of a sample
 * @samples: how many where the clock counts instructions
 * @timed_only: says nothing on one processor
 * @variants: over variants of peers, too
 * @can: can it be done with this peer? or NULL
 * @begin: get ready, or NULL
 * @prepare: before each sample, and not measured, for so many operations; or NULL
 * @loop: do the operation so many times
 * @end: undo @begin
 * @measure: instead of the six: return the figure
 */
struct workload {
	const char *key;
	const char *what;
	const char *unit;
	size_t size;
	unsigned int capacity;
	bool waits;
	unsigned int n;
	unsigned int senders;
	unsigned int receivers;
	void (*each)(struct run *r, unsigned long n);
	enum place place;
	bool batch;
	const struct any_ops *any;
	unsigned long loops;
	unsigned int samples;
	bool timed_only;
	bool variants;
	bool (*can)(const struct workload *w, const struct peer *p);
	void (*begin)(struct run *r);
	void (*prepare)(struct run *r, unsigned long n);
	void (*loop)(struct run *r, unsigned long n);
	void (*end)(struct run *r);
	double (*measure)(const struct workload *w, const struct peer *p);
};

/**
 * struct run - a workload at work over a peer
 * @w: the workload
 * @p: the peer
 * @links: links of it
 * @any: all of them
 * @state: what else the workload has
 * @cpu: nanoseconds of processors that the last sample took, where processes other
 *	than this one do the work; else 0
 */
struct run {
	const struct workload *w;
	const struct peer *p;
	struct link *links;
	struct any any;
	void *state;
	int64_t cpu;
};

/* The workloads of each file, ended by one without a key. */
extern const struct workload sendrecv_workloads[];
extern const struct workload pingpong_workloads[];
extern const struct workload ready_workloads[];
extern const struct workload make_workloads[];
extern const struct workload crowd_workloads[];
extern const struct workload wake_workloads[];
extern const struct workload memory_workloads[];

/* For workloads (workloads/common.c). */
extern char *buffer;		/* of SIZE_LARGEST */
void buffer_begin(void);
void buffer_place(unsigned int i);
int64_t now(void);
void pin(int cpu);
void unpin(void);
void set_batch(bool batch);
unsigned int cpus(void);
struct link link_open(const struct peer *p, size_t size, unsigned int capacity);
void links_begin(struct run *r);	/* w->n of them, at least one */
void links_end(struct run *r);
void send_and_recv(struct run *r, unsigned long n);	/* one after the other, by the first */
void any_begin(struct run *r);		/* and waited for */
void any_end(struct run *r);
pid_t fork_child(void);			/* which dies with this process */
void wait_asleep(pid_t child);		/* until it is blocked in a call */
void end_child(pid_t child);

static inline size_t size_of(const struct workload *w, const struct peer *p)
{
	return p->only ? p->only : w->size;
}

/* Has a link room for as many as the workload wants? */
static inline bool has_room(const struct workload *w, const struct peer *p)
{
	return (!p->capacity_max || w->capacity <= p->capacity_max) &&
	       (!p->bytes_max || w->capacity * size_of(w, p) <= p->bytes_max);
}

#endif
