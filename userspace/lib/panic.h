/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is deferred, and what panics: for the files of the library.
 */
#ifndef LIBCHAN_PANIC_H
#define LIBCHAN_PANIC_H

#include <gochan/panic.h>

struct chan;

struct libchan_panic;

/**
 * struct libchan_calls - what a goroutine or a plain thread has deferred
 * @top: what was deferred last
 * @panics: whose deferred calls are being run, the innermost first
 *
 * Its owner's alone. Zero is nothing.
 */
struct libchan_calls {
	struct go_deferred *top;
	struct libchan_panic *panics;
};

/**
 * libchan_run_deferred() - carry out all that the goroutine or thread has deferred
 *
 * For go_exit(). The last comes first, each once.
 */
void libchan_run_deferred(void);

/**
 * libchan_die() - tell why, and end the process with status 2
 * @text: written to standard error as it is, after stdout is flushed
 *
 * Only the first who dies is heard.
 */
void libchan_die(const char *text) __attribute__((noreturn));

/* In face.c. */
void libchan_panic_send(const struct chan *c, int error) __attribute__((noreturn));

#endif /* LIBCHAN_PANIC_H */
