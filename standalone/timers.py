"""Timer triggers on the host's clock.

However many of its times a jump or an outage has passed over, a function runs once for them; it never runs beside itself, and its
retries (`standalone.retries`) are part of its run. A skip stops at a function's times, though not at each of one that runs every few
minutes (`CLOSEST_STOPS`). When each is due next is kept in a file, so that a time that passes while the host is down, or a run that it
dies in, is made up for at the next start (`useMonitor`, as on Azure).
"""

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from standalone.configuration import Configuration
from standalone.contracts import Clock, FunctionFailed, FunctionInfo, Retry, TimerCall, Workers
from standalone.retries import Retries, Run
from standalone.schedule import Schedule, ScheduleWrong, parsed, time_zone
from standalone.small_files import overwrite

log = logging.getLogger("standalone.timers")

LONGEST_SLEEP = 60.0
LATE = timedelta(seconds=1)
TIME_ZONES = ("WEBSITE_TIME_ZONE", "TZ")
"""Settings that name the zone of schedules, as on Azure on Linux; the first counts."""

CLOSEST_STOPS = timedelta(hours=6)
"""A skip of thirty days runs a daily function thirty times, but one that is due every five minutes 120 times rather than 8,640."""


def zone_of(configuration: Configuration) -> ZoneInfo:
    """The zone of the app's schedules and of its clock. Raises ScheduleWrong."""
    for setting in TIME_ZONES:
        if name := configuration.setting(setting):
            try:
                return time_zone(name)
            except ScheduleWrong as error:
                raise ScheduleWrong(f"{setting}: {error}") from None
    return time_zone("UTC")


@dataclass(frozen=True)
class Kept:
    """What the file holds of a timer function: its schedule, when it is due next, when it was last started by it."""

    schedule: str
    due: datetime
    last: datetime | None = None


class TimerFunctions:
    """The app's timer functions. `past_due` is told when one comes more than a second after each of its times.

    `kept`: the file. `random` answers a number from 0 to 1, each time another.
    """

    def __init__(
        self,
        functions: Iterable[FunctionInfo],
        configuration: Configuration,
        clock: Clock,
        workers: Workers,
        kept: Path,
        random: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._workers = workers
        self._file = kept
        self._schedules: dict[str, Schedule] = {}
        self._next: dict[str, datetime] = {}
        self._last: dict[str, datetime] = {}  # when each was started by its schedule
        self._monitored: set[str] = set()
        self._began: dict[str, datetime] = {}
        self._runs: dict[str, Run] = {}  # those by the schedule
        self._tries: set[asyncio.Task[None]] = set()
        self._retries = Retries(clock, random)
        self._under_way: dict[str, datetime] = {}  # when those were due that run because of it
        self._changed = asyncio.Event()
        self._at_startup: list[str] = []
        before = self._read()
        timers = [function for function in functions if function.kind == "timer"]
        self._policies = {function.name.casefold(): function.retries for function in timers}
        enabled = [function for function in timers if not function.disabled]
        self._zone = zone_of(configuration) if enabled else UTC
        for function in enabled:
            self._add(function, configuration, before)
        self._write()  # fails at the start, not in the night, where it cannot
        clock.on_move(self._changed.set)

    def _add(self, function: FunctionInfo, configuration: Configuration, before: Mapping[str, Kept]) -> None:
        name, text = function.name, configuration.resolve(str(function.trigger["schedule"]))
        try:
            self._schedules[name] = parsed(text, zone=self._zone, start=self._clock.now())
        except ScheduleWrong as error:
            raise ScheduleWrong(f"the schedule of the timer function {name} is not understood: {error}") from None
        self._plan(name, self._clock.now())
        if function.trigger.get("useMonitor") is not False:
            self._monitored.add(name)
            kept = before.get(name)
            if kept and kept.schedule == text:
                self._next[name] = min(kept.due, self._next.get(name, kept.due))
                self._last |= {name: kept.last} if kept.last else {}
        log.debug("the timer function %s, %r, runs next at %s", name, text, self._next.get(name))
        if function.trigger.get("runOnStartup"):
            self._at_startup.append(name)

    def next_due(self) -> datetime | None:
        """When the first of them is due that does not run, by its schedule or for a retry."""
        dues = [due for name, due in self._next.items() if name not in self._runs]
        return min((due for due in (*dues, self._retries.next_due()) if due is not None), default=None)

    def next_stop(self) -> datetime | None:
        """Where a skip has to stop next on behalf of a timer function."""
        stops = [self._stop(name) for name in self._next if name not in self._runs]
        return min((stop for stop in (*stops, self._retries.next_stop(CLOSEST_STOPS)) if stop is not None), default=None)

    def _stop(self, name: str) -> datetime | None:
        due, began = self._next[name], self._began.get(name)
        if began is None or due - began >= CLOSEST_STOPS:
            return due
        return self._schedules[name].after(began + CLOSEST_STOPS - timedelta(seconds=1))

    async def run_due(self) -> None:
        """Run what is due by now, and wait until nothing runs: all is done, or pauses before a retry."""
        self._start_due()
        while self._tries:
            await asyncio.gather(*self._tries)
            self._start_due()

    async def run(self, name: str) -> None:
        """Run one now. What it raises is logged, as a timer has nobody to tell."""
        with contextlib.suppress(FunctionFailed):
            await self.call(name)

    async def call(self, name: str, *, through_pauses: bool = True) -> None:
        """Run one now, in any case of its name, and wait: until no other try follows, or one does after a pause. Raises FunctionFailed."""
        run = self._new_run(name)
        await self._try(run)
        if not through_pauses:
            await self.run_due()
        else:
            try:
                await run.over
            finally:
                self._retries.forget(run)
        if run.failure:
            raise run.failure

    def _new_run(self, name: str, *, past_due: bool = False, scheduled: bool = False) -> Run:
        monitored = next((each for each in self._monitored if each.casefold() == name.casefold()), None)
        due = self._under_way.get(monitored, self._next.get(monitored)) if monitored else None
        last = self._last.get(monitored) if monitored else None
        policy = self._policies.get(name.casefold())
        call = TimerCall(
            past_due, last and last.astimezone(self._zone), due and due.astimezone(self._zone),
            Retry(most=policy.most if policy else 0), str(uuid.uuid4()) if scheduled else "",
        )  # fmt: skip
        return Run(name, call, policy, asyncio.get_running_loop().create_future(), scheduled)

    async def keep_running(self) -> None:
        """Run each at its time, until cancelled. Only for a clock that goes by itself."""
        while True:
            due = self.next_due()
            seconds = self._clock.seconds_until(due) if due else None
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), min(LONGEST_SLEEP, seconds) if seconds is not None else None)
            except TimeoutError:
                pass  # the time has come, or it is time to look at the clock again
            self._start_due()

    def start_startup_runs(self) -> None:
        """Run those that are declared with `run_on_startup`."""
        for name in self._at_startup:
            self._start(name, past_due=False)

    async def stop(self) -> None:
        """Wait for nothing more. A run that pauses has failed, and is not made up for, as on Azure; one under way is."""
        for run in self._retries.give_up():
            self._end(run)
        tries = list(self._tries)
        for task in tries:
            task.cancel()
        await asyncio.gather(*tries, return_exceptions=True)

    def _start_due(self) -> None:
        now = self._clock.now()
        due = [name for name, at in self._next.items() if at <= now and name not in self._runs]
        for name in due:
            self._under_way[name] = self._next[name]
            self._plan(name, now)
            self._start(name, past_due=not self._is_a_time_of(name, now))
        self._resume_due()

    def _resume_due(self) -> None:
        for run in self._retries.due():
            self._in_background(run)

    def _start(self, name: str, *, past_due: bool) -> None:
        self._began[name] = self._clock.now()
        run = self._runs[name] = self._new_run(name, past_due=past_due, scheduled=True)
        self._in_background(run)

    def _in_background(self, run: Run) -> None:
        task = asyncio.get_running_loop().create_task(self._try(run))
        self._tries.add(task)
        task.add_done_callback(self._tries.discard)

    async def _try(self, run: Run) -> None:
        run.failure = None
        try:
            await self._workers.call_timer(run.function, run.call)
        except FunctionFailed as failure:
            if self._retries.pause(run, failure):
                self._resume_due()  # at once, where the pause is none
                self._changed.set()
                return
        self._end(run)

    def _end(self, run: Run) -> None:
        """No other try follows."""
        name = run.function
        if run.failure:
            log.error("the timer function %s failed: %s\n%s", name, run.failure.message, run.failure.stack)
        if not run.over.done():
            run.over.set_result(None)
        if run.scheduled:
            del self._runs[name]
            self._last[name] = self._began[name]
            if self._under_way.pop(name, None):
                self._keep()  # not before: what the host died in is made up for (TimerListener.cs)
        self._changed.set()

    def _is_a_time_of(self, name: str, now: datetime) -> bool:
        at = self._schedules[name].after(now - LATE)
        return at is not None and at <= now

    def _plan(self, name: str, now: datetime) -> None:
        following = self._schedules[name].after(now)
        if following is None:
            self._next.pop(name, None)
        else:
            self._next[name] = following

    def _read(self) -> dict[str, Kept]:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return {name: Kept(schedule, *map(datetime.fromisoformat, instants)) for name, (schedule, *instants) in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):  # none yet, or cut short by a crash: then all is planned from now
            return {}

    def _keep(self) -> None:
        """Write when each is due. A disk that is full stops no timer function; after a crash its last times may come again."""
        try:
            self._write()
        except OSError as error:
            log.error("when timer functions are due cannot be kept in %s: %s", self._file, error.strerror)

    def _write(self) -> None:
        dues = self._next | self._under_way
        told = {name: [self._schedules[name].text, due.isoformat()] for name, due in dues.items()}
        for name in told.keys() & self._last.keys():
            told[name].append(self._last[name].isoformat())
        overwrite(self._file, json.dumps(told))
