// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl create
 */
#include <stdio.h>
#include <string.h>

#include "chanctl.h"

struct create {
	struct chan_options options;
	bool has_size;
	size_t elem_size;
	size_t capacity;
};

enum { KEY_MESSAGE = 256, KEY_AUTOCLOSE, KEY_HANGUP, KEY_STANDBY, KEY_TIMER };

static const struct argp_option options[] = {
	{ "elem-size", 'e', "BYTES", 0, "bytes of an element, 0 to 1M", 0 },
	{ "message", KEY_MESSAGE, "BYTES", 0,
	  "elements are messages of 0 to BYTES bytes, each of its own length", 0 },
	{ "type", 't', "NAME", 0, "name of the element type; int8 to int64, uint8 to uint64, byte "
	  "and rune also say the size, and are read and written as numbers", 0 },
	{ "capacity", 'c', "N", 0, "elements that the channel buffers (0: each send meets a "
	  "receive)", 0 },
	{ "mode", 'm', "MODE", 0, "permissions of the node, in octal (0600)", 0 },
	{ "autoclose", KEY_AUTOCLOSE, NULL, 0,
	  "close the channel when the last process that could send has let go", 0 },
	{ "hangup", KEY_HANGUP, NULL, 0,
	  "fail sends when the last process that could receive has let go", 0 },
	{ "standby", KEY_STANDBY, NULL, 0,
	  "receivers that don't block are met even so: their handles stand by", 0 },
	{ "timer", KEY_TIMER, NULL, 0, "the kernel sends the time, when chanctl timer says, as "
	  "uint64", 0 },
	{}
};

/* What a timer is. Its elements are numbers if nothing else is said. */
static void make_timer(struct argp_state *state, struct create *create)
{
	struct chan_options *o = &create->options;
	int size = o->type ? integer_size(o->type) : -1;

	if (create->has_size || (size >= 0 && size != sizeof(uint64_t)) || create->capacity > 1 ||
	    o->flags & (CHAN_AUTOCLOSE | CHAN_HANGUP))
		argp_error(state, "a timer has elements of 8 bytes and capacity 1, and no "
			   "--autoclose or --hangup");
	create->has_size = true;
	create->elem_size = sizeof(uint64_t);
	create->capacity = 1;
	if (!o->type)
		o->type = "uint64";
}

/* The size, if only the type tells it; and the two must agree. */
static void finish(struct argp_state *state, struct create *create)
{
	int size;

	if (create->options.flags & CHAN_TIMER)
		make_timer(state, create);
	size = create->options.type ? integer_size(create->options.type) : -1;
	if (!create->has_size && size < 0)
		argp_error(state, "how large is an element? Say --elem-size or --message");
	if (!create->has_size)
		create->elem_size = size;
	else if (size >= 0 && !(create->options.flags & CHAN_MESSAGE) &&
		 create->elem_size != (size_t)size)
		argp_error(state, "%s has %d bytes, not %zu", create->options.type, size,
			   create->elem_size);
	if (create->options.flags & CHAN_MESSAGE && !create->elem_size)
		argp_error(state, "--message: messages need at least 1 byte");
}

static void set_size(struct argp_state *state, struct create *create, const char *what,
		     const char *arg)
{
	if (create->has_size)
		argp_error(state, "the size of an element is said twice");
	create->has_size = true;
	create->elem_size = parse_size(state, what, arg, CHAN_ELEM_SIZE_MAX);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct create *create = state->input;
	struct chan_options *o = &create->options;

	switch (key) {
	case 'e':
		set_size(state, create, "--elem-size", arg);
		return 0;
	case KEY_MESSAGE:
		set_size(state, create, "--message", arg);
		o->flags |= CHAN_MESSAGE;
		return 0;
	case 't':
		if (strlen(arg) >= CHAN_TYPE_LEN)
			argp_error(state, "--type: '%s' is longer than %d characters", arg,
				   CHAN_TYPE_LEN - 1);
		o->type = arg;
		return 0;
	case 'c':
		create->capacity = parse_size(state, "--capacity", arg, CHAN_CAPACITY_MAX);
		return 0;
	case 'm':
		o->mode = parse_mode(state, arg);
		return 0;
	case KEY_AUTOCLOSE:
		o->flags |= CHAN_AUTOCLOSE;
		return 0;
	case KEY_HANGUP:
		o->flags |= CHAN_HANGUP;
		return 0;
	case KEY_STANDBY:
		o->flags |= CHAN_STANDBY;
		return 0;
	case KEY_TIMER:
		o->flags |= CHAN_TIMER;
		return 0;
	case ARGP_KEY_ARG:
		if (o->name)
			argp_usage(state);
		if (strlen(arg) >= CHAN_NAME_LEN)
			argp_error(state, "'%s' is longer than %d characters", arg,
				   CHAN_NAME_LEN - 1);
		o->name = arg;
		return 0;
	case ARGP_KEY_SUCCESS:
		finish(state, create);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[NAME]",
	.doc = "Make a channel that lives until it is removed, and print its node.",
};

int cmd_create(int argc, char *argv[])
{
	struct create create = {
		.options = { .size = sizeof(create.options), .flags = CHAN_NAMED },
	};
	struct chan_info info;
	struct chan *c;
	int r;

	parse_all(&argp, argc, argv, &create);
	/* Who only looks is no sender, whose going would close the channel. */
	r = chan_new(&c, create.elem_size, create.capacity, CHAN_O_LOOK, &create.options);
	if (!r)
		r = chan_info(c, &info, sizeof(info));
	if (r)
		die_of(r, create.options.name ?: "the new channel");
	printf("/dev/chan%u\n", info.minor);
	chan_unref(c);
	flush_or_die();
	return STATUS_DONE;
}
