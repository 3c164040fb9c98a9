"""A replay that goes on from the episode before comes to the same as one from the start, whatever the function answers.

The recorded cases show it for functions that keep to the rules. Here the answers keep to none: the list of actions grows, shrinks, changes
in its middle, timers in it are cancelled, the custom status becomes too large; and events come, answers, suspensions, the end.
"""

import copy
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from standalone.engine import history as h
from standalone.engine.decisions import Answer, Known, Outcome
from standalone.engine.messages import Arrival, Load
from standalone.engine.orchestration import Orchestration
from standalone.engine.replay import Replayer, replay
from standalone.engine.trigger import Trigger

KNOWN = Known({"act": "act", "work": "work"}, {"main": "main", "child": "child"}, {"entity": "entity"})
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
POLL = '{"statusCode": 202, "headers": {"Location": "http://x", "Retry-After": "1"}}'
WORLDS = 300


class World:
    """An orchestration whose function answers at random, and what happens to it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = BEGINNING
        self.actions: list[dict[str, Any]] = []
        self.messages = 0
        self.orchestration = Orchestration(Load(1, "one", "main"), KNOWN, self.answer)

    def live(self) -> None:
        """From the start, over a dozen episodes at most."""
        self.arrive(h.execution_started(h.stamp(self.now), "main", None, "one", "e", "", None))
        for _ in range(self.random.randrange(2, 14)):
            self.now += timedelta(seconds=self.random.randrange(5))
            for _ in range(self.random.randrange(4)):
                self.random.choice([self.raise_event, self.raise_event, self.end_activity, self.fire, self.end_child, self.interfere])()
            if self.orchestration.has_news:
                self.orchestration.run(self.now)

    def answer(self, _name: str, _trigger: Trigger) -> Answer:
        """A list that has mostly grown, and sometimes what no SDK would give."""
        self.random.choice([self.grow, self.grow, self.grow, self.shrink, self.change, self.cancel])()
        odd = self.random.random()
        if odd < 0.02:
            return Answer(broken="One or more errors occurred.")
        state: dict[str, Any] = {"isDone": odd > 0.9, "actions": [copy.deepcopy(self.actions)], "schemaVersion": 3, "output": 1}
        if odd < 0.06:
            state["error"] = "boom"
        if odd < 0.03:
            state |= {"schemaVersion": 0}
        if self.random.random() < 0.3:
            state["customStatus"] = self.random.choice([None, 1, "x" * 9000, "y"])
        return Answer(state)

    def grow(self) -> None:
        self.actions = self.actions + [self.action() for _ in range(self.random.randrange(3))]

    def shrink(self) -> None:
        self.actions = self.actions[: self.random.randrange(len(self.actions) + 1)]

    def change(self) -> None:
        if self.actions:
            self.actions[self.random.randrange(len(self.actions))] = self.action()

    def cancel(self) -> None:
        for action in [each for outer in self.actions for each in (outer, *outer.get("compoundActions", ()))]:
            if action["actionType"] == 5 and self.random.random() < 0.5:
                action["isCanceled"] = not action["isCanceled"]

    def action(self, depth: int = 0) -> dict[str, Any]:
        """Of any type (durable.md C: the numbers)."""
        retries = {"firstRetryIntervalInMilliseconds": 1000, "maxNumberOfAttempts": self.random.randrange(1, 4)}
        fire_at = h.stamp(self.now + timedelta(seconds=self.random.randrange(9)))
        simple: list[dict[str, Any]] = [
            {"actionType": 0, "functionName": self.random.choice(["act", "work"]), "input": "1"},
            {"actionType": 5, "fireAt": fire_at, "isCanceled": self.random.random() < 0.3},
            {"actionType": 6, "externalEventName": self.random.choice(["x", "y", "X"])},
        ]
        others: list[dict[str, Any]] = [
            {"actionType": 1, "functionName": "act", "input": "1", "retryOptions": retries},
            {"actionType": 2, "functionName": "child", "input": 1, "instanceId": self.random.choice([None, "c", "@x"])},
            {"actionType": 3, "functionName": "child", "input": 1, "retryOptions": retries},
            {"actionType": 4, "input": 1},
            {"actionType": 7, "instanceId": "@entity@k", "operation": "do", "input": 1},
            {"actionType": 8, "httpRequest": {"method": "GET", "uri": "http://x"}},
            {"actionType": 9, "instanceId": "@entity@k", "operation": "do", "input": 1},
        ]
        if depth < 2 and self.random.random() < 0.3:
            parts = [self.action(depth + 1) for _ in range(self.random.randrange(1, 4))]
            return {"actionType": self.random.choice([11, 12]), "compoundActions": parts}
        return self.random.choice(simple if self.random.random() < 0.7 else others)

    def arrive(self, event: h.Event | None, timer: tuple[int, int] | None = None) -> None:
        self.messages += 1
        self.orchestration.receive(Arrival(self.messages, h.text(event) if event else "", "", timer))

    def raise_event(self) -> None:
        self.arrive(h.event(h.EVENT_RAISED, h.stamp(self.now), Name=self.random.choice(["x", "y", "Y"]), Input="1"))

    def end_activity(self) -> None:
        for number in self.random.sample(sorted(self.orchestration.scheduled), min(1, len(self.orchestration.scheduled))):
            if self.random.random() < 0.6:
                self.orchestration.answered(number, self.random.choice(["1", POLL]), self.now)
            else:
                self.orchestration.failed(number, "bad", "", self.now)

    def fire(self) -> None:
        for number, due in list(self.orchestration.timers.items())[:1]:
            self.arrive(None, (due, number))

    def end_child(self) -> None:
        children = [each["EventId"] for each in self.orchestration.events if each["EventType"] == h.CHILD_CREATED]
        for number in children[:1]:
            self.arrive(h.event(h.CHILD_COMPLETED, h.stamp(self.now), TaskScheduledId=number, Result="1"))

    def interfere(self) -> None:
        kind = self.random.choice(
            [h.EXECUTION_SUSPENDED, h.EXECUTION_SUSPENDED, h.EXECUTION_RESUMED, h.EXECUTION_RESUMED, h.EXECUTION_TERMINATED]
        )
        self.arrive(h.event(kind, h.stamp(self.now), Reason="why", Input="why"))


def test_whatever_is_answered_a_replay_that_goes_on_is_one_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is only a shorter way: were it ever another one, an instance would depend on whether it had been unloaded."""
    go_on = Replayer.replay
    went_on = 0

    def both_ways(replayer: Replayer, history: Sequence[h.Event], answer: Answer) -> Outcome:
        nonlocal went_on
        before = replayer._last
        outcome = go_on(replayer, history, answer)
        went_on += before is not None and before is replayer._last
        assert outcome == replay(history, answer, KNOWN)
        return outcome

    monkeypatch.setattr(Replayer, "replay", both_ways)
    for seed in range(WORLDS):
        World(seed).live()
    assert went_on > WORLDS / 2
