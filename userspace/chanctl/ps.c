// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl ps
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procs.h"

#define SETTLE_US	20000	/* between the two looks for deadlocks */

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
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.args_doc = "[CHANNEL]",
	.doc = "List which processes hold which channels, and which of their tasks wait; and name "
		"those that wait for each other for ever. Anonymous channels too, of the "
		"processes that you may look into.",
};

/* "numbers", "chan3", or "#7" of an anonymous one; good until the fourth call from here. */
static const char *name_of(const struct channel *c)
{
	static char text[4][CHAN_NAME_LEN];
	static unsigned int last;
	char *t = text[last++ % 4];

	if (c->name[0])
		snprintf(t, sizeof(text[0]), "%s", c->name);
	else if (c->minor >= 0)
		snprintf(t, sizeof(text[0]), "/dev/chan%d", c->minor);
	else
		snprintf(t, sizeof(text[0]), "#%lu", c->id);
	return t;
}

static const char *channel_of_case(const struct snapshot *s, const struct wait_case *k)
{
	const struct channel lone = { .id = k->id, .minor = -1 };
	size_t i;

	for (i = 0; i < s->nr_channels; i++)
		if (s->channels[i].id == k->id)
			return name_of(&s->channels[i]);
	return name_of(&lone);
}

static bool is_wait_of(const struct snapshot *s, const struct wait *w, const struct holding *h)
{
	return !h->selector && w->channel == h->channel &&
	       s->tasks[w->task].process == h->process;
}

/* Of several descriptors of a channel the first tells who waits. */
static bool tells(const struct snapshot *s, size_t holding)
{
	const struct holding *h = &s->holdings[holding];
	size_t i;

	for (i = 0; i < holding; i++)
		if (s->holdings[i].process == h->process && !s->holdings[i].selector &&
		    s->holdings[i].channel == h->channel)
			return false;
	return true;
}

static bool is_wanted(const struct snapshot *s, const struct holding *h, uint64_t id)
{
	size_t i;

	if (!id)
		return true;
	if (!h->selector)
		return s->channels[h->channel].id == id;
	for (i = 0; i < s->nr_cases; i++)
		if (&s->holdings[s->cases[i].holding] == h && s->cases[i].id == id)
			return true;
	return false;
}

static const char *may_of(const struct holding *h)
{
	if (h->may_send)
		return h->may_recv ? "both" : "send";
	return h->may_recv ? "recv" : "look";
}

/*
 * For people
 */

/* "recv 1234, select send 1235": operations and tasks. */
static void print_waits(const struct snapshot *s, size_t holding, FILE *f)
{
	const struct holding *h = &s->holdings[holding];
	const char *comma = "";
	size_t i;

	for (i = 0; i < s->nr_waits && tells(s, holding); i++) {
		const struct wait *w = &s->waits[i];

		if (!is_wait_of(s, w, h))
			continue;
		fprintf(f, "%s%s%s %d", comma, w->select ? "select " : "",
			w->sending ? "send" : "recv", s->tasks[w->task].tid);
		comma = ", ";
	}
	for (i = 0; i < s->nr_cases; i++) {
		if (s->cases[i].holding != holding)
			continue;
		fprintf(f, "%s%s %s", comma, s->cases[i].sending ? "send" : "recv",
			channel_of_case(s, &s->cases[i]));
		comma = ", ";
	}
	if (!*comma)
		fputc('-', f);
}

static char *waits_of(const struct snapshot *s, size_t holding)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		die(STATUS_ERROR, "out of memory");
	print_waits(s, holding, f);
	fclose(f);
	return text;
}

static void print_table(const struct snapshot *s, uint64_t id)
{
	static const char * const head[] = {
		"PID", "COMMAND", "FD", "CHANNEL", "MAY", "LEN/CAP", "WAITING", NULL,
	};
	struct table *t = table_new(head);
	const struct holding *h;
	char *waits;
	size_t i;

	for (i = 0; i < s->nr_holdings; i++) {
		h = &s->holdings[i];
		if (!is_wanted(s, h, id))
			continue;
		waits = waits_of(s, i);
		table_cell(t, "%d", s->processes[h->process].pid);
		table_cell(t, "%s", s->processes[h->process].command);
		table_cell(t, "%d", h->fd);
		if (h->selector) {
			table_cell(t, "(selector)");
			table_cell(t, "%s", h->state);
			table_cell(t, "-");
		} else {
			const struct channel *c = &s->channels[h->channel];

			table_cell(t, "%s", name_of(c));
			table_cell(t, "%s%s", may_of(h), h->standby ? ", standby" : "");
			table_cell(t, "%u/%u", c->len, c->capacity);
		}
		table_cell(t, "%s", waits);
		free(waits);
	}
	table_print(t);
}

static void print_task(const struct snapshot *s, const struct task *t)
{
	const struct process *p = &s->processes[t->process];

	if (t->tid == p->pid)
		printf("%s (%d)", p->command, p->pid);
	else
		printf("%s (%d, task %d)", p->command, p->pid, t->tid);
}

static void print_deadlock(const struct snapshot *s, const struct deadlock *d)
{
	size_t i;

	printf("\ndeadlock: unless a timeout ends a wait, or somebody else opens a channel,\n");
	for (i = 0; i < d->n; i++) {
		const struct wait *w = &s->waits[d->waits[i]];
		const struct wait *next = &s->waits[d->waits[(i + 1) % d->n]];

		printf("  ");
		print_task(s, &s->tasks[w->task]);
		printf(" waits to %s %s", w->sending ? "send to" : "receive from",
		       name_of(&s->channels[w->channel]));
		if (next == w) {
			printf(", and nobody else can %s\n", w->sending ? "receive" : "send");
			break;
		}
		printf(", for ");
		print_task(s, &s->tasks[next->task]);
		printf("\n");
	}
	if (d->others)
		printf("  and %zu more %s for them\n", d->others, d->others > 1 ? "wait" : "waits");
}

/*
 * For programs
 */

static struct json_object *json_of_wait(const struct snapshot *s, const struct wait *w)
{
	struct json_object *o = json_object_new_object();
	const struct task *t = &s->tasks[w->task];

	json_add_number(o, "pid", s->processes[t->process].pid);
	json_add_number(o, "tid", t->tid);
	json_add_string(o, "command", s->processes[t->process].command);
	json_add_string(o, "op", w->sending ? "send" : "recv");
	json_add_bool(o, "select", w->select);
	json_add_number(o, "id", s->channels[w->channel].id);
	json_add_string(o, "name", s->channels[w->channel].name);
	return o;
}

static struct json_object *json_of_cases(const struct snapshot *s, size_t holding)
{
	struct json_object *array = json_object_new_array(), *o;
	size_t i;

	for (i = 0; i < s->nr_cases; i++) {
		if (s->cases[i].holding != holding)
			continue;
		o = json_object_new_object();
		json_add_number(o, "index", s->cases[i].index);
		json_add_string(o, "op", s->cases[i].sending ? "send" : "recv");
		json_add_number(o, "id", s->cases[i].id);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *json_of_holding(const struct snapshot *s, size_t holding)
{
	const struct holding *h = &s->holdings[holding];
	struct json_object *o = json_object_new_object(), *waits = json_object_new_array();
	size_t i;

	json_add_number(o, "pid", s->processes[h->process].pid);
	json_add_string(o, "command", s->processes[h->process].command);
	json_add_number(o, "fd", h->fd);
	if (h->selector) {
		json_add_string(o, "selector", h->state);
		json_object_object_add(o, "cases", json_of_cases(s, holding));
		json_object_put(waits);
		return o;
	}
	json_add_number(o, "id", s->channels[h->channel].id);
	json_add_string(o, "name", s->channels[h->channel].name);
	json_add_bool(o, "may_send", h->may_send);
	json_add_bool(o, "may_recv", h->may_recv);
	json_add_bool(o, "standby", h->standby);
	json_add_number(o, "len", s->channels[h->channel].len);
	json_add_number(o, "capacity", s->channels[h->channel].capacity);
	for (i = 0; i < s->nr_waits && tells(s, holding); i++)
		if (is_wait_of(s, &s->waits[i], h))
			json_object_array_add(waits, json_of_wait(s, &s->waits[i]));
	json_object_object_add(o, "waiting", waits);
	return o;
}

static struct json_object *json_of_deadlock(const struct snapshot *s, const struct deadlock *d)
{
	struct json_object *o = json_object_new_object(), *waits = json_object_new_array();
	size_t i;

	for (i = 0; i < d->n; i++)
		json_object_array_add(waits, json_of_wait(s, &s->waits[d->waits[i]]));
	json_object_object_add(o, "cycle", waits);
	json_add_number(o, "others", d->others);
	return o;
}

static void print_all_json(const struct snapshot *s, uint64_t id, const struct deadlock *d,
			   size_t n)
{
	struct json_object *o = json_object_new_object();
	struct json_object *handles = json_object_new_array(), *locks = json_object_new_array();
	size_t i;

	for (i = 0; i < s->nr_holdings; i++)
		if (is_wanted(s, &s->holdings[i], id))
			json_object_array_add(handles, json_of_holding(s, i));
	for (i = 0; i < n; i++)
		json_object_array_add(locks, json_of_deadlock(s, &d[i]));
	json_object_object_add(o, "handles", handles);
	json_object_object_add(o, "deadlocks", locks);
	print_json(o);
}

/* A channel's name, its node, or "#ID", as ps shows an anonymous one. */
static uint64_t id_of(const char *word)
{
	struct chan_info info;
	char *end;
	uint64_t id;

	if (!word)
		return 0;
	if (word[0] == '#') {
		id = strtoull(word + 1, &end, 10);
		if (!id || *end)
			die(STATUS_USAGE, "'%s' is no id: # and a number", word);
		return id;
	}
	find_channel(word, &info);
	return info.id;
}

int cmd_ps(int argc, char *argv[])
{
	struct snapshot before, s;
	struct deadlock *locks;
	struct options o = {};
	size_t n, i;
	uint64_t id;

	parse_all(&argp, argc, argv, &o);
	id = id_of(o.channel);
	snapshot_take(&before);
	if (before.nr_waits)
		usleep(SETTLE_US);
	snapshot_take(&s);
	n = find_deadlocks(&before, &s, &locks);
	if (o.json) {
		print_all_json(&s, id, locks, n);
	} else {
		print_table(&s, id);
		for (i = 0; i < n; i++)
			print_deadlock(&s, &locks[i]);
		flush_or_die();
	}
	for (i = 0; i < n; i++)
		free(locks[i].waits);
	free(locks);
	snapshot_free(&before);
	snapshot_free(&s);
	return STATUS_DONE;
}
