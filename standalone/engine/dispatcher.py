"""The dispatcher: what goes to whom, between the file and the workers.

Messages are handed to the worker at once: the episode that takes one cannot be on disk before it, and a message that is taken in the
group in which it came is never written. What comes for an instance that waits for a seat (seats.py) waits on disk.
"""

import asyncio
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from standalone import contracts
from standalone.engine import faults, rewinding, versions, wording
from standalone.engine import history as h
from standalone.engine.alarm import Alarm, Key
from standalone.engine.commits import Committer
from standalone.engine.entity import is_entity
from standalone.engine.messages import Arrival, Committed, Deliver, Episode, Load, Send, Unload
from standalone.engine.orchestration import ENDED, ONE_BEHIND_THE_OTHER, microseconds
from standalone.engine.seats import PATIENCE, Seat, Seats
from standalone.engine.store import Group, Row, Store


@dataclass(frozen=True)
class EngineSettings:
    """What may be tuned. `synchronous`: SQLite's; OFF only where a crash of the machine may lose what was acknowledged."""

    most_active: int = 160  # instances with something under way in the workers, while they come and go
    most_seated: int = 32  # instances kept loaded though they rest
    synchronous: str = "FULL"
    default_version: str = ""
    version_match: str = "CurrentOrOlder"  # which versions are run: None, Strict, CurrentOrOlder
    version_failure: str = "Reject"  # the others wait for a host that runs them, or Fail
    replaces_running: bool = False  # a start under the id of what has not ended replaces it, instead of being refused


@dataclass
class Loss:
    """That a worker died which had an instance, or told of what cannot be written, until the next tells of an episode."""

    how: str = ""  # python exited with code 137
    strikes: int = 0  # workers that died in an episode of this instance, or episodes in vain
    unstarted: set[int] = field(default_factory=set)  # activities that the worker was not told to start


class Dispatcher:
    """Everything between the verbs and the workers. Nothing here waits; `commits.written()` does."""

    def __init__(self, store: Store, clock: contracts.Clock, workers: contracts.InstanceWorkers, settings: EngineSettings) -> None:
        self.store, self.clock, self.workers, self.settings = store, clock, workers, settings
        self.changed = asyncio.Event()
        self.commits = Committer(store, self._group_written, self._begin_again, self.changed.set)
        self.alarm = Alarm(store, clock, self._timer_due)
        self._oversized: dict[int, int] = {}  # instances that could not be written for their size, and how often in a row
        self._ticks = itertools.count(-1, -1)  # numbers of messages that are not in the table
        patience = 0.0 if clock.virtual else PATIENCE
        self._seats = Seats(settings.most_active, settings.most_seated, patience, self._sit_down, self._leave)
        workers.attach(self._receive, self._worker_lost, self.changed.set)
        self._forget()
        self._take_up()

    def _forget(self) -> None:
        self._mail: dict[int, list[Arrival]] = {}  # for instances without a seat
        self._stored_mail: set[int] = set()  # the same, to be read from the file
        self._draining: dict[int, int] = {}  # instances of a lost worker: episodes still on their way to the disk
        self._held: set[int] = set()  # instances that are being rewound
        self._losses: dict[int, Loss] = {}
        self._newborn: dict[int, tuple[str, str, str | None]] = {}  # not on disk yet: n -> id, name, output
        self._ids: dict[str, int] = {}  # of newborn instances
        self._vanished: set[str] = set()  # ids whose deletion is not on disk yet

    def _take_up(self) -> None:
        """Go on with what is under way by the file."""
        n, seq = self.store.last_numbers()
        self._numbers, self._seqs = itertools.count(n + 1), itertools.count(seq + 1)
        for each in self.store.under_way():
            self._stored_mail.add(each)
            self._knock(each)
        self.alarm.forget()

    def _begin_again(self, too_large: Iterable[int] = ()) -> None:
        """A commit failed, and the file can be written again: what was not on disk never happened.

        `too_large`: instances that cannot be written. Their activities have failed; if that does not help, they fail themselves.
        """
        self._seats.clear()
        self._forget()
        for n in too_large:
            self._oversized[n] = self._oversized.get(n, 0) + 1
            self._losses[n] = Loss(wording.TOO_LARGE, self._oversized[n])
        self._take_up()
        self.changed.set()

    async def close(self) -> None:
        """Write what has come in. What runs is abandoned, and runs again at the next start."""
        self.alarm.stop()
        self._seats.close()
        await self.commits.close()

    def quiet(self) -> bool:
        """Is nothing left to do at the present time? Raises StoreFailed."""
        self.commits.check()
        if not self.commits.idle or self._seats.crowded or self._draining or self._held or self.alarm.overdue():
            return False
        running = 0
        for seat in self._seats.all():
            if seat.unanswered or seat.uncommitted or seat.fresh:
                return False
            running += seat.running
        return self.workers.quiet(running)

    def find(self, instance: str) -> Row | None:
        """The instance with this id, those not yet on disk included."""
        if instance in self._ids:
            n = self._ids[instance]
            at = microseconds(self.clock.now())
            _, name, output = self._newborn[n]
            return Row(n, instance, name, "Pending", at, at, None, None, output, None)
        return None if instance in self._vanished else self.store.find(instance)

    def begin(self, instance: str, name: str, given: str | None, event: str, at: datetime, output: str | None = None) -> None:
        """A new orchestration, in place of whatever had its id. `output`: what is told until it has one of its own."""
        old = self.find(instance)
        later = [text for text in self.delete(old) if text != event] if old else []
        n = self._born(instance, name, given, at, output)
        self.post(n, event)
        for place, text in enumerate(later, 1):  # other starts that are on their way
            self._post_later(n, text, microseconds(at + place * ONE_BEHIND_THE_OTHER))

    def entity(self, instance: str) -> int:
        """The number of an entity; one that nobody has touched yet is made."""
        found = self.find(instance)
        return found.n if found else self._born(instance, instance[: instance.index("@", 1)], None, self.clock.now())

    def _born(self, instance: str, name: str, given: str | None, at: datetime, output: str | None = None) -> int:
        n = next(self._numbers)
        self.commits.group.born[n] = (instance, name, microseconds(at), given, output)
        self._newborn[n], self._ids[instance] = (instance, name, output), n
        self._vanished.discard(instance)
        return n

    def delete(self, row: Row) -> Sequence[str]:
        """Remove an instance and all that is on its way to it. Answers what timers would have brought it."""
        n = row.n
        later = self.store.for_later(n)
        self._ids.pop(row.id, None)
        self._newborn.pop(n, None)
        self._vanished.add(row.id)
        self._mail.pop(n, None)
        self._stored_mail.discard(n)
        self._draining.pop(n, None)
        self._seats.free(n)
        self.commits.group.forget(n, ended=row.status in ENDED and not later)
        self.commits.soon()
        return later

    def rewind(self, row: Row, event: str) -> None:
        """Rewrite the history of an instance and of its failed children. They are held until that is on disk."""
        if row.n in self._held:
            return  # it is on its way already
        seat = self._seats.of(row.n)
        if seat and seat.unanswered:
            self._mail.setdefault(row.n, []).extend(seat.unanswered.values())
        episodes = self.store.episodes(row.n)
        struck = rewinding.strike([events for _, events in episodes])
        self._seats.free(row.n)
        self._held.add(row.n)
        self.commits.group.rewound[row.n] = [(k, events) for (k, _), events in zip(episodes, struck.rows, strict=True)]
        self.commits.soon()
        if not struck.failed_children:
            self.commits.group.messages[next(self._seqs)] = (row.n, event, "", False)
            self._stored_mail.add(row.n)
        for child in map(self.store.find, struck.failed_children):
            if child:
                self.rewind(child, event)

    def post(self, n: int, event: str, execution: str = "") -> None:
        """A message for an instance: into the group, and on to the worker, who can begin while it is being written."""
        seq = next(self._seqs)
        self.commits.group.messages[seq] = (n, event, execution, False)
        faults.point("message posted")
        self._hand_over(n, Arrival(seq, event, execution))
        if self._seats.of(n):
            self.commits.shortly()
        else:
            self.commits.soon()

    def _post_later(self, n: int, event: str, due: int) -> None:
        """A message that a timer will bring: it is known by its negative seq."""
        seq = next(self._seqs)
        self.commits.group.messages[seq] = (n, event, "", True)
        self.commits.group.timers[due, n, -seq] = None
        self.commits.soon()

    def _send(self, send: Send) -> None:
        """What an episode sends to another instance; nobody there: it is dropped, as the real engine drops it."""
        found = self.find(send.instance)
        if send.kind == "start":
            if found and send.due > microseconds(self.clock.now()):
                self._post_later(found.n, send.text, send.due)
            elif found and found.status == "Pending":
                self.post(found.n, send.text)  # it is let run once before it is replaced
            else:
                kept = found.output if found else None  # a child's row is written over the old one, column by column
                self.begin(send.instance, send.name, h.parse([send.text])[0]["Input"], send.text, self.clock.now(), kept)
        elif send.instance.startswith("@") and (found is None or is_entity(found.id, found.name)):
            n = self.entity(send.instance)
            if send.due > microseconds(self.clock.now()):
                self._post_later(n, send.text, send.due)
            else:
                self.post(n, send.text)
        elif found:
            self.post(found.n, send.text, send.execution)

    def _timer_due(self, key: Key) -> None:
        due, n, number = key
        text = self.store.message(-number) if number < 0 else None
        if text is None:
            self._hand_over(n, Arrival(next(self._ticks), "", "", (due, number)))
        else:
            self._hand_over(n, Arrival(-number, text, "", (due, number)))
        faults.point("timer rung")
        self.changed.set()

    def _hand_over(self, n: int, arrival: Arrival) -> None:
        seat = self._seats.of(n)
        if seat:
            self._seats.wake(n)
            seat.unanswered[arrival.seq] = arrival
            self.workers.send(seat.worker, Deliver(n, [arrival]))
        else:
            self._mail.setdefault(n, []).append(arrival)
            self._knock(n)

    def _knock(self, n: int) -> None:
        """There is something to do for an instance without a seat."""
        if n not in self._draining and n not in self._held:
            self._seats.ask(n)

    def _sit_down(self, n: int) -> None:
        load = self._load(n)
        arrivals = self._collect_mail(n)
        if load is None:  # purged meanwhile: what came for it goes with it
            self._drop(n, arrivals)
            return
        if not self._takes(load, arrivals):
            if self.settings.version_failure.lower() != "fail":
                self._mail[n] = arrivals  # it waits for a host of its version
                self.alarm.put_off((arrival.timer[0], n, arrival.timer[1]) for arrival in arrivals if arrival.timer)
                return
            load = load._replace(refused=True)
        if not (arrivals or load.fresh or load.running):
            return
        seat = Seat(self.workers.place(n), {arrival.seq: arrival for arrival in arrivals}, load.running, fresh=load.fresh)
        self._seats.take(n, seat)
        self.workers.send(seat.worker, load._replace(seat=seat.number))
        if arrivals:
            self.workers.send(seat.worker, Deliver(n, arrivals))

    def _load(self, n: int) -> Load | None:
        loss, version = self._losses.get(n) or Loss(), self.settings.default_version
        if n in self._newborn:
            instance, name, output = self._newborn[n]
            return Load(n, instance, name, output=output, lost=loss.how, strikes=loss.strikes, default_version=version)
        found = self.store.load(n)
        if found is None:
            return None
        instance, name, status, k, running, fresh, custom, output, given = found
        rows = self.store.history(n)
        events, tasks = [row[0] for row in rows], [row[1] for row in rows]
        state = given if is_entity(instance, name) else None
        return Load(
            n, instance, name, k, events, tasks, status, custom, output, running, bool(fresh),
            loss.how, loss.strikes, frozenset(loss.unstarted), state, version,
        )  # fmt: skip

    def _takes(self, load: Load, arrivals: Sequence[Arrival]) -> bool:
        """Is the instance of a version that this host runs? One that has not begun can be terminated, whatever its version."""
        own, strategy = self.settings.default_version, self.settings.version_match
        if strategy.lower() == versions.NONE or is_entity(load.instance, load.name) or load.status in ENDED:
            return True
        came = [each.event for each in arrivals if each.event]
        first = load.rows[0] if load.rows else "".join(came[:1])
        version = next((event["Version"] or "" for event in h.parse([first]) if event["EventType"] == h.EXECUTION_STARTED), "")
        if versions.taken(version, own, strategy):
            return True
        return load.status == "Pending" and any(event["EventType"] == h.EXECUTION_TERMINATED for event in h.parse(came))

    def _collect_mail(self, n: int) -> list[Arrival]:
        arrivals = self._mail.pop(n, [])
        if n in self._stored_mail:
            self._stored_mail.discard(n)
            known = {arrival.seq for arrival in arrivals}
            stored = [Arrival(seq, event, execution) for seq, event, execution in self.store.messages_of(n) if seq not in known]
            arrivals = stored + arrivals
        return arrivals

    def _leave_on_disk(self, messages: Mapping[int, tuple[int, str, str, bool]]) -> None:
        """Mail for instances that wait for a seat needs no memory once it is on disk. What is left there is older than what is kept."""
        for n in {n for n, *_ in messages.values() if self._seats.waits(n)} & self._mail.keys():
            self._stored_mail.add(n)
            kept = list(itertools.dropwhile(lambda arrival: arrival.seq in messages, self._mail[n]))
            if kept:
                self._mail[n] = kept
            else:
                del self._mail[n]

    def _drop(self, n: int, arrivals: Iterable[Arrival]) -> None:
        for arrival in arrivals:
            if arrival.timer:
                self._timer_taken((arrival.timer[0], n, arrival.timer[1]))
            self._taken(arrival.seq)
        self.commits.soon()

    def _leave(self, n: int, seat: Seat) -> None:
        self.workers.send(seat.worker, Unload(n))

    def _worker_lost(self, worker: int, why: str, running: frozenset[int]) -> None:
        """A worker died: its instances are loaded again elsewhere, once what they had written is on disk."""
        for n, seat in self._seats.lose(worker):
            if seat.rests:
                continue
            if why:
                strikes = self._losses[n].strikes if n in self._losses else 0
                self._losses[n] = Loss(why, strikes + (n in running))
            self._mail[n] = list(seat.unanswered.values()) + self._mail.get(n, [])
            if seat.uncommitted:
                self._draining[n] = seat.uncommitted
            else:
                self._knock(n)
        self.changed.set()

    def _receive(self, worker: int, message: Any) -> None:
        if type(message) is Episode and not self.commits.failure:
            self._take(message)
        elif type(message) is Send and not self.commits.failure:
            self._send(message)
        self.changed.set()

    def _take(self, episode: Episode) -> None:
        """An episode has run: into the group with it, and with all that follows from it."""
        n, group = episode.n, self.commits.group
        seat = self._seats.of(n)
        if seat is None or seat.number != episode.seat:  # it was run for a seat that was taken away meanwhile
            return
        for seq in episode.seqs:
            seat.unanswered.pop(seq, None)
            self._taken(seq)
        for due, number in (*episode.fired, *episode.timers_gone):
            self._timer_taken((due, n, number))
        group.timers.update({(due, n, number): None for due, number in episode.timers})
        seat.running, seat.fresh = episode.running, episode.fresh
        self._losses.pop(n, None)
        if episode.ran:
            group.episodes.append(episode)
            seat.uncommitted += 1
        elif seat.rests:
            self._seats.rest(n)
        for send in episode.sends:
            if send.kind != "start":
                self._send(send)
        children = [send for send in reversed(episode.sends) if send.kind == "start"]  # the real engine starts the last one first
        if children:
            self.alarm.ring_due((due, n, number) for due, number in episode.timers)  # before a child may have ended
        for send in children:
            self._send(send)
        self.commits.soon()
        faults.point("episode received")

    def _taken(self, seq: int) -> None:
        """A message is done with: it leaves the group, or the table."""
        if seq > 0 and self.commits.group.messages.pop(seq, None) is None:
            self.commits.group.taken.append(seq)

    def _timer_taken(self, key: Key) -> None:
        if key in self.commits.group.timers:
            del self.commits.group.timers[key]
            self.alarm.gone((key,))
        else:
            self.commits.group.timers_gone.append(key)

    def _group_written(self, group: Group) -> None:
        """A group is on disk: start what it asks for, let rest what rests."""
        for n, (instance, *_) in group.born.items():
            self._newborn.pop(n, None)
            if self._ids.get(instance) == n:
                del self._ids[instance]
        if not self.commits.group.gone:
            self._vanished.clear()
        self._leave_on_disk(group.messages)
        for n in group.rewound:
            self._held.discard(n)
            if n in self._stored_mail or n in self._mail:
                self._knock(n)
        if group.timers or group.timers_gone or group.gone:
            self.alarm.gone(group.timers_gone)  # not before: what is in the file and does not ring is rung
            self.alarm.look()
            self.alarm.ring_overdue()  # a timer that was due when it was made comes before what activities of its episode give
        for episode in group.episodes:
            self._episode_written(episode)
        self.changed.set()

    def _episode_written(self, episode: Episode) -> None:
        n = episode.n
        self._oversized.pop(n, None)
        seat = self._seats.of(n)
        if n in self._draining:
            self._losses[n].unstarted.update(episode.activities())
            self._draining[n] -= 1
            if not self._draining[n]:
                del self._draining[n]
                self._knock(n)
        elif seat:
            seat.uncommitted -= 1
            if episode.tasks is not None:
                self.workers.send(seat.worker, Committed(n, episode.number))
            if seat.rests:
                self._seats.rest(n)
