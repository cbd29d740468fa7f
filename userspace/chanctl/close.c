// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl close
 */
#include "chanctl.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char **channel = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (*channel)
			argp_usage(state);
		*channel = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which channel?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "CHANNEL",
	.doc = "Close a channel for all, as Go's close does: nothing more can be sent, receivers get "
		"what is queued and then see the end.",
};

int cmd_close(int argc, char *argv[])
{
	const char *channel = NULL;
	struct chan *c;
	int r;

	parse_all(&argp, argc, argv, &channel);
	c = open_channel(channel, O_WRONLY);
	r = chan_close(c);
	if (r)
		die_of(r, channel);
	chan_unref(c);
	return STATUS_DONE;
}
