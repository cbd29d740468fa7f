# SPDX-License-Identifier: GPL-2.0
"""A program whose types mypy checks: those of what a channel carries come out of it."""
from typing import Tuple

import chan


class Point:
    """A codec of points."""

    def encode(self, value: Tuple[int, int]) -> bytes:
        return bytes(value)

    def decode(self, data: bytes) -> Tuple[int, int]:
        return data[0], data[1]


def of_int(c: "chan.Channel[int]") -> int:
    c.send(c.recv() + 1)
    return sum(c) + sum(c.recv_many(3))


async def of_str(c: "chan.Channel[str]") -> str:
    async for v in c:
        return v.upper()
    return (await c.arecv()).lower()


async def main() -> None:
    numbers = chan.make(int, 4)
    of_int(numbers.recv_only())
    await of_str(chan.open("words", "r", str))
    x, y = chan.create("points", Point()).recv()
    of_int(chan.after(x + y))
    record: "chan.Channel[Tuple[int, float]]" = chan.make("<qd")
    i, f = record.recv()
    index, _, ok = chan.select([numbers, None, (record, (i, f))], timeout=f)
    assert ok or index
