"""What a judgement is: new facts, a refusal, or neither; and what the rules must know of people to make one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from domain.facts import Fact
from domain.people import Person

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


def _same_address(a: Person, b: Person) -> bool:
    return a.email.casefold() == b.email.casefold()


def _anybody(_: Person) -> bool:
    return True


def _nobody_by_name(_: tuple[str, ...]) -> tuple[Person, ...] | None:
    return None


@dataclass(frozen=True)
class Directory:
    """What the rules must know of people.

    `same(a, b)`: one natural person (aliases, case, `+tag`). `admits(person)`: of the directory or of its mail domains, so that a
    slot may be handed to them. `active(person)`: not known to have left. `listed(person)`: of the directory, whatever their domain.
    `named(names)`: the people behind names and roles as they are now; None when one of the names is not known any more.
    """

    same: Callable[[Person, Person], bool] = field(default=_same_address)
    admits: Callable[[Person], bool] = field(default=_anybody)
    active: Callable[[Person], bool] = field(default=_anybody)
    listed: Callable[[Person], bool] = field(default=_anybody)
    named: Callable[[tuple[str, ...]], tuple[Person, ...] | None] = field(default=_nobody_by_name)

    def today(self, names: tuple[str, ...], planned: tuple[Person, ...]) -> tuple[Person, ...]:
        """Who is behind `names` now; the people planned where that cannot be told."""
        found = self.named(names) if names else None
        return planned if found is None else found

    def among(self, person: Person, others: tuple[Person, ...]) -> bool:
        """Whether one of `others` is this natural person."""
        return any(self.same(person, other) for other in others)
