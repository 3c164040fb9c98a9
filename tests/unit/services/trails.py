"""Trails for tests, made by the rules themselves: a proposal that was submitted, one that is in review, one that goes on."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.commands import Actor, Command, Report
from domain.facts import Fact, Money, Planned, Submitted
from domain.judge import Directory, decide, fold, submitted
from domain.people import SYSTEM, Person
from domain.plan import Plan, StagePlan
from domain.review import Review

MORNING = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
"""A Monday, 9 in Berlin."""

SAM = Person("Sam Submitter", "sam@example.com")
ANN = Person("Ann Arden", "ann@example.com")
BEN = Person("Ben Brandt", "ben@example.com")
DIA = Person("Dia Dorn", "dia@example.com")
NOTHING_IN_IT = "0" * 64


def an_id(number: int = 1) -> str:
    """A proposal id of the right form."""
    return f"prp-{number:026d}".replace("0", "a").replace("1", "b").replace("8", "c").replace("9", "d")


def first_fact(proposal: str, at: datetime = MORNING, **changes: Any) -> Fact:
    """Fact 1, with `changes` to its body."""
    body = Submitted(
        "Solar roof, Hall 3", SAM, "facilities", "building", Money(Decimal("125000.00"), "EUR"), NOTHING_IN_IT, "hash", "system"
    )
    return submitted(proposal, replace(body, **changes), at)


def a_stage(*reviewers: Person, **changes: Any) -> StagePlan:
    """A stage of five days in which all must approve."""
    stage = StagePlan("Design review", reviewers or (ANN, BEN), None, veto=False, deadline=timedelta(days=5))
    return replace(stage, **changes)


@dataclass
class Trail:
    """A proposal's trail, without a store."""

    proposal: str = field(default_factory=an_id)
    facts: list[Fact] = field(default_factory=list)

    @property
    def review(self) -> Review:
        """The trail, folded."""
        return fold(self.proposal, self.facts)

    def bring(self, command: Command, person: Person = SYSTEM, role: Any = "system", at: datetime | None = None) -> list[Fact]:
        """Judge a command and add its facts. Raises AssertionError when it is refused."""
        judgement = decide(self.review, command, Actor(person, role), at or self.review.last_at, Directory())
        assert judgement.refusal is None, judgement.refusal
        self.facts.extend(judgement.facts)
        return list(judgement.facts)


def received(proposal: str = an_id(), at: datetime = MORNING, **changes: Any) -> Trail:
    """A proposal that was just submitted."""
    return Trail(proposal, [first_fact(proposal, at, **changes)])


def in_review(*stages: StagePlan, proposal: str = an_id(), at: datetime = MORNING, **changes: Any) -> Trail:
    """A proposal whose first stage is open."""
    trail = received(proposal, at, **changes)
    trail.bring(Report((Planned(1, Plan("standard", stages or (a_stage(),))),)))
    assert trail.review.status == "in_review"
    return trail
