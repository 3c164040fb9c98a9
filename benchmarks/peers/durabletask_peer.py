"""Microsoft's durabletask, a Python worker over gRPC, on its in-memory backend: nothing is durable."""

import asyncio
import logging
import os
import sys
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

from durabletask import client, task, worker  # type: ignore[import-not-found, unused-ignore]
from durabletask.testing import create_test_backend  # type: ignore[import-not-found, unused-ignore]

from benchmarks import measuring, processes
from benchmarks.measuring import DECISION, PROPOSAL
from benchmarks.peers import embedded

WAITS: set[str] = set()
DONE: set[str] = set()


def step(_: Any, number: int) -> dict[str, Any]:
    """One unit of work."""
    return measuring.result(number)


def approval(context: Any, _: Any) -> Generator[Any, Any, dict[str, Any]]:
    """One approval."""
    for number in range(3):
        yield context.call_activity(step, input=number)
    yield task.when_all([context.call_activity(step, input=10 + number) for number in range(3)])
    decision = context.wait_for_external_event("decision")
    limit = context.create_timer(timedelta(days=5))
    WAITS.add(context.instance_id)
    yield task.when_any([decision, limit])
    for number in range(2):
        yield context.call_activity(step, input=20 + number)
    DONE.add(context.instance_id)
    return {"decision": decision.get_result()["decision"]}


class DurableTask:
    """The library under load; what waits and what is done is counted by the orchestrator itself."""

    jitter = 0.0

    async def open(self, folder: Path) -> None:
        port = 20000 + os.getpid() % 10000
        silent = logging.getLogger("silent")
        silent.setLevel(logging.CRITICAL)
        self.backend = create_test_backend(port=port, max_history_size=100_000)
        self.backend.start()
        options = worker.ConcurrencyOptions(maximum_thread_pool_workers=16)
        self.worker = worker.TaskHubGrpcWorker(host_address=f"127.0.0.1:{port}", logger=silent, concurrency_options=options)
        self.worker.add_orchestrator(approval)
        self.worker.add_activity(step)
        self.worker.start()
        self.client = client.AsyncTaskHubGrpcClient(host_address=f"127.0.0.1:{port}", logger=silent)
        await asyncio.sleep(1.5)  # without a pause and a first instance of its own it hangs now and then
        await measuring.start_all(self, 1, "warm-")
        await measuring.event_to_done(self, "warm-0")

    async def begin(self) -> None:
        WAITS.clear()
        DONE.clear()

    async def start(self, instance: str) -> None:
        await self.client.schedule_new_orchestration("approval", input=PROPOSAL, instance_id=instance)

    async def decide(self, instance: str) -> None:
        await self.client.raise_orchestration_event(instance, "decision", data=DECISION)

    async def waiting(self) -> int:
        return len(WAITS)

    async def done(self) -> int:
        return len(DONE)

    async def wait_done(self, instance: str) -> None:
        await self.client.wait_for_orchestration_completion(instance, timeout=60)

    def family(self) -> list[int]:
        return processes.family(os.getpid())


if __name__ == "__main__":
    embedded.serve(DurableTask(), sys.argv[1:])
