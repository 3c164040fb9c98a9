"""Reviews for tests of pages and gateways, made as the app makes them: by judging commands."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain import chain
from domain.commands import Actor, Command, Report
from domain.facts import Fact, Finding, Money, Planned, Submitted, Validated
from domain.judge import Directory, decide, fold, submitted
from domain.people import SYSTEM, Person
from domain.plan import Plan, StagePlan
from domain.review import Review
from services.records import Stored

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
PROPOSAL = "prp-aaaaaaaaaaaaaaaaaaaaaaaaaa"
ANN, BEN, SAM = (Person(name, f"{name.casefold()}@example.com") for name in ("Ann", "Ben", "Sam"))
HASH = "0" * 64

CONTENT: dict[str, Any] = {
    "title": "Solar roof, Hall 3",
    "summary": "Panels on the **south** roof.",
    "submitter": {"name": "Sam", "email": "sam@example.com"},
    "department": "facilities",
    "category": "building",
    "budget": {"amount": "12500.00", "currency": "EUR"},
    "links": ["https://example.com/plan"],
    "details": {"vendor": "Helio"},
}


def a_stage(*people: Person, **fields: Any) -> StagePlan:
    """A stage that one approval settles."""
    return StagePlan(**{"name": "Review", "reviewers": people, "needed": 1, "veto": False, "deadline": timedelta(days=5), **fields})


def in_review(*stages: StagePlan, findings: tuple[Finding, ...] = (), **fields: Any) -> tuple[Review, tuple[Fact, ...]]:
    """A proposal whose first stage is open."""
    body = Submitted(
        **{
            "title": "Solar roof, Hall 3",
            "submitter": SAM,
            "department": "facilities",
            "category": "building",
            "budget": Money(Decimal("12500.00"), "EUR"),
            "content_hash": HASH,
            "payload_hash": HASH,
            "caller": "local",
            **fields,
        }
    )
    facts: tuple[Fact, ...] = (submitted(PROPOSAL, body, NOW),)
    review = fold(PROPOSAL, facts)
    plan = Plan("standard", stages or (a_stage(ANN, BEN),))
    for report in (Validated(1, "check", findings, refused=False), Planned(1, plan)):
        review, facts = then(review, facts, Report((report,)), Actor(SYSTEM, "system"))
    assert review.status == "in_review", review
    return review, facts


def then(
    review: Review, facts: tuple[Fact, ...], command: Command, actor: Actor, after: timedelta = timedelta(0)
) -> tuple[Review, tuple[Fact, ...]]:
    """The review after one more command, which must not be refused."""
    judgement = decide(review, command, actor, review.last_at + after, Directory())
    assert judgement.refusal is None, judgement
    return fold(PROPOSAL, judgement.facts, review), (*facts, *judgement.facts)


def stored_as(review: Review, facts: tuple[Fact, ...], seen: int, seen_at: datetime | None = None) -> Stored:
    """As the records answer it."""
    hashes, previous = [], chain.ROOT
    for fact in facts:
        previous = chain.link(previous, chain.encode(fact))
        hashes.append(previous)
    return Stored(review, facts, tuple(hashes), seen, seen_at, f'"{review.number}-{hashes[-1][:16]}"')
