"""A review: all that is known of one proposal at one moment, folded from its facts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.facts import Action, Finding, Money, Outcome
from domain.people import Person
from domain.plan import Plan, StagePlan

Status = Literal[
    "received", "validating", "in_review", "changes_requested", "approved", "rejected", "expired", "withdrawn", "cancelled", "failed"
]
SlotState = Literal["open", "approved", "rejected", "changes_requested", "abstained", "handed_on", "closed"]

ENDED: frozenset[str] = frozenset({"approved", "rejected", "expired", "withdrawn", "cancelled", "failed"})


@dataclass(frozen=True)
class Slot:
    """One person's turn in one stage of one round. `closed_why` says what closed an undecided slot, `closed_by` is that fact's number."""

    id: str
    round: int
    stage: int
    person: Person
    state: SlotState
    asked_at: datetime
    why: str
    alone: bool = False
    instead_of: str | None = None
    handed_to: str | None = None
    action: Action | None = None
    comment: str = ""
    decided_at: datetime | None = None
    closed_why: str = ""
    closed_at: datetime | None = None
    closed_by: int | None = None
    reminded_at: datetime | None = None


@dataclass(frozen=True)
class StageState:
    """One opened stage of the present round. Reminders count from `counted_from`: its opening or escalation, moved by holds."""

    index: int
    opened_at: datetime
    deadline: datetime
    counted_from: datetime
    reminders_done: int = 0
    escalated: bool = False
    outcome: Literal["approved", "rejected", "expired", "changes_requested"] | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True)
class Hold:
    """Since when and why nothing moves. `needs`: what an operator must do, when the rules put it on hold."""

    since: datetime
    reason: str
    needs: str = ""


@dataclass(frozen=True)
class Review:
    """The state after fact `number`. Slots of earlier rounds stay, closed, so that old links can be answered truthfully."""

    proposal: str
    number: int
    last_at: datetime
    status: Status
    round: int
    title: str
    submitter: Person
    department: str
    category: str
    budget: Money
    content_hash: str
    payload_hash: str
    caller: str
    submitted_at: datetime
    needed_by: str | None = None
    findings: tuple[Finding, ...] = ()
    checked: frozenset[str] = frozenset()
    plan: Plan | None = None
    stage: int | None = None
    stages: tuple[StageState, ...] = ()
    slots: tuple[Slot, ...] = ()
    hold: Hold | None = None
    revision_deadline: datetime | None = None
    outcome: Outcome | None = None
    reasons: tuple[str, ...] = ()
    ended_at: datetime | None = None
    authors: tuple[Person, ...] = ()
    approved_stages: tuple[StagePlan, ...] = ()
    names_hidden: bool = False
    """Whether a plan of any round keeps its reviewers' names to itself: what was hidden once stays so."""

    @property
    def ended(self) -> bool:
        """Whether the proposal has its outcome."""
        return self.status in ENDED

    def open_stage(self) -> StageState | None:
        """The stage that waits for people now."""
        if self.status != "in_review" or self.stage is None:
            return None
        state = self.stage_state(self.stage)
        return state if state and state.outcome is None else None

    def stage_state(self, index: int) -> StageState | None:
        """What became of a stage of the present round, if it has begun."""
        return next((state for state in self.stages if state.index == index), None)

    def approved_now(self) -> tuple[StagePlan, ...]:
        """The stages approved in the present round, or taken over into it: the latest of `approved_stages`."""
        count = sum(state.outcome == "approved" for state in self.stages)
        return self.approved_stages[len(self.approved_stages) - count :]

    def slot(self, slot_id: str) -> Slot | None:
        """A slot of any round."""
        return next((slot for slot in self.slots if slot.id == slot_id), None)

    def slots_of(self, stage: int) -> tuple[Slot, ...]:
        """All slots of a stage in the present round, in the order of asking."""
        return tuple(slot for slot in self.slots if slot.round == self.round and slot.stage == stage)

    def open_slots(self) -> tuple[Slot, ...]:
        """The slots that wait for a decision now."""
        return tuple(slot for slot in self.slots if slot.state == "open")
