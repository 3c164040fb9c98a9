"""Calling the app's functions as the Functions worker does: decode by the library's converters, run, encode by them.

Async functions run on the loop, sync ones in the thread pool, orchestrators where they are called: they are short and must not wait.
Whatever a function raises, KeyboardInterrupt and CancelledError too, becomes FunctionFailed, worded as the Functions host hands it on:
somebody waits for an answer, and what one function raises must not end the process of the others.
"""

import asyncio
import contextvars
import functools
import inspect
import json
import logging
import os
import traceback
import typing
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.cookies import Morsel
from pathlib import Path
from typing import Any
from urllib.parse import quote

import azure.functions as func
from azure.functions import meta

from standalone import json_bodies
from standalone.contracts import FunctionFailed, FunctionInfo, FunctionUnknown, HttpAnswer, HttpCall, TimerCall
from standalone.engine import history as h
from standalone.engine import wording
from standalone.engine.decisions import Answer
from standalone.engine.trigger import Trigger
from standalone.workers import loading, registry
from standalone.workers.retry_context import RetryContext
from standalone.workers.trigger_reader import takes_triggers

log = logging.getLogger("standalone.workers")

THREADS = "PYTHON_THREADPOOL_THREAD_COUNT"
NEVER = "0001-01-01T00:00:00+00:00"  # .NET's default of a DateTime
NO_TIMER = TimerCall()
OUT_OF_PROCESS_STATE = "\n\n$OutOfProcData$:"
_STATE = json.JSONDecoder(parse_constant=str)


class InvocationContext(func.Context):
    """What a function gets that takes `context` without binding it."""

    def __init__(self, name: str, directory: Path, invocation_id: str, retry: RetryContext) -> None:
        self._name, self._directory, self._invocation_id, self._retry = name, directory, invocation_id, retry

    @property
    def invocation_id(self) -> str:
        """The call's id."""
        return self._invocation_id

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self._name

    @property
    def function_directory(self) -> str:
        """The app's folder."""
        return str(self._directory)

    @property
    def trace_context(self) -> Any:
        """None: nothing traces here."""
        return None

    @property
    def retry_context(self) -> Any:
        """Which try this is of how many; one of none for a function without a policy."""
        return self._retry

    @property
    def thread_local_storage(self) -> Any:
        """None: there is no worker thread to speak of."""
        return None


class Function:
    """One function of the app and how to call it."""

    def __init__(self, indexed: Any) -> None:
        self.info: FunctionInfo = loading.describe(indexed)
        self.call = indexed.get_user_function()
        self.trigger_type: str = indexed.get_trigger().type
        self.parameter: str = indexed.get_trigger().name
        self.clients = [each.name for each in indexed.get_bindings() if each.type == "durableClient"]
        bound = {each.name for each in indexed.get_bindings()}
        self.wants_context = "context" in inspect.signature(self.call).parameters and "context" not in bound
        self.is_async = inspect.iscoroutinefunction(self.call)
        self.returns = _return_hint(self.call)


def _threads_wanted() -> int | None:
    """How many the app's settings ask for; None where they do not, or make no sense, as in the Functions worker."""
    wanted = os.environ.get(THREADS, "")
    if wanted.isascii() and wanted.isdecimal() and int(wanted):
        return int(wanted)
    if wanted:
        log.warning("%s is %r, and no number of threads: the default is taken.", THREADS, wanted)
    return None


def _return_hint(call: Any) -> Any:
    try:
        return typing.get_type_hints(call).get("return")
    except NameError:  # an annotation that only a type checker can resolve
        return None


class Functions:
    """The app's functions, loaded, and everything needed to call them."""

    def __init__(self, app_dir: Path, client_binding: str, threads: int | None = None, timeout: timedelta | None = None) -> None:
        self.app_dir, self.client_binding, self.timeout = app_dir, client_binding, timeout
        self.pool = ThreadPoolExecutor(threads or _threads_wanted(), thread_name_prefix="function")
        self.registry = func.get_binding_registry()
        self.all = [Function(each) for each in loading.load(app_dir)]
        self.by_name = {each.info.name.casefold(): each for each in self.all}
        self.durable = {(each.info.kind, registry.durable_name(each.info).casefold()): each for each in self.all}
        self.known = registry.known([each.info for each in self.all])

    def infos(self) -> Sequence[FunctionInfo]:
        """What the app consists of."""
        return [each.info for each in self.all]

    def replace_activity(self, name: str, call: Callable[[Any], Any]) -> None:
        """From now on `call` is the activity: it gets the payload and gives the result, sync or async. Raises FunctionUnknown."""
        if name.casefold() not in self.known.activities:
            raise FunctionUnknown(wording.unknown_function(name, "activity", self.known.activities.values()))
        function = self.durable["activity", name.casefold()]
        function.call = lambda **arguments: call(arguments[function.parameter])
        function.is_async = inspect.iscoroutinefunction(call)
        function.wants_context = False

    def close(self) -> None:
        """Give up the threads; what runs in them is abandoned."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def orchestrate(self, name: str, trigger: Trigger, call: Callable[..., str] | None = None) -> Answer:
        """Call an orchestrator, or `call` in its place, and take apart what it gives or raises."""
        function = self.durable["orchestrator", name.casefold()]
        call = call or function.call
        try:
            body = trigger if takes_triggers(call) else self._decode(function, "string", str(trigger))
            answer = _without_a_loop(call, {function.parameter: body})
            state = _STATE.decode(h.well_formed(answer))
            if _too_deep(state.get("output")) or _too_deep(state.get("customStatus")):
                return Answer(broken=f"One or more errors occurred. ({json_bodies.TOO_DEEP})")
            return Answer(state)
        except BaseException as error:
            _, found, state = str(error).rpartition(OUT_OF_PROCESS_STATE)
            if found:
                raised = _json_object(h.well_formed(state))
                # "Done" and raised (an output that is not JSON, a raise after continue_as_new): the extension makes nothing of it.
                if raised is not None and not raised.get("isDone"):
                    return Answer(raised)
            return Answer(broken=f"One or more errors occurred. (Result: Failure\nException: {_message(error)}\nStack: {_stack(error)})")

    async def operate(self, name: str, trigger: str) -> Mapping[str, Any]:
        """Call an entity with a batch of operations. Raises FunctionFailed."""
        function = self.durable["entity", name.casefold()]
        try:
            body = self._decode(function, "string", trigger)
            answer = h.well_formed(await self._run(function, self._with_clients(function, {function.parameter: body})))
            state: Mapping[str, Any] = json.loads(answer)
            return state
        except BaseException as error:
            raise failed(error) from error

    def activity(self, name: str) -> Function:
        """The activity of this name. Raises FunctionFailed where it cannot be run: disabled, or gone since it was scheduled."""
        if name.casefold() in self.known.disabled:
            raise FunctionFailed(f"Function '{name}' is disabled.")
        try:
            return self.durable["activity", name.casefold()]
        except KeyError:
            raise FunctionFailed(wording.activity_gone(name)) from None

    async def act(self, activity: Function, value: str | None) -> str | None:
        """Call an async activity with its input's JSON; answer its result's JSON. Raises FunctionFailed. The caller minds the time."""
        try:
            return self._encoded(activity, await activity.call(**self._activity_arguments(activity, value)))
        except BaseException as error:
            raise failed(error) from error

    def act_here(self, activity: Function, value: str | None) -> str | None:
        """Call a sync activity, as `act` does, in the thread of the caller. Raises FunctionFailed."""
        try:
            return self._encoded(activity, activity.call(**self._activity_arguments(activity, value)))
        except BaseException as error:
            raise failed(error) from error

    def _activity_arguments(self, function: Function, value: str | None) -> dict[str, Any]:
        argument = self._decode(function, "string", "null" if value is None else value)
        return self._with_context(function, self._with_clients(function, {function.parameter: argument}))

    def _encoded(self, function: Function, result: Any) -> str | None:
        encoded = self.registry.get("activityTrigger").encode(result, expected_type=function.returns)
        try:
            return None if encoded.value is None else json_bodies.passed_on(h.well_formed(encoded.value))
        except json_bodies.JsonRefused as refusal:
            raise FunctionFailed(str(refusal)) from None

    async def call_http(self, name: str, call: HttpCall) -> HttpAnswer:
        """Call an HTTP function. Raises FunctionFailed."""
        function = self.by_name[name.casefold()]
        try:
            request = self.registry.get("httpTrigger").decode(_http_datum(call), trigger_metadata={})
            result = await self._run(function, self._with_clients(function, {function.parameter: request}))
            return _http_answer(None if result is None else self.registry.get("http").encode(result, expected_type=function.returns))
        except BaseException as error:
            raise failed(error) from error

    async def call_timer(self, name: str, call: TimerCall) -> None:
        """Call a timer function once. Raises FunctionFailed."""
        function = self.by_name[name.casefold()]
        try:
            timer = self._decode(function, "json", json.dumps(_timer_info(call)))
            await self._run(function, self._with_clients(function, {function.parameter: timer}), call)
        except BaseException as error:
            raise failed(error) from error

    def _with_clients(self, function: Function, arguments: dict[str, Any]) -> dict[str, Any]:
        return arguments | dict.fromkeys(function.clients, self.client_binding)

    def _decode(self, function: Function, kind: str, value: str) -> Any:
        return self.registry.get(function.trigger_type).decode(meta.Datum(type=kind, value=value), trigger_metadata={})

    def _with_context(self, function: Function, arguments: dict[str, Any], timer: TimerCall = NO_TIMER) -> dict[str, Any]:
        if function.wants_context:
            invocation_id = timer.invocation_id or str(uuid.uuid4())
            arguments["context"] = InvocationContext(function.info.name, self.app_dir, invocation_id, RetryContext.of(timer.retry))
        return arguments

    async def _run(self, function: Function, arguments: dict[str, Any], timer: TimerCall = NO_TIMER) -> Any:
        """Call a function, and wait for it as long as it may take; what takes longer is cancelled, or abandoned where it does not mind."""
        call = functools.partial(function.call, **self._with_context(function, arguments, timer))
        loop = asyncio.get_running_loop()
        work: asyncio.Future[Any]
        if function.is_async:
            work = loop.create_task(_caught_on_loop(call))
        else:
            work = loop.run_in_executor(self.pool, functools.partial(contextvars.copy_context().run, _caught, call))
        try:
            done, _ = await asyncio.wait((work,), timeout=self.timeout.total_seconds() if self.timeout else None)
        finally:
            if work.done():
                _look_away(work)  # we may have been cancelled in the turn in which it failed
            else:
                work.add_done_callback(_look_away)
                work.cancel()
        if not done:
            raise self.timed_out(function.info.name)
        return work.result()

    def timed_out(self, name: str) -> FunctionFailed:
        """The failure of a function that ran longer than it may."""
        return FunctionFailed(f"Timeout value of {self.timeout} was exceeded by function: {name}")


def _without_a_loop(call: Callable[..., str], arguments: Mapping[str, Any]) -> str:
    """Call as if in a thread of the pool's, where orchestrators run on Azure: there is no loop there, so that asyncio.run works."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return call(**arguments)
    finally:
        asyncio._set_running_loop(loop)


def _too_deep(value: Any) -> bool:
    """Would the extension's reader refuse it?"""
    return isinstance(value, dict | list) and json_bodies.depth(value) >= json_bodies.MOST_NESTED


def _caught(call: Callable[[], Any]) -> Any:
    """Call a sync function. Raises FunctionFailed: a future takes no StopIteration."""
    try:
        return call()
    except BaseException as error:
        raise failed(error) from error


async def _caught_on_loop(call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Call an async function. Raises FunctionFailed: a task lets KeyboardInterrupt and SystemExit out into the loop."""
    try:
        return await call()
    except BaseException as error:
        raise failed(error) from error


def _look_away(abandoned: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more, and its failure is no news."""
    if not abandoned.cancelled():
        abandoned.exception()


def _json_object(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _message(error: BaseException) -> str:
    return h.without_surrogates(f"{type(error).__name__}: {error}")


def _stack(error: BaseException) -> str:
    """Where it was raised, without the marks under the lines: to place them, `traceback` parses each line anew."""
    frames = traceback.extract_tb(error.__traceback__)
    return "".join(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n    {frame.line}\n' for frame in frames)


def failed(error: BaseException) -> FunctionFailed:
    """What a function raised, as its failure."""
    return error if isinstance(error, FunctionFailed) else FunctionFailed(_message(error), _stack(error))


def _text(value: str) -> meta.Datum:
    return meta.Datum(type="string", value=value)


def _timer_info(call: TimerCall) -> Mapping[str, Any]:
    """What the Functions host sends of a timer (TimerInfo.cs); the status is that of before the run."""
    last = call.last.isoformat() if call.last else NEVER
    status = {"Last": last, "Next": call.due.isoformat(), "LastUpdated": last} if call.due else None
    return {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": call.past_due}


def _http_datum(call: HttpCall) -> meta.Datum:
    """A request as the Functions host sends it: header names in lower case, repeated ones joined, empty query values left out."""
    headers: dict[str, str] = {}
    for name, value in call.headers:
        key = name.lower()
        headers[key] = f"{headers[key]}{'; ' if key == 'cookie' else ','}{value}" if key in headers else value
    query: dict[str, str] = {}
    for name, value in call.query:
        query[name] = f"{query[name]},{value}" if name in query else value
    return meta.Datum(
        type="http",
        value={
            "method": _text(call.method),
            "url": _text(call.url),
            "headers": {name: _text(value) for name, value in headers.items()},
            "query": {name: _text(value) for name, value in query.items() if value},
            "params": {name: _text(value) for name, value in call.route_params.items()},
            "body": meta.Datum(type="bytes", value=call.body),
        },
    )


def _http_answer(encoded: Any) -> HttpAnswer:
    """What the Functions host makes of the worker's answer: nothing is 204, a text is a text, a response is itself."""
    if encoded is None:
        return HttpAnswer(204, [], b"")
    if encoded.type == "string":
        return HttpAnswer(200, [("Content-Type", "text/plain; charset=utf-8")], encoded.value.encode())
    answer = encoded.value
    headers = [(name, str(value.value)) for name, value in answer["headers"].items()]
    for cookies in answer.get("cookies") or ():
        headers += [("Set-Cookie", _set_cookie(name, morsel)) for name, morsel in cookies.items()]
    body = answer["body"].value
    return HttpAnswer(int(answer["status_code"].value), headers, body.encode() if isinstance(body, str) else bytes(body or b""))


def _set_cookie(name: str, morsel: Morsel[str]) -> str:
    """A cookie as ASP.NET writes it for the Functions host: its value percent-encoded, for the whole site where no path is given."""
    told = [f"{name}={quote(morsel.value, safe='')}"]
    told += [f"{field}={morsel[field]}" for field in ("expires", "max-age", "domain") if morsel[field] != ""]
    told.append(f"path={morsel['path'] or '/'}")
    told += ["secure"] if morsel["secure"] else []
    told += [f"samesite={morsel['samesite'].lower()}"] if morsel["samesite"] else []
    told += ["httponly"] if morsel["httponly"] else []
    return "; ".join(told)
