"""The picture of an instance: what ran, waited or slept, and for how long."""

from datetime import UTC, datetime
from typing import Any

from standalone.contracts import Asked, Line, Whereabouts
from standalone.engine import history as h
from standalone.timeline import FIRST, LAST, SHORTEST, WIDTH, Bar, timeline

PLACE = (Line("function_app.py", 7, "approval"),)


def at(minute: float) -> datetime:
    """A minute of one hour."""
    return datetime(2026, 11, 30, 8, int(minute), int(minute % 1 * 60), tzinfo=UTC)


def event(kind: int, minute: float, number: int = -1, **fields: Any) -> dict[str, Any]:
    """An event of a raw history."""
    return h.event(kind, h.stamp(at(minute)), number, **fields)


BEGIN = event(h.EXECUTION_STARTED, 0)
END = event(h.EXECUTION_COMPLETED, 40, 9)


def minutes(bar: Bar) -> tuple[float, float]:
    """From when to when a bar reaches."""
    return (bar.begin - at(0)).total_seconds() / 60, (bar.end - at(0)).total_seconds() / 60


def test_an_activity_is_as_long_as_from_its_schedule_to_its_answer() -> None:
    """A completion names the number of what it completes."""
    history = [
        BEGIN, event(h.TASK_SCHEDULED, 10, 0, Name="assess"), event(h.TASK_SCHEDULED, 10, 1, Name="notify"),
        event(h.TASK_FAILED, 20, TaskScheduledId=1), event(h.TASK_COMPLETED, 30, TaskScheduledId=0), END,
    ]  # fmt: skip
    first, second = timeline(history, at(59)).bars
    assert (first.name, first.state, minutes(first), first.x, first.width) == ("assess", "", (10, 30), WIDTH / 4, WIDTH / 2)
    assert (second.name, second.state, minutes(second)) == ("notify", "failed", (10, 20))


def test_a_timer_is_as_long_as_it_slept() -> None:
    """The engine stamps a timer's end with its creation (as the real one does); what counts is when it was due."""
    due = h.stamp(at(30))
    history = [BEGIN, event(h.TIMER_CREATED, 10, 0, FireAt=due), event(h.TIMER_FIRED, 10, TimerId=0, FireAt=due)]
    [bar] = timeline(history, at(40)).bars
    assert (bar.name, bar.state, minutes(bar)) == ("timer", "", (10, 30))


def test_a_cancelled_timer_says_so_and_ends_when_it_was_due() -> None:
    """Its row stays in the history, and nothing there tells that it was cancelled: the code does."""
    history = [BEGIN, event(h.TIMER_CREATED, 10, 0, FireAt=h.stamp(at(20)))]
    cancelled = Asked("timer", place=PLACE, cancelled=True, numbers=[0])
    [bar] = timeline(history, at(40), Whereabouts("waits", asked=[cancelled])).bars
    assert (bar.state, bar.note, minutes(bar), bar.place) == ("cancelled", "cancelled", (10, 20), PLACE)


def test_what_is_not_over_reaches_to_the_present() -> None:
    """Somebody looks because it hangs."""
    history = [BEGIN, event(h.TASK_SCHEDULED, 10, 0, Name="assess"), event(h.TIMER_CREATED, 20, 1, FireAt=h.stamp(at(59)))]
    bars = timeline(history, at(40)).bars
    assert [(bar.name, bar.state, bar.x + bar.width) for bar in bars] == [("assess", "open", WIDTH), ("timer", "open", WIDTH)]


def test_a_wait_is_as_long_as_somebody_was_waited_for() -> None:
    """Three weeks for a decision are the longest thing in most histories, which hold no word of them but the end."""
    history = [BEGIN, event(h.EVENT_RAISED, 30, Name="decision")]
    waits = [Asked("event", "decision", PLACE, since=at(5)), Asked("event", "other", since=at(30))]
    first, second = timeline(history, at(40), Whereabouts("waits", asked=waits)).bars
    assert (first.name, first.state, minutes(first), first.place) == ("decision", "", (5, 30), PLACE)
    assert (second.name, second.state, minutes(second)) == ("other", "open", (30, 40))


def test_an_event_that_nobody_waited_for_is_a_moment() -> None:
    """The same where the code cannot be looked at."""
    history = [BEGIN, event(h.EVENT_RAISED, 30, Name="Decision")]
    for whereabouts in (None, Whereabouts("waits", asked=[Asked("event", "decision", since=at(5))])):
        bar = next(bar for bar in timeline(history, at(40), whereabouts).bars if bar.note)
        assert (bar.name, bar.note, minutes(bar), bar.width) == ("Decision", "came", (30, 30), SHORTEST)


def test_attempts_are_counted_and_the_pauses_between_them_are_told_from_other_timers() -> None:
    """All of them come from one call."""
    retry = Asked("activity", "send", PLACE, attempts=2, numbers=[0, 1, 2])
    history = [
        BEGIN, event(h.TASK_SCHEDULED, 0, 0, Name="send"), event(h.TASK_FAILED, 1, TaskScheduledId=0),
        event(h.TIMER_CREATED, 1, 1, FireAt=h.stamp(at(6))), event(h.TIMER_FIRED, 1, TimerId=1, FireAt=h.stamp(at(6))),
        event(h.TASK_SCHEDULED, 6, 2, Name="send"),
    ]  # fmt: skip
    bars = timeline(history, at(7), Whereabouts("waits", asked=[retry])).bars
    assert [(bar.name, bar.note, bar.state) for bar in bars] == [
        ("send", "attempt 1", "failed"), ("timer", "pause before the next attempt", ""), ("send", "attempt 2", "open"),
    ]  # fmt: skip


def test_a_suspension_is_seen() -> None:
    """It explains a gap in which nothing moved."""
    history = [BEGIN, event(h.EXECUTION_SUSPENDED, 5), event(h.EXECUTION_RESUMED, 15), event(h.EXECUTION_SUSPENDED, 30)]
    assert [(bar.kind, bar.state, minutes(bar)) for bar in timeline(history, at(40)).bars] == [
        ("suspended", "", (5, 15)), ("suspended", "open", (30, 40)),
    ]  # fmt: skip


def test_a_long_history_is_cut_in_the_middle_and_said_to_be() -> None:
    """Ten thousand bars help nobody; how it began and where it is do. A picture that leaves some out without a word misleads."""
    history = [BEGIN, *(event(h.EVENT_RAISED, number / 10, Name=str(number)) for number in range(200))]
    picture = timeline(history, at(59))
    assert (len(picture.bars), picture.cut, picture.left_out) == (FIRST + LAST, FIRST, 200 - FIRST - LAST)
    assert (picture.bars[0].name, picture.bars[FIRST].name, picture.bars[-1].name) == ("0", str(200 - LAST), "199")


def test_an_instance_that_has_not_begun_has_a_picture_too() -> None:
    """Pending: there is no history."""
    assert timeline([], at(0)).bars == []
