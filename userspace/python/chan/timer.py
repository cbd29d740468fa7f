# SPDX-License-Identifier: LGPL-2.1-or-later
"""Timers, which are channels: Go's time.After, time.NewTimer and time.NewTicker."""
from __future__ import annotations

from . import uapi
from .channel import Channel
from .control import created


class Timer(Channel[int]):
    """A channel to which the kernel sends the time, as time.time_ns() has it.

    As Go's Ticker it doesn't wait for slow receivers: while an element is queued it sends no
    other. A timer with a name is made by chanctl create --timer.
    """

    def reset(self, first: float, period: float = 0) -> bool:
        """Start, or start anew: send in first seconds, and then each period, if there is one.

        Returns whether it ran or an element was queued, which is dropped.
        """
        return self._set(uapi.TIMER_START, first, period)

    def stop(self) -> bool:
        """Send no more; returns as reset(). The timer doesn't close."""
        return self._set(uapi.TIMER_STOP, 0, 0)

    def _set(self, flags: int, first: float, period: float) -> bool:
        was_on, _ = self._call(uapi.IOC_TIMER, uapi.TIMER_SET, flags=flags,
                               first_ns=uapi.nanoseconds(first), period_ns=uapi.nanoseconds(period))
        return bool(was_on)


def _timer(first: float, period: float) -> Timer:
    timer = Timer(created(8, 1, uapi.TIMER, "uint64", "r"), "=Q")
    timer.reset(first, period)
    return timer


def after(seconds: float) -> Timer:
    """A timer that sends the time once, when so many seconds have passed."""
    return _timer(seconds, 0)


def tick(seconds: float) -> Timer:
    """A timer that sends the time each so many seconds."""
    if not seconds > 0:
        raise ValueError(f"{seconds!r} is no period: seconds, more than 0")
    return _timer(seconds, seconds)
