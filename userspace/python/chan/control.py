# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels come from here: made, opened by name or path, listed, through /dev/chanctl."""
from __future__ import annotations

import array
import errno
import os
from typing import Any, Iterator, Optional, Tuple, TypeVar, Union

from . import codec, errors, uapi
from .channel import Channel
from .handle import Info, access_mode, info_at, info_of

T = TypeVar("T")

CONTROL = "/dev/chanctl"
_NO_NODE = errno.ENOENT, errno.ENXIO, errno.ENODEV
_AT_ONCE = 64  # channels that are listed by a call


def control(number: int, layout: uapi.Layout, subject: str, **fields: Any) -> Any:
    """An ioctl on /dev/chanctl, about the subject; returns its structure's fields."""
    try:
        fd = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
    except OSError as e:
        missing = e.errno in _NO_NODE
        raise errors.error(errno.ENOSYS if missing else e.errno or 0, CONTROL) from None
    try:
        return layout.unpack(uapi.call(fd, number, layout, **fields)[1])
    except OSError as e:
        raise errors.error(e.errno or 0, subject) from None
    finally:
        os.close(fd)


def _padded(text: str, size: int, what: str) -> bytes:
    data = text.encode("ascii", "replace")
    if len(data) >= size:
        raise ValueError(f"{text!r} is too long for a {what}: {size - 1} bytes at most")
    return data


def _bounded(value: int, what: str) -> int:
    if not 0 <= value < 2**32:
        raise ValueError(f"{value!r} is no {what}")
    return value


def created(elem_size: int, capacity: int, flags: int, type: str, mode: str = "rw",
            name: str = "", perm: int = 0) -> int:
    """A file descriptor of a new channel."""
    fd: int = control(
        uapi.IOC_CREATE, uapi.CREATE, name or "a new channel", flags=flags,
        elem_size=_bounded(elem_size, "size of an element"),
        capacity=_bounded(capacity, "capacity"), fd_flags=access_mode(mode),
        mode=_bounded(perm, "permission"), type=_padded(type, uapi.TYPE_LEN, "type"),
        name=_padded(name, uapi.NAME_LEN, "name")).fd
    return fd


def _make(spec: Any, capacity: int, size: Optional[int], type: Optional[str], flags: int,
          **named: Any) -> Channel[Any]:
    own = codec.elements(spec)
    if own.size is None:
        flags |= uapi.MESSAGE
        size = codec.MESSAGE_SIZE if size is None else size
    elif size is not None:
        raise ValueError(f"size is of the longest message, but these are {own}")
    else:
        size = own.size
    type = own.type if type is None else type
    return Channel(created(size, capacity, flags, type, **named), spec, type=type)


def _flags(autoclose: bool, hangup: bool, standby: bool) -> int:
    return (uapi.AUTOCLOSE * autoclose) | (uapi.HANGUP * hangup) | (uapi.STANDBY * standby)


def make(spec: codec.Spec[T], capacity: int = 0, *, size: Optional[int] = None,
         type: Optional[str] = None, autoclose: bool = False, hangup: bool = False,
         standby: bool = False) -> Channel[T]:
    """Go's make(chan T, capacity): a channel without a name, that goes with its last handle.

    spec is the element type (see chan.codec), and size the bytes of the longest message; type
    names the type, if spec's own name isn't wanted. autoclose: it closes when the last handle
    that may send has gone. hangup: sends fail when the last that may receive has gone. standby:
    programs that never block meet on it, see CHAN_IOC_STANDBY.
    """
    return _make(spec, capacity, size, type, _flags(autoclose, hangup, standby))


def create(name: str, spec: codec.Spec[T], capacity: int = 0, *, size: Optional[int] = None,
           type: Optional[str] = None, mode: str = "rw", perm: int = 0o600,
           autoclose: bool = False, hangup: bool = False, standby: bool = False) -> Channel[T]:
    """Make a channel that others open by its name, until somebody destroys it.

    The handle is open for mode, 'r', 'w', 'rw' or 'look', and the node has the permissions
    perm. The rest is as for make().
    """
    return _make(spec, capacity, size, type, _flags(autoclose, hangup, standby) | uapi.NAMED,
                 mode=mode, name=name, perm=perm)


def open(name_or_path: Union[str, os.PathLike[str]], mode: str = "rw",
         spec: codec.Spec[T] = ..., *, type: Optional[str] = None,  # type: ignore[assignment]
         ) -> Channel[T]:
    """Open a channel by NAME, which is one's own or root's, by UID:NAME, or by the path of a node.

    mode is 'r' to receive, 'w' to send, 'rw' for both, 'look' for neither. What the channel
    carries must be what spec says (see chan.codec), else an OSError with EPROTO says what it is;
    without spec it is taken as it is. type is the name of the element type, if it isn't spec's
    own: a channel of another one is refused.
    """
    name = os.fspath(name_or_path)
    if "/" in name:
        return _open_path(name, mode, spec, type)
    return _open_name(name, mode, spec, type)


def _open_path(path: str, mode: str, spec: Any, type: Optional[str],
               id: Optional[int] = None) -> Channel[Any]:
    """Open a node; only if the channel has this id, if one is given."""
    try:
        fd = os.open(path, access_mode(mode))
    except OSError as e:
        raise errors.error(e.errno or 0, path) from None
    try:
        found = info_at(fd, path)
        if id is not None and found.id != id:
            raise errors.error(errno.ESTALE, path)
        return Channel(fd, spec, type=type)
    except BaseException:
        os.close(fd)
        raise


def _resolve(name: str) -> Tuple[str, int]:
    """The path of the node, and the channel's id."""
    owner, colon, rest = name.rpartition(":")
    if colon and not owner.isdecimal():
        raise ValueError(f"{name!r} is no name of a channel: NAME or UID:NAME")
    to = control(uapi.IOC_RESOLVE, uapi.RESOLVE, name,
                 uid=_bounded(int(owner), "uid") if colon else uapi.UID_ANY,
                 name=_padded(rest, uapi.NAME_LEN, "name"))
    return f"/dev/chan{to.minor}", to.id


def _open_name(name: str, mode: str, spec: Any, type: Optional[str]) -> Channel[Any]:
    """Open the channel that the name stands for, and no other.

    Between resolve and open it may be destroyed and another have its node, which then may fail
    in any way. If the name still stands for the same channel, the failure is about that one.
    """
    failure, tried = None, None
    while True:
        path, id = _resolve(name)
        if failure and id == tried:
            raise failure
        tried = id
        try:
            return _open_path(path, mode, spec, type, id)
        except OSError as e:
            failure = errors.error(errno.ESTALE, name) if e.errno in _NO_NODE else e


def list() -> Iterator[Info]:
    """The named channels of this machine, by rising number of their nodes."""
    entries = array.array("B", bytes(_AT_ONCE * uapi.INFO.size))
    next = 0
    while True:
        got = control(uapi.IOC_LIST, uapi.LIST, "list", entries=uapi.address(entries),
                      entry_size=uapi.INFO.size, count=_AT_ONCE, next=next)
        if not got.count:
            return
        data, next = entries.tobytes(), got.next
        for i in range(got.count):
            yield info_of(data, i * uapi.INFO.size)
