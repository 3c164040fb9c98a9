"""Worker processes: each has the app loaded and is one end of a socket pair. One that dies is started again.

What ran in it is lost: its activities fail as they do on Azure ("python exited with code 137 (0x89)"), HTTP calls fail, and its
instances are seated elsewhere.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from standalone.contracts import AppDoesNotLoad, Clock, FunctionFailed, FunctionInfo, HttpAnswer, HttpCall, TimerCall, Whereabouts
from standalone.engine.decisions import Known
from standalone.engine.messages import Answered, Begin, Call, Load, Loaded, Time
from standalone.engine.orchestration import microseconds
from standalone.workers.binding import client_binding
from standalone.workers.frames import Channel
from standalone.workers.registry import known
from standalone.workers.underway import UnderWay, allocate

log = logging.getLogger("standalone.workers")

BOOT = """import signal, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: None)
root, path = sys.argv[1], list(sys.path)
sys.path.append(root)
try:
    from standalone.workers.child import main
except ImportError as error:
    sys.exit(f"{error}: {sys.executable} -m pip install 'azure-functions-durable<2'")
sys.path[:] = path
main()
"""
"""What lies beside this package is nothing to the app: a package `activities` there would hide the app's, where that has no `__init__.py`.
A terminal's Ctrl-C and a service manager's SIGTERM reach every process, and the main one decides when a worker ends. Nothing is done about
them, rather than that they are ignored: programs that the app starts would inherit that.
"""
ROOT = str(Path(__file__).resolve().parents[2])
LIVED_LONG = 10.0  # seconds after which a death is no sign that the next start will fail too
LONGEST_PAUSE = 30.0
LONGEST_GOODBYE = 2.0  # seconds for a worker to end by itself


def _nobody(*_: Any) -> None:
    """Who hears of messages and deaths before an engine is attached."""


class _Worker:
    """One process, one after the other under the same number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.calls: dict[int, asyncio.Future[Any]] = {}
        self.alive = False
        self.deaths = 0  # in a row
        self.process: asyncio.subprocess.Process | None = None
        self.started = 0.0
        self.under_way = UnderWay()
        self.channel: Channel
        self.loaded: asyncio.Future[Loaded]


class ProcessWorkers:
    """`count` worker processes with the app in `app_dir`. `environment` is added to ours; `threads`: for sync functions, per worker."""

    def __init__(
        self, app_dir: Path, count: int, environment: Mapping[str, str] | None = None, *,
        clock: Clock, binding_base_url: str, public_base_url: str = "", public_query: str = "", task_hub: str = "standalone",
        threads: int | None = None, function_timeout: timedelta | None = None,
    ) -> None:  # fmt: skip
        self.app_dir, self.count, self.clock = Path(app_dir).resolve(), max(1, count), clock
        self.environment = {**os.environ, **(environment or {})}
        self.binding, self.threads = client_binding(binding_base_url, task_hub, public_base_url, public_query), threads
        self.timeout = function_timeout
        self._workers = [_Worker(number) for number in range(self.count)]
        self._numbers = itertools.count(1)
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._receive: Callable[[int, Any], None] = _nobody
        self._lost: Callable[[int, str, frozenset[int]], None] = _nobody

    async def start(self) -> Sequence[FunctionInfo]:
        """Start them all and load the app in each. Raises AppDoesNotLoad."""
        self.clock.on_move(self._tell_time)
        try:
            for worker in self._workers:
                self._new_channel(worker)
            loaded = await asyncio.gather(*(self._begin(worker) for worker in self._workers))
        except BaseException:  # the app does not load, or nobody wants it any more
            await self.stop()
            raise
        self._known = known(loaded[0].functions)
        return loaded[0].functions

    async def stop(self) -> None:
        """End every process; what it ran is abandoned."""
        self._stopping = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*(self._end(worker) for worker in self._workers))

    def _new_channel(self, worker: _Worker) -> None:
        """A channel for the next process under this number; it keeps what is said until that is there."""
        worker.channel = Channel(lambda message: self._hear(worker, message), lambda: self._died(worker))

    async def _begin(self, worker: _Worker) -> Loaded:
        """Start a process, tell it to load the app, wait for its word."""
        ours, theirs = socket.socketpair()
        memory = allocate()
        worker.loaded, worker.under_way = asyncio.get_running_loop().create_future(), UnderWay(memory)
        handed = [theirs.fileno(), memory]
        try:
            worker.process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", BOOT, ROOT, *map(str, handed), pass_fds=handed, env=self.environment, cwd=self.app_dir
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(memory)
        worker.started = time.monotonic()
        worker.channel.send_first(Begin(str(self.app_dir), self.binding, self.threads, self.timeout, self._time()))
        await worker.channel.connect(ours)
        told = await worker.loaded
        if told.trouble is not None:
            raise AppDoesNotLoad(told.trouble)
        worker.alive = True
        return told

    async def _end(self, worker: _Worker) -> None:
        if worker.process is None:
            return
        await worker.channel.close()
        try:
            await asyncio.wait_for(worker.process.wait(), LONGEST_GOODBYE if worker.alive else 0)  # one that loads has nothing to lose
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                worker.process.kill()
            await worker.process.wait()
        self._fail_calls(worker, "the host stopped")

    def _died(self, worker: _Worker) -> None:
        """The process is gone. Its instances go elsewhere, and another process takes its number."""
        worker.alive = False
        if not self._stopping:
            task = asyncio.get_running_loop().create_task(self._replace(worker) if worker.loaded.done() else self._never_loaded(worker))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _ended(worker: _Worker) -> str:
        """How the process came to its end, in the words of the Functions host."""
        assert worker.process is not None
        code = await worker.process.wait()
        code = 128 - code if code < 0 else code
        return f"python exited with code {code} (0x{code:02x})"

    async def _never_loaded(self, worker: _Worker) -> None:
        why = await self._ended(worker)
        if not worker.loaded.done():
            worker.loaded.set_exception(AppDoesNotLoad(f"The app does not load: while it was imported, {why}"))

    async def _replace(self, worker: _Worker) -> None:
        why = await self._ended(worker)
        log.error("Worker %d: %s. Another one is started.", worker.number, why)
        self._fail_calls(worker, why)
        self._new_channel(worker)  # what was said since it died was for its instances, and went with it
        self._lost(worker.number, why, worker.under_way.seen())
        worker.deaths = 0 if time.monotonic() - worker.started > LIVED_LONG else worker.deaths + 1
        while not self._stopping:
            await asyncio.sleep(min(LONGEST_PAUSE, 2.0 ** (worker.deaths - 2)) if worker.deaths > 1 else 0)
            try:
                await self._begin(worker)
                return
            except (AppDoesNotLoad, OSError) as trouble:  # no process to be had, say
                log.error("Worker %d: %s", worker.number, trouble)
                worker.deaths += 1
                self._fail_calls(worker, str(trouble))
                await worker.channel.close()
                self._new_channel(worker)
                self._lost(worker.number, "", frozenset())

    async def call_http(self, function: str, call: HttpCall) -> HttpAnswer:
        """Run an HTTP function. Raises FunctionFailed."""
        answer: HttpAnswer = await self._call("http", function, call)
        return answer

    async def call_timer(self, function: str, call: TimerCall) -> None:
        """Run a timer function once. Raises FunctionFailed."""
        await self._call("timer", function, call)

    async def inspect(self, load: Load) -> Whereabouts:
        """Where an instance stands. Raises FunctionFailed."""
        found: Whereabouts = await self._call("inspect", "", load)
        return found

    async def _call(self, kind: str, function: str, argument: Any) -> Any:
        alive = [worker for worker in self._workers if worker.alive] or self._workers
        worker = min(alive, key=lambda each: len(each.calls))
        number = next(self._numbers)
        future = worker.calls[number] = asyncio.get_running_loop().create_future()
        worker.channel.send(Call(number, kind, function, argument))
        try:
            return await future
        finally:
            worker.calls.pop(number, None)

    @staticmethod
    def _fail_calls(worker: _Worker, why: str) -> None:
        for future in worker.calls.values():
            if not future.done():
                future.set_exception(FunctionFailed(why))

    def attach(
        self,
        receive: Callable[[int, Any], None],
        lost: Callable[[int, str, frozenset[int]], None],
        changed: Callable[[], None],
    ) -> None:
        """Who hears of messages and of deaths. Nothing parks here: activities sleep in real time."""
        self._receive, self._lost = receive, lost

    def send(self, worker: int, message: Any) -> None:
        """A message for a worker; kept while it starts."""
        self._workers[worker].channel.send(message)

    def place(self, n: int) -> int:
        """The worker for an instance: by its number, among those that live."""
        if self._workers[n % self.count].alive:
            return n % self.count
        alive = [worker.number for worker in self._workers if worker.alive]
        return alive[n % len(alive)] if alive else n % self.count

    def next_due(self) -> int | None:
        """Nothing parks."""
        return None

    def known(self) -> Known:
        """The app's durable functions."""
        return self._known

    def quiet(self, running: int) -> bool:
        """Activities sleep in real time: an open one is under way."""
        return running == 0

    def pids(self) -> Sequence[int]:
        """The processes, for tests that kill and for status pages."""
        return [worker.process.pid for worker in self._workers if worker.process is not None]

    def _hear(self, worker: _Worker, message: Any) -> None:
        if type(message) is Answered:
            future = worker.calls.get(message.number)
            if future is None or future.done():
                return
            if message.failure:
                future.set_exception(FunctionFailed(*message.failure))
            else:
                future.set_result(message.value)
        elif type(message) is Loaded:
            worker.loaded.set_result(message)
        else:
            self._receive(worker.number, message)

    def _time(self) -> Time:
        if self.clock.virtual:
            return Time(microseconds(self.clock.now()), True)
        return Time(self.clock.offset // timedelta(microseconds=1), False)

    def _tell_time(self) -> None:
        told = self._time()
        for worker in self._workers:
            if worker.process is not None:
                worker.channel.send(told)
