"""The picture of an instance: what ran, waited or slept, and for how long."""

from datetime import UTC, datetime
from typing import Any

from standalone.timeline import LONGEST, WIDTH, timeline


def at(minute: int) -> datetime:
    """A minute of one hour."""
    return datetime(2026, 11, 30, 8, minute, tzinfo=UTC)


def event(kind: str, minute: int, **fields: Any) -> dict[str, Any]:
    """An event of a history."""
    return {"EventType": kind, "Timestamp": at(minute).isoformat(), **fields}


def test_a_timer_is_as_long_as_it_slept() -> None:
    """The engine stamps a timer's end with its creation (as the real one does); what counts is when it was due."""
    due = at(30).isoformat()
    picture = timeline([event("ExecutionStarted", 0), event("TimerCreated", 10, FireAt=due), event("TimerFired", 10, FireAt=due)], at(40))
    [bar] = picture.bars
    assert (bar.label, bar.words, bar.open) == ("timer", "timer: 1,200.0 s", False)
    assert (bar.x, bar.width) == (WIDTH / 4, WIDTH / 2)


def test_what_is_not_over_reaches_to_the_present() -> None:
    """Somebody looks because it hangs."""
    history = [
        event("ExecutionStarted", 0),
        event("TaskScheduled", 10, Name="assess"),
        event("TimerCreated", 20, FireAt=at(59).isoformat()),
    ]
    bars = timeline(history, at(40)).bars
    assert [(bar.label, bar.open, bar.x + bar.width) for bar in bars] == [("assess", True, WIDTH), ("timer, not fired", True, WIDTH)]


def test_a_completed_activity_begins_when_it_was_scheduled() -> None:
    """The API tells both in one event."""
    history = [event("ExecutionStarted", 0), event("TaskCompleted", 30, FunctionName="assess", ScheduledTime=at(15).isoformat())]
    [bar] = timeline([*history, event("ExecutionCompleted", 30)], at(59)).bars
    assert (bar.words, bar.x, bar.width) == ("assess: 900.0 s", WIDTH / 2, WIDTH / 2)


def test_a_long_history_is_cut_and_said_to_be() -> None:
    """Ten thousand bars help nobody, and a picture that leaves some out without a word misleads."""
    picture = timeline([event("EventRaised", 1, Name="go")] * (LONGEST + 5), at(2))
    assert (len(picture.bars), picture.left_out) == (LONGEST, 5)


def test_an_instance_that_has_not_begun_has_a_picture_too() -> None:
    """Pending: there is no history."""
    assert timeline([], at(0)).bars == []
