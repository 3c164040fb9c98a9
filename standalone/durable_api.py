"""The durable HTTP API: what the SDK's client calls, and its public twin under /runtime/webhooks/durabletask.

Codes and bodies are those of the real extension 3.19.0 as recorded; the oddities are its own (filters that fail open, 500 for
suspending twice).
"""

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

from aiohttp import web

from standalone import contracts as c

log = logging.getLogger("standalone.durable")

PUBLIC = "/runtime/webhooks/durabletask"
RPC = "/durabletask"
STATUSES = ("Running", "Completed", "ContinuedAsNew", "Failed", "Canceled", "Terminated", "Pending", "Suspended")
ENDED = ("Completed", "Failed", "Terminated", "Canceled")
PAGE = 100
_NO_JSON = "Newtonsoft.Json.JsonReaderException"
_EMPTY_KEY = "$"  # in a path, for an entity whose key is empty
_IN_USE = "A non-terminal instance with this instance ID already exists."
_NUMBER = re.compile(r"-?[0-9]{1,9}")

Verb = Callable[[web.Request, str, list[str]], Awaitable[web.StreamResponse]]


def instant_text(instant: datetime) -> str:
    """Seconds, UTC, with a Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str | None) -> datetime | None:
    """A query's instant; what is none is ignored, as there."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _json(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(text=json.dumps(data), status=status, content_type="application/json", headers=headers)


def _exception(
    message: str,
    status: int,
    kind: str = "System.InvalidOperationException",
    title: str = "Something went wrong while processing your request",
) -> web.Response:
    """The four fields of an exception that the extension lets out."""
    body = {
        "Message": title,
        "ExceptionMessage": message,
        "ExceptionType": kind,
        "StackTrace": "",
    }
    return _json(body, status)


def _escaped(instance: str) -> str:
    """An id in a URL, as .NET's WebUtility escapes it; a plus sign in a path is a blank."""
    return quote_plus(instance, safe="!*()").replace("~", "%7E")


def _compact(value: object) -> str:
    """JSON as the extension writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _flag(request: web.Request, name: str, default: bool) -> bool:
    value = _query(request).get(name.lower())
    return default if value is None else value.lower() == "true"


def _query(request: web.Request) -> dict[str, str]:
    """The query by lower-case names."""
    return {name.lower(): value for name, value in request.query.items()}


def _waiting_times(query: Mapping[str, str]) -> tuple[float, float] | None:
    """Seconds to wait for the end of what is started, and between two looks; None when not both are asked for, in numbers."""
    try:
        times = float(query["timeout"]), float(query["pollinginterval"])
    except (KeyError, ValueError):
        return None
    return times if all(math.isfinite(each) and each >= 0 for each in times) else None


async def _event(request: web.Request) -> tuple[Any, web.Response | None]:
    """The value of an event that is raised, or what its sender is told."""
    if request.content_type != "application/json":
        return None, _json({"Message": "Only application/json request content is supported"}, 400)
    try:
        return json.loads((await request.read()).decode("utf-8", "replace")), None
    except ValueError as error:
        return None, _exception(str(error), 400, _NO_JSON, "Invalid JSON content")


class DurableApi:
    """The API over an engine. `base` URLs in answers are those by which the request came, with `code` where a key is asked for."""

    def __init__(self, engine: c.Engine, task_hub: str) -> None:
        self._engine = engine
        self._task_hub = task_hub

    async def handle(self, request: web.Request, base: str, rest: str) -> web.StreamResponse:
        """Answer a request for `rest` (percent-encoded, without its slash in front) under `base`, an absolute URL."""
        parts = [unquote_plus(part) for part in rest.strip("/").split("/")]
        if any("/" in part for part in parts):
            return web.Response(status=404)
        verbs: dict[str, Verb] = {"orchestrators": self._start, "instances": self._instances, "entities": self._entities}
        verb = verbs.get(parts[0].lower())
        if verb is None:
            return web.Response(status=404)
        try:
            return await verb(request, base, parts[1:])
        except c.InstanceNotFound:
            return web.Response(status=404)
        except c.InstanceEnded:
            return web.Response(status=410)

    async def _start(self, request: web.Request, base: str, parts: list[str]) -> web.StreamResponse:
        if request.method != "POST" or not 1 <= len(parts) <= 2:
            return web.Response(status=404)
        text = (await request.read()).decode("utf-8", "replace")
        if text.strip():
            try:
                json.loads(text)
            except ValueError as error:
                return _exception(str(error), 400, _NO_JSON, "Invalid JSON content")
        query = _query(request)
        times = _waiting_times(query)
        try:
            instance = await self._engine.start_instance(
                parts[0], text or None, parts[1] if len(parts) > 1 and parts[1] else None, query.get("version", "")
            )
        except c.InstanceExists as conflict:
            return _json({"Message": str(conflict)}, 409)
        if times is not None and (waited := await self._wait(instance, *times)) is not None:
            return waited
        return self._accepted(request, base, instance)

    async def _wait(self, instance: str, seconds: float, interval: float) -> web.Response | None:
        """The output within `seconds`, looked for every `interval`, or the status of what did not complete; None when it has not ended."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            found = await self._engine.get(instance)
            if found is not None and found.runtime_status == "Completed":
                return web.Response(text=found.output_json or "null", content_type="application/json")
            if found is not None and found.runtime_status in ENDED:
                return _json(self._status(found))
            if loop.time() >= until:
                return None
            await asyncio.sleep(max(0.01, min(interval, until - loop.time())))

    def payload(self, base: str, instance: str, query: str) -> dict[str, str]:
        """The management URLs of an instance."""
        of = f"{base}/instances/{_escaped(instance)}"
        return {
            "id": instance,
            "statusQueryGetUri": f"{of}?{query}",
            "sendEventPostUri": f"{of}/raiseEvent/{{eventName}}?{query}",
            "terminatePostUri": f"{of}/terminate?reason={{text}}&{query}",
            "purgeHistoryDeleteUri": f"{of}?{query}",
            "restartPostUri": f"{of}/restart?{query}",
            "suspendPostUri": f"{of}/suspend?reason={{text}}&{query}",
            "resumePostUri": f"{of}/resume?reason={{text}}&{query}",
        }

    def _accepted(self, request: web.Request, base: str, instance: str) -> web.Response:
        code = _query(request).get("code")
        query = f"taskHub={self._task_hub}&connection=Storage" + (f"&code={quote(code)}" if code else "")
        payload = self.payload(base, instance, query)
        return _json(payload, 202, {"Location": payload["statusQueryGetUri"], "Retry-After": "10"})

    async def _instances(self, request: web.Request, base: str, parts: list[str]) -> web.StreamResponse:
        if not parts or parts == [""]:
            return await self._many(request)
        instance, rest = parts[0], parts[1:]
        if not rest:
            if request.method == "GET":
                return await self._one(request, base, instance)
            return await self._purge(instance) if request.method == "DELETE" else web.Response(status=404)
        if request.method != "POST":
            return web.Response(status=404)
        operation = rest[0].lower()
        if operation == "raiseevent" and len(rest) == 2:
            return await self._raise(request, instance, rest[1])
        reason = _query(request).get("reason")
        if operation in ("terminate", "suspend", "resume", "rewind"):
            return await self._change(operation, instance, reason)
        if operation == "restart":
            return await self._restart(request, base, instance)
        return web.Response(status=404)

    async def _one(self, request: web.Request, base: str, instance: str) -> web.Response:
        history = _flag(request, "showHistory", False)
        try:
            found = await self._engine.get(
                instance,
                history=history,
                history_outputs=_flag(request, "showHistoryOutput", False),
                history_inputs=_flag(request, "showInput", True),
            )
        except c.HistoryUnreadable as error:
            return _exception(str(error), 400)
        if found is None:
            return web.Response(status=404)
        body = self._status(found, show_input=_flag(request, "showInput", True), history=history)
        if found.runtime_status in ENDED:
            failed = found.runtime_status == "Failed" and _flag(request, "returnInternalServerErrorOnFailure", False)
            return _json(body, 500 if failed else 200)
        location = f"{base}/instances/{_escaped(instance)}?{request.query_string}"
        return _json(body, 202, {"Location": location, "Retry-After": "5"})

    @staticmethod
    def _status(found: c.InstanceStatus, *, show_input: bool = True, history: bool = False) -> dict[str, Any]:
        def value(text: str | None) -> Any:
            return None if text is None else json.loads(text)

        body = {
            "name": found.name,
            "instanceId": found.instance_id,
            "runtimeStatus": found.runtime_status,
            "input": value(found.input_json) if show_input else None,
            "customStatus": value(found.custom_status_json),
            "output": value(found.output_json),
            "createdTime": instant_text(found.created),
            "lastUpdatedTime": instant_text(found.last_updated),
        }
        if history:
            body["historyEvents"] = value(found.history_json)
        return body

    def _filter(self, request: web.Request) -> c.InstanceQuery:
        """What a query asks for; what makes no sense in it is left out."""
        query = _query(request)
        statuses = frozenset(status for status in query.get("runtimestatus", "").split(",") if status in STATUSES)
        top = query.get("top", "")
        return c.InstanceQuery(
            created_from=_instant(query.get("createdtimefrom")),
            created_to=_instant(query.get("createdtimeto")),
            statuses=statuses,
            id_prefix=query.get("instanceidprefix") or None,
            top=int(top) if _NUMBER.fullmatch(top) else PAGE,
            continuation=request.headers.get("x-ms-continuation-token") or None,
        )

    async def _many(self, request: web.Request) -> web.Response:
        wanted = self._filter(request)
        if request.method == "DELETE":
            if wanted.created_from is None:
                return _json("Please provide value for 'createdTimeFrom' parameter.", 400)
            deleted = await self._engine.purge_matching(wanted)
            return _json({"instancesDeleted": deleted}) if deleted else web.Response(status=404)
        if request.method != "GET":
            return web.Response(status=404)
        if wanted.top < 0:
            return _exception("top must not be negative", 500)
        page = await self._engine.query(wanted)
        show_input = _flag(request, "showInput", True)
        headers = {"x-ms-continuation-token": page.continuation or ""}
        return _json([self._status(found, show_input=show_input) for found in page.instances], 200, headers)

    async def _purge(self, instance: str) -> web.Response:
        try:
            await self._engine.purge(instance)
        except c.InstanceNotInState as refusal:
            return _json(str(refusal), 412)
        return _json({"instancesDeleted": 1})

    async def _raise(self, request: web.Request, instance: str, event: str) -> web.Response:
        value, refusal = await _event(request)
        if refusal is None:
            await self._engine.raise_event(instance, event, _compact(value))
            return web.Response(status=202)
        found = await self._engine.get(instance)
        if found is None:
            raise c.InstanceNotFound(instance)
        return web.Response(status=410) if found.runtime_status in ENDED else refusal

    async def _change(self, operation: str, instance: str, reason: str | None) -> web.Response:
        verb = getattr(self._engine, operation)
        try:
            await verb(instance, reason)
        except c.InstanceNotFound:
            if operation != "rewind":
                return web.Response(status=404)
            return _json(f'No orchestration with instance ID "${instance}" found.', 404)  # the dollar is the extension's
        except c.InstanceNotInState as refusal:
            return _json(str(refusal), 412) if operation == "rewind" else _exception(str(refusal), 500)
        return web.Response(status=202)

    async def _restart(self, request: web.Request, base: str, instance: str) -> web.Response:
        try:
            new = await self._engine.restart(instance, new_id=_flag(request, "restartWithNewInstanceId", True))
        except c.InstanceNotFound:
            missing = f"No instance with ID '{instance}' was found. (Parameter 'instanceId')"
            return _exception(missing, 400, "System.ArgumentException", "InstanceId does not match a valid orchestration instance.")
        except c.InstanceExists as conflict:
            return _exception(str(conflict), 409, "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException", _IN_USE)
        return self._accepted(request, base, new)

    async def _entities(self, request: web.Request, base: str, parts: list[str]) -> web.StreamResponse:
        name, key = (*parts, "", "")[:2]
        if len(parts) > 2:
            return web.Response(status=404)
        if request.method in ("POST", "DELETE"):
            return await self._signal(request, name, key)
        if request.method != "GET":
            return web.Response(status=404)
        if not key:
            return await self._list_entities(request, name)
        state = await self._engine.entity_state(name, "" if key == _EMPTY_KEY else key)
        return web.Response(status=404) if state is None else web.Response(text=state, content_type="application/json")

    async def _signal(self, request: web.Request, name: str, key: str) -> web.Response:
        operation = "delete" if request.method == "DELETE" else _query(request).get("op", "")
        text = (await request.read()).decode("utf-8", "replace")
        if text:
            try:
                text = _compact(json.loads(text) if request.content_type == "application/json" else text)
            except ValueError as error:
                return _json({"Message": f"Could not parse JSON content: {error}"}, 400)
        try:
            await self._engine.signal_entity(name, key, operation, text or None)
        except c.FunctionUnknown as error:
            return _json({"Message": str(error)}, 400)
        return web.Response(status=202)

    async def _list_entities(self, request: web.Request, name: str) -> web.Response:
        """A page; of one that holds nothing but entities that do not exist the next is looked at, as there."""
        query, with_state = _query(request), _flag(request, "fetchState", False)
        since, until = _instant(query.get("lastoperationtimefrom")), _instant(query.get("lastoperationtimeto"))
        token, wanted = request.headers.get("x-ms-continuation-token"), self._filter(request)
        while True:
            prefix = f"@{name.lower()}@" if name else "@"
            page = await self._engine.query(c.InstanceQuery(id_prefix=prefix, top=wanted.top, continuation=token))
            listed = [
                _entity_row(found, with_state)
                for found in page.instances
                if found.name == found.instance_id
                and (with_state or "entityExists" in (found.custom_status_json or ""))
                and (since is None or since <= found.last_updated)
                and (until is None or found.last_updated <= until)
            ]
            token = page.continuation
            if listed or not token or not wanted.top:
                return _json(listed, 200, {"x-ms-continuation-token": token or ""})


def _entity_row(found: c.InstanceStatus, with_state: bool) -> Mapping[str, Any]:
    _, name, key = found.instance_id.split("@", 2)
    state = json.loads(json.loads(found.input_json or "{}").get("state") or "null") if with_state else None
    return {"entityId": {"name": name, "key": key}, "lastOperationTime": instant_text(found.last_updated), "state": state}
