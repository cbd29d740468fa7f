// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl select
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chanctl.h"

struct options {
	char **channels;	/* of the command line */
	size_t n;
	bool raw;
	bool follow;
	unsigned int flags;
	int separator;
	uint64_t count;
	uint64_t timeout_ns;
};

/* One run of the command: a case and a format for each channel. */
struct selecting {
	const struct options *o;
	struct chan_choice *choices;	/* closed channels are NULL */
	struct format *formats;
	size_t open;
	uint64_t received;
};

enum { KEY_TIMEOUT = 256 };

static const struct argp_option argp_options[] = {
	{ "count", 'n', "N", 0, "receive N elements in all (1)", 0 },
	{ "follow", 'f', NULL, 0, "receive until all channels are closed and drained", 0 },
	{ "priority", 'p', NULL, 0, "of channels that are ready take the one named first, not any",
	  0 },
	{ "raw", 'r', NULL, 0, "print the bare bytes of the elements, without names", 0 },
	{ "timeout", KEY_TIMEOUT, "TIME", 0,
	  "give up when no element comes for so long: 0.5, 200ms, 10s, 5m (0: don't wait)", 0 },
	{ "zero", 'z', NULL, 0, "end elements with a NUL, not with a new line", 0 },
	{}
};

static void finish(struct argp_state *state, struct options *o)
{
	if (o->n > CHAN_CASES_MAX)
		argp_error(state, "%zu channels are over the limit of %d", o->n, CHAN_CASES_MAX);
	if (o->follow && o->count != UINT64_MAX)
		argp_error(state, "--count and --follow contradict each other");
	if (!o->follow && o->count == UINT64_MAX)
		o->count = 1;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'n':
		o->count = parse_size(state, "--count", arg, UINT64_MAX - 1);
		return 0;
	case 'f':
		o->follow = true;
		return 0;
	case 'p':
		o->flags = CHAN_PRIORITY;
		return 0;
	case 'r':
		o->raw = true;
		return 0;
	case KEY_TIMEOUT:
		o->timeout_ns = parse_duration(state, arg);
		return 0;
	case 'z':
		o->separator = 0;
		return 0;
	case ARGP_KEY_ARGS:
		o->channels = state->argv + state->next;
		o->n = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which channels?");
		return 0;
	case ARGP_KEY_SUCCESS:
		finish(state, o);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.args_doc = "CHANNEL...",
	.doc = "Receive an element from whichever of the channels has one, and print the channel's "
		"name and the element, a TAB between. Waits while there is none.",
};

static void *array_of(size_t n, size_t size)
{
	void *array = calloc(n, size);

	if (!array)
		die(STATUS_ERROR, "out of memory");
	return array;
}

static void open_all(struct selecting *s)
{
	struct chan_choice *choice;
	size_t i;

	s->choices = array_of(s->o->n, sizeof(*s->choices));
	s->formats = array_of(s->o->n, sizeof(*s->formats));
	for (i = 0; i < s->o->n; i++) {
		choice = &s->choices[i];
		choice->c = open_channel(s->o->channels[i], O_RDONLY);
		s->formats[i] = format_of(choice->c);
		choice->size = s->formats[i].size;
		choice->buf = array_of(1, choice->size + 1);
	}
	s->open = s->o->n;
}

/* What is no longer used: that it is closed is told once, as of a nil channel of Go. */
static void drop(struct selecting *s, struct chan_choice *choice)
{
	choice->c = chan_unref(choice->c);
	s->open--;
}

static void free_all(struct selecting *s)
{
	size_t i;

	for (i = 0; i < s->o->n; i++) {
		chan_unref(s->choices[i].c);
		free(s->choices[i].buf);
	}
	free(s->choices);
	free(s->formats);
}

/* Return: the index of a channel, or as libchan. What was printed goes out before a wait. */
static int select_one(struct selecting *s)
{
	uint64_t deadline;
	int r = chan_select_try(s->choices, s->o->n, s->o->flags);

	if (r != -EAGAIN)
		return r;
	flush_or_die();
	deadline = wait_until(s->o->timeout_ns);
	do
		r = chan_select_timeout(s->choices, s->o->n, s->o->flags, wait_left(deadline));
	while (r == -EINTR && !stopped_by);
	return r;
}

static void print(const struct selecting *s, int i)
{
	const struct chan_choice *choice = &s->choices[i];
	size_t len = s->formats[i].message ? choice->len : s->formats[i].size;

	if (s->o->raw) {
		fwrite(choice->buf, 1, len, stdout);
	} else {
		printf("%s\t", s->o->channels[i]);
		elem_print(&s->formats[i], choice->buf, len, s->o->separator);
	}
	/* Elements that can't be printed must not be taken out of the channels. */
	if (ferror(stdout))
		flush_or_die();
}

/* Return: the exit status. */
static int receive(struct selecting *s)
{
	int i;

	while (s->received < s->o->count && s->open && !stopped_by) {
		i = select_one(s);
		if (i == -EINTR)
			break;
		if (i < 0)
			die_of(i, s->o->n == 1 ? s->o->channels[0] : "the channels");
		if (!s->choices[i].result) {
			drop(s, &s->choices[i]);
			continue;
		}
		print(s, i);
		s->received++;
	}
	return s->open || s->o->follow || s->received == s->o->count ? STATUS_DONE : STATUS_CLOSED;
}

int cmd_select(int argc, char *argv[])
{
	struct options o = {
		.separator = '\n', .count = UINT64_MAX, .timeout_ns = WAIT_FOR_EVER,
	};
	struct selecting s = { .o = &o };
	int status;

	parse_all(&argp, argc, argv, &o);
	open_all(&s);
	catch_signals();
	status = receive(&s);
	if (stopped_by)
		die_of_signal();
	flush_or_die();
	free_all(&s);
	return status;
}
