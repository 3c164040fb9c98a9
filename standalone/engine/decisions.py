"""What goes into a replay and what comes out of it: values.

In: the functions that the app has, and what the orchestrator function answered. Out: what is newly scheduled, how it ends, where it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from standalone.engine import history as h

MOST_NAMED = 5  # parts of a compound that a description names


@dataclass(frozen=True)
class Known:
    """The app's durable functions by kind, lower-case name -> name; what the extension has registered."""

    activities: Mapping[str, str] = field(default_factory=dict)
    orchestrators: Mapping[str, str] = field(default_factory=dict)
    entities: Mapping[str, str] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()  # lower-case names of disabled activities: a call fails, catchably


@dataclass(frozen=True)
class Answer:
    """What came back of the orchestrator function: the SDK's state, or the error of the SDK itself (`broken`)."""

    state: Mapping[str, Any] = field(default_factory=dict)
    broken: str | None = None


class Decision(NamedTuple):
    """Something newly scheduled. `kind`: "activity", "timer", "child", "send"."""

    kind: str
    number: int
    name: str = ""
    input: Any = None
    instance: str = ""
    version: str = ""
    fire_at: datetime | None = None


@dataclass(frozen=True)
class Ending:
    """How an execution ends. `status`: Completed, Failed, Terminated, ContinuedAsNew; `result`: JSON text, or bare text of a failure."""

    number: int
    status: str
    result: str | None
    details: str | None = None
    carried: Sequence[h.Event] = ()


@dataclass(frozen=True)
class Outcome:
    """What an episode comes to. `custom_status`: JSON text or None. `waits`: what the extension stands at, for people."""

    decisions: Sequence[Decision]
    ending: Ending | None
    custom_status: str | None
    played: int  # events gone through: all, unless one did not fit
    waits: Sequence[str] = ()
    python: str = "waits"  # where the SDK is: "waits", or "ahead", "done" or "raised" while the extension still stands at `waits`
    events: Sequence[str] = ()  # names of those among `waits` that have not come


def event_names(action: Mapping[str, Any]) -> Sequence[str]:
    """The external events that an action waits for."""
    if action["actionType"] in (11, 12):
        return [name for each in action["compoundActions"] for name in event_names(each)]
    return [action["externalEventName"]] if action["actionType"] == 6 else []


def to_the_second(stamp: str) -> str:
    """A stamp, for people."""
    return f"{stamp[:19].replace('T', ' ')} UTC"


def http_request(action: Mapping[str, Any]) -> str:
    """Method and address of a CallHttp action; without the query, which may hold a key."""
    request = action["httpRequest"]
    return f"{request.get('method')} {str(request.get('uri')).partition('?')[0]}"


def describe(action: Mapping[str, Any]) -> str:
    """An action in words, for the pages that tell why an instance stands still."""
    kind = action["actionType"]
    if kind in (11, 12):
        parts = action["compoundActions"]
        inner = ", ".join(describe(each) for each in parts[:MOST_NAMED])
        if len(parts) == 1:
            return inner
        more = f", {len(parts) - MOST_NAMED} more" if len(parts) > MOST_NAMED else ""
        return f"{'any' if kind == 11 else 'all'} of ({inner}{more})"
    if kind == 6:
        return f"the event {action['externalEventName']}"
    if kind == 5:
        return f"a timer until {to_the_second(action['fireAt'])}" + (" (cancelled)" if action.get("isCanceled") else "")
    if kind in (7, 9, 10):
        return f"the entity {action['instanceId']}"
    if kind == 8:
        return f"HTTP {http_request(action)}"
    return f"{'the sub-orchestration' if kind in (2, 3) else 'the activity'} {action.get('functionName', '')}".strip()
