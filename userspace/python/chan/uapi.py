# SPDX-License-Identifier: LGPL-2.1-or-later
"""<linux/chan.h> in Python: the ioctls, their structures, and how they are called.

The names are the header's without CHAN_. A test compares numbers, sizes and offsets with what a
C compiler makes of the header.
"""
from __future__ import annotations

import array
import fcntl
import math
import os
import struct
import time
from collections import namedtuple
from typing import Any, Optional, Tuple, Union

Buffer = Union[bytes, bytearray, "array.array[int]"]

# Where the kernel has another number for "no direction" in an ioctl.
_NONE = 0x20000000 if os.uname().machine.startswith(("alpha", "mips", "ppc", "sparc")) else 0


def _io(number: int) -> int:
    return _NONE | 0xC400 | number


IOC_CREATE = _io(0x00)
IOC_RESOLVE = _io(0x01)
IOC_LIST = _io(0x02)
IOC_SELECT = _io(0x08)
IOC_SELECTOR = _io(0x09)
IOC_SEND = _io(0x10)
IOC_RECV = _io(0x11)
IOC_CLOSE = _io(0x12)
IOC_INFO = _io(0x13)
IOC_NARROW = _io(0x14)
IOC_DESTROY = _io(0x15)
IOC_TIMER = _io(0x17)
IOC_ARM = _io(0x20)
IOC_DISARM = _io(0x21)

CASES_MAX = 1024
TYPE_LEN = 32
NAME_LEN = 64
MINOR_NONE = 0xffffffff
UID_ANY = 0xffffffff

MESSAGE = 0x00000001
NAMED = 0x00000002
AUTOCLOSE = 0x00000004
HANGUP = 0x00000008
STANDBY = 0x00000010
TIMER = 0x00000020
CLOSED = 0x00010000
HUNGUP = 0x00020000
DESTROYED = 0x00040000

NONBLOCK = 0x00000001
TIMEOUT = 0x00000002
PRIORITY = 0x00000004

DESTROY_FORCE = 0x00000001

CASE_RECV = 0
CASE_SEND = 1
INDEX_MASK = 0x0000ffff
OK = 0x00010000

TIMER_START = 0x00000001
TIMER_STOP = 0x00000002


class Layout:
    """A structure: its name, and its fields with what the struct module calls their formats."""

    def __init__(self, name: str, fields: str) -> None:
        formats = dict(field.split(":") for field in fields.split())
        self.name = name
        self.fields = tuple(formats)
        self._struct = struct.Struct("=" + "".join(formats.values()))
        self._tuple = namedtuple(name, formats)  # type: ignore[misc]
        self._zero = self._tuple._make(self._struct.unpack(bytes(self._struct.size)))
        self.size = self._struct.size
        if "size" in formats:
            self._zero = self._zero._replace(size=self.size)

    def pack(self, **fields: Union[int, bytes]) -> bytearray:
        """The structure's bytes; a field that isn't named is zero."""
        return bytearray(self._struct.pack(*self._zero._replace(**fields)))

    def unpack(self, data: Buffer, offset: int = 0) -> Any:
        """The fields, by name."""
        return self._tuple._make(self._struct.unpack_from(data, offset))


CREATE = Layout("chan_create", "size:I flags:I elem_size:I capacity:I fd_flags:I mode:I fd:i minor:I"
                " id:Q type:32s name:64s")
RESOLVE = Layout("chan_resolve", "size:I flags:I uid:I minor:I id:Q name:64s")
INFO = Layout("chan_info", "size:I flags:I id:Q elem_size:I capacity:I len:I minor:I"
              " parked_senders:I parked_receivers:I senders:I receivers:I uid:I mode:I"
              " sent:Q received:Q type:32s name:64s")
LIST = Layout("chan_list", "size:I flags:I entries:Q entry_size:I count:I next:I pad:I")
XFER = Layout("chan_xfer", "size:I flags:I buf:Q count:I len:I timeout_ns:Q")
NARROW = Layout("chan_narrow", "size:I fd_flags:I fd:i pad:I")
DESTROY = Layout("chan_destroy", "size:I flags:I")
CASE = Layout("chan_case", "fd:i op:I buf:Q len:I pad:I")
SELECT = Layout("chan_select", "size:I flags:I cases:Q count:I case_size:I timeout_ns:Q")
SELECTOR = Layout("chan_selector", "size:I fd_flags:I fd:i pad:I")
SELECTED = Layout("chan_selected", "index:I flags:I len:I pad:I")
TIMER_SET = Layout("chan_timer", "size:I flags:I first_ns:Q period_ns:Q")


def address(buffer: array.array[int]) -> int:
    """Where the buffer is, as long as it lives and keeps its length."""
    return buffer.buffer_info()[0]


def nanoseconds(seconds: float) -> int:
    """As the kernel counts; it takes what is over 292 years for ever."""
    if not seconds >= 0:
        raise ValueError(f"{seconds!r} is no time to wait: seconds, 0 or more")
    return math.ceil(min(seconds * 1e9, 2**63))


def deadline(timeout: Optional[float]) -> Optional[int]:
    """When so many seconds have passed; None is never."""
    return None if timeout is None else time.monotonic_ns() + nanoseconds(timeout)


def call(fd: int, number: int, layout: Layout, until: Optional[int] = None, flags: int = 0,
         **fields: Union[int, bytes]) -> Tuple[int, bytearray]:
    """An ioctl; returns its result and its structure.

    It is called again after a signal whose handler raised nothing (PEP 475), and then waits for
    what is left of the time: until is of deadline(). A structure of over 1,024 bytes would keep
    other threads from running, see the source of fcntl.ioctl(); none is that long.
    """
    if until is not None:
        flags |= TIMEOUT
    while True:
        if until is not None:
            fields["timeout_ns"] = max(0, until - time.monotonic_ns())
        arg = layout.pack(flags=flags, **fields) if "flags" in layout.fields else \
            layout.pack(**fields)
        try:
            return fcntl.ioctl(fd, number, arg, True), arg
        except InterruptedError:
            pass


def command(fd: int, number: int) -> None:
    """An ioctl without a structure."""
    while True:
        try:
            fcntl.ioctl(fd, number, 0)
            return
        except InterruptedError:
            pass
