"""The HTTP server: the app's routes, the durable API, the admin API and the host's own pages on one port.

Paths hold capability tokens of the app, so nothing here logs a URL: a request is logged by the route's template.
"""

import functools
import ipaddress
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from standalone import durable_api
from standalone.contracts import FunctionFailed, HttpAnswer, HttpCall, StoreFailed
from standalone.cors import Cors
from standalone.http_syntax import is_token
from standalone.routes import Route
from standalone.throttle import TooManyRequests

if TYPE_CHECKING:
    from standalone.host import Host

log = logging.getLogger("standalone.http")
protocol_log = logging.getLogger("standalone.protocol")

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "server", "date"}
AS_KESTREL: Mapping[str, Any] = {"auto_decompress": False, "max_field_size": 32 * 1024}
"""How aiohttp reads requests: bodies as they come, and headers as long as those of all who sign in somewhere."""

POSSIBLE_STATUS = range(200, 1000)
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]*")
NOBODY = Cors()


Area = Callable[[web.Request, str], Awaitable[web.StreamResponse]]


class Server:
    """Answers every request. `private` requests came over the loopback listener that only workers know: no key is asked."""

    def __init__(self, host: "Host", *, private: bool) -> None:
        self._host = host
        self._private = private
        self.app = web.Application(client_max_size=host.configuration.host.largest_body)
        self.app.router.add_route("*", r"/{path:[\s\S]*}", self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        cors = NOBODY if self._private else self._host.cors
        preflight = cors.preflight(request.method, request.headers)
        if preflight is not None:
            return web.Response(status=204, headers=preflight)
        answer = await self._answered(request)
        for name, value in cors.headers(request.headers).items():
            if name == "Vary":
                answer.headers.add(name, value)
            else:
                answer.headers[name] = value
        return answer

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path.lstrip("/")
        try:
            _ = request.url
        except ValueError:  # a Host header that names no host
            return web.Response(status=400)
        if not self._host.ready:
            return web.Response(status=503, headers={"Retry-After": "1"})
        if (request.content_length or 0) > self._host.configuration.host.largest_body:
            return web.Response(status=413)  # before it is sent
        try:
            return await self._in_its_area(request, path)
        except TooManyRequests:
            return web.Response(status=429)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        except (ConnectionResetError, web.RequestPayloadError) as error:
            log.debug("a request's body did not come whole: %s", type(error).__name__)
            return web.Response(status=400)
        except StoreFailed as failure:
            log.error("nothing can be stored: %s", failure)
            return web.Response(status=503, headers={"Retry-After": "5"})
        except web.HTTPException:
            raise
        except Exception:
            log.exception("a request could not be answered")
            return web.Response(status=500)

    async def _in_its_area(self, request: web.Request, path: str) -> web.StreamResponse:
        area = path.split("/", 1)[0].lower()
        for prefix, answer in self._areas().items():
            if area == prefix or path.lower().startswith(prefix + "/"):
                return await answer(request, path[len(prefix) :].lstrip("/"))
        return web.Response(status=404) if self._private else await self._public(request, path, self._function)

    def _areas(self) -> dict[str, Area]:
        if self._private:
            return {durable_api.RPC.lstrip("/"): self._durable}
        areas: dict[str, Area] = {durable_api.PUBLIC.lstrip("/"): self._public_durable, "admin": self._admin}
        if self._host.loopback:
            areas |= {"standalone": self._pages, "": self._pages}
        return areas

    async def _public_durable(self, request: web.Request, rest: str) -> web.StreamResponse:
        return await self._public(request, rest, self._durable)

    async def _public(self, request: web.Request, rest: str, area: Area) -> web.StreamResponse:
        """What the settings of extensions.http in host.json hold for: the app's functions and the durable API."""
        async with self._host.throttle.turn():
            answer = await area(request, rest)
        for name, value in self._host.configuration.host.custom_headers.items():
            answer.headers.setdefault(name, value)
        return answer

    async def _function(self, request: web.Request, path: str) -> web.StreamResponse:
        found = self._host.routes.find(request.method, path)
        if found is None:
            return web.Response(status=404)
        route, values = found
        if not self._admitted(request, str(route.function.trigger.get("authLevel") or "function").lower()):
            return web.Response(status=401)
        began = time.perf_counter()
        answer = await self._run(request, route, values)
        log.info("%s /%s %d %.0f ms", request.method, route.template.text, answer.status, (time.perf_counter() - began) * 1000)
        return answer

    async def _run(self, request: web.Request, route: Route, values: dict[str, str]) -> web.StreamResponse:
        if request.content_length is None and request.body_exists:
            log.warning(
                "%s /%s: the body came without a Content-Length; on Azure none such reaches a function", request.method, route.template.text
            )
        body = await request.read() if request.content_length else b""
        headers = [(name, value) for name, value in request.headers.items()]
        call = HttpCall(request.method, str(request.url), headers, list(request.query.items()), values, body)
        try:
            answer = await self._host.workers.call_http(route.function.name, call)
        except FunctionFailed as failure:
            log.error("the function %s failed: %s\n%s", route.function.name, failure.message, failure.stack)
            return web.Response(status=500)
        if flaw := _flaw(answer):
            log.error("the function %s answered what cannot be sent: %s", route.function.name, flaw)
            return web.Response(status=500)
        kept: CIMultiDict[str] = CIMultiDict((name, value) for name, value in answer.headers if name.lower() not in HOP_BY_HOP)
        return web.Response(status=answer.status, headers=kept, body=answer.body)

    def _admitted(self, request: web.Request, level: str) -> bool:
        """Whether the request may pass: always where no keys are asked for, else with a key of that level."""
        if self._private or self._host.keys is None:
            return True
        return self._host.keys.admits(level, request.headers.get("x-functions-key") or request.query.get("code") or "")

    async def _durable(self, request: web.Request, rest: str) -> web.StreamResponse:
        if not self._admitted(request, "system"):
            return web.Response(status=401)
        if refusal := self._refusal(request):
            return refusal
        under = durable_api.RPC if self._private else durable_api.PUBLIC
        return await self._host.durable.handle(request, f"{request.scheme}://{request.host}{under}", rest)

    async def _admin(self, request: web.Request, rest: str) -> web.StreamResponse:
        if rest.lower() == "host/ping" and request.method in ("GET", "POST"):
            return web.Response(status=200)  # for whoever watches over a container: no key is asked, there neither
        if not self._admitted(request, "admin"):
            return web.Response(status=401)
        if refusal := self._refusal(request):
            return refusal
        parts = rest.strip("/").split("/")
        if request.method == "GET" and rest.lower() == "host/status":
            return web.json_response({"id": "standalone", "state": "Running", "version": "standalone"})
        if request.method == "GET" and rest.lower() == "functions":
            return web.json_response([{"name": each.name, "kind": each.kind} for each in self._host.functions])
        if request.method == "POST" and len(parts) == 2 and parts[0].lower() == "functions":
            return await self._fire(request, parts[1])
        return web.Response(status=404)

    async def _fire(self, request: web.Request, name: str) -> web.StreamResponse:
        """Run a timer function by hand, in the background unless `wait=true`."""
        function = next((each for each in self._host.functions if each.name.lower() == name.lower()), None)
        if function is None or function.kind != "timer":
            return web.Response(status=404)
        if request.query.get("wait", "").lower() != "true":
            self._host.in_background(self._host.timers.run(function.name))
            return web.Response(status=202)
        try:
            await self._host.timers.call(function.name)
        except FunctionFailed as failure:
            return web.json_response({"error": failure.message}, status=500)
        return web.Response(status=200)

    async def _pages(self, request: web.Request, rest: str) -> web.StreamResponse:
        return self._refusal(request, by_cors=False) or await self._host.pages.handle(request, rest)

    def _refusal(self, request: web.Request, *, by_cors: bool = True) -> web.Response | None:
        """What a web page elsewhere gets that tries the doors for which no key is asked, through the browser of who sits here.

        `by_cors`: a site that the settings name may.
        """
        if self._private or not self._host.loopback:
            return None
        if not _is_of_this_machine(request.host):  # its own name could point to this machine
            return web.Response(status=403, text="Without a key this answers to localhost only.\n")
        if by_cors and self._host.cors.admits(request.headers.get("Origin")):
            return None
        if request.method not in ("GET", "HEAD") and not _of_this_site(request):
            return web.Response(status=403, text="This was sent from another site.\n")
        return None


def _flaw(answer: HttpAnswer) -> str | None:
    """Why an answer cannot be sent. Kestrel, in front of functions on Azure, lets no header through that is not plain ASCII."""
    if answer.status not in POSSIBLE_STATUS:
        return f"the status {answer.status}"
    for name, value in answer.headers:
        if not is_token(name):
            return f"a header of the name {name!r}"
        if not _FIELD_VALUE.fullmatch(value):
            return f"a value of the header {name} that is not printable ASCII; in a file name write filename*=UTF-8''…"
    return None


def _of_this_site(request: web.Request) -> bool:
    """By what a browser tells of where a request came from; one that tells neither is no browser of these years."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or origin == f"{request.scheme}://{request.host}"


def without_contents(record: logging.LogRecord) -> bool:
    """A log filter: what is no HTTP is told by its kind only, for its path may hold a token all the same."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg, record.args, record.exc_info = "a request that is no HTTP was refused: %s", (type(error).__name__,), None
    return True


protocol_log.addFilter(without_contents)


@functools.lru_cache(64)
def _is_of_this_machine(authority: str) -> bool:
    return is_local(URL.build(authority=authority).host or "")


def is_local(name: str) -> bool:
    """Whether a host's name or address means this machine."""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
