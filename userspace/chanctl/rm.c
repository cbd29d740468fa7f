// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl rm
 */
#include <errno.h>

#include "chanctl.h"

struct options {
	const char *channel;
	bool force;
};

static const struct argp_option argp_options[] = {
	{ "force", 'f', NULL, 0, "though elements are queued, which are lost", 0 },
	{}
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'f':
		o->force = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->channel)
			argp_usage(state);
		o->channel = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which channel?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.args_doc = "CHANNEL",
	.doc = "Remove node and name of a channel. Who has it open goes on using it.",
};

int cmd_rm(int argc, char *argv[])
{
	struct options o = {};
	struct chan_info info;
	struct chan *c;
	int r;

	parse_all(&argp, argc, argv, &o);
	c = open_any(o.channel);
	r = chan_destroy(c, o.force ? CHAN_DESTROY_FORCE : 0);
	if (r == -ENOTEMPTY && !chan_info(c, &info, sizeof(info)))
		die(STATUS_ERROR, "%s: %u element%s queued: receive them, or lose them with --force",
		    o.channel, info.len, info.len == 1 ? " is" : "s are");
	if (r)
		die_of(r, o.channel);
	chan_unref(c);
	return STATUS_DONE;
}
