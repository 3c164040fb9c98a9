"""A proposal in the hands of the rules: commands go in, the trail grows, and every step is held to what all steps promise."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain import commands as c
from domain.commands import Actor, Command
from domain.facts import Action, Body, Fact, Money, Planned, Submitted
from domain.judge import Directory, Judgement, decide, fold, next_due, submitted
from domain.people import SYSTEM, Person
from domain.plan import Plan, StagePlan
from domain.policy import parse_policies
from domain.review import Review

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY, HOUR, INSTANT = timedelta(days=1), timedelta(hours=1), timedelta(milliseconds=1)
ANN, BEN, CEM, DIA, ELI, SAM, OLGA = (
    Person(name, f"{name.lower()}@example.com") for name in ("Ann", "Ben", "Cem", "Dia", "Eli", "Sam", "Olga")
)
OPERATOR, SUBMITTER, REVIEWER, GREENLIGHT = (
    Actor(OLGA, "operator"),
    Actor(SAM, "submitter"),
    Actor(SYSTEM, "reviewer"),
    Actor(SYSTEM, "system"),
)
EUROS = Money(Decimal("12500.00"), "EUR")


def people_entries(**changes: Any) -> dict[str, Any]:
    """`[people]` of a policy file; `changes` by id are merged in."""
    everybody = (ANN, BEN, CEM, DIA, ELI, SAM)
    return {p.name.lower(): {"name": p.name, "email": p.email, **changes.get(p.name.lower(), {})} for p in everybody}


def a_directory(**changes: Any) -> Directory:
    """The directory of the real policies, with example.com as the company's domain."""
    stage = {"name": "Review", "reviewers": ["ann"], "deadline": "P5D"}
    policy = [{"name": "all", "stages": [stage]}]
    return parse_policies({"policy": policy, "people": people_entries(**changes), "mail_domains": ["example.com"]}).directory()


def a_stage(*people: Person, needed: int | None = 1, **fields: Any) -> StagePlan:
    """A stage of five days, which by default one approval settles."""
    return StagePlan(**{"name": "Review", "reviewers": people, "needed": needed, "veto": False, "deadline": 5 * DAY, **fields})


def a_revision(**changes: Any) -> c.Revise:
    """What Sam sends when changes are requested."""
    fields = {
        "title": "Solar roof, Hall 3, smaller",
        "submitter": SAM,
        "department": "facilities",
        "category": "building",
        "budget": EUROS,
        "content_hash": "hash 2",
        "payload_hash": "payload 2",
    }
    return c.Revise(**{**fields, **changes})


@dataclass
class World:
    """One proposal, its trail and the clock."""

    directory: Directory = field(default_factory=a_directory)
    now: datetime = NOON
    trail: list[Fact] = field(default_factory=list)

    def __post_init__(self) -> None:
        body = Submitted("Solar roof, Hall 3", SAM, "facilities", "building", EUROS, "hash 1", "payload 1", "local")
        self.trail.append(submitted("prp-1", body, self.now))
        self.review: Review = fold("prp-1", self.trail)

    def do(self, command: Command, actor: Actor = GREENLIGHT, *, after: timedelta = timedelta(0)) -> Judgement:
        """Have a command judged, commit what comes of it, and check what every judgement promises."""
        self.now += after
        judgement = decide(self.review, command, actor, self.now, self.directory)
        again = decide(self.review, command, actor, self.now, self.directory)
        assert judgement == again, "the rules are not pure"
        for fact in judgement.facts:
            assert fact.number == len(self.trail) + 1, "a gap in the trail"
            assert self.trail[-1].at <= fact.at <= self.now, "a fact out of time"
            self.trail.append(fact)
        self.review = fold("prp-1", judgement.facts, self.review)
        assert self.review == fold("prp-1", self.trail), "folding step by step differs from folding all"
        due = next_due(self.review)
        assert due is None or due > self.now, "something due has not happened"
        return judgement

    def plan(self, *stages: StagePlan, **fields: Any) -> "World":
        """Report the plan of the present round."""
        self.do(c.Report((Planned(self.review.round, Plan("standard", stages, **fields)),)))
        return self

    def says(self, slot: str, action: Action, comment: str = "since I say so", **fields: Any) -> Judgement:
        """The holder of a slot decides."""
        return self.do(c.Decide(slot, action, comment, **fields), REVIEWER)

    def pass_time(self, by: timedelta) -> Judgement:
        """Nothing happens but time."""
        return self.do(c.LetTimePass(), after=by)

    def status(self) -> str:
        """The proposal's status now."""
        return self.review.status

    def states(self) -> dict[str, str]:
        """The present round's slots, by id."""
        return {slot.id: slot.state for slot in self.review.slots if slot.round == self.review.round}

    def kinds(self, kind: type[Body]) -> list[Fact]:
        """The trail's facts of one kind."""
        return [fact for fact in self.trail if isinstance(fact.body, kind)]


def refused(judgement: Judgement, code: str, field_name: str | None = None) -> str:
    """The sentence of a refusal, which must be of this code and field, and must not bring a fact of its own."""
    assert judgement.refusal is not None, judgement
    assert (judgement.refusal.code, judgement.refusal.field) == (code, field_name), judgement.refusal
    return judgement.refusal.message


def in_review(*stages: StagePlan, directory: Directory | None = None, **fields: Any) -> World:
    """A proposal whose first stage is open."""
    return World(directory or a_directory()).plan(*stages, **fields)
