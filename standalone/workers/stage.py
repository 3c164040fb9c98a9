"""Where loaded instances live: orchestrations and their activities, by the side of the app's code, in a worker.

`handle` takes what the main process says, `emit` is how it is answered. No file, no socket, no thread of its own: the same stage
stands in a worker process behind a socket, and in the main process where there are no workers.
"""

import asyncio
import functools
import itertools
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from standalone.contracts import FunctionFailed
from standalone.engine import faults, wording
from standalone.engine.entity import Entity, is_entity
from standalone.engine.messages import Answered, Call, Committed, Deliver, Load, Unload
from standalone.engine.orchestration import Activity, Orchestration
from standalone.engine.replay import HTTP_ACTIVITY
from standalone.workers.activities import Activities, Outcome
from standalone.workers.functions import Functions
from standalone.workers.underway import UnderWay

log = logging.getLogger("standalone.activities")

PATIENCE = 0.1  # seconds
_NOTHING_ASKED: dict[str, Any] = {"entityExists": False, "entityState": None, "results": []}


class Stage:
    """The instances of one worker.

    `now` tells the host's time. On a clock that stands, `parked` tells which activities sleep; `over` is called when one has ended.
    """

    def __init__(
        self,
        functions: Functions,
        now: Callable[[], datetime],
        emit: Callable[[Any], None],
        parked: Callable[[], frozenset[str]] | None = None,
        over: Callable[[], None] | None = None,
        under_way: UnderWay | None = None,
    ) -> None:
        self.under_way = under_way or UnderWay()
        self.activities = Activities(functions)
        self.functions, self.now, self.emit, self.parked, self.over = functions, now, emit, parked, over
        self.active: dict[int, set[str]] = {}  # activities that run, by instance
        self.operating: set[int] = set()  # entities in a batch
        self.patient: dict[int, asyncio.TimerHandle] = {}  # instances whose results wait for those of the same instant
        self.instances: dict[int, Orchestration | Entity] = {}
        self.promised: dict[tuple[int, int], list[Activity]] = {}  # to start when (n, episode) is on disk
        self.tasks: set[asyncio.Task[None]] = set()
        self.ready: dict[int, None] = {}
        self.starts = itertools.count(1)
        self.loop = asyncio.get_running_loop()

    def handle(self, message: Any) -> None:
        """Take one message of the main process."""
        kind = type(message)
        if kind is Deliver:
            instance = self.instances[message.n]
            for arrival in message.arrivals:
                instance.receive(arrival)
            if self.parked and isinstance(instance, Orchestration) and instance.only_results():
                self._result(instance)
            else:
                self._news(instance)
        elif kind is Committed:
            self._keep_promise(message)
        elif kind is Load:
            self._load(message)
        elif kind is Unload:
            self.instances.pop(message.n, None)
            self.promised = {key: activities for key, activities in self.promised.items() if key[0] != message.n}
        elif kind is Call:
            self._spawn(self._call(message))

    def _load(self, load: Load) -> None:
        if is_entity(load.instance, load.name):
            self.instances[load.n] = Entity(load)
            return
        instance = Orchestration(load, self.functions.known, self.functions.orchestrate)
        self.instances[load.n] = instance
        for activity in instance.unfinished():
            if load.lost and activity.number not in load.unstarted:
                instance.failed(activity.number, load.lost, "", self.now())
            else:
                self._start(instance, activity)
        self._news(instance)

    def _news(self, instance: Orchestration | Entity) -> None:
        if instance.has_news and instance.n not in self.ready:
            self.ready[instance.n] = None
            self.loop.call_soon(self._run, instance.n)

    def _run(self, n: int) -> None:
        """One episode of the instance that has this number by now; what it asks for waits for its commit."""
        del self.ready[n]
        instance = self.instances.get(n)
        if instance is None or not instance.has_news:
            return
        if isinstance(instance, Entity):
            self._spawn(self._operate(instance))
            return
        before = set(instance.scheduled)
        self.under_way.orchestration(n)
        episode = instance.run(self.now())
        faults.point("episode run")
        self.under_way.orchestration(0)
        new = [activity for number, activity in instance.scheduled.items() if number not in before]
        if new:
            self.promised[instance.n, episode.number] = new
        self.emit(episode)
        while instance.attempts:  # their activities wait for no commit: none will tell of them
            attempt = instance.attempts.pop()
            for activity in attempt.unfinished():
                self._start(attempt, activity)
        self._news(instance)

    async def _operate(self, entity: Entity) -> None:
        """One batch of operations, in the thread pool: an entity's code may wait."""
        batch = entity.begin()
        self.operating.add(entity.n)
        place = self.under_way.enter(entity.n)
        answer: Any = _NOTHING_ASKED
        try:
            entity.check()
            if entity.name not in self.functions.known.entities:
                answer = wording.unknown_function(entity.name, "entity", self.functions.known.entities.values())
            elif batch.requests:
                answer = await self.functions.operate(entity.name, entity.trigger(batch.requests))
        except FunctionFailed as failure:
            log.error("the entity %s failed, and will try again: %s", entity.name, failure.message)
            answer = None
        finally:
            self.under_way.leave(place)
            self.operating.discard(entity.n)
        if self.instances.get(entity.n) is entity:
            now = self.now()
            self.emit(entity.abandon(batch, now) if answer is None else entity.finish(batch, answer, now))
            self._news(entity)
        self.look_again()

    def _keep_promise(self, committed: Committed) -> None:
        """An episode is on disk: start its activities."""
        activities = self.promised.pop((committed.n, committed.episode), ())
        instance = self.instances.get(committed.n)
        if isinstance(instance, Orchestration):
            for activity in activities:
                self._start(instance, activity)

    def _start(self, instance: Orchestration, activity: Activity) -> None:
        who = f"{instance.n}:{activity.number}:{next(self.starts)}"  # unlike one that runs still for an instance loaded before
        self.active.setdefault(instance.n, set()).add(who)
        self.activities.start(activity, who, functools.partial(self._ended, instance, activity, who, self.now()))

    def _spawn(self, work: Any) -> None:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _ended(self, instance: Orchestration, activity: Activity, who: str, began: datetime, outcome: Outcome) -> None:
        """An activity has come to its end."""
        if outcome.failure:
            message, stack = outcome.failure.message, outcome.failure.stack
            log.error(
                "the activity %s failed: %s%s", activity.name, message, f"\n{stack}" if stack and activity.name != HTTP_ACTIVITY else ""
            )
            instance.failed(activity.number, message, stack, self.now())
        else:
            faults.point("activity ended")
            instance.answered(activity.number, outcome.result, self.now())
        self._over(instance.n, who)
        if self.parked and self.now() > began:
            instance.slept.add(activity.number)
        if self.instances.get(instance.n) is instance:
            self._result(instance)
        elif instance.lost_history:
            for send in instance.strayed():
                self.emit(send)
        if self.over:
            self.over()

    def _over(self, n: int, who: str) -> None:
        self.active[n].discard(who)
        if not self.active[n]:
            del self.active[n]

    def awake(self) -> bool:
        """Does anything run that does not sleep on the virtual clock?"""
        parked = self.parked() if self.parked else frozenset()
        return bool(self.operating) or any(not running <= parked for running in self.active.values())

    def _result(self, instance: Orchestration) -> None:
        """A result is there. On a clock that stands, those of one instant make one episode, as far as that takes no real time."""
        held = self.patient.pop(instance.n, None)
        if held:
            held.cancel()
        if self.parked is None or not self._more_results(instance.n, self.parked()):
            instance.in_order()
            self._news(instance)
        else:
            self.patient[instance.n] = self.loop.call_later(PATIENCE, self._impatient, instance)

    def _more_results(self, n: int, parked: frozenset[str]) -> bool:
        """Will more results of this instant come?"""
        if self.operating or any(isinstance(self.instances.get(each), Entity) for each in self.ready):
            return True  # an entity's answer, perhaps
        return not self.active.get(n, set()) <= parked or any(of == n for of, _ in self.promised)

    def _impatient(self, instance: Orchestration) -> None:
        del self.patient[instance.n]
        instance.in_order()
        self._news(instance)

    def look_again(self) -> None:
        """An activity begins or ends to sleep on the virtual clock, or a batch is done: results may have waited for it."""
        for n in list(self.patient):
            instance = self.instances.get(n)
            if isinstance(instance, Orchestration):
                self._result(instance)

    async def _call(self, call: Call) -> None:
        try:
            if call.kind == "http":
                value: Any = await self.functions.call_http(call.function, call.argument)
            elif call.kind == "inspect":
                from standalone.workers.inspection import inspect  # half a MiB for those who look

                value = inspect(self.functions, call.argument)
            else:
                value = None
                await self.functions.call_timer(call.function, call.argument)
        except FunctionFailed as failure:
            self.emit(Answered(call.number, None, (failure.message, failure.stack)))
        else:
            self.emit(Answered(call.number, value, None))

    async def close(self) -> None:
        """Abandon what runs; nobody is told any more."""
        self.emit = _say_nothing
        await self.activities.close()
        for task in list(self.tasks):
            task.cancel()
        for task in list(self.tasks):
            with suppress(asyncio.CancelledError, Exception):
                await task
        self.functions.close()


def _say_nothing(_message: Any) -> None:
    """How a stage that is closed answers."""
