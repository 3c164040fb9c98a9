"""What pages show of a proposal: a view made of the review, without an address of anybody and without who must not be seen."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from clients.differences import Change, changes
from clients.pages import amount, rendered_markdown
from domain.plan import StagePlan
from domain.review import Review, Slot
from services.letters import reference

STATUS_WORDS = {
    "received": "Received",
    "validating": "Being checked",
    "in_review": "In review",
    "changes_requested": "Changes requested",
    "approved": "Approved",
    "rejected": "Rejected",
    "expired": "Expired",
    "withdrawn": "Withdrawn",
    "cancelled": "Cancelled",
    "failed": "Failed",
    "on_hold": "On hold",
}

STATE_WORDS = {
    "open": "Undecided",
    "approved": "Approved",
    "rejected": "Rejected",
    "changes_requested": "Asked for changes",
    "abstained": "Abstained",
    "handed_on": "Handed on",
    "closed": "Not needed",
}

SEVERITY_WORDS = {"info": "Note", "warning": "Warning", "error": "Problem"}

TONES = {"approved": "good", "rejected": "bad", "failed": "bad", "expired": "warn", "changes_requested": "warn", "on_hold": "warn"}


@dataclass(frozen=True)
class FindingView:
    """One finding."""

    rule: str
    severity: str
    word: str
    message: str


@dataclass(frozen=True)
class PersonView:
    """One person's turn."""

    name: str
    state: str
    words: str
    round: int
    at: datetime | None = None
    comment: str = ""
    you: bool = False


@dataclass(frozen=True)
class StageView:
    """One stage of the plan. `state`: todo, current, or its outcome."""

    name: str
    state: str
    words: str
    rule: str
    people: Sequence[PersonView]


@dataclass(frozen=True)
class View:
    """A proposal as a page shows it. `status` is `on_hold` while it is; `content_hash` names the revision that is shown."""

    reference: str
    title: str
    status: str
    status_words: str
    tone: str
    next: str
    reasons: Sequence[str]
    amount: str
    deadline: datetime | None
    deadline_label: str
    submitter: str
    department: str
    category: str
    needed_by: str | None
    round: int
    summary: Markup | None
    links: Sequence[str]
    details: str
    changes: Sequence[Change] | None
    findings: Sequence[FindingView]
    stages: Sequence[StageView]
    stage_name: str
    earlier: Sequence[PersonView]
    asked: Sequence[PersonView]
    timeline: Sequence[Mapping[str, Any]]
    content_hash: str


def view_of(
    review: Review,
    document: Mapping[str, Any],
    content: Mapping[str, Any] | None,
    before: Mapping[str, Any] | None,
    you: Slot | None = None,
) -> View:
    """The view of a review. `document` is its status document, `content` the revision's body, `before` that of the last round.

    With `you`, others are shown as the policy of that slot's stage lets the reviewer see them.
    """
    status = "on_hold" if review.hold and not review.ended else review.status
    deadline, label = deadline_of(review)
    stages = tuple(stage_view(review, index, plan, you) for index, plan in enumerate(review.plan.stages if review.plan else ()))
    return View(
        reference=reference(review.proposal),
        title=review.title,
        status=status,
        status_words=STATUS_WORDS[status],
        tone=TONES.get(status, "calm"),
        next=document["next"],
        reasons=review.reasons,
        amount=amount(review.budget),
        deadline=deadline,
        deadline_label=label,
        submitter=review.submitter.name,
        department=review.department,
        category=review.category,
        needed_by=review.needed_by,
        round=review.round,
        summary=rendered_markdown(content["summary"]) if content else None,
        links=content.get("links", ()) if content else (),
        details=json.dumps(content["details"], indent=2, ensure_ascii=False) if content and content.get("details") else "",
        changes=changes(before, content) if before is not None and content is not None else None,
        findings=tuple(FindingView(each.rule, each.severity, SEVERITY_WORDS[each.severity], each.message) for each in review.findings),
        stages=stages,
        stage_name=stages[you.stage].name if you and you.round == review.round and you.stage < len(stages) else "",
        earlier=tuple(
            person_view(slot, you) for slot in review.slots if slot.round < review.round and slot.action and seen(review, slot, you)
        ),
        asked=asked_for(review),
        timeline=tuple(document["timeline"]),
        content_hash=review.content_hash,
    )


def deadline_of(review: Review) -> tuple[datetime | None, str]:
    """Until when somebody must act, and who."""
    if review.ended or review.hold:
        return None, ""
    if review.status == "changes_requested":
        return review.revision_deadline, "Revise by"
    state = review.open_stage()
    return (state.deadline, "Decide by") if state else (None, "")


def stage_view(review: Review, index: int, plan: StagePlan, you: Slot | None) -> StageView:
    """A stage, with the people asked in it."""
    state = review.stage_state(index)
    if state is None:
        over = review.ended or review.status == "changes_requested"
        return StageView(plan.name, "todo", "not reached" if over else "to come", rule_of(plan), ())
    people = tuple(person_view(slot, you) for slot in review.slots_of(index) if seen(review, slot, you))
    if state.outcome:
        return StageView(plan.name, state.outcome, STATUS_WORDS[state.outcome].casefold(), "", people)
    if review.ended:
        return StageView(plan.name, "todo", "closed undecided", "", people)
    return StageView(plan.name, "current", "on hold" if review.hold else "under way", rule_of(plan), people)


def rule_of(plan: StagePlan) -> str:
    """What it takes, in words."""
    count = len(plan.reviewers)
    if plan.needed is None:
        words = "It takes the approval of all who do not abstain"
    elif plan.needed == 1:
        words = "It takes one approval"
    else:
        words = f"It takes {plan.needed} approvals of {count}"
    return f"{words}; one rejection ends it." if plan.veto else f"{words}."


def person_view(slot: Slot, you: Slot | None) -> PersonView:
    """One person's turn, by name."""
    mine = you is not None and slot.id == you.id
    at = slot.decided_at or (slot.closed_at if slot.state == "handed_on" else None)
    return PersonView(slot.person.name, slot.state, STATE_WORDS[slot.state], slot.round, at, slot.comment, mine)


def seen(review: Review, slot: Slot, you: Slot | None) -> bool:
    """Whether somebody's turn is shown: to its holder always, else where every stage lets the others be seen."""
    if you is not None and slot.id == you.id:
        return True
    return not review.names_hidden


def asked_for(review: Review) -> tuple[PersonView, ...]:
    """What the submitter is to change, in the reviewers' own words; unnamed where the policy hides them."""
    if review.status != "changes_requested":
        return ()
    slots = [slot for slot in review.slots if slot.round == review.round and slot.state == "changes_requested" and slot.comment]
    return tuple(person_view(slot, None) if seen(review, slot, None) else unnamed(slot) for slot in slots)


def unnamed(slot: Slot) -> PersonView:
    """One person's turn without who they are."""
    return PersonView("A reviewer", slot.state, STATE_WORDS[slot.state], slot.round, slot.decided_at, slot.comment)
