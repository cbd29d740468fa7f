// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Standard input to standard output, so many lines a second and no more: a rate limiter.
 *
 * It shows a ticker, and a buffered channel as what lets a burst through: a line needs a
 * token, the channel holds as many as may be saved up, and each tick adds one if there is
 * room. An element of a channel of struct go_unit, Go's struct{}, has no bytes: only that it
 * is there counts.
 */
#include <argp.h>
#include <err.h>
#include <gochan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND	1000000000ULL

static struct {
	double rate;
	long burst;
} args = { 10, 1 };

go_func(add_tokens, (send_chan(struct go_unit), tokens), (uint64_t, period))
{
	recv_chan(uint64_t) tick = go_tick(period);

	/* A full channel is as good as one more: who tries waits for nobody. */
	go_range(now, tick)
		chan_send_try(tokens, (struct go_unit){ });
}

static int copy(recv_chan(struct go_unit) tokens)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		go_recv(tokens);
		if (fwrite(line, len, 1, stdout) != 1 || fflush(stdout))
			err(1, "standard output");
	}
	free(line);
	if (ferror(stdin))
		err(1, "standard input");
	return 0;
}

static error_t option(int key, char *arg, struct argp_state *state)
{
	char *end;

	switch (key) {
	case 'r':
		args.rate = strtod(arg, &end);
		if (*end || end == arg || !(args.rate >= 0.001 && args.rate <= 1e6))
			argp_error(state, "a rate is 0.001 to 1000000, not '%s'", arg);
		return 0;
	case 'b':
		args.burst = strtol(arg, &end, 10);
		if (*end || end == arg || args.burst < 1 || args.burst > 1000000)
			argp_error(state, "a burst is 1 to 1000000 lines, not '%s'", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char *argv[])
{
	static const struct argp_option options[] = {
		{ "rate", 'r', "N", 0, "Lines a second (10)", 0 },
		{ "burst", 'b', "N", 0, "Lines at once after a time without any (1)", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = option,
		.doc = "Copy standard input to standard output, no faster than a rate.",
	};
	chan(struct go_unit) tokens;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	tokens = go_make(struct go_unit, args.burst);
	while (!chan_send_try(tokens, (struct go_unit){ }))
		;
	go(add_tokens, send_only(tokens), SECOND / args.rate);
	return copy(recv_only(tokens));
}
