"""What an operator may do, and what bars it. Nothing of it counts as a reviewer's vote."""

from datetime import UTC, datetime

import pytest

from domain import commands as c
from domain.facts import Asked, Concluded, Decided, Extended, HandedOn, Overridden, PutOnHold, Reminded, Resumed, RetryAsked
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DEADLINE,
    DIA,
    ELI,
    MILLISECOND,
    NINE,
    OLGA,
    SAM,
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
    refused,
    time,
)

STAGE = a_stage(ANN, BEN, CEM, rule="2 of 3", reminders=(days(2),))
EVERY_ACT = [
    c.Suspend(""),
    c.Resume(""),
    c.Cancel(""),
    c.Reassign("r1s1p1", DIA, ""),
    c.Add(0, DIA, ""),
    c.Extend(NINE + days(9), ""),
    c.Override("approved", ""),
]


def deadline(told: Told) -> object:
    """The open stage's deadline, since nine."""
    state = told.review.open_stage()
    assert state is not None
    return state.deadline - NINE


def test_a_hold_stops_reminders_deadlines_and_decisions() -> None:
    """Whoever is asked something meanwhile must not lose the proposal over it."""
    told = after(a_review(STAGE), operator(c.Suspend("Legal is asked."), hours(1)), time(days(60)))
    assert told.review.status == "in_review"
    assert (told.of(Reminded), told.of(PutOnHold)) == ([], [PutOnHold("Legal is asked.")])


def test_when_it_is_resumed_what_was_left_is_left_still() -> None:
    """Deadlines and reminders move by the length of the hold."""
    told = after(a_review(STAGE), operator(c.Suspend("Wait."), days(1)), operator(c.Resume("Go."), days(11)))
    assert told.of(Resumed) == [Resumed("Go.")]
    assert deadline(told) == DEADLINE + days(10)
    assert after(told, time(days(12) - MILLISECOND)).of(Reminded) == []
    assert after(told, time(days(12))).at(Reminded) == [days(12)]


def test_two_holds_add_up() -> None:
    """Each keeps what was left when it began."""
    told = after(
        a_review(STAGE),
        operator(c.Suspend("One."), days(1)),
        operator(c.Resume("Go."), days(2)),
        operator(c.Suspend("Two."), days(3)),
        operator(c.Resume("Go."), days(5)),
    )
    assert deadline(told) == DEADLINE + days(3)


def test_a_hold_keeps_the_submitters_time_too() -> None:
    """A revision is worth waiting for as well."""
    told = after(a_review(STAGE), ask_changes(ANN), operator(c.Suspend("Wait."), days(1)), operator(c.Resume("Go."), days(4)))
    assert told.review.revision_deadline == NINE + days(14 + 3)


def test_it_is_put_on_hold_once_and_resumed_once() -> None:
    """The second hears that it stands so already."""
    told = a_review(STAGE)
    assert refused(told, operator(c.Resume("Go."))).code == "not_open"
    assert refused(after(told, operator(c.Suspend("Wait."))), operator(c.Suspend("Wait, I say."))).code == "on_hold"


def test_a_deadline_only_moves_later() -> None:
    """Nobody's time is cut short by an operator."""
    told = a_review(STAGE)
    assert refused(told, operator(c.Extend(NINE + DEADLINE, "Same."))).field == "until"
    assert refused(told, operator(c.Extend(NINE + DEADLINE - MILLISECOND, "Less."))).field == "until"
    told = after(told, operator(c.Extend(NINE + DEADLINE + MILLISECOND, "More.")))
    assert told.of(Extended) == [Extended(0, NINE + DEADLINE + MILLISECOND, "More.")]
    assert deadline(told) == DEADLINE + MILLISECOND


def test_a_deadline_that_has_passed_cannot_be_moved() -> None:
    """It has happened, at its own instant."""
    assert refused(a_review(STAGE), operator(c.Extend(NINE + days(30), "Too late."), days(6))).code == "ended"


def test_a_deadline_lies_within_ten_years() -> None:
    """One at the end of the calendar could not be moved by a hold, and the proposal could never be resumed."""
    told = a_review(STAGE)
    assert refused(told, operator(c.Extend(datetime(9999, 12, 31, tzinfo=UTC), "For ever."))).field == "until"
    held = after(told, operator(c.Extend(NINE + days(3653), "Long.")), operator(c.Suspend("Wait.")), operator(c.Resume("Go."), days(30)))
    assert deadline(held) == days(3683)


def test_an_extension_on_hold_adds_to_what_is_left() -> None:
    """`until` is what it would be if the hold ended now; each further day of the hold moves it on."""
    told = after(
        a_review(STAGE),
        operator(c.Suspend("Wait."), days(1)),
        operator(c.Extend(NINE + days(9), "More."), days(2)),
        operator(c.Resume("Go."), days(3)),
    )
    assert deadline(told) == days(10)


def test_a_turn_is_given_to_somebody_else() -> None:
    """Who had it is told so, and the new holder decides in their place."""
    told = after(a_review(STAGE), operator(c.Reassign("r1s1p1", DIA, "Ann is ill."), hours(1)))
    assert told.of(HandedOn) == [HandedOn("r1s1p1", "r1s1p4", "reassigned", "Ann is ill.")]
    assert refused(told, approve(ANN)).code == "handed_on"
    assert after(told, approve(DIA), approve(BEN)).review.status == "approved"


@pytest.mark.parametrize("to", [SAM, ANN, BEN])
def test_a_turn_is_not_given_to_the_submitter_nor_to_who_has_one(to: object) -> None:
    """The rules of delegation hold for operators too."""
    assert refused(a_review(STAGE), operator(c.Reassign("r1s1p1", to, "Please."))).field == "to"  # type: ignore[arg-type]


def test_a_turn_that_is_over_is_not_given_away() -> None:
    """Two operators at once: the second hears what the first has done."""
    told = after(a_review(STAGE), operator(c.Reassign("r1s1p1", DIA, "Ill.")))
    assert refused(told, operator(c.Reassign("r1s1p1", ELI, "Ill."))).code == "not_open"
    assert refused(told, operator(c.Reassign("r1s7p1", ELI, "Ill."))).field == "slot"


def test_one_more_person_is_asked_in_the_open_stage() -> None:
    """Somebody who knows more; the number of approvals needed stays."""
    told = after(a_review(STAGE), operator(c.Add(0, DIA, "She knows roofs."), hours(1)))
    assert told.of(Asked)[-1] == Asked("r1s1p4", 0, DIA, "added", reason="She knows roofs.")
    assert after(told, approve(DIA), approve(ANN)).review.status == "approved"


def test_nobody_is_added_twice_or_to_a_stage_that_is_not_open() -> None:
    """Nor the submitter, who would decide their own."""
    told = a_review(STAGE, a_stage(DIA))
    assert refused(told, operator(c.Add(1, ELI, "Early."))).field == "stage"
    assert refused(told, operator(c.Add(0, ANN, "Again."))).field == "to"
    assert refused(told, operator(c.Add(0, SAM, "Own."))).field == "to"


def test_an_override_is_a_fact_of_its_own_and_never_a_vote() -> None:
    """The trail must not show an approval that nobody gave."""
    told = after(a_review(STAGE), approve(ANN), operator(c.Override("approved", "The board wants it."), hours(1)))
    assert told.of(Overridden) == [Overridden("approved", "The board wants it.")]
    assert told.of(Concluded) == [Concluded("approved", ("Override by the operator Olga: The board wants it.",))]
    assert [body.slot for body in told.of(Decided)] == ["r1s1p1"]
    assert [slot.state for slot in told.review.slots] == ["approved", "closed", "closed"]


def test_an_override_is_possible_before_anybody_is_asked_and_on_hold() -> None:
    """What is stuck can be ended."""
    assert after(received(), operator(c.Override("rejected", "No."))).review.status == "rejected"
    assert after(a_review(STAGE), operator(c.Suspend("Wait.")), operator(c.Override("approved", "Yes."))).review.status == "approved"


def test_an_operator_reminds_each_person_at_most_once_an_hour() -> None:
    """People turn numb. Who was asked a moment ago needs no reminder either."""
    told = a_review(STAGE)
    assert refused(told, operator(c.Remind(), hours(1) - MILLISECOND)).code == "not_open"
    told = after(told, operator(c.Remind("r1s1p1"), hours(1)))
    assert told.of(Reminded) == [Reminded(("r1s1p1",), 0, by_operator=True)]
    told = after(told, operator(c.Remind(), hours(1.5)))
    assert told.of(Reminded)[-1].slots == ("r1s1p2", "r1s1p3")
    assert refused(told, operator(c.Remind("r1s1p1"), hours(2) - MILLISECOND)).code == "not_open"


def test_an_operators_reminder_takes_none_of_the_policys_away() -> None:
    """The planned ones come at their own instants all the same."""
    told = after(a_review(STAGE), operator(c.Remind(), hours(2)), time(days(3)))
    assert [(body.count, body.by_operator) for body in told.of(Reminded)] == [(0, True), (1, False)]


def test_nobody_is_reminded_who_does_not_wait() -> None:
    """Decided, handed on, on hold."""
    told = after(a_review(STAGE), approve(ANN), delegate(BEN, DIA))
    for slot in ("r1s1p1", "r1s1p2"):
        assert refused(told, operator(c.Remind(slot), hours(2))).code == "not_open"
    assert refused(after(told, operator(c.Suspend("Wait."))), operator(c.Remind(), hours(2))).code == "not_open"
    assert refused(received(), operator(c.Remind(), hours(2))).code == "not_open"


@pytest.mark.parametrize("command", EVERY_ACT, ids=lambda command: type(command).__name__)
def test_every_act_but_a_reminder_and_a_retry_needs_a_reason(command: c.Command) -> None:
    """It stands in the trail for whoever asks in a year."""
    told = a_review(STAGE)
    if isinstance(command, c.Resume):
        told = after(told, operator(c.Suspend("Wait.")))
    assert refused(told, operator(command)).field == "reason"


@pytest.mark.parametrize("command", EVERY_ACT, ids=lambda command: type(command).__name__)
def test_an_operator_who_submitted_it_may_only_withdraw_and_remind(command: c.Command) -> None:
    """Nobody decides their own, by whatever way."""
    told = a_review(STAGE, submitter=OLGA)
    assert "You submitted this" in refused(told, operator(command)).message
    assert after(told, operator(c.Remind(), hours(1))).of(Reminded) != []


@pytest.mark.parametrize("command", [*EVERY_ACT, c.Remind()], ids=lambda command: type(command).__name__)
def test_what_has_ended_stays_ended(command: c.Command) -> None:
    """One outcome, once."""
    told = after(a_review(STAGE), operator(c.Cancel("A duplicate.")))
    assert refused(told, operator(command, days(1))).code == "ended"


def test_a_retry_is_noted_and_changes_nothing() -> None:
    """It is for the engine."""
    told = after(a_review(STAGE), operator(c.Retry("Stuck."), hours(1)))
    assert told.of(RetryAsked) == [RetryAsked("Stuck.")]
    assert after(told, time(days(9))).review.status == "expired"


def test_a_plan_that_comes_while_on_hold_waits_for_the_end_of_the_hold() -> None:
    """Nobody is asked during a hold; the deadline begins when they are."""
    told = after(received(), operator(c.Suspend("Wait."), hours(1)))
    told = after(told, planned(a_plan(STAGE), hours(2)), operator(c.Resume("Go."), days(3)))
    assert told.at(Asked) == [days(3)] * 3
    assert deadline(told) == days(3) + DEADLINE
