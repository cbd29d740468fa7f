// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl timer
 */
#include "chanctl.h"

struct options {
	const char *channel;
	bool has_after, has_every, stop;
	uint64_t after_ns;
	uint64_t every_ns;
};

enum { KEY_AFTER = 256, KEY_EVERY, KEY_STOP };

static const struct argp_option argp_options[] = {
	{ "after", KEY_AFTER, "TIME", 0,
	  "start it: it sends when TIME has passed: 0.5, 200ms, 10s, 5m", 0 },
	{ "every", KEY_EVERY, "TIME", 0,
	  "start it: it sends when TIME, or that of --after, has passed, and then every TIME", 0 },
	{ "stop", KEY_STOP, NULL, 0, "stop it", 0 },
	{}
};

static void finish(struct argp_state *state, struct options *o)
{
	if (o->stop == (o->has_after || o->has_every))
		argp_error(state, "say when, with --after or --every, or else --stop");
	if (o->has_every && !o->every_ns)
		argp_error(state, "--every: 0 is no period");
	if (!o->has_after)
		o->after_ns = o->every_ns;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_AFTER:
		o->has_after = true;
		o->after_ns = parse_duration(state, arg);
		return 0;
	case KEY_EVERY:
		o->has_every = true;
		o->every_ns = parse_duration(state, arg);
		return 0;
	case KEY_STOP:
		o->stop = true;
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
		finish(state, o);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.args_doc = "CHANNEL",
	.doc = "Start or stop a timer, a channel made with chanctl create --timer. An element that "
		"is queued is dropped.",
};

int cmd_timer(int argc, char *argv[])
{
	struct options o = {};
	struct chan *c;
	int r;

	parse_all(&argp, argc, argv, &o);
	c = open_channel(o.channel, O_RDONLY);
	r = o.stop ? chan_timer_stop(c) : chan_timer_reset(c, o.after_ns, o.every_ns);
	if (r < 0)
		die_of(r, o.channel);
	chan_unref(c);
	return STATUS_DONE;
}
