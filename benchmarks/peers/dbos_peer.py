"""DBOS Transact on SQLite, as it comes: a rollback journal, synchronous=FULL, waiters polled each second."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import sqlalchemy  # type: ignore[import-not-found, unused-ignore]
from dbos import DBOS, SetWorkflowID  # type: ignore[import-not-found, unused-ignore]

from benchmarks import processes
from benchmarks.measuring import DECISION, PROPOSAL, result, until
from benchmarks.peers import embedded


@DBOS.step()  # type: ignore[untyped-decorator, unused-ignore]
async def step(number: int) -> dict[str, Any]:
    """One unit of work."""
    return result(number)


@DBOS.workflow()  # type: ignore[untyped-decorator, unused-ignore]
async def approval(proposal: dict[str, Any]) -> dict[str, Any]:
    """One approval; the timer is the time-out of its wait."""
    for number in range(3):
        await step(number)
    await asyncio.gather(*(step(10 + number) for number in range(3)))
    decision = await DBOS.recv_async("decision", timeout_seconds=5 * 86400)
    for number in range(2):
        await step(20 + number)
    return {"decision": decision["decision"]}


class Dbos:
    """The library under load; what waits is in its map of waiters, what is done in its table."""

    jitter = 1.0
    waited = ended = 0

    async def open(self, folder: Path) -> None:
        configuration = {"name": "benchmark", "system_database_url": f"sqlite:///{folder}/dbos.sqlite", "log_level": "ERROR"}
        self.dbos: Any = DBOS(config={**configuration, "enable_otlp": False, "application_version": "1"})
        DBOS.launch()

    async def begin(self) -> None:
        self.waited, self.ended = len(self._waiters()), self._successes()

    async def start(self, instance: str) -> None:
        with SetWorkflowID(instance):
            await DBOS.start_workflow_async(approval, PROPOSAL)

    async def decide(self, instance: str) -> None:
        await DBOS.send_async(instance, DECISION, topic="decision")

    async def waiting(self) -> int:
        return len(self._waiters()) - self.waited

    async def done(self) -> int:
        return self._successes() - self.ended

    async def wait_done(self, instance: str) -> None:
        async def is_done() -> bool:
            return bool((await DBOS.get_workflow_status_async(instance)).status == "SUCCESS")

        await until(is_done, pause=0.003)

    def family(self) -> list[int]:
        return processes.family(os.getpid())

    def _waiters(self) -> Any:
        return self.dbos._sys_db.notifications_map.snapshot()

    def _successes(self) -> int:
        query = sqlalchemy.text("SELECT count(*) FROM workflow_status WHERE status = 'SUCCESS'")
        with self.dbos._sys_db.engine.connect() as connection:
            return int(connection.execute(query).scalar())


if __name__ == "__main__":
    embedded.serve(Dbos(), sys.argv[1:])
