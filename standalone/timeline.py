"""The picture of an instance: what ran, waited or slept, and for how long, as bars on a line of time (SVG, no script)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

WIDTH = 640.0
ROW_HEIGHT = 22
LONGEST = 60
"""Bars shown; the table below the picture has all."""

KINDS = {
    "TaskCompleted": "activity",
    "TaskFailed": "failed",
    "TaskScheduled": "activity",
    "TimerCreated": "timer",
    "SubOrchestrationInstanceCompleted": "child",
    "SubOrchestrationInstanceFailed": "failed",
    "SubOrchestrationInstanceCreated": "child",
    "EventRaised": "event",
}
"""What gets a bar, and how it looks. A timer's is that of its creation, which tells when it is due."""

OPEN = ("TaskScheduled", "SubOrchestrationInstanceCreated")


@dataclass(frozen=True)
class Bar:
    """One bar: where it begins and how long it is, in the picture's units; `open`: not ended yet."""

    label: str
    kind: str
    x: float
    y: int
    width: float
    words: str
    open: bool


@dataclass(frozen=True)
class Picture:
    """All bars, and how tall the picture is."""

    bars: Sequence[Bar]
    height: int
    begin: datetime
    end: datetime
    width: float = WIDTH
    left_out: int = 0


def timeline(events: Sequence[Mapping[str, Any]], now: datetime) -> Picture:
    """The picture of a history as the management API tells it."""
    shown = [event for event in events if event["EventType"] in KINDS]
    instants = [instant(event.get("Timestamp")) or now for event in events] or [now]
    ended = any(event["EventType"] == "ExecutionCompleted" for event in events)
    first, last = min(instants), max(instants) if ended else max([*instants, now])
    scale = WIDTH / max((last - first).total_seconds(), 0.001)
    fired = {event.get("FireAt") for event in events if event["EventType"] == "TimerFired"}
    bars = []
    for row, event in enumerate(shown[:LONGEST]):
        begin, end, name, open_ = _span(event, first, last, fired)
        x, seconds = (begin - first).total_seconds() * scale, (end - begin).total_seconds()
        words = f"{name}: {'since ' if open_ else ''}{seconds:,.1f} s"
        width = min(max(3.0, seconds * scale), WIDTH)
        bars.append(Bar(name, KINDS[event["EventType"]], min(x, WIDTH - 3), row * ROW_HEIGHT, width, words, open_))
    return Picture(bars, max(len(bars), 1) * ROW_HEIGHT, first, last, left_out=max(0, len(shown) - LONGEST))


def _span(event: Mapping[str, Any], first: datetime, last: datetime, fired: Collection[Any]) -> tuple[datetime, datetime, str, bool]:
    """From when to when, what, and whether it goes on."""
    at = instant(event.get("Timestamp")) or first
    name = str(event.get("FunctionName") or event.get("Name") or "")
    if event["EventType"] == "TimerCreated":
        due = instant(event.get("FireAt")) or last
        has_fired = event.get("FireAt") in fired
        return at, max(at, min(due, last)), "timer" if has_fired else "timer, not fired", not has_fired
    if event["EventType"] in OPEN:
        return at, last, name, True
    return instant(event.get("ScheduledTime")) or at, at, name, False


def instant(text: Any) -> datetime | None:
    """An event's time."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None
