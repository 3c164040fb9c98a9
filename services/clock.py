"""The app's clock: the one place where it reads the time. It is handed to whoever needs it."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware UTC, to the millisecond: what is recorded is what is compared."""


class SystemClock:
    """The machine's clock (which a host under test may move)."""

    def now(self) -> datetime:
        """The present instant, aware UTC, cut to milliseconds."""
        present = datetime.now(UTC)
        return present.replace(microsecond=present.microsecond // 1000 * 1000)
