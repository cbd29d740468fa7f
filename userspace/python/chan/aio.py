# SPDX-License-Identifier: LGPL-2.1-or-later
"""select for asyncio: the event loop waits for a selector, and no thread does."""
from __future__ import annotations

import asyncio
import errno
import os
from typing import Iterable, Optional

from . import uapi
from .cases import Case, Cases, Chosen
from .errors import TooLate


async def aselect(cases: Iterable[Case], *, priority: bool = False) -> Chosen:
    """select() for coroutines: asyncio's means end it, chan.select() with a default doesn't wait.

    A select that is cancelled has done nothing; if it is too late for that, the CancelledError
    says so by its __cause__, a TooLate, and what was received is back in its channel. A case
    that is ready is carried out without giving way to other tasks, as with asyncio.Queue.
    """
    wanted = Cases(cases)
    flags = uapi.PRIORITY if priority else 0
    handle = wanted.any
    if handle is None:
        await asyncio.get_running_loop().create_future()
    assert handle
    try:
        return wanted.choose(handle.fileno(), uapi.IOC_SELECT, flags | uapi.NONBLOCK)
    except BlockingIOError:
        pass
    selector = _selector(wanted, handle.fileno())
    try:
        return await _armed(wanted, selector, flags)
    finally:
        os.close(selector)


def _selector(wanted: Cases, via: int) -> int:
    try:
        _, data = uapi.call(via, uapi.IOC_SELECTOR, uapi.SELECTOR,
                            fd_flags=os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as e:
        raise wanted.error(e) from None
    selector: int = uapi.SELECTOR.unpack(data).fd
    return selector


async def _armed(wanted: Cases, selector: int, flags: int) -> Chosen:
    try:
        return wanted.choose(selector, uapi.IOC_ARM, flags)
    except OSError as e:
        if e.errno != errno.EINPROGRESS:
            raise
    try:
        await _readable(selector)
    except asyncio.CancelledError as cancelled:
        late = _take_back(wanted, selector)
        if late:
            raise cancelled from late
        raise
    return wanted.result(os.read(selector, wanted.result_size))


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(fd, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _take_back(wanted: Cases, selector: int) -> Optional[TooLate]:
    """Disarm; if a case had been carried out, say what has become of its element.

    One that was received goes back when the selector is closed unread. To learn whether one was
    sent, only so much is read that no element can be.
    """
    try:
        uapi.command(selector, uapi.IOC_DISARM)
        return None
    except OSError as e:
        if e.errno != errno.EALREADY:
            raise
    if not wanted.may_send():
        return TooLate(False)
    if wanted.may_receive_nothing():
        return TooLate(None)
    try:
        head = uapi.SELECTED.unpack(os.read(selector, uapi.SELECTED.size))
    except OSError as e:
        if e.errno != errno.EMSGSIZE:
            raise
        return TooLate(False)
    return TooLate(wanted.is_send(head.index) and bool(head.flags & uapi.OK))
