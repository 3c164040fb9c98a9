"""Standalone as it is run by anybody, `python -m standalone`, durable to the disk, with `approval_app`.

What has come to wait and what is done is counted in its file, read only. The clients' CPU time is not in the figures, though they run
on the same cores.
"""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import aiohttp

from benchmarks import processes
from benchmarks.measuring import DECISION, PROPOSAL, until
from benchmarks.requests import Poster

APP = Path(__file__).parent / "approval_app"
ROOT = Path(__file__).parents[1]
WAITS, DONE = ("Running", json.dumps("waits")), ("Completed", json.dumps("done"))


def free_port() -> int:
    """A port of this machine that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class RunningHost:
    """A host in processes of its own, on a state folder."""

    jitter = 0.0

    def __init__(self, state: Path, workers: int, plain_sdk: bool) -> None:
        self.state, self.workers = state, workers
        self.environment = {**os.environ, "STANDALONE_PLAIN_SDK": "1" if plain_sdk else "0"}
        self.before = 0

    async def __aenter__(self) -> Self:
        port = free_port()
        self.api = f"http://127.0.0.1:{port}/runtime/webhooks/durabletask"
        command = [sys.executable, "-m", "standalone", str(APP), "--port", str(port), "--state", str(self.state)]
        self.process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [*command, "--workers", str(self.workers)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.poster = Poster(self.api)
        async with aiohttp.ClientSession() as session:
            await until(lambda: self._answers(session), 60)
        self.file, self.watched = self._read(), self._read()
        return self

    def _read(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.state / 'engine.sqlite'}?mode=ro", uri=True, check_same_thread=False)

    async def __aexit__(self, *_: object) -> None:
        self.file.close()
        self.watched.close()
        self.poster.close()
        processes.end(self.process)

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the host ended with {self.process.returncode}")
        try:
            async with session.get(f"{self.api}/instances?top=1") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def begin(self) -> None:
        self.before = int(self.file.execute("SELECT coalesce(max(n), 0) FROM instances").fetchone()[0])

    async def start(self, instance: str) -> None:
        await self._post(f"orchestrators/approval/{instance}", PROPOSAL)

    async def decide(self, instance: str) -> None:
        await self._post(f"instances/{instance}/raiseEvent/decision", DECISION)

    async def waiting(self) -> int:
        return self._count(*WAITS)

    async def done(self) -> int:
        return self._count(*DONE)

    async def wait_done(self, instance: str) -> None:
        """Looks in a thread: the event loop sleeps for whole milliseconds."""

        def look() -> None:
            end = time.perf_counter() + 60
            while self.watched.execute("SELECT status, custom FROM instances WHERE id = ?", (instance,)).fetchone() != DONE:
                if time.perf_counter() > end:
                    raise TimeoutError(f"{instance} did not end")
                time.sleep(0.0002)

        await asyncio.to_thread(look)

    def family(self) -> list[int]:
        return processes.family(self.process.pid)

    def kill(self) -> None:
        """All its processes, at once."""
        processes.end(self.process, signal.SIGKILL)

    async def _post(self, path: str, body: Any) -> None:
        status, answer = await self.poster.post(path, body)
        assert status == 202, (status, answer)

    def _count(self, status: str, custom: str) -> int:
        # `+`: by number, not by the index of the status, which holds all that ever ended.
        query = "SELECT count(*) FROM instances WHERE n > ? AND +status = ? AND custom = ?"
        return int(self.file.execute(query, (self.before, status, custom)).fetchone()[0])
