"""What a reviewer's page says and offers: which choices are open, and what stands when none is. Pure."""

from dataclasses import dataclass
from datetime import datetime

from domain.commands import Actor, Decide
from domain.facts import Action
from domain.judge import Directory, Refusal, decide
from domain.quorum import tally
from domain.review import Review, Slot
from domain.status import next_sentence
from domain.timeline import Names

CHOICES: dict[Action | str, tuple[str, str]] = {
    "approve": ("Approve", "It may go ahead as it stands."),
    "reject": ("Reject", "It should not go ahead."),
    "request_changes": ("Request changes", "It goes back to the submitter, and comes again as a revision."),
    "abstain": ("Abstain", "You leave it to the others."),
    "delegate": ("Hand it over", "Somebody else decides in your place."),
}

GONE = frozenset({"settled", "past_deadline", "withdrawn", "cancelled", "revised", "handed_on", "ended"})

DONE = {
    "approve": "You approved this",
    "reject": "You rejected this",
    "request_changes": "You asked for changes",
    "abstain": "You abstained",
}


@dataclass(frozen=True)
class Choice:
    """One radio button. `refused`: why it cannot be chosen, or nothing."""

    action: str
    label: str
    hint: str
    refused: str = ""


@dataclass(frozen=True)
class Notice:
    """What the page says on top."""

    heading: str
    tone: str
    sentences: tuple[str, ...]
    at: datetime | None = None
    comment: str = ""

    def text(self) -> str:
        """The same for programs."""
        return " ".join([f"{self.heading}.", *self.sentences])


def probe(review: Review, slot: Slot, action: Action, at: datetime, directory: Directory) -> Refusal | None:
    """What a decision would be answered at this moment. Nothing is changed: the rules are pure."""
    command = Decide(slot.id, action, "Because.", review.content_hash)
    return decide(review, command, Actor(slot.person, "reviewer"), max(at, review.last_at), directory).refusal


def standing(review: Review, slot: Slot, at: datetime, directory: Directory) -> Refusal | None:
    """Why the slot's holder can decide nothing, if so; None too when they have decided."""
    if slot.action is not None:
        return None
    return probe(review, slot, "approve", at, directory)


def delegated_to(review: Review, slot: Slot) -> Slot | None:
    """Whom the slot's holder handed it to themselves, if they did."""
    heir = review.slot(slot.handed_to) if slot.handed_to else None
    return heir if heir and heir.why == "delegated" else None


def choices(review: Review, slot: Slot, at: datetime, directory: Directory) -> tuple[Choice, ...]:
    """The choices, those that the rules would refuse with the reason."""
    assert review.plan is not None
    made = []
    for action in ("approve", "reject", "request_changes", "abstain"):
        refusal = probe(review, slot, action, at, directory)
        made.append(Choice(action, *CHOICES[action], refused=refusal.message if refusal else ""))
    if review.plan.stages[slot.stage].may_delegate:
        made.append(Choice("delegate", *CHOICES["delegate"]))
    return tuple(made)


def comment_hint(review: Review, slot: Slot) -> str:
    """When a comment is needed, and how long it may be."""
    required = review.plan.stages[slot.stage].comment_required if review.plan and slot.stage < len(review.plan.stages) else ()
    names = [CHOICES[action][0].casefold() for action in CHOICES if action in required]
    needed = f"Needed if you {' or '.join(names)}. " if names else ""
    return f"{needed}Plain text, at most 4,000 characters; the submitter can read it."


def gone_for_good(refusal: Refusal | None) -> int:
    """The status of a page whose link can decide nothing: 410, but for a hold, which ends."""
    return 410 if refusal and refusal.code in GONE else 200


def notice_of(review: Review, slot: Slot, refusal: Refusal | None) -> Notice | None:
    """What stands: the slot's decision and what comes of it, or why there will be none. None while a decision is asked for."""
    if slot.action is not None:
        return decided(review, slot, refusal)
    if heir := delegated_to(review, slot):
        return Notice(
            "You handed this over", "calm", (f"{heir.person.name} is asked in your place. Your link decides no more.",), slot.closed_at
        )
    if refusal is None:
        return None
    heading = {
        "settled": "This is settled",
        "past_deadline": "The deadline has passed",
        "withdrawn": "The proposal was withdrawn",
        "cancelled": "The proposal was cancelled",
        "revised": "The proposal was revised",
        "handed_on": "This was handed on",
        "ended": "The proposal has ended",
        "on_hold": "The proposal is on hold",
    }.get(refusal.code, "You cannot decide this")
    then = () if refusal.code == "on_hold" else ("Nothing more is needed of you.",)
    return Notice(heading, "warn" if refusal.code == "on_hold" else "calm", (refusal.message, *then))


def decided(review: Review, slot: Slot, refusal: Refusal | None) -> Notice:
    """The confirmation, which stays true when it is visited again."""
    assert slot.action is not None
    sentences: list[str] = []
    if refusal is not None and refusal.code == "already_decided":
        sentences.append("That stands unchanged: a decision is final for its link. To correct a slip, ask the operators.")
    sentences.append(what_follows(review, slot))
    tone = {"approve": "good", "reject": "bad", "request_changes": "warn"}.get(slot.action, "calm")
    return Notice(DONE[slot.action], tone, tuple(sentences), slot.decided_at, slot.comment)


def what_follows(review: Review, slot: Slot) -> str:
    """Settled, or waiting for so many more."""
    if review.ended:
        return f"The proposal is settled: {review.status}."
    if slot.round < review.round:
        return "The proposal was revised since; if you are asked again, a newer mail has its link."
    if review.status == "changes_requested":
        return "The submitter has been asked to revise it; you will be asked again."
    state = review.stage_state(slot.stage)
    if state is not None and state.outcome is not None:
        return f"Your stage is settled: {state.outcome.replace('_', ' ')}. The next stage decides."
    if review.plan is not None and review.hold is None:
        missing = max(tally(review.plan.stages[slot.stage], review.slots_of(slot.stage)).missing, 0)
        if missing:
            return f"It waits for {missing} more approval{'s' if missing != 1 else ''}."
    return next_sentence(review, Names(review))
