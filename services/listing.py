"""The operators' list on SQLite: what a head holds for it, and how a page is read at the cost of the page."""

import base64
import json
import sqlite3
import unicodedata
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from domain.judge import next_due
from domain.review import Review
from services.instants import microseconds
from services.records import Filters, Page, Row

SCANNED_AT_ONCE = 200
SCANNED_AT_MOST = 5000
"""Rows that one page may look at: a page of a rare word is short, or empty with a cursor, and never costs the table."""

ROW = TypeAdapter(Row)


def _microseconds(at: datetime | None) -> int | None:
    return microseconds(at) if at else None


def folded(text: str) -> str:
    """Text as it is searched: composed the same way, without case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def waiting_reviewers(review: Review) -> list[str]:
    """The addresses of open slots, folded."""
    return sorted({folded(slot.person.email) for slot in review.open_slots()})


def row_of(review: Review) -> Row:
    """A proposal's line in the list."""
    state = review.open_stage()
    deadline = state.deadline if state else review.revision_deadline
    return Row(
        proposal=review.proposal,
        title=review.title,
        status=review.status,
        round=review.round,
        stage=review.plan.stages[state.index].name if state and review.plan else None,
        submitter_name=review.submitter.name,
        submitter_email=review.submitter.email,
        department=review.department,
        category=review.category,
        amount=str(review.budget.amount),
        currency=review.budget.currency,
        submitted_at=review.submitted_at,
        changed_at=review.last_at,
        deadline=deadline,
        waits_on=tuple(slot.person.email for slot in review.open_slots()),
        on_hold=review.hold is not None,
    )


def head_columns(review: Review) -> dict[str, Any]:
    """The columns of a head."""
    row = row_of(review)
    people = [row.submitter_name, row.submitter_email, *(text for slot in review.slots for text in (slot.person.name, slot.person.email))]
    return {
        "proposal": review.proposal,
        "last": review.number,
        "last_at": _microseconds(review.last_at),
        "next_due": _microseconds(next_due(review)),
        "submitted_at": _microseconds(review.submitted_at),
        "status": review.status,
        "submitter": folded(row.submitter_email),
        "department": folded(review.department),
        "deadline": _microseconds(row.deadline),
        "row_json": json.dumps(ROW.dump_python(row, mode="json"), ensure_ascii=False),
        "words": folded("\n".join([review.proposal, review.title, *dict.fromkeys(people)])),
    }


def page(connection: sqlite3.Connection, filters: Filters, limit: int, cursor: str | None, now: int) -> Page:
    """A page, newest submission first. An index picks the rows by one filter, the others sift what is scanned."""
    source, values = chosen(filters, now)
    sought = folded(filters.q or "").split()
    after = read_cursor(cursor)
    rows: list[Row] = []
    scanned = 0
    while len(rows) < limit and scanned < SCANNED_AT_MOST:
        where = f"{source} AND (submitted_at, proposal) < (:at, :id)" if after else source
        found = connection.execute(
            # the clauses are fixed texts of this file; every value is bound
            f"SELECT submitted_at, proposal, row_json, words, department, submitter, deadline FROM heads WHERE {where}"  # noqa: S608
            " ORDER BY submitted_at DESC, proposal DESC LIMIT :limit",
            {**values, "at": after[0] if after else None, "id": after[1] if after else None, "limit": SCANNED_AT_ONCE},
        ).fetchall()
        scanned += len(found)
        for submitted_at, proposal, row_json, words, department, submitter, deadline in found:
            after = (submitted_at, proposal)
            if not all(word in words for word in sought):
                continue
            row = ROW.validate_json(row_json)
            if fits(row, filters, department, submitter, deadline, now):
                rows.append(row)
                if len(rows) == limit:
                    break
        else:
            if len(found) < SCANNED_AT_ONCE:
                return Page(tuple(rows), None)
    return Page(tuple(rows), made_cursor(after) if after else None)


def chosen(filters: Filters, now: int) -> tuple[str, dict[str, Any]]:
    """The one condition that an index serves best, and its values."""
    if filters.reviewer:
        return "proposal IN (SELECT proposal FROM waiting WHERE reviewer = :reviewer)", {"reviewer": folded(filters.reviewer)}
    if filters.submitter:
        return "submitter = :submitter", {"submitter": folded(filters.submitter)}
    if filters.overdue:
        # Named, since SQLite would rather read the whole list in its order than sort the few that are overdue.
        return "proposal IN (SELECT proposal FROM heads INDEXED BY heads_by_deadline WHERE deadline < :now)", {"now": now}
    if filters.status:
        return "status = :status", {"status": filters.status}
    if filters.department:
        return "department = :department", {"department": folded(filters.department)}
    return "TRUE", {}


def fits(row: Row, filters: Filters, department: str, submitter: str, deadline: int | None, now: int) -> bool:
    """Whether a scanned row meets every filter but the words."""
    return (
        (not filters.status or row.status == filters.status)
        and (not filters.submitter or submitter == folded(filters.submitter))
        and (not filters.department or department == folded(filters.department))
        and (not filters.reviewer or folded(filters.reviewer) in map(folded, row.waits_on))
        and (not filters.overdue or (deadline is not None and deadline < now and not row.on_hold))
    )


def made_cursor(after: tuple[int, str]) -> str:
    """Where the next page begins, opaque to whoever gets it."""
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> tuple[int, str] | None:
    """The inverse. Raises ValueError for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        at, proposal = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        raise ValueError("the cursor is not one of ours") from None
    if not isinstance(at, int) or not isinstance(proposal, str):
        raise ValueError("the cursor is not one of ours")
    return at, proposal
