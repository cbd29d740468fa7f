/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of Go's face share. Each party of a test is a goroutine, or a thread
 * where the test's variant says so: what Go's face says holds for both, mixed as well.
 *
 * Not for tests with chan_test.h, whose system calls are named as the library's functions.
 */
#ifndef GO_TEST_H
#define GO_TEST_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gochan.h>

#include "slow.h"

#define MS	1000000ULL
#define SEC	(1000 * MS)
#define LONG	(600 * SEC)	/* never in a test that works */

#define ARRAY(a)	(sizeof(a) / sizeof((a)[0]))

static inline void step_aside(void)
{
	if (go_id())
		go_yield();
	else
		sched_yield();
}

/* No test sleeps and hopes: the module says who is parked. */
static inline void wait_parked_in(const struct chan *c, unsigned int senders,
				  unsigned int receivers)
{
	struct chan_info info;

	do {
		step_aside();
		if (chan_info(c, &info, sizeof(info)))
			abort();
	} while (info.parked_senders != senders || info.parked_receivers != receivers);
}
#define wait_parked(c, senders, receivers) \
	wait_parked_in(chan_handle(c), senders, receivers)

/*
 * Parties
 */

struct party {
	void (*fn)(void *arg);
	void *arg;
	struct go_wait_group *ended;
};

static inline void party_ends(void *ended)
{
	go_wait_group_done(ended);
}

/* However it ends: a panic whose handler ends the goroutine, too. */
static inline void party_run(void *arg)
{
	struct party party = *(struct party *)arg;

	go_defer(party_ends, party.ended);
	free(arg);
	party.fn(party.arg);
}

static inline void *party_thread(void *arg)
{
	party_run(arg);
	return NULL;
}

static inline void start(bool thread, struct go_wait_group *ended, void (*fn)(void *), void *arg)
{
	struct party *party = malloc(sizeof(*party));
	pthread_t id;

	*party = (struct party){ .fn = fn, .arg = arg, .ended = ended };
	go_wait_group_add(ended, 1);
	if (!thread) {
		if (go_start(party_run, party))
			abort();
		return;
	}
	if (pthread_create(&id, NULL, party_thread, party) || pthread_detach(id))
		abort();
}

/*
 * Panics
 */

static __thread jmp_buf back;
static __thread char panicked[256];

/* Not with Go's status, 2, which kselftest takes for a failure that was expected. */
static inline void fail(const char *message)
{
	printf("# panic: %s\n", message);
	fflush(stdout);
	_exit(KSFT_FAIL);
}

static void __attribute__((constructor)) panics_fail(void)
{
	go_set_panic_handler(fail);
}

/* For the thread of the test alone. */
static inline void jump_back(const char *message)
{
	snprintf(panicked, sizeof(panicked), "%s", message);
	longjmp(back, 1);
}

/* What the statement panics about, or "". */
#define PANIC_OF(statement) ({							\
	go_panic_handler before_ = go_set_panic_handler(jump_back);		\
	panicked[0] = 0;							\
	if (!setjmp(back)) {							\
		statement;							\
	}									\
	go_set_panic_handler(before_);						\
	panicked;								\
})

/*
 * For parties: each that panics ends, and is counted by what it says. What it has deferred
 * has run before, so that who waits for its end waits for the count, too.
 */
static int sends_on_closed, other_panics;	/* atomic */

#define wait_for_count(counter, n) do {						\
	while (__atomic_load_n(&(counter), __ATOMIC_SEQ_CST) != (n))		\
		step_aside();							\
} while (0)

static inline void count_and_end(const char *message)
{
	bool expected = !strcmp(message, "send on closed channel");

	__atomic_add_fetch(expected ? &sends_on_closed : &other_panics, 1, __ATOMIC_SEQ_CST);
	go_exit();
}

/* Who looks for a deadlock finds a thread of ThreadSanitizer's, and supposes that it may wake. */
void *__tsan_create_fiber(unsigned int flags) __attribute__((weak));

static inline bool deadlocks_are_told(void)
{
	return !__tsan_create_fiber;
}

/*
 * Programs: what one says on standard error, and its exit status, or 256 if it was killed
 */
struct end {
	char err[4096];
	int status;
};

static inline struct end run_program(void (*fn)(void))
{
	struct end end = { .status = 256 };
	int p[2], status;
	size_t len = 0;
	ssize_t r;
	pid_t pid;

	if (pipe(p))
		abort();
	pid = fork();
	if (!pid) {
		dup2(p[1], STDERR_FILENO);
		close(p[0]);
		close(p[1]);
		go_set_panic_handler(NULL);
		fn();
		_exit(0);
	}
	close(p[1]);
	while (len < sizeof(end.err) - 1 &&
	       (r = read(p[0], end.err + len, sizeof(end.err) - 1 - len)) > 0)
		len += r;
	close(p[0]);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		end.status = WEXITSTATUS(status);
	return end;
}

#endif /* GO_TEST_H */
