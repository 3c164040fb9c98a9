"""Orchestrations and entities as a test sees them, and where an instance stands, in words: what a failed test says."""

import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from standalone.contracts import HistoryUnreadable, InstanceStatus
from standalone.durable_api import ENDED
from standalone.explaining import explain, when
from standalone.host import Host

if TYPE_CHECKING:
    from standalone.testing.host import DurableHost

A_YEAR = timedelta(days=366)
EVENTS_TOLD = 12
"""How much of a history's end is told."""


class NotReached(AssertionError):
    """An instance is not where the test wants it. The message says where it stands, and what would take it further."""


class Instance:
    """One orchestration, and what can be done to it. Every verb returns when the app has come to rest."""

    def __init__(self, durable_host: "DurableHost", instance_id: str) -> None:
        self.id = instance_id
        self._durable_host = durable_host

    def __repr__(self) -> str:
        found = self._durable_host.run(self._durable_host.host.engine.get(self.id))
        if found is None:
            return f"<Instance {self.id}, which does not exist>"
        stands = f", {found.standing.sentences()[0]}" if found.standing else ""
        return f"<Instance {self.id} of {found.name}: {found.runtime_status}{stands}>"

    @property
    def name(self) -> str:
        """The orchestrator's name."""
        return self._found().name

    @property
    def status(self) -> str:
        """`Pending`, `Running`, `Suspended`, `Completed`, `Failed`, `Terminated`. Raises NotReached when there is no such instance."""
        __tracebackhide__ = True
        return self._found().runtime_status

    @property
    def custom_status(self) -> Any:
        """What the orchestrator last set."""
        return _value(self._found().custom_status_json)

    @property
    def output(self) -> Any:
        """What it ended with: its result, why it failed, or the reason of its termination. Raises NotReached while it goes on."""
        __tracebackhide__ = True
        found = self._found()
        if found.runtime_status not in ENDED:
            raise NotReached(f"There is no output yet. {self.explain()}")
        return _value(found.output_json)

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """Its history as the durable HTTP API tells it, results included. Raises HistoryUnreadable."""
        found = self._found(history=True)
        events: Sequence[Mapping[str, Any]] = json.loads(found.history_json or "[]")
        return events

    @property
    def awaited_events(self) -> frozenset[str]:
        """The external events that it waits for now and that have not come."""
        standing = self._found().standing
        return frozenset(standing.events if standing else ())

    def raise_event(self, name: str, data: object, *, by_client: bool = False) -> None:
        """Send it an event, as the durable HTTP API does; `by_client`: as the SDK's client does, so that it gets `data` as JSON text.

        Raises InstanceNotFound, InstanceEnded, and ValueError for None, which the HTTP API refuses.
        """
        if data is None and not by_client:
            raise ValueError("an event's data cannot be null: the durable HTTP API answers 400 to that")
        text = json.dumps(data)
        self._do(self._engine.raise_event(self.id, name, json.dumps(text) if by_client else text))

    def terminate(self, reason: str = "") -> None:
        """Raises InstanceNotFound, InstanceEnded."""
        self._do(self._engine.terminate(self.id, reason))

    def suspend(self, reason: str = "") -> None:
        """Raises InstanceNotFound, InstanceEnded, InstanceNotInState."""
        self._do(self._engine.suspend(self.id, reason))

    def resume(self, reason: str = "") -> None:
        """Raises InstanceNotFound, InstanceEnded, InstanceNotInState."""
        self._do(self._engine.resume(self.id, reason))

    def rewind(self, reason: str = "") -> None:
        """Run what failed again. Raises InstanceNotFound, InstanceNotInState."""
        self._do(self._engine.rewind(self.id, reason))

    def purge(self) -> None:
        """Delete it. Raises InstanceNotFound, InstanceNotInState."""
        self._do(self._engine.purge(self.id))

    def wait_for_completion(self, within: timedelta = A_YEAR) -> Any:
        """Skip time until it has ended, and answer its output. Raises NotReached, also when it has not ended with `Completed`."""
        __tracebackhide__ = True

        async def ended() -> bool:
            return (await self._engine_says()).runtime_status in ENDED

        self._skip_until(ended, within, "ended")
        if self.status != "Completed":
            raise NotReached(f"It did not complete. {self.explain()}")
        return self.output

    def wait_for_event(self, name: str, within: timedelta = A_YEAR) -> None:
        """Skip time until it waits for an external event of that name. Raises NotReached."""
        __tracebackhide__ = True

        async def waits() -> bool:
            standing = (await self._engine_says()).standing
            return standing is not None and name in standing.events

        self._skip_until(waits, within, f"waited for the event {name!r}")

    def explain(self) -> str:
        """Where it stands, and what led there, in words."""
        return self._durable_host.run(explained(self._durable_host.host, self.id))

    @property
    def _engine(self) -> Any:
        return self._durable_host.host.engine

    def _do(self, verb: Coroutine[Any, Any, None]) -> None:
        self._durable_host.do(verb)

    def _found(self, *, history: bool = False) -> InstanceStatus:
        __tracebackhide__ = True
        return self._durable_host.run(self._engine_says(history=history))

    async def _engine_says(self, *, history: bool = False) -> InstanceStatus:
        found: InstanceStatus | None = await self._engine.get(self.id, history=history, history_outputs=True)
        if found is None:
            raise NotReached(await explained(self._durable_host.host, self.id))
        return found

    def _skip_until(self, reached: Callable[[], Awaitable[bool]], within: timedelta, wanted: str) -> None:
        __tracebackhide__ = True
        until = self._durable_host.now + within
        if not self._durable_host.run(skipped(self._durable_host.host, reached, until)):
            raise NotReached(f"It has not {wanted}, up to {when(until)}. {self.explain()}")


class Entity:
    """One entity, and what can be done to it."""

    def __init__(self, durable_host: "DurableHost", name: str, key: str) -> None:
        self.name, self.key = name, key
        self._durable_host = durable_host

    @property
    def state(self) -> Any:
        """Its state; None when it has none."""
        return _value(self._durable_host.run(self._durable_host.host.engine.entity_state(self.name, self.key)))

    def signal(self, operation: str, operation_input: object = None) -> None:
        """Have it do something, as the SDK's client does, and let that happen. Raises FunctionUnknown."""
        text = json.dumps(json.dumps(operation_input)) if operation_input else None  # the client sends nothing for 0, "" and []
        self._durable_host.do(self._durable_host.host.engine.signal_entity(self.name, self.key, operation, text))


async def skipped(host: Host, reached: Callable[[], Awaitable[bool]], until: datetime) -> bool:
    """Skip from one thing due to the next until `reached`; False when that is not so by `until`, or nothing is due any more."""
    await host.settle()
    while not await reached():
        due, now = host.next_stop(), host.clock.now()
        if due is None or not now < due <= until:
            return False
        await host.advance(due - now)
    return True


async def explained(host: Host, instance_id: str) -> str:
    """Where an instance stands: its status, what it waits for, what is due, what failed, how its history ends."""
    try:
        found = await host.engine.get(instance_id, history=True, history_outputs=True)
    except HistoryUnreadable:
        found = await host.engine.get(instance_id)
    if found is None:
        return f"There is no instance {instance_id!r} on this host."
    events = json.loads(found.history_json or "[]")
    lines = [f"{found.name} {instance_id} is {found.runtime_status} on {when(host.clock.now())}."]
    if found.standing:
        lines.append(" ".join(found.standing.sentences()).strip())
    lines += await _lines_of_code(host, found)
    if found.runtime_status in ENDED:
        lines.append(f"Its output: {_brief(found.output_json)}")
    else:
        lines += _pending(events, host)
    failures = [event for event in events if event["EventType"] in ("TaskFailed", "SubOrchestrationInstanceFailed")]
    lines += [f"Failed: {event.get('Reason')}" for event in failures[-3:]]
    if events:
        lines.append("How its history ends:" if len(events) > EVENTS_TOLD else "Its history:")
        lines += [f"  {_line(event)}" for event in events[-EVENTS_TOLD:]]
    return "\n".join(lines)


async def _lines_of_code(host: Host, found: InstanceStatus) -> Sequence[str]:
    """At which lines of the app it stands, or failed."""
    seen = await host.engine.inspect(found.instance_id)
    if seen is None:
        return []
    places = explain(found, seen, host.clock.now()).places
    return [
        f"{label or 'Line'}: {line.file}, line {line.number}, in {line.function}: {line.text}".rstrip(": ")
        for label, place in places
        for line in place[-1:]
    ]


def _pending(events: Sequence[Mapping[str, Any]], host: Host) -> Sequence[str]:
    """What time will bring: the instance's timers, and what is due on the host."""
    fired = {event["FireAt"] for event in events if event["EventType"] == "TimerFired"}
    timers = [event["FireAt"] for event in events if event["EventType"] == "TimerCreated" and event["FireAt"] not in fired]
    lines = [f"Timers that have not fired: {', '.join(timers)}"] if timers else []
    due = host.engine.next_due()
    if due is not None:
        return [*lines, f"Due next on this host: {when(due)}, in {due - host.clock.now()}."]
    return [*lines, "No durable timer is due on this host: only an event, a request or a timer function takes it further."]


def _line(event: Mapping[str, Any]) -> str:
    name = event.get("FunctionName") or event.get("Name") or ""
    return " ".join(part for part in (event.get("Timestamp", "")[:19], event["EventType"], name, _brief(_told(event))[:100]) if part)


def _told(event: Mapping[str, Any]) -> str:
    """What an event of a history has to say."""
    value = next((event[name] for name in ("Result", "Reason", "Input", "FireAt") if event.get(name) is not None), "")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _brief(text: str | None) -> str:
    """The first line of what JSON text says, if it is a text; else the JSON."""
    try:
        value = _value(text)
    except ValueError:
        value = text
    return (value if isinstance(value, str) else text or "null").partition("\n")[0]


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
