// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl top
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chanctl.h"

struct options {
	uint64_t delay_ns, count;
	bool json;
};

static const struct argp_option argp_options[] = {
	{ "delay", 'd', "DURATION", 0, "how long between two looks (1 s)", 0 },
	{ "count", 'n', "N", 0, "look N times, then end (for ever)", 0 },
	{ "json", 'j', NULL, 0, "print a JSON object a look, each on a line", 0 },
	{}
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'd':
		o->delay_ns = parse_duration(state, arg);
		if (!o->delay_ns)
			argp_error(state, "0 is no delay");
		return 0;
	case 'n':
		o->count = parse_size(state, "how often", arg, UINT32_MAX);
		if (!o->count)
			argp_error(state, "0 is no count");
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.doc = "Show the named channels, those first through which most goes: elements sent and "
		"received a second, what is queued, and who waits.",
};

/* A channel, and what has gone through it since the last look, a second. */
struct rate {
	const struct chan_info *info;
	double sent, received;
};

struct look {
	struct chan_info *all;
	size_t n;
	double at;		/* seconds */
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static struct look look(void)
{
	struct look l;

	l.all = all_channels(&l.n);
	l.at = seconds();
	return l;
}

static const struct chan_info *find(const struct look *l, uint64_t id)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->all[i].id == id)
			return &l->all[i];
	return NULL;
}

static int busier(const void *a, const void *b)
{
	const struct rate *x = a, *y = b;
	double d = y->sent + y->received - x->sent - x->received;

	if (d != 0)
		return d > 0 ? 1 : -1;
	return (int)x->info->minor - (int)y->info->minor;
}

/* A channel that is new has done all it did since the last look. */
static struct rate *rates_of(const struct look *l, const struct look *last)
{
	struct rate *rates = calloc(l->n + 1, sizeof(*rates));
	double s = l->at - last->at;
	size_t i;

	if (!rates)
		die(STATUS_ERROR, "out of memory");
	for (i = 0; i < l->n; i++) {
		const struct chan_info *now = &l->all[i], *was = find(last, now->id);

		rates[i].info = now;
		rates[i].sent = (now->sent - (was ? was->sent : 0)) / s;
		/* An element that its receiver returned isn't received any more. */
		rates[i].received = (double)(int64_t)(now->received -
						      (was ? was->received : 0)) / s;
	}
	qsort(rates, l->n, sizeof(*rates), busier);
	return rates;
}

static void print_people(const struct look *l, const struct rate *rates)
{
	static const char * const head[] = {
		"NODE", "NAME", "OWNER", "SENT/S", "RECV/S", "LEN/CAP", "WAIT SEND", "WAIT RECV",
		"STATE", NULL,
	};
	struct table *t = table_new(head);
	size_t i;

	for (i = 0; i < l->n; i++) {
		const struct chan_info *c = rates[i].info;

		table_cell(t, "/dev/chan%u", c->minor);
		table_cell(t, "%s", c->name[0] ? c->name : "-");
		table_cell(t, "%s", owner_of(c));
		table_cell(t, "%.0f", rates[i].sent);
		table_cell(t, "%.0f", rates[i].received);
		table_cell(t, "%u/%u", c->len, c->capacity);
		table_cell(t, "%u", c->parked_senders);
		table_cell(t, "%u", c->parked_receivers);
		table_cell(t, "%s", state_of(c));
	}
	table_print(t);
}

static void print_program(const struct look *l, const struct rate *rates, double s)
{
	struct json_object *o = json_object_new_object(), *array = json_object_new_array(), *c;
	size_t i;

	json_object_object_add(o, "seconds", json_object_new_double(s));
	for (i = 0; i < l->n; i++) {
		c = json_of(rates[i].info);
		json_object_object_add(c, "sent_per_second", json_object_new_double(rates[i].sent));
		json_object_object_add(c, "received_per_second",
				       json_object_new_double(rates[i].received));
		json_object_array_add(array, c);
	}
	json_object_object_add(o, "channels", array);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static void print(const struct options *o, const struct look *l, const struct look *last)
{
	struct rate *rates = rates_of(l, last);

	if (o->json) {
		print_program(l, rates, l->at - last->at);
	} else {
		if (isatty(STDOUT_FILENO))
			printf("\033[H\033[J");		/* home, and clear from there */
		print_people(l, rates);
		if (!isatty(STDOUT_FILENO))
			putchar('\n');
	}
	flush_or_die();
	free(rates);
}

int cmd_top(int argc, char *argv[])
{
	struct options o = { .delay_ns = 1000000000 };
	struct look last, now;
	struct timespec delay;
	uint64_t n;

	parse_all(&argp, argc, argv, &o);
	delay.tv_sec = o.delay_ns / 1000000000;
	delay.tv_nsec = o.delay_ns % 1000000000;
	last = look();
	for (n = 0; !o.count || n < o.count; n++) {
		nanosleep(&delay, NULL);
		now = look();
		print(&o, &now, &last);
		free(last.all);
		last = now;
	}
	free(last.all);
	return STATUS_DONE;
}
