"""What silence brings: escalation, rejection, expiry, or approval where a policy says so."""

from dataclasses import replace

import pytest

from domain import commands as c
from domain.facts import Asked, Concluded, Escalated, StageExpired, StageSettled
from domain.people import Person
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DEADLINE,
    DIA,
    ELI,
    MILLISECOND,
    NINE,
    SAM,
    Step,
    a_review,
    a_stage,
    abstain,
    after,
    approve,
    ask_changes,
    days,
    directory_of,
    hours,
    operator,
    refused,
    reject,
    time,
)

ESCALATING = a_stage(ANN, BEN, CEM, rule="2 of 3", on_expiry="escalate", escalate_to=(DIA,))


@pytest.mark.parametrize(("on_expiry", "status"), [("expire", "expired"), ("reject", "rejected"), ("approve", "approved")])
def test_a_policy_says_what_silence_means(on_expiry: str, status: str) -> None:
    """At the instant of the deadline, and with the reason in words."""
    told = after(a_review(a_stage(ANN, on_expiry=on_expiry)), time(days(30)))
    assert (told.review.status, told.review.ended_at) == (status, NINE + DEADLINE)
    assert told.of(StageExpired) == [StageExpired(0)]
    assert told.of(StageSettled)[0].by_slot is None


def test_approved_by_silence_goes_on_to_the_next_stage() -> None:
    """Whose deadline begins then, and not when somebody looks."""
    told = after(a_review(a_stage(ANN, on_expiry="approve", name="First"), a_stage(BEN, name="Second")), time(days(7)))
    assert told.waits_on == ["Ben"]
    assert told.review.stages[1].deadline == NINE + DEADLINE * 2
    assert "by silence" in told.of(StageSettled)[0].reason


def test_several_stages_pass_in_one_look() -> None:
    """A host that was away for a month leaves the trail that one would have left that looked every minute."""
    stage = a_stage(ANN, on_expiry="approve")
    told = after(a_review(*(replace(stage, name=name) for name in ("First", "Second", "Third"))), time(days(90)))
    assert told.at(Concluded) == [DEADLINE * 3]


def test_an_escalation_asks_seniors_and_starts_the_deadline_anew() -> None:
    """The others keep their turns: whoever answers first."""
    told = after(a_review(ESCALATING), approve(ANN), time(DEADLINE))
    assert told.of(Escalated) == [Escalated(0, NINE + DEADLINE * 2)]
    assert told.of(Asked)[-1] == Asked("r1s1p4", 0, DIA, "escalated", alone=True)
    assert told.waits_on == ["Ben", "Cem", "Dia"]


def test_it_is_not_escalated_a_millisecond_too_early() -> None:
    """Seniors are bothered when the time is over."""
    assert after(a_review(ESCALATING), time(DEADLINE - MILLISECOND)).of(Escalated) == []


@pytest.mark.parametrize(
    ("step", "status"), [(approve(DIA), "approved"), (reject(DIA), "rejected"), (ask_changes(DIA), "changes_requested")]
)
def test_the_senior_settles_it_alone_whatever_the_others_said(step: Step, status: str) -> None:
    """One rejection by the others does not weigh against it."""
    told = after(a_review(ESCALATING), reject(ANN), time(DEADLINE), step)
    assert told.review.status == status
    assert "past_deadline" not in [slot.closed_why for slot in told.review.slots]


def test_the_others_may_still_settle_it_among_themselves() -> None:
    """And the senior is told that nothing more is needed."""
    told = after(a_review(ESCALATING), time(DEADLINE), approve(ANN), approve(BEN))
    assert told.review.status == "approved"
    assert refused(told, approve(DIA)).code == "settled"


def test_the_seniors_vote_is_not_counted_among_the_others() -> None:
    """Their abstention leaves it to the others, and their number stays."""
    told = after(a_review(ESCALATING), time(DEADLINE), abstain(DIA), approve(ANN))
    assert told.review.status == "in_review"
    assert after(told, approve(BEN)).review.status == "approved"


def test_it_is_escalated_once_and_then_rejected() -> None:
    """A second silence is an answer."""
    told = after(a_review(ESCALATING), time(days(90)))
    assert (told.review.status, told.at(Concluded), len(told.of(Escalated))) == ("rejected", [DEADLINE * 2], 1)


@pytest.mark.parametrize(("seniors", "gone"), [((SAM,), ()), ((ANN,), ()), ((DIA,), (DIA,)), ((), ())])
def test_without_a_senior_who_may_decide_it_is_rejected(seniors: tuple[Person, ...], gone: tuple[Person, ...]) -> None:
    """The submitter, somebody who was asked already, somebody who left: the next step of the ladder."""
    stage = replace(ESCALATING, escalate_to=seniors)
    told = after(a_review(stage, directory=directory_of(gone=gone)), time(DEADLINE))
    assert (told.review.status, told.of(Escalated)) == ("rejected", [])


def test_several_seniors_are_asked_at_once_and_one_suffices() -> None:
    """No second ladder among them."""
    told = after(a_review(replace(ESCALATING, escalate_to=(DIA, ELI))), time(DEADLINE), approve(ELI))
    assert told.review.status == "approved"
    assert refused(told, approve(DIA)).by == ELI


def test_too_many_abstentions_escalate_at_once() -> None:
    """Nothing is gained by waiting for the deadline."""
    told = after(a_review(ESCALATING), abstain(ANN), abstain(BEN, hours(2)))
    assert told.at(Escalated) == [hours(2)]
    assert told.waits_on == ["Cem", "Dia"]


def test_when_the_senior_abstains_too_it_is_rejected() -> None:
    """There is nobody above."""
    told = after(a_review(ESCALATING), abstain(ANN), abstain(BEN), abstain(CEM), abstain(DIA))
    assert told.review.status == "rejected"
    assert "Too many abstained" in told.review.reasons[0]


def test_an_extension_puts_the_escalation_off() -> None:
    """The senior is not bothered before the new deadline."""
    told = after(a_review(ESCALATING), operator(c.Extend(NINE + days(8), "Fair.")), time(days(8) - MILLISECOND))
    assert told.of(Escalated) == []
    assert after(told, time(days(8))).at(Escalated) == [days(8)]
