// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Prime factors, as factor(1) prints them, by servers that have a limited time for each
 * answer: requests with deadlines.
 *
 * It shows a request that carries the channel for its answer and a context with a deadline.
 * Who asks waits for either; who works looks at the context from time to time and gives up
 * when nobody wants the answer any more. The channel for it has room for one, so that no
 * server waits for somebody who has gone.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <gochan.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS	2

struct factors {
	int n;
	uint64_t prime[64];
};

struct request {
	struct go_context *ctx;
	uint64_t number;
	chan(struct factors) answer;
};

static struct {
	char **numbers;
	int n;
	uint64_t ms;
	int status;
} args = { .ms = 1000 };

/* Whether all factors were found before the context was done. */
static bool factor(struct go_context *ctx, uint64_t n, struct factors *f)
{
	uint64_t d;

	for (d = 2; d <= n / d; d++) {
		for (; n % d == 0; n /= d)
			f->prime[f->n++] = d;
		/* A goroutine that computes lets others run. */
		if (d % 65536 == 0) {
			if (go_context_err(ctx))
				return false;
			go_yield();
		}
	}
	if (n > 1)
		f->prime[f->n++] = n;
	return true;
}

go_func(server, (recv_chan(struct request), requests))
{
	go_range(r, requests) {
		struct factors f = { 0 };

		if (factor(r.ctx, r.number, &f))
			go_send(r.answer, f);
		chan_unref(r.answer);
		go_context_unref(r.ctx);
	}
}

static void print(uint64_t number, const struct factors *f)
{
	int i;

	printf("%" PRIu64 ":", number);
	for (i = 0; i < f->n; i++)
		printf(" %" PRIu64, f->prime[i]);
	putchar('\n');
}

static void no_answer(uint64_t number)
{
	warnx("%" PRIu64 ": no answer within %" PRIu64 " ms", number, args.ms);
	args.status = 1;
}

static void ask(send_chan(struct request) requests, uint64_t number)
{
	struct go_context *ctx = go_with_timeout(go_background(), args.ms * 1000000);
	chan(struct factors) answer = go_make(struct factors, 1);
	bool asked = false;
	struct factors f;

	if (!ctx)
		errx(1, "no memory");
	/* The server has references of its own, from the moment that it has the request. */
	struct request r = { go_context_ref(ctx), number, chan_ref(answer) };

	go_select {
		go_case_send(requests, r)
			asked = true;
		go_case_recv(go_context_done(ctx), NULL) {
			no_answer(number);
			chan_unref(r.answer);
			go_context_unref(r.ctx);
		}
	}
	if (asked) {
		go_select {
			go_case_recv(answer, &f)
				print(number, &f);
			go_case_recv(go_context_done(ctx), NULL)
				no_answer(number);
		}
	}
	go_cancel(ctx);
	go_context_unref(ctx);
	chan_unref(answer);
}

static void program(void *arg)
{
	chan(struct request) requests = go_make(struct request);
	int i;

	(void)arg;
	for (i = 0; i < SERVERS; i++)
		go(server, recv_only(requests));
	for (i = 0; i < args.n; i++)
		ask(send_only(requests), strtoull(args.numbers[i], NULL, 10));
	go_close(requests);
}

/* The whole of an argument as a number; strtoull() would take "-1" and " 1". */
static uint64_t number(const char *arg, struct argp_state *state)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(arg, &end, 10);
	if (arg[strspn(arg, "0123456789")] || end == arg || errno || !n)
		argp_error(state, "a number from 1 to 2^64-1 is wanted, not '%s'", arg);
	return n;
}

static error_t option(int key, char *arg, struct argp_state *state)
{
	int i;

	switch (key) {
	case 't':
		args.ms = number(arg, state);
		if (args.ms > 1000000000)
			argp_error(state, "a time is at most 1000000000 ms, not '%s'", arg);
		return 0;
	case ARGP_KEY_ARGS:
		args.numbers = state->argv + state->next;
		args.n = state->argc - state->next;
		for (i = 0; i < args.n; i++)
			number(args.numbers[i], state);
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
		{ "time", 't', "MS", 0, "Milliseconds for each answer (1000)", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = option, .args_doc = "NUMBER...",
		.doc = "Print the prime factors of each NUMBER, if they are found in time.\v"
		       "The status is 1 if some were not.",
	};

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	go_run(program, NULL);
	return args.status;
}
