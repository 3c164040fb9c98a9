"""Facts of every kind as JSON: what is read is what was written, whatever its kind, and in trails of other versions too."""

import dataclasses
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest

from domain import facts as f
from domain.chain import BODIES, ROOT, decode, encode, kind_of, link, verify
from domain.people import SYSTEM, Person
from tests.unit.builders import ANN, BEN, NINE, a_plan, a_stage, a_submission, days

KINDS: tuple[type, ...] = get_args(f.Body)
FINDING = f.Finding("acme.sanctions", "warning", "Nordlicht – “on a list”\n漢字 🚀")
PLAN = a_plan(a_stage(ANN, BEN, rule="all", reminders=(days(1), timedelta(hours=1, seconds=30)), escalate_to=(BEN,)))
SAMPLES: dict[type, f.Body] = {
    f.Submitted: a_submission(title="e\u0301te\u0301 🚀 Dächer", needed_by="2026-12-12"),
    f.Validated: f.Validated(1, "greenlight.standard", (FINDING,), refused=True),
    f.Assessed: f.Assessed(2, "acme.carbon", ()),
    f.Planned: f.Planned(1, PLAN, (FINDING,)),
    f.StageOpened: f.StageOpened(1, 0, NINE + timedelta(milliseconds=1)),
    f.Asked: f.Asked("r1s1p1", 0, ANN, "delegated", "r1s1p2", True, "As agreed."),
    f.Decided: f.Decided("r1s1p1", "request_changes", 'A "quoted" \\ comment', "c1"),
    f.HandedOn: f.HandedOn("r1s1p1", None, "fallback", "gone"),
    f.Reminded: f.Reminded(("r1s1p1", "r1s1p2"), 2, by_operator=True),
    f.Escalated: f.Escalated(1, NINE),
    f.StageExpired: f.StageExpired(3),
    f.StageSettled: f.StageSettled(0, "changes_requested", None, "Why."),
    f.ChangesAsked: f.ChangesAsked(1, NINE),
    f.Revised: f.Revised(2, "Smaller", ANN, "it", "it", f.Money(Decimal("0.10"), "JPY"), "c2", "p2", None),
    f.Extended: f.Extended(0, NINE, "More time."),
    f.PutOnHold: f.PutOnHold("Nobody is there.", "add a reviewer"),
    f.Resumed: f.Resumed("Go."),
    f.MailFailed: f.MailFailed(None, "received", "550 no such user"),
    f.FollowedUp: f.FollowedUp("acme.ledger", False, "TimeoutError"),
    f.Overridden: f.Overridden("rejected", "The board."),
    f.Withdrawn: f.Withdrawn(""),
    f.Cancelled: f.Cancelled("A duplicate."),
    f.RetryAsked: f.RetryAsked(),
    f.Concluded: f.Concluded("failed", ("One.", "Two.")),
}
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def chained(*bodies: f.Body) -> tuple[list[dict[str, Any]], list[str]]:
    """A trail of these bodies, as JSON with its hashes."""
    encoded = [encode(f.Fact(number, NINE, SYSTEM, "system", body)) for number, body in enumerate(bodies, start=1)]
    hashes: list[str] = []
    for fact in encoded:
        hashes.append(link(hashes[-1] if hashes else ROOT, fact))
    return encoded, hashes


def test_there_is_a_sample_of_every_kind() -> None:
    """A new kind of fact needs a line above, or nobody knows that it survives being stored."""
    assert set(SAMPLES) == set(KINDS)


@each_kind
def test_every_kind_survives_json(kind: type) -> None:
    """Trails are read for years: what is read is what was written, to the millisecond and the cent."""
    fact = f.Fact(7, NINE + timedelta(milliseconds=123), Person("Zoë", "zoe@example.com"), "reviewer", SAMPLES[kind])
    text = json.dumps(encode(fact), ensure_ascii=False)
    assert decode(json.loads(text)) == fact
    assert json.dumps(encode(decode(json.loads(text))), ensure_ascii=False) == text


@each_kind
def test_a_field_of_a_newer_version_is_passed_over(kind: type) -> None:
    """A host of the old version reads the trail while the new one is rolled out."""
    encoded = encode(f.Fact(1, NINE, SYSTEM, "system", SAMPLES[kind]))
    assert decode({**encoded, "body": {**encoded["body"], "from_the_future": 1}}).body == SAMPLES[kind]


@each_kind
def test_what_has_a_default_may_be_missing(kind: type) -> None:
    """A new field gets a default, so that old trails still read."""
    encoded = encode(f.Fact(1, NINE, SYSTEM, "system", SAMPLES[kind]))
    needed = {field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING}
    old = {name: value for name, value in encoded["body"].items() if name in needed}
    assert isinstance(decode({**encoded, "body": old}).body, kind)


@each_kind
def test_a_field_without_a_default_must_be_there(kind: type) -> None:
    """A broken trail is an error, and no guess."""
    encoded = encode(f.Fact(1, NINE, SYSTEM, "system", SAMPLES[kind]))
    for field in dataclasses.fields(kind):
        if field.default is dataclasses.MISSING:
            with pytest.raises(ValueError, match=field.name):
                decode({**encoded, "body": {name: value for name, value in encoded["body"].items() if name != field.name}})


def test_kinds_are_told_in_snake_case_and_each_is_another() -> None:
    """They stand in exports that other systems read."""
    assert len(BODIES) == len(KINDS)
    assert [kind_of(SAMPLES[kind]) for kind in (f.StageOpened, f.RetryAsked, f.Asked)] == ["stage_opened", "retry_asked", "asked"]


@pytest.mark.parametrize("position", range(len(SAMPLES)))
def test_a_changed_byte_is_found_where_it_is(position: int) -> None:
    """Whoever edits the file afterwards would have to forge every later hash too."""
    encoded, hashes = chained(*SAMPLES.values())
    text = json.dumps(encoded[position], ensure_ascii=False)
    encoded[position] = json.loads(text.replace("2026-11-30", "2026-11-29"))
    assert verify(encoded, hashes) == position + 1


def test_a_trail_that_was_renumbered_or_put_in_another_order_is_found() -> None:
    """Not only edits: a trail is whole, or it is not."""
    encoded, hashes = chained(*SAMPLES.values())
    assert verify(encoded[1:], hashes[1:]) == 1
    assert verify([encoded[1], encoded[0], *encoded[2:]], hashes) == 1
    closed_up = [*encoded[:4], *({**fact, "number": fact["number"] - 1} for fact in encoded[5:])]
    assert verify(closed_up, [*hashes[:4], *hashes[5:]]) == 5
    assert verify([], []) is None


def test_the_hash_is_the_same_whatever_the_order_of_the_fields() -> None:
    """Other tools write JSON in other orders."""
    encoded, hashes = chained(SAMPLES[f.Asked])
    assert link(ROOT, dict(reversed(encoded[0].items()))) == hashes[0]
