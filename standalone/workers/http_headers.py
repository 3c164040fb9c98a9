"""Headers of an HTTP response as .NET's HttpClient tells them, and with it the result of `call_http`.

Known names are written in one way, however they came; those of the content are not among the response's; a header that came in several
lines, or that .NET knows to be a list, has several values.
"""

import re
from collections.abc import Iterable

OF_CONTENT = frozenset(
    {
        "allow", "content-disposition", "content-encoding", "content-language", "content-length", "content-location", "content-md5",
        "content-range", "content-type", "expires", "last-modified",
    }
)  # fmt: skip
LISTS = frozenset({"accept-ranges", "connection", "pragma", "trailer", "transfer-encoding", "upgrade", "vary", "via", "warning"})
PRODUCT = re.compile(r"\([^)]*\)|\S+")
_NAMES = """
    Accept-Ranges Access-Control-Allow-Credentials Access-Control-Allow-Headers Access-Control-Allow-Methods
    Access-Control-Allow-Origin Access-Control-Expose-Headers Access-Control-Max-Age Age Alt-Svc Alt-Used Cache-Control Connection
    Content-Security-Policy Date ETag Expect-CT Keep-Alive Link Location Origin P3P Pragma Proxy-Authenticate Public-Key-Pins
    Referrer-Policy Retry-After Server Server-Timing Set-Cookie Strict-Transport-Security TE Timing-Allow-Origin Trailer
    Transfer-Encoding TSV Upgrade Vary Via Warning WWW-Authenticate X-AspNet-Version X-Cache X-Content-Duration X-Content-Type-Options
    X-Frame-Options X-MSEdge-Ref X-Powered-By X-Request-ID X-Served-By X-UA-Compatible X-XSS-Protection
"""
KNOWN = {name.lower(): name for name in _NAMES.split()}


def received(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, str | list[str]]:
    """A response's header lines by name: a text each, or a list of them."""
    found: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for raw, value in lines:
        key = raw.decode("latin-1").lower()
        if key not in OF_CONTENT:
            name = names.setdefault(key, KNOWN.get(key, raw.decode("latin-1")))
            found.setdefault(name, []).extend(_values(key, value.decode("latin-1")))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _values(key: str, text: str) -> list[str]:
    if key in LISTS:
        parts = [part for each in text.split(",") if (part := each.strip())]
    elif key == "server" and "," not in text:
        parts = PRODUCT.findall(text)
    else:
        parts = []
    return parts or [text]
