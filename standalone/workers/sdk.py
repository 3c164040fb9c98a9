"""What the host does to the SDK, all of it: equal parts that are faster, one warning less, and a client that waits in real time.

A profile of an approval's replays shows where the SDK's time goes: three quarters in python-dateutil, 33 µs a history event; the rest of
it partly in a class, JSON encoders and decoders that are made anew all the time, in reading the same stamps and time spans in each episode,
and in looking up one environment variable 100 times. STANDALONE_PLAIN_SDK=1 leaves the SDK as it is, and so is one that is older than
what the parts are proved equal to: apps pin the SDK that they were written with.
tests/host/test_sdk_adjustments.py proves the parts equal; docs/performance.md has the figures.
"""

import asyncio
import collections
import functools
import json
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import azure.durable_functions  # noqa: F401 - its modules are looked up below, by the names they have there
from azure.durable_functions.models.utils import http_utils
from azure.functions import _durable_functions
from dateutil.parser import parse as dateutil_parse
from dateutil.tz import tzlocal, tzutc

from standalone.workers.trigger_reader import FromJson, TriggerReader

_UTC, _LOCAL = tzutc(), tzlocal()
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", re.ASCII).fullmatch
_DUPLICATE = "Potential duplicate Task completion for TaskId"
_EVENTS = "azure.durable_functions.models.history.HistoryEvent"
_CONTEXT = "azure.durable_functions.models.DurableOrchestrationContext"
_EXECUTOR = "azure.durable_functions.models.TaskOrchestrationExecutor"
_CLIENT = "azure.durable_functions.models.DurableOrchestrationClient"


def parse_timestamp(text: str, *arguments: Any, **options: Any) -> datetime:
    """What dateutil's `parse` gives; quickly for `YYYY-MM-DDTHH:MM:SS.fffffffZ`, which is all that the engine writes."""
    if arguments or options or type(text) is not str:
        return dateutil_parse(text, *arguments, **options)
    try:
        return _instant(text, "UTC" in time.tzname)
    except ValueError:
        return dateutil_parse(text)


@functools.lru_cache(128)
def _instant(text: str, here_is_utc: bool) -> datetime:
    """The instant of an engine's stamp; several events have the same one. Raises ValueError for any other form."""
    if not _STAMP(text):
        raise ValueError
    # As dateutil has it: where the machine's own time is UTC, its zone.
    return datetime.fromisoformat(text[:26]).replace(tzinfo=_LOCAL if here_is_utc else _UTC)


class Json:
    """The json module for the SDK: an encoder and a decoder for each hook, made once instead of in each call."""

    def __init__(self) -> None:
        self._encoder, self._decoder = functools.cache(_encoder), functools.cache(_decoder)

    def __getattr__(self, name: str) -> Any:
        return getattr(json, name)

    def dumps(self, value: Any, **options: Any) -> str:
        """What json.dumps gives."""
        if options.keys() != {"default"}:
            return json.dumps(value, **options)
        return self._encoder(options["default"])(value)

    def loads(self, text: Any, **options: Any) -> Any:
        """What json.loads gives."""
        if options.keys() != {"object_hook"} or type(text) is not str or text.startswith("\ufeff"):
            return json.loads(text, **options)
        return self._decoder(options["object_hook"])(text)


def _encoder(default: Any) -> Any:
    return json.JSONEncoder(default=default).encode


def _decoder(object_hook: Any) -> Any:
    return json.JSONDecoder(object_hook=object_hook).decode


def warn(message: Any, *arguments: Any, **options: Any) -> None:
    """`warnings.warn`, but for the one of each cancelled timer that fires: that is how it should be, and thousands of lines."""
    if not (isinstance(message, str) and message.startswith(_DUPLICATE)):
        warnings.warn(message, *arguments, **{"stacklevel": 2, **options})


@contextmanager
def adjusted() -> Iterator[None]:
    """Have the SDK so, for a while."""
    executor, context = sys.modules[_EXECUTOR], sys.modules[_CONTEXT]
    with ExitStack() as stack:
        stack.enter_context(_replaced(executor, "warnings", SimpleNamespace(warn=warn)))
        stack.enter_context(_replaced(sys.modules[_CLIENT], "time", time.monotonic))  # how long it waits, also on a clock that stands
        if os.environ.get("STANDALONE_PLAIN_SDK", "0") != "1" and _is_known(context):
            stack.enter_context(_replaced(sys.modules[_EVENTS], "dt_parse", parse_timestamp))
            stack.enter_context(_replaced(executor, "namedtuple", functools.cache(collections.namedtuple)))  # noqa: PYI024
            stack.enter_context(_replaced(_durable_functions, "json", Json()))
            reader = TriggerReader(context)
            stack.enter_context(_replaced(context, "HistoryEvent", reader.event))
            stack.enter_context(_replaced(context.DurableOrchestrationContext, "from_json", FromJson(reader.context)))
            stack.enter_context(_replaced(context.DurableOrchestrationContext, "histories", property(reader.histories)))
            stack.enter_context(_replaced(context, "Dict", dict))
            stack.enter_context(_replaced(context, "Callable", Callable))
            timespan = functools.cache(context.parse_timespan_attrib)
            stack.enter_context(_replaced(context, "parse_timespan_attrib", timespan))
            strict = functools.cache(_durable_functions._is_strict_mode)  # the environment is set before the app is loaded
            stack.enter_context(_replaced(_durable_functions, "_is_strict_mode", strict))
        yield


def _is_known(context: Any) -> bool:
    """Whether the parts are those that ours were proved equal to: of azure-functions-durable 1.6 or 1.7, by what is new in it.

    Its version would be told by importlib.metadata, for 1 MiB in each worker.
    """
    return hasattr(context, "sub_orchestrator_output_type") and hasattr(_durable_functions, "_is_strict_mode")


@contextmanager
def _replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    before = vars(module)[name]
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


async def close_session() -> None:
    """Close the SDK's HTTP session, a module global bound to this loop, and make it ready for another. An older SDK keeps none."""
    if not hasattr(http_utils, "_client_session"):
        return
    session = http_utils._client_session
    if session is not None and not session.closed:
        await session.close()
    http_utils._client_session = None
    http_utils._session_lock = asyncio.Lock()
