"""Reviews for tests of the rules, made as the app makes them: by judging one command after the other.

A step is what somebody does (`approve(ANN, at=hours(2))`); `after` lets steps happen to a review and answers what then stands.
Instants are told as the time since the first stage opened: Monday, 30 November 2026, 09:00 in Berlin.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain import commands as c
from domain.commands import Actor, Command
from domain.facts import Action, Assessed, Body, Fact, FollowedUp, MailFailed, Money, Planned, Submitted, Validated
from domain.judge import Directory, Judgement, Refusal, decide, fold, submitted
from domain.people import SYSTEM, Person
from domain.plan import Plan, StagePlan
from domain.review import Review, Slot

PROPOSAL = "prp-aaaaaaaaaaaaaaaaaaaaaaaaaa"
NINE = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DEADLINE = timedelta(days=5)


def person(name: str) -> Person:
    """Somebody of example.com."""
    return Person(name, f"{name.casefold()}@example.com")


ANN, BEN, CEM, DIA, ELI, FAY, GIL, SAM, OLGA, OMAR = map(person, ("Ann", "Ben", "Cem", "Dia", "Eli", "Fay", "Gil", "Sam", "Olga", "Omar"))
SYSTEM_ACTOR = Actor(SYSTEM, "system")
EVERYBODY = Directory()
NOTHING_YET = Judgement()


def hours(count: float) -> timedelta:
    """That many hours."""
    return timedelta(hours=count)


def days(count: float) -> timedelta:
    """That many days."""
    return timedelta(days=count)


def a_stage(*people: Person, rule: str = "any", **fields: Any) -> StagePlan:
    """A stage of five days without reminders, which expires; `rule` as a policy writes it."""
    needed = {"any": 1, "all": None}.get(rule, 1) if " of " not in rule else int(rule.split(" of ")[0])
    given = {"name": "Review", "reviewers": people or (ANN,), "needed": needed, "veto": False, "deadline": DEADLINE}
    return StagePlan(**{**given, **fields})


def a_plan(*stages: StagePlan, **fields: Any) -> Plan:
    """A plan of these stages; of one that Ann decides, when there is none."""
    return Plan(**{"policy": "standard", "stages": stages or (a_stage(ANN),), **fields})


def a_submission(**fields: Any) -> Submitted:
    """Sam's proposal of a solar roof."""
    given = {
        "title": "Solar roof, Hall 3",
        "submitter": SAM,
        "department": "facilities",
        "category": "building",
        "budget": Money(Decimal("12500.00"), "EUR"),
        "content_hash": "c1",
        "payload_hash": "p1",
        "caller": "intranet",
    }
    return Submitted(**{**given, **fields})


def a_revision(**fields: Any) -> c.Revise:
    """Sam's answer: another text, all else alike."""
    given = {
        "title": "Solar roof, Hall 3",
        "submitter": SAM,
        "department": "facilities",
        "category": "building",
        "budget": Money(Decimal("12500.00"), "EUR"),
        "content_hash": "c2",
        "payload_hash": "p2",
    }
    return c.Revise(**{**given, **fields})


@dataclass(frozen=True)
class Told:
    """A review, the trail that led to it, and the judgement of the last step."""

    review: Review
    facts: tuple[Fact, ...]
    directory: Directory = EVERYBODY
    judgement: Judgement = NOTHING_YET

    @property
    def bodies(self) -> list[Body]:
        """What happened, without numbers and instants."""
        return [fact.body for fact in self.facts]

    def of(self, kind: type) -> list[Any]:
        """The facts' bodies of one kind."""
        return [body for body in self.bodies if isinstance(body, kind)]

    def at(self, kind: type) -> list[timedelta]:
        """When facts of a kind happened."""
        return [fact.at - NINE for fact in self.facts if isinstance(fact.body, kind)]

    def slot(self, holder: Person) -> Slot:
        """The newest slot of somebody."""
        return [slot for slot in self.review.slots if slot.person == holder][-1]

    @property
    def waits_on(self) -> list[str]:
        """The names of those who are asked now."""
        return [slot.person.name for slot in self.review.open_slots()]


Step = Callable[[Told], Told]


def received(at: timedelta = timedelta(0), directory: Directory | None = None, **fields: Any) -> Told:
    """A proposal that has just come in."""
    first = submitted(PROPOSAL, a_submission(**fields), NINE + at)
    return Told(fold(PROPOSAL, [first]), (first,), directory or EVERYBODY)


def a_review(*stages: StagePlan | Plan, directory: Directory | None = None, **fields: Any) -> Told:
    """A proposal whose first stage has opened at nine. Give stages, or a whole plan."""
    plan = stages[0] if stages and isinstance(stages[0], Plan) else a_plan(*(stage for stage in stages if isinstance(stage, StagePlan)))
    return after(received(directory=directory, **fields), planned(plan))


def after(told: Told, *steps: Step) -> Told:
    """What stands when all of this has happened. Only the last step may be refused."""
    for step in steps:
        assert told.judgement.refusal is None, told.judgement.refusal
        told = step(told)
    return told


def by(actor: Actor, command: Command, at: timedelta | None = None) -> Step:
    """Somebody brings a command, at a time since nine or at the instant of the newest fact."""

    def step(told: Told) -> Told:
        instant = told.review.last_at if at is None else NINE + at
        judgement = decide(told.review, command, actor, instant, told.directory)
        review = fold(told.review.proposal, judgement.facts, told.review)
        return replace(told, review=review, facts=(*told.facts, *judgement.facts), judgement=judgement)

    return step


def refused(told: Told, step: Step) -> Refusal:
    """Why a step is refused. Nothing but the passing of time may come of it."""
    then = step(told)
    assert then.judgement.refusal is not None, then.judgement
    assert all(fact.role == "system" for fact in then.judgement.facts)
    return then.judgement.refusal


def time(at: timedelta) -> Step:
    """Time passes."""
    return by(SYSTEM_ACTOR, c.LetTimePass(), at)


def vote(holder: Person, action: Action, comment: str = "", at: timedelta | None = None, content_hash: str | None = None) -> Step:
    """Somebody decides by their newest link."""

    def step(told: Told) -> Told:
        return by(Actor(holder, "reviewer"), c.Decide(told.slot(holder).id, action, comment, content_hash), at)(told)

    return step


def approve(holder: Person, at: timedelta | None = None) -> Step:
    """They approve."""
    return vote(holder, "approve", at=at)


def reject(holder: Person, at: timedelta | None = None, comment: str = "Too dear.") -> Step:
    """They reject, and say why."""
    return vote(holder, "reject", comment, at)


def abstain(holder: Person, at: timedelta | None = None) -> Step:
    """They abstain."""
    return vote(holder, "abstain", at=at)


def ask_changes(holder: Person, at: timedelta | None = None, comment: str = "Which panels?") -> Step:
    """They ask for changes."""
    return vote(holder, "request_changes", comment, at)


def delegate(holder: Person, to: Person, at: timedelta | None = None, comment: str = "") -> Step:
    """They hand their newest slot on."""

    def step(told: Told) -> Told:
        return by(Actor(holder, "reviewer"), c.Delegate(told.slot(holder).id, to, comment), at)(told)

    return step


def operator(command: Command, at: timedelta | None = None, who: Person = OLGA) -> Step:
    """An operator acts."""
    return by(Actor(who, "operator"), command, at)


def submitter(command: Command, at: timedelta | None = None, who: Person = SAM) -> Step:
    """The submitter acts."""
    return by(Actor(who, "submitter"), command, at)


def revise(at: timedelta | None = None, **fields: Any) -> Step:
    """The submitter answers with a revision."""
    revision = a_revision(**fields)
    return submitter(revision, at, revision.submitter)


def report(*results: Validated | Assessed | Planned | MailFailed | FollowedUp, at: timedelta | None = None) -> Step:
    """Activities bring results."""
    return by(SYSTEM_ACTOR, c.Report(tuple(results)), at)


def planned(plan: Plan | None = None, at: timedelta | None = None) -> Step:
    """The present round is planned."""

    def step(told: Told) -> Told:
        return report(Planned(told.review.round, plan or a_plan()), at=at)(told)

    return step


def directory_of(*groups: Sequence[str], gone: Sequence[Person] = (), domains: Sequence[str] = ("example.com",)) -> Directory:
    """A directory in which each group of addresses is one natural person, some have left, and only some domains are the company's."""
    natural = {address: group[0] for group in groups for address in group}

    def same(one: Person, other: Person) -> bool:
        return natural.get(one.email, one.email.casefold()) == natural.get(other.email, other.email.casefold())

    return Directory(
        same=same,
        admits=lambda somebody: somebody.email.rpartition("@")[2] in domains,
        active=lambda somebody: somebody not in gone,
    )
