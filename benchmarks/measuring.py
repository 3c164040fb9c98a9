"""The load, the same for every engine: 32 clients start approvals and then raise their events; and what is measured meanwhile.

Only the standard library: peers that are libraries run this in their own interpreter, beside the engine.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Protocol

from benchmarks import processes

CLIENTS = 32
PROPOSAL = {"title": "x" * 200}
DECISION = {"decision": "approve", "comment": "x" * 200}


def result(step: int) -> dict[str, Any]:
    """What an activity gives, some 300 bytes."""
    return {"step": "step", "index": step, "ok": True, "note": "x" * 240}


class Engine(Protocol):
    """A durable engine that runs. Its counts are of the approvals started since `begin`."""

    jitter: float  # seconds, to keep events out of step with an engine that polls

    def begin(self) -> Awaitable[None]:
        """Count from here."""

    def start(self, instance: str) -> Awaitable[None]:
        """An approval; returns when it is accepted."""

    def decide(self, instance: str) -> Awaitable[None]:
        """Its event; returns when it is accepted."""

    def waiting(self) -> Awaitable[int]:
        """How many have come to their event and wait."""

    def done(self) -> Awaitable[int]:
        """How many are done."""

    def wait_done(self, instance: str) -> Awaitable[None]:
        """Return as soon as one is done."""

    def family(self) -> list[int]:
        """Its processes."""


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
        return ordered[round(share * (len(ordered) - 1))] if ordered else float("nan")


@dataclass
class Crowd:
    """Many that wait. MiB, cores, milliseconds; `ready` and `recovered`: seconds after kill -9, None where nothing is left."""

    waiting: int
    rate: float
    resident: float
    proportional: float
    idle: float
    event: float
    last: str
    ready: float | None = None
    recovered: float | None = None


async def until(reached: Callable[[], Awaitable[bool]], limit: float = 900, pause: float = 0.02) -> None:
    """Wait for something; asking takes a tenth of the time, or comes each second."""
    end = time.perf_counter() + limit
    while True:
        began = time.perf_counter()
        if await reached():
            return
        if (asked := time.perf_counter()) > end:
            raise TimeoutError("what was waited for did not come")
        await asyncio.sleep(max(pause, min(1.0, 10 * (asked - began))))


async def by_clients(count: int, work: Callable[[int], Awaitable[None]]) -> None:
    """Do `work` for each number, 32 at a time."""
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            await work(number)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def start_all(engine: Engine, count: int, prefix: str) -> tuple[float, float]:
    """Start so many and wait until all wait; answers the seconds until all were accepted, and until all waited."""

    async def all_wait() -> bool:
        return await engine.waiting() >= count

    await engine.begin()
    began = time.perf_counter()
    await by_clients(count, lambda number: engine.start(f"{prefix}{number}"))
    accepted = time.perf_counter() - began
    await until(all_wait, pause=0.005 if count == 1 else 0.02)
    return accepted, time.perf_counter() - began


async def decide_all(engine: Engine, count: int, prefix: str) -> float:
    """Raise the events of all that `start_all` started; answers the seconds until all were done."""

    async def all_done() -> bool:
        return await engine.done() >= count

    began = time.perf_counter()
    await by_clients(count, lambda number: engine.decide(f"{prefix}{number}"))
    await until(all_done)
    return time.perf_counter() - began


async def load(engine: Engine, count: int, samples: int, prefix: str = "load") -> Figures:
    """Rates with `count` approvals, latencies of `samples` events to an idle engine."""
    cpu = processes.cpu_seconds(engine.family())
    accepted, waiting = await start_all(engine, count, f"{prefix}-")
    done = await decide_all(engine, count, f"{prefix}-")
    cpu = processes.cpu_seconds(engine.family()) - cpu
    figures = Figures(count / waiting, count / accepted, count / done, cpu / count * 1000)
    for number in range(samples):
        await start_all(engine, 1, f"{prefix}-idle-{number}-")
        await asyncio.sleep(0.02 + random.random() * max(0.05, engine.jitter))
        figures.latencies.append(await event_to_done(engine, f"{prefix}-idle-{number}-0"))
    return figures


async def event_to_done(engine: Engine, instance: str) -> float:
    """Milliseconds from the sending of an event until its approval is done."""
    began = time.perf_counter()
    await engine.decide(instance)
    await engine.wait_done(instance)
    return (time.perf_counter() - began) * 1000


async def fill(engine: Engine, count: int) -> Crowd:
    """Have so many wait, and look at the engine then."""
    _, seconds = await start_all(engine, count, "fill-")
    await asyncio.sleep(4)
    resident, proportional = processes.memory(engine.family())
    idle = processes.cpu_seconds(engine.family())
    await asyncio.sleep(4)
    idle = (processes.cpu_seconds(engine.family()) - idle) / 4
    events = [await event_to_done(engine, f"fill-{number}") for number in range(min(9, count - 1))]
    return Crowd(count, count / seconds, resident, proportional, idle, median(events), f"fill-{count - 1}")
