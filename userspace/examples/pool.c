// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Checksums of files, as cksum(1) prints them, by a pool of processes any of which may be
 * killed at any moment.
 *
 * It shows channels without names that processes share through fork(2), one select that
 * sends, receives and waits for processes, and what a death costs:
 *
 * - Who is killed while it waits for a job loses nothing. What it was being handed goes
 *   back into the channel; what it was about to send was never sent.
 * - Who is killed over a job takes that with it: of what a process has received its channel
 *   knows nothing. So the parent keeps a list. A worker says what it has taken before it
 *   begins, and when it dies another one gets that. Between the two it may die as well:
 *   then all jobs that nobody has said to have are given out again. So no job is lost, but
 *   a file may be read twice; the first sum of it is the one that counts.
 *
 * If the parent is killed, its workers end by themselves: the channel of jobs closes and
 * that of reports hangs up when nobody is there any more.
 */
#include <argp.h>
#include <err.h>
#include <fcntl.h>
#include <gochan.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES	3	/* so many workers may die over the same file */

enum state { WAITS, GIVEN, TAKEN, DONE };

/* What a worker says: that it has taken a file, or what became of it. */
struct report {
	int worker, file;
	enum state state;
	int error;
	uint32_t crc;
	uint64_t size;
};

struct file {
	const char *name;
	enum state state;
	int worker, deaths;
	struct report sum;
};

struct worker {
	pid_t pid;
	int pidfd;
};

static struct file *files;
static struct worker *workers;
static int n_files, n_workers = 4, verbose;

/* The two ends of each channel; a process keeps those that it needs. */
static recv_chan(int) jobs_in;
static send_chan(int) jobs_out;
static recv_chan(struct report) reports_in;
static send_chan(struct report) reports_out;

/*
 * A worker
 */

/* The CRC of POSIX, bit by bit; then come the bytes of the length. */
static uint32_t crc_of(uint32_t crc, const unsigned char *bytes, size_t n)
{
	int bit;

	while (n--) {
		crc ^= (uint32_t)*bytes++ << 24;
		for (bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
	}
	return crc;
}

static void sum(const char *name, struct report *r)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	unsigned char bytes[65536];
	ssize_t n = fd < 0 ? -1 : 1;
	uint64_t size;

	while (n > 0) {
		n = read(fd, bytes, sizeof(bytes));
		if (n > 0) {
			r->crc = crc_of(r->crc, bytes, n);
			r->size += n;
		}
	}
	r->error = n < 0 ? errno : 0;
	for (size = r->size; size; size >>= 8)
		r->crc = crc_of(r->crc, &(unsigned char){ size & 0xff }, 1);
	r->crc = ~r->crc;
	if (fd >= 0)
		close(fd);
}

static void report(struct report r)
{
	if (chan_send(reports_out, r))
		_exit(1);	/* the parent has gone */
}

static void work(int worker)
{
	go_range(i, jobs_in) {
		report((struct report){ worker, i, TAKEN, 0, 0, 0 });
		if (verbose)
			fprintf(stderr, "pool: worker %d takes %s\n", getpid(), files[i].name);
		struct report r = { worker, i, DONE, 0, 0, 0 };

		sum(files[i].name, &r);
		report(r);
	}
}

static void start(int worker)
{
	struct worker *w = &workers[worker];

	w->pid = fork();
	if (w->pid < 0)
		err(1, "fork");
	if (!w->pid) {
		jobs_out = chan_unref(jobs_out);
		reports_in = chan_unref(reports_in);
		work(worker);
		_exit(0);
	}
	w->pidfd = pidfd_open(w->pid, 0);
	if (w->pidfd < 0)
		err(1, "pidfd_open");
}

/*
 * The parent
 */

static void finish(struct file *f, const struct report *r)
{
	f->state = DONE;
	f->sum = *r;
}

static void note(const struct report *r)
{
	struct file *f = &files[r->file];

	if (f->state == DONE)
		return;		/* given out twice */
	if (r->state == DONE)
		finish(f, r);
	f->state = r->state;
	f->worker = r->worker;
}

/* What the dead one has said still counts; what it had is given out again. */
static void replace(int worker)
{
	struct worker *w = &workers[worker];
	struct report r;
	struct file *f;

	while (chan_recv_try(reports_in, &r) == 1)
		note(&r);
	for (f = files; f < files + n_files; f++) {
		bool had = f->state == TAKEN && f->worker == worker;

		if (had && ++f->deaths == TRIES)
			finish(f, &(struct report){ .error = EOWNERDEAD });
		else if (had || f->state == GIVEN)
			f->state = WAITS;
	}
	waitpid(w->pid, NULL, 0);
	close(w->pidfd);
	fprintf(stderr, "pool: worker %d has died; another takes its place\n", w->pid);
	start(worker);
}

/* The first file of a state, or -1. */
static int find(enum state state)
{
	int i;

	for (i = 0; i < n_files; i++)
		if (files[i].state == state)
			return i;
	return -1;
}

static bool all_done(void)
{
	return find(WAITS) < 0 && find(GIVEN) < 0 && find(TAKEN) < 0;
}

static void give_out_all(void)
{
	while (!all_done()) {
		int i, next = find(WAITS);
		struct report r;

		go_select {
			/* A nil channel is never ready: there is nothing to give. */
			go_case_send(next < 0 ? NULL : jobs_out, next)
				files[next].state = GIVEN;
			go_case_recv(reports_in, &r)
				note(&r);
			for (i = 0; i < n_workers; i++)
				go_case_fd(workers[i].pidfd, POLLIN)
					replace(i);
		}
	}
}

static int print(void)
{
	int i, failed = 0;

	for (i = 0; i < n_files; i++) {
		const struct report *r = &files[i].sum;

		if (!r->error) {
			printf("%u %ju %s\n", r->crc, (uintmax_t)r->size, files[i].name);
			continue;
		}
		failed = 1;
		if (r->error == EOWNERDEAD)
			warnx("%s: %d workers have died over it", files[i].name, TRIES);
		else
			warnx("%s: %s", files[i].name, strerror(r->error));
	}
	return failed;
}

static void must(int r, const char *what)
{
	if (r < 0)
		errx(1, "%s: %s", what, chan_strerror(r));
}

static void make_channels(void)
{
	chan(int) jobs;
	chan(struct report) reports;

	must(chan_make(int, &jobs, .flags = CHAN_AUTOCLOSE), "make");
	must(chan_make(struct report, &reports, .flags = CHAN_HANGUP, .cap = 64), "make");
	must(chan_narrow(&jobs_in, jobs, O_RDONLY), "narrow");
	must(chan_narrow(&jobs_out, jobs, O_WRONLY), "narrow");
	must(chan_narrow(&reports_in, reports, O_RDONLY), "narrow");
	must(chan_narrow(&reports_out, reports, O_WRONLY), "narrow");
	chan_unref(jobs);
	chan_unref(reports);
}

static error_t option(int key, char *arg, struct argp_state *state)
{
	char *end;
	long n;

	switch (key) {
	case 'w':
		n = strtol(arg, &end, 10);
		if (*end || n < 1 || n > 64)
			argp_error(state, "workers are 1 to 64, not '%s'", arg);
		n_workers = n;
		return 0;
	case 'v':
		verbose = 1;
		return 0;
	case ARGP_KEY_ARGS:
		n_files = state->argc - state->next;
		files = calloc(n_files, sizeof(*files));
		if (!files)
			err(1, NULL);
		for (int i = 0; i < n_files; i++)
			files[i].name = state->argv[state->next + i];
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char *argv[])
{
	static const struct argp_option options[] = {
		{ "workers", 'w', "N", 0, "So many processes (4)", 0 },
		{ "verbose", 'v', NULL, 0, "Tell who takes which file", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = option, .args_doc = "FILE...",
		.doc = "Print the checksum of each FILE, as cksum(1) does, by processes that "
		       "may be killed.",
	};
	int i;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	make_channels();
	workers = calloc(n_workers, sizeof(*workers));
	if (!workers)
		err(1, NULL);
	for (i = 0; i < n_workers; i++)
		start(i);
	give_out_all();
	go_close(jobs_out);
	for (i = 0; i < n_workers; i++)
		waitpid(workers[i].pid, NULL, 0);
	return print();
}
