# SPDX-License-Identifier: GPL-2.0
"""select: the cases, the default, the time, and who is chosen."""
import time
import unittest

import chan
from support import LONG, SOON, fails, thread, wait_parked


class Select(unittest.TestCase):
    def setUp(self):
        self.a, self.b = chan.make(int, 4), chan.make(str, 4)

    def test_a_receive(self):
        self.b.send("x")
        self.assertEqual((1, "x", True), chan.select([self.a, self.b]))
        self.a.send(5)
        index, value, ok = chan.select([self.a, self.b])
        self.assertEqual((0, 5, True), (index, value, ok))

    def test_a_send(self):
        self.assertEqual((1, None, True), chan.select([self.a, (self.b, "x")]))
        self.assertEqual("x", self.b.recv())

    def test_sends_each_have_their_value(self):
        for i in range(50):
            chosen = chan.select([(self.a, i), (self.b, str(i)), (self.a, -i), (self.b, "")])
            got = (self.a if chosen.index in (0, 2) else self.b).recv()
            self.assertEqual([i, str(i), -i, ""][chosen.index], got)

    def test_a_message_has_its_length(self):
        with chan.make(bytes, 4) as c:
            for value in b"", b"x", b"y" * 4096:
                c.send(value)
                self.assertEqual((2, value, True), chan.select([self.a, self.b, c]))

    def test_elements_without_bytes(self):
        with chan.make(None, 1) as c:
            self.assertEqual((0, None, True), chan.select([(c, None), self.a]))
            self.assertEqual((0, None, True), chan.select([c, self.a]))

    def test_the_end_is_not_ok(self):
        self.b.send("last")
        self.b.close()
        self.assertEqual((1, "last", True), chan.select([self.a, self.b]))
        self.assertEqual((1, None, False), chan.select([self.a, self.b]))
        self.a.close()
        self.assertEqual((0, None, False), chan.select([self.a, self.b], priority=True))

    def test_a_send_to_a_closed_channel_raises(self):
        self.a.close()
        with fails(self, chan.Closed, "[Errno 32] the channel is closed, or hung up by its last "
                   f"receiver: no more sends: {self.a.name!r}"):
            chan.select([self.b, (self.a, 1)])

    def test_nil_is_never_ready(self):
        self.b.send("x")
        self.assertEqual((2, "x", True), chan.select([None, (None, 1), self.b]))
        self.assertEqual((None, "nil", False), chan.select([None, (None, object())], default="nil"))

    def test_the_default(self):
        self.assertEqual((None, None, False), chan.select([self.a, self.b], default=None))
        self.assertEqual((None, 0, False), chan.select([self.a], default=0, priority=True))
        self.a.send(1)
        self.assertEqual((0, 1, True), chan.select([self.a, self.b], default=None))

    def test_the_time(self):
        with fails(self, TimeoutError, "[Errno 110] timed out before anything moved: "
                   f"'{self.a.name}, {self.b.name}'"):
            chan.select([self.a, self.b], timeout=SOON)
        before = time.monotonic()
        self.assertEqual((None, "late", False), chan.select([self.a], default="late", timeout=SOON))
        self.assertGreaterEqual(time.monotonic() - before, SOON)
        self.a.send(1)
        self.assertEqual((0, 1, True), chan.select([self.a, self.b], timeout=0))

    def test_it_reads_well(self):
        def says(*cases, **how):
            # The lines are match and case from Python 3.10 on.
            index, value, ok = chan.select(cases, **how)
            return (f"received {value}" if index == 0 and ok else "ended" if index == 0 else
                    "sent" if index == 1 else "nothing")
        self.assertEqual("nothing", says(self.a, default=None))
        self.assertEqual("sent", says(self.a, (self.b, "x")))
        self.a.send(3)
        self.assertEqual("received 3", says(self.a, None))
        self.a.close()
        self.assertEqual("ended", says(self.a, None))

    def test_it_waits_for_the_first(self):
        for how in {}, {"timeout": LONG}, {"timeout": LONG, "default": 0}, {"priority": True}:
            chosen = thread(chan.select, [self.a, self.b], **how)
            wait_parked(self.a, 0, 1)
            wait_parked(self.b, 0, 1)
            self.b.send("x")
            self.assertEqual((1, "x", True), chosen())
            wait_parked(self.a, 0, 0)

    def test_a_close_wakes_it(self):
        with chan.make(int) as c:
            for case in c, (c, 1):
                chosen = thread(chan.select, [self.a, case])
                wait_parked(c, int(case is not c), int(case is c))
                if case is c:
                    c.send(7)
                    self.assertEqual((1, 7, True), chosen())
                else:
                    c.close()
                    with self.assertRaises(chan.Closed):
                        chosen()

    def test_two_selects_meet(self):
        with chan.make(int) as c, chan.make(int) as d:
            chosen = thread(chan.select, [(c, 1), d])
            wait_parked(c, 1, 0)
            wait_parked(d, 0, 1)
            index, value, ok = chan.select([c, (d, 2)])
            self.assertTrue(ok)
            self.assertEqual((index, 1 if index == 0 else None), (index, value))
            self.assertEqual((index, None if index == 0 else 2, True), chosen())

    def test_every_ready_case_is_chosen_sooner_or_later(self):
        with chan.make(int, 1000) as c:
            c.send_many([0] * 500)
            cases = [c, (c, 1), None, c, (c, 2)]
            chosen = {chan.select(cases).index for _ in range(200)}
            self.assertEqual({0, 1, 3, 4}, chosen)

    def test_with_priority_the_first_is_chosen(self):
        with chan.make(int, 1000) as c:
            c.send_many([0] * 500)
            cases = [None, (c, 1), c]
            self.assertEqual({1}, {chan.select(cases, priority=True).index for _ in range(50)})

    def test_as_many_cases_as_there_may_be(self):
        self.a.send(1)
        cases = [None] * 1023 + [self.a]
        self.assertEqual((1023, 1, True), chan.select(cases))
        with fails(self, ValueError, "1025 cases are over the limit of 1024"):
            chan.select(cases + [self.a])

    def test_wrong_cases(self):
        for case in 5, "x", (self.a,), (self.a, 1, 2), (5, self.a), [self.a, 1]:
            with self.subTest(case), self.assertRaisesRegex(
                    TypeError, r"^case 1 is neither a channel nor \(channel, value\): "):
                chan.select([self.a, case])
        with self.assertRaises(ValueError):
            chan.select([(self.a, "x")])
        self.assertEqual(0, len(self.a))


class Timers(unittest.TestCase):
    def test_after_sends_the_time_once(self):
        before = time.time_ns()
        with chan.after(SOON) as timer:
            sent = timer.recv(LONG)
            self.assertLessEqual(before + SOON * 1e9 - 1e6, sent)
            self.assertLessEqual(sent, time.time_ns())
            self.assertIsNone(timer.try_recv())

    def test_tick_sends_again_and_again(self):
        with chan.tick(0.001) as timer:
            times = [timer.recv(LONG) for _ in range(3)]
            self.assertEqual(sorted(set(times)), times)
            self.assertTrue(timer.stop())
            self.assertFalse(timer.stop())
            self.assertIsNone(timer.try_recv())
            self.assertFalse(timer.reset(0))
            timer.recv(LONG)

    def test_a_timer_in_a_select(self):
        with chan.after(SOON) as timer, chan.make(int) as c:
            self.assertEqual(1, chan.select([c, timer], timeout=LONG).index)

    def test_a_timer_is_not_sent_to(self):
        with chan.after(LONG) as timer:
            with self.assertRaises(OSError):
                timer.send(1)
            self.assertTrue(timer.reset(LONG, 1))
            self.assertTrue(timer.stop())
