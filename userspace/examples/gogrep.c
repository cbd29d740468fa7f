// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A concurrent grep: one goroutine walks, several search, and what they find is printed in
 * the order of the walk, as soon as it is found.
 *
 * It shows channels in elements of channels. Each file goes out twice: to whoever searches
 * next, and to the printer's queue; with it goes the channel on which its lines will come.
 * So the printer takes file after file as they were found, while others are searched ahead
 * of it, as many as the queue has room for: nobody collects what isn't printed yet.
 */
#include <argp.h>
#include <err.h>
#include <fcntl.h>
#include <fts.h>
#include <gochan.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEARCHERS	8

struct file {
	char *path;
	chan(char *) lines;
};

struct text {
	char *bytes;
	size_t size;
};

static struct {
	char **paths;
	regex_t pattern;
	const char *source;
	int flags;
	bool found, failed;
} grep = { .flags = REG_NEWLINE };

static void complain(const char *path, int error)
{
	__atomic_store_n(&grep.failed, true, __ATOMIC_RELAXED);
	fprintf(stderr, "gogrep: %s: %s\n", path, strerror(error));
}

static void *memory(void *p)
{
	if (!p)
		errx(2, "no memory");
	return p;
}

/*
 * Walk
 */

static void announce(const FTSENT *entry, send_chan(struct file) files,
		     send_chan(struct file) queue)
{
	struct file f = { memory(strdup(entry->fts_path)), go_make(char *, 16) };

	chan_ref(f.lines);	/* each of the two lets go of it */
	go_send(queue, f);
	go_send(files, f);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void walk_one(char *path, send_chan(struct file) files, send_chan(struct file) queue)
{
	char *paths[] = { path, NULL };
	FTS *fts = memory(fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name));
	FTSENT *entry = NULL;

	for (;;) {
		go_block
			entry = fts_read(fts);
		if (!entry)
			break;
		if (entry->fts_info == FTS_F)
			announce(entry, files, queue);
		else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS ||
			 entry->fts_info == FTS_ERR)
			complain(entry->fts_path, entry->fts_errno);
	}
	fts_close(fts);
}

go_func(walk, (send_chan(struct file), files), (send_chan(struct file), queue),
	(struct go_wait_group *, all))
{
	char **path;

	for (path = grep.paths; *path; path++)
		walk_one(*path, files, queue);
	go_close(files);
	go_close(queue);
	go_wait_group_done(all);
}

/*
 * Search
 */

static int read_all(int fd, struct text *t)
{
	size_t room = 0;
	ssize_t n;

	do {
		if (t->size == room) {
			room = room ? 2 * room : 65536;
			t->bytes = memory(realloc(t->bytes, room));
		}
		n = read(fd, t->bytes + t->size, room - t->size);
		t->size += n > 0 ? n : 0;
	} while (n > 0);
	return n < 0 ? errno : 0;
}

/* errno is the thread's, and a thread is a goroutine's only as long as it is in go_block. */
static int read_file(const char *path, struct text *t)
{
	int error = 0;

	go_block {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		error = fd < 0 ? errno : read_all(fd, t);
		if (fd >= 0)
			close(fd);
	}
	return error;
}

static void search(const struct file *f, const struct text *t)
{
	size_t begin, end, n = 0;
	char *line;

	for (begin = 0; begin < t->size; begin = end + 1) {
		const char *newline = memchr(t->bytes + begin, '\n', t->size - begin);
		regmatch_t where = { .rm_so = begin };

		end = newline ? (size_t)(newline - t->bytes) : t->size;
		where.rm_eo = end;
		n++;
		if (regexec(&grep.pattern, t->bytes, 1, &where, REG_STARTEND))
			continue;
		if (asprintf(&line, "%s:%zu:%.*s", f->path, n, (int)(end - begin),
			     t->bytes + begin) < 0)
			memory(NULL);
		go_send(f->lines, line);
	}
}

go_func(searcher, (recv_chan(struct file), files), (struct go_wait_group *, all))
{
	go_range(f, files) {
		struct text t = { 0 };
		int error = read_file(f.path, &t);

		if (error)
			complain(f.path, error);
		else if (t.size && !memchr(t.bytes, 0, t.size))
			search(&f, &t);
		free(t.bytes);
		go_close(f.lines);
		chan_unref(f.lines);
	}
	go_wait_group_done(all);
}

/*
 * Print
 */

static void program(void *arg)
{
	chan(struct file) files = go_make(struct file), queue = go_make(struct file, 64);
	struct go_wait_group all = { 0 };
	int i;

	(void)arg;
	go_wait_group_add(&all, 1 + SEARCHERS);
	go(walk, send_only(files), send_only(queue), &all);
	for (i = 0; i < SEARCHERS; i++)
		go(searcher, recv_only(files), &all);
	go_range(f, queue) {
		go_range(line, f.lines) {
			puts(line);
			free(line);
			grep.found = true;
		}
		chan_unref(f.lines);
		free(f.path);
	}
	/* They may still be in their last calls. */
	go_wait_group_wait(&all);
	chan_unref(files);
	chan_unref(queue);
}

static error_t option(int key, char *arg, struct argp_state *state)
{
	static char *here[] = { ".", NULL };

	switch (key) {
	case 'i':
		grep.flags |= REG_ICASE;
		return 0;
	case 'E':
		grep.flags |= REG_EXTENDED;
		return 0;
	case ARGP_KEY_ARG:
		if (grep.source)
			return ARGP_ERR_UNKNOWN;
		grep.source = arg;
		return 0;
	case ARGP_KEY_ARGS:
		grep.paths = state->argv + state->next;
		return 0;
	case ARGP_KEY_END:
		if (!grep.source)
			argp_usage(state);
		if (!grep.paths)
			grep.paths = here;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char *argv[])
{
	static const struct argp_option options[] = {
		{ "ignore-case", 'i', NULL, 0, "Let case not matter", 0 },
		{ "extended-regexp", 'E', NULL, 0, "The pattern is an extended one", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = option, .args_doc = "PATTERN [FILE...]",
		.doc = "Print the lines with PATTERN of each FILE, and of the files in it if it "
		       "is a folder, as grep -rn does; of the current one if none is named.\v"
		       "Files with zero bytes are left out. The status is 0 if a line was "
		       "found, 1 if none was, 2 after an error.",
	};
	/* regexec() takes more of a stack than goroutines have by default. */
	const struct go_options stacks = { .size = sizeof(stacks), .stack_size = 1 << 18 };
	char why[256];
	int r;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	r = regcomp(&grep.pattern, grep.source, grep.flags);
	if (r) {
		regerror(r, &grep.pattern, why, sizeof(why));
		errx(2, "%s: %s", grep.source, why);
	}
	r = go_init(&stacks);
	if (r)
		errx(2, "goroutines: %s", strerror(-r));
	go_run(program, NULL);
	regfree(&grep.pattern);
	return __atomic_load_n(&grep.failed, __ATOMIC_RELAXED) ? 2 : grep.found ? 0 : 1;
}
