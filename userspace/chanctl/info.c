// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl info
 */
#include <json-c/json.h>
#include <stdio.h>

#include "chanctl.h"

struct options {
	const char *channel;
	bool json;
};

static const struct argp_option argp_options[] = {
	{ "json", 'j', NULL, 0, "print a JSON object", 0 },
	{}
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'j':
		o->json = true;
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
	.doc = "Show all that is to know about a channel, at one instant. Needs no permission to "
		"open it.",
};

static void print(const struct chan_info *i)
{
	printf("node:       /dev/chan%u\n", i->minor);
	printf("name:       %s\n", i->name[0] ? i->name : "-");
	printf("id:         %llu\n", (unsigned long long)i->id);
	printf("owner:      %s\n", owner_of(i));
	printf("mode:       %04o\n", i->mode);
	printf("elements:   %s%u bytes%s%s\n", i->flags & CHAN_MESSAGE ? "messages of up to " : "",
	       i->elem_size, i->type[0] ? ", type " : "", i->type);
	printf("queued:     %u of %u\n", i->len, i->capacity);
	printf("state:      %s\n", state_of(i));
	printf("closes:     %s\n", i->flags & CHAN_AUTOCLOSE ? "by itself, after the last sender" :
	       "when told to");
	printf("hangs up:   %s\n", i->flags & CHAN_HANGUP ? "after the last receiver" : "never");
	printf("stands by:  %s\n", i->flags & CHAN_STANDBY ? "every receiving handle" :
	       "when told to");
	printf("timer:      %s\n", i->flags & CHAN_TIMER ? "yes" : "no");
	printf("senders:    %u, %u of them waiting\n", i->senders, i->parked_senders);
	printf("receivers:  %u, %u of them waiting\n", i->receivers, i->parked_receivers);
	printf("sent:       %llu\n", (unsigned long long)i->sent);
	printf("received:   %llu\n", (unsigned long long)i->received);
	flush_or_die();
}

int cmd_info(int argc, char *argv[])
{
	struct chan_info info;
	struct options o = {};

	parse_all(&argp, argc, argv, &o);
	find_channel(o.channel, &info);
	if (o.json)
		print_json(json_of(&info));
	else
		print(&info);
	return STATUS_DONE;
}
