# SPDX-License-Identifier: LGPL-2.1-or-later
"""Handles: a file descriptor of a channel, and what never changes about the channel."""
from __future__ import annotations

import errno
import os
from typing import Any, Generic, NamedTuple, Optional, Tuple, Type, TypeVar

from . import codec, errors, uapi

T = TypeVar("T")
H = TypeVar("H", bound="Handle[Any]")

MODES = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR, "look": os.O_RDWR | os.O_WRONLY}


class Info(NamedTuple):
    """A channel at one instant, as struct chan_info says it."""

    id: int
    flags: int
    elem_size: int
    capacity: int
    len: int
    minor: Optional[int]
    parked_senders: int
    parked_receivers: int
    senders: int
    receivers: int
    uid: int
    mode: int
    sent: int
    received: int
    type: str
    name: str

    @property
    def message(self) -> bool:
        """Are its elements messages?"""
        return bool(self.flags & uapi.MESSAGE)

    @property
    def closed(self) -> bool:
        """Is it closed?"""
        return bool(self.flags & uapi.CLOSED)

    @property
    def hung_up(self) -> bool:
        """Has its last receiver gone, of a channel made with hangup?"""
        return bool(self.flags & uapi.HUNGUP)

    @property
    def destroyed(self) -> bool:
        """Had it a name, which is gone?"""
        return bool(self.flags & uapi.DESTROYED)

    @property
    def path(self) -> Optional[str]:
        """Of its node, if it has one."""
        return None if self.minor is None else f"/dev/chan{self.minor}"

    @property
    def label(self) -> str:
        """What an error calls it."""
        return self.name or self.path or f"channel {self.id}"


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "replace")


def info_of(data: uapi.Buffer, offset: int = 0) -> Info:
    """A struct chan_info as an Info."""
    raw = uapi.INFO.unpack(data, offset)
    fields = {name: getattr(raw, name) for name in Info._fields}
    fields.update(type=_text(raw.type), name=_text(raw.name),
                  minor=None if raw.minor == uapi.MINOR_NONE else raw.minor)
    return Info(**fields)


def access_mode(mode: str) -> int:
    """The flags of a handle for 'r', 'w', 'rw' or 'look'."""
    try:
        return MODES[mode] | os.O_CLOEXEC
    except KeyError:
        raise ValueError(f"{mode!r} is no mode: 'r', 'w', 'rw' or 'look'") from None


def _elements(info: Info, spec: Any, type: Optional[str]) -> codec.Elements:
    """What the channel carries, if that is what the program says."""
    if spec is ...:
        own = codec.elements_of(info.type, info.message, info.elem_size)
    else:
        own = codec.elements(spec)
    wanted = own.type if type is None else type
    same_size = info.message if own.size is None else \
        not info.message and own.size == info.elem_size
    same_type = info.type == wanted or type is None and not (info.type and wanted)
    if not same_size or not same_type:
        is_ = codec.description(info.type, info.message, info.elem_size)
        raise OSError(errno.EPROTO, f"the channel carries {is_}, not {own._replace(type=wanted)}",
                      info.label)
    return own


class Handle(Generic[T]):
    """A handle to a channel.

    It owns its file descriptor, which is closed by release(), at the end of a with block, or
    when the handle is no longer used.
    """

    _fd = -1

    def __init__(self, fd: int, spec: codec.Spec[T] = ..., *,  # type: ignore[assignment]
                 type: Optional[str] = None) -> None:
        """A handle around a file descriptor, which is its own from now on if this succeeds.

        spec says what it must carry (see chan.codec), ... takes what it does; type is the
        name of the element type, if that isn't spec's own.
        """
        info = info_at(fd, f"file descriptor {fd}")
        self._elements = _elements(info, spec, type)
        self._info = info
        self._spec, self._type = spec, type
        self._fd = fd

    def fileno(self) -> int:
        """The file descriptor, for selectors, os.read() and os.write(), or to pass on."""
        if self._fd < 0:
            raise ValueError(f"the handle was released: {self._info.label!r}")
        return self._fd

    def release(self) -> None:
        """Let go of the handle. This doesn't close the channel: see close()."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.release()

    def __enter__(self: H) -> H:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    async def __aenter__(self: H) -> H:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def __reduce__(self) -> Any:
        """So that multiprocessing passes handles on, to processes that it spawns too."""
        from multiprocessing.reduction import DupFd
        return _passed_on, (type(self), DupFd(self.fileno()), self._spec, self._type)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._info.label!r}, {self._elements}, fd={self._fd}>"

    def __bool__(self) -> bool:
        """Always True: an empty channel is a channel."""
        return True

    def __len__(self) -> int:
        """How many elements are queued, as Go's len(c)."""
        return self.info().len

    @property
    def cap(self) -> int:
        """How many elements the channel can buffer, as Go's cap(c)."""
        return self._info.capacity

    @property
    def name(self) -> str:
        """The channel's name, or that of its node, or what else tells it from others."""
        return self._info.label

    def info(self) -> Info:
        """All that is to know about the channel at one instant."""
        return info_at(self.fileno(), self.name)

    def destroy(self, force: bool = False) -> None:
        """Remove name and node of a named channel; with force, also if elements are queued."""
        self._call(uapi.IOC_DESTROY, uapi.DESTROY, flags=uapi.DESTROY_FORCE if force else 0)

    def _narrow(self, mode: str) -> int:
        """A new file descriptor that may do less."""
        _, data = self._call(uapi.IOC_NARROW, uapi.NARROW, fd_flags=access_mode(mode))
        fd: int = uapi.NARROW.unpack(data).fd
        return fd

    def _call(self, number: int, layout: uapi.Layout, **fields: Any) -> Tuple[int, bytearray]:
        try:
            return uapi.call(self.fileno(), number, layout, **fields)
        except OSError as e:
            raise self._error(e) from None

    def _error(self, e: OSError) -> OSError:
        return errors.error(e.errno or 0, self.name)


def _passed_on(cls: Type[H], fd: Any, spec: Any, type: Optional[str]) -> H:
    return cls(fd.detach(), spec, type=type)


def info_at(fd: int, name: str) -> Info:
    """The Info of a file descriptor; name is what an error calls it."""
    try:
        return info_of(uapi.call(fd, uapi.IOC_INFO, uapi.INFO)[1])
    except OSError as e:
        raise errors.error(e.errno or 0, name) from None
