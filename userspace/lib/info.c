// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Ask a channel, close it, destroy it, let a handle stand by.
 */
#include <limits.h>
#include <string.h>

#include "internal.h"
#include "sanitize.h"

LIBCHAN_EXPORT int chan_info(const struct chan *c, struct chan_info *info, size_t size)
{
	if (size < sizeof(info->size) || size > INT_MAX)
		return -EINVAL;
	memset(info, 0, size);
	info->size = size;
	return libchan_ioctl(c->fd, CHAN_IOC_INFO, info);
}

LIBCHAN_EXPORT int chan_len(const struct chan *c)
{
	struct chan_info info;
	int r = chan_info(c, &info, sizeof(info));

	return r < 0 ? r : (int)info.len;
}

LIBCHAN_EXPORT int chan_cap(const struct chan *c)
{
	return c->is.capacity;
}

LIBCHAN_EXPORT size_t chan_elem_size(const struct chan *c)
{
	return c->is.elem_size;
}

LIBCHAN_EXPORT unsigned int chan_flags(const struct chan *c)
{
	return c->is.flags;
}

LIBCHAN_EXPORT uint64_t chan_id(const struct chan *c)
{
	return c->is.id;
}

LIBCHAN_EXPORT const char *chan_type(const struct chan *c)
{
	return c->is.type;
}

LIBCHAN_EXPORT const char *chan_name(const struct chan *c)
{
	return c->is.name;
}

/* Who sees it closed may let go of the handle, which isn't looked at after the close. */
LIBCHAN_EXPORT int chan_close(struct chan *c)
{
	int fd = c->fd;

	libchan_order_before(c->is.id);
	return libchan_ioctl(fd, CHAN_IOC_CLOSE, NULL);
}

LIBCHAN_EXPORT int chan_destroy(struct chan *c, unsigned int flags)
{
	struct chan_destroy arg = { .size = sizeof(arg), .flags = flags };

	return libchan_ioctl(c->fd, CHAN_IOC_DESTROY, &arg);
}

LIBCHAN_EXPORT int chan_standby(struct chan *c, int on)
{
	return libchan_ioctl(c->fd, CHAN_IOC_STANDBY, (void *)(uintptr_t)!!on);
}
