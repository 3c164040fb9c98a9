"""`context.call_http` to the letter: the Durable extension 3.19.0 was asked the same, of a server that answered the same."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from azure.durable_functions.models.DurableHttpRequest import DurableHttpRequest

from standalone.workers.http_headers import received
from tests.host.edgehost import an_app
from tests.host.enginehost import Host, running

CODE = """
@app.orchestration_trigger(context_name="context")
def asks(context):
    try:
        return (yield context.call_http(**context.get_input()))
    except Exception as failure:
        return str(failure)
"""
UNHANDLED = "Unhandled exception while executing task: "
NO_ADDRESS = "An invalid request URI was provided. Either the request URI must be an absolute URI or BaseAddress must be set."


class Site:
    """A server, what it was asked, and an orchestration that calls it."""

    def __init__(self, host: Host, url: str) -> None:
        self.host, self.url = host, url
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.accepted = 1000  # so many times `/slow` is not done yet

    async def output(self, uri: str, method: str = "GET", **given: Any) -> Any:
        """What came of a call, half an hour later; a path is the server's."""
        uri = self.url + uri if uri.startswith("/") else uri
        instance = await self.host.engine.start_instance("asks", json.dumps({"method": method, "uri": uri, **given}))
        await self.host.advance(minutes=30)
        found = await self.host.engine.get(instance)
        assert found is not None
        return json.loads(found.output_json or "null")

    async def failure(self, uri: str, method: str = "GET", **given: Any) -> list[str]:
        """Reason and details of a call that failed."""
        return str(await self.output(uri, method, **given)).split(" \n ")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The server's answer, by path."""
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        self.asked.append((request.method, request.path, headers, await request.text()))
        kind, _, rest = request.path[1:].partition("/")
        match kind:
            case "status":
                return web.Response(status=int(rest), text="told")
            case "slow" if len(self.asked) > self.accepted:
                return web.Response(text="done")
            case "slow":
                return web.Response(status=202, headers={"Location": f"{self.url}/slow", "Retry-After": "5"}, text="wait")
            case "to":
                return web.Response(status=int(rest), headers={"Location": "../there"})
            case "round":
                return web.Response(status=302, headers={"Location": "/round"})
            case "packed":
                return web.Response(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"packed", mtime=0))
            case "bytes":
                return web.Response(headers={"Content-Type": f"text/plain{rest}"}, body=b"\xef\xbb\xbf\xc3\xa9" if not rest else b"\xe9")
            case "gone":
                assert request.transport is not None
                request.transport.close()
        return web.Response(text="here")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The server, on any port."""
    application = web.Application()
    runner = web.AppRunner(application)
    async with running(an_app(tmp_path / "app", CODE), tmp_path) as host:
        made = Site(host, "")
        application.router.add_route("*", "/{path:.*}", made.answer)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
        await runner.cleanup()


@pytest.mark.parametrize("status", [201, 304, 404, 500])
async def test_any_answer_is_a_result(site: Site, status: int) -> None:
    """It is for the orchestrator to judge a status; only no answer is a failure."""
    told = await site.output(f"/status/{status}")
    assert (told["statusCode"], told["content"]) == (status, "" if status == 304 else "told")


async def test_a_202_is_an_answer_that_nobody_asks_again_for(site: Site) -> None:
    """The extension polls when asked to, and SDK 1.x does not ask: orchestrators that were written for it do so themselves."""
    told = await site.output("/slow")
    assert (told["statusCode"], told["content"], told["headers"]["Retry-After"]) == (202, "wait", "5")
    assert told["headers"]["Location"] == f"{site.url}/slow"
    assert len(site.asked) == 1


async def test_a_202_is_asked_after_where_the_action_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app may have its own action written so: the engine then goes on when the answer is another, while Python has had the 202."""
    written = DurableHttpRequest.to_json
    monkeypatch.setattr(DurableHttpRequest, "to_json", lambda self: {**written(self), "asynchronousPatternEnabled": True})
    site.accepted = 2
    told = await site.output("/slow", headers={"x-functions-key": "secret", "x-of-ours": "kept"})
    assert (told["statusCode"], told["content"]) == (202, "wait")
    assert [(method, path) for method, path, *_ in site.asked] == [("GET", "/slow")] * 3
    assert ["x-functions-key" in headers for *_, headers, _ in site.asked] == [True, False, False]
    assert all(headers["x-of-ours"] == "kept" for *_, headers, _ in site.asked)


async def test_headers_of_the_content_are_not_the_answer_s(site: Site) -> None:
    """.NET keeps them elsewhere, so there is no Content-Type to look at; a product and its comment are two values."""
    told = await site.output("/")
    assert sorted(told["headers"]) == ["Date", "Server"]
    assert told["headers"]["Server"][0].startswith("Python/")


def test_headers_are_told_as_dotnet_tells_them() -> None:
    """Known names in one way however they came, several lines as a list, lists as lists, what is no ASCII as Latin-1."""
    lines = [
        (b"etag", b'"e"'), (b"x-own", b"caf\xe9"), (b"SET-COOKIE", b"a=1"), (b"set-cookie", b"b=2, c"), (b"Vary", b"Accept, Origin"),
        (b"server", b"nginx/1.18.0 (Ubuntu)"), (b"Link", b"<a>, <b>"), (b"Content-Type", b"text/plain"), (b"expires", b"0"), (b"Via", b""),
    ]  # fmt: skip
    assert received(lines) == {
        "ETag": '"e"', "x-own": "café", "Set-Cookie": ["a=1", "b=2, c"], "Vary": ["Accept", "Origin"],
        "Server": ["nginx/1.18.0", "(Ubuntu)"], "Link": "<a>, <b>", "Via": "",
    }  # fmt: skip


AGENT = {"User-Agent": "Microsoft.Azure.WebJobs.Extensions.DurableTask/3.19.0"}
TEXT = {**AGENT, "Content-Type": "text/plain"}


@pytest.mark.parametrize(
    ("given", "headers", "body"),
    [
        ({}, AGENT, ""),
        ({"method": "get", "headers": {"Content-Type": "text/html", "X-A": "1"}}, {**AGENT, "X-A": "1"}, ""),
        ({"headers": {"user-agent": "me/1.0", "X-A": ["1", "2"], "X-B": 5, "X-C": None}}, {"User-Agent": "me/1.0", "X-A": "1, 2"}, ""),
        ({"method": "POST", "content": {"a": "é"}}, {**TEXT, "Content-Length": "15"}, '{"a": "\\u00e9"}'),
        (
            {"method": "POST", "content": "a=é", "is_raw_str": True, "headers": {"content-type": "application/x-www-form-urlencoded"}},
            {**AGENT, "Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Content-Length": "4"},
            "a=é",
        ),
        ({"method": "POST", "content": "x", "headers": {"Transfer-Encoding": "chunked"}}, {**TEXT, "Content-Length": "3"}, '"x"'),
    ],
)
async def test_a_request_has_the_headers_it_was_given_and_the_extension_s(
    site: Site, given: dict[str, Any], headers: dict[str, str], body: str
) -> None:
    """Nothing of the client's own: no Accept, no encodings that it would unpack."""
    await site.output("/", **given)
    assert site.asked == [(given.get("method", "GET").upper(), "/", headers, body)]


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        *[("POST", status, "GET") for status in (300, 301, 302, 303)],
        *[("POST", status, "POST") for status in (307, 308)],
        *[("PUT", status, "PUT") for status in (301, 302, 307)],
        ("PUT", 303, "GET"),
    ],
)
async def test_redirects_are_followed_without_authorization(site: Site, method: str, status: int, then: str) -> None:
    """A key is not for whoever is behind a redirect; what becomes a GET has no content any more."""
    headers = {"Authorization": "Bearer key", "X-A": "1"}
    told = await site.output(f"/to/{status}", method, content="x", headers=headers)
    kept = {**(AGENT if then == "GET" else {**TEXT, "Content-Length": "3"}), "X-A": "1"}
    assert told["content"] == "here"
    assert site.asked[1:] == [(then, "/there", kept, "" if then == "GET" else '"x"')]


async def test_a_redirect_in_a_circle_is_the_answer_in_the_end(site: Site) -> None:
    """After fifty."""
    assert (await site.output("/round"))["statusCode"] == 302
    assert len(site.asked) == 51


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/packed", gzip.compress(b"packed", mtime=0).decode(errors="replace")),
        ("/bytes", "é"),
        ("/bytes/;charset=iso-8859-1", "é"),
        ('/bytes/;charset="utf-8"', "\ufffd"),
    ],
)
async def test_the_content_is_read_as_text_as_it_came(site: Site, path: str, content: str) -> None:
    """Nothing is unpacked, a byte order mark is no text, and what cannot be read is U+FFFD."""
    assert (await site.output(path))["content"] == content


@pytest.mark.parametrize(
    ("given", "kind", "why"),
    [
        ({"uri": "nowhere"}, "System.InvalidOperationException", NO_ADDRESS),
        ({"uri": ""}, "System.InvalidOperationException", NO_ADDRESS),
        ({"uri": "ftp://127.0.0.1/x"}, "System.NotSupportedException", "The 'ftp' scheme is not supported."),
        (
            {"content": "x", "headers": {"Content-Type": "text/html; charset=utf-8"}},
            "System.FormatException",
            "The format of value 'text/html; charset=utf-8' is invalid.",
        ),
        (
            {"headers": {"Content-Type": "multipart/form-data"}},
            "Microsoft.Azure.WebJobs.Extensions.DurableTask.FunctionFailedException",
            "Multipart content is not supported with CallHttpAsync.",
        ),
        (
            {"headers": {"Content-Length": "5"}},
            "System.InvalidOperationException",
            "Misused header name, 'Content-Length'. Make sure request headers are used with HttpRequestMessage, "
            "response headers with HttpResponseMessage, and content headers with HttpContent objects.",
        ),
        ({"headers": {"X A": "1"}}, "System.FormatException", "The header name 'X A' has an invalid format."),
        (
            {"headers": {"X-A": "a\r\nX-B: c"}},
            "System.FormatException",
            "New-line or NUL characters are not allowed in header values.",
        ),
        (
            {"uri": "/bytes/;charset=nope"},
            "System.InvalidOperationException",
            "The character set provided in ContentType is invalid. Cannot read content as string using an invalid character set.",
        ),
    ],
)
async def test_what_dotnet_refuses_fails_with_its_words(site: Site, given: dict[str, Any], kind: str, why: str) -> None:
    """People search for them; a type with a charset behind it is refused, too."""
    assert await site.failure(**{"uri": "/", **given}) == [why, f"{UNHANDLED}{kind}: {why}"]


@pytest.mark.parametrize(
    ("given", "why", "code"),
    [
        ({"uri": "http://127.0.0.1:1/"}, "Connection refused (127.0.0.1:1)", 2),
        ({"uri": "/gone"}, "An error occurred while sending the request.", 10),
        ({"headers": {"X-A": "é"}}, "Request headers must contain only ASCII characters.", 0),
    ],
)
async def test_a_request_that_gets_no_answer_tells_the_exception_s_fields(site: Site, given: dict[str, Any], why: str, code: int) -> None:
    """Behind the reason, as JSON: `HttpRequestError` is .NET's number for what happened."""
    reason, details = await site.failure(**{"uri": "/", **given})
    told = json.loads(details)
    assert (reason, told["Message"], told["HttpRequestError"]) == (why, why, code)
    assert told["$type"] == "System.Net.Http.HttpRequestException, System.Net.Http"


@pytest.mark.parametrize(
    ("method", "why"),
    [
        ("A B", "The format of the HTTP method is invalid."),
        ("", "The value cannot be an empty string or composed entirely of whitespace. (Parameter 'method')"),
    ],
)
async def test_a_method_that_is_none_fails_the_orchestration(site: Site, method: str, why: str) -> None:
    """The orchestrator's code cannot catch it: the extension refuses what the SDK gives it."""
    assert await site.output("/", method) == f"Orchestrator function 'asks' failed: {why}"
    assert site.asked == []
