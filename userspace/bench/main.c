// SPDX-License-Identifier: GPL-2.0
/*
 * bench - what channels cost, beside what else there is for the job
 *
 * Runs workloads over peers (bench.h) and prints records, for report.c:
 *
 *   machine RELEASE ARCHITECTURE CPUS MODE
 *   processor WHAT IT CALLS ITSELF
 *   workload KEY UNIT WHAT IT DOES
 *   peer NAME WHAT IT IS
 *   row KEY PEER MEDIAN LOW HIGH RATIO LOW HIGH CPU NOTE
 *
 * MODE is exact or timed. LOW and HIGH are quartiles. RATIO is to a pipe, sample by
 * sample: timed, all peers take turns, so that what the machine does meanwhile meets them
 * alike; where the clock counts instructions they come one after the other, undisturbed.
 * CPU is the processors' time of an operation, where processes share the work, else 0.
 * NOTE is "more-room" if the peer buffers more than the workload asks for and so waits
 * less, else "-".
 *
 * An operation's figure has in it all that a caller pays: the loop, a call by a pointer,
 * the C library's wrapper and the system calls, with the kernel's way in and out.
 * Nothing is subtracted. The row getppid tells how much of it is the floor.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

#define PEERS_MAX	32
#define SAMPLES_MAX	64

void die(const char *format, ...)
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

static const struct peer *peers[PEERS_MAX];
static unsigned int n_peers;

void peer_add(const struct peer *p)
{
	if (n_peers == PEERS_MAX)
		die("too many peers");
	peers[n_peers++] = p;
}

static const struct workload *const groups[] = {
	sendrecv_workloads, pingpong_workloads, ready_workloads, make_workloads,
	crowd_workloads, wake_workloads, memory_workloads,
};

/**
 * struct options - what is asked for
 * @exact: the clock counts instructions, and there is one processor
 * @workload: only this one, or NULL
 * @peers: only those, a list with commas, or NULL
 * @without: not those
 * @trace: only run, for a profile
 * @count: so many operations, with @trace; 0: as many as in a sample
 */
struct options {
	bool exact;
	const char *workload;
	const char *peers;
	const char *without;
	bool trace;
	unsigned long count;
};

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, name, n) && (!list[n] || list[n] == ','))
			return true;
	}
	return false;
}

static bool possible(const struct options *o, const struct workload *w, const struct peer *p)
{
	if (o->workload && strcmp(o->workload, w->key))
		return false;
	if ((o->peers && !in_list(o->peers, p->name)) || in_list(o->without, p->name))
		return false;
	if (w->timed_only && o->exact)
		return false;
	if (p->variant && !w->variants)
		return false;
	if (w->size > p->size_max || w->size < p->only || (p->there && !p->there()))
		return false;
	if (p->fits && !p->fits(size_of(w, p), w->capacity))
		return false;
	return !w->can || w->can(w, p);
}

/*
 * Measuring
 */

/**
 * struct course - a workload over a peer, and what came of it
 * @run: at work
 * @loops: operations of a sample
 * @n: samples
 * @figure: of each sample, per operation
 * @cpu: the same of the processors' time
 */
struct course {
	struct run run;
	unsigned long loops;
	unsigned int n;
	double figure[SAMPLES_MAX];
	double cpu[SAMPLES_MAX];
};

static void course_begin(struct course *c, const struct workload *w, const struct peer *p)
{
	memset(c, 0, sizeof(*c));
	c->run.w = w;
	c->run.p = p;
	c->loops = w->loops;
	if (w->begin)
		w->begin(&c->run);
}

static void course_sample(struct course *c)
{
	const struct workload *w = c->run.w;
	int64_t start;

	if (w->prepare)
		w->prepare(&c->run, c->loops);
	start = now();
	w->loop(&c->run, c->loops);
	c->figure[c->n] = (double)(now() - start) / c->loops;
	c->cpu[c->n] = (double)c->run.cpu / c->loops;
	c->n++;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/**
 * struct spread - what samples came to
 * @median: half of them are below
 * @low: a quarter are
 * @high: three quarters are
 */
struct spread {
	double median;
	double low;
	double high;
};

static struct spread spread_of(const double *figures, unsigned int n)
{
	double sorted[SAMPLES_MAX];

	memcpy(sorted, figures, n * sizeof(*figures));
	qsort(sorted, n, sizeof(*sorted), compare_doubles);
	return (struct spread){ sorted[n / 2], sorted[n / 4], sorted[n - 1 - n / 4] };
}

static struct spread ratio_to(const struct course *c, const struct course *pipe)
{
	double ratio[SAMPLES_MAX];
	unsigned int i;

	if (!pipe)
		return (struct spread){ };
	for (i = 0; i < c->n; i++)
		ratio[i] = c->figure[i] / pipe->figure[i];
	return spread_of(ratio, c->n);
}

static const char *note(const struct workload *w, const struct peer *p)
{
	return w->waits && (w->capacity < p->capacity_min ||
			    w->capacity * size_of(w, p) < p->bytes_min) ? "more-room" : "-";
}

static void print_row(const struct course *c, const struct course *pipe)
{
	const struct workload *w = c->run.w;
	const struct peer *p = c->run.p;
	struct spread s = spread_of(c->figure, c->n), r = ratio_to(c, pipe);

	printf("row %s %s %.2f %.2f %.2f %.4f %.4f %.4f %.2f %s\n", w->key, p->name,
	       s.median, s.low, s.high, r.median, r.low, r.high,
	       spread_of(c->cpu, c->n).median,
	       note(w, p));
}

static const struct course *find_pipe(const struct course *c, unsigned int n)
{
	while (n--)
		if (!strcmp(c[n].run.p->name, "pipe"))
			return &c[n];
	return NULL;
}

#define WARMUP		2	/* samples thrown away */
#define TIMED_SAMPLES	21	/* where samples are time: so many */
#define TIMED_LEAST	5	/* but only so many when they have taken */
#define TIMED_ENOUGH	3000000000	/* so many nanoseconds */
#define TIMED_LONG	100000000	/* a sample that takes so many is long */

static bool enough(const struct options *o, const struct course *c, int64_t begin)
{
	if (o->exact)
		return c->n == c->run.w->samples;
	return c->n == TIMED_SAMPLES || (c->n >= TIMED_LEAST && now() - begin > TIMED_ENOUGH);
}

/* Between processors a wakeup may take a thousand times as long as on one. */
static void shorten(struct course *c)
{
	if (c->loops < 1000)
		return;
	c->loops /= 10;
	course_sample(c);
	if (c->figure[0] * c->loops < TIMED_LONG)
		c->loops *= 10;
}

static void sample_all(const struct options *o, struct course *c, unsigned int n)
{
	const int64_t begin = now();
	unsigned int i, j;

	for (i = 0; i < n; i++)
		if (!o->exact && c[i].run.w->place != ONE_CPU)
			shorten(&c[i]);
	for (j = 0; j < WARMUP || !enough(o, c, begin); j++) {
		/* Time depends on which memory lies where: let it be another for each sample. */
		if (!o->exact)
			buffer_place(j);
		for (i = 0; i < n; i++) {
			if (j <= WARMUP)
				c[i].n = 0;
			course_sample(&c[i]);
		}
	}
}

static void course_end(struct course *c)
{
	if (c->run.w->end)
		c->run.w->end(&c->run);
}

static void take_turns(const struct options *o, const struct workload *w,
		       const struct peer *const *which, struct course *courses, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		course_begin(&courses[i], w, which[i]);
	sample_all(o, courses, n);
	for (i = 0; i < n; i++)
		course_end(&courses[i]);
}

static void measure(const struct options *o, const struct workload *w,
		    const struct peer *const *which, unsigned int n)
{
	static struct course courses[PEERS_MAX];
	unsigned int i;

	if (o->exact)
		for (i = 0; i < n; i++)
			take_turns(o, w, &which[i], &courses[i], 1);
	else
		take_turns(o, w, which, courses, n);
	for (i = 0; i < n; i++)
		print_row(&courses[i], find_pipe(courses, n));
}

/* A figure that is not a time, and comes out the same each time. */
static void measure_otherwise(const struct workload *w, const struct peer *const *which,
			      unsigned int n)
{
	double figure[PEERS_MAX], pipe = 0, ratio;
	unsigned int i;

	for (i = 0; i < n; i++) {
		figure[i] = w->measure(w, which[i]);
		if (!strcmp(which[i]->name, "pipe"))
			pipe = figure[i];
	}
	for (i = 0; i < n; i++) {
		ratio = pipe ? figure[i] / pipe : 0;
		printf("row %s %s %.2f %.2f %.2f %.4f %.4f %.4f 0 %s\n", w->key, which[i]->name,
		       figure[i], figure[i], figure[i], ratio, ratio, ratio, note(w, which[i]));
	}
}

static void run(const struct options *o, const struct workload *w)
{
	const struct peer *which[PEERS_MAX];
	unsigned int i, n = 0;

	for (i = 0; i < n_peers; i++)
		if (possible(o, w, peers[i]))
			which[n++] = peers[i];
	if (!n)
		return;
	printf("workload %s %s %s\n", w->key, w->unit ? w->unit : "time", w->what);
	fflush(stdout);
	if (w->place != ALL_CPUS)
		pin(0);
	set_batch(w->batch);
	if (w->measure)
		measure_otherwise(w, which, n);
	else
		measure(o, w, which, n);
	set_batch(false);
	unpin();
	fflush(stdout);
}

static void for_all(const struct options *o,
		    void (*fn)(const struct options *o, const struct workload *w))
{
	const struct workload *w;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		for (w = groups[i]; w->key; w++)
			fn(o, w);
}

static void print_processor(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10) || !strchr(line, ':'))
			continue;
		printf("processor%s", strchr(line, ':') + 1);
		break;
	}
	if (f)
		fclose(f);
}

static void print_machine(const struct options *o)
{
	struct utsname u;
	unsigned int i;

	uname(&u);
	printf("machine %s %s %u %s\n", u.release, u.machine, cpus(), o->exact ? "exact" : "timed");
	print_processor();
	for (i = 0; i < n_peers; i++)
		printf("peer %s %s%s\n", peers[i]->name, peers[i]->what,
		       peers[i]->there && !peers[i]->there() ? " (not there)" : "");
	fflush(stdout);
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

static void trace_one(const struct options *o, const struct workload *w, const struct peer *p)
{
	unsigned long n = o->count ? o->count : w->loops;
	static struct course c;

	if (w->place != ALL_CPUS)
		pin(0);
	set_batch(w->batch);
	course_begin(&c, w, p);
	if (w->prepare)
		w->prepare(&c.run, w->loops);
	w->loop(&c.run, w->loops);
	if (w->prepare)
		w->prepare(&c.run, n);
	printf("bench: ready for %lu of %s over %s\n", n, w->key, p->name);
	fflush(stdout);
	trace_begin();
	w->loop(&c.run, n);
	trace_end();
	printf("bench: done\n");
	exit(0);
}

static void trace(const struct options *o, const struct workload *w)
{
	unsigned int i;

	for (i = 0; i < n_peers; i++)
		if (possible(o, w, peers[i]) && w->loop)
			trace_one(o, w, peers[i]);
}

static void list(const struct options *o, const struct workload *w)
{
	(void)o;
	printf("%-18s %s\n", w->key, w->what);
}

static const char help[] =
"Usage: bench [OPTION]...\n"
"Measure what channels cost, beside pipes and others, and print records.\n"
"\n"
"  -e, --exact          the clock counts instructions: leave out what that can't see\n"
"  -l, --list           list workloads and peers\n"
"  -w, --workload=KEY   one workload\n"
"  -p, --peers=NAME,... these peers\n"
"  -o, --without=NAME,...  all but these\n"
"  -t, --trace          only run the workload over the peer, for a profile\n"
"  -n, --count=N        so many times (with --trace; as in a sample)\n"
"  -h, --help           this\n"
"\n"
"Exit status: 0; 2 if it could not be measured.\n";

static void print_list(void)
{
	const struct options all = { };
	unsigned int i;

	for_all(&all, list);
	printf("\n");
	for (i = 0; i < n_peers; i++)
		printf("%-18s %s\n", peers[i]->name, peers[i]->what);
}

static struct options parse(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "exact", no_argument, NULL, 'e' },
		{ "list", no_argument, NULL, 'l' },
		{ "workload", required_argument, NULL, 'w' },
		{ "peers", required_argument, NULL, 'p' },
		{ "without", required_argument, NULL, 'o' },
		{ "trace", no_argument, NULL, 't' },
		{ "count", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options o = { };
	int c;

	while ((c = getopt_long(argc, argv, "elw:p:o:tn:h", longs, NULL)) != -1) {
		switch (c) {
		case 'e':
			o.exact = true;
			break;
		case 'l':
			print_list();
			exit(0);
		case 'w':
			o.workload = optarg;
			break;
		case 'p':
			o.peers = optarg;
			break;
		case 'o':
			o.without = optarg;
			break;
		case 't':
			o.trace = true;
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

int main(int argc, char *argv[])
{
	struct options o = parse(argc, argv);

	cpus();
	buffer_begin();
	if (o.trace) {
		for_all(&o, trace);
		errno = ENOENT;
		die("workload %s over %s", o.workload, o.peers);
	}
	print_machine(&o);
	for_all(&o, run);
	return 0;
}
