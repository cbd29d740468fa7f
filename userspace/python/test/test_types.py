# SPDX-License-Identifier: GPL-2.0
"""Typed channels: what goes through, and what isn't opened as something else."""
import json
import os
import sys
import unittest

import chan
from support import LONG, fails, named


class Json:
    type = "json"
    encode = staticmethod(lambda value: json.dumps(value).encode())
    decode = staticmethod(json.loads)


class Through(unittest.TestCase):
    def go_through(self, spec, values, **options):
        for capacity in 1, len(values):
            with chan.make(spec, capacity, **options) as c:
                for value in values:
                    c.send(value)
                    self.assertEqual((value, True), c.recv_ok())
                    c.send(value, timeout=LONG)
                    self.assertEqual(value, c.recv(timeout=LONG))
                    self.assertTrue(c.try_send(value))
                    self.assertEqual((value, 0), (c.try_recv("nothing"), len(c)))
                self.assertEqual(capacity, c.send_many(values[:capacity]))
                self.assertEqual(values[:capacity], c.recv_many(len(values) + 1))

    def test_numbers(self):
        self.go_through(int, [0, -1, 2**63 - 1, -2**63])
        self.go_through(float, [0.5, float("inf")])
        self.go_through(bool, [True, False])
        self.go_through("<H", [0, 65535])

    def test_structures(self):
        self.go_through("<qd16s", [(1, 2.5, b"name".ljust(16, b"\0")), (-1, 0.0, b"x" * 16)])

    def test_bytes_of_a_size(self):
        self.go_through(4096, [b"x" * 4096, bytes(4096)])
        self.go_through(1, [b"\0", b"\n"])

    def test_messages(self):
        self.go_through(bytes, [b"x", b"", b"\0", b"y" * 4096])
        self.go_through(str, ["words", "", "\N{GREEK SMALL LETTER ALPHA}", "\udcff"], size=64)

    def test_large_messages(self):
        self.go_through(bytes, [b"x" * 1000000, b"y"], size=1 << 20)

    def test_signals(self):
        self.go_through(None, [None, None])

    def test_codecs(self):
        self.go_through(Json, [{"a": [1, None, "b"]}, "", 0])

    def test_a_message_too_long_is_not_sent(self):
        with chan.make(bytes, 4, size=8) as c:
            text = f"[Errno 90] the message is longer than the channel's limit: {c.name!r}"
            for send in (c.send, c.try_send, lambda v: c.send(v, timeout=LONG),
                         lambda v: c.send_many([v]), lambda v: chan.select([(c, v)]),
                         lambda v: chan.select([(c, v)], default=None)):
                with fails(self, OSError, text):
                    send(b"123456789")
            self.assertEqual(0, len(c))

    def test_what_is_no_utf8_comes_as_surrogates_and_goes_as_it_was(self):
        with named("raw", bytes, 4) as raw, chan.open("raw", "rw", str) as text:
            raw.send(b"a\xffb")
            self.assertEqual("a\udcffb", text.recv())
            text.send("a\udcffb")
            self.assertEqual(b"a\xffb", raw.recv())


class Open(unittest.TestCase):
    def refused(self, made, spec, text, **options):
        with named("typed", made) as c:
            fds = count_fds()
            with fails(self, OSError, f"[Errno 71] the channel carries {text}: 'typed'"):
                chan.open("typed", "rw", spec, **options)
            self.assertEqual(fds, count_fds())
            with fails(self, OSError, f"[Errno 71] the channel carries {text}: 'typed'"):
                chan.Channel(c.fileno(), spec, **options)
            self.assertEqual(1, c.info().senders)

    def test_another_type_is_refused(self):
        self.refused(int, float, "elements of 8 bytes of type int64, not "
                     "elements of 8 bytes of type float64")
        self.refused(int, "=Q", "elements of 8 bytes of type int64, not "
                     "elements of 8 bytes of type uint64")
        self.refused(str, Json, "messages of type string, not messages of type json")

    def test_another_size_is_refused(self):
        self.refused(int, "=i", "elements of 8 bytes of type int64, not "
                     "elements of 4 bytes of type int32")
        self.refused(8, 16, "elements of 8 bytes, not elements of 16 bytes")

    def test_another_kind_is_refused(self):
        self.refused(str, int, "messages of type string, not elements of 8 bytes of type int64")
        self.refused(None, bytes, "elements of 0 bytes, not messages")
        self.refused(8, bytes, "elements of 8 bytes, not messages")

    def test_a_name_that_is_said_must_be_the_channels(self):
        self.refused("<qd", "<qd", "elements of 16 bytes of type <qd, not "
                     "elements of 16 bytes of type struct job", type="struct job")
        self.refused(16, "<qd", "elements of 16 bytes, not elements of 16 bytes of type struct job",
                     type="struct job")
        with named("typed", "<qd", type="struct job"):
            with chan.open("typed", "w", "<qd", type="struct job") as c:
                self.assertEqual("struct job", c.info().type)
            with self.assertRaises(OSError):
                chan.open("typed", "w", "<qd")

    def test_bytes_are_any_type(self):
        with named("typed", int, 1) as c, chan.open("typed", "r", 8) as raw:
            c.send(1)
            self.assertEqual(1, int.from_bytes(raw.recv(), sys.byteorder))
        with named("typed", str, 1) as c, chan.open("typed", "r", bytes) as raw:
            c.send("x")
            self.assertEqual(b"x", raw.recv())

    def test_a_channel_whose_type_has_no_name_is_any_of_its_size(self):
        with named("typed", 8, 1) as c, chan.open("typed", "r", int) as numbers:
            c.send(bytes(8))
            self.assertEqual(0, numbers.recv())

    def test_without_a_type_it_is_taken_as_it_is(self):
        for spec, value, taken in [
                (int, -5, -5), (float, 0.5, 0.5), ("=H", 7, 7), (str, "x", "x"),
                (bytes, b"x", b"x"), (None, None, None), (3, b"abc", b"abc"),
                ("<bb", (1, 2), b"\1\2"), (Json, [1], b"[1]")]:
            with self.subTest(spec), named("typed", spec, 1) as c, chan.open("typed") as same:
                c.send(value)
                self.assertEqual(taken, same.recv())
                same.send(taken)
                self.assertEqual(value, c.recv())


def count_fds():
    return len(os.listdir("/proc/self/fd"))
