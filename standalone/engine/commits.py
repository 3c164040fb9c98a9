"""Group commit: what a turn of the event loop collects goes to the disk as one transaction, while the next turn collects.

One group is being written at a time: a large one on the writer's thread, a small one here, where the disk is fast. A group is as large as
what came in during the last commit; what a loaded instance was just told waits a moment for what follows from it. When a commit fails,
nothing of the group and of what came after it is on disk, and whoever waits is told so.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from standalone.contracts import StoreFailed
from standalone.engine import faults
from standalone.engine.store import Group, Store

log = logging.getLogger("standalone.engine")

RETRY_AFTER = 1.0  # seconds
MOMENT = 0.001  # seconds
LONGEST_AT_ONCE = 0.01  # seconds for which a commit may hold up the loop; after a longer one
SLOW_FOR = 10.0  # seconds go by without another


class Committer:
    """Calls `written` for each group that is on disk, `failed` when one is not and the file can be written again.

    `failed` gets the numbers of instances of which the group held more than the file takes: they would fail every commit.
    `changed` is called when there is nothing left to write, and when nothing can be written.
    """

    def __init__(
        self, store: Store, written: Callable[[Group], None], failed: Callable[[frozenset[int]], None], changed: Callable[[], None]
    ) -> None:
        self.group = Group()
        self.failure: StoreFailed | None = None
        self._store, self._written, self._failed, self._changed = store, written, failed, changed
        self._waiters: list[asyncio.Future[None]] = []
        self._busy = False
        self._pause: asyncio.TimerHandle | None = None
        self._by_thread_until = 0.0  # of the loop's time
        self._occupied = False  # is the writer's thread at something else?
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._sweeper = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Is all on disk that was collected?"""
        return not (self._busy or self.group)

    async def written(self) -> None:
        """Wait until all that was collected so far is on disk. Raises StoreFailed."""
        self.check()
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        if self._pause is None:
            self.soon()
        await waiter

    def check(self) -> None:
        """Raises StoreFailed while the file cannot be written."""
        if self.failure:
            raise StoreFailed(str(self.failure))

    def soon(self) -> None:
        """Commit what is collected at the end of this turn of the loop."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        elif self._busy or self.failure:
            return
        self._busy = True
        self._loop.call_soon(self._begin)

    def shortly(self) -> None:
        """Commit what is collected together with what is to come of it at once, if it comes in a moment."""
        if not self._busy and not self.failure:
            self._busy = True
            self._pause = self._loop.call_later(MOMENT, self._begin)

    def _begin(self) -> None:
        self._pause = None
        if self.failure:  # it has stopped
            return
        if not (self.group or self._waiters):
            self._busy = False
            self._changed()
            return
        group, waiters = self.group, self._waiters
        self.group, self._waiters = Group(), []
        if not group:
            self._ended(group, waiters, None)
            return
        if group.is_small and not self._occupied and self._loop.time() > self._by_thread_until and self._at_once(group, waiters):
            return
        commit = self._thread.submit(self._store.commit, group)
        commit.add_done_callback(lambda ended: self._loop.call_soon_threadsafe(self._ended, group, waiters, ended.exception()))

    def _at_once(self, group: Group, waiters: list[asyncio.Future[None]]) -> bool:
        """Commit here, which saves the way to the thread and back. Not while the file is locked; nor soon again where the disk is slow."""
        began, error = self._loop.time(), None
        try:
            if not self._store.commit(group, waits=False):
                return False
        except Exception as failure:
            error = failure
        if self._loop.time() - began > LONGEST_AT_ONCE:
            self._by_thread_until = self._loop.time() + SLOW_FOR
        self._loop.call_soon(self._ended, group, waiters, error)
        return True

    def _ended(self, group: Group, waiters: list[asyncio.Future[None]], error: BaseException | None) -> None:
        if self.failure:  # it has stopped: what follows from the group is found at the next start
            _release(waiters, StoreFailed(str(error)) if error else None)
            return
        if error is None:
            try:
                self._written(group)
            except Exception as failure:  # of reading the file, say: what follows from the group is found there again
                log.exception("What follows from a commit could not be done.")
                error = failure
        if error is not None:
            self._task = self._loop.create_task(self._fail(error, group, waiters))
            return
        _release(waiters, None)
        faults.point("acknowledged")
        self._begin()
        if self._store.checkpoint_due():
            self._sweeper.submit(self._sweep)

    def _sweep(self) -> None:
        """Keep the write-ahead log short. On a thread of its own; what must not run beside a commit is left to the writer's."""
        try:
            self._store.checkpoint()
        except sqlite3.Error as error:  # the log is whole; it only stays longer
            log.warning("The write-ahead log could not be folded in: %s", error)
        if self._store.log_is_long():
            self._loop.call_soon_threadsafe(self._begin_log_anew)

    def _begin_log_anew(self) -> None:
        if self.failure or self._occupied:  # or it is at it already
            return
        self._occupied = True  # nothing is committed here while the writer's thread has the connection
        work = self._thread.submit(self._store.begin_log_anew)
        work.add_done_callback(lambda ended: self._loop.call_soon_threadsafe(self._log_begun_anew, ended.exception()))

    def _log_begun_anew(self, error: BaseException | None) -> None:
        self._occupied = False
        if error is not None:
            log.warning("The write-ahead log could not be begun anew: %s", error)

    async def _fail(self, error: BaseException, group: Group, waiters: list[asyncio.Future[None]]) -> None:
        """Refuse everything until the file can be written again; then whoever collects starts from what is on disk."""
        self.failure = StoreFailed(f"The engine's file {self._store.path} cannot be written: {error}")
        log.critical("%s. Nothing is accepted until it can be.", self.failure)
        self._changed()
        too_large = self._store.too_large(group) if isinstance(error, sqlite3.DataError | OverflowError) else frozenset()
        while True:
            _release([*waiters, *self._waiters], self.failure)
            self.group, self._waiters, waiters = Group(), [], []
            await asyncio.sleep(RETRY_AFTER)
            if await self._loop.run_in_executor(self._thread, self._store.can_write):
                break
        log.warning("The engine's file can be written again.")
        self.failure, self._busy, self.group = None, False, Group()
        self._failed(too_large)

    async def close(self) -> None:
        """Write what is left."""
        if not (self.failure or self.idle):
            with contextlib.suppress(StoreFailed):  # as the log tells, and whoever waited was told
                await self.written()
        if self._task:
            self._task.cancel()
        self.failure = StoreFailed("The engine has stopped.")  # workers may have more to tell: it is found again at the next start
        _release(self._waiters, self.failure)
        self._sweeper.shutdown()
        self._thread.shutdown()


def _release(waiters: list[asyncio.Future[None]], failure: StoreFailed | None) -> None:
    for waiter in waiters:
        if waiter.done():
            continue
        if failure:
            waiter.set_exception(StoreFailed(str(failure)))
        else:
            waiter.set_result(None)
