"""Recorded cases of the real Durable extension, driven on the engine in virtual time: all programs at once, in one process.

A case is a small orchestrator program with a timed script of outside acts, and what the real engine did with it (`seen`, `trigger`).
The app that interprets programs is the one that the real engine ran; only its clock is replaced, so that its activities sleep in
virtual time. Time is counted in ticks of five seconds; a program is looked at for the last time after 8.7 ticks.
"""

import json
import re
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from standalone.contracts import HistoryUnreadable, InstanceEnded, InstanceNotFound, InstanceNotInState
from standalone.engine import Engine, EngineSettings
from standalone.engine import history as h
from standalone.engine.orchestration import ENDED
from tests.host.enginehost import Host, running

TICK = 5.0
END = 8.7
LATENCY = 0.1  # seconds that the real engine takes from an act to its episode; timers are cut to whole seconds from there
STARTING = 0.3  # the same from a start
NOT_IN_STATE = {"suspend": 500, "resume": 500, "rewind": 412}
TRIGGER_NAMES = {**h.NAMES, 7: "SubCreated", 8: "SubCompleted", 9: "SubFailed", 21: "ExecutionRewound"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_GUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")


def normal(value: Any, instance: str) -> Any:
    """`value` without what differs from run to run: ids, instants."""
    text = _INSTANT.sub("TIME", json.dumps(value).replace(instance, "ID"))
    return json.loads(_GUID.sub("GUID", text))


def first_line(value: Any, length: int = 300) -> Any:
    """A text's first line; anything else as it is."""
    return value.split("\n")[0].strip()[:length] if isinstance(value, str) else value


def history_row(event: Mapping[str, Any]) -> list[Any]:
    """An event of the API's history as cases keep it: type, name, first line of the result or reason; without what is absent at the end."""
    row = [event["EventType"], event.get("Name") or event.get("FunctionName")]
    if event["EventType"] == "ExecutionCompleted":
        row[1] = event.get("OrchestrationStatus")
    else:
        found = first_line(next((event[key] for key in ("Result", "Reason", "Input") if event.get(key) is not None), None))
        row.append(found[:80] if isinstance(found, str) else found)
    while row[-1] is None:
        row.pop()
    return row


def trigger_row(event: Mapping[str, Any]) -> list[Any]:
    """An event of a trigger's history: type ("*": not played), EventId, the id of what it completes, name."""
    row = [("" if event["IsPlayed"] else "*") + TRIGGER_NAMES[event["EventType"]], event["EventId"]]
    row += [event.get("TaskScheduledId", event.get("TimerId")), event.get("Name")]
    while row[-1] is None:
        row.pop()
    return row


def named_children(program: Any) -> list[str]:
    """The id suffixes of the children that a program names."""
    found: list[str] = []
    if isinstance(program, dict):
        if "child" in program and program["id"]:
            found.append(program["id"])
        program = list(program.values())
    if isinstance(program, list):
        for each in program:
            found += named_children(each)
    return found


@dataclass
class Case:
    """One program on its way."""

    name: str
    program: Mapping[str, Any]
    start: str
    instance: str = ""
    acts: list[Any] = field(default_factory=list)
    observed: list[Any] = field(default_factory=list)
    seen: Any = None
    trigger: Any = None

    def __post_init__(self) -> None:
        self.instance = f"{self.name}-{uuid.uuid4().hex[:6]}"

    async def act(self, engine: Engine, act: Mapping[str, Any]) -> None:
        """One act of the script, and the HTTP code that it would be answered with."""
        target = self.instance + (f"-{act['to']}" if "to" in act else "")
        if "start" in act:
            given = {"rounds": self.program["rounds"], "round": 0, "tick": TICK, "start": self.start, "show": self.program["show"]}
            await engine.start_instance("program", json.dumps(given), self.instance)
            self.acts.append(["start", 202])
        elif "observe" in act:
            status = await engine.get(target)
            told = [404] if status is None else [status.runtime_status, json.loads(status.custom_status_json or "null")]
            self.observed.append([act["at"], *told])
        elif "raise" in act:
            self.acts.append(
                [f"raise {act['raise']}", await code("raise", engine.raise_event(target, act["raise"], json.dumps(act["value"])))]
            )
        else:
            kind = next(verb for verb in ("suspend", "resume", "terminate", "rewind") if verb in act)
            self.acts.append([kind, await code(kind, getattr(engine, kind)(target, act[kind]))])

    async def end(self, engine: Engine, triggers: Mapping[str, list[str]]) -> None:
        """The last look."""
        seen = {"acts": self.acts, "observed": self.observed, "end": await look(engine, self.instance)}
        children = named_children(self.program["rounds"])
        if children:
            seen["children"] = {name: await look(engine, f"{self.instance}-{name}") for name in children}
        self.seen = normal(seen, self.instance)
        self.calls = triggers.get(self.instance, [])

    def take_trigger(self, given: Sequence[str]) -> None:
        """The last trigger that the function was called with, once it is over."""
        if given:
            events = json.loads(given[-1])["history"]
            starts = [place for place, event in enumerate(events) if event["EventType"] == h.ORCHESTRATOR_STARTED]
            told = {"calls": len(given), "last episode from": starts[-1], "history": [trigger_row(event) for event in events]}
            self.trigger = normal(told, self.instance)


def moment(begun: datetime, act: Mapping[str, Any]) -> datetime:
    """When an act reaches its instance."""
    late = 0.0 if "observe" in act else LATENCY if act["at"] else STARTING
    return begun + timedelta(seconds=act["at"] * TICK + late)


async def code(verb: str, asked: Any) -> int:
    """The HTTP code of a verb."""
    try:
        await asked
    except InstanceNotFound:
        return 404
    except InstanceEnded:
        return 410
    except InstanceNotInState:
        return NOT_IN_STATE[verb]
    return 202


async def look(engine: Engine, instance: str) -> Any:
    """An instance as a case keeps it; whoever still runs is terminated."""
    try:
        status = await engine.get(instance, history=True, history_outputs=True, history_inputs=False)
        history = [history_row(event) for event in json.loads((status and status.history_json) or "[]")]
    except HistoryUnreadable:
        status = await engine.get(instance)
        history = [["http 400"]]
    if status is None:
        return {"http": 404}
    if status.runtime_status not in ENDED:
        if status.runtime_status == "Suspended":
            await engine.resume(instance, "end")
        with suppress(InstanceEnded):  # what the resume let go on has ended it
            await engine.terminate(instance, "end")
    custom, output = (json.loads(text or "null") for text in (status.custom_status_json, status.output_json))
    return {"state": status.runtime_status, "custom": custom, "output": first_line(output), "history": history}


async def run(
    programs: Mapping[str, Mapping[str, Any]],
    app_dir: Path,
    state: Path,
    settings: EngineSettings | None = None,
    before_each: Callable[[Host, Case], Awaitable[None]] | None = None,
    driven_by: Callable[..., Host] = Host,
) -> Mapping[str, Case]:
    """Run all programs at once; the cases then hold what was seen. `before_each` has a look of its own before each act."""
    async with running(app_dir, state, settings=settings, driven_by=driven_by) as host:
        begun = host.clock.now()
        cases = {name: Case(name, program, begun.isoformat()) for name, program in programs.items()}
        sys.modules["function_app"].now = host.clock.now  # type: ignore[attr-defined]
        triggers = record_triggers(host)
        plan = [
            (moment(begun, act), order, case, act)
            for order, case in enumerate(cases.values())
            for act in [{"at": 0, "start": True}, *case.program["script"], {"at": END, "end": True}]
        ]
        for at, _, case, act in sorted(plan, key=lambda entry: entry[:2]):
            await host.advance(seconds=(at - host.clock.now()).total_seconds())
            if before_each is not None:
                await before_each(host, case)
            await (case.end(host.engine, triggers) if "end" in act else case.act(host.engine, act))
        await host.settle()
        for case in cases.values():
            case.take_trigger(triggers.get(case.instance, []))
    return cases


def record_triggers(host: Host) -> dict[str, list[str]]:
    """Keep every trigger by instance."""
    kept: dict[str, list[str]] = {}
    functions = host.workers.functions
    original = functions.orchestrate

    def orchestrate(name: str, trigger: Any, call: Any = None) -> Any:
        if call is None:  # else somebody looks
            kept.setdefault(trigger.who["instanceId"], []).append(str(trigger))
        return original(name, trigger, call)

    functions.orchestrate = orchestrate
    return kept


def difference(a: Any, b: Any, path: str = "") -> str | None:
    """Where two values first differ, in words."""
    if a == b:
        return None
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            if a.get(key) != b.get(key):
                return difference(a.get(key), b.get(key), f"{path}.{key}")
    if isinstance(a, list) and isinstance(b, list):
        for place in range(max(len(a), len(b))):
            one, two = (each[place] if place < len(each) else "(nothing)" for each in (a, b))
            if one != two:
                return difference(one, two, f"{path}[{place}]")
    return f"{path}: {json.dumps(a)[:300]} is real, {json.dumps(b)[:300]} is ours"
