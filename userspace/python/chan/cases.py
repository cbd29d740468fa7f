# SPDX-License-Identifier: LGPL-2.1-or-later
"""select: one of several sends and receives."""
from __future__ import annotations

import array
import errno
import threading
from typing import Any, Iterable, NamedTuple, Optional, Tuple, Union

from . import errors, uapi
from .handle import Handle

# A channel receives from it, a pair of a channel and a value sends to it; None in a channel's
# place is Go's nil channel, never ready.
Case = Union[Handle[Any], None, Tuple[Optional[Handle[Any]], Any]]

_NOTHING = object()


class Chosen(NamedTuple):
    """The case that was carried out: its index, what it received, and Go's ok.

    ok is False if a receive found its channel closed and drained. Of the default the index is
    None, and the value is that of the default.
    """

    index: Optional[int]  # type: ignore[assignment] # tuple has one, too
    value: Any
    ok: bool


class _Case(NamedTuple):
    """A case: of a receive data is None."""

    handle: Optional[Handle[Any]]
    data: Optional[bytes]

    @property
    def is_send(self) -> bool:
        return self.data is not None


def _case(index: int, case: Case) -> _Case:
    handle, sends = (case[0], True) if isinstance(case, tuple) and len(case) == 2 else (case, False)
    if handle is None:
        return _Case(None, None)
    if not isinstance(handle, Handle):
        raise TypeError(f"case {index} is neither a channel nor (channel, value): {case!r}")
    return _Case(handle, handle._elements.encode(case[1]) if sends else None)  # type: ignore


class Cases:
    """Cases as the kernel wants them, and its answer as a Chosen.

    All values to send lie in one buffer, and behind them is room for what is received: only one
    case is carried out.
    """

    def __init__(self, cases: Iterable[Case]) -> None:
        self._cases = [_case(i, case) for i, case in enumerate(cases)]
        if len(self._cases) > uapi.CASES_MAX:
            raise ValueError(f"{len(self._cases)} cases are over the limit of {uapi.CASES_MAX}")
        self._room = max([0] + [case.handle._info.elem_size for case in self._cases
                                if case.handle and not case.is_send])
        sent = b"".join(case.data or b"" for case in self._cases)
        self._room_at = len(sent)
        self._buffer = array.array("B", sent + bytes(self._room + 1))
        self._table = array.array("B", b"".join(self._pack()))

    def _pack(self) -> Iterable[bytes]:
        base, at = uapi.address(self._buffer), 0
        for handle, data in self._cases:
            if not handle:
                yield uapi.CASE.pack(fd=-1)
                continue
            size = handle._info.elem_size if data is None else len(data)
            yield uapi.CASE.pack(
                fd=handle.fileno(),
                op=uapi.CASE_RECV if data is None else uapi.CASE_SEND,
                buf=base + (self._room_at if data is None else at),
                len=size if handle._info.message else 0)
            at += 0 if data is None else size

    @property
    def any(self) -> Optional[Handle[Any]]:
        """One of the channels, if there is one: the kernel is asked through it."""
        return next((case.handle for case in self._cases if case.handle), None)

    def choose(self, fd: int, number: int, flags: int, until: Optional[int] = None) -> Chosen:
        """SELECT or ARM."""
        try:
            chosen, _ = uapi.call(fd, number, uapi.SELECT, until, flags,
                                  cases=uapi.address(self._table), count=len(self._cases),
                                  case_size=uapi.CASE.size)
        except OSError as e:
            raise self.error(e) from None
        index = chosen & uapi.INDEX_MASK
        handle = self._cases[index].handle
        assert handle
        size = uapi.CASE.unpack(self._table, index * uapi.CASE.size).len \
            if handle._info.message else handle._info.elem_size
        data = self._buffer[self._room_at:self._room_at + size].tobytes()
        return self._chosen(index, bool(chosen & uapi.OK), data)

    @property
    def result_size(self) -> int:
        """Bytes that a selector armed with these may give."""
        return uapi.SELECTED.size + self._room

    def result(self, data: bytes) -> Chosen:
        """What was read from a selector."""
        head = uapi.SELECTED.unpack(data)
        return self._chosen(head.index, bool(head.flags & uapi.OK), data[uapi.SELECTED.size:])

    def _chosen(self, index: int, ok: bool, data: bytes) -> Chosen:
        handle, sent = self._cases[index]
        assert handle
        if sent is None:
            return Chosen(index, handle._elements.decode(data) if ok else None, ok)
        if not ok:
            raise errors.error(errno.EPIPE, handle.name)
        return Chosen(index, None, True)

    def is_send(self, index: int) -> bool:
        """Is this case a send?"""
        return self._cases[index].is_send

    def may_send(self) -> bool:
        """Is a send among them?"""
        return any(case.handle and case.is_send for case in self._cases)

    def may_receive_nothing(self) -> bool:
        """Is a receive among them whose element may have no bytes?"""
        return any(case.handle and not case.is_send and
                   (case.handle._info.message or not case.handle._info.elem_size)
                   for case in self._cases)

    def error(self, e: OSError) -> OSError:
        """The exception, with the names of the channels."""
        names = dict.fromkeys(case.handle.name for case in self._cases if case.handle)
        return errors.error(e.errno or 0, ", ".join(names))


def _wait_for_nothing(default: bool, timeout: Optional[float]) -> None:
    """As the kernel would, had one of the cases a channel."""
    if not default or timeout is not None:
        threading.Event().wait(timeout if timeout is None else
                               min(timeout, threading.TIMEOUT_MAX))
    raise errors.error(errno.ETIMEDOUT, "no channels")


def select(cases: Iterable[Case], *, default: Any = _NOTHING, timeout: Optional[float] = None,
           priority: bool = False) -> Chosen:
    """Carry out one of the cases: of those that are ready any, or the first that becomes it.

    A case is a channel, to receive from it, or a pair (channel, value), to send; None in a
    channel's place is never ready. With priority the first of those ready is taken.

        match chan.select([jobs, (results, r), quit]):
            case 0, job, True:      # job received
            case 0, _, False:       # jobs is closed and drained
            case 1, _, _:           # r sent
            case 2, _, _:           # quit

    With a default nothing waits: if no case is ready, Chosen(None, default, False) is the
    answer. With a timeout it is the answer when so many seconds have passed; without a default
    that is a TimeoutError. A send that finds its channel closed raises Closed.
    """
    wanted = Cases(cases)
    flags = uapi.PRIORITY if priority else 0
    if default is not _NOTHING and timeout is None:
        flags |= uapi.NONBLOCK
    until = uapi.deadline(timeout)
    try:
        if wanted.any is None:
            _wait_for_nothing(default is not _NOTHING, timeout)
        else:
            return wanted.choose(wanted.any.fileno(), uapi.IOC_SELECT, flags, until)
    except (BlockingIOError, TimeoutError):
        if default is _NOTHING:
            raise
    return Chosen(None, default, False)
