"""Book the outcome into the ledger: one line a proposal, whoever asks how often."""

import json
import os
from pathlib import Path
from typing import Any

import pluggy

hook = pluggy.HookimplMarker("greenlight")


def folder() -> Path | None:
    """Where the ledger lies; without ACME_LEDGER there is none, and nothing to do."""
    named = os.environ.get("ACME_LEDGER")
    return Path(named) if named else None


@hook
def after_decision(proposal: dict[str, Any], decision: dict[str, Any]) -> None:
    """Write one file under the proposal's id, whole or not at all: run twice, it is the same file."""
    ledger = folder()
    if ledger is None:
        return
    ledger.mkdir(parents=True, exist_ok=True)
    entry = ledger / f"{proposal['id']}.json"
    unfinished = entry.with_suffix(".tmp")
    unfinished.write_text(json.dumps({"title": proposal["title"], "budget": proposal["budget"], **decision}, indent=2), encoding="utf-8")
    unfinished.replace(entry)
