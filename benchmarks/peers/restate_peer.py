"""Restate: its server, as it comes (a log and RocksDB, fsync), and one worker of a Python service beside it."""

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import aiohttp

from benchmarks import processes
from benchmarks.host_under_load import ROOT, free_port
from benchmarks.measuring import CLIENTS, DECISION, PROPOSAL, until
from benchmarks.peers.installing import restate_server
from benchmarks.requests import Poster


class Restate:
    """Server and service, in processes of their own, on a folder. `again`: the folder is that of one that was killed.

    `many`: waiting approvals leave their place soon. At most 1,000 are held at a time, each for a minute unless told otherwise.
    """

    jitter = 0.0

    def __init__(self, installed: Path, folder: Path, many: bool, again: bool = False) -> None:
        self.installed, self.folder, self.many, self.again = installed, folder, many, again
        self.ingress, self.admin, self.node, self.service = (free_port() for _ in range(4))
        if again:  # the server knows the service by its address
            self.service = int((folder / "service").read_text())
        else:
            (folder / "service").write_text(str(self.service))

    async def __aenter__(self) -> Self:
        environment = {
            **os.environ,
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{self.ingress}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{self.admin}",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{self.node}",
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_BASE_DIR": str(self.folder / "data"),
            "RESTATE_NODE_NAME": "one",
            "RESTATE_LOG_FILTER": "error",
            **({"RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT": "1s"} if self.many else {}),
        }
        hypercorn = [str(self.installed / "bin/hypercorn"), "benchmarks.peers.restate_service:app", "-b", f"127.0.0.1:{self.service}"]
        self.processes = [
            self._run(environment, str(restate_server(self.installed)), "--no-logo"),
            self._run(environment, *hypercorn, "-k", "uvloop", "--log-level", "ERROR"),
        ]
        self.poster = Poster(f"http://127.0.0.1:{self.ingress}")
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2 * CLIENTS))
        await until(self._answers, 60)
        if not self.again:
            await until(self._registered, 60, 0.2)
            await asyncio.sleep(2)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.poster.close()
        await self.session.close()
        for process in reversed(self.processes):
            processes.end(process)

    def _run(self, environment: dict[str, str], *command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)

    async def _answers(self) -> bool:
        if ended := [process.returncode for process in self.processes if process.poll() is not None]:
            raise RuntimeError(f"server or service ended with {ended[0]}")
        try:
            async with self.session.get(f"http://127.0.0.1:{self.admin}/health") as health:
                await self._counts()
                return health.status == 200
        except aiohttp.ClientError:
            return False

    async def _registered(self) -> bool:
        body = {"uri": f"http://127.0.0.1:{self.service}"}
        async with self.session.post(f"http://127.0.0.1:{self.admin}/deployments", json=body) as response:
            return response.status in (200, 201)

    async def begin(self) -> None:
        await self._counts("POST")

    async def start(self, instance: str) -> None:
        await self._post(f"approval/{instance}/run/send", PROPOSAL)

    async def decide(self, instance: str) -> None:
        await self._post(f"approval/{instance}/decide/send", DECISION)

    async def waiting(self) -> int:
        return await self._count("waiting")

    async def done(self) -> int:
        return await self._count("done")

    async def wait_done(self, instance: str) -> None:
        async with self.session.get(f"http://127.0.0.1:{self.ingress}/restate/workflow/approval/{instance}/attach") as response:
            assert response.status == 200, await response.text()

    def family(self) -> list[int]:
        return processes.family(*(process.pid for process in self.processes))

    def kill(self) -> None:
        """All processes of both, at once."""
        for process in self.processes:
            os.kill(process.pid, signal.SIGSTOP)  # so that neither sees the other's end
        for process in self.processes:
            processes.end(process, signal.SIGKILL)

    async def _post(self, path: str, body: Any) -> None:
        """A request that must be accepted; after a crash, until it is."""
        limit = time.monotonic() + 120
        while True:
            try:
                status, answer = await self.poster.post(path, body)
                if status < 300:
                    return
                trouble = f"{status} {answer.decode(errors='replace')}"
            except OSError as error:
                trouble = str(error)
            if not self.again or time.monotonic() > limit:
                raise RuntimeError(trouble)
            await asyncio.sleep(0.02)

    async def _count(self, what: str) -> int:
        try:
            return (await self._counts())[what]
        except (aiohttp.ClientError, TimeoutError):  # under 10,000 approvals the service takes no connection for a while
            return 0

    async def _counts(self, method: str = "GET") -> dict[str, int]:
        async with self.session.request(method, f"http://127.0.0.1:{self.service}/counts") as response:
            counts: dict[str, int] = await response.json(content_type=None)
            return counts
