"""Where an instance stands, and why: a replay that is watched, for the pages. Pure: nothing is scheduled, nothing written.

An episode keeps what it needs to go on; somebody who looks wants to know more: which of what was asked for has come, since when the
rest is waited for, what Python has asked for behind the engine's back, what keeps an ended function from ending.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from standalone.contracts import Asked, Place, Whereabouts
from standalone.engine import history as h
from standalone.engine.decisions import Answer, Decision, Known, Outcome
from standalone.engine.descriptions import http_request
from standalone.engine.orchestration import REQUEST
from standalone.engine.replay import Replay
from standalone.engine.tasks import Awaited

KINDS = {
    0: "activity", 1: "activity", 2: "child", 3: "child", 4: "renewal", 5: "timer", 6: "event", 7: "entity", 8: "http", 9: "signal",
    10: "signal", 11: "any", 12: "all",
}  # fmt: skip
"""What the action types of the SDK ask for."""

Action = Mapping[str, Any]

Places = Mapping[int, tuple[Place, datetime]]
"""Where and when actions were asked for, by the ids of their dicts."""


class Wanted(NamedTuple):
    """What Python waits for: an action, whether it has come for Python, and what it consists of."""

    action: Action
    done: bool
    parts: Sequence["Wanted"] = ()


def whereabouts(
    history: Sequence[h.Event], answer: Answer, known: Known, *, place: Place, places: Places, wanted: Wanted | None, ended: bool
) -> Whereabouts:
    """Where the instance of `history` stands, by `answer`: what its function said of the whole history.

    `place`: where Python is; `places`: where and when it asked for its actions; `wanted`: what it waits for.
    """
    watched = _Watched(answer, known, places)
    outcome = watched.run(history)
    differs = "" if ended else _difference(outcome)
    if outcome.played < len(history):  # what the code does now is not what led here: its lines would mislead
        return Whereabouts(watched.python(), answer.broken or "", differs=differs)
    raised = Counter(event["Name"] for event in history if event["EventType"] == h.EVENT_RAISED and not REQUEST.fullmatch(event["Name"]))
    found = watched.whereabouts(place, wanted)
    return replace(found, differs=differs, unclaimed=list(raised - watched.names_asked_for()))


def _difference(outcome: Outcome) -> str:
    """What the code does now that the history has not: it ran to the end of an episode, which leaves nothing to do."""
    if outcome.ending is not None:
        return f"end as {outcome.ending.status}" + (f": {outcome.ending.result}" if outcome.ending.result else "")
    if outcome.decisions:
        return "schedule " + ", ".join(f"{_KINDS_OF_DECISIONS[each.kind]} {each.name}".strip() for each in outcome.decisions)
    return ""


_KINDS_OF_DECISIONS = {"activity": "the activity", "timer": "a timer", "child": "the sub-orchestration", "send": "a message to an entity"}


class _Watched(Replay):
    """A replay that knows, for each action, what it scheduled, since when, and when it was done."""

    def __init__(self, answer: Answer, known: Known, places: Places) -> None:
        super().__init__(answer, known)
        self.places = places
        self.at: datetime | None = None  # of the event that is gone through
        self.action: Action | None = None  # that is being done
        self.tasks: dict[int, Awaited] = {}  # by the action's id
        self.done_at: dict[int, datetime | None] = {}
        self.made_by: dict[int, Action | None] = {}  # by the number of what was scheduled
        self.numbers: dict[int, list[int]] = defaultdict(list)  # the other way, by the action's id
        self.scheduled: dict[int, Decision] = {}

    def process(self, event: h.Event) -> None:
        self.at = h.instant(event["Timestamp"])
        super().process(event)

    def invoke(self, action: Action) -> Awaited:
        outer, self.action = self.action, action
        try:
            task = super().invoke(action)
        finally:
            self.action = outer
        self.tasks[id(action)] = task
        task.then(lambda _: self.done_at.update({id(action): self.at}))
        return task

    def schedule(self, decision: Decision) -> Awaited:
        self.scheduled[decision.number] = decision
        self.note(decision.number, self.action)
        return super().schedule(decision)

    def ask_entity(self, action: Action, *, signal: bool, due: str | None) -> str:
        request = super().ask_entity(action, signal=signal, due=due)
        self.note(self.counter - 1, action)
        return request

    def note(self, number: int, action: Action | None) -> None:
        """Keep in mind what made a number."""
        self.made_by[number] = action
        self.numbers[id(action)].append(number)

    def close(self, number: int, result: Any, *, failed: bool = False) -> None:
        self.action = self.made_by.get(number)  # a retry schedules its next attempt here
        super().close(number, result, failed=failed)
        self.action = None

    def whereabouts(self, place: Place, wanted: Wanted | None) -> Whereabouts:
        """What can be told at the end of the history."""
        top = [action for group in self.groups for action in group]
        came_to = [action for group in self.groups[: self.position] for action in group]
        here = self.groups[self.position - 1] if self.position and self.awaiting and not self.awaiting.done else ()
        python = self.python()
        awaited = [self.asked(action) for action in here]
        numbers = {number for each in awaited for number in _numbers(each)}
        return Whereabouts(
            python,
            str(self.answer.state.get("error") or "") if python == "raised" else "",
            place,
            wanted=self.wanted(wanted) if python in ("waits", "ahead") and wanted else None,
            awaited=awaited,
            behind=[self.asked(action) for action in top[len(came_to) :]],
            left_open=[self.left_open(number) for number in sorted(self.open) if number not in numbers],
            asked=[each for action in came_to for each in _flat(self.asked(action))],
        )

    def names_asked_for(self) -> Counter[str]:
        """The events that were asked for, and how often; the case counts, as it does in Python."""
        asked = (each for group in self.groups for action in group for each in _flat(self.asked(action)))
        return Counter(each.name for each in asked if each.kind == "event")

    def asked(self, action: Action) -> Asked:
        """An action, as it stands."""
        kind, key = KINDS.get(action["actionType"], ""), id(action)
        task = self.tasks.get(key)
        mine = self.numbers.get(key, [])
        decisions = [self.scheduled[number] for number in mine if number in self.scheduled]
        still = [each for each in decisions if each.number in self.open]
        due = h.instant(action["fireAt"]) if "fireAt" in action else still[0].fire_at if still else None
        place, since = self.places.get(key, ((), None))
        return Asked(
            kind,
            name_of(action),
            place,
            instance=action.get("instanceId") or next((each.instance for each in decisions if each.instance), ""),
            since=since,
            until=self.done_at.get(key),
            due=due,
            attempts=sum(each.kind != "timer" for each in decisions),
            done=task is not None and task.done and not action.get("isCanceled"),
            cancelled=bool(action.get("isCanceled")),
            numbers=mine,
            parts=[self.asked(part) for part in action.get("compoundActions", ())],
        )

    def wanted(self, wanted: Wanted) -> Asked:
        """What Python waits for, as it stands for Python."""
        return replace(self.asked(wanted.action), done=wanted.done, parts=[self.wanted(part) for part in wanted.parts])

    def left_open(self, number: int) -> Asked:
        """What is open under a number."""
        action = self.made_by[number]
        assert action is not None
        return self.asked(action)


def name_of(action: Action) -> str:
    """What an action calls by name."""
    if action["actionType"] == 8:
        return http_request(action)
    if action["actionType"] in (7, 9, 10):
        return str(action["operation"])
    return str(action.get("functionName") or action.get("externalEventName") or "")


def _flat(asked: Asked) -> Sequence[Asked]:
    """It, and all its parts."""
    return [asked, *(each for part in asked.parts for each in _flat(part))]


def _numbers(asked: Asked) -> Sequence[int]:
    return [number for each in _flat(asked) for number in each.numbers]
