"""Look at a proposal's trail: let time pass, and say what the facts since the last look ask for."""

import logging
from typing import Any

import azure.durable_functions as df
from pydantic import Field

from activities.checks import crash_report, payloads
from activities.envelope import Call
from domain import names
from domain.agenda import Notice, agenda
from domain.commands import SYSTEM_ACTOR, Command, LetTimePass, Report, Suspend
from domain.judge import next_due
from domain.review import ENDED
from services.trail import UnknownProposal, bring
from services.wiring import services

bp = df.Blueprint()
log = logging.getLogger("greenlight.advance")


class Look(Call):
    """`seen`: the last fact that the orchestrator knows of. `crashed`: calls that died at every attempt."""

    seen: int
    crashed: list[dict[str, Any]] = Field(default_factory=list)


@bp.activity_trigger(input_name="payload", activity=names.ADVANCE)
async def advance(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker reads this annotation: bare types only
    """Commit what time has brought about and answer the news: what to run, when to wake, and the outcome if there is one.

    Twice is harmless: time passes once, and the same `seen` gets the same news. Raises RecordsUnavailable: try again later.
    A proposal that is gone (purged) has the outcome "gone".
    """
    look = Look.model_validate(payload)
    world = services()
    try:
        for command in commands(look.crashed):
            brought = await bring(world.records, world.directory, world.clock, look.proposal, command, SYSTEM_ACTOR)
    except UnknownProposal:
        log.warning("proposal %s is gone: its instance ends", look.proposal)
        return {
            "seen": look.seen,
            "notify": [],
            "validate": [],
            "assess": [],
            "plan": [],
            "follow_up": [],
            "wake_at": None,
            "outcome": "gone",
        }
    stored = brought.stored
    review = stored.review
    asked = agenda(review, stored.facts, look.seen)
    await world.records.mark_seen(look.proposal, review.number, world.clock.now())
    due = next_due(review)
    return {
        "seen": review.number,
        "notify": [notice_payload(look.proposal, notice) for notice in asked.notices],
        **payloads(world.plugins, stored, asked),
        "wake_at": due.isoformat() if due else None,
        "outcome": review.outcome if review.status in ENDED else None,
    }


def commands(crashed: list[dict[str, Any]]) -> list[Command]:
    """What is to be brought: time, and a finding in place of each report that will never come.

    Without a plan there is nobody to ask: the proposal goes on hold, and whoever resumes it has the plan made anew.
    """
    brought: list[Command] = [LetTimePass()]
    if reports := tuple(report for crash in crashed if (report := crash_report(crash))):
        brought.append(Report(reports))
    if any(crash["activity"] == names.PLAN for crash in crashed):
        brought.append(Suspend("No plan could be made: what makes it died at every attempt."))
    return brought


def notice_payload(proposal: str, notice: Notice) -> dict[str, Any]:
    """A notice as `notify` takes it."""
    return {"proposal": proposal, "kind": notice.kind, "slot": notice.slot, "number": notice.number}
