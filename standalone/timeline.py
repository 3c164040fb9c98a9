"""The picture of an instance: what ran, waited or slept, and for how long, as bars on a line of time."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from standalone.contracts import Asked, Place, Whereabouts
from standalone.engine import history as h
from standalone.engine.orchestration import REQUEST

WIDTH = 1000.0
"""Of the whole time, in the picture's units."""

FIRST, LAST = 10, 50
"""Bars shown of a long history: those of its beginning and of its end. The table of the history has all."""

SHORTEST = 4.0
"""A bar that is seen, however short the time."""


COMPLETES = {
    h.TASK_COMPLETED: h.TASK_SCHEDULED,
    h.TASK_FAILED: h.TASK_SCHEDULED,
    h.CHILD_COMPLETED: h.CHILD_CREATED,
    h.CHILD_FAILED: h.CHILD_CREATED,
    h.TIMER_FIRED: h.TIMER_CREATED,
}
"""What brings which kind of event to its end."""


@dataclass(frozen=True)
class Bar:
    """Something that took time. `kind`: "activity", "timer", "child", "event", "entity", "suspended"; `state` adds to its name."""

    kind: str
    name: str
    begin: datetime
    end: datetime
    state: str = ""  # "", "failed", "open", "cancelled"
    note: str = ""
    place: Place = ()
    instance: str = ""
    x: float = 0.0
    width: float = 0.0


@dataclass(frozen=True)
class Picture:
    """The bars by their beginning, all within `begin` and `end`; `left_out` are missing behind the first `cut`."""

    bars: Sequence[Bar]
    begin: datetime
    end: datetime
    left_out: int = 0
    cut: int = 0


def timeline(events: Sequence[Mapping[str, Any]], now: datetime, whereabouts: Whereabouts | None = None) -> Picture:
    """The picture of a raw history; `whereabouts` adds the lines, and since when events were waited for, which no history tells."""
    instants = [h.instant(event["Timestamp"]) for event in events] or [now]
    ended = any(event["EventType"] == h.EXECUTION_COMPLETED for event in events)
    first, last = min(instants), max(instants) if ended else max([*instants, now])
    asked = whereabouts.asked if whereabouts else ()
    bars = sorted([*_scheduled(events, asked, last), *_waits(events, asked, last), *_suspensions(events, last)], key=lambda bar: bar.begin)
    scale = WIDTH / max((last - first).total_seconds(), 0.001)
    bars = [_drawn(bar, first, last, scale) for bar in bars]
    if len(bars) <= FIRST + LAST + 1:
        return Picture(bars, first, last)
    return Picture([*bars[:FIRST], *bars[-LAST:]], first, last, len(bars) - FIRST - LAST, FIRST)


def _drawn(bar: Bar, first: datetime, last: datetime, scale: float) -> Bar:
    begin, end = max(bar.begin, first), min(bar.end, last)
    width = min(max(SHORTEST, (end - begin).total_seconds() * scale), WIDTH)
    return replace(bar, x=min((begin - first).total_seconds() * scale, WIDTH - width), width=width)


def _scheduled(events: Sequence[Mapping[str, Any]], asked: Sequence[Asked], last: datetime) -> Iterator[Bar]:
    """Activities, sub-orchestrations, timers: what has a number in the history."""
    of = {number: each for each in asked for number in each.numbers}
    over = {completed_by(event): event for event in events if event["EventType"] in COMPLETES}
    attempts: dict[int, int] = {}
    for event in events:
        kind = _SCHEDULED.get(event["EventType"])
        if kind is None:
            continue
        number, begin = event["EventId"], h.instant(event["Timestamp"])
        source, end = of.get(number), over.get((event["EventType"], number))
        bar = Bar(kind, event.get("Name") or kind, begin, last, "open", place=source.place if source else ())
        if kind == "timer":
            yield _timer(bar, event, end is not None, source, last)
            continue
        if source and source.attempts > 1:
            attempts[id(source)] = attempts.get(id(source), 0) + 1
            bar = replace(bar, note=f"attempt {attempts[id(source)]}")
        if end is not None:
            failed = end["EventType"] in (h.TASK_FAILED, h.CHILD_FAILED)
            bar = replace(bar, end=h.instant(end["Timestamp"]), state="failed" if failed else "")
        yield replace(bar, instance=event.get("InstanceId") or "")


def _timer(bar: Bar, event: Mapping[str, Any], fired: bool, source: Asked | None, last: datetime) -> Bar:
    """The engine stamps a timer's end with its creation, as the real one does; what counts is when it was due."""
    due = max(h.instant(event["FireAt"]), bar.begin)
    pause = "pause before the next attempt" if source is not None and source.kind in ("activity", "child") else ""
    if source is not None and source.cancelled:
        return replace(bar, end=min(due, last), state="cancelled", note="cancelled")
    if fired:
        return replace(bar, end=due, state="", note=pause)
    return replace(bar, end=last, note=pause)


_SCHEDULED = {h.TASK_SCHEDULED: "activity", h.CHILD_CREATED: "child", h.TIMER_CREATED: "timer"}


def completed_by(event: Mapping[str, Any]) -> tuple[int, int]:
    """What a completion completes: kind and number."""
    return COMPLETES[event["EventType"]], event["TimerId"] if event["EventType"] == h.TIMER_FIRED else event["TaskScheduledId"]


def _waits(events: Sequence[Mapping[str, Any]], asked: Sequence[Asked], last: datetime) -> Iterator[Bar]:
    """Waits for events, as Python has them, and for entities; an event that nobody is known to have waited for is a moment."""
    came: dict[str, deque[datetime]] = defaultdict(deque)
    for event in events:
        if event["EventType"] == h.EVENT_RAISED and not REQUEST.fullmatch(event["Name"]):
            came[event["Name"]].append(h.instant(event["Timestamp"]))
    for each in asked:
        if each.since is None or each.kind not in ("event", "entity"):
            continue
        if each.kind == "event":
            end = came[each.name].popleft() if came[each.name] else None
        else:
            end = each.until if each.done else None
        bar = Bar(each.kind, each.name, each.since, last, "open", place=each.place, instance=each.instance)
        yield bar if end is None else replace(bar, begin=min(each.since, end), end=end, state="")
    yield from (Bar("event", name, at, at, note="came") for name, instants in came.items() for at in instants)


def _suspensions(events: Sequence[Mapping[str, Any]], last: datetime) -> Iterator[Bar]:
    begin: datetime | None = None
    for event in events:
        if event["EventType"] == h.EXECUTION_SUSPENDED:
            begin = begin or h.instant(event["Timestamp"])
        elif event["EventType"] == h.EXECUTION_RESUMED and begin is not None:
            yield Bar("suspended", "suspended", begin, h.instant(event["Timestamp"]))
            begin = None
    if begin is not None:
        yield Bar("suspended", "suspended", begin, last, "open")
