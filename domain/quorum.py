"""The arithmetic of a stage: what its decisions amount to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from domain.plan import StagePlan
from domain.review import Slot


@dataclass(frozen=True)
class Tally:
    """`outcome` None: the stage stays open. `unreachable`: nobody is left who could bring it about, so it goes as on expiry."""

    outcome: Literal["approved", "rejected", "changes_requested", "unreachable"] | None
    by: Slot | None = None
    missing: int = 0


def tally(plan: StagePlan, slots: Sequence[Slot]) -> Tally:
    """Count the slots of a stage in the order of their decisions.

    A slot that may decide alone (escalation) settles the stage whatever the others said, and is not counted among them. One
    request for changes suffices, and so does one rejection where the stage has a veto. An abstention leaves the quorum of
    `all`, while `n of m` keeps its n.
    """
    decided = sorted((slot for slot in slots if slot.decided_at), key=lambda slot: (slot.decided_at, slot.id))
    for slot in decided:
        if slot.state == "changes_requested":
            return Tally("changes_requested", slot)
        if slot.alone and slot.state in ("approved", "rejected"):
            return Tally("approved" if slot.state == "approved" else "rejected", slot)
        if plan.veto and slot.state == "rejected":
            return Tally("rejected", slot)
    return counted(plan, [slot for slot in slots if not slot.alone], any(slot.alone and slot.state == "open" for slot in slots))


def counted(plan: StagePlan, slots: Sequence[Slot], alone_open: bool) -> Tally:
    """The quorum among the slots that count."""
    approvals = in_order(slots, "approved")
    rejections = in_order(slots, "rejected")
    waiting = [slot for slot in slots if slot.state == "open"]
    needed = plan.needed if plan.needed is not None else len(approvals) + len(rejections) + len(waiting)
    if 0 < needed <= len(approvals):
        return Tally("approved", approvals[needed - 1])
    if alone_open or (len(approvals) + len(waiting) >= needed > 0):
        return Tally(None, missing=max(needed - len(approvals), 0))
    if rejections:
        return Tally("rejected", rejections[-1])
    return Tally("unreachable")


def in_order(slots: Sequence[Slot], state: str) -> list[Slot]:
    """The slots in a decided state, earliest decision first."""
    return sorted((slot for slot in slots if slot.state == state), key=lambda slot: (slot.decided_at, slot.id))
