"""Plan a revision: the policy, and a plug-in's word on it, become stages with people and deadlines."""

import azure.durable_functions as df

from activities.envelope import Envelope, RuleCall
from activities.rules import content_of, report
from domain import names
from domain.commands import SYSTEM_ACTOR, Suspend
from domain.facts import Planned
from domain.review import ENDED
from services.policies import PolicyUnusable
from services.records import Stored
from services.trail import bring
from services.wiring import services

bp = df.Blueprint()


@bp.activity_trigger(input_name="payload", activity=names.PLAN)
async def plan(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker reads this annotation: bare types only
    """Commit the plan; with it the first stage opens. Without a usable policy the proposal goes on hold, for an operator.

    Twice is harmless: a round is planned once.
    """
    call = RuleCall.model_validate(payload)
    world = services()
    stored = await world.records.read(call.proposal)
    if stored is None or stored.review.status in ENDED or stored.review.hold or stored.review.round != call.round or planned(stored):
        return Envelope().plain()
    review = stored.review
    named, findings = await world.plugins.policy_named(await content_of(world, stored))
    try:
        _, made, more = world.policies().route(review.department, review.category, review.budget, review.submitter, named)
    except (PolicyUnusable, ValueError) as problem:
        if not call.last:
            return Envelope(retry=True).plain()
        hold = Suspend(f"No plan could be made: {problem}")
        await bring(world.records, world.directory, world.clock, call.proposal, hold, SYSTEM_ACTOR)
        return Envelope(learned=True).plain()
    await report(world, call.proposal, Planned(call.round, made, (*findings, *more)))
    return Envelope(learned=True).plain()


def planned(stored: Stored) -> bool:
    """Whether the present round has its plan."""
    return any(isinstance(fact.body, Planned) and fact.body.round == stored.review.round for fact in stored.facts)
