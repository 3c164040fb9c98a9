"""The commands: what somebody wants of a review. `domain.judge.decide` answers each with facts, or with a refusal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.facts import Action, Assessed, FollowedUp, MailFailed, Planned, Validated
from domain.facts import Money as Money
from domain.people import SYSTEM, Person


@dataclass(frozen=True)
class LetTimePass:
    """Nothing but the passing of time: what is due by now becomes facts."""


@dataclass(frozen=True)
class Decide:
    """The holder of a slot decides. `content_hash` is that of the page they saw, or None when the caller has not said."""

    slot: str
    action: Action
    comment: str = ""
    content_hash: str | None = None


@dataclass(frozen=True)
class Delegate:
    """The holder of a slot hands it to somebody else."""

    slot: str
    to: Person
    comment: str = ""


@dataclass(frozen=True)
class Revise:
    """The submitter answers requested changes with a revision (the fields of `Revised` but its round)."""

    title: str
    submitter: Person
    department: str
    category: str
    budget: Money
    content_hash: str
    payload_hash: str
    needed_by: str | None = None


@dataclass(frozen=True)
class Withdraw:
    """The submitter takes the proposal back, at any time before its end."""

    reason: str = ""


@dataclass(frozen=True)
class Report:
    """What activities found since the last look. Reports of an earlier round, or of what is known already, change nothing."""

    results: tuple[Validated | Assessed | Planned | MailFailed | FollowedUp, ...]


@dataclass(frozen=True)
class Suspend:
    """An operator puts the proposal on hold."""

    reason: str


@dataclass(frozen=True)
class Resume:
    """An operator ends the hold."""

    reason: str


@dataclass(frozen=True)
class Cancel:
    """An operator ends the proposal."""

    reason: str


@dataclass(frozen=True)
class Remind:
    """An operator reminds one open slot, or all; at most once an hour for each slot."""

    slot: str | None = None


@dataclass(frozen=True)
class Reassign:
    """An operator gives an open slot to somebody else."""

    slot: str
    to: Person
    reason: str


@dataclass(frozen=True)
class Add:
    """An operator asks one more person in a stage (its index)."""

    stage: int
    to: Person
    reason: str


@dataclass(frozen=True)
class Extend:
    """An operator moves the open stage's deadline to a later instant."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class Override:
    """An operator decides in place of the people asked."""

    outcome: Literal["approved", "rejected"]
    reason: str


@dataclass(frozen=True)
class Retry:
    """An operator has the engine's work begun anew."""

    reason: str = ""


Command = (
    LetTimePass
    | Decide
    | Delegate
    | Revise
    | Withdraw
    | Report
    | Suspend
    | Resume
    | Cancel
    | Remind
    | Reassign
    | Add
    | Extend
    | Override
    | Retry
)


@dataclass(frozen=True)
class Actor:
    """Who brings a command. For `role="reviewer"` the slot's holder is meant, whatever `person` says."""

    person: Person
    role: Literal["system", "submitter", "reviewer", "operator"]


SYSTEM_ACTOR = Actor(SYSTEM, "system")
"""Greenlight itself, as the bringer of a command."""
