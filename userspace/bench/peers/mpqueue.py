#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Python's multiprocessing.Queue: the workloads that it can do. Prints records as main.c does.

An element is pickled, and given to a thread that writes it to a pipe; so a queue has room
for what the pipe holds, too.
"""

import multiprocessing
import os
import platform
import queue
import time

SAMPLES = 5

fork = multiprocessing.get_context("fork")


def row(key, figures, cpus=None):
    figures.sort()
    cpus = sorted(cpus) if cpus else [0] * SAMPLES
    print("row", key, "python", figures[SAMPLES // 2], figures[SAMPLES // 4],
          figures[SAMPLES - 1 - SAMPLES // 4], "0 0 0", cpus[SAMPLES // 2], "more-room",
          flush=True)


def measure(key, n, fn):
    fn(n)
    figures = []
    for _ in range(SAMPLES):
        begin = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        fn(n)
        figures.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - begin) / n)
    row(key, figures)


def sendrecv(size, q):
    element = bytes(size)

    def loop(n):
        for _ in range(n):
            q.put(element)
            q.get()
    return loop


def nonblocking(q):
    def loop(n):
        for _ in range(n):
            try:
                q.get_nowait()
            except queue.Empty:
                pass
    return loop


def seq(capacity, q):
    element = bytes(8)

    def loop(n):
        for _ in range(0, n, capacity):
            for _ in range(capacity):
                q.put(element)
            for _ in range(capacity):
                q.get()
    return loop


def creation(n):
    for _ in range(n):
        fork.Queue(16).close()


def echo(there, back):
    while True:
        back.put(there.get())


def pingpong(key, n, capacity):
    there, back = fork.Queue(capacity), fork.Queue(capacity)
    child = fork.Process(target=echo, args=(there, back), daemon=True)
    child.start()
    element = bytes(64)

    def loop(n):
        for _ in range(n):
            there.put(element)
            back.get()
    measure(key, n, loop)
    child.kill()
    child.join()


def work(fn, n, gate, done):
    """A process of a crowd: a sample each time that the gate opens."""
    while True:
        gate.acquire()
        begin = time.process_time_ns()
        for _ in range(n):
            fn()
        done.put(time.process_time_ns() - begin)


def crowd(key, n, size, senders, receivers, capacity):
    q, done = fork.Queue(capacity), fork.SimpleQueue()
    element = bytes(size)
    gates = [fork.Semaphore(0) for _ in range(senders + receivers)]
    children = []
    for i, gate in enumerate(gates):
        fn, share = (lambda: q.put(element), senders) if i < senders else (q.get, receivers)
        children.append(fork.Process(target=work, args=(fn, n // share, gate, done), daemon=True))
        children[-1].start()
    figures, cpus = [], []
    for sample in range(SAMPLES + 1):
        begin = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        for gate in gates:
            gate.release()
        cpu = sum(done.get() for _ in gates)
        if sample:
            figures.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - begin) / n)
            cpus.append(cpu / n)
    row(key, figures, cpus)
    for child in children:
        child.kill()
        child.join()


def main():
    print("peer python multiprocessing.Queue of Python", platform.python_version())
    q = fork.Queue(1024)
    for size in 8, 64, 1024, 4096, 65536:
        measure(f"sendrecv-{size}", 100, sendrecv(size, q))
    measure("ChanNonblocking", 100, nonblocking(fork.Queue(16)))
    measure("ChanUncontended", 200, seq(100, q))
    pingpong("pingpong-0", 100, 1)
    pingpong("pingpong-16", 100, 16)
    measure("make-16", 20, creation)
    for capacity in 1, 1024:
        crowd(f"spsc-{capacity}", 400, 8, 1, 1, capacity)
        crowd(f"mpsc-{capacity}", 400, 8, 4, 1, capacity)
        crowd(f"mpmc-{capacity}", 400, 8, 4, 4, capacity)
    if len(os.sched_getaffinity(0)) > 1:
        for n in 1, 2, 4, 8:
            crowd(f"contenders-{2 * n}", 800, 64, n, n, 1024)


main()
