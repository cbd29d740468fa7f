// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl ls
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static struct chan_info *all_channels(size_t *n)
{
	struct chan_info *all = NULL;
	unsigned int next = 0;
	int got;

	for (*n = 0;; *n += got) {
		all = reallocarray(all, *n + 64, sizeof(*all));
		if (!all)
			die(STATUS_ERROR, "out of memory");
		got = chan_list(&next, all + *n, 64, sizeof(*all));
		if (got < 0)
			die_of(got, "the list of channels");
		if (!got)
			return all;
	}
}

/*
 * The table: columns as wide as their widest cell.
 */

enum { COLUMNS = 11 };

static const char * const head[COLUMNS] = {
	"NODE", "NAME", "OWNER", "MODE", "TYPE", "BYTES", "LEN/CAP", "SEND", "RECV", "SENT",
	"STATE",
};

static void cells_of(const struct chan_info *i, char *cells[COLUMNS])
{
	int c = 0, bad = 0;

	bad |= asprintf(&cells[c++], "/dev/chan%u", i->minor) < 0;
	bad |= asprintf(&cells[c++], "%s", i->name[0] ? i->name : "-") < 0;
	bad |= asprintf(&cells[c++], "%s", owner_of(i)) < 0;
	bad |= asprintf(&cells[c++], "%04o", i->mode) < 0;
	bad |= asprintf(&cells[c++], "%s", i->type[0] ? i->type : "-") < 0;
	bad |= asprintf(&cells[c++], "%s", kind_of(i)) < 0;
	bad |= asprintf(&cells[c++], "%u/%u", i->len, i->capacity) < 0;
	bad |= asprintf(&cells[c++], "%u(%u)", i->senders, i->parked_senders) < 0;
	bad |= asprintf(&cells[c++], "%u(%u)", i->receivers, i->parked_receivers) < 0;
	bad |= asprintf(&cells[c++], "%llu", (unsigned long long)i->sent) < 0;
	bad |= asprintf(&cells[c++], "%s%s%s", state_of(i),
			i->flags & CHAN_STANDBY ? ", standby" : "",
			i->flags & CHAN_TIMER ? ", timer" : "") < 0;
	if (bad)
		die(STATUS_ERROR, "out of memory");
}

static void print_row(char * const cells[COLUMNS], const size_t width[COLUMNS])
{
	int c;

	for (c = 0; c < COLUMNS - 1; c++)
		printf("%-*s  ", (int)width[c], cells[c]);
	printf("%s\n", cells[c]);
}

static void print_table(const struct chan_info *all, size_t n)
{
	char *(*cells)[COLUMNS] = calloc(n + 1, sizeof(*cells));
	size_t width[COLUMNS] = {}, i;
	int c;

	if (!cells)
		die(STATUS_ERROR, "out of memory");
	for (c = 0; c < COLUMNS; c++)
		cells[0][c] = (char *)head[c];
	for (i = 0; i < n; i++)
		cells_of(&all[i], cells[i + 1]);
	for (i = 0; i <= n; i++)
		for (c = 0; c < COLUMNS; c++)
			if (strlen(cells[i][c]) > width[c])
				width[c] = strlen(cells[i][c]);
	for (i = 0; i <= n; i++)
		print_row(cells[i], width);
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
