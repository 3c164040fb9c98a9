"""`maxConcurrentRequests` and `maxOutstandingRequests` of host.json: how many requests run at once, how many may be here at all.

As the Functions host's HttpThrottleMiddleware: whoever is one too many gets 429; the admin API is not counted.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext


class TooManyRequests(Exception):
    """No more may wait."""


class Throttle:
    """Turns for requests. None: no limit."""

    def __init__(self, most_concurrent: int | None, most_outstanding: int | None) -> None:
        self._running: AbstractAsyncContextManager[None] = asyncio.Semaphore(most_concurrent) if most_concurrent else nullcontext()
        self._most_outstanding = most_outstanding
        self._outstanding = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn. Raises TooManyRequests."""
        if self._most_outstanding and self._outstanding >= self._most_outstanding:
            raise TooManyRequests
        self._outstanding += 1
        try:
            async with self._running:
                yield
        finally:
            self._outstanding -= 1
