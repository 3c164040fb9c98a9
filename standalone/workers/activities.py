"""Running activities: sync ones in a thread, async ones on the loop, `call_http` by a client of our own."""

import asyncio
import contextvars
import functools
import logging
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from standalone.contracts import FunctionFailed
from standalone.engine import faults
from standalone.engine.orchestration import Activity
from standalone.engine.replay import HTTP_ACTIVITY
from standalone.workers import durable_http
from standalone.workers.functions import Functions
from standalone.workers.sleeping import running_for_the_app
from standalone.workers.threads import Threads

log = logging.getLogger("standalone.activities")


class Outcome(NamedTuple):
    """What came of an activity: its result as JSON text, or its failure."""

    result: str | None
    failure: FunctionFailed | None = None


Tell = Callable[[Outcome], None]


class Activities:
    """The activities that run in this process."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._loop = asyncio.get_running_loop()
        self._threads = Threads(functions.pool)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, activity: Activity, who: str, tell: Tell) -> None:
        """Run an activity and `tell` on the loop, once, what came of it. `who`: what it is known by while it sleeps."""
        if activity.name.casefold() in self._functions.known.disabled:
            failure = FunctionFailed(f"Function '{activity.name}' is disabled.")
            self._loop.call_soon(tell, Outcome(None, failure))
        elif activity.name == HTTP_ACTIVITY:
            self._spawn(self._on_loop(who, activity.name, durable_http.call(activity.input), tell))
        elif self._functions.in_thread(activity.name):
            self._start_in_thread(activity, who, tell)
        else:
            self._spawn(self._on_loop(who, activity.name, self._functions.act(activity.name, activity.input), tell))

    def _start_in_thread(self, activity: Activity, who: str, tell: Tell) -> None:
        once = _Once(tell)
        limit = self._functions.timeout
        if limit:
            once.alarm = self._loop.call_later(limit.total_seconds(), once, Outcome(None, self._functions.timed_out(activity.name)))
        context = contextvars.copy_context()
        self._threads.run(functools.partial(context.run, self._in_thread, activity, who), once)

    def _in_thread(self, activity: Activity, who: str) -> Outcome:
        running_for_the_app.set(who)
        faults.point("activity started")
        try:
            return Outcome(self._functions.act_here(activity.name, activity.input))
        except FunctionFailed as failure:
            return Outcome(None, failure)
        except BaseException as error:  # whatever it is, an activity that nobody answers for would be waited for for ever
            return _host_failed(activity.name, error)

    async def _on_loop(self, who: str, name: str, work: Coroutine[Any, Any, str | None], tell: Tell) -> None:
        running_for_the_app.set(who)
        faults.point("activity started")
        try:
            outcome = Outcome(await work)
        except FunctionFailed as failure:
            outcome = Outcome(None, failure)
        except Exception as error:
            outcome = _host_failed(name, error)
        tell(outcome)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Abandon what runs."""
        self._threads.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Once:
    """Tells the first outcome: that of the activity, or that it took too long."""

    __slots__ = ("_tell", "alarm")

    def __init__(self, tell: Tell) -> None:
        self._tell: Tell | None = tell
        self.alarm: asyncio.TimerHandle | None = None

    def __call__(self, outcome: Outcome) -> None:
        if self.alarm:
            self.alarm.cancel()
        tell, self._tell = self._tell, None
        if tell:
            tell(outcome)


def _host_failed(name: str, error: BaseException) -> Outcome:
    log.error("the host failed at the activity %s", name, exc_info=error)
    return Outcome(None, FunctionFailed(f"{type(error).__name__}: {error}"))
