"""A host for tests that are not async: the app runs on an event loop in a thread of its own, and every call here waits for it.

Time is virtual. Each verb returns when the app has come to rest: nothing is left to do until time passes or somebody does something.
So a test needs no polling and no sleep, and what it sees is the same each time. An async test may call all of it too; it blocks the
test's loop, never the host's.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack

import aiohttp
from yarl import URL

from standalone.contracts import FunctionUnknown, InstanceQuery, InstanceStatus
from standalone.host import Host, HostRefuses
from standalone.mailbox import Letter
from standalone.testing.busy import whereabouts
from standalone.testing.instances import Entity, Instance, explained
from standalone.workers import InProcessWorkers

T = TypeVar("T")

LONGEST_START = 60.0
"""Seconds of real time that the app gets to be imported, at least."""

LONGEST_GOODBYE = 15.0
"""Seconds that the host gets to stop."""

INSTANCES_TOLD = 3
"""How many instances `explain` tells of."""

_in_this_process = threading.Lock()
"""Held by the host that runs its app in this process: modules, environment and wall clock are changed for one app at a time."""


class NotAtRest(AssertionError):
    """The app has not come to rest for many seconds of real time. The message says on which lines of its it is."""


@dataclass(frozen=True)
class Response:
    """An HTTP answer."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.content)


class RequestOptions(TypedDict, total=False):
    """What goes with a request: JSON, or raw `data`, or a mapping as `data`, which is sent as a form."""

    json: object
    data: bytes | str | Mapping[str, str]
    params: Mapping[str, str]
    headers: Mapping[str, str]
    follow_redirects: bool


class DurableHost:
    """A started app, while the context is entered.

    `app`: its folder. `state`: a folder for the host's state; an empty one begins anew. `start`: the first instant, the present one by
    default. `settings` win over the environment and local.settings.json. `workers`: processes for the app; 0 runs it in this one, where
    a test can replace parts of it. `timeout`: seconds of real time after which a call fails because the app does not come to rest.
    """

    def __init__(
        self,
        app: Path | str,
        state: Path | str,
        *,
        start: datetime | None = None,
        settings: Mapping[str, str] | None = None,
        workers: int = 0,
        timeout: float = 60.0,
    ) -> None:
        self._app, self._state = Path(app), Path(state)
        self._start, self._settings, self._workers, self._timeout = start, dict(settings or {}), workers, timeout

    def __repr__(self) -> str:
        return f"<DurableHost of {self._app.resolve().name}>"

    def __enter__(self) -> Self:
        if not self._workers and not _in_this_process.acquire(blocking=False):
            raise HostRefuses("another host runs its app in this process: stop it first, or run one of them with workers=1")
        try:
            self._up()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._down()
        finally:
            self._release()

    def restart(self, app: Path | str | None = None) -> None:
        """Stop the host and start it on what it has kept, with the app loaded anew: a deployment, of the app in `app` if it is given."""
        self._down()
        self._app = Path(app or self._app)
        self._up()

    @property
    def url(self) -> str:
        """Where the app answers, for an HTTP client of the test's own; after a call of that, `settle`."""
        return self.host.url

    @property
    def now(self) -> datetime:
        """The host's time, aware UTC; `datetime.now(UTC)` tells the same where the app runs in this process."""
        return self.host.clock.now()

    def start(
        self, orchestrator: str, client_input: object = None, *, instance_id: str | None = None, version: str | None = None
    ) -> Instance:
        """Start an orchestration as the SDK's client does, and let it go as far as it comes. Raises InstanceExists."""
        text = None if client_input is None else json.dumps(json.dumps(client_input))
        return Instance(self, self.do(self.host.engine.start_instance(orchestrator, text, instance_id, version)))

    def instance(self, instance_id: str) -> Instance:
        """One that the app has started, or will start."""
        return Instance(self, instance_id)

    def instances(self, orchestrator: str | None = None) -> Sequence[Instance]:
        """All there are, oldest first; of one orchestrator, if it is named."""
        return [Instance(self, each.instance_id) for each in self.run(self._statuses(orchestrator))]

    def entity(self, name: str, key: str) -> Entity:
        """An entity, whether it has a state or not."""
        return Entity(self, name, key)

    def advance(self, by: timedelta = timedelta(0), *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass, and everything happen that is due on the way. Raises ValueError for less than nothing."""
        by += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if by < timedelta(0):
            raise ValueError(f"time does not go back: on this host it is {self.now}")
        self.run(self.host.advance(by))

    def advance_to(self, instant: datetime) -> None:
        """Let time pass until then. Raises ValueError for what is past."""
        self.advance(instant - self.now)

    def advance_to_next(self) -> datetime | None:
        """Skip to the next thing due, and answer when that was; None when nothing is."""
        return self.run(self.host.advance_to_next())

    def settle(self) -> None:
        """Wait until the app is at rest; needed only after what these methods have not done."""
        self.run(self.host.settle())

    def run_timer(self, function: str) -> None:
        """Run a timer function now. Raises FunctionFailed, FunctionUnknown. Retries after a pause come as time passes."""
        known = [each.name for each in self.host.functions if each.kind == "timer"]
        if function.casefold() not in map(str.casefold, known):
            raise FunctionUnknown(f"the app has no timer function {function!r}; it has: {', '.join(known) or 'none'}")
        self.do(self.host.timers.call(function, through_pauses=False))

    def mails(self, to: str = "") -> Sequence[Letter]:
        """What the app has sent over SMTP, newest first; to one address, if it is given."""

        async def listing() -> Sequence[Letter]:
            return self.host.mailbox.list(to=to)

        return self.run(listing())

    def replace_activity(self, name: str, call: Callable[[Any], Any]) -> None:
        """Have `call` be the activity from now on, until the host stops or is started anew: it gets the payload and gives the result.

        A function or an `async` one, a `unittest.mock.Mock`; what it raises fails the activity. Raises FunctionUnknown.
        """
        if not isinstance(self.host.workers, InProcessWorkers):
            raise HostRefuses("the app runs in processes of its own, where nothing can be replaced: use workers=0")
        self.host.workers.functions.replace_activity(name, call)

    def get(self, path: str, **options: Unpack[RequestOptions]) -> Response:
        """`request` with GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Unpack[RequestOptions]) -> Response:
        """`request` with POST."""
        return self.request("POST", path, **options)

    def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Response:
        """Call the app (`/api/orders`, or a whole URL, as from a mail), and let it go as far as it comes."""
        return self.do(self._request(method, path, options))

    def explain(self) -> str:
        """Where the orchestrations stand, those that have not completed first."""
        return self.run(self._explained())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` on the host's loop: for what is not here, as in `run(durable_host.host.engine.query(…))`. Raises NotAtRest."""
        __tracebackhide__ = True
        self._admit(work)
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return self._result(future, self._timeout, "the app has not come to rest")
        finally:
            future.cancel()  # nothing, if it is done

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """The same, and then wait until the app is at rest."""
        __tracebackhide__ = True
        self._admit(work)

        async def doing() -> T:
            result = await work
            await self.host.settle()
            return result

        return self.run(doing())

    def _admit(self, work: Coroutine[Any, Any, T]) -> None:
        """Refuse what would wait for ever."""
        if self._over.done() or threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("the host has stopped" if self._over.done() else "the app's own event loop cannot wait for itself")

    async def _request(self, method: str, path: str, options: RequestOptions) -> Response:
        given: dict[str, Any] = {**options}
        follow = given.pop("follow_redirects", False)
        async with self._http.request(method, URL(self.host.url).join(URL(path)), allow_redirects=follow, **given) as answer:
            return Response(answer.status, answer.headers, await answer.read())

    async def _explained(self) -> str:
        instances = await self._statuses(None)
        unclear = [each.instance_id for each in instances if each.runtime_status != "Completed"]
        completed = [each.instance_id for each in instances if each.runtime_status == "Completed"]
        shown, left = (unclear + completed)[:INSTANCES_TOLD], (unclear + completed)[INSTANCES_TOLD:]
        told = [await explained(self.host, each) for each in shown]
        return "\n\n".join([*told, f"{len(left)} more are not told of."] if left else told) or "There are none."

    async def _statuses(self, orchestrator: str | None) -> Sequence[InstanceStatus]:
        found: list[InstanceStatus] = []
        query: InstanceQuery | None = InstanceQuery()
        while query is not None:
            page = await self.host.engine.query(query)
            found += [each for each in page.instances if _is_of(each.name, orchestrator)]
            query = InstanceQuery(continuation=page.continuation) if page.continuation else None
        return found

    def _up(self) -> None:
        self.host = Host(
            self._app, self._state, workers=self._workers, virtual=True, start=self._start, settings=self._settings, fsync=False
        )  # fmt: skip
        self._start = None  # after a restart time goes on
        self._ready: Future[None] = Future()
        self._over: Future[None] = Future()
        self._thread = threading.Thread(target=self._live, name="durable-host", daemon=True)
        self._thread.start()
        try:
            self._result(self._ready, self._timeout and max(self._timeout, LONGEST_START), "the app has not started")
        except NotAtRest:
            self._loop.call_soon_threadsafe(self._stopping.set)  # should it start all the same, it stops at once
            raise

    def _down(self) -> None:
        if not self._over.done():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._result(self._over, LONGEST_GOODBYE, "the host has not stopped")

    def _result(self, future: Future[T], seconds: float, not_yet: str) -> T:
        __tracebackhide__ = True
        try:
            return future.result(seconds or None)
        except TimeoutError:
            if future.done():
                raise
            raise NotAtRest(f"After {seconds:g} s {not_yet}.\n{whereabouts(self.host.app_dir, self._loop)}") from None

    def _release(self) -> None:
        if not self._workers:
            _in_this_process.release()

    def _live(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                self._over.set_exception(error)
                return
            self._ready.set_exception(error)
        self._over.set_result(None)

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        async with self.host, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as self._http:
            self._ready.set_result(None)
            await self._stopping.wait()


def _is_of(name: str, orchestrator: str | None) -> bool:
    """Whether an instance of that name is wanted. Entities are instances too, named by their ids, and never are."""
    return not name.startswith("@") and (orchestrator is None or name.casefold() == orchestrator.casefold())
