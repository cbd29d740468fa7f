# SPDX-License-Identifier: GPL-2.0
"""Channels in an event loop, and what happens to what is cancelled."""
import asyncio
import os
import random
import unittest

import chan
from support import LONG, SOON, fails, thread, wait_parked


async def parked(c, senders, receivers):
    """So many are parked, of this loop's tasks too."""
    while (c.info().parked_senders, c.info().parked_receivers) != (senders, receivers):
        await asyncio.sleep(0)


class Loop(unittest.IsolatedAsyncioTestCase):
    async def test_what_is_ready_is_done(self):
        async with chan.make(int, 2) as c:
            await c.asend(1)
            await c.asend(2)
            self.assertEqual(1, await c.arecv())
            self.assertEqual((2, True), await c.arecv_ok())
            c.close()
            self.assertEqual((None, False), await c.arecv_ok())
            with fails(self, chan.Closed,
                       f"[Errno 32] the channel is closed and drained: {c.name!r}"):
                await c.arecv()
            with self.assertRaises(chan.Closed):
                await c.asend(3)

    async def test_async_with_lets_go_of_the_handle(self):
        async with chan.make(int) as c:
            pass
        with self.assertRaises(ValueError):
            c.fileno()

    async def test_tasks_meet_on_an_unbuffered_channel(self):
        for spec, values in (int, list(range(50))), (str, ["a", "", "b"]), (None, [None] * 5):
            with chan.make(spec) as c:
                async def produce():
                    for value in values:
                        await c.asend(value)
                    c.close()
                task = asyncio.create_task(produce())
                self.assertEqual(values, [value async for value in c])
                await task

    async def test_a_task_meets_a_thread(self):
        for capacity in 0, 4:
            with chan.make(int, capacity) as c:
                def produce():
                    for i in range(50):
                        c.send(i)
                    c.close()
                produced = thread(produce)
                self.assertEqual(list(range(50)), [i async for i in c])
                produced()

    async def test_the_loop_goes_on_meanwhile(self):
        with chan.make(int) as c:
            task = asyncio.create_task(c.arecv())
            await parked(c, 0, 1)
            await asyncio.sleep(SOON)
            self.assertFalse(task.done())
            c.send(1)
            self.assertEqual(1, await task)

    async def test_many_tasks_wait_in_one_channel(self):
        with chan.make(int) as c:
            tasks = [asyncio.create_task(c.arecv()) for _ in range(20)]
            await parked(c, 0, 20)
            for i in range(20):
                c.send(i)
            # Who waited first is served first.
            self.assertEqual(list(range(20)), await asyncio.gather(*tasks))

    async def test_select(self):
        with chan.make(int) as a, chan.make(str, 1) as b:
            b.send("x")
            self.assertEqual((1, "x", True), await chan.aselect([a, b]))
            self.assertEqual((1, None, True), await chan.aselect([None, (b, "y"), a]))
            task = asyncio.create_task(chan.aselect([a, (b, "z")]))
            await parked(b, 1, 0)
            a.send(5)
            self.assertEqual((0, 5, True), await task)
            self.assertEqual("y", b.recv())
            self.assertEqual(0, len(b))

    async def test_select_with_priority(self):
        with chan.make(int, 100) as a, chan.make(int, 100) as b:
            a.send_many([1] * 40)
            b.send_many([2] * 40)
            for _ in range(20):
                self.assertEqual(0, (await chan.aselect([a, b], priority=True)).index)

    async def test_a_close_wakes_it(self):
        with chan.make(int) as c:
            receive = asyncio.create_task(chan.aselect([c]))
            await parked(c, 0, 1)
            c.close()
            self.assertEqual((0, None, False), await receive)
        with chan.make(int) as c:
            send = asyncio.create_task(c.asend(1))
            await parked(c, 1, 0)
            c.close()
            with self.assertRaises(chan.Closed):
                await send

    async def test_a_timeout_is_asyncios(self):
        with chan.make(int) as c:
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(c.arecv(), SOON)
            self.assertEqual(0, c.info().parked_receivers)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(chan.aselect([None]), SOON)

    async def test_wrong_arguments(self):
        with chan.make(int) as c, c.recv_only() as r:
            with self.assertRaises(ValueError):
                await c.asend("x")
            with fails(self, OSError, "[Errno 9] the handle isn't open for this direction, or "
                       f"isn't open at all: {c.name!r}"):
                await r.asend(1)
            with fails(self, TypeError, "case 0 is neither a channel nor (channel, value): 5"):
                await chan.aselect([5])


class Cancel(unittest.IsolatedAsyncioTestCase):
    async def cancelled(self, task):
        """Cancel it; returns what says that it was too late, if it was."""
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as e:
            while e.__cause__ is None and isinstance(e.__context__, asyncio.CancelledError):
                e = e.__context__  # Python 3.9 and 3.10
            return e.__cause__
        self.fail("it was not cancelled")

    async def test_a_receive_that_waits_leaves_nothing_behind(self):
        with chan.make(int) as c:
            task = asyncio.create_task(c.arecv())
            await parked(c, 0, 1)
            self.assertIsNone(await self.cancelled(task))
            self.assertEqual(0, c.info().parked_receivers)
            self.assertFalse(c.try_send(1))

    async def test_a_send_that_waits_sends_nothing(self):
        with chan.make(int) as c:
            task = asyncio.create_task(c.asend(1))
            await parked(c, 1, 0)
            self.assertIsNone(await self.cancelled(task))
            self.assertIsNone(c.try_recv())

    async def test_what_was_received_goes_back(self):
        for spec, value in (int, 7), (str, "x"), (str, ""), (None, None):
            for capacity in 0, 2:
                with chan.make(spec, capacity) as c:
                    task = asyncio.create_task(c.arecv())
                    await parked(c, 0, 1)
                    self.assertTrue(c.try_send(value))
                    late = await self.cancelled(task)
                    self.assertEqual("cancelled too late: what was received is back in its channel",
                                     str(late))
                    self.assertIs(False, late.sent)
                    self.assertEqual((value, True), c.recv_ok(timeout=LONG))

    async def test_what_goes_back_keeps_its_place(self):
        with chan.make(int, 4) as c:
            task = asyncio.create_task(c.arecv())
            await parked(c, 0, 1)
            c.send_many([1, 2, 3])
            await self.cancelled(task)
            self.assertEqual([1, 2, 3], c.recv_many(4))

    async def test_what_was_sent_is_sent(self):
        with chan.make(int) as c:
            task = asyncio.create_task(c.asend(7))
            await parked(c, 1, 0)
            self.assertEqual(7, c.recv())
            late = await self.cancelled(task)
            self.assertEqual("cancelled too late: the element was sent", str(late))
            self.assertIs(True, late.sent)

    async def test_a_send_that_met_a_close_was_not_sent(self):
        with chan.make(int) as c:
            task = asyncio.create_task(c.asend(7))
            await parked(c, 1, 0)
            c.close()
            self.assertIs(False, (await self.cancelled(task)).sent)

    async def test_of_sends_and_receives_it_says_which(self):
        with chan.make(int) as a, chan.make(int) as b:
            task = asyncio.create_task(chan.aselect([a, (b, 2)]))
            await parked(b, 1, 0)
            a.send(1)
            self.assertIs(False, (await self.cancelled(task)).sent)
            self.assertEqual(1, a.recv(LONG))
            task = asyncio.create_task(chan.aselect([a, (b, 2)]))
            await parked(b, 1, 0)
            self.assertEqual(2, b.recv(LONG))
            self.assertIs(True, (await self.cancelled(task)).sent)

    async def test_of_sends_and_receives_without_bytes_nothing_is_lost(self):
        for spec, value in (None, None), (str, ""):
            with chan.make(spec) as a, chan.make(int) as b:
                task = asyncio.create_task(chan.aselect([a, (b, 2)]))
                await parked(b, 1, 0)
                a.send(value)
                late = await self.cancelled(task)
                self.assertIsNone(late.sent)
                self.assertEqual("cancelled too late: an element was sent, or what was received "
                                 "is back", str(late))
                self.assertEqual((value, True), a.recv_ok(LONG))

    async def test_a_storm_of_cancels_loses_nothing(self):
        n = 300
        with chan.make(int) as c:
            sent = thread(lambda: [c.send(i) for i in range(n)])
            received, gone_back = [], 0
            while len(received) < n:
                task = asyncio.create_task(c.arecv())
                for _ in range(random.randrange(4)):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    received.append(await task)
                except asyncio.CancelledError as e:
                    gone_back += e.__cause__ is not None
                    await asyncio.sleep(0)
            sent()
            self.assertEqual(list(range(n)), received)
            self.assertEqual(0, len(c))

    async def test_no_file_descriptor_is_left(self):
        with chan.make(int) as c:
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(10):
                task = asyncio.create_task(c.arecv())
                await parked(c, 0, 1)
                await self.cancelled(task)
                task = asyncio.create_task(c.arecv())
                await parked(c, 0, 1)
                c.send(1)
                await task
            self.assertEqual(before, len(os.listdir("/proc/self/fd")))


class Together(unittest.TestCase):
    def test_two_loops_in_two_threads_meet(self):
        with chan.make(int) as c:
            async def produce():
                for i in range(50):
                    await c.asend(i)
                c.close()

            async def consume():
                return [i async for i in c]
            produced = thread(asyncio.run, produce())
            consumed = thread(asyncio.run, consume())
            produced()
            self.assertEqual(list(range(50)), consumed())

    def test_a_loop_that_ends_leaves_nothing_parked(self):
        with chan.make(int) as c:
            async def main():
                task = asyncio.create_task(c.arecv())
                await parked(c, 0, 1)
                return task
            asyncio.run(main())
            wait_parked(c, 0, 0)
