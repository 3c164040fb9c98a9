"""Route whatever touches security to the people who look after it."""

from typing import Any

import pluggy

hook = pluggy.HookimplMarker("greenlight")

WORDS = ("firewall", "vpn", "badge reader", "encryption")


@hook
def route_proposal(proposal: dict[str, Any]) -> str | None:
    """Name the policy `it-security` where title or summary speak of it."""
    text = f"{proposal['title']} {proposal['summary']}".casefold()
    return "it-security" if any(word in text for word in WORDS) else None
