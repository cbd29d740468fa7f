# SPDX-License-Identifier: GPL-2.0
"""What the tests share: threads, processes, and waiting for what the module says."""
import contextlib
import os
import signal
import sys
import threading
import time
from concurrent.futures import Future

import chan

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = 60 * int(os.environ.get("SLOW", 1))  # seconds; never in a test that works
SOON = 0.02  # a timeout that is to pass


def wait_parked(c, senders, receivers):
    """Return when so many calls are parked in the channel: the module says, nobody guesses."""
    end = time.monotonic() + LONG
    while True:
        info = c.info()
        if (info.parked_senders, info.parked_receivers) == (senders, receivers):
            return
        if time.monotonic() > end:
            raise AssertionError(f"not {senders}, {receivers} are parked: {info}")
        os.sched_yield()


def thread(function, *args, **kwargs):
    """Run the call in a thread; what is returned waits for its result."""
    future = Future()

    def run():
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as e:
            future.set_exception(e)
    threading.Thread(target=run, daemon=True).start()
    return lambda: future.result(LONG)


def child(function, *args):
    """Run the call in a process forked from this; what is returned waits for its good end."""
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            signal.alarm(LONG)
            function(*args)
            status = 0
        except BaseException as e:
            print(f"# in a child: {e!r}", flush=True)
        finally:
            os._exit(status)

    def wait():
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status:
            raise AssertionError(f"a child has ended with {status}")
    return wait


@contextlib.contextmanager
def named(name, *args, **kwargs):
    """A named channel, for the time of a block."""
    with chan.create(name, *args, **kwargs) as c:
        try:
            yield c
        finally:
            with contextlib.suppress(OSError):
                c.destroy(force=True)


@contextlib.contextmanager
def fails(test, error, text):
    """The block raises this, with exactly this text."""
    with test.assertRaises(error) as caught:
        yield caught
    test.assertEqual(text, str(caught.exception))
