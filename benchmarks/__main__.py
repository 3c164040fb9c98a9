"""`python -m benchmarks`: how fast standalone is on this machine, and what it needs. Nothing is asserted; docs/performance.md has more."""

import argparse
import asyncio
import os
import platform
import tempfile
import time
from pathlib import Path

from benchmarks import processes
from benchmarks.host_under_load import RunningHost, event_to_done, load, start_all


async def rates(options: argparse.Namespace, environment: dict[str, str]) -> None:
    """Throughput and latency, in a fresh state folder each time."""
    print("| run | start -> waiting /s | accepted /s | event -> done /s | idle event -> done p50 / p99 ms | CPU ms an approval |")
    print("|---|---|---|---|---|---|")
    for run in range(options.runs):
        with tempfile.TemporaryDirectory() as state:
            async with RunningHost(Path(state), options.workers, environment) as host:
                found = await load(host, options.instances, options.samples)
        latency = f"{found.percentile(0.5):.1f} / {found.percentile(0.99):.1f}"
        print(f"| {run + 1} | {found.starts:.0f} | {found.accepted:.0f} | {found.events:.0f} | {latency} | {found.cpu:.2f} |", flush=True)


async def waiting(options: argparse.Namespace, environment: dict[str, str]) -> None:
    """Many approvals that wait: memory, idling, an event among them, kill -9 and an event after it."""
    with tempfile.TemporaryDirectory() as state:
        async with RunningHost(Path(state), options.workers, environment) as host:
            _, seconds = await start_all(host, options.waiting, "fill-")
            resident, proportional = processes.memory(host.family())
            idle = processes.cpu_seconds(host.family())
            await asyncio.sleep(4)
            idle = (processes.cpu_seconds(host.family()) - idle) / 4
            event = await event_to_done(host, "fill-1")
            size = (Path(state) / "engine.sqlite").stat().st_size / options.waiting / 1024
            processes.kill(host.family())
            host.process.wait()
        began = time.perf_counter()
        async with RunningHost(Path(state), options.workers, environment) as host:
            ready = time.perf_counter() - began
            await event_to_done(host, "fill-2")
            after = time.perf_counter() - began
    print(
        f"\n{options.waiting:,} waiting, filled at {options.waiting / seconds:.0f}/s: {resident:.0f} MiB RSS, {proportional:.0f} PSS; ",
        end="",
    )
    print(f"{idle:.2f} cores idle; {size:.1f} KB of file each; an event is done in {event:.1f} ms. ", end="")
    print(f"After kill -9: ready in {ready:.2f} s, an event done at {after:.2f} s.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=1000, help="approvals in each run")
    parser.add_argument("--samples", type=int, default=100, help="latencies in each run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--waiting", type=int, default=10_000, help="approvals that wait, for memory and recovery; 0: leave that out")
    parser.add_argument("--plain-sdk", action="store_true", help="with the SDK as it is")
    options = parser.parse_args()
    environment = {**os.environ, "STANDALONE_PLAIN_SDK": "1" if options.plain_sdk else "0"}
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {options.workers} workers\n")
    asyncio.run(rates(options, environment))
    if options.waiting:
        asyncio.run(waiting(options, environment))


if __name__ == "__main__":
    main()
