// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl trace
 *
 * The module's tracepoints, in an instance of tracefs of our own, so that nobody else's
 * tracing is disturbed and it ends with us.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tracefs/tracefs.h>
#include <unistd.h>

#include "chanctl.h"

#define FIELDS_MAX	8

struct options {
	uint64_t count;
	bool json;
	char **channels;
	size_t n;
};

static const struct argp_option argp_options[] = {
	{ "count", 'n', "N", 0, "end after N events (go on for ever)", 0 },
	{ "json", 'j', NULL, 0, "print a JSON object an event, each on a line", 0 },
	{}
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'n':
		o->count = parse_size(state, "how many", arg, UINT32_MAX);
		if (!o->count)
			argp_error(state, "0 is no count");
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARGS:
		o->channels = state->argv + state->next;
		o->n = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.args_doc = "[CHANNEL]...",
	.doc = "Print what happens in channels as it happens: elements sent and received, who "
		"waits and is woken, selects, what becomes of channels; of all, also anonymous "
		"ones, or of those named. Ids and counts, never what is in an element. For root.",
};

/* An event, as words of the line that told it. */
struct event {
	char *command, *tid, *cpu, *time, *name;
	struct field {
		char *key, *value;
	} fields[FIELDS_MAX];
	size_t n;
	uint64_t id;
};

/* "KEY=VALUE KEY=VALUE..." */
static void parse_fields(struct event *e, char *text)
{
	char *word, *rest, *equals;

	for (word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		equals = strchr(word, '=');
		if (!equals || e->n == FIELDS_MAX)
			continue;
		*equals = 0;
		if (!strcmp(word, "id"))
			e->id = strtoull(equals + 1, NULL, 10);
		else
			e->fields[e->n++] = (struct field){ word, equals + 1 };
	}
}

/* The last @c before @end, overwritten by the end of a string; returns what follows it. */
static char *cut(char *line, char *end, int c)
{
	char *at = memrchr(line, c, end - line);

	if (!at)
		return NULL;
	*at = 0;
	return at + 1;
}

/* "  COMMAND-TID   [CPU] FLAGS TIME: chan_NAME: FIELDS"; a command may be of any letters. */
static bool parse_event(char *line, struct event *e)
{
	char *name = strstr(line, ": chan_"), *fields, *flags;

	memset(e, 0, sizeof(*e));
	fields = name ? strstr(name + 2, ": ") : NULL;
	if (!fields)
		return false;
	*fields = *name = 0;
	e->name = name + strlen(": chan_");
	e->time = cut(line, name, ' ');
	flags = cut(line, e->time ? e->time : line, ']');
	e->cpu = flags ? cut(line, flags, '[') : NULL;
	e->tid = e->cpu ? cut(line, e->cpu, '-') : NULL;
	if (!e->tid)
		return false;
	e->tid[strcspn(e->tid, " ")] = 0;
	e->command = line + strspn(line, " ");
	parse_fields(e, fields + 2);
	return true;
}

/* The name of a channel that has one now, else "#ID". */
static const char *name_of(uint64_t id)
{
	static struct chan_info *all;
	static size_t n;
	static char text[CHAN_NAME_LEN];
	int tries;
	size_t i;

	snprintf(text, sizeof(text), "#%llu", (unsigned long long)id);
	/* Ids rise: the list is read again for one that is newer than all that it has. */
	for (tries = 0; tries < 2; tries++) {
		for (i = 0; i < n; i++)
			if (all[i].id == id && all[i].name[0])
				return all[i].name;
		if (tries)
			break;
		free(all);
		all = all_channels(&n);
	}
	return text;
}

/* tracefs knows those that have left a processor since it was asked; /proc who is there. */
static const char *command_of(const struct event *e)
{
	static char text[64];
	char path[64];
	FILE *f;

	if (strcmp(e->command, "<...>"))
		return e->command;
	snprintf(path, sizeof(path), "/proc/%s/comm", e->tid);
	strcpy(text, "?");
	f = fopen(path, "re");
	if (!f)
		return text;
	if (fgets(text, sizeof(text), f))
		text[strcspn(text, "\n")] = 0;
	fclose(f);
	return text;
}

static void print_people(const struct event *e)
{
	size_t i;

	printf("%s %s/%s %s %s", e->time, command_of(e), e->tid, e->name, name_of(e->id));
	for (i = 0; i < e->n; i++)
		printf(" %s=%s", e->fields[i].key, e->fields[i].value);
	putchar('\n');
}

static struct json_object *json_of_value(const char *value)
{
	char *end;
	long long n = strtoll(value, &end, 0);

	return *end ? json_object_new_string(value) : json_object_new_int64(n);
}

static void print_program(const struct event *e)
{
	struct json_object *o = json_object_new_object();
	const char *name = name_of(e->id);
	size_t i;

	json_object_object_add(o, "time", json_object_new_double(strtod(e->time, NULL)));
	json_add_string(o, "command", command_of(e));
	json_add_number(o, "caller", strtoull(e->tid, NULL, 10));
	json_add_number(o, "cpu", strtoull(e->cpu, NULL, 10));
	json_add_string(o, "event", e->name);
	json_add_number(o, "id", e->id);
	json_add_string(o, "name", name[0] == '#' ? "" : name);
	for (i = 0; i < e->n; i++)
		json_object_object_add(o, e->fields[i].key, json_of_value(e->fields[i].value));
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
}

/*
 * The instance
 */

static void must(bool done, const char *what)
{
	if (!done)
		die(STATUS_ERROR, "%s: %s", what, strerror(errno));
}

/* "id==5||id==7" */
static char *filter_of(const struct options *o)
{
	struct chan_info info;
	char *text = NULL;
	size_t size, i;
	FILE *f = open_memstream(&text, &size);

	must(f, "the filter");
	for (i = 0; i < o->n; i++) {
		find_channel(o->channels[i], &info);
		fprintf(f, "%sid==%llu", i ? "||" : "", (unsigned long long)info.id);
	}
	fclose(f);
	return text;
}

static struct tracefs_instance *start(const struct options *o)
{
	struct tracefs_instance *in;
	char name[32], *filter = o->n ? filter_of(o) : NULL;
	bool done;

	if (!tracefs_tracing_dir())
		die(STATUS_ERROR, "there is no tracefs that you may use: tracing is for root");
	snprintf(name, sizeof(name), "chanctl-%d", getpid());
	in = tracefs_instance_create(name);
	must(in, "a new instance of tracefs");
	tracefs_instance_file_write(in, "trace_clock", "mono");
	done = (!filter || tracefs_instance_file_write(in, "events/chan/filter", filter) > 0) &&
	       !tracefs_event_enable(in, "chan", NULL);
	free(filter);
	if (!done) {
		tracefs_instance_destroy(in);
		die(STATUS_ERROR, "the module's tracepoints aren't there: load the module (chanctl load)");
	}
	return in;
}

static void follow(const struct options *o, FILE *pipe)
{
	struct event e;
	char *line = NULL;
	size_t size = 0;
	uint64_t n = 0;

	while (!stopped_by && (!o->count || n < o->count)) {
		if (getline(&line, &size, pipe) < 0) {
			clearerr(pipe);
			continue;	/* a signal, or nothing is left of an old one */
		}
		if (strstr(line, "LOST"))
			say("events were lost: they come faster than they are printed");
		if (!parse_event(line, &e))
			continue;
		if (o->json)
			print_program(&e);
		else
			print_people(&e);
		flush_or_die();
		n++;
	}
	free(line);
}

int cmd_trace(int argc, char *argv[])
{
	struct tracefs_instance *in;
	struct options o = {};
	FILE *pipe;
	int fd;

	parse_all(&argp, argc, argv, &o);
	in = start(&o);
	catch_signals();
	fd = tracefs_instance_file_open(in, "trace_pipe", O_RDONLY);
	pipe = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (pipe) {
		follow(&o, pipe);
		fclose(pipe);
	} else {
		say("trace_pipe: %s", strerror(errno));
	}
	tracefs_event_disable(in, "chan", NULL);
	tracefs_instance_destroy(in);
	tracefs_instance_free(in);
	if (stopped_by)
		die_of_signal();
	return pipe ? STATUS_DONE : STATUS_ERROR;
}
