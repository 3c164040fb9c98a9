"""The picture of an instance: what ran, waited or slept, and for how long, as bars on a line of time (SVG, no script)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

WIDTH = 640.0
ROW_HEIGHT = 22
LONGEST = 60
"""Bars shown; the table below the picture has all."""

ENDS = {
    "TaskCompleted": "activity",
    "TaskFailed": "failed",
    "TaskScheduled": "activity",
    "TimerFired": "timer",
    "TimerCreated": "timer",
    "SubOrchestrationInstanceCompleted": "child",
    "SubOrchestrationInstanceFailed": "failed",
    "SubOrchestrationInstanceCreated": "child",
    "EventRaised": "event",
}


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
    width: float = WIDTH
    left_out: int = 0


def timeline(events: Sequence[Mapping[str, Any]], now: datetime) -> Picture:
    """The picture of a history as the management API tells it."""
    told = [event for event in events if event["EventType"] in ENDS]
    instants = [instant(event.get("Timestamp")) or now for event in events] or [now]
    ended = any(event["EventType"] == "ExecutionCompleted" for event in events)
    first, last = min(instants), max(instants) if ended else max([*instants, now])
    seconds = max((last - first).total_seconds(), 0.001)
    bars = []
    for row, event in enumerate(told[:LONGEST]):
        begin = instant(event.get("ScheduledTime")) or instant(event.get("Timestamp")) or first
        open_ = event["EventType"] in ("TaskScheduled", "TimerCreated", "SubOrchestrationInstanceCreated")
        end = last if open_ else instant(event.get("Timestamp")) or last
        x = (begin - first).total_seconds() / seconds * WIDTH
        width = max(3.0, (end - begin).total_seconds() / seconds * WIDTH)
        name = str(event.get("FunctionName") or event.get("Name") or event["EventType"])
        length = (end - begin).total_seconds()
        words = f"{name}: {'since ' if open_ else ''}{length:,.1f} s"
        bars.append(Bar(name, ENDS[event["EventType"]], min(x, WIDTH - 3), row * ROW_HEIGHT, min(width, WIDTH), words, open_))
    return Picture(bars, max(len(bars), 1) * ROW_HEIGHT, left_out=max(0, len(told) - LONGEST))


def instant(text: Any) -> datetime | None:
    """An event's time."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None
