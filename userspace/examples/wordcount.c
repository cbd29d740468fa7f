// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Count words with processes that share nothing but channels.
 *
 *   wordcount reader FILE LINES         send each line, then close
 *   wordcount worker LINES WORDS DONE   split lines into words until LINES ends, then say so
 *   wordcount closer DONE N WORDS       when N workers are done nobody sends words: close
 *   wordcount merger WORDS              count the words until WORDS ends, and print
 *
 * LINES and WORDS are channels of messages, DONE one of elements of 0 bytes, as Go's
 * chan struct{}. Any number of workers may run, anywhere on the machine.
 */
#include <ctype.h>
#include <errno.h>
#include <libchan.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "wordcount: %s: %s\n", what, chan_strerror(r));
	exit(1);
}

static void *check_memory(void *p)
{
	if (!p)
		check(-ENOMEM, "memory");
	return p;
}

static struct chan *open_messages(const char *name, int oflags)
{
	const struct chan_expect messages = { .size = sizeof(messages), .flags = CHAN_MESSAGE };
	struct chan *c;

	check(chan_open_name(&c, name, oflags, &messages), name);
	return c;
}

static struct chan *open_signals(const char *name, int oflags)
{
	const struct chan_expect signals = { .size = sizeof(signals), .elem_size = 0 };
	struct chan *c;

	check(chan_open_name(&c, name, oflags, &signals), name);
	return c;
}

static int reader(char *argv[])
{
	struct chan *lines = open_messages(argv[1], O_WRONLY);
	FILE *f = fopen(argv[0], "r");
	size_t size = 0;
	char *line = NULL;
	ssize_t len;

	if (!f) {
		perror(argv[0]);
		return 1;
	}
	while ((len = getline(&line, &size, f)) >= 0)
		check(chan_send_msg(lines, line, len), argv[1]);
	check(chan_close(lines), argv[1]);
	free(line);
	fclose(f);
	chan_unref(lines);
	return 0;
}

static void split(const char *line, size_t len, struct chan *words, const char *name)
{
	size_t i, begin = 0;

	for (i = 0; i <= len; i++) {
		if (i < len && isalpha((unsigned char)line[i]))
			continue;
		if (i > begin)
			check(chan_send_msg(words, line + begin, i - begin), name);
		begin = i + 1;
	}
}

static int worker(char *argv[])
{
	struct chan *lines = open_messages(argv[0], O_RDONLY);
	struct chan *words = open_messages(argv[1], O_WRONLY);
	struct chan *done = open_signals(argv[2], O_WRONLY);
	size_t size = chan_elem_size(lines), len;
	char *line = check_memory(malloc(size));
	int r;

	/* for line := range lines */
	while ((r = chan_recv_msg(lines, line, size, &len)) > 0)
		split(line, len, words, argv[1]);
	check(r, argv[0]);
	check(chan_send_elem(done, ""), argv[2]);
	free(line);
	chan_unref(lines);
	chan_unref(words);
	chan_unref(done);
	return 0;
}

static int closer(char *argv[])
{
	struct chan *done = open_signals(argv[0], O_RDONLY);
	struct chan *words = open_messages(argv[2], O_WRONLY);
	int n = atoi(argv[1]);
	char none;

	while (n-- > 0)
		check(chan_recv_elem(done, &none), argv[0]);
	check(chan_close(words), argv[2]);
	chan_unref(done);
	chan_unref(words);
	return 0;
}

struct count {
	char *word;
	long n;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct count *)a)->word, ((const struct count *)b)->word);
}

static void add(void **tree, const char *word, size_t len)
{
	struct count *new = check_memory(calloc(1, sizeof(*new))), *found;

	new->word = check_memory(strndup(word, len));
	found = *(struct count **)check_memory(tsearch(new, tree, compare));
	found->n++;
	if (found != new) {
		free(new->word);
		free(new);
	}
}

static void print(const void *node, VISIT visit, int depth)
{
	const struct count *c = *(struct count * const *)node;

	(void)depth;
	if (visit == postorder || visit == leaf)
		printf("%7ld %s\n", c->n, c->word);
}

static int merger(char *argv[])
{
	struct chan *words = open_messages(argv[0], O_RDONLY);
	size_t size = chan_elem_size(words), len;
	char *word = check_memory(malloc(size));
	void *tree = NULL;
	int r;

	while ((r = chan_recv_msg(words, word, size, &len)) > 0)
		add(&tree, word, len);
	check(r, argv[0]);
	twalk(tree, print);
	free(word);
	chan_unref(words);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char *argv[]);
	int arguments;
} roles[] = {
	{ "reader", reader, 2 }, { "worker", worker, 3 }, { "closer", closer, 3 },
	{ "merger", merger, 1 },
};

int main(int argc, char *argv[])
{
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (argc == roles[i].arguments + 2 && !strcmp(argv[1], roles[i].name))
			return roles[i].run(argv + 2);
	fprintf(stderr, "usage: wordcount reader FILE LINES | worker LINES WORDS DONE |\n"
		"       closer DONE N WORDS | merger WORDS\n");
	return 2;
}
