"""A proprietary rule of the tests' own: it runs for as long as a test wants. A copy of it lies beside a copy of the app."""

import asyncio
from pathlib import Path
from typing import Any

import pluggy

hook = pluggy.HookimplMarker("greenlight")


@hook
async def assess_proposal(proposal: dict[str, Any]) -> None:
    """Where `details.gate` names a file: write there that the rule was reached, and wait until somebody removes the file."""
    gate = (proposal.get("details") or {}).get("gate")
    if gate is None:
        return
    path = Path(gate)
    path.write_text("reached")
    while path.exists():
        await asyncio.sleep(0.1)
