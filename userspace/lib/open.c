// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Open a channel that is there: by path, by number, by name.
 */
#include <stdio.h>
#include <unistd.h>

#include "internal.h"

LIBCHAN_EXPORT int chan_open_path(struct chan **ret, const char *path, int oflags,
				  const struct chan_expect *expect)
{
	int fd = libchan_open(path, oflags), r;

	if (fd < 0)
		return fd;
	r = libchan_handle_new(ret, fd, expect);
	if (r)
		close(fd);
	else
		(*ret)->nonblock = oflags & O_NONBLOCK;
	return r;
}

/* The node isn't there, or its channel has just been destroyed. */
static bool means_no_channel(int r)
{
	return r == -ENOENT || r == -ENXIO || r == -ENODEV;
}

LIBCHAN_EXPORT int chan_open_minor(struct chan **ret, unsigned int minor, int oflags,
				   const struct chan_expect *expect)
{
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/dev/chan%u", minor);
	r = chan_open_path(ret, path, oflags, expect);
	return means_no_channel(r) ? -ENOENT : r;
}

/*
 * What was meant is the channel with this id. Another one behind the node is not
 * held against @expect: that would be an answer about the wrong channel.
 */
static int open_resolved(struct chan **ret, const struct chan_resolve *to, int oflags,
			 const struct chan_expect *expect)
{
	struct chan *c;
	int r;

	r = chan_open_minor(&c, to->minor, oflags, NULL);
	if (r)
		return r == -ENOENT ? -ESTALE : r;
	r = c->is.id == to->id ? libchan_handle_check(c, expect) : -ESTALE;
	if (r)
		chan_unref(c);
	else
		*ret = c;
	return r;
}

/*
 * Between resolve and open the channel may be destroyed and its number given to
 * another, which may fail to open in any way. Then by now the name stands for nothing
 * or for another id. If it still stands for the same one, the failure is about that.
 */
LIBCHAN_EXPORT int chan_open_name(struct chan **ret, const char *name, int oflags,
				  const struct chan_expect *expect)
{
	struct chan_resolve to;
	uint64_t tried = 0;
	int r, failure = 0;

	for (;;) {
		r = libchan_resolve(&to, name);
		if (r < 0)
			return r;
		if (failure && to.id == tried)
			return failure;
		failure = open_resolved(ret, &to, oflags, expect);
		if (!failure)
			return 0;
		tried = to.id;
	}
}
