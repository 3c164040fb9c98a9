"""Run one validator on a revision: the links of the validation chain."""

import azure.durable_functions as df

from activities.envelope import Envelope, RuleCall
from activities.rules import content_of, report, stands
from domain import names, validation
from domain.facts import Finding, Validated
from services.plugins import RuleFailed
from services.wiring import services

bp = df.Blueprint()


@bp.activity_trigger(input_name="payload", activity=names.VALIDATE)
async def validate(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker reads this annotation: bare types only
    """Commit what the validator finds. An `error` refuses the proposal; a validator that fails is a finding, never a refusal.

    Twice is harmless: a report that stands already is not made again.
    """
    call = RuleCall.model_validate(payload)
    world = services()
    stored = await stands(world, call, Validated)
    if stored is None:
        return Envelope().plain()
    try:
        if call.rule == validation.RULE:
            findings = validation.standard_findings(stored.review, world.clock.now().date())
        else:
            findings = await world.plugins.findings("validate_proposal", call.rule, await content_of(world, stored))
        refused = any(finding.severity == "error" for finding in findings)
    except RuleFailed as failure:
        if not call.last:
            return Envelope(retry=True).plain()
        findings, refused = (Finding(call.rule, "error", failure.for_people()),), False
    await report(world, call.proposal, Validated(call.round, call.rule, tuple(findings), refused))
    return Envelope(learned=True, refused=refused).plain()
