"""Timer triggers on the host's clock. However many of its times a jump or an outage has passed over, a function runs once for them."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime

from standalone.configuration import Configuration
from standalone.contracts import Clock, FunctionFailed, FunctionInfo, Workers
from standalone.schedule import Schedule, parsed

log = logging.getLogger("standalone.timers")

LONGEST_SLEEP = 60.0


class TimerFunctions:
    """The app's timer functions. `past_due` is told when one comes more than a second late."""

    def __init__(self, functions: Iterable[FunctionInfo], configuration: Configuration, clock: Clock, workers: Workers) -> None:
        self._clock = clock
        self._workers = workers
        self._schedules: dict[str, Schedule] = {}
        self._next: dict[str, datetime] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        for function in functions:
            if function.kind == "timer" and not function.disabled:
                self._schedules[function.name] = parsed(configuration.resolve(str(function.trigger["schedule"])))
        for name in self._schedules:
            self._plan(name, clock.now())
        clock.on_move(self._moved.set)

    def next_due(self) -> datetime | None:
        """When the first of them is due."""
        return min(self._next.values(), default=None)

    async def run_due(self) -> None:
        """Run what is due by now, and wait for it."""
        now = self._clock.now()
        due = [(name, at) for name, at in self._next.items() if at <= now]
        for name, _ in due:
            self._plan(name, now)
        await asyncio.gather(*(self.run(name, past_due=(now - at).total_seconds() > 1) for name, at in due))

    async def run(self, name: str, *, past_due: bool = False) -> None:
        """Run one now. What it raises is logged, as a timer has nobody to tell."""
        try:
            await self._workers.call_timer(name, past_due)
        except FunctionFailed as failure:
            log.error("the timer function %s failed: %s\n%s", name, failure.message, failure.stack)

    async def keep_running(self) -> None:
        """Run each at its time, until cancelled. Only for a clock that goes by itself."""
        while True:
            due = self.next_due()
            seconds = self._clock.seconds_until(due) if due else None
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), min(LONGEST_SLEEP, seconds) if seconds is not None else None)
            except TimeoutError:
                pass  # the time has come, or it is time to look at the clock again
            if not self._clock.virtual:
                await self.run_due()

    def _plan(self, name: str, now: datetime) -> None:
        following = self._schedules[name].after(now)
        if following is None:
            self._next.pop(name, None)
        else:
            self._next[name] = following
