# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channel: send, receive, close, and what is made of them."""
from __future__ import annotations

import array
import errno
import os
from typing import Any, AsyncIterator, Iterator, List, Optional, Sequence, Tuple, TypeVar, cast

from . import errors, uapi
from .aio import aselect
from .handle import Handle

T = TypeVar("T")


class Channel(Handle[T]):
    """A handle to a channel that carries values of one type.

    The methods may be called from any thread, and what they wait for doesn't keep other threads
    from running. A timeout is in seconds; when they have passed, TimeoutError is raised and
    nothing has been done. A signal handler that raises, as that of Ctrl-C does, ends any wait.
    """

    # Send

    def send(self, value: T, timeout: Optional[float] = None) -> None:
        """Go's c <- value. Waits until a receiver has it, or there is room for it."""
        data = self._elements.encode(value)
        if data and timeout is None:
            self._write(data)
        else:
            self._send(data, 1, until=uapi.deadline(timeout))

    def try_send(self, value: T) -> bool:
        """Send if that needs no waiting; returns whether it was sent."""
        try:
            self._send(self._elements.encode(value), 1, flags=uapi.NONBLOCK)
            return True
        except BlockingIOError:
            return False

    def send_many(self, values: Sequence[T], timeout: Optional[float] = None) -> int:
        """Send them one after the other, with few calls; returns how many were sent.

        These are fewer than all if something went wrong after the first, that the next call
        will say: the channel was closed, or the time had passed. Other senders' elements may
        come between them.
        """
        data = [self._elements.encode(value) for value in values]
        until = uapi.deadline(timeout)
        # Messages go one a call.
        batch = 1 if self._info.message else max(1, len(data))
        sent = 0
        while sent < len(data):
            some = data[sent:sent + batch]
            try:
                sent += self._send(b"".join(some), len(some), until=until)
            except OSError:
                if not sent:
                    raise
                break
        return sent

    def close(self) -> None:
        """Go's close(c): no more sends, by anybody. Receivers drain it, then see the end.

        contextlib.closing(c) is Go's defer close(c). To let go of the handle, release().
        """
        try:
            uapi.command(self.fileno(), uapi.IOC_CLOSE)
        except OSError as e:
            raise self._error(e) from None

    # Receive

    def recv(self, timeout: Optional[float] = None) -> T:
        """Go's <-c. Waits for an element; raises Closed at the end."""
        return self._value(self._receive(timeout))

    def recv_ok(self, timeout: Optional[float] = None) -> Tuple[Optional[T], bool]:
        """Go's v, ok := <-c. Returns (None, False) at the end."""
        data = self._receive(timeout)
        return (None, False) if data is None else (self._elements.decode(data), True)

    def try_recv(self, default: Any = None) -> Any:
        """Receive if that needs no waiting, else return the default; raises Closed at the end."""
        try:
            return self._value(self._recv(flags=uapi.NONBLOCK))
        except BlockingIOError:
            return default

    def recv_many(self, n: int, timeout: Optional[float] = None) -> List[T]:
        """Wait for one element, and take as many more as are there, n at most; [] is the end."""
        if n < 1:
            raise ValueError(f"{n} is no number of elements to receive: 1 or more")
        data = self._recv_messages(n, timeout) if self._info.message else \
            self._recv_up_to(n, until=uapi.deadline(timeout))
        return [self._elements.decode(element) for element in data]

    def __iter__(self) -> Iterator[T]:
        """Go's for v := range c."""
        while True:
            data = self._receive(None)
            if data is None:
                return
            yield self._elements.decode(data)

    # In an event loop

    async def asend(self, value: T) -> None:
        """send() for asyncio: see aselect()."""
        await aselect([(self, value)])

    async def arecv(self) -> T:
        """recv() for asyncio: see aselect()."""
        value, ok = await self.arecv_ok()
        if not ok:
            raise errors.drained(self.name)
        return cast(T, value)

    async def arecv_ok(self) -> Tuple[Optional[T], bool]:
        """recv_ok() for asyncio: see aselect()."""
        _, value, ok = await aselect([self])
        return value, ok

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            _, value, ok = await aselect([self])
            if not ok:
                return
            yield value

    # Other handles

    def send_only(self) -> Channel[T]:
        """A handle to the same channel that only sends, Go's chan<- T."""
        return self._other("w")

    def recv_only(self) -> Channel[T]:
        """A handle to the same channel that only receives, Go's <-chan T."""
        return self._other("r")

    def _other(self, mode: str) -> Channel[T]:
        return Channel(self._narrow(mode), self._spec, type=self._type)

    # Bytes

    def _value(self, data: Optional[bytes]) -> T:
        if data is None:
            raise errors.drained(self.name)
        value: T = self._elements.decode(data)
        return value

    def _write(self, data: bytes) -> None:
        try:
            os.write(self.fileno(), data)
        except OSError as e:
            raise self._error(e) from None

    def _receive(self, timeout: Optional[float]) -> Optional[bytes]:
        """An element, or None at the end."""
        if timeout is not None or not self._info.elem_size:
            return self._recv(until=uapi.deadline(timeout))
        try:
            return os.read(self.fileno(), self._info.elem_size) or None
        except OSError as e:
            if e.errno != errno.ENODATA:  # an empty message, which read(2) can't tell
                raise self._error(e) from None
        return self._recv()

    def _send(self, data: bytes, count: int, **how: Any) -> int:
        buffer = array.array("B", data)
        sent, _ = self._call(uapi.IOC_SEND, uapi.XFER, buf=uapi.address(buffer), count=count,
                             len=len(data) if self._info.message else 0, **how)
        return sent

    def _recv(self, **how: Any) -> Optional[bytes]:
        return next(iter(self._recv_up_to(1, **how)), None)

    def _recv_up_to(self, n: int, **how: Any) -> List[bytes]:
        """Elements as they come from one call: none at the end; n of messages is 1."""
        size = self._info.elem_size
        buffer = array.array("B", bytes(n * size))
        count, arg = self._call(uapi.IOC_RECV, uapi.XFER, buf=uapi.address(buffer), count=n,
                                len=size if self._info.message else 0, **how)
        if self._info.message:
            size = uapi.XFER.unpack(arg).len
        return [buffer[i * size:(i + 1) * size].tobytes() for i in range(count)]

    def _recv_messages(self, n: int, timeout: Optional[float]) -> List[bytes]:
        first = self._receive(timeout)
        if first is None:
            return []
        data = [first]
        while len(data) < n:
            try:
                more = self._recv(flags=uapi.NONBLOCK)
            except OSError:
                break  # it will come again, when nothing has been received before it
            if more is None:
                break
            data.append(more)
        return data
