# SPDX-License-Identifier: GPL-2.0
"""What a channel does: send, receive, close, and what is made of them."""
import contextlib
import os
import selectors
import unittest

import chan
from support import LONG, SOON, fails, thread, wait_parked


class Sends(unittest.TestCase):
    def test_first_in_first_out(self):
        with chan.make(int, 3) as c:
            for i in range(3):
                c.send(i)
            self.assertEqual([0, 1, 2], [c.recv() for _ in range(3)])

    def test_unbuffered_a_send_meets_a_receive(self):
        with chan.make(int) as c:
            sent = thread(c.send, 5)
            wait_parked(c, 1, 0)
            self.assertEqual(5, c.recv())
            sent()
            received = thread(c.recv)
            wait_parked(c, 0, 1)
            c.send(6)
            self.assertEqual(6, received())

    def test_a_send_waits_for_room(self):
        for timeout in None, LONG:
            with chan.make(int, 1) as c:
                c.send(1)
                sent = thread(c.send, 2, timeout=timeout)
                wait_parked(c, 1, 0)
                self.assertEqual([1, 2], [c.recv(), c.recv()])
                sent()

    def test_try_says_whether(self):
        with chan.make(int, 1) as c:
            self.assertEqual("nothing", c.try_recv("nothing"))
            self.assertIsNone(c.try_recv())
            self.assertTrue(c.try_send(1))
            self.assertFalse(c.try_send(2))
            self.assertEqual(1, c.try_recv())

    def test_timeouts(self):
        with chan.make(int, 1) as c:
            text = f"[Errno 110] timed out before anything moved: {c.name!r}"
            for call in (lambda: c.recv(SOON), lambda: c.recv_ok(timeout=SOON), lambda: c.recv(0),
                         lambda: c.recv_many(5, SOON)):
                with fails(self, TimeoutError, text):
                    call()
            c.send(1)
            for call in lambda: c.send(2, SOON), lambda: c.send(2, 0), \
                    lambda: c.send_many([2, 3], SOON):
                with fails(self, TimeoutError, text):
                    call()
            self.assertEqual(1, c.recv(float("inf")))
            for timeout in -1, float("nan"):
                with fails(self, ValueError, f"{timeout} is no time to wait: seconds, 0 or more"):
                    c.recv(timeout)

    def test_len_and_cap(self):
        with chan.make(str, 3) as c:
            self.assertEqual((0, 3), (len(c), c.cap))
            self.assertTrue(c)
            c.send("x")
            self.assertEqual(1, len(c))

    def test_it_works_through_os_and_selectors(self):
        with chan.make(8, 2) as c, selectors.DefaultSelector() as selector:
            selector.register(c.recv_only(), selectors.EVENT_READ)
            self.assertEqual([], selector.select(0))
            os.write(c.fileno(), b"abcdefgh")
            self.assertEqual(1, len(selector.select(0)))
            self.assertEqual(b"abcdefgh", c.recv())
            c.send(b"ijklmnop")
            self.assertEqual(b"ijklmnop", os.read(c.fileno(), 8))

    def test_a_nonblocking_handle_raises_what_files_raise(self):
        with chan.make(int, 1) as c:
            os.set_blocking(c.fileno(), False)
            text = f"[Errno 11] would have to wait: {c.name!r}"
            with fails(self, BlockingIOError, text):
                c.recv()
            c.send(1)
            with fails(self, BlockingIOError, text):
                c.send(2)
            self.assertEqual(1, c.recv())


class Close(unittest.TestCase):
    def closed(self, c):
        return fails(self, chan.Closed, "[Errno 32] the channel is closed, or hung up by its "
                     f"last receiver: no more sends: {c.name!r}")

    def drained(self, c):
        return fails(self, chan.Closed,
                     f"[Errno 32] the channel is closed and drained: {c.name!r}")

    def test_receives_drain_it_and_then_see_the_end(self):
        for spec, value in (int, 7), (str, "x"), (str, ""), (None, None), (bytes, b""):
            with chan.make(spec, 4) as c:
                c.send(value)
                c.send(value)
                c.close()
                self.assertEqual(value, c.recv())
                self.assertEqual((value, True), c.recv_ok())
                for _ in range(2):
                    self.assertEqual((None, False), c.recv_ok())
                    self.assertEqual((None, False), c.recv_ok(timeout=LONG))
                    self.assertEqual([], c.recv_many(3))
                    for call in c.recv, c.try_recv, lambda: c.recv(LONG):
                        with self.drained(c):
                            call()

    def test_sends_and_another_close_fail(self):
        for spec, value in (int, 7), (str, "x"), (str, ""), (None, None):
            with chan.make(spec, 4) as c:
                c.close()
                for call in (lambda: c.send(value), lambda: c.try_send(value),
                             lambda: c.send(value, LONG), lambda: c.send_many([value, value]),
                             c.close):
                    with self.closed(c):
                        call()

    def test_it_wakes_who_waits(self):
        for capacity in 0, 1:
            for timeout in None, LONG:
                with chan.make(int, capacity) as c:
                    results = [thread(c.recv_ok, timeout) for _ in range(2)]
                    wait_parked(c, 0, 2)
                    c.close()
                    self.assertEqual([(None, False)] * 2, [result() for result in results])
                with chan.make(int, capacity) as c:
                    if capacity:
                        c.send(0)
                    sent = thread(c.send, 1, timeout)
                    wait_parked(c, 1, 0)
                    c.close()
                    with self.closed(c):
                        sent()

    def test_closing_is_defer_close(self):
        with chan.make(int, 1) as c:
            with contextlib.closing(c):
                c.send(1)
            self.assertEqual([1], list(c))

    def test_the_end_of_with_is_not_the_end_of_the_channel(self):
        with chan.make(int, 1) as c:
            with c.send_only() as sender:
                sender.send(1)
            self.assertFalse(c.info().closed)
            self.assertEqual(1, c.recv())

    def test_autoclose_and_hangup(self):
        with chan.make(int, 1, autoclose=True) as c:
            receiver = c.recv_only()
            c.send(1)
        self.assertEqual([1], list(receiver))
        with chan.make(int, 1, hangup=True) as c:
            sender = c.send_only()
        self.assertTrue(sender.info().hung_up)
        with self.closed(sender):
            sender.send(1)


class Range(unittest.TestCase):
    def test_it_ends_when_the_channel_is_closed_and_drained(self):
        for capacity in 0, 3:
            for spec, values in (int, list(range(100))), (str, ["x", "", "y"]), (None, [None] * 3):
                with chan.make(spec, capacity) as c:
                    def produce():
                        for value in values:
                            c.send(value)
                        c.close()
                    produced = thread(produce)
                    self.assertEqual(values, list(c))
                    produced()

    def test_it_takes_no_more_than_it_gives(self):
        with chan.make(int, 4) as c:
            c.send_many([1, 2, 3])
            for value in c:
                self.assertEqual(1, value)
                break
            self.assertEqual(2, len(c))


class Batches(unittest.TestCase):
    def test_all_are_sent_and_what_is_there_is_received(self):
        for spec, values in (int, list(range(20))), (str, [str(i) for i in range(20)]), \
                (None, [None] * 20), (bytes, [b""] * 20):
            with chan.make(spec, 20) as c:
                self.assertEqual(20, c.send_many(values))
                self.assertEqual(values[:5], c.recv_many(5))
                self.assertEqual(values[5:8], c.recv_many(3, timeout=LONG))
                self.assertEqual(values[8:], c.recv_many(1000))

    def test_none_at_all(self):
        with chan.make(int, 1) as c:
            self.assertEqual(0, c.send_many([]))
            with fails(self, ValueError, "0 is no number of elements to receive: 1 or more"):
                c.recv_many(0)

    def test_they_wait_for_room(self):
        for timeout in None, LONG:
            for capacity in 0, 3:
                with chan.make(int, capacity) as c:
                    sent = thread(c.send_many, range(50), timeout)
                    received = []
                    while len(received) < 50:
                        received += c.recv_many(7)
                    self.assertEqual(50, sent())
                    self.assertEqual(list(range(50)), received)

    def test_a_close_in_the_middle_says_how_many(self):
        for spec, values in (int, list(range(5))), (str, list("abcde")):
            with chan.make(spec, 2) as c:
                sent = thread(c.send_many, values)
                wait_parked(c, 1, 0)
                c.close()
                self.assertEqual(2, sent())
                self.assertEqual(values[:2], c.recv_many(5))
                self.assertEqual([], c.recv_many(5))

    def test_a_timeout_in_the_middle_says_how_many(self):
        for spec, values in (int, list(range(5))), (str, list("abcde")):
            with chan.make(spec, 2) as c:
                self.assertEqual(2, c.send_many(values, SOON))

    def test_a_wrong_value_sends_nothing(self):
        with chan.make(int, 9) as c:
            with self.assertRaises(ValueError):
                c.send_many([1, 2, "x"])
            self.assertEqual(0, len(c))


class Handles(unittest.TestCase):
    def test_directions(self):
        with chan.make(int, 1) as c, c.send_only() as w, c.recv_only() as r:
            w.send(1)
            self.assertEqual(1, r.recv())
            text = ("[Errno 9] the handle isn't open for this direction, or isn't open at all: "
                    f"{c.name!r}")
            for call in (w.recv, w.try_recv, lambda: w.recv(1), lambda: w.recv_many(2),
                         lambda: r.send(1), lambda: r.try_send(1), lambda: r.send_many([1]),
                         r.close, w.recv_only, r.send_only, lambda: chan.select([w]),
                         lambda: chan.select([(r, 1)])):
                with fails(self, OSError, text):
                    call()

    def test_a_released_handle_says_so(self):
        c = chan.make(int, 1)
        name = c.name
        c.release()
        c.release()
        for call in c.recv, lambda: c.send(1), c.info, c.fileno, lambda: chan.select([c]), c.close:
            with fails(self, ValueError, f"the handle was released: {name!r}"):
                call()
        self.assertIn("fd=-1", repr(c))

    def test_one_that_is_no_longer_used_is_released(self):
        c = chan.make(int, 1, autoclose=True)
        receiver = c.recv_only()
        del c
        self.assertEqual([], list(receiver))

    def test_what_it_is(self):
        with chan.make(int, 3) as c:
            c.send(1)
            info = c.info()
            self.assertEqual(f"<Channel 'channel {info.id}', elements of 8 bytes of type int64, "
                             f"fd={c.fileno()}>", repr(c))
            self.assertEqual((8, 3, 1, None, 1, 1, 1, 0, "int64", "", None),
                             (info.elem_size, info.capacity, info.len, info.minor, info.senders,
                              info.receivers, info.sent, info.received, info.type, info.name,
                              info.path))
            self.assertEqual((False,) * 4,
                             (info.closed, info.hung_up, info.destroyed, info.message))
            c.close()
            self.assertTrue(c.info().closed)
            with fails(self, OSError, "[Errno 19] the channel has no node (it is anonymous, or "
                       f"was destroyed), or is no timer: {c.name!r}"):
                c.destroy()

    def test_wrong_sizes(self):
        text = "[Errno 22] a name, type, size, capacity, mode or flag isn't allowed: 'a new channel'"
        for call in (lambda: chan.make(1 << 21), lambda: chan.make(bytes, size=0),
                     lambda: chan.make(int, 1 << 31), lambda: chan.make(int, type="a=b")):
            with fails(self, OSError, text):
                call()
        with fails(self, OSError, "[Errno 75] capacity times element size is over 1 GiB: make "
                   "either smaller: 'a new channel'"):
            chan.make(1 << 20, 1 << 20)

    def test_file_descriptors_are_not_inherited(self):
        with chan.make(int) as c, c.recv_only() as r:
            self.assertFalse(os.get_inheritable(c.fileno()))
            self.assertFalse(os.get_inheritable(r.fileno()))
