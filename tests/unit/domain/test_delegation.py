"""Handing a decision on: to whom, how often, and what becomes of the old link."""

import pytest

from domain.facts import Asked, HandedOn
from domain.people import Person
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DIA,
    ELI,
    FAY,
    GIL,
    SAM,
    a_review,
    a_stage,
    after,
    approve,
    ask_changes,
    delegate,
    directory_of,
    hours,
    planned,
    refused,
    reject,
    revise,
    time,
    vote,
)
from tests.unit.builders import a_plan as plan

TWO_OF_THREE = a_stage(ANN, BEN, CEM, rule="2 of 3")


def test_whoever_it_is_handed_to_decides_in_their_place() -> None:
    """One slot closed, one opened: the quorum counts them once."""
    told = after(a_review(TWO_OF_THREE), delegate(ANN, DIA, hours(1), "You know roofs."))
    assert told.of(HandedOn) == [HandedOn("r1s1p1", "r1s1p4", "delegated", "You know roofs.")]
    assert told.of(Asked)[-1] == Asked("r1s1p4", 0, DIA, "delegated", "r1s1p1", False, "You know roofs.")
    assert told.waits_on == ["Ben", "Cem", "Dia"]
    assert after(told, approve(DIA), approve(BEN)).review.status == "approved"


def test_it_is_the_holder_who_hands_it_on() -> None:
    """The trail names who did it, not the system."""
    told = after(a_review(TWO_OF_THREE), delegate(ANN, DIA))
    assert [(fact.author, fact.role) for fact in told.facts[-2:]] == [(ANN, "reviewer")] * 2


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (SAM, "own proposal"),
        (ANN, "hold it already"),
        (Person("Ann again", "ANN@example.com"), "hold it already"),
        (BEN, "decision of their own"),
        (Person("Eve", "eve@elsewhere.net"), "directory"),
    ],
)
def test_it_can_only_be_handed_to_somebody_who_may_decide(to: Person, words: str) -> None:
    """Nothing is used up: the holder can still decide."""
    told = a_review(TWO_OF_THREE, directory=directory_of())
    refusal = refused(told, delegate(ANN, to))
    assert (refusal.code, refusal.field) == ("invalid", "to")
    assert words in refusal.message
    assert after(told, approve(ANN)).slot(ANN).state == "approved"


def test_it_never_goes_back_to_an_earlier_holder() -> None:
    """Two people who hand it to each other would never decide."""
    told = after(a_review(TWO_OF_THREE), delegate(ANN, DIA), delegate(DIA, ELI))
    assert "handed it on" in refused(told, delegate(ELI, ANN)).message
    assert "handed it on" in refused(told, delegate(ELI, DIA)).message


def test_it_can_be_handed_on_three_times_and_no_more() -> None:
    """The fourth holder decides."""
    told = after(a_review(TWO_OF_THREE), delegate(ANN, DIA), delegate(DIA, ELI), delegate(ELI, FAY))
    assert "3 times" in refused(told, delegate(FAY, GIL)).message
    assert after(told, approve(FAY), approve(BEN)).review.status == "approved"


def test_somebody_who_left_cannot_get_it() -> None:
    """Their link would be dead at once."""
    told = a_review(TWO_OF_THREE, directory=directory_of(gone=[DIA]))
    assert refused(told, delegate(ANN, DIA)).field == "to"


def test_a_stage_may_forbid_it() -> None:
    """Some decisions are theirs alone."""
    told = a_review(a_stage(ANN, may_delegate=False))
    assert refused(told, delegate(ANN, DIA)).field == "action"


def test_a_decision_once_made_is_not_handed_on() -> None:
    """It stands."""
    told = after(a_review(TWO_OF_THREE), reject(ANN))
    assert refused(told, delegate(ANN, DIA)).code == "already_decided"


def test_who_handed_it_on_may_get_another_turn_of_their_own_later() -> None:
    """A turn handed on is nobody's turn: Cem may hand his to Ann, who then has one."""
    told = after(a_review(TWO_OF_THREE), delegate(ANN, DIA), delegate(CEM, ANN))
    assert after(told, approve(ANN), approve(DIA)).review.status == "approved"


def test_the_right_to_settle_alone_goes_with_the_slot() -> None:
    """An escalation to somebody on holiday can be handed on as it is."""
    told = a_review(a_stage(ANN, BEN, rule="all", on_expiry="escalate", escalate_to=(DIA,)))
    told = after(told, time(hours(5 * 24)), delegate(DIA, ELI))
    assert after(told, approve(ELI)).review.status == "approved"


def test_a_note_too_long_is_refused() -> None:
    """It is mailed to the next holder, whole."""
    assert refused(a_review(TWO_OF_THREE), delegate(ANN, DIA, comment="x" * 4001)).field == "comment"


def test_in_a_later_round_the_planned_people_are_asked_anew() -> None:
    """A delegation was for that text, not for ever."""
    told = after(a_review(TWO_OF_THREE), delegate(ANN, DIA), ask_changes(BEN), revise(), planned(plan(TWO_OF_THREE)))
    assert told.waits_on == ["Ann", "Ben", "Cem"]
    assert after(told, vote(ANN, "approve")).review.status == "in_review"
