"""A small host for tests of the engine: the engine over in-process workers, on a clock that stands."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from standalone.engine import Engine, EngineSettings
from standalone.workers import InProcessWorkers

BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class StandingClock:
    """Time that stands until it is moved."""

    virtual = True
    offset = timedelta(0)

    def __init__(self, now: datetime = BEGINNING) -> None:
        self._now = now
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        return self._now

    def move_to(self, instant: datetime) -> None:
        self._now = max(self._now, instant)
        for listener in self._listeners:
            listener()

    def on_move(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def seconds_until(self, instant: datetime) -> float | None:
        return 0.0 if instant <= self._now else None


class Host:
    """The engine and how a test drives it."""

    def __init__(self, engine: Engine, workers: Any, clock: Any) -> None:
        self.engine, self.workers, self.clock = engine, workers, clock

    async def advance(self, **duration: float) -> None:
        """Let time pass, stopping at each thing that is due on the way."""
        until = self.clock.now() + timedelta(**duration)
        await self.settle()
        while (due := self.engine.next_due()) is not None and due <= until:
            self.clock.move_to(due)
            await self.settle()
        self.clock.move_to(until)
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that can at the present time."""
        await self.engine.settle()

    def fill_disk(self) -> None:
        """Leave room in the file for hardly anything."""
        writer = self.engine._store._writer
        writer.execute(f"PRAGMA max_page_count={writer.execute('PRAGMA page_count').fetchone()[0] + 1}")

    def make_room(self) -> None:
        """There is room again."""
        self.engine._store._writer.execute("PRAGMA max_page_count=1000000")

    async def writes_again(self) -> None:
        """Wait until the engine has found that its file can be written."""
        async with asyncio.timeout(10):
            while self.engine._dispatcher.commits.failure:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running(
    app_dir: Path,
    state: Path,
    *,
    clock: StandingClock | None = None,
    settings: EngineSettings | None = None,
    driven_by: Callable[[Engine, InProcessWorkers, StandingClock], Host] = Host,
    **options: Any,
) -> AsyncIterator[Host]:
    """The app in `app_dir` on the engine, in this process. `options` are the workers'."""
    clock = clock or StandingClock()
    environment = {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}  # loose, the SDK warns once, and warnings are errors here
    url = "http://127.0.0.1:9/durabletask/"
    workers = InProcessWorkers(app_dir, clock=clock, binding_base_url=url, environment=environment, **options)
    engine = Engine(state / "engine.sqlite", clock, workers, settings=settings or EngineSettings(synchronous="OFF"))
    await workers.start()
    try:
        await engine.start()
        host = driven_by(engine, workers, clock)
        try:
            yield host
        finally:
            await host.engine.stop()
    finally:
        await workers.stop()
