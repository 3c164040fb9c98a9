"""One loaded entity: operations that arrive become batches.

An entity is kept as an instance named `@name`, with the id `@name@key`, always Running; its state is the instance's input. It has no
history: an operation that has been done leaves the new state and an answer to whoever called. Requests and answers are events of
orchestrations: the request is an EventSent named "op", the answer an EventRaised whose name is the request's id (durable-reference 9.7).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from standalone.engine import history as h
from standalone.engine.messages import Arrival, Episode, Load, Send
from standalone.engine.orchestration import Activity, microseconds

NO_STATE = '{"exists":false,"state":null}'


def entity_id(name: str, key: str) -> str:
    """The instance id of an entity: the case of names does not matter, that of keys does."""
    return f"@{name.lower()}@{key}"


def request(operation: str, input_json: str | None, *, request_id: str) -> str:
    """A signal of a client, as it is sent."""
    message = {"op": operation, "signal": True, "id": request_id}
    if input_json is not None:
        message["input"] = input_json
    return json.dumps(message)


class Entity:
    """An entity's state and the operations that have arrived."""

    def __init__(self, load: Load) -> None:
        self.n, self.instance = load.n, load.instance
        self.name, self.key = load.instance[1:].split("@", 1)
        self.episodes = load.episodes
        stored = json.loads(load.state or NO_STATE)
        self.exists, self.state = bool(stored["exists"]), stored["state"]
        self.scheduled: Mapping[int, Activity] = {}
        self.inbox: list[dict[str, Any]] = []
        self.seqs: list[int] = []
        self.fired: list[tuple[int, int]] = []
        self.busy = False

    @property
    def has_news(self) -> bool:
        """Is there something to do?"""
        return bool(self.seqs) and not self.busy

    def receive(self, arrival: Arrival) -> None:
        """Take a request in."""
        self.seqs.append(arrival.seq)
        if arrival.timer is not None:
            self.fired.append(arrival.timer)
        if arrival.event:
            event = json.loads(arrival.event)
            if event["EventType"] == h.EVENT_RAISED:
                self.inbox.append(json.loads(event["Input"]))

    def begin(self) -> tuple[list[int], list[tuple[int, int]], list[dict[str, Any]]]:
        """Take all that has arrived; until `finish` nothing else is begun."""
        taken = self.seqs, self.fired, self.inbox
        self.seqs, self.fired, self.inbox, self.busy = [], [], [], True
        return taken

    def trigger(self, requests: Sequence[Mapping[str, Any]]) -> str:
        """The JSON that the extension gives the function."""
        batch = [{"name": each["op"], "input": each.get("input"), "isSignal": each["signal"]} for each in requests]
        return json.dumps({"self": {"name": self.name, "key": self.key}, "exists": self.exists, "state": self.state, "batch": batch})

    def finish(
        self,
        seqs: list[int],
        fired: list[tuple[int, int]],
        requests: Sequence[Mapping[str, Any]],
        answer: Mapping[str, Any] | str,
        now: datetime,
    ) -> Episode:
        """The function's answer, or why it failed: then the state stays, and each caller gets the failure."""
        self.busy = False
        sends: list[Send] = []
        if isinstance(answer, str):
            results: Sequence[Mapping[str, Any]] = [{"isError": True, "result": json.dumps(answer)} for _ in requests]
        else:
            results = answer["results"]
            if requests:
                self.exists, self.state = bool(answer["entityExists"]), answer["entityState"] if answer["entityExists"] else None
            sends += [self._signal(signal, now) for signal in answer.get("signals") or ()]
        sends = [self._answer(each, result, now) for each, result in zip(requests, results, strict=True) if not each["signal"]] + sends
        self.episodes += 1
        state = json.dumps({"exists": self.exists, "state": self.state})
        return Episode(self.n, self.episodes, seqs, fired, microseconds(now), True, sends=sends, input=state)

    def _answer(self, asked: Mapping[str, Any], result: Mapping[str, Any], now: datetime) -> Send:
        told: dict[str, Any] = {"result": result["result"]}
        if result["isError"]:
            told["exceptionType"] = "Microsoft.Azure.WebJobs.Extensions.DurableTask.OperationErrorException"
        event = h.event(h.EVENT_RAISED, h.stamp(now), Name=asked["id"], Input=json.dumps(told))
        return Send("event", asked["parent"], h.text(event), execution=asked.get("parentExecution") or "")

    def _signal(self, signal: Mapping[str, Any], now: datetime) -> Send:
        target = signal["target"]
        told = request(signal["name"], signal.get("input"), request_id=f"{self.instance}-{self.episodes}")
        event = h.event(h.EVENT_RAISED, h.stamp(now), Name="op", Input=told)
        return Send("event", entity_id(target["name"], target["key"]), h.text(event))
