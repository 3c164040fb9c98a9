"""Durable timers: the table clustered by due time is the heap. It is asked when the earliest is due; a restart costs nothing.

A timer that is due is handed over as a message. Its row stays until the episode that takes it is on disk, so it is never lost.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta

from standalone.contracts import Clock
from standalone.engine.orchestration import EPOCH, microseconds
from standalone.engine.store import Store

LONGEST_SLEEP = 10.0  # seconds: the wall clock may be set meanwhile, and a machine that was put to sleep does not count that time
AT_ONCE = 500
END_OF_TIME = 1 << 62

Key = tuple[int, int, int]  # due, n, number


class Alarm:
    """Calls `ring` with each timer that is due, once."""

    def __init__(self, store: Store, clock: Clock, ring: Callable[[Key], None]) -> None:
        self._store, self._clock, self._ring = store, clock, ring
        self._ringing: set[Key] = set()
        self._put_off: set[Key] = set()
        self._handle: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        self.next_due: int | None = None
        clock.on_move(self._set)

    def look(self) -> None:
        """The table has changed, on disk."""
        self.next_due = self._store.next_due() if not self._put_off else self._next_but_for_those_put_off()
        self._set()

    def _next_but_for_those_put_off(self) -> int | None:
        found = self._store.due(END_OF_TIME, len(self._put_off) + 1)
        return next((key[0] for key in found if key not in self._put_off), None)

    def put_off(self, keys: Iterable[Key]) -> None:
        """These have rung for somebody who will not take them, but on another host: time goes on without them."""
        self._put_off.update(keys)
        self.look()

    def ring_overdue(self) -> None:
        """Ring now, not when the loop comes to it."""
        if self.overdue():
            self._fire()

    def ring_due(self, keys: Iterable[Key]) -> None:
        """Of timers that have just been made, ring those that are due, without waiting for them to be on disk."""
        for key in keys:
            if key[0] <= microseconds(self._clock.now()):
                self._ringing.add(key)
                self._ring(key)

    def gone(self, keys: Iterable[Key]) -> None:
        """These timers are in the table no more, on disk."""
        gone = set(keys)
        self._ringing -= gone
        self._put_off -= gone

    def forget(self) -> None:
        """Start anew from the table."""
        self._ringing.clear()
        self._put_off.clear()
        self.look()

    def overdue(self) -> bool:
        """Is a timer due that no episode has taken?"""
        return self.next_due is not None and self.next_due <= microseconds(self._clock.now())

    def stop(self) -> None:
        """Ring no more."""
        self._stopped = True
        if self._handle:
            self._handle.cancel()

    def _set(self) -> None:
        if self.next_due is not None:
            self._sleep_until(self.next_due)

    def _sleep_until(self, due: int) -> None:
        if self._handle:
            self._handle.cancel()
            self._handle = None
        seconds = self._clock.seconds_until(EPOCH + timedelta(microseconds=due))
        if seconds is not None and not self._stopped:
            self._handle = self._loop.call_later(min(seconds, LONGEST_SLEEP), self._fire)

    def _fire(self) -> None:
        if self._stopped:
            return
        now = microseconds(self._clock.now())
        most = len(self._ringing) + AT_ONCE
        due = self._store.due(now, most)
        for key in due:
            if key not in self._ringing:
                self._ringing.add(key)
                self._ring(key)
        if len(due) == most:
            self._handle = self._loop.call_later(0, self._fire)
        elif (after := self._store.next_due(now)) is not None:
            self._sleep_until(after)
