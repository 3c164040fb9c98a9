"""What the facts since the last look ask for: the bridge from the trail to the engine.

Pure, and derived from the trail alone: an instance that is started anew with `seen=0` asks for all of it again, which is
harmless since every activity leaves a mark and looks for it first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from domain import facts as f
from domain.review import Review, Slot

NoticeKind = Literal[
    "received",  # to the submitter: we have it, here is your link
    "asked",  # to a reviewer: please decide (escalated, delegated, fallback too: the slot says why)
    "reminder",
    "extended",  # to open slots: the deadline moved
    "closed",  # to a reviewer: nothing more is needed
    "changes_requested",  # to the submitter
    "outcome",  # to the submitter; and to those who decided, when it was rejected
]

WEIGHT: dict[NoticeKind, int] = {
    "outcome": 0,
    "asked": 1,
    "changes_requested": 2,
    "closed": 3,
    "reminder": 4,
    "extended": 5,
    "received": 6,
}
"""Of several mails to one person in one turn, the weightiest alone is sent."""


@dataclass(frozen=True)
class Notice:
    """One mail to one person: `slot` names a reviewer, None the submitter. `number` is the fact that asked for it.

    (`slot` or "submitter", `kind`, `number`) is its identity: its Message-ID is made of it.
    """

    kind: NoticeKind
    slot: str | None
    number: int


@dataclass(frozen=True)
class Agenda:
    """`check`: the round whose revision is to be validated, assessed and planned; `follow_up`: the end is new."""

    check: int | None
    notices: tuple[Notice, ...]
    follow_up: bool


def agenda(review: Review, facts: Sequence[f.Fact], seen: int) -> Agenda:
    """What is asked for by the facts after number `seen`. `facts` is the whole trail."""
    unchecked = review.status in ("received", "validating") and review.plan is None and review.hold is None
    news = [fact for fact in facts if fact.number > seen]
    wanted = [notice for fact in news for notice in notices(review, fact, facts) if still_wanted(review, notice)]
    ended = any(isinstance(fact.body, f.Concluded) for fact in news)
    return Agenda(review.round if unchecked else None, one_each(review, wanted), ended)


def notices(review: Review, fact: f.Fact, facts: Sequence[f.Fact]) -> Iterator[Notice]:
    """The mails that one fact asks for."""
    body, number = fact.body, fact.number
    for slot in review.slots:
        if slot.closed_by == number and slot.closed_why != "delegated":
            yield Notice("closed", slot.id, number)
    match body:
        case f.Submitted():
            yield Notice("received", None, number)
        case f.Asked():
            yield Notice("asked", body.slot, number)
        case f.Reminded():
            yield from (Notice("reminder", slot, number) for slot in body.slots)
        case f.Extended():
            yield from (Notice("extended", slot.id, number) for slot in review.slots if slot.state == "open" and slot.stage == body.stage)
        case f.Resumed():
            yield from told_after_hold(review, fact, facts)
        case f.ChangesAsked():
            yield Notice("changes_requested", None, number)
        case f.Concluded():
            yield Notice("outcome", None, number)
            if body.outcome == "rejected":
                yield from (Notice("outcome", slot.id, number) for slot in earlier_deciders(review))


def earlier_deciders(review: Review) -> list[Slot]:
    """Those who decided in this round otherwise than it ended, who would else never hear of it."""
    return [slot for slot in review.slots if slot.round == review.round and slot.state in ("approved", "abstained")]


def told_after_hold(review: Review, fact: f.Fact, facts: Sequence[f.Fact]) -> Iterator[Notice]:
    """Whoever was asked while nothing could be decided is asked now; the others hear of their new deadline."""
    since = max((each.at for each in facts if isinstance(each.body, f.PutOnHold) and each.number < fact.number), default=fact.at)
    for slot in review.slots:
        if slot.state == "open" and slot.asked_at <= fact.at:
            yield Notice("asked" if slot.asked_at >= since else "extended", slot.id, fact.number)


def still_wanted(review: Review, notice: Notice) -> bool:
    """Judged again when the mail is about to go: a reminder of a slot decided meanwhile is not sent, nor anything to decide on hold."""
    slot = review.slot(notice.slot) if notice.slot else None
    match notice.kind:
        case "received":
            return True
        case "outcome":
            return review.ended
        case "changes_requested":
            return review.status == "changes_requested"
        case "closed":
            return slot is not None and slot.state in ("closed", "handed_on")
    return slot is not None and slot.state == "open" and review.hold is None


def one_each(review: Review, wanted: Sequence[Notice]) -> tuple[Notice, ...]:
    """One mail a person and turn, the weightiest, in the order of the facts; the first mail holds the submitter's link and always goes."""
    best: dict[str, Notice] = {}
    for notice in wanted:
        slot = review.slot(notice.slot) if notice.slot else None
        person = slot.person.email.casefold() if slot else ("" if notice.kind != "received" else "received")
        if person not in best or (WEIGHT[notice.kind], -notice.number) < (WEIGHT[best[person].kind], -best[person].number):
            best[person] = notice
    return tuple(notice for notice in wanted if notice in best.values())
