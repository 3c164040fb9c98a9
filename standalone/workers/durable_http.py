"""The built-in activity behind `context.call_http`: one HTTP request, made by the host as the extension makes it.

Every answer is a result, whatever its status code; a request that cannot be made, or gets no answer, fails. A 202 is an answer too: SDK 1.x
asks for no polling (github.com/Azure/azure-functions-durable-python/issues/380). The originals are TaskHttpActivityShim.cs and, for
redirects, texts and words, .NET's HttpClient; extension 3.19.0 was asked the same and answered so.
"""

import asyncio
import codecs
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
from yarl import URL

from standalone.contracts import FunctionFailed
from standalone.engine import wording
from standalone.http_syntax import is_token
from standalone.workers.http_headers import OF_CONTENT, received

TIMEOUT = 240.0  # seconds: DurableHttpClientFactory.cs
USER_AGENT = "Microsoft.Azure.WebJobs.Extensions.DurableTask/3.19.0"
MOST_REDIRECTS = 50
REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})
CHARSETS = frozenset({"utf-8", "ascii", "iso8859-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"})  # what .NET has by itself
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

_NO_ADDRESS = "An invalid request URI was provided. Either the request URI must be an absolute URI or BaseAddress must be set."
_MISUSED = (
    "Misused header name, '{}'. Make sure request headers are used with HttpRequestMessage, response headers with HttpResponseMessage, "
    "and content headers with HttpContent objects."
)
_UNREADABLE = "The character set provided in ContentType is invalid. Cannot read content as string using an invalid character set."
_LATE = f"The request was canceled due to the configured HttpClient.Timeout of {TIMEOUT:g} seconds elapsing."


async def call(request_json: str | None) -> str:
    """Send the request of a CallHttp action; answer its response as the extension writes it. Raises FunctionFailed."""
    request: dict[str, Any] = json.loads(request_json or "{}")
    if request.get("tokenSource"):
        raise FunctionFailed("call_http with a token source asks Azure for a token: there is none on this host.")
    url, content = _address(request.get("uri")), request.get("content")
    headers = _headers(request.get("headers") or {}, content is not None)
    try:
        async with asyncio.timeout(TIMEOUT), _session() as session:
            return json.dumps(await _ask(session, str(request.get("method") or "GET").upper(), url, headers, content))
    except TimeoutError as error:
        raise _refused("System.Threading.Tasks.TaskCanceledException", _LATE) from error
    except (aiohttp.ClientError, ValueError) as error:
        raise _unanswered(error) from error


def _session() -> aiohttp.ClientSession:
    """A client that adds no header of its own, unpacks nothing, and keeps no cookies."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    )


async def _ask(session: aiohttp.ClientSession, method: str, url: URL, headers: dict[str, str], content: str | None) -> Mapping[str, Any]:
    """The answer that the request's redirects lead to, as the extension writes it."""
    for left in reversed(range(MOST_REDIRECTS + 1)):
        async with session.request(method, url, data=content, headers=headers, allow_redirects=False) as response:
            following = _target(response) if left else None
            if following is None:
                return {
                    "statusCode": response.status,
                    "headers": received(response.raw_headers),
                    "content": _text(await response.read(), response.charset),
                }
            url = following
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            if _becomes_get(response.status, method):
                method, content = "GET", None
                headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    raise AssertionError("the last answer is returned")


def _target(response: aiohttp.ClientResponse) -> URL | None:
    """Where a redirect leads to; None where it is none, or leads nowhere, or to where it is not encrypted any more."""
    location = response.headers.get("Location")
    if response.status not in REDIRECTS or not location:
        return None
    try:
        target = response.url.join(URL(location))
    except ValueError:
        return None
    if target.scheme not in ("http", "https") or not target.host or (response.url.scheme, target.scheme) == ("https", "http"):
        return None
    return target


def _becomes_get(status: int, method: str) -> bool:
    return method not in ("GET", "HEAD") if status == 303 else method == "POST" and status < 303


def _address(uri: Any) -> URL:
    try:
        url = URL(str(uri or "").strip())
        if url.scheme and url.scheme not in ("http", "https"):
            raise _refused("System.NotSupportedException", f"The '{url.scheme}' scheme is not supported.")
        if url.host:
            return url.with_user(None)
    except ValueError:
        pass  # it is said below, as of any text that is no address
    raise _refused("System.InvalidOperationException", _NO_ADDRESS)


def _headers(given: Mapping[str, Any], has_content: bool) -> dict[str, str]:
    """The request's headers, a text or a list of them each; the type of its content is for us to send. Raises FunctionFailed."""
    headers, content_type = {"User-Agent": USER_AGENT}, ""
    for name, values in _written(given):
        if name.lower() == "content-type":
            content_type = values[-1]
            if any("multipart" in value for value in values):
                raise _refused(
                    "Microsoft.Azure.WebJobs.Extensions.DurableTask.FunctionFailedException",
                    "Multipart content is not supported with CallHttpAsync.",
                )
            continue
        if name.lower() == "transfer-encoding":
            continue  # how the content is sent is for the client to say
        _check(name, values)
        headers["User-Agent" if name.lower() == "user-agent" else name] = ", ".join(values)
    if has_content:
        headers["Content-Type"] = _content_type(content_type or "text/plain")
    return headers


def _written(given: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Names and values; what is neither a text nor a list is left out, as there."""
    for name, value in given.items():
        values = [value] if isinstance(value, str) else value
        if isinstance(values, list) and values:
            yield name, [str(each) for each in values]


def _check(name: str, values: list[str]) -> None:
    if not is_token(name):
        raise _refused("System.FormatException", f"The header name '{name}' has an invalid format.")
    if name.lower() in OF_CONTENT:
        raise _refused("System.InvalidOperationException", _MISUSED.format(name))
    if any(set(value) & set("\r\n\0") for value in values):
        raise _refused("System.FormatException", "New-line or NUL characters are not allowed in header values.")
    if not all(value.isascii() for value in values):
        why = "Request headers must contain only ASCII characters."
        raise FunctionFailed(why, wording.http_request_details(why, 0))


def _content_type(media_type: str) -> str:
    """A media type; a parameter behind it is refused, as there."""
    if media_type.lower() == "application/x-www-form-urlencoded":
        return f"{media_type}; charset=utf-8"
    main, _, sub = media_type.partition("/")
    if not (is_token(main) and is_token(sub)):
        raise _refused("System.FormatException", f"The format of value '{media_type}' is invalid.")
    return media_type


def _text(body: bytes, charset: str | None) -> str:
    """A body as .NET reads it: by the charset it names, else by its mark, else as UTF-8; what cannot be read is U+FFFD."""
    try:
        encoding = codecs.lookup(charset.strip("\"'") if charset else "utf-8").name
    except LookupError:
        encoding = ""
    if encoding not in CHARSETS:
        raise _refused("System.InvalidOperationException", _UNREADABLE)
    marked = next((by for mark, by in MARKS.items() if body.startswith(mark)), None) if not charset else None
    return body.decode(marked or encoding, "replace").removeprefix("\ufeff")


def _refused(kind: str, why: str) -> FunctionFailed:
    return FunctionFailed(why, wording.unhandled_in_task(kind, why))


def _unanswered(error: aiohttp.ClientError | ValueError) -> FunctionFailed:
    """The failure of a request that got no answer, in .NET's words where it has some, with its number for the kind."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        why, code = f"Name or service not known ({error.host}:{error.port})", 1
    elif isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        why, code = f"{os.strerror(error.os_error.errno)} ({error.host}:{error.port})", 2
    elif isinstance(error, aiohttp.ClientPayloadError):
        why, code = "Error while copying content to a stream.", 10
    elif isinstance(error, aiohttp.ClientConnectionError):
        why, code = "An error occurred while sending the request.", 10
    elif isinstance(error, aiohttp.ClientResponseError):
        why, code = f"Received an invalid response: {error.message}", 9
    else:
        why, code = str(error) or type(error).__name__, 0
    return FunctionFailed(why, wording.http_request_details(why, code))
