"""The host: store, clock, engine, workers, server, timers and mailbox, put together. In its own process, or within a test.

`async with Host(app_dir, state_dir, virtual=True) as host:` then `host.url` answers, and `await host.advance(timedelta(days=3))` skips.
"""

import asyncio
import contextlib
import errno
import fcntl
import functools
import json
import logging
import os
import random
import signal
import socket
import sqlite3
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote_plus

from aiohttp import web

from standalone import admission, configuration, durable_api, server, workers
from standalone.clock import HostClock
from standalone.contracts import ALLOW_LIST, AppDoesNotLoad, FunctionInfo, StoreFailed
from standalone.cors import Cors, CorsWrong, policy
from standalone.durable_api import DurableApi
from standalone.engine import Engine, EngineSettings
from standalone.keys import Keys
from standalone.mailbox import Mailbox
from standalone.routes import RouteTable, RouteWrong
from standalone.schedule import ScheduleWrong
from standalone.server import Server, is_local, protocol_log
from standalone.small_files import overwrite
from standalone.throttle import Throttle
from standalone.timers import TimerFunctions, zone_of

if TYPE_CHECKING:
    from standalone.pages import Pages

log = logging.getLogger("standalone")

DEFAULT_PORT = 7071  # Core Tools' own
LONGEST_GOODBYE = 5.0
"""Seconds that requests under way get to end when the host stops."""


class HostRefuses(Exception):
    """The host cannot start here: the port or the state folder is in use, or a file is wrong. The message is one clear line."""


class Host:
    """One app on one machine.

    `workers=0` runs the app in this process. `virtual`: time stands until `advance`. `settings` are added to the app's
    environment. `port` and `smtp_port` 0: any free one. None for `address`, `port`, `cors` and `cors_credentials`: as the section
    `Host` of local.settings.json has it, else 127.0.0.1, 7071, no origins. `keys`: ask for them on loopback too. Without `fsync` a
    crash of the machine may lose what was acknowledged; a crash of the process loses nothing.
    """

    def __init__(
        self,
        app_dir: Path,
        state_dir: Path,
        *,
        address: str | None = "127.0.0.1",
        port: int | None = 0,
        cors: str | None = None,
        cors_credentials: bool | None = None,
        keys: bool = False,
        smtp_port: int = 0,
        workers: int = 0,
        virtual: bool = False,
        start: datetime | None = None,
        settings: Mapping[str, str] | None = None,
        fsync: bool = True,
        engine_settings: EngineSettings | None = None,
    ) -> None:
        self.app_dir = Path(app_dir).resolve()
        self.state_dir = Path(state_dir).resolve()
        self.address = "127.0.0.1"
        self.port = DEFAULT_PORT
        self.loopback = True
        self.cors = Cors()
        self.throttle = Throttle(None, None)
        self.ready = False
        self.functions: Sequence[FunctionInfo] = ()
        self.keys: Keys | None = None
        self.configuration = configuration.Configuration(configuration.HostSettings())
        self._wanted = (address, port, cors, cors_credentials)
        self._keys_wanted = keys
        self._smtp_port = smtp_port
        self._workers_wanted = workers
        self._virtual = virtual
        self._begins = start
        self._settings = dict(settings or {})
        self._synchronous = "FULL" if fsync else "OFF"
        self._engine_settings = engine_settings
        self._skipping = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException as error:
            await self._stack.aclose()
            if isinstance(error, OSError | sqlite3.Error):
                raise HostRefuses(f"the state folder {self.state_dir} cannot be used: {_in_short(error)}") from error
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._public.cleanup()  # first: what is under way still needs the engine
        self.ready = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def _start(self) -> None:
        """Bring everything up, in the order in which the parts need one another. Raises HostRefuses, AppDoesNotLoad."""
        if not self.app_dir.is_dir():
            raise HostRefuses(f"{self.app_dir} is no folder")
        self._own_state_folder()
        try:
            self._configure()
        except (configuration.ConfigurationWrong, CorsWrong) as error:
            raise HostRefuses(str(error)) from None
        self.clock = HostClock(virtual=self._virtual, start=self._begins or self._kept_time(), offset=self._kept_offset())
        self.mailbox = Mailbox(self.state_dir / "mail.sqlite", self.clock, self._smtp_port, synchronous=self._synchronous)
        try:
            await self.mailbox.start()
        except OSError as error:
            raise _cannot_listen(error, "127.0.0.1", self._smtp_port, "--smtp-port") from None
        self._stack.push_async_callback(self.mailbox.stop)
        public = self._bound(self.address, self.port)
        private = self._bound("127.0.0.1", 0)
        self.port = public.getsockname()[1]
        if self._keys_wanted or not self.loopback:
            self.keys = Keys(self.state_dir / "keys.json")
        self._public = await self._serve(public, private=False)
        await self._serve(private, private=True)
        await self._load(f"http://127.0.0.1:{private.getsockname()[1]}{durable_api.RPC}/")
        self._stack.callback(self._keep_time_at_the_end)
        self.ready = True
        self.timers.start_startup_runs()
        if not self._virtual:
            self.in_background(self.timers.keep_running())

    def _configure(self) -> None:
        """Read the app's files; what was given at the start wins. Raises ConfigurationWrong, CorsWrong."""
        self.configuration = configuration.read(self.app_dir, self._settings)
        address, port, origins, credentials = self._wanted
        said, told = self.configuration.local, self.configuration.host
        self.address = address or said.address or self.address
        self.port = port if port is not None else said.port or self.port
        self.loopback = is_local(self.address)
        self.cors = policy(
            said.cors if origins is None else origins, credentials=said.cors_credentials if credentials is None else credentials
        )
        self.throttle = Throttle(told.most_concurrent, told.most_outstanding)

    async def _load(self, rpc: str) -> None:
        """The app, and the engine over it."""
        task_hub = self.configuration.host.task_hub
        hub = f"taskHub={quote_plus(task_hub)}&connection={quote_plus(self.configuration.host.connection)}"
        environment = {**self._own_settings(), **self.configuration.values, "TZ": self._zone()}
        query = hub + (f"&code={self.keys.durable}" if self.keys else "")
        public = f"{self.url}{durable_api.PUBLIC}"
        if self._workers_wanted:
            self.workers: workers.ProcessWorkers | workers.InProcessWorkers = workers.ProcessWorkers(
                self.app_dir, self._workers_wanted, environment, clock=self.clock,
                binding_base_url=rpc, public_base_url=public, public_query=query, task_hub=task_hub,
                function_timeout=self.configuration.host.function_timeout,
            )  # fmt: skip
        else:
            self._stack.enter_context(self.clock.patch())
            self.workers = workers.InProcessWorkers(
                self.app_dir, environment=environment, clock=self.clock,
                binding_base_url=rpc, public_base_url=public, public_query=query, task_hub=task_hub,
                function_timeout=self.configuration.host.function_timeout,
            )  # fmt: skip
        self.functions = await self.workers.start()
        self._stack.push_async_callback(self.workers.stop)
        try:
            admission.check(self.functions, self.configuration.host.only_functions)
            self.routes = RouteTable(self.functions, self.configuration.host.route_prefix)
            kept = self.state_dir / "timers.json"
            self.timers = TimerFunctions(self.functions, self.configuration, self.clock, self.workers, kept, random.random)
        except (admission.FunctionWrong, RouteWrong, ScheduleWrong) as error:
            raise AppDoesNotLoad(str(error)) from None
        self._stack.push_async_callback(self.timers.stop)
        self._name_what_is_not_served()
        settings = self._engine_settings or EngineSettings(
            synchronous=self._synchronous,
            default_version=self.configuration.host.default_version,
            version_match=self.configuration.host.version_match,
            version_failure=self.configuration.host.version_failure,
            replaces_running=self.configuration.host.replaces_running,
        )
        self.engine = Engine(self.state_dir / "engine.sqlite", self.clock, self.workers, settings=settings)
        await self.engine.start()
        self._stack.push_async_callback(self.engine.stop)
        self.durable = DurableApi(self.engine, hub, public, self.keys.durable if self.keys else "")

    def _name_what_is_not_served(self) -> None:
        for line in admission.not_served(self.functions):
            log.warning("%s", line)
        for line in self.configuration.host.not_applied:
            log.warning("host.json: %s", line)
        for origin in self.cors.never_matching():
            log.warning(
                "CORS: %r is never what a browser sends: it takes the form https://example.com, without blanks or a slash behind", origin
            )
        for first, other in self.routes.surprises():
            log.warning(
                "/%s goes to %s; on Azure, where routes are tried in the order of the functions' names, %s (/%s) takes it",
                first.template.text, first.function.name, other.function.name, other.template.text,
            )  # fmt: skip

    def _own_settings(self) -> dict[str, str]:
        """What the app may want to know of where it runs."""
        return {
            "STANDALONE_PUBLIC_URL": self.url,
            "STANDALONE_STATE_DIR": str(self.state_dir),
            "STANDALONE_SMTP_HOST": "127.0.0.1",
            "STANDALONE_SMTP_PORT": str(self.mailbox.port),
            "AZURE_FUNCTIONS_ENVIRONMENT": os.environ.get("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
            "AzureWebJobsScriptRoot": str(self.app_dir),
            configuration.WORKER_RUNTIME: configuration.PYTHON,
            "WEBSITE_HOSTNAME": self.url.removeprefix("http://"),
            **{f"{ALLOW_LIST}{number}": name for number, name in enumerate(self.configuration.host.only_functions)},
        }

    def _zone(self) -> str:
        """The zone that the app's clock shows: that of its settings, else UTC as on Azure, whatever this machine's is."""
        try:
            return zone_of(self.configuration).key
        except ScheduleWrong:  # said where a schedule depends on it
            return "UTC"

    def _own_state_folder(self) -> None:
        """One process a state folder."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        lock = self._stack.enter_context((self.state_dir / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HostRefuses(f"another process uses the state folder {self.state_dir}: stop it, or name another with --state") from None

    def _bound(self, address: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((address, port))
        except OSError as error:
            bound.close()
            raise _cannot_listen(error, address, port, "--port") from None
        return bound

    async def _serve(self, bound: socket.socket, *, private: bool) -> web.AppRunner:
        half = LONGEST_GOODBYE / 2  # aiohttp waits as long again after it has asked handlers to end
        runner = web.AppRunner(
            Server(self, private=private).app, access_log=None, logger=protocol_log, shutdown_timeout=half, **server.AS_KESTREL
        )
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, bound).start()
        return runner

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it, and let it end with the host."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @functools.cached_property
    def pages(self) -> "Pages":
        """The host's own pages. Their template engine takes 2 MiB, which nobody misses who looks at none."""
        from standalone.pages import Pages

        return Pages(self)

    def kill_workers(self) -> None:
        """End the worker processes at once, whatever they do."""
        running = getattr(self, "workers", None)  # none before they are started
        if isinstance(running, workers.ProcessWorkers):
            for pid in running.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    @property
    def url(self) -> str:
        """Where the host is reached."""
        name = "localhost" if self.loopback else socket.gethostname() if self.address in ("0.0.0.0", "::") else self.address  # noqa: S104
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"

    def next_due(self) -> datetime | None:
        """When the next durable timer is due; without any, the next timer function."""
        return self.engine.next_due() or self.timers.next_due()

    async def settle(self) -> None:
        """Wait until nothing is left to do at the present time."""
        await self.engine.settle()

    async def advance(self, by: timedelta) -> None:
        """Skip `by`, stopping at whatever is due on the way: each durable timer, and timer functions up to four times a day."""
        async with self._skipping:
            target = self.clock.now() + by
            await self.settle()
            while (due := self.next_stop()) is not None and due < target:
                await self._jump(due)
            await self._jump(target)
            while (due := self.engine.next_due()) is not None and due <= target:  # of what timer functions began just now
                await self._jump(due)

    async def advance_to_next(self) -> datetime | None:
        """Skip to the next thing that is due, and answer when that was."""
        async with self._skipping:
            await self.settle()
            due = self.next_due()
            if due is not None:
                await self._jump(due)
            return due

    def next_stop(self) -> datetime | None:
        """Where `advance` stops next."""
        return min((due for due in (self.engine.next_due(), self.timers.next_stop()) if due is not None), default=None)

    async def _jump(self, instant: datetime) -> None:
        self.clock.move_to(instant)
        try:
            self._keep_time()  # before anything is stamped with it: a host that is killed now must not start earlier than its histories
        except OSError as error:
            raise StoreFailed(f"the clock cannot be kept: {_in_short(error)}") from error
        await self.engine.settle()
        await self.timers.run_due()
        await self.engine.settle()

    def _time_file(self) -> Path:
        return self.state_dir / "clock.json"

    def _keep_time(self) -> None:
        """What was skipped stays skipped after a restart."""
        kept = {"offset": self.clock.offset.total_seconds(), "now": self.clock.now().isoformat()}
        overwrite(self._time_file(), json.dumps(kept))

    def _keep_time_at_the_end(self) -> None:
        try:
            self._keep_time()
        except OSError as error:
            log.error("the clock could not be kept: %s", _in_short(error))

    def _kept(self) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads(self._time_file().read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none yet, or cut short by a crash: then time is the real one
            return {}
        return kept

    def _kept_offset(self) -> timedelta:
        return timedelta(0) if self._virtual else timedelta(seconds=self._kept().get("offset", 0.0))

    def _kept_time(self) -> datetime | None:
        kept = self._kept().get("now") if self._virtual else None
        return datetime.fromisoformat(kept) if kept else None


def _in_short(error: OSError | sqlite3.Error) -> str:
    """What went wrong with a file, in a few words."""
    if isinstance(error, OSError):
        return f"{error.strerror or error} ({Path(error.filename).name})" if error.filename else str(error.strerror or error)
    return str(error)


def _cannot_listen(error: OSError, address: str, port: int, option: str) -> HostRefuses:
    if error.errno == errno.EADDRINUSE:
        return HostRefuses(f"port {port} is in use: stop what listens there, or choose another with {option}")
    return HostRefuses(f"{address}, port {port} cannot be listened on: {error.strerror}")
