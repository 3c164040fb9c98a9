"""What the facts since the last look ask for: the bridge from the trail to the engine.

Pure, and derived from the trail alone: an instance that is started anew with `seen=0` asks for all of it again, which is
harmless since every activity leaves a mark and looks for it first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from domain.facts import Fact
from domain.review import Review

NoticeKind = Literal[
    "received",  # to the submitter: we have it, here is your link
    "asked",  # to a reviewer: please decide (escalated, delegated, fallback too: the slot says why)
    "reminder",
    "extended",  # to open slots: the deadline moved
    "closed",  # to a reviewer: nothing more is needed
    "changes_requested",  # to the submitter
    "outcome",  # to the submitter; and to those who decided, when it was rejected
]


@dataclass(frozen=True)
class Notice:
    """One mail to one person: `slot` names a reviewer, None the submitter. `number` is the fact that asked for it.

    (`slot` or "submitter", `kind`, `number`) is its identity: its Message-ID is made of it.
    """

    kind: NoticeKind
    slot: str | None
    number: int


@dataclass(frozen=True)
class Agenda:
    """`check`: the round whose revision is to be validated, assessed and planned; `follow_up`: the end is new."""

    check: int | None
    notices: tuple[Notice, ...]
    follow_up: bool


def agenda(review: Review, facts: Sequence[Fact], seen: int) -> Agenda:
    """What is asked for by the facts after number `seen`. `facts` is the whole trail."""
    raise NotImplementedError


def still_wanted(review: Review, notice: Notice) -> bool:
    """Judged again when the mail is about to go: a reminder of a slot decided meanwhile is not sent."""
    raise NotImplementedError
