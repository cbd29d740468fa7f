# SPDX-License-Identifier: LGPL-2.1-or-later
"""What went wrong with a channel, and what to do: OSErrors with an errno, a text and a name."""
from __future__ import annotations

import errno
import os

_TEXTS = {
    errno.E2BIG: "chan.ko is older than this package: update it",
    errno.EACCES: "permission denied by the mode of the node",
    errno.EAGAIN: "would have to wait",
    errno.EBADF: "the handle isn't open for this direction, or isn't open at all",
    errno.EDQUOT: "over a quota of the user: let go of channels, or have the module's limits raised",
    errno.EEXIST: "you already have a channel of this name: open it, or destroy it first",
    errno.EINVAL: "a name, type, size, capacity, mode or flag isn't allowed",
    errno.EMFILE: "this process has too many open files: raise RLIMIT_NOFILE (ulimit -n)",
    errno.EMSGSIZE: "the message is longer than the channel's limit",
    errno.ENFILE: "the system has too many open files: raise the sysctl fs.file-max",
    errno.ENODEV: "the channel has no node (it is anonymous, or was destroyed), or is no timer",
    errno.ENOENT: "no such channel; a name is its user's, UID:NAME asks for another user's",
    errno.ENOMEM: "out of memory: nothing has changed",
    errno.ENOSPC: "every /dev/chanN number is in use: destroy a named channel",
    errno.ENOSYS: "the kernel has no channels: load the module (chanctl load)",
    errno.ENOTEMPTY: "elements are queued: receive them, or lose them with force=True",
    errno.ENOTTY: "not a channel, or one of an older module that can't do this",
    errno.ENXIO: "nothing is behind this node: it is a left-over, or the module isn't loaded",
    errno.EOVERFLOW: "capacity times element size is over 1 GiB: make either smaller",
    errno.EPERM: "only owner and root destroy a channel, and user namespaces make no named ones",
    errno.EPIPE: "the channel is closed, or hung up by its last receiver: no more sends",
    errno.ESTALE: "the channel exists, but its node isn't in this /dev (a container's?)",
    errno.ETIMEDOUT: "timed out before anything moved",
}


class Closed(BrokenPipeError):
    """The channel is closed: nothing can be sent, or nothing is left to be received.

    Its errno is EPIPE, and its filename names the channel. A send raises it also if the channel
    is hung up: its last receiver has gone.
    """


class TooLate(Exception):
    """The cause (__cause__) of a CancelledError that came when the operation had been done.

    sent is True if an element was sent, and stays so; False if none was: one that was received
    is back in its channel, in its place; None if it isn't known which.
    """

    _TEXTS = {
        True: "cancelled too late: the element was sent",
        False: "cancelled too late: what was received is back in its channel",
        None: "cancelled too late: an element was sent, or what was received is back",
    }

    def __init__(self, sent: bool | None) -> None:
        super().__init__(self._TEXTS[sent])
        self.sent = sent


def error(number: int, name: str) -> OSError:
    """The exception for this errno; name says of which channel."""
    text = _TEXTS.get(number) or os.strerror(number)
    return Closed(number, text, name) if number == errno.EPIPE else OSError(number, text, name)


def drained(name: str) -> Closed:
    """What a receive raises at the end."""
    return Closed(errno.EPIPE, "the channel is closed and drained", name)
