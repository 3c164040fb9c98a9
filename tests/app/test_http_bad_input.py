"""Whatever is wrong with a request, the answer is a 4xx that says what, and nothing is stored."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.app.greenlight import OPERATOR, Greenlight, a_proposal, running


@pytest_asyncio.fixture(scope="module")
async def empty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Greenlight]:
    """One host for all of these: nothing may ever be stored in it."""
    async with running(tmp_path_factory.mktemp("empty")) as app:
        yield app


def raw(**changes: Any) -> bytes:
    """A proposal's body as bytes."""
    return json.dumps(a_proposal(**changes)).encode()


BODIES: dict[str, tuple[bytes, str, int, str]] = {
    "nothing": (b"", "application/json", 400, "empty"),
    "no JSON": (b"title=Roof", "application/json", 400, "not JSON"),
    "cut short": (raw()[:-5], "application/json", 400, "not JSON"),
    "a list": (b"[]", "application/json", 400, "an array"),
    "a text": (b'"roof"', "application/json", 400, "a text"),
    "a form": (b"title=Roof", "application/x-www-form-urlencoded", 415, "application/json"),
    "no media type": (raw(), "application/octet-stream", 415, "application/json"),
    "another charset": (raw(), "application/json; charset=latin-1", 415, "UTF-8"),
    "invalid UTF-8": (raw().replace(b"Solar", b"S\xf6lar"), "application/json", 400, "not UTF-8"),
    "too large": (raw(summary="x" * 300_000), "application/json", 413, "256 KiB"),
    "nearly a megabyte of blanks": (b" " * 1_000_000, "application/json", 413, "256 KiB"),
    "NaN": (raw(details={"x": float("nan")}), "application/json", 400, "NaN"),
    "Infinity": (raw(details={"x": float("inf")}), "application/json", 400, "Infinity"),
    "a float without end": (raw(details={"x": 1}).replace(b'"x": 1', b'"x": 1e999'), "application/json", 400, "too large"),
    "an integer without end": (raw(details={"x": 1}).replace(b'"x": 1', b'"x": ' + b"9" * 5000), "application/json", 400, "5000 digits"),
    "nested too deep": (b'{"details": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "application/json", 400, "levels deep"),
    "a key twice": (b'{"title": "a", "title": "b"}', "application/json", 400, "twice"),
    "a NUL": (raw(title="Roof\x00"), "application/json", 422, "NUL"),
    "half a surrogate": (raw(summary="\ud800"), "application/json", 422, "surrogate"),
    "a class": (raw(details={"a": [{"__class__": "x", "__module__": "os", "__data__": 1}]}), "application/json", 422, "reserved"),
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_that_cannot_be_read_is_refused_with_the_reason(empty: Greenlight, case: str) -> None:
    """A caller must learn what is wrong from the answer alone."""
    body, media_type, status, word = BODIES[case]
    answer = await empty.call("POST", "/api/proposals", body, Content_Type=media_type)
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert word in answer.json["detail"], answer.text
    await nothing_stored(empty)


FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"urgent": True}, "/urgent"),
    "a blank title": ({"title": "   "}, "/title"),
    "an invisible title": ({"title": "\u200b\u200d"}, "/title"),
    "a long title": ({"title": "x" * 201}, "/title"),
    "a title of two lines": ({"title": "Roof\r\nBcc: eve@example.net"}, "/title"),
    "a title that turns round": ({"title": "Roof \u202e3 llaH"}, "/title"),
    "a number as title": ({"title": 7}, "/title"),
    "no title": ({"title": None}, "/title"),
    "a long summary": ({"summary": "x" * 20_001}, "/summary"),
    "an unknown field of the submitter": ({"submitter": {"name": "Sam", "email": "sam@example.com", "role": "x"}}, "/submitter/role"),
    "no address": ({"submitter": {"name": "Sam", "email": "sam"}}, "/submitter/email"),
    "a name around the address": ({"submitter": {"name": "Sam", "email": "Sam <sam@example.com>"}}, "/submitter/email"),
    "two lines in a name": ({"submitter": {"name": "Sam\nX", "email": "sam@example.com"}}, "/submitter/name"),
    "a day that is none": ({"needed_by": "2026-02-30"}, "/needed_by"),
    "an instant as day": ({"needed_by": "2026-12-12T00:30:00+14:00"}, "/needed_by"),
    "a script as link": ({"links": ["https://example.com", "javascript:alert(1)"]}, "/links/1"),
    "a file as link": ({"links": ["file:///etc/passwd"]}, "/links/0"),
    "large details": ({"details": {"x": "y" * 70_000}}, "/details"),
    "details that are a list": ({"details": [1]}, "/details"),
    "an unknown currency": ({"budget": {"amount": "1", "currency": "XXX"}}, "/budget/currency"),
    "a currency in small letters": ({"budget": {"amount": "1", "currency": "eur"}}, "/budget/currency"),
    "no currency": ({"budget": {"amount": "1"}}, "/budget/currency"),
    "decimals that yen have not": ({"budget": {"amount": "1.50", "currency": "JPY"}}, "/budget/amount"),
}


@pytest.mark.parametrize("case", FIELDS)
async def test_a_field_that_does_not_fit_is_named(empty: Greenlight, case: str) -> None:
    """RFC 6901 pointers, so that a form of the caller's can show the words beside the field."""
    changes, where = FIELDS[case]
    answer = await empty.call("POST", "/api/proposals", a_proposal(**changes))
    assert answer.status == 422, answer.text
    assert where in [error["pointer"] for error in answer.json["errors"]], answer.text
    assert all(error["message"].strip() for error in answer.json["errors"])
    await nothing_stored(empty)


NO_AMOUNTS = [
    "1e5", "1E400", "NaN", "Infinity", "-5", "-0", "1,234.50", "1.234,50", "١٢٣", " 5 ", "0x10", "1_000", "+5", ".5", "5.", "",
    "9999999999999999999999.99", 100000, 0.1, None,
]  # fmt: skip


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=repr)
async def test_an_amount_is_a_plain_decimal_in_text(empty: Greenlight, amount: Any) -> None:
    """Exponents, commas and floats have each made somebody's limit meaningless (cases, 53)."""
    answer = await empty.call("POST", "/api/proposals", a_proposal(budget={"amount": amount, "currency": "EUR"}))
    assert answer.status == 422, answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == ["/budget/amount"]


@pytest.mark.parametrize(
    "name", ["Müller, Jürgen", 'Ann "The Roof" O\'Neil', "山田 太郎", "Zoë (Ops) <zoe@example.net>", "🚀 Hall 3 👩🏽‍🚀 Dächer"]
)
async def test_names_and_titles_of_the_whole_world_are_taken_as_they_are(greenlight: Greenlight, name: str) -> None:
    """Refusing what people are called is no safety (cases, 28 and 37)."""
    proposal = await greenlight.submit(title=name, submitter={"name": name, "email": "sam@example.com"})
    assert (await proposal.status())["title"] == name
    answer = await greenlight.call("GET", greenlight.link("ann"), Accept="text/html")
    assert answer.status == 200


async def test_every_fault_of_a_body_is_told_at_once(empty: Greenlight) -> None:
    """Nobody likes to mend one field a request."""
    answer = await empty.call("POST", "/api/proposals", {"title": "", "x/y~z": 1})
    assert answer.status == 422
    pointers = [error["pointer"] for error in answer.json["errors"]]
    assert {"/title", "/summary", "/submitter", "/budget", "/x~1y~0z"} <= set(pointers)


@pytest.mark.parametrize("query", ["status=open", "limit=0", "limit=1e3", "overdue=maybe", "cursor=nonsense", "sort=title"])
async def test_a_query_of_the_list_that_means_nothing_is_refused(empty: Greenlight, query: str) -> None:
    """A filter that is ignored shows the wrong list."""
    answer = await empty.call("GET", f"/api/operations/proposals?{query}", **OPERATOR)
    assert answer.status == 400, answer.text
    assert query.split("=")[0] in answer.json["detail"]


async def nothing_stored(greenlight: Greenlight) -> None:
    """The list is empty and nobody got a mail."""
    answer = await greenlight.call("GET", "/api/operations/proposals", **OPERATOR)
    assert answer.json == {"proposals": []}
    assert list(greenlight.host.mailbox.list()) == []
