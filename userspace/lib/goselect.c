// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Select as a block.
 *
 * The block is run through twice. The first time each case registers: channels and files
 * become choices of chan_select(), a default and a time become how it is called. The
 * second time each case asks if it is the one. Cases have no names, so they are counted,
 * the first time and the second; where each one is written (site) tells if the second
 * count has met other cases than the first.
 *
 * What is allocated goes with the block, or with the goroutine that ends in it: from its
 * beginning a select is one of the deferred calls.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "panic.h"
#include "runtime.h"

#include <gochan/select.h>

#define FEW	8	/* cases that need no allocation */
#define SMALL	128	/* bytes of elements that need none */

/**
 * struct place - which of the cases of the block
 * @order: the how manieth, from 0
 * @site: where it is written
 */
struct place {
	uint32_t order;
	uint32_t site;
};

#define NOWHERE	((struct place){ .order = UINT32_MAX })

/**
 * struct more - of a choice, what chan_select() need not know
 * @at: which case
 * @ok: who is told if there was an element, or NULL
 * @revents: who is told which events came, or NULL
 */
struct more {
	struct place at;
	bool *ok;
	unsigned int *revents;
};

/* An element in memory of its own. */
struct large {
	struct large *next;
	uint64_t pad;
	char bytes[];
};

/**
 * struct block - a select, in the room of &struct go_selection
 * @freed: among the deferred calls of who selects
 * @begun: how many times the block was begun
 * @flags: of chan_select()
 * @order: cases met this time
 * @chosen: the case that is carried out
 * @taken: it has been
 * @by_default: the default, or %NOWHERE
 * @by_time: the shortest time, or %NOWHERE
 * @timeout_ns: that time
 * @n: choices
 * @fit: choices for which there is memory
 * @choices: what chan_select() gets
 * @more: as many
 * @larges: elements that were allocated
 * @used: bytes of @small
 * @few: first memory of @choices
 * @more_of_few: first memory of @more
 * @small: elements
 */
struct block {
	struct go_deferred freed;
	uint32_t begun;
	uint32_t flags;
	uint32_t order;
	bool taken;
	struct place chosen;
	struct place by_default;
	struct place by_time;
	uint64_t timeout_ns;
	size_t n;
	size_t fit;
	struct chan_choice *choices;
	struct more *more;
	struct large *larges;
	size_t used;
	struct chan_choice few[FEW];
	struct more more_of_few[FEW];
	char small[SMALL] __attribute__((aligned(16)));
};

_Static_assert(sizeof(struct block) + 16 <= sizeof(((struct go_selection *)0)->room),
	       "struct go_selection has room for a block");

/* Aligned to 16, wherever the caller's structure is: elements may want that. */
static struct block *block_of(struct go_selection *s)
{
	return (struct block *)(((uintptr_t)s->room + 15) & ~(uintptr_t)15);
}

/* Whatever follows finds an empty select: a jump out of a panic may go on in its block. */
static void block_free(void *arg)
{
	struct block *b = arg;
	struct large *large;

	while ((large = b->larges)) {
		b->larges = large->next;
		free(large);
	}
	if (b->choices != b->few) {
		free(b->choices);
		free(b->more);
	}
	b->choices = b->few;
	b->more = b->more_of_few;
	b->fit = FEW;
	b->n = 0;
}

LIBCHAN_EXPORT struct go_selection *go_select_begin(struct go_selection *s, size_t size,
						 unsigned int flags)
{
	struct block *b = block_of(s);

	if (size < sizeof(*s) || flags & ~GO_SELECT_ORDERED)
		go_panic("select: invalid argument");
	s->registering = 0;
	b->begun = 0;
	b->flags = flags & GO_SELECT_ORDERED ? CHAN_PRIORITY : 0;
	b->order = 0;
	b->taken = false;
	b->chosen = b->by_default = b->by_time = NOWHERE;
	b->n = b->used = 0;
	b->fit = FEW;
	b->choices = b->few;
	b->more = b->more_of_few;
	b->larges = NULL;
	go_defer_begin(&b->freed, block_free, b);
	return s;
}

LIBCHAN_EXPORT void go_select_end(struct go_selection *s)
{
	go_defer_end(&block_of(s)->freed);
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		go_panic("select: %s", chan_strerror(-ENOMEM));
	return p;
}

/* Twice as many. The elements stay where they are: choices point to them. */
static void grow(struct block *b)
{
	struct chan_choice *choices = allocate(2 * b->fit, sizeof(*choices));
	struct more *more = calloc(2 * b->fit, sizeof(*more));

	if (!more) {
		free(choices);
		go_panic("select: %s", chan_strerror(-ENOMEM));
	}
	memcpy(choices, b->choices, b->n * sizeof(*choices));
	memcpy(more, b->more, b->n * sizeof(*more));
	if (b->choices != b->few) {
		free(b->choices);
		free(b->more);
	}
	b->choices = choices;
	b->more = more;
	b->fit *= 2;
}

/* Room for an element, as long as the block. */
static void *keep(struct block *b, size_t size)
{
	struct large *large;
	void *p;

	if (size <= SMALL - b->used) {
		p = b->small + b->used;
		b->used += (size + 15) & ~(size_t)15;
		return p;
	}
	large = allocate(1, sizeof(*large) + size);
	large->next = b->larges;
	b->larges = large;
	return large->bytes;
}

static struct place here(struct block *b, unsigned int site)
{
	return (struct place){ .order = b->order++, .site = site };
}

static struct chan_choice *choice_add(struct block *b, unsigned int site, struct more more)
{
	if (b->n == CHAN_CASES_MAX)
		go_panic("select: too many cases (max %d)", CHAN_CASES_MAX);
	if (b->n == b->fit)
		grow(b);
	more.at = here(b, site);
	b->more[b->n] = more;
	return &b->choices[b->n++];
}

LIBCHAN_EXPORT void go_select_recv(struct go_selection *s, unsigned int site, struct chan *c,
				   void *elem, size_t size, bool *ok)
{
	struct block *b = block_of(s);
	void *buf = elem || !c ? elem : keep(b, size);

	*choice_add(b, site, (struct more){ .ok = ok }) = (struct chan_choice){
		.c = c, .op = CHAN_CASE_RECV, .buf = buf,
	};
}

LIBCHAN_EXPORT void *go_select_send(struct go_selection *s, unsigned int site, struct chan *c,
				    size_t size)
{
	struct block *b = block_of(s);
	void *buf = keep(b, size);

	*choice_add(b, site, (struct more){ }) = (struct chan_choice){
		.c = c, .op = CHAN_CASE_SEND, .buf = buf,
	};
	return buf;
}

LIBCHAN_EXPORT void go_select_fd(struct go_selection *s, unsigned int site, int fd,
				 unsigned int events, unsigned int *revents)
{
	struct block *b = block_of(s);

	*choice_add(b, site, (struct more){ .revents = revents }) = (struct chan_choice){
		.op = CHAN_CASE_POLL, .fd = fd, .events = events,
	};
}

LIBCHAN_EXPORT void go_select_timeout(struct go_selection *s, unsigned int site, uint64_t ns)
{
	struct block *b = block_of(s);
	struct place at = here(b, site);

	if (b->by_time.order != NOWHERE.order && b->timeout_ns <= ns)
		return;
	b->by_time = at;
	b->timeout_ns = ns;
}

LIBCHAN_EXPORT void go_select_default(struct go_selection *s, unsigned int site)
{
	struct block *b = block_of(s);

	if (b->by_default.order != NOWHERE.order)
		go_panic("select: multiple defaults");
	b->by_default = here(b, site);
}

LIBCHAN_EXPORT bool go_select_taken(struct go_selection *s, unsigned int site)
{
	struct block *b = block_of(s);

	if (b->order++ != b->chosen.order || site != b->chosen.site)
		return false;
	b->taken = true;
	return true;
}

/* Signals don't end a select, as they end nothing in Go. */
static int wait_in_time(struct block *b)
{
	uint64_t deadline_ns = libchan_deadline(b->timeout_ns);
	uint64_t left_ns = b->timeout_ns;
	int r;

	while ((r = chan_select_timeout(b->choices, b->n, b->flags, left_ns)) == -EINTR)
		left_ns = chan_until(deadline_ns);
	return r;
}

static int wait_for_one(struct block *b)
{
	int r;

	if (b->by_default.order != NOWHERE.order)
		return chan_select_try(b->choices, b->n, b->flags);
	if (b->by_time.order != NOWHERE.order)
		return wait_in_time(b);
	do
		r = chan_select(b->choices, b->n, b->flags);
	while (r == -EINTR);
	return r;
}

static struct place chosen(const struct chan_choice *choice,
			   const struct more *more)
{
	if (choice->op == CHAN_CASE_SEND && choice->result < 0)
		libchan_panic_send(choice->c, choice->result);
	if (more->ok)
		*more->ok = choice->result == 1;
	if (more->revents)
		*more->revents = choice->result;
	return more->at;
}

/* Of -EBADF there are two causes: a file that isn't open, or a handle the wrong way. */
static void panic_about(const struct block *b, int error) __attribute__((noreturn));
static void panic_about(const struct block *b, int error)
{
	const struct chan_choice *choice;

	for (choice = b->choices; error == -EBADF && choice < b->choices + b->n; choice++)
		if (choice->op == CHAN_CASE_POLL && choice->fd >= 0 &&
		    fcntl(choice->fd, F_GETFD) < 0)
			go_panic("select: file descriptor %d isn't open", choice->fd);
	go_panic("select: %s", chan_strerror(error));
}

static void choose(struct block *b)
{
	int r = wait_for_one(b);

	if (r >= 0)
		b->chosen = chosen(&b->choices[r], &b->more[r]);
	else if (r == -EAGAIN)
		b->chosen = b->by_default;
	else if (r == -ETIMEDOUT)
		b->chosen = b->by_time;
	else
		panic_about(b, r);
}

LIBCHAN_EXPORT bool go_select_step(struct go_selection *s)
{
	struct block *b = block_of(s);

	switch (b->begun++) {
	case 0:
		s->registering = 1;
		return true;
	case 1:
		s->registering = 0;
		choose(b);
		b->order = 0;
		return true;
	default:
		if (!b->taken)
			go_panic("select: its cases have changed while it waited");
		return false;
	}
}
