"""A judgement in the making: facts added one by one, each folded in at once, so that the next rule sees what the last one did."""

from collections.abc import Sequence
from datetime import datetime

from domain.commands import SYSTEM_ACTOR, Actor
from domain.facts import Asked, Body, Fact
from domain.folding import apply
from domain.judgement import Directory
from domain.people import Person
from domain.plan import StagePlan
from domain.review import Review, Slot, StageState


class Draft:
    """The review as it would be, and the facts that lead there. `directory` tells who is who."""

    def __init__(self, review: Review, directory: Directory) -> None:
        self.review = review
        self.directory = directory
        self.facts: list[Fact] = []

    def add(self, at: datetime, body: Body, actor: Actor = SYSTEM_ACTOR) -> None:
        """One more fact, at `at`."""
        fact = Fact(self.review.number + 1, at, actor.person, actor.role, body)
        self.review = apply(self.review, self.review.proposal, fact)
        self.facts.append(fact)

    def ask(
        self, at: datetime, stage: int, person: Person, why: str, actor: Actor = SYSTEM_ACTOR, *, instead_of: Slot | None = None,
        alone: bool = False, reason: str = "", slot_id: str | None = None,
    ) -> None:  # fmt: skip
        """Open a slot for `person`."""
        body = Asked(slot_id or self.next_slot(stage), stage, person, why, instead_of.id if instead_of else None, alone, reason)  # type: ignore[arg-type]
        self.add(at, body, actor)

    def next_slot(self, stage: int) -> str:
        """The id of the slot that would be opened next in a stage."""
        return f"r{self.review.round}s{stage + 1}p{len(self.review.slots_of(stage)) + 1}"

    def stage_plan(self, stage: int) -> StagePlan:
        """The plan of a stage. Only to be asked once there is a plan."""
        assert self.review.plan is not None
        return self.review.plan.stages[stage]

    def open_stage(self) -> tuple[StageState, StagePlan] | None:
        """The stage that waits for people, with its plan."""
        state = self.review.open_stage()
        return (state, self.stage_plan(state.index)) if state else None

    def is_author(self, person: Person) -> bool:
        """Whether they wrote the proposal or any revision of it: nobody decides their own."""
        return self.directory.among(person, self.review.authors)

    def in_stage(self, person: Person, stage: int) -> bool:
        """Whether they have a turn in the stage, open or decided; a slot handed on is nobody's turn any more."""
        return any(
            slot.state not in ("handed_on", "closed") and self.directory.same(slot.person, person) for slot in self.review.slots_of(stage)
        )

    def eligible(self, people: Sequence[Person], stage: int) -> list[Person]:
        """Who of `people` can be asked in a stage: active, no author, no turn there yet, each natural person once."""
        found: list[Person] = []
        for person in people:
            if not self.directory.active(person) or self.is_author(person) or self.in_stage(person, stage):
                continue
            if not self.directory.among(person, tuple(found)):
                found.append(person)
        return found
