"""What a reviewer may do with their link: decide, or hand it on."""

from datetime import datetime

from domain.commands import Actor, Decide, Delegate
from domain.draft import Draft
from domain.facts import Decided, HandedOn
from domain.judgement import Refusal
from domain.people import Person
from domain.review import Slot
from domain.stages import settle
from domain.wording import DECISION, when

LONGEST_COMMENT = 4000
MOST_ROUNDS = 5
MOST_HANDS = 3
"""A slot may be handed on this often; an earlier holder never gets it back."""


def decide(draft: Draft, command: Decide, actor: Actor, at: datetime) -> Refusal | None | bool:
    """Record the decision of a slot and see whether it settles the stage."""
    slot = draft.review.slot(command.slot)
    if slot is None:
        return unknown()
    if slot.action is not None:
        return True if slot.action == command.action else already(slot)
    refusal = closed(draft, slot) or wrong(draft, slot, command)
    if refusal:
        return refusal
    body = Decided(slot.id, command.action, command.comment.strip(), draft.review.content_hash)
    draft.add(at, body, Actor(slot.person, "reviewer"))
    settle(draft, at)
    return None


def delegate(draft: Draft, command: Delegate, actor: Actor, at: datetime) -> Refusal | None | bool:
    """Hand the slot to somebody else, who is asked in its place. Handing it to the same person again changes nothing and is no error."""
    slot = draft.review.slot(command.slot)
    if slot is None:
        return unknown()
    if slot.action is not None:
        return already(slot)
    heir = draft.review.slot(slot.handed_to) if slot.handed_to and slot.closed_why == "delegated" else None
    if heir is not None and draft.directory.same(heir.person, command.to):
        return True
    refusal = closed(draft, slot) or too_long(command.comment)
    if refusal:
        return refusal
    if not draft.stage_plan(slot.stage).may_delegate:
        return Refusal("invalid", "In this stage a decision cannot be handed to somebody else.", field="action")
    refusal = cannot_take_over(draft, slot, command.to)
    if refusal:
        return refusal
    hand_on(draft, slot, command.to, "delegated", command.comment.strip(), Actor(slot.person, "reviewer"), at)
    return None


def hand_on(draft: Draft, slot: Slot, to: Person, why: str, reason: str, actor: Actor, at: datetime) -> None:
    """Close the slot and ask `to` in its place."""
    to_slot = draft.next_slot(slot.stage)
    draft.add(at, HandedOn(slot.id, to_slot, why, reason), actor)  # type: ignore[arg-type]
    draft.ask(at, slot.stage, to, why, actor, instead_of=slot, alone=slot.alone, reason=reason, slot_id=to_slot)


def cannot_take_over(draft: Draft, slot: Slot, to: Person) -> Refusal | None:
    """Why `to` cannot get the slot, if so; nothing is used up."""
    chain = holders(draft, slot)
    if not draft.directory.admits(to) or not draft.directory.active(to):
        return Refusal("invalid", "It can only be handed to people of the company's directory.", field="to")
    if draft.is_author(to):
        return Refusal("invalid", "Nobody decides on their own proposal.", field="to")
    if draft.directory.same(to, slot.person):
        return Refusal("invalid", "They hold it already.", field="to")
    if draft.directory.among(to, tuple(holder.person for holder in chain)):
        return Refusal("invalid", "They held it before and handed it on.", field="to")
    if draft.in_stage(to, slot.stage):
        return Refusal("invalid", "They have a decision of their own in this stage.", field="to")
    if len(chain) > MOST_HANDS:
        return Refusal("invalid", f"It has been handed on {MOST_HANDS} times already; the present holder decides.", field="to")
    return None


def holders(draft: Draft, slot: Slot) -> list[Slot]:
    """The slot and those it was handed on from, latest first."""
    chain: list[Slot] = [slot]
    while (earlier := chain[-1].instead_of) is not None and (before := draft.review.slot(earlier)) is not None:
        chain.append(before)
    return chain


def unknown() -> Refusal:
    """The token is genuine, but no such slot was ever opened."""
    return Refusal("unknown_slot", "This is not a valid link.")


def already(slot: Slot) -> Refusal:
    """The slot's decision stands and is final for its link."""
    assert slot.action is not None
    assert slot.decided_at is not None
    verb = DECISION[slot.action]
    return Refusal(
        "already_decided", f"You {verb} this on {when(slot.decided_at)}; that stands unchanged.", at=slot.decided_at, by=slot.person
    )


def closed(draft: Draft, slot: Slot) -> Refusal | None:
    """Why an undecided slot can no longer be decided, if so: who, when."""
    review = draft.review
    if slot.state == "handed_on":
        heir = review.slot(slot.handed_to) if slot.handed_to else None
        to = f" to {heir.person.name}" if heir and shown(draft, slot) else " to somebody else"
        assert slot.closed_at is not None
        return Refusal("handed_on", f"This was handed on{to} on {when(slot.closed_at)}.", at=slot.closed_at)
    if slot.state == "closed":
        return closed_by(draft, slot)
    if review.hold:
        since = when(review.hold.since)
        return Refusal(
            "on_hold", f"On hold since {since}: {review.hold.reason} Your link works again once it is resumed.", at=review.hold.since
        )
    return None


def closed_by(draft: Draft, slot: Slot) -> Refusal:
    """What closed a slot before it was decided."""
    review = draft.review
    at = slot.closed_at
    assert at is not None
    if slot.round < review.round:
        return Refusal("revised", "The proposal was revised since. If you are asked about the revision, a newer mail has its link.", at=at)
    if slot.closed_why == "withdrawn":
        return Refusal("withdrawn", f"The submitter withdrew the proposal on {when(at)}.", at=at)
    if slot.closed_why == "cancelled":
        return Refusal("cancelled", f"The proposal was cancelled on {when(at)}.", at=at)
    if slot.closed_why == "past_deadline":
        return Refusal("past_deadline", f"The deadline passed on {when(at)}, before you decided.", at=at)
    state = review.stage_state(slot.stage)
    settler = review.slot(state.settled_by) if state and state.settled_by else None
    if settler and settler.action and shown(draft, slot):
        verb = DECISION[settler.action]
        return Refusal("settled", f"Settled without you: {settler.person.name} {verb} it on {when(at)}.", at=at, by=settler.person)
    return Refusal("settled", f"Settled without you on {when(at)}.", at=at)


def shown(draft: Draft, slot: Slot) -> bool:
    """Whether the policy lets the others of the slot's stage be seen."""
    plan = draft.review.plan
    if plan is None or slot.round < draft.review.round:  # the plan that it was asked by is not kept
        return not draft.review.names_hidden
    return plan.stages[slot.stage].show_others


def wrong(draft: Draft, slot: Slot, command: Decide) -> Refusal | None:
    """What is wrong with the decision itself; nothing is used up."""
    review = draft.review
    if command.content_hash is not None and command.content_hash != review.content_hash:
        return Refusal("invalid", "The page was of another version of the proposal. Open your link again.", field="content_hash")
    if draft.is_author(slot.person):
        return Refusal("invalid", "Nobody decides on their own proposal.", field="action")
    if command.action == "request_changes" and review.round >= MOST_ROUNDS:
        return Refusal("invalid", f"This is round {review.round}, the last one: approve or reject it.", field="action")
    if command.action in draft.stage_plan(slot.stage).comment_required and not command.comment.strip():
        return Refusal("invalid", "Say why: the submitter will want to know.", field="comment")
    return too_long(command.comment)


def too_long(comment: str) -> Refusal | None:
    """Comments are kept whole, so there is a limit to them."""
    if len(comment) > LONGEST_COMMENT:
        return Refusal("invalid", f"At most {LONGEST_COMMENT} characters; these are {len(comment)}.", field="comment")
    return None
