"""The facts of a trail: what has happened to one proposal, in order.

A fact is a numbered envelope (`Fact`) around one of the bodies below. Bodies hold what cannot be worked out from earlier
facts, and nothing else. A new field gets a default, so that old trails still read; a body is never renamed.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.people import Person
from domain.plan import Plan

Action = Literal["approve", "reject", "request_changes", "abstain"]
Severity = Literal["info", "warning", "error"]
Outcome = Literal["approved", "rejected", "expired", "withdrawn", "cancelled", "failed"]


@dataclass(frozen=True)
class Money:
    """An amount in a currency (ISO 4217). Exact; ≥ 0 and < 10^15."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Finding:
    """What a rule found. `rule` names it; `error` from a validator refuses the proposal, from any other rule it only warns loudly."""

    rule: str
    severity: Severity
    message: str


@dataclass(frozen=True)
class Submitted:
    """The proposal came in: round 1. `content_hash` names its whole body (summary, details, links) in the content store.

    `caller` names the system or person who posted it, `payload_hash` serves Idempotency-Key.
    """

    title: str
    submitter: Person
    department: str
    category: str
    budget: Money
    content_hash: str
    payload_hash: str
    caller: str
    needed_by: str | None = None


@dataclass(frozen=True)
class Validated:
    """A validator has looked at the round's revision. `refused` ends the proposal as rejected."""

    round: int
    rule: str
    findings: tuple[Finding, ...]
    refused: bool


@dataclass(frozen=True)
class Assessed:
    """A proprietary rule has looked at the round's revision; failing is a finding too."""

    round: int
    rule: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Planned:
    """The round's plan stands; stages open in order."""

    round: int
    plan: Plan
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class StageOpened:
    """A stage began; its deadline is an instant from here on."""

    round: int
    stage: int
    deadline: datetime


@dataclass(frozen=True)
class Asked:
    """One person was asked. `slot` is `r{round}s{stage}p{n}`, each counted from 1; `instead_of` is the slot that it took over.

    `alone`: this slot can settle the stage by itself.
    """

    slot: str
    stage: int
    person: Person
    why: Literal["planned", "delegated", "reassigned", "added", "escalated", "fallback", "reopened"]
    instead_of: str | None = None
    alone: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Decided:
    """The decision of a slot, on the revision that `content_hash` names. Final for its link."""

    slot: str
    action: Action
    comment: str
    content_hash: str


@dataclass(frozen=True)
class HandedOn:
    """A slot went to somebody else: delegated, reassigned by an operator, or as the person is gone or cannot be reached.

    `to_slot` is None when there was nobody to take it over.
    """

    slot: str
    to_slot: str | None
    why: Literal["delegated", "reassigned", "fallback"]
    reason: str = ""


@dataclass(frozen=True)
class Reminded:
    """A reminder fell due for these open slots, or an operator sent one."""

    slots: tuple[str, ...]
    count: int
    by_operator: bool = False


@dataclass(frozen=True)
class Escalated:
    """The deadline passed and the people of the escalation were asked; the deadline started anew."""

    stage: int
    deadline: datetime


@dataclass(frozen=True)
class StageExpired:
    """The deadline of a stage passed with the rule unfulfilled and nobody left to escalate to."""

    stage: int


@dataclass(frozen=True)
class StageSettled:
    """The stage has its outcome; `by_slot` is the decision that settled it, None when time or arithmetic did."""

    stage: int
    outcome: Literal["approved", "rejected", "expired", "changes_requested"]
    by_slot: str | None
    reason: str = ""


@dataclass(frozen=True)
class ChangesAsked:
    """The round's slots are closed and the submitter has until `deadline` to revise."""

    round: int
    deadline: datetime


@dataclass(frozen=True)
class Revised:
    """A revision came: a new round, new slots."""

    round: int
    title: str
    submitter: Person
    department: str
    category: str
    budget: Money
    content_hash: str
    payload_hash: str
    needed_by: str | None = None


@dataclass(frozen=True)
class Extended:
    """An operator moved the deadline of a stage, only ever later."""

    stage: int
    deadline: datetime
    reason: str


@dataclass(frozen=True)
class PutOnHold:
    """Nothing is reminded or expires until `Resumed`; `needs` names what an operator must do, when the rules did it."""

    reason: str
    needs: str = ""


@dataclass(frozen=True)
class Resumed:
    """The hold ended; deadlines moved by its length."""

    reason: str


@dataclass(frozen=True)
class MailFailed:
    """A mail was refused for good. A finding for operators."""

    slot: str | None
    notice: str
    detail: str


@dataclass(frozen=True)
class FollowedUp:
    """A proprietary `after_decision` hook ran, or failed."""

    rule: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Overridden:
    """An operator decided in place of the people asked: a fact of its own kind, never to be read as a vote."""

    outcome: Literal["approved", "rejected"]
    reason: str


@dataclass(frozen=True)
class Withdrawn:
    """The submitter took the proposal back."""

    reason: str


@dataclass(frozen=True)
class Cancelled:
    """An operator ended the proposal."""

    reason: str


@dataclass(frozen=True)
class RetryAsked:
    """An operator had the engine's work for this proposal begun anew: nothing else changes."""

    reason: str = ""


@dataclass(frozen=True)
class Concluded:
    """The end: one outcome, once."""

    outcome: Outcome
    reasons: tuple[str, ...]


Body = (
    Submitted
    | Validated
    | Assessed
    | Planned
    | StageOpened
    | Asked
    | Decided
    | HandedOn
    | Reminded
    | Escalated
    | StageExpired
    | StageSettled
    | ChangesAsked
    | Revised
    | Extended
    | PutOnHold
    | Resumed
    | MailFailed
    | FollowedUp
    | Overridden
    | Withdrawn
    | Cancelled
    | RetryAsked
    | Concluded
)


@dataclass(frozen=True)
class Fact:
    """One entry of the trail. `author` is a person, or `SYSTEM`; `role` says in which capacity they acted."""

    number: int
    at: datetime
    author: Person
    role: Literal["system", "submitter", "reviewer", "operator"]
    body: Body
