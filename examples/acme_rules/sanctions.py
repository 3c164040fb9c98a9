"""Refuse proposals that name a supplier with whom the company may not do business."""

import unicodedata
from typing import Any

import pluggy

hook = pluggy.HookimplMarker("greenlight")

SANCTIONED = ("Blackwater Pumps Ltd", "Nordsturm Handels GmbH", "Öltrans SA")


def plain(name: str) -> str:
    """A name without case, accents and punctuation: lists and people spell differently."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return " ".join(
        "".join(character if character.isalnum() else " " for character in letters if not unicodedata.combining(character)).split()
    )


@hook
def validate_proposal(proposal: dict[str, Any]) -> list[dict[str, str]]:
    """Look every supplier of `details.suppliers` up; an entry may be a name or an object with a name."""
    suppliers = (proposal.get("details") or {}).get("suppliers", [])
    names = [entry["name"] if isinstance(entry, dict) else entry for entry in suppliers]
    barred = {plain(name): name for name in SANCTIONED}
    return [
        {"severity": "error", "message": f"The supplier {name} is on the sanctions list as {barred[plain(name)]}."}
        for name in names
        if plain(name) in barred
    ]
