"""The host's own pages under /standalone/: functions, mailbox, clock; those of instances are in instance_pages.

They work without JavaScript, and escape everything.
"""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import TypeAdapter, ValidationError

from standalone import contracts as c
from standalone.explaining import left, span, when
from standalone.instance_pages import FEW, OPEN_SHOWN, SHOWN, InstancePages, address
from standalone.mailbox import Letter

if TYPE_CHECKING:
    from standalone.host import Host

PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)
_HEAD = re.compile(r"\s*(?:<!doctype[^>]*>)?\s*(?:<html[^>]*>)?\s*(?:<head[^>]*>)?", re.IGNORECASE)
LONGEST_SKIP = timedelta(days=3660)
UNSNIFFED = {"X-Content-Type-Options": "nosniff"}
LETTERS_SHOWN = 100
AREAS = {
    "home.html": "",
    "mailbox.html": "mail",
    "clock.html": "clock",
    "instances.html": "instances",
    "instance.html": "instances",
    "entity.html": "instances",
}
"""Which entry of the navigation a page is."""

_ID = re.compile(r"[0-9]{1,15}")
FUNCTIONS_SHOWN = ("http", "timer", "orchestrator", "activity", "entity")

Handler = Callable[[web.Request, list[str]], Awaitable[web.StreamResponse]]


class Pages:
    """Answers /standalone/… and the home page."""

    def __init__(self, host: "Host") -> None:
        self._host = host
        here = Path(__file__).parent
        self._style = (here / "templates" / "standalone.css").read_text(encoding="utf-8")
        self._templates = Environment(
            loader=FileSystemLoader(here / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.filters |= {"when": when, "pretty": pretty, "span": span, "address": address, "cut": cut, "left": left}
        self._templates.globals |= {"few": FEW, "shown": SHOWN, "open_shown": OPEN_SHOWN}
        self._instances = InstancePages(host, self._html, self._nothing)

    async def handle(self, request: web.Request, rest: str) -> web.StreamResponse:
        """Answer a request for `rest`, the path below /standalone/."""
        first, *parts = rest.strip("/").split("/")
        pages: dict[str, Handler] = {
            "": self._home,
            "mail": self._mail,
            "clock": self._clock,
            "instances": self._instances.handle,
            "standalone.css": self._css,
        }
        page = pages.get(first)
        if page is None:
            return self._nothing()
        return await page(request, [unquote(part) for part in parts if part])

    def _html(self, template: str, status: int = 200, **values: Any) -> web.Response:
        now, virtual = self._host.clock.now(), self._host.clock.virtual
        text = self._templates.get_template(template).render(area=AREAS.get(template), now=now, virtual=virtual, **values)
        headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store", **UNSNIFFED}
        return web.Response(text=text, status=status, content_type="text/html", headers={**headers, "Referrer-Policy": "same-origin"})

    def _nothing(self) -> web.Response:
        return self._html("nothing.html", status=404)

    async def _css(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        return web.Response(text=self._style, content_type="text/css")

    async def _home(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        functions = [
            {"name": each.name, "kind": each.kind, "route": self._route(each), "disabled": each.disabled}
            for each in self._host.functions
            if each.kind in FUNCTIONS_SHOWN
        ]
        return self._html("home.html", functions=functions, url=self._host.url, app=self._host.app_dir.name)

    def _route(self, function: c.FunctionInfo) -> str:
        return next(
            (
                f"{', '.join(sorted(route.methods))} /{route.template.text}"
                for route in self._host.routes.routes
                if route.function.name == function.name
            ),
            "",
        )

    async def _mail(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        if not parts:
            return self._letters(request)
        letter = self._host.mailbox.get(int(parts[0])) if _ID.fullmatch(parts[0]) else None
        if letter is None:
            return self._nothing()
        if parts[1:] == ["html"]:
            return self._letter_html(letter)
        if parts[1:] == ["raw"]:
            return web.Response(body=letter.raw, content_type="text/plain", charset="utf-8", headers=UNSNIFFED)
        if wants_json(request):
            return web.json_response(letter.full())
        return self._html("letter.html", letter=letter)

    def _letters(self, request: web.Request) -> web.StreamResponse:
        """The list; `to`, `after` and `before` choose from it, `limit` cuts it."""
        numbers = {name: int(value) for name in ("after", "before", "limit") if _ID.fullmatch(value := request.query.get(name, ""))}
        to = request.query.get("to", "")
        if wants_json(request):
            return web.json_response([letter.summary() for letter in self._host.mailbox.list(to=to, **numbers)])
        letters = self._host.mailbox.list(to=to, **{**numbers, "limit": LETTERS_SHOWN + 1})
        return self._html("mailbox.html", letters=letters[:LETTERS_SHOWN], more=len(letters) > LETTERS_SHOWN, to=to)

    @staticmethod
    def _letter_html(letter: Letter) -> web.Response:
        """The HTML part alone, for the frame: its links open in the whole window, its scripts and forms never run."""
        begin = _HEAD.match(letter.html)
        cut = begin.end() if begin else 0
        html = f'{letter.html[:cut]}<base target="_top">{letter.html[cut:]}'
        headers = {"Content-Security-Policy": LETTER_POLICY, "Referrer-Policy": "no-referrer", **UNSNIFFED}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def _clock(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        if request.method == "POST":
            wanted: dict[str, Any] = {}
            try:
                wanted = await posted(request)
                await self._skip(wanted)
            except (ValueError, ValidationError) as error:
                detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                told = f"advance is no duration such as PT72H: {detail}"
                if wants_json(request):
                    return web.json_response({"error": told}, status=422)
                return self._html("clock.html", 422, due=self._host.next_due(), error=told, typed=str(wanted.get("advance", "")))
            if not wants_json(request):
                return web.Response(status=303, headers={"Location": "/standalone/clock"})
        now = self._host.clock.now().isoformat().replace("+00:00", "Z")
        if wants_json(request) or request.method == "POST":
            return web.json_response({"now": now, "virtual": self._host.clock.virtual})
        return self._html("clock.html", due=self._host.next_due(), error="", typed="")

    async def _skip(self, wanted: dict[str, Any]) -> None:
        if wanted.get("to") == "next":
            await self._host.advance_to_next()
            return
        by = DURATION.validate_python(wanted.get("advance"))
        if not timedelta(0) <= by <= LONGEST_SKIP:
            raise ValueError("between nothing and ten years can be skipped")
        await self._host.advance(by)


def wants_json(request: web.Request) -> bool:
    """Whether the caller asks for JSON rather than a page; a form or a browser never does."""
    return "text/html" not in request.headers.get("Accept", "")


async def posted(request: web.Request) -> dict[str, Any]:
    """A form's or a JSON body's fields. Raises ValueError."""
    if request.content_type == "application/json":
        body = await request.json()
        if not isinstance(body, dict):
            raise ValueError("the body is no JSON object")
        return body
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def cut(text: str, most: int = SHOWN) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else f"{text[:most]}…"


def pretty(text: str | None) -> str:
    """JSON text, indented."""
    if text is None:
        return "–"
    value = json.loads(text)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, indent=2, ensure_ascii=False)
