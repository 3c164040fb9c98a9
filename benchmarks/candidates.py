"""Who is compared: each is run anew for each measurement, in a folder of its own on this disk."""

import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.host_under_load import RunningHost
from benchmarks.measuring import Crowd, Engine, Figures, event_to_done, fill, load
from benchmarks.peers import installing
from benchmarks.peers.embedded import EmbeddedPeer
from benchmarks.peers.restate_peer import Restate


class Runs(Protocol):
    """How a candidate is measured."""

    async def rates(self, instances: int, samples: int) -> Figures:
        """One run."""

    async def crowd(self, waiting: int) -> Crowd:
        """Many that wait, kill -9, and an event after it."""


class Mortal(Engine, Protocol):
    """An engine in processes of its own."""

    def kill(self) -> None:
        """All of them, at once."""


class Served:
    """An engine in processes of its own, reached over HTTP. `run(folder, many, again)` opens it."""

    def __init__(self, run: Callable[[Path, bool, bool], AbstractAsyncContextManager[Mortal]], cache: Path) -> None:
        self.run, self.cache = run, cache

    async def rates(self, instances: int, samples: int) -> Figures:
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            async with self.run(Path(folder), False, False) as engine:
                return await load(engine, instances, samples)

    async def crowd(self, waiting: int) -> Crowd:
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            async with self.run(Path(folder), True, False) as engine:
                found = await fill(engine, waiting)
                engine.kill()
            began = time.perf_counter()
            async with self.run(Path(folder), True, True) as engine:
                found.ready = time.perf_counter() - began
                await event_to_done(engine, found.last)
                found.recovered = time.perf_counter() - began
        return found


@dataclass(frozen=True)
class Candidate:
    """One that is compared. `slow`: what it is asked for at most, for it would take minutes: instances, samples, waiting."""

    name: str
    version: str
    durable: str
    open: Callable[[Path], Runs]
    slow: tuple[int, int, int] | None = None

    def at_most(self, instances: int, samples: int, waiting: int) -> tuple[int, int, int]:
        """What it is asked for."""
        asked = (instances, samples, waiting)
        return tuple(map(min, asked, self.slow)) if self.slow else asked  # type: ignore[return-value]


def standalone(workers: int, plain_sdk: bool) -> Candidate:
    """Ours."""

    def opened(cache: Path) -> Runs:
        return Served(lambda folder, _many, _again: RunningHost(folder / "state", workers, plain_sdk), cache)

    return Candidate("standalone", f"{workers} workers", "SQLite WAL, FULL", opened)


def _restate(cache: Path) -> Runs:
    installed = installing.install(installing.RESTATE, cache)
    return Served(lambda folder, many, again: Restate(installed, folder, many, again), cache)


def _dbos(cache: Path) -> Runs:
    python = installing.install(installing.DBOS, cache) / "bin/python"
    return EmbeddedPeer("benchmarks.peers.dbos_peer", python, cache, durable=True)


def _durabletask(cache: Path) -> Runs:
    python = installing.install(installing.DURABLETASK, cache) / "bin/python"
    return EmbeddedPeer("benchmarks.peers.durabletask_peer", python, cache, durable=False)


PEERS = (
    Candidate("Restate", "1.7.12", "log and RocksDB, fsync", _restate),
    Candidate("dbos", "3.4.0", "SQLite journal, FULL", _dbos, slow=(200, 20, 500)),
    Candidate("durabletask", "1.12.0", "none, in memory", _durabletask, slow=(500, 100, 1000)),
)
