// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Lines of several pipes or files as they come, each with its file's name in front: fan-in,
 * with times.
 *
 * It shows goroutines that block in plain system calls (go_block), one channel that they
 * all send to and that is closed after the last of them, and the two ways to bound a
 * conversation in a select: the time without a word, which begins anew with each select
 * (Go's case <-time.After(d)), and the time of it all, which is one channel made before.
 */
#include <argp.h>
#include <err.h>
#include <gochan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND	1000000000ULL

struct line {
	const char *file;
	char *text;
};

static struct {
	char **files;
	int n;
	uint64_t idle, total;
	int status;
} fan = { .idle = UINT64_MAX };

static FILE *open_file(const char *name)
{
	FILE *f = NULL;

	/* Of a fifo that waits for somebody to write. errno is the thread's: it stays here. */
	go_block {
		f = fopen(name, "re");
		if (!f)
			warn("%s", name);
	}
	return f;
}

static char *next_line(FILE *f)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t len = -1;

	go_block
		len = getline(&text, &size, f);
	if (len < 0) {
		free(text);
		return NULL;
	}
	text[strcspn(text, "\n")] = 0;
	return text;
}

go_func(follow, (const char *, name), (send_chan(struct line), lines),
	(struct go_wait_group *, all))
{
	FILE *f = open_file(name);
	char *text;

	while (f && (text = next_line(f)))
		go_send(lines, (struct line){ name, text });
	if (f)
		fclose(f);
	go_wait_group_done(all);
}

go_func(closer, (struct go_wait_group *, all), (send_chan(struct line), lines))
{
	go_wait_group_wait(all);
	go_close(lines);
}

static bool print(struct line l, bool ok)
{
	if (!ok)
		return false;
	printf("%s: %s\n", l.file, l.text);
	fflush(stdout);
	free(l.text);
	return true;
}

static bool give_up(const char *why)
{
	warnx("%s", why);
	fan.status = 1;
	return false;
}

static void program(void *arg)
{
	static struct go_wait_group all;
	chan(struct line) lines = go_make(struct line);
	recv_chan(uint64_t) end = fan.total ? go_after(fan.total) : NULL;
	bool more = true, ok;
	struct line l;
	int i;

	(void)arg;
	go_wait_group_add(&all, fan.n);
	for (i = 0; i < fan.n; i++)
		go(follow, fan.files[i], send_only(lines), &all);
	go(closer, &all, send_only(lines));
	while (more) {
		go_select {
			go_case_recv_ok(lines, &l, &ok)
				more = print(l, ok);
			go_case_timeout(fan.idle)
				more = give_up("nobody has said anything for too long");
			go_case_recv(end, NULL)
				more = give_up("the time is over");
		}
	}
	chan_unref(end);
	/* Not lines: if a time has ended it, there are some who still send. */
}

static uint64_t seconds(char *arg, struct argp_state *state)
{
	char *end;
	double s = strtod(arg, &end);

	if (*end || end == arg || !(s > 0 && s < 1e9))
		argp_error(state, "a number of seconds is wanted, not '%s'", arg);
	return s * SECOND;
}

static error_t option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'i':
		fan.idle = seconds(arg, state);
		return 0;
	case 't':
		fan.total = seconds(arg, state);
		return 0;
	case ARGP_KEY_ARGS:
		fan.files = state->argv + state->next;
		fan.n = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char *argv[])
{
	static const struct argp_option options[] = {
		{ "idle", 'i', "SECONDS", 0, "End when no line has come for so long", 0 },
		{ "time", 't', "SECONDS", 0, "End after so long, whatever comes", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = option, .args_doc = "FILE...",
		.doc = "Print the lines of each FILE as they come.\v"
		       "The status is 1 if a time has ended it.",
	};

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	go_run(program, NULL);
	return fan.status;
}
