"""Time: every reminder and deadline happens at its own instant, however late or how often somebody looks."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.facts import Concluded, Escalated, Reminded
from domain.judge import next_due
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DEADLINE,
    DIA,
    MILLISECOND,
    NINE,
    Told,
    a_plan,
    a_review,
    a_stage,
    after,
    approve,
    ask_changes,
    days,
    hours,
    refused,
    reject,
    time,
)

REMINDED = a_stage(
    ANN, BEN, CEM, rule="2 of 3", reminders=(days(2), days(4)), on_expiry="escalate", escalate_to=(DIA,), comment_required=("reject",)
)


def test_a_reminder_is_a_fact_of_its_own_instant_however_late_anybody_looks() -> None:
    """A timer may run hours late; what the trail tells must not."""
    told = after(a_review(REMINDED), time(days(4) + hours(7)))
    assert told.at(Reminded) == [days(2), days(4)]
    assert [body.count for body in told.of(Reminded)] == [1, 2]


def test_a_reminder_names_only_those_who_still_wait() -> None:
    """Who has decided is left in peace."""
    told = after(a_review(REMINDED), approve(ANN, hours(1)), time(days(3)))
    assert told.of(Reminded)[0].slots == (told.slot(BEN).id, told.slot(CEM).id)


def test_a_decision_one_millisecond_before_the_deadline_counts() -> None:
    """Counts if and only if it was committed before: not a moment earlier is demanded."""
    told = after(a_review(a_stage(ANN)), approve(ANN, DEADLINE - MILLISECOND))
    assert told.review.status == "approved"


@pytest.mark.parametrize("late", [timedelta(0), MILLISECOND, days(30)])
def test_a_decision_at_the_deadline_or_later_does_not_count(late: timedelta) -> None:
    """The deadline happens first, at its own instant, even when the decision is what makes somebody look."""
    told = after(a_review(a_stage(ANN)), approve(ANN, DEADLINE + late))
    refusal = told.judgement.refusal
    assert refusal is not None
    assert (refusal.code, refusal.at) == ("past_deadline", NINE + DEADLINE)
    assert (told.review.status, told.at(Concluded)) == ("expired", [DEADLINE])


def test_what_time_brought_about_is_kept_though_the_command_is_refused() -> None:
    """Refusing a late vote must not also forget that the stage has expired."""
    judgement = after(a_review(a_stage(ANN)), approve(ANN, days(9))).judgement
    assert judgement.refusal is not None
    assert [fact.at for fact in judgement.facts] == [NINE + DEADLINE] * len(judgement.facts)


def test_no_command_is_judged_before_the_newest_fact() -> None:
    """A clock that went back must not write a trail that goes back."""
    told = after(a_review(a_stage(ANN, BEN, rule="all")), approve(ANN, hours(2)))
    with pytest.raises(ValueError, match="before the newest fact"):
        approve(BEN, hours(1))(told)


def test_next_due_is_the_reminder_then_the_deadline_then_nothing() -> None:
    """The orchestrator sleeps until it; a wrong answer is an approval that never wakes."""
    told = a_review(REMINDED)
    dues = []
    while (due := next_due(told.review)) is not None:
        dues.append(due - NINE)
        told = after(told, time(due - NINE))
    assert dues == [days(2), days(4), days(5), days(7), days(9), days(10)]
    assert told.review.status == "rejected"


def test_nothing_is_due_before_its_time() -> None:
    """A timer that fires early, as on Azure Storage, brings nothing about."""
    told = a_review(REMINDED)
    assert after(told, time(days(2) - MILLISECOND)).facts == told.facts


def test_a_revision_deadline_ends_it_at_its_own_instant() -> None:
    """A submitter who never answers leaves nothing hanging."""
    told = after(a_review(a_plan(a_stage(ANN), revision_deadline=days(14))), ask_changes(ANN, hours(1)), time(days(40)))
    assert (told.review.status, told.at(Concluded)) == ("expired", [days(14) + hours(1)])


def test_reminders_start_anew_with_an_escalation() -> None:
    """Whoever is asked by escalation has a deadline of their own, so reminders of their own too."""
    told = after(a_review(REMINDED), time(days(9)))
    assert told.at(Escalated) == [days(5)]
    assert told.at(Reminded) == [days(2), days(4), days(7), days(9)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 11 * 24 * 60), max_size=12))
def test_finer_steps_of_time_give_the_same_trail(minutes: list[int]) -> None:
    """Whether a timer fired early, late, twice or never: the trail is what the policy says."""
    end = days(11)
    looks = sorted(timedelta(minutes=each) for each in minutes)
    finely = after(a_review(REMINDED), *(time(look) for look in looks), time(end))
    assert finely.facts == after(a_review(REMINDED), time(end)).facts


def test_a_refused_command_and_the_passing_of_time_give_the_same_trail() -> None:
    """Nobody can move a proposal by knocking at closed doors."""
    told: Told = a_review(REMINDED)
    by_time = after(told, time(days(6)))
    refusal = refused(told, reject(ANN, days(6), comment=""))
    assert refusal.field == "comment"
    assert reject(ANN, days(6), comment="")(told).facts == by_time.facts
    assert after(by_time, time(days(6))).facts == by_time.facts
