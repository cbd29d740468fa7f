# SPDX-License-Identifier: GPL-2.0
"""Threads, processes and signals."""
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import unittest

import chan
from support import HERE, LONG, child, fails, named, thread, wait_parked

TOP = os.path.dirname(HERE)


def python(code, *args, **how):
    """Another Python, with the package."""
    return subprocess.Popen([sys.executable, "-B", "-c", "import chan, sys\n" + code, *args],
                            env={**os.environ, "PYTHONPATH": TOP}, text=True,
                            stdout=subprocess.PIPE, **how)


def double(numbers, results):
    """What multiprocessing runs elsewhere."""
    for i in numbers:
        results.send(2 * i)
    results.close()


class Threads(unittest.TestCase):
    def test_who_waits_keeps_no_other_thread_from_running(self):
        with chan.make(int) as c:
            waits = [thread(call) for call in (c.recv, lambda: c.recv(LONG), lambda: c.recv_many(3),
                                               lambda: chan.select([c]), lambda: next(iter(c)))]
            wait_parked(c, 0, len(waits))
            for _ in waits:
                c.send(1)
            self.assertEqual([1, 1, [1], (0, 1, True), 1], [wait() for wait in waits])

    def test_many_senders_and_receivers_lose_nothing(self):
        n = 100
        for capacity in 0, 3:
            with chan.make(int, capacity) as c:
                def produce(base):
                    for i in range(base, base + n):
                        if i % 3:
                            c.send(i)
                        else:
                            chan.select([(c, i)])
                consumed = [thread(list, c) for _ in range(3)]
                produced = [thread(produce, k * n) for k in range(3)]
                for result in produced:
                    result()
                c.close()
                received = [result() for result in consumed]
                self.assertEqual(list(range(3 * n)), sorted(sum(received, [])))
                for one in received:
                    for k in range(3):
                        of_k = [i for i in one if i // n == k]
                        self.assertEqual(sorted(of_k), of_k)


class Processes(unittest.TestCase):
    def test_fork_inherits_handles(self):
        with chan.make(int, 2) as numbers, chan.make(int, 2) as results:
            wait = child(double, numbers, results)
            for i in range(10):
                numbers.send(i)
                self.assertEqual(2 * i, results.recv(LONG))
            numbers.close()
            self.assertEqual((None, False), results.recv_ok(LONG))
            wait()

    def test_multiprocessing_passes_handles(self):
        for method in "fork", "spawn":
            context = multiprocessing.get_context(method)
            with chan.make(int) as numbers, chan.make("=q", type="twice") as results:
                process = context.Process(target=double,
                                          args=(numbers.recv_only(), results.send_only()))
                process.start()
                for i in range(5):
                    numbers.send(i, LONG)
                    self.assertEqual(2 * i, results.recv(LONG))
                numbers.close()
                process.join(LONG)
                self.assertEqual(0, process.exitcode)

    def test_a_file_descriptor_passed_on(self):
        with chan.make(str, 1) as c:
            other = python("with chan.Channel(int(sys.argv[1]), str) as c: c.send('from there')",
                           str(c.fileno()), pass_fds=[c.fileno()])
            self.assertEqual("from there", c.recv(LONG))
            other.communicate(timeout=LONG)
            self.assertEqual(0, other.returncode)

    def test_two_processes_by_name(self):
        with named("there", str, 4) as there, named("back", str, 4) as back:
            other = python("for w in chan.open('there', 'r', str):\n"
                           "    chan.open('back', 'w', str).send(w.upper())")
            for word in "one", "two":
                there.send(word)
                self.assertEqual(word.upper(), back.recv(LONG))
            there.close()
            other.communicate(timeout=LONG)
            self.assertEqual(0, other.returncode)

    def test_a_killed_receiver_loses_nothing(self):
        with named("there", int) as c:
            other = python("chan.open('there', 'r', int).recv()")
            wait_parked(c, 0, 1)
            other.kill()
            other.communicate(timeout=LONG)
            wait_parked(c, 0, 0)
            self.assertFalse(c.try_send(1))


class Chanctl(unittest.TestCase):
    def run_it(self, *args, **how):
        return subprocess.run(["chanctl", *args], stdout=subprocess.PIPE, check=True, text=True,
                              timeout=LONG, **how).stdout

    def test_it_reads_the_numbers_that_are_sent_here(self):
        for spec, values in (int, [1, -2]), ("=H", [65535, 0]), (bool, None), ("=i", [-2**31, 1]):
            if values:
                with named("numbers", spec, 4) as c:
                    c.send_many(values)
                    self.assertEqual("".join(f"{v}\n" for v in values),
                                     self.run_it("recv", "-n", "2", "numbers"))

    def test_what_it_sends_is_received_here(self):
        self.run_it("create", "--type", "int32", "--capacity", "4", "numbers")
        try:
            self.run_it("send", "numbers", "--", "1", "-2", "16")
            with chan.open("numbers", "r", "=i") as c:
                self.assertEqual([1, -2, 16], c.recv_many(9))
            with chan.open("numbers", "r") as c, self.assertRaises(OSError):
                chan.open("numbers", "r", int)
        finally:
            self.run_it("rm", "--force", "numbers")

    def test_lines_are_messages(self):
        with named("lines", str, 4) as c:
            self.run_it("send", "--close", "lines", input="one\n\ntwo words\n")
            self.assertEqual(["one", "", "two words"], list(c))

    def test_a_timer_of_its_is_received_from(self):
        self.run_it("create", "--timer", "clock")
        try:
            self.run_it("timer", "--after", "1ms", "clock")
            with chan.open("clock", "r") as c:
                self.assertGreater(c.recv(LONG), 10**18)
        finally:
            self.run_it("rm", "clock")

    def test_the_example_counts_words(self):
        example = [sys.executable, "-B", os.path.join(TOP, "examples/wordcount.py")]
        with named("lines", str, 4) as c:
            counting = subprocess.Popen(
                [*example, "lines", "2"], stdout=subprocess.PIPE, text=True,
                env={**os.environ, "PYTHONPATH": TOP})
            wait_parked(c, 0, 1)
            self.run_it("send", "--close", "lines", input="The cat, the dog\nand the cat\n")
            out, _ = counting.communicate(timeout=LONG)
            self.assertEqual("      3 the\n      2 cat\n", out)
            self.assertEqual(0, counting.returncode)
        ran = subprocess.run([*example, "nothing", "2"], stderr=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": TOP})
        self.assertEqual("wordcount.py: nothing: no such channel; a name is its user's, UID:NAME "
                         "asks for another user's\n", ran.stderr)


class Signals(unittest.TestCase):
    def when_parked(self, c, senders, receivers, number, then=lambda: None):
        main = threading.main_thread().ident

        def disturb():
            wait_parked(c, senders, receivers)
            signal.pthread_kill(main, number)
            then()
        return thread(disturb)

    def waits(self, c):
        """Each way to wait in a channel of capacity 1, and whether it sends."""
        for timeout in None, LONG:
            yield lambda: c.recv(timeout), False
            yield lambda: c.recv_many(2, timeout), False
            yield lambda: c.send(1, timeout), True
            yield lambda: c.send_many([1], timeout), True
            yield lambda: chan.select([c], timeout=timeout), False
            yield lambda: chan.select([(c, 1)], timeout=timeout), True
        yield lambda: next(iter(c)), False

    def test_ctrl_c_ends_every_wait(self):
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        with chan.make(int, 1) as c:
            for wait, sends in self.waits(c):
                if sends:
                    c.send(0)
                disturbed = self.when_parked(c, int(sends), int(not sends), signal.SIGINT)
                with self.assertRaises(KeyboardInterrupt):
                    wait()
                disturbed()
                wait_parked(c, 0, 0)
                if sends:
                    self.assertEqual(0, c.recv())
                self.assertEqual(0, len(c))

    def test_ctrl_c_ends_a_batch_in_the_middle(self):
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        with chan.make(int, 2) as c:
            disturbed = self.when_parked(c, 1, 0, signal.SIGINT)
            with self.assertRaises(KeyboardInterrupt):
                c.send_many(range(5))
            disturbed()
            self.assertEqual([0, 1], c.recv_many(5))

    def test_another_signal_ends_none(self):
        seen = threading.Event()
        before = signal.signal(signal.SIGUSR1, lambda *_: seen.set())
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        with chan.make(int, 1) as c:
            for wait, sends in self.waits(c):
                seen.clear()

                def then():
                    self.assertTrue(seen.wait(LONG))
                    wait_parked(c, int(sends), int(not sends))
                    if sends:
                        self.assertEqual(0, c.recv())
                    else:
                        c.send(5)
                if sends:
                    c.send(0)
                disturbed = self.when_parked(c, int(sends), int(not sends), signal.SIGUSR1, then)
                result = wait()
                disturbed()
                if sends:
                    self.assertEqual(1, c.recv())
                else:
                    self.assertIn(result, (5, [5], (0, 5, True)))

    def test_a_timeout_counts_on_over_signals(self):
        before = signal.signal(signal.SIGUSR1, lambda *_: None)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        with chan.make(int) as c:
            disturbed = self.when_parked(c, 0, 1, signal.SIGUSR1)
            with fails(self, TimeoutError,
                       f"[Errno 110] timed out before anything moved: {c.name!r}"):
                c.recv(0.3)
            disturbed()
