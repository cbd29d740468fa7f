// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Contexts: a tree whose nodes are done, for one reason each, and all below them too.
 *
 * Two counts. The owners are the references that were handed out and those of children to
 * their parent. When none is left the context leaves its parent and stops its timer. The
 * pins keep the memory: one for the owners together, one for a timer that may still run,
 * one for each cancellation that is on its way to the context.
 *
 * Locks: a bit of a word of each context, held for some instructions; never two at once.
 * A parent's covers its list of children and their links. Who cancels takes the children
 * off the list, pins them, and only then goes to each: so a tree of any depth takes a loop
 * and no stack, and nobody is told anything under a lock.
 *
 *	who cancels the parent			who drops the last owner of the child
 *	lock the parent
 *	child off the list, pinned
 *	unlock
 *						lock the parent; not on the list; unlock
 *						drop the owners' pin
 *	cancel the child: nobody minds
 *	drop the pin: the child is freed
 */
#include <stddef.h>
#include <stdlib.h>

#include "gochan/context.h"
#include "gochan/panic.h"
#include "internal.h"
#include "sleepers.h"

#define QUEUE	1u	/* the one bit of private words: locked */

/**
 * struct go_context - a context
 * @owners: atomic
 * @pins: atomic
 * @lock: a lock's bit
 * @error: written once, @lock held; read without
 * @deadline_ns: immutable
 * @timed: atomic; the timer is running and nobody has set about stopping it
 * @timer: of the deadline, if it is the context's own
 * @parent: immutable, owned; NULL under the background
 * @next: @parent's lock; the next of its children, or NULL
 * @prev: @parent's lock; what points here, or NULL if it isn't in the list
 * @work: of who has taken it off the list to cancel it
 * @children: @lock
 * @queue: @lock; those who wait
 * @done: @lock; the channel, owned, from the first call for it on
 */
struct go_context {
	uint32_t owners;
	uint32_t pins;
	uint32_t lock;
	int error;
	uint64_t deadline_ns;
	bool timed;
	struct libchan_timer timer;
	struct go_context *parent;
	struct go_context *next;
	struct go_context **prev;
	struct go_context *work;
	struct go_context *children;
	void *queue;
	struct chan *done;
};

static struct go_context background = {
	.deadline_ns = LIBCHAN_NEVER,
};

static void lock(struct go_context *ctx)
{
	libchan_sleepers_lock(&ctx->lock, QUEUE);
}

static void unlock(struct go_context *ctx)
{
	libchan_store(&ctx->lock, 0);
}

static void pin(struct go_context *ctx)
{
	__atomic_fetch_add(&ctx->pins, 1, __ATOMIC_RELAXED);
}

static void unpin(struct go_context *ctx)
{
	if (__atomic_sub_fetch(&ctx->pins, 1, __ATOMIC_ACQ_REL))
		return;
	chan_unref(ctx->done);
	free(ctx);
}

/* The parent's lock is held. */
static void leave_list(struct go_context *ctx)
{
	*ctx->prev = ctx->next;
	if (ctx->next)
		ctx->next->prev = ctx->prev;
	ctx->prev = NULL;
}

/* The parent's lock is held. */
static void enter_list(struct go_context *parent, struct go_context *ctx)
{
	ctx->next = parent->children;
	ctx->prev = &parent->children;
	if (ctx->next)
		ctx->next->prev = &ctx->next;
	parent->children = ctx;
}

/* The timer's function drops its pin itself if it comes first. */
static void stop_timer(struct go_context *ctx)
{
	if (__atomic_exchange_n(&ctx->timed, false, __ATOMIC_ACQ_REL) &&
	    libchan_timer_stop(&ctx->timer))
		unpin(ctx);
}

/* The lock is held. */
static struct go_context *take_children(struct go_context *ctx, struct go_context *work)
{
	struct go_context *child;

	while ((child = ctx->children)) {
		leave_list(child);
		pin(child);
		child->work = work;
		work = child;
	}
	return work;
}

static void tell(struct chan *done, struct libchan_sleeper *sleepers)
{
	if (done) {
		chan_close(done);
		chan_unref(done);
	}
	libchan_sleepers_wake(sleepers);
}

/* Returns what is to be cancelled after it: its children, then @work. */
static struct go_context *cancel_one(struct go_context *ctx, int error, struct go_context *work)
{
	struct libchan_sleeper *sleepers;
	struct chan *done;

	lock(ctx);
	if (ctx->error) {
		unlock(ctx);
		return work;
	}
	__atomic_store_n(&ctx->error, error, __ATOMIC_RELEASE);
	work = take_children(ctx, work);
	done = ctx->done ? chan_ref(ctx->done) : NULL;
	sleepers = libchan_sleepers_take_all(&ctx->queue);
	unlock(ctx);
	tell(done, sleepers);
	stop_timer(ctx);
	return work;
}

/* The caller has the context pinned, or owns it. */
static void cancel(struct go_context *ctx, int error)
{
	struct go_context *work = cancel_one(ctx, error, NULL), *next;

	while (work) {
		next = cancel_one(work, error, work->work);
		unpin(work);
		work = next;
	}
}

static void time_is_up(void *arg)
{
	struct go_context *ctx = arg;

	/* It has run: nobody need stop it. */
	__atomic_store_n(&ctx->timed, false, __ATOMIC_RELEASE);
	cancel(ctx, -ETIMEDOUT);
	unpin(ctx);
}

static void start_timer(struct go_context *ctx)
{
	pin(ctx);
	__atomic_store_n(&ctx->timed, true, __ATOMIC_RELEASE);
	libchan_timer_start(&ctx->timer, ctx->deadline_ns, time_is_up, ctx);
}

/* The timer may have passed by now, and the parent may be done. */
static void join_parent(struct go_context *ctx)
{
	struct go_context *parent = ctx->parent;
	int error;

	lock(parent);
	error = parent->error;
	if (!error)
		enter_list(parent, ctx);
	unlock(parent);
	if (error)
		cancel(ctx, error);
}

static void leave_parent(struct go_context *ctx)
{
	lock(ctx->parent);
	if (ctx->prev)
		leave_list(ctx);
	unlock(ctx->parent);
}

static struct go_context *alloc(struct go_context *parent)
{
	struct go_context *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return NULL;
	ctx->owners = 1;
	ctx->pins = 1;
	ctx->deadline_ns = parent->deadline_ns;
	if (parent != &background)
		ctx->parent = go_context_ref(parent);
	return ctx;
}

/* One that is done from the start, or has its parent's deadline, needs no timer. */
static void set_deadline(struct go_context *ctx, uint64_t deadline_ns)
{
	if (deadline_ns >= ctx->deadline_ns)
		return;
	ctx->deadline_ns = deadline_ns;
	if (ctx->parent && go_context_err(ctx->parent))
		return;
	if (deadline_ns <= libchan_now())
		cancel(ctx, -ETIMEDOUT);
	else
		start_timer(ctx);
}

LIBCHAN_EXPORT struct go_context *go_background(void)
{
	return &background;
}

LIBCHAN_EXPORT struct go_context *go_with_cancel(struct go_context *parent)
{
	return go_with_deadline(parent, LIBCHAN_NEVER);
}

LIBCHAN_EXPORT struct go_context *go_with_deadline(struct go_context *parent,
						   uint64_t deadline_ns)
{
	struct go_context *ctx;

	if (!parent)
		go_panic("cannot create context from nil parent");
	ctx = alloc(parent);
	if (!ctx)
		return NULL;
	set_deadline(ctx, deadline_ns);
	if (ctx->parent)
		join_parent(ctx);
	return ctx;
}

LIBCHAN_EXPORT struct go_context *go_with_timeout(struct go_context *parent,
						  uint64_t timeout_ns)
{
	return go_with_deadline(parent, libchan_deadline(timeout_ns));
}

LIBCHAN_EXPORT void go_cancel(struct go_context *ctx)
{
	if (ctx == &background)
		go_panic("the background context can't be cancelled");
	cancel(ctx, -ECANCELED);
}

LIBCHAN_EXPORT int go_context_err(const struct go_context *ctx)
{
	return __atomic_load_n(&ctx->error, __ATOMIC_ACQUIRE);
}

/* Returns whether it is queued; if not, the context is done. */
static bool queue(struct go_context *ctx, struct libchan_sleeper *me)
{
	bool done;

	libchan_waiter_init(&me->waiter, "context.Wait");
	lock(ctx);
	done = ctx->error;
	if (!done)
		libchan_sleepers_last(&ctx->queue, me);
	unlock(ctx);
	return !done;
}

/* Returns whether the sleeper was still in the queue. */
static bool leave_queue(struct go_context *ctx, struct libchan_sleeper *me)
{
	bool queued;

	lock(ctx);
	queued = me->queued;
	if (queued)
		libchan_sleepers_remove(&ctx->queue, me);
	unlock(ctx);
	return queued;
}

LIBCHAN_EXPORT int go_context_wait(struct go_context *ctx, uint64_t timeout_ns)
{
	struct libchan_sleeper me;

	if (go_context_err(ctx) || !queue(ctx, &me))
		return 0;
	if (!libchan_waiter_wait(&me.waiter, libchan_deadline(timeout_ns)))
		return 0;
	if (leave_queue(ctx, &me))
		return -ETIMEDOUT;
	return libchan_waiter_wait(&me.waiter, LIBCHAN_NEVER);
}

static struct chan *done_made(struct go_context *ctx)
{
	struct chan *done;

	lock(ctx);
	done = ctx->done;
	unlock(ctx);
	return done;
}

static struct chan *make_done(void)
{
	struct chan_options options = { .size = sizeof(options), .type = "struct go_unit" };
	struct chan *done;
	int r = chan_new(&done, 0, 0, O_RDWR, &options);

	if (r)
		go_panic("context: no channel: %s", chan_strerror(r));
	return done;
}

/* Somebody else may have made one meanwhile: the first stays. */
static struct chan *set_done(struct go_context *ctx, struct chan *done)
{
	struct chan *mine = done;
	int error;

	lock(ctx);
	if (!ctx->done) {
		ctx->done = done;
		mine = NULL;
	}
	done = ctx->done;
	error = ctx->error;
	unlock(ctx);
	if (error && !mine)
		chan_close(done);
	chan_unref(mine);
	return done;
}

LIBCHAN_EXPORT go_done_chan go_context_done(struct go_context *ctx)
{
	struct chan *done;

	if (ctx == &background)
		return NULL;
	done = done_made(ctx);
	if (!done)
		done = set_done(ctx, make_done());
	return (go_done_chan)done;
}

LIBCHAN_EXPORT bool go_context_deadline(const struct go_context *ctx, uint64_t *deadline_ns)
{
	if (ctx->deadline_ns == LIBCHAN_NEVER)
		return false;
	*deadline_ns = ctx->deadline_ns;
	return true;
}

LIBCHAN_EXPORT struct go_context *go_context_ref(struct go_context *ctx)
{
	if (ctx != &background)
		__atomic_fetch_add(&ctx->owners, 1, __ATOMIC_RELAXED);
	return ctx;
}

/* Returns whether it was the last. */
static bool drop_owner(struct go_context *ctx)
{
	return ctx != &background && !__atomic_sub_fetch(&ctx->owners, 1, __ATOMIC_ACQ_REL);
}

/* The last child may be the last owner of its parent, and so on. */
LIBCHAN_EXPORT struct go_context *go_context_unref(struct go_context *ctx)
{
	struct go_context *parent;

	while (ctx && drop_owner(ctx)) {
		parent = ctx->parent;
		if (parent)
			leave_parent(ctx);
		stop_timer(ctx);
		unpin(ctx);
		ctx = parent;
	}
	return NULL;
}
