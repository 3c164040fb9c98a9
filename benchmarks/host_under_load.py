"""Standalone under the load of the comparison with other engines: 32 HTTP clients, `approval_app`, everything on this machine.

The host runs as it is run by anybody, `python -m standalone`, durable to the disk. What has come to wait and what is done is counted in
its file, read only. The clients' CPU time is not in the figures, though they run on the same cores.
"""

import asyncio
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from benchmarks import processes

CLIENTS = 32
APP = Path(__file__).parent / "approval_app"
ROOT = Path(__file__).parents[1]


@dataclass
class Figures:
    """What one run found. Rates a second, latencies in milliseconds, CPU in milliseconds an approval."""

    starts: float
    accepted: float
    events: float
    cpu: float
    latencies: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Of the latencies."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


class RunningHost:
    """A host in processes of its own, on a state folder."""

    def __init__(self, state: Path, workers: int, environment: dict[str, str]) -> None:
        self.state, self.workers, self.environment = state, workers, environment

    async def __aenter__(self) -> Self:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.api = f"http://127.0.0.1:{self.port}/runtime/webhooks/durabletask"
        command = [sys.executable, "-m", "standalone", str(APP), "--port", str(self.port), "--state", str(self.state)]
        self.process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [*command, "--workers", str(self.workers)], cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS))
        await until(self._answers, 60)
        self.file = sqlite3.connect(f"file:{self.state / 'engine.sqlite'}?mode=ro", uri=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.file.close()
        await self.session.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    async def _answers(self) -> bool:
        try:
            async with self.session.get(f"{self.api}/instances?top=1") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def post(self, path: str, body: Any) -> None:
        """A request that must be accepted."""
        async with self.session.post(f"{self.api}/{path}", json=body) as response:
            assert response.status == 202, (response.status, await response.text())

    def count(self, status: str, custom: str) -> int:
        """Instances in a state and with a custom status, by the file."""
        query = "SELECT count(*) FROM instances WHERE status = ? AND custom = ?"
        return int(self.file.execute(query, (status, json.dumps(custom))).fetchone()[0])

    def has(self, instance: str, status: str, custom: str) -> bool:
        """Is an instance in this state? By the file."""
        row = self.file.execute("SELECT status, custom FROM instances WHERE id = ?", (instance,)).fetchone()
        return bool(row == (status, json.dumps(custom)))

    def family(self) -> list[int]:
        """The host's processes."""
        return processes.family(self.process.pid)


async def until(reached: Callable[[], bool | Awaitable[bool]], limit: float = 900, pause: float = 0.02) -> None:
    """Wait for something."""
    end = time.perf_counter() + limit
    while True:
        found = reached()
        if (await found) if isinstance(found, Awaitable) else found:
            return
        if time.perf_counter() > end:
            raise TimeoutError("what was waited for did not come")
        await asyncio.sleep(pause)


async def by_clients(count: int, work: Callable[[int], Awaitable[None]]) -> None:
    """Do `work` for each number, 32 at a time."""
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            await work(number)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def start_all(host: RunningHost, count: int, prefix: str) -> tuple[float, float]:
    """Start so many and wait until all wait; answers the seconds until all were accepted, and until all waited."""
    before, began = host.count("Running", "waits"), time.perf_counter()
    await by_clients(count, lambda number: host.post(f"orchestrators/approval/{prefix}{number}", "x"))
    accepted = time.perf_counter() - began
    await until(lambda: host.count("Running", "waits") == before + count)
    return accepted, time.perf_counter() - began


async def load(host: RunningHost, count: int, samples: int) -> Figures:
    """Rates with `count` approvals, latencies of `samples` events to an idle host."""
    cpu = processes.cpu_seconds(host.family())
    accepted, waiting = await start_all(host, count, "load-")
    before, began = host.count("Completed", "done"), time.perf_counter()
    await by_clients(count, lambda number: host.post(f"instances/load-{number}/raiseEvent/decision", "yes"))
    await until(lambda: host.count("Completed", "done") == before + count)
    done = time.perf_counter() - began
    cpu = processes.cpu_seconds(host.family()) - cpu
    figures = Figures(count / waiting, count / accepted, count / done, cpu / count * 1000)
    for number in range(samples):
        await start_all(host, 1, f"idle-{number}-")
        await asyncio.sleep(0.02 + random.random() * 0.05)
        figures.latencies.append(await event_to_done(host, f"idle-{number}-0"))
    return figures


async def event_to_done(host: RunningHost, instance: str) -> float:
    """Milliseconds from the sending of an event until its approval is done, on disk."""
    began = time.perf_counter()
    await host.post(f"instances/{instance}/raiseEvent/decision", "yes")
    await until(lambda: host.has(instance, "Completed", "done"), pause=0.0003)
    return (time.perf_counter() - began) * 1000
