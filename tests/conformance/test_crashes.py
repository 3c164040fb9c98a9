"""The recorded cases once more, on an engine that dies in commit after commit: it must all come out as it did on the real one.

A crash is played within the process: right after a commit the file is copied; when there is nothing left to do, the engine is thrown
away with all that it has done since, and another begins from the copy. tests/host/test_engine_crashes.py kills real processes.
"""

import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest

from standalone.engine import Engine, EngineSettings
from standalone.engine.store import Group
from standalone.workers import InProcessWorkers
from standalone.workers.stage import Stage
from tests.conformance.cases import difference, run
from tests.conformance.test_recorded_cases import DATA, PROGRAMS, errors_only
from tests.host.enginehost import Host, StandingClock

FEW_SEATS = EngineSettings(synchronous="OFF", most_active=8, most_seated=4)  # most wait on disk, and are read anew each time
FIRST_OF_TWO_RUNS = "children-one-id-sleep"  # as there, it leaves no history: what its activity would give dies with the engine
COMMITS = (0, 1, 1, 2, 3)  # after how many the engine dies; 0: not this time


class DyingHost(Host):
    """A host whose engine has died, as it turns out, each time when there is nothing left to do."""

    def __init__(self, engine: Engine, workers: InProcessWorkers, clock: StandingClock, random: Random) -> None:
        super().__init__(engine, workers, clock)
        self.folder, self.random, self.deaths, self.left = engine.path.parent, random, 0, 0
        self.copy: Path | None = None
        self._watch()

    async def settle(self) -> None:
        """What is done after one of the commits is done for nothing, and again."""
        self.left = self.random.choice(COMMITS)
        await self.engine.settle()
        self.left = 0
        if self.copy is not None:
            await self._begin_from(self.copy)
            self.copy = None
            await self.engine.settle()

    def _watch(self) -> None:
        store = self.engine._store
        commit = store.commit

        def commit_and_copy(group: Group, *, waits: bool = True) -> bool:
            written = commit(group, waits=waits)
            if written and self.left:
                self.left -= 1
                if not self.left:
                    self.copy = self._copied()
            return written

        store.commit = commit_and_copy  # type: ignore[method-assign]

    def _copied(self) -> Path:
        self.deaths += 1
        copy = self.folder / f"{self.deaths}.sqlite"
        for part in ("", "-wal"):
            shutil.copy(f"{self.engine.path}{part}", f"{copy}{part}")
        return copy

    async def _begin_from(self, copy: Path) -> None:
        await self.engine.stop()
        await self.workers.stage.activities.close()
        workers = self.workers
        workers.stage = Stage(workers.functions, self.clock.now, workers._emit, workers.sleep.parked, lambda: workers._changed())
        self.engine = Engine(copy, self.clock, workers, settings=self.engine.settings)
        await self.engine.start()
        self._watch()


@pytest.mark.parametrize("seed", range(4))
async def test_an_engine_that_dies_time_and_again_does_what_the_real_one_did(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing acknowledged is lost, nothing happens twice, nothing stands still, and nothing is left behind that nobody reads."""
    monkeypatch.setattr("standalone.engine.store.COMMITS_BETWEEN_CHECKPOINTS", 1 << 30)  # none may run while the file is copied
    hosts: list[DyingHost] = []

    def dying(engine: Engine, workers: InProcessWorkers, clock: StandingClock) -> Host:
        hosts.append(DyingHost(engine, workers, clock, Random(seed)))
        return hosts[0]

    with errors_only():
        cases = await run(PROGRAMS, DATA / "app", tmp_path, FEW_SEATS, driven_by=dying)
    differences = {name: difference(PROGRAMS[name]["seen"], case.seen, "seen") for name, case in cases.items()}
    assert {name: found for name, found in differences.items() if found and name != FIRST_OF_TWO_RUNS} == {}
    assert hosts[0].deaths > 20

    file = sqlite3.connect(hosts[0].engine.path)
    left = [file.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("messages", "timers")]
    assert left == [0, 0]
    assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()
