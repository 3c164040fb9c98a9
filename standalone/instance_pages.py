"""The pages of instances under /standalone/instances: the list, one instance with why it stands still, and what can be done to it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from aiohttp import web

from standalone import contracts as c
from standalone.durable_api import ENDED
from standalone.durable_requests import STATUSES
from standalone.engine import history as h
from standalone.engine.replay import HTTP_ACTIVITY
from standalone.explaining import explain, in_short, leaves, stack_of
from standalone.timeline import COMPLETES, completed_by, timeline

if TYPE_CHECKING:
    from standalone.host import Host

SHOWN = 20_000
"""Characters of an input, output or result that a page shows; a link leads to the whole."""

FEW = 300
"""Characters that a row of the history shows unfolded."""

OPEN_SHOWN = 50
"""Open things that a page lists."""

ROWS_SHOWN = 200
"""Events of a history that a page shows, the newest; a link leads to all."""

LONGEST_SETTLING = 1.0
"""Seconds that somebody who has pressed a button is kept waiting for what it does."""

REFRESHES = (2, 10, 60)
"""Seconds between two looks that a page may take by itself."""

PAYLOADS = {"input": "input_json", "output": "output_json", "status": "custom_status_json"}
FRAMES = (h.ORCHESTRATOR_STARTED, h.ORCHESTRATOR_COMPLETED)

Html = Callable[..., web.Response]


@dataclass(frozen=True)
class Entry:
    """A row of the history's table. `text` is what the event has to say; `stack`: of a failure."""

    at: datetime
    event: str
    number: int | None
    name: str
    text: str
    given: str = ""
    stack: str = ""
    instance: str = ""
    place: c.Place = ()


@dataclass(frozen=True)
class Refusal:
    """Why a button did not do what it says, in words; `field` and what was typed, for the form to keep."""

    status: int
    message: str
    typed: Mapping[str, str]
    field: str = ""


class InstancePages:
    """Answers /standalone/instances and all below it. `html` renders a template, `nothing` says that there is no such page."""

    def __init__(self, host: "Host", html: Html, nothing: Callable[[], web.Response]) -> None:
        self._host, self._html, self._nothing = host, html, nothing

    async def handle(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        """Answer a request; `parts`: the path below instances, decoded."""
        if not parts:
            return await (self._start(request) if request.method == "POST" else self._list(request))
        instance, rest = parts[0], parts[1:]
        if request.method == "POST":
            return await self._act(request, instance, rest[0]) if len(rest) == 1 else self._nothing()
        if not rest:
            return await self._one(request, instance)
        if len(rest) == 1 and (rest[0] in PAYLOADS or rest[0] == "history"):
            return await self._payload(instance, rest[0])
        return self._nothing()

    async def _list(self, request: web.Request, refusal: Refusal | None = None) -> web.StreamResponse:
        status = request.query.get("status", "")
        prefix = request.query.get("prefix", "")
        query = c.InstanceQuery(
            statuses=frozenset({status} & set(STATUSES)),
            id_prefix=prefix or None,
            continuation=request.query.get("continuation") or None,
            newest_first=True,
        )
        page = await self._host.engine.query(query)
        counts = {name: count for name, count in self._host.engine.counts().items() if count}
        return self._html(
            "instances.html",
            status=refusal.status if refusal else 200,
            refusal=refusal,
            orchestrators=sorted(self._host.workers.known().orchestrators.values()),
            page=page,
            wanted=status,
            prefix=prefix,
            statuses=STATUSES,
            counts=counts,
            most=c.MOST_COUNTED,
            first=query.continuation is None,
            waits={each.instance_id: in_short(each) for each in page.instances},
            purged="purged" in request.query,
            **_refreshing(request),
        )

    async def _start(self, request: web.Request) -> web.StreamResponse:
        """Start an instance, as a client function would."""
        typed = await _typed(request)
        try:
            if typed.get("name", "").casefold() not in self._host.workers.known().orchestrators:
                raise BadInput("name", "There is no such orchestrator in the app.")
            data = _json_of("input", typed)
            given = None if data is None else json.dumps(data)  # twice encoded: as `start_new` does, so that `get_input` reads it
            made = await self._host.engine.start_instance(typed.get("name", ""), given, typed.get("id", "").strip() or None)
        except BadInput as bad:
            return await self._list(request, Refusal(422, str(bad), typed, bad.field))
        except c.InstanceExists as error:
            return await self._list(request, Refusal(409, str(error), typed, "id"))
        await self._settle()
        return _see(f"{address(made)}?did=start")

    async def _settle(self) -> None:
        """Let happen what follows at once, so that the page that is shown next shows it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._host.engine.settle(), LONGEST_SETTLING)

    async def _one(self, request: web.Request, instance: str, refusal: Refusal | None = None) -> web.StreamResponse:
        engine = self._host.engine
        seen, found = await engine.inspect(instance), await engine.get(instance)
        if found is None or (seen is None and not found.name.startswith("@")):
            return self._nothing()
        if seen is None:  # an entity
            return self._html("entity.html", found=found, state=_entity_state(found), key=instance.split("@", 2)[2])
        now = self._host.clock.now()
        entries = history_table(seen)
        everything = "all" in request.query
        return self._html(
            "instance.html", status=refusal.status if refusal else 200, found=found, seen=seen, parent=_parent(seen.events),
            told=explain(found, seen, now), picture=timeline(seen.events, now, seen.whereabouts), ended=found.runtime_status in ENDED,
            entries=entries if everything else entries[-ROWS_SHOWN:], left_out=0 if everything else max(0, len(entries) - ROWS_SHOWN),
            refusal=refusal, did=request.query.get("did", ""), awaits=_awaited_events(seen), **_refreshing(request),
        )  # fmt: skip

    async def _payload(self, instance: str, which: str) -> web.StreamResponse:
        """An input, output, custom status or the raw history, whole, as the JSON that it is."""
        if which == "history":
            seen = await self._host.engine.inspect(instance)
            text = json.dumps(seen.events, ensure_ascii=False) if seen else None
        else:
            found = await self._host.engine.get(instance)
            text = getattr(found, PAYLOADS[which]) if found else None
        if text is None:
            return self._nothing()
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        return web.Response(text=text, content_type="application/json", headers=headers)

    async def _act(self, request: web.Request, instance: str, verb: str) -> web.StreamResponse:
        """Press a button: do it, wait a moment for what follows, and show the instance."""
        typed, engine = await _typed(request), self._host.engine
        reason = typed.get("reason", "").strip()
        acts: dict[str, Callable[[], Awaitable[Any]]] = {
            "event": lambda: self._raise_event(instance, typed),
            "restart": lambda: engine.restart(instance, new_id=True),
            "purge": lambda: engine.purge(instance),
            "terminate": lambda: engine.terminate(instance, reason),
            "suspend": lambda: engine.suspend(instance, reason),
            "resume": lambda: engine.resume(instance, reason),
            "rewind": lambda: engine.rewind(instance, reason),
        }
        if verb not in acts:
            return self._nothing()
        try:
            made = await acts[verb]()
        except c.InstanceNotFound:
            return self._nothing()
        except BadInput as bad:
            return await self._one(request, instance, Refusal(422, str(bad), typed, bad.field))
        except (c.InstanceEnded, c.InstanceNotInState, c.InstanceExists) as error:
            return await self._one(request, instance, Refusal(409, str(error), typed))
        await self._settle()
        if verb == "purge":
            return _see("/standalone/instances?purged=1")
        return _see(f"{address(made if verb == 'restart' else instance)}?did={verb}")

    async def _raise_event(self, instance: str, typed: Mapping[str, str]) -> None:
        name = typed.get("name", "")
        if not name.strip():
            raise BadInput("name", "An event needs a name.")
        value = _json_of("value", typed) or '""'
        if value == "null":
            raise BadInput("value", "An event's value cannot be null: the durable HTTP API answers 400 to that.")
        await self._host.engine.raise_event(instance, name, value)


async def _typed(request: web.Request) -> dict[str, str]:
    """A form's fields."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _json_of(field: str, typed: Mapping[str, str]) -> str | None:
    """A field's JSON, None where nothing was typed. Raises BadInput."""
    text = typed.get(field, "").strip()
    try:
        return json.dumps(json.loads(text)) if text else None
    except (ValueError, RecursionError) as error:
        raise BadInput(field, f'The {field} is no JSON: {error}. A text needs its quotes: "yes".') from None


class BadInput(ValueError):
    """A field of a form holds what cannot be taken; the message says why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def address(instance: str) -> str:
    """The path of an instance's page, whatever the id consists of."""
    return f"/standalone/instances/{quote(instance, safe='')}"


def _see(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where})


def _refreshing(request: web.Request) -> dict[str, Any]:
    """Whether the page looks again by itself, as `?refresh=10` asks, and the links to have it so or otherwise."""
    asked = request.query.get("refresh", "")
    query = {name: value for name, value in request.query.items() if name not in ("refresh", "did", "purged")}
    links = {each: f"?{urlencode({**query, 'refresh': each})}" for each in REFRESHES}
    return {"refresh": int(asked) if asked in map(str, REFRESHES) else 0, "refreshes": links, "still": f"?{urlencode(query)}"}


def _entity_state(found: c.InstanceStatus) -> str | None:
    stored = json.loads(found.input_json or "{}")
    return stored.get("state") if stored.get("exists") else None


def _parent(events: Sequence[Mapping[str, Any]]) -> str:
    started = next((each for each in events if each["EventType"] == h.EXECUTION_STARTED), {})
    parent = started.get("ParentInstance")
    return parent["OrchestrationInstance"]["InstanceId"] if parent else ""


def _awaited_events(seen: c.Inspection) -> Sequence[str]:
    """Names of events that would be taken now, to be offered."""
    whereabouts = seen.whereabouts or c.Whereabouts("waits")
    wanted = [leaf for leaf in leaves(whereabouts.wanted) if not leaf.done] if whereabouts.wanted else []
    asked = [*wanted, *(each for each in whereabouts.asked if not each.done)]
    return list(dict.fromkeys(each.name for each in asked if each.kind == "event"))


def history_table(seen: c.Inspection) -> Sequence[Entry]:
    """The rows of a raw history: what completes something under the name of that; without the events that only frame episodes."""
    places = {number: each.place for each in (seen.whereabouts.asked if seen.whereabouts else ()) for number in each.numbers}
    scheduled = {(event["EventType"], event["EventId"]): event for event in seen.events if event["EventId"] >= 0}
    rows = []
    for event in seen.events:
        kind = event["EventType"]
        if kind in FRAMES:
            continue
        about = scheduled.get(completed_by(event), {}) if kind in COMPLETES else event
        number = about.get("EventId", -1)
        rows.append(
            Entry(
                h.instant(event["Timestamp"]),
                h.NAMES.get(kind, str(kind)),
                number if number >= 0 else None,
                str(about.get("Name") or ""),
                _text(event),
                given=_given(event["Name"], seen.inputs.get(number) or "") if kind == h.TASK_SCHEDULED else "",
                stack=stack_of(event.get("Details") or "") or "",
                instance=about.get("InstanceId") or "",
                place=places.get(number, ()),
            )
        )
    return rows


def _text(event: Mapping[str, Any]) -> str:
    """What an event has to say."""
    if "FireAt" in event:
        return f"due {h.instant(event['FireAt']):%Y-%m-%d %H:%M:%S}"
    value = next((event[name] for name in ("Result", "Reason", "Input") if event.get(name) is not None), "")
    return _readable(value if isinstance(value, str) else json.dumps(value))


def _given(name: str, text: str) -> str:
    """An activity's input. Of an HTTP request, without what may be a secret: its headers and its query."""
    if name != HTTP_ACTIVITY:
        return _readable(text)
    request = json.loads(text)
    return f"{request.get('method')} {str(request.get('uri')).partition('?')[0]}"


def _readable(text: str) -> str:
    """JSON without its escapes of letters; any other text as it is."""
    if "\\u" not in text:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text
