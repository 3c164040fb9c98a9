"""What a request to the durable HTTP API asks for: the parts of its path, the fields of its query, its body's text.

Read as the extension reads them, which is lenient: a field that makes no sense is as good as none.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote, unquote_plus

from aiohttp import web

from standalone import json_bodies
from standalone.contracts import InstanceQuery
from standalone.engine.orchestration import STATUS_NUMBERS

STATUSES = tuple(STATUS_NUMBERS)
"""In the order of their numbers, which a query may name too."""
PAGE = 100  # where no `top` is given
_NUMBER = re.compile(r"-?[0-9]{1,9}")


class TimesWrong(Exception):
    """The times for waiting do not fit together. The message says how."""


async def text(request: web.Request) -> str:
    """The body."""
    return json_bodies.decoded(await request.read(), request.charset)


def _decoded(path: str) -> str:
    """A path as the server has it: percent-decoded, but for slashes."""
    return unquote(re.sub("%2f", "%252F", path, flags=re.IGNORECASE))


def path_again(path: str) -> str:
    """A path as the server tells it again: only what must be is encoded."""
    return quote(re.sub("%(?![0-9A-Fa-f]{2})", "%25", _decoded(path)), safe="/%!$&'()*+,;=:@")


def segments(path: str) -> list[str]:
    """A path's parts. It is decoded twice, as there: by the server, and as a form's field, where + is a blank."""
    return unquote_plus(_decoded(path).removeprefix("/").removesuffix("/")).split("/")


def flag(request: web.Request, name: str, default: bool) -> bool:
    """`true` or `false` of a query; any other text is as good as none."""
    return {"true": True, "false": False}.get(query(request).get(name.lower(), "").strip().lower(), default)


def query(request: web.Request) -> dict[str, str]:
    """The query by lower-case names; values of one name are joined by commas."""
    found: dict[str, str] = {}
    for name, value in request.query.items():
        key = name.lower()
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def _statuses(text: str) -> frozenset[str]:
    """The statuses that a query lists, by name or number. A name that is none is left out, a number that is none matches nothing."""
    named = {each.strip() for each in text.split(",")}
    return frozenset(STATUSES[int(each)] if each.isdecimal() and int(each) < len(STATUSES) else each
                     for each in named if each in STATUSES or each.isdecimal())  # fmt: skip


def instant(text: str | None) -> datetime | None:
    """A query's instant; what is none is ignored, as there."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def instances(request: web.Request) -> InstanceQuery:
    """Which instances a query wants listed or deleted."""
    given = query(request)
    top = given.get("top", "").strip()
    return InstanceQuery(
        created_from=instant(given.get("createdtimefrom")),
        created_to=instant(given.get("createdtimeto")),
        statuses=_statuses(given.get("runtimestatus", "")),
        id_prefix=given.get("instanceidprefix") or None,
        top=int(top) if _NUMBER.fullmatch(top) else PAGE,
        continuation=request.headers.get("x-ms-continuation-token") or None,
    )


def _seconds(text: str) -> float | None:
    """A number as .NET reads it: 5, 1.5, 1e1, 1,000. None for what is none."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def waiting_times(query: Mapping[str, str]) -> tuple[float, float] | None:
    """Seconds to wait for the end of what is started, and between two looks; None unless both are given. Raises TimesWrong."""
    timeout, interval = _seconds(query.get("timeout", "")), _seconds(query.get("pollinginterval", ""))
    if timeout is None or interval is None:
        return None
    if not (math.isfinite(timeout) and math.isfinite(interval) and interval >= 0):
        raise TimesWrong("timeout and pollingInterval must be lengths of time")
    if timeout < interval:
        raise TimesWrong(f"Total timeout {timeout:g} should be bigger than retry timeout {interval:g}")
    return timeout, interval
