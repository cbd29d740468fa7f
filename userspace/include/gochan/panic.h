/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gochan - panic, fatal errors, defer
 */
#ifndef GOCHAN_PANIC_H
#define GOCHAN_PANIC_H

/* What the macros declare is theirs: no warning that it shadows what another declares. */
#pragma GCC system_header

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * typedef go_panic_handler - what is called when somebody panics
 * @message: what about; good until the handler returns or jumps away
 */
typedef void (*go_panic_handler)(const char *message);

/**
 * go_panic() - Go's panic: end the program, unless a handler jumps away
 * @format: as of printf(3); over 1,023 bytes are cut
 *
 * Runs what the goroutine has deferred, the last first (of a plain thread: what the
 * thread has); then calls the handler, if there is one; and if that returns or there is
 * none, flushes stdout (unless another thread has that locked), writes "panic: MESSAGE",
 * an empty line and "goroutine N [running]:" to standard error, and ends the process with
 * status 2, as Go does. The thread of main() is told as goroutine 1, other plain threads
 * as "thread N [running]:". A panic in a deferred function runs those that are left and is
 * told after the first; the handler gets the message of the last. Of many who panic at
 * once one is told. Nothing registered with atexit(3) runs.
 *
 * It isn't for signal handlers.
 * Since: 1.0
 */
void go_panic(const char *format, ...) __attribute__((__noreturn__, __format__(printf, 1, 2)));

/**
 * go_fatal() - Go's fatal error: end the program, whatever is deferred
 * @format: as of printf(3); over 1,023 bytes are cut
 *
 * As go_panic(), with "fatal error: MESSAGE"; but nothing deferred runs, and no handler.
 * Since: 1.0
 */
void go_fatal(const char *format, ...) __attribute__((__noreturn__, __format__(printf, 1, 2)));

/**
 * go_set_panic_handler() - what to do when somebody panics
 * @handler: called in the goroutine or thread that panics, or NULL for none
 *
 * It is the whole process's. The handler may call longjmp(3) to a place in a function
 * that hasn't returned yet, of the same goroutine or thread, which then goes on; or
 * go_exit(), which ends the goroutine alone; or exit(3). All that the goroutine had
 * deferred has run by then, also of functions that go on. It must not panic.
 *
 * Return: the handler that it replaces, or NULL.
 * Since: 1.0
 */
go_panic_handler go_set_panic_handler(go_panic_handler handler);

/**
 * struct go_deferred - a call that is deferred, on the stack of who deferred it
 * @next: private
 * @fn: private
 * @arg: private
 * @reserved: private
 */
struct go_deferred {
	struct go_deferred *next;
	void (*fn)(void *arg);
	void *arg;
	uint64_t reserved;
};

/**
 * go_defer_begin() - defer a call: what go_defer() does, for other compilers
 * @d: stays where it is until go_defer_end()
 * @fn: what is called
 * @arg: with what
 *
 * Calls nest: what was begun last ends first.
 *
 * Return: @d.
 * Since: 1.0
 */
struct go_deferred *go_defer_begin(struct go_deferred *d, void (*fn)(void *arg), void *arg);

/**
 * go_defer_end() - carry out a deferred call, unless a panic or go_exit() has
 * @d: from go_defer_begin()
 *
 * Since: 1.0
 */
void go_defer_end(struct go_deferred *d);

#ifdef __cplusplus
}
#else

/**
 * go_defer() - Go's defer fn(arg): call it when the block is left
 * @fn: a function of one pointer; what it returns is dropped
 * @arg: that pointer, evaluated now
 *
 * A declaration. The call comes when the block is left by its end, break, continue,
 * goto or return, by go_exit(), or by a panic; of several the last comes first. Unlike
 * Go's it belongs to its block, not to its function: one in a loop runs each time round.
 * Whoever jumps away with longjmp(3) leaves it out, but for a panic handler.
 * Since: 1.0
 */
#define go_defer(fn, arg)	LIBCHAN_DEFER(__COUNTER__, fn, arg)

#define LIBCHAN_DEFER(n, fn, arg)	LIBCHAN_DEFER_AS(n, fn, arg)

/* That fn takes arg is checked by a call that isn't carried out. */
#define LIBCHAN_DEFER_AS(n, fn, arg) \
	struct go_deferred libchan_defer_##n __attribute__((__cleanup__(go_defer_end))), \
		*libchan_deferred_##n __attribute__((__unused__)) = \
		go_defer_begin(&libchan_defer_##n, \
			       (void (*)(void *))((void)(__typeof__((fn)(arg)) *)0, (fn)), (arg))

#endif /* !__cplusplus */

#endif /* GOCHAN_PANIC_H */
