// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl ls
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "chanctl.h"

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print an array of JSON objects", 0 },
	{}
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	(void)arg;
	if (key == ARGP_KEY_ARG)
		argp_usage(state);
	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	*json = true;
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "List the named channels of all users, by number.",
};

static void print_table(const struct chan_info *all, size_t n)
{
	static const char * const head[] = {
		"NODE", "NAME", "OWNER", "MODE", "TYPE", "BYTES", "LEN/CAP", "SEND", "RECV",
		"SENT", "STATE", NULL,
	};
	struct table *t = table_new(head);
	const struct chan_info *i;

	for (i = all; i < all + n; i++) {
		table_cell(t, "/dev/chan%u", i->minor);
		table_cell(t, "%s", i->name[0] ? i->name : "-");
		table_cell(t, "%s", owner_of(i));
		table_cell(t, "%04o", i->mode);
		table_cell(t, "%s", i->type[0] ? i->type : "-");
		table_cell(t, "%s", kind_of(i));
		table_cell(t, "%u/%u", i->len, i->capacity);
		table_cell(t, "%u(%u)", i->senders, i->parked_senders);
		table_cell(t, "%u(%u)", i->receivers, i->parked_receivers);
		table_cell(t, "%llu", (unsigned long long)i->sent);
		table_cell(t, "%s%s%s", state_of(i), i->flags & CHAN_STANDBY ? ", standby" : "",
			   i->flags & CHAN_TIMER ? ", timer" : "");
	}
	table_print(t);
}

int cmd_ls(int argc, char *argv[])
{
	struct json_object *array;
	struct chan_info *all;
	bool json = false;
	size_t n, i;

	parse_all(&argp, argc, argv, &json);
	all = all_channels(&n);
	if (json) {
		array = json_object_new_array();
		for (i = 0; i < n; i++)
			json_object_array_add(array, json_of(&all[i]));
		print_json(array);
	} else {
		print_table(all, n);
		flush_or_die();
	}
	free(all);
	return STATUS_DONE;
}
