"""What a reviewer's link answers: every row of the table of links, and what makes a decision wrong in itself."""

import pytest

from domain import commands as c
from domain.commands import Actor
from domain.facts import Decided
from tests.unit.builders import (
    ANN,
    BEN,
    CEM,
    DEADLINE,
    DIA,
    NINE,
    SAM,
    Told,
    a_plan,
    a_review,
    a_stage,
    after,
    approve,
    ask_changes,
    by,
    delegate,
    directory_of,
    hours,
    operator,
    planned,
    refused,
    reject,
    revise,
    submitter,
    vote,
)

TWO_OF_THREE = a_stage(ANN, BEN, CEM, rule="2 of 3")
ANN_SLOT, ANN_ACTOR = "r1s1p1", Actor(ANN, "reviewer")


def by_old_link(told: Told, action: str = "approve", comment: str = "As I said.") -> Told:
    """Ann uses the link of her first mail."""
    return by(ANN_ACTOR, c.Decide(ANN_SLOT, action, comment))(told)  # type: ignore[arg-type]


def test_a_decision_is_recorded_with_the_revision_that_it_is_about() -> None:
    """The fact names the content, so that an approval can never slide onto another text."""
    told = after(a_review(TWO_OF_THREE), approve(ANN, hours(1)))
    assert told.of(Decided) == [Decided(ANN_SLOT, "approve", "", "c1")]
    assert (told.facts[-1].author, told.facts[-1].role) == (ANN, "reviewer")


def test_the_same_decision_again_is_what_stands_already() -> None:
    """A double click, or a browser that repeats its form, is no error and no second vote."""
    told = after(a_review(TWO_OF_THREE), approve(ANN, hours(1)), approve(ANN, hours(2)))
    assert told.judgement.repeated
    assert told.judgement.facts == ()


def test_another_decision_by_the_same_slot_is_refused_and_told_what_stands() -> None:
    """A decision is final for its link."""
    told = after(a_review(TWO_OF_THREE), reject(ANN, hours(1)))
    refusal = refused(told, approve(ANN, hours(2)))
    assert (refusal.code, refusal.at, refusal.by) == ("already_decided", NINE + hours(1), ANN)
    assert refusal.message == "You rejected this on 30 Nov 2026, 09:00 UTC; that stands unchanged."


def test_what_others_settled_is_told_with_who_and_when() -> None:
    """Whoever comes late learns that it is done, and by whom."""
    told = after(a_review(TWO_OF_THREE), approve(BEN, hours(1)), approve(CEM, hours(3)))
    refusal = refused(told, approve(ANN, hours(4)))
    assert (refusal.code, refusal.at, refusal.by) == ("settled", NINE + hours(3), CEM)
    assert "Cem approved it on 30 Nov 2026, 11:00 UTC" in refusal.message


def test_where_policy_hides_others_no_name_is_told() -> None:
    """The same answer, without who it was."""
    told = after(a_review(a_stage(ANN, BEN, show_others=False)), approve(BEN, hours(1)))
    refusal = refused(told, approve(ANN, hours(2)))
    assert (refusal.code, refusal.by) == ("settled", None)
    assert "Ben" not in refusal.message


def test_past_the_deadline_says_so() -> None:
    """And when it was, so that nobody wonders whether a minute was missing."""
    refusal = refused(a_review(TWO_OF_THREE), approve(ANN, DEADLINE + hours(1)))
    assert (refusal.code, refusal.at) == ("past_deadline", NINE + DEADLINE)


def test_a_withdrawn_proposal_says_so() -> None:
    """The work of reading it is saved."""
    told = after(a_review(TWO_OF_THREE), submitter(c.Withdraw("No money."), hours(1)))
    assert refused(told, approve(ANN)).code == "withdrawn"


def test_a_cancelled_proposal_says_so() -> None:
    """It was an operator, not a reviewer: so it is no `settled`."""
    told = after(a_review(TWO_OF_THREE), operator(c.Cancel("A duplicate."), hours(1)))
    assert refused(told, approve(ANN)).code == "cancelled"


def test_while_the_submitter_revises_the_link_says_who_asked_for_it() -> None:
    """The turn is over, and a revision may come."""
    told = after(a_review(TWO_OF_THREE), ask_changes(BEN, hours(1)))
    refusal = refused(told, approve(ANN))
    assert (refusal.code, refusal.by) == ("settled", BEN)


def test_a_revised_proposal_points_at_the_newer_mail() -> None:
    """An old link must never decide on a text that its holder has not seen."""
    told = after(a_review(TWO_OF_THREE), ask_changes(BEN), revise(hours(1)), planned(a_plan(TWO_OF_THREE)))
    answer = by_old_link(told).judgement
    assert answer.refusal is not None
    assert answer.refusal.code == "revised"
    assert "newer mail" in answer.refusal.message


def test_a_slot_that_was_handed_on_names_its_new_holder() -> None:
    """Only one of the two may decide."""
    told = after(a_review(TWO_OF_THREE), delegate(ANN, DIA, hours(1)))
    answer = by_old_link(told).judgement.refusal
    assert answer is not None
    assert (answer.code, answer.message) == ("handed_on", "This was handed on to Dia on 30 Nov 2026, 09:00 UTC.")


def test_on_hold_nothing_is_decided_and_the_link_stays_good() -> None:
    """A hold is no end: the same link decides once it is over."""
    told = after(a_review(TWO_OF_THREE), operator(c.Suspend("Legal is asked."), hours(1)))
    refusal = refused(told, approve(ANN, hours(2)))
    assert refusal.code == "on_hold"
    assert "Legal is asked." in refusal.message
    assert after(told, operator(c.Resume("Answered.")), approve(ANN)).slot(ANN).state == "approved"


def test_a_slot_that_was_never_opened_is_no_valid_link() -> None:
    """Even with a genuine signature."""
    told = by(ANN_ACTOR, c.Decide("r9s9p9", "approve"))(a_review(TWO_OF_THREE))
    assert told.judgement.refusal is not None
    assert told.judgement.refusal.code == "unknown_slot"


@pytest.mark.parametrize("action", ["reject", "request_changes"])
@pytest.mark.parametrize("comment", ["", "   ", "\n\t"])
def test_a_reason_is_required_where_the_submitter_will_want_one(action: str, comment: str) -> None:
    """Nothing is used up: the same link takes the decision with a reason."""
    told = a_review(TWO_OF_THREE)
    refusal = refused(told, vote(ANN, action, comment))  # type: ignore[arg-type]
    assert (refusal.code, refusal.field) == ("invalid", "comment")
    assert after(told, vote(ANN, action, "Because.")).slot(ANN).action == action  # type: ignore[arg-type]


def test_which_decisions_need_a_reason_is_the_policys_choice() -> None:
    """Some want to know why something was approved, and nobody needs to say why it was rejected."""
    told = a_review(a_stage(ANN, comment_required=("approve",)))
    assert refused(told, approve(ANN)).field == "comment"
    assert after(told, vote(ANN, "reject")).review.status == "rejected"


def test_a_comment_is_kept_whole_or_refused() -> None:
    """Never cut in silence."""
    told = a_review(TWO_OF_THREE)
    assert after(told, vote(ANN, "reject", "x" * 4000)).slot(ANN).comment == "x" * 4000
    assert "4000" in refused(told, vote(ANN, "reject", "x" * 4001)).message


def test_a_decision_on_another_version_of_the_content_is_refused() -> None:
    """The page that they had before them was not this one. Without a hash the caller has not said which."""
    told = a_review(TWO_OF_THREE)
    assert refused(told, vote(ANN, "approve", content_hash="c0")).field == "content_hash"
    assert after(told, vote(ANN, "approve", content_hash="c1")).slot(ANN).state == "approved"


def test_nobody_decides_their_own_proposal_however_they_got_the_link() -> None:
    """The directory may learn only later that two addresses are one person."""
    told = a_review(TWO_OF_THREE)
    known = directory_of((SAM.email, ANN.email))
    answer = approve(ANN, hours(1))(Told(told.review, told.facts, known))
    assert answer.judgement.refusal is not None
    assert (answer.judgement.refusal.code, answer.review) == ("invalid", told.review)


@pytest.mark.parametrize(
    "steps",
    [(approve(BEN), approve(CEM)), (ask_changes(BEN),), (operator(c.Override("rejected", "No.")),), (submitter(c.Withdraw()),)],
)
def test_who_decided_in_time_is_always_told_their_own_decision(steps: tuple[object, ...]) -> None:
    """Whatever came later: their page keeps saying what they did."""
    told = after(a_review(TWO_OF_THREE), approve(ANN, hours(1)), *steps)  # type: ignore[arg-type]
    assert by_old_link(told).judgement.repeated
    refusal = by_old_link(told, "reject").judgement.refusal
    assert refusal is not None
    assert refusal.code == "already_decided"
