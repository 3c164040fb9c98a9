"""Where there is nobody to ask: the fallback, or a hold that says what it needs. Never approved by absence, never waiting in silence."""

from dataclasses import replace

import pytest

from domain import commands as c
from domain.facts import Asked, HandedOn, MailFailed, PutOnHold, StageOpened
from domain.people import Person
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DEADLINE,
    DIA,
    ELI,
    FAY,
    SAM,
    Told,
    a_plan,
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
    planned,
    refused,
    reject,
    report,
    revise,
    time,
)


def without(told: Told, *people: Person) -> Told:
    """The same, but these people have left the company."""
    return replace(told, directory=directory_of(gone=people))


def test_a_submitter_among_the_reviewers_gets_no_link() -> None:
    """The others decide without them."""
    told = a_review(a_stage(SAM, ANN, rule="all"))
    assert told.waits_on == ["Ann"]
    assert after(told, approve(ANN)).review.status == "approved"


@pytest.mark.parametrize(("people", "rule"), [((SAM,), "any"), ((SAM, ANN), "2 of 2"), ((), "all")])
def test_too_few_people_put_it_on_hold_when_the_stage_opens(people: tuple[Person, ...], rule: str) -> None:
    """And operators are told what it needs."""
    told = a_review(a_stage(*people, rule=rule)) if people else a_review(replace(a_stage(ANN, rule=rule), reviewers=()))
    assert told.review.hold is not None
    assert "too few people" in told.review.hold.reason
    assert told.review.hold.needs == "add a reviewer to the stage, then resume"
    assert after(told, time(days(90))).review.status == "in_review"


def test_the_fallback_is_asked_for_as_many_as_are_missing() -> None:
    """In its order, and nobody twice."""
    told = a_review(a_stage(SAM, ANN, rule="2 of 2", fallback=(SAM, ANN, DIA, ELI)))
    assert [(asked.person, asked.why) for asked in told.of(Asked)] == [(ANN, "planned"), (DIA, "fallback")]


def test_the_fallback_sleeps_while_there_are_enough() -> None:
    """It is in place of somebody, not beside."""
    assert a_review(a_stage(ANN, BEN, rule="any", fallback=(DIA,))).waits_on == ["Ann", "Ben"]


def test_somebody_added_and_a_resume_set_it_going() -> None:
    """Which is what the hold said that it needs."""
    told = after(a_review(a_stage(SAM)), operator(c.Add(0, DIA, "Sam wrote it."), days(1)), operator(c.Resume("Dia decides."), days(2)))
    assert told.waits_on == ["Dia"]
    assert after(told, approve(DIA)).review.status == "approved"


def test_a_resume_without_anybody_added_puts_it_on_hold_again() -> None:
    """Else it would wait for nobody until its deadline."""
    told = after(a_review(a_stage(SAM, ANN, rule="2 of 2")), operator(c.Resume("Go."), days(1)))
    assert told.review.hold is not None
    assert len(told.of(PutOnHold)) == 2


def test_the_turn_of_somebody_who_left_goes_to_the_fallback_at_the_next_look() -> None:
    """Whoever looks first; their link is dead from then on."""
    told = without(a_review(a_stage(ANN, BEN, rule="2 of 2", fallback=(DIA,))), ANN)
    told = after(told, time(hours(1)))
    assert told.of(HandedOn) == [HandedOn("r1s1p1", "r1s1p3", "fallback", "no longer in the directory")]
    assert told.waits_on == ["Ben", "Dia"]
    assert refused(told, approve(ANN)).code == "handed_on"


def test_the_leavers_own_click_does_not_count() -> None:
    """It is judged on the directory of the moment, not on that of the mail."""
    told = without(a_review(a_stage(ANN, BEN, fallback=(DIA,))), ANN)
    assert refused(told, approve(ANN, hours(1))).code == "handed_on"


def test_what_a_leaver_decided_while_they_were_there_stands() -> None:
    """They had the right to it then."""
    told = without(after(a_review(a_stage(ANN, BEN, rule="all")), approve(ANN)), ANN)
    assert after(told, approve(BEN)).review.status == "approved"


def test_when_everybody_left_it_goes_on_hold() -> None:
    """Not approved, not rejected: nobody was there."""
    told = after(without(a_review(a_stage(ANN, BEN, rule="all")), ANN, BEN), time(hours(1)))
    assert told.review.hold is not None
    assert told.waits_on == []


def test_leavers_whose_stage_was_settled_by_the_first_of_them_are_left_alone() -> None:
    """A turn that is closed is not handed on, and nobody is asked in a stage that is settled."""
    first = a_stage(CEM, ANN, BEN, DIA, rule="3 of 4", on_expiry="approve", name="First")
    told = after(a_review(first, a_stage(ELI, fallback=(FAY,), name="Second")), abstain(CEM))
    told = after(without(told, ANN, BEN), time(hours(3)))
    assert [body.slot for body in told.of(HandedOn)] == ["r1s1p2"]
    assert told.slot(BEN).state == "closed"
    assert told.waits_on == ["Eli"]


def test_the_leavers_of_a_rejected_stage_are_left_alone() -> None:
    """The end is the end."""
    told = after(a_review(a_stage(CEM, ANN, BEN, rule="2 of 3")), reject(CEM))
    told = after(without(told, ANN, BEN), time(hours(3)))
    assert told.review.status == "rejected"
    assert len(told.of(HandedOn)) == 1


def test_a_refused_mail_gives_the_turn_to_the_fallback() -> None:
    """Nobody waits for an answer to a mail that never arrived."""
    told = after(a_review(a_stage(ANN, fallback=(DIA,))), report(MailFailed("r1s1p1", "asked", "550 unknown"), at=hours(1)))
    assert told.waits_on == ["Dia"]
    assert after(told, report(MailFailed("r1s1p1", "asked", "550 unknown"))).facts == told.facts


def test_a_mail_refused_during_a_hold_gives_the_turn_away_when_it_ends() -> None:
    """Nothing moves on hold; afterwards nobody may wait for somebody who was never asked."""
    failed = report(MailFailed("r1s1p1", "asked", "550 unknown"))
    told = after(a_review(a_stage(ANN, BEN, rule="all", fallback=(DIA,))), operator(c.Suspend("Wait.")), failed)
    assert told.waits_on == ["Ann", "Ben"]
    assert after(told, operator(c.Resume("Go."))).waits_on == ["Ben", "Dia"]


def test_several_refused_mails_take_the_fallback_in_its_order() -> None:
    """And who is left without one keeps their turn: an operator sees the finding."""
    told = a_review(a_stage(ANN, BEN, CEM, rule="all", fallback=(DIA, ELI)))
    told = after(told, report(*(MailFailed(f"r1s1p{number}", "asked", "550 unknown") for number in (1, 2, 3))))
    assert told.waits_on == ["Cem", "Dia", "Eli"]


@pytest.mark.parametrize("notice", ["reminder", "closed"])
def test_a_refused_reminder_takes_no_turn_away(notice: str) -> None:
    """The first mail arrived: they have their link."""
    told = after(a_review(a_stage(ANN, fallback=(DIA,))), report(MailFailed("r1s1p1", notice, "550 full")))
    assert told.waits_on == ["Ann"]
    assert len(told.review.findings) == 1


def test_the_second_stage_is_looked_at_when_it_opens() -> None:
    """Who left meanwhile is not asked; the deadline begins only then."""
    told = a_review(a_stage(ANN, name="First"), a_stage(BEN, fallback=(DIA,), name="Second"))
    told = after(without(told, BEN), approve(ANN, days(3)))
    assert told.waits_on == ["Dia"]
    assert told.of(StageOpened)[-1].deadline == told.facts[-1].at + DEADLINE


def test_whoever_wrote_a_revision_does_not_decide_on_it() -> None:
    """Nor does the first submitter: both wrote it."""
    told = after(a_review(a_stage(ANN, BEN, rule="all")), ask_changes(ANN), revise(submitter=BEN), planned(a_plan(a_stage(ANN, BEN, SAM))))
    assert told.waits_on == ["Ann"]
