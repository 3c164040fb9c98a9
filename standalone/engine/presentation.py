"""Instances as queries show them: status records, and histories in the form of the durable HTTP API.

The API's history is not the stored one (DurableClient.cs, GetDurableOrchestrationStatusAsync): types are names, the events that only
frame episodes are left out, and a completed task's two events become one.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from standalone.contracts import HistoryUnreadable, InstanceStatus
from standalone.engine import entity
from standalone.engine import history as h
from standalone.engine.orchestration import EPOCH, STATUS_NUMBERS
from standalone.engine.store import Row

STATUS_NAMES = {number: name for name, number in STATUS_NUMBERS.items()}
_CREATED_BY = {
    h.TASK_COMPLETED: h.TASK_SCHEDULED,
    h.TASK_FAILED: h.TASK_SCHEDULED,
    h.CHILD_COMPLETED: h.CHILD_CREATED,
    h.CHILD_FAILED: h.CHILD_CREATED,
}
_STARTED = {"Correlation": None, "ParentTraceContext": None, "ScheduledStartTime": None, "Generation": None, "GenerateNewTrace": False}
_ALWAYS_EMPTY: Mapping[int, Mapping[str, Any]] = {  # fields of the extension's for what there is nothing to tell of here
    h.EXECUTION_STARTED: _STARTED,
    h.TASK_SCHEDULED: {"ParentTraceContext": None},
    h.CHILD_CREATED: {"ClientSpanId": None},
    h.EVENT_RAISED: {"ParentTraceContext": None},
}
_HIDDEN = {
    h.EXECUTION_STARTED: ("OrchestrationInstance", "ParentInstance", "Version", "Tags"),
    h.TASK_SCHEDULED: ("Version",),
    h.CHILD_CREATED: ("Version",),
    h.TIMER_FIRED: ("TimerId",),
}


def is_entity(row: Row) -> bool:
    """Is it an entity?"""
    return entity.is_entity(row.id, row.name)


def is_unborn(row: Row) -> bool:
    """Is it an entity of which no operation has been done yet? Nobody sees it before."""
    return is_entity(row) and row.input is None


def status(row: Row, beginning: str | None, history_json: str | None = None) -> InstanceStatus:
    """A stored row for those who ask. `beginning`: its first events; None of an entity."""
    created, updated = (EPOCH + timedelta(microseconds=value) for value in (row.created, row.updated))
    output, name, custom = as_json(row.output), row.name, row.custom
    if is_entity(row):  # it goes by its id, its status tells whether it exists, and each batch is an execution of its own
        exists = bool(json.loads(row.input or "{}").get("exists"))
        name, custom, created = row.id, json.dumps({"entityExists": True} if exists else {}), updated
    version, parent = h.origin(beginning) if beginning else ("", "")
    return InstanceStatus(row.id, name, row.status, row.input, custom, output, created, updated, history_json, version, parent, row.waits)


def as_json(text: str | None) -> str | None:
    """JSON as it is; any other text (a reason, a failure) as a JSON string, without blanks around it, as the extension reads it."""
    if text is None:
        return None
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text.strip())
    return text


def entity_history(row: Row) -> str:
    """What the API tells of an entity's history: the beginning of its last batch, whose input is the state, and its end."""
    at = h.stamp(EPOCH + timedelta(microseconds=row.updated))
    told = [{"EventType": "ExecutionStarted", "Input": row.input, **_STARTED, "Timestamp": at, "FunctionName": row.id}]
    if row.status == "Terminated":
        ended = {"OrchestrationStatus": row.status, "FailureDetails": None, "Timestamp": at}
        told += [{"EventType": "ExecutionTerminated", "Input": row.output, "Timestamp": at}, {"EventType": "ExecutionCompleted", **ended}]
    return json.dumps(told)


def history(rows: Sequence[str], *, inputs: bool, outputs: bool) -> str:
    """Stored episodes as the API's `historyEvents`. Raises HistoryUnreadable where the real engine answers 400."""
    scheduled: dict[tuple[int, int], tuple[int, dict[str, Any]]] = {}
    shown: list[dict[str, Any]] = []
    left_out: list[int] = []
    tags = None
    for place, event in enumerate(h.parse(rows)):
        kind = event["EventType"]
        entry = {name: value for name, value in event.items() if name not in ("EventId", "IsPlayed", *_HIDDEN.get(kind, ()))}
        entry |= {"EventType": h.NAMES[kind], **_ALWAYS_EMPTY.get(kind, {})}
        entry["Timestamp"] = entry.pop("Timestamp")
        shown.append(entry)
        if kind in (h.ORCHESTRATOR_STARTED, h.ORCHESTRATOR_COMPLETED):
            left_out.append(place)
        elif kind in (h.TASK_SCHEDULED, h.CHILD_CREATED):
            key = (kind, event["EventId"])
            if key in scheduled:
                raise HistoryUnreadable(f"An item with the same key has already been added. Key: {h.NAMES[kind]}_{event['EventId']}")
            scheduled[key] = place, entry
            entry["Tags"] = tags if kind == h.CHILD_CREATED else None
        elif kind in _CREATED_BY:
            left_out += _merge(entry, scheduled.get((_CREATED_BY[kind], event["TaskScheduledId"])))
        elif kind == h.EXECUTION_STARTED:
            of_a_client = "-" in event["OrchestrationInstance"]["ExecutionId"]
            entry |= {"FunctionName": entry.pop("Name"), "Generation": 0 if of_a_client else None}
            tags = event["Tags"]
        elif kind == h.EXECUTION_COMPLETED:
            entry["OrchestrationStatus"] = STATUS_NAMES[entry["OrchestrationStatus"]]
        _result(entry, kind, outputs=outputs)
        if not inputs:
            entry.pop("Input", None)
    _leave_out(left_out, shown)
    return json.dumps(shown)


def _merge(entry: dict[str, Any], created: tuple[int, dict[str, Any]] | None) -> list[int]:
    """A completion takes over what its task's event told. Answers the places of what is to be left out for it."""
    del entry["TaskScheduledId"]
    if created is None:
        return []
    place, told = created
    entry |= {"ScheduledTime": f"{told['Timestamp'][:-1]}+00:00", "FunctionName": told["Name"]}
    entry |= {name: told[name] for name in ("Input", "InstanceId") if name in told}
    return [place]


def _leave_out(places: list[int], shown: list[dict[str, Any]]) -> None:
    """As the real engine counts: for a task that was answered twice it takes away what stands before the task's event, too."""
    for gone, place in enumerate(sorted(places)):
        if place < gone:
            raise HistoryUnreadable("Index was out of range. Must be non-negative and less than the size of the collection.")
        del shown[place - gone]


def _result(entry: dict[str, Any], kind: int, *, outputs: bool) -> None:
    if kind not in (h.TASK_COMPLETED, h.CHILD_COMPLETED, h.EXECUTION_COMPLETED):
        return
    if not outputs:
        entry.pop("Result", None)
    elif (text := as_json(entry.get("Result"))) is not None:
        entry["Result"] = json.loads(text)
