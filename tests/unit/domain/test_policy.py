"""Policies: strict when read, and every proposal routed."""

import tomllib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from domain.facts import Finding, Money
from domain.people import Person
from domain.plan import Plan
from domain.policy import Policies, parse_policies
from tests.unit.domain.world import ANN, BEN, CEM, SAM, people_entries

SHIPPED = Path(__file__).parents[3] / "policy.toml"
STAGE = {"name": "Review", "reviewers": ["ann"], "deadline": "P5D"}


def policies(*entries: dict[str, Any], **more: Any) -> Policies:
    """A policy file whose last policy takes what the others left."""
    rest = {"name": "rest", "stages": [STAGE]}
    return parse_policies({"policy": [*entries, rest], "people": people_entries(), **more})


def routed(file: Policies, amount: str = "100", currency: str = "EUR", **fields: Any) -> tuple[str, Plan, tuple[Finding, ...]]:
    """The policy's name, the plan, the findings."""
    asked = {"department": "facilities", "category": "building", "submitter": SAM, **fields}
    entry, plan, findings = file.route(budget=Money(Decimal(amount), currency), **asked)
    return entry.name, plan, findings


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"deadline": "P1M"}, "deadline"),
        ({"deadline": "P1Y"}, "deadline"),
        ({"deadline": "5 days"}, "deadline"),
        ({"deadline": "PT0S"}, "deadline"),
        ({"deadlin": "P5D"}, "deadlin"),
        ({"rule": "most"}, "rule"),
        ({"rule": "3 of 2"}, "stages"),
        ({"reviewers": []}, "reviewers"),
        ({"reviewers": ["ann"] * 31}, "reviewers"),
        ({"reminders": ["P6D"]}, "stages"),
        ({"on_expiry": "escalate"}, "stages"),
        ({"on_expiry": "approve"}, "stages"),
    ],
)
def test_what_is_wrong_in_a_stage_is_told_with_its_field(change: dict[str, Any], where: str) -> None:
    """Whoever writes policies is told the place, on load and not on a proposal."""
    with pytest.raises(ValidationError) as raised:
        parse_policies({"policy": [{"name": "p", "stages": [{**STAGE, **change}]}], "people": people_entries()})
    assert where in raised.value.errors()[0]["loc"]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"policy": [{"name": "p", "match": {"categories": ["it"]}, "stages": [STAGE]}]}, "must match every proposal"),
        ({"policy": [{"name": "p", "match": {"above": "5"}, "stages": [STAGE]}]}, "names its currency"),
        ({"policy": [{"name": "p", "stages": [STAGE]}] * 2}, "same name"),
        ({"policy": [{"name": "p", "stages": [{**STAGE, "reviewers": ["role:none"]}]}]}, "no role 'none'"),
        ({"policy": [{"name": "p", "stages": [{**STAGE, "fallback": ["zoe"]}]}]}, "'zoe' is not among"),
        ({"policy": [{"name": "p", "stages": [STAGE] * 11}]}, "at most 10"),
        ({"policy": [{"name": "p", "stages": [STAGE]}], "roles": {"r": ["zoe"]}}, "'zoe' is not among"),
    ],
)
def test_what_does_not_fit_together_is_refused(file: dict[str, Any], words: str) -> None:
    """A file that could leave a proposal without a way is never taken."""
    with pytest.raises(ValidationError, match=words):
        parse_policies({"people": people_entries(), **file})


def test_the_shipped_policy_routes_everything_and_two_stages_above_its_limit() -> None:
    """What a newcomer tries first."""
    file = parse_policies(tomllib.loads(SHIPPED.read_text(encoding="utf-8")))
    assert [len(routed(file, amount)[1].stages) for amount in ("0", "50000", "50000.01")] == [1, 1, 2]
    assert routed(file, category="it-security")[0] == "it-security"
    assert routed(file, named="it-security")[0] == "it-security"


@pytest.mark.parametrize(
    ("amount", "currency", "policy", "told"),
    [
        ("49999.99", "EUR", "rest", False),
        ("50000.01", "EUR", "large", False),
        ("60000", "USD", "large", False),
        ("54000", "USD", "rest", False),
        ("60000", "XAF", "large", True),
        ("1", "JPY", "large", True),
    ],
)
def test_a_limit_is_never_compared_across_currencies(amount: str, currency: str, policy: str, told: bool) -> None:
    """Case 51: by the company's own rate, or the strictest path with a finding; never the lighter one in silence."""
    large = {"name": "large", "match": {"above": "50000", "currency": "EUR"}, "stages": [STAGE, STAGE]}
    file = policies(large, rates={"base": "EUR", "as_of": "2026-11-01", "units": {"USD": "0.92"}})
    name, _, findings = routed(file, amount, currency)
    assert (name, bool(findings)) == (policy, told)


@pytest.mark.parametrize(
    ("reviewers", "rule", "fallback", "asked", "severities"),
    [
        (["sam"], "any", [], (), ["info", "error"]),
        (["sam", "ann"], "all", [], (ANN,), ["info"]),
        (["sam", "ann"], "2 of 2", [], (ANN,), ["info", "error"]),
        (["sam", "ann"], "2 of 2", ["cem"], (ANN,), ["info", "warning"]),
        (["role:nobody"], "any", [], (), ["error"]),
        (["role:design", "ann"], "all", [], (ANN, BEN), []),
    ],
)
def test_the_submitter_is_left_out_and_a_quorum_out_of_reach_is_told_at_planning(
    reviewers: list[str], rule: str, fallback: list[str], asked: tuple[Person, ...], severities: list[str]
) -> None:
    """Case 16: known before anybody waits."""
    stage = {**STAGE, "reviewers": reviewers, "rule": rule, "fallback": fallback}
    entry = {"name": "p", "match": {"categories": ["building"]}, "stages": [stage]}
    _, plan, findings = routed(policies(entry, roles={"nobody": [], "design": ["ann", "ben"]}))
    assert plan.stages[0].reviewers == asked
    assert [finding.severity for finding in findings] == severities


def test_people_who_left_are_not_planned() -> None:
    """Inactive in the directory."""
    stage = {**STAGE, "reviewers": ["ann", "cem"]}
    file = parse_policies({"policy": [{"name": "p", "stages": [stage]}], "people": people_entries(ann={"active": False})})
    assert routed(file)[1].stages[0].reviewers == (CEM,)


def test_durations_are_exact() -> None:
    """Weeks to seconds."""
    stage = {**STAGE, "deadline": "P1W2DT3H4M5S", "reminders": ["P2D", "PT20S"]}
    plan = routed(policies({"name": "p", "match": {"departments": ["Facilities"]}, "stages": [stage]}))[1]
    assert plan.stages[0].deadline == timedelta(days=9, hours=3, minutes=4, seconds=5)
    assert plan.stages[0].reminders == (timedelta(seconds=20), timedelta(days=2))
