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
from standalone.workers.functions import Function, Functions
from standalone.workers.sleeping import running_for_the_app
from standalone.workers.threads import Threads

log = logging.getLogger("standalone.activities")

GRACE = 1.0  # seconds


class Outcome(NamedTuple):
    """What came of an activity: its result as JSON text, or its failure."""

    result: str | None
    failure: FunctionFailed | None = None


Tell = Callable[[Outcome], None]
Work = Callable[[], Coroutine[Any, Any, str | None]]

_NOT_RUN = Outcome(None)


class Activities:
    """The activities that run in this process. Each begins in the context that this was made in, and none sees what another set there."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._threads = Threads(functions.pool)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, activity: Activity, who: str, tell: Tell) -> None:
        """Run an activity and `tell` on the loop, once, what came of it. `who`: what it is known by while it sleeps."""
        once = _Once(tell)
        if activity.name == HTTP_ACTIVITY:
            self._spawn(activity.name, who, functools.partial(durable_http.call, activity.input), once)
            return
        try:
            function = self._functions.activity(activity.name)
        except FunctionFailed as failure:
            self._loop.call_soon(once, Outcome(None, failure))
            return
        task = None
        if function.is_async:
            task = self._spawn(activity.name, who, functools.partial(self._functions.act, function, activity.input), once)
        else:
            run = functools.partial(self._context.copy().run, self._in_thread, function, activity, who, once)
            self._threads.run(run, once)
        limit = self._functions.timeout
        if limit:
            once.alarm = self._loop.call_later(limit.total_seconds(), self._too_long, once, activity.name, task)

    def _too_long(self, once: "_Once", name: str, task: asyncio.Task[None] | None) -> None:
        """Tell so without waiting: a task that is cancelled may not mind, and a thread cannot be stopped."""
        once(Outcome(None, self._functions.timed_out(name)))
        if task is not None:
            task.cancel()

    def _in_thread(self, function: Function, activity: Activity, who: str, once: "_Once") -> Outcome:
        if once.told:  # its time was up before a thread was free: its caller has gone on without it
            return _NOT_RUN
        running_for_the_app.set(who)
        faults.point("activity started")
        try:
            return Outcome(self._functions.act_here(function, activity.input))
        except FunctionFailed as failure:
            return Outcome(None, failure)

    async def _on_loop(self, who: str, name: str, work: Work, once: "_Once") -> None:
        running_for_the_app.set(who)
        faults.point("activity started")
        try:
            outcome = Outcome(await work())
        except FunctionFailed as failure:
            outcome = Outcome(None, failure)
        except BaseException as error:  # whatever it is, an activity that nobody answers for would be waited for for ever
            if self._closed:
                return
            outcome = _host_failed(name, error)
        if not self._closed:
            self._context.run(once, outcome)

    def _spawn(self, name: str, who: str, work: Work, once: "_Once") -> asyncio.Task[None]:
        task = self._loop.create_task(self._on_loop(who, name, work, once), context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Abandon what runs, after a moment in which it may end."""
        self._closed = True
        self._threads.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)


class _Once:
    """Tells the first outcome: that of the activity, or that it took too long."""

    __slots__ = ("_tell", "alarm")

    def __init__(self, tell: Tell) -> None:
        self._tell: Tell | None = tell
        self.alarm: asyncio.TimerHandle | None = None

    @property
    def told(self) -> bool:
        """Has an outcome been told?"""
        return self._tell is None

    def __call__(self, outcome: Outcome) -> None:
        if self.alarm:
            self.alarm.cancel()
        tell, self._tell = self._tell, None
        if tell:
            tell(outcome)


def _host_failed(name: str, error: BaseException) -> Outcome:
    log.error("the host failed at the activity %s", name, exc_info=error)
    return Outcome(None, FunctionFailed(f"{type(error).__name__}: {error}"))
