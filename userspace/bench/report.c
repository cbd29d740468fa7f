// SPDX-License-Identifier: GPL-2.0
/*
 * report - make tables of the records that the benchmark's programs print
 *
 * main.c says what records are. They come on standard input, of all programs one after
 * the other. Goals and expected figures are files of one a line:
 *
 *   WORKLOAD PEER REFERENCE LIMIT MODE      a goal: the figure is LIMIT times that of
 *                                           REFERENCE at most, a peer, or another
 *                                           workload's: WORKLOAD/PEER; of "-", LIMIT itself
 *   WORKLOAD PEER FIGURE                    expected: 3 percent more are a failure
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define EXIT_MISSED	1	/* a goal is missed, or a figure is worse than expected */
#define EXIT_BROKEN	2	/* there is nothing to report, or no place for it */

#define ROWS_MAX	2048
#define WORKLOADS_MAX	256
#define PEERS_MAX	32
#define NAME_LEN	32
#define TOLERANCE	3.0	/* percent */

struct workload {
	char key[NAME_LEN];
	char unit[NAME_LEN];
	char what[128];
};

struct peer {
	char name[NAME_LEN];
	char what[128];
};

/**
 * struct row - a workload over a peer
 * @figure: median, and quartiles
 * @ratio: to a pipe; zeros if there is none
 * @cpu: processors' time, or 0
 * @more_room: the peer buffers more than the workload asks for
 */
struct row {
	char key[NAME_LEN];
	char peer[NAME_LEN];
	double figure[3];
	double ratio[3];
	double cpu;
	bool more_room;
};

static struct row rows[ROWS_MAX];
static struct workload workloads[WORKLOADS_MAX];
static struct peer peers[PEERS_MAX];
static unsigned int n_rows, n_workloads, n_peers;
static char release[64], arch[NAME_LEN], mode[NAME_LEN], processor[128] = "unknown";
static unsigned int cpus;

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "report: ");
	vfprintf(stderr, format, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(EXIT_BROKEN);
}

static FILE *open_file(const char *path, const char *how)
{
	FILE *f = fopen(path, how);

	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

/*
 * Reading
 */

static struct peer *find_peer(const char *name)
{
	unsigned int i;

	for (i = 0; i < n_peers; i++)
		if (!strcmp(peers[i].name, name))
			return &peers[i];
	return NULL;
}

static const struct workload *find_workload(const char *key)
{
	unsigned int i;

	for (i = 0; i < n_workloads; i++)
		if (!strcmp(workloads[i].key, key))
			return &workloads[i];
	return NULL;
}

static struct row *find_row(const char *key, const char *peer)
{
	unsigned int i;

	for (i = 0; i < n_rows; i++)
		if (!strcmp(rows[i].key, key) && !strcmp(rows[i].peer, peer))
			return &rows[i];
	return NULL;
}

static void read_row(const char *line)
{
	struct row *r = &rows[n_rows];
	char note[NAME_LEN];

	if (n_rows == ROWS_MAX)
		die("too many rows");
	if (sscanf(line, "row %31s %31s %lf %lf %lf %lf %lf %lf %lf %31s", r->key, r->peer,
		   &r->figure[0], &r->figure[1], &r->figure[2], &r->ratio[0], &r->ratio[1],
		   &r->ratio[2], &r->cpu, note) != 10)
		die("bad record: %s", line);
	if (find_row(r->key, r->peer))
		die("%s over %s is there twice", r->key, r->peer);
	r->more_room = !strcmp(note, "more-room");
	n_rows++;
}

static void read_workload(const char *line)
{
	struct workload *w = &workloads[n_workloads];

	if (n_workloads == WORKLOADS_MAX)
		die("too many workloads");
	if (sscanf(line, "workload %31s %31s %127[^\n]", w->key, w->unit, w->what) == 3 &&
	    !find_workload(w->key))
		n_workloads++;
}

static void read_peer(const char *line)
{
	struct peer *p = &peers[n_peers];

	if (n_peers == PEERS_MAX)
		die("too many peers");
	if (sscanf(line, "peer %31s %127[^\n]", p->name, p->what) == 2 && !find_peer(p->name))
		n_peers++;
}

/* Ratios of peers that other programs measure are those of the medians. */
static void add_ratios(void)
{
	const struct row *pipe;
	unsigned int i, j;

	for (i = 0; i < n_rows; i++) {
		pipe = find_row(rows[i].key, "pipe");
		if (!pipe || rows[i].ratio[0] || !pipe->figure[0])
			continue;
		for (j = 0; j < 3; j++)
			rows[i].ratio[j] = rows[i].figure[j] / pipe->figure[0];
	}
}

static void read_records(void)
{
	char line[512];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\r\n")] = 0;
		if (!strncmp(line, "row ", 4))
			read_row(line);
		else if (!strncmp(line, "workload ", 9))
			read_workload(line);
		else if (!strncmp(line, "peer ", 5))
			read_peer(line);
		else if (!strncmp(line, "processor ", 10))
			snprintf(processor, sizeof(processor), "%.100s", line + 10);
		else if (!release[0])
			sscanf(line, "machine %63s %31s %u %31s", release, arch, &cpus, mode);
	}
	if (!n_rows || !release[0])
		die("there is nothing to report");
	add_ratios();
}

static bool exact(void)
{
	return !strcmp(mode, "exact");
}

static const char *unit(void)
{
	return exact() ? "instructions" : "nanoseconds";
}

/*
 * Goals
 */

struct goal {
	char key[NAME_LEN];
	char peer[NAME_LEN];
	char reference[2 * NAME_LEN];
	double limit;
	char mode[NAME_LEN];
};

static struct goal goals[64];
static unsigned int n_goals;

/* A file's next line that says something; comments begin with #. */
static bool next_line(FILE *f, char *line, int size)
{
	while (fgets(line, size, f))
		if (line[0] != '#' && line[0] != '\n')
			return true;
	return false;
}

/* Those of this mode. */
static void read_goals(const char *path)
{
	FILE *f = open_file(path, "r");
	char line[256];
	struct goal *g;

	while (next_line(f, line, sizeof(line))) {
		g = &goals[n_goals];
		if (n_goals == ARRAY_SIZE(goals) ||
		    sscanf(line, "%31s %31s %63s %lf %31s", g->key, g->peer, g->reference,
			   &g->limit, g->mode) != 5)
			die("bad goal: %s", line);
		n_goals += !strcmp(g->mode, mode);
	}
	fclose(f);
}

/* How many times the reference it is, or 0 if one of them was not measured. */
static double ratio_of(const struct goal *g)
{
	const struct row *r = find_row(g->key, g->peer), *to;
	const char *slash = strchr(g->reference, '/');
	char key[NAME_LEN];

	if (!r || !strcmp(g->reference, "-"))
		return r ? r->figure[0] : 0;
	if (!strcmp(g->reference, "pipe"))
		return r->ratio[0];
	snprintf(key, sizeof(key), "%.*s", slash ? (int)(slash - g->reference) : NAME_LEN,
		 slash ? g->reference : g->key);
	to = find_row(key, slash ? slash + 1 : g->reference);
	return to && to->figure[0] ? r->figure[0] / to->figure[0] : 0;
}

static bool goal_met(const struct goal *g)
{
	return ratio_of(g) <= g->limit;
}

/* Return: how many are missed. */
static unsigned int print_goals(FILE *f, const char *format)
{
	unsigned int i, missed = 0;
	double ratio;

	for (i = 0; i < n_goals; i++) {
		ratio = ratio_of(&goals[i]);
		if (!ratio)
			continue;
		missed += !goal_met(&goals[i]);
		fprintf(f, format, goals[i].key, goals[i].peer, goals[i].reference, ratio,
			goals[i].limit, goal_met(&goals[i]) ? "met" : "NOT MET");
	}
	return missed;
}

/*
 * Figures that are expected
 */

static bool is_ours(const char *peer)
{
	return !strncmp(peer, "chan", 4);
}

static void write_expected(const char *path)
{
	FILE *f = open_file(path, "w");
	unsigned int i;

	fprintf(f, "# What channels cost in exact mode: instructions per operation, or bytes.\n"
		"# 3 percent more fail make check. Written by make bench EXPECT=write, on\n"
		"# Linux %s %s.\n", release, arch);
	for (i = 0; i < n_rows; i++)
		if (is_ours(rows[i].peer))
			fprintf(f, "%s %s %.2f\n", rows[i].key, rows[i].peer, rows[i].figure[0]);
	fclose(f);
}

/* Memory is counted by slabs' pages: 128 bytes more or less, or 5 percent, say nothing. */
static double percent_more(const struct row *r, double figure, double want)
{
	const struct workload *w = find_workload(r->key);
	const double slack = want * 0.05 > 128 ? want * 0.05 : 128;

	if (w && strcmp(w->unit, "time") && figure - want < slack && want - figure < slack)
		return 0;
	return 100 * (figure / want - 1);
}

/*
 * Some operations have two costs, as the scheduler has it, and their median may be either.
 * So a figure is worse only where three quarters of the samples are, and better likewise.
 * Return: whether it isn't worse.
 */
static bool compare(const char *key, const char *peer, double want, unsigned int number)
{
	const struct row *r = find_row(key, peer);
	bool worse, better;

	if (!r) {
		printf("not ok %u %s %s: not measured\n", number, key, peer);
		return false;
	}
	worse = percent_more(r, r->figure[1], want) > TOLERANCE;
	better = percent_more(r, r->figure[2], want) < -TOLERANCE;
	printf("%sok %u %s %s: %.2f, %+.2f %% of %.2f%s\n", worse ? "not " : "", number, key, peer,
	       r->figure[0], percent_more(r, r->figure[0], want), want,
	       better ? ": better; make bench EXPECT=write" : "");
	return !worse;
}

/* Rows of ours that nobody expects would never be held to anything. */
static unsigned int count_unexpected(bool known[])
{
	unsigned int i, n = 0;

	for (i = 0; i < n_rows; i++) {
		if (!is_ours(rows[i].peer) || known[i])
			continue;
		printf("not ok %s %s: not expected: make bench EXPECT=write\n", rows[i].key,
		       rows[i].peer);
		n++;
	}
	return n;
}

/* TAP. Return: how many are worse. */
static unsigned int compare_expected(const char *path)
{
	static bool known[ROWS_MAX];
	FILE *f = open_file(path, "r");
	char line[256], key[NAME_LEN], peer[NAME_LEN];
	unsigned int n = 0, worse = 0;
	double want;

	printf("TAP version 13\n");
	while (next_line(f, line, sizeof(line))) {
		if (sscanf(line, "%31s %31s %lf", key, peer, &want) != 3)
			die("%s: bad line: %s", path, line);
		worse += !compare(key, peer, want, ++n);
		if (find_row(key, peer))
			known[find_row(key, peer) - rows] = true;
	}
	fclose(f);
	return worse + count_unexpected(known);
}

/*
 * Tables
 */

/* The order of columns; other peers come after. */
static const char *const order[] = {
	"chan", "pipe", "mq", "seqpacket", "eventfd", "futex", "slot", "go", "go-threads", "zmq",
	"python", "pipe-packet", "pipe-iov", "chan-ioctl", "chan-message", "chan-iov",
};

static bool has_rows(const char *peer)
{
	unsigned int i;

	for (i = 0; i < n_rows; i++)
		if (!strcmp(rows[i].peer, peer))
			return true;
	return false;
}

static unsigned int columns(const char *names[])
{
	unsigned int i, j, n = 0;

	for (i = 0; i < ARRAY_SIZE(order); i++)
		if (has_rows(order[i]))
			names[n++] = order[i];
	for (i = 0; i < n_peers; i++) {
		for (j = 0; j < ARRAY_SIZE(order) && strcmp(order[j], peers[i].name); j++)
			;
		if (j == ARRAY_SIZE(order) && has_rows(peers[i].name))
			names[n++] = peers[i].name;
	}
	return n;
}

static double spread(const struct row *r)
{
	return r->figure[0] ? 100 * (r->figure[2] - r->figure[1]) / r->figure[0] : 0;
}

static void print_summary(void)
{
	const struct row *chan, *pipe;
	unsigned int i;

	printf("Linux %s %s, %u processor%s: %s per operation, medians\n\n", release, arch, cpus,
	       cpus == 1 ? "" : "s", unit());
	printf("%-18s %12s %7s %12s %6s  quartiles\n", "workload", "chan", "spread", "pipe",
	       "ratio");
	for (i = 0; i < n_workloads; i++) {
		chan = find_row(workloads[i].key, "chan");
		pipe = find_row(workloads[i].key, "pipe");
		if (!chan)
			continue;
		printf("%-18s %12.1f %6.2f%%", workloads[i].key, chan->figure[0], spread(chan));
		if (pipe)
			printf(" %12.1f %6.3f  %.3f..%.3f", pipe->figure[0], chan->ratio[0],
			       chan->ratio[1], chan->ratio[2]);
		printf("\n");
	}
}

static void md_head(FILE *f, const char *first, const char *names[], unsigned int n)
{
	unsigned int i;

	fprintf(f, "| %s |", first);
	for (i = 0; i < n; i++)
		fprintf(f, " %s |", names[i]);
	fprintf(f, "\n| --- |");
	for (i = 0; i < n; i++)
		fprintf(f, " ---: |");
	fprintf(f, "\n");
}

static void md_figure(FILE *f, const struct row *r)
{
	fprintf(f, " %.*f%s |", r->figure[0] < 100 && r->figure[0] ? 1 : 0, r->figure[0],
		r->more_room ? "\\*" : "");
}

static void md_ratio(FILE *f, const struct row *r)
{
	if (!r->ratio[0])
		fprintf(f, " |");
	else if (exact())
		fprintf(f, " %.2f |", r->ratio[0]);
	else
		fprintf(f, " %.2f (%.2f–%.2f) |", r->ratio[0], r->ratio[1], r->ratio[2]);
}

static void md_cpu(FILE *f, const struct row *r)
{
	if (r->cpu)
		fprintf(f, " %.0f |", r->cpu);
	else
		fprintf(f, " |");
}

static bool any_cpu(const char *key)
{
	unsigned int i;

	for (i = 0; i < n_rows; i++)
		if (!strcmp(rows[i].key, key) && rows[i].cpu)
			return true;
	return false;
}

static void md_table(FILE *f, void (*cell)(FILE *f, const struct row *r))
{
	const char *names[PEERS_MAX];
	unsigned int i, j, n = columns(names);
	const struct row *r;

	md_head(f, "workload", names, n);
	for (i = 0; i < n_workloads; i++) {
		if (cell == md_cpu && !any_cpu(workloads[i].key))
			continue;
		fprintf(f, "| %s%s |", workloads[i].key,
			!strcmp(workloads[i].unit, "time") ? "" : ", bytes");
		for (j = 0; j < n; j++) {
			r = find_row(workloads[i].key, names[j]);
			if (r)
				cell(f, r);
			else
				fprintf(f, " |");
		}
		fprintf(f, "\n");
	}
	fprintf(f, "\n");
}

static const char exact_says[] =
"One virtual processor whose clock counts instructions (QEMU's -icount), mitigations off.\n"
"The figures repeat, but they are not time: what they can't see are cache misses, branches\n"
"predicted wrongly, the price of a locked instruction or of a page table switch, copies by\n"
"fast strings (the processor there has none, so that a copy counts by its words), mitigations,\n"
"and all that two processors do to each other. Where processes wake each other, the\n"
"scheduler's choice of who runs is in the figure.\n";

static const char timed_says[] =
"Time, as the machine had it. What compares are the ratios: all peers of one program took\n"
"turns, sample by sample; of those of other programs (go, zmq, python) they are ratios of\n"
"medians. In parentheses the quartiles. An emulated processor (QEMU without KVM) has its own\n"
"prices: fences and locks are dear there, caches cost nothing.\n";

static void md_lists(FILE *f)
{
	unsigned int i;

	fprintf(f, "## Workloads\n\n");
	for (i = 0; i < n_workloads; i++)
		fprintf(f, "- %s: %s\n", workloads[i].key, workloads[i].what);
	fprintf(f, "\n## Peers\n\n");
	for (i = 0; i < n_peers; i++)
		fprintf(f, "- %s: %s\n", peers[i].name, peers[i].what);
}

static void write_markdown(const char *path, const char *plot)
{
	FILE *f = open_file(path, "w");
	time_t t = time(NULL);
	char date[32];

	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&t));
	fprintf(f, "# What channels cost\n\nLinux %s %s, %u processor%s (%s), %s.\n"
		"Per operation, %s, medians. \\* the peer buffers more than the\n"
		"workload asks for, and so waits less.\n\n%s\n", release, arch, cpus, cpus == 1 ? "" : "s", processor, date, unit(),
		exact() ? exact_says : timed_says);
	if (plot)
		fprintf(f, "![Ratios to a pipe](%s)\n\n", plot);
	md_table(f, md_figure);
	fprintf(f, "## Ratio to a pipe\n\n");
	md_table(f, md_ratio);
	fprintf(f, "## Processors' time per element\n\nOf all processes together, %s.\n\n",
		unit());
	md_table(f, md_cpu);
	if (n_goals) {
		fprintf(f, "## Goals\n\n| workload | peer | to | is | goal | |\n"
			"| --- | --- | --- | ---: | ---: | --- |\n");
		print_goals(f, "| %s | %s | %s | %.3f | %.2f | %s |\n");
		fprintf(f, "\n");
	}
	md_lists(f);
	fclose(f);
}

static unsigned int without_variants(const char *names[], unsigned int n)
{
	unsigned int i, left = 0;

	for (i = 0; i < n; i++)
		if (strncmp(names[i], "chan-", 5) && strncmp(names[i], "pipe-", 5))
			names[left++] = names[i];
	return left;
}

/* What plot.gp draws: of each workload that people ask about the ratio of each peer. */
static void write_plot(const char *path)
{
	static const char *const shown[] = {
		"sendrecv-64", "sendrecv-4096", "batch-64", "pingpong-0", "pingpong-16",
		"ready-8", "make-0", "spsc-1024", "mpmc-1024", "half-full-16",
	};
	FILE *f = open_file(path, "w");
	const char *names[PEERS_MAX];
	unsigned int i, j, n = columns(names);
	const struct row *r;

	n = without_variants(names, n);
	fprintf(f, "workload");
	for (j = 0; j < n; j++)
		fprintf(f, "\t%s", names[j]);
	fprintf(f, "\n");
	for (i = 0; i < ARRAY_SIZE(shown); i++) {
		if (!find_row(shown[i], "chan"))
			continue;
		fprintf(f, "%s", shown[i]);
		for (j = 0; j < n; j++) {
			r = find_row(shown[i], names[j]);
			if (r && r->ratio[0])
				fprintf(f, "\t%.4f", r->ratio[0]);
			else
				fprintf(f, "\tNaN");
		}
		fprintf(f, "\n");
	}
	fclose(f);
}

static const char help[] =
"Usage: report [OPTION]... <RECORDS\n"
"\n"
"  -g, --goals=FILE     hold the figures against these goals\n"
"  -e, --expected=FILE  and against these figures; prints TAP\n"
"  -w, --write=FILE     write such a file of expected figures\n"
"  -m, --markdown=FILE  write all tables there\n"
"  -p, --plot=FILE      write what plot.gp draws there\n"
"  -i, --image=NAME     what it draws is in this file\n"
"  -h, --help           this\n"
"\n"
"Exit status: 0; 1 if a goal is missed or a figure worse than expected; 2: nothing to report.\n";

struct options {
	const char *goals;
	const char *expected;
	const char *write;
	const char *markdown;
	const char *plot;
	const char *image;
};

static struct options parse(int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "goals", required_argument, NULL, 'g' },
		{ "expected", required_argument, NULL, 'e' },
		{ "write", required_argument, NULL, 'w' },
		{ "markdown", required_argument, NULL, 'm' },
		{ "plot", required_argument, NULL, 'p' },
		{ "image", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options o = { };
	int c;

	while ((c = getopt_long(argc, argv, "g:e:w:m:p:i:h", longs, NULL)) != -1) {
		switch (c) {
		case 'g':
			o.goals = optarg;
			break;
		case 'e':
			o.expected = optarg;
			break;
		case 'w':
			o.write = optarg;
			break;
		case 'm':
			o.markdown = optarg;
			break;
		case 'p':
			o.plot = optarg;
			break;
		case 'i':
			o.image = optarg;
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
	unsigned int missed = 0, worse = 0;

	read_records();
	print_summary();
	if (o.goals) {
		read_goals(o.goals);
		printf("\n%-18s %-12s %-18s %8s %8s\n", "goal of", "", "to", "is", "at most");
		missed = print_goals(stdout, "%-18s %-12s %-18s %8.3f %8.2f  %s\n");
	}
	if (o.write)
		write_expected(o.write);
	if (o.expected) {
		printf("\n");
		worse = compare_expected(o.expected);
	}
	if (o.markdown)
		write_markdown(o.markdown, o.image);
	if (o.plot)
		write_plot(o.plot);
	printf("\n%u goals not met, %u figures worse than expected\n", missed, worse);
	return missed || worse ? EXIT_MISSED : 0;
}
