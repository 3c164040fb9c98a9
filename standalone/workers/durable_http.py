"""The built-in activity behind `context.call_http`: one HTTP request, made by the host (TaskHttpActivityShim.cs).

Every answer is a result, whatever its status code; only a request that gets none fails. Polling after a 202 is the engine's business.
"""

import json
import os
from typing import Any

import aiohttp

from standalone.contracts import FunctionFailed

TIMEOUT = 100.0  # seconds: .NET's default for an HTTP client


async def call(request_json: str | None) -> str:
    """Send the request of a CallHttp action; answer its response as the extension writes it. Raises FunctionFailed."""
    request: dict[str, Any] = json.loads(request_json or "{}")
    if request.get("tokenSource"):
        raise FunctionFailed("call_http with a token source asks Azure for a token: there is none on this host.")
    headers = dict(request.get("headers") or {})
    content = request.get("content")
    if content is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "text/plain"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
            session.request(request["method"], request["uri"], data=content, headers=headers) as response,
        ):
            answered = {name: ", ".join(response.headers.getall(name)) for name in response.headers}
            return json.dumps({"statusCode": response.status, "headers": answered, "content": await response.text(errors="replace")})
    except (TimeoutError, aiohttp.ClientError, ValueError) as error:
        raise FunctionFailed(_wording(error)) from error


def _wording(error: Exception) -> str:
    """What went wrong, in .NET's words where it has some."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"Name or service not known ({error.host}:{error.port})"
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return f"{os.strerror(error.os_error.errno)} ({error.host}:{error.port})"
    if isinstance(error, aiohttp.InvalidURL):
        return "An invalid request URI was provided. Either the request URI must be an absolute URI or BaseAddress must be set."
    if isinstance(error, TimeoutError):
        return f"The request was canceled due to the configured HttpClient.Timeout of {TIMEOUT:g} seconds elapsing."
    return str(error) or type(error).__name__
