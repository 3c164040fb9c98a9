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
    if gate is not None and await asyncio.to_thread(reached, Path(gate)):
        while await asyncio.to_thread(Path(gate).exists):
            await asyncio.sleep(0.1)


def reached(gate: Path) -> bool:
    """Mark a gate that stands as reached; one that was opened stays open, for a second run of the rule."""
    if not gate.exists():
        return False
    gate.write_text("reached")
    return True
