"""History events as the Durable extension writes them: their numbers, their fields, their JSON.

An event is a dict with the extension's own field names, so that what the SDK gets, what is stored and what is reasoned about are one
thing. Field names and numbers are DurableTask.Core's (src/DurableTask.Core/History in github.com/Azure/durabletask).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

Event = dict[str, Any]

EXECUTION_STARTED: Final = 0
EXECUTION_COMPLETED: Final = 1
EXECUTION_TERMINATED: Final = 3
TASK_SCHEDULED: Final = 4
TASK_COMPLETED: Final = 5
TASK_FAILED: Final = 6
CHILD_CREATED: Final = 7
CHILD_COMPLETED: Final = 8
CHILD_FAILED: Final = 9
TIMER_CREATED: Final = 10
TIMER_FIRED: Final = 11
ORCHESTRATOR_STARTED: Final = 12
ORCHESTRATOR_COMPLETED: Final = 13
EVENT_SENT: Final = 14
EVENT_RAISED: Final = 15
CONTINUE_AS_NEW: Final = 16
GENERIC_EVENT: Final = 17
EXECUTION_SUSPENDED: Final = 19
EXECUTION_RESUMED: Final = 20

NAMES: Final = {
    EXECUTION_STARTED: "ExecutionStarted",
    EXECUTION_COMPLETED: "ExecutionCompleted",
    2: "ExecutionFailed",
    EXECUTION_TERMINATED: "ExecutionTerminated",
    TASK_SCHEDULED: "TaskScheduled",
    TASK_COMPLETED: "TaskCompleted",
    TASK_FAILED: "TaskFailed",
    CHILD_CREATED: "SubOrchestrationInstanceCreated",
    CHILD_COMPLETED: "SubOrchestrationInstanceCompleted",
    CHILD_FAILED: "SubOrchestrationInstanceFailed",
    TIMER_CREATED: "TimerCreated",
    TIMER_FIRED: "TimerFired",
    ORCHESTRATOR_STARTED: "OrchestratorStarted",
    ORCHESTRATOR_COMPLETED: "OrchestratorCompleted",
    EVENT_SENT: "EventSent",
    EVENT_RAISED: "EventRaised",
    CONTINUE_AS_NEW: "ContinueAsNew",
    GENERIC_EVENT: "GenericEvent",
    18: "HistoryState",
    EXECUTION_SUSPENDED: "ExecutionSuspended",
    EXECUTION_RESUMED: "ExecutionResumed",
}

SOURCE: Final = "MS_DurableFunctions_SourceInstanceId"

_LINE_ENDS = {number: f"\\u{number:04x}" for number in (0x85, 0x2028, 0x2029)}
_encode = json.JSONEncoder(separators=(",", ":")).encode


def stamp(instant: datetime) -> str:
    """An instant as the extension writes it: UTC, seven decimals, `Z`."""
    return instant.isoformat(timespec="microseconds")[:26] + "0Z"


def instant(text: str) -> datetime:
    """The instant that a `stamp`, or the SDK's own form with six decimals, names."""
    return datetime.fromisoformat(text.rstrip("Z")[:26]).replace(tzinfo=UTC)


def well_formed(json_text: str) -> str:
    """JSON without lone surrogates: on their way through the real engine, in UTF-8, they become U+FFFD (durable.md A10)."""
    escaped = "\\ud" in json_text.lower() if "\\u" in json_text else False
    if json_text.isascii() and not escaped:
        return json_text
    plain = json.dumps(json.loads(json_text), ensure_ascii=False) if escaped else json_text
    told = without_surrogates(plain)
    return json_text if told == plain else told


def as_written_by_json_net(value: object) -> str:
    """JSON as the extension writes what it has read: no blanks, letters as they are, three line ends escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_LINE_ENDS)


def without_surrogates(text: str) -> str:
    """Any text, with U+FFFD for lone surrogates: UTF-8, and so the file, takes none."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def event(kind: int, at: str, event_id: int = -1, **fields: Any) -> Event:
    """An event that happened at the stamp `at`, not played yet."""
    return {"EventType": kind, "EventId": event_id, "IsPlayed": False, "Timestamp": at, **fields}


def text(of: Event) -> str:
    """An event's JSON."""
    return _encode(of)


def texts(events: Sequence[Event]) -> str:
    """The JSON of events, joined by commas."""
    return _encode(events)[1:-1]


def execution_started(
    at: str,
    name: str,
    input_json: str | None,
    instance_id: str,
    execution_id: str,
    version: str | None,
    parent: Mapping[str, Any] | None,
    tags: Mapping[str, str] | None = None,
) -> Event:
    """The first message of an execution. `parent`: the parent's name, instance and execution ids, and the id of its task.

    `tags` come from the parent, or name the SOURCE that this is a restart of.
    """
    parent_instance = parent and {
        "Name": parent["name"],
        "OrchestrationInstance": {"InstanceId": parent["instance"], "ExecutionId": parent["execution"]},
        "TaskScheduleId": parent["task"],
        "Version": "",
    }
    return event(
        EXECUTION_STARTED, at,
        OrchestrationInstance={"InstanceId": instance_id, "ExecutionId": execution_id},
        ParentInstance=parent_instance, Name=name, Version=version, Input=input_json, Tags=tags,
    )  # fmt: skip


def origin(beginning: str) -> tuple[str, str]:
    """The version of an execution and the id of its parent, from its first events: ExecutionStarted is the first or the second."""
    place, decode = 0, json.JSONDecoder().raw_decode
    for _ in range(2):
        begun, end = decode(beginning, place)
        if begun["EventType"] == EXECUTION_STARTED:
            parent = begun["ParentInstance"]
            return begun["Version"] or "", parent["OrchestrationInstance"]["InstanceId"] if parent else ""
        if end == len(beginning):
            break
        place = end + 1
    return "", ""


def parse(rows: Sequence[str]) -> list[Event]:
    """The events of stored episodes; a row holds the JSON of one episode's events, joined by commas."""
    found: list[Event] = json.loads(f"[{','.join(rows)}]")
    return found
