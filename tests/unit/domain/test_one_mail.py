"""One mail a person and turn, the weightiest; the same whoever asks again; none that is past when it is about to go."""

from dataclasses import replace

import pytest

from domain import commands as c
from domain.agenda import WEIGHT, Notice, agenda, notices, still_wanted
from domain.facts import Concluded
from domain.people import Person
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DEADLINE,
    DIA,
    NINE,
    Step,
    Told,
    a_plan,
    a_review,
    a_stage,
    after,
    approve,
    ask_changes,
    days,
    delegate,
    hours,
    operator,
    planned,
    received,
    reject,
    revise,
    submitter,
    time,
)

STAGE = a_stage(ANN, BEN, CEM, rule="2 of 3", reminders=(days(2),), on_expiry="escalate", escalate_to=(DIA,))
WAYS: list[tuple[Step, ...]] = [
    (approve(ANN), approve(BEN)),
    (reject(ANN), time(days(3)), approve(BEN), approve(CEM)),
    (time(days(12)),),
    (approve(ANN), ask_changes(BEN), revise(), planned(a_plan(STAGE)), approve(ANN), reject(BEN), reject(CEM)),
    (delegate(ANN, DIA), operator(c.Reassign("r1s1p2", ANN, "Ill.")), operator(c.Extend(NINE + days(9), "Fair.")), submitter(c.Withdraw())),
]


def mails(told: Told, seen: int = 0) -> list[tuple[str, str | None]]:
    """Kind and slot of the mails that are asked for since a fact."""
    return [(notice.kind, notice.slot) for notice in agenda(told.review, told.facts, seen).notices]


def address(told: Told, notice: Notice) -> str:
    """Whom a mail goes to."""
    slot = told.review.slot(notice.slot) if notice.slot else None
    return slot.person.email if slot else told.review.submitter.email


@pytest.mark.parametrize("way", WAYS)
def test_nobody_gets_two_mails_in_one_turn_but_the_submitter_their_link(way: tuple[Step, ...]) -> None:
    """From wherever it is looked at, the whole trail at once too."""
    told = after(a_review(STAGE), *way)
    for seen in range(told.review.number + 1):
        wanted = agenda(told.review, told.facts, seen).notices
        people = [address(told, notice) for notice in wanted if notice.kind != "received"]
        assert len(people) == len(set(people)), wanted


@pytest.mark.parametrize("way", WAYS)
def test_a_look_from_the_beginning_leaves_out_only_what_is_past_or_outweighed(way: tuple[Step, ...]) -> None:
    """An instance started anew asks again for all of it, in the order of the facts; the marks keep mails from going twice."""
    told = after(a_review(STAGE), *way)
    wanted = agenda(told.review, told.facts, 0).notices
    assert list(wanted) == sorted(wanted, key=lambda notice: notice.number)
    for notice in (notice for fact in told.facts for notice in notices(told.review, fact, told.facts) if still_wanted(told.review, notice)):
        heavier = [each for each in wanted if address(told, each) == address(told, notice) and WEIGHT[each.kind] <= WEIGHT[notice.kind]]
        assert heavier, notice


@pytest.mark.parametrize("way", WAYS)
def test_every_end_is_told_to_the_submitter_once(way: tuple[Step, ...]) -> None:
    """And the follow-up of proprietary rules begins with the same fact."""
    told = after(a_review(STAGE), *way)
    end = next(fact.number for fact in told.facts if isinstance(fact.body, Concluded))
    assert ("outcome", None) in mails(told, end - 1)
    assert agenda(told.review, told.facts, end - 1).follow_up
    assert mails(told, end) == []
    assert not agenda(told.review, told.facts, end).follow_up


def test_the_first_mail_goes_even_if_the_end_came_first() -> None:
    """It holds the submitter's link: refused by a check within the second, they must still be able to look."""
    assert mails(after(received(), submitter(c.Withdraw()))) == [("received", None), ("outcome", None)]


def test_two_turns_of_one_address_are_one_mail() -> None:
    """A person with a turn in two stages hears of the second, and not also that the first is over."""
    told = a_review(a_stage(ANN, BEN, name="First"), a_stage(replace(BEN, email="BEN@example.com"), name="Second"))
    seen = told.review.number
    told = after(told, approve(ANN))
    assert mails(told, seen) == [("asked", "r1s2p1")]


def test_an_escalation_asks_the_senior_and_leaves_the_others_in_peace() -> None:
    """Their links are as good as before."""
    told = a_review(STAGE)
    seen = told.review.number
    assert mails(after(told, time(DEADLINE)), seen + 1) == [("asked", "r1s1p4")]


def test_a_reminder_goes_to_those_who_still_wait_when_it_is_sent() -> None:
    """Between its instant and its mail somebody may have decided."""
    told = after(a_review(STAGE), time(days(2)))
    seen = told.review.number - 1
    assert mails(told, seen) == [("reminder", "r1s1p1"), ("reminder", "r1s1p2"), ("reminder", "r1s1p3")]
    assert mails(after(told, approve(BEN)), seen) == [("reminder", "r1s1p1"), ("reminder", "r1s1p3")]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("received", True),
        ("outcome", True),
        ("closed", True),
        ("asked", False),
        ("reminder", False),
        ("extended", False),
        ("changes_requested", False),
    ],
)
def test_after_the_end_only_news_of_the_end_is_sent(kind: str, wanted: bool) -> None:
    """Whatever was held up by an outage of the mail server."""
    told = after(a_review(STAGE), operator(c.Cancel("A duplicate."), hours(1)))
    assert still_wanted(told.review, Notice(kind, None if kind in ("received", "outcome", "changes_requested") else "r1s1p1", 1)) is wanted  # type: ignore[arg-type]


def test_the_checks_of_a_round_are_asked_for_until_its_plan_stands() -> None:
    """And not while it is on hold, nor after its end."""
    told = received()
    assert agenda(told.review, told.facts, told.review.number).check == 1
    held = after(told, operator(c.Suspend("Wait.")))
    assert agenda(held.review, held.facts, 0).check is None
    again = after(held, operator(c.Resume("Go.")))
    assert agenda(again.review, again.facts, again.review.number).check == 1
    ended = after(again, submitter(c.Withdraw()))
    assert agenda(ended.review, ended.facts, 0).check is None
    assert agenda(a_review(STAGE).review, a_review(STAGE).facts, 0).check is None


def test_a_person_is_somebody_with_an_address_whatever_they_are_called() -> None:
    """Two people of one name are two mails."""
    told = a_review(a_stage(ANN, Person("Ann", "another.ann@example.com"), rule="all"))
    assert mails(told) == [("received", None), ("asked", "r1s1p1"), ("asked", "r1s1p2")]
