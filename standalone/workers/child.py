"""A worker process: the app, loaded, and the instances that have their seat here; the other end of its socket is the main process.

It keeps no file and answers nobody else. When the main process is gone it ends at once: what ran is run again by the next one.
"""

import asyncio
import gc
import os
import select
import socket
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from standalone import logs
from standalone.clock import WallClock
from standalone.contracts import AppDoesNotLoad
from standalone.engine.messages import Begin, Loaded, Time
from standalone.engine.orchestration import EPOCH
from standalone.workers import sdk
from standalone.workers.frames import Channel
from standalone.workers.functions import Functions
from standalone.workers.stage import Stage
from standalone.workers.underway import UnderWay

LONGEST_GOODBYE = 2.0
"""Seconds in which the loop may end what is left by itself."""


class HostTime:
    """The main process's time, as it was last told: an offset to the real time, or an instant that stands."""

    def __init__(self) -> None:
        self.told = Time(0, False)
        self.wall = WallClock()

    def now(self) -> datetime:
        """Aware UTC."""
        told = timedelta(microseconds=self.told.microseconds)
        return EPOCH + told if self.told.virtual else self.wall.real_now() + told

    def tell(self, told: Time) -> None:
        """The main process's time has moved; the app's wall clock shows it."""
        self.told = told
        offset = timedelta(0) if told.virtual else timedelta(microseconds=told.microseconds)
        self.wall.show_time(self.now(), offset, stands=told.virtual)


class Child:
    """The process's life: begin, take messages, end."""

    def __init__(self, under_way: UnderWay) -> None:
        self.under_way = under_way
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.channel = Channel(self.receive, self.end)
        self.stage: Stage | None = None
        self.time = HostTime()

    def receive(self, message: Any) -> None:
        """One message of the main process."""
        if type(message) is Time:
            self.time.tell(message)
        elif self.stage is not None:
            self.stage.handle(message)
        elif type(message) is Begin:
            self.begin(message)  # when the app does not load, what else is said is lost with this process

    def begin(self, begin: Begin) -> None:
        """Load the app, and say what became of it."""
        self.time.tell(begin.time)
        try:
            functions = Functions(Path(begin.app_dir), begin.client_binding, begin.threads, begin.timeout)
        except AppDoesNotLoad as trouble:
            self.channel.send(Loaded((), str(trouble)))
            return
        self.stage = Stage(functions, self.time.now, self.channel.send, under_way=self.under_way)
        gc.collect()
        gc.freeze()
        self.channel.send(Loaded(functions.infos(), None))

    def end(self) -> None:
        """The main process hung up."""
        if not self.ended.done():
            self.ended.set_result(None)


def end_with_the_main_process(descriptor: int) -> None:
    """For a thread: the loop would notice too that the other end is gone, but the app's code may hold it up for ever."""
    other_end = select.poll()
    other_end.register(descriptor, 0)  # of hanging up it tells unasked
    other_end.poll()
    time.sleep(LONGEST_GOODBYE)
    os._exit(1)


async def live(descriptor: int, memory: int) -> None:
    """Serve the main process at the other end of the socket until it hangs up."""
    child = Child(UnderWay(memory))
    os.close(memory)
    threading.Thread(target=end_with_the_main_process, args=[descriptor], daemon=True).start()
    with child.time.wall:
        await child.channel.connect(socket.socket(fileno=descriptor))
        await child.ended
        if child.stage is not None:
            await child.stage.close()


def main() -> None:
    """`python -c … ROOT SOCKET MEMORY`, as ProcessWorkers starts it."""
    logs.configure_worker()
    with sdk.adjusted():
        serving = live(int(sys.argv[-2]), int(sys.argv[-1]))
        asyncio.new_event_loop().run_until_complete(serving)  # asyncio.run would wait for tasks that do not mind
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads and tasks of activities may run on: they are abandoned
