"""Run one proprietary rule on a revision; rules are fanned out, each in its own call."""

import azure.durable_functions as df

from activities.envelope import Envelope, RuleCall
from activities.rules import content_of, report, stands
from domain import names
from domain.facts import Assessed, Finding
from services.plugins import RuleFailed
from services.wiring import services

bp = df.Blueprint()


@bp.activity_trigger(input_name="payload", activity=names.ASSESS)
async def assess(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker reads this annotation: bare types only
    """Commit what the rule finds. A rule that fails, hangs or answers nonsense is a finding for a person, after its last attempt.

    Twice is harmless: a report that stands already is not made again.
    """
    call = RuleCall.model_validate(payload)
    world = services()
    stored = await stands(world, call, Assessed)
    if stored is None:
        return Envelope().plain()
    try:
        findings = tuple(await world.plugins.findings("assess_proposal", call.rule, await content_of(world, stored)))
    except RuleFailed as failure:
        if not call.last:
            return Envelope(retry=True).plain()
        findings = (Finding(call.rule, "error", failure.for_people()),)
    await report(world, call.proposal, Assessed(call.round, call.rule, findings))
    return Envelope(learned=True).plain()
