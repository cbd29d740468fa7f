# SPDX-License-Identifier: GPL-2.0
"""Named channels: made, opened, listed, destroyed."""
import os
import pathlib
import stat
import unittest

import chan
from support import fails, named

NO_SUCH = "[Errno 2] no such channel; a name is its user's, UID:NAME asks for another user's"


class Names(unittest.TestCase):
    def test_others_open_it_by_its_name_and_its_path(self):
        with named("words", str, 4) as c:
            path = c.info().path
            for name in "words", f"{os.getuid()}:words", path, pathlib.Path(path):
                with chan.open(name, "w", str) as w, chan.open(name, "r", str) as r:
                    w.send("x")
                    self.assertEqual("x", r.recv())
                    self.assertEqual((c.info().id, "words"), (r.info().id, r.name))

    def test_it_keeps_its_elements_while_nobody_has_it_open(self):
        chan.create("kept", int, 4).send(5)
        with chan.open("kept", "rw", int) as c:
            self.assertEqual(5, c.recv())
            c.destroy()

    def test_modes(self):
        with named("words", str, 4, mode="w") as c:
            with self.assertRaises(OSError):
                c.recv()
            with chan.open("words", "look") as look:
                c.send("x")
                self.assertEqual(1, len(look))
                with self.assertRaises(OSError):
                    look.try_recv()
                with self.assertRaises(OSError):
                    look.try_send("x")

    def test_permissions(self):
        with named("words", str, perm=0o640) as c:
            info = c.info()
            self.assertEqual((0o640, 0o640),
                             (info.mode, stat.S_IMODE(os.stat(info.path).st_mode)))
        for perm in 0, 0o700:
            with fails(self, OSError, "[Errno 22] a name, type, size, capacity, mode or flag isn't "
                       "allowed: 'words'"):
                chan.create("words", str, perm=perm)

    def test_a_name_is_taken_once(self):
        with named("words", str):
            with fails(self, FileExistsError, "[Errno 17] you already have a channel of this name: "
                       "open it, or destroy it first: 'words'"):
                chan.create("words", str)

    def test_what_is_not_there(self):
        for name in "nothing", "4711:nothing":
            with fails(self, FileNotFoundError, f"{NO_SUCH}: {name!r}"):
                chan.open(name)
        with fails(self, FileNotFoundError, f"{NO_SUCH}: '/dev/chan65000'"):
            chan.open("/dev/chan65000")

    def test_destroy_keeps_elements_unless_forced(self):
        with named("words", str, 4) as c:
            c.send("x")
            with fails(self, OSError, "[Errno 39] elements are queued: receive them, or lose them "
                       "with force=True: 'words'"):
                c.destroy()
            c.destroy(force=True)
            self.assertTrue(c.info().destroyed)
            self.assertEqual("x", c.recv())
            with self.assertRaises(FileNotFoundError):
                chan.open("words")

    def test_list(self):
        before = [info.id for info in chan.list()]
        with named("a", int, 2) as a, named("b", str) as b:
            a.send(1)
            found = [info for info in chan.list() if info.id not in before]
            self.assertEqual([a.info(), b.info()], found)
        self.assertEqual(before, [info.id for info in chan.list()])
