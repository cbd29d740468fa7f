/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of sync and context share: parties that are threads, goroutines, or some
 * of each; misuse in a process of its own; TAP.
 */
#ifndef SYNC_TEST_H
#define SYNC_TEST_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gochan/task.h"

#define MS	1000000ULL
#define LONG	(600 * 1000 * MS)	/* never in a test that works */
#define FOR_EVER UINT64_MAX

#define ARRAY(a)	(sizeof(a) / sizeof((a)[0]))

static _Atomic int failures;

#define EXPECT(cond) do {							\
	if (!(cond)) {								\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);		\
		failures++;							\
	}									\
} while (0)

#define EXPECT_EQ(a, b) do {							\
	long long a_ = (a), b_ = (b);						\
	if (a_ != b_) {								\
		printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__,	\
		       #a, a_, b_);						\
		failures++;							\
	}									\
} while (0)

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 * MS + t.tv_nsec;
}

/* Let others run: another goroutine too, if the caller is one. */
static inline void step_aside(void)
{
	go_yield();
}

static inline void nap(uint64_t ns)
{
	struct timespec t = { .tv_nsec = ns };

	if (go_id())
		go_sleep(ns);
	else
		nanosleep(&t, NULL);
}

/* Looks again and again, and if it takes long leaves the CPU to those waited for. */
#define WAIT_UNTIL(cond) do {							\
	unsigned int turns_ = 0;						\
										\
	while (!(cond)) {							\
		if (turns_++ < 20)						\
			step_aside();						\
		else								\
			nap(100000);						\
	}									\
} while (0)

/* So much time passes, under a second, whatever else does: for rules that are about time. */
static inline void let_pass(uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	if (ns > 100000)
		nap(ns);
	while (now_ns() < end)
		;
}

/* Who the parties of a test are; each test runs with each kind. */
enum kind { THREADS, GOROUTINES, MIXED };

static const char *const kinds[] = { "threads", "goroutines", "threads and goroutines" };
static enum kind kind;

struct party {
	void (*fn)(void *arg);
	void *arg;
	bool goroutine;
	pthread_t thread;
	sem_t ended;
};

static inline void party_run(void *arg)
{
	struct party *p = arg;

	p->fn(p->arg);
	sem_post(&p->ended);
}

static inline void *party_thread(void *arg)
{
	party_run(arg);
	return NULL;
}

/* Where the parties are mixed, every second one is a goroutine, but not the first. */
static inline void party_begin(struct party *p, void (*fn)(void *arg), void *arg)
{
	static unsigned int mix;

	p->fn = fn;
	p->arg = arg;
	p->goroutine = kind == GOROUTINES || (kind == MIXED && mix++ % 2);
	sem_init(&p->ended, 0, 0);
	if (p->goroutine ? go_start(party_run, p) :
			   pthread_create(&p->thread, NULL, party_thread, p))
		abort();
}

/* For the main thread, which isn't a goroutine. */
static inline void party_end(struct party *p)
{
	while (sem_wait(&p->ended))
		;
	if (!p->goroutine)
		pthread_join(p->thread, NULL);
	sem_destroy(&p->ended);
}

/* Many that do the same with the same argument. */
static inline void parties_run(int n, void (*fn)(void *arg), void *arg)
{
	struct party p[64];
	int i;

	for (i = 0; i < n; i++)
		party_begin(&p[i], fn, arg);
	for (i = 0; i < n; i++)
		party_end(&p[i]);
}

/* What ends the process: this program runs again, and does nothing else. */
struct misuse {
	const char *name;
	void (*fn)(void);
	const char *says;
};

/* Returns the exit status, or that of a signal as a shell's. What it said goes into @said. */
static inline int run_again(const char *what, char *said, size_t size)
{
	int fds[2], status;
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	if (pipe(fds))
		abort();
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		execl("/proc/self/exe", "again", what, NULL);
		_exit(127);
	}
	close(fds[1]);
	while (n < size - 1 && (r = read(fds[0], said + n, size - 1 - n)) > 0)
		n += r;
	said[n] = 0;
	close(fds[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void misuse_ends_the_process(const struct misuse *m)
{
	char said[65536];
	int status = run_again(m->name, said, sizeof(said));

	if (status != 2 || strncmp(said, m->says, strlen(m->says))) {
		printf("# %s: status %d, said: %.300s\n", m->name, status, said);
		failures++;
	}
}

/* Does nothing if the program isn't run again. */
static inline void misuse_if_asked(int argc, char **argv, const struct misuse *all, size_t n)
{
	size_t i;

	if (argc < 2)
		return;
	for (i = 0; i < n; i++) {
		if (!strcmp(argv[1], all[i].name)) {
			all[i].fn();
			printf("still there\n");
			exit(0);
		}
	}
	exit(127);
}

static int tests, failed;

/* A test that hangs is ended by the clock: SLOW is how much slower than usual all is. */
static inline void test_run(const char *name, void (*fn)(void), const char *with)
{
	const char *slow = getenv("SLOW");
	int before = failures;

	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(120 * (slow ? atoi(slow) : 1));
	fn();
	alarm(0);
	if (failures != before)
		failed++;
	printf("%sok %d - %s%s%s\n", failures != before ? "not " : "", ++tests, name,
	       with ? ", with " : "", with ? with : "");
	fflush(stdout);
}

#define TEST(name)	test_run(#name, name, NULL)

#define TEST_EACH(name) do {							\
	for (kind = THREADS; kind <= MIXED; kind++)				\
		test_run(#name, name, kinds[kind]);				\
	kind = THREADS;								\
} while (0)

static inline int test_result(void)
{
	printf("1..%d\n# %d passed, %d failed\n", tests, tests - failed, failed);
	return failed != 0;
}

#endif /* SYNC_TEST_H */
