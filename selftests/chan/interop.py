#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Python's own means work on channels: os, io, select, selectors, asyncio,
multiprocessing, subprocess.

With arguments it is what interop.sh makes and watches channels with:

    interop.py make ELEM_SIZE CAPACITY [message] [autoclose] [hangup]
    interop.py close /dev/chanN
    interop.py rm /dev/chanN...
    interop.py parked /dev/chanN SENDERS RECEIVERS
    interop.py named
"""
# More is imported where it is used: the helper starts often, and fast.
import errno
import fcntl
import os
import struct
import sys
import time

CREATE, LIMITS = 0xC400, 0xC403
CLOSE, INFO, NARROW, DESTROY = 0xC412, 0xC413, 0xC414, 0xC415
CREATE_FORMAT = "=IIIIIIiIQ32s64s"
LIMITS_FORMAT = "=II18Q"
INFO_FORMAT = "=IIQ10IQQ32s64s"
NARROW_FORMAT = "=IIiI"
DESTROY_FORMAT = "=II"

MESSAGE, NAMED, AUTOCLOSE, HANGUP = 1, 2, 4, 8
FLAGS = {"message": MESSAGE, "autoclose": AUTOCLOSE, "hangup": HANGUP}
FORCE = 1
LOOK = os.O_RDWR | os.O_WRONLY
LONG = 60 * int(os.environ.get("SLOW", 1))  # seconds; never in a test that works

INFO_FIELDS = """size flags id elem_size capacity len minor parked_senders parked_receivers
    senders receivers uid mode sent received type name""".split()


def call(fd, number, layout, *fields):
    """An ioctl whose structure begins with its size; returns all the fields."""
    size = struct.calcsize(layout)
    data = bytearray(struct.pack(layout, size, *fields))
    fcntl.ioctl(fd, number, data, True)
    return struct.unpack(layout, data)


def create(elem_size, capacity, flags, access=LOOK):
    """Returns a handle and the path of the node, if there is one."""
    mode = 0o600 if flags & NAMED else 0
    ctl = os.open("/dev/chanctl", os.O_RDWR | os.O_CLOEXEC)
    try:
        made = call(ctl, CREATE, CREATE_FORMAT, flags, elem_size, capacity,
                    access | os.O_CLOEXEC, mode, 0, 0, 0, b"", b"")
    finally:
        os.close(ctl)
    return made[6], f"/dev/chan{made[7]}"


def info(fd):
    return dict(zip(INFO_FIELDS, call(fd, INFO, INFO_FORMAT, *[0] * 14, b"", b"")))


def usage():
    """How many channels this user has, and how many of them are named."""
    ctl = os.open("/dev/chanctl", os.O_RDWR | os.O_CLOEXEC)
    try:
        return call(ctl, LIMITS, LIMITS_FORMAT, *[0] * 19)[10:12]
    finally:
        os.close(ctl)


def close(fd):
    fcntl.ioctl(fd, CLOSE, 0)


def narrow(fd, access):
    return call(fd, NARROW, NARROW_FORMAT, access | os.O_CLOEXEC, 0, 0)[2]


def destroy(fd):
    call(fd, DESTROY, DESTROY_FORMAT, FORCE)


def wait_parked(fd, senders, receivers):
    """Return when so many calls are parked: the module says, nobody guesses."""
    end = time.monotonic() + LONG
    while True:
        now = info(fd)
        parked = now["parked_senders"], now["parked_receivers"]
        if parked == (senders, receivers):
            return
        if time.monotonic() > end:
            raise TimeoutError(f"parked: {parked}, expected: {senders, receivers}")
        os.sched_yield()


def helper(command, *args):
    if command == "make":
        flags = sum(FLAGS[word] for word in args[2:])
        print(create(int(args[0]), int(args[1]), flags | NAMED)[1])
    elif command == "close":
        close(os.open(args[0], os.O_WRONLY))
    elif command == "rm":
        for path in args:
            destroy(os.open(path, LOOK))
    elif command == "parked":
        wait_parked(os.open(args[0], LOOK), int(args[1]), int(args[2]))
    elif command == "named":
        print(usage()[1])
    else:
        sys.exit(__doc__)


class Channel:
    """A named channel, opened once to receive (r), to send (w), and to look."""

    def __init__(self, elem_size, capacity, flags=0, mode=0):
        self.look, self.path = create(elem_size, capacity, flags | NAMED)
        self.fds = []
        self.r = self.open(os.O_RDONLY | mode)
        self.w = self.open(os.O_WRONLY | mode)

    def open(self, flags):
        fd = os.open(self.path, flags | os.O_CLOEXEC)
        self.fds.append(fd)
        return fd

    def close(self):
        close(self.w)

    def wait_parked(self, senders, receivers):
        wait_parked(self.look, senders, receivers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            close(self.w)  # whatever a failed test left parked
        except BrokenPipeError:
            pass
        destroy(self.look)
        for fd in self.fds + [self.look]:
            os.close(fd)


def nonblocking(elem_size, capacity, flags=0):
    return Channel(elem_size, capacity, flags, os.O_NONBLOCK)


def equal(expected, actual):
    if expected != actual:
        raise AssertionError(f"expected {expected!r}, not {actual!r}")


def fails(error, function, *args):
    """The call raises OSError with this errno; returns the exception."""
    try:
        result = function(*args)
    except OSError as e:
        equal(errno.errorcode[error], errno.errorcode[e.errno])
        return e
    raise AssertionError(f"{function.__name__} returned {result!r}, no {errno.errorcode[error]}")


def thread(function, *args):
    """Run the call in a thread; the function that is returned waits for its result."""
    from concurrent.futures import Future
    import threading
    future = Future()

    def run():
        try:
            future.set_result(function(*args))
        except BaseException as e:
            future.set_exception(e)
    threading.Thread(target=run, daemon=True).start()
    return lambda: future.result(LONG)


def child(function, *args):
    """Run it in a process; the function that is returned waits for its good end."""
    import signal
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LONG)
            function(*args)
            status = 0
        except BaseException as e:
            print(f"# in a child: {e!r}", flush=True)
        finally:
            os._exit(status)
    return lambda: equal(0, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def number(n):
    return struct.pack("=Q", n)


def read_number(fd):
    """The next number, or None at the end."""
    data = os.read(fd, 8)
    return struct.unpack("=Q", data)[0] if data else None


def test_os_read_and_write():
    with Channel(8, 4) as c:
        equal(8, os.write(c.w, b"abcdefgh"))
        equal(16, os.write(c.w, b"ijklmnopqrstuvwx"))
        equal(b"abcdefgh", os.read(c.r, 8))
        equal(b"ijklmnopqrstuvwx", os.read(c.r, 100))


def test_os_read_takes_whole_elements():
    with Channel(8, 4) as c:
        os.write(c.w, b"abcdefghijklmnop")
        equal(b"abcdefgh", os.read(c.r, 15))
        fails(errno.EINVAL, os.read, c.r, 7)
        equal(b"ijklmnop", os.read(c.r, 8))


def test_os_write_of_no_whole_elements():
    with Channel(8, 4) as c:
        for size in 1, 7, 9, 15:
            fails(errno.EINVAL, os.write, c.w, b"x" * size)
        equal(0, os.write(c.w, b""))
        equal(0, info(c.look)["len"])


def test_os_wrong_direction():
    with Channel(8, 4) as c:
        fails(errno.EBADF, os.read, c.w, 8)
        fails(errno.EBADF, os.write, c.r, b"abcdefgh")
        fails(errno.EBADF, os.read, c.look, 8)
        fails(errno.EBADF, close, c.r)


def test_os_has_no_offset():
    with Channel(8, 4) as c:
        os.write(c.w, b"abcdefgh")
        fails(errno.ESPIPE, os.lseek, c.r, 0, os.SEEK_CUR)
        fails(errno.ESPIPE, os.pread, c.r, 8, 0)
        fails(errno.ESPIPE, os.pwrite, c.w, b"abcdefgh", 0)
        equal(b"abcdefgh", os.read(c.r, 8))


def test_os_readv_and_writev():
    with Channel(8, 4) as c:
        equal(24, os.writev(c.w, [b"abcdefgh", b"ijkl", b"mnopqrst", b"uvwx"]))
        first, second = bytearray(4), bytearray(12)
        equal(16, os.readv(c.r, [first, second]))
        equal(b"abcdefghijklmnop", bytes(first + second))
        equal(b"qrstuvwx", os.read(c.r, 8))


def test_os_set_blocking():
    with Channel(8, 1) as c:
        equal(True, os.get_blocking(c.r))
        os.set_blocking(c.r, False)
        fails(errno.EAGAIN, os.read, c.r, 8)
        os.set_blocking(c.r, True)
        reader = thread(os.read, c.r, 8)
        c.wait_parked(0, 1)
        os.write(c.w, b"abcdefgh")
        equal(b"abcdefgh", reader())


def test_os_messages():
    with Channel(100, 4, MESSAGE) as c:
        for message in b"one", b"twenty two", b"x" * 100:
            equal(len(message), os.write(c.w, message))
        fails(errno.EMSGSIZE, os.write, c.w, b"x" * 101)
        equal(b"one", os.read(c.r, 100))
        fails(errno.EMSGSIZE, os.read, c.r, 9)
        equal(b"twenty two", os.read(c.r, 10))
        equal(b"x" * 100, os.read(c.r, 4096))


def test_os_empty_elements():
    """Those of size 0 are one byte to read(2) and write(2)."""
    with Channel(0, 4) as c:
        equal(3, os.write(c.w, b"abc"))
        equal(3, info(c.look)["len"])
        equal(b"\0", os.read(c.r, 1))
        equal(b"\0\0", os.read(c.r, 10))


def test_os_end():
    for capacity in 0, 4:
        with Channel(8, capacity) as c:
            if capacity:
                os.write(c.w, b"abcdefgh")
            c.close()
            if capacity:
                equal(b"abcdefgh", os.read(c.r, 8))
            for _ in range(3):
                equal(b"", os.read(c.r, 8))


def test_os_close_wakes_reader():
    for capacity in 0, 4:
        with Channel(8, capacity) as c:
            readers = [thread(os.read, c.r, 8) for _ in range(3)]
            c.wait_parked(0, 3)
            c.close()
            equal([b""] * 3, [reader() for reader in readers])


def test_would_block():
    with nonblocking(8, 2) as c:
        assert isinstance(fails(errno.EAGAIN, os.read, c.r, 8), BlockingIOError)
        equal(16, os.write(c.w, b"abcdefghijklmnopqrstuvwx"))
        assert isinstance(fails(errno.EAGAIN, os.write, c.w, b"qrstuvwx"), BlockingIOError)
        equal(b"abcdefghijklmnop", os.read(c.r, 80))
        fails(errno.EAGAIN, os.read, c.r, 8)


def test_would_block_unbuffered():
    with nonblocking(8, 0) as c:
        fails(errno.EAGAIN, os.read, c.r, 8)
        fails(errno.EAGAIN, os.write, c.w, b"abcdefgh")
        reader = thread(os.read, c.open(os.O_RDONLY), 8)
        c.wait_parked(0, 1)
        equal(8, os.write(c.w, b"abcdefgh"))
        equal(b"abcdefgh", reader())
        writer = thread(os.write, c.open(os.O_WRONLY), b"ijklmnop")
        c.wait_parked(1, 0)
        equal(b"ijklmnop", os.read(c.r, 8))
        equal(8, writer())


def test_broken_pipe():
    for mode in 0, os.O_NONBLOCK:
        with Channel(8, 2, 0, mode) as c:
            c.close()
            assert isinstance(fails(errno.EPIPE, os.write, c.w, b"abcdefgh"), BrokenPipeError)
            assert isinstance(fails(errno.EPIPE, close, c.w), BrokenPipeError)


def test_broken_pipe_of_a_parked_writer():
    with Channel(8, 1) as c:
        writer = thread(os.write, c.w, b"abcdefghijklmnopqrstuvwx")
        c.wait_parked(1, 0)
        other = thread(os.write, c.w, b"01234567")
        c.wait_parked(2, 0)
        c.close()
        equal(8, writer())
        fails(errno.EPIPE, other)
        equal(b"abcdefgh", os.read(c.r, 80))
        equal(b"", os.read(c.r, 80))


def test_broken_pipe_raises_no_sigpipe():
    import signal
    with Channel(8, 2) as c:
        c.close()

        def write():
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            fails(errno.EPIPE, os.write, c.w, b"abcdefgh")
        child(write)()


def test_struct_elements():
    record = struct.Struct("=qd16s")
    with Channel(record.size, 100) as c:
        sent = [(i - 50, i / 4, (b"name %02d" % i).ljust(16)) for i in range(100)]
        for fields in sent[:50]:
            os.write(c.w, record.pack(*fields))
        os.write(c.w, b"".join(record.pack(*fields) for fields in sent[50:]))
        equal(sent, list(record.iter_unpack(os.read(c.r, 1 << 20))))


def test_io_readinto():
    with Channel(8, 8) as c, open(c.path, "rb", buffering=0) as f:
        os.write(c.w, b"abcdefghijklmnopqrstuvwx")
        buffer = bytearray(16)
        equal(16, f.readinto(buffer))
        equal(b"abcdefghijklmnop", bytes(buffer))
        equal(8, f.readinto(buffer))
        equal(b"qrstuvwxijklmnop", bytes(buffer))
        c.close()
        equal(0, f.readinto(buffer))


def test_io_raw_that_would_block_is_none():
    with nonblocking(8, 1) as c:
        with open(c.r, "rb", buffering=0, closefd=False) as f:
            equal(None, f.read(8))
            equal(None, f.readinto(bytearray(8)))
        with open(c.w, "wb", buffering=0, closefd=False) as f:
            equal(8, f.write(b"abcdefgh"))
            equal(None, f.write(b"abcdefgh"))


def test_io_raw_readall():
    with Channel(16, 1000) as c, open(c.path, "rb", buffering=0) as f:
        data = os.urandom(16000)
        os.write(c.w, data)
        c.close()
        equal(data, f.read())


def test_io_buffered_elements():
    with Channel(8, 1000) as c:
        data = os.urandom(8000)
        with open(c.path, "wb", buffering=800) as f:
            for i in range(0, 8000, 8):
                f.write(data[i:i + 8])
        c.close()
        with open(c.path, "rb", buffering=80) as f:
            equal(data[:20], f.read(20))
            equal(data[20:], f.read())


def test_io_text_lines():
    lines = [f"line {i}: \N{GREEK SMALL LETTER ALPHA}\n" for i in range(200)]

    def write():
        with open(c.path, "w", encoding="utf-8") as f:
            f.writelines(lines)
        c.close()
    with Channel(1, 16) as c:
        writer = thread(write)
        with open(c.path, encoding="utf-8") as f:
            equal(lines[0], f.readline())
            equal(lines[1:], list(f))
        writer()


def test_shutil_copyfileobj():
    import io
    import shutil
    data = os.urandom(1 << 20)

    def write():
        with open(c.path, "wb", buffering=0) as f:
            shutil.copyfileobj(io.BytesIO(data), f, 1 << 16)
        c.close()
    with Channel(4096, 8) as c:
        writer = thread(write)
        out = io.BytesIO()
        with open(c.path, "rb", buffering=0) as f:
            shutil.copyfileobj(f, out, 1 << 16)
        writer()
    assert data == out.getvalue()


def poll_now(fd):
    import select
    p = select.poll()
    p.register(fd, select.POLLIN | select.POLLRDNORM | select.POLLOUT | select.POLLWRNORM |
               select.POLLRDHUP | select.POLLPRI)
    return sum(event for _, event in p.poll(0))


def poll_is(c, reader, writer, both):
    rw = os.open(c.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        equal((reader, writer, both), (poll_now(c.r), poll_now(c.w), poll_now(rw)))
    finally:
        os.close(rw)


def test_poll_events():
    import select
    IN, OUT = select.POLLIN | select.POLLRDNORM, select.POLLOUT | select.POLLWRNORM
    ERR, HUP, RDHUP = select.POLLERR, select.POLLHUP, select.POLLRDHUP
    with Channel(8, 2) as c:
        poll_is(c, 0, OUT, OUT)
        os.write(c.w, b"abcdefgh")
        poll_is(c, IN, OUT, IN | OUT)
        os.write(c.w, b"abcdefgh")
        poll_is(c, IN, 0, IN)
        c.close()
        poll_is(c, IN | RDHUP, OUT | ERR, IN | RDHUP | OUT)
        os.read(c.r, 8)
        poll_is(c, IN | RDHUP, OUT | ERR, IN | RDHUP | OUT)
        os.read(c.r, 8)
        poll_is(c, IN | RDHUP | HUP, OUT | ERR, IN | RDHUP | HUP | OUT)


def test_poll_events_unbuffered():
    import select
    IN, OUT = select.POLLIN | select.POLLRDNORM, select.POLLOUT | select.POLLWRNORM
    with Channel(8, 0) as c:
        poll_is(c, 0, 0, 0)
        reader = thread(os.read, c.r, 8)
        c.wait_parked(0, 1)
        poll_is(c, 0, OUT, OUT)
        os.write(c.w, b"abcdefgh")
        reader()
        poll_is(c, 0, 0, 0)
        writer = thread(os.write, c.w, b"abcdefgh")
        c.wait_parked(1, 0)
        poll_is(c, IN, 0, IN)
        os.read(c.r, 8)
        writer()
        poll_is(c, 0, 0, 0)
        c.close()
        poll_is(c, IN | select.POLLRDHUP | select.POLLHUP, OUT | select.POLLERR,
                IN | select.POLLRDHUP | select.POLLHUP | OUT)


def test_poll_hung_up():
    import select
    with Channel(8, 2, HANGUP) as c:
        os.close(c.r)
        c.fds.remove(c.r)
        equal(select.POLLOUT | select.POLLWRNORM | select.POLLERR, poll_now(c.w))
        fails(errno.EPIPE, os.write, c.w, b"abcdefgh")


def test_poll_waits():
    import select
    for capacity in 0, 1:
        with nonblocking(8, capacity) as c:
            def wait():
                p = select.poll()
                p.register(c.r, select.POLLIN)
                events = p.poll(LONG * 1000)
                return events, os.read(c.r, 8)
            waiter = thread(wait)
            os.write(c.open(os.O_WRONLY), b"abcdefgh")
            equal(([(c.r, select.POLLIN)], b"abcdefgh"), waiter())


def test_select_select():
    import select
    with Channel(8, 1) as c:
        def now():
            return select.select([c.r], [c.w], [c.r, c.w], 0)
        equal(([], [c.w], []), now())
        os.write(c.w, b"abcdefgh")
        equal(([c.r], [], []), now())
        c.close()
        equal(([c.r], [c.w], []), now())
        os.read(c.r, 8)
        equal(([c.r], [c.w], []), now())


def test_selectors_states():
    import selectors
    with nonblocking(8, 2) as c, selectors.DefaultSelector() as s:
        s.register(c.r, selectors.EVENT_READ, "r")
        s.register(c.w, selectors.EVENT_WRITE, "w")

        def ready():
            return sorted(key.data for key, _ in s.select(0))
        equal(["w"], ready())
        os.write(c.w, b"abcdefgh")
        equal(["r", "w"], ready())
        os.write(c.w, b"abcdefgh")
        equal(["r"], ready())
        fails(errno.EAGAIN, os.write, c.w, b"abcdefgh")
        os.read(c.r, 8)
        equal(["r", "w"], ready())
        os.read(c.r, 8)
        equal(["w"], ready())
        fails(errno.EAGAIN, os.read, c.r, 8)
        os.write(c.w, b"abcdefgh")
        c.close()
        equal(["r", "w"], ready())
        fails(errno.EPIPE, os.write, c.w, b"abcdefgh")
        equal(b"abcdefgh", os.read(c.r, 8))
        equal(["r", "w"], ready())
        equal(b"", os.read(c.r, 8))


def test_selectors_both_directions():
    import selectors
    both = selectors.EVENT_READ | selectors.EVENT_WRITE
    with Channel(8, 2) as c, selectors.DefaultSelector() as s:
        s.register(c.open(os.O_RDWR | os.O_NONBLOCK), both)

        def ready():
            return sum(events for _, events in s.select(0))
        equal(selectors.EVENT_WRITE, ready())
        os.write(c.w, b"abcdefgh")
        equal(both, ready())
        os.write(c.w, b"abcdefgh")
        equal(selectors.EVENT_READ, ready())
        c.close()
        equal(both, ready())
        os.read(c.r, 16)
        equal(both, ready())


def test_selectors_wait():
    """Two processes, one loop each, that only ever wait in their selectors."""
    import selectors

    def produce(fd, count):
        with selectors.DefaultSelector() as s:
            s.register(fd, selectors.EVENT_WRITE)
            i = 0
            while i < count:
                equal(1, len(s.select(LONG)))
                try:
                    while i < count:
                        os.write(fd, number(i))
                        i += 1
                except BlockingIOError:
                    pass
        close(fd)

    for capacity in 1, 16:
        with nonblocking(8, capacity) as c, selectors.DefaultSelector() as s:
            producer = child(produce, c.w, 2000)
            s.register(c.r, selectors.EVENT_READ)
            received = []
            while not received or received[-1] is not None:
                equal(1, len(s.select(LONG)))
                try:
                    while not received or received[-1] is not None:
                        received.append(read_number(c.r))
                except BlockingIOError:
                    pass
            equal(list(range(2000)) + [None], received)
            producer()


def test_selectors_many_channels():
    import selectors
    fds = [create(8, 1, 0, os.O_RDWR | os.O_NONBLOCK)[0] for _ in range(200)]
    with selectors.DefaultSelector() as s:
        for fd in fds:
            s.register(fd, selectors.EVENT_READ)
        equal([], s.select(0))
        some = sorted(fds[7::31])
        for fd in some:
            os.write(fd, number(fd))
        equal(some, sorted(key.fd for key, _ in s.select(0)))
        for fd in some:
            equal(fd, read_number(fd))
        equal([], s.select(0))
    for fd in fds:
        os.close(fd)


def test_fork_producer_and_consumer():
    def produce(path):
        fd = os.open(path, os.O_WRONLY)
        for i in range(10000):
            equal(8, os.write(fd, number(i)))
        close(fd)

    for capacity in 0, 1, 64:
        with Channel(8, capacity) as c:
            producer = child(produce, c.path)
            for i in range(10000):
                equal(i, read_number(c.r))
            equal(None, read_number(c.r))
            producer()
            end = info(c.look)
            equal((10000, 10000), (end["sent"], end["received"]))


def test_fork_inherits_an_anonymous_channel():
    fd = create(8, 0, 0, os.O_RDWR)[0]
    producer = child(lambda: [os.write(fd, number(i)) for i in range(1000)])
    equal(list(range(1000)), [read_number(fd) for _ in range(1000)])
    producer()
    os.close(fd)


def test_fork_last_sender_closes():
    with Channel(8, 4, AUTOCLOSE) as c:
        producer = child(lambda: [os.write(c.w, number(i)) for i in range(100)])
        os.close(c.w)
        try:
            equal(list(range(100)) + [None], [read_number(c.r) for _ in range(101)])
        finally:
            producer()
            c.fds.remove(c.w)
            c.w = c.open(os.O_WRONLY)
        fails(errno.EPIPE, close, c.w)


def test_multiprocessing_many_to_many():
    import multiprocessing
    context = multiprocessing.get_context("fork")

    def produce(me):
        for i in range(2500):
            os.write(c.w, struct.pack("=II", me, i))

    def consume(connection):
        received = []
        while True:
            data = os.read(c.r, 64)
            if not data:
                break
            received += struct.iter_unpack("=II", data)
        connection.send(received)

    for capacity in 0, 16:
        with Channel(8, capacity) as c:
            pipes = [context.Pipe(False) for _ in range(3)]
            consumers = [context.Process(target=consume, args=(w,)) for _, w in pipes]
            producers = [context.Process(target=produce, args=(me,)) for me in range(4)]
            for process in consumers + producers:
                process.start()
            for process in producers:
                process.join()
            c.close()
            received = [r.recv() for r, _ in pipes]
            for process in consumers:
                process.join()
            equal([0] * 7, [process.exitcode for process in consumers + producers])
            for part in received:
                for me in range(4):
                    mine = [i for who, i in part if who == me]
                    assert mine == sorted(mine), "the order of a producer changed"
            assert sorted(sum(received, [])) == [(me, i) for me in range(4) for i in range(2500)]
            for pipe in pipes:
                for end in pipe:
                    end.close()


def test_subprocess_between_channels():
    import subprocess
    with Channel(1, 64) as a, Channel(1, 64) as b:
        def write():
            equal(1400, os.write(a.w, b"made of bytes " * 100))
            a.close()
        with subprocess.Popen(["tr", "a-z", "A-Z"], stdin=a.r, stdout=b.w) as process:
            try:
                writer = thread(write)
                received = b""
                while len(received) < 1400:
                    received += os.read(b.r, 1400)
                writer()
                equal(b"MADE OF BYTES " * 100, received)
                equal(0, process.wait(LONG))
            finally:
                process.kill()


def test_socket_passes_a_channel():
    import socket
    ours, theirs = socket.socketpair()

    def other():
        _, (fd,), _, _ = socket.recv_fds(theirs, 1, 1)
        os.write(fd, b"abcdefgh")
        fails(errno.EBADF, os.read, fd, 8)
    fd = create(8, 0, 0, os.O_RDWR)[0]
    process = child(other)
    sender = narrow(fd, os.O_WRONLY)
    socket.send_fds(ours, [b"x"], [sender])
    os.close(sender)
    equal(b"abcdefgh", os.read(fd, 8))
    process()
    os.close(fd)
    ours.close()
    theirs.close()


def test_signal_does_not_end_a_read():
    """Python's handlers have no SA_RESTART; it calls read(2) again itself."""
    import signal
    import threading
    seen = threading.Event()
    for capacity in 0, 1:
        seen.clear()
        with Channel(8, capacity) as c:
            def disturb():
                c.wait_parked(0, 1)
                os.kill(os.getpid(), signal.SIGUSR1)
                seen.wait(LONG)
                os.write(c.w, b"abcdefgh")
            before = signal.signal(signal.SIGUSR1, lambda *_: seen.set())
            helper_thread = thread(disturb)
            equal(b"abcdefgh", os.read(c.r, 8))
            helper_thread()
            signal.signal(signal.SIGUSR1, before)
            assert seen.is_set()


def test_signal_that_raises_ends_a_read():
    import signal

    class Enough(Exception):
        pass

    def enough(*_):
        raise Enough
    with Channel(8, 1) as c:
        def disturb():
            c.wait_parked(0, 1)
            os.kill(os.getpid(), signal.SIGUSR1)
        before = signal.signal(signal.SIGUSR1, enough)
        helper_thread = thread(disturb)
        try:
            os.read(c.r, 8)
            raise AssertionError("it returned")
        except Enough:
            pass
        helper_thread()
        signal.signal(signal.SIGUSR1, before)
        c.wait_parked(0, 0)
        os.write(c.w, b"abcdefgh")
        equal(b"abcdefgh", os.read(c.r, 8))


def test_asyncio_add_reader():
    import asyncio
    received = []

    async def main(c):
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def readable():
            try:
                value = read_number(c.r)
            except BlockingIOError:
                return
            if value is None:
                loop.remove_reader(c.r)
                done.set_result(None)
            else:
                received.append(value)
        loop.add_reader(c.r, readable)
        sent = 0
        writable = asyncio.Event()
        while sent < 1000:
            try:
                os.write(c.w, number(sent))
                sent += 1
            except BlockingIOError:
                writable.clear()
                loop.add_writer(c.w, writable.set)
                await writable.wait()
                loop.remove_writer(c.w)
        c.close()
        await asyncio.wait_for(done, LONG)

    with nonblocking(8, 8) as c:
        asyncio.run(main(c))
    equal(list(range(1000)), received)


def test_asyncio_streams():
    """asyncio takes a channel for the end of a pipe: a character device is good enough."""
    import asyncio

    async def write(c):
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, open(c.path, "wb", buffering=0))
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        for i in range(5000):
            writer.write(number(i))
            await writer.drain()
        while transport.get_write_buffer_size():
            await asyncio.sleep(0)
        c.close()
        transport.abort()

    async def read(c):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), open(c.path, "rb", buffering=0))
        for i in range(5000):
            equal(number(i), await reader.readexactly(8))
        equal(b"", await reader.read())
        transport.close()

    async def main(c):
        await asyncio.wait_for(asyncio.gather(write(c), read(c)), LONG)

    with Channel(8, 16) as c:
        asyncio.run(main(c))


def test_asyncio_meets_a_blocking_thread():
    import asyncio

    def produce(c):
        for i in range(200):
            os.write(c.w, number(i))
        c.close()

    async def main(c):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), open(c.path, "rb", buffering=0))
        producer = loop.run_in_executor(None, produce, c)
        equal(b"".join(map(number, range(200))), await asyncio.wait_for(reader.read(), LONG))
        await producer
        transport.close()

    for capacity in 0, 4:
        with Channel(8, capacity) as c:
            asyncio.run(main(c))


def test_nothing_is_left():
    import gc
    gc.collect()
    # A node's count comes back when the kernel lets go of its device, which a kernel that
    # looks for errors does late. Never is too late: then the alarm says so.
    while any(now > before for now, before in zip(usage(), BEFORE)):
        os.sched_yield()


def main():
    global BEFORE
    import signal
    import traceback
    print("TAP version 13")
    if not os.access("/dev/chanctl", os.R_OK | os.W_OK):
        print("1..0 # SKIP /dev/chanctl isn't there, or not for this user")
        return 4
    BEFORE = usage()
    tests = [(name[5:], test) for name, test in globals().items() if name.startswith("test_")]
    print(f"1..{len(tests)}", flush=True)

    def late(*_):
        raise TimeoutError("it took too long")
    signal.signal(signal.SIGALRM, late)
    status = 0
    for i, (name, test) in enumerate(tests, 1):
        result = "ok"
        signal.alarm(2 * LONG)
        try:
            test()
        except Exception:
            print("# " + traceback.format_exc().rstrip().replace("\n", "\n# "))
            result, status = "not ok", 1
        signal.alarm(0)
        print(f"{result} {i} {name}", flush=True)
    return status


if len(sys.argv) > 1:
    try:
        helper(*sys.argv[1:])
    except OSError as e:
        sys.exit(f"interop.py: {e}")
else:
    sys.exit(main())
