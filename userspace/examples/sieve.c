// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The prime sieve, the well-known first program with Go's channels (Doug McIlroy's, in
 * Hoare's CSP before): a process that counts, and for each prime a process that lets
 * through what the prime doesn't divide, joined by unbuffered channels.
 *
 *   sieve N     print the first N primes
 *
 * Channels that hang up end it: when nobody receives any more, the last filter's send
 * fails with EPIPE and it ends, so nobody receives from the one before, and so on.
 */
#include <errno.h>
#include <libchan.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "sieve: %s: %s\n", what, chan_strerror(r));
	exit(1);
}

/* Both ends of a new channel; each process keeps those that it needs. */
static void make(struct chan **in, struct chan **out)
{
	const struct chan_options options = {
		.size = sizeof(options), .flags = CHAN_HANGUP, .type = "int32",
	};
	struct chan *both;

	check(chan_new(&both, sizeof(int32_t), 0, O_RDWR, &options), "make");
	check(chan_narrow(in, both, O_RDONLY), "narrow");
	check(chan_narrow(out, both, O_WRONLY), "narrow");
	chan_unref(both);
}

static void send_or_end(struct chan *out, int32_t i)
{
	int r = chan_send_elem(out, &i);

	if (r == -EPIPE)
		exit(0);
	check(r, "send");
}

static int32_t receive(struct chan *in)
{
	int32_t i;

	check(chan_recv_elem(in, &i), "receive");
	return i;
}

static void generate(struct chan *out)
{
	int32_t i;

	for (i = 2;; i++)
		send_or_end(out, i);
}

static void filter(struct chan *in, struct chan *out, int32_t prime)
{
	for (;;) {
		int32_t i = receive(in);

		if (i % prime)
			send_or_end(out, i);
	}
}

static pid_t fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("sieve: fork");
		exit(1);
	}
	return pid;
}

int main(int argc, char *argv[])
{
	struct chan *in, *next, *out;
	int n = argc > 1 ? atoi(argv[1]) : 10, status, failed = 0;
	int32_t prime;

	make(&in, &out);
	if (!fork_or_die()) {
		chan_unref(in);
		generate(out);
	}
	chan_unref(out);
	while (n-- > 0) {
		prime = receive(in);
		printf(n ? "%d " : "%d\n", prime);
		fflush(stdout);
		make(&next, &out);
		if (!fork_or_die()) {
			chan_unref(next);
			filter(in, out, prime);
		}
		chan_unref(out);
		chan_unref(in);
		in = next;
	}
	chan_unref(in);
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : 0;
}
