"""What an operator may do. Everything asks for a reason, but reminders and retries; nothing of it counts as a reviewer's vote."""

from datetime import datetime, timedelta

from domain import commands as c
from domain import facts as f
from domain.commands import Actor
from domain.draft import Draft
from domain.judgement import Refusal
from domain.passing import let_time_pass
from domain.reviewing import LONGEST_COMMENT, cannot_take_over, hand_on
from domain.stages import hand_on_unreached, proceed, settle
from domain.submitting import has_ended
from domain.wording import when

BETWEEN_REMINDERS = timedelta(hours=1)
MOST_PEOPLE = 30
LONGEST_EXTENSION = timedelta(days=3653)
"""Holds move deadlines on, and calendars end somewhere."""


def suspend(draft: Draft, command: c.Suspend, actor: Actor, at: datetime) -> Refusal | None:
    """Put it on hold: nothing is reminded, expires or is decided."""
    if refusal := barred(draft, command.reason, actor):
        return refusal
    if draft.review.hold:
        return Refusal("on_hold", f"On hold already, since {when(draft.review.hold.since)}.", at=draft.review.hold.since)
    draft.add(at, f.PutOnHold(command.reason.strip(), needs="resume it" if actor.role == "system" else ""), actor)
    return None


def resume(draft: Draft, command: c.Resume, actor: Actor, at: datetime) -> Refusal | None:
    """End the hold; what was left of every deadline is left still."""
    if refusal := barred(draft, command.reason, actor):
        return refusal
    if not draft.review.hold:
        return Refusal("not_open", "It is not on hold.")
    draft.add(at, f.Resumed(command.reason.strip()), actor)
    hand_on_unreached(draft, at)
    settle(draft, at)
    proceed(draft, at)
    let_time_pass(draft, at)
    return None


def cancel(draft: Draft, command: c.Cancel, actor: Actor, at: datetime) -> Refusal | None:
    """End it without a decision."""
    if refusal := barred(draft, command.reason, actor):
        return refusal
    draft.add(at, f.Cancelled(command.reason.strip()), actor)
    draft.add(at, f.Concluded("cancelled", (command.reason.strip(),)))
    return None


def remind(draft: Draft, command: c.Remind, actor: Actor, at: datetime) -> Refusal | None:
    """Remind one open slot, or all of them; each at most once an hour, since people turn numb."""
    if draft.review.ended:
        return has_ended(draft)
    opened = draft.open_stage()
    if opened is None or draft.review.hold:
        return Refusal("not_open", "Nobody is asked at the moment.")
    slots = draft.review.open_slots()
    if command.slot is not None:
        slots = tuple(slot for slot in slots if slot.id == command.slot)
        if not slots:
            return Refusal("not_open", f"The slot {command.slot} is not open.", field="slot")
    rested = [slot.id for slot in slots if at - max(slot.reminded_at or slot.asked_at, slot.asked_at) >= BETWEEN_REMINDERS]
    if not rested:
        return Refusal("not_open", "Everyone open was asked or reminded within the last hour.")
    draft.add(at, f.Reminded(tuple(rested), opened[0].reminders_done, by_operator=True), actor)
    return None


def reassign(draft: Draft, command: c.Reassign, actor: Actor, at: datetime) -> Refusal | None:
    """Give an open slot to somebody else."""
    if refusal := barred(draft, command.reason, actor):
        return refusal
    slot = draft.review.slot(command.slot)
    if slot is None:
        return Refusal("invalid", f"There is no slot {command.slot}.", field="slot")
    if slot.state != "open":
        since = slot.decided_at or slot.closed_at
        return Refusal("not_open", f"The slot {slot.id} is {slot.state.replace('_', ' ')} since {when(since or at)}.", at=since)
    if refusal := cannot_take_over(draft, slot, command.to):
        return refusal
    hand_on(draft, slot, command.to, "reassigned", command.reason.strip(), actor, at)
    return None


def add(draft: Draft, command: c.Add, actor: Actor, at: datetime) -> Refusal | None:
    """Ask one more person in the open stage."""
    if refusal := barred(draft, command.reason, actor):
        return refusal
    opened = draft.open_stage()
    if opened is None or opened[0].index != command.stage:
        return Refusal("not_open", "That stage is not open.", field="stage")
    if not draft.directory.admits(command.to) or not draft.directory.active(command.to):
        return Refusal("invalid", "Only people of the company's directory can be asked.", field="to")
    if not draft.eligible((command.to,), command.stage):
        return Refusal("invalid", "They wrote the proposal, or have a decision in this stage already.", field="to")
    if len(draft.review.slots_of(command.stage)) >= MOST_PEOPLE:
        return Refusal("invalid", f"At most {MOST_PEOPLE} people can be asked in a stage.", field="to")
    draft.ask(at, command.stage, command.to, "added", actor, reason=command.reason.strip())
    return None


def extend(draft: Draft, command: c.Extend, actor: Actor, at: datetime) -> Refusal | None:
    """Move the open stage's deadline, only ever later. On hold, `until` is what it would be if the hold ended now."""
    if refusal := barred(draft, command.reason, actor):
        return refusal
    opened = draft.open_stage()
    if opened is None:
        return Refusal("not_open", "No stage is open, so there is no deadline to extend.")
    state, _ = opened
    held = at - draft.review.hold.since if draft.review.hold else timedelta(0)
    until = command.until - held
    if until <= state.deadline or command.until <= at:
        return Refusal("invalid", f"A deadline only moves later; it is {when(state.deadline + held)}.", field="until")
    if command.until > at + LONGEST_EXTENSION:
        return Refusal("invalid", "A deadline lies at most ten years ahead.", field="until")
    draft.add(at, f.Extended(state.index, until, command.reason.strip()), actor)
    return None


def override(draft: Draft, command: c.Override, actor: Actor, at: datetime) -> Refusal | None:
    """Decide in place of the people asked: its own kind of fact."""
    if refusal := barred(draft, command.reason, actor):
        return refusal
    draft.add(at, f.Overridden(command.outcome, command.reason.strip()), actor)
    reason = f"Override by the operator {actor.person.name}: {command.reason.strip()}"
    draft.add(at, f.Concluded(command.outcome, (reason,)))
    return None


def retry(draft: Draft, command: c.Retry, actor: Actor, at: datetime) -> Refusal | None:
    """Have the engine's work begun anew."""
    if actor.role == "operator" and draft.is_author(actor.person):
        return own_proposal()
    draft.add(at, f.RetryAsked(command.reason.strip()), actor)
    return None


def own_proposal() -> Refusal:
    """Nobody acts as an operator on what they wrote."""
    return Refusal("not_open", "You submitted this proposal, so you may only withdraw it and remind people.")


def barred(draft: Draft, reason: str, actor: Actor) -> Refusal | None:
    """What bars every act of an operator: the end, no reason, or a proposal of their own."""
    if draft.review.ended:
        return has_ended(draft)
    if actor.role == "operator" and draft.is_author(actor.person):
        return own_proposal()
    if not reason.strip():
        return Refusal("invalid", "Say why: the reason is kept in the trail.", field="reason")
    if len(reason) > LONGEST_COMMENT:
        return Refusal("invalid", f"At most {LONGEST_COMMENT} characters; these are {len(reason)}.", field="reason")
    return None
