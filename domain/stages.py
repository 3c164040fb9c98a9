"""How stages begin, are settled and follow one another; and what happens where there is nobody to ask."""

from datetime import datetime

from domain.commands import SYSTEM_ACTOR
from domain.draft import Draft
from domain.facts import ChangesAsked, Concluded, Escalated, HandedOn, PutOnHold, StageExpired, StageOpened, StageSettled
from domain.quorum import tally
from domain.review import Review, Slot

LONGEST_REASON = 500
"""Characters of a comment that a reason quotes; the whole stands in the trail."""


def proceed(draft: Draft, at: datetime) -> None:
    """Open the next stage that is not settled, or conclude: all are approved. Nothing while on hold, or while one is open."""
    review = draft.review
    if review.status != "in_review" or review.hold or review.plan is None or draft.open_stage():
        return
    for index in range(len(review.plan.stages)):
        if draft.review.stage_state(index):
            continue
        if approved_before(review, index) and not approved_by_author(draft, index):
            draft.add(at, StageSettled(index, "approved", None, "approved in an earlier round, and nothing in it has changed"))
            continue
        open_stage(draft, index, at)
        return
    draft.add(at, Concluded("approved", ("Every stage approved it.",)))


def approved_before(review: Review, index: int) -> bool:
    """Whether the round before approved this very stage. A second stage just like the first needs an approval of its own."""
    assert review.plan is not None
    stages = review.plan.stages
    before = review.approved_stages[: len(review.approved_stages) - len(review.approved_now())]
    return before.count(stages[index]) > stages[:index].count(stages[index])


def approved_by_author(draft: Draft, index: int) -> bool:
    """Whether somebody who approved the stage has written a revision since: then they would have decided on their own proposal."""
    return any(slot.stage == index and slot.state == "approved" and draft.is_author(slot.person) for slot in draft.review.slots)


def open_stage(draft: Draft, index: int, at: datetime) -> None:
    """Ask the stage's people, the fallback where they do not suffice; with still too few, the proposal goes on hold."""
    plan = draft.stage_plan(index)
    draft.add(at, StageOpened(draft.review.round, index, at + plan.deadline))
    reviewers = draft.directory.today(plan.reviewer_names, plan.reviewers)
    people = [(person, "planned") for person in draft.eligible(reviewers, index)]
    needed = plan.needed if plan.needed is not None else 1
    if len(people) < needed:
        spare = [
            person
            for person in draft.eligible(draft.directory.today(plan.fallback_names, plan.fallback), index)
            if not draft.directory.among(person, tuple(p for p, _ in people))
        ]
        people += [(person, "fallback") for person in spare[: needed - len(people)]]
    for person, why in people:
        draft.ask(at, index, person, why)
    if len(people) < needed:
        too_few(draft, index, at)


def too_few(draft: Draft, index: int, at: datetime) -> None:
    """Nobody is approved by absence, and nothing waits in silence: the proposal goes on hold, and operators are told what it needs."""
    name = draft.stage_plan(index).name
    reason = f"The stage “{name}” has too few people who may decide."
    draft.add(at, PutOnHold(reason, needs="add a reviewer to the stage, then resume"))


def settle(draft: Draft, at: datetime) -> None:
    """Settle the open stage if its decisions amount to an outcome, and go on from there."""
    opened = draft.open_stage()
    if opened is None:
        return
    state, plan = opened
    result = tally(plan, draft.review.slots_of(state.index))
    if result.outcome is None:
        return
    if result.outcome == "unreachable":
        no_quorum(draft, at)
        return
    slot = result.by
    assert slot is not None
    draft.add(at, StageSettled(state.index, result.outcome, slot.id, said(draft, slot)))
    if result.outcome == "approved":
        proceed(draft, at)
    elif result.outcome == "rejected":
        draft.add(at, Concluded("rejected", (said(draft, slot),)))
    else:
        assert draft.review.plan is not None
        draft.add(at, ChangesAsked(draft.review.round, at + draft.review.plan.revision_deadline))


def said(draft: Draft, slot: Slot) -> str:
    """What a decision was, in words that name people only where the plan lets them be seen."""
    plan = draft.stage_plan(slot.stage)
    who = slot.person.name if plan.show_others else "A reviewer"
    verb = {"approved": "approved it", "rejected": "rejected it", "changes_requested": "asked for changes"}[slot.state]
    comment = slot.comment.strip()
    if len(comment) > LONGEST_REASON:
        comment = comment[:LONGEST_REASON].rstrip() + "…"
    return f"{who} {verb} in the stage “{plan.name}”" + (f": {comment}" if comment else ".")


def no_quorum(draft: Draft, at: datetime) -> None:
    """Nobody is left who could decide: all abstained, as on expiry; nobody there at all, on hold."""
    opened = draft.open_stage()
    if opened is None:
        return
    state, _ = opened
    if any(slot.state == "abstained" for slot in draft.review.slots_of(state.index)):
        expire(draft, at, "Too many abstained: no quorum is left.")
    elif draft.review.hold is None:
        too_few(draft, state.index, at)


def expire(draft: Draft, at: datetime, why: str) -> None:
    """What the policy wants when a stage gets no decision: escalate once, then or else reject, expire, or approve in silence."""
    opened = draft.open_stage()
    if opened is None:
        return
    state, plan = opened
    index = state.index
    escalates = plan.on_expiry == "escalate" and not state.escalated
    seniors = draft.eligible(draft.directory.today(plan.escalate_names, plan.escalate_to), index) if escalates else []
    if seniors:
        draft.add(at, Escalated(index, at + plan.deadline))
        for person in seniors:
            draft.ask(at, index, person, "escalated", alone=True)
        return
    draft.add(at, StageExpired(index))
    if plan.on_expiry == "approve":
        draft.add(at, StageSettled(index, "approved", None, f"{why} The policy approves by silence."))
        proceed(draft, at)
    elif plan.on_expiry == "expire":
        draft.add(at, StageSettled(index, "expired", None, why))
        draft.add(at, Concluded("expired", (f"The stage “{plan.name}” ended without a decision. {why}",)))
    else:
        draft.add(at, StageSettled(index, "rejected", None, why))
        draft.add(at, Concluded("rejected", (f"The stage “{plan.name}” ended without a decision. {why}",)))


def hand_to_fallback(draft: Draft, slot: Slot, at: datetime, reason: str) -> None:
    """Give an open slot to the next person of the fallback, or to nobody, and see what that means for the stage."""
    plan = draft.stage_plan(slot.stage)
    spare = draft.eligible(draft.directory.today(plan.fallback_names, plan.fallback), slot.stage)
    to_slot = draft.next_slot(slot.stage) if spare else None
    draft.add(at, HandedOn(slot.id, to_slot, "fallback", reason), SYSTEM_ACTOR)
    if spare:
        draft.ask(at, slot.stage, spare[0], "fallback", instead_of=slot, alone=slot.alone, reason=reason, slot_id=to_slot)
    settle(draft, at)


def hand_on_unreached(draft: Draft, at: datetime) -> None:
    """Give the open slots of people whom no mail can reach to the fallback, where there is one; not while on hold."""
    for slot_id in [slot.id for slot in draft.review.open_slots() if f"mail {slot.id} asked" in draft.review.checked]:
        slot = draft.review.slot(slot_id)
        if slot is None or slot.state != "open" or draft.review.hold or not draft.open_stage():
            continue
        plan = draft.stage_plan(slot.stage)
        if draft.eligible(draft.directory.today(plan.fallback_names, plan.fallback), slot.stage):
            hand_to_fallback(draft, slot, at, "their mail could not be delivered")
