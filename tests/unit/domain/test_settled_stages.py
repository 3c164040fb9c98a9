"""Which stages a revision opens again: those that both rounds have alike stay settled, and only those."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.facts import Money, StageSettled
from tests.unit.builders import ANN, BEN, CEM, a_plan, a_review, a_stage, after, approve, ask_changes, planned, reject, revise

DESIGN, MONEY, LAW = a_stage(ANN, name="Design"), a_stage(BEN, name="Money"), a_stage(CEM, name="Law")
PLAN = a_plan(DESIGN, MONEY, LAW)
CARRIED = "approved in an earlier round, and nothing in it has changed"


def test_a_settled_stage_stays_settled_over_several_rounds() -> None:
    """Ann approved the design once; nobody bothers her for a comma in the budget's text."""
    told = after(a_review(PLAN), approve(ANN), ask_changes(BEN), revise(), planned(PLAN))
    assert told.waits_on == ["Ben"]
    told = after(told, ask_changes(BEN), revise(payload_hash="p3"), planned(PLAN))
    assert told.waits_on == ["Ben"]
    assert [settled.stage for settled in told.of(StageSettled) if settled.reason == CARRIED] == [0, 0]
    assert after(told, approve(BEN), approve(CEM)).review.status == "approved"


@pytest.mark.parametrize(
    "changed",
    [
        {"budget": Money(Decimal("12500.01"), "EUR")},
        {"budget": Money(Decimal("12500.00"), "USD")},
        {"department": "it"},
        {"category": "it"},
    ],
)
def test_what_routes_a_proposal_opens_every_stage_again(changed: dict[str, Any]) -> None:
    """An approval of 12,500 is none of 125,000."""
    told = after(a_review(PLAN), approve(ANN), ask_changes(BEN), revise(**changed), planned(PLAN))
    assert told.waits_on == ["Ann"]


def test_a_policy_may_open_every_stage_again() -> None:
    """`restart = "all"`: whoever approved wants to see what became of it."""
    plan = replace(PLAN, restart="all")
    assert after(a_review(plan), approve(ANN), ask_changes(BEN), revise(), planned(plan)).waits_on == ["Ann"]


@pytest.mark.parametrize("changed", [{"reviewers": (ANN, CEM)}, {"needed": None}, {"veto": True}, {"name": "Drawing"}])
def test_a_stage_that_the_policy_has_changed_meanwhile_opens_again(changed: dict[str, Any]) -> None:
    """It would be approved by rules that are no longer those of the plan."""
    other = a_plan(replace(DESIGN, **changed), MONEY, LAW)
    assert "Ann" in after(a_review(PLAN), approve(ANN), ask_changes(BEN), revise(), planned(other)).waits_on


def test_two_stages_alike_are_two_approvals() -> None:
    """A second look by the same people is asked for, in this round and in the next."""
    twice = a_plan(DESIGN, DESIGN, MONEY)
    told = after(a_review(twice), approve(ANN))
    assert told.waits_on == ["Ann"]
    told = after(told, ask_changes(ANN), revise(), planned(twice))
    assert [settled.reason == CARRIED for settled in told.of(StageSettled)] == [False, False, True]
    assert told.waits_on == ["Ann"]
    told = after(told, ask_changes(ANN), revise(payload_hash="p3"), planned(twice), approve(ANN))
    assert told.waits_on == ["Ben"]


def test_a_stage_that_was_rejected_or_never_opened_is_none_that_was_approved() -> None:
    """Only approvals are kept."""
    plan = a_plan(a_stage(ANN, BEN, rule="any", name="Design"), MONEY)
    told = after(a_review(plan), reject(ANN), ask_changes(BEN), revise(), planned(plan))
    assert told.waits_on == ["Ann", "Ben"]


def test_when_every_stage_stays_settled_it_is_approved_at_once() -> None:
    """There is nobody left to ask: a policy that lost its last stage meanwhile."""
    told = after(a_review(PLAN), approve(ANN), ask_changes(BEN), revise(), planned(a_plan(DESIGN)))
    assert told.review.status == "approved"
