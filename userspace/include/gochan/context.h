/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Go's package context in C: cancellation and deadlines that go down a tree
 */
#ifndef GOCHAN_CONTEXT_H
#define GOCHAN_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: Contexts in one page
 *
 * A context says whether the work that is done in its name is still wanted. It is done
 * when somebody cancels it, when its deadline passes, or when its parent is done; with the
 * reason that came first, which stays.
 *
 * - Life. Functions that make a context return a reference of the caller's. A context that
 *   nobody has a reference to any more is gone, cancelled or not; it keeps its parent. So
 *   unlike in Go nothing is lost by not cancelling, but all the same: who made a context
 *   cancels it when the work is over, for those who work still.
 * - All functions may be called at any time from any goroutine or thread that has a
 *   reference to the context. No lock is held while others are told.
 * - The channel of go_context_done() needs the module, for select. All else doesn't.
 * - Deadlines need the runtime's timers, which a child of fork(2) doesn't have: those from
 *   before the fork don't pass there.
 *
 * There are no values: C programs pass them as arguments.
 */

/* A context. */
struct go_context;

/* Go's struct{}: an element without content. */
__extension__ struct go_unit {
};

/**
 * go_background() - the context that is never done: the root of trees
 *
 * It is the same for everybody. References to it need not be given back.
 *
 * Return: the context.
 * Since: 1.0
 */
struct go_context *go_background(void);

/**
 * go_with_cancel() - a context that can be cancelled
 * @parent: when that is done, so is the new one
 *
 * Panics if @parent is NULL: "cannot create context from nil parent".
 *
 * Return: the context, or NULL if there is no memory.
 * Since: 1.0
 */
struct go_context *go_with_cancel(struct go_context *parent);

/**
 * go_with_deadline() - a context that is done at a time
 * @parent: as for go_with_cancel()
 * @deadline_ns: nanoseconds on CLOCK_MONOTONIC, as of chan_now(); if @parent's is
 *	earlier, then that; UINT64_MAX for none
 *
 * If the time has passed already, the context is done from the start.
 *
 * Return: as go_with_cancel().
 * Since: 1.0
 */
struct go_context *go_with_deadline(struct go_context *parent, uint64_t deadline_ns);

/**
 * go_with_timeout() - a context that is done in some time
 * @parent: as for go_with_cancel()
 * @timeout_ns: nanoseconds from now on; over 292 years for ever
 *
 * Return: as go_with_cancel().
 * Since: 1.0
 */
struct go_context *go_with_timeout(struct go_context *parent, uint64_t timeout_ns);

/**
 * go_cancel() - the work is not wanted any more
 * @ctx: the context
 *
 * If it is done already, nothing changes. Otherwise its error is -ECANCELED from now on,
 * as that of all contexts below it that aren't done; when this returns they are, but for
 * those that somebody else is cancelling at the same time.
 *
 * Panics for go_background().
 *
 * Since: 1.0
 */
void go_cancel(struct go_context *ctx);

/**
 * go_context_err() - whether a context is done, and why
 * @ctx: the context
 *
 * Return: 0 as long as it isn't; then always -ECANCELED if it was cancelled, or
 * -ETIMEDOUT if its deadline has passed.
 * Since: 1.0
 */
int go_context_err(const struct go_context *ctx);

/**
 * go_context_wait() - wait until a context is done, but no longer than a time
 * @ctx: the context
 * @timeout_ns: nanoseconds from now on; over 292 years for ever
 *
 * Return: 0 when it is done, go_context_err() says why; or -ETIMEDOUT if it isn't.
 * Since: 1.0
 */
int go_context_wait(struct go_context *ctx, uint64_t timeout_ns);

/* What recv_chan(struct go_unit) is in C. */
typedef struct go_unit (*go_done_chan)[1];

/**
 * go_context_done() - a channel that is closed when a context is done, for select
 * @ctx: the context
 *
 * In C it is a recv_chan(struct go_unit). It is made at the first call, is the same at
 * each, and stays as long as the context; chan_ref() it to keep it. Nothing is ever sent
 * through it.
 *
 * Panics with the cause if it can't be made, as when the module isn't loaded.
 *
 * Return: the channel, or NULL, which is never ready, for go_background().
 * Since: 1.0
 */
go_done_chan go_context_done(struct go_context *ctx);

/**
 * go_context_deadline() - when a context is done at the latest
 * @ctx: the context
 * @deadline_ns: nanoseconds on CLOCK_MONOTONIC; untouched if there is no deadline
 *
 * Return: whether there is a deadline.
 * Since: 1.0
 */
bool go_context_deadline(const struct go_context *ctx, uint64_t *deadline_ns);

/**
 * go_context_ref() - share a context
 * @ctx: the context
 *
 * Return: @ctx, which now needs one more go_context_unref().
 * Since: 1.0
 */
struct go_context *go_context_ref(struct go_context *ctx);

/**
 * go_context_unref() - let go of a context, which doesn't cancel it
 * @ctx: the context, or NULL
 *
 * Return: NULL.
 * Since: 1.0
 */
struct go_context *go_context_unref(struct go_context *ctx);

#ifdef __cplusplus
}
#endif

#endif /* GOCHAN_CONTEXT_H */
