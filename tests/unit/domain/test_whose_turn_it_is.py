"""Delegation, absence, people who left, and nobody deciding their own."""

import pytest

from domain import commands as c
from domain import facts as f
from domain.people import Person
from tests.unit.domain.world import (
    ANN,
    BEN,
    CEM,
    DIA,
    ELI,
    GREENLIGHT,
    OPERATOR,
    REVIEWER,
    SAM,
    World,
    a_directory,
    a_revision,
    a_stage,
    in_review,
    refused,
)  # fmt: skip


def hand(world: World, slot: str, to: Person) -> object:
    """Delegate a slot, which must not be refused."""
    judgement = world.do(c.Delegate(slot, to), REVIEWER)
    assert judgement.refusal is None, judgement
    return judgement


def test_a_turn_never_goes_back_to_an_earlier_holder() -> None:
    """Case 9: no circle; nothing is used up by the refusal."""
    world = in_review(a_stage(ANN))
    hand(world, "r1s1p1", BEN)
    refused(world.do(c.Delegate("r1s1p2", ANN), REVIEWER), "invalid", "to")
    world.says("r1s1p2", "approve")
    assert world.status() == "approved"


def test_a_turn_is_handed_on_at_most_three_times() -> None:
    """Case 9: the fourth hop is refused, by delegation and by an operator."""
    world = in_review(a_stage(ANN))
    for number, to in enumerate((BEN, CEM, DIA), start=1):
        hand(world, f"r1s1p{number}", to)
    refused(world.do(c.Delegate("r1s1p4", ELI), REVIEWER), "invalid", "to")
    refused(world.do(c.Reassign("r1s1p4", ELI, "holidays"), OPERATOR), "invalid", "to")
    assert "handed on to Ben" in refused(world.says("r1s1p1", "approve"), "handed_on")


def test_handing_a_turn_to_the_same_person_again_is_no_error() -> None:
    """Somebody who presses twice is told what stands; to hand it to another as well is refused."""
    world = in_review(a_stage(ANN))
    hand(world, "r1s1p1", BEN)
    again = world.do(c.Delegate("r1s1p1", BEN), REVIEWER)
    assert again.repeated
    assert not again.facts
    refused(world.do(c.Delegate("r1s1p1", CEM), REVIEWER), "handed_on")


def test_strangers_get_no_turn() -> None:
    """Only people of the directory or its mail domains."""
    world = in_review(a_stage(ANN))
    refused(world.do(c.Delegate("r1s1p1", Person("Eve", "eve@elsewhere.test")), REVIEWER), "invalid", "to")


def test_a_stage_may_forbid_delegation() -> None:
    """Policy says who may hand on."""
    world = in_review(a_stage(ANN, may_delegate=False))
    refused(world.do(c.Delegate("r1s1p1", BEN), REVIEWER), "invalid", "action")


def test_the_turn_of_somebody_who_left_goes_to_the_fallback() -> None:
    """Case 11: a leaver's link does not count, and says that the turn was handed on."""
    world = in_review(a_stage(ANN, fallback=(CEM,)))
    world.directory = a_directory(ann={"active": False})
    refused(world.says("r1s1p1", "approve"), "handed_on")
    assert world.states() == {"r1s1p1": "handed_on", "r1s1p2": "open"}


def test_without_a_fallback_a_leaver_puts_it_on_hold() -> None:
    """Never approved by absence, never waiting in silence; adding somebody heals it."""
    world = in_review(a_stage(ANN))
    world.directory = a_directory(ann={"active": False})
    world.do(c.LetTimePass())
    assert world.review.hold is not None
    assert world.review.hold.needs
    world.do(c.Add(0, CEM, "Ann left"), OPERATOR)
    world.do(c.Resume("Cem looks at it"), OPERATOR)
    world.says("r1s1p2", "approve")
    assert world.status() == "approved"


@pytest.mark.parametrize("address", ["sam@example.com", "Sam@EXAMPLE.com", "sam+review@example.com", "s.am@example.com"])
def test_nobody_gets_a_turn_on_their_own_proposal(address: str) -> None:
    """Case 15: by plan, delegation, reassignment or addition, with whichever address the directory knows as theirs."""
    me = Person("Somebody", address)
    world = in_review(a_stage(me, ANN, needed=None), directory=a_directory(sam={"aliases": ["s.am@example.com"]}))
    assert [slot.person for slot in world.review.slots] == [ANN]
    refused(world.do(c.Delegate("r1s1p1", me), REVIEWER), "invalid", "to")
    refused(world.do(c.Reassign("r1s1p1", me, "x"), OPERATOR), "invalid", "to")
    refused(world.do(c.Add(0, me, "x"), OPERATOR), "invalid", "to")
    for command in (c.Override("approved", "mine"), c.Cancel("mine"), c.Suspend("mine"), c.Extend(world.now, "mine"), c.Retry()):
        refused(world.do(command, c.Actor(me, "operator")), "not_open")


def test_a_dot_makes_another_person_unless_the_directory_knows_better() -> None:
    """Case 15: dots only where the directory says so."""
    world = in_review(a_stage(Person("S. Am", "s.am@example.com")))
    assert len(world.review.open_slots()) == 1


def test_the_author_of_a_revision_does_not_decide_it() -> None:
    """Who wrote a later round is an author too."""
    world = in_review(a_stage(ANN, BEN))
    world.says("r1s1p1", "request_changes")
    world.do(a_revision(submitter=BEN), GREENLIGHT)
    world.plan(a_stage(ANN, BEN))
    assert [slot.person for slot in world.review.open_slots()] == [ANN]


def test_two_turns_of_one_person_are_one() -> None:
    """Case 15: `2 of 2` of one person's two addresses is out of reach, so it goes on hold."""
    world = in_review(a_stage(ANN, Person("Ann", "ann+2@example.com"), needed=2))
    assert world.review.hold is not None


@pytest.mark.parametrize(("people", "needed"), [((SAM,), 1), ((), 1), ((SAM, ANN), 2)])
def test_where_there_is_nobody_to_ask_it_goes_on_hold(people: tuple[Person, ...], needed: int) -> None:
    """Case 16: an empty role, only the submitter, a quorum out of reach."""
    world = in_review(a_stage(*people, needed=needed))
    assert world.status() == "in_review"
    assert world.review.hold is not None


def test_the_fallback_fills_a_quorum_that_is_short() -> None:
    """Case 16 (c), with a fallback."""
    world = in_review(a_stage(SAM, ANN, needed=2, fallback=(CEM,)))
    assert [slot.person for slot in world.review.open_slots()] == [ANN, CEM]


def test_a_reviewer_without_the_submitter_decides_alone_under_all() -> None:
    """Case 16 (b)."""
    world = in_review(a_stage(SAM, ANN, needed=None))
    world.says("r1s1p1", "approve")
    assert world.status() == "approved"


def test_a_mail_that_fails_for_good_is_a_finding_and_goes_to_the_fallback() -> None:
    """Nobody waits for an answer to a mail that never arrived; reported twice, it happens once."""
    world = in_review(a_stage(ANN, fallback=(CEM,)))
    report = c.Report((f.MailFailed("r1s1p1", "asked", "550 no mailbox ann@example.com"),))
    world.do(report)
    assert world.states() == {"r1s1p1": "handed_on", "r1s1p2": "open"}
    assert not world.do(report).facts
    assert [finding.severity for finding in world.review.findings] == ["warning"]


def test_a_failed_mail_without_fallback_leaves_the_turn_open() -> None:
    """The link may have reached them otherwise; the finding tells operators."""
    world = in_review(a_stage(ANN))
    world.do(c.Report((f.MailFailed("r1s1p1", "asked", "550"),)))
    assert world.states() == {"r1s1p1": "open"}


def test_an_override_is_no_vote() -> None:
    """Case 61: its own fact, the slots are closed, the reasons say override."""
    world = in_review(a_stage(ANN, BEN, needed=None))
    world.do(c.Override("approved", "the board agreed"), OPERATOR)
    assert set(world.states().values()) == {"closed"}
    assert "Override by the operator Olga" in world.review.reasons[0]
    assert world.kinds(f.Overridden)[0].author.name == "Olga"
    refused(world.says("r1s1p1", "approve"), "settled")


def test_two_operators_reassign_one_turn() -> None:
    """Case 48: the second is told that it was handed on."""
    world = in_review(a_stage(ANN))
    world.do(c.Reassign("r1s1p1", BEN, "holidays"), OPERATOR)
    refused(world.do(c.Reassign("r1s1p1", CEM, "holidays"), OPERATOR), "not_open")


@pytest.mark.parametrize("command", [c.Cancel(" "), c.Suspend(""), c.Override("rejected", ""), c.Reassign("r1s1p1", BEN, "")])
def test_operators_say_why(command: c.Command) -> None:
    """The reason is kept in the trail."""
    world = in_review(a_stage(ANN))
    refused(world.do(command, OPERATOR), "invalid", "reason")
