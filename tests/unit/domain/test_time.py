"""Time is exact: what is due happens at its own instant, however late anybody looks."""

from datetime import timedelta

import pytest

from domain import commands as c
from domain import facts as f
from domain.judge import decide
from tests.unit.domain.world import (
    ANN,
    BEN,
    DAY,
    DIA,
    GREENLIGHT,
    HOUR,
    INSTANT,
    NOON,
    OPERATOR,
    REVIEWER,
    SAM,
    World,
    a_directory,
    a_revision,
    a_stage,
    in_review,
    refused,
)  # fmt: skip


def test_a_decision_one_millisecond_before_the_deadline_counts() -> None:
    """The records' clock decides, never a timer."""
    world = in_review(a_stage(ANN))
    world.now += 5 * DAY - INSTANT
    world.says("r1s1p1", "approve")
    assert world.status() == "approved"


@pytest.mark.parametrize("late", [timedelta(0), INSTANT, 30 * DAY])
def test_a_decision_at_the_deadline_or_after_does_not_count(late: timedelta) -> None:
    """What time brought about is committed even so, at the deadline's own instant."""
    world = in_review(a_stage(ANN))
    world.now += 5 * DAY + late
    refused(world.says("r1s1p1", "approve"), "past_deadline")
    assert world.status() == "expired"
    assert world.review.ended_at == NOON + 5 * DAY


def test_reminders_and_escalation_that_nobody_saw_happen_each_at_its_own_instant() -> None:
    """A host that slept for a month leaves the trail that a wakeful one would have left."""
    stage = a_stage(ANN, on_expiry="escalate", escalate_to=(DIA,), reminders=(2 * DAY, 4 * DAY))
    world = in_review(stage)
    world.pass_time(30 * DAY)
    happened = [(type(fact.body).__name__, (fact.at - NOON) / DAY) for fact in world.trail[4:]]
    assert happened == [
        ("Reminded", 2), ("Reminded", 4), ("Escalated", 5), ("Asked", 5), ("Reminded", 7), ("Reminded", 9),
        ("StageExpired", 10), ("StageSettled", 10), ("Concluded", 10),
    ]  # fmt: skip
    assert world.status() == "rejected"


def test_whoever_it_is_escalated_to_settles_the_stage_alone() -> None:
    """Escalation adds a turn; those asked before keep theirs."""
    world = in_review(a_stage(ANN, BEN, needed=None, on_expiry="escalate", escalate_to=(DIA,)))
    world.pass_time(5 * DAY)
    assert world.states() == {"r1s1p1": "open", "r1s1p2": "open", "r1s1p3": "open"}
    world.says("r1s1p3", "approve")
    assert world.status() == "approved"


def test_an_escalation_to_the_submitter_is_no_escalation() -> None:
    """Case 16 (d): the next step of the ladder is taken instead."""
    world = in_review(a_stage(ANN, on_expiry="escalate", escalate_to=(SAM,)))
    world.pass_time(5 * DAY)
    assert world.status() == "rejected"


def test_a_hold_keeps_what_is_left() -> None:
    """Nothing is reminded, expires or is decided meanwhile; afterwards all moves by the hold's length."""
    world = in_review(a_stage(ANN, reminders=(2 * DAY,)))
    world.do(c.Suspend("budget freeze"), OPERATOR, after=DAY)
    assert world.pass_time(100 * DAY).facts == ()
    assert "On hold since" in refused(world.says("r1s1p1", "approve"), "on_hold")
    world.do(c.Resume("thawed"), OPERATOR)
    world.pass_time(DAY - INSTANT)
    assert not world.kinds(f.Reminded)
    world.pass_time(INSTANT)
    assert len(world.kinds(f.Reminded)) == 1
    world.pass_time(3 * DAY - INSTANT)
    assert world.status() == "in_review"
    world.pass_time(INSTANT)
    assert world.status() == "expired"


def test_extending_on_hold_adds_to_what_is_left() -> None:
    """`until` is the deadline as if the hold ended now."""
    world = in_review(a_stage(ANN))
    world.do(c.Suspend("freeze"), OPERATOR, after=DAY)
    world.do(c.Extend(world.now + 6 * DAY, "holidays"), OPERATOR, after=DAY)
    world.do(c.Resume("go"), OPERATOR)
    state = world.review.open_stage()
    assert state is not None
    assert state.deadline == world.now + 5 * DAY


def test_a_deadline_only_moves_later() -> None:
    """Case 48: the second operator is judged on what stands."""
    world = in_review(a_stage(ANN))
    world.do(c.Extend(world.now + 8 * DAY, "holidays"), OPERATOR)
    refused(world.do(c.Extend(world.now + 7 * DAY, "less"), OPERATOR), "invalid", "until")
    world.pass_time(7 * DAY)
    assert world.status() == "in_review"


def test_no_revision_in_time_expires_the_proposal() -> None:
    """The submitter has a deadline of their own."""
    world = in_review(a_stage(ANN), revision_deadline=3 * DAY)
    world.says("r1s1p1", "request_changes")
    refused(world.do(a_revision(), GREENLIGHT, after=3 * DAY), "ended")
    assert world.status() == "expired"


def test_an_operator_reminds_at_most_once_an_hour() -> None:
    """People turn numb of reminders."""
    world = in_review(a_stage(ANN, BEN))
    refused(world.do(c.Remind(), OPERATOR), "not_open")
    world.do(c.Remind("r1s1p1"), OPERATOR, after=HOUR)
    world.do(c.Remind(), OPERATOR)
    assert [fact.body.slots for fact in world.trail if isinstance(fact.body, f.Reminded)] == [("r1s1p1",), ("r1s1p2",)]
    refused(world.do(c.Remind(), OPERATOR), "not_open")


def test_a_command_from_before_the_newest_fact_is_an_error_of_ours() -> None:
    """Time in a trail never runs backwards."""
    world = World(a_directory())
    with pytest.raises(ValueError, match="before the newest fact"):
        decide(world.review, c.LetTimePass(), REVIEWER, NOON - INSTANT, world.directory)
