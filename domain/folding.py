"""How facts make a review: one small function a kind of fact, each from a review to the next."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from domain import facts as f
from domain.review import Hold, Review, Slot, SlotState, StageState

DECIDED: dict[f.Action, SlotState] = {
    "approve": "approved",
    "reject": "rejected",
    "request_changes": "changes_requested",
    "abstain": "abstained",
}


def apply(review: Review | None, proposal: str, fact: f.Fact) -> Review:
    """The review after one more fact. Raises ValueError when the fact is not the next one."""
    expected = review.number + 1 if review else 1
    if fact.number != expected:
        raise ValueError(f"fact {fact.number} of {proposal} cannot follow fact {expected - 1}")
    if review is None:
        if not isinstance(fact.body, f.Submitted):
            raise ValueError(f"the trail of {proposal} begins with {type(fact.body).__name__}")
        return begun(proposal, fact, fact.body)
    step = STEPS.get(type(fact.body))
    after = step(review, fact, fact.body) if step else review
    return replace(after, number=fact.number, last_at=fact.at)


def begun(proposal: str, fact: f.Fact, body: f.Submitted) -> Review:
    """Round 1."""
    return Review(
        proposal=proposal,
        number=fact.number,
        last_at=fact.at,
        status="received",
        round=1,
        title=body.title,
        submitter=body.submitter,
        department=body.department,
        category=body.category,
        budget=body.budget,
        content_hash=body.content_hash,
        payload_hash=body.payload_hash,
        caller=body.caller,
        submitted_at=fact.at,
        needed_by=body.needed_by,
        authors=(body.submitter,),
    )


def validated(review: Review, _: f.Fact, body: f.Validated) -> Review:
    return replace(
        review, status="validating", findings=review.findings + body.findings, checked=review.checked | {f"validated {body.rule}"}
    )


def assessed(review: Review, _: f.Fact, body: f.Assessed) -> Review:
    return replace(
        review, status="validating", findings=review.findings + body.findings, checked=review.checked | {f"assessed {body.rule}"}
    )


def planned(review: Review, _: f.Fact, body: f.Planned) -> Review:
    hidden = review.names_hidden or not all(stage.show_others for stage in body.plan.stages)
    return replace(review, status="in_review", plan=body.plan, findings=review.findings + body.findings, names_hidden=hidden)


def stage_opened(review: Review, fact: f.Fact, body: f.StageOpened) -> Review:
    state = StageState(body.stage, fact.at, body.deadline, counted_from=fact.at)
    return replace(review, stage=body.stage, stages=(*review.stages, state))


def asked(review: Review, fact: f.Fact, body: f.Asked) -> Review:
    slot = Slot(body.slot, review.round, body.stage, body.person, "open", fact.at, body.why, alone=body.alone, instead_of=body.instead_of)
    return replace(review, slots=(*review.slots, slot))


def decided(review: Review, fact: f.Fact, body: f.Decided) -> Review:
    return with_slot(review, body.slot, state=DECIDED[body.action], action=body.action, comment=body.comment, decided_at=fact.at)


def handed_on(review: Review, fact: f.Fact, body: f.HandedOn) -> Review:
    return with_slot(
        review, body.slot, state="handed_on", handed_to=body.to_slot, closed_why=body.why, closed_at=fact.at, closed_by=fact.number
    )


def reminded(review: Review, fact: f.Fact, body: f.Reminded) -> Review:
    for slot in body.slots:
        review = with_slot(review, slot, reminded_at=fact.at)
    if body.by_operator or review.stage is None:
        return review
    return with_stage(review, review.stage, reminders_done=body.count)


def escalated(review: Review, fact: f.Fact, body: f.Escalated) -> Review:
    return with_stage(review, body.stage, escalated=True, deadline=body.deadline, counted_from=fact.at, reminders_done=0)


def stage_settled(review: Review, fact: f.Fact, body: f.StageSettled) -> Review:
    if review.stage_state(body.stage) is None:
        review = replace(review, stages=(*review.stages, StageState(body.stage, fact.at, fact.at, counted_from=fact.at)))
    review = with_stage(review, body.stage, outcome=body.outcome, settled_by=body.by_slot, settled_at=fact.at)
    if body.outcome == "approved" and review.plan:
        review = replace(review, approved_stages=(*review.approved_stages, review.plan.stages[body.stage]))
    state = review.stage_state(body.stage)
    why = "past_deadline" if body.by_slot is None and state and fact.at >= state.deadline else "settled"
    return closed(review, fact, why, stage=body.stage)


def changes_asked(review: Review, fact: f.Fact, body: f.ChangesAsked) -> Review:
    return closed(replace(review, status="changes_requested", revision_deadline=body.deadline), fact, "settled")


def revised(review: Review, _: f.Fact, body: f.Revised) -> Review:
    routed_alike = (review.budget, review.department, review.category) == (body.budget, body.department, body.category)
    keep = routed_alike and review.plan is not None and review.plan.restart != "all"
    return replace(
        review,
        status="validating",
        round=body.round,
        title=body.title,
        submitter=body.submitter,
        department=body.department,
        category=body.category,
        budget=body.budget,
        content_hash=body.content_hash,
        payload_hash=body.payload_hash,
        needed_by=body.needed_by,
        findings=(),
        checked=frozenset(),
        plan=None,
        stage=None,
        stages=(),
        revision_deadline=None,
        authors=(*review.authors, body.submitter),
        approved_stages=review.approved_now() if keep else (),
    )


def extended(review: Review, _: f.Fact, body: f.Extended) -> Review:
    return with_stage(review, body.stage, deadline=body.deadline)


def put_on_hold(review: Review, fact: f.Fact, body: f.PutOnHold) -> Review:
    return replace(review, hold=Hold(fact.at, body.reason, body.needs))


def resumed(review: Review, fact: f.Fact, _: f.Resumed) -> Review:
    """What was left of every deadline is left still: all move by the length of the hold."""
    if review.hold is None:
        return review
    held = fact.at - review.hold.since
    stages = tuple(
        state if state.outcome else replace(state, deadline=state.deadline + held, counted_from=state.counted_from + held)
        for state in review.stages
    )
    revise_by = review.revision_deadline + held if review.revision_deadline else None
    return replace(review, hold=None, stages=stages, revision_deadline=revise_by)


def mail_failed(review: Review, _: f.Fact, body: f.MailFailed) -> Review:
    """A finding that the submitter may read: the mail server's words often hold the address, so they stay in the trail."""
    slot = review.slot(body.slot) if body.slot else None
    whom = review.submitter.name if slot is None else "a reviewer" if review.names_hidden else slot.person.name
    finding = f.Finding("greenlight.mail", "warning", f"The mail “{body.notice.replace('_', ' ')}” to {whom} could not be delivered.")
    return replace(review, findings=(*review.findings, finding), checked=review.checked | {f"mail {body.slot} {body.notice}"})


def followed_up(review: Review, _: f.Fact, body: f.FollowedUp) -> Review:
    findings = review.findings
    if not body.ok:
        findings = (*findings, f.Finding(body.rule, "warning", f"The follow-up {body.rule} failed: {body.detail}"))
    return replace(review, findings=findings, checked=review.checked | {f"followed up {body.rule}"})


def withdrawn(review: Review, fact: f.Fact, _: f.Withdrawn) -> Review:
    return closed(review, fact, "withdrawn")


def cancelled(review: Review, fact: f.Fact, _: f.Cancelled) -> Review:
    return closed(review, fact, "cancelled")


def overridden(review: Review, fact: f.Fact, _: f.Overridden) -> Review:
    return closed(review, fact, "settled")


def concluded(review: Review, fact: f.Fact, body: f.Concluded) -> Review:
    review = replace(
        review, status=body.outcome, outcome=body.outcome, reasons=body.reasons, ended_at=fact.at, hold=None, revision_deadline=None
    )
    return closed(review, fact, "ended")


def closed(review: Review, fact: f.Fact, why: str, stage: int | None = None) -> Review:
    """Close the open slots, of one stage or of all."""
    slots = tuple(
        replace(slot, state="closed", closed_why=why, closed_at=fact.at, closed_by=fact.number)
        if slot.state == "open" and stage in (None, slot.stage)
        else slot
        for slot in review.slots
    )
    return replace(review, slots=slots)


def with_slot(review: Review, slot_id: str, **changes: Any) -> Review:
    return replace(review, slots=tuple(replace(slot, **changes) if slot.id == slot_id else slot for slot in review.slots))


def with_stage(review: Review, index: int, **changes: Any) -> Review:
    return replace(review, stages=tuple(replace(state, **changes) if state.index == index else state for state in review.stages))


STEPS: dict[type, Callable[[Review, f.Fact, Any], Review]] = {
    f.Validated: validated,
    f.Assessed: assessed,
    f.Planned: planned,
    f.StageOpened: stage_opened,
    f.Asked: asked,
    f.Decided: decided,
    f.HandedOn: handed_on,
    f.Reminded: reminded,
    f.Escalated: escalated,
    f.StageSettled: stage_settled,
    f.ChangesAsked: changes_asked,
    f.Revised: revised,
    f.Extended: extended,
    f.PutOnHold: put_on_hold,
    f.Resumed: resumed,
    f.MailFailed: mail_failed,
    f.FollowedUp: followed_up,
    f.Withdrawn: withdrawn,
    f.Cancelled: cancelled,
    f.Overridden: overridden,
    f.Concluded: concluded,
}
"""A fact without a step (a stage's expiry, a retry) is told in the trail and changes nothing by itself."""
