"""Requested changes, revisions, withdrawal, and ends."""

from decimal import Decimal
from typing import Any

import pytest

from domain import commands as c
from domain import facts as f
from domain.facts import Finding, Money
from tests.unit.domain.world import (
    ANN,
    BEN,
    CEM,
    DAY,
    GREENLIGHT,
    OPERATOR,
    SAM,
    SUBMITTER,
    World,
    a_revision,
    a_stage,
    in_review,
    refused,
)


def test_a_new_round_asks_everybody_anew_and_counts_no_old_vote() -> None:
    """Case 55: earlier decisions stay, shown under their own round."""
    stage = a_stage(ANN, BEN, CEM, needed=2)
    world = in_review(stage)
    world.says("r1s1p1", "approve")
    world.says("r1s1p2", "request_changes")
    assert world.status() == "changes_requested"
    world.do(a_revision(), SUBMITTER)
    assert (world.status(), world.review.round, world.review.outcome) == ("validating", 2, None)
    world.plan(stage)
    assert world.states() == {"r2s1p1": "open", "r2s1p2": "open", "r2s1p3": "open"}
    first = world.review.slot("r1s1p1")
    assert first is not None
    assert first.state == "approved"
    world.says("r2s1p2", "approve")
    assert world.status() == "in_review"


def test_an_approval_never_slides_onto_other_content() -> None:
    """Case 57: the old link is revised, and a page of another version is refused."""
    world = in_review(a_stage(ANN, BEN))
    world.says("r1s1p2", "request_changes")
    world.do(a_revision(), SUBMITTER)
    world.plan(a_stage(ANN, BEN))
    refused(world.says("r1s1p1", "approve", content_hash="hash 1"), "revised")
    refused(world.says("r2s1p1", "approve", content_hash="hash 1"), "invalid", "content_hash")
    world.says("r2s1p1", "approve", content_hash="hash 2")
    assert [fact.body.content_hash for fact in world.trail if isinstance(fact.body, f.Decided)] == ["hash 1", "hash 2"]


@pytest.mark.parametrize(
    ("changes", "fields", "asked_again"),
    [
        ({}, {}, False),
        ({"budget": Money(Decimal(1), "EUR")}, {}, True),
        ({"department": "it"}, {}, True),
        ({"category": "software"}, {}, True),
        ({}, {"restart": "all"}, True),
    ],
)
def test_what_was_approved_stays_so_unless_what_matters_changed(changes: Any, fields: Any, asked_again: bool) -> None:
    """A stage that both plans have alike is not asked again for a corrected text."""
    stages = (a_stage(ANN, name="Design"), a_stage(BEN, name="Money"))
    world = in_review(*stages, **fields)
    world.says("r1s1p1", "approve")
    world.says("r1s2p1", "request_changes")
    world.do(a_revision(**changes), SUBMITTER)
    world.plan(*stages, **fields)
    assert [slot.person for slot in world.review.open_slots()] == ([ANN] if asked_again else [BEN])


def test_in_the_fifth_round_changes_can_no_longer_be_requested() -> None:
    """It ends some day; the refusal uses nothing up."""
    world = in_review(a_stage(ANN))
    for round_ in range(1, 5):
        world.says(f"r{round_}s1p1", "request_changes")
        world.do(a_revision(payload_hash=f"payload {round_}"), SUBMITTER)
        world.plan(a_stage(ANN))
    refused(world.says("r5s1p1", "request_changes"), "invalid", "action")
    world.says("r5s1p1", "approve")
    assert world.status() == "approved"


def test_a_revision_comes_only_when_asked_for_and_the_same_again_changes_nothing() -> None:
    """Case 60: whoever brings it, one round opens."""
    world = in_review(a_stage(ANN))
    refused(world.do(a_revision(), SUBMITTER), "not_open")
    world.says("r1s1p1", "request_changes")
    world.do(a_revision(), GREENLIGHT)
    assert world.do(a_revision(), SUBMITTER).repeated
    assert world.review.round == 2


def test_resuming_opens_no_round() -> None:
    """Case 60: a resumed hold waits for the revision as before, with what was left."""
    world = in_review(a_stage(ANN), revision_deadline=3 * DAY)
    world.says("r1s1p1", "request_changes")
    world.do(c.Suspend("holidays"), OPERATOR, after=DAY)
    world.do(c.Resume("back"), OPERATOR, after=10 * DAY)
    assert (world.status(), world.review.round) == ("changes_requested", 1)
    assert world.review.revision_deadline == world.now + 2 * DAY


@pytest.mark.parametrize("stage", ["received", "in_review", "changes_requested", "on_hold"])
def test_the_submitter_withdraws_at_any_time_before_the_end(stage: str) -> None:
    """And is told what stands afterwards; reviewers' links say who withdrew it."""
    world = World() if stage == "received" else in_review(a_stage(ANN, BEN))
    if stage == "changes_requested":
        world.says("r1s1p1", "request_changes")
    if stage == "on_hold":
        world.do(c.Suspend("freeze"), OPERATOR)
    world.do(c.Withdraw("no longer needed"), SUBMITTER)
    assert (world.status(), world.review.reasons) == ("withdrawn", ("no longer needed",))
    assert world.do(c.Withdraw(), SUBMITTER).repeated
    if stage == "in_review":
        refused(world.says("r1s1p2", "approve"), "withdrawn")


def test_after_the_end_nothing_moves_it() -> None:
    """One outcome, once."""
    world = in_review(a_stage(ANN))
    world.says("r1s1p1", "approve")
    before = world.review
    assert "approved" in refused(world.do(c.Withdraw(), SUBMITTER), "ended")
    for command in (c.Cancel("x"), c.Override("rejected", "x"), c.Suspend("x"), c.Resume("x"), c.Remind(), c.Extend(world.now, "x")):
        refused(world.do(command, OPERATOR), "ended")
    refused(world.do(a_revision(), SUBMITTER), "ended")
    assert world.review == before


def test_a_validator_that_refuses_ends_it_with_its_reasons() -> None:
    """Errors are the reasons; a later report of the same changes nothing."""
    world = World()
    report = c.Report((f.Validated(1, "sanctions", (Finding("sanctions", "error", "The vendor is on the list."),), refused=True),))
    world.do(report)
    assert (world.status(), world.review.reasons) == ("rejected", ("The vendor is on the list.",))
    assert not world.do(report).facts


def test_reports_of_an_earlier_round_or_of_what_is_known_change_nothing() -> None:
    """Activities run at least once, and some of them late."""
    world = in_review(a_stage(ANN))
    plan = world.review.plan
    assert plan is not None
    assert not world.do(c.Report((f.Planned(1, plan), f.Assessed(1, "late", ())))).facts
    world.says("r1s1p1", "request_changes")
    world.do(a_revision(), SUBMITTER)
    assert not world.do(c.Report((f.Planned(1, plan), f.Validated(1, "old", (), refused=True)))).facts


@pytest.mark.parametrize("action", ["reject", "request_changes"])
def test_a_reason_is_required_and_kept_whole_or_refused(action: f.Action) -> None:
    """Case 39: never cut in silence; the refusal names the limit, and the link is as good as before."""
    world = in_review(a_stage(ANN))
    refused(world.says("r1s1p1", action, " "), "invalid", "comment")
    assert "4000" in refused(world.says("r1s1p1", action, "x" * 4001), "invalid", "comment")
    world.says("r1s1p1", action, "ü" * 4000)
    slot = world.review.slot("r1s1p1")
    assert slot is not None
    assert slot.comment == "ü" * 4000


def test_a_link_to_no_slot_is_no_link() -> None:
    """The token may be genuine, the slot is not."""
    refused(in_review(a_stage(ANN)).says("r1s1p9", "approve"), "unknown_slot")


def test_the_submitter_named_by_plan_is_the_one_of_the_proposal() -> None:
    """The first fact says who may follow, revise and withdraw."""
    assert World().review.submitter == SAM
