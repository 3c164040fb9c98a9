"""What the facts ask for: which mails, to whom, once."""

from domain import commands as c
from domain.agenda import Notice, agenda, still_wanted
from tests.unit.domain.world import ANN, BEN, CEM, DAY, DIA, OPERATOR, SUBMITTER, World, a_revision, a_stage, in_review


def mails(world: World, seen: int) -> set[tuple[str, str | None]]:
    """Kind and slot of each mail asked for since fact `seen`."""
    return {(notice.kind, notice.slot) for notice in agenda(world.review, world.trail, seen).notices}


def test_a_new_proposal_is_checked_and_acknowledged() -> None:
    """`received` carries the submitter's link."""
    asked = agenda(World().review, World().trail, 0)
    assert (asked.check, asked.notices, asked.follow_up) == (1, (Notice("received", None, 1),), False)


def test_those_no_longer_needed_get_one_closing_mail_and_the_submitter_the_outcome() -> None:
    """Case 3."""
    world = in_review(a_stage(ANN, BEN, CEM, DIA, needed=2))
    world.says("r1s1p1", "approve")
    seen = len(world.trail)
    world.says("r1s1p2", "approve")
    assert mails(world, seen) == {("closed", "r1s1p3"), ("closed", "r1s1p4"), ("outcome", None)}
    assert agenda(world.review, world.trail, seen).follow_up


def test_who_approved_hears_of_a_rejection() -> None:
    """They would else believe that it was approved."""
    world = in_review(a_stage(ANN, BEN, needed=None))
    world.says("r1s1p1", "approve")
    seen = len(world.trail)
    world.says("r1s1p2", "reject")
    assert mails(world, seen) == {("outcome", None), ("outcome", "r1s1p1")}


def test_who_delegates_gets_no_closing_mail_but_whoever_loses_a_turn_does() -> None:
    """One knows what one has done."""
    world = in_review(a_stage(ANN))
    seen = len(world.trail)
    world.do(c.Delegate("r1s1p1", BEN), c.Actor(ANN, "reviewer"))
    assert mails(world, seen) == {("asked", "r1s1p2")}
    seen = len(world.trail)
    world.do(c.Reassign("r1s1p2", CEM, "holidays"), OPERATOR)
    assert mails(world, seen) == {("closed", "r1s1p2"), ("asked", "r1s1p3")}


def test_an_asked_person_needs_no_word_of_an_extension_in_the_same_turn() -> None:
    """One mail a person and turn, the weightiest."""
    world = in_review(a_stage(ANN))
    world.do(c.Extend(world.now + 9 * DAY, "holidays"), OPERATOR)
    assert mails(world, 0) == {("received", None), ("asked", "r1s1p1")}
    assert mails(world, len(world.trail) - 1) == {("extended", "r1s1p1")}


def test_a_withdrawal_and_a_revision_close_what_is_open() -> None:
    """The submitter is told of requested changes, the reviewers of their end."""
    world = in_review(a_stage(ANN, BEN))
    seen = len(world.trail)
    world.says("r1s1p1", "request_changes")
    assert mails(world, seen) == {("closed", "r1s1p2"), ("changes_requested", None)}
    world.do(a_revision(), SUBMITTER)
    assert agenda(world.review, world.trail, len(world.trail)).check == 2
    world.plan(a_stage(ANN))
    seen = len(world.trail)
    world.do(c.Withdraw(), SUBMITTER)
    assert mails(world, seen) == {("closed", "r2s1p1"), ("outcome", None)}


def test_looking_from_the_beginning_asks_for_nothing_that_is_past() -> None:
    """An instance started anew must not ask for a decision that was made, nor remind of it."""
    world = in_review(a_stage(ANN, BEN, needed=None, reminders=(DAY,)))
    world.pass_time(DAY)
    reminder = Notice("reminder", "r1s1p1", len(world.trail))
    assert still_wanted(world.review, reminder)
    world.says("r1s1p1", "approve")
    assert not still_wanted(world.review, reminder)
    assert mails(world, 0) == {("received", None), ("asked", "r1s1p2")}


def test_nobody_is_reminded_of_what_is_on_hold() -> None:
    """Judged again when the mail is about to go."""
    world = in_review(a_stage(ANN, reminders=(DAY,)))
    world.pass_time(DAY)
    world.do(c.Suspend("freeze"), OPERATOR)
    assert not still_wanted(world.review, Notice("reminder", "r1s1p1", 1))
    assert agenda(world.review, world.trail, 0).check is None
