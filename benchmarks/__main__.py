"""`make bench`: standalone beside other durable engines, on this machine, in one run. Nothing is asserted; docs/performance.md has more."""

import argparse
import asyncio
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks import candidates
from benchmarks.candidates import Candidate, Runs
from benchmarks.host_under_load import RunningHost
from benchmarks.measuring import Crowd, Figures, decide_all, load, start_all
from benchmarks.peers.installing import CannotBeInstalled

NAMES = ("standalone", *(peer.name for peer in candidates.PEERS))


class Comparison:
    """Who takes part, and what was found of each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.taking_part: dict[Candidate, Runs] = {}
        self.figures: dict[Candidate, list[Figures]] = {}
        self.crowds: dict[Candidate, Crowd] = {}
        self.remarks: list[str] = []

    def prepare(self, cache: Path) -> None:
        """Install what is missing."""
        every = [candidates.standalone(self.options.workers, self.options.plain_sdk), *candidates.PEERS]
        for candidate in every:
            if self.options.only and candidate.name not in self.options.only:
                continue
            try:
                self.taking_part[candidate] = candidate.open(cache)
                self.figures[candidate] = []
            except CannotBeInstalled as trouble:
                self.leave_out(candidate, f"cannot be installed: {trouble}")

    def leave_out(self, candidate: Candidate, reason: str) -> None:
        """One line."""
        self.taking_part.pop(candidate, None)
        self.remarks.append(f"{candidate.name} is left out: {reason}")
        print(self.remarks[-1], file=sys.stderr, flush=True)

    async def measure(self) -> None:
        """Every engine once, then every engine again: what disturbs the machine meanwhile disturbs all."""
        for run in range(self.options.runs):
            for candidate, runs in list(self.taking_part.items()):
                instances, samples, _ = self.asked(candidate)
                say(f"run {run + 1}: {candidate.name}, {instances:,} approvals")
                try:
                    self.figures[candidate].append(await runs.rates(instances, samples))
                except (RuntimeError, TimeoutError) as trouble:
                    self.leave_out(candidate, f"in run {run + 1}: {trouble}")
        for candidate, runs in list(self.taking_part.items()):
            if waiting := self.asked(candidate)[2]:
                say(f"{candidate.name}, {waiting:,} waiting")
                try:
                    self.crowds[candidate] = await runs.crowd(waiting)
                except (RuntimeError, TimeoutError) as trouble:
                    self.remarks.append(f"{candidate.name} with {waiting:,} waiting: {trouble}")

    def asked(self, candidate: Candidate) -> tuple[int, int, int]:
        """Approvals a run, latencies a run, approvals that wait."""
        return candidate.at_most(self.options.instances, self.options.samples, self.options.waiting)

    def table(self) -> str:
        """Median of the runs [least..most]; the last rows are of one run each."""
        all_of = [candidate for candidate in self.figures if self.figures[candidate] or candidate in self.crowds]

        def over_runs(value: Callable[[Figures], float], digits: int = 0) -> list[str]:
            return [spread([value(figures) for figures in self.figures[candidate]], digits) for candidate in all_of]

        def of_crowd(text: Callable[[Crowd], str]) -> list[str]:
            return [text(self.crowds[candidate]) if candidate in self.crowds else "-" for candidate in all_of]

        rows = [
            ["", *(f"{candidate.name} {candidate.version}" for candidate in all_of)],
            ["---"] * (len(all_of) + 1),
            ["durable by", *(candidate.durable for candidate in all_of)],
            ["approvals a run", *(f"{self.asked(candidate)[0]:,}" for candidate in all_of)],
            ["start -> waiting, /s", *over_runs(lambda each: each.starts)],
            ["event -> done, /s", *over_runs(lambda each: each.events)],
            ["idle event -> done, p50 ms", *over_runs(lambda each: each.percentile(0.5), 1)],
            ["idle event -> done, p99 ms", *over_runs(lambda each: each.percentile(0.99), 1)],
            ["CPU ms an approval", *over_runs(lambda each: each.cpu, 1)],
        ]
        if self.crowds:
            rows += [
                ["waiting", *of_crowd(lambda each: f"{each.waiting:,}")],
                ["- filled at, /s", *of_crowd(lambda each: f"{each.rate:.0f}")],
                ["- RSS / PSS MiB", *of_crowd(lambda each: f"{each.resident:.0f} / {each.proportional:.0f}")],
                ["- cores while idle", *of_crowd(lambda each: f"{each.idle:.2f}")],
                ["- event -> done, ms", *of_crowd(lambda each: f"{each.event:.1f}")],
                ["- kill -9 -> ready, s", *of_crowd(lambda each: seconds(each.ready))],
                ["- kill -9 -> an event is done, s", *of_crowd(lambda each: seconds(each.recovered))],
            ]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def spread(values: Sequence[float], digits: int) -> str:
    """`5.2 [5.0..6.1]`."""
    if not values:
        return "-"
    return f"{median(values):,.{digits}f} [{min(values):,.{digits}f}..{max(values):,.{digits}f}]"


def seconds(value: float | None) -> str:
    """Of a restart."""
    return "all is lost" if value is None else f"{value:.2f}"


def say(text: str) -> None:
    """What goes on."""
    print(text, file=sys.stderr, flush=True)


async def beside_finished(options: argparse.Namespace, cache: Path) -> None:
    """Standalone's throughput and latency with so many approvals finished before, in one file."""
    print("| finished before | start -> waiting, /s | event -> done, /s | idle event -> done, p50 / p99 ms | CPU ms an approval |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        async with RunningHost(Path(folder), options.workers, options.plain_sdk) as host:
            finished = 0
            for wanted in sorted(options.finished):
                if wanted > finished:
                    say(f"finishing {wanted - finished:,} approvals")
                    await start_all(host, wanted - finished, f"before-{wanted}-")
                    await decide_all(host, wanted - finished, f"before-{wanted}-")
                    finished = wanted
                found = [await load(host, options.instances, options.samples, f"at-{wanted}-{run}") for run in range(options.runs)]
                finished += options.runs * (options.instances + options.samples)
                starts, events, cpu = ([value(each) for each in found] for value in (_starts, _events, _cpu))
                latency = " / ".join(f"{median(each.percentile(share) for each in found):.1f}" for share in (0.5, 0.99))
                print(f"| {wanted:,} | {spread(starts, 0)} | {spread(events, 0)} | {latency} | {spread(cpu, 1)} |", flush=True)


def _starts(figures: Figures) -> float:
    return figures.starts


def _events(figures: Figures) -> float:
    return figures.events


def _cpu(figures: Figures) -> float:
    return figures.cpu


def names(text: str) -> list[str]:
    """`standalone,Restate`, in any case."""
    known = {name.casefold(): name for name in NAMES}
    try:
        return [known[name.strip().casefold()] for name in text.split(",")]
    except KeyError as unknown:
        raise argparse.ArgumentTypeError(f"{unknown} is none of {', '.join(NAMES)}") from None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--instances", type=int, default=1000, help="approvals in each run (default 1000)")
    parser.add_argument("--samples", type=int, default=100, help="latencies in each run (default 100)")
    parser.add_argument("--runs", type=int, default=3, help="default 3; 0: only those that wait")
    parser.add_argument("--waiting", type=int, default=10_000, help="approvals that wait, for memory and recovery (default 10000); 0: none")
    parser.add_argument("--only", type=names, metavar="NAMES", help=f"of {','.join(NAMES)}")
    parser.add_argument("--workers", type=int, default=2, help="standalone's (default 2)")
    parser.add_argument("--plain-sdk", action="store_true", help="standalone with the SDK as it is")
    parser.add_argument(
        "--finished", type=int, nargs="+", metavar="N", help="instead: standalone alone, with so many approvals finished before"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path(".cache/benchmarks"), help="where peers are installed and state lies while it runs"
    )
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, {platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}\n", flush=True)
    if options.finished:
        asyncio.run(beside_finished(options, options.cache.resolve()))
        return
    comparison = Comparison(options)
    comparison.prepare(options.cache.resolve())
    asyncio.run(comparison.measure())
    print("\n".join(["", comparison.table(), "", *comparison.remarks]))


if __name__ == "__main__":
    main()
