"""What standalone cannot be faster than here: SQLite's durable commits, and the SDK's replay of one approval's episodes.

python -m benchmarks.limits
"""

import argparse
import cProfile
import pstats
import sqlite3
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.host_under_load import APP
from benchmarks.measuring import DECISION, PROPOSAL
from standalone.engine import history as h
from standalone.engine.decisions import Answer
from standalone.engine.messages import Arrival, Load
from standalone.engine.orchestration import Orchestration
from standalone.engine.trigger import Trigger
from standalone.workers import sdk
from standalone.workers.functions import Functions

RESULT = '{"step":"step","index":0,"ok":true,"note":"' + "x" * 240 + '"}'


def commits(folder: Path, mode: str, rows: int, count: int) -> float:
    """Transactions a second, each of so many inserts of 300 bytes and as many updates."""
    file = sqlite3.connect(folder / f"{mode}-{rows}.sqlite", isolation_level=None)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute(f"PRAGMA synchronous={mode}")
    file.execute("CREATE TABLE history (n INTEGER, k INTEGER, events TEXT, PRIMARY KEY (n, k)) WITHOUT ROWID")
    file.execute("CREATE TABLE instances (n INTEGER PRIMARY KEY, status TEXT)")
    file.executemany("INSERT INTO instances VALUES (?, 'Running')", [(n,) for n in range(1000)])
    began = time.perf_counter()
    for number in range(count):
        file.execute("BEGIN IMMEDIATE")
        places = [(number * rows + row) for row in range(rows)]
        file.executemany("INSERT INTO history VALUES (?, ?, ?)", [(place % 1000, place, RESULT) for place in places])
        file.executemany("UPDATE instances SET status = 'Waiting' WHERE n = ?", [(place % 1000,) for place in places])
        file.execute("COMMIT")
    took = time.perf_counter() - began
    file.close()
    return count / took


class Course:
    """One approval from its start to its end, in eight episodes, without file, sockets and processes."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.replays = 0.0  # seconds of CPU in the SDK
        self.at = datetime(2026, 3, 2, 9, tzinfo=UTC)
        given = h._encode(PROPOSAL)
        self.started = h.text(h.execution_started(h.stamp(self.at), "approval", given, "course", "execution", "", None))
        self.raised = h.text(h.event(h.EVENT_RAISED, h.stamp(self.at), Name="decision", Input=h._encode(DECISION)))

    def run(self) -> int:
        """Answer the number of episodes."""
        instance = Orchestration(Load(1, "course", "approval"), self.functions.known, self._replay)
        instance.receive(Arrival(1, self.started))
        episodes = 0
        while instance.status != "Completed":
            instance.run(self.at)
            episodes += 1
            for activity in instance.unfinished():
                instance.answered(activity.number, RESULT, self.at)
            if not instance.inbox:
                instance.receive(Arrival(2, self.raised))
        return episodes

    def _replay(self, name: str, trigger: Trigger) -> Answer:
        began = time.process_time()
        answer = self.functions.orchestrate(name, trigger)
        self.replays += time.process_time() - began
        return answer


def replays(plain: bool, count: int, profiled: int) -> None:
    """The SDK's part of one approval, and the SDK's together with the engine's."""
    how: AbstractContextManager[None] = nullcontext() if plain else sdk.adjusted()
    with how:
        course = Course(Functions(APP, "{}"))
        episodes = course.run()
        course.replays, began = 0.0, time.process_time()
        for _ in range(count):
            course.run()
        alone, both = course.replays / count * 1000, (time.process_time() - began) / count * 1000
        print(f"{'SDK as it is' if plain else 'SDK with equal parts'}: {episodes} episodes of an approval, CPU: ", end="")
        print(f"its replays {alone:.2f} ms, with the engine's side {both:.2f} ms")
        if profiled:
            profile = cProfile.Profile()
            profile.enable()
            for _ in range(count):
                course.run()
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(profiled)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--plain-sdk", action="store_true", help="replay with the SDK as it is")
    parser.add_argument("--profile", type=int, default=0, metavar="N", help="print the N functions that take most of the replays' time")
    parser.add_argument("--cache", type=Path, default=Path(".cache/benchmarks"), help="where the files lie")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.cache) as folder:
        for mode, rows in (("FULL", 1), ("NORMAL", 1), ("FULL", 32)):
            rate = commits(Path(folder), mode, rows, options.count * 10)
            print(f"SQLite, WAL, {mode}, {rows} rows a commit: {rate:,.0f} commits/s, {rate * rows:,.0f} rows/s")
    replays(options.plain_sdk, options.count, options.profile)


if __name__ == "__main__":
    main()
