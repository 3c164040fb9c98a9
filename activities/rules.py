"""What the activities that run rules share: is it still asked for, what is it about, and the report to the trail."""

import json
from typing import Any

from activities.envelope import RuleCall
from domain.commands import SYSTEM_ACTOR, Report
from domain.facts import Assessed, FollowedUp, MailFailed, Planned, Validated
from domain.review import ENDED
from services.records import Stored
from services.trail import bring
from services.wiring import Services


async def stands(world: Services, call: RuleCall, kind: type[Validated] | type[Assessed]) -> Stored | None:
    """The proposal, if the call's report is still wanted: not made yet, of the present round, nothing ended meanwhile."""
    stored = await world.records.read(call.proposal)
    if stored is None or stored.review.status in ENDED or stored.review.round != call.round:
        return None
    for fact in stored.facts:
        if isinstance(fact.body, kind) and (fact.body.round, fact.body.rule) == (call.round, call.rule):
            return None
    return stored


async def content_of(world: Services, stored: Stored) -> dict[str, Any]:
    """The revision as rules get it: its whole body with `id` and `round`."""
    body = json.loads(await world.records.get_content(stored.review.content_hash))
    return {**body, "id": stored.review.proposal, "round": stored.review.round}


async def report(world: Services, proposal: str, result: Validated | Assessed | Planned | MailFailed | FollowedUp) -> None:
    """Commit one result to the trail; one that is known already, or late, changes nothing there."""
    await bring(world.records, world.directory, world.clock, proposal, Report((result,)), SYSTEM_ACTOR)
