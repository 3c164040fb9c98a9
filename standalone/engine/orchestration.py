"""One loaded orchestration: what arrives for it becomes episodes.

All that has arrived is one episode: OrchestratorStarted, the messages in their order, a call of the function with the whole history,
the extension's replay, an event for each thing newly scheduled, OrchestratorCompleted. Pure but for the call of the function.
"""

import json
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from standalone.engine import history as h
from standalone.engine import wording
from standalone.engine.decisions import Answer, Decision, Ending, Known, Outcome
from standalone.engine.messages import Arrival, Episode, Load, Send
from standalone.engine.replay import HTTP_ACTIVITY, Replayer
from standalone.engine.trigger import Trigger

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OF_CHILDREN = frozenset({h.CHILD_COMPLETED, h.CHILD_FAILED})
REQUEST = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # an entity's answer bears the name of its request
RESULTS = OF_CHILDREN | {h.TASK_COMPLETED, h.TASK_FAILED}
ENDED = frozenset({"Completed", "Failed", "Terminated"})
STATUS_NUMBERS = {
    "Running": 0,
    "Completed": 1,
    "ContinuedAsNew": 2,
    "Failed": 3,
    "Canceled": 4,
    "Terminated": 5,
    "Pending": 6,
    "Suspended": 7,
}


def microseconds(instant: datetime) -> int:
    """Since 1970: how instants are kept in the file."""
    return (instant - EPOCH) // timedelta(microseconds=1)


COMES_BACK = timedelta(seconds=1.999)  # when a message is looked at again whose episode could not be written: before what that led to
ONE_BEHIND_THE_OTHER = timedelta(milliseconds=200)  # between two executions of one id
MOST_STRIKES = 3  # workers that may die in an instance's episodes before it is the instance that fails


class Activity(NamedTuple):
    """An activity to run: its number in the execution, its name, its input as the action has it."""

    number: int
    name: str
    input: str | None


def _is_result(event: h.Event) -> bool:
    """Is it what a task of this orchestration gave? An entity's answer is an event under the name of its request."""
    return event["EventType"] in RESULTS or (event["EventType"] == h.EVENT_RAISED and bool(REQUEST.fullmatch(event["Name"])))


class Orchestration:
    """An orchestration's history and what has arrived since."""

    def __init__(self, load: Load, known: Known, call: Callable[[str, Trigger], Answer]) -> None:
        self.n, self.seat, self.instance, self.name = load.n, load.seat, load.instance, load.name
        self.replayer = Replayer(known)
        self.known, self.call, self.default_version = known, call, load.default_version
        self.refused = load.refused
        self.deadly = wording.deadly(load.lost, load.strikes) if load.strikes >= MOST_STRIKES else ""
        self.episodes, self.fresh = load.episodes, load.fresh
        self.slept: set[int] = set()  # activities that the clock was moved for
        self.status, self.custom, self.output = load.status, load.custom, load.output
        self.told = load.status  # what the file has, once all that was told is written
        self.events = h.parse(load.rows)
        if load.fresh:
            self.events[1]["IsPlayed"] = self.events[-1]["IsPlayed"] = False
        self.read: list[Any] = []  # what the function's side makes of the events
        self.execution = ""
        self.parent: dict[str, object] | None = None
        self.tags: dict[str, str] | None = None
        self.scheduled: dict[int, Activity] = {}
        self.timers: dict[int, int] = {}  # number -> due, not fired yet
        self.inbox: list[h.Event] = []
        self.disordered = False
        self.begun = ""  # the stamp of our start
        self.successors: list[h.Event] = []  # starts of the same id that came after ours
        self.attempts: list[Orchestration] = []  # their first episodes, whose history is lost
        self.lost_history = False
        self.seqs: list[int] = []
        self.fired: list[tuple[int, int]] = []
        self._take_up(load)

    def _take_up(self, load: Load) -> None:
        """What the stored history leaves open."""
        scheduled = {event["EventId"] for event in self.events if event["EventType"] == h.TASK_SCHEDULED}
        for row in load.tasks:
            if row:
                stored = json.loads(row)
                self.scheduled |= {
                    number: Activity(number, name, given) for number, name, given in stored["activities"] if number in scheduled
                }
                self.timers |= dict(stored["timers"])
        for event in self.events:
            self._note(event)

    def _note(self, event: h.Event) -> None:
        """Keep track of what is open, and of who we are."""
        kind = event["EventType"]
        if kind == h.EXECUTION_STARTED:
            self.execution, self.begun = event["OrchestrationInstance"]["ExecutionId"], event["Timestamp"]
            parent, self.tags = event.get("ParentInstance"), event["Tags"]
            self.parent = parent and {**parent["OrchestrationInstance"], "task": parent["TaskScheduleId"]}
        elif kind in (h.TASK_COMPLETED, h.TASK_FAILED):
            self.scheduled.pop(event["TaskScheduledId"], None)
        elif kind == h.TIMER_FIRED:
            self.timers.pop(event["TimerId"], None)

    @property
    def has_news(self) -> bool:
        """Is there something to run an episode for, or to be dropped?"""
        return bool(self.inbox or self.seqs or self.fired or self.fresh)

    @property
    def ended(self) -> bool:
        """Has it ended?"""
        return self.status in ENDED

    def unfinished(self) -> Sequence[Activity]:
        """The activities that are scheduled and not answered."""
        return list(self.scheduled.values())

    def receive(self, arrival: Arrival) -> None:
        """Take a message in; what is meant for an execution that is over is dropped, as is all that comes after the end."""
        self.seqs.append(arrival.seq)
        if arrival.timer is not None:
            self.fired.append(arrival.timer)
        if arrival.timer is not None and not arrival.event:
            if not self.ended and self.timers.get(arrival.timer[1]) == arrival.timer[0]:
                self._timer_fired(arrival.timer[1])
            return
        if not arrival.event:
            return
        event = json.loads(arrival.event)
        if event["EventType"] == h.EXECUTION_STARTED:
            (self.successors if self.execution else self.inbox).append(event)
            self.execution = self.execution or event["OrchestrationInstance"]["ExecutionId"]
        elif not self.ended and arrival.execution in ("", self.execution):
            self._append_to_inbox(event)

    def _timer_fired(self, number: int) -> None:
        created = next(each for each in self.events if each["EventType"] == h.TIMER_CREATED and each["EventId"] == number)
        self._append_to_inbox(h.event(h.TIMER_FIRED, created["Timestamp"], TimerId=number, FireAt=created["FireAt"]))

    def _append_to_inbox(self, event: h.Event) -> None:
        if self.disordered and not _is_result(event):
            self._put_in_order()
        self.inbox.append(event)

    def answered(self, number: int, result: str | None, at: datetime) -> None:
        """An activity gave `result`, JSON text."""
        if not self.ended and number in self.scheduled:
            self.inbox.append(h.event(h.TASK_COMPLETED, h.stamp(at), TaskScheduledId=number, Result=result))

    def failed(self, number: int, message: str, stack: str, at: datetime) -> None:
        """An activity failed. `stack`: of the extension's own, the failure's details."""
        if self.ended or number not in self.scheduled:
            return
        name = self.scheduled[number].name
        if name == HTTP_ACTIVITY:  # the extension's own: what went wrong stands there alone
            reason, details = message, stack or wording.unhandled_in_task("System.Exception", message)
        else:
            reason, details = wording.activity_failed(name, message), wording.activity_details(message, stack)
        event = h.event(h.TASK_FAILED, h.stamp(at), TaskScheduledId=number, Reason=reason, Details=details, FailureDetails=None)
        self.inbox.append(event)

    def in_order(self) -> None:
        """The results that came last are of one instant: they are to be in a fixed order, the real engine's as a rule."""
        self.disordered = True  # once for all of them, when it matters: thousands may come

    def _put_in_order(self) -> None:
        self.disordered = False
        place = len(self.inbox)
        while place and _is_result(self.inbox[place - 1]):
            place -= 1
        self.inbox[place:] = sorted(self.inbox[place:], key=self._rank)

    def _rank(self, result: h.Event) -> tuple[int, int]:
        """Activities that slept, the last one first; others as they were scheduled; entities; children, the last one first."""
        if result["EventType"] == h.EVENT_RAISED:
            return 2, 0
        number: int = result["TaskScheduledId"]
        if result["EventType"] in OF_CHILDREN:
            return 3, -number
        return (0, -number) if number in self.slept else (1, number)

    def only_results(self) -> bool:
        """Is all that has come results of tasks?"""
        return bool(self.inbox) and all(map(_is_result, self.inbox))

    def run(self, now: datetime) -> Episode:
        """Run an episode on all that has arrived. Only when there `has_news`."""
        seqs, fired, self.seqs, self.fired = self.seqs, self.fired, [], []
        if self.disordered:
            self._put_in_order()
        arrived, self.inbox = self.inbox, []
        if self.ended or not (arrived or self.fresh):
            return self._episode(now, seqs, fired)
        at = h.stamp(now)
        new = [] if self.fresh else [h.event(h.ORCHESTRATOR_STARTED, at), *arrived]
        if self.fresh:
            self.inbox = arrived  # a generation's first episode has its events already
        begins = len(self.events)
        unplayed = 0 if self.fresh else begins
        kept, self.fresh = self.custom if self.fresh else None, False
        for event in new:
            self._note(event)
        self.events += new
        outcome = self._refusal(begins) if self.refused else self.replayer.replay(self.events, self.ask())
        for place in range(unplayed, outcome.played):
            if self.events[place]["EventType"] != h.ORCHESTRATOR_STARTED:
                self.events[place]["IsPlayed"] = True
        renews = outcome.ending is not None and outcome.ending.status == "ContinuedAsNew"
        self.custom = outcome.custom_status if renews else outcome.custom_status or kept  # kept for a new execution's first episode
        return self._write(now, seqs, fired, begins, outcome)

    def _refusal(self, number: int) -> Outcome:
        """The end of an orchestration whose version is not run here."""
        return Outcome([], Ending(number, "Failed", wording.VERSION_REFUSED), None, 0)

    def ask(self) -> Answer:
        """Call the function with the whole history, or tell that there is none."""
        started = next(each for each in self.events if each["EventType"] == h.EXECUTION_STARTED)
        name = started["Name"]
        if self.deadly:
            return Answer(broken=self.deadly)
        if name.casefold() not in self.known.orchestrators:
            return Answer(broken=wording.unknown_function(name, "orchestrator", self.known.orchestrators.values()))
        return self.call(name, self.trigger(started))

    def trigger(self, started: h.Event) -> Trigger:
        """What the extension gives the function."""
        parent = None if self.parent is None else str(self.parent["InstanceId"])
        source = None if parent else (self.tags or {}).get(h.SOURCE)
        given = started["Input"] or "null"
        return Trigger(self.events, given, self.instance, parent, self.read, replaying=started["IsPlayed"], source=source)

    def _write(self, now: datetime, seqs: list[int], fired: list[tuple[int, int]], begins: int, outcome: Outcome) -> Episode:
        """Turn the outcome into history and into what is to be done."""
        at = h.stamp(now)
        timers: list[tuple[int, int]] = []
        activities: list[Activity] = []
        sends: list[Send] = []
        for decision in outcome.decisions:
            self.events.append(self._scheduled(decision, at))
            if decision.kind == "activity":
                activities.append(Activity(decision.number, decision.name, decision.input))
            elif decision.kind == "timer":
                timers.append((self._due(decision, now), decision.number))
            else:
                sends.append(self._send(decision, at))
        renews, output = outcome.ending is not None and outcome.ending.status == "ContinuedAsNew", self.output
        self._status(begins)
        if renews:
            self.output = output  # what it goes on with is written without a reason, also when it was just resumed
        given = None
        if outcome.ending is not None:
            sends += self._end(outcome.ending, at)
            given = outcome.ending.result if renews else None
        if not renews and self.events[-1]["EventType"] != h.ORCHESTRATOR_COMPLETED:
            self.events.append(h.event(h.ORCHESTRATOR_COMPLETED, at))
        self.scheduled |= {each.number: each for each in activities}
        self.timers |= {number: due for due, number in timers}
        tasks = (
            json.dumps({"activities": activities, "timers": [(number, due) for due, number in timers]}) if activities or timers else None
        )
        events = h.texts([self.events[0], *({**each, "IsPlayed": True} for each in self.events[1:])] if renews else self.events[begins:])
        stands = {"python": outcome.python, "engine": outcome.waits, "events": outcome.events}
        waits = json.dumps(stands) if outcome.waits else None
        return self._episode(
            now, seqs, fired, events=events, tasks=tasks, timers=timers, sends=sends, waits=waits, renews=renews, input=given
        )

    def _episode(self, now: datetime, seqs: list[int], fired: list[tuple[int, int]], **written: Any) -> Episode:
        """An episode as it is told to the main process; `written`: what only one that has run tells of."""
        ran = bool(written)
        self.episodes += ran
        sends = [*written.pop("sends", ()), *self._succeed(now)]
        gone: list[tuple[int, int]] = []
        if self.ended or written.get("renews"):
            gone = [(due, number) for number, due in self.timers.items()]
            self.timers, self.scheduled = {}, {}
            written |= {"timers": (), "tasks": None}
        before, self.told = self.told, self.status
        return Episode(
            self.n, self.seat, self.episodes, seqs, fired, microseconds(now), ran, before, self.status, self.custom, self.output,
            running=len(self.scheduled), timers_gone=gone, sends=sends, fresh=self.fresh, **written,
        )  # fmt: skip

    def _scheduled(self, decision: Decision, at: str) -> h.Event:
        number = decision.number
        if decision.kind == "activity":
            return h.event(h.TASK_SCHEDULED, at, number, Name=decision.name, Version="", Input=None)
        if decision.kind == "timer":
            assert decision.fire_at is not None
            return h.event(h.TIMER_CREATED, at, number, FireAt=h.stamp(decision.fire_at))
        if decision.kind == "child":
            return h.event(
                h.CHILD_CREATED, at, number, Name=decision.name, Version=decision.version, InstanceId=decision.instance, Input=None
            )
        return h.event(h.EVENT_SENT, at, number, InstanceId=decision.instance, Name=decision.name, Input=decision.input)

    @staticmethod
    def _due(decision: Decision, now: datetime) -> int:
        """When a timer fires: after the whole seconds that are left, so up to a second early (durable.md A4)."""
        assert decision.fire_at is not None
        whole = (decision.fire_at - now) // timedelta(seconds=1)
        return microseconds(now + timedelta(seconds=max(whole, 0)))

    def _send(self, decision: Decision, at: str) -> Send:
        if decision.kind == "child":
            parent = {"name": self.name, "instance": self.instance, "execution": self.execution, "task": decision.number}
            given = json.dumps(decision.input, ensure_ascii=False, separators=(",", ":")) if decision.input is not None else None
            version = decision.version or self.default_version or None
            started = h.execution_started(at, decision.name, given, decision.instance, uuid.uuid4().hex, version, parent, self.tags)
            return Send("start", decision.instance, h.text(started), name=decision.name)
        due = microseconds(decision.fire_at) if decision.fire_at else 0
        return Send("event", decision.instance, h.text(h.event(h.EVENT_RAISED, at, Name="op", Input=decision.input)), due=due)

    def _status(self, begins: int) -> None:
        """Running or suspended; the reason of either is the output until there is another. After a rewind: Pending until it ends."""
        for event in self.events[begins:]:
            if event["EventType"] == h.EXECUTION_STARTED:
                self.status = "Running"
            elif event["EventType"] == h.EXECUTION_SUSPENDED:
                self.status, self.output = "Suspended", self._reason(event)
            elif event["EventType"] == h.EXECUTION_RESUMED:
                self.status, self.output = "Running", self._reason(event)

    def _reason(self, event: h.Event) -> str | None:
        """The output while there is a reason to tell; without one it stays."""
        reason: str | None = event["Reason"]
        return self.output if reason is None else reason

    def _end(self, ending: Ending, at: str) -> list[Send]:
        if ending.status == "ContinuedAsNew":
            self._renew(ending, at)
            return []
        status = STATUS_NUMBERS[ending.status]
        self.events.append(
            h.event(h.EXECUTION_COMPLETED, at, ending.number, OrchestrationStatus=status, Result=ending.result, FailureDetails=None)
        )
        self.status, self.output = ending.status, ending.result
        if self.parent is None:
            return []
        task = self.parent["task"]
        if ending.status == "Completed":
            told = h.event(h.CHILD_COMPLETED, at, TaskScheduledId=task, Result=ending.result)
        else:
            reason = None if self.refused else ending.result
            told = h.event(h.CHILD_FAILED, at, TaskScheduledId=task, Reason=reason, Details=ending.details, FailureDetails=None)
        return [Send("event", str(self.parent["InstanceId"]), h.text(told), execution=str(self.parent["ExecutionId"]))]

    def _succeed(self, now: datetime) -> list[Send]:
        """Starts of our id put the new execution in our place. One that was sent together with ours does so two seconds late.

        It runs right behind us, but its history cannot be written, for ours is; what it sent and scheduled has been done by then
        (CompleteTaskOrchestrationWorkItemAsync in AzureStorageOrchestrationService.cs, AbandonMessageAsync in TaskHubQueue.cs).
        """
        sends: list[Send] = []
        for place, started in enumerate(self.successors, 1):
            age = now - h.instant(started["Timestamp"])
            due = now
            if started["Timestamp"] == self.begun and age < COMES_BACK:
                due += COMES_BACK if age >= ONE_BEHIND_THE_OTHER else place * ONE_BEHIND_THE_OTHER
                sends += self._attempt(started, now) if age >= ONE_BEHIND_THE_OTHER else ()
            sends.append(Send("start", self.instance, h.text(started), name=started["Name"], due=microseconds(due)))
        self.successors = []
        return sends

    def _attempt(self, started: h.Event, now: datetime) -> Sequence[Send]:
        """The first episode of another execution, of which only the effects remain."""
        load = Load(self.n, self.instance, started["Name"], default_version=self.default_version, refused=self.refused)
        attempt = Orchestration(load, self.known, self.call)
        attempt.receive(Arrival(0, h.text(started)))
        attempt.lost_history = True
        self.attempts.append(attempt)
        return attempt.run(now).sends

    def strayed(self) -> Sequence[Send]:
        """What activities gave whose scheduling was lost: for the same execution's next attempt, if that has begun."""
        results, self.inbox = self.inbox, []
        return [Send("event", self.instance, h.text(each), execution=self.execution) for each in results]

    def _renew(self, ending: Ending, at: str) -> None:
        """Begin a new execution: its first events are there before its first episode runs, those carried over among them."""
        started = next(each for each in self.events if each["EventType"] == h.EXECUTION_STARTED)
        begun = {
            **started, "IsPlayed": False, "Timestamp": at, "Input": ending.result,
            "OrchestrationInstance": {"InstanceId": self.instance, "ExecutionId": uuid.uuid4().hex},
        }  # fmt: skip
        carried = [{**each, "IsPlayed": True} for each in ending.carried]
        self.events = [h.event(h.ORCHESTRATOR_STARTED, at), begun, *carried, h.event(h.ORCHESTRATOR_COMPLETED, at)]
        self.read = []
        self.replayer = Replayer(self.known)
        self.execution = begun["OrchestrationInstance"]["ExecutionId"]
        if self.status == "Pending":  # since it was rewound
            self.status = "Running"
        self.fresh = True
