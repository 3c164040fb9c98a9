"""The records: every proposal's trail, its head, and the marks of what was sent. What stands here is what is true.

Implementations: `records_sqlite.py` (embedded). One contract test runs over all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.facts import Fact
from domain.review import Review


class RecordsUnavailable(Exception):
    """The store cannot be reached or is busy: nothing was changed; try again later."""


class Conflict(Exception):
    """Somebody else committed first: read again and judge again."""


@dataclass(frozen=True)
class Stored:
    """A proposal as it stands: its review, its whole trail, and how far its orchestrator has looked.

    `hashes[i]` is the chain hash after `facts[i]`. `etag` changes with every commit of facts (not with `seen`).
    `seen_at` is when the orchestrator last looked, None when never.
    """

    review: Review
    facts: tuple[Fact, ...]
    hashes: tuple[str, ...]
    seen: int
    seen_at: datetime | None
    etag: str


@dataclass(frozen=True)
class Filters:
    """The operators' list. Every given filter must match; `q`: every word, casefolded, somewhere in id, title, people."""

    status: str | None = None
    submitter: str | None = None
    reviewer: str | None = None
    department: str | None = None
    overdue: bool = False
    q: str | None = None


@dataclass(frozen=True)
class Row:
    """A line of the operators' list. `waits_on`: addresses of open slots."""

    proposal: str
    title: str
    status: str
    round: int
    stage: str | None
    submitter_name: str
    submitter_email: str
    department: str
    category: str
    amount: str
    currency: str
    submitted_at: datetime
    changed_at: datetime
    deadline: datetime | None
    waits_on: tuple[str, ...]
    on_hold: bool


@dataclass(frozen=True)
class Page:
    """`cursor` is None only at the end of the list."""

    rows: Sequence[Row] = field(default_factory=tuple)
    cursor: str | None = None


class Records(Protocol):
    """The verbs of the store. All raise RecordsUnavailable when it cannot be reached within seconds."""

    async def create(self, proposal: str, first: Fact) -> Stored | None:
        """Insert a new proposal with fact 1 and its head, in one transaction. None when the id is in use: then `read` it."""

    async def read(self, proposal: str) -> Stored | None:
        """The proposal, or None."""

    async def append(self, stored: Stored, facts: Sequence[Fact], review: Review) -> Stored:
        """Commit new facts and the head they lead to, in one transaction. Raises Conflict when `stored` is no longer what stands."""

    async def mark_seen(self, proposal: str, number: int, at: datetime) -> None:
        """Note that the orchestrator has looked at the trail up to fact `number`; never goes back."""

    async def mark_sent(self, proposal: str, notice: str, at: datetime) -> None:
        """Leave a mark that the mail `notice` was handed over; twice is harmless."""

    async def was_sent(self, proposal: str, notice: str) -> bool:
        """Whether such a mark stands."""

    async def sent(self, proposal: str) -> Sequence[tuple[str, datetime]]:
        """All marks of a proposal, oldest first."""

    async def listed(self, filters: Filters, limit: int, cursor: str | None, now: datetime) -> Page:
        """A page, newest submission first; costs the page and not the table. `now` tells what is overdue.

        Raises ValueError for a cursor it did not make.
        """

    async def behind(self, before: datetime, limit: int) -> Sequence[str]:
        """Proposals whose newest fact is older than `before` and not yet seen by their orchestrator, or whose next due instant
        lies before `before`: oldest first.
        """

    async def put_content(self, content: bytes) -> str:
        """Keep a body, named by its SHA-256 in hex; the same body twice is one."""

    async def get_content(self, content_hash: str) -> bytes:
        """The body. Raises KeyError when it is not there."""

    async def check(self) -> None:
        """Prove that the store answers and can be written."""

    def close(self) -> None:
        """Let go of what is held open; nothing may be under way. The next verb opens it anew."""
