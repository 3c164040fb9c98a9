"""How a command is judged: `decide` answers facts, or a refusal that says why; `fold` makes facts a review.

`decide` first lets every reminder, deadline and escalation up to the command's instant happen, each at its own instant, so
the same trail comes about whether a timer fired early, late or never.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from domain.commands import Actor, Command
from domain.facts import Fact, Submitted
from domain.people import Person
from domain.review import Review

RefusalCode = Literal[
    "unknown_slot",
    "already_decided",  # another decision by the same slot
    "settled",
    "past_deadline",
    "withdrawn",
    "cancelled",
    "revised",
    "handed_on",
    "ended",
    "on_hold",
    "not_open",  # the verb does not fit the status: revising what is in review, extending what has no stage
    "invalid",  # `field` says which
]


@dataclass(frozen=True)
class Refusal:
    """Why a command changes nothing: a code for machines, a sentence for people, and the facts behind it."""

    code: RefusalCode
    message: str
    field: str | None = None
    at: datetime | None = None
    by: Person | None = None


@dataclass(frozen=True)
class Judgement:
    """`facts` are to be committed even with a `refusal`: they are what time brought about before the command was judged.

    `repeated` is true when the command asks for what stands already (the same decision again): no fact, no refusal.
    """

    facts: tuple[Fact, ...] = ()
    refusal: Refusal | None = None
    repeated: bool = False


@dataclass(frozen=True)
class Directory:
    """What the rules must know of people: who is one and the same person, and to whom a slot may be handed.

    `same(a, b)`: one natural person (aliases, case, `+tag`). `admits(person)`: of the directory or of its mail domains.
    """

    same: Callable[[Person, Person], bool] = field(default=lambda a, b: a.email.casefold() == b.email.casefold())
    admits: Callable[[Person], bool] = field(default=lambda person: True)


def submitted(proposal: str, body: Submitted, at: datetime) -> Fact:
    """The first fact of a proposal."""
    return Fact(1, at, body.submitter, "submitter", body)


def decide(review: Review, command: Command, actor: Actor, at: datetime, directory: Directory) -> Judgement:
    """Judge `command` at `at` (aware UTC, not before `review.last_at`)."""
    raise NotImplementedError


def fold(proposal: str, facts: Sequence[Fact], review: Review | None = None) -> Review:
    """The review after `facts`, on top of `review` when it is given."""
    raise NotImplementedError


def next_due(review: Review) -> datetime | None:
    """The next instant at which the passing of time alone brings a fact about; None when nothing is waited for."""
    raise NotImplementedError
