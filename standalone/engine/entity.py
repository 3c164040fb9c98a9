"""One loaded entity: operations that arrive become batches.

An entity is kept as an instance named `@name`, with the id `@name@key`, always Running unless it is terminated. Its input is what the
extension keeps of an entity (SchedulerState.cs): `exists`, `state` (JSON text) and the `sorter`; nothing at all until its first batch is
done. It has no history: an operation that has been done leaves the new state and an answer to whoever called. Requests and answers are
events of orchestrations: the request is an EventSent named "op", the answer an EventRaised whose name is the request's id.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from standalone.contracts import FunctionFailed
from standalone.engine import history as h
from standalone.engine.messages import Arrival, Episode, Load, Send
from standalone.engine.orchestration import Activity, microseconds
from standalone.engine.sorter import RESPONSE_TYPE, Received

LONGEST_WAIT = 600  # seconds between two tries of a batch (AbandonMessageAsync in TaskHubQueue.cs)


def entity_id(name: str, key: str) -> str:
    """The instance id of an entity: the case of names does not matter, that of keys does."""
    return f"@{name.lower()}@{key}"


def is_entity(instance: str, name: str) -> bool:
    """Is it an entity, and not an orchestration to which somebody gave an id or a name of that form?"""
    return name.startswith("@") and instance.startswith(f"{name}@")


def request(operation: str, input_json: str | None, *, request_id: str) -> str:
    """A signal of a client, as it is sent."""
    message = {"op": operation, "signal": True, "id": request_id}
    if input_json is not None:
        message["input"] = input_json
    return json.dumps(message)


class Batch(NamedTuple):
    """What an entity takes at once: the messages, and the requests to be done for them, in order."""

    seqs: list[int]
    fired: list[tuple[int, int]]
    events: list[h.Event]
    requests: list[Mapping[str, Any]]


class Entity:
    """An entity's state and the operations that have arrived."""

    def __init__(self, load: Load) -> None:
        self.n, self.seat, self.instance = load.n, load.seat, load.instance
        self.name, self.key = load.instance[1:].split("@", 1)
        self.episodes = load.episodes
        self.status, self.output = "Terminated" if load.status == "Terminated" else "Running", load.output
        self.scheduled: Mapping[int, Activity] = {}
        self.inbox: list[h.Event] = []
        self.seqs: list[int] = []
        self.fired: list[tuple[int, int]] = []
        self.busy = False
        self.lost = load.lost if load.strikes else ""
        self._remember(load.state)

    def _remember(self, stored: str | None) -> None:
        self.stored = stored
        state = json.loads(stored or "{}")
        self.exists, self.state = bool(state.get("exists")), state.get("state")
        self.sorter = Received(state.get("sorter") or {})

    @property
    def has_news(self) -> bool:
        """Is there something to do?"""
        return bool(self.seqs) and not self.busy

    def receive(self, arrival: Arrival) -> None:
        """Take a message in; after the end it is dropped."""
        self.seqs.append(arrival.seq)
        if arrival.timer is not None:
            self.fired.append(arrival.timer)
        if arrival.event and self.status == "Running":
            self.inbox.append(json.loads(arrival.event))

    def begin(self) -> Batch:
        """Take all that has arrived; until `finish` nothing else is begun."""
        requests = [
            each
            for event in self.inbox
            if event["EventType"] == h.EVENT_RAISED and event["Name"].startswith("op")
            for each in self._in_order(json.loads(event["Input"] or "null"))
        ]
        batch = Batch(self.seqs, self.fired, self.inbox, requests)
        self.seqs, self.fired, self.inbox, self.busy = [], [], [], True
        return batch

    def check(self) -> None:
        """Raises FunctionFailed for the batch in which the last worker died: it has been tried."""
        lost, self.lost = self.lost, ""
        if lost:
            raise FunctionFailed(lost)

    def _in_order(self, message: Any) -> Sequence[Mapping[str, Any]]:
        """The requests that are to be done now that this one has come. Anybody may raise an event of that name: what is none is dropped."""
        if not _is_request(message):
            return []
        try:
            return [message] if "due" in message else self.sorter.take(message)
        except (TypeError, ValueError):  # stamps that are none
            return []

    def trigger(self, requests: Sequence[Mapping[str, Any]]) -> str:
        """The JSON that the extension gives the function."""
        batch = [{"name": each["op"], "input": each.get("input"), "isSignal": is_signal(each), "id": each["id"]} for each in requests]
        return json.dumps({"self": {"name": self.name, "key": self.key}, "exists": self.exists, "state": self.state, "batch": batch})

    def finish(self, batch: Batch, answer: Mapping[str, Any] | str, now: datetime) -> Episode:
        """The function's answer; or why there is no function: then the state stays, and each caller gets the failure."""
        self.busy = False
        sends: list[Send] = []
        if isinstance(answer, str):
            results: Sequence[Mapping[str, Any]] = [{"isError": True, "result": json.dumps(answer)} for _ in batch.requests]
        else:
            results = answer["results"]
            if batch.requests:
                self.exists, self.state = bool(answer["entityExists"]), answer["entityState"]
            sends += [self._signal(signal, now) for signal in answer.get("signals") or ()]
        sends = [self._answer(*each, now) for each in zip(batch.requests, results, strict=True) if not is_signal(each[0])] + sends
        kept = {**({"exists": True} if self.exists else {}), **({} if self.state is None else {"state": self.state})}
        self.stored = json.dumps({**kept, "sorter": self.sorter.stored()}, ensure_ascii=False, separators=(",", ":"))
        self._end(batch.events)
        self.episodes += 1
        return Episode(
            self.n, self.seat, self.episodes, batch.seqs, batch.fired, microseconds(now), True, status=self.status,
            output=self.output, sends=sends, input=self.stored,
        )  # fmt: skip

    def abandon(self, batch: Batch, now: datetime) -> Episode:
        """The function could not answer: nothing has happened, and every message comes again, later each time, for ever."""
        self.busy = False
        self._remember(self.stored)
        sends: list[Send] = []
        for event in batch.events:
            tries = event.get("Tries", 0) + 1
            due = now + timedelta(seconds=min(2**tries, LONGEST_WAIT))
            sends.append(Send("event", self.instance, h.text({**event, "Tries": tries}), due=microseconds(due)))
        return Episode(self.n, self.seat, self.episodes, batch.seqs, batch.fired, microseconds(now), False, sends=sends)

    def _end(self, events: Sequence[h.Event]) -> None:
        for event in events:
            if event["EventType"] == h.EXECUTION_TERMINATED:
                self.status, self.output = "Terminated", event["Input"]

    def _answer(self, asked: Mapping[str, Any], result: Mapping[str, Any], now: datetime) -> Send:
        told: dict[str, Any] = {"$type": RESPONSE_TYPE, "result": result["result"]}
        if result["isError"]:
            told["exceptionType"] = "Error"
        event = h.event(h.EVENT_RAISED, h.stamp(now), Name=asked["id"], Input=json.dumps(told, separators=(",", ":")))
        return Send("event", asked["parent"], h.text(event), execution=asked.get("parentExecution") or "")

    def _signal(self, signal: Mapping[str, Any], now: datetime) -> Send:
        target = signal["target"]
        told = request(signal["name"], signal.get("input"), request_id=f"{self.instance}-{self.episodes}")
        event = h.event(h.EVENT_RAISED, h.stamp(now), Name="op", Input=told)
        return Send("event", entity_id(target["name"], target["key"]), h.text(event))


def is_signal(request: Mapping[str, Any]) -> bool:
    """Does nobody wait for the answer?"""
    return bool(request.get("signal"))


def _is_request(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    needed = ("op", "id") if is_signal(message) else ("op", "id", "parent")
    return all(isinstance(message.get(name), str) for name in needed)
