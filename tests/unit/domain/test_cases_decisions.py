"""Cases from public reports, about decisions: quorums, races, second rounds, two operators (A 1, A 3, B 5, B 7, K 48, M 55, M 57)."""

import itertools
from dataclasses import replace

import pytest

from domain import commands as c
from domain.agenda import agenda
from domain.commands import Actor
from domain.facts import Asked, Decided, Extended, Reminded, StageOpened
from domain.judge import decide, fold
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DIA,
    ELI,
    MILLISECOND,
    NINE,
    OMAR,
    PROPOSAL,
    Step,
    Told,
    a_plan,
    a_review,
    a_stage,
    after,
    approve,
    ask_changes,
    by,
    days,
    hours,
    operator,
    planned,
    refused,
    reject,
    revise,
    time,
)

FIVE = (ANN, BEN, CEM, DIA, ELI)


def test_all_is_rejected_the_moment_that_it_can_no_longer_pass() -> None:
    """Case 1: ann rejects at ten; the other four get a closing mail and their links say settled."""
    told = a_review(a_stage(*FIVE, rule="all"))
    seen = told.review.number
    told = after(told, reject(ANN, hours(1)))
    assert (told.review.status, told.review.ended_at) == ("rejected", NINE + hours(1))
    closing = [notice.slot for notice in agenda(told.review, told.facts, seen).notices if notice.kind == "closed"]
    assert closing == ["r1s1p2", "r1s1p3", "r1s1p4", "r1s1p5"]
    assert {refused(told, approve(person)).code for person in FIVE[1:]} == {"settled"}


def test_three_of_five_is_open_after_two_rejections_and_rejected_at_the_third() -> None:
    """Case 1: two are not out of reach yet."""
    told = after(a_review(a_stage(*FIVE, rule="3 of 5")), reject(ANN), reject(BEN))
    assert told.review.status == "in_review"
    assert after(told, reject(CEM)).review.status == "rejected"


def test_nothing_waits_on_those_who_are_no_longer_needed() -> None:
    """Case 3: with two of four, cem and dia get one closing mail each, and no reminder afterwards."""
    told = a_review(a_stage(*FIVE[:4], rule="2 of 4", reminders=(days(1),)), a_stage(ELI, name="Next"))
    seen = told.review.number
    told = after(told, approve(ANN, hours(1)), approve(BEN, hours(2)))
    closing = [notice.slot for notice in agenda(told.review, told.facts, seen).notices if notice.kind == "closed"]
    assert closing == ["r1s1p3", "r1s1p4"]
    told = after(told, time(days(2)))
    assert (told.waits_on, told.of(Reminded)) == (["Eli"], [])
    assert refused(told, approve(CEM)).by == BEN


def raced(told: Told, *steps: Step) -> Told:
    """All judge on what stands now; whoever commits second is judged again on what came first, as the records have it."""
    for step in steps:
        told = step(told)
    return told


@pytest.mark.parametrize("order", list(itertools.permutations((ANN, BEN))))
def test_two_at_once_under_all_open_the_next_stage_once(order: tuple[object, ...]) -> None:
    """Case 5: neither sees one of two votes for ever."""
    told = raced(a_review(a_stage(ANN, BEN, rule="all"), a_stage(CEM, name="Next")), *(approve(each, hours(1)) for each in order))  # type: ignore[arg-type]
    assert [opened.stage for opened in told.of(StageOpened)] == [0, 1]
    assert [asked.person for asked in told.of(Asked)] == [ANN, BEN, CEM]
    assert [fact.number for fact in told.facts] == list(range(1, len(told.facts) + 1))


def test_two_at_once_under_any_are_one_decision_and_one_that_came_too_late() -> None:
    """Case 5: the second hears who was first, and the next stage opens once."""
    told = after(a_review(a_stage(ANN, BEN), a_stage(CEM, name="Next")), approve(ANN, hours(1)))
    assert refused(told, approve(BEN, hours(1))).by == ANN
    assert len(told.of(StageOpened)) == 2
    assert len(told.of(Decided)) == 1


def test_a_changed_mind_changes_neither_the_line_nor_the_total() -> None:
    """Case 7: reject, approve, reject again; then the other two approve, and ann's rejection is shown."""
    told = after(a_review(a_stage(ANN, BEN, CEM, rule="2 of 3")), reject(ANN, hours(1)))
    assert refused(told, approve(ANN, hours(2))).message == "You rejected this on 30 Nov 2026, 09:00 UTC; that stands unchanged."
    told = after(told, reject(ANN, hours(3)))
    assert told.judgement.repeated
    told = after(told, approve(BEN), approve(CEM))
    assert told.review.status == "approved"
    assert [slot.state for slot in told.review.slots] == ["rejected", "approved", "approved"]


def test_two_operators_who_extend_are_both_judged_on_what_stands() -> None:
    """Case 48: olga moves it to Friday; omar's Wednesday is earlier by now and is refused, with the deadline that stands."""
    told = after(a_review(a_stage(ANN, deadline=days(1))), operator(c.Extend(NINE + days(4), "Fair.")))
    refusal = refused(told, operator(c.Extend(NINE + days(2), "Fair."), who=OMAR))
    assert (refusal.field, "4 Dec 2026, 08:00 UTC" in refusal.message) == ("until", True)
    assert len(told.of(Extended)) == 1


def test_two_operators_who_reassign_one_turn_hand_it_on_once() -> None:
    """Case 48: the second hears that it is handed on already."""
    told = after(a_review(a_stage(ANN, BEN, rule="all")), operator(c.Reassign("r1s1p1", DIA, "Ill.")))
    assert refused(told, operator(c.Reassign("r1s1p1", ELI, "Ill."), who=OMAR)).code == "not_open"
    assert told.waits_on == ["Ben", "Dia"]


TWO_OF_THREE = a_plan(a_stage(ANN, BEN, CEM, rule="2 of 3"))


def second_round() -> Told:
    """Ann approves, ben requests changes, Sam revises at ten."""
    return after(a_review(TWO_OF_THREE), approve(ANN), ask_changes(BEN), revise(hours(1)), planned(TWO_OF_THREE))


def test_a_second_round_begins_at_nothing() -> None:
    """Case 55: in review, no decision, everybody asked anew; ann's vote stands in round 1 and is not counted."""
    told = second_round()
    assert (told.review.status, told.review.round, told.review.outcome) == ("in_review", 2, None)
    assert told.waits_on == ["Ann", "Ben", "Cem"]
    assert [(slot.id, slot.state) for slot in told.review.slots[:3]] == [
        ("r1s1p1", "approved"),
        ("r1s1p2", "changes_requested"),
        ("r1s1p3", "closed"),
    ]
    assert after(told, approve(CEM)).review.status == "in_review"


@pytest.mark.parametrize("content_hash", [None, "c1", "c2", "forged"])
def test_an_approval_never_slides_onto_other_content(content_hash: str | None) -> None:
    """Case 57: the page was open, Sam revised at ten, the old form came at 10:01, by hand with the new hash too."""
    old_form = by(Actor(CEM, "reviewer"), c.Decide("r1s1p3", "approve", content_hash=content_hash), hours(1) + MILLISECOND)
    assert refused(second_round(), old_form).code == "revised"


def test_an_approval_that_was_committed_first_stands_in_its_own_round_only() -> None:
    """Case 57: both in the same millisecond; whoever is second is judged on what stands."""
    told = second_round()
    assert {fact.body.content_hash for fact in told.facts if isinstance(fact.body, Decided)} == {"c1"}
    answer = by(Actor(ANN, "reviewer"), c.Decide("r1s1p1", "approve"))(told)
    assert answer.judgement.repeated
    assert told.slot(ANN).state == "open"


def test_a_new_slot_with_the_hash_of_the_old_page_is_refused_and_not_used_up() -> None:
    """Case 57: nor may the new link decide on the old text."""
    told = second_round()
    judged = decide(
        told.review, c.Decide("r2s1p1", "approve", content_hash="c1"), Actor(ANN, "reviewer"), told.review.last_at, told.directory
    )
    assert judged.refusal is not None
    assert (judged.refusal.code, judged.refusal.field, judged.facts) == ("invalid", "content_hash", ())
    assert after(told, approve(ANN)).slot(ANN).state == "approved"


def test_folding_the_whole_trail_is_folding_it_step_by_step() -> None:
    """What a reader sees is what the writer had before them."""
    told = after(second_round(), approve(ANN), approve(BEN))
    assert fold(PROPOSAL, told.facts) == told.review
    assert replace(told.review, number=0) != told.review
