"""The trail in plain words: what happened, who did it, and when. Names only, and those only where policy lets them be seen."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from domain import facts as f
from domain.review import Review, Slot
from domain.wording import DECISION, listed, when


class Names:
    """How people are called in front of the submitter: by name, or as “a reviewer” where the policy hides the others."""

    def __init__(self, review: Review, *, show_all: bool = False) -> None:
        self.slots = {slot.id: slot for slot in review.slots}
        self.hidden = not show_all and review.names_hidden

    def of(self, slot: Slot) -> str:
        """The holder of a slot."""
        return "a reviewer" if self.hidden else slot.person.name

    def at(self, slot_id: str | None) -> str:
        """The holder of a slot by its id; nobody when there is none."""
        slot = self.slots.get(slot_id or "")
        return self.of(slot) if slot else "nobody"


def timeline(review: Review, facts: Sequence[f.Fact], names: Names) -> Iterator[tuple[datetime, str]]:
    """One line a fact that somebody would tell."""
    for fact in facts:
        if words := told(review, fact, names):
            yield fact.at, words


def told(review: Review, fact: f.Fact, names: Names) -> str:
    """A fact as a sentence; empty for what the next fact says anyway."""
    match fact.body:
        case f.Submitted(submitter=person):
            return f"{person.name} submitted it."
        case f.Validated(rule=rule, refused=refused, findings=findings):
            return f"The check {rule} refused it." if refused else f"The check {rule} passed{_with(findings)}."
        case f.Assessed(rule=rule, findings=findings):
            return f"The rule {rule} looked at it{_with(findings)}."
        case f.Planned(plan=plan):
            return f"Planned by the policy “{plan.policy}”: {listed([stage.name for stage in plan.stages])}."
        case f.StageOpened(stage=stage, deadline=deadline):
            return f"The stage “{_stage(review, fact, stage)}” opened, with a deadline on {when(deadline)}."
        case f.Asked(slot=slot, why=why):
            return f"{_capital(names.at(slot))} was asked{ASKED_WHY[why]}."
        case f.Decided(slot=slot, action=action):
            return f"{_capital(names.at(slot))} {DECISION[action]} it."
    return told_of_course(fact, names) or told_of_end(fact)


def told_of_course(fact: f.Fact, names: Names) -> str:
    """Facts between the asking and the end."""
    match fact.body:
        case f.HandedOn(slot=slot, to_slot=to_slot, why=why):
            to = names.at(to_slot) if to_slot else "nobody: there is no one left to ask"
            by = " by an operator" if why == "reassigned" else ""
            return f"The turn of {names.at(slot)} was handed on{by} to {to}."
        case f.Reminded(slots=slots):
            return f"Reminded: {listed([names.at(slot) for slot in slots])}."
        case f.Escalated(deadline=deadline):
            return f"Nobody decided in time: it was escalated, with a new deadline on {when(deadline)}."
        case f.ChangesAsked(deadline=deadline):
            return f"Changes are requested; a revision is possible until {when(deadline)}."
        case f.Revised(round=round_, submitter=person):
            return f"{person.name} revised it: round {round_}."
        case f.Extended(deadline=deadline):
            return f"An operator moved the deadline to {when(deadline)}."
        case f.PutOnHold(reason=reason):
            return f"Put on hold: {reason}"
        case f.Resumed():
            return "Resumed; the deadlines moved by the length of the hold."
        case f.MailFailed(notice=notice, slot=slot):
            return f"A mail ({notice.replace('_', ' ')}) to {names.at(slot) if slot else 'the submitter'} could not be delivered."
    return ""


def told_of_end(fact: f.Fact) -> str:
    """Facts of the end."""
    match fact.body:
        case f.StageExpired():
            return "The deadline passed without a decision."
        case f.Overridden(outcome=outcome):
            return f"An operator overrode the review: {outcome}."
        case f.Withdrawn():
            return "The submitter withdrew it."
        case f.Cancelled(reason=reason):
            return f"An operator cancelled it: {reason}"
        case f.RetryAsked():
            return "An operator had the work begun anew."
        case f.FollowedUp(rule=rule, ok=ok):
            return f"The follow-up {rule} ran." if ok else f"The follow-up {rule} failed."
        case f.Concluded(outcome=outcome):
            return f"Concluded: {outcome}."
    return ""


ASKED_WHY = {
    "planned": "",
    "delegated": ", by delegation",
    "reassigned": ", in place of somebody else",
    "added": " too, by an operator",
    "escalated": ", as nobody had decided",
    "fallback": ", as the fallback",
    "reopened": " again",
}


def _with(findings: Sequence[f.Finding]) -> str:
    return f" with {len(findings)} finding{'s' if len(findings) != 1 else ''}" if findings else ""


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _stage(review: Review, fact: f.Fact, index: int) -> str:
    """A stage's name in the plan of the present round; plans of earlier rounds are not kept, so there it is its number."""
    present = isinstance(fact.body, f.StageOpened) and fact.body.round == review.round
    return review.plan.stages[index].name if present and review.plan else str(index + 1)
