"""The durable engine: takes in what is asked of instances, gives it to the workers, writes down what comes of it.

One event loop, one writer. A turn of the loop collects what has come into a group; the group is committed on the writer's thread
while the next one is collected; then whoever asked is answered, and what the episodes ask for is started. Instances get a seat in a
worker when there is something to do for them, and lose it when they have rested for a while; at most `most_active` are busy at a time.
"""

import asyncio
import itertools
import json
import logging
import sqlite3
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from standalone import contracts
from standalone.contracts import InstancePage, InstanceQuery, InstanceStatus
from standalone.engine import history as h
from standalone.engine import entity, presentation, queries, rewinding, wording
from standalone.engine.entity import NO_STATE
from standalone.engine.messages import Arrival, Committed, Deliver, Episode, Load, Send, Unload
from standalone.engine.orchestration import ENDED, EPOCH, microseconds
from standalone.engine.store import Group, Row, Store

log = logging.getLogger("standalone.engine")

LONGEST_SLEEP = 3600.0  # seconds: the wall clock may be set meanwhile
TIMERS_AT_ONCE = 500


@dataclass(frozen=True)
class EngineSettings:
    """What may be tuned. `synchronous`: SQLite's; OFF only where a crash of the machine may lose what was acknowledged."""

    most_active: int = 256  # instances with something under way in the workers; the others wait on disk
    most_seated: int = 1000  # instances kept loaded though they rest
    synchronous: str = "FULL"
    default_version: str = ""


@dataclass
class Seat:
    """An instance that is loaded in a worker."""

    worker: int
    unanswered: dict[int, Arrival] = field(default_factory=dict)  # delivered, not yet in an episode
    running: int = 0  # activities
    uncommitted: int = 0  # episodes on their way to the disk
    fresh: bool = False

    @property
    def rests(self) -> bool:
        """Is there nothing under way?"""
        return not (self.unanswered or self.running or self.uncommitted or self.fresh)


class Engine:
    """The engine over the file at `path`. `workers` must have been started before `start`, and outlive `stop`."""

    def __init__(self, path: Path, clock: contracts.Clock, workers: contracts.InstanceWorkers, *, settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings()
        self.path, self.clock, self.workers = path, clock, workers
        self._seats: dict[int, Seat] = {}
        self._resting: OrderedDict[int, None] = OrderedDict()
        self._mail: dict[int, list[Arrival]] = {}  # for instances without a seat
        self._stored_mail: set[int] = set()  # the same, to be read from the file
        self._backlog: dict[int, None] = {}
        self._draining: dict[int, int] = {}  # instances of a lost worker: episodes still on their way to the disk
        self._held: set[int] = set()  # instances that are being rewound
        self._lost: dict[int, str] = {}  # instances of a lost worker, and how it died
        self._newborn: dict[int, tuple[str, str]] = {}
        self._ids: dict[str, int] = {}  # of newborn instances
        self._vanished: set[str] = set()
        self._firing: set[tuple[int, int, int]] = set()
        self._group, self._writing = Group(), Group()
        self._waiters: list[asyncio.Future[None]] = []
        self._committing = False
        self._failure: BaseException | None = None
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_due: int | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._stopped = False

    # -- life -------------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the file and go on with what was under way. Raises StoreUnusable."""
        self._loop = asyncio.get_running_loop()
        self._store = Store(self.path, synchronous=self.settings.synchronous)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")
        n, seq = self._store.last_numbers()
        self._numbers, self._seqs, self._ticks = itertools.count(n + 1), itertools.count(seq + 1), itertools.count(-1, -1)
        self.workers.attach(self._receive, self._worker_lost, self._wake)
        self.clock.on_move(self._set_alarm)
        self._next_due = self._store.next_due()
        for each in self._store.under_way():
            self._stored_mail.add(each)
            self._knock(each)
        self._set_alarm()

    async def stop(self) -> None:
        """Write what has come in and close the file. What runs is abandoned, and runs again at the next start."""
        self._stopped = True
        if self._alarm:
            self._alarm.cancel()
        while self._group or self._committing:
            self._commit_soon()
            await self._next_change()
        self._writer.shutdown()
        self._store.close()

    # -- verbs ------------------------------------------------------------------------------------------------------------

    async def start_instance(self, name: str, input_json: str | None, instance_id: str | None = None, version: str = "") -> str:
        """Start an orchestration. Raises InstanceExists."""
        instance = instance_id or uuid.uuid4().hex
        found = self._find(instance)
        if found and found.status not in ENDED:
            raise contracts.InstanceExists(f"An Orchestration instance with the status {found.status} already exists.")
        at = self.clock.now()
        event = h.execution_started(h.stamp(at), name, input_json, instance, uuid.uuid4().hex, version or self.settings.default_version, None)
        self._begin(instance, name, input_json, h.text(event), at)
        await self._written()
        return instance

    async def get(
        self, instance_id: str, *, history: bool = False, history_outputs: bool = False, history_inputs: bool = True
    ) -> InstanceStatus | None:
        """The instance, or None. Raises HistoryUnreadable."""
        row = self._store.find(instance_id)
        if row is None:
            return None
        told = None
        if history and row.status != "Pending":
            rows = [events for events, _ in self._store.history(row.n)]
            told = presentation.history(rows, inputs=history_inputs, outputs=history_outputs)
        return presentation.status(row, told)

    async def query(self, query: InstanceQuery) -> InstancePage:
        """One page."""
        return queries.page(self._store, query)

    async def raise_event(self, instance_id: str, event: str, input_json: str) -> None:
        """Raises InstanceNotFound, InstanceEnded."""
        row = self._unended(instance_id)
        await self._tell(row.n, h.EVENT_RAISED, Name=event, Input=input_json)

    async def terminate(self, instance_id: str, reason: str) -> None:
        """Raises InstanceNotFound, InstanceEnded."""
        row = self._unended(instance_id)
        await self._tell(row.n, h.EXECUTION_TERMINATED, Input=reason)

    async def suspend(self, instance_id: str, reason: str) -> None:
        """Raises InstanceNotFound, InstanceEnded, InstanceNotInState."""
        row = self._unended(instance_id)
        if row.status == "Suspended":
            raise contracts.InstanceNotInState("Cannot suspend an orchestration instance in the Suspended state.")
        await self._tell(row.n, h.EXECUTION_SUSPENDED, Reason=reason)

    async def resume(self, instance_id: str, reason: str) -> None:
        """Raises InstanceNotFound, InstanceEnded, InstanceNotInState."""
        row = self._unended(instance_id)
        if row.status != "Suspended":
            raise contracts.InstanceNotInState(f"Cannot resume an orchestration instance in the {row.status} state.")
        await self._tell(row.n, h.EXECUTION_RESUMED, Reason=reason)

    async def rewind(self, instance_id: str, reason: str) -> None:
        """Raises InstanceNotFound, InstanceNotInState."""
        row = self._existing(instance_id)
        if row.status != "Failed":
            raise contracts.InstanceNotInState(
                f'This orchestration has status {row.status}, but only orchestrations in the "Failed" state can be rewound.'
            )
        event = h.text(h.event(h.GENERIC_EVENT, h.stamp(self.clock.now()), Data=reason))
        struck = self._strike(row, event)
        await self._written()
        for n in struck:
            self._held.discard(n)
            if n in self._stored_mail:
                self._knock(n)

    def _strike(self, row: Row, event: str) -> list[int]:
        """Rewrite the history of an instance and of its failed children; the deepest get `event`, once all is written."""
        episodes = self._store.episodes(row.n)
        struck = rewinding.strike([events for _, events in episodes])
        self._leave(row.n)
        self._held.add(row.n)
        self._group.rewound[row.n] = [(k, events) for (k, _), events in zip(episodes, struck.rows, strict=True)]
        self._commit_soon()
        children = [child for child in map(self._store.find, struck.failed_children) if child]
        if not struck.failed_children:
            self._group.messages[next(self._seqs)] = (row.n, event, "", False)
            self._stored_mail.add(row.n)
        return [row.n, *(n for child in children for n in self._strike(child, event))]

    def _leave(self, n: int) -> None:
        """Take an instance's seat away."""
        self._resting.pop(n, None)
        seat = self._seats.pop(n, None)
        if seat:
            self.workers.send(seat.worker, Unload(n))

    async def signal_entity(self, name: str, key: str, operation: str, input_json: str | None) -> None:
        """Raises FunctionUnknown."""
        known = self.workers.known()
        if name.casefold() not in known.entities:
            raise contracts.FunctionUnknown(wording.unknown_function(name, "entity", known.entities.values()))
        told = entity.request(operation, input_json, request_id=str(uuid.uuid4()))
        event = h.event(h.EVENT_RAISED, h.stamp(self.clock.now()), Name="op", Input=told)
        self._post(self._entity(entity.entity_id(name, key)), h.text(event))
        await self._written()

    async def entity_state(self, name: str, key: str) -> str | None:
        """An entity's state, "null" when it has none; None for one that nobody ever touched."""
        row = self._store.find(entity.entity_id(name, key))
        if row is None:
            return None
        state: str | None = json.loads(row.input or NO_STATE)["state"]
        return state or "null"

    async def restart(self, instance_id: str, *, new_id: bool) -> str:
        """Raises InstanceNotFound, InstanceExists."""
        row = self._existing(instance_id)
        return await self.start_instance(row.name, row.input, None if new_id else instance_id)

    async def purge(self, instance_id: str) -> None:
        """Raises InstanceNotFound, InstanceNotInState."""
        row = self._existing(instance_id)
        if row.status not in ENDED:
            raise contracts.InstanceNotInState(
                "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
                f"{instance_id} has status {row.status}"
            )
        self._delete(row.n, row.id)
        await self._written()

    async def purge_matching(self, query: InstanceQuery) -> int:
        """Delete what matches, all pages of it, and answer how many."""
        found = queries.all_matching(self._store, query)
        for row in found:
            self._delete(row.n, row.id)
        if found:
            await self._written()
        return len(found)

    def next_due(self) -> datetime | None:
        """When the earliest durable timer, or activity that sleeps on the virtual clock, is due."""
        due = [each for each in (self._next_due, self.workers.next_due()) if each is not None]
        return EPOCH + timedelta(microseconds=min(due)) if due else None

    async def settle(self) -> None:
        """Return once nothing is left to do at the present time."""
        while not self._quiet():
            await self._next_change()

    def _quiet(self) -> bool:
        if self._failure:
            raise self._failure
        if self._group or self._committing or self._backlog or self._draining:
            return False
        due = self._next_due
        if due is not None and due <= microseconds(self.clock.now()):
            return False
        running = 0
        for seat in self._seats.values():
            if seat.unanswered or seat.uncommitted or seat.fresh:
                return False
            running += seat.running
        return self.workers.quiet(running)

    async def _next_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()

    # -- instances --------------------------------------------------------------------------------------------------------

    def _find(self, instance: str) -> Row | None:
        """The instance with this id, those not yet on disk included."""
        if instance in self._ids:
            n = self._ids[instance]
            at = microseconds(self.clock.now())
            return Row(n, instance, self._newborn[n][1], "Pending", at, at, None, None, None, None)
        return None if instance in self._vanished else self._store.find(instance)

    def _existing(self, instance: str) -> Row:
        row = self._find(instance)
        if row is None:
            raise contracts.InstanceNotFound(f'No orchestration with instance ID "{instance}" found.')
        return row

    def _unended(self, instance: str) -> Row:
        row = self._existing(instance)
        if row.status in ENDED:
            raise contracts.InstanceEnded(f"The orchestration {instance} has ended: {row.status}.")
        return row

    def _begin(self, instance: str, name: str, given: str | None, event: str, at: datetime) -> None:
        """A new instance, in place of whatever had its id."""
        old = self._find(instance)
        if old:
            self._delete(old.n, instance)
        n = next(self._numbers)
        self._group.born[n] = (instance, name, microseconds(at), given)
        self._newborn[n], self._ids[instance] = (instance, name), n
        self._post(n, event)

    def _entity(self, instance: str) -> int:
        """The number of an entity; one that nobody has touched yet is made."""
        found = self._find(instance)
        if found:
            return found.n
        n, name = next(self._numbers), instance.rpartition("@")[0] if instance.count("@") == 1 else "@" + instance[1:].split("@", 1)[0]
        self._group.born[n] = (instance, name, microseconds(self.clock.now()), NO_STATE)
        self._newborn[n], self._ids[instance] = (instance, name), n
        return n

    def _delete(self, n: int, instance: str) -> None:
        """Remove an instance and all that is on its way to it."""
        group = self._group
        self._ids.pop(instance, None)
        self._newborn.pop(n, None)
        self._vanished.add(instance)
        self._mail.pop(n, None)
        self._stored_mail.discard(n)
        self._backlog.pop(n, None)
        self._leave(n)
        if group.born.pop(n, None) is None:
            group.gone.append(n)
        group.messages = {seq: message for seq, message in group.messages.items() if message[0] != n}
        group.episodes = [each for each in group.episodes if each.n != n]
        group.timers = {key: None for key in group.timers if key[1] != n}
        self._commit_soon()

    # -- messages ---------------------------------------------------------------------------------------------------------

    async def _tell(self, n: int, kind: int, **fields: Any) -> None:
        self._post(n, h.text(h.event(kind, h.stamp(self.clock.now()), **fields)))
        await self._written()

    def _post(self, n: int, event: str, execution: str = "") -> None:
        """A message for an instance: into the group, and on to the worker at once. Its episode cannot be on disk before it."""
        seq = next(self._seqs)
        self._group.messages[seq] = (n, event, execution, False)
        self._commit_soon()
        self._hand_over(n, Arrival(seq, event, execution))

    def _post_later(self, n: int, event: str, due: int) -> None:
        """A message that a timer will bring: it is known by its negative seq."""
        seq = next(self._seqs)
        self._group.messages[seq] = (n, event, "", True)
        self._group.timers[due, n, -seq] = None
        self._commit_soon()

    def _hand_over(self, n: int, arrival: Arrival) -> None:
        seat = self._seats.get(n)
        if seat:
            self._resting.pop(n, None)
            seat.unanswered[arrival.seq] = arrival
            self.workers.send(seat.worker, Deliver(n, [arrival]))
        else:
            self._mail.setdefault(n, []).append(arrival)
            self._knock(n)

    def _knock(self, n: int) -> None:
        """Seat an instance, now or when there is room."""
        if n in self._draining or n in self._held:
            return
        if len(self._seats) - len(self._resting) >= self.settings.most_active:
            self._backlog[n] = None
        else:
            self._seat(n)

    def _seat(self, n: int) -> None:
        load = self._load(n)
        arrivals = self._collect_mail(n)
        if load is None:  # purged meanwhile: what came for it goes with it
            self._drop(n, arrivals)
            return
        seat = self._seats[n] = Seat(self.workers.place(n))
        seat.fresh = load.fresh
        seat.unanswered = {arrival.seq: arrival for arrival in arrivals}
        seat.running = open_activities(load)
        self.workers.send(seat.worker, load)
        if arrivals:
            self.workers.send(seat.worker, Deliver(n, arrivals))
        elif seat.rests:
            self._rest(n)

    def _load(self, n: int) -> Load | None:
        lost = self._lost.pop(n, "")
        if n in self._newborn:
            instance, name = self._newborn[n]
            return Load(n, instance, name, 0, (), (), "Pending", None, None, False, lost)
        found = self._store.load(n)
        if found is None:
            return None
        instance, name, status, k, fresh, custom, output, given = found
        rows = self._store.history(n)
        events, tasks = [row[0] for row in rows], [row[1] for row in rows]
        return Load(n, instance, name, k, events, tasks, status, custom, output, bool(fresh), lost, given if name.startswith("@") else None)

    def _collect_mail(self, n: int) -> list[Arrival]:
        arrivals = self._mail.pop(n, [])
        if n in self._stored_mail:
            self._stored_mail.discard(n)
            known = {arrival.seq for arrival in arrivals}
            stored = [Arrival(seq, event, execution) for seq, event, execution in self._store.messages_of(n) if seq not in known]
            arrivals = sorted(stored + arrivals, key=lambda arrival: arrival.seq if arrival.seq > 0 else next(self._seqs))
        return arrivals

    def _drop(self, n: int, arrivals: Iterable[Arrival]) -> None:
        for arrival in arrivals:
            if arrival.timer:
                self._timer_gone((arrival.timer[0], n, arrival.timer[1]))
            elif self._group.messages.pop(arrival.seq, None) is None:
                self._group.taken.append(arrival.seq)
        self._commit_soon()

    def _rest(self, n: int) -> None:
        """Nothing is under way: keep the instance for a while, and give its place to one that waits."""
        self._resting[n] = None
        while len(self._resting) > self.settings.most_seated:
            oldest, _ = self._resting.popitem(last=False)
            self.workers.send(self._seats.pop(oldest).worker, Unload(oldest))
        while self._backlog and len(self._seats) - len(self._resting) < self.settings.most_active:
            waiting = next(iter(self._backlog))
            del self._backlog[waiting]
            self._seat(waiting)

    # -- what workers say -------------------------------------------------------------------------------------------------

    def _receive(self, worker: int, message: Any) -> None:
        if type(message) is Episode:
            self._take(worker, message)
        self._changed.set()

    def _take(self, worker: int, episode: Episode) -> None:
        """An episode has run: into the group with it, and with all that follows from it."""
        n, group = episode.n, self._group
        seat = self._seats.get(n)
        if seat is None or seat.worker != worker:
            return
        for seq in episode.seqs:
            seat.unanswered.pop(seq, None)
            if seq > 0 and group.messages.pop(seq, None) is None:
                group.taken.append(seq)
        for due, number in episode.fired:
            self._timer_gone((due, n, number))
        for due, number in episode.timers_gone:
            self._timer_gone((due, n, number))
        for due, number in episode.timers:
            group.timers[due, n, number] = None
        seat.running, seat.fresh = episode.running, episode.fresh
        if episode.changes:
            group.episodes.append(episode)
            seat.uncommitted += 1
        for send in episode.sends:
            self._send(send)
        self._commit_soon()

    def _timer_gone(self, key: tuple[int, int, int]) -> None:
        self._firing.discard(key)
        if key in self._group.timers:
            del self._group.timers[key]
        else:
            self._group.timers_gone.append(key)

    def _send(self, send: Send) -> None:
        if send.kind == "start":
            found = self._find(send.instance)
            if found and found.status == "Pending":  # it is let run once before it is replaced
                self._post(found.n, send.text)
                return
            started = h.parse([send.text])[0]
            self._begin(send.instance, send.name, started["Input"], send.text, self.clock.now())
            return
        n = self._entity(send.instance) if send.instance.startswith("@") else None
        if n is None:
            found = self._find(send.instance)
            if found is None:
                return
            n = found.n
        if send.due > microseconds(self.clock.now()):
            self._post_later(n, send.text, send.due)
        else:
            self._post(n, send.text, send.execution)

    def _worker_lost(self, worker: int, why: str) -> None:
        """A worker died: its instances are loaded again elsewhere, once what they had written is on disk."""
        for n, seat in [(n, seat) for n, seat in self._seats.items() if seat.worker == worker]:
            del self._seats[n]
            self._resting.pop(n, None)
            if seat.rests:
                continue
            self._lost[n] = why
            self._mail[n] = list(seat.unanswered.values()) + self._mail.get(n, [])
            if seat.uncommitted:
                self._draining[n] = seat.uncommitted
            else:
                self._knock(n)
        self._changed.set()

    # -- the disk ---------------------------------------------------------------------------------------------------------

    async def _written(self) -> None:
        """Wait until all that was collected so far is on disk."""
        if self._failure:
            raise self._failure
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        self._commit_soon()
        await waiter

    def _commit_soon(self) -> None:
        if not self._committing:
            self._committing = True
            self._loop.call_soon(self._commit)

    def _commit(self) -> None:
        """Write the group that this turn of the loop has collected."""
        if not self._group:
            self._committing = False
            self._release(self._waiters, None)
            self._waiters = []
            self._changed.set()
            return
        task = self._loop.create_task(self._write(self._group, self._waiters))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._group, self._waiters = Group(), []

    async def _write(self, group: Group, waiters: list[asyncio.Future[None]]) -> None:
        try:
            await self._loop.run_in_executor(self._writer, self._store.commit, group)
        except sqlite3.Error as error:
            log.critical("The engine's file %s cannot be written: %s", self.path, error)
            self._failure = contracts.StoreFailed(f"The engine's file cannot be written: {error}")
            self._release([*waiters, *self._waiters], self._failure)
            self._committing = False
            self._changed.set()
            return
        self._settle_group(group)
        self._release(waiters, None)
        self._commit()
        if not self._committing:
            self._writer.submit(self._store.checkpoint_if_due)

    @staticmethod
    def _release(waiters: Sequence[asyncio.Future[None]], failure: BaseException | None) -> None:
        for waiter in waiters:
            if waiter.done():
                continue
            if failure:
                waiter.set_exception(failure)
            else:
                waiter.set_result(None)

    def _settle_group(self, group: Group) -> None:
        """The group is on disk: start what it asks for, let rest what rests."""
        for n, (instance, *_) in group.born.items():
            self._newborn.pop(n, None)
            if self._ids.get(instance) == n:
                del self._ids[instance]
        if not self._group.gone:
            self._vanished.clear()
        for episode in group.episodes:
            self._episode_written(episode)
        if group.timers or group.timers_gone:
            self._next_due = self._store.next_due()
            self._set_alarm()

    def _episode_written(self, episode: Episode) -> None:
        n = episode.n
        if n in self._draining:
            self._draining[n] -= 1
            if not self._draining[n]:
                del self._draining[n]
                self._knock(n)
            return
        seat = self._seats.get(n)
        if seat is None:
            return
        seat.uncommitted -= 1
        if episode.tasks is not None:
            self.workers.send(seat.worker, Committed(n, episode.number))
        if seat.rests:
            self._rest(n)

    # -- timers -----------------------------------------------------------------------------------------------------------

    def _set_alarm(self) -> None:
        """Sleep until the earliest timer; with a virtual clock, until it is moved."""
        if self._next_due is not None:
            self._sleep_until(self._next_due)

    def _sleep_until(self, due: int) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        seconds = self.clock.seconds_until(EPOCH + timedelta(microseconds=due))
        if seconds is not None and not self._stopped:
            self._alarm = self._loop.call_later(min(seconds, LONGEST_SLEEP), self._fire_due)

    def _fire_due(self) -> None:
        """Hand over the timers that are due, as messages."""
        if self._stopped:
            return
        now = microseconds(self.clock.now())
        batch = len(self._firing) + TIMERS_AT_ONCE
        due = self._store.due(now, batch)
        for key in due:
            if key not in self._firing:
                self._firing.add(key)
                self._hand_over(key[1], self._timer(key))
        if len(due) == batch:
            self._alarm = self._loop.call_later(0, self._fire_due)
        elif (after := self._store.next_due(now)) is not None:
            self._sleep_until(after)


    def _timer(self, key: tuple[int, int, int]) -> Arrival:
        """A timer as a message: its own, or the one it was to bring."""
        due, _, number = key
        if number < 0 and (event := self._store.message(-number)) is not None:
            return Arrival(-number, event, "", (due, number))
        return Arrival(next(self._ticks), "", "", (due, number))


def open_activities(load: Load) -> int:
    """How many activities an instance has open, as its stored history tells."""
    events = h.parse(load.rows)
    scheduled = {each["EventId"] for each in events if each["EventType"] == h.TASK_SCHEDULED}
    answered = {each["TaskScheduledId"] for each in events if each["EventType"] in (h.TASK_COMPLETED, h.TASK_FAILED)}
    return len(scheduled - answered) if load.status not in ENDED else 0

