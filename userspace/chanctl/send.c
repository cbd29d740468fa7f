// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl send
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chanctl.h"

#define BATCH	65536	/* bytes read at a time, unless an element is larger */

struct options {
	const char *channel;
	char **values;		/* of the command line, or NULL */
	int nr_values;
	bool raw;
	bool close;
	int separator;
	uint64_t count;
	uint64_t timeout_ns;
};

/* One run of the command. */
struct sending {
	const struct options *o;
	struct chan *c;
	struct format format;
	void *elem;		/* room for one */
	uint64_t sent;
};

enum { KEY_CLOSE = 256, KEY_TIMEOUT };

static const struct argp_option argp_options[] = {
	{ "close", KEY_CLOSE, NULL, 0, "close the channel when all is sent", 0 },
	{ "count", 'n', "N", 0, "send at most N elements", 0 },
	{ "raw", 'r', NULL, 0, "standard input is bare elements, or one message", 0 },
	{ "timeout", KEY_TIMEOUT, "TIME", 0,
	  "give up when an element has waited so long: 0.5, 200ms, 10s, 5m (0: don't wait)", 0 },
	{ "zero", 'z', NULL, 0, "elements end with a NUL, not with a new line", 0 },
	{}
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_CLOSE:
		o->close = true;
		return 0;
	case 'n':
		o->count = parse_size(state, "--count", arg, UINT64_MAX);
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
	case ARGP_KEY_ARG:
		if (o->channel)
			return ARGP_ERR_UNKNOWN;	/* then all the rest comes at once */
		o->channel = arg;
		return 0;
	case ARGP_KEY_ARGS:
		o->values = state->argv + state->next;
		o->nr_values = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which channel?");
		return 0;
	case ARGP_KEY_SUCCESS:
		if (o->raw && o->values)
			argp_error(state, "--raw is for standard input, not for values");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.args_doc = "CHANNEL [VALUE]...",
	.doc = "Send each VALUE, or else each line of standard input, as an element. Waits while "
		"there is neither room nor a receiver.",
};

/* Bad input ends the command; what was sent before it stays sent. */
static void refuse(const struct sending *s, const char *what, const char *why)
{
	die(STATUS_ERROR, "%s: %s %s; %llu sent before it", s->o->channel, what, why,
	    (unsigned long long)s->sent);
}

static int send_once(struct sending *s, const void *elems, size_t n, size_t len, uint64_t left)
{
	int r;

	if (s->format.message) {
		r = chan_send_msg_timeout(s->c, elems, len, left);
		return r ? r : 1;
	}
	return chan_send_elems_timeout(s->c, elems, n, left);
}

/* Send them all, each within the timeout. */
static void send_all(struct sending *s, const void *elems, size_t n, size_t len)
{
	uint64_t deadline = wait_until(s->o->timeout_ns);
	int r;

	while (n) {
		r = send_once(s, elems, n, len, wait_left(deadline));
		if (r == -EINTR)
			continue;
		if (r < 0)
			die(r == -EPIPE ? STATUS_CLOSED : r == -ETIMEDOUT ? STATUS_TIMEOUT :
			    STATUS_ERROR, "%s: %s; %llu sent before", s->o->channel,
			    chan_strerror(r), (unsigned long long)s->sent);
		s->sent += r;
		n -= r;
		elems = (const char *)elems + r * s->format.size;
		deadline = wait_until(s->o->timeout_ns);
	}
}

static void send_text(struct sending *s, const char *what, const char *text, size_t len)
{
	const char *wrong;
	size_t elem_len;

	wrong = elem_from_text(&s->format, text, len, s->elem, &elem_len);
	if (wrong)
		refuse(s, what, wrong);
	send_all(s, s->elem, 1, elem_len);
}

static void send_values(struct sending *s)
{
	char what[64];
	int i;

	for (i = 0; i < s->o->nr_values && s->sent < s->o->count; i++) {
		snprintf(what, sizeof(what), "'%.40s'", s->o->values[i]);
		send_text(s, what, s->o->values[i], strlen(s->o->values[i]));
	}
}

static void send_lines(struct sending *s)
{
	char *line = NULL, what[64];
	size_t size = 0;
	ssize_t len;

	while (s->sent < s->o->count && (len = getdelim(&line, &size, s->o->separator, stdin)) >= 0) {
		if (len && line[len - 1] == s->o->separator)
			line[--len] = 0;
		snprintf(what, sizeof(what), "line %llu", (unsigned long long)s->sent + 1);
		send_text(s, what, line, len);
	}
	if (ferror(stdin))
		die(STATUS_ERROR, "standard input: %s", strerror(errno));
	free(line);
}

static size_t read_or_die(void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		die(STATUS_ERROR, "standard input: %s", strerror(errno));
	return n;
}

/* Elements as they come: what a read gives is sent before the next one. */
static void send_raw_elems(struct sending *s)
{
	size_t size = s->format.size, room = size > BATCH ? size : BATCH / size * size;
	char *buf = malloc(room);
	size_t have = 0, got, n, used;

	if (!buf)
		die(STATUS_ERROR, "out of memory");
	while (s->sent < s->o->count && (got = read_or_die(buf + have, room - have))) {
		have += got;
		n = have / size;
		if (n > s->o->count - s->sent)
			n = s->o->count - s->sent;
		used = n * size;
		send_all(s, buf, n, size);
		have -= used;
		memmove(buf, buf + used, have);
	}
	if (have && s->sent < s->o->count)
		refuse(s, "the last element", "of standard input is cut short");
	free(buf);
}

static void send_raw_message(struct sending *s)
{
	size_t have = 0, got;
	char *buf = malloc(s->format.size + 1);

	if (!buf)
		die(STATUS_ERROR, "out of memory");
	while (have <= s->format.size && (got = read_or_die(buf + have, s->format.size + 1 - have)))
		have += got;
	if (have > s->format.size)
		refuse(s, "standard input", "is longer than a message of the channel");
	send_all(s, buf, 1, have);
	free(buf);
}

static void send_input(struct sending *s)
{
	if (s->o->values)
		send_values(s);
	else if (!s->o->raw)
		send_lines(s);
	else if (s->format.message)
		send_raw_message(s);
	else if (s->format.size)
		send_raw_elems(s);
	else
		die(STATUS_ERROR, "%s: elements of 0 bytes have no raw form", s->o->channel);
}

int cmd_send(int argc, char *argv[])
{
	struct options o = {
		.separator = '\n', .count = UINT64_MAX, .timeout_ns = WAIT_FOR_EVER,
	};
	struct sending s = { .o = &o };
	int r;

	parse_all(&argp, argc, argv, &o);
	s.c = open_channel(o.channel, O_WRONLY);
	s.format = format_of(s.c);
	s.elem = malloc(s.format.size + 1);
	if (!s.elem)
		die(STATUS_ERROR, "out of memory");
	send_input(&s);
	r = o.close ? chan_close(s.c) : 0;
	if (r)
		die_of(r, o.channel);
	free(s.elem);
	chan_unref(s.c);
	return STATUS_DONE;
}
