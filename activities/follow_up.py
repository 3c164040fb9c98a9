"""Run one proprietary `after_decision` hook on an approval that has ended."""

import azure.durable_functions as df

from activities.envelope import Envelope, RuleCall
from activities.rules import content_of, report
from domain import names
from domain.facts import FollowedUp
from services.plugins import RuleFailed
from services.wiring import services

bp = df.Blueprint()


@bp.activity_trigger(input_name="payload", activity=names.FOLLOW_UP)
async def follow_up(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker reads this annotation: bare types only
    """Run the hook and commit that it ran, or that it failed for good.

    Runs at least once: killed between the hook and the commit, the hook runs again, so hooks get the proposal's id and should
    leave a mark of their own under it.
    """
    call = RuleCall.model_validate(payload)
    world = services()
    stored = await world.records.read(call.proposal)
    if stored is None or any(isinstance(fact.body, FollowedUp) and fact.body.rule == call.rule for fact in stored.facts):
        return Envelope().plain()
    decision = {"outcome": stored.review.outcome, "reasons": list(stored.review.reasons)}
    try:
        await world.plugins.after_decision(call.rule, await content_of(world, stored), decision)
        done = FollowedUp(call.rule, ok=True)
    except RuleFailed as failure:
        if not call.last:
            return Envelope(retry=True).plain()
        done = FollowedUp(call.rule, ok=False, detail=failure.for_people())
    await report(world, call.proposal, done)
    return Envelope(learned=True).plain()
