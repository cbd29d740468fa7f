# SPDX-License-Identifier: LGPL-2.1-or-later
"""Go channels that processes share: typed, bounded, closable, with select.

    import chan

    jobs = chan.make(str, 8)                # make(chan string, 8)
    jobs.send("one")                        # jobs <- "one"
    job = jobs.recv()                       # job := <-jobs
    job, ok = jobs.recv_ok()                # job, ok := <-jobs
    jobs.close()                            # close(jobs)
    for job in jobs: ...                    # for job := range jobs

    jobs = chan.create("jobs", str, 8)      # others: chan.open("jobs", "r", str)
    i, value, ok = chan.select([jobs, (results, 42)], timeout=1)

chan.codec says what element types there are, chan.aselect and the methods whose names begin
with an "a" are for asyncio, and help(chan.Channel) has the rest. Errors are OSErrors whose errno
means what chan(4) says, and whose filename is the channel; chan.Closed is one of them.
"""
from .aio import aselect
from .cases import Chosen, select
from .channel import Channel
from .codec import Codec
from .control import create, list, make, open
from .errors import Closed, TooLate
from .handle import Info
from .timer import Timer, after, tick

__version__ = "1.0.0"
__all__ = ["Channel", "Chosen", "Closed", "Codec", "Info", "Timer", "TooLate", "after", "aselect",
           "create", "list", "make", "open", "select", "tick"]
