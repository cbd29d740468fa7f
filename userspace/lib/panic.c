// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Panic, fatal errors, defer.
 *
 * Each goroutine, and each plain thread, has a list of the calls that it has deferred. Its
 * nodes lie on the stack, and leave the list when their block does. A panic and go_exit()
 * leave no block: they carry out the list from its top. A panic in a deferred call does
 * so again with what is left, inside the first one, which is why the first one's message
 * is still there when both are told.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "panic.h"
#include "runtime.h"

#define MESSAGE_SIZE	1024	/* with the closing NUL */
#define PANIC_STATUS	2	/* as Go's */

/**
 * struct libchan_panic - a panic, on the stack of go_panic()
 * @outer: the panic that was carrying out deferred calls when this came, or NULL
 * @message: without the word in front
 */
struct libchan_panic {
	struct libchan_panic *outer;
	const char *message;
};

static go_panic_handler the_handler;		/* atomic */
static bool dying;				/* atomic; set once */
static __thread struct libchan_calls thread_calls;

/*
 * A goroutine goes on in another thread after a call that waits: the address is asked for
 * anew each time, by a function of its own, lest the compiler keeps it.
 */
static __attribute__((noinline)) struct libchan_calls *calls_of_caller(void)
{
	const struct libchan_runtime *rt = __atomic_load_n(&libchan_runtime, __ATOMIC_ACQUIRE);
	struct libchan_calls *calls = rt ? rt->calls() : NULL;

	return calls ? calls : &thread_calls;
}

LIBCHAN_EXPORT struct go_deferred *go_defer_begin(struct go_deferred *d, void (*fn)(void *),
						  void *arg)
{
	struct libchan_calls *calls = calls_of_caller();

	*d = (struct go_deferred){ .next = calls->top, .fn = fn, .arg = arg };
	calls->top = d;
	return d;
}

static void carry_out(struct go_deferred *d)
{
	void (*fn)(void *arg) = d->fn;

	d->fn = NULL;
	fn(d->arg);
}

/*
 * Without a function it was carried out when the list was. Those above it can only be of
 * blocks that a jump has left: they are forgotten, and not looked at.
 */
LIBCHAN_EXPORT void go_defer_end(struct go_deferred *d)
{
	if (!d->fn)
		return;
	calls_of_caller()->top = d->next;
	carry_out(d);
}

void libchan_run_deferred(void)
{
	struct libchan_calls *calls = calls_of_caller();
	struct go_deferred *d;

	while ((d = calls->top)) {
		calls->top = d->next;
		carry_out(d);
	}
}

/* Others who die while one does sleep until it is over; they may hold no lock it needs. */
static void only_once(void)
{
	while (__atomic_exchange_n(&dying, true, __ATOMIC_ACQ_REL))
		pause();
}

/* Not exit(3): other threads run on, and would find what its handlers have torn down. */
static void leave(void) __attribute__((noreturn));
static void leave(void)
{
	_exit(PANIC_STATUS);
}

/* A thread that is stuck in stdout doesn't keep the process from ending. */
static void flush(void)
{
	if (ftrylockfile(stdout))
		return;
	fflush(stdout);
	funlockfile(stdout);
}

void libchan_die(const char *text)
{
	only_once();
	flush();
	dprintf(STDERR_FILENO, "%s", text);
	leave();
}

/* As Go's dumps begin. The first goroutine of a program without any is its main thread. */
static int who(char *to, size_t size)
{
	const struct libchan_runtime *rt = __atomic_load_n(&libchan_runtime, __ATOMIC_ACQUIRE);
	unsigned long long id = rt ? rt->id() : 0;
	pid_t tid = gettid();

	if (!id && tid == getpid())
		id = 1;
	if (id)
		return snprintf(to, size, "\ngoroutine %llu [running]:\n", id);
	return snprintf(to, size, "\nthread %d [running]:\n", (int)tid);
}

/* The first panic first, each further one indented, as Go does it. */
static void tell(const struct libchan_panic *p)
{
	if (p->outer)
		tell(p->outer);
	dprintf(STDERR_FILENO, "%spanic: %s\n", p->outer ? "\t" : "", p->message);
}

static void die_of(const struct libchan_panic *p) __attribute__((noreturn));
static void die_of(const struct libchan_panic *p)
{
	char whose[64];

	who(whose, sizeof(whose));
	only_once();
	flush();
	tell(p);
	dprintf(STDERR_FILENO, "%s", whose);
	leave();
}

/* The list of panics is forgotten before the handler may jump out of them all. */
LIBCHAN_EXPORT void go_panic(const char *format, ...)
{
	struct libchan_calls *calls = calls_of_caller();
	char message[MESSAGE_SIZE];
	struct libchan_panic p = { .outer = calls->panics, .message = message };
	go_panic_handler handler;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	calls->panics = &p;
	libchan_run_deferred();
	calls->panics = NULL;
	handler = __atomic_load_n(&the_handler, __ATOMIC_ACQUIRE);
	if (handler)
		handler(message);
	die_of(&p);
}

LIBCHAN_EXPORT void go_fatal(const char *format, ...)
{
	char text[MESSAGE_SIZE + 128];
	va_list args;
	size_t len;

	len = snprintf(text, sizeof(text), "fatal error: ");
	va_start(args, format);
	vsnprintf(text + len, MESSAGE_SIZE, format, args);
	va_end(args);
	len += strlen(text + len);
	len += snprintf(text + len, sizeof(text) - len, "\n");
	who(text + len, sizeof(text) - len);
	libchan_die(text);
}

LIBCHAN_EXPORT go_panic_handler go_set_panic_handler(go_panic_handler handler)
{
	return __atomic_exchange_n(&the_handler, handler, __ATOMIC_ACQ_REL);
}
