"""Greenlight's own validator: what can be told from a proposal's own fields on the day it is looked at."""

from collections.abc import Sequence
from datetime import date

from domain.facts import Finding
from domain.review import Review

RULE = "greenlight.standard"


def standard_findings(review: Review, today: date) -> Sequence[Finding]:
    """Findings for people, none of which refuses: what the schema lets through and a reviewer should know of."""
    findings = []
    if review.needed_by and date.fromisoformat(review.needed_by) < today:
        findings.append(Finding(RULE, "warning", f"The proposal was needed by {review.needed_by}, which has passed."))
    if review.budget.amount == 0:
        findings.append(Finding(RULE, "info", "The budget is zero: nothing is asked for but the approval itself."))
    return findings
