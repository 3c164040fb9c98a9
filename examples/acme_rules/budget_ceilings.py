"""Warn when a department asks for more than it may spend on one project."""

from decimal import Decimal
from typing import Any

import pluggy

hook = pluggy.HookimplMarker("greenlight")

CEILINGS = {"facilities": Decimal(100_000), "it": Decimal(250_000), "marketing": Decimal(40_000)}
CURRENCY = "EUR"


@hook
def assess_proposal(proposal: dict[str, Any]) -> list[dict[str, str]] | None:
    """Compare the budget with the department's ceiling; other currencies are for a person to judge."""
    ceiling = CEILINGS.get(proposal["department"].casefold())
    budget = proposal["budget"]
    if ceiling is None:
        return None
    if budget["currency"] != CURRENCY:
        return [
            {
                "severity": "info",
                "message": f"The ceiling of {proposal['department']} is in {CURRENCY}; this budget is in {budget['currency']}.",
            }
        ]
    amount = Decimal(budget["amount"])
    if amount <= ceiling:
        return None
    return [
        {
            "severity": "warning",
            "message": f"{CURRENCY} {amount:,} is above the ceiling of {proposal['department']}, {CURRENCY} {ceiling:,}.",
        }
    ]
