"""The plan of one revision: which stages, which people, by when. Resolved once, kept in the trail."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from domain.people import Person

OnExpiry = Literal["escalate", "reject", "expire", "approve"]


@dataclass(frozen=True)
class StagePlan:
    """One stage. `needed` approvals settle it; None means all who do not abstain.

    `deadline` counts from the opening; each of `reminders` counts from the opening too and lies before the deadline.
    `on_expiry="escalate"` asks `escalate_to` once, with the deadline started anew; then the stage is rejected.
    `fallback` is asked in place of a slot that cannot be asked (nobody there, mail refused, only the submitter left).
    The people are those of the day of planning; the names (of people and roles, as the policy has them) tell who it is on the
    day when they are asked.
    """

    name: str
    reviewers: tuple[Person, ...]
    needed: int | None
    veto: bool
    deadline: timedelta
    reminders: tuple[timedelta, ...] = ()
    escalate_to: tuple[Person, ...] = ()
    on_expiry: OnExpiry = "expire"
    fallback: tuple[Person, ...] = ()
    comment_required: tuple[str, ...] = ("reject", "request_changes")
    may_delegate: bool = True
    show_others: bool = True
    reviewer_names: tuple[str, ...] = ()
    escalate_names: tuple[str, ...] = ()
    fallback_names: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The quorum as the policy has it: `any`, `all`, or `n of m`."""
        return "all" if self.needed is None else "any" if self.needed == 1 else f"{self.needed} of {len(self.reviewers)}"


@dataclass(frozen=True)
class Plan:
    """All stages of one round, in order. `restart` is `all` when a revision opens every stage again, else `changed`."""

    policy: str
    stages: tuple[StagePlan, ...]
    revision_deadline: timedelta = field(default=timedelta(days=14))
    restart: Literal["all", "changed"] = "changed"
