// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl recv
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chanctl.h"

#define BATCH	65536	/* raw bytes received at a time, unless an element is larger */

struct options {
	const char *channel;
	bool raw;
	bool follow;
	int separator;
	uint64_t count;
	uint64_t timeout_ns;
};

/* One run of the command. */
struct receiving {
	const struct options *o;
	struct chan *c;
	struct format format;
	char *buf;
	size_t room;		/* elements that fit in it */
	uint64_t received;
};

enum { KEY_TIMEOUT = 256 };

static const struct argp_option argp_options[] = {
	{ "count", 'n', "N", 0, "receive N elements (1)", 0 },
	{ "follow", 'f', NULL, 0, "receive until the channel is closed and drained", 0 },
	{ "raw", 'r', NULL, 0, "print the bare bytes of the elements, one after the other", 0 },
	{ "timeout", KEY_TIMEOUT, "TIME", 0,
	  "give up when no element comes for so long: 0.5, 200ms, 10s, 5m (0: don't wait)", 0 },
	{ "zero", 'z', NULL, 0, "end elements with a NUL, not with a new line", 0 },
	{}
};

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
			argp_usage(state);
		o->channel = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which channel?");
		return 0;
	case ARGP_KEY_SUCCESS:
		if (o->follow && o->count != UINT64_MAX)
			argp_error(state, "--count and --follow contradict each other");
		if (!o->follow && o->count == UINT64_MAX)
			o->count = 1;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.args_doc = "CHANNEL",
	.doc = "Receive an element and print it. Waits while there is none.",
};

/* Return: elements, their length in @len if it is a message; or as libchan. */
static int recv_now(struct receiving *r, size_t n, size_t *len)
{
	if (r->format.message)
		return chan_recv_msg_try(r->c, r->buf, r->format.size, len);
	return chan_recv_elems_try(r->c, r->buf, n);
}

static int recv_waiting(struct receiving *r, size_t n, size_t *len, uint64_t left)
{
	if (r->format.message)
		return chan_recv_msg_timeout(r->c, r->buf, r->format.size, len, left);
	return chan_recv_elems_timeout(r->c, r->buf, n, left);
}

/* As many as are there, at most @n. What was printed goes out before a wait. */
static int recv_some(struct receiving *r, size_t n, size_t *len)
{
	uint64_t deadline;
	int got = recv_now(r, n, len);

	if (got != -EAGAIN)
		return got;
	flush_or_die();
	deadline = wait_until(r->o->timeout_ns);
	do
		got = recv_waiting(r, n, len, wait_left(deadline));
	while (got == -EINTR && !stopped_by);
	return got;
}

static void print(const struct receiving *r, int n, size_t len)
{
	int i;

	if (r->o->raw)
		fwrite(r->buf, r->format.message ? len : r->format.size, n, stdout);
	else
		for (i = 0; i < n; i++)
			elem_print(&r->format, r->buf + i * r->format.size, len,
				   r->o->separator);
	/* Elements that can't be printed must not be taken out of the channel. */
	if (ferror(stdout))
		flush_or_die();
}

/* Return: the exit status. */
static int receive(struct receiving *r)
{
	size_t n, len = r->format.size;
	uint64_t left;
	int got;

	while ((left = r->o->count - r->received) && !stopped_by) {
		n = left < r->room ? left : r->room;
		got = recv_some(r, n, &len);
		if (!got)
			return r->o->follow ? STATUS_DONE : STATUS_CLOSED;
		if (got == -EINTR)
			break;
		if (got < 0)
			die_of(got, r->o->channel);
		print(r, got, len);
		r->received += got;
	}
	return STATUS_DONE;
}

int cmd_recv(int argc, char *argv[])
{
	struct options o = {
		.separator = '\n', .count = UINT64_MAX, .timeout_ns = WAIT_FOR_EVER,
	};
	struct receiving r = { .o = &o };
	int status;

	parse_all(&argp, argc, argv, &o);
	r.c = open_channel(o.channel, O_RDONLY);
	r.format = format_of(r.c);
	/* As text one at a time, as Go's range: others may be waiting for the rest. */
	r.room = o.raw && r.format.size && r.format.size <= BATCH ? BATCH / r.format.size : 1;
	r.buf = malloc(r.room * r.format.size + 1);
	if (!r.buf)
		die(STATUS_ERROR, "out of memory");
	catch_signals();
	status = receive(&r);
	if (stopped_by)
		die_of_signal();
	flush_or_die();
	free(r.buf);
	chan_unref(r.c);
	return status;
}
