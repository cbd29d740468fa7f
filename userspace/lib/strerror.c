// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What an error means for a channel, and what to do about it.
 */
#include <limits.h>
#include <string.h>

#include "internal.h"

static const char * const texts[] = {
	[0] =
		"no error",
	[E2BIG] =
		"the program needs a newer module or library: update it",
	[EACCES] =
		"permission denied by the mode of the node, /dev/chanN or /dev/chanctl",
	[EAGAIN] =
		"would have to wait: try again when poll(2) says so",
	[EALREADY] =
		"too late to take the selector back, a case was carried out: read the result",
	[EBADF] =
		"the handle isn't open for this direction, or isn't open at all",
	[EBUSY] =
		"the selector is armed or has a result",
	[ECANCELED] =
		"cancelled: the work isn't wanted any more",
	[EDQUOT] =
		"over a quota of the user: let go of channels, or have the module's limits raised",
	[EEXIST] =
		"you already have a channel of this name: open it, or destroy it first",
	[EFAULT] =
		"bad address: nothing has been sent or received",
	[EINPROGRESS] =
		"the selector is armed: its file turns readable",
	[EINTR] =
		"interrupted by a signal before anything moved: call again",
	[EINVAL] =
		"invalid argument: a name, type, size, capacity, mode or flag isn't allowed",
	[EMFILE] =
		"this process has too many open files: raise RLIMIT_NOFILE (ulimit -n)",
	[EMSGSIZE] =
		"the message is longer than the channel's limit or than the buffer",
	[ENFILE] =
		"the system has too many open files: raise the sysctl fs.file-max",
	[ENODATA] =
		"the next message is empty, which read(2) can't tell: use chan_recv_msg()",
	[ENODEV] =
		"the channel has no node (it is anonymous, or was destroyed), or is no timer",
	[ENOENT] =
		"no such channel; a name is its user's, UID:NAME asks for another user's",
	[ENOMEM] =
		"out of memory: nothing has changed",
	[ENOSPC] =
		"every /dev/chanN number is in use: destroy a named channel",
	[ENOSYS] =
		"the kernel has no channels: load the module (chanctl load)",
	[ENOTEMPTY] =
		"elements are queued: receive them, or force it and lose them",
	[ENOTTY] =
		"not a channel, or one of an older module that can't do this",
	[ENXIO] =
		"nothing is behind this node: it is a left-over, or the module isn't loaded",
	[EOVERFLOW] =
		"capacity times element size is over 1 GiB: make either smaller",
	[EPERM] =
		"only owner and root destroy a channel, and user namespaces make no named ones",
	[EPIPE] =
		"the channel is closed, or hung up by its last receiver: no more sends",
	[EPROTO] =
		"the channel carries elements of another kind, size or type",
	[ESTALE] =
		"the channel exists, but its node isn't in this /dev (a container's?)",
	[ETIMEDOUT] =
		"timed out before anything moved",
};

LIBCHAN_EXPORT int chan_version(void)
{
	return LIBCHAN_VERSION;
}

LIBCHAN_EXPORT const char *chan_strerror(int error)
{
	/* INT_MIN has no positive counterpart, and no meaning. */
	int e = error < -INT_MAX ? INT_MAX : error < 0 ? -error : error;

	if (e < (int)(sizeof(texts) / sizeof(texts[0])) && texts[e])
		return texts[e];
	return strerror(e);
}
