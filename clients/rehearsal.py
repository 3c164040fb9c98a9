"""What would become of a proposal: who would have to approve, by when and why. Nothing is stored and nobody is asked."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from typing import Any

from clients.schemas import ProposalIn
from domain import policy
from domain.facts import Finding, Submitted
from domain.judge import fold, submitted
from domain.plan import Plan
from domain.status import instant
from domain.validation import standard_findings
from services.plugins import Hook, RuleFailed
from services.wiring import Services


async def rehearse(world: Services, body: ProposalIn) -> dict[str, Any]:
    """`{policy, stages, findings}`: every validator and rule is run, as it would be. Raises PolicyUnusable."""
    now = world.clock.now()
    content = body.content()
    content_hash = hashlib.sha256(content).hexdigest()
    person = body.submitter.person()
    first = Submitted(
        body.title, person, body.department, body.category, body.budget.money(), content_hash, content_hash, "dry run", body.needed_by
    )
    review = fold("prp-dry-run", [submitted("prp-dry-run", first, now)])
    proposal = {**body.model_dump(mode="json", exclude_none=True), "id": "prp-dry-run", "round": 1}

    findings = list(standard_findings(review, now.date()))
    findings += await found(world, "validate_proposal", proposal)
    refused = any(finding.severity == "error" for finding in findings)
    findings += await found(world, "assess_proposal", proposal)
    named, more = await world.plugins.policy_named(proposal)
    findings += more
    try:
        _, plan, told = world.policies().route(body.department, body.category, body.budget.money(), person, named)
    except ValueError as error:
        findings.append(Finding(policy.RULE, "error", f"No plan could be made: {error}."))
        return {"policy": None, "stages": [], "findings": listed(findings), "refused": refused}
    return {"policy": plan.policy, "stages": stages(plan, now), "findings": listed([*findings, *told]), "refused": refused}


async def found(world: Services, hook: Hook, proposal: dict[str, Any]) -> list[Finding]:
    """What all rules of a hook find; one that fails is a finding itself."""

    async def one(rule: str) -> list[Finding]:
        try:
            return await world.plugins.findings(hook, rule, proposal)
        except RuleFailed as failure:
            return [Finding(rule, "error" if hook == "assess_proposal" else "warning", failure.for_people())]

    answers = await asyncio.gather(*(one(rule) for rule in world.plugins.rules(hook)))
    return [finding for answer in answers for finding in answer]


def stages(plan: Plan, now: datetime) -> list[dict[str, Any]]:
    """The stages in order. `decided_by`: at the latest, if each stage took all of its time from now on."""
    listed_stages, end = [], now
    for stage in plan.stages:
        end += stage.deadline
        listed_stages.append(
            {
                "name": stage.name,
                "reviewers": [person.name for person in stage.reviewers],
                "rule": stage.rule,
                "veto": stage.veto,
                "deadline": duration(stage.deadline),
                "decided_by": instant(end),
                "on_expiry": stage.on_expiry,
            }
        )
    return listed_stages


def duration(length: timedelta) -> str:
    """ISO 8601, in days and seconds."""
    return f"P{length.days}D" + (f"T{length.seconds}S" if length.seconds else "")


def listed(findings: list[Finding]) -> list[dict[str, str]]:
    """Findings as JSON."""
    return [{"rule": each.rule, "severity": each.severity, "message": each.message} for each in findings]
