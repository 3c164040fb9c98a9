"""Virtual time for what sleeps in the app: on a clock that stands, `asyncio.sleep` in an activity ends when the clock is moved there.

Only code that runs for the app is concerned, known by a context variable: everything else in the process sleeps as always. An
activity that sleeps so counts as at rest: it waits for time to pass, as a durable timer does.
"""

import asyncio
import contextvars
import heapq
import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self

from standalone.contracts import Clock
from standalone.engine.orchestration import microseconds

running_for_the_app: contextvars.ContextVar[str] = contextvars.ContextVar("running_for_the_app", default="")


class VirtualSleep:
    """While entered, `asyncio.sleep` of the app's activities is virtual if the clock is. `changed` is called when one begins or ends."""

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        self.clock, self.changed = clock, changed
        self._asleep: list[tuple[int, int, asyncio.Future[None], str]] = []
        self._order = itertools.count()

    def __enter__(self) -> Self:
        self._real, self._loop = asyncio.sleep, asyncio.get_running_loop()
        asyncio.sleep = self._sleep
        self.clock.on_move(self._wake)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.sleep = self._real
        for sleeper in self._asleep:  # a thread whose loop waits for one would never end, nor would the process
            sleeper[2].cancel()

    def parked(self) -> frozenset[str]:
        """The activities that sleep."""
        return frozenset(who for _, _, future, who in self._asleep if not future.done())

    def next_due(self) -> int | None:
        """When the first wakes, in microseconds since 1970."""
        while self._asleep and self._asleep[0][2].done():
            heapq.heappop(self._asleep)
        return self._asleep[0][0] if self._asleep else None

    async def _sleep(self, delay: float, result: Any = None) -> Any:
        who = running_for_the_app.get()
        if delay <= 0 or not who or not self.clock.virtual:
            return await self._real(delay, result)
        if asyncio.get_running_loop() is not self._loop:  # a sync activity that runs a loop of its own, in its thread
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._sleep(delay, result), self._loop))
        due = microseconds(self.clock.now() + timedelta(seconds=delay))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._asleep, (due, next(self._order), future, who))
        self.changed()
        try:
            await future
        finally:
            self.changed()
        return result

    def _wake(self) -> None:
        now = microseconds(self.clock.now())
        while self._asleep and (self._asleep[0][0] <= now or self._asleep[0][2].done()):
            _, _, future, _ = heapq.heappop(self._asleep)
            if not future.done():
                future.set_result(None)
