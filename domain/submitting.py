"""What a submitter may do: answer with a revision, or withdraw."""

from datetime import datetime

from domain.commands import Actor, Revise, Withdraw
from domain.draft import Draft
from domain.facts import Concluded, Revised, Withdrawn
from domain.judgement import Refusal
from domain.reviewing import LONGEST_COMMENT
from domain.wording import when


def revise(draft: Draft, command: Revise, actor: Actor, at: datetime) -> Refusal | None | bool:
    """Open a new round with the revision. The same revision again is what stands already."""
    review = draft.review
    if review.round > 1 and review.payload_hash == command.payload_hash and review.status in ("validating", "in_review"):
        return True
    if review.ended:
        return has_ended(draft)
    if review.hold:
        return Refusal("on_hold", f"On hold since {when(review.hold.since)}: {review.hold.reason}", at=review.hold.since)
    if review.status != "changes_requested":
        return Refusal("not_open", "A revision is possible only when changes were requested; this proposal is being reviewed as it is.")
    body = Revised(
        review.round + 1,
        command.title,
        command.submitter,
        command.department,
        command.category,
        command.budget,
        command.content_hash,
        command.payload_hash,
        command.needed_by,
    )
    draft.add(at, body, actor)
    return None


def withdraw(draft: Draft, command: Withdraw, actor: Actor, at: datetime) -> Refusal | None | bool:
    """Take the proposal back, at any time before its end."""
    if draft.review.status == "withdrawn":
        return True
    if draft.review.ended:
        return has_ended(draft)
    if len(command.reason) > LONGEST_COMMENT:
        return Refusal("invalid", f"At most {LONGEST_COMMENT} characters; these are {len(command.reason)}.", field="reason")
    draft.add(at, Withdrawn(command.reason.strip()), actor)
    draft.add(at, Concluded("withdrawn", (command.reason.strip() or "The submitter withdrew it.",)))
    return None


def has_ended(draft: Draft) -> Refusal:
    """The proposal has its outcome, and keeps it."""
    review = draft.review
    assert review.ended_at is not None
    return Refusal("ended", f"The proposal has ended: {review.status} on {when(review.ended_at)}.", at=review.ended_at)
