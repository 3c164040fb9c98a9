"""What decisions of a stage amount to."""

import pytest

from domain import facts as f
from tests.unit.domain.world import ANN, BEN, CEM, DIA, ELI, a_stage, in_review, refused

FIVE = (ANN, BEN, CEM, DIA, ELI)


def test_all_rejects_at_the_first_rejection() -> None:
    """Case 1: a stage that can no longer pass must not keep four people waiting."""
    world = in_review(a_stage(*FIVE, needed=None))
    world.says("r1s1p1", "reject")
    assert world.status() == "rejected"
    assert list(world.states().values()) == ["rejected", *["closed"] * 4]
    assert "Ann rejected" in refused(world.says("r1s1p2", "approve"), "settled")


def test_three_of_five_rejects_at_the_third_rejection_and_not_before() -> None:
    """Case 1: two rejections leave three who can still approve."""
    world = in_review(a_stage(*FIVE, needed=3))
    world.says("r1s1p1", "reject")
    world.says("r1s1p2", "reject")
    assert world.status() == "in_review"
    world.says("r1s1p3", "reject")
    assert world.status() == "rejected"


def test_two_of_four_is_settled_by_the_second_approval_and_closes_the_rest() -> None:
    """Case 3: nobody keeps a turn that is no longer needed."""
    world = in_review(a_stage(*FIVE[:4], needed=2))
    world.says("r1s1p1", "approve")
    world.says("r1s1p2", "approve")
    assert world.status() == "approved"
    assert not world.review.open_slots()


def test_with_a_veto_one_rejection_rejects() -> None:
    """A veto is what its name says, though approval could still be reached."""
    world = in_review(a_stage(*FIVE, needed=1, veto=True))
    world.says("r1s1p4", "reject")
    assert world.status() == "rejected"


def test_who_abstains_leaves_the_quorum_of_all() -> None:
    """`all` means all who take part."""
    world = in_review(a_stage(ANN, BEN, needed=None))
    world.says("r1s1p1", "abstain")
    assert world.status() == "in_review"
    world.says("r1s1p2", "approve")
    assert world.status() == "approved"


@pytest.mark.parametrize(("on_expiry", "status"), [("expire", "expired"), ("reject", "rejected"), ("approve", "approved")])
def test_when_everybody_abstained_it_goes_as_on_expiry(on_expiry: str, status: str) -> None:
    """Nobody is left who could decide, so waiting for the deadline would be waiting for nothing."""
    world = in_review(a_stage(ANN, BEN, needed=None, on_expiry=on_expiry))
    world.says("r1s1p1", "abstain")
    world.says("r1s1p2", "abstain")
    assert world.status() == status


def test_n_of_m_keeps_its_n_when_people_abstain_and_blames_no_deadline() -> None:
    """`2 of 3` with two abstentions is out of reach at once; the third person's link must not claim that a deadline passed."""
    world = in_review(a_stage(ANN, BEN, CEM, needed=2))
    world.says("r1s1p1", "abstain")
    world.says("r1s1p2", "abstain")
    assert world.status() == "expired"
    refused(world.says("r1s1p3", "approve"), "settled")


def test_stages_open_one_after_the_other_and_each_once() -> None:
    """Case 5: the last vote of a stage opens the next once."""
    world = in_review(a_stage(ANN, BEN, needed=None), a_stage(CEM))
    world.says("r1s1p1", "approve")
    assert len(world.kinds(f.StageOpened)) == 1
    world.says("r1s1p2", "approve")
    assert len(world.kinds(f.StageOpened)) == 2
    world.says("r1s2p1", "approve")
    assert world.review.outcome == "approved"


def test_a_changed_mind_changes_nothing() -> None:
    """Case 7: a decision is final for its link, and the total never follows a half-taken change."""
    world = in_review(a_stage(ANN, BEN, CEM, needed=2))
    world.says("r1s1p1", "reject")
    before = world.review
    assert "You rejected this" in refused(world.says("r1s1p1", "approve"), "already_decided")
    repeated = world.says("r1s1p1", "reject")
    assert repeated.repeated
    assert not repeated.facts
    assert world.review == before
    world.says("r1s1p2", "approve")
    world.says("r1s1p3", "approve")
    assert world.status() == "approved"
    assert world.states()["r1s1p1"] == "rejected"
