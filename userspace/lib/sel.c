// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Selectors: a select as a file, that an event loop waits for.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define SMALL	512	/* bytes of a result that need no allocation */

/**
 * struct chan_sel - a selector
 * @refs: atomic
 * @fd: immutable, owned
 */
struct chan_sel {
	unsigned int refs;
	int fd;
};

static int sel_open(struct chan_sel *sel, const struct chan *via, int oflags)
{
	struct chan_selector arg = { .size = sizeof(arg), .fd_flags = oflags | O_CLOEXEC };
	int fd = via ? via->fd : chan_ctl_open(), r;

	if (fd < 0)
		return fd;
	r = libchan_ioctl(fd, CHAN_IOC_SELECTOR, &arg);
	if (!via)
		close(fd);
	sel->fd = arg.fd;
	return r;
}

LIBCHAN_EXPORT int chan_sel_new(struct chan_sel **ret, const struct chan *via, int oflags)
{
	struct chan_sel *sel = calloc(1, sizeof(*sel));
	int r;

	if (!sel)
		return -ENOMEM;
	r = sel_open(sel, via, oflags);
	if (r < 0) {
		free(sel);
		return r;
	}
	sel->refs = 1;
	*ret = sel;
	return 0;
}

/*
 * The kernel can't know what the caller's buffers hold when a sender comes: so all of
 * them hold the longest message. Return: bytes of the largest element, -EMSGSIZE, or
 * -EINVAL.
 */
static int room_needed(const struct chan_choice *choices, size_t n)
{
	const struct chan_choice *choice;
	size_t elem_size, room = 0;

	if (n > CHAN_CASES_MAX)
		return -EINVAL;
	for (choice = choices; choice < choices + n; choice++) {
		if (!choice->c || choice->op != CHAN_CASE_RECV)
			continue;
		elem_size = choice->c->is.elem_size;
		if (choice->c->is.flags & CHAN_MESSAGE && choice->size < elem_size)
			return -EMSGSIZE;
		if (room < elem_size)
			room = elem_size;
	}
	return room;
}

LIBCHAN_EXPORT int chan_sel_arm(struct chan_sel *sel, struct chan_choice *choices, size_t n,
				unsigned int flags)
{
	struct chan_select arg = { .flags = flags };
	int r;

	if (flags & ~CHAN_PRIORITY)
		return -EINVAL;
	r = room_needed(choices, n);
	return r < 0 ? r : libchan_choose(sel->fd, CHAN_IOC_ARM, choices, n, &arg);
}

/* What read(2) gives: the element comes behind. */
static int result_out(const struct chan_selected *is, struct chan_choice *choices, size_t n)
{
	struct chan_choice *choice;

	if (is->index >= n)
		return -EINVAL;
	choice = &choices[is->index];
	if (!choice->c || is->len > (choice->op == CHAN_CASE_RECV ? choice->c->is.elem_size : 0))
		return -EINVAL;
	if (is->len)
		memcpy(choice->buf, is + 1, is->len);
	libchan_chosen(choice, is->flags & CHAN_OK, is->len);
	return is->index;
}

LIBCHAN_EXPORT int chan_sel_read(struct chan_sel *sel, struct chan_choice *choices, size_t n)
{
	struct chan_selected small[SMALL / sizeof(struct chan_selected)], *is = small;
	int room = room_needed(choices, n), r;
	size_t size;

	if (room < 0)
		return room;
	size = sizeof(*is) + room;
	if (size > sizeof(small))
		is = calloc(1, size);
	if (!is)
		return -ENOMEM;
	r = read(sel->fd, is, size) < 0 ? -errno : result_out(is, choices, n);
	if (is != small)
		free(is);
	return r;
}

LIBCHAN_EXPORT int chan_sel_disarm(struct chan_sel *sel)
{
	return libchan_ioctl(sel->fd, CHAN_IOC_DISARM, NULL);
}

LIBCHAN_EXPORT int chan_sel_fd(const struct chan_sel *sel)
{
	return sel->fd;
}

LIBCHAN_EXPORT struct chan_sel *chan_sel_ref(struct chan_sel *sel)
{
	__atomic_fetch_add(&sel->refs, 1, __ATOMIC_RELAXED);
	return sel;
}

/* As chan_unref(). */
LIBCHAN_EXPORT struct chan_sel *chan_sel_unref(struct chan_sel *sel)
{
	if (!sel || __atomic_sub_fetch(&sel->refs, 1, __ATOMIC_ACQ_REL))
		return NULL;
	close(sel->fd);
	free(sel);
	return NULL;
}
