"""The threads in which sync activities run, and the shortest way back from there to the event loop.

`loop.run_in_executor` makes two futures for each call and wakes the loop for each result; here there is one callback, and results that
come while the loop is on its way are handed over together.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Threads:
    """Calls work in the threads of `pool` and tells the loop what came of it."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._returned: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._waking = False
        self._closed = False

    def run(self, work: Callable[[], Any], tell: Callable[[Any], None]) -> None:
        """Have a thread do `work`, which raises nothing, and the loop `tell` what it gave."""
        self._pool.submit(self._run, work, tell)

    def _run(self, work: Callable[[], Any], tell: Callable[[Any], None]) -> None:
        outcome = work()
        self._returned.append((tell, outcome))
        if not (self._waking or self._closed):
            self._waking = True
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._waking = False  # before the look: what returns from now on wakes the loop again
        while self._returned and not self._closed:
            tell, outcome = self._returned.popleft()
            tell(outcome)

    def close(self) -> None:
        """Tell nobody anything any more; what runs is abandoned."""
        self._closed = True
