"""The status document: what a proposal's own people may read of it. No mail address leaves through it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.facts import Fact
from domain.passing import next_reminder
from domain.quorum import tally
from domain.review import Review, Slot
from domain.timeline import Names, timeline
from domain.wording import listed, when


def status_document(review: Review, facts: Sequence[Fact], links: dict[str, str]) -> dict[str, Any]:
    """The document of DESIGN 3, plain JSON, with its one sentence `next` and its `timeline` in words."""
    names = Names(review)
    return {
        "id": review.proposal,
        "title": review.title,
        "status": review.status,
        "round": review.round,
        "stage": stage(review),
        "reviewers": reviewers(review, names),
        "findings": [{"rule": each.rule, "severity": each.severity, "message": each.message} for each in review.findings],
        "decision": decision(review),
        "on_hold": {"since": instant(review.hold.since), "reason": review.hold.reason} if review.hold else None,
        "next": next_sentence(review, names),
        "timeline": [{"at": instant(at), "what": what} for at, what in timeline(review, facts, names)],
        "links": links,
    }


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def stage(review: Review) -> dict[str, Any] | None:
    """The stage that is under way, or was the last one."""
    if review.plan is None or review.stage is None:
        return None
    plan = review.plan.stages[review.stage]
    state = review.stage_state(review.stage)
    assert state is not None
    return {
        "name": plan.name,
        "index": review.stage + 1,
        "of": len(review.plan.stages),
        "rule": plan.rule,
        "deadline": instant(state.deadline),
    }


def reviewers(review: Review, names: "Names") -> list[dict[str, Any]]:
    """Everybody asked in the present round, with what became of their turn."""
    return [
        {"name": names.of(slot), "state": slot.state, "decided_at": instant(slot.decided_at)}
        for slot in review.slots
        if slot.round == review.round
    ]


def decision(review: Review) -> dict[str, Any] | None:
    """The outcome, once there is one."""
    if not review.ended:
        return None
    return {"outcome": review.outcome, "decided_at": instant(review.ended_at), "reasons": list(review.reasons)}


def next_sentence(review: Review, names: "Names") -> str:
    """Why it stands, and what happens next: one sentence for every status."""
    if review.ended:
        assert review.ended_at is not None
        return f"It has ended: {review.status} on {when(review.ended_at)}; nothing more happens."
    if review.hold:
        then = f"; it needs somebody to {review.hold.needs}" if review.hold.needs else "; an operator resumes it"
        return f"On hold since {when(review.hold.since)} ({review.hold.reason.rstrip('.')}){then}."
    match review.status:
        case "received":
            return "Received; the checks begin in a moment."
        case "validating":
            return "The checks are running; then the first reviewers are asked."
        case "changes_requested":
            assert review.revision_deadline is not None
            return (
                f"Changes were requested: it waits for a revision by the submitter until {when(review.revision_deadline)}, then it expires."
            )
    return waiting(review, names)


def waiting(review: Review, names: "Names") -> str:
    """The sentence of a proposal in review: on whom it waits, and what happens if they stay silent."""
    state = review.open_stage()
    if state is None or review.plan is None:
        return "The next stage opens in a moment."
    plan = review.plan.stages[state.index]
    open_slots = [slot for slot in review.slots_of(state.index) if slot.state == "open"]
    missing = max(tally(plan, review.slots_of(state.index)).missing, 1)
    people = asked(open_slots, missing, names)
    reminder = next_reminder(review)
    reminded = f"; the next reminder goes out on {when(reminder)}" if reminder else ""
    return f"Waits for {people} since {when(earliest(open_slots, state.opened_at))}{reminded}; {silence(review)}."


def asked(slots: list[Slot], missing: int, names: "Names") -> str:
    """On whom it waits: how many of them suffice, and who may settle it alone."""
    alone, others = ([names.of(slot) for slot in slots if slot.alone is each] for each in (True, False))
    count = "" if len(others) <= missing else f"{missing} of " if missing > 1 else "one of "
    by_others = f"{count}{listed(others)}"
    if not alone:
        return by_others
    senior = f"{listed(alone)}, {'who decides alone,' if len(alone) == 1 else 'one of whom decides alone,'}"
    return f"{senior} or for {by_others}" if len(others) >= missing else senior


def earliest(slots: list[Slot], otherwise: datetime) -> datetime:
    """Since when the first of the slots has been waiting."""
    return min((slot.asked_at for slot in slots), default=otherwise)


def silence(review: Review) -> str:
    """What the deadline brings."""
    state = review.open_stage()
    assert state is not None
    assert review.plan is not None
    plan = review.plan.stages[state.index]
    at = when(state.deadline)
    if plan.on_expiry == "escalate" and not state.escalated and plan.escalate_to:
        to = "somebody else" if review.names_hidden else listed([person.name for person in plan.escalate_to])
        return f"without a decision by {at} it is escalated to {to}"
    brings = {"escalate": "is rejected", "reject": "is rejected", "expire": "expires", "approve": "is approved by silence"}[plan.on_expiry]
    return f"without a decision by {at} it {brings}"
