// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Files of the same content: a pipeline of goroutines, as Go programs are built of them.
 *
 *   dupes FOLDER...     print them in groups, an empty line after each
 *
 * One goroutine walks the folders and sends files; several read them and send them on with
 * a digest; one collects what comes. A channel is closed when nobody will send on it any
 * more: the first by the walker, its only sender, the second when a WaitGroup says that the
 * last reader is done. Pointers go through the channels: goroutines share their memory.
 */
#include <err.h>
#include <fcntl.h>
#include <fts.h>
#include <gochan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READERS	8

struct file {
	char *path;
	off_t size;
	uint64_t digest;
};

struct list {
	struct file **files;
	size_t n;
};

static int failed;	/* atomic: some file could not be read */

static void complain(const char *path, int error)
{
	__atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
	fprintf(stderr, "dupes: %s: %s\n", path, strerror(error));
}

/* What blocks a thread stands in go_block: other goroutines go on meanwhile. */
static FTSENT *next_of(FTS *fts)
{
	FTSENT *entry = NULL;

	go_block
		entry = fts_read(fts);
	return entry;
}

static struct file *new_file(const FTSENT *entry)
{
	struct file *f = malloc(sizeof(*f));

	if (!f)
		errx(1, "no memory");
	*f = (struct file){ strdup(entry->fts_path), entry->fts_statp->st_size, 0 };
	if (!f->path)
		errx(1, "no memory");
	return f;
}

go_func(walk, (char **, folders), (send_chan(struct file *), found),
	(struct go_wait_group *, workers))
{
	FTS *fts = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	if (!fts)
		errx(1, "no memory");
	while ((entry = next_of(fts))) {
		if (entry->fts_info == FTS_F)
			go_send(found, new_file(entry));
		else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS ||
			 entry->fts_info == FTS_ERR)
			complain(entry->fts_path, entry->fts_errno);
	}
	fts_close(fts);
	go_close(found);
	go_wait_group_done(workers);
}

/* FNV-1a: quick, short, and no proof: same() has the last word. */
static int digest(struct file *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC), error = 0;
	unsigned char bytes[16384];
	ssize_t n = fd < 0 ? -1 : 1, i;

	f->digest = 0xcbf29ce484222325;
	while (n > 0) {
		n = read(fd, bytes, sizeof(bytes));
		for (i = 0; i < n; i++)
			f->digest = (f->digest ^ bytes[i]) * 0x100000001b3;
	}
	if (n < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	return error;
}

go_func(reader, (recv_chan(struct file *), found), (send_chan(struct file *), digested),
	(struct go_wait_group *, workers))
{
	int error = 0;

	go_range(f, found) {
		go_block
			error = digest(f);
		if (error)
			complain(f->path, error);
		else
			go_send(digested, f);
	}
	go_wait_group_done(workers);
}

go_func(collect, (recv_chan(struct file *), digested), (struct list *, l),
	(struct go_wait_group *, collected))
{
	go_range(f, digested) {
		l->files = reallocarray(l->files, l->n + 1, sizeof(*l->files));
		if (!l->files)
			errx(1, "no memory");
		l->files[l->n++] = f;
	}
	go_wait_group_done(collected);
}

static int compare(const void *a, const void *b)
{
	const struct file *f = *(struct file **)a, *g = *(struct file **)b;

	if (f->size != g->size)
		return f->size < g->size ? -1 : 1;
	if (f->digest != g->digest)
		return f->digest < g->digest ? -1 : 1;
	return strcmp(f->path, g->path);
}

static bool same(const struct file *f, const struct file *g)
{
	FILE *a, *b;
	int c = EOF, d = EOF;

	if (f->size != g->size || f->digest != g->digest)
		return false;
	a = fopen(f->path, "re");
	b = fopen(g->path, "re");
	if (a && b)
		do {
			c = getc_unlocked(a);
			d = getc_unlocked(b);
		} while (c == d && c != EOF);
	else
		complain(a ? g->path : f->path, errno);
	if (a)
		fclose(a);
	if (b)
		fclose(b);
	return a && b && c == d;
}

/* Each file of a group has been compared with the first of it, byte by byte. */
static void print(const struct list *l)
{
	size_t i, j, first;

	for (first = 0; first < l->n; first = j) {
		bool group = false;

		j = first + 1;
		for (i = j; i < l->n && same(l->files[first], l->files[i]); i++) {
			if (!group)
				puts(l->files[first]->path);
			puts(l->files[i]->path);
			group = true;
			j = i + 1;
		}
		if (group)
			putchar('\n');
	}
}

static void run_pipeline(char **folders, struct list *l)
{
	chan(struct file *) found = go_make(struct file *, 64);
	chan(struct file *) digested = go_make(struct file *, 64);
	struct go_wait_group workers = { 0 }, collected = { 0 };
	int i;

	go_wait_group_add(&workers, 1 + READERS);
	go_wait_group_add(&collected, 1);
	go(walk, folders, send_only(found), &workers);
	for (i = 0; i < READERS; i++)
		go(reader, recv_only(found), send_only(digested), &workers);
	go(collect, recv_only(digested), l, &collected);

	go_wait_group_wait(&workers);
	go_close(digested);
	go_wait_group_wait(&collected);
	chan_unref(found);
	chan_unref(digested);
}

static void program(void *folders)
{
	struct list l = { 0 };
	size_t i;

	run_pipeline(folders, &l);
	if (l.n)
		qsort(l.files, l.n, sizeof(*l.files), compare);
	print(&l);
	for (i = 0; i < l.n; i++) {
		free(l.files[i]->path);
		free(l.files[i]);
	}
	free(l.files);
}

int main(int argc, char *argv[])
{
	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: dupes FOLDER...\n");
		return 2;
	}
	go_run(program, argv + 1);
	return __atomic_load_n(&failed, __ATOMIC_RELAXED);
}
