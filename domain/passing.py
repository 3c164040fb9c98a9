"""The passing of time: reminders, deadlines and escalations up to an instant, each at its own."""

from datetime import datetime

from domain.draft import Draft
from domain.facts import Concluded, Reminded
from domain.review import Review, Slot
from domain.stages import expire, hand_to_fallback


def next_due(review: Review) -> datetime | None:
    """The next instant at which time alone brings a fact about; None when nothing is waited for, or all is on hold."""
    if review.ended or review.hold:
        return None
    if review.status == "changes_requested":
        return review.revision_deadline
    state = review.open_stage()
    if state is None:
        return None
    reminder = next_reminder(review)
    return min(reminder, state.deadline) if reminder else state.deadline


def next_reminder(review: Review) -> datetime | None:
    """When the open stage's next reminder is due; None when there is none before its deadline."""
    state = review.open_stage()
    if state is None or review.plan is None:
        return None
    offsets = review.plan.stages[state.index].reminders
    if state.reminders_done >= len(offsets):
        return None
    due = state.counted_from + sorted(offsets)[state.reminders_done]
    return due if due < state.deadline else None


def let_time_pass(draft: Draft, until: datetime) -> None:
    """Everything due up to and including `until` happens: a decision at the very instant of its deadline comes too late."""
    while (due := next_due(draft.review)) is not None and due <= until:
        happen(draft, due)


def happen(draft: Draft, due: datetime) -> None:
    """The one thing that is due at `due`."""
    review = draft.review
    if review.status == "changes_requested":
        draft.add(due, Concluded("expired", ("No revision came in time.",)))
        return
    state = review.open_stage()
    assert state is not None
    if due >= state.deadline:
        expire(draft, due, "The deadline passed.")
        return
    slots = tuple(slot.id for slot in review.open_slots())
    draft.add(due, Reminded(slots, state.reminders_done + 1))


def replace_leavers(draft: Draft, at: datetime) -> None:
    """Hand on the open slots of people who have left the directory."""
    gone = [slot.id for slot in draft.review.open_slots() if has_left(draft, slot)]
    for slot_id in gone:
        slot = draft.review.slot(slot_id)  # as the one before may have left it: its stage may be settled, or on hold
        if slot and slot.state == "open" and draft.review.open_stage() and not draft.review.hold:
            hand_to_fallback(draft, slot, at, "no longer in the directory")


def has_left(draft: Draft, slot: Slot) -> bool:
    """Whether the holder is inactive, or was asked as somebody of the directory and is not in it any more."""
    by_policy = slot.why in ("planned", "fallback", "escalated")
    return not draft.directory.active(slot.person) or (by_policy and not draft.directory.listed(slot.person))
