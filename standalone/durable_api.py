"""The durable HTTP API: what the SDK's client calls, and its public twin under /runtime/webhooks/durabletask.

Codes and bodies are those of the real extension 3.19.0 as recorded; the oddities are its own (filters that fail open, 500 for
suspending twice).
"""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

from aiohttp import web

from standalone import contracts as c
from standalone import durable_requests as asked
from standalone import json_bodies

PUBLIC = "/runtime/webhooks/durabletask"
RPC = "/durabletask"
ENDED = ("Completed", "Failed", "Terminated", "Canceled")
_EMPTY_KEY = "$"  # in a path, for an entity whose key is empty
_IN_USE = "A non-terminal instance with this instance ID already exists."
Verb = Callable[[web.Request, str, list[str]], Awaitable[web.StreamResponse]]


def instant_text(instant: datetime) -> str:
    """Seconds, UTC, with a Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def precisely(instant: datetime) -> str:
    """As many decimals as there are, UTC, with a Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


def _json(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = json_bodies.encoded(json_bodies.written(data))
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8", headers=headers)


WRONG = "Something went wrong while processing your request"
INCORRECT = "One or more of the arguments submitted is incorrect"
NO_JSON = "Invalid JSON content"


def _exception(message: str, status: int, kind: str = "System.InvalidOperationException", title: str = WRONG) -> web.Response:
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


def _no_json(refusal: json_bodies.JsonRefused, *, may_be_unfinished: bool) -> web.Response:
    """The answer to a body that is no JSON."""
    if refusal.unfinished and may_be_unfinished:
        return _exception(str(refusal), 500, "Newtonsoft.Json.JsonSerializationException")
    return _exception(str(refusal), 400, "Newtonsoft.Json.JsonReaderException", NO_JSON)


def _page(rows: Sequence[Mapping[str, Any]], continuation: str | None) -> web.Response:
    """A page of a list; the header of the last one is empty."""
    return _json(rows, 200, {"x-ms-continuation-token": continuation or ""})


async def _event(request: web.Request) -> tuple[Any, web.Response | None]:
    """The value of an event that is raised, or what its sender is told."""
    if request.content_type != "application/json":
        return None, _json({"Message": "Only application/json request content is supported"}, 400)
    try:
        return json_bodies.parsed(await asked.text(request)), None
    except json_bodies.JsonRefused as refusal:
        return None, _no_json(refusal, may_be_unfinished=False)


class DurableApi:
    """The API over an engine.

    `hub`: what links say of it, as a query; `public_base`: where it is reached from outside, for answers to the workers; `code`: its key.
    """

    def __init__(self, engine: c.Engine, hub: str, public_base: str = "", code: str = "") -> None:
        self._engine = engine
        self._hub = hub
        self._public_base = public_base
        self._code = code

    async def handle(self, request: web.Request, base: str, rest: str) -> web.StreamResponse:
        """Answer a request for `rest` (percent-encoded, without its slash in front) under `base`, an absolute URL."""
        parts = asked.segments(rest)
        if "\0" in "".join(parts):
            return web.Response(status=400)
        verbs: dict[str, Verb] = {
            "orchestrators": self._start, "instances": self._instances, "entities": self._entities, "makeprimary": self._make_primary,
        }  # fmt: skip
        verb = verbs.get(parts[0].lower())
        if verb is None or "" in parts:
            return web.Response(status=404)
        try:
            return await verb(request, base, parts[1:])
        except c.InstanceNotFound:
            return web.Response(status=404)
        except c.InstanceEnded:
            return web.Response(status=410)

    async def _make_primary(self, _request: web.Request, _base: str, parts: list[str]) -> web.StreamResponse:
        """There is no other host to take the lease from."""
        return web.Response(status=404 if parts else 200)

    async def _start(self, request: web.Request, base: str, parts: list[str]) -> web.StreamResponse:
        if request.method != "POST" or not 1 <= len(parts) <= 2:
            return web.Response(status=404)
        query = asked.query(request)
        try:
            given = await self._given(request)
            times = asked.waiting_times(query)
            instance = await self._engine.start_instance(parts[0], given, parts[1] if len(parts) > 1 else None, query.get("version"))
        except json_bodies.JsonRefused as refusal:
            return _no_json(refusal, may_be_unfinished=True)
        except asked.TimesWrong as wrong:
            return _json({"Message": str(wrong)}, 400)
        except c.InstanceExists as conflict:
            return _json({"Message": str(conflict)}, 409)
        if times is not None and (waited := await self._wait(request, instance, *times)) is not None:
            return waited
        return self._accepted(request, base, instance)

    @staticmethod
    async def _given(request: web.Request) -> str | None:
        """The input in a body, as JSON text. Raises JsonRefused."""
        text = await asked.text(request)
        return json_bodies.checked(text) if text.strip() else None

    async def _wait(self, request: web.Request, instance: str, seconds: float, interval: float) -> web.Response | None:
        """The output within `seconds`, looked for every `interval`; None when it has not ended."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            found = await self._engine.get(instance)
            if found is not None and found.runtime_status == "Completed":
                return _json(None if found.output_json is None else json.loads(found.output_json))
            if found is not None and found.runtime_status in ENDED:
                return _json(self._status(found, show_input=asked.flag(request, "showInput", True)))
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
        code = asked.query(request).get("code") or self._code
        query = self._hub + (f"&code={quote(code)}" if code else "")
        payload = self.payload(base if base.endswith(PUBLIC) else self._public_base or base, instance, query)
        return _json(payload, 202, {"Location": payload["statusQueryGetUri"], "Retry-After": "10"})

    async def _instances(self, request: web.Request, base: str, parts: list[str]) -> web.StreamResponse:
        if not parts:
            return await self._many(request)
        instance, rest = parts[0], parts[1:]
        if not rest:
            if request.method == "GET":
                return await self._one(request, base, instance)
            return await self._purge(instance) if request.method == "DELETE" else web.Response(status=404)
        operation = rest[0].lower()
        if request.method == "POST" and operation == "raiseevent" and len(rest) == 2:
            return await self._raise(request, instance, rest[1])
        if request.method != "POST" or len(rest) != 1:
            return web.Response(status=404)
        reason = asked.query(request).get("reason")
        if operation in ("terminate", "suspend", "resume", "rewind"):
            return await self._change(operation, instance, reason)
        if operation == "restart":
            return await self._restart(request, base, instance)
        return web.Response(status=404)

    async def _one(self, request: web.Request, base: str, instance: str) -> web.Response:
        try:
            found = await self._engine.get(
                instance,
                history=asked.flag(request, "showHistory", False),
                history_outputs=asked.flag(request, "showHistoryOutput", False),
                history_inputs=asked.flag(request, "showInput", True),
            )
        except c.HistoryUnreadable as error:
            return _exception(str(error), 400)
        if found is None:
            return web.Response(status=404)
        body = self._status(found, show_input=asked.flag(request, "showInput", True))
        if found.runtime_status in ENDED:
            failed = found.runtime_status == "Failed" and asked.flag(request, "returnInternalServerErrorOnFailure", False)
            return _json(body, 500 if failed else 200)
        query = request.rel_url.raw_query_string
        location = f"{request.scheme}://{request.host}{asked.path_again(request.rel_url.raw_path)}{'?' if query else ''}{query}"
        return _json(body, 202, {"Location": location, "Retry-After": "5"})

    @staticmethod
    def _status(found: c.InstanceStatus, *, show_input: bool = True) -> dict[str, Any]:
        def value(text: str | None) -> Any:
            return None if text is None else json.loads(text)

        body = {
            "name": found.name,
            **({"version": found.version} if found.version else {}),
            "instanceId": found.instance_id,
            **({"parentInstanceId": found.parent_id} if found.parent_id else {}),
            "runtimeStatus": found.runtime_status,
            "input": value(found.input_json) if show_input else None,
            "customStatus": value(found.custom_status_json),
            "output": value(found.output_json),
            "createdTime": instant_text(found.created),
            "lastUpdatedTime": instant_text(found.last_updated),
        }
        if found.history_json is not None:
            body["historyEvents"] = value(found.history_json)
        return body

    async def _many(self, request: web.Request) -> web.Response:
        wanted = asked.instances(request)
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
        show_input = asked.flag(request, "showInput", True)
        return _page([self._status(found, show_input=show_input) for found in page.instances], page.continuation)

    async def _purge(self, instance: str) -> web.Response:
        try:
            await self._engine.purge(instance)
        except c.InstanceNotInState as refusal:
            return _json(str(refusal), 412)
        return _json({"instancesDeleted": 1})

    async def _raise(self, request: web.Request, instance: str, event: str) -> web.Response:
        value, refusal = await _event(request)
        if refusal is None:
            await self._engine.raise_event(instance, event, json_bodies.written(value))
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
            new = await self._engine.restart(instance, new_id=asked.flag(request, "restartWithNewInstanceId", True))
        except c.InstanceNotFound:
            why = f"No instance with ID '{instance}' was found. (Parameter 'instanceId')"
            return _exception(why, 400, "System.ArgumentException", "InstanceId does not match a valid orchestration instance.")
        except c.InstanceExists as conflict:
            return _exception(str(conflict), 409, "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException", _IN_USE)
        return self._accepted(request, base, new)

    async def _entities(self, request: web.Request, base: str, parts: list[str]) -> web.StreamResponse:
        if len(parts) > 2:
            return web.Response(status=404)
        name, key = (*parts, "", "")[:2]
        if request.method == "GET":
            if not key:
                return await self._list_entities(request, name)
            state = await self._engine.entity_state(name, "" if key == _EMPTY_KEY else key)
            return web.Response(status=404) if state is None else _json(json.loads(state))
        if request.method not in ("POST", "DELETE"):
            return web.Response(status=404)
        if not name:
            return _json({"Message": "Invalid entity id: entity name must not be a null or empty string. (Parameter 'entityName')"}, 400)
        return await self._signal(request, name, key)

    async def _signal(self, request: web.Request, name: str, key: str) -> web.Response:
        operation = "delete" if request.method == "DELETE" else asked.query(request).get("op", "")
        text = await asked.text(request)
        try:
            given = json_bodies.checked(text) if text and request.content_type == "application/json" else json_bodies.written(text)
            await self._engine.signal_entity(name, key, operation, given if text else None)
        except json_bodies.JsonRefused as refusal:
            return _json({"Message": f"Could not parse JSON content: {refusal}"}, 400)
        except c.FunctionUnknown as error:
            return _json({"Message": str(error)}, 400)
        return web.Response(status=202)

    async def _list_entities(self, request: web.Request, name: str) -> web.Response:
        """A page; of one that holds nothing but entities that do not exist the next is looked at, as there."""
        query, with_state = asked.query(request), asked.flag(request, "fetchState", False)
        since, until = (asked.instant(query.get(each)) for each in ("lastoperationtimefrom", "lastoperationtimeto"))
        wanted = dataclasses.replace(asked.instances(request), id_prefix=f"@{name.lower()}@" if name else "@", statuses=frozenset())
        if wanted.top < 0:
            return _exception("top must not be negative", 500)
        while True:
            page = await self._engine.query(wanted)
            listed = [
                _entity_row(found, with_state)
                for found in page.instances
                if found.name == found.instance_id  # an orchestration's id may look like an entity's
                and (with_state or "entityExists" in (found.custom_status_json or ""))
                and (since is None or since <= found.last_updated)
                and (until is None or found.last_updated <= until)
            ]
            if listed or not page.continuation or not wanted.top:
                return _page(listed, page.continuation)
            wanted = dataclasses.replace(wanted, continuation=page.continuation)


def _entity_row(found: c.InstanceStatus, with_state: bool) -> Mapping[str, Any]:
    _, name, key = found.instance_id.split("@", 2)
    state = json.loads(json.loads(found.input_json or "{}").get("state") or "null") if with_state else None
    return {"entityId": {"name": name, "key": key}, "lastOperationTime": precisely(found.last_updated), "state": state}
