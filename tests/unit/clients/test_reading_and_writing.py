"""Reading bodies, choosing media types, writing cells: the pieces, without an app around them."""

import csv
import io
import json
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.answers import preferred, wants_page
from clients.body import json_object, parsed
from clients.exports import csv_text, guarded
from clients.problem import Problem, pointer
from clients.schemas import ProposalIn, canonical
from clients.text import line, prose


def request(body: bytes = b"", **headers: str) -> func.HttpRequest:
    """A request as the worker makes it."""
    return func.HttpRequest(
        "POST", "http://localhost/api/x", headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body
    )


@given(st.binary(max_size=400))
def test_no_bytes_make_the_reader_fail_otherwise_than_by_a_problem(body: bytes) -> None:
    """Whatever comes, the answer is a 4xx that says what is wrong."""
    try:
        read = json_object(request(body, Content_Type="application/json"))
    except Problem as problem:
        refused = problem
    else:
        assert isinstance(read, dict)
        return
    assert 400 <= refused.status < 500
    assert refused.detail


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_every_json_value_is_read_as_it_is(value: Any) -> None:
    """The guards refuse what is dangerous, and change nothing else."""
    assert parsed(json.dumps(value)) == value
    assert parsed(json.dumps(value, ensure_ascii=False)) == value


@given(JSON)
def test_canonical_json_is_the_same_for_the_same_value(value: Any) -> None:
    """The idempotency hash must not depend on how a caller orders keys."""
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.text())
def test_a_line_is_one_line_that_says_something_or_refused(text: str) -> None:
    """What passes can stand in a mail header."""
    try:
        taken = line(text)
    except ValueError:
        return
    assert taken == taken.strip()
    assert taken
    assert len(taken.splitlines()) == 1
    assert "\x00" not in taken


def test_prose_keeps_its_words_and_gets_plain_line_ends() -> None:
    """Tabs, blanks of every kind and zero width stay (cases, 37)."""
    assert prose("line one\r\nline two\n\ttabbed\u00a0space\u200bzero width") == "line one\nline two\n\ttabbed\u00a0space\u200bzero width"
    with pytest.raises(ValueError, match=r"U\+001B"):
        prose("\x1b[31mred")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("text/html;q=0.5, application/json;q=0.6", "application/json"),
        ("text/*", "text/html"),
        ("application/json;q=0, text/html", "text/html"),
        ("image/png", "application/json"),
        ("text/html;q=nonsense", "application/json"),
    ],
)
def test_the_caller_gets_the_media_type_they_like_best(accept: str, chosen: str) -> None:
    """RFC 9110, 12.5.1; whoever does not say is a program."""
    asked = request(Accept=accept)
    assert preferred(asked, "application/json", "text/html") == chosen
    assert wants_page(asked) is (chosen == "text/html")


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+49 30 123", "'+49 30 123"), ("-5 % budget", "'-5 % budget"), ("\t=1", "'\t=1"),
        (" =1", "' =1"), ("-", "'-"), ("Roof", "Roof"), ("", ""), (-3, -3), (2.5, 2.5),
    ],
)  # fmt: skip
def test_text_that_a_spreadsheet_would_run_is_guarded_and_numbers_are_not(cell: Any, safe: Any) -> None:
    """An apostrophe before -3 breaks every import (cases, 44)."""
    assert guarded(cell) == safe


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=5))
def test_csv_reads_back_as_it_was_but_for_the_guard(cells: list[str]) -> None:
    """Quotes, commas and line ends are the format's business."""
    columns = [f"c{number}" for number in range(len(cells))]
    text = csv_text(columns, [dict(zip(columns, cells, strict=True))])
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text[1:], newline="")))
    assert rows[1] == [guarded(cell) for cell in cells]


def test_pointers_are_escaped_as_rfc_6901_has_it() -> None:
    """`~` and `/` in a key would name another field."""
    assert pointer(()) == ""
    assert pointer(("a/b", "c~d", 0)) == "/a~1b/c~0d/0"


def test_what_is_kept_of_a_proposal_holds_everything_that_was_sent() -> None:
    """Rules get the whole body; nothing accepted is lost."""
    sent = {
        "title": "Roof", "summary": "Panels.", "submitter": {"name": "Sam", "email": "Sam@Example.COM"}, "department": "f", "category": "b",
        "budget": {"amount": "1", "currency": "EUR"}, "needed_by": "2027-01-01", "links": ["https://example.com/a"],
        "details": {"x": [1, None]},
    }  # fmt: skip
    kept = json.loads(ProposalIn.model_validate(sent).content())
    assert kept == {**sent, "submitter": {"name": "Sam", "email": "Sam@example.com"}}
