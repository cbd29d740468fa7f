// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Selectors: a select as a file, that an event loop waits for.
 */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"
#include "runtime.h"

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

LIBCHAN_EXPORT int chan_sel_arm(struct chan_sel *sel, struct chan_choice *choices, size_t n,
				unsigned int flags)
{
	struct chan_select arg = { .flags = flags };
	int r;

	if (n > CHAN_CASES_MAX || flags & ~CHAN_PRIORITY || libchan_has_files(choices, n))
		return -EINVAL;
	r = libchan_room_needed(choices, n);
	return r < 0 ? r : libchan_choose(sel->fd, CHAN_IOC_ARM, choices, n, &arg);
}

static bool is_nonblock(const struct chan_sel *sel)
{
	int flags = fcntl(sel->fd, F_GETFL);

	return flags >= 0 && flags & O_NONBLOCK;
}

/* In a goroutine: so that read(2) won't. Return: 0 or a negative errno. */
static int wait_for_result(const struct chan_sel *sel, const struct libchan_runtime *rt)
{
	struct pollfd p = { .fd = sel->fd, .events = POLLIN };
	int r = 0;

	while (!r && !poll(&p, 1, 0) && !is_nonblock(sel))
		r = rt->poll(&p, 1, "select", LIBCHAN_NEVER);
	return r;
}

LIBCHAN_EXPORT int chan_sel_read(struct chan_sel *sel, struct chan_choice *choices, size_t n)
{
	const struct libchan_runtime *rt = libchan_in_task();
	int r = rt ? wait_for_result(sel, rt) : 0;

	return r ? r : libchan_selected(sel->fd, choices, n);
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
