"""Score a proposal's carbon footprint. The model behind it takes seconds, which holds nobody else up."""

import asyncio
import os
from decimal import Decimal
from typing import Any

import pluggy

hook = pluggy.HookimplMarker("greenlight")

KILOGRAMS_PER_EURO = {"building": Decimal("0.42"), "it": Decimal("0.19"), "travel": Decimal("0.87")}
WORTH_A_LOOK = Decimal(20_000)


def seconds() -> float:
    """How long the model takes; ACME_SCORING_SECONDS shortens it for tests."""
    return float(os.environ.get("ACME_SCORING_SECONDS", "3"))


@hook
async def assess_proposal(proposal: dict[str, Any]) -> list[dict[str, str]]:
    """Answer the score in words, as a warning where it is high."""
    await asyncio.sleep(seconds())
    factor = KILOGRAMS_PER_EURO.get(proposal["category"].casefold(), Decimal("0.30"))
    kilograms = Decimal(proposal["budget"]["amount"]) * factor
    severity = "warning" if kilograms >= WORTH_A_LOOK else "info"
    return [{"severity": severity, "message": f"Estimated footprint: {kilograms:,.0f} kg CO2e."}]
