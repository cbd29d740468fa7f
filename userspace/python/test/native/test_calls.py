# SPDX-License-Identifier: GPL-2.0
"""How the kernel is called, with somebody else in its place."""
import errno
import os
import unittest
from unittest import mock

import chan
from chan import control, uapi
from support import fails


class Ioctl(unittest.TestCase):
    def test_a_signal_that_raises_nothing_does_not_end_it(self):
        with mock.patch("fcntl.ioctl", side_effect=[InterruptedError, InterruptedError, 7]) as ioctl:
            self.assertEqual(7, uapi.call(3, uapi.IOC_RECV, uapi.XFER, count=1)[0])
        self.assertEqual(3, ioctl.call_count)

    def test_nor_one_of_a_call_without_a_structure(self):
        with mock.patch("fcntl.ioctl", side_effect=[InterruptedError, 0]) as ioctl:
            uapi.command(3, uapi.IOC_CLOSE)
        self.assertEqual([mock.call(3, uapi.IOC_CLOSE, 0)] * 2, ioctl.call_args_list)

    def test_after_a_signal_it_waits_for_what_is_left_of_the_time(self):
        asked = []

        def ioctl(fd, number, arg, mutate):
            xfer = uapi.XFER.unpack(arg)
            asked.append((xfer.flags, xfer.timeout_ns))
            if len(asked) < 4:
                raise InterruptedError
            return 1
        # The clock says when it is asked; the last time comes too late.
        with mock.patch("fcntl.ioctl", ioctl), \
                mock.patch("time.monotonic_ns", side_effect=[0, 100, 400, 10**9, 10**9 + 1]):
            uapi.call(3, uapi.IOC_RECV, uapi.XFER, uapi.deadline(1))
        self.assertEqual([(uapi.TIMEOUT, left) for left in (10**9 - 100, 10**9 - 400, 0, 0)], asked)

    def test_never_is_no_timeout(self):
        self.assertIsNone(uapi.deadline(None))


class OpenByName(unittest.TestCase):
    """Between resolve and open a channel may be destroyed, and another have its node."""

    def open(self, resolved, opened):
        with mock.patch.object(control, "_resolve", side_effect=resolved) as resolve, \
                mock.patch.object(control, "_open_path", side_effect=opened) as open_path:
            try:
                return chan.open("words", "r")
            finally:
                self.assertEqual(len(resolved), resolve.call_count)
                self.assertEqual(len(opened), open_path.call_count)

    def test_one_that_was_made_anew_is_found(self):
        for failure in errno.ENOENT, errno.ENXIO, errno.EACCES, errno.ESTALE:
            c = self.open([("/dev/chan1", 1), ("/dev/chan2", 2)],
                          [OSError(failure, ""), "the other"])
            self.assertEqual("the other", c)

    def test_a_failure_of_the_one_that_is_meant_is_told(self):
        with fails(self, PermissionError, "[Errno 13] no"):
            self.open([("/dev/chan1", 1)] * 2, [OSError(errno.EACCES, "no")])

    def test_a_node_that_is_not_there_is_told(self):
        with fails(self, OSError, "[Errno 116] the channel exists, but its node isn't in this "
                   "/dev (a container's?): 'words'"):
            self.open([("/dev/chan1", 1)] * 2, [OSError(errno.ENOENT, "no")])

    def test_one_that_is_gone_is_told(self):
        with fails(self, FileNotFoundError, "[Errno 2] no"):
            self.open([("/dev/chan1", 1), OSError(errno.ENOENT, "no")],
                      [OSError(errno.ENOENT, "")])

    def test_no_other_channel_is_opened(self):
        other = mock.Mock(id=2, label="other")
        with mock.patch.object(control, "info_at", return_value=other):
            before = os.listdir("/proc/self/fd")
            with fails(self, OSError, "[Errno 116] the channel exists, but its node isn't in this "
                       "/dev (a container's?): '/dev/null'"):
                control._open_path("/dev/null", "r", ..., None, 1)
            self.assertEqual(len(before), len(os.listdir("/proc/self/fd")))
