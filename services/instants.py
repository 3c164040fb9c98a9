"""Instants as the embedded records keep them: microseconds since 1970 (UTC), so that they compare as numbers."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(instant: datetime) -> int:
    """An instant as it is stored."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant(stored: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + timedelta(microseconds=stored)
