"""No worker processes: the app is loaded in this process. For tests on virtual time and for debuggers."""

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from standalone.contracts import Clock, FunctionFailed, FunctionInfo, HttpAnswer, HttpCall, TimerCall, Whereabouts
from standalone.engine.decisions import Known
from standalone.engine.messages import Answered, Call, Load
from standalone.workers import loading, sdk
from standalone.workers.binding import client_binding
from standalone.workers.functions import Functions
from standalone.workers.sleeping import VirtualSleep
from standalone.workers.stage import Stage


class InProcessWorkers:
    """One worker, this process. What loading the app changed in it (modules, path, environment, the SDK's session) is undone by `stop`."""

    def __init__(
        self,
        app_dir: Path,
        *,
        clock: Clock,
        binding_base_url: str,
        public_base_url: str = "",
        public_query: str = "",
        environment: Mapping[str, str] | None = None,
        task_hub: str = "standalone",
        function_timeout: timedelta | None = None,
    ) -> None:
        self.app_dir, self.clock = Path(app_dir).resolve(), clock
        self.environment = dict(environment or {})
        self.binding = client_binding(binding_base_url, task_hub, public_base_url, public_query)
        self.timeout = function_timeout
        self._receive: Callable[[int, Any], None] = _nobody
        self._changed: Callable[[], None] = lambda: None
        self._undo = ExitStack()
        self._calls = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def start(self) -> Sequence[FunctionInfo]:
        """Load the app. Raises AppDoesNotLoad."""
        try:
            self._undo.enter_context(loading.kept_modules(self.app_dir))
            self._undo.enter_context(environment(self.environment))
            self._undo.enter_context(sdk.adjusted())
            self.sleep = self._undo.enter_context(VirtualSleep(self.clock, self._parked))
            self.functions = Functions(self.app_dir, self.binding, timeout=self.timeout)
        except BaseException:
            self._undo.close()
            raise
        parked = self.sleep.parked if self.clock.virtual else None
        self.stage = Stage(self.functions, self.clock.now, self._emit, parked, lambda: self._changed())
        return self.functions.infos()

    async def stop(self) -> None:
        """Abandon what runs and forget the app."""
        await self.stage.close()
        await sdk.close_session()
        self._undo.close()

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
        number = next(self._calls)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self.stage.handle(Call(number, kind, function, argument))
        return await future

    def attach(
        self,
        receive: Callable[[int, Any], None],
        lost: Callable[[int, str, frozenset[int]], None],
        changed: Callable[[], None],
    ) -> None:
        """Who hears of messages from the worker, of its death (never), of activities that begin or end to sleep."""
        self._receive, self._changed = receive, changed

    def send(self, worker: int, message: Any) -> None:
        """A message for the worker."""
        self.stage.handle(message)

    def place(self, n: int) -> int:
        """The worker for an instance."""
        return 0

    def next_due(self) -> int | None:
        """When the first of them wakes, in microseconds since 1970."""
        return self.sleep.next_due()

    def known(self) -> Known:
        """The app's durable functions."""
        return self.functions.known

    def quiet(self, running: int) -> bool:
        """Does nothing run but what sleeps on the virtual clock? What runs for an instance that has ended counts too."""
        return not (self.stage.ready or self.stage.patient or self.stage.awake())

    def _parked(self) -> None:
        self.stage.look_again()
        self._changed()

    def _emit(self, message: Any) -> None:
        if type(message) is Answered:
            future = self._waiting.pop(message.number)
            if not future.done():
                if message.failure:
                    future.set_exception(FunctionFailed(*message.failure))
                else:
                    future.set_result(message.value)
        else:
            self._receive(0, message)


def _nobody(_worker: int, _message: Any) -> None:
    """Who hears of messages before an engine is attached."""


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables, for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    if "TZ" in values:
        time.tzset()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if "TZ" in values:
            time.tzset()
