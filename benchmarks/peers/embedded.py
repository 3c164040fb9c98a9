"""Peers that are a library: engine, workers and clients in one process, which this module is to both ends of.

PEER/bin/python -m benchmarks.peers.dbos_peer load 500 30 FOLDER      prints Figures
… fill 1000 FOLDER                                                    prints a Crowd, and waits for its end
… recover INSTANCE FOLDER                                             prints "ready", and "done" when the instance is
"""

import asyncio
import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from benchmarks import processes
from benchmarks.measuring import Crowd, Engine, Figures, event_to_done, fill, load

ROOT = Path(__file__).parents[2]


class Library(Engine, Protocol):
    """An engine in this process."""

    async def open(self, folder: Path) -> None:
        """Start it, with its state in the folder."""


def serve(library: Library, arguments: list[str]) -> None:
    """The process with the engine."""
    asyncio.run(_serve(library, *arguments))
    os._exit(0)  # its threads are not waited for


async def _serve(library: Library, mode: str, *arguments: str) -> None:
    await library.open(Path(arguments[-1]))
    if mode == "load":
        _say(asdict(await load(library, int(arguments[0]), int(arguments[1]))))
    elif mode == "fill":
        _say(asdict(await fill(library, int(arguments[0]))))
        await asyncio.sleep(3600)
    elif mode == "recover":
        _say("ready")
        await event_to_done(library, arguments[0])
        _say("done")


def _say(found: Any) -> None:
    print(f"FOUND {json.dumps(found)}", flush=True)


class EmbeddedPeer:
    """Such a peer, seen from the benchmark."""

    def __init__(self, module: str, python: Path, cache: Path, durable: bool) -> None:
        self.module, self.python, self.cache, self.durable = module, python, cache, durable

    async def rates(self, instances: int, samples: int) -> Figures:
        """One run, in a fresh folder."""
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            process = self._run("load", instances, samples, folder)
            try:
                return Figures(**self._answer(process))
            finally:
                processes.end(process, signal.SIGKILL)

    async def crowd(self, waiting: int) -> Crowd:
        """Many that wait, kill -9, and an event after it."""
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            process = self._run("fill", waiting, folder)
            try:
                found = Crowd(**self._answer(process))
            finally:
                processes.end(process, signal.SIGKILL)
            if self.durable:
                began = time.perf_counter()
                process = self._run("recover", found.last, folder)
                try:
                    self._answer(process)
                    found.ready = time.perf_counter() - began
                    self._answer(process)
                    found.recovered = time.perf_counter() - began
                finally:
                    processes.end(process, signal.SIGKILL)
        return found

    def _run(self, *arguments: object) -> "subprocess.Popen[str]":
        command = [str(self.python), "-m", self.module, *map(str, arguments)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    @staticmethod
    def _answer(process: "subprocess.Popen[str]") -> Any:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("FOUND "):
                return json.loads(line.removeprefix("FOUND "))
        raise RuntimeError(f"its process ended with {process.wait()}")
