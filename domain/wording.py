"""Instants and outcomes in words, for refusals, reasons and timelines. Times are UTC and say so; pages may show another zone."""

from datetime import UTC, datetime

DECISION = {"approve": "approved", "reject": "rejected", "request_changes": "asked for changes to", "abstain": "abstained from deciding on"}


def when(instant: datetime) -> str:
    """An instant to the minute: `30 Nov 2026, 09:00 UTC`."""
    return instant.astimezone(UTC).strftime("%d %b %Y, %H:%M UTC").lstrip("0")


def listed(names: list[str]) -> str:
    """`Ann`, `Ann and Ben`, `Ann, Ben and Cem`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "nobody"
