# SPDX-License-Identifier: GPL-2.0
"""The package as it is built, and without the module."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import chan
from chan import control, errors, uapi
from support import fails

TOP = os.path.join(os.path.dirname(__file__), "../..")


class Package(unittest.TestCase):
    def test_it_is_built_with_all_its_files(self):
        with tempfile.TemporaryDirectory() as folder:
            source = shutil.copytree(TOP, os.path.join(folder, "source"))
            ran = subprocess.run(
                [sys.executable, "-c", "from setuptools import setup; setup()", "-q", "build",
                 "--build-lib", "../built", "egg_info", "--egg-base", ".."],
                cwd=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(0, ran.returncode, ran.stdout)
            ours = [name for name in os.listdir(os.path.join(TOP, "chan"))
                    if name != "__pycache__"]
            self.assertEqual(sorted(ours), sorted(os.listdir(os.path.join(folder, "built/chan"))))
            with open(os.path.join(folder, "chan.egg-info/PKG-INFO")) as f:
                self.assertIn(f"\nVersion: {chan.__version__}\n", f.read())

    def test_every_public_name_is_there_and_says_what_it_is(self):
        for name in chan.__all__:
            thing = getattr(chan, name)
            self.assertTrue(thing.__doc__, name)
            for attribute, value in vars(thing).items() if isinstance(thing, type) else ():
                if not attribute.startswith("_") and callable(value):
                    self.assertTrue(value.__doc__, f"{name}.{attribute}")

    def test_every_name_of_the_readme_is_there(self):
        with open(os.path.join(TOP, "README")) as f:
            text = f.read()
        for name in re.findall(r"\bchan\.([a-zA-Z_]+)", text):
            self.assertTrue(name in ("ko", "py") or hasattr(chan, name), name)
        for name in re.findall(r"\bwords\.([a-z_]+)", text):
            self.assertTrue(hasattr(chan.Channel, name), name)

    @unittest.mock.patch.object(control, "CONTROL", "/dev/nothing")
    def test_without_the_module_it_says_what_to_do(self):
        text = ("[Errno 38] the kernel has no channels: load the module (chanctl load): "
                "'/dev/nothing'")
        for call in (lambda: chan.make(int), lambda: chan.create("x", int), lambda: chan.after(1),
                     lambda: chan.open("x"), lambda: next(chan.list())):
            with fails(self, OSError, text):
                call()

    def test_wrong_arguments_without_the_module(self):
        for call, text in [
                (lambda: chan.make(int, -1), "-1 is no capacity"),
                (lambda: chan.make(int, size=8),
                 "size is of the longest message, but these are elements of 8 bytes of type int64"),
                (lambda: chan.make(int, type="x" * 32),
                 f"{'x' * 32!r} is too long for a type: 31 bytes at most"),
                (lambda: chan.create("x" * 64, int),
                 f"{'x' * 64!r} is too long for a name: 63 bytes at most"),
                (lambda: chan.create("x", int, mode="rb"),
                 "'rb' is no mode: 'r', 'w', 'rw' or 'look'"),
                (lambda: chan.open("me:x"), "'me:x' is no name of a channel: NAME or UID:NAME"),
                (lambda: chan.open("/dev/null", "a"), "'a' is no mode: 'r', 'w', 'rw' or 'look'"),
                (lambda: chan.tick(0), "0 is no period: seconds, more than 0"),
                (lambda: chan.select([], timeout=-1), "-1 is no time to wait: seconds, 0 or more"),
                (lambda: chan.select([None] * 1025), "1025 cases are over the limit of 1024")]:
            with self.subTest(text), fails(self, ValueError, text):
                call()
        with fails(self, TypeError, "case 1 is neither a channel nor (channel, value): 5"):
            chan.select([None, 5])

    def test_a_file_that_is_no_channel(self):
        with open(os.devnull, "rb") as f:
            text = "[Errno 25] not a channel, or one of an older module that can't do this: "
            with fails(self, OSError, f"{text}'file descriptor {f.fileno()}'"):
                chan.Channel(f.fileno())
            with fails(self, OSError, f"{text}'/dev/null'"):
                chan.open("/dev/null")
            self.assertEqual(b"", f.read())

    def test_errors_are_those_of_python(self):
        for number, error in [(32, chan.Closed), (110, TimeoutError), (11, BlockingIOError),
                              (2, FileNotFoundError), (17, FileExistsError),
                              (13, PermissionError)]:
            got = errors.error(number, "words")
            self.assertIs(error, type(got))
            self.assertEqual((number, "words"), (got.errno, got.filename))
        self.assertTrue(issubclass(chan.Closed, BrokenPipeError))

    def test_times(self):
        for seconds, ns in [(0, 0), (1, 10**9), (1e-10, 1), (0.5, 5 * 10**8), (1e300, 2**63),
                            (float("inf"), 2**63)]:
            self.assertEqual(ns, uapi.nanoseconds(seconds))
        for seconds in -1, float("nan"), -1e-300:
            with self.assertRaises(ValueError):
                uapi.nanoseconds(seconds)

    def test_select_of_no_channel(self):
        self.assertEqual((None, 7, False), chan.select([], default=7))
        self.assertEqual((None, 7, False), chan.select([None, (None, 1)], default=7, timeout=0.01))
        with fails(self, TimeoutError, "[Errno 110] timed out before anything moved: 'no channels'"):
            chan.select([None], timeout=0.01)

    def test_importing_it_needs_no_ctypes(self):
        code = "import sys, chan; sys.exit('ctypes' in sys.modules)"
        self.assertEqual(0, subprocess.run([sys.executable, "-S", "-c", code], cwd=TOP).returncode)
