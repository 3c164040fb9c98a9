"""What an orchestration stands at, in words: for the pages that tell why an instance stands still, a line for each thing.

Each episode keeps these lines, so they are short; what whereabouts.py tells is more, and is made when somebody looks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from standalone.engine import history as h
from standalone.engine.decisions import Decision

MOST_NAMED = 5  # parts of a compound that a description names
NOTHING = "nothing: all that was asked for has come, but Python has not seen it (as with an event whose name differs in case)"

_CREATED = {h.TASK_SCHEDULED: "activity", h.TIMER_CREATED: "timer", h.CHILD_CREATED: "child"}
_OPEN = {"activity": "the open activity", "timer": "the open timer until", "child": "the open sub-orchestration"}


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


def open_task(number: int, made: Decision | None, history: Sequence[h.Event]) -> str:
    """A task that keeps an instance from its end: just `made`, or in its history under its number."""
    if made is not None:
        return f"{_OPEN[made.kind]} {to_the_second(h.stamp(made.fire_at)) if made.fire_at else made.name}"
    created = next((each for each in history if each["EventId"] == number and each["EventType"] in _CREATED), None)
    if created is None:
        return f"task number {number}"
    what = to_the_second(created["FireAt"]) if "FireAt" in created else created["Name"]
    return f"{_OPEN[_CREATED[created['EventType']]]} {what}"
