// SPDX-License-Identifier: GPL-2.0
/*
 * bench - what channels cost, beside what else the kernel offers for the job
 *
 * Everything is measured in one run on one machine, so that the ratios hold
 * whatever the machine. In a virtual machine whose clock counts instructions
 * (--exact) the figures are instructions per operation and repeat to about
 * 0.1 %; only such figures are held against the goals.
 *
 * An operation's figure has in it all that a caller pays: the loop, the C
 * library's wrapper and the system calls, with the kernel's way in and out.
 * Nothing is subtracted. The row getppid(2) tells how much of it is the floor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/chan.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define EXIT_MISSED	1	/* a goal is not met */
#define EXIT_BROKEN	2	/* it could not be measured */

#define SIZE_MAX_USED	4096	/* bytes of the largest transfer */
#define SAMPLES		41	/* odd, for the median */
#define WARMUP		3	/* samples thrown away */
#define LOOPS_SHORT	400	/* operations of a sample: few ticks of the clock in it */
#define LOOPS_LONG	4000	/* where what follows later counts too, as RCU's work */
#define CASES_MAX	64	/* pipes that are polled, channels in a select */
#define MEMORY_FIRST	1000	/* handles that fill the slabs' gaps */
#define MEMORY_HANDLES	10000	/* handles whose memory is measured */

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	int e = errno;
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, ap);
	fprintf(stderr, ": %s\n", strerror(e));
	va_end(ap);
	exit(EXIT_BROKEN);
}

/* Every call that is measured is checked: a fast failure is no result. */
static inline void expect(long got, long want, const char *what)
{
	if (__builtin_expect(got != want, 0))
		die("%s: %ld instead of %ld", what, got, want);
}

/*
 * Workloads
 *
 * in is read and out is written by the process that measures; in a round trip
 * the other process reads peer_in and writes peer_out. Where one of several is waited
 * for, in is the last of them.
 */

struct workload;

struct run {
	const struct workload *w;
	int in, out;
	int peer_in, peer_out;
	pid_t peer;
	mqd_t mq;
	struct pollfd polls[CASES_MAX];
	int polled[CASES_MAX];
	struct chan_case cases[CASES_MAX];
};

/**
 * struct workload - one row of the report
 * @key: names it for good, in --only, in the code and for machines
 * @name: names it for people
 * @setup: get ready, or NULL
 * @fill: before each sample, and not measured: make so many operations possible, or NULL
 * @loop: do the operation so many times
 * @size: bytes of a transfer (one call)
 * @elem_size: channels: bytes of an element
 * @capacity: channels: elements
 * @cases: of how many one is waited for
 * @peer: key of the row that this one is measured against, or NULL
 * @goal: ratio to the peer that must not be passed, or 0
 * @late: some of its cost comes later, or by the scheduler's choice: needs long
 *	samples
 */
struct workload {
	const char *key;
	const char *name;
	void (*setup)(struct run *r);
	void (*fill)(struct run *r, unsigned long n);
	void (*loop)(struct run *r, unsigned long n);
	unsigned int size;
	unsigned int elem_size;
	unsigned int capacity;
	unsigned int cases;
	const char *peer;
	double goal;
	bool late;
};

static char buffer[SIZE_MAX_USED] __attribute__((aligned(4096)));
static int chanctl = -1;

static int chan_make(unsigned int elem_size, unsigned int capacity, unsigned int flags)
{
	struct chan_create arg = {
		.size = sizeof(arg),
		.flags = flags,
		.elem_size = elem_size,
		.capacity = capacity,
		.fd_flags = O_RDWR,
	};

	if (ioctl(chanctl, CHAN_IOC_CREATE, &arg))
		die("CHAN_IOC_CREATE");
	return arg.fd;
}

static void pipe_make(int *in, int *out)
{
	int fd[2];

	if (pipe2(fd, 0))
		die("pipe2");
	*in = fd[0];
	*out = fd[1];
}

static int eventfd_make(void)
{
	int fd = eventfd(0, 0);

	if (fd < 0)
		die("eventfd");
	return fd;
}

static void set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		die("fcntl");
}

static void setup_pipe(struct run *r)
{
	pipe_make(&r->in, &r->out);
}

static void setup_pipe_nonblock(struct run *r)
{
	setup_pipe(r);
	set_nonblock(r->in);
}

static void setup_chan(struct run *r)
{
	r->in = chan_make(r->w->elem_size, r->w->capacity, 0);
	r->out = r->in;
}

static void setup_chan_message(struct run *r)
{
	r->in = chan_make(r->w->elem_size, r->w->capacity, CHAN_MESSAGE);
	r->out = r->in;
}

static void setup_chan_nonblock(struct run *r)
{
	setup_chan(r);
	set_nonblock(r->in);
}

/* Several pipes to poll, of which the last may already be there. */
static void setup_polls(struct run *r)
{
	unsigned int i;

	for (i = 0; i < r->w->cases; i++) {
		r->polls[i].events = POLLIN;
		if (i < r->w->cases - 1)
			pipe_make(&r->polls[i].fd, &r->polled[i]);
	}
	if (r->in < 0)
		setup_pipe(r);
	r->polls[i - 1].fd = r->in;
}

static void setup_cases(struct run *r)
{
	unsigned int i;

	if (r->in < 0)
		setup_chan(r);
	for (i = 0; i < r->w->cases; i++) {
		r->cases[i].op = CHAN_CASE_RECV;
		r->cases[i].buf = (uintptr_t)buffer;
		r->cases[i].fd = i < r->w->cases - 1 ?
				 chan_make(r->w->elem_size, r->w->capacity, 0) : r->in;
	}
}

static void setup_eventfd(struct run *r)
{
	r->in = eventfd_make();
	r->out = r->in;
	buffer[0] = 1;
}

static void setup_mq(struct run *r)
{
	struct mq_attr attr = { .mq_maxmsg = 8, .mq_msgsize = r->w->size };

	r->mq = mq_open("/chan-bench", O_RDWR | O_CREAT, 0600, &attr);
	if (r->mq == (mqd_t)-1)
		die("mq_open");
	mq_unlink("/chan-bench");
}

static void loop_getppid(struct run *r, unsigned long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void loop_rw(struct run *r, unsigned long n)
{
	const ssize_t size = r->w->size;

	while (n--) {
		expect(write(r->out, buffer, size), size, "write");
		expect(read(r->in, buffer, size), size, "read");
	}
}

static void loop_rwv(struct run *r, unsigned long n)
{
	const ssize_t size = r->w->size;
	const struct iovec v = { .iov_base = buffer, .iov_len = size };

	while (n--) {
		expect(writev(r->out, &v, 1), size, "writev");
		expect(readv(r->in, &v, 1), size, "readv");
	}
}

static void loop_xfer(struct run *r, unsigned long n)
{
	struct chan_xfer x = {
		.size = sizeof(x),
		.buf = (uintptr_t)buffer,
		.count = r->w->size / r->w->elem_size,
	};
	const long count = x.count;

	while (n--) {
		expect(ioctl(r->out, CHAN_IOC_SEND, &x), count, "CHAN_IOC_SEND");
		expect(ioctl(r->in, CHAN_IOC_RECV, &x), count, "CHAN_IOC_RECV");
	}
}

static void fill(struct run *r, unsigned long n)
{
	while (n--)
		expect(write(r->out, buffer, r->w->size), r->w->size, "write");
}

static inline void poll_read(struct run *r)
{
	const ssize_t size = r->w->size;

	expect(poll(r->polls, r->w->cases, -1), 1, "poll");
	expect(read(r->in, buffer, size), size, "read");
}

static void loop_poll(struct run *r, unsigned long n)
{
	while (n--)
		poll_read(r);
}

static inline void select_recv(struct run *r, int ctl)
{
	struct chan_select s = {
		.size = sizeof(s),
		.cases = (uintptr_t)r->cases,
		.count = r->w->cases,
		.case_size = sizeof(r->cases[0]),
	};

	expect(ioctl(ctl, CHAN_IOC_SELECT, &s), (r->w->cases - 1) | CHAN_OK, "CHAN_IOC_SELECT");
}

static void loop_select(struct run *r, unsigned long n)
{
	while (n--)
		select_recv(r, r->in);
}

/* Round trips in which the answer is waited for among others. */
static void loop_trip_poll(struct run *r, unsigned long n)
{
	while (n--) {
		expect(write(r->out, buffer, r->w->size), r->w->size, "write");
		poll_read(r);
	}
}

static void loop_trip_select(struct run *r, unsigned long n)
{
	while (n--) {
		expect(write(r->out, buffer, r->w->size), r->w->size, "write");
		select_recv(r, r->in);
	}
}

static void loop_mq(struct run *r, unsigned long n)
{
	const ssize_t size = r->w->size;

	while (n--) {
		expect(mq_send(r->mq, buffer, size, 0), 0, "mq_send");
		expect(mq_receive(r->mq, buffer, size, NULL), size, "mq_receive");
	}
}

static void loop_read_empty(struct run *r, unsigned long n)
{
	while (n--)
		expect(read(r->in, buffer, r->w->size), -1, "read of nothing");
}

static void loop_make_chan(struct run *r, unsigned long n)
{
	while (n--)
		close(chan_make(r->w->elem_size, r->w->capacity, 0));
}

static void loop_make_pipe(struct run *r, unsigned long n)
{
	int in, out;

	while (n--) {
		pipe_make(&in, &out);
		close(in);
		close(out);
	}
}

static void loop_make_eventfd(struct run *r, unsigned long n)
{
	while (n--)
		close(eventfd_make());
}

/* The other process of a round trip; it is killed when it is needed no more. */
static void __attribute__((noreturn)) echo(const struct run *r)
{
	const ssize_t size = r->w->size;

	for (;;) {
		expect(read(r->peer_in, buffer, size), size, "echo: read");
		expect(write(r->peer_out, buffer, size), size, "echo: write");
	}
}

static void start_echo(struct run *r)
{
	r->peer = fork();
	if (r->peer < 0)
		die("fork");
	if (r->peer)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	echo(r);
}

static void setup_trip_pipe(struct run *r)
{
	pipe_make(&r->peer_in, &r->out);
	pipe_make(&r->in, &r->peer_out);
	start_echo(r);
}

static void setup_trip_chan(struct run *r)
{
	r->out = chan_make(r->w->elem_size, r->w->capacity, 0);
	r->in = chan_make(r->w->elem_size, r->w->capacity, 0);
	r->peer_in = r->out;
	r->peer_out = r->in;
	start_echo(r);
}

static void setup_trip_polls(struct run *r)
{
	setup_trip_pipe(r);
	setup_polls(r);
}

static void setup_trip_cases(struct run *r)
{
	setup_trip_chan(r);
	setup_cases(r);
}

static void setup_trip_eventfd(struct run *r)
{
	r->out = eventfd_make();
	r->in = eventfd_make();
	r->peer_in = r->out;
	r->peer_out = r->in;
	buffer[0] = 1;
	start_echo(r);
}

static void run_end(struct run *r)
{
	int fds[] = { r->in, r->out, r->peer_in, r->peer_out };
	unsigned int i;

	for (i = 0; i + 1 < r->w->cases; i++) {
		if (r->polls[i].events)
			close(r->polled[i]);
		close(r->polls[i].events ? r->polls[i].fd : r->cases[i].fd);
	}
	if (r->peer) {
		kill(r->peer, SIGKILL);
		waitpid(r->peer, NULL, 0);
	}
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);	/* some are the same: no harm */
	if (r->mq != (mqd_t)-1)
		mq_close(r->mq);
}

static struct run run_start(const struct workload *w)
{
	struct run r = {
		.w = w, .in = -1, .out = -1, .peer_in = -1, .peer_out = -1, .mq = (mqd_t)-1,
	};

	if (w->setup)
		w->setup(&r);
	return r;
}

static const struct workload workloads[] = {
	{ "getppid", "getppid(2): the floor of a system call",
	  NULL, NULL, loop_getppid },

	{ "pipe-64", "pipe: write + read, 64 bytes",
	  setup_pipe, NULL, loop_rw, .size = 64 },
	{ "chan-64", "channel: write + read, 64 bytes",
	  setup_chan, NULL, loop_rw, .size = 64, .elem_size = 64, .capacity = 16,
	  .peer = "pipe-64", .goal = 0.65 },
	{ "chan-64-ioctl", "channel: SEND + RECV, 64 bytes",
	  setup_chan, NULL, loop_xfer, .size = 64, .elem_size = 64, .capacity = 16,
	  .peer = "pipe-64" },
	{ "chan-64-message", "channel of messages: write + read, 64 bytes",
	  setup_chan_message, NULL, loop_rw, .size = 64, .elem_size = 64, .capacity = 16,
	  .peer = "pipe-64" },
	{ "mq-64", "POSIX message queue: send + receive, 64 bytes",
	  setup_mq, NULL, loop_mq, .size = 64, .peer = "pipe-64" },
	{ "eventfd-8", "eventfd: write + read, 8 bytes",
	  setup_eventfd, NULL, loop_rw, .size = 8, .peer = "pipe-64" },

	{ "pipe-64-iov", "pipe: writev + readv, 64 bytes",
	  setup_pipe, NULL, loop_rwv, .size = 64 },
	{ "chan-64-iov", "channel: writev + readv, 64 bytes",
	  setup_chan, NULL, loop_rwv, .size = 64, .elem_size = 64, .capacity = 16,
	  .peer = "pipe-64-iov" },

	{ "pipe-4096", "pipe: write + read, 4,096 bytes",
	  setup_pipe, NULL, loop_rw, .size = 4096 },
	{ "chan-64x64", "channel: write + read, 64 elements of 64 bytes",
	  setup_chan, NULL, loop_rw, .size = 4096, .elem_size = 64, .capacity = 64,
	  .peer = "pipe-4096" },
	{ "chan-64x64-ioctl", "channel: SEND + RECV, 64 elements of 64 bytes",
	  setup_chan, NULL, loop_xfer, .size = 4096, .elem_size = 64, .capacity = 64,
	  .peer = "pipe-4096" },
	{ "chan-4096", "channel: write + read, 4,096 bytes",
	  setup_chan, NULL, loop_rw, .size = 4096, .elem_size = 4096, .capacity = 16,
	  .peer = "pipe-4096" },

	{ "pipe-empty", "pipe: read of nothing, non-blocking",
	  setup_pipe_nonblock, NULL, loop_read_empty, .size = 64 },
	{ "chan-empty", "channel: read of nothing, non-blocking",
	  setup_chan_nonblock, NULL, loop_read_empty, .size = 64, .elem_size = 64, .capacity = 16,
	  .peer = "pipe-empty" },

	{ "pipe-poll-2", "pipe: poll of 2, one ready, + read, 64 bytes",
	  setup_polls, fill, loop_poll, .size = 64, .cases = 2 },
	{ "chan-select-2", "channel: select of 2, one ready, 64 bytes",
	  setup_cases, fill, loop_select, .size = 64, .elem_size = 64, .capacity = 400, .cases = 2,
	  .peer = "pipe-poll-2", .goal = 0.60 },
	{ "pipe-poll-8", "pipe: poll of 8, one ready, + read, 64 bytes",
	  setup_polls, fill, loop_poll, .size = 64, .cases = 8 },
	{ "chan-select-8", "channel: select of 8, one ready, 64 bytes",
	  setup_cases, fill, loop_select, .size = 64, .elem_size = 64, .capacity = 400, .cases = 8,
	  .peer = "pipe-poll-8", .goal = 0.40 },
	{ "pipe-poll-64", "pipe: poll of 64, one ready, + read, 64 bytes",
	  setup_polls, fill, loop_poll, .size = 64, .cases = 64 },
	{ "chan-select-64", "channel: select of 64, one ready, 64 bytes",
	  setup_cases, fill, loop_select, .size = 64, .elem_size = 64, .capacity = 400, .cases = 64,
	  .peer = "pipe-poll-64", .goal = 0.30 },

	{ "pipe-make", "pipe: pipe2 + close of both ends",
	  NULL, NULL, loop_make_pipe, .late = true },
	{ "chan-make", "channel: make, unbuffered + close",
	  NULL, NULL, loop_make_chan, .elem_size = 64,
	  .peer = "pipe-make", .goal = 0.62, .late = true },
	{ "chan-make-16", "channel: make, 16 elements of 64 bytes + close",
	  NULL, NULL, loop_make_chan, .elem_size = 64, .capacity = 16,
	  .peer = "pipe-make", .late = true },
	{ "eventfd-make", "eventfd: make + close",
	  NULL, NULL, loop_make_eventfd, .peer = "pipe-make", .late = true },

	{ "pipe-trip", "pipe: round trip of two processes, 64 bytes",
	  setup_trip_pipe, NULL, loop_rw, .size = 64, .late = true },
	{ "chan-trip", "channel, unbuffered: round trip, 64 bytes",
	  setup_trip_chan, NULL, loop_rw, .size = 64, .elem_size = 64,
	  .peer = "pipe-trip", .goal = 1.0, .late = true },
	{ "chan-trip-16", "channel, buffered: round trip, 64 bytes",
	  setup_trip_chan, NULL, loop_rw, .size = 64, .elem_size = 64, .capacity = 16,
	  .peer = "pipe-trip", .late = true },
	{ "pipe-trip-8", "pipe: round trip, the answer by poll of 8 + read",
	  setup_trip_polls, NULL, loop_trip_poll, .size = 64, .cases = 8, .late = true },
	{ "chan-trip-8", "channel, unbuffered: round trip, the answer by select of 8",
	  setup_trip_cases, NULL, loop_trip_select, .size = 64, .elem_size = 64, .cases = 8,
	  .peer = "pipe-trip-8", .late = true },
	{ "eventfd-trip", "eventfd: round trip, 8 bytes",
	  setup_trip_eventfd, NULL, loop_rw, .size = 8, .peer = "pipe-trip", .late = true },
};

/*
 * Measuring
 */

/**
 * struct result - what a row came to
 * @median: nanoseconds, which in exact mode are instructions, of an operation
 * @low: a quarter of the samples are below
 * @high: a quarter are above
 */
struct result {
	double median;
	double low;
	double high;
};

static struct result results[ARRAY_SIZE(workloads)];

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double sample(struct run *r, unsigned long n)
{
	int64_t start;

	if (r->w->fill)
		r->w->fill(r, n);
	start = now();
	r->w->loop(r, n);
	return (double)(now() - start) / n;
}

static void measure(const struct workload *w, struct result *result)
{
	unsigned long n = w->late ? LOOPS_LONG : LOOPS_SHORT;
	struct run r = run_start(w);
	double samples[SAMPLES];
	unsigned int i;

	for (i = 0; i < WARMUP; i++)
		sample(&r, n);
	for (i = 0; i < SAMPLES; i++)
		samples[i] = sample(&r, n);
	run_end(&r);

	qsort(samples, SAMPLES, sizeof(samples[0]), compare_doubles);
	result->median = samples[SAMPLES / 2];
	result->low = samples[SAMPLES / 4];
	result->high = samples[SAMPLES - 1 - SAMPLES / 4];
}

/*
 * Memory
 *
 * By the kernel's own books: the pages of each slab cache, before and after.
 */

#define CACHES_MAX	512

struct cache {
	char name[64];
	unsigned long objects;
	unsigned long bytes;	/* of all pages of it, free objects included */
};

struct slabs {
	unsigned int n;
	struct cache cache[CACHES_MAX];
};

static bool slabs_read(struct slabs *s)
{
	unsigned long active, total, size, per_slab, pages, nr_slabs;
	FILE *f = fopen("/proc/slabinfo", "r");
	char line[512];
	struct cache *c;

	s->n = 0;
	if (!f)
		return false;
	while (s->n < CACHES_MAX && fgets(line, sizeof(line), f)) {
		c = &s->cache[s->n];
		if (sscanf(line, "%63s %lu %lu %lu %lu %lu : tunables %*u %*u %*u : slabdata %*u %lu",
			   c->name, &active, &total, &size, &per_slab, &pages, &nr_slabs) != 7)
			continue;
		c->objects = active;
		c->bytes = nr_slabs * pages * sysconf(_SC_PAGESIZE);
		s->n++;
	}
	fclose(f);
	return s->n;
}

static const struct cache *slabs_find(const struct slabs *s, const char *name)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->cache[i].name, name))
			return &s->cache[i];
	return NULL;
}

/* Tell the caches that grew with the handles; return the bytes of one handle. */
static double slabs_compare(const struct slabs *before, const struct slabs *after)
{
	double all = 0, bytes, objects;
	const struct cache *b, *a;
	unsigned int i;

	for (i = 0; i < after->n; i++) {
		a = &after->cache[i];
		b = slabs_find(before, a->name);
		bytes = (double)a->bytes - (b ? b->bytes : 0);
		objects = (double)a->objects - (b ? b->objects : 0);
		all += bytes;
		if (objects < MEMORY_HANDLES / 10)
			continue;
		printf("  %-49s %11.1f   %.1f objects\n", a->name, bytes / MEMORY_HANDLES,
		       objects / MEMORY_HANDLES);
	}
	return all / MEMORY_HANDLES;
}

static int make_idle_chan(void)
{
	return chan_make(64, 0, 0);
}

static void memory_of(const char *name, int (*make)(void), int *fds)
{
	static struct slabs before, after;
	unsigned int i;

	for (i = 0; i < MEMORY_FIRST; i++)
		fds[i] = make();
	if (!slabs_read(&before))
		die("/proc/slabinfo");
	for (; i < MEMORY_FIRST + MEMORY_HANDLES; i++)
		fds[i] = make();
	if (!slabs_read(&after))
		die("/proc/slabinfo");
	printf("%-51s %11.1f\n", name, slabs_compare(&before, &after));
	while (i--)
		close(fds[i]);
}

/* Not by way of the measured handles: let the table of descriptors grow first. */
static void grow_table(rlim_t n)
{
	struct rlimit limit = { n, n };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE");
	if (dup2(STDIN_FILENO, n - 1) < 0)
		die("dup2");
	close(n - 1);
}

static void report_memory(void)
{
	static int fds[MEMORY_FIRST + MEMORY_HANDLES];

	grow_table(ARRAY_SIZE(fds) + 64);
	printf("\n%-51s %11s   of %u handles\n", "kernel memory of an idle handle, file included",
	       "bytes", MEMORY_HANDLES);
	memory_of("channel, unbuffered", make_idle_chan, fds);
	memory_of("eventfd", eventfd_make, fds);
}

/*
 * Report
 */

static const struct workload *workload_of(const char *key)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(workloads); i++)
		if (!strcmp(workloads[i].key, key))
			return &workloads[i];
	errno = ENOENT;
	die("operation %s", key);
}

static const struct result *result_of(const char *key)
{
	return &results[workload_of(key) - workloads];
}

static void report_head(bool exact)
{
	struct utsname u;

	uname(&u);
	printf("Linux %s %s, one CPU: %s per operation, median of %d samples\n", u.release,
	       u.machine, exact ? "instructions" : "nanoseconds", SAMPLES);
	printf("spread: between the quartiles; ratio: to the row named\n\n");
	printf("%-51s %11s %7s %6s  %-11s %s\n", "operation", exact ? "instr." : "ns",
	       "spread", "ratio", "to", exact ? "goal" : "");
}

/* Return: whether no goal was missed. */
static bool report_row(const struct workload *w, const struct result *r, bool exact)
{
	double ratio;
	bool met;

	printf("%-51s %11.0f %6.2f%%", w->name, r->median,
	       100 * (r->high - r->low) / r->median);
	if (!w->peer) {
		printf(" %6s  %-11s\n", "", "");
		return true;
	}
	ratio = r->median / result_of(w->peer)->median;
	printf(" %6.3f  %-11s", ratio, w->peer);
	if (!w->goal || !exact) {
		printf("\n");
		return true;
	}
	met = ratio <= w->goal;
	printf(" <= %.2f %s\n", w->goal, met ? "met" : "NOT MET");
	return met;
}

static bool wanted(const struct workload *w, const char *only)
{
	const char *peer;

	if (!only || !strcmp(w->key, only))
		return true;
	peer = workload_of(only)->peer;
	return peer && !strcmp(w->key, peer);
}

/* Return: how many goals were missed. */
static unsigned int report_all(const char *only, bool exact)
{
	unsigned int i, missed = 0;

	report_head(exact);
	for (i = 0; i < ARRAY_SIZE(workloads); i++) {
		if (!wanted(&workloads[i], only))
			continue;
		measure(&workloads[i], &results[i]);
		missed += !report_row(&workloads[i], &results[i], exact);
		fflush(stdout);
	}
	if (!only)
		report_memory();
	return missed;
}

/*
 * For a profile: whoever logs what the processor does finds the operations
 * between these two addresses.
 */

void __attribute__((noinline)) trace_begin(void)
{
	__asm__ volatile("");
}

void __attribute__((noinline)) trace_end(void)
{
	__asm__ volatile("");
}

static void trace(const struct workload *w, unsigned long n)
{
	struct run r = run_start(w);

	w->loop(&r, LOOPS_LONG);
	printf("bench: ready for %lu of %s: press Enter\n", n, w->key);
	fflush(stdout);
	getchar();
	trace_begin();
	w->loop(&r, n);
	trace_end();
	printf("bench: done\n");
	fflush(stdout);
	run_end(&r);
}

static void list(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(workloads); i++)
		printf("%-18s %s\n", workloads[i].key, workloads[i].name);
}

static const char help[] =
"Usage: bench [OPTION]...\n"
"Measure what channels cost, beside pipes and others.\n"
"\n"
"  -e, --exact          the clock counts instructions: hold them against goals\n"
"  -l, --list           list the operations\n"
"  -o, --only=KEY       one operation, and the one that it is compared with\n"
"  -t, --trace=KEY      run one operation, for a profile\n"
"  -n, --count=N        so many times (with --trace; 100)\n"
"  -h, --help           this\n"
"\n"
"Exit status: 0; 1 if a goal is missed; 2 if it could not be measured.\n";

struct options {
	bool exact;
	const char *only;
	const char *trace;
	unsigned long count;
};

static struct options parse(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "exact", no_argument, NULL, 'e' },
		{ "list", no_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "trace", required_argument, NULL, 't' },
		{ "count", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options o = { .count = 100 };
	int c;

	while ((c = getopt_long(argc, argv, "elo:t:n:h", longs, NULL)) != -1) {
		switch (c) {
		case 'e':
			o.exact = true;
			break;
		case 'l':
			list();
			exit(0);
		case 'o':
			o.only = workload_of(optarg)->key;
			break;
		case 't':
			o.trace = optarg;
			break;
		case 'n':
			o.count = strtoul(optarg, NULL, 10);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			fputs(help, stderr);
			exit(EXIT_BROKEN);
		}
	}
	return o;
}

static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
}

int main(int argc, char *argv[])
{
	struct options o = parse(argc, argv);
	unsigned int missed;

	stay_on_one_cpu();
	chanctl = open("/dev/chanctl", O_RDWR | O_CLOEXEC);
	if (chanctl < 0)
		die("/dev/chanctl");
	if (o.trace) {
		trace(workload_of(o.trace), o.count);
		return 0;
	}
	missed = report_all(o.only, o.exact);
	if (missed)
		printf("\n%u goal%s not met\n", missed, missed == 1 ? "" : "s");
	else if (o.exact)
		printf("\nall goals met\n");
	return missed ? EXIT_MISSED : 0;
}
